"""Playlists as values, made for one listener."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from trainer.clips.views import ClipView


@dataclass(frozen=True, slots=True)
class Item:
    """A clip in its place. `id` is the clip's; `clip` is None for a gap, and `gap` then says why in words."""

    id: UUID
    number: int
    note: str
    clip: ClipView | None
    gap: str = ""


@dataclass(frozen=True, slots=True)
class PlaylistView:
    """One playlist for one listener. `edits`: they may change it; `clips` counts all items, gaps too."""

    id: UUID
    title: str
    note: str
    visible: str
    owner: UUID
    owner_name: str
    revision: int
    created_at: datetime
    updated_at: datetime
    updated_by_name: str | None
    clips: int
    edits: bool
    items: tuple[Item, ...] = ()

    @property
    def heard(self) -> list[ClipView]:
        """The clips that this listener hears, in order."""
        return [item.clip for item in self.items if item.clip is not None]

    @property
    def duration_ms(self) -> int:
        return sum(clip.duration_ms for clip in self.heard)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a listener was: the clip, and the milliseconds in it."""

    clip: UUID
    ms: int
