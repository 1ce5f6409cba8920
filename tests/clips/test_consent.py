"""The word of the agent heard: asked, yes, no, taken back; their own team; and every use of their voice."""

import asyncio
import re
from uuid import UUID

import httpx
import pytest

from tests.clips.conftest import CallMaker
from tests.clips.makers import Cast, agreed, fields
from tests.factories import a_person, viewer_for
from tests.web_fixtures import SignIn
from trainer import db, jobs
from trainer.clips import consent, service, voice
from trainer.clips.arithmetic import Cut
from trainer.clips.tables import ClipConsent
from trainer.notices.service import latest
from trainer.problems import Conflict, Forbidden, Gone, Invalid, NotFound

pytestmark = pytest.mark.usefixtures("rules", "canned_sound")


@pytest.fixture
async def poor(cast: Cast, a_call: CallMaker) -> UUID:
    """A draft of a counterexample, its sound ready."""
    clip = await service.create_clip(
        cast.viewer("trainer"), await a_call(), fields(polarity="counterexample")
    )
    await jobs.drain()
    return clip


async def publish(cast: Cast, clip: UUID) -> UUID:
    return await service.publish_clip(cast.viewer("trainer"), clip, review="self", privacy_checked=True)


async def missing(cast: Cast, clip: UUID) -> list[str]:
    with pytest.raises(Conflict) as refused:
        await publish(cast, clip)
    found: list[str] = refused.value.extra["missing"]
    return found


async def test_a_moment_that_went_wrong_needs_a_yes_to_this_very_sound(cast: Cast, poor: UUID) -> None:
    trainer, agent = cast.viewer("trainer"), cast.viewer("agent")
    assert await missing(cast, poor) == ["agent_consent"]
    with pytest.raises(NotFound):
        await service.load_sound(agent, poor)  # nobody has asked: a draft
    await consent.ask(trainer, poor)
    await consent.ask(trainer, poor)  # asking twice is asking once
    assert [asked.clip.id for asked in await consent.waiting_for_me(agent)] == [poor]
    assert len([n for n in await latest(agent, limit=10) if n.kind == "consent_asked"]) == 1
    await service.load_sound(agent, poor)  # they hear it first
    heard = (await service.load_clip(agent, poor)).about
    await consent.answer(agent, poor, yes=True, about=heard)
    assert await consent.waiting_for_me(agent) == []
    # another redaction is another sound
    clip = await service.load_clip(trainer, poor)
    changed = fields(polarity="counterexample", redactions=(Cut(7_000, 8_000),))
    await service.edit_clip(trainer, poor, changed, revision=clip.revision)
    await jobs.drain()
    assert await missing(cast, poor) == ["agent_consent"]
    await consent.ask(trainer, poor)
    with pytest.raises(Conflict, match="changed since you heard it"):
        await consent.answer(agent, poor, yes=True, about=heard)
    await consent.answer(agent, poor, yes=True)
    assert await publish(cast, poor) == poor


async def test_a_yes_may_be_taken_back_before_anybody_uses_it(cast: Cast, poor: UUID) -> None:
    trainer, agent = cast.viewer("trainer"), cast.viewer("agent")
    await consent.ask(trainer, poor)
    assert await consent.agreed_ahead(agent) == []
    await consent.answer(agent, poor, yes=True, own_team=True)
    assert [each.clip.id for each in await consent.agreed_ahead(agent)] == [poor]
    await consent.answer(agent, poor, yes=False)
    assert await consent.agreed_ahead(agent) == []
    assert await missing(cast, poor) == ["agent_consent"]
    await consent.ask(trainer, poor)
    await consent.answer(agent, poor, yes=True)
    await publish(cast, poor)
    assert await consent.agreed_ahead(agent) == []  # from here on it is among the uses


async def test_what_was_answered_is_told_and_reading_goes_on_at_its_card(
    cast: Cast, poor: UUID, client: httpx.AsyncClient, sign_in: SignIn
) -> None:
    await consent.ask(cast.viewer("trainer"), poor)
    about = (await service.load_clip(None, poor)).about
    await sign_in(client, cast.agent)

    async def told(form: dict[str, str]) -> tuple[str, list[str]]:
        answer = await client.post(f"/my-voice/{poor}/answer", data=form)
        page = (await client.get(answer.headers["location"])).text
        (toasts,) = re.findall(r'<div id="toasts"[^>]*>(.*?)</span>', page, re.DOTALL)
        return toasts.rpartition("<span>")[2], re.findall(r'id="([^"]+)"[^>]* tabindex="-1" autofocus', page)

    yes = {"answer": "yes", "about": about}
    assert await told(yes) == ("Your yes is kept. You may take it back at any time.", [f"clip-{poor}"])
    assert await told({"answer": "no"}) == ("Your yes is taken back.", ["in-use"])
    await consent.ask(cast.viewer("trainer"), poor)
    assert await told({**yes, "answer": "no"}) == ("Your no is kept. The clip is not used.", ["in-use"])
    page = (await client.get("/my-voice?done=nonsense")).text
    assert "autofocus" not in page


async def test_a_no_stays_a_no_until_asked_again(cast: Cast, poor: UUID) -> None:
    trainer, agent = cast.viewer("trainer"), cast.viewer("agent")
    with pytest.raises(NotFound):
        await consent.answer(agent, poor, yes=True)  # not asked: not even known
    await consent.ask(trainer, poor)
    with pytest.raises(Forbidden):
        await consent.answer(trainer, poor, yes=True)
    await consent.answer(agent, poor, yes=False, words="Not this one, please.")
    assert await missing(cast, poor) == ["agent_consent"]
    assert (await service.load_clip(trainer, poor)).consent == "no"
    assert any(notice.kind == "consent_answered" for notice in await latest(trainer, limit=10))
    await agreed(cast, poor)
    await publish(cast, poor)


async def test_nobody_is_asked_about_a_staged_call_or_one_without_an_agent(
    cast: Cast, a_call: CallMaker
) -> None:
    for call in (await a_call(staged=True), await a_call(agent=None)):
        clip = await service.create_clip(cast.viewer("trainer"), call, fields(polarity="near_miss"))
        await jobs.drain()
        with pytest.raises(Conflict, match="Nobody has to be asked"):
            await consent.ask(cast.viewer("trainer"), clip)
        await publish(cast, clip)
        await service.load_sound(cast.viewer("manager"), clip)


async def test_a_yes_taken_back_silences_the_clip_at_once(
    cast: Cast, poor: UUID, client: httpx.AsyncClient, sign_in: SignIn
) -> None:
    await agreed(cast, poor)
    await publish(cast, poor)
    await sign_in(client, cast.manager)
    before = await client.get(f"/clips/{poor}/audio")
    assert before.status_code == 200
    await sign_in(client, cast.agent)
    page = (await client.get("/my-voice")).text
    assert "Recap the money" in page
    answer = await client.post(f"/my-voice/{poor}/answer", data={"answer": "no"})
    assert answer.status_code == 303
    await sign_in(client, cast.manager)
    # what the browser still has is not played: it asks, and is told
    tagged = {"If-None-Match": before.headers["etag"]}
    assert (await client.get(f"/clips/{poor}/audio", headers=tagged)).status_code == 410
    assert (await client.get(f"/api/v1/clips/{poor}/audio", headers=tagged)).status_code == 410
    assert (await client.get(f"/api/v1/clips/{poor}")).json()["type"] == "/problems/taken-down"
    with pytest.raises(Conflict) as refused:
        await service.put_back(cast.viewer("trainer"), poor, "It was good.")
    assert refused.value.extra["missing"] == ["agent_consent"]


async def test_an_agents_own_team_does_not_hear_it_unless_they_say_so(
    cast: Cast, poor: UUID, client: httpx.AsyncClient, sign_in: SignIn
) -> None:
    mate = await a_person("agent", name="Tomas Vega", team=cast.agent.team)
    viewer = viewer_for(mate)
    await agreed(cast, poor)
    await publish(cast, poor)
    with pytest.raises(NotFound):
        await service.load_clip(viewer, poor)
    with pytest.raises(NotFound):
        await service.load_sound(viewer, poor)
    assert await service.visible_clips(viewer) == []
    assert await service.clips_by_ids(viewer, [poor]) == {}
    assert "taken down" not in await service.gap_sentence(viewer, [poor])
    # others hear it without a name; the agent, and those who work with the call, do too
    for who in ("manager", "other_lead", "agent", "trainer", "analyst", "lead"):
        clip = await service.load_clip(cast.viewer(who), poor)
        assert (clip.agent_name is None) is (who in ("manager", "other_lead", "lead"))
        assert [each.id for each in await service.visible_clips(cast.viewer(who))] == [poor]
    await sign_in(client, mate)
    assert (await client.get(f"/clips/{poor}")).status_code == 404
    assert "Amara" not in (await client.get("/rules/R01")).text
    await consent.answer(cast.viewer("agent"), poor, yes=True, own_team=True)
    await service.load_sound(viewer, poor)
    assert [each.id for each in await service.visible_clips(viewer)] == [poor]


async def test_a_yes_taken_back_while_it_is_published_wins(cast: Cast, poor: UUID) -> None:
    await agreed(cast, poor)
    await asyncio.gather(
        publish(cast, poor),
        consent.answer(cast.viewer("agent"), poor, yes=False),
        return_exceptions=True,
    )
    with pytest.raises((Gone, NotFound)):
        await service.load_sound(cast.viewer("manager"), poor)
    assert await service.visible_clips(cast.viewer("manager")) == []


async def test_an_agent_objects_and_a_trainer_answers(
    cast: Cast, a_call: CallMaker, client: httpx.AsyncClient, sign_in: SignIn
) -> None:
    trainer, agent = cast.viewer("trainer"), cast.viewer("agent")
    clips = [
        await service.create_clip(trainer, await a_call(), fields(title=f"Clip {number}"))
        for number in (1, 2)
    ]
    await jobs.drain()
    for clip in clips:
        await publish(cast, clip)
    uses = await voice.uses_of_voice(agent)
    assert {use.id for use in uses} == set(clips)
    assert [place.href for place in uses[0].places] == ["/rules/R01"]
    with pytest.raises(Forbidden):
        await voice.object_to(cast.viewer("manager"), clips[0], "Not mine")
    with pytest.raises(Invalid):
        await voice.object_to(agent, clips[0], "  ")
    kept = await voice.object_to(agent, clips[0], "I sound tired.")
    with pytest.raises(Conflict):
        await voice.object_to(agent, clips[0], "Once more")
    stopped = await voice.object_to(agent, clips[1], "One hears my neighbour's name.")
    assert [each.id for each in await voice.open_objections(trainer)] == [kept, stopped]
    assert await voice.open_objections(cast.viewer("lead")) == []
    with pytest.raises(NotFound):
        await voice.decide_objection(cast.viewer("admin"), kept, "declined", "No")
    await sign_in(client, cast.trainer)
    assert "I sound tired." in (await client.get(f"/clips/{clips[0]}")).text
    wordless = await client.post(f"/objections/{kept}", data={"decision": "declined", "answer": ""})
    assert wordless.status_code == 422
    said = {"decision": "declined", "answer": "You sound warm to me."}
    assert (await client.post(f"/objections/{kept}", data=said)).status_code == 303
    await voice.decide_objection(trainer, stopped, "upheld", "You are right.")
    with pytest.raises(Conflict):
        await voice.decide_objection(trainer, stopped, "declined", "Or not")
    with pytest.raises(Gone):
        await service.load_sound(cast.viewer("manager"), clips[1])
    await sign_in(client, cast.agent)
    page = (await client.get("/my-voice")).text
    assert "You sound warm to me." in page
    assert "You are right." in page
    uses = await voice.uses_of_voice(agent)
    assert [(use.id, use.past) for use in uses] == [(clips[0], False), (clips[1], True)]


async def test_what_an_erased_person_wrote_goes_and_that_they_answered_stays(cast: Cast, poor: UUID) -> None:
    await consent.ask(cast.viewer("trainer"), poor)
    await consent.answer(cast.viewer("agent"), poor, yes=False, words="Amara says no")
    await jobs.publish("person_erased", {"person": str(cast.agent.id), "at": db.utc_now().isoformat()})
    await jobs.drain()
    rows = await ClipConsent.select().order_by(ClipConsent.at)
    assert [(row["answer"], row["words"]) for row in rows] == [("asked", ""), ("no", "")]
