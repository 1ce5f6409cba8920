"""What was erased, noted outside the database, so that a restored backup cannot bring it back.

One line per erasure in `erasures.log` in the data folder: when, what kind, which id; no name, no reason. Of a call
also the fingerprint of its sound and whether it went with its day or with a person, so that the same file is not taken
in again after a restore either. Backups carry it along.
Invariant: the list only grows, and a line in it is on disk before the job that wrote it is done.
"""

import asyncio
import fcntl
import json
import os
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID

from trainer import db, jobs
from trainer.calls import jobs as calls
from trainer.calls import proofs
from trainer.calls.tables import Recording
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
    fingerprint: str = ""
    cause: str = ""


_folder: Path | None = None


def keep_in(folder: Path | None) -> None:
    """The data folder of this process's centre. Without one (a test of a single room) nothing is noted."""
    global _folder
    _folder = folder


@jobs.on("recording_erased", attempts=20)
async def note_recording(context: JobContext, event: dict[str, Any]) -> None:
    """A call was erased."""
    columns = (Recording.erased_at, Recording.erased_why, Recording.fingerprint)
    row = await Recording.select(*columns).where(Recording.id == UUID(event["recording"])).first()
    if row is not None and row["erased_at"]:
        cause = row["erased_why"] if row["erased_why"] in (proofs.EXPIRED, proofs.PERSON_ERASED) else ""
        kept = Erasure(row["erased_at"], "recording", UUID(event["recording"]), row["fingerprint"], cause)
        await _note(kept)


@jobs.on("person_erased", attempts=20)
async def note_person(context: JobContext, event: dict[str, Any]) -> None:
    """A person was erased."""
    at = datetime.fromisoformat(event["at"]) if event.get("at") else db.utc_now()
    await _note(Erasure(at, "person", UUID(event["person"])))


async def _note(erasure: Erasure) -> None:
    if _folder is not None:
        await asyncio.to_thread(append, _folder / NAME, [erasure])


def append(path: Path, erasures: Iterable[Erasure]) -> None:
    """Adds lines, each whole even when several processes write, and flushed to disk."""
    lines = "".join(json.dumps(_line(each)) + "\n" for each in erasures)
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    with os.fdopen(handle, "ab") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        file.write(lines.encode())
        file.flush()
        os.fsync(file.fileno())


def _line(each: Erasure) -> dict[str, str]:
    line = {"at": each.at.isoformat(), "kind": each.kind, "id": str(each.id)}
    more = {"fingerprint": each.fingerprint, "cause": each.cause}
    return line | {name: value for name, value in more.items() if value}


def parse(text: str) -> list[Erasure]:
    """The lines of such a list; a last line that a crash cut short is passed over."""
    found = []
    for line in text.splitlines():
        try:
            entry = json.loads(line)
            more = {name: str(entry.get(name, "")) for name in ("fingerprint", "cause")}
            at = datetime.fromisoformat(entry["at"])
            found.append(Erasure(at, entry["kind"], UUID(entry["id"]), **more))
        except (ValueError, TypeError, KeyError, AttributeError):
            continue
    return found


def merged(erasures: Iterable[Erasure]) -> list[Erasure]:
    """Each erasure once, in order: when it was first noted, with what any of its lines tells."""
    found: dict[tuple[str, UUID], Erasure] = {}
    for each in sorted(erasures, key=lambda each: each.at):
        first = found.setdefault((each.kind, each.id), each)
        more = {name: getattr(first, name) or getattr(each, name) for name in ("fingerprint", "cause")}
        found[each.kind, each.id] = replace(first, **more)
    return list(found.values())


async def _again_recording(each: Erasure) -> bool:
    why = each.cause or WHY
    erased = await calls.erase(each.id, None, why, at=each.at)
    await proofs.remember(each.id, each.at, why, each.fingerprint)
    return erased


async def _again_person(each: Erasure) -> bool:
    return await erase_again(each.id, each.at)


# Which function erases a kind once more; False when it is erased (or unknown) already.
again: dict[str, Callable[[Erasure], Awaitable[bool]]] = {
    "recording": _again_recording,
    "person": _again_person,
}


@dataclass(frozen=True, slots=True)
class Replayed:
    """How many erasures were made again, and which could not be."""

    done: int
    left: list[Erasure]


async def replay(erasures: Iterable[Erasure]) -> Replayed:
    """Erases again what the open database still holds."""
    count, left = 0, []
    for each in merged(erasures):
        try:
            if each.kind in again and await again[each.kind](each):
                count += 1
        except Conflict:  # as of then, this person was the only admin
            left.append(each)
    return Replayed(count, left)
