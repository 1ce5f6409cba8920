"""Taking a module: going through its steps, answering, completing.

Invariant: an answer is one row per try (unique in the database), so that the same tap sent twice is graded
once and shown twice; a completion is won by one guarded update, and with it the fact and the event are
written, or none of them.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from trainer import db, facts, jobs
from trainer.clips.service import ClipView, Sound, load_sound
from trainer.problems import Conflict, Invalid, NotFound
from trainer.training import queries
from trainer.training.enrolling import EnrolmentView, enrolment_view
from trainer.training.grading import (
    Unanswerable,
    Verdict,
    accept_own_words,
    accept_ungraded,
    good_side,
    grade_contrast,
    grade_judge,
    grade_recall,
    ideas_of,
)
from trainer.training.modules import StepRule, StepView, step_view, usable_clips
from trainer.training.tables import Answer, Enrolment
from trainer.web.i18n import _
from trainer.web.session import Viewer

TRIES_BEFORE_GOING_ON = 2
TRIES_BEFORE_STUCK = 3
MOST_TRIES = 50
MOST_KEPT = 8_000
HEARD = ("listen", "contrast", "judge")  # kinds of steps that have something to hear


@dataclass(frozen=True, slots=True)
class AnswerView:
    """One graded try."""

    step: UUID
    attempt: int
    given: Mapping[str, Any]
    correct: bool | None
    score: int | None
    feedback: Mapping[str, Any]
    at: datetime


@dataclass(frozen=True, slots=True)
class Course:
    """Everything a step page needs: the enrolment, all its steps, the answers so far."""

    enrolment: EnrolmentView
    steps: list[StepView]
    answers: Mapping[UUID, list[AnswerView]]
    viewer: Viewer | None = None

    def last(self, step: UUID) -> AnswerView | None:
        """The newest answer to a step."""
        given = self.answers.get(step)
        return given[-1] if given else None

    def may_go_on(self, step: StepView) -> bool:
        """A graded step is left when right, or after the second try; others once they were answered."""
        given = self.answers.get(step.id, [])
        passed = any(answer.correct is not False for answer in given)
        return passed or len(given) >= TRIES_BEFORE_GOING_ON

    @property
    def first_open(self) -> int:
        """The position of the step to go on with: the first that is open, those put off last; the count of
        steps when the module is done.
        """
        open_ones = [step.position for step in self.steps if not self.may_go_on(step)]
        at_once = [position for position in open_ones if position not in self.enrolment.skipped]
        return next(iter(at_once or open_ones), len(self.steps))

    @property
    def put_off(self) -> list[int]:
        """Positions of the open steps that wait for a moment in which the person can listen."""
        return [
            step.position
            for step in self.steps
            if step.position in self.enrolment.skipped and not self.may_go_on(step)
        ]

    def reachable(self, step: StepView) -> bool:
        """Whether the step's turn has come: no step before it is open, unless it was put off."""
        return all(
            self.may_go_on(earlier) or earlier.position in self.enrolment.skipped
            for earlier in self.steps[: step.position]
        )

    @property
    def place(self) -> int:
        """Where to go on: where the person was, or the first step that is still open."""
        at = min(self.enrolment.at_step, len(self.steps) - 1)
        put_off = at in self.enrolment.skipped
        return at if 0 <= at <= self.first_open and not put_off else min(self.first_open, len(self.steps) - 1)

    def find(self, step: UUID) -> StepView:
        """The step with this id. Raises NotFound."""
        found = next((item for item in self.steps if item.id == step), None)
        if found is None:
            raise NotFound(_("This step is not part of the module."))
        return found

    def step_at(self, position: int) -> StepView:
        """The step at a position counted from 0. Raises NotFound."""
        if not 0 <= position < len(self.steps):
            raise NotFound(_("This module has no such step."))
        return self.steps[position]

    @property
    def remembered(self) -> tuple[int, int]:
        """How many graded steps were right at the last try, of how many."""
        last = [answers[-1].correct for answers in self.answers.values() if answers[-1].correct is not None]
        return sum(1 for correct in last if correct), len(last)


async def open_course(viewer: Viewer, enrolment: UUID) -> Course:
    """The viewer's own course. Raises NotFound for anybody else's: answers are private."""
    row = await queries.enrolment(enrolment)
    if row is None or row["person"] != viewer.id:
        raise _not_yours()
    steps: dict[UUID, StepView] = {}
    answers: dict[UUID, list[AnswerView]] = {}
    for item in await queries.steps_with_answers(enrolment):
        if item["id"] not in steps:
            steps[item["id"]] = step_view(item)
        if item["attempt"] is not None:
            answers.setdefault(item["id"], []).append(_answer_view(item))
    return Course(enrolment_view(row), list(steps.values()), answers, viewer)


def _answer_view(row: Mapping[str, Any]) -> AnswerView:
    return AnswerView(
        step=row["id"],
        attempt=row["attempt"],
        given=json.loads(row["given"]),
        correct=None if row["correct"] is None else bool(row["correct"]),
        score=row["score"],
        feedback=json.loads(row["feedback"]),
        at=row["at"],
    )


def _not_yours() -> NotFound:
    return NotFound(_("There is no such enrolment, or it is not yours."))


async def keep_place(
    viewer: Viewer, enrolment: UUID, position: int, state: Mapping[str, Any], *, attempt: int | None = None
) -> None:
    """Notes where the person is and what is typed but not sent, so that any device can go on from there.

    `attempt` is the try that the page asks for: what comes in late, after its answer, is not kept.
    """
    text = json.dumps(state, ensure_ascii=False)
    if len(text) > MOST_KEPT:
        raise Invalid(_("That is more than can be kept for later."))
    async with db.transaction():
        # an answer that is under way comes first: only then is it seen
        if not await queries.hold_enrolment(enrolment, viewer.id):
            raise _not_yours()
        await queries.keep_place(enrolment, position, attempt or MOST_TRIES + 1, text, db.utc_now())


async def answer(
    viewer: Viewer, enrolment: UUID, step_id: UUID, given: Mapping[str, Any], *, attempt: int | None
) -> tuple[Course, AnswerView]:
    """Grades a try and keeps it, and completes the module with its last step.

    `given` by kind: contrast `{chosen: a|b}`, judge `{mark: met|missed, at_ms}`, recall and reflect
    `{text}`, others `{}`; after a recall that was refused also `{own: [ideas]}`, those it holds in other words.
    `attempt` counts from 1 (None: the next one); the same try sent again gets the
    first grading. Raises Conflict when the step's turn has not come or the try's number is not the next
    one, Invalid for a field.
    """
    async with db.transaction():
        # Held until the end, so that two taps, or two devices, are graded one after the other.
        if not await queries.hold_enrolment(enrolment, viewer.id):
            raise _not_yours()
        course = await open_course(viewer, enrolment)
        step = course.find(step_id)
        before = course.answers.get(step_id, [])
        attempt = len(before) + 1 if attempt is None else attempt
        if 1 <= attempt <= len(before):
            return course, before[attempt - 1]
        if course.enrolment.completed_at:
            raise Conflict(_("This module is done. What you answered stays as it is."))
        if course.enrolment.waived_at:
            raise Conflict(_("You need not do this module any more. You may still choose it under Learn."))
        if not course.reachable(step):
            raise Conflict(_("One step at a time: an earlier one is still open."))
        if attempt != len(before) + 1 or attempt > MOST_TRIES:
            raise Conflict(_("This try was sent from an older page. Load the step again."))
        verdict = grade(course, step, given, await usable_clips([step], viewer, with_rules=True))
        if "own" in verdict.detail:  # who reads the try sees the words it is about, and no others
            given = {name: verdict.detail[name] for name in ("text", "own")}
        return await _keep(course, step, given, verdict, attempt)


def grade(
    course: Course, step: StepView, given: Mapping[str, Any], clips: Mapping[UUID, ClipView]
) -> Verdict:
    """Grades an answer to a step. A step whose clip cannot be heard any more passes ungraded.

    Raises Invalid naming the field that does not fit.
    """
    if step.kind != "reflect" and any(clip not in clips for clip in step.clips):
        return Verdict(None, None, {"gone": True})
    try:
        if step.kind == "contrast":
            return grade_contrast(given, good_side(course.enrolment.id, step.id))
        if step.kind == "judge" and step.clip:
            clip = clips[step.clip]
            return grade_judge(
                given, polarity=clip.polarity, cue_ms=_cue_of(clip, step), duration_ms=clip.duration_ms
            )
        if step.kind == "recall" and step.rule and "own" in given:
            last = course.last(step.id)
            if last is None or last.correct is not False or "missing" not in last.feedback:
                raise Unanswerable("text")
            return accept_own_words(given["own"], last.feedback)
        if step.kind == "recall" and step.rule:
            return _best_recall(given, step.rule, course.enrolment.language)
        return accept_ungraded(step.kind, given)
    except Unanswerable as error:
        words = {
            "chosen": _("Choose one of the two clips."),
            "mark": _("Say whether the rule is met or missed."),
            "at_ms": _("Mark the second at which you hear it."),
            "text": _("Write it in your own words (at most 4,000 characters)."),
        }[str(error)]
        raise Invalid.field(str(error), "invalid", words) from error


def _cue_of(clip: ClipView, step: StepView) -> int | None:
    """The second that is asked for: where the clip meets or breaks the step's own rule."""
    return clip.cue_of(step.rule.code) if step.rule else clip.cue_ms


def _best_recall(given: Mapping[str, Any], rule: StepRule, language: str) -> Verdict:
    """A rule may be said in any language that it is written in; the module's own comes first."""
    languages = sorted({*rule.statement, *rule.key_tokens}, key=lambda locale: locale != language) or [
        language
    ]
    tried = [
        grade_recall(given, ideas_of(rule.statement.get(locale, ""), rule.key_tokens.get(locale, [])))
        for locale in languages
    ]
    return max(tried, key=lambda verdict: -1 if verdict.score is None else verdict.score)


async def _keep(
    course: Course, step: StepView, given: Mapping[str, Any], verdict: Verdict, attempt: int
) -> tuple[Course, AnswerView]:
    now, enrolment = db.utc_now(), course.enrolment
    kept = AnswerView(step.id, attempt, dict(given), verdict.correct, verdict.score, verdict.detail, now)
    await Answer.insert(
        Answer(
            enrolment=enrolment.id,
            step=step.id,
            attempt=attempt,
            given=json.dumps(kept.given, ensure_ascii=False),
            correct=kept.correct,
            score=kept.score,
            feedback=json.dumps(kept.feedback, ensure_ascii=False),
            at=now,
        )
    )
    answers = {**course.answers, step.id: [*course.answers.get(step.id, []), kept]}
    after = Course(enrolment, course.steps, answers, course.viewer)
    hard = len(answers[step.id]) >= TRIES_BEFORE_STUCK and all(
        each.correct is False for each in answers[step.id]
    )
    await Enrolment.update(
        {
            Enrolment.started_at: enrolment.started_at or now,
            Enrolment.active_at: now,
            Enrolment.hard_at: step.position if hard else None,
            Enrolment.at_step: min(after.first_open, len(course.steps) - 1),
            Enrolment.step_state: "{}",
            Enrolment.skipped: json.dumps(after.put_off),  # what is done waits no more
        }
    ).where(Enrolment.id == enrolment.id)
    if after.first_open == len(course.steps):
        await _complete(enrolment, now)
        after = replace(after, enrolment=replace(enrolment, completed_at=now))
    return after, kept


async def _complete(enrolment: EnrolmentView, now: datetime) -> None:
    won = (
        await Enrolment.update({Enrolment.completed_at: now})
        .where((Enrolment.id == enrolment.id) & Enrolment.completed_at.is_null())
        .returning(Enrolment.id)
    )
    if not won:
        return
    await facts.record(
        "module_completed",
        person=enrolment.person,
        subject=enrolment.code,
        version=enrolment.version,
        at=now,
        source=f"module_completed:{enrolment.id}",
    )
    told = {"person": str(enrolment.person), "module": enrolment.code, "enrolment": str(enrolment.id)}
    await jobs.publish("module_completed", told)


async def put_off(viewer: Viewer, enrolment: UUID, position: int) -> Course:
    """Leaves a step that is to be heard for later: the module goes on, and is done once the step is.

    Raises NotFound, Conflict (nothing to hear in it, not its turn yet, or the module is over).
    """
    async with db.transaction():
        if not await queries.hold_enrolment(enrolment, viewer.id):
            raise _not_yours()
        course = await open_course(viewer, enrolment)
        step = course.step_at(position)
        if course.enrolment.completed_at or course.enrolment.waived_at or course.may_go_on(step):
            raise Conflict(_("This step is done already."))
        if step.kind not in HEARD:
            raise Conflict(_("This step needs no sound."))
        if not course.reachable(step):
            raise Conflict(_("One step at a time: an earlier one is still open."))
        skipped = course.enrolment.skipped | {position}
        after = replace(course, enrolment=replace(course.enrolment, skipped=skipped))
        now = db.utc_now()
        await Enrolment.update(
            {
                Enrolment.skipped: json.dumps(sorted(skipped)),
                Enrolment.started_at: course.enrolment.started_at or now,
                Enrolment.active_at: now,
                Enrolment.at_step: after.first_open,
            }
        ).where(Enrolment.id == enrolment)
    return after


async def begin(viewer: Viewer, enrolment: UUID) -> None:
    """Notes that the person has begun."""
    now = db.utc_now()
    await Enrolment.update({Enrolment.started_at: now, Enrolment.active_at: now}).where(
        (Enrolment.id == enrolment)
        & (Enrolment.person == viewer.id)
        & Enrolment.started_at.is_null()
        & Enrolment.waived_at.is_null()
    )


async def sound_of_step(viewer: Viewer, enrolment: UUID, position: int, side: str) -> Sound:
    """The sound of a step's clip `a` or `b`, at an address that tells nothing of which clip it is.

    Raises NotFound, and as `load_sound`.
    """
    row = await queries.clips_of_step(enrolment, viewer.id, position)
    swapped = row is not None and row["kind"] == "contrast" and good_side(enrolment, row["id"]) == "b"
    clip = (row["clip"] if (side == "a") != swapped else row["other_clip"]) if row else None
    if clip is None or side not in ("a", "b"):
        raise _not_yours()
    return await load_sound(viewer, clip)


@jobs.on("person_erased")
async def forget_words(context: jobs.JobContext, event: dict[str, Any]) -> None:
    """What somebody wrote goes with their name; what they did, when and how well stays."""
    async with db.transaction():
        await queries.forget_words(UUID(event["person"]))
