"""Raw SQL of clips: each read of a page in one statement for the clips and one for their rules."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from trainer import db
from trainer.clips.finding import pattern_of

# The last word of the agent heard on a counterexample or near miss as it is now: asked, yes, team (yes, for their
# own team too), no or withdrawn; null where nobody asked about this range, these redactions and this polarity.
CONSENT = """CASE WHEN clip.polarity <> 'exemplar' THEN (
        SELECT CASE WHEN said.answer = 'yes' AND said.own_team THEN 'team' ELSE said.answer END
        FROM clip_consent said
        WHERE said.clip = COALESCE(clip.replaces, clip.id) AND said.person = recording.agent
          AND said.about = clip.about
        ORDER BY said.at DESC, said.id DESC LIMIT 1) END"""

# A moment that went wrong is heard only with the yes of the agent. Nobody is asked where nobody could be shamed:
# a staged call was played for training, and who is heard in a call without an agent does not work here.
_AGREED = f"""(clip.polarity = 'exemplar' OR recording.staged OR recording.agent IS NULL
    OR {CONSENT} IN ('yes', 'team'))"""

# What kind of call a clip is from: what was said of it, else of its call.
TAG = "COALESCE(NULLIF(clip.tag, ''), recording.tag)"

_CLIP = f"""
    SELECT clip.id, clip.recording, clip.replaces, clip.version, clip.state, clip.slug, clip.title,
           clip.polarity, clip.note, clip.why, clip.language, clip.start_ms, clip.end_ms, clip.cue_ms,
           clip.redactions, clip.no_speech, clip.privacy_checked_by, clip.privacy_checked_at,
           clip.render, clip.render_key,
           clip.render_error, clip.duration_ms, clip.size_bytes, clip.bars, clip.transcript, clip.curator,
           clip.revision, clip.created_at, clip.updated_at, clip.updated_by, clip.submitted_by,
           clip.published_at, clip.retired_at, clip.erased_at, clip.about, clip.typed,
           clip.taken_down_at, clip.taken_down_why, taker.name AS taken_down_by_name,
           recording.rulebook AS programme, recording.title AS recording_title,
           recording.state AS recording_state, recording.staged, clip.tag AS own_tag, {TAG} AS tag, recording.agent,
           recording.duration_ms AS recording_ms, recording.expires_at, recording.sha256, recording.object_key,
           recording.erased_why AS recording_erased_why, clip.keep_basis, clip.keep_until,
           clip.expires_at AS own_expires_at, credit.named AS credited,
           heard.name AS agent_name, heard.team AS agent_team,
           {CONSENT} AS consent,
           curator.name AS curator_name, editor.name AS updated_by_name, submitter.name AS submitted_by_name,
           draft.id AS draft
    FROM clip
    JOIN recording ON recording.id = clip.recording
    LEFT JOIN person heard ON heard.id = recording.agent
    LEFT JOIN person curator ON curator.id = clip.curator
    LEFT JOIN person editor ON editor.id = clip.updated_by
    LEFT JOIN person submitter ON submitter.id = clip.submitted_by
    LEFT JOIN person taker ON taker.id = clip.taken_down_by
    LEFT JOIN clip draft ON draft.replaces = clip.id AND draft.state IN ('draft', 'in_review')
    LEFT JOIN clip_credit credit ON credit.clip = COALESCE(clip.replaces, clip.id)
         AND credit.person = recording.agent
"""


# The clip may still be heard: its call is there or it was renewed by its own right, and its own day, or else the
# call's, has not passed (one parameter: now).
LIVING = """(recording.state = 'ready' OR (recording.state = 'expired' AND clip.expires_at IS NOT NULL))
    AND (COALESCE(clip.expires_at, recording.expires_at) IS NULL
         OR COALESCE(clip.expires_at, recording.expires_at) > {})"""


@dataclass(frozen=True, slots=True)
class Reach:
    """Which clips somebody may find. `everything`: the system itself.

    Published ones; drafts of the calls that they may hear (of all programmes with None, or of one team's agents);
    with `retires` retired ones of these calls too; with `stops` all that were taken down. `person` and their
    `team` are who listens: an agent's own team does not hear what went wrong unless the agent said so.
    """

    everything: bool = False
    works: bool = False
    programmes: frozenset[UUID] | None = None
    drafts_of_team: UUID | None = None
    retires: bool = False
    stops: bool = False
    person: UUID | None = None
    team: UUID | None = None

    def makes(self, programme: UUID | None, agent_team: UUID | None) -> bool:
        """Whether they may hear the call that a clip is cut from, and so see all there is to know of the clip."""
        of_programme = self.works and (
            self.programmes is None or programme is None or programme in self.programmes
        )
        of_team = self.drafts_of_team is not None and self.drafts_of_team == agent_team
        return self.everything or of_programme or of_team

    def made(self) -> tuple[str, list[Any]]:
        """`makes` as SQL."""
        if self.everything or (self.works and self.programmes is None):
            return "1 = 1", []
        parts: list[str] = []
        params: list[Any] = []
        if self.works:
            parts.append("recording.rulebook IS NULL")
            if self.programmes:
                parts.append("recording.rulebook IN ({})")
                params.append(list(self.programmes))
        if self.drafts_of_team is not None:
            parts.append("heard.team = {}")
            params.append(self.drafts_of_team)
        return (f"({' OR '.join(parts)})", params) if parts else ("1 = 0", [])

    def condition(self, states: Sequence[str]) -> tuple[str, list[Any]]:
        """The clips of these states within reach, as SQL with its parameters."""
        made, made_params = self.made()
        parts: list[str] = []
        params: list[Any] = []
        for state in states:
            if state == "published":
                heard, heard_params = self._heard(made, made_params)
                parts.append(f"(clip.state = 'published' AND {_AGREED} AND {heard})")
                params += heard_params
            elif state in ("draft", "in_review") or (
                state == "retired" and (self.retires or self.everything)
            ):
                parts.append(f"(clip.state = '{state}' AND {made})")
                params += made_params
            elif state == "taken_down" and (self.stops or self.everything):
                parts.append("(clip.state = 'taken_down' AND clip.replaces IS NULL)")
        return (f"({' OR '.join(parts)})", params) if parts else ("1 = 0", [])

    def _heard(self, made: str, params: list[Any]) -> tuple[str, list[Any]]:
        """Whether a published clip is played to this person, as SQL."""
        if self.everything or self.team is None:
            return "1 = 1", []
        return (
            f"""(clip.polarity = 'exemplar' OR recording.staged OR recording.agent IS NULL
                 OR heard.team IS NULL OR heard.team <> {{}} OR recording.agent = {{}}
                 OR {CONSENT} = 'team' OR {made})""",
            [self.team, self.person, *params],
        )


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a list was asked for; empty parts ask for nothing."""

    states: Sequence[str]
    rule: str | None = None
    polarity: str | None = None
    recording: UUID | None = None
    curator: UUID | None = None
    words: str = ""
    tag: str = ""
    ids: Sequence[UUID] | None = None


async def clip_row(clip_id: UUID) -> dict[str, Any] | None:
    """Everything about one clip, whoever asks."""
    return await db.fetch_one(_CLIP + "WHERE clip.id = {}", clip_id)


async def clip_rows(ids: Sequence[UUID]) -> list[dict[str, Any]]:
    """The same of several."""
    return await db.fetch(_CLIP + "WHERE clip.id IN ({})", list(ids))


async def versions_of(clip_id: UUID) -> list[dict[str, Any]]:
    """The superseded versions of a clip, newest first."""
    return await db.fetch(
        _CLIP + "WHERE clip.replaces = {} AND clip.state = 'superseded' ORDER BY clip.version DESC", clip_id
    )


async def listed(
    reach: Reach, wanted: Wanted, *, limit: int, after: tuple[datetime, UUID] | None
) -> list[dict[str, Any]]:
    """Clips of living recordings within reach, latest change first, after the last one of the page before."""
    within, within_params = reach.condition(wanted.states)
    where: list[str] = [LIVING, within]
    params: list[Any] = [db.utc_now(), *within_params]
    conditions: list[tuple[str, Any]] = [
        ("clip.polarity = {}", wanted.polarity),
        ("clip.recording = {}", wanted.recording),
        ("clip.curator = {}", wanted.curator),
        (f"{TAG} = {{}}", wanted.tag),
        (
            "EXISTS (SELECT 1 FROM clip_rule JOIN rule ON rule.id = clip_rule.rule"
            " WHERE clip_rule.clip = clip.id AND rule.code = {})",
            wanted.rule,
        ),
    ]
    for condition, value in conditions:
        if value:
            where.append(condition)
            params.append(value)
    if wanted.ids is not None:
        where.append("clip.id IN ({})")
        params.append(list(wanted.ids))
    if wanted.words:
        where.append("clip.words_key LIKE {} ESCAPE '!'")
        params.append(pattern_of(wanted.words))
    if after is not None:
        where.append("(clip.updated_at < {} OR (clip.updated_at = {} AND clip.id < {}))")
        params += [after[0], after[0], after[1]]
    place = f"WHERE {' AND '.join(where)} ORDER BY clip.updated_at DESC, clip.id DESC LIMIT {{}}"
    return await db.fetch(f"{_CLIP} {place}", *params, limit)


async def published_of_rules(rules: Sequence[UUID]) -> list[dict[str, Any]]:
    """Published clips of living recordings that let one hear any of these rules, oldest first."""
    place = """WHERE clip.state = 'published'
        AND EXISTS (SELECT 1 FROM clip_rule WHERE clip_rule.clip = clip.id AND clip_rule.rule IN ({}))
        ORDER BY clip.created_at, clip.id"""
    return await db.fetch(f"{_CLIP} {place}", list(rules))


async def rules_of(clips: Sequence[UUID]) -> list[dict[str, Any]]:
    """The rules of these clips in order, in the version that each clip is pinned to."""
    return await db.fetch(
        """SELECT clip_rule.clip, clip_rule.rule AS id, rule.code, clip_rule.rule_version AS version,
                  pinned.title, pinned.statement, pinned.severity, present.version AS current_version,
                  clip_rule.cue_ms, clip_rule.why AS whys
           FROM clip_rule
           JOIN rule ON rule.id = clip_rule.rule
           JOIN rule_version pinned ON pinned.rule = clip_rule.rule AND pinned.version =
           clip_rule.rule_version LEFT JOIN rule_version present ON present.rule = clip_rule.rule AND
           present.state = 'published' WHERE clip_rule.clip IN ({}) ORDER BY clip_rule.position, rule.code""",
        list(clips),
    )


async def sound_row(clip_id: UUID) -> dict[str, Any] | None:
    """What the audio route needs to know, in one read."""
    return await db.fetch_one(
        f"""SELECT clip.id, clip.recording, clip.replaces, clip.state, clip.published_at, clip.render,
                  clip.render_key, clip.size_bytes, clip.polarity, recording.state AS recording_state,
                  recording.expires_at, recording.erased_why AS recording_erased_why,
                  clip.expires_at AS own_expires_at, recording.staged, recording.agent,
                  recording.rulebook AS programme, heard.team AS agent_team, {CONSENT} AS consent
           FROM clip JOIN recording ON recording.id = clip.recording LEFT JOIN person heard ON heard.id =
           recording.agent WHERE clip.id = {{}}""",
        clip_id,
    )


async def rendered_twin(key: str) -> dict[str, Any] | None:
    """A clip whose sound of this name is ready: it need not be rendered again."""
    return await db.fetch_one(
        "SELECT duration_ms, size_bytes, bars FROM clip WHERE render_key = {} AND render = 'ready' LIMIT 1",
        key,
    )


async def used_render_keys(recording: UUID) -> set[str]:
    """The names of the sounds that clips of a recording need."""
    rows = await db.fetch("SELECT DISTINCT render_key FROM clip WHERE recording = {}", recording)
    return {row["render_key"] for row in rows}


async def rules_to_pin(codes: Sequence[str]) -> list[dict[str, Any]]:
    """Rules by code in the version that a clip would be pinned to now: published, else the first draft."""
    return await db.fetch(
        """SELECT rule.id, rule.code, rule_version.version FROM rule
           JOIN rule_version ON rule_version.rule = rule.id
           WHERE rule.code IN ({}) AND (rule_version.state = 'published' OR (rule_version.state = 'draft' AND
           NOT EXISTS
             (SELECT 1 FROM rule_version other WHERE other.rule = rule.id AND other.state = 'published')))""",
        list(codes),
    )


async def rules_used_lately(curator: UUID, *, limit: int) -> list[str]:
    """The codes of the rules that somebody's last clips are pinned to, latest first."""
    rows = await db.fetch(
        """SELECT rule.code FROM clip_rule
           JOIN (SELECT id, created_at FROM clip WHERE curator = {} ORDER BY created_at DESC LIMIT 50) cut
             ON cut.id = clip_rule.clip
           JOIN rule ON rule.id = clip_rule.rule
           GROUP BY rule.code ORDER BY MAX(cut.created_at) DESC, rule.code LIMIT {}""",
        curator,
        limit,
    )
    return [row["code"] for row in rows]


async def clips_by_slug(slugs: Sequence[str]) -> dict[str, dict[str, Any]]:
    """The named rows (id, state) of clips from a library."""
    rows = await db.fetch(
        "SELECT slug, id, state FROM clip WHERE slug IN ({}) AND replaces IS NULL", list(slugs)
    )
    return {row["slug"]: row for row in rows}


async def unprepared(recordings: Sequence[UUID]) -> bool:
    """Whether one of these is still being decoded."""
    waiting = "SELECT 1 AS one FROM recording WHERE id IN ({}) AND state = 'processing' LIMIT 1"
    return await db.fetch_one(waiting, list(recordings)) is not None


async def unrendered(clips: Sequence[UUID]) -> bool:
    """Whether the sound of one of these is still on the way."""
    waiting = "SELECT 1 AS one FROM clip WHERE id IN ({}) AND render IN ('queued', 'rendering') LIMIT 1"
    return await db.fetch_one(waiting, list(clips)) is not None


async def called_at(clip: UUID) -> datetime | None:
    """When the call was that a clip is cut from."""
    row = await db.fetch_one(
        "SELECT recording.called_at FROM clip JOIN recording ON recording.id = clip.recording"
        " WHERE clip.id = {}",
        clip,
    )
    return row["called_at"] if row else None


async def programme_of(clip: UUID) -> UUID | None:
    """The rule book of the call that a clip is cut from."""
    row = await db.fetch_one(
        "SELECT recording.rulebook FROM clip JOIN recording ON recording.id = clip.recording WHERE clip.id = {}",
        clip,
    )
    return row["rulebook"] if row else None


async def erased_with(recording: UUID) -> int:
    """How many clips, by the ids they were known by, went with a call."""
    row = await db.fetch_one(
        "SELECT COUNT(*) AS clips FROM clip WHERE recording = {} AND state = 'erased' AND replaces IS NULL",
        recording,
    )
    return row["clips"] if row else 0
