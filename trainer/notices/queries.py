"""Raw SQL of notices: telling many people in one statement, the inbox, and what goes by mail."""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from trainer import db

MOST_AT_ONCE = 500  # rows of one statement: both engines bound the number of parameters
MOST_COUNTED = 100  # nobody needs to know more exactly, and it is counted with every request

_OPEN = "notice.read_at IS NULL AND notice.withdrawn_at IS NULL"

# Handed to the read of the session by app.py: how many a person has not read, without a query of its own.
UNREAD_OF_PERSON = (
    f"(SELECT COUNT(*) FROM (SELECT 1 AS one FROM notice WHERE notice.person = person.id AND {_OPEN}"
    f" LIMIT {MOST_COUNTED}) AS unread)"
)


async def tell(
    people: Sequence[UUID],
    *,
    kind: str,
    source: str,
    href: str,
    params: Mapping[str, Any],
    now: datetime,
) -> list[dict[str, Any]]:
    """Writes the notice for each of these people who has none of this source; their rows (id, person).

    One that was withdrawn is told anew: what no longer was so is so again.
    """
    told: list[dict[str, Any]] = []
    text = json.dumps(dict(params), ensure_ascii=False)
    for start in range(0, len(people), MOST_AT_ONCE):
        some = people[start : start + MOST_AT_ONCE]
        values = [value for person in some for value in (db.new_id(), person, kind, text, href, source, now)]
        told += await db.fetch(
            "INSERT INTO notice (id, person, kind, params, href, source, created_at) VALUES "
            + ", ".join(["({}, {}, {}, {}, {}, {}, {})"] * len(some))
            + """ ON CONFLICT (person, source) DO UPDATE SET withdrawn_at = NULL, read_at = NULL,
                    mailed_at = NULL, created_at = excluded.created_at, kind = excluded.kind,
                    params = excluded.params, href = excluded.href
                  WHERE notice.withdrawn_at IS NOT NULL RETURNING id, person""",
            *values,
        )
    return told


async def forget(starts: Sequence[str]) -> list[UUID]:
    """Deletes the notices whose page begins with one of these addresses, all of one length; returns whose they were."""
    rows = await db.fetch(
        "DELETE FROM notice WHERE SUBSTR(href, 1, {}) IN ({}) RETURNING person", len(starts[0]), list(starts)
    )
    return list({row["person"] for row in rows})


async def withdraw(source: str, person: UUID | None, now: datetime) -> list[UUID]:
    """Takes a notice out of every inbox (or one person's); whose it was."""
    sql = "UPDATE notice SET withdrawn_at = {} WHERE source = {} AND withdrawn_at IS NULL"
    params: list[Any] = [now, source]
    if person is not None:
        sql += " AND person = {}"
        params.append(person)
    return [row["person"] for row in await db.fetch(sql + " RETURNING person", *params)]


async def ways_of(kind: str, people: Sequence[UUID]) -> dict[UUID, str]:
    """How those of these people who have chosen hear of a kind."""
    rows = await db.fetch(
        "SELECT person, way FROM notice_choice WHERE kind = {} AND person IN ({})", kind, list(people)
    )
    return {row["person"]: row["way"] for row in rows}


async def choices_of(person: UUID) -> dict[str, str]:
    """A person's choices by kind."""
    rows = await db.fetch("SELECT kind, way FROM notice_choice WHERE person = {}", person)
    return {row["kind"]: row["way"] for row in rows}


async def choose(person: UUID, ways: Mapping[str, str], now: datetime) -> None:
    """Keeps a person's choices, in place of earlier ones."""
    values = [value for kind, way in ways.items() for value in (db.new_id(), person, kind, way, now)]
    await db.fetch(
        "INSERT INTO notice_choice (id, person, kind, way, at) VALUES "
        + ", ".join(["({}, {}, {}, {}, {})"] * len(ways))
        + " ON CONFLICT (person, kind) DO UPDATE SET way = excluded.way, at = excluded.at",
        *values,
    )


# Reading

_COLUMNS = "SELECT id, person, kind, params, href, created_at, read_at FROM notice"


async def unread_counts(people: Sequence[UUID]) -> dict[UUID, int]:
    """How many these people have not read, counted as far as the session does; who has none is left out."""
    rows = await db.fetch(
        f"SELECT person, COUNT(*) AS n FROM notice WHERE person IN ({{}}) AND {_OPEN} GROUP BY person",
        list(people),
    )
    return {row["person"]: min(row["n"], MOST_COUNTED) for row in rows}


async def inbox(
    person: UUID, *, unread: bool, after: tuple[datetime, UUID] | None, limit: int
) -> list[dict[str, Any]]:
    """A person's notices, newest first, after (created_at, id)."""
    sql = _COLUMNS + " WHERE person = {} AND withdrawn_at IS NULL"
    params: list[Any] = [person]
    if unread:
        sql += " AND read_at IS NULL"
    if after is not None:
        sql += " AND (created_at, id) < ({}, {})"
        params += after
    return await db.fetch(sql + " ORDER BY created_at DESC, id DESC LIMIT {}", *params, limit)


async def own(person: UUID, notice: UUID) -> dict[str, Any] | None:
    """One notice, if it is this person's."""
    return await db.fetch_one(
        _COLUMNS + " WHERE id = {} AND person = {} AND withdrawn_at IS NULL", notice, person
    )


async def mark_read(person: UUID, notice: UUID, now: datetime) -> bool:
    """Marks one of a person's notices; False when it was read already or is not theirs."""
    rows = await db.fetch(
        "UPDATE notice SET read_at = {} WHERE id = {} AND person = {} AND read_at IS NULL RETURNING id",
        now,
        notice,
        person,
    )
    return bool(rows)


async def mark_all_read(person: UUID, until: datetime, now: datetime) -> int:
    """Marks what had come by then; how many."""
    rows = await db.fetch(
        f"""UPDATE notice SET read_at = {{}} WHERE person = {{}} AND created_at <= {{}} AND {_OPEN}
            RETURNING id""",
        now,
        person,
        until,
    )
    return len(rows)


async def mark_unread(person: UUID, read_at: datetime) -> int:
    """Takes back what was marked at exactly that moment; how many."""
    rows = await db.fetch(
        "UPDATE notice SET read_at = NULL WHERE person = {} AND read_at = {} RETURNING id", person, read_at
    )
    return len(rows)


async def forget_read(before: datetime) -> int:
    """Deletes what was read, or withdrawn, before then; how many."""
    rows = await db.fetch(
        "DELETE FROM notice WHERE read_at < {} OR withdrawn_at < {} RETURNING id", before, before
    )
    return len(rows)


async def forget_person(person: UUID) -> None:
    """Deletes an erased person's notices and choices."""
    await db.fetch("DELETE FROM notice WHERE person = {}", person)
    await db.fetch("DELETE FROM notice_choice WHERE person = {}", person)


# Mail


async def to_mail(notice: UUID) -> dict[str, Any] | None:
    """A notice that is unread and was not mailed, with what its person chose for its kind (None: nothing)."""
    return await db.fetch_one(
        f"""SELECT notice.id, notice.person, notice.kind, notice.params, notice.href, notice.created_at,
                   notice.read_at, choice.way
            FROM notice LEFT JOIN notice_choice AS choice
                ON choice.person = notice.person AND choice.kind = notice.kind
            WHERE notice.id = {{}} AND notice.mailed_at IS NULL AND {_OPEN}""",
        notice,
    )


async def for_digests(by_default: Sequence[str], since: datetime) -> list[dict[str, Any]]:
    """Unread notices since then that go into digests: id, person, when it was told, and the person's zone."""
    return await db.fetch(
        f"""SELECT notice.id, notice.person, notice.created_at, person.time_zone
            FROM notice JOIN person ON person.id = notice.person
            LEFT JOIN notice_choice AS choice
                ON choice.person = notice.person AND choice.kind = notice.kind
            WHERE notice.created_at > {{}} AND notice.mailed_at IS NULL AND {_OPEN}
              AND person.active AND person.email IS NOT NULL
              AND (choice.way = 'digest' OR (choice.way IS NULL AND notice.kind IN ({{}})))
            ORDER BY notice.created_at DESC, notice.id""",
        since,
        list(by_default),
    )


async def mark_mailed(notices: Sequence[UUID], now: datetime) -> list[UUID]:
    """Notes that these were handed over; those that had not been."""
    claimed: list[UUID] = []
    for start in range(0, len(notices), MOST_AT_ONCE):
        rows = await db.fetch(
            "UPDATE notice SET mailed_at = {} WHERE id IN ({}) AND mailed_at IS NULL RETURNING id",
            now,
            list(notices[start : start + MOST_AT_ONCE]),
        )
        claimed += [row["id"] for row in rows]
    return claimed


async def still_unread(notices: Sequence[UUID]) -> list[dict[str, Any]]:
    """Those of these notices that nobody has read or withdrawn, newest first."""
    return await db.fetch(
        _COLUMNS + f" WHERE id IN ({{}}) AND {_OPEN} ORDER BY created_at DESC, id DESC", list(notices)
    )


async def persons_of(notices: Sequence[UUID]) -> dict[UUID, UUID]:
    """Whose these notices are."""
    rows = await db.fetch("SELECT id, person FROM notice WHERE id IN ({})", list(notices))
    return {row["id"]: row["person"] for row in rows}
