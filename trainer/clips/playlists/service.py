"""Making and hearing playlists: who finds which, what is in them, and two people at one list.

Rights: trainers, QA analysts and team leads make playlists; the owner changes one, and trainers change those that are
shown to others. `visible` says who finds it: me, link (whoever is signed in and has the address), makers, everyone.
Invariant: an edit is carried out on the revision that its author saw or not at all, and clips that somebody adds
meanwhile are never lost by it.
"""

from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from trainer import db, jobs
from trainer.clips.playlists import queries
from trainer.clips.playlists.tables import Playlist, PlaylistItem, PlaylistPlace
from trainer.clips.playlists.views import Item, Place, PlaylistView
from trainer.clips.service import ClipView, clips_by_ids, gap_sentence
from trainer.jobs import JobContext
from trainer.people.audit import record_audit
from trainer.problems import FieldError, Forbidden, Invalid, NotFound, PreconditionFailed
from trainer.web.i18n import _
from trainer.web.session import Viewer

MAKERS = ("trainer", "qa_analyst", "team_lead")
VISIBLE = ("me", "link", "makers", "everyone")
TITLE_MOST = 120
NOTE_MOST = 2000
MOST_CLIPS = 100

Chosen = tuple[UUID, str]


@dataclass(frozen=True, slots=True)
class PlaylistFields:
    """What a person decides about a playlist beside its clips."""

    title: str
    note: str = ""
    visible: str = "me"


# Reading


def _finds(viewer: Viewer, row: dict[str, Any]) -> bool:
    shown = row["visible"] in ("link", "everyone") or (row["visible"] == "makers" and viewer.has(*MAKERS))
    return row["owner"] == viewer.id or shown


def _view(viewer: Viewer, row: dict[str, Any]) -> PlaylistView:
    shared = row["visible"] != "me" and viewer.has("trainer")
    return PlaylistView(**row, edits=row["owner"] == viewer.id or shared)


async def visible_playlists(
    viewer: Viewer,
    *,
    mine: bool = False,
    ids: Sequence[UUID] | None = None,
    limit: int = 50,
    after: tuple[datetime, UUID] | None = None,
) -> list[PlaylistView]:
    """The viewer's own playlists and those shown to them, latest change first, without their clips.

    `ids` keeps to these. One that is shared by its address alone is found by whoever has that.
    """
    rows = await queries.listed(viewer.id, shown_to(viewer), mine=mine, ids=ids, limit=limit, after=after)
    return [_view(viewer, row) for row in rows]


def shown_to(viewer: Viewer) -> list[str]:
    """Which playlists of others somebody finds, by what `visible` says."""
    return ["everyone", *(["makers"] if viewer.has(*MAKERS) else [])]


async def load_playlist(viewer: Viewer, playlist: UUID) -> PlaylistView:
    """One playlist with its clips and gaps as this viewer hears them. Raises NotFound."""
    row = await queries.one(playlist)
    if row is None or not _finds(viewer, row):
        raise NotFound(_("There is no such playlist, or it is not shared with you."))
    return replace(_view(viewer, row), items=await _items(viewer, await queries.items_of(playlist)))


async def _items(viewer: Viewer, rows: Sequence[dict[str, Any]]) -> tuple[Item, ...]:
    clips = await clips_by_ids(viewer, [row["clip"] for row in rows])
    items: list[Item] = []
    for number, row in enumerate(rows, start=1):
        clip = clips.get(row["clip"])
        if _plays(clip):
            items.append(Item(row["clip"], number, row["note"], clip))
        else:
            # a note could tell of what this listener must not know
            why = await _why_gap(viewer, row["clip"], clip)
            items.append(Item(row["clip"], number, "", None, why))
    return tuple(items)


def _plays(clip: ClipView | None) -> bool:
    """Whether a clip is in use and its sound is there; what is retired plays for those who learned with it alone."""
    return clip is not None and clip.state == "published" and clip.render == "ready"


async def hears(viewer: Viewer, clip: UUID) -> ClipView | None:
    """A clip as it is at this moment, if it plays to this viewer."""
    found = (await clips_by_ids(viewer, [clip])).get(clip)
    return found if _plays(found) else None


async def _why_gap(viewer: Viewer, clip_id: UUID, clip: ClipView | None) -> str:
    if clip is not None and clip.state == "retired":
        return _("This clip was retired.")
    return (await gap_sentence(viewer, [clip_id])).removesuffix(_("You can go on without it.")).strip()


# Making and changing


async def make_playlist(viewer: Viewer, fields: PlaylistFields, items: Sequence[Chosen] = ()) -> UUID:
    """A playlist of published clips in this order, each with its note; returns its id.

    Raises Forbidden, and Invalid naming every wrong field.
    """
    if not viewer.has(*MAKERS):
        raise Forbidden(_("Playlists are made by trainers, QA analysts and team leads."))
    fields, items = _checked(fields), _once(items)
    await _require_heard(viewer, [clip for clip, _note in items])
    now = db.utc_now()
    playlist = Playlist(
        id=db.new_id(),
        title=fields.title,
        note=fields.note,
        visible=fields.visible,
        owner=viewer.id,
        created_at=now,
        updated_at=now,
        updated_by=viewer.id,
    )
    async with db.transaction():
        await Playlist.insert(playlist)
        await _write_items(playlist.id, items)
        await _tell_changed(playlist.id)
        await record_audit(viewer, "playlist_made", "playlist", str(playlist.id), {"visible": fields.visible})
    return playlist.id


async def save_playlist(
    viewer: Viewer,
    playlist_id: UUID,
    fields: PlaylistFields,
    items: Sequence[Chosen],
    *,
    revision: int,
    known: Iterable[UUID] | None = None,
) -> None:
    """Save a playlist as its author saw it in `revision`.

    `known`: the clips that their page held when it was loaded; one that was added since then stays, at the end. Raises
    NotFound, Forbidden, Invalid, and PreconditionFailed with `by` when somebody changed it meanwhile.
    """
    before = await _editable(viewer, playlist_id)
    fields, chosen = _checked(fields), _once(items)
    there = [item.id for item in before.items]
    await _require_heard(viewer, [clip for clip, _note in chosen if clip not in there])
    async with db.transaction():
        await db.lock(f"playlist:{playlist_id}")
        notes = {row["clip"]: row["note"] for row in await queries.items_of(playlist_id)}
        hidden = {item.id for item in before.items if item.clip is None}
        wanted = [(clip, notes.get(clip, note) if clip in hidden else note) for clip, note in chosen]
        if known is not None:
            wanted += _added_since(notes, wanted, known)
        changes: dict[Any, Any] = {
            Playlist.title: fields.title,
            Playlist.note: fields.note,
            Playlist.visible: fields.visible,
        }
        await _touch(viewer, playlist_id, revision, changes)
        await PlaylistItem.delete().where(PlaylistItem.playlist == playlist_id)
        await _write_items(playlist_id, wanted[:MOST_CLIPS])
        if fields.visible != before.visible:
            told = {"from": before.visible, "to": fields.visible}
            await record_audit(viewer, "playlist_shared", "playlist", str(playlist_id), told)


def _added_since(notes: dict[UUID, str], wanted: Sequence[Chosen], known: Iterable[UUID]) -> list[Chosen]:
    seen = {clip for clip, _note in wanted} | set(known)
    return [(clip, note) for clip, note in notes.items() if clip not in seen]


async def add_clip(viewer: Viewer, playlist_id: UUID, clip: UUID, note: str = "") -> bool:
    """Put a published clip at the end; False when it was in the list already. Two who add at once both get a place."""
    await _editable(viewer, playlist_id)
    ((clip, note),) = _once([(clip, note)])
    await _require_heard(viewer, [clip])
    async with _still_there(), db.transaction():
        await db.lock(f"playlist:{playlist_id}")
        last = await queries.last_position(playlist_id)
        item = PlaylistItem(id=db.new_id(), playlist=playlist_id, clip=clip, position=last + 1, note=note)
        if await PlaylistItem.count().where(PlaylistItem.playlist == playlist_id) >= MOST_CLIPS:
            raise Invalid.field("clip", "too-many", _too_many())
        added = await PlaylistItem.insert(item).on_conflict(action="DO NOTHING").returning(PlaylistItem.id)
        if added:
            await _touch(viewer, playlist_id, None, {})
    return bool(added)


async def remove_clip(viewer: Viewer, playlist_id: UUID, clip: UUID) -> None:
    """Take a clip out of the list. Raises NotFound when it is not in it."""
    await _editable(viewer, playlist_id)
    async with db.transaction():
        await db.lock(f"playlist:{playlist_id}")
        here = (PlaylistItem.playlist == playlist_id) & (PlaylistItem.clip == clip)
        if not await PlaylistItem.delete().where(here).returning(PlaylistItem.id):
            raise NotFound(_("This clip is not in the playlist."))
        await _touch(viewer, playlist_id, None, {})


async def delete_playlist(viewer: Viewer, playlist_id: UUID) -> None:
    """Throw a playlist away; its clips stay."""
    await _editable(viewer, playlist_id)
    async with db.transaction():
        await db.lock(f"playlist:{playlist_id}")
        if not await Playlist.delete().where(Playlist.id == playlist_id).returning(Playlist.id):
            raise _gone()
        await record_audit(viewer, "playlist_deleted", "playlist", str(playlist_id))


async def _editable(viewer: Viewer, playlist_id: UUID) -> PlaylistView:
    playlist = await load_playlist(viewer, playlist_id)
    if not playlist.edits:
        raise Forbidden(_("A playlist is changed by whoever made it, or by a trainer once it is shared."))
    return playlist


@asynccontextmanager
async def _still_there() -> AsyncIterator[None]:
    """What is written here points to a playlist that somebody may delete at this moment."""
    try:
        yield
    except db.ForeignKeyViolation as error:
        raise _gone() from error


def _gone() -> NotFound:
    return NotFound(_("This playlist was deleted at this moment."))


async def _touch(viewer: Viewer, playlist: UUID, revision: int | None, changes: dict[Any, Any]) -> None:
    mine = Playlist.id == playlist
    if revision is not None:
        mine = mine & (Playlist.revision == revision)  # type: ignore[assignment]
    touched: dict[Any, Any] = {
        Playlist.revision: Playlist.revision + 1,
        Playlist.updated_at: db.utc_now(),
        Playlist.updated_by: viewer.id,
    }
    if not await Playlist.update(changes | touched).where(mine).returning(Playlist.id):
        row = await queries.one(playlist)
        if row is None:
            raise _gone()
        raise PreconditionFailed(
            _("%(name)s changed this playlist while you were editing it.")
            % {"name": row["updated_by_name"] or _("Somebody")},
            by=row["updated_by_name"] or "",
        )
    await _tell_changed(playlist)


async def _tell_changed(playlist: UUID) -> None:
    """Upper rooms hear what is in a playlist now."""
    await jobs.publish("playlist_changed", {"playlist": str(playlist)})


async def _write_items(playlist: UUID, items: Sequence[Chosen]) -> None:
    if items:
        await PlaylistItem.insert(
            *[
                PlaylistItem(id=db.new_id(), playlist=playlist, clip=clip, position=position, note=note)
                for position, (clip, note) in enumerate(items)
            ]
        )


def _checked(fields: PlaylistFields) -> PlaylistFields:
    fields = replace(fields, title=fields.title.strip(), note=fields.note.strip())
    errors = []
    if not fields.title:
        errors.append(FieldError("title", "required", _("Give the playlist a title.")))
    for name, text, most in (("title", fields.title, TITLE_MOST), ("note", fields.note, NOTE_MOST)):
        if len(text) > most:
            message = _("Please keep this under %(most)s characters.") % {"most": most}
            errors.append(FieldError(name, "too-long", message))
    if fields.visible not in VISIBLE:
        errors.append(FieldError("visible", "unknown", _("Choose who finds it.")))
    if errors:
        raise Invalid(_("Some fields need another look."), errors=errors)
    return fields


def _once(items: Sequence[Chosen]) -> list[Chosen]:
    """Each clip once, in its first place. Raises Invalid for notes that are too long, or too many clips."""
    first: dict[UUID, str] = {}
    for clip, note in items:
        first.setdefault(clip, note.strip())
    chosen = list(first.items())
    if len(chosen) > MOST_CLIPS:
        raise Invalid.field("items", "too-many", _too_many())
    if any(len(note) > NOTE_MOST for _clip, note in chosen):
        message = _("Please keep each note under %(most)s characters.") % {"most": NOTE_MOST}
        raise Invalid.field("items", "too-long", message)
    return chosen


def _too_many() -> str:
    return _("A playlist holds at most %(most)s clips.") % {"most": MOST_CLIPS}


async def _require_heard(viewer: Viewer, clips: Sequence[UUID]) -> None:
    found = await clips_by_ids(viewer, clips, with_rules=False) if clips else {}
    if any(not _plays(found.get(clip)) for clip in clips):
        message = _("Only published clips that you may hear can be put into a playlist.")
        raise Invalid.field("items", "not-published", message)


# Going on where one was


async def remember_place(viewer: Viewer, playlist_id: UUID, clip: UUID, ms: int) -> None:
    """Note how far the viewer is. Raises NotFound when the clip is not in the list."""
    playlist = await load_playlist(viewer, playlist_id)
    if clip not in [item.id for item in playlist.items]:
        raise NotFound(_("This clip is not in the playlist."))
    async with _still_there():
        await queries.keep_place(
            db.new_id(), playlist_id, viewer.id, clip, min(max(ms, 0), 10**7), db.utc_now()
        )


async def place_in(viewer: Viewer, playlist: PlaylistView) -> Place | None:
    """Where the viewer was, if that clip is still there to be heard."""
    row = await queries.place_of(playlist.id, viewer.id)
    if row is None or row["clip"] not in [clip.id for clip in playlist.heard]:
        return None
    return Place(row["clip"], row["ms"])


async def lists_for(viewer: Viewer, clip: UUID) -> list[tuple[PlaylistView, bool]]:
    """The viewer's own playlists, latest change first, and whether each holds this clip already."""
    mine = await visible_playlists(viewer, mine=True, limit=50)
    held = await queries.holding(clip, [each.id for each in mine]) if mine else set()
    return [(each, each.id in held) for each in mine]


# What is erased elsewhere


@jobs.on("clip_lost")
async def forget_notes(context: JobContext, event: dict[str, Any]) -> None:
    """With an erased clip goes what was written about it; its place stays, and says that something is missing."""
    await PlaylistItem.update({PlaylistItem.note: ""}).where(PlaylistItem.clip == UUID(event["clip"]))


@jobs.on("person_erased")
async def forget_private_lists(context: JobContext, event: dict[str, Any]) -> None:
    """What somebody kept for themselves goes with them; what they shared stays with those they shared it with."""
    person = UUID(event["person"])
    await Playlist.delete().where((Playlist.owner == person) & (Playlist.visible == "me"))
    await PlaylistPlace.delete().where(PlaylistPlace.person == person)
