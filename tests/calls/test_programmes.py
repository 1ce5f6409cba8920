"""Trainers and QA analysts see and hear the calls of the programmes they work on, and no other's."""

from pathlib import Path
from uuid import UUID

import httpx
import pytest

from tests.calls.conftest import CallMaker, Cast
from tests.factories import a_person, viewer_for
from tests.web_fixtures import SignIn
from trainer import db, jobs
from trainer.calls import service
from trainer.calls.service import RecordingFields
from trainer.clips import service as clips
from trainer.clips.service import ClipFields
from trainer.problems import Forbidden, Invalid, NotFound
from trainer.rulebook import programmes
from trainer.rulebook.tables import Rulebook
from trainer.web.session import Viewer


@pytest.fixture
async def books(cast: Cast) -> dict[str, UUID]:
    """Two programmes; the first is the default."""
    made: dict[str, UUID] = {}
    for code in ("bank", "metro"):
        made[code] = db.new_id()
        title = f'{{"en": "{code.title()}"}}'
        await Rulebook.insert(Rulebook(id=made[code], code=code, title=title, created_at=db.utc_now()))
    return made


@pytest.fixture
async def other(cast: Cast) -> Viewer:
    return viewer_for(await a_person("trainer", name="Mei Tan"))


async def test_a_book_that_names_nobody_is_open_and_one_that_does_is_not(
    cast: Cast, books: dict[str, UUID], other: Viewer
) -> None:
    trainer, admin = cast.viewer("trainer"), cast.viewer("admin")
    assert await programmes.programmes_of(trainer) is None
    await programmes.name_members(admin, "metro", [trainer.id])
    assert await programmes.programmes_of(trainer) is None
    assert await programmes.programmes_of(other) == {books["bank"]}
    assert await programmes.workers_on(books["metro"], "trainer") == [trainer.id]
    assert set(await programmes.workers_on(books["bank"], "trainer")) == {trainer.id, other.id}
    assert [book.code for book in await programmes.programmes(other)] == ["bank"]
    with pytest.raises(Forbidden):
        await programmes.name_members(trainer, "metro", [])
    with pytest.raises(Invalid):
        await programmes.name_members(admin, "metro", [cast.agent.id])
    await programmes.name_members(admin, "metro", [])
    assert await programmes.programmes_of(other) is None


async def test_calls_of_other_programmes_are_neither_listed_nor_loaded_nor_heard(
    a_call: CallMaker,
    cast: Cast,
    books: dict[str, UUID],
    other: Viewer,
    client: httpx.AsyncClient,
    sign_in: SignIn,
) -> None:
    theirs, mine = await a_call(rulebook="metro"), await a_call()
    assert (await service.load_recording(other, mine)).rulebook_code == "bank"  # the default
    await programmes.name_members(cast.viewer("admin"), "metro", [cast.trainer.id])
    assert [each.id for each in await service.visible_recordings(other)] == [mine]
    for load in (service.load_recording, service.load_for_hearing, service.find_recording):
        with pytest.raises(NotFound):
            await load(other, theirs)
    for who in ("trainer", "team_lead", "admin"):
        assert len(await service.visible_recordings(cast.viewer(who))) == 2
    with pytest.raises(Invalid):
        await service.receive_recording(
            other, db_path(), RecordingFields(rulebook="metro", consent_basis="contract")
        )
    await sign_in(client, cast.qa_analyst)
    for part in ("", "/audio", "/clips/new"):
        assert (await client.get(f"/calls/{theirs}{part}")).status_code == 404
    for part in ("", "/audio", "/peaks", "/transcript"):
        assert (await client.get(f"/api/v1/recordings/{theirs}{part}")).status_code == 404
    listed = (await client.get("/api/v1/recordings")).json()["items"]
    assert [item["id"] for item in listed] == [str(mine)]


def db_path() -> Path:
    return Path(__file__)


async def test_drafts_follow_the_call_and_published_clips_are_for_everybody(
    a_call: CallMaker, cast: Cast, books: dict[str, UUID], other: Viewer
) -> None:
    call = await a_call(rulebook="metro")
    fields = ClipFields(0, 2_500, title="Good morning")
    draft = await clips.create_clip(cast.viewer("trainer"), call, fields)
    await jobs.drain()
    states = ("draft", "published")
    assert len(await clips.visible_clips(other, states=states)) == 1
    await programmes.name_members(cast.viewer("admin"), "metro", [cast.trainer.id])
    assert await clips.visible_clips(other, states=states) == []
    with pytest.raises(NotFound):
        await clips.load_clip(other, draft)
    with pytest.raises(NotFound):
        await clips.edit_clip(other, draft, fields, revision=1)
    assert len(await clips.visible_clips(cast.viewer("team_lead"), states=states)) == 1


async def test_admins_name_people_on_a_page_that_members_may_read(
    cast: Cast, books: dict[str, UUID], client: httpx.AsyncClient, sign_in: SignIn
) -> None:
    await sign_in(client, cast.admin)
    page = await client.get("/rules/programmes")
    assert page.text.count("Everybody who trains or scores") >= 2
    nobody = await client.post("/rules/programmes/metro", data={"who": "named"})
    assert (nobody.status_code, "Name at least one person" in nobody.text) == (422, True)
    named = {"who": "named", "people": str(cast.trainer.id)}
    assert (await client.post("/rules/programmes/metro", data=named)).status_code == 303
    await sign_in(client, cast.trainer)
    page = await client.get("/rules/programmes")
    assert "Change who works on it" not in page.text
    assert (await client.post("/rules/programmes/metro", data=named)).status_code == 403
    await sign_in(client, cast.qa_analyst)
    assert "Metro" not in (await client.get("/rules/programmes")).text
    await sign_in(client, cast.agent)
    assert (await client.get("/rules/programmes")).status_code == 403
