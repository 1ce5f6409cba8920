"""How near to each other the words of a question stand in a call: in one line, in neighbouring ones, or further apart.

Lines are told by their number in the call and by which parts of the question each holds, as bits.
Invariant: pure; the lines that are chosen hold every part that any line holds.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal
from uuid import UUID

# Lines that far apart still belong to one exchange: a question, its answer and what was said to that.
NEIGHBOURS = 3
FAR = 1 << 30

Within = Literal["line", "neighbours", "call"]


@dataclass(frozen=True, slots=True)
class Held:
    """A line that holds some parts: a bit for each."""

    segment: UUID
    position: int
    bits: int


@dataclass(frozen=True, slots=True)
class Nearest:
    """The lines that together hold the parts and stand closest, and how many lines lie between first and last."""

    segments: tuple[UUID, ...]
    apart: int

    @property
    def within(self) -> Within:
        return "neighbours" if self.apart <= NEIGHBOURS else "call"

    @property
    def tier(self) -> int:
        """For ordering, the nearest first; 0 is one line that holds all, which the index finds by itself."""
        return 1 if self.within == "neighbours" else 2


def nearest(lines: Sequence[Held], parts: int) -> Nearest:
    """Of lines in the order in which they are said; `parts` is how many there are in the question.

    A part that no line holds stands in the call's title: that is nowhere near.
    """
    wanted = 0
    for line in lines:
        wanted |= line.bits
    best = _closest(lines, wanted)
    whole = wanted == (1 << parts) - 1
    chosen = _fewest(best, wanted)
    return Nearest(
        tuple(line.segment for line in chosen),
        best[-1].position - best[0].position if best and whole else FAR,
    )


def _closest(lines: Sequence[Held], wanted: int) -> Sequence[Held]:
    """The shortest run of lines that together hold what is wanted; the earliest of equals."""
    best: Sequence[Held] = ()
    counts: dict[int, int] = {}
    start, missing = 0, wanted.bit_count()
    for end, line in enumerate(lines):
        for bit in _bits(line.bits):
            counts[bit] = counts.get(bit, 0) + 1
            missing -= counts[bit] == 1
        while not missing:
            length = line.position - lines[start].position
            if not best or length < best[-1].position - best[0].position:
                best = lines[start : end + 1]
            for bit in _bits(lines[start].bits):
                counts[bit] -= 1
                missing += counts[bit] == 0
            start += 1
            if start > end:
                break
    return best


def _fewest(lines: Sequence[Held], wanted: int) -> list[Held]:
    """Few of these lines that together hold what is wanted, in order: always the one that adds most."""
    chosen: list[Held] = []
    while wanted:
        line = max(lines, key=lambda each: (each.bits & wanted).bit_count())
        chosen.append(line)
        wanted &= ~line.bits
    return sorted(chosen, key=lambda each: each.position)


def _bits(value: int) -> list[int]:
    return [at for at in range(value.bit_length()) if value >> at & 1]
