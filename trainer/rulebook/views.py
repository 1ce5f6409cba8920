"""What other rooms see of the rule book: plain values, made from rows; authored text is `{locale: words}`.

Invariant: a view is a snapshot; changing the book never changes a view that somebody already holds.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

Authored = dict[str, str]

# A rule has to be known by heart (003-6): longer ones are flagged, never refused.
MOST_HAN = 26
MOST_WORDS = 20
MOST_WANTS = 5

_HAN = re.compile(r"[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]")
_WORD = re.compile(r"[^\W_]+(?:['\u2019-][^\W_]+)*")


@dataclass(frozen=True, slots=True)
class TooLong:
    """A statement that is hard to remember in one language: how much it has, and the most it should have."""

    locale: str
    unit: Literal["han", "words"]
    count: int
    most: int


def too_long(statement: Mapping[str, str]) -> list[TooLong]:
    """Where a statement is longer than 26 Han characters or 20 words."""
    found: list[TooLong] = []
    for locale, words in statement.items():
        han = len(_HAN.findall(words))
        latin = len(_WORD.findall(_HAN.sub(" ", words)))
        if han > MOST_HAN:
            found.append(TooLong(locale, "han", han, MOST_HAN))
        if latin > MOST_WORDS:
            found.append(TooLong(locale, "words", latin, MOST_WORDS))
    return found


@dataclass(frozen=True, slots=True)
class RuleView:
    """One version of a rule. `want_code` is None only in a draft that serves no want yet."""

    id: UUID
    code: str
    position: int
    version_id: UUID
    version: int
    state: str
    title: Authored
    statement: Authored
    why: Authored
    want_code: str | None
    want_title: Authored
    want_feeling: Authored
    severity: str
    kind: str
    weight: int
    key_tokens: dict[str, list[str]]
    recall_prompt: Authored
    revision: int
    created_at: datetime
    published_at: datetime | None
    rulebook_code: str
    rulebook_title: Authored
    language: str

    @property
    def fatal(self) -> bool:
        return self.severity == "fatal"

    @property
    def too_long(self) -> list[TooLong]:
        return too_long(self.statement)


def carries(before: RuleView, after: RuleView) -> bool:
    """Whether clips stay with the rule: they do when statement, severity and kind are the same."""
    return (before.statement, before.severity, before.kind) == (after.statement, after.severity, after.kind)


@dataclass(frozen=True, slots=True)
class VersionLine:
    """One line of a rule's history."""

    version: int
    state: str
    created_at: datetime
    published_at: datetime | None


@dataclass(frozen=True, slots=True)
class WantView:
    """What the customer wants, what it feels like when it is met, and the rules that serve it, in order."""

    code: str
    title: Authored
    feeling: Authored
    rules: list[RuleView]


@dataclass(frozen=True, slots=True)
class BookView:
    """A whole rule book.

    `aimless` are drafts that serve no want yet, `drafts` all that is not published yet (new rules, and next versions
    of published ones), in order; both only for those who see drafts.
    """

    code: str
    title: Authored
    language: str
    wants: list[WantView]
    aimless: list[RuleView]
    drafts: list[RuleView] = field(default_factory=list)

    @property
    def all_rules(self) -> list[RuleView]:
        return [*(rule for want in self.wants for rule in want.rules), *self.aimless]

    @property
    def drafted(self) -> dict[UUID, RuleView]:
        """The draft of each rule that has one."""
        return {rule.id: rule for rule in self.drafts}


@dataclass(frozen=True, slots=True)
class ValueView:
    """A value of the house and the behaviour that shows it."""

    code: str
    title: Authored
    behaviour: Authored


@dataclass(frozen=True, slots=True)
class Overview:
    """All rule books, oldest first, and the values of the house."""

    books: list[BookView]
    values: list[ValueView]


_AUTHORED = ("title", "statement", "why", "want_title", "want_feeling", "recall_prompt", "rulebook_title")


def rule_of(row: Mapping[str, Any]) -> RuleView:
    """A rule from a row of `queries.RULES`."""
    values = dict(row)
    for name in (*_AUTHORED, "key_tokens"):
        values[name] = json.loads(values[name] or "{}")
    return RuleView(**values)


def value_of(row: Mapping[str, Any]) -> ValueView:
    """A value from its row."""
    return ValueView(row["code"], json.loads(row["title"]), json.loads(row["behaviour"]))
