"""Taking evaluations in from a spreadsheet (its columns: `sheet.py`): planned row by row, then written.

The command plans and writes at once; on the page and through the API somebody sees the plan first (`import_jobs.py`).
Invariant: a row is taken whole or not at all, and once, however often and by how many the file is taken; what was
taken is a dated fact and is not taken back.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from zoneinfo import ZoneInfo

from trainer import db, facts, jobs
from trainer.people.audit import record_audit
from trainer.problems import Invalid
from trainer.quality import queries
from trainer.quality.sheet import Cells, Here, Row, look_around, read_row
from trainer.sheets.columns import Matched, match_columns, require_matched
from trainer.sheets.reading import Sheet, open_sheet, plain_cell
from trainer.web.i18n import _
from trainer.web.session import Viewer

BATCH = 200


@dataclass(slots=True)
class Line:
    """One row of the sheet and what would become of it. `row` is there when it was understood."""

    number: int
    agent: str
    reason: str = ""
    row: Row | None = None
    known: bool = False

    @property
    def state(self) -> str:
        """new, known or refused."""
        return "refused" if self.reason else "known" if self.known else "new"


@dataclass(slots=True)
class Plan:
    """What a sheet would bring, in its order."""

    here: Here
    lines: list[Line]

    def count(self, state: str) -> int:
        return sum(line.state == state for line in self.lines)


@dataclass(slots=True)
class Report:
    """What an import did: numbers of evaluations, notes, and each row that was refused with its reason."""

    taken: int = 0
    there: int = 0
    notes: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)

    def lines(self) -> list[str]:
        """For a terminal."""
        counts = {"taken": self.taken, "there": self.there, "refused": len(self.refused)}
        told = _("%(taken)s evaluations taken, %(there)s here already, %(refused)s refused.") % counts
        return [*self.refused, *self.notes, told]


async def import_evaluations(path: Path, zone: ZoneInfo) -> Report:
    """Takes in a CSV or XLSX file. Raises Invalid for a file that cannot be read or has unknown columns."""
    sheet = await open_sheet(path)
    here = await look_around(zone, None)
    matched = match_columns(sheet, here.columns())
    require_matched(matched, needed=["agent"])
    plan = await plan_rows(sheet, matched, here)
    report = Report()
    rows = [line for line in in_order(plan.lines) if line.state == "new"]
    for start in range(0, len(rows), BATCH):
        async with db.transaction():
            taken = await take(rows[start : start + BATCH])
        report.taken += taken
    if rows:
        async with db.transaction():
            await note_import(None, {"taken": report.taken})
    report.there = plan.count("known")
    told = _("row %(row)s: %(reason)s")
    for line in plan.lines:
        if line.reason:
            report.refused.append(told % {"row": line.number, "reason": line.reason})
        elif line.row is not None:
            report.notes += [told % {"row": line.number, "reason": note} for note in line.row.notes]
    return report


# Planning


async def plan_rows(sheet: Sheet, matched: Matched, here: Here) -> Plan:
    """Every row judged; nothing is written."""
    lines: list[Line] = []
    for place, cells in enumerate(sheet.rows):
        read = Cells(matched, [plain_cell(cell) for cell in cells], sheet.numbers[place])
        line = Line(read.number, read["agent"])
        lines.append(line)
        try:
            if place in sheet.uneven:
                raise Invalid(_("It has another number of cells than there are headings."))
            line.row = read_row(read, here)
            line.agent = here.names[line.row.agent]
        except Invalid as refusal:
            line.reason = "; ".join(error.message for error in refusal.errors) or refusal.detail
        if place % 100 == 99:
            await asyncio.sleep(0)
    _settle(lines, here)
    return Plan(here, lines)


def in_order(lines: list[Line]) -> list[Line]:
    """Those understood, each behind the one that it replaces, so that whatever was taken so far stands by itself.

    One of a circle of replacements is refused, and with it the others.
    """
    by_source: dict[str, Line] = {}
    for line in lines:
        if line.row is not None:
            by_source.setdefault(line.row.source, line)
    ordered: dict[int, Line] = {}
    for line in lines:
        chain, current = list[Line](), line
        while current.row is not None and current.number not in ordered:
            if any(current is before for before in chain):
                current.reason = current.reason or _("Evaluations cannot replace each other in a circle.")
                break
            chain.append(current)
            current = by_source.get(current.row.replaces, Line(-1, ""))
        ordered |= {each.number: each for each in reversed(chain)}
    return list(ordered.values())


def _settle(lines: list[Line], here: Here) -> None:
    """Which rows are new, and which contradict what is here or another row."""
    seen: dict[str, Line] = {}
    replaced: set[str] = set()
    first: dict[str, int] = {}
    for line in lines:
        if line.row is not None:
            first.setdefault(line.row.source, line.number)
    for line in in_order(lines):
        row = line.row
        if row is None or line.reason:
            continue
        if row.source in here.known:
            line.known = True
        elif first[row.source] != line.number:
            line.reason = _("The same evaluation stands in an earlier row.")
        else:
            line.reason = _why_not_replace(row, here, seen, replaced)
            stands = here.standing.get(row.recording) if row.recording else None
            if not line.reason and stands not in (None, row.replaces):
                line.reason = _("This call has another evaluation already.")
        if line.state == "new":
            seen[row.source] = line
            replaced.add(row.replaces)
            if row.recording:
                here.standing[row.recording] = row.source


def _why_not_replace(row: Row, here: Here, seen: Mapping[str, Line], replaced: set[str]) -> str:
    if not row.replaces:
        return ""
    known, earlier = here.known.get(row.replaces), seen.get(row.replaces)
    agent = known.agent if known else earlier.row.agent if earlier and earlier.row else None
    if agent is None:
        return _("The evaluation that it replaces is neither here nor in this file.")
    if agent != row.agent:
        return _("The evaluation that it replaces is another agent's.")
    if known and here.programmes is not None and known.rulebook not in here.programmes:
        return _("The evaluation that it replaces belongs to a programme that you do not work on.")
    if row.replaces in replaced or (known and known.over):
        return _("The evaluation that it replaces has been replaced already.")
    return ""


# Writing


async def take(lines: list[Line]) -> int:
    """Inside a transaction: writes new rows, which come as `in_order` gives them. Returns how many were taken.

    A row that somebody else took meanwhile becomes known, one whose call was evaluated meanwhile refused, and so is
    one about somebody who was erased meanwhile.
    """
    taken = 0
    here = await queries.hold_people(line.row.agent for line in lines if line.row)
    for line in lines:
        assert line.row is not None
        if line.row.agent not in here:
            line.agent, line.reason = "", _("Its agent was erased meanwhile.")
            continue
        try:
            async with db.savepoint():
                await _write(line.row)
        except _Overtaken:
            if await queries.is_known(line.row.source):
                line.known = True
            else:
                line.reason = _("This call has another evaluation already.")
        else:
            taken += 1
    return taken


class _Overtaken(Exception):
    """The row, or another evaluation of its call, came in meanwhile."""


async def _write(row: Row) -> None:
    if row.replaces:
        await queries.replace_by_source(row.replaces)
    results = row.results
    said = {name: row.judged[name] for name in ("resolved", "outcome", "service_level", "csat", "comment")}
    made = await queries.insert(
        {
            "id": row.id,
            "recording": row.recording,
            "agent": row.agent,
            "rulebook": row.rulebook,
            "state": "released",
            "reason": row.reason,
            "score": results.score,
            "fatal_missed": results.fatal_missed,
            "source": row.source,
            "evaluated_by": row.analyst,
            "called_at": row.called_at,
            "created_at": row.released_at,
            "listed_at": row.released_at,
            "released_at": row.released_at,
            "seen_at": row.seen_at,
            "revision": 1,
            **said,
        }
    )
    if not made:
        raise _Overtaken
    if row.replaces:
        try:
            await queries.link_replaced(row.source, row.replaces)
        except db.UniqueViolation as error:
            raise _Overtaken from error
    await queries.insert_marks(
        [
            (row.id, m.rule.id, m.rule.version, m.mark, m.given.at_ms, m.given.comment, m.weight, m.severity)
            for m in row.marks
        ]
    )
    kind = "evaluation_corrected" if row.replaces else "evaluation_released"
    fact = f"evaluation:{row.id}"
    await facts.record(kind, person=row.agent, subject=row.rulebook_code, source=fact, at=row.released_at)
    event = {"evaluation": str(row.id), "agent": str(row.agent)}
    await jobs.publish("evaluation_released", event)


async def note_import(viewer: Viewer | None, told: Mapping[str, int], pending: str = "") -> None:
    """The one entry of the audit log for a whole file."""
    await record_audit(viewer, "evaluations_imported", "evaluations", pending, told)
