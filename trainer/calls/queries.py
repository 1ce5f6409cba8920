"""Raw SQL of recordings: each with the names it is shown with in one round trip, and who has heard it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from trainer import db

Row = dict[str, Any]

RECORDINGS = """
    SELECT recording.id, recording.title, recording.state, recording.agent, agent.name AS agent_name,
           agent.team AS agent_team, recording.rulebook, rulebook.code AS rulebook_code,
           rulebook.title AS rulebook_title, recording.language, recording.called_at, recording.csat,
           recording.staged, recording.tag,
           recording.consent_basis, recording.retain_until, recording.expires_at, recording.uploaded_by,
           uploader.name AS uploaded_by_name, recording.object_key, recording.peaks_key, recording.sha256,
           recording.size_bytes, recording.duration_ms, recording.channels, recording.sample_rate_hz,
           recording.codec, recording.container, recording.longest_silence_ms, recording.silence_at_ms,
           recording.talk_over_ms, recording.talk_over_at_ms,
           recording.transcript_source, recording.transcript_revision,
           recording.lines_cut, recording.refusal, recording.job,
           recording.revision, recording.created_at, recording.erased_at, recording.erased_by, eraser.name
           AS erased_by_name, recording.erased_why
    FROM recording
    LEFT JOIN person AS agent ON agent.id = recording.agent
    LEFT JOIN person AS uploader ON uploader.id = recording.uploaded_by
    LEFT JOIN person AS eraser ON eraser.id = recording.erased_by
    LEFT JOIN rulebook ON rulebook.id = recording.rulebook
"""


async def one(recording: UUID) -> Row | None:
    """One recording, whatever its state."""
    return await db.fetch_one(f"{RECORDINGS} WHERE recording.id = {{}}", recording)


@dataclass(frozen=True, slots=True)
class Reach:
    """Which calls a list may show: all, or those of programmes, of a team's agents, and own ones."""

    everything: bool
    programmes: frozenset[UUID] | None
    team: UUID | None
    own: frozenset[UUID]

    def condition(self) -> tuple[str, list[Any]] | None:
        """As SQL with its parameters; None when it reaches nothing."""
        if self.everything:
            return "1 = 1", []
        parts: list[str] = []
        params: list[Any] = []
        if self.programmes is not None:
            parts.append("recording.rulebook IS NULL")
            if self.programmes:
                parts.append("recording.rulebook IN ({})")
                params.append(list(self.programmes))
        if self.team is not None:
            parts.append("agent.team = {}")
            params.append(self.team)
        if self.own:
            parts.append("recording.id IN ({})")
            params.append(list(self.own))
        return (f"({' OR '.join(parts)})", params) if parts else None


async def listed(
    reach: Reach,
    *,
    states: Sequence[str],
    search: str,
    agent: UUID | None,
    rulebook: str,
    tag: str,
    ids: Sequence[UUID] | None,
    after: tuple[datetime, UUID] | None,
    limit: int,
) -> list[Row]:
    """Recordings within reach, newest first; of one programme, also those of which nobody said which."""
    reached = reach.condition()
    if reached is None:
        return []
    where: list[str] = [reached[0], "recording.state IN ({})"]
    params: list[Any] = [*reached[1], list(states)]
    if agent is not None:
        where.append("recording.agent = {}")
        params.append(agent)
    if rulebook:
        where.append(
            "(recording.rulebook IS NULL OR recording.rulebook IN (SELECT id FROM rulebook WHERE code = {}))"
        )
        params.append(rulebook)
    if tag:
        where.append("recording.tag = {}")
        params.append(tag)
    if ids is not None:
        where.append("recording.id IN ({})")
        params.append(list(ids))
    if search:
        where.append("(LOWER(recording.title) LIKE {} ESCAPE '!' OR LOWER(agent.name) LIKE {} ESCAPE '!')")
        escaped = search.lower().replace("!", "!!").replace("%", "!%").replace("_", "!_")
        params += [f"%{escaped}%"] * 2
    if after is not None:
        where.append("(recording.created_at, recording.id) < ({}, {})")
        params += after
    return await db.fetch(
        f"""{RECORDINGS} WHERE {" AND ".join(where)}
            ORDER BY recording.created_at DESC, recording.id DESC LIMIT {{}}""",
        *params,
        limit,
    )


async def to_prepare(recording: UUID) -> Row | None:
    """Where a recording that is still to be prepared lies, and the language of whoever waits for it."""
    return await db.fetch_one(
        """SELECT recording.object_key, person.locale FROM recording
           LEFT JOIN person ON person.id = recording.uploaded_by
           WHERE recording.id = {} AND recording.state = 'processing'""",
        recording,
    )


async def segments(recording: UUID, start_ms: int | None, end_ms: int | None) -> list[Row]:
    """The turns of a transcript in order; only those that touch the window, if one is given."""
    return await db.fetch(
        """SELECT position, start_ms, end_ms, speaker, text, words FROM segment
           WHERE recording = {} AND end_ms >= {} AND start_ms <= {} ORDER BY position""",
        recording,
        -1 if start_ms is None else start_ms,
        2**31 - 1 if end_ms is None else end_ms,
    )


async def plays(recording: UUID, limit: int) -> list[Row]:
    """Who heard a raw call, latest first."""
    return await db.fetch(
        """SELECT play.person, person.name, play.at FROM play LEFT JOIN person ON person.id = play.person
           WHERE play.recording = {} ORDER BY play.at DESC LIMIT {}""",
        recording,
        limit,
    )


async def plays_listed(
    wanted: Sequence[tuple[str, Any]], after: tuple[datetime, UUID] | None, limit: int
) -> list[Row]:
    """Hearings for which all conditions (with one value each) hold, latest first, after (at, id)."""
    where, params = ["1 = 1"], list[Any]()
    for condition, value in wanted:
        where.append(condition)
        params.append(value)
    if after is not None:
        where.append("(play.at, play.id) < ({}, {})")
        params += after
    return await db.fetch(
        f"""SELECT play.id, play.at, play.person, person.name, play.recording, recording.title,
                   recording.state, recording.agent, agent.name AS agent_name
            FROM play JOIN recording ON recording.id = play.recording
            LEFT JOIN person ON person.id = play.person
            LEFT JOIN person AS agent ON agent.id = recording.agent
            WHERE {" AND ".join(where)} ORDER BY play.at DESC, play.id DESC LIMIT {{}}""",
        *params,
        limit,
    )


async def listeners() -> list[Row]:
    """Who is in the log of plays, by name."""
    return await db.fetch(
        """SELECT id, name FROM person WHERE erased_at IS NULL AND id IN (SELECT person FROM play)
           ORDER BY name_key, id"""
    )


async def played_since(recording: UUID, person: UUID, since: datetime) -> bool:
    """Whether this person's hearing is in the log already."""
    row = await db.fetch_one(
        "SELECT 1 AS one FROM play WHERE recording = {} AND person = {} AND at > {} LIMIT 1",
        recording,
        person,
        since,
    )
    return row is not None


async def with_fingerprints(fingerprints: Sequence[str]) -> list[Row]:
    """The proofs of calls that ended here, by what they keep of the sound."""
    found: list[Row] = []
    for start in range(0, len(fingerprints), 500):
        found += await db.fetch(
            """SELECT id, fingerprint, state, expires_at, erased_at, erased_why FROM recording
               WHERE fingerprint IN ({}) AND fingerprint <> '' AND state IN ('expired', 'erased')""",
            list(fingerprints[start : start + 500]),
        )
    return found


async def due_to_expire(now: datetime) -> list[UUID]:
    """Recordings whose time is over and that are not erased yet, those that something keeps included."""
    rows = await db.fetch(
        """SELECT id FROM recording WHERE state = 'expired'
           OR (state IN ('ready', 'processing') AND expires_at <= {})""",
        now,
    )
    return [row["id"] for row in rows]


async def known_objects(recordings: Sequence[UUID]) -> set[str]:
    """The storage keys that the rows of these recordings name."""
    rows = await db.fetch("SELECT object_key, peaks_key FROM recording WHERE id IN ({})", list(recordings))
    return {key for row in rows for key in (row["object_key"], row["peaks_key"]) if key}


async def cut_lines_after(recording: UUID, duration_ms: int) -> int:
    """Lines that lie after the end of the audio belong to another call: they go; returns how many."""
    gone = await db.fetch(
        "DELETE FROM segment WHERE recording = {} AND start_ms >= {} RETURNING id", recording, duration_ms
    )
    await db.fetch(
        "UPDATE segment SET end_ms = {} WHERE recording = {} AND end_ms > {}",
        duration_ms,
        recording,
        duration_ms,
    )
    return len(gone)
