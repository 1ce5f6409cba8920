"""JSON API of imports of evaluations: the sheet, preview, yes and report of the page, for programs."""

import csv
import io
from dataclasses import dataclass
from typing import Any

from litestar import Request, Response, post
from litestar.openapi.spec import (
    OpenAPIFormat,
    OpenAPIMediaType,
    OpenAPIType,
    Operation,
    RequestBody,
    Schema,
)

from trainer.problems import NotFound
from trainer.quality.import_jobs import KIND, apply_evaluations, read_evaluations
from trainer.quality.service import EVALUATE
from trainer.quality.sheet import COLUMNS
from trainer.sheets import pending as imports
from trainer.sheets.pending import FILE_FIELD, Pending
from trainer.sheets.steps import Counts, Room, Told, accepted, is_dry, program_routes
from trainer.web.api import Page, key_of, page_of
from trainer.web.guards import requires, scope

ROOM = Room(
    kind=KIND,
    address="/evaluations/imports",
    guards=[scope("evaluations:write"), requires(*EVALUATE)],
    reader=read_evaluations,
    applier=apply_evaluations,
    columns=lambda pending: pending.summary.get("offered", COLUMNS),
    discard=lambda viewer, pending: imports.discard(viewer, KIND, pending),
)


@dataclass
class ImportOperation(Operation):
    """The upload in OpenAPI: its body is streamed, so that no parameter of the handler says it."""

    def __post_init__(self) -> None:
        parts = {
            FILE_FIELD: Schema(type=OpenAPIType.STRING, format=OpenAPIFormat.BINARY),
            "dry_run": Schema(type=OpenAPIType.BOOLEAN, description="Only a preview, which waits for a yes."),
        }
        form = Schema(type=OpenAPIType.OBJECT, properties=dict(parts), required=[FILE_FIELD])
        self.request_body = RequestBody(content={"multipart/form-data": OpenAPIMediaType(schema=form)})


@post(
    "/evaluations/imports",
    guards=ROOM.guards,
    tags=["evaluations"],
    status_code=202,
    operation_class=ImportOperation,
)
async def import_evaluations(request: Request[Any, Any, Any]) -> Response[dict[str, Any]]:
    """Many evaluations: multipart `sheet` (CSV or XLSX, one row each). `dry_run=true` waits for a yes; what is taken is
    a dated fact and cannot be taken back.
    """
    pending = await imports.receive_upload(
        request,
        KIND,
        read_evaluations,
        fields=("dry_run",),
        about=lambda fields: {"at_once": not is_dry(fields)},
    )
    return accepted(f"/api/v1{ROOM.address}", pending)


async def counts(pending: Pending) -> Counts:
    """Rows by what would become, or became, of them."""
    told = pending.summary.get("result") or pending.summary
    return dict(told.get("counts") or {})


async def report(pending: Pending, page: Page) -> dict[str, Any]:
    """Every row of a preview; afterwards those that were not taken."""
    try:
        text = (await imports.report_of(pending)).decode("utf-8-sig")
    except NotFound:
        text = ""
    after = key_of(page, int)
    rows = [row for row in csv.DictReader(io.StringIO(text)) if not after or int(row["row"]) > after[0]]
    return page_of(rows[: page.limit + 1], page, _shown, lambda row: (int(row["row"]),))


def _shown(row: dict[str, str]) -> dict[str, Any]:
    errors = [{"field": "", "message": row["why"]}] if row["what"] == "refused" else []
    return {
        "row": int(row["row"]),
        "agent": row["who"],
        "call": row["call"],
        "status": row["what"],
        "marks": row["marks"],
        "errors": errors,
    }


routes: list[Any] = [import_evaluations, *program_routes(ROOM, Told(counts, report), "evaluations")]
