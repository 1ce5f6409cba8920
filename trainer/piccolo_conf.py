"""Where Piccolo looks for its app and its engine: the open database, else the configured one."""

from typing import Any

from piccolo.conf.apps import AppRegistry

from trainer import db
from trainer.settings import Settings

APP_REGISTRY = AppRegistry(apps=["trainer.piccolo_app"])


def __getattr__(name: str) -> Any:
    if name != "DB":
        raise AttributeError(name)
    return db.database() if db.is_open() else db.make_database(Settings().effective_database_url)
