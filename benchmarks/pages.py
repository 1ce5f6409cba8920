"""Pages of the real app against the same templates filled from memory, and what the process needs when idle.

The app serves a copy of the sample centre. A reference route renders the same template with the values that the real
page was rendered with, without session, CSRF, person or database. Page and reference take turns in short rounds.
"""

import asyncio
import contextlib
import os
import re
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from litestar import Litestar, Response, get
from litestar.connection import Request

from benchmarks.media import requests_a_second, served
from benchmarks.row import Row
from trainer.app import create_app
from trainer.demo.command import demo_settings, fill
from trainer.people.links import issue_demo_link
from trainer.people.service import all_people
from trainer.recognition import fragments, routes
from trainer.web.guards import public
from trainer.web.templating import Pages

POSTS = 50
CLIENTS = 16
AGENT = "senior@demo.example"
ROOT = Path(__file__).resolve().parent.parent


class Remembering(Pages):
    """Pages that keep the values which each template was last filled with for a signed-in person."""

    seen: dict[str, dict[str, Any]]

    def _context(self, request: Request[Any, Any, Any], values: Any) -> dict[str, Any]:
        context = super()._context(request, values)
        if name := request.headers.get("x-remember"):
            self.seen[name if "separator" not in values else f"{name}:posts"] = context
        return context


def create_bench_app() -> Litestar:
    """The real app on the sample centre in BENCH_FOLDER, with reference routes beside it."""
    routes.PAGE = POSTS
    app = create_app(demo_settings(Path(os.environ["BENCH_FOLDER"]), 8000), demo=True)
    pages: Remembering = app.state.pages
    pages.__class__ = Remembering
    pages.seen = {}

    @get("/bench/memory", guards=[public], sync_to_thread=False)
    def from_memory(name: str, template: str) -> Response[str]:
        html = pages.environment.get_template(template).render(pages.seen[name])
        return Response(html, media_type="text/html")

    @get("/bench/feed", guards=[public], sync_to_thread=False)
    def feed_from_memory() -> Response[str]:
        posts = pages.environment.get_template("recognition/_posts.html").render(pages.seen["feed:posts"])
        drawn = {"posts": posts.split(fragments.SEPARATOR)[:-1]}
        html = pages.environment.get_template("recognition/feed.html").render({**pages.seen["feed"], **drawn})
        return Response(html, media_type="text/html")

    @get("/bench/forget", guards=[public], sync_to_thread=False)
    def forget() -> str:
        fragments.forget_fragments()
        return "forgotten"

    async def cold(request: Request[Any, Any, Any]) -> None:
        if request.headers.get("x-cold"):
            fragments.forget_fragments()

    for handler in (from_memory, feed_from_memory, forget):
        app.register(handler)
    for route in app.routes:
        for route_handler in getattr(route, "route_handlers", []):
            if route_handler.fn.__name__ == "show_feed":
                route_handler.before_request = cold
    return app


class Somebody:
    """A signed-in browser without a browser: raw requests on one connection."""

    def __init__(self, port: int, cookie: str) -> None:
        self.port = port
        self.cookie = cookie

    def request(self, path: str, **headers: str) -> bytes:
        """The bytes of a GET request, signed in unless it goes to a reference."""
        lines = [f"GET {path} HTTP/1.1", f"Host: 127.0.0.1:{self.port}"]
        if not path.startswith("/bench"):
            lines.append(f"Cookie: {self.cookie}")
        lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
        return ("\r\n".join(lines) + "\r\n\r\n").encode()

    def fetch(self, request: bytes, connection: socket.socket | None = None) -> bytes:
        """One answer; raises when it is not a 200."""
        with contextlib.ExitStack() as stack:
            link = connection or stack.enter_context(socket.create_connection(("127.0.0.1", self.port)))
            link.sendall(request)
            answer = b""
            while b"\r\n\r\n" not in answer:
                answer += link.recv(1 << 16)
            head, _sep, body = answer.partition(b"\r\n\r\n")
            if not head.startswith((b"HTTP/1.1 200", b"HTTP/1.1 30")):
                raise RuntimeError(head.decode() + body[:300].decode(errors="replace"))
            length = int((re.search(rb"content-length: (\d+)", head, re.IGNORECASE) or [b"", b"0"])[1])
            while len(body) < length:
                body += link.recv(1 << 16)
            return head + b"\r\n\r\n" + body

    def median_ms(self, request: bytes, times: int = 60) -> float:
        """The median time of one client's answers."""
        spent = []
        with socket.create_connection(("127.0.0.1", self.port)) as link:
            link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            for _ in range(times):
                begun = time.perf_counter()
                self.fetch(request, link)
                spent.append((time.perf_counter() - begun) * 1000)
        return statistics.median(spent)


def build_centre(folder: Path) -> str:
    """Builds the sample centre; returns the secret of an agent's sign-in link."""
    settings = demo_settings(folder, 8000)
    settings.data.mkdir(parents=True, exist_ok=True)

    async def make() -> str:
        await fill(settings, lambda *_progress: None)
        from trainer import db

        await db.open_database(settings.effective_database_url)
        try:
            people = {person.email: person.id for person in await all_people()}
            return await issue_demo_link(people[AGENT])
        finally:
            await db.close_database()

    return asyncio.run(make())


def signed_in(port: int, secret: str) -> Somebody:
    """An agent who came in by the link."""
    visitor = Somebody(port, "none=1")
    head = visitor.fetch(visitor.request(f"/demo/{secret}")).decode()
    cookie = re.search(r"set-cookie: (encore=[^;]+)", head, re.IGNORECASE)
    assert cookie, head
    return Somebody(port, cookie[1])


async def feed_rows(port: int, agent: Somebody, rounds: int, seconds: float) -> list[Row]:
    """The feed, warm and cold, against the same template from memory."""
    agent.fetch(agent.request("/bench/forget"))
    agent.fetch(agent.request("/recognition", X_Remember="feed"))
    warm = agent.request("/recognition")
    cold = agent.request("/recognition", X_Cold="1")
    memory = agent.request("/bench/feed")
    drawn = agent.request("/bench/memory?name=feed&template=recognition/feed.html")
    rates: dict[str, list[float]] = {name: [] for name in ("warm", "cold", "memory", "drawn")}
    for turn in range(rounds + 1):
        for name, request in (("warm", warm), ("memory", memory), ("cold", cold), ("drawn", drawn)):
            rate = await requests_a_second(port, request, CLIENTS, seconds)
            if turn:  # the first round warms up
                rates[name].append(rate)
    middle = {name: statistics.median(found) for name, found in rates.items()}

    def row(name: str, value: str, reference: str, bound: float | None) -> Row:
        ratio = statistics.median(a / b for a, b in zip(rates[value], rates[reference], strict=True))
        return Row(
            name,
            middle[value],
            "/s",
            middle[reference],
            ratio,
            f"≥ {bound}" if bound else "printed",
            ratio >= bound if bound else None,
        )

    return [
        row(f"feed, {POSTS} posts, warm ÷ same template from memory", "warm", "memory", 0.7),
        row(f"feed, {POSTS} posts, cache cleared ÷ same template from memory", "cold", "memory", 0.45),
        row("feed, warm ÷ page from memory with its posts drawn already", "warm", "drawn", None),
    ]


def learner_rows(agent: Somebody, rounds: int) -> list[Row]:
    """The learner's pages, one client, against their templates from memory."""
    found: list[Row] = []
    learn = agent.fetch(agent.request("/learn")).decode()
    module = (re.search(r"/learn/[0-9a-f-]{36}", learn) or [""])[0]
    for name, path, template in (
        ("learner home", "/home", "homes/home.html"),
        ("module page", module, "training/overview.html"),
    ):
        agent.fetch(agent.request(path, X_Remember=name.split()[0]))
        memory = agent.request(f"/bench/memory?name={name.split()[0]}&template={template}")
        pairs = [(agent.median_ms(agent.request(path)), agent.median_ms(memory)) for _ in range(rounds + 1)][
            1:
        ]
        ratio = statistics.median(page / reference for page, reference in pairs)
        page_ms, reference_ms = (statistics.median(column) for column in zip(*pairs, strict=True))
        found.append(
            Row(
                f"{name}, p50 ÷ same template from memory",
                page_ms,
                "ms",
                reference_ms,
                ratio,
                "≤ 1.6",
                ratio <= 1.6,
            )
        )
    return found


def start_rows(folder: Path) -> list[Row]:
    """Start to first answer, and memory of the idle process tree (PSS)."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = {**os.environ, "TRAINER_DATA": str(folder), "PYTHONPATH": str(ROOT)}
    begun = time.monotonic()
    process = subprocess.Popen(
        [sys.executable, "-m", "trainer", "serve", "--port", str(port)],
        env=environment,
        stderr=subprocess.DEVNULL,
    )
    try:
        while True:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 0.2) as link:
                link.sendall(b"GET /sign-in HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
                if link.recv(64):
                    break
            time.sleep(0.02)
        seconds = time.monotonic() - begun
        time.sleep(5)
        memory = proportional_mb(process.pid)
    finally:
        process.terminate()
        process.wait(10)
    return [
        Row("start to first answer", seconds, "s", None, None, "≤ 2 (printed)", None),
        Row("idle memory, whole process tree", memory, "MB", None, None, "≤ 130 (printed)", None),
    ]


def proportional_mb(root: int) -> float:
    """PSS of a process and its descendants, in megabytes."""
    parents = {}
    for entry in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            fields = entry.read_text().rpartition(")")[2].split()
            parents[int(entry.parent.name)] = int(fields[1])
    family = {root}
    while more := {pid for pid, parent in parents.items() if parent in family} - family:
        family |= more
    total = 0
    for pid in family:
        with contextlib.suppress(OSError):
            found = re.search(r"^Pss:\s+(\d+)", Path(f"/proc/{pid}/smaps_rollup").read_text(), re.MULTILINE)
            total += int(found[1]) if found else 0
    return total / 1024


def rows(rounds: int = 7, seconds: float = 0.6) -> list[Row]:
    """All rows of this benchmark; builds a sample centre first."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "centre"
        secret = build_centre(folder)
        with served(folder, "benchmarks.pages:create_bench_app") as port:
            agent = signed_in(port, secret)
            found = asyncio.run(feed_rows(port, agent, rounds, seconds))
            found += learner_rows(agent, rounds)
        return found + start_rows(folder)
