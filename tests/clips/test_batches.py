"""Several regions of a call saved together: all or none, every wrong field named, once however often it is sent."""

import asyncio
import json
import re
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from tests.clips.conftest import CallMaker
from tests.clips.makers import Cast, fields, write_turns
from tests.web_fixtures import SignIn
from trainer import db, jobs
from trainer.clips import service
from trainer.clips.batch.service import MOST_REGIONS, load_batch, pass_on, save_regions
from trainer.clips.batch.tables import ClipBatch
from trainer.clips.tables import Clip
from trainer.problems import Conflict, Invalid, NotFound, Problem

pytestmark = pytest.mark.usefixtures("rules", "canned_sound")


def three() -> list[service.ClipFields]:
    return [
        fields(start_ms=0, end_ms=4_000, title="Greets", cue_ms=None),
        fields(start_ms=5_000, end_ms=9_000, title="Asks", cue_ms=1_000),
        fields(
            start_ms=10_000, end_ms=14_000, title="Waits", polarity="near_miss", rules=("R02",), cue_ms=None
        ),
    ]


async def test_regions_become_drafts_together_and_once(cast: Cast, a_call: CallMaker):
    trainer, recording, batch = cast.viewer("trainer"), await a_call(), uuid4()
    saved = await save_regions(trainer, recording, three(), batch=batch)
    clips = [await service.load_clip(trainer, clip) for clip in saved.clips]
    assert [(clip.title, clip.state, clip.rules[0].code) for clip in clips] == [
        ("Greets", "draft", "R01"),
        ("Asks", "draft", "R01"),
        ("Waits", "draft", "R02"),
    ]
    # the same form again, from a second press or a reload, and two presses at once
    again = await save_regions(trainer, recording, three(), batch=batch)
    assert again.clips == saved.clips
    assert await Clip.count() == 3
    other = uuid4()
    both = await asyncio.gather(*(save_regions(trainer, recording, three(), batch=other) for _ in range(2)))
    assert both[0].clips == both[1].clips
    assert await Clip.count() == 6
    # an id that was used for one call says nothing of another
    with pytest.raises(Conflict):
        await save_regions(trainer, await a_call(), three(), batch=batch)


async def test_one_wrong_region_keeps_all_from_being_saved_and_all_faults_are_named(
    cast: Cast, a_call: CallMaker
):
    wrong = three()
    wrong[0] = fields(start_ms=0, end_ms=100, title="", cue_ms=None)
    wrong[2] = fields(rules=("R01", "R99"))
    with pytest.raises(Invalid) as refused:
        await save_regions(cast.viewer("trainer"), await a_call(), wrong)
    assert {(error.field, error.code) for error in refused.value.errors} == {
        ("clips[0].title", "required"),
        ("clips[0].end_ms", "too-short"),
        ("clips[2].rules", "unknown"),
    }
    assert (await Clip.count(), await ClipBatch.count()) == (0, 0)
    queued = await db.fetch("SELECT id FROM job WHERE name = 'render_clip'")
    assert queued == []  # no sound is made for what was not saved


async def test_too_many_none_and_strangers_are_refused(cast: Cast, a_call: CallMaker):
    recording = await a_call()
    for regions in ([], three()[:1] * (MOST_REGIONS + 1)):
        with pytest.raises(Invalid):
            await save_regions(cast.viewer("trainer"), recording, regions)
    for who in ("agent", "manager", "other_lead", "admin"):
        with pytest.raises(Problem):
            await save_regions(cast.viewer(who), recording, three())
    saved = await save_regions(cast.viewer("lead"), recording, three())
    with pytest.raises(NotFound):
        await load_batch(cast.viewer("other_lead"), recording, saved.id)
    with pytest.raises(NotFound):
        await load_batch(cast.viewer("lead"), recording, uuid4())


@pytest.mark.parametrize(("who", "review"), [("trainer", "second"), ("lead", "self")])
async def test_where_others_look_clips_are_handed_in(cast: Cast, a_call: CallMaker, who: str, review: Any):
    viewer, recording = cast.viewer(who), await a_call()
    saved = await save_regions(viewer, recording, three())
    await jobs.drain()
    outcomes = await pass_on(viewer, recording, saved.id, saved.clips[:2], review=review)
    assert [outcome.refusal for outcome in outcomes] == ["", ""]
    again = await pass_on(viewer, recording, saved.id, saved.clips, review=review)
    assert [bool(outcome.refusal) for outcome in again] == [True, True, False]
    assert {clip.state for clip in (await load_batch(viewer, recording, saved.id))[1]} == {"in_review"}
    strange = await pass_on(cast.viewer("analyst"), recording, saved.id, saved.clips, review=review)
    assert all(outcome.refusal for outcome in strange)


async def test_what_was_heard_is_published_and_what_cannot_be_says_why(cast: Cast, a_call: CallMaker):
    trainer, recording = cast.viewer("trainer"), await a_call()
    saved = await save_regions(trainer, recording, three())
    early = await pass_on(trainer, recording, saved.id, saved.clips[:1], review="self")
    assert "sound" in early[0].refusal
    await jobs.drain()
    greets, asks, waits = saved.clips
    outcomes = await pass_on(trainer, recording, saved.id, [greets, waits], review="self")
    assert [bool(outcome.refusal) for outcome in outcomes] == [
        False,
        True,
    ]  # the agent has to agree to the miss
    states = {clip.id: clip.state for clip in (await load_batch(trainer, recording, saved.id))[1]}
    assert states == {greets: "published", asks: "draft", waits: "draft"}


async def test_the_pages_keep_what_was_typed_and_lead_on_to_publishing(
    client: httpx.AsyncClient, sign_in: SignIn, cast: Cast, a_call: CallMaker
):
    recording = await a_call()
    here = f"/calls/{recording}/mark"
    await sign_in(client, cast.trainer)
    assert here in (await client.get(f"/calls/{recording}/clips/new")).text
    blank = await client.get(f"{here}?rule=R01")
    assert (blank.status_code, blank.text.count('name="region"')) == (
        200,
        4,
    )  # three rows and the script's own
    form = {
        "batch": str(uuid4()),
        "region": ["1", "n2", "3"],
        "start-1": "0:00", "end-1": "0:04", "title-1": "Greets <b>", "rules-1": ["R01", ""], "polarity-1": "exemplar",
        "start-n2": "0:05", "end-n2": "soon", "title-n2": "", "polarity-n2": "near_miss",
        "start-3": "", "end-3": "", "title-3": "", "polarity-3": "exemplar",
    }  # fmt: skip
    wrong = await client.post(here, data=form)
    assert wrong.status_code == 422
    assert 'id="f-end-n2-error"' in wrong.text
    assert 'id="f-title-n2-error"' in wrong.text
    assert "Greets &lt;b&gt;" in wrong.text
    assert 'value="soon"' in wrong.text
    assert await Clip.count() == 0
    right = {**form, "end-n2": "0:09", "title-n2": "Asks", "cue-n2": "0:06", "polarity-n2": "exemplar"}
    bad_rule = await client.post(here, data={**right, "rules-1": "R99"})
    assert (bad_rule.status_code, "R99" in bad_rule.text) == (422, True)
    saved = await client.post(here, data=right)
    assert saved.status_code == 303
    batch = saved.headers["location"]
    assert (await client.post(here, data=right)).headers["location"] == batch
    assert await Clip.count() == 2
    waiting = await client.get(batch)
    assert "hx-trigger" in waiting.text
    await jobs.drain()
    shown = (await client.get(batch)).text
    assert shown.count("data-clip-player") == 2
    assert shown.count('name="heard"') == 2
    nothing = await client.post(batch, data={"heard": "odd"})
    assert "Tick the clips" in nothing.text
    clips = [str(row["id"]) for row in await Clip.select(Clip.id)]
    done = await client.post(batch, data={"heard": clips})
    assert done.status_code == 409  # one has no rule yet: it says so, the other is published
    states = sorted([row["state"] for row in await Clip.select(Clip.state)])
    assert states == ["draft", "published"]
    assert "pinned to no rule" in done.text
    await sign_in(client, cast.analyst)
    assert 'name="heard"' not in (await client.get(batch)).text  # who did not cut them hands none in
    await sign_in(client, cast.agent)
    assert (await client.get(here)).status_code == 403


async def test_what_was_saved_is_cleaned_and_goes_on_one_by_one(
    client: httpx.AsyncClient, sign_in: SignIn, cast: Cast, a_call: CallMaker
):
    recording = await a_call(transcript=False)
    await write_turns(recording, [(5_000, 9_000, "caller", "With my card, 4111 1111 1111 1111.")])
    form = {
        "batch": str(uuid4()), "region": ["1", "2"],
        "start-1": "0:05", "end-1": "0:09", "title-1": "Pays", "rules-1": "R01", "redactions-1": "0:05 - 0:09 silence",
        "start-2": "0:04", "end-2": "0:10", "title-2": "Asks", "rules-2": "R01", "redactions-2": "soon",
    }  # fmt: skip
    await sign_in(client, cast.trainer)
    refused = await client.post(f"/calls/{recording}/mark", data=form)
    assert (refused.status_code, await Clip.count()) == (422, 0)
    assert 'value="0:05 - 0:09 silence"' in refused.text  # what was decided before is not lost
    saved = await client.post(f"/calls/{recording}/mark", data={**form, "redactions-2": ""})
    here = saved.headers["location"]
    await jobs.drain()
    pays, asks = (await load_batch(cast.viewer("trainer"), recording, UUID(here[-36:])))[1]
    assert (len(pays.redactions), len(asks.redactions)) == (1, 0)
    shown = (await client.get(here)).text
    assert "1 to decide" in shown
    key = re.search(rf'id="do-{asks.id}-(.+?)-accepted"', shown)[1]  # type: ignore[index]

    async def press(clip: service.ClipView, do: str, heard: bool = False) -> httpx.Response:
        ticked = {"heard": str(clip.id)} if heard else {}
        return await client.post(
            f"{here}/clips/{clip.id}", data={"do": do, **ticked}, headers={"HX-Request": "true"}
        )

    # one of them alone is answered, with what was said of it; the others stay as they are on the page
    early = await press(asks, "on", heard=True)
    assert "nobody has decided about it yet" in early.text
    assert str(pays.id) not in early.text
    redacted = await press(asks, f"accepted:{key}")
    assert "The sound is being made" in redacted.text
    assert json.loads(redacted.headers["hx-trigger"])["toast"]["text"].startswith("Redacted.")
    await jobs.drain()
    alone = await client.get(f"{here}?clip={asks.id}", headers={"HX-Request": "true"})
    assert ("Redacted by Rosa Lind" in alone.text, "hx-trigger" in alone.text) == (True, False)
    assert "tick that you did" in (await press(asks, "on")).text
    assert "Published" in (await press(asks, "on", heard=True)).text
    assert "not a draft any more" in (await press(asks, "undone:" + key)).text
    # without scripts the page itself is the answer
    plain = await client.post(f"{here}/clips/{pays.id}", data={"do": "on", "heard": str(pays.id)})
    assert plain.headers["location"] == f"{here}#clip-{pays.id}"
    assert {row["state"] for row in await Clip.select(Clip.state)} == {"published"}
    # nobody reaches a clip of another batch, and who does not edit clips decides nothing
    assert (await client.post(f"{here}/clips/{uuid4()}", data={"do": "accepted"})).status_code == 404
    await sign_in(client, cast.other_lead)
    assert (await press(pays, "accepted")).status_code == 404


async def test_the_api_cuts_all_or_none(
    client: httpx.AsyncClient, sign_in: SignIn, cast: Cast, a_call: CallMaker
):
    recording = await a_call()
    await sign_in(client, cast.trainer)
    address = f"/api/v1/recordings/{recording}/clips/batch"
    clip = {"start_ms": 0, "end_ms": 4_000, "title": "Greets", "rules": ["R01"]}
    bad = await client.post(address, json={"clips": [clip, {**clip, "end_ms": 90_000}]})
    assert bad.status_code == 422
    assert [(e["field"], e["code"]) for e in bad.json()["errors"]] == [("clips[1].end_ms", "past-end")]
    made = await client.post(address, json={"clips": [clip, {**clip, "start_ms": 1_000}]})
    assert made.status_code == 201
    assert [item["start_ms"] for item in made.json()["items"]] == [0, 1_000]
    assert all(UUID(item["id"]) for item in made.json()["items"])
    assert (
        await client.post("/api/v1/recordings/odd/clips/batch", json={"clips": [clip]})
    ).status_code == 404
