"""The shape of a recording: how loud it is, fifty times a second, small enough to keep beside it.

Why: a waveform of an hour must draw at once, at any zoom, without touching the audio. Invariant: no peak is
lost; whatever the number of points asked for, each is the loudest of all that lies under it. Pure Python on
purpose: the web process draws waveforms and must not load numpy for it.
"""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass
from typing import Final

PEAKS_PER_SECOND: Final = 50
_HEADER: Final = struct.Struct("<4sBBHQI")
_MAGIC: Final = b"PEAK"
_VERSION: Final = 1


@dataclass(frozen=True, slots=True)
class Peaks:
    """Magnitudes of a recording, one byte per channel and 1/50 s, stored as the square root so that quiet
    calls keep detail.

    `channels[c][i]` is 255 x sqrt(|peak| / full scale) in [i/50, (i+1)/50) s of channel c.
    """

    duration_ms: int
    channels: tuple[bytes, ...]

    def to_bytes(self) -> bytes:
        """About 30 kB to 150 kB an hour and channel."""
        count = len(self.channels[0]) if self.channels else 0
        head = _HEADER.pack(_MAGIC, _VERSION, len(self.channels), PEAKS_PER_SECOND, self.duration_ms, count)
        return head + zlib.compress(b"".join(self.channels), 6)

    @classmethod
    def from_bytes(cls, data: bytes) -> Peaks:
        """Raises ValueError for anything that `to_bytes` did not write."""
        try:
            magic, version, channels, rate, duration_ms, count = _HEADER.unpack_from(data)
            if (magic, version, rate) != (_MAGIC, _VERSION, PEAKS_PER_SECOND):
                raise ValueError("these are not peaks of this version")
            packed = zlib.decompressobj()
            body = packed.decompress(data[_HEADER.size :], channels * count + 1)
        except (struct.error, zlib.error) as error:
            raise ValueError("these are not peaks") from error
        if len(body) != channels * count or not packed.eof:
            raise ValueError("peaks are cut off")
        return cls(duration_ms, tuple(body[c * count : (c + 1) * count] for c in range(channels)))

    def resample(
        self, points: int, start_ms: int = 0, end_ms: int | None = None, channel: int | None = None
    ) -> list[int]:
        """`points` numbers from 0 to 100 over the window (default: all of it), of one channel or the louder
        of all.

        100 is the loudest point of the whole recording, so that scrolling and zooming never change the
        scale. Raises ValueError for no points or a channel that is not there; a window past the end is flat
        there.
        """
        if points < 1:
            raise ValueError("at least one point")
        if channel is not None and not 0 <= channel < len(self.channels):
            raise ValueError(f"there is no channel {channel}")
        chosen = self.channels if channel is None else (self.channels[channel],)
        loudest = max((max(data, default=0) for data in self.channels), default=0)
        if not loudest:
            return [0] * points
        start = max(0, start_ms)
        span = max(1, (self.duration_ms if end_ms is None else end_ms) - start)
        out: list[int] = []
        for point in range(points):
            low = (start * points + span * point) * PEAKS_PER_SECOND // (1000 * points)
            high = (start * points + span * (point + 1)) * PEAKS_PER_SECOND // (1000 * points)
            top = max(max(data[low : max(high, low + 1)], default=0) for data in chosen)
            out.append(round(100 * (top / loudest) ** 2))
        return out


def bars(peaks: Peaks, n: int = 120) -> list[int]:
    """The whole recording or clip as `n` bars, 0..100 of its loudest: what a small player draws."""
    return peaks.resample(n)
