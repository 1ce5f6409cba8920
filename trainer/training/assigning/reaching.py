"""Handing out what was assigned: to those who are meant now, and to whoever joins them later.

Handing out is one statement that skips whoever has the module open, or did or was let off its present
version; what many people are given at once is handed out by a job, some hundred people at a time.
Invariant: an assignment reaches each person once, however often its job runs and however many process it.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

from trainer import db, jobs
from trainer.people.days import day_of
from trainer.people.service import people_by_ids
from trainer.problems import Invalid
from trainer.training import queries as training_queries
from trainer.training.assigning import queries
from trainer.training.assigning.queries import Whom
from trainer.training.notices import tell_given, tell_moved
from trainer.web.i18n import _

I18n = Mapping[str, str]

CHUNK = 500  # people whom the job reaches in one transaction
EVER = datetime(2000, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class What:
    """What is given: one module or a list, and its modules with their places."""

    code: str
    title: I18n
    modules: Mapping[UUID, int]
    titles: Mapping[UUID, I18n]
    module: UUID | None = None
    curriculum: UUID | None = None


async def what_of(module: str | None, curriculum: str | None) -> What:
    """What these codes name. Raises Invalid unless it is one published module, or one list with such modules."""
    if bool(module) == bool(curriculum):
        raise Invalid.field("module", "missing", _("Choose a module or a list of modules."))
    if module:
        row = await training_queries.version_of_code(module, "published")
        if row is None:
            raise Invalid.field("module", "unknown", _("There is no such published module."))
        title = json.loads(row["title"])
        return What(module, title, {row["module"]: 0}, {row["module"]: title}, module=row["module"])
    rows = await queries.curriculum_modules(str(curriculum))
    if not rows:
        raise Invalid.field("curriculum", "unknown", _("There is no such list with published modules."))
    return What(
        str(curriculum),
        json.loads(rows[0]["curriculum_title"]),
        {row["module"]: row["position"] for row in rows},
        {row["module"]: json.loads(row["title"]) for row in rows},
        curriculum=rows[0]["curriculum"],
    )


async def hand_out(
    assignment: UUID,
    what: What,
    whom: Whom,
    created_at: datetime,
    due_on: date | None,
    *,
    replace: bool = True,
) -> int:
    """Inside a transaction: enrols those meant who have it neither open nor done nor waived; returns how many were.

    A due day also becomes that of what they have open, with `replace` in place of another one.
    """
    now = db.utc_now()
    if due_on is not None and due_on >= day_of(now, ""):
        await queries.set_due(assignment, whom, list(what.modules), due_on, replace=replace)
    return await queries.hand_out(
        assignment,
        whom,
        what.modules,
        waived_since=created_at if whom.people else EVER,
        today=day_of(now, ""),
        now=now,
    )


@jobs.job("reach_everybody", lease_seconds=120)
async def reach_everybody(context: jobs.JobContext, assignment: str, enrol: bool, due: bool) -> None:
    """Tells everybody of an assignment; with `enrol` enrols them first, with `due` moves the due day of what they
    have open. In parts, each a transaction.
    """
    row = await queries.assignment(UUID(assignment))
    if row is None or (found := await _what_and_whom(row)) is None:
        return
    what, whom = found
    everybody, after, done = await queries.count_people(whom), None, 0
    while people := await queries.assigned_people(whom, after, CHUNK):
        part = Whom(whom.team, whom.role, whom.people, among=tuple(people))
        async with db.transaction():
            await db.lock("assigning")
            if (await queries.assignment_ended(row["id"])) is not False:
                return
            if enrol:
                day = row["due_on"] if due else None
                await hand_out(row["id"], what, part, row["created_at"], day)
            await _tell(row, people)
        after, done = people[-1], done + len(people)
        await context.progress(min(done, everybody), everybody)


async def _what_and_whom(row: Mapping[str, Any]) -> tuple[What, Whom] | None:
    """What was given to whom; None when it was a list that is archived by now."""
    codes = {"module": row["code"], "curriculum": None}
    if row["curriculum"]:
        codes = {"module": None, "curriculum": row["code"]}
    try:
        what = await what_of(**codes)
    except Invalid:
        return None
    people = () if row["team"] or row["role"] else tuple(await queries.named_in(row["id"]))
    return what, Whom(team=row["team"], role=row["role"], people=people)


async def _tell(row: Mapping[str, Any], people: list[UUID]) -> None:
    await tell_given(
        await queries.given_by(row["id"], people),
        source=f"assigned:{row['id']}",
        href=f"/learn/assigned/{row['id']}",
        title=json.loads(row["title"] or "{}"),
        due_on=row["due_on"],
        by=row["assigned_by"],
        of_list=bool(row["curriculum"]),
    )
    await tell_moved(
        await queries.moved_by(row["id"], people),
        source=f"moved:{row['id']}",
        title=json.loads(row["title"] or "{}"),
        due_on=row["due_on"],
        by=row["assigned_by"],
    )


@jobs.on("person_joined")
async def assign_to_newcomer(context: jobs.JobContext, event: dict[str, Any]) -> None:
    """Who joins a team, or comes with a role, gets what was assigned to it."""
    await _reach(UUID(event["person"]))


@jobs.on("person_edited")
async def assign_to_mover(context: jobs.JobContext, event: dict[str, Any]) -> None:
    """Who changes to another team, or gets another role, gets what was assigned to it."""
    if {"team", "roles"} & set(event["fields"]):
        await _reach(UUID(event["person"]))


async def _reach(person: UUID) -> None:
    whose = (await people_by_ids([person])).get(person)
    if whose is None or not whose.active:
        return
    for assignment in await queries.assignments_for(whose.team, sorted(whose.roles)):
        async with db.transaction():
            await db.lock("assigning")
            row = await queries.assignment(assignment)
            found = await _what_and_whom(row) if row else None
            if row is None or found is None or row["ended_at"] is not None:
                continue
            what, whom = found
            one = Whom(whom.team, whom.role, whom.people, among=(person,))
            made = await hand_out(assignment, what, one, row["created_at"], row["due_on"], replace=False)
            if made:
                await _tell(row, [person])


async def reach_again(curriculum: UUID) -> None:
    """Inside a transaction: a list has grown, so that everybody who was given it gets what is new in it."""
    for assignment in await queries.assignments_of_curriculum(curriculum):
        await jobs.enqueue(
            reach_everybody,
            {"assignment": str(assignment), "enrol": True, "due": False},
            dedupe=f"reach:{assignment}",
        )
