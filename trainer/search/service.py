"""Searching for somebody: the index proposes, the rooms that keep the texts say what this person may read.

Who finds what follows the rooms: lines of calls are found by those who may hear the call, its title by those who may
list it; clips, rules, playlists and pairs as their lists show them; analysts' notes by those who may read the
evaluation. How each kind is found stands in finding_calls, finding_clips and finding_texts.
Invariant: every text that is shown was read just now through its own room for this viewer, and holds what was sought;
a count never counts what the viewer may not see.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from trainer.people import sight
from trainer.search.filters import Filters
from trainer.search.finding_calls import find_calls
from trainer.search.finding_clips import find_clips, find_pairs, find_playlists
from trainer.search.finding_texts import find_notes, find_rules
from trainer.search.hits import After, Found
from trainer.search.queries import Kind
from trainer.search.sought import Sought, read_sought
from trainer.web.i18n import _
from trainer.web.session import Viewer

KINDS: tuple[Kind, ...] = ("call", "clip", "rule", "playlist", "pair", "note")
# What a token needs to find each.
SCOPES: dict[Kind, str] = {
    "call": "recordings:read",
    "clip": "clips:read",
    "rule": "rules:read",
    "playlist": "clips:read",
    "pair": "clips:read",
    "note": "evaluations:read",
}
# What a filter means something for; a kind that a set filter does not mean is left out.
MEANT: dict[str, frozenset[Kind]] = {
    "rule": frozenset({"call", "clip", "rule", "pair", "note"}),
    "polarity": frozenset({"clip"}),
    "agent": frozenset({"call", "clip", "note"}),
    "language": frozenset({"call", "clip", "pair", "note"}),
    "tag": frozenset({"call", "clip", "note"}),
    "since": frozenset({"call", "clip", "note"}),
    "until": frozenset({"call", "clip", "note"}),
    "shortest_ms": frozenset({"call", "clip", "note"}),
    "longest_ms": frozenset({"call", "clip", "note"}),
    "outcome": frozenset({"call", "note"}),
}


@dataclass(frozen=True, slots=True)
class Wanted:
    """What somebody asked for."""

    typed: str = ""
    kind: Kind | None = None
    filters: Filters = field(default_factory=Filters)

    @property
    def sought(self) -> Sought:
        return read_sought(self.typed)

    def means(self, kind: Kind) -> bool:
        """Whether the filters leave this kind anything to find."""
        return all(
            kind in kinds for name, kinds in MEANT.items() if getattr(self.filters, name) not in (None, "")
        )


def kinds_for(viewer: Viewer) -> list[Kind]:
    """What somebody may find at all; a token finds only what its scopes reach."""
    listed = {role for role in sight.TABLE["recordings"] if viewer.has(role)}
    barred: set[Kind] = set()
    if not listed and not viewer.has("agent"):
        barred.add("call")
    if not may_ask_outcome(viewer):
        barred.add("note")
    return [kind for kind in KINDS if kind not in barred and viewer.may_use(SCOPES[kind])]


def may_ask_outcome(viewer: Viewer) -> bool:
    """Whether somebody reads single evaluations, and so may ask for calls by what came of them."""
    return viewer.has("agent") or sight.reach(viewer, "marks") == "each"


async def search(viewer: Viewer, wanted: Wanted, *, each: int = 4) -> list[Found]:
    """The first hits of each kind that the viewer may find, or of the one that was asked for."""
    asked = [kind for kind in kinds_for(viewer) if wanted.kind in (None, kind)]
    return [await find(viewer, wanted, kind, limit=each) for kind in asked]


async def find(
    viewer: Viewer, wanted: Wanted, kind: Kind, *, limit: int = 20, after: After | None = None
) -> Found:
    """Hits of one kind from `after` on: what was added or changed last first, calls by nearness before that."""
    sought = wanted.sought
    if not sought or kind not in kinds_for(viewer) or not wanted.means(kind):
        return Found(kind)
    return await _FINDERS[kind](viewer, sought, wanted.filters, limit, after)


_FINDERS: dict[Kind, Callable[[Viewer, Sought, Filters, int, After | None], Awaitable[Found]]] = {
    "call": find_calls,
    "clip": find_clips,
    "rule": find_rules,
    "playlist": find_playlists,
    "pair": find_pairs,
    "note": find_notes,
}


def kind_names() -> dict[Kind, str]:
    """The kinds, for people."""
    return {
        "call": _("Calls"),
        "clip": _("Clips"),
        "rule": _("Rules"),
        "playlist": _("Playlists"),
        "pair": _("Contrast pairs"),
        "note": _("Analysts' notes"),
    }
