"""Who speaks when, as far as loudness tells: the longest silence of a call, and how long both spoke at once.

Why: of a hundred calls nobody has the time to hear, those in which it falls silent or people talk over each other
are worth an ear. Invariant: what cannot be told is None, never a guess: without a channel for each side nobody knows
who spoke, and one sound in both channels is not two people.

Loudness is compared with the call's own: a channel speaks where it is well above its quietest and not far below its
loudest. Hiss alone is nobody; a beep or music is not silence.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Frames = NDArray[np.bool_]
    Levels = NDArray[np.float32]

LEVELS_PER_SECOND: Final = 50
NOTHING: Final = 255  # the level of digital silence

_FRAME_MS: Final = 1000 // LEVELS_PER_SECOND
# Thresholds in dB: over a channel's quietest, under its loudest, and what is too quiet to be anybody.
_OVER_FLOOR: Final = 9.0
_UNDER_SPEECH: Final = 28.0
_STEADY: Final = 12.0
_QUIETEST_DBFS: Final = -55.0
_HISS_DBFS: Final = -40.0
_HISS_SPAN: Final = 10.0
# So much quieter than the other side, each against its own voice, it is the other side heard through the line.
_BLEED: Final = 15.0
_ECHO_MS: Final = 300
# Pauses inside a sentence, and clicks; an "mhm" is not talking over somebody.
_BREATH_MS: Final = 300
_CLICK_MS: Final = 100
_INTERRUPTION_MS: Final = 500
_ALIKE: Final = 0.9


@dataclass(frozen=True, slots=True)
class Turns:
    """Milliseconds in the recording. Silence counts between the first and the last word only; of a call without a
    word it is all of it. The moments are where the longest silence, and the longest talking at once, begin.
    """

    longest_silence_ms: int
    silence_at_ms: int
    talk_over_ms: int | None
    talk_over_at_ms: int | None


def as_level(mean_square: NDArray[np.float64]) -> bytes:
    """Mean squares (full scale 1) as bytes in half decibels below full scale."""
    import numpy as np

    with np.errstate(divide="ignore"):
        halves = np.rint(-20 * np.log10(mean_square))
    return np.nan_to_num(np.clip(halves, 0, NOTHING), nan=NOTHING).astype(np.uint8).tobytes()


def turns(levels: Sequence[bytes], alike: float = 0.0) -> Turns:
    """Silence and talk-over of a whole recording, from `as_level` of each channel, 50 a second.

    `alike`: how far two channels hold one sound, 0 to 1 (the correlation of their samples).
    """
    import numpy as np

    heard = [_Channel.of(channel) for channel in levels]
    speaking = [_smoothed(channel.speaking(heard)) for channel in heard]
    count = len(speaking[0]) if speaking else 0
    anybody = np.logical_or.reduce(speaking) if count else np.zeros(0, bool)
    silence = _longest(_between_words(anybody))
    sides = [side for side in speaking if side.any()]
    if len(sides) < 2 or (len(levels) == 2 and alike > _ALIKE):
        return Turns(silence[1], silence[0], None, None)
    both = np.sum(sides, axis=0) > 1
    runs = [(start, end) for start, end in _runs(both) if (end - start) * _FRAME_MS >= _INTERRUPTION_MS]
    longest = max(runs, key=lambda run: run[1] - run[0], default=None)
    total = sum(end - start for start, end in runs) * _FRAME_MS
    return Turns(silence[1], silence[0], total, longest[0] * _FRAME_MS if longest else None)


@dataclass(frozen=True, slots=True)
class _Channel:
    """One side of a call in dBFS, and how loud it is when it speaks; None where it never does."""

    dbfs: Levels
    speech: float | None
    threshold: float

    @classmethod
    def of(cls, levels: bytes) -> _Channel:
        import numpy as np

        stored = np.frombuffer(levels, np.uint8)
        dbfs = stored.astype(np.float32) * np.float32(-0.5)
        sounding = np.sort(dbfs[stored < NOTHING])
        if not len(sounding):
            return cls(dbfs, None, 0.0)
        loudest = max(LEVELS_PER_SECOND // 2, len(sounding) // 100)
        speech = float(sounding[-min(loudest, len(sounding))])
        floor = float(sounding[len(sounding) // 10])
        if speech < _HISS_DBFS and speech - floor < _HISS_SPAN:
            return cls(dbfs, None, 0.0)
        over = min(speech - _STEADY, max(floor + _OVER_FLOOR, speech - _UNDER_SPEECH))
        return cls(dbfs, speech, max(_QUIETEST_DBFS, over))

    def speaking(self, all_sides: Sequence[_Channel]) -> Frames:
        """Where this side is loud enough and not merely the echo of another."""
        import numpy as np

        if self.speech is None:
            return np.zeros(len(self.dbfs), bool)
        loud: Frames = self.dbfs > self.threshold
        for other in all_sides:
            if other is not self and other.speech is not None:
                loud &= self.dbfs - self.speech > _lingering(other.dbfs) - other.speech - _BLEED
        return loud


def _lingering(dbfs: Levels) -> Levels:
    """The loudest of the last moments: an echo comes late."""
    import numpy as np

    frames = _ECHO_MS // _FRAME_MS
    before = np.concatenate((np.full(frames, dbfs.min(initial=0), np.float32), dbfs))
    loudest: Levels = np.lib.stride_tricks.sliding_window_view(before, frames + 1).max(axis=1)
    return loudest


def _smoothed(frames: Frames) -> Frames:
    """Short pauses filled, clicks taken out."""
    frames = frames.copy()
    for start, end in _runs(~frames):
        if start > 0 and end < len(frames) and (end - start) * _FRAME_MS < _BREATH_MS:
            frames[start:end] = True
    for start, end in _runs(frames):
        if (end - start) * _FRAME_MS < _CLICK_MS:
            frames[start:end] = False
    return frames


def _between_words(speaking: Frames) -> Frames:
    """Where nobody speaks, after the first and before the last word; everywhere when nobody ever does."""
    import numpy as np

    words = np.flatnonzero(speaking)
    silent: Frames = ~speaking
    if len(words):
        silent[: words[0]] = False
        silent[words[-1] :] = False
    return silent


def _longest(frames: Frames) -> tuple[int, int]:
    """(start, length) of the longest run, in ms; (0, 0) without one."""
    start, end = max(_runs(frames), key=lambda run: run[1] - run[0], default=(0, 0))
    return start * _FRAME_MS, (end - start) * _FRAME_MS


def _runs(frames: Frames) -> list[tuple[int, int]]:
    """Where true ones begin and end."""
    import numpy as np

    edges = np.flatnonzero(np.diff(np.concatenate(([0], frames.astype(np.int8), [0]))))
    return [(int(start), int(end)) for start, end in edges.reshape(-1, 2)]
