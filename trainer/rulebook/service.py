"""Reading the rule book, for every other room, and taking a whole one in or out (drafts: `drafting.py`).

Rules: everybody reads what is published; trainers, analysts, team leads and admins also see drafts. An upper
room may put a chip beside each rule of the list (such as "No clip yet"): it registers in `rule_marks` by name
(wired in app.py).
Invariant: an import that changes nothing writes nothing, and one that is refused leaves no trace.
"""

import json
import re
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

from trainer import db
from trainer.people.audit import record_audit
from trainer.problems import Conflict, Invalid, NotFound
from trainer.rulebook import document, phrases, queries
from trainer.rulebook.tables import Rule, Rulebook, Value, Want
from trainer.rulebook.versions import dump, find_want, insert_version, publish_draft, text_of
from trainer.rulebook.views import (
    MOST_WANTS,
    Authored,
    BookView,
    Overview,
    RuleView,
    TooLong,
    ValueView,
    VersionLine,
    WantView,
    rule_of,
    too_long,
    value_of,
)
from trainer.web.i18n import _
from trainer.web.session import Viewer

_NUMBERED = re.compile(r"(.*?)(\d{1,6})")
SEE_DRAFTS = ("trainer", "qa_analyst", "team_lead", "admin")


@dataclass(frozen=True, slots=True)
class Mark:
    """A chip that an upper room puts beside a rule; `kind` as for `ui.chip`."""

    text: str
    kind: str | None = None
    icon: str | None = None


rule_marks: dict[str, Callable[[Sequence[UUID]], Awaitable[Mapping[UUID, Mark]]]] = {}


# Reading


async def published_rules(codes: Iterable[str] | None = None) -> dict[str, RuleView]:
    """Published rules by code, in the book's order; those with these codes, or all."""
    rows = await queries.published(None if codes is None else list(codes))
    return {row["code"]: rule_of(row) for row in rows}


async def rule_version(rule_id: UUID, version: int) -> RuleView:
    """A rule as it was in one version. Raises NotFound."""
    row = await queries.one_version(rule_id, version)
    if row is None:
        raise NotFound(_("This rule has no such version."))
    return rule_of(row)


async def rules_of_versions(ids: Sequence[UUID]) -> dict[UUID, RuleView]:
    """Versions of rules by their own ids, whoever asks."""
    return {row["version_id"]: rule_of(row) for row in (await queries.by_version_ids(ids) if ids else [])}


async def visible_rules(
    viewer: Viewer,
    *,
    rulebook: str | None = None,
    status: str | None = None,
    after: tuple[int, str] | None = None,
    limit: int = 50,
) -> list[RuleView]:
    """Rules that the viewer may see, one line each, after the one with this (position, code)."""
    drafts = viewer.has(*SEE_DRAFTS)
    rows = await queries.page(drafts=drafts, rulebook=rulebook, status=status, after=after, limit=limit)
    return [rule_of(row) for row in rows]


@dataclass(frozen=True, slots=True)
class RuleHistory:
    """A rule with all versions that the viewer may see, newest first."""

    versions: list[RuleView]

    @property
    def published(self) -> RuleView | None:
        return next((rule for rule in self.versions if rule.state == "published"), None)

    @property
    def draft(self) -> RuleView | None:
        return next((rule for rule in self.versions if rule.state == "draft"), None)

    @property
    def current(self) -> RuleView:
        """What counts today: what is published, or the first draft."""
        return self.published or self.versions[0]

    def lines(self) -> list[VersionLine]:
        return [VersionLine(r.version, r.state, r.created_at, r.published_at) for r in self.versions]

    def at(self, version: int) -> RuleView:
        """One of the versions. Raises NotFound."""
        for rule in self.versions:
            if rule.version == version:
                return rule
        raise NotFound(_("This rule has no such version."))


async def load_history(viewer: Viewer, code: str) -> RuleHistory:
    """The rule with this code over its versions.

    Raises NotFound where there is none that the viewer may see.
    """
    rules = [rule_of(row) for row in await queries.versions_of(code)]
    if not viewer.has(*SEE_DRAFTS):
        rules = [rule for rule in rules if rule.state != "draft"]
    if not rules:
        raise NotFound(_("There is no rule with this code."))
    return RuleHistory(rules)


async def load_rule(viewer: Viewer, code: str) -> RuleView:
    """What counts today of the rule with this code. Raises NotFound."""
    return (await load_history(viewer, code)).current


async def rulebook_overview(viewer: Viewer) -> Overview:
    """The whole before the details: every book with its wants, the rules under the want they serve, the
    values.
    """
    serving: dict[tuple[str, str | None], list[RuleView]] = {}
    rules = [rule_of(row) for row in await queries.in_books(drafts=viewer.has(*SEE_DRAFTS))]
    published = {rule.id for rule in rules if rule.state == "published"}
    for rule in rules:
        if rule.state == "published" or rule.id not in published:
            serving.setdefault((rule.rulebook_code, rule.want_code), []).append(rule)
    books, values = await _frame()
    for book in books:
        book.drafts.extend(r for r in rules if r.state == "draft" and r.rulebook_code == book.code)
        book.aimless.extend(serving.get((book.code, None), []))
        for want in book.wants:
            want.rules.extend(serving.get((book.code, want.code), []))
    return Overview(books, values)


async def _frame() -> tuple[list[BookView], list[ValueView]]:
    """Books with their wants and no rules yet, and the values."""
    books: dict[str, BookView] = {}
    values: list[ValueView] = []
    for row in await queries.frame():
        title, more = json.loads(row["title"]), json.loads(row["more"] or "{}")
        if row["kind"] == "book":
            books[row["code"]] = BookView(row["code"], title, row["language"], [], [])
        elif row["kind"] == "want":
            books[row["book"]].wants.append(WantView(row["code"], title, more, []))
        else:
            values.append(ValueView(row["code"], title, more))
    return list(books.values()), values


async def marks_of(rules: Sequence[UUID]) -> dict[UUID, list[Mark]]:
    """What upper rooms say beside each rule of a list."""
    marks: dict[UUID, list[Mark]] = {}
    for mark in rule_marks.values():
        for rule, found in (await mark(rules)).items():
            marks.setdefault(rule, []).append(found)
    return marks


async def values() -> list[ValueView]:
    """The values of the house in order, each with the behaviour that shows it (003-21)."""
    return [value_of(row) for row in await Value.select().order_by(Value.position).order_by(Value.code)]


async def behaviour_titles(named: Iterable[tuple[str, str]]) -> dict[tuple[str, str], Authored]:
    """Titles of behaviours by (kind `rule` or `value`, code), in at most two queries; unknown ones are left
    out.
    """
    pairs = set(named)
    codes = {kind: [code for k, code in pairs if k == kind] for kind in ("rule", "value")}
    titles: dict[tuple[str, str], Authored] = {}
    if codes["rule"]:
        for rule in (await published_rules(codes["rule"])).values():
            titles["rule", rule.code] = rule.title
    if codes["value"]:
        for row in await Value.select().where(Value.code.is_in(codes["value"])):
            titles["value", row["code"]] = json.loads(row["title"])
    return titles


async def behaviour_title(kind: str, code: str) -> Authored:
    """The title of a published rule or a value; {} for an unknown one."""
    return (await behaviour_titles([(kind, code)])).get((kind, code), {})


# Import and export


@dataclass(frozen=True, slots=True)
class ImportReport:
    """What an import did, by rule code. `notes` are sentences for the person who ran it."""

    rulebook: str
    added: list[str]
    changed: list[str]
    unchanged: list[str]
    notes: list[str]

    def lines(self) -> list[str]:
        """For a terminal."""
        told = _("Rule book %(code)s: %(added)s new, %(changed)s changed, %(unchanged)s as before.")
        counts = {"added": len(self.added), "changed": len(self.changed), "unchanged": len(self.unchanged)}
        return [told % {"code": self.rulebook, **counts}, *self.notes]


async def import_rulebook(source: Mapping[str, Any] | Path, *, viewer: Viewer | None = None) -> ImportReport:
    """Takes a rule book in, published as it is: what changed becomes a new version, what did not stays
    untouched.

    A book that arrives whole was decided elsewhere, so the checks of upper rooms (its clips come later) do
    not run.
    Raises Invalid with every mistake, and Conflict when a rule that would change has an open draft.
    """
    data = document.parse(source.read_text(encoding="utf-8")) if isinstance(source, Path) else source
    wanted = document.read(data)
    async with db.transaction():
        await db.lock("import_rulebook")
        book = await _put_book(wanted)
        await _put_wants(book, wanted)
        await _put_values(wanted)
        report = await _put_rules(viewer, book, wanted)
        await phrases.put_phrases(book, wanted.phrases)
        await _tidy_wants(book, wanted)
        if report.added or report.changed:
            counts = {"added": report.added, "changed": report.changed}
            await record_audit(viewer, "rulebook_imported", "rulebook", wanted.code, counts)
    return report


async def export_rulebook(code: str) -> str:
    """The published rules of a book, its wants and the values as YAML that `import_rulebook` takes.

    Raises NotFound.
    """
    books, house = await _frame()
    book = next((book for book in books if book.code == code), None)
    if book is None:
        raise NotFound(_("There is no rule book %(code)s.") % {"code": code})
    rules = [rule for rule in (await published_rules()).values() if rule.rulebook_code == code]
    return document.write(
        document.Document(
            code=code,
            title=book.title,
            language=book.language,
            wants=[document.Wanted(want.code, want.title, want.feeling) for want in book.wants],
            values=[document.Valued(value.code, value.title, value.behaviour) for value in house],
            rules={rule.code: text_of(rule) for rule in rules},
            phrases=[phrases.as_document(phrase) for phrase in await phrases.phrases(code)],
        )
    )


async def rulebook_codes() -> list[str]:
    """The codes of all rule books, oldest first."""
    rows = await Rulebook.select(Rulebook.code).order_by(Rulebook.created_at).order_by(Rulebook.code)
    return [row["code"] for row in rows]


async def next_code(book: str) -> str:
    """A code for the next rule of a book: one more than the highest that ends in a number, free in all books."""
    rows = await queries.codes()
    here = [row["code"] for row in rows if row["book"] == book]
    numbered = [found for code in here if (found := _NUMBERED.fullmatch(code))]
    last = max(numbered, key=lambda found: int(found[2]), default=None)
    letters, digits = (last[1], last[2]) if last else ("R", "00")
    taken = {row["code"] for row in rows}
    made = (f"{letters}{number:0{len(digits)}d}" for number in range(int(digits) + 1, int(digits) + 100_000))
    return next(code for code in made if code not in taken)


async def _put_book(wanted: document.Document) -> UUID:
    row = await Rulebook.select().where(Rulebook.code == wanted.code).first()
    if row is None:
        book = Rulebook(id=db.new_id(), code=wanted.code, created_at=db.utc_now())
        await Rulebook.insert(book)
        row = {"id": book.id, "title": "", "language": ""}
    title = dump(wanted.title)
    if (row["title"], row["language"]) != (title, wanted.language):
        changed: dict[Any, Any] = {Rulebook.title: title, Rulebook.language: wanted.language}
        await Rulebook.update(changed).where(Rulebook.id == row["id"])
    return row["id"]


async def _put_wants(book: UUID, wanted: document.Document) -> None:
    there = {row["code"]: row for row in await Want.select().where(Want.rulebook == book)}
    for position, want in enumerate(wanted.wants):
        values: dict[Any, Any] = {
            "title": dump(want.title),
            "feeling": dump(want.feeling),
            "position": position,
        }
        known = there.get(want.code)
        if known is None:
            await Want.insert(Want(id=db.new_id(), rulebook=book, code=want.code, **values))
        elif values.items() - known.items():
            await Want.update(values).where(Want.id == known["id"])


async def _tidy_wants(book: UUID, wanted: document.Document) -> None:
    """After the rules have moved: hides wants that nothing serves any more, and keeps the whole small."""
    await queries.retire_unused_wants(book, [want.code for want in wanted.wants])
    if await Want.count().where((Want.rulebook == book) & (Want.position >= 0)) > MOST_WANTS:
        told = _("With the wants that other rules still serve, this would be more than %(most)s.")
        raise Invalid.field("wants", "too-many", told % {"most": MOST_WANTS})


async def _put_values(wanted: document.Document) -> None:
    there = {row["code"]: row for row in await Value.select()}
    for position, value in enumerate(wanted.values):
        values: dict[Any, Any] = {
            "title": dump(value.title),
            "behaviour": dump(value.behaviour),
            "position": position,
        }
        known = there.get(value.code)
        if known is None:
            await Value.insert(Value(id=db.new_id(), code=value.code, **values))
        elif values.items() - known.items():
            await Value.update(values).where(Value.id == known["id"])


async def _put_rules(viewer: Viewer | None, book: UUID, wanted: document.Document) -> ImportReport:
    report = ImportReport(wanted.code, [], [], [], [])
    versions: dict[str, list[RuleView]] = {}
    for row in await queries.all_versions(list(wanted.rules)):
        versions.setdefault(row["code"], []).append(rule_of(row))
    await _check_free(wanted, versions)
    for position, (code, text) in enumerate(wanted.rules.items()):
        known = versions.get(code, [])
        before = next((rule for rule in known if rule.state == "published"), None)
        draft = next((rule for rule in known if rule.state == "draft"), None)
        if before is not None and text_of(before) == text:
            report.unchanged.append(code)
        else:
            draft = draft or await _new_draft(book, code, text, before)
            await publish_draft(viewer, draft, before)
            (report.changed if before else report.added).append(code)
        await Rule.update({Rule.position: position}).where((Rule.code == code) & (Rule.position != position))
        report.notes.extend(_length_notes(code, text))
    left = [rule.code for rule in (await published_rules()).values() if rule.rulebook_code == wanted.code]
    if others := [code for code in left if code not in wanted.rules]:
        report.notes.append(
            _("Left as they are, because the file does not name them: %(codes)s.")
            % {"codes": ", ".join(others)}
        )
    return report


async def _check_free(wanted: document.Document, versions: Mapping[str, list[RuleView]]) -> None:
    """Nobody's work in progress is overwritten, and no rule moves to another book."""
    for code, known in versions.items():
        if known[0].rulebook_code != wanted.code:
            told = _("%(code)s belongs to the rule book %(book)s already.")
            raise Conflict(told % {"code": code, "book": known[0].rulebook_code})
        published = next((rule for rule in known if rule.state == "published"), None)
        draft = next((rule for rule in known if rule.state == "draft"), None)
        settled = published is not None and text_of(published) == wanted.rules[code]
        if draft is not None and not settled and text_of(draft) != wanted.rules[code]:
            told = _("%(code)s has a draft that says something else. Publish or discard it first.")
            raise Conflict(told % {"code": code})


async def _new_draft(book: UUID, code: str, text: document.RuleText, before: RuleView | None) -> RuleView:
    rule = before.id if before else db.new_id()
    if before is None:
        await Rule.insert(Rule(id=rule, rulebook=book, code=code, created_at=db.utc_now()))
    version, revision = (before.version + 1, before.revision + 1) if before else (1, 1)
    await insert_version(rule, version, revision, text, await find_want(book, text.want))
    return await rule_version(rule, version)


def _length_notes(code: str, text: document.RuleText) -> list[str]:
    return [f"{code}: {length_sentence(long)}" for long in too_long(text.statement)]


def length_sentence(long: TooLong) -> str:
    """Why a statement is flagged, for people (003-6)."""
    if long.unit == "han":
        told = _("%(count)s characters in %(locale)s: more than %(most)s are hard to know by heart.")
    else:
        told = _("%(count)s words in %(locale)s: more than %(most)s are hard to know by heart.")
    return told % {"count": long.count, "locale": long.locale, "most": long.most}
