"""Full months, work anniversaries and birthdays as people may see them, before and after their day.

Each is shown as far as its owner chose (nobody, team, everyone). Invariant: whom an occasion is about sees
of it what the calendar says and nothing more, until the day has begun where they are; ahead of its day
nobody but the own team hears of one, and of a birthday its lead alone, until a card is open.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any
from uuid import UUID

from trainer import db
from trainer.people.days import day_of
from trainer.people.sight import reach, same_team
from trainer.recognition import card_queries, queries
from trainer.recognition.calendar import Falling, falling
from trainer.recognition.lines import Line, lines_on
from trainer.web.session import Viewer

LONGEST_RANGE = timedelta(days=366)
SCOPE_OF = {
    "full_month": "full_month_scope",
    "work_anniversary": "anniversary_scope",
    "birthday": "birthday_scope",
}


@dataclass(frozen=True, slots=True)
class OccasionView:
    """An occasion as somebody may see it. `id` is None for one that they know from the calendar alone.

    `marked`: its day has come. `may_sign`: its card is open and the viewer may write on it; `signed`: they
    have. `lines` are there from the day on.
    """

    id: UUID | None
    kind: str
    on: date
    years: int | None
    person: UUID
    person_name: str
    marked: bool = False
    may_sign: bool = False
    signed: bool = False
    lines: tuple[Line, ...] = ()

    @property
    def key(self) -> tuple[date, str, str]:
        """What lists are sorted by."""
        return self.on, str(self.person), self.kind


def of_person(person: dict[str, Any], first: date, last: date, *, own: bool = False) -> Iterable[Falling]:
    """What falls for a person in these days and may be celebrated; `own`: also what they keep to themselves."""
    for item in falling(
        first,
        last,
        hired_on=person["hired_on"],
        birthday_on=person["birthday"],
        leap_day=person["leap_day"] or "02-28",
    ):
        if own or person[SCOPE_OF[item.kind]] != "nobody":
            yield item


def days_after(day: date, days: timedelta) -> date:
    """A day so much later (or earlier), at the ends of the calendar the last (or first) there is."""
    try:
        return day + days
    except OverflowError:
        return date.min if days < timedelta(0) else date.max


async def visible_occasions(
    viewer: Viewer, first: date, last: date, *, limit: int, after: tuple[date, str, str] | None = None
) -> list[OccasionView]:
    """Occasions of the days given that the viewer may see, at most a year of them, in order of the day.

    Those whose day has come are read, with their cards; those still to come are reckoned.
    """
    last = min(last, days_after(first, LONGEST_RANGE))
    today = day_of(db.utc_now(), viewer.time_zone)
    rows = await queries.occasions_between(first, last, viewer=viewer.id, team=viewer.team)
    cards = await lines_on([row["id"] for row in rows])
    found = [
        OccasionView(
            row["id"], row["kind"], row["on"], row["years"], row["person"], row["name"], marked=True,
            lines=tuple(cards.get(row["id"], ())),
        )
        for row in rows
    ]  # fmt: skip
    there = {(view.person, view.kind, view.on) for view in found}
    # a day begins in the east: what is ahead somewhere may be yesterday's here
    start = max(first, today - timedelta(days=1))
    ahead = await upcoming(viewer, start, last) if last >= start else []
    found += [
        view
        for view in ahead
        if (view.person, view.kind, view.on) not in there and (view.may_sign or view.on >= today)
    ]
    ordered = sorted(found, key=lambda view: view.key)
    return [view for view in ordered if after is None or view.key > after][:limit]


async def upcoming(
    viewer: Viewer, first: date | None = None, last: date | None = None, *, days: int = 7
) -> list[OccasionView]:
    """What the viewer may know to be coming, in order of the day, from today on for `days`: two queries.

    A card that they may sign is named by its id. Their own occasions are there as the calendar has them.
    """
    today = day_of(db.utc_now(), viewer.time_zone)
    first = today if first is None else first
    last = days_after(first, timedelta(days=days)) if last is None else last
    found = {
        view.key: view
        for person in await queries.celebrated_people(viewer=viewer.id, team=viewer.team)
        for item in of_person(person, first, last, own=person["id"] == viewer.id)
        if _may_foresee(viewer, person, item.kind)
        for view in [
            OccasionView(None, item.kind, item.on, item.years, person["id"], person["name"]),
        ]
    }
    now = db.utc_now()
    for row in await card_queries.open_cards(viewer.id, viewer.team):
        if first <= row["on"] <= last and day_of(now, row["time_zone"]) < row["on"]:
            signed = row["line"] is not None
            card = OccasionView(
                row["id"], row["kind"], row["on"], row["years"], row["person"], row["name"],
                may_sign=True, signed=signed,
            )  # fmt: skip
            found[card.key] = card
    return sorted(found.values(), key=lambda view: view.key)


def _may_foresee(viewer: Viewer, person: dict[str, Any], kind: str) -> bool:
    """The own ones; of the team's those that their owners share, birthdays for its lead alone."""
    if viewer.id == person["id"]:
        return True
    if kind == "birthday":
        return reach(viewer, "occasions", person=person["id"], team=person["team"]) == "each"
    return same_team(viewer, person["team"])
