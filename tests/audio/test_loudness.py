"""Clips are equally loud and never overdriven, as judged by a meter that is not ours."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from tests.audio import makers
from trainer.audio import Redaction, Rendered
from trainer.audio.render import render


def heard_by_a_meter(mp3: bytes, folder: Path) -> tuple[float, float]:
    """(LUFS, dBTP) by the ffmpeg command where there is one, else by its filter inside PyAV."""
    path = folder / "meter.mp3"
    path.write_bytes(mp3)
    if ffmpeg := shutil.which("ffmpeg"):
        command = [
            ffmpeg,
            "-hide_banner",
            "-nostats",
            "-i",
            str(path),
            "-af",
            "ebur128=peak=true",
            "-f",
            "null",
            "-",
        ]
        summary = subprocess.run(command, capture_output=True, text=True, check=True).stderr.split(
            "Summary:"
        )[1]
        loudness = re.search(r"I:\s+(\S+) LUFS", summary)
        peak = re.search(r"Peak:\s+(\S+) dBFS", summary)
        assert loudness
        assert peak
        return float(loudness[1]), float(peak[1])
    return _heard_by_filter(path)


def _heard_by_filter(path: Path) -> tuple[float, float]:
    with av.open(str(path)) as container:
        graph = av.filter.Graph()
        entry = graph.add_abuffer(template=container.streams.audio[0])
        meter, end = graph.add("ebur128", "metadata=1:peak=true"), graph.add("abuffersink")
        graph.link_nodes(entry, meter, end).configure()
        last: Any = {}
        for frame in [*container.decode(audio=0), None]:
            entry.push(frame)
            try:
                while True:
                    last = end.pull().metadata
            except (av.error.BlockingIOError, av.error.EOFError):
                continue
    return float(last["lavfi.r128.I"]), 20 * float(np.log10(float(last["lavfi.r128.true_peak"])))


def clip_of(
    sound: makers.Sound, rate: int, folder: Path, redactions: list[Redaction] | None = None
) -> Rendered:
    kind = makers.Kind("", "wav", "pcm_s16le", rate, channels=len(sound))
    path = makers.write(folder / "call.wav", kind, sound)
    return render(path, 0, sound.shape[1] * 1000 // rate, redactions or [])


@pytest.mark.parametrize("rate", [8_000, 16_000, 22_050, 44_100, 48_000])
@pytest.mark.parametrize("level", [0.06, 0.1, 0.4])
def test_speech_comes_out_at_minus_16_lufs_under_minus_1_dbtp(
    rate: int, level: float, tmp_path: Path
) -> None:
    clip = clip_of(makers.speech(6, rate, level), rate, tmp_path)
    lufs, peak = heard_by_a_meter(clip.mp3, tmp_path)
    assert lufs == pytest.approx(-16, abs=0.5)
    assert peak <= -1.0
    assert clip.lufs == pytest.approx(lufs, abs=0.15)
    assert clip.true_peak_dbtp == pytest.approx(peak, abs=0.15)


def test_a_whisper_is_raised_by_20_db_and_no_more(tmp_path: Path) -> None:
    clip = clip_of(makers.speech(4, 16_000, 0.005), 16_000, tmp_path)
    quiet = clip_of(makers.speech(4, 16_000, 0.08), 16_000, tmp_path)
    assert quiet.lufs == pytest.approx(-16, abs=0.5)
    assert clip.lufs is not None
    assert -45 < clip.lufs < -20


def test_a_call_that_was_recorded_overdriven(tmp_path: Path) -> None:
    clip = clip_of(np.clip(makers.speech(4, 8_000, 3.0), -1, 1), 8_000, tmp_path)
    lufs, peak = heard_by_a_meter(clip.mp3, tmp_path)
    assert lufs == pytest.approx(-16, abs=0.5)
    assert peak <= -1.0


def test_a_bang_in_a_quiet_call_never_overdrives(tmp_path: Path) -> None:
    sound = makers.speech(4, 16_000, 0.01)
    sound[0, 30_000:30_020] = 1.0
    clip = clip_of(sound, 16_000, tmp_path)
    assert heard_by_a_meter(clip.mp3, tmp_path)[1] <= -1.0


@pytest.mark.parametrize("seconds", [0.1, 0.3])
def test_less_than_a_loudness_block_is_levelled_by_its_mean(seconds: float, tmp_path: Path) -> None:
    time = np.arange(int(seconds * 16_000)) / 16_000
    clip = clip_of((0.05 * np.sin(2 * np.pi * 700 * time)).astype(np.float32)[None], 16_000, tmp_path)
    sound, _ = makers.played(clip.mp3)
    assert clip.lufs is None
    assert clip.duration_ms == round(seconds * 1000)
    assert 20 * np.log10(np.std(sound)) == pytest.approx(-16, abs=1.5)
    assert clip.true_peak_dbtp <= -1.0


def test_silence_stays_silent(tmp_path: Path) -> None:
    clip = clip_of(np.zeros((1, 16_000), np.float32), 16_000, tmp_path)
    sound, _ = makers.played(clip.mp3)
    assert np.abs(sound).max() < 0.001
    assert (clip.lufs, clip.peaks) == (None, [0] * 120)
    assert clip.duration_ms == 1000


def test_noise_far_below_hearing_is_not_blown_up(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).standard_normal((1, 32_000)).astype(np.float32) * 1e-4
    clip = clip_of(noise, 16_000, tmp_path)
    sound, _ = makers.played(clip.mp3)
    assert np.abs(sound).max() < 0.01


def test_a_stereo_call_out_of_phase_is_as_loud_as_any(tmp_path: Path) -> None:
    one = makers.speech(4, 16_000)
    clip = clip_of(np.concatenate([one, -one]), 16_000, tmp_path)
    assert heard_by_a_meter(clip.mp3, tmp_path)[0] == pytest.approx(-16, abs=0.5)


def test_a_clip_that_is_redacted_from_end_to_end_is_only_a_tone(tmp_path: Path) -> None:
    clip = clip_of(makers.speech(2, 16_000), 16_000, tmp_path, [Redaction(0, 2_000)])
    sound, rate = makers.played(clip.mp3)
    spectrum = np.abs(np.fft.rfft(sound[0, rate // 10 : -rate // 10])) ** 2
    at = int(spectrum.argmax())
    assert at * rate / (2 * len(spectrum) - 2) == pytest.approx(1000, abs=2)
    assert spectrum[at - 20 : at + 20].sum() > 0.999 * spectrum.sum()


def test_a_silenced_number_is_not_in_the_clip(tmp_path: Path) -> None:
    """A tone of 2.5 kHz stands for the number: after redaction nothing of it is left, not even at the
    seams.
    """
    sound = makers.speech(3, 16_000)
    time = np.arange(16_000) / 16_000
    sound[0, 16_000:32_000] = 0.3 * np.sin(2 * np.pi * 2_500 * time)
    clip = clip_of(sound, 16_000, tmp_path, [Redaction(1_000, 2_000, "silence")])
    played, rate = makers.played(clip.mp3)
    inside = played[0, int(1.01 * rate) : int(1.99 * rate)]
    assert np.abs(inside).max() < 0.005


def test_the_bars_follow_the_sound(tmp_path: Path) -> None:
    sound = makers.speech(4, 16_000)
    sound[0, 32_000:] *= 0.1
    bars = clip_of(sound, 16_000, tmp_path).peaks
    assert len(bars) == 120
    assert max(bars) == 100
    assert max(bars[:60]) > 4 * max(bars[62:])
