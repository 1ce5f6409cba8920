"""Words in a text as people mean them, whatever their case, accents, apostrophes or script.

A *unit* is what is compared: a word, or one Han or Kana character, as Chinese has no spaces. Search and phrase hints
look for units, and what they mark lies at the same places in the text as it is written. Two versions of a text are
compared here too, within a bound.
Invariant: pure; text comes in and places in that very text come out, never markup.
"""

import unicodedata
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from functools import lru_cache
from itertools import accumulate
from typing import Any, Protocol

LONGEST_UNIT = 64
_APOSTROPHES = frozenset("'’ʼ＇‘")


class Spoken(Protocol):
    """One turn of a transcript: who says what from when to when (ms)."""

    @property
    def start_ms(self) -> int: ...
    @property
    def end_ms(self) -> int: ...
    @property
    def speaker(self) -> str: ...
    @property
    def text(self) -> str: ...


class Turn(Spoken, Protocol):
    """One with the times of its words: (start_ms, end_ms, text), or none."""

    @property
    def words(self) -> Sequence[tuple[int, int, str]]: ...


@dataclass(frozen=True, slots=True)
class Unit:
    """One word or Han character: folded for comparing, and where it stands in the text."""

    word: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of a text; `hit` where it is what was looked for."""

    text: str
    hit: bool = False


Place = tuple[int, int]


def units(text: str) -> list[Unit]:
    """The units of a text in order. `don't` is one word; whatever is no letter and no digit parts words."""
    found: list[Unit] = []
    word, start, end = "", 0, 0

    def close() -> None:
        nonlocal word
        if word:
            found.append(Unit(word[:LONGEST_UNIT], start, end))
        word = ""

    for at, character in enumerate(text):
        folded = _folded(character)
        if not folded:
            if word and unicodedata.combining(character):
                end = at + 1
            elif not (word and character in _APOSTROPHES and _folded(text[at + 1 : at + 2])):
                close()
        elif is_han(folded):
            close()
            found.append(Unit(folded, at, at + 1))
        else:
            start = start if word else at
            word, end = word + folded, at + 1
    close()
    return found


@lru_cache(maxsize=20_000)
def _folded(character: str) -> str:
    """A character as it is compared; "" for one that parts words."""
    if not character:
        return ""
    # Latin, Greek and Cyrillic letters lose their accents; Kana and Hangul would lose what tells them apart
    accented = ord(character) < 0x2000
    plain = unicodedata.normalize("NFKD" if accented else "NFKC", character).casefold()
    folded = "".join(each for each in plain if each.isalnum())
    return _one_script(folded) if folded and is_han(folded) else folded


def _one_script(character: str) -> str:
    """A Han character as simplified writing has it, so that 話 and 话 are the same; always one for one, so that
    what is marked in the text lies where it is written."""
    simplified: str = _converter().convert(character)
    return simplified if len(simplified) == len(character) else character


@lru_cache(maxsize=1)
def _converter() -> Any:
    """Loaded with the first Han character (50 ms): many centres never have one."""
    import opencc

    # as Taiwan writes: it knows all of plain traditional writing too, and 裡, 著 and 臺
    return opencc.OpenCC("tw2s")


def is_han(word: str) -> bool:
    """Whether a unit is a Han or Kana character, which stands by itself."""
    code = ord(word[0])
    return (
        0x3400 <= code <= 0x9FFF
        or 0x3005 <= code <= 0x3007
        or 0x3040 <= code <= 0x30FF
        or 0xF900 <= code <= 0xFAFF
        or 0x20000 <= code <= 0x3FFFF
    )


def find_units(wanted: Sequence[str], among: Sequence[Unit], *, prefix: bool = False) -> Iterator[int]:
    """Each index in `among` from which on the wanted words stand one after the other.

    `prefix`: of the last one, the beginning is enough.
    """
    length = len(wanted)
    if not length:
        return
    first, last = wanted[0], wanted[-1]
    for at in range(len(among) - length + 1):
        begins = among[at].word
        if begins != first and not (prefix and length == 1 and begins.startswith(first)):
            continue
        ends = among[at + length - 1].word
        if ends != last and not (prefix and ends.startswith(last)):
            continue
        if all(among[at + n].word == wanted[n] for n in range(1, length - 1)):
            yield at


def merged(places: Iterable[Place]) -> list[Place]:
    """Places in order, those that touch or overlap made one."""
    result: list[Place] = []
    for start, end in sorted(places):
        if result and start <= result[-1][1]:
            result[-1] = (result[-1][0], max(end, result[-1][1]))
        else:
            result.append((start, end))
    return result


def pieces(text: str, places: Iterable[Place]) -> list[Piece]:
    """The text in parts, those at `places` marked as hits; a template escapes each."""
    result: list[Piece] = []
    past = 0
    for start, end in merged(places):
        if start > past:
            result.append(Piece(text[past:start]))
        result.append(Piece(text[start:end], hit=True))
        past = end
    if past < len(text):
        result.append(Piece(text[past:]))
    return result


def excerpt(text: str, places: Sequence[Place], most: int = 220) -> list[Piece]:
    """The same, of a long text only about `most` characters around the first place, with … where it was cut."""
    if len(text) <= most:
        return pieces(text, places)
    first = min((start for start, _end in places), default=0)
    begin = max(0, min(first - most // 3, len(text) - most))
    end = begin + most
    # not in the middle of a word, unless the word is very long
    if begin and (space := text.find(" ", begin, begin + 20)) != -1 and space < first:
        begin = space + 1
    if end < len(text) and (space := text.rfind(" ", end - 20, end)) != -1:
        end = space
    inside = [
        (max(s, begin) - begin, min(e, end) - begin) for s, e in merged(places) if s < end and e > begin
    ]
    cut = pieces(text[begin:end], inside)
    return [*([Piece("…")] if begin else []), *cut, *([Piece("…")] if end < len(text) else [])]


# Comparing two versions

# About half a second of work, for all that one answer compares.
MOST_STEPS = 8_000_000

Opcode = tuple[str, int, int, int, int]


@dataclass(slots=True)
class Effort:
    """How many steps comparing may still take; one is shared by all that is compared for one answer."""

    left: int = MOST_STEPS


class _TooMuch(Exception):
    """Going on would take more steps than are left."""


class _Bounded(SequenceMatcher[Hashable]):
    """Counts, before each look for the longest run, the pairs of the same that it goes through.

    Neither the length of texts nor one count of their pairs bounds the work: what repeats is looked through once for
    every run that is found, which takes the third power of its length.
    """

    b2j: dict[Hashable, list[int]]

    def __init__(
        self,
        old: Sequence[Hashable],
        new: Sequence[Hashable],
        effort: Effort,
        beside: Callable[[Hashable], bool] | None,
    ) -> None:
        super().__init__(beside, old, new, autojunk=False)
        self._effort = effort
        self._steps = [*accumulate((1 + len(self.b2j.get(one, ())) for one in old), initial=0)]

    def find_longest_match(self, alo: int = 0, ahi: int | None = None, *within: Any) -> Any:
        steps = self._steps[-1 if ahi is None else ahi] - self._steps[alo]
        if steps > self._effort.left:
            raise _TooMuch
        self._effort.left -= steps
        return super().find_longest_match(alo, ahi, *within)


def differences(
    old: Sequence[Hashable],
    new: Sequence[Hashable],
    effort: Effort,
    *,
    beside: Callable[[Hashable], bool] | None = None,
) -> list[Opcode]:
    """What stayed, went and came, as `SequenceMatcher.get_opcodes` tells it.

    What lies between the same beginning and end is one `unknown` where comparing it takes more than is left of the
    effort. `beside`: what counts only next to something that stayed, such as spaces.
    """
    short = min(len(old), len(new))
    head = next((n for n in range(short) if old[n] != new[n]), short)
    tail = next((n for n in range(short - head) if old[-1 - n] != new[-1 - n]), short - head)
    b, d = len(old) - tail, len(new) - tail
    between: list[Opcode]
    try:
        inner = _Bounded(old[head:b], new[head:d], effort, beside).get_opcodes()
        between = [(kind, head + i, head + j, head + k, head + m) for kind, i, j, k, m in inner]
    except _TooMuch:
        between = [("unknown", head, b, head, d)]
    found = [("equal", 0, head, 0, head), *between, ("equal", b, len(old), d, len(new))]
    return [code for code in found if code[1] < code[2] or code[3] < code[4]]
