"""Several rules in one clip, each with a second and a reason of its own: typed, sent, moved, published, erased."""

import httpx
import pytest

from tests.clips.conftest import CallMaker
from tests.clips.makers import Cast, a_rule, fields
from tests.web_fixtures import SignIn
from trainer import jobs
from trainer.clips import service
from trainer.clips.forms import Typed, written_cues
from trainer.clips.service import RuleCue
from trainer.clips.tables import ClipRule
from trainer.problems import Invalid

pytestmark = pytest.mark.usefixtures("rules", "canned_sound")

BOTH = ("R01", "R02")
CUES = (RuleCue("R02", 4_000, "He names her."), RuleCue("R01", None, "She may finish."))


async def test_each_rule_has_its_own_second_and_reason_and_else_the_clips(cast: Cast, a_call: CallMaker):
    viewer = cast.viewer("trainer")
    made = await service.create_clip(
        viewer, await a_call(), fields(rules=BOTH, cues=CUES, cue_ms=2_000, why="Both at once.")
    )
    clip = await service.load_clip(viewer, made)
    assert (clip.cue_of("R01"), clip.cue_of("R02"), clip.cue_of("R99")) == (2_000, 4_000, 2_000)
    assert (clip.why_of("R01"), clip.why_of("R02"), clip.why_of("R99")) == (
        "She may finish.",
        "He names her.",
        "Both at once.",
    )
    assert written_cues(clip) == "R01: She may finish.\nR02 0:09.0: He names her."
    assert Typed.of_clip(clip).cues == written_cues(clip)


async def test_they_go_through_versions_and_leave_with_the_call(cast: Cast, a_call: CallMaker):
    viewer, recording = cast.viewer("trainer"), await a_call()
    named = await service.create_clip(viewer, recording, fields(rules=BOTH, cues=CUES))
    await jobs.drain()
    await service.publish_clip(viewer, named, review="self", privacy_checked=True)
    revision = (await service.load_clip(viewer, named)).revision
    later = (RuleCue("R02", 6_000, "He names her twice."),)
    draft = await service.edit_clip(viewer, named, fields(rules=BOTH, cues=later), revision=revision)
    assert (await service.load_clip(viewer, named)).cue_of("R02") == 4_000
    await service.publish_clip(viewer, draft, review="self", privacy_checked=True)
    now = await service.load_clip(viewer, named)
    assert (now.cue_of("R02"), now.why_of("R02"), now.rules[0].why) == (6_000, "He names her twice.", "")
    (old,) = await service.old_versions(viewer, now)
    assert (old.cue_of("R02"), old.why_of("R02")) == (4_000, "He names her.")
    await jobs.publish("recording_erased", {"recording": str(recording)})
    await jobs.drain()
    assert {(row["cue_ms"], row["why"]) for row in await ClipRule.select()} == {(None, "{}")}


async def test_what_no_cue_can_be_is_refused_by_name(cast: Cast, a_call: CallMaker):
    recording = await a_call()
    wrong = {
        "outside": (RuleCue("R01", 9_001),),
        "unknown": (RuleCue("R02", 1_000),),
        "twice": (RuleCue("R01", 1_000), RuleCue("R01", 2_000)),
        "too-long": (RuleCue("R01", 1_000, "x" * 2_001),),
    }
    for code, cues in wrong.items():
        with pytest.raises(Invalid) as refused:
            await service.create_clip(cast.viewer("trainer"), recording, fields(cues=cues))
        assert {(error.field, error.code) for error in refused.value.errors} == {("cues", code)}


async def test_over_the_api_cues_keep_their_moment_when_the_start_moves(
    client: httpx.AsyncClient, sign_in: SignIn, cast: Cast, a_call: CallMaker
):
    api = await sign_in(client, cast.trainer)
    cues = [{"rule": "R01", "cue_ms": 3_000, "why": ""}, {"rule": "R02", "cue_ms": None, "why": "Named."}]
    body = {"start_ms": 5_000, "end_ms": 14_000, "title": "Two", "rules": list(BOTH), "cues": cues}
    made = await api.post(f"/api/v1/recordings/{await a_call()}/clips", json=body)
    assert made.json()["cues"] == cues
    address, tag = made.headers["location"], made.headers["etag"]
    moved = await api.patch(address, json={"start_ms": 6_000}, headers={"If-Match": tag})
    assert moved.json()["cues"] == [{**cues[0], "cue_ms": 2_000}, cues[1]]
    fewer = await api.patch(address, json={"rules": ["R02"]}, headers={"If-Match": moved.headers["etag"]})
    assert fewer.json()["cues"] == [cues[1]]
    none = await api.patch(address, json={"cues": []}, headers={"If-Match": fewer.headers["etag"]})
    assert none.json()["cues"] == []


async def test_the_form_alone_sets_cues_and_pins_a_draft_rule(
    client: httpx.AsyncClient, sign_in: SignIn, cast: Cast, a_call: CallMaker
):
    await a_rule("R03", title="Say what comes next", state="draft")
    page, recording = await sign_in(client, cast.trainer), await a_call()
    assert "R03 · Draft" in (await page.get(f"/calls/{recording}/clips/new")).text
    form = {
        "start": "0:05.0",
        "end": "0:14.0",
        "title": "Two",
        "polarity": "exemplar",
        "rules": ["R01", "R03"],
        "cues": "R03 0:07.5: He says what comes next.\r\nR01: 12:30 is said aloud",
    }
    wrong = await page.post(f"/calls/{recording}/clips/new", data={**form, "cues": "R01 at noon"})
    assert wrong.status_code == 422
    assert "Write one cue a line" in wrong.text
    made = await page.post(f"/calls/{recording}/clips/new", data=form)
    shown = await page.get(made.headers["location"])
    assert "Happens at 0:02" in shown.text
    assert "12:30 is said aloud" in shown.text
    edited = await page.get(made.headers["location"] + "/edit")
    assert "R01: 12:30 is said aloud\nR03 0:07.5: He says what comes next." in edited.text
