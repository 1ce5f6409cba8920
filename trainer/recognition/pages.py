"""What the feed's pages hold besides posts: what is coming up, this week's milestones, the wall, the
choices of the form. Invariant: everything here passes the same rights as the posts themselves.
"""

import json
import time
from collections import OrderedDict
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from trainer import db
from trainer.people.days import day_of, zone_of
from trainer.people.service import all_people
from trainer.recognition import queries
from trainer.recognition.occasions import OccasionView, upcoming
from trainer.recognition.posts import PostView, views_of
from trainer.rulebook.service import behaviour_titles, published_rules, values
from trainer.web.i18n import _, text_in
from trainer.web.session import Viewer

AHEAD = timedelta(days=7)
MOST_AHEAD = 6
MOST_MILESTONES = 5
BESIDE_KEPT_S = 30.0
MOST_KEPT = 500
WALL_DAYS = timedelta(days=21)
ON_THE_WALL = 5


@dataclass(frozen=True, slots=True)
class MilestoneLine:
    """One person's milestone, for a short list."""

    person: UUID
    name: str
    title: dict[str, str]
    at: datetime


@dataclass(frozen=True, slots=True)
class Beside:
    """What stands beside the feed."""

    today: date
    ahead: list[OccasionView]
    milestones: list[MilestoneLine]


_beside: OrderedDict[tuple[Any, ...], tuple[float, Beside]] = OrderedDict()


async def beside(viewer: Viewer, newest: int) -> Beside:
    """Occasions of the next seven days and this week's milestones: three queries, kept for half a minute.

    `newest` is the newest place in the feed: with a new post it is read anew.
    """
    today = day_of(db.utc_now(), viewer.time_zone)
    key = (viewer.id, viewer.team, viewer.roles, viewer.time_zone, newest, today)
    kept = _beside.get(key)
    if kept is None or kept[0] < time.monotonic():
        kept = _beside[key] = (time.monotonic() + BESIDE_KEPT_S, await _read_beside(viewer, today))
        while len(_beside) > MOST_KEPT:
            _beside.popitem(last=False)
    return kept[1]


def forget_beside_of(viewer: Viewer) -> None:
    """Read it anew for one person, who has just signed a card."""
    for key in [key for key in _beside if key[0] == viewer.id]:
        del _beside[key]


def forget_beside() -> None:
    """Read it anew."""
    _beside.clear()


async def _read_beside(viewer: Viewer, today: date) -> Beside:
    ahead = await upcoming(viewer, today, today + AHEAD)
    week = datetime.combine(today - timedelta(days=6), datetime.min.time(), zone_of(viewer.time_zone))
    rows = await queries.milestones_since(
        week, viewer=viewer.id, team=viewer.team, all_teams=viewer.has("admin"), limit=MOST_MILESTONES
    )
    lines = [
        MilestoneLine(row["person"], row["name"], json.loads(row["params"])["title"], row["at"])
        for row in rows
    ]
    return Beside(today, ahead[:MOST_AHEAD], lines)


@dataclass(frozen=True, slots=True)
class Choices:
    """What the form of thanks offers: people, and behaviours as (group, [(kind:code, words)])."""

    people: list[dict[str, Any]]
    behaviours: list[tuple[str, list[tuple[str, str]]]]


async def choices(viewer: Viewer) -> Choices:
    """Everybody else who works here, the own team first; published rules under their wants, and the values."""
    people = [person for person in await all_people() if person.id != viewer.id]
    own = [person for person in people if viewer.team is not None and person.team == viewer.team]
    others = [person for person in people if person not in own]
    groups: dict[str, list[tuple[str, str]]] = {
        _("Our values"): [(f"value:{value.code}", text_in(value.title)) for value in await values()]
    }
    for rule in (await published_rules()).values():
        group = _("Rule: %(want)s") % {"want": text_in(rule.want_title)}
        groups.setdefault(group, []).append((f"rule:{rule.code}", text_in(rule.title)))
    return Choices(
        people=[
            {"value": str(person.id), "label": person.name, "sub": person.team_name}
            for person in own + others
        ],
        behaviours=[(group, options) for group, options in groups.items() if options],
    )


@dataclass(frozen=True, slots=True)
class Wall:
    """The wallboard: one quote, five people, three totals. Only posts that everyone may read."""

    quote: PostView | None
    quote_title: str
    people: list[PostView]
    totals: dict[str, int]


async def wall() -> Wall:
    """What a wallboard shows now. A quote is the newest thanks to everyone that fits a large board."""
    now = db.utc_now()
    ids = await queries.wall_posts(now - WALL_DAYS, 30)
    by_id = await views_of(ids)
    newest = [by_id[post] for post in ids if post in by_id]
    thanks = [post for post in newest if post.kind == "appreciation"]
    short = [post for post in thanks if len(post.message) <= 160]
    quote = next(iter(short or thanks), None)
    titles = await behaviour_titles([(quote.behaviour_kind, quote.behaviour_code)] if quote else [])
    people: dict[UUID | None, PostView] = {}
    for post in newest:
        if post is not quote:
            people.setdefault(post.person, post)
    return Wall(
        quote=quote,
        quote_title=text_in(next(iter(titles.values()), None)),
        people=list(people.values())[:ON_THE_WALL],
        totals=await queries.wall_totals(now - timedelta(days=7)),
    )
