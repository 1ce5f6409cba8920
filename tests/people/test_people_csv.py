"""Taking people in from a CSV file and handing them out again."""

import asyncio
import csv
import io
import json
import time
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from tests.factories import a_person, a_team, a_viewer
from trainer import facts
from trainer.job_queue import Job
from trainer.people import planning, service, teams
from trainer.people.fields import PersonFields
from trainer.people.importing import Report, import_people
from trainer.people.joining import APART
from trainer.people.roster import COLUMNS, KNOWN, export_people
from trainer.people.service import PersonView
from trainer.people.tables import AuditEntry, Person
from trainer.problems import Forbidden, Invalid
from trainer.sheets.columns import match_columns
from trainer.sheets.reading import MOST_ROWS, read_text
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
    assert (set(lin.roles), str(lin.hired_on)) == ({"agent", "trainer"}, "2026-11-19")
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
        ("a@b.c,,A,,,,,,,ghost@b.c", "buddy: Nobody here has the e-mail or number ghost@b.c"),
        ("a@b.c,,A,,,,,,,a@b.c", "their own buddy"),
        ("a@b.c,,A", "3 cells where the first row names 10 columns"),
        ("amara@encore.example,,Twice,,,,,,,", "in row 2 already"),
        (f"a@b.c,,A,{'t' * 81},,,,,,", "under 80 characters"),
    ],
)
async def test_a_bad_row_is_named_and_the_good_ones_are_taken(database: str, row: str, reason: str) -> None:
    report = await import_people(None, FULL + row + "\n")
    assert {refused.line for refused in report.refused} == {5}
    assert any(reason in f"{refused.column}: {refused.reason}" for refused in report.refused), report
    assert await Person.count() == 3


async def test_the_report_says_in_words_what_was_done(database: str) -> None:
    report = await import_people(None, FULL + "a@b.c,,A,,king,,,,,\n")
    assert report.lines() == [
        "row 5 (a@b.c): role: There is no role king.",
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
        ("email,name,salary\na@b.c,A,1\n", "There is no column “salary”."),
        ("email,email\na@b.c,A\n", "The column email is there twice: “email”, “email”."),
        ("name,team\nA,B\n", "email or employee_no"),
        ("", "This file is empty."),
        ("\ufeff\n\n", "This file is empty."),
        ('email,name\na@b.c,"A\n', "cannot be read"),
        (b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR", "neither CSV nor"),
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
    data = await export_people(None)
    rows = list(csv.DictReader(io.StringIO(data.decode("utf-8-sig"))))
    assert tuple(rows[0]) == COLUMNS
    assert rows[0]["name"] == "'=cmd()"
    assert rows[0]["team"] == "'@home"
    assert next(row for row in rows if row["name"] == "Lin Xia")["buddy"] == "amara@encore.example"
    assert numbers(await import_people(None, data)) == (0, 0, 4)


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


async def test_a_workbook_is_taken_in_and_handed_out_too(database: str, tmp_path: Path) -> None:
    await import_people(None, FULL + "boss@b.c,,Boss,,manager,,,,,\n")
    boss = await by_name("Boss")
    await service.edit_person(None, (await by_name("Lin Xia")).id, PersonFields(manager=boss.id))
    path = tmp_path / "people.xlsx"
    path.write_bytes(await export_people(None, "xlsx"))
    assert numbers(await import_people(None, path)) == (0, 0, 4)


@pytest.mark.parametrize("encoding", ["utf-16", "gb18030", "utf-8-sig"])
async def test_a_chinese_list_is_understood(database: str, encoding: str) -> None:
    text = "工号;姓名;班组;角色;入职日期;上级\nE1;王小明;夜班;班长;2024年1月5日;\n"
    text += "E2;李雪;夜班;座席、培训师;2026/11/2;E1\n"
    assert numbers(await import_people(None, text.encode(encoding))) == (2, 0, 0)
    wang, li = await by_name("王小明"), await by_name("李雪")
    assert (set(wang.roles), str(wang.hired_on)) == ({"team_lead"}, "2024-01-05")
    assert (set(li.roles), li.manager, li.team_name) == ({"agent", "trainer"}, wang.id, "夜班")


async def test_swapped_columns_are_noticed_and_nothing_is_taken(database: str) -> None:
    report = await import_people(None, "email,employee_no,name\nE1,a@b.c,A\nE2,d@e.f,D\n")
    assert report.warnings == [
        "The column email holds no e-mail addresses, but employee_no does. Are the two swapped?"
    ]
    assert [refused.line for refused in report.refused] == [2, 2, 3, 3]
    assert await Person.count() == 0


async def test_formulas_stay_text(database: str) -> None:
    await import_people(None, 'email,name,team\na@b.c,"=HYPERLINK(""http://x"")",@now\n')
    person = await by_name('=HYPERLINK("http://x")')
    assert person.team_name == "@now"


async def test_managers_may_stand_further_down_and_change_places(database: str) -> None:
    await import_people(None, "email,name,manager\na@b.c,A,b@b.c\nb@b.c,B,c@b.c\nc@b.c,C,\n")
    assert (await by_name("A")).manager_name == "B"
    assert (await by_name("B")).manager_name == "C"
    report = await import_people(None, "email,manager\nb@b.c,a@b.c\na@b.c,c@b.c\n")
    assert (numbers(report), report.refused, report.remarks) == ((0, 2, 0), [], [])
    assert (await by_name("B")).manager_name == "A"
    assert (await by_name("A")).manager_name == "C"


async def test_a_loop_of_managers_is_refused_and_named(database: str) -> None:
    await import_people(None, "email,name,manager\na@b.c,Ann,\nb@b.c,Bo,a@b.c\n")
    text = "email,name,manager\na@b.c,Ann,c@b.c\nc@b.c,Cy,b@b.c\nd@b.c,Di,c@b.c\ne@b.c,Eve,a@b.c\n"
    report = await import_people(None, text)
    assert {(bad.line, bad.column) for bad in report.refused} == {
        (2, "manager"),
        (3, "manager"),
        (4, "manager"),
    }
    loop = next(bad.reason for bad in report.refused if bad.line == 2)
    assert loop == "Nobody can be above themselves: Ann → Cy → Bo → Ann."
    assert (await by_name("Eve")).manager_name == "Ann"
    assert await Person.count() == 3


async def test_two_may_be_each_others_buddy_in_a_list(database: str) -> None:
    report = await import_people(None, "email,name,buddy\na@b.c,A,b@b.c\nb@b.c,B,a@b.c\n")
    assert numbers(report) == (2, 0, 0)
    assert ((await by_name("A")).buddy_name, (await by_name("B")).buddy_name) == ("B", "A")


async def test_who_left_is_not_let_in_again_by_a_list(database: str) -> None:
    admin = await a_viewer("admin")
    person = await a_person(email="gone@b.c")
    await service.deactivate_person(admin, person.id)
    report = await import_people(None, "email,name\ngone@b.c,Back\n")
    assert "no longer works here" in report.refused[0].reason


async def test_one_person_by_two_addresses_is_one_person(database: str) -> None:
    await a_person(email="a@b.c", employee_no="E1")
    report = await import_people(None, "email,employee_no,name\na@b.c,,First\n,E1,Second\n")
    assert [bad.reason for bad in report.refused] == ["The same person is in row 2 already."]


async def test_who_comes_by_a_list_leaves_the_same_traces_as_one_who_was_added_alone(database: str) -> None:
    alone = await a_person(
        name="Alone", email="alone@b.c", hired_on=date(2026, 1, 5), time_zone="Asia/Taipei"
    )
    await import_people(None, "email,name,hired_on,time_zone\nlist@b.c,List,2026-01-05,Asia/Taipei\n")
    listed = await by_name("List")
    left, right = await facts.facts_of(alone.id), await facts.facts_of(listed.id)
    assert [(fact.kind, fact.subject, fact.at, fact.data) for fact in left] == [
        (fact.kind, fact.subject, fact.at, fact.data) for fact in right
    ]
    for person in (alone, listed):
        entry = await AuditEntry.select().where(AuditEntry.noun_id == str(person.id)).first()
        assert entry is not None
        assert (entry["action"], json.loads(entry["detail"])) == ("person_created", {"roles": ["agent"]})
    told = await Job.select(Job.name, Job.args).where(Job.args.like("%person%"))
    names = {
        person.id: sorted(job["name"] for job in told if str(person.id) in job["args"])
        for person in (alone, listed)
    }
    assert names[alone.id] == names[listed.id]
    assert names[alone.id]


async def test_what_follows_a_long_list_does_not_keep_other_work_waiting(database: str) -> None:
    await import_people(None, "employee_no,name\n" + "".join(f"E{n},P{n}\n" for n in range(120)))
    due = [job["run_at"] for job in await Job.select(Job.run_at).order_by(Job.run_at)]
    assert due[-1] - due[0] >= 110 * APART


async def test_one_who_cannot_be_added_does_not_keep_the_others_out(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = planning.plan_people

    async def overtaken(*args: Any) -> Any:
        plan = await real(*args)
        await a_person(name="First", email="b@b.c")  # while the plan was being made
        return plan

    monkeypatch.setattr("trainer.people.importing.plan_people", overtaken)
    text = "email,name,manager\na@b.c,A,\nb@b.c,B,a@b.c\nc@b.c,C,b@b.c\nd@b.c,D,a@b.c\n"
    report = await import_people(None, text)
    assert [(bad.line, bad.reason) for bad in report.refused] == [
        (3, "Somebody else has this e-mail address."),
        (4, "There is no such colleague any more."),
    ]
    assert {person.name for person in await service.all_people()} == {"A", "First", "D"}


@pytest.mark.slow
async def test_twenty_thousand_rows_leave_room_for_others(database: str) -> None:
    lines = [f"E{n},Person {n},Team {n % 200},{f'E{n // 20}' if n else ''}" for n in range(20_000)]
    sheet = read_text("employee_no,name,team,manager\n" + "\n".join(lines))
    longest, at, over = 0.0, time.monotonic(), False

    async def beat() -> None:
        nonlocal longest, at
        while not over:
            longest, at = max(longest, time.monotonic() - at), time.monotonic()
            await asyncio.sleep(0.01)

    heart = asyncio.create_task(beat())
    plan = await planning.plan_people(sheet, match_columns(sheet, KNOWN))
    over = True
    await heart
    assert (plan.count("new"), len(plan.teams), plan.refused) == (20_000, 200, [])
    depths = {row.cells["employee_no"]: row.depth for row in plan.rows}
    assert all(depths[row.manager] < row.depth for row in plan.rows if row.manager)
    assert longest < 2, "nobody else was answered for that long"
