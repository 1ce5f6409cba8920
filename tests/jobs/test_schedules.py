"""A schedule runs once per slot, however many look at it, and once for a time that was missed."""

from datetime import UTC, datetime, timedelta

import pytest

from trainer import db
from trainer.jobs import JobContext, drain, schedule

pytestmark = pytest.mark.usefixtures("database")

NOON = datetime(2027, 3, 10, 12, tzinfo=UTC)


async def test_a_daily_time_is_run_once_a_day():
    seen: list[datetime] = []

    @schedule("celebrate", at="03:00")
    async def celebrate(context: JobContext) -> None:
        seen.append(db.utc_now())

    assert await drain(NOON) == 1
    assert await drain(NOON) == 0
    assert await drain(NOON + timedelta(hours=14)) == 0, "03:00 of the next day is an hour off"
    assert await drain(NOON + timedelta(hours=15)) == 1
    assert seen == [NOON, NOON + timedelta(hours=15)], "a job run as of a moment sees that moment"


async def test_missed_slots_are_caught_up_once():
    seen: list[datetime] = []

    @schedule("sweep", every=timedelta(hours=1))
    async def sweep(context: JobContext) -> None:
        seen.append(db.utc_now())

    await drain(NOON)
    assert await drain(NOON + timedelta(days=3, minutes=30)) == 1
    assert await drain(NOON + timedelta(days=3, minutes=59)) == 0
    assert await drain(NOON + timedelta(days=3, minutes=60)) == 1


async def test_what_a_scheduled_job_asks_for_is_run_as_of_then_too():
    from trainer.jobs import enqueue, job

    seen: list[datetime] = []

    @job("post")
    async def post(context: JobContext) -> None:
        seen.append(db.utc_now())

    @schedule("celebrate", at="03:00")
    async def celebrate(context: JobContext) -> None:
        await enqueue(post)

    assert await drain(NOON) == 2
    assert seen == [NOON]


async def test_without_a_moment_only_what_is_queued_is_run():
    @schedule("celebrate", at="03:00")
    async def celebrate(context: JobContext) -> None: ...

    assert await drain() == 0


@pytest.mark.parametrize("wrong", ["3:00", "24:00", "03:60", "noon"])
def test_a_wrong_time_of_day_is_refused(wrong: str):
    with pytest.raises(ValueError, match="time of day"):
        schedule("celebrate", at=wrong)


def test_a_schedule_is_one_of_two_kinds():
    with pytest.raises(ValueError, match="either"):
        schedule("celebrate")
    with pytest.raises(ValueError, match="either"):
        schedule("celebrate", at="03:00", every=timedelta(hours=1))
