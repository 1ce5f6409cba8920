"""Who speaks when: the longest silence between words, and how long two people spoke at once."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.audio import makers
from trainer.audio.measure import measure
from trainer.audio.turns import Turns

RATE = 8_000
Part = tuple[float, float]


def side(
    seconds: float, *parts: Part, voice: float = 0.2, hiss: float = 0.001, seed: int = 5
) -> makers.Sound:
    """One channel in which somebody speaks from (start) to (end) seconds, over the hiss of a line."""
    generator = np.random.default_rng(seed)
    count = int(seconds * RATE)
    time = np.arange(count) / RATE
    sound = hiss * generator.standard_normal(count)
    syllables = 0.15 + 0.85 * np.clip(np.sin(2 * np.pi * 4 * time), 0, 1)
    for start, end in parts:
        speaking = (time >= start) & (time < end)
        sound += speaking * syllables * voice * generator.standard_normal(count)
    return np.clip(sound, -1, 1).astype(np.float32)


def heard(tmp_path: Path, *sides: makers.Sound, kind: str = "wav") -> Turns:
    stored = makers.Kind("test", "wav", "pcm_s16le", RATE, channels=len(sides))
    return measure(makers.write(tmp_path / "call", stored, np.stack(sides))).turns


def test_the_longest_silence_is_between_words_and_says_where(tmp_path: Path) -> None:
    found = heard(tmp_path, side(40, (3, 8), (20, 25)), side(40, (9, 12), (26, 30)))
    assert found.longest_silence_ms == pytest.approx(
        8_000, abs=150
    )  # 12 to 20; what lies before and after is none
    assert found.silence_at_ms == pytest.approx(12_000, abs=150)
    assert found.talk_over_ms == 0
    assert found.talk_over_at_ms is None


def test_talking_at_once_is_counted_and_an_mhm_is_not(tmp_path: Path) -> None:
    agent = side(30, (1, 10), (15, 20))
    caller = side(30, (4, 4.3), (8, 12), (18, 24), seed=6)
    found = heard(tmp_path, agent, caller)
    assert found.talk_over_ms == pytest.approx(4_000, abs=300)  # 8 to 10 and 18 to 20
    assert found.talk_over_at_ms is not None
    assert min(abs(found.talk_over_at_ms - at) for at in (8_000, 18_000)) < 200


@pytest.mark.parametrize("hiss", [0.0, 0.001, 0.008])
def test_the_noise_of_a_line_is_nobody(tmp_path: Path, hiss: float) -> None:
    found = heard(tmp_path, side(20, (1, 5), (15, 18), hiss=hiss), side(20, hiss=hiss, seed=6))
    assert found.longest_silence_ms == pytest.approx(10_000, abs=150)
    assert found.talk_over_ms is None  # one side was not recorded at all


def test_the_other_side_heard_through_the_line_is_not_talking_over(tmp_path: Path) -> None:
    agent, caller = side(20, (1, 8)), side(20, (9, 14), seed=6)
    echo = np.roll(agent, RATE // 10) * 0.06
    assert heard(tmp_path, agent, (caller + echo).astype(np.float32)).talk_over_ms == 0


@pytest.mark.parametrize("turned", [1, -1])
def test_one_sound_in_both_channels_is_one_microphone(tmp_path: Path, turned: int) -> None:
    both = side(20, (1, 8), (12, 18))
    found = heard(tmp_path, both, (both * turned).astype(np.float32))
    assert found.talk_over_ms is None
    assert found.longest_silence_ms == pytest.approx(4_000, abs=150)


def test_one_channel_has_silence_and_no_talk_over(tmp_path: Path) -> None:
    found = heard(tmp_path, side(20, (2, 6), (13, 18)))
    assert (found.talk_over_ms, found.talk_over_at_ms) == (None, None)
    assert found.longest_silence_ms == pytest.approx(7_000, abs=150)


def test_a_call_without_a_word_is_silent_throughout(tmp_path: Path) -> None:
    quiet = np.zeros(RATE * 6, np.float32)
    assert heard(tmp_path, quiet, quiet) == Turns(6_000, 0, None, None)
    hiss = side(6, hiss=0.004)
    assert heard(tmp_path, hiss).longest_silence_ms == 6_000


def test_a_steady_tone_is_not_silence(tmp_path: Path) -> None:
    tone = (0.3 * np.sin(2 * np.pi * 440 * np.arange(RATE * 5) / RATE)).astype(np.float32)
    assert heard(tmp_path, tone).longest_silence_ms == 0


def test_two_sides_are_told_apart_in_compressed_sound_too(tmp_path: Path) -> None:
    kind = makers.Kind("stereo", "ogg", "libopus", 48_000, channels=2, bit_rate=48_000)
    agent, caller = side(16, (1, 6)), side(16, (5, 7), (13, 15), seed=6)
    sound = np.repeat(np.stack([agent, caller]), 6, axis=1)
    found = measure(makers.write(tmp_path / "call", kind, sound)).turns
    assert found.talk_over_ms == pytest.approx(1_000, abs=250)
    assert found.longest_silence_ms == pytest.approx(6_000, abs=200)
