"""Who takes which module, and how far they are.

Invariant: one open enrolment a person and module (unique in the database); enrolling twice gives the same
one. What somebody learns is seen by them, their team's lead and the trainers.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import islice
from typing import Any
from uuid import UUID

from trainer import db, jobs
from trainer.clips.service import allow_history
from trainer.people.audit import record_audit
from trainer.people.service import people_by_ids
from trainer.people.sight import reach, team_only
from trainer.problems import Forbidden, Invalid, NotFound
from trainer.training import queries
from trainer.training.modules import I18n, ModuleView, module_view
from trainer.training.notices import tell_given
from trainer.training.tables import Enrolment
from trainer.web.i18n import _
from trainer.web.session import Viewer

NEW_FOR = timedelta(days=60)


@dataclass(frozen=True, slots=True)
class EnrolmentView:
    """One person taking one version of a module.

    `done` of `steps` are behind them, and those `skipped` wait until they can listen; of the `graded` ones,
    `remembered` were right at the last try.
    """

    id: UUID
    person: UUID
    module: UUID
    code: str
    version_id: UUID
    version: int
    title: I18n
    summary: I18n
    minutes: int
    language: str
    steps: int
    done: int
    graded: int
    remembered: int
    at_step: int
    step_state: Mapping[str, Any]
    skipped: frozenset[int]
    due_on: date | None
    created_at: datetime
    started_at: datetime | None
    completed_at: datetime | None
    assignment: UUID | None = None
    enrolled_by: UUID | None = None
    active_at: datetime | None = None
    hard_at: int | None = None
    waived_at: datetime | None = None
    waived_by: UUID | None = None
    waived_why: str = ""
    signed_off_at: datetime | None = None
    signed_off_by: UUID | None = None

    @property
    def open(self) -> bool:
        """Whether it is still to be done."""
        return self.completed_at is None and self.waived_at is None

    @property
    def state(self) -> str:
        """done, waived, under_way or not_begun."""
        if self.completed_at or self.waived_at:
            return "done" if self.completed_at else "waived"
        return "under_way" if self.started_at else "not_begun"

    @property
    def minutes_left(self) -> int:
        """What the steps still open take of the module's minutes: rounded up, one at least."""
        return max(1, -(-self.minutes * (self.steps - self.done) // max(1, self.steps)))

    @property
    def done_at(self) -> frozenset[int]:
        """Positions of the steps behind them: all come in order, but for those that wait."""
        in_order = (position for position in range(self.steps) if position not in self.skipped)
        return frozenset(islice(in_order, self.done))

    @property
    def place(self) -> int:
        """Where to go on: where they were, or the first step that is still open."""
        return max(0, min(self.at_step, self.done, self.steps - 1))


def enrolment_view(row: Mapping[str, Any]) -> EnrolmentView:
    return EnrolmentView(
        id=row["id"],
        person=row["person"],
        module=row["module"],
        code=row["code"],
        version_id=row["module_version"],
        version=row["version"],
        title=json.loads(row["title"]),
        summary=json.loads(row["summary"]),
        minutes=row["minutes"],
        language=row["language"],
        steps=row["steps"],
        done=row["done"],
        graded=row["graded"],
        remembered=row["remembered"],
        at_step=row["at_step"],
        step_state=json.loads(row["step_state"]),
        skipped=frozenset(json.loads(row["skipped"])),
        due_on=row["due_on"],
        created_at=row["created_at"],
        started_at=row["started_at"],
        completed_at=row["completed_at"],
        assignment=row["assignment"],
        enrolled_by=row["enrolled_by"],
        active_at=row["active_at"],
        hard_at=row["hard_at"],
        waived_at=row["waived_at"],
        waived_by=row["waived_by"],
        waived_why=row["waived_why"],
        signed_off_at=row["signed_off_at"],
        signed_off_by=row["signed_off_by"],
    )


async def enrol(viewer: Viewer | None, code: str, person: UUID, *, due_on: date | None = None) -> UUID:
    """Enrols a person in the published version; an open enrolment is used rather than made twice.

    Anybody may enrol themselves in a published module; trainers anybody, leads their own team. A due day
    given now replaces an earlier one. Whom others give it to and who did this version already keeps that: only
    oneself takes it again. Raises NotFound, Forbidden, Invalid.
    """
    version = await queries.version_of_code(code, "published")
    if version is None:
        raise NotFound(_("There is no published module %(code)s.") % {"code": code})
    if viewer is not None and viewer.id != person and not viewer.has("trainer", "team_lead"):
        raise Forbidden(_("Only trainers, and leads for their own team, enrol others."))
    whose = (await people_by_ids([person])).get(person)
    if whose is None or not whose.active:
        raise Invalid.field(
            "person", "unknown", _("There is no such person, or they do not work here any more.")
        )
    if viewer is not None and viewer.id != person and not may_follow(viewer, whose.team, "trainer"):
        raise Forbidden(_("Only trainers, and leads for their own team, enrol others."))
    async with db.transaction():
        if viewer is not None and viewer.id != person:
            done = await queries.done_enrolment(person, version["id"])
            if done is not None:
                return done
        row = Enrolment(
            person=person,
            module=version["module"],
            module_version=version["id"],
            enrolled_by=viewer.id if viewer and viewer.id != person else None,
            due_on=due_on,
            created_at=db.utc_now(),
        )
        new = await Enrolment.insert(row).on_conflict(action="DO NOTHING").returning(Enrolment.id)
        if new:
            if viewer is not None and viewer.id != person:
                await record_audit(viewer, "enrolled", "enrolment", str(row.id), {"module": code})
                await tell_given(
                    [person],
                    source=f"assigned:{row.id}",
                    href=f"/learn/{row.id}",
                    title=json.loads(version["title"]),
                    due_on=due_on,
                    by=viewer.id,
                )
            return row.id
        present = (
            (Enrolment.person == person)
            & (Enrolment.module == version["module"])
            & Enrolment.completed_at.is_null()
            & Enrolment.waived_at.is_null()
        )
        if due_on is not None and (viewer is None or viewer.id != person):
            moved: dict[Any, Any] = {
                Enrolment.due_on: due_on,
                Enrolment.due_from: None,
                Enrolment.reminded: 0,
            }
            await Enrolment.update(moved).where(present)
        found = await Enrolment.select(Enrolment.id).where(present).first()
    if found is None:  # completed or waived between the two statements: begin anew
        return await enrol(viewer, code, person, due_on=due_on)
    open_one: UUID = found["id"]
    return open_one


@jobs.on("person_joined")
async def enrol_new_agent(context: jobs.JobContext, event: dict[str, Any]) -> None:
    """Every new agent's path starts with the starter modules (003-19)."""
    if "agent" in event["roles"]:
        await _begin_with_starters(UUID(event["person"]))


@jobs.on("person_edited")
async def enrol_who_becomes_agent(context: jobs.JobContext, event: dict[str, Any]) -> None:
    """Who becomes an agent later begins with them too."""
    person = UUID(event["person"])
    whose = (await people_by_ids([person])).get(person) if "roles" in event["fields"] else None
    if whose and whose.active and "agent" in whose.roles:
        await _begin_with_starters(person)


@jobs.job("enrol_newcomers")
async def enrol_newcomers(context: jobs.JobContext) -> None:
    """A starter module came in after the first people: who is new and has done nothing yet begins with it."""
    for person in await queries.newcomers((db.utc_now() - NEW_FOR).date()):
        await _begin_with_starters(person)


async def begin_with(code: str) -> int:
    """Agents who were here before a starter module came begin with it too, however long they have been here.

    Who had it once (done, waived, under way) keeps that. Returns how many were enrolled. Raises NotFound.
    """
    people = await queries.agents_without(code)
    for person in people:
        await enrol(None, code, person)
    return len(people)


async def _begin_with_starters(person: UUID) -> None:
    had = {row["module"] for row in await queries.enrolments_of(person)}
    for row in await queries.current_versions(["published"]):
        if row["starter"] and row["module"] not in had:
            await enrol(None, row["code"], person)


async def enrolments_of(person: UUID) -> list[EnrolmentView]:
    """A person's enrolments, what is open first: the nearest due day, then the starter and begun ones."""
    return [enrolment_view(row) for row in await queries.enrolments_of(person)]


async def open_enrolments(person: UUID) -> list[EnrolmentView]:
    """What a person still has to do, in the order in which /learn shows it."""
    return [one for one in await enrolments_of(person) if one.open]


def may_follow(viewer: Viewer, team: UUID | None, *roles: str) -> bool:
    """Whether the viewer may give to, or decide for, people of this team: these roles, or the team's lead."""
    leads = viewer.has("team_lead") and viewer.team is not None and viewer.team == team
    return leads or viewer.has(*roles)


async def visible_enrolments(
    viewer: Viewer, *, person: UUID | None = None, limit: int = 50, after: UUID | None = None
) -> list[EnrolmentView]:
    """Own ones; trainers everybody's; leads their team's. Raises Forbidden for anybody else's."""
    team = None
    if person is None:
        if reach(viewer, "completion") != "each" or (team_only(viewer, "completion") and not viewer.team):
            person = viewer.id
        elif team_only(viewer, "completion"):
            team = viewer.team
    if person is not None and person != viewer.id:
        whose = (await people_by_ids([person])).get(person)
        if reach(viewer, "completion", person=person, team=whose.team if whose else None) != "each":
            raise Forbidden(_("What somebody learns is seen by them, their lead and the trainers."))
    rows = await queries.enrolments_page(person, team, viewer.id, limit, after)
    return [enrolment_view(row) for row in rows]


async def load_enrolment(viewer: Viewer, enrolment: UUID) -> EnrolmentView:
    """An enrolment for the person themself, the trainers, or the person's lead. Raises NotFound."""
    row = await queries.enrolment(enrolment)
    sees = reach(viewer, "completion", person=row["person"], team=row["person_team"]) if row else "none"
    if row is None or sees not in ("own", "each"):
        raise NotFound(_("There is no such enrolment, or it is not yours."))
    return enrolment_view(row)


async def open_modules(viewer: Viewer) -> list[ModuleView]:
    """Published modules in which the viewer is not enrolled yet."""
    return [module_view(row) for row in await queries.modules_to_begin(viewer.id)]


async def next_enrolment(person: UUID) -> EnrolmentView | None:
    """What the person goes on with: begun first, then due first, then in the curriculum's order."""
    row = await queries.next_enrolment(person)
    return enrolment_view(row) if row else None


async def next_after(person: UUID, code: str) -> EnrolmentView | ModuleView | None:
    """What comes after a module: the person's open enrolment to go on with, else a module they have not
    had.
    """
    row = await queries.next_enrolment(person)
    if row is not None and row["code"] != code:
        return enrolment_view(row)
    rows = await queries.modules_to_begin(person)
    return module_view(rows[0]) if rows else None


async def may_hear_again(person: UUID, clip: UUID) -> bool:
    """Whether a module that the person was given has this clip: then it plays for them though it was
    retired.
    """
    return await queries.needs_clip(person, clip)


allow_history(may_hear_again)
