"""Evaluating a call: beginning, marking, releasing, correcting.

A draft belongs to its analyst, one for each call. Releasing freezes it: the results are counted, the agent is told,
a fact is recorded. A correction begins as a copy and takes the old one's place when it is released.
Invariant: one released evaluation stands for each call, however many analysts release at once, a mark keeps the
rule's version, weight and severity that it was made with, and nothing is written about somebody who was erased.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from trainer import db, facts, jobs
from trainer.calls.service import load_for_hearing
from trainer.people.audit import record_audit
from trainer.problems import Conflict, Forbidden, Gone, Invalid, NotFound, PreconditionFailed
from trainer.quality import queries, telling
from trainer.quality.checking import Given, Judgement, check
from trainer.quality.scoring import results_of
from trainer.quality.service import EVALUATE, get_evaluation, load_evaluation, marks_of
from trainer.quality.tables import Evaluation, Mark
from trainer.quality.views import EvaluationView, MarkView
from trainer.rulebook.service import published_rules
from trainer.rulebook.tables import Rulebook
from trainer.rulebook.views import RuleView
from trainer.web.i18n import _
from trainer.web.session import Viewer

MOST_REASON = 500


@dataclass(frozen=True, slots=True)
class Review:
    """A draft before its release: what it comes to, and which rules have no mark and will not count."""

    evaluation: EvaluationView
    marks: list[MarkView]
    unmarked: list[RuleView]


# Beginning


async def start(viewer: Viewer, recording: UUID, judged: Judgement, *, rulebook: str | None = None) -> UUID:
    """Begins the evaluation of a call that the viewer may hear; returns the draft's id.

    `rulebook` is needed only where the call names none. Raises Forbidden, NotFound, Gone, Invalid, and Conflict
    (`not-ready`, `no-agent`, `already-evaluated` with `evaluation`, `draft-exists` with `evaluation`).
    """
    require_analyst(viewer)
    call = await load_for_hearing(viewer, recording)
    agent = require_agent(viewer, call.agent)
    code = call.rulebook_code or rulebook or ""
    book = await Rulebook.select(Rulebook.id).where(Rulebook.code == code).first()
    if book is None:
        raise Invalid.field("rulebook", "required", _("Say by which rule book this call is to be judged."))
    rules = await rules_of_book(code)
    checked = check(judged, rules, call.duration_ms)
    evaluation = db.new_id()
    async with db.transaction():
        await _lock_call(recording)
        await hold(agent)
        for row in await queries.of_recording(recording, viewer.id):
            raise _there_already(row)
        now = db.utc_now()
        made = await queries.insert(
            {
                "id": evaluation,
                "recording": recording,
                "agent": agent,
                "rulebook": book["id"],
                "state": "draft",
                "source": f"draft:{recording}:{viewer.id}",
                "csat": call.csat,
                "evaluated_by": viewer.id,
                "called_at": call.called_at,
                "created_at": now,
                "listed_at": now,
                "comment": "",
                "reason": "",
                "revision": 1,
                **_columns(checked),
            }
        )
        if not made:
            raise Conflict(_("You have begun to evaluate this call already."), slug="draft-exists")
        await _put_marks(evaluation, checked.get("marks", {}), rules, {})
    return evaluation


def require_analyst(viewer: Viewer) -> None:
    """Raises Forbidden for everybody but QA analysts."""
    if not viewer.has(*EVALUATE):
        raise Forbidden(_("QA analysts evaluate calls."))


def require_agent(viewer: Viewer, agent: UUID | None) -> UUID:
    """Whose call it is. Raises Conflict where nobody is named, Forbidden for one's own call."""
    if agent is None:
        told = _("Nobody is named as the agent of this call. Say first whose call it is.")
        raise Conflict(told, slug="no-agent")
    if agent == viewer.id:
        raise Forbidden(_("Nobody evaluates their own call."))
    return agent


async def hold(*people: UUID) -> None:
    """Nobody erases these people before the transaction ends. Raises Gone when one of them is erased already."""
    if len(await queries.hold_people(people)) < len(set(people)):
        raise erased()


def erased() -> Gone:
    """What is said to whoever would write about somebody who was erased."""
    return Gone(_("This person was erased. Nothing more is written about them."))


async def rules_of_book(code: str) -> dict[str, RuleView]:
    """The published rules of a book by code, in its order."""
    return {rule.code: rule for rule in (await published_rules()).values() if rule.rulebook_code == code}


def _there_already(row: dict[str, Any]) -> Conflict:
    evaluation = str(row["id"])
    if row["state"] == "draft":
        told = _("You have begun to evaluate this call already.")
        return Conflict(told, slug="draft-exists", evaluation=evaluation)
    told = _("This call is evaluated already. Read it, and correct it if something is wrong.")
    return Conflict(told, slug="already-evaluated", evaluation=evaluation)


async def _lock_call(recording: UUID | None) -> None:
    if recording is not None:
        await db.lock(f"evaluation of {recording}")


def _columns(judged: Judgement) -> dict[str, Any]:
    """What is said of the call as a whole, by column."""
    return {
        name: judged[name]
        for name in ("resolved", "outcome", "service_level", "csat", "comment")
        if name in judged
    }


# Marking


async def save(
    viewer: Viewer, evaluation: UUID, judged: Judgement, *, expected: int | None
) -> EvaluationView:
    """Saves what is said in a draft; the same again changes nothing. `expected` None overwrites what is there.

    Raises NotFound, Gone (its agent was erased), Conflict (`released`: it is frozen), Invalid, and PreconditionFailed
    unless `expected` is the present revision.
    """
    found = await _own_draft(viewer, evaluation)
    rules = await rules_of_book(found.rulebook_code)
    before = {mark.code: mark for mark in await marks_of(evaluation)}
    # a rule that was marked stays in its form, whatever became of it in the book since
    checked = check(judged, {*before, *rules}, found.recording_ms)
    values = _columns(checked)
    changed = {name: value for name, value in values.items() if value != getattr(found, name)}
    marks = {
        code: given for code, given in checked.get("marks", {}).items() if _differs(before.get(code), given)
    }
    if expected is not None and expected != found.revision:
        raise _changed_meanwhile(found.revision)
    if not changed and not marks:
        return found
    async with db.transaction():
        await hold(_agent_by_now(found) or found.agent)
        updated: dict[Any, Any] = {**changed, "revision": found.revision + 1}
        there = (
            (Evaluation.id == evaluation)
            & (Evaluation.state == "draft")
            & (Evaluation.revision == found.revision)
        )
        if not await Evaluation.update(updated).where(there).returning(Evaluation.id):
            raise _changed_meanwhile(None)
        await _put_marks(evaluation, marks, rules, before)
    return await load_evaluation(viewer, evaluation)


async def _own_draft(viewer: Viewer, evaluation: UUID) -> EvaluationView:
    require_analyst(viewer)
    found = await load_evaluation(viewer, evaluation)
    if found.state != "draft":
        told = _("This evaluation is released: it is not changed any more. A correction takes its place.")
        raise Conflict(told, slug="released")
    return found


def _agent_by_now(found: EvaluationView) -> UUID | None:
    """Whose call it is: somebody may have put the agent right while it was marked."""
    living = found.recording is not None and found.recording_state != "erased"
    return found.call_agent if living else found.agent


def _differs(before: MarkView | None, given: Given | None) -> bool:
    if before is None or given is None:
        return (before is None) != (given is None)
    return (before.mark, before.at_ms, before.comment) != (given.mark, given.at_ms, given.comment)


def _changed_meanwhile(revision: int | None) -> PreconditionFailed:
    told = _("This evaluation was changed in another window. Load it again, then repeat your last change.")
    return PreconditionFailed(told, **({"current": f'"r{revision}"'} if revision else {}))


async def _put_marks(
    evaluation: UUID,
    marks: Mapping[str, Given | None],
    rules: Mapping[str, RuleView],
    before: Mapping[str, MarkView],
) -> None:
    for code, given in marks.items():
        known = before.get(code)
        if known is not None:
            of_rule = (Mark.evaluation == evaluation) & (Mark.rule == known.rule)
            if given is None:
                await Mark.delete().where(of_rule)
                continue
            values: dict[Any, Any] = {"mark": given.mark, "at_ms": given.at_ms, "comment": given.comment}
            if known.mark != given.mark and code in rules:
                # judged anew: by what the rule says today
                values |= _version(rules[code])
            await Mark.update(values).where(of_rule)
        elif given is not None:
            rule = rules[code]
            row: dict[Any, Any] = {"mark": given.mark, "at_ms": given.at_ms, "comment": given.comment}
            row |= {"id": db.new_id(), "evaluation": evaluation, "rule": rule.id, **_version(rule)}
            await Mark.insert(Mark(**row))


def _version(rule: RuleView) -> dict[str, Any]:
    return {"rule_version": rule.version, "weight": rule.weight, "severity": rule.severity}


# Releasing


async def review(viewer: Viewer, evaluation: UUID) -> Review:
    """What a draft comes to before it is released. Raises NotFound, Gone (as `save`), Conflict (`released`)."""
    found = await _own_draft(viewer, evaluation)
    await hold(_agent_by_now(found) or found.agent)
    return await review_of(found)


async def review_of(found: EvaluationView) -> Review:
    """A draft with its marks and the rules of its book that have none."""
    marks = await marks_of(found.id)
    marked = {mark.code for mark in marks if mark.mark}
    rules = await rules_of_book(found.rulebook_code)
    return Review(found, marks, [rule for code, rule in rules.items() if code not in marked])


async def release(
    viewer: Viewer, evaluation: UUID, *, confirm_unmarked: bool = False, expected: int | None = None
) -> EvaluationView:
    """Freezes a draft and gives it to its agent; returns it. Who is second finds it released.

    Raises NotFound, Gone (as `save`), PreconditionFailed, Conflict: `released`, `no-marks`, `unmarked-rules` (with
    `unmarked`) unless that is confirmed, `already-evaluated` when a colleague was first, `no-agent`.
    """
    found = await _own_draft(viewer, evaluation)
    async with db.transaction():
        await _lock_call(found.recording)
        found = await _own_draft(viewer, evaluation)
        if expected is not None and expected != found.revision:
            raise _changed_meanwhile(found.revision)
        checked = await review_of(found)
        if not found.marked:
            told = _("Nothing is marked yet. An evaluation says something of at least one rule.")
            raise Conflict(told, slug="no-marks")
        if checked.unmarked and not confirm_unmarked:
            raise _unmarked(checked.unmarked)
        agent = require_agent(viewer, _agent_by_now(found))
        await hold(agent)
        if found.replaces:
            await _replace(found.replaces)
        elif found.recording:
            others = await queries.of_recording(found.recording, viewer.id)
            for row in others:
                if row["state"] == "released":
                    raise _there_already(row)
        now = db.utc_now()
        await _freeze(found, agent, checked.marks, now)
        await _note_release(viewer, found, agent, now)
        await telling.tell_agent(found, agent)
    frozen = await get_evaluation(evaluation)
    assert frozen is not None
    return frozen


def _unmarked(rules: list[RuleView]) -> Conflict:
    codes = [rule.code for rule in rules]
    told = _("Some rules have no mark and will not count: %(codes)s. Confirm that this is meant.")
    return Conflict(told % {"codes": ", ".join(codes)}, slug="unmarked-rules", unmarked=codes)


async def _replace(old: UUID) -> None:
    there = (Evaluation.id == old) & (Evaluation.state == "released")
    changed: dict[Any, Any] = {Evaluation.state: "replaced"}
    if not await Evaluation.update(changed).where(there).returning(Evaluation.id):
        raise Conflict(_("Somebody else has corrected this evaluation meanwhile."), slug="replaced")


async def _freeze(found: EvaluationView, agent: UUID, marks: list[MarkView], now: datetime) -> None:
    results = results_of(marks)
    values: dict[Any, Any] = {
        Evaluation.state: "released",
        Evaluation.source: f"evaluation:{found.id}",
        Evaluation.agent: agent,
        Evaluation.score: results.score,
        Evaluation.fatal_missed: results.fatal_missed,
        Evaluation.released_at: now,
        Evaluation.listed_at: now,
        Evaluation.revision: found.revision + 1,
    }
    there = (
        (Evaluation.id == found.id) & (Evaluation.state == "draft") & (Evaluation.revision == found.revision)
    )
    if not await Evaluation.update(values).where(there).returning(Evaluation.id):
        raise _changed_meanwhile(None)


async def _note_release(viewer: Viewer, found: EvaluationView, agent: UUID, at: datetime) -> None:
    """The fact, the event and the audit entry of a release. A correction is a fact of its own kind, so that
    counting evaluations counts calls.
    """
    kind = "evaluation_corrected" if found.replaces else "evaluation_released"
    data = {"replaces": str(found.replaces), "by": str(found.evaluated_by)} if found.replaces else {}
    await facts.record(
        kind, person=agent, subject=found.rulebook_code, source=f"evaluation:{found.id}", at=at, data=data
    )
    event = {"evaluation": str(found.id), "agent": str(agent)}
    await jobs.publish("evaluation_released", event)
    told = {"replaces": str(found.replaces)} if found.replaces else {}
    await record_audit(viewer, "evaluation_released", "evaluation", str(found.id), told)


# Correcting and throwing away


async def correct(viewer: Viewer, evaluation: UUID, reason: str) -> UUID:
    """Begins a correction as a copy of a released evaluation; returns the draft, or the one begun before.

    Raises Forbidden (analysts; never one's own call), NotFound, Gone (its agent was erased), Invalid (`reason`),
    Conflict (`replaced`).
    """
    require_analyst(viewer)
    found = await load_evaluation(viewer, evaluation)
    if found.agent == viewer.id:
        raise Forbidden(_("Nobody evaluates their own call."))
    if found.state != "released":
        raise Conflict(_("This evaluation has been replaced. Correct the one that counts."), slug="replaced")
    why = reason.strip()
    if not why or len(why) > MOST_REASON:
        told = _("Say in a sentence what was wrong; the agent reads it.")
        raise Invalid.field("reason", "required", told)
    source = f"draft:{evaluation}:{viewer.id}"
    draft = db.new_id()
    async with db.transaction():
        await hold(found.agent)
        now = db.utc_now()
        kept = ("recording", "agent", "rulebook", "resolved", "outcome", "service_level", "csat", "comment")
        made = await queries.insert(
            {
                "id": draft,
                "state": "draft",
                "replaces": evaluation,
                "reason": why,
                "source": source,
                "evaluated_by": viewer.id,
                "called_at": found.called_at,
                "created_at": now,
                "listed_at": now,
                "revision": 1,
                **{name: getattr(found, name) for name in kept},
            }
        )
        if made:
            await queries.copy_marks(evaluation, draft)
            return draft
        row = await Evaluation.select(Evaluation.id).where(Evaluation.source == source).first()
        if row is None:
            raise NotFound(_("There is no such evaluation, or it is not yours to read."))
        await Evaluation.update({Evaluation.reason: why}).where(Evaluation.id == row["id"])
    return row["id"]


async def discard(viewer: Viewer, evaluation: UUID) -> None:
    """Throws a draft away with its marks. Raises NotFound, Conflict (`released`)."""
    await _own_draft(viewer, evaluation)
    there = (Evaluation.id == evaluation) & (Evaluation.state == "draft")
    if not await Evaluation.delete().where(there).returning(Evaluation.id):
        await _own_draft(viewer, evaluation)  # released or thrown away at this moment
