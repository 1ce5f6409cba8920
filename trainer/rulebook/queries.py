"""Raw SQL of the rule book: a rule with its version, want and book in one round trip."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from trainer import db

RULES = """
    SELECT rule.id, rule.code, rule.position, version.id AS version_id, version.version, version.state,
           version.title, version.statement, version.why, want.code AS want_code, want.title AS want_title,
           want.feeling AS want_feeling, version.severity, version.kind, version.weight, version.key_tokens,
           version.recall_prompt, version.revision, version.created_at, version.published_at,
           rulebook.code AS rulebook_code, rulebook.title AS rulebook_title, rulebook.language
    FROM rule
    JOIN rulebook ON rulebook.id = rule.rulebook
    JOIN rule_version AS version ON version.rule = rule.id
    LEFT JOIN want ON want.id = version.want
"""
# What counts for a rule today: what is published, or the first draft while nothing ever was.
CURRENT = """(version.state = 'published' OR (version.state = 'draft' AND NOT EXISTS (
    SELECT 1 FROM rule_version AS other WHERE other.rule = rule.id AND other.state = 'published')))"""
PUBLISHED = "version.state = 'published'"
PUBLISHED_OR_DRAFT = "version.state IN ('published', 'draft')"
_ORDER = " ORDER BY rulebook.created_at, rulebook.code, rule.position, rule.code"

Row = dict[str, Any]


async def published(codes: Sequence[str] | None) -> list[Row]:
    """Published rules in order; all of them, or those with these codes."""
    if codes is None:
        return await db.fetch(f"{RULES} WHERE {PUBLISHED}{_ORDER}")
    return await db.fetch(f"{RULES} WHERE {PUBLISHED} AND rule.code IN ({{}}){_ORDER}", list(codes))


async def by_version_ids(ids: Sequence[UUID]) -> list[Row]:
    """These versions of rules."""
    return await db.fetch(f"{RULES} WHERE version.id IN ({{}})", list(ids))


async def one_version(rule: UUID, version: int) -> Row | None:
    """One version of a rule."""
    return await db.fetch_one(f"{RULES} WHERE rule.id = {{}} AND version.version = {{}}", rule, version)


async def versions_of(code: str) -> list[Row]:
    """Every version of the rule with this code, newest first."""
    return await db.fetch(f"{RULES} WHERE rule.code = {{}} ORDER BY version.version DESC", code)


async def all_versions(codes: Sequence[str]) -> list[Row]:
    """Every version of the rules with these codes."""
    return await db.fetch(f"{RULES} WHERE rule.code IN ({{}}) ORDER BY version.version", list(codes))


async def page(
    *, drafts: bool, rulebook: str | None, status: str | None, after: tuple[int, str] | None, limit: int
) -> list[Row]:
    """One line a rule, by position and code, after the one with this (position, code)."""
    where, params = [CURRENT if drafts else PUBLISHED], list[Any]()
    for condition, value in (("rulebook.code = {}", rulebook), ("version.state = {}", status)):
        if value is not None:
            where.append(condition)
            params.append(value)
    if after is not None:
        where.append("(rule.position, rule.code) > ({}, {})")
        params += after
    return await db.fetch(
        f"{RULES} WHERE {' AND '.join(where)} ORDER BY rule.position, rule.code LIMIT {{}}", *params, limit
    )


async def in_books(*, drafts: bool) -> list[Row]:
    """Every published rule in order and, if asked for, every draft: a published rule may then come twice."""
    return await db.fetch(f"{RULES} WHERE {PUBLISHED_OR_DRAFT if drafts else PUBLISHED}{_ORDER}")


async def codes() -> list[Row]:
    """The code of every rule with that of its book."""
    return await db.fetch(
        "SELECT rule.code, rulebook.code AS book FROM rule JOIN rulebook ON rulebook.id = rule.rulebook"
    )


async def frame() -> list[Row]:
    """All that stands around the rules, in one round trip and in order.

    `kind` is book (title and language), want (title, and `more` is its feeling) or value (`more` its
    behaviour); `book` is the code of the book that a want belongs to.
    """
    return await db.fetch(
        """SELECT 'book' AS kind, code AS book, code, title, NULL AS more, language, created_at, 0 AS position
           FROM rulebook
           UNION ALL
           SELECT 'want', rulebook.code, want.code, want.title, want.feeling, '', rulebook.created_at,
                  want.position
           FROM want JOIN rulebook ON rulebook.id = want.rulebook WHERE want.position >= 0
           UNION ALL
           SELECT 'value', '', code, title, behaviour, '', NULL, position FROM value
           ORDER BY created_at, book, kind, position, code"""
    )


async def wants_with_counts(book: UUID) -> list[Row]:
    """The wants of a book in order, each with how many rules serve it in a draft or published version."""
    return await db.fetch(
        """SELECT want.id, want.code, want.title, want.feeling,
                  (SELECT COUNT(DISTINCT rule_version.rule) FROM rule_version
                   WHERE rule_version.want = want.id AND rule_version.state <> 'superseded') AS serving
           FROM want WHERE want.rulebook = {} AND want.position >= 0 ORDER BY want.position, want.code""",
        book,
    )


async def retire_unused_wants(book: UUID, kept: Sequence[str]) -> None:
    """Of the wants that a book no longer names: unserved ones go, those of the past are hidden."""
    await db.fetch(
        """DELETE FROM want WHERE rulebook = {} AND code NOT IN ({})
           AND NOT EXISTS (SELECT 1 FROM rule_version WHERE rule_version.want = want.id)""",
        book,
        list(kept),
    )
    await db.fetch(
        """UPDATE want SET position = -1 WHERE rulebook = {} AND code NOT IN ({}) AND position >= 0
           AND NOT EXISTS (SELECT 1 FROM rule_version
                           WHERE rule_version.want = want.id AND rule_version.state <> 'superseded')""",
        book,
        list(kept),
    )


async def phrases(book: str | None) -> list[Row]:
    """Phrases to hint at in order, each with the title of its rule; all, or those of one book."""
    where, params = ("WHERE rulebook.code = {}", [book]) if book else ("", [])
    return await db.fetch(
        f"""SELECT phrase.id, phrase.rulebook, rulebook.code AS rulebook_code, phrase.code, phrase.language,
                   phrase.said, phrase.alone, phrase.better, phrase.rule AS rule_id, rule.code AS rule,
                   version.title AS rule_title, phrase.revision
            FROM phrase JOIN rulebook ON rulebook.id = phrase.rulebook
            LEFT JOIN rule ON rule.id = phrase.rule
            LEFT JOIN rule_version AS version ON version.rule = rule.id AND version.state = 'published'
            {where} ORDER BY rulebook.created_at, rulebook.code, phrase.position, phrase.code""",
        *params,
    )
