"""Raw SQL of search: what the index proposes, within what somebody may read, and what it lacks or holds too much.

Each engine finds words its own way, SQLite by FTS5 and PostgreSQL by a GIN index over `to_tsvector`; both see the same
words, as `sought.indexed` has divided them, so that neither has an opinion of its own on what a word is.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from trainer import db
from trainer.calls.queries import Reach as CallReach
from trainer.clips.queries import LIVING, TAG
from trainer.clips.queries import Reach as ClipReach
from trainer.quality.queries import Sight
from trainer.search.sought import Part, Sought

Kind = Literal["call", "clip", "rule", "note"]
Row = dict[str, Any]
Condition = tuple[str, list[Any]]

# The first word of an entry says what it is of, so that clips are found among a million lines at once. Nobody's text
# has such a word by chance; where it has, reading the text anew shows that it was not meant.
MARKS: dict[Kind, str] = {"call": "k0call", "clip": "k0clip", "rule": "k0rule", "note": "k0note"}
# Between two texts of one entry, so that no phrase runs from one into the other.
GAP = "k0gap"


@dataclass(frozen=True, slots=True)
class Filters:
    """What narrows a search; empty parts narrow nothing. Days are moments already: from `since` until `until`."""

    rule: str = ""
    polarity: str = ""
    agent: UUID | None = None
    language: str = ""
    tag: str = ""
    since: datetime | None = None
    until: datetime | None = None
    shortest_ms: int | None = None
    longest_ms: int | None = None
    outcome: str = ""

    def conditions(self, columns: dict[str, Condition]) -> list[Condition]:
        """Those that are set, each by what it means for one kind of entry; a part that means nothing finds nothing."""
        found: list[Condition] = []
        for name in self.__slots__:
            value = getattr(self, name)
            if value is not None and value != "":
                text, params = columns.get(name, ("1 = 0", []))
                found.append((text, [value if param is VALUE else param for param in params]))
        return found


VALUE = object()


def _match(sought: Sought, kind: Kind) -> str:
    """The question to the engine's index."""
    if db.dialect() == "sqlite":
        parts = [f'"{" ".join(part.indexed)}"{" *" if part.prefix else ""}' for part in sought.parts]
        return " AND ".join([MARKS[kind], *parts])
    return " & ".join([MARKS[kind], *(_phrase(part) for part in sought.parts)])


def _phrase(part: Part) -> str:
    *others, last = [f"'{word}'" for word in part.indexed]
    return "(" + " <-> ".join([*others, last + (":*" if part.prefix else "")]) + ")"


async def _found(
    sought: Sought,
    kind: Kind,
    columns: str,
    joins: str,
    conditions: Sequence[Condition],
    *,
    before: int | None,
    limit: int,
) -> list[Row]:
    """Entries of a kind that hold what is sought, the latest first, with these columns of what they belong to.

    The words come first, whatever the planner thinks of the rest: it takes dividing a text into words for cheap.
    """
    match = _match(sought, kind)
    place = [] if before is None else [before]
    if db.dialect() == "sqlite":
        begin, order = "", "search_word.rowid"
        tables = "search_word CROSS JOIN search_entry entry ON entry.id = search_word.rowid"
        first = ["search_word MATCH {}", *(["search_word.rowid < {}"] if place else [])]
    else:
        older = " AND id < {}" if place else ""
        begin = f"""WITH entry AS MATERIALIZED (
            SELECT id, recording, segment, clip, rule_version, evaluation, mark, revision FROM search_entry
            WHERE to_tsvector('simple', words) @@ to_tsquery('simple', {{}}){older})"""
        tables, order, first = "entry", "entry.id", []
    texts = [*first, *(text for text, _params in conditions)]
    return await db.fetch(
        f"""{begin} SELECT entry.id, {columns} FROM {tables} {joins}
            WHERE {" AND ".join(texts)} ORDER BY {order} DESC LIMIT {{}}""",
        match,
        *place,
        *(param for _text, params in conditions for param in params),
        limit,
    )


def _nobodys(condition: Condition | None) -> Condition:
    return condition if condition is not None else ("1 = 0", [])


_CALLED = "COALESCE(recording.called_at, recording.created_at)"


async def lines(
    sought: Sought,
    filters: Filters,
    *,
    hears: CallReach,
    lists: CallReach,
    marks: Sight,
    before: int | None,
    limit: int,
) -> list[Row]:
    """Titles (without a segment) of living calls that somebody `lists`, and lines of those that they `hear`."""
    heard, listed = _nobodys(hears.condition()), _nobodys(lists.condition())
    conditions: list[Condition] = [
        ("entry.revision = recording.revision + recording.transcript_revision", []),
        (
            "recording.state = 'ready' AND (recording.expires_at IS NULL OR recording.expires_at > {})",
            [db.utc_now()],
        ),
        heard
        if heard == listed
        else (
            f"((entry.segment IS NOT NULL AND {heard[0]}) OR (entry.segment IS NULL AND {listed[0]}))",
            [*heard[1], *listed[1]],
        ),
    ]
    judged, judged_params = marks.condition()
    of_call = f"""SELECT 1 FROM evaluation JOIN person AS agent ON agent.id = evaluation.agent
        WHERE evaluation.recording = recording.id AND evaluation.state = 'released' AND {judged}"""
    conditions += filters.conditions(
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
    return await _found(
        sought,
        "call",
        "entry.recording, entry.segment",
        """JOIN recording ON recording.id = entry.recording
           LEFT JOIN person AS agent ON agent.id = recording.agent""",
        conditions,
        before=before,
        limit=limit,
    )


async def line_texts(segments: Sequence[UUID]) -> list[Row]:
    """What is said in these lines, as it is kept now."""
    return await db.fetch(
        "SELECT id, recording, start_ms, speaker, text FROM segment WHERE id IN ({})", list(segments)
    )


_CREDITED = """(clip.polarity = 'exemplar' AND EXISTS (
    SELECT 1 FROM clip_credit credit WHERE credit.clip = COALESCE(clip.replaces, clip.id)
    AND credit.person = recording.agent AND credit.named))"""


async def clips(
    sought: Sought,
    filters: Filters,
    reach: ClipReach,
    *,
    person: UUID,
    names: bool,
    before: int | None,
    limit: int,
) -> list[Row]:
    """Clips within reach, drafts and retired ones too where that reaches them.

    By agent only those are found whose agent is `person`, or shown to them: exemplars where the agent wants to be
    named, and where they work with the call and see `names`, all.
    """
    made, made_params = reach.made() if names else ("1 = 0", [])
    named, params = reach.condition(("published", "draft", "in_review", "retired"))
    conditions: list[Condition] = [
        ("entry.revision = clip.revision", []),
        (LIVING, [db.utc_now()]),
        (named, params),
    ]
    conditions += filters.conditions(
        {
            "rule": (
                """EXISTS (SELECT 1 FROM clip_rule JOIN rule ON rule.id = clip_rule.rule
                           WHERE clip_rule.clip = clip.id AND rule.code = {})""",
                [VALUE],
            ),
            "polarity": ("clip.polarity = {}", [VALUE]),
            "agent": (
                f"""(recording.agent = {{}} AND ({_CREDITED} OR recording.agent = {{}} OR {made}))""",
                [VALUE, person, *made_params],
            ),
            "language": ("clip.language = {}", [VALUE]),
            "tag": (f"{TAG} = {{}}", [VALUE]),
            "since": ("COALESCE(clip.published_at, clip.created_at) >= {}", [VALUE]),
            "until": ("COALESCE(clip.published_at, clip.created_at) < {}", [VALUE]),
            "shortest_ms": ("clip.duration_ms >= {}", [VALUE]),
            "longest_ms": ("clip.duration_ms <= {}", [VALUE]),
        }
    )
    return await _found(
        sought,
        "clip",
        "entry.clip",
        """JOIN clip ON clip.id = entry.clip JOIN recording ON recording.id = clip.recording
           LEFT JOIN person heard ON heard.id = recording.agent""",
        conditions,
        before=before,
        limit=limit,
    )


async def rules(
    sought: Sought, filters: Filters, *, drafts: bool, before: int | None, limit: int
) -> list[Row]:
    """Rules as they are published, and drafts for those who see them."""
    states = "('published', 'draft')" if drafts else "('published')"
    conditions: list[Condition] = [
        (f"version.state IN {states} AND entry.revision = version.revision", []),
        *filters.conditions({"rule": ("rule.code = {}", [VALUE])}),
    ]
    return await _found(
        sought,
        "rule",
        "entry.rule_version",
        """JOIN rule_version AS version ON version.id = entry.rule_version
           JOIN rule ON rule.id = version.rule""",
        conditions,
        before=before,
        limit=limit,
    )


async def notes(
    sought: Sought, filters: Filters, marks: Sight, *, before: int | None, limit: int
) -> list[Row]:
    """What analysts wrote on calls, in evaluations that somebody may read, with the words as they are kept now."""
    seen, params = marks.condition()
    conditions: list[Condition] = [
        ("evaluation.state = 'released'", []),
        (seen, params),
        *filters.conditions(
            {
                "rule": ("rule.code = {}", [VALUE]),
                "agent": ("evaluation.agent = {}", [VALUE]),
                "language": ("recording.language = {}", [VALUE]),
                "tag": ("recording.tag = {}", [VALUE]),
                "since": ("evaluation.released_at >= {}", [VALUE]),
                "until": ("evaluation.released_at < {}", [VALUE]),
                "shortest_ms": ("recording.duration_ms >= {}", [VALUE]),
                "longest_ms": ("recording.duration_ms <= {}", [VALUE]),
                "outcome": ("evaluation.outcome = {}", [VALUE]),
            }
        ),
    ]
    return await _found(
        sought,
        "note",
        """evaluation.id AS evaluation, evaluation.comment, evaluation.released_at, agent.name AS agent_name,
           recording.title AS recording_title, recording.state AS recording_state, mark.comment AS mark_comment,
           mark.at_ms, mark.mark, rule.code, version.title AS rule_title""",
        """JOIN evaluation ON evaluation.id = entry.evaluation JOIN person AS agent ON agent.id = evaluation.agent
           LEFT JOIN recording ON recording.id = evaluation.recording
           LEFT JOIN mark ON mark.id = entry.mark LEFT JOIN rule ON rule.id = mark.rule
           LEFT JOIN rule_version AS version ON version.rule = mark.rule AND version.version = mark.rule_version""",
        conditions,
        before=before,
        limit=limit,
    )


async def agents_heard(hears: CallReach, limit: int) -> list[Row]:
    """Whose calls somebody may hear, by name, to choose from."""
    condition, params = _nobodys(hears.condition())
    return await db.fetch(
        f"""SELECT DISTINCT agent.id, agent.name, agent.name_key FROM recording
            JOIN person AS agent ON agent.id = recording.agent
            WHERE recording.state = 'ready' AND {condition} ORDER BY agent.name_key, agent.id LIMIT {{}}""",
        *params,
        limit,
    )


# Keeping the index


async def insert(rows: Sequence[Row]) -> None:
    """Entries of one thing, each with `id`, `words`, `revision` and what it points to."""
    names = ("id", "recording", "segment", "clip", "rule_version", "evaluation", "mark", "revision", "words")
    for start in range(0, len(rows), 200):
        batch = rows[start : start + 200]
        places = ", ".join([f"({', '.join(['{}'] * len(names))})"] * len(batch))
        await db.fetch(
            f"INSERT INTO search_entry ({', '.join(names)}) VALUES {places}",
            *(row.get(name) for row in batch for name in names),
        )


async def forget(
    column: Literal["recording", "clip", "rule_version", "evaluation"], ids: Sequence[UUID]
) -> bool:
    """Removes the entries of these; whether there were any."""
    rows = await db.fetch(f"DELETE FROM search_entry WHERE {column} IN ({{}}) RETURNING id", list(ids))
    return bool(rows)


async def call_to_index(recording: UUID) -> Row | None:
    """What the index needs of a ready call, and whether it has it."""
    return await db.fetch_one(
        """SELECT recording.id, recording.title, recording.revision + recording.transcript_revision AS revision,
                  EXISTS (SELECT 1 FROM search_entry entry WHERE entry.recording = recording.id
                          AND entry.revision = recording.revision + recording.transcript_revision) AS known
           FROM recording WHERE recording.id = {} AND recording.state = 'ready'""",
        recording,
    )


async def lines_to_index(recording: UUID) -> list[Row]:
    """The lines of a call in order."""
    return await db.fetch("SELECT id, text FROM segment WHERE recording = {} ORDER BY position", recording)


_CLIP_LIVES = (
    "clip.state IN ('draft', 'in_review', 'published', 'retired') AND recording.state IN ('ready', 'expired')"
)


async def clips_to_index(clips: Sequence[UUID]) -> list[Row]:
    """What the index needs of living clips: these, and drafts of their next versions."""
    return await db.fetch(
        f"""SELECT clip.id, clip.title, clip.note, clip.transcript, clip.revision
            FROM clip JOIN recording ON recording.id = clip.recording
            WHERE (clip.id IN ({{}}) OR clip.replaces IN ({{}})) AND {_CLIP_LIVES}""",
        list(clips),
        list(clips),
    )


async def clip_family(clips: Sequence[UUID]) -> list[UUID]:
    """These clips and the rows of their other versions."""
    rows = await db.fetch(
        "SELECT id FROM clip WHERE id IN ({}) OR replaces IN ({})", list(clips), list(clips)
    )
    return [row["id"] for row in rows]


async def clips_of_call(recording: UUID) -> list[UUID]:
    """All that was cut from a call."""
    return [row["id"] for row in await db.fetch("SELECT id FROM clip WHERE recording = {}", recording)]


async def rules_to_index(rule: UUID) -> tuple[list[UUID], list[Row]]:
    """All versions of a rule, and what the index needs of those that count."""
    rows = await db.fetch(
        "SELECT id, title, statement, why, state, revision FROM rule_version WHERE rule = {}", rule
    )
    return [row["id"] for row in rows], [row for row in rows if row["state"] in ("published", "draft")]


async def notes_to_index(evaluation: UUID) -> list[Row]:
    """The words of a released evaluation of somebody who is still known here; `mark` is empty for those on all."""
    return await db.fetch(
        """SELECT evaluation.id AS evaluation, mark.id AS mark, evaluation.comment, mark.comment AS mark_comment
           FROM evaluation JOIN person ON person.id = evaluation.agent
           LEFT JOIN mark ON mark.evaluation = evaluation.id AND mark.comment <> ''
           WHERE evaluation.id = {} AND evaluation.state = 'released' AND person.erased_at IS NULL""",
        evaluation,
    )


async def evaluations_of(agent: UUID) -> list[UUID]:
    """Every evaluation of somebody's calls."""
    return [row["id"] for row in await db.fetch("SELECT id FROM evaluation WHERE agent = {}", agent)]


async def replaced_by(evaluation: UUID) -> UUID | None:
    """The evaluation that this one replaces."""
    row = await db.fetch_one("SELECT replaces FROM evaluation WHERE id = {}", evaluation)
    return row["replaces"] if row else None


# What is missing from the index as it is now, by kind: one statement each that gives ids.
_MISSING = {
    "recording": """SELECT recording.id FROM recording WHERE recording.state = 'ready' AND NOT EXISTS (
        SELECT 1 FROM search_entry entry WHERE entry.recording = recording.id
        AND entry.revision = recording.revision + recording.transcript_revision)""",
    "clip": f"""SELECT clip.id FROM clip JOIN recording ON recording.id = clip.recording
        WHERE {_CLIP_LIVES} AND NOT EXISTS (
        SELECT 1 FROM search_entry entry WHERE entry.clip = clip.id AND entry.revision = clip.revision)""",
    "rule": """SELECT DISTINCT version.rule AS id FROM rule_version AS version
        WHERE version.state IN ('published', 'draft') AND NOT EXISTS (
        SELECT 1 FROM search_entry entry WHERE entry.rule_version = version.id
        AND entry.revision = version.revision)""",
    "evaluation": """SELECT evaluation.id FROM evaluation JOIN person ON person.id = evaluation.agent
        WHERE evaluation.state = 'released' AND person.erased_at IS NULL AND (evaluation.comment <> '' OR EXISTS (
            SELECT 1 FROM mark WHERE mark.evaluation = evaluation.id AND mark.comment <> ''))
        AND NOT EXISTS (SELECT 1 FROM search_entry entry WHERE entry.evaluation = evaluation.id)""",
}
# And what it holds of things that are over.
_OVER = {
    "recording": "SELECT recording.id FROM recording WHERE recording.state <> 'ready'",
    "clip": f"SELECT clip.id FROM clip JOIN recording ON recording.id = clip.recording WHERE NOT ({_CLIP_LIVES})",
    "rule_version": "SELECT id FROM rule_version WHERE state = 'superseded'",
    "evaluation": """SELECT evaluation.id FROM evaluation JOIN person ON person.id = evaluation.agent
        WHERE evaluation.state <> 'released' OR person.erased_at IS NOT NULL""",
}


async def missing(kind: str, limit: int) -> list[UUID]:
    """What is not in the index as it is now."""
    return [row["id"] for row in await db.fetch(f"{_MISSING[kind]} LIMIT {{}}", limit)]


async def forget_over() -> bool:
    """Removes entries of what ended; whether there were any."""
    gone = False
    for column, over in _OVER.items():
        rows = await db.fetch(f"DELETE FROM search_entry WHERE {column} IN ({over}) RETURNING id")
        gone = gone or bool(rows)
    return gone


async def compact(step: int) -> bool:
    """One step of taking deleted words out of SQLite's index for good; whether there is more to do.

    Where words are deleted, FTS5 first only notes that; they leave the file when its parts are merged. PostgreSQL's
    own vacuum does the same for its index and for all tables.
    """
    if db.dialect() != "sqlite":
        return False
    async with db.transaction():
        before = await db.fetch("SELECT total_changes() AS n")
        await db.fetch("INSERT INTO search_word(search_word, rank) VALUES ('merge', {})", step)
        after = await db.fetch("SELECT total_changes() AS n")
    return bool(after[0]["n"] - before[0]["n"] >= 2)
