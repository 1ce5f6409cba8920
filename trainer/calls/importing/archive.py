"""What is in an archive or folder that somebody sent.

Archives lie: about names (`../../etc/passwd`), sizes, and how often one piece of data is used. So the directory of
a zip is read in a child with limits on memory and time, and no name of an archive ever becomes a path here. Links are
never followed, encrypted files never asked for.
Invariant: an entry has a harmless, shown name and a known size; whatever has not is left out, by name and reason.
"""

import os
import re
import stat
import unicodedata
import zipfile
import zlib
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Literal

from trainer.audio import AudioRefused
from trainer.audio.child import in_child
from trainer.problems import Invalid
from trainer.sheets.reading import decode
from trainer.web.i18n import _, current_locale, speaking

MOST_ENTRIES = 60_000  # 20,000 calls with their transcripts, and some
LONGEST_NAME = 400
# A zip may unpack to this much, or to ten times its own size: sound does not shrink more than that.
LEAST_UNPACKED = 4 << 30
MOST_TIMES = 10
LOOK_S = 120.0
MEMORY_MB = 768
LOCAL_HEADER = 30  # bytes before the name of a zip's member
# what no database or terminal should be given, and marks that show a name as another one
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")
_DRIVE = re.compile(r"[A-Za-z]:")

Kind = Literal["zip", "folder"]


@dataclass(frozen=True, slots=True)
class Source:
    """An archive or a folder on this machine. `most_bytes`: the largest file that is taken out of it.

    `sheet`: the one that was sent for it apart; then no other counts.
    """

    kind: Kind
    path: Path
    most_bytes: int
    sheet: Path | None = None
    sheet_name: str = ""


@dataclass(frozen=True, slots=True)
class Entry:
    """One file. `name` is shown and matched, with `/` between folders; `place` is where it really lies."""

    name: str
    place: str
    size: int


@dataclass(slots=True)
class Inventory:
    """What there is to choose from, and what is left out: (name, why)."""

    entries: list[Entry] = field(default_factory=list)
    left_out: list[tuple[str, str]] = field(default_factory=list)


async def look_into(source: Source) -> Inventory:
    """Every file of a source, in a child. Raises Invalid for what is no archive, or one that lies."""
    try:
        return await in_child(_look, current_locale(), source, timeout_s=LOOK_S, memory_mb=MEMORY_MB)
    except AudioRefused as refused:  # the child's word for: out of time, out of memory, crashed
        raise _not_an_archive() from refused


def _look(locale: str, source: Source) -> Inventory:
    with speaking(locale):
        found = _zip_entries(source) if source.kind == "zip" else _folder_entries(source)
    found.entries.sort(key=lambda entry: entry.name)
    return found


def _zip_entries(source: Source) -> Inventory:
    try:
        with zipfile.ZipFile(source.path) as archive:
            members = [member for member in archive.infolist() if not member.is_dir()]
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, NotImplementedError, ValueError) as error:
        raise _not_an_archive() from error
    whole = source.path.stat().st_size
    if len(members) > MOST_ENTRIES:
        raise _too_many()
    if sum(member.file_size for member in members) > max(LEAST_UNPACKED, MOST_TIMES * whole):
        raise Invalid(
            _("This archive unpacks to far more than calls can be, so it was not opened."),
            slug="unpacks-to-too-much",
        )
    _check_overlaps(members, whole)
    found, seen = Inventory(), set[str]()
    for member in members:
        name = _true_name(member)
        if _passed_over(name):
            continue
        place = f"{member.header_offset}:{member.compress_size}:{member.file_size}:{member.compress_type}:{member.CRC}"
        _put(found, seen, Entry(name, place, member.file_size), _why_not(member, name, source), name)
    return found


def _why_not(member: zipfile.ZipInfo, name: str, source: Source) -> str:
    """Why a member is left out; "" when it is not."""
    mode = member.external_attr >> 16
    if mode and stat.S_IFMT(mode) not in (0, stat.S_IFREG):
        return _("It is a link or a device, not a file.")
    if member.flag_bits & 1:
        return _("It is locked with a password.")
    if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        return _("It is packed in a way that is not read here. Pack it as an ordinary zip.")
    return _why_not_named(name) or _why_not_sized(member.file_size, source)


def _why_not_named(name: str) -> str:
    parts = name.split("/")
    if name.startswith("/") or _DRIVE.match(name) or ".." in parts:
        return _("Its name leads out of the archive.")
    if len(name) > LONGEST_NAME or not name.strip():
        return _("Its name is empty or endless.")
    return ""


def _why_not_sized(size: int, source: Source) -> str:
    if size > source.most_bytes:
        return _("It is larger than %(most)s MB, the most we can take here.") % {
            "most": source.most_bytes >> 20
        }
    return ""


def _put(found: Inventory, seen: set[str], entry: Entry, why: str, name: str) -> None:
    if not why and entry.name in seen:
        why = _("There are two files of this name.")
    if why:
        found.left_out.append((_shown(name), why))
    else:
        seen.add(entry.name)
        found.entries.append(entry)


def _check_overlaps(members: list[zipfile.ZipInfo], whole: int) -> None:
    """One piece of data under thousands of names: the smallest of bombs."""
    end = 0
    for member in sorted(members, key=lambda member: member.header_offset):
        if member.header_offset < end:
            raise Invalid(
                _("Files in this archive share their data, as no real archive does; it was not opened."),
                slug="overlapping",
            )
        end = member.header_offset + LOCAL_HEADER + member.compress_size
        if end > whole:
            raise _not_an_archive()


def _true_name(member: zipfile.ZipInfo) -> str:
    """The name as its author saw it: programs on Windows write it in the language of the place, without saying so."""
    name = member.orig_filename
    if not member.flag_bits & 0x800:
        try:
            name = decode(name.encode("cp437"))[0]
        except (UnicodeEncodeError, Invalid):
            name = member.orig_filename
    return _CONTROL.sub("", unicodedata.normalize("NFC", name)).replace("\\", "/")


def _folder_entries(source: Source) -> Inventory:
    found, seen = Inventory(), set[str]()
    for folder, folders, files in os.walk(source.path, followlinks=False):
        folders[:] = sorted(name for name in folders if not _passed_over(name))
        inside = Path(folder).relative_to(source.path)
        for link in [name for name in folders if (Path(folder) / name).is_symlink()]:
            found.left_out.append((_shown(str(inside / link)), _("It is a link or a device, not a file.")))
        for file in sorted(files):
            if _passed_over(file):
                continue
            if len(found.entries) >= MOST_ENTRIES:
                raise _too_many()
            place = str(inside / file)
            about = (source.path / place).lstat()
            name = unicodedata.normalize(
                "NFC", place.encode(errors="surrogateescape").decode(errors="replace")
            )
            name = _CONTROL.sub("", name)
            why = "" if stat.S_ISREG(about.st_mode) else _("It is a link or a device, not a file.")
            why = why or _why_not_sized(about.st_size, source)
            _put(found, seen, Entry(name, place, about.st_size), why, name)
    return found


def _passed_over(name: str) -> bool:
    """What programs leave beside files: `.DS_Store`, `__MACOSX/`, `Thumbs.db`."""
    parts = PurePosixPath(name).parts
    hidden = any(part.startswith((".", "__")) and part != ".." for part in parts)
    return hidden or (bool(parts) and parts[-1].lower() in ("thumbs.db", "desktop.ini"))


def _shown(name: str) -> str:
    return _CONTROL.sub("", name)[:200] or "?"


def _too_many() -> Invalid:
    return Invalid(
        _("There are more than %(most)s files in it. Take them in in parts.") % {"most": MOST_ENTRIES},
        slug="too-many-files",
    )


def _not_an_archive() -> Invalid:
    return Invalid(
        _("This is no zip archive that can be read. Pack the folder anew and try again."), slug="not-a-zip"
    )
