"""PostgreSQL: a pool of asyncpg connections behind the interface of `trainer.db`.

Why: Piccolo's own engine connects in its constructor, resets every connection it gives back (a round trip
for each query) and lets asyncpg's errors through.
Invariant: a connection goes back to the pool without a transaction on it; nothing sets session state.
"""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, Any

from trainer.db_engine import (
    ConstraintViolation,
    Database,
    DatabaseBusy,
    DatabaseError,
    DatabaseFull,
    DatabaseGone,
    ForeignKeyViolation,
    OutcomeUnknown,
    Row,
    UniqueViolation,
    ValueRefused,
)

if TYPE_CHECKING:
    from asyncpg import Connection, Pool

PATIENCE_S = 30.0  # how long a caller waits for a connection
MIGRATING = 0x456E636F7265  # "Encore": the advisory lock around migrations

try:
    import asyncpg
except ImportError as missing:
    raise DatabaseError("PostgreSQL needs the extra `postgres`: pip install 'trainer[postgres]'") from missing

_FAILURES = (
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,  # a server that goes away in the middle of an answer
    OSError,
    TimeoutError,
)


def translated(error: Exception) -> Exception:
    """The error in the words of `trainer.db`; a mistake in the SQL stays what it is."""
    if isinstance(error, asyncpg.UniqueViolationError):
        return UniqueViolation(str(error))
    if isinstance(error, asyncpg.ForeignKeyViolationError | asyncpg.RestrictViolationError):
        return ForeignKeyViolation(str(error))
    if isinstance(error, asyncpg.IntegrityConstraintViolationError):
        return ConstraintViolation(str(error))
    if isinstance(
        error,
        asyncpg.DeadlockDetectedError
        | asyncpg.SerializationError
        | asyncpg.LockNotAvailableError
        | asyncpg.TooManyConnectionsError,
    ):
        return DatabaseBusy(str(error))
    # the driver's own word for what is out of range is the general class
    if type(error) is asyncpg.DataError or isinstance(
        error, asyncpg.CharacterNotInRepertoireError | asyncpg.UntranslatableCharacterError
    ):
        return ValueRefused(type(error).__name__)
    if isinstance(error, asyncpg.DiskFullError):
        return DatabaseFull(str(error))
    if isinstance(
        error,
        OSError  # refused, reset, no such host; TimeoutError is one too
        | asyncpg.PostgresConnectionError
        | asyncpg.CannotConnectNowError
        | asyncpg.AdminShutdownError
        | asyncpg.CrashShutdownError
        | asyncpg.InternalClientError,
    ):
        return DatabaseGone(str(error) or type(error).__name__)
    if isinstance(error, asyncpg.InterfaceError) and "clos" in str(error):  # closed, closing
        return DatabaseGone(str(error))
    return error


def _number(text: str) -> int | float:
    """SUM of whole numbers is `numeric` here and an integer in SQLite: the same on both."""
    return float(text) if "." in text or "N" in text else int(text)


async def _prepare(connection: "Connection[Any]") -> None:
    await connection.set_type_codec(
        "numeric", schema="pg_catalog", encoder=str, decoder=_number, format="text"
    )


async def _leave_as_is(connection: "Connection[Any]") -> None:
    """Nothing here sets session state, so that giving a connection back costs no round trip."""


def _discard(connection: Any) -> None:
    """Close it without a word to the server. One that was lost has left the pool already, and says so."""
    with suppress(asyncpg.InterfaceError):
        connection.terminate()


class Postgres(Database):
    """One PostgreSQL database."""

    __slots__ = ("_pool", "_pool_size", "_url")

    def __init__(self, url: str, *, pool_size: int) -> None:
        super().__init__("postgres")
        self._url = url
        self._pool_size = max(2, pool_size)  # migrations hold their lock on a second connection
        self._pool: Pool[Any] | None = None

    async def open(self) -> None:
        try:
            self._pool = await asyncpg.create_pool(
                self._url,
                min_size=0,
                max_size=self._pool_size,
                init=_prepare,
                reset=_leave_as_is,
                timeout=10,
                server_settings={"application_name": "encore", "timezone": "UTC"},
            )
            await self.execute("SELECT 1", ())  # the pool itself connects when first used
        except _FAILURES as error:
            raise translated(error) from error
        except DatabaseError:
            await self.close()
            raise

    async def close(self) -> None:
        if self._pool is not None:
            try:
                # it stays until then: what is under way gives its connection back to it
                await self._pool.close()
            finally:
                self._pool = None

    def connections(self) -> dict[str, int]:
        if self._pool is None:
            return {"in_use": 0, "idle": 0}
        idle = self._pool.get_idle_size()
        return {"in_use": self._pool.get_size() - idle, "idle": idle}

    def _get_pool(self) -> "Pool[Any]":
        if self._pool is None:
            raise DatabaseGone("the database is closed")
        return self._pool

    async def _acquire(self) -> Any:
        try:
            return await self._get_pool().acquire(timeout=PATIENCE_S)
        except TimeoutError:
            raise DatabaseBusy(f"no free connection within {PATIENCE_S:.0f} s") from None
        except _FAILURES as error:
            raise translated(error) from error

    async def execute(self, sql: str, params: Sequence[Any], connection: Any = None) -> list[Row]:
        if connection is not None:
            return await self._on(connection, sql, params)
        # A connection that died unnoticed while idle shows only when used: reads may be asked again.
        again = sql.lstrip()[:7].upper() == "SELECT "
        while True:
            borrowed = await self._acquire()
            try:
                return await self._on(borrowed, sql, params)
            except DatabaseGone:
                if not again:
                    raise
                again = False
            finally:
                await self._get_pool().release(borrowed)

    async def _on(self, connection: Any, sql: str, params: Sequence[Any]) -> list[Row]:
        try:
            records = await connection.fetch(sql, *params)
        except _FAILURES as error:
            raise translated(error) from error
        if not records:
            return []
        names = list(records[0].keys())
        if not any("[" in name for name in names):
            return [dict(record) for record in records]
        names = [name.partition(" [")[0] for name in names]
        return [dict(zip(names, record.values(), strict=True)) for record in records]

    async def begin(self) -> Any:
        again = True
        while True:
            connection = await self._acquire()
            try:
                await connection.execute("BEGIN")
                return connection
            except _FAILURES as error:
                await self._get_pool().release(connection)
                known = translated(error)
                if not (again and isinstance(known, DatabaseGone)):
                    raise known from error
                again = False
            except BaseException:
                _discard(connection)  # cancelled half-way: nobody knows whether a transaction is open
                await self._get_pool().release(connection)
                raise

    async def end(self, connection: Any, *, commit: bool) -> None:
        try:
            answer = await connection.execute("COMMIT" if commit else "ROLLBACK")
            if commit and answer != "COMMIT":
                raise DatabaseError("PostgreSQL rolled the transaction back")
        except _FAILURES as error:
            _discard(connection)
            if commit:
                known = translated(error)
                lost = isinstance(known, DatabaseGone) and not isinstance(known, DatabaseFull)
                raise (OutcomeUnknown(str(known)) if lost else known) from error
        finally:
            await self._get_pool().release(connection)

    @asynccontextmanager
    async def only_one(self) -> AsyncIterator[None]:
        connection = await self._acquire()
        try:
            await self._on(connection, "SELECT pg_advisory_lock($1)", (MIGRATING,))
            yield
        finally:
            try:
                await self._on(connection, "SELECT pg_advisory_unlock($1)", (MIGRATING,))
            except DatabaseGone:
                _discard(connection)
            finally:
                await self._get_pool().release(connection)
