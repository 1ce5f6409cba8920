"""The lines on cards as posts and lists show them: read in one query, whatever number of cards."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from trainer.appreciation.service import name_of
from trainer.recognition import card_queries


@dataclass(frozen=True, slots=True)
class Line:
    """One person's words on a card. The name is that of a former colleague once it was erased."""

    id: UUID
    author: UUID
    author_name: str
    words: str
    created_at: datetime
    edited_at: datetime | None


async def lines_on(cards: list[UUID]) -> dict[UUID, list[Line]]:
    """The lines of these cards, first written first. To be shown to whoever may see their posts, no earlier."""
    found: dict[UUID, list[Line]] = {}
    for row in await card_queries.lines_of(cards):
        found.setdefault(row["occasion"], []).append(_line(row))
    return found


def _line(row: dict[str, Any]) -> Line:
    return Line(
        row["id"], row["author"], name_of(row["name"]), row["words"], row["created_at"], row["edited_at"]
    )
