"""What was erased, noted outside the database, so that a restored backup cannot bring it back.

One line per erasure in `erasures.log` in the data folder: when, what kind, which id; no name, no reason. Backups
carry it along.
Invariant: the list only grows, and a line in it is on disk before the job that wrote it is done.
"""

import asyncio
import fcntl
import json
import os
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID

from trainer import db, jobs
from trainer.calls import jobs as calls
from trainer.jobs import JobContext
from trainer.people.erasing import erase_again
from trainer.problems import Conflict

NAME = "erasures.log"
WHY = "erased before; erased again after a restore"


@dataclass(frozen=True, slots=True)
class Erasure:
    """Something that was erased at a moment."""

    at: datetime
    kind: str
    id: UUID


_folder: Path | None = None


def keep_in(folder: Path | None) -> None:
    """The data folder of this process's centre. Without one (a test of a single room) nothing is noted."""
    global _folder
    _folder = folder


@jobs.on("recording_erased", attempts=20)
async def note_recording(context: JobContext, event: dict[str, Any]) -> None:
    """A call was erased."""
    await _note("recording", event["recording"])


@jobs.on("person_erased", attempts=20)
async def note_person(context: JobContext, event: dict[str, Any]) -> None:
    """A person was erased."""
    await _note("person", event["person"], event.get("at"))


async def _note(kind: str, id: str, at: str | None = None) -> None:
    if _folder is not None:
        moment = datetime.fromisoformat(at) if at else db.utc_now()
        await asyncio.to_thread(append, _folder / NAME, [Erasure(moment, kind, UUID(id))])


def append(path: Path, erasures: Iterable[Erasure]) -> None:
    """Adds lines, each whole even when several processes write, and flushed to disk."""
    lines = "".join(
        json.dumps({"at": each.at.isoformat(), "kind": each.kind, "id": str(each.id)}) + "\n"
        for each in erasures
    )
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    with os.fdopen(handle, "ab") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        file.write(lines.encode())
        file.flush()
        os.fsync(file.fileno())


def parse(text: str) -> list[Erasure]:
    """The lines of such a list; a last line that a crash cut short is passed over."""
    found = []
    for line in text.splitlines():
        try:
            entry = json.loads(line)
            found.append(Erasure(datetime.fromisoformat(entry["at"]), entry["kind"], UUID(entry["id"])))
        except (ValueError, TypeError, KeyError):
            continue
    return found


async def _again_recording(id: UUID, at: datetime) -> bool:
    return await calls.erase(id, None, WHY)


# Which function erases a kind once more; False when it is erased (or unknown) already.
again: dict[str, Callable[[UUID, datetime], Awaitable[bool]]] = {
    "recording": _again_recording,
    "person": erase_again,
}


@dataclass(frozen=True, slots=True)
class Replayed:
    """How many erasures were made again, and which could not be."""

    done: int
    left: list[Erasure]


async def replay(erasures: Iterable[Erasure]) -> Replayed:
    """Erases again what the open database still holds."""
    count, left = 0, []
    for each in {(erasure.kind, erasure.id): erasure for erasure in erasures}.values():
        try:
            if each.kind in again and await again[each.kind](each.id, each.at):
                count += 1
        except Conflict:  # as of then, this person was the only admin
            left.append(each)
    return Replayed(count, left)
