"""Pages about a voice and its uses: what an agent sees and answers, what a trainer asks, decides and stops."""

from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from litestar import Response, get, post
from litestar.connection import Request
from litestar.params import FromPath, FromQuery
from litestar.response import Redirect

from trainer.calls.hearings import plays_of_my_calls
from trainer.calls.pages import basis_options
from trainer.clips import consent, service, voice
from trainer.clips.keeping import renewing
from trainer.clips.pages import show_clip_page
from trainer.problems import Conflict, Invalid
from trainer.web.forms import read_form
from trainer.web.guards import requires, signed_in
from trainer.web.i18n import _
from trainer.web.session import viewer_of
from trainer.web.templating import render

Page = Request[Any, Any, Any]


@get("/my-voice", guards=[signed_in])
async def show_my_voice(request: Page, done: FromQuery[str] = "", at: FromQuery[str] = "") -> Response[str]:
    """Every use of the viewer's voice, what they are asked, and who heard their calls.

    `done` names what was just said, and `at` the clip that it was about: there reading goes on.
    """
    return await my_voice_page(request, done=done, about=at)


def said_of(clip: UUID, done: str) -> Redirect:
    """Back to the page, which tells what was kept."""
    return Redirect(f"/my-voice?{urlencode({'done': done, 'at': str(clip)})}", status_code=303)


def _done_words() -> dict[str, str]:
    return {
        "yes": _("Your yes is kept. You may take it back at any time."),
        "no": _("Your no is kept. The clip is not used."),
        "back": _("Your yes is taken back."),
        "renewed": _("Your yes is kept: the clip stays until its new last day."),
        "declined": _("Your no is kept: the clip goes with its call."),
        "withdrawn": _("Your yes to keeping it longer is taken back."),
        "named": _("Saved: your name is shown with it."),
        "unnamed": _("Saved: your name is not shown with it."),
        "objected": _("Your objection is sent. A trainer answers you in words."),
    }


async def my_voice_page(
    request: Page,
    *,
    status: int = 200,
    errors: dict[str, str] | None = None,
    at: UUID | None = None,
    refusal: str = "",
    done: str = "",
    about: str = "",
) -> Response[str]:
    """The same after a refusal; `at` is the clip whose form shows the errors."""
    viewer, words = viewer_of(request), _done_words()
    uses = await voice.uses_of_voice(viewer)
    agreed = await consent.agreed_ahead(viewer)
    cards = {str(use.id) for use in uses} | {str(each.clip.id) for each in agreed}
    return render(
        request,
        "clips/my_voice.html",
        status=status,
        asked=await consent.waiting_for_me(viewer),
        questions=await renewing.asked_of_me(viewer),
        kept=await renewing.kept_by_my_yes(viewer),
        bases=dict(basis_options()),
        agreed=agreed,
        uses=[use for use in uses if not use.past],
        past=[use for use in uses if use.past],
        plays=await plays_of_my_calls(viewer, limit=20),
        errors=errors or {},
        at=at,
        refusal=refusal,
        flash=[{"kind": "good", "text": words[done]}] if done in words else [],
        landed="" if done not in words else about if about in cards else "in-use",
    )


@post("/my-voice/{clip_id:uuid}/answer", guards=[signed_in])
async def answer_for_my_voice(request: Page, clip_id: FromPath[UUID]) -> Response[str] | Redirect:
    """Yes or no to what one was asked, or a yes taken back."""
    form = await read_form(request)
    said = form.choice("answer", ("yes", "no"))
    words = form.text("words", required=False, most=consent.MOST_WORDS)
    if not form.ok:
        return await my_voice_page(request, status=422, errors=form.errors, at=clip_id)
    heard = form.raw("about")
    try:
        await consent.answer(
            viewer_of(request),
            clip_id,
            yes=said == "yes",
            own_team=form.checked("own_team"),
            words=words,
            about=heard or None,
        )
    except Conflict as problem:
        return await my_voice_page(request, status=409, refusal=problem.detail)
    # a question says what was heard; without it a former yes is taken back
    return said_of(clip_id, "yes" if said == "yes" else "no" if heard else "back")


@post("/my-voice/{clip_id:uuid}/object", guards=[signed_in])
async def object_to_use(request: Page, clip_id: FromPath[UUID]) -> Response[str] | Redirect:
    """Object to a use of one's voice."""
    form = await read_form(request)
    try:
        await voice.object_to(viewer_of(request), clip_id, form.raw("words"))
    except Invalid as problem:
        form.take(problem)
        return await my_voice_page(request, status=422, errors=form.errors, at=clip_id)
    except Conflict as problem:
        return await my_voice_page(request, status=409, refusal=problem.detail)
    return said_of(clip_id, "objected")


@post("/clips/{clip_id:uuid}/ask", guards=[requires("trainer")])
async def ask_agent(request: Page, clip_id: FromPath[UUID]) -> Response[str] | Redirect:
    """Ask the agent heard."""
    viewer = viewer_of(request)
    try:
        await consent.ask(viewer, clip_id)
    except Conflict as problem:
        return await _refused(request, clip_id, problem)
    return Redirect(f"/clips/{clip_id}", status_code=303)


@post("/clips/{clip_id:uuid}/take-down", guards=[requires("trainer", "admin")])
async def take_clip_down(request: Page, clip_id: FromPath[UUID]) -> Response[str] | Redirect:
    """Stop it everywhere, at once."""
    viewer, form = viewer_of(request), await read_form(request)
    try:
        named = await service.take_down(viewer, clip_id, form.raw("why"))
    except Invalid as problem:
        form.take(problem)
        clip = await service.load_clip(viewer, clip_id, stopped=True)
        return await show_clip_page(request, clip, status=422, errors=form.errors)
    except Conflict as problem:
        return await _refused(request, clip_id, problem)
    return Redirect(f"/clips/{named}", status_code=303)


@post("/clips/{clip_id:uuid}/put-back", guards=[requires("trainer")])
async def put_clip_back(request: Page, clip_id: FromPath[UUID]) -> Response[str] | Redirect:
    """Use it again."""
    viewer, form = viewer_of(request), await read_form(request)
    try:
        await service.put_back(viewer, clip_id, form.raw("why"))
    except Invalid as problem:
        form.take(problem)
        clip = await service.load_clip(viewer, clip_id, stopped=True)
        return await show_clip_page(request, clip, status=422, errors=form.errors)
    except Conflict as problem:
        return await _refused(request, clip_id, problem)
    return Redirect(f"/clips/{clip_id}", status_code=303)


@post("/objections/{objection_id:uuid}", guards=[requires("trainer")])
async def answer_objection(request: Page, objection_id: FromPath[UUID]) -> Response[str] | Redirect:
    """Uphold an objection, or decline it with reasons."""
    viewer, form = viewer_of(request), await read_form(request)
    upheld = form.choice("decision", ("upheld", "declined")) == "upheld"
    clip = (await voice.load_objection(viewer, objection_id)).clip
    if form.ok:
        try:
            await voice.decide_objection(
                viewer, objection_id, "upheld" if upheld else "declined", form.raw("answer")
            )
            return Redirect(f"/clips/{clip}#objections", status_code=303)
        except Invalid as problem:
            form.take(problem)
        except Conflict as problem:
            return await _refused(request, clip, problem)
    view = await service.load_clip(viewer, clip, stopped=True)
    return await show_clip_page(request, view, status=422, errors=form.errors)


async def _refused(request: Page, clip_id: UUID, problem: Conflict) -> Response[str]:
    clip = await service.load_clip(viewer_of(request), clip_id, stopped=True)
    return await show_clip_page(request, clip, status=409, refusal=problem.detail)


handlers: list[Any] = [
    show_my_voice,
    answer_for_my_voice,
    object_to_use,
    ask_agent,
    take_clip_down,
    put_clip_back,
    answer_objection,
]
