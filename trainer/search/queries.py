"""Raw SQL of search: how each engine is asked for words, whatever they belong to.

Each engine finds words its own way, SQLite by FTS5 and PostgreSQL by a GIN index over `to_tsvector`; both see the same
words, as `sought.indexed` has divided them, so that neither has an opinion of its own on what a word is. What somebody
may find is said beside this: call_queries, clip_queries, text_queries; index_queries keep the entries.
"""

from collections.abc import Sequence
from typing import Any, Literal

from trainer import db
from trainer.search.filters import Condition
from trainer.search.sought import Part

Kind = Literal["call", "clip", "rule", "playlist", "pair", "note"]
Mark = Literal["line", "title", "whole", "clip", "made", "rule", "playlist", "pair", "note"]
Row = dict[str, Any]

# The first words of an entry say what it is of, so that clips are found among a million lines at once. Nobody's text
# has such a word by chance; where it has, reading the text anew shows that it was not meant.
MARKS: dict[Mark, str] = {
    "line": "k0call",
    "title": "k0call k0title",
    "whole": "k0whole",
    "clip": "k0clip",
    "made": "k0made",
    "rule": "k0rule",
    "playlist": "k0list",
    "pair": "k0pair",
    "note": "k0note",
}
# Between two texts of one entry, so that no phrase runs from one into the other.
GAP = "k0gap"


def question(marks: Sequence[Mark], parts: Sequence[Part], without: Sequence[Part] = ()) -> str:
    """The question to the engine's index: entries of one of these marks that hold all parts and none of the others."""
    kinds = [MARKS[mark].split()[-1] for mark in marks]
    if db.dialect() == "sqlite":
        wanted = " AND ".join([f"({' OR '.join(kinds)})", *map(_fts5, parts)])
        return f"({wanted}) NOT ({' OR '.join(map(_fts5, without))})" if without else wanted
    unwanted = [f"!{_tsquery(part)}" for part in without]
    return " & ".join([f"({' | '.join(kinds)})", *map(_tsquery, parts), *unwanted])


def _fts5(part: Part) -> str:
    return f'"{" ".join(part.indexed)}"{" *" if part.prefix else ""}'


def _tsquery(part: Part) -> str:
    *others, last = [f"'{word}'" for word in part.indexed]
    return "(" + " <-> ".join([*others, last + (":*" if part.prefix else "")]) + ")"


def those(column: str, asked: str, joins: str = "", condition: Condition = ("1 = 1", [])) -> Condition:
    """A column of all entries `said` that answer a question, as a sub-select that the engine reads once."""
    text, params = condition
    if db.dialect() == "sqlite":
        tables = "search_word CROSS JOIN search_entry said ON said.id = search_word.rowid"
        found_in = f"SELECT said.{column} FROM {tables} {joins} WHERE search_word MATCH {{}} AND {text}"
        return found_in, [asked, *params]
    # its planner takes dividing a text into words for cheap: nothing else may come before the index, so that OFFSET
    # keeps the inner question apart
    words = """(SELECT * FROM search_entry WHERE to_tsvector('simple', words) @@ to_tsquery('simple', {})
        OFFSET 0) said"""
    return f"SELECT said.{column} FROM {words} {joins} WHERE {text} OFFSET 0", [asked, *params]


async def anything(asked: str) -> bool:
    """Whether any entry answers a question, whoever may find it: a cheap look before one that costs more."""
    text, params = those("id", asked)
    # counted, as a planner that needs one row would rather read the whole table until it comes
    rows = await db.fetch(f"SELECT COUNT(*) AS n FROM ({text}) answering", *params)
    return bool(rows[0]["n"])


async def found(
    asked: str,
    columns: str,
    joins: str,
    conditions: Sequence[Condition],
    *,
    before: int | None,
    limit: int,
) -> list[Row]:
    """Entries that answer a question, the latest first, with these columns of what they belong to.

    The words come first, whatever the planner thinks of the rest: it takes dividing a text into words for cheap.
    """
    place = [] if before is None else [before]
    if db.dialect() == "sqlite":
        begin, order = "", "search_word.rowid"
        tables = "search_word CROSS JOIN search_entry entry ON entry.id = search_word.rowid"
        first = ["search_word MATCH {}", *(["search_word.rowid < {}"] if place else [])]
    else:
        older = " AND id < {}" if place else ""
        begin = f"""WITH entry AS MATERIALIZED (
            SELECT id, recording, segment, clip, inside, rule_version, evaluation, mark, pair, revision
            FROM search_entry
            WHERE to_tsvector('simple', words) @@ to_tsquery('simple', {{}}){older})"""
        tables, order, first = "entry", "entry.id", []
    texts = [*first, *(text for text, _params in conditions)]
    return await db.fetch(
        f"""{begin} SELECT entry.id, {columns} FROM {tables} {joins}
            WHERE {" AND ".join(texts) or "1 = 1"} ORDER BY {order} DESC LIMIT {{}}""",
        asked,
        *place,
        *(param for _text, params in conditions for param in params),
        limit,
    )
