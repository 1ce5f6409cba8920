"""Raw SQL of contrast pairs."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from trainer import db

_PAIR = """
    SELECT pair.id, pair.rule, rule.code, pair.good, pair.other, pair.kind, pair.note, pair.made_by,
           maker.name AS made_by_name, pair.created_at
    FROM clip_pair pair
    JOIN rule ON rule.id = pair.rule
    LEFT JOIN person maker ON maker.id = pair.made_by
"""


async def one(pair: UUID) -> dict[str, Any] | None:
    """A pair, whoever asks."""
    return await db.fetch_one(_PAIR + "WHERE pair.id = {}", pair)


async def the_same(rule: UUID, good: UUID, other: UUID) -> UUID | None:
    """The pair of these two clips for this rule."""
    row = await db.fetch_one(
        "SELECT id FROM clip_pair WHERE rule = {} AND good = {} AND other = {}", rule, good, other
    )
    return row["id"] if row else None


async def listed(
    *,
    rule: str = "",
    kind: str = "",
    ids: Sequence[UUID] | None = None,
    limit: int,
    after: tuple[datetime, UUID] | None,
) -> list[dict[str, Any]]:
    """Pairs, newest first."""
    where, params = ["1 = 1"], list[Any]()
    for column, wanted in (("rule.code", rule), ("pair.kind", kind)):
        if wanted:
            where.append(f"{column} = {{}}")
            params.append(wanted)
    if ids is not None:
        where.append("pair.id IN ({})")
        params.append(list(ids))
    if after is not None:
        where.append("(pair.created_at < {} OR (pair.created_at = {} AND pair.id < {}))")
        params += [after[0], after[0], after[1]]
    order = "ORDER BY pair.created_at DESC, pair.id DESC LIMIT {}"
    return await db.fetch(f"{_PAIR} WHERE {' AND '.join(where)} {order}", *params, limit)


async def of_rules(rules: Sequence[UUID]) -> list[dict[str, Any]]:
    """The pairs of these rules, oldest first."""
    return await db.fetch(f"{_PAIR} WHERE pair.rule IN ({{}}) ORDER BY pair.created_at, pair.id", list(rules))
