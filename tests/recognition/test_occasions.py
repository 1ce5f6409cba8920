"""The daily look at the calendar: each occasion once, in the person's own day, as far as they agreed."""

import asyncio
import sys
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from tests.factories import a_person, viewer_for
from tests.recognition.conftest import Cast
from trainer import db, jobs
from trainer.people.service import PersonView, edit_person
from trainer.people.tables import Person
from trainer.recognition import marking, occasions, posts
from trainer.web.session import Viewer

NOON = datetime(2027, 2, 28, 12, tzinfo=UTC)


async def kinds(viewer: Viewer) -> list[tuple[str, str]]:
    """What the viewer's feed says of occasions: (kind, day)."""
    await posts.give_places()
    keys = await posts.feed_keys(viewer, limit=50)
    views = await posts.views_of([key.id for key in keys])
    return [(views[key.id].kind, views[key.id].params["on"]) for key in keys]


async def opted_in(person: PersonView, scope: str, **more: Any) -> None:
    await Person.update({Person.birthday_scope: scope, **more}).where(Person.id == person.id)


async def test_joined_on_31_january_is_marked_on_the_last_of_february(cast: Cast) -> None:
    await a_person(team=cast.amara.team, hired_on=date(2027, 1, 31))
    assert await marking.celebrate(NOON - timedelta(days=1)) == 0
    assert await marking.celebrate(NOON) == 1
    assert await kinds(cast.viewer("amara")) == [("full_month", "2027-02-28")]
    assert await kinds(cast.viewer("yusuf")) == [], "another team's"


async def test_running_again_marks_nothing_twice(cast: Cast) -> None:
    await a_person(team=cast.amara.team, hired_on=date(2026, 2, 28))
    assert await marking.celebrate(NOON) == 1
    assert await marking.celebrate(NOON + timedelta(hours=1)) == 0
    assert await marking.celebrate(NOON + timedelta(days=1)) == 0
    assert await kinds(cast.viewer("lead")) == [("work_anniversary", "2027-02-28")]


async def test_missed_days_are_caught_up_once(cast: Cast) -> None:
    await a_person(team=cast.amara.team, hired_on=date(2026, 3, 5))
    await marking.celebrate(NOON)
    assert await marking.celebrate(NOON + timedelta(days=10)) == 1
    assert await marking.celebrate(NOON + timedelta(days=11)) == 0
    assert await kinds(cast.viewer("lead")) == [("work_anniversary", "2027-03-05")]


async def test_today_is_the_persons_own_day(cast: Cast) -> None:
    east = await a_person(team=cast.amara.team, hired_on=date(2026, 2, 28), time_zone="Pacific/Kiritimati")
    west = await a_person(team=cast.amara.team, hired_on=date(2026, 2, 28), time_zone="Pacific/Pago_Pago")
    marked = []
    for hour in range(-40, 60):
        moment = datetime(2027, 2, 28, tzinfo=UTC) + timedelta(hours=hour)
        if await marking.celebrate(moment):
            marked.append(moment)
    assert marked == [datetime(2027, 2, 27, 10, tzinfo=UTC), datetime(2027, 2, 28, 11, tzinfo=UTC)]
    assert {row["person"] for row in await db.fetch("SELECT person FROM occasion")} == {east.id, west.id}


async def test_a_birthday_is_posted_only_as_far_as_its_owner_agreed(cast: Cast) -> None:
    shy = await a_person(team=cast.amara.team, birthday="02-28")
    own = await a_person(team=cast.amara.team, birthday="02-28")
    open_one = await a_person(team=cast.amara.team, birthday="02-28")
    await opted_in(own, "team")
    await opted_in(open_one, "everyone")
    await marking.celebrate(NOON)
    await posts.give_places()

    async def celebrated(name: str) -> set[Any]:
        keys = await posts.feed_keys(cast.viewer(name), limit=50)
        return {view.person for view in (await posts.views_of([key.id for key in keys])).values()}

    assert await celebrated("amara") == {own.id, open_one.id}
    assert await celebrated("yusuf") == {open_one.id}
    assert shy.id not in await celebrated("admin")


@pytest.mark.parametrize(("leap_day", "on"), [("02-28", "2027-02-28"), ("03-01", "2027-03-01")])
async def test_a_leap_day_birthday_comes_once_even_when_the_preference_changes(
    cast: Cast, leap_day: str, on: str
) -> None:
    person = await a_person(team=cast.amara.team, birthday="02-29")
    await opted_in(person, "team", leap_day=leap_day)
    for day in range(3):
        await marking.celebrate(NOON + timedelta(days=day))
    assert await kinds(cast.viewer("lead")) == [("birthday", on)]
    await edit_person(
        viewer_for(person), person.id, {"leap_day": "03-01" if leap_day == "02-28" else "02-28"}
    )
    for day in range(5):
        await marking.celebrate(NOON + timedelta(days=day))
    assert await kinds(cast.viewer("lead")) == [("birthday", on)]


async def test_nobody_who_left_is_celebrated(cast: Cast) -> None:
    gone = await a_person(team=cast.amara.team, hired_on=date(2026, 2, 28))
    await Person.update({Person.active: False}).where(Person.id == gone.id)
    assert await marking.celebrate(NOON) == 0


async def test_the_schedule_marks_what_is_due_by_a_date(cast: Cast) -> None:
    await a_person(team=cast.amara.team, hired_on=date(2026, 2, 28))
    await jobs.drain(NOON)
    await jobs.drain(NOON)
    assert await kinds(cast.viewer("lead")) == [("work_anniversary", "2027-02-28")]


async def test_two_processes_at_once_mark_it_once(database_url: str) -> None:
    await db.open_database(database_url)
    try:
        from tests.factories import a_team

        team = await a_team()
        for _number in range(10):
            await a_person(team=team, hired_on=date(2026, 2, 28))
        code = (
            "import asyncio, sys\n"
            "from datetime import UTC, datetime\n"
            "from trainer import db\n"
            "from trainer.recognition import marking, posts\n"
            "async def main():\n"
            "    await db.open_database(sys.argv[1])\n"
            "    print(await marking.celebrate(datetime(2027, 2, 28, 12, tzinfo=UTC)))\n"
            "    await posts.give_places()\n"
            "    await db.close_database()\n"
            "asyncio.run(main())\n"
        )
        running = [
            await asyncio.create_subprocess_exec(
                sys.executable, "-c", code, database_url, stdout=asyncio.subprocess.PIPE
            )
            for _process in range(2)
        ]
        said = [int((await process.communicate())[0]) for process in running]
        assert sum(said) == 10
        rows = await db.fetch("SELECT seq FROM post ORDER BY seq")
        assert [row["seq"] for row in rows] == list(range(1, 11))
    finally:
        await db.close_database()


async def test_what_is_coming_up(cast: Cast) -> None:
    """Ahead of the day the own team alone hears of it, of a birthday only its lead (people/sight.py)."""
    await opted_in(cast.priya, "team", birthday="03-03")
    hired = await a_person(team=cast.amara.team, hired_on=date(2026, 3, 4))
    with db.as_of(NOON):
        seen = {
            name: [
                (view.kind, view.person)
                for view in await occasions.visible_occasions(
                    cast.viewer(name), date(2027, 3, 1), date(2027, 3, 8), limit=50
                )
            ]
            for name in (
                "amara",
                "priya",
                "lead",
                "other_lead",
                "yusuf",
                "trainer",
                "analyst",
                "manager",
                "admin",
            )
        }
    birthday, joined = ("birthday", cast.priya.id), ("work_anniversary", hired.id)
    assert seen == {
        "amara": [joined],
        "priya": [birthday, joined],
        "lead": [birthday, joined],
        "other_lead": [],
        "yusuf": [],
        "trainer": [],
        "analyst": [],
        "manager": [],
        "admin": [],
    }


async def test_a_marked_occasion_is_listed_once_and_pages_add_up(cast: Cast) -> None:
    for day in range(1, 8):
        await a_person(team=cast.amara.team, hired_on=date(2026, 3, day))
    at = NOON + timedelta(days=3)
    await marking.celebrate(NOON)
    await marking.celebrate(at)
    with db.as_of(at):
        first, last = date(2027, 3, 1), date(2027, 3, 31)
        whole = await occasions.visible_occasions(cast.viewer("lead"), first, last, limit=100)
        assert [view.on.day for view in whole] == list(range(1, 8))
        assert [view.marked for view in whole] == [True] * 3 + [False] * 4
        paged: list[occasions.OccasionView] = []
        while part := await occasions.visible_occasions(
            cast.viewer("lead"), first, last, limit=2, after=paged[-1].key if paged else None
        ):
            paged += part
        assert paged == whole
