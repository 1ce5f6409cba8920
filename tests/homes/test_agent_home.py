"""What an agent finds at home: one next step, from the first day to the last milestone."""

from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import httpx
import pytest
from litestar import Litestar

from tests.career.conftest import import_all
from tests.career.test_awards import take
from tests.factories import a_person, a_rulebook, a_team, viewer_for
from trainer import db, jobs
from trainer.appreciation.service import thank
from trainer.career import service
from trainer.homes import service as service_of_homes
from trainer.people.days import set_site_zone
from trainer.people.service import PersonView
from trainer.people.tables import Person
from trainer.training import service as training
from trainer.training import taking
from trainer.web.session import Viewer


@pytest.fixture
async def agent(app: Litestar) -> PersonView:
    """An agent on the first day, in a team, enrolled in the starter module."""
    await a_rulebook()
    await import_all()
    agent = await a_person(
        "agent", name="Lin Xia", team=await a_team("Harbour"), hired_on=db.utc_now().date()
    )
    await jobs.drain()
    return agent


async def test_on_day_one_the_first_module_waits_and_every_level_is_seen(
    agent: PersonView, client: httpx.AsyncClient, sign_in: Any
) -> None:
    """004-14"""
    await sign_in(client, agent)
    page = (await client.get("/home")).text
    enrolment = await training.next_step_of(agent.id)
    assert enrolment is not None
    assert "Your first module" in page
    assert f'action="/learn/{enrolment.id}/begin"' in page
    for level in ("Ready for calls", "Confident listener", "Trusted resolver", "Peer coach"):
        assert level in page
    assert "Complete “Happy simple effective”" in page, "what is missing"
    assert page.count("button primary") == 1


async def test_nobody_who_has_worked_here_for_years_is_welcomed_as_new(
    agent: PersonView, client: httpx.AsyncClient, sign_in: Any
) -> None:
    """The day of hiring is known, and no module was ever completed here."""
    await Person.update({Person.hired_on: db.utc_now().date() - timedelta(days=1460)}).where(
        Person.id == agent.id
    )
    await sign_in(client, agent)
    page = (await client.get("/home")).text
    assert "Your next module" in page
    assert "Your first module" not in page
    assert "Good to have you here" not in page


async def test_without_a_career_path_the_first_module_is_first_once(
    client: httpx.AsyncClient, sign_in: Any
) -> None:
    await a_rulebook()
    await import_all(path=False)
    agent = await a_person("agent", team=await a_team("Harbour"))
    await jobs.drain()
    await sign_in(client, agent)
    assert "Your first module" in (await client.get("/home")).text
    await take(agent)
    await training.enrol(None, "safe-and-honest", agent.id)
    await jobs.drain()
    page = (await client.get("/home")).text
    assert "Your next module" in page
    assert "Your first module" not in page


async def test_half_way_it_goes_on_where_one_stopped(
    agent: PersonView, client: httpx.AsyncClient, sign_in: Any
) -> None:
    viewer = viewer_for(agent)
    enrolment = await training.next_step_of(agent.id)
    assert enrolment is not None
    course = await taking.open_course(viewer, enrolment.id)
    await taking.answer(viewer, enrolment.id, course.steps[0].id, {}, attempt=1)
    await sign_in(client, agent)
    page = (await client.get("/home")).text
    assert "Go on where you stopped" in page
    assert "Step 2 of 2" in page
    assert "And this" in page
    assert "About 3 minutes" in page, "half of five, rounded up"
    assert 'max="2" value="1"' in page


async def test_when_nothing_is_open_the_page_still_names_one_next_step(
    agent: PersonView, client: httpx.AsyncClient, sign_in: Any
) -> None:
    await sign_in(client, agent)
    await take(agent)
    await jobs.drain()
    page = (await client.get("/home")).text
    assert "Safe and honest" in page
    assert 'name="module" value="safe-and-honest"' in page
    await take(agent, "safe-and-honest")
    await jobs.drain()
    assert "Ask your lead for half an hour" in (await client.get("/home")).text
    lead = await a_person("team_lead", team=agent.team)
    await service.sign_off(viewer_for(lead), agent.id, "buddy-shift")
    await take(agent, "hear-the-need")
    await jobs.drain()
    page = (await client.get("/home")).text
    assert "Tell a colleague what they did well" in page
    assert "Reached in" in page
    await thank(
        viewer_for(agent), to=[lead.id], behaviour_kind="rule", behaviour_code="R01", message="Thank you.",
        visibility="team",
    )  # fmt: skip
    await jobs.drain()
    assert "You have done what can be done today" in (await client.get("/home")).text


async def test_the_home_costs_four_queries_at_most(
    agent: PersonView, client: httpx.AsyncClient, sign_in: Any, count_queries: Any
) -> None:
    await sign_in(client, agent)
    await client.get("/home")
    with count_queries() as counted:
        assert (await client.get("/home")).status_code == 200
    assert counted.count <= 4, counted.statements


@pytest.mark.parametrize(
    ("zone", "hour", "part"),
    [
        ("Asia/Tokyo", 23, "morning"),
        ("Europe/London", 13, "afternoon"),
        ("", 13, "morning"),
        ("UTC", 22, "evening"),
    ],
)
async def test_the_greeting_knows_the_persons_clock(zone: str, hour: int, part: str) -> None:
    """ "" is the site's zone."""
    set_site_zone("America/Lima")
    try:
        viewer = Viewer(db.new_id(), "X", frozenset(), None, None, "en", zone)
        with db.as_of(datetime(2026, 1, 5, hour, tzinfo=ZoneInfo("UTC"))):
            assert service_of_homes.part_of_day(viewer) == part
    finally:
        set_site_zone("UTC")
