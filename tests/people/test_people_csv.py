"""Taking people in from a CSV file and handing them out again."""

import csv
import io

import pytest

from tests.factories import a_person, a_team, a_viewer
from trainer.people import service, teams
from trainer.people.roster import COLUMNS, MOST_ROWS, Report, export_people, import_people
from trainer.people.service import PersonView
from trainer.people.tables import AuditEntry, Person
from trainer.problems import Forbidden, Invalid
from trainer.web.session import ROLES

FULL = """email,employee_no,name,team,role,hired_on,birthday,time_zone,locale,buddy
amara@encore.example,E1,Amara Okafor,Harbour,agent,2024-11-11,04-03,Europe/London,en,
lin@encore.example,E2,Lin Xia,Harbour,agent trainer,2026-11-19,02-29,Asia/Taipei,zh-Hans,amara@encore.example
,E3,王小明,Lantern,qa_analyst,,,,,E2
"""


async def by_name(name: str) -> PersonView:
    return next(person for person in await service.all_people() if person.name == name)


def numbers(report: Report) -> tuple[int, int, int]:
    return report.created, report.updated, report.unchanged


async def test_a_whole_list_is_taken_in(database: str) -> None:
    report = await import_people(None, FULL)
    assert numbers(report) == (3, 0, 0)
    assert report.refused == []
    assert report.teams_made == ["Harbour", "Lantern"]
    lin = await by_name("Lin Xia")
    assert (lin.email, lin.employee_no, lin.team_name) == ("lin@encore.example", "E2", "Harbour")
    assert (lin.roles, str(lin.hired_on)) == ({"agent", "trainer"}, "2026-11-19")
    assert (lin.time_zone, lin.locale, lin.buddy_name) == ("Asia/Taipei", "zh-Hans", "Amara Okafor")
    assert (await by_name("王小明")).buddy_name == "Lin Xia"


async def test_a_birthday_in_the_file_is_no_opt_in(database: str) -> None:
    await import_people(None, FULL)
    lin = await by_name("Lin Xia")
    assert (lin.birthday, lin.birthday_scope) == ("02-29", "nobody")


async def test_the_same_file_twice_changes_nothing(database: str) -> None:
    await import_people(None, FULL)
    before = await Person.select(Person.id, Person.revision).order_by(Person.id)
    assert numbers(await import_people(None, FULL)) == (0, 0, 3)
    assert await Person.select(Person.id, Person.revision).order_by(Person.id) == before
    assert len(await teams.list_teams(None)) == 2


async def test_absent_columns_and_empty_cells_leave_things_as_they_are(database: str) -> None:
    await import_people(None, FULL)
    report = await import_people(None, "employee_no,name,team\nE2,Lin X.,\n")
    assert numbers(report) == (0, 1, 0)
    lin = await by_name("Lin X.")
    assert (lin.team_name, lin.birthday, lin.email) == ("Harbour", "02-29", "lin@encore.example")


async def test_a_person_is_found_by_either_address(database: str) -> None:
    person = await a_person(email="nia@encore.example", employee_no="E9")
    await import_people(None, "email,employee_no,name\nNIA@encore.example,,First\n")
    assert (await service.get_person(person.id)).name == "First"
    await import_people(None, "email,employee_no,name\nnew@encore.example,E9,Second\n")
    moved = await service.get_person(person.id)
    assert (moved.name, moved.email) == ("Second", "new@encore.example")
    assert await Person.count() == 1


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (",,No Address,,,,,,,", "neither e-mail nor employee number"),
        ("x,,Bad Mail,,,,,,,", "email: "),
        ("a@b,,,,,,,,,", "name: "),
        ("a@b.c,,A,,king,,,,,", "role: There is no role king."),
        ("a@b.c,,A,,,01/02/2026,,,,", "hired_on: Please give a day"),
        ("a@b.c,,A,,,,1990-01-02,,,", "birthday: "),
        ("a@b.c,,A,,,,02-30,,,", "birthday: "),
        ("a@b.c,,A,,,,,Mars/Base,,", "time_zone: "),
        ("a@b.c,,A,,,,,,xx,", "locale: "),
        ("a@b.c,,A,,,,,,,ghost@b.c", "nobody with the address ghost@b.c"),
        ("a@b.c,,A,,,,,,,a@b.c", "their own buddy"),
        ("a@b.c,,A", "3 cells where the first line names 10 columns"),
        ("amara@encore.example,,Twice,,,,,,,", "in line 2 already"),
        (f"a@b.c,,A,{'t' * 81},,,,,,", "under 80 characters"),
    ],
)
async def test_a_bad_row_is_named_and_the_good_ones_are_taken(database: str, row: str, reason: str) -> None:
    report = await import_people(None, FULL + row + "\n")
    (refused,) = report.refused
    assert refused.line == 5
    assert reason in refused.reason, refused
    assert await Person.count() == 3


async def test_the_report_says_in_words_what_was_done(database: str) -> None:
    report = await import_people(None, FULL + "a@b.c,,A,,king,,,,,\n")
    assert report.lines() == [
        "line 5 (a@b.c): role: There is no role king.",
        "3 added, 0 changed, 0 as they were.",
    ]


async def test_nothing_of_a_refused_row_is_taken_not_even_its_team(database: str) -> None:
    report = await import_people(None, "email,name,team,role\na@b.c,A,New Team,king\n")
    assert [refused.who for refused in report.refused] == ["a@b.c"]
    assert report.teams_made == []
    assert await teams.list_teams(None) == []


async def test_a_row_whose_buddy_was_refused_is_refused_too(database: str) -> None:
    rows = "a@b.c,A,agent,b@b.c\nb@b.c,B,agent,c@b.c\nc@b.c,C,king,\nd@b.c,D,agent,e@b.c\ne@b.c,E,agent,\n"
    report = await import_people(None, "email,name,role,buddy\n" + rows)
    assert [refused.line for refused in report.refused] == [2, 3, 4]
    assert numbers(report) == (2, 0, 0)
    assert (await by_name("D")).buddy_name == "E"


async def test_two_people_are_never_merged(database: str) -> None:
    await a_person(email="a@b.c", employee_no="1")
    await a_person(email="d@e.f", employee_no="2")
    report = await import_people(None, "email,employee_no,name\na@b.c,2,Mixed\n")
    assert "two different people" in report.refused[0].reason


async def test_the_last_admin_stays_one(database: str) -> None:
    admin = await a_viewer("admin")
    person = await service.get_person(admin.id)
    report = await import_people(admin, f"email,role\n{person.email},agent\n")
    assert "last admin" in report.refused[0].reason
    assert (await service.get_person(admin.id)).roles == {"admin"}


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("email,name,salary\na@b.c,A,1\n", "There is no column salary."),
        ("email,email\na@b.c,A\n", "The column email is there twice."),
        ("name,team\nA,B\n", "email or employee_no"),
        ("", "This file is empty."),
        ("\ufeff\n\n", "This file is empty."),
        ('email,name\na@b.c,"A\n', "cannot be read"),
        (b"email,name\na@b.c,\xff\xfe\n", "not in UTF-8"),
        ("email,name\n" + "a@b.c,A\n" * (MOST_ROWS + 1), "at most"),
    ],
)
async def test_a_file_that_cannot_be_read_is_refused_whole(
    database: str, content: str | bytes, words: str
) -> None:
    with pytest.raises(Invalid) as refused:
        await import_people(None, content)
    assert words in refused.value.detail
    assert await Person.count() == 0


async def test_byte_order_mark_semicolons_blank_lines_and_odd_spacing_are_fine(database: str) -> None:
    content = (
        "\ufeffE-Mail".replace("E-Mail", "Email")
        + " ; Name;ROLE\r\n\r\n a@b.c ; Ann  Lee ;agent, trainer\r\n"
    )
    report = await import_people(None, content.encode())
    assert numbers(report) == (1, 0, 0)
    assert (await by_name("Ann Lee")).roles == {"agent", "trainer"}


async def test_an_export_is_an_import(database: str) -> None:
    await import_people(None, FULL)
    await a_person(name="=cmd()", email="-x@b.c", team=await a_team("@home"))
    text = await export_people(None)
    rows = list(csv.DictReader(io.StringIO(text)))
    assert tuple(rows[0]) == COLUMNS
    assert rows[0]["name"] == "'=cmd()"
    assert rows[0]["team"] == "'@home"
    assert next(row for row in rows if row["name"] == "Lin Xia")["buddy"] == "amara@encore.example"
    assert numbers(await import_people(None, text)) == (0, 0, 4)


async def test_only_admins_take_in_and_hand_out(database: str) -> None:
    for role in ROLES:
        viewer = await a_viewer(role)
        if role == "admin":
            await import_people(viewer, FULL)
            await export_people(viewer)
            continue
        with pytest.raises(Forbidden):
            await import_people(viewer, FULL)
        with pytest.raises(Forbidden):
            await export_people(viewer)
    assert await AuditEntry.count().where(AuditEntry.action == "people_imported") == 1
    assert await AuditEntry.count().where(AuditEntry.action == "people_exported") == 1
