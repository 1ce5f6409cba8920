"""What is found, as values: each kind of thing with its texts in pieces, those that were looked for marked."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from trainer.calls.views import RecordingView
from trainer.clips.pairs.service import PairView
from trainer.clips.playlists.views import PlaylistView
from trainer.clips.views import ClipView
from trainer.rulebook.views import RuleView
from trainer.search.nearness import Within
from trainer.search.queries import Kind
from trainer.words import Piece

# Where to go on in a list: (start of the part that is ranked by nearness, how near, key); see finding_calls.
After = tuple[int, int, int]
HIGHEST = (1 << 63) - 1
COUNTED = 100  # more are "more than 100"
LINES_SHOWN = 3


@dataclass(frozen=True, slots=True)
class LineHit:
    """A line of a call or clip that holds what was sought; `start_ms` in it."""

    start_ms: int
    speaker: str
    text: list[Piece]


@dataclass(frozen=True, slots=True)
class CallHit:
    """A call with its best lines, and how many more there are that hold all.

    `within`: all stands in one line (each that is shown holds it), in neighbouring ones, or somewhere in the call, its
    title included; then those lines are shown that hold it together. `title` marks hits in the title too.
    """

    call: RecordingView
    title: list[Piece]
    lines: list[LineHit]
    more: int
    title_fits: bool
    within: Within = "line"

    @property
    def href(self) -> str:
        return f"/calls/{self.call.id}"


@dataclass(frozen=True, slots=True)
class ClipHit:
    """A clip, and where in title, note or words it fits. `lines` are of its transcript, times in the clip.

    For those who make clips: `reasons` why a rule is met or missed that hold something, and `said`, what reviewers
    wrote of a draft.
    """

    clip: ClipView
    title: list[Piece]
    note: list[Piece]
    lines: list[LineHit]
    reasons: list[list[Piece]]
    said: list[list[Piece]]

    @property
    def href(self) -> str:
        return f"/clips/{self.clip.id}"


@dataclass(frozen=True, slots=True)
class RuleHit:
    """A rule in the language in which it fits best."""

    rule: RuleView
    locale: str
    title: list[Piece]
    statement: list[Piece]
    why: list[Piece]

    @property
    def href(self) -> str:
        draft = "" if self.rule.state == "published" else f"?version={self.rule.version}"
        return f"/rules/{self.rule.code}{draft}"


@dataclass(frozen=True, slots=True)
class ItemHit:
    """What is written beside a clip of a playlist."""

    clip: UUID
    title: str
    note: list[Piece]


@dataclass(frozen=True, slots=True)
class PlaylistHit:
    """A playlist, and the notes in it that fit, of clips that play to the viewer."""

    playlist: PlaylistView
    title: list[Piece]
    note: list[Piece]
    items: list[ItemHit]

    @property
    def href(self) -> str:
        return f"/clips/playlists/{self.playlist.id}"


@dataclass(frozen=True, slots=True)
class PairHit:
    """A contrast pair: what its rule is called, and what to hear in the difference."""

    pair: PairView
    title: list[Piece]
    note: list[Piece]

    @property
    def href(self) -> str:
        return f"/clips/pairs/{self.pair.id}"


@dataclass(frozen=True, slots=True)
class NoteHit:
    """What an analyst wrote: on a rule at a moment of the call, or on all of it."""

    evaluation: UUID
    text: list[Piece]
    agent_name: str
    call_title: str
    at: datetime
    rule: str | None
    rule_title: dict[str, str]
    at_ms: int | None

    @property
    def href(self) -> str:
        return f"/evaluations/{self.evaluation}"


Hit = CallHit | ClipHit | RuleHit | PlaylistHit | PairHit | NoteHit


@dataclass(frozen=True, slots=True)
class Found:
    """Hits of one kind. `many`: there are more than `count`; `after`: where the list goes on, if it does."""

    kind: Kind
    hits: Sequence[Hit] = ()
    count: int = 0
    many: bool = False
    after: After | None = None


def one_by_one(kind: Kind, hits: Sequence[Hit], rows: Sequence[Mapping[str, Any]], limit: int) -> Found:
    """Hits of rows that are one entry each, of which `COUNTED + 1` were asked for."""
    going_on = (0, 0, rows[limit - 1]["id"]) if len(rows) > limit else None
    return Found(kind, hits, min(len(rows), COUNTED), len(rows) > COUNTED, going_on)


def key_in(after: After | None) -> int | None:
    """The key to go on from."""
    return after[2] if after else None
