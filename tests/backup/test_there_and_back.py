"""A backup is a whole centre, made while people work, and restored on either engine."""

import asyncio
import json
import os
import tarfile
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.backup.conftest import IN_A_BACKUP, OBJECTS, OpenEmpty, everything
from trainer import db, storage
from trainer.backup import making, queries
from trainer.backup.archive import BackupRefused
from trainer.backup.making import last_backup, make_backup
from trainer.backup.restoring import check_backup, restore_backup, under_way
from trainer.facts import record
from trainer.settings import Settings

INSERT_TEAM = "INSERT INTO team (id, name, site, created_at) VALUES ({}, {}, '', {})"


@pytest.mark.parametrize("target", ["sqlite", "postgres"])
async def test_every_row_and_object_comes_back_on_either_engine(
    centre: Settings, open_empty: OpenEmpty, tmp_path: Path, target: str
) -> None:
    before = await everything()
    assert len(before[0]) == len(IN_A_BACKUP) - 1
    assert all(before[0].values())
    assert before[1] == OBJECTS
    made = await make_backup(centre, str(tmp_path / "backup.tar"))
    assert (made.rows, made.objects, made.gone) == (len(IN_A_BACKUP), len(OBJECTS), [])
    empty = await open_empty(target)
    came = await restore_backup(empty, tmp_path / "backup.tar")
    assert (came.rows, came.objects, came.migrated, came.erased_again) == (
        len(IN_A_BACKUP),
        len(OBJECTS),
        [],
        0,
    )
    assert await everything() == before
    assert await db.fetch("SELECT id FROM session") == []
    assert await db.pending_migrations() == []
    assert empty.key() == centre.key()
    assert (empty.data / "secret-key").stat().st_mode & 0o777 == 0o600
    assert not under_way(empty)
    if target == "sqlite":
        # the full-text index is no table of the backup: it follows the rows that come
        assert len(await db.fetch("SELECT rowid FROM search_word WHERE search_word MATCH 'words'")) == 1
    # the schema is the same as that of a fresh centre: constraints hold
    with pytest.raises(db.ForeignKeyViolation):
        await db.fetch("UPDATE segment SET recording = {}", uuid.uuid4())
    with pytest.raises(db.ForeignKeyViolation):
        await db.fetch("DELETE FROM person")


async def test_a_backup_is_for_its_owner_alone_and_plain_tar(centre: Settings, tmp_path: Path) -> None:
    made = await make_backup(centre, str(tmp_path))
    path = Path(made.place)
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.stat().st_size == made.size
    assert [left.name for left in tmp_path.glob("encore-*")] == [path.name]
    with tarfile.open(path) as tar:
        names = tar.getnames()
        assert names[0] == "head.json"
        assert names[-1] == "seal.json"
        assert {f"objects/{key}" for key in OBJECTS} < set(names)
        assert {f"tables/{table._meta.tablename}/000000.jsonl" for table in IN_A_BACKUP} < set(names)
        head = tar.extractfile("head.json")
        assert head
        assert json.load(head)["engine"] == db.dialect()
    found = check_backup(path)
    assert found.parts == len(names) - 2
    note = last_backup(centre)
    assert note
    assert note["place"] == str(path)
    with pytest.raises(BackupRefused, match="there already"):
        await make_backup(centre, str(path))


async def test_answers_to_programs_are_in_no_backup_and_come_back_from_no_older_one(
    centre: Settings, open_empty: OpenEmpty, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await make_backup(centre, str(tmp_path / "backup.tar"))
    assert b"idempotency_key" not in (tmp_path / "backup.tar").read_bytes()
    monkeypatch.setattr(making, "LEFT_OUT", frozenset())
    await make_backup(centre, str(tmp_path / "older.tar"))
    assert b"idempotency_key" in (tmp_path / "older.tar").read_bytes()
    await restore_backup(await open_empty("sqlite"), tmp_path / "older.tar")
    assert await db.fetch("SELECT id FROM idempotency_key") == []
    assert len(await db.fetch("SELECT id FROM person")) == 1


async def test_a_folder_keeps_the_latest(centre: Settings, tmp_path: Path) -> None:
    folder = tmp_path / "backups"
    folder.mkdir()
    (folder / "mine.txt").write_text("stays")
    for day in ("2026-01-01", "2026-01-02", "2026-01-03"):
        (folder / f"encore-{day}T000000Z.tar").write_bytes(b"")
    (folder / "encore-2026-01-04T000000Z.tar.part").write_bytes(b"left by a kill")
    made = await make_backup(centre, str(folder), keep=2)
    assert sorted(path.name for path in folder.iterdir()) == [
        "encore-2026-01-03T000000Z.tar",
        Path(made.place).name,
        "mine.txt",
    ]


async def test_what_is_written_meanwhile_waits_for_nobody_and_the_backup_is_of_one_moment(
    centre: Settings, open_empty: OpenEmpty, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each transaction writes a fact and a team: a backup of several moments would have more of one than of the
    other, as somebody writes between any two of its tables.
    """
    stop, written = asyncio.Event(), 0

    async def write() -> None:
        nonlocal written
        while not stop.is_set():
            async with db.transaction():
                await record("pair", person=None, subject="a", source=f"a:{written}")
                await db.fetch(INSERT_TEAM, db.new_id(), f"Team {written}", db.utc_now())
            await storage.storage().put_bytes(f"clips/new/{written}", b"later")
            written += 1

    taken = queries.snapshot

    @asynccontextmanager
    async def disturbed(url: str) -> AsyncIterator[queries.ReadTable]:
        async with taken(url) as read:

            async def after_a_write(table: str, columns: list[str]) -> AsyncIterator[queries.Batch]:
                before = written
                while written == before:  # noqa: ASYNC110 - it counts on
                    await asyncio.sleep(0.001)
                async for batch in read(table, columns):
                    yield batch

            yield after_a_write

    monkeypatch.setattr(queries, "snapshot", disturbed)
    writer = asyncio.create_task(write())
    await make_backup(centre, str(tmp_path / "backup.tar"))
    stop.set()
    await writer
    assert written >= len(IN_A_BACKUP)
    await restore_backup(await open_empty("sqlite"), tmp_path / "backup.tar")
    pairs = await db.fetch_one("SELECT COUNT(*) AS n FROM fact WHERE kind = 'pair'")
    teams = await db.fetch_one("SELECT COUNT(*) AS n FROM team WHERE name LIKE 'Team %'")
    assert pairs == teams
    assert pairs != {"n": written}


async def test_what_is_erased_while_it_is_read_is_noted_and_left_out(
    centre: Settings, open_empty: OpenEmpty, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = storage.storage()
    await store.put_bytes("recordings/zz/large", os.urandom(4 << 20))
    stream = type(store).stream

    async def shortened(self, key, start=0, end=None, **options):  # type: ignore[no-untyped-def]
        async for piece in stream(self, key, start, end, **options):
            yield piece
            if key == "recordings/zz/large":
                await self.delete(key)

    monkeypatch.setattr(type(store), "stream", shortened)
    made = await make_backup(centre, str(tmp_path / "backup.tar"))
    monkeypatch.undo()
    assert made.gone == ["recordings/zz/large"]
    check_backup(tmp_path / "backup.tar")
    await restore_backup(await open_empty("sqlite"), tmp_path / "backup.tar")
    assert (await everything())[1] == OBJECTS
