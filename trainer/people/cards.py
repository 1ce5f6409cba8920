"""Printed sign-in cards, for people without e-mail at work: a QR code and a short code that let them choose a password.

A card is a link (links.py) whose secret can be typed by thumb: twelve letters and digits without look-alikes, 58 bits.
Invariant: a person has at most one card that works; making another, or using any link, ends it. Who made a card for
whom is in the audit log, its code nowhere.
"""

import json
import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

import segno

from trainer import db
from trainer.people import queries
from trainer.people.service import PersonView, people_by_ids, shown_to
from trainer.people.tables import AuditEntry, Link
from trainer.problems import Forbidden, Invalid, NotFound
from trainer.web.i18n import _
from trainer.web.session import Viewer, hash_secret

ALPHABET = "23456789ABCDEFGHJKMNPQRSTVWXYZ"
LENGTH = 12
MOST = 300  # cards made in one go: more take longer to print than to ask for again
DAYS = (3, 7, 14, 30)
USUAL_DAYS = 14


@dataclass(frozen=True, slots=True)
class Card:
    """One card, while it is shown: afterwards nobody can tell its code."""

    person: PersonView
    code: str
    expires_at: datetime

    @property
    def typed(self) -> str:
        """The code as it is printed: `K7QM-4XWP-9TRD`."""
        return "-".join(self.code[at : at + 4] for at in range(0, LENGTH, 4))

    def address(self, base_url: str) -> str:
        """Where the QR code leads."""
        return f"{base_url.rstrip('/')}/c/{self.typed}"


async def issue_cards(viewer: Viewer, people: Sequence[UUID], days: int = USUAL_DAYS) -> list[Card]:
    """A new card for each of these people, in their order; it ends their earlier cards and links.

    Admins make them for everybody but themselves, leads for the agents of their own team.
    Raises NotFound, Forbidden, Invalid (nobody, too many, or a time that is not offered). All are made or none.
    """
    wanted = list(dict.fromkeys(people))
    if not wanted:
        raise Invalid.field("people", "missing", _("Choose at least one person."))
    if len(wanted) > MOST:
        message = _("At most %(most)s cards at once. Print these first, then make the next.")
        raise Invalid.field("people", "too-many", message % {"most": MOST})
    if days not in DAYS:
        raise Invalid.field("days", "unknown", _("Please choose one of these."))
    now = db.utc_now()
    async with db.transaction():
        here = await queries.kept_active(wanted)
        found = {one: who for one, who in (await people_by_ids(wanted)).items() if one in here}
        for one in wanted:
            _may_have_one(viewer, found.get(one))
        await Link.delete().where(
            Link.person.is_in(wanted) & (Link.purpose != "demo") & Link.used_at.is_null()
        )
        cards = [Card(found[one], _new_code(), now + timedelta(days=days)) for one in wanted]
        await Link.insert(*[_link(card, now) for card in cards])
        await AuditEntry.insert(*[_entry(viewer, card, days, now) for card in cards])
    return cards


def _may_have_one(viewer: Viewer, person: PersonView | None) -> None:
    if person is None:
        raise NotFound(_("There is no such person, or they no longer work here."))
    if not shown_to(viewer, person).may_reset:
        raise Forbidden(_("Ask an admin for this card: leads make them for the agents of their own team."))


def _new_code() -> str:
    return "".join(secrets.choice(ALPHABET) for _n in range(LENGTH))


def _link(card: Card, now: datetime) -> Link:
    return Link(
        id=db.new_id(),
        secret_hash=hash_secret(card.code),
        person=card.person.id,
        purpose="card",
        created_at=now,
        expires_at=card.expires_at,
    )


def _entry(viewer: Viewer, card: Card, days: int, now: datetime) -> AuditEntry:
    return AuditEntry(
        id=db.new_id(),
        actor=viewer.id,
        action="card_issued",
        noun="person",
        noun_id=str(card.person.id),
        detail=json.dumps({"days": days}),
        at=now,
    )


def code_of(typed: str) -> str:
    """A code as somebody typed it, in the form that it is known by: no blanks or hyphens, capitals."""
    return "".join(c for c in typed.upper() if c.isalnum())[:64]


def qr_svg(address: str) -> str:
    """The QR code of an address as SVG to stand in a page: dark on light in every theme, or no camera reads it."""
    code = segno.make(address, error="m", micro=False)
    return str(code.svg_inline(border=4, omitsize=True, dark="#000", light="#fff"))


def qr_svgs(addresses: Iterable[str]) -> list[str]:
    """The same for many: some milliseconds each, so call it in a thread."""
    return [qr_svg(address) for address in addresses]
