"""Pages of the learner: what to learn, one module's steps, a step, the end."""

from typing import Any
from uuid import UUID

from litestar import Response, get, post, route
from litestar.connection import Request
from litestar.params import FromPath, FromQuery
from litestar.response import Redirect

from trainer import db
from trainer.people.days import day_of
from trainer.problems import Invalid
from trainer.training import enrolling, taking
from trainer.training.grading import GRADED
from trainer.training.step_pages import ICONS, address, kind_name, step_page, title_of
from trainer.training.taking import Course
from trainer.web.forms import Form, read_form
from trainer.web.guards import signed_in
from trainer.web.i18n import _
from trainer.web.media import MediaResponse, media_response
from trainer.web.session import viewer_of
from trainer.web.templating import render

Page = Request[Any, Any, Any]


@get("/learn", guards=[signed_in], include_in_schema=False)
async def show_learning(request: Page) -> Response[str]:
    """What is under way, what one may begin, what is done."""
    viewer = viewer_of(request)
    mine, first = await enrolling.enrolments_of(viewer.id), await enrolling.next_enrolment(viewer.id)
    return render(
        request,
        "training/learn.html",
        open_ones=[enrolment for enrolment in mine if enrolment.open],
        first=first.id if first else None,  # what the home points at, too
        done=[enrolment for enrolment in mine if enrolment.completed_at],
        waived=[enrolment for enrolment in mine if enrolment.waived_at],
        today=day_of(db.utc_now(), viewer.time_zone),
        to_begin=await enrolling.open_modules(viewer),
    )


@post("/learn/begin", guards=[signed_in], include_in_schema=False)
async def take_module(request: Page) -> Redirect:
    """Enrol oneself."""
    viewer, form = viewer_of(request), await read_form(request)
    enrolment = await enrolling.enrol(viewer, form.raw("module")[:100], viewer.id)
    return Redirect(f"/learn/{enrolment}", status_code=303)


@get("/learn/{enrolment_id:uuid}", guards=[signed_in], include_in_schema=False)
async def show_module_to_learn(request: Page, enrolment_id: FromPath[UUID]) -> Response[str]:
    """The steps of one's module, done, now and next."""
    course = await taking.open_course(viewer_of(request), enrolment_id)
    return render(request, "training/overview.html", course=course, lessons=_lessons(course))


@post("/learn/{enrolment_id:uuid}/begin", guards=[signed_in], include_in_schema=False)
async def begin_module(request: Page, enrolment_id: FromPath[UUID]) -> Redirect:
    """Start, or go on where one was."""
    viewer = viewer_of(request)
    await taking.begin(viewer, enrolment_id)
    course = await taking.open_course(viewer, enrolment_id)
    return Redirect(address(enrolment_id, course.place), status_code=303)


@get("/learn/{enrolment_id:uuid}/done", guards=[signed_in], include_in_schema=False)
async def show_done(request: Page, enrolment_id: FromPath[UUID]) -> Response[str] | Redirect:
    """What was done, and what comes next; before the end it leads back to the module."""
    viewer = viewer_of(request)
    course = await taking.open_course(viewer, enrolment_id)
    if course.enrolment.completed_at is None:
        return Redirect(f"/learn/{enrolment_id}", status_code=303)
    after = await enrolling.next_after(viewer.id, course.enrolment.code)
    return render(request, "training/done.html", course=course, after=after)


@get("/learn/{enrolment_id:uuid}/{number:int}", guards=[signed_in], include_in_schema=False)
async def show_step(
    request: Page, enrolment_id: FromPath[UUID], number: FromPath[int], again: FromQuery[str] = ""
) -> Response[str] | Redirect:
    """One step: what is asked, or the verdict. Steps whose turn has not come lead to the one that is open."""
    course = await taking.open_course(viewer_of(request), enrolment_id)
    step = course.step_at(number - 1)
    if not course.reachable(step):
        return Redirect(address(enrolment_id, course.place), status_code=303)
    return render(request, "training/step.html", page=await step_page(course, step, again=bool(again)))


@post("/learn/{enrolment_id:uuid}/{number:int}", guards=[signed_in], include_in_schema=False)
async def answer_step(
    request: Page, enrolment_id: FromPath[UUID], number: FromPath[int]
) -> Response[str] | Redirect:
    """Grade the try; then the verdict, or straight on where there is none."""
    viewer, form = viewer_of(request), await read_form(request)
    step = (await taking.open_course(viewer, enrolment_id)).step_at(number - 1)
    given, attempt = _given(form), form.integer("attempt", least=1, most=taking.MOST_TRIES)
    try:
        course, answer = await taking.answer(viewer, enrolment_id, step.id, given, attempt=attempt or 0)
    except Invalid as problem:
        form.take(problem)
        course = await taking.open_course(viewer, enrolment_id)
        page = await step_page(course, step, again=True, typed=given, errors=form.errors)
        return render(request, "training/step.html", status=422, page=page)
    shown = step.kind in (*GRADED, "reflect") and not answer.feedback.get("gone")
    target = address(enrolment_id, step.position) if shown else (await step_page(course, step)).next_href
    return Redirect(target, status_code=303)


@post("/learn/{enrolment_id:uuid}/{number:int}/place", guards=[signed_in], include_in_schema=False)
async def keep_place(request: Page, enrolment_id: FromPath[UUID], number: FromPath[int]) -> Response[None]:
    """Note where one is and what is typed; sent by the page's script."""
    form = await read_form(request)
    kept = {"step": form.raw("step")[:36], **_given(form)}
    kept["heard_ms"] = form.integer("heard_ms", least=0, most=10**8, required=False)
    kept["heard"] = form.choice("heard", ("a", "b"), required=False)
    attempt = form.integer("attempt", least=1, most=taking.MOST_TRIES, required=False)
    await taking.keep_place(viewer_of(request), enrolment_id, number - 1, kept, attempt=attempt)
    return Response(None, status_code=204)


@post("/learn/{enrolment_id:uuid}/{number:int}/later", guards=[signed_in], include_in_schema=False)
async def put_off_step(request: Page, enrolment_id: FromPath[UUID], number: FromPath[int]) -> Redirect:
    """Can't listen now: on to the next step; this one waits."""
    course = await taking.put_off(viewer_of(request), enrolment_id, number - 1)
    only_heard_ones_left = course.first_open in course.put_off
    target = f"/learn/{enrolment_id}" if only_heard_ones_left else address(enrolment_id, course.first_open)
    return Redirect(target, status_code=303)


@route(
    "/learn/{enrolment_id:uuid}/{number:int}/audio/{side:str}",
    http_method=["GET", "HEAD"],
    guards=[signed_in],
    include_in_schema=False,
)
async def play_step(
    request: Page, enrolment_id: FromPath[UUID], number: FromPath[int], side: FromPath[str]
) -> MediaResponse:
    """The sound of a clip that is still to be judged."""
    sound = await taking.sound_of_step(viewer_of(request), enrolment_id, number - 1, side)
    return media_response(request, key=sound.key, etag=sound.etag, size=sound.size, content_type="audio/mpeg")


def _given(form: Form) -> dict[str, Any]:
    """What the form holds, as `taking.answer` wants it; without a script the second comes as `at_s`."""
    given: dict[str, Any] = {name: form.raw(name) for name in ("chosen", "mark") if form.raw(name)}
    if form.raw("read"):
        given["read"] = True
    if form.raw("text"):
        given["text"] = form.raw("text")
    if form.many("own"):
        given["own"] = form.many("own")
    if form.raw("at_ms").isdigit():
        given["at_ms"] = int(form.raw("at_ms")[:9])
    elif form.raw("at_s"):
        try:
            given["at_ms"] = round(float(form.raw("at_s").replace(",", ".")) * 1000)
        except (ValueError, OverflowError):
            form.errors["at_ms"] = _("Please give seconds, such as 7.5.")
    return given


def _lessons(course: Course) -> list[dict[str, Any]]:
    """The steps for `ui.lesson_list`."""
    now = course.place
    items: list[dict[str, Any]] = []
    for step in course.steps:
        last = course.last(step.id)
        reachable = course.reachable(step)
        state = "done" if last is not None and course.may_go_on(step) else "next"
        if last is not None and last.correct is False:
            state = "missed"
        if step.position == now and course.enrolment.completed_at is None:
            state = "now"
        items.append(
            {
                "title": title_of(step),
                "state": state,
                "icon": ICONS[step.kind],
                "note": _("Waits until you can listen")
                if step.position in course.put_off
                else kind_name(step.kind),
                "href": address(course.enrolment.id, step.position) if reachable else None,
            }
        )
    return items


pages: list[Any] = [
    show_learning,
    take_module,
    show_module_to_learn,
    begin_module,
    show_done,
    show_step,
    answer_step,
    keep_place,
    put_off_step,
    play_step,
]
