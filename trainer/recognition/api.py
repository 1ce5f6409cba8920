"""JSON API of the feed and of occasions."""

from datetime import date, timedelta
from typing import Annotated, Any
from uuid import UUID

from litestar import Request, Response, delete, get, put
from litestar.params import FromPath, FromQuery, QueryParameter

from trainer import db
from trainer.people.days import day_of
from trainer.problems import Invalid
from trainer.recognition import occasions, posts
from trainer.recognition.occasions import OccasionView
from trainer.recognition.posts import PostKey, PostView
from trainer.web.api import as_utc, identifier, key_of, page_of, read_page
from trainer.web.guards import scope
from trainer.web.i18n import _, text_in
from trainer.web.session import viewer_of

ApiRequest = Request[Any, Any, Any]
READ = scope("feed:read")
WRITE = scope("feed:write")
OCCASIONS = scope("occasions:read")


def _named(person: UUID | None, name: str) -> dict[str, str] | None:
    return {"id": str(person), "name": name} if person else None


def shown(key: PostKey, view: PostView) -> dict[str, Any]:
    """The API's form of a post. Milestones: `code`, and words in the reader's language."""
    told: dict[str, Any] = {
        "id": str(view.id),
        "kind": view.kind,
        "at": as_utc(view.at),
        "scope": view.scope,
        "person": _named(view.person, view.person_name),
        "thanked": key.thanked,
        "thanks_from": [_named(person, name) for person, name in view.cheers],
    }
    if view.kind == "appreciation":
        told["appreciation"] = {
            "id": str(view.appreciation),
            "author": _named(view.author, view.author_name),
            "to": [_named(person, name) for person, name in view.to],
            "behaviour": view.behaviour_code,
            "behaviour_kind": view.behaviour_kind,
            "message": view.message,
            "edited_at": as_utc(view.edited_at),
        }
    elif view.kind == "milestone":
        words = {name: text_in(view.params[name]) for name in ("title", "why", "level")}
        told["milestone"] = {"code": view.params["code"], **words}
    else:
        told["occasion"] = {"on": view.params["on"], "years": view.params["years"]}
    return told


@get("/feed", guards=[READ])
async def read_feed(
    request: ApiRequest,
    limit: FromQuery[int] = 50,
    cursor: FromQuery[str | None] = None,
    whose: Annotated[str, QueryParameter(name="scope")] = "everyone",
) -> dict[str, Any]:
    """Posts you may read, newest first; `scope=team` for those of your own team."""
    if whose not in ("everyone", "team"):
        raise Invalid.field("scope", "unknown", _("scope is everyone or team."))
    page = read_page(limit, cursor)
    after = key_of(page, int)
    keys = await posts.feed_keys(
        viewer_of(request),
        only_team=whose == "team",
        before=after[0] if after else None,
        limit=page.limit + 1,
    )
    views = await posts.views_of([key.id for key in keys])
    there = [key for key in keys if key.id in views]
    return page_of(there, page, lambda key: shown(key, views[key.id]), lambda key: [key.seq])


@get("/feed/{post:str}", guards=[READ])
async def read_post(request: ApiRequest, post: FromPath[str]) -> dict[str, Any]:
    """One post."""
    return await _one(await posts.load_post(viewer_of(request), identifier(post)))


@put("/feed/{post:str}/thanks", guards=[WRITE])
async def cheer(request: ApiRequest, post: FromPath[str]) -> dict[str, Any]:
    """Join in the thanks. Nobody thanks for a post about themselves: 403."""
    return await _one(await posts.cheer(viewer_of(request), identifier(post), on=True))


@delete("/feed/{post:str}/thanks", guards=[WRITE], status_code=200)
async def take_back(request: ApiRequest, post: FromPath[str]) -> dict[str, Any]:
    """Take your own thanks for a post back."""
    return await _one(await posts.cheer(viewer_of(request), identifier(post), on=False))


@delete("/feed/{post:str}", guards=[WRITE], status_code=204)
async def hide(request: ApiRequest, post: FromPath[str]) -> None:
    """Take a post out of the feed: its author, whom it is about, the team's lead, an admin."""
    await posts.hide_post(viewer_of(request), identifier(post))


async def _one(key: PostKey) -> dict[str, Any]:
    return shown(key, (await posts.views_of([key.id]))[key.id])


def shown_occasion(view: OccasionView) -> dict[str, Any]:
    """The API's form of an occasion. `marked`: its day has come, and it was found by the daily job."""
    return {
        "id": str(view.id) if view.id else f"{view.kind}:{view.person}:{view.on}",
        "kind": view.kind,
        "person": {"id": str(view.person), "name": view.person_name},
        "on": view.on.isoformat(),
        "years": view.years,
        "marked": view.id is not None,
    }


@get("/occasions", guards=[OCCASIONS])
async def list_occasions(
    request: ApiRequest,
    from_: Annotated[str, QueryParameter(name="from")] = "",
    to: FromQuery[str] = "",
    limit: FromQuery[int] = 50,
    cursor: FromQuery[str | None] = None,
) -> Response[Any]:
    """Full months, work anniversaries and birthdays you may see, from a day to a day (30 days on, if none)."""
    viewer = viewer_of(request)
    page = read_page(limit, cursor)
    first = _day("from", from_) or day_of(db.utc_now(), viewer.time_zone)
    last = _day("to", to) or occasions.days_after(first, timedelta(days=30))
    after = key_of(page, date.fromisoformat, str, str)
    views = await occasions.visible_occasions(viewer, first, last, limit=page.limit + 1, after=after)
    return Response(page_of(views, page, shown_occasion, lambda view: [str(part) for part in view.key]))


def _day(name: str, value: str) -> date | None:
    try:
        return date.fromisoformat(value) if value else None
    except ValueError as error:
        raise Invalid.field(name, "not-a-day", _("Give a day such as 2026-11-23.")) from error


routes: list[Any] = [read_feed, read_post, cheer, take_back, hide, list_occasions]
