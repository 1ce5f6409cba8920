"""The lines of a call as they are searched for personal data, and what was talked of in each. Pure.

Invariant: what is found in them is told in places of the lines' own text, as they are written.
"""

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from trainer.calls.spoken_numbers import Plain, runs
from trainer.calls.telling_words import CONTEXTS

Kind = Literal["card", "code", "number", "phone", "email", "birth_date", "name", "address"]
KINDS: tuple[Kind, ...] = ("card", "code", "number", "phone", "email", "birth_date", "name", "address")


# How far back, in characters and in lines, a word still tells what a number is.
CONTEXT = 160
_LINES_BEFORE = 2
# Whose phone numbers are tried, by the language of the call; the first ones are the likeliest.
_REGIONS = {"zh": ("CN", "TW", "HK", "SG"), "en": ("GB", "US", "AU", "IE", "IN", "NZ", "ZA", "SG", "PH")}


class Spoken(Protocol):
    """A line of a transcript. `speaker` tells voices apart; equal ones are one voice."""

    @property
    def speaker(self) -> str: ...
    @property
    def text(self) -> str: ...


@dataclass(frozen=True, slots=True, order=True)
class Piece:
    """A part of a line's text, characters [start, end)."""

    line: int
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Found:
    """Personal data, in one piece or, where it was said over several lines, in one for each line."""

    kind: Kind
    pieces: tuple[Piece, ...]


class Call:
    """The lines of all voices as they are searched, and what was talked of in each."""

    def __init__(self, texts: Sequence[Plain], language: str) -> None:
        self.texts, self.language = texts, language
        self._topics: dict[int, list[tuple[int, int, int]]] = {}
        self._rings: dict[str, bool] = {}

    def topics(self, line: int) -> list[tuple[int, int, int]]:
        """The words of a line that tell of a kind: (start, end, place of the kind in CONTEXTS)."""
        if line not in self._topics:
            self._topics[line] = [
                (*match.span(), kind)
                for kind, (ahead, _behind) in enumerate(CONTEXTS.values())
                for match in ahead.finditer(self.texts[line].lower)
            ]
        return self._topics[line]

    def about(self, line: int, start: int, end: int) -> str | None:
        """Of which kind of number was talked last before [start, end) of a line; what comes right after comes first."""
        text = self.texts[line].lower
        for kind, (_ahead, behind) in CONTEXTS.items():
            if behind is not None and behind.match(text, end):
                return kind
        reach = CONTEXT
        for earlier in range(line, max(-1, line - _LINES_BEFORE - 1), -1):
            place = start if earlier == line else len(self.texts[earlier].lower)
            said = [
                (min(ended, place), -kind)
                for began, ended, kind in self.topics(earlier)
                if place - reach <= began < place
            ]
            if said:
                return list(CONTEXTS)[-max(said)[1]]
            reach -= place
            if reach <= 0:
                break
        return None

    def rings(self, digits: str) -> bool:
        """Whether it is a telephone number of one of the likely countries."""
        if digits not in self._rings:
            self._rings[digits] = _rings(digits, self.language)
        return self._rings[digits]


class Stream:
    """Lines in one text, so that what goes on in the next line is found, and the way back to the lines."""

    def __init__(self, call: Call, lines: Sequence[int]) -> None:
        self.call, self.texts, self.lines = call, call.texts, lines
        texts = call.texts
        self.starts: list[int] = []
        at = 0
        for line in lines:
            self.starts.append(at)
            at += len(texts[line].lower) + 1
        self.lower = "\n".join(texts[line].lower for line in lines)
        self.cased = "\n".join(texts[line].cased for line in lines)
        self.runs = runs(self.lower)

    def place(self, at: int) -> tuple[int, int]:
        """The line, and the place in its plain text, of a place in the stream."""
        index = bisect_right(self.starts, at) - 1
        return self.lines[index], at - self.starts[index]

    def found(self, kind: Kind, spans: Iterable[tuple[int, int]]) -> Found:
        """Spans of the stream as pieces of the lines' own texts, one for each line."""
        ends: dict[int, tuple[int, int]] = {}
        for start, end in spans:
            for line, begin, stop in self._by_line(start, end):
                before = ends.get(line, (begin, stop))
                ends[line] = (min(before[0], begin), max(before[1], stop))
        pieces = []
        for line, (begin, stop) in sorted(ends.items()):
            pieces.append(Piece(line, *self.texts[line].back(begin, stop)))
        return Found(kind, tuple(pieces))

    def _by_line(self, start: int, end: int) -> Iterator[tuple[int, int, int]]:
        for index in range(max(0, bisect_right(self.starts, start) - 1), bisect_right(self.starts, end)):
            line = self.lines[index]
            begin = max(0, start - self.starts[index])
            stop = min(len(self.texts[line].lower), end - self.starts[index])
            if begin < stop and self.texts[line].lower[begin:stop].strip():
                yield line, begin, stop

    def about(self, start: int, end: int) -> str | None:
        """Which kind of number was talked of by anybody before [start, end) of this stream, or right after."""
        line, place = self.place(start)
        return self.call.about(line, place, place + end - start)


def _rings(digits: str, language: str) -> bool:
    import phonenumbers  # here: it costs memory, and most lines hold no such number

    for region in (*_REGIONS.get(language[:2], ()), *_REGIONS["en"]):
        try:
            if phonenumbers.is_valid_number(phonenumbers.parse(digits, region)):
                return True
        except phonenumbers.NumberParseException:
            continue
    return False
