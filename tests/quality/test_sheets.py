"""Evaluations as a spreadsheet: the same facts as the page, once each, and back again equal."""

from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from tests.counting import count_of
from tests.factories import a_person
from tests.quality.makers import ALL_MET, Cast, a_book, a_call, a_release
from trainer import db, facts
from trainer.notices.service import latest
from trainer.problems import Invalid
from trainer.quality import judging, service
from trainer.quality.checking import Given, Judgement
from trainer.quality.export import export_evaluations
from trainer.quality.importing import Report, import_evaluations
from trainer.quality.tables import Evaluation
from trainer.rulebook.service import export_rulebook, import_rulebook

LONDON = ZoneInfo("Europe/London")


async def take(tmp_path: Path, text: str | bytes) -> Report:
    path = tmp_path / "evaluations.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return await import_evaluations(path, LONDON)


async def test_a_row_is_a_released_evaluation_with_the_same_facts_and_no_noise(
    cast: Cast, tmp_path: Path
) -> None:
    call = await a_call(cast.agent.id)
    head = "agent,evaluated_by,recording,called_at,resolved,outcome,csat,comment,F1,N1,N1_at,N1_comment,N2,N3"
    who = f"{cast.agent.email},{cast.analyst.email},{call}"
    row = f"{who},2026-03-01T10:00,no,met,2,Well,met,missed,0:33.5,Too fast,n/a,"
    report = await take(tmp_path, f"{head}\n{row}\n")
    assert (report.taken, report.refused, report.notes) == (1, [], [])
    [found] = await service.visible_evaluations(cast.viewer("agent"))
    marks = {mark.code: (mark.mark, mark.at_ms, mark.comment) for mark in await service.marks_of(found.id)}
    assert marks == {
        "F1": ("met", None, ""),
        "N1": ("missed", 33_500, "Too fast"),
        "N2": ("not_applicable", None, ""),
    }
    assert (found.score, found.fatal, found.resolved, found.outcome, found.csat) == (
        0,
        "passed",
        False,
        "met",
        2,
    )
    assert found.recording == call
    assert found.evaluated_by == cast.analyst.id
    assert found.called_at == datetime(2026, 3, 1, 10, tzinfo=UTC)
    [fact] = await facts.facts_of(cast.agent.id, ["evaluation_released"])
    assert (fact.source, fact.subject, fact.at) == (f"evaluation:{found.id}", "test", found.released_at)
    assert await latest(cast.viewer("agent")) == []  # history wakes nobody


async def test_taking_a_file_twice_makes_one_each(cast: Cast, tmp_path: Path) -> None:
    text = f"agent;called_at;N1\n{cast.agent.email};2026-03-01;met\n{cast.agent.email};2026-03-02;missed\n"
    first, second = await take(tmp_path, text), await take(tmp_path, text)
    assert (first.taken, first.there) == (2, 0)
    assert (second.taken, second.there) == (0, 2)
    assert await Evaluation.count() == 2
    assert await count_of("evaluation_released") == 2


async def test_bad_rows_are_named_and_the_others_taken(cast: Cast, tmp_path: Path) -> None:
    call = await a_call(cast.other_agent.id)
    taken = await a_call(cast.agent.id)
    await a_release(cast.viewer("analyst"), taken)
    who = cast.agent.email
    rows = [
        "source,agent,recording,resolved,csat,called_at,N1,N2_at",
        "a,nobody@encore.example,,,,,met,",
        f"b,{who},{call},,,,met,",
        f"c,{who},{taken},,,,met,",
        f"d,{who},,perhaps,,,met,",
        f"e,{who},,,9,,met,",
        f"f,{who},,,,yesterday,met,",
        f"g,{who},,,,,superb,",
        f"h,{who},,,,,,0:10",
        f"i,{who},00000000-0000-4000-8000-000000000000,yes,5,2026-03-01,met,0:10",
        f"i,{who},,,,,met,",
        f"draft:x,{who},,,,,met,",
        f"j,{who},,,,,met",
    ]
    report = await take(tmp_path, "\n".join(rows))
    assert report.taken == 1
    assert [line.partition(":")[0] for line in report.refused] == [
        f"row {n}" for n in (2, 3, 4, 5, 6, 7, 8, 9, 11, 12, 13)
    ]
    assert len(report.notes) == 1
    assert "row 10" in report.notes[0]
    told = "\n".join(report.lines())
    assert "There is nobody with the address nobody@encore.example." in told
    assert "This call has another evaluation already." in told


async def test_unknown_columns_and_unreadable_files_take_nothing(cast: Cast, tmp_path: Path) -> None:
    for text in (f"agent,N1,mood\n{cast.agent.email},met,good\n", "N1\nmet\n", "", b"\x00\x01\x02" * 99):
        with pytest.raises(Invalid):
            await take(tmp_path, text)
    assert await Evaluation.count() == 0


@pytest.mark.parametrize("encoding", ["utf-16", "gb18030", "utf-8-sig"])
async def test_a_chinese_spreadsheet_is_read(cast: Cast, tmp_path: Path, encoding: str) -> None:
    text = (
        f"座席,通话时间,评语,N1,N2\n{cast.agent.email},2026-03-01 10:00,听得很认真，说得很清楚,合格,不合格\n"
    )
    report = await take(tmp_path, text.encode(encoding))
    assert report.taken == 1, report.lines()
    [found] = await service.visible_evaluations(cast.viewer("agent"))
    assert (found.comment, found.score) == ("听得很认真，说得很清楚", 5000)


async def test_what_is_handed_out_comes_back_equal_in_an_empty_centre(cast: Cast, tmp_path: Path) -> None:
    analyst = cast.viewer("analyst")
    said = {**ALL_MET, "N1": Given("missed", 1234, "=HYPERLINK(1)"), "N2": Given("", 5000, "again")}
    first = await a_release(
        analyst, await a_call(cast.agent.id), said, resolved=False, comment="-1 + 2, a\nb"
    )
    await a_release(analyst, await a_call(cast.other_agent.id), csat=3, service_level="beyond")
    draft = await judging.correct(analyst, first.id, "A slip")
    await judging.save(analyst, draft, Judgement(marks={"F1": Given("missed")}), expected=None)
    await judging.release(analyst, draft, confirm_unmarked=True)
    # the book moves on: what was marked keeps its weight
    await a_book(
        rules={"F1": ("fatal", 0), "N1": ("fatal", 0), "N2": ("non_fatal", 1), "N3": ("non_fatal", 1)}
    )
    content, count, left_out = await export_evaluations()
    assert (count, left_out) == (3, 0)
    book = await export_rulebook("test")
    before = await told()
    await db.close_database()
    await db.open_database(f"sqlite:///{tmp_path / 'other.sqlite'}")
    await db.migrate()
    for who in (cast.agent, cast.other_agent, cast.analyst):
        await a_person(name=who.name, email=who.email, roles=who.roles)
    (tmp_path / "book.yaml").write_text(book)
    await import_rulebook(tmp_path / "book.yaml")
    report = await take(tmp_path, content)
    assert (report.taken, report.refused) == (3, [])
    assert await told() == before
    assert len(report.notes) == 3  # the calls themselves did not travel
    again = await take(tmp_path, content)
    assert (again.taken, again.there) == (0, 3)
    assert (await export_evaluations())[1] == 3


async def told() -> list[tuple[object, ...]]:
    """Everything that the spreadsheet says of evaluations."""
    found = []
    rows = await db.fetch("SELECT id FROM evaluation ORDER BY released_at, id")
    for row in rows:
        each = await service.get_evaluation(row["id"])
        assert each is not None
        marks = [
            (m.code, m.mark, m.at_ms, m.comment, m.weight, m.severity)
            for m in await service.marks_of(each.id)
        ]
        said = (each.resolved, each.outcome, each.service_level, each.csat, each.comment, each.reason)
        results = (each.score, each.fatal_missed, each.state, each.replaces, each.released_at, each.called_at)
        facts_ = await db.fetch(
            "SELECT kind, source, at FROM fact WHERE source = {}", f"evaluation:{each.id}"
        )
        found.append(
            (each.id, each.source, each.agent_name, each.evaluated_by_name, said, results, marks, str(facts_))
        )
    return found
