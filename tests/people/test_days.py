"""Whose day it is: what is dated, listed and noted goes by the day of the person meant, else by the site's."""

from collections.abc import Iterator
from datetime import UTC, date, datetime

import pytest

from tests.factories import a_person, viewer_for
from trainer import db, facts
from trainer.calls import hearings
from trainer.people import audit, service
from trainer.people.audit import Search, record_audit
from trainer.people.days import bounds_of, day_of, set_site_zone, start_of
from trainer.people.fields import PersonFields
from trainer.people.joining import add_people
from trainer.people.sessions import Sessions, sessions_of
from trainer.people.tables import AuditEntry, Session

NEW_YORK, SHANGHAI = "America/New_York", "Asia/Shanghai"


@pytest.fixture
def in_new_york() -> Iterator[None]:
    set_site_zone(NEW_YORK)
    yield
    set_site_zone("UTC")


@pytest.mark.usefixtures("in_new_york")
@pytest.mark.parametrize(
    ("zone", "began"),
    [("", datetime(2026, 3, 2, 5, tzinfo=UTC)), (SHANGHAI, datetime(2026, 3, 1, 16, tzinfo=UTC))],
)
async def test_somebody_joins_on_the_day_of_hire_of_their_place(
    database: str, zone: str, began: datetime
) -> None:
    day = date(2026, 3, 2)
    alone = await a_person(hired_on=day, time_zone=zone)
    listed = db.new_id()
    fields = PersonFields(name="Lin", email="lin@encore.example", roles=["agent"], hired_on=day)
    async with db.transaction():
        await add_people(None, [(listed, {**fields, "time_zone": zone})], db.utc_now())
    for person in (alone.id, listed):
        (joined,) = await facts.facts_of(person, ["joined"])
        assert joined.at == began
        assert day_of(joined.at, zone) == day


@pytest.mark.usefixtures("in_new_york")
async def test_days_of_the_audit_log_are_the_readers(database: str) -> None:
    site = viewer_for(await a_person("admin"))
    far = viewer_for(await a_person("admin", time_zone=SHANGHAI))
    await record_audit(site, "clip_published", "clip", "1")
    late = datetime(
        2026, 11, 11, 2, tzinfo=UTC
    )  # the evening of the 10th here, the morning of the 11th there
    await AuditEntry.update({AuditEntry.at: late}).where(AuditEntry.noun == "clip")

    async def days_found(viewer: object) -> list[int]:
        days = [date(2026, 11, number) for number in range(9, 13)]
        found = []
        for day in days:
            search = Search(noun="clip", since=day, until=day)
            found += [day.day] if await audit.list_entries(viewer, search) else []  # type: ignore[arg-type]
        return found

    assert await days_found(site) == [10]
    assert await days_found(far) == [11]


async def test_the_ends_of_the_calendar_are_days_too(database: str) -> None:
    for zone in (SHANGHAI, NEW_YORK):
        admin = viewer_for(await a_person("admin", time_zone=zone))
        everything = Search(noun="person", since=date.min, until=date.max)
        assert await audit.list_entries(admin, everything)
        assert await audit.list_entries(admin, Search(since=date.max, until=date.min)) == []
        assert await hearings.plays_log(admin, hearings.PlaySearch(since=date.min, until=date.max)) == []
    assert bounds_of(None, None, SHANGHAI) == (None, None)
    assert start_of(date(2026, 3, 2), SHANGHAI) == datetime(2026, 3, 1, 16, tzinfo=UTC)


@pytest.mark.parametrize(("zone", "day"), [("", 10), (SHANGHAI, 11)])
@pytest.mark.usefixtures("in_new_york")
async def test_a_browser_was_last_seen_on_a_day_of_its_owner(database: str, zone: str, day: int) -> None:
    lin = await a_person(time_zone=zone)
    late = datetime(2026, 11, 11, 2, tzinfo=UTC)
    with db.as_of(late):
        secret = await Sessions(14).start(lin.id, device="Firefox")
        (seen,) = await sessions_of(viewer_for(lin))
        assert seen.seen_on == date(2026, 11, day)
        await Session.update({Session.seen_on: date(2026, 11, 1)}, force=True)
        assert await Sessions(14).load(secret)
        (seen,) = await sessions_of(viewer_for(lin))
        assert seen.seen_on == date(2026, 11, day)


@pytest.mark.usefixtures("in_new_york")
async def test_somebody_is_new_for_ninety_days_of_the_readers(database: str) -> None:
    await a_person(hired_on=date(2026, 8, 12))
    site, far = [viewer_for(await a_person("admin", time_zone=zone)) for zone in ("", SHANGHAI)]
    with db.as_of(datetime(2026, 11, 11, 2, tzinfo=UTC)):
        assert len(await service.new_agents_without_buddy(site)) == 1
        assert await service.new_agents_without_buddy(far) == []
