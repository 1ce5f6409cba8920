"""SQLite: one writer whose turns are first come first served, and reads that do not wait for it.

Why: SQLite has one writer at a time, and its own waiting is a game of luck that ends in "database is
locked". Here writers of this process queue for one connection, so that only other processes are waited
for. Reads in WAL mode never wait; handing one to a thread costs ten times the usual indexed read itself
(50 against 5 µs), so a read starts on the event loop, and only one that takes longer than `QUICK_S` is
stopped and run again in a thread.
Invariant: nothing blocks the event loop for longer than about `QUICK_S`.
"""

import asyncio
import fcntl
import random
import re
import sqlite3
import uuid
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from time import monotonic
from typing import Any

import aiosqlite

from trainer.db_engine import (
    ConstraintViolation,
    Database,
    DatabaseBusy,
    DatabaseError,
    DatabaseFull,
    DatabaseGone,
    ForeignKeyViolation,
    Row,
    UniqueViolation,
    ValueRefused,
    to_the_end,
)

QUICK_S = 0.003  # a read that takes longer than this leaves the event loop
SLOW_FOR_S = 60.0  # and goes straight to a thread for this long
PATIENCE_S = 30.0  # how long a writer waits for its turn
READER_THREADS = 2

_GONE = (
    "SQLITE_IOERR",
    "SQLITE_CANTOPEN",
    "SQLITE_CORRUPT",
    "SQLITE_NOTADB",
    "SQLITE_READONLY",
)


def _timestamp(value: bytes) -> datetime:
    moment = datetime.fromisoformat(value.decode())
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment


# Piccolo registers converters that go through Decimal and two wrappers; these say the same, faster.
sqlite3.register_converter("INTEGER", int)
sqlite3.register_converter("BOOLEAN", lambda value: value == b"1")
sqlite3.register_converter("UUID", lambda value: uuid.UUID(value.decode()))
sqlite3.register_converter("TIMESTAMPTZ", _timestamp)


def translated(error: sqlite3.Error) -> Exception:
    """The error in the words of `trainer.db`; a mistake in the SQL stays what it is."""
    name, message = getattr(error, "sqlite_errorname", None) or "", str(error)
    if name in ("SQLITE_CONSTRAINT_UNIQUE", "SQLITE_CONSTRAINT_PRIMARYKEY", "SQLITE_CONSTRAINT_ROWID"):
        return UniqueViolation(message)
    if "FOREIGN KEY constraint failed" in message:  # RESTRICT is reported as a trigger's failure
        return ForeignKeyViolation(message)
    if name.startswith("SQLITE_CONSTRAINT"):
        return ConstraintViolation(message)
    if name.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
        return DatabaseBusy(message)
    if name.startswith("SQLITE_FULL"):
        return DatabaseFull(message)
    if name.startswith(_GONE) or "closed database" in message:
        return DatabaseGone(message)
    return error


@lru_cache(maxsize=2000)
def _only_reads(sql: str) -> bool:
    first = sql.lstrip()[:7].upper()
    if first.startswith("WITH"):
        return re.search(r"\b(INSERT|UPDATE|DELETE|REPLACE)\b", sql, re.IGNORECASE) is None
    return first == "SELECT "


def _names(description: Sequence[Sequence[Any]]) -> list[str]:
    return [column[0].partition(" [")[0] for column in description]


class Sqlite(Database):
    """One SQLite file."""

    __slots__ = (
        "_closed",
        "_quick",
        "_readers",
        "_readers_free",
        "_slow_until",
        "_stop_at",
        "_turn",
        "_writer",
        "path",
    )

    def __init__(self, path: str) -> None:
        super().__init__("sqlite")
        if path in ("", ":memory:"):
            raise DatabaseError("SQLite needs a file: connections cannot share a database in memory")
        self.path = Path(path)
        self._writer: aiosqlite.Connection | None = None
        self._quick: sqlite3.Connection | None = None
        self._readers: list[aiosqlite.Connection] = []
        self._readers_free = asyncio.Semaphore(READER_THREADS)
        self._turn = asyncio.Lock()  # asyncio wakes waiters in the order in which they came
        self._slow_until: dict[str, float] = {}
        self._stop_at = 0.0
        self._closed = False

    async def open(self) -> None:
        if sqlite3.sqlite_version_info < (3, 38):
            raise DatabaseError(f"SQLite 3.38 or newer is needed, this Python has {sqlite3.sqlite_version}")
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            await self._get_writer()
        except OSError as error:
            raise DatabaseGone(f"cannot open {self.path}: {error}") from error

    async def close(self) -> None:
        async with self._turn:
            self._closed = True
            quick, self._quick = self._quick, None
            if quick is not None:
                quick.close()
            readers, self._readers = self._readers, []
            for reader in readers:
                await reader.close()
            writer, self._writer = self._writer, None
            if writer is not None:
                await writer.close()

    # Connections

    def connections(self) -> dict[str, int]:
        writing = int(self._turn.locked())
        open_ = (self._writer is not None) + (self._quick is not None) + len(self._readers)
        return {"in_use": writing, "idle": max(0, open_ - writing)}

    def _connect(self) -> sqlite3.Connection:
        if self._closed:
            raise sqlite3.ProgrammingError("Cannot operate on a closed database.")
        connection = sqlite3.connect(
            self.path,
            isolation_level=None,
            detect_types=sqlite3.PARSE_DECLTYPES | sqlite3.PARSE_COLNAMES,
            check_same_thread=False,
            timeout=0.25,
        )
        try:
            connection.execute("PRAGMA foreign_keys = ON")
            connection.execute("PRAGMA synchronous = NORMAL")
        except sqlite3.Error:
            connection.close()
            raise
        return connection

    async def _connect_in_thread(self) -> aiosqlite.Connection:
        connection = aiosqlite.Connection(self._connect, iter_chunk_size=64)
        connection._thread.daemon = True  # a database left open must not keep the process from ending
        try:
            await connection
        except BaseException as error:
            await asyncio.to_thread(connection._thread.join)  # or it would answer to a loop that is gone
            raise (translated(error) if isinstance(error, sqlite3.Error) else error) from error
        connection.row_factory = sqlite3.Row
        return connection

    async def _get_writer(self) -> aiosqlite.Connection:
        if self._writer is None:
            writer = await self._connect_in_thread()
            try:
                await self._patiently(writer, "PRAGMA journal_mode = WAL")
            except BaseException:
                await writer.close()
                raise
            self._writer = writer
        return self._writer

    def _get_quick(self) -> sqlite3.Connection:
        if self._quick is None:
            quick = self._connect()
            quick.execute("PRAGMA query_only = ON")
            quick.set_progress_handler(lambda: monotonic() > self._stop_at, 2000)
            self._quick = quick
        return self._quick

    @asynccontextmanager
    async def _reader(self) -> AsyncIterator[aiosqlite.Connection]:
        async with self._readers_free:
            if self._readers:
                reader = self._readers.pop()
            else:
                reader = await self._connect_in_thread()
                await reader.execute_fetchall("PRAGMA query_only = ON")
            try:
                yield reader
            except DatabaseGone:
                await reader.close()
                raise
            except BaseException:
                self._readers.append(reader)
                raise
            self._readers.append(reader)

    async def _drop_connections(self) -> None:
        """After the file was out of reach: connect anew with the next query."""
        quick, self._quick = self._quick, None
        writer, self._writer = self._writer, None
        if quick is not None:
            quick.close()
        if writer is not None:
            await writer.close()

    # Statements

    async def execute(self, sql: str, params: Sequence[Any], connection: Any = None) -> list[Row]:
        if connection is not None:
            return await self._in_thread(connection, sql, params)
        if _only_reads(sql):
            return await self._read(sql, params)
        await self._take_turn()
        try:
            return await self._patiently(await self._get_writer(), sql, params)
        except DatabaseGone:
            await self._drop_connections()
            raise
        finally:
            self._turn.release()

    async def _read(self, sql: str, params: Sequence[Any]) -> list[Row]:
        now = monotonic()
        if self._slow_until.get(sql, 0.0) < now:
            self._stop_at = now + QUICK_S
            try:
                cursor = self._get_quick().execute(sql, params)
                rows = cursor.fetchall()
                names = _names(cursor.description)
                return [dict(zip(names, row, strict=True)) for row in rows]
            except sqlite3.OperationalError as error:
                name = getattr(error, "sqlite_errorname", "")
                if name == "SQLITE_INTERRUPT":
                    if len(self._slow_until) > 500:
                        self._slow_until.clear()
                    self._slow_until[sql] = now + SLOW_FOR_S
                elif not name.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
                    raise await self._noticed(error) from error
            except sqlite3.Error as error:
                raise await self._noticed(error) from error
            except OverflowError as error:
                raise ValueRefused(str(error)) from error
        async with self._reader() as reader:
            return await self._in_thread(reader, sql, params)

    async def _noticed(self, error: sqlite3.Error) -> Exception:
        known = translated(error)
        if isinstance(known, DatabaseGone) and self._quick is not None:
            self._quick.close()
            self._quick = None
        return known

    async def _in_thread(
        self, connection: aiosqlite.Connection, sql: str, params: Sequence[Any]
    ) -> list[Row]:
        try:
            rows = list(await connection.execute_fetchall(sql, params))
        except sqlite3.Error as error:
            raise translated(error) from error
        except OverflowError as error:
            raise ValueRefused(str(error)) from error
        except ValueError as error:  # aiosqlite's way to say that this connection was closed
            raise DatabaseGone(str(error)) from error
        if not rows:
            return []
        names = [name.partition(" [")[0] for name in rows[0].keys()]  # noqa: SIM118 - a Row iterates over its values
        return [dict(zip(names, row, strict=True)) for row in rows]

    async def _patiently(
        self, connection: aiosqlite.Connection, sql: str, params: Sequence[Any] = ()
    ) -> list[Row]:
        """Run it, waiting for other processes' writers. SQLite's own waits grow to 0.1 s between tries, which
        starves whoever waits longest; these stay short."""
        until = monotonic() + PATIENCE_S
        while True:
            try:
                return await self._in_thread(connection, sql, params)
            except DatabaseBusy:
                if monotonic() > until:
                    raise
            await asyncio.sleep(random.uniform(0.001, 0.01))  # noqa: S311 - only spreads the tries

    async def _take_turn(self) -> None:
        try:
            async with asyncio.timeout(PATIENCE_S):
                await self._turn.acquire()
        except TimeoutError:
            raise DatabaseBusy(f"no turn to write within {PATIENCE_S:.0f} s") from None

    # Transactions

    async def begin(self) -> aiosqlite.Connection:
        await self._take_turn()
        try:
            writer = await self._get_writer()
            await self._patiently(writer, "BEGIN IMMEDIATE")
            return writer
        except BaseException as error:
            await to_the_end(self._abandon(error))
            raise

    async def _abandon(self, error: BaseException) -> None:
        """A cancelled BEGIN may still happen in the thread: take it back before the next one has its turn."""
        try:
            if isinstance(error, DatabaseGone):
                await self._drop_connections()
            elif self._writer is not None:
                await self._writer.rollback()
        finally:
            self._turn.release()

    async def end(self, connection: aiosqlite.Connection, *, commit: bool) -> None:
        try:
            if commit:
                await self._in_thread(connection, "COMMIT", ())
            else:
                await connection.rollback()
        except BaseException as error:
            if connection is self._writer:
                await self._drop_connections()
            if commit:
                raise
            if not isinstance(error, sqlite3.Error | ValueError):
                raise
        finally:
            self._turn.release()

    # Alone

    @asynccontextmanager
    async def only_one(self) -> AsyncIterator[None]:
        with open(f"{self.path}.lock", "w") as file:  # noqa: ASYNC230 - opening an empty file
            while True:
                try:
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except BlockingIOError:
                    await asyncio.sleep(0.05)
            yield

    @asynccontextmanager
    async def without_foreign_keys(self) -> AsyncIterator[None]:
        """For rebuilding a table: dropping the old one would cascade into its children otherwise.

        The pragma does nothing inside a transaction, so it is set before one begins.
        """
        if self.held() is not None:
            raise RuntimeError("foreign keys cannot be switched off inside a transaction")
        await self.run("PRAGMA foreign_keys = OFF")
        try:
            yield
        finally:
            await to_the_end(self._foreign_keys_on())

    async def _foreign_keys_on(self) -> None:
        await self.run("PRAGMA foreign_keys = ON")
