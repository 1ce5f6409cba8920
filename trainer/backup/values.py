"""Rows as text that belongs to neither engine: each column's kind, and its values as JSON can hold them.

Invariant: `read(kind, write(kind, value)) == value` for every value that either engine gives back.
"""

import base64
import uuid
from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from piccolo.columns import Column
from piccolo.table import Table

# How a kind is written for JSON and read back. Whole numbers, texts, truth values and floats are themselves.
_WRITE: dict[str, Callable[[Any], Any]] = {
    "uuid": str,
    "moment": lambda value: value.astimezone(UTC).isoformat(),
    "date": lambda value: value.isoformat(),
    "bytes": lambda value: base64.b64encode(value).decode(),
    "decimal": str,
}
_READ: dict[str, Callable[[Any], Any]] = {
    "uuid": uuid.UUID,
    "moment": datetime.fromisoformat,
    "date": date.fromisoformat,
    "bytes": base64.b64decode,
    "decimal": Decimal,
    "truth": bool,
}
_KINDS: dict[type, str] = {
    uuid.UUID: "uuid",
    datetime: "moment",
    date: "date",
    bool: "truth",
    int: "whole",
    float: "number",
    str: "text",
    bytes: "bytes",
    Decimal: "decimal",
}


def kind_of(column: Column) -> str:
    """The kind of a column's values. Raises TypeError for one that a backup cannot hold yet."""
    try:
        return _KINDS[column.value_type]
    except KeyError:
        raise TypeError(f"a backup cannot hold {column!r} yet: give it a kind in {__name__}") from None


def columns_of(table: type[Table]) -> dict[str, str]:
    """Column → kind, in the table's order."""
    return {column._meta.db_column_name: kind_of(column) for column in table._meta.columns}


def write(kind: str, value: Any) -> Any:
    """The value as JSON holds it."""
    return _WRITE[kind](value) if value is not None and kind in _WRITE else value


def read(kind: str, value: Any) -> Any:
    """The value as the engines take it."""
    return _READ[kind](value) if value is not None and kind in _READ else value
