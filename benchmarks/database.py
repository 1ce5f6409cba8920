"""The database engine against Piccolo's own SQLite engine, on the same table, in turns within one run.

Bound: writes ÷ stock writes ≥ 4 (one after the other, as a stock engine cannot take writers at once). Reads
and writers at once are shown without a bound.

    python -m benchmarks.database
"""

import asyncio
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

from piccolo.columns import UUID, Integer, Text
from piccolo.engine.sqlite import SQLiteEngine
from piccolo.table import Table

from benchmarks.row import Row
from trainer import db

ROUNDS = 5
WRITES = 60
READS = 300
BOUND = 4.0


class Line(Table, tablename="line"):
    id = UUID(primary_key=True)
    text = Text()
    number = Integer()


async def _insert(number: int) -> None:
    await Line.insert(Line(id=db.new_id(), text="a sentence of the usual length", number=number))


async def _read_then_write(number: int) -> None:
    async with Line._meta.db.transaction():
        await Line.select(Line.number).where(Line.number == number).first()
        await _insert(number)


async def _select(number: int) -> None:
    await Line.select(Line.id, Line.text).where(Line.number == number % WRITES).first()


async def _fetch(number: int) -> None:
    await db.fetch("SELECT id, text FROM line WHERE number = {} LIMIT 1", number % WRITES)


async def _rate(work: Callable[[int], Awaitable[None]], count: int, at_once: int = 1) -> float:
    """Runs a second."""

    async def several(first: int) -> None:
        for number in range(first, count, at_once):
            await work(number)

    started = time.perf_counter()
    await asyncio.gather(*[several(first) for first in range(at_once)])
    return count / (time.perf_counter() - started)


async def _measure(folder: Path) -> list[Row]:
    await db.open_database(f"sqlite:///{folder / 'ours.sqlite'}")
    ours = db.database()
    stock = SQLiteEngine(path=str(folder / "stock.sqlite"))
    for engine in (ours, stock):
        Line._meta.db = engine
        await Line.create_table()
        await engine.run_ddl("CREATE INDEX line_number ON line (number)")
    rates: dict[str, list[float]] = {}
    for _ in range(ROUNDS):
        for name, engine in (("ours", ours), ("stock", stock)):
            Line._meta.db = engine
            rates.setdefault(f"{name} insert", []).append(await _rate(_insert, WRITES))
            rates.setdefault(f"{name} transaction", []).append(await _rate(_read_then_write, WRITES))
            rates.setdefault(f"{name} select", []).append(await _rate(_select, READS))
        Line._meta.db = ours
        rates.setdefault("ours fetch", []).append(await _rate(_fetch, READS))
        rates.setdefault("ours at once", []).append(await _rate(_read_then_write, WRITES, at_once=20))
    await db.close_database()
    middle = {name: statistics.median(values) for name, values in rates.items()}

    def row(name: str, measured: str, against: str, bound: float | None) -> Row:
        ratio = middle[measured] / middle[against]
        shown = "" if bound is None else f">= {bound:g}"
        ok = None if bound is None else ratio >= bound
        return Row(name, middle[measured], "1/s", middle[against], ratio, shown, ok)

    return [
        row("SQLite: single writes ÷ stock engine", "ours insert", "stock insert", BOUND),
        row(
            "SQLite: read-then-write transactions ÷ stock engine",
            "ours transaction",
            "stock transaction",
            BOUND,
        ),
        row(
            "SQLite: the same by 20 writers at once ÷ stock one by one",
            "ours at once",
            "stock transaction",
            None,
        ),
        row("SQLite: one row through Piccolo ÷ stock engine", "ours select", "stock select", None),
        row("SQLite: one row through fetch() ÷ stock engine", "ours fetch", "stock select", None),
    ]


def rows() -> list[Row]:
    """All rows; takes a few seconds."""
    with tempfile.TemporaryDirectory() as folder:
        return asyncio.run(_measure(Path(folder)))


if __name__ == "__main__":
    for line in rows():
        print(f"{line.name:60} {line.value:9.0f} {line.unit} {line.ratio:6.1f} {line.bound:6} {line.ok}")
