"""Who is asking: the signed-in browser or the program with a token, found once per request.

The app hands in two loaders, so that this file knows no table. The cookie holds a random secret whose hash
is stored; an anonymous visitor gets no cookie and costs no query.
Invariant: after this middleware `request.user` is a Viewer or None, and nothing later decides who somebody
is.
"""

import hashlib
import hmac
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from litestar.connection import ASGIConnection
from litestar.enums import ScopeType
from litestar.types import ASGIApp, Receive, Scope, Send

from trainer.problems import Unauthenticated
from trainer.web.i18n import _, set_locale

ROLES = ("agent", "trainer", "qa_analyst", "team_lead", "manager", "admin")


@dataclass(frozen=True, slots=True)
class Viewer:
    """The person who asks, as far as every page needs to know. `scopes` is None for a browser.

    `unread`: how many notices wait for them, read with the session itself, as every page shows it.
    """

    id: UUID
    name: str
    roles: frozenset[str]
    team: UUID | None
    team_name: str | None
    locale: str
    time_zone: str
    theme: str = "system"
    session: str | None = None
    scopes: frozenset[str] | None = None
    unread: int = 0

    def has(self, *roles: str) -> bool:
        """Whether the person holds at least one of the roles."""
        return not self.roles.isdisjoint(roles)

    def may_use(self, scope: str) -> bool:
        """Whether a token reaches this far; `x:write` includes `x:read`. A browser reaches all of it."""
        if self.scopes is None or "all" in self.scopes or scope in self.scopes:
            return True
        noun, _sep, action = scope.partition(":")
        return action == "read" and f"{noun}:write" in self.scopes


Loader = Callable[[str], Awaitable[Viewer | None]]


def hash_secret(secret: str) -> str:
    """How a secret with full entropy (session, link, token) is stored: SHA-256 in hex."""
    return hashlib.sha256(secret.encode()).hexdigest()


def cookie_name(secure: bool) -> str:
    """`__Host-` binds the cookie to this host over https; plain http cannot carry that name."""
    return "__Host-encore" if secure else "encore"


def session_cookie(secret: str, *, secure: bool, days: int) -> str:
    """The Set-Cookie value that signs a browser in."""
    flags = "; Secure" if secure else ""
    return f"{cookie_name(secure)}={secret}; Path=/; Max-Age={days * 86400}; HttpOnly; SameSite=Lax{flags}"


def ended_cookie(*, secure: bool) -> str:
    """The Set-Cookie value that forgets a sign-in."""
    flags = "; Secure" if secure else ""
    return f"{cookie_name(secure)}=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax{flags}"


def cookie_value(cookies: str, name: str) -> str:
    """One cookie of a Cookie header, else "". (The standard library gives up at another one's odd value.)"""
    for pair in cookies.split(";"):
        key, _sep, value = pair.partition("=")
        if key.strip() == name:
            return value.strip()
    return ""


def csrf_token(key: bytes, session: str) -> str:
    """The proof that a form came from our own page: bound to the session, needs no storage."""
    return hmac.new(key, b"csrf:" + session.encode(), hashlib.sha256).hexdigest()


def masked(token: str) -> str:
    """The token as it stands in a page: other letters each time.

    Pages are compressed, and the size of a compressed page tells whether a guess repeats what is in it; of
    something that is different each time it tells nothing.
    """
    mask = secrets.token_bytes(32)
    return (mask + _xor(mask, bytes.fromhex(token))).hex()


def is_token(given: str, token: str) -> bool:
    """Whether this is the token, masked or plain."""
    try:
        told = bytes.fromhex(given)
    except ValueError:
        return False
    if len(told) == 64:
        told = _xor(told[:32], told[32:])
    return hmac.compare_digest(told, bytes.fromhex(token))


def _xor(one: bytes, other: bytes) -> bytes:
    return bytes(a ^ b for a, b in zip(one, other, strict=True))


def viewer_of(connection: ASGIConnection[Any, Any, Any, Any]) -> Viewer:
    """The signed-in person. Raises Unauthenticated for a visitor."""
    user = connection.scope.get("user")
    if user is None and was_bad_token(connection):
        raise Unauthenticated(_("This token is unknown, revoked or over."), slug="bad-token")
    if user is None:
        raise Unauthenticated(_("Sign in to see this page."))
    return user


def was_bad_token(connection: ASGIConnection[Any, Any, Any, Any]) -> bool:
    """Whether the request named a token and it is none of ours, or over."""
    return bool((connection.scope.get("state") or {}).get("bad_token"))


class Identify:
    """ASGI middleware: finds the viewer and sets the language."""

    def __init__(
        self, app: ASGIApp, *, load_session: Loader, load_token: Loader, secure: bool, locale: str
    ) -> None:
        self.app = app
        self.load_session = load_session
        self.load_token = load_token
        self.cookie = cookie_name(secure)
        self.locale = locale

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != ScopeType.HTTP:
            await self.app(scope, receive, send)
            return
        # statics are the same for everybody: a page with twenty of them costs one look-up, not twenty-one;
        # metrics have a token of their own
        viewer = None if scope["path"].startswith(("/static/", "/metrics")) else await self._viewer(scope)
        scope["user"] = viewer
        set_locale(viewer.locale if viewer else self.locale)
        await self.app(scope, receive, send)

    async def _viewer(self, scope: Scope) -> Viewer | None:
        authorization = cookies = ""
        for name, value in scope["headers"]:
            if name == b"authorization":
                authorization = value.decode("latin-1")
            elif name == b"cookie":
                cookies = value.decode("latin-1")
        if authorization:
            scheme, _sep, secret = authorization.partition(" ")
            viewer = await self.load_token(secret.strip()) if scheme.lower() == "bearer" else None
            if viewer is None:
                # an unknown token must not quietly become an anonymous visitor
                scope.setdefault("state", {})["bad_token"] = True
            return viewer
        secret = cookie_value(cookies, self.cookie)
        return await self.load_session(secret) if secret else None
