"""Pages of recognition: the feed, giving thanks, the wallboard, and the stream of live hints."""

import json
from functools import partial
from typing import Annotated, Any
from uuid import UUID

from litestar import Request, Response, get, post
from litestar.params import FromPath, FromQuery, QueryParameter
from litestar.response import Redirect

from trainer import db
from trainer.appreciation import service as appreciation
from trainer.notices import bell
from trainer.notices.service import topic_of
from trainer.problems import Forbidden, Invalid
from trainer.recognition import card_pages, fragments, posts, stream
from trainer.recognition import pages as content
from trainer.web.forms import Form, read_form
from trainer.web.guards import signed_in
from trainer.web.i18n import _
from trainer.web.live import LiveResponse, live_response
from trainer.web.session import Viewer, viewer_of
from trainer.web.templating import is_htmx, render

AnyRequest = Request[Any, Any, Any]
Scope = Annotated[str, QueryParameter(name="scope")]  # everyone | team; of the stream also: bell
PAGE = 20


@get("/recognition", guards=[signed_in], include_in_schema=False)
async def show_feed(
    request: AnyRequest,
    whose: Scope = "everyone",
    before: FromQuery[str] = "",
    given: FromQuery[str] = "",
) -> Response[str]:
    """The feed. htmx gets the next posts alone."""
    viewer = viewer_of(request)
    only_team = whose == "team" and viewer.team is not None
    start = int(before) if before.isdigit() and len(before) < 18 else None
    keys = await posts.feed_keys(viewer, only_team=only_team, before=start, limit=PAGE + 1)
    shown = keys[:PAGE]
    values: dict[str, Any] = {
        "posts": await fragments.draw_posts(request, shown),
        "more": _more(only_team, shown) if len(keys) > PAGE else None,
    }
    if start is not None and is_htmx(request):
        return render(request, "recognition/_more.html", **values)
    newest = shown[0].seq if shown and start is None else 0
    beside = await content.beside(viewer, newest)
    return render(
        request,
        "recognition/feed.html",
        **values,
        beside=beside,
        only_team=only_team,
        newest=newest,
        first_page=start is None,
        given_privately=given == "private",
    )


def _more(only_team: bool, shown: list[posts.PostKey]) -> str:
    return f"/recognition?scope={'team' if only_team else 'everyone'}&before={shown[-1].seq}"


@get("/recognition/posts/{post_id:uuid}", guards=[signed_in], include_in_schema=False)
async def show_post(request: AnyRequest, post_id: FromPath[UUID]) -> Response[str]:
    """A fragment: one post, as a live hint names it."""
    key = await posts.load_post(viewer_of(request), post_id)
    return _fragment(request, "\n".join(await fragments.draw_posts(request, [key])))


@post("/recognition/posts/{post_id:uuid}/cheer", guards=[signed_in], include_in_schema=False, status_code=200)
async def cheer_post(request: AnyRequest, post_id: FromPath[UUID]) -> Response[str]:
    """Joins in the thanks, or takes one's own back; htmx puts the post's foot anew."""
    key = await posts.cheer(viewer_of(request), post_id)
    views = await posts.views_of([post_id])
    return render(request, "recognition/_actions.html", key=key, post=views[post_id])


@post("/recognition/posts/{post_id:uuid}/hide", guards=[signed_in], include_in_schema=False, status_code=200)
async def hide_post(request: AnyRequest, post_id: FromPath[UUID]) -> Response[str]:
    """Takes a post out of the feed."""
    await posts.hide_post(viewer_of(request), post_id)
    told = json.dumps({"toast": {"text": _("The post is out of the feed."), "kind": "good"}})
    return Response("", media_type="text/html", headers={"HX-Trigger": told})


def _fragment(request: AnyRequest, html: str) -> Response[str]:
    return Response(html, media_type="text/html; charset=utf-8")


# Giving thanks


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
    return Redirect("/recognition?given=private" if private else "/recognition", status_code=303)


def _chosen(form: Form) -> list[UUID]:
    try:
        return [UUID(value) for value in form.many("to")]
    except ValueError as error:
        raise Invalid.field("to", "unknown", _("Choose whom to thank.")) from error


async def _thank_form(request: AnyRequest, form: Form) -> Response[str]:
    choices = await content.choices(viewer_of(request))
    status = 200 if form.ok else 422
    return render(request, "recognition/thank.html", status=status, form=form, choices=choices)


@get("/recognition/thanks/{given:uuid}", guards=[signed_in], include_in_schema=False)
async def show_own_thanks(request: AnyRequest, given: FromPath[UUID]) -> Response[str]:
    """The form that mends one's own words."""
    viewer = viewer_of(request)
    view = await appreciation.load_appreciation(viewer, given)
    _require_author(viewer, view)
    return render(request, "recognition/mend.html", thanks=view, form=Form({"message": [view.message]}))


@post("/recognition/thanks/{given:uuid}", guards=[signed_in], include_in_schema=False)
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
    return Redirect("/recognition", status_code=303)


def _require_author(viewer: Viewer, view: appreciation.AppreciationView) -> None:
    if view.author != viewer.id:
        raise Forbidden(_("Words are mended by whoever wrote them."))


# On the wall, and live


@get("/recognition/wall", guards=[signed_in], include_in_schema=False)
async def show_wall(request: AnyRequest) -> Response[str]:
    """The wallboard for a large screen: nothing on it is pressed, it renews itself."""
    return render(request, "recognition/wall.html", wall=await content.wall(), now=db.utc_now())


@get("/live", guards=[signed_in], include_in_schema=False)
async def stream_feed(request: AnyRequest, whose: Scope = "everyone") -> LiveResponse:
    """Live hints: which posts came into the feed, by id, for whom may read them; and the own bell's.

    A page without the feed asks for `scope=bell` alone, since the count that it shows.
    """
    viewer = viewer_of(request)
    broker, own = request.app.state.broker, topic_of(viewer.id)
    request.app.state.bell_watch.follow(viewer.id, viewer.unread)
    if whose == "bell":
        return live_response(request, broker, [own], replay=bell.missed(viewer), person=viewer.id)
    only_team = whose == "team"
    await request.app.state.feed_watch.follow()
    replay = partial(stream.missed, viewer, only_team=only_team)
    topics = stream.topics_of(viewer, only_team=only_team) | {own}
    return live_response(request, broker, topics, replay=replay, person=viewer.id)


pages: list[Any] = [
    show_feed,
    show_post,
    cheer_post,
    hide_post,
    show_thank,
    thank,
    show_own_thanks,
    mend_thanks,
    show_wall,
    stream_feed,
    *card_pages.pages,
]
