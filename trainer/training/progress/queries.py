"""Raw SQL of progress: the rows that filters leave, their sums, a page of people for the matrix."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from trainer import db
from trainer.clips.queries import TAG

STATES = ("not_begun", "under_way", "stuck", "done", "waived")


@dataclass(frozen=True, slots=True)
class Today:
    """Which day it is: `day` at the site, and elsewhere for people of these zones."""

    day: date
    elsewhere: tuple[tuple[date, tuple[str, ...]], ...] = ()

    def overdue(self) -> tuple[str, list[Any]]:
        """SQL that is true of an open enrolment whose due day is over where its person is."""
        zones = [zone for _day, group in self.elsewhere for zone in group]
        away = " AND person.time_zone NOT IN ({})" if zones else ""
        parts, params = [f"enrolment.due_on < {{}}{away}"], [self.day, *([zones] if zones else [])]
        for day, group in self.elsewhere:
            parts.append("enrolment.due_on < {} AND person.time_zone IN ({})")
            params += [day, list(group)]
        open_ = "enrolment.completed_at IS NULL AND enrolment.waived_at IS NULL"
        return f"({open_} AND (" + " OR ".join(f"({part})" for part in parts) + "))", params


@dataclass(frozen=True, slots=True)
class Scope:
    """Whose rows are meant, and which of them: what filters and the viewer's rights come to."""

    today: Today
    quiet_since: datetime
    team: UUID | None = None
    modules: Sequence[UUID] | None = None
    person: UUID | None = None
    people: Sequence[UUID] | None = None
    search: str = ""
    state: str = ""

    def where(self, *, state: bool = True) -> tuple[str, list[Any]]:
        """SQL about `person` and `enrolment`, the newest enrolment of each person and module."""
        parts, params = [_NEWEST, "person.active AND person.erased_at IS NULL"], list[Any]()
        for sql, value in (("person.team = {}", self.team), ("person.id = {}", self.person)):
            if value is not None:
                parts.append(sql)
                params.append(value)
        for sql, values in (("enrolment.module IN ({})", self.modules), ("person.id IN ({})", self.people)):
            if values is not None:
                parts.append(sql)
                params.append(list(values))
        if self.search:
            parts.append("person.name_key LIKE {} ESCAPE '!'")
            params.append(f"%{_literal(self.search.casefold())}%")
        if state and self.state:
            sql, more = self._in_state()
            parts.append(sql)
            params += more
        return " AND ".join(parts), params

    def _in_state(self) -> tuple[str, list[Any]]:
        if self.state == "overdue":
            return self.today.overdue()
        if self.state == "open":
            return "enrolment.completed_at IS NULL AND enrolment.waived_at IS NULL", []
        if self.state == "under_way":  # those who are stuck are under way too
            return f"{_STATE} IN ('under_way', 'stuck')", [self.quiet_since]
        return f"{_STATE} = {{}}", [self.quiet_since, self.state]


def _literal(text: str) -> str:
    """Text that LIKE … ESCAPE '!' takes letter by letter."""
    return text.replace("!", "!!").replace("%", "!%").replace("_", "!_")


_NEWEST = """NOT EXISTS (SELECT 1 FROM enrolment later WHERE later.person = enrolment.person AND
    later.module = enrolment.module AND (later.created_at > enrolment.created_at OR
    (later.created_at = enrolment.created_at AND later.id > enrolment.id)))"""

# Its one parameter: nothing done since then counts as stuck.
_STATE = """CASE WHEN enrolment.completed_at IS NOT NULL THEN 'done' WHEN enrolment.waived_at IS NOT NULL
    THEN 'waived' WHEN enrolment.started_at IS NULL THEN 'not_begun' WHEN enrolment.hard_at IS NOT NULL
    OR COALESCE(enrolment.active_at, enrolment.started_at) < {} THEN 'stuck' ELSE 'under_way' END"""


async def choices(curriculum: str) -> list[dict[str, Any]]:
    """What filters offer, in one query: published modules, lists, teams; the modules of one list (`in`, by its
    code); the zones that people live in.
    """
    return await db.fetch(
        """SELECT 'module' AS kind, module.id AS "id [uuid]", module.code AS code,
                  CAST(module_version.title AS TEXT) AS title, module.position AS position
           FROM module JOIN module_version ON module_version.module = module.id
                AND module_version.state = 'published'
           UNION ALL SELECT 'list', id, code, CAST(title AS TEXT), 0 FROM curriculum WHERE archived_at IS NULL
           UNION ALL SELECT 'team', id, '', name, 0 FROM team
           UNION ALL SELECT 'in', curriculum_module.module, '', '', curriculum_module.position
                FROM curriculum_module JOIN curriculum ON curriculum.id = curriculum_module.curriculum
                WHERE curriculum.code = {}
           UNION ALL SELECT DISTINCT 'zone', CAST(NULL AS uuid), time_zone, '', 0 FROM person WHERE active""",
        curriculum,
    )


async def kinds(scope: Scope) -> list[dict[str, Any]]:
    """Steps on clips of each kind of call: how many people have them, how many steps there are, are done, were graded,
    and were right at the first try.
    """
    sql, params = scope.where()
    return await db.fetch(
        f"""SELECT tag, count(DISTINCT whose) AS people, count(*) AS steps, sum(done) AS done,
                   sum(graded) AS graded, sum(correct) AS correct
            FROM (SELECT {TAG} AS tag, person.id AS whose,
                         CASE WHEN first.id IS NULL THEN 0 ELSE 1 END AS done,
                         CASE WHEN first.correct IS NULL THEN 0 ELSE 1 END AS graded,
                         CASE WHEN first.correct THEN 1 ELSE 0 END AS correct
                  FROM person CROSS JOIN enrolment
                  JOIN step ON step.module_version = enrolment.module_version
                  JOIN clip ON clip.id = step.clip
                  JOIN recording ON recording.id = clip.recording
                  LEFT JOIN answer first
                    ON first.enrolment = enrolment.id AND first.step = step.id AND first.attempt = 1
                  WHERE enrolment.person = person.id AND enrolment.waived_at IS NULL AND {sql}) counted
            WHERE tag <> '' GROUP BY tag""",
        *params,
    )


async def totals(scope: Scope, *, by: str) -> list[dict[str, Any]]:
    """How many rows are in each state, and how many overdue, for each module or team (`by`).

    A filter by state does not count here: the picture shows what there is to choose from.
    """
    column = {"module": "enrolment.module", "team": "person.team"}[by]
    people = {"module": "count(*)", "team": "count(DISTINCT whose)"}[by]  # a person has one row in a module
    overdue, days = scope.today.overdue()
    sql, params = scope.where(state=False)
    counts = ", ".join(f"sum(CASE WHEN state = '{name}' THEN 1 ELSE 0 END) AS {name}" for name in STATES)
    return await db.fetch(
        f"""SELECT subject AS "subject [uuid]", {people} AS people, {counts},
                   sum(overdue) AS overdue
            FROM (SELECT {column} AS subject, person.id AS whose, {_STATE} AS state,
                         CASE WHEN {overdue} THEN 1 ELSE 0 END AS overdue
                  FROM person CROSS JOIN enrolment WHERE enrolment.person = person.id AND {sql}) counted
            GROUP BY subject""",
        scope.quiet_since,
        *days,
        *params,
    )


async def rows(
    scope: Scope,
    *,
    limit: int,
    after: tuple[str, UUID, int, UUID] | None = None,
    order: str = "name",
) -> list[dict[str, Any]]:
    """Rows with the step that the person is at. By name, person, the module's place and id, after such a key; or
    (`order` "quiet") those with whom nothing happened for the longest time first.
    """
    # CROSS JOIN: SQLite goes through people by name and stops at the limit, in place of sorting all rows
    overdue, days = scope.today.overdue()
    sql, params = scope.where()
    if after is not None:
        sql += " AND (person.name_key, person.id, module.position, enrolment.id) > ({}, {}, {}, {})"
        params += list(after)
    orders = {
        "name": "person.name_key, person.id, module.position, enrolment.id",
        "quiet": "COALESCE(enrolment.active_at, enrolment.started_at), enrolment.id",
    }
    return await db.fetch(
        f"""SELECT enrolment.id, person.id AS person, person.name, person.name_key, person.time_zone, person.team,
                   team.name AS team_name, enrolment.module, module.code, module.position AS module_position,
                   module_version.version, module_version.title, module_version.language, {_STATE} AS state,
                   CASE WHEN {overdue} THEN 1 ELSE 0 END AS overdue, enrolment.due_on, enrolment.created_at,
                   enrolment.started_at, enrolment.completed_at, enrolment.waived_at, enrolment.waived_why,
                   enrolment.signed_off_at, enrolment.active_at, enrolment.hard_at, enrolment.at_step,
                   (SELECT count(*) FROM step counted WHERE counted.module_version = enrolment.module_version)
                       AS steps,
                   (SELECT count(DISTINCT answer.step) FROM answer WHERE answer.enrolment = enrolment.id
                    AND (answer.correct IS NULL OR answer.correct OR answer.attempt >= 2)) AS done_steps,
                   CASE WHEN enrolment.hard_at IS NOT NULL THEN (SELECT count(*) FROM answer
                        WHERE answer.enrolment = enrolment.id AND answer.step = step.id) END AS tries,
                   step.id AS step, step.kind AS step_kind, step.body AS step_body,
                   rule_version.title AS rule_title
            FROM person CROSS JOIN enrolment JOIN module ON module.id = enrolment.module
                 JOIN module_version ON module_version.id = enrolment.module_version
                 LEFT JOIN team ON team.id = person.team
                 LEFT JOIN step ON step.module_version = enrolment.module_version
                      AND step.position = COALESCE(enrolment.hard_at, enrolment.at_step)
                      AND enrolment.started_at IS NOT NULL AND enrolment.completed_at IS NULL
                      AND enrolment.waived_at IS NULL
                 LEFT JOIN rule_version ON rule_version.rule = step.rule
                      AND rule_version.version = step.rule_version
            WHERE enrolment.person = person.id AND {sql} ORDER BY {orders[order]} LIMIT {{}}""",
        scope.quiet_since,
        *days,
        *params,
        limit,
    )


async def people(scope: Scope, *, limit: int, after: tuple[str, UUID] | None = None) -> list[dict[str, Any]]:
    """The people who have such rows, by name after (name_key, id)."""
    sql, params = scope.where()
    key = ""
    if after is not None:
        key, params = " AND (person.name_key, person.id) > ({}, {})", [*params, *after]
    return await db.fetch(
        f"""SELECT person.id, person.name, person.name_key, team.name AS team_name
            FROM person LEFT JOIN team ON team.id = person.team
            WHERE EXISTS (SELECT 1 FROM enrolment WHERE enrolment.person = person.id AND {sql}){key}
            ORDER BY person.name_key, person.id LIMIT {{}}""",
        *params,
        limit,
    )


async def answers_of(person: UUID) -> list[dict[str, Any]]:
    """Every answer of a person, by enrolment and step, oldest first; the words of a reflection stay out."""
    return await db.fetch(
        """SELECT answer.enrolment, step.position, step.kind, step.body AS step_body,
                  rule_version.title AS rule_title, answer.attempt, answer.correct, answer.score, answer.at,
                  CASE WHEN step.kind = 'reflect' THEN NULL ELSE answer.given END AS given
           FROM answer JOIN enrolment ON enrolment.id = answer.enrolment JOIN step ON step.id = answer.step
                LEFT JOIN rule_version ON rule_version.rule = step.rule
                     AND rule_version.version = step.rule_version
           WHERE enrolment.person = {} ORDER BY answer.enrolment, step.position, answer.attempt""",
        person,
    )
