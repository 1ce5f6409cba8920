"""Monday morning: forty new agents begin the same module within a minute, each on a phone of their own.

The real server runs with its jobs in one process. Every agent opens home and module, plays each clip, keeps the place
once, answers all steps. Afterwards the database is asked whether an answer was lost or doubled. Both engines.
"""

import asyncio
import contextlib
import os
import random
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx

from benchmarks.row import Row
from tests.postgres_cluster import Cluster, missing
from trainer import db, jobs, storage
from trainer.clips.service import clips_by_ids
from trainer.demo.command import fill
from trainer.demo.history import viewer_of
from trainer.people.service import create_person, people_by_ids
from trainer.people.sessions import Sessions
from trainer.settings import Settings
from trainer.training import enrolling, grading, taking
from trainer.training.modules import StepView
from trainer.web.session import cookie_name

ROOT = Path(__file__).resolve().parent.parent
AGENTS = 40
MINUTE_S = 60.0
THINK_S = (0.5, 2.5)  # between a page and what is done on it
MODULE = "happy-simple-effective"


@dataclass(slots=True)
class Learner:
    """One agent with a cookie, the module they were given, and what they will answer."""

    person: UUID
    cookie: str
    enrolment: UUID
    answers: list[tuple[int, dict[str, str]]]


@dataclass(slots=True)
class Tally:
    """What the agents met."""

    spent_ms: list[float] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)


async def right_answer(course: taking.Course, step: StepView) -> dict[str, Any]:
    """What somebody who listened well would say."""
    if step.kind == "contrast":
        return {"chosen": grading.good_side(course.enrolment.id, step.id)}
    if step.kind == "judge" and step.clip:
        clip = (await clips_by_ids(None, [step.clip]))[step.clip]
        return {"mark": "met" if clip.polarity == "exemplar" else "missed", "at_ms": str(clip.cue_ms or 0)}
    if step.kind == "recall" and step.rule:
        return {"text": step.rule.statement["en"]}
    return {"text": "I would slow down and ask first."} if step.kind == "reflect" else {}


async def prepare(settings: Settings) -> list[Learner]:
    """A sample centre with forty more agents, who are enrolled in the starter module on joining."""
    settings.data.mkdir(parents=True, exist_ok=True)
    await fill(settings, lambda *_progress: None)
    await db.open_database(settings.effective_database_url)
    storage.open_storage(settings.effective_storage_url)
    try:
        people = [
            await create_person(
                None, name=f"New Agent {number}", employee_no=f"N{number:03}", roles=["agent"]
            )
            for number in range(AGENTS)
        ]
        await jobs.drain()
        known = await people_by_ids(people)
        return [await _learner(viewer_of(known[person])) for person in people]
    finally:
        await storage.close_storage()
        await db.close_database()


async def _learner(viewer: Any) -> Learner:
    enrolment = await enrolling.enrol(viewer, MODULE, viewer.id)
    course = await taking.open_course(viewer, enrolment)
    answers = [
        (step.position, {"attempt": "1", "step": str(step.id), **await right_answer(course, step)})
        for step in course.steps
    ]
    return Learner(viewer.id, await Sessions(1).start(viewer.id, device="Load"), enrolment, answers)


@contextlib.contextmanager
def serving(settings: Settings) -> Iterator[int]:
    """`trainer serve` as a centre runs it, in a process of its own."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    environment = {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "TRAINER_DATA": str(settings.data),
        "TRAINER_DATABASE_URL": settings.database_url,
        "TRAINER_BASE_URL": f"http://127.0.0.1:{port}",
    }
    command = [sys.executable, "-m", "trainer", "serve", "--port", str(port)]
    process = subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL)
    try:
        for _ in range(200):
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 0.1):
                break
            time.sleep(0.05)
        yield port
    finally:
        process.terminate()
        process.wait(10)


async def learn(port: int, learner: Learner, tally: Tally, chance: random.Random, within_s: float) -> None:
    """One agent's way through the module."""
    await asyncio.sleep(chance.uniform(0, within_s))
    base = f"http://127.0.0.1:{port}"
    cookies = {cookie_name(False): learner.cookie}
    async with httpx.AsyncClient(base_url=base, cookies=cookies, timeout=30) as browser:

        async def do(method: str, path: str, **options: Any) -> httpx.Response | None:
            begun = time.perf_counter()
            try:
                answer = await browser.request(method, path, **options)
            except httpx.HTTPError as error:
                tally.errors.append(f"{method} {path}: {error!r}")
                return None
            tally.spent_ms.append((time.perf_counter() - begun) * 1000)
            if answer.status_code >= 400:
                tally.errors.append(f"{method} {path}: {answer.status_code}")
            return answer

        page = await do("GET", "/home")
        marker = 'name="csrf-token" content="'
        if page is None or marker not in page.text:
            tally.errors.append("home shows no token")
            return
        browser.headers["X-CSRF-Token"] = page.text.partition(marker)[2].partition('"')[0]
        await do("GET", f"/learn/{learner.enrolment}")
        await do("POST", f"/learn/{learner.enrolment}/begin")
        for position, given in learner.answers:
            here = f"/learn/{learner.enrolment}/{position + 1}"
            shown = await do("GET", here)
            for piece in (shown.text if shown else "").split('data-src="')[1:]:
                await do("GET", piece.partition('"')[0], headers={"Range": "bytes=0-65535"})
            await asyncio.sleep(chance.uniform(*THINK_S))
            await do("POST", f"{here}/place", data={"step": given["step"], "heard": "a", "heard_ms": "1500"})
            answered = await do("POST", here, data=given)
            if answered is not None and answered.has_redirect_location:
                await do("GET", answered.headers["location"])
        await do("GET", f"/learn/{learner.enrolment}/done")


async def wrong_in_the_database(settings: Settings, learners: list[Learner]) -> int:
    """Answers that are missing or doubled, and completions that are not there exactly once."""
    await db.open_database(settings.effective_database_url)
    try:
        wrong = 0
        for learner in learners:
            rows = await db.fetch("SELECT step FROM answer WHERE enrolment = {}", learner.enrolment)
            facts = await db.fetch(
                "SELECT id FROM fact WHERE kind = 'module_completed' AND person = {}", learner.person
            )
            wrong += abs(len(rows) - len(learner.answers)) + abs(len(facts) - 1)
        return wrong
    finally:
        await db.close_database()


def measure(name: str, settings: Settings, within_s: float) -> list[Row]:
    """The rows of one engine."""
    learners = asyncio.run(prepare(settings))
    tally = Tally()
    chance = random.Random(7)

    async def morning(port: int) -> None:
        await asyncio.gather(*(learn(port, one, tally, chance, within_s) for one in learners))

    with serving(settings) as port:
        asyncio.run(morning(port))
    for error in tally.errors[:5]:
        print(f"  {error}", file=sys.stderr)
    spent = sorted(tally.spent_ms)
    p95 = spent[int(len(spent) * 0.95)]
    wrong = asyncio.run(wrong_in_the_database(settings, learners))
    what = f"{AGENTS} agents begin a module within {within_s:.0f} s, {name}"
    return [
        Row(f"{what}: p95 of {len(spent)} requests", p95, "ms", None, None, "≤ 300 ms", p95 <= 300),
        Row(f"{what}: errors", len(tally.errors), "", None, None, "0", not tally.errors),
        Row(f"{what}: answers lost or doubled", wrong, "", None, None, "0", wrong == 0),
    ]


def rows(within_s: float = MINUTE_S) -> list[Row]:
    """Both engines; without PostgreSQL on this machine SQLite alone."""
    found: list[Row] = []
    with tempfile.TemporaryDirectory() as folder:
        found += measure("SQLite", Settings(data=Path(folder) / "centre"), within_s)
    if why := missing():
        print(f"  PostgreSQL is left out: {why}", file=sys.stderr)
        return found
    cluster = Cluster()
    try:
        cluster.start()
        with tempfile.TemporaryDirectory() as folder:
            settings = Settings(data=Path(folder) / "centre", database_url=cluster.url)
            found += measure("PostgreSQL", settings, within_s)
    finally:
        cluster.remove()
    return found
