"""A clip starts and ends where the trainer said, whatever the recording was stored as."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.audio import makers
from tests.audio.conftest import CLICK_MS
from trainer.audio.decode import decode_window
from trainer.audio.measure import measure
from trainer.audio.render import render

EXACT_MS = 2.0


@pytest.mark.parametrize("name", makers.KINDS)
def test_a_window_deep_in_a_recording_is_where_a_player_would_be(
    name: str, recording: Callable[[str], Path]
) -> None:
    path = recording(name)
    [heard] = makers.clicks_in(*makers.played(path))
    if makers.KINDS[name].tagged:
        assert heard == pytest.approx(CLICK_MS, abs=EXACT_MS)

    start = CLICK_MS - 4321
    window = decode_window(path, start, start + 7000)

    [found] = makers.clicks_in(window.samples / 32768, window.rate)
    assert found + start == pytest.approx(heard, abs=EXACT_MS)
    assert window.samples.shape[1] == pytest.approx(7 * window.rate, abs=1)


# webm rounds its timestamps to milliseconds, so that no seek in it can be exact to the sample
@pytest.mark.parametrize("name", [name for name in makers.KINDS if name != "webm_live"])
def test_a_window_holds_the_same_samples_as_a_decode_from_the_beginning(
    name: str, recording: Callable[[str], Path]
) -> None:
    path = recording(name)
    whole, rate = makers.played(path)
    start = CLICK_MS - 500
    window = decode_window(path, start, start + 1000)
    same = whole[:, start * rate // 1000 :][:, : window.samples.shape[1]]
    error = abs(window.samples / 32768 - same).max()
    # AAC's decoder fills in noise from a generator that remembers everything before
    assert error < (0.02 if makers.KINDS[name].codec == "aac" else 0.002), f"differs by {error}"


@pytest.mark.parametrize(
    "name", ["wav", "telephone", "mp3_low", "mp3_vbr_untagged", "opus", "webm_live", "m4a"]
)
def test_a_finished_clip_has_its_length_and_its_click_in_place(
    name: str, recording: Callable[[str], Path]
) -> None:
    path = recording(name)
    [heard] = makers.clicks_in(*makers.played(path))
    start = CLICK_MS - 2500

    clip = render(path, start, start + 4_321)

    sound, rate = makers.played(clip.mp3)
    assert 1000 * sound.shape[1] / rate == pytest.approx(4_321, abs=1)
    assert clip.duration_ms == pytest.approx(4_321, abs=1)
    loudest = max(makers.clicks_in(sound, rate, 0.2), key=lambda ms: abs(sound[0, int(ms * rate / 1000)]))
    assert loudest + start == pytest.approx(heard, abs=EXACT_MS)


@pytest.mark.parametrize("name", ["wav", "mp3_vbr_untagged", "opus", "m4a"])
def test_every_range_that_measure_reports_can_be_cut_to_the_last_millisecond(
    name: str, recording: Callable[[str], Path]
) -> None:
    path = recording(name)
    end = measure(path).duration_ms
    assert decode_window(path, end - 40, end).samples.shape[1] > 0
    assert decode_window(path, 0, 40).samples.shape[1] > 0


def test_a_short_file_is_cut_from_its_first_sample(tmp_path: Path) -> None:
    kind = makers.KINDS["m4a"]
    path = makers.write(tmp_path / "short", kind, makers.call(2, kind.rate, [300]))
    [found] = makers.clicks_in(*_cut(path, 0, 1000))
    assert found == pytest.approx(300, abs=EXACT_MS)


@pytest.mark.parametrize(("start_ms", "end_ms"), [(5, 5), (10, 4), (-1, 100)])
def test_an_empty_or_backward_window_is_the_callers_mistake(
    start_ms: int, end_ms: int, recording: Callable[[str], Path]
) -> None:
    with pytest.raises(ValueError, match="start before it ends"):
        decode_window(recording("wav"), start_ms, end_ms)


def test_junk_between_mp3_frames_moves_nothing_by_more_than_a_frame(
    tmp_path: Path, recording: Callable[[str], Path]
) -> None:
    """A recorder that stumbled: decoders hop over what is no frame, and so must the map of frames."""
    data = recording("mp3_vbr_untagged").read_bytes()
    middle = len(data) // 2
    path = tmp_path / "stumbled"
    path.write_bytes(data[:middle] + bytes(1500) + data[middle:])
    [heard] = makers.clicks_in(*makers.played(recording("mp3_vbr_untagged")))
    start = CLICK_MS - 3000
    [found] = makers.clicks_in(*_cut(path, start, start + 6000))
    assert found + start == pytest.approx(heard, abs=30)


def _cut(path: Path, start_ms: int, end_ms: int) -> tuple[makers.Sound, int]:
    window = decode_window(path, start_ms, end_ms)
    return window.samples.astype("float32") / 32768, window.rate
