"""Things that break under a running centre: a disk with little room, a database that can be stopped."""

import asyncio
import os
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

ROOT = Path(__file__).parents[2]


@dataclass
class SmallDisk:
    """A folder on a file system of its own, of `size` bytes."""

    path: Path
    size: int

    def fill(self, *, leave: int = 0) -> None:
        """Takes up all room but `leave` bytes."""
        free = os.statvfs(self.path)
        length = free.f_bavail * free.f_frsize - leave
        with (self.path / "filler").open("wb") as file:
            os.posix_fallocate(file.fileno(), 0, max(length, 1))

    def make_room(self) -> None:
        """Gives it back."""
        (self.path / "filler").unlink()


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[SmallDisk]:
    """Sixteen megabytes; only root may mount them."""
    folder, size = tmp_path / "disk", 16 << 20
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", folder]
    if subprocess.run(command, capture_output=True).returncode != 0:
        pytest.skip("mounting a small disk needs root")
    yield SmallDisk(folder, size)
    subprocess.run(["umount", "-l", folder], check=True)


@asynccontextmanager
async def served(data: Path, database_url: str, log: Path, **settings: str) -> AsyncIterator[str]:
    """`trainer serve` in a process of its own, with its worker; gives its address."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}"
    kept = {name: value for name, value in os.environ.items() if not name.startswith("TRAINER_")}
    environment = {
        **kept,
        "PYTHONPATH": str(ROOT),
        "TRAINER_DATA": str(data),
        "TRAINER_DATABASE_URL": database_url,
        "TRAINER_BASE_URL": url,
        **settings,
    }
    with log.open("wb") as out:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "trainer", "serve", "--port", url.rpartition(":")[2],
            env=environment, cwd=ROOT, stderr=out,
        )  # fmt: skip
    try:
        async with httpx.AsyncClient(base_url=url) as client, asyncio.timeout(120):
            while True:
                try:
                    if (await client.get("/health")).status_code == 200:
                        break
                except httpx.TransportError:
                    assert process.returncode is None, log.read_text()
                await asyncio.sleep(0.05)
        yield url
    finally:
        if process.returncode is None:
            process.terminate()
            await process.wait()
