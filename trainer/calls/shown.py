"""A call's transcript as it is read on its page: each line with the words that were searched for and the phrases that
have a better way, marked where they stand.

Invariant: a line's parts put together are its text as it is kept; a template escapes each.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from trainer.calls.views import SegmentView
from trainer.rulebook.phrases import Hint
from trainer.words import Place

# An upper room says where the words that somebody typed into a search stand in a line; by name, in app.py.
searched: dict[str, Callable[[str, str], list[Place]]] = {}


@dataclass(frozen=True, slots=True)
class Part:
    """Words of a line: `hit` where they were searched for, `hint` where there is a better way to say them."""

    text: str
    hit: bool = False
    hint: bool = False


@dataclass(frozen=True, slots=True)
class ShownLine:
    """One turn, times in the recording (ms). `here`: the moment that somebody came for lies in it."""

    position: int
    start_ms: int
    speaker: str
    parts: list[Part]
    hints: list[Hint]
    here: bool


def shown_lines(
    lines: Sequence[SegmentView], hints: Sequence[Hint], *, typed: str = "", at_ms: int | None = None
) -> list[ShownLine]:
    """The lines of a call; `typed` is what was searched for, `at_ms` where somebody wants to begin."""
    of_line: dict[int, list[Hint]] = {}
    for hint in hints:
        of_line.setdefault(hint.position, []).append(hint)
    before = [line for line in lines if at_ms is not None and line.start_ms <= at_ms]
    here = before[-1].position if before else None
    shown: list[ShownLine] = []
    for line in lines:
        found = [place for find in searched.values() for place in find(typed, line.text)] if typed else []
        hinted = of_line.get(line.position, [])
        parts = _parts(line.text, found, [hint.place for hint in hinted])
        shown.append(
            ShownLine(line.position, line.start_ms, line.speaker, parts, hinted, line.position == here)
        )
    return shown


def _parts(text: str, hits: Sequence[Place], hints: Sequence[Place]) -> list[Part]:
    ends = sorted({0, len(text), *(end for place in (*hits, *hints) for end in place)})
    return [
        Part(
            text[start:end],
            hit=any(a <= start and end <= b for a, b in hits),
            hint=any(a <= start and end <= b for a, b in hints),
        )
        for start, end in pairwise(ends)
    ]
