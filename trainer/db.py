"""The database: one way to ask it and to change it, the same on SQLite and PostgreSQL.

Why: Piccolo opens a new SQLite connection for every query and begins transactions so that two writers
end in "database is locked"; here both engines are pooled, writers queue, and errors have one name.
Invariant: what is done inside `transaction()` happens together with its after-commit callbacks, or not
at all; once a statement in it has failed, nothing more runs in it (PostgreSQL's rule, kept on SQLite too,
so that code tested on one engine works on the other).

SQLite lives in `trainer.db_sqlite`, PostgreSQL in `trainer.db_postgres`, migrations in `trainer.db_schema`.
"""

import asyncio
import logging
import os
import uuid
from abc import abstractmethod
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from functools import lru_cache
from types import TracebackType
from typing import Any, Literal

from piccolo.engine.base import BaseAtomic, BaseBatch, BaseTransaction, Engine
from piccolo.engine.postgres import Atomic
from piccolo.querystring import QueryString
from piccolo.table import Table

log = logging.getLogger(__name__)

# Piccolo looks its engine up by this name for the tables that migrations make on the fly.
os.environ["PICCOLO_CONF"] = "trainer.piccolo_conf"

Dialect = Literal["sqlite", "postgres"]
Row = dict[str, Any]


class DatabaseError(Exception):
    """The database could not do what was asked; the subclasses say why."""


class ConstraintViolation(DatabaseError):
    """The rows would break a constraint of the schema (the message names it)."""


class UniqueViolation(ConstraintViolation):
    """Such a row is there already."""


class ForeignKeyViolation(ConstraintViolation):
    """A row that is pointed to is missing, or one that is still pointed to would go."""


class DatabaseBusy(DatabaseError):
    """Others kept the database or the rows for too long; trying again may work."""


class DatabaseGone(DatabaseError):
    """The database cannot be reached at the moment; later queries reconnect by themselves."""


class TransactionFailed(DatabaseError):
    """Something in this transaction failed before and was not undone by a savepoint."""


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


class Database(Engine["Transaction"]):
    """What both engines share: Piccolo's interface, the caller's transaction and query counting."""

    __slots__ = ()

    def __init__(self, dialect: Dialect) -> None:
        # Not Piccolo's own __init__: it connects at once, in another thread with another event loop.
        self.engine_type = dialect
        self.min_version_number = 0
        self.log_queries = self.log_responses = False
        self.query_id = 0
        self.current_transaction = ContextVar(f"transaction_{id(self)}", default=None)

    @abstractmethod
    async def open(self) -> None:
        """Connect. Raises DatabaseGone."""

    @abstractmethod
    async def close(self) -> None:
        """Let go of every connection."""

    @abstractmethod
    async def begin(self) -> Any:
        """A connection with a transaction begun on it, kept by the caller until `end`."""

    @abstractmethod
    async def end(self, connection: Any, *, commit: bool) -> None:
        """Commit or roll back and give the connection back, whatever happens."""

    @abstractmethod
    async def execute(self, sql: str, params: Sequence[Any], connection: Any = None) -> list[Row]:
        """Run one statement on a transaction's connection, or on a pooled one of the engine's choice."""

    @abstractmethod
    def only_one(self) -> AbstractAsyncContextManager[None]:
        """Held by one process at a time (used around migrations)."""

    def held(self) -> "Transaction | None":
        """The transaction that the caller is in.

        A task started inside somebody's transaction inherits it by context; used from there it would mix
        two conversations on one connection, so that is refused until the transaction is over.
        """
        held = self.current_transaction.get()
        if held is None or held.ended:
            return None
        if held.task is not asyncio.current_task():
            raise RuntimeError(
                "the transaction belongs to another task: no gather() in it, start tasks after it"
            )
        return held

    async def run(self, sql: str, params: Sequence[Any] = ()) -> list[Row]:
        """Run one statement (`?` or `$1`), inside the caller's transaction if there is one."""
        counted = _counted.get()
        if counted is not None:
            counted.statements.append(sql)
        held = self.held()
        if held is None:
            return await self.execute(sql, params)
        if held.failed:
            raise TransactionFailed("an earlier failure in this transaction was not undone by a savepoint")
        try:
            return await self.execute(sql, params, held.connection)
        except BaseException:
            held.failed = True
            raise

    # What Piccolo asks of an engine

    async def run_querystring(self, querystring: QueryString, in_pool: bool = True) -> list[Row]:
        sql, params = querystring.compile_string(engine_type=self.engine_type)
        return await self.run(sql, params)

    async def run_ddl(self, ddl: str, in_pool: bool = True) -> list[Row]:
        return await self.run(ddl)

    def transaction(self, allow_nested: bool = True) -> "Transaction":
        return Transaction(self)

    def atomic(self) -> BaseAtomic:
        return Atomic(engine=self)  # type: ignore[arg-type]  # uses nothing but engine.transaction()

    async def batch(self, query: Any, batch_size: int = 100, node: str | None = None) -> BaseBatch:
        raise DatabaseError(
            "read page by page instead: a batch would keep a connection for as long as it is read"
        )

    async def get_version(self) -> float:
        return self.get_version_sync()

    def get_version_sync(self) -> float:
        # Piccolo asks SQLite alone, before ON CONFLICT (3.24) and RETURNING (3.35); open() saw to 3.38.
        return 3.38

    async def prep_database(self) -> None:
        return None


class Transaction(BaseTransaction):
    """All or nothing; a nested one joins the one around it. Use `transaction()` and `savepoint()`."""

    __slots__ = ("callbacks", "connection", "database", "ended", "failed", "outer", "savepoints", "task")

    def __init__(self, database: Database) -> None:
        self.database = database
        self.outer = database.held()
        self.connection: Any = None
        self.task: asyncio.Task[Any] | None = None
        self.callbacks: list[Callable[[], object]] = []
        self.savepoints = 0
        self.failed = False
        self.ended = False

    async def __aenter__(self) -> "Transaction":
        if self.outer is not None:
            return self.outer
        self.task = asyncio.current_task()
        self.connection = await self.database.begin()
        self.database.current_transaction.set(self)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> Literal[False]:
        if self.outer is not None:
            if error is not None:
                self.outer.failed = True  # half of a joined block must not be committed by the outer one
            return False
        self.ended = True
        self.database.current_transaction.set(None)
        commit = error is None and not self.failed
        cancelled = await _to_the_end(self.database.end(self.connection, commit=commit))
        if commit:
            for callback in self.callbacks:
                try:
                    callback()
                except Exception:  # the work is committed: one bad listener must not make it look failed
                    log.exception("after-commit callback failed")
        elif error is None:
            raise TransactionFailed("rolled back: something in this transaction had failed before")
        if cancelled:
            raise asyncio.CancelledError
        return False


async def to_the_end(work: Coroutine[Any, Any, None]) -> None:
    """Await work that must not stop half-way; a cancellation of the caller is delivered after it.

    Without this, a request that is cancelled during COMMIT would give back a connection in the middle of it.
    """
    if await _to_the_end(work):
        raise asyncio.CancelledError


async def _to_the_end(work: Coroutine[Any, Any, None]) -> bool:
    """Whether the caller was cancelled meanwhile and has that to raise yet."""
    task = asyncio.ensure_future(work)
    cancelled = False
    while not task.done():
        try:
            await asyncio.shield(task)
        except asyncio.CancelledError:
            if task.cancelled():
                raise
            cancelled = True
        except BaseException:  # the work's own failure: raised below, by result()
            break
    task.result()
    return cancelled


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


class Counted:
    """The statements that were run while counting."""

    def __init__(self) -> None:
        self.statements: list[str] = []

    @property
    def count(self) -> int:
        return len(self.statements)


_counted: ContextVar[Counted | None] = ContextVar("counted", default=None)


@contextmanager
def queries_counted() -> Iterator[Counted]:
    """Counts the statements run by the caller and by tasks it starts (not BEGIN and COMMIT). For tests."""
    counted = Counted()
    token = _counted.set(counted)
    try:
        yield counted
    finally:
        _counted.reset(token)


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
