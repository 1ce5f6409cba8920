"""Pages that take evaluations in from a sheet: choose a file, look at each row, say yes, see what became of it.

Invariant: nothing is written before an analyst has seen it, as it cannot be taken back.
"""

from typing import Any
from uuid import UUID

from litestar import Request, Response, get, post
from litestar.params import FromPath

from trainer.quality.import_jobs import KIND, apply_evaluations, read_evaluations
from trainer.quality.service import EVALUATE
from trainer.quality.sheet import COLUMNS
from trainer.rulebook.service import published_rules
from trainer.sheets import pending as imports
from trainer.sheets.reading import MOST_BYTES, MOST_ROWS
from trainer.sheets.steps import Room
from trainer.sheets.writing import TYPES, file_response, sheet_response
from trainer.web.guards import requires
from trainer.web.i18n import _
from trainer.web.session import viewer_of
from trainer.web.templating import is_htmx, render, render_block

AnyRequest = Request[Any, Any, Any]
GUARDS = [requires(*EVALUATE)]
REPORTS = {"ready": "evaluations-preview.csv", "applied": "evaluations-not-taken.csv"}
ROOM = Room(
    kind=KIND,
    address="/evaluations/import",
    guards=GUARDS,
    reader=read_evaluations,
    applier=apply_evaluations,
    columns=lambda pending: pending.summary.get("offered", COLUMNS),
    discard=lambda viewer, pending: imports.discard(viewer, KIND, pending),
)


@get("/evaluations/import", guards=GUARDS, include_in_schema=False)
async def show_evaluations_import(request: AnyRequest) -> Response[str]:
    """Choose a file; imports that are under way."""
    return await _form(request)


async def _form(request: AnyRequest, error: str = "") -> Response[str]:
    values: dict[str, Any] = {
        "error": error,
        "recent": await imports.pending_of(viewer_of(request), KIND),
        "columns": labels(),
        "most_rows": MOST_ROWS,
        "most_mb": MOST_BYTES >> 20,
    }
    if is_htmx(request):
        return render_block(request, "quality/import.html", "form", status=422, **values)
    return render(request, "quality/import.html", status=422 if error else 200, **values)


@post("/evaluations/import", guards=GUARDS, include_in_schema=False)
async def take_evaluations(request: AnyRequest) -> Response[Any]:
    """Keeps the file and has it read."""
    return await ROOM.take(request, _form)


@get("/evaluations/import/{pending_id:uuid}", guards=GUARDS, include_in_schema=False)
async def show_evaluations_import_one(request: AnyRequest, pending_id: FromPath[UUID]) -> Response[str]:
    """Being read, ready to look at, being taken in, or over."""
    pending = await imports.load_pending(viewer_of(request), KIND, pending_id)
    return render(
        request,
        "quality/import_one.html",
        pending=pending,
        told=pending.summary,
        job=await imports.job_of(pending) if pending.busy else None,
        labels=labels(),
        columns=ROOM.columns(pending),
        shown=imports.SHOWN,
    )


@get("/evaluations/import/{pending_id:uuid}/report.csv", guards=GUARDS, include_in_schema=False)
async def load_report(request: AnyRequest, pending_id: FromPath[UUID]) -> Response[bytes]:
    """Every row with what would become of it; afterwards those that were not taken."""
    pending = await imports.load_pending(viewer_of(request), KIND, pending_id)
    name = REPORTS.get(pending.state, "evaluations-report.csv")
    return file_response(name, await imports.report_of(pending), TYPES["csv"])


@get("/evaluations/import/template", guards=GUARDS, include_in_schema=False)
async def load_template(request: AnyRequest) -> Response[bytes]:
    """A sheet with our columns, those of the first rules, and an example; `?as=csv` or `xlsx`."""
    codes = [rule.code for rule in (await published_rules()).values()][:3]
    example = {
        "source": "Q-1042",
        "agent": "E1042",
        "called_at": "2026-11-23 10:42",
        "released_at": "2026-11-24 09:00",
        "resolved": "yes",
        "outcome": "met",
        "csat": "4",
        "comment": _("Heard the caller out before naming a way."),
    }
    given = [name for name in COLUMNS if name not in ("seen_at", "weights")]
    columns = [*given, *(name for code in codes for name in (code, f"{code}_at", f"{code}_comment"))]
    row = [example.get(name, "met" if name in codes else "") for name in columns]
    return await sheet_response("evaluations", columns, [row], request.query_params.get("as", "csv"))


def labels() -> dict[str, str]:
    """Our columns in words; that of a rule is its code."""
    return {
        "": _("whole row"),
        "source": _("Its name in the other system"),
        "agent": _("Agent"),
        "evaluated_by": _("Evaluated by"),
        "recording": _("Number of the call here"),
        "rulebook": _("Programme"),
        "called_at": _("Date and time of the call"),
        "released_at": _("Released"),
        "seen_at": _("Read by its agent"),
        "resolved": _("Was the caller helped?"),
        "outcome": _("Outcome"),
        "service_level": _("Service"),
        "csat": _("Customer's satisfaction"),
        "comment": _("Words for the agent"),
        "replaces": _("Corrects (name of the other)"),
        "reason": _("Why it corrects it"),
        "weights": _("Weights of the rules"),
    }


pages: list[Any] = [
    show_evaluations_import,
    take_evaluations,
    show_evaluations_import_one,
    load_report,
    load_template,
    *ROOM.pages(),
]
