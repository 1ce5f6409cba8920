"""Raw SQL of reviews."""

from typing import Any
from uuid import UUID

from trainer import db


async def words_on(clip: UUID, version: int) -> list[dict[str, Any]]:
    """What was said of one version of a clip, first to last, with names."""
    return await db.fetch(
        """SELECT review.id, review.reviewer, person.name, review.verdict, review.words, review.content, review.at
           FROM clip_review review LEFT JOIN person ON person.id = review.reviewer
           WHERE review.clip = {} AND review.version = {} ORDER BY review.at, review.id""",
        clip,
        version,
    )


async def last_words(clips: list[UUID]) -> list[dict[str, Any]]:
    """What was said of the drafts with these ids, first to last: one query for a whole list."""
    return await db.fetch(
        """SELECT clip.id AS draft, review.reviewer, person.name, review.verdict, review.words, review.content,
                  review.at
           FROM clip JOIN clip_review review
                ON review.clip = COALESCE(clip.replaces, clip.id) AND review.version = clip.version
           LEFT JOIN person ON person.id = review.reviewer
           WHERE clip.id IN ({}) ORDER BY review.at, review.id""",
        clips,
    )


async def forget_words(person: UUID) -> set[UUID]:
    """What somebody wrote goes with their name; that they looked stays. Returns the clips that it was about."""
    rows = await db.fetch(
        "UPDATE clip_review SET words = '' WHERE reviewer = {} AND words <> '' RETURNING clip", person
    )
    return {row["clip"] for row in rows}


async def forget_clips(clips: list[UUID]) -> None:
    """Words about clips that are erased go with them."""
    await db.fetch("UPDATE clip_review SET words = '' WHERE clip IN ({})", clips)


async def programme_of(clip: UUID) -> UUID | None:
    """The programme of the call that a clip is cut from."""
    row = await db.fetch_one(
        "SELECT recording.rulebook FROM clip JOIN recording ON recording.id = clip.recording WHERE clip.id = {}",
        clip,
    )
    return row["rulebook"] if row else None
