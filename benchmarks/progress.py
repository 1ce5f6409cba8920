"""The progress page of a large centre: 500 people, 20 modules, every enrolment with its answers, on SQLite.

Rows are written directly; what is measured are whole requests of a trainer's browser: the page, the stuck ones, the
map of a list, a workbook, with how many queries each takes.
"""

import asyncio
import json
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx

from benchmarks.row import Row
from trainer import db
from trainer.app import create_app
from trainer.people.tables import Person, Team
from trainer.settings import Settings
from trainer.training.tables import (
    Answer,
    Curriculum,
    CurriculumModule,
    Enrolment,
    Module,
    ModuleVersion,
    Step,
)
from trainer.web.session import cookie_name

URL = "http://127.0.0.1:8000"
PEOPLE, MODULES, STEPS, TEAMS = 500, 20, 8, 12
PAGES = {
    "page": "/progress",
    "stuck ones alone": "/progress?state=stuck",
    "map of a list": "/progress?what=list:everything",
}
BOUND_MS, BOUND_QUERIES = 150, 6


async def fill(people: int = PEOPLE, modules: int = MODULES, steps: int = STEPS) -> UUID:
    """A centre where a third is done, a third under way (some stuck, some overdue) and a third not begun.

    Returns the id of a trainer.
    """
    now = db.utc_now()
    teams = [Team(id=db.new_id(), name=f"Team {n}", created_at=now) for n in range(TEAMS)]
    await Team.insert(*teams)
    persons = [
        Person(
            id=db.new_id(),
            name=f"Agent {n:04}",
            name_key=f"agent {n:04}",
            email=f"agent{n}@bench.example",
            roles="agent",
            team=teams[n % TEAMS].id,
            time_zone=("", "Asia/Tokyo", "America/Lima", "Europe/London")[n % 4],
            created_at=now,
        )
        for n in range(people)
    ]
    await _insert(Person, persons)
    versions, places = [], []
    made = [Module(id=db.new_id(), code=f"module-{n}", position=n, created_at=now) for n in range(modules)]
    await _insert(Module, made)
    for number, module in enumerate(made):
        title = json.dumps({"en": f"Module {number}"})
        versions.append(
            ModuleVersion(id=db.new_id(), module=module.id, state="published", title=title, created_at=now)
        )
        body = json.dumps({"title": {"en": "A word first"}})
        places.append(
            [
                Step(id=db.new_id(), module_version=versions[-1].id, position=p, kind="text", body=body)
                for p in range(steps)
            ]
        )
    await _insert(ModuleVersion, versions)
    await _insert(Step, [step for each in places for step in each])
    listed = Curriculum(id=db.new_id(), code="everything", title='{"en": "Everything"}', created_at=now)
    await Curriculum.insert(listed)
    await _insert(
        CurriculumModule,
        [
            CurriculumModule(id=db.new_id(), curriculum=listed.id, module=module.id, position=n)
            for n, module in enumerate(made)
        ],
    )
    enrolments, answers = [], []
    for p, person in enumerate(persons):
        for m, module in enumerate(made):
            kind = (p + m) % 3
            begun = now - timedelta(days=(p * 7 + m) % 30, hours=1)
            at = steps if kind == 0 else (p + m) % steps if kind == 1 else 0
            one = Enrolment(
                id=db.new_id(),
                person=person.id,
                module=module.id,
                module_version=versions[m].id,
                due_on=(now + timedelta(days=(p + m) % 20 - 6)).date(),
                created_at=now - timedelta(days=31),
                started_at=begun if kind < 2 else None,
                active_at=begun if kind < 2 else None,
                completed_at=begun if kind == 0 else None,
                hard_at=at if kind == 1 and p % 9 == 0 else None,
                at_step=min(at, steps - 1),
            )
            enrolments.append(one)
            answers += [
                Answer(
                    id=db.new_id(), enrolment=one.id, step=places[m][s].id, attempt=1, correct=True, at=begun
                )
                for s in range(at)
            ]
    await _insert(Enrolment, enrolments)
    await _insert(Answer, answers)
    trainer = Person(
        id=db.new_id(), name="T", name_key="t", email="t@bench.example", roles="trainer", created_at=now
    )
    await Person.insert(trainer)
    return trainer.id


async def _insert(table: Any, rows: list[Any]) -> None:
    async with db.transaction():
        for start in range(0, len(rows), 500):
            await table.insert(*rows[start : start + 500])


async def _measured(work: Callable[[], Awaitable[Any]], times: int = 9) -> tuple[float, int]:
    """The median in milliseconds, and how many queries each took."""
    spent: list[float] = []
    await work()
    for _n in range(times):
        with db.queries_counted() as counted:
            begun = time.perf_counter()
            await work()
            spent.append((time.perf_counter() - begun) * 1000)
    return statistics.median(spent), counted.count


async def measure() -> list[Row]:
    """All rows of this benchmark: whole requests, rendered pages, by the real app."""
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(
            data=Path(folder), secret_key="bench", base_url=URL, workers_embedded=False, _env_file=None
        )
        app = create_app(settings)
        async with app.lifespan():
            await db.migrate()
            trainer = await fill()
            secret = await app.state.sessions.start(trainer, device="bench")
            transport = httpx.ASGITransport(app=app)
            async with httpx.AsyncClient(transport=transport, base_url=URL, timeout=60) as client:
                client.cookies.set(cookie_name(False), secret, domain="127.0.0.1")
                return await _rows(client)


async def _rows(client: httpx.AsyncClient) -> list[Row]:
    async def get(path: str) -> None:
        answer = await client.get(path)
        if answer.status_code != 200:
            raise RuntimeError(f"{path}: {answer.status_code} {answer.text[:300]}")

    size = f"progress, {PEOPLE} people × {MODULES} modules"
    found = []
    for name, path in PAGES.items():
        spent, queries = await _measured(partial(get, path))
        ok = spent <= BOUND_MS and queries <= BOUND_QUERIES
        label = f"{size}, {name} ({queries} queries)"
        found.append(Row(label, spent, "ms", None, None, f"≤ {BOUND_MS} ms, ≤ {BOUND_QUERIES} queries", ok))
    spent, _queries = await _measured(partial(get, "/progress.xlsx"), times=3)
    found.append(Row(f"{size}, all of it as XLSX", spent, "ms", None, None, "printed", None))
    return found


def rows() -> list[Row]:
    """For `make bench`."""
    return asyncio.run(measure())
