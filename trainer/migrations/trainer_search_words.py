"""The full-text index over `search_entry.words`, in each engine's own way; see trainer/search/queries.py.

Apart from the other indexes, as this one cannot be written the same for both. SQLite's is a virtual table that keeps
no text itself and follows the entries by triggers, rows that go by a cascade included.
"""

from piccolo.apps.migrations.auto.migration_manager import MigrationManager

from trainer.db import database, dialect

ID = "2026-11-23T10:00:02:000000"
VERSION = "1"
DESCRIPTION = "Words to search"

SQLITE = [
    # a restore that was broken off may have left one over entries of then
    "DROP TABLE IF EXISTS search_word",
    # words come divided by spaces; this tokenizer takes every character beyond ASCII as part of one
    """CREATE VIRTUAL TABLE search_word USING fts5(
        words, content='search_entry', content_rowid='id', tokenize='ascii')""",
    """CREATE TRIGGER search_entry_added AFTER INSERT ON search_entry BEGIN
        INSERT INTO search_word(rowid, words) VALUES (new.id, new.words); END""",
    """CREATE TRIGGER search_entry_gone AFTER DELETE ON search_entry BEGIN
        INSERT INTO search_word(search_word, rowid, words) VALUES ('delete', old.id, old.words); END""",
]
POSTGRES = [
    # without fastupdate: each search would read through all that came since the last vacuum
    """CREATE INDEX search_entry_words ON search_entry
       USING gin (to_tsvector('simple', words)) WITH (fastupdate = off)""",
]


async def _create() -> None:
    for statement in SQLITE if dialect() == "sqlite" else POSTGRES:
        await database().run_ddl(statement)


async def forwards() -> MigrationManager:
    manager = MigrationManager(migration_id=ID, app_name="trainer", description=DESCRIPTION)
    manager.add_raw(_create)
    return manager
