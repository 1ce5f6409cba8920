"""Saving and publishing several clips of one call together.

Invariant: the regions of a batch become drafts in one transaction, or every wrong field of every region is named and
nothing is written; a batch that was saved already is answered, not saved again.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import msgspec

from trainer import db
from trainer.calls.service import load_for_hearing
from trainer.clips.batch.tables import ClipBatch
from trainer.clips.reviewing.service import NEEDED
from trainer.clips.service import (
    OPEN_STATES,
    ClipFields,
    ClipView,
    Review,
    clips_by_ids,
    create_clip,
    publish_clip,
    submit_clip,
)
from trainer.clips.suggestions.service import ANSWERS, decide_in_clip
from trainer.jobs import JobContext, schedule
from trainer.problems import Conflict, FieldError, Invalid, NotFound, Problem
from trainer.web.i18n import _
from trainer.web.session import Viewer

MOST_REGIONS = 30
KEPT = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Batch:
    """Clips that were saved together, by id in the order in which they were given."""

    id: UUID
    recording: UUID
    clips: tuple[UUID, ...]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one clip that something was done with: a sentence about it, or why it was not (`refusal`)."""

    clip: ClipView
    refusal: str
    said: str = ""


async def save_regions(
    viewer: Viewer, recording_id: UUID, regions: Sequence[ClipFields], *, batch: UUID | None = None
) -> Batch:
    """Cut all regions out of a call as drafts, or none. With the id of a batch that was saved, that one is answered.

    Raises as `create_clip`; Invalid names fields as `clips[0].title`, counted from 0.
    """
    if not 1 <= len(regions) <= MOST_REGIONS:
        message = _("Mark one to %(most)s regions, then save them.") % {"most": MOST_REGIONS}
        raise Invalid.field("clips", "required" if not regions else "too-many", message)
    await load_for_hearing(viewer, recording_id)
    batch_id = batch or db.new_id()
    async with db.transaction():
        mine = ClipBatch.insert(ClipBatch(id=batch_id, recording=recording_id, at=db.utc_now()))
        if not await mine.on_conflict(action="DO NOTHING").returning(ClipBatch.id):
            return await _saved_before(batch_id, recording_id)
        clips: list[UUID] = []
        errors: list[FieldError] = []
        for number, fields in enumerate(regions):
            try:
                async with db.savepoint():
                    clips.append(await create_clip(viewer, recording_id, fields))
            except Invalid as refused:
                errors += [
                    FieldError(f"clips[{number}].{error.field}", error.code, error.message)
                    for error in refused.errors
                ]
        if errors:
            raise Invalid(_("Nothing was saved yet: some regions need another look."), errors=errors)
        named = msgspec.json.encode([str(clip) for clip in clips]).decode()
        await ClipBatch.update({ClipBatch.clips: named}).where(ClipBatch.id == batch_id)
    return Batch(batch_id, recording_id, tuple(clips))


async def _saved_before(batch_id: UUID, recording_id: UUID) -> Batch:
    row = await ClipBatch.select().where(ClipBatch.id == batch_id).first()
    if row is None or row["recording"] != recording_id:
        raise Conflict(_("These regions were saved for another call. Load the page again."))
    return _batch(row)


def _batch(row: dict[str, Any]) -> Batch:
    clips = msgspec.json.decode(row["clips"], type=list[UUID])
    return Batch(row["id"], row["recording"], tuple(clips))


async def load_batch(viewer: Viewer, recording_id: UUID, batch_id: UUID) -> tuple[Batch, list[ClipView]]:
    """A batch of this call with its clips that are still there. Raises as `load_for_hearing`, and NotFound."""
    await load_for_hearing(viewer, recording_id)
    row = await ClipBatch.select().where(ClipBatch.id == batch_id).first()
    if row is None or row["recording"] != recording_id:
        raise NotFound(_("There is no such page any more. The clips themselves are listed with their call."))
    batch = _batch(row)
    clips = await clips_by_ids(viewer, batch.clips)
    return batch, [clips[clip] for clip in batch.clips if clip in clips]


def publishes(viewer: Viewer, review: Review) -> bool:
    """Whether the viewer publishes drafts alone here; else they hand them in for review."""
    return viewer.has("trainer") and NEEDED[review] == 0


async def pass_on(
    viewer: Viewer, recording_id: UUID, batch_id: UUID, heard: Sequence[UUID], *, review: Review
) -> list[Outcome]:
    """Publish (or hand in, see `publishes`) those clips of a batch that the viewer listened to, each by itself.

    `heard`: the viewer says that they listened to these for personal data. One that cannot go on stops none of the
    others.
    """
    _batch, clips = await load_batch(viewer, recording_id, batch_id)
    alone = publishes(viewer, review)
    outcomes: list[Outcome] = []
    for clip in clips:
        if clip.id not in heard:
            continue
        try:
            if alone:
                await publish_clip(viewer, clip.id, review=review, privacy_checked=True)
            else:
                await submit_clip(viewer, clip.id)
        except Conflict as refused:
            already = refused.name == "already-published"
            outcomes.append(Outcome(clip, "" if already else refused.detail))
        except Problem as refused:
            outcomes.append(Outcome(clip, refused.detail))
        else:
            outcomes.append(Outcome(clip, ""))
    return outcomes


async def settle(
    viewer: Viewer,
    recording_id: UUID,
    batch_id: UUID,
    clip_id: UUID,
    what: str,
    *,
    heard: bool,
    review: Review,
) -> Outcome:
    """Do one thing with one clip of a batch: `accepted`, `rejected` or `undone` about a suggested redaction
    (`accepted:KEY`; without a key about all that are open), anything else lets it go on as `pass_on` does.

    `heard`: the viewer says that they listened to it for personal data. Raises as `load_batch`.
    """
    _batch, clips = await load_batch(viewer, recording_id, batch_id)
    clip = next((each for each in clips if each.id == clip_id), None)
    if clip is None:
        raise NotFound(_("This clip is not here any more."))
    answer, _colon, key = what.partition(":")
    if answer not in ANSWERS:
        if heard:
            (outcome,) = await pass_on(viewer, recording_id, batch_id, [clip_id], review=review)
            return replace(outcome, said="" if outcome.refusal else _("It has gone on."))
        return Outcome(clip, _("Listen to it first, and tick that you did."))
    if clip.state not in OPEN_STATES:
        return Outcome(clip, _("This clip is not a draft any more."))
    try:
        await decide_in_clip(viewer, clip_id, [key] if key else None, answer)
    except Problem as refused:
        return Outcome(clip, refused.detail)
    told = {
        "accepted": _("Redacted. The sound is made once more."),
        "rejected": _("Left as it is."),
        "undone": _("To be decided again."),
    }
    return Outcome(clip, "", told[answer])


@schedule("forget_batches", at="03:50")
async def forget_batches(context: JobContext) -> None:
    """What was saved together is of use for a while only; the clips stay what they are."""
    await ClipBatch.delete().where(ClipBatch.at < db.utc_now() - KEPT)
