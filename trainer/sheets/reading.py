"""Reading a spreadsheet that somebody sent: CSV in the encodings that offices use, or XLSX.

Files lie: a small XLSX may unpack to gigabytes, name a cell a million rows down, or repeat one long text a
million times. So its zip directory is read first, everything else happens in a child process with limits on memory
and time (`open_sheet`), and what comes back is bounded.
Invariant: a `Sheet` is small, rectangular text; a file that is anything else was refused in words.
"""

import asyncio
import csv
import io
import re
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any

from trainer.audio import AudioRefused
from trainer.audio.child import in_child
from trainer.problems import Invalid, TooLarge
from trainer.web.i18n import _, current_locale, speaking
from trainer.web.texts import readable

MOST_ROWS = 20_000
MOST_COLUMNS = 100
LONGEST_CELL = 32_000  # characters; a spreadsheet program itself stops at 32,767
MOST_BYTES = 20 << 20  # of the file
MOST_CHARACTERS = 40_000_000  # of all cells
_MOST_UNPACKED = 200 << 20
_MOST_MEMBERS = 2_000
_TIMEOUT_S = 60.0
_MEMORY_MB = 768
# With what a cell begins that a spreadsheet program would run; the full-width ones run too.
RUNS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


@dataclass(frozen=True, slots=True)
class Sheet:
    """A table of text. `rows` are as wide as `columns`; blank rows are left out.

    `numbers[i]` is the row's number as a spreadsheet program shows it (the headings are usually row 1). `uneven`
    names, by index, rows that had another number of cells than there are headings: probably shifted. `encoding` is
    how the text was read ("xlsx" for a workbook).
    """

    columns: list[str]
    rows: list[list[str]]
    encoding: str
    numbers: list[int] = field(default_factory=list)
    uneven: dict[int, int] = field(default_factory=dict)


async def open_sheet(path: Path, *, most_rows: int = MOST_ROWS) -> Sheet:
    """`read_sheet` in a child process, where a hostile file can do no harm. Raises Invalid, TooLarge."""
    try:
        return await in_child(
            _read_speaking, current_locale(), path, most_rows, timeout_s=_TIMEOUT_S, memory_mb=_MEMORY_MB
        )
    except AudioRefused as refused:  # the child's word for: out of time, out of memory, crashed
        if refused.reason in ("too_slow", "too_demanding"):
            raise _bomb() from refused
        raise _not_readable() from refused


def _read_speaking(locale: str, path: Path, most_rows: int) -> Sheet:
    with speaking(locale):
        return read_sheet(path, most_rows=most_rows)


def read_sheet(path: Path, *, most_rows: int = MOST_ROWS) -> Sheet:
    """The first sheet of the file with its headings. Blocks: call `open_sheet` from async code.

    Raises Invalid (in words: what is wrong and where) and TooLarge.
    """
    size = path.stat().st_size
    if size > MOST_BYTES:
        raise TooLarge(_("A spreadsheet may have at most %(most)s MB.") % {"most": MOST_BYTES >> 20})
    with path.open("rb") as file:
        beginning = file.read(8)
    if beginning.startswith(b"PK"):
        return _sheet(_workbook_rows(path), "xlsx", most_rows)
    if beginning == b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1":
        message = _(
            "This is an old Excel file (.xls), or one with a password. Save it as .xlsx or CSV first."
        )
        raise Invalid(message, slug="old-workbook")
    text, encoding = decode(path.read_bytes())
    return _sheet(_csv_rows(text), encoding, most_rows)


def read_text(content: bytes | str, *, most_rows: int = MOST_ROWS) -> Sheet:
    """A CSV document that is in memory already. Raises Invalid."""
    text, encoding = (
        decode(content) if isinstance(content, bytes) else (content.removeprefix("\ufeff"), "utf-8")
    )
    return _sheet(_csv_rows(text), encoding, most_rows)


def plain_cell(cell: str) -> str:
    """A cell's text without the quote that an export puts before = + - @ for spreadsheets (see writing.py)."""
    text = readable(cell).strip()
    return text[1:].strip() if text[:1] == "'" and text[1:].startswith(RUNS) else text


# Text and its encoding


def decode(data: bytes) -> tuple[str, str]:
    """The text and the name of its encoding: by its byte order mark, else the first that fits.

    Western and Chinese bytes cannot be told apart by trying alone: "Müller" is valid GB18030. There nearly all
    characters are two high bytes; in Western text an accented letter stands between plain ones.
    Raises Invalid for what is no text.
    """
    for mark, encoding in (
        (b"\xef\xbb\xbf", "utf-8-sig"),
        (b"\xff\xfe\x00\x00", "utf-32"),
        (b"\x00\x00\xfe\xff", "utf-32"),
        (b"\xff\xfe", "utf-16"),
        (b"\xfe\xff", "utf-16"),
    ):
        if data.startswith(mark):
            return _decoded(data, encoding), encoding.removesuffix("-sig")
    head = data[:4096]
    if b"\x00" in head:  # UTF-16 without a mark: every other byte of plain letters is nought
        even, odd = head[0::2].count(0), head[1::2].count(0)
        if max(even, odd) < max(2, len(head) // 20) or min(even, odd) > max(even, odd) // 4:
            raise _not_readable()
        encoding = "utf-16-be" if even > odd else "utf-16-le"
        return _decoded(data, encoding), encoding
    for encoding in ("utf-8", *_by_pairs(data)):
        try:
            return data.decode(encoding), encoding
        except UnicodeDecodeError:
            continue
    return data.decode("latin-1"), "latin-1"


_HIGH = re.compile(rb"[\x81-\xfe](?:[\xa1-\xfe]|([\x40-\x7e\x80-\xa0])|[\x30-\x39][\x81-\xfe][\x30-\x39])?")


def _by_pairs(data: bytes) -> tuple[str, ...]:
    pairs = low = alone = 0
    for found in _HIGH.finditer(data):
        if len(found[0]) == 1:
            alone += 1
        elif found[1]:
            low += 1
        else:
            pairs += 1
    seen = pairs + low + alone
    if not seen or alone > seen // 10:
        return ("cp1252",)
    if pairs >= 0.8 * seen:
        return ("gb18030", "cp1252")
    # Two in five characters of Big5 end in a low byte; of an accented letter before a plain one, nearly all do.
    return ("big5", "cp1252") if pairs >= 0.35 * seen else ("cp1252",)


def _decoded(data: bytes, encoding: str) -> str:
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        message = _("This file begins as %(encoding)s but is damaged further on. Save it anew and try again.")
        raise Invalid(message % {"encoding": encoding.upper()}, slug="damaged") from error


# CSV


def _csv_rows(text: str) -> Iterator[tuple[int, list[str]]]:
    text, skipped = _without_hint(text)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=_delimiter(text), strict=True)
    number = skipped
    try:
        for number, cells in enumerate(reader, skipped + 1):
            yield number, cells
    except csv.Error as error:
        message = _(
            "Row %(row)s cannot be read as CSV: a quotation mark is not closed, or a cell is endless."
        )
        raise Invalid(message % {"row": number + 1}, slug="not-csv") from error


def _without_hint(text: str) -> tuple[str, int]:
    """Excel writes `sep=;` above the headings when asked to."""
    found = re.match(r'"?sep=[,;\t|]"?\r?\n', text, re.IGNORECASE)
    return (text[found.end() :], 1) if found else (text, 0)


def _delimiter(text: str) -> str:
    """What stands between the headings: comma, semicolon or tab, whichever is most frequent outside quotes."""
    first = next((line for line in text[:65_536].splitlines() if line.strip(" ,;\t\"'")), "")
    bare = re.sub(r'"[^"]*"', "", first)
    return max((",", ";", "\t"), key=bare.count)


# Workbooks


def _workbook_rows(path: Path) -> Iterator[tuple[int, list[str]]]:
    _look_into(path)
    import python_calamine  # here: only the child loads it

    try:
        book = python_calamine.CalamineWorkbook.from_path(path)
        visible = [
            place
            for place, sheet in enumerate(book.sheets_metadata)
            if sheet.typ == python_calamine.SheetTypeEnum.WorkSheet
            and sheet.visible == python_calamine.SheetVisibleEnum.Visible
        ]
        if not visible:
            raise Invalid(_("This workbook has no sheet with cells."), slug="no-columns")
        sheet = book.get_sheet_by_index(visible[0])
    except (python_calamine.CalamineError, OSError) as error:
        raise _not_readable() from error
    left = sheet.start[1] if sheet.start else 0
    if sheet.end and sheet.end[1] >= MOST_COLUMNS:
        raise _too_wide()
    for number, cells in enumerate(sheet.iter_rows(), 1):
        yield number, [""] * left + [_as_text(cell) for cell in cells]


def _look_into(path: Path) -> None:
    """Refuses what would unpack to too much: first by what the zip directory says, then by unpacking (and throwing
    away) each part, as the directory may lie.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
            if len(members) > _MOST_MEMBERS or sum(m.file_size for m in members) > _MOST_UNPACKED:
                raise _bomb()
            if not any(member.filename.startswith("xl/") for member in members):
                raise _not_readable()
            left = _MOST_UNPACKED
            for member in members:
                with archive.open(member) as part:
                    while piece := part.read(1 << 20):
                        left -= len(piece)
                        if left < 0:
                            raise _bomb()
    except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, NotImplementedError, OSError) as error:
        raise _not_readable() from error


def _as_text(value: Any) -> str:
    """A cell as one would type it: whole numbers without a point, days as 2026-11-23."""
    match value:
        case str():
            return value
        case bool():
            return "TRUE" if value else "FALSE"
        case float():
            return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)
        case datetime():
            return value.date().isoformat() if value.time() == time() else value.isoformat(" ")
        case date() | time():
            return value.isoformat()
        case timedelta() | int():
            return str(value)
    return "" if value is None else str(value)


# Both


def _sheet(found: Iterable[tuple[int, list[str]]], encoding: str, most_rows: int) -> Sheet:
    columns: list[str] = []
    sheet = Sheet(columns, [], encoding)
    characters = named = 0
    for number, cells in found:
        if not any(cell.strip() for cell in cells):
            continue
        characters += _check_row(number, cells)
        if characters > MOST_CHARACTERS:
            raise _bomb()
        if not columns:
            columns += [" ".join(plain_cell(cell).split())[:200] for cell in cells]
            named = len(_trimmed(columns))
            continue
        if len(sheet.rows) >= most_rows:
            raise Invalid(
                _("A file may have at most %(most)s rows. Split it and take in one part after the other.")
                % {"most": most_rows},
                slug="too-many-rows",
            )
        if len(cells) > len(columns):
            cells = _trimmed(cells, least=len(columns))
        if not named <= len(cells) <= len(columns):
            sheet.uneven[len(sheet.rows)] = len(cells)
        even = (cells + [""] * len(columns))[: len(columns)]
        sheet.rows.append([plain_cell(cell) for cell in even])
        sheet.numbers.append(number)
    if not columns:
        raise Invalid(_("This file is empty. Its first row names the columns."), slug="no-columns")
    return sheet


def _check_row(number: int, cells: list[str]) -> int:
    if len(cells) > MOST_COLUMNS:
        raise _too_wide()
    for place, cell in enumerate(cells):
        if len(cell) > LONGEST_CELL:
            message = _("Row %(row)s, column %(column)s has more than %(most)s characters in one cell.")
            told = {"row": number, "column": column_letter(place), "most": LONGEST_CELL}
            raise Invalid(message % told, slug="cell-too-long")
    return sum(map(len, cells))


def _trimmed(cells: list[str], least: int = 0) -> list[str]:
    """Without the blank cells at the end."""
    kept = len(cells)
    while kept > least and not cells[kept - 1].strip():
        kept -= 1
    return cells[:kept]


def column_letter(place: int) -> str:
    """A, B … Z, AA: how a spreadsheet program names the column at `place`, counted from 0."""
    letters = ""
    place += 1
    while place:
        place, rest = divmod(place - 1, 26)
        letters = chr(65 + rest) + letters
    return letters


def _too_wide() -> Invalid:
    return Invalid(
        _("A file may have at most %(most)s columns.") % {"most": MOST_COLUMNS}, slug="too-many-columns"
    )


def _bomb() -> Invalid:
    message = _("This file unpacks to far more than a list can hold, so it was not opened.")
    return Invalid(message, slug="unpacks-to-too-much")


def _not_readable() -> Invalid:
    return Invalid(
        _(
            "This file is neither CSV nor an Excel workbook (.xlsx) that can be read. Save it as one of the two."
        ),
        slug="not-a-spreadsheet",
    )


async def open_sheet_or_text(source: Path | bytes | str) -> Sheet:
    """A sheet from a file (in a child) or from text at hand (in a thread)."""
    if isinstance(source, Path):
        return await open_sheet(source)
    return await asyncio.to_thread(read_text, source)
