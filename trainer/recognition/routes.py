"""Pages of recognition: the feed, the wallboard, and the stream of live hints."""

import json
from functools import partial
from typing import Annotated, Any
from uuid import UUID

from litestar import Request, Response, get, post
from litestar.params import FromPath, FromQuery, QueryParameter

from trainer import db
from trainer.notices import bell
from trainer.notices.service import topic_of
from trainer.recognition import card_pages, fragments, hints, posts, stream, thanks_pages
from trainer.recognition import pages as content
from trainer.web.guards import signed_in
from trainer.web.i18n import _
from trainer.web.live import LiveResponse, live_response
from trainer.web.session import viewer_of
from trainer.web.templating import is_htmx, render

AnyRequest = Request[Any, Any, Any]
Scope = Annotated[str, QueryParameter(name="scope")]  # everyone | team; of the stream also: bell
PAGE = 20


@get("/recognition", guards=[signed_in], include_in_schema=False)
async def show_feed(
    request: AnyRequest,
    whose: Scope = "everyone",
    before: FromQuery[str] = "",
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
    )


def _more(only_team: bool, shown: list[posts.PostKey]) -> str:
    return f"/recognition?scope={'team' if only_team else 'everyone'}&before={shown[-1].seq}"


@get("/recognition/posts/{post_id:uuid}", guards=[signed_in], include_in_schema=False)
async def show_post(request: AnyRequest, post_id: FromPath[UUID]) -> Response[str]:
    """A fragment: one post, as a live hint names it."""
    key = await posts.load_post(viewer_of(request), post_id)
    return _fragment(request, "\n".join(await fragments.draw_posts(request, [key])))


@get("/recognition/week", guards=[signed_in], include_in_schema=False)
async def show_week(request: AnyRequest) -> Response[str]:
    """A fragment: this week's milestones, as they stand beside the posts."""
    viewer = viewer_of(request)
    newest = await posts.feed_keys(viewer, limit=1)
    beside = await content.beside(viewer, newest[0].seq if newest else 0)
    return render(request, "recognition/_week.html", beside=beside)


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
    content.forget_beside()
    told = json.dumps({"toast": {"text": _("The post is out of the feed."), "kind": "good"}})
    return Response("", media_type="text/html", headers={"HX-Trigger": told})


def _fragment(request: AnyRequest, html: str) -> Response[str]:
    return Response(html, media_type="text/html; charset=utf-8")


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
    topics = hints.topics_of(viewer, only_team=only_team) | {own}
    return live_response(request, broker, topics, replay=replay, person=viewer.id)


pages: list[Any] = [
    show_feed,
    show_post,
    show_week,
    cheer_post,
    hide_post,
    show_wall,
    stream_feed,
    *card_pages.pages,
    *thanks_pages.pages,
]
