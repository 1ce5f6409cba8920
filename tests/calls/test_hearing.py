"""Who sees which call, who hears it, and that every hearing is noted."""

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from datetime import timedelta
from typing import Any

import httpx
import pytest

from tests.calls.conftest import ROLES, CallMaker, Cast
from tests.web_fixtures import SignIn
from trainer import db, jobs
from trainer.calls import service
from trainer.calls.tables import Play, Recording
from trainer.problems import Forbidden, Gone, NotFound

# DESIGN's matrix, cell by cell: who sees a call of an agent in the team of `team_lead`
SEES = {"trainer", "qa_analyst", "team_lead", "admin"}
HEARS = {"trainer", "qa_analyst", "team_lead"}
EDITS = {"trainer"}
ERASES = {"trainer", "admin"}


@pytest.mark.parametrize("role", ROLES)
async def test_loading_and_listing_agree_for_each_role(a_call: CallMaker, cast: Cast, role: str) -> None:
    call = await a_call()
    viewer = cast.viewer(role)
    listed = [each.id for each in await service.visible_recordings(viewer)]
    assert listed == ([call] if role in SEES else [])
    if role not in SEES:
        with pytest.raises(NotFound):
            await service.load_recording(viewer, call)
        return
    assert (await service.load_recording(viewer, call)).may_hear is (role in HEARS)
    if role in HEARS:
        await service.load_for_hearing(viewer, call)
    else:
        with pytest.raises(Forbidden):
            await service.load_for_hearing(viewer, call)


@pytest.mark.parametrize("role", ROLES)
async def test_a_call_without_an_agent_is_no_teams_call(a_call: CallMaker, cast: Cast, role: str) -> None:
    call = await a_call(agent=None)
    sees = role in SEES - {"team_lead"}
    assert bool(await service.visible_recordings(cast.viewer(role))) is sees
    if not sees:
        with pytest.raises(NotFound):
            await service.load_recording(cast.viewer(role), call)


@pytest.mark.parametrize("role", ROLES)
async def test_pages_and_api_give_each_role_its_cells(
    client: httpx.AsyncClient, sign_in: SignIn, a_call: CallMaker, cast: Cast, role: str
) -> None:
    call = await a_call()
    page, api = f"/calls/{call}", f"/api/v1/recordings/{call}"
    await sign_in(client, getattr(cast, role))

    async def status(address: str, method: str = "GET", **given: Any) -> int:
        return (await client.request(method, address, **given)).status_code

    seen = 200 if role in SEES else 404
    heard = 200 if role in HEARS else 403 if role in SEES else 404
    assert await status("/calls") == await status("/api/v1/recordings") == (403 if role == "manager" else 200)
    assert await status(page) == await status(api) == seen
    assert await status(f"{page}/audio") == await status(f"{api}/audio") == heard
    assert await status(f"{api}/peaks") == await status(f"{api}/transcript") == heard
    words = (await client.get(page)).text
    assert ("I am lost." in words) is (role in HEARS)
    assert ("Cut a clip" in words) is (role in HEARS)
    changed = await status(api, "PATCH", json={"title": "New"}, headers={"If-Match": "*"})
    assert changed == (200 if role in EDITS else 403 if role in SEES else 404)
    assert (await status(f"{page}/edit") == 200) is (role in EDITS)
    erased = await status(api, "DELETE")
    assert erased == (204 if role in ERASES else 403 if role in SEES else 404)


async def test_a_visitor_hears_nothing(client: httpx.AsyncClient, a_call: CallMaker) -> None:
    call = await a_call()
    assert (await client.get(f"/api/v1/recordings/{call}/audio")).status_code == 401
    assert (await client.get(f"/calls/{call}/audio")).status_code in (303, 401)
    assert await Play.count() == 0


async def test_sound_comes_in_exact_ranges(
    client: httpx.AsyncClient, sign_in: SignIn, a_call: CallMaker, cast: Cast, wav: bytes
) -> None:
    call = await a_call()
    await sign_in(client, cast.trainer)
    whole = await client.get(f"/calls/{call}/audio")
    assert (whole.content, whole.headers["content-type"]) == (wav, "audio/wav")
    assert whole.headers["cache-control"] == "private, no-cache"
    part = await client.get(f"/calls/{call}/audio", headers={"Range": "bytes=100-199"})
    assert (part.status_code, part.content) == (206, wav[100:200])
    same = await client.get(f"/calls/{call}/audio", headers={"If-None-Match": whole.headers["etag"]})
    assert same.status_code == 304
    beyond = await client.get(f"/calls/{call}/audio", headers={"Range": f"bytes={len(wav)}-"})
    assert beyond.status_code == 416


async def test_a_hearing_is_noted_once_however_many_requests_the_player_makes(
    client: httpx.AsyncClient,
    sign_in: SignIn,
    a_call: CallMaker,
    cast: Cast,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    call = await a_call()
    await sign_in(client, cast.trainer)
    await client.head(f"/calls/{call}/audio")
    await client.get(f"/calls/{call}")
    assert await Play.count() == 0
    ranges = [f"bytes={start}-{start + 99}" for start in range(0, 2000, 100)]
    await asyncio.gather(*(client.get(f"/calls/{call}/audio", headers={"Range": each}) for each in ranges))
    await client.get(f"/api/v1/recordings/{call}/audio")
    assert await Play.count() == 1
    await sign_in(client, cast.qa_analyst)
    await client.get(f"/calls/{call}/audio", headers={"Range": "bytes=500-"})
    assert await Play.count() == 2
    later = db.utc_now() + timedelta(minutes=11)
    monkeypatch.setattr(db, "utc_now", lambda: later)
    await client.get(f"/calls/{call}/audio")
    assert await Play.count() == 3


async def test_admins_read_who_heard_a_call_and_nobody_else_does(
    client: httpx.AsyncClient, sign_in: SignIn, a_call: CallMaker, cast: Cast
) -> None:
    call = await a_call()
    await sign_in(client, cast.trainer)
    await client.get(f"/calls/{call}/audio")
    assert "Who heard it" not in (await client.get(f"/calls/{call}")).text
    await sign_in(client, cast.admin)
    assert "Rosa Lind" in (await client.get(f"/calls/{call}")).text.partition("Who heard it")[2]
    assert await service.plays_of(cast.viewer("trainer"), call) == []


async def test_when_its_day_is_over_a_call_is_silent_before_the_job_comes(
    a_call: CallMaker, cast: Cast, client: httpx.AsyncClient, sign_in: SignIn
) -> None:
    call = await a_call()
    await Recording.update({Recording.expires_at: db.utc_now() - timedelta(seconds=1)}).where(
        Recording.id == call
    )
    with pytest.raises(Gone):
        await service.load_for_hearing(cast.viewer("trainer"), call)
    await sign_in(client, cast.trainer)
    assert (await client.get(f"/calls/{call}/audio")).status_code == 410
    page = await client.get(f"/calls/{call}")
    assert (page.status_code, "I am lost." in page.text) == (200, False)
    assert "The day until which this call was kept is over" in page.text


async def test_a_token_with_reading_alone_changes_nothing(
    client: httpx.AsyncClient, use_token: Any, a_call: CallMaker, cast: Cast
) -> None:
    call = await a_call()
    await use_token(client, cast.trainer, "recordings:read")
    address = f"/api/v1/recordings/{call}"
    assert (await client.get(address)).status_code == 200
    assert (await client.delete(address)).status_code == 403
    assert (await client.patch(address, json={}, headers={"If-Match": "*"})).status_code == 403


async def test_list_and_page_need_few_queries(
    client: httpx.AsyncClient, sign_in: SignIn, a_call: CallMaker, cast: Cast
) -> None:
    calls = [await a_call(ready=False, title=f"Call {n}") for n in range(4)]
    await jobs.drain()
    await sign_in(client, cast.trainer)
    await client.get("/calls")
    # the page of a call: with whether a machine listens to it, and phrases to mark
    for address, most in (("/calls", 4), ("/api/v1/recordings", 4), (f"/calls/{calls[0]}", 9)):
        with db.queries_counted() as counted:
            assert (await client.get(address)).status_code == 200
        assert counted.count <= most, counted.statements


async def test_two_browsers_share_nothing(
    new_client: Callable[..., AbstractAsyncContextManager[httpx.AsyncClient]],
    sign_in: SignIn,
    a_call: CallMaker,
    cast: Cast,
) -> None:
    call = await a_call()
    async with new_client() as first, new_client() as second:
        await sign_in(first, cast.trainer)
        assert (await first.get(f"/calls/{call}/audio")).status_code == 200
        assert (await second.get(f"/calls/{call}/audio")).status_code != 200
