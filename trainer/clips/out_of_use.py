"""Taking clips out of use and back: retired, taken down at once, deleted, erased with their call.

Retiring ends new uses; whoever learned with the clip hears it on. Taking down stops every use in the moment it is
committed, history included: all that plays a clip asks `reading`, and nothing of ours is cached unasked.
Invariant: what was taken down sounds again only by a trainer's word, with a reason, or as a new version.
"""

from typing import Any
from uuid import UUID

from piccolo.columns.combination import And, Where

from trainer import db, jobs
from trainer.clips import queries
from trainer.clips.reading import OPEN_STATES, STOPPERS, load_clip
from trainer.clips.rendering import drop_all, drop_forgotten
from trainer.clips.standing import hold_consent, require_trainer
from trainer.clips.tables import Clip, ClipRule
from trainer.clips.views import ClipView
from trainer.jobs import JobContext
from trainer.notices.service import forget
from trainer.people.audit import record_audit
from trainer.problems import Conflict, Forbidden, Invalid
from trainer.web.i18n import _
from trainer.web.session import Viewer

MOST_WHY = 500


async def retire_clip(viewer: Viewer, clip_id: UUID) -> None:
    """Take a published clip out of use; it plays on only where history needs it."""
    clip = await load_clip(viewer, clip_id)
    require_trainer(viewer, clip)
    async with db.transaction():
        await move(viewer, clip, ["published"], "retired", "clip_retired", {Clip.retired_at: db.utc_now()})
        await jobs.publish(
            "clip_retired", {"clip": str(clip.id), "rules": [rule.code for rule in clip.rules]}
        )


async def restore_clip(viewer: Viewer, clip_id: UUID) -> None:
    """Put a retired clip back into use."""
    clip = await load_clip(viewer, clip_id)
    require_trainer(viewer, clip)
    async with db.transaction():
        await move(viewer, clip, ["retired"], "published", "clip_restored", {Clip.retired_at: None})
        await jobs.publish(
            "clip_restored", {"clip": str(clip.id), "rules": [rule.code for rule in clip.rules]}
        )


async def _to_end(viewer: Viewer | None, clip_id: UUID) -> ClipView:
    """A clip for whoever stops it or throws it away: admins may end what they may not hear, all others (the system
    aside) only what is open to them. Raises as `load_clip`."""
    return await load_clip(None if viewer is None or viewer.has("admin") else viewer, clip_id)


async def take_down(viewer: Viewer | None, clip_id: UUID, why: str) -> UUID:
    """Stop a clip everywhere at once, with all its versions; returns the id it is known by.

    `viewer` None: the agent heard took their yes back, or an objection was upheld. Raises Forbidden, NotFound, Gone,
    Invalid without a reason, Conflict for a draft.
    """
    # a trainer who hears a clip of another programme may stop it too
    clip = await _to_end(viewer, clip_id)
    if viewer is not None and not viewer.has(*STOPPERS):
        raise Forbidden(_("Trainers and admins take clips down."))
    why = _said(why)
    now = db.utc_now()
    async with db.transaction():
        stopped = (
            await Clip.update(
                {
                    Clip.state: "taken_down",
                    Clip.taken_down_at: now,
                    Clip.taken_down_by: viewer.id if viewer else None,
                    Clip.taken_down_why: why,
                    Clip.updated_at: now,
                    Clip.revision: Clip.revision + 1,
                }
            )
            .where((Clip.id == clip.named) & Clip.state.is_in(["published", "retired"]))
            .returning(Clip.id)
        )
        if not stopped:
            raise Conflict(
                _("Only a clip that is or was in use is taken down. Drafts are deleted."), slug="wrong-state"
            )
        old = (Clip.replaces == clip.named) & (Clip.state == "superseded")
        await Clip.update({Clip.state: "taken_down"}).where(old)
        # the reason may name somebody: it stays with the clip, and the log tells only of the act
        await record_audit(viewer, "clip_taken_down", "clip", str(clip.named), {"version": clip.version})
        await jobs.publish(
            "clip_taken_down", {"clip": str(clip.named), "rules": [rule.code for rule in clip.rules]}
        )
    return clip.named


async def put_back(viewer: Viewer, clip_id: UUID, why: str) -> None:
    """Use a clip again that was taken down. Raises Conflict `clip-not-publishable` where the agent's yes is missing."""
    clip = await load_clip(viewer, clip_id, stopped=True)
    require_trainer(viewer, clip)
    why = _said(why)
    async with db.transaction():
        if clip.consent_needed and await hold_consent(clip) not in ("yes", "team"):
            raise Conflict(
                _("The agent heard has not said yes to this use of their voice."),
                slug="clip-not-publishable",
                missing=["agent_consent"],
            )
        back: dict[Any, Any] = {
            Clip.retired_at: None,
            Clip.taken_down_at: None,
            Clip.taken_down_by: None,
            Clip.taken_down_why: "",
            Clip.put_back_why: why,
        }
        await move(viewer, clip, ["taken_down"], "published", "clip_put_back", back)
        old = (Clip.replaces == clip.id) & (Clip.state == "taken_down")
        await Clip.update({Clip.state: "superseded"}).where(old)
        await jobs.publish(
            "clip_restored", {"clip": str(clip.id), "rules": [rule.code for rule in clip.rules]}
        )


def _said(why: str) -> str:
    why = why.strip()
    if not why or len(why) > MOST_WHY:
        raise Invalid.field("why", "required", _("Say in a sentence why (at most 500 characters)."))
    return why


async def delete_clip(viewer: Viewer, clip_id: UUID) -> None:
    """Throw a draft away; its sound goes with the next sweep. Published clips are retired instead.

    Raises NotFound, Gone, Forbidden but for admins and the trainers who work with the call, and Conflict.
    """
    clip = await _to_end(viewer, clip_id)
    if not viewer.has(*STOPPERS):
        raise Forbidden(_("Only trainers and admins delete drafts."))
    if not viewer.has("admin"):
        require_trainer(viewer, clip)
    async with db.transaction():
        gone = (
            await Clip.delete()
            .where((Clip.id == clip.id) & Clip.state.is_in(list(OPEN_STATES)))
            .returning(Clip.id)
        )
        if not gone:
            raise Conflict(_("A published clip is retired, not deleted: what was learned with it names it."))
        await record_audit(viewer, "clip_deleted", "clip", str(clip.id), {"recording": str(clip.recording)})


async def move(
    viewer: Viewer,
    clip: ClipView,
    from_states: list[str],
    to: str,
    action: str,
    more: dict[Any, Any],
) -> None:
    """A guarded change of a clip's state, in the log. Raises Conflict `wrong-state` when somebody was first."""
    async with db.transaction():
        moved = (
            await Clip.update(
                {
                    Clip.state: to,
                    Clip.revision: Clip.revision + 1,
                    Clip.updated_at: db.utc_now(),
                    Clip.updated_by: viewer.id,
                    **more,
                }
            )
            .where((Clip.id == clip.id) & Clip.state.is_in(from_states))
            .returning(Clip.id)
        )
        if not moved:
            raise Conflict(
                _("This cannot be done now: the clip is in another state."),
                slug="wrong-state",
                state=clip.state,
            )
        await record_audit(viewer, action, "clip", str(clip.id), {"version": clip.version})
        await jobs.publish("clip_changed", {"clip": str(clip.id)})


# What an erased clip still says of itself: nothing but that it was there, and until when.
_EMPTIED: dict[Any, Any] = {
    Clip.state: "erased",
    Clip.title: "{}",
    Clip.note: "{}",
    Clip.why: "{}",
    Clip.redactions: "[]",
    Clip.transcript: "[]",
    Clip.words_key: "",
    Clip.typed: None,
    Clip.taken_down_why: "",
    Clip.put_back_why: "",
    Clip.bars: "[]",
    Clip.render: "none",
    Clip.render_key: "",
    Clip.size_bytes: 0,
}


async def end_clips(of: Where | And) -> list[UUID]:
    """Inside a transaction: takes words, notes and the names of the sounds from these rows for good.

    Each clip that was in use is told of (`clip_lost`), and all rows together (`clips_ended`). The sounds go after the
    commit: see `rendering`. Returns the rows that ended, versions and drafts included.
    """
    now = db.utc_now()
    lost = (
        await Clip.update({**_EMPTIED, Clip.erased_at: now, Clip.revision: Clip.revision + 1})
        .where(of & (Clip.state != "erased"))
        .returning(Clip.id, Clip.replaces, Clip.published_at)
    )
    gone: list[UUID] = [row["id"] for row in lost]
    if gone:
        await ClipRule.update({ClipRule.cue_ms: None, ClipRule.why: "{}"}).where(ClipRule.clip.is_in(gone))
        # notices name clips by their titles
        await jobs.publish("clips_ended", {"clips": [str(clip) for clip in gone]})
        for address in ("/clips/", "/my-voice#clip-"):
            await forget(address, gone)
    for row in lost:
        if row["published_at"] is not None and row["replaces"] is None:
            rules = [rule["code"] for rule in await queries.rules_of([row["id"]])]
            await jobs.publish("clip_lost", {"clip": str(row["id"]), "rules": rules})
    return gone


@jobs.on("recording_erased")
async def erase_clips(context: JobContext, event: dict[str, Any]) -> None:
    """With a call go all clips cut from it: words, notes and sound. What remains is a row that says so."""
    recording = UUID(event["recording"])
    async with db.transaction():
        await end_clips(Clip.recording == recording)
    # after the rows: nobody is led to a sound that is half gone; repeated when the worker dies here
    await drop_all(recording)


@jobs.on("recording_expired")
async def expire_clips_of(context: JobContext, event: dict[str, Any]) -> None:
    """With a call that is over go the clips that nobody renewed, all drafts and all earlier versions.

    A renewed one keeps the words that it shows; lines as they were typed also hold what was redacted.
    """
    recording = UUID(event["recording"])
    async with db.transaction():
        await end_clips((Clip.recording == recording) & Clip.expires_at.is_null())
        await Clip.update({Clip.typed: None}).where((Clip.recording == recording) & Clip.typed.is_not_null())
    await drop_forgotten(recording)
