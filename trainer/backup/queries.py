"""The tables as they were at one moment, out of either engine and into either; SQL that only a backup needs.

Reading happens on a connection of its own: a snapshot that lasts must not hold the pool's connections, and
writers go on beside it (WAL on SQLite, REPEATABLE READ on PostgreSQL).
"""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

from trainer import db
from trainer.db_sqlite import Sqlite, translated

ROWS = 500
Batch = list[tuple[Any, ...]]
ReadTable = Callable[[str, list[str]], AsyncIterator[Batch]]
Columns = Mapping[str, str]


def snapshot(url: str) -> AbstractAsyncContextManager[ReadTable]:
    """`async with snapshot(url) as read:` then `read(table, columns)` gives batches of rows of that moment."""
    return _sqlite_snapshot(url) if url.startswith("sqlite:///") else _postgres_snapshot(url)


@asynccontextmanager
async def _sqlite_snapshot(url: str) -> AsyncIterator[ReadTable]:
    connection = await asyncio.to_thread(
        sqlite3.connect,
        url.removeprefix("sqlite:///"),
        isolation_level=None,
        detect_types=sqlite3.PARSE_DECLTYPES,
        check_same_thread=False,
        timeout=30,
    )

    async def read(table: str, columns: list[str]) -> AsyncIterator[Batch]:
        cursor = await asyncio.to_thread(
            connection.execute, f"SELECT {_quoted(columns)} FROM {_quoted([table])}"
        )
        while batch := await asyncio.to_thread(cursor.fetchmany, ROWS):
            yield batch

    try:
        connection.execute("PRAGMA query_only = ON")
        connection.execute("BEGIN")
        connection.execute(
            "SELECT COUNT(*) FROM sqlite_master"
        ).fetchall()  # the moment is that of the first read
        yield read
    finally:
        await asyncio.to_thread(connection.close)


@asynccontextmanager
async def _postgres_snapshot(url: str) -> AsyncIterator[ReadTable]:
    import asyncpg

    connection = await asyncpg.connect(url, timeout=10, server_settings={"timezone": "UTC"})

    async def read(table: str, columns: list[str]) -> AsyncIterator[Batch]:
        batch: Batch = []
        async for record in connection.cursor(
            f"SELECT {_quoted(columns)} FROM {_quoted([table])}", prefetch=ROWS
        ):
            batch.append(tuple(record))
            if len(batch) == ROWS:
                yield batch
                batch = []
        if batch:
            yield batch

    try:
        async with connection.transaction(isolation="repeatable_read", readonly=True):
            await connection.fetch("SELECT 1")
            yield read
    finally:
        connection.terminate()


# What is there, and making room


async def tables() -> set[str]:
    """The names of the open database's tables, Piccolo's own list of migrations included."""
    if db.dialect() == "sqlite":
        # not the full-text index nor its own tables: it follows search_entry by itself
        rows = await db.fetch(
            "SELECT name FROM pragma_table_list WHERE schema = 'main' AND type = 'table'"
            " AND name NOT LIKE 'sqlite!_%' ESCAPE '!'"
        )
    else:
        rows = await db.fetch(
            "SELECT table_name AS name FROM information_schema.tables"
            " WHERE table_schema = current_schema() AND table_type = 'BASE TABLE'"
        )
    return {row["name"] for row in rows}


async def holds_rows(table: str) -> bool:
    """Whether there is a row in it."""
    return await db.fetch_one(f"SELECT 1 AS one FROM {_quoted([table])} LIMIT 1") is not None


async def drop(names: Iterable[str]) -> None:
    """Removes these tables, whatever points at them."""
    engine = db.database()
    if isinstance(engine, Sqlite):
        async with engine.without_foreign_keys(), db.transaction():
            for name in names:
                await engine.run_ddl(f"DROP TABLE {_quoted([name])}")
    else:
        async with db.transaction():
            for name in names:
                await engine.run_ddl(f"DROP TABLE {_quoted([name])} CASCADE")


# Taking rows in


@asynccontextmanager
async def loading() -> AsyncIterator[None]:
    """A transaction in which rows may come before those that they point to; all are checked at its end.

    Raises ForeignKeyViolation, with nothing taken in, when one points nowhere.
    """
    engine = db.database()
    if isinstance(engine, Sqlite):
        async with engine.without_foreign_keys(), db.transaction():
            yield
            if broken := await engine.run_ddl("PRAGMA foreign_key_check"):
                raise db.ForeignKeyViolation(f"{len(broken)} rows point nowhere, first: {broken[0]}")
        return
    async with db.transaction():
        # switching triggers off needs a superuser; the owner of the tables may make their constraints anew
        constraints = await db.fetch(
            "SELECT conrelid::regclass::text AS on_table, quote_ident(conname) AS name,"
            " pg_get_constraintdef(oid) AS says FROM pg_constraint"
            " WHERE contype = 'f' AND connamespace = current_schema()::regnamespace"
        )
        for each in constraints:
            await engine.run_ddl(f"ALTER TABLE {each['on_table']} DROP CONSTRAINT {each['name']}")
        yield
        for each in constraints:
            await engine.run_ddl(
                f"ALTER TABLE {each['on_table']} ADD CONSTRAINT {each['name']} {each['says']}"
            )


async def insert(table: str, columns: list[str], rows: Batch) -> None:
    """Rows into a table, inside `loading`."""
    held = db.database().held()
    assert held is not None
    if isinstance(db.database(), Sqlite):
        marks = ", ".join("?" * len(columns))
        try:
            await held.connection.executemany(
                f"INSERT INTO {_quoted([table])} ({_quoted(columns)}) VALUES ({marks})", rows
            )
        except sqlite3.Error as error:
            raise translated(error) from error
    else:
        await held.connection.copy_records_to_table(table, records=rows, columns=columns)


async def end_all_sessions() -> None:
    """Everybody signs in anew."""
    await db.fetch("DELETE FROM session")


def _quoted(names: Iterable[str]) -> str:
    return ", ".join('"' + name.replace('"', '""') + '"' for name in names)
