"""A POST sent twice with the same Idempotency-Key is carried out once."""

import asyncio
from datetime import timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest

from tests.factories import a_person, a_viewer
from trainer import db, jobs
from trainer.people import api as people_api
from trainer.people.erasing import erase_person
from trainer.people.tables import Team
from trainer.web import api
from trainer.web.api import IdempotencyKey

KEY = {"Idempotency-Key": "one"}


@pytest.fixture
async def admin(client: httpx.AsyncClient, use_token: Any) -> httpx.AsyncClient:
    return await use_token(client, await a_person("admin"))


async def test_the_second_sender_gets_the_first_answer_and_nothing_is_done_twice(
    admin: httpx.AsyncClient,
) -> None:
    first = await admin.post("/api/v1/teams", json={"name": "Harbour"}, headers=KEY)
    second = await admin.post("/api/v1/teams", json={"name": "Harbour"}, headers=KEY)
    assert first.status_code == second.status_code == 201
    assert first.json() == second.json()
    assert first.headers["location"] == second.headers["location"]
    assert second.headers["content-type"] == first.headers["content-type"]
    assert "idempotent-replayed" not in first.headers
    assert second.headers["idempotent-replayed"] == "true"
    assert await Team.count() == 1


async def test_of_many_at_the_same_moment_one_is_carried_out(admin: httpx.AsyncClient) -> None:
    answers = await asyncio.gather(
        *(admin.post("/api/v1/teams", json={"name": "Harbour"}, headers=KEY) for _n in range(6))
    )
    assert await Team.count() == 1
    assert {answer.status_code for answer in answers} <= {201, 409}
    for answer in answers:
        if answer.status_code == 409:
            assert answer.json()["type"] == "/problems/in-progress"


async def test_a_key_belongs_to_one_request(admin: httpx.AsyncClient) -> None:
    await admin.post("/api/v1/teams", json={"name": "Harbour"}, headers=KEY)
    for path, body in (("/api/v1/teams", {"name": "Other"}), ("/api/v1/people", {"name": "Harbour"})):
        answer = await admin.post(path, json=body, headers=KEY)
        assert answer.status_code == 422
        assert answer.json()["type"] == "/problems/idempotency-key-reused"
    assert await Team.count() == 1


async def test_a_key_belongs_to_one_person(admin: httpx.AsyncClient, new_client: Any, use_token: Any) -> None:
    await admin.post("/api/v1/teams", json={"name": "Harbour"}, headers=KEY)
    async with new_client() as other:
        await use_token(other, await a_person("admin"))
        answer = await other.post("/api/v1/teams", json={"name": "Lantern"}, headers=KEY)
    assert answer.status_code == 201


async def test_a_refused_request_may_be_mended_and_sent_again(admin: httpx.AsyncClient) -> None:
    refused = await admin.post("/api/v1/teams", json={"name": ""}, headers=KEY)
    assert refused.status_code == 422
    mended = await admin.post("/api/v1/teams", json={"name": "Harbour"}, headers=KEY)
    assert mended.status_code == 201


async def test_a_failed_request_may_be_sent_again(
    admin: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    create = people_api.teams.create_team

    async def fails(*_args: Any, **_kwargs: Any) -> Any:
        raise RuntimeError

    monkeypatch.setattr(people_api.teams, "create_team", fails)
    assert (await admin.post("/api/v1/teams", json={"name": "Harbour"}, headers=KEY)).status_code == 500
    monkeypatch.setattr(people_api.teams, "create_team", create)
    assert (await admin.post("/api/v1/teams", json={"name": "Harbour"}, headers=KEY)).status_code == 201


async def test_what_was_cut_off_is_not_done_again_by_itself(admin: httpx.AsyncClient) -> None:
    """The process may have died before or after its commit: only a person can tell."""
    await admin.post("/api/v1/teams", json={"name": "Harbour"}, headers=KEY)
    await IdempotencyKey.update({IdempotencyKey.status: None}, force=True)
    soon = await admin.post("/api/v1/teams", json={"name": "Harbour"}, headers=KEY)
    assert (soon.status_code, soon.json()["type"]) == (409, "/problems/in-progress")
    await IdempotencyKey.update({IdempotencyKey.at: db.utc_now() - timedelta(minutes=16)}, force=True)
    later = await admin.post("/api/v1/teams", json={"name": "Harbour"}, headers=KEY)
    assert (later.status_code, later.json()["type"]) == (409, "/problems/outcome-unknown")
    assert await Team.count() == 1


async def test_keys_are_kept_for_a_day(admin: httpx.AsyncClient) -> None:
    await admin.post("/api/v1/teams", json={"name": "Harbour"}, headers=KEY)
    await IdempotencyKey.update({IdempotencyKey.at: db.utc_now() - timedelta(days=1, seconds=1)}, force=True)
    assert (await admin.post("/api/v1/teams", json={"name": "Lantern"}, headers=KEY)).status_code == 201
    assert await IdempotencyKey.count() == 1


async def test_after_a_day_an_answer_is_gone_also_where_nobody_sends_a_key_any_more(
    admin: httpx.AsyncClient,
) -> None:
    await admin.post("/api/v1/teams", json={"name": "Harbour"}, headers=KEY)
    await jobs.drain(db.utc_now() + timedelta(hours=20))
    assert await IdempotencyKey.count() == 1
    await jobs.drain(db.utc_now() + timedelta(hours=26))
    assert await IdempotencyKey.count() == 0


@pytest.mark.parametrize("event", ["person_erased", "recording_erased"])
async def test_an_erasure_forgets_every_answer_and_nothing_is_done_twice(
    admin: httpx.AsyncClient, event: str
) -> None:
    """Which of them names whom is not known."""
    person = {"name": "Amara Nwosu", "email": "amara@encore.example", "birthday": "05-09"}
    made = await admin.post("/api/v1/people", json=person, headers=KEY)
    assert "Amara" in str(await IdempotencyKey.select())
    if event == "person_erased":
        await erase_person(await a_viewer("admin"), UUID(made.json()["id"]), "Amara Nwosu")
    else:
        await jobs.publish(event, {"recording": str(db.new_id())})
    await jobs.drain()
    rows = str(await IdempotencyKey.select())
    for trace in ("Amara", "amara", "05-09", made.json()["id"]):
        assert trace not in rows, trace
    again = await admin.post("/api/v1/people", json=person, headers=KEY)
    assert (again.status_code, again.json()["type"]) == (409, "/problems/answer-forgotten")
    assert "Look it up" in again.json()["detail"]
    other = await admin.post("/api/v1/people", json={**person, "email": "other@encore.example"}, headers=KEY)
    assert other.json()["type"] == "/problems/idempotency-key-reused"


async def test_an_erasure_leaves_alone_who_is_still_being_served(admin: httpx.AsyncClient) -> None:
    await admin.post("/api/v1/teams", json={"name": "Harbour"}, headers=KEY)
    await IdempotencyKey.update({IdempotencyKey.status: None}, force=True)
    await jobs.publish("recording_erased", {"recording": str(db.new_id())})
    await jobs.drain()
    soon = await admin.post("/api/v1/teams", json={"name": "Harbour"}, headers=KEY)
    assert soon.json()["type"] == "/problems/in-progress"


async def test_a_key_that_is_too_long_is_refused(admin: httpx.AsyncClient) -> None:
    answer = await admin.post("/api/v1/teams", json={"name": "A"}, headers={"Idempotency-Key": "k" * 201})
    assert answer.status_code == 422
    assert await Team.count() == 0


async def test_a_visitor_with_a_key_is_still_a_visitor(client: httpx.AsyncClient) -> None:
    assert (await client.post("/api/v1/teams", json={"name": "A"}, headers=KEY)).status_code == 401
    assert await IdempotencyKey.count() == 0


@pytest.mark.parametrize(("name", "status"), [("Harbour", 201), ("", 422)])
async def test_a_database_that_goes_away_after_the_work_breaks_no_answer_off_and_doubles_nothing(
    admin: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch, name: str, status: int
) -> None:
    away = True

    def away_at(function: Any) -> Any:
        async def write(*given: Any) -> None:
            if away:
                raise db.DatabaseGone("refused")
            await function(*given)

        return write

    monkeypatch.setattr(api, "_remember", away_at(api._remember))
    monkeypatch.setattr(api, "_forget", away_at(api._forget))
    first = await admin.post("/api/v1/teams", json={"name": name}, headers=KEY)
    assert first.status_code == status
    assert first.json()
    meanwhile = await admin.post("/api/v1/teams", json={"name": name}, headers=KEY)
    assert meanwhile.json()["type"] == "/problems/in-progress"
    away = False
    async with asyncio.timeout(60):
        while True:
            again = await admin.post("/api/v1/teams", json={"name": name}, headers=KEY)
            if again.status_code != 409:
                break
            await asyncio.sleep(0.1)
    assert again.status_code == status
    assert await Team.count() == (1 if name else 0)


@pytest.mark.parametrize("error", [db.DatabaseGone("the server went away"), RuntimeError("a bug")])
async def test_what_was_done_before_its_answer_failed_is_not_done_again(
    admin: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    create = people_api.teams.create_team

    async def done_and_then_lost(*given: Any, **named: Any) -> Any:
        await create(*given, **named)
        raise error  # as when what was made is read once more for the answer

    monkeypatch.setattr(people_api.teams, "create_team", done_and_then_lost)
    first = await admin.post("/api/v1/teams", json={"name": "Harbour"}, headers=KEY)
    assert first.status_code >= 500
    monkeypatch.undo()
    again = await admin.post("/api/v1/teams", json={"name": "Harbour"}, headers=KEY)
    assert again.status_code == 409
    assert await Team.count() == 1


async def test_what_failed_before_anything_was_done_may_be_tried_again(
    admin: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    create = people_api.teams.create_team

    async def undone(*given: Any, **named: Any) -> Any:
        async with db.transaction():
            await create(*given, **named)
            raise db.DatabaseGone("the server went away")

    monkeypatch.setattr(people_api.teams, "create_team", undone)
    first = await admin.post("/api/v1/teams", json={"name": "Harbour"}, headers=KEY)
    assert first.status_code == 503
    monkeypatch.undo()
    assert (await admin.post("/api/v1/teams", json={"name": "Harbour"}, headers=KEY)).status_code == 201
    assert await Team.count() == 1


async def test_what_may_have_been_committed_is_not_done_again(
    admin: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    create = people_api.teams.create_team

    async def committed_unheard(*given: Any, **named: Any) -> Any:
        await create(*given, **named)
        raise db.OutcomeUnknown("the server went away")

    monkeypatch.setattr(people_api.teams, "create_team", committed_unheard)
    first = await admin.post("/api/v1/teams", json={"name": "Harbour"}, headers=KEY)
    assert first.status_code == 503
    assert first.json()["type"] == "/problems/outcome-unknown"
    assert "look whether it was saved" in first.json()["detail"]
    monkeypatch.undo()
    again = await admin.post("/api/v1/teams", json={"name": "Harbour"}, headers=KEY)
    assert again.json()["type"] == "/problems/in-progress"
    assert await Team.count() == 1
