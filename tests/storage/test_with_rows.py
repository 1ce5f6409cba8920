"""An object is stored before the row that names it, and never goes while that row may be there."""

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from trainer import db
from trainer.sheets import pending
from trainer.sheets.tables import SheetImport
from trainer.storage import Storage, StorageError, close_storage, open_storage, stored_with_row

KEY = "imports/one/sheet"


@pytest.fixture
async def store(database: str, tmp_path: Path) -> AsyncIterator[Storage]:
    yield open_storage((tmp_path / "objects").as_uri(), scratch=tmp_path / "scratch")
    await close_storage()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "sheet.csv"
    path.write_bytes(b"name\n")
    return path


async def a_row(key: str = KEY) -> None:
    row = SheetImport(id=db.new_id(), kind="test", file_name="", object_key=key, created_at=db.utc_now())
    await SheetImport.insert(row)


@pytest.fixture
def at_commit(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[], Awaitable[None]]], None]:
    """`at_commit(what)`: awaited right after the next COMMIT was carried out, before its answer is there."""
    real = type(db.database()).end

    def armed(what: Callable[[], Awaitable[None]]) -> None:
        async def end(self: Any, connection: Any, *, commit: bool) -> None:
            await real(self, connection, commit=commit)
            if commit:
                monkeypatch.setattr(type(self), "end", real)
                await what()

        monkeypatch.setattr(type(db.database()), "end", end)

    return armed


async def test_with_its_row_it_stays(store: Storage, file: Path) -> None:
    async with stored_with_row(KEY, file, move=True):
        await a_row()
    assert await store.exists(KEY)
    assert not file.exists()


@pytest.mark.parametrize("broken", [RuntimeError("no"), asyncio.CancelledError()])
async def test_without_its_row_it_goes(store: Storage, file: Path, broken: BaseException) -> None:
    async def fail() -> None:
        async with stored_with_row(KEY, file):
            await a_row()
            raise broken

    with pytest.raises(type(broken)):
        await fail()
    assert await SheetImport.count() == 0
    assert not await store.exists(KEY)


async def test_after_a_lost_commit_it_stays_as_its_row_may(
    store: Storage, file: Path, at_commit: Callable[..., None]
) -> None:
    async def lost() -> None:
        raise db.OutcomeUnknown("gone during COMMIT, which was carried out")

    at_commit(lost)
    with pytest.raises(db.OutcomeUnknown):
        async with stored_with_row(KEY, file):
            await a_row()
    assert await SheetImport.count() == 1
    assert await store.exists(KEY)


async def test_after_a_cancellation_during_the_commit_it_stays(
    store: Storage, file: Path, at_commit: Callable[..., None]
) -> None:
    async def cancelled() -> None:
        task.cancel()
        await asyncio.sleep(0)

    async def keep() -> None:
        async with stored_with_row(KEY, file):
            await a_row()

    task = asyncio.create_task(keep())
    at_commit(cancelled)
    await asyncio.wait([task])
    assert task.cancelled()
    assert await SheetImport.count() == 1
    assert await store.exists(KEY)


async def test_a_storage_that_is_away_hides_nothing_of_what_went_wrong(
    store: Storage, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(self: Storage, key: str) -> None:
        raise StorageError("unreachable")

    async def fail() -> None:
        async with stored_with_row(KEY, file):
            raise RuntimeError("the reason")

    monkeypatch.setattr(type(store), "delete", away)
    with pytest.raises(RuntimeError, match="the reason"):
        await fail()


async def read(context: Any, pending: str) -> None: ...


async def test_a_sheet_whose_commit_was_lost_can_be_read(
    store: Storage, file: Path, at_commit: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def lost() -> None:
        raise db.OutcomeUnknown("gone during COMMIT, which was carried out")

    monkeypatch.setitem(pending.jobs._names, read, "read_of_this_test")
    at_commit(lost)
    with pytest.raises(db.OutcomeUnknown):
        await pending.receive(None, "test", file, "sheet.csv", read)
    (row,) = await SheetImport.select(SheetImport.id)
    async with pending.file_of(row["id"]) as path:
        assert path.read_bytes() == b"name\n"


async def test_the_sweep_of_imports_takes_old_objects_that_no_row_names(
    store: Storage, file: Path, tmp_path: Path
) -> None:
    context: Any = None
    await store.put_file(KEY, file)
    await pending.forget_old_imports(context)
    assert await store.exists(KEY), "its row may just be on its way"
    os.utime(tmp_path / "objects" / KEY, (0, 0))
    await pending.forget_old_imports(context)
    assert not await store.exists(KEY)
