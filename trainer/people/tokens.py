"""API tokens: a program's key, shown once, never more than its person's own rights.

Invariant: only the hash of a token is stored, and its scopes never change after it was made.
"""

import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from trainer import db
from trainer.people import queries
from trainer.people.audit import record_audit
from trainer.people.fields import one_line
from trainer.people.tables import Token
from trainer.problems import Forbidden, Invalid, NotFound
from trainer.web.i18n import _
from trainer.web.session import Viewer, hash_secret

NOUNS = (
    "appreciations",
    "clips",
    "enrolments",
    "evaluations",
    "feed",
    "milestones",
    "modules",
    "notices",
    "occasions",
    "people",
    "recordings",
    "rules",
    "teams",
)
SCOPES = ("all", *(f"{noun}:{action}" for noun in NOUNS for action in ("read", "write")))


@dataclass(frozen=True, slots=True)
class TokenView:
    """A token as its owner sees it afterwards."""

    id: UUID
    name: str
    scopes: list[str]
    created_at: datetime
    expires_at: datetime | None


async def create_token(
    viewer: Viewer | None,
    person: UUID,
    *,
    name: str,
    scopes: Iterable[str],
    expires_at: datetime | None = None,
) -> str:
    """Makes a token for oneself (the system, None: for anybody); returns the secret, which is not kept.

    Raises Forbidden, NotFound, Invalid (no or unknown scope, no name).
    """
    if viewer is not None and (viewer.id != person or viewer.scopes is not None):
        raise Forbidden(_("People make their own tokens, signed in with a browser."))
    wanted = sorted(set(scopes))
    if not wanted:
        raise Invalid.field("scopes", "missing", _("Please choose what the token may do."))
    if strangers := [scope for scope in wanted if scope not in SCOPES]:
        message = _("There is no scope %(scope)s. One such is clips:read.") % {"scope": strangers[0]}
        raise Invalid.field("scopes", "unknown", message)
    called = one_line(name)
    if not called or len(called) > 80:
        raise Invalid.field("name", "missing", _("Please name the program, in up to 80 characters."))
    secret = f"encore_{secrets.token_urlsafe(32)}"
    token = Token(
        id=db.new_id(),
        secret_hash=hash_secret(secret),
        person=person,
        name=called,
        scopes=" ".join(wanted),
        created_at=db.utc_now(),
        expires_at=expires_at,
    )
    async with db.transaction():
        if not await queries.kept_active([person]):
            raise NotFound(_("There is no such person, or they no longer work here."))
        await Token.insert(token)
        await record_audit(
            viewer, "token_created", "token", str(token.id), {"scopes": wanted, "of": str(person)}
        )
    return secret


async def create_token_for(address: str, *, scopes: Iterable[str], name: str) -> str:
    """A token for the person with this e-mail or employee number, by command. Raises NotFound, Invalid."""
    row = await queries.person_to_sign_in(address.strip())
    if row is None:
        raise NotFound(_("Nobody active has the address %(address)s.") % {"address": address})
    return await create_token(None, row["id"], name=name, scopes=scopes)


async def tokens_of(viewer: Viewer) -> list[TokenView]:
    """The viewer's own tokens that still work or are over by date, newest first."""
    rows: list[dict[str, Any]] = (
        await Token.select()
        .where((Token.person == viewer.id) & Token.revoked_at.is_null())
        .order_by(Token.created_at, ascending=False)
    )
    return [
        TokenView(row["id"], row["name"], row["scopes"].split(), row["created_at"], row["expires_at"])
        for row in rows
    ]


async def revoke_token(viewer: Viewer, token: UUID) -> None:
    """Stops one's own token at once. Raises NotFound."""
    async with db.transaction():
        mine = (Token.id == token) & (Token.person == viewer.id) & Token.revoked_at.is_null()
        revoked = await Token.update({Token.revoked_at: db.utc_now()}).where(mine).returning(Token.id)
        if not revoked:
            raise NotFound(_("There is no such token, or it was revoked already."))
        await record_audit(viewer, "token_revoked", "token", str(token))
