"""Signing in with a password, and changing it.

Guessing is slowed per account and per origin. A try is written down before the password is looked at and
taken back when it was right, so that a hundred tries at the same moment count as a hundred.
Invariant: the answer and the time it takes are the same for a wrong password and for an unknown account.
"""

import hashlib
import ipaddress
from datetime import datetime, timedelta
from uuid import UUID

from trainer import db
from trainer.people import queries
from trainer.people.audit import record_audit
from trainer.people.passwords import check_password, hash_password, needs_rehash, verify_password
from trainer.people.sessions import Sessions, end_all_sessions, end_session, not_here_any_more
from trainer.people.tables import Link, Person, SignInFailure
from trainer.problems import Invalid, TooMany
from trainer.web.i18n import _
from trainer.web.session import Viewer

WINDOW = timedelta(minutes=15)
# A whole centre may sit behind one address, so that an origin may be wrong more often than an account.
MOST_PER_ACCOUNT = 5
MOST_PER_ORIGIN = 50


async def sign_in(
    sessions: Sessions,
    identifier: str,
    password: str,
    *,
    origin: str,
    device: str,
    replaces: str | None = None,
) -> str:
    """Signs in the person with this e-mail or employee number; returns the secret for the browser's cookie.

    `origin` is the address they come from, `replaces` the session that the browser had before: it ends now.
    Raises Invalid (wrong, or no such account: one sentence for both), TooMany.
    """
    identifier = identifier.strip()
    account = _hashed("account", identifier.casefold())
    attempt = await _note_attempt(account, _hashed("origin", _network(origin)))
    row = await queries.person_to_sign_in(identifier)
    if not await verify_password(row["password_hash"] if row else None, password) or row is None:
        raise _wrong()
    stored = row["password_hash"]
    renewed = await hash_password(password) if needs_rehash(stored) else stored
    async with db.transaction():
        # Only while the password is still the one that was looked at: it may have been changed meanwhile, and
        # that ended all sessions, which this one would survive.
        still = (Person.id == row["id"]) & (Person.password_hash == stored) & (Person.active == True)  # noqa: E712
        if not await Person.update({Person.password_hash: renewed}).where(still).returning(Person.id):
            raise _wrong()
        await SignInFailure.delete().where((SignInFailure.account == account) | (SignInFailure.id == attempt))
        if replaces:
            await end_session(replaces)
        await record_audit(None, "signed_in", "person", str(row["id"]), actor=row["id"])
        return await sessions.start(row["id"], device=device)


def _wrong() -> Invalid:
    message = _("This e-mail or number and this password do not belong together.")
    return Invalid.field("password", "wrong", message)


async def change_password(
    sessions: Sessions, viewer: Viewer, current: str, new: str, *, origin: str, device: str
) -> str:
    """Gives the viewer another password and ends their sessions; returns the secret of a new one for here.

    Raises Invalid (wrong current or weak new password), TooMany, Unauthenticated (they left meanwhile).
    """
    row = (
        await Person.select(Person.name, Person.email, Person.employee_no, Person.password_hash)
        .where(Person.id == viewer.id)
        .first()
    )
    assert row is not None
    account = _hashed("account", str(viewer.id))
    attempt = await _note_attempt(account, _hashed("origin", _network(origin)))
    if not await verify_password(row["password_hash"], current):
        raise _not_present()
    await SignInFailure.delete().where(SignInFailure.id == attempt)
    check_password(new, about=[row["name"], row["email"], row["employee_no"]])
    hashed = await hash_password(new)
    async with db.transaction():
        # As in `sign_in`: a reset that somebody made meanwhile, or an erasure, is not undone by this.
        still = (Person.id == viewer.id) & (Person.password_hash == row["password_hash"])
        if not await Person.update({Person.password_hash: hashed}).where(still).returning(Person.id):
            if not await queries.kept_active([viewer.id]):
                raise not_here_any_more()
            raise _not_present()
        await end_all_sessions(viewer.id)
        await Link.delete().where((Link.person == viewer.id) & (Link.purpose != "demo"))
        await record_audit(viewer, "password_changed", "person", str(viewer.id))
        return await sessions.start(viewer.id, device=device)


def _not_present() -> Invalid:
    return Invalid.field("current", "wrong", _("This is not your present password."))


async def _note_attempt(account: str, origin: str) -> UUID:
    """Writes a try down; returns its id. Raises TooMany when there were too many before it."""
    now = db.utc_now()
    async with db.transaction():
        await db.lock(f"sign-in:{account}")
        await SignInFailure.delete().where(SignInFailure.at < now - WINDOW)
        for column, value, most in (
            ("account", account, MOST_PER_ACCOUNT),
            ("origin", origin, MOST_PER_ORIGIN),
        ):
            failures = await queries.failures_since(column, value, now - WINDOW, most)
            if len(failures) >= most:
                raise _too_many(failures[-1], now)
        attempt = SignInFailure(id=db.new_id(), account=account, origin=origin, at=now)
        await SignInFailure.insert(attempt)
    return attempt.id


def _too_many(oldest: datetime, now: datetime) -> TooMany:
    seconds = max(1, int((oldest + WINDOW - now).total_seconds()) + 1)
    minutes = -(-seconds // 60)
    message = _(
        "There were too many wrong tries. Please wait %(minutes)s minutes, or ask for a new password."
    )
    return TooMany(message % {"minutes": minutes}, retry_after=seconds)


def _hashed(kind: str, value: str) -> str:
    return hashlib.sha256(f"{kind}:{value}".encode()).hexdigest()


def _network(origin: str) -> str:
    """The address, or the /64 of an IPv6 one: a single machine has that many."""
    try:
        address = ipaddress.ip_address(origin)
    except ValueError:
        return origin
    return str(ipaddress.ip_network(f"{address}/64", strict=False)) if address.version == 6 else str(address)
