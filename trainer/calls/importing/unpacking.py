"""One file out of an archive or folder, where it can do no harm.

Unpacking ends where the directory said that the file would, whatever the packed data goes on to say.
Invariant: what comes out is the entry that `archive.look_into` saw, whole, or `Changed` is raised.
"""

import fcntl
import hashlib
import os
import stat
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from trainer.calls.importing.archive import LOCAL_HEADER, Source
from trainer.calls.transcripts import LARGEST
from trainer.storage import storage
from trainer.web.i18n import _

_PIECE = 1 << 20


class Changed(Exception):
    """The file is not there any more, or not what the directory says."""


def damaged() -> str:
    """Why a file of a source cannot be read at all."""
    return _("This file cannot be read: it is damaged, or was changed meanwhile.")


def read_out(source: Source, place: str) -> Iterator[bytes]:
    """The bytes of an entry, in pieces, never more than its size. Blocks. Raises Changed."""
    try:
        if source.kind == "folder":
            yield from _read_file(source.path / place, source.most_bytes)
        else:
            yield from _read_member(source.path, [int(part) for part in place.split(":")])
    except (OSError, zlib.error, ValueError) as error:
        if (
            isinstance(error, OSError)
            and error.errno is not None
            and not isinstance(error, FileNotFoundError)
        ):
            raise
        raise Changed(str(error)) from error


def _read_file(path: Path, most: int) -> Iterator[bytes]:
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    with os.fdopen(descriptor, "rb") as file:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise Changed("not a file")
        left = most
        while piece := file.read(_PIECE):
            left -= len(piece)
            if left < 0:
                raise Changed("it has grown")
            yield piece


def _read_member(path: Path, place: list[int]) -> Iterator[bytes]:
    offset, packed, size, method, crc = place
    with path.open("rb") as file:
        file.seek(offset)
        header = file.read(LOCAL_HEADER)
        if len(header) < LOCAL_HEADER or header[:4] != b"PK\x03\x04":
            raise Changed("no file begins there")
        file.seek(
            int.from_bytes(header[26:28], "little") + int.from_bytes(header[28:30], "little"), os.SEEK_CUR
        )
        pieces = _stored(file, packed) if method == zipfile.ZIP_STORED else _inflated(file, packed)
        sum_, left = 0, size
        for piece in pieces:
            left -= len(piece)
            if left < 0:
                raise Changed("it is larger than the archive says")
            sum_ = zlib.crc32(piece, sum_)
            yield piece
        if left or sum_ != crc:
            raise Changed("it is damaged")


def _stored(file: BinaryIO, packed: int) -> Iterator[bytes]:
    while packed > 0 and (piece := file.read(min(packed, _PIECE))):
        packed -= len(piece)
        yield piece


def _inflated(file: BinaryIO, packed: int) -> Iterator[bytes]:
    inflate = zlib.decompressobj(-zlib.MAX_WBITS)
    for piece in _stored(file, packed):
        while piece:
            if out := inflate.decompress(piece, _PIECE):
                yield out
            piece = inflate.unconsumed_tail
            if inflate.eof:
                return
    while not inflate.eof and (out := inflate.decompress(b"", _PIECE)):
        yield out


@contextmanager
def scratch_file() -> Iterator[Path]:
    """An empty file to unpack into; it goes when the block ends, or, after a kill, when a process starts."""
    handle, name = tempfile.mkstemp(prefix="encore-copy-", dir=storage().scratch_folder())
    try:
        fcntl.flock(handle, fcntl.LOCK_SH)  # tells the sweep of another process that somebody still needs it
        yield Path(name)
    finally:
        Path(name).unlink(missing_ok=True)
        os.close(handle)


def take_out(source: Source, place: str, into: Path) -> str:
    """Writes an entry to the file `into`; returns its SHA-256. Blocks. Raises Changed, OSError (no room)."""
    digest = hashlib.sha256()
    with into.open("wb") as file:
        for piece in read_out(source, place):
            digest.update(piece)
            file.write(piece)
    return digest.hexdigest()


def hash_of(source: Source, place: str) -> tuple[str, int]:
    """An entry's SHA-256 and size in bytes. Blocks. Raises Changed."""
    digest, size = hashlib.sha256(), 0
    for piece in read_out(source, place):
        digest.update(piece)
        size += len(piece)
    return digest.hexdigest(), size


def words_of(source: Source, place: str) -> bytes:
    """A transcript's bytes; of one that is too large a little more than the limit. Blocks. Raises Changed."""
    data = bytearray()
    for piece in read_out(source, place):
        data += piece
        if len(data) > LARGEST:
            break
    return bytes(data)
