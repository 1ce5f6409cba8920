"""Work that goes on after the answer: jobs, events that travel up the layers, and schedules.

Why: a cut, a mail or a milestone must neither be lost when the process ends nor happen for a change that was
rolled back. A job is a row written in the caller's transaction; a worker (inside `trainer serve` or alone)
takes it up, and again after a crash.
Invariant: a job whose transaction was committed is run until it is done or has failed for good. It may run
twice (a worker can die after the work and before the note of it), so every job guards its own effects.

`trainer.job_queue` holds the table and is the seam for another queue engine.
"""

import asyncio
import inspect
import json
import logging
import os
import random
import re
import time
import uuid
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from trainer import job_queue
from trainer.db import DatabaseError, DatabaseGone, after_commit, as_of, database, to_the_end, utc_now
from trainer.job_queue import Claimed, Failed, JobState
from trainer.storage import StorageError, no_space

log = logging.getLogger(__name__)

POLL_S = 1.0  # how often a worker looks for jobs that other processes have put
HOUSEKEEPING_S = 5.0  # how often it looks at schedules and at what dead workers left
STOP_S = 3.0  # how long stopping takes: two thirds for jobs to finish, one to give them back
WAIT = timedelta(seconds=15)  # between looks whether disk, storage or database are back
KEEP_FINISHED = timedelta(days=7)
HANDS = max(
    4, min(16, (os.cpu_count() or 1) + 1)
)  # jobs at a time: every core may be decoding, and one hand is free

Function = TypeVar("Function", bound=Callable[..., Awaitable[None]])


class Permanent(Exception):
    """A job raises it when no later try can help: it fails at once, with this message."""


class LeaseLost(Exception):
    """Another run of this job has begun meanwhile: this one ends, and notes nothing."""


@dataclass(slots=True)
class JobContext:
    """What a running job knows of itself. `attempt` counts from 1."""

    job_id: uuid.UUID
    attempt: int
    _job: Claimed
    _shown_at: float = 0.0

    async def progress(self, done: int, total: int, note: str = "") -> None:
        """Show the person who waits how far it is; call it as often as you like, but outside a transaction.

        Written at most four times a second, and when `done` reaches `total`.
        """
        now = time.monotonic()
        if done >= total or now - self._shown_at >= 0.25:
            self._shown_at = now
            await job_queue.note_progress(self._job, done, total, note)

    async def still_ours(self) -> None:
        """To be asked before what cannot be taken back, such as a mail. Raises LeaseLost."""
        if not await job_queue.keep(self._job, _definitions[self._job.name].lease_s):
            raise LeaseLost


@dataclass(frozen=True, slots=True)
class _Definition:
    name: str
    function: Callable[..., Awaitable[None]]
    attempts: int
    lease_s: float


@dataclass(frozen=True, slots=True)
class _Schedule:
    name: str
    every: timedelta
    offset: timedelta

    def slot(self, now: datetime) -> datetime:
        """The latest moment that it was due, at or before now."""
        start = datetime(2020, 1, 1, tzinfo=UTC) + self.offset
        return start + self.every * ((now - start) // self.every)


_definitions: dict[str, _Definition] = {}
_names: dict[Callable[..., Awaitable[None]], str] = {}
_subscribers: dict[str, list[str]] = {}
_schedules: dict[str, _Schedule] = {}
_wakes: set[asyncio.Event] = set()
_running: set[str] = set()  # the holders of what this process is at


# Declaring


def job(name: str, *, attempts: int = 5, lease_seconds: float = 60) -> Callable[[Function], Function]:
    """Register `async def f(context, **args)` under a name that stays the same over releases.

    It is begun at most `attempts` times, with growing pauses. `lease_seconds`: how long after the sudden end
    of a worker on another machine the job is taken up again (a lease is renewed while its job runs).
    """

    def register(function: Function) -> Function:
        if name in _definitions and _definitions[name].function.__qualname__ != function.__qualname__:
            raise ValueError(f"two jobs are named {name!r}")
        _definitions[name] = _Definition(name, function, attempts, lease_seconds)
        _names[function] = name
        return function

    return register


def on(event: str, *, attempts: int = 5, lease_seconds: float = 60) -> Callable[[Function], Function]:
    """Register `async def f(context, event: dict)` as a job for each time that the event is published."""

    def register(function: Function) -> Function:
        if list(inspect.signature(function).parameters)[1:] != ["event"]:
            raise ValueError(f"{function.__name__} must take (context, event)")
        name = f"{event}:{function.__module__.removeprefix('trainer.')}.{function.__name__}"
        job(name, attempts=attempts, lease_seconds=lease_seconds)(function)
        subscribers = _subscribers.setdefault(event, [])
        if name not in subscribers:
            subscribers.append(name)
        return function

    return register


def schedule(
    name: str,
    *,
    every: timedelta | None = None,
    at: str | None = None,
    attempts: int = 5,
    lease_seconds: float = 60,
) -> Callable[[Function], Function]:
    """Register `async def f(context)` to run once per slot over all processes.

    A slot is `every` so often (counted from midnight UTC) or daily `at="03:00"` UTC. After a time without
    workers the latest missed slot is run, once.
    """
    if (every is None) == (at is None):
        raise ValueError("a schedule is either `every` some time or `at` a time of day")
    offset = timedelta()
    if at is not None:
        if not re.fullmatch(r"([01]\d|2[0-3]):[0-5]\d", at):
            raise ValueError(f"not a time of day: {at!r}")
        offset = timedelta(hours=int(at[:2]), minutes=int(at[3:]))

    def register(function: Function) -> Function:
        job(name, attempts=attempts, lease_seconds=lease_seconds)(function)
        _schedules[name] = _Schedule(name, every or timedelta(days=1), offset)
        return function

    return register


# Asking for work


async def enqueue(
    function: Callable[..., Awaitable[None]],
    args: Mapping[str, Any] | None = None,
    *,
    dedupe: str | None = None,
    run_at: datetime | None = None,
    person: uuid.UUID | None = None,
) -> uuid.UUID:
    """Have a registered job run with these JSON arguments, once the caller's transaction is committed.

    With `dedupe`, a job with that key that still waits is used instead of a second one (one that already runs
    may have read the old state, so that it does not count). Returns the job's id for `get_job`. Raises
    TypeError for arguments that the job does not take or JSON cannot hold.
    """
    given = dict(args or {})
    inspect.signature(function).bind(None, **given)
    job_id = await _put(_names[function], given, dedupe=dedupe, run_at=run_at, person=person)
    assert job_id is not None
    return job_id


async def publish(event: str, data: Mapping[str, Any]) -> None:
    """Tell the layers above: one job per `@on` subscriber, in the caller's transaction."""
    for name in _subscribers.get(event, ()):
        await _put(name, {"event": dict(data)})


async def publish_many(event: str, items: Sequence[Mapping[str, Any]], *, run_at: Sequence[datetime]) -> None:
    """The same for many at once, each no earlier than its `run_at`.

    Thousands of events that are all due now would stand before every job that somebody waits for: spread them.
    """
    names = _subscribers.get(event, ())
    pairs = list(zip(items, run_at, strict=True))
    await job_queue.put_many([(name, {"event": dict(data)}, at) for data, at in pairs for name in names])
    after_commit(_wake_workers)


async def get_job(job_id: uuid.UUID) -> JobState | None:
    """How far a job is; None when it is unknown or was finished more than seven days ago."""
    return await job_queue.get(job_id)


async def unfinished(function: Callable[..., Awaitable[None]]) -> JobState | None:
    """A run of this job that waits or is under way, if there is one, whoever asked for it."""
    return await job_queue.unfinished(_names[function])


async def failed(
    functions: Sequence[Callable[..., Awaitable[None]]], since: datetime, limit: int
) -> list[Failed]:
    """The runs of these jobs that were given up since then, newest first; kept for seven days."""
    return await job_queue.failed([_names[function] for function in functions], since, limit)


async def _put(name: str, args: dict[str, Any], **options: Any) -> uuid.UUID | None:
    json.dumps(args)  # a wrong argument is the caller's mistake: name it here, not in a worker
    job_id = await job_queue.put(name, args, **options)
    after_commit(_wake_workers)
    return job_id


def _wake_workers() -> None:
    for wake in _wakes:
        wake.set()


async def _put_due_schedules(now: datetime, known: set[str]) -> None:
    for each in _schedules.values():
        slot = each.slot(now)
        key = f"{each.name}@{slot.isoformat()}"
        if key not in known:
            await job_queue.put(each.name, {}, slot=key, run_at=slot)
            known.add(key)


# Doing it


def _leases() -> dict[str, float]:
    return {each.name: each.lease_s for each in _definitions.values()}


async def _take_back(holder: str) -> int:
    limits = {each.name: each.attempts for each in _definitions.values()}
    return await job_queue.take_back(holder, limits, _running)


def _pause(attempt: int) -> timedelta:
    """2, 8, 32, 128 … seconds, at most an hour; a quarter up or down, or failures would march in step."""
    return timedelta(seconds=min(2 * 4 ** (attempt - 1), 3600) * random.uniform(0.75, 1.25))  # noqa: S311


async def _keep_lease(claimed: Claimed, lease_s: float, running: asyncio.Task[Any]) -> None:
    while True:
        await asyncio.sleep(lease_s / 3)
        try:
            if not await job_queue.keep(claimed, lease_s):
                log.warning("job %s (%s) was taken up by another worker", claimed.name, claimed.id)
                running.cancel()
                return
        except DatabaseError as error:
            log.warning("lease of job %s not renewed: %s", claimed.id, error)


async def _settle(write: Callable[[], Awaitable[None]], give_up: timedelta) -> None:
    """Write how a job ended even when the database is away for a while."""
    until = asyncio.get_running_loop().time() + give_up.total_seconds()
    while True:
        try:
            return await write()
        except DatabaseError as error:
            if asyncio.get_running_loop().time() > until:
                log.error("how a job ended could not be noted: %s", error)
                return
        await asyncio.sleep(0.5)


def _will_pass(error: Exception) -> bool:
    """Whether nothing is wrong with the job itself: disk, storage or database are away, and it waits for them.

    Otherwise a disk that is full for an hour would use up the tries of every job of that hour.
    """
    away = isinstance(error, StorageError) and error.reason != "missing"
    return away or isinstance(error, DatabaseGone) or no_space(error)


async def _run(claimed: Claimed) -> None:
    """Run a claimed job to its end and note how it went. Cancelled (a stop, a lost lease), it goes back."""
    definition = _definitions[claimed.name]
    this = asyncio.current_task()
    assert this is not None
    lease = asyncio.create_task(_keep_lease(claimed, definition.lease_s, this))
    wait = timedelta(minutes=2)
    _running.add(claimed.holder)
    try:
        context = JobContext(claimed.id, claimed.attempts, claimed)
        await definition.function(context, **claimed.args)
    except asyncio.CancelledError:
        now = utc_now()
        back = _settle(lambda: job_queue.release(claimed, run_at=now, counted=False), timedelta(seconds=1))
        await to_the_end(back)
        raise
    except LeaseLost:
        log.warning("job %s (%s) was taken up by another worker", claimed.name, claimed.id)
    except Permanent as error:
        reason = str(error)
        await _settle(lambda: job_queue.fail(claimed, reason), wait)
    except Exception as error:
        reason = f"{type(error).__name__}: {error}"
        if _will_pass(error):
            log.warning(
                "job %s (%s) waits for what it needs: %s", claimed.name, claimed.id, type(error).__name__
            )
            later = utc_now() + WAIT * random.uniform(0.75, 1.25)  # noqa: S311
            await _settle(lambda: job_queue.release(claimed, run_at=later, error=reason, counted=False), wait)
        elif claimed.attempts >= definition.attempts:
            log.exception("job %s (%s) failed for good", claimed.name, claimed.id)
            await _settle(lambda: job_queue.fail(claimed, reason), wait)
        else:
            log.warning("job %s (%s) failed, will be tried again", claimed.name, claimed.id, exc_info=True)
            later = utc_now() + _pause(claimed.attempts)
            await _settle(lambda: job_queue.release(claimed, run_at=later, error=reason), wait)
    else:
        await _settle(lambda: job_queue.finish(claimed), wait)
    finally:
        _running.discard(claimed.holder)
        lease.cancel()


async def drain(now: datetime | None = None) -> int:
    """Run everything due, one after the other, here; returns how many runs that were.

    Without `now`: what is queued and due. With it: also the latest slot of each schedule, and all of it as if
    it were that moment (`utc_now()` says so). A job that fails waits for its next try, as always.
    """
    if database().held() is not None:
        raise RuntimeError("jobs do not run inside a transaction")
    holder, runs = job_queue.holder_name(), 0
    with as_of(now):
        await _take_back(holder)
        if now is not None:
            await _put_due_schedules(now, set())
        while claimed := await job_queue.claim(list(_definitions), holder, _leases()):
            task = asyncio.create_task(_run(claimed))
            try:
                await asyncio.wait([task])
            finally:
                task.cancel()
            runs += 1
    return runs


class Worker:
    """Takes up jobs until it is stopped: `run()` as a task (embedded) or as the whole process."""

    def __init__(self, *, concurrency: int = HANDS) -> None:
        self._free = concurrency
        self._running: set[asyncio.Task[None]] = set()
        self._wake = asyncio.Event()
        self._ended = asyncio.Event()
        self._ended.set()
        self._stopping = False
        self._holder = job_queue.holder_name()
        self._slots: set[str] = set()

    async def run(self) -> None:
        """Work until `stop`. The database may go away meanwhile: it is tried again."""
        _wakes.add(self._wake)
        self._ended.clear()
        keeping = 0.0
        loop = asyncio.get_running_loop()
        try:
            while not self._stopping:
                self._wake.clear()
                try:
                    if loop.time() >= keeping:
                        await self._keep_house()
                        keeping = loop.time() + HOUSEKEEPING_S
                    await self._start_due()
                except DatabaseError as error:
                    log.warning("worker waits for the database: %s", error)
                try:
                    async with asyncio.timeout(POLL_S * random.uniform(0.75, 1.25)):  # noqa: S311
                        await self._wake.wait()
                except TimeoutError:
                    pass
        finally:
            _wakes.discard(self._wake)
            await to_the_end(self._let_go())

    async def stop(self) -> None:
        """Take up nothing more; what runs may finish for two seconds, then goes back to the queue."""
        self._stopping = True
        self._wake.set()
        await self._ended.wait()

    async def _keep_house(self) -> None:
        if taken := await _take_back(self._holder):
            log.warning("%d jobs of stopped workers were taken back", taken)
        await _put_due_schedules(utc_now(), self._slots)
        if len(self._slots) > 10_000:
            self._slots.clear()  # they only spare a query each

    async def _start_due(self) -> None:
        while self._free > 0 and not self._stopping:
            claimed = await job_queue.claim(list(_definitions), self._holder, _leases())
            if claimed is None:
                return
            self._free -= 1
            task = asyncio.create_task(_run(claimed), name=f"job {claimed.name}")
            self._running.add(task)
            task.add_done_callback(self._finished)

    def _finished(self, task: asyncio.Task[None]) -> None:
        self._running.discard(task)
        self._free += 1
        self._wake.set()
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("a job ended unexpectedly", exc_info=error)

    async def _let_go(self) -> None:
        if self._running:
            await asyncio.wait(self._running, timeout=STOP_S * 2 / 3)
        for task in list(self._running):
            task.cancel()
        if self._running:
            await asyncio.wait(self._running, timeout=STOP_S / 3)
        self._ended.set()


@schedule("forget_finished_jobs", at="02:30")
async def forget_finished_jobs(context: JobContext) -> None:
    """Finished jobs are kept for a week, for questions about them."""
    await job_queue.forget(utc_now() - KEEP_FINISHED)
