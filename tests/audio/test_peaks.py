"""Waveforms: no peak is lost, at any zoom, and the length is what can be heard."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.audio import makers
from tests.audio.conftest import CLICK_MS
from trainer.audio.measure import measure
from trainer.audio.peaks import Peaks, bars

magnitudes = st.lists(st.integers(0, 255), min_size=1, max_size=400)


@given(left=magnitudes, points=st.integers(1, 500), start=st.integers(0, 9_000), span=st.integers(1, 9_000))
def test_each_point_is_the_loudest_under_it(left: list[int], points: int, start: int, span: int) -> None:
    peaks = Peaks(len(left) * 20, (bytes(left),))
    found = peaks.resample(points, start, start + span)
    assert len(found) == points
    assert all(0 <= point <= 100 for point in found)
    inside = left[start * 50 // 1000 : -(-(start + span) * 50 // 1000)]
    expected = round(100 * (max(inside, default=0) / max(1, max(left))) ** 2)
    assert max(found) in (expected, round(100 * (max(inside[:-1], default=0) / max(1, max(left))) ** 2))


@given(left=magnitudes, points=st.integers(1, 400))
def test_the_whole_recording_always_shows_its_loudest_place(left: list[int], points: int) -> None:
    assert max(Peaks(len(left) * 20, (bytes(left),)).resample(points)) == (100 if any(left) else 0)


@given(st.integers(0, 10**9), st.integers(0, 2), st.binary(max_size=300))
def test_stored_peaks_come_back_as_they_were(duration: int, channels: int, data: bytes) -> None:
    peaks = Peaks(duration, tuple(bytes(reversed(data)) if c else data for c in range(channels)))
    assert Peaks.from_bytes(peaks.to_bytes()) == peaks


@given(st.binary(max_size=60))
def test_other_bytes_are_no_peaks(data: bytes) -> None:
    with pytest.raises(ValueError, match="peaks"):
        Peaks.from_bytes(data)


def test_cut_off_or_swollen_peaks_are_refused() -> None:
    whole = Peaks(1000, (bytes(range(50)),)).to_bytes()
    swollen = Peaks(1000, (bytes(5_000_000),)).to_bytes()
    for data in (whole[:-4], whole[:20] + swollen[20:]):
        with pytest.raises(ValueError, match="peaks"):
            Peaks.from_bytes(data)


def test_an_hour_is_small(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 255, 180_000).astype(np.uint8)
    assert len(Peaks(3_600_000, (noise.tobytes(),)).to_bytes()) < 200_000


def test_each_channel_has_its_own_shape() -> None:
    peaks = Peaks(1000, (bytes([255] * 25 + [0] * 25), bytes([0] * 25 + [128] * 25)))
    assert peaks.resample(2, channel=0) == [100, 0]
    assert peaks.resample(2, channel=1) == [0, 25]
    assert peaks.resample(2) == [100, 25]
    assert bars(peaks, 4) == [100, 100, 25, 25]
    for wrong in (-1, 2):
        with pytest.raises(ValueError, match="no channel"):
            peaks.resample(2, channel=wrong)
    with pytest.raises(ValueError, match="at least one"):
        peaks.resample(0)


@pytest.mark.parametrize("name", makers.KINDS)
def test_the_length_is_what_a_player_plays(name: str, recording: Callable[[str], Path]) -> None:
    path = recording(name)
    sound, rate = makers.played(path)
    found = measure(path)
    assert found.duration_ms == sound.shape[1] * 1000 // rate
    assert (found.channels, found.sample_rate_hz) == (len(sound), rate)
    assert len(found.peaks.channels[0]) == pytest.approx(found.duration_ms / 20, abs=1)


@pytest.mark.parametrize("name", makers.KINDS)
def test_the_click_stands_out_where_it_is(name: str, recording: Callable[[str], Path]) -> None:
    peaks = measure(recording(name)).peaks
    [heard] = makers.clicks_in(*makers.played(recording(name)))
    start = CLICK_MS - 1000
    points = peaks.resample(100, start, start + 2000, channel=0)
    assert points.index(100) == pytest.approx((heard - start) / 20, abs=1.5)


def test_stored_magnitudes_are_right_and_keep_detail_of_quiet_calls(tmp_path: Path) -> None:
    kind = makers.Kind("", "wav", "pcm_s16le", 11_025)
    ramp = np.repeat(10.0 ** np.linspace(-3, 0, 100), 2_205).astype(np.float32)
    ramp *= np.resize([1, -1], ramp.size)
    [data] = measure(makers.write(tmp_path / "call", kind, ramp[None])).peaks.channels
    assert len(data) == 1000
    found = (np.frombuffer(data, np.uint8)[5::10] / 255.0) ** 2
    assert np.abs(found / 10.0 ** np.linspace(-3, 0, 100) - 1).max() < 0.15


@settings(max_examples=25, deadline=None)
@given(
    rate=st.sampled_from([8_000, 11_025, 22_050, 44_100]), samples=st.integers(1, 60_000), at=st.floats(0, 1)
)
def test_no_single_sample_is_overlooked(
    rate: int, samples: int, at: float, tmp_path_factory: pytest.TempPathFactory
) -> None:
    sound = np.zeros(samples, "<i2")
    where = min(samples - 1, int(at * samples))
    sound[where] = -32768
    path = tmp_path_factory.mktemp("one") / "call"
    path.write_bytes(makers.wav_bytes(sound.tobytes(), rate=rate))
    if samples * 1000 < rate:
        return
    [data] = measure(path).peaks.channels
    assert [index for index, value in enumerate(data) if value] == [_index_of(where, rate)]


def _index_of(sample: int, rate: int) -> int:
    second, within = divmod(sample, rate)
    return second * 50 + max(i for i in range(50) if i * rate // 50 <= within)


def test_a_browser_that_went_quiet_leaves_a_hole_of_silence(tmp_path: Path) -> None:
    """Ten seconds, nothing for five, ten more: 25 in all, and a window in the last part is found where it
    plays.
    """
    kind = makers.KINDS["webm_live"]
    sound = makers.call(20, kind.rate, [17_000])
    path = tmp_path / "call"
    with av.open(str(path), "w", format="webm") as container:
        stream: Any = container.add_stream("libopus", rate=48_000, layout="mono")
        for at in range(0, sound.shape[1], 960):
            frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(sound[:, at : at + 960]), "fltp", "mono")
            frame.sample_rate, frame.pts, frame.time_base = 48_000, at, Fraction(1, 48_000)
            for packet in stream.encode(frame):
                if at >= 10 * 48_000:
                    packet.pts += int(5 / packet.time_base)
                    packet.dts = packet.pts
                container.mux(packet)
    found = measure(path)
    assert found.duration_ms == pytest.approx(25_000, abs=40)
    points = found.peaks.resample(25)
    assert points[22] == 100
    assert max(points[11:14]) == 0
