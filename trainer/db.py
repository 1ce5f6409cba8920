"""The database: one way to ask it and to change it, the same on SQLite and PostgreSQL.

Why: Piccolo opens a new SQLite connection for every query and begins transactions so that two writers
end in "database is locked"; here both engines are pooled, writers queue, and errors have one name.
Invariant: what is done inside `transaction()` happens together with its after-commit callbacks, or not
at all; once a statement in it has failed, nothing more runs in it (PostgreSQL's rule, kept on SQLite too,
so that code tested on one engine works on the other).

What the engines share is in `trainer.db_engine`, SQLite in `trainer.db_sqlite`, PostgreSQL in
`trainer.db_postgres`, migrations in `trainer.db_schema`.
"""

import os
import uuid
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from piccolo.table import Table

from trainer.db_engine import (
    ConstraintViolation,
    Counted,
    Database,
    DatabaseBusy,
    DatabaseError,
    DatabaseFull,
    DatabaseGone,
    Dialect,
    ForeignKeyViolation,
    OutcomeUnknown,
    Row,
    Transaction,
    TransactionFailed,
    UniqueViolation,
    ValueRefused,
    queries_counted,
    to_the_end,
    writes_noticed,
)

__all__ = [
    "ConstraintViolation",
    "Counted",
    "Database",
    "DatabaseBusy",
    "DatabaseError",
    "DatabaseFull",
    "DatabaseGone",
    "Dialect",
    "ForeignKeyViolation",
    "OutcomeUnknown",
    "Row",
    "Transaction",
    "TransactionFailed",
    "UniqueViolation",
    "ValueRefused",
    "after_commit",
    "as_of",
    "bind_tables",
    "close_database",
    "database",
    "dialect",
    "fetch",
    "fetch_one",
    "is_open",
    "lock",
    "make_database",
    "migrate",
    "new_id",
    "newer_schema",
    "open_database",
    "pending_migrations",
    "postgres_server",
    "queries_counted",
    "rebuild_table",
    "savepoint",
    "to_the_end",
    "transaction",
    "utc_now",
    "writes_noticed",
]

# Piccolo looks its engine up by this name for the tables that migrations make on the fly.
os.environ["PICCOLO_CONF"] = "trainer.piccolo_conf"


def new_id() -> uuid.UUID:
    """A fresh key. Random, so that an id seen in an address tells nothing about the others."""
    return uuid.uuid4()


_clock: ContextVar[datetime | None] = ContextVar("clock", default=None)


def utc_now() -> datetime:
    """The present moment, aware, in UTC; everybody's clock, so that `as_of` can turn it."""
    return _clock.get() or datetime.now(UTC)


@contextmanager
def as_of(moment: datetime | None) -> Iterator[None]:
    """Inside, `utc_now()` is this aware moment (None: the real one): for running what is due by then."""
    token = _clock.set(moment)
    try:
        yield
    finally:
        _clock.reset(token)


# The one open database of this process

_database: Database | None = None


def make_database(url: str, *, pool_size: int = 10) -> Database:
    """An engine, not opened yet, for `sqlite:///path` (one more slash for an absolute path) or `postgresql://…`."""
    if url.startswith("sqlite:///"):
        from trainer.db_sqlite import Sqlite

        return Sqlite(url.removeprefix("sqlite:///"))
    if url.startswith(("postgresql://", "postgres://")):
        from trainer.db_postgres import Postgres

        return Postgres(url, pool_size=pool_size)
    raise DatabaseError(
        f"not a database address: {url.split(':')[0]!r}; use sqlite:///path or postgresql://…"
    )


async def open_database(url: str, *, pool_size: int = 10) -> None:
    """Open the process's database and bind every table to it. Raises DatabaseError, DatabaseGone."""
    global _database
    if _database is not None:
        raise RuntimeError("a database is open already")
    opened = make_database(url, pool_size=pool_size)
    await opened.open()
    _database = opened
    bind_tables()


async def close_database() -> None:
    """Close it, once a transaction that is under way has ended; harmless when none is open."""
    global _database
    if _database is not None:
        await _database.close()
        _database = None


def bind_tables() -> None:
    """Point every table at the open database: each caches its engine, which may be a closed one by now."""
    pending = list(Table.__subclasses__())
    while pending:
        table = pending.pop()
        pending.extend(table.__subclasses__())
        table._meta.db = database()


def database() -> Database:
    """The open engine."""
    if _database is None:
        raise RuntimeError("no database is open")
    return _database


def is_open() -> bool:
    """Whether this process has a database open."""
    return _database is not None


def dialect() -> Dialect:
    """Which of the two engines is open."""
    return "sqlite" if database().engine_type == "sqlite" else "postgres"


def transaction() -> Transaction:
    """`async with transaction():` all of it happens or nothing; a nested call joins the outer one.

    On SQLite writers take turns from the first line on. On PostgreSQL others run beside it: guard what you
    read before writing (`UPDATE … WHERE state = … RETURNING`, ON CONFLICT, or `lock`).
    """
    return database().transaction()


@asynccontextmanager
async def savepoint() -> AsyncIterator[None]:
    """A part of a transaction that may fail alone: an exception undoes this part only and goes on up."""
    opened = database()
    held = opened.held()
    if held is None:
        raise RuntimeError("a savepoint needs a transaction around it")
    if held.failed:
        raise TransactionFailed("an earlier failure in this transaction was not undone by a savepoint")
    held.savepoints += 1
    name = f"s{held.savepoints}"
    kept = len(held.callbacks)
    await opened.execute(f"SAVEPOINT {name}", (), held.connection)
    try:
        yield
        if held.failed:
            raise TransactionFailed("something inside the savepoint had failed before")
    except BaseException:
        held.failed = True
        await opened.execute(f"ROLLBACK TO SAVEPOINT {name}", (), held.connection)
        await opened.execute(f"RELEASE SAVEPOINT {name}", (), held.connection)
        held.failed = False
        del held.callbacks[kept:]
        raise
    await opened.execute(f"RELEASE SAVEPOINT {name}", (), held.connection)


def after_commit(callback: Callable[[], object]) -> None:
    """Call it once the outermost transaction is committed; at once outside one; never after a roll-back."""
    held = database().held()
    if held is None:
        callback()
    else:
        held.callbacks.append(callback)


async def lock(name: str) -> None:
    """Until the transaction ends, nobody else passes `lock` with this name (SQLite: nobody else writes).

    For "read, decide, write" over rows that a guarded UPDATE cannot express.
    """
    if database().held() is None:
        raise RuntimeError("lock() needs a transaction around it")
    if dialect() == "postgres":
        await fetch("SELECT pg_advisory_xact_lock(hashtextextended({}, 0))", name)


async def fetch(sql: str, *params: Any) -> list[Row]:
    """Rows of one raw statement, for `queries.py`. Each `{}` is one parameter; a list fills `IN ({})`.

    UUIDs and timestamps of plain columns come back as such. SQLite forgets the type of an expression: name it
    with the type, `MAX(at) AS "last [timestamptz]"`; the key of the row is `last` on both engines.
    """
    opened = database()
    lengths: tuple[int, ...] | None = None
    for param in params:
        if type(param) is list:
            lengths = tuple(len(p) if type(p) is list else -1 for p in params)
            params = tuple(value for p in params for value in (p if type(p) is list else (p,)))
            break
    count = len(params) if lengths is None else len(lengths)
    return await opened.run(_compiled(sql, opened.engine_type, count, lengths), params)


async def fetch_one(sql: str, *params: Any) -> Row | None:
    """The first row of `fetch`, or None."""
    rows = await fetch(sql, *params)
    return rows[0] if rows else None


@lru_cache(maxsize=2000)
def _compiled(sql: str, engine_type: str, count: int, lengths: tuple[int, ...] | None) -> str:
    """The driver's own placeholders for `{}`; an empty list becomes NULL, which no value is IN."""
    pieces = sql.split("{}")
    if len(pieces) - 1 != count:
        raise ValueError(f"{len(pieces) - 1} placeholders but {count} parameters in: {sql}")
    text, number = pieces[0], 0
    for index, piece in enumerate(pieces[1:]):
        length = 1 if lengths is None or lengths[index] < 0 else lengths[index]
        marks = ["?" if engine_type == "sqlite" else f"${number + n + 1}" for n in range(length)]
        number += length
        text += (", ".join(marks) or "NULL") + piece
    return text


async def postgres_server() -> tuple[int, datetime]:
    """The major version of the PostgreSQL server that is open, and what its clock says."""
    row = await fetch_one(
        "SELECT current_setting('server_version_num')::int / 10000 AS version, clock_timestamp() AS now"
    )
    assert row is not None
    return row["version"], row["now"]


# Migrations: loaded when asked for, as their machinery is large


async def migrate() -> list[str]:
    """Bring the schema up to date, one process at a time; returns the names of the migrations run."""
    from trainer.db_schema import run_pending

    return await run_pending()


async def pending_migrations() -> list[str]:
    """Names of the migrations that this code has and the database has not."""
    from trainer.db_schema import known, recorded

    ran = await recorded()
    return [name for name in known() if name not in ran]


async def newer_schema() -> bool:
    """True when the database was migrated by a newer version of this program than this one."""
    from trainer.db_schema import known, recorded

    return bool(await recorded() - set(known()))


async def rebuild_table(table: type[Table], copy: dict[str, str] | None = None) -> None:
    """Give an SQLite table the columns that `table` declares; see `trainer.db_schema.rebuild_table`."""
    from trainer.db_schema import rebuild_table as rebuild

    await rebuild(table, copy or {})
