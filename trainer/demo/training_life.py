"""Learning in the sample centre: what was assigned to whom, who is stuck, overdue, waived, signed off, done.

Two weeks before today the lead of Lantern gives her team a module that is due by now; some days later the trainer
gives Harbour, where the new agents are, the list of the first week.
"""

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any
from uuid import UUID

from trainer.clips.service import clips_by_ids
from trainer.training import deciding, enrolling, grading, taking
from trainer.training.assigning.service import assign
from trainer.training.modules import StepView
from trainer.web.session import Viewer

Say = Mapping[str, Any]

EVENTS: list[dict[str, Any]] = [
    {"days_ago": 13, "time": "09:30", "do": "assign", "by": "sofia", "module": "when-you-cannot", "due": 1},
    {"days_ago": 6, "time": "09:10", "do": "assign", "by": "rosa", "curriculum": "first-week", "due": -3},
    {"days_ago": 6, "time": "10:00", "do": "waive", "by": "rosa", "person": "kwame",
     "modules": ["happy-simple-effective", "safe-and-honest"], "why": "He helped to write it."},
    {"days_ago": 5, "time": "10:30", "do": "complete", "person": "kwame", "module": "hear-the-need"},
    {"days_ago": 5, "time": "14:30", "do": "complete", "person": "tomasz", "module": "hear-the-need"},
    {"days_ago": 4, "time": "16:00", "do": "sign_off", "by": "kwame", "person": "amara", "module": "when-you-cannot"},
    {"days_ago": 3, "time": "11:20", "do": "complete", "person": "sofia", "module": "when-you-cannot"},
    {"days_ago": 2, "time": "08:40", "do": "answer", "person": "wangjun", "module": "when-you-cannot", "steps": 2},
    {"days_ago": 1, "time": "13:10", "do": "struggle", "person": "mateo", "module": "hear-the-need"},
    {"days_ago": 1, "time": "15:45", "do": "answer", "person": "priya", "module": "hear-the-need", "steps": 1},
]  # fmt: skip


async def live(people: Mapping[str, Viewer], today: date, event: Say) -> None:
    """One of EVENTS, at the moment that the clock shows. `due`: how many days before today."""
    await _DOES[event["do"]](people, today, event)


async def _assign(people: Mapping[str, Viewer], today: date, event: Say) -> None:
    by = people[event["by"]]
    await assign(
        by,
        module=event.get("module"),
        curriculum=event.get("curriculum"),
        team=by.team or people["kwame"].team,
        due_on=today - timedelta(days=event["due"]),
    )


async def _waive(people: Mapping[str, Viewer], today: date, event: Say) -> None:
    for module in event["modules"]:
        mine = await _enrolment(people[event["person"]], module)
        await deciding.waive(people[event["by"]], mine, event["why"])


async def _sign_off(people: Mapping[str, Viewer], today: date, event: Say) -> None:
    whose = people[event["person"]]
    done = next(one for one in await enrolling.enrolments_of(whose.id) if one.code == event["module"])
    await deciding.sign_off_enrolment(people[event["by"]], done.id)


async def _answer(people: Mapping[str, Viewer], today: date, event: Say) -> None:
    viewer = people[event["person"]]
    await answer_steps(viewer, await _enrolment(viewer, event["module"]), event.get("steps"))


async def _struggle(people: Mapping[str, Viewer], today: date, event: Say) -> None:
    """Three tries at the next step that is judged, none of them right."""
    viewer = people[event["person"]]
    enrolment = await _enrolment(viewer, event["module"])
    while True:
        course = await taking.open_course(viewer, enrolment)
        step = course.step_at(course.first_open)
        if step.kind == "judge":
            break
        await taking.answer(viewer, enrolment, step.id, await right_answer(course, step), attempt=None)
    right = await right_answer(course, step)
    wrong = {**right, "mark": "met" if right["mark"] == "missed" else "missed"}
    for attempt in (1, 2, 3):
        await taking.answer(viewer, enrolment, step.id, wrong, attempt=attempt)


_DOES = {
    "assign": _assign,
    "waive": _waive,
    "sign_off": _sign_off,
    "answer": _answer,
    "complete": _answer,
    "struggle": _struggle,
}


async def _enrolment(viewer: Viewer, module: str) -> UUID:
    return await enrolling.enrol(viewer, module, viewer.id)


async def answer_steps(viewer: Viewer, enrolment: UUID, most: int | None = None) -> None:
    """Goes on with a module, all answers right: so many steps, or to its end."""
    course = await taking.open_course(viewer, enrolment)
    for step in course.steps[course.first_open :][:most]:
        await taking.answer(viewer, enrolment, step.id, await right_answer(course, step), attempt=None)


async def right_answer(course: taking.Course, step: StepView) -> dict[str, Any]:
    """What somebody who listened well would answer."""
    if step.kind == "contrast":
        return {"chosen": grading.good_side(course.enrolment.id, step.id)}
    if step.kind == "judge" and step.clip:
        clip = (await clips_by_ids(None, [step.clip]))[step.clip]
        return {"mark": "met" if clip.polarity == "exemplar" else "missed", "at_ms": clip.cue_ms or 0}
    if step.kind == "recall" and step.rule:
        return {"text": step.rule.statement["en"]}
    if step.kind == "reflect":
        return {"text": "I would slow down, say what I heard, and ask before I act."}
    return {}
