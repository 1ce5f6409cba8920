"""Comparing versions: what stayed is told from what changed, and no text takes the server's time."""

import threading
from random import Random
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.clips.conftest import CallMaker
from tests.clips.makers import Cast, fields
from tests.waiting import quick
from trainer import jobs
from trainer.clips import service, versions
from trainer.clips.versions import compared
from trainer.words import MOST_STEPS, Effort, differences

DOTS = ("." * 2000, ",".join(["..."] * 500))


def steps_of(old: str, new: str) -> int:
    effort = Effort()
    differences(old, new, effort)
    return MOST_STEPS - effort.left


@given(st.text("ab. ", max_size=40), st.text("ab. ", max_size=40), st.booleans())
def test_what_is_told_makes_the_new_text_of_the_old_one(old: str, new: str, scarce: bool) -> None:
    parts = compared(old, new, Effort(3 if scarce else MOST_STEPS))
    assert "".join(text for kind, text in parts if kind != "new") == old
    assert "".join(text for kind, text in parts if kind != "gone") == new


def test_work_is_counted_by_pairs_for_every_look_and_not_done_beyond_the_effort() -> None:
    assert steps_of("same", "same") == 0
    assert steps_of("abcd", "xbcy") == 6 + 1 + 1  # all of it; then what lies before and after the run
    old, new = ["x"] * 90, [",", "x"] * 90  # 8100 pairs, looked through anew for each of 90 runs
    effort = Effort()
    assert ("equal", 0, 1, 1, 2) in differences(old, new, effort)
    assert MOST_STEPS - effort.left > 300_000
    scarce = Effort(20_000)
    assert differences(old, new, scarce) == [("unknown", 0, 89, 0, 179), ("equal", 89, 90, 179, 180)]
    assert 0 <= scarce.left < 9_000
    assert differences("ab", "ac", scarce)[-1] == ("replace", 1, 2, 1, 2), "what is left goes to the next"


async def test_texts_that_repeat_themselves_are_shown_whole_and_take_no_time() -> None:
    async def compare() -> list[versions.Part]:
        return compared(*DOTS, Effort())

    assert await quick(compare, within_s=5) == [("gone", DOTS[0]), ("new", DOTS[1])]


def test_ordinary_texts_are_compared_word_by_word_however_long() -> None:
    said = Random(7).choices(["and", "so", *(f"word{n}" for n in range(60))], k=400)
    words = [f"{word}," if n % 9 == 0 else word for n, word in enumerate(said)]
    corrected = [f"no{n}" if n % 50 == 1 else word for n, word in enumerate(words)]
    parts = compared(" ".join(words), " ".join(corrected), Effort())
    assert [text.strip() for kind, text in parts if kind == "new"] == [f"no{n}" for n in range(1, 400, 50)]


async def test_a_page_of_versions_compares_in_a_thread_and_shares_one_effort(
    cast: Cast, rules: dict[str, UUID], a_call: CallMaker, canned_sound: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    viewer = cast.viewer("trainer")
    clip = await service.create_clip(viewer, await a_call(), fields(title="One"))
    await jobs.drain()
    await service.publish_clip(viewer, clip, review="self", privacy_checked=True)
    for title in ("Two", "Three"):
        seen = await service.load_clip(viewer, clip)
        draft = await service.edit_clip(viewer, clip, fields(title=title), revision=seen.revision)
        await service.publish_clip(viewer, draft, review="self", privacy_checked=True)
    asked: list[tuple[int, Effort]] = []

    def watched(old: str, new: str, effort: Effort) -> list[versions.Part]:
        asked.append((threading.get_ident(), effort))
        return compared(old, new, effort)

    monkeypatch.setattr(versions, "compared", watched)
    found = await versions.versions_of(viewer, await service.load_clip(viewer, clip))
    assert [each.clip.title for each in found] == ["Three", "Two", "One"]
    assert len(asked) == 2
    assert threading.get_ident() not in {thread for thread, _effort in asked}
    assert asked[0][1] is asked[1][1]
