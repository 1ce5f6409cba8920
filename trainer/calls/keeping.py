"""When the day is over until which a call was kept: it expires, which is not the same as being erased.

What expires loses its sound, peaks and words at once. Its row stays `expired`, with whose voice it was, only as long
as something of it was renewed by its own right (a clip with an own basis and day); then nothing is left of it but the
proof, as of any erased call.
Invariant: whoever prolongs something of a call and whatever ends the call hold `hold(recording)`: either the one
sees that it is over, or the other that it is renewed.
"""

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from trainer import db, jobs
from trainer.calls import queries
from trainer.calls.jobs import erase_row, hold_content, keys_of, remove_objects
from trainer.calls.proofs import EXPIRED
from trainer.calls.tables import Recording, Segment
from trainer.jobs import JobContext
from trainer.people.audit import record_audit

# An upper room says whether something of an expired call lives on by its own right at a moment; by name, in app.py.
keepers: dict[str, Callable[[UUID, datetime], Awaitable[bool]]] = {}


async def hold(recording: UUID) -> None:
    """Inside a transaction: until it ends, nothing of this call expires and nothing of it is renewed elsewhere."""
    await db.lock(f"keeping:{recording}")


@jobs.schedule("expire_recordings", every=timedelta(hours=1))
async def expire_recordings(context: JobContext) -> None:
    """Recordings past their keep-until day expire, each in a transaction of its own; those half done are finished."""
    now = db.utc_now()
    for recording in await queries.due_to_expire(now):
        await expire(recording, now)


async def expire(recording: UUID, now: datetime) -> None:
    """Ends one call whose day is over, unless it was extended meanwhile. Repeating it finishes what a kill left."""
    over = (Recording.id == recording) & Recording.state.is_in(["ready", "processing"])
    gone: dict[Any, Any] = {
        Recording.state: "expired",
        Recording.object_key: "",
        Recording.peaks_key: "",
        Recording.sha256: "",
        Recording.size_bytes: 0,
    }
    async with db.transaction():
        await hold(recording)
        gone |= await hold_content(recording)
        if await Recording.update(gone).where(over & (Recording.expires_at <= now)).returning(Recording.id):
            await Segment.delete().where(Segment.recording == recording)
            await record_audit(None, "recording_expired", "recording", str(recording))
            await jobs.publish("recording_expired", {"recording": str(recording)})
            await jobs.enqueue(remove_objects, {"keys": keys_of(recording)})
    await let_go(recording, now)


async def let_go(recording: UUID, now: datetime) -> bool:
    """Erases an expired call once nothing of it lives on; False: something does, or it is not over."""
    async with db.transaction():
        await hold(recording)
        if not await Recording.exists().where((Recording.id == recording) & (Recording.state == "expired")):
            return False
        for keeps in keepers.values():
            if await keeps(recording, now):
                return False
        return await erase_row(recording, None, EXPIRED)
