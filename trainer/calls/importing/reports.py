"""What would become, and what became, of each row of an import: in numbers, for pages and as CSV.

Invariant: a call whose sound turned out bad only when it was prepared is counted and listed as refused.
"""

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from trainer.calls.importing import columns, queries
from trainer.calls.views import refusal_sentence
from trainer.problems import NotFound
from trainer.sheets.pending import SHOWN, Pending
from trainer.sheets.writing import write_csv
from trainer.web.i18n import _

_PAGE = 1000


@dataclass(slots=True)
class Numbers:
    """Rows by what would become (`new`, `known`, `refused`) or became of them. `size_bytes`: of the new ones."""

    new: int = 0
    ready: int = 0
    preparing: int = 0
    known: int = 0
    refused: int = 0
    size_bytes: int = 0

    @property
    def taken(self) -> int:
        return self.ready + self.preparing


@dataclass(frozen=True, slots=True)
class Line:
    """One row with why it was refused: (our column, reason)."""

    line: int
    file: str
    state: str
    faults: list[tuple[str, str]]
    texts: dict[str, str]
    size_bytes: int = 0
    recording: UUID | None = None
    words: bool = False


def reading_of(pending: Pending) -> UUID:
    """The reading whose rows count. Raises NotFound before there is one, and when it is forgotten."""
    if "reading" not in pending.summary:
        raise NotFound(_("There is no report of this import."))
    return UUID(pending.summary["reading"])


async def numbers_of(pending: Pending) -> Numbers:
    """How many rows came to what."""
    numbers = Numbers()
    for each in await queries.outcomes(pending.id, reading_of(pending)):
        match (each["state"], each["call"]):
            case ("new", _call):
                numbers.new += each["n"]
                numbers.size_bytes += int(each["bytes"] or 0)
            case ("known", _call):
                numbers.known += each["n"]
            case ("taken", "processing"):
                numbers.preparing += each["n"]
            case ("refused", _call) | ("taken", "refused" as _call):
                numbers.refused += each["n"]
            case _:
                numbers.ready += each["n"]
    return numbers


async def lines_of(pending: Pending, states: list[str], limit: int = SHOWN, *, after: int = -1) -> list[Line]:
    """The first rows in these states, from behind line `after`."""
    rows = await queries.rows_of(pending.id, reading_of(pending), states=states, after=after, limit=limit)
    return [_line(row) for row in rows]


async def refused_lines(pending: Pending, limit: int = SHOWN) -> list[Line]:
    """The first rows that were refused, at whatever time."""
    return [_line(row) for row in await queries.refused_rows(pending.id, reading_of(pending), limit=limit)]


def _line(row: Mapping[str, Any]) -> Line:
    faults = [(column, reason) for column, reason in json.loads(row["faults"] or "[]")]
    state = row["state"]
    if row["call"] == "refused":
        state, faults = "refused", [("file", refusal_sentence(row["refusal"]))]
    return Line(
        row["line"],
        row["file"],
        state,
        faults,
        json.loads(row.get("texts") or "{}"),
        row.get("size_bytes") or 0,
        row.get("recording"),
        bool(row.get("words_place")),
    )


async def preview_csv(pending: Pending) -> bytes:
    """Every row: what would become of it, and why."""
    said = [name for name in columns.COLUMNS if name not in ("file", "transcript")]
    table: list[list[str | int]] = []
    async for line in _all(pending, ["new", "known", "refused"]):
        begin: list[str | int] = [line.line, line.state, line.file]
        known = [line.texts.get(name, "") for name in said]
        table += [[*begin, *known, column, why] for column, why in line.faults or [("", "")]]
    return await asyncio.to_thread(write_csv, ["row", "what", "file", *said, "column", "why"], table)


async def refused_csv(pending: Pending) -> bytes:
    """The rows that were not taken, with every reason."""
    table: list[list[str | int]] = []
    after = -1
    while rows := await queries.refused_rows(pending.id, reading_of(pending), after=after, limit=_PAGE):
        for line in map(_line, rows):
            table += [[line.line, line.file, column, why] for column, why in line.faults]
        after = rows[-1]["line"]
    table += [["", name, "", why] for name, why in pending.summary.get("left_out", [])]
    return await asyncio.to_thread(write_csv, ["row", "file", "column", "why"], table)


async def _all(pending: Pending, states: list[str]) -> Any:
    after = -1
    while rows := await queries.rows_of(
        pending.id, reading_of(pending), states=states, after=after, limit=_PAGE
    ):
        for row in rows:
            yield _line(row)
        after = rows[-1]["line"]
