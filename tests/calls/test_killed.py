"""Processes that are killed in the middle of an upload, a preparation or an erasure: nothing is lost or left
over.
"""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from uuid import UUID

import httpx
import pytest

from tests.audio import makers
from tests.factories import a_person, viewer_for
from tests.waiting import PATIENCE_S, wait_until
from trainer import db, jobs, storage
from trainer.calls import jobs as call_jobs
from trainer.calls import service
from trainer.calls.service import RecordingFields
from trainer.calls.tables import Recording
from trainer.people.tokens import create_token

ROOT = Path(__file__).parents[2]

pytestmark = pytest.mark.slow


@pytest.fixture
async def centre(database_url: str, tmp_path: Path) -> dict[str, str]:
    """The environment of a centre on its own data folder; nothing of it runs yet."""
    (tmp_path / "data").mkdir()
    with closing(socket.socket()) as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    return {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "TRAINER_DATA": str(tmp_path / "data"),
        "TRAINER_DATABASE_URL": database_url,
        "TRAINER_SECRET_KEY": "only for tests",
        "TRAINER_BASE_URL": f"http://127.0.0.1:{port}",
    }


@contextmanager
def running(centre: dict[str, str], *command: str) -> Iterator[subprocess.Popen[bytes]]:
    """`trainer …` in a process of its own, killed at the end."""
    process = subprocess.Popen([sys.executable, "-m", "trainer", *command], env=centre, cwd=ROOT)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def port_of(centre: dict[str, str]) -> str:
    return centre["TRAINER_BASE_URL"].rpartition(":")[2]


def serves(centre: dict[str, str]) -> bool:
    try:
        return httpx.get(f"{centre['TRAINER_BASE_URL']}/health").status_code == 200
    except httpx.TransportError:
        return False


def files(centre: dict[str, str], folder: str) -> list[Path]:
    return [path for path in Path(centre["TRAINER_DATA"], folder).rglob("*") if path.is_file()]


def upload_anew(centre: dict[str, str], secret: str, wav: bytes) -> None:
    """The whole upload, against a centre that holds nothing yet, until it is ready."""
    base, proof = centre["TRAINER_BASE_URL"], {"Authorization": f"Bearer {secret}"}
    with httpx.Client(base_url=base, headers=proof, timeout=PATIENCE_S) as api:
        assert api.get("/api/v1/recordings").json()["items"] == []
        again = api.post(
            "/api/v1/recordings", data={"consent_basis": "contract"}, files={"audio": ("call.wav", wav)}
        )
        assert again.status_code == 201, again.text
        address = again.headers["location"]
        wait_until(lambda: api.get(address).json()["status"] == "ready")


async def open_centre(centre: dict[str, str]) -> None:
    await db.open_database(centre["TRAINER_DATABASE_URL"])
    storage.open_storage(str(Path(centre["TRAINER_DATA"]) / "objects"))


async def close_centre() -> None:
    await storage.close_storage()
    await db.close_database()


async def test_a_server_killed_in_the_middle_of_an_upload_starts_clean(
    centre: dict[str, str], wav: bytes
) -> None:
    await open_centre(centre)
    trainer = await a_person("trainer")
    secret = await create_token(None, trainer.id, name="tests", scopes=["all"])
    await close_centre()
    boundary = "----half"
    body = (
        f'--{boundary}\r\nContent-Disposition: form-data; name="consent_basis"\r\n\r\ncontract\r\n'
        f'--{boundary}\r\nContent-Disposition: form-data; name="audio"; filename="call.wav"\r\n\r\n'
    ).encode() + wav * 40
    head = (
        "POST /api/v1/recordings HTTP/1.1\r\n"
        f"Host: 127.0.0.1:{port_of(centre)}\r\nAuthorization: Bearer {secret}\r\n"
        f"Content-Type: multipart/form-data; boundary={boundary}\r\nContent-Length: {len(body)}\r\n\r\n"
    ).encode()
    with running(centre, "serve", "--port", port_of(centre)) as server:
        wait_until(lambda: serves(centre))
        with socket.create_connection(("127.0.0.1", int(port_of(centre)))) as line:
            line.sendall(head + body[: len(body) * 3 // 4])
            wait_until(lambda: sum(path.stat().st_size for path in files(centre, "incoming")) > 1 << 20)
            server.send_signal(signal.SIGKILL)
            server.wait()
    assert len(files(centre, "incoming")) == 1
    with running(centre, "serve", "--port", port_of(centre)):
        wait_until(lambda: serves(centre))
        assert files(centre, "incoming") == files(centre, "objects") == []
        upload_anew(centre, secret, wav)
    assert len(files(centre, "objects")) == 2


async def test_a_worker_killed_while_it_prepares_a_call_is_taken_over(
    centre: dict[str, str], tmp_path: Path
) -> None:
    await open_centre(centre)
    trainer = await a_person("trainer")
    hours = tmp_path / "hours"
    size = 8 * 3600 * 8000
    with hours.open("wb") as file:  # eight hours of silence, which the disk need not hold
        file.write(makers.wav_bytes(b"", bits=8, data_size=size)[:44])
        file.truncate(44 + size)
    fields = RecordingFields(consent_basis="contract")
    call = await service.receive_recording(viewer_for(trainer), hours, fields, move=True)
    row = await Recording.select(Recording.job).first()
    assert row is not None
    with running(centre, "worker") as worker:
        deadline = time.monotonic() + PATIENCE_S
        while True:
            job = await jobs.get_job(row["job"])
            assert job is not None
            assert job.status in ("queued", "running"), job
            if job.status == "running" and job.done > 0:
                break
            assert time.monotonic() < deadline
        worker.send_signal(signal.SIGKILL)
        worker.wait()
    found = await service.load_recording(viewer_for(trainer), call)
    assert (found.state, found.peaks_key) == ("processing", "")
    with running(centre, "worker"):
        deadline = time.monotonic() + PATIENCE_S
        while found.state == "processing":
            assert time.monotonic() < deadline
            found = await service.load_recording(viewer_for(trainer), call)
    assert (found.state, found.duration_ms) == ("ready", 8 * 3600 * 1000)
    assert len(files(centre, "objects")) == 2
    await close_centre()


def victim(centre: dict[str, str], step: str, about: str) -> int:
    command = [sys.executable, "-m", "tests.calls.victim", step]
    given = [centre["TRAINER_DATABASE_URL"], centre["TRAINER_DATA"], about]
    return subprocess.run([*command, *given], env=centre, cwd=ROOT, check=False).returncode


async def test_killed_between_the_file_and_its_row_the_file_is_swept(
    centre: dict[str, str], sounds: dict[str, Path]
) -> None:
    assert victim(centre, "receive", str(sounds["wav_stereo"])) == -signal.SIGKILL
    await open_centre(centre)
    assert await Recording.count() == 0
    [stray] = files(centre, "objects")
    os.utime(stray, (0, 0))
    assert await call_jobs.remove_strays() == 1
    assert files(centre, "objects") == []
    await close_centre()


async def test_killed_between_the_proof_and_the_files_the_erasure_is_finished(
    centre: dict[str, str], sounds: dict[str, Path]
) -> None:
    await open_centre(centre)
    call: UUID = await service.receive_recording(
        None, sounds["wav_stereo"], RecordingFields(consent_basis="contract")
    )
    await jobs.drain()
    assert len(files(centre, "objects")) == 2
    await close_centre()
    assert victim(centre, "erase", str(call)) == -signal.SIGKILL
    await open_centre(centre)
    row = await Recording.select(Recording.state).first()
    assert row is not None
    assert row["state"] == "erased"
    assert len(files(centre, "objects")) == 2
    await jobs.drain()
    assert files(centre, "objects") == []
    await close_centre()
