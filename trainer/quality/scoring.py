"""From marks to results: pure functions, so that a page, the API, an import and a test count alike.

Two results stand apart (003-2). The non-fatal score says how much of what was asked for was there; the fatal result
says whether a line was crossed. A fatal miss fails the call and leaves the score as it is.
Invariant: a rule without a mark and one that is not applicable count for nothing, and 10000 means nothing was missed.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, Protocol

MARKS = ("met", "missed", "not_applicable")
FULL = 10_000


class Judged(Protocol):
    """A mark with the severity and weight of the rule's version that it was made on."""

    @property
    def mark(self) -> str: ...
    @property
    def weight(self) -> int: ...
    @property
    def severity(self) -> str: ...


@dataclass(frozen=True, slots=True)
class Results:
    """`score` in basis points, None when no non-fatal rule was applicable; `fatal_missed` None likewise."""

    score: int | None
    fatal_missed: int | None

    @property
    def fatal(self) -> Literal["failed", "passed"] | None:
        """Failed if any fatal rule was missed; None when none was applicable."""
        if self.fatal_missed is None:
            return None
        return "failed" if self.fatal_missed else "passed"

    @property
    def outcome(self) -> Literal["fail", "pass"] | None:
        """What came of the call by its rules: a fatal miss fails it, whatever the score; None without any result."""
        if self.fatal == "failed":
            return "fail"
        return None if self.score is None and self.fatal is None else "pass"


def results_of(marks: Iterable[Judged]) -> Results:
    """Both results. The score is rounded down, so that one small miss among many never reads as 100 %."""
    met = applicable = fatal_applicable = fatal_missed = 0
    for each in marks:
        if each.mark not in ("met", "missed"):
            continue
        if each.severity == "fatal":
            fatal_applicable += 1
            fatal_missed += each.mark == "missed"
        else:
            applicable += each.weight
            met += each.weight if each.mark == "met" else 0
    return Results(
        score=met * FULL // applicable if applicable else None,
        fatal_missed=fatal_missed if fatal_applicable else None,
    )
