"""The log of plays as a page and as a file, for admins."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from litestar import Response, get
from litestar.connection import Request
from litestar.params import FromQuery

from trainer.calls import hearings
from trainer.sheets.writing import sheet_response
from trainer.web.api import key_of, next_cursor, read_page
from trainer.web.guards import requires
from trainer.web.i18n import _
from trainer.web.session import viewer_of
from trainer.web.templating import is_htmx, next_address, render, render_block

Page = Request[Any, Any, Any]
PER_PAGE = 50


def _search(person: str, call: str, since: str, until: str) -> hearings.PlaySearch:
    return hearings.PlaySearch(person=_id(person), recording=_id(call), since=_day(since), until=_day(until))


def _id(text: str) -> UUID | None:
    try:
        return UUID(text) if text else None
    except ValueError:
        return None


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        return None


@get("/calls/plays", guards=[requires("admin")], include_in_schema=False)
async def show_plays(
    request: Page,
    person: FromQuery[str] = "",
    call: FromQuery[str] = "",
    since: FromQuery[str] = "",
    until: FromQuery[str] = "",
    cursor: FromQuery[str] = "",
) -> Response[str]:
    """Who heard which whole call, latest first; htmx gets the list alone."""
    viewer = viewer_of(request)
    after = key_of(read_page(cursor=cursor), datetime.fromisoformat, UUID)
    search = _search(person, call, since, until)
    found = await hearings.plays_log(viewer, search, after=after, limit=PER_PAGE + 1)
    plays, more = found[:PER_PAGE], None
    if len(found) > PER_PAGE:
        more = next_address(request, next_cursor([plays[-1].at.isoformat(), str(plays[-1].id)]))
    values: dict[str, Any] = {
        "plays": plays,
        "more": more,
        "chosen": {"person": person, "call": call, "since": since, "until": until},
        "query": request.url.query,
    }
    if is_htmx(request):
        if cursor:
            return render(request, "calls/_plays.html", **values)
        return render_block(request, "calls/plays.html", "results", **values)
    values["listeners"] = [(str(id), name) for id, name in await hearings.people_who_heard(viewer)]
    return render(request, "calls/plays.html", **values)


@get("/calls/plays.csv", guards=[requires("admin")], include_in_schema=False)
async def export_plays(
    request: Page,
    person: FromQuery[str] = "",
    call: FromQuery[str] = "",
    since: FromQuery[str] = "",
    until: FromQuery[str] = "",
) -> Response[bytes]:
    """The same lines as a file."""
    plays = await hearings.plays_log(
        viewer_of(request), _search(person, call, since, until), limit=hearings.MOST_EXPORTED
    )
    columns = [_("When (UTC)"), _("Who heard it"), _("Call"), _("Number of the call"), _("Agent heard")]
    rows = [
        (play.at.isoformat(), play.name or "", play.title, str(play.recording), play.agent_name or "")
        for play in plays
    ]
    return await sheet_response("plays", columns, rows, "csv")


pages: list[Any] = [show_plays, export_plays]
