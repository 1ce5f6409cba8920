"""What /learn shows and in which order, and that every newcomer begins with the starter."""

import re
from datetime import date, timedelta
from pathlib import Path

import httpx

from tests.factories import a_person
from tests.training.conftest import Clips
from tests.training.makers import Cast, a_module
from tests.web_fixtures import SignIn
from trainer import db, jobs
from trainer.people import service as people
from trainer.people.importing import import_people
from trainer.training import deciding, documents, enrolling
from trainer.training.tables import Module


async def test_what_was_assigned_is_in_order_and_a_day_that_is_over_is_said_kindly(
    cast: Cast, clips: Clips, client: httpx.AsyncClient, sign_in: SignIn
):
    trainer, today = cast.viewer("trainer"), db.utc_now().date()
    for _n in range(4):
        await a_module(trainer)
    for code, days in (("hear-them-out-2", 5), ("hear-them-out-3", -1), ("hear-them-out-4", 0)):
        await enrolling.enrol(trainer, code, cast.agent.id, due_on=today + timedelta(days=days))
    free = await enrolling.enrol(cast.viewer("agent"), "hear-them-out", cast.agent.id)
    await Module.update({Module.starter: True}).where(Module.code == "hear-them-out-2")
    await sign_in(client, cast.agent)
    page = (await client.get("/learn")).text.partition("<main")[2]
    codes = [one.code for one in await enrolling.open_enrolments(cast.agent.id)]
    assert codes == ["hear-them-out-3", "hear-them-out-4", "hear-them-out-2", "hear-them-out"]
    assert "a good one to take next" in page
    assert page.index("a good one to take next") < page.index("due today") < page.index(str(free))
    first = await enrolling.next_enrolment(cast.agent.id)  # the home points at the starter: so does this page
    assert first
    assert first.code == "hear-them-out-2"
    pointed_at = re.findall(r'action="/learn/([^"]+)/begin">(?:(?!</form>).)*button primary', page, re.DOTALL)
    assert pointed_at == [str(first.id)]
    await deciding.waive(trainer, free, "Taught it for years")
    page = (await client.get("/learn")).text.partition("<main")[2]
    assert "Need not do" in page
    assert "Taught it for years" in page
    assert "You may begin" in page
    assert "You need not do this module" in (await client.get(f"/learn/{free}")).text


async def test_newcomers_begin_with_the_starter_however_they_come(
    cast: Cast, clips: Clips, tmp_path: Path
):  # 003-19
    module = await a_module(cast.viewer("trainer"))
    document = await documents.export_module("hear-them-out")
    old = await a_person("agent", hired_on=date(2020, 1, 1))
    await jobs.drain()
    assert await enrolling.enrolments_of(cast.agent.id) == []
    document["module"] |= {"starter": True, "code": "begin-here"}
    await documents.import_module(None, document)
    await jobs.drain()
    assert [one.code for one in await enrolling.enrolments_of(cast.agent.id)] == ["begin-here"]
    assert await enrolling.enrolments_of(old.id) == []
    assert await enrolling.enrolments_of(cast.manager.id) == []
    await people.edit_person(cast.viewer("admin"), cast.manager.id, {"roles": ["agent", "manager"]})
    sheet = tmp_path / "people.csv"
    sheet.write_text("email,name,role\nnew@x.example,New One,agent\n")
    by_list = await import_people(None, sheet)
    assert not by_list.refused
    await jobs.drain()
    assert [one.code for one in await enrolling.enrolments_of(cast.manager.id)] == ["begin-here"]
    new = next(one for one in await people.all_people() if one.email == "new@x.example")
    first = await enrolling.next_enrolment(new.id)
    assert first is not None
    assert first.code == "begin-here"
    assert module
