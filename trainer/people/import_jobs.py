"""A list of people with a preview: read by one job, looked at by an admin, then written by another.

Invariant: what is applied is what the preview showed. A row whose person was changed in between says so and is refused.
"""

import asyncio
import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any
from uuid import UUID

from trainer import db, jobs
from trainer.people.importing import Overtaken, Report, apply_list, not_enough, note_import
from trainer.people.planning import Plan, Refused, Row, plan_people
from trainer.people.roster import KNOWN
from trainer.people.service import get_person
from trainer.people.sessions import viewer_as
from trainer.problems import Invalid, NotFound, TooLarge
from trainer.sheets import pending as imports
from trainer.sheets.columns import Matched, about_columns, match_columns
from trainer.sheets.writing import write_csv
from trainer.web.i18n import _, speaking

KIND = "people"
MIGHTY = frozenset({"admin", "manager"})  # roles that see or change the whole centre


@jobs.job("read_people", attempts=3, lease_seconds=120)
async def read_people(context: jobs.JobContext, pending: str) -> None:
    """Reads an uploaded list and works out what it would change."""
    found = await imports.any_pending(UUID(pending))
    if found is None or found.by is None or found.state != "reading":
        return
    viewer = viewer_as(await get_person(found.by))
    with speaking(viewer.locale):
        try:
            sheet = await imports.sheet_of(found.id)
        except (Invalid, TooLarge, NotFound) as problem:
            await imports.refused(context, found.id, problem.detail)
            return
        matched = match_columns(sheet, KNOWN, chosen=found.columns or None)
        summary = {"rows": len(sheet.rows), **about_columns(sheet, matched)}
        if blocked := _blocked(matched):
            await imports.planned(context, found.id, {**summary, "blocked": blocked})
            return
        plan = await plan_people(sheet, matched, context.progress)
        report = await asyncio.to_thread(_report, plan)
        notes = json.dumps(
            {str(row.line): row.revision for row in plan.rows if row.good and row.person}
        ).encode()
        await imports.planned(context, found.id, {**summary, **_preview(plan)}, report, notes)


def _blocked(matched: Matched) -> list[str]:
    doubled = matched.complaints()[: len(matched.duplicate)]
    return [*doubled, *([reason] if (reason := not_enough(matched)) else [])]


def _preview(plan: Plan) -> dict[str, Any]:
    counts = Counter(row.outcome for row in plan.rows)
    changed, new = _mightiest_first(plan, "changed"), _mightiest_first(plan, "new")
    return {
        "counts": {name: counts[name] for name in ("new", "changed", "unchanged", "refused")},
        "teams": plan.teams[: imports.SHOWN],
        "warnings": plan.warnings,
        "new": [
            {
                "line": row.line,
                "who": row.who,
                "name": row.fields["name"],
                "roles": row.fields["roles"],
                "team": row.team,
            }
            for row in new
        ],
        "changed": [
            {"line": row.line, "who": row.cells.get("name") or row.who, "changes": row.changes}
            for row in changed
        ],
        "refused": [asdict(bad) for bad in plan.refused[: imports.SHOWN]],
    }


def _mightiest_first(plan: Plan, outcome: str) -> list[Row]:
    """The first rows of this outcome to look at. Whom a long list makes an admin or manager is never cut off unseen."""
    rows = [row for row in plan.rows if row.outcome == outcome]
    return sorted(rows, key=lambda row: MIGHTY.isdisjoint(row.fields.get("roles", [])))[: imports.SHOWN]


def _report(plan: Plan) -> bytes:
    """Every row: what would become of it, and why."""
    lines: list[list[str | int]] = []
    for row in plan.rows:
        begin: list[str | int] = [row.line, row.outcome, row.who]
        if row.faults:
            lines += [[*begin, column, "", "", reason] for column, reason in row.faults]
        elif row.person is not None and row.changes:
            lines += [[*begin, column, now, then, ""] for column, now, then in row.changes]
        elif row.person is None and row.fields["roles"] != ["agent"]:
            lines.append([*begin, "role", "", ", ".join(row.fields["roles"]), ""])
        else:
            lines.append([*begin, "", "", "", ""])
    return write_csv(["row", "what", "who", "column", "now", "then", "why"], lines)


@jobs.job("apply_people", attempts=5, lease_seconds=120)
async def apply_people(context: jobs.JobContext, pending: str) -> None:
    """Writes an import that an admin said yes to. Taken up again, it goes on where it stopped."""
    found = await imports.any_pending(UUID(pending))
    if found is None or found.by is None or found.state != "applying":
        return
    person = await get_person(found.by)
    viewer = viewer_as(person)
    if not (person.active and viewer.has("admin")):  # any more
        raise jobs.Permanent(_("Only admins take in people."))
    with speaking(viewer.locale):
        sheet = await imports.sheet_of(found.id)
        matched = match_columns(sheet, KNOWN, chosen=found.summary["columns"])
        seen = json.loads(await imports.notes_of(found.id) or b"{}")
        preview: dict[str, Any] = {
            name: found.summary[name]
            for name in ("columns", "headings", "encoding", "rows")
            if name in found.summary
        }
        report = _restored(found.summary.get("progress"))

        async def load() -> int:
            present = await imports.any_pending(found.id)
            return _restored(present.summary.get("progress")).batches if present else -1

        async def save(report: Report) -> None:
            if not await imports.note_progress(found.id, {**found.summary, "progress": _kept(report)}):
                raise Overtaken

        try:
            report = await apply_list(
                viewer, sheet, matched, report, seen=seen, load=load, save=save, tell=context.progress
            )
        except Overtaken:
            return
        lines = await asyncio.to_thread(_result, report)
        async with db.transaction():
            if await imports.applied(found.id, {**preview, "result": _kept(report)}, lines):
                await note_import(viewer, report)


def _kept(report: Report) -> dict[str, Any]:
    """The report as JSON; of many refusals the first, as all of them are in the file to download."""
    kept = {**asdict(report), "refused_count": len({bad.line for bad in report.refused})}
    for name in ("refused", "remarks"):
        kept[name] = kept[name][: imports.SHOWN]
    return kept


def _restored(kept: Mapping[str, Any] | None) -> Report:
    if not kept:
        return Report()
    plain = {name: value for name, value in kept.items() if name != "refused_count"}
    for name in ("refused", "remarks"):
        plain[name] = [Refused(**each) for each in plain[name]]
    return Report(**plain)


def _result(report: Report) -> bytes:
    """The rows that were not taken, or not wholly."""
    lines: list[list[str | int]] = [
        [bad.line, bad.who, bad.column, bad.reason] for bad in [*report.refused, *report.remarks]
    ]
    return write_csv(["row", "who", "column", "why"], lines)
