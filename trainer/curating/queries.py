"""Raw SQL of curating: the clips pinned to rules for the board, and unheard calls with what speaks for them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from trainer import db
from trainer.calls.queries import Reach as CallReach
from trainer.clips.queries import LIVING
from trainer.clips.queries import Reach as ClipReach

Row = dict[str, Any]

# What a rule says today: its published version.
_FITS = """CASE WHEN pinned.version = present.version OR (
        CAST(pinned.statement AS TEXT) = CAST(present.statement AS TEXT)
        AND pinned.severity = present.severity AND pinned.kind = present.kind) THEN 1 ELSE 0 END"""
_OPEN = ("draft", "in_review")


async def pinned_clips(reach: ClipReach, rules: Sequence[UUID]) -> list[Row]:
    """Every published or begun clip within reach that is pinned to one of the rules, once a rule, oldest first.

    `fits`: 1 where the rule still says what the clip was pinned to, else `changed_at` is when that changed.
    """
    within, params = reach.condition(("published", *_OPEN))
    return await db.fetch(
        f"""SELECT clip_rule.rule, clip.id, clip.title, clip.polarity, clip.state, clip.language, clip.replaces,
                   clip.expires_at AS own_expires_at, recording.expires_at, recording.staged, recording.agent,
                   {_FITS} AS fits, later.published_at AS changed_at, 1 AS clips
            FROM clip_rule
            JOIN clip ON clip.id = clip_rule.clip
            JOIN recording ON recording.id = clip.recording
            LEFT JOIN person heard ON heard.id = recording.agent
            JOIN rule_version pinned ON pinned.rule = clip_rule.rule AND pinned.version = clip_rule.rule_version
            JOIN rule_version present ON present.rule = clip_rule.rule AND present.state = 'published'
            LEFT JOIN rule_version later
              ON later.rule = clip_rule.rule AND later.version = clip_rule.rule_version + 1
            WHERE {LIVING} AND {within} AND clip_rule.rule IN ({{}})
            ORDER BY clip.created_at, clip.id""",
        db.utc_now(),
        *params,
        list(rules),
    )


# Calls worth hearing


@dataclass(frozen=True, slots=True)
class Limits:
    """From when on silence and talking at once are worth an ear, in ms."""

    silence_ms: int
    talk_over_ms: int


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which calls are sought. `rule` is looked for in marks, `kind` the sort of moment (exemplar or what went
    wrong), `but_agent` somebody else's voice, `why` one reason alone; empty parts ask for nothing.
    """

    viewer: UUID
    rule: UUID | None = None
    rulebook: str = ""
    kind: str = ""
    language: str = ""
    but_agent: UUID | None = None
    why: str = ""
    passed: bool = False


# Each with the marks that say so, of evaluations that stand. Parameters: the rule looked for.
_FOUND = """
    SELECT recording.id, recording.title, recording.agent, agent.name AS agent_name, recording.called_at,
           recording.created_at, recording.duration_ms, recording.csat, recording.tag, recording.language,
           recording.longest_silence_ms, recording.silence_at_ms, recording.talk_over_ms,
           recording.talk_over_at_ms, passed.at AS passed_at, passer.name AS passed_by,
           phrased.hits AS phrases, phrased.at_ms AS phrase_at_ms,
           (SELECT COUNT(*) FROM mark JOIN evaluation ON evaluation.id = mark.evaluation
            WHERE evaluation.recording = recording.id AND evaluation.state = 'released'
              AND mark.mark = 'missed' AND mark.severity = 'fatal') AS fatal,
           (SELECT MIN(mark.at_ms) FROM mark JOIN evaluation ON evaluation.id = mark.evaluation
            WHERE evaluation.recording = recording.id AND evaluation.state = 'released'
              AND mark.mark = 'missed' AND mark.severity = 'fatal') AS fatal_at_ms,
           (SELECT MAX(mark.mark) FROM mark JOIN evaluation ON evaluation.id = mark.evaluation
            WHERE evaluation.recording = recording.id AND evaluation.state = 'released'
              AND mark.rule = {} AND mark.mark IN ('met', 'missed')) AS said,
           (SELECT MIN(mark.at_ms) FROM mark JOIN evaluation ON evaluation.id = mark.evaluation
            WHERE evaluation.recording = recording.id AND evaluation.state = 'released'
              AND mark.rule = {} AND mark.mark IN ('met', 'missed')) AS said_at_ms
    FROM recording
    LEFT JOIN person AS agent ON agent.id = recording.agent
    LEFT JOIN passed_call AS passed ON passed.recording = recording.id
    LEFT JOIN person AS passer ON passer.id = passed.person
    LEFT JOIN phrased_call AS phrased ON phrased.recording = recording.id
"""

# Heard by whoever curates: another trainer, or the viewer; and what was cut from was heard.
_UNHEARD = """NOT EXISTS (SELECT 1 FROM play JOIN person AS listener ON listener.id = play.person
        WHERE play.recording = recording.id
          AND (play.person = {} OR ' ' || listener.roles || ' ' LIKE '% trainer %'))
    AND NOT EXISTS (SELECT 1 FROM clip WHERE clip.recording = recording.id)"""

_REASONS = {
    "fatal": ("found.fatal > 0", ()),
    "silence": ("found.longest_silence_ms >= {}", ("silence_ms",)),
    "talk_over": ("found.talk_over_ms >= {}", ("talk_over_ms",)),
    "unhappy": ("found.csat <= 2", ()),
    "delighted": ("found.csat = 5", ()),
    "phrase": ("found.phrases > 0", ()),
    "marked": ("found.said IS NOT NULL", ()),
}
REASONS = tuple(_REASONS)
# How much each reason weighs: looking for a good moment, for one that went wrong, for neither.
_WEIGHTS = {
    "exemplar": {"fatal": 0, "silence": 0, "talk_over": 0, "unhappy": 0, "delighted": 6, "phrase": 0},
    "wrong": {"fatal": 6, "silence": 3, "talk_over": 3, "unhappy": 5, "delighted": 0, "phrase": 2},
    "": {"fatal": 6, "silence": 3, "talk_over": 2, "unhappy": 4, "delighted": 3, "phrase": 1},
}


def _reason(name: str, limits: Limits) -> tuple[str, list[Any]]:
    sql, needs = _REASONS[name]
    return sql, [getattr(limits, need) for need in needs]


def _weight(kind: str, limits: Limits) -> tuple[str, list[Any]]:
    """How worth hearing a call is, as SQL. What an analyst marked of the very rule weighs most."""
    weights = _WEIGHTS["wrong" if kind in ("counterexample", "near_miss") else kind]
    said = {"exemplar": "met", "counterexample": "missed", "near_miss": "missed"}.get(kind)
    parts, params = ["CASE WHEN found.said IS NOT NULL THEN 4 ELSE 0 END"], list[Any]()
    if said:
        parts = [f"CASE WHEN found.said = '{said}' THEN 10 ELSE 0 END"]
    for name, weight in weights.items():
        sql, needed = _reason(name, limits)
        parts.append(f"CASE WHEN {sql} THEN {weight} ELSE 0 END")
        params += needed
    return " + ".join(parts), params


async def worth_hearing(
    reach: CallReach,
    wanted: Wanted,
    limits: Limits,
    *,
    limit: int,
    after: tuple[int, datetime, UUID] | None = None,
) -> list[Row]:
    """Calls for which something speaks, the weightiest first, then the newest; after one of them."""
    reached = reach.condition()
    if reached is None:
        return []
    where = [reached[0], "recording.state = 'ready'", "NOT recording.staged"]
    params: list[Any] = [wanted.rule, wanted.rule, *reached[1]]
    where.append("(recording.expires_at IS NULL OR recording.expires_at > {})")
    params.append(db.utc_now())
    if wanted.passed:
        where.append("passed.id IS NOT NULL")
    else:
        where += ["passed.id IS NULL", _UNHEARD]
        params.append(wanted.viewer)
    for condition, value in (
        (
            "(recording.rulebook IS NULL OR recording.rulebook IN (SELECT id FROM rulebook WHERE code = {}))",
            wanted.rulebook or None,
        ),
        ("recording.language = {}", wanted.language or None),
        ("(recording.agent IS NULL OR recording.agent <> {})", wanted.but_agent),
    ):
        if value is not None:
            where.append(condition)
            params.append(value)
    weight, weighed = _weight(wanted.kind, limits)
    some, needed = _spoken_for(wanted, limits)
    later, place = ("(weight, created_at, id) < ({}, {}, {})", list(after)) if after else ("1 = 1", [])
    speaks = "1 = 1" if wanted.passed else "weight > 0"
    return await db.fetch(
        f"""SELECT * FROM (SELECT found.*, {weight} AS weight
                FROM ({_FOUND} WHERE {" AND ".join(where)}) AS found WHERE {some}) AS weighed
            WHERE {speaks} AND {later} ORDER BY weight DESC, created_at DESC, id DESC LIMIT {{}}""",
        *weighed,
        *params,
        *needed,
        *place,
        limit,
    )


def _spoken_for(wanted: Wanted, limits: Limits) -> tuple[str, list[Any]]:
    """One reason, or any of them."""
    if wanted.passed:
        return "1 = 1", []
    names = [wanted.why] if wanted.why in _REASONS else list(_REASONS)
    found = [_reason(name, limits) for name in names]
    return f"({' OR '.join(sql for sql, _params in found)})", [
        value for _sql, params in found for value in params
    ]


async def keep_count(row: Row) -> None:
    """Keeps how many phrases there are in a call; another count of the same moment may have been first."""
    names = ", ".join(row)
    await db.fetch(
        f"""INSERT INTO phrased_call ({names}) VALUES ({", ".join(["{}"] * len(row))})
            ON CONFLICT (recording) DO UPDATE SET hits = excluded.hits, at_ms = excluded.at_ms""",
        *row.values(),
    )


async def newest_unheard(since: datetime, limit: int) -> list[UUID]:
    """Calls since then that nobody has heard or cut, the newest first."""
    rows = await db.fetch(
        """SELECT recording.id FROM recording
           WHERE recording.state = 'ready' AND recording.created_at >= {}
             AND NOT EXISTS (SELECT 1 FROM play WHERE play.recording = recording.id)
             AND NOT EXISTS (SELECT 1 FROM clip WHERE clip.recording = recording.id)
           ORDER BY recording.created_at DESC LIMIT {}""",
        since,
        limit,
    )
    return [row["id"] for row in rows]
