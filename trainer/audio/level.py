"""Loudness: every clip as loud as the next one, and never overdriven.

Why: calls come from whispering headsets and shouting mobiles; a learner must not reach for the volume
between two clips. Method: integrated loudness and true peak after ITU-R BS.1770 / EBU R 128, both by
FFmpeg's filters. Invariant: the true peak bound goes before the loudness target, and nothing is amplified
by more than 20 dB (it would only be noise).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    import numpy as np
    from av.audio.frame import AudioFrame
    from numpy.typing import NDArray

TARGET_LUFS: Final = -16.0
TRUE_PEAK_DBTP: Final = -1.0
MOST_GAIN_DB: Final = 20.0
SILENCE_DB: Final = -120.0
# Gating blocks of BS.1770 are 0.4 s: what is shorter has no integrated loudness.
SHORTEST_LOUDNESS_MS: Final = 400
_ABSOLUTE_GATE_LUFS: Final = -70.0
# A last touch after the limiter, so small that a second pass through it is not worth the time.
_MAKE_UP_DB: Final = 0.4
_TRIES: Final = 6
_OVERSAMPLING: Final = 4
# How far a wave may rise between two samples of what a telephone or codec lets through.
_BETWEEN_SAMPLES_DB: Final = 3.0


@dataclass(frozen=True, slots=True)
class Loudness:
    """`lufs` is None for silence and under 0.4 s; `true_peak_dbtp` is SILENCE_DB for silence."""

    lufs: float | None
    true_peak_dbtp: float


def measure_loudness(samples: NDArray[np.float32], rate: int, *, true_peak: bool = True) -> Loudness:
    """Loudness of mono samples in -1..1; without `true_peak` (four times as quick) the peak is the samples'
    own.
    """
    last: dict[str, str] = {}
    for frame in _filtered(
        samples, rate, [("ebur128", f"metadata=1:peak={'true' if true_peak else 'none'}")]
    ):
        last = frame.metadata
    peak = _decibels(float(abs(samples).max(initial=0.0)))
    if true_peak:
        peak = max(peak, _decibels(float(last.get("lavfi.r128.true_peaks_ch0", "0"))))
    return Loudness(_integrated(last, len(samples), rate), peak)


@dataclass(frozen=True, slots=True)
class Levelled:
    """Mono samples in -1..1; `at_most` when more would be needed to reach the target but nothing more is
    allowed.
    """

    samples: NDArray[np.float32]
    at_most: bool


def levelled(
    samples: NDArray[np.float32], rate: int, ceiling_dbtp: float, target_lufs: float = TARGET_LUFS
) -> Levelled:
    """The mono samples at `target_lufs`, as far as MOST_GAIN_DB and a true peak under `ceiling_dbtp` let
    them.

    Under 0.4 s the RMS level stands for the loudness; silence comes back as it is. As many samples as came
    in.
    """
    before = measure_loudness(samples, rate, true_peak=False)
    loudness = before.lufs
    if loudness is None:
        if len(samples) * 1000 >= SHORTEST_LOUDNESS_MS * rate or before.true_peak_dbtp < _ABSOLUTE_GATE_LUFS:
            return Levelled(samples, at_most=True)
        loudness = _decibels(float((samples * samples).mean()) ** 0.5)
    gain = min(MOST_GAIN_DB, target_lufs - loudness)
    if before.true_peak_dbtp + gain < ceiling_dbtp - _BETWEEN_SAMPLES_DB:
        return Levelled(samples * samples.dtype.type(10 ** (gain / 20)), gain >= MOST_GAIN_DB)
    for _ in range(_TRIES):
        out, reached = _limited(samples, rate, gain, ceiling_dbtp)
        missed = 0.0 if reached is None else target_lufs - reached
        capped = gain >= MOST_GAIN_DB
        if missed <= _MAKE_UP_DB or capped:
            # what limiting took away, as far as the gain and the ceiling's reserve allow
            makeup = min(missed, _MAKE_UP_DB, MOST_GAIN_DB - gain)
            return Levelled(out * out.dtype.type(10 ** (makeup / 20)), capped)
        gain = min(MOST_GAIN_DB, gain + missed)
    return Levelled(out, at_most=True)


def _limited(
    samples: NDArray[np.float32], rate: int, gain_db: float, ceiling_dbtp: float
) -> tuple[NDArray[np.float32], float | None]:
    """(amplified samples whose true peak is limited, their loudness). Limits between the samples too, by
    oversampling.
    """
    import numpy as np

    chain = [
        ("volume", f"{gain_db:.3f}dB:precision=float"),
        ("aresample", str(rate * _OVERSAMPLING)),
        ("alimiter", f"limit={10 ** (ceiling_dbtp / 20):.5f}:attack=5:release=60:level=0:latency=1"),
        ("aresample", str(rate)),
        ("ebur128", "metadata=1:peak=none"),
        ("aformat", "sample_fmts=flt"),
    ]
    pieces: list[Any] = []
    last: dict[str, str] = {}
    for frame in _filtered(samples, rate, chain):
        pieces.append(frame.to_ndarray()[0])
        last = frame.metadata
    out = np.concatenate(pieces)[: len(samples)]
    if len(out) < len(samples):
        out = np.pad(out, (0, len(samples) - len(out)))
    return out, _integrated(last, len(samples), rate)


def _integrated(metadata: dict[str, str], samples: int, rate: int) -> float | None:
    lufs = float(metadata.get("lavfi.r128.I", "-inf"))
    defined = lufs > _ABSOLUTE_GATE_LUFS and samples * 1000 >= SHORTEST_LOUDNESS_MS * rate
    return lufs if defined else None


def _filtered(
    samples: NDArray[np.float32], rate: int, chain: Sequence[tuple[str, str]]
) -> Iterator[AudioFrame]:
    """What comes out of FFmpeg's filters; a second goes in at a time, so that memory stays flat."""
    from av import AudioFrame
    from av.error import BlockingIOError, EOFError
    from av.filter import Graph

    graph = Graph()
    graph.threads = 1  # these filters use no more, and idle threads cost memory
    entry = graph.add_abuffer(sample_rate=rate, format="flt", layout="mono", time_base=Fraction(1, rate))
    end = graph.add("abuffersink")
    graph.link_nodes(entry, *(graph.add(name, arguments) for name, arguments in chain), end).configure()
    for at in [*range(0, len(samples), rate), None]:
        if at is None:
            entry.push(None)
        else:
            frame = AudioFrame.from_ndarray(samples[None, at : at + rate], format="flt", layout="mono")
            frame.sample_rate, frame.pts = rate, at
            entry.push(frame)
        try:
            while True:
                pulled: Any = end.pull()
                yield pulled
        except (BlockingIOError, EOFError):
            continue


def _decibels(amplitude: float) -> float:
    return max(SILENCE_DB, 20 * math.log10(amplitude)) if amplitude > 0 else SILENCE_DB
