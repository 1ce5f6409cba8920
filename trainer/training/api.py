"""JSON API of modules and enrolments."""

from collections.abc import Mapping
from datetime import date
from typing import Any
from uuid import UUID

import msgspec
from litestar import Response, delete, get, patch, post, route
from litestar.connection import Request
from litestar.params import FromPath, FromQuery, JSONBody
from msgspec import UNSET, UnsetType

from trainer.problems import Invalid, NotFound
from trainer.training import building, enrolling, modules, taking
from trainer.training.enrolling import EnrolmentView
from trainer.training.modules import READERS, ModuleView, StepView
from trainer.training.step_pages import title_of
from trainer.training.taking import AnswerView, Course
from trainer.web import api
from trainer.web.guards import scope
from trainer.web.i18n import _, text_in
from trainer.web.media import MediaResponse, media_response
from trainer.web.session import Viewer, viewer_of

Call = Request[Any, Any, Any]
READ_MODULES, WRITE_MODULES = scope("modules:read"), scope("modules:write")
READ_ENROLMENTS, WRITE_ENROLMENTS = scope("enrolments:read"), scope("enrolments:write")


class ModuleIn(msgspec.Struct, forbid_unknown_fields=True):
    """A new module: its draft is built from the rules' published clips in `language`."""

    title: str
    rules: list[str]
    summary: str = ""
    language: str = "en"


class ModuleChanges(msgspec.Struct, forbid_unknown_fields=True):
    """What of the draft changes; fields that are left out stay."""

    title: str | UnsetType = UNSET
    summary: str | UnsetType = UNSET
    minutes: int | UnsetType = UNSET


class StepIn(msgspec.Struct, forbid_unknown_fields=True):
    """A new step. `kind`: text, read_rule, listen, contrast, judge, recall or reflect.

    `rule` is a code, `clip` and `other_clip` are ids: of a contrast, `clip` is the one that shows it done well. `body`
    holds the words: title and body (text), prompt (listen, reflect), question (contrast), plain or by language.
    `position` counts from 0; without it the step goes to the end.
    """

    kind: str
    rule: str | None = None
    clip: str | None = None
    other_clip: str | None = None
    body: dict[str, str | dict[str, str]] = {}
    position: int | None = None


class StepChanges(msgspec.Struct, forbid_unknown_fields=True):
    """What of a step changes; its kind stays. `position` moves it."""

    rule: str | UnsetType = UNSET
    clip: str | UnsetType = UNSET
    other_clip: str | UnsetType = UNSET
    body: dict[str, str | dict[str, str]] | UnsetType = UNSET
    position: int | UnsetType = UNSET


class EnrolmentIn(msgspec.Struct, forbid_unknown_fields=True):
    """Gives a published module (its code or id) to a person."""

    module: str
    person: str | None = None
    team: str | None = None
    role: str | None = None
    due_on: date | None = None


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


# Modules


def shown_module(module: ModuleView) -> dict[str, Any]:
    """The API's form of one version of a module."""
    locales = sorted({*module.title, *module.summary})
    return {
        "id": str(module.id),
        "code": module.code,
        "title": text_in(module.title.get(module.language) or module.title),
        "summary": text_in(module.summary.get(module.language) or module.summary),
        "translations": {
            locale: {
                name: text[locale]
                for name, text in (("title", module.title), ("summary", module.summary))
                if locale in text
            }
            for locale in locales
        },
        "language": module.language,
        "minutes": module.minutes,
        "rules": list(module.rules),
        "starter": module.starter,
        "status": module.state,
        "version": module.version,
        "revision": module.revision,
        "published_at": api.as_utc(module.published_at),
    }


def shown_step(step: StepView, *, whole: bool) -> dict[str, Any]:
    """A step; `whole` for those who make modules: others must not learn beforehand which clip is which."""
    rule = step.rule
    plain: dict[str, Any] = {
        "id": str(step.id),
        "position": step.position,
        "kind": step.kind,
        "title": title_of(step),
        "rule": {"code": rule.code, "version": rule.version, "title": text_in(rule.title)} if rule else None,
    }
    if whole:
        plain["clip"] = str(step.clip) if step.clip else None
        plain["other_clip"] = str(step.other_clip) if step.other_clip else None
        plain["body"] = {name: dict(words) for name, words in step.body.items()}
    return plain


async def one_module(viewer: Viewer, module_id: UUID, *, status: int = 200) -> Response[dict[str, Any]]:
    """The draft for those who read drafts, else what is published; with its steps and ETag."""
    versions = await modules.load_module(viewer, module_id)
    module = modules.present(versions)
    steps = await modules.steps_of(module.version_id)
    whole = viewer.has(*READERS)
    body = shown_module(module) | {
        "steps": [shown_step(step, whole=whole) for step in steps],
        "versions": [{"version": view.version, "status": view.state} for view in versions],
    }
    if module.state == "draft":
        body["missing"] = await modules.missing_for_publishing(steps)
    headers = {"ETag": api.revision_tag(module.revision)}
    if status == 201:
        headers["Location"] = f"/api/v1/modules/{module_id}"
    return Response(body, status_code=status, headers=headers)


async def read_for_change(request: Call, module_id: str) -> ModuleView:
    """The module as it is now, if `If-Match` names its revision. Raises as `load_module`, PreconditionFailed."""
    viewer = viewer_of(request)
    module = modules.present(await modules.load_module(viewer, api.identifier(module_id)))
    modules.require(viewer, modules.EDITORS)
    api.require_match(request, module.revision)
    return module


def revision_of(module: ModuleView) -> int | None:
    """What the edit compares with: a published version is not edited but copied, so that its revision is another."""
    return module.revision if module.state == "draft" else None


@get("/modules", guards=[READ_MODULES], tags=["modules"])
async def list_modules(
    request: Call,
    limit: FromQuery[int] = 50,
    cursor: FromQuery[str | None] = None,
    status: FromQuery[str | None] = None,
) -> dict[str, Any]:
    """Modules in the curriculum's order: published ones, and drafts for those who make and read them."""
    page = api.read_page(limit, cursor)
    views = [
        view for view in await modules.visible_modules(viewer_of(request)) if status in (None, view.state)
    ]
    after = api.key_of(page, str)
    keys = [str(view.version_id) for view in views]
    start = keys.index(after[0]) + 1 if after and after[0] in keys else 0
    rows = views[start : start + page.limit + 1]
    return api.page_of(rows, page, shown_module, lambda view: [str(view.version_id)])


@post("/modules", guards=[WRITE_MODULES], tags=["modules"])
async def build_module(request: Call, data: JSONBody[ModuleIn]) -> Response[dict[str, Any]]:
    """Build a draft from rules and their clips."""
    viewer, fields = viewer_of(request), msgspec.structs.asdict(data)
    return await one_module(viewer, await building.build_module(viewer, **fields), status=201)


@get("/modules/{module_id:str}", guards=[READ_MODULES], tags=["modules"])
async def get_module(request: Call, module_id: FromPath[str]) -> Response[dict[str, Any]]:
    """One module with its steps."""
    return await one_module(viewer_of(request), api.identifier(module_id))


@patch("/modules/{module_id:str}", guards=[WRITE_MODULES], tags=["modules"])
async def change_module(
    request: Call, module_id: FromPath[str], data: JSONBody[ModuleChanges]
) -> Response[dict[str, Any]]:
    """Change the draft's words; of a published module this begins the next draft."""
    viewer, module = viewer_of(request), await read_for_change(request, module_id)
    given = msgspec.structs.asdict(data).items()
    fields: dict[str, Any] = {name: value for name, value in given if value is not UNSET}
    await building.edit_module(viewer, module.id, revision=revision_of(module), **fields)
    return await one_module(viewer, module.id)


@post("/modules/{module_id:str}/publish", guards=[WRITE_MODULES], status_code=200, tags=["modules"])
async def publish_module(request: Call, module_id: FromPath[str]) -> Response[dict[str, Any]]:
    """Publish the draft. 409 `module-not-publishable` names what is `missing`."""
    viewer, wanted = viewer_of(request), api.identifier(module_id)
    await modules.publish_module(viewer, wanted)
    return await one_module(viewer, wanted)


@delete("/modules/{module_id:str}", guards=[WRITE_MODULES], tags=["modules"])
async def discard_module(request: Call, module_id: FromPath[str]) -> None:
    """Throw the draft away; what was published stays."""
    await building.discard_draft(viewer_of(request), api.identifier(module_id))


@post("/modules/{module_id:str}/steps", guards=[WRITE_MODULES], tags=["modules"])
async def add_step(
    request: Call, module_id: FromPath[str], data: JSONBody[StepIn]
) -> Response[dict[str, Any]]:
    """Add a step to the draft; answers the module. If-Match names what was read."""
    viewer, module = viewer_of(request), await read_for_change(request, module_id)
    fields = msgspec.structs.asdict(data)
    at = fields.pop("position")
    await building.add_step(viewer, module.id, fields, at=at, revision=revision_of(module))
    return await one_module(viewer, module.id, status=201)


@patch("/modules/{module_id:str}/steps/{step_id:str}", guards=[WRITE_MODULES], tags=["modules"])
async def change_step(
    request: Call, module_id: FromPath[str], step_id: FromPath[str], data: JSONBody[StepChanges]
) -> Response[dict[str, Any]]:
    """Change or move a step of the draft; answers the module."""
    viewer, module = viewer_of(request), await read_for_change(request, module_id)
    step, revision = api.identifier(step_id), revision_of(module)
    given = msgspec.structs.asdict(data).items()
    fields: dict[str, Any] = {name: value for name, value in given if value is not UNSET}
    to = fields.pop("position", None)
    if fields:
        await building.edit_step(viewer, module.id, step, fields, revision=revision)
        revision = None if revision is None else revision + 1
    if to is not None:
        await building.move_step(viewer, module.id, step, to, revision=revision)
    return await one_module(viewer, module.id)


@delete(
    "/modules/{module_id:str}/steps/{step_id:str}", guards=[WRITE_MODULES], status_code=200, tags=["modules"]
)
async def remove_step(
    request: Call, module_id: FromPath[str], step_id: FromPath[str]
) -> Response[dict[str, Any]]:
    """Take a step out of the draft; answers the module."""
    viewer, module = viewer_of(request), await read_for_change(request, module_id)
    await building.remove_step(viewer, module.id, api.identifier(step_id), revision=revision_of(module))
    return await one_module(viewer, module.id)


# Enrolments


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
        "status": {"done": "completed", "under_way": "started", "not_begun": "open"}[enrolment.state],
        "due_on": enrolment.due_on.isoformat() if enrolment.due_on else None,
        "created_at": api.as_utc(enrolment.created_at),
        "started_at": api.as_utc(enrolment.started_at),
        "completed_at": api.as_utc(enrolment.completed_at),
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
    """Enrol a person (oneself, when left out); an open enrolment is used again."""
    viewer = viewer_of(request)
    for name in ("team", "role"):
        if getattr(data, name) is not None:
            raise Invalid.field(name, "unsupported", _("Enrol one person at a time: name a person."))
    person = _person(data.person) if data.person is not None else viewer.id
    enrolment = await enrolling.enrol(viewer, await _code_of(viewer, data.module), person, due_on=data.due_on)
    shown = shown_enrolment(await enrolling.load_enrolment(viewer, enrolment))
    return Response(shown, status_code=201, headers={"Location": f"/api/v1/enrolments/{enrolment}"})


def _person(value: str) -> UUID:
    try:
        return UUID(value)
    except ValueError as error:
        raise Invalid.field("person", "unknown", _("There is no such person.")) from error


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
    clips = await modules.usable_clips([step])
    why: Mapping[str, str] = {str(clip.id): clip.why or clip.note for clip in clips.values()}
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
    list_modules,
    build_module,
    get_module,
    change_module,
    publish_module,
    discard_module,
    add_step,
    change_step,
    remove_step,
    enrol,
    list_enrolments,
    get_enrolment,
    answer_step,
    play_step,
]
