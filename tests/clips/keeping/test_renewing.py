"""Who may renew what, the agent's word, and what ends while somebody renews."""

import asyncio
import re
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest

from tests.clips.keeping.conftest import START, KeptCall, Live, Publish, a_wish, objects
from tests.clips.makers import Cast, agreed, fields
from tests.factories import a_person, viewer_for
from tests.web_fixtures import SignIn
from trainer import db, jobs
from trainer.calls import keeping
from trainer.calls.tables import Recording
from trainer.clips import consent, service
from trainer.clips.keeping import ending, renewing
from trainer.clips.keeping.renewing import Renewal
from trainer.clips.keeping.tables import ClipRenewal
from trainer.clips.tables import Clip
from trainer.notices.service import latest
from trainer.people.service import deactivate_person
from trainer.problems import Conflict, Forbidden, Gone, Invalid, NotFound

CONTEXT: Any = jobs.JobContext(UUID(int=1), 1, None)  # type: ignore[arg-type]
AFTER = START + timedelta(days=30, minutes=1)


@pytest.fixture
async def call(kept_call: KeptCall) -> UUID:
    return await kept_call()


@pytest.fixture
async def clip(call: UUID, publish: Publish) -> UUID:
    return await publish(call)


async def a_yes(cast: Cast, clip: UUID) -> Renewal:
    renewal = await renewing.renew(cast.viewer("trainer"), clip, a_wish())
    return await renewing.answer_renewal(cast.viewer("agent"), renewal.id, yes=True)


async def state_of(call: UUID) -> str:
    row = await Recording.select(Recording.state).where(Recording.id == call).first()
    assert row is not None
    return str(row["state"])


async def test_what_a_renewal_needs(cast: Cast, clip: UUID, call: UUID, publish: Publish) -> None:
    trainer = cast.viewer("trainer")

    async def wrong(**changes: Any) -> list[str]:
        with pytest.raises(Invalid) as refused:
            await renewing.renew(trainer, clip, a_wish(**changes))
        return [error.field for error in refused.value.errors]

    assert await wrong(basis="because", checked=False) == ["basis", "checked"]
    assert await wrong(basis="synthetic") == ["basis"]  # a caller is heard
    assert await wrong(days=29) == ["keep_until"]
    assert await wrong(days=30) == ["keep_until"]  # the day it ends anyway
    assert await wrong(days=4 * 365) == ["keep_until"]

    async def missing(of: UUID) -> list[str]:
        with pytest.raises(Conflict) as refused:
            await renewing.renew(trainer, of, a_wish())
        return list(refused.value.extra["missing"])

    draft = await service.create_clip(trainer, call, fields(start_ms=0, end_ms=5_000))
    await jobs.drain()
    assert await missing(draft) == ["published", "privacy_check"]
    await service.retire_clip(trainer, clip)
    assert await missing(clip) == ["published"]
    await service.restore_clip(trainer, clip)
    await db.fetch("UPDATE recording SET expires_at = NULL RETURNING id")
    assert await missing(clip) == ["end"]
    await db.fetch("UPDATE recording SET expires_at = {} RETURNING id", a_wish(30).expires_at)
    await deactivate_person(cast.viewer("admin"), cast.agent.id)
    assert await missing(clip) == ["agent_yes"]


@pytest.mark.parametrize("who", ["agent", "analyst", "lead", "other_lead", "manager", "admin"])
async def test_only_trainers_of_the_programme_renew_and_only_the_agent_answers(
    cast: Cast, clip: UUID, client: httpx.AsyncClient, sign_in: SignIn, who: str
) -> None:
    await sign_in(client, getattr(cast, who))
    body = {"basis": "consent", "keep_until": "2027-06-10", "nobody_recognised": True}
    assert (await client.post(f"/api/v1/clips/{clip}/renew", json=body)).status_code == 403
    assert (await client.post(f"/clips/{clip}/renew", data=body)).status_code == 403
    sees = who in ("analyst", "lead", "other_lead")
    for address in ("/clips/keeping", "/api/v1/clips/ending?days=90"):
        page = await client.get(address)
        assert page.status_code == (200 if sees else 403), address
        # a lead sees what is cut from their own team's calls
        assert (str(clip) in page.text) is (who in ("analyst", "lead"))
    asked = await renewing.renew(cast.viewer("trainer"), clip, a_wish())
    answer = await client.post(f"/api/v1/renewals/{asked.id}/answer", json={"answer": "yes"})
    assert answer.status_code == (200 if who == "agent" else 404)
    assert (await service.load_clip(None, clip)).renewed is (who == "agent")


async def test_a_no_leaves_it_to_end_with_its_call_and_a_yes_may_be_taken_back(
    cast: Cast, clip: UUID, call: UUID, live: Live, client: httpx.AsyncClient, sign_in: SignIn
) -> None:
    trainer, agent = cast.viewer("trainer"), cast.viewer("agent")
    asked = await renewing.renew(trainer, clip, a_wish())
    assert (await latest(agent))[0].kind == "renewal_asked"
    with pytest.raises(Conflict):
        await renewing.renew(cast.viewer("second_trainer"), clip, a_wish())
    await renewing.answer_renewal(agent, asked.id, yes=False, words="Rather not")
    assert "renewal_answered" in [notice.kind for notice in await latest(trainer)]
    assert not (await service.load_clip(trainer, clip)).renewed
    with pytest.raises(Conflict):
        await renewing.answer_renewal(agent, asked.id, yes=True)
    said = await a_yes(cast, clip)
    await renewing.answer_renewal(agent, said.id, yes=False)
    assert (await service.load_clip(trainer, clip)).expires_at == a_wish(30).expires_at
    # after the call is over, a yes taken back ends it at once
    said = await a_yes(cast, clip)
    await live(days=31)
    assert (await state_of(call), len(await objects("clips"))) == ("expired", 1)
    await sign_in(client, cast.agent)
    back = await client.post(f"/my-voice/renewals/{said.id}", data={"answer": "no"})
    assert back.status_code == 303
    assert (await client.get(f"/clips/{clip}/audio")).status_code == 410
    await jobs.drain()
    assert (await state_of(call), await objects()) == ("erased", [])


async def test_a_yes_that_comes_too_late_changes_nothing(
    cast: Cast, clip: UUID, call: UUID, live: Live, clock: Any
) -> None:
    agent = cast.viewer("agent")
    asked = await renewing.renew(cast.viewer("trainer"), clip, a_wish())
    clock.move_to(AFTER)  # over, although no job has run yet
    with pytest.raises(Gone):
        await renewing.answer_renewal(agent, asked.id, yes=True)
    with pytest.raises(Gone):
        await renewing.renew(cast.viewer("trainer"), clip, a_wish())
    await live(days=30, minutes=5)
    assert await state_of(call) == "erased"
    assert [row["state"] for row in await ClipRenewal.select()] == ["lapsed"]
    assert await renewing.asked_of_me(agent) == []


async def test_a_question_taken_back_and_one_about_another_sound_are_not_answered(
    cast: Cast, clip: UUID
) -> None:
    trainer, agent = cast.viewer("trainer"), cast.viewer("agent")
    asked = await renewing.renew(trainer, clip, a_wish())
    with pytest.raises(Forbidden):
        await renewing.call_off(cast.viewer("analyst"), asked.id)
    assert await renewing.call_off(trainer, asked.id) == clip
    with pytest.raises(Conflict):
        await renewing.answer_renewal(agent, asked.id, yes=True)
    with pytest.raises(NotFound):
        await renewing.answer_renewal(cast.viewer("lead"), asked.id, yes=True)
    asked = await renewing.renew(trainer, clip, a_wish())
    revision = (await service.load_clip(trainer, clip)).revision
    await service.edit_clip(trainer, clip, fields(end_ms=13_000), revision=revision)
    await jobs.drain()
    await service.publish_clip(trainer, clip, review="self", privacy_checked=True)
    assert await renewing.asked_of_me(agent) == []
    with pytest.raises(Conflict):
        await renewing.answer_renewal(agent, asked.id, yes=True)
    assert not (await service.load_clip(trainer, clip)).renewed


async def test_a_counterexample_also_needs_the_yes_it_always_needed(
    cast: Cast, call: UUID, rules: dict[str, UUID], canned_sound: None, live: Live
) -> None:
    trainer, agent = cast.viewer("trainer"), cast.viewer("agent")
    poor = await service.create_clip(trainer, call, fields(polarity="counterexample"))
    await jobs.drain()
    await agreed(cast, poor)
    await service.publish_clip(trainer, poor, review="self", privacy_checked=True)
    await a_yes(cast, poor)
    await live(days=31)
    await service.load_sound(cast.viewer("manager"), poor)
    await consent.answer(agent, poor, yes=False)
    with pytest.raises(Gone):
        await service.load_sound(cast.viewer("manager"), poor)
    await live(days=201)
    assert (await state_of(call), await objects()) == ("erased", [])


# Two at once

Step = Callable[[], Awaitable[Any]]


@pytest.mark.parametrize("first", ["answer", "job", "both"])
async def test_an_answer_while_the_call_expires_either_keeps_the_clip_or_comes_too_late(
    cast: Cast, clip: UUID, call: UUID, clock: Any, first: str
) -> None:
    asked = await renewing.renew(cast.viewer("trainer"), clip, a_wish())
    clock.move_to(a_wish(30).expires_at - timedelta(seconds=5))

    async def answer() -> bool:
        try:
            await renewing.answer_renewal(cast.viewer("agent"), asked.id, yes=True)
        except Gone:
            return False
        return True

    async def job() -> None:
        await keeping.expire(call, AFTER)  # another machine, whose clock is already there

    async def in_turn(*steps: Step) -> list[Any]:
        return [await step() for step in steps]

    if first == "both":
        said, _none = await asyncio.gather(answer(), job())
    else:
        results = await in_turn(*((answer, job) if first == "answer" else (job, answer)))
        said = results[0] if first == "answer" else results[1]
    clock.move_to(AFTER)
    await jobs.drain(db.utc_now())
    if said:
        assert await state_of(call) == "expired"
        await service.load_sound(cast.viewer("manager"), clip)
        assert len(await objects()) == 1
    else:
        assert await state_of(call) == "erased"
        assert await objects() == []
    assert said is {"answer": True, "job": False, "both": said}[first]


async def test_two_workers_expire_and_warn_once(
    cast: Cast, clip: UUID, call: UUID, publish: Publish, clock: Any
) -> None:
    await a_yes(cast, clip)
    await publish(call, start_ms=0, end_ms=4_500, cue_ms=None, redactions=())
    trainer = cast.viewer("trainer")
    clock.move_to(START + timedelta(days=20))
    await asyncio.gather(*(ending.warn_of_ending_clips(CONTEXT) for _ in range(3)))
    warnings = [notice for notice in await latest(trainer) if notice.kind == "clips_end"]
    assert [notice.words for notice in warnings] == ["A clip ends on 22 December: renew it, or find another"]
    clock.move_to(AFTER)
    await asyncio.gather(*(keeping.expire_recordings(CONTEXT) for _ in range(3)))
    await jobs.drain()
    assert await state_of(call) == "expired"
    clock.move_to(START + timedelta(days=201))
    await asyncio.gather(
        *(ending.expire_clips(CONTEXT) for _ in range(3)), keeping.expire_recordings(CONTEXT)
    )
    await jobs.drain()
    assert (await state_of(call), await objects()) == ("erased", [])
    lost = await db.fetch("SELECT COUNT(*) AS times FROM audit_entry WHERE action = 'clip_expired'")
    assert lost[0]["times"] == 1


@pytest.mark.parametrize("step", ["between the call and its clips", "between the clip and its sound"])
async def test_what_a_kill_left_half_done_is_finished_the_next_time(
    cast: Cast, clip: UUID, call: UUID, clock: Any, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    async def killed(*given: Any) -> Any:
        raise KeyboardInterrupt

    if step == "between the call and its clips":
        clock.move_to(AFTER)
        with monkeypatch.context() as broken:
            broken.setattr(keeping, "let_go", killed)
            with pytest.raises(KeyboardInterrupt):
                await keeping.expire_recordings(CONTEXT)
        assert await state_of(call) == "expired"
    else:
        await a_yes(cast, clip)
        clock.move_to(START + timedelta(days=201))
        await keeping.expire_recordings(CONTEXT)
        with monkeypatch.context() as broken:
            broken.setattr(ending.calls, "let_go", killed)
            with pytest.raises(KeyboardInterrupt):
                await ending.expire_clips(CONTEXT)
        row = await Clip.select(Clip.state).where(Clip.id == clip).first()
        assert row is not None
        assert row["state"] == "published"  # in one transaction: nothing of it happened
    with pytest.raises(Gone):
        await service.load_sound(cast.viewer("trainer"), clip)
    await jobs.drain(db.utc_now())
    assert (await state_of(call), await objects()) == ("erased", [])


# What could stand in


async def test_the_page_proposes_what_lets_one_hear_the_rule_after_that(
    cast: Cast, clip: UUID, kept_call: KeptCall, publish: Publish, client: httpx.AsyncClient, sign_in: SignIn
) -> None:
    trainer = cast.viewer("trainer")
    (each,) = await ending.ending_soon(trainer, timedelta(days=40))
    assert (each.stand_ins[0].last, each.stand_ins[0].clips) == (True, ())
    later = await kept_call(days=300)
    stays = await publish(later, title="Stays much longer")
    begun = await service.create_clip(trainer, later, fields(title="Begun already", start_ms=0, end_ms=6_000))
    sooner = await publish(await kept_call(days=10), title="Goes even sooner")
    (first, second) = await ending.ending_soon(trainer, timedelta(days=40))
    assert (first.clip.id, second.clip.id) == (sooner, clip)
    (of_rule,) = second.stand_ins
    assert ([one.id for one in of_rule.clips], [one.id for one in of_rule.drafts]) == ([stays], [begun])
    assert not of_rule.last
    await sign_in(client, cast.trainer)
    page = (await client.get("/clips/keeping")).text
    assert re.search("In its place:.*Stays much longer", page)
    assert re.search("Begun, to be finished:.*Begun already", page)
    items = (await client.get("/api/v1/clips/ending?days=40")).json()["items"]
    assert [item["id"] for item in items] == [str(sooner), str(clip)]
    assert items[1]["rules"][0]["clips"][0]["id"] == str(stays)
    assert (await client.get("/api/v1/clips/ending?days=0")).status_code == 422
    # a call of which nothing is in use stands below
    await kept_call(days=12, title="Nobody cut from it")
    assert "Nobody cut from it" in (await client.get("/clips/keeping")).text


async def test_whoever_cut_it_is_warned_too_and_others_are_not(
    cast: Cast, kept_call: KeptCall, publish: Publish, live: Live, call: UUID, clip: UUID
) -> None:
    stranger = viewer_for(await a_person("agent"))
    await Clip.update({Clip.curator: cast.analyst.id}).where(Clip.id == clip)
    await live(days=20)
    for who, told in (("trainer", 1), ("second_trainer", 1), ("analyst", 1), ("lead", 0), ("admin", 0)):
        kinds = [notice.kind for notice in await latest(cast.viewer(who))]
        assert kinds.count("clips_end") == told, who
    assert await latest(stranger) == []
    # a call that is kept longer after all is warned of again, for its new day
    await db.fetch("UPDATE recording SET expires_at = {} RETURNING id", a_wish(80).expires_at)
    await live(days=40)
    await live(days=70)
    kinds = [notice.kind for notice in await latest(cast.viewer("trainer"))]
    assert kinds.count("clips_end") == 2


async def test_the_page_asks_no_more_for_many_clips(
    cast: Cast, kept_call: KeptCall, publish: Publish, count_queries: Any
) -> None:
    trainer, call = cast.viewer("trainer"), await kept_call()
    counts = []
    for start in range(3):
        await publish(call, start_ms=start * 1_000, end_ms=15_000)
        with count_queries() as counted:
            assert len(await ending.ending_soon(trainer, timedelta(days=40))) == start + 1
        counts.append(counted.count)
    assert counts[1:] == counts[2:] * 2
    assert max(counts) <= 12
