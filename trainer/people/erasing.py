"""Erasing a person: the name and all that identifies leaves, what happened stays as "a former colleague".

Dated facts are never rewritten, so the row stays without a name and everything that points at it goes on pointing.
Other rooms hear of it by the event `person_erased` and take along what is theirs: recordings of the voice, words kept
in caches, notices. Invariant: an erased person cannot sign in, is in no list, and does not come back.
"""

from datetime import datetime
from uuid import UUID

from trainer import db, jobs
from trainer.people.audit import record_audit
from trainer.people.service import get_person, keep_an_admin
from trainer.people.tables import Link, Person, Session, Token
from trainer.problems import Conflict, Forbidden, Invalid
from trainer.web.i18n import _
from trainer.web.live import end_streams_of
from trainer.web.session import Viewer


async def erase_person(viewer: Viewer, person: UUID, confirmation: str) -> None:
    """Erases a person for good; `confirmation` is their name as the admin typed it.

    Raises Forbidden, NotFound, Invalid (another name), Conflict (oneself, the last admin, erased already).
    """
    if not viewer.has("admin"):
        raise Forbidden(_("Only admins erase people."))
    if person == viewer.id:
        raise Conflict(_("You cannot erase yourself. Ask another admin."), slug="own-account")
    whose = await get_person(person)
    if whose.erased_at is not None:
        raise Conflict(_("This person is erased already."), slug="erased-already")
    if " ".join(confirmation.split()).casefold() != " ".join(whose.name.split()).casefold():
        raise Invalid.field("name", "mismatch", _("Type the name exactly as it stands above."))
    if not await _erase(viewer, person, db.utc_now()):
        raise Conflict(_("This person is erased already."), slug="erased-already")


async def erase_again(person: UUID, at: datetime) -> bool:
    """Repeats an erasure after a restored backup brought the person back. False: there is nothing to erase."""
    return await _erase(None, person, at)


async def _erase(viewer: Viewer | None, person: UUID, at: datetime) -> bool:
    async with db.transaction():
        await db.lock("admins")
        await db.lock("colleagues")
        erased = (
            await Person.update(
                {
                    Person.name: "",
                    Person.name_key: "",
                    Person.email: None,
                    Person.employee_no: None,
                    Person.roles: "",
                    Person.team: None,
                    Person.buddy: None,
                    Person.manager: None,
                    Person.hired_on: None,
                    Person.birthday: None,
                    Person.birthday_scope: "nobody",
                    Person.full_month_scope: "nobody",
                    Person.anniversary_scope: "nobody",
                    Person.milestone_scope: "nobody",
                    Person.asked_at: None,
                    Person.leap_day: "02-28",
                    Person.locale: "en",
                    Person.time_zone: "",
                    Person.theme: "system",
                    Person.password_hash: None,
                    Person.active: False,
                    Person.erased_at: at,
                    Person.revision: Person.revision + 1,  # whoever saves what they read before is too late
                }
            )
            .where((Person.id == person) & Person.erased_at.is_null())
            .returning(Person.id)
        )
        if not erased:
            return False
        await keep_an_admin()
        await Person.update({Person.buddy: None}).where(Person.buddy == person)
        await Person.update({Person.manager: None}).where(Person.manager == person)
        await Session.delete().where(Session.person == person)
        await Link.delete().where(Link.person == person)
        await Token.delete().where(Token.person == person)
        await end_streams_of(person)
        await record_audit(viewer, "person_erased", "person", str(person))
        await jobs.publish("person_erased", {"person": str(person), "at": at.isoformat()})
    return True
