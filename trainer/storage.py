"""Where recordings and clips are kept: a folder by default, an S3 bucket by URL, one interface for both.

Keys look like `recordings/ab/<uuid>` and are made by us, never from what somebody typed. Ranges count bytes
from 0 and end before `end`.
Invariant: a key is absent or names the whole object; a put that dies half-way is never served.
"""

import asyncio
import errno
import fcntl
import os
import re
import shutil
import stat
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Literal
from urllib.parse import unquote, urlsplit

import obstore
from obstore.exceptions import BaseError, PermissionDeniedError, UnauthenticatedError
from obstore.store import LocalStore, MemoryStore, S3Store

from trainer.db import OutcomeUnknown, after_commit, to_the_end, transaction
from trainer.problems import Unavailable
from trainer.web.i18n import _

if TYPE_CHECKING:
    from obstore.store import ObjectStore

Reason = Literal["missing", "full", "denied", "unreachable"]
Kind = Literal["folder", "s3", "memory"]

CHUNK = 256 * 1024
_DOWNLOAD = 8 * 1024 * 1024
# Lower case only: two keys must not become one file on a disk that ignores case.
_KEY = re.compile(r"[a-z0-9][a-z0-9._-]{0,127}(/[a-z0-9][a-z0-9._-]{0,127}){0,7}")
_LEFTOVER = re.compile(r"#[0-9]+$")
_NOWAIT: int = getattr(os, "RWF_NOWAIT", 0)  # Linux: read only what is in the page cache already


class StorageError(Unavailable):
    """The storage did not do it; `reason` for programs, `detail` for people.

    `missing`: the object is not there. `full`: no space left. `denied`: the credentials or file rights do not
    allow it. `unreachable`: the folder, the bucket or the network is away.
    """

    def __init__(self, reason: Reason, cause: str = "") -> None:
        super().__init__(_sentence(reason))
        self.reason: Reason = reason
        self.cause = cause  # for the log and `doctor`; names paths, so never shown

    def __str__(self) -> str:
        return f"{self.detail} ({self.cause})" if self.cause else self.detail


def _sentence(reason: Reason) -> str:
    match reason:
        case "missing":
            return _("This file is not in the storage any more.")
        case "full":
            return _("There is no space left for files. Ask your admin to make room, then try again.")
        case "denied":
            return _("The storage does not let us in. Ask your admin to check its access rights.")
        case "unreachable":
            return _("The storage cannot be reached right now. Please try again in a moment.")


@dataclass(frozen=True, slots=True)
class Stored:
    """One object in a listing: size in bytes, `modified` in UTC."""

    key: str
    size: int
    modified: datetime


@dataclass(frozen=True, slots=True)
class StorageState:
    """What `check` found: `free` is in bytes, None where the storage does not say."""

    kind: Kind
    place: str
    free: int | None


def no_space(error: BaseException) -> bool:
    """Whether the error says that the disk, or the share of it that we may use, is full."""
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return True
    return isinstance(error, BaseError) and ("(os error 28)" in str(error) or "(os error 122)" in str(error))


# Told of each failure but `missing`, for whoever counts them.
watchers: list[Callable[[Reason], object]] = []


@contextmanager
def _told_plainly() -> Iterator[None]:
    """Turns what obstore and the system raise into StorageError."""
    try:
        yield
    except (BaseError, OSError) as error:
        reason = _reason_of(error)
        if reason != "missing":
            for watcher in watchers:
                watcher(reason)
        raise StorageError(reason, str(error).partition("\n")[0]) from error


def _reason_of(error: BaseException) -> Reason:
    text = str(error)
    if no_space(error):
        return "full"
    if isinstance(error, FileNotFoundError) and "NoSuchBucket" not in text:
        return "missing"
    if isinstance(error, PermissionError | PermissionDeniedError | UnauthenticatedError):
        return "denied"
    return "denied" if "(os error 13)" in text or "403 Forbidden" in text else "unreachable"


def checked_key(key: str) -> str:
    """The key itself. Raises ValueError for one that could leave the storage or clash with its own files."""
    if not _KEY.fullmatch(key):
        raise ValueError(f"not a storage key: {key!r}")
    return key


class Storage:
    """Objects by key in a bucket (or in memory, for tests). `Storage.from_url` picks the right kind.

    Every method raises StorageError when the storage fails, and ValueError for a key that is not ours.
    """

    def __init__(self, store: "ObjectStore", kind: Kind, place: str, scratch: Path) -> None:
        self._store = store
        self._kind: Kind = kind
        self._place = place
        self._scratch = scratch

    @staticmethod
    def from_url(url: str, *, scratch: Path | None = None) -> "Storage":
        """Opens a path or `file:///path` (made when absent), `s3://bucket/prefix` or `memory://`.

        S3 reads the usual AWS_* variables, AWS_ENDPOINT_URL for other makers' included. `scratch` is the
        folder for temporary copies of S3 objects. Raises ValueError for another kind of URL.
        """
        parts = urlsplit(url)
        scratch = scratch or Path(tempfile.gettempdir())
        match parts.scheme:
            case "" | "file":
                return FolderStorage(Path(unquote(parts.path)), scratch)
            case "s3":
                return Storage(_open_bucket(parts.netloc, parts.path.strip("/")), "s3", url, scratch)
            case "memory":
                return Storage(MemoryStore(), "memory", url, scratch)
        raise ValueError(f"{url!r} is not a storage: use a folder or s3://bucket/prefix")

    async def put_file(self, key: str, path: Path, *, move: bool = False) -> None:
        """Stores the file's bytes under the key, replacing what was there; `move` takes the file away."""
        checked_key(key)
        with _told_plainly():
            # 8 MB parts, three at a time: 2 GB stays under the 10,000 parts of S3 and under 30 MB of memory
            await obstore.put_async(self._store, key, path, chunk_size=_DOWNLOAD, max_concurrency=3)
            if move:
                path.unlink(missing_ok=True)

    async def put_bytes(self, key: str, data: bytes) -> None:
        """Stores the bytes under the key, replacing what was there."""
        checked_key(key)
        with _told_plainly():
            await obstore.put_async(self._store, key, data)

    async def get_range(self, key: str, start: int, end: int) -> bytes:
        """The bytes from `start` up to but without `end`; fewer at the end of the object, none past it."""
        checked_key(key)
        if start < 0:
            raise ValueError("a range starts at 0 or later")
        if end <= start:  # obstore refuses empty and past-end ranges instead of answering with nothing
            return b""
        with _told_plainly():
            try:
                return bytes(await obstore.get_range_async(self._store, key, start=start, end=end))
            except BaseError:
                size = await self.size(key)
                if size is not None and start >= size:
                    return b""
                raise

    async def stream(
        self, key: str, start: int = 0, end: int | None = None, *, chunk: int = CHUNK
    ) -> AsyncIterator[bytes]:
        """The same bytes as `get_range` in pieces of at most `chunk`; `end` None is the object's end."""
        if end is None:
            end = await self._known_size(key)
        while start < end:
            # one request a piece: a single long answer would have to be read within the client's time limit
            piece = await self.get_range(key, start, min(start + chunk, end))
            if not piece:
                return
            yield piece
            start += len(piece)

    async def size(self, key: str) -> int | None:
        """The object's size in bytes; None when there is none."""
        checked_key(key)
        try:
            with _told_plainly():
                return (await obstore.head_async(self._store, key))["size"]
        except StorageError as error:
            if error.reason == "missing":
                return None
            raise

    async def exists(self, key: str) -> bool:
        """Whether there is an object under the key."""
        return await self.size(key) is not None

    async def delete(self, key: str) -> None:
        """Removes the object; no error when it is gone already."""
        checked_key(key)
        try:
            with _told_plainly():
                await obstore.delete_async(self._store, key)
        except StorageError as error:
            if error.reason != "missing":
                raise

    async def list(self, prefix: str = "") -> AsyncIterator[Stored]:
        """The objects below a prefix of whole segments (`recordings/ab`), in no certain order."""
        if prefix:
            checked_key(prefix.rstrip("/"))
        with _told_plainly():
            async for batch in obstore.list(self._store, prefix.rstrip("/") or None):
                for meta in batch:
                    yield Stored(meta["path"], meta["size"], meta["last_modified"])

    @asynccontextmanager
    async def local_path(self, key: str) -> AsyncIterator[Path]:
        """A path for programs that read files (never write to it); here a copy that is removed afterwards."""
        size = await self._known_size(key)
        with _told_plainly():
            handle, name = tempfile.mkstemp(prefix="encore-copy-", dir=self.scratch_folder())
        copy = Path(name)
        try:
            with os.fdopen(handle, "wb") as file:
                fcntl.flock(file, fcntl.LOCK_SH)  # tells `sweep` that somebody still needs the copy
                async for piece in self.stream(key, 0, size, chunk=_DOWNLOAD):
                    with _told_plainly():
                        await asyncio.to_thread(file.write, piece)
                file.flush()
                yield copy
        finally:
            copy.unlink(missing_ok=True)

    def scratch_folder(self) -> Path:
        """Where files named `encore-copy-*` may lie while they are locked; `sweep` removes those that are not."""
        with _told_plainly():
            self._scratch.mkdir(parents=True, exist_ok=True)
        return self._scratch

    def sweep(self, *, older_than: timedelta = timedelta(minutes=10)) -> int:
        """Removes what killed processes left and says how much; work that still runs is not touched."""
        return sweep_unlocked(self._scratch, "encore-copy-*")

    async def check(self, *, write: bool = False) -> StorageState:
        """Whether the storage answers; with `write` also whether a small object comes back (for `doctor`)."""
        with _told_plainly():
            async for _batch in obstore.list(self._store, "check", chunk_size=1):
                break
        if write:
            await self._round_trip()
        return StorageState(self._kind, self._place, None)

    async def _round_trip(self) -> None:
        key = f"check/{os.urandom(8).hex()}"
        await self.put_bytes(key, b"check")
        try:
            if await self.get_range(key, 0, 5) != b"check":
                raise StorageError("unreachable", "what was written did not come back")
        finally:
            await self.delete(key)

    async def _known_size(self, key: str) -> int:
        size = await self.size(key)
        if size is None:
            raise StorageError("missing", key)
        return size


class FolderStorage(Storage):
    """Objects as files below a folder: reads go straight to them, uploads are moved in without a copy."""

    def __init__(self, root: Path, scratch: Path) -> None:
        root = root.absolute()
        with _told_plainly():
            root.mkdir(parents=True, exist_ok=True, mode=0o700)
            super().__init__(LocalStore(prefix=root), "folder", str(root), scratch)
        self._root = root
        self._reads_inline = _NOWAIT != 0

    async def put_file(self, key: str, path: Path, *, move: bool = False) -> None:
        checked_key(key)
        with _told_plainly():
            await asyncio.to_thread(self._put_now, key, path, move)

    async def put_bytes(self, key: str, data: bytes) -> None:
        checked_key(key)
        with _told_plainly():
            await asyncio.to_thread(self._put_now, key, data, False)

    def _put_now(self, key: str, content: Path | bytes, move: bool) -> None:
        target = self._root / key
        if isinstance(content, Path) and move:
            target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            _flush_to_disk(content)
            try:
                content.replace(target)
            except OSError as error:
                if error.errno != errno.EXDEV:
                    raise
                self._put_now(key, content, False)
                content.unlink(missing_ok=True)
                return
        else:
            obstore.put(self._store, key, content)
            _flush_to_disk(target)
        # without this a power cut can lose the name of a file whose row is already committed
        _flush_to_disk(target.parent)

    async def get_range(self, key: str, start: int, end: int) -> bytes:
        path = self._root / checked_key(key)
        if start < 0:
            raise ValueError("a range starts at 0 or later")
        if end <= start:
            return b""
        with _told_plainly():
            if self._reads_inline:
                try:
                    return _read(path, start, end, _NOWAIT)
                except BlockingIOError:
                    pass
                except OSError as error:
                    if error.errno != errno.EOPNOTSUPP:
                        raise
                    self._reads_inline = False  # such a file system (NFS, tmpfs) cannot promise not to wait
            return await asyncio.to_thread(_read, path, start, end, 0)

    async def size(self, key: str) -> int | None:
        path = self._root / checked_key(key)
        with _told_plainly():
            try:
                status = path.stat()
            except (FileNotFoundError, NotADirectoryError):
                return None
        return status.st_size if stat.S_ISREG(status.st_mode) else None

    async def delete(self, key: str) -> None:
        path = self._root / checked_key(key)
        with _told_plainly():
            await asyncio.to_thread(_remove_with_leftovers, path)

    @asynccontextmanager
    async def local_path(self, key: str) -> AsyncIterator[Path]:
        """The file itself: nothing is copied, and it stays."""
        await self._known_size(key)
        yield self._root / key

    def sweep(self, *, older_than: timedelta = timedelta(minutes=10)) -> int:
        """Removes the `name#1` of killed puts too; another process may still write the younger ones."""
        with _told_plainly():
            before = (datetime.now(UTC) - older_than).timestamp()
            return super().sweep() + _sweep_leftovers(self._root, before)

    async def check(self, *, write: bool = False) -> StorageState:
        with _told_plainly():
            free = shutil.disk_usage(self._root).free
            if not os.access(self._root, os.R_OK | os.W_OK | os.X_OK):
                raise StorageError("denied", self._place)
        if write:
            await self._round_trip()
        return StorageState("folder", self._place, free)


def _open_bucket(bucket: str, prefix: str) -> S3Store:
    if not bucket:
        raise ValueError("an S3 storage needs a bucket: s3://bucket/prefix")
    endpoint = os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL") or ""
    return S3Store(
        bucket,
        prefix=prefix or None,
        client_options={
            "allow_http": endpoint.startswith("http://"),
            "connect_timeout": timedelta(seconds=5),
            "timeout": timedelta(seconds=60),
        },
        # the default waits up to three minutes, longer than anybody waits for a page
        retry_config={"max_retries": 3, "retry_timeout": timedelta(seconds=20)},
    )


def _read(path: Path, start: int, end: int, flags: int) -> bytes:
    """With flag _NOWAIT: what is in the page cache, at once (5 µs; a thread costs 75), or BlockingIOError."""
    handle = os.open(path, os.O_RDONLY)
    try:
        length = min(end, os.fstat(handle).st_size) - start
        if length <= 0:
            return b""
        if not flags:
            return os.pread(handle, length, start)
        buffer = bytearray(length)
        if os.preadv(handle, [buffer], start, flags) < length:
            raise BlockingIOError
        return bytes(buffer)
    finally:
        os.close(handle)


def _flush_to_disk(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _remove_with_leftovers(path: Path) -> None:
    with suppress(NotADirectoryError):
        path.unlink(missing_ok=True)
    with suppress(FileNotFoundError, NotADirectoryError), os.scandir(path.parent) as entries:
        # erasing means every copy: a put killed half-way lies beside the object as `name#1`
        for entry in entries:
            if entry.name.startswith(f"{path.name}#"):
                Path(entry.path).unlink(missing_ok=True)


def _sweep_leftovers(root: Path, before: float) -> int:
    removed = 0
    for folder, _folders, names in os.walk(root):
        for name in names:
            path = Path(folder, name)
            with suppress(FileNotFoundError):
                if _LEFTOVER.search(name) and path.stat().st_mtime <= before:
                    path.unlink()
                    removed += 1
    return removed


def sweep_unlocked(folder: Path, pattern: str) -> int:
    """Removes the files in the folder that match the glob and that no living process holds a lock on."""
    removed = 0
    for path in folder.glob(pattern):
        with suppress(FileNotFoundError, BlockingIOError), path.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            path.unlink()
            removed += 1
    return removed


_opened: Storage | None = None


def open_storage(url: str, *, scratch: Path | None = None) -> Storage:
    """Opens the storage that `storage()` hands out from now on, and sweeps it (which reads the disk)."""
    global _opened
    _opened = Storage.from_url(url, scratch=scratch)
    _opened.sweep()
    return _opened


async def close_storage() -> None:
    """Forgets it: `storage()` raises again."""
    global _opened
    _opened = None


def storage() -> Storage:
    """The storage of this process. Raises RuntimeError before `open_storage`."""
    if _opened is None:
        raise RuntimeError("open_storage(url) has not been called")
    return _opened


@asynccontextmanager
async def stored_with_row(key: str, path: Path, *, move: bool = False) -> AsyncIterator[None]:
    """Stores the file, then opens the transaction for the row that names it; `move` takes the file away.

    Without its row the object goes again, unless a COMMIT was lost: then the row may be there, and must not be
    without its object. Where it is not, the room's daily sweep finds the object.
    """
    settled: list[bool] = []
    try:
        await storage().put_file(key, path, move=move)
        async with transaction():
            after_commit(lambda: settled.append(True))
            yield
    except OutcomeUnknown:
        settled.append(False)
        raise
    finally:
        if not settled:  # refused, or cancelled before the commit; a cancellation during it comes after it
            await to_the_end(_delete_if_possible(key))


async def _delete_if_possible(key: str) -> None:
    with suppress(StorageError):  # what went wrong before is told; the sweep finds the object
        await storage().delete(key)
