"""Raw SQL of keeping the index: what goes into it, what it lacks, and what it holds too much."""

from collections.abc import Sequence
from typing import Literal
from uuid import UUID

from trainer import db
from trainer.search.clip_queries import INSIDE_STAMP, PAIR_JOINS, PAIR_STAMP
from trainer.search.queries import Row

_COLUMNS = (
    "id", "recording", "segment", "clip", "inside", "rule_version", "playlist", "playlist_item", "pair", "evaluation",
    "mark", "revision", "words",
)  # fmt: skip
_VALUES = f"({', '.join(['{}'] * len(_COLUMNS))})"


async def insert(rows: Sequence[Row]) -> None:
    """Entries of one thing, each with `id`, `words`, `revision` and what it points to."""
    for start in range(0, len(rows), 200):
        batch = rows[start : start + 200]
        await db.fetch(
            f"INSERT INTO search_entry ({', '.join(_COLUMNS)}) VALUES {', '.join([_VALUES] * len(batch))}",
            *(row.get(name) for row in batch for name in _COLUMNS),
        )


async def forget(
    column: Literal["recording", "clip", "rule_version", "playlist", "pair", "evaluation"],
    ids: Sequence[UUID],
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
    """What the index needs of living clips: these, and drafts of their next versions. `stamp` is that of `inside`."""
    return await db.fetch(
        f"""SELECT clip.id, clip.title, clip.note, clip.why, clip.transcript, clip.state, clip.revision,
                   {INSIDE_STAMP} AS stamp
            FROM clip JOIN recording ON recording.id = clip.recording
            WHERE (clip.id IN ({{}}) OR clip.replaces IN ({{}})) AND {_CLIP_LIVES}""",
        list(clips),
        list(clips),
    )


async def reasons_of(clips: Sequence[UUID]) -> list[Row]:
    """Why each of their rules is met or missed in these clips."""
    return await db.fetch("SELECT clip, why FROM clip_rule WHERE clip IN ({}) ORDER BY position", list(clips))


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


async def playlist_to_index(playlist: UUID) -> list[Row]:
    """A playlist's title and note, with each note on a clip of it; `item` is empty where there is none."""
    return await db.fetch(
        """SELECT playlist.id, playlist.revision, playlist.title, playlist.note, item.id AS item,
                  item.note AS item_note
           FROM playlist LEFT JOIN playlist_item item ON item.playlist = playlist.id AND item.note <> ''
           WHERE playlist.id = {} ORDER BY item.position, item.id""",
        playlist,
    )


async def pairs_to_index(pairs: Sequence[UUID]) -> list[Row]:
    """What was noted on these pairs, and what their rule is called there."""
    return await db.fetch(
        f"""SELECT pair.id, pair.note, version.title, {PAIR_STAMP} AS stamp FROM clip_pair pair {PAIR_JOINS}
            JOIN rule_version version ON version.rule = pinned.rule AND version.version = pinned.rule_version
            WHERE pair.id IN ({{}})""",
        list(pairs),
    )


async def pairs_with(column: Literal["rule", "good"], ids: Sequence[UUID]) -> list[UUID]:
    """The pairs of these rules, or with these clips as the good one."""
    rows = await db.fetch(f"SELECT id FROM clip_pair WHERE {column} IN ({{}})", list(ids))
    return [row["id"] for row in rows]


# What is missing from the index as it is now, by kind: one statement each that gives ids.
_MISSING = {
    "recording": """SELECT recording.id FROM recording WHERE recording.state = 'ready' AND NOT EXISTS (
        SELECT 1 FROM search_entry entry WHERE entry.recording = recording.id
        AND entry.revision = recording.revision + recording.transcript_revision)""",
    "clip": f"""SELECT clip.id FROM clip JOIN recording ON recording.id = clip.recording
        WHERE {_CLIP_LIVES} AND (
            NOT EXISTS (SELECT 1 FROM search_entry entry WHERE entry.clip = clip.id AND NOT entry.inside
                        AND entry.revision = clip.revision)
            OR NOT EXISTS (SELECT 1 FROM search_entry entry WHERE entry.clip = clip.id AND entry.inside
                           AND entry.revision = {INSIDE_STAMP}))""",
    "rule": """SELECT DISTINCT version.rule AS id FROM rule_version AS version
        WHERE version.state IN ('published', 'draft') AND NOT EXISTS (
        SELECT 1 FROM search_entry entry WHERE entry.rule_version = version.id
        AND entry.revision = version.revision)""",
    "playlist": """SELECT playlist.id FROM playlist WHERE NOT EXISTS (
        SELECT 1 FROM search_entry entry WHERE entry.playlist = playlist.id
        AND entry.revision = playlist.revision)""",
    "pair": f"""SELECT pair.id FROM clip_pair pair {PAIR_JOINS} WHERE NOT EXISTS (
        SELECT 1 FROM search_entry entry WHERE entry.pair = pair.id AND entry.revision = {PAIR_STAMP})""",
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
    "playlist_item": "SELECT id FROM playlist_item WHERE note = ''",
    "evaluation": """SELECT evaluation.id FROM evaluation JOIN person ON person.id = evaluation.agent
        WHERE evaluation.state <> 'released' OR person.erased_at IS NOT NULL""",
}


async def missing(kind: str, limit: int) -> list[UUID]:
    """What is not in the index as it is now."""
    return [row["id"] for row in await db.fetch(f"{_MISSING[kind]} LIMIT {{}}", limit)]


async def forget_item_notes(clip: UUID) -> bool:
    """Removes what is written beside a clip in playlists; whether there was anything."""
    return bool(
        await db.fetch(
            """DELETE FROM search_entry WHERE playlist_item IN (SELECT id FROM playlist_item WHERE clip = {})
               RETURNING id""",
            clip,
        )
    )


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
