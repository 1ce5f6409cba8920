"""What the page of one learner's step shows, before and after the answer.

Invariant: before a judge or contrast step is answered, nothing that leaves the server tells which clip it is
or how it was judged: no title, note, cue, polarity or clip id, not even in an address.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal
from uuid import UUID

from trainer.clips.arithmetic import Line
from trainer.clips.service import ClipView, gap_sentence
from trainer.training.grading import GRADED, good_side
from trainer.training.modules import StepView, usable_clips
from trainer.training.taking import AnswerView, Course
from trainer.web.i18n import _, text_in

ICONS = {
    "text": "book-open",
    "read_rule": "library",
    "listen": "headphones",
    "contrast": "git-compare",
    "judge": "target",
    "recall": "lightbulb",
    "reflect": "message-square-quote",
}


@dataclass(frozen=True, slots=True)
class Unnamed:
    """A clip as it is heard before one has judged it: its sound, its words, and nothing that sets it apart."""

    id: str
    title: str
    audio_url: str
    duration_ms: int
    bars: list[int]
    transcript: list[Line]
    staged: bool


@dataclass(frozen=True, slots=True)
class StepPage:
    """Everything the template needs. `asking` is whether there is something to answer; else the verdict
    shows.
    """

    course: Course
    step: StepView
    asking: bool
    answer: AnswerView | None
    clips: Mapping[UUID, ClipView]
    unnamed: list[Unnamed]
    typed: Mapping[str, Any] = field(default_factory=dict)
    errors: Mapping[str, str] = field(default_factory=dict)
    gap: str = ""

    @property
    def one_is_staged(self) -> bool:
        """Whether one call of the pair is staged and the other not: said of both, or it would tell them apart."""
        return self.step.kind == "contrast" and len({clip.staged for clip in self.clips.values()}) == 2

    @property
    def here(self) -> str:
        """The page's address."""
        return address(self.course.enrolment.id, self.step.position)

    @property
    def next_href(self) -> str:
        """Where Continue leads: the step after this one; past those that are done, to one that is open; from the
        step that ended the module, wherever it stands, to the celebration.
        """
        course, after = self.course, self.step.position + 1
        enrolment, left = course.enrolment, course.first_open
        if enrolment.completed_at:
            ended = self.answer is not None and self.answer.at == enrolment.completed_at
            last = ended or after == len(course.steps)
            return f"/learn/{enrolment.id}/done" if last else address(enrolment.id, after)
        if after < len(course.steps) and not course.may_go_on(course.steps[after]):
            return address(enrolment.id, after)
        return f"/learn/{enrolment.id}" if left in course.put_off else address(enrolment.id, left)

    @property
    def back_href(self) -> str | None:
        before = self.step.position - 1
        return address(self.course.enrolment.id, before) if before >= 0 else None

    @property
    def steps_done(self) -> int:
        """How many steps of the module are behind the person, wherever this one stands."""
        return sum(self.course.may_go_on(step) for step in self.course.steps)

    @property
    def attempt(self) -> int:
        """The number of the try that the form sends."""
        return len(self.course.answers.get(self.step.id, [])) + 1

    @property
    def may_go_on(self) -> bool:
        return self.course.may_go_on(self.step)

    @property
    def may_try_again(self) -> bool:
        graded = self.step.kind in GRADED and self.answer is not None and self.answer.correct is False
        return graded and self.course.enrolment.completed_at is None

    @property
    def may_say_it_was_there(self) -> bool:
        """Whether what was refused is a recall, of which the person may say that ideas are in it all the same."""
        return self.step.kind == "recall" and self.may_try_again

    @property
    def clip(self) -> ClipView | None:
        return self.clips.get(self.step.clip) if self.step.clip else None

    @property
    def other(self) -> ClipView | None:
        return self.clips.get(self.step.other_clip) if self.step.other_clip else None

    @property
    def gone(self) -> bool:
        """Whether a clip that the step needs cannot be heard any more."""
        needed = self.step.clips if self.step.kind != "reflect" else []
        return any(clip not in self.clips for clip in needed)

    @property
    def good_side(self) -> Literal["a", "b"]:
        return good_side(self.course.enrolment.id, self.step.id)

    @property
    def was_read(self) -> bool:
        """Whether the call of a listening step was read, not heard."""
        return self.answer is not None and bool(self.answer.feedback.get("read"))

    def kept(self, name: str) -> Any:
        """What was typed or heard but not answered yet; None when nothing."""
        return self.typed.get(name)

    def words(self, name: str) -> str:
        """An authored text of the step (body, question, prompt) in the reader's language; "" when there is
        none.
        """
        return text_in(self.step.body.get(name))

    @property
    def eyebrow(self) -> str:
        return kind_name(self.step.kind)

    @property
    def title(self) -> str:
        return title_of(self.step)


def address(enrolment: UUID, position: int) -> str:
    """The page of the step at a position counted from 0; people count from 1."""
    return f"/learn/{enrolment}/{position + 1}"


def kind_name(kind: str) -> str:
    """What one does in a step, in a few words."""
    return {
        "text": _("Read"),
        "read_rule": _("Read the rule"),
        "listen": _("Listen"),
        "contrast": _("Compare two calls"),
        "judge": _("Listen and judge"),
        "recall": _("From memory"),
        "reflect": _("In your own words"),
    }[kind]


def title_of(step: StepView) -> str:
    """A step's heading; it never tells how a clip was judged."""
    if step.kind == "text":
        return text_in(step.body.get("title")) or _("A word first")
    if step.kind == "reflect":
        return _("What would you say?")
    title = text_in(step.rule.title) if step.rule else ""
    if step.kind == "contrast":
        return _("Which one lets you hear it? %(rule)s") % {"rule": title}
    if step.kind == "judge":
        return _("Met or missed? %(rule)s") % {"rule": title}
    return title


async def step_page(
    course: Course,
    step: StepView,
    *,
    again: bool = False,
    typed: Mapping[str, Any] | None = None,
    errors: Mapping[str, str] | None = None,
) -> StepPage:
    """The page as it stands: `again` asks anew after an answer; `typed` and `errors` come from a refused
    one.
    """
    last = course.last(step.id)
    done = course.enrolment.completed_at is not None
    asking = not done and (last is None or bool(errors) or (again and last.correct is False))
    clips = await usable_clips([step], course.viewer, with_rules=not asking) if step.clips else {}
    silent = [clip for clip in step.clips if clip not in clips]
    if typed is None:
        kept = course.enrolment.step_state
        typed = kept if kept.get("step") == str(step.id) else {}
    hidden = asking and step.kind in ("contrast", "judge")
    return StepPage(
        course=course,
        step=step,
        asking=asking,
        answer=None if asking else last,
        clips=clips,
        unnamed=_unnamed(course, step, clips) if hidden else [],
        typed=typed,
        errors=errors or {},
        gap=await gap_sentence(course.viewer, silent) if silent else "",
    )


def _unnamed(course: Course, step: StepView, clips: Mapping[UUID, ClipView]) -> list[Unnamed]:
    order = [step.clip, step.other_clip] if step.kind == "contrast" else [step.clip]
    if step.kind == "contrast" and good_side(course.enrolment.id, step.id) == "b":
        order.reverse()
    names = {"a": _("Call A"), "b": _("Call B")} if step.kind == "contrast" else {"a": _("This call")}
    here = address(course.enrolment.id, step.position)
    all_staged = all(clip.staged for clip in clips.values())
    return [
        Unnamed(
            id=side,
            title=name,
            audio_url=f"{here}/audio/{side}",
            duration_ms=clips[clip].duration_ms,
            bars=clips[clip].bars,
            transcript=clips[clip].transcript,
            staged=all_staged,
        )
        for (side, name), clip in zip(names.items(), order, strict=True)
        if clip is not None and clip in clips
    ]
