"""Raw SQL of people: the reads that happen with every request, each in one round trip, and lists."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from trainer import db

_VIEWER = """
    SELECT person.id, person.name, person.roles, person.team, team.name AS team_name, person.locale,
           person.time_zone, person.theme
"""

_PERSON = """
    SELECT person.id, person.name, person.email, person.employee_no, person.roles, person.team,
           team.name AS team_name, person.buddy, buddy.name AS buddy_name, person.manager,
           manager.name AS manager_name, person.hired_on, person.birthday,
           person.birthday_scope, person.full_month_scope, person.anniversary_scope, person.milestone_scope,
           person.leap_day, person.locale, person.time_zone, person.theme,
           person.active, person.erased_at, person.revision, person.name_key,
           person.password_hash IS NOT NULL AS has_password
    FROM person LEFT JOIN team ON team.id = person.team LEFT JOIN person AS buddy ON buddy.id = person.buddy
    LEFT JOIN person AS manager ON manager.id = person.manager
"""


async def person_of_session(secret_hash: str, now: datetime, unread: str = "0") -> dict[str, Any] | None:
    """The active person of an unexpired session, with the session's id, expiry and last day seen.

    `unread`: what counts their notices, as SQL (the table is that of a room above).
    """
    return await db.fetch_one(
        _VIEWER
        + f""", {unread} AS unread, session.id AS session_id, session.seen_on, session.expires_at
        FROM session JOIN person ON person.id = session.person LEFT JOIN team ON team.id = person.team
        WHERE session.secret_hash = {{}} AND session.expires_at > {{}} AND person.active""",
        secret_hash,
        now,
    )


async def person_of_token(secret_hash: str, now: datetime) -> dict[str, Any] | None:
    """The active person of a token that is neither revoked nor over, with its scopes."""
    return await db.fetch_one(
        _VIEWER
        + """, token.scopes
        FROM token JOIN person ON person.id = token.person LEFT JOIN team ON team.id = person.team
        WHERE token.secret_hash = {} AND token.revoked_at IS NULL
          AND (token.expires_at IS NULL OR token.expires_at > {}) AND person.active""",
        secret_hash,
        now,
    )


async def person_to_sign_in(identifier: str) -> dict[str, Any] | None:
    """The active person with this e-mail (any case) or employee number, with the password's hash."""
    column = "lower(email)" if "@" in identifier else "employee_no"
    value = identifier.lower() if "@" in identifier else identifier
    return await db.fetch_one(
        f"SELECT id, name, password_hash FROM person WHERE {column} = {{}} AND active",
        value,
    )


async def persons(ids: list[UUID]) -> list[dict[str, Any]]:
    """The people with these ids, in no order."""
    return await db.fetch(_PERSON + " WHERE person.id IN ({})", ids)


async def kept_active(ids: list[UUID]) -> dict[UUID, str]:
    """Those of these people who are active, with their zones; inside a transaction.

    Until it ends nobody deactivates or erases them, so that what it gives them (a session, a link, a token) is taken
    away with the rest.
    """
    hold = " FOR SHARE" if db.dialect() == "postgres" else ""  # on SQLite nobody else writes meanwhile
    rows = await db.fetch(
        f"SELECT id, time_zone FROM person WHERE id IN ({{}}) AND active ORDER BY id{hold}",
        ids,
    )
    return {row["id"]: row["time_zone"] for row in rows}


async def persons_listed(
    *,
    search: str,
    by_address: bool,
    team: UUID | None,
    role: str,
    active: bool,
    without: str = "",
    after: tuple[str, UUID] | None,
    limit: int,
) -> list[dict[str, Any]]:
    """People by name after (name_key, id). `by_address` lets the search look at e-mail and number too.

    `role`: one, or several separated by spaces of which one is enough.
    """
    where, params = (
        ["person.active" if active else "NOT person.active", "person.erased_at IS NULL"],
        list[Any](),
    )
    if search:
        columns = ["person.name_key"] + (
            ["lower(person.email)", "lower(person.employee_no)"] if by_address else []
        )
        pattern = f"%{_literal(search.casefold())}%"
        where.append("(" + " OR ".join(f"{column} LIKE {{}} ESCAPE '!'" for column in columns) + ")")
        params += [pattern] * len(columns)
    if team:
        where.append("person.team = {}")
        params.append(team)
    if without == "password":
        where.append("person.password_hash IS NULL")
    if without == "buddy":
        where.append("person.buddy IS NULL")
    if wanted := role.split():
        like = "' ' || person.roles || ' ' LIKE {} ESCAPE '!'"
        where.append("(" + " OR ".join([like] * len(wanted)) + ")")
        params += [f"% {_literal(each)} %" for each in wanted]
    if after:
        where.append("(person.name_key, person.id) > ({}, {})")
        params += list(after)
    sql = f"{_PERSON} WHERE {' AND '.join(where)} ORDER BY person.name_key, person.id LIMIT {{}}"
    return await db.fetch(sql, *params, limit)


async def newcomers_without_buddy(team: UUID | None, since: date, limit: int) -> list[dict[str, Any]]:
    """Active agents hired on or after a day (in a team) who have no buddy, the newest first."""
    where, params = "", list[Any]([since])
    if team:
        where = "AND person.team = {}"
        params.append(team)
    return await db.fetch(
        f"""{_PERSON} WHERE person.active AND person.erased_at IS NULL AND person.buddy IS NULL
            AND ' ' || person.roles || ' ' LIKE '% agent %' AND person.hired_on >= {{}} {where}
            ORDER BY person.hired_on DESC, person.name_key LIMIT {{}}""",
        *params,
        limit,
    )


def _literal(text: str) -> str:
    """Text that LIKE … ESCAPE '!' takes letter by letter."""
    return text.replace("!", "!!").replace("%", "!%").replace("_", "!_")


async def addresses() -> list[dict[str, Any]]:
    """Everybody's id, e-mail, employee number and manager, to match an imported list with."""
    return await db.fetch(
        "SELECT id, email, employee_no, active, manager, name, roles FROM person WHERE erased_at IS NULL"
    )


async def managers_above(person: UUID) -> list[dict[str, Any]]:
    """The person and everybody above them, nearest first; ends where the chain ends or comes round again."""
    return await db.fetch(
        """WITH RECURSIVE above (id, manager, depth) AS (
               SELECT id, manager, 0 FROM person WHERE id = {}
               UNION
               SELECT person.id, person.manager, above.depth + 1
               FROM person JOIN above ON person.id = above.manager WHERE above.depth < 100
           ) SELECT person.id, person.name FROM above JOIN person ON person.id = above.id ORDER BY above.depth""",
        person,
    )


async def active_admins() -> int:
    """How many people could still administer the centre."""
    row = await db.fetch_one(
        "SELECT COUNT(*) AS n FROM person WHERE active AND ' ' || roles || ' ' LIKE '% admin %'"
    )
    return row["n"] if row else 0


async def teams() -> list[dict[str, Any]]:
    """All teams, with how many active people are in each."""
    return await db.fetch(
        """SELECT team.id, team.name, team.site,
                  (SELECT COUNT(*) FROM person WHERE person.team = team.id AND person.active) AS people
           FROM team"""
    )


async def failures_since(column: str, value: str, since: datetime, most: int) -> list[datetime]:
    """The moments of the latest `most` failed sign-ins of an account or an origin, newest first."""
    assert column in {"account", "origin"}
    rows = await db.fetch(
        f"SELECT at FROM sign_in_failure WHERE {column} = {{}} AND at > {{}} ORDER BY at DESC LIMIT {{}}",
        value,
        since,
        most,
    )
    return [row["at"] for row in rows]


async def link_with_person(secret_hash: str, now: datetime) -> dict[str, Any] | None:
    """A link of an active person that was not over yet at `now`, used or not."""
    return await db.fetch_one(
        """SELECT link.id, link.purpose, link.used_at, link.expires_at, person.id AS person, person.name,
                  person.email, person.employee_no, person.asked_at IS NOT NULL AS asked,
                  person.password_hash IS NULL AS first
           FROM link JOIN person ON person.id = link.person
           WHERE link.secret_hash = {} AND link.expires_at > {} AND person.active""",
        secret_hash,
        now,
    )


async def use_link(link: UUID, now: datetime) -> UUID | None:
    """Marks a link used; its person, or None when somebody was first or it is over."""
    row = await db.fetch_one(
        "UPDATE link SET used_at = {} WHERE id = {} AND used_at IS NULL AND expires_at > {} RETURNING person",
        now,
        link,
        now,
    )
    return row["person"] if row else None


async def audit_entries(
    *,
    action: str,
    noun: str,
    noun_id: str,
    actor: UUID | None,
    since: datetime | None,
    until: datetime | None,
    after: tuple[datetime, UUID] | None,
    limit: int,
) -> list[dict[str, Any]]:
    """Entries of the audit log, newest first."""
    where, params = ["1 = 1"], list[Any]()
    for condition, value in (
        ("entry.action = {}", action),
        ("entry.noun = {}", noun),
        ("entry.noun_id = {}", noun_id),
        ("entry.actor = {}", actor),
        ("entry.at >= {}", since),
        ("entry.at < {}", until),
    ):
        if value:
            where.append(condition)
            params.append(value)
    if after:
        where.append("(entry.at, entry.id) < ({}, {})")
        params += list(after)
    return await db.fetch(
        f"""SELECT entry.id, entry.at, entry.actor, person.name AS actor_name, entry.action, entry.noun,
                   entry.noun_id, entry.detail
            FROM audit_entry AS entry LEFT JOIN person ON person.id = entry.actor
            WHERE {" AND ".join(where)} ORDER BY entry.at DESC, entry.id DESC LIMIT {{}}""",
        *params,
        limit,
    )


async def audit_actions() -> list[str]:
    """The actions that occur in the log, in alphabetical order."""
    return [
        row["action"] for row in await db.fetch("SELECT DISTINCT action FROM audit_entry ORDER BY action")
    ]


async def leads_of(team: UUID) -> list[str]:
    """The names of a team's leads."""
    rows = await db.fetch(
        """SELECT name FROM person WHERE team = {} AND active AND ' ' || roles || ' ' LIKE '% team_lead %'
           ORDER BY name_key""",
        team,
    )
    return [row["name"] for row in rows]
