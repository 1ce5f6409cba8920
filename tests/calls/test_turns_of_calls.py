"""Silence and talking at once are kept with a call once it is prepared; of a mono call its words may tell."""

from pathlib import Path
from uuid import UUID

import numpy as np
import pytest

from tests.audio import makers
from tests.calls.conftest import CallMaker, Cast
from trainer import db, jobs
from trainer.calls.service import RecordingFields, load_recording, receive_recording
from trainer.calls.tables import Segment
from trainer.calls.turns import talked_over

OVERLAPPING = b"""WEBVTT

00:00.000 --> 00:02.000
<v Agent>Good morning, this is

00:01.000 --> 00:03.000
<v Caller>Yes, hello, I am lost.
"""


def line(speaker: str, start_ms: int, end_ms: int) -> dict[str, object]:
    return {"speaker": speaker, "start_ms": start_ms, "end_ms": end_ms}


def test_words_tell_how_long_two_people_spoke_at_once() -> None:
    lines = [line("agent", 0, 5_000), line("caller", 4_000, 9_000), line("agent", 8_800, 9_500)]
    assert talked_over(lines) == (1_000, 4_000)  # the last overlap is shorter than an interruption
    assert talked_over([line("agent", 0, 2_000), line("caller", 2_000, 4_000)]) == (0, None)


def test_words_without_both_speakers_tell_nothing() -> None:
    assert talked_over([]) is None
    assert talked_over([line("", 0, 5_000), line("", 2_000, 6_000)]) is None
    assert talked_over([line("agent", 0, 5_000), line("agent", 2_000, 6_000)]) is None


async def test_a_call_with_a_channel_a_side_is_measured(cast: Cast, tmp_path: Path) -> None:
    rate, generator = 8_000, np.random.default_rng(3)
    time = np.arange(30 * rate) / rate
    agent = 0.2 * generator.standard_normal(len(time)) * ((time < 5) | (time > 25))
    caller = 0.2 * generator.standard_normal(len(time)) * ((time > 3) & (time < 7))
    sound = np.clip(np.stack([agent, caller]), -1, 1).astype(np.float32)
    path = makers.write(tmp_path / "call", makers.KINDS["wav_stereo"], sound)
    recording = await receive_recording(
        cast.viewer("trainer"), path, RecordingFields(consent_basis="contract")
    )
    await jobs.drain()
    call = await load_recording(cast.viewer("trainer"), recording)
    assert call.longest_silence_ms == pytest.approx(18_000, abs=150)
    assert call.silence_at_ms == pytest.approx(7_000, abs=150)
    assert call.talk_over_ms == pytest.approx(2_000, abs=150)
    assert call.talk_over_at_ms == pytest.approx(3_000, abs=150)


async def test_a_mono_call_is_measured_by_its_words_and_again_when_they_change(
    cast: Cast, a_call: CallMaker
) -> None:
    call: UUID = await a_call(sound="mp3_cbr", transcript=OVERLAPPING)
    viewer = cast.viewer("trainer")
    assert (await load_recording(viewer, call)).talk_over_ms == 1_000
    await Segment.update({Segment.start_ms: 2_000}).where(
        (Segment.recording == call) & (Segment.position == 1)
    )
    async with db.transaction():
        await jobs.publish("transcript_changed", {"recording": str(call), "revision": 2})
    await jobs.drain()
    assert (await load_recording(viewer, call)).talk_over_ms == 0
    without: UUID = await a_call(sound="mp3_cbr", transcript=None)
    assert (await load_recording(viewer, without)).talk_over_ms is None
