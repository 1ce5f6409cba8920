"""Telling people: once each, in the caller's transaction, whoever else tells the same at that moment."""

import asyncio
import os
import sys
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest

from tests.counting import unread_count
from tests.factories import a_person, a_viewer
from trainer import db, jobs
from trainer.notices import choices, service
from trainer.notices.service import latest, notify, notify_many, withdraw
from trainer.people.tables import Person
from trainer.problems import NotFound

TITLE = {"en": "Calm first", "zh-Hans": "先冷静"}


async def test_a_person_is_told_once_of_one_happening(database: str) -> None:
    viewer = await a_viewer()
    assert await notify(viewer.id, "t_due", source="due:1", href="/learn", params={"title": TITLE}) is True
    assert await notify(viewer.id, "t_due", source="due:1", href="/learn", params={"title": TITLE}) is False
    assert await notify(viewer.id, "t_due", source="due:2", params={"title": TITLE}) is True
    assert await unread_count(viewer.id) == 2
    (_newer, older) = await latest(viewer)
    assert (older.words, older.href, older.read_at) == ("Soon due: Calm first", "/learn", None)


async def test_it_is_told_together_with_what_it_tells_of_or_not_at_all(database: str) -> None:
    viewer = await a_viewer()

    async def fail() -> None:
        async with db.transaction():
            await notify(viewer.id, "t_due", source="due:1", params={"title": TITLE})
            raise RuntimeError

    with pytest.raises(RuntimeError):
        await fail()
    assert await unread_count(viewer.id) == 0


async def test_many_are_told_in_one_statement(database: str, count_queries: Any) -> None:
    people = [(await a_person()).id for _number in range(40)]
    await notify(people[0], "t_seen", source="news", params={"person": str(people[1])})
    with count_queries() as counted:
        told = await notify_many(people + people, "t_seen", source="news", params={"person": str(people[1])})
    assert set(told) == set(people[1:]), "one knew it already; nobody is named twice"
    assert counted.count == 1
    assert await notify_many([], "t_seen", source="nobody") == []


async def test_more_people_than_one_statement_holds(database: str) -> None:
    people = [
        Person(
            name=f"P{n}", name_key=f"p{n}", roles="agent", email=f"p{n}@x.example", created_at=db.utc_now()
        )
        for n in range(1200)
    ]
    for start in range(0, 1200, 300):
        await Person.insert(*people[start : start + 300])
    told = await notify_many([person.id for person in people], "t_seen", source="all", params={})
    assert len(set(told)) == 1200


async def test_a_reminder_that_is_turned_off_is_not_even_in_the_inbox(database: str) -> None:
    viewer = await a_viewer()
    await choices.choose(viewer, {"t_due": "off"})
    assert await notify(viewer.id, "t_due", source="due:1", params={"title": TITLE}) is False
    assert await unread_count(viewer.id) == 0


async def test_what_is_no_longer_so_leaves_the_inbox_and_may_be_so_again(database: str) -> None:
    one, other = await a_viewer(), await a_viewer()
    await notify_many([one.id, other.id], "t_due", source="due:1", params={"title": TITLE})
    assert await withdraw("due:1", one.id) == 1
    assert (await unread_count(one.id), await unread_count(other.id)) == (0, 1)
    assert await withdraw("due:1") == 1
    assert await withdraw("due:1") == 0
    assert await latest(other) == []
    later = {"title": {"en": "Calm at last"}}
    assert await notify(one.id, "t_due", source="due:1", params=later) is True
    assert [view.words for view in await latest(one)] == ["Soon due: Calm at last"]


async def test_a_mistake_of_the_caller_is_named_at_once(database: str) -> None:
    viewer = await a_viewer()
    with pytest.raises(ValueError, match="no kind of notice is named 'nonsense'"):
        await notify(viewer.id, "nonsense", source="x")
    for href in ("https://elsewhere.example", "//elsewhere.example", "learn", "/\\elsewhere", "/a\nb"):
        with pytest.raises(ValueError, match="a path of this centre"):
            await notify(viewer.id, "t_due", source="x", href=href)
    with pytest.raises(ValueError, match="two kinds"):
        service.kinds.register(service.kinds.kind_of("t_due"))


async def test_two_processes_that_tell_the_same_at_once_tell_it_once(database: str) -> None:
    people = [(await a_person()).id for _number in range(25)]
    # the child uses a kind that the product itself registers nowhere, so it registers it as this file does
    program = """
import asyncio, sys
from uuid import UUID
from trainer import db
from trainer.notices import kinds
from trainer.notices.service import notify_many
kinds.register(kinds.Kind("t_race", words=lambda p: "raced", title_for_choice=lambda: "race"))
async def main(url, people):
    await db.open_database(url)
    print("ready", flush=True)
    sys.stdin.readline()
    told = 0
    for number in range(20):
        told += len(await notify_many([UUID(one) for one in people], "t_race", source=f"race:{number}"))
    print(told, flush=True)
    await db.close_database()
asyncio.run(main(sys.argv[1], sys.argv[2:]))
"""
    pipe = asyncio.subprocess.PIPE
    runners = [
        await asyncio.create_subprocess_exec(
            sys.executable, "-c", program, database, *map(str, people), stdin=pipe, stdout=pipe,
            env=dict(os.environ),
        )
        for _number in range(2)
    ]  # fmt: skip
    for runner in runners:
        assert runner.stdout
        assert await runner.stdout.readline() == b"ready\n"
    answers = await asyncio.gather(*(runner.communicate(b"go\n") for runner in runners))
    told = [int(out) for out, _err in answers]
    assert sum(told) == 20 * len(people), told
    rows = await db.fetch("SELECT COUNT(*) AS n FROM notice")
    assert rows[0]["n"] == 20 * len(people)


# Words


async def test_a_notice_speaks_its_readers_language_and_names_people_as_they_are_called_now(
    database: str,
) -> None:
    from trainer.web.i18n import speaking

    rosa = await a_person("trainer", name="Rosa Lind")
    viewer = await a_viewer()
    params = {"title": TITLE, "by": str(rosa.id), "due": "2026-12-01"}
    await notify(viewer.id, "t_assigned", source="a:1", params=params)
    await Person.update({Person.name: "Rosa Delgado"}).where(Person.id == rosa.id)
    (view,) = await latest(viewer)
    assert view.words == "Rosa Delgado assigned you “Calm first”"
    assert view.more == "To be done by 1 December"
    with speaking("zh-Hant"):
        (view,) = await latest(viewer)
    assert "先冷静" in view.words
    assert "Rosa" not in (await db.fetch("SELECT params FROM notice"))[0]["params"]


async def test_an_erased_person_is_a_former_colleague_wherever_they_were_named(database: str) -> None:
    gone, viewer = await a_person(name="Yusuf Demir"), await a_viewer("team_lead")
    await notify(viewer.id, "t_seen", source="s", params={"person": str(gone.id)})
    await notify(gone.id, "t_due", source="s", params={"title": TITLE})
    await Person.update({Person.name: "", Person.erased_at: db.utc_now(), Person.active: False}).where(
        Person.id == gone.id
    )
    await jobs.publish("person_erased", {"person": str(gone.id)})
    await jobs.drain()
    assert [view.words for view in await latest(viewer)] == ["a former colleague answered"]
    assert await unread_count(gone.id) == 0, "nobody will ever read that inbox"


async def test_one_notice_that_cannot_be_worded_does_not_hide_the_others(database: str) -> None:
    viewer = await a_viewer()
    await notify(viewer.id, "t_due", source="old", params={"named": "otherwise"})
    await notify(viewer.id, "t_due", source="new", params={"title": TITLE})
    words = [view.words for view in await latest(viewer)]
    assert words == ["Soon due: Calm first", "Something here is new for you."]


async def test_several_people_are_listed(database: str) -> None:
    viewer = await a_viewer()
    some = [str((await a_person(name=name)).id) for name in ("Amara", "Priya", "Omar")]
    await notify(viewer.id, "t_seen", source="s", params={"person": some})
    assert (await latest(viewer))[0].words == "Amara, Priya and Omar answered"


# The inbox


async def test_nobody_reads_or_marks_anothers_notices(database: str) -> None:
    own, other = await a_viewer(), await a_viewer("admin")
    await notify(own.id, "t_due", source="due:1", params={"title": TITLE})
    (view,) = await latest(own)
    assert await latest(other) == []
    for do in (service.load_notice, service.mark_read):
        with pytest.raises(NotFound):
            await do(other, view.id)
        with pytest.raises(NotFound):
            await do(own, uuid4())
    await service.mark_all_read(other)
    assert await unread_count(own.id) == 1


async def test_reading_all_can_be_taken_back_and_leaves_what_arrives_meanwhile(database: str) -> None:
    viewer, other = await a_viewer(), await a_viewer()
    await notify(viewer.id, "t_due", source="a", params={"title": TITLE})
    await notify(viewer.id, "t_due", source="b", params={"title": TITLE})
    newest = (await latest(viewer))[0]
    first = (await latest(viewer))[1]
    read_before = await service.mark_read(viewer, first.id)
    assert read_before.read_at is not None
    assert (await service.mark_read(viewer, first.id)).read_at == read_before.read_at
    await notify(viewer.id, "t_due", source="c", params={"title": TITLE})
    moment, count = await service.mark_all_read(viewer, newest.at)
    assert (count, await unread_count(viewer.id)) == (1, 1)
    assert await service.undo_mark_all(other, moment) == 0, "only one's own"
    assert await service.undo_mark_all(viewer, moment) == 1
    assert await unread_count(viewer.id) == 2


async def test_a_long_inbox_is_paged_in_order_with_few_queries(database: str, count_queries: Any) -> None:
    viewer = await a_viewer("team_lead")
    about = [str((await a_person()).id) for _number in range(5)]
    for number in range(25):
        at = db.utc_now() + timedelta(minutes=number // 3)  # some at the same moment
        with db.as_of(at):
            await notify(viewer.id, "t_seen", source=f"s:{number}", params={"person": about[number % 5]})
    seen, after = [], None
    while True:
        with count_queries() as counted:
            page = await latest(viewer, 10, after=after)
        if not page:
            break
        assert counted.count == 2
        seen += page
        after = (page[-1].at, page[-1].id)
    assert len({view.id for view in seen}) == 25
    assert [view.at for view in seen] == sorted((view.at for view in seen), reverse=True)
    await service.mark_read(viewer, seen[0].id)
    assert len(await latest(viewer, 50, unread=True)) == 24


async def test_what_was_read_half_a_year_ago_is_dropped_and_nothing_else(database: str) -> None:
    viewer = await a_viewer()
    now = db.utc_now()
    for number, read_ago in enumerate((200, 170, None)):
        with db.as_of(now - timedelta(days=210)):
            await notify(viewer.id, "t_due", source=f"s:{number}", params={"title": TITLE})
        if read_ago:
            with db.as_of(now - timedelta(days=read_ago)):
                await service.mark_read(viewer, (await latest(viewer, unread=True))[0].id)
    await jobs.drain(now)
    kept = await latest(viewer)
    assert [view.read_at is None for view in kept].count(True) == 1
    assert len(kept) == 2
