"""Clips over the API: create, watch, change with If-Match, publish with what is missing, page through."""

from uuid import uuid4

import httpx
import pytest

from tests.clips.conftest import CallMaker
from tests.clips.makers import Cast, fields
from tests.web_fixtures import SignIn
from trainer import jobs
from trainer.clips import service

pytestmark = pytest.mark.usefixtures("rules", "canned_sound")

CLIP = {
    "start_ms": 5_000,
    "end_ms": 14_000,
    "title": "Recap the money",
    "polarity": "exemplar",
    "rules": ["R02", "R01"],
    "cue_ms": 1_500,
    "note": "Listen",
    "redactions": [{"start_ms": 7_000, "end_ms": 8_000, "mode": "silence"}],
}


@pytest.fixture
async def api(client: httpx.AsyncClient, sign_in: SignIn, cast: Cast) -> httpx.AsyncClient:
    return await sign_in(client, cast.trainer)


async def test_a_clip_is_created_rendered_published_and_retired(api: httpx.AsyncClient, a_call: CallMaker):
    made = await api.post(f"/api/v1/recordings/{await a_call()}/clips", json=CLIP)
    assert made.status_code == 201
    address = made.headers["location"]
    created = made.json()
    assert address == f"/api/v1/clips/{created['id']}"
    assert {name: created[name] for name in CLIP} == CLIP
    assert (created["status"], created["render"], created["version"]) == ("draft", "queued", 1)
    early = await api.post(f"{address}/publish")
    assert early.status_code == 409
    assert early.json()["type"] == "/problems/clip-not-publishable"
    assert early.json()["missing"] == ["render"]
    await jobs.drain()
    ready = (await api.get(address)).json()
    assert (ready["render"], abs(ready["duration_ms"] - 9_000) <= 20) == ("ready", True)
    published = await api.post(f"{address}/publish")
    assert (published.status_code, published.json()["status"]) == (200, "published")
    assert (await api.post(f"{address}/publish")).json()["type"] == "/problems/already-published"
    retired = await api.post(f"{address}/retire")
    assert (retired.status_code, retired.json()["status"]) == (200, "retired")
    assert (await api.post(f"{address}/restore")).json()["status"] == "published"


async def test_publishing_may_say_that_nobody_listened_yet(api: httpx.AsyncClient, a_call: CallMaker):
    address = (await api.post(f"/api/v1/recordings/{await a_call()}/clips", json=CLIP)).headers["location"]
    await jobs.drain()
    refused = await api.post(f"{address}/publish", json={"privacy_checked": False})
    assert refused.json()["missing"] == ["privacy_check"]
    assert (await api.post(f"{address}/publish", content=b"not json")).status_code == 400


async def test_wrong_fields_are_all_named(api: httpx.AsyncClient, a_call: CallMaker):
    wrong = {**CLIP, "end_ms": 5_100, "rules": ["R01"], "polarity": "odd", "title": ""}
    answer = await api.post(f"/api/v1/recordings/{await a_call()}/clips", json=wrong)
    assert answer.status_code == 422
    assert {(e["field"], e["code"]) for e in answer.json()["errors"]} == {
        ("end_ms", "too-short"),
        ("polarity", "unknown"),
        ("title", "required"),
    }
    missing = await api.post(f"/api/v1/recordings/{await a_call()}/clips", json={"title": "x"})
    assert missing.status_code in (400, 422)


async def test_a_change_needs_the_present_revision(api: httpx.AsyncClient, a_call: CallMaker):
    made = await api.post(f"/api/v1/recordings/{await a_call()}/clips", json=CLIP)
    address, tag = made.headers["location"], made.headers["etag"]
    assert (await api.patch(address, json={"title": "No tag"})).status_code == 412
    changed = await api.patch(address, json={"title": "First", "start_ms": 5_500}, headers={"If-Match": tag})
    assert changed.status_code == 200
    assert (changed.json()["title"], changed.json()["note"]) == ("First", "Listen")
    # the cue stays at its moment of the call
    assert changed.json()["cue_ms"] == 1_000
    late = await api.patch(address, json={"title": "Second"}, headers={"If-Match": tag})
    assert late.status_code == 412
    assert changed.headers["etag"] != tag
    assert (await api.get(address)).json()["title"] == "First"


async def test_changing_a_published_clip_answers_the_draft_of_the_next_version(
    api: httpx.AsyncClient, a_call: CallMaker
):
    address = (await api.post(f"/api/v1/recordings/{await a_call()}/clips", json=CLIP)).headers["location"]
    await jobs.drain()
    tag = (await api.post(f"{address}/publish")).headers["etag"]
    draft = (await api.patch(address, json={"title": "Better"}, headers={"If-Match": tag})).json()
    assert (draft["status"], draft["version"], address.endswith(draft["replaces"])) == ("draft", 2, True)
    assert (await api.get(address)).json()["title"] == CLIP["title"]
    swapped = (await api.post(f"/api/v1/clips/{draft['id']}/publish")).json()
    assert (address.endswith(swapped["id"]), swapped["title"], swapped["version"]) == (True, "Better", 2)


async def test_lists_are_filtered_and_paged(api: httpx.AsyncClient, a_call: CallMaker, cast: Cast):
    viewer, recording = cast.viewer("trainer"), await a_call()
    for number in range(5):
        await service.create_clip(
            viewer, recording, fields(title=f"Clip {number}", rules=("R01",) if number % 2 else ("R02",))
        )

    async def titles(query: str) -> list[str]:
        return [c["title"] for c in (await api.get(f"/api/v1/clips?status=draft&{query}")).json()["items"]]

    assert sorted(await titles("rule=R01")) == ["Clip 1", "Clip 3"]
    assert await titles("q=clip%204") == ["Clip 4"]
    assert await titles("polarity=near_miss") == []
    assert len(await titles(f"recording={recording}")) == 5
    first = (await api.get("/api/v1/clips?status=draft&limit=3")).json()
    second = (await api.get(f"/api/v1/clips?status=draft&limit=3&cursor={first['next_cursor']}")).json()
    assert (len(first["items"]), len(second["items"]), second["next_cursor"]) == (3, 2, None)
    assert not {c["id"] for c in first["items"]} & {c["id"] for c in second["items"]}
    assert (await api.get("/api/v1/clips?cursor=nonsense")).status_code == 400
    assert (await api.get("/api/v1/clips?limit=0")).status_code == 422


async def test_unknown_ids_and_odd_ones_are_not_found(api: httpx.AsyncClient):
    for name in (str(uuid4()), "nonsense", "1"):
        assert (await api.get(f"/api/v1/clips/{name}")).status_code == 404
        assert (await api.get(f"/api/v1/clips/{name}/audio")).status_code == 404
        assert (await api.post(f"/api/v1/recordings/{name}/clips", json=CLIP)).status_code == 404


async def test_a_list_costs_no_more_queries_with_more_clips(
    api: httpx.AsyncClient, a_call: CallMaker, cast: Cast, count_queries: object
):
    viewer, recording = cast.viewer("trainer"), await a_call()
    counts = []
    for _ in range(2):
        for number in range(4):
            await service.create_clip(viewer, recording, fields(title=f"Clip {number}"))
        with count_queries() as counted:  # type: ignore[operator]
            assert (await api.get("/api/v1/clips?status=draft")).status_code == 200
        counts.append(counted.count)
    assert counts == [4, 4], counted.statements
