"""Pages of thanks: giving them, mending and withdrawing one's own, and all that one got and gave."""

from datetime import datetime
from typing import Any
from uuid import UUID

from litestar import Request, Response, get, post
from litestar.params import FromPath, FromQuery
from litestar.response import Redirect

from trainer.appreciation import service as appreciation
from trainer.problems import Forbidden, Invalid
from trainer.recognition import pages as content
from trainer.recognition import posts
from trainer.web.api import key_of, next_cursor, read_page
from trainer.web.forms import Form, read_form
from trainer.web.guards import signed_in
from trainer.web.i18n import _
from trainer.web.session import Viewer, viewer_of
from trainer.web.templating import is_htmx, render

AnyRequest = Request[Any, Any, Any]
OWN = "/recognition/thanks"
PAGE = 20


@get(OWN, guards=[signed_in], include_in_schema=False)
async def show_thanks(
    request: AnyRequest, side: FromQuery[str] = "", cursor: FromQuery[str] = "", done: FromQuery[str] = ""
) -> Response[str]:
    """What colleagues said to the viewer, or (`side=given`) what the viewer said. htmx gets the next ones alone."""
    viewer, given = viewer_of(request), side == "given"
    before = key_of(read_page(cursor=cursor), datetime.fromisoformat, UUID)
    found = await appreciation.thanks_of(viewer, given=given, limit=PAGE + 1, before=before)
    shown = found[:PAGE]
    more = next_cursor([shown[-1].created_at.isoformat(), str(shown[-1].id)]) if len(found) > PAGE else ""
    return render(
        request,
        "recognition/_thanks.html" if cursor and is_htmx(request) else "recognition/thanks.html",
        thanks=shown,
        mendable={one.id for one in shown if appreciation.may_mend(viewer, one)},
        more=f"{OWN}?side={'given' if given else 'got'}&cursor={more}" if more else "",
        given=given,
        done=done,
    )


@get("/recognition/thank", guards=[signed_in], include_in_schema=False)
async def show_thank(request: AnyRequest, to: FromQuery[str] = "") -> Response[str]:
    """The form; `to` chooses somebody beforehand."""
    return await _thank_form(request, Form({"to": [to], "visibility": ["team"]}))


@post("/recognition/thank", guards=[signed_in], include_in_schema=False)
async def thank(request: AnyRequest) -> Response[str] | Redirect:
    """Gives thanks; the post stands in the feed at once."""
    form = await read_form(request)
    kind, _sep, code = form.raw("behaviour").partition(":")
    try:
        await posts.give_thanks(
            viewer_of(request),
            to=_chosen(form),
            behaviour_kind=kind,
            behaviour_code=code,
            message=form.text("message", required=False, most=appreciation.LONGEST),
            visibility=form.raw("visibility"),
        )
    except Invalid as problem:
        form.take(problem)
        return await _thank_form(request, form)
    private = form.raw("visibility") == "private"
    return Redirect(f"{OWN}?side=given&done=given" if private else "/recognition", status_code=303)


def _chosen(form: Form) -> list[UUID]:
    try:
        return [UUID(value) for value in form.many("to")]
    except ValueError as error:
        raise Invalid.field("to", "unknown", _("Choose whom to thank.")) from error


async def _thank_form(request: AnyRequest, form: Form) -> Response[str]:
    choices = await content.choices(viewer_of(request))
    status = 200 if form.ok else 422
    return render(request, "recognition/thank.html", status=status, form=form, choices=choices)


@get(f"{OWN}/{{given:uuid}}", guards=[signed_in], include_in_schema=False)
async def show_own_thanks(request: AnyRequest, given: FromPath[UUID]) -> Response[str]:
    """The form that mends one's own words."""
    viewer = viewer_of(request)
    view = await appreciation.load_appreciation(viewer, given)
    _require_author(viewer, view)
    return render(request, "recognition/mend.html", thanks=view, form=Form({"message": [view.message]}))


@post(f"{OWN}/{{given:uuid}}", guards=[signed_in], include_in_schema=False)
async def mend_thanks(request: AnyRequest, given: FromPath[UUID]) -> Response[str] | Redirect:
    """Mends the words of one's own thanks, within 15 minutes."""
    viewer, form = viewer_of(request), await read_form(request)
    view = await appreciation.load_appreciation(viewer, given)
    _require_author(viewer, view)
    try:
        await posts.mend_thanks(
            viewer, given, form.text("message", required=False, most=appreciation.LONGEST)
        )
    except Invalid as problem:
        form.take(problem)
        return render(request, "recognition/mend.html", status=422, thanks=view, form=form)
    private = view.visibility == "private"
    return Redirect(f"{OWN}?side=given&done=mended" if private else "/recognition", status_code=303)


@post(f"{OWN}/{{given:uuid}}/withdraw", guards=[signed_in], include_in_schema=False)
async def withdraw_thanks(request: AnyRequest, given: FromPath[UUID]) -> Redirect:
    """Takes thanks out of sight for everybody."""
    await posts.withdraw_thanks(viewer_of(request), given)
    return Redirect(f"{OWN}?side=given&done=withdrawn", status_code=303)


def _require_author(viewer: Viewer, view: appreciation.AppreciationView) -> None:
    if view.author != viewer.id:
        raise Forbidden(_("Words are mended by whoever wrote them."))


pages: list[Any] = [show_thanks, show_thank, thank, show_own_thanks, mend_thanks, withdraw_thanks]
