"""Pages that take many calls in: choose an archive, look at what it would bring, say yes, see what became of it.

Invariant: nothing is taken before somebody has seen every row, and each step may be repeated without harm.
"""

from typing import Any
from uuid import UUID

from litestar import Request, Response, get, post
from litestar.params import FromPath

from trainer.calls import service
from trainer.calls.forms import usual_day
from trainer.calls.importing import columns, reports
from trainer.calls.importing.jobs import KIND, apply_calls, discard, read_calls
from trainer.calls.importing.receiving import DEFAULTS, folders_of, receive_archive, receive_folder
from trainer.calls.pages import form_choices
from trainer.problems import Invalid
from trainer.sheets import pending as imports
from trainer.sheets.reading import MOST_ROWS
from trainer.sheets.steps import Room
from trainer.sheets.writing import TYPES, file_response, sheet_response
from trainer.web.forms import read_form
from trainer.web.guards import requires
from trainer.web.i18n import _
from trainer.web.session import viewer_of
from trainer.web.templating import render

AnyRequest = Request[Any, Any, Any]
GUARDS = [requires(*service.CREATE)]
ROOM = Room(
    kind=KIND,
    address="/calls/import",
    guards=GUARDS,
    reader=read_calls,
    applier=apply_calls,
    columns=lambda _pending: columns.COLUMNS,
    discard=discard,
)


@get("/calls/import", guards=GUARDS, include_in_schema=False)
async def show_calls_import(request: AnyRequest) -> Response[str]:
    """Choose an archive or a folder of the server; imports that are under way."""
    return await _form(request)


async def _form(request: AnyRequest, error: str = "", status: int = 200) -> Response[str]:
    viewer, settings = viewer_of(request), request.app.state.settings
    return render(
        request,
        "calls/import.html",
        status=status,
        error=error,
        recent=await imports.pending_of(viewer, KIND),
        folders=folders_of(settings),
        columns=list(columns.labels().items())[1:],
        most_rows=MOST_ROWS,
        limit_mb=settings.upload_limit_mb,
        until=usual_day(settings).isoformat(),
        **await form_choices(viewer),
    )


@post("/calls/import", guards=GUARDS, include_in_schema=False)
async def take_archive(request: AnyRequest) -> Response[Any]:
    """Keeps the archive and has it read (static/js/upload.js sends it and shows what is refused)."""
    return ROOM.one(await receive_archive(request))


@post("/calls/import/folder", guards=GUARDS, include_in_schema=False)
async def take_folder(request: AnyRequest) -> Response[Any]:
    """Has a folder or archive read that lies on the server already."""
    form = await read_form(request)
    given = {name: form.raw(name) for name in DEFAULTS}
    try:
        return ROOM.one(await receive_folder(request, form.raw("folder"), given))
    except Invalid as problem:
        return await _form(request, " ".join(error.message for error in problem.errors), 422)


@get("/calls/import/{pending_id:uuid}", guards=GUARDS, include_in_schema=False)
async def show_calls_import_one(request: AnyRequest, pending_id: FromPath[UUID]) -> Response[str]:
    """Being read, ready to look at, being taken in, or over."""
    pending = await imports.load_pending(viewer_of(request), KIND, pending_id)
    seen = pending.state in ("ready", "applied") and not pending.summary.get("blocked")
    over = pending.state == "applied"
    return render(
        request,
        "calls/import_one.html",
        pending=pending,
        told=pending.summary,
        job=await imports.job_of(pending) if pending.busy else None,
        labels=columns.labels(),
        columns=columns.COLUMNS,
        numbers=await reports.numbers_of(pending) if seen else None,
        lines=await reports.lines_of(pending, ["taken", "known"] if over else ["new", "known"])
        if seen
        else [],
        refused=await reports.refused_lines(pending) if seen else [],
        shown=imports.SHOWN,
    )


@get("/calls/import/{pending_id:uuid}/report.csv", guards=GUARDS, include_in_schema=False)
async def load_report(request: AnyRequest, pending_id: FromPath[UUID]) -> Response[bytes]:
    """Every row with what would become of it; afterwards those that were not taken."""
    pending = await imports.load_pending(viewer_of(request), KIND, pending_id)
    if pending.state == "ready":
        return file_response("calls-preview.csv", await reports.preview_csv(pending), TYPES["csv"])
    return file_response("calls-not-taken.csv", await reports.refused_csv(pending), TYPES["csv"])


@get("/calls/import/template", guards=GUARDS, include_in_schema=False)
async def load_template(request: AnyRequest) -> Response[bytes]:
    """A sheet with our columns and an example; `?as=csv` or `xlsx`."""
    example = {
        "file": "monday/call-17.mp3",
        "agent": "E1042",
        "called_at": "2026-11-23 10:42",
        "title": _("Lost at the metro exit"),
        "language": "en",
        "consent_basis": "contract",
        "csat": "4",
        "tag": "standard",
        "transcript": "monday/call-17.vtt",
    }
    row = [example.get(name, "") for name in columns.COLUMNS]
    return await sheet_response("calls", columns.COLUMNS, [row], request.query_params.get("as", "csv"))


pages: list[Any] = [
    show_calls_import,
    take_archive,
    take_folder,
    show_calls_import_one,
    load_report,
    load_template,
    *ROOM.pages(),
]
