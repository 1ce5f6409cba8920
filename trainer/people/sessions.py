"""Signed-in browsers and programs: from a secret to a viewer, and starting and ending sign-ins.

Invariant: a session's secret is new at every sign-in (nobody can plant one beforehand), and its row is
written only when something changes: once a day at most.
"""

import re
import secrets
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from trainer import db, jobs
from trainer.people import queries
from trainer.people.days import day_of
from trainer.people.service import PersonView
from trainer.people.tables import Link, Session
from trainer.problems import Unauthenticated
from trainer.web.i18n import _
from trainer.web.live import end_streams_of
from trainer.web.session import Viewer, hash_secret


def viewer_as(person: PersonView) -> Viewer:
    """The person as services see them when a job goes on with what they began."""
    return Viewer(
        id=person.id,
        name=person.name,
        roles=person.roles,
        team=person.team,
        team_name=person.team_name,
        locale=person.locale,
        time_zone=person.time_zone,
        theme=person.theme,
    )


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
        unread=row.get("unread", 0),
    )


LINKS_REMEMBERED = timedelta(days=60)


class Sessions:
    """Sessions that end after `days` without a visit. `unread` counts the person's notices, as SQL."""

    def __init__(self, days: int, unread: str = "0") -> None:
        self.life = timedelta(days=days)
        self._unread = unread

    async def load(self, secret: str) -> Viewer | None:
        """The viewer of a browser's secret; None when unknown, over, or the person is inactive."""
        now = db.utc_now()
        row = await queries.person_of_session(hash_secret(secret), now, self._unread)
        if row is None:
            return None
        if row["seen_on"] != (today := day_of(now, row["time_zone"])):
            await self._seen(row["session_id"], today, now)
        return _viewer(row, session=str(row["session_id"]), scopes=None)

    async def _seen(self, session: UUID, today: date, now: datetime) -> None:
        await Session.update({Session.seen_on: today, Session.expires_at: now + self.life}).where(
            Session.id == session
        )

    async def start(self, person: UUID, *, device: str) -> str:
        """Signs a browser in; returns the secret for its cookie. Raises Unauthenticated: they left meanwhile."""
        secret = secrets.token_urlsafe(32)
        now = db.utc_now()
        async with db.transaction():
            here = await queries.kept_active([person])
            if person not in here:
                raise not_here_any_more()
            await Session.insert(
                Session(
                    id=db.new_id(),
                    secret_hash=hash_secret(secret),
                    person=person,
                    device=device[:120],
                    created_at=now,
                    seen_on=day_of(now, here[person]),
                    expires_at=now + self.life,
                )
            )
        return secret


def not_here_any_more() -> Unauthenticated:
    """For whoever was deactivated or erased while they signed in or changed their password."""
    return Unauthenticated(
        _("You cannot sign in any more: your account was closed a moment ago. Ask an admin.")
    )


@dataclass(frozen=True, slots=True)
class SessionView:
    """One signed-in browser, as its owner sees it."""

    id: UUID
    device: str
    created_at: datetime
    seen_on: date
    current: bool


async def sessions_of(viewer: Viewer) -> list[SessionView]:
    """The viewer's signed-in browsers, the present one first, then the latest seen."""
    mine = (Session.person == viewer.id) & (Session.expires_at > db.utc_now())
    rows: list[dict[str, Any]] = await Session.select().where(mine)
    views = [
        SessionView(
            row["id"], row["device"], row["created_at"], row["seen_on"], str(row["id"]) == viewer.session
        )
        for row in rows
    ]
    return sorted(views, key=lambda view: (view.current, view.seen_on, view.created_at), reverse=True)


async def end_session(session: str) -> None:
    """Signs one browser out."""
    await Session.delete().where(Session.id == UUID(session))


async def end_own_session(viewer: Viewer, session: UUID) -> None:
    """Signs another browser of the viewer out; one that is not theirs stays untouched."""
    await Session.delete().where((Session.id == session) & (Session.person == viewer.id))
    await end_streams_of(viewer.id)


async def end_all_sessions(person: UUID) -> None:
    """Signs a person out everywhere."""
    await Session.delete().where(Session.person == person)
    await end_streams_of(person)


async def load_token(secret: str) -> Viewer | None:
    """The viewer of an API token, with its scopes."""
    row = await queries.person_of_token(hash_secret(secret), db.utc_now())
    return _viewer(row, session=None, scopes=frozenset(row["scopes"].split())) if row else None


_BROWSERS = (
    ("Edge", r"\bEdg(e|A|iOS)?/"),
    ("Opera", r"\bOPR/"),
    ("Samsung Internet", r"\bSamsungBrowser/"),
    ("Firefox", r"\b(Firefox|FxiOS)/"),
    ("Chrome", r"\b(Chrome|CriOS)/"),
    ("Safari", r"\bSafari/"),
)
_SYSTEMS = (
    ("Android", r"Android"),
    ("iPhone", r"iPhone"),
    ("iPad", r"iPad"),
    ("Windows", r"Windows"),
    ("macOS", r"Mac OS X"),
    ("ChromeOS", r"\bCrOS\b"),
    ("Linux", r"Linux"),
)


def device_name(user_agent: str) -> str:
    """Browser and system in a few words, such as "Firefox, Android"; "" when neither is known.

    The list of sessions needs no more than this, so no more of it is kept.
    """
    found = [
        next((name for name, pattern in known if re.search(pattern, user_agent)), "")
        for known in (_BROWSERS, _SYSTEMS)
    ]
    return ", ".join(name for name in found if name)


@jobs.schedule("forget_ended_sessions", at="02:40")
async def forget_ended_sessions(context: jobs.JobContext) -> None:
    """Sessions and links that are over serve nobody and are personal data; links are remembered for a while, so that
    their pages can say what became of them.
    """
    now = db.utc_now()
    await Session.delete().where(Session.expires_at < now)
    await Link.delete().where(Link.expires_at < now - LINKS_REMEMBERED)
