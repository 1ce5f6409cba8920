"""Evaluations handed out as CSV, in the columns that `sheet.py` takes in again: the same facts, nothing more.

Invariant: what a former colleague was told is not handed out; nobody is known by an empty address.
"""

import asyncio
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from uuid import UUID

from trainer import db
from trainer.clips.arithmetic import clock
from trainer.people.audit import record_audit
from trainer.quality import queries
from trainer.quality.sheet import COLUMNS
from trainer.quality.views import EvaluationView, MarkView, evaluation_of, mark_of
from trainer.sheets.writing import write_csv


async def export_evaluations() -> tuple[bytes, int, int]:
    """All released and replaced evaluations as CSV; how many, and how many of former colleagues were left out."""
    evaluations = [evaluation_of(row) for row in await queries.all_released()]
    addresses = {row["id"]: row["email"] or row["employee_no"] for row in await queries.addresses()}
    named = [each for each in evaluations if each.agent in addresses]
    marks: dict[UUID, list[MarkView]] = {}
    for start in range(0, len(named), 500):
        for found in await queries.marks_of([each.id for each in named[start : start + 500]]):
            marks.setdefault(found["evaluation"], []).append(mark_of(found))
    codes = list(dict.fromkeys(mark.code for said in marks.values() for mark in said))
    sources = {each.id: each.source for each in evaluations}
    columns = [*COLUMNS, *(name for code in codes for name in (code, f"{code}_at", f"{code}_comment"))]
    rows = [_cells(each, marks.get(each.id, []), codes, addresses, sources) for each in named]
    content = await asyncio.to_thread(write_csv, columns, rows)
    async with db.transaction():
        await record_audit(None, "evaluations_exported", "evaluations", "", {"evaluations": len(rows)})
    return content, len(rows), len(evaluations) - len(named)


def _cells(
    each: EvaluationView,
    marks: Iterable[MarkView],
    codes: list[str],
    addresses: Mapping[UUID, str],
    sources: Mapping[UUID, str],
) -> list[str]:
    said = {mark.code: mark for mark in marks}
    fixed = {
        "source": each.source,
        "agent": addresses[each.agent],
        "evaluated_by": addresses.get(each.evaluated_by, "") if each.evaluated_by else "",
        "recording": str(each.recording or ""),
        "rulebook": each.rulebook_code,
        "called_at": _iso(each.called_at),
        "released_at": _iso(each.released_at),
        "seen_at": _iso(each.seen_at),
        "resolved": {True: "yes", False: "no", None: ""}[each.resolved],
        "outcome": each.outcome or "",
        "service_level": each.service_level or "",
        "csat": str(each.csat or ""),
        "comment": each.comment,
        "replaces": sources.get(each.replaces, "") if each.replaces else "",
        "reason": each.reason,
        "weights": " ".join(
            f"{mark.code}={'fatal:' if mark.fatal else ''}{mark.weight}" for mark in said.values()
        ),
    }
    cells = [fixed[name] for name in COLUMNS]
    for code in codes:
        mark = said.get(code)
        cells += (
            ["", "", ""]
            if mark is None
            else [
                {"not_applicable": "n/a"}.get(mark.mark, mark.mark),
                "" if mark.at_ms is None else clock(mark.at_ms),
                mark.comment,
            ]
        )
    return cells


def _iso(moment: datetime | None) -> str:
    return moment.astimezone(UTC).isoformat() if moment else ""
