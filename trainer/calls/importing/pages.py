"""Pages that take many calls in: choose an archive, look at what it would bring, say yes, see what became of it.

Invariant: nothing is taken before somebody has seen every row, and each step may be repeated without harm. A folder of
the server is chosen from the list of those in `import` of the data folder, never by a path.
"""

from datetime import date
from typing import Any
from uuid import UUID

from litestar import Request, Response, get, post
from litestar.params import FromPath
from litestar.response import Redirect

from trainer.calls import service
from trainer.calls.forms import usual_day
from trainer.calls.importing import columns, jobs, reports
from trainer.calls.importing.jobs import KIND, about, apply_calls, read_calls
from trainer.calls.pages import form_choices
from trainer.calls.views import CONSENT_BASES
from trainer.problems import FieldError, Invalid
from trainer.settings import Settings
from trainer.sheets import pending as imports
from trainer.sheets.columns import chosen_places
from trainer.sheets.reading import MOST_ROWS
from trainer.sheets.writing import TYPES, file_response, sheet_response
from trainer.web.forms import read_form
from trainer.web.guards import requires
from trainer.web.i18n import _
from trainer.web.session import viewer_of
from trainer.web.templating import render
from trainer.web.uploads import stream_upload

AnyRequest = Request[Any, Any, Any]
GUARDS = [requires(*service.CREATE)]
DEFAULTS = ("consent_basis", "retain_until", "language", "rulebook")
FOLDER = "import"


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


def folders_of(settings: Settings) -> list[str]:
    """What lies in `import` of the data folder: folders and zip archives, by name. Links are not followed."""
    root = settings.data / FOLDER
    if not root.is_dir():
        return []
    there = [path for path in root.iterdir() if not path.is_symlink() and not path.name.startswith(".")]
    return sorted(path.name for path in there if path.is_dir() or path.suffix.lower() == ".zip")


@post("/calls/import", guards=GUARDS, include_in_schema=False)
async def take_archive(request: AnyRequest) -> Response[Any]:
    """Keeps the archive and has it read (static/js/upload.js sends it and shows what is refused)."""
    settings: Settings = request.app.state.settings
    most = settings.upload_limit_mb << 20
    async with stream_upload(
        request,
        max_bytes=most,
        incoming=settings.incoming,
        text_fields=DEFAULTS,
        file_field="archive",
        other_files={},
    ) as upload:
        told = about(folder=None, most_bytes=most, defaults=_defaults(upload.fields))
        viewer, name = viewer_of(request), upload.filename
        pending = await imports.receive(viewer, KIND, upload.path, name, read_calls, summary=told, move=True)
    return _to(pending)


@post("/calls/import/folder", guards=GUARDS, include_in_schema=False)
async def take_folder(request: AnyRequest) -> Response[Any]:
    """Has a folder or archive read that lies on the server already."""
    settings: Settings = request.app.state.settings
    form = await read_form(request)
    name = form.raw("folder")
    try:
        if name not in folders_of(settings):
            raise Invalid.field("folder", "unknown", _("There is no such folder on the server."))
        told = about(
            folder=(settings.data / FOLDER / name).absolute(),
            most_bytes=settings.upload_limit_mb << 20,
            defaults=_defaults({field: form.raw(field) for field in DEFAULTS}),
        )
    except Invalid as problem:
        return await _form(request, " ".join(error.message for error in problem.errors), 422)
    viewer = viewer_of(request)
    return _to(await imports.receive(viewer, KIND, None, name, read_calls, summary=told))


def _defaults(given: dict[str, str]) -> dict[str, str]:
    """What holds for every call whose row says nothing. Raises Invalid."""
    said = {name: given.get(name, "").strip() for name in DEFAULTS}
    wrong: list[FieldError] = []
    if said["consent_basis"] not in ("", *CONSENT_BASES):
        wrong.append(FieldError("consent_basis", "unknown", _("Choose one of these.")))
    try:
        date.fromisoformat(said["retain_until"])
    except ValueError:
        wrong.append(FieldError("retain_until", "required", _("Say until when these calls are kept.")))
    if wrong:
        raise Invalid(_("These calls cannot be taken as it is."), errors=wrong)
    return said


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


@post("/calls/import/{pending_id:uuid}/columns", guards=GUARDS, include_in_schema=False)
async def choose_call_columns(request: AnyRequest, pending_id: FromPath[UUID]) -> Response[Any]:
    """Which column is which; then the archive is read anew."""
    form = await read_form(request)
    chosen = chosen_places(form.raw, columns.COLUMNS)
    await imports.read_again(viewer_of(request), KIND, pending_id, chosen, read_calls)
    return _to(pending_id)


@post("/calls/import/{pending_id:uuid}/apply", guards=GUARDS, include_in_schema=False)
async def apply_calls_import(request: AnyRequest, pending_id: FromPath[UUID]) -> Response[Any]:
    """Yes: has the calls taken in."""
    await imports.start_applying(viewer_of(request), KIND, pending_id, apply_calls)
    return _to(pending_id)


@post("/calls/import/{pending_id:uuid}/discard", guards=GUARDS, include_in_schema=False)
async def discard_calls_import(request: AnyRequest, pending_id: FromPath[UUID]) -> Response[Any]:
    """No: forgets the archive. A folder of the server stays where it is."""
    await jobs.discard(viewer_of(request), pending_id)
    return Redirect("/calls/import", status_code=303)


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


def _to(pending: UUID) -> Response[Any]:
    return Redirect(f"/calls/import/{pending}", status_code=303)


pages: list[Any] = [
    show_calls_import,
    take_archive,
    take_folder,
    show_calls_import_one,
    choose_call_columns,
    apply_calls_import,
    discard_calls_import,
    load_report,
    load_template,
]
