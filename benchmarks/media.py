"""A Range request for 64 KB of a clip against a text route with the same session read, 16 clients.

Both run in one process under uvicorn, with the edge of the real app (sign-in, guards, headers, SQLite). They
take turns in short rounds, so that whatever else the machine does falls on both. Bound: clip ÷ text ≥ 0.6.

    python benchmarks/media.py [--rounds 15] [--clients 16] [--seconds 0.5]
"""

import argparse
import asyncio
import contextlib
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from litestar import Litestar, Request, Response, get, route
from litestar.middleware import DefineMiddleware

from benchmarks.row import Row
from trainer import db
from trainer.people import sessions
from trainer.people.tables import Person
from trainer.storage import open_storage, storage
from trainer.web.guards import check_csrf, signed_in
from trainer.web.headers import security_headers
from trainer.web.media import media_response
from trainer.web.session import Identify

BOUND = 0.6
PIECE = 65_536
CLIP_BYTES = 480_000  # half a minute of MP3 at 128 kbit/s
KEY = "clips/be/bench.mp3"


@route("/clip", http_method=["GET", "HEAD"], guards=[signed_in])
async def play_clip(request: Request[Any, Any, Any]) -> Response[Any]:
    return media_response(request, key=KEY, etag="bench", size=CLIP_BYTES, content_type="audio/mpeg")


@get("/text", guards=[signed_in])
async def show_text(request: Request[Any, Any, Any]) -> str:
    return "hello, " + request.user.name


def create_bench_app() -> Litestar:
    """The two routes behind the real edge; its cookie is written to the file that BENCH_COOKIE names."""
    folder = Path(os.environ["BENCH_FOLDER"])
    browsers = sessions.Sessions(14)

    @asynccontextmanager
    async def running(app: Litestar) -> AsyncIterator[None]:
        await db.open_database(f"sqlite:///{folder / 'bench.sqlite'}")
        await db.migrate()
        open_storage(str(folder / "objects"))
        await storage().put_bytes(KEY, os.urandom(CLIP_BYTES))
        person = await _somebody()
        (folder / "cookie").write_text(f"encore={await browsers.start(person, device='bench')}")
        yield
        await db.close_database()

    identify = DefineMiddleware(
        Identify, load_session=browsers.load, load_token=sessions.load_token, secure=False, locale="en"
    )
    app = Litestar(
        [play_clip, show_text],
        middleware=[identify],
        guards=[check_csrf],
        before_send=[security_headers(False)],
        lifespan=[running],
        openapi_config=None,
    )
    app.state.key = b"bench"
    return app


async def _somebody() -> Any:
    person = Person(
        name="Bench", name_key="bench", email="bench@demo.example", roles="agent", created_at=db.utc_now()
    )
    await Person.insert(person)
    return person.id


class Listener(asyncio.Protocol):
    """One client: asks again as soon as it has the whole answer. As lean as can be, to measure the server."""

    def __init__(self, request: bytes, until: float) -> None:
        self.request = request
        self.until = until
        self.answers = 0
        self.missing = -1
        self.head = b""
        self.done = asyncio.get_running_loop().create_future()
        self.transport: Any = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport
        self.transport.write(self.request)

    def data_received(self, data: bytes) -> None:
        if self.missing < 0:
            self.head += data
            end = self.head.find(b"\r\n\r\n")
            if end < 0:
                return
            if self.head[9:12] not in (b"200", b"206"):
                self.done.set_exception(RuntimeError(self.head[:200].decode()))
                return
            at = self.head.index(b"content-length: ") + 16
            self.missing = int(self.head[at : self.head.index(b"\r", at)]) - (len(self.head) - end - 4)
            self.head = b""
        else:
            self.missing -= len(data)
        if self.missing == 0:
            self.missing = -1
            self.answers += 1
            if time.perf_counter() < self.until:
                self.transport.write(self.request)
            elif not self.done.done():
                self.done.set_result(None)

    def connection_lost(self, error: Exception | None) -> None:
        if not self.done.done():
            self.done.set_exception(error or ConnectionError("the server closed the connection"))


async def requests_a_second(port: int, request: bytes, clients: int, seconds: float) -> float:
    """How many answers the server gives in a second to `clients` that ask all the time."""
    loop = asyncio.get_running_loop()
    start = time.perf_counter()
    pairs = [
        await loop.create_connection(lambda: Listener(request, start + seconds), "127.0.0.1", port)
        for _ in range(clients)
    ]
    await asyncio.gather(*(listener.done for _transport, listener in pairs))
    spent = time.perf_counter() - start
    for transport, _listener in pairs:
        transport.close()
    return sum(listener.answers for _transport, listener in pairs) / spent


@contextlib.contextmanager
def served(folder: Path, factory: str = "benchmarks.media:create_bench_app") -> Iterator[int]:
    """A bench app under uvicorn in a process of its own; gives its port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "uvicorn", "--factory", factory]
    command += ["--port", str(port), "--no-access-log", "--log-level", "warning"]
    root = Path(__file__).resolve().parent.parent
    process = subprocess.Popen(command, cwd=root, env={**os.environ, "BENCH_FOLDER": str(folder)})
    try:
        for _ in range(200):
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 0.1):
                break
            if process.poll() is not None:
                raise RuntimeError("the bench server did not start")
            time.sleep(0.05)
        yield port
    finally:
        process.terminate()
        process.wait(10)


async def measure(
    port: int, cookie: str, rounds: int, clients: int, seconds: float
) -> tuple[float, float, float]:
    """Medians over the rounds: text and clip requests a second, and their ratio within a round."""
    common = f" HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nCookie: {cookie}\r\n"
    text = f"GET /text{common}\r\n".encode()
    texts, clips = [], []
    for number in range(rounds + 1):
        texts.append(await requests_a_second(port, text, clients, seconds))
        start = number * 1000 % (CLIP_BYTES - PIECE)
        clip = f"GET /clip{common}Range: bytes={start}-{start + PIECE - 1}\r\n\r\n".encode()
        clips.append(await requests_a_second(port, clip, clients, seconds))
    texts, clips = texts[1:], clips[1:]  # the first round warms up
    ratios = [clip / text for clip, text in zip(clips, texts, strict=True)]
    return statistics.median(texts), statistics.median(clips), statistics.median(ratios)


def rows(rounds: int = 15, clients: int = 16, seconds: float = 0.5) -> list[Row]:
    """The row of this benchmark; takes about a quarter of a minute."""
    with tempfile.TemporaryDirectory() as name, served(Path(name)) as port:
        cookie = Path(name, "cookie").read_text()
        text, clip, ratio = asyncio.run(measure(port, cookie, rounds, clients, seconds))
    name = "64 KB range of a clip ÷ text route, 16 clients"
    return [Row(name, clip, "/s", text, ratio, f"≥ {BOUND}", ratio >= BOUND)]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--clients", type=int, default=16)
    parser.add_argument("--seconds", type=float, default=0.5)
    options = parser.parse_args()
    (row,) = rows(options.rounds, options.clients, options.seconds)
    print(
        f"text route {row.reference:.0f}/s, 64 KB of a clip {row.value:.0f}/s, ratio {row.ratio:.2f} (bound {BOUND})"
    )
    return 0 if row.ok else 1


if __name__ == "__main__":
    sys.exit(main())
