"""What progress is shown as: filters, rows, the picture's shares, the matrix, one person.

Invariant: a row says of itself where its person is and on what they are stuck, in the words of whoever reads it.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from functools import lru_cache
from typing import Any, Literal
from uuid import UUID

from trainer import db
from trainer.people.service import PersonView
from trainer.training.enrolling import EnrolmentView
from trainer.training.modules import StepRule, StepView
from trainer.training.step_pages import title_of
from trainer.web.i18n import ngettext

I18n = Mapping[str, str]
State = Literal["not_begun", "under_way", "stuck", "done", "waived"]


@dataclass(frozen=True, slots=True)
class Filters:
    """What the page is narrowed to. `what`: `module:<code>` or `list:<code>`; `state`: one of FILTERS."""

    what: str = ""
    team: UUID | None = None
    state: str = ""
    search: str = ""
    person: UUID | None = None

    @property
    def module(self) -> str:
        return self.what.removeprefix("module:") if self.what.startswith("module:") else ""

    @property
    def curriculum(self) -> str:
        return self.what.removeprefix("list:") if self.what.startswith("list:") else ""


@dataclass(frozen=True, slots=True)
class Choices:
    """What one may choose in the filters, by name: (code, title) and (id, name)."""

    modules: list[tuple[str, I18n]]
    curricula: list[tuple[str, I18n]]
    teams: list[tuple[UUID, str]]


@dataclass(frozen=True, slots=True)
class Share:
    """How far people are with one module. `few`: the sums of so few people are not shown to this viewer."""

    module: UUID
    code: str
    title: I18n
    people: int
    counts: Mapping[str, int]
    overdue: int
    few: bool = False


@dataclass(frozen=True, slots=True)
class ProgressRow:
    """One person's newest enrolment in one module. `position` is that of the step they are at or stuck on,
    from 0; `tries`, where they are stuck on it, how often they answered it.
    """

    enrolment: UUID
    person: UUID
    name: str
    team_name: str | None
    module: UUID
    code: str
    title: I18n
    version: int
    state: State
    overdue: bool
    due_on: date | None
    created_at: datetime
    started_at: datetime | None
    completed_at: datetime | None
    waived_at: datetime | None
    waived_why: str
    signed_off_at: datetime | None
    active_at: datetime | None
    steps: int
    done: int
    position: int | None
    step: StepView | None
    tries: int | None
    key: tuple[str, UUID, int, UUID]

    @property
    def step_title(self) -> str:
        """What the step they are at is called; "" where there is none."""
        return title_of(self.step) if self.step else ""

    @property
    def quiet_days(self) -> int:
        """Whole days since they last did something in it."""
        last = self.active_at or self.started_at
        return (db.utc_now() - last).days if last else 0

    @property
    def stuck_words(self) -> str:
        """On what they are stuck; "" when they are not."""
        if self.state != "stuck":
            return ""
        if self.tries:
            told = ngettext("tried once: %(step)s", "tried %(num)s times: %(step)s", self.tries)
            return told % {"num": self.tries, "step": self.step_title}
        told = ngettext("nothing for %(num)s day", "nothing for %(num)s days", self.quiet_days)
        return told % {"num": self.quiet_days}


@dataclass(frozen=True, slots=True)
class ProgressPage:
    """`shares` is the picture, module by module; `rows` only for those who see each (`each`), then `after`."""

    filters: Filters
    choices: Choices
    each: bool
    shares: list[Share]
    rows: list[ProgressRow]
    after: tuple[str, UUID, int, UUID] | None


@dataclass(frozen=True, slots=True)
class MatrixPerson:
    """One line of the matrix: a row, or None where the person was not given the module."""

    person: UUID
    name: str
    team_name: str | None
    cells: list[ProgressRow | None]


@dataclass(frozen=True, slots=True)
class Matrix:
    """People by modules: `modules` are the columns (id, title) in the order of the list."""

    filters: Filters
    choices: Choices
    shares: list[Share]
    modules: list[tuple[UUID, I18n]]
    people: list[MatrixPerson]
    after: tuple[str, UUID] | None


@dataclass(frozen=True, slots=True)
class TeamTotal:
    """How far a team is over all modules; `team` None: those in no team, or everybody for who sees sums alone."""

    team: UUID | None
    name: str | None
    people: int
    counts: Mapping[str, int]
    overdue: int


@dataclass(frozen=True, slots=True)
class Tried:
    """A step of an enrolment that was answered: every try in order, without the words of a reflection."""

    position: int
    title: str
    kind: str
    tries: list[Mapping[str, Any]]

    @property
    def right(self) -> bool | None:
        """Whether the last try was right; None where the step is not graded."""
        return self.tries[-1]["correct"]


@dataclass(frozen=True, slots=True)
class PersonProgress:
    """Everything one person was given, with the answers step by step where the viewer may see them."""

    person: PersonView
    enrolments: list[EnrolmentView]
    rows: Mapping[UUID, ProgressRow]
    answers: Mapping[UUID, list[Tried]] | None


@lru_cache(maxsize=2000)
def _authored(text: str) -> Mapping[str, Any]:
    """Authored text as it is stored; a page has the same few titles many times."""
    return json.loads(text)


def row_view(row: Mapping[str, Any]) -> ProgressRow:
    """A row of `queries.rows` as it is shown."""
    step = None
    if row["step"]:
        rule = None
        if row["rule_title"]:
            titled = _authored(row["rule_title"])
            rule = StepRule(row["step"], "", 0, titled, {}, {}, "", {}, {})
        position = row["hard_at"] if row["hard_at"] is not None else row["at_step"]
        step = StepView(
            row["step"], position, row["step_kind"], rule, None, None, _authored(row["step_body"])
        )
    return ProgressRow(
        enrolment=row["id"],
        person=row["person"],
        name=row["name"],
        team_name=row["team_name"],
        module=row["module"],
        code=row["code"],
        title=_authored(row["title"]),
        version=row["version"],
        state=row["state"],
        overdue=bool(row["overdue"]),
        due_on=row["due_on"],
        created_at=row["created_at"],
        started_at=row["started_at"],
        completed_at=row["completed_at"],
        waived_at=row["waived_at"],
        waived_why=row["waived_why"],
        signed_off_at=row["signed_off_at"],
        active_at=row["active_at"],
        steps=row["steps"],
        done=row["done_steps"],
        position=step.position if step else None,
        step=step,
        tries=row["tries"],
        key=(row["name_key"], row["person"], row["module_position"], row["id"]),
    )
