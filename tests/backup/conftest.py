"""Centres to back up and to restore into: one with a row in every table, and empty ones on each engine."""

import json
import os
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from piccolo.columns import ForeignKey

from tests.conftest import ENGINES, _command
from tests.postgres_cluster import with_database
from trainer import db, storage
from trainer.backup import erasures, queries, values
from trainer.backup.making import LEFT_OUT
from trainer.piccolo_app import TABLES
from trainer.settings import Settings

IN_A_BACKUP = [table for table in TABLES if table._meta.tablename not in LEFT_OUT]
Everything = tuple[dict[str, list[dict[str, Any]]], dict[str, bytes]]
OBJECTS = {
    "recordings/ab/one": os.urandom(3_000_001),
    "recordings/ab/one.peaks": b"",
    "clips/cd/two.mp3": os.urandom(512),
}


async def row_in_every_table() -> None:
    """One row each, with something in every column; those that point to others point to theirs."""
    ids = {table._meta.tablename: uuid.uuid4() for table in TABLES}

    def value(table: Any, column: Any) -> Any:
        name = column._meta.db_column_name
        if name == "id" and values.kind_of(column) == "uuid":
            return ids[table._meta.tablename]
        if isinstance(column, ForeignKey):
            return ids[column._foreign_key_meta.resolved_references._meta.tablename]
        if type(column).__name__ in ("JSON", "JSONB"):
            return json.dumps({"en": f"{name} “ja” ☂ \n"}, ensure_ascii=False)
        return {
            "uuid": uuid.uuid4(),
            "moment": datetime(2026, 3, 29, 1, 30, 0, 123456, UTC),
            "date": date(2028, 2, 29),
            "truth": True,
            "whole": 2**31 - 1,
            "number": 0.1,
            "text": f"{name} 李雷 \\ \" ' \t\r\n\u2028 ☂",
            "bytes": bytes(range(256)),
        }[values.kind_of(column)]

    async with queries.loading():
        for table in TABLES:
            columns = table._meta.columns
            names = [column._meta.db_column_name for column in columns]
            row = tuple(value(table, column) for column in columns)
            await queries.insert(table._meta.tablename, names, [row])


async def everything() -> Everything:
    """All rows (but sessions, which end, and what no backup holds) and all objects of the open centre."""
    rows = {}
    for name in sorted(await queries.tables() - {"migration", "session"} - LEFT_OUT):
        found = await db.fetch(f'SELECT * FROM "{name}"')
        rows[name] = sorted(found, key=lambda row: str(row["id"]))
    store = storage.storage()
    objects = {
        each.key: b"".join([piece async for piece in store.stream(each.key)]) async for each in store.list()
    }
    return rows, objects


@pytest.fixture
async def centre(database_url: str, tmp_path: Path) -> AsyncIterator[Settings]:
    """An open centre with a row in every table and three objects."""
    settings = Settings(data=tmp_path / "data", database_url=database_url)
    settings.key()
    await db.open_database(database_url)
    storage.open_storage(settings.effective_storage_url, scratch=settings.data / "scratch")
    await row_in_every_table()
    for key, data in OBJECTS.items():
        await storage.storage().put_bytes(key, data)
    erasures.keep_in(settings.data)
    yield settings
    erasures.keep_in(None)
    await storage.close_storage()
    await db.close_database()


OpenEmpty = Callable[..., Awaitable[Settings]]


@pytest.fixture
async def open_empty(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[OpenEmpty]:
    """`await open_empty("postgres")`: leaves the open centre for an empty one, whose settings it gives."""
    made: list[str] = []

    async def start(engine: str, **known: Any) -> Settings:
        if engine not in ENGINES:
            pytest.skip(f"TRAINER_TEST_ENGINES leaves out {engine}")
        url = ""
        if engine == "postgres":
            server, name = request.getfixturevalue("postgres_url"), f"empty_{uuid.uuid4().hex}"
            await _command(server, f'CREATE DATABASE "{name}"')
            made.append(name)
            url = with_database(server, name)
        settings = Settings(data=tmp_path / f"empty-{uuid.uuid4().hex[:6]}", database_url=url, **known)
        settings.data.mkdir()
        await storage.close_storage()
        await db.close_database()
        await db.open_database(settings.effective_database_url)
        storage.open_storage(settings.effective_storage_url, scratch=settings.data / "scratch")
        return settings

    yield start
    await storage.close_storage()
    await db.close_database()
    for name in made:
        await _command(request.getfixturevalue("postgres_url"), f'DROP DATABASE "{name}" WITH (FORCE)')
