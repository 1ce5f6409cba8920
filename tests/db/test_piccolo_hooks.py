"""The parts of Piccolo that we build on and that it does not promise: look before a new minor version."""

from importlib.metadata import version

from piccolo.apps.migrations.auto.migration_manager import MigrationManager
from piccolo.engine.base import Engine
from piccolo.table import Table

from trainer import db_engine
from trainer.facts import Fact


def test_the_version_that_these_hooks_were_checked_with():
    assert version("piccolo").startswith("1.38."), "read engine/base.py and migrations again, then raise this"


def test_our_engine_answers_all_that_piccolo_asks_of_one():
    ours = {"open", "close", "begin", "end", "execute", "only_one", "connections"}
    assert db_engine.Database.__abstractmethods__ == ours
    assert set(Engine.__slots__) == {
        "query_id",
        "log_queries",
        "log_responses",
        "engine_type",
        "min_version_number",
        "current_transaction",
    }, "Database.__init__ sets these itself"


def test_tables_keep_their_engine_where_we_put_it(monkeypatch):
    monkeypatch.setattr(Fact._meta, "_db", None)
    marker = object()
    Fact._meta.db = marker
    assert Fact._meta._db is marker


def test_a_migration_knows_what_it_alters():
    manager = MigrationManager(migration_id="x", app_name="trainer")
    assert manager.wrap_in_transaction
    assert manager.alter_columns.alter_columns == []
    assert manager.alter_columns.table_class_names == []


def test_the_statement_that_makes_a_table_begins_with_its_quoted_name(monkeypatch):
    class Typed:
        engine_type = "sqlite"

    class Shelf(Table, tablename="shelf_of_hooks"):
        pass

    monkeypatch.setattr(Shelf._meta, "_db", Typed())
    assert Shelf.create_table().ddl[0].startswith('CREATE TABLE "shelf_of_hooks" (')
