"""Security headers on every answer, 404 and 500 included, and what may be cached.

Only Litestar's `before_send` sees every answer, so they are added there.
Invariant: no page may run inline script or style; the clip editor alone has a nonce for its waveform's shadow
style.
"""

from collections.abc import Callable, Coroutine
from typing import Any

from litestar.datastructures import MutableScopeHeaders
from litestar.types import Message, Scope

BeforeSend = Callable[[Message, Scope], Coroutine[Any, Any, None]]


def content_security_policy(nonce: str | None = None) -> str:
    """The policy; `nonce` allows style elements that carry it."""
    style = f"'self' 'nonce-{nonce}'" if nonce else "'self'"
    return (
        "default-src 'self'; img-src 'self' data:; media-src 'self' blob:; "
        f"style-src {style}; frame-ancestors 'none'; base-uri 'none'; form-action 'self'"
    )


def security_headers(secure: bool) -> BeforeSend:
    """The hook that adds them; `secure` adds HSTS for a centre served over https."""
    fixed = {
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "same-origin",
        "Permissions-Policy": "microphone=(self), camera=(), geolocation=()",
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cross-Origin-Resource-Policy": "same-origin",
    }
    if secure:
        fixed["Strict-Transport-Security"] = "max-age=31536000"

    async def add(message: Message, scope: Scope) -> None:
        if message["type"] != "http.response.start":
            return
        headers = MutableScopeHeaders.from_message(message)
        for name, value in fixed.items():
            headers.setdefault(name, value)
        state = scope.get("state") or {}
        headers.setdefault("Content-Security-Policy", content_security_policy(state.get("style_nonce")))
        if "request_id" in state:
            headers.setdefault("X-Request-ID", str(state["request_id"]))
        # Pages and API answers hold personal data and differ by viewer; statics and media set their own.
        headers.setdefault("Cache-Control", "no-store")
        if (headers.get("content-type") or "").startswith("text/html"):
            headers.setdefault("Vary", "Cookie, HX-Request, Accept-Encoding")

    return add


def takes_gzip(accepted: str) -> bool:
    """Whether an Accept-Encoding header takes gzip."""
    for offer in accepted.lower().split(","):
        coding, _semicolon, weight = offer.partition(";")
        if coding.strip() in ("gzip", "*"):
            return weight.replace(" ", "") not in ("q=0", "q=0.0", "q=0.00", "q=0.000")
    return False
