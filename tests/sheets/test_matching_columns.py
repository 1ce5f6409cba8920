"""Which column is which."""

import pytest

from trainer.problems import Invalid
from trainer.sheets.columns import match_columns, require_matched
from trainer.sheets.reading import column_letter, read_text

KNOWN = {
    "email": ["E-mail address", "邮箱"],
    "employee_no": ["employee number", "工号"],
    "name": ["full name"],
}


@pytest.mark.parametrize(
    ("heading", "ours"),
    [
        ("email", "email"),
        ("E-Mail", "email"),
        (" EMAIL  Address ", "email"),
        ("邮箱", "email"),
        ("Ｅｍａｉｌ", "email"),
        ("Employee No.", "employee_no"),
        ("employee-number:", "employee_no"),
        ("工号*", "employee_no"),
    ],
)
def test_a_heading_is_known_by_its_synonyms(heading: str, ours: str) -> None:
    assert match_columns(read_text(f"{heading};x\n1;\n"), KNOWN).columns == {ours: 0}


def test_unknown_doubled_and_nameless_columns_are_named() -> None:
    matched = match_columns(read_text("email,E-mail address,name,salary,,\na,b,c,d,e,\n"), KNOWN)
    assert matched.columns == {"name": 2}
    assert matched.unknown == ["salary", "column E"]
    assert matched.duplicate == ["email"]
    assert matched.complaints() == [
        "The column email is there twice: “email”, “E-mail address”.",
        "There is no column “salary”.",
        "There is no column “column E”.",
    ]
    with pytest.raises(Invalid) as refused:
        require_matched(matched, ["employee_no", "name"])
    assert [error.field for error in refused.value.errors] == ["email", "salary", "column E", "employee_no"]


def test_a_nameless_column_without_cells_does_not_matter() -> None:
    assert match_columns(read_text("email,,name\na,,b\n"), KNOWN).unknown == []


def test_what_somebody_chose_counts_alone() -> None:
    sheet = read_text("email,employee_no,salary\nE1,a@b.c,9\n")
    matched = match_columns(sheet, KNOWN, chosen={"email": 1, "employee_no": 0, "name": None})
    assert (matched.columns, matched.unknown) == ({"email": 1, "employee_no": 0}, [])
    assert [matched.cell(sheet.rows[0], name) for name in KNOWN] == ["a@b.c", "E1", ""]


def test_one_column_cannot_be_chosen_for_two() -> None:
    sheet = read_text("x,y\n1,2\n")
    matched = match_columns(sheet, KNOWN, chosen={"email": 0, "name": 0, "employee_no": 1})
    assert (matched.columns, matched.duplicate) == ({"employee_no": 1}, ["email", "name"])


def test_columns_are_lettered_as_spreadsheet_programs_do() -> None:
    assert [column_letter(place) for place in (0, 25, 26, 51, 52, 701, 702)] == [
        "A",
        "Z",
        "AA",
        "AZ",
        "BA",
        "ZZ",
        "AAA",
    ]
