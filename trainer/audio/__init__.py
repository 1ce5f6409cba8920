"""Sound: what a recording is, where its loud places are, and the clips that are cut out of it.

Why one room: everything that touches hostile or huge media sits here, so that the rest of the house only
ever sees the small values below. Invariant: a position in milliseconds means the same sample everywhere
(probe, peaks, clip, redaction): sample 0 is the first one that a player plays, and positions count decoded
samples from there.

Importing this package, or any module in it, loads neither av nor numpy: they are imported inside the
functions, which the web process runs in a child (`trainer.audio.child.in_child`), never itself:

    await in_child(probe, path, timeout_s=20)        from trainer.audio.probe import probe
    await in_child(measure, path, on_progress=tell)  from trainer.audio.measure import measure
    await in_child(render, path, 1000, 13_000, [], measured_ms)    from trainer.audio.render import render
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

if TYPE_CHECKING:
    from trainer.audio.peaks import Peaks
    from trainer.audio.turns import Turns

Progress = Callable[[int, int], None]
"""Called with (milliseconds done, milliseconds in all; 0 while that is unknown)."""

LONGEST_RECORDING_MS: Final = 12 * 60 * 60 * 1000
SHORTEST_CLIP_MS: Final = 50
LONGEST_CLIP_MS: Final = 15 * 60 * 1000


def N_(sentence: str) -> str:
    """Mark a sentence for translation (babel keyword `N_`) without translating it here: this room knows no
    reader.
    """
    return sentence


Reason = Literal[
    "empty",
    "unknown_format",
    "no_audio",
    "no_samples",
    "truncated",
    "damaged",
    "sample_rate",
    "too_many_channels",
    "too_many_streams",
    "too_long",
    "too_large",
    "too_slow",
    "too_demanding",
]

SENTENCES: Final[dict[Reason, str]] = {
    "empty": N_("This file is empty."),
    "unknown_format": N_("This is not a sound file that we can read, whatever its name says."),
    "no_audio": N_("There is no sound in this file, only pictures or other data."),
    "no_samples": N_("This file has the header of a recording but no sound after it."),
    "truncated": N_(
        "This file was cut off while it was recorded or copied: its end is missing. Please send it again."
    ),
    "damaged": N_("This file is damaged: its sound cannot be decoded."),
    "sample_rate": N_("This file names a sample rate that no recorder uses, so it was not opened."),
    "too_many_channels": N_("This file has more sound channels than a call can have, so it was not opened."),
    "too_many_streams": N_(
        "This file holds far more streams than a recording can have, so it was not opened."
    ),
    "too_long": N_("This recording is longer than 12 hours. Please split it first."),
    "too_large": N_("This file is larger than 2 GB. Please split it first."),
    "too_slow": N_("Reading this file took far too long, so it was stopped. It is probably damaged."),
    "too_demanding": N_(
        "Reading this file took far too much memory, so it was stopped. It is probably damaged."
    ),
}


class AudioRefused(Exception):
    """This file cannot become a recording or a clip, and no second try will change that.

    `reason` is stable (tables and the API keep it); `sentence` is English and marked for translation.
    """

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason)
        self.reason: Reason = reason

    @property
    def sentence(self) -> str:
        return SENTENCES[self.reason]

    def __str__(self) -> str:
        return f"{self.reason}: {self.sentence}"


@dataclass(frozen=True, slots=True)
class Probe:
    """What the head of a file says. `duration_ms` is what it declares: None where it declares nothing to
    rely on.
    """

    duration_ms: int | None
    channels: int
    sample_rate_hz: int
    codec: str
    container: str


@dataclass(frozen=True, slots=True)
class Measured:
    """What one whole decode found. `duration_ms` counts samples, so any range inside it can be cut."""

    duration_ms: int
    channels: int
    sample_rate_hz: int
    codec: str
    peaks: Peaks
    turns: Turns


@dataclass(frozen=True, slots=True)
class Redaction:
    """A span of the *recording* (milliseconds) that no clip may let anyone hear."""

    start_ms: int
    end_ms: int
    mode: Literal["beep", "silence"] = "beep"


@dataclass(frozen=True, slots=True)
class Rendered:
    """A clip: mono MP3 bytes, and what was measured on them after decoding them again.

    `lufs` is None under 0.4 s and for silence (integrated loudness is not defined there); `true_peak_dbtp`
    is -120.0 for silence; `peaks` are 120 bars, 0..100 of the clip's loudest.
    """

    mp3: bytes
    duration_ms: int
    lufs: float | None
    true_peak_dbtp: float
    peaks: list[int]
