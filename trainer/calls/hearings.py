"""The log of who heard which whole call: noted before the first byte, read by admins and by the agent heard.

Invariant: a line of it is never changed; of an erased call it keeps the day and who heard it, and nothing else.
"""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from trainer import db
from trainer.calls import queries
from trainer.calls.tables import Play
from trainer.calls.views import PlayView
from trainer.people import sight
from trainer.people.days import bounds_of
from trainer.problems import Forbidden
from trainer.web.i18n import _
from trainer.web.session import Viewer

ONE_HEARING = timedelta(minutes=10)
MOST_EXPORTED = 100_000


@dataclass(frozen=True, slots=True)
class LoggedPlay:
    """One hearing. `name` is None for somebody erased since; title and agent are empty for an erased call."""

    id: UUID
    at: datetime
    person: UUID
    name: str | None
    recording: UUID
    title: str
    state: str
    agent: UUID | None
    agent_name: str | None


@dataclass(frozen=True, slots=True)
class PlaySearch:
    """Which hearings: by somebody, of one call, of one agent's calls, on days of the reader (both included)."""

    person: UUID | None = None
    recording: UUID | None = None
    agent: UUID | None = None
    since: date | None = None
    until: date | None = None


async def log_play(viewer: Viewer, recording: UUID) -> None:
    """Notes that somebody hears a raw call; a player's many requests within ten minutes are one hearing."""
    since = db.utc_now() - ONE_HEARING
    if await queries.played_since(recording, viewer.id, since):
        return
    async with db.transaction():
        await db.lock(f"play:{recording}:{viewer.id}")
        if not await queries.played_since(recording, viewer.id, since):
            row = Play(id=db.new_id(), recording=recording, person=viewer.id, at=db.utc_now())
            await Play.insert(row)


async def plays_of(viewer: Viewer, recording: UUID, *, limit: int = 50) -> list[PlayView]:
    """Who heard a raw call, latest first. Only admins read this; others get none."""
    if sight.reach(viewer, "plays") != "each":
        return []
    return [PlayView(**row) for row in await queries.plays(recording, limit)]


async def plays_of_my_calls(viewer: Viewer, *, limit: int = 50) -> list[LoggedPlay]:
    """Who heard the viewer's own calls, latest first."""
    return await _logged(PlaySearch(agent=viewer.id), viewer, after=None, limit=limit)


async def plays_log(
    viewer: Viewer, search: PlaySearch, *, after: tuple[datetime, UUID] | None = None, limit: int = 50
) -> list[LoggedPlay]:
    """The whole log, latest first, after (at, id). Raises Forbidden for whoever may not read it."""
    if sight.reach(viewer, "plays") != "each":
        raise Forbidden(_("Admins read who heard which call; an agent sees it of their own calls."))
    return await _logged(search, viewer, after=after, limit=limit)


async def people_who_heard(viewer: Viewer) -> list[tuple[UUID, str]]:
    """Everybody who is in the log and still has a name, for narrowing it."""
    if sight.reach(viewer, "plays") != "each":
        return []
    return [(row["id"], row["name"]) for row in await queries.listeners()]


async def _logged(
    search: PlaySearch, viewer: Viewer, *, after: tuple[datetime, UUID] | None, limit: int
) -> list[LoggedPlay]:
    start, end = bounds_of(search.since, search.until, viewer.time_zone)
    wanted: list[tuple[str, Any]] = [
        ("play.person = {}", search.person),
        ("play.recording = {}", search.recording),
        ("recording.agent = {}", search.agent),
        ("play.at >= {}", start),
        ("play.at < {}", end),
    ]
    rows = await queries.plays_listed([each for each in wanted if each[1] is not None], after, limit)
    return [LoggedPlay(**row) for row in rows]
