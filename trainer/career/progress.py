"""Progress on a career path: one pure function of facts, used by every page, job and API answer.

No database and no clock in here, so that it can be tested with any facts on any day.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Literal

State = Literal["done", "now", "next"]
I18n = Mapping[str, str]

REACHED = "milestone_reached"
TENURE = "tenure_days"


@dataclass(frozen=True, slots=True)
class Known:
    """One fact as far as progress cares; `at` is in the person's own zone, as their days are counted."""

    kind: str
    subject: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Criterion:
    """So many facts of a kind (of one subject, or of different ones)."""

    fact: str
    count: int
    subject: str | None = None
    distinct: bool = False

    @classmethod
    def parse(cls, data: Mapping[str, Any]) -> "Criterion":
        """From YAML or a table. Raises ValueError in words."""
        unknown = set(data) - {"fact", "count", "subject", "distinct"}
        if unknown or not data.get("fact"):
            given = ", ".join(sorted(unknown)) or "none of them"
            raise ValueError(f"a criterion has fact, count, subject and distinct; not {given}")
        count = int(data.get("count", 1))
        if count < 1:
            raise ValueError("a criterion counts at least one fact")
        return cls(str(data["fact"]), count, data.get("subject"), bool(data.get("distinct", False)))

    def has(self, facts: Iterable[Known], hired_on: date | None, today: date) -> int:
        """How many of the needed the person has, at most `count`."""
        if self.fact == TENURE:
            days = (today - hired_on).days if hired_on else 0
            return max(0, min(days, self.count))
        return min(len(self._counted(facts)), self.count)

    def met_on(self, facts: Iterable[Known], hired_on: date | None) -> date | None:
        """The day on which the last one needed was there; None while some are missing."""
        if self.fact == TENURE:
            return hired_on + timedelta(days=self.count) if hired_on else None
        counted = self._counted(facts)
        return counted[self.count - 1].at.date() if len(counted) >= self.count else None

    def _counted(self, facts: Iterable[Known]) -> list[Known]:
        found = [fact for fact in facts if fact.kind == self.fact and self.subject in (None, fact.subject)]
        if not self.distinct:
            return found
        first: dict[str, Known] = {}
        for fact in found:
            first.setdefault(fact.subject, fact)
        return list(first.values())


@dataclass(frozen=True, slots=True)
class MilestonePlan:
    """A milestone as the path defines it."""

    code: str
    title: I18n
    why: I18n
    criteria: tuple[Criterion, ...]
    celebrate: bool = True


@dataclass(frozen=True, slots=True)
class LevelPlan:
    """A level as the path defines it."""

    code: str
    title: I18n
    summary: I18n
    horizon: str
    milestones: tuple[MilestonePlan, ...]


@dataclass(frozen=True, slots=True)
class CriterionView:
    """A criterion with what the person has of it."""

    criterion: Criterion
    have: int
    met_on: date | None = None

    @property
    def met(self) -> bool:
        return self.have >= self.criterion.count


@dataclass(frozen=True, slots=True)
class MilestoneView:
    """A milestone as one person sees it."""

    plan: MilestonePlan
    reached_at: datetime | None
    criteria: tuple[CriterionView, ...]

    @property
    def due(self) -> bool:
        """All criteria are met, but it was not written down yet."""
        return self.reached_at is None and bool(self.criteria) and all(item.met for item in self.criteria)

    @property
    def earned_on(self) -> date | None:
        """The day on which the last criterion was met."""
        days = [item.met_on for item in self.criteria]
        return max((day for day in days if day), default=None) if all(days) else None

    @property
    def share(self) -> int:
        """Progress in percent: 100 once reached."""
        if self.reached_at:
            return 100
        need = sum(item.criterion.count for item in self.criteria)
        return sum(item.have for item in self.criteria) * 100 // need if need else 0


@dataclass(frozen=True, slots=True)
class LevelView:
    """A level as one person sees it."""

    plan: LevelPlan
    state: State
    milestones: tuple[MilestoneView, ...]

    @property
    def missing(self) -> list[MilestoneView]:
        return [item for item in self.milestones if item.reached_at is None]

    @property
    def reached_at(self) -> datetime | None:
        """When its last milestone was reached; None while one is missing."""
        if self.missing or not self.milestones:
            return None
        return max(item.reached_at for item in self.milestones if item.reached_at)


@dataclass(frozen=True, slots=True)
class PathView:
    """A whole path as one person sees it: what is done, what is now and what comes next."""

    title: I18n
    levels: tuple[LevelView, ...]

    @property
    def current(self) -> LevelView | None:
        """The level the person works on; None once all is reached."""
        return next((level for level in self.levels if level.state == "now"), None)

    @property
    def due(self) -> list[MilestoneView]:
        return [item for level in self.levels for item in level.milestones if item.due]


def progress(
    title: I18n, plan: Iterable[LevelPlan], facts: Iterable[Known], *, hired_on: date | None, today: date
) -> PathView:
    """One person's progress on a path. A reached milestone stays reached whatever the criteria say today."""
    known = list(facts)
    reached: dict[str, datetime] = {}
    for fact in known:
        if fact.kind == REACHED:
            reached.setdefault(fact.subject, fact.at)
    levels: list[LevelView] = []
    found_current = False
    for level in plan:
        milestones = tuple(_milestone(item, known, reached, hired_on, today) for item in level.milestones)
        complete = bool(milestones) and all(item.reached_at for item in milestones)
        state: State = "done" if complete else "next" if found_current else "now"
        found_current = found_current or state == "now"
        levels.append(LevelView(level, state, milestones))
    return PathView(title, tuple(levels))


def _milestone(
    plan: MilestonePlan,
    facts: list[Known],
    reached: Mapping[str, datetime],
    hired_on: date | None,
    today: date,
) -> MilestoneView:
    criteria = tuple(
        CriterionView(item, item.has(facts, hired_on, today), item.met_on(facts, hired_on))
        for item in plan.criteria
    )
    return MilestoneView(plan, reached.get(plan.code), criteria)
