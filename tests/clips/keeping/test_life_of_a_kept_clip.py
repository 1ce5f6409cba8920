"""From the warning to the last day: what expires, what is renewed and lives on, and what erasing takes all the same."""

import json
import re
from uuid import UUID

import httpx
import pytest

from tests.clips.conftest import CallMaker
from tests.clips.keeping.conftest import KeptCall, Live, Publish, a_wish, objects
from tests.clips.makers import Cast, fields
from tests.web_fixtures import SignIn
from trainer import db, jobs
from trainer.calls import service as calls
from trainer.calls.keeping import expire
from trainer.clips import fits, service
from trainer.clips.arithmetic import Line
from trainer.clips.keeping import renewing
from trainer.clips.playlists import service as playlists
from trainer.clips.playlists.service import PlaylistFields
from trainer.clips.reviewing import service as reviewing
from trainer.clips.tables import Clip
from trainer.notices.service import latest
from trainer.people.erasing import erase_person
from trainer.people.tables import AuditEntry, Person
from trainer.piccolo_app import TABLES
from trainer.problems import Gone
from trainer.training import building, enrolling, modules, taking


async def test_a_renewed_clip_is_heard_after_its_call_and_goes_on_its_own_day(
    cast: Cast,
    kept_call: KeptCall,
    publish: Publish,
    live: Live,
    rules: dict[str, UUID],
    client: httpx.AsyncClient,
    sign_in: SignIn,
) -> None:
    trainer, agent = cast.viewer("trainer"), cast.viewer("agent")
    call = await kept_call()
    clip = await publish(call, title="A clear recap")
    other = await publish(
        call, title="Nobody renews this", start_ms=0, end_ms=4_500, cue_ms=None, redactions=()
    )
    draft = await service.create_clip(trainer, call, fields(title="Only begun"))
    published = await modules.publish_module(
        trainer, await building.build_module(trainer, title="Listening", rules=["R01"])
    )
    enrolment = await enrolling.enrol(agent, published.code, agent.id)
    await live(days=15)
    assert "clips_end" not in [notice.kind for notice in await latest(trainer)]

    # warned 14 days ahead, once
    for days in (16.5, 17.5):
        await live(days=days)
        (warning,) = [notice for notice in await latest(trainer) if notice.kind == "clips_end"]
    assert "2 clips end soon, the first on 22 December" in warning.words
    await sign_in(client, cast.trainer)
    page = (await client.get(warning.href)).text
    assert "A clear recap" in page
    assert "Nobody renews this" in page

    # the trainer asks, the agent says yes
    form = {"basis": "legitimate_interest", "keep_until": "2027-06-10", "checked": "1"}
    refused = await client.post(
        f"/clips/{clip}/renew", data={**form, "checked": "", "keep_until": "2026-12-01"}
    )
    assert refused.status_code == 422
    assert "It is kept until then anyway" in refused.text
    assert "nobody outside can be recognised" in refused.text
    beyond = await client.post(f"/clips/{clip}/renew", data={**form, "keep_until": "9999-12-31"})
    assert (beyond.status_code, "Please check the year" in beyond.text) == (422, True)
    assert (await client.post(f"/clips/{clip}/renew", data=form)).status_code == 303
    assert (await client.post(f"/clips/{clip}/renew", data=form)).status_code == 409
    assert "Waiting for an answer" in (await client.get(f"/clips/{clip}/renew")).text
    assert "Waiting for a yes" in (await client.get("/clips/keeping")).text
    await sign_in(client, cast.analyst)
    waiting = (
        (await client.get("/clips/keeping")).text.partition("Waiting for a yes")[2].partition("</section>")[0]
    )
    assert f'href="/clips/{clip}"' in waiting  # renewing is the trainers'
    await sign_in(client, cast.agent)
    mine = (await client.get("/my-voice")).text
    assert "May it be kept longer?" in mine
    (question,) = await renewing.asked_of_me(agent)
    address = f"/my-voice/renewals/{question.renewal.id}"
    assert (await client.post(address, data={"answer": "maybe"})).status_code == 422
    assert (await client.post(address, data={"answer": "yes"})).status_code == 303
    assert "You said yes to that." in (await client.get("/my-voice")).text

    # the call's day is over: its sound, shape and words go, and what was not renewed
    await live(days=30, minutes=5)
    assert await objects("recordings") == []
    assert len(await objects("clips")) == 1
    assert await calls.segments_of(call) == []
    with pytest.raises(Gone):
        await calls.load_for_hearing(trainer, call)
    await sign_in(client, cast.trainer)
    assert (await client.get(f"/api/v1/recordings/{call}")).json()["status"] == "expired"
    assert (await client.get(f"/calls/{call}")).status_code == 200
    gone = await client.get(f"/api/v1/clips/{other}")
    assert (gone.status_code, gone.json()["type"]) == (410, "/problems/expired")
    assert (await client.get(f"/api/v1/clips/{draft}")).status_code == 410

    # it plays everywhere, and nothing can be cut any more
    for who in ("agent", "manager", "trainer"):
        await sign_in(client, getattr(cast, who))
        for base in ("", "/api/v1"):
            heard = await client.get(f"{base}/clips/{clip}/audio", headers={"Range": "bytes=0-3"})
            assert (heard.status_code, heard.content) == (206, b"not ")
            assert "-->" in (await client.get(f"{base}/clips/{clip}/transcript.vtt")).text
        assert str(clip) in (await client.get("/clips")).text
        assert str(clip) in (await client.get("/rules/R01")).text
    shown = (await client.get(f"/api/v1/clips/{clip}")).json()
    assert (shown["status"], shown["keep_until"], shown["keep_basis"]) == (
        "published",
        "2027-06-10",
        "legitimate_interest",
    )
    assert [item["id"] for item in (await client.get("/api/v1/clips")).json()["items"]] == [str(clip)]
    page = (await client.get(f"/clips/{clip}")).text
    assert "Kept until" in page
    assert f"/clips/{clip}/edit" not in page
    for answer in (
        await client.get(f"/clips/{clip}/edit"),
        await client.patch(f"/api/v1/clips/{clip}", json={"title": "X"}, headers={"If-Match": "*"}),
    ):
        assert answer.status_code == 409
        assert "nothing to cut from any more" in answer.text
    assert (await fits.heard([rules["R01"]]))[rules["R01"]].fitting == 1
    course = await taking.open_course(agent, enrolment)
    assert any(clip in step.clips for step in course.steps)
    await sign_in(client, cast.agent)
    step = next(step for step in course.steps if clip in step.clips)
    for before in course.steps[: step.position]:
        await taking.answer(agent, enrolment, before.id, {}, attempt=1)
    played = await client.get(f"/learn/{enrolment}/{step.position + 1}")
    assert (played.status_code, "data-clip-player" in played.text) == (200, True)
    assert (await client.get(f"/learn/{enrolment}/{step.position + 1}/audio/a")).status_code == 200

    # warned again, and gone on its own day, with all that was left of the call
    await live(days=186.5)
    assert len([notice for notice in await latest(trainer) if notice.kind == "clips_end"]) == 2
    await service.load_sound(agent, clip)
    await live(days=200, minutes=5)
    with pytest.raises(Gone) as over:
        await service.load_sound(agent, clip)
    assert over.value.name == "expired"
    assert await objects() == []
    proof = await calls.find_recording(trainer, call)
    assert (proof.state, proof.erased_why, proof.agent) == ("erased", "retain_until", None)
    actions = {entry["action"] for entry in await AuditEntry.select(AuditEntry.action)}
    assert {
        "renewal_asked",
        "clip_renewed",
        "recording_expired",
        "clip_expired",
        "recording_erased",
    } <= actions


async def everything() -> str:
    """All rows of all tables, to look for what must not be left anywhere."""
    rows = [await table.select() for table in TABLES]
    return json.dumps(rows, default=str, ensure_ascii=False)


async def test_with_the_call_go_the_words_that_were_redacted_out_of_typed_lines(
    cast: Cast, kept_call: KeptCall, publish: Publish, live: Live
) -> None:
    trainer = cast.viewer("trainer")
    typed = (Line(7_000, 8_000, "caller", "Marigold"), Line(10_000, 14_000, "agent", "One moment."))
    clip = await publish(await kept_call(staged=True, transcript=False), lines=typed)
    assert (await renewing.renew(trainer, clip, a_wish())).state == "renewed"
    assert "Marigold" in await everything()
    await live(days=31)
    assert "Marigold" not in await everything()
    assert "One moment." in [line.text for line in (await service.load_clip(trainer, clip)).lines]


@pytest.mark.parametrize("asked_by", ["recording", "agent"])
async def test_erasing_on_request_takes_a_renewed_clip_and_every_copy_of_it(
    cast: Cast, kept_call: KeptCall, publish: Publish, live: Live, asked_by: str
) -> None:
    trainer, agent = cast.viewer("trainer"), cast.viewer("agent")
    call = await kept_call(title="Marigold on the line")
    clip = await publish(call, title="Marigold recaps", note="Marigold waits", why="Marigold says it back")
    begun = await service.create_clip(trainer, call, fields(title="Marigold begins"))
    await jobs.drain()
    await reviewing.submit_clip(trainer, begun, "Does Marigold say enough?")
    await playlists.make_playlist(
        trainer, PlaylistFields(title="Good recaps"), [(clip, "Listen how Marigold waits")]
    )
    renewal = await renewing.renew(trainer, clip, a_wish())
    await renewing.answer_renewal(agent, renewal.id, yes=True, words="Marigold may stay")
    await live(days=31)
    await service.load_sound(trainer, clip)
    assert "Marigold" in await everything()
    if asked_by == "recording":
        await calls.erase_recording(trainer, call, "The caller asked for it.")
    else:
        await erase_person(cast.viewer("admin"), cast.agent.id, cast.agent.name)
        await jobs.drain()
    with pytest.raises(Gone):
        await service.load_sound(trainer, clip)
    await live(days=32)
    assert await objects() == []
    left = await everything()
    for word in ("Marigold", "One moment.", "Thanks for calling"):
        assert word not in left
    proof = await calls.find_recording(trainer, call)
    assert (proof.state, proof.erased_at is not None) == ("erased", True)
    row = await Clip.select().where(Clip.id == clip).first()
    assert row is not None
    assert (row["state"], row["erased_at"] is not None) == ("erased", True)


async def test_what_nobody_renews_goes_with_its_call_and_leaves_a_proof(
    cast: Cast, kept_call: KeptCall, publish: Publish, live: Live
) -> None:
    trainer, call = cast.viewer("trainer"), await kept_call()
    clip = await publish(call)
    await live(days=30, minutes=5)
    assert (await calls.find_recording(trainer, call)).state == "erased"
    with pytest.raises(Gone) as over:
        await service.load_clip(trainer, clip)
    assert over.value.name == "expired"
    assert await objects() == []


async def test_a_clip_ends_on_its_own_day_although_its_call_was_extended_meanwhile(
    cast: Cast, kept_call: KeptCall, publish: Publish, live: Live
) -> None:
    trainer, call = cast.viewer("trainer"), await kept_call(staged=True)
    clip = await publish(call)
    assert (await renewing.renew(trainer, clip, a_wish(60, basis="synthetic"))).state == "renewed"
    await db.fetch("UPDATE recording SET expires_at = {} RETURNING id", a_wish(400).expires_at)
    await live(days=59)
    await service.load_sound(trainer, clip)
    await live(days=61)
    with pytest.raises(Gone):
        await service.load_sound(trainer, clip)
    assert (await calls.load_recording(trainer, call)).state == "ready"
    assert await objects("clips") == []


async def test_a_new_version_with_another_sound_has_to_be_renewed_anew(
    cast: Cast, kept_call: KeptCall, publish: Publish, live: Live
) -> None:
    trainer = cast.viewer("trainer")
    clip = await publish(await kept_call(staged=True))
    await renewing.renew(trainer, clip, a_wish())
    for changed, kept in (({"title": "Other words, same sound"}, True), ({"end_ms": 13_000}, False)):
        view = await service.load_clip(trainer, clip)
        await service.edit_clip(
            trainer, clip, fields(redactions=view.redactions, **changed), revision=view.revision
        )
        await jobs.drain()
        await service.publish_clip(trainer, clip, review="self", privacy_checked=True)
        assert (await service.load_clip(trainer, clip)).renewed is kept


async def test_retiring_taking_down_and_putting_back_go_on_after_the_call(
    cast: Cast, kept_call: KeptCall, publish: Publish, live: Live
) -> None:
    trainer = cast.viewer("trainer")
    clip = await publish(await kept_call(staged=True))
    await renewing.renew(trainer, clip, a_wish())
    await live(days=31)
    await service.retire_clip(trainer, clip)
    await service.restore_clip(trainer, clip)
    await service.take_down(trainer, clip, "A name")
    await live(days=32)
    await service.put_back(trainer, clip, "It was the company's name.")
    await service.load_sound(cast.viewer("manager"), clip)
    # renewed once more, though there is no call any more
    assert (await renewing.renew(trainer, clip, a_wish(400))).state == "renewed"
    await live(days=399)
    await service.load_sound(cast.viewer("manager"), clip)


async def test_a_call_in_preparation_expires_too(cast: Cast, a_call: CallMaker) -> None:
    call = await a_call(state="processing", expires_at=a_wish(10).expires_at)
    await expire(call, a_wish(11).expires_at)
    assert (await calls.find_recording(cast.viewer("trainer"), call)).state == "erased"


async def test_a_last_day_is_a_day_of_the_centre_wherever_its_reader_is(
    cast: Cast, kept_call: KeptCall, publish: Publish, client: httpx.AsyncClient, sign_in: SignIn
) -> None:
    await Person.update({Person.time_zone: "Asia/Kolkata"}, force=True)
    clip = await publish(await kept_call())
    await sign_in(client, cast.trainer)
    pages = (f"/clips/{clip}", f"/clips/{clip}/renew", "/clips/keeping?within=30", "/clips/coverage")
    for page in pages:
        shown = (await client.get(page)).text
        assert re.search("22 Dec|Dec 22", shown), page
        assert not re.search("23 Dec|Dec 23", shown), page
    await sign_in(client, cast.agent)
    mine = (await client.get("/my-voice")).text
    assert "22 Dec" in mine
    assert "23 Dec" not in mine
