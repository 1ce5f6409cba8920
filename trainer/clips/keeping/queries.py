"""Raw SQL of keeping: what ends when, what could stand in its place, and renewals."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from trainer import db
from trainer.clips.queries import LIVING

Row = dict[str, Any]

# When a clip ends, as an expression that both engines compare.
_END = "COALESCE(clip.expires_at, recording.expires_at)"


async def ending(before: datetime) -> list[Row]:
    """Clips in use that end before a moment, and are not over yet, first to end first."""
    return await db.fetch(
        f"""SELECT clip.id, clip.title, clip.polarity, clip.curator, clip.keep_until, clip.expires_at,
                   recording.id AS recording, recording.retain_until, recording.expires_at AS call_expires_at,
                   recording.state AS recording_state,
                   recording.rulebook AS programme, heard.team AS agent_team
            FROM clip JOIN recording ON recording.id = clip.recording
            LEFT JOIN person heard ON heard.id = recording.agent
            WHERE clip.state = 'published' AND {LIVING} AND {_END} <= {{}}
            ORDER BY {_END}, clip.created_at, clip.id""",
        db.utc_now(),
        before,
    )


async def calls_ending(before: datetime) -> list[Row]:
    """Calls that end before a moment and of which no clip is in use: what was never cut, or only begun."""
    return await db.fetch(
        """SELECT recording.id, recording.title, recording.retain_until, recording.expires_at,
                  recording.rulebook AS programme, agent.team AS agent_team, agent.name AS agent_name,
                  (SELECT COUNT(*) FROM clip WHERE clip.recording = recording.id
                   AND clip.state IN ('draft', 'in_review')) AS drafts
           FROM recording LEFT JOIN person agent ON agent.id = recording.agent
           WHERE recording.state = 'ready' AND recording.expires_at > {} AND recording.expires_at <= {}
             AND NOT EXISTS (SELECT 1 FROM clip WHERE clip.recording = recording.id AND clip.state = 'published')
           ORDER BY recording.expires_at, recording.id""",
        db.utc_now(),
        before,
    )


async def renewed() -> list[Row]:
    """Clips that are kept on a ground and until a day of their own, first to end first."""
    return await db.fetch(
        f"""SELECT clip.id, recording.rulebook AS programme, heard.team AS agent_team
            FROM clip JOIN recording ON recording.id = clip.recording
            LEFT JOIN person heard ON heard.id = recording.agent
            WHERE clip.state = 'published' AND clip.expires_at IS NOT NULL AND {LIVING}
            ORDER BY clip.expires_at, clip.id""",
        db.utc_now(),
    )


async def could_stand_in(rules: Sequence[UUID]) -> list[Row]:
    """Living clips of these rules, in use or begun, with when they end; those kept longest first."""
    return await db.fetch(
        f"""SELECT clip_rule.rule, clip.id, clip.polarity, clip.state, clip.expires_at AS own_expires_at, clip.language,
                   recording.expires_at, recording.staged
            FROM clip_rule JOIN clip ON clip.id = clip_rule.clip
            JOIN recording ON recording.id = clip.recording
            WHERE clip_rule.rule IN ({{}}) AND clip.replaces IS NULL
              AND clip.state IN ('published', 'draft', 'in_review') AND {LIVING}
            ORDER BY CASE WHEN clip.state = 'published' THEN 0 ELSE 1 END,
                     CASE WHEN {_END} IS NULL THEN 0 ELSE 1 END, {_END} DESC, clip.id""",
        list(rules),
        db.utc_now(),
    )


# Warning


async def claim_warnings(now: datetime, before: datetime, warned_before: datetime) -> list[Row]:
    """Notes on the clips in use that end soon that they are warned of; returns those that were not yet.

    One warning a day that it ends: a clip that was warned of for an earlier day is told of again.
    """
    return await db.fetch(
        f"""UPDATE clip SET expiry_warned_at = {{}} WHERE id IN (
                SELECT clip.id FROM clip JOIN recording ON recording.id = clip.recording
                WHERE clip.state = 'published' AND {LIVING} AND {_END} <= {{}}
                  AND (clip.expiry_warned_at IS NULL OR clip.expiry_warned_at < {{}}))
            RETURNING id""",
        now,
        now,
        before,
        warned_before,
    )


# Ending


async def over(now: datetime) -> list[Row]:
    """Clips whose own day is over."""
    return await db.fetch(
        """SELECT id, recording FROM clip WHERE state <> 'erased' AND expires_at IS NOT NULL
           AND expires_at <= {} ORDER BY expires_at, id""",
        now,
    )


async def still_due(clip: UUID, now: datetime) -> Row | None:
    """A clip whose day is over, its own or, without one, its call's."""
    return await db.fetch_one(
        f"""SELECT clip.id FROM clip JOIN recording ON recording.id = clip.recording
            WHERE clip.id = {{}} AND clip.state <> 'erased'
              AND (recording.state = 'expired' AND clip.expires_at IS NULL OR {_END} <= {{}})""",
        clip,
        now,
    )


async def lives_on(recording: UUID, now: datetime) -> bool:
    """Whether a clip of this call was renewed and its own day is not over."""
    row = await db.fetch_one(
        """SELECT 1 AS one FROM clip WHERE recording = {} AND replaces IS NULL AND state <> 'erased'
           AND expires_at > {} LIMIT 1""",
        recording,
        now,
    )
    return row is not None


# Renewals

_RENEWALS = """
    SELECT renewal.id, renewal.clip, renewal.about, renewal.basis, renewal.keep_until, renewal.expires_at,
           renewal.person, heard.name AS person_name, renewal.state, renewal.words, renewal.asked_by,
           asker.name AS asked_by_name, renewal.asked_at, renewal.answered_at, clip.title, clip.polarity,
           clip.recording, recording.rulebook AS programme, agent.team AS agent_team
    FROM clip_renewal renewal JOIN clip ON clip.id = renewal.clip
    JOIN recording ON recording.id = clip.recording
    LEFT JOIN person agent ON agent.id = recording.agent
    LEFT JOIN person heard ON heard.id = renewal.person
    LEFT JOIN person asker ON asker.id = renewal.asked_by
"""


async def renewal(id: UUID) -> Row | None:
    """One renewal, whoever asks."""
    return await db.fetch_one(_RENEWALS + "WHERE renewal.id = {}", id)


async def renewals(
    *, clip: UUID | None = None, person: UUID | None = None, states: Sequence[str] = ()
) -> list[Row]:
    """Renewals for which all given parts hold, latest first."""
    where, params = ["1 = 1"], list[Any]()
    for column, value in (("clip", clip), ("person", person)):
        if value is not None:
            where.append(f"renewal.{column} = {{}}")
            params.append(value)
    if states:
        where.append("renewal.state IN ({})")
        params.append(list(states))
    return await db.fetch(
        f"{_RENEWALS} WHERE {' AND '.join(where)} ORDER BY renewal.asked_at DESC, renewal.id DESC", *params
    )


# Credit


async def set_credit(clip: UUID, person: UUID, named: bool, at: datetime) -> None:
    """Whether an agent is named with a clip; their last word counts."""
    await db.fetch(
        """INSERT INTO clip_credit (id, clip, person, named, at) VALUES ({}, {}, {}, {}, {})
           ON CONFLICT (clip, person) DO UPDATE SET named = EXCLUDED.named, at = EXCLUDED.at RETURNING id""",
        db.new_id(),
        clip,
        person,
        named,
        at,
    )
