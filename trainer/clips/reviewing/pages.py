"""The queue of clips that wait for a second pair of eyes, and what is said of each."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from litestar import Response, get, post
from litestar.connection import Request
from litestar.params import FromPath
from litestar.response import Redirect

from trainer.clips.pages import show_clip_page
from trainer.clips.reading import load_clip
from trainer.clips.reviewing import service
from trainer.problems import Conflict, Invalid
from trainer.web.forms import read_form
from trainer.web.guards import requires
from trainer.web.i18n import _
from trainer.web.session import viewer_of
from trainer.web.templating import render

Page = Request[Any, Any, Any]
CUTTERS = ("trainer", "qa_analyst", "team_lead")


@dataclass(frozen=True, slots=True)
class Queue:
    """To look at (longest waiting first), handed in by oneself, and given back to oneself."""

    to_review: list[service.Waiting]
    handed_in: list[service.Waiting]
    given_back: list[service.Waiting]


@get("/clips/review", guards=[requires("trainer", "qa_analyst", "team_lead")])
async def show_queue(request: Page) -> Response[str]:
    """What waits for whom."""
    viewer = viewer_of(request)
    waiting = await service.waiting(viewer)
    queue = Queue(
        to_review=[each for each in waiting if each.clip.submitted_by != viewer.id],
        handed_in=[each for each in waiting if each.clip.submitted_by == viewer.id],
        given_back=await service.given_back(viewer),
    )
    needed = service.NEEDED[request.app.state.settings.clip_review]
    return render(request, "clips/review.html", queue=queue, needed=needed)


@post("/clips/{clip_id:uuid}/submit", guards=[requires(*CUTTERS)])
async def submit_clip(request: Page, clip_id: FromPath[UUID]) -> Response[str] | Redirect:
    """Hand it in for review, with a note if there is one."""
    viewer, form = viewer_of(request), await read_form(request)
    try:
        await service.submit_clip(viewer, clip_id, form.raw("words"))
    except (Invalid, Conflict) as problem:
        return await _refused(request, clip_id, problem)
    return Redirect(f"/clips/{clip_id}", status_code=303)


@post("/clips/{clip_id:uuid}/review", guards=[requires(*CUTTERS)])
async def review_clip(request: Page, clip_id: FromPath[UUID]) -> Response[str] | Redirect:
    """Approve it, give it back with what should change, or write a note."""
    viewer, form = viewer_of(request), await read_form(request)
    what, words = form.choice("what", ("approve", "changes", "note")), form.raw("words")
    try:
        if what == "approve":
            await service.approve(viewer, clip_id, words)
        elif what == "changes":
            if not words.strip():
                raise Invalid.field("words", "required", _("Say what should change."))
            await service.return_clip(viewer, clip_id, words)
        else:
            await service.note(viewer, clip_id, words)
    except (Invalid, Conflict) as problem:
        return await _refused(request, clip_id, problem)
    return Redirect(f"/clips/{clip_id}#review", status_code=303)


@post("/clips/{clip_id:uuid}/take-back", guards=[requires(*CUTTERS)])
async def take_clip_back(request: Page, clip_id: FromPath[UUID]) -> Response[str] | Redirect:
    """Take back what one handed in."""
    try:
        await service.take_back(viewer_of(request), clip_id)
    except Conflict as problem:
        return await _refused(request, clip_id, problem)
    return Redirect(f"/clips/{clip_id}?done=taken-back", status_code=303)


async def _refused(request: Page, clip_id: UUID, problem: Invalid | Conflict) -> Response[str]:
    clip = await load_clip(viewer_of(request), clip_id, stopped=True)
    errors = {error.field: error.message for error in getattr(problem, "errors", [])}
    refusal = "" if errors else problem.detail
    return await show_clip_page(request, clip, status=422 if errors else 409, refusal=refusal, errors=errors)


handlers: list[Any] = [show_queue, submit_clip, review_clip, take_clip_back]
