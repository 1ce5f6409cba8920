"""What is no whole backup, or no place for one, is refused in words before anything is touched."""

import errno
import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.backup.conftest import OpenEmpty, everything
from trainer import db, db_schema, storage
from trainer.backup import making, restoring
from trainer.backup.archive import MANIFEST, BackupRefused, parts_of
from trainer.backup.making import last_backup, make_backup
from trainer.backup.restoring import check_backup, restore_backup, under_way
from trainer.settings import Settings


@pytest.fixture
async def backup(centre: Settings, tmp_path: Path) -> Path:
    path = tmp_path / "backup.tar"
    await make_backup(centre, str(path))
    return path


async def test_a_file_cut_off_anywhere_is_refused_and_nothing_is_touched(
    backup: Path, open_empty: OpenEmpty, tmp_path: Path
) -> None:
    empty = await open_empty("sqlite")
    whole = backup.read_bytes()
    cut = tmp_path / "cut.tar"
    with backup.open("rb") as file:
        offsets = [part.offset for part in parts_of(file)]
    for length in {0, 100, 512, *offsets[1::5], offsets[-1] - 512, offsets[-1] + 10, len(whole) // 2}:
        cut.write_bytes(whole[:length])
        with pytest.raises(BackupRefused, match=r"cut off|not a backup"):
            await restore_backup(empty, cut)
    assert await db.fetch("SELECT 1 FROM sqlite_master WHERE name = 'person'") == []
    assert not under_way(empty)


async def test_a_changed_byte_anywhere_is_found_and_its_part_named(backup: Path, tmp_path: Path) -> None:
    with backup.open("rb") as file:
        parts = [part for part in parts_of(file) if part.size]
    for part in parts:
        damaged = tmp_path / "damaged.tar"
        shutil.copyfile(backup, damaged)
        with damaged.open("r+b") as file:
            file.seek(part.offset + part.size // 2)
            byte = file.read(1)
            file.seek(-1, os.SEEK_CUR)
            file.write(bytes([byte[0] ^ 1]))
        with pytest.raises(BackupRefused, match=r"damaged|newer version|not a backup"):
            check_backup(damaged)
    big = max(parts, key=lambda part: part.size)
    with damaged.open("r+b") as file:
        file.write(backup.read_bytes())
        file.seek(big.offset)
        file.write(b"?")
    with pytest.raises(BackupRefused, match="damaged: objects/recordings/ab/one is not what was written"):
        check_backup(damaged)


async def test_a_list_of_parts_that_cannot_be_read_is_damage(backup: Path) -> None:
    with backup.open("rb") as file:
        (manifest,) = [part for part in parts_of(file) if part.name == MANIFEST]
    with backup.open("r+b") as file:
        file.seek(manifest.offset + 1)
        file.write(b"#")
    with pytest.raises(BackupRefused, match="damaged"):
        check_backup(backup)


@pytest.mark.parametrize("content", [b"", b"SQLite format 3\0" * 100, b"\0" * 5000])
async def test_something_else_is_no_backup(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "other").write_bytes(content)
    with pytest.raises(BackupRefused, match="not a backup"):
        check_backup(tmp_path / "other")
    with pytest.raises(BackupRefused, match="cannot be read"):
        check_backup(tmp_path / "missing")


async def test_a_centre_that_holds_anything_is_not_filled(
    backup: Path, centre: Settings, open_empty: OpenEmpty
) -> None:
    before = await everything()
    with pytest.raises(BackupRefused, match="not empty: its database holds data"):
        await restore_backup(centre, backup)
    assert await everything() == before
    empty = await open_empty("sqlite")
    await storage.storage().put_bytes("recordings/ab/other", b"somebody's call")
    with pytest.raises(BackupRefused, match="not empty: its storage holds files"):
        await restore_backup(empty, backup)
    await storage.storage().delete("recordings/ab/other")
    await db.fetch("CREATE TABLE invoice (id INTEGER)")
    with pytest.raises(BackupRefused, match="other tables"):
        await restore_backup(empty, backup)
    await db.fetch("DROP TABLE invoice")
    await db.migrate()  # a schema without rows is empty
    await restore_backup(empty, backup)
    assert await everything() == before


async def test_a_restore_that_breaks_off_is_begun_again(
    backup: Path, centre: Settings, open_empty: OpenEmpty, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = await everything()
    other = tmp_path / "other.tar"
    await make_backup(centre, str(other))
    empty = await open_empty("sqlite")

    async def full(file: object, part: object) -> None:
        raise storage.StorageError("full")

    monkeypatch.setattr(restoring, "_take_object", full)
    with pytest.raises(storage.StorageError):
        await restore_backup(empty, backup)
    monkeypatch.undo()
    assert under_way(empty)
    with pytest.raises(BackupRefused, match="another backup was begun here"):
        await restore_backup(empty, other)
    await restore_backup(empty, backup)
    assert await everything() == before
    assert not under_way(empty)


async def test_a_backup_of_an_older_version_is_brought_up_to_date_and_a_newer_one_refused(
    backup: Path, centre: Settings, open_empty: OpenEmpty, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "migrations"
    shutil.copytree(db_schema.FOLDER, folder)
    (folder / "trainer_later.py").write_text(
        """
from piccolo.apps.migrations.auto.migration_manager import MigrationManager
from trainer.db import database

ID = "2999-01-01T00:00:00:000000"

async def forwards():
    manager = MigrationManager(migration_id=ID, app_name="trainer", description="")

    async def run():
        await database().run_ddl("ALTER TABLE team ADD COLUMN motto TEXT NOT NULL DEFAULT ''")
        await database().run_ddl("UPDATE team SET motto = 'We are ' || name")

    manager.add_raw(run)
    return manager
"""
    )
    monkeypatch.setattr(db_schema, "FOLDER", folder)
    caches = (db_schema.known, db_schema._modules)
    for cache in caches:
        cache.cache_clear()
    try:
        empty = await open_empty("sqlite")
        came = await restore_backup(empty, backup)
        assert came.migrated == ["2999-01-01T00:00:00:000000"]
        row = await db.fetch_one("SELECT name, motto FROM team")
        assert row
        assert row["motto"] == f"We are {row['name']}"
        newer = tmp_path / "newer.tar"
        # this version's tables do not know the new column, which changes nothing for who refuses it
        await make_backup(empty, str(newer))
    finally:
        monkeypatch.undo()
        for cache in caches:
            cache.cache_clear()
    await open_empty("sqlite")
    with pytest.raises(BackupRefused, match="newer than this one"):
        await restore_backup(Settings(data=tmp_path / "nothing"), newer)


class _Full:
    """A file on a disk that is full after so many bytes."""

    def __init__(self, file: object, room: int) -> None:
        self.file, self.room = file, room

    def __getattr__(self, name: str) -> object:
        return getattr(self.file, name)

    def write(self, data: bytes) -> int:
        self.room -= len(data)
        if self.room < 0:
            raise OSError(errno.ENOSPC, "No space left on device")
        return self.file.write(data)  # type: ignore[attr-defined,no-any-return]


async def test_a_backup_that_does_not_fit_leaves_nothing_behind(
    centre: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "backups"
    folder.mkdir()
    opened = os.fdopen
    monkeypatch.setattr(making.os, "fdopen", lambda *a, **k: _Full(opened(*a, **k), 2_000_000))
    with pytest.raises(BackupRefused, match="no space left"):
        await make_backup(centre, str(folder))
    monkeypatch.undo()
    assert list(folder.iterdir()) == []
    assert last_backup(centre) is None


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A folder on a file system of one megabyte; only root may make one."""
    folder = tmp_path / "small"
    folder.mkdir()
    made = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", folder], capture_output=True)
    if made.returncode != 0:
        pytest.skip("mounting a small disk needs root")
    yield folder
    subprocess.run(["umount", "-l", folder], check=True)


async def test_a_disk_that_is_really_full_says_so_too(centre: Settings, small_disk: Path) -> None:
    with pytest.raises(BackupRefused, match="no space left"):
        await make_backup(centre, str(small_disk))
    assert list(small_disk.iterdir()) == []


async def test_two_backups_to_one_file_do_not_mix(centre: Settings, tmp_path: Path) -> None:
    path = tmp_path / "backup.tar"
    async with making._open(path) as file:
        file.write(b"the first one")
        with pytest.raises(BackupRefused, match="Another backup"):
            await make_backup(centre, str(path))
    assert path.read_bytes() == b"the first one"


async def test_a_place_that_is_not_there_is_named(centre: Settings, tmp_path: Path) -> None:
    with pytest.raises(BackupRefused, match="There is no folder"):
        await make_backup(centre, str(tmp_path / "no" / "backup.tar"))


async def test_only_the_seal_makes_it_a_backup_of_this_format(backup: Path, tmp_path: Path) -> None:
    data = backup.read_bytes()
    head = json.dumps({"format": 2}).encode()
    at = data.index(b'{\n "format": 1')
    (tmp_path / "later.tar").write_bytes(data[:at] + head.ljust(14) + data[at + 14 :])
    with pytest.raises(BackupRefused):
        check_backup(tmp_path / "later.tar")
