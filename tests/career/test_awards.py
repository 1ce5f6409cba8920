"""Milestones are awarded from facts: at once, exactly once, to those who follow the path."""

import asyncio
import sys
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest

from tests.career.conftest import import_all, path_document
from tests.counting import count_of
from tests.factories import a_person, a_team, viewer_for
from trainer import db, facts, jobs
from trainer.career import documents, service
from trainer.people.days import day_of
from trainer.people.service import PersonView
from trainer.problems import Invalid, NotFound
from trainer.recognition import posts
from trainer.training import service as training
from trainer.training import taking

pytestmark = pytest.mark.usefixtures("path")


async def reached(person: UUID) -> list[str]:
    return [fact.subject for fact in await facts.facts_of(person, ["milestone_reached"])]


async def take(person: PersonView, module: str = "happy-simple-effective") -> None:
    viewer = viewer_for(person)
    enrolment = await training.enrol(viewer, module, person.id)
    course = await taking.open_course(viewer, enrolment)
    for step in course.steps:
        await taking.answer(viewer, enrolment, step.id, {}, attempt=1)


async def test_completing_the_module_awards_the_milestone_and_the_team_reads_of_it() -> None:
    team = await a_team()
    agent, colleague = await a_person("agent", team=team), await a_person("agent", team=team)
    stranger = await a_person("agent", team=await a_team())
    await take(agent)
    await jobs.drain()
    assert await reached(agent.id) == ["first-module"]
    (key,) = await posts.feed_keys(viewer_for(colleague))
    view = (await posts.views_of([key.id]))[key.id]
    assert (view.kind, view.person, view.params["code"]) == ("milestone", agent.id, "first-module")
    assert view.params["title"]["zh-Hans"] == "快乐、简单、有效"
    assert await posts.feed_keys(viewer_for(stranger)) == []


async def test_taking_it_again_awards_nothing_more() -> None:
    agent = await a_person("agent", team=await a_team())
    await take(agent)
    await jobs.drain()
    await take(agent)
    await jobs.drain()
    await service.award_due(agent.id)
    await jobs.drain()
    assert await reached(agent.id) == ["first-module"]
    assert len(await db.fetch("SELECT id FROM post")) == 1


async def test_many_at_once_award_it_once() -> None:
    agent = await a_person("agent", team=await a_team())
    await facts.record("module_completed", person=agent.id, subject="safe-and-honest", source="test")
    won = await asyncio.gather(*(service.award_due(agent.id) for _try in range(6)))
    assert sorted(code for codes in won for code in codes) == ["safe-hands"]


async def test_two_processes_at_once_award_it_once(database: str) -> None:
    team = await a_team()
    people = [await a_person("agent", team=team) for _number in range(8)]
    for person in people:
        await facts.record(
            "module_completed", person=person.id, subject="safe-and-honest", source=f"test:{person.id}"
        )
    code = (
        "import asyncio, sys\n"
        "from uuid import UUID\n"
        "from trainer import app, db, jobs\n"
        "from trainer.career import service\n"
        "async def main():\n"
        "    await db.open_database(sys.argv[1])\n"
        "    won = 0\n"
        "    for person in sys.argv[2:]:\n"
        "        won += len(await service.award_due(UUID(person)))\n"
        "    await jobs.drain()\n"
        "    print(won)\n"
        "    await db.close_database()\n"
        "asyncio.run(main())\n"
    )
    running = [
        await asyncio.create_subprocess_exec(
            sys.executable, "-c", code, database, *(str(person.id) for person in people),
            stdout=asyncio.subprocess.PIPE,
        )
        for _process in range(2)
    ]  # fmt: skip
    assert sum([int((await process.communicate())[0].split()[-1]) for process in running]) <= 8
    await jobs.drain()
    assert len(await db.fetch("SELECT id FROM fact WHERE kind = 'milestone_reached'")) == 8
    rows = await db.fetch("SELECT seq FROM post ORDER BY seq")
    assert [row["seq"] for row in rows] == list(range(1, 9))


async def test_only_those_who_follow_the_path_are_awarded() -> None:
    lead = await a_person("team_lead", team=await a_team(), hired_on=date(2020, 1, 1))
    await facts.record("appreciation_given", person=lead.id, subject="R01", source="test")
    await jobs.drain()
    assert await service.award_due(lead.id) == []
    assert await reached(lead.id) == []


async def test_what_was_earned_long_ago_is_dated_then_and_is_no_news() -> None:
    team, today = await a_team(), db.utc_now().date()
    agent = await a_person("agent", team=team, hired_on=today - timedelta(days=400))
    assert set(await service.award_due(agent.id)) == {
        "full-month-on-the-line", "half-a-year", "a-year-of-callers",
    }  # fmt: skip
    await jobs.drain()
    year = next(item for item in await facts.facts_of(agent.id) if item.subject == "a-year-of-callers")
    assert year.at.date() == today - timedelta(days=35)
    assert await db.fetch("SELECT id FROM post") == []


async def test_a_year_that_is_full_today_is_celebrated() -> None:
    agent = await a_person("agent", team=await a_team(), hired_on=db.utc_now().date() - timedelta(days=365))
    await jobs.drain(db.utc_now())
    (row,) = [row for row in await db.fetch("SELECT params, kind FROM post") if row["kind"] == "milestone"]
    assert "a-year-of-callers" in row["params"]
    assert "a-year-of-callers" in await reached(agent.id)


async def test_a_clip_credits_the_agent_heard_and_not_the_curator_on_the_path() -> None:
    """002-6: cutting a clip is credited too, but it is no step of the curator's own path."""
    both = await a_person("agent", roles=["agent", "trainer"])
    heard = await a_person("agent")
    for part, person in (("curator", both), ("agent", heard)):
        await facts.record(
            "clip_published", person=person.id, subject="clip", source=f"clip_published:clip:{part}",
            data={"as": part},
        )  # fmt: skip
    assert await service.award_due(both.id) == []
    assert await service.award_due(heard.id) == ["heard-by-others"]
    assert await count_of("clip_published", person=both.id) == 1


async def test_days_are_counted_in_the_persons_own_zone() -> None:
    moment = db.utc_now().replace(hour=11)
    ahead = await a_person(
        "agent", time_zone="Pacific/Kiritimati", hired_on=moment.date() - timedelta(days=29)
    )
    behind = await a_person(
        "agent", time_zone="Pacific/Pago_Pago", hired_on=moment.date() - timedelta(days=29)
    )
    with db.as_of(moment):
        assert await service.award_due(ahead.id) == ["full-month-on-the-line"]
        assert await service.award_due(behind.id) == []


@pytest.mark.parametrize("zone", ["America/Los_Angeles", "UTC", "Asia/Shanghai", "Pacific/Auckland"])
async def test_what_was_earned_long_ago_reads_the_persons_own_day(zone: str) -> None:
    agent = await a_person("agent", time_zone=zone, hired_on=date(2020, 5, 9) - timedelta(days=365))
    late = datetime(2020, 5, 9, 22, 30, tzinfo=ZoneInfo(zone))
    await facts.record("module_completed", person=agent.id, subject="safe-and-honest", source="test", at=late)
    await service.award_due(agent.id)
    days = {
        item.subject: day_of(item.at, zone) for item in await facts.facts_of(agent.id, ["milestone_reached"])
    }
    assert days["a-year-of-callers"] == days["safe-hands"] == date(2020, 5, 9)


# Sign-offs (the rights matrix, row "path, milestones")


@pytest.mark.parametrize(
    ("role", "same_team", "sees", "signs"),
    [
        ("team_lead", True, True, True),
        ("team_lead", False, False, False),
        ("admin", False, True, True),
        ("trainer", True, False, False),
        ("qa_analyst", True, False, False),
        ("manager", True, False, False),
        ("agent", True, False, False),
    ],
)
async def test_who_sees_a_path_and_signs_off(role: str, same_team: bool, sees: bool, signs: bool) -> None:
    team = await a_team()
    agent = await a_person("agent", team=team)
    viewer = viewer_for(await a_person(role, team=team if same_team else await a_team()))
    if sees:
        assert (await service.load_path(viewer, agent.id))[0].id == agent.id
    else:
        with pytest.raises(NotFound):
            await service.load_path(viewer, agent.id)
    if signs:
        assert await service.sign_off(viewer, agent.id, "buddy-shift")
        assert not await service.sign_off(viewer, agent.id, "buddy-shift"), "once"
        await jobs.drain()
        assert await reached(agent.id) == ["buddy-shift"]
        assert len(await db.fetch("SELECT id FROM audit_entry WHERE action = 'signed_off'")) == 1
    else:
        with pytest.raises(NotFound):
            await service.sign_off(viewer, agent.id, "buddy-shift")


async def test_nobody_signs_off_for_themselves() -> None:
    from trainer.problems import Forbidden

    both = await a_person("agent", roles=["agent", "team_lead"], team=await a_team())
    with pytest.raises(Forbidden):
        await service.sign_off(viewer_for(both), both.id, "buddy-shift")


async def test_only_what_a_milestone_asks_for_is_signed_off() -> None:
    team = await a_team()
    agent, lead = await a_person("agent", team=team), await a_person("team_lead", team=team)
    with pytest.raises(Invalid):
        await service.sign_off(viewer_for(lead), agent.id, "being-nice")


# Documents


async def test_a_path_comes_out_as_it_went_in() -> None:
    assert await documents.path_codes() == ["agent"]
    assert await documents.export_path("agent") == path_document()
    await import_all()
    assert await documents.export_path("agent") == path_document()


async def test_an_import_changes_words_and_keeps_what_was_reached() -> None:
    agent = await a_person("agent", team=await a_team())
    await take(agent)
    await jobs.drain()
    document = path_document()
    first = document["levels"][0]["milestones"]
    first[0]["title"] = {"en": "A good beginning"}
    first[0]["criteria"] = [{"fact": "module_completed", "count": 9}]
    dropped = first.pop(1)
    await documents.import_path(document)
    level = (await service.path_of(agent.id)).levels[0]
    assert [item.plan.code for item in level.milestones] == ["first-module", "buddy-shift"]
    assert level.milestones[0].plan.title == {"en": "A good beginning"}
    assert level.milestones[0].reached_at
    assert dropped["code"] == "safe-hands"


@pytest.mark.parametrize("spoil", ["horizon", "criteria", "levels"])
async def test_a_document_that_makes_no_sense_changes_nothing(spoil: str) -> None:
    document: dict[str, Any] = path_document()
    if spoil == "horizon":
        document["levels"][3]["horizon"] = "never"
    elif spoil == "criteria":
        document["levels"][3]["milestones"][0]["criteria"] = [{"fact": "tenure_days", "count": -1}]
    else:
        document["levels"] = "none"
    document["path"]["title"] = {"en": "Changed"}
    with pytest.raises(Invalid):
        await documents.import_path(document)
    assert await documents.export_path("agent") == path_document()
