"""The progress page of a large centre: 500 people, 20 modules, every enrolment with its answers, on SQLite.

Rows are written directly; how they are read is what is measured: the page, the matrix of a list, the stuck ones, an
export, each as its service answers, with how many queries that takes.
"""

import asyncio
import json
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

from benchmarks.row import Row
from trainer import db
from trainer.people.tables import Person, Team
from trainer.training.progress.service import export_rows, matrix, people_stuck, progress_page
from trainer.training.progress.views import Filters
from trainer.training.tables import (
    Answer,
    Curriculum,
    CurriculumModule,
    Enrolment,
    Module,
    ModuleVersion,
    Step,
)
from trainer.web.session import Viewer

PEOPLE, MODULES, STEPS, TEAMS = 500, 20, 8, 12
BOUND_MS, BOUND_QUERIES = 150, 6


async def fill(people: int = PEOPLE, modules: int = MODULES, steps: int = STEPS) -> Viewer:
    """A centre where a third is done, a third under way (some stuck, some overdue) and a third not begun.

    Returns a trainer.
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
    return Viewer(db.new_id(), "Trainer", frozenset({"trainer"}), None, None, "en", "")


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
    """All rows of this benchmark."""
    with tempfile.TemporaryDirectory() as folder:
        await db.open_database(f"sqlite:///{Path(folder) / 'bench.sqlite'}")
        try:
            await db.migrate()
            return await _rows(await fill())
        finally:
            await db.close_database()


async def _rows(viewer: Viewer) -> list[Row]:
    last = ("agent 0400", UUID(int=0), 0, UUID(int=0))
    works: dict[str, Callable[[], Awaitable[Any]]] = {
        "page": lambda: progress_page(viewer, Filters()),
        "page, far down": lambda: progress_page(viewer, Filters(), after=last),
        "stuck ones alone": lambda: progress_page(viewer, Filters(state="stuck")),
        "matrix of a list": lambda: matrix(viewer, Filters(what="list:everything")),
        "for a trainer's home": lambda: people_stuck(viewer),
    }
    found = []
    for name, work in works.items():
        spent, queries = await _measured(work)
        ok = (
            spent <= BOUND_MS and queries < BOUND_QUERIES
        )  # the request's own look-up of who asks is one more
        label = f"progress, {PEOPLE} people × {MODULES} modules, {name} ({queries} queries)"
        found.append(Row(label, spent, "ms", None, None, f"≤ {BOUND_MS} ms", ok))
    spent, queries = await _measured(lambda: export_rows(viewer, Filters()), times=3)
    found.append(
        Row(f"progress, all {PEOPLE * MODULES} rows for a sheet", spent, "ms", None, None, "printed", None)
    )
    return found


def rows() -> list[Row]:
    """For `make bench`."""
    return asyncio.run(measure())
