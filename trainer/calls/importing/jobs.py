"""The two jobs of an import of calls: one reads and judges, the other takes in what somebody said yes to.

Invariant: a reading counts once it is whole; rows that a killed reading left count for nothing and go with the next.
"""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import UUID

from trainer import db, jobs
from trainer.calls.importing import planning, queries
from trainer.calls.importing.archive import Source
from trainer.calls.importing.planning import Plan
from trainer.calls.importing.tables import CallImportRow
from trainer.calls.importing.taking import Taking
from trainer.calls.service import CREATE
from trainer.people.audit import record_audit
from trainer.people.days import zone_of
from trainer.people.service import get_person
from trainer.people.sessions import viewer_as
from trainer.problems import Invalid, NotFound, Problem, TooLarge
from trainer.sheets import pending as imports
from trainer.sheets.pending import Pending
from trainer.web.i18n import _, speaking
from trainer.web.session import Viewer

KIND = "calls"
BATCH = 200  # rows written in one transaction: others who write wait that long at most


def about(
    *,
    folder: Path | None,
    most_bytes: int,
    defaults: Mapping[str, str],
    sheet: str = "",
    at_once: bool = False,
) -> dict[str, Any]:
    """What an import is told when it begins, and keeps: where its files are, and what holds for all calls.

    `sheet`: the name of the sheet that was sent for a folder. `at_once`: a program said yes beforehand.
    """
    told = {"folder": str(folder or ""), "most_bytes": most_bytes, "defaults": dict(defaults), "sent": sheet}
    return {**told, "at_once": at_once}


def _kept(found: Pending) -> dict[str, Any]:
    """A yes said beforehand is good for one reading: whoever chooses columns anew looks at the rows anew."""
    return {name: found.summary[name] for name in ("folder", "most_bytes", "defaults", "sent")}


@asynccontextmanager
async def source_of(found: Pending) -> AsyncIterator[Source]:
    """The archive or folder of an import. Raises NotFound when it is gone."""
    folder, most, sent = (found.summary[name] for name in ("folder", "most_bytes", "sent"))
    if sent:
        async with imports.file_of(found.id) as sheet:
            yield replace(_folder_source(folder, most), sheet=sheet, sheet_name=sent)
    elif not folder:
        async with imports.file_of(found.id) as path:
            yield Source("zip", path, most)
    else:
        yield _folder_source(folder, most)


def _folder_source(folder: str, most: int) -> Source:
    if (path := Path(folder)).is_dir():
        return Source("folder", path, most)
    if path.is_file():
        return Source("zip", path, most)
    raise NotFound(_("This folder is not on the server any more."))


async def _who(found: Pending) -> Viewer | None:
    """Who began it; None for a command. Raises Permanent for somebody who may not any more."""
    if found.by is None:
        return None
    person = await get_person(found.by)
    viewer = viewer_as(person)
    if not (person.active and viewer.has(*CREATE)):
        raise jobs.Permanent(_("Trainers, QA analysts and admins add calls."))
    return viewer


@jobs.job("read_calls", attempts=4, lease_seconds=60)
async def read_calls(context: jobs.JobContext, pending: str) -> None:
    """Reads an archive or folder and works out what it would bring."""
    found = await imports.any_pending(UUID(pending))
    if found is None or found.state != "reading":
        return
    viewer = await _who(found)
    with speaking(viewer.locale if viewer else "en"):
        note = _("Listening to each file for a moment")

        async def tell(done: int, total: int) -> None:
            await context.progress(done, total, note)

        try:
            async with source_of(found) as source:
                plan = await planning.plan_calls(
                    viewer,
                    source,
                    zone_of(""),
                    tell,
                    defaults=found.summary["defaults"],
                    chosen=found.columns or None,
                )
        except (Invalid, TooLarge, NotFound) as problem:
            await imports.refused(context, found.id, _words(problem))
            return
    await _write(context, found, plan)


def _words(problem: Problem) -> str:
    errors = problem.errors if isinstance(problem, Invalid) else []
    return " ".join(error.message for error in errors) or problem.detail


async def _write(context: jobs.JobContext, found: Pending, plan: Plan) -> None:
    reading = db.new_id()
    for start in range(0, len(plan.rows), BATCH):
        rows = [
            CallImportRow(id=db.new_id(), pending=found.id, reading=reading, **planning.kept(row))
            for row in plan.rows[start : start + BATCH]
        ]
        await CallImportRow.insert(*rows)
    summary = {**_kept(found), **plan.about(), "reading": str(reading)}
    async with db.transaction():
        counts = await imports.planned(context, found.id, summary)
        if counts and found.summary.get("at_once") and not plan.blocked:
            await imports.start_applying(await _who(found), KIND, found.id, apply_calls)
    mine = CallImportRow.reading == reading
    other = CallImportRow.reading != reading
    await CallImportRow.delete().where((CallImportRow.pending == found.id) & (other if counts else mine))


@jobs.job("apply_calls", attempts=8, lease_seconds=60)
async def apply_calls(context: jobs.JobContext, pending: str) -> None:
    """Takes in what somebody said yes to. Taken up again, it goes on where it stopped."""
    found = await imports.any_pending(UUID(pending))
    if found is None or found.state != "applying":
        return
    viewer = await _who(found)
    reading = UUID(found.summary["reading"])
    with speaking(viewer.locale if viewer else "en"):
        note = _("Taking in and preparing each call")

        async def tell(done: int, total: int) -> None:
            await context.progress(done, total, note)

        try:
            async with source_of(found) as source:
                await Taking(viewer, found.id, reading, source, zone_of(""), tell).run()
        except NotFound as problem:
            raise jobs.Permanent(problem.detail) from problem
    told = {"taken": 0, "known": 0, "refused": 0}
    for each in await queries.outcomes(found.id, reading):
        if each["state"] in told:
            told[each["state"]] += each["n"]
    async with db.transaction():
        if await imports.applied(found.id, found.summary):
            await record_audit(viewer, "calls_imported", "recordings", str(found.id), told)


async def discard(viewer: Viewer | None, pending: UUID) -> None:
    """Forgets an import and what stood in its sheet; nothing was changed. Raises NotFound, Conflict."""
    async with db.transaction():
        await imports.discard(viewer, KIND, pending)
        await CallImportRow.delete().where(CallImportRow.pending == pending)


@jobs.on("recording_erased")
async def forget_row(context: jobs.JobContext, event: dict[str, Any]) -> None:
    """What a row of an import said of a call that is erased meanwhile goes with it."""
    gone: dict[Any, Any] = {CallImportRow.texts: "{}", CallImportRow.sha256: "", CallImportRow.file: ""}
    await CallImportRow.update(gone).where(CallImportRow.recording == UUID(event["recording"]))
