"""What happens to a recording by itself: it is prepared, it is erased, and nothing of it is left lying. How it
expires stands in `keeping`.

Each step names the state that it starts from in the UPDATE itself, so that it may run twice, be killed
half-way, or meet an erasure, and the outcome is the same. Objects are written before the row that names them
and removed after it; what a kill leaves between the two has no row, and `tidy_recordings` finds it.
Invariant: audio whose row does not name it any more is gone within a day, and a refused or erased row names
none.
"""

import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from piccolo.columns.combination import And

from trainer import db, jobs
from trainer.audio import AudioRefused, Measured
from trainer.audio.child import in_child
from trainer.audio.measure import measure
from trainer.calls import proofs, queries
from trainer.calls.proofs import PERSON_ERASED
from trainer.calls.tables import Recording, Segment
from trainer.calls.turns import talked_over
from trainer.jobs import JobContext
from trainer.people.audit import record_audit
from trainer.storage import StorageError, storage
from trainer.web.i18n import _, speaking
from trainer.web.session import Viewer

PREFIX = "recordings"
LONGEST_DECODE_S = 1800.0
KEEP_REFUSED = timedelta(days=7)
# An upload that is being stored right now has no row yet.
STRAY_AFTER = timedelta(hours=1)

_KEY = re.compile(rf"{PREFIX}/[0-9a-f]{{2}}/([0-9a-f-]{{36}})(\.peaks)?")


def object_key(recording: UUID) -> str:
    """Where a recording's audio lies."""
    return f"{PREFIX}/{recording.hex[:2]}/{recording}"


def peaks_key(recording: UUID) -> str:
    """Where its peaks lie, beside the audio."""
    return f"{object_key(recording)}.peaks"


@jobs.job("prepare_recording", lease_seconds=60)
async def prepare_recording(context: JobContext, recording: str) -> None:
    """Decodes a recording once: true duration, channels and peaks; then it is ready, or refused with the
    reason.
    """
    recording_id = UUID(recording)
    row = await queries.to_prepare(recording_id)
    if row is None:
        return
    with speaking(row["locale"] or "en"):
        note = _("Listening to the call")

    async def tell(done: int, total: int) -> None:
        await context.progress(done, total, note)

    try:
        async with storage().local_path(row["object_key"]) as path:
            measured: Measured = await in_child(measure, path, timeout_s=LONGEST_DECODE_S, on_progress=tell)
    except AudioRefused as error:
        await refuse(recording_id, error.reason)
    except StorageError as error:
        if error.reason != "missing":
            raise
        await refuse(recording_id, "missing")
    else:
        await _ready(recording_id, measured)


async def _ready(recording: UUID, measured: Measured) -> None:
    key = peaks_key(recording)
    await storage().put_bytes(key, measured.peaks.to_bytes())
    async with db.transaction():
        values: dict[Any, Any] = {
            Recording.state: "ready",
            Recording.duration_ms: measured.duration_ms,
            Recording.channels: measured.channels,
            Recording.sample_rate_hz: measured.sample_rate_hz,
            Recording.codec: measured.codec,
            Recording.peaks_key: key,
            Recording.longest_silence_ms: measured.turns.longest_silence_ms,
            Recording.silence_at_ms: measured.turns.silence_at_ms,
            Recording.talk_over_ms: measured.turns.talk_over_ms,
            Recording.talk_over_at_ms: measured.turns.talk_over_at_ms,
        }
        there = _in_state(recording, "processing")
        ready = await Recording.update(values).where(there).returning(Recording.id)
        if ready:
            cut = await queries.cut_lines_after(recording, measured.duration_ms)
            if cut:
                await Recording.update({Recording.lines_cut: cut}).where(Recording.id == recording)
            if measured.turns.talk_over_ms is None:
                await _ask_the_words(recording)
            await jobs.publish("recording_ready", {"recording": str(recording)})
    if not ready and not await Recording.exists().where(_in_state(recording, "ready")):
        await storage().delete(key)  # it was erased meanwhile


async def _ask_the_words(recording: UUID) -> None:
    """Where the sound does not tell who spoke, the lines of the transcript may."""
    found = talked_over(await queries.segments(recording, None, None))
    if found is not None:
        values: dict[Any, Any] = {Recording.talk_over_ms: found[0], Recording.talk_over_at_ms: found[1]}
        await Recording.update(values).where(Recording.id == recording)


@jobs.on("transcript_changed")
async def ask_changed_words(context: JobContext, event: dict[str, Any]) -> None:
    """The words of a mono call were corrected, or came afterwards."""
    recording = UUID(event["recording"])
    if await Recording.exists().where(_in_state(recording, "ready") & (Recording.channels == 1)):
        await _ask_the_words(recording)


async def refuse(recording: UUID, reason: str) -> None:
    """A recording that cannot be prepared: the row keeps the reason, its file and words go."""
    async with db.transaction():
        values: dict[Any, Any] = {
            Recording.state: "refused",
            Recording.refusal: reason,
            Recording.refused_at: db.utc_now(),
            Recording.object_key: "",
            Recording.sha256: "",
        }
        there = _in_state(recording, "processing")
        if not await Recording.update(values).where(there).returning(Recording.id):
            return
        await Segment.delete().where(Segment.recording == recording)
        await record_audit(None, "recording_refused", "recording", str(recording), {"reason": reason})
        await jobs.enqueue(remove_objects, {"keys": keys_of(recording)})
    await _remove(keys_of(recording))


def keys_of(recording: UUID) -> list[str]:
    """Every object that a recording may have."""
    return [object_key(recording), peaks_key(recording)]


@jobs.job("remove_call_objects", attempts=20)
async def remove_objects(context: JobContext, keys: list[str]) -> None:
    """Takes objects out of the storage, however often that has to be tried: an erasure is a promise."""
    await _remove(keys)


async def _remove(keys: Sequence[str]) -> None:
    for key in keys:
        await storage().delete(key)


async def erase(recording: UUID, viewer: Viewer | None, why: str, *, at: datetime | None = None) -> bool:
    """Erases a recording now: words, audio and everything that tells of the call; the row stays as proof.

    The event `recording_erased` takes what was cut from it along. `at`: when it was first erased, where that is done
    once more. False: somebody was first.
    """
    if not await erase_row(recording, viewer, why, at=at):
        return False
    await _remove(keys_of(recording))
    return True


async def erase_row(recording: UUID, viewer: Viewer | None, why: str, *, at: datetime | None = None) -> bool:
    """The same in a transaction of the caller's; a job takes the objects out of the storage."""
    async with db.transaction():
        values: dict[Any, Any] = {
            **await hold_content(recording),
            Recording.state: "erased",
            Recording.erased_at: at or db.utc_now(),
            Recording.erased_by: viewer.id if viewer else None,
            Recording.erased_why: why,
            Recording.title: "",
            Recording.agent: None,
            Recording.called_at: None,
            Recording.csat: None,
            Recording.sha256: "",
            Recording.object_key: "",
            Recording.peaks_key: "",
            Recording.size_bytes: 0,
        }
        there = (Recording.id == recording) & (Recording.state != "erased")
        if not await Recording.update(values).where(there).returning(Recording.id):
            return False
        await Segment.delete().where(Segment.recording == recording)
        # the reason may name a person, and the log must not: it stays with the row alone
        await record_audit(viewer, "recording_erased", "recording", str(recording))
        await jobs.publish("recording_erased", {"recording": str(recording)})
        await jobs.enqueue(remove_objects, {"keys": keys_of(recording)})
    return True


async def hold_content(recording: UUID) -> dict[Any, Any]:
    """Inside the transaction that ends a call: nobody takes its content in meanwhile. What the proof keeps of it."""
    row = await Recording.select(Recording.sha256).where(Recording.id == recording).first()
    if row is None or not row["sha256"]:
        return {}  # it ended before, or was never whole
    await proofs.hold(row["sha256"])
    return {Recording.fingerprint: proofs.fingerprint(row["sha256"])}


@jobs.schedule("tidy_recordings", at="03:20", lease_seconds=300)
async def tidy_recordings(context: JobContext) -> None:
    """Daily: rows whose job is lost, refused rows after seven days, objects that no row names."""
    now = db.utc_now()
    for row in await Recording.select(Recording.id, Recording.job).where(Recording.state == "processing"):
        job = await jobs.get_job(row["job"]) if row["job"] else None
        if job is None or job.status == "failed":
            await refuse(row["id"], "not_prepared")
    old = Recording.refused_at < now - KEEP_REFUSED
    await Recording.delete().where((Recording.state == "refused") & old)
    await remove_strays()


async def remove_strays() -> int:
    """Removes objects of recordings that no row names (a kill between the object and its row); returns how
    many.
    """
    before = datetime.now(UTC) - STRAY_AFTER  # the storage's clock, also where jobs are run as of another day
    found: dict[str, UUID] = {}
    async for stored in storage().list(PREFIX):
        match = _KEY.fullmatch(stored.key)
        if match and stored.modified < before:
            found[stored.key] = UUID(match[1])
    keys, removed = sorted(found), 0
    for start in range(0, len(keys), 500):
        batch = keys[start : start + 500]
        known = await queries.known_objects(list({found[key] for key in batch}))
        strays = [key for key in batch if key not in known]
        await _remove(strays)
        removed += len(strays)
    return removed


def _in_state(recording: UUID, state: str) -> And:
    return (Recording.id == recording) & (Recording.state == state)


@jobs.on("person_erased")
async def erase_calls_of(context: JobContext, event: dict[str, Any]) -> None:
    """An erased person's voice goes with their name."""
    for row in await Recording.select(Recording.id).where(
        (Recording.agent == UUID(event["person"])) & (Recording.state != "erased")
    ):
        await erase(row["id"], None, PERSON_ERASED)
