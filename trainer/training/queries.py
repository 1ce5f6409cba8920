"""Raw SQL of training: a version with its steps and their rules, enrolments with where they stand."""

from datetime import UTC, date, datetime, time
from typing import Any
from uuid import UUID

from trainer import db

_STEP = """
    step.id, step.module_version, step.position, step.kind, step.rule, step.rule_version, step.clip,
    step.other_clip, step.body, rule.code AS rule_code, rule_version.title AS rule_title,
    rule_version.statement AS rule_statement, rule_version.why AS rule_why,
    rule_version.severity AS rule_severity, rule_version.key_tokens, rule_version.recall_prompt
"""

_RULE_OF_STEP = """
    LEFT JOIN rule ON rule.id = step.rule
    LEFT JOIN rule_version ON rule_version.rule = step.rule AND rule_version.version = step.rule_version
"""

_VERSIONS = """
    SELECT module.id AS module, module.code, module.starter, module.position, module_version.id,
    module_version.version,
           module_version.state, module_version.title, module_version.summary, module_version.language,
           module_version.minutes, module_version.rules, module_version.revision, module_version.published_at
    FROM module_version JOIN module ON module.id = module_version.module
"""

_ENROLMENTS = """
    SELECT enrolment.id, enrolment.person, person.team AS person_team, person.name AS person_name,
    enrolment.module, enrolment.module_version, enrolment.enrolled_by, enrolment.assignment,
           enrolment.due_on, enrolment.created_at, enrolment.started_at, enrolment.completed_at,
           enrolment.waived_at, enrolment.waived_by, enrolment.waived_why, enrolment.signed_off_at,
           enrolment.signed_off_by, enrolment.active_at, enrolment.hard_at,
           enrolment.at_step, enrolment.step_state, enrolment.skipped, module.code, module.position AS module_position,
           module_version.version, module_version.title, module_version.summary, module_version.minutes,
           module_version.language, (SELECT count(*) FROM step WHERE step.module_version =
           enrolment.module_version) AS steps, (SELECT count(DISTINCT answer.step) FROM answer WHERE
           answer.enrolment = enrolment.id
            AND (answer.correct IS NULL OR answer.correct OR answer.attempt >= 2)) AS done,
           (SELECT count(*) FROM answer WHERE answer.enrolment = enrolment.id AND answer.correct IS NOT NULL
            AND NOT EXISTS (SELECT 1 FROM answer later WHERE later.enrolment = answer.enrolment
                            AND later.step = answer.step AND later.attempt > answer.attempt)) AS graded,
           (SELECT count(*) FROM answer WHERE answer.enrolment = enrolment.id AND answer.correct
            AND NOT EXISTS (SELECT 1 FROM answer later WHERE later.enrolment = answer.enrolment
                            AND later.step = answer.step AND later.attempt > answer.attempt)) AS remembered
    FROM enrolment JOIN person ON person.id = enrolment.person JOIN module ON module.id = enrolment.module
    JOIN module_version ON module_version.id = enrolment.module_version
"""


async def steps_of(module_version: UUID, *, removed: bool = False) -> list[dict[str, Any]]:
    """The steps of a version in order, each with the rule version it pins; or those taken out of a draft."""
    which = "step.position < 0" if removed else "step.position >= 0"
    return await db.fetch(
        f"""SELECT {_STEP} FROM step {_RULE_OF_STEP} WHERE step.module_version = {{}} AND {which}
            ORDER BY step.position""",
        module_version,
    )


async def versions_of(module: UUID) -> list[dict[str, Any]]:
    """Every version of a module, newest first."""
    return await db.fetch(_VERSIONS + " WHERE module.id = {} ORDER BY module_version.version DESC", module)


async def version_of_code(code: str, state: str) -> dict[str, Any] | None:
    """A module's version in a state (one at most is draft, one published), by the module's code."""
    return await db.fetch_one(
        _VERSIONS + " WHERE module.code = {} AND module_version.state = {}", code, state
    )


async def current_versions(states: list[str]) -> list[dict[str, Any]]:
    """All versions in these states, in the curriculum's order."""
    return await db.fetch(
        _VERSIONS
        + " WHERE module_version.state IN ({}) ORDER BY module.position, module.code, module_version.version",
        states,
    )


async def enrolment(enrolment_id: UUID) -> dict[str, Any] | None:
    """One enrolment with its module."""
    return await db.fetch_one(_ENROLMENTS + " WHERE enrolment.id = {}", enrolment_id)


async def enrolments_of(person: UUID) -> list[dict[str, Any]]:
    """A person's enrolments: due ones, the nearest day first, then the starter, begun ones, and in the curriculum's
    order; then finished ones, newest first, and waived ones.
    """
    return await db.fetch(
        _ENROLMENTS
        + """ WHERE enrolment.person = {} ORDER BY CASE WHEN enrolment.waived_at IS NOT NULL THEN 2
              WHEN enrolment.completed_at IS NOT NULL THEN 1 ELSE 0 END,
              CASE WHEN enrolment.due_on IS NULL OR enrolment.completed_at IS NOT NULL THEN 1 ELSE 0 END,
              CASE WHEN enrolment.completed_at IS NULL THEN enrolment.due_on END,
              CASE WHEN module.starter AND enrolment.completed_at IS NULL THEN 0 ELSE 1 END,
              CASE WHEN enrolment.started_at IS NULL THEN 1 ELSE 0 END, enrolment.completed_at DESC,
              enrolment.position, module.position, module.code""",
        person,
    )


async def next_enrolment(person: UUID) -> dict[str, Any] | None:
    """What a person goes on with: begun first; then the starter, so that everybody begins with it (003-19);
    then due first, then in the curriculum's order.
    """
    return await db.fetch_one(
        _ENROLMENTS
        + """ WHERE enrolment.person = {} AND enrolment.completed_at IS NULL AND enrolment.waived_at IS NULL
              ORDER BY CASE WHEN enrolment.started_at IS NULL THEN 1 ELSE 0 END,
              CASE WHEN module.starter THEN 0 ELSE 1 END,
              CASE WHEN enrolment.due_on IS NULL THEN 1 ELSE 0 END, enrolment.due_on, enrolment.position,
              module.position LIMIT 1""",
        person,
    )


async def done_enrolment(person: UUID, module_version: UUID) -> UUID | None:
    """A person's newest completed enrolment in a version."""
    row = await db.fetch_one(
        """SELECT id FROM enrolment WHERE person = {} AND module_version = {} AND completed_at IS NOT NULL
           ORDER BY completed_at DESC LIMIT 1""",
        person,
        module_version,
    )
    return row["id"] if row else None


async def enrolments_page(
    person: UUID | None, team: UUID | None, viewer: UUID, limit: int, after: UUID | None
) -> list[dict[str, Any]]:
    """Enrolments in the order of their ids: of one person, of a team and oneself, or of all."""
    sql, params = _ENROLMENTS + " WHERE 1 = 1", list[Any]()
    if person is not None:
        sql += " AND enrolment.person = {}"
        params.append(person)
    if team is not None:
        sql += " AND (person.team = {} OR enrolment.person = {})"
        params += [team, viewer]
    if after is not None:
        sql += " AND enrolment.id > {}"
        params.append(after)
    return await db.fetch(sql + " ORDER BY enrolment.id LIMIT {}", *params, limit)


async def modules_to_begin(person: UUID) -> list[dict[str, Any]]:
    """Published modules that a person neither has nor had, in the curriculum's order; waived ones are free to
    choose.
    """
    return await db.fetch(
        _VERSIONS
        + """ WHERE module_version.state = 'published' AND NOT EXISTS (
                SELECT 1 FROM enrolment WHERE enrolment.module = module.id AND enrolment.person = {}
                AND enrolment.waived_at IS NULL)
              ORDER BY module.position, module.code""",
        person,
    )


async def steps_with_answers(enrolment_id: UUID) -> list[dict[str, Any]]:
    """The steps of an enrolment's version with every answer to them: a row per answer, oldest first."""
    return await db.fetch(
        f"""SELECT {_STEP}, answer.attempt, answer.given, answer.correct, answer.score, answer.feedback,
        answer.at
            FROM enrolment JOIN step ON step.module_version = enrolment.module_version {_RULE_OF_STEP}
            LEFT JOIN answer ON answer.enrolment = enrolment.id AND answer.step = step.id
            WHERE enrolment.id = {{}} ORDER BY step.position, answer.attempt""",
        enrolment_id,
    )


async def hold_enrolment(enrolment_id: UUID, person: UUID) -> bool:
    """Inside a transaction: nobody else answers in this enrolment until it ends. False: it is not theirs, or they
    were erased.
    """
    held = await db.fetch(
        """UPDATE enrolment SET at_step = at_step WHERE id = {} AND person = {}
           AND EXISTS (SELECT 1 FROM person WHERE person.id = enrolment.person AND person.erased_at IS NULL)
           RETURNING id""",
        enrolment_id,
        person,
    )
    return bool(held)


async def keep_place(enrolment_id: UUID, position: int, attempt: int, state: str, now: datetime) -> None:
    """Where somebody is, unless they are done or this try at the step was answered; after `hold_enrolment`."""
    await db.fetch(
        """UPDATE enrolment SET at_step = {}, step_state = {}, active_at = {}
           WHERE id = {} AND completed_at IS NULL AND NOT EXISTS (
               SELECT 1 FROM answer JOIN step ON step.id = answer.step
               WHERE answer.enrolment = enrolment.id AND step.position = {} AND answer.attempt >= {})
           RETURNING id""",
        position,
        state,
        now,
        enrolment_id,
        position,
        attempt,
    )


async def forget_words(person: UUID) -> None:
    """Empties what somebody answered and typed, and why others let them off; what was right, and when, stays."""
    # first, so that an answer that is under way is waited for: it holds its enrolment
    await db.fetch(
        "UPDATE enrolment SET step_state = {}, waived_why = '' WHERE person = {} RETURNING id", "{}", person
    )
    await db.fetch(
        """UPDATE answer SET given = {}, feedback = {}
           WHERE enrolment IN (SELECT id FROM enrolment WHERE person = {}) RETURNING id""",
        *("{}", "{}", person),
    )


async def move_unbegun(module: UUID, version: UUID) -> None:
    """Whoever has not begun takes the new version."""
    await db.fetch(
        """UPDATE enrolment SET module_version = {} WHERE module = {} AND started_at IS NULL
           AND completed_at IS NULL AND waived_at IS NULL RETURNING id""",
        version,
        module,
    )


async def takers_of(module: UUID, team: UUID | None) -> dict[str, Any]:
    """How many enrolments a module has (in a team), how many of them are done, under way and waived."""
    sql, params = "enrolment.module = {}", [module]
    if team is not None:
        sql, params = f"{sql} AND person.team = {{}}", [module, team]
    row = await db.fetch_one(
        f"""SELECT count(*) AS enrolled, count(completed_at) AS done, count(waived_at) AS waived,
                   count(CASE WHEN completed_at IS NULL AND waived_at IS NULL THEN started_at END) AS under_way
            FROM enrolment JOIN person ON person.id = enrolment.person WHERE {sql}""",
        *params,
    )
    return row or {"enrolled": 0, "done": 0, "waived": 0, "under_way": 0}


async def needs_clip(person: UUID, clip: UUID) -> bool:
    """Whether a step that the person was given has this clip."""
    row = await db.fetch_one(
        """SELECT 1 AS found FROM enrolment JOIN step ON step.module_version = enrolment.module_version
           WHERE enrolment.person = {} AND (step.clip = {} OR step.other_clip = {}) LIMIT 1""",
        person,
        clip,
        clip,
    )
    return row is not None


async def clips_of_step(enrolment_id: UUID, person: UUID, position: int) -> dict[str, Any] | None:
    """The clips of one step of a person's own enrolment."""
    return await db.fetch_one(
        """SELECT step.id, step.kind, step.clip, step.other_clip FROM enrolment
           JOIN step ON step.module_version = enrolment.module_version
           WHERE enrolment.id = {} AND enrolment.person = {} AND step.position = {}""",
        enrolment_id,
        person,
        position,
    )


async def curricula(curriculum: UUID | None) -> list[dict[str, Any]]:
    """A row for each module of one list, or of all in use, in order; a list without modules gives one row.

    A module is shown in its published version, else in its newest.
    """
    where, params = ("curriculum.archived_at IS NULL", list[Any]())
    if curriculum is not None:
        where, params = "curriculum.id = {}", [curriculum]
    return await db.fetch(
        f"""SELECT curriculum.id, curriculum.code, curriculum.title, curriculum.summary, curriculum.revision,
                   curriculum.archived_at, curriculum_module.module, module.code AS module_code,
                   module_version.title AS module_title, module_version.minutes,
                   module_version.state AS module_state
            FROM curriculum LEFT JOIN curriculum_module ON curriculum_module.curriculum = curriculum.id
                 LEFT JOIN module ON module.id = curriculum_module.module
                 LEFT JOIN module_version ON module_version.module = module.id
                      AND module_version.version = COALESCE(
                          (SELECT shown.version FROM module_version shown
                           WHERE shown.module = module.id AND shown.state = 'published'),
                          (SELECT max(shown.version) FROM module_version shown WHERE shown.module = module.id))
            WHERE {where} ORDER BY curriculum.created_at, curriculum.id, curriculum_module.position""",
        *params,
    )


async def modules_with_clips(clips: list[UUID]) -> list[dict[str, Any]]:
    """Published modules with the clips, of these, that one of their steps plays."""
    return await db.fetch(
        """SELECT DISTINCT clip.id AS clip, module_version.module, CAST(module_version.title AS TEXT) AS title
           FROM step
           JOIN module_version ON module_version.id = step.module_version AND module_version.state = 'published'
           JOIN clip ON clip.id IN (step.clip, step.other_clip)
           WHERE clip.id IN ({})
           ORDER BY title""",
        clips,
    )


async def modules_about(rule: UUID, person: UUID) -> list[dict[str, Any]]:
    """Published modules with steps about a rule, in the curriculum's order; with the person's newest enrolment
    that was not waived, and whether it is done.
    """
    return await db.fetch(
        """SELECT module.id AS module, module_version.title, module_version.minutes, count(*) AS steps,
                  mine.id AS "mine [uuid]", mine.completed_at AS "done [timestamptz]"
           FROM step JOIN module_version ON module_version.id = step.module_version
                AND module_version.state = 'published' JOIN module ON module.id = module_version.module
                LEFT JOIN enrolment mine ON mine.id = (
                    SELECT enrolment.id FROM enrolment WHERE enrolment.module = module.id
                    AND enrolment.person = {} AND enrolment.waived_at IS NULL
                    ORDER BY enrolment.created_at DESC LIMIT 1)
           WHERE step.rule = {}
           GROUP BY module.id, module.position, module.code, module_version.id, module_version.minutes, mine.id,
                    mine.completed_at
           ORDER BY module.position, module.code""",
        person,
        rule,
    )


async def agents_without(module: str) -> list[UUID]:
    """Agents who never had any enrolment in the module of this code."""
    rows = await db.fetch(
        """SELECT person.id FROM person WHERE person.active AND ' ' || person.roles || ' ' LIKE '% agent %'
           AND NOT EXISTS (SELECT 1 FROM enrolment JOIN module ON module.id = enrolment.module
                           WHERE enrolment.person = person.id AND module.code = {})""",
        module,
    )
    return [row["id"] for row in rows]


async def newcomers(since: date) -> list[UUID]:
    """Agents hired (or else entered) since a day who have not completed any module."""
    rows = await db.fetch(
        """SELECT person.id FROM person WHERE person.active AND ' ' || person.roles || ' ' LIKE '% agent %'
           AND (person.hired_on >= {} OR (person.hired_on IS NULL AND person.created_at >= {}))
           AND NOT EXISTS (SELECT 1 FROM enrolment WHERE enrolment.person = person.id
                           AND enrolment.completed_at IS NOT NULL)""",
        since,
        datetime.combine(since, time(), UTC),
    )
    return [row["id"] for row in rows]
