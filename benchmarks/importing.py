"""Two hundred calls come in at once while people look at the feed: every core works, and nobody waits for it.

The real server runs with its jobs in one process, as in a small centre. Somebody opens the feed ten times a second,
first while nothing else happens, then while an archive of calls is uploaded, listened to, taken in and prepared.
"""

import asyncio
import contextlib
import io
import os
import sys
import tempfile
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path

import httpx

from benchmarks.load import serving
from benchmarks.row import Row
from tests.audio import makers
from trainer import db
from trainer.demo.command import fill
from trainer.people.service import all_people
from trainer.people.sessions import Sessions
from trainer.settings import Settings
from trainer.web.session import cookie_name

CALLS = 200
SECONDS = 60
EVERY_S = 0.1
IDLE_S = 12.0
MOST_TIMES = 3.0
CORES = os.cpu_count() or 1
LEAST_BUSY = 0.75  # of all cores, while calls are taken in


def an_archive(calls: int) -> bytes:
    """Calls of a minute each, no two alike, with a sheet of what is known of them."""
    with tempfile.TemporaryDirectory() as folder:
        kind = makers.KINDS["mp3_cbr"]
        sound = makers.call(SECONDS, kind.rate, channels=kind.channels)
        one = makers.write(Path(folder) / "call", kind, sound).read_bytes()
    rows = ["file,title,called_at,consent_basis,csat,tag"]
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_STORED) as archive:
        for number in range(calls):
            tag = b"TAG" + f"Call {number}".encode().ljust(125, b"\0")
            archive.writestr(f"calls/call-{number}.mp3", one + tag)
            rows.append(f"call-{number}.mp3,Call {number},2026-11-02 10:{number % 60:02},contract,4,standard")
        archive.writestr("calls/calls.csv", "\n".join(rows))
    return packed.getvalue()


async def prepare(settings: Settings) -> dict[str, str]:
    """A sample centre; returns the cookies of who uploads and who looks."""
    settings.data.mkdir(parents=True, exist_ok=True)
    await fill(settings, lambda *_progress: None)
    await db.open_database(settings.effective_database_url)
    try:
        people = {str(person.email).partition("@")[0]: person.id for person in await all_people()}
        return {
            name: await Sessions(1).start(people[name], device="Import") for name in ("trainer", "senior")
        }
    finally:
        await db.close_database()


@contextlib.contextmanager
def browser(port: int, cookie: str) -> Iterator[httpx.AsyncClient]:
    """One person's browser."""
    base = f"http://127.0.0.1:{port}"
    yield httpx.AsyncClient(base_url=base, cookies={cookie_name(False): cookie}, timeout=60)


async def look(reader: httpx.AsyncClient, spent_ms: list[float], over: asyncio.Event) -> None:
    """Opens the feed every so often until it is over."""
    while not over.is_set():
        begun = time.perf_counter()
        answer = await reader.get("/recognition")
        answer.raise_for_status()
        spent_ms.append((time.perf_counter() - begun) * 1000)
        await asyncio.sleep(max(0.0, EVERY_S - (time.perf_counter() - begun)))


async def bring(curator: httpx.AsyncClient, archive: bytes, server: int) -> tuple[float, float, int]:
    """Uploads, looks at the preview, says yes. Returns how many seconds it takes to take the calls in, how many cores
    the server has work for meanwhile, and how many calls came.
    """
    form = (await curator.get("/calls/import")).text
    token = form.partition('name="csrf-token" content="')[2].partition('"')[0]
    curator.headers["X-CSRF-Token"] = token
    sent = {"archive": ("calls.zip", archive)}
    answer = await curator.post("/calls/import", files=sent, data={"retain_until": "2098-01-01"})
    here = answer.headers["location"]
    await until(curator, here, "import-counts")
    at_work, over = list[int](), asyncio.Event()
    watching = asyncio.create_task(watch(server, at_work, over))
    begun = time.perf_counter()
    await curator.post(f"{here}/apply")
    page = await until(curator, here, "result-title")
    took = time.perf_counter() - begun
    over.set()
    await watching
    return (
        took,
        sum(at_work) / len(at_work),
        int(page.partition('<b class="number">')[2].partition("<")[0] or 0),
    )


async def until(curator: httpx.AsyncClient, address: str, mark: str) -> str:
    """The page once it shows this mark."""
    for _ in range(1200):
        page = (await curator.get(address)).text
        if mark in page:
            return page
        await asyncio.sleep(0.25)
    raise TimeoutError(f"{address} does not get as far as {mark}")


async def watch(server: int, at_work: list[int], over: asyncio.Event) -> None:
    """How many cores the server has work for, a few times a second: threads that run or wait only for a core.
    Unlike CPU seconds, that does not depend on what else the machine does.
    """
    while not over.is_set():
        at_work.append(min(sum(_ready(pid) for pid in [server, *_offspring(server)]), CORES))
        await asyncio.sleep(0.05)


def _ready(process: int) -> int:
    count = 0
    for path in Path(f"/proc/{process}/task").glob("*/stat"):
        with contextlib.suppress(OSError):
            count += path.read_text().rpartition(")")[2].split()[0] in ("R", "D")
    return count


def _offspring(process: int) -> list[int]:
    found: list[int] = []
    for path in Path(f"/proc/{process}/task").glob("*/children"):
        with contextlib.suppress(OSError):
            for child in path.read_text().split():
                found += [int(child), *_offspring(int(child))]
    return found


def p95(spent_ms: list[float]) -> float:
    return sorted(spent_ms)[int(len(spent_ms) * 0.95)]


async def measured(port: int, server: int, cookies: dict[str, str], archive: bytes) -> list[Row]:
    idle, busy = list[float](), list[float]()
    with browser(port, cookies["senior"]) as reader, browser(port, cookies["trainer"]) as curator:
        async with reader, curator:
            for _ in range(20):
                await reader.get("/recognition")
            over = asyncio.Event()
            looking = asyncio.create_task(look(reader, idle, over))
            await asyncio.sleep(IDLE_S)
            over.set()
            await looking
            over = asyncio.Event()
            looking = asyncio.create_task(look(reader, busy, over))
            took, cores, came = await bring(curator, archive, server)
            over.set()
            await looking
    ratio = p95(busy) / p95(idle)
    what = f"import of {CALLS} calls of {SECONDS} s"
    return [
        Row(
            f"{what}: p95 of the feed meanwhile ÷ idle",
            p95(busy),
            "ms",
            p95(idle),
            ratio,
            f"≤ {MOST_TIMES:g}",
            ratio <= MOST_TIMES,
        ),
        Row(
            f"{what}: cores with work",
            cores,
            "",
            CORES,
            cores / CORES,
            f"≥ {LEAST_BUSY:g}",
            cores / CORES >= LEAST_BUSY,
        ),
        Row(f"{what}: taken in and prepared in", took, "s", None, None, "", None),
        Row(f"{what}: calls that came", came, "", None, None, f"{CALLS}", came == CALLS),
    ]


def rows() -> list[Row]:
    """One server with SQLite, as a small centre has it."""
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(data=Path(folder) / "centre")
        cookies = asyncio.run(prepare(settings))
        archive = an_archive(CALLS)
        print(f"  an archive of {len(archive) >> 20} MB", file=sys.stderr)
        with serving(settings) as port:
            return asyncio.run(measured(port, _server_of(port), cookies, archive))


def _server_of(port: int) -> int:
    """The process that `serving` started: our youngest child that was told this port."""
    for pid in _offspring(os.getpid()):
        if str(port).encode() in Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0"):
            return pid
    raise LookupError("the server is not there")
