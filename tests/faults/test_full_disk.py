"""No space left: said in words, nothing half-done, and all goes on by itself once there is room."""

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import pytest

from tests.clips.makers import CALL_MS, a_rule, a_tone, fields
from tests.counting import count_of
from tests.factories import a_person, viewer_for
from tests.faults.conftest import SmallDisk
from trainer import db, jobs
from trainer.calls.tables import Recording
from trainer.clips.service import create_clip
from trainer.clips.tables import Clip
from trainer.facts import record
from trainer.settings import Settings
from trainer.storage import storage

UseToken = Callable[..., Awaitable[httpx.AsyncClient]]


@pytest.fixture
def settings(small_disk: SmallDisk, database_url: str) -> Settings:
    """The data folder is on the small disk, the database is not."""
    return Settings(
        data=small_disk.path,
        database_url=database_url,
        secret_key="only for tests",
        workers_embedded=False,
        clip_review="self",
    )


def left(disk: SmallDisk) -> list[str]:
    """The files of people that lie on the disk."""
    folders = ("objects", "incoming", "scratch")
    found = [path for name in folders for path in (disk.path / name).rglob("*")]
    return [path.name for path in found if path.is_file()]


async def upload(client: httpx.AsyncClient, call: Path) -> httpx.Response:
    return await client.post(
        "/api/v1/recordings",
        data={"consent_basis": "contract"},
        files={"audio": ("call.wav", call.read_bytes())},
    )


async def test_an_upload_onto_a_full_disk(
    client: httpx.AsyncClient, use_token: UseToken, small_disk: SmallDisk, tmp_path: Path
) -> None:
    await use_token(client, await a_person("trainer"))
    call = a_tone(tmp_path / "call.wav", 60_000)
    for room in (0, 4096, 1 << 20):  # full at once; after the first bytes; in the middle
        small_disk.fill(leave=room)
        answer = await upload(client, call)
        assert answer.status_code == 507, answer.text
        assert "no space left" in answer.json()["detail"]
        assert "Ask your admin" in answer.json()["detail"]
        assert int(answer.headers["retry-after"]) > 0
        assert left(small_disk) == []
        assert await Recording.count() == 0
        small_disk.make_room()
    again = await upload(client, call)
    assert again.status_code == 201
    await jobs.drain()
    assert (await client.get(again.headers["location"])).json()["status"] == "ready"


async def a_ready_call(client: httpx.AsyncClient, tmp_path: Path) -> UUID:
    answer = await upload(client, a_tone(tmp_path / "call.wav", CALL_MS))
    await jobs.drain()
    return UUID(answer.json()["id"])


async def render_of(clip: UUID) -> str:
    row = await Clip.select(Clip.render).where(Clip.id == clip).first()
    assert row
    return row["render"]


async def due_now() -> None:
    """The pauses of jobs are over."""
    await db.fetch("UPDATE job SET run_at = {} WHERE state = 'queued'", db.utc_now())


async def test_a_clip_waits_for_room_however_long_and_is_then_made(
    client: httpx.AsyncClient, use_token: UseToken, small_disk: SmallDisk, tmp_path: Path
) -> None:
    trainer = await a_person("trainer")
    await use_token(client, trainer)
    await a_rule("R01")
    recording = await a_ready_call(client, tmp_path)
    small_disk.fill()
    clip = await create_clip(viewer_for(trainer), recording, fields(rules=("R01",)))
    for _try in range(8):  # more than a job has tries
        await jobs.drain()
        assert await render_of(clip) in ("queued", "rendering")
        await due_now()
    [waiting] = await db.fetch("SELECT state, attempts, error FROM job WHERE name = 'render_clip'")
    assert waiting["state"] == "queued"
    assert "space" in waiting["error"]
    assert not [name for name in left(small_disk) if "#" in name]
    small_disk.make_room()
    await due_now()
    await jobs.drain()
    assert await render_of(clip) == "ready"


async def test_preparing_a_call_waits_for_room(
    client: httpx.AsyncClient, use_token: UseToken, small_disk: SmallDisk, tmp_path: Path
) -> None:
    await use_token(client, await a_person("trainer"))
    answer = await upload(client, a_tone(tmp_path / "call.wav"))
    small_disk.fill()
    for _try in range(7):
        await jobs.drain()
        await due_now()
    address = answer.headers["location"]
    assert (await client.get(address)).json()["status"] == "processing"
    small_disk.make_room()
    await jobs.drain()
    assert (await client.get(address)).json()["status"] == "ready"


async def test_a_missing_object_is_no_reason_to_wait(
    client: httpx.AsyncClient, use_token: UseToken, tmp_path: Path
) -> None:
    await use_token(client, await a_person("trainer"))
    answer = await upload(client, a_tone(tmp_path / "call.wav"))
    async for stored in storage().list():
        await storage().delete(stored.key)
    await jobs.drain()
    assert (await client.get(answer.headers["location"])).json()["status"] == "refused"


class TestTheDatabaseToo:
    """All of a small centre on one disk, as most are."""

    @pytest.fixture
    def engine(self) -> str:
        return "sqlite"

    @pytest.fixture
    def settings(self, small_disk: SmallDisk, sqlite_template: Path) -> Settings:
        (small_disk.path / "trainer.sqlite").write_bytes(sqlite_template.read_bytes())
        return Settings(data=small_disk.path, secret_key="only for tests", workers_embedded=False)

    async def test_what_cannot_be_saved_is_refused_in_words_and_what_is_there_can_be_read(
        self, client: httpx.AsyncClient, use_token: UseToken, small_disk: SmallDisk
    ) -> None:
        await use_token(client, await a_person("admin"))
        saved = 0
        small_disk.fill(leave=64 << 10)
        answer: Any = None
        for number in range(2000):
            answer = await client.post("/api/v1/teams", json={"name": f"Team {number} {'x' * 60}"})
            if answer.status_code != 201:
                break
            saved += 1
        assert answer.status_code == 507, answer.text
        assert "no space left" in answer.json()["detail"]
        teams = await db.fetch_one("SELECT COUNT(*) AS n FROM team")
        assert teams == {"n": saved}
        assert (await client.get("/api/v1/teams?limit=5")).status_code == 200
        small_disk.make_room()
        assert (await client.post("/api/v1/teams", json={"name": "After"})).status_code == 201

    async def test_a_fact_is_written_whole_or_not_at_all(self, app: object, small_disk: SmallDisk) -> None:
        small_disk.fill(leave=32 << 10)
        written = 0
        with pytest.raises(db.DatabaseFull):  # noqa: PT012 - which of them fails is the disk's choice
            for number in range(2000):
                async with db.transaction():
                    for half in "ab":
                        await record("pair", person=None, subject="x" * 100, source=f"{number}{half}")
                written += 1
        assert await count_of("pair") == 2 * written
        small_disk.make_room()
        assert await record("pair", person=None, subject="x", source="after")
