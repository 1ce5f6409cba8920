"""JSON API of the feed and of occasions."""

from datetime import date, timedelta
from typing import Annotated, Any
from uuid import UUID

import msgspec
from litestar import Request, Response, delete, get, post, put
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter

from trainer import db
from trainer.people.days import day_of
from trainer.problems import Invalid
from trainer.recognition import cards, occasions, posts
from trainer.recognition.cards import Card
from trainer.recognition.lines import Line
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
SIGNING = scope("occasions:write")


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
        told["occasion"] = {
            "id": str(view.occasion) if view.occasion else None,
            "on": view.params["on"],
            "years": view.params["years"],
            "lines": [shown_line(line) for line in view.lines],
        }
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
    """The API's form of an occasion. `marked`: its day has come. `card` is there for who may see or sign it."""
    return {
        "id": str(view.id) if view.id else f"{view.kind}:{view.person}:{view.on}",
        "kind": view.kind,
        "person": {"id": str(view.person), "name": view.person_name},
        "on": view.on.isoformat(),
        "years": view.years,
        "marked": view.marked,
        "card": _card_of(view),
    }


def _card_of(view: OccasionView) -> dict[str, Any] | None:
    if view.marked:
        return {"open": False, "lines": [shown_line(line) for line in view.lines]}
    return {"open": True, "signed": view.signed, "lines": []} if view.may_sign else None


def shown_line(line: Line) -> dict[str, Any]:
    """The API's form of a line on a card."""
    return {
        "id": str(line.id),
        "author": _named(line.author, line.author_name),
        "words": line.words,
        "written_at": as_utc(line.created_at),
        "edited_at": as_utc(line.edited_at),
    }


def shown_card(card: Card) -> dict[str, Any]:
    """The API's form of one occasion with its card: until the day `lines` holds your own line at most."""
    return {
        "id": str(card.id),
        "kind": card.kind,
        "person": {"id": str(card.person), "name": card.person_name},
        "on": card.on.isoformat(),
        "years": card.years,
        "marked": card.delivered,
        "card": {
            "open": card.open,
            "written": card.written,
            "signed": card.mine is not None,
            "lines": [shown_line(line) for line in card.lines],
        },
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


class LineIn(msgspec.Struct, forbid_unknown_fields=True):
    """One line, at most 280 characters."""

    words: str


@get("/occasions/{occasion:str}", guards=[OCCASIONS])
async def read_occasion(request: ApiRequest, occasion: FromPath[str]) -> dict[str, Any]:
    """One occasion whose card you may sign or see. Whom it is about: from the day on, 404 before."""
    return shown_card(await cards.load_card(viewer_of(request), identifier(occasion)))


@post("/occasions/{occasion:str}/lines", guards=[SIGNING])
async def write_line(
    request: ApiRequest, occasion: FromPath[str], data: JSONBody[LineIn]
) -> Response[dict[str, Any]]:
    """Writes your one line on an open card (201), or puts other words in its place (200). 409 from the day on."""
    viewer, card = viewer_of(request), identifier(occasion)
    new = await cards.write_line(viewer, card, data.words)
    shown_now = shown_card(await cards.load_card(viewer, card))
    where = {"Location": f"/api/v1/occasions/{card}"}
    return Response(shown_now, status_code=201 if new else 200, headers=where if new else None)


@delete("/occasions/{occasion:str}/lines/{line:str}", guards=[SIGNING], status_code=204)
async def remove_line(request: ApiRequest, occasion: FromPath[str], line: FromPath[str]) -> None:
    """Takes a line off: your own; from the day on also one on your card, or as its team's lead or an admin."""
    await cards.remove_line(viewer_of(request), identifier(occasion), identifier(line))


routes: list[Any] = [
    read_feed,
    read_post,
    cheer,
    take_back,
    hide,
    list_occasions,
    read_occasion,
    write_line,
    remove_line,
]
