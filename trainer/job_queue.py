"""The table behind `trainer.jobs`, and the seam at which another queue engine takes over.

To move the jobs to SAQ (or any broker), give these functions another body: `put`, `claim`, `keep`,
`release`, `finish`, `fail`, `note_progress`, `get`, `unfinished`, `failed`, `take_back`, `forget`. Nothing
else reads or writes the table, and no job knows which engine runs it.
Invariant: a job is run by whoever holds its lease (`leased_by` and `lease_until`); every later write names
the holder, another one with each claim, so that a run that lost its lease changes nothing, be it also of the
worker that holds it now.
"""
# ruff: noqa: S608 - the statements are put together from words of this file only

import json
import os
import random
import uuid
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from piccolo.columns import UUID, Integer, Text, Timestamptz
from piccolo.table import Table

from trainer.db import UniqueViolation, dialect, fetch, fetch_one, new_id, utc_now

Status = Literal["queued", "running", "done", "failed"]


class Job(Table, tablename="job"):
    """One piece of work and how far it is."""

    id = UUID(primary_key=True, default=uuid.uuid4)
    name = Text()
    args = Text(default="{}", help_text="Keyword arguments as JSON.")
    state = Text(default="queued", help_text="queued, running, done or failed")
    dedupe = Text(default=None, null=True, help_text="At most one queued job has this key.")
    slot = Text(default=None, null=True, help_text="The moment of a schedule that this is the run of.")
    run_at = Timestamptz(default=None)
    attempts = Integer(default=0, help_text="How often it was begun.")
    leased_by = Text(default=None, null=True)
    lease_until = Timestamptz(default=None, null=True)
    person = UUID(default=None, null=True, help_text="Who waits for it. No foreign key: people come later.")
    done = Integer(default=0)
    total = Integer(default=0)
    note = Text(default="")
    error = Text(default="")
    created_at = Timestamptz(default=None)
    finished_at = Timestamptz(default=None, null=True)


INDEXES = [
    "CREATE UNIQUE INDEX job_dedupe ON job (dedupe) WHERE state = 'queued'",
    "CREATE UNIQUE INDEX job_slot ON job (slot)",
    "CREATE INDEX job_due ON job (run_at) WHERE state = 'queued'",
    "CREATE INDEX job_lease ON job (lease_until) WHERE state = 'running'",
    "CREATE INDEX job_finished ON job (finished_at) WHERE finished_at IS NOT NULL",
]


@dataclass(frozen=True, slots=True)
class JobState:
    """What the person who waits is shown. `total` is 0 while it is unknown."""

    id: uuid.UUID
    name: str
    status: Status
    done: int
    total: int
    note: str
    error: str
    person: uuid.UUID | None


@dataclass(frozen=True, slots=True)
class Claimed:
    """A job that this worker holds the lease of. `holder`: the worker's name, and after it that of this claim."""

    id: uuid.UUID
    name: str
    args: dict[str, Any]
    attempts: int
    holder: str


def _leases_now() -> datetime:
    """Leases live in real time, even where a job is run "as of" another moment."""
    return datetime.now(UTC)


def holder_name() -> str:
    """A name for this worker that tells a later one on the same machine whether it still lives.

    `<boot and process namespace>|<process id>|<random>`; without /proc the first part is random too.
    """
    try:
        with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as file:
            machine = f"{file.read().strip()}/{os.readlink('/proc/self/ns/pid')}"
    except OSError:
        machine = uuid.uuid4().hex
    return f"{machine}|{os.getpid()}|{uuid.uuid4().hex[:8]}"


def _is_dead(holder: str, own: str) -> bool:
    """True only when the holder was a process of this machine that is gone: no need to wait for its lease."""
    machine, _, rest = holder.partition("|")
    if holder == own or machine != own.partition("|")[0]:
        return False
    pid = int(rest.partition("|")[0])
    if pid == os.getpid():
        return False  # another worker of this very process
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    return False


async def put(
    name: str,
    args: dict[str, Any],
    *,
    dedupe: str | None = None,
    slot: str | None = None,
    run_at: datetime | None = None,
    person: uuid.UUID | None = None,
) -> uuid.UUID | None:
    """Add a job, or find the queued one with the same `dedupe` key (the earlier `run_at` wins).

    Returns its id; None when the slot of the schedule was taken already.
    """
    if slot is not None:
        conflict = "ON CONFLICT (slot) DO NOTHING"
    else:
        conflict = (
            "ON CONFLICT (dedupe) WHERE state = 'queued' DO UPDATE SET run_at ="
            " CASE WHEN excluded.run_at < job.run_at THEN excluded.run_at ELSE job.run_at END"
        )
    now = utc_now()
    row = await fetch_one(
        "INSERT INTO job (id, name, args, state, dedupe, slot, run_at, attempts, person, done, total, note,"
        " error, created_at) VALUES ({}, {}, {}, 'queued', {}, {}, {}, 0, {}, 0, 0, '', '', {})"
        f" {conflict} RETURNING id",
        new_id(),
        name,
        json.dumps(args, ensure_ascii=False),
        dedupe,
        slot,
        run_at or now,
        person,
        now,
    )
    return row["id"] if row else None


async def put_many(items: Sequence[tuple[str, dict[str, Any], datetime]]) -> None:
    """Add many jobs (name, arguments, not before) in one statement."""
    now = utc_now()
    for start in range(0, len(items), 500):
        part = items[start : start + 500]
        values = ", ".join(["({}, {}, {}, 'queued', {}, 0, 0, 0, '', '', {})"] * len(part))
        params = [
            value
            for name, args, run_at in part
            for value in (new_id(), name, json.dumps(args, ensure_ascii=False), run_at, now)
        ]
        await fetch(
            "INSERT INTO job (id, name, args, state, run_at, attempts, done, total, note, error, created_at)"
            f" VALUES {values}",
            *params,
        )


async def claim(names: list[str], holder: str, leases: dict[str, float]) -> Claimed | None:
    """Take the job that has been due for the longest, if any. `leases`: seconds by name."""
    now, holder = utc_now(), f"{holder}|{uuid.uuid4().hex[:8]}"
    due = "state = 'queued' AND run_at <= {} AND name IN ({})"
    # Most looks find nothing, and a look must not take SQLite's one writer from somebody.
    waiting = await fetch_one(
        f"SELECT id, name FROM job WHERE {due} ORDER BY run_at LIMIT 1",
        now,
        names,
    )
    if waiting is None:
        return None
    lock = " FOR UPDATE SKIP LOCKED" if dialect() == "postgres" else ""
    row = await fetch_one(
        "UPDATE job SET state = 'running', attempts = attempts + 1, leased_by = {}, lease_until = {}"
        f" WHERE id = (SELECT id FROM job WHERE {due} ORDER BY run_at LIMIT 1{lock})"
        " AND state = 'queued' RETURNING id, name, args, attempts",
        holder,
        _leases_now() + timedelta(seconds=leases[waiting["name"]]),
        now,
        names,
    )
    if row is None:
        return None
    job = Claimed(row["id"], row["name"], json.loads(row["args"]), row["attempts"], holder)
    if job.name != waiting["name"]:  # another worker took the one that was seen first
        await keep(job, leases[job.name])
    return job


async def keep(job: Claimed, seconds: float) -> bool:
    """Renew the lease. False: somebody else has taken the job up."""
    rows = await fetch(
        "UPDATE job SET lease_until = {} WHERE id = {} AND leased_by = {} AND state = 'running' RETURNING id",
        _leases_now() + timedelta(seconds=seconds),
        job.id,
        job.holder,
    )
    return bool(rows)


async def release(job: Claimed, *, run_at: datetime, error: str = "", counted: bool = True) -> None:
    """Back into the queue, for a later try or, not `counted`, because the worker stops."""
    statement = (
        "UPDATE job SET state = 'queued', leased_by = NULL, lease_until = NULL, run_at = {}, error = {},"
        " attempts = attempts - {}, dedupe = %s WHERE id = {} AND leased_by = {} AND state = 'running'"
    )
    params = (run_at, error, 0 if counted else 1, job.id, job.holder)
    try:
        await fetch(statement % "dedupe", *params)
    except UniqueViolation:  # the same work was asked for again meanwhile; both are run
        await fetch(statement % "NULL", *params)


async def finish(job: Claimed) -> None:
    """It is done."""
    await _close(job, "done", "")


async def fail(job: Claimed, error: str) -> None:
    """It is given up; the error stays to be read."""
    await _close(job, "failed", error)


async def _close(job: Claimed, state: Status, error: str) -> None:
    await fetch(
        "UPDATE job SET state = {}, error = {}, finished_at = {}, leased_by = NULL, lease_until = NULL"
        " WHERE id = {} AND leased_by = {} AND state = 'running'",
        state,
        error,
        _leases_now(),
        job.id,
        job.holder,
    )


async def note_progress(job: Claimed, done: int, total: int, note: str) -> None:
    """For the person who waits."""
    await fetch(
        "UPDATE job SET done = {}, total = {}, note = {} WHERE id = {} AND leased_by = {}",
        done,
        total,
        note,
        job.id,
        job.holder,
    )


async def get(job_id: uuid.UUID) -> JobState | None:
    """How far a job is; None when it is unknown or forgotten."""
    row = await fetch_one(
        "SELECT id, name, state AS status, done, total, note, error, person FROM job WHERE id = {}", job_id
    )
    return JobState(**row) if row else None


async def unfinished(name: str) -> JobState | None:
    """The oldest job of this name that waits or runs."""
    row = await fetch_one(
        "SELECT id, name, state AS status, done, total, note, error, person FROM job"
        " WHERE name = {} AND state IN ('queued', 'running') ORDER BY created_at LIMIT 1",
        name,
    )
    return JobState(**row) if row else None


@dataclass(frozen=True, slots=True)
class Counts:
    """The queue at a glance: jobs by state, for how many seconds the oldest due one waits (0: none does), and the
    name of the one that failed last.
    """

    by_state: dict[str, int]
    oldest_due_s: float
    last_failed: str


async def counts() -> Counts:
    """For metrics and `doctor`; finished jobs are not counted."""
    rows = await fetch("SELECT state, COUNT(*) AS n FROM job WHERE state <> 'done' GROUP BY state")
    now = _leases_now()
    oldest = await fetch_one(
        "SELECT run_at FROM job WHERE state = 'queued' AND run_at <= {} ORDER BY run_at LIMIT 1", now
    )
    waited = (now - oldest["run_at"]).total_seconds() if oldest else 0.0
    last = await fetch_one("SELECT name FROM job WHERE state = 'failed' ORDER BY finished_at DESC LIMIT 1")
    return Counts({row["state"]: row["n"] for row in rows}, waited, last["name"] if last else "")


@dataclass(frozen=True, slots=True)
class Failed:
    """A job that was given up, and why."""

    name: str
    args: dict[str, Any]
    error: str
    at: datetime


async def failed(names: list[str], since: datetime, limit: int) -> list[Failed]:
    """The jobs of these names that failed for good since then, newest first."""
    rows = await fetch(
        "SELECT name, args, error, finished_at AS at FROM job WHERE state = 'failed' AND finished_at > {}"
        " AND name IN ({}) ORDER BY finished_at DESC LIMIT {}",
        since,
        names,
        limit,
    )
    return [Failed(**{**row, "args": json.loads(row["args"])}) for row in rows]


async def take_back(own: str, limits: dict[str, int], running: Collection[str] = ()) -> int:
    """Queue again what dead workers held; a job that was begun `limits[name]` times is given up instead.

    A job that kills its worker each time must not go round for ever. `running`: the holders of what this process is
    at; it lives, however long the machine slept or the database was away. Returns how many were taken back.
    """
    now = _leases_now()
    held = await fetch(
        "SELECT id, name, attempts, leased_by, lease_until FROM job WHERE state = 'running' AND name IN ({})",
        list(limits),
    )
    taken = 0
    for row in held:
        if row["leased_by"] in running:
            continue
        if row["lease_until"] >= now and not _is_dead(row["leased_by"], own):
            continue
        job = Claimed(row["id"], row["name"], {}, row["attempts"], row["leased_by"])
        error = "the worker was stopped in the middle of it"
        if job.attempts >= limits[job.name]:
            await fail(job, error)
        else:
            # spread, so that workers that come back together do not all rush at the same jobs
            await release(job, run_at=utc_now() + timedelta(milliseconds=random.randrange(50)), error=error)  # noqa: S311
        taken += 1
    return taken


async def forget(before: datetime) -> int:
    """Delete jobs that were finished before then; returns how many."""
    return len(await fetch("DELETE FROM job WHERE finished_at < {} RETURNING id", before))
