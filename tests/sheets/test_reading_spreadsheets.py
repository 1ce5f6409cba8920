"""Reading what offices send, and refusing what would hurt."""

import io
import zipfile
from collections.abc import Callable, Sequence
from datetime import date
from pathlib import Path

import pytest
import xlsxwriter

from trainer.problems import Invalid, TooLarge
from trainer.sheets.reading import MOST_BYTES, Sheet, open_sheet, read_sheet, read_text
from trainer.web.i18n import speaking

CHINESE = "工号,姓名,班组\nE1,王小明,夜班\nE2,李雪,早班\n"
TAIWAN = "工號,姓名,組別\nE1,陳美玲,夜班\nE2,林志豪,早班\nE3,黃淑芬,客服一組\n"
WESTERN = "number,name\n1,Jürgen Müller\n2,José Peña\n3,Zoë Ångström\n"


@pytest.fixture
def a_file(tmp_path: Path) -> Callable[[bytes], Path]:
    def write(data: bytes) -> Path:
        path = tmp_path / "sheet"
        path.write_bytes(data)
        return path

    return write


def a_workbook(rows: Sequence[Sequence[object]], *, hidden_first: bool = False) -> bytes:
    out = io.BytesIO()
    with xlsxwriter.Workbook(out) as book:
        if hidden_first:
            book.add_worksheet("lists").write(0, 0, "not this one")
        sheet = book.add_worksheet("People")
        if hidden_first:
            book.worksheets()[0].hide()
            sheet.activate()
        days = book.add_format({"num_format": "yyyy-mm-dd"})
        for number, row in enumerate(rows):
            for place, cell in enumerate(row):
                sheet.write(number, place, cell, days if isinstance(cell, date) else None)
    return out.getvalue()


@pytest.mark.parametrize(
    ("text", "encoding", "named"),
    [
        (CHINESE, "utf-8", "utf-8"),
        (CHINESE, "utf-8-sig", "utf-8"),
        (CHINESE, "utf-16", "utf-16"),
        (CHINESE, "utf-16-le", "utf-16-le"),
        (CHINESE, "utf-16-be", "utf-16-be"),
        (CHINESE, "utf-32", "utf-32"),
        (CHINESE, "gb18030", "gb18030"),
        (CHINESE + "E3,赵㐂龘,夜班\n", "gb18030", "gb18030"),
        (TAIWAN, "big5", "big5"),
        (WESTERN, "utf-8", "utf-8"),
        (WESTERN, "latin-1", "cp1252"),
        (WESTERN + "4,“quoted” – 5 €\n", "cp1252", "cp1252"),
        ("number,name\n1,Plain\n", "ascii", "utf-8"),
    ],
)
def test_the_encoding_is_found(a_file: Callable[[bytes], Path], text: str, encoding: str, named: str) -> None:
    sheet = read_sheet(a_file(text.encode(encoding)))
    head, *rows = [line.split(",") for line in text.splitlines()]
    assert (sheet.columns, sheet.rows, sheet.encoding) == (head, rows, named)


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_the_delimiter_is_found(delimiter: str) -> None:
    lines = [["email", "name, first", "note"], ["a@b.c", "Lee, Ann", "x; y"], ["d@e.f", "Bo", "two\nlines"]]
    text = "\r\n".join(delimiter.join(f'"{cell}"' for cell in line) for line in lines)
    sheet = read_text(text)
    assert [sheet.columns, *sheet.rows] == lines


def test_rows_carry_the_numbers_that_a_spreadsheet_program_shows() -> None:
    sheet = read_text('sep=;\n\nemail;note\n\na@b.c;"one\ntwo"\n;\nd@e.f;\n')
    assert (sheet.columns, sheet.numbers) == (["email", "note"], [5, 7])
    assert sheet.rows == [["a@b.c", "one\ntwo"], ["d@e.f", ""]]


def test_rows_of_another_length_are_evened_and_named() -> None:
    sheet = read_text("a,b,c\n1,2\n1,2,3,,\n1,2,3,4\n")
    assert sheet.rows == [["1", "2", ""], ["1", "2", "3"], ["1", "2", "3"]]
    assert sheet.uneven == {0: 2, 2: 4}


def test_cells_are_text_without_the_quote_of_an_export() -> None:
    sheet = read_text("a,b\n'=1+1,'t Hooft\n'-x, +y\n")
    assert sheet.rows == [["=1+1", "'t Hooft"], ["-x", "+y"]]


async def test_a_workbook_is_read_as_one_would_type_it(a_file: Callable[[bytes], Path]) -> None:
    rows: list[list[object]] = [
        ["工号", "name", "hired_on", "share", "yes", "sum"],
        [1234567, "王小明", date(2026, 11, 23), 0.25, True, "=1+1"],
        [],
        ["0042", " Ann  ", "", 1e20, False, "-"],
    ]
    sheet = await open_sheet(a_file(a_workbook(rows, hidden_first=True)))
    assert sheet.encoding == "xlsx"
    assert sheet.columns == rows[0]
    assert sheet.rows == [
        ["1234567", "王小明", "2026-11-23", "0.25", "TRUE", "0"],
        ["0042", "Ann", "", "1e+20", "FALSE", "-"],
    ]
    assert sheet.numbers == [2, 4]


def test_twenty_thousand_rows_are_read_and_one_more_is_refused() -> None:
    text = "employee_no,name\n" + "".join(f"E{n},Person {n}\n" for n in range(20_000))
    assert len(read_text(text).rows) == 20_000
    with pytest.raises(Invalid, match="at most 20000 rows"):
        read_text(text + "E,One more\n")


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "This file is empty"),
        (b"\xef\xbb\xbf \r\n,,\r\n", "This file is empty"),
        (b'a,b\n1,"two\n', "Row 2 cannot be read as CSV"),
        (b"a,b\n1,2\n" + b'"' + b"x" * 40_000 + b'",1\n', "Row 3, column A has more than 32000 characters"),
        (b"a,b\n" + b"x" * 200_000 + b"\n", "Row 2 cannot be read as CSV"),
        (b"a," * 101 + b"\n", "at most 100 columns"),
        (b"\xff\xfea\x00,\x00b\x00\x00\xd8x\x00", "begins as UTF-16 but is damaged"),
        (b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x10", "neither CSV nor an Excel workbook"),
        (b"%PDF-1.7\x00\x01\x02\x03 nothing of a table", "neither CSV nor an Excel workbook"),
        (b"PK\x03\x04 not a zip", "neither CSV nor an Excel workbook"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\x00" * 600, "an old Excel file"),
    ],
)
async def test_what_is_no_table_is_refused_in_words(
    a_file: Callable[[bytes], Path], data: bytes, words: str
) -> None:
    with pytest.raises(Invalid, match=words):
        await open_sheet(a_file(data))


async def test_a_refusal_speaks_the_readers_language_in_the_child_too(
    a_file: Callable[[bytes], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    with speaking("zh-Hans"), pytest.raises(Invalid) as refused:
        await open_sheet(a_file(b""))
    assert refused.value.name == "no-columns"


def test_a_file_that_is_too_large_is_not_even_opened(tmp_path: Path) -> None:
    path = tmp_path / "large.csv"
    with path.open("wb") as file:
        file.truncate(MOST_BYTES + 1)
    with pytest.raises(TooLarge):
        read_sheet(path)


# Workbooks that lie


CONTENT_TYPES = (
    '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
    '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
    '<Override PartName="/xl/workbook.xml" '
    'ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml"/></Types>'
)
RELATIONS = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
PACKAGE = "http://schemas.openxmlformats.org/package/2006/relationships"
MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"


def forged(sheet: str, strings: str = "") -> bytes:
    """The smallest workbook around some sheet XML."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("[Content_Types].xml", CONTENT_TYPES)
        archive.writestr(
            "_rels/.rels",
            f'<Relationships xmlns="{PACKAGE}"><Relationship Id="r1" Type="{RELATIONS}/officeDocument" '
            'Target="xl/workbook.xml"/></Relationships>',
        )
        archive.writestr(
            "xl/workbook.xml",
            f'<workbook xmlns="{MAIN}" xmlns:r="{RELATIONS}"><sheets><sheet name="S" sheetId="1" r:id="r1"/>'
            "</sheets></workbook>",
        )
        archive.writestr(
            "xl/_rels/workbook.xml.rels",
            f'<Relationships xmlns="{PACKAGE}"><Relationship Id="r1" Type="{RELATIONS}/worksheet" '
            f'Target="worksheets/s.xml"/><Relationship Id="r2" Type="{RELATIONS}/sharedStrings" '
            'Target="sharedStrings.xml"/></Relationships>',
        )
        if strings:
            archive.writestr("xl/sharedStrings.xml", f'<sst xmlns="{MAIN}">{strings}</sst>')
        archive.writestr(
            "xl/worksheets/s.xml", f'<worksheet xmlns="{MAIN}"><sheetData>{sheet}</sheetData></worksheet>'
        )
    return out.getvalue()


def inline(place: str, text: str) -> str:
    return f'<c r="{place}" t="inlineStr"><is><t>{text}</t></is></c>'


async def test_the_smallest_workbook_is_read(a_file: Callable[[bytes], Path]) -> None:
    rows = f'<row r="1">{inline("A1", "email")}</row><row r="2">{inline("A2", "a@b.c")}</row>'
    sheet = await open_sheet(a_file(forged(rows)))
    assert (sheet.columns, sheet.rows) == (["email"], [["a@b.c"]])


@pytest.mark.parametrize(
    ("what", "data"),
    [
        (
            "a cell at the far corner of the sheet",
            lambda: forged(
                f'<row r="1">{inline("A1", "email")}</row><row r="1048576">{inline("XFD1048576", "x")}</row>'
            ),
        ),
        (
            "one long text a million times",
            lambda: forged(
                '<row r="1"><c r="A1" t="s"><v>0</v></c></row>'
                + "".join(
                    f'<row r="{n}">'
                    + "".join(f'<c r="{c}{n}" t="s"><v>0</v></c>' for c in "ABCDEFGHIJ")
                    + "</row>"
                    for n in range(2, 20_000)
                ),
                f"<si><t>{'x' * 30_000}</t></si>",
            ),
        ),
        (
            "a cell of a hundred megabytes",
            lambda: forged(f'<row r="1">{inline("A1", "x" * 100_000_000)}</row>'),
        ),
        ("a quarter of a gigabyte of nothing", lambda: forged(" " * 250_000_000)),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
async def test_a_workbook_that_would_hurt_is_refused(
    a_file: Callable[[bytes], Path], what: str, data: Callable[[], bytes]
) -> None:
    with pytest.raises(Invalid):
        await open_sheet(a_file(data()))


async def test_a_directory_that_lies_about_sizes_is_found_out(a_file: Callable[[bytes], Path]) -> None:
    honest = forged(f'<row r="1">{inline("A1", "x" * 300_000_000)}</row>')
    directory = honest.rindex(b"PK\x01\x02")  # the last member's entry: its real size is at 24
    lying = honest[: directory + 24] + (1000).to_bytes(4, "little") + honest[directory + 28 :]
    with pytest.raises(Invalid):
        await open_sheet(a_file(lying))


def test_a_sheet_is_small_text() -> None:
    assert Sheet([], [], "utf-8").numbers == []
