"""The API of modules and enrolments, and their rows of the rights matrix, cell by cell (pages too)."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any
from uuid import UUID

import httpx
import pytest

from tests.training.conftest import Clips
from tests.training.makers import Cast, a_module, begun, right_answer
from tests.web_fixtures import SignIn
from trainer.training import editing, modules, taking
from trainer.training.tables import Answer
from trainer.web.api import revision_tag

EVERYBODY = ["agent", "trainer", "analyst", "lead", "other_lead", "manager", "admin"]
Browser = Callable[[str], AbstractAsyncContextManager[httpx.AsyncClient]]


@pytest.fixture
def browser(new_client: Any, sign_in: SignIn, cast: Cast) -> Browser:
    """`async with browser("agent") as client`: a browser of one of the cast."""

    @asynccontextmanager
    async def opened(who: str) -> AsyncIterator[httpx.AsyncClient]:
        async with new_client() as client:
            yield await sign_in(client, getattr(cast, who))

    return opened


@pytest.fixture
async def trainer(browser: Browser, clips: Clips) -> AsyncIterator[httpx.AsyncClient]:
    async with browser("trainer") as client:
        yield client


async def test_a_module_is_built_changed_and_published(trainer: httpx.AsyncClient):
    made = await trainer.post("/api/v1/modules", json={"title": "Hear them out", "rules": ["R01"]})
    assert made.status_code == 201
    module = made.json()
    here = made.headers["location"]
    assert here == f"/api/v1/modules/{module['id']}"
    assert (module["status"], module["version"], module["missing"]) == ("draft", 1, [])
    kinds = [step["kind"] for step in module["steps"]]
    assert kinds == ["read_rule", "listen", "contrast", "judge", "recall"]
    assert (await trainer.patch(here, json={"title": "New"})).status_code == 412
    changed = await trainer.patch(
        here, json={"title": "New", "minutes": 7}, headers={"If-Match": made.headers["etag"]}
    )
    assert (changed.json()["title"], changed.json()["minutes"]) == ("New", 7)
    assert changed.headers["etag"] != made.headers["etag"]
    published = await trainer.post(f"{here}/publish")
    assert (published.status_code, published.json()["status"]) == (200, "published")
    assert (await trainer.post(f"{here}/publish")).status_code == 409
    assert [item["id"] for item in (await trainer.get("/api/v1/modules")).json()["items"]] == [module["id"]]


async def test_steps_are_added_changed_moved_and_removed(trainer: httpx.AsyncClient):
    made = await trainer.post("/api/v1/modules", json={"title": "Hear", "rules": ["R01"]})
    here, tag = made.headers["location"], made.headers["etag"]
    step = {
        "kind": "text",
        "body": {"title": "Hello", "body": {"en": "Words", "zh-Hans": "话"}},
        "position": 0,
    }
    added = await trainer.post(f"{here}/steps", json=step, headers={"If-Match": tag})
    assert added.status_code == 201
    first = added.json()["steps"][0]
    assert first["body"] == {"title": {"en": "Hello"}, "body": {"en": "Words", "zh-Hans": "话"}}
    changes = {"body": {"title": "Hi"}, "position": 2}
    moved = await trainer.patch(
        f"{here}/steps/{first['id']}", json=changes, headers={"If-Match": added.headers["etag"]}
    )
    assert [s["kind"] for s in moved.json()["steps"]][2] == "text"
    assert moved.json()["steps"][2]["body"]["title"] == {"en": "Hi"}
    stale = await trainer.delete(f"{here}/steps/{first['id']}", headers={"If-Match": tag})
    assert stale.status_code == 412
    removed = await trainer.delete(f"{here}/steps/{first['id']}", headers={"If-Match": moved.headers["etag"]})
    assert len(removed.json()["steps"]) == 5


async def test_editing_a_published_module_begins_the_next_draft(trainer: httpx.AsyncClient, cast: Cast):
    here = f"/api/v1/modules/{await a_module(cast.viewer('trainer'))}"
    tag = (await trainer.get(here)).headers["etag"]
    changed = (await trainer.patch(here, json={"minutes": 9}, headers={"If-Match": tag})).json()
    assert (changed["status"], changed["version"], changed["minutes"]) == ("draft", 2, 9)


async def test_a_draft_that_is_not_ready_names_what_is_missing(trainer: httpx.AsyncClient, cast: Cast):
    module = await a_module(cast.viewer("trainer"), publish=False)
    view = modules.present(await modules.load_module(cast.viewer("trainer"), module))
    for step in await modules.steps_of(view.version_id):
        await editing.remove_step(cast.viewer("trainer"), module, step.id)
    refused = await trainer.post(f"/api/v1/modules/{module}/publish")
    assert refused.status_code == 409
    assert refused.json()["type"] == "/problems/module-not-publishable"
    assert refused.json()["missing"] == ["It has no steps yet."]


@pytest.mark.parametrize(
    "body",
    [
        {"title": "x", "rules": ["R99"]},
        {"title": "", "rules": ["R01"]},
        {"title": "x", "rules": []},
        {"title": "x", "rules": ["R01"], "language": "xx"},
    ],
)
async def test_what_cannot_be_built_is_refused_with_fields(trainer: httpx.AsyncClient, body: dict[str, Any]):
    refused = await trainer.post("/api/v1/modules", json=body)
    assert refused.status_code == 422
    assert refused.json()["errors"]


async def test_lists_come_in_pages(trainer: httpx.AsyncClient, cast: Cast):
    made = [str(await a_module(cast.viewer("trainer"), ["R01"])) for _each in range(3)]
    seen: list[str] = []
    cursor = ""
    while True:
        page = (await trainer.get(f"/api/v1/modules?limit=2{cursor}")).json()
        seen += [item["id"] for item in page["items"]]
        if page["next_cursor"] is None:
            break
        cursor = f"&cursor={page['next_cursor']}"
    assert seen == made
    assert (await trainer.get("/api/v1/modules?cursor=%21")).status_code == 400
    assert (await trainer.get("/api/v1/modules?limit=0")).status_code == 422


# Enrolments


async def test_a_person_takes_a_module_by_the_api(browser: Browser, trainer: httpx.AsyncClient, cast: Cast):
    await a_module(cast.viewer("trainer"))
    body = {"module": "hear-them-out", "person": str(cast.agent.id), "due_on": "2026-12-01"}
    made = await trainer.post("/api/v1/enrolments", json=body)
    assert made.status_code == 201
    assert (made.json()["status"], made.json()["due_on"]) == ("open", "2026-12-01")
    here = made.headers["location"]
    async with browser("agent") as agent:
        shown = (await agent.get(here)).json()
        assert shown["progress"] == {"steps": 5, "done": 0, "graded": 0, "right": 0}
        course = await taking.open_course(cast.viewer("agent"), UUID(made.json()["id"]))
        for step in course.steps:
            assert (await agent.get(here)).json()["next_step"] == str(step.id)
            sent = await agent.post(f"{here}/steps/{step.id}/answer", json=right_answer(course, step))
            assert sent.status_code == 200
            assert sent.json()["verdict"] in ("correct", "not_graded")
        assert sent.json()["completed"] is True
        assert (await agent.get(here)).json()["status"] == "completed"


async def test_an_answer_comes_back_with_its_reason_and_is_kept_once(
    browser: Browser, cast: Cast, clips: Clips
):
    await a_module(cast.viewer("trainer"))
    viewer = cast.viewer("agent")
    enrolment = await begun(viewer)
    course = await taking.open_course(viewer, enrolment)
    async with browser("agent") as agent:
        for step in course.steps[:3]:
            await taking.answer(viewer, enrolment, step.id, right_answer(course, step), attempt=1)
        judge = f"/api/v1/enrolments/{enrolment}/steps/{course.steps[3].id}/answer"
        answer = {"mark": "met", "at_ms": 100, "attempt": 1}
        first = await agent.post(judge, json=answer)
        assert first.json()["verdict"] == "not_yet"
        assert first.json()["feedback"]["why"] == "Telltale reason"
        assert (first.json()["score"], first.json()["may_go_on"]) == (0, False)
        assert (await agent.post(judge, json=answer)).json() == first.json()
        assert await Answer.count().where(Answer.step == course.steps[3].id) == 1
        assert (await agent.post(judge, json={"attempt": 2})).status_code == 422
        assert (await agent.post(judge, json={"attempt": 3, "mark": "met"})).status_code == 409
        later = f"/api/v1/enrolments/{enrolment}/steps/{course.steps[4].id}/answer"
        assert (await agent.post(later, json={"text": "x"})).status_code == 409


async def test_an_agent_sees_no_clips_of_a_module_beforehand(browser: Browser, cast: Cast, clips: Clips):
    module = await a_module(cast.viewer("trainer"))
    async with browser("agent") as agent:
        shown = (await agent.get(f"/api/v1/modules/{module}")).text
    for clip in (clips.first, clips.second, clips.poor, clips.judged):
        assert str(clip) not in shown


# Rights


@pytest.mark.parametrize("who", EVERYBODY)
async def test_who_reads_modules(browser: Browser, cast: Cast, clips: Clips, who: str):
    published, draft = [await a_module(cast.viewer("trainer"), publish=p) for p in (True, False)]
    reads_drafts = who != "agent"
    async with browser(who) as client:
        listed = {item["id"] for item in (await client.get("/api/v1/modules")).json()["items"]}
        assert listed == {str(published)} | ({str(draft)} if reads_drafts else set())
        assert (await client.get(f"/api/v1/modules/{published}")).status_code == 200
        assert (await client.get(f"/api/v1/modules/{draft}")).status_code == (200 if reads_drafts else 404)
        for path in ("/modules", f"/modules/{published}", f"/modules/{draft}"):
            assert (await client.get(path)).status_code == (200 if reads_drafts else 403)


@pytest.mark.parametrize("who", EVERYBODY)
async def test_who_builds_edits_publishes_and_discards(browser: Browser, cast: Cast, clips: Clips, who: str):
    makes = {"trainer": "CEP", "analyst": "C", "admin": "PD"}.get(who, "")
    hidden = 404 if who == "agent" else 403
    draft = await a_module(cast.viewer("trainer"), publish=False)
    view = modules.present(await modules.load_module(cast.viewer("trainer"), draft))
    [step, *_rest] = await modules.steps_of(view.version_id)
    tag = {"If-Match": revision_tag(view.revision)}
    here, page = f"/api/v1/modules/{draft}", f"/modules/{draft}"
    async with browser(who) as client:
        built = await client.post("/api/v1/modules", json={"title": "x", "rules": ["R01"]})
        assert built.status_code == (201 if "C" in makes else 403)
        assert (await client.get("/modules/new")).status_code == (200 if "C" in makes else 403)
        sent = await client.post("/modules/new", data={"title": "x", "rules": ["R01"]})
        assert sent.status_code == (303 if "C" in makes else 403)
        if "E" not in makes:
            step_in = {"kind": "recall", "rule": "R01"}
            calls = [
                client.patch(here, json={"minutes": 3}, headers=tag),
                client.post(f"{here}/steps", json=step_in, headers=tag),
                client.patch(f"{here}/steps/{step.id}", json={"position": 1}, headers=tag),
                client.delete(f"{here}/steps/{step.id}", headers=tag),
            ]
            assert {(await call).status_code for call in calls} == {hidden}
            for path in ("draft", "words", "steps/new", f"steps/{step.id}", f"steps/{step.id}/move"):
                assert (await client.post(f"{page}/{path}", data={"revision": "1"})).status_code == 403
        else:
            assert (await client.patch(here, json={"minutes": 3}, headers=tag)).status_code == 200
        if "D" not in makes:
            assert (await client.delete(here)).status_code == hidden
            assert (await client.post(f"{page}/discard")).status_code == 403
        published = await client.post(f"{here}/publish")
        assert published.status_code == (200 if "P" in makes else hidden)
        if "P" not in makes:
            assert (await client.post(f"{page}/publish", data={"revision": "1"})).status_code == 403
        if "D" in makes:
            other = await a_module(cast.viewer("trainer"), publish=False)
            assert (await client.delete(f"/api/v1/modules/{other}")).status_code == 204


@pytest.mark.parametrize("who", EVERYBODY)
async def test_who_enrols_whom_and_sees_how_far_they_are(
    browser: Browser, cast: Cast, clips: Clips, who: str
):
    module = await a_module(cast.viewer("trainer"))
    enrolment = await begun(cast.viewer("other_agent"))
    own, theirs = {
        "lead": (201, 403),
        "other_lead": (403, 201),
        "trainer": (201, 201),
        "agent": (201, 403),
    }.get(who, (403, 403))
    sees = who in ("trainer", "other_lead")
    async with browser(who) as client:
        for person, expected in ((cast.agent, own), (cast.other_agent, theirs)):
            body = {"module": str(module), "person": str(person.id)}
            assert (await client.post("/api/v1/enrolments", json=body)).status_code == expected
        read = await client.get(f"/api/v1/enrolments/{enrolment}")
        assert read.status_code == (200 if sees else 404)
        if sees:
            assert "steps" not in read.json()
        listed = {item["id"] for item in (await client.get("/api/v1/enrolments")).json()["items"]}
        assert (str(enrolment) in listed) is sees
        asked = await client.get(f"/api/v1/enrolments?person={cast.other_agent.id}")
        assert asked.status_code == (200 if sees else 403)
        assert (await client.get(f"/learn/{enrolment}")).status_code == 404


async def test_a_token_reaches_no_further_than_its_scopes(
    cast: Cast, clips: Clips, new_client: Any, use_token: Any
):
    module = await a_module(cast.viewer("trainer"), publish=False)
    async with new_client() as reading:
        await use_token(reading, cast.trainer, "modules:read")
        assert (await reading.get(f"/api/v1/modules/{module}")).status_code == 200
        assert (await reading.post(f"/api/v1/modules/{module}/publish")).status_code == 403
        assert (await reading.get("/api/v1/enrolments")).status_code == 403


async def test_a_visitor_is_asked_to_sign_in(client: httpx.AsyncClient):
    for path in ("/modules", "/learn"):
        assert (await client.get(path)).status_code == 303
    assert (await client.get("/api/v1/modules")).status_code == 401
