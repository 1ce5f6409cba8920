"""A clip, cut out of a recording: decoded, mixed to mono, covered where redacted, faded, levelled, encoded,
checked.

Why: it is the one way by which audio of a call reaches a learner. Invariant: only the window between start
and end is ever decoded into the clip, redactions are applied before anything else touches the samples, and
what is reported was measured on the finished MP3.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from trainer.audio import LONGEST_CLIP_MS, SHORTEST_CLIP_MS, Redaction, Rendered
from trainer.audio.decode import decode_window
from trainer.audio.edit import covers, edited
from trainer.audio.encode import clip_rate, decode_mp3, encode_mp3
from trainer.audio.level import TARGET_LUFS, TRUE_PEAK_DBTP, levelled, measure_loudness

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

BARS: Final = 120
# The encoder bends the wave a little: limit lower than promised, and lower still if that was not enough.
_HEADROOM_DB: Final = 1.5
_TRIES: Final = 3
_LOUDNESS_WITHIN_LU: Final = 0.35


def render(
    path: Path | str,
    start_ms: int,
    end_ms: int,
    redactions: Sequence[Redaction] = (),
    measured_ms: int | None = None,
) -> Rendered:
    """The clip from `start_ms` to `end_ms` of the measured recording, `redactions` (in the recording)
    covered.

    `measured_ms` is the recording's length as `measure` counted it: with it, files that were glued together
    are cut in the right place too. Mono MP3, -16 LUFS within 0.5 where a gain of 20 dB and a true peak of
    -1 dBTP allow it. Raises AudioRefused when the file cannot be decoded there; ValueError for a range that
    is under 50 ms, over 15 minutes or negative.
    """
    if not SHORTEST_CLIP_MS <= end_ms - start_ms <= LONGEST_CLIP_MS:
        raise ValueError("a clip is between 50 ms and 15 minutes long")
    window = decode_window(path, start_ms, end_ms, measured_ms)
    spans = covers(redactions, window.rate, window.first, window.samples.shape[1])
    for span in spans:  # before anything is worked out from the samples: what is hidden decides about nothing
        window.samples[:, span.start : span.end] = 0
    voice = edited(mixed(window.samples), window.rate, spans)
    rate = clip_rate(window.rate)
    plain = resampled(voice, window.rate, rate, (end_ms - start_ms) * rate // 1000)
    ceiling = TRUE_PEAK_DBTP - _HEADROOM_DB
    target = TARGET_LUFS
    for _ in range(_TRIES):
        level = levelled(plain, rate, ceiling, target)
        mp3 = encode_mp3(level.samples, rate)
        heard = decode_mp3(mp3)
        loudness = measure_loudness(heard, rate)
        over = loudness.true_peak_dbtp - TRUE_PEAK_DBTP
        missed = 0.0 if level.at_most or loudness.lufs is None else TARGET_LUFS - loudness.lufs
        if over <= 0 and abs(missed) <= _LOUDNESS_WITHIN_LU:
            break
        ceiling -= max(0.0, over + 0.1)
        target += missed
    return Rendered(
        mp3=mp3,
        duration_ms=round(len(heard) * 1000 / rate),
        lufs=loudness.lufs,
        true_peak_dbtp=loudness.true_peak_dbtp,
        peaks=_bars(heard),
    )


def mixed(samples: NDArray[np.int16]) -> NDArray[np.int16]:
    """(channels, samples) as mono. A channel wired the other way round is turned first, or the voices would
    cancel out.
    """
    import numpy as np

    if len(samples) == 1:
        return samples[0]
    channels = samples.astype(np.float32)
    loudest = channels[int(np.argmax((channels * channels).sum(axis=1)))]
    for channel in channels:
        if _correlation(loudest, channel) < -0.5:
            channel *= -1
    total: Any = np.rint(channels.mean(axis=0)).astype(np.int16)
    return total


def _correlation(one: NDArray[np.float32], other: NDArray[np.float32]) -> float:
    import numpy as np

    scale = float(np.sqrt(np.dot(one, one) * np.dot(other, other)))
    return float(np.dot(one, other)) / scale if scale else 0.0


def resampled(samples: NDArray[np.int16], rate: int, new_rate: int, length: int) -> NDArray[np.float32]:
    """Mono samples at `new_rate`, in -1..1, exactly `length` of them."""
    import av
    import numpy as np

    resampler = av.AudioResampler("flt", "mono", new_rate)
    pieces: list[Any] = []
    for at in [
        *range(0, len(samples), rate),
        None,
    ]:  # a second at a time: it needs a copy of what it is given
        frame = None
        if at is not None:
            frame = av.AudioFrame.from_ndarray(samples[None, at : at + rate], format="s16p", layout="mono")
            frame.sample_rate, frame.pts = rate, at
        pieces += [out.to_ndarray()[0] for out in resampler.resample(frame)]
    out = np.concatenate(pieces)[:length]
    return out if len(out) == length else np.pad(out, (0, length - len(out)))


def _bars(samples: NDArray[np.float32]) -> list[int]:
    """BARS numbers from 0 to 100 of the loudest."""
    import numpy as np

    magnitudes = np.abs(samples)
    loudest = float(magnitudes.max(initial=0.0))
    edges = np.arange(BARS) * len(samples) // BARS
    if loudest == 0.0:
        return [0] * BARS
    tops = np.maximum.reduceat(magnitudes, edges)
    return [round(100 * float(top) / loudest) for top in tops]
