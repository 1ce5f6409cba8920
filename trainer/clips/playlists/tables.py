"""Columns and constraints of playlists."""

import uuid

from piccolo.columns import UUID, ForeignKey, Integer, Text, Timestamptz
from piccolo.columns.base import OnDelete
from piccolo.table import Table

from trainer.clips.tables import Clip
from trainer.people.tables import Person


class Playlist(Table, tablename="playlist"):
    """Clips in an order. Title and notes are its owner's own words, in one language."""

    id = UUID(primary_key=True, default=uuid.uuid4)
    title = Text(default="")
    note = Text(default="", help_text="What its listeners read first.")
    owner = ForeignKey(Person, on_delete=OnDelete.restrict, null=False)
    visible = Text(default="me", help_text="me, link, makers or everyone")
    revision = Integer(default=1, help_text="Grows with every edit; what If-Match compares.")
    created_at = Timestamptz(default=None)
    updated_at = Timestamptz(default=None)
    updated_by = UUID(default=None, null=True)


class PlaylistItem(Table, tablename="playlist_item"):
    """A clip's place in a playlist, with what is read before it plays."""

    id = UUID(primary_key=True, default=uuid.uuid4)
    playlist = ForeignKey(Playlist, on_delete=OnDelete.cascade, null=False)
    clip = ForeignKey(Clip, on_delete=OnDelete.restrict, null=False, help_text="The named row.")
    position = Integer(default=0)
    note = Text(default="")


class PlaylistPlace(Table, tablename="playlist_place"):
    """Where a listener was, so that they go on from there."""

    id = UUID(primary_key=True, default=uuid.uuid4)
    playlist = ForeignKey(Playlist, on_delete=OnDelete.cascade, null=False)
    person = ForeignKey(Person, on_delete=OnDelete.cascade, null=False)
    clip = UUID(help_text="The named row.")
    ms = Integer(default=0)
    at = Timestamptz(default=None)


INDEXES = [
    "CREATE INDEX playlist_owner ON playlist (owner)",
    "CREATE INDEX playlist_visible ON playlist (visible, updated_at)",
    "CREATE UNIQUE INDEX playlist_item_once ON playlist_item (playlist, clip)",
    "CREATE INDEX playlist_item_clip ON playlist_item (clip)",
    "CREATE UNIQUE INDEX playlist_place_once ON playlist_place (playlist, person)",
]
