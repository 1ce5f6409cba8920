"""Taking a list in on the page: preview, columns, yes, result; and what may go wrong on the way."""

import asyncio
import json
from datetime import timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest
from litestar import Litestar

from tests.factories import a_person, a_team, viewer_for
from tests.web_fixtures import SignIn
from trainer import db, jobs, storage
from trainer.people import import_jobs, service
from trainer.people.fields import PersonFields
from trainer.people.service import PersonView, all_people, edit_person, get_person
from trainer.people.tables import AuditEntry, Person
from trainer.sheets import pending as imports
from trainer.sheets.tables import SheetImport
from trainer.sheets.writing import write_xlsx

FULL = """email,employee_no,name,team,role,manager
ann@b.c,E1,Ann,Harbour,team_lead,
bo@b.c,E2,Bo,Harbour,agent,E1
cy@b.c,,Cy,Harbour,king,
"""


@pytest.fixture
async def boss(app: Litestar) -> PersonView:
    return await a_person("admin", name="Ingrid")


@pytest.fixture
async def admin(client: httpx.AsyncClient, sign_in: SignIn, boss: PersonView) -> httpx.AsyncClient:
    return await sign_in(client, boss)


async def upload(client: httpx.AsyncClient, data: str | bytes, name: str = "people.csv") -> str:
    """Uploads and has the jobs run; returns the import's address."""
    content = data.encode() if isinstance(data, str) else data
    answer = await client.post("/people/import", files={"sheet": (name, content)})
    assert answer.status_code == 303, answer.text
    await jobs.drain()
    return answer.headers["location"]


async def state_of(address: str) -> str:
    row = await SheetImport.select(SheetImport.state).where(SheetImport.id == UUID(address.rsplit("/", 1)[1]))
    return str(row[0]["state"])


async def test_a_list_is_previewed_then_taken(admin: httpx.AsyncClient) -> None:
    bo = await a_person(name="Robert", email="bo@b.c", employee_no="E2", team=await a_team("Quay"))
    address = await upload(admin, FULL)
    page = (await admin.get(address)).text
    for words in (
        "3 rows were read",
        "Take in 2 people",
        "A team is made:",
        "Harbour",
        "There is no role king.",
    ):
        assert words in page
    assert '<del><span class="visually-hidden">Now: </span>Robert</del>' in page
    assert "Then: </span>Bo</ins>" in page
    assert (await get_person(bo.id)).name == "Robert"
    answer = await admin.post(f"{address}/apply")
    assert answer.headers["location"] == address
    assert "taken in" in (await admin.get(address)).text
    await jobs.drain()
    done = (await admin.get(address)).text
    assert "Print sign-in cards" in done
    assert "There is no role king." in done
    people = {person.name: person for person in await all_people()}
    assert people["Bo"].manager_name == "Ann"
    assert people["Bo"].team_name == "Harbour"
    assert "Cy" not in people
    assert await AuditEntry.count().where(AuditEntry.action == "people_imported") == 1


async def test_whom_a_list_would_make_an_admin_is_seen_before_the_yes(
    admin: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(imports, "SHOWN", 1)
    address = await upload(
        admin, "email,name,role,team\nann@b.c,Ann,,North\nmallory@b.c,Mallory,qa_analyst; admin,\n"
    )
    new = (await admin.get(address)).text.partition('id="new"')[2]
    row = new.partition("Mallory")[2].partition("</tr>")[0]
    assert '<th scope="col">Role</th>' in new
    assert "Administrator" in row.partition('class="chip warn"')[2]
    assert "QA analyst" in row
    report = (await admin.get(f"{address}/report.csv")).text
    assert 'mallory@b.c,role,,"admin, qa_analyst"' in report


async def test_every_row_can_be_downloaded_before_and_what_was_not_taken_after(
    admin: httpx.AsyncClient,
) -> None:
    address = await upload(admin, FULL + "=evil@b.c,,=1+1,,,\n")
    before = await admin.get(f"{address}/report.csv")
    assert before.headers["content-type"].startswith("text/csv")
    lines = before.content.decode("utf-8-sig").split("\r\n")
    assert lines[0] == "row,what,who,column,now,then,why"
    assert "4,refused,cy@b.c,role,,,There is no role king." in lines
    assert "5,new,'=evil@b.c,,,," in lines
    await admin.post(f"{address}/apply")
    await jobs.drain()
    after = (await admin.get(f"{address}/report.csv")).content.decode("utf-8-sig").split("\r\n")
    assert after[:2] == ["row,who,column,why", "4,cy@b.c,role,There is no role king."]
    assert len(after) == 3


async def test_the_bytes_are_gone_when_it_is_over(admin: httpx.AsyncClient) -> None:
    address = await upload(admin, FULL)
    key = f"imports/{address.rsplit('/', 1)[1]}/sheet"
    assert await storage.storage().exists(key)
    await admin.post(f"{address}/apply")
    await jobs.drain()
    assert not await storage.storage().exists(key)


async def test_swapped_columns_are_noticed_and_put_right(admin: httpx.AsyncClient) -> None:
    address = await upload(admin, "email,employee_no,name\nE1,ann@b.c,Ann\nE2,bo@b.c,Bo\n")
    page = (await admin.get(address)).text
    assert "Are the two swapped?" in page
    assert "Take in" not in page
    answer = await admin.post(
        f"{address}/columns", data={"column-email": "1", "column-employee_no": "0", "column-name": "2"}
    )
    assert answer.status_code == 303
    assert await state_of(address) == "reading"
    await jobs.drain()
    assert "Take in 2 people" in (await admin.get(address)).text
    await admin.post(f"{address}/apply")
    await jobs.drain()
    assert {person.employee_no for person in await all_people()} >= {"E1", "E2"}


async def test_a_doubled_column_asks_which(admin: httpx.AsyncClient) -> None:
    address = await upload(admin, "email,E-Mail address,name,salary\nann@b.c,x@y.z,Ann,9\n")
    page = (await admin.get(address)).text
    assert "The column email is there twice: “email”, “E-Mail address”." in page
    assert "Take in" not in page
    assert "One column is none of ours and is left out: salary." in page
    await admin.post(f"{address}/columns", data={"column-email": "0", "column-name": "2"})
    await jobs.drain()
    assert "Take in 1 person" in (await admin.get(address)).text
    await admin.post(f"{address}/columns", data={"column-email": "0", "column-name": "0"})
    await jobs.drain()
    assert "is there twice" in (await admin.get(address)).text


async def test_an_import_without_clear_columns_does_not_wait_for_a_yes(admin: httpx.AsyncClient) -> None:
    await upload(admin, "email,e-mail\nann@b.c,ann@b.c\n")
    listed = (await admin.get("/people/import")).text
    assert "columns not clear yet" in listed
    assert "waits for your yes" not in listed


async def test_a_file_that_cannot_be_read_says_why(admin: httpx.AsyncClient) -> None:
    address = await upload(admin, b"%PDF-1.7\x00\x01", "people.pdf")
    assert "neither CSV nor an Excel workbook" in (await admin.get(address)).text
    assert await state_of(address) == "refused"
    too_large = await admin.post("/people/import", files={"sheet": ("x.csv", b"x" * (21 << 20))})
    assert too_large.status_code in (413, 422)
    assert "20 MB" in too_large.text
    nothing = await admin.post("/people/import", files={"other": ("x.csv", b"x")})
    assert nothing.status_code == 422


async def test_xlsx_is_read_as_well(admin: httpx.AsyncClient) -> None:
    rows = [["E7", "王小明", "夜班"], ["E8", "李雪", "夜班"]]
    address = await upload(admin, write_xlsx("x", ["工号", "姓名", "班组"], rows), "people.xlsx")
    assert "Take in 2 people" in (await admin.get(address)).text


async def test_discarding_is_a_way_back(admin: httpx.AsyncClient) -> None:
    address = await upload(admin, FULL)
    assert (await admin.post(f"{address}/discard")).headers["location"] == "/people/import"
    assert (await admin.post(f"{address}/discard")).status_code == 303
    assert (await admin.post(f"{address}/apply")).status_code == 409
    await jobs.drain()
    assert "was discarded" in (await admin.get(address)).text
    assert [stored async for stored in storage.storage().list("imports")] == []
    assert {person.name for person in await all_people()} == {"Ingrid"}


async def test_applying_twice_is_harmless(admin: httpx.AsyncClient) -> None:
    address = await upload(admin, FULL)
    for _n in range(2):
        assert (await admin.post(f"{address}/apply")).status_code == 303
    await jobs.drain()
    assert (await admin.post(f"{address}/apply")).status_code == 303
    await jobs.drain()
    assert await Person.count() == 3
    again = await upload(admin, FULL)
    page = (await admin.get(again)).text
    assert "Take in" not in page
    assert (await admin.post(f"{address}/discard")).status_code == 409


async def test_what_changed_after_the_preview_is_not_written_over(
    admin: httpx.AsyncClient, boss: PersonView
) -> None:
    bo = await a_person(name="Robert", email="bo@b.c")
    text = "email,name\nbo@b.c,Bo\nnew@b.c,New\nalso@b.c,Also\n"
    address = await upload(admin, text)
    await edit_person(viewer_for(boss), bo.id, PersonFields(name="Rob"))
    await a_person(name="Other New", email="new@b.c")
    await admin.post(f"{address}/apply")
    await jobs.drain()
    page = (await admin.get(address)).text
    assert page.count("Somebody changed this person after the preview") == 2
    assert {person.name for person in await all_people()} == {"Ingrid", "Rob", "Other New", "Also"}


async def test_who_is_no_admin_any_more_changes_nothing(admin: httpx.AsyncClient, boss: PersonView) -> None:
    address = await upload(admin, FULL)
    await admin.post(f"{address}/apply")
    await a_person("admin")
    await edit_person(None, boss.id, PersonFields(roles=["trainer"]))
    await jobs.drain()
    assert await Person.count() == 2
    assert await state_of(address) == "applying"


@pytest.mark.parametrize("role", ["agent", "trainer", "qa_analyst", "team_lead", "manager"])
async def test_only_admins_import(client: httpx.AsyncClient, sign_in: SignIn, role: str) -> None:
    await sign_in(client, await a_person(role))
    assert (await client.get("/people/import")).status_code == 403
    assert (await client.get("/people/export")).status_code == 403
    assert (await client.post("/people/import", files={"sheet": ("x.csv", b"email\n")})).status_code == 403


async def test_another_admin_does_not_see_ones_upload(
    admin: httpx.AsyncClient, new_client: Any, sign_in: SignIn
) -> None:
    address = await upload(admin, FULL)
    async with new_client() as other:
        await sign_in(other, await a_person("admin"))
        for answer in (
            await other.get(address),
            await other.get(f"{address}/report.csv"),
            await other.post(f"{address}/apply"),
            await other.post(f"{address}/discard"),
            await other.post(f"{address}/columns", data={}),
        ):
            assert answer.status_code == 404


async def test_two_workers_at_the_same_import_write_each_row_once(
    admin: httpx.AsyncClient, app: Litestar, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("trainer.people.importing.BATCH", 7)
    text = "employee_no,name\n" + "".join(f"E{n},Person {n}\n" for n in range(100))
    address = await upload(admin, text)
    await admin.post(f"{address}/apply")
    pending = address.rsplit("/", 1)[1]
    context = [jobs.JobContext(UUID(int=n), 1, _job=None) for n in range(2)]  # type: ignore[arg-type]
    monkeypatch.setattr(jobs.JobContext, "progress", _no_progress)
    await asyncio.gather(*(import_jobs.apply_people(each, pending=pending) for each in context))
    assert await Person.count() == 101
    (row,) = await SheetImport.select(SheetImport.state, SheetImport.summary)
    assert row["state"] == "applied"
    result = json.loads(row["summary"])["result"]
    assert (result["created"], result["unchanged"], result["refused_count"]) == (100, 0, 0)
    assert await AuditEntry.count().where(AuditEntry.action == "people_imported") == 1


async def _no_progress(context: jobs.JobContext, done: int, total: int, note: str = "") -> None:
    await asyncio.sleep(0)


async def test_a_job_that_died_goes_on_where_it_stopped(
    admin: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("trainer.people.importing.BATCH", 5)
    text = "employee_no,name,team\n" + "".join(f"E{n},Person {n},Harbour\n" for n in range(20))
    address = await upload(admin, text)
    real, calls = imports.note_progress, []

    async def dies(*args: Any) -> bool:
        calls.append(1)
        if len(calls) == 3:
            raise RuntimeError("killed")
        return await real(*args)

    monkeypatch.setattr(imports, "note_progress", dies)
    await admin.post(f"{address}/apply")
    await jobs.drain()
    assert await Person.count() == 11
    await jobs.drain(db.utc_now() + timedelta(minutes=5))
    assert await Person.count() == 21
    page = (await admin.get(address)).text
    assert "Print sign-in cards" in page
    (row,) = await SheetImport.select(SheetImport.summary)
    result = json.loads(row["summary"])["result"]
    assert (result["created"], result["unchanged"], result["teams_made"]) == (20, 0, ["Harbour"])


async def test_old_imports_are_forgotten(admin: httpx.AsyncClient) -> None:
    old, young = await upload(admin, FULL), await upload(admin, FULL)
    before = db.utc_now() - timedelta(days=8)
    await SheetImport.update({SheetImport.created_at: before}).where(
        SheetImport.id == UUID(old.rsplit("/", 1)[1])
    )
    await imports.forget_old_imports(None)  # type: ignore[arg-type]
    assert (await admin.get(old)).status_code == 404
    assert (await admin.get(young)).status_code == 200
    keys = [stored.key async for stored in storage.storage().list("imports")]
    assert keys
    assert not any(old.rsplit("/", 1)[1] in key for key in keys)


async def test_everybody_can_be_loaded_as_a_sheet_that_changes_nothing(admin: httpx.AsyncClient) -> None:
    await a_person("team_lead", name="Lena", team=await a_team("Harbour"), birthday="06-09")
    for kind in ("xlsx", "csv"):
        sheet = await admin.get(f"/people/export?as={kind}")
        assert f"people.{kind}" in sheet.headers["content-disposition"]
        page = (await admin.get(await upload(admin, sheet.content, f"people.{kind}"))).text
        assert "everybody in the list is here as it says" in page


async def test_a_service_caller_without_the_role_is_refused(database: str) -> None:
    assert not (await service.visible_people(viewer_for(await a_person()), without="password"))
