"""Raw SQL of playlists."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from trainer import db

_PLAYLIST = """
    SELECT playlist.id, playlist.title, playlist.note, playlist.visible, playlist.owner, playlist.revision,
           playlist.created_at, playlist.updated_at, holder.name AS owner_name, editor.name AS updated_by_name,
           (SELECT COUNT(*) FROM playlist_item WHERE playlist_item.playlist = playlist.id) AS clips
    FROM playlist
    JOIN person holder ON holder.id = playlist.owner
    LEFT JOIN person editor ON editor.id = playlist.updated_by
"""


async def one(playlist: UUID) -> dict[str, Any] | None:
    """A playlist, whoever asks."""
    return await db.fetch_one(_PLAYLIST + "WHERE playlist.id = {}", playlist)


async def listed(
    person: UUID,
    shown: list[str],
    *,
    mine: bool,
    ids: Sequence[UUID] | None,
    limit: int,
    after: tuple[datetime, UUID] | None,
) -> list[dict[str, Any]]:
    """Somebody's own playlists and (unless `mine`) those shown to them, latest change first."""
    where, params = ["playlist.owner = {}"], list[Any]([person])
    if shown and not mine:
        where = ["(playlist.owner = {} OR playlist.visible IN ({}))"]
        params.append(shown)
    if ids is not None:
        where.append("playlist.id IN ({})")
        params.append(list(ids))
    if after is not None:
        where.append("(playlist.updated_at < {} OR (playlist.updated_at = {} AND playlist.id < {}))")
        params += [after[0], after[0], after[1]]
    order = "ORDER BY playlist.updated_at DESC, playlist.id DESC LIMIT {}"
    return await db.fetch(f"{_PLAYLIST} WHERE {' AND '.join(where)} {order}", *params, limit)


async def items_of(playlist: UUID) -> list[dict[str, Any]]:
    """The clips of a playlist in order, with their notes."""
    return await db.fetch(
        "SELECT clip, note FROM playlist_item WHERE playlist = {} ORDER BY position, id", playlist
    )


async def holding(clip: UUID, playlists: list[UUID]) -> set[UUID]:
    """Those of these playlists that a clip is in."""
    rows = await db.fetch(
        "SELECT playlist FROM playlist_item WHERE clip = {} AND playlist IN ({})", clip, playlists
    )
    return {row["playlist"] for row in rows}


async def last_position(playlist: UUID) -> int:
    """The place of a playlist's last clip; -1 in an empty one."""
    row = await db.fetch_one(
        "SELECT COALESCE(MAX(position), -1) AS last FROM playlist_item WHERE playlist = {}", playlist
    )
    return row["last"] if row else -1


async def keep_place(place: UUID, playlist: UUID, person: UUID, clip: UUID, ms: int, at: datetime) -> None:
    """Where somebody is in a playlist, in the place of where they were."""
    await db.fetch(
        """INSERT INTO playlist_place (id, playlist, person, clip, ms, at) VALUES ({}, {}, {}, {}, {}, {})
           ON CONFLICT (playlist, person) DO UPDATE SET clip = excluded.clip, ms = excluded.ms, at = excluded.at
           RETURNING id""",
        place,
        playlist,
        person,
        clip,
        ms,
        at,
    )


async def place_of(playlist: UUID, person: UUID) -> dict[str, Any] | None:
    """Where somebody was in a playlist."""
    return await db.fetch_one(
        "SELECT clip, ms FROM playlist_place WHERE playlist = {} AND person = {}", playlist, person
    )
