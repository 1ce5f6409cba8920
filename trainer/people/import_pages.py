"""Pages that take a list of people in: choose a file, look at what would change, say yes, see what became of it.

Invariant: nothing is written before an admin has seen it, and each step may be repeated without harm.
"""

from typing import Any
from uuid import UUID

from litestar import Request, Response, get, post
from litestar.params import FromPath

from trainer.people import forms, roster
from trainer.people.import_jobs import KIND, MIGHTY, apply_people, read_people
from trainer.sheets import pending as imports
from trainer.sheets.reading import MOST_BYTES, MOST_ROWS
from trainer.sheets.steps import Room
from trainer.sheets.writing import TYPES, file_response, sheet_response
from trainer.web.guards import requires
from trainer.web.i18n import _
from trainer.web.session import viewer_of
from trainer.web.templating import is_htmx, render, render_block

AnyRequest = Request[Any, Any, Any]
GUARDS = [requires("admin")]
ROOM = Room(
    kind=KIND,
    address="/people/import",
    guards=GUARDS,
    reader=read_people,
    applier=apply_people,
    columns=lambda _pending: roster.COLUMNS,
    discard=lambda viewer, pending: imports.discard(viewer, KIND, pending),
)
REPORTS = {"ready": "people-preview.csv", "applied": "people-not-taken.csv"}


@get("/people/import", guards=GUARDS, include_in_schema=False)
async def show_import_form(request: AnyRequest) -> Response[str]:
    """Choose a file; imports that are under way."""
    return await _form(request)


async def _form(request: AnyRequest, error: str = "") -> Response[str]:
    values: dict[str, Any] = {
        "error": error,
        "recent": await imports.pending_of(viewer_of(request), KIND),
        "columns": [(name, _labels()[name]) for name in roster.COLUMNS],
        "most_rows": MOST_ROWS,
        "most_mb": MOST_BYTES >> 20,
    }
    if is_htmx(request):
        return render_block(request, "people/import.html", "form", status=422, **values)
    return render(request, "people/import.html", status=422 if error else 200, **values)


@post("/people/import", guards=GUARDS, include_in_schema=False)
async def take_file(request: AnyRequest) -> Response[Any]:
    """Keeps the file and has it read."""
    return await ROOM.take(request, _form)


@get("/people/import/{pending_id:uuid}", guards=GUARDS, include_in_schema=False)
async def show_import(request: AnyRequest, pending_id: FromPath[UUID]) -> Response[str]:
    """Being read, ready to look at, being applied, or over."""
    pending = await imports.load_pending(viewer_of(request), KIND, pending_id)
    roles = dict(forms.role_options())
    return render(
        request,
        "people/import_one.html",
        pending=pending,
        told=pending.summary,
        job=await imports.job_of(pending) if pending.busy else None,
        labels=_labels(),
        columns=roster.COLUMNS,
        cell=lambda column, text: _cell(column, text, roles),
        mighty=MIGHTY,
        shown=imports.SHOWN,
    )


@get("/people/import/{pending_id:uuid}/report.csv", guards=GUARDS, include_in_schema=False)
async def load_report(request: AnyRequest, pending_id: FromPath[UUID]) -> Response[bytes]:
    """Every row with what would become of it; afterwards those that were not taken."""
    pending = await imports.load_pending(viewer_of(request), KIND, pending_id)
    name = REPORTS.get(pending.state, "people-report.csv")
    return file_response(name, await imports.report_of(pending), TYPES["csv"])


@get("/people/export", guards=GUARDS, include_in_schema=False)
async def export_list(request: AnyRequest) -> Response[bytes]:
    """Everybody who works here, as a sheet that an import takes back; `?as=csv` or `xlsx`."""
    rows = await roster.people_rows(viewer_of(request))
    kind = request.query_params.get("as", "xlsx")
    return await sheet_response("people", roster.COLUMNS, rows, kind, title=_("People"))


def _labels() -> dict[str, str]:
    """Our columns in words."""
    return {
        "": _("whole row"),
        "email": _("E-mail"),
        "employee_no": _("Employee number"),
        "name": _("Name"),
        "team": _("Team"),
        "role": _("Role"),
        "hired_on": _("Here since"),
        "birthday": _("Birthday"),
        "time_zone": _("Time zone"),
        "locale": _("Language"),
        "buddy": _("Buddy"),
        "manager": _("Reports to"),
    }


def _cell(column: str, text: str, roles: dict[str, str]) -> str:
    """A value of the preview as people read it."""
    if column == "role":
        return ", ".join(roles.get(role, role) for role in text.split(", "))
    return dict(forms.language_options()).get(text, text) if column == "locale" else text


pages: list[Any] = [
    show_import_form,
    take_file,
    show_import,
    load_report,
    export_list,
    *ROOM.pages(),
]
