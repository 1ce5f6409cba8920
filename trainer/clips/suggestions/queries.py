"""Raw SQL of suggestions: the last word on each, and the names to look for."""

from typing import Any
from uuid import UUID

from trainer import db


async def last_words(recording: UUID) -> list[dict[str, Any]]:
    """What was decided last about each finding of a call, with who and when."""
    return await db.fetch(
        """SELECT said.finding, said.answer, said.at, said.by, person.name AS by_name
           FROM suggestion_decision said LEFT JOIN person ON person.id = said.by
           WHERE said.recording = {} AND NOT EXISTS (
             SELECT 1 FROM suggestion_decision later
             WHERE later.recording = said.recording AND later.finding = said.finding
               AND (later.at > said.at OR (later.at = said.at AND later.id > said.id)))""",
        recording,
    )


async def call_of(recording: UUID) -> dict[str, Any] | None:
    """What the search for personal data needs to know of a call."""
    return await db.fetch_one(
        """SELECT recording.sha256, recording.language, recording.duration_ms,
             recording.transcript_revision AS revision, person.name AS agent_name
           FROM recording LEFT JOIN person ON person.id = recording.agent WHERE recording.id = {}""",
        recording,
    )


async def words_revision(recording: UUID) -> int | None:
    """How often a call's words were changed."""
    row = await db.fetch_one("SELECT transcript_revision AS revision FROM recording WHERE id = {}", recording)
    return row["revision"] if row else None


async def known_names() -> tuple[list[str], list[str]]:
    """The names of the centre's list, and of those who work here."""
    rows = await db.fetch(
        "SELECT 1 AS listed, name FROM private_name UNION ALL SELECT 0 AS listed, name FROM person WHERE active = {}",
        True,
    )
    return [row["name"] for row in rows if row["listed"]], [row["name"] for row in rows if not row["listed"]]


async def listed_names() -> list[dict[str, Any]]:
    """The same with who added each, for the page."""
    return await db.fetch(
        """SELECT private_name.id, private_name.name, private_name.added_at, person.name AS added_by_name
           FROM private_name LEFT JOIN person ON person.id = private_name.added_by ORDER BY private_name.folded"""
    )
