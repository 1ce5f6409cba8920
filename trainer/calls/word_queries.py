"""Raw SQL of a call's words: their revision, and lines that give way to others."""

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from trainer import db
from trainer.calls.transcripts import Line

Row = dict[str, Any]

BATCH = 500


async def standing(recording: UUID) -> Row | None:
    """Where a call's words come from, how often they were changed, and what may be done with them."""
    return await db.fetch_one(
        """SELECT state, transcript_source AS source, transcript_revision AS revision, duration_ms
           FROM recording WHERE id = {}""",
        recording,
    )


async def claim(recording: UUID, expected: int, source: str) -> bool:
    """Take the next revision of a ready call's words; False when somebody was first. Holds the row."""
    row = await db.fetch_one(
        """UPDATE recording SET transcript_revision = transcript_revision + 1, transcript_source = {}, lines_cut = 0
           WHERE id = {} AND transcript_revision = {} AND state = 'ready' RETURNING id""",
        source,
        recording,
        expected,
    )
    return row is not None


async def told_since(person: UUID, recording: UUID, since: datetime) -> bool:
    """Whether the log says already that this person changed these words."""
    row = await db.fetch_one(
        """SELECT 1 AS one FROM audit_entry WHERE noun = 'recording' AND noun_id = {} AND actor = {}
           AND action = 'transcript_changed' AND at > {} LIMIT 1""",
        str(recording),
        person,
        since,
    )
    return row is not None


async def splice(recording: UUID, at: int, removed: int, lines: Sequence[Line]) -> None:
    """Lines from position `at` on give way to `lines`; those after them move."""
    await db.fetch(
        "DELETE FROM segment WHERE recording = {} AND position >= {} AND position < {}",
        recording,
        at,
        at + removed,
    )
    if moved := len(lines) - removed:
        # in two steps, below zero in between: each position is there once at any moment
        await db.fetch(
            "UPDATE segment SET position = -position - 1 - {} WHERE recording = {} AND position >= {}",
            moved,
            recording,
            at + removed,
        )
        await db.fetch(
            "UPDATE segment SET position = -position - 1 WHERE recording = {} AND position < 0", recording
        )
    for start in range(0, len(lines), BATCH):
        part = lines[start : start + BATCH]
        values = ", ".join(["({}, {}, {}, {}, {}, {}, {}, {})"] * len(part))
        params = [
            value
            for position, line in enumerate(part, start=at + start)
            for value in (
                db.new_id(),
                recording,
                position,
                line.start_ms,
                line.end_ms,
                line.speaker,
                line.text,
                json.dumps(line.words, ensure_ascii=False),
            )
        ]
        await db.fetch(
            f"""INSERT INTO segment (id, recording, position, start_ms, end_ms, speaker, text, words)
                VALUES {values}""",
            *params,
        )
