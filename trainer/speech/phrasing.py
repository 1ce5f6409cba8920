"""From the words of each voice to the lines of a conversation. Pure: no I/O.

Invariant: lines come in order of their start, and no word is lost or doubled.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from trainer.speech import Word

# A breath within a sentence is shorter; whoever is silent for longer begins anew.
PAUSE_MS = 900
# Where a sentence ends, a shorter pause will do, once the line has some length.
SENTENCE_PAUSE_MS = 250
LONG_MS = 8_000
LONGEST_MS = 20_000
LETTERS = 300

_ENDS = re.compile(r"[.!?。！？…][\"'”’」』)]?$")
_HAN = "\u3000-\u30ff\u3400-\u9fff\uf900-\ufaff\uff00-\uffef"
_CLOSE = re.compile(rf"[{_HAN}]")


@dataclass(frozen=True, slots=True)
class Turn:
    """What one voice says in one go."""

    speaker: str
    words: tuple[Word, ...]

    @property
    def start_ms(self) -> int:
        return self.words[0].start_ms

    @property
    def end_ms(self) -> int:
        return max(self.words[-1].end_ms, self.start_ms + 1)

    @property
    def text(self) -> str:
        return joined([word.text for word in self.words])


def turns(voices: Sequence[tuple[str, Sequence[Word]]]) -> list[Turn]:
    """The lines of (speaker, words) per voice, in the order in which they are said."""
    found = [Turn(speaker, line) for speaker, words in voices for line in _lines(words)]
    return sorted(found, key=lambda turn: (turn.start_ms, turn.end_ms))


def _lines(words: Sequence[Word]) -> Iterator[tuple[Word, ...]]:
    line: list[Word] = []
    for word in words:
        if line and _breaks(line, word):
            yield tuple(line)
            line = []
        line.append(word)
    if line:
        yield tuple(line)


def _breaks(line: Sequence[Word], word: Word) -> bool:
    pause = word.start_ms - line[-1].end_ms
    length = line[-1].end_ms - line[0].start_ms
    ended = _ENDS.search(line[-1].text) is not None
    letters = sum(len(each.text) + 1 for each in line)
    if pause >= PAUSE_MS or length >= LONGEST_MS or letters >= LETTERS:
        return True
    return ended and (pause >= SENTENCE_PAUSE_MS or length >= LONG_MS)


def joined(words: Sequence[str]) -> str:
    """Words as one text: blanks between them, none beside Han."""
    text = ""
    for word in words:
        close = not text or _CLOSE.match(text[-1]) or _CLOSE.match(word[0])
        text += word if close else f" {word}"
    return text
