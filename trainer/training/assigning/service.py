"""Giving modules to people: who may, what it would do, doing it, undoing it.

Handing out is one statement that skips whoever has the module open, or did or was let off its present
version; what many people are given at once is handed out by a job, some hundred people at a time.
Invariant: an assignment reaches each person once, however often its job runs and however many process it.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

from trainer import db, jobs
from trainer.notices.service import withdraw
from trainer.people.audit import record_audit
from trainer.people.days import day_of
from trainer.people.service import people_by_ids
from trainer.people.teams import team_exists
from trainer.problems import Conflict, Forbidden, Invalid, NotFound
from trainer.training import queries as training_queries
from trainer.training.assigning import queries
from trainer.training.assigning.queries import Whom
from trainer.training.enrolling import may_follow
from trainer.training.notices import tell_given
from trainer.training.tables import Assignment, AssignmentPerson, Enrolment
from trainer.web.i18n import _
from trainer.web.session import ROLES, Viewer

I18n = Mapping[str, str]

ASSIGNERS = ("trainer", "team_lead")
MOST_NAMED = 1000  # people named one by one in one assignment
AT_ONCE = 5000  # enrolments that are made while the person who assigns waits
CHUNK = 500  # people whom the job reaches in one transaction
EVER = datetime(2000, 1, 1, tzinfo=UTC)
DOUBLE_TAP = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class What:
    """What is given: one module or a list, and its modules with their places."""

    code: str
    title: I18n
    modules: Mapping[UUID, int]
    titles: Mapping[UUID, I18n]
    module: UUID | None = None
    curriculum: UUID | None = None


@dataclass(frozen=True, slots=True)
class Share:
    """Of one module: how many people are meant, and how many have it open, done or waived already."""

    module: UUID
    title: I18n
    people: int
    open: int
    done: int
    waived: int

    @property
    def new(self) -> int:
        return self.people - self.open - self.done - self.waived


@dataclass(frozen=True, slots=True)
class Preview:
    """What an assignment would do: `given` of `people` get something, `done` have done all of it."""

    people: int
    given: int
    done: int
    modules: list[Share]

    @property
    def enrolments(self) -> int:
        return sum(share.new for share in self.modules)


@dataclass(frozen=True, slots=True)
class AssignmentView:
    """One assignment. `named`: how many people it names one by one, `first_named` one of them.

    Of its `enrolled` enrolments, `done` are completed and `not_begun` nobody has begun.
    """

    id: UUID
    code: str
    title: I18n
    module: UUID | None
    curriculum: UUID | None
    team: UUID | None
    team_name: str | None
    role: str | None
    named: int
    first_named: str | None
    due_on: date | None
    assigned_by: UUID | None
    assigner_name: str | None
    created_at: datetime
    ended_at: datetime | None
    job: UUID | None
    enrolled: int
    done: int
    not_begun: int


def _view(row: Mapping[str, Any]) -> AssignmentView:
    return AssignmentView(**{**row, "title": json.loads(row["title"] or "{}")})


# What and whom


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


async def whom_of(
    viewer: Viewer | None, *, people: Sequence[UUID] = (), team: UUID | None = None, role: str | None = None
) -> Whom:
    """The people meant, if the viewer may assign to them: trainers to anybody, leads to their own team.

    Raises Forbidden, Invalid.
    """
    if [bool(people), team is not None, bool(role)].count(True) != 1:
        raise Invalid.field("person", "missing", _("Choose people, a team or a role."))
    if viewer is not None and not viewer.has(*ASSIGNERS):
        raise _forbidden()
    if role and role not in ROLES:
        raise Invalid.field("role", "unknown", _("There is no such role."))
    if team is not None and not await team_exists(team):
        raise Invalid.field("team", "unknown", _("There is no such team."))
    if len(people) > MOST_NAMED:
        told = {"most": MOST_NAMED}
        raise Invalid.field("person", "too-many", _("Name at most %(most)s people at once.") % told)
    found = await people_by_ids(people) if people else {}
    if any(person not in found or not found[person].active for person in people):
        raise Invalid.field("person", "unknown", _("Somebody of these does not work here any more."))
    if viewer is not None and not viewer.has("trainer"):
        teams = {team} if team is not None else {found[person].team for person in people}
        if role or not all(may_follow(viewer, each, "trainer") for each in teams):
            raise _forbidden()
    return Whom(team=team, role=role, people=tuple(sorted(set(people))))


def _forbidden() -> Forbidden:
    return Forbidden(_("Trainers assign to anybody, team leads to their own team."))


async def preview(viewer: Viewer, what: What, whom: Whom) -> Preview:
    """What assigning this to these people would do now; in two queries."""
    since = db.utc_now() if whom.people else EVER
    totals = await queries.people_to_be_given(whom, list(what.modules), since)
    found = {row.pop("module"): row for row in await queries.would_be_given(whom, list(what.modules), since)}
    nobody = {"people": 0, "open": 0, "done": 0, "waived": 0}
    shares = [
        Share(module, what.titles[module], **found.get(module, nobody))
        for module in sorted(what.modules, key=lambda each: what.modules[each])
    ]
    return Preview(modules=shares, **totals)


# Assigning


async def assign(
    viewer: Viewer | None,
    *,
    module: str | None = None,
    curriculum: str | None = None,
    person: UUID | None = None,
    people: Sequence[UUID] = (),
    team: UUID | None = None,
    role: str | None = None,
    due_on: date | None = None,
) -> UUID:
    """Gives a module or a list (by its code) to people, a team or a role; returns the assignment.

    Everybody meant is enrolled now (of many, by a job) and told; who joins later gets it by event. A due day
    also becomes that of what people have open of it already. The same again within a minute is a double tap and
    gives the same assignment. Raises Forbidden, Invalid.
    """
    named = [*people, person] if person is not None else list(people)
    whom = await whom_of(viewer, people=named, team=team, role=role)
    what = await what_of(module, curriculum)
    zone = viewer.time_zone if viewer else ""
    if due_on is not None and due_on < day_of(db.utc_now(), zone):
        raise Invalid.field("due_on", "past", _("Choose a day that is not over."))
    row = Assignment(
        id=db.new_id(),
        module=what.module,
        curriculum=what.curriculum,
        team=team,
        role=role,
        due_on=due_on,
        assigned_by=viewer.id if viewer else None,
        created_at=db.utc_now(),
    )
    async with db.transaction():
        await db.lock("assigning")
        if (
            same := await queries.assigned_since(_made_of(row), whom.people, db.utc_now() - DOUBLE_TAP)
        ) is not None:
            return same
        await Assignment.insert(row)
        rows = [AssignmentPerson(id=db.new_id(), assignment=row.id, person=each) for each in whom.people]
        if rows:
            await AssignmentPerson.insert(*rows)
        many = await queries.count_people(whom) * len(what.modules) > AT_ONCE
        if not many:
            await _hand_out(row.id, what, whom, row.created_at, due_on)
        job = await jobs.enqueue(
            reach_everybody,
            {"assignment": str(row.id), "enrol": many, "due": many},
            person=viewer.id if viewer else None,
        )
        await Assignment.update({Assignment.job: job}).where(Assignment.id == row.id)
        told = {"what": what.code, "team": str(team) if team else None, "role": role, "people": len(named)}
        await record_audit(viewer, "assigned", "assignment", str(row.id), told)
    return row.id


def _made_of(row: Assignment) -> dict[str, Any]:
    return {
        "module": row.module,
        "curriculum": row.curriculum,
        "team": row.team,
        "role": row.role,
        "due_on": row.due_on,
        "assigned_by": row.assigned_by,
    }


async def _hand_out(
    assignment: UUID,
    what: What,
    whom: Whom,
    created_at: datetime,
    due_on: date | None,
    *,
    replace: bool = True,
) -> int:
    now = db.utc_now()
    if due_on is not None and due_on >= day_of(now, ""):
        await queries.set_due(whom, list(what.modules), due_on, replace=replace)
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
                await _hand_out(row["id"], what, part, row["created_at"], day)
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
            made = await _hand_out(assignment, what, one, row["created_at"], row["due_on"], replace=False)
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


# Assignments


async def visible_assignments(
    viewer: Viewer, *, limit: int = 50, after: tuple[datetime, UUID] | None = None
) -> list[AssignmentView]:
    """Newest first: all for trainers; for leads their own and what their team was given. Raises Forbidden."""
    if not viewer.has(*ASSIGNERS):
        raise _forbidden()
    by = None if viewer.has("trainer") else viewer.id
    return [_view(row) for row in await queries.assignments_page(viewer.team, by, limit, after)]


async def load_assignment(viewer: Viewer, assignment: UUID) -> AssignmentView:
    """An assignment that `visible_assignments` lists. Raises Forbidden, NotFound."""
    if not viewer.has(*ASSIGNERS):
        raise _forbidden()
    row = await queries.assignment(assignment)
    theirs = row is not None and (
        viewer.has("trainer")
        or row["assigned_by"] == viewer.id
        or (row["team"] is not None and row["team"] == viewer.team)
    )
    if row is None or not theirs:
        raise NotFound(_("There is no such assignment, or it is not yours."))
    return _view(row)


def may_end(viewer: Viewer, assignment: AssignmentView) -> bool:
    """Trainers end any assignment, leads those they made."""
    return assignment.ended_at is None and (
        viewer.has("trainer") or (viewer.has("team_lead") and assignment.assigned_by == viewer.id)
    )


async def end_assignment(viewer: Viewer, assignment: UUID) -> int:
    """Takes an assignment back: nobody new gets it, and what nobody began is removed. Returns how many that was.

    What was begun stays, with its due day. Raises Forbidden, NotFound, Conflict (ended already).
    """
    view = await load_assignment(viewer, assignment)
    if view.ended_at is None and not may_end(viewer, view):
        raise Forbidden(_("A trainer made this assignment; ask them to take it back."))
    async with db.transaction():
        await db.lock("assigning")
        ended = (
            await Assignment.update({Assignment.ended_at: db.utc_now(), Assignment.ended_by: viewer.id})
            .where((Assignment.id == assignment) & Assignment.ended_at.is_null())
            .returning(Assignment.id)
        )
        if not ended:
            raise Conflict(_("This assignment was ended already."))
        removed = await queries.take_back(assignment)
        await withdraw(f"assigned:{assignment}")
        await record_audit(viewer, "assignment_ended", "assignment", str(assignment), {"removed": removed})
    return removed


async def own_enrolments_by(person: UUID, assignment: UUID) -> list[UUID]:
    """A person's own enrolments that came with an assignment, in their order."""
    rows = (
        await Enrolment.select(Enrolment.id)
        .where((Enrolment.person == person) & (Enrolment.assignment == assignment))
        .order_by(Enrolment.position)
    )
    return [row["id"] for row in rows]
