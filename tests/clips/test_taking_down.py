"""Taking a clip down stops it everywhere at once, history and caches included; a trainer may put it back."""

from datetime import timedelta
from uuid import UUID

import httpx
import pytest

from tests.clips.conftest import CallMaker
from tests.clips.makers import Cast, fields
from tests.web_fixtures import SignIn
from trainer import db, jobs
from trainer.calls import service as calls
from trainer.clips import fits, service
from trainer.people.tables import AuditEntry
from trainer.problems import Conflict, Gone
from trainer.training import building, enrolling, modules, taking

pytestmark = pytest.mark.usefixtures("canned_sound")
EVERYBODY = ["agent", "trainer", "analyst", "lead", "other_lead", "manager", "admin"]


@pytest.fixture
async def clip(cast: Cast, a_call: CallMaker, rules: dict[str, UUID]) -> UUID:
    """A published clip of the second version; its first one is history."""
    viewer = cast.viewer("trainer")
    made = await service.create_clip(viewer, await a_call(), fields())
    await jobs.drain()
    await service.publish_clip(viewer, made, review="self", privacy_checked=True)
    await service.edit_clip(viewer, made, fields(end_ms=13_000), revision=2)
    await jobs.drain()
    return await service.publish_clip(viewer, made, review="self", privacy_checked=True)


async def test_one_button_silences_it_everywhere_and_another_brings_it_back(
    cast: Cast, clip: UUID, rules: dict[str, UUID], client: httpx.AsyncClient, sign_in: SignIn
) -> None:
    trainer = cast.viewer("trainer")
    (old,) = await service.old_versions(trainer, await service.load_clip(trainer, clip))
    await sign_in(client, cast.trainer)
    heard = await client.get(f"/clips/{clip}/audio")
    assert heard.headers["cache-control"] == "private, no-cache"
    page = await client.post(f"/clips/{clip}/take-down", data={"why": " "})
    assert (page.status_code, "Say in a sentence why" in page.text) == (422, True)
    assert (
        await client.post(f"/clips/{clip}/take-down", data={"why": "A name is heard."})
    ).status_code == 303
    assert "A name is heard." in (await client.get(f"/clips/{clip}")).text
    assert str(clip) in (await client.get("/clips?state=taken_down")).text
    tag = {"If-None-Match": heard.headers["etag"]}
    for who in EVERYBODY:
        await sign_in(client, getattr(cast, who))
        for address in (f"/clips/{clip}/audio", f"/api/v1/clips/{clip}/audio", f"/api/v1/clips/{clip}"):
            assert (await client.get(address, headers=tag)).status_code == 410, (who, address)
        assert (await client.get(f"/clips/{old.id}/audio")).status_code == 410
        page_status = (await client.get(f"/clips/{clip}")).status_code
        assert page_status == (200 if who in ("trainer", "admin") else 410)
        assert str(clip) not in (await client.get("/clips")).text
        assert str(clip) not in (await client.get("/rules/R01")).text
        assert (await client.get("/api/v1/clips")).json()["items"] == []
    assert await fits.heard(list(rules.values())) == {}
    (entry,) = await AuditEntry.select().where(AuditEntry.action == "clip_taken_down")
    assert "name is heard" not in str(entry["detail"])
    await service.put_back(trainer, clip, "It was the company's name.")
    await service.load_sound(cast.viewer("manager"), clip)
    assert [
        version.id for version in await service.old_versions(trainer, await service.load_clip(trainer, clip))
    ]


@pytest.mark.parametrize("who", EVERYBODY)
async def test_trainers_and_admins_take_down_and_trainers_put_back(
    cast: Cast, clip: UUID, client: httpx.AsyncClient, sign_in: SignIn, who: str
) -> None:
    await sign_in(client, getattr(cast, who))
    allowed = who in ("trainer", "admin")
    page = await client.get(f"/clips/{clip}")
    assert ("Take down now" in page.text) is allowed
    answer = await client.post(f"/api/v1/clips/{clip}/take-down", json={"reason": "A name"})
    assert answer.status_code == (200 if allowed else 403)
    assert (await client.post(f"/clips/{clip}/take-down", data={"why": "x"})).status_code in (
        {410} if allowed else {403}
    )
    if not allowed:
        await service.take_down(cast.viewer("admin"), clip, "A name")
    back = await client.post(f"/api/v1/clips/{clip}/put-back", json={"reason": "Checked"})
    assert back.status_code == {"trainer": 200, "admin": 403}.get(who, 410)


async def test_it_is_mended_by_its_next_version_and_the_old_one_stays_silent(cast: Cast, clip: UUID) -> None:
    viewer = cast.viewer("trainer")
    await service.take_down(viewer, clip, "A name")
    revision = (await service.load_clip(viewer, clip, stopped=True)).revision
    draft = await service.edit_clip(viewer, clip, fields(title="Without the name"), revision=revision)
    await jobs.drain()
    assert await service.publish_clip(viewer, clip, review="self", privacy_checked=True) == clip
    present = await service.load_clip(cast.viewer("agent"), clip)
    assert (present.title, present.state, present.version) == ("Without the name", "published", 3)
    with pytest.raises(Gone):
        await service.load_sound(viewer, draft)
    assert await service.old_versions(viewer, present) == []


async def test_drafts_are_not_taken_down(cast: Cast, a_call: CallMaker, rules: dict[str, UUID]) -> None:
    draft = await service.create_clip(cast.viewer("trainer"), await a_call(), fields())
    with pytest.raises(Conflict):
        await service.take_down(cast.viewer("trainer"), draft, "Why not")


async def test_a_learner_in_the_middle_sees_the_gap_and_goes_on(
    cast: Cast, clip: UUID, client: httpx.AsyncClient, sign_in: SignIn
) -> None:
    trainer, agent = cast.viewer("trainer"), cast.viewer("agent")
    module = await building.build_module(trainer, title="Listening", rules=["R01"])
    published = await modules.publish_module(trainer, module)
    enrolment = await enrolling.enrol(agent, published.code, agent.id)
    course = await taking.open_course(agent, enrolment)
    with_clip = next(step for step in course.steps if clip in step.clips)
    await service.take_down(trainer, clip, "A name")
    await sign_in(client, cast.agent)
    for step in course.steps:
        page = await client.get(f"/learn/{enrolment}/{step.position + 1}")
        assert page.status_code == 200
        if step.id == with_clip.id:
            assert "This clip was taken down. You can go on without it." in page.text
        assert (await client.get(f"/learn/{enrolment}/{step.position + 1}/audio/a")).status_code in (404, 410)
        given = {"text": "In my words"} if step.kind in ("recall", "reflect") else {}
        for attempt in (1, 2):
            course, said = await taking.answer(agent, enrolment, step.id, given, attempt=attempt)
            if said.correct is not False or course.enrolment.completed_at:
                break
    assert course.enrolment.completed_at is not None


async def test_a_call_that_is_erased_or_over_is_silent_before_any_job_ran(
    cast: Cast, clip: UUID, client: httpx.AsyncClient, sign_in: SignIn
) -> None:
    recording = (await service.load_clip(None, clip)).recording
    await sign_in(client, cast.manager)
    tag = (await client.get(f"/clips/{clip}/audio")).headers["etag"]
    await calls.erase_recording(cast.viewer("admin"), recording, "The caller asked for it")
    answer = await client.get(f"/clips/{clip}/audio", headers={"If-None-Match": tag})
    assert answer.status_code == 410
    assert await service.visible_clips(cast.viewer("trainer")) == []
    await jobs.drain(db.utc_now() + timedelta(minutes=1))
    assert (await client.get(f"/clips/{clip}")).status_code == 410


async def test_staged_clips_say_so_everywhere_and_close_no_gap(
    cast: Cast, a_call: CallMaker, rules: dict[str, UUID], client: httpx.AsyncClient, sign_in: SignIn
) -> None:
    made = await service.create_clip(cast.viewer("trainer"), await a_call(staged=True), fields())
    await jobs.drain()
    await service.publish_clip(cast.viewer("trainer"), made, review="self", privacy_checked=True)
    assert (await fits.heard([rules["R01"]]))[rules["R01"]].fitting == 0
    await sign_in(client, cast.agent)
    for address in ("/clips", f"/clips/{made}", "/rules/R01"):
        assert 'aria-label="Staged clip: Recap the money"' in (await client.get(address)).text, address
    assert (await client.get(f"/api/v1/clips/{made}")).json()["staged"] is True


async def test_a_calls_page_says_what_goes_before_and_proves_it_after(
    cast: Cast, clip: UUID, client: httpx.AsyncClient, sign_in: SignIn
) -> None:
    recording = (await service.load_clip(None, clip)).recording
    module = await building.build_module(cast.viewer("trainer"), title="Listening", rules=["R01"])
    await modules.publish_module(cast.viewer("trainer"), module)
    await sign_in(client, cast.admin)
    erasing = f"/calls/{recording}/erase"
    assert f'hx-get="{erasing}"' in (await client.get(f"/calls/{recording}")).text
    assert (await client.get(erasing)).headers["location"] == f"/calls/{recording}"
    before = (await client.get(erasing, headers={"HX-Request": "true"})).text
    assert "1 clip goes with it:" in before
    assert "Module: Listening" in before
    erased = await client.post(f"/calls/{recording}/erase", data={"why": "The caller asked for it."})
    assert erased.status_code == 303
    await jobs.drain()
    proof = await client.get(f"/calls/{recording}")
    assert proof.status_code == 410
    assert "The caller asked for it." in proof.text
    assert "1 clip went with it" in proof.text
