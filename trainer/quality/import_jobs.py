"""A sheet of evaluations with a preview: read by one job, looked at by its analyst, then written by another.

Invariant: what is taken is what the preview showed. A row that would mean something else by then says so and is
refused: what is taken is a dated fact, which nobody takes back.
"""

import asyncio
import json
from collections.abc import Iterable, Mapping
from typing import Any
from uuid import UUID

from trainer import db, jobs
from trainer.people.days import day_of, zone_of
from trainer.people.service import get_person
from trainer.people.sessions import viewer_as
from trainer.problems import Invalid, NotFound, TooLarge
from trainer.quality.importing import BATCH, Line, Plan, in_order, note_import, plan_rows, take
from trainer.quality.service import EVALUATE
from trainer.quality.sheet import COLUMNS, Here, look_around
from trainer.sheets import pending as imports
from trainer.sheets.columns import Matched, about_columns, match_columns
from trainer.sheets.pending import Pending
from trainer.sheets.reading import Sheet
from trainer.sheets.writing import write_csv
from trainer.web.i18n import _, speaking
from trainer.web.session import Viewer

KIND = "evaluations"
REPORT = ("row", "what", "who", "call", "marks", "score", "fatal", "why")


async def _analyst(found: Pending) -> Viewer:
    """Who sent it. Raises Permanent for somebody who evaluates no more."""
    person = await get_person(found.by) if found.by else None
    viewer = viewer_as(person) if person else None
    if person is None or viewer is None or not (person.active and viewer.has(*EVALUATE)):
        raise jobs.Permanent(_("QA analysts evaluate calls."))
    return viewer


@jobs.job("read_evaluations", attempts=3, lease_seconds=120)
async def read_evaluations(context: jobs.JobContext, pending: str) -> None:
    """Reads an uploaded sheet and works out what it would bring."""
    found = await imports.any_pending(UUID(pending))
    if found is None or found.state != "reading":
        return
    viewer = await _analyst(found)
    with speaking(viewer.locale):
        try:
            sheet = await imports.sheet_of(found.id)
        except (Invalid, TooLarge, NotFound) as problem:
            await imports.refused(context, found.id, problem.detail)
            return
        here = await look_around(zone_of(""), viewer)
        matched = _matched(sheet, here, found.columns)
        offered = _offered(here)
        told = {"rows": len(sheet.rows), "offered": offered, **about_columns(sheet, matched)}
        if blocked := _blocked(matched):
            await imports.planned(context, found.id, {**told, "unknown": [], "blocked": blocked})
            return
        plan = await plan_rows(sheet, matched, here)
        report = await asyncio.to_thread(_report, plan.lines, plan.here, viewer)
        notes = json.dumps({str(line.number): _digest(line) for line in plan.lines if line.state == "new"})
        async with db.transaction():
            summary = {**told, **_preview(plan, viewer)}
            ready = await imports.planned(context, found.id, summary, report, notes.encode())
            if ready and found.summary.get("at_once"):
                await imports.start_applying(viewer, KIND, found.id, apply_evaluations)


def _offered(here: Here) -> list[str]:
    """The columns that may be chosen by hand; seconds and words of a rule go by its code."""
    return [*COLUMNS, *sorted({code for rules in here.rules.values() for code in rules})]


def _matched(sheet: Sheet, here: Here, chosen: Mapping[str, int]) -> Matched:
    ours = here.columns()
    found = match_columns(sheet, ours)
    if not chosen:
        return found
    offered = set(_offered(here))
    by_name = {name: place for name, place in found.columns.items() if name not in offered}
    taken = set(chosen.values())
    rest = {name: place for name, place in by_name.items() if place not in taken}
    return match_columns(sheet, ours, chosen={**rest, **chosen})


def _blocked(matched: Matched) -> list[str]:
    """Unlike other sheets, one with an unknown column waits: a rule that is left out would change a result."""
    told = matched.complaints()
    if "agent" not in matched.columns and "agent" not in matched.duplicate:
        told.append(_("The column %(name)s is missing.") % {"name": "agent"})
    return told


def _digest(line: Line) -> str:
    return line.row.digest if line.row else ""


def _preview(plan: Plan, viewer: Viewer) -> dict[str, Any]:
    told: dict[str, Any] = {"counts": {state: plan.count(state) for state in ("new", "known", "refused")}}
    for state in ("new", "refused"):
        first = [line for line in plan.lines if line.state == state][: imports.SHOWN]
        told[state] = [_shown(line, plan.here, viewer) for line in first]
    return told


def _shown(line: Line, here: Here, viewer: Viewer) -> dict[str, Any]:
    """A row as people read it."""
    told: dict[str, Any] = {
        "line": line.number,
        "who": line.agent,
        "why": line.reason,
        "call": "",
        "marks": [],
    }
    if (row := line.row) is None:
        return told
    title = here.calls[row.recording].title if row.recording else ""
    day = day_of(row.called_at, viewer.time_zone).isoformat() if row.called_at else ""
    results = row.results
    return told | {
        "call": " · ".join(part for part in (title, day) if part),
        "marks": [[mark.rule.code, mark.mark] for mark in row.marks if mark.mark],
        "by": here.names.get(row.analyst, "") if row.analyst else "",
        "score": results.score,
        "fatal": results.fatal,
        "replaces": bool(row.replaces),
        "notes": row.notes,
    }


def _report(lines: Iterable[Line], here: Here, viewer: Viewer) -> bytes:
    """Every row: what would become, or became, of it, and why."""
    rows: list[list[str | int]] = []
    for line in lines:
        told = _shown(line, here, viewer)
        score = told.get("score")
        why = [line.reason, *told.get("notes", [])] if line.reason else told.get("notes", [])
        rows.append(
            [
                line.number,
                line.state,
                line.agent,
                told["call"],
                " ".join(f"{code}={mark}" for code, mark in told["marks"]),
                "" if score is None else f"{score / 100:g}",
                told.get("fatal") or "",
                " ".join(why),
            ]
        )
    return write_csv(REPORT, rows)


@jobs.job("apply_evaluations", attempts=5, lease_seconds=120)
async def apply_evaluations(context: jobs.JobContext, pending: str) -> None:
    """Writes what an analyst said yes to. Taken up again, it goes on where it stopped."""
    found = await imports.any_pending(UUID(pending))
    if found is None or found.state != "applying":
        return
    viewer = await _analyst(found)
    with speaking(viewer.locale):
        sheet = await imports.sheet_of(found.id)
        here = await look_around(zone_of(""), viewer)
        matched = match_columns(sheet, here.columns(), chosen=found.summary["columns"])
        plan = await plan_rows(sheet, matched, here)
        _refuse_changed(plan, json.loads(await imports.notes_of(found.id) or b"{}"))
        before = _progress(found)
        known = plan.count("known") - before["taken"]  # its own of an earlier try are here by now
        new = [line for line in in_order(plan.lines) if line.state == "new"]
        done = before
        for start in range(0, len(new), BATCH):
            batch = new[start : start + BATCH]
            async with db.transaction():
                await db.lock(f"import {found.id}")
                present = await imports.any_pending(found.id)
                if present is None or present.state != "applying" or _progress(present) != done:
                    return  # another worker is at it
                done = {"taken": done["taken"] + await take(batch), "batches": done["batches"] + 1}
                await imports.note_progress(found.id, {**found.summary, "progress": done})
            await context.progress(start + len(batch), len(new), "")
        late = sum(line.known for line in new)
        refused = [line for line in plan.lines if line.reason]
        counts = {"taken": done["taken"], "known": known + late, "refused": len(refused)}
        report = await asyncio.to_thread(_report, refused, here, viewer)
        result = {
            "counts": counts,
            "refused": [_shown(line, here, viewer) for line in refused[: imports.SHOWN]],
        }
        async with db.transaction():
            if await imports.applied(found.id, {"result": result}, report):
                await note_import(viewer, counts, str(found.id))


def _progress(found: Pending) -> dict[str, int]:
    return dict(found.summary.get("progress") or {"taken": 0, "batches": 0})


def _refuse_changed(plan: Plan, seen: Mapping[str, str]) -> None:
    for line in plan.lines:
        if line.state == "new" and seen.get(str(line.number)) != _digest(line):
            line.reason = _("It is not what the preview showed any more. Take the file in again to see how.")
