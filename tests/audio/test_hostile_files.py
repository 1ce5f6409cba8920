"""Files that were made to hurt: each ends in a refusal in words, or as a plain recording, within time and memory."""

from __future__ import annotations

import io
import struct
import zlib
from pathlib import Path

import av
import numpy as np
import pytest

from tests.audio import makers
from tests.waiting import quick
from trainer.audio import SENTENCES, AudioRefused, Measured, Probe
from trainer.audio.child import in_child
from trainer.audio.measure import measure
from trainer.audio.probe import probe

MEMORY_MB = 256
HTML = "<script>alert(1)</script><img src=x onerror=alert(1)>"


async def judged(path: Path, timeout_s: float = 60) -> tuple[Probe | str, Measured | str]:
    """What probe and measure say of a file in a child: values, or the reason of the refusal."""
    answers = []
    for look in (probe, measure):
        try:
            answers.append(await in_child(look, path, timeout_s=timeout_s, memory_mb=MEMORY_MB))
        except AudioRefused as refused:
            answers.append(refused.reason)
    assert all(answer in SENTENCES for answer in answers if isinstance(answer, str))
    return tuple(answers)


def sized(number: int) -> bytes:
    """A length as ID3 writes it, seven bits to a byte."""
    return bytes(number >> shift & 127 for shift in (21, 14, 7, 0))


def tagged(*frames: tuple[bytes, bytes]) -> bytes:
    """An ID3 tag."""
    body = b"".join(name + sized(len(data)) + b"\0\0" + data for name, data in frames)
    return b"ID3\x04\0\0" + sized(len(body)) + body


@pytest.fixture(scope="module")
def mp3(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("mp3") / "call"
    return makers.write(path, makers.KINDS["mp3_cbr"], makers.call(1, 44_100)).read_bytes()


async def test_tags_full_of_html_are_never_read(mp3: bytes, tmp_path: Path) -> None:
    """No title, artist or comment of a file goes anywhere: not into a name, a page or a log."""
    path = tmp_path / "call"
    said = b"\3" + HTML.encode()
    path.write_bytes(tagged((b"TIT2", said), (b"TPE1", said), (b"COMM", b"\3eng\0" + said)) + mp3)
    looked, measured = await judged(path)
    assert isinstance(measured, Measured)
    assert measured.duration_ms == 1_000
    assert "<" not in repr(looked)
    assert "<" not in f"{measured.codec}{measured.channels}"
    # a clip cut from it brings none of it along either
    from trainer.audio.render import render

    assert b"script" not in render(path, 0, 500).mp3


async def test_a_cover_of_a_billion_pixels_is_not_unpacked(mp3: bytes, tmp_path: Path) -> None:
    packed = zlib.compressobj(9)
    pixels = b"".join(packed.compress(bytes(90_001)) for _ in range(2_000)) + packed.flush()

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", 30_000, 33_000, 8, 2, 0, 0, 0)
    picture = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")
    path = tmp_path / "call"
    path.write_bytes(tagged((b"APIC", b"\0image/png\0\3\0" + picture)) + mp3)
    _looked, measured = await quick(lambda: judged(path), within_s=5)
    assert isinstance(measured, Measured)


async def test_thousands_of_streams_in_an_ogg_file(tmp_path: Path) -> None:
    path = makers.write(tmp_path / "call", makers.KINDS["opus"], makers.call(1, 48_000))
    data = path.read_bytes()
    first = bytearray(data[: data.index(b"OggS", 4)])
    pages = b""
    for serial in range(3_000):
        first[14:18], first[22:26] = struct.pack("<I", serial), bytes(4)
        first[22:26] = struct.pack("<I", ogg_checksum(bytes(first)))
        pages += first
    path.write_bytes(pages + data)
    assert await judged(path) == ("too_many_streams", "too_many_streams")


def ogg_checksum(page: bytes) -> int:
    value = 0
    for byte in page:
        value ^= byte << 24
        for _ in range(8):
            value = (value << 1 ^ 0x04C11DB7 if value & 0x80000000 else value << 1) & 0xFFFFFFFF
    return value


async def test_a_hundred_tracks_in_a_matroska_file(tmp_path: Path) -> None:
    file = io.BytesIO()
    with av.open(file, "w", format="matroska") as container:
        streams = [container.add_stream("pcm_s16le", rate=8_000, layout="mono") for _ in range(100)]
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 80), np.int16), format="s16", layout="mono")
        frame.sample_rate = 8_000
        for packet in streams[0].encode(frame):
            container.mux(packet)
    path = tmp_path / "call"
    path.write_bytes(file.getvalue())
    assert await judged(path) == ("too_many_streams", "too_many_streams")


async def test_a_tag_of_a_hundred_thousand_fields_is_stopped_in_time(mp3: bytes, tmp_path: Path) -> None:
    path = tmp_path / "call"
    path.write_bytes(tagged(*[(b"TXXX", b"\3key%d\0value" % number) for number in range(100_000)]) + mp3)
    looked, _measured = await quick(lambda: judged(path, timeout_s=1), within_s=10)
    assert looked == "too_slow"


async def test_the_widest_sound_that_is_taken_stays_small(tmp_path: Path) -> None:
    """Eight channels of 384 kHz, the most that is opened at all."""
    path = tmp_path / "call"
    path.write_bytes(makers.wav_bytes(bytes(384_000 * 2 * 8), rate=384_000, channels=8))
    _looked, measured = await judged(path)
    assert isinstance(measured, Measured)
    assert (measured.channels, measured.duration_ms) == (8, 1_000)
    path.write_bytes(makers.wav_bytes(bytes(8_000), rate=384_001))
    assert await judged(path) == ("sample_rate", "sample_rate")
