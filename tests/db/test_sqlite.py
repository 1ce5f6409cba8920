"""What is particular to SQLite: slow reads leave the event loop, other processes are waited for."""

import asyncio
import sqlite3
import sys
from pathlib import Path

import pytest

from tests.counting import count_of
from trainer import db, db_sqlite
from trainer.facts import record

SLOW = (
    "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c WHERE x < 3000000)"
    " SELECT COUNT(*) AS n FROM c"
)


@pytest.fixture
async def file(sqlite_template: Path, tmp_path: Path):
    path = tmp_path / "test.sqlite"
    path.write_bytes(sqlite_template.read_bytes())
    await db.open_database(f"sqlite:///{path}")
    yield path
    await db.close_database()


async def test_a_slow_read_does_not_hold_up_the_event_loop(file: Path):
    reading = asyncio.create_task(db.fetch(SLOW))
    turns = 0
    while not reading.done():
        await asyncio.sleep(0.001)
        turns += 1
    assert turns > 10, "others had to wait for it"


async def test_quick_reads_need_no_thread(file: Path, monkeypatch: pytest.MonkeyPatch):
    async def refuse(*_: object) -> None:
        raise AssertionError("went to a thread")

    monkeypatch.setattr(db_sqlite.Sqlite, "_in_thread", refuse)
    assert await count_of("none") == 0


async def test_reads_go_on_while_somebody_writes(file: Path):
    async with db.transaction():
        await record("k", person=None, subject="-", source="a")
        reading = asyncio.create_task(count_elsewhere(file))
        assert await reading == 0


async def count_elsewhere(file: Path) -> int:
    other = sqlite3.connect(file)
    try:
        return other.execute("SELECT COUNT(*) FROM fact").fetchone()[0]
    finally:
        other.close()


async def test_another_process_that_writes_is_waited_for(file: Path):
    other = sqlite3.connect(file, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    waiting = asyncio.create_task(record("k", person=None, subject="-", source="a"))
    await asyncio.sleep(0.6)
    assert not waiting.done()
    other.execute("COMMIT")
    assert await waiting
    other.close()


async def test_a_wait_without_end_is_busy_and_not_locked(file: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(db_sqlite, "PATIENCE_S", 0.3)
    other = sqlite3.connect(file, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(db.DatabaseBusy):
        async with db.transaction():
            pass
    with pytest.raises(db.DatabaseBusy):
        await record("k", person=None, subject="-", source="a")
    other.execute("ROLLBACK")
    other.close()
    assert await record("k", person=None, subject="-", source="a")


async def test_writers_have_their_turn_in_the_order_in_which_they_came(file: Path):
    order: list[int] = []

    async def write(number: int) -> None:
        async with db.transaction():
            order.append(number)
            await record("k", person=None, subject="-", source=str(number))

    await asyncio.gather(*[write(number) for number in range(10)])
    assert order == list(range(10))


async def test_a_begin_that_is_cancelled_is_taken_back(file: Path, monkeypatch: pytest.MonkeyPatch):
    begun = asyncio.Event()
    real = db_sqlite.Sqlite._patiently

    async def begin_and_dawdle(self, connection, sql, params=()):
        rows = await real(self, connection, sql, params)
        begun.set()
        await asyncio.sleep(30)
        return rows

    async def work() -> None:
        async with db.transaction():
            pass

    monkeypatch.setattr(db_sqlite.Sqlite, "_patiently", begin_and_dawdle)
    task = asyncio.create_task(work())
    await begun.wait()
    task.cancel()
    await asyncio.wait([task])
    monkeypatch.undo()
    async with db.transaction():
        await record("k", person=None, subject="-", source="a")
    assert await count_of("k") == 1


async def test_closing_waits_for_the_writer(file: Path):
    inside = asyncio.Event()

    async def work() -> None:
        async with db.transaction():
            inside.set()
            await asyncio.sleep(0.05)
            await record("k", person=None, subject="-", source="a")

    task = asyncio.create_task(work())
    await inside.wait()
    await db.close_database()
    await task
    assert await count_elsewhere(file) == 1


async def test_a_lost_connection_is_made_again(file: Path):
    engine = db.database()
    assert isinstance(engine, db_sqlite.Sqlite)
    await record("k", person=None, subject="-", source="a")
    assert await count_of("k") == 1
    engine._quick.close()
    with pytest.raises(db.DatabaseGone):
        await count_of("k")
    assert await count_of("k") == 1
    await engine._writer.close()
    with pytest.raises(db.DatabaseGone):
        await record("k", person=None, subject="-", source="b")
    assert await record("k", person=None, subject="-", source="b")
    assert await count_of("k") == 2


async def test_a_file_that_is_no_database_is_said_to_be_none(tmp_path: Path):
    path = tmp_path / "notes.sqlite"
    path.write_bytes(b"dear diary " * 100)
    with pytest.raises(db.DatabaseGone, match="not a database"):
        await db.open_database(f"sqlite:///{path}")
    assert not db.is_open()


async def test_wrong_addresses_are_named():
    with pytest.raises(db.DatabaseError, match="mysql"):
        await db.open_database("mysql://somewhere/db")
    with pytest.raises(db.DatabaseError, match="needs a file"):
        await db.open_database("sqlite:///:memory:")


async def test_only_one_database_at_a_time(file: Path):
    with pytest.raises(RuntimeError, match="open already"):
        await db.open_database(f"sqlite:///{file}")


async def test_without_the_postgres_extra_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "asyncpg", None)
    monkeypatch.delitem(sys.modules, "trainer.db_postgres", raising=False)
    with pytest.raises(db.DatabaseError, match=r"trainer\[postgres\]"):
        await db.open_database("postgresql://somewhere/db")
