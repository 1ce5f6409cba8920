"""Raw SQL of speech recognition: one row a call, taken and let go by guarded updates."""

from datetime import datetime
from typing import Any
from uuid import UUID

from trainer import db

Row = dict[str, Any]


async def ask(
    recording: UUID, *, agent_channel: int, revision: int, person: UUID | None, at: datetime
) -> UUID | None:
    """Note that it is wanted; None while it is under way already."""
    row = await db.fetch_one(
        """INSERT INTO speech_recognition
               (id, recording, state, reason, agent_channel, on_revision, asked_by, asked_at)
           VALUES ({}, {}, 'waiting', '', {}, {}, {}, {})
           ON CONFLICT (recording) DO UPDATE SET id = excluded.id, state = 'waiting', reason = '', job = NULL,
               agent_channel = excluded.agent_channel, on_revision = excluded.on_revision,
               asked_by = excluded.asked_by, asked_at = excluded.asked_at, ended_at = NULL
           WHERE speech_recognition.state NOT IN ('waiting', 'running') RETURNING id""",
        db.new_id(),
        recording,
        agent_channel,
        revision,
        person,
        at,
    )
    return row["id"] if row else None


async def of_call(recording: UUID) -> Row | None:
    """How the latest run stands."""
    return await db.fetch_one(
        """SELECT id, state, reason, agent_channel, on_revision, job, asked_by, asked_at, ended_at
           FROM speech_recognition WHERE recording = {}""",
        recording,
    )


async def begin(run: UUID) -> Row | None:
    """Take up a run that is still wanted of a call that is still there; with what it needs."""
    row = await db.fetch_one(
        """UPDATE speech_recognition SET state = 'running' WHERE id = {} AND state IN ('waiting', 'running')
           RETURNING recording, agent_channel, on_revision""",
        run,
    )
    if row is None:
        return None
    call = await db.fetch_one(
        """SELECT recording.object_key, recording.language, recording.duration_ms, recording.agent, person.locale
           FROM recording LEFT JOIN person ON person.id = recording.uploaded_by
           WHERE recording.id = {} AND recording.state = 'ready'""",
        row["recording"],
    )
    return {**row, **call} if call else None


async def wanted(run: UUID) -> bool:
    """Whether nobody has cancelled it, and its call is still there."""
    row = await db.fetch_one(
        """SELECT 1 AS one FROM speech_recognition
           JOIN recording ON recording.id = speech_recognition.recording AND recording.state = 'ready'
           WHERE speech_recognition.id = {} AND speech_recognition.state = 'running'""",
        run,
    )
    return row is not None


async def end(run: UUID, state: str, reason: str, at: datetime) -> bool:
    """Note how it ended, once; False when it was cancelled, or ended before."""
    row = await db.fetch_one(
        """UPDATE speech_recognition SET state = {}, reason = {}, ended_at = {}
           WHERE id = {} AND state IN ('waiting', 'running') RETURNING id""",
        state,
        reason,
        at,
        run,
    )
    return row is not None


async def cancel(recording: UUID, at: datetime) -> UUID | None:
    """Nobody wants it any more; None when nothing is under way."""
    row = await db.fetch_one(
        """UPDATE speech_recognition SET state = 'cancelled', ended_at = {}
           WHERE recording = {} AND state IN ('waiting', 'running') RETURNING id""",
        at,
        recording,
    )
    return row["id"] if row else None


async def hold_job(run: UUID, job: UUID) -> None:
    """Which job carries a run."""
    await db.fetch("UPDATE speech_recognition SET job = {} WHERE id = {}", job, run)
