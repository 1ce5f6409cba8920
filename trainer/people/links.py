"""One-time addresses: an invitation, a reset for a forgotten password, a printed sign-in card, a demo's sign-in.

As there may be no mail, whoever makes a link sees it once and hands it over. Where there is mail, the room of notices
sends one too (`link_to_mail`, asked for by the event `link_wanted`).
Invariant: an invitation, reset or card works once, whoever comes twice and however many processes serve; every use of
one ends all older sessions of its person, and their other links.
"""

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal
from uuid import UUID

from trainer import db, jobs
from trainer.people import queries
from trainer.people.audit import record_audit
from trainer.people.passwords import check_password, hash_password
from trainer.people.service import PersonView, get_person, shown_to
from trainer.people.sessions import LINKS_REMEMBERED, end_all_sessions
from trainer.people.tables import Link, Person, SignInFailure
from trainer.problems import Forbidden, Gone, NotFound
from trainer.web.i18n import _
from trainer.web.session import Viewer, hash_secret

Purpose = Literal["invitation", "reset", "card", "demo"]
LIFE: dict[Purpose, timedelta] = {
    "invitation": timedelta(days=7),
    "reset": timedelta(hours=24),
    "card": timedelta(days=14),
    "demo": timedelta(days=30),
}
ASKED_WINDOW = timedelta(minutes=15)
MOST_ASKED = 3


@dataclass(frozen=True, slots=True)
class Welcome:
    """What the page behind a link shows."""

    purpose: Purpose
    name: str
    address: str
    expires_at: datetime
    asked: bool  # whether they were asked already what to celebrate
    first: bool  # whether this is their first password


async def issue_link(viewer: Viewer | None, person: UUID) -> str:
    """A fresh secret for `/welcome/<secret>`; older links of the person stop working.

    It is an invitation while the person has no password, else a reset. Admins and the system (None) make one
    for anybody, leads for the agents of their own team. Raises NotFound, Forbidden.
    """
    found = await get_person(person)
    if not found.active:
        raise _not_here()
    if viewer is not None and not shown_to(viewer, found).may_reset:
        raise Forbidden(_("Ask an admin for this link."))
    purpose: Purpose = "reset" if found.has_password else "invitation"
    async with db.transaction():
        await _stays(person)
        await Link.delete().where((Link.person == person) & (Link.purpose != "demo"))
        secret = await _insert(person, purpose)
        await record_audit(viewer, f"{purpose}_issued", "person", str(person))
    return secret


async def want_link(viewer: Viewer, person: UUID) -> bool:
    """Has an invitation or reset mailed to somebody who has an e-mail address, where mail is set up. False: no address.

    Publishes `link_wanted` {person, purpose}. Raises NotFound, Forbidden (as `issue_link`).
    """
    found = await get_person(person)
    if not shown_to(viewer, found).may_reset:
        raise Forbidden(_("Ask an admin for this link."))
    if not found.email:
        return False
    await _publish_wanted(found)
    return True


async def ask_for_reset(identifier: str) -> None:
    """Somebody who is not signed in says that they forgot their password. Nobody learns here who has an account.

    With an e-mail address on file, and mail set up, a link is mailed (`link_wanted`); all others ask their lead. Of an
    account, three requests in a quarter of an hour are heard.
    """
    identifier = identifier.strip()[:254]
    row = await queries.person_to_sign_in(identifier) if identifier else None
    account = hashlib.sha256(f"forgot:{identifier.casefold()}".encode()).hexdigest()
    now = db.utc_now()
    async with db.transaction():
        await db.lock(f"forgot:{account}")
        heard = await queries.failures_since("account", account, now - ASKED_WINDOW, MOST_ASKED)
        if len(heard) >= MOST_ASKED:
            return
        await SignInFailure.insert(SignInFailure(id=db.new_id(), account=account, origin="", at=now))
        if row is not None and (found := await get_person(row["id"])).email:
            await _publish_wanted(found)


async def _publish_wanted(person: PersonView) -> None:
    purpose: Purpose = "reset" if person.has_password else "invitation"
    await jobs.publish("link_wanted", {"person": str(person.id), "purpose": purpose})


async def link_to_mail(person: UUID) -> str:
    """A fresh secret for a mail; a link or card that was handed over before goes on working beside it.

    Raises NotFound when the person is not here any more.
    """
    found = await get_person(person)
    if not found.active:
        raise _not_here()
    purpose: Purpose = "reset" if found.has_password else "invitation"
    async with db.transaction():
        await _stays(person)
        secret = await _insert(person, purpose)
        await record_audit(None, f"{purpose}_issued", "person", str(person), {"by": "mail"})
    return secret


async def issue_demo_link(person: UUID) -> str:
    """A secret for `/demo/<secret>`: works any number of times, on this machine, while the demo runs."""
    async with db.transaction():
        await Link.delete().where((Link.person == person) & (Link.purpose == "demo"))
        return await _insert(person, "demo")


async def _stays(person: UUID) -> None:
    """Nobody ends their access before the transaction ends. Raises NotFound: it has ended already."""
    if not await queries.kept_active([person]):
        raise _not_here()


def _not_here() -> NotFound:
    return NotFound(_("There is no such person, or they no longer work here."))


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
    """What a link is for, without using it. Raises Gone, in words, when it is used, over or unknown."""
    row = await _usable(secret)
    address = row["email"] or row["employee_no"]
    return Welcome(
        row["purpose"], row["name"], address, row["expires_at"], bool(row["asked"]), bool(row["first"])
    )


async def set_password_by_link(secret: str, password: str) -> UUID:
    """Uses an invitation or reset: the person has this password from now on and all older sessions end.

    Returns the person, who may be signed in. Raises Gone (used, over, unknown), Invalid (a weak password; the
    link stays usable).
    """
    row = await _usable(secret)
    check_password(password, about=[row["name"], row["email"], row["employee_no"]])
    hashed = await hash_password(password)
    async with db.transaction():
        # The person first and then the link, as when an access ends: else the two could wait for each other.
        here = (Person.id == row["person"]) & (Person.active == True)  # noqa: E712
        await Person.update({Person.password_hash: hashed}).where(here)
        person = await queries.use_link(row["id"], db.utc_now())
        if person is None:  # used a moment ago, or gone with its person
            raise _over()
        await end_all_sessions(person)
        await Link.delete().where((Link.person == person) & (Link.purpose != "demo") & Link.used_at.is_null())
        await record_audit(None, f"{row['purpose']}_followed", "person", str(person), actor=person)
    return person


async def person_of_demo_link(secret: str) -> UUID:
    """Whom a demo link signs in. Raises Gone when it is over or unknown."""
    row = await queries.link_with_person(hash_secret(secret), db.utc_now())
    if row is None or row["purpose"] != "demo":
        raise _over()
    return row["person"]


async def _usable(secret: str) -> dict[str, Any]:
    """The link with its person. Raises Gone that says what became of it, and what to do."""
    now = db.utc_now()
    row = await queries.link_with_person(hash_secret(secret), now - LINKS_REMEMBERED)
    if row is None or row["purpose"] == "demo":
        raise _over()
    card = row["purpose"] == "card"
    if row["used_at"] is not None:
        used = _("This card was used already.") if card else _("This link was used already.")
        then = _(
            "A password was chosen with it: sign in with that. If it was not you, tell your team lead now."
        )
        raise Gone(f"{used} {then}", slug="link-used")
    if row["expires_at"] <= now:
        late = _("The time of this card is over.") if card else _("The time of this link is over.")
        then = _("Your team lead or an admin makes you a new one in a minute.")
        raise Gone(f"{late} {then}", slug="link-late")
    return row


def _over() -> Gone:
    return Gone(
        _(
            "This link or card does not work any more. Perhaps a newer one was made for you; else ask for one."
        ),
        slug="link-over",
    )
