"""Who works on which programme: whose whole calls trainers and QA analysts may see and hear.

A rule book is the standard of one programme. While a book names nobody, everybody who trains or scores works on
it; once it names people, only they do. Invariant: this is the one answer to "whose calls?"; calls and clips ask
`programmes_of` and decide nothing by themselves.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from trainer import db
from trainer.people.audit import record_audit
from trainer.people.service import PersonView, all_people, people_by_ids
from trainer.problems import Forbidden, Invalid, NotFound
from trainer.rulebook.tables import ProgrammeMember, Rulebook
from trainer.rulebook.views import Authored
from trainer.web.i18n import _
from trainer.web.session import Viewer

# The roles whose reach a programme bounds; leads follow their team, admins list everything.
BOUND = ("trainer", "qa_analyst")
MOST_MEMBERS = 500


@dataclass(frozen=True, slots=True)
class Programme:
    """A rule book with those who work on it, by name. Without any, all trainers and analysts do."""

    id: UUID
    code: str
    title: Authored
    members: tuple[PersonView, ...]

    @property
    def open(self) -> bool:
        return not self.members


async def programmes_of(viewer: Viewer) -> set[UUID] | None:
    """The rule books whose calls a trainer or analyst works with; None is all of them.

    It says nothing of other roles: their reach has other bounds (team, own calls).
    """
    rows = await ProgrammeMember.select(ProgrammeMember.rulebook, ProgrammeMember.person)
    named = {row["rulebook"] for row in rows}
    mine = {row["rulebook"] for row in rows if row["person"] == viewer.id}
    if named <= mine:
        return None
    books = await Rulebook.select(Rulebook.id)
    return {book["id"] for book in books} - (named - mine)


async def workers_on(programme: UUID | None, role: str) -> list[UUID]:
    """Everybody active with this role who works on a programme; None: a call of no programme, everybody's work."""
    people = {person.id for person in await all_people() if role in person.roles}
    rows = (
        await ProgrammeMember.select(ProgrammeMember.person).where(ProgrammeMember.rulebook == programme)
        if programme is not None
        else []
    )
    named = {row["person"] for row in rows}
    return sorted(people & named if named else people)


async def default_programme(viewer: Viewer | None) -> UUID | None:
    """The book of a call for which none was named: the oldest that the viewer works on, else the oldest."""
    books = await Rulebook.select(Rulebook.id).order_by(Rulebook.created_at).order_by(Rulebook.code)
    bound = viewer is not None and viewer.has(*BOUND)
    mine = await programmes_of(viewer) if viewer is not None and bound else None
    ids: list[UUID] = [book["id"] for book in books]
    return next((book for book in ids if mine is None or book in mine), next(iter(ids), None))


async def programmes(viewer: Viewer) -> list[Programme]:
    """All of them for an admin; for trainers and analysts, those that they work on. Raises Forbidden."""
    if not viewer.has("admin", *BOUND):
        raise Forbidden(_("Who works on a programme is seen by those who do, and by admins."))
    mine = None if viewer.has("admin") else await programmes_of(viewer)
    books = await Rulebook.select().order_by(Rulebook.created_at).order_by(Rulebook.code)
    members = await _members([book["id"] for book in books])
    return [
        Programme(book["id"], book["code"], json.loads(book["title"]), tuple(members.get(book["id"], ())))
        for book in books
        if mine is None or book["id"] in mine
    ]


async def _members(books: list[UUID]) -> dict[UUID, list[PersonView]]:
    rows = await ProgrammeMember.select().where(ProgrammeMember.rulebook.is_in(books)) if books else []
    people = await people_by_ids([row["person"] for row in rows])
    found: dict[UUID, list[PersonView]] = {}
    for row in rows:
        if (person := people.get(row["person"])) is not None:
            found.setdefault(row["rulebook"], []).append(person)
    return {book: sorted(each, key=lambda person: person.name_key) for book, each in found.items()}


async def name_members(viewer: Viewer, code: str, people: Iterable[UUID]) -> None:
    """Says who works on a programme; nobody opens it to everybody who trains or scores.

    Raises Forbidden, NotFound, and Invalid (`people`) for somebody who neither trains nor scores.
    """
    if not viewer.has("admin"):
        raise Forbidden(_("Admins say who works on a programme."))
    book = await Rulebook.select(Rulebook.id).where(Rulebook.code == code).first()
    if book is None:
        raise NotFound(_("There is no such rule book."))
    wanted = set(people)
    known = await people_by_ids(wanted)
    fit = [id for id, person in known.items() if person.active and person.roles & set(BOUND)]
    if len(fit) != len(wanted) or len(wanted) > MOST_MEMBERS:
        told = _("Choose among the trainers and QA analysts who work here.")
        raise Invalid.field("people", "unknown", told)
    async with db.transaction():
        await db.lock(f"programme:{code}")
        before = {
            row["person"]
            for row in await ProgrammeMember.select(ProgrammeMember.person).where(
                ProgrammeMember.rulebook == book["id"]
            )
        }
        gone, new = before - wanted, wanted - before
        if gone:
            await ProgrammeMember.delete().where(
                (ProgrammeMember.rulebook == book["id"]) & ProgrammeMember.person.is_in(list(gone))
            )
        if new:
            await ProgrammeMember.insert(*[_member(book["id"], person, viewer) for person in sorted(new)])
        if gone or new:
            said = {"added": sorted(map(str, new)), "removed": sorted(map(str, gone))}
            await record_audit(viewer, "programme_named", "rulebook", code, said)


def _member(book: UUID, person: UUID, viewer: Viewer) -> Any:
    return ProgrammeMember(
        id=db.new_id(), rulebook=book, person=person, added_by=viewer.id, added_at=db.utc_now()
    )
