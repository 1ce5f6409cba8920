"""Decoding one window of a recording, sample-exact, without decoding what lies before it.

Why: a clip at minute 50 must not cost fifty minutes of decoding, and must start where a player that plays
the whole file would have been at that moment. Invariant: sample n of a window is sample start + n of a
decode from the beginning; where a seek cannot promise that, the packets before the window are counted
instead.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from trainer.audio import AudioRefused
from trainer.audio.mp3 import mp3_frames
from trainer.audio.source import Source, opened

if TYPE_CHECKING:
    import numpy as np
    from av.audio.frame import AudioFrame
    from av.audio.resampler import AudioResampler
    from numpy.typing import NDArray

# Demuxers whose timestamps after a seek come from an index, a page or a frame header, not from a bit rate.
_SEEKABLE: Final = ("wav", "w64", "flac", "ogg", "matroska", "mov", "aiff", "au")
# Overlapping transforms, bit reservoirs and Opus's 80 ms need a run-up before their output is the same as
# in one go.
_RUN_UP_S: Final = 1
# Nearer to the beginning than this, decoding from there is as quick as a seek and cannot be wrong.
_NEAR_MS: Final = 5_000
# What these declare comes from an index or the last page, not from a bit rate.
_EXACT_LENGTH: Final = ("flac", "ogg", "mov")
_SAME_LENGTH_MS: Final = 1_000


@dataclass(frozen=True, slots=True)
class Window:
    """Decoded sound: `samples` is int16, shaped (channels, samples), at `rate` Hz; `first` is the position
    of sample 0.
    """

    samples: NDArray[np.int16]
    rate: int
    first: int


@dataclass(slots=True)
class ToInt16:
    """Frames of any sample format (and of a rate or layout that changes under way) as int16, (channels,
    samples).
    """

    rate: int
    channels: int
    _resampler: AudioResampler | None = None
    _shape: tuple[str, str, int] = ("", "", 0)

    def __call__(self, frame: AudioFrame) -> NDArray[np.int16]:
        array: Any
        shape = (frame.format.name, frame.layout.name, frame.sample_rate)
        if frame.sample_rate == self.rate and frame.layout.nb_channels == self.channels:
            if shape[0] == "s16p":
                array = frame.to_ndarray()
                return array
            if shape[0] == "s16":
                array = frame.to_ndarray()
                return array.reshape(-1, self.channels).T
        return self._converted(frame, shape)

    def _converted(self, frame: AudioFrame, shape: tuple[str, str, int]) -> NDArray[np.int16]:
        import numpy as np
        from av.audio.layout import AudioLayout
        from av.audio.resampler import AudioResampler

        if self._resampler is None or shape != self._shape:
            same = frame.layout.nb_channels == self.channels
            layout = frame.layout if same else AudioLayout({1: "mono", 2: "stereo"}.get(self.channels, "7.1"))
            self._resampler, self._shape = AudioResampler("s16p", layout, self.rate), shape
        frame.pts = None
        array: Any = [piece.to_ndarray() for piece in self._resampler.resample(frame)]
        return np.concatenate(array, axis=1) if array else np.zeros((self.channels, 0), np.int16)


@dataclass(slots=True)
class _Canvas:
    """Collects frames at their positions; what no frame covers stays silent."""

    source: Source
    start: int
    end: int
    covered_to: int = 0
    samples: NDArray[np.int16] = field(init=False)

    def __post_init__(self) -> None:
        import numpy as np

        self.samples = np.zeros((self.source.channels, self.end - self.start), np.int16)

    @classmethod
    def of(cls, source: Source, start_ms: int, end_ms: int) -> _Canvas:
        return cls(source, start_ms * source.rate // 1000, end_ms * source.rate // 1000)

    def fill(self, frames: Iterable[tuple[int, AudioFrame]]) -> bool:
        """Paint until the window is full. False when the frames only begin after its start."""
        to_int16 = ToInt16(self.source.rate, self.source.channels)
        first = True
        for position, frame in frames:
            if first and position > self.start:
                return False
            first = False
            if position >= self.end:
                self.covered_to = self.end
                break
            after = position + frame.samples
            if after > self.start:
                block = to_int16(frame)
                begin, stop = max(position, self.start), min(position + block.shape[1], self.end)
                if stop > begin:
                    self.samples[:, begin - self.start : stop - self.start] = block[
                        :, begin - position : stop - position
                    ]
            self.covered_to = min(after, self.end)
            if after >= self.end:
                break
        return not first


def decode_window(path: Path | str, start_ms: int, end_ms: int, measured_ms: int | None = None) -> Window:
    """The recording's sound from `start_ms` to `end_ms` (both in the measured recording).

    `measured_ms` is the length that `measure` counted. Where the file declares another one, as files that
    were glued together do, a timestamp may stand in it twice: everything before the window is then decoded.

    Raises AudioRefused when the file cannot be decoded there, ValueError for an empty or negative range.
    """
    if not 0 <= start_ms < end_ms:
        raise ValueError(f"a window must start before it ends: {start_ms} to {end_ms} ms")
    canvas = None
    if start_ms >= _NEAR_MS:
        canvas = _jump(path, start_ms, end_ms, measured_ms)
    if canvas is None:
        canvas = _walk(path, start_ms, end_ms, measured_ms)
    if canvas.end - canvas.covered_to > canvas.source.rate // 10:
        raise AudioRefused("damaged")
    return Window(canvas.samples, canvas.source.rate, canvas.start)


def _jump(
    path: Path | str, start_ms: int, end_ms: int, measured_ms: int | None, *, light: bool = True
) -> _Canvas | None:
    """The window by way of a seek; None when this file's seeks cannot be trusted or landed too late."""
    with opened(path, light=light) as source:
        next(source.frames())  # finds the origin, and the true rate
        if light and not source.light_is_right:
            return _jump(path, start_ms, end_ms, measured_ms, light=False)
        canvas = _Canvas.of(source, start_ms, end_ms)
        if source.format == "mp3":
            whole = canvas.fill(mp3_frames(path, source, canvas.start, canvas.end))
        elif _seeks_are_right(source, measured_ms) and source.seek(canvas.start - _RUN_UP_S * source.rate):
            whole = canvas.fill(source.frames())
        else:
            return None
        return canvas if whole else None


def _seeks_are_right(source: Source, measured_ms: int | None) -> bool:
    if source.format not in _SEEKABLE or (source.format == "wav" and not source.codec.startswith("pcm_")):
        return False
    return not _is_glued(source, measured_ms)


def _is_glued(source: Source, measured_ms: int | None) -> bool:
    declared_ms = source.declared_ms
    if measured_ms is None or declared_ms is None or source.format not in _EXACT_LENGTH:
        return False
    return abs(measured_ms - declared_ms) > _SAME_LENGTH_MS


def _walk(path: Path | str, start_ms: int, end_ms: int, measured_ms: int | None) -> _Canvas:
    """The window by counting from the beginning; of a file in one piece only the run-up to it is decoded."""
    with opened(path) as source:
        run_up_ms = 0 if _is_glued(source, measured_ms) else max(0, start_ms - _RUN_UP_S * 1000)
        frames = source.frames(skip_to_ms=run_up_ms)
        first = next(frames)
        canvas = _Canvas.of(source, start_ms, end_ms)
        canvas.fill(itertools.chain([first], frames))
        return canvas
