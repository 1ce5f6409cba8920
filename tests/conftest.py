"""What every test may ask for: a migrated database of its own on each engine, and a query counter.

`database` runs a test once per engine. `TRAINER_TEST_ENGINES=sqlite` keeps to one of them for a quick run;
`TRAINER_TEST_POSTGRES_URL` names a running server (a role that may create databases) to use in place of a
private one. Fixtures for the app, the client and the browser live beside their tests.
"""

import asyncio
import os
import shutil
import sys
import uuid
from collections.abc import AsyncIterator, Coroutine, Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tests import postgres_cluster
from trainer import db

pytest_plugins = ["tests.web_fixtures"]  # the app, a client and what signs it in

ENGINES = os.environ.get("TRAINER_TEST_ENGINES", "sqlite,postgres").split(",")


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """The address of a PostgreSQL server (its maintenance database); skips where there is none."""
    if given := os.environ.get("TRAINER_TEST_POSTGRES_URL"):
        yield given
        return
    if (reason := postgres_cluster.missing()) is not None:
        pytest.skip(f"{reason}; `make system-deps` installs it")
    cluster = postgres_cluster.Cluster()
    try:
        cluster.start()
        yield cluster.url
    finally:
        cluster.remove()


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated SQLite file, to be copied."""
    path = tmp_path_factory.mktemp("template") / "template.sqlite"
    _run(_migrate(f"sqlite:///{path}"))
    return path


@pytest.fixture(scope="session")
def postgres_template(postgres_url: str) -> Iterator[str]:
    """The name of a migrated PostgreSQL database, to be copied."""
    name = f"template_{uuid.uuid4().hex}"
    _run(_command(postgres_url, f'CREATE DATABASE "{name}"'))
    _run(_migrate(postgres_cluster.with_database(postgres_url, name)))
    yield name
    _run(_command(postgres_url, f'DROP DATABASE "{name}" WITH (FORCE)'))


@pytest.fixture(params=["sqlite", "postgres"])
def engine(request: pytest.FixtureRequest) -> str:
    """Runs the test on each engine."""
    if request.param not in ENGINES:
        pytest.skip(f"TRAINER_TEST_ENGINES leaves out {request.param}")
    return request.param


@pytest.fixture
async def database_url(engine: str, request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[str]:
    """The address of a fresh migrated database, not opened: for tests that start processes of their own."""
    if engine == "sqlite":
        path = tmp_path / "test.sqlite"
        shutil.copyfile(request.getfixturevalue("sqlite_template"), path)
        yield f"sqlite:///{path}"
        return
    server, template = request.getfixturevalue("postgres_url"), request.getfixturevalue("postgres_template")
    name = f"test_{uuid.uuid4().hex}"
    await _command(server, f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
    yield postgres_cluster.with_database(server, name)
    await _command(server, f'DROP DATABASE "{name}" WITH (FORCE)')


@pytest.fixture
async def empty_database_url(
    engine: str, request: pytest.FixtureRequest, tmp_path: Path
) -> AsyncIterator[str]:
    """The address of a database without any table, not opened: for tests of the migrations."""
    if engine == "sqlite":
        yield f"sqlite:///{tmp_path / 'empty.sqlite'}"
        return
    server = request.getfixturevalue("postgres_url")
    name = f"empty_{uuid.uuid4().hex}"
    await _command(server, f'CREATE DATABASE "{name}"')
    yield postgres_cluster.with_database(server, name)
    await _command(server, f'DROP DATABASE "{name}" WITH (FORCE)')


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[str]:
    """A fresh migrated database, opened for this test; the value is its address."""
    await db.open_database(database_url)
    yield database_url
    await db.close_database()


# What a process keeps of its database for a while: rooms, and how they forget it.
KEPT = {
    "trainer.career.service": "forget_plans",
    "trainer.recognition.fragments": "forget_fragments",
    "trainer.recognition.pages": "forget_beside",
}


@pytest.fixture(autouse=True)
def nothing_kept() -> Iterator[None]:
    """The next test has another database: what it is told must not depend on which tests ran before it."""
    yield
    for room, forget in KEPT.items():
        if room in sys.modules:
            getattr(sys.modules[room], forget)()


@pytest.fixture
def count_queries() -> object:
    """`with count_queries() as counted: …; assert counted.count <= 4` (`counted.statements` shows them)."""
    return db.queries_counted


def _run(work: Coroutine[Any, Any, None]) -> None:
    """To its end, in a thread: fixtures of the session may be asked for while a test's event loop runs."""
    with ThreadPoolExecutor(1) as thread:
        thread.submit(asyncio.run, work).result()


async def _migrate(url: str) -> None:
    await db.open_database(url)
    await db.migrate()
    await db.close_database()


async def _command(url: str, statement: str) -> None:
    """Run a statement that no transaction may hold."""
    import asyncpg

    connection = await asyncpg.connect(url)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """With TRAINER_TEST_REQUIRE (the full check sets it), a test that would be skipped for want of a system
    package fails instead: a green run must not hide that the browser was never started.
    """
    report = yield
    wanted = os.environ.get("TRAINER_TEST_REQUIRE")
    if wanted and report.skipped and "system-deps" in str(report.longrepr):
        report.outcome = "failed"
        report.longrepr = f"{item.nodeid} was skipped, though {wanted} must be here: {report.longrepr}"
    return report
