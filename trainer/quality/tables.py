"""Columns of evaluations. Times lie in the recording, in ms; scores are basis points (0 to 10000)."""

import uuid
from typing import Any

from piccolo.columns import UUID, Boolean, ForeignKey, Integer, Text, Timestamptz
from piccolo.columns.base import OnDelete
from piccolo.table import Table

from trainer.calls.tables import Recording
from trainer.people.tables import Person
from trainer.rulebook.tables import Rule, Rulebook


class Evaluation(Table, tablename="evaluation"):
    """One call judged by one analyst with one rule book."""

    id = UUID(primary_key=True, default=uuid.uuid4)
    recording = ForeignKey(
        Recording, on_delete=OnDelete.restrict, null=True, default=None, help_text="Empty for imported ones."
    )
    agent = ForeignKey(Person, on_delete=OnDelete.restrict, null=False)
    rulebook = ForeignKey(Rulebook, on_delete=OnDelete.restrict, null=False)
    replaces: Any = ForeignKey("self", on_delete=OnDelete.restrict, null=True, default=None)
    state = Text(default="draft", help_text="draft, released or replaced")
    resolved = Boolean(
        default=None, null=True, help_text="Was the caller helped? Asked apart from the rules."
    )
    outcome = Text(default=None, null=True, help_text="not_met, met or exceeded")
    service_level = Text(default=None, null=True, help_text="service, good or beyond")
    csat = Integer(default=None, null=True, help_text="1 to 5")
    comment = Text(default="")
    reason = Text(default="", help_text="Why it replaces another one.")
    score = Integer(
        default=None, null=True, help_text="Non-fatal: weights met / weights applicable, basis points."
    )
    fatal_missed = Integer(
        default=None, null=True, help_text="Fatal rules missed; empty when none was applicable."
    )
    source = Text(
        help_text="Unique: an import run twice makes one. draft:<recording or replaced>:<analyst> while open."
    )
    evaluated_by = UUID(default=None, null=True)
    called_at = Timestamptz(default=None, null=True)
    created_at = Timestamptz(default=None)
    listed_at = Timestamptz(default=None, help_text="When it was begun or released: its place in lists.")
    released_at = Timestamptz(default=None, null=True)
    seen_at = Timestamptz(default=None, null=True, help_text="When the agent opened it.")
    revision = Integer(default=1, help_text="Grows with every edit of the draft; what If-Match compares.")


class Mark(Table, tablename="mark"):
    """What was heard of one rule. Weight and severity are those of the rule's version, kept with the mark."""

    id = UUID(primary_key=True, default=uuid.uuid4)
    evaluation = ForeignKey(Evaluation, on_delete=OnDelete.cascade, null=False)
    rule = ForeignKey(Rule, on_delete=OnDelete.restrict, null=False)
    rule_version = Integer(default=1)
    mark = Text(help_text="met, missed or not_applicable; empty for a note on a rule that has no mark")
    at_ms = Integer(default=None, null=True)
    comment = Text(default="")
    weight = Integer(default=0)
    severity = Text(default="non_fatal")


class EvaluationReply(Table, tablename="evaluation_reply"):
    """Words under a released evaluation: the agent's, and what analyst or lead answer. Append-only."""

    id = UUID(primary_key=True, default=uuid.uuid4)
    evaluation = ForeignKey(Evaluation, on_delete=OnDelete.cascade, null=False)
    author = ForeignKey(Person, on_delete=OnDelete.restrict, null=False)
    by_role = Text(help_text="As whom they wrote: agent, analyst or lead")
    words = Text(help_text="Empty once its author was erased.")
    at = Timestamptz(default=None)


INDEXES = [
    "CREATE UNIQUE INDEX evaluation_source ON evaluation (source)",
    "CREATE INDEX evaluation_recording ON evaluation (recording)",
    "CREATE UNIQUE INDEX evaluation_stands ON evaluation (recording) WHERE state = 'released'",
    "CREATE INDEX evaluation_agent ON evaluation (agent, released_at)",
    "CREATE INDEX evaluation_listed ON evaluation (listed_at, id)",
    "CREATE UNIQUE INDEX evaluation_replaces ON evaluation (replaces) WHERE state <> 'draft'",
    "CREATE UNIQUE INDEX mark_once ON mark (evaluation, rule)",
    "CREATE INDEX mark_rule ON mark (rule)",
    "CREATE INDEX evaluation_reply_of ON evaluation_reply (evaluation, at)",
]
