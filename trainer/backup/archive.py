"""The file itself: parts one after the other, in flat memory, and whether a file is whole and unchanged.

Plain tar, so that any tool can look inside in an emergency. Only the walk through it is ours: the standard
library's writer wants each part's bytes in hand, and its reader remembers every part it has seen.
"""

import hashlib
import json
import tarfile
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, BinaryIO

from trainer.problems import Problem
from trainer.web.i18n import _

FORMAT = 1
HEAD, MANIFEST, SEAL = "head.json", "manifest.jsonl", "seal.json"
CHUNK = 1 << 20
_MOST_SMALL = 64 << 20  # no part that is read whole is larger
_BLOCK = tarfile.BLOCKSIZE


class BackupRefused(Problem):
    """The file cannot be used as a backup, or the place is not fit for one; the sentence says why."""

    slug = "backup-refused"


@dataclass(frozen=True, slots=True)
class Part:
    """One part of a backup: its name, its size in bytes and where its bytes begin in the file."""

    name: str
    size: int
    offset: int


@dataclass(frozen=True, slots=True)
class Checked:
    """What a whole file says of itself."""

    head: dict[str, Any]
    parts: int
    size: int  # bytes of the parts
    digest: str  # of the manifest: names this backup


class Writer:
    """Writes parts to a stream; `seal` at the end makes it a backup. Close it, whatever happens."""

    def __init__(self, out: BinaryIO, scratch: Path) -> None:
        self._out = out
        # millions of objects: their checksums wait on disk, not in memory
        self._manifest: IO[bytes] = tempfile.TemporaryFile(dir=scratch)  # noqa: SIM115 - closed by close()
        self._digest = hashlib.sha256()
        self.parts = 0
        self.size = 0
        self.written = 0

    def close(self) -> None:
        """Lets go of the scratch file; the stream is the caller's."""
        self._manifest.close()

    def add(self, name: str, data: bytes) -> None:
        """A small part, whole."""
        self.begin(name, len(data))
        self.write(data)
        self.end()

    def begin(self, name: str, size: int) -> None:
        """A part of exactly `size` bytes; `write` them, then `end`."""
        self._name, self._size, self._left = name, size, size
        self._sum = hashlib.sha256()
        self._header(name, size)

    def write(self, data: bytes) -> None:
        """The next bytes of the part; what is too much is left out."""
        data = data[: self._left]
        self._left -= len(data)
        self._sum.update(data)
        self._put(data)

    def end(self) -> bool:
        """Ends the part. False: bytes were missing and zeros stand for them; the manifest says so."""
        missing = self._left
        while self._left:
            self.write(bytes(min(self._left, CHUNK)))
        self._pad(self._size)
        entry: dict[str, Any] = {"name": self._name, "size": self._size, "sha256": self._sum.hexdigest()}
        if missing:
            entry["gone"] = True
        line = json.dumps(entry, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"
        self._manifest.write(line)
        self._digest.update(line)
        self.parts += 1
        self.size += self._size
        return not missing

    def seal(self) -> None:
        """The manifest and the seal: from here on it is a whole backup."""
        size = self._manifest.tell()
        self._manifest.seek(0)
        self._header(MANIFEST, size)
        while piece := self._manifest.read(CHUNK):
            self._put(piece)
        self._pad(size)
        seal = json.dumps(
            {"format": FORMAT, "parts": self.parts, "size": self.size, "manifest": self._digest.hexdigest()}
        ).encode()
        self._header(SEAL, len(seal))
        self._put(seal)
        self._pad(len(seal))
        self._put(bytes(2 * _BLOCK))

    def _header(self, name: str, size: int) -> None:
        info = tarfile.TarInfo(name)
        info.size, info.mode = size, 0o600
        self._put(info.tobuf(tarfile.PAX_FORMAT))

    def _pad(self, size: int) -> None:
        self._put(bytes(-size % _BLOCK))

    def _put(self, data: bytes) -> None:
        self._out.write(data)
        self.written += len(data)


def parts_of(file: BinaryIO) -> Iterator[Part]:
    """The parts in order, without their bytes. Raises BackupRefused for what is no backup or is cut off."""
    file.seek(0)
    seen = False
    try:
        with tarfile.open(fileobj=file, mode="r:") as tar:
            while (info := tar.next()) is not None:
                tar.members.clear()  # type: ignore[attr-defined] # it would keep every one
                yield Part(info.name, info.size, info.offset_data)
                seen = True
    except (tarfile.TarError, ValueError, OverflowError) as error:
        raise (_cut_off() if seen else _no_backup()) from error


def read_part(file: BinaryIO, part: Part) -> bytes:
    """A small part whole."""
    if part.size > _MOST_SMALL:
        raise _damaged(part.name)
    file.seek(part.offset)
    data = file.read(part.size)
    if len(data) != part.size:
        raise _cut_off()
    return data


def stream_part(file: BinaryIO, part: Part) -> Iterator[bytes]:
    """A part's bytes in pieces."""
    file.seek(part.offset)
    left = part.size
    while left:
        piece = file.read(min(left, CHUNK))
        if not piece:
            raise _cut_off()
        left -= len(piece)
        yield piece


def check(path: Path, progress: Callable[[int, int], object] = lambda done, total: None) -> Checked:
    """Reads all of a backup and compares every part with its checksum.

    Raises BackupRefused, naming what is wrong: no backup, cut off, damaged, or of a newer format.
    """
    with path.open("rb") as file:
        head, manifest, seal = _frame(file)
        total = path.stat().st_size
        digest = hashlib.sha256()
        count = size = 0
        lines = _lines(path, manifest)
        for part in parts_of(file):
            if part.name == MANIFEST:
                break
            line = next(lines, b"")
            digest.update(line)
            try:
                entry = json.loads(line) if line.startswith(b"{") else {}
            except ValueError as error:
                raise _damaged(MANIFEST) from error
            found = hashlib.sha256()
            for piece in stream_part(file, part):
                found.update(piece)
            progress(part.offset + part.size, total)
            if (entry.get("name"), entry.get("size"), entry.get("sha256")) != (
                part.name,
                part.size,
                found.hexdigest(),
            ):
                raise _damaged(part.name)
            count += 1
            size += part.size
        if next(lines, None) is not None or (count, size) != (seal.get("parts"), seal.get("size")):
            raise _damaged(MANIFEST)
        if digest.hexdigest() != seal.get("manifest"):
            raise _damaged(MANIFEST)
        progress(total, total)
        return Checked(head, count, size, digest.hexdigest())


def _frame(file: BinaryIO) -> tuple[dict[str, Any], Part, dict[str, Any]]:
    """Head, manifest and seal. Nothing of a file without them is read further."""
    head: Part | None = None
    manifest: Part | None = None
    seal: Part | None = None
    for part in parts_of(file):
        if head is None:
            if part.name != HEAD:
                raise _no_backup()
            head = part
        elif part.name == MANIFEST:
            manifest = part
        elif part.name == SEAL:
            seal = part
    if head is None:
        raise _no_backup()
    if manifest is None or seal is None:
        raise _cut_off()
    try:
        first, last = json.loads(read_part(file, head)), json.loads(read_part(file, seal))
    except ValueError as error:
        raise _damaged(HEAD) from error
    if first.get("format") != FORMAT:
        raise BackupRefused(
            _("This backup was made by a newer version of Encore. Install that version first.")
        )
    return first, manifest, last


def _lines(path: Path, manifest: Part) -> Iterator[bytes]:
    """The manifest's lines, through a handle of their own."""
    with path.open("rb") as file:
        file.seek(manifest.offset)
        left = manifest.size
        while left:
            line = file.readline(left)
            if not line:
                raise _cut_off()
            left -= len(line)
            yield line


def gone_parts(path: Path) -> Iterator[str]:
    """Names of objects that were erased while they were read: zeros stand for them."""
    with path.open("rb") as file:
        _head, manifest, _seal = _frame(file)
    for line in _lines(path, manifest):
        if b'"gone":true' in line and json.loads(line).get("gone"):
            yield json.loads(line)["name"]


def _no_backup() -> BackupRefused:
    return BackupRefused(_("This file is not a backup of Encore."))


def _cut_off() -> BackupRefused:
    return BackupRefused(
        _("This backup is cut off: its end is missing. Take another one; nothing was changed.")
    )


def _damaged(name: str) -> BackupRefused:
    told = _(
        "This backup is damaged: %(part)s is not what was written. Take another one; nothing was changed."
    )
    return BackupRefused(told % {"part": name})
