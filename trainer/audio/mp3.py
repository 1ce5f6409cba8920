"""Finding a window in an MP3 file by counting its frames.

Why: an MP3 has no clock. FFmpeg's seek in it goes by a table of a hundred points, by the average bit rate,
or reads everything; the first two are off by up to seconds in a file of variable bit rate. A frame header
says how long its frame is, so hopping from header to header is both exact and quick (an hour takes some 30
ms). Invariant: frame n of the map is the frame that a decode from the beginning gives as its n-th.
"""

from __future__ import annotations

import os
from array import array
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from av.audio.frame import AudioFrame

    from trainer.audio.source import Source

_CHUNK: Final = 1 << 20
# Longest frame (Layer II, 384 kbit/s at 32 kHz, padded) with the header after it.
_LONGEST_FRAME: Final = 2_881 + 4
_RUN_UP_FRAMES: Final = 24
"""The bit reservoir reaches back 511 bytes: 22 frames at the lowest bit rate, plus one for the overlap."""

# kbit/s by (MPEG-1?, layer); index 0 ("free") and 15 are not usable
_BITRATES: Final = {
    (True, 1): (32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448),
    (True, 2): (32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384),
    (True, 3): (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    (False, 1): (32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256),
    (False, 2): (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
    (False, 3): (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}


def mp3_frames(path: Path | str, source: Source, start: int, end: int) -> Iterator[tuple[int, AudioFrame]]:
    """(position, frame) for every frame around samples `start` to `end`; nothing when the file is not plain
    MP3.

    `source` must have decoded its first frame: where the first packet lies, and how much of it a player
    drops, come from there.
    """
    import av
    from av.error import FFmpegError

    if source.first_packet is None or source.origin is None or source.stream.time_base is None:
        return
    offset, timestamp = source.first_packet
    dropped = int((source.origin - timestamp) * source.stream.time_base * source.rate)
    with open(path, "rb") as file:
        descriptor = file.fileno()
        sizes, length = _frame_sizes(os.pread(descriptor, 4, offset))
        if not sizes:
            return
        wanted = max(0, (start + dropped) // length - _RUN_UP_FRAMES)
        last = (end + dropped) // length + 1
        places = _places(descriptor, offset, sizes, last)
        decoder: Any = av.CodecContext.create(source.stream.codec_context.name, "r")
        for number in range(wanted, min(last, len(places))):
            data = os.pread(descriptor, _LONGEST_FRAME, places[number])
            packet = av.Packet(data[: sizes[data[1] << 8 | data[2]]])
            try:
                decoded = decoder.decode(packet)
            except FFmpegError:
                continue  # needs bytes from before the run-up, or is damaged: silence in its place
            for frame in decoded:
                yield number * length - dropped, frame


def _frame_sizes(header: bytes) -> tuple[dict[int, int], int]:
    """({second and third header byte: bytes in the frame}, samples in a frame) for all frames of this one's
    kind.
    """
    if len(header) < 4 or header[0] != 0xFF or header[1] & 0xE0 != 0xE0:
        return {}, 0
    version, layer, rate_index = header[1] >> 3 & 3, 4 - (header[1] >> 1 & 3), header[2] >> 2 & 3
    if version == 1 or layer == 4 or rate_index == 3:
        return {}, 0
    rate = (44_100, 48_000, 32_000)[rate_index] >> {3: 0, 2: 1, 0: 2}[version]
    length = {1: 384, 2: 1152, 3: 1152 if version == 3 else 576}[layer]
    sizes: dict[int, int] = {}
    for index, kbits in enumerate(_BITRATES[version == 3, layer], start=1):
        for padding in (0, 1):
            if layer == 1:
                size = (12 * kbits * 1000 // rate + padding) * 4
            else:
                size = length // 8 * kbits * 1000 // rate + padding
            for private in (0, 1):
                third = index << 4 | rate_index << 2 | padding << 1 | private
                for unprotected in (0, 1):
                    second = (header[1] & 0xFE) | unprotected
                    sizes[second << 8 | third] = size
    return sizes, length


def _places(descriptor: int, offset: int, sizes: dict[int, int], count: int) -> array[int]:
    """Where the first `count` frames begin in the file, in bytes; fewer when it ends before. Junk between
    is passed over.
    """
    places = array("Q")
    note = places.append
    base = offset
    data = os.pread(descriptor, _CHUNK, base)
    at = 0
    while len(places) < count:
        if at > len(data) - _LONGEST_FRAME:
            more = os.pread(descriptor, _CHUNK, base + at)
            if len(more) < 4:
                break
            if len(more) <= _LONGEST_FRAME:
                _last_places(more, base + at, sizes, count, places)
                break
            base, data, at = base + at, more, 0
        safe = len(data) - _LONGEST_FRAME
        try:
            for _ in range(count - len(places)):  # 0.1 microseconds a frame: nothing more in here
                size = sizes[data[at + 1] << 8 | data[at + 2]]
                if data[at] != 0xFF:
                    raise KeyError
                note(base + at)
                at += size
                if at > safe:
                    break
        except KeyError:
            at = _next_frame(data, at + 1, sizes)
    return places


def _last_places(data: bytes, base: int, sizes: dict[int, int], count: int, places: array[int]) -> None:
    at = 0
    while at + 4 <= len(data) and len(places) < count:
        size = sizes.get(data[at + 1] << 8 | data[at + 2]) if data[at] == 0xFF else None
        if size is None:
            at += 1
        else:
            if at + size <= len(data):
                places.append(base + at)
            at += size


def _next_frame(data: bytes, at: int, sizes: dict[int, int]) -> int:
    """The next place that starts a frame which another one follows; the last safe byte of `data` when there
    is none.
    """
    safe = len(data) - _LONGEST_FRAME
    while 0 <= (at := data.find(b"\xff", at)) <= safe:
        size = sizes.get(data[at + 1] << 8 | data[at + 2])
        if size and data[at + size] == 0xFF and data[at + size + 1] << 8 | data[at + size + 2] in sizes:
            return at
        at += 1
    return safe + 1
