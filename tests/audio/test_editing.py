"""Clip arithmetic: what is redacted is gone, what is not is untouched, and nothing changes its length."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.audio import makers
from trainer.audio import Redaction
from trainer.audio.edit import FADE_MS, covers, edited
from trainer.audio.render import mixed

RATES = (8_000, 11_025, 16_000, 44_100, 48_000)

spans = st.builds(
    lambda start, length, mode: Redaction(start, start + length, mode),
    st.integers(0, 9_000),
    st.integers(1, 4_000),
    st.sampled_from(["beep", "silence"]),
)


@settings(max_examples=60, deadline=None)
@given(
    rate=st.sampled_from(RATES),
    first_ms=st.integers(0, 5_000),
    length_ms=st.integers(50, 3_000),
    redactions=st.lists(spans, max_size=5),
    seed=st.integers(0, 99),
)
def test_redacted_samples_are_replaced_and_all_others_stay(
    rate: int, first_ms: int, length_ms: int, redactions: list[Redaction], seed: int
) -> None:
    first = first_ms * rate // 1000
    count = (first_ms + length_ms) * rate // 1000 - first
    call = np.random.default_rng(seed).integers(-20_000, 20_000, count).astype(np.int16)

    found = covers(redactions, rate, first, count)
    result = edited(call, rate, found)

    assert len(result) == count
    hidden = np.zeros(count, bool)
    for redaction in redactions:
        start, end = redaction.start_ms * rate / 1000 - first, redaction.end_ms * rate / 1000 - first
        hidden[max(0, int(np.floor(start))) : max(0, int(np.ceil(end)))] = True
    edge = rate * FADE_MS // 1000 if count >= 3 * (rate * FADE_MS // 1000) else 0
    plain = ~hidden
    plain[:edge] = plain[count - edge :] = False
    assert np.abs(result[plain].astype(int) - call[plain]).max(initial=0) <= 1
    covered = np.zeros(count, bool)
    for cover in found:
        covered[cover.start : cover.end] = True
    assert (covered == hidden).all()
    for cover in found:
        _assert_tone_or_silence(result[cover.start : cover.end], cover.mode, rate)


def _assert_tone_or_silence(samples: np.ndarray, mode: str, rate: int) -> None:
    if mode == "silence":
        assert not samples.any()
        return
    # a tone obeys x[n+1] = 2 cos(w) x[n] - x[n-1]; noise, of which the call is made, does not
    middle = samples[rate // 40 : len(samples) - rate // 40].astype(float)
    if len(middle) > 8:
        wrong = middle[2:] - 2 * np.cos(2 * np.pi * 1000 / rate) * middle[1:-1] + middle[:-2]
        assert np.abs(wrong).max() <= 4


def test_the_call_does_not_show_through_a_beep() -> None:
    """The same redaction over two different calls of equal loudness gives the same samples."""
    generator = np.random.default_rng(1)
    one = generator.integers(-9_000, 9_000, 16_000).astype(np.int16)
    other = one.copy()
    other[4_000:8_000] = generator.integers(-9_000, 9_000, 4_000)
    over = covers([Redaction(250, 500)], 16_000, 0, 16_000)
    assert (edited(one, 16_000, over) == edited(other, 16_000, over)).all()


def test_a_beep_is_about_as_loud_as_the_voice_around_it() -> None:
    voice = (makers.speech(3, 16_000, 0.05)[0] * 32767).astype(np.int16)
    result = edited(voice, 16_000, covers([Redaction(1000, 2000)], 16_000, 0, len(voice)))
    level = 20 * np.log10(np.std(result[17_000:31_000].astype(float)) / np.std(voice.astype(float)))
    assert abs(level) < 3


def test_redactions_count_in_the_recording_not_in_the_clip() -> None:
    [cover] = covers([Redaction(61_000, 62_000), Redaction(0, 59_000)], 8_000, 60_000 * 8, 5_000 * 8)
    assert (cover.start, cover.end) == (8_000, 16_000)


def test_a_redaction_that_ends_before_it_starts_is_a_mistake() -> None:
    with pytest.raises(ValueError, match="end after"):
        covers([Redaction(500, 500)], 8_000, 0, 8_000)


def test_both_ends_fade() -> None:
    loud = np.full(16_000, 10_000, np.int16)
    result = edited(loud, 16_000, [])
    assert abs(int(result[0])) < 50
    assert abs(int(result[-1])) < 200
    assert result[16_000 // 2] == 10_000


def test_a_channel_wired_the_wrong_way_round_does_not_cancel_the_call() -> None:
    voice = (makers.speech(1, 8_000)[0] * 30_000).astype(np.int16)
    assert np.abs(mixed(np.stack([voice, -voice])).astype(int) - voice).max() <= 1


def test_two_people_on_two_channels_are_both_heard() -> None:
    generator = np.random.default_rng(2)
    agent, caller = generator.integers(-9_000, 9_000, (2, 8_000)).astype(np.int16)
    both = mixed(np.stack([agent, caller])).astype(float)
    assert np.corrcoef(both, agent)[0, 1] > 0.6
    assert np.corrcoef(both, caller)[0, 1] > 0.6
