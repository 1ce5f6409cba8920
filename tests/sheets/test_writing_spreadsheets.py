"""Handing tables out: text stays text."""

import io
import zipfile
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from trainer.sheets.reading import read_sheet
from trainer.sheets.writing import Cell, sheet_response, write_csv, write_xlsx

EVIL = [
    "=1+1",
    '=HYPERLINK("http://x","y")',
    "+1",
    "-1",
    "@SUM(A1)",
    "＝1",
    "\t=1",
    "http://x.example",
    "007",
]
COLUMNS = ["name", "=count", "on", "share"]
ROWS: list[list[Cell]] = [[text, number, date(2026, 11, 23), 0.5] for number, text in enumerate(EVIL)]


def test_csv_is_for_excel_and_holds_no_formula() -> None:
    data = write_csv(COLUMNS, [*ROWS, [None, -3, datetime(2026, 1, 2, 3, 4, tzinfo=UTC), ""]])
    lines = data.decode("utf-8-sig").split("\r\n")
    assert data.startswith(b"\xef\xbb\xbf")
    assert lines[0] == "name,'=count,on,share"
    assert lines[1] == "'=1+1,0,2026-11-23,0.5"
    assert lines[len(ROWS) + 1] == ",-3,2026-01-02T03:04:00+00:00,"


@pytest.mark.parametrize("kind", ["csv", "xlsx"])
def test_what_is_written_is_read_again(tmp_path: Path, kind: str) -> None:
    path = tmp_path / f"sheet.{kind}"
    path.write_bytes(write_csv(COLUMNS, ROWS) if kind == "csv" else write_xlsx("People", COLUMNS, ROWS))
    sheet = read_sheet(path)
    assert sheet.columns == COLUMNS
    expected = [[str(cell).strip() for cell in row] for row in ROWS]
    assert sheet.rows == expected


def test_a_workbook_holds_neither_formulas_nor_links() -> None:
    data = write_xlsx("A name: far/too long for the tab of a sheet?", COLUMNS, ROWS)
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        sheet = archive.read("xl/worksheets/sheet1.xml").decode()
        names = archive.namelist()
    assert "<f>" not in sheet
    assert "<hyperlink" not in sheet
    assert not any("rels" in name and "sheet1" in name for name in names)


async def test_a_download_has_a_name_that_every_browser_takes() -> None:
    answer = await sheet_response("员工 list", COLUMNS, ROWS, "xlsx")
    assert answer.headers["Content-Disposition"].startswith(
        'attachment; filename="-list.xlsx"; filename*=UTF-8'
    )
    assert answer.headers["Cache-Control"] == "private, no-store"
    assert (await sheet_response("x", COLUMNS, ROWS, "exe")).media_type == "text/csv; charset=utf-8"
