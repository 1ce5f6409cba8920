"""Raw SQL of what the agents heard say about clips: their yes, what was asked of them, their objections."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from trainer import db
from trainer.clips.queries import CONSENT, LIVING


async def consent_row(clip: UUID) -> dict[str, Any] | None:
    """The agent heard in a clip, what a yes would be about, and their last word about that."""
    return await db.fetch_one(
        f"""SELECT clip.id, clip.replaces, clip.about, clip.state, recording.agent, {CONSENT} AS consent
            FROM clip JOIN recording ON recording.id = clip.recording WHERE clip.id = {{}}""",
        clip,
    )


async def last_said_at(clip: UUID) -> datetime | None:
    """When something was last asked or said about a clip."""
    row = await db.fetch_one("SELECT at FROM clip_consent WHERE clip = {} ORDER BY at DESC LIMIT 1", clip)
    return row["at"] if row else None


async def askings(clip: UUID) -> list[dict[str, Any]]:
    """Every time that the agent was asked about a clip, latest first."""
    return await db.fetch(
        "SELECT id, asked_by FROM clip_consent WHERE clip = {} AND answer = 'asked' ORDER BY at DESC", clip
    )


async def asked_of(person: UUID, answer: str = "asked") -> list[dict[str, Any]]:
    """The rows of clips not in use yet about whose present sound this is the last word: asked only, or a yes."""
    return await db.fetch(
        f"""SELECT clip.id AS clip, said.at, said.asked_by, asker.name AS asked_by_name
            FROM clip_consent said
            JOIN clip ON COALESCE(clip.replaces, clip.id) = said.clip AND clip.about = said.about
            JOIN recording ON recording.id = clip.recording AND recording.agent = said.person
            LEFT JOIN person asker ON asker.id = said.asked_by
            WHERE said.person = {{}} AND said.answer = {{}} AND clip.state IN ('draft', 'in_review')
              AND {LIVING}
              AND NOT EXISTS (SELECT 1 FROM clip_consent later WHERE later.clip = said.clip
                              AND later.about = said.about AND later.at > said.at)
            ORDER BY said.at, said.id""",
        person,
        answer,
        db.utc_now(),
    )


async def voice_of(person: UUID) -> list[dict[str, Any]]:
    """Every clip that was ever published with somebody's voice, latest first.

    An erased call does not name its agent any more: what they said about its clips, and the fact of a good one, do.
    """
    return await db.fetch(
        f"""SELECT clip.id, clip.title, clip.state, clip.polarity, clip.published_at, clip.retired_at,
                   clip.taken_down_at, clip.erased_at, recording.staged, {CONSENT} AS consent,
                   credit.named AS credited
            FROM clip JOIN recording ON recording.id = clip.recording
            LEFT JOIN clip_credit credit ON credit.clip = clip.id AND credit.person = recording.agent
            WHERE clip.replaces IS NULL AND clip.published_at IS NOT NULL AND (
                recording.agent = {{}}
                OR (clip.state = 'erased' AND (
                    EXISTS (SELECT 1 FROM clip_consent said WHERE said.clip = clip.id AND said.person = {{}})
                    OR EXISTS (SELECT 1 FROM clip_objection o WHERE o.clip = clip.id AND o.person = {{}})
                    OR CAST(clip.id AS TEXT) IN (SELECT fact.subject FROM fact WHERE fact.person = {{}}
                        AND fact.kind = 'clip_published' AND fact.source LIKE '%:agent'))))
            ORDER BY clip.published_at DESC, clip.id""",
        person,
        person,
        person,
        person,
    )


async def objections(
    *,
    ids: Sequence[UUID] = (),
    clips: Sequence[UUID] = (),
    person: UUID | None = None,
    open_only: bool = False,
    before: datetime | None = None,
) -> list[dict[str, Any]]:
    """Objections with their clip and who said and decided what, oldest first; those that all given parts fit."""
    where, params = ["1 = 1"], list[Any]()
    for column, wanted in (("id", ids), ("clip", clips)):
        if wanted:
            where.append(f"objection.{column} IN ({{}})")
            params.append(list(wanted))
    if person is not None:
        where.append("objection.person = {}")
        params.append(person)
    if open_only:
        where.append("objection.decided_at IS NULL")
    if before is not None:
        where.append("objection.at <= {}")
        params.append(before)
    return await db.fetch(
        f"""SELECT objection.id, objection.clip, clip.title, clip.state, objection.person,
                   sayer.name AS person_name, objection.words, objection.at, objection.decision, objection.answer,
                   decider.name AS decided_by_name, objection.decided_at, recording.rulebook AS programme,
                   sayer.team AS agent_team
            FROM clip_objection objection
            JOIN clip ON clip.id = objection.clip
            JOIN recording ON recording.id = clip.recording
            JOIN person sayer ON sayer.id = objection.person
            LEFT JOIN person decider ON decider.id = objection.decided_by
            WHERE {" AND ".join(where)} ORDER BY objection.at, objection.id""",
        *params,
    )
