"""Editing a clip's sound: soft ends, and spans that nobody may hear.

Why: pydub cuts and joins, sample-exact where it is asked in samples (its milliseconds round). Invariant:
inside a redaction no sample of the call is left, only a tone or nothing; outside redactions and fades every
sample is the call's.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import reduce
from operator import add
from typing import TYPE_CHECKING, Final, Literal

from trainer.audio import Redaction

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from pydub import AudioSegment

FADE_MS: Final = 15
_TONE_HZ: Final = 1000
_TONE_FADE_MS: Final = 5
# The tone is as loud as the voices around it, within what is neither inaudible nor a shock (dBFS, RMS).
_QUIETEST_TONE, _LOUDEST_TONE, _TONE_ALONE = -45.0, -15.0, -23.0


@dataclass(frozen=True, slots=True)
class Cover:
    """Samples [start, end) of a window that are replaced."""

    start: int
    end: int
    mode: Literal["beep", "silence"]


def covers(redactions: Iterable[Redaction], rate: int, first: int, samples: int) -> list[Cover]:
    """Redactions of the recording as disjoint, ordered spans of a window that begins at sample `first`.

    Rounded outwards, so that no sample of a redacted span is left; where two overlap, the one that begins
    first wins. Raises ValueError for a redaction that does not end after it starts.
    """
    found: list[Cover] = []
    at = 0
    for redaction in sorted(redactions, key=lambda redaction: (redaction.start_ms, redaction.end_ms)):
        if redaction.end_ms <= redaction.start_ms:
            raise ValueError("a redaction must end after it starts")
        start = max(at, redaction.start_ms * rate // 1000 - first)
        end = min(samples, -(-redaction.end_ms * rate // 1000) - first)
        if end > start:
            found.append(Cover(start, end, redaction.mode))
            at = end
    return found


def edited(
    samples: NDArray[np.int16], rate: int, spans: Sequence[Cover], fade_ms: int = FADE_MS
) -> NDArray[np.int16]:
    """The mono samples with `spans` covered and both ends faded; as many samples as came in."""
    import numpy as np

    call = _segment(samples, rate)
    tone_level = _tone_level(samples, spans) if any(span.mode == "beep" for span in spans) else _TONE_ALONE
    pieces = []
    at = 0
    for span in spans:
        pieces.append(call.get_sample_slice(at, span.start))
        length = span.end - span.start
        pieces.append(_tone(rate, length, tone_level) if span.mode == "beep" else _silence(rate, length))
        at = span.end
    pieces.append(call.get_sample_slice(at, len(samples)))
    joined = reduce(add, pieces)
    faded = _faded(joined, len(samples), rate, fade_ms)
    return np.frombuffer(faded.raw_data, np.int16)


def _segment(samples: NDArray[np.int16], rate: int) -> AudioSegment:
    from pydub import AudioSegment

    return AudioSegment(data=samples.tobytes(), sample_width=2, frame_rate=rate, channels=1)


def _silence(rate: int, length: int) -> AudioSegment:
    from pydub import AudioSegment

    return AudioSegment(data=bytes(2 * length), sample_width=2, frame_rate=rate, channels=1)


def _tone(rate: int, length: int, level: float) -> AudioSegment:
    """`length` samples of a 1 kHz tone at `level` dBFS (RMS) with soft ends."""
    from pydub.generators import Sine

    # 1 s holds whole periods, so that it can be repeated without a click; pydub makes tones sample by
    # sample, slowly
    second = Sine(_TONE_HZ, sample_rate=rate, bit_depth=16).to_audio_segment(
        duration=1000, volume=level + 3.0
    )
    tone = (second * (length // rate + 1)).get_sample_slice(0, length)
    return _faded(tone, length, rate, _TONE_FADE_MS)


def _faded(sound: AudioSegment, length: int, rate: int, fade_ms: int) -> AudioSegment:
    """Fades on pieces of exactly `fade_ms`: pydub would round where they meet the rest."""
    edge = rate * fade_ms // 1000
    if length < 3 * edge or not edge:
        return sound
    head = sound.get_sample_slice(0, edge).fade_in(fade_ms)
    tail = sound.get_sample_slice(length - edge, length).fade_out(fade_ms)
    return head + sound.get_sample_slice(edge, length - edge) + tail


def _tone_level(samples: NDArray[np.int16], spans: Sequence[Cover]) -> float:
    import numpy as np

    heard = np.ones(len(samples), bool)
    for span in spans:
        heard[span.start : span.end] = False
    rest = samples[heard].astype(np.float32)
    rms = float(np.sqrt(np.mean(rest * rest))) / 32768 if rest.size else 0.0
    if rms < 1e-4:
        return _TONE_ALONE
    return min(_LOUDEST_TONE, max(_QUIETEST_TONE, 20 * math.log10(rms)))
