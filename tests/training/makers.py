"""What the tests of training are made of: the starter rule book and clips as rows, without sounds."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

import msgspec

from tests.factories import viewer_for
from trainer import db
from trainer.calls.tables import Recording
from trainer.clips.tables import Clip, ClipRule
from trainer.people.service import PersonView
from trainer.rulebook.service import published_rules
from trainer.training import building, enrolling, grading, modules, taking
from trainer.training.modules import StepView
from trainer.training.taking import Course
from trainer.web.session import Viewer

CLIP_MS = 12_000
CUE_MS = 5_000
RECALLED = "I let the caller finish and say back what I heard"


@dataclass
class Cast:
    """One person a role; `lead` and `agent` share a team, `other_lead` has another."""

    trainer: PersonView
    analyst: PersonView
    lead: PersonView
    other_lead: PersonView
    manager: PersonView
    admin: PersonView
    agent: PersonView
    other_agent: PersonView

    def viewer(self, name: str) -> Viewer:
        return viewer_for(getattr(self, name))


async def a_clip(rule: str, polarity: str = "exemplar", **columns: Any) -> UUID:
    """A published clip that lets one hear a rule; its words say nothing of how it was judged."""
    pinned, now = (await published_rules([rule]))[rule], db.utc_now()
    recording = db.new_id()
    staged = columns.pop("staged", False)
    await Recording.insert(
        Recording(
            id=recording, title="A call", state="ready", staged=staged, sha256=recording.hex, created_at=now
        )
    )
    values: dict[str, Any] = {
        "state": "published",
        "title": msgspec.json.encode({"en": f"Telltale {polarity}"}).decode(),
        "note": '{"en": "Telltale note"}',
        "why": '{"en": "Telltale reason"}',
        "polarity": polarity,
        "start_ms": 0,
        "end_ms": CLIP_MS,
        "duration_ms": CLIP_MS,
        "cue_ms": CUE_MS,
        "render": "ready",
        "render_key": "k" * 64,
        "size_bytes": 3,
        "bars": msgspec.json.encode([5] * 120).decode(),
        "transcript": '[{"start_ms": 0, "end_ms": 900, "speaker": "agent", "text": "One moment."}]',
        "created_at": now,
        "updated_at": now,
        "published_at": now,
        **columns,
    }
    clip = Clip(id=db.new_id(), recording=recording, **values)
    await Clip.insert(clip)
    await ClipRule.insert(ClipRule(clip=clip.id, rule=pinned.id, rule_version=pinned.version))
    return clip.id


async def a_module(trainer: Viewer, rules: list[str] | None = None, *, publish: bool = True) -> UUID:
    """A module that was built from rules as they are, published."""
    module = await building.build_module(trainer, title="Hear them out", rules=rules or ["R01"])
    if publish:
        await modules.publish_module(trainer, module)
    return module


async def begun(viewer: Viewer, module: str = "hear-them-out") -> UUID:
    """Somebody's own enrolment."""
    return await enrolling.enrol(viewer, module, viewer.id)


def right_answer(course: Course, step: StepView) -> dict[str, Any]:
    """What somebody who listened well would say; a clip to be judged is a counterexample here."""
    if step.kind == "contrast":
        return {"chosen": grading.good_side(course.enrolment.id, step.id)}
    if step.kind == "judge":
        return {"mark": "missed", "at_ms": CUE_MS}
    return {"text": RECALLED} if step.kind in ("recall", "reflect") else {}


def wrong_answer(course: Course, step: StepView) -> dict[str, Any]:
    """The opposite, where there is one."""
    if step.kind == "contrast":
        return {"chosen": "b" if grading.good_side(course.enrolment.id, step.id) == "a" else "a"}
    if step.kind == "judge":
        return {"mark": "met", "at_ms": CUE_MS}
    return {"text": "Bananas"} if step.kind in ("recall", "reflect") else {}


async def answer_up_to(viewer: Viewer, enrolment: UUID, kind: str | None = None) -> StepView | None:
    """Answers rightly until a step of this kind is next; all of them without one."""
    course = await taking.open_course(viewer, enrolment)
    for step in course.steps:
        if step.kind == kind:
            return step
        await taking.answer(viewer, enrolment, step.id, right_answer(course, step), attempt=1)
    return None
