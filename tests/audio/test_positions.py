"""A clip starts and ends where the trainer said, whatever the recording was stored as."""

from __future__ import annotations

import struct
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


def test_a_voice_memo_that_was_trimmed_on_the_phone_plays_and_cuts_from_its_new_start(
    tmp_path: Path, recording: Callable[[str], Path]
) -> None:
    """Its first ten seconds are still in the file, but an edit list says to leave them out."""
    data = bytearray(recording("m4a").read_bytes())
    at = data.index(b"elst") + 12
    length, begin = struct.unpack_from(">Ii", data, at)
    struct.pack_into(">Ii", data, at, length - 10_000, begin + 10 * 44_100)
    for box, offset in ((b"tkhd", 24), (b"mvhd", 20)):
        where = data.index(box) + offset
        (whole,) = struct.unpack_from(">I", data, where)
        struct.pack_into(">I", data, where, whole - 10_000)
    path = tmp_path / "memo"
    path.write_bytes(data)
    [heard] = makers.clicks_in(*makers.played(path))
    assert heard == pytest.approx(CLICK_MS - 10_000, abs=EXACT_MS)
    start = CLICK_MS - 13_000
    [found] = makers.clicks_in(*_cut(path, start, start + 6000))
    assert found + start == pytest.approx(heard, abs=EXACT_MS)


def test_a_file_with_a_piece_edited_out_is_cut_as_it_plays(
    tmp_path: Path, recording: Callable[[str], Path]
) -> None:
    """Two edits: the first ten seconds, and then on from the twentieth."""
    data = bytearray(recording("m4a").read_bytes())
    at = data.index(b"elst")
    length, begin = struct.unpack_from(">Ii", data, at + 12)
    later = begin + 20 * 44_100
    edits = struct.pack(">IIiiIii", 2, 10_000, begin, 1 << 16, length - 20_000, later, 1 << 16)
    data[at + 8 : at + 24] = edits
    for box in (b"elst", b"edts", b"trak", b"moov"):
        where = data.index(box) - 4
        (size,) = struct.unpack_from(">I", data, where)
        struct.pack_into(">I", data, where, size + 12)
    for box, offset in ((b"tkhd", 24), (b"mvhd", 20)):
        where = data.index(box) + offset
        (whole,) = struct.unpack_from(">I", data, where)
        struct.pack_into(">I", data, where, whole - 10_000)
    path = tmp_path / "edited"
    path.write_bytes(data)
    [heard] = makers.clicks_in(*makers.played(path))
    assert heard == pytest.approx(CLICK_MS - 10_000, abs=20)
    start = CLICK_MS - 13_000
    [found] = makers.clicks_in(*_cut(path, start, start + 6000))
    assert found + start == pytest.approx(heard, abs=20)


@pytest.mark.parametrize("name", ["opus", "flac", "adts", "mp3_vbr"])
def test_two_recordings_glued_into_one_file_are_cut_where_they_play(name: str, tmp_path: Path) -> None:
    kind = makers.KINDS[name]
    path = tmp_path / "glued"
    parts = [makers.write(path, kind, makers.call(12, kind.rate, [ms])).read_bytes() for ms in (7_000, 9_000)]
    path.write_bytes(b"".join(parts))
    length = measure(path).duration_ms
    assert length == pytest.approx(24_000, abs=250)
    [first] = makers.clicks_in(*_cut(path, 6_000, 8_000, length))
    [second] = makers.clicks_in(*_cut(path, 20_000, 22_500, length))
    assert first + 6_000 == pytest.approx(7_000, abs=65)
    assert second + 20_000 == pytest.approx(21_000, abs=250)
    assert measure(path).peaks.resample(240).index(100, 100) == pytest.approx(
        (20_000 + second) / length * 240, abs=1.1
    )


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


def _cut(path: Path, start_ms: int, end_ms: int, measured_ms: int | None = None) -> tuple[makers.Sound, int]:
    window = decode_window(path, start_ms, end_ms, measured_ms)
    return window.samples.astype("float32") / 32768, window.rate
