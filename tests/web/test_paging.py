"""Cursors and values that nobody was given: refused in words, never a fault of ours."""

from datetime import UTC, datetime
from uuid import UUID

import pytest

from trainer import db
from trainer.db import ValueRefused
from trainer.problems import Malformed
from trainer.web.api import key_of, next_cursor, read_page

ID = "00000000-0000-4000-8000-000000000000"


@pytest.mark.parametrize(
    "key",
    [
        ["0001-01-01T00:00:00+14:00", ID],
        ["9999-12-31T23:59:59-14:00", ID],
        ["2026-01-01T00:00:00", ID],
        ["2026-01-01T00:00:00+00:00", 7],
        ["2026-01-01T00:00:00+00:00"],
        [None, ID],
    ],
)
def test_a_cursor_that_is_none_of_ours_is_refused(key: list[object]) -> None:
    with pytest.raises(Malformed):
        key_of(read_page(cursor=next_cursor(key)), datetime.fromisoformat, UUID)


def test_a_cursor_of_a_number_that_no_column_holds_is_refused() -> None:
    with pytest.raises(Malformed):
        key_of(read_page(cursor=next_cursor(["1" + "0" * 30])), int)


def test_a_cursor_of_ours_is_read() -> None:
    moment = datetime(2026, 11, 23, tzinfo=UTC)
    page = read_page(cursor=next_cursor([moment.isoformat(), ID]))
    assert key_of(page, datetime.fromisoformat, UUID) == (moment, UUID(ID))


async def test_a_value_that_no_column_holds_is_refused_by_name(database: str) -> None:
    with pytest.raises(ValueRefused):
        await db.fetch("SELECT id FROM clip WHERE start_ms > {}", 10**30)
    if db.dialect() != "sqlite":
        with pytest.raises(ValueRefused):
            await db.fetch("SELECT id FROM team WHERE name = {}", "a\x00b")
    assert await db.fetch("SELECT 1 AS one") == [{"one": 1}]
