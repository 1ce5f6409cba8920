"""The daily look at the calendar: full months, work anniversaries and birthdays, each marked once.

It runs every hour, because "today" is the person's day: each person is looked at once their own day has
begun. Days that were missed (the machine was off) are caught up once. Invariant: an occasion is one row
(person, kind, day) and one post with a unique source; nobody's birthday is shown unless they opted in; and
a date that is corrected afterwards does not make the same occasion come twice.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from trainer import db, facts, jobs
from trainer.people.days import day_of
from trainer.recognition import posts, queries
from trainer.recognition.calendar import Falling, days_to_look_at, falling
from trainer.recognition.tables import Occasion
from trainer.web.session import Viewer

CATCH_UP_DAYS = 31
LONGEST_RANGE = timedelta(days=366)
# How far apart two of a kind must be: a date corrected by less is the same occasion.
APART = {
    "full_month": timedelta(days=40_000),
    "work_anniversary": timedelta(days=60),
    "birthday": timedelta(days=60),
}


@dataclass(frozen=True, slots=True)
class OccasionView:
    """An occasion as somebody may see it. `id` is None for one that is still to come."""

    id: UUID | None
    kind: str
    on: date
    years: int | None
    person: UUID
    person_name: str

    @property
    def key(self) -> tuple[date, str, str]:
        """What lists are sorted by."""
        return self.on, str(self.person), self.kind


@jobs.schedule("celebrate_occasions", every=timedelta(hours=1))
async def celebrate_occasions(context: jobs.JobContext) -> None:
    """Marks everything that has fallen by now."""
    await celebrate(db.utc_now())


async def celebrate(now: datetime) -> int:
    """Marks what falls on each person's today and on missed days. Returns how many were new."""
    last_looked = await _last_looked()
    new = 0
    for person in await queries.celebrated_people():
        first, last = days_to_look_at(day_of(now, person["time_zone"]), last_looked, most=CATCH_UP_DAYS)
        for item in _of(person, first, last):
            new += await _mark(person, item, now)
    today = now.date().isoformat()
    await facts.record(
        "occasions_looked", person=None, subject=today, at=now, source=f"occasions_looked:{today}"
    )
    return new


async def _last_looked() -> date | None:
    """Two days before the last run's (zones behind UTC are a day late). None at the first run."""
    day = await queries.last_looked()
    return date.fromisoformat(day) - timedelta(days=2) if day else None


def _of(person: dict[str, Any], first: date, last: date) -> Iterable[Falling]:
    opted_in = person["birthday"] if person["birthday_scope"] != "nobody" else None
    return falling(
        first, last, hired_on=person["hired_on"], birthday_on=opted_in, leap_day=person["leap_day"] or "02-28"
    )


async def _mark(person: dict[str, Any], item: Falling, now: datetime) -> bool:
    async with db.transaction():
        await db.lock(f"occasions:{person['id']}")
        apart = APART[item.kind]
        if await queries.marked_between(
            person["id"], item.kind, days_after(item.on, -apart), days_after(item.on, apart)
        ):
            return False
        row = Occasion(person=person["id"], kind=item.kind, on=item.on, years=item.years, created_at=now)
        await Occasion.insert(row)
        scope = person["birthday_scope"] if item.kind == "birthday" else "team"
        if scope == "everyone" or person["team"]:
            await posts.add_post(
                item.kind,
                person=person["id"],
                team=person["team"],
                scope=scope,
                params={"years": item.years, "on": item.on.isoformat()},
                source=f"{item.kind}:{person['id']}:{item.on}",
                at=now,
            )
    return True


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

    Those that were marked are read; those still to come are reckoned. Birthdays: the own one, those that a
    lead's people opted in, and on the day itself whoever may see the post.
    """
    last = min(last, days_after(first, LONGEST_RANGE))
    today = day_of(db.utc_now(), viewer.time_zone)
    marked = await queries.occasions_between(
        first, last, viewer=viewer.id, team=viewer.team, all_teams=viewer.has("admin", "manager")
    )
    found = [
        OccasionView(row["id"], row["kind"], row["on"], row["years"], row["person"], row["name"])
        for row in marked
    ]
    there = {(view.person, view.kind, view.on) for view in found}
    ahead = await upcoming(viewer, max(first, today), last) if last >= today else []
    found += [view for view in ahead if (view.person, view.kind, view.on) not in there]
    ordered = sorted(found, key=lambda view: view.key)
    return [view for view in ordered if after is None or view.key > after][:limit]


async def upcoming(viewer: Viewer, first: date, last: date) -> list[OccasionView]:
    """What the viewer may know to be coming, in order of the day: one query."""
    found: list[OccasionView] = []
    for person in await queries.celebrated_people(
        viewer=viewer.id, team=viewer.team, all_teams=viewer.has("admin", "manager")
    ):
        for item in _of(person, first, last):
            if item.kind != "birthday" or _may_foresee(viewer, person):
                view = OccasionView(None, item.kind, item.on, item.years, person["id"], person["name"])
                found.append(view)
    return sorted(found, key=lambda view: view.key)


def _may_foresee(viewer: Viewer, person: dict[str, Any]) -> bool:
    """A birthday ahead of its day: the own one, or an opted-in one of the lead's team."""
    own_team = viewer.team is not None and viewer.team == person["team"]
    return viewer.id == person["id"] or (viewer.has("team_lead") and own_team)
