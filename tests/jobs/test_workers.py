"""Workers: jobs begin at once, survive killed workers, go to one of several, and are let go of on a stop."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.waiting import takes_at_most, until
from trainer import db, jobs
from trainer.jobs import JobContext, Worker, enqueue, get_job, job, on, publish

# What a worker process of these tests knows. It writes "word pid attempt" lines to the file in `out`.
PROCESS = """
import asyncio, os, signal, sys
from datetime import timedelta
from trainer import db, jobs

jobs.POLL_S = 0.1
jobs.HOUSEKEEPING_S = 0.2
jobs.STOP_S = 1
url, path, seconds = sys.argv[1], sys.argv[2], float(sys.argv[3])

def say(line):
    with open(path, "a") as file:
        file.write(line + "\\n")

@jobs.job("stamp")
async def stamp(context, number):
    say(f"stamp-{number} {os.getpid()} {context.attempt}")
    while len({line.split()[1] for line in open(path)}) < 2:  # until both processes are at work
        await asyncio.sleep(0.02)

@jobs.job("sleepy", lease_seconds=1)
async def sleepy(context):
    say(f"sleepy {os.getpid()} {context.attempt}")
    if context.attempt == 1:
        await context.progress(1, 10, "asleep")
        await asyncio.sleep(60)
    say(f"awake {os.getpid()} {context.attempt}")

@jobs.job("long", lease_seconds=3)
async def long(context):
    say(f"long {os.getpid()} {context.attempt}")
    await asyncio.sleep(60)

if "tick" in sys.argv:
    @jobs.schedule("tick", every=timedelta(days=20000))  # no test sees its next turn
    async def tick(context):
        say(f"tick {os.getpid()} {context.attempt}")

async def main():
    await db.open_database(url)
    worker = jobs.Worker()
    asyncio.get_running_loop().add_signal_handler(
        signal.SIGTERM, lambda: asyncio.ensure_future(worker.stop())
    )
    asyncio.get_running_loop().call_later(seconds, lambda: asyncio.ensure_future(worker.stop()))
    say(f"ready {os.getpid()}")
    await worker.run()
    await db.close_database()

asyncio.run(main())
"""


class Workers:
    """Worker processes of one test and what they said."""

    def __init__(self, url: str, path: Path) -> None:
        self.url, self.path = url, path
        self.processes: list[subprocess.Popen[bytes]] = []

    def start(self, *words: str, seconds: float = 30) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-c", PROCESS, self.url, str(self.path), str(seconds), *words]
        process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
        self.processes.append(process)
        return process

    def said(self, word: str) -> list[list[str]]:
        lines = self.path.read_text().splitlines() if self.path.exists() else []
        return [line.split() for line in lines if line.startswith(word)]


@pytest.fixture
def workers(database: str, tmp_path: Path):
    started = Workers(database, tmp_path / "said.txt")
    yield started
    for process in started.processes:
        process.kill()
        process.wait()


async def put(name: str, **args: Any) -> Any:
    """A job of the processes, which this process does not know."""
    return await jobs.job_queue.put(name, args)


async def status(job_id: Any) -> str:
    state = await get_job(job_id)
    assert state is not None
    return state.status


async def test_two_processes_share_the_jobs_and_run_each_once(workers: Workers):
    for number in range(100):
        await put("stamp", number=number)
    workers.start()
    workers.start()
    await until(lambda: len(workers.said("stamp")) >= 100)
    await asyncio.sleep(0.3)
    lines = workers.said("stamp")
    assert sorted(line[0] for line in lines) == sorted(f"stamp-{n}" for n in range(100))
    assert {line[2] for line in lines} == {"1"}
    assert len({line[1] for line in lines}) == 2, "one of the two did nothing"


async def test_a_schedule_runs_once_over_two_processes(workers: Workers):
    workers.start("tick")
    workers.start("tick")
    await until(lambda: len(workers.said("ready")) == 2 and workers.said("tick"))
    await asyncio.sleep(0.8)
    assert len(workers.said("tick")) == 1


async def test_a_killed_workers_job_is_taken_up_by_the_next_one_at_once(workers: Workers):
    job_id = await put("sleepy")
    first = workers.start()
    await until(lambda: workers.said("sleepy"))
    state = await get_job(job_id)
    assert state is not None
    await until(lambda: seen_progress(job_id))
    first.send_signal(signal.SIGKILL)
    first.wait()
    assert await status(job_id) == "running", "nobody was there to say otherwise"
    second = workers.start()
    await until(lambda: is_done(job_id))
    assert workers.said("awake") == [["awake", str(second.pid), "2"]]


async def seen_progress(job_id: Any) -> bool:
    """Another process's progress, from this one's connection."""
    state = await get_job(job_id)
    return state is not None and (state.done, state.total, state.note) == (1, 10, "asleep")


async def is_done(job_id: Any) -> bool:
    return await status(job_id) == "done"


async def test_a_job_of_another_machines_dead_worker_waits_for_its_lease(workers: Workers):
    job_id = await put("sleepy")
    first = workers.start()
    await until(lambda: seen_progress(job_id))
    first.send_signal(signal.SIGKILL)
    first.wait()
    await db.fetch("UPDATE job SET leased_by = 'elsewhere|1|x' WHERE id = {}", job_id)
    killed = time.monotonic()
    workers.start()
    await until(lambda: is_done(job_id))
    assert time.monotonic() - killed > 0.5, "the lease was not respected"


async def test_a_lease_is_renewed_for_as_long_as_its_job_runs(workers: Workers):
    job_id = await put("long")
    workers.start()
    await until(lambda: workers.said("long"))
    (first,) = await db.fetch("SELECT lease_until FROM job WHERE id = {}", job_id)
    workers.start()
    await until(lambda: len(workers.said("ready")) == 2 and db.utc_now() > first["lease_until"])
    await asyncio.sleep(0.3)  # time enough for the second one to look
    assert len(workers.said("long")) == 1, "taken up by the second worker while the first was at it"
    assert await status(job_id) == "running"


async def test_a_stopped_worker_gives_its_job_back_uncounted(workers: Workers):
    job_id = await put("sleepy")
    first = workers.start()
    await until(lambda: workers.said("sleepy"))
    with takes_at_most(5):
        first.send_signal(signal.SIGTERM)
        assert await asyncio.to_thread(first.wait, 30) == 0, "it waited for its job"
    rows = await db.fetch("SELECT state, attempts, leased_by FROM job WHERE id = {}", job_id)
    assert rows == [{"state": "queued", "attempts": 0, "leased_by": None}]


async def test_a_job_that_kills_its_worker_each_time_is_given_up(database: str):
    @job("poison", attempts=2)
    async def poison(context: JobContext) -> None: ...

    job_id = await enqueue(poison)
    for expected in ("queued", "failed"):
        claimed = await jobs.job_queue.claim(["poison"], "elsewhere|1|x", {"poison": -1})
        assert claimed is not None
        await jobs.job_queue.take_back("here|1|y", {"poison": 2})
        assert await status(job_id) == expected
        await asyncio.sleep(0.06)
    state = await get_job(job_id)
    assert state is not None
    assert "worker was stopped" in state.error


# A worker inside this process


@pytest.fixture
async def worker(database: str, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Worker]:
    monkeypatch.setattr(jobs, "STOP_S", 0.3)
    embedded = Worker()
    running = asyncio.create_task(embedded.run())
    await asyncio.sleep(0.05)
    yield embedded
    await embedded.stop()
    await running


@pytest.fixture
def looks_once_an_hour(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs, "POLL_S", 3600.0)


@pytest.mark.usefixtures("looks_once_an_hour")
async def test_an_embedded_worker_is_woken_by_the_commit(worker: Worker):
    done = asyncio.Event()

    @job("quick")
    async def quick(context: JobContext) -> None:
        done.set()

    async with db.transaction():
        await enqueue(quick)
        await asyncio.sleep(0.05)
        assert not done.is_set()
    async with asyncio.timeout(60):
        await done.wait()


async def test_events_travel_while_others_run(worker: Worker):
    seen = asyncio.Event()

    @job("slow")
    async def slow(context: JobContext) -> None:
        await asyncio.sleep(30)

    @on("module_completed")
    async def award(context: JobContext, event: dict[str, Any]) -> None:
        seen.set()

    for _ in range(3):
        await enqueue(slow)
    await publish("module_completed", {})
    async with asyncio.timeout(60):
        await seen.wait()


async def test_it_lets_a_job_finish_that_is_nearly_done(database: str):
    @job("short")
    async def short(context: JobContext) -> None:
        await asyncio.sleep(0.3)

    job_id = await enqueue(short)
    embedded = Worker()
    running = asyncio.create_task(embedded.run())
    await until(lambda: is_running(job_id))
    await embedded.stop()
    await running
    assert await status(job_id) == "done"


async def is_running(job_id: Any) -> bool:
    return await status(job_id) == "running"


async def test_a_worker_that_lost_its_lease_stops_and_changes_nothing(worker: Worker):
    stopped = asyncio.Event()

    @job("slow", lease_seconds=0.3)
    async def slow(context: JobContext) -> None:
        try:
            await asyncio.sleep(30)
        finally:
            stopped.set()

    job_id = await enqueue(slow)
    await until(lambda: is_running(job_id))
    await db.fetch(
        "UPDATE job SET leased_by = 'elsewhere|1|x', lease_until = {}", db.utc_now() + timedelta(hours=1)
    )
    async with asyncio.timeout(60):
        await stopped.wait()
    await asyncio.sleep(0.05)
    rows = await db.fetch("SELECT state, leased_by FROM job WHERE id = {}", job_id)
    assert rows == [{"state": "running", "leased_by": "elsewhere|1|x"}]


async def test_a_worker_does_not_take_back_what_it_is_at_itself(
    database: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(jobs, "POLL_S", 0.01)
    monkeypatch.setattr(jobs, "HOUSEKEEPING_S", 0.0)
    real, looks = jobs.job_queue.take_back, 0

    async def take_back(*args: Any) -> int:
        nonlocal looks
        taken = await real(*args)
        looks += 1
        return taken

    monkeypatch.setattr(jobs.job_queue, "take_back", take_back)
    begun, go_on = [], asyncio.Event()

    @job("slow", attempts=1, lease_seconds=300)
    async def slow(context: JobContext) -> None:
        begun.append(context.attempt)
        await go_on.wait()

    job_id = await enqueue(slow)
    embedded = Worker()
    running = asyncio.create_task(embedded.run())
    await until(lambda: begun)
    # the machine slept, or the database was away, for longer than the lease
    await db.fetch("UPDATE job SET lease_until = {}", db.utc_now() - timedelta(seconds=5))
    before = looks
    await until(lambda: looks >= before + 2)
    rows = await db.fetch("SELECT state, attempts FROM job WHERE id = {}", job_id)
    assert rows == [{"state": "running", "attempts": 1}]
    go_on.set()
    await until(lambda: is_done(job_id))
    assert begun == [1]
    await embedded.stop()
    await running


async def test_an_old_run_changes_nothing_of_a_later_one_of_the_same_worker(database: str):
    @job("slow")
    async def slow(context: JobContext) -> None: ...

    job_id, own = await enqueue(slow), jobs.job_queue.holder_name()
    old = await jobs.job_queue.claim(["slow"], own, {"slow": -1})
    await jobs.job_queue.take_back(own, {"slow": 5})
    await db.fetch("UPDATE job SET run_at = {}", db.utc_now())
    new = await jobs.job_queue.claim(["slow"], own, {"slow": 60})
    assert old is not None
    assert new is not None
    assert not await jobs.job_queue.keep(old, 60)
    await jobs.job_queue.note_progress(old, 1, 2, "of the old one")
    await jobs.job_queue.finish(old)
    await jobs.job_queue.fail(old, "of the old one")
    await jobs.job_queue.release(old, run_at=db.utc_now())
    rows = await db.fetch("SELECT state, attempts, note FROM job WHERE id = {}", job_id)
    assert rows == [{"state": "running", "attempts": 2, "note": ""}]
    assert await jobs.job_queue.keep(new, 60)


async def test_a_run_that_lost_its_lease_goes_no_further_than_its_next_look(worker: Worker):
    begun, lost, went_on = asyncio.Event(), asyncio.Event(), []

    @job("careful", lease_seconds=300)
    async def careful(context: JobContext) -> None:
        begun.set()
        await lost.wait()
        await context.still_ours()
        went_on.append(context.attempt)

    await enqueue(careful)
    await begun.wait()
    until_then = db.utc_now() + timedelta(hours=1)
    await db.fetch("UPDATE job SET leased_by = 'elsewhere|1|x', lease_until = {}", until_then)
    lost.set()
    await until(lambda: not worker._running)
    rows = await db.fetch("SELECT state, leased_by, error FROM job")
    assert rows == [{"state": "running", "leased_by": "elsewhere|1|x", "error": ""}]
    assert went_on == []


async def test_a_worker_outlives_a_database_that_is_away(
    worker: Worker, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    done = asyncio.Event()

    @job("quick")
    async def quick(context: JobContext) -> None:
        done.set()

    real, away = jobs.job_queue.claim, True

    async def claim(*args: Any) -> Any:
        if away:
            raise db.DatabaseGone("away")
        return await real(*args)

    monkeypatch.setattr(jobs.job_queue, "claim", claim)
    await enqueue(quick)
    await until(lambda: "worker waits for the database" in caplog.text)
    away = False
    async with asyncio.timeout(60):
        await done.wait()


def test_a_live_process_of_this_machine_is_not_taken_for_dead():
    own = jobs.job_queue.holder_name()
    machine = own.partition("|")[0]
    alive = f"{machine}|{os.getppid()}|other"
    assert not jobs.job_queue._is_dead(alive, own)
    assert not jobs.job_queue._is_dead(own, own)
    assert not jobs.job_queue._is_dead("elsewhere|999999999|x", own)
    assert jobs.job_queue._is_dead(f"{machine}|999999999|x", own)
