"""The clip row of the rights matrix, cell by cell, by API and pages; lists and loaders must agree."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import httpx
import pytest

from tests.clips.conftest import CallMaker
from tests.clips.makers import Cast, agreed, fields
from tests.web_fixtures import SignIn
from trainer import jobs
from trainer.clips import service
from trainer.clips.keeping import credit
from trainer.problems import Problem
from trainer.web.api import revision_tag

pytestmark = pytest.mark.usefixtures("rules", "canned_sound")

EVERYBODY = ["agent", "trainer", "analyst", "lead", "other_lead", "manager", "admin"]
DRAFTS = {"trainer", "analyst", "lead"}
CUTTERS = {"trainer", "analyst", "lead"}


@dataclass
class Shelf:
    """A clip in each state, all cut from a call of an agent of the lead's team."""

    recording: UUID
    draft: UUID
    published: UUID
    retired: UUID


@pytest.fixture
async def shelf(cast: Cast, a_call: CallMaker) -> Shelf:
    trainer, recording = cast.viewer("trainer"), await a_call()
    made = [await service.create_clip(trainer, recording, fields(title=f"Clip {n}")) for n in range(3)]
    await jobs.drain()
    for clip in made[1:]:
        await service.publish_clip(trainer, clip, review="self", privacy_checked=True)
    await service.retire_clip(trainer, made[2])
    return Shelf(recording, *made)


Knock = Callable[..., "AsyncIterator[httpx.Response]"]


@pytest.fixture
async def browser(
    new_client: Callable[..., AbstractAsyncContextManager[httpx.AsyncClient]], sign_in: SignIn, cast: Cast
) -> Callable[[str], AbstractAsyncContextManager[httpx.AsyncClient]]:
    """`async with browser("agent") as client`: a browser of one of the cast."""
    from contextlib import asynccontextmanager

    @asynccontextmanager
    async def opened(who: str) -> AsyncIterator[httpx.AsyncClient]:
        async with new_client() as client:
            yield await sign_in(client, getattr(cast, who))

    return opened  # type: ignore[return-value]


Browser = Callable[[str], AbstractAsyncContextManager[httpx.AsyncClient]]


def body(**changes: Any) -> dict[str, Any]:
    return {"start_ms": 5000, "end_ms": 9000, "title": "By the API", "rules": ["R01"], **changes}


@pytest.mark.parametrize("who", EVERYBODY)
async def test_drafts_are_seen_by_those_who_make_them(shelf: Shelf, browser: Browser, who: str):
    expected = 200 if who in DRAFTS else 404
    async with browser(who) as client:
        for part in ("", "/audio", "/transcript.vtt"):
            assert (await client.get(f"/api/v1/clips/{shelf.draft}{part}")).status_code == expected
            assert (await client.get(f"/clips/{shelf.draft}{part}")).status_code == expected
        listed = (await client.get("/api/v1/clips?status=draft")).json()["items"]
        assert [item["id"] for item in listed] == ([str(shelf.draft)] if who in DRAFTS else [])
        assert (str(shelf.draft) in (await client.get("/clips?state=draft")).text) == (who in DRAFTS)


@pytest.mark.parametrize("who", EVERYBODY)
async def test_published_clips_are_heard_by_everybody(shelf: Shelf, browser: Browser, who: str):
    async with browser(who) as client:
        for address in (f"/api/v1/clips/{shelf.published}", f"/clips/{shelf.published}"):
            for part in ("", "/audio"):
                assert (await client.get(address + part)).status_code == 200
        listed = (await client.get("/api/v1/clips")).json()["items"]
        assert [item["id"] for item in listed] == [str(shelf.published)]
        shown = (await client.get("/clips")).text
        assert str(shelf.published) in shown
        assert str(shelf.retired) not in shown


@pytest.mark.parametrize("who", EVERYBODY)
async def test_retired_clips_are_heard_by_trainers(shelf: Shelf, browser: Browser, who: str):
    expected = 200 if who == "trainer" else 404
    async with browser(who) as client:
        for address in (f"/api/v1/clips/{shelf.retired}", f"/clips/{shelf.retired}"):
            for part in ("", "/audio"):
                assert (await client.get(address + part)).status_code == expected
        listed = (await client.get("/api/v1/clips?status=retired")).json()["items"]
        assert bool(listed) == (who == "trainer")


@pytest.mark.parametrize("who", EVERYBODY)
async def test_lists_and_loaders_agree(shelf: Shelf, cast: Cast, who: str):
    viewer = cast.viewer(who)
    states = ("draft", "in_review", "published", "retired")
    listed = {clip.id for clip in await service.visible_clips(viewer, states=states)}
    loaded = set()
    for clip in (shelf.draft, shelf.published, shelf.retired):
        try:
            loaded.add((await service.load_clip(viewer, clip)).id)
        except Problem:
            continue
    assert listed == loaded


@pytest.mark.parametrize("who", EVERYBODY)
async def test_clips_are_cut_by_trainers_analysts_and_the_teams_lead(
    shelf: Shelf, browser: Browser, who: str
):
    async with browser(who) as client:
        made = await client.post(f"/api/v1/recordings/{shelf.recording}/clips", json=body())
        page = await client.get(f"/calls/{shelf.recording}/clips/new")
        typed = {"start": "0:05", "end": "0:09", "title": "By the page", "polarity": "exemplar"}
        sent = await client.post(f"/calls/{shelf.recording}/clips/new", data=typed)
        if who in CUTTERS:
            assert (made.status_code, page.status_code, sent.status_code) == (201, 200, 303)
        else:
            assert made.status_code in (403, 404)
            assert page.status_code in (403, 404)
            assert sent.status_code in (403, 404)


@pytest.mark.parametrize("who", EVERYBODY)
async def test_clips_are_edited_by_trainers(shelf: Shelf, browser: Browser, cast: Cast, who: str):
    revision = (await service.load_clip(cast.viewer("trainer"), shelf.draft)).revision
    async with browser(who) as client:
        changed = await client.patch(
            f"/api/v1/clips/{shelf.draft}",
            json={"title": "New"},
            headers={"If-Match": revision_tag(revision)},
        )
        page = await client.get(f"/clips/{shelf.draft}/edit")
        if who == "trainer":
            assert (changed.status_code, page.status_code) == (200, 200)
        else:
            assert changed.status_code == (403 if who in DRAFTS else 404)
            assert page.status_code == 403


@pytest.mark.parametrize("who", EVERYBODY)
@pytest.mark.parametrize(
    ("action", "clip", "needs_sight"),
    [
        ("publish", "draft", DRAFTS),
        ("retire", "published", set(EVERYBODY)),
        ("restore", "retired", {"trainer"}),
    ],
)
async def test_clips_are_published_retired_and_restored_by_trainers(
    shelf: Shelf, browser: Browser, who: str, action: str, clip: str, needs_sight: set[str]
):
    async with browser(who) as client:
        page = await client.post(f"/clips/{getattr(shelf, clip)}/{action}", data={"privacy_checked": "1"})
        if who != "trainer":
            assert page.status_code == 403
            answer = await client.post(f"/api/v1/clips/{getattr(shelf, clip)}/{action}")
            assert answer.status_code == (403 if who in needs_sight else 404)
        else:
            assert page.status_code == 303


@pytest.mark.parametrize("who", EVERYBODY)
async def test_drafts_are_deleted_by_trainers_and_admins(shelf: Shelf, browser: Browser, who: str):
    async with browser(who) as client:
        answer = await client.delete(f"/api/v1/clips/{shelf.draft}")
    allowed = {"trainer": 204, "admin": 204}
    assert answer.status_code == allowed.get(who, 403 if who in DRAFTS else 404)


@pytest.mark.parametrize("who", ["analyst", "lead"])
async def test_whoever_cut_a_draft_hands_it_in(shelf: Shelf, browser: Browser, who: str):
    async with browser(who) as client:
        own = (await client.post(f"/api/v1/recordings/{shelf.recording}/clips", json=body())).json()["id"]
        assert (await client.post(f"/api/v1/clips/{own}/submit")).json()["status"] == "in_review"
        assert (await client.post(f"/api/v1/clips/{shelf.draft}/submit")).status_code == 403


async def test_a_visitor_is_asked_to_sign_in(shelf: Shelf, client: httpx.AsyncClient):
    assert (await client.get(f"/clips/{shelf.published}")).status_code == 303
    assert (await client.get("/clips")).status_code == 303
    for address in (f"/api/v1/clips/{shelf.published}/audio", "/api/v1/clips"):
        answer = await client.get(address)
        assert (answer.status_code, "www-authenticate" in answer.headers) == (401, True)


async def test_a_token_reaches_no_further_than_its_scopes(
    shelf: Shelf, cast: Cast, new_client: Any, use_token: Any
):
    async with new_client() as reading:
        await use_token(reading, cast.trainer, "clips:read")
        assert (await reading.get(f"/api/v1/clips/{shelf.draft}")).status_code == 200
        assert (await reading.post(f"/api/v1/clips/{shelf.draft}/publish")).status_code == 403
    async with new_client() as other:
        await use_token(other, cast.trainer, "rules:read")
        assert (await other.get(f"/api/v1/clips/{shelf.published}/audio")).status_code == 403


async def test_an_agent_is_named_only_where_it_went_well_and_they_say_so(
    cast: Cast, a_call: CallMaker, browser: Browser
):
    trainer, recording = cast.viewer("trainer"), await a_call()
    good = await service.create_clip(trainer, recording, fields())
    poor = await service.create_clip(trainer, recording, fields(polarity="counterexample"))
    await jobs.drain()
    await agreed(cast, poor)
    for clip in (good, poor):
        await service.publish_clip(trainer, clip, review="self", privacy_checked=True)
    async with browser("trainer") as client:  # whoever works with the call knows
        assert (await client.get(f"/api/v1/clips/{good}")).json()["agent"]["name"] == "Amara Nwosu"
    async with browser("manager") as client:
        assert (await client.get(f"/api/v1/clips/{good}")).json()["agent"] is None
        await credit.choose_credit(cast.viewer("agent"), good, named=True)
        assert (await client.get(f"/api/v1/clips/{good}")).json()["agent"]["name"] == "Amara Nwosu"
        assert "Amara" in (await client.get(f"/clips/{good}")).text
        await credit.choose_credit(cast.viewer("agent"), good, named=False)
        assert "Amara" not in (await client.get(f"/clips/{good}")).text
        assert (await client.get(f"/api/v1/clips/{poor}")).json()["agent"] is None
        assert "Amara" not in (await client.get(f"/clips/{poor}")).text
