"""Rules from a centre's own spreadsheet: what a row means, what is refused, and that nothing is taken unseen."""

import io
import re
from pathlib import Path
from uuid import UUID

import httpx
import pytest
import xlsxwriter

from tests.factories import a_person, a_rule, a_rulebook, a_viewer
from tests.rulebook.test_rule_editor_pages import value_of
from tests.rulebook.test_rule_health import words
from tests.web_fixtures import SignIn
from trainer import db
from trainer.problems import Conflict, Forbidden, Invalid, NotFound
from trainer.rulebook import drafting, imports, service
from trainer.rulebook.export import export_columns, export_rows
from trainer.rulebook.imports import Preview
from trainer.rulebook.views import RuleView
from trainer.sheets.tables import SheetImport
from trainer.sheets.writing import write_csv, write_xlsx
from trainer.web.session import Viewer

uses_database = pytest.mark.usefixtures("database")
ROLES = ("agent", "trainer", "qa_analyst", "team_lead", "manager", "admin")
CSV = """Rule no,Name,Standard,Category,Error type,Type,Points,Owner
A1,Greet,Greet them by name.,Understand my need,Non-fatal,Script,5,Zhou
A2,Verify,Ask two questions first.,glad,致命,话术,10 分,Zhou
R01,,Let them finish first.,,,,,Zhou
"""
CHINESE = "编号,标题,内容,目标,严重程度,性质,权重\nC1,微笑,先微笑，再开口。,让我高兴地挂断,禁区,判断,5\n"


async def kept(viewer: Viewer, tmp_path: Path, content: str | bytes, book: str = "starter") -> UUID:
    path = tmp_path / "sheet"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return await imports.keep_sheet(viewer, book, path, "our rules.csv")


async def preview_of(viewer: Viewer, tmp_path: Path, content: str | bytes) -> Preview:
    return await imports.load_import(viewer, await kept(viewer, tmp_path, content))


async def rule(viewer: Viewer, code: str) -> RuleView:
    history = await service.load_history(viewer, code)
    return history.draft or history.current


@uses_database
async def test_a_centres_own_columns_and_words_are_understood(tmp_path: Path) -> None:
    await a_rulebook()
    trainer = await a_viewer("trainer")
    import_id = await kept(trainer, tmp_path, CSV)
    seen = await imports.load_import(trainer, import_id)
    assert (seen.wrong, seen.matched.unknown) == ({}, ["Owner"])
    assert [(line.number, line.code, line.state) for line in seen.lines] == [
        (2, "A1", "new"),
        (3, "A2", "new"),
        (4, "R01", "changed"),
    ]
    assert [change.field for change in seen.lines[2].changes] == ["statement"]
    applied = await imports.apply_import(trainer, import_id, seen.token)
    assert (applied.added, applied.changed, applied.refused) == (["A1", "A2"], ["R01"], {})
    first, second, third = [await rule(trainer, code) for code in ("A1", "A2", "R01")]
    assert (first.state, first.want_code, first.severity, first.kind, first.weight) == (
        *("draft", "understand", "non_fatal"),
        *("scripted", 5),
    )
    assert (second.severity, second.weight, second.want_code) == ("fatal", 10, "glad")
    assert third.title["en"] == "Listen to the end"
    assert third.statement["zh-Hans"].startswith("让客户")
    assert (await service.published_rules(["R01"]))["R01"].version == 1


@uses_database
async def test_taking_a_sheet_twice_changes_nothing(tmp_path: Path) -> None:
    await a_rulebook()
    trainer = await a_viewer("trainer")
    import_id = await kept(trainer, tmp_path, CSV)
    seen = await imports.load_import(trainer, import_id)
    await imports.apply_import(trainer, import_id, seen.token)
    with pytest.raises(Conflict):
        await imports.apply_import(trainer, import_id, seen.token)
    again = await preview_of(trainer, tmp_path, CSV)
    assert again.counts == {"new": 0, "changed": 0, "unchanged": 3, "refused": 0}
    applied = await imports.apply_import(trainer, again.id, again.token)
    assert (applied.added, applied.changed) == ([], [])


@uses_database
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "gb18030"])
async def test_encodings_of_offices_are_read(tmp_path: Path, encoding: str) -> None:
    await a_rulebook()
    [line] = (await preview_of(await a_viewer("trainer"), tmp_path, CHINESE.encode(encoding))).lines
    assert (line.state, line.reasons) == ("new", [])
    assert line.fields["title"] == {"en": "微笑"}
    assert (line.fields["severity"], line.fields["kind"], line.fields["want"]) == (
        "fatal",
        "judgement",
        "glad",
    )


@uses_database
async def test_workbooks_are_read(tmp_path: Path) -> None:
    await a_rulebook()
    held = io.BytesIO()
    book = xlsxwriter.Workbook(held)
    page = book.add_worksheet()
    for place, row in enumerate([["Code", "Statement", "Weight"], [7, "Do it well.", 5.0]]):
        page.write_row(place, 0, row)
    book.close()
    [line] = (await preview_of(await a_viewer("trainer"), tmp_path, held.getvalue())).lines
    assert (line.code, line.state, line.fields["weight"]) == ("7", "new", 5)
    assert line.title == "Do it well."


@uses_database
@pytest.mark.parametrize(
    ("row", "told"),
    [
        (",Greet,Hello.,,,,", "It has no code."),
        ("two words,Greet,Hello.,,,,", "A code has up to 40 letters"),
        ("import,Greet,Hello.,,,,", "import is the name of a page here"),
        ("A1,Greet,,,,,", "Statement: Please fill this in."),
        ("A1,,Hello.,,,,", "Title: Please fill this in."),
        ("A1,Greet,=1+1,,,,", "Statement holds a formula."),
        ("A1,Greet,Hello.,Fame,,,", "There is no want “Fame”. There are: Understand my need"),
        ("A1,Greet,Hello.,,deadly,,", "“deadly” is no severity."),
        ("A1,Greet,Hello.,,,sometimes,", "“sometimes” is no kind of rule."),
        ("A1,Greet,Hello.,,,,lots", "“lots” is no weight."),
        ("A1,Greet,Hello.,,,,5.5", "“5.5” is no weight."),
        ("A1,Greet,Hello.,,,,2000", "Weight: Please give a number from 0 to 1000."),
        ("A1,Greet,Hello.,,,,5,more,cells", "This row has 9 cells, the headings have 7"),
        ("A1,Greet,Hello.", "This row has 3 cells, the headings have 7"),
        ("T1,Greet,Hello.,,,,", "T1 belongs to the rule book “Test book”."),
        (f"A1,Greet,{'x' * 501},,,,", "Statement: Please keep this under 500 characters"),
    ],
)
async def test_a_bad_row_is_named_and_nothing_of_it_is_taken(tmp_path: Path, row: str, told: str) -> None:
    await a_rulebook()
    await a_rule("T1")
    trainer = await a_viewer("trainer")
    content = f"code,title,statement,goal,severity,kind,weight\n{row}\nA9,Good,A good row.,,,,\n"
    seen = await preview_of(trainer, tmp_path, content)
    bad, good = seen.lines
    assert (bad.state, good.state) == ("refused", "new")
    assert any(told in reason for reason in bad.reasons), bad.reasons
    applied = await imports.apply_import(trainer, seen.id, seen.token)
    assert applied.added == ["A9"]
    with pytest.raises(NotFound):
        await service.load_history(trainer, "A1")


@uses_database
async def test_a_code_that_stands_twice_is_refused_both_times(tmp_path: Path) -> None:
    await a_rulebook()
    seen = await preview_of(await a_viewer("trainer"), tmp_path, "code,statement\nA1,One.\nA1,Two.\n")
    assert [line.reasons for line in seen.lines] == [["The code A1 stands in 2 rows."]] * 2


@uses_database
async def test_columns_that_are_not_clear_are_asked_for(tmp_path: Path) -> None:
    await a_rulebook()
    trainer = await a_viewer("trainer")
    seen = await preview_of(trainer, tmp_path, "Number,Text,Standard,Points\nA1,Say hello.,Greet,5\n")
    assert seen.lines == []
    assert "Two columns would be this: Text, Standard." in seen.wrong["statement"]
    with pytest.raises(Conflict):
        await imports.apply_import(trainer, seen.id, seen.token)
    await imports.choose_columns(trainer, seen.id, {"code": 0, "statement": 1, "title": 2})
    seen = await imports.load_import(trainer, seen.id)
    assert (seen.wrong, seen.lines[0].title, seen.lines[0].fields.get("weight")) == ({}, "Greet", None)
    await imports.choose_columns(trainer, seen.id, {"code": 0, "statement": 0})
    assert "code" in (await imports.load_import(trainer, seen.id)).wrong


@uses_database
async def test_what_changed_since_the_preview_is_looked_at_again(tmp_path: Path) -> None:
    await a_rulebook()
    trainer = await a_viewer("trainer")
    seen = await preview_of(trainer, tmp_path, CSV)
    await drafting.edit_rule(trainer, "R01", {"weight": 77})
    with pytest.raises(Conflict) as refused:
        await imports.apply_import(trainer, seen.id, seen.token)
    assert refused.value.name == "changed-meanwhile"
    with pytest.raises(NotFound):
        await service.load_history(trainer, "A1")
    seen = await imports.load_import(trainer, seen.id)
    assert "It has a draft already, which this changes." in seen.lines[2].notes
    await imports.apply_import(trainer, seen.id, seen.token)
    draft = await rule(trainer, "R01")
    assert (draft.weight, draft.statement["en"]) == (77, "Let them finish first.")


@uses_database
async def test_a_long_statement_is_flagged_and_taken(tmp_path: Path) -> None:
    await a_rulebook()
    seen = await preview_of(await a_viewer("trainer"), tmp_path, f"code,statement\nA1,{'word ' * 21}\n")
    assert seen.lines[0].state == "new"
    assert "21 words in en" in seen.lines[0].notes[0]


@uses_database
async def test_what_goes_out_comes_back_as_it_was(tmp_path: Path) -> None:
    await a_rulebook()
    trainer = await a_viewer("trainer")
    rules = list((await service.published_rules()).values())
    columns = export_columns(rules, "en")
    assert "statement zh-Hans" in columns
    rows = export_rows(rules, columns, "en")
    for content in (write_csv(columns, rows), write_xlsx("rules", columns, rows)):
        seen = await preview_of(trainer, tmp_path, content)
        assert seen.wrong == {}
        assert seen.counts == {"new": 0, "changed": 0, "unchanged": 11, "refused": 0}


@uses_database
@pytest.mark.parametrize("role", ROLES)
async def test_who_imports(tmp_path: Path, role: str) -> None:
    await a_rulebook()
    viewer = await a_viewer(role)
    if role in ("trainer", "qa_analyst"):
        seen = await preview_of(viewer, tmp_path, CSV)
        with pytest.raises(NotFound):
            await imports.load_import(await a_viewer(role), seen.id)
        assert await imports.discard_import(viewer, seen.id) == "starter"
        assert await imports.discard_import(viewer, seen.id) == "starter"
        with pytest.raises(Conflict):
            await imports.apply_import(viewer, seen.id, seen.token)
        row = await SheetImport.select().first()
        assert row
        assert "Greet" not in row["summary"]
    else:
        with pytest.raises(Forbidden):
            await kept(viewer, tmp_path, CSV)


@uses_database
async def test_what_is_no_sheet_is_refused_in_words(tmp_path: Path) -> None:
    await a_rulebook()
    trainer = await a_viewer("trainer")
    for content in (
        b"",
        b"code,statement\n",
        b"PK\x03\x04 not a workbook",
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1",
    ):
        with pytest.raises(Invalid) as refused:
            await kept(trainer, tmp_path, content)
        assert refused.value.detail
    many = "code,statement\n" + "".join(f"A{n},Do.\n" for n in range(1001))
    with pytest.raises(Invalid):
        await kept(trainer, tmp_path, many)


@uses_database
async def test_planning_takes_two_queries_whatever_the_length(tmp_path: Path) -> None:
    await a_rulebook()
    trainer = await a_viewer("trainer")
    rows = "".join(f"A{n},Do number {n}.\n" for n in range(900))
    import_id = await kept(trainer, tmp_path, "code,statement\n" + rows)
    with db.queries_counted() as counted:
        assert len((await imports.load_import(trainer, import_id)).lines) == 900
    assert counted.count <= 4, counted.statements


# Pages


async def test_the_pages_lead_from_a_file_to_drafts(client: httpx.AsyncClient, sign_in: SignIn) -> None:
    await a_rulebook()
    await sign_in(client, await a_person("trainer"))
    assert "Load a template" in words((await client.get("/rules/import?book=starter")).text)
    template = await client.get("/rules/import/template")
    assert template.headers["content-disposition"].startswith("attachment")
    files = {"sheet": ("our rules.csv", CSV.encode(), "text/csv")}
    sent = await client.post("/rules/import?book=starter", files=files, headers={"HX-Request": "true"})
    here = sent.headers["hx-redirect"]
    html = (await client.get(here)).text
    seen = words(html)
    for text in (
        "our rules.csv",
        "New draft",
        "Changed",
        "Not taken, because nobody said what they are: Owner",
    ):
        assert text in seen
    assert "A1" not in words((await client.get(f"{here}?show=changed")).text).partition("Which column")[0]
    again = await client.post(
        f"{here}/columns", data={"column-code": "0", "column-title": "1", "column-statement": "2"}
    )
    assert again.status_code == 303
    html = (await client.get(here)).text
    refused = await client.post(f"{here}/apply", data={"token": "another"})
    assert refused.status_code == 409
    taken = await client.post(f"{here}/apply", data={"token": value_of(html, "token")})
    assert taken.headers["location"] == here
    assert "Taken as drafts" in words((await client.get(here)).text)
    assert "A1" in words((await client.get("/rules/drafts")).text)
    await sign_in(client, await a_person("trainer"))
    assert (await client.get(here)).status_code == 404


async def test_the_result_names_the_rows_that_were_refused(
    client: httpx.AsyncClient, sign_in: SignIn
) -> None:
    await a_rulebook()
    await sign_in(client, await a_person("trainer"))
    rows = "code,statement,severity\nA1,Greet them.,\nB1,Ask first.,deadly\nC1,One.,\nC1,Two.,\n"
    sent = await client.post(
        "/rules/import?book=starter", files={"sheet": ("r.csv", rows.encode(), "text/csv")}
    )
    here = sent.headers["location"]
    await client.post(f"{here}/apply", data={"token": value_of((await client.get(here)).text, "token")})
    done = words((await client.get(here)).text)
    assert "New 1 Changed 0 Refused 3" in done
    told = done.partition("Nothing of these rows was taken.")[2]
    assert "B1 3 “deadly” is no severity." in told
    assert told.count("The code C1 stands in 2 rows.") == 2


async def test_a_refused_file_is_said_in_the_form(client: httpx.AsyncClient, sign_in: SignIn) -> None:
    await a_rulebook()
    await sign_in(client, await a_person("trainer"))
    files = {"sheet": ("rules.csv", b"code,statement\n", "text/csv")}
    refused = await client.post("/rules/import", files=files, headers={"HX-Request": "true"})
    assert refused.status_code == 422
    assert "There is no row under the headings." in refused.text
    assert "<html" not in refused.text
    plain = await client.post("/rules/import", files=files)
    assert (plain.status_code, "<html" in plain.text) == (422, True)
    nothing = await client.post("/rules/import", files={"other": ("x", b"x", "text/csv")})
    assert nothing.status_code == 422


async def test_what_is_exported_holds_no_formula(client: httpx.AsyncClient, sign_in: SignIn) -> None:
    await a_rule("T1", title={"en": "=HYPERLINK(1)"})
    await sign_in(client, await a_person("agent"))
    sent = await client.get("/rules/export?book=test&as=csv")
    assert sent.headers["content-type"].startswith("text/csv")
    assert re.search(r"T1,understand,'=HYPERLINK", sent.text)
    assert (await client.get("/rules/export?book=test&as=xlsx")).content.startswith(b"PK")
    assert (await client.get("/rules/export?book=none")).status_code == 404
