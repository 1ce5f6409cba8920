"""Pages of keeping: what ends when, one clip's renewal, the agent's answer, and the objections that wait."""

from datetime import date, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from litestar import Response, Router, get, post
from litestar.connection import Request
from litestar.params import FromPath, FromQuery
from litestar.response import Redirect

from trainer import db
from trainer.calls.forms import end_of
from trainer.calls.pages import basis_cards, basis_options
from trainer.clips import consent, voice
from trainer.clips.keeping import credit, ending, renewing
from trainer.clips.keeping.renewing import Wish
from trainer.clips.reading import load_clip
from trainer.clips.standing import require_trainer
from trainer.clips.voice_pages import my_voice_page, said_of
from trainer.problems import Conflict, Gone, Invalid
from trainer.web.forms import Form, read_form
from trainer.web.guards import requires, signed_in
from trainer.web.session import viewer_of
from trainer.web.templating import render

Page = Request[Any, Any, Any]


@get("/clips/keeping", guards=[requires(*ending.SEE)])
async def show_keeping(request: Page, within: FromQuery[int] = 30) -> Response[str]:
    """What ends when, what could stand in for it, and what was renewed."""
    viewer = viewer_of(request)
    days = within if within in ending.WINDOWS else ending.WINDOWS[1]
    window = timedelta(days=days)
    return render(
        request,
        "clips/keeping.html",
        within=days,
        windows=ending.WINDOWS,
        warned=ending.WARN.days,
        ending=await ending.ending_soon(viewer, window),
        calls=await ending.calls_ending(viewer, window),
        asked=await renewing.open_renewals(viewer),
        kept=await ending.kept_by_themselves(viewer),
        bases=dict(basis_options()),
        renews=viewer.has("trainer"),
    )


@get("/clips/{clip_id:uuid}/renew", guards=[requires("trainer")])
async def show_renewal(request: Page, clip_id: FromPath[UUID]) -> Response[str]:
    """Hear it once more, choose a ground and a day."""
    return await renewal_page(request, clip_id, {})


async def renewal_page(
    request: Page,
    clip_id: UUID,
    typed: dict[str, str],
    *,
    status: int = 200,
    errors: dict[str, str] | None = None,
    refusal: str = "",
) -> Response[str]:
    """The form, once more after a refusal."""
    viewer, settings = viewer_of(request), request.app.state.settings
    clip = await load_clip(viewer, clip_id)
    require_trainer(viewer, clip)
    sentences = renewing.lacking_sentences()
    proposed = db.utc_now().astimezone(ZoneInfo(settings.time_zone)).date() + timedelta(
        days=settings.keep_days
    )
    return render(
        request,
        "clips/renew.html",
        status=status,
        clip=clip,
        lacking=[sentences[code] for code in renewing.lacking(clip)],
        renewals=await renewing.renewals_of(viewer, clip),
        bases=[card for card in basis_cards() if clip.staged or card["value"] != "synthetic"],
        names=dict(basis_options()),
        asks=clip.agent is not None and not clip.staged,
        typed={"basis": "", "keep_until": proposed.isoformat(), **typed},
        errors=errors or {},
        refusal=refusal,
    )


@post("/clips/{clip_id:uuid}/renew", guards=[requires("trainer")])
async def renew_clip(request: Page, clip_id: FromPath[UUID]) -> Response[str] | Redirect:
    """Renew it, or ask the agent heard."""
    form = await read_form(request)
    typed = {name: form.raw(name) for name in ("basis", "keep_until")}
    last = form.day("keep_until")
    if last is not None and form.ok:
        try:
            await renewing.renew(viewer_of(request), clip_id, _wish(request, form, last))
            return Redirect(f"/clips/{clip_id}/renew", status_code=303)
        except Invalid as problem:
            form.take(problem)
        except Conflict as problem:
            return await renewal_page(request, clip_id, typed, status=409, refusal=problem.detail)
    return await renewal_page(request, clip_id, typed, status=422, errors=form.errors)


def _wish(request: Page, form: Form, last: date) -> Wish:
    zone = ZoneInfo(request.app.state.settings.time_zone)
    return Wish(
        form.raw("basis"), last, end_of(last, zone, field="keep_until"), checked=form.checked("checked")
    )


@post("/renewals/{renewal_id:uuid}/call-off", guards=[requires("trainer")])
async def call_off_renewal(request: Page, renewal_id: FromPath[UUID]) -> Redirect:
    """Take the question back."""
    clip = await renewing.call_off(viewer_of(request), renewal_id)
    return Redirect(f"/clips/{clip}/renew", status_code=303)


# The agent heard


@post("/my-voice/renewals/{renewal_id:uuid}", guards=[signed_in])
async def answer_renewal(request: Page, renewal_id: FromPath[UUID]) -> Response[str] | Redirect:
    """Yes or no to keeping a clip longer, or a yes taken back."""
    form = await read_form(request)
    said = form.choice("answer", ("yes", "no"))
    words = form.text("words", required=False, most=consent.MOST_WORDS)
    if not form.ok:
        return await my_voice_page(request, status=422, errors=form.errors, at=renewal_id)
    try:
        renewal = await renewing.answer_renewal(
            viewer_of(request), renewal_id, yes=said == "yes", words=words
        )
    except (Conflict, Gone) as problem:
        return await my_voice_page(request, status=409, refusal=problem.detail)
    return said_of(renewal.clip, renewal.state)


@post("/my-voice/{clip_id:uuid}/credit", guards=[signed_in])
async def choose_credit(request: Page, clip_id: FromPath[UUID]) -> Redirect:
    """Named, or not."""
    form = await read_form(request)
    wanted = form.checked("named")
    clip = await credit.choose_credit(viewer_of(request), clip_id, named=wanted)
    return said_of(clip, "named" if wanted else "unnamed")


# Objections


@get("/clips/objections", guards=[requires("trainer", "admin")])
async def show_objections(request: Page) -> Response[str]:
    """The objections that wait for an answer, and by when."""
    viewer = viewer_of(request)
    return render(
        request,
        "clips/objections.html",
        objections=await voice.open_objections(viewer, limit=200),
        days=request.app.state.settings.objection_days,
        decides=viewer.has("trainer"),
    )


handlers: list[Any] = [
    show_keeping,
    show_renewal,
    renew_clip,
    call_off_renewal,
    answer_renewal,
    choose_credit,
    show_objections,
]
pages: list[Any] = [Router("/", route_handlers=handlers, include_in_schema=False)]
