"""The steps between a file and its report that are the same in every room: taking a sheet, choosing columns, yes and
no on pages, and for programs the answers that tell how far an import is.

Invariant: a step may be repeated without harm, and leads back to the page (or address) of its import.
"""

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from litestar import Request, Response, delete, get, post
from litestar.params import FromPath, FromQuery
from litestar.response import Redirect
from litestar.types import Guard

from trainer.problems import Invalid, TooLarge
from trainer.sheets import pending as imports
from trainer.sheets.columns import chosen_places
from trainer.sheets.pending import Pending, Work
from trainer.storage import StorageError
from trainer.web.api import Page, as_utc, identifier, read_page
from trainer.web.forms import read_form
from trainer.web.i18n import _
from trainer.web.session import Viewer, viewer_of
from trainer.web.templating import is_htmx

AnyRequest = Request[Any, Any, Any]
Answer = Awaitable[Response[Any]]
Counts = Mapping[str, int]
_YES, _NO = ("true", "1", "yes", "on"), ("false", "0", "no", "off", "")


@dataclass(frozen=True, slots=True)
class Room:
    """One kind of import: where its pages (or its API) live, who may, and the jobs that do the work.

    `columns` names those of ours that its form offers; `discard` forgets an import.
    """

    kind: str
    address: str
    guards: Sequence[Guard]
    reader: Work
    applier: Work
    columns: Callable[[Pending], Iterable[str]]
    discard: Callable[[Viewer, UUID], Awaitable[None]]

    def one(self, pending: UUID) -> Response[Any]:
        """On to the page of an import."""
        return Redirect(f"{self.address}/{pending}", status_code=303)

    async def take(self, request: AnyRequest, form: Callable[[AnyRequest, str], Answer]) -> Response[Any]:
        """Keeps an uploaded sheet and has it read; what is refused is said on the `form` again."""
        try:
            pending = await imports.receive_upload(request, self.kind, self.reader)
        except (Invalid, TooLarge, StorageError) as problem:
            errors = [error.message for error in getattr(problem, "errors", [])]
            return await form(request, " ".join(errors) or problem.detail)
        if is_htmx(request):
            return Response("", headers={"HX-Redirect": f"{self.address}/{pending}"})
        return self.one(pending)

    def pages(self) -> list[Any]:
        """What somebody decides on the page of an import."""

        @post(f"{self.address}/{{pending_id:uuid}}/columns", guards=self.guards, include_in_schema=False)
        async def choose_columns(request: AnyRequest, pending_id: FromPath[UUID]) -> Response[Any]:
            """Which column is which; then the file is read anew."""
            viewer, form = viewer_of(request), await read_form(request)
            found = await imports.load_pending(viewer, self.kind, pending_id)
            chosen = chosen_places(form.raw, self.columns(found))
            await imports.read_again(viewer, self.kind, pending_id, chosen, self.reader)
            return self.one(pending_id)

        @post(f"{self.address}/{{pending_id:uuid}}/apply", guards=self.guards, include_in_schema=False)
        async def apply_import(request: AnyRequest, pending_id: FromPath[UUID]) -> Response[Any]:
            """Yes: has it taken in."""
            await imports.start_applying(viewer_of(request), self.kind, pending_id, self.applier)
            return self.one(pending_id)

        @post(f"{self.address}/{{pending_id:uuid}}/discard", guards=self.guards, include_in_schema=False)
        async def discard_import(request: AnyRequest, pending_id: FromPath[UUID]) -> Response[Any]:
            """No: forgets the file."""
            await self.discard(viewer_of(request), pending_id)
            return Redirect(self.address, status_code=303)

        return [choose_columns, apply_import, discard_import]


# For programs


@dataclass(frozen=True, slots=True)
class Told:
    """What a room says of an import: how many rows came to what, and every row."""

    counts: Callable[[Pending], Awaitable[Counts]]
    report: Callable[[Pending, Page], Awaitable[dict[str, Any]]]


def is_dry(fields: Mapping[str, str]) -> bool:
    """Whether a program wants a preview alone (`dry_run`). Raises Invalid."""
    said = fields.get("dry_run", "").strip().lower()
    if said not in (*_YES, *_NO):
        raise Invalid.field("dry_run", "unreadable", _("Answer true or false."))
    return said in _YES


def accepted(address: str, pending: UUID) -> Response[dict[str, Any]]:
    """202: it is being read. `address` is that of the room's imports in the API."""
    where = f"{address}/{pending}"
    body = {"id": str(pending), "status": "reading", "status_url": where, "report_url": f"{where}/report"}
    return Response(body, status_code=202, headers={"Location": where})


async def status_of(address: str, pending: Pending, counts: Counts) -> dict[str, Any]:
    """How far an import is. `rows` counts its rows by what would become, or became, of them."""
    job = await imports.job_of(pending) if pending.busy else None
    failed = job is not None and job.status == "failed"
    told = pending.summary
    where = f"{address}/{pending.id}"
    return {
        "id": str(pending.id),
        "status": "failed" if failed else pending.state,
        "file": pending.file_name,
        "rows": dict(counts),
        "progress": {"done": job.done, "total": job.total} if job else None,
        "blocked": told.get("blocked", []),
        "unknown_columns": told.get("unknown", []),
        "reason": told.get("reason") or (job.error if job and failed else None),
        "created_at": as_utc(pending.created_at),
        "ended_at": as_utc(pending.ended_at),
        "status_url": where,
        "report_url": f"{where}/report",
    }


def program_routes(room: Room, told: Told, tag: str) -> list[Any]:
    """How a program follows an import, says yes or no, and reads its report. `room.address` is below /api/v1."""
    whole = f"/api/v1{room.address}"
    one = f"{room.address}/{{pending_id:str}}"

    async def load(request: AnyRequest, pending_id: str) -> Pending:
        return await imports.load_pending(viewer_of(request), room.kind, identifier(pending_id))

    async def answer(found: Pending) -> dict[str, Any]:
        return await status_of(whole, found, await told.counts(found))

    @get(room.address, guards=room.guards, tags=[tag])
    async def list_imports(request: AnyRequest) -> dict[str, Any]:
        """Your latest imports, newest first; after a week they are forgotten."""
        found = await imports.pending_of(viewer_of(request), room.kind)
        return {"items": [await answer(each) for each in found], "next_cursor": None}

    @get(one, guards=room.guards, tags=[tag])
    async def get_import(request: AnyRequest, pending_id: FromPath[str]) -> dict[str, Any]:
        """How far it is: reading, ready (waits for a yes), applying, applied, refused, discarded or failed."""
        return await answer(await load(request, pending_id))

    @get(f"{one}/report", guards=room.guards, tags=[tag])
    async def get_report(
        request: AnyRequest,
        pending_id: FromPath[str],
        limit: FromQuery[int] = 200,
        cursor: FromQuery[str | None] = None,
    ) -> dict[str, Any]:
        """Its rows in order, with what would become (or became) of each and why."""
        return await told.report(await load(request, pending_id), read_page(limit, cursor))

    @post(f"{one}/apply", guards=room.guards, tags=[tag], status_code=202)
    async def apply_import(request: AnyRequest, pending_id: FromPath[str]) -> Response[dict[str, Any]]:
        """Yes to what a dry run showed; after a failure, another try. Saying it twice is harmless."""
        found = await load(request, pending_id)
        await imports.start_applying(viewer_of(request), room.kind, found.id, room.applier)
        body = await answer(await load(request, pending_id))
        return Response(body, status_code=202, headers={"Location": body["status_url"]})

    @delete(one, guards=room.guards, tags=[tag])
    async def discard_import(request: AnyRequest, pending_id: FromPath[str]) -> None:
        """No: forgets it; nothing was taken in."""
        await room.discard(viewer_of(request), identifier(pending_id))

    return [list_imports, get_import, get_report, apply_import, discard_import]
