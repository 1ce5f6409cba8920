"""Searching for somebody: the index proposes, the rooms that keep the texts say what this person may read.

Who finds what follows the rooms: lines of calls are found by those who may hear the call, its title by those who may
list it; clips and rules as their lists show them; analysts' notes by those who may read the evaluation.
Invariant: every text that is shown was read just now through its own room for this viewer, and holds what was sought;
a count never counts what the viewer may not see.
"""

import json
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from trainer.calls.reading import reaches, visible_recordings
from trainer.calls.views import RecordingView
from trainer.clips.arithmetic import REMOVED
from trainer.clips.reading import NAMERS, reach_of, visible_clips
from trainer.clips.views import ClipView
from trainer.people import sight
from trainer.quality.service import sight_of
from trainer.rulebook.service import SEE_DRAFTS, rules_of_versions
from trainer.rulebook.views import RuleView
from trainer.search import queries
from trainer.search.queries import Filters, Kind
from trainer.search.sought import Sought, read_sought
from trainer.web.i18n import _, current_locale, text_in
from trainer.web.session import Viewer
from trainer.words import Piece, excerpt, pieces

KINDS: tuple[Kind, ...] = ("call", "clip", "rule", "note")
# What a token needs to find each.
SCOPES: dict[Kind, str] = {
    "call": "recordings:read",
    "clip": "clips:read",
    "rule": "rules:read",
    "note": "evaluations:read",
}
# What a filter means something for; a kind that a set filter does not mean is left out.
MEANT: dict[str, frozenset[Kind]] = {
    "rule": frozenset({"call", "clip", "rule", "note"}),
    "polarity": frozenset({"clip"}),
    "agent": frozenset({"call", "clip", "note"}),
    "language": frozenset({"call", "clip", "note"}),
    "tag": frozenset({"call", "clip", "note"}),
    "since": frozenset({"call", "clip", "note"}),
    "until": frozenset({"call", "clip", "note"}),
    "shortest_ms": frozenset({"call", "clip", "note"}),
    "longest_ms": frozenset({"call", "clip", "note"}),
    "outcome": frozenset({"call", "note"}),
}
COUNTED = 100  # more are "more than 100"
LINES_READ = (
    60  # lines that are looked at for each call of a page, most: frequent words stand in every other line
)
LINES_SHOWN = 3
CLIP_STATES = ("published", "draft", "in_review", "retired")


@dataclass(frozen=True, slots=True)
class LineHit:
    """A line of a call that holds all that was sought; `start_ms` in the recording."""

    start_ms: int
    speaker: str
    text: list[Piece]


@dataclass(frozen=True, slots=True)
class CallHit:
    """A call with its first lines that fit, and how many more there are. `title` marks hits in it too."""

    call: RecordingView
    title: list[Piece]
    lines: list[LineHit]
    more: int
    title_fits: bool

    @property
    def href(self) -> str:
        return f"/calls/{self.call.id}"


@dataclass(frozen=True, slots=True)
class ClipHit:
    """A clip, and where in title, note or words it fits. `lines` are of its transcript, times in the clip."""

    clip: ClipView
    title: list[Piece]
    note: list[Piece]
    lines: list[LineHit]

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


Hit = CallHit | ClipHit | RuleHit | NoteHit


@dataclass(frozen=True, slots=True)
class Found:
    """Hits of one kind. `count` is None where they go on after a page; `many`: there are more than `count`."""

    kind: Kind
    hits: Sequence[Hit] = ()
    count: int = 0
    many: bool = False
    after: int | None = None  # the key to go on from


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
    has = {
        "call": bool(listed) or viewer.has("agent"),
        "clip": True,
        "rule": True,
        "note": viewer.has("agent") or sight.reach(viewer, "marks") == "each",
    }
    return [kind for kind in KINDS if has[kind] and viewer.may_use(SCOPES[kind])]


def may_ask_outcome(viewer: Viewer) -> bool:
    """Whether somebody reads single evaluations, and so may ask for calls by what came of them."""
    return viewer.has("agent") or sight.reach(viewer, "marks") == "each"


async def search(viewer: Viewer, wanted: Wanted, *, each: int = 4) -> list[Found]:
    """The first hits of each kind that the viewer may find, or of the one that was asked for."""
    asked = [kind for kind in kinds_for(viewer) if wanted.kind in (None, kind)]
    return [await find(viewer, wanted, kind, limit=each) for kind in asked]


async def find(
    viewer: Viewer, wanted: Wanted, kind: Kind, *, limit: int = 20, after: int | None = None
) -> Found:
    """Hits of one kind, what was added or changed last first, after the one with this key."""
    sought = wanted.sought
    if not sought or kind not in kinds_for(viewer) or not wanted.means(kind):
        return Found(kind)
    return await _FINDERS[kind](viewer, sought, wanted.filters, limit, after)


async def _calls(viewer: Viewer, sought: Sought, filters: Filters, limit: int, after: int | None) -> Found:
    lists, hears = await reaches(viewer)
    rows = await queries.lines(
        sought,
        filters,
        hears=hears,
        lists=lists,
        marks=sight_of(viewer),
        before=after,
        limit=LINES_READ * limit,
    )
    groups: dict[UUID, list[dict[str, Any]]] = {}
    for row in rows:
        groups.setdefault(row["recording"], []).append(row)
    cut_off = len(rows) == LINES_READ * limit
    if cut_off and len(groups) > 1:
        groups.popitem()  # its other lines were not read
    shown = dict(list(groups.items())[:limit])
    views = {
        call.id: call
        for call in (await visible_recordings(viewer, ids=list(shown), limit=limit) if shown else [])
        if call.state == "ready"
    }
    first = [row["segment"] for group in shown.values() for row in _lines_of(group)[:LINES_SHOWN]]
    texts = {row["id"]: row for row in (await queries.line_texts(first) if first else [])}
    hits = [_call_hit(sought, views[call], group, texts) for call, group in shown.items() if call in views]
    last = min((row["id"] for group in shown.values() for row in group), default=None)
    more = len(groups) > limit or (cut_off and bool(groups))
    return Found(
        "call",
        [hit for hit in hits if hit.lines or hit.title_fits],
        min(len(groups), COUNTED),
        cut_off or len(groups) > COUNTED,
        last if more else None,
    )


def _lines_of(group: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [row for row in group if row["segment"] is not None]


def _call_hit(
    sought: Sought, call: RecordingView, group: list[dict[str, Any]], texts: dict[UUID, dict[str, Any]]
) -> CallHit:
    spoken = _lines_of(group) if call.may_hear else []
    lines: list[LineHit] = []
    for row in spoken[:LINES_SHOWN]:
        line = texts.get(row["segment"])
        places = sought.places(line["text"]) if line else None
        if line and places:
            lines.append(LineHit(line["start_ms"], line["speaker"], excerpt(line["text"], places)))
    title = sought.places(call.title)
    return CallHit(
        call,
        pieces(call.title, title or []),
        lines,
        max(0, len(spoken) - LINES_SHOWN),
        title_fits=bool(title),
    )


async def _clips(viewer: Viewer, sought: Sought, filters: Filters, limit: int, after: int | None) -> Found:
    reach = await reach_of(viewer)
    rows = await queries.clips(
        sought,
        filters,
        reach,
        person=viewer.id,
        names=viewer.has(*NAMERS),
        before=after,
        limit=COUNTED + 1,
    )
    shown = rows[:limit]
    ids = [row["clip"] for row in shown]
    views = {
        clip.id: clip
        for clip in (await visible_clips(viewer, states=CLIP_STATES, ids=ids, limit=limit) if ids else [])
    }
    hits = [hit for clip in ids if clip in views and (hit := _clip_hit(sought, views[clip]))]
    return _found("clip", hits, rows, limit)


def _clip_hit(sought: Sought, clip: ClipView) -> ClipHit | None:
    spoken = [line.text.replace(REMOVED, " ") for line in clip.lines]
    if not sought.held_by([*clip.titles.values(), *clip.notes.values(), *spoken]):
        return None
    lines = [
        LineHit(line.start_ms, line.speaker, excerpt(read.text, places))
        for line, read in zip(clip.lines, clip.transcript, strict=True)
        if (places := sought.some_places(read.text))
    ]
    return ClipHit(
        clip,
        pieces(clip.title, sought.some_places(clip.title)),
        excerpt(clip.note, sought.some_places(clip.note)),
        lines[:LINES_SHOWN],
    )


async def _rules(viewer: Viewer, sought: Sought, filters: Filters, limit: int, after: int | None) -> Found:
    rows = await queries.rules(
        sought, filters, drafts=viewer.has(*SEE_DRAFTS), before=after, limit=COUNTED + 1
    )
    shown = [row["rule_version"] for row in rows[:limit]]
    rules = await rules_of_versions(shown)
    hits = [hit for version in shown if version in rules and (hit := _rule_hit(sought, rules[version]))]
    return _found("rule", hits, rows, limit)


def _rule_hit(sought: Sought, rule: RuleView) -> RuleHit | None:
    """In the reader's language, unless only another one fits."""
    authored = (rule.title, rule.statement, rule.why)
    if not sought.held_by([text for texts in authored for text in texts.values()]):
        return None
    locales = list(dict.fromkeys([current_locale(), *(locale for texts in authored for locale in texts)]))

    def said(locale: str) -> tuple[str, str, str]:
        return tuple(texts.get(locale) or text_in(texts) for texts in authored)  # type: ignore[return-value]

    best = next((locale for locale in locales if sought.held_by(said(locale))), locales[0])
    title, statement, why = said(best)
    why_places = sought.some_places(why)
    return RuleHit(
        rule,
        best,
        pieces(title, sought.some_places(title)),
        pieces(statement, sought.some_places(statement)),
        excerpt(why, why_places) if why_places else [],
    )


async def _notes(viewer: Viewer, sought: Sought, filters: Filters, limit: int, after: int | None) -> Found:
    rows = await queries.notes(sought, filters, sight_of(viewer), before=after, limit=COUNTED + 1)
    hits: list[NoteHit] = []
    for row in rows[:limit]:
        text = row["comment"] if row["mark_comment"] is None else row["mark_comment"]
        if places := sought.places(text):
            hits.append(
                NoteHit(
                    row["evaluation"],
                    excerpt(text, places),
                    row["agent_name"],
                    row["recording_title"] or "",
                    row["released_at"],
                    row["code"],
                    json.loads(row["rule_title"] or "{}"),
                    row["at_ms"],
                )
            )
    return _found("note", hits, rows, limit)


def _found(kind: Kind, hits: Sequence[Hit], rows: list[dict[str, Any]], limit: int) -> Found:
    return Found(
        kind,
        hits,
        min(len(rows), COUNTED),
        len(rows) > COUNTED,
        rows[limit - 1]["id"] if len(rows) > limit else None,
    )


_FINDERS: dict[Kind, Callable[[Viewer, Sought, Filters, int, int | None], Awaitable[Found]]] = {
    "call": _calls,
    "clip": _clips,
    "rule": _rules,
    "note": _notes,
}


def kind_names() -> dict[Kind, str]:
    """The kinds, for people."""
    return {"call": _("Calls"), "clip": _("Clips"), "rule": _("Rules"), "note": _("Analysts' notes")}
