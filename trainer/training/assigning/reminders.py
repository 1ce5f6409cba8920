"""Reminders of due days: that one is near, that it is here, that it has passed.

They come in the morning of the person's own day: once in the two days before, once on the day, once after.
Invariant: each is sent once, as the enrolment notes in the same transaction how far its due day was told; a new
due day is told anew. What is done, waived or taken back is no longer reminded of.
"""

import json
from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from trainer import db, jobs
from trainer.notices.service import notify, withdraw
from trainer.people.days import zone_of
from trainer.training import notices  # noqa: F401 - registers the kinds that are sent here
from trainer.training.assigning import queries

MORNING = 8  # o'clock where the person is
DAYS_BEFORE = 2
PART = 200  # reminders in one transaction
STAGES = {1: "soon", 2: "today", 3: "overdue"}


def stage_of(due_on: date, now: datetime, zone: str) -> int:
    """How far a due day is where the person is: 0 far, 1 in the next two days, 2 today, 3 past.

    The former day's stage until the morning: nobody is told at night.
    """
    local = now.astimezone(zone_of(zone))
    today = local.date() if local.hour >= MORNING else local.date() - timedelta(days=1)
    if due_on < today:
        return 3
    return 2 if due_on == today else 1 if due_on <= today + timedelta(days=DAYS_BEFORE) else 0


@jobs.schedule("remind_of_due_days", every=timedelta(hours=1))
async def remind_of_due_days(context: jobs.JobContext) -> None:
    """Tells everybody whose morning it is by now what is due."""
    now, after = db.utc_now(), None
    latest = now.date() + timedelta(days=DAYS_BEFORE + 1)
    while rows := await queries.to_remind(latest, after, PART):
        async with db.transaction():
            for row in rows:
                await _remind(row, now)
        after = rows[-1]["id"]


async def _remind(row: Mapping[str, Any], now: datetime) -> None:
    stage = stage_of(row["due_on"], now, row["time_zone"])
    if stage <= row["reminded"] or not await queries.note_reminded(row["id"], row["due_on"], stage):
        return
    given_today = row["created_at"] > now - timedelta(hours=20)
    if stage == 1 and given_today:  # they have just been told the day
        return
    await _withdraw_until(stage, row)
    await notify(
        row["person"],
        "overdue" if stage == 3 else "due_soon",
        source=_source(stage, row["id"], row["due_on"]),
        href=f"/learn/{row['id']}",
        params={
            "title": json.loads(row["title"]),
            "due": row["due_on"].isoformat(),
            "today": stage == 2,
            "minutes": row["minutes"],
        },
    )


def _source(stage: int, enrolment: UUID, due_on: date) -> str:
    return f"{STAGES[stage]}:{enrolment}:{due_on.isoformat()}"


async def _withdraw_until(stage: int, row: Mapping[str, Any]) -> None:
    """What was said of this due day before is not so any more."""
    for told in range(1, stage):
        await withdraw(_source(told, row["id"], row["due_on"]), row["person"])


async def withdraw_reminders(enrolment: UUID) -> None:
    """Whoever is done, or need not do it, has no reminder under the bell."""
    row = await queries.due_of(enrolment)
    if row and row["due_on"] and row["reminded"]:
        await _withdraw_until(max(STAGES) + 1, row)


@jobs.on("module_completed")
async def forget_reminders(context: jobs.JobContext, event: dict[str, Any]) -> None:
    """The last step may be long after the reminder."""
    await withdraw_reminders(UUID(event["enrolment"]))
