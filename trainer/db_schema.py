"""Migrations: the files in `trainer/migrations`, run one process at a time and each in one transaction.

Why not Piccolo's own runner: it imports migrations by bare names through sys.path, prints to standard
output, records a migration outside of the transaction that ran it, and cannot alter a column in SQLite.
The files themselves are Piccolo's, made by `piccolo migrations new trainer --auto`.
Invariant: a migration and the row that says it ran are committed together.
"""

import contextlib
import importlib.util
import io
from collections.abc import Collection, Mapping, Sequence
from functools import cache
from pathlib import Path
from types import ModuleType

from piccolo.apps.migrations.auto.migration_manager import MigrationManager
from piccolo.apps.migrations.auto.schema_snapshot import SchemaSnapshot
from piccolo.apps.migrations.tables import Migration
from piccolo.table import Table

from trainer.db import DatabaseError, database, dialect, fetch, transaction, utc_now
from trainer.db_sqlite import Sqlite

FOLDER = Path(__file__).parent / "migrations"
APP = "trainer"


@cache
def _modules() -> dict[str, ModuleType]:
    modules: dict[str, ModuleType] = {}
    for path in sorted(FOLDER.glob("trainer_*.py")):
        spec = importlib.util.spec_from_file_location(f"trainer.migrations.{path.stem}", path)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        modules[module.ID] = module
    return dict(sorted(modules.items()))


@cache
def known() -> list[str]:
    """Names of this code's migrations, oldest first. Read from the files' text: running them costs more."""
    names = []
    for path in FOLDER.glob("trainer_*.py"):
        line = next(
            line for line in path.read_text(encoding="utf-8").splitlines() if line.startswith("ID = ")
        )
        names.append(line.removeprefix("ID = ").strip("\"'"))
    return sorted(names)


async def recorded() -> set[str]:
    """Names of the migrations that the database says it has."""
    if dialect() == "sqlite":
        there = await fetch("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'migration'")
    else:
        there = await fetch("SELECT 1 WHERE to_regclass('migration') IS NOT NULL")
    if not there:
        return set()
    rows = await fetch("SELECT name FROM migration WHERE app_name = {}", APP)
    return {row["name"] for row in rows}


async def run_pending(only: Collection[str] | None = None) -> list[str]:
    """Run what the database has not (of `only`, if given, as a restore does); returns the names.

    Raises DatabaseError for a newer schema.
    """
    async with database().only_one():
        ran = await recorded()
        if strangers := sorted(ran - set(known())):
            raise DatabaseError(f"the database was migrated by a newer version of Encore ({strangers[-1]})")
        pending = [name for name in known() if name not in ran and (only is None or name in only)]
        with contextlib.redirect_stdout(
            io.StringIO()
        ):  # Piccolo prints its progress; `migrate` returns the names
            if pending:
                await Migration.create_table(if_not_exists=True)
            for name in pending:
                await _run(name)
        return pending


async def _run(name: str) -> None:
    manager = await _modules()[name].forwards()
    altered: list[type[Table]] = []
    if dialect() == "sqlite" and manager.alter_columns.alter_columns:
        altered = await _tables_after(name, manager.alter_columns.table_class_names)
        manager.alter_columns.alter_columns.clear()
    if altered or not manager.wrap_in_transaction:
        # A rebuild has transactions of its own; a migration that stops half-way here is run again from
        # its start, so its other steps must bear that.
        await manager.run()
        for table in altered:
            await rebuild_table(table, {})
        await _record(name)
    else:
        async with transaction():
            await manager.run()
            await _record(name)


async def _record(name: str) -> None:
    moment = utc_now().replace(tzinfo=None)
    row = Migration({Migration.name: name, Migration.app_name: APP, Migration.ran_on: moment})
    await Migration.insert(row)


async def drift(tables: Sequence[type[Table]]) -> list[str]:
    """What the tables declare and the migrations do not do yet, as migration statements; none is right."""
    from piccolo.apps.migrations.auto.diffable_table import DiffableTable
    from piccolo.apps.migrations.auto.schema_differ import SchemaDiffer

    declared = [
        DiffableTable(
            class_name=table.__name__,
            tablename=table._meta.tablename,
            columns=table._meta.non_default_columns,
            schema=table._meta.schema,
        )
        for table in tables
    ]
    managers = [await module.forwards() for module in _modules().values()]
    differ = SchemaDiffer(declared, SchemaSnapshot(managers).get_snapshot(), auto_input="n")
    with contextlib.redirect_stdout(io.StringIO()):
        groups = differ.get_alter_statements()
    return [statement for group in groups for statement in group.statements]


async def _tables_after(name: str, class_names: list[str]) -> list[type[Table]]:
    """The tables as they are to be once the named migration has run."""
    managers: list[MigrationManager] = []
    for other, module in _modules().items():
        managers.append(await module.forwards())
        if other == name:
            break
    snapshot = SchemaSnapshot(managers)
    return [snapshot.get_table_from_snapshot(class_name).to_table_class() for class_name in class_names]


async def rebuild_table(table: type[Table], copy: Mapping[str, str]) -> None:
    """Give an SQLite table the columns of `table`; rows, indexes and the children's foreign keys stay.

    SQLite cannot alter the type, default, null or unique of a column, so the table is made anew beside the
    old one and takes its name. `copy` maps a column to the SQL expression over the old row that fills it;
    other columns are copied by name, and those that are new get their default. Raises DatabaseError, with
    nothing changed, when a row would break a foreign key. A no-op on PostgreSQL, which alters in place.
    """
    engine = database()
    if not isinstance(engine, Sqlite):
        return
    name = table._meta.tablename
    old = {row["name"] for row in await fetch("SELECT name FROM pragma_table_info({})", name)}
    columns = [column._meta.db_column_name for column in table._meta.columns]
    filled = [column for column in columns if column in copy or column in old]
    table._meta.db = engine
    create = table.create_table().ddl[0].replace(f'CREATE TABLE "{name}"', f'CREATE TABLE "{name}__new"', 1)
    targets = ", ".join(f'"{column}"' for column in filled)
    sources = ", ".join(copy.get(column, f'"{column}"') for column in filled)
    async with engine.without_foreign_keys(), transaction():
        kept = await fetch(
            "SELECT sql FROM sqlite_master WHERE tbl_name = {} AND type IN ('index', 'trigger')"
            " AND sql IS NOT NULL",
            name,
        )
        await engine.run_ddl(create)
        await engine.run_ddl(f'INSERT INTO "{name}__new" ({targets}) SELECT {sources} FROM "{name}"')  # noqa: S608
        await engine.run_ddl(f'DROP TABLE "{name}"')
        await engine.run_ddl(f'ALTER TABLE "{name}__new" RENAME TO "{name}"')
        for row in kept:
            await engine.run_ddl(row["sql"])
        if broken := await engine.run_ddl("PRAGMA foreign_key_check"):
            raise DatabaseError(
                f"rebuilding {name} would leave {len(broken)} rows pointing nowhere: {broken[0]}"
            )
