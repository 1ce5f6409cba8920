"""Asking for a machine's words, calling it off, and how far it is. The work itself is in `jobs`."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from trainer import db, jobs, speech
from trainer.calls.correcting import CORRECT, load_for_correcting, standing_of
from trainer.calls.recognising import queries
from trainer.calls.recognising.jobs import recognise_call
from trainer.calls.views import RecordingView
from trainer.people.audit import record_audit
from trainer.problems import Conflict, Invalid, PreconditionFailed
from trainer.web.api import revision_tag
from trainer.web.i18n import _
from trainer.web.session import Viewer

__all__ = ["CORRECT", "RunView", "ask", "call_off", "failure_sentence", "run_of"]


@dataclass(frozen=True, slots=True)
class RunView:
    """The latest run of a call: waiting, running, done, failed or cancelled; `done` of `total` milliseconds."""

    state: str
    reason: str
    asked_at: datetime
    done: int
    total: int

    @property
    def under_way(self) -> bool:
        return self.state in ("waiting", "running")

    @property
    def sentence(self) -> str:
        """Why it failed, for people; "" when it did not."""
        return failure_sentence(self.reason) if self.state == "failed" else ""


def failure_sentence(reason: str) -> str:
    """Why there are no words, in the reader's language."""
    told = {
        "unavailable": _(
            "Speech recognition does not work here at the moment. An admin can run: trainer doctor"
        ),
        "changed": _("Somebody changed the words meanwhile. Theirs were kept."),
        "silent": _("No words were recognised in this call."),
        "lost": _("It was interrupted too often. Please try once more."),
    }
    return told.get(reason, _("The sound of this call could not be listened to."))


async def ask(viewer: Viewer, recording: UUID, *, agent_channel: int = 0, expected: int) -> UUID:
    """Have a call's words recognised, in place of those of revision `expected`; returns the job.

    `agent_channel`: on which channel of a stereo call the agent is, from 0; the other is the caller. Raises as
    `load_for_correcting`; Conflict `no-recognition` without an engine, `under-way`; PreconditionFailed; Invalid.
    """
    call = await load_for_correcting(viewer, recording)
    if speech.engine() is None:
        raise Conflict(_("This centre has no speech recognition set up."), slug="no-recognition")
    if not 0 <= agent_channel < max(call.channels or 1, 1):
        raise Invalid.field("agent_channel", "outside", _("There is no such channel."))
    revision = (await standing_of(recording)).revision
    if revision != expected:
        raise PreconditionFailed(
            _(
                "The words of this call were changed meanwhile. Look at them before a machine writes new ones."
            ),
            current=revision_tag(revision),
        )
    async with db.transaction():
        run = await queries.ask(
            recording, agent_channel=agent_channel, revision=expected, person=viewer.id, at=db.utc_now()
        )
        if run is None:
            raise Conflict(_("A machine is writing down this call already."), slug="under-way")
        job = await jobs.enqueue(recognise_call, {"run": str(run)}, person=viewer.id)
        await queries.hold_job(run, job)
        await record_audit(viewer, "recognition_asked", "recording", str(recording))
    return job


async def call_off(viewer: Viewer, recording: UUID) -> None:
    """Stop it; the words stay what they were. Raises as `load_for_correcting`, Conflict when nothing is under way."""
    await load_for_correcting(viewer, recording)
    async with db.transaction():
        if await queries.cancel(recording, db.utc_now()) is None:
            raise Conflict(_("Nothing is under way that could be stopped."), slug="not-under-way")
        await record_audit(viewer, "recognition_cancelled", "recording", str(recording))


async def run_of(call: RecordingView) -> RunView | None:
    """The latest run of a call that the asker has loaded; one whose job was given up has failed."""
    row = await queries.of_call(call.id)
    if row is None:
        return None
    job = await jobs.get_job(row["job"]) if row["job"] else None
    state, reason = row["state"], row["reason"]
    if state in ("waiting", "running") and (job is None or job.status == "failed"):
        state, reason = "failed", "lost"
        await queries.end(row["id"], state, reason, db.utc_now())
    return RunView(state, reason, row["asked_at"], job.done if job else 0, job.total if job else 0)
