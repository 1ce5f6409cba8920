"""The audit log as a page and as CSV, for admins."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from litestar import Request, Response, get
from litestar.params import FromQuery
from litestar.response import Stream

from trainer.people import audit, audit_names, forms
from trainer.web.api import key_of, next_cursor, read_page
from trainer.web.guards import requires
from trainer.web.session import viewer_of
from trainer.web.templating import is_htmx, next_address, render, render_block

AnyRequest = Request[Any, Any, Any]


def _search(action: str, actor: str, about: str, since: str, until: str) -> audit.Search:
    return audit.Search(
        action=action,
        actor=forms.identifier(actor),
        about=forms.identifier(about),
        since=_day(since),
        until=_day(until),
    )


def _day(value: str) -> date | None:
    try:
        return date.fromisoformat(value) if value else None
    except ValueError:
        return None


@get("/audit", guards=[requires("admin")], include_in_schema=False)
async def show_audit(
    request: AnyRequest,
    action: FromQuery[str] = "",
    actor: FromQuery[str] = "",
    about: FromQuery[str] = "",
    since: FromQuery[str] = "",
    until: FromQuery[str] = "",
    cursor: FromQuery[str] = "",
) -> Response[str]:
    """What was done, newest first; htmx gets the list alone."""
    viewer = viewer_of(request)
    after = key_of(read_page(cursor=cursor), datetime.fromisoformat, UUID)
    entries = await audit.list_entries(
        viewer,
        _search(action, actor, about, since, until),
        after=after,
        limit=audit.PAGE + 1,
    )
    shown, more = entries[: audit.PAGE], None
    if len(entries) > audit.PAGE:
        place = next_cursor([shown[-1].at.isoformat(), str(shown[-1].id)])
        more = next_address(request, place)
    values: dict[str, Any] = {
        "entries": shown,
        "names": await audit_names.names_of(viewer, shown),
        "noun_of": audit_names.noun_of,
        "more": more,
        "chosen": {"action": action, "actor": actor, "about": about, "since": since, "until": until},
        "query": request.url.query,
    }
    if cursor and is_htmx(request):
        return render(request, "people/_entries.html", **values)
    values["actions"] = await audit.known_actions(viewer)
    if is_htmx(request):
        return render_block(request, "people/audit.html", "results", **values)
    return render(request, "people/audit.html", **values)


@get("/audit.csv", guards=[requires("admin")], include_in_schema=False)
async def export_audit(
    request: AnyRequest,
    action: FromQuery[str] = "",
    actor: FromQuery[str] = "",
    about: FromQuery[str] = "",
    since: FromQuery[str] = "",
    until: FromQuery[str] = "",
) -> Stream:
    """The same entries as a file, however many."""
    lines = await audit.export_entries(viewer_of(request), _search(action, actor, about, since, until))
    return Stream(
        lines,
        media_type="text/csv",
        headers={"Content-Disposition": 'attachment; filename="audit.csv"'},
    )


pages: list[Any] = [show_audit, export_audit]
