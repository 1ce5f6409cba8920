"""Calls in which an agent says something that has a better way (003-15): proposed for hearing, never a mark.

The hints themselves are found when somebody reads the words (`rulebook.phrases`); here is kept how many there are in a
call, so that a list of all calls need not read them all. Invariant: a count is of the words as they are; it goes with
the call, and no list tells it by agent.
"""

from datetime import timedelta
from typing import Any
from uuid import UUID

from trainer import db, jobs
from trainer.calls.service import segments_of
from trainer.calls.tables import Recording
from trainer.curating import queries
from trainer.curating.tables import PhrasedCall
from trainer.jobs import JobContext
from trainer.rulebook.phrases import hints_for

# Phrases change seldom; once a night the newest calls that nobody heard are looked at again.
RECOUNTED = timedelta(days=60)
MOST_RECOUNTED = 2_000


async def count_phrases(recording: UUID) -> int:
    """Counts them anew; a call that is not there to be heard has none. Returns how many."""
    row = (
        await Recording.select(Recording.state, Recording.language, Recording.rulebook)
        .where(Recording.id == recording)
        .first()
    )
    hints = []
    if row is not None and row["state"] == "ready":
        lines = await segments_of(recording)
        hints = await hints_for(lines, language=row["language"], rulebook=row["rulebook"])
    async with db.transaction():
        await PhrasedCall.delete().where(PhrasedCall.recording == recording)
        if hints:
            first = min(hint.start_ms for hint in hints)
            kept = PhrasedCall(id=db.new_id(), recording=recording, hits=len(hints), at_ms=first)
            await queries.keep_count(kept.to_dict())
    return len(hints)


@jobs.on("recording_ready")
async def count_in_new_call(context: JobContext, event: dict[str, Any]) -> None:
    """A call came in."""
    await count_phrases(UUID(event["recording"]))


@jobs.on("transcript_changed")
async def count_in_changed_words(context: JobContext, event: dict[str, Any]) -> None:
    """Its words were corrected, or came afterwards."""
    await count_phrases(UUID(event["recording"]))


@jobs.on("recording_expired")
async def forget_expired(context: JobContext, event: dict[str, Any]) -> None:
    """Its words are gone."""
    await count_phrases(UUID(event["recording"]))


@jobs.on("recording_erased")
async def forget_erased(context: JobContext, event: dict[str, Any]) -> None:
    """Nothing of it stays."""
    await count_phrases(UUID(event["recording"]))


@jobs.schedule("count_phrases", at="03:40", lease_seconds=300)
async def count_again(context: JobContext) -> None:
    """Nightly, as phrases may have been added or taken away."""
    for recording in await queries.newest_unheard(db.utc_now() - RECOUNTED, MOST_RECOUNTED):
        await count_phrases(recording)
