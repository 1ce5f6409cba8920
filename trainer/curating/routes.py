"""Pages of curating: the coverage board, its sheets, calls worth hearing, and "not this one"."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from litestar import Response, get, post
from litestar.connection import Request
from litestar.params import FromPath, FromQuery
from litestar.response import Redirect

from trainer.calls.pages import LANGUAGES, sought_rule
from trainer.calls.views import tag_names
from trainer.curating import board, worth
from trainer.curating.board import SHOWS, Board, RuleRow, Show
from trainer.sheets.writing import sheet_response
from trainer.web.api import key_of, next_cursor, read_page
from trainer.web.guards import requires
from trainer.web.i18n import _, text_in
from trainer.web.session import viewer_of
from trainer.web.templating import is_htmx, next_address, render

Page = Request[Any, Any, Any]
PER_PAGE = 30
COLUMNS = (
    "rulebook",
    "want",
    "code",
    "title",
    "severity",
    "kind",
    "health",
    "exemplars",
    "role_played",
    "fit_former_words",
    "near_misses",
    "counterexamples",
    "begun",
    "agents",
    "languages",
    "missing_languages",
    "last_clip_ends",
    "next",
)


@get("/clips/coverage", guards=[requires(*worth.CURATORS)], include_in_schema=False)
async def show_coverage(request: Page, show: FromQuery[str] = "", book: FromQuery[str] = "") -> Response[str]:
    """What can be heard of each rule, and what to do about what cannot."""
    wanted: Show = next((each for each in SHOWS if each == show), "all")
    found = await board.board_of(viewer_of(request), show=wanted, book=book)
    return render(
        request,
        "curating/coverage.html",
        board=found,
        kinds=kind_names(),
        languages=dict(LANGUAGES),
    )


@get("/clips/coverage.csv", guards=[requires(*worth.CURATORS)], include_in_schema=False)
async def export_coverage_csv(request: Page) -> Response[bytes]:
    """The board as a sheet."""
    return await _sheet(request, "csv")


@get("/clips/coverage.xlsx", guards=[requires(*worth.CURATORS)], include_in_schema=False)
async def export_coverage_xlsx(request: Page) -> Response[bytes]:
    """The same as a workbook."""
    return await _sheet(request, "xlsx")


async def _sheet(request: Page, kind: str) -> Response[bytes]:
    found: Board = await board.board_of(viewer_of(request), calls=False)
    lines = [sheet_line(row) for row in found.rows]
    return await sheet_response("coverage", COLUMNS, lines, kind, title=_("Coverage"))


def sheet_line(row: RuleRow) -> list[str | int | date | datetime | None]:
    """A row in the order of COLUMNS."""
    exemplar, near_miss, counterexample = row.cells
    return [
        row.rule.rulebook_code,
        text_in(row.rule.want_title),
        row.rule.code,
        text_in(row.rule.title),
        row.rule.severity,
        row.rule.kind,
        row.health.state,
        exemplar.real,
        exemplar.staged,
        exemplar.former,
        near_miss.clips,
        counterexample.clips,
        sum(cell.drafts for cell in row.cells),
        row.voices,
        " ".join(language.code for language in row.languages if language.heard),
        " ".join(language.code for language in row.languages if not language.heard),
        row.last_day,
        row.next.text if row.next else "",
    ]


def kind_names() -> dict[str, str]:
    """The kinds of clips, as the board's columns."""
    return {
        "exemplar": _("Exemplar"),
        "near_miss": _("Near miss"),
        "counterexample": _("Counterexample"),
    }


# Calls worth hearing


@get("/calls/worth-hearing", guards=[requires(*worth.CURATORS)], include_in_schema=False)
async def show_worth_hearing(
    request: Page,
    rule: FromQuery[str] = "",
    kind: FromQuery[str] = "",
    language: FromQuery[str] = "",
    but: FromQuery[str] = "",
    why: FromQuery[str] = "",
    cursor: FromQuery[str] = "",
) -> Response[str]:
    """Unheard calls for which something speaks; of a `rule`, those in which it may be heard. htmx gets further rows."""
    viewer = viewer_of(request)
    sought = await sought_rule(viewer, rule)
    after = key_of(read_page(cursor=cursor), int, datetime.fromisoformat, UUID)
    found = await worth.proposals(
        viewer,
        rule=sought,
        kind=kind,
        language=language[:20],
        but_agent=_id(but),
        why=why,
        passed=why == "passed",
        after=after,
        limit=PER_PAGE + 1,
    )
    calls = found[:PER_PAGE]
    more = None
    if len(found) > PER_PAGE:
        weight, created_at, call = calls[-1].key
        more = next_address(request, next_cursor([str(weight), created_at.isoformat(), str(call)]))
    values: dict[str, Any] = {
        "calls": calls,
        "more": more,
        "sought": sought,
        "kind": kind if kind in worth.KINDS else "",
        "tags": tag_names(),
        "spoken": dict(LANGUAGES),
    }
    if is_htmx(request) and cursor:
        return render(request, "curating/_calls.html", **values)
    query = {"rule": rule, "kind": kind, "language": language, "but": but}
    kept = {name: value for name, value in query.items() if value}
    return render(
        request,
        "curating/worth_hearing.html",
        **values,
        why=why,
        language=language,
        but=_id(but),
        reasons=worth.reason_names(),
        kept=kept,
        kinds=kind_names(),
    )


@post("/calls/{recording_id:uuid}/pass", guards=[requires(*worth.CURATORS)], include_in_schema=False)
async def pass_call(request: Page, recording_id: FromPath[UUID]) -> Response[str] | Redirect:
    """ "Not this one", with a way back."""
    await worth.pass_by(viewer_of(request), recording_id)
    if is_htmx(request):
        return render(request, "curating/_passed.html", recording=recording_id)
    return Redirect("/calls/worth-hearing", status_code=303)


@post("/calls/{recording_id:uuid}/put-back", guards=[requires(*worth.CURATORS)], include_in_schema=False)
async def put_call_back(request: Page, recording_id: FromPath[UUID]) -> Redirect:
    """It is proposed again."""
    await worth.put_back(viewer_of(request), recording_id)
    return Redirect("/calls/worth-hearing", status_code=303)


def _id(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None


pages: list[Any] = [
    show_coverage,
    export_coverage_csv,
    export_coverage_xlsx,
    show_worth_hearing,
    pass_call,
    put_call_back,
]
