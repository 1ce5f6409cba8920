"""Reading evaluations: who may see which, what waits for whom. Writing is in `judging.py` and `replies.py`.

Rights (`people.sight`, noun "marks"; the pair `load_evaluation` and `visible_evaluations` follows them): agents read
their own once released, analysts all released ones, team leads those of their team's agents; a draft is its analyst's
alone. Trainers, managers and admins read totals (`totals.py`).
Invariant: a replaced evaluation stays readable for everybody who could read it before.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, time
from uuid import UUID

from trainer import db
from trainer.calls import service as calls
from trainer.calls.views import RecordingView
from trainer.people import sight
from trainer.people.days import day_of, zone_of
from trainer.problems import Gone, NotFound
from trainer.quality import queries
from trainer.quality.views import (
    CallToScore,
    EvaluationView,
    MarkView,
    ReplyView,
    evaluation_of,
    mark_of,
)
from trainer.rulebook.programmes import programmes_of
from trainer.web.i18n import _
from trainer.web.session import Viewer

EVALUATE = ("qa_analyst",)


def sight_of(viewer: Viewer) -> queries.Sight:
    """What the viewer may find in lists."""
    each = sight.reach(viewer, "marks") == "each"
    team = sight.team_only(viewer, "marks")
    return queries.Sight(
        person=viewer.id,
        everything=each and not team,
        team=viewer.team if team else None,
        drafts=viewer.has(*EVALUATE),
    )


async def get_evaluation(evaluation: UUID) -> EvaluationView | None:
    """Any evaluation, whoever asks (for services). A draft has no results yet; None where there is none."""
    row = await queries.one(evaluation)
    return evaluation_of(row) if row else None


async def load_evaluation(viewer: Viewer, evaluation: UUID) -> EvaluationView:
    """An evaluation that the viewer may read. Raises NotFound."""
    found = await get_evaluation(evaluation)
    if found is None or not _may_read(viewer, found):
        raise NotFound(_("There is no such evaluation, or it is not yours to read."))
    return found


def _may_read(viewer: Viewer, evaluation: EvaluationView) -> bool:
    if evaluation.state == "draft":
        return evaluation.evaluated_by == viewer.id and viewer.has(*EVALUATE)
    seen = sight.reach(viewer, "marks", person=evaluation.agent, team=evaluation.agent_team)
    return seen in ("own", "each")


async def visible_evaluations(
    viewer: Viewer,
    *,
    state: str = "",
    agent: UUID | None = None,
    team: UUID | None = None,
    analyst: UUID | None = None,
    recording: UUID | None = None,
    not_helped: bool = False,
    after: tuple[datetime, UUID] | None = None,
    limit: int = 50,
) -> list[EvaluationView]:
    """Evaluations that the viewer may read, newest first, after the one with this (listed_at, id).

    `not_helped`: those where every rule was kept and the caller was not helped all the same.
    """
    rows = await queries.listed(
        sight_of(viewer),
        state=state,
        agent=agent,
        team=team,
        analyst=analyst,
        recording=recording,
        not_helped=not_helped,
        after=after,
        limit=limit,
    )
    return [evaluation_of(row) for row in rows]


async def marks_of(evaluation: UUID) -> list[MarkView]:
    """The marks in the book's order. Whoever asks has loaded the evaluation."""
    return (await marks_of_many([evaluation])).get(evaluation, [])


async def marks_of_many(evaluations: Sequence[UUID]) -> dict[UUID, list[MarkView]]:
    """The marks of several evaluations, in one query."""
    found: dict[UUID, list[MarkView]] = {}
    for row in await queries.marks_of(evaluations) if evaluations else []:
        found.setdefault(row["evaluation"], []).append(mark_of(row))
    return found


async def replies_of(evaluation: UUID) -> list[ReplyView]:
    """The words under an evaluation, oldest first. Whoever asks has loaded it."""
    return [
        ReplyView(row["id"], row["author"], row["author_name"], row["by_role"], row["words"], row["at"])
        for row in await queries.replies(evaluation)
    ]


async def call_of(viewer: Viewer, recording: UUID | None) -> RecordingView | None:
    """The call of an evaluation as far as the viewer may see it; None when it is erased, imported or not theirs."""
    if recording is None:
        return None
    try:
        return await calls.load_recording(viewer, recording)
    except (NotFound, Gone):
        return None


async def may_hear_own(viewer: Viewer, recording: UUID) -> bool:
    """Calls ask this: an agent hears a call of their own once its evaluation is released."""
    return await queries.is_released(viewer.id, recording)


# For homes


async def calls_to_score(viewer: Viewer, limit: int = 5) -> list[CallToScore]:
    """Ready calls with an agent that nobody has evaluated, of the viewer's programmes.

    First those of the agents with the fewest evaluations this month, then the oldest; never one's own.
    """
    if not viewer.has(*EVALUATE):
        return []
    first = day_of(db.utc_now(), viewer.time_zone).replace(day=1)
    since = datetime.combine(first, time(), zone_of(viewer.time_zone)).astimezone(UTC)
    rows = await queries.calls_to_score(viewer.id, since, await programmes_of(viewer), limit)
    return [CallToScore(**row) for row in rows]


async def released_recordings(agent: UUID) -> set[UUID]:
    """The calls of an agent that have a released evaluation."""
    return set(await queries.released_recordings(agent))
