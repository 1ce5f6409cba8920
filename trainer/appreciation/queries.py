"""Raw SQL of appreciations: what was said about or by somebody, with names, in one round trip each."""

from typing import Any
from uuid import UUID

from trainer import db

_COLUMNS = """
    SELECT appreciation.id, appreciation.author, person.name AS author_name, appreciation.behaviour_kind,
           appreciation.behaviour_code, appreciation.message, appreciation.visibility, appreciation.created_at,
           appreciation.edited_at
    FROM appreciation JOIN person ON person.id = appreciation.author
"""


async def said_about(person: UUID, limit: int) -> list[dict[str, Any]]:
    """The newest thanks to a person, private ones included: only that person may be shown them all."""
    return await db.fetch(
        _COLUMNS
        + """JOIN appreciation_to ON appreciation_to.appreciation = appreciation.id
        WHERE appreciation_to.person = {} AND appreciation.withdrawn_at IS NULL
        ORDER BY appreciation.created_at DESC LIMIT {}""",
        person,
        limit,
    )


async def own_page(
    person: UUID, given: bool, limit: int, before: Any, before_id: Any
) -> list[dict[str, Any]]:
    """Everything that a person gave, or got, newest first."""
    got = "EXISTS (SELECT 1 FROM appreciation_to t WHERE t.appreciation = appreciation.id AND t.person = {})"
    sql = f"{_COLUMNS} WHERE appreciation.withdrawn_at IS NULL AND {'appreciation.author = {}' if given else got}"
    after, params = _after(before, before_id)
    return await db.fetch(f"{sql}{after}{_NEWEST}", person, *params, limit)


async def page(
    viewer: UUID, team: UUID | None, moderator: bool, limit: int, before: Any, before_id: Any
) -> list[dict[str, Any]]:
    """Thanks that a person may read, newest first: everyone's, the own team's, and all they gave or received."""
    sql = (
        _COLUMNS
        + """WHERE appreciation.withdrawn_at IS NULL AND (
            appreciation.visibility = 'everyone' OR appreciation.author = {}
            OR EXISTS (SELECT 1 FROM appreciation_to t WHERE t.appreciation = appreciation.id AND t.person = {})
            OR (appreciation.visibility = 'team' AND ({} = 1 OR EXISTS (
                SELECT 1 FROM appreciation_to t JOIN person p ON p.id = t.person
                WHERE t.appreciation = appreciation.id AND p.team = {}))))"""
    )
    after, params = _after(before, before_id)
    return await db.fetch(f"{sql}{after}{_NEWEST}", viewer, viewer, int(moderator), team, *params, limit)


_NEWEST = " ORDER BY appreciation.created_at DESC, appreciation.id DESC LIMIT {}"


def _after(before: Any, before_id: Any) -> tuple[str, list[Any]]:
    """The condition that goes on after a row of the page before, and its values."""
    if before is None:
        return "", []
    sql = " AND (appreciation.created_at < {} OR (appreciation.created_at = {} AND appreciation.id < {}))"
    return sql, [before, before, before_id]


async def receivers_of(ids: list[UUID]) -> list[dict[str, Any]]:
    """Who was thanked in each of these."""
    if not ids:
        return []
    return await db.fetch(
        """SELECT appreciation_to.appreciation, person.id, person.name, person.team
           FROM appreciation_to JOIN person ON person.id = appreciation_to.person
           WHERE appreciation_to.appreciation IN ({}) ORDER BY person.name""",
        ids,
    )
