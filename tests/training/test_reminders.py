"""Reminders of due days: in the morning of the person's own day, each once, and gone when it is done."""

from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from tests.factories import a_person
from tests.training.conftest import Clips
from tests.training.makers import Cast, a_module, answer_up_to
from trainer import db, jobs
from trainer.notices.service import latest
from trainer.notices.tables import NoticeChoice
from trainer.people.tables import Person
from trainer.training import deciding, enrolling
from trainer.training.assigning.reminders import stage_of
from trainer.training.tables import Enrolment

DUE = date(2026, 3, 12)


@pytest.fixture
async def module(cast: Cast, clips: Clips) -> UUID:
    return await a_module(cast.viewer("trainer"))


@pytest.fixture
async def mine(cast: Cast, module: UUID) -> UUID:
    """The agent's enrolment, given a week before it is due."""
    with db.as_of(datetime(2026, 3, 5, 12, tzinfo=UTC)):
        return await enrolling.enrol(cast.viewer("trainer"), "hear-them-out", cast.agent.id, due_on=DUE)


async def told(cast: Cast, at: datetime | None = None, who: str = "agent") -> list[str]:
    if at is not None:
        await jobs.drain(at)
    return [notice.words for notice in await latest(cast.viewer(who), 20) if notice.kind != "module_assigned"]


def at(day: int, hour: int) -> datetime:
    return datetime(2026, 3, day, hour, 5, tzinfo=UTC)


async def test_each_reminder_comes_once_in_its_turn(cast: Cast, mine: UUID):
    assert await told(cast, at(9, 12)) == []
    assert await told(cast, at(10, 7)) == []
    soon = ["“Hear them out” is due on 12 March"]
    assert await told(cast, at(10, 8)) == soon
    for hour in (9, 12, 20):
        assert await told(cast, at(10, hour)) == soon
    assert await told(cast, at(11, 12)) == soon
    today = ["“Hear them out” is due today"]
    assert await told(cast, at(12, 8)) == today
    assert await told(cast, at(12, 23)) == today
    over = ["“Hear them out” was due on 12 March. Your place is kept."]
    assert await told(cast, at(13, 8)) == over
    assert await told(cast, at(20, 8)) == over


async def test_it_is_morning_where_the_person_is(cast: Cast, mine: UUID):
    await Person.update({Person.time_zone: "Asia/Tokyo"}).where(Person.id == cast.agent.id)
    assert await told(cast, at(9, 22)) == []  # 7 o'clock on the 10th
    assert len(await told(cast, at(9, 23))) == 1
    assert stage_of(DUE, at(11, 23), "Asia/Tokyo") == 2
    assert stage_of(DUE, at(11, 23), "America/Lima") == 1
    assert stage_of(DUE, at(12, 23), "Asia/Tokyo") == 3
    assert stage_of(DUE, at(8, 23), "") == 0


async def test_after_days_without_a_server_only_what_is_so_now_is_said(cast: Cast, mine: UUID):
    assert await told(cast, at(12, 10)) == ["“Hear them out” is due today"]


async def test_a_new_due_day_is_told_anew(cast: Cast, mine: UUID):
    await told(cast, at(10, 9))
    with db.as_of(at(10, 10)):
        await enrolling.enrol(
            cast.viewer("trainer"), "hear-them-out", cast.agent.id, due_on=DUE + timedelta(days=3)
        )
    words = await told(cast, at(13, 9))
    assert words[0] == "“Hear them out” is due on 15 March"


async def test_whoever_was_given_it_today_is_not_reminded_at_once(cast: Cast, module: UUID):
    with db.as_of(at(11, 9)):
        await enrolling.enrol(cast.viewer("trainer"), "hear-them-out", cast.agent.id, due_on=DUE)
    assert await told(cast, at(11, 10)) == []
    assert await told(cast, at(12, 9)) == ["“Hear them out” is due today"]


async def test_what_is_done_or_waived_is_no_longer_reminded_of(cast: Cast, mine: UUID):
    agent, trainer = cast.viewer("agent"), cast.viewer("trainer")
    with db.as_of(at(5, 13)):
        other = await enrolling.enrol(trainer, "hear-them-out", cast.other_agent.id, due_on=DUE)
    assert len(await told(cast, at(10, 9))) == 1
    with db.as_of(at(10, 10)):
        await answer_up_to(agent, mine)
        await deciding.waive(trainer, other, "Not needed")
    assert await told(cast, at(10, 11)) == []
    assert await told(cast, who="other_agent") == []
    assert await told(cast, at(12, 11)) == []
    assert await told(cast, who="other_agent") == []


async def test_a_person_may_turn_reminders_off(cast: Cast, mine: UUID):
    await NoticeChoice.insert(
        NoticeChoice(id=db.new_id(), person=cast.agent.id, kind="due_soon", way="off", at=db.utc_now())
    )
    assert await told(cast, at(10, 9)) == []


async def test_many_reminders_need_few_statements_when_nothing_is_new(
    cast: Cast, module: UUID, count_queries: Any
):
    with db.as_of(at(5, 12)):
        for _n in range(30):
            person = await a_person("agent")
            await enrolling.enrol(cast.viewer("trainer"), "hear-them-out", person.id, due_on=DUE)
    await jobs.drain(at(10, 9))
    assert await Enrolment.count().where(Enrolment.reminded == 1) == 30
    from trainer.training.assigning import reminders

    with db.as_of(at(10, 10)), count_queries() as counted:
        await reminders.remind_of_due_days(None)  # type: ignore[arg-type]
    assert counted.count <= 5
