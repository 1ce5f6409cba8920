"""Raw SQL of imports of calls: what became of rows, whose calls are prepared by jobs of their own."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from trainer import db

Row = dict[str, Any]


async def known_content(hashes: Sequence[str]) -> dict[str, UUID]:
    """The recordings that hold exactly these bytes, by their SHA-256."""
    found: dict[str, UUID] = {}
    for start in range(0, len(hashes), 500):
        part = list(hashes[start : start + 500])
        rows = await db.fetch("SELECT id, sha256 FROM recording WHERE sha256 IN ({})", part)
        found |= {row["sha256"]: row["id"] for row in rows}
    return found


async def same_content_but(recording: UUID, sha256: str) -> UUID | None:
    """Another recording with these bytes."""
    row = await db.fetch_one("SELECT id FROM recording WHERE sha256 = {} AND id <> {}", sha256, recording)
    return row["id"] if row else None


async def outcomes(pending: UUID, reading: UUID) -> list[Row]:
    """How many rows are in which state, and in which their calls are: `state`, `call`, `n`, `bytes`."""
    return await db.fetch(
        """SELECT call_import_row.state, recording.state AS call, COUNT(*) AS n,
                  SUM(call_import_row.size_bytes) AS bytes
           FROM call_import_row LEFT JOIN recording
             ON recording.id = call_import_row.recording AND call_import_row.state = 'taken'
           WHERE call_import_row.pending = {} AND call_import_row.reading = {}
           GROUP BY call_import_row.state, recording.state""",
        pending,
        reading,
    )


async def rows_of(
    pending: UUID, reading: UUID, *, states: Sequence[str], after: int = -1, limit: int
) -> list[Row]:
    """Rows in order of the sheet, from behind line `after`, with what became of their calls."""
    return await db.fetch(
        """SELECT call_import_row.id, call_import_row.line, call_import_row.file, call_import_row.place,
                  call_import_row.words_place, call_import_row.texts, call_import_row.state, call_import_row.faults,
                  call_import_row.probe, call_import_row.sha256, call_import_row.size_bytes,
                  call_import_row.recording, recording.state AS call, recording.refusal
           FROM call_import_row LEFT JOIN recording
             ON recording.id = call_import_row.recording AND call_import_row.state = 'taken'
           WHERE call_import_row.pending = {} AND call_import_row.reading = {}
             AND call_import_row.state IN ({}) AND call_import_row.line > {}
           ORDER BY call_import_row.line LIMIT {}""",
        pending,
        reading,
        list(states),
        after,
        limit,
    )


async def refused_rows(pending: UUID, reading: UUID, *, after: int = -1, limit: int) -> list[Row]:
    """Rows that were refused, those included whose sound turned out bad only when it was prepared."""
    return await db.fetch(
        """SELECT call_import_row.line, call_import_row.file, call_import_row.state, call_import_row.faults,
                  recording.state AS call, recording.refusal
           FROM call_import_row LEFT JOIN recording ON recording.id = call_import_row.recording
           WHERE call_import_row.pending = {} AND call_import_row.reading = {} AND call_import_row.line > {}
             AND (call_import_row.state = 'refused'
                  OR (call_import_row.state = 'taken' AND recording.state = 'refused'))
           ORDER BY call_import_row.line LIMIT {}""",
        pending,
        reading,
        after,
        limit,
    )


async def being_prepared(pending: UUID, reading: UUID) -> list[UUID]:
    """The calls of this import that are not prepared yet."""
    rows = await db.fetch(
        """SELECT recording.id FROM call_import_row JOIN recording ON recording.id = call_import_row.recording
           WHERE call_import_row.pending = {} AND call_import_row.reading = {}
             AND call_import_row.state = 'taken' AND recording.state = 'processing'""",
        pending,
        reading,
    )
    return [row["id"] for row in rows]


async def still_processing(recordings: Sequence[UUID]) -> dict[UUID, UUID]:
    """Those of these calls that are not prepared yet, with the jobs that do it."""
    rows = await db.fetch(
        "SELECT id, job FROM recording WHERE id IN ({}) AND state = 'processing' AND job IS NOT NULL",
        list(recordings),
    )
    return {row["id"]: row["job"] for row in rows}


async def exported() -> list[Row]:
    """What is known of every call that is ready, oldest first."""
    return await db.fetch(
        """SELECT recording.id, recording.title, recording.language, recording.consent_basis, recording.retain_until,
                  recording.staged, recording.csat, recording.tag, recording.called_at, recording.state,
                  recording.duration_ms, recording.container, person.email, person.employee_no,
                  rulebook.code AS rulebook
           FROM recording LEFT JOIN person ON person.id = recording.agent
           LEFT JOIN rulebook ON rulebook.id = recording.rulebook
           WHERE recording.state = 'ready' ORDER BY recording.created_at, recording.id"""
    )
