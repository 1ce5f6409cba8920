"""Making a backup while people work.

Order matters: first the rows of one moment, then the objects. What a row of that moment names is in storage
already; what is stored later has no row in the backup and is swept after a restore. Only an erasure takes
objects away meanwhile: that is noted, and the list of erasures, read last, tells the restore.
"""

import asyncio
import fcntl
import json
import os
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO

import msgspec

from trainer import __version__, db
from trainer.backup import erasures, queries, values
from trainer.backup.archive import CHUNK, FORMAT, HEAD, BackupRefused, Writer
from trainer.db_schema import recorded
from trainer.piccolo_app import TABLES
from trainer.settings import Settings
from trainer.storage import Storage, StorageError, no_space, storage, sweep_unlocked
from trainer.web.api import IdempotencyKey
from trainer.web.i18n import _

LAST = "last-backup.json"
_PART = ".part"
# Answers to programs' own requests hold personal data, and are of use for a day to who sent them here.
LEFT_OUT = frozenset({IdempotencyKey._meta.tablename})
Progress = Callable[[str, int, int], object]  # what is done, how much of it, out of how much (0: unknown)


@dataclass(frozen=True, slots=True)
class Made:
    """A backup that is complete: where, how large, what is in it."""

    place: str
    size: int
    rows: int
    objects: int
    gone: list[str]  # erased while it was made


async def make_backup(
    settings: Settings, place: str, *, keep: int | None = None, progress: Progress = lambda *_: None
) -> Made:
    """Writes a backup of the open centre to a file, into a folder (with a name by date), or to `-`.

    A folder keeps only the `keep` latest, if that is given. Nothing is left of a backup that fails. Raises
    BackupRefused (file exists, no space …), StorageError, DatabaseError.
    """
    moment = datetime.now(UTC)
    path = _target(place, moment)
    try:
        async with _open(path) as out:
            writer = Writer(out, settings.data)
            try:
                made = await _write(settings, writer, place if path is None else str(path), moment, progress)
            finally:
                writer.close()
    except OSError as error:
        if no_space(error):
            raise BackupRefused(
                _(
                    "There is no space left for the backup. Nothing of it was kept; make room or choose another place."
                )
            ) from error
        raise BackupRefused(
            _("The backup cannot be written there: %(why)s.") % {"why": error.strerror or error}
        ) from error
    if keep is not None and path is not None and Path(place).is_dir():
        for old in sorted(Path(place).glob("encore-*.tar"))[:-keep]:
            old.unlink(missing_ok=True)
    note = {"at": moment.isoformat(), "place": made.place, "size": made.size}
    await asyncio.to_thread(replace, settings.data / LAST, json.dumps(note).encode())
    return made


def _target(place: str, moment: datetime) -> Path | None:
    """The file to write; None for standard output."""
    if place == "-":
        if sys.stdout.isatty():
            raise BackupRefused(
                _("A backup is no text for a terminal. Name a file, or send it on with a pipe.")
            )
        return None
    path = Path(place).absolute()
    if path.is_dir():
        with suppress(OSError):
            sweep_unlocked(path, f"encore-*.tar{_PART}")
        path = path / f"encore-{moment:%Y-%m-%dT%H%M%SZ}.tar"
    if path.exists():
        raise BackupRefused(_("%(path)s is there already. Name another file.") % {"path": path})
    if not path.parent.is_dir():
        raise BackupRefused(_("There is no folder %(path)s.") % {"path": path.parent})
    return path


@asynccontextmanager
async def _open(path: Path | None) -> AsyncIterator[BinaryIO]:
    """The stream to write to; a file gets its name once all of it is on disk."""
    if path is None:
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    part = path.with_name(path.name + _PART)
    file = os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT, 0o600), "wb", buffering=CHUNK)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        file.close()
        raise BackupRefused(_("Another backup is being written to this place.")) from error
    try:
        file.truncate(0)
        yield file
        file.flush()
        await asyncio.to_thread(os.fsync, file.fileno())
        part.rename(path)
        _flush_folder(path.parent)
    except BaseException:
        part.unlink(missing_ok=True)
        raise
    finally:
        with suppress(OSError):  # what did not fit does not fit now either; the failure is told already
            file.close()


async def _write(
    settings: Settings, writer: Writer, place: str, moment: datetime, progress: Progress
) -> Made:
    shape = {
        table._meta.tablename: values.columns_of(table)
        for table in TABLES
        if table._meta.tablename not in LEFT_OUT
    }
    head = {
        "format": FORMAT,
        "version": __version__,
        "created_at": moment.isoformat(),
        "engine": db.dialect(),
        "site_name": settings.site_name,
        "migrations": sorted(await recorded()),
        "tables": shape,
    }
    writer.add(HEAD, json.dumps(head, indent=1).encode())
    rows = 0
    async with queries.snapshot(settings.effective_database_url) as read:
        for number, (table, columns) in enumerate(shape.items()):
            progress("tables", number, len(shape))
            rows += await _write_table(writer, table, columns, read)
    progress("tables", len(shape), len(shape))
    objects, gone = await _write_objects(writer, storage(), progress)
    writer.add("secret-key", settings.key())
    log = settings.data / erasures.NAME
    writer.add(erasures.NAME, log.read_bytes() if log.exists() else b"")
    writer.seal()
    return Made(place, writer.written, rows, objects, gone)


async def _write_table(writer: Writer, table: str, columns: dict[str, str], read: queries.ReadTable) -> int:
    """The rows as JSON arrays, a line each, in parts of about a megabyte."""
    kinds = list(columns.values())
    lines, count, number = bytearray(), 0, 0
    async for batch in read(table, list(columns)):
        for row in batch:
            lines += msgspec.json.encode(
                [values.write(kind, value) for kind, value in zip(kinds, row, strict=True)]
            )
            lines += b"\n"
            count += 1
            if len(lines) >= CHUNK:
                writer.add(f"tables/{table}/{number:06}.jsonl", bytes(lines))
                lines.clear()
                number += 1
    if lines:
        writer.add(f"tables/{table}/{number:06}.jsonl", bytes(lines))
    return count


async def _write_objects(writer: Writer, store: Storage, progress: Progress) -> tuple[int, list[str]]:
    total = 0
    async for stored in store.list():
        total += stored.size
    count, done, gone = 0, 0, []
    async for stored in store.list():
        if stored.key.startswith("check/"):
            continue  # a health check's own, gone in a moment
        size = await store.size(stored.key)
        if size is None:
            gone.append(stored.key)
            continue
        writer.begin(f"objects/{stored.key}", size)
        try:
            async for piece in store.stream(stored.key, 0, size, chunk=CHUNK):
                writer.write(piece)
                done += len(piece)
                progress("objects", done, max(total, done))
        except StorageError as error:
            if error.reason != "missing":
                raise
        if writer.end():
            count += 1
        else:
            gone.append(stored.key)
    return count, gone


def replace(path: Path, data: bytes) -> None:
    """Writes a small file that nobody else may read; whoever opens it finds the old content or the new."""
    fresh = path.with_name(path.name + ".new")
    fresh.unlink(missing_ok=True)
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)


def _flush_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def last_backup(settings: Settings) -> dict[str, Any] | None:
    """When the last backup was made (`at`), where (`place`) and its size in bytes; None when none is known."""
    try:
        note = json.loads((settings.data / LAST).read_bytes())
        return {**note, "at": datetime.fromisoformat(note["at"])}
    except (OSError, ValueError, KeyError, TypeError):
        return None
