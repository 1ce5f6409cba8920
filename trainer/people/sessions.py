"""Signed-in browsers and programs: from a secret to a viewer, and starting and ending sign-ins.

Invariant: a session's secret is new at every sign-in (nobody can plant one beforehand), and its row is written only
when something changes: once a day at most.
"""

import secrets
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from trainer import db
from trainer.people import queries
from trainer.people.tables import Session
from trainer.web.session import Viewer, hash_secret


def _viewer(row: dict[str, Any], *, session: str | None, scopes: frozenset[str] | None) -> Viewer:
    return Viewer(
        id=row["id"],
        name=row["name"],
        roles=frozenset(row["roles"].split()),
        team=row["team"],
        team_name=row["team_name"],
        locale=row["locale"],
        time_zone=row["time_zone"],
        theme=row["theme"],
        session=session,
        scopes=scopes,
    )


class Sessions:
    """Sessions that end after `days` without a visit."""

    def __init__(self, days: int) -> None:
        self.life = timedelta(days=days)

    async def load(self, secret: str) -> Viewer | None:
        """The viewer of a browser's secret; None when unknown, over, or the person is inactive."""
        now = db.utc_now()
        row = await queries.person_of_session(hash_secret(secret), now)
        if row is None:
            return None
        if row["seen_on"] != now.date():
            await self._seen(row["session_id"], now.date(), now)
        return _viewer(row, session=str(row["session_id"]), scopes=None)

    async def _seen(self, session: UUID, today: date, now: datetime) -> None:
        await Session.update({Session.seen_on: today, Session.expires_at: now + self.life}).where(Session.id == session)

    async def start(self, person: UUID, *, device: str) -> str:
        """Signs a browser in; returns the secret for its cookie."""
        secret = secrets.token_urlsafe(32)
        now = db.utc_now()
        await Session.insert(
            Session(
                secret_hash=hash_secret(secret),
                person=person,
                device=device[:120],
                created_at=now,
                seen_on=now.date(),
                expires_at=now + self.life,
            )
        )
        return secret


async def end_session(session: str) -> None:
    """Signs one browser out."""
    await Session.delete().where(Session.id == UUID(session))


async def end_all_sessions(person: UUID, *, but: str | None = None) -> None:
    """Signs a person out everywhere, except in the browser `but`."""
    where = Session.person == person
    if but:
        where = where & (Session.id != UUID(but))
    await Session.delete().where(where)


async def load_token(secret: str) -> Viewer | None:
    """The viewer of an API token, with its scopes."""
    row = await queries.person_of_token(hash_secret(secret), db.utc_now())
    return _viewer(row, session=None, scopes=frozenset(row["scopes"].split())) if row else None
