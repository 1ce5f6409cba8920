"""Who may come in: one of these stands on every route (a test walks the routes and sees to it).

Guards ask only for sign-in, roles and token scopes. Whether a person may see one particular object is
decided by the domain's loader, because only it knows the object. CSRF is checked here too, before any other
guard.
"""

from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import urlsplit

from litestar.connection import ASGIConnection, Request
from litestar.handlers import BaseRouteHandler

from trainer.problems import Forbidden, Malformed
from trainer.web.i18n import _
from trainer.web.session import csrf_token, is_token, viewer_of

Connection = ASGIConnection[Any, Any, Any, Any]
Guard = Callable[[Connection, BaseRouteHandler], Awaitable[None] | None]

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
FORM = "application/x-www-form-urlencoded"


def public(connection: Connection, handler: BaseRouteHandler) -> None:
    """Everybody, signed in or not. Stands on a route to say that this was meant."""


def signed_in(connection: Connection, handler: BaseRouteHandler) -> None:
    """Anybody who is signed in."""
    viewer_of(connection)


def requires(*roles: str) -> Guard:
    """People who hold at least one of the roles."""

    def role_guard(connection: Connection, handler: BaseRouteHandler) -> None:
        if not viewer_of(connection).has(*roles):
            raise Forbidden(_("This page is for another role. Ask your admin if you need it."))

    return role_guard


def scope(name: str) -> Guard:
    """API: a token with the scope (or a browser of this site), never more than the person's own rights."""

    def scope_guard(connection: Connection, handler: BaseRouteHandler) -> None:
        if not viewer_of(connection).may_use(name):
            raise Forbidden(
                _("This token does not reach that far. It needs the scope %(scope)s.") % {"scope": name}
            )

    return scope_guard


def any_scope(*names: str) -> Guard:
    """API: a token with at least one of the scopes, for what answers each with its own part."""

    def scope_guard(connection: Connection, handler: BaseRouteHandler) -> None:
        viewer = viewer_of(connection)
        if not any(viewer.may_use(name) for name in names):
            raise Forbidden(
                _("This token does not reach that far. It needs one of the scopes %(scopes)s.")
                % {"scopes": ", ".join(names)}
            )

    return scope_guard


def known_host(base_url: str) -> Guard:
    """App-wide: the request names the host of the base URL, or this machine itself as health checks do.

    Otherwise a foreign name that leads here could be used to make links, or a page of that name to read ours.
    """
    hosts = {urlsplit(base_url).hostname or "localhost", "127.0.0.1", "::1", "localhost"}

    def host_guard(connection: Connection, handler: BaseRouteHandler) -> None:
        try:
            host = urlsplit(f"//{connection.headers.get('host', '')}").hostname
        except ValueError:
            host = None
        if host not in hosts:
            raise Malformed(_("This centre has another address."), slug="unknown-host")

    return host_guard


async def check_csrf(connection: Connection, handler: BaseRouteHandler) -> None:
    """App-wide: a state-changing request comes from our own page, or from a program with a token.

    A browser sends the session's token as header `X-CSRF-Token`, or as field `_csrf` of a small form. Uploads
    must use the header, so that no body is read for somebody who may not send one.
    """
    if connection.scope["method"] in SAFE_METHODS:  # type: ignore[typeddict-item]
        return
    viewer = connection.scope.get("user")
    if viewer is not None and viewer.scopes is not None:
        return
    _check_origin(connection)
    if viewer is None or viewer.session is None:
        return
    given = connection.headers.get("x-csrf-token", "")
    if not given and connection.headers.get("content-type", "").startswith(FORM):
        assert isinstance(connection, Request)
        given = str((await connection.form()).get("_csrf", ""))
    if not is_token(given, csrf_token(connection.app.state.key, viewer.session)):
        raise Forbidden(
            _("This page was open for too long, or in another window. Load it again and repeat the step."),
            slug="csrf",
        )


def _check_origin(connection: Connection) -> None:
    site = connection.headers.get("sec-fetch-site")
    origin = connection.headers.get("origin")
    same_host = origin is None or urlsplit(origin).netloc == connection.headers.get("host")
    if site not in (None, "same-origin", "none") or not same_host:
        raise Forbidden(_("This request came from another website and was not carried out."), slug="csrf")
