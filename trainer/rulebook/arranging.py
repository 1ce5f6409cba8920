"""Rule books as such: making one, what the customer wants (at most five, above the rules), and the order of things.

What is arranged here is seen by everybody at once and has no versions, so those who publish rules do it: QA analysts
and admins. Invariant: a want that a draft or published rule serves is never taken away, and there are never more than
five in a book, however many people add one at the same moment.
"""

import hashlib
import json
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal
from uuid import UUID

from trainer import db
from trainer.people.audit import record_audit
from trainer.problems import Conflict, Forbidden, Invalid, NotFound, PreconditionFailed
from trainer.rulebook import document, queries
from trainer.rulebook.service import SEE_DRAFTS, import_rulebook, load_history
from trainer.rulebook.tables import Rule, Rulebook, Want
from trainer.rulebook.versions import dump
from trainer.rulebook.views import MOST_WANTS, Authored, rule_of
from trainer.web.i18n import LOCALES, _
from trainer.web.session import Viewer

ARRANGE = ("qa_analyst", "admin")
PAGES = {"new", "take-starter"}  # beside /rules/books/{code}
Direction = Literal["up", "down"]


@dataclass(frozen=True, slots=True)
class WantLine:
    """A want as it is edited. `seen` names what it says now, for whoever changes it; `serving` counts its rules."""

    id: UUID
    code: str
    title: Authored
    feeling: Authored
    serving: int

    @property
    def seen(self) -> str:
        return fingerprint(self.title, self.feeling)


@dataclass(frozen=True, slots=True)
class BookFrame:
    """A rule book without its rules."""

    id: UUID
    code: str
    title: Authored
    language: str
    wants: list[WantLine]

    @property
    def seen(self) -> str:
        return fingerprint(self.title, {"": self.language})

    def want(self, code: str) -> WantLine:
        """One of its wants. Raises NotFound."""
        for want in self.wants:
            if want.code == code:
                return want
        raise NotFound(_("There is no want %(name)s.") % {"name": code})


def fingerprint(*texts: Mapping[str, str]) -> str:
    """Names what stands in these texts: other words, another name."""
    return hashlib.sha256(json.dumps(texts, sort_keys=True).encode()).hexdigest()[:16]


async def load_frame(code: str) -> BookFrame:
    """A rule book with its wants in order; everybody may read it. Raises NotFound."""
    book = await Rulebook.select().where(Rulebook.code == code).first()
    if book is None:
        raise NotFound(_("There is no rule book %(code)s.") % {"code": code})
    wants = [
        WantLine(row["id"], row["code"], json.loads(row["title"]), json.loads(row["feeling"]), row["serving"])
        for row in await queries.wants_with_counts(book["id"])
    ]
    return BookFrame(book["id"], code, json.loads(book["title"]), book["language"], wants)


# Rule books


async def create_book(viewer: Viewer, title: Mapping[str, str], language: str, *, code: str = "") -> str:
    """An empty rule book; returns its code, which is made from the title where none is given.

    Raises Forbidden, and Invalid with every wrong field.
    """
    _may(viewer)
    wrong = document.Mistakes()
    words = _book_words(wrong, title, language)
    if code:
        wrong.code("code", code)
    wrong.stop(_("This rule book cannot be saved yet."))
    async with db.transaction():
        await db.lock("rule books")
        taken = {row["code"] for row in await Rulebook.select(Rulebook.code)} | PAGES
        if code in taken:
            raise Invalid.field("code", "taken", _("There is a rule book %(code)s already.") % {"code": code})
        code = code or _fresh_code(words, "book", taken)
        book = Rulebook(
            id=db.new_id(), code=code, title=dump(words), language=language, created_at=db.utc_now()
        )
        await Rulebook.insert(book)
        await record_audit(viewer, "rulebook_created", "rulebook", code, {})
    return code


async def take_starter(viewer: Viewer, path: Path) -> str:
    """The starter rule book, published as it is; returns its code. Raises Forbidden, Conflict where there is a book."""
    _may(viewer)
    async with db.transaction():
        await db.lock("rule books")
        if await Rulebook.exists():
            raise Conflict(_("There is a rule book already."))
        return (await import_rulebook(path, viewer=viewer)).rulebook


async def edit_book(
    viewer: Viewer, code: str, title: Mapping[str, str], language: str, *, seen: str | None = None
) -> None:
    """Another title or language. `seen` is the fingerprint that was read (None: whatever it is).

    Raises Forbidden, NotFound, Invalid, PreconditionFailed.
    """
    _may(viewer)
    wrong = document.Mistakes()
    words = _book_words(wrong, title, language)
    wrong.stop(_("This rule book cannot be saved yet."))
    async with db.transaction():
        await db.lock("rule books")
        book = await load_frame(code)
        _unchanged(seen, book.seen)
        if (words, language) != (book.title, book.language):
            changed: dict[Any, Any] = {Rulebook.title: dump(words), Rulebook.language: language}
            await Rulebook.update(changed).where(Rulebook.id == book.id)
            await record_audit(viewer, "rulebook_edited", "rulebook", code, {})


def _book_words(wrong: document.Mistakes, title: Mapping[str, str], language: str) -> Authored:
    if language not in LOCALES:
        wrong.choice("language", language, LOCALES)
    return wrong.authored("title", dict(title), language=language, required=True)


# Wants


async def add_want(
    viewer: Viewer, book: str, title: Mapping[str, str], feeling: Mapping[str, str], *, code: str = ""
) -> str:
    """One more want, at the end; returns its code. Raises Forbidden, NotFound, Invalid, and Conflict for the sixth."""
    _may(viewer)
    async with db.transaction():
        await db.lock(f"wants of {book}")
        frame = await load_frame(book)
        words = _want_words(frame, title, feeling, code)
        if len(frame.wants) >= MOST_WANTS:
            raise Conflict(
                _(
                    "There are %(most)s wants already, the most there can be: everybody should see the whole at a"
                    " glance. Rename one, or take one away that no rule serves."
                )
                % {"most": MOST_WANTS},
                slug="too-many-wants",
            )
        known = {
            row["code"]: row["id"]
            for row in await Want.select(Want.code, Want.id).where(Want.rulebook == frame.id)
        }
        if code and any(want.code == code for want in frame.wants):
            raise Invalid.field("code", "taken", _("There is a want %(code)s already.") % {"code": code})
        code = code or _fresh_code(words[0], "want", set(known))
        says: dict[Any, Any] = {
            Want.title: dump(words[0]),
            Want.feeling: dump(words[1]),
            Want.position: len(frame.wants),
        }
        if code in known:  # one that only old versions of rules still served comes back
            await Want.update(says).where(Want.id == known[code])
        else:
            await Want.insert(Want({Want.id: db.new_id(), Want.rulebook: frame.id, Want.code: code, **says}))
        await _renumber(frame.id, [*(want.code for want in frame.wants), code])
        await record_audit(viewer, "want_added", "rulebook", book, {"want": code})
    return code


async def edit_want(
    viewer: Viewer,
    book: str,
    code: str,
    title: Mapping[str, str],
    feeling: Mapping[str, str],
    *,
    seen: str | None = None,
) -> None:
    """Other words for a want; its rules stay with it. `seen` as for `edit_book`.

    Raises Forbidden, NotFound, Invalid, PreconditionFailed.
    """
    _may(viewer)
    async with db.transaction():
        await db.lock(f"wants of {book}")
        frame = await load_frame(book)
        want = frame.want(code)
        words = _want_words(frame, title, feeling, "")
        _unchanged(seen, want.seen)
        if words != (want.title, want.feeling):
            await Want.update({Want.title: dump(words[0]), Want.feeling: dump(words[1])}).where(
                Want.id == want.id
            )
            await record_audit(viewer, "want_edited", "rulebook", book, {"want": code})


async def remove_want(viewer: Viewer, book: str, code: str) -> None:
    """Takes a want away that no rule serves; old versions keep showing what they served.

    Raises Forbidden, NotFound, and Conflict while a draft or published rule serves it.
    """
    _may(viewer)
    async with db.transaction():
        await db.lock(f"wants of {book}")
        frame = await load_frame(book)
        if frame.want(code).serving:
            raise Conflict(_("Rules serve this want. Let them serve another one first."), slug="want-in-use")
        left = [want.code for want in frame.wants if want.code != code]
        await queries.retire_unused_wants(frame.id, left)
        await _renumber(frame.id, left)
        await record_audit(viewer, "want_removed", "rulebook", book, {"want": code})


async def move_want(viewer: Viewer, book: str, code: str, direction: Direction) -> bool:
    """Moves a want one place; False when it stands at that end already. Raises Forbidden, NotFound."""
    _may(viewer)
    async with db.transaction():
        await db.lock(f"wants of {book}")
        frame = await load_frame(book)
        order = [want.code for want in frame.wants]
        moved = _moved(order, order.index(frame.want(code).code), direction)
        if moved:
            await _renumber(frame.id, order)
            await record_audit(viewer, "want_moved", "rulebook", book, {"want": code, "to": direction})
    return moved


async def _renumber(book: UUID, codes: list[str]) -> None:
    for position, code in enumerate(codes):
        there = (Want.rulebook == book) & (Want.code == code) & (Want.position != position)
        await Want.update({Want.position: position}).where(there)


def _want_words(
    frame: BookFrame, title: Mapping[str, str], feeling: Mapping[str, str], code: str
) -> tuple[Authored, Authored]:
    wrong = document.Mistakes()
    if code:
        wrong.code("code", code)
    words = (
        wrong.authored("title", dict(title), language=frame.language, required=True),
        wrong.authored("feeling", dict(feeling), language=frame.language, required=True),
    )
    wrong.stop(_("This want cannot be saved yet."))
    return words


# The order of rules


async def move_rule(viewer: Viewer, code: str, direction: Direction) -> bool:
    """Moves a rule one place among those that serve the same want; False when it stands at that end already.

    Raises Forbidden and NotFound. Two people who move at the same moment both get their way, one after the other.
    """
    _may(viewer)
    async with db.transaction():
        await db.lock("order of rules")
        rule = (await load_history(viewer, code)).current
        rows = await queries.page(
            drafts=viewer.has(*SEE_DRAFTS),
            rulebook=rule.rulebook_code,
            status=None,
            after=None,
            limit=100_000,
        )
        order = [rule_of(row) for row in rows]
        places = [place for place, each in enumerate(order) if each.want_code == rule.want_code]
        mine = next(place for place in places if order[place].code == code)
        other = places.index(mine) + (-1 if direction == "up" else 1)
        if not 0 <= other < len(places):
            return False
        order[mine], order[places[other]] = order[places[other]], order[mine]
        for position, each in enumerate(order):
            if each.position != position:
                await Rule.update({Rule.position: position}).where(Rule.id == each.id)
        await record_audit(viewer, "rule_moved", "rule", code, {"to": direction})
    return True


def _moved(order: list[str], place: int, direction: Direction) -> bool:
    other = place + (-1 if direction == "up" else 1)
    if not 0 <= other < len(order):
        return False
    order[place], order[other] = order[other], order[place]
    return True


def _may(viewer: Viewer) -> None:
    if not viewer.has(*ARRANGE):
        raise Forbidden(_("QA analysts and admins arrange rule books."))


def _unchanged(seen: str | None, now: str) -> None:
    if seen is not None and seen != now:
        raise PreconditionFailed(
            _("Somebody else changed this meanwhile. Look at theirs, then repeat your change."),
            current=f'"{now}"',
        )


def _fresh_code(words: Authored, kind: str, taken: set[str]) -> str:
    """A code that nobody uses yet: from the English words, or the kind with a number."""
    plain = unicodedata.normalize("NFKD", words.get("en") or next(iter(words.values()), ""))
    code = (
        re.sub(r"[^a-z0-9]+", "-", plain.encode("ascii", "ignore").decode().lower())
        .strip("-")[:32]
        .strip("-")
    )
    if code and code not in taken:
        return code
    return next(made for n in range(1, 100_000) if (made := f"{code or kind}-{n}") not in taken)
