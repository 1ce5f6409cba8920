"""Raw SQL of evaluations: each with the names it is shown with in one round trip, marks with their rule's words."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from trainer import db

Row = dict[str, Any]

EVALUATIONS = """
    SELECT evaluation.id, evaluation.state, evaluation.recording, recording.title AS recording_title,
           recording.state AS recording_state, recording.duration_ms AS recording_ms,
           recording.agent AS call_agent, evaluation.agent, agent.name AS agent_name, agent.team AS agent_team,
           team.name AS agent_team_name, evaluation.rulebook,
           rulebook.code AS rulebook_code, rulebook.title AS rulebook_title, evaluation.replaces,
           newer.id AS replaced_by, evaluation.resolved, evaluation.outcome, evaluation.service_level,
           evaluation.csat, evaluation.comment, evaluation.reason, evaluation.score, evaluation.fatal_missed,
           (SELECT COUNT(*) FROM mark WHERE mark.evaluation = evaluation.id AND mark.mark = 'missed'
            AND mark.severity <> 'fatal') AS non_fatal_missed,
           (SELECT COUNT(*) FROM mark WHERE mark.evaluation = evaluation.id AND mark.mark <> '') AS marked,
           (SELECT COUNT(*) FROM evaluation_reply WHERE evaluation_reply.evaluation = evaluation.id) AS replies,
           evaluation.source, evaluation.evaluated_by, analyst.name AS evaluated_by_name, evaluation.called_at,
           evaluation.created_at, evaluation.listed_at, evaluation.released_at, evaluation.seen_at,
           evaluation.revision
    FROM evaluation
    JOIN person AS agent ON agent.id = evaluation.agent
    JOIN rulebook ON rulebook.id = evaluation.rulebook
    LEFT JOIN team ON team.id = agent.team
    LEFT JOIN recording ON recording.id = evaluation.recording
    LEFT JOIN person AS analyst ON analyst.id = evaluation.evaluated_by
    LEFT JOIN evaluation AS newer ON newer.replaces = evaluation.id AND newer.state <> 'draft'
"""
MARKS = """
    SELECT mark.evaluation, mark.rule, rule.code, rule.position, mark.rule_version AS version,
           (SELECT MAX(other.version) FROM rule_version AS other
            WHERE other.rule = rule.id AND other.state = 'published') AS newest_version,
           version.title, version.statement, want.code AS want_code, want.title AS want_title, mark.mark,
           mark.at_ms, mark.comment, mark.weight, mark.severity
    FROM mark
    JOIN rule ON rule.id = mark.rule
    JOIN rule_version AS version ON version.rule = rule.id AND version.version = mark.rule_version
    LEFT JOIN want ON want.id = version.want
"""
# Every rule kept, and the caller not helped all the same (000-2).
NOT_HELPED = """(evaluation.resolved = FALSE AND COALESCE(evaluation.fatal_missed, 0) = 0
    AND (evaluation.score IS NOT NULL OR evaluation.fatal_missed IS NOT NULL)
    AND NOT EXISTS (SELECT 1 FROM mark WHERE mark.evaluation = evaluation.id AND mark.mark = 'missed'))"""


@dataclass(frozen=True, slots=True)
class Sight:
    """What somebody may find in lists: everything released, one team's, their own; and their own drafts."""

    person: UUID
    everything: bool
    team: UUID | None
    drafts: bool

    def condition(self) -> tuple[str, list[Any]]:
        parts, params = ["(evaluation.state <> 'draft' AND evaluation.agent = {})"], [self.person]
        if self.everything:
            parts, params = ["evaluation.state <> 'draft'"], []
        elif self.team is not None:
            parts.append("(evaluation.state <> 'draft' AND agent.team = {})")
            params.append(self.team)
        if self.drafts:
            parts.append("(evaluation.state = 'draft' AND evaluation.evaluated_by = {})")
            params.append(self.person)
        return f"({' OR '.join(parts)})", params


async def one(evaluation: UUID) -> Row | None:
    """One evaluation in any state."""
    return await db.fetch_one(f"{EVALUATIONS} WHERE evaluation.id = {{}}", evaluation)


async def listed(
    sight: Sight,
    *,
    state: str,
    agent: UUID | None,
    team: UUID | None,
    analyst: UUID | None,
    recording: UUID | None,
    not_helped: bool,
    after: tuple[datetime, UUID] | None,
    limit: int,
) -> list[Row]:
    """Evaluations in sight, newest first, after the one with this (listed_at, id)."""
    condition, params = sight.condition()
    where: list[str] = [condition]
    for text, value in (
        ("evaluation.state = {}", state or None),
        ("evaluation.agent = {}", agent),
        ("agent.team = {}", team),
        ("evaluation.evaluated_by = {}", analyst),
        ("evaluation.recording = {}", recording),
    ):
        if value is not None:
            where.append(text)
            params.append(value)
    if not_helped:
        where.append(NOT_HELPED)
    if after is not None:
        where.append("(evaluation.listed_at, evaluation.id) < ({}, {})")
        params += after
    return await db.fetch(
        f"""{EVALUATIONS} WHERE {" AND ".join(where)}
            ORDER BY evaluation.listed_at DESC, evaluation.id DESC LIMIT {{}}""",
        *params,
        limit,
    )


async def marks_of(evaluations: Sequence[UUID]) -> list[Row]:
    """The marks of evaluations in their books' order, in the words of the versions that they were made on."""
    return await db.fetch(
        f"{MARKS} WHERE mark.evaluation IN ({{}}) ORDER BY rule.position, rule.code", list(evaluations)
    )


async def of_recording(recording: UUID, analyst: UUID) -> list[Row]:
    """What there is of a call: its released evaluation, and this analyst's open draft (never a correction's)."""
    return await db.fetch(
        """SELECT id, state FROM evaluation WHERE recording = {}
           AND (state = 'released' OR (state = 'draft' AND replaces IS NULL AND evaluated_by = {}))""",
        recording,
        analyst,
    )


async def hold_people(people: Iterable[UUID]) -> set[UUID]:
    """Those of them who are not erased; until the transaction ends nobody erases them (SQLite: nobody else writes)."""
    shared = " FOR SHARE" if db.dialect() == "postgres" else ""
    rows = await db.fetch(
        f"SELECT id FROM person WHERE id IN ({{}}) AND erased_at IS NULL ORDER BY id{shared}",
        list(set(people)),
    )
    return {row["id"] for row in rows}


async def drop_drafts_about(person: UUID) -> None:
    """Throws away every open draft that judges somebody, with its marks; one whose call is another's by now stays."""
    await db.fetch(
        """DELETE FROM evaluation WHERE state = 'draft' AND COALESCE(
               (SELECT recording.agent FROM recording WHERE recording.id = evaluation.recording), agent) = {}
           RETURNING id""",
        person,
    )


async def insert(row: Row) -> bool:
    """A new evaluation; False when its source is there already, or another one stands for its call."""
    names = ", ".join(row)
    places = ", ".join(["{}"] * len(row))
    made = await db.fetch(
        f"INSERT INTO evaluation ({names}) VALUES ({places}) ON CONFLICT DO NOTHING RETURNING id",
        *row.values(),
    )
    return bool(made)


async def copy_marks(source: UUID, target: UUID) -> None:
    """Begins a correction with what the old evaluation says."""
    rows = await db.fetch(
        "SELECT rule, rule_version, mark, at_ms, comment, weight, severity FROM mark WHERE evaluation = {}",
        source,
    )
    await insert_marks([(target, *row.values()) for row in rows])


async def replies(evaluation: UUID) -> list[Row]:
    """The words under an evaluation, oldest first, with who wrote them."""
    return await db.fetch(
        """SELECT reply.id, reply.author, person.name AS author_name, reply.by_role, reply.words, reply.at
           FROM evaluation_reply AS reply JOIN person ON person.id = reply.author
           WHERE reply.evaluation = {} ORDER BY reply.at, reply.id""",
        evaluation,
    )


async def add_reply(reply: UUID, evaluation: UUID, author: UUID, by: str, words: str) -> bool:
    """False when this very reply was sent before."""
    made = await db.fetch(
        """INSERT INTO evaluation_reply (id, evaluation, author, by_role, words, at)
           VALUES ({}, {}, {}, {}, {}, {}) ON CONFLICT (id) DO NOTHING RETURNING id""",
        reply,
        evaluation,
        author,
        by,
        words,
        db.utc_now(),
    )
    return bool(made)


async def leads_of(team: UUID) -> list[UUID]:
    """The active leads of a team."""
    rows = await db.fetch("SELECT id, roles FROM person WHERE team = {} AND active = TRUE", team)
    return [row["id"] for row in rows if "team_lead" in row["roles"].split()]


# For spreadsheets


async def addresses() -> list[Row]:
    """By what people are known, those who left included; erased people are known by nothing."""
    return await db.fetch("SELECT id, name, email, employee_no FROM person WHERE erased_at IS NULL")


async def living_calls() -> list[Row]:
    """Calls that an evaluation may name."""
    return await db.fetch(
        "SELECT id, agent, duration_ms, rulebook, title FROM recording WHERE state <> 'erased'"
    )


async def known_sources() -> list[Row]:
    """Every evaluation that is no draft, by its source."""
    return await db.fetch(
        "SELECT id, source, state, agent, rulebook, recording, replaces FROM evaluation WHERE state <> 'draft'"
    )


async def is_known(source: str) -> bool:
    """Whether an evaluation with this source is here."""
    return bool(await db.fetch("SELECT 1 AS one FROM evaluation WHERE source = {}", source))


async def all_released() -> list[Row]:
    """Every evaluation that is no draft, oldest first."""
    return await db.fetch(
        f"{EVALUATIONS} WHERE evaluation.state <> 'draft' ORDER BY evaluation.released_at, evaluation.id"
    )


async def insert_marks(rows: Sequence[tuple[Any, ...]]) -> None:
    """(evaluation, rule, rule_version, mark, at_ms, comment, weight, severity) of one evaluation, in one statement."""
    if not rows:
        return
    places = ", ".join(["({}, {}, {}, {}, {}, {}, {}, {}, {})"] * len(rows))
    await db.fetch(
        f"""INSERT INTO mark (id, evaluation, rule, rule_version, mark, at_ms, comment, weight, severity)
            VALUES {places}""",
        *(value for row in rows for value in (db.new_id(), *row)),
    )


async def replace_by_source(source: str) -> None:
    """The evaluation with this source no longer stands."""
    await db.fetch(
        "UPDATE evaluation SET state = 'replaced' WHERE source = {} AND state = 'released'", source
    )


async def link_replaced(source: str, replaced: str) -> None:
    """Says which one an imported correction replaces, once both are here."""
    await db.fetch(
        """UPDATE evaluation SET replaces = (SELECT old.id FROM evaluation AS old WHERE old.source = {})
           WHERE source = {} AND replaces IS NULL""",
        replaced,
        source,
    )


# For homes


async def calls_to_score(
    analyst: UUID, since: datetime, programmes: Iterable[UUID] | None, limit: int
) -> list[Row]:
    """Ready calls of somebody that nobody has evaluated: first of those who had the fewest since then, oldest first."""
    within, params = "", list[Any]()
    if programmes is not None:
        params = [list(programmes)]
        within = "AND (recording.rulebook IS NULL OR recording.rulebook IN ({}))"
        if not params[0]:
            within, params = "AND recording.rulebook IS NULL", []
    return await db.fetch(
        f"""SELECT recording.id AS recording, recording.title, recording.agent, agent.name AS agent_name,
                   team.name AS agent_team_name, recording.called_at, recording.created_at, recording.duration_ms,
                   draft.id AS draft,
                   (SELECT COUNT(*) FROM evaluation AS done WHERE done.agent = recording.agent
                    AND done.state = 'released' AND done.released_at >= {{}}) AS evaluated_this_month
            FROM recording
            JOIN person AS agent ON agent.id = recording.agent
            LEFT JOIN team ON team.id = agent.team
            LEFT JOIN evaluation AS draft ON draft.recording = recording.id AND draft.state = 'draft'
                 AND draft.replaces IS NULL AND draft.evaluated_by = {{}}
            WHERE recording.state = 'ready' AND recording.agent <> {{}} AND agent.erased_at IS NULL
              AND (recording.expires_at IS NULL OR recording.expires_at > {{}}) {within}
              AND NOT EXISTS (SELECT 1 FROM evaluation WHERE evaluation.recording = recording.id
                              AND evaluation.state <> 'draft')
            ORDER BY evaluated_this_month, COALESCE(recording.called_at, recording.created_at), recording.id
            LIMIT {{}}""",
        since,
        analyst,
        analyst,
        db.utc_now(),
        *params,
        limit,
    )


async def released_recordings(agent: UUID) -> list[UUID]:
    """The calls of an agent that have a released evaluation."""
    rows = await db.fetch(
        "SELECT DISTINCT recording FROM evaluation WHERE agent = {} AND state = 'released' AND recording IS NOT NULL",
        agent,
    )
    return [row["recording"] for row in rows]


async def is_released(agent: UUID, recording: UUID) -> bool:
    """Whether this call of the agent's has a released evaluation."""
    row = await db.fetch_one(
        "SELECT 1 AS one FROM evaluation WHERE recording = {} AND agent = {} AND state = 'released' LIMIT 1",
        recording,
        agent,
    )
    return row is not None


# Totals

_COUNTS = f"""
    COUNT(*) AS evaluations, COUNT(DISTINCT evaluation.agent) AS people,
    SUM(evaluation.score) AS score_sum, COUNT(evaluation.score) AS scored,
    COUNT(evaluation.fatal_missed) AS fatal_asked,
    COUNT(CASE WHEN evaluation.fatal_missed > 0 THEN 1 END) AS fatal_failed,
    COUNT(evaluation.resolved) AS resolved_asked,
    COUNT(CASE WHEN evaluation.resolved THEN 1 END) AS resolved,
    COUNT(CASE WHEN {NOT_HELPED} THEN 1 END) AS not_helped,
    COUNT(DISTINCT CASE WHEN evaluation.score IS NOT NULL THEN evaluation.agent END) AS score_people,
    COUNT(DISTINCT CASE WHEN evaluation.fatal_missed IS NOT NULL THEN evaluation.agent END) AS fatal_people,
    COUNT(DISTINCT CASE WHEN evaluation.resolved IS NOT NULL THEN evaluation.agent END) AS resolved_people
"""


async def totals_whole(since: datetime) -> Row:
    """Counts over everybody's released evaluations."""
    row = await db.fetch_one(
        f"SELECT {_COUNTS} FROM evaluation WHERE evaluation.state = 'released' AND evaluation.released_at >= {{}}",
        since,
    )
    assert row is not None
    return row


async def totals_by_team(since: datetime) -> list[Row]:
    """The same by the agents' present team."""
    return await db.fetch(
        f"""SELECT team.id AS team, team.name, {_COUNTS} FROM evaluation
            JOIN person AS agent ON agent.id = evaluation.agent LEFT JOIN team ON team.id = agent.team
            WHERE evaluation.state = 'released' AND evaluation.released_at >= {{}}
            GROUP BY team.id, team.name ORDER BY team.name""",
        since,
    )


async def totals_by_rule(since: datetime) -> list[Row]:
    """How often each rule was met and missed, and with how many people it was asked."""
    return await db.fetch(
        """SELECT rule.code, rule.position, version.title, version.severity,
                  COUNT(CASE WHEN mark.mark = 'met' THEN 1 END) AS met,
                  COUNT(CASE WHEN mark.mark = 'missed' THEN 1 END) AS missed,
                  COUNT(DISTINCT evaluation.agent) AS people
           FROM mark JOIN evaluation ON evaluation.id = mark.evaluation
           JOIN rule ON rule.id = mark.rule
           JOIN rule_version AS version ON version.rule = rule.id AND version.state = 'published'
           WHERE evaluation.state = 'released' AND evaluation.released_at >= {} AND mark.mark IN ('met', 'missed')
           GROUP BY rule.id, version.id
           ORDER BY rule.position, rule.code""",
        since,
    )
