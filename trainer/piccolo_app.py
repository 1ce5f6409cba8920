"""All tables of the product as Piccolo's one app, and the indexes that Piccolo cannot declare itself.

Invariant: a table that is not listed here does not exist for migrations; tests compare the two.
"""

from importlib import import_module
from pathlib import Path

from piccolo.conf.apps import AppConfig, table_finder

MODULES = [
    "trainer.facts",
    "trainer.job_queue",
    "trainer.web.api",
    "trainer.sheets.tables",
    "trainer.people.tables",
    "trainer.notices.tables",
    "trainer.rulebook.tables",
    "trainer.calls.tables",
    "trainer.calls.recognising.tables",
    "trainer.calls.importing.tables",
    "trainer.clips.tables",
    "trainer.clips.keeping.tables",
    "trainer.clips.suggestions.tables",
    "trainer.clips.batch.tables",
    "trainer.clips.playlists.tables",
    "trainer.clips.pairs.tables",
    "trainer.clips.reviewing.tables",
    "trainer.quality.tables",
    "trainer.search.tables",
    "trainer.curating.tables",
    "trainer.training.tables",
    "trainer.appreciation.tables",
    "trainer.career.tables",
    "trainer.recognition.tables",
]

TABLES = table_finder(MODULES, exclude_imported=True)

# Raw statements, in the order of the modules: composite and partial indexes, which Piccolo does not know.
INDEXES: list[str] = [statement for module in MODULES for statement in import_module(module).INDEXES]

APP_CONFIG = AppConfig(
    app_name="trainer",
    migrations_folder_path=Path(__file__).parent / "migrations",
    table_classes=TABLES,
)
