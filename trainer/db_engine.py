"""What both database engines share: their errors, Piccolo's interface, and the transaction of the caller.

Why apart from `trainer.db`: the engines are built on this, and `trainer.db` picks one of them.
Invariant: a connection with a transaction on it is used by the task that began it, and by nobody else.
"""

import asyncio
import logging
from abc import abstractmethod
from collections.abc import Callable, Coroutine, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, contextmanager
from contextvars import ContextVar
from types import TracebackType
from typing import Any, Literal

from piccolo.engine.base import BaseAtomic, BaseBatch, BaseTransaction, Engine
from piccolo.engine.postgres import Atomic
from piccolo.querystring import QueryString

log = logging.getLogger(__name__)

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


class ValueRefused(DatabaseError):
    """A value that no column holds: a NUL in a text (PostgreSQL), a number or time that is out of any range."""


class DatabaseBusy(DatabaseError):
    """Others kept the database or the rows for too long; trying again may work."""


class DatabaseGone(DatabaseError):
    """The database cannot be reached at the moment; later queries reconnect by themselves."""


class DatabaseFull(DatabaseGone):
    """There is no space left where the database is: nothing can be written until there is."""


class OutcomeUnknown(DatabaseGone):
    """The database went away during COMMIT: what was to be saved is there, or none of it is."""


class TransactionFailed(DatabaseError):
    """Something in this transaction failed before and was not undone by a savepoint."""


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


class Written:
    """Whether anything was written for good while somebody watched."""

    def __init__(self) -> None:
        self.anything = False


_written: ContextVar[Written | None] = ContextVar("written", default=None)
_READS = ("SELECT", "WITH")


@contextmanager
def writes_noticed() -> Iterator[Written]:
    """Tells whether the caller committed a change: what fails after that was done all the same."""
    written = Written()
    token = _written.set(written)
    try:
        yield written
    finally:
        _written.reset(token)


def _note_written() -> None:
    if (written := _written.get()) is not None:
        written.anything = True


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

    @abstractmethod
    def connections(self) -> dict[str, int]:
        """How many connections this process has, by what they do: `in_use`, `idle`."""

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
        writes = not sql.lstrip()[:6].upper().startswith(_READS)
        held = self.held()
        if held is None:
            rows = await self.execute(sql, params)
            if writes:
                _note_written()
            return rows
        held.wrote = held.wrote or writes
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

    __slots__ = (
        "callbacks",
        "connection",
        "database",
        "ended",
        "failed",
        "outer",
        "savepoints",
        "task",
        "wrote",
    )

    def __init__(self, database: Database) -> None:
        self.database = database
        self.outer = database.held()
        self.connection: Any = None
        self.task: asyncio.Task[Any] | None = None
        self.callbacks: list[Callable[[], object]] = []
        self.savepoints = 0
        self.failed = False
        self.ended = False
        self.wrote = False

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
            if self.wrote:
                _note_written()
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
