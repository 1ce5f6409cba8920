"""Lists of modules: making, ordering, changing, archiving; as documents; who may."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import httpx
import pytest
import yaml

from tests.training.conftest import Clips
from tests.training.makers import Cast, a_module
from tests.web_fixtures import SignIn
from trainer import jobs
from trainer.exchange import hand_out, take_in
from trainer.problems import Conflict, Forbidden, Invalid, PreconditionFailed
from trainer.training import curricula, documents, enrolling
from trainer.training.assigning.service import assign
from trainer.training.tables import Curriculum, Enrolment

SAMPLE = Path(__file__).parents[2] / "curricula" / "lists" / "first-week.yaml"


@pytest.fixture
async def modules(cast: Cast, clips: Clips) -> list[UUID]:
    return [await a_module(cast.viewer("trainer")) for _n in range(3)]


async def the_order(cast: Cast, made: UUID) -> list[UUID]:
    view = await curricula.load_curriculum(cast.viewer("trainer"), made)
    return [module.id for module in view.modules]


async def test_a_list_is_made_and_put_in_order_on_its_page(
    cast: Cast, modules: list[UUID], client: httpx.AsyncClient, sign_in: SignIn
):
    await sign_in(client, cast.trainer)
    assert "No list yet" in (await client.get("/curricula")).text
    fields = {"title": "First week", "summary": "Begin here", "modules": [str(modules[0]), str(modules[1])]}
    made = await client.post("/curricula/new", data=fields)
    assert made.status_code == 303
    here = made.headers["location"]
    key = UUID(here.rpartition("/")[2])
    page = await client.get(here)
    assert "Assign" in page.text
    assert "First week" in (await client.get("/curricula")).text
    moved = {"revision": "1", "move": str(modules[1]), "to": "0"}
    assert (await client.post(f"{here}/modules", data=moved)).status_code == 303
    added = {"revision": "2", "add": str(modules[2])}
    assert (await client.post(f"{here}/modules", data=added)).status_code == 303
    assert await the_order(cast, key) == [modules[1], modules[0], modules[2]]
    removed = {"revision": "3", "remove": str(modules[0])}
    assert (await client.post(f"{here}/modules", data=removed)).status_code == 303
    assert await the_order(cast, key) == [modules[1], modules[2]]
    stale = await client.post(f"{here}/modules", data=removed)
    assert stale.status_code == 412
    words = {"revision": "4", "title": "Week one", "summary": ""}
    assert (await client.post(f"{here}/words", data=words)).status_code == 303
    assert "Week one" in (await client.get(here)).text
    assert (await client.post(f"{here}/words", data={**words, "title": ""})).status_code == 422
    assert (await client.post(f"{here}/archive")).status_code == 303
    assert "No list yet" in (await client.get("/curricula")).text
    assert "archived" in (await client.get(here)).text


async def test_two_lists_of_one_title_get_codes_of_their_own(cast: Cast, modules: list[UUID]):
    trainer = cast.viewer("trainer")
    for _n in range(2):
        await curricula.create_curriculum(trainer, title="First week")
    assert sorted(await curricula.curriculum_codes()) == ["first-week", "first-week-2"]
    await curricula.create_curriculum(trainer, title="第一周", language="zh-Hans")
    assert "list" in await curricula.curriculum_codes()


async def test_an_edit_of_an_old_page_is_refused(cast: Cast, modules: list[UUID]):
    trainer = cast.viewer("trainer")
    made = await curricula.create_curriculum(trainer, title="Week", modules=[modules[0]])
    await curricula.edit_curriculum(trainer, made, revision=1, modules=modules)
    with pytest.raises(PreconditionFailed):
        await curricula.edit_curriculum(trainer, made, revision=1, modules=[])
    assert await the_order(cast, made) == modules
    with pytest.raises(Invalid):
        await curricula.edit_curriculum(trainer, made, revision=2, modules=["nothing"])


async def test_what_is_put_into_a_list_reaches_those_who_were_assigned_it(cast: Cast, modules: list[UUID]):
    trainer = cast.viewer("trainer")
    made = await curricula.create_curriculum(trainer, title="Week", modules=modules[:2])
    due = (datetime.now(UTC) + timedelta(days=5)).date()
    await assign(trainer, curriculum="week", team=cast.agent.team, due_on=due)
    await jobs.drain()
    await curricula.edit_curriculum(trainer, made, revision=1, modules=[modules[2], modules[0]])
    await jobs.drain()
    mine = {one.module: one for one in await enrolling.enrolments_of(cast.agent.id)}
    assert set(mine) == set(modules)
    assert mine[modules[2]].due_on == due


async def test_an_archived_list_reaches_nobody_new(cast: Cast, modules: list[UUID]):
    from tests.factories import a_person

    trainer = cast.viewer("trainer")
    made = await curricula.create_curriculum(trainer, title="Week", modules=modules)
    await assign(trainer, curriculum="week", team=cast.agent.team)
    await curricula.archive_curriculum(trainer, made)
    with pytest.raises(Conflict):
        await curricula.archive_curriculum(trainer, made)
    assert await Enrolment.count() == 3
    joined = await a_person("agent", team=cast.agent.team)
    await jobs.drain()
    assert await enrolling.enrolments_of(joined.id) == []
    with pytest.raises(Invalid):
        await assign(trainer, curriculum="week", team=cast.agent.team)


@pytest.mark.parametrize(
    ("who", "reads", "edits", "archives"),
    [
        ("agent", False, False, False),
        ("trainer", True, True, True),
        ("analyst", True, False, False),
        ("lead", True, False, False),
        ("manager", True, False, False),
        ("admin", True, False, True),
    ],
)
async def test_who_reads_edits_and_archives(
    cast: Cast,
    modules: list[UUID],
    client: httpx.AsyncClient,
    sign_in: SignIn,
    who: str,
    reads: bool,
    edits: bool,
    archives: bool,
):
    made = await curricula.create_curriculum(cast.viewer("trainer"), title="Week", modules=modules)
    await sign_in(client, getattr(cast, who))
    here = f"/curricula/{made}"
    for path in ("/curricula", here):
        assert (await client.get(path)).status_code == (200 if reads else 403)
    if reads:  # no link leads to a page that is not theirs
        leads_on = "/progress?what=list:" in (await client.get(here)).text
        assert leads_on == ((await client.get("/progress")).status_code == 200)
    words = {"revision": "1", "title": "New"}
    assert (await client.post(f"{here}/words", data=words)).status_code == (303 if edits else 403)
    assert (await client.post("/curricula/new", data=words)).status_code == (303 if edits else 403)
    assert (await client.get("/curricula/new")).status_code == (200 if edits else 403)
    assert (await client.post(f"{here}/archive")).status_code == (303 if archives else 403)
    viewer = cast.viewer(who)
    if not edits:
        with pytest.raises(Forbidden):
            await curricula.edit_curriculum(viewer, made, revision=2, title="No")


async def test_a_list_comes_in_once_and_goes_out_as_it_came(cast: Cast, modules: list[UUID]):
    document: dict[str, Any] = {
        "curriculum": {
            "code": "week",
            "title": {"en": "Week", "zh-Hans": "周"},
            "summary": {"en": "Begin"},
            "modules": ["hear-them-out-2", "hear-them-out"],
        }
    }
    assert await curricula.import_curriculum(None, document)
    assert not await curricula.import_curriculum(None, document)
    assert await curricula.export_curriculum("week") == document
    document["curriculum"]["modules"].append("hear-them-out-3")
    assert await curricula.import_curriculum(None, document)
    assert await curricula.export_curriculum("week") == document
    row = await Curriculum.select().first()
    assert row is not None
    assert row["revision"] == 2


@pytest.mark.parametrize(
    "document",
    [
        {},
        {"curriculum": {"code": "x"}},
        {"curriculum": {"code": "x", "title": {"en": "X"}, "modules": ["?"]}},
    ],
)
async def test_a_document_that_cannot_be_read_is_refused(cast: Cast, document: dict[str, Any]):
    with pytest.raises(Invalid):
        await curricula.import_curriculum(None, document)


def test_the_sample_names_the_four_starter_modules():
    codes = yaml.safe_load(SAMPLE.read_text(encoding="utf-8"))["curriculum"]["modules"]
    folder = SAMPLE.parents[1] / "modules"
    starters = [
        yaml.safe_load(path.read_text(encoding="utf-8"))["module"]["code"]
        for path in sorted(folder.glob("*.yaml"))
    ]
    assert codes == starters


async def test_a_folder_of_documents_brings_modules_before_the_lists_that_name_them(
    cast: Cast, modules: list[UUID], tmp_path: Path
):
    module = await documents.export_module("hear-them-out")
    module["module"]["code"] = "zebra"
    listed = {"curriculum": {"code": "a-list", "title": {"en": "A list"}, "modules": ["zebra"]}}
    for name, document in (("a.yaml", listed), ("z.yaml", module)):
        (tmp_path / name).write_text(yaml.safe_dump(document, allow_unicode=True))
    lines, refused = await take_in("curriculum", tmp_path, ZoneInfo("UTC"))
    assert lines == ["z.yaml: published as a new version", "a.yaml: list of modules taken in"]
    assert refused == 0
    assert await take_in("curriculum", tmp_path, ZoneInfo("UTC")) == (
        ["z.yaml: nothing new", "a.yaml: nothing new"],
        0,
    )
    await hand_out("curriculum", tmp_path / "out")
    assert "zebra" in (tmp_path / "out" / "list-a-list.yaml").read_text()
