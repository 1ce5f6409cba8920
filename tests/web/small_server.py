"""A small app with the edge's streaming parts under a real uvicorn, for what only sockets and signals show.

`python -m tests.web.small_server FOLDER` serves on a free port and writes it to FOLDER/port.
"""

import contextlib
import os
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import uvicorn
from litestar import Litestar, Request, Response, get, post

from trainer.problems import Problem
from trainer.storage import open_storage, storage
from trainer.web.live import Broker, live_response
from trainer.web.media import media_response
from trainer.web.uploads import stream_upload, sweep_incoming

ROOT = Path(__file__).parents[2]


def create_app(folder: Path) -> Litestar:
    """POST / takes a file, GET /objects/{key} plays it, GET /live follows one topic."""
    broker = Broker()

    @asynccontextmanager
    async def running(app: Litestar) -> AsyncIterator[None]:
        open_storage(str(folder / "objects"))
        sweep_incoming(folder / "incoming")
        await broker.start()
        yield
        await broker.stop()

    @post("/", status_code=200)
    async def take(request: Request[Any, Any, Any]) -> dict[str, Any]:
        limit = 2 << 30
        async with stream_upload(
            request, max_bytes=limit, incoming=folder / "incoming", text_fields=set()
        ) as upload:
            await storage().put_file(f"calls/{upload.sha256}", upload.path, move=True)
            return {"sha256": upload.sha256, "size": upload.size}

    @get("/objects/{key:str}")
    async def play(request: Request[Any, Any, Any], key: str) -> Response[Any]:
        size = await storage().size(f"calls/{key}")
        assert size is not None
        return media_response(request, key=f"calls/{key}", etag=key, size=size, content_type="audio/wav")

    @get("/live")
    async def follow(request: Request[Any, Any, Any]) -> Response[Any]:
        return live_response(request, broker, ["feed"])

    @get("/streams", sync_to_thread=False)
    def count() -> int:
        return broker.streams

    def explain(request: Request[Any, Any, Any], error: Problem) -> Response[str]:
        return Response(error.detail, status_code=400)

    return Litestar(
        [take, play, follow, count],
        lifespan=[running],
        openapi_config=None,
        exception_handlers={Problem: explain},
    )


def main() -> None:
    folder = Path(sys.argv[1])
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP) as listening:
        listening.bind(("127.0.0.1", 0))
        config = uvicorn.Config(
            create_app(folder), log_level="info", access_log=False, timeout_graceful_shutdown=10
        )
        (folder / "port.new").write_text(str(listening.getsockname()[1]))
        (folder / "port.new").rename(folder / "port")
        uvicorn.Server(config).run([listening])


class Running:
    """The server as a test sees it."""

    def __init__(self, process: subprocess.Popen[bytes], folder: Path, port: int) -> None:
        self.process = process
        self.folder = folder
        self.port = port
        self.address = f"http://127.0.0.1:{port}"

    def peak_mb(self) -> float:
        """The most memory it has held so far, in MB."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(status.partition("VmHWM:")[2].split()[0]) / 1024

    def connect(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), 10)


@contextlib.contextmanager
def running_server(folder: Path) -> Iterator[Running]:
    """Starts it and waits until it answers; kills it afterwards if the test has not ended it."""
    (folder / "port").unlink(missing_ok=True)
    with (folder / "log").open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.web.small_server", str(folder)],
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), *sys.path])},
            stderr=log,
        )
    try:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline and process.poll() is None:
            with contextlib.suppress(OSError, ValueError):
                port = int((folder / "port").read_text())
                socket.create_connection(("127.0.0.1", port), 1).close()
                break
            time.sleep(0.02)
        yield Running(process, folder, port)
    finally:
        process.kill()
        process.wait(60)


if __name__ == "__main__":
    main()
