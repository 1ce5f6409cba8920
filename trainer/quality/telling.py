"""Whom an evaluation tells what: its agent when it is released, and both sides when somebody answers.

Invariant: a notice holds no result and no words of anybody; it leads to the page that does.
"""

from collections.abc import Iterable
from uuid import UUID

from trainer.notices import kinds
from trainer.notices.service import notify_many
from trainer.people.service import people_by_ids
from trainer.quality import queries
from trainer.quality.views import EvaluationView
from trainer.web.i18n import _

kinds.register(
    kinds.Kind(
        "evaluation_released",
        words=lambda params: (
            _("A call of yours was evaluated: %(call)s") % params
            if params.get("call")
            else _("A call of yours was evaluated.")
        ),
        more=lambda params: _("It corrects an earlier evaluation.") if params.get("corrects") else "",
        title_for_choice=lambda: _("A call of mine was evaluated"),
        icon="clipboard-check",
        roles=("agent",),
    )
)
kinds.register(
    kinds.Kind(
        "evaluation_answered",
        words=lambda params: _("%(by)s wrote to you about an evaluation.") % params,
        more=lambda params: params.get("call") or "",
        title_for_choice=lambda: _("Somebody answers about an evaluation"),
        icon="message-circle",
        roles=("agent", "qa_analyst", "team_lead"),
    )
)


async def tell_agent(evaluation: EvaluationView, agent: UUID) -> None:
    """Tells the agent that a call of theirs was evaluated or put right."""
    params = {"call": evaluation.recording_title, "corrects": bool(evaluation.replaces)}
    source, href = f"evaluation:{evaluation.id}", f"/evaluations/{evaluation.id}"
    here = await _who_work_here([agent])
    await notify_many(here, "evaluation_released", source=source, href=href, params=params)


async def tell_of_reply(evaluation: EvaluationView, reply: UUID, author: UUID) -> None:
    """The agent's words reach the analyst and the team's leads; theirs reach the agent and each other."""
    others: list[UUID] = [evaluation.agent]
    if evaluation.evaluated_by:
        others.append(evaluation.evaluated_by)
    if evaluation.agent_team:
        others += await queries.leads_of(evaluation.agent_team)
    wanted = await _who_work_here(person for person in others if person != author)
    params = {"by": str(author), "call": evaluation.recording_title}
    href = f"/evaluations/{evaluation.id}#words"
    await notify_many(wanted, "evaluation_answered", source=f"reply:{reply}", href=href, params=params)


async def _who_work_here(people: Iterable[UUID]) -> list[UUID]:
    wanted = list(people)
    found = await people_by_ids(wanted)
    return [person for person in wanted if person in found and found[person].active]
