"""Sound for the browser's player: the exact meaning of Range, If-Range and ETag that seeking depends on.

Litestar's `File` ignores `Range`. Conditions are weighed in the order of RFC 9110 §13.2.2; a request for
several ranges gets the whole (§14.2 allows it, and no player asks for several).
Invariant: nothing is played from a cache unasked. `private, no-cache` makes the browser ask each time: a
clip taken down falls silent at once, an unchanged one costs a 304.
"""

import asyncio
import re
from collections.abc import AsyncIterator, Iterable
from datetime import UTC, datetime
from email.utils import format_datetime, parsedate_to_datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

from litestar import Response
from litestar.connection import Request
from litestar.datastructures import Cookie
from litestar.types import ASGIApp, Receive, Scope, Send

from trainer.problems import PreconditionFailed
from trainer.storage import CHUNK, StorageError, storage
from trainer.web.i18n import _

_RANGE = re.compile(r"bytes=[ \t]*([0-9]*)-([0-9]*)[ \t]*", re.IGNORECASE)
_TAG = re.compile(r'(?:W/)?"[^"]*"')
_ENDLESS = 10**1000
_UNSATISFIABLE = (-1, -1)


class MediaResponse(Response[bytes]):
    """An answer with (part of) an object from the storage, or of a file. Made by `media_response`."""

    def __init__(
        self, source: str | Path, start: int, end: int, *, status: int, headers: dict[str, str]
    ) -> None:
        super().__init__(b"", status_code=status, headers=headers)
        self.source = source
        self.start = start
        self.end = end

    def to_asgi_response(  # type: ignore[override] # status and media type are ours, whatever the route says
        self, app: Any, request: Request[Any, Any, Any], **layers: Any
    ) -> ASGIApp:
        """Called by Litestar, which hands in the headers and cookies of the route's layers."""
        headers = {**(layers.get("headers") or {}), **self.headers}
        encoded = [(name.lower().encode(), value.encode("latin-1")) for name, value in headers.items()]
        cookies: Iterable[Cookie] = [*self.cookies, *(layers.get("cookies") or ())]
        encoded += [cookie.to_encoded_header() for cookie in cookies if not cookie.documentation_only]

        async def answer(scope: Scope, receive: Receive, send: Send) -> None:
            await self._send(encoded, receive, send)

        return answer

    async def _send(self, headers: list[tuple[bytes, bytes]], receive: Receive, send: Send) -> None:
        length = self.end - self.start
        # Read before the headers go out: what is missing by now can still be answered with an error.
        first = await self._read(self.start, min(self.end, self.start + CHUNK)) if length else b""
        if len(first) < min(length, CHUNK):
            raise StorageError("missing", f"{self.source} is shorter than its record says")
        await send({"type": "http.response.start", "status": self.status_code or 200, "headers": headers})
        await send({"type": "http.response.body", "body": first, "more_body": len(first) < length})
        if len(first) == length:
            return
        gone = asyncio.ensure_future(_gone(receive))
        try:
            async for chunk in self._rest(self.start + len(first)):
                if gone.done():  # sending to a browser that left neither fails nor waits: stop reading for it
                    return
                self.start += len(chunk)
                await send({"type": "http.response.body", "body": chunk, "more_body": True})
            await send({"type": "http.response.body", "body": b"", "more_body": False})
        finally:
            gone.cancel()

    async def _read(self, start: int, end: int) -> bytes:
        if isinstance(self.source, str):
            return await storage().get_range(self.source, start, end)
        return await asyncio.to_thread(_read_file, self.source, start, end)

    async def _rest(self, start: int) -> AsyncIterator[bytes]:
        while start < self.end:
            chunk = await self._read(start, min(self.end, start + CHUNK))
            if not chunk:
                raise OSError("the object became shorter while it was sent")
            yield chunk
            start += len(chunk)


def media_response(
    request: Request[Any, Any, Any],
    *,
    key: str | None = None,
    path: Path | None = None,
    etag: str,
    size: int,
    content_type: str,
    filename: str | None = None,
    download: bool = False,
    modified: datetime | None = None,
    private: bool = True,
) -> MediaResponse:
    """The answer to a GET or HEAD for an object (`key` in the storage) or a file (`path`) of `size` bytes.

    `etag` is our own hash of the content, unquoted. `filename` is what the browser saves it as (any script).
    The route takes both methods: `@route(path, http_method=["GET", "HEAD"])`. Answers 200, 206, 304 or 416;
    raises PreconditionFailed when If-Match names another version, and StorageError (before anything is sent)
    when the object is gone.
    """
    source = key if key is not None else path
    if source is None:
        raise ValueError("media_response needs a key or a path")
    tag = f'"{etag}"'
    headers = {
        "ETag": tag,
        "Accept-Ranges": "bytes",
        "Cache-Control": "private, no-cache" if private else "public, max-age=3600",
        "X-Content-Type-Options": "nosniff",
    }
    if modified is not None:
        headers["Last-Modified"] = _http_date(modified)
    asked = _conditions(request)
    if "if-match" in asked and not _names(asked["if-match"], tag, weak=False):
        raise PreconditionFailed(_("This file has changed since you opened it. Load the page again."))
    if _is_unchanged(asked, tag, modified):
        return MediaResponse(source, 0, 0, status=304, headers=headers)
    headers["Content-Type"] = content_type
    if filename is not None or download:
        headers["Content-Disposition"] = disposition(filename, download=download)
    start, end, status = 0, size, 200
    if "range" in asked and request.method == "GET" and _may_be_partial(asked, tag, modified):
        wanted = byte_range(asked["range"], size)
        if wanted == _UNSATISFIABLE:
            headers |= {"Content-Range": f"bytes */{size}", "Content-Length": "0"}
            return MediaResponse(source, 0, 0, status=416, headers=headers)
        if wanted is not None:
            (start, end), status = wanted, 206
            headers["Content-Range"] = f"bytes {start}-{end - 1}/{size}"
    headers["Content-Length"] = str(end - start)
    if request.method == "HEAD":
        end = start
    return MediaResponse(source, start, end, status=status, headers=headers)


def byte_range(header: str, size: int) -> tuple[int, int] | None:
    """The (start, end) that a Range header means for `size` bytes, end excluded.

    None: answer with the whole, as it does not ask for one range of bytes. (-1, -1): it cannot be satisfied.
    """
    match = _RANGE.fullmatch(header)
    if match is None or not any(match.groups()):
        return None
    first, last = (_number(digits) for digits in match.groups())
    if first is None:
        if not last:
            return _UNSATISFIABLE
        return (max(0, size - last), size) if size else None
    if last is not None and last < first:
        return None
    if first >= size:
        return _UNSATISFIABLE
    return first, size if last is None else min(last + 1, size)


def disposition(filename: str | None, *, download: bool = False) -> str:
    """Content-Disposition with a name in any script: an ASCII stand-in, then the real one (RFC 6266)."""
    kind = "attachment" if download else "inline"
    name = re.sub(r'[\x00-\x1f\x7f/\\"]+', "_", filename or "").strip()[:150]
    if not name:
        return kind
    plain = re.sub(r"[^ -~]|[%;]", "_", name)
    encoded = "" if plain == name else f"; filename*=UTF-8''{quote(name, safe='')}"
    return f'{kind}; filename="{plain}"{encoded}'


def _conditions(request: Request[Any, Any, Any]) -> dict[str, str]:
    """The request headers that matter here, in one pass; the same header twice is read as one list."""
    found: dict[str, str] = {}
    for raw, value in request.scope["headers"]:
        if raw == b"range" or raw.startswith(b"if-"):
            name = raw.decode()
            text = value.decode("latin-1")
            found[name] = f"{found[name]}, {text}" if name in found else text
    return found


def _names(header: str, tag: str, *, weak: bool) -> bool:
    """Whether a list of entity tags names ours; weak comparison also takes `W/"…"`."""
    if header.strip() == "*":
        return True
    return any(given == tag or (weak and given == f"W/{tag}") for given in _TAG.findall(header))


def _is_unchanged(asked: dict[str, str], tag: str, modified: datetime | None) -> bool:
    if "if-none-match" in asked:
        return _names(asked["if-none-match"], tag, weak=True)
    since = _date(asked.get("if-modified-since"))
    return since is not None and modified is not None and modified.replace(microsecond=0) <= since


def _may_be_partial(asked: dict[str, str], tag: str, modified: datetime | None) -> bool:
    """If-Range: a part is only of use to somebody who holds the rest of this very version."""
    condition = asked.get("if-range")
    if condition is None or condition == tag:
        return True
    return modified is not None and condition == _http_date(modified)


def _http_date(moment: datetime) -> str:
    return format_datetime(moment.astimezone(UTC), usegmt=True)


def _date(header: str | None) -> datetime | None:
    try:
        parsed = parsedate_to_datetime(header) if header else None
    except ValueError:
        return None
    return parsed if parsed is None or parsed.tzinfo else parsed.replace(tzinfo=UTC)


def _number(digits: str) -> int | None:
    if not digits:
        return None
    return int(digits) if len(digits) <= 1000 else _ENDLESS  # int() refuses thousands of digits


def _read_file(path: Path, start: int, end: int) -> bytes:
    with path.open("rb") as file:
        file.seek(start)
        return file.read(end - start)


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
