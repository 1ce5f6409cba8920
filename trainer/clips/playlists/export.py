"""A playlist as one zip to take along: sounds, their words, the notes, and a page that plays it all offline.

It is written while it is sent: nothing is kept that erasing a call would have to find. Invariant: in it is only what
the reader may hear at the moment that it is written, and what a file may carry away (whoever opens it, also the own
team of the agent heard, hears it); the rest is named as a gap.
"""

import io
import unicodedata
import zipfile
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from uuid import UUID

from trainer import db
from trainer.clips.playlists.service import MAKERS, hears, load_playlist
from trainer.clips.playlists.views import Item, PlaylistView
from trainer.clips.service import ClipView, load_sound, web_vtt
from trainer.people.audit import record_audit
from trainer.people.days import day_of
from trainer.problems import Conflict, Forbidden, Problem
from trainer.storage import storage
from trainer.web.i18n import _, current_locale, speaking
from trainer.web.session import Viewer

NAME_BYTES = 80
_HARMLESS = "-_.,()'"


@dataclass(frozen=True, slots=True)
class Track:
    """One clip in the zip, or the gap in its place; names are of files in it."""

    number: int
    note: str
    clip: ClipView | None
    gap: str = ""
    sound_name: str = ""
    words_name: str = ""


@dataclass(frozen=True, slots=True)
class Exported:
    """All that the offline page shows. `delete_by`: the last day on which every clip in it may be kept."""

    playlist: PlaylistView
    tracks: list[Track]
    made_at: datetime
    made_by: str
    delete_by: date | None


def safe_name(title: str, otherwise: str) -> str:
    """A title as part of a file's name: any script, nothing that a system or a shell reads as more than a letter."""
    text = unicodedata.normalize("NFC", title)
    kept = (c if unicodedata.category(c)[0] in "LMN" or c in _HARMLESS else " " for c in text)
    text = " ".join("".join(kept).split()).strip(" .-")
    text = text.encode()[:NAME_BYTES].decode("utf-8", "ignore").strip(" .-")
    return text or otherwise


async def begin_export(viewer: Viewer, playlist_id: UUID) -> PlaylistView:
    """The playlist to be exported, noted in the log.

    Raises NotFound, Forbidden for those who do not work with clips, Conflict when there is nothing to hear.
    """
    playlist = await load_playlist(viewer, playlist_id)
    if not viewer.has(*MAKERS):
        raise Forbidden(_("Playlists are taken along by trainers, QA analysts and team leads."))
    if not any(_may_leave(clip) for clip in playlist.heard):
        raise Conflict(_("There is no clip in it that may be taken along."), slug="nothing-to-export")
    async with db.transaction():
        told = {"clips": len(playlist.heard)}
        await record_audit(viewer, "playlist_exported", "playlist", str(playlist_id), told)
    return playlist


def _may_leave(clip: ClipView) -> bool:
    """A file plays to anybody: a yes that leaves out the agent's own team is no yes to that."""
    return not clip.consent_needed or clip.consent == "team"


async def archive(
    viewer: Viewer, playlist: PlaylistView, page: Callable[[Exported], str]
) -> AsyncIterator[bytes]:
    """The zip, piece by piece; `page` makes the offline page of what went in."""
    sink = _Sink()
    folder = safe_name(playlist.title, _("Playlist"))
    moment = db.utc_now()
    locale = current_locale()
    tracks: list[Track] = []
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED) as packed:

        def put(name: str, content: bytes, *, small: bool) -> None:
            entry = zipfile.ZipInfo(f"{folder}/{name}", moment.timetuple()[:6])
            entry.external_attr = 0o644 << 16
            # an MP3 gets no smaller
            entry.compress_type = zipfile.ZIP_STORED if small else zipfile.ZIP_DEFLATED
            packed.writestr(entry, content)

        for item in playlist.items:
            track, sound = await _track(viewer, item)
            tracks.append(track)
            if track.clip is not None:
                put(track.sound_name, sound, small=True)
                put(track.words_name, web_vtt(track.clip.lines).encode(), small=False)
            yield sink.take()
        with speaking(locale):
            made = Exported(playlist, tracks, moment, viewer.name, _delete_by(tracks))
            put("notes.txt", _notes(made).encode(), small=False)
            put("index.html", page(made).encode(), small=False)
    yield sink.take()


async def _track(viewer: Viewer, item: Item) -> tuple[Track, bytes]:
    """One item as it is at this moment: minutes may have passed since the export began."""
    if item.clip is None:
        return Track(item.number, "", None, item.gap), b""
    stays = Track(item.number, "", None, _("This clip is heard only inside. It was not taken along."))
    if not _may_leave(item.clip):
        return stays, b""
    try:
        clip = await hears(viewer, item.id)
        if clip is None or not _may_leave(clip):
            return stays, b""
        sound = await load_sound(viewer, item.id)
        content = await storage().get_range(sound.key, 0, sound.size)
        if len(content) < sound.size:
            return stays, b""
    except Problem:
        return stays, b""
    name = f"{item.number:02}-{safe_name(clip.title, _('Clip'))}"
    return Track(item.number, item.note, clip, "", f"{name}.mp3", f"{name}.vtt"), content


def _delete_by(tracks: list[Track]) -> date | None:
    ends = [track.clip.expires_at for track in tracks if track.clip is not None and track.clip.expires_at]
    # they name the end of the last day, which is the first moment of the next where the site is
    return day_of(min(ends) - timedelta(seconds=1), "") if ends else None


def _notes(made: Exported) -> str:
    """What was written, for whoever has no browser at hand."""
    lines = [made.playlist.title, *([made.playlist.note] if made.playlist.note else []), ""]
    if made.delete_by:
        lines += [_("Delete this folder by %(day)s.") % {"day": made.delete_by.isoformat()}, ""]
    for track in made.tracks:
        if track.clip is None:
            lines += [f"{track.number}. {track.gap}", ""]
            continue
        lines.append(f"{track.number}. {track.clip.title} ({track.sound_name})")
        lines += [text for text in (track.note, track.clip.note) if text]
        lines.append("")
    return "\n".join(lines)


class _Sink(io.RawIOBase):
    """What the zip writes until somebody takes it to send it on; it cannot be wound back."""

    def __init__(self) -> None:
        self._waiting = bytearray()

    def writable(self) -> bool:
        return True

    def write(self, content: object) -> int:
        data = bytes(content)  # type: ignore[call-overload]
        self._waiting += data
        return len(data)

    def take(self) -> bytes:
        """What was written since the last time."""
        content = bytes(self._waiting)
        self._waiting.clear()
        return content
