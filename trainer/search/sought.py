"""What somebody typed into the search box, as parts that a text must hold, and the same for the index.

Words stand apart by spaces; a word of three letters or more also finds longer ones (`refund` finds `refunds`);
quotes ask for exactly these words in this order; with - in front, a word or quote leaves out what has it. Chinese
needs no spaces: characters that stand together are looked for together, one or two of them as well.
Invariant: what the index finds for a `Sought` and what `places` finds in the text is the same.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from trainer.words import Place, Unit, find_units, is_han, merged, units

MOST_CHARACTERS = 200
MOST_PARTS = 12
PREFIX_FROM = 3

# one hyphen or minus of each width; a second one belongs to the word and means nothing there
_CHUNK = re.compile(r'([-−－]?)(?:"([^"]*)"|“([^”]*)”|「([^」]*)」|『([^』]*)』|([^\s"“”「」『』]+))')


@dataclass(frozen=True, slots=True)
class Part:
    """Words that stand one after the other; with `prefix`, longer words count for the last one."""

    words: tuple[str, ...]
    prefix: bool = False

    @property
    def indexed(self) -> tuple[str, ...]:
        """The same as it stands in the index: a pair of Han characters is one word there."""
        found = sequence(self.words)
        pairs = [is_han(one) and is_han(two) for one, two in zip(self.words, self.words[1:], strict=False)]
        # a pair tells its characters already
        first = 1 if pairs and pairs[0] else 0
        last = len(found) - (1 if pairs and pairs[-1] else 0)
        return tuple(found[first:last])

    @property
    def scattered(self) -> list["Part"]:
        """Its words by themselves, as an index without places of words has them."""
        *others, last = self.indexed
        return [*(Part((word,)) for word in others), Part((last,), self.prefix)]

    def held_by(self, among: Sequence[Unit]) -> bool:
        """Whether it stands somewhere in these units."""
        return next(find_units(self.words, among, prefix=self.prefix), None) is not None


@dataclass(frozen=True, slots=True)
class Sought:
    """All parts of what was typed, and those of which there must be none; without parts there is nothing to find."""

    parts: tuple[Part, ...] = ()
    without: tuple[Part, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.parts)

    def places(self, text: str) -> list[Place] | None:
        """Where the parts stand in a text; None unless it holds all of them. What is left out is not looked for: a
        line is part of more."""
        among = units(text)
        held = self.parts and all(part.held_by(among) for part in self.parts)
        return self._places(among) if held else None

    def some_places(self, text: str) -> list[Place]:
        """Where any of the parts stands, for a text of several fields that together hold all."""
        return self._places(units(text))

    def held_by(self, texts: Sequence[str]) -> bool:
        """Whether each part stands in one of these texts, and nothing that is left out in any."""
        split = [units(text) for text in texts]

        def has(part: Part) -> bool:
            return any(part.held_by(each) for each in split)

        return all(has(part) for part in self.parts) and not any(has(part) for part in self.without)

    def _places(self, among: list[Unit]) -> list[Place]:
        found: list[Place] = []
        for part in self.parts:
            length = len(part.words)
            starts = find_units(part.words, among, prefix=part.prefix)
            found += [(among[at].start, among[at + length - 1].end) for at in starts]
        return merged(found)


@lru_cache(maxsize=100)
def read_sought(typed: str) -> Sought:
    """What was typed, as parts. What is longer than anybody types is cut."""
    parts: list[Part] = []
    without: list[Part] = []
    for chunk in _CHUNK.finditer(typed[:MOST_CHARACTERS]):
        minus, *quoted, plain = chunk.groups()
        exact = next((each for each in quoted if each is not None), None)
        words = tuple(unit.word for unit in units(plain if exact is None else exact))
        if not words:
            continue
        prefix = exact is None and not is_han(words[-1]) and len(words[-1]) >= PREFIX_FROM
        part, among = Part(words, prefix), without if minus else parts
        if part not in among and len(parts) + len(without) < MOST_PARTS:
            among.append(part)
    return Sought(tuple(parts), tuple(without))


def places_in_line(typed: str, text: str) -> list[Place]:
    """Where any of the words that were typed stand in a line of a call whose lines together hold them."""
    return read_sought(typed).some_places(text)


def sequence(words: Sequence[str]) -> list[str]:
    """Words as the index holds them: after a Han character that another follows, the two as a pair.

    So two characters are one look-up, and longer runs are phrases of rare words instead of common ones.
    """
    found: list[str] = []
    for at, word in enumerate(words):
        found.append(word)
        if at + 1 < len(words) and is_han(word) and is_han(words[at + 1]):
            found.append(word + words[at + 1])
    return found


def indexed(text: str) -> str:
    """A text as it stands in the index: its words with one space between them."""
    return " ".join(sequence([unit.word for unit in units(text)]))
