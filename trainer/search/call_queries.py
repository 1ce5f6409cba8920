"""Raw SQL of finding calls: by a line that holds all words, and by words that stand in several lines of one call.

Each call has an entry for its title, one for each line, and one for all of its words without their places (`whole`).
"""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from trainer import db
from trainer.calls.queries import Reach as CallReach
from trainer.quality.queries import Sight
from trainer.search.filters import VALUE, Condition, Filters
from trainer.search.queries import Mark, Row, found, question, those
from trainer.search.sought import Part, Sought

_CALLED = "COALESCE(recording.called_at, recording.created_at)"
_JOINS = """JOIN recording ON recording.id = entry.recording
    LEFT JOIN person AS agent ON agent.id = recording.agent"""


def _nobodys(condition: Condition | None) -> Condition:
    return condition if condition is not None else ("1 = 0", [])


class Within:
    """The calls that somebody may find now: titles of those that they `list`, words of those that they `hear`."""

    def __init__(self, filters: Filters, *, hears: CallReach, lists: CallReach, marks: Sight) -> None:
        self.heard, self.listed = _nobodys(hears.condition()), _nobodys(lists.condition())
        self.conditions: list[Condition] = [
            ("entry.revision = recording.revision + recording.transcript_revision", []),
            (
                "recording.state = 'ready' AND (recording.expires_at IS NULL OR recording.expires_at > {})",
                [db.utc_now()],
            ),
            *_narrowed(filters, marks),
        ]

    def leaving_out(self, without: Sequence[Part]) -> list[Condition]:
        """No call whose title has such a part, and none that they hear and whose words have it: what somebody may
        not read does not tell them anything by missing either."""
        heard, heard_params = self.heard
        left: list[Condition] = []
        for part in without:
            titles, title_params = those("recording", question(["title"], [part]))
            words, params = calls_with(part)
            left += [
                (f"entry.recording NOT IN ({titles})", title_params),
                (
                    f"CASE WHEN {heard} THEN entry.recording NOT IN ({words}) ELSE 1 = 1 END",
                    [*heard_params, *params],
                ),
            ]
        return left


def _narrowed(filters: Filters, marks: Sight) -> list[Condition]:
    judged, judged_params = marks.condition()
    of_call = f"""SELECT 1 FROM evaluation JOIN person AS agent ON agent.id = evaluation.agent
        WHERE evaluation.recording = recording.id AND evaluation.state = 'released' AND {judged}"""
    return filters.conditions(
        {
            "rule": (
                f"""(EXISTS (SELECT 1 FROM clip JOIN clip_rule ON clip_rule.clip = clip.id
                        JOIN rule ON rule.id = clip_rule.rule
                        WHERE clip.recording = recording.id AND clip.state = 'published' AND rule.code = {{}})
                    OR EXISTS ({of_call} AND EXISTS (SELECT 1 FROM mark JOIN rule ON rule.id = mark.rule
                        WHERE mark.evaluation = evaluation.id AND mark.mark IN ('met', 'missed')
                          AND rule.code = {{}})))""",
                [VALUE, *judged_params, VALUE],
            ),
            "agent": ("recording.agent = {}", [VALUE]),
            "language": ("recording.language = {}", [VALUE]),
            "tag": ("recording.tag = {}", [VALUE]),
            "since": (f"{_CALLED} >= {{}}", [VALUE]),
            "until": (f"{_CALLED} < {{}}", [VALUE]),
            "shortest_ms": ("recording.duration_ms >= {}", [VALUE]),
            "longest_ms": ("recording.duration_ms <= {}", [VALUE]),
            "outcome": (f"EXISTS ({of_call} AND evaluation.outcome = {{}})", [*judged_params, VALUE]),
        }
    )


def calls_with(part: Part) -> Condition:
    """Calls that have a part in their title or a line: one word is told by all words of the call, several that stand
    together only by a line."""
    marks: list[Mark] = ["whole", "title"] if len(part.indexed) == 1 else ["line"]
    return those("recording", question(marks, [part]))


async def lines(sought: Sought, within: Within, *, before: int | None, limit: int) -> list[Row]:
    """Titles (without a segment) and lines that hold all parts."""
    heard, listed = within.heard, within.listed
    own: Condition = (
        heard
        if heard == listed
        else (
            f"((entry.segment IS NOT NULL AND {heard[0]}) OR (entry.segment IS NULL AND {listed[0]}))",
            [*heard[1], *listed[1]],
        )
    )
    return await found(
        question(["line"], sought.parts),
        "entry.recording, entry.segment",
        _JOINS,
        [*within.conditions, own, *within.leaving_out(sought.without)],
        before=before,
        limit=limit,
    )


async def scattered(sought: Sought, within: Within, *, before: int | None, limit: int) -> list[Row]:
    """Calls that somebody hears and that hold all parts, but not in one line."""
    together, params = those("recording", question(["line"], sought.parts))
    words = [word for part in sought.parts for word in part.scattered]
    phrases = [calls_with(part) for part in sought.parts if len(part.indexed) > 1]
    return await found(
        question(["whole"], words),
        "entry.recording",
        _JOINS,
        [
            *within.conditions,
            within.heard,
            *((f"entry.recording IN ({text})", params) for text, params in phrases),
            (f"entry.recording NOT IN ({together})", params),
            *within.leaving_out(sought.without),
        ],
        before=before,
        limit=limit,
    )


async def lines_with_any(sought: Sought, recordings: Sequence[UUID]) -> list[Row]:
    """The lines of these calls that hold any part, in order: `held` has a bit for each part."""
    at = "instr" if db.dialect() == "sqlite" else "strpos"
    bits = " + ".join(
        f"CASE WHEN {at}(entry.words || ' ', {{}}) > 0 THEN {1 << n} ELSE 0 END"
        for n in range(len(sought.parts))
    )
    said = [f" {' '.join(part.indexed)}{'' if part.prefix else ' '}" for part in sought.parts]
    return await db.fetch(
        f"""SELECT line.recording, line.segment, segment.position, line.held
            FROM (SELECT entry.recording, entry.segment, {bits} AS held FROM search_entry entry
                  WHERE entry.recording IN ({{}}) AND entry.segment IS NOT NULL
                    AND entry.words LIKE 'k0call %') line
            JOIN segment ON segment.id = line.segment
            WHERE line.held > 0 ORDER BY line.recording, segment.position""",
        *said,
        list(recordings),
    )


async def line_texts(segments: Sequence[UUID]) -> list[Row]:
    """What is said in these lines, as it is kept now."""
    return await db.fetch(
        "SELECT id, recording, start_ms, speaker, text FROM segment WHERE id IN ({})", list(segments)
    )


async def agents_heard(hears: CallReach, limit: int) -> list[dict[str, Any]]:
    """Whose calls somebody may hear, by name, to choose from."""
    condition, params = _nobodys(hears.condition())
    return await db.fetch(
        f"""SELECT DISTINCT agent.id, agent.name, agent.name_key FROM recording
            JOIN person AS agent ON agent.id = recording.agent
            WHERE recording.state = 'ready' AND {condition} ORDER BY agent.name_key, agent.id LIMIT {{}}""",
        *params,
        limit,
    )
