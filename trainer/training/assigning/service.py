"""Giving modules to people: who may, what it would do, doing it (with `reaching.py`), undoing it.

Invariant: the same said twice in a minute is one assignment, and what was begun is not taken back.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from trainer import db, jobs
from trainer.notices.service import withdraw
from trainer.people.audit import record_audit
from trainer.people.days import day_of
from trainer.people.service import people_by_ids
from trainer.people.teams import team_exists
from trainer.problems import Conflict, Forbidden, Invalid, NotFound
from trainer.training.assigning import queries
from trainer.training.assigning.queries import Whom
from trainer.training.assigning.reaching import EVER, I18n, What, hand_out, reach_everybody, what_of
from trainer.training.enrolling import may_follow
from trainer.training.tables import Assignment, AssignmentPerson, Enrolment
from trainer.web.i18n import _
from trainer.web.session import ROLES, Viewer

ASSIGNERS = ("trainer", "team_lead")
MOST_NAMED = 1000  # people named one by one in one assignment
AT_ONCE = 5000  # enrolments that are made while the person who assigns waits
DOUBLE_TAP = timedelta(minutes=1)


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


# Whom


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


def check_due(viewer: Viewer | None, due_on: date | None) -> None:
    """Raises Invalid for a day that is over where the viewer is."""
    zone = viewer.time_zone if viewer else ""
    if due_on is not None and due_on < day_of(db.utc_now(), zone):
        raise Invalid.field("due_on", "past", _("Choose a day that is not over."))


async def preview(viewer: Viewer, what: What, whom: Whom, due_on: date | None = None) -> Preview:
    """What assigning this to these people would do now; in two queries. Raises Invalid as `assign` would."""
    check_due(viewer, due_on)
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
    check_due(viewer, due_on)
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
            await hand_out(row.id, what, whom, row.created_at, due_on)
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

    What was begun stays; a due day that it moved is what it was before. Raises Forbidden, NotFound, Conflict (ended
    already).
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
        await queries.restore_due(assignment)
        await withdraw(f"assigned:{assignment}")
        await withdraw(f"moved:{assignment}")
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
