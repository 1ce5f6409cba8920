"""The API of assignments, lists, progress, waivers and sign-offs, with its rights and scopes."""

from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from tests.factories import a_person
from tests.training.conftest import Clips
from tests.training.makers import Cast, a_module, answer_up_to, begun
from tests.web_fixtures import SignIn
from trainer import jobs
from trainer.training.tables import Assignment, Enrolment

DUE = (datetime.now(UTC) + timedelta(days=6)).date().isoformat()
UseToken = Callable[..., Awaitable[httpx.AsyncClient]]


@pytest.fixture
async def module(cast: Cast, clips: Clips) -> UUID:
    return await a_module(cast.viewer("trainer"))


@pytest.fixture
async def trainer(cast: Cast, new_client: Any, use_token: UseToken) -> AsyncIterator[httpx.AsyncClient]:
    """A program of the trainer's, with the scopes of enrolments and modules."""
    async with new_client(headers={}) as client:
        client.base_url = f"{client.base_url}/api/v1"
        yield await use_token(client, cast.trainer, "enrolments:write", "modules:write")


async def test_a_team_a_role_several_people_or_a_list_make_an_assignment(
    trainer: httpx.AsyncClient, cast: Cast, module: UUID
):
    team = {"module": "hear-them-out", "team": str(cast.agent.team), "due_on": DUE}
    made = await trainer.post("/enrolments", json=team)
    assert made.status_code == 201
    shown = made.json()
    assert made.headers["location"] == f"/api/v1/assignments/{shown['id']}"
    assert shown["module"]["code"] == "hear-them-out"
    assert shown["team"] == {"id": str(cast.agent.team), "name": "Harbour"}
    assert (shown["due_on"], shown["status"]) == (DUE, "active")
    assert shown["enrolments"] == {"all": 1, "completed": 0, "open": 1}
    listed = await trainer.post("/curricula", json={"title": "Week", "modules": ["hear-them-out"]})
    assert listed.status_code == 201
    by_list = await trainer.post("/enrolments", json={"curriculum": "week", "role": "agent"})
    assert by_list.json()["curriculum"]["code"] == "week"
    assert by_list.json()["enrolments"]["all"] == 1
    people = [str(cast.manager.id), str(cast.admin.id)]
    several = await trainer.post("/enrolments", json={"module": str(module), "people": people})
    assert several.json()["people"] == 2
    assert await Enrolment.count() == 4
    items = (await trainer.get("/assignments?limit=2")).json()
    assert [item["id"] for item in items["items"]] == [several.json()["id"], by_list.json()["id"]]
    rest = (await trainer.get(f"/assignments?limit=2&cursor={items['next_cursor']}")).json()
    assert [item["id"] for item in rest["items"]] == [shown["id"]]


async def test_one_person_and_a_module_still_answer_the_enrolment(
    trainer: httpx.AsyncClient, cast: Cast, module: UUID
):
    body = {"module": "hear-them-out", "person": str(cast.agent.id), "due_on": DUE}
    made = await trainer.post("/enrolments", json=body)
    assert made.status_code == 201
    assert made.json()["status"] == "open"
    assert made.json()["person"] == str(cast.agent.id)
    assert await Assignment.count() == 0
    await answer_up_to(cast.viewer("agent"), UUID(made.json()["id"]))
    again = await trainer.post("/enrolments", json=body)
    assert (again.json()["id"], again.json()["status"]) == (made.json()["id"], "completed")


async def test_ending_an_assignment_removes_what_nobody_began(
    trainer: httpx.AsyncClient, cast: Cast, module: UUID
):
    body = {"module": "hear-them-out", "role": "agent"}
    here = f"/assignments/{(await trainer.post('/enrolments', json=body)).json()['id']}"
    await jobs.drain()
    ended = await trainer.delete(here)
    assert ended.status_code == 200
    assert (ended.json()["status"], ended.json()["removed"]) == ("ended", 2)
    assert (await trainer.delete(here)).status_code == 409
    assert (await trainer.get(here)).json()["ended_at"]
    assert (await trainer.get(f"/assignments/{uuid4()}")).status_code == 404
    assert (await trainer.get("/assignments/x")).status_code == 404


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "person"),
        ({"module": "nothing", "role": "agent"}, "module"),
        ({"module": "hear-them-out", "curriculum": "x", "role": "agent"}, "module"),
        ({"module": "hear-them-out", "team": "x"}, "team"),
        ({"module": "hear-them-out", "people": ["x"]}, "person"),
        ({"module": "hear-them-out", "people": []}, "person"),
        ({"module": "hear-them-out", "person": str(uuid4()), "role": "agent"}, "person"),
        ({"module": "hear-them-out", "role": "agent", "due_on": "2020-01-01"}, "due_on"),
    ],
)
async def test_what_cannot_be_assigned_is_refused_with_its_field(
    trainer: httpx.AsyncClient, module: UUID, body: dict[str, Any], field: str
):
    refused = await trainer.post("/enrolments", json=body)
    assert refused.status_code == 422, refused.text
    assert refused.json()["errors"][0]["field"] == field
    assert await Assignment.count() == 0


async def test_an_assignment_sent_twice_with_one_key_is_made_once(trainer: httpx.AsyncClient, module: UUID):
    body = {"module": "hear-them-out", "role": "agent"}
    first, second = [
        await trainer.post("/enrolments", json=body, headers={"Idempotency-Key": "k1"}) for _n in range(2)
    ]
    assert first.json() == second.json()
    assert await Assignment.count() == 1


async def test_lists_are_changed_with_if_match_and_put_away(
    trainer: httpx.AsyncClient, cast: Cast, module: UUID
):
    second = await a_module(cast.viewer("trainer"))
    made = await trainer.post("/curricula", json={"title": "Week", "modules": [str(module)]})
    here, tag = made.headers["location"].removeprefix("/api/v1"), made.headers["etag"]
    assert (await trainer.patch(here, json={"title": "New"})).status_code == 412
    body = {"title": "New", "modules": [str(second), "hear-them-out"]}
    changed = await trainer.patch(here, json=body, headers={"If-Match": tag})
    assert changed.status_code == 200
    assert [one["id"] for one in changed.json()["modules"]] == [str(second), str(module)]
    assert (await trainer.get(here)).headers["etag"] == changed.headers["etag"] != tag
    unknown = await trainer.post("/curricula", json={"title": "X", "modules": ["nothing"]})
    assert unknown.json()["errors"][0]["field"] == "modules"
    assert [one["code"] for one in (await trainer.get("/curricula")).json()["items"]] == ["week"]
    assert (await trainer.delete(here)).status_code == 204
    assert (await trainer.get("/curricula")).json()["items"] == []
    assert (await trainer.get(here)).json()["status"] == "archived"


async def test_progress_comes_in_pages_with_totals_first(
    trainer: httpx.AsyncClient, cast: Cast, module: UUID
):
    await a_person("agent", name="Third")
    await trainer.post("/enrolments", json={"module": "hear-them-out", "role": "agent"})
    agent = cast.viewer("agent")
    await answer_up_to(agent, await begun(agent), "judge")
    first = (await trainer.get("/progress?limit=2")).json()
    row = first["items"][0]
    assert row["person"] == {"id": str(agent.id), "name": "Amara Nwosu", "team": "Harbour"}
    assert (row["state"], row["overdue"], row["at_step"]["number"]) == ("under_way", False, 4)
    assert row["progress"] == {"steps": 5, "done": 3}
    (total,) = first["totals"]
    assert (total["people"], total["states"]["under_way"], total["states"]["not_begun"]) == (3, 1, 2)
    rest = (await trainer.get(f"/progress?limit=2&cursor={first['next_cursor']}")).json()
    assert [each["person"]["name"] for each in rest["items"]] == ["Yusuf Kaya"]
    assert rest["next_cursor"] is None
    assert "totals" not in rest
    only = (await trainer.get(f"/progress?person={agent.id}&state=under_way&module=hear-them-out")).json()
    assert len(only["items"]) == 1
    assert (await trainer.get("/progress?state=asleep")).status_code == 422
    assert (await trainer.get("/progress?module=a&curriculum=b")).status_code == 422
    assert (await trainer.get("/progress?cursor=x")).status_code == 400


async def test_a_module_is_waived_and_given_back(trainer: httpx.AsyncClient, cast: Cast, module: UUID):
    mine = await begun(cast.viewer("agent"))
    here = f"/enrolments/{mine}"
    assert (await trainer.post(f"{here}/waive", json={"why": ""})).json()["errors"][0]["field"] == "why"
    waived = await trainer.post(f"{here}/waive", json={"why": "Taught it for years"})
    assert (waived.status_code, waived.json()["status"]) == (200, "waived")
    assert (await trainer.post(f"{here}/waive", json={"why": "Again"})).status_code == 409
    assert (await trainer.post(f"{here}/unwaive")).json()["status"] == "open"
    assert (await trainer.post(f"{here}/sign-off")).status_code == 403


RIGHTS = [  # who; assigns to the agent's team; ends; reads progress; rows of it; signs off; makes a list; reads lists
    ("agent", 403, 403, 403, 0, 403, 403, 403),
    ("trainer", 201, 200, 200, 2, 403, 201, 200),
    ("analyst", 403, 403, 403, 0, 404, 403, 200),
    ("lead", 201, 403, 200, 1, 200, 403, 200),
    ("other_lead", 403, 404, 200, 1, 404, 403, 200),
    ("manager", 403, 403, 200, 0, 404, 403, 200),
    ("admin", 403, 403, 200, 0, 404, 403, 200),
]


@pytest.mark.parametrize(
    ("who", "assigns", "ends", "progress", "rows", "signs", "makes", "lists"),
    RIGHTS,
    ids=[row[0] for row in RIGHTS],
)
async def test_who_may_what(
    cast: Cast,
    module: UUID,
    trainer: httpx.AsyncClient,
    client: httpx.AsyncClient,
    sign_in: SignIn,
    who: str,
    assigns: int,
    ends: int,
    progress: int,
    rows: int,
    signs: int,
    makes: int,
    lists: int,
):
    team = {"module": "hear-them-out", "team": str(cast.agent.team)}
    made = (await trainer.post("/enrolments", json=team)).json()["id"]
    await trainer.post("/enrolments", json={**team, "team": str(cast.other_agent.team)})
    mine = await Enrolment.select(Enrolment.id).where(Enrolment.person == cast.agent.id).first()
    assert mine is not None
    await sign_in(client, getattr(cast, who))
    root = "/api/v1"
    found = await client.get(f"{root}/progress")
    assert found.status_code == progress
    assert len(found.json().get("items", [])) == rows
    assert (await client.post(f"{root}/enrolments/{mine['id']}/sign-off")).status_code == signs
    assert (await client.post(f"{root}/enrolments", json=team)).status_code == assigns
    assert (await client.delete(f"{root}/assignments/{made}")).status_code == ends
    assert (await client.post(f"{root}/curricula", json={"title": "Week"})).status_code == makes
    assert (await client.get(f"{root}/curricula")).status_code == lists


async def test_a_token_reaches_no_further_than_its_scopes(
    cast: Cast, module: UUID, new_client: Any, use_token: UseToken
):
    async with new_client() as client:
        await use_token(client, cast.trainer, "enrolments:read")
        assert (await client.get("/api/v1/progress")).status_code == 200
        assert (await client.get("/api/v1/assignments")).status_code == 200
        body = {"module": "hear-them-out", "role": "agent"}
        assert (await client.post("/api/v1/enrolments", json=body)).status_code == 403
        assert (await client.get("/api/v1/curricula")).status_code == 403


async def test_the_description_of_the_api_names_them(client: httpx.AsyncClient):
    paths = (await client.get("/schema/openapi.json")).json()["paths"]
    for path in ("/assignments", "/progress", "/curricula", "/enrolments/{enrolment_id}/waive"):
        assert f"/api/v1{path}" in paths
