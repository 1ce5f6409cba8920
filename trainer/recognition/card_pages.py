"""Pages of cards and of the question what to celebrate."""

from typing import Any
from uuid import UUID

from litestar import Request, Response, get, post
from litestar.params import FromPath, FromQuery
from litestar.response import Redirect

from trainer import db
from trainer.people.days import day_of
from trainer.people.forms import month_options, read_celebrations, typed, values_of
from trainer.problems import Invalid
from trainer.recognition import asking, cards
from trainer.recognition.pages import forget_beside_of
from trainer.web.forms import Form, read_form
from trainer.web.guards import signed_in
from trainer.web.i18n import _
from trainer.web.session import viewer_of
from trainer.web.templating import render

AnyRequest = Request[Any, Any, Any]
WELCOME = "/welcome/celebrations"


# One card


@get("/recognition/cards/{card_id:uuid}", guards=[signed_in], include_in_schema=False)
async def show_card(request: AnyRequest, card_id: FromPath[UUID], done: FromQuery[str] = "") -> Response[str]:
    """A card: to sign it ahead of the day, to read it from the day on."""
    words = {"written": _("Your line is on the card."), "removed": _("The line is off the card.")}
    flash = [{"kind": "good", "text": words[done]}] if done in words else []
    return await _card_page(request, card_id, Form({}), flash=flash)


async def _card_page(request: AnyRequest, card_id: UUID, form: Form, **values: Any) -> Response[str]:
    viewer = viewer_of(request)
    card = await cards.load_card(viewer, card_id)
    today = day_of(db.utc_now(), viewer.time_zone)
    status = 200 if form.ok else 422
    return render(
        request, "recognition/card.html", status=status, card=card, form=form, today=today, **values
    )


@post("/recognition/cards/{card_id:uuid}", guards=[signed_in], include_in_schema=False)
async def sign_card(request: AnyRequest, card_id: FromPath[UUID]) -> Response[Any]:
    """Writes one's line, or other words in its place."""
    viewer, form = viewer_of(request), await read_form(request)
    try:
        await cards.write_line(viewer, card_id, form.raw("words"))
    except Invalid as problem:
        form.take(problem)
        return await _card_page(request, card_id, form, flash=[])
    forget_beside_of(viewer)
    return Redirect(f"/recognition/cards/{card_id}?done=written", status_code=303)


@post(
    "/recognition/cards/{card_id:uuid}/lines/{line_id:uuid}/remove",
    guards=[signed_in],
    include_in_schema=False,
)
async def remove_line(request: AnyRequest, card_id: FromPath[UUID], line_id: FromPath[UUID]) -> Response[Any]:
    """Takes a line off the card."""
    viewer = viewer_of(request)
    await cards.remove_line(viewer, card_id, line_id)
    forget_beside_of(viewer)
    return Redirect(f"/recognition/cards/{card_id}?done=removed", status_code=303)


# What shall we celebrate?


@get(WELCOME, guards=[signed_in], include_in_schema=False)
async def show_celebrations(request: AnyRequest) -> Response[str]:
    """The question of the first sign-in; later the same page with the answers given."""
    return await _celebrations(request, None)


async def _celebrations(request: AnyRequest, form: Form | None) -> Response[str]:
    viewer = viewer_of(request)
    person = await asking.person_of(viewer)
    return render(
        request,
        "recognition/celebrations.html",
        status=422 if form else 200,
        person=person,
        first_time=await asking.wants_asking(viewer),
        full_month=asking.has_full_month_ahead(person),
        months=month_options(),
        values=values_of(person) | (typed(form) if form else {}),
        errors=form.errors if form else {},
        own_posts=await asking.own_posts(viewer),
    )


@post(WELCOME, guards=[signed_in], include_in_schema=False)
async def save_celebrations(request: AnyRequest) -> Response[Any]:
    """Takes the answers, then home."""
    viewer, form = viewer_of(request), await read_form(request)
    fields = read_celebrations(form)
    if form.ok:
        try:
            await asking.choose(viewer, fields)
            return Redirect("/home?done=celebrations", status_code=303)
        except Invalid as refused:
            form.take(refused)
    return await _celebrations(request, form)


@post(f"{WELCOME}/skip", guards=[signed_in], include_in_schema=False)
async def skip_celebrations(request: AnyRequest) -> Redirect:
    """Not now: everything stays as it is."""
    await asking.skip(viewer_of(request))
    return Redirect("/", status_code=303)


@post(f"{WELCOME}/posts/{{post_id:uuid}}", guards=[signed_in], include_in_schema=False)
async def show_own_post(request: AnyRequest, post_id: FromPath[UUID]) -> Redirect:
    """Hides a post about oneself, or brings it back."""
    shown = (await read_form(request)).raw("shown") == "yes"
    await asking.show_own_post(viewer_of(request), post_id, shown=shown)
    return Redirect(f"{WELCOME}#posts", status_code=303)


pages: list[Any] = [
    show_card,
    sign_card,
    remove_line,
    show_celebrations,
    save_celebrations,
    skip_celebrations,
    show_own_post,
]
