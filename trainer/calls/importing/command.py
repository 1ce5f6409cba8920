"""`trainer import recordings` for a zip, or for a folder with a sheet: the same reading, preview and taking in as on
the page, of any folder of the machine.

Invariant: begun again after it was stopped, it goes on where it stopped, and takes nothing twice.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID

from trainer import jobs
from trainer.calls.folder import METADATA
from trainer.calls.importing import columns, reports
from trainer.calls.importing.jobs import KIND, about, apply_calls, discard, read_calls
from trainer.calls.importing.planning import SHEETS
from trainer.calls.importing.reports import Line
from trainer.problems import Conflict, Invalid
from trainer.sheets import pending as imports
from trainer.sheets.pending import Pending
from trainer.sheets.tables import SheetImport
from trainer.web.i18n import _, ngettext

LOOK_AGAIN_S = 0.1
MOST_LINES = 20_000

Progress = Callable[[str, int, int], object]


@dataclass(slots=True)
class CommandReport:
    """What came of it. `csv`: every row of a preview, or those refused."""

    lines: list[str] = field(default_factory=list)
    refused: int = 0
    csv: bytes = b""


def is_bulk(path: Path) -> bool:
    """Whether this is an archive, or a folder with a sheet of its calls (and no YAML that describes them)."""
    if path.is_file():
        return path.suffix.lower() == ".zip"
    if any((path / name).is_file() for name in METADATA):
        return False
    return any(file.suffix.lower() in SHEETS for file in path.rglob("*") if not file.name.startswith("."))


async def import_calls(
    path: Path, *, most_bytes: int, defaults: Mapping[str, str], dry_run: bool, progress: Progress
) -> CommandReport:
    """Reads an archive or folder and, unless it is a dry run, takes in every call that can be.

    Raises Invalid for one that cannot be used, Conflict when it was given up in the middle.
    """
    async with _hands():
        pending = None if dry_run else await _begun(path)
        if pending is None:
            told = about(folder=path.absolute(), most_bytes=most_bytes, defaults=defaults)
            pending = await imports.receive(None, KIND, None, path.name, read_calls, summary=told)
        found = await _until_over(pending, "reading", _("Listening to each file"), progress)
        if found.state == "refused":
            raise Invalid(found.summary["reason"])
        if blocked := found.summary["blocked"]:
            await discard(None, pending)
            raise Invalid(" ".join(blocked))
        if dry_run:
            report = await _previewed(found)
            await discard(None, pending)
            return report
        await imports.start_applying(None, KIND, pending, apply_calls)
        found = await _until_over(pending, "applying", _("Taking in and preparing"), progress)
        return await _taken(found)


@asynccontextmanager
async def _hands() -> AsyncIterator[None]:
    """Workers for this import's jobs: a command has none, and a server's own ones are only helped."""
    worker = jobs.Worker()
    running = asyncio.create_task(worker.run())
    try:
        yield
    finally:
        await worker.stop()
        await running


async def _begun(path: Path) -> UUID | None:
    """The import of this very path that was stopped in the middle, if there is one."""
    rows = await SheetImport.select(SheetImport.id, SheetImport.summary).where(
        (SheetImport.kind == KIND) & SheetImport.by.is_null() & (SheetImport.state == "applying")
    )
    there = [row["id"] for row in rows if json.loads(row["summary"])["folder"] == str(path.absolute())]
    return there[0] if there else None


async def _until_over(pending: UUID, state: str, what: str, progress: Progress) -> Pending:
    while True:
        found = await imports.load_pending(None, KIND, pending)
        if found.state != state:
            return found
        job = await imports.job_of(found)
        if job is None or job.status == "failed":
            raise Conflict(_("It stopped in the middle: %(why)s") % {"why": job.error if job else "?"})
        progress(what, job.done, job.total)
        await asyncio.sleep(LOOK_AGAIN_S)


async def _previewed(found: Pending) -> CommandReport:
    lines = await reports.lines_of(found, ["new", "known", "refused"], MOST_LINES)
    told = {"new": _("would be taken in"), "known": _("is here already")}
    report = CommandReport(csv=await reports.preview_csv(found))
    for line in lines:
        report.lines += _named(line) if line.faults else [f"{_row(line)}: {told[line.state]}"]
    numbers = await reports.numbers_of(found)
    report.lines += _around(found.summary)
    counts = {"new": numbers.new, "known": numbers.known, "refused": numbers.refused}
    report.lines.append(
        _("%(new)s would be taken in, %(known)s are here already, %(refused)s refused. Nothing was changed.")
        % counts
    )
    report.refused = numbers.refused
    return report


async def _taken(found: Pending) -> CommandReport:
    numbers = await reports.numbers_of(found)
    report = CommandReport(refused=numbers.refused, csv=await reports.refused_csv(found))
    for line in await reports.refused_lines(found, MOST_LINES):
        report.lines += _named(line)
    report.lines += _around(found.summary)
    counts = {"taken": numbers.taken, "known": numbers.known, "refused": numbers.refused}
    report.lines.append(_("%(taken)s taken, %(known)s here already, %(refused)s refused.") % counts)
    return report


def _row(line: Line) -> str:
    return _("row %(row)s (%(who)s)") % {"row": line.line, "who": line.file or "?"}


def _named(line: Line) -> list[str]:
    words = columns.labels()
    return [
        f"{_row(line)}: {words[column]}: {why}" if column else f"{_row(line)}: {why}"
        for column, why in line.faults
    ]


def _around(summary: Mapping[str, Any]) -> list[str]:
    told = [f"{name}: {why}" for name, why in summary["left_out"]]
    if summary["unnamed"]:
        left = ngettext(
            "%(num)s recording is in no row and stays out.",
            "%(num)s recordings are in no row and stay out.",
            summary["unnamed"],
        )
        told.append(left % {"num": summary["unnamed"]})
    if unknown := summary.get("unknown"):
        names = ", ".join(f"“{name}”" for name in unknown)
        told.append(_("These columns are none of ours and were left out: %(names)s.") % {"names": names})
    return told
