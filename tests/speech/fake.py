"""An engine for tests: it hears tones. Each stretch of sound in a channel is one word; what it was told, it says."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from trainer.speech import RATE, Progress, SpeechCancelled, SpeechUnavailable, Word

HOP_MS = 20


@dataclass(frozen=True, slots=True)
class Fake:
    """Says `words` one after the other, a word for each stretch of sound; sleeps `slow_s` before each."""

    words: tuple[str, ...] = ("one", "two", "three", "four")
    slow_s: float = 0.0
    broken: bool = False

    @property
    def name(self) -> str:
        return "fake"

    def check(self) -> None:
        if self.broken:
            raise SpeechUnavailable("The fake is broken.")

    def transcribe(
        self, pcm: Any, language: str, on_progress: Progress, cancelled: Callable[[], bool]
    ) -> list[Word]:
        self.check()
        total = len(pcm) * 1000 // RATE
        found: list[Word] = []
        for start, end in stretches(pcm):
            if cancelled():
                raise SpeechCancelled
            time.sleep(self.slow_s)
            found.append(Word(start, end, self.words[len(found) % len(self.words)]))
            on_progress(end, total)
        return found


def stretches(pcm: Any) -> list[tuple[int, int]]:
    """Where there is sound, as (start, end) in ms."""
    hop = RATE * HOP_MS // 1000
    loud = [abs(pcm[at : at + hop]).max() > 0.05 for at in range(0, len(pcm), hop)]
    edges = [n for n in range(len(loud) + 1) if (n < len(loud) and loud[n]) != (n > 0 and loud[n - 1])]
    return [(a * HOP_MS, b * HOP_MS) for a, b in zip(edges[::2], edges[1::2], strict=True)]
