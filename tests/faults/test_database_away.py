"""PostgreSQL goes away for a while under a running server: people are told, nothing is lost, all goes on."""

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import httpx
import pytest

from tests import postgres_cluster
from tests.conftest import ENGINES
from tests.factories import a_person, a_rulebook, a_team
from tests.faults.conftest import served
from tests.waiting import until
from trainer import db
from trainer.people.sessions import Sessions
from trainer.people.tokens import create_token

pytestmark = pytest.mark.slow

THANKS = 30


@pytest.fixture
def server() -> Iterator[postgres_cluster.Cluster]:
    if "postgres" not in ENGINES:
        pytest.skip("TRAINER_TEST_ENGINES leaves out postgres")
    if (reason := postgres_cluster.missing()) is not None:
        pytest.skip(f"{reason}; `make system-deps` installs it")
    cluster = postgres_cluster.Cluster()
    try:
        cluster.start()
        yield cluster
    finally:
        cluster.remove()


async def test_a_minute_without_the_database(server: postgres_cluster.Cluster, tmp_path: Path) -> None:
    data, log = tmp_path / "data", tmp_path / "log"
    await db.open_database(server.url)
    await db.migrate()
    await a_rulebook()
    team = await a_team()
    giver = await a_person("agent", name="Amara Nwosu", team=team)
    taker = await a_person("agent", name="Yusuf Kaya", team=team)
    token = await create_token(None, giver.id, name="tests", scopes=["all"])
    session = await Sessions(14).start(taker.id, device="Tests")
    await db.close_database()

    async with served(data, server.url, log) as url, httpx.AsyncClient(base_url=url, timeout=120) as client:
        proof = {"Authorization": f"Bearer {token}"}
        browser = {"Cookie": f"encore={session}"}
        heard: list[str] = []

        async def listen() -> None:
            """An open page: it connects again by itself and says what it heard last, as a browser does."""
            last: dict[str, str] = {}
            async with httpx.AsyncClient(base_url=url, timeout=None) as page:
                while True:
                    try:
                        async with page.stream("GET", "/live", headers={**browser, **last}) as stream:
                            async for line in stream.aiter_lines():
                                heard.append(line)
                                if line.startswith("id:"):
                                    last["Last-Event-ID"] = line.removeprefix("id:").strip()
                    except httpx.HTTPError:
                        pass
                    await asyncio.sleep(0.2)

        listening = asyncio.create_task(listen())
        refused: list[httpx.Response] = []

        async def is_there(message: str) -> bool:
            while True:  # an answer that did not come says nothing about what is there
                found = await client.get("/api/v1/appreciations?limit=200", headers=proof)
                if found.status_code == 200:
                    return message in found.text
                await asyncio.sleep(0.3)

        async def thank(number: int) -> None:
            """As a careful program does: the same key until there is an answer. Where the server cannot tell
            whether it was done, look; when it was not, use another key.
            """
            message, key, unsure = f"Thank you, number {number}!", str(uuid4()), 0
            body = {"to": [str(taker.id)], "behaviour": "R01", "message": message, "visibility": "team"}
            while True:
                answer = await client.post(
                    "/api/v1/appreciations", json=body, headers={**proof, "Idempotency-Key": key}
                )
                if answer.status_code == 201:
                    return
                refused.append(answer)
                unsure += answer.status_code == 409
                if unsure > 20 and (await client.get("/health")).status_code == 200:
                    if await is_there(message):
                        return
                    key, unsure = str(uuid4()), 0
                await asyncio.sleep(0.3)

        before = [asyncio.create_task(thank(number)) for number in range(THANKS // 3)]
        await asyncio.gather(*before)
        during = [asyncio.create_task(thank(number)) for number in range(THANKS // 3, THANKS)]
        await asyncio.sleep(0.05)
        server.stop()
        await until(lambda: len(refused) > 5)
        page = await client.get("/recognition", headers=browser)
        assert page.status_code == 503
        assert page.headers["retry-after"] == "5"
        assert "try again" in page.text
        assert page.headers["x-request-id"] in page.text
        health = await client.get("/health")
        assert (health.status_code, health.json()["database"]) == (503, "failing")
        metrics = await client.get("/metrics")
        assert "encore_database_up 0.0" in metrics.text
        assert (await client.get("/static/x")).status_code == 404
        await asyncio.sleep(3)  # the worker and the live bus try meanwhile, and wait
        server.start()
        async with asyncio.timeout(180):
            await asyncio.gather(*during)

        for answer in refused:
            assert answer.status_code in (409, 503), answer.text + log.read_text()[-6000:]
            if answer.status_code == 503:
                assert answer.headers["retry-after"] == "5"
        assert (await client.get("/health")).status_code == 200
        assert (await client.get("/recognition", headers=browser)).status_code == 200

        await db.open_database(server.url)
        try:
            given = await db.fetch_one("SELECT COUNT(*) AS n, COUNT(DISTINCT message) AS d FROM appreciation")
            assert given == {"n": THANKS, "d": THANKS}

            # the worker goes on: each thank-you becomes a post in the feed
            for _look in range(300):
                posts = await db.fetch_one("SELECT COUNT(*) AS n FROM post WHERE kind = 'appreciation'")
                if posts == {"n": THANKS}:
                    break
                await asyncio.sleep(0.2)
            assert posts == {"n": THANKS}
            failed = await db.fetch("SELECT name, error FROM job WHERE state = 'failed'")
            assert failed == []
        finally:
            await db.close_database()
        heard.clear()
        await thank(99)
        await until(lambda: any(line.startswith("data:") for line in heard))
        listening.cancel()
        written = log.read_text()
        assert "Amara" not in written
        assert "Thank you" not in written
        assert token not in written
        events = [json.loads(line) for line in written.splitlines() if line.startswith("{")]
        assert any(event.get("status") == 503 and event["level"] == "error" for event in events)
