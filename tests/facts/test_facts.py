"""A fact is recorded once, whoever tries, and found by person and kind."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from tests.counting import count_of
from trainer import db
from trainer.facts import facts_of, record

pytestmark = pytest.mark.usefixtures("database")

DAY = datetime(2026, 11, 23, 9, tzinfo=UTC)


async def test_the_same_source_is_recorded_once():
    mei = db.new_id()
    assert await record("module_completed", person=mei, subject="M1", version=2, at=DAY, source="enrolment:1")
    assert not await record("module_completed", person=mei, subject="M1", source="enrolment:1")
    (fact,) = await facts_of(mei)
    assert (fact.kind, fact.subject, fact.version, fact.at, fact.data) == (
        "module_completed",
        "M1",
        2,
        DAY,
        {},
    )


async def test_of_many_at_once_one_records():
    mei = db.new_id()

    async def attempt() -> bool:
        async with db.transaction():
            return await record("module_completed", person=mei, subject="M1", source="enrolment:1")

    assert sorted(await asyncio.gather(*[attempt() for _ in range(8)])) == [False] * 7 + [True]


async def test_being_there_already_does_not_spoil_the_transaction():
    await record("joined", person=None, subject="-", source="a")
    async with db.transaction():
        assert not await record("joined", person=None, subject="-", source="a")
        assert await record("joined", person=None, subject="-", source="b")
    assert await count_of("joined") == 2


async def test_a_persons_facts_come_oldest_first_and_by_kind():
    mei, ana = db.new_id(), db.new_id()
    await record("signed_off", person=mei, subject="L1", at=DAY + timedelta(days=2), source="3")
    await record("module_completed", person=mei, subject="M1", at=DAY, source="1", data={"score": 9})
    await record("module_completed", person=mei, subject="M2", at=DAY + timedelta(days=1), source="2")
    await record("module_completed", person=ana, subject="M1", at=DAY, source="4")
    assert [fact.source for fact in await facts_of(mei)] == ["1", "2", "3"]
    assert [fact.source for fact in await facts_of(mei, ["signed_off"])] == ["3"]
    assert await facts_of(mei, []) == []
    assert (await facts_of(mei))[0].data == {"score": 9}
