"""Speech recognition: from sound to words with times, behind one small interface, in whatever way a centre has it.

None is the default. An engine is a picklable value whose `transcribe` runs in a child process (`listening`), where it
may take its time and be killed; nothing here is imported by an engine that nobody chose. No engine reaches for the
network: what it needs lies in a folder that somebody put there.
Invariant: words come in order of their start, in milliseconds from the first sample, and each holds something said.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from trainer.settings import Settings

RATE: Final = 16_000

Progress = Callable[[int, int], None]
"""Called with (milliseconds done, milliseconds in all)."""


class SpeechCancelled(Exception):
    """Somebody does not want the words any more."""


class SpeechUnavailable(Exception):
    """The engine cannot work here as it is set up; the message, for operators, says why and what to do."""


@dataclass(frozen=True, slots=True)
class Word:
    """One word as it is written, with what stands before and after it; times in milliseconds."""

    start_ms: int
    end_ms: int
    text: str


class Engine(Protocol):
    """What recognises speech. One value serves many pieces of sound; the first may take long to begin."""

    @property
    def name(self) -> str:
        """What operators know it by."""
        ...

    def check(self) -> None:
        """Raises SpeechUnavailable when it could not work, without loading it."""
        ...

    def transcribe(
        self,
        pcm: NDArray[np.float32],
        language: str,
        on_progress: Progress,
        cancelled: Callable[[], bool],
    ) -> list[Word]:
        """The words of one voice: mono, RATE Hz, -1 to 1; `language` is a tag such as en or zh-Hans.

        Raises SpeechCancelled soon after `cancelled()` comes true, SpeechUnavailable when it cannot begin.
        """
        ...


_engine: list[Engine] = []


def set_up(settings: Settings) -> None:
    """Choose the engine of this process from the settings; loads nothing."""
    use(engine_of(settings))


def use(engine: Engine | None) -> None:
    """Choose an engine by hand; None: no recognition."""
    _engine[:] = [engine] if engine is not None else []


def engine() -> Engine | None:
    """The engine that this centre has."""
    return _engine[0] if _engine else None


def engine_of(settings: Settings) -> Engine | None:
    """The engine that the settings name."""
    if settings.asr == "whisper":
        from trainer.speech.whisper import Whisper

        return Whisper(str(settings.asr_model or ""))
    return None
