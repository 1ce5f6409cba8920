"""What pages, the API and other rooms see of evaluations: plain values made from rows.

Invariant: a view carries the results as they were released; only a draft's are counted anew.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from trainer.quality.scoring import Results

Authored = dict[str, str]

STATES = ("draft", "released", "replaced")
OUTCOMES = ("not_met", "met", "exceeded")
SERVICE_LEVELS = ("service", "good", "beyond")


@dataclass(frozen=True, slots=True)
class EvaluationView:
    """One evaluation. `agent_name` is "" for a former colleague; scores are basis points.

    `call_agent` is whose call the recording is by now: until the release, that is whom it judges.
    """

    id: UUID
    state: str
    recording: UUID | None
    recording_title: str
    recording_state: str | None
    recording_ms: int | None
    call_agent: UUID | None
    agent: UUID
    agent_name: str
    agent_team: UUID | None
    agent_team_name: str | None
    rulebook: UUID
    rulebook_code: str
    rulebook_title: Authored
    replaces: UUID | None
    replaced_by: UUID | None
    resolved: bool | None
    outcome: str | None
    service_level: str | None
    csat: int | None
    comment: str
    reason: str
    score: int | None
    fatal_missed: int | None
    non_fatal_missed: int
    marked: int
    replies: int
    source: str
    evaluated_by: UUID | None
    evaluated_by_name: str | None
    called_at: datetime | None
    created_at: datetime
    listed_at: datetime
    released_at: datetime | None
    seen_at: datetime | None
    revision: int

    @property
    def results(self) -> Results:
        return Results(self.score, self.fatal_missed)

    @property
    def fatal(self) -> Literal["failed", "passed"] | None:
        return self.results.fatal

    @property
    def verdict(self) -> Literal["fail", "pass"] | None:
        """What came of the call by its rules; `outcome` is what the customer got."""
        return self.results.outcome

    @property
    def passed_but_not_helped(self) -> bool:
        """Every rule was kept and the caller was not helped all the same (000-2)."""
        kept = self.verdict == "pass" and not self.non_fatal_missed
        return kept and self.resolved is False


@dataclass(frozen=True, slots=True)
class MarkView:
    """A mark with the words of the rule's version that it was made on. `mark` "" is a note without a mark."""

    evaluation: UUID
    rule: UUID
    code: str
    position: int
    version: int
    newest_version: int | None
    title: Authored
    statement: Authored
    want_code: str | None
    want_title: Authored
    mark: str
    at_ms: int | None
    comment: str
    weight: int
    severity: str

    @property
    def fatal(self) -> bool:
        return self.severity == "fatal"

    @property
    def outdated(self) -> bool:
        """Whether the rule has said something else since."""
        return self.newest_version is not None and self.newest_version > self.version


@dataclass(frozen=True, slots=True)
class ReplyView:
    """Words under an evaluation. `by` is agent, analyst or lead; empty words were erased with their author."""

    id: UUID
    author: UUID
    author_name: str
    by: str
    words: str
    at: datetime


@dataclass(frozen=True, slots=True)
class CallToScore:
    """A call that waits for an analyst. `draft`: the one that this analyst has begun."""

    recording: UUID
    title: str
    agent: UUID
    agent_name: str
    agent_team_name: str | None
    called_at: datetime | None
    created_at: datetime
    duration_ms: int | None
    draft: UUID | None
    evaluated_this_month: int


def evaluation_of(row: Mapping[str, Any]) -> EvaluationView:
    """An evaluation from a row of `queries.EVALUATIONS`; SQLite hands booleans out as numbers."""
    values = dict(row)
    values["rulebook_title"] = json.loads(row["rulebook_title"] or "{}")
    values["resolved"] = None if row["resolved"] is None else bool(row["resolved"])
    values["recording_title"] = row["recording_title"] or ""
    return EvaluationView(**values)


def mark_of(row: Mapping[str, Any]) -> MarkView:
    """A mark from a row of `queries.marks_of`."""
    values = dict(row)
    for name in ("title", "statement", "want_title"):
        values[name] = json.loads(row[name] or "{}")
    return MarkView(**values)
