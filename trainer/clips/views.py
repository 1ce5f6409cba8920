"""Clips as values: what pages, the API and upper rooms get of one, made by `reading` for one viewer."""

from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from uuid import UUID

from trainer.clips.arithmetic import REMOVED, Cut, Line, Span
from trainer.people.days import day_of
from trainer.web.i18n import _, text_in


def last_day(end: datetime | None) -> date | None:
    """The last day of what ends at this moment: a day of the centre, whoever reads it wherever they are.

    The end itself is already the first moment of the next day.
    """
    return day_of(end - timedelta(seconds=1), "") if end else None


@dataclass(frozen=True, slots=True)
class RuleRef:
    """A rule that a clip lets one hear, in the version that it was pinned to. `title` is {locale: text}.

    `cue_ms` (in the clip) and `whys` are its own moment and reason; empty where it shares those of the clip.
    """

    id: UUID
    code: str
    version: int
    title: dict[str, str]
    statement: dict[str, str]
    severity: str
    current_version: int | None
    cue_ms: int | None = None
    whys: dict[str, str] = field(default_factory=dict)

    @property
    def why(self) -> str:
        """Why this rule is met or broken here; "" where the clip's own why says it."""
        return text_in(self.whys)

    @property
    def outdated(self) -> bool:
        """Whether the rule has a newer published version than the one that was heard for."""
        return self.current_version is not None and self.current_version > self.version


@dataclass(frozen=True, slots=True)
class ClipView:
    """One clip for one viewer. start_ms, end_ms, redactions and typed lines lie in the call, other times in the clip.

    `makes`: the viewer may hear the call, and so sees drafts and where the clip lies. `consent` is the last word of
    the agent heard about the clip as it is: asked, yes, team (yes, their own team too), no, withdrawn or None.
    `expires_at` is when it ends: its own day once renewed (`keep_until`, on `keep_basis`), else its call's.
    `credited`: the agent heard wants to be named with it.
    """

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
    tag: str
    own_tag: str
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
    about: str
    consent: str | None
    consent_needed: bool
    typed: tuple[Line, ...] | None
    taken_down_at: datetime | None
    taken_down_by_name: str | None
    taken_down_why: str
    makes: bool
    keep_basis: str
    keep_until: date | None
    credited: bool
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

    def cue_of(self, code: str) -> int | None:
        """Where a rule is met or broken, in the clip: its own moment, else the clip's."""
        own = next((rule.cue_ms for rule in self.rules if rule.code == code), None)
        return self.cue_ms if own is None else own

    def why_of(self, code: str) -> str:
        """Why a rule is met or broken here: its own reason, else the clip's."""
        return next((rule.why for rule in self.rules if rule.code == code), "") or self.why

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
    def agreed(self) -> bool:
        """Whether nobody's yes is missing."""
        return not self.consent_needed or self.consent in ("yes", "team")

    @property
    def renewed(self) -> bool:
        """Whether it has a legal basis and a day of its own."""
        return self.keep_until is not None

    @property
    def last_day(self) -> date | None:
        """The last day on which it is heard: its own, else its call's. None: it is kept without an end."""
        return self.keep_until or last_day(self.expires_at)

    @property
    def sourceless(self) -> bool:
        """Whether its call is over, so that nothing can be cut from it any more."""
        return self.recording_state == "expired"

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
