"""Raw SQL of assigning: whom it would reach, handing it out in one statement, taking it back."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from trainer import db

# An id made where the row is made: a random UUID in the form that each engine keeps.
_NEW_ID = {
    "postgres": "gen_random_uuid()",
    "sqlite": """lower(hex(randomblob(4)) || '-' || hex(randomblob(2)) || '-4' || substr(hex(randomblob(2)), 2)
        || '-' || substr('89AB', 1 + (abs(random()) % 4), 1) || substr(hex(randomblob(2)), 2) || '-'
        || hex(randomblob(6)))""",
}

_HOLDS = "' ' || person.roles || ' ' LIKE {}"


@dataclass(frozen=True, slots=True)
class Whom:
    """The people meant: a team's agents, those who hold a role, or these; `among` narrows them further.

    A team's lead is not among its learners, unless they take calls too.
    """

    team: UUID | None = None
    role: str | None = None
    people: tuple[UUID, ...] = ()
    among: tuple[UUID, ...] | None = None

    def condition(self) -> tuple[str, list[Any]]:
        """SQL about `person`, active ones only, and its parameters."""
        sql, params = "person.active AND person.erased_at IS NULL", list[Any]()
        if self.team is not None:
            sql, params = f"{sql} AND person.team = {{}} AND {_HOLDS}", [self.team, "% agent %"]
        elif self.role is not None:
            sql, params = f"{sql} AND {_HOLDS}", [f"% {self.role} %"]
        else:
            sql, params = f"{sql} AND person.id IN ({{}})", [list(self.people)]
        if self.among is not None:
            sql, params = f"{sql} AND person.id IN ({{}})", [*params, list(self.among)]
        return sql, params


# What keeps a person from being given a module: it is open for them, or done or waived in its present version.
_HAS_OPEN = """EXISTS (SELECT 1 FROM enrolment WHERE enrolment.person = person.id AND enrolment.module =
    module_version.module AND enrolment.completed_at IS NULL AND enrolment.waived_at IS NULL)"""
_HAS_DONE = """EXISTS (SELECT 1 FROM enrolment WHERE enrolment.person = person.id AND enrolment.module =
    module_version.module AND enrolment.module_version = module_version.id AND
    enrolment.completed_at IS NOT NULL)"""
_HAS_WAIVED = """EXISTS (SELECT 1 FROM enrolment WHERE enrolment.person = person.id AND enrolment.module =
    module_version.module AND enrolment.module_version = module_version.id AND enrolment.waived_at >= {})"""


async def assigned_people(whom: Whom, after: UUID | None, limit: int) -> list[UUID]:
    """The ids of the people meant, in their order, after one of them."""
    sql, params = whom.condition()
    if after is not None:
        sql, params = f"{sql} AND person.id > {{}}", [*params, after]
    rows = await db.fetch(
        f"SELECT person.id FROM person WHERE {sql} ORDER BY person.id LIMIT {{}}", *params, limit
    )
    return [row["id"] for row in rows]


async def would_be_given(whom: Whom, modules: list[UUID], waived_since: datetime) -> list[dict[str, Any]]:
    """For each of these modules: how many people are meant, and how many have it open, done or waived."""
    sql, params = whom.condition()
    return await db.fetch(
        f"""SELECT given.module, count(*) AS people, sum(given.has_open) AS open, sum(given.has_done) AS done,
                   sum(given.has_waived) AS waived
            FROM (SELECT module_version.module,
                         CASE WHEN {_HAS_OPEN} THEN 1 ELSE 0 END AS has_open,
                         CASE WHEN {_HAS_OPEN} THEN 0 WHEN {_HAS_DONE} THEN 1 ELSE 0 END AS has_done,
                         CASE WHEN {_HAS_OPEN} OR {_HAS_DONE} THEN 0 WHEN {_HAS_WAIVED} THEN 1 ELSE 0 END
                             AS has_waived
                  FROM person JOIN module_version ON module_version.state = 'published'
                       AND module_version.module IN ({{}})
                  WHERE {sql}) given
            GROUP BY given.module""",
        waived_since,
        modules,
        *params,
    )


async def people_to_be_given(whom: Whom, modules: list[UUID], waived_since: datetime) -> dict[str, Any]:
    """How many people are meant, how many of them would be given something, how many are all done."""
    sql, params = whom.condition()
    row = await db.fetch_one(
        f"""SELECT count(*) AS people, sum(CASE WHEN EXISTS (
                SELECT 1 FROM module_version WHERE module_version.state = 'published'
                AND module_version.module IN ({{}}) AND NOT {_HAS_OPEN} AND NOT {_HAS_DONE}
                AND NOT {_HAS_WAIVED}) THEN 1 ELSE 0 END) AS given,
            sum(CASE WHEN NOT EXISTS (
                SELECT 1 FROM module_version WHERE module_version.state = 'published'
                AND module_version.module IN ({{}}) AND NOT {_HAS_DONE}) THEN 1 ELSE 0 END) AS done
            FROM person WHERE {sql}""",
        modules,
        waived_since,
        modules,
        *params,
    )
    return {name: (row or {})[name] or 0 for name in ("people", "given", "done")}


async def hand_out(
    assignment: UUID,
    whom: Whom,
    modules: Mapping[UUID, int],
    *,
    waived_since: datetime,
    today: date,
    now: datetime,
) -> int:
    """Enrols everybody meant in the modules (with their places in the list) that they lack, in one statement.

    Somebody who has one open, or has done or was let off its present version, keeps what they have. A due day
    that is over is nobody's due day any more. Returns how many enrolments that made.
    """
    sql, params = whom.condition()
    places = " ".join(f"WHEN {{}} THEN {int(place)}" for place in modules.values())
    rows = await db.fetch(
        f"""INSERT INTO enrolment (id, person, module, module_version, assignment, position, enrolled_by, due_on,
                created_at, waived_why, skipped, at_step, step_state, reminded)
            SELECT {_NEW_ID[db.dialect()]}, person.id, module_version.module, module_version.id, assignment.id,
                   CASE module_version.module {places} ELSE 0 END, assignment.assigned_by,
                   CASE WHEN assignment.due_on >= {{}} THEN assignment.due_on END, {{}}, '', '[]', 0, {{}}, 0
            FROM assignment JOIN module_version ON module_version.state = 'published'
                 AND module_version.module IN ({{}}) JOIN person ON 1 = 1
            WHERE assignment.id = {{}} AND assignment.ended_at IS NULL AND {sql}
                  AND NOT {_HAS_OPEN} AND NOT {_HAS_DONE} AND NOT {_HAS_WAIVED}
            ORDER BY person.id, module_version.module
            ON CONFLICT DO NOTHING RETURNING person""",
        *modules,
        today,
        now,
        "{}",
        list(modules),
        assignment,
        *params,
        waived_since,
    )
    return len(rows)


async def set_due(assignment: UUID, whom: Whom, modules: list[UUID], due_on: date, *, replace: bool) -> None:
    """The day becomes the due day of whatever of these modules the people have open; without `replace`, only of what
    has none. The day before it is kept for as long as the assignment may be taken back.
    """
    sql, params = whom.condition()
    other = " OR due_on <> {}" if replace else ""
    await db.fetch(
        f"""UPDATE enrolment SET due_before = CASE WHEN due_from = {{}} THEN due_before ELSE due_on END,
                   due_from = {{}}, due_on = {{}}, reminded = 0
            WHERE module IN ({{}}) AND completed_at IS NULL AND waived_at IS NULL
                  AND (due_on IS NULL{other})
                  AND person IN (SELECT person.id FROM person WHERE {sql}) RETURNING id""",
        assignment,
        assignment,
        due_on,
        modules,
        *([due_on] if replace else []),
        *params,
    )


async def restore_due(assignment: UUID) -> None:
    """What an assignment gave another due day gets its own back."""
    await db.fetch(
        """UPDATE enrolment SET due_on = due_before, due_before = NULL, due_from = NULL, reminded = 0
           WHERE due_from = {} AND completed_at IS NULL AND waived_at IS NULL RETURNING id""",
        assignment,
    )


async def moved_by(assignment: UUID, among: list[UUID]) -> list[UUID]:
    """Those of these people whose due day the assignment moved, or set, of something that they had already."""
    return await _with_open("due_from", assignment, among)


async def given_by(assignment: UUID, among: list[UUID]) -> list[UUID]:
    """Those of these people who have something open that came with the assignment."""
    return await _with_open("assignment", assignment, among)


async def _with_open(column: str, assignment: UUID, among: list[UUID]) -> list[UUID]:
    rows = await db.fetch(
        f"""SELECT DISTINCT person FROM enrolment WHERE {column} = {{}} AND person IN ({{}})
           AND completed_at IS NULL AND waived_at IS NULL""",
        assignment,
        among,
    )
    return [row["person"] for row in rows]


async def take_back(assignment: UUID) -> int:
    """Removes the enrolments of an assignment that nobody began; how many."""
    rows = await db.fetch(
        """DELETE FROM enrolment WHERE assignment = {} AND started_at IS NULL AND completed_at IS NULL
           AND waived_at IS NULL AND signed_off_at IS NULL
           AND NOT EXISTS (SELECT 1 FROM answer WHERE answer.enrolment = enrolment.id) RETURNING id""",
        assignment,
    )
    return len(rows)


_ASSIGNMENTS = """
    SELECT assignment.id, assignment.module, assignment.curriculum, assignment.team, team.name AS team_name,
           assignment.role, assignment.due_on, assignment.assigned_by, assigner.name AS assigner_name,
           assignment.created_at, assignment.ended_at, assignment.job,
           COALESCE(module.code, curriculum.code) AS code,
           CASE WHEN assignment.module IS NOT NULL THEN (SELECT module_version.title FROM module_version
                WHERE module_version.module = assignment.module AND module_version.state = 'published')
                ELSE curriculum.title END AS title,
           (SELECT count(*) FROM assignment_person WHERE assignment_person.assignment = assignment.id) AS named,
           (SELECT min(person.name) FROM assignment_person JOIN person ON person.id = assignment_person.person
            WHERE assignment_person.assignment = assignment.id) AS first_named,
           (SELECT count(*) FROM enrolment WHERE enrolment.assignment = assignment.id) AS enrolled,
           (SELECT count(*) FROM enrolment WHERE enrolment.assignment = assignment.id
            AND enrolment.completed_at IS NOT NULL) AS done,
           (SELECT count(*) FROM enrolment WHERE enrolment.assignment = assignment.id
            AND enrolment.started_at IS NULL AND enrolment.completed_at IS NULL
            AND enrolment.waived_at IS NULL) AS not_begun
    FROM assignment LEFT JOIN team ON team.id = assignment.team
         LEFT JOIN person AS assigner ON assigner.id = assignment.assigned_by
         LEFT JOIN module ON module.id = assignment.module
         LEFT JOIN curriculum ON curriculum.id = assignment.curriculum
"""


async def assignment(assignment_id: UUID) -> dict[str, Any] | None:
    """One assignment: what, to whom, and how far its enrolments are."""
    return await db.fetch_one(_ASSIGNMENTS + " WHERE assignment.id = {}", assignment_id)


async def assignments_page(
    team: UUID | None, by: UUID | None, limit: int, after: tuple[datetime, UUID] | None
) -> list[dict[str, Any]]:
    """Assignments, newest first: all, or with `by` those that this person made or that went to `team`."""
    sql, params = _ASSIGNMENTS + " WHERE 1 = 1", list[Any]()
    if by is not None:
        sql, params = f"{sql} AND (assignment.assigned_by = {{}} OR assignment.team = {{}})", [by, team]
    if after is not None:
        sql, params = f"{sql} AND (assignment.created_at, assignment.id) < ({{}}, {{}})", [*params, *after]
    return await db.fetch(
        sql + " ORDER BY assignment.created_at DESC, assignment.id DESC LIMIT {}", *params, limit
    )


async def assigned_since(
    made_of: Mapping[str, Any], people: tuple[UUID, ...], since: datetime
) -> UUID | None:
    """An assignment that holds, was made since then of just this (columns and values), and names these people."""
    same = " AND ".join(
        f"{name} IS NULL" if value is None else f"{name} = {{}}" for name, value in made_of.items()
    )
    rows = await db.fetch(
        f"SELECT id FROM assignment WHERE ended_at IS NULL AND created_at > {{}} AND {same} ORDER BY created_at",
        since,
        *(value for value in made_of.values() if value is not None),
    )
    for row in rows:
        if sorted(await named_in(row["id"])) == sorted(people):
            return row["id"]
    return None


async def named_in(assignment_id: UUID) -> list[UUID]:
    """The people whom an assignment names one by one."""
    rows = await db.fetch("SELECT person FROM assignment_person WHERE assignment = {}", assignment_id)
    return [row["person"] for row in rows]


async def assignments_for(team: UUID | None, roles: list[str]) -> list[UUID]:
    """What somebody who joins this team, or gets one of these roles, is given too; oldest first."""
    rows = await db.fetch(
        """SELECT id FROM assignment WHERE ended_at IS NULL AND (team = {} OR role IN ({}))
           ORDER BY created_at, id""",
        team,
        roles,
    )
    return [row["id"] for row in rows]


async def assignments_of_curriculum(curriculum: UUID) -> list[UUID]:
    """Assignments of a list that still hold."""
    rows = await db.fetch(
        "SELECT id FROM assignment WHERE curriculum = {} AND ended_at IS NULL ORDER BY created_at", curriculum
    )
    return [row["id"] for row in rows]


async def assignment_ended(assignment_id: UUID) -> bool | None:
    """Whether an assignment was ended; None when there is none."""
    row = await db.fetch_one("SELECT ended_at FROM assignment WHERE id = {}", assignment_id)
    return None if row is None else row["ended_at"] is not None


async def count_people(whom: Whom) -> int:
    """How many people are meant."""
    sql, params = whom.condition()
    row = await db.fetch_one(f"SELECT count(*) AS people FROM person WHERE {sql}", *params)
    return row["people"] if row else 0


async def curriculum_modules(code: str) -> list[dict[str, Any]]:
    """The published modules of a list that is not archived, in its order, with both titles."""
    return await db.fetch(
        """SELECT curriculum.id AS curriculum, curriculum.title AS curriculum_title, curriculum_module.module,
                  curriculum_module.position, module_version.title
           FROM curriculum JOIN curriculum_module ON curriculum_module.curriculum = curriculum.id
                JOIN module_version ON module_version.module = curriculum_module.module
                     AND module_version.state = 'published'
           WHERE curriculum.code = {} AND curriculum.archived_at IS NULL ORDER BY curriculum_module.position""",
        code,
    )


async def to_remind(latest: date, after: UUID | None, limit: int) -> list[dict[str, Any]]:
    """Open enrolments due until `latest` whose due day was not told to its end, in the order of their ids."""
    sql, params = "", list[Any]()
    if after is not None:
        sql, params = " AND enrolment.id > {}", [after]
    return await db.fetch(
        f"""SELECT enrolment.id, enrolment.person, enrolment.due_on, enrolment.reminded, enrolment.created_at,
                   person.time_zone, module_version.title, module_version.minutes
            FROM enrolment JOIN person ON person.id = enrolment.person AND person.active
                 JOIN module_version ON module_version.id = enrolment.module_version
            WHERE enrolment.due_on <= {{}} AND enrolment.completed_at IS NULL AND enrolment.waived_at IS NULL
                  AND enrolment.reminded < 3{sql} ORDER BY enrolment.id LIMIT {{}}""",
        latest,
        *params,
        limit,
    )


async def note_reminded(enrolment_id: UUID, due_on: date, stage: int) -> bool:
    """Notes how far this due day was told. False: it was told that far, moved, or is no longer open."""
    rows = await db.fetch(
        """UPDATE enrolment SET reminded = {} WHERE id = {} AND due_on = {} AND reminded < {}
           AND completed_at IS NULL AND waived_at IS NULL RETURNING id""",
        stage,
        enrolment_id,
        due_on,
        stage,
    )
    return bool(rows)


async def due_of(enrolment_id: UUID) -> dict[str, Any] | None:
    """An enrolment's person and due day."""
    return await db.fetch_one(
        "SELECT id, person, due_on, reminded FROM enrolment WHERE id = {}", enrolment_id
    )
