"""Words under an evaluation: the agent answers, analyst and lead reply; and when the agent first opened it.

Invariant: what was written stays as it was written; only erasing its author empties it.
"""

from typing import Any
from uuid import UUID

from trainer import db, jobs
from trainer.people.audit import record_audit
from trainer.problems import Conflict, Forbidden, Invalid
from trainer.quality import queries, telling
from trainer.quality.judging import erased, hold
from trainer.quality.service import load_evaluation
from trainer.quality.tables import Evaluation, EvaluationReply, Mark
from trainer.quality.views import EvaluationView
from trainer.web.i18n import _
from trainer.web.session import Viewer
from trainer.web.texts import readable

MOST_WORDS = 3000


def writes_as(viewer: Viewer, evaluation: EvaluationView) -> str | None:
    """As whom the viewer may write under it: agent, analyst or lead; None when not at all, or to nobody any more."""
    if evaluation.state == "draft" or not evaluation.agent_name:
        return None
    if viewer.id == evaluation.agent:
        return "agent"
    if viewer.has("qa_analyst"):
        return "analyst"
    leads = viewer.has("team_lead") and viewer.team is not None and viewer.team == evaluation.agent_team
    return "lead" if leads else None


async def reply(viewer: Viewer, evaluation: UUID, words: str, *, key: UUID | None = None) -> UUID:
    """Adds words and tells the other side; returns the reply's id. The same `key` again adds nothing.

    Raises NotFound, Forbidden, Gone (its agent was erased), Conflict (a draft), Invalid (`words`).
    """
    found = await load_evaluation(viewer, evaluation)
    if found.state == "draft":
        raise Conflict(_("This evaluation is not released yet."), slug="draft")
    if not found.agent_name:
        raise erased()
    by = writes_as(viewer, found)
    if by is None:
        raise Forbidden(_("Its agent, analysts and the agent's lead write here."))
    said = readable(words).strip()
    if not said:
        raise Invalid.field("words", "required", _("Write what you want to say."))
    if len(said) > MOST_WORDS:
        told = _("Please keep this under %(most)s characters; it has %(has)s.")
        raise Invalid.field("words", "too-long", told % {"most": MOST_WORDS, "has": len(said)})
    made = key or db.new_id()
    async with db.transaction():
        await hold(viewer.id, found.agent)
        if await queries.add_reply(made, evaluation, viewer.id, by, said):
            await record_audit(viewer, "evaluation_answered", "evaluation", str(evaluation))
            await telling.tell_of_reply(found, made, viewer.id)
    return made


async def note_seen(viewer: Viewer, evaluation: EvaluationView) -> None:
    """When the agent opened it for the first time."""
    if viewer.id != evaluation.agent or evaluation.state == "draft" or evaluation.seen_at is not None:
        return
    seen: dict[Any, Any] = {Evaluation.seen_at: db.utc_now()}
    await Evaluation.update(seen).where((Evaluation.id == evaluation.id) & Evaluation.seen_at.is_null())


@jobs.on("person_erased")
async def erase_words(context: jobs.JobContext, event: dict[str, Any]) -> None:
    """The marks stay as dated facts of a former colleague; words by them and about them go, and what was never said."""
    person = UUID(event["person"])
    async with db.transaction():
        await queries.drop_drafts_about(person)
        await EvaluationReply.update({EvaluationReply.words: ""}).where(EvaluationReply.author == person)
        theirs = await Evaluation.select(Evaluation.id).where(Evaluation.agent == person)
        for row in theirs:
            await Evaluation.update({Evaluation.comment: "", Evaluation.reason: ""}).where(
                Evaluation.id == row["id"]
            )
            await Mark.update({Mark.comment: ""}).where(Mark.evaluation == row["id"])
