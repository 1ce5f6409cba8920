"""JSON API of imports of calls: the archive, preview, yes and report of the page, for programs.

Invariant: a program takes in nothing that its person could not on the page, by the same two jobs.
"""

from dataclasses import asdict, dataclass
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

from trainer.calls.importing import columns, reports
from trainer.calls.importing.jobs import KIND, apply_calls, discard, read_calls
from trainer.calls.importing.receiving import DEFAULTS, receive_from_program
from trainer.calls.service import CREATE
from trainer.sheets.pending import Pending
from trainer.sheets.steps import Counts, Room, Told, accepted, program_routes
from trainer.web.api import Page, key_of, page_of
from trainer.web.guards import requires, scope

AnyRequest = Request[Any, Any, Any]
STATES = ["new", "taken", "known", "refused"]

ROOM = Room(
    kind=KIND,
    address="/recordings/imports",
    guards=[scope("recordings:write"), requires(*CREATE)],
    reader=read_calls,
    applier=apply_calls,
    columns=lambda _pending: columns.COLUMNS,
    discard=discard,
)


@dataclass
class ImportOperation(Operation):
    """The upload in OpenAPI: its body is streamed, so that no parameter of the handler says it."""

    def __post_init__(self) -> None:
        text = Schema(type=OpenAPIType.STRING)
        file = Schema(type=OpenAPIType.STRING, format=OpenAPIFormat.BINARY)
        more = {
            "archive": file,
            "sheet": file,
            "folder": Schema(
                type=OpenAPIType.STRING,
                description="With `sheet`: the folder in `import` of the data folder whose files its rows name.",
            ),
            "dry_run": Schema(type=OpenAPIType.BOOLEAN, description="Only a preview, which waits for a yes."),
        }
        form = Schema(type=OpenAPIType.OBJECT, properties={**dict.fromkeys(DEFAULTS, text), **more})
        self.request_body = RequestBody(content={"multipart/form-data": OpenAPIMediaType(schema=form)})


@post(
    "/recordings/imports",
    guards=ROOM.guards,
    tags=["recordings"],
    status_code=202,
    operation_class=ImportOperation,
)
async def import_recordings(request: AnyRequest) -> Response[dict[str, Any]]:
    """Many calls: multipart `archive` (a zip with its sheet), or `sheet` with the `folder` of the server that it names;
    `consent_basis`, `retain_until`, `language` and `rulebook` hold where a row says nothing. `dry_run=true` waits for a
    yes. What was erased here is not taken in again, whatever is said.
    """
    return accepted(f"/api/v1{ROOM.address}", await receive_from_program(request))


async def counts(pending: Pending) -> Counts:
    """Rows by what would become, or became, of them."""
    if "reading" not in pending.summary:
        return {}
    numbers = asdict(await reports.numbers_of(pending))
    return {name: n for name, n in numbers.items() if name != "size_bytes"}


async def report(pending: Pending, page: Page) -> dict[str, Any]:
    """Every row in order of the sheet."""
    after = key_of(page, int)
    lines = await reports.lines_of(pending, STATES, page.limit + 1, after=after[0] if after else -1)
    return page_of(lines, page, _shown, lambda line: (line.line,))


def _shown(line: reports.Line) -> dict[str, Any]:
    return {
        "row": line.line,
        "file": line.file,
        "status": line.state,
        "recording": str(line.recording) if line.recording else None,
        "errors": [{"field": column, "message": why} for column, why in line.faults],
    }


routes: list[Any] = [import_recordings, *program_routes(ROOM, Told(counts, report), "recordings")]
