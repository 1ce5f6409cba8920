"""Raw SQL of cards: who may sign which, their lines, and what the daily look has to settle."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from trainer import db

# What the celebrated person chose for this kind of occasion.
_SCOPE = """CASE occasion.kind WHEN 'birthday' THEN whom.birthday_scope WHEN 'full_month' THEN whom.full_month_scope
            ELSE whom.anniversary_scope END"""
# The team, the buddy, and whom the person reports to: once each parameter is the viewer's team, id and id.
_SIGNS = "(whom.team = {} OR whom.buddy = {} OR whom.manager = {})"
_CARD = f"""SELECT occasion.id, occasion.kind, occasion."on", occasion.years, occasion.marked_at,
                occasion.person, whom.name, whom.team, whom.time_zone, whom.active, {_SCOPE} AS scope,
                (SELECT count(*) FROM occasion_line WHERE occasion_line.occasion = occasion.id
                 AND occasion_line.withdrawn_at IS NULL) AS written,
                mine.id AS line, mine.words, mine.created_at, mine.edited_at,
                CASE WHEN {_SIGNS} THEN 1 ELSE 0 END AS signs
            FROM occasion JOIN person AS whom ON whom.id = occasion.person
            LEFT JOIN occasion_line AS mine ON mine.occasion = occasion.id AND mine.author = {{}}
                AND mine.withdrawn_at IS NULL"""


async def card(occasion: UUID, *, viewer: UUID, team: UUID | None) -> dict[str, Any] | None:
    """One card, open or delivered, with the viewer's own line and the post it came to."""
    sql = f"""SELECT found.*, post.id AS post FROM ({_CARD} WHERE occasion.id = {{}}) AS found
              LEFT JOIN post ON post.occasion = found.id"""
    return await db.fetch_one(sql, team, viewer, viewer, viewer, occasion)


async def open_cards(viewer: UUID, team: UUID | None) -> list[dict[str, Any]]:
    """The open cards that somebody may sign, soonest first. Whose day has begun is told by their own zone."""
    return await db.fetch(
        f"""{_CARD} WHERE occasion.marked_at IS NULL AND occasion.person <> {{}} AND whom.active
                AND {_SCOPE} <> 'nobody' AND {_SIGNS}
            ORDER BY occasion."on", occasion.id""",
        team,
        viewer,
        viewer,
        viewer,
        viewer,
        team,
        viewer,
        viewer,
    )


async def lines_of(occasions: list[UUID]) -> list[dict[str, Any]]:
    """The lines on these cards, first written first."""
    if not occasions:
        return []
    return await db.fetch(
        """SELECT line.id, line.occasion, line.author, person.name, line.words, line.created_at, line.edited_at
           FROM occasion_line AS line JOIN person ON person.id = line.author
           WHERE line.occasion IN ({}) AND line.withdrawn_at IS NULL ORDER BY line.created_at, line.id""",
        occasions,
    )


async def signers(whom: UUID) -> list[dict[str, Any]]:
    """Who may sign the person's card: team, buddy, whom they report to. `leads`: hears of an empty one."""
    return await db.fetch(
        """SELECT signer.id,
                  CASE WHEN signer.id = whom.manager
                       OR (signer.team = whom.team AND ' ' || signer.roles || ' ' LIKE '% team_lead %')
                  THEN 1 ELSE 0 END AS leads
           FROM person AS whom JOIN person AS signer
               ON signer.team = whom.team OR signer.id = whom.buddy OR signer.id = whom.manager
           WHERE whom.id = {} AND signer.id <> whom.id AND signer.active""",
        whom,
    )


async def told_of(source: str) -> set[UUID]:
    """Who has this notice in their inbox."""
    rows = await db.fetch("SELECT person FROM notice WHERE source = {} AND withdrawn_at IS NULL", source)
    return {row["person"] for row in rows}


async def answered(occasion: UUID) -> set[UUID]:
    """Who has written on a card, or has written and taken it back: they are not asked again."""
    rows = await db.fetch("SELECT author FROM occasion_line WHERE occasion = {}", occasion)
    return {row["author"] for row in rows}


async def is_written(occasion: UUID) -> bool:
    """Whether anything stands on a card."""
    return bool(
        await db.fetch(
            "SELECT 1 FROM occasion_line WHERE occasion = {} AND withdrawn_at IS NULL LIMIT 1", occasion
        )
    )


async def write(occasion: UUID, author: UUID, words: str, now: datetime) -> None:
    """An author's first words on a card, or first ones after they took theirs back."""
    await db.fetch(
        """INSERT INTO occasion_line (id, occasion, author, words, created_at) VALUES ({}, {}, {}, {}, {})
           ON CONFLICT (occasion, author) DO UPDATE SET words = excluded.words, edited_at = NULL,
               created_at = excluded.created_at, withdrawn_at = NULL, withdrawn_by = NULL
           WHERE occasion_line.withdrawn_by = occasion_line.author""",
        db.new_id(),
        occasion,
        author,
        words,
        now,
    )


async def mend(line: UUID, words: str, now: datetime) -> None:
    """Other words in the place of a line's."""
    await db.fetch(
        "UPDATE occasion_line SET words = {}, edited_at = {} WHERE id = {} AND withdrawn_at IS NULL",
        words,
        now,
        line,
    )


async def take_back(line: UUID, author: UUID, now: datetime) -> None:
    """The author takes a line back: its words are gone, that it was answered stays."""
    await db.fetch(
        """UPDATE occasion_line SET words = '', withdrawn_at = {}, withdrawn_by = author
           WHERE id = {} AND author = {} AND withdrawn_at IS NULL""",
        now,
        line,
        author,
    )


async def take_down(line: UUID, by: UUID, now: datetime) -> bool:
    """Somebody else takes a line down. False: it was gone already."""
    return bool(
        await db.fetch(
            """UPDATE occasion_line SET withdrawn_at = {}, withdrawn_by = {}
               WHERE id = {} AND withdrawn_at IS NULL RETURNING id""",
            now,
            by,
            line,
        )
    )


async def unmarked(person: UUID | None = None) -> list[dict[str, Any]]:
    """Cards that are still open, of everybody or of one person."""
    sql = """SELECT occasion.id, occasion.person, occasion.kind, occasion."on", occasion.years,
                 occasion.told_at, (SELECT count(*) FROM occasion_line
                 WHERE occasion_line.occasion = occasion.id AND withdrawn_at IS NULL) AS written
             FROM occasion WHERE marked_at IS NULL"""
    if person is None:
        return await db.fetch(sql)
    return await db.fetch(sql + " AND person = {}", person)


async def move(occasion: UUID, on: date, years: int | None) -> bool:
    """An open card's day was corrected. False: there is one of that day already."""
    return bool(
        await db.fetch(
            """UPDATE occasion SET "on" = {}, years = {}, told_at = NULL
               WHERE id = {} AND marked_at IS NULL AND NOT EXISTS (SELECT 1 FROM occasion AS other
                   WHERE other.person = occasion.person AND other.kind = occasion.kind AND other."on" = {}
                   AND other.id <> occasion.id)
               RETURNING id""",
            on,
            years,
            occasion,
            on,
        )
    )


async def close(occasion: UUID) -> bool:
    """Takes an open card away with all that was written on it, unseen. False: its day had come."""
    return bool(
        await db.fetch("DELETE FROM occasion WHERE id = {} AND marked_at IS NULL RETURNING id", occasion)
    )


async def mark(person: UUID, kind: str, on: date, now: datetime) -> UUID | None:
    """The day of an open card has come. None: there is no open one (any more)."""
    row = await db.fetch_one(
        """UPDATE occasion SET marked_at = {} WHERE person = {} AND kind = {} AND "on" = {}
           AND marked_at IS NULL RETURNING id""",
        now,
        person,
        kind,
        on,
    )
    return row["id"] if row else None


async def note_told(occasion: UUID, now: datetime) -> bool:
    """The lead is told, once."""
    return bool(
        await db.fetch(
            """UPDATE occasion SET told_at = {} WHERE id = {} AND told_at IS NULL AND marked_at IS NULL
               RETURNING id""",
            now,
            occasion,
        )
    )


async def bump(occasion: UUID) -> None:
    """A card's lines changed: its post is drawn anew."""
    await db.fetch("UPDATE post SET version = version + 1 WHERE occasion = {}", occasion)


async def bump_naming(person: UUID) -> None:
    """Every post that shows this person's name is drawn anew: whom it is about, author, receiver, cheerer, signer."""
    await db.fetch(
        """UPDATE post SET version = version + 1 WHERE person = {}
               OR id IN (SELECT post FROM cheer WHERE person = {})
               OR appreciation IN (SELECT id FROM appreciation WHERE author = {})
               OR appreciation IN (SELECT appreciation FROM appreciation_to WHERE person = {})
               OR occasion IN (SELECT occasion FROM occasion_line WHERE author = {})""",
        person,
        person,
        person,
        person,
        person,
    )


async def forget_birthdays(person: UUID) -> None:
    """Takes birthdays away altogether: the day somebody was born on goes with their name."""
    await db.fetch("DELETE FROM post WHERE kind = 'birthday' AND person = {}", person)
    await db.fetch("DELETE FROM occasion WHERE kind = 'birthday' AND person = {}", person)


async def own_posts(person: UUID, since: datetime, limit: int) -> list[dict[str, Any]]:
    """Posts of one's own occasions and milestones, newest first, with those that one hid oneself."""
    return await db.fetch(
        """SELECT id, kind, scope, params, at, hidden_at FROM post
           WHERE person = {} AND kind <> 'appreciation' AND at >= {}
             AND (hidden_at IS NULL OR hidden_by = {})
           ORDER BY at DESC, id LIMIT {}""",
        person,
        since,
        person,
        limit,
    )


async def show_again(post: UUID, person: UUID) -> bool:
    """A post about oneself that one hid comes back."""
    return bool(
        await db.fetch(
            """UPDATE post SET hidden_at = NULL, hidden_by = NULL, version = version + 1
               WHERE id = {} AND person = {} AND hidden_by = {} AND kind <> 'appreciation' RETURNING id""",
            post,
            person,
            person,
        )
    )


async def asked_at(person: UUID) -> datetime | None:
    """When the person was asked what to celebrate."""
    row = await db.fetch_one("SELECT asked_at FROM person WHERE id = {}", person)
    return row["asked_at"] if row else None


async def note_asked(person: UUID, now: datetime) -> None:
    """They were asked, whatever they answered."""
    await db.fetch("UPDATE person SET asked_at = {} WHERE id = {} AND asked_at IS NULL", now, person)
