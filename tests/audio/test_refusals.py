"""What is not a recording is refused, by content, with a reason that a person understands."""

from __future__ import annotations

import os
import pickle
import random
import struct
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.audio import makers
from tests.audio.conftest import SECONDS
from trainer.audio import SENTENCES, AudioRefused
from trainer.audio.measure import measure
from trainer.audio.probe import probe
from trainer.audio.source import opened

TEXT = b"1\n00:00:01,000 --> 00:00:04,000\nThis only calls itself a recording.\n\n" * 200


def reason_of(path: Path, look: Callable[[Path], object] = probe) -> str:
    with pytest.raises(AudioRefused) as refused:
        look(path)
    assert refused.value.sentence == SENTENCES[refused.value.reason]
    return refused.value.reason


def stored(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path


@pytest.fixture
def m4a(recording: Callable[[str], Path]) -> bytes:
    return recording("m4a").read_bytes()


def test_an_empty_file(tmp_path: Path) -> None:
    assert reason_of(stored(tmp_path / "call.wav", b"")) == "empty"


@pytest.mark.parametrize(
    "data",
    [makers.wav_bytes(b""), makers.wav_bytes(b"")[:36], makers.wav_bytes(b"")[:20]],
    ids=["no samples", "no data chunk", "half a header"],
)
def test_a_header_without_samples(data: bytes, tmp_path: Path) -> None:
    assert reason_of(stored(tmp_path / "call.wav", data)) == "no_samples"


@pytest.mark.parametrize(
    "name", ["call.wav", "call.mp3", "call.m4a", "call.ogg", "call", "call.srt", "call.m3u8"]
)
def test_text_is_no_recording_whatever_its_name(name: str, tmp_path: Path) -> None:
    assert reason_of(stored(tmp_path / name, TEXT)) == "unknown_format"


def test_a_recording_is_known_by_its_content_whatever_its_name(
    recording: Callable[[str], Path], tmp_path: Path
) -> None:
    path = stored(tmp_path / "call.txt", recording("telephone").read_bytes())
    assert probe(path).codec == "pcm_mulaw"


@pytest.mark.parametrize(
    "playlist",
    [
        b"#EXTM3U\n#EXTINF:10,\nfile:///etc/hostname\n#EXT-X-ENDLIST\n",
        b"ffconcat version 1.0\nfile '/etc/hostname'\n",
        b"RIFF\x10\0\0\0WAVE" + b"#EXTM3U\n#EXTINF:10,\nfile:///etc/hostname\n",
    ],
)
def test_a_playlist_leads_nowhere(playlist: bytes, tmp_path: Path) -> None:
    assert reason_of(stored(tmp_path / "call.m3u8", playlist)) in ("unknown_format", "no_samples")


def test_an_m4a_that_was_cut_off_before_its_index(m4a: bytes, tmp_path: Path) -> None:
    assert m4a.rfind(b"moov") > len(m4a) // 2, "the maker must have put the index last"
    assert reason_of(stored(tmp_path / "call", m4a[: m4a.rfind(b"moov") - 4])) == "truncated"
    assert reason_of(stored(tmp_path / "call", m4a[: m4a.rfind(b"moov") + 200])) == "truncated"


def test_an_m4a_whose_sound_stops_long_before_its_index_says(
    recording: Callable[[str], Path], tmp_path: Path
) -> None:
    data = recording("m4a_16k").read_bytes()
    assert reason_of(stored(tmp_path / "call", data[: len(data) // 2]), measure) == "truncated"


@pytest.mark.parametrize("container", ["mp4", "matroska", "avi"])
def test_a_video_without_sound(container: str, tmp_path: Path) -> None:
    assert reason_of(stored(tmp_path / "meeting.mp4", makers.video_bytes(container))) == "no_audio"


@pytest.mark.parametrize("name", ["mp3_cbr", "mp3_low", "opus", "flac", "m4a", "webm_live", "adts"])
def test_a_damaged_file(name: str, recording: Callable[[str], Path], tmp_path: Path) -> None:
    """Its head is whole, so that it opens, but two thirds of what follows are noise."""
    data = bytearray(recording(name).read_bytes())
    third = len(data) // 3
    data[third : len(data) - 20_000] = random.Random(5).randbytes(len(data) - 20_000 - third)
    path = stored(tmp_path / "call", bytes(data))
    assert reason_of(path, measure) in ("damaged", "truncated")


def test_a_stumble_of_a_second_is_no_reason_to_refuse(
    recording: Callable[[str], Path], tmp_path: Path
) -> None:
    data = bytearray(recording("mp3_cbr").read_bytes())
    middle = len(data) // 2
    data[middle : middle + 8_000] = random.Random(5).randbytes(8_000)
    assert measure(stored(tmp_path / "call", bytes(data))).duration_ms == pytest.approx(
        SECONDS * 1000, abs=1_100
    )


def test_noise_behind_a_known_signature_is_damage(tmp_path: Path) -> None:
    assert reason_of(stored(tmp_path / "call", b"OggS" + os.urandom(5000))) == "damaged"


def test_noise_alone_is_nothing_we_know(tmp_path: Path) -> None:
    assert reason_of(stored(tmp_path / "call", random.Random(3).randbytes(300_000)), measure) in (
        "unknown_format",
        "damaged",
    )


@pytest.mark.parametrize("rate", [0, 1, 2_000_000_000, 0xFFFFFFF0])
def test_an_absurd_sample_rate(rate: int, tmp_path: Path) -> None:
    data = makers.wav_bytes(bytes(8000), rate=rate)
    assert reason_of(stored(tmp_path / "call", data)) in ("sample_rate", "damaged")


@pytest.mark.parametrize("channels", [0, 33, 65_535])
def test_absurd_channels(channels: int, tmp_path: Path) -> None:
    data = makers.wav_bytes(bytes(80_000), channels=channels)
    assert reason_of(stored(tmp_path / "call", data)) in ("too_many_channels", "damaged")


def test_thousands_of_streams(tmp_path: Path, recording: Callable[[str], Path]) -> None:
    """An MP4 whose one track is copied 3,000 times."""
    data = recording("m4a_16k").read_bytes()
    at = data.index(b"trak") - 4
    size = int.from_bytes(data[at : at + 4], "big")
    track = data[at : at + size]
    moov = data.index(b"moov") - 4
    moov_size = int.from_bytes(data[moov : moov + 4], "big") + 3000 * size
    many = data[:moov] + struct.pack(">I", moov_size) + data[moov + 4 : at] + track * 3001 + data[at + size :]
    assert reason_of(stored(tmp_path / "call", many)) == "too_many_streams"


@pytest.mark.parametrize("container", ["mp4", "matroska", "ogg"])
def test_a_declared_length_of_days(container: str, tmp_path: Path) -> None:
    """A second of sound whose packets claim to lie twenty minutes apart."""
    kind = makers.Kind("", container, "libopus", 48_000)
    path = makers.write(tmp_path / "call", kind, makers.call(1, 48_000), packets_apart_s=1200)
    assert reason_of(path) == "too_long"


def test_one_packet_that_claims_to_lie_years_later(tmp_path: Path) -> None:
    """Nobody may try to fill the hole before it with silence."""
    kind = makers.Kind("", "webm", "libopus", 48_000, options=(("live", "1"),))
    path = makers.write(tmp_path / "call", kind, makers.call(1, 48_000), packets_apart_s=2_000_000)
    assert reason_of(path, measure) == "too_long"


def test_a_length_in_the_header_that_nothing_bears_out(tmp_path: Path, m4a: bytes) -> None:
    at = m4a.index(b"mvhd") + 4
    claims = m4a[: at + 16] + struct.pack(">I", 0x7FFFFFF0) + m4a[at + 20 :]
    path = stored(tmp_path / "call", claims)
    assert measure(path).duration_ms == pytest.approx(SECONDS * 1000, abs=30)


def test_more_than_twelve_hours_of_sound(tmp_path: Path) -> None:
    """µ-law at 4 kHz, as a sparse file: 13 hours that take no place on the disk."""
    head = makers.wav_bytes(b"", rate=4000, bits=8, data_size=4000 * 3600 * 13)
    head = head[:20] + struct.pack("<H", 7) + head[22:]
    path = stored(tmp_path / "call", head)
    os.truncate(path, len(head) + 4000 * 3600 * 13)
    assert reason_of(path) == "too_long"


@pytest.mark.parametrize(
    "data_size", [0, 0xFFFFFFFF, 0x7FFFFFFF], ids=["never filled in", "streamed", "2 GB"]
)
def test_a_recorder_that_never_wrote_its_length_is_welcome(data_size: int, tmp_path: Path) -> None:
    path = stored(tmp_path / "call", makers.wav_bytes(b"\1\2" * 80_000, data_size=data_size))
    assert probe(path).duration_ms in (10_000, None)
    assert measure(path).duration_ms == 10_000


def test_a_browsers_recording_without_a_length_is_welcome(recording: Callable[[str], Path]) -> None:
    path = recording("webm_live")
    assert probe(path).duration_ms is None
    assert measure(path).duration_ms == pytest.approx(SECONDS * 1000, abs=20)


def test_a_missing_file_is_not_the_files_fault(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        probe(tmp_path / "nowhere")


def test_a_refusal_travels_between_processes() -> None:
    came = pickle.loads(pickle.dumps(AudioRefused("truncated")))
    assert (came.reason, came.sentence) == ("truncated", SENTENCES["truncated"])


def test_every_sentence_ends_like_one() -> None:
    assert all(sentence.endswith(".") and sentence[0].isupper() for sentence in SENTENCES.values())


def test_a_refused_file_is_closed(tmp_path: Path) -> None:
    before = len(os.listdir("/proc/self/fd"))
    for data in (b"", TEXT, makers.wav_bytes(b""), makers.video_bytes()):
        reason_of(stored(tmp_path / "call", data))
    with (
        pytest.raises(RuntimeError, match="stopped"),
        opened(stored(tmp_path / "call", makers.wav_bytes(bytes(99)))),
    ):
        raise RuntimeError("stopped half-way")
    assert len(os.listdir("/proc/self/fd")) == before
