"""From a backup to a centre that runs.

Every byte is checked before anything is touched, and only an empty centre is filled. A note in the data folder
says that a restore is under way: the centre does not serve until the same restore, begun again, has ended.
"""

import fcntl
import json
import os
import tempfile
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO

import msgspec

from trainer import db
from trainer.backup import archive, erasures, queries, values
from trainer.backup.archive import BackupRefused, Checked, Part
from trainer.backup.making import LEFT_OUT, Progress, replace
from trainer.calls import proofs
from trainer.db_schema import known, run_pending
from trainer.piccolo_app import TABLES
from trainer.settings import Settings
from trainer.storage import StorageError, no_space, storage
from trainer.web.i18n import _

UNDER_WAY = "restore-under-way.json"


@dataclass(frozen=True, slots=True)
class Restored:
    """What came back."""

    made_at: datetime
    rows: int
    objects: int
    migrated: list[str]
    erased_again: int
    not_erased: int  # the only admins of then
    other_key: bool  # TRAINER_SECRET_KEY is set and not the backup's


def check_backup(path: Path, progress: Progress = lambda *_: None) -> Checked:
    """Whether a file is a whole, unchanged backup that this version can restore. Raises BackupRefused."""
    try:
        found = archive.check(path, lambda done, total: progress("check", done, total))
    except OSError as error:
        raise BackupRefused(
            _("The backup cannot be read: %(why)s.") % {"why": error.strerror or error}
        ) from error
    if set(found.head.get("migrations", [])) - set(known()):
        raise BackupRefused(
            _(
                "This backup was made by Encore %(version)s, which is newer than this one. Install that version first."
            )
            % {"version": found.head.get("version", "?")}
        )
    return found


def under_way(settings: Settings) -> bool:
    """Whether a restore was begun here and has not ended: the centre is not whole."""
    return (settings.data / UNDER_WAY).exists()


async def restore_backup(
    settings: Settings,
    path: Path,
    *,
    more_erasures: Iterable[Path] = (),
    progress: Progress = lambda *_: None,
) -> Restored:
    """Fills the open, empty centre (its schema may be absent) from a backup.

    `more_erasures`: lists of what was erased after it was made, beside the one in the data folder. Raises
    BackupRefused when the file or the centre is not fit for it (nothing is changed then), DatabaseError,
    StorageError (the centre then waits for the same restore to be begun again).
    """
    erased = _erasures_of(settings, more_erasures)
    found = check_backup(path, progress)
    async with _alone(settings, found):
        await _make_schema(found)
        with path.open("rb") as file:
            rows, objects = await _take_in(file, path, found, progress)
            log = next((part for part in archive.parts_of(file) if part.name == erasures.NAME), None)
            erased += erasures.parse(archive.read_part(file, log).decode()) if log else []
            key = next(part for part in archive.parts_of(file) if part.name == "secret-key")
            other_key = _take_key(settings, archive.read_part(file, key))
        migrated = await run_pending()
        proofs.set_key(settings.key())  # the backup's own, from here on
        again = await erasures.replay(erased)
        _write_list(settings, erased)
    return Restored(
        datetime.fromisoformat(found.head["created_at"]),
        rows,
        objects,
        migrated,
        again.done,
        len(again.left),
        other_key,
    )


def _erasures_of(settings: Settings, more: Iterable[Path]) -> list[erasures.Erasure]:
    found: list[erasures.Erasure] = []
    own = settings.data / erasures.NAME
    for path in [*([own] if own.exists() else []), *more]:
        try:
            found += erasures.parse(path.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError) as error:
            told = _("The list of erasures %(path)s cannot be read.") % {"path": path}
            raise BackupRefused(told) from error
    return found


def _write_list(settings: Settings, erased: list[erasures.Erasure]) -> None:
    """One list of all that is erased, in order."""
    path = settings.data / erasures.NAME
    path.unlink(missing_ok=True)
    erasures.append(path, erasures.merged(erased))


@asynccontextmanager
async def _alone(settings: Settings, found: Checked) -> AsyncIterator[None]:
    """Holds the note that a restore is under way; it stays when the restore does not come to its end."""
    settings.data.mkdir(parents=True, exist_ok=True)
    note, lock = settings.data / UNDER_WAY, settings.data / "restore.lock"
    with lock.open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise BackupRefused(_("Another restore is under way here.")) from error
        if not note.exists():
            await _refuse_unless_empty()
        elif json.loads(note.read_bytes())["backup"] != found.digest:
            raise BackupRefused(
                _(
                    "A restore of another backup was begun here and did not end. Begin that one again, or start "
                    "with an empty data folder, database and storage."
                )
            )
        replace(note, json.dumps({"backup": found.digest, "at": datetime.now(UTC).isoformat()}).encode())
        yield
        note.unlink()
        lock.unlink()


async def _refuse_unless_empty() -> None:
    ours = {table._meta.tablename for table in TABLES}
    names = await queries.tables()
    if strange := sorted(names - ours - {"migration"}):
        raise BackupRefused(
            _("The database holds other tables (%(names)s). Restore into a database of its own.")
            % {"names": ", ".join(strange[:3])}
        )
    for name in sorted(names & ours):
        if await queries.holds_rows(name):
            raise BackupRefused(
                _(
                    "This centre is not empty: its database holds data. Restore into an empty one: another "
                    "TRAINER_DATA (or TRAINER_DATABASE_URL). Nothing was changed."
                )
            )
    async for _stored in storage().list():
        raise BackupRefused(
            _(
                "This centre is not empty: its storage holds files. Restore into an empty one: another TRAINER_DATA "
                "(or TRAINER_STORAGE_URL). Nothing was changed."
            )
        )


async def _make_schema(found: Checked) -> None:
    """The tables as they were when the backup was made; rows of then fit into no others."""
    await queries.drop(sorted(await queries.tables()))
    await run_pending(only=set(found.head["migrations"]))


async def _take_in(file: BinaryIO, path: Path, found: Checked, progress: Progress) -> tuple[int, int]:
    gone = set(archive.gone_parts(path))
    total = path.stat().st_size
    rows = objects = 0
    async with queries.loading():
        for part in archive.parts_of(file):
            table = part.name.split("/")[1] if part.name.startswith("tables/") else ""
            if table and table not in LEFT_OUT:  # of which older backups have rows
                progress("restore", part.offset, total)
                rows += await _take_rows(table, archive.read_part(file, part), found.head)
        await queries.end_all_sessions()
    for part in archive.parts_of(file):
        if part.name.startswith("objects/") and part.name not in gone:
            await _take_object(file, part)
            objects += 1
            progress("restore", part.offset + part.size, total)
    return rows, objects


async def _take_rows(table: str, lines: bytes, head: dict[str, Any]) -> int:
    columns: dict[str, str] = head["tables"][table]
    kinds = list(columns.values())
    clean = db.dialect() == "postgres"  # which keeps no NUL in a text
    rows = []
    for line in lines.splitlines():
        given = msgspec.json.decode(line)
        row = tuple(values.read(kind, value) for kind, value in zip(kinds, given, strict=True))
        rows.append(tuple(v.replace("\0", "") if type(v) is str else v for v in row) if clean else row)
    for start in range(0, len(rows), 1000):
        await queries.insert(table, list(columns), rows[start : start + 1000])
    return len(rows)


async def _take_object(file: BinaryIO, part: Part) -> None:
    """Through a scratch file: an object is there whole or not at all."""
    key = part.name.removeprefix("objects/")
    handle, name = tempfile.mkstemp(prefix="encore-copy-", dir=storage().scratch_folder())
    copy = Path(name)
    try:
        with os.fdopen(handle, "wb") as out:
            fcntl.flock(out, fcntl.LOCK_SH)
            for piece in archive.stream_part(file, part):
                out.write(piece)
        await storage().put_file(key, copy, move=True)
    except OSError as error:
        raise StorageError("full" if no_space(error) else "unreachable", str(error)) from error
    finally:
        copy.unlink(missing_ok=True)


def _take_key(settings: Settings, key: bytes) -> bool:
    """Puts the key in its place. True: the settings name another one, which counts."""
    if settings.secret_key:
        return settings.key() != key
    replace(settings.data / "secret-key", key)
    return False
