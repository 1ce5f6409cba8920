"""One decode of a whole recording: its true duration, channels, peaks, and who speaks when.

Why: declared lengths lie (webm from a browser has none, a telephone's WAV header may say 4 GB), and the
waveform needs every sample once. Invariant: memory stays flat however long the recording is; a second of
sound is held at a time.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from trainer.audio import LONGEST_RECORDING_MS, AudioRefused, Measured, Progress
from trainer.audio.decode import ToInt16
from trainer.audio.peaks import PEAKS_PER_SECOND, Peaks
from trainer.audio.source import Source, opened
from trainer.audio.turns import as_level, turns

if TYPE_CHECKING:
    import numpy as np
    from av import AudioFifo
    from av.audio.frame import AudioFrame
    from numpy.typing import NDArray

_REPORT_EVERY_S: Final = 0.25
# Loudness needs no more samples than a telephone has.
_LEVEL_RATE: Final = 8_000
# Containers in which time may pass without a packet (muted browsers, video): elsewhere a hole is damage.
_MAY_HAVE_HOLES: Final = ("matroska", "mov", "mpegts", "mpeg", "asf", "avi", "flv", "nut")
# Nothing but packets, so that bytes which are in none of them are damage.
_BARE: Final = ("mp3", "aac", "amr")
# Their index or last page promises a length; what is missing of it was cut off.
_PROMISE_LENGTH: Final = ("mov", "flac", "ogg")
_MOST_DAMAGE: Final = 0.1
_MOST_HOLES: Final = 0.5
_MOST_JUNK: Final = 0.3


def measure(path: Path | str, on_progress: Progress | None = None) -> Measured:
    """Decode everything once. Takes about a second for an hour of MP3, and under 10 MB.

    Raises AudioRefused: what `probe` refuses, and "damaged" when more than a tenth cannot be decoded,
    "truncated" when the index promises clearly more than there is, "too_long" over 12 hours.
    """
    with opened(path, in_one_go=True) as source:
        expected_ms = source.declared_ms or 0
        peaks: _PeakMeter | None = None
        reported = time.monotonic()
        for position, frame in source.frames():
            if peaks is None:
                peaks = _PeakMeter(source.rate, source.channels)
            peaks.add(position, frame)
            if on_progress and (now := time.monotonic()) - reported > _REPORT_EVERY_S:
                reported = now
                on_progress(position * 1000 // source.rate, expected_ms)
        if peaks is None:
            raise AudioRefused("no_samples")
        total = peaks.finish()
        duration_ms = total * 1000 // source.rate
        _refuse_if_broken(source, total, expected_ms)
        if on_progress:
            on_progress(duration_ms, duration_ms)
        return Measured(
            duration_ms=duration_ms,
            channels=source.channels,
            sample_rate_hz=source.rate,
            codec=source.codec,
            peaks=Peaks(duration_ms, peaks.channels()),
            turns=turns(peaks.levels(), peaks.alike()),
        )


def _refuse_if_broken(source: Source, total: int, expected_ms: int) -> None:
    duration_ms = total * 1000 // source.rate
    packets = source.bad_packets + source.good_packets
    if source.bad_packets > _MOST_DAMAGE * packets:
        raise AudioRefused("damaged")
    if source.hole > (_MOST_HOLES if source.format in _MAY_HAVE_HOLES else _MOST_DAMAGE) * total:
        raise AudioRefused("damaged")
    sound_bytes = source.size - (source.first_packet or (0, 0))[0]
    if source.format in _BARE and source.good_bytes < (1 - _MOST_JUNK) * sound_bytes:
        raise AudioRefused("damaged")
    if source.format in _PROMISE_LENGTH and expected_ms - duration_ms > max(
        5_000, _MOST_DAMAGE * expected_ms
    ):
        raise AudioRefused("truncated")
    if duration_ms > LONGEST_RECORDING_MS:
        raise AudioRefused("too_long")
    if duration_ms == 0:
        raise AudioRefused("no_samples")


@dataclass(slots=True)
class _PeakMeter:
    """Turns frames of any size and format into 50 magnitudes a second and channel."""

    rate: int
    channel_count: int
    written: int = 0
    _found: list[bytearray] = field(init=False)
    _levels: list[bytearray] = field(init=False)
    _together: NDArray[np.float64] = field(init=False)  # sums of the products of each two channels
    _fifo: AudioFifo = field(init=False)
    _to_int16: ToInt16 = field(init=False)

    def __post_init__(self) -> None:
        import numpy as np
        from av import AudioFifo

        self._found = [bytearray() for _ in range(self.channel_count)]
        self._levels = [bytearray() for _ in range(self.channel_count)]
        self._together = np.zeros((self.channel_count, self.channel_count))
        self._fifo = AudioFifo()
        self._to_int16 = ToInt16(self.rate, self.channel_count)

    def add(self, position: int, frame: AudioFrame) -> None:
        if position > self.written:
            self._silence(position - self.written)
        frame.pts = None  # the fifo would insist on gapless timestamps; positions are kept here
        try:
            self._fifo.write(frame)
        except ValueError:  # another format, layout or rate than before
            frame = self._as_before(frame)
            self._fifo.write(frame)
        self.written = position + frame.samples
        while self._fifo.samples >= self.rate:
            self._take(self.rate)

    def finish(self) -> int:
        """The samples counted, after the last part of a second is taken in."""
        if self._fifo.samples:
            self._take(self._fifo.samples)
        return self.written

    def channels(self) -> tuple[bytes, ...]:
        return tuple(bytes(found) for found in self._found)

    def levels(self) -> tuple[bytes, ...]:
        """Mean loudness of each channel, as often as there are peaks."""
        return tuple(bytes(levels) for levels in self._levels)

    def alike(self) -> float:
        """How far the first two channels hold one sound, 0 to 1, whichever way round it is."""
        if self.channel_count < 2 or not (each := float(self._together[0, 0] * self._together[1, 1])):
            return 0.0
        return min(1.0, abs(float(self._together[0, 1])) / each**0.5)

    def _take(self, samples: int) -> None:
        import numpy as np

        block = self._fifo.read(samples)
        if block is None:  # never: that many were counted
            return
        plain = _plain(block, self._to_int16, self.channel_count)
        edges = np.arange(-(-samples * PEAKS_PER_SECOND // self.rate)) * self.rate // PEAKS_PER_SECOND
        high = np.maximum.reduceat(plain, edges, axis=1).astype(np.float32)
        low = np.minimum.reduceat(plain, edges, axis=1).astype(np.float32)
        full_scale = 32768 if plain.dtype == np.int16 else 1
        magnitudes = np.nan_to_num(np.maximum(high, -low)) / full_scale
        stored = np.rint(255 * np.sqrt(np.clip(magnitudes, 0, 1))).astype(np.uint8)
        for found, row in zip(self._found, stored, strict=True):
            found += row.tobytes()
        self._weigh(plain, edges)

    def _weigh(self, plain: NDArray[np.int16] | NDArray[np.float32], edges: NDArray[np.intp]) -> None:
        """The mean loudness under each peak, of few enough samples to cost next to nothing."""
        import numpy as np

        step = max(1, self.rate // _LEVEL_RATE)
        loudest = 32768 if plain.dtype == np.int16 else 1
        sound: NDArray[np.float32] = np.nan_to_num(plain[:, ::step].astype(np.float32) / loudest)
        starts = -(-edges // step)
        counts = np.diff(np.append(starts, sound.shape[1]))
        if not counts.all():  # fewer samples than levels: a rate that no recorder uses, or the last instant
            starts, counts = starts[counts > 0], counts[counts > 0]
        means = np.add.reduceat(sound * sound, starts, axis=1) / counts if len(starts) else sound[:, :0]
        for levels, row in zip(self._levels, means, strict=True):
            levels += as_level(row.astype(np.float64)).ljust(len(edges), b"\xff")
        self._together += sound @ sound.T

    def _as_before(self, frame: AudioFrame) -> AudioFrame:
        """The frame in the format, layout and rate of the ones before: joined files change them under way."""
        from av import AudioResampler

        resampler = AudioResampler(self._fifo.format, self._fifo.layout, self._fifo.sample_rate)
        return resampler.resample(frame)[0]

    def _silence(self, samples: int) -> None:
        from av import AudioFrame

        while samples > 0:
            some = min(samples, self.rate)
            frame = AudioFrame(self._fifo.format, self._fifo.layout, some)
            frame.sample_rate = self.rate
            for plane in frame.planes:
                plane.update(
                    (b"\x80" if self._fifo.format.name.startswith("u8") else b"\0") * plane.buffer_size
                )
            self._fifo.write(frame)
            samples -= some
            while self._fifo.samples >= self.rate:
                self._take(self.rate)


def _plain(block: AudioFrame, to_int16: ToInt16, channels: int) -> NDArray[np.int16] | NDArray[np.float32]:
    """(channels, samples) as int16 or float, without a conversion where the decoder gives one of them
    already.
    """
    import numpy as np

    array: Any
    if block.format.name == "fltp":
        array = block.to_ndarray()
        return array
    if block.format.name == "flt":
        array = block.to_ndarray()
        return np.ascontiguousarray(array.reshape(-1, channels).T)
    array = to_int16(block)
    return np.ascontiguousarray(array)
