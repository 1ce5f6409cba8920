"""A job is run after its transaction, until it is done or has failed for good."""
# ruff: noqa: PT012 - what must fail here is a whole transaction

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from trainer import db, jobs
from trainer.job_queue import JobState
from trainer.jobs import JobContext, Permanent, drain, enqueue, get_job, job, on, publish

pytestmark = pytest.mark.usefixtures("database")


async def state_of(job_id: UUID) -> JobState:
    state = await get_job(job_id)
    assert state is not None
    return state


async def due_in_s(job_id: UUID) -> float:
    row = await db.fetch_one("SELECT run_at FROM job WHERE id = {}", job_id)
    assert row is not None
    return (row["run_at"] - db.utc_now()).total_seconds()


async def test_a_job_runs_with_its_arguments_and_is_done():
    seen: list[Any] = []

    @job("greet")
    async def greet(context: JobContext, name: str, times: int = 1) -> None:
        seen.append((name, times, context.attempt))

    job_id = await enqueue(greet, {"name": "美玲", "times": 2})
    assert (await state_of(job_id)).status == "queued"
    assert await drain() == 1
    assert seen == [("美玲", 2, 1)]
    assert (await state_of(job_id)).status == "done"
    assert await drain() == 0


async def test_a_declared_job_stays_a_function():
    @job("double")
    async def double(context: None, numbers: list[int]) -> None:
        numbers.append(numbers[0] * 2)

    numbers = [4]
    await double(None, numbers)
    assert numbers == [4, 8]


async def test_arguments_that_do_not_fit_are_refused_when_asked_for():
    @job("greet")
    async def greet(context: JobContext, name: str) -> None: ...

    with pytest.raises(TypeError):
        await enqueue(greet, {"nmae": "x"})
    with pytest.raises(TypeError):
        await enqueue(greet, {"name": {1, 2}})


async def test_a_name_belongs_to_one_job():
    @job("greet")
    async def greet(context: JobContext) -> None: ...

    with pytest.raises(ValueError, match="two jobs"):

        @job("greet")
        async def other(context: JobContext) -> None: ...


async def test_a_rolled_back_transaction_takes_its_job_with_it():
    @job("greet")
    async def greet(context: JobContext) -> None: ...

    with pytest.raises(ZeroDivisionError):
        async with db.transaction():
            lost = await enqueue(greet)
            _ = 1 / 0
    assert await get_job(lost) is None
    assert await drain() == 0
    async with db.transaction():
        kept = await enqueue(greet)
    assert (await state_of(kept)).status == "queued"


async def test_the_same_work_is_queued_once():
    runs: list[str] = []

    @job("render")
    async def render(context: JobContext, clip: str) -> None:
        runs.append(clip)
        if len(runs) == 1:  # asked for again while it runs: it may have read the old state
            await enqueue(render, {"clip": clip}, dedupe=f"render:{clip}")

    first = await enqueue(render, {"clip": "a"}, dedupe="render:a")
    assert await enqueue(render, {"clip": "a"}, dedupe="render:a") == first
    assert await enqueue(render, {"clip": "b"}, dedupe="render:b") != first
    assert await drain() == 3
    assert sorted(runs) == ["a", "a", "b"]
    assert await enqueue(render, {"clip": "a"}, dedupe="render:a") != first


async def test_the_earlier_wish_of_two_wins():
    @job("remind")
    async def remind(context: JobContext) -> None: ...

    now = db.utc_now()
    later = await enqueue(remind, dedupe="r", run_at=now + timedelta(hours=1))
    assert await drain() == 0
    assert await enqueue(remind, dedupe="r") == later
    await enqueue(remind, dedupe="r", run_at=now + timedelta(hours=2))
    assert await drain() == 1


async def test_a_job_waits_for_its_time():
    @job("remind")
    async def remind(context: JobContext) -> None: ...

    tomorrow = db.utc_now() + timedelta(days=1)
    await enqueue(remind, run_at=tomorrow)
    assert await drain() == 0
    assert await drain(tomorrow - timedelta(seconds=1)) == 0
    assert await drain(tomorrow) == 1


async def test_a_failure_is_tried_again_with_growing_pauses_and_then_kept():
    @job("flaky", attempts=3)
    async def flaky(context: JobContext) -> None:
        raise OSError(f"line is busy, attempt {context.attempt}")

    job_id = await enqueue(flaky, dedupe="line")
    assert await drain() == 1
    assert (await state_of(job_id)).status == "queued"
    assert 1 <= await due_in_s(job_id) <= 2.6
    assert await enqueue(flaky, dedupe="line", run_at=db.utc_now() + timedelta(hours=1)) == job_id
    assert await drain(db.utc_now() + timedelta(minutes=1)) == 1
    assert await drain(db.utc_now() + timedelta(minutes=1, seconds=5)) == 0, "the second pause is longer"
    assert await drain(db.utc_now() + timedelta(minutes=2)) == 1
    failed = await state_of(job_id)
    assert (failed.status, failed.error) == ("failed", "OSError: line is busy, attempt 3")
    assert await drain(db.utc_now() + timedelta(days=1)) == 0


async def test_a_permanent_failure_is_not_tried_again():
    @job("cut")
    async def cut(context: JobContext) -> None:
        raise Permanent("The recording was erased.")

    job_id = await enqueue(cut)
    assert await drain() == 1
    failed = await state_of(job_id)
    assert (failed.status, failed.error) == ("failed", "The recording was erased.")


async def test_a_failed_try_gives_way_to_the_same_work_asked_for_meanwhile():
    seen: list[UUID] = []

    @job("render")
    async def render(context: JobContext) -> None:
        seen.append(context.job_id)
        if len(seen) == 1:
            await enqueue(render, dedupe="render:a")
            raise OSError

    first = await enqueue(render, dedupe="render:a")
    assert await drain() == 2
    assert await drain(db.utc_now() + timedelta(minutes=5)) == 1
    assert [job_id == first for job_id in seen] == [True, False, True]


async def test_what_a_job_wrote_is_rolled_back_when_it_fails():
    @job("half")
    async def half(context: JobContext) -> None:
        async with db.transaction():
            await publish("never", {})
            await enqueue(half)
            raise OSError

    await enqueue(half)
    assert await drain() == 1
    rows = await db.fetch("SELECT COUNT(*) AS n FROM job")
    assert rows == [{"n": 1}]


async def test_progress_is_there_for_the_person_who_waits():
    seen: list[JobState] = []
    person = db.new_id()

    @job("long")
    async def long(context: JobContext) -> None:
        await context.progress(3, 12, "Reading minute 3")
        seen.append(await state_of(context.job_id))

    await enqueue(long, person=person)
    await drain()
    (state,) = seen
    assert (state.status, state.done, state.total, state.note) == ("running", 3, 12, "Reading minute 3")
    assert state.person == person


async def test_progress_may_be_told_often_and_is_written_seldom(count_queries):
    written: list[int] = []

    @job("chatty")
    async def chatty(context: JobContext) -> None:
        with count_queries() as counted:
            for number in range(1, 1001):
                await context.progress(number, 1000)
        written.append(counted.count)

    job_id = await enqueue(chatty)
    await drain()
    assert (await state_of(job_id)).done == 1000
    assert 2 <= written[0] <= 10


async def test_an_event_reaches_each_subscriber_in_the_same_transaction():
    seen: list[Any] = []

    @on("module_completed")
    async def award(context: JobContext, event: dict[str, Any]) -> None:
        seen.append(("award", event["person"]))

    @on("module_completed", attempts=1)
    async def announce(context: JobContext, event: dict[str, Any]) -> None:
        raise OSError

    with pytest.raises(ZeroDivisionError):
        async with db.transaction():
            await publish("module_completed", {"person": "nobody"})
            _ = 1 / 0
    async with db.transaction():
        await publish("module_completed", {"person": "mei"})
    assert await drain() == 2
    assert seen == [("award", "mei")], "one subscriber's failure is its own"


async def test_an_event_without_subscribers_is_no_job():
    await publish("unheard", {"x": 1})
    assert await drain() == 0


async def test_a_subscriber_must_take_the_event():
    with pytest.raises(ValueError, match="context, event"):

        @on("module_completed")
        async def wrong(context: JobContext, data: dict[str, Any]) -> None: ...


async def test_jobs_of_another_version_are_left_for_it():
    await jobs.job_queue.put("from_the_future", {})
    assert await drain() == 0
    rows = await db.fetch("SELECT state FROM job")
    assert rows == [{"state": "queued"}]


async def test_jobs_do_not_run_inside_a_transaction():
    with pytest.raises(RuntimeError, match="inside a transaction"):
        async with db.transaction():
            await drain()


async def test_finished_jobs_are_forgotten_after_a_week():
    @job("greet")
    async def greet(context: JobContext) -> None: ...

    old, waiting = await enqueue(greet), await enqueue(greet, run_at=db.utc_now() + timedelta(days=30))
    await drain()
    forget = jobs.forget_finished_jobs
    with db.as_of(db.utc_now() + timedelta(days=6)):
        await forget(None)
    assert await get_job(old) is not None
    with db.as_of(db.utc_now() + timedelta(days=8)):
        await forget(None)
    assert await get_job(old) is None
    assert await get_job(waiting) is not None
