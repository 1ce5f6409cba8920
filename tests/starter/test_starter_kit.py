"""The starter kit: one click brings a fresh centre everything up to the first milestone, honestly labelled."""

import asyncio
import re
from datetime import date
from typing import Any
from uuid import UUID

import httpx
import pytest
from litestar import Litestar

from tests.career.test_awards import reached
from tests.factories import a_person, a_rule, a_team, viewer_for
from trainer import db, jobs, starter
from trainer.career.service import forget_plans
from trainer.people.service import PersonView
from trainer.problems import Forbidden
from trainer.recognition import posts
from trainer.rulebook.health import health_of
from trainer.rulebook.service import published_rules
from trainer.training import service as training
from trainer.training import taking

slow = pytest.mark.slow  # the whole starter library is cut and rendered

ALL = ["rulebook", "clips", "modules", "lists", "path"]
FIRST = "happy-simple-effective"
GIVEN: dict[str, dict[str, Any]] = {
    "contrast": {"chosen": "a"},
    "judge": {"mark": "met", "at_ms": 1_000},
    "recall": {"text": "Listen to the end."},
    "reflect": {"text": "I would let them finish."},
}
AGAIN: dict[str, dict[str, Any]] = {"contrast": {"chosen": "b"}, "judge": {"mark": "missed", "at_ms": 1_000}}


@pytest.fixture(autouse=True)
def fresh_plans() -> Any:
    forget_plans()
    yield
    forget_plans()


async def count(what: str) -> int:
    row = await db.fetch_one(f"SELECT COUNT(*) AS n FROM {what}")
    assert row
    return int(row["n"])


async def everything() -> dict[str, int]:
    tables = ("rulebook", "rule_version", "recording", "clip", "module_version", "curriculum", "career_path")
    return {table: await count(table) for table in (*tables, "enrolment")}


async def finish(agent: PersonView, code: str) -> None:
    """Every step of a module; what is wrong is tried once more."""
    viewer = viewer_for(agent)
    enrolment = await training.enrol(viewer, code, agent.id)
    course = await taking.open_course(viewer, enrolment)
    for step in course.steps:
        given = GIVEN.get(step.kind, {})
        _course, told = await taking.answer(viewer, enrolment, step.id, given, attempt=1)
        if told.correct is False:
            again = AGAIN.get(step.kind, given)
            await taking.answer(viewer, enrolment, step.id, again, attempt=2)


@slow
async def test_one_click_brings_what_a_centre_begins_with(
    app: Litestar, client: httpx.AsyncClient, sign_in: Any
) -> None:
    admin = await a_person("admin")
    team = await a_team()
    veteran, newcomer = await a_person(team=team, hired_on=date(2015, 3, 1)), await a_person(team=team)
    await jobs.drain()
    await sign_in(client, admin)
    home = (await client.get("/home")).text
    assert "Take the starter kit" in home
    assert "your own calls replace them" in home
    assert await starter.starter_missing() == ALL
    asked = await client.post("/starter-kit")
    assert asked.status_code == 303
    page = (await client.get(asked.headers["location"])).text
    assert "On its way" in page
    assert re.search(r'hx-get="/jobs/[0-9a-f-]+"', page)
    await jobs.drain()
    page = (await client.get(asked.headers["location"])).text
    assert "All of it is here" in page, page
    assert "Not here yet" not in page
    assert await starter.starter_missing() == []

    # nobody here made these calls: staged, no agent's, and no gap is closed
    assert await count("recording") == 8
    assert await count("recording WHERE staged AND agent IS NULL AND state = 'ready'") == 8
    assert await count("clip WHERE state = 'published'") == 27
    assert await count("fact WHERE kind = 'clip_published'") == 0
    health = await health_of(await published_rules())
    assert len(health) == 11
    assert {(each.state, each.why) for each in health.values()} == {("amber", "staged")}
    assert await count("module_version WHERE state = 'published'") == 4

    # everybody here begins with the first module, and only with that
    for person in (veteran, newcomer):
        assert [each.code for each in await training.open_enrolments(person.id)] == [FIRST]
    assert await training.open_enrolments(admin.id) == []

    home = (await client.get("/home")).text
    assert "Take the starter kit" not in home
    for left in ("Take in the first call", "Publish the first clip"):
        assert re.search(rf'<li class="open">(?:(?!</li>).)*{left}', home, re.DOTALL), left

    # and the first milestone is in reach: the team reads of it
    await finish(newcomer, FIRST)
    await jobs.drain()
    assert await reached(newcomer.id) == ["first-module"]
    (key,) = await posts.feed_keys(viewer_for(veteran))
    assert (await posts.views_of([key.id]))[key.id]


@slow
async def test_it_may_be_taken_again_and_again(app: Litestar) -> None:
    admin = viewer_for(await a_person("admin"))
    first = await starter.take_kit(admin, "UTC")
    assert first is not None
    await jobs.drain()
    state = await jobs.get_job(first)
    assert state
    assert (state.status, state.error) == ("done", "")
    before = await everything()
    assert await starter.take_kit(admin, "UTC") is None
    await jobs.enqueue(starter.bring_starter_kit, {"time_zone": "Asia/Shanghai", "locale": "zh-Hans"})
    await jobs.drain()
    assert await everything() == before


async def test_two_admins_at_once_have_one_run(
    app: Litestar, client: httpx.AsyncClient, sign_in: Any
) -> None:
    one, other = await a_person("admin"), await a_person("admin")
    found = await asyncio.gather(
        *(starter.take_kit(viewer_for(who), "UTC") for who in (one, other, one, other))
    )
    assert len(set(found)) == 1
    assert await count("job WHERE name = 'bring_starter_kit'") == 1
    state = await jobs.get_job(UUID(str(found[0])))
    assert state
    colleague = other if state.person == one.id else one
    await sign_in(client, colleague)
    asked = await client.post("/starter-kit")
    page = (await client.get(asked.headers["location"])).text
    assert "A colleague is taking it in" in page
    assert '<form class="inline-form" method="post" action="/starter-kit"' not in page


async def test_what_is_here_stays_as_it_is_and_what_is_in_the_way_is_named(
    app: Litestar, client: httpx.AsyncClient, sign_in: Any
) -> None:
    await a_rule("R01", title={"en": "Our own first rule"})  # in a book of this centre
    admin = await a_person("admin")
    await sign_in(client, admin)
    asked = await client.post("/starter-kit")
    await jobs.drain()
    page = (await client.get(asked.headers["location"])).text
    assert "That did not work" in page
    assert "The rule book:" in page
    assert "Bring what is missing" in page or "Take the starter kit" in page
    rule = (await published_rules())["R01"]
    assert rule.title["en"] == "Our own first rule"
    assert await count("rulebook") == 1
    assert await count("recording") == 0


@slow
async def test_what_a_centre_took_out_of_use_does_not_come_back(app: Litestar) -> None:
    admin = viewer_for(await a_person("admin"))
    await starter.take_kit(admin, "UTC")
    await jobs.drain()
    await db.fetch("UPDATE clip SET state = 'retired' WHERE slug = {}", "fee-heard")
    await db.fetch("UPDATE module_version SET state = 'superseded'")
    await db.fetch("DELETE FROM milestone")
    await db.fetch("DELETE FROM level")
    await db.fetch("DELETE FROM career_path")
    await a_person("agent")
    await jobs.drain()
    assert await starter.starter_missing() == ["path"]
    job = await starter.take_kit(admin, "UTC")
    assert job
    await jobs.drain()
    state = await jobs.get_job(job)
    assert state
    assert state.status == "done", state.error
    assert await starter.starter_missing() == []
    assert await count("module_version WHERE state = 'published'") == 0
    assert await count("clip WHERE slug = 'fee-heard' AND state = 'retired'") == 1


@pytest.mark.parametrize("role", ["agent", "team_lead", "trainer", "qa_analyst", "manager"])
async def test_it_is_for_admins(app: Litestar, client: httpx.AsyncClient, sign_in: Any, role: str) -> None:
    person = await a_person(role)
    await sign_in(client, person)
    assert (await client.get("/starter-kit")).status_code == 403
    assert (await client.post("/starter-kit")).status_code == 403
    with pytest.raises(Forbidden):
        await starter.take_kit(viewer_for(person), "UTC")
    assert await count("job WHERE name = 'bring_starter_kit'") == 0


async def test_another_website_cannot_press_the_button(
    app: Litestar, client: httpx.AsyncClient, sign_in: Any
) -> None:
    await sign_in(client, await a_person("admin"))
    del client.headers["X-CSRF-Token"]
    assert (await client.post("/starter-kit")).status_code == 403
    assert await count("job WHERE name = 'bring_starter_kit'") == 0
