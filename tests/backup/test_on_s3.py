"""A centre on a bucket: the whole path, backed up, and restored into another bucket."""

import os
import urllib.request
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import httpx
import pytest

from tests.backup.conftest import OpenEmpty, everything
from tests.clips.makers import CALL_MS, TURNS, a_rule, a_tone
from tests.factories import a_person
from trainer import jobs, storage
from trainer.backup.archive import BackupRefused
from trainer.backup.making import make_backup
from trainer.backup.restoring import restore_backup
from trainer.settings import Settings

pytestmark = pytest.mark.slow


@pytest.fixture(scope="session")
def s3_endpoint() -> Iterator[str]:
    """A local server that speaks S3."""
    server = pytest.importorskip("moto.server", reason="pip install 'moto[server,s3]' to test against S3")
    running = server.ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    running.start()
    _host, port = running.get_host_and_port()
    yield f"http://127.0.0.1:{port}"
    running.stop()


@pytest.fixture
def bucket(s3_endpoint: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """An empty bucket's name, and the environment that reaches it."""
    for name, value in {
        "AWS_ENDPOINT_URL": s3_endpoint,
        "AWS_ACCESS_KEY_ID": "key",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_REGION": "us-east-1",
    }.items():
        monkeypatch.setenv(name, value)
    name = f"b{os.urandom(6).hex()}"
    with urllib.request.urlopen(urllib.request.Request(f"{s3_endpoint}/{name}", method="PUT")):
        return name


@pytest.fixture
def settings(database_url: str, tmp_path: Path, bucket: str) -> Settings:
    return Settings(
        data=tmp_path / "data",
        database_url=database_url,
        storage_url=f"s3://{bucket}/one",
        secret_key="only for tests",
        workers_embedded=False,
        clip_review="self",
    )


def transcript() -> bytes:
    def clock(ms: int) -> str:
        return f"00:00:{ms // 1000:02}.{ms % 1000:03}"

    cues = [
        f"{clock(start)} --> {clock(end)}\n<v {speaker.title()}>{' '.join(word for _s, _e, word in words)}"
        for start, end, speaker, words in TURNS
    ]
    return ("WEBVTT\n\n" + "\n\n".join(cues) + "\n").encode()


async def test_from_upload_to_play_to_backup_to_restore(
    client: httpx.AsyncClient,
    use_token: Callable[..., Awaitable[httpx.AsyncClient]],
    settings: Settings,
    bucket: str,
    open_empty: OpenEmpty,
    tmp_path: Path,
) -> None:
    await use_token(client, await a_person("trainer"))
    await a_rule("R01")
    call = a_tone(tmp_path / "call.wav", CALL_MS).read_bytes()
    sent = await client.post(
        "/api/v1/recordings",
        data={"title": "A card", "consent_basis": "contract"},
        files={"audio": ("call.wav", call), "transcript": ("call.vtt", transcript())},
    )
    assert sent.status_code == 201, sent.text
    await jobs.drain()
    address = sent.headers["location"]
    assert (await client.get(address)).json()["status"] == "ready"
    assert (await client.get(f"{address}/peaks?points=50")).status_code == 200
    cut = await client.post(
        f"{address}/clips",
        json={"start_ms": 5_000, "end_ms": 14_000, "title": "Recap", "rules": ["R01"], "note": "Listen."},
    )
    assert cut.status_code == 201, cut.text
    await jobs.drain()
    clip = cut.headers["location"]
    published = await client.post(f"{clip}/publish", json={"privacy_checked": True})
    assert published.status_code == 200, published.text
    whole = await client.get(f"{clip}/audio")
    assert whole.status_code == 200
    assert len(whole.content) > 20_000
    part = await client.get(f"{clip}/audio", headers={"Range": "bytes=1000-1999"})
    assert part.status_code == 206
    assert part.content == whole.content[1000:2000]
    assert not list((settings.data / "scratch").iterdir())
    assert not list(settings.incoming.iterdir())

    made = await make_backup(settings, str(tmp_path / "backup.tar"))
    assert made.objects == 3
    before = await everything()
    with pytest.raises(BackupRefused, match="not empty"):
        await restore_backup(settings, tmp_path / "backup.tar")

    await open_empty("sqlite", storage_url=f"s3://{bucket}/one")
    with pytest.raises(BackupRefused, match="its storage holds files"):
        await restore_backup(Settings(data=tmp_path / "x"), tmp_path / "backup.tar")
    for engine, place in (
        ("sqlite", f"s3://{bucket}/two"),
        ("postgres", ""),
        ("postgres", f"s3://{bucket}/three"),
    ):
        if engine == "postgres" and os.environ.get("TRAINER_TEST_ENGINES") == "sqlite":
            continue
        empty = await open_empty(engine, storage_url=place)
        await restore_backup(empty, tmp_path / "backup.tar")
        assert await everything() == before
        assert (await storage.storage().check(write=True)).kind == ("s3" if place else "folder")
