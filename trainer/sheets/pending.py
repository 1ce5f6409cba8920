"""Uploaded sheets that wait for somebody's yes: kept, read by a job, shown, applied by a job, or discarded.

A room that takes in spreadsheets brings two jobs. Its reader calls `sheet_of`, works out what would change and ends
with `planned` (or `refused`); its applier does the work and ends with `applied`. The states are those of `SheetImport`:

    reading → ready → applying → applied        reading → refused        reading, ready → discarded

Invariant: every step is a guarded change of state, so that two clicks, two workers or two processes take it once. The
file's bytes are gone as soon as the import is over, and everything about it after a week.
"""

import json
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

from litestar import Request

from trainer import db, jobs
from trainer.job_queue import JobState
from trainer.problems import Conflict, NotFound
from trainer.settings import Settings
from trainer.sheets.reading import MOST_BYTES, Sheet, open_sheet
from trainer.sheets.tables import SheetImport
from trainer.storage import StorageError, storage, stored_with_row
from trainer.web.i18n import _
from trainer.web.session import Viewer, viewer_of
from trainer.web.uploads import stream_upload

LIFE = timedelta(days=7)
FILE_FIELD = "sheet"
SHOWN = 200  # rows of each kind that a preview shows; the others are in its report

Work = Callable[..., Awaitable[None]]
"""A registered job that is given `pending`, the import's id as text."""


@dataclass(frozen=True, slots=True)
class Pending:
    """One import. `columns`: ours → place, as somebody chose them; empty while headings decide.

    `summary` is what the room that reads it wants to show. `by` None: a command of the server.
    """

    id: UUID
    kind: str
    state: str
    file_name: str
    columns: dict[str, int]
    summary: dict[str, Any]
    by: UUID | None
    job: UUID | None
    created_at: datetime
    ended_at: datetime | None

    @property
    def busy(self) -> bool:
        """Whether a job is at it."""
        return self.state in ("reading", "applying")


def _pending(row: Mapping[str, Any]) -> Pending:
    texts = {name: json.loads(row[name] or "{}") for name in ("columns", "summary")}
    return Pending(**{**{name: row[name] for name in Pending.__slots__}, **texts})


_COLUMNS = [getattr(SheetImport, name) for name in Pending.__slots__]


# Taking in


async def receive_upload(
    request: Request[Any, Any, Any],
    kind: str,
    reader: Work,
    *,
    fields: Collection[str] = (),
    about: Callable[[Mapping[str, str]], Mapping[str, Any]] = lambda _fields: {},
) -> UUID:
    """Takes the file of an upload form (field `sheet`), and has `reader` read it. The route has authorised the person.

    `about` makes of the text `fields` what the reader is told.
    Raises as `stream_upload`: too large, not a form, storage full; then nothing is kept.
    """
    settings: Settings = request.app.state.settings
    async with stream_upload(
        request,
        max_bytes=MOST_BYTES,
        incoming=settings.incoming,
        text_fields=fields,
        file_field=FILE_FIELD,
        other_files={},
    ) as upload:
        told = about(upload.fields)
        return await receive(viewer_of(request), kind, upload.path, upload.filename, reader, summary=told)


async def receive(
    viewer: Viewer | None,
    kind: str,
    path: Path | None,
    file_name: str,
    reader: Work,
    *,
    summary: Mapping[str, Any] | None = None,
    move: bool = False,
) -> UUID:
    """Keeps the file's bytes and has `reader` read them; returns the import's id. Raises StorageError.

    `path` None: there are no bytes to keep, `summary` tells the reader where it finds them. `move` takes the file away.
    """
    pending, now = db.new_id(), db.utc_now()
    by = viewer.id if viewer else None
    kept = db.transaction() if path is None else stored_with_row(_key(pending), path, move=move)
    async with kept:
        job = await jobs.enqueue(reader, {"pending": str(pending)}, person=by)
        row = SheetImport(
            id=pending,
            kind=kind,
            file_name=file_name[:200],
            object_key=_key(pending) if path is not None else "",
            summary=json.dumps(dict(summary or {})),
            by=by,
            job=job,
            created_at=now,
        )
        await SheetImport.insert(row)
    return pending


def _key(pending: UUID, what: str = "sheet") -> str:
    return f"imports/{pending}/{what}"


# Looking at it


async def load_pending(viewer: Viewer | None, kind: str, pending: UUID) -> Pending:
    """One's own import: what is in the file is nobody else's business before it is applied. Raises NotFound."""
    own = SheetImport.by == viewer.id if viewer else SheetImport.by.is_null()
    row = await SheetImport.select(*_COLUMNS).where(
        (SheetImport.id == pending) & (SheetImport.kind == kind) & own
    )
    if not row:
        raise NotFound(_("There is no such import. An import is forgotten a week after its upload."))
    return _pending(row[0])


async def pending_of(viewer: Viewer, kind: str, limit: int = 5) -> list[Pending]:
    """The viewer's latest imports that were not discarded, newest first."""
    rows = (
        await SheetImport.select(*_COLUMNS)
        .where(
            (SheetImport.kind == kind) & (SheetImport.by == viewer.id) & (SheetImport.state != "discarded")
        )
        .order_by(SheetImport.created_at, ascending=False)
        .limit(limit)
    )
    return [_pending(row) for row in rows]


async def any_pending(pending: UUID) -> Pending | None:
    """An import, whoever asks: for jobs. None when it is gone."""
    row = await SheetImport.select(*_COLUMNS).where(SheetImport.id == pending).first()
    return _pending(row) if row else None


async def job_of(pending: Pending) -> JobState | None:
    """How far the job is that reads or applies it."""
    return await jobs.get_job(pending.job) if pending.job else None


async def report_of(pending: Pending) -> bytes:
    """What its preview or result says of every row, as it was given to `planned` or `applied`. Raises NotFound."""
    return await _bytes(_key(pending.id, "report"))


# The reader's side


@asynccontextmanager
async def file_of(pending: UUID) -> AsyncIterator[Path]:
    """The uploaded file as a path (never write to it). Raises NotFound when its bytes are gone."""
    try:
        async with storage().local_path(_key(pending)) as path:
            yield path
    except StorageError as error:
        if error.reason != "missing":
            raise
        raise NotFound(_("This file is gone. Please upload it again.")) from error


async def sheet_of(pending: UUID) -> Sheet:
    """The file's table. Raises Invalid, TooLarge (see reading.py), NotFound when its bytes are gone."""
    async with file_of(pending) as path:
        return await open_sheet(path)


async def planned(
    context: jobs.JobContext,
    pending: UUID,
    summary: Mapping[str, Any],
    report: bytes = b"",
    notes: bytes = b"",
) -> bool:
    """It was read: `summary` (JSON) for the preview, `report` to download, `notes` for the applier (`notes_of`).

    False when it was discarded meanwhile, or is read anew with other columns by a later job.
    """
    await _keep(pending, report, notes)
    told = {SheetImport.summary: json.dumps(summary)}
    return await _move(pending, ("reading",), "ready", told, job=context.job_id)


async def refused(context: jobs.JobContext, pending: UUID, reason: str) -> bool:
    """The file cannot be used, for this reason in words; its bytes go."""
    told = {SheetImport.summary: json.dumps({"reason": reason}), SheetImport.ended_at: db.utc_now()}
    return await _move(pending, ("reading",), "refused", told, job=context.job_id, forget=("sheet",))


async def notes_of(pending: UUID) -> bytes:
    """What the reader left for the applier; empty when it left nothing."""
    try:
        return await _bytes(_key(pending, "notes"))
    except NotFound:
        return b""


# The applier's side


async def note_progress(pending: UUID, summary: Mapping[str, Any]) -> bool:
    """Inside a transaction of the applier: how far it is, so that another try goes on there. False: it is over."""
    return await _move(pending, ("applying",), "applying", {SheetImport.summary: json.dumps(summary)})


async def applied(pending: UUID, summary: Mapping[str, Any], report: bytes = b"") -> bool:
    """It is done; the file's bytes go once the caller's transaction is committed. False: another worker was first."""
    await _keep(pending, report, b"")
    told = {SheetImport.summary: json.dumps(summary), SheetImport.ended_at: db.utc_now()}
    return await _move(pending, ("applying",), "applied", told, forget=("sheet", "notes"))


# What a person decides


async def read_again(
    viewer: Viewer, kind: str, pending: UUID, columns: Mapping[str, int], reader: Work
) -> None:
    """Reads it anew with these columns (ours → place). Raises NotFound, Conflict (not ready any more)."""
    await load_pending(viewer, kind, pending)
    async with db.transaction():
        job = await jobs.enqueue(reader, {"pending": str(pending)}, person=viewer.id)
        told = {SheetImport.columns: json.dumps(dict(columns)), SheetImport.job: job}
        if not await _move(pending, ("ready",), "reading", told):
            raise _not_now()


async def start_applying(viewer: Viewer | None, kind: str, pending: UUID, applier: Work) -> None:
    """Has it applied. Asking twice is harmless; after a failure it is another try.

    Raises NotFound, Conflict (it is not ready, or over).
    """
    found = await load_pending(viewer, kind, pending)
    if found.state == "applied":
        return
    if found.state == "applying":
        job = await job_of(found)
        if job is not None and job.status in ("queued", "running"):
            return
    if found.state not in ("ready", "applying"):
        raise _not_now()
    async with db.transaction():
        same_job = SheetImport.job == found.job if found.job else SheetImport.job.is_null()
        present = (SheetImport.id == pending) & (SheetImport.state == found.state) & same_job
        moved = (
            await SheetImport.update({SheetImport.state: "applying"}).where(present).returning(SheetImport.id)
        )
        if moved:  # else somebody else asked in the same moment
            by = viewer.id if viewer else None
            job_id = await jobs.enqueue(applier, {"pending": str(pending)}, person=by)
            await SheetImport.update({SheetImport.job: job_id}).where(SheetImport.id == pending)


async def discard(viewer: Viewer | None, kind: str, pending: UUID) -> None:
    """Forgets it; nothing was changed. Discarding twice is harmless. Raises NotFound, Conflict (it was applied)."""
    found = await load_pending(viewer, kind, pending)
    if found.state == "discarded":
        return
    told = {SheetImport.ended_at: db.utc_now(), SheetImport.summary: "{}", SheetImport.file_name: ""}
    forget = ("sheet", "report", "notes")
    if not await _move(pending, ("reading", "ready", "refused"), "discarded", told, forget=forget):
        raise Conflict(_("This import was applied already, or is just being applied."), slug="not-now")


@jobs.schedule("forget_old_imports", at="03:40")
async def forget_old_imports(context: jobs.JobContext) -> None:
    """After a week an import is forgotten: its bytes, its report, and its row with the names in it."""
    before = db.utc_now() - LIFE
    old = await SheetImport.delete().where(SheetImport.created_at < before).returning(SheetImport.id)
    await _forget_files(context, old)
    async for stored in storage().list("imports"):
        if stored.modified < before:  # left by a process that was killed between the bytes and their row
            await storage().delete(stored.key)


@jobs.on("person_erased")
async def forget_what_was_told(context: jobs.JobContext, event: Mapping[str, Any]) -> None:
    """Reports of imports that are over name people, and which of them is not asked: all go, a few days early."""
    over = SheetImport.state.is_in(["applied", "refused", "discarded"])
    await _forget_files(context, await SheetImport.delete().where(over).returning(SheetImport.id))


async def _forget_files(context: jobs.JobContext, gone: Iterable[Mapping[str, Any]]) -> None:
    for row in gone:
        await forget_import_files(context, str(row["id"]), ["sheet", "report", "notes"])


# Shared


async def _move(
    pending: UUID,
    before: tuple[str, ...],
    after: str,
    told: Mapping[Any, Any],
    *,
    job: UUID | None = None,
    forget: tuple[str, ...] = (),
) -> bool:
    """From one of the states `before` to `after`, if it is in one (and `job` is still its job); then `forget` files."""
    present = (SheetImport.id == pending) & SheetImport.state.is_in(list(before))
    if job is not None:
        present = present & (SheetImport.job == job)
    changes: dict[Any, Any] = {SheetImport.state: after, **told}
    async with db.transaction():
        moved = bool(await SheetImport.update(changes).where(present).returning(SheetImport.id))
        if moved and forget:
            await jobs.enqueue(forget_import_files, {"pending": str(pending), "files": list(forget)})
    return moved


async def _keep(pending: UUID, report: bytes, notes: bytes) -> None:
    for what, data in (("report", report), ("notes", notes)):
        if data:
            await storage().put_bytes(_key(pending, what), data)


async def _bytes(key: str) -> bytes:
    size = await storage().size(key)
    if size is None:
        raise NotFound(_("This file is gone. Please upload it again."))
    return await storage().get_range(key, 0, size)


@jobs.job("forget_import_files")
async def forget_import_files(context: jobs.JobContext, pending: str, files: list[str]) -> None:
    """Removes an import's bytes: a job, so that they are gone exactly when the change of state is committed."""
    for each in files:
        await storage().delete(_key(UUID(pending), each))


def _not_now() -> Conflict:
    return Conflict(_("This import has gone on meanwhile. Load the page again."), slug="not-now")
