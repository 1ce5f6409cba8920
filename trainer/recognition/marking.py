"""The daily look at the calendar: a card is opened three days ahead, and on the day the post is made, once.

It runs every hour, because "today" is the person's day: each person is looked at once their own day has
begun. Days that were missed (the machine was off) are caught up once, with what colleagues had written.
Invariant: an occasion is one row (person, kind, day) and one post with a unique source; nothing is opened or
posted that its owner keeps to themselves; a date that is corrected afterwards takes its card along and does
not make the same occasion come twice.
"""

from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from trainer import db, facts, jobs
from trainer.notices.service import notify, notify_many, withdraw
from trainer.people.days import day_of
from trainer.recognition import card_queries, posts, queries
from trainer.recognition.calendar import Falling, days_to_look_at
from trainer.recognition.cards import notice_of, warning_of
from trainer.recognition.notices import CARD_EMPTY, CARD_OPEN, CARD_WRITTEN
from trainer.recognition.occasions import SCOPE_OF, days_after, of_person
from trainer.recognition.tables import Occasion

CATCH_UP_DAYS = 31
AHEAD = timedelta(days=3)
DAY = timedelta(days=1)
# How far apart two of a kind must be: a date corrected by less is the same occasion.
SAME = timedelta(days=60)
APART = {"full_month": timedelta(days=40_000), "work_anniversary": SAME, "birthday": SAME}
# What somebody's occasions and cards depend on.
MATTERS = {"hired_on", "birthday", "leap_day", "time_zone", "team", "buddy", "manager", *SCOPE_OF.values()}

Row = dict[str, Any]


@jobs.schedule("celebrate_occasions", every=timedelta(hours=1))
async def celebrate_occasions(context: jobs.JobContext) -> None:
    """Opens, settles and marks everything by now."""
    await celebrate(db.utc_now())


async def celebrate(now: datetime) -> int:
    """Looks at everybody's calendar as of `now`. Returns how many occasions were newly marked."""
    last_looked = await _last_looked()
    cards: dict[UUID, list[Row]] = {}
    for card in await card_queries.unmarked():
        cards.setdefault(card["person"], []).append(card)
    new = 0
    for person in await queries.celebrated_people():
        new += await _look_at(person, cards.pop(person["id"], []), now, last_looked)
    for card in [card for left in cards.values() for card in left]:  # of people who are not here any more
        await _close(card)
    today = now.date().isoformat()
    await facts.record(
        "occasions_looked", person=None, subject=today, at=now, source=f"occasions_looked:{today}"
    )
    return new


async def look_at_person(person: UUID) -> None:
    """Looks at one person's calendar at once: they chose anew, or what their day depends on was corrected."""
    now = db.utc_now()
    cards = await card_queries.unmarked(person)
    rows = await queries.celebrated_people(only=person)
    if rows:
        await _look_at(rows[0], cards, now, day_of(now, rows[0]["time_zone"]))
    else:
        for card in cards:
            await _close(card)


async def _last_looked() -> date | None:
    """Two days before the last run's (zones behind UTC are a day late). None at the first run."""
    day = await queries.last_looked()
    return date.fromisoformat(day) - timedelta(days=2) if day else None


async def _look_at(person: Row, cards: list[Row], now: datetime, last_looked: date | None) -> int:
    today = day_of(now, person["time_zone"])
    first, last = days_to_look_at(today, last_looked, most=CATCH_UP_DAYS)
    cards = [card for card in cards if await _settled(person, card, first)]
    there = {(card["kind"], card["on"]) for card in cards}
    due = [Falling(card["kind"], card["on"], card["years"]) for card in cards if card["on"] <= today]
    new = 0
    for item in {*due, *of_person(person, first, last)}:
        new += await _mark(person, item, now)
    for item in of_person(person, today + DAY, days_after(today, AHEAD)):
        if (item.kind, item.on) not in there:
            opened = await _open(person, item, now)
            cards += [opened] if opened else []
    for card in cards:
        if card["on"] > today:
            await _tell(card, now, today)
    return new


# A card before its day


async def _settled(person: Row, card: Row, first: date) -> bool:
    """Makes an open card agree with the calendar as it is now; False when it is closed."""
    around = of_person(person, days_after(card["on"], -SAME), days_after(card["on"], SAME))
    same = [item for item in around if item.kind == card["kind"]]
    item = min(same, key=lambda item: abs(item.on - card["on"]), default=None)
    if item is None or (item.on < first and not card["written"]):
        await _close(card)
        return False
    if (item.on, item.years) != (card["on"], card["years"]):
        if not await card_queries.move(card["id"], item.on, item.years):
            await _close(card)
            return False
        await _withdraw(card["id"])
        card |= {"on": item.on, "years": item.years, "told_at": None}
    return True


async def _close(card: Row) -> None:
    async with db.transaction():
        if await card_queries.close(card["id"]):
            await _withdraw(card["id"])


async def _withdraw(card: UUID) -> None:
    await withdraw(notice_of(card))
    await withdraw(warning_of(card))


async def _open(person: Row, item: Falling, now: datetime) -> Row | None:
    async with db.transaction():
        await db.lock(f"occasions:{person['id']}")
        if await _there_already(person, item):
            return None
        row = Occasion(person=person["id"], kind=item.kind, on=item.on, years=item.years, created_at=now)
        await Occasion.insert(row)
    return {
        "id": row.id, "person": person["id"], "kind": item.kind, "on": item.on, "years": item.years,
        "told_at": None, "written": 0,
    }  # fmt: skip


async def _there_already(person: Row, item: Falling) -> bool:
    apart = APART[item.kind]
    return await queries.occasion_between(
        person["id"], item.kind, days_after(item.on, -apart), days_after(item.on, apart)
    )


async def _tell(card: Row, now: datetime, today: date) -> None:
    """Asks whoever may sign for a line, and those who moved away no longer; on the day before, an empty card's lead."""
    signers = await card_queries.signers(card["person"])
    leads = {row["id"] for row in signers if row["leads"]}
    empty = card["on"] - today <= DAY and not card["written"]
    told: dict[str, Any] = {
        "href": f"/recognition/cards/{card['id']}",
        "params": {
            "person": str(card["person"]),
            "kind": card["kind"],
            "years": card["years"],
            "on": card["on"].isoformat(),
        },
    }
    async with db.transaction():
        source = notice_of(card["id"])
        may = {row["id"] for row in signers}
        for gone in await card_queries.told_of(source) - may:
            await withdraw(source, gone)
        wanted = may - await card_queries.answered(card["id"])
        if empty and card["told_at"] is None and leads and await card_queries.note_told(card["id"], now):
            await notify_many(sorted(leads), CARD_EMPTY, source=warning_of(card["id"]), **told)
        # a lead who hears of an empty card was asked with it
        await notify_many(sorted(wanted - leads if empty else wanted), CARD_OPEN, source=source, **told)


# The day


async def _mark(person: Row, item: Falling, now: datetime) -> bool:
    async with db.transaction():
        await db.lock(f"occasions:{person['id']}")
        card = await card_queries.mark(person["id"], item.kind, item.on, now)
        if card is None:
            if await _there_already(person, item):
                return False
            row = Occasion(
                person=person["id"],
                kind=item.kind,
                on=item.on,
                years=item.years,
                created_at=now,
                marked_at=now,
            )
            await Occasion.insert(row)
            card = row.id
        await _deliver(person, item, card, now)
    return True


async def _deliver(person: Row, item: Falling, card: UUID, now: datetime) -> None:
    """The post with what colleagues wrote; with nothing written it states the fact alone."""
    scope = person[SCOPE_OF[item.kind]]
    late = item.on < day_of(now, person["time_zone"])
    written = await card_queries.is_written(card)
    if scope == "everyone" or person["team"] or written:
        await posts.add_post(
            item.kind,
            person=person["id"],
            team=person["team"],
            scope=scope,
            params={"years": item.years, "on": item.on.isoformat(), "late": late},
            source=f"{item.kind}:{person['id']}:{item.on}",
            at=now,
            occasion=card,
        )
    await _withdraw(card)
    if written:
        await notify(
            person["id"], CARD_WRITTEN, source=f"card_written:{card}", href=f"/recognition/cards/{card}"
        )


# What happens to people in between


@jobs.on("person_edited")
async def follow_person(context: jobs.JobContext, event: dict[str, Any]) -> None:
    """Somebody chose anew, moved, or a date of theirs was corrected; a new name is drawn in their posts."""
    person, fields = UUID(event["person"]), set(event["fields"])
    if fields & MATTERS:
        await look_at_person(person)
    if "name" in fields:
        await card_queries.bump_naming(person)


@jobs.on("person_erased")
async def forget_person(context: jobs.JobContext, event: dict[str, Any]) -> None:
    """No post shows the name any more, no card is open, and the day they were born on is gone."""
    person = UUID(event["person"])
    async with db.transaction():
        for card in await card_queries.unmarked(person):
            await _close(card)
        await card_queries.forget_birthdays(person)
        await card_queries.bump_naming(person)
