"""Migrations: nothing drifts, every index is there, they run once, and SQLite tables can be rebuilt."""

import ast
import asyncio
import re
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest
from piccolo.columns import UUID, ForeignKey, Integer, Text
from piccolo.columns.base import OnDelete
from piccolo.table import Table

from trainer import db, db_schema
from trainer.piccolo_app import INDEXES, MODULES, TABLES

MIGRATE = """
import asyncio, sys
from trainer import db

async def main(url: str) -> None:
    await db.open_database(url)
    print(len(await db.migrate()))
    await db.close_database()

asyncio.run(main(sys.argv[1]))
"""


@pytest.mark.usefixtures("database")
async def test_the_tables_and_the_migrations_say_the_same():
    assert await db_schema.drift(TABLES) == []
    assert await db.pending_migrations() == []
    assert not await db.newer_schema()


@pytest.mark.usefixtures("database")
async def test_every_index_is_in_the_database():
    if db.dialect() == "sqlite":
        rows = await db.fetch("SELECT name FROM sqlite_master WHERE type = 'index'")
    else:
        rows = await db.fetch("SELECT indexname AS name FROM pg_indexes WHERE schemaname = 'public'")
    wanted = [re.match(r"CREATE (?:UNIQUE )?INDEX (\w+) ON ", statement) for statement in INDEXES]
    assert all(wanted), "an index is not written as CREATE [UNIQUE] INDEX name ON table (…)"
    names = [found[1] for found in wanted if found]
    assert len(names) == len(set(names))
    assert set(names) - {row["name"] for row in rows} == set()


@pytest.mark.usefixtures("database")
async def test_every_table_can_be_read():
    for table in TABLES:
        assert await table.select().limit(1) == []


@pytest.mark.parametrize("module", MODULES)
def test_every_foreign_key_says_what_becomes_of_it(module: str):
    """Piccolo's silent defaults, CASCADE and null, would delete facts with people."""
    source = Path(str(import_module(module).__file__)).read_text()
    for call in ast.walk(ast.parse(source)):
        if isinstance(call, ast.Call) and getattr(call.func, "id", "") == "ForeignKey":
            assert {"on_delete", "null"} <= {keyword.arg for keyword in call.keywords}, ast.unparse(call)


async def test_migrations_run_once(empty_database_url: str, capsys: pytest.CaptureFixture[str]):
    await db.open_database(empty_database_url)
    pending = await db.pending_migrations()
    assert pending == db_schema.known() != []
    assert await db.migrate() == pending
    assert await db.migrate() == []
    assert await db.pending_migrations() == []
    assert capsys.readouterr().out == "", "prints belong to standard error"
    await db.close_database()


async def test_two_processes_that_migrate_at_once_do_it_once(empty_database_url: str):
    command = [sys.executable, "-c", MIGRATE, empty_database_url]
    processes = [
        await asyncio.create_subprocess_exec(*command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        for _ in range(2)
    ]
    outputs = [(await process.communicate())[0] for process in processes]
    assert sorted(int(output) for output in outputs) == [0, len(db_schema.known())]


async def test_a_database_of_a_newer_version_is_left_alone(database: str):
    await db.fetch(
        "INSERT INTO migration (name, app_name, ran_on) VALUES ({}, 'trainer', {})",
        "2099-01-01T00:00:00:000000",
        db.utc_now().replace(tzinfo=None),
    )
    assert await db.newer_schema()
    with pytest.raises(db.DatabaseError, match="newer version"):
        await db.migrate()


# Migrations of later releases, as Piccolo writes them: in a folder of their own, against small tables

FIRST = """
from piccolo.apps.migrations.auto.migration_manager import MigrationManager
from piccolo.columns.column_types import Integer, Text

ID = "2027-01-01T00:00:00:000000"

async def forwards():
    manager = MigrationManager(migration_id=ID, app_name="trainer")
    manager.add_table(class_name="Shelf", tablename="shelf")
    manager.add_column(table_class_name="Shelf", tablename="shelf", column_name="label",
        db_column_name="label", column_class_name="Text", column_class=Text,
        params={"default": "", "null": True})
    manager.add_column(table_class_name="Shelf", tablename="shelf", column_name="boards",
        db_column_name="boards", column_class_name="Integer", column_class=Integer,
        params={"default": 1, "null": False})
    return manager
"""

SECOND = """
from piccolo.apps.migrations.auto.migration_manager import MigrationManager
from piccolo.columns.column_types import Text

ID = "2027-01-02T00:00:00:000000"

async def forwards():
    manager = MigrationManager(migration_id=ID, app_name="trainer")
    manager.alter_column(table_class_name="Shelf", tablename="shelf", column_name="label",
        db_column_name="label", params={"null": False}, old_params={"null": True},
        column_class=Text, old_column_class=Text)
    return manager
"""

BROKEN = """
from piccolo.apps.migrations.auto.migration_manager import MigrationManager
from trainer.db import database

ID = "2027-01-03T00:00:00:000000"

async def half():
    await database().run_ddl("CREATE TABLE half (id INTEGER)")
    raise ZeroDivisionError

async def forwards():
    manager = MigrationManager(migration_id=ID, app_name="trainer")
    manager.add_raw(half)
    return manager
"""


@pytest.fixture
def later_migrations(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    folder = tmp_path / "migrations"
    folder.mkdir()

    def write(*texts: str) -> None:
        for number, text in enumerate(texts):
            (folder / f"trainer_{number}.py").write_text(text)
        db_schema.known.cache_clear()
        db_schema._modules.cache_clear()

    monkeypatch.setattr(db_schema, "FOLDER", folder)
    yield write
    db_schema.known.cache_clear()
    db_schema._modules.cache_clear()


async def test_an_altered_column_is_altered_on_both_engines(empty_database_url: str, later_migrations):
    await db.open_database(empty_database_url)
    later_migrations(FIRST)
    await db.migrate()
    await db.database().run_ddl("CREATE UNIQUE INDEX shelf_label ON shelf (label)")
    await db.fetch("INSERT INTO shelf (label, boards) VALUES ('a', 3)")
    later_migrations(FIRST, SECOND)
    await db.migrate()
    assert await db.fetch("SELECT label, boards FROM shelf") == [{"label": "a", "boards": 3}]
    with pytest.raises(db.ConstraintViolation):
        await db.fetch("INSERT INTO shelf (label, boards) VALUES (NULL, 1)")
    with pytest.raises(db.UniqueViolation):
        await db.fetch("INSERT INTO shelf (label, boards) VALUES ('a', 1)")
    await db.close_database()


async def test_a_migration_that_fails_leaves_nothing_and_is_not_recorded(
    empty_database_url: str, later_migrations
):
    await db.open_database(empty_database_url)
    later_migrations(FIRST, BROKEN)
    with pytest.raises(ZeroDivisionError):
        await db.migrate()
    assert await db.pending_migrations() == ["2027-01-03T00:00:00:000000"]
    await db.database().run_ddl("CREATE TABLE half (id INTEGER)")
    await db.close_database()


async def test_a_migration_and_the_note_of_it_are_one(
    empty_database_url: str, later_migrations, monkeypatch: pytest.MonkeyPatch
):
    async def fail(name: str) -> None:
        raise ZeroDivisionError

    await db.open_database(empty_database_url)
    later_migrations(FIRST)
    with monkeypatch.context() as patch:
        patch.setattr(db_schema, "_record", fail)
        with pytest.raises(ZeroDivisionError):
            await db.migrate()
    assert await db.migrate() == ["2027-01-01T00:00:00:000000"], "the table was there already"
    await db.close_database()


class Crate(Table, tablename="crate"):
    id = UUID(primary_key=True)
    label = Text(default="none", null=False)
    weight_g = Integer(default=0)


class Apple(Table, tablename="apple"):
    id = UUID(primary_key=True)
    crate = ForeignKey(Crate, on_delete=OnDelete.cascade, null=False)


@pytest.fixture
async def crates(tmp_path: Path):
    """A crate whose label may be missing and has no weight, with an apple, an index and a trigger."""
    await db.open_database(f"sqlite:///{tmp_path}/crates.sqlite")
    ddl = db.database().run_ddl
    await ddl("CREATE TABLE crate (id UUID PRIMARY KEY NOT NULL, label TEXT, kilos INTEGER)")
    await Apple.create_table()
    await ddl("CREATE INDEX crate_label ON crate (label)")
    await ddl("CREATE TRIGGER crate_kept BEFORE DELETE ON crate BEGIN SELECT RAISE(ABORT, 'kept'); END")
    crate = db.new_id()
    await db.fetch("INSERT INTO crate (id, label, kilos) VALUES ({}, NULL, 2)", crate)
    await Apple.insert(Apple(id=db.new_id(), crate=crate))
    yield crate
    await db.close_database()


async def test_a_rebuilt_table_keeps_rows_children_indexes_and_triggers(crates):
    await db.rebuild_table(Crate, {"label": "COALESCE(label, 'unnamed')", "weight_g": "kilos * 1000"})
    assert await Crate.select() == [{"id": crates, "label": "unnamed", "weight_g": 2000}]
    assert await Apple.count() == 1
    kept = await db.fetch(
        "SELECT name FROM sqlite_master WHERE tbl_name = 'crate' AND sql IS NOT NULL ORDER BY name"
    )
    assert [row["name"] for row in kept] == ["crate", "crate_kept", "crate_label"]
    with pytest.raises(db.ConstraintViolation):
        await db.fetch("UPDATE crate SET label = NULL")
    with pytest.raises(db.ForeignKeyViolation):
        await Apple.insert(Apple(id=db.new_id(), crate=db.new_id()))


async def test_a_rebuild_that_would_lose_a_parent_changes_nothing(crates):
    with pytest.raises(db.DatabaseError, match="pointing nowhere"):
        await db.rebuild_table(Crate, {"id": "'00000000-0000-0000-0000-000000000000'", "label": "'x'"})
    assert await db.fetch("SELECT kilos FROM crate") == [{"kilos": 2}]
    with pytest.raises(db.ForeignKeyViolation):
        await Apple.insert(Apple(id=db.new_id(), crate=db.new_id()))


async def test_a_rebuild_that_fails_changes_nothing(crates):
    with pytest.raises(db.ConstraintViolation):
        await db.rebuild_table(Crate)
    assert await db.fetch("SELECT kilos FROM crate") == [{"kilos": 2}]
