"""Raw queries give the same values on both engines, and driver errors have one name."""

from datetime import UTC, date, datetime, timedelta, timezone
from uuid import UUID, uuid4

import pytest

from trainer import db
from trainer.facts import Fact, record
from trainer.people.tables import Person, Team

pytestmark = pytest.mark.usefixtures("database")

MOMENT = datetime(2026, 11, 23, 9, 30, 15, 250_000, tzinfo=UTC)


async def test_values_come_back_as_they_went_in():
    person = uuid4()
    far_away = MOMENT.astimezone(timezone(timedelta(hours=8)))
    await record("k", person=person, subject="S", version=3, at=far_away, source="s", data={"word": "你好"})
    row = await db.fetch_one("SELECT person, version, at, data FROM fact WHERE person = {}", person)
    assert row == {"person": person, "version": 3, "at": MOMENT, "data": '{"word": "你好"}'}
    assert isinstance(row["person"], UUID)
    assert row["at"].utcoffset() == timedelta(0)


async def test_piccolo_reads_the_same_values():
    person = uuid4()
    await record("k", person=person, subject="S", at=MOMENT, source="s")
    fact = await Fact.objects().where(Fact.person == person).first()
    assert fact is not None
    assert (fact.person, fact.at, fact.version) == (person, MOMENT, None)


async def test_booleans_and_dates():
    person = Person(name="Mei", roles="agent", active=False, hired_on=date(2026, 2, 28), created_at=MOMENT)
    await Person.insert(person)
    row = await db.fetch_one("SELECT active, hired_on FROM person WHERE NOT active")
    assert row == {"active": False, "hired_on": date(2026, 2, 28)}


async def test_an_expression_gets_its_type_from_its_name():
    await record("k", person=uuid4(), subject="S", at=MOMENT, source="s")
    row = await db.fetch_one('SELECT MAX(at) AS "last [timestamptz]", COUNT(*) AS n FROM fact')
    assert row == {"last": MOMENT, "n": 1}


async def test_sums_of_whole_numbers_are_whole_numbers():
    for number in (1, 2, 3):
        await record("k", person=None, subject="S", version=number, source=f"s{number}")
    row = await db.fetch_one("SELECT SUM(version) AS total, SUM(CAST(version AS BIGINT)) AS big FROM fact")
    assert row == {"total": 6, "big": 6}
    assert type(row["big"]) is int


async def test_a_list_fills_in():
    for name in ("a", "b", "c"):
        await record("k", person=None, subject=name, source=name)
    found = "SELECT subject FROM fact WHERE kind = {} AND subject IN ({}) AND source <> {} ORDER BY subject"
    assert [row["subject"] for row in await db.fetch(found, "k", ["a", "b", "c"], "b")] == ["a", "c"]
    assert await db.fetch(found, "k", [], "b") == []


async def test_placeholders_and_parameters_must_match():
    with pytest.raises(ValueError, match="2 placeholders but 1"):
        await db.fetch("SELECT 1 WHERE 1 = {} AND 2 = {}", 1)


async def test_a_statement_that_writes_may_return_rows():
    await record("k", person=None, subject="S", source="s")
    changed = await db.fetch("UPDATE fact SET version = 2 WHERE subject = {} RETURNING source", "S")
    assert changed == [{"source": "s"}]
    again = await db.fetch(
        "WITH old AS (SELECT id FROM fact) UPDATE fact SET version = 3 WHERE id IN (SELECT id FROM old)"
        " RETURNING version"
    )
    assert again == [{"version": 3}]


async def test_no_rows_is_none():
    assert await db.fetch_one("SELECT id FROM fact WHERE source = {}", "none") is None


async def test_there_already_is_a_unique_violation():
    team = Team(name="North", created_at=MOMENT)
    await Team.insert(team)
    with pytest.raises(db.UniqueViolation):
        await Team.insert(Team(id=team.id, name="North again", created_at=MOMENT))
    await record("k", person=None, subject="S", source="s")
    with pytest.raises(db.UniqueViolation):
        await db.fetch(
            "INSERT INTO fact (id, kind, subject, at, source, data) VALUES ({}, 'k', 'S', {}, 's', '')",
            uuid4(),
            MOMENT,
        )


async def test_pointing_nowhere_is_a_foreign_key_violation():
    with pytest.raises(db.ForeignKeyViolation):
        await Person.insert(Person(name="Mei", roles="agent", team=uuid4(), created_at=MOMENT))


async def test_a_missing_value_is_a_constraint_violation():
    with pytest.raises(db.ConstraintViolation) as caught:
        await db.fetch("INSERT INTO team (id, name, created_at) VALUES ({}, NULL, {})", uuid4(), MOMENT)
    assert not isinstance(caught.value, db.UniqueViolation | db.ForeignKeyViolation)


async def test_the_clock_can_be_turned_for_what_is_due_by_then():
    then = datetime(2030, 1, 1, tzinfo=UTC)
    with db.as_of(then):
        await record("k", person=None, subject="S", source="s")
    row = await db.fetch_one("SELECT at FROM fact")
    assert row == {"at": then}
    assert db.utc_now() < then
