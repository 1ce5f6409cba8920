"""What ends: erasing with a proof, the keep-until day, and nothing left lying about."""

import asyncio
import os
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import httpx
import pytest

from tests.calls.conftest import CallMaker, Cast, Traces
from tests.web_fixtures import SignIn
from trainer import db, jobs, storage
from trainer.calls import jobs as call_jobs
from trainer.calls import keeping, service
from trainer.calls.tables import Recording, Segment
from trainer.people.erasing import erase_person
from trainer.people.tables import AuditEntry
from trainer.problems import Gone, Invalid
from trainer.settings import Settings

Counter = Callable[[], Awaitable[Traces]]
GONE = Traces(rows=1, lines=0, jobs=0, objects=0, incoming=0)
CONTEXT: Any = None


async def test_erasing_takes_everything_at_once_and_leaves_a_proof(
    a_call: CallMaker, cast: Cast, traces: Counter
) -> None:
    call = await a_call(called_at=db.utc_now() - timedelta(days=3), csat=2)
    await service.erase_recording(cast.viewer("trainer"), call, " The caller asked for it. ")
    left = await traces()
    assert (left.lines, left.objects) == (0, 0)
    row = await Recording.select().where(Recording.id == call).first()
    assert row is not None
    assert (row["state"], row["erased_why"], row["erased_by"]) == (
        "erased",
        "The caller asked for it.",
        cast.trainer.id,
    )
    assert row["erased_at"] is not None
    for name in ("title", "object_key", "peaks_key", "sha256"):
        assert row[name] == ""
    for name in ("agent", "called_at", "csat"):
        assert row[name] is None
    [entry] = await AuditEntry.select().where(AuditEntry.action == "recording_erased")
    assert "asked" not in str(entry["detail"])
    await jobs.drain()
    assert await traces() == GONE


async def test_upper_rooms_are_told_once(a_call: CallMaker, cast: Cast) -> None:
    heard: list[dict[str, Any]] = []

    @jobs.on("recording_erased")
    async def listen(context: jobs.JobContext, event: dict[str, Any]) -> None:
        heard.append(event)

    try:
        call = await a_call()
        answers = await asyncio.gather(
            *(service.erase_recording(cast.viewer("admin"), call, "Asked") for _ in range(3)),
            return_exceptions=True,
        )
        assert [type(answer) for answer in answers].count(Gone) == 2, answers
        await jobs.drain()
    finally:
        jobs._subscribers["recording_erased"].remove("recording_erased:tests.calls.test_erasing.listen")
    assert heard == [{"recording": str(call)}]


async def test_the_page_asks_for_a_reason_and_then_shows_the_proof(
    client: httpx.AsyncClient, sign_in: SignIn, a_call: CallMaker, cast: Cast
) -> None:
    call = await a_call()
    await sign_in(client, cast.admin)
    refused = await client.post(f"/calls/{call}/erase", data={"why": " "})
    assert refused.status_code == 422
    assert "Say in a sentence why it is erased" in refused.text
    erased = await client.post(f"/calls/{call}/erase", data={"why": "The caller asked for it."})
    assert erased.status_code == 303
    proof = await client.get(erased.headers["location"])
    assert proof.status_code == 410
    for text in ("This call was erased", "The caller asked for it.", "Ingrid Dahl"):
        assert text in proof.text
    for text in ("Lost at the exit", "Amara Nwosu", "I am lost."):
        assert text not in proof.text
    for address in (f"/calls/{call}/audio", f"/calls/{call}/edit"):
        assert (await client.get(address)).status_code in (403, 410)
    listed = await client.get("/calls")
    assert str(call) not in listed.text
    assert str(call) in (await client.get("/calls?status=erased")).text


async def test_the_api_answers_410_from_then_on(
    client: httpx.AsyncClient, sign_in: SignIn, a_call: CallMaker, cast: Cast
) -> None:
    call = await a_call()
    address = f"/api/v1/recordings/{call}"
    await sign_in(client, cast.trainer)
    assert (await client.delete(f"{address}?reason=Asked")).status_code == 204
    for path in ("", "/audio", "/peaks", "/transcript"):
        answer = await client.get(address + path)
        assert (answer.status_code, answer.json()["type"]) == (410, "/problems/erased")
    assert (await client.delete(address)).status_code == 410
    assert (await client.patch(address, json={}, headers={"If-Match": "*"})).status_code == 410
    listed = (await client.get("/api/v1/recordings?status=erased")).json()["items"]
    assert [(each["id"], each["title"], each["agent"]) for each in listed] == [(str(call), "", None)]


async def test_a_reason_is_needed(a_call: CallMaker, cast: Cast) -> None:
    call = await a_call()
    for reason in ("", "  ", "x" * 501):
        with pytest.raises(Invalid):
            await service.erase_recording(cast.viewer("trainer"), call, reason)


async def test_erased_while_it_is_prepared_nothing_comes_back(
    a_call: CallMaker, cast: Cast, traces: Counter, monkeypatch: pytest.MonkeyPatch
) -> None:
    call = await a_call(ready=False)
    decode = call_jobs.in_child

    async def and_erase(*given: Any, **named: Any) -> Any:
        measured = await decode(*given, **named)
        await service.erase_recording(cast.viewer("trainer"), call, "Asked")
        await db.fetch("DELETE FROM job WHERE name = 'remove_call_objects'")  # another worker did it already
        return measured

    monkeypatch.setattr(call_jobs, "in_child", and_erase)
    await jobs.drain()
    assert await traces() == GONE
    row = await Recording.select(Recording.state).first()
    assert row is not None
    assert row["state"] == "erased"


async def test_a_storage_that_is_away_only_delays_the_removal(
    a_call: CallMaker, cast: Cast, traces: Counter, monkeypatch: pytest.MonkeyPatch
) -> None:
    call = await a_call()

    async def away(self: Any, key: str) -> None:
        raise storage.StorageError("unreachable")

    with monkeypatch.context() as broken:
        broken.setattr(storage.FolderStorage, "delete", away)
        with pytest.raises(storage.StorageError):
            await service.erase_recording(cast.viewer("trainer"), call, "Asked")
    with pytest.raises(Gone):
        await service.load_recording(cast.viewer("trainer"), call)
    assert (await traces()).objects == 2
    await jobs.drain()
    assert (await traces()).objects == 0


async def test_past_its_keep_until_day_a_call_is_erased_by_itself(
    a_call: CallMaker, cast: Cast, traces: Counter
) -> None:
    now = db.utc_now()
    kept = await a_call(title="Kept")
    over = await a_call(retain_until=(now + timedelta(days=2)).date(), expires_at=now + timedelta(days=2))
    await jobs.drain(now + timedelta(days=1))
    assert (await service.load_recording(cast.viewer("trainer"), over)).state == "ready"
    await jobs.drain(now + timedelta(days=3))
    proof = await service.find_recording(cast.viewer("trainer"), over)
    assert (proof.state, proof.erased_why, proof.erased_by) == ("erased", "retain_until", None)
    assert (await service.load_recording(cast.viewer("trainer"), kept)).state == "ready"
    assert (await traces()).objects == 2
    assert await Segment.count() == 2


async def test_one_that_was_extended_meanwhile_stays(
    a_call: CallMaker, cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    call = await a_call()

    async def found_before_the_edit(now: Any) -> list[Any]:
        return [call]

    monkeypatch.setattr(keeping.queries, "due_to_expire", found_before_the_edit)
    await keeping.expire_recordings(CONTEXT)
    assert (await service.load_recording(cast.viewer("trainer"), call)).state == "ready"


async def test_a_half_way_expired_one_is_finished_the_next_time(a_call: CallMaker, cast: Cast) -> None:
    call = await a_call()
    await Recording.update({Recording.state: "expired"}).where(Recording.id == call)
    await keeping.expire_recordings(CONTEXT)
    assert (await service.find_recording(cast.viewer("trainer"), call)).state == "erased"


async def test_objects_that_no_row_names_are_swept_once_they_are_old(
    a_call: CallMaker, settings: Settings, traces: Counter
) -> None:
    await a_call()
    stray = db.new_id()
    for key in call_jobs.keys_of(stray):
        await storage.storage().put_bytes(key, b"left by a killed upload")
    await storage.storage().put_bytes("clips/ab/other", b"not ours")
    await call_jobs.remove_strays()
    assert (await traces()).objects == 5
    for path in (settings.data / "objects").rglob("*"):
        if path.is_file():
            os.utime(path, (0, 0))
    assert await call_jobs.remove_strays() == 2
    assert (await traces()).objects == 3


async def test_with_a_person_goes_every_recording_of_their_voice(
    a_call: CallMaker, cast: Cast, traces: Counter, client: httpx.AsyncClient, sign_in: SignIn
) -> None:
    call = await a_call()
    of_another = await a_call(agent=cast.trainer.id, title="Not theirs")
    await erase_person(cast.viewer("admin"), cast.agent.id, cast.agent.name)
    await jobs.drain()
    left = await Recording.select().order_by(Recording.created_at)
    assert {row["id"]: row["state"] for row in left} == {call: "erased", of_another: "ready"}
    await sign_in(client, cast.admin)
    assert "The person whose voice it held was erased" in (await client.get(f"/calls/{call}")).text
