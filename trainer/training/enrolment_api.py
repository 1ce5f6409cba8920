"""JSON API of enrolments: who takes what, going through the steps, answering."""

from collections.abc import Mapping
from datetime import date
from typing import Any
from uuid import UUID

import msgspec
from litestar import Response, get, post, route
from litestar.connection import Request
from litestar.params import FromPath, FromQuery, JSONBody

from trainer.problems import Invalid, NotFound
from trainer.training import assignment_api, deciding, enrolling, modules, taking
from trainer.training.api import shown_step
from trainer.training.assigning import service as assigning
from trainer.training.assignment_api import shown_assignment
from trainer.training.enrolling import EnrolmentView
from trainer.training.modules import StepView
from trainer.training.taking import AnswerView, Course
from trainer.web import api
from trainer.web.guards import scope
from trainer.web.i18n import _, text_in
from trainer.web.media import MediaResponse, media_response
from trainer.web.session import Viewer, viewer_of

Call = Request[Any, Any, Any]
READ_ENROLMENTS, WRITE_ENROLMENTS = scope("enrolments:read"), scope("enrolments:write")


class EnrolmentIn(msgspec.Struct, forbid_unknown_fields=True):
    """Gives a published module (its code or id) or a list of modules (`curriculum`, its code) to one person (oneself,
    when nobody is named), to several `people`, the agents of a `team`, or everybody of a `role`.
    """

    module: str | None = None
    curriculum: str | None = None
    person: str | None = None
    people: list[str] | None = None
    team: str | None = None
    role: str | None = None
    due_on: date | None = None


class WaiverIn(msgspec.Struct, forbid_unknown_fields=True):
    """Why a module need not be done."""

    why: str


class AnswerIn(msgspec.Struct, forbid_unknown_fields=True):
    """An answer, by the step's kind.

    contrast: `chosen` a or b. judge: `mark` met or missed, and `at_ms`, the moment in the clip. recall and reflect:
    `text`. text, read_rule and listen: nothing. `attempt` counts the tries from 1: the same one sent twice is graded
    once; left out, it is the next.
    """

    kind: str | None = None
    attempt: int | None = None
    chosen: str | None = None
    mark: str | None = None
    at_ms: int | None = None
    text: str | None = None

    def given(self) -> dict[str, Any]:
        values = {name: getattr(self, name) for name in ("chosen", "mark", "at_ms", "text")}
        return {name: value for name, value in values.items() if value is not None}


def shown_enrolment(enrolment: EnrolmentView) -> dict[str, Any]:
    """How far somebody is, without what they answered."""
    return {
        "id": str(enrolment.id),
        "person": str(enrolment.person),
        "module": {
            "id": str(enrolment.module),
            "code": enrolment.code,
            "version": enrolment.version,
            "title": text_in(enrolment.title.get(enrolment.language) or enrolment.title),
        },
        "status": {"done": "completed", "waived": "waived", "under_way": "started", "not_begun": "open"}[
            enrolment.state
        ],
        "due_on": enrolment.due_on.isoformat() if enrolment.due_on else None,
        "created_at": api.as_utc(enrolment.created_at),
        "started_at": api.as_utc(enrolment.started_at),
        "completed_at": api.as_utc(enrolment.completed_at),
        "last_active_at": api.as_utc(enrolment.active_at),
        "waived_at": api.as_utc(enrolment.waived_at),
        "signed_off_at": api.as_utc(enrolment.signed_off_at),
        "assignment": str(enrolment.assignment) if enrolment.assignment else None,
        "progress": {
            "steps": enrolment.steps,
            "done": enrolment.done,
            "graded": enrolment.graded,
            "right": enrolment.remembered,
        },
    }


def own_step(course: Course, step: StepView) -> dict[str, Any]:
    """A step for the one who takes it: what is asked; the answers only once they were given."""
    last = course.last(step.id)
    known = last is not None or step.kind not in ("recall",)
    body = {name: text_in(words) for name, words in step.body.items()}
    sound = f"/api/v1/enrolments/{course.enrolment.id}/steps/{step.id}/audio"
    sides = ("a", "b")[: len(step.clips)] if step.kind != "reflect" or last is not None else ()
    shown = shown_step(step, whole=False) | {
        "body": body,
        "audio": {side: f"{sound}/{side}" for side in sides},
        "done": course.may_go_on(step),
        "attempts": len(course.answers.get(step.id, [])),
        "correct": last.correct if last else None,
        "score": last.score if last else None,
        "feedback": dict(last.feedback) if last else None,
    }
    if step.rule and known:
        shown["rule"] |= {"statement": text_in(step.rule.statement), "why": text_in(step.rule.why)}
    if step.rule and step.kind == "recall":
        shown["body"]["prompt"] = text_in(step.rule.recall_prompt)
    return shown


def next_of(course: Course) -> StepView | None:
    """The first step that is still open."""
    return course.steps[course.first_open] if course.first_open < len(course.steps) else None


@post("/enrolments", guards=[WRITE_ENROLMENTS], tags=["enrolments"])
async def enrol(request: Call, data: JSONBody[EnrolmentIn]) -> Response[dict[str, Any]]:
    """Enrol a person in a module: answers the enrolment, an open one again. A list, several people, a team
    (its agents) or a role make an assignment: who joins the team or gets the role later is given it too.
    """
    viewer = viewer_of(request)
    code = await _code_of(viewer, data.module) if data.module is not None else None
    one = data.people is None and data.team is None and data.role is None
    if one and code is not None and data.curriculum is None:
        person = _person(data.person) if data.person is not None else viewer.id
        enrolment = await enrolling.enrol(viewer, code, person, due_on=data.due_on)
        shown = shown_enrolment(await enrolling.load_enrolment(viewer, enrolment))
        return Response(shown, status_code=201, headers={"Location": f"/api/v1/enrolments/{enrolment}"})
    named = [*(data.people or []), *([data.person] if data.person is not None else [])]
    assignment = await assigning.assign(
        viewer,
        module=code,
        curriculum=data.curriculum,
        people=[_person(each) for each in named],
        team=_id(data.team, "team") if data.team is not None else None,
        role=data.role,
        due_on=data.due_on,
    )
    shown = shown_assignment(await assigning.load_assignment(viewer, assignment))
    return Response(shown, status_code=201, headers={"Location": f"/api/v1/assignments/{assignment}"})


def _person(value: str) -> UUID:
    return _id(value, "person")


def _id(value: str, field: str) -> UUID:
    try:
        return UUID(value)
    except ValueError as error:
        words = {"person": _("There is no such person."), "team": _("There is no such team.")}
        raise Invalid.field(field, "unknown", words[field]) from error


async def _code_of(viewer: Viewer, named: str) -> str:
    """A module's code, from its code or id."""
    try:
        return (await modules.load_module(viewer, UUID(named)))[0].code
    except ValueError:
        return named
    except NotFound as problem:
        raise Invalid.field("module", "unknown", problem.detail) from problem


@get("/enrolments", guards=[READ_ENROLMENTS], tags=["enrolments"])
async def list_enrolments(
    request: Call,
    limit: FromQuery[int] = 50,
    cursor: FromQuery[str | None] = None,
    person: FromQuery[str | None] = None,
) -> dict[str, Any]:
    """Enrolments that you may see: your own; a lead's team's; a trainer's, everybody's."""
    page = api.read_page(limit, cursor)
    after = api.key_of(page, UUID)
    rows = await enrolling.visible_enrolments(
        viewer_of(request),
        person=api.identifier(person) if person else None,
        limit=page.limit + 1,
        after=after[0] if after else None,
    )
    return api.page_of(rows, page, shown_enrolment, lambda row: [str(row.id)])


@get("/enrolments/{enrolment_id:str}", guards=[READ_ENROLMENTS], tags=["enrolments"])
async def get_enrolment(request: Call, enrolment_id: FromPath[str]) -> dict[str, Any]:
    """One enrolment; your own with its steps and what you answered."""
    viewer = viewer_of(request)
    enrolment = await enrolling.load_enrolment(viewer, api.identifier(enrolment_id))
    shown = shown_enrolment(enrolment)
    if enrolment.person != viewer.id:
        return shown
    course = await taking.open_course(viewer, enrolment.id)
    following = next_of(course)
    return shown | {
        "steps": [own_step(course, step) for step in course.steps],
        "next_step": str(following.id) if following else None,
    }


@post(
    "/enrolments/{enrolment_id:str}/steps/{step_id:str}/answer",
    guards=[WRITE_ENROLMENTS],
    status_code=200,
    tags=["enrolments"],
)
async def answer_step(
    request: Call, enrolment_id: FromPath[str], step_id: FromPath[str], data: JSONBody[AnswerIn]
) -> dict[str, Any]:
    """Answer a step of your own module: graded here, with the reason why."""
    viewer, step = viewer_of(request), api.identifier(step_id)
    course, answer = await taking.answer(
        viewer, api.identifier(enrolment_id), step, data.given(), attempt=data.attempt
    )
    return await _verdict(course, answer)


async def _verdict(course: Course, answer: AnswerView) -> dict[str, Any]:
    step = next(item for item in course.steps if item.id == answer.step)
    clips = await modules.usable_clips([step], course.viewer, with_rules=True)
    code = step.rule.code if step.rule else ""
    why: Mapping[str, str] = {str(clip.id): clip.why_of(code) or clip.note for clip in clips.values()}
    following = next_of(course)
    return {
        "step": str(step.id),
        "attempt": answer.attempt,
        "verdict": {True: "correct", False: "not_yet", None: "not_graded"}[answer.correct],
        "correct": answer.correct,
        "score": answer.score,
        "feedback": dict(answer.feedback)
        | {
            "why": why.get(str(step.clip), ""),
            "statement": text_in(step.rule.statement) if step.rule else None,
        },
        "may_go_on": course.may_go_on(step),
        "next_step": str(following.id) if following else None,
        "completed": course.enrolment.completed_at is not None,
    }


@post("/enrolments/{enrolment_id:str}/waive", guards=[WRITE_ENROLMENTS], status_code=200, tags=["enrolments"])
async def waive(request: Call, enrolment_id: FromPath[str], data: JSONBody[WaiverIn]) -> dict[str, Any]:
    """The person need not do it (trainers, with a reason). 409 when it is done or waived already."""
    viewer, enrolment = viewer_of(request), api.identifier(enrolment_id)
    await deciding.waive(viewer, enrolment, data.why)
    return shown_enrolment(await enrolling.load_enrolment(viewer, enrolment))


@post(
    "/enrolments/{enrolment_id:str}/unwaive", guards=[WRITE_ENROLMENTS], status_code=200, tags=["enrolments"]
)
async def unwaive(request: Call, enrolment_id: FromPath[str]) -> dict[str, Any]:
    """Take a waiver back: the module is open again as it was left."""
    viewer, enrolment = viewer_of(request), api.identifier(enrolment_id)
    await deciding.unwaive(viewer, enrolment)
    return shown_enrolment(await enrolling.load_enrolment(viewer, enrolment))


@post(
    "/enrolments/{enrolment_id:str}/sign-off", guards=[WRITE_ENROLMENTS], status_code=200, tags=["enrolments"]
)
async def sign_off(request: Call, enrolment_id: FromPath[str]) -> dict[str, Any]:
    """The person's team lead saw it done at work; once is enough."""
    viewer, enrolment = viewer_of(request), api.identifier(enrolment_id)
    await deciding.sign_off_enrolment(viewer, enrolment)
    return shown_enrolment(await enrolling.load_enrolment(viewer, enrolment))


@route(
    "/enrolments/{enrolment_id:str}/steps/{step_id:str}/audio/{side:str}",
    http_method=["GET", "HEAD"],
    guards=[READ_ENROLMENTS],
    tags=["enrolments"],
)
async def play_step(
    request: Call, enrolment_id: FromPath[str], step_id: FromPath[str], side: FromPath[str]
) -> MediaResponse:
    """The sound of a step's clip, `a` or `b`, with Range; the address does not tell which clip it is."""
    viewer = viewer_of(request)
    course = await taking.open_course(viewer, api.identifier(enrolment_id))
    step = course.find(api.identifier(step_id))
    sound = await taking.sound_of_step(viewer, course.enrolment.id, step.position, side)
    return media_response(request, key=sound.key, etag=sound.etag, size=sound.size, content_type="audio/mpeg")


routes: list[Any] = [
    enrol,
    list_enrolments,
    get_enrolment,
    answer_step,
    waive,
    unwaive,
    sign_off,
    play_step,
    *assignment_api.routes,
]
