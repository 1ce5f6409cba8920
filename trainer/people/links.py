"""One-time addresses: an invitation to a new colleague, a reset for a forgotten password, a demo's sign-in.

As there may be no mail, whoever makes a link sees it once and hands it over.
Invariant: an invitation or reset works once, whoever comes twice and however many processes serve; every use
of one ends all older sessions of its person.
"""

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal
from uuid import UUID

from trainer import db
from trainer.people import queries
from trainer.people.audit import record_audit
from trainer.people.passwords import check_password, hash_password
from trainer.people.service import get_person, shown_to
from trainer.people.tables import Link, Person, Session
from trainer.problems import Forbidden, Gone, NotFound
from trainer.web.i18n import _
from trainer.web.session import Viewer, hash_secret

Purpose = Literal["invitation", "reset", "demo"]
LIFE: dict[Purpose, timedelta] = {
    "invitation": timedelta(days=7),
    "reset": timedelta(hours=24),
    "demo": timedelta(days=30),
}


@dataclass(frozen=True, slots=True)
class Welcome:
    """What the page behind a link shows."""

    purpose: Purpose
    name: str
    address: str
    expires_at: datetime
    asked: bool  # whether they were asked already what to celebrate


async def issue_link(viewer: Viewer | None, person: UUID) -> str:
    """A fresh secret for `/welcome/<secret>`; older links of the person stop working.

    It is an invitation while the person has no password, else a reset. Admins and the system (None) make one
    for anybody, leads for the agents of their own team. Raises NotFound, Forbidden.
    """
    found = await get_person(person)
    if not found.active or found.erased_at is not None:
        raise NotFound(_("There is no such person, or they no longer work here."))
    if viewer is not None and not shown_to(viewer, found).may_reset:
        raise Forbidden(_("Ask an admin for this link."))
    purpose: Purpose = "reset" if found.has_password else "invitation"
    async with db.transaction():
        await Link.delete().where((Link.person == person) & (Link.purpose != "demo"))
        secret = await _insert(person, purpose)
        await record_audit(viewer, f"{purpose}_issued", "person", str(person))
    return secret


async def issue_demo_link(person: UUID) -> str:
    """A secret for `/demo/<secret>`: works any number of times, on this machine, while the demo runs."""
    async with db.transaction():
        await Link.delete().where((Link.person == person) & (Link.purpose == "demo"))
        return await _insert(person, "demo")


async def _insert(person: UUID, purpose: Purpose) -> str:
    secret, now = secrets.token_urlsafe(24), db.utc_now()
    await Link.insert(
        Link(
            id=db.new_id(),
            secret_hash=hash_secret(secret),
            person=person,
            purpose=purpose,
            created_at=now,
            expires_at=now + LIFE[purpose],
        )
    )
    return secret


async def read_link(secret: str) -> Welcome:
    """What a link is for, without using it. Raises Gone when it is used, over or unknown."""
    row = await queries.link_with_person(hash_secret(secret), db.utc_now())
    if row is None or row["used_at"] is not None or row["purpose"] == "demo":
        raise _over()
    address = row["email"] or row["employee_no"]
    return Welcome(row["purpose"], row["name"], address, row["expires_at"], bool(row["asked"]))


async def set_password_by_link(secret: str, password: str) -> UUID:
    """Uses an invitation or reset: the person has this password from now on and all older sessions end.

    Returns the person, who may be signed in. Raises Gone (used, over, unknown), Invalid (a weak password; the
    link stays usable).
    """
    row = await queries.link_with_person(hash_secret(secret), db.utc_now())
    if row is None or row["used_at"] is not None or row["purpose"] == "demo":
        raise _over()
    check_password(password, about=[row["name"], row["email"], row["employee_no"]])
    hashed = await hash_password(password)
    async with db.transaction():
        person = await queries.use_link(row["id"], db.utc_now())
        if person is None:
            raise _over()
        await Person.update({Person.password_hash: hashed}).where(Person.id == person)
        await Session.delete().where(Session.person == person)
        await record_audit(None, f"{row['purpose']}_followed", "person", str(person), actor=person)
    return person


async def person_of_demo_link(secret: str) -> UUID:
    """Whom a demo link signs in. Raises Gone when it is over or unknown."""
    row = await queries.link_with_person(hash_secret(secret), db.utc_now())
    if row is None or row["purpose"] != "demo":
        raise _over()
    return row["person"]


def _over() -> Gone:
    return Gone(_("This link was used already, or it is too old. Ask for a new one."), slug="link-over")
