"""Assigning on its pages: choosing, seeing whom it reaches, sending, taking back; who may."""

import re
from datetime import UTC, date, datetime, timedelta
from uuid import UUID

import httpx
import pytest

from tests.factories import a_person
from tests.training.conftest import Clips
from tests.training.makers import Cast, a_module, begun
from tests.web_fixtures import SignIn
from trainer import jobs
from trainer.training.tables import Assignment, Enrolment

DUE = (datetime.now(UTC) + timedelta(days=6)).date().isoformat()
HTMX = {"HX-Request": "true"}


def main_of(page: httpx.Response) -> str:
    return page.text.partition("<main")[2].partition("</main>")[0]


@pytest.fixture
async def module(cast: Cast, clips: Clips) -> UUID:
    return await a_module(cast.viewer("trainer"))


@pytest.fixture
async def trainer(cast: Cast, client: httpx.AsyncClient, sign_in: SignIn) -> httpx.AsyncClient:
    return await sign_in(client, cast.trainer)


async def test_a_module_is_assigned_after_seeing_whom_it_reaches(
    trainer: httpx.AsyncClient, cast: Cast, module: UUID
):
    await begun(cast.viewer("agent"))
    page = await trainer.get("/assign?module=hear-them-out")
    assert re.search(r'<option value="module:hear-them-out" selected', page.text)
    assert "Assign to" not in main_of(page)
    fields = {"what": "module:hear-them-out", "whom": "role", "role": "agent", "due_on": DUE}
    checked = await trainer.post("/assign/check", data=fields, headers=HTMX)
    assert checked.status_code == 200
    assert "<main" not in checked.text
    assert "of 2 get something new" in checked.text
    assert "1 has it open" in checked.text
    assert "Assign to 1 person" in checked.text
    assert await Assignment.count() == 0
    assert "Assign to 1 person" in main_of(await trainer.post("/assign/check", data=fields))
    sent = await trainer.post("/assign", data=fields)
    assert sent.status_code == 303
    assert await Enrolment.count() == 2
    shown = main_of(await trainer.get(sent.headers["location"]))
    assert "Reaching everybody" in shown
    await jobs.drain()
    shown = main_of(await trainer.get(sent.headers["location"]))
    assert "Everybody has it and was told" in shown
    assert "Everybody in the role: agent" in shown
    listed = main_of(await trainer.get("/assignments"))
    assert "Hear them out" in listed
    assert "Overdue" not in listed
    await Assignment.update({Assignment.due_on: date.fromisoformat(DUE) - timedelta(days=60)}, force=True)
    assert "Overdue" in main_of(await trainer.get("/assignments"))
    undone = await trainer.post(f"{sent.headers['location']}/end")
    assert undone.status_code == 303
    assert await Enrolment.count() == 1
    assert "Taken back" in main_of(await trainer.get(undone.headers["location"]))


async def test_people_are_found_by_name_and_those_ticked_stay(
    trainer: httpx.AsyncClient, cast: Cast, module: UUID
):
    fields = {"q": "yusuf", "person": str(cast.agent.id)}
    found = await trainer.post("/assign/people", data=fields, headers=HTMX)
    assert "1 person chosen" in found.text
    assert found.text.index("Amara Nwosu") < found.text.index("Yusuf Kaya")
    assert "Kwame Osei" not in found.text
    whole = await trainer.post("/assign/people", data=fields)
    assert "Amara Nwosu" in main_of(whole)
    nobody = await trainer.post("/assign/people", data={"q": "%_"}, headers=HTMX)
    assert "Nobody of this name" in nobody.text


async def test_namesakes_are_told_apart_as_far_as_the_viewer_may_see(
    client: httpx.AsyncClient, sign_in: SignIn, cast: Cast, module: UUID
):
    for address in ("noor.a@x.example", "noor.b@x.example"):
        noor = await a_person("agent", name="Noor Rahimi", team=cast.agent.team, email=address)
    await a_person("agent", name="Only One", team=cast.agent.team, email="one@x.example")
    await sign_in(client, cast.lead)
    shown = main_of(await client.get(f"/assign?person={noor.id}"))
    assert shown.count("· noor.a@x.example</small>") == shown.count("· noor.b@x.example</small>") == 1
    assert "one@x.example" not in shown
    await sign_in(client, cast.trainer)
    chosen = {"q": "noor", "person": str(noor.id)}
    told = (await client.post("/assign/people", data=chosen, headers=HTMX)).text
    assert (told.count("Noor Rahimi"), told.count("x.example")) == (2, 0)


async def test_the_chosen_way_counts_and_what_else_is_filled_in_does_not(
    trainer: httpx.AsyncClient, cast: Cast, module: UUID
):
    fields = {
        "what": "module:hear-them-out",
        "whom": "people",
        "person": [str(cast.agent.id), str(cast.other_agent.id)],
        "team": str(cast.agent.team),
        "role": "agent",
    }
    sent = await trainer.post("/assign", data=fields)
    assert sent.status_code == 303
    row = await Assignment.select().first()
    assert row is not None
    assert (row["team"], row["role"]) == (None, None)
    assert "Amara Nwosu and one more" in main_of(await trainer.get(sent.headers["location"]))


@pytest.mark.parametrize(
    "wrong",
    [
        {"what": "module:nothing"},
        {"what": ""},
        {"due_on": "2020-01-01"},
        {"due_on": "soon"},
        {"whom": "team", "team": "x"},
        {"role": "pilot"},
        {"whom": "people", "person": "x"},
    ],
)
async def test_what_is_wrong_is_said_and_nothing_sent(
    trainer: httpx.AsyncClient, module: UUID, wrong: dict[str, str]
):
    fields = {"what": "module:hear-them-out", "whom": "role", "role": "agent", "due_on": DUE, **wrong}
    page = await trainer.post("/assign", data=fields)
    assert page.status_code == 422
    assert "form-errors" in page.text
    assert await Assignment.count() == 0


async def test_a_day_that_is_over_is_said_before_anything_is_sent(trainer: httpx.AsyncClient, module: UUID):
    over = (date.fromisoformat(DUE) - timedelta(days=3650)).isoformat()
    fields = {"what": "module:hear-them-out", "whom": "role", "role": "agent", "due_on": over}
    checked = await trainer.post("/assign/check", data=fields, headers=HTMX)
    assert "Choose a day that is not over." in checked.text
    assert "Assign to" not in checked.text


async def test_enter_in_the_search_finds_people_without_a_script_too(
    trainer: httpx.AsyncClient, module: UUID
):
    page = main_of(await trainer.post("/assign/check", data={"whom": "people", "q": "amara"}))
    assert "Amara Nwosu" in page
    assert "Yusuf Kaya" not in page


async def test_a_lead_chooses_from_the_own_team_alone(
    cast: Cast, module: UUID, client: httpx.AsyncClient, sign_in: SignIn
):
    await sign_in(client, cast.lead)
    page = main_of(await client.get("/assign?module=hear-them-out"))
    assert "Amara Nwosu" in page
    assert "Yusuf Kaya" not in page
    assert "Lantern" not in page
    assert "A role" not in page
    foreign = {"what": "module:hear-them-out", "whom": "people", "person": str(cast.other_agent.id)}
    assert (await client.post("/assign", data=foreign)).status_code == 403
    assert "Yusuf Kaya" not in main_of(await client.post("/assign/people", data=foreign))
    role = {"what": "module:hear-them-out", "whom": "role", "role": "agent"}
    assert (await client.post("/assign", data=role)).status_code == 403
    assert (await client.post("/assign/check", data=role)).status_code == 403
    team = {"what": "module:hear-them-out", "whom": "team", "team": str(cast.lead.team)}
    assert (await client.post("/assign", data=team)).status_code == 303


@pytest.mark.parametrize("who", ["agent", "analyst", "manager", "admin"])
async def test_others_have_no_such_page(
    cast: Cast, module: UUID, client: httpx.AsyncClient, sign_in: SignIn, who: str
):
    await sign_in(client, getattr(cast, who))
    for path in ("/assign", "/assignments"):
        assert (await client.get(path)).status_code == 403
    for path in ("/assign", "/assign/check", "/assign/people"):
        assert (await client.post(path, data={})).status_code == 403


async def test_a_notice_leads_to_the_module_that_came_with_it(
    cast: Cast, module: UUID, client: httpx.AsyncClient, sign_in: SignIn, trainer: httpx.AsyncClient
):
    fields = {"what": "module:hear-them-out", "whom": "people", "person": str(cast.agent.id)}
    assignment = (await trainer.post("/assign", data=fields)).headers["location"].rpartition("/")[2]
    await sign_in(client, cast.agent)
    led = await client.get(f"/learn/assigned/{assignment}")
    mine = await Enrolment.select().where(Enrolment.person == cast.agent.id).first()
    assert mine is not None
    assert led.headers["location"] == f"/learn/{mine['id']}"
    await sign_in(client, cast.other_agent)
    assert (await client.get(f"/learn/assigned/{assignment}")).headers["location"] == "/learn"


async def test_the_form_needs_few_queries_however_many_people(
    trainer: httpx.AsyncClient, cast: Cast, module: UUID, count_queries: object
):
    for n in range(40):
        await a_person("agent", name=f"Many {n}")
    with count_queries() as counted:  # type: ignore[operator]
        page = await trainer.get("/assign?module=hear-them-out")
    assert counted.count <= 7
    assert page.text.count('name="person"') == 30
    assert "There are more" in page.text
