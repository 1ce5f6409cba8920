"""Raw SQL of people: the reads that happen with every request, each in one round trip."""

from datetime import datetime
from typing import Any

from trainer import db

_VIEWER = """
    SELECT person.id, person.name, person.roles, person.team, team.name AS team_name, person.locale,
           person.time_zone, person.theme
"""


async def person_of_session(secret_hash: str, now: datetime) -> dict[str, Any] | None:
    """The active person of an unexpired session, with the session's id, expiry and last day seen."""
    return await db.fetch_one(
        _VIEWER
        + """, session.id AS session_id, session.seen_on, session.expires_at
        FROM session JOIN person ON person.id = session.person LEFT JOIN team ON team.id = person.team
        WHERE session.secret_hash = {} AND session.expires_at > {} AND person.active""",
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
