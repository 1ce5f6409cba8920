"""Clips as others see them: who may see which, and the one view that pages, the API and upper domains use.

`load_clip` opens one and `visible_clips` lists many; both follow the same rights (tests hold them together):
published ones are for everybody who is signed in; drafts for trainers, QA analysts and, where the agent heard
is of their team, team leads; retired and superseded ones for trainers and for whoever's history needs them.
"""

from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from trainer import db
from trainer.clips import queries
from trainer.clips.arithmetic import REMOVED, Cut, Line, Span
from trainer.problems import Conflict, Gone, Malformed, NotFound
from trainer.web.i18n import _, text_in
from trainer.web.session import Viewer

POLARITIES = ("exemplar", "near_miss", "counterexample")
OPEN_STATES = ("draft", "in_review")

HistoryCheck = Callable[[UUID, UUID], Awaitable[bool]]
_history_checks: list[HistoryCheck] = []


def allow_history(check: HistoryCheck) -> None:
    """An upper domain says whose past needs a clip: `check(person, clip)` → may hear it though retired."""
    if check not in _history_checks:
        _history_checks.append(check)


@dataclass(frozen=True, slots=True)
class RuleRef:
    """A rule that a clip lets one hear, in the version that it was pinned to. `title` is {locale: text}."""

    id: UUID
    code: str
    version: int
    title: dict[str, str]
    statement: dict[str, str]
    severity: str
    current_version: int | None

    @property
    def outdated(self) -> bool:
        """Whether the rule has a newer published version than the one that was heard for."""
        return self.current_version is not None and self.current_version > self.version


@dataclass(frozen=True, slots=True)
class ClipView:
    """One clip for one viewer. start_ms, end_ms and redactions lie in the call, other times in the clip."""

    id: UUID
    recording: UUID
    recording_title: str
    recording_state: str
    recording_ms: int
    expires_at: datetime | None
    replaces: UUID | None
    draft: UUID | None
    version: int
    state: str
    slug: str | None
    titles: dict[str, str]
    notes: dict[str, str]
    whys: dict[str, str]
    polarity: str
    language: str
    start_ms: int
    end_ms: int
    cue_ms: int | None
    redactions: tuple[Cut, ...]
    no_speech: bool
    privacy_checked_at: datetime | None
    render: str
    render_error: str
    duration_ms: int
    bars: list[int]
    lines: list[Line]
    staged: bool
    agent: UUID | None
    agent_name: str | None
    agent_team: UUID | None
    curator: UUID | None
    curator_name: str | None
    revision: int
    created_at: datetime
    updated_at: datetime
    updated_by: UUID | None
    updated_by_name: str | None
    submitted_by: UUID | None
    submitted_by_name: str | None
    published_at: datetime | None
    rules: tuple[RuleRef, ...] = field(default=())

    @property
    def title(self) -> str:
        return text_in(self.titles)

    @property
    def note(self) -> str:
        """What to listen for."""
        return text_in(self.notes)

    @property
    def why(self) -> str:
        """Why the rule is met or broken here; for after an answer."""
        return text_in(self.whys)

    @property
    def transcript(self) -> list[Line]:
        """The lines as a reader sees them: who speaks, and what was removed, in the reader's language."""
        names = {"agent": _("Agent"), "caller": _("Caller")}
        mark = _("[removed]")
        return [
            replace(
                line, speaker=names.get(line.speaker, line.speaker), text=line.text.replace(REMOVED, mark)
            )
            for line in self.lines
        ]

    @property
    def audio_url(self) -> str:
        return f"/clips/{self.id}/audio"

    @property
    def named(self) -> UUID:
        """The id that stays the same over all versions: what modules, facts and addresses name."""
        return self.replaces or self.id

    @property
    def span(self) -> Span:
        return Span(self.start_ms, self.end_ms)

    @property
    def rendering(self) -> bool:
        """Whether its sound is on the way."""
        return self.render in ("queued", "rendering")


@dataclass(frozen=True, slots=True)
class Sound:
    """Where a clip's audio lies. `etag` is the hash that also names it."""

    key: str
    etag: str
    size: int


def sound_key(recording: UUID, render_key: str) -> str:
    """The storage key of a rendered clip: below the recording's id, so that erasing a call finds it."""
    return f"clips/{recording}/{render_key}.mp3"


def reach_of(viewer: Viewer | None) -> queries.Reach:
    """What a viewer may find in lists; None is the system itself."""
    everything = viewer is None or viewer.has("trainer")
    team = viewer.team if viewer is not None and viewer.has("team_lead") else None
    return queries.Reach(
        drafts=everything or (viewer is not None and viewer.has("qa_analyst")),
        drafts_of_team=team,
        retired=everything,
    )


def may_see_drafts(viewer: Viewer | None, agent_team: UUID | None) -> bool:
    """Whether a viewer may see drafts cut from a call of an agent of this team."""
    reach = reach_of(viewer)
    return reach.drafts or (reach.drafts_of_team is not None and reach.drafts_of_team == agent_team)


async def load_clip(viewer: Viewer | None, clip_id: UUID) -> ClipView:
    """One clip. Raises NotFound where the viewer may not know of it, Gone once its call is erased or over."""
    row = await queries.clip_row(clip_id)
    await _check_sight(viewer, row)
    assert row is not None
    return (await _views(viewer, [row]))[0]


async def visible_clips(
    viewer: Viewer | None,
    *,
    states: Sequence[str] = ("published",),
    rule: str | None = None,
    polarity: str | None = None,
    recording: UUID | None = None,
    curator: UUID | None = None,
    words: str = "",
    limit: int = 50,
    after: tuple[datetime, UUID] | None = None,
) -> list[ClipView]:
    """Clips that the viewer may see, latest change first: of one rule (its code), kind, call or with words.

    `after`: (updated_at, id) of the last one that was shown. States out of the viewer's reach are left out
    silently.
    """
    wanted = queries.Wanted(tuple(states), rule, polarity, recording, curator, words.strip())
    return await _views(viewer, await queries.listed(reach_of(viewer), wanted, limit=limit, after=after))


async def clips_by_ids(
    viewer: Viewer | None, ids: Iterable[UUID], *, with_rules: bool = True
) -> dict[UUID, ClipView]:
    """Several clips by id, retired ones too (history needs them); no erased ones, no drafts of others.

    `with_rules=False` leaves their rules out and saves a query, where the caller knows the rule already.
    """
    rows = [row for row in await queries.clip_rows(list(dict.fromkeys(ids))) if _living(row)]
    rows = [
        row for row in rows if row["state"] not in OPEN_STATES or may_see_drafts(viewer, row["agent_team"])
    ]
    return {view.id: view for view in await _views(viewer, rows, with_rules=with_rules)}


async def clips_by_slugs(slugs: Iterable[str]) -> dict[str, ClipView]:
    """Clips of a library by their stable names, whoever asks; unknown names are left out."""
    rows = await queries.clips_by_slug(list(dict.fromkeys(slugs)))
    clips = await clips_by_ids(None, [row["id"] for row in rows.values()])
    return {slug: clips[row["id"]] for slug, row in rows.items() if row["id"] in clips}


async def clips_of_rules(
    rule_ids: Sequence[UUID], viewer: Viewer | None = None
) -> dict[UUID, list[ClipView]]:
    """Published clips per rule, oldest first; a rule without one has an empty list: the gap."""
    rows = await queries.published_of_rules(rule_ids) if rule_ids else []
    views = await _views(viewer, [row for row in rows if _living(row)])
    return {rule: [view for view in views if any(ref.id == rule for ref in view.rules)] for rule in rule_ids}


async def old_versions(viewer: Viewer, clip: ClipView) -> list[ClipView]:
    """What a clip was before, newest first; empty for those who may not hear it."""
    if not reach_of(viewer).retired:
        return []
    return await _views(viewer, await queries.versions_of(clip.named))


async def load_sound(viewer: Viewer, clip_id: UUID) -> Sound:
    """Where the audio of a clip lies. Raises as `load_clip`, and Conflict while it is still being made."""
    row = await queries.sound_row(clip_id)
    await _check_sight(viewer, row)
    assert row is not None
    if row["render"] != "ready":
        raise Conflict(
            _("The sound of this clip is still being made."), slug="render-not-ready", render=row["render"]
        )
    return Sound(sound_key(row["recording"], row["render_key"]), row["render_key"], row["size_bytes"])


def _living(row: dict[str, Any]) -> bool:
    """Whether the call may still be heard; the daily job that ends it may be hours away."""
    over = row["expires_at"] is not None and row["expires_at"] <= db.utc_now()
    return row["recording_state"] == "ready" and not over


async def _check_sight(viewer: Viewer | None, row: dict[str, Any] | None) -> None:
    missing = NotFound(_("There is no such clip, or it is not open to you."))
    if row is None:
        raise missing
    drafts = may_see_drafts(viewer, row["agent_team"])
    if row["state"] == "erased" or not _living(row):
        # whoever could know of the clip learns what became of it; of a draft, others never hear
        if row["published_at"] is None and not drafts:
            raise missing
        if row["state"] == "erased" or row["recording_state"] == "erased":
            raise Gone(_("The call that this clip was cut from was erased, and the clip with it."))
        raise Gone(_("The call that this clip was cut from may not be kept any longer."), slug="expired")
    if row["state"] in OPEN_STATES and not drafts:
        raise missing
    if row["state"] in ("retired", "superseded") and not reach_of(viewer).retired:
        person = viewer.id if viewer else None
        needed = [person is not None and await check(person, row["id"]) for check in _history_checks]
        if not any(needed):
            raise missing


async def _views(
    viewer: Viewer | None, rows: list[dict[str, Any]], *, with_rules: bool = True
) -> list[ClipView]:
    if not rows:
        return []
    rules: dict[UUID, list[RuleRef]] = {}
    for rule in await queries.rules_of([row["id"] for row in rows]) if with_rules else []:
        clip = rule.pop("clip")
        texts = {name: msgspec.json.decode(rule[name]) for name in ("title", "statement")}
        rules.setdefault(clip, []).append(RuleRef(**{**rule, **texts}))
    return [_view(viewer, row, tuple(rules.get(row["id"], ()))) for row in rows]


def _view(viewer: Viewer | None, row: dict[str, Any], rules: tuple[RuleRef, ...]) -> ClipView:
    decode = msgspec.json.decode
    named = row["polarity"] == "exemplar" or may_see_drafts(viewer, row["agent_team"])
    taken = {name: row[name] for name in _TAKEN}
    return ClipView(
        **taken,
        titles=decode(row["title"]),
        notes=decode(row["note"]),
        whys=decode(row["why"]),
        redactions=tuple(Cut(**cut) for cut in decode(row["redactions"])),
        duration_ms=row["duration_ms"] or row["end_ms"] - row["start_ms"],
        recording_ms=row["recording_ms"] or 0,
        bars=decode(row["bars"]),
        lines=[Line(**line) for line in decode(row["transcript"])],
        # nobody is shown by name for a moment that went wrong, except to those who coach them
        agent=row["agent"] if named else None,
        agent_name=row["agent_name"] if named else None,
        rules=rules,
    )


_TAKEN = (
    "id",
    "recording",
    "recording_title",
    "recording_state",
    "expires_at",
    "replaces",
    "draft",
    "version",
    "state",
    "slug",
    "polarity",
    "language",
    "start_ms",
    "end_ms",
    "cue_ms",
    "no_speech",
    "privacy_checked_at",
    "render",
    "render_error",
    "staged",
    "agent_team",
    "curator",
    "curator_name",
    "revision",
    "created_at",
    "updated_at",
    "updated_by",
    "updated_by_name",
    "submitted_by",
    "submitted_by_name",
    "published_at",
)


def place_of(clip: ClipView) -> list[str]:
    """Where a clip stands in lists, for a cursor."""
    return [clip.updated_at.isoformat(), str(clip.id)]


def place_after(cursor: list[Any] | None) -> tuple[datetime, UUID] | None:
    """What `place_of` made, read back. Raises Malformed."""
    if cursor is None:
        return None
    try:
        moment, clip = cursor
        return datetime.fromisoformat(moment), UUID(clip)
    except (TypeError, ValueError) as error:
        raise Malformed(
            _("This list cannot be continued from here. Load it again."), slug="bad-cursor"
        ) from error
