"""What `/metrics` tells a machine, whom it tells, and that nothing in it is about people."""

import asyncio
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
from litestar import Litestar
from prometheus_client.parser import text_string_to_metric_families

from tests.factories import a_person
from tests.waiting import PATIENCE_S, wait_until
from trainer import db, job_queue, metrics, storage
from trainer.backup.making import make_backup
from trainer.settings import Settings

ROOT = Path(__file__).parents[2]


async def read(client: httpx.AsyncClient) -> dict[tuple[str, ...], float]:
    """Each sample as (name, label, value, …) → number."""
    answer = await client.get("/metrics")
    assert answer.status_code == 200, answer.text
    return samples(answer.text)


def samples(text: str) -> dict[tuple[str, ...], float]:
    return {
        (sample.name, *(part for item in sorted(sample.labels.items()) for part in item)): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


async def test_requests_are_counted_by_route_and_never_by_address(
    client: httpx.AsyncClient, sign_in: object
) -> None:
    person = await a_person("admin", name="Ada Lovelace", email="ada@encore.example")
    await sign_in(client, person)  # type: ignore[operator]
    assert (await client.get(f"/people/{person.id}", params={"q": "Lovelace"})).status_code == 200
    await client.get("/welcome/a-very-secret-word")
    await client.get("/no/such/Lovelace")
    await client.request("BREW", "/sign-in")
    found = await read(client)
    counted = {
        (key[key.index("route") + 1], key[key.index("status") + 1])
        for key in found
        if key[0] == "encore_requests_total"
    }
    assert ("/people/{person_id}", "200") in counted
    assert any(route == "(none)" for route, _status in counted)
    assert found[("encore_request_seconds_count", "method", "GET", "route", "/people/{person_id}")] == 1
    text = (await client.get("/metrics")).text
    for private in ("Lovelace", "ada@", str(person.id), "secret-word", "BREW"):
        assert private not in text


async def test_jobs_database_disk_and_backup_are_looked_up(
    app: Litestar, client: httpx.AsyncClient, settings: Settings
) -> None:
    now = db.utc_now()
    await job_queue.put("something", {}, run_at=now - timedelta(minutes=10))
    await job_queue.put("something", {}, run_at=now + timedelta(hours=1))
    await job_queue.put("something", {}, run_at=now)
    claimed = await job_queue.claim(["something"], "a|1|b", {"something": 60})
    assert claimed
    await job_queue.fail(claimed, "it broke")
    await make_backup(settings, str(settings.data / "backup.tar"))
    found = await read(client)
    assert found["encore_jobs", "state", "failed"] == 1
    assert found["encore_jobs", "state", "queued"] >= 2
    assert found["encore_jobs", "state", "running"] == 0
    assert 0 <= found["encore_oldest_due_job_seconds",] < 60
    assert found["encore_database_up",] == 1
    assert found["encore_disk_free_bytes",] > 0
    assert time.time() - found["encore_last_backup_timestamp_seconds",] < 60
    connections = [value for key, value in found.items() if key[0] == "encore_database_connections"]
    assert len(connections) == 2
    assert sum(connections) >= 1


async def test_metrics_answer_while_the_database_is_away(
    app: Litestar, client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def gone() -> None:
        raise db.DatabaseGone("refused")

    monkeypatch.setattr(metrics.job_queue, "counts", gone)
    found = await read(client)
    assert found["encore_database_up",] == 0
    assert not [key for key in found if key[0] == "encore_jobs"]


async def test_storage_failures_are_counted_and_missing_objects_are_none(
    client: httpx.AsyncClient, settings: Settings
) -> None:
    store = storage.storage()
    with pytest.raises(storage.StorageError):
        await store.get_range("recordings/ab/none", 0, 5)
    (settings.data / "objects" / "blocked").write_bytes(b"a file where a folder should be")
    with pytest.raises(storage.StorageError):
        await store.put_bytes("blocked/one", b"1")
    found = await read(client)
    errors = {key: value for key, value in found.items() if key[0] == "encore_storage_errors_total"}
    assert sum(errors.values()) == 1


@pytest.mark.parametrize(
    ("address", "headers", "host", "status"),
    [
        ("127.0.0.1", {}, "127.0.0.1:8000", 200),
        ("::1", {}, "[::1]:8000", 200),
        ("127.0.0.1", {}, "localhost", 200),
        ("10.0.0.7", {}, "127.0.0.1:8000", 403),
        ("127.0.0.1", {"X-Forwarded-For": "10.0.0.7"}, "127.0.0.1:8000", 403),
        ("127.0.0.1", {"Forwarded": "for=10.0.0.7"}, "127.0.0.1:8000", 403),
    ],
)
async def test_without_a_token_only_the_machine_itself_reads_them(
    new_client: object, address: str, headers: dict[str, str], host: str, status: int
) -> None:
    async with new_client(address, headers={**headers, "Host": host}) as other:  # type: ignore[operator]
        assert (await other.get("/metrics")).status_code == status


class TestWithAToken:
    @pytest.fixture
    def settings(self, database_url: str, tmp_path: Path) -> Settings:
        return Settings(
            data=tmp_path / "data",
            database_url=database_url,
            secret_key="only for tests",
            base_url="https://encore.example",
            workers_embedded=False,
            metrics_token="a long one",
        )

    async def test_whoever_brings_it_reads_them_from_anywhere(self, new_client: object) -> None:
        async with new_client("10.0.0.7") as other:  # type: ignore[operator]
            for wrong in ({}, {"Authorization": "Bearer another"}, {"Authorization": "a long one"}):
                assert (await other.get("/metrics", headers=wrong)).status_code in (303, 401)
            right = await other.get("/metrics", headers={"Authorization": "Bearer a long one"})
            assert right.status_code == 200
            assert right.headers["content-type"].startswith("text/plain")
            # and it is no key to anything else
            me = await other.get("/api/v1/people", headers={"Authorization": "Bearer a long one"})
            assert me.status_code == 401


def healthy(url: str) -> bool:
    try:
        return httpx.get(f"{url}/health").status_code == 200
    except httpx.TransportError:
        return False


@pytest.fixture
def two_processes(tmp_path: Path) -> Iterator[str]:
    import socket

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    kept = {name: value for name, value in os.environ.items() if not name.startswith("TRAINER_")}
    url = f"http://127.0.0.1:{port}"
    environment = {
        **kept,
        "PYTHONPATH": str(ROOT),
        "TRAINER_DATA": str(tmp_path),
        "TRAINER_BASE_URL": url,
        "TRAINER_WORKERS_EMBEDDED": "false",
    }
    trainer = [sys.executable, "-m", "trainer"]
    subprocess.run([*trainer, "init", "--email", "a@b.example", "--name", "A"], env=environment, check=True)
    process = subprocess.Popen([*trainer, "serve", "--port", str(port), "--processes", "2"], env=environment)
    try:
        wait_until(lambda: healthy(url))
        yield url
    finally:
        process.terminate()
        process.wait(PATIENCE_S)


@pytest.mark.slow
def test_any_of_several_processes_answers_for_all(two_processes: str) -> None:
    async def many() -> None:
        limits = httpx.Limits(max_keepalive_connections=0)
        async with httpx.AsyncClient(limits=limits, timeout=PATIENCE_S) as clients:
            await asyncio.gather(*(clients.get(f"{two_processes}/sign-in") for _ in range(60)))

    asyncio.run(many())
    key = ("encore_requests_total", "method", "GET", "route", "/sign-in", "status", "200")
    for _ask in range(4):
        with httpx.Client(timeout=PATIENCE_S) as client:
            assert samples(client.get(f"{two_processes}/metrics").text)[key] == 60


def test_no_label_is_an_id(tmp_path: Path) -> None:
    assert not re.search(r"\.labels\([^)]*\b(id|name|email|path)\b", Path(metrics.__file__).read_text())
