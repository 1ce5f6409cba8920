"""Large files straight to disk, in flat memory, and gone again unless they are wanted.

Litestar's form parser builds a part without a filename in memory, whatever its size; here each part has its
limit while it arrives. Routes authorise the person before they come here (CSRF by header).
Invariant: however `stream_upload` is left (return, error, disconnect, cancelled), nothing stays on disk but
what was moved away or kept with `keep()`. What a killed process leaves is removed by `sweep_incoming`.
"""

import asyncio
import fcntl
import hashlib
import os
import re
import shutil
from collections.abc import AsyncIterator, Callable, Collection, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

from litestar.connection import Request
from multipart import MultipartError, MultipartSegment, PushMultipartParser, parse_options_header

from trainer.problems import FieldError, Invalid, Malformed, TooLarge, Unsupported
from trainer.storage import StorageError, no_space, sweep_unlocked
from trainer.web.i18n import _
from trainer.web.texts import readable

TEXT_LIMIT = 64 * 1024
TRANSCRIPT_LIMIT = 5 * 1024 * 1024
_BATCH = 1 << 20
_PART = ".part"
_IDLE_S = 60.0  # a sender that falls silent for this long holds a file and a connection for nothing
_MOST_PARTS = 64
_UNSAFE = re.compile(r"[\t\n]+")


@dataclass(slots=True)
class UploadedFile:
    """One file that arrived. `filename` and `content_type` are the sender's claims: to show, not to trust."""

    path: Path
    filename: str
    content_type: str
    size: int = 0
    sha256: str = ""
    kept: bool = False

    def keep(self) -> Path:
        """Leaves the file where it is when the upload ends, for whoever takes it up. Swept a day later."""
        if not self.kept:
            self.path = self.path.rename(self.path.with_suffix(""))
            self.kept = True
        return self.path


@dataclass(slots=True)
class Upload:
    """A form that arrived whole: text fields and files by name, the main file also as `path`, `size` …"""

    main: UploadedFile
    files: dict[str, UploadedFile]
    fields: dict[str, str]

    @property
    def path(self) -> Path:
        return self.main.path

    @property
    def filename(self) -> str:
        return self.main.filename

    @property
    def content_type(self) -> str:
        return self.main.content_type

    @property
    def size(self) -> int:
        """In bytes."""
        return self.main.size

    @property
    def sha256(self) -> str:
        return self.main.sha256

    def keep(self) -> Path:
        """Leaves the main file on disk; see `UploadedFile.keep`."""
        return self.main.keep()


@asynccontextmanager
async def stream_upload(
    request: Request[Any, Any, Any],
    *,
    max_bytes: int,
    incoming: Path,
    text_fields: Collection[str],
    text_limit: int = TEXT_LIMIT,
    file_field: str = "audio",
    other_files: Mapping[str, int] | None = None,
    instead: str = "",
    idle_s: float = _IDLE_S,
) -> AsyncIterator[Upload]:
    """Receives multipart/form-data: one file `file_field` of at most `max_bytes`, and what goes with it.

    `text_fields` names the text parts that may come (each at most `text_limit` bytes, each once; `_csrf` is
    passed over), `other_files` further files with their limits (by default `transcript`, 5 MB). `instead` is the one
    of them that may come in place of the main file, and is it then. A file field that a browser sends empty counts
    as not sent. Any size takes a few megabytes of memory.

    Raises Unsupported (not a multipart form), Malformed (syntax, or it broke off), TooLarge, Invalid (with
    every wrong field) and StorageError (`full`).
    """
    limits = {
        file_field: max_bytes,
        **({"transcript": TRANSCRIPT_LIMIT} if other_files is None else other_files),
    }
    whole = sum(limits.values()) + _MOST_PARTS * (text_limit + 8192)
    parser = PushMultipartParser(_boundary(request), max_segment_count=_MOST_PARTS)
    _check_announced(request, whole, max_bytes, incoming)
    receiver = _Receiver(incoming, limits, frozenset(text_fields), text_limit)
    try:
        received, more = 0, True
        while more:
            chunk, more = await _next_chunk(request, idle_s)
            received += len(chunk)
            if received > whole:
                raise _too_large(max_bytes)
            with _syntax():
                await receiver.feed(parser, chunk)
            if not receiver.parts and received > text_limit:
                raise _broken()  # not the boundary that was announced: do not read gigabytes to find out
        with _syntax():
            parser.close()
        yield receiver.finished(file_field, instead)
    except OSError as error:
        if no_space(error):
            raise StorageError("full", str(error)) from error
        raise
    finally:
        receiver.discard()


def sweep_incoming(incoming: Path, *, older_than: timedelta = timedelta(hours=24)) -> int:
    """Removes what uploads of killed processes left, and kept files that nobody took up; says how many."""
    removed = sweep_unlocked(incoming, f"*{_PART}")
    before = (datetime.now(UTC) - older_than).timestamp()
    for path in incoming.glob("*"):
        with suppress(FileNotFoundError):
            if path.is_file() and path.suffix != _PART and path.stat().st_mtime < before:
                path.unlink()
                removed += 1
    return removed


class _Arriving:
    """A file while it arrives, locked so that the `sweep_incoming` of another process leaves it alone."""

    def __init__(self, incoming: Path, part: MultipartSegment, limit: int) -> None:
        incoming.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.name = part.name or ""
        self.limit = limit
        self.hash = hashlib.sha256()
        self.batch: list[bytes] = []
        self.batch_bytes = 0
        path = incoming / f"{uuid4().hex}{_PART}"
        self.sent = UploadedFile(path, _shown(part.filename or ""), part.content_type or "")
        self.handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        fcntl.flock(self.handle, fcntl.LOCK_SH)

    async def take(self, data: bytes) -> None:
        self.sent.size += len(data)
        if self.sent.size > self.limit:
            raise _too_large(self.limit, self.name)
        self.batch.append(data)
        self.batch_bytes += len(data)
        if self.batch_bytes >= _BATCH:
            await self.write()

    async def write(self) -> None:
        data, self.batch, self.batch_bytes = self.batch, [], 0
        await _to_the_end(self._write_now, data)

    def _write_now(self, pieces: list[bytes]) -> None:
        for piece in pieces:
            self.hash.update(piece)
            rest = memoryview(piece)
            while rest:
                rest = rest[os.write(self.handle, rest) :]

    async def complete(self) -> None:
        await self.write()
        self.sent.sha256 = self.hash.hexdigest()

    def close(self) -> None:
        """Removes the file unless it was kept or moved away."""
        if not self.sent.kept:
            self.sent.path.unlink(missing_ok=True)
        os.close(self.handle)


class _Receiver:
    """Puts each part of the form where it belongs, and collects what is wrong with any."""

    def __init__(
        self, incoming: Path, limits: Mapping[str, int], texts: frozenset[str], text_limit: int
    ) -> None:
        self.incoming = incoming
        self.limits = limits
        self.texts = texts
        self.text_limit = text_limit
        self.parts = 0
        self.seen: set[str] = set()
        self.files: dict[str, _Arriving] = {}
        self.fields: dict[str, str] = {}
        self.errors: list[FieldError] = []
        # of the part that is arriving: its name, and one of these two; neither for a part that is passed over
        self.name = ""
        self.file: _Arriving | None = None
        self.text: bytearray | None = None

    async def feed(self, parser: PushMultipartParser, chunk: bytes) -> None:
        if not chunk:
            return
        for event in parser.parse(chunk):
            if isinstance(event, MultipartSegment):
                self._begin(event)
            elif event is None:
                await self._end()
            elif self.file is not None:
                await self.file.take(event)
            elif self.text is not None:
                self.text += event
                if len(self.text) > self.text_limit:
                    raise _too_large(self.text_limit, self.name)

    def _begin(self, part: MultipartSegment) -> None:
        self.parts += 1
        name = self.name = part.name or ""
        is_file = part.filename is not None
        self.file = self.text = None
        if name in self.seen:
            self._wrong(name, "repeated", _("This field was sent twice."))
        elif is_file and name in self.limits:
            self.file = self.files[name] = _Arriving(self.incoming, part, self.limits[name])
        elif not is_file and (name in self.texts or name == "_csrf"):
            self.text = bytearray()
        elif name in self.limits:
            self._wrong(name, "not_a_file", _("Send this as a file."))
        elif name in self.texts:
            self._wrong(name, "not_text", _("Send this as text, not as a file."))
        else:
            self._wrong(name, "unknown_field", _("There is no such field."))
        self.seen.add(name)

    async def _end(self) -> None:
        if self.file is not None:
            await self.file.complete()
            if not self.file.sent.size and not self.file.sent.filename:
                self.files.pop(self.name).close()  # how a browser sends a file field that was left empty
        elif self.text is not None and self.name != "_csrf":
            try:
                self.fields[self.name] = readable(self.text.decode())
            except UnicodeDecodeError:
                self._wrong(self.name, "not_utf8", _("This text is not UTF-8."))

    def finished(self, file_field: str, instead: str) -> Upload:
        """The upload, once every part is there. Raises Invalid with all that was wrong."""
        if file_field not in self.files and instead in self.files:
            file_field = instead
        if file_field not in self.files and all(error.field != file_field for error in self.errors):
            self._wrong(file_field, "required", _("Choose a file."))
        if self.errors:
            raise Invalid(_("The upload has fields that cannot be used."), errors=self.errors)
        files = {name: file.sent for name, file in self.files.items()}
        return Upload(files[file_field], files, self.fields)

    def discard(self) -> None:
        """Removes what was neither kept nor moved away. Never waits, so that a cancelled task can do it."""
        for file in self.files.values():
            file.close()
        self.files.clear()

    def _wrong(self, name: str, code: str, message: str) -> None:
        self.errors.append(FieldError(_shown(name), code, message))


def _boundary(request: Request[Any, Any, Any]) -> str:
    kind, options = parse_options_header(request.headers.get("content-type", ""))
    if kind != "multipart/form-data":
        raise Unsupported(_("Send the file as a form (multipart/form-data)."))
    boundary = options.get("boundary", "")
    if not 0 < len(boundary) <= 200 or not boundary.isascii() or not boundary.isprintable():
        raise _broken()
    return str(boundary)


def _check_announced(request: Request[Any, Any, Any], whole: int, max_bytes: int, incoming: Path) -> None:
    """Refuses by the announced length before a byte is read, while the answer still reaches the sender."""
    announced = request.headers.get("content-length", "")
    length = int(announced) if announced.isdecimal() and len(announced) < 19 else 0
    if length > whole:
        raise _too_large(max_bytes)
    if incoming.exists() and shutil.disk_usage(incoming).free < length:
        raise StorageError("full", str(incoming))


async def _next_chunk(request: Request[Any, Any, Any], idle_s: float) -> tuple[bytes, bool]:
    """The next bytes and whether more will come. (`request.stream()` has one limit for all routes.)"""
    try:
        async with asyncio.timeout(idle_s):
            message = await request.receive()
    except TimeoutError as error:
        raise _broken() from error
    if message["type"] != "http.request":
        raise _broken()
    return message["body"], message["more_body"]


async def _to_the_end(work: Callable[[list[bytes]], None], data: list[bytes]) -> None:
    """Runs `work(data)` in a thread and leaves only when it is over, even when cancelled.

    Otherwise the file would be closed under the thread, and its next write could land in another file.
    """
    running = asyncio.get_running_loop().run_in_executor(None, work, data)
    try:
        await asyncio.shield(running)
    except asyncio.CancelledError:
        while not running.done():
            with suppress(asyncio.CancelledError):
                await asyncio.wait([running])
        running.exception()
        raise


@contextmanager
def _syntax() -> Iterator[None]:
    try:
        yield
    except MultipartError as error:
        raise _broken() from error


def _broken() -> Malformed:
    return Malformed(_("The upload broke off or was not complete. Please send it again."))


def _too_large(limit: int, name: str = "") -> TooLarge:
    size = f"{limit / 2**20:.0f} MB" if limit >= 2**20 else f"{limit / 2**10:.0f} kB"
    return TooLarge(
        _("That is larger than %(size)s, the most we can take here.") % {"size": size}, field=_shown(name)
    )


def _shown(name: str) -> str:
    """A sender's name for something, fit to be shown: no path, no control characters, not endless."""
    return _UNSAFE.sub("", readable(name).replace("\\", "/").rpartition("/")[2]).strip()[:200]
