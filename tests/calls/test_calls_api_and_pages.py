"""The list, the edit and the peaks of calls, as a program and as a person use them."""

import re
from typing import Any
from uuid import UUID

import httpx
import pytest

from tests.calls.conftest import CallMaker, Cast
from tests.factories import a_rule
from tests.web_fixtures import SignIn
from trainer import db
from trainer.calls import service
from trainer.calls.service import RecordingFields
from trainer.calls.tables import Recording
from trainer.problems import PreconditionFailed
from trainer.storage import storage


@pytest.fixture
async def trainer(client: httpx.AsyncClient, sign_in: SignIn, cast: Cast) -> httpx.AsyncClient:
    return await sign_in(client, cast.trainer)


async def many_calls(cast: Cast, count: int) -> list[UUID]:
    """Rows alone, made at the same moment so that only the id tells them apart."""
    at = db.utc_now()
    rows = [
        Recording(
            id=db.new_id(),
            title=f"Call 100%_{n}" if n == 7 else f"Call {n}",
            state="ready",
            agent=cast.agent.id if n % 2 else None,
            consent_basis="contract",
            created_at=at,
        )
        for n in range(count)
    ]
    await Recording.insert(*rows)
    return [row.id for row in rows]


async def test_the_list_is_paged_without_gaps_or_doubles(trainer: httpx.AsyncClient, cast: Cast) -> None:
    made = await many_calls(cast, 23)
    seen: list[str] = []
    address: str | None = "/api/v1/recordings?limit=5"
    while address:
        page = (await trainer.get(address)).json()
        seen += [each["id"] for each in page["items"]]
        cursor = page["next_cursor"]
        address = f"/api/v1/recordings?limit=5&cursor={cursor}" if cursor else None
    assert sorted(seen) == sorted(map(str, made))
    assert len(set(seen)) == 23
    assert (await trainer.get("/api/v1/recordings?cursor=WyJhIl0")).status_code == 400
    assert (await trainer.get("/api/v1/recordings?status=odd")).status_code == 422
    only = (await trainer.get(f"/api/v1/recordings?limit=200&agent={cast.agent.id}")).json()["items"]
    assert len(only) == 11


async def test_the_page_shows_more_on_demand(trainer: httpx.AsyncClient, cast: Cast) -> None:
    await many_calls(cast, 35)
    first = (await trainer.get("/calls")).text
    assert len(re.findall(r'href="/calls/[0-9a-f-]{36}"', first)) == 30
    more = re.search(r'hx-get="([^"]+cursor=[^"]+)"', first)
    assert more is not None
    rest = (await trainer.get(more[1].replace("&amp;", "&"), headers={"HX-Request": "true"})).text
    assert len(re.findall(r'href="/calls/[0-9a-f-]{36}"', rest)) == 5
    assert "<html" not in rest
    assert "cursor=" not in rest


@pytest.mark.parametrize(("q", "found"), [("call 1", 12), ("AMARA", 10), ("100%_", 1), ("%", 1), ("xyz", 0)])
async def test_search_looks_in_titles_and_agents(
    trainer: httpx.AsyncClient, cast: Cast, q: str, found: int
) -> None:
    await many_calls(cast, 20)
    listed = (await trainer.get("/api/v1/recordings", params={"q": q, "limit": "200"})).json()["items"]
    assert len(listed) == found
    page = await trainer.get("/calls", params={"q": q}, headers={"HX-Request": "true"})
    assert ("No call fits" in page.text) is (found == 0)


async def test_states_narrow_the_list(trainer: httpx.AsyncClient, a_call: CallMaker) -> None:
    ready, processing = await a_call(title="Old one"), await a_call(ready=False, title="New one")
    listed = (await trainer.get("/calls?status=processing")).text
    assert str(processing) in listed
    assert str(ready) not in listed
    assert 'hx-get="/jobs/' in listed


async def test_empty_lists_say_the_next_step(client: httpx.AsyncClient, sign_in: SignIn, cast: Cast) -> None:
    said = {
        "trainer": "Upload your first call",
        "qa_analyst": "Upload your first call",
        "admin": "Upload your first call",
        "team_lead": "No calls of your team yet",
        "agent": "None of your calls yet",
    }
    for role, text in said.items():
        await sign_in(client, getattr(cast, role))
        page = (await client.get("/calls")).text
        assert text in page
        assert ("Upload a call" in page) is (said[role] == "Upload your first call")


# Editing


async def test_what_is_known_of_a_call_is_changed_with_if_match(
    trainer: httpx.AsyncClient, a_call: CallMaker, cast: Cast
) -> None:
    await a_rule("T1")
    address = f"/api/v1/recordings/{await a_call(csat=3)}"
    read = await trainer.get(address)
    changes: dict[str, Any] = {
        "title": "Found the exit",
        "agent": None,
        "csat": 5,
        "staged": True,
        "called_at": "2026-01-02T03:04:05Z",
        "rulebook": "test",
        "retain_until": "2999-12-31",
    }
    assert (await trainer.patch(address, json=changes)).status_code == 412
    changed = await trainer.patch(address, json=changes, headers={"If-Match": read.headers["etag"]})
    assert changed.status_code == 200, changed.text
    expected = {**read.json(), **changes, "called_at": "2026-01-02T03:04:05.000Z"}
    assert changed.json() == expected
    for name, beyond in (("retain_until", "9999-12-31"), ("called_at", "0001-01-01T00:00:00Z")):
        tag = {"If-Match": changed.headers["etag"]}
        refused = await trainer.patch(address, json={name: beyond}, headers=tag)
        assert (refused.status_code, refused.json()["errors"][0]["field"]) == (422, name)
    stale = await trainer.patch(address, json={"csat": 1}, headers={"If-Match": read.headers["etag"]})
    assert stale.status_code == 412
    cleared = await trainer.patch(
        address, json={"retain_until": None}, headers={"If-Match": changed.headers["etag"]}
    )
    assert cleared.json() == {**expected, "retain_until": None}


async def test_the_language_of_a_call_stays(trainer: httpx.AsyncClient, a_call: CallMaker) -> None:
    address = f"/api/v1/recordings/{await a_call()}"
    answer = await trainer.patch(address, json={"language": "zh-Hans"}, headers={"If-Match": "*"})
    assert answer.status_code == 422
    for wrong in ({"csat": 9}, {"agent": "nobody"}, {"consent_basis": "habit"}, {"title": "x" * 201}):
        answer = await trainer.patch(address, json=wrong, headers={"If-Match": "*"})
        assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, next(iter(wrong)))


async def test_the_edit_page_saves_and_keeps_what_was_typed(
    trainer: httpx.AsyncClient, a_call: CallMaker, cast: Cast
) -> None:
    call = await a_call(csat=3)
    page = (await trainer.get(f"/calls/{call}/edit")).text
    assert 'value="Lost at the exit"' in page
    typed = {
        "revision": "1",
        "title": "Found the exit",
        "agent": "",
        "csat": "nine",
        "called_at": "2026-01-02T03:04",
        "consent_basis": "consent",
        "retain_until": "",
        "rulebook": "",
    }
    refused = await trainer.post(f"/calls/{call}/edit", data=typed)
    assert refused.status_code == 422
    assert 'value="Found the exit"' in refused.text
    assert "Satisfaction is a number from 1 to 5." in refused.text
    assert (await trainer.post(f"/calls/{call}/edit", data={**typed, "csat": "4"})).status_code == 303
    saved = await service.load_recording(cast.viewer("trainer"), call)
    assert (saved.title, saved.csat, saved.agent, saved.consent_basis) == (
        "Found the exit",
        4,
        None,
        "consent",
    )
    assert (await trainer.post(f"/calls/{call}/edit", data={**typed, "csat": "4"})).status_code == 412


async def test_two_trainers_save_and_the_second_is_told(a_call: CallMaker, cast: Cast) -> None:
    call = await a_call()
    viewer = cast.viewer("trainer")
    await service.edit_recording(
        viewer, call, RecordingFields(title="One", consent_basis="contract"), expected=1
    )
    with pytest.raises(PreconditionFailed):
        await service.edit_recording(
            viewer, call, RecordingFields(title="Two", consent_basis="contract"), expected=1
        )
    assert (await service.load_recording(viewer, call)).title == "One"


# Peaks


async def test_peaks_are_of_a_window_and_of_a_channel(trainer: httpx.AsyncClient, a_call: CallMaker) -> None:
    address = f"/api/v1/recordings/{await a_call()}/peaks"
    whole = (await trainer.get(f"{address}?points=300")).json()
    assert (whole["start_ms"], whole["end_ms"], whole["channels"]) == (0, 3000, 2)
    part = (await trainer.get(f"{address}?points=100&start_ms=1000&end_ms=2000")).json()["peaks"]
    assert part == whole["peaks"][100:200]
    left = (await trainer.get(f"{address}?points=300&channel=0")).json()["peaks"]
    right = (await trainer.get(f"{address}?points=300&channel=1")).json()["peaks"]
    assert left != right
    assert [max(pair) for pair in zip(left, right, strict=True)] == whole["peaks"]
    for wrong in ("points=0", "points=20001", "start_ms=-1", "start_ms=3000", "end_ms=3001", "channel=2"):
        assert (await trainer.get(f"{address}?{wrong}")).status_code == 422
    assert (await trainer.get(f"{address}?points=many")).status_code == 422


async def test_ids_that_name_nothing_are_404(trainer: httpx.AsyncClient) -> None:
    for name in ("00000000-0000-4000-8000-000000000000", "nonsense"):
        assert (await trainer.get(f"/api/v1/recordings/{name}")).status_code == 404
        assert (await trainer.get(f"/calls/{name}")).status_code == 404


async def test_the_upload_is_described_in_openapi(trainer: httpx.AsyncClient) -> None:
    document = (await trainer.get("/schema/openapi.json")).json()
    body = document["paths"]["/api/v1/recordings"]["post"]["requestBody"]
    form = body["content"]["multipart/form-data"]["schema"]
    assert form["required"] == ["audio", "consent_basis"]
    assert {"audio", "transcript", "agent", "called_at", "retain_until", "csat"} <= set(form["properties"])


async def test_a_call_whose_waveform_is_lost_can_still_be_read(
    trainer: httpx.AsyncClient, a_call: CallMaker, cast: Cast
) -> None:
    call = await a_call()
    found = await service.load_recording(cast.viewer("trainer"), call)
    await storage().delete(found.peaks_key)
    page = await trainer.get(f"/calls/{call}")
    assert (page.status_code, "I am lost." in page.text) == (200, True)
    assert (await trainer.get(f"/api/v1/recordings/{call}/peaks")).status_code == 503


async def test_the_page_names_the_programme_as_people_do(
    trainer: httpx.AsyncClient, a_call: CallMaker
) -> None:
    rule = await a_rule()
    call = await a_call(rulebook=rule.rulebook_code)
    page = (await trainer.get(f"/calls/{call}")).text
    assert "<dt>Programme</dt><dd>Test book</dd>" in page
