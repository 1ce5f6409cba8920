"""The learner's pages: nothing is told before the answer, everything after it; few queries; no script needed."""

import re
from uuid import UUID

import httpx
import pytest

from tests.training.conftest import Clips
from tests.training.makers import (
    CUE_MS,
    Cast,
    a_clip,
    a_module,
    answer_up_to,
    begun,
    right_answer,
    wrong_answer,
)
from tests.web_fixtures import SignIn
from trainer import db
from trainer.calls.tables import Recording
from trainer.clips.reading import sound_key
from trainer.clips.tables import Clip
from trainer.storage import storage
from trainer.training import editing, enrolling, modules, taking
from trainer.training.modules import StepView
from trainer.training.tables import Answer
from trainer.web.session import Viewer

TELLTALES = ("elltale", "xemplar", "ounterexample", "ear miss", "near_miss", "Staged", str(CUE_MS), "cue")


@pytest.fixture
async def agent(cast: Cast, clips: Clips, client: httpx.AsyncClient, sign_in: SignIn) -> Viewer:
    """An agent, signed in, in a centre with one published module of R01."""
    trainer = cast.viewer("trainer")
    module = await a_module(trainer, publish=False)
    await editing.add_step(
        trainer,
        module,
        {"kind": "reflect", "clip": clips.first, "body": {"prompt": "What would you have said?"}},
    )
    await editing.add_step(
        trainer, module, {"kind": "text", "body": {"title": "Hello", "body": "Some **bold** words"}}, at=0
    )
    await modules.publish_module(trainer, module)
    await sign_in(client, cast.agent)
    return cast.viewer("agent")


async def at_step(agent: Viewer, kind: str) -> tuple[UUID, StepView, str]:
    """An enrolment whose next step is of this kind, and the address of its page."""
    enrolment = await begun(agent)
    step = await answer_up_to(agent, enrolment, kind)
    assert step is not None
    return enrolment, step, f"/learn/{enrolment}/{step.position + 1}"


async def recording_of(clip: UUID) -> UUID:
    row = await Clip.select(Clip.recording).where(Clip.id == clip).first()
    assert row is not None
    recording: UUID = row["recording"]
    return recording


def main_of(page: httpx.Response) -> str:
    return page.text.partition("<main")[2].partition("</main>")[0]


@pytest.mark.parametrize("kind", ["contrast", "judge"])
async def test_before_the_answer_nothing_tells_which_clip_it_is(
    agent: Viewer, clips: Clips, client: httpx.AsyncClient, kind: str
):
    await Clip.update({Clip.slug: "telltale-slug"}).where(Clip.id == clips.judged)
    enrolment, step, address = await at_step(agent, kind)
    page = await client.get(address)
    seen = main_of(page)
    for word in (*TELLTALES, *(str(clip) for clip in step.clips)):
        assert word not in seen
    assert "One moment." in seen  # its words may be read
    listed = (await client.get(f"/api/v1/enrolments/{enrolment}")).text
    for word in ("elltale", "exemplar", "counterexample", "near_miss", *(str(clip) for clip in step.clips)):
        if word != str(clips.first):
            assert word not in listed


async def test_that_a_call_of_the_pair_is_staged_is_said_without_telling_which(
    agent: Viewer, clips: Clips, client: httpx.AsyncClient
):
    _enrolment, step, address = await at_step(agent, "contrast")
    await Recording.update({Recording.staged: True}).where(Recording.id == await recording_of(step.clips[1]))
    seen = main_of(await client.get(address))
    assert "Staged: one of these two calls" in seen
    assert seen.count("Staged") == 1, "no player says so of itself"
    await Recording.update({Recording.staged: True}).where(Recording.id == await recording_of(step.clips[0]))
    seen = main_of(await client.get(address))
    assert "Staged: one of these two calls" not in seen
    assert seen.count("Staged clip:") == 2, "said of both, it tells nothing"


async def test_a_clip_that_was_retired_since_plays_on_and_says_so(agent: Viewer, client: httpx.AsyncClient):
    _enrolment, step, address = await at_step(agent, "listen")
    assert "Retired" not in main_of(await client.get(address))
    await Clip.update({Clip.state: "retired"}).where(Clip.id == step.clips[0])
    seen = main_of(await client.get(address))
    assert "Retired" in seen
    assert "data-clip-play" in seen


async def test_a_pair_is_explained_after_the_answer(agent: Viewer, client: httpx.AsyncClient):
    enrolment, step, address = await at_step(agent, "contrast")
    course = await taking.open_course(agent, enrolment)
    sent = await client.post(address, data={"attempt": "1", **wrong_answer(course, step)})
    assert (sent.status_code, sent.headers["location"]) == (303, address)
    seen = main_of(await client.get(address))
    assert "Not yet: listen once more" in seen
    assert seen.count("Telltale reason") == 2
    assert f'href="{address}?again=1"' in seen
    assert "Continue" not in seen  # the second try comes first
    again = main_of(await client.get(f"{address}?again=1"))
    assert "elltale" not in again
    assert 'name="attempt" value="2"' in again
    await client.post(address, data={"attempt": "2", **right_answer(course, step)})
    seen = main_of(await client.get(address))
    assert "Yes, you heard it" in seen
    assert f'href="/learn/{enrolment}/{step.position + 2}"' in seen


async def test_a_judgement_may_be_marked_in_seconds_without_a_script(
    agent: Viewer, client: httpx.AsyncClient
):
    _enrolment, step, address = await at_step(agent, "judge")
    page = await client.get(address)
    assert re.search(r"<noscript>.*name=\"at_s\"", page.text, re.S)
    await client.post(address, data={"attempt": "1", "mark": "missed", "at_s": "5,5", "at_ms": ""})
    row = await Answer.select().where(Answer.step == step.id).first()
    assert row is not None
    assert row["correct"]
    seen = main_of(await client.get(address))
    assert "Yes: the rule is missed, and you heard when" in seen
    assert "Telltale reason" in seen
    assert "0:05.5" in seen


async def test_a_refused_answer_keeps_what_was_given(agent: Viewer, client: httpx.AsyncClient):
    _enrolment, _step, address = await at_step(agent, "judge")
    page = await client.post(address, data={"attempt": "1", "mark": "missed"})
    assert page.status_code == 422
    assert "Mark the second at which you hear it." in main_of(page)
    assert re.search(r'value="missed" checked', main_of(page))
    assert "elltale" not in main_of(page)


async def test_a_recall_hides_the_rule_until_it_was_said(agent: Viewer, client: httpx.AsyncClient):
    enrolment, step, address = await at_step(agent, "recall")
    assert step.rule is not None
    statement = step.rule.statement["en"].replace("'", "&#39;")
    assert statement not in main_of(await client.get(address))
    listed = (await client.get(f"/api/v1/enrolments/{enrolment}")).json()["steps"][step.position]
    assert step.rule.statement["en"] not in str(listed)
    await client.post(address, data={"attempt": "1", "text": "Bananas <b>"})
    seen = main_of(await client.get(address))
    assert statement in seen
    assert "Bananas &lt;b&gt;" in seen
    assert "missing" in seen


async def test_own_words_stay_private_and_are_not_graded(
    agent: Viewer, cast: Cast, client: httpx.AsyncClient, sign_in: SignIn
):
    enrolment, _step, address = await at_step(agent, "reflect")
    assert "elltale" not in main_of(await client.get(address))
    await client.post(address, data={"attempt": "1", "text": "I would call my father back"})
    seen = main_of(await client.get(address))
    assert "I would call my father back" in seen
    assert "Telltale exemplar" in seen
    for who in ("trainer", "lead", "admin"):
        await sign_in(client, getattr(cast, who))
        assert (await client.get(address)).status_code == 404
        assert "father" not in (await client.get(f"/api/v1/enrolments/{enrolment}")).text


async def test_a_step_whose_call_was_erased_is_passed(agent: Viewer, clips: Clips, client: httpx.AsyncClient):
    enrolment, step, address = await at_step(agent, "judge")
    await Clip.update({Clip.state: "erased"}).where(Clip.id == clips.judged)
    assert "was erased, and the clip with it. You can go on without it." in main_of(await client.get(address))
    sent = await client.post(address, data={"attempt": "1"})
    assert sent.headers["location"] == f"/learn/{enrolment}/{step.position + 2}"
    assert "was erased, and the clip with it. You can go on without it." in main_of(await client.get(address))


async def test_the_page_of_a_later_step_leads_to_the_open_one(agent: Viewer, client: httpx.AsyncClient):
    enrolment = await begun(agent)
    sent = await client.get(f"/learn/{enrolment}/5")
    assert (sent.status_code, sent.headers["location"]) == (303, f"/learn/{enrolment}/1")
    assert (await client.get(f"/learn/{enrolment}/done")).headers["location"] == f"/learn/{enrolment}"
    for nowhere in (f"/learn/{enrolment}/99", f"/learn/{enrolment}/0", f"/learn/{db.new_id()}", "/learn/x"):
        assert (await client.get(nowhere)).status_code == 404


async def test_the_whole_module_by_forms_alone(agent: Viewer, client: httpx.AsyncClient):
    begin = await client.post("/learn/begin", data={"module": "hear-them-out"})
    home = begin.headers["location"]
    enrolment = UUID(home.rsplit("/", 1)[1])
    where = (await client.post(f"{home}/begin")).headers["location"]
    for _ in range(20):
        page = await client.get(where)
        assert page.status_code == 200
        form = re.search(r'<form[^>]*method="post" action="(/learn/[^"]+/\d+)"', main_of(page))
        if form is None:
            where = re.findall(r'href="([^"]+)" class="[^"]*primary', main_of(page))[-1]
            if where.endswith("/done"):
                break
            continue
        course = await taking.open_course(agent, enrolment)
        step = course.step_at(int(where.rsplit("/", 1)[1]) - 1)
        fields = re.findall(r'type="hidden" name="(attempt|step)" value="([^"]+)"', main_of(page))
        answer = {name: str(value) for name, value in right_answer(course, step).items()}
        where = (await client.post(form[1], data={**dict(fields), **answer})).headers["location"]
    done = main_of(await client.get(where))
    assert "Module done" in done
    assert "3 of 3" in done
    assert 'hx-get="/path/reached?since=' in done
    assert 'href="/path"' in done
    listed = main_of(await client.get("/learn"))
    assert "3 of 3 right" in listed


async def test_whoever_said_it_in_other_words_goes_on_by_their_own_account(
    agent: Viewer, client: httpx.AsyncClient
):
    enrolment, step, address = await at_step(agent, "recall")
    before = (await taking.open_course(agent, enrolment)).remembered
    about = {"step": str(step.id)}
    own = {"own": ["finish", "back", "matter"]}
    assert (await client.post(address, data={**about, "attempt": "1", **own})).status_code == 422
    await client.post(address, data={**about, "attempt": "1", "text": "Gently, gently"})
    refused = main_of(await client.get(address))
    assert "Not yet: 3 ideas are missing" in refused
    assert re.findall(r'name="own" value="(\w+)"', refused) == own["own"]
    await client.post(address, data={**about, "attempt": "2", **own})
    passed = main_of(await client.get(address))
    assert "Said in other words" in passed
    assert passed.count("in other words, as you say") == 3
    assert f'href="/learn/{enrolment}/{step.position + 2}"' in passed
    course = await taking.open_course(agent, enrolment)
    assert course.remembered == before, "neither right nor wrong"
    assert course.may_go_on(step)
    [listed] = await enrolling.enrolments_of(agent.id)
    assert (listed.remembered, listed.graded) == before
    read = (await client.get(f"/people/{agent.id}/progress")).text
    assert "Gently, gently (in other words, by their own account: finish, back, matter)" in read


async def test_what_is_typed_and_heard_is_kept_and_comes_back(agent: Viewer, client: httpx.AsyncClient):
    enrolment, step, address = await at_step(agent, "judge")
    fields = {"step": str(step.id), "mark": "met", "at_ms": "4200", "heard": "a", "heard_ms": "3100"}
    assert (await client.post(f"{address}/place", data=fields)).status_code == 204
    seen = main_of(await client.get(address))
    assert re.search(r'value="met" checked', seen)
    assert 'name="at_ms" value="4200"' in seen
    assert 'data-heard="a" data-heard-ms="3100"' in seen
    go_on = await client.post(f"/learn/{enrolment}/begin")
    assert go_on.headers["location"] == address


async def test_the_sound_of_a_step_is_its_takers_only(
    agent: Viewer, cast: Cast, clips: Clips, client: httpx.AsyncClient, sign_in: SignIn
):
    _enrolment, _step, address = await at_step(agent, "judge")
    await storage().put_bytes(sound_key(await recording_of(clips.judged), "k" * 64), b"mp3")
    assert (await client.get(f"{address}/audio/a")).content == b"mp3"
    part = await client.get(f"{address}/audio/a", headers={"Range": "bytes=1-"})
    assert (part.status_code, part.content) == (206, b"p3")
    for side in ("b", "c"):
        assert (await client.get(f"{address}/audio/{side}")).status_code == 404
    await sign_in(client, cast.other_agent)
    assert (await client.get(f"{address}/audio/a")).status_code == 404


@pytest.mark.parametrize("kind", ["text", "read_rule", "listen", "contrast", "judge", "recall", "reflect"])
async def test_a_step_page_needs_few_queries(agent: Viewer, client: httpx.AsyncClient, kind: str):
    _enrolment, _step, address = await at_step(agent, kind)
    with db.queries_counted() as counted:
        assert (await client.get(address)).status_code == 200
    assert counted.count <= 4


async def test_the_lists_need_few_queries_however_long_they_are(
    agent: Viewer, cast: Cast, client: httpx.AsyncClient
):
    for rule in ("R02", "R03", "R04"):
        await a_clip(rule)
        await a_module(cast.viewer("trainer"), [rule])
    await answer_up_to(agent, await begun(agent))
    enrolment = await begun(agent, "hear-them-out-2")
    for path in ("/learn", f"/learn/{enrolment}"):
        with db.queries_counted() as counted:
            assert (await client.get(path)).status_code == 200
        assert counted.count <= 4


async def test_a_new_agent_sees_what_may_be_begun_and_an_empty_centre_says_so(
    agent: Viewer, client: httpx.AsyncClient
):
    seen = main_of(await client.get("/learn"))
    assert "You may begin" in seen
    await enrolling.enrol(None, "hear-them-out", agent.id)
    seen = main_of(await client.get("/learn"))
    assert "You may begin" not in seen
    assert "0 of 7" in seen


async def test_nothing_to_learn_yet(cast: Cast, client: httpx.AsyncClient, sign_in: SignIn):
    await sign_in(client, cast.agent)
    assert "Nothing to learn yet" in main_of(await client.get("/learn"))


async def test_authored_words_cannot_bring_markup(
    agent: Viewer, cast: Cast, client: httpx.AsyncClient, sign_in: SignIn
):
    trainer = cast.viewer("trainer")
    module = await a_module(trainer, publish=False)
    words = {"title": "<i>x</i>", "body": "<script>alert(1)</script> **bold**"}
    await editing.add_step(trainer, module, {"kind": "text", "body": words}, at=0)
    await modules.publish_module(trainer, module)
    enrolment = await begun(agent, "hear-them-out-2")
    seen = main_of(await client.get(f"/learn/{enrolment}/1"))
    assert "<strong>bold</strong>" in seen
    assert "<script>" not in seen
    assert "<i>x</i>" not in seen
