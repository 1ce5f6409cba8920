"""How many there are: facts of a kind, notices that somebody has not read."""

from uuid import UUID

from trainer import db
from trainer.notices.queries import unread_counts


async def count_of(kind: str, *, person: UUID | None = None, subject: str | None = None) -> int:
    """How many facts of a kind there are, of one person or about one subject if given."""
    rows = await db.fetch("SELECT person, subject FROM fact WHERE kind = {}", kind)
    return sum(person in (None, row["person"]) and subject in (None, row["subject"]) for row in rows)


async def unread_count(person: UUID) -> int:
    """How many notices somebody has not read."""
    return (await unread_counts([person])).get(person, 0)
