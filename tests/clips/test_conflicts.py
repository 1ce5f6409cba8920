"""Two trainers at one draft, part by part: what one left alone is the other's, what both changed is asked about."""

from dataclasses import replace

import httpx
from hypothesis import given
from hypothesis import strategies as st

from tests.clips.conftest import CallMaker
from tests.clips.makers import Cast, fields
from tests.web_fixtures import SignIn
from trainer.clips import service
from trainer.clips.conflicts import PARTS, marks_of, settle
from trainer.clips.forms import Typed

OPENED = Typed(
    start="0:05.0",
    end="0:09.0",
    title="As opened",
    rules=("R01",),
    note="One\r\ntwo",
    lines="0:01 - 0:02: Hi",
)


def test_what_only_one_of_them_changed_needs_no_choice():
    mine = replace(OPENED, title="Mine", start="5", note="One\ntwo")
    theirs = replace(OPENED, note="Theirs", rules=("R02",), cues="R02 0:07.0", no_speech=True)
    settled = settle(mine, theirs, marks_of(OPENED))
    assert settled.choices == []
    assert settled.taken == ["Rules", "What to listen for", "Words of the clip"]
    assert settled.typed == replace(theirs, title="Mine", start="5")


def test_what_both_changed_stays_mine_until_i_choose():
    mine, theirs = replace(OPENED, title="Mine", end="0:12.0"), replace(OPENED, title="Theirs", end="0:14.0")
    settled = settle(mine, theirs, marks_of(OPENED))
    assert [choice.part for choice in settled.choices] == ["title", "range"]
    assert [(choice.mine, choice.theirs) for choice in settled.choices][1] == (
        "0:05.0 – 0:12.0",
        "0:05.0 – 0:14.0",
    )
    assert settled.typed == mine


def test_without_knowing_what_was_opened_every_difference_is_asked_about():
    settled = settle(OPENED, replace(OPENED, why="Because", polarity="near_miss"), "")
    assert [choice.part for choice in settled.choices] == ["polarity", "why"]
    assert settled.typed == OPENED


texts = st.sampled_from(["", "a", "b", "c"])
versions = st.builds(
    Typed,
    start=texts,
    end=texts,
    title=texts,
    note=texts,
    why=texts,
    redactions=texts,
    lines=texts,
    cue=texts,
)


@given(opened=versions, mine=versions, theirs=versions)
def test_nothing_that_i_changed_is_replaced_and_nothing_that_they_saved_put_back_unasked(
    opened: Typed, mine: Typed, theirs: Typed
):
    settled = settle(mine, theirs, marks_of(opened))
    asked = {choice.part for choice in settled.choices}
    for part, names in PARTS.items():
        was, is_mine, is_theirs, got = (
            [getattr(version, name) for name in names] for version in (opened, mine, theirs, settled.typed)
        )
        if is_mine != was:
            assert got == is_mine
        elif is_theirs != was:
            assert got == is_theirs
        assert (part in asked) == (is_mine != was and is_theirs not in (was, is_mine))


async def test_theirs_are_taken_part_by_part_by_the_form_alone(
    client: httpx.AsyncClient,
    sign_in: SignIn,
    cast: Cast,
    a_call: CallMaker,
    rules: object,
    canned_sound: None,
):
    page = await sign_in(client, cast.trainer)
    clip = await service.create_clip(cast.viewer("trainer"), await a_call(), fields())
    opened = marks_of(Typed.of_clip(await service.load_clip(cast.viewer("trainer"), clip)))
    assert f'name="opened" value="{opened}"' in (await page.get(f"/clips/{clip}/edit")).text
    theirs = fields(title="Mei's", note="Mei's note", start_ms=6_000, cue_ms=1_000)
    await service.edit_clip(cast.viewer("second_trainer"), clip, theirs, revision=1)
    mine = {
        "start": "0:05.0",
        "end": "0:13.0",
        "title": "Rosa's",
        "polarity": "exemplar",
        "rules": ["R01"],
        "cue": "0:07.0",
        "note": "Notice the pause.",
        "revision": "1",
        "opened": opened,
    }
    asked = await page.post(f"/clips/{clip}/edit", data=mine)
    assert asked.status_code == 409
    assert "because you had left it as it was: What to listen for." in asked.text
    assert 'name="take-title"' in asked.text
    assert 'name="take-range"' in asked.text
    assert 'name="take-note"' not in asked.text
    again = {**mine, "revision": "2", "note": "Mei's note", "take-range": "theirs", "take-title": "mine"}
    assert (await page.post(f"/clips/{clip}/edit", data=again)).status_code == 303
    saved = await service.load_clip(cast.viewer("trainer"), clip)
    assert (saved.title, saved.note, saved.start_ms, saved.end_ms) == ("Rosa's", "Mei's note", 6_000, 14_000)
