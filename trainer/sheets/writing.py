"""Handing a table out as CSV or XLSX, to be opened in a spreadsheet program by somebody who trusts us.

Names and comments come from people: a cell `=HYPERLINK(…)` in them must arrive as text. Invariant: no cell that we
write is a formula, a link or code, in either format; reading it again (reading.py) gives the same text.
"""

import asyncio
import csv
import io
import re
from collections.abc import Iterable, Sequence
from datetime import date, datetime
from typing import Any, Literal
from urllib.parse import quote

from litestar import Response

from trainer.sheets.reading import RUNS

Cell = str | int | float | bool | date | datetime | None
Format = Literal["csv", "xlsx"]
TYPES = {
    "csv": "text/csv; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}
_LONGEST = 32_767


def harmless(text: str) -> str:
    """A text that a spreadsheet program shows and does not run: `=…`, `+…`, `-…`, `@…` get a quote in front."""
    return f"'{text}" if text.startswith(RUNS) else text


def write_csv(columns: Sequence[str], rows: Iterable[Sequence[Cell]]) -> bytes:
    """UTF-8 with a byte order mark (Excel reads it as Chinese only so), CRLF, every text neutralised."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow([harmless(column) for column in columns])
    for row in rows:
        writer.writerow([_csv_cell(cell) for cell in row])
    return b"\xef\xbb\xbf" + out.getvalue().encode()


def _csv_cell(cell: Cell) -> str:
    match cell:
        case None:
            return ""
        case str():
            return harmless(cell)
        case datetime() | date():
            return cell.isoformat()
    return str(cell)


def write_xlsx(title: str, columns: Sequence[str], rows: Iterable[Sequence[Cell]]) -> bytes:
    """A workbook of one sheet, row by row in constant memory. Texts are strings, whatever they look like."""
    import xlsxwriter  # 20 ms that a server's start need not take

    out = io.BytesIO()
    options = {
        "constant_memory": True,
        "strings_to_formulas": False,
        "strings_to_urls": False,
        "strings_to_numbers": False,
        "remove_timezone": True,
    }
    with xlsxwriter.Workbook(out, options) as book:
        sheet = book.add_worksheet(_title(title))
        bold = book.add_format({"bold": True})
        day, moment = (
            book.add_format({"num_format": "yyyy-mm-dd"}),
            book.add_format({"num_format": "yyyy-mm-dd hh:mm"}),
        )
        sheet.freeze_panes(1, 0)
        sheet.set_column(0, max(len(columns) - 1, 0), 18)
        for place, column in enumerate(columns):
            sheet.write_string(0, place, column, bold)
        for number, row in enumerate(rows, 1):
            for place, cell in enumerate(row):
                _write_cell(sheet, number, place, cell, day, moment)
    return out.getvalue()


def _write_cell(sheet: Any, row: int, place: int, cell: Cell, day: Any, moment: Any) -> None:
    match cell:
        case None | "":
            pass
        case str():
            sheet.write_string(row, place, cell[:_LONGEST])
        case bool():
            sheet.write_boolean(row, place, cell)
        case datetime():
            sheet.write_datetime(row, place, cell, moment)
        case date():
            sheet.write_datetime(row, place, cell, day)
        case _:
            sheet.write_number(row, place, cell)


def _title(title: str) -> str:
    """A sheet's name as Excel allows it."""
    return re.sub(r"[\[\]:*?/\\]", " ", title).strip(" '")[:31] or "1"


async def sheet_response(
    name: str, columns: Sequence[str], rows: Iterable[Sequence[Cell]], as_: str, *, title: str | None = None
) -> Response[bytes]:
    """The table as a download `name.csv` or `name.xlsx` (`as_`; anything else is CSV), made in a thread."""
    kept = list(rows)
    if as_ == "xlsx":
        content = await asyncio.to_thread(write_xlsx, title or name, columns, kept)
    else:
        as_, content = "csv", await asyncio.to_thread(write_csv, columns, kept)
    return file_response(f"{name}.{as_}", content, TYPES[as_])


def file_response(filename: str, content: bytes, content_type: str) -> Response[bytes]:
    """Bytes as a download that no cache keeps."""
    plain = re.sub(r"[^A-Za-z0-9._-]+", "-", filename)
    disposition = f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(filename)}"
    headers = {"Content-Disposition": disposition, "Cache-Control": "private, no-store"}
    return Response(content, media_type=content_type, headers=headers)
