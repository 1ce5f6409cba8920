"""Every request from outside in: its id, one line in the log, and what the metrics count.

Wrapped around the whole app, because only there every answer passes, those to unknown addresses too.
Invariant: what is written of a request is its route as the program knows it (`/welcome/{secret}`), never the
address that was asked for: paths and queries hold one-time secrets, names and what people search for.
"""

import re
import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from time import perf_counter
from typing import Any, Protocol
from uuid import uuid4

import msgspec
import structlog
from litestar.types import ASGIApp, Message, Receive, Send

HEADER = b"x-request-id"
GONE = 499  # the person left before there was an answer
NOWHERE = "(none)"
_SANE = re.compile(rb"[A-Za-z0-9][A-Za-z0-9._-]{7,63}")
_encoder = msgspec.json.Encoder()
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


@dataclass(frozen=True, slots=True)
class Seen:
    """An answered request. `route` is a template; a `stream` (live updates) takes as long as somebody looks."""

    id: str
    method: str
    route: str
    status: int
    seconds: float
    stream: bool
    upload: bool


class Watcher(Protocol):
    """Who counts requests."""

    def streams(self, change: int) -> None:
        """A live stream was opened (1) or ended (-1)."""

    def uploads(self, change: int) -> None:
        """An upload began (1) or is over (-1)."""

    def answered(self, seen: Seen) -> None:
        """A request is over."""


class Observed:
    """The ASGI app around the app."""

    def __init__(self, app: ASGIApp, watcher: Watcher, write: Callable[[Seen], None] | None) -> None:
        """`write` makes the line in the log; None writes none."""
        self.app = app
        self.watcher = watcher
        self.write = write

    async def __call__(self, scope: Any, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        begun = perf_counter()
        request_id = _id_of(scope)
        scope["state"]["request_id"] = request_id
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(request=request_id)
        upload = _is_upload(scope)
        status, stream = GONE, False

        async def answer(message: Message) -> None:
            nonlocal status, stream
            if message["type"] == "http.response.start":
                status = message["status"]
                stream = any(
                    name == b"content-type" and value.startswith(b"text/event-stream")
                    for name, value in message["headers"]
                )
                if stream:
                    self.watcher.streams(1)
            await send(message)

        if upload:
            self.watcher.uploads(1)
        try:
            await self.app(scope, receive, answer)
        finally:
            if upload:
                self.watcher.uploads(-1)
            if stream:
                self.watcher.streams(-1)
            method = scope["method"] if scope["method"] in _METHODS else "OTHER"
            seen = Seen(
                request_id, str(method), _route(scope), status, perf_counter() - begun, stream, upload
            )
            self.watcher.answered(seen)
            if self.write is not None:
                self.write(seen)


def _id_of(scope: Any) -> str:
    """The id that a proxy gave, when it is one; else a fresh one."""
    for name, value in scope["headers"]:
        if name == HEADER and _SANE.fullmatch(value):
            return value.decode()
    return uuid4().hex


def _is_upload(scope: Any) -> bool:
    return scope["method"] == "POST" and any(
        name == b"content-type" and value.startswith(b"multipart/form-data")
        for name, value in scope["headers"]
    )


def _route(scope: Any) -> str:
    template = scope.get("path_template") or NOWHERE
    return NOWHERE if template == "/{path}" else template


def write_request(seen: Seen) -> None:
    """One line for a request. Not through `logging`, which would take longer than some of our answers."""
    line = {
        "request": seen.id,
        "method": seen.method,
        "route": seen.route,
        "status": seen.status,
        "ms": round(seen.seconds * 1000, 1),
        "event": "stream" if seen.stream else "request",
        "level": "error" if seen.status >= 500 else "info",
        "timestamp": datetime.now(UTC).isoformat(),
    }
    if sys.stderr.isatty():
        print(f"{seen.status} {seen.method} {seen.route} {line['ms']} ms [{seen.id}]", file=sys.stderr)
    else:
        sys.stderr.write(_encoder.encode(line).decode() + "\n")
