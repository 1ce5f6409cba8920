"""Raw SQL of clips: each read of a page in one statement for the clips and one for their rules."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from trainer import db

_CLIP = """
    SELECT clip.id, clip.recording, clip.replaces, clip.version, clip.state, clip.slug, clip.title,
           clip.polarity, clip.note, clip.why, clip.language, clip.start_ms, clip.end_ms, clip.cue_ms,
           clip.redactions, clip.no_speech, clip.privacy_checked_by, clip.privacy_checked_at,
           clip.render, clip.render_key,
           clip.render_error, clip.duration_ms, clip.size_bytes, clip.bars, clip.transcript, clip.curator,
           clip.revision, clip.created_at, clip.updated_at, clip.updated_by, clip.submitted_by,
           clip.published_at, clip.retired_at, clip.erased_at,
           recording.title AS recording_title, recording.state AS recording_state, recording.staged,
           recording.agent, recording.duration_ms AS recording_ms, recording.expires_at, recording.sha256,
           recording.object_key, heard.name AS agent_name, heard.team AS agent_team,
           curator.name AS curator_name, editor.name AS updated_by_name, submitter.name AS submitted_by_name,
           draft.id AS draft
    FROM clip
    JOIN recording ON recording.id = clip.recording
    LEFT JOIN person heard ON heard.id = recording.agent
    LEFT JOIN person curator ON curator.id = clip.curator
    LEFT JOIN person editor ON editor.id = clip.updated_by
    LEFT JOIN person submitter ON submitter.id = clip.submitted_by
    LEFT JOIN clip draft ON draft.replaces = clip.id AND draft.state IN ('draft', 'in_review')
"""


# The call may still be heard: it is there, and its keep-until has not passed (one parameter: now).
_LIVING = "recording.state = 'ready' AND (recording.expires_at IS NULL OR recording.expires_at > {})"


@dataclass(frozen=True, slots=True)
class Reach:
    """Which clips somebody may find: published ones always; drafts of all calls or of one team's."""

    drafts: bool
    drafts_of_team: UUID | None
    retired: bool


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a list was asked for; empty parts ask for nothing."""

    states: Sequence[str]
    rule: str | None = None
    polarity: str | None = None
    recording: UUID | None = None
    curator: UUID | None = None
    words: str = ""


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
    where: list[str] = [_LIVING]
    params: list[Any] = [db.utc_now()]
    allowed: list[str] = []
    for state in wanted.states:
        open_state = state in ("draft", "in_review")
        if state == "published" or (state == "retired" and reach.retired) or (open_state and reach.drafts):
            allowed.append(f"clip.state = '{state}'")
        elif open_state and reach.drafts_of_team:
            allowed.append(f"(clip.state = '{state}' AND heard.team = {{}})")
            params.append(reach.drafts_of_team)
    if not allowed:
        return []
    where.append(f"({' OR '.join(allowed)})")
    conditions: list[tuple[str, Any]] = [
        ("clip.polarity = {}", wanted.polarity),
        ("clip.recording = {}", wanted.recording),
        ("clip.curator = {}", wanted.curator),
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
    if wanted.words:
        pattern = "%" + wanted.words.lower().replace("!", "!!").replace("%", "!%").replace("_", "!_") + "%"
        columns = ("clip.title", "clip.note", "clip.transcript")
        likes = [f"lower(CAST({column} AS TEXT)) LIKE {{}} ESCAPE '!'" for column in columns]
        where.append(f"({' OR '.join(likes)})")
        params += [pattern] * len(columns)
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
                  pinned.title, pinned.statement, pinned.severity, present.version AS current_version
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
        """SELECT clip.id, clip.recording, clip.replaces, clip.state, clip.published_at, clip.render,
                  clip.render_key, clip.size_bytes, recording.state AS recording_state, recording.expires_at,
                  heard.team AS agent_team
           FROM clip JOIN recording ON recording.id = clip.recording LEFT JOIN person heard ON heard.id =
           recording.agent WHERE clip.id = {}""",
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


async def rules_heard(rules: Sequence[UUID]) -> set[UUID]:
    """Those of the rules that a published exemplar of a living recording lets one hear."""
    rows = await db.fetch(
        f"""SELECT DISTINCT clip_rule.rule FROM clip_rule JOIN clip ON clip.id = clip_rule.clip
            JOIN recording ON recording.id = clip.recording
            WHERE clip.state = 'published' AND clip.polarity = 'exemplar' AND {_LIVING}
              AND clip_rule.rule IN ({{}})""",
        db.utc_now(),
        list(rules),
    )
    return {row["rule"] for row in rows}


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
