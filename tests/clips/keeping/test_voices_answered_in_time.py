"""Objections are answered within a set time, agents are thanked and named only as they chose, minors are refused."""

from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import pytest

from tests.clips.keeping.conftest import KeptCall, Live, Publish
from tests.clips.makers import Cast, agreed, fields
from tests.web_fixtures import SignIn
from trainer import jobs
from trainer.calls.folder import import_recordings
from trainer.calls.tables import Recording
from trainer.clips import service, voice, voice_terms
from trainer.clips.keeping import credit
from trainer.clips.keeping.tables import ClipCredit
from trainer.notices.service import latest
from trainer.people.erasing import erase_person
from trainer.problems import Conflict, Forbidden


@pytest.fixture
async def clip(kept_call: KeptCall, publish: Publish) -> UUID:
    return await publish(await kept_call())


async def told(cast: Cast, who: str, kind: str) -> list[str]:
    return [notice.words for notice in await latest(cast.viewer(who)) if notice.kind == kind]


async def test_an_objection_is_due_within_five_days_reminds_and_reaches_the_admin(
    cast: Cast, clip: UUID, live: Live, client: httpx.AsyncClient, sign_in: SignIn
) -> None:
    agent, trainer = cast.viewer("agent"), cast.viewer("trainer")
    objection = await voice.object_to(agent, clip, "I had a cold.")
    await live(days=3, hours=23)
    assert await told(cast, "trainer", "objection_due") == []
    for hours in (2, 5):
        await live(days=4, hours=hours)
        (reminder,) = await told(cast, "trainer", "objection_due")
    assert reminder == "Amara Nwosu still waits for an answer to an objection, until 28 November"
    assert await told(cast, "admin", "objection_overdue") == []
    await sign_in(client, cast.trainer)
    page = (await client.get("/clips/objections")).text
    assert ("Due by" in page, "I had a cold." in page, "Hear it and answer" in page) == (True, True, True)
    await live(days=5, hours=2)
    await live(days=5, hours=8)
    for who in ("trainer", "second_trainer", "admin"):
        assert len(await told(cast, who, "objection_overdue")) == 1
    await sign_in(client, cast.admin)
    page = (await client.get("/clips/objections")).text
    assert ("Overdue since" in page, "Hear it and answer" in page) == (True, False)
    (item,) = (await client.get("/api/v1/objections")).json()["items"]
    assert (item["overdue"], item["due_at"][:10]) == (True, "2026-11-28")
    for who, status in (("agent", 403), ("lead", 403), ("manager", 403), ("analyst", 403)):
        await sign_in(client, getattr(cast, who))
        assert (await client.get("/clips/objections")).status_code == status
    await voice.decide_objection(trainer, objection, "declined", "It shows it best.")
    for who in ("trainer", "admin"):
        assert await told(cast, who, "objection_overdue") == []
    await live(days=20)
    assert await voice.open_objections(trainer) == []


async def test_the_time_to_answer_is_a_setting(
    cast: Cast, clip: UUID, live: Live, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(voice_terms, "_within", voice_terms._within)
    voice_terms.answer_within(1)
    await voice.object_to(cast.viewer("agent"), clip, "I had a cold.")
    (waiting,) = await voice.open_objections(cast.viewer("trainer"))
    assert waiting.due_at - waiting.at == timedelta(days=1)
    await live(days=1, hours=1)
    assert len(await told(cast, "admin", "objection_overdue")) == 1


async def test_an_agent_is_thanked_once_and_named_only_as_they_choose(
    cast: Cast,
    clip: UUID,
    kept_call: KeptCall,
    rules: dict[str, UUID],
    client: httpx.AsyncClient,
    sign_in: SignIn,
) -> None:
    trainer, agent = cast.viewer("trainer"), cast.viewer("agent")
    await jobs.drain()
    assert await told(cast, "agent", "clip_thanks") == [
        "Thank you: others now learn from a good moment of yours, Recap the money"
    ]
    revision = (await service.load_clip(trainer, clip)).revision
    await service.edit_clip(trainer, clip, fields(title="Better said"), revision=revision)
    poor = await service.create_clip(trainer, await kept_call(), fields(polarity="near_miss", title="Nearly"))
    staged = await service.create_clip(trainer, await kept_call(staged=True), fields())
    await jobs.drain()
    await agreed(cast, poor)
    for each in (clip, poor, staged):
        await service.publish_clip(trainer, each, review="self", privacy_checked=True)
    await jobs.drain()
    assert sorted(await told(cast, "agent", "clip_thanks")) == [
        "Thank you for letting others learn from a moment of yours: Nearly",
        "Thank you: others now learn from a good moment of yours, Recap the money",
    ]
    await sign_in(client, cast.agent)
    # who found them is credited on the clip, and counted on their page (002-6)
    assert "Rosa Lind" in (await client.get(f"/clips/{clip}")).text
    assert "Found 3 clips that others learn from" in (await client.get(f"/people/{cast.trainer.id}")).text
    assert "Show my name with it" in (await client.get("/my-voice")).text
    assert (await client.post(f"/my-voice/{clip}/credit", data={"named": "1"})).status_code == 303
    page = (await client.get("/my-voice")).text
    assert " checked" in page
    assert (await service.load_clip(cast.viewer("manager"), clip)).agent_name == "Amara Nwosu"
    assert (await client.post(f"/api/v1/clips/{clip}/credit", json={"named": False})).status_code == 200
    assert (await service.load_clip(cast.viewer("manager"), clip)).agent_name is None
    with pytest.raises(Conflict):  # whatever they choose, nobody is named with what went wrong
        await credit.choose_credit(agent, poor, named=True)
    for who in ("trainer", "lead", "manager"):
        with pytest.raises(Forbidden):
            await credit.choose_credit(cast.viewer(who), clip, named=True)
    await credit.choose_credit(agent, clip, named=True)
    await erase_person(cast.viewer("admin"), cast.agent.id, cast.agent.name)
    await jobs.drain()
    assert await ClipCredit.count() == 0


async def test_calls_of_minors_are_refused_wherever_they_come_from(
    cast: Cast, tone: Path, tmp_path: Path, client: httpx.AsyncClient, sign_in: SignIn
) -> None:
    await sign_in(client, cast.trainer)
    given = {"consent_basis": "consent", "retain_until": "2027-01-31"}
    for address in ("/api/v1/recordings", "/calls/new"):
        for said in ("true", "yes", "1", "on", " TRUE "):
            audio: Any = {"audio": ("call.wav", tone.read_bytes())}
            answer = await client.post(address, data={**given, "caller_is_minor": said}, files=audio)
            assert answer.status_code == 422, (address, said)
            assert "minors are not kept" in answer.text
    folder = tmp_path / "calls"
    folder.mkdir()
    for name in ("grown", "child"):
        (folder / f"{name}.wav").write_bytes(tone.read_bytes() + name.encode())
    (folder / "metadata.yaml").write_text(
        "calls: [{audio: grown.wav, consent_basis: consent}, {audio: child.wav, caller_is_minor: true}]"
    )
    report = await import_recordings(None, folder)
    assert (list(report.taken), list(report.refused)) == (["grown.wav"], ["child.wav"])
    assert "minors" in report.refused["child.wav"]
    assert await Recording.count() == 1
