"""What narrows a search, and what each part of it means for one kind of entry."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

Condition = tuple[str, list[Any]]

VALUE = object()


@dataclass(frozen=True, slots=True)
class Filters:
    """What narrows a search; empty parts narrow nothing. Days are moments already: from `since` until `until`."""

    rule: str = ""
    polarity: str = ""
    agent: UUID | None = None
    language: str = ""
    tag: str = ""
    since: datetime | None = None
    until: datetime | None = None
    shortest_ms: int | None = None
    longest_ms: int | None = None
    outcome: str = ""

    def conditions(self, columns: dict[str, Condition]) -> list[Condition]:
        """Those that are set, each by what it means for one kind of entry (`VALUE` stands for what was asked for); a
        part that means nothing finds nothing."""
        found: list[Condition] = []
        for name in self.__slots__:
            value = getattr(self, name)
            if value is not None and value != "":
                text, params = columns.get(name, ("1 = 0", []))
                found.append((text, [value if param is VALUE else param for param in params]))
        return found
