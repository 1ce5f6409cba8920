"""Many writers at once, in one process and over two: none is told "locked", and the total is exact."""

import asyncio
import subprocess
import sys
import textwrap

import pytest

from trainer import db

WRITERS = 20

WORK = """
import asyncio, sys
from trainer import db

async def add() -> None:
    async with db.transaction():
        await db.lock("counter")
        row = await db.fetch_one("SELECT total FROM counter WHERE id = 1")
        await asyncio.sleep(0)
        await db.fetch("UPDATE counter SET total = {} WHERE id = 1", row["total"] + 1)

async def main(url: str, writers: int, rounds: int) -> None:
    await db.open_database(url)
    for _ in range(rounds):
        await asyncio.gather(*[add() for _ in range(writers)])
    await db.close_database()

asyncio.run(main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3])))
"""


async def make_counter() -> None:
    await db.database().run_ddl("CREATE TABLE counter (id INTEGER PRIMARY KEY, total INTEGER NOT NULL)")
    await db.fetch("INSERT INTO counter (id, total) VALUES (1, 0)")


async def total() -> int:
    row = await db.fetch_one("SELECT total FROM counter WHERE id = 1")
    assert row is not None
    return row["total"]


async def add_one() -> None:
    async with db.transaction():
        await db.lock("counter")
        read = await total()
        await asyncio.sleep(0.001)
        await db.fetch("UPDATE counter SET total = {} WHERE id = 1", read + 1)


@pytest.mark.usefixtures("database")
async def test_twenty_transactions_that_read_and_then_write():
    await make_counter()
    await asyncio.gather(*[add_one() for _ in range(WRITERS)])
    assert await total() == WRITERS


@pytest.mark.usefixtures("database")
async def test_twenty_guarded_updates_without_a_lock():
    await make_counter()

    async def add_guarded() -> None:
        while True:
            read = await total()
            async with db.transaction():
                won = await db.fetch(
                    "UPDATE counter SET total = {} WHERE id = 1 AND total = {} RETURNING total",
                    read + 1,
                    read,
                )
            if won:
                return

    await asyncio.gather(*[add_guarded() for _ in range(WRITERS)])
    assert await total() == WRITERS


async def test_two_processes_of_twenty_writers_each(database: str):
    await make_counter()
    command = [sys.executable, "-W", "error", "-c", textwrap.dedent(WORK), database, str(WRITERS), "3"]
    processes = [
        await asyncio.create_subprocess_exec(*command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        for _ in range(2)
    ]
    outputs = await asyncio.gather(*[process.communicate() for process in processes])
    assert [process.returncode for process in processes] == [0, 0], outputs
    assert await total() == 2 * WRITERS * 3


@pytest.mark.usefixtures("database")
async def test_reads_keep_answering_while_writers_queue():
    await make_counter()
    writers = asyncio.gather(*[add_one() for _ in range(WRITERS)])
    seen = [await total() for _ in range(50)]
    await writers
    assert seen == sorted(seen)
    assert await total() == WRITERS
