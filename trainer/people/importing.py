"""Taking a list of people in: every good row is written, in small transactions.

Twenty thousand rows are written in small transactions, so that others can go on working, and a job that is taken up
again goes on where it stopped. Each row is judged anew just before it is written.
Invariant: nothing of a refused row is taken, and taking the same list again, at the same time even, changes nothing.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, cast
from uuid import UUID

from trainer import db
from trainer.people import service, teams
from trainer.people.audit import record_audit
from trainer.people.fields import PersonFields
from trainer.people.joining import APART, add_people
from trainer.people.planning import (
    Progress,
    Refused,
    Row,
    differences,
    key_of,
    no_progress,
    plan_people,
    who_is_here,
)
from trainer.people.roster import KNOWN
from trainer.problems import Conflict, Forbidden, Invalid, NotFound, PreconditionFailed, Problem
from trainer.sheets.columns import Matched, match_columns, require_matched
from trainer.sheets.reading import Sheet, open_sheet_or_text
from trainer.web.i18n import _
from trainer.web.session import Viewer

BATCH = 50  # rows in one transaction: others who write wait that long at most


@dataclass(slots=True)
class Report:
    """What an import did, in numbers of people, and each row that it refused (while it is under way: those that
    only turned out bad when they were written).

    `remarks`: rows that were taken without their buddy, because somebody changed people meanwhile. `batches`: how many
    transactions it took so far.
    """

    created: int = 0
    updated: int = 0
    unchanged: int = 0
    teams_made: list[str] = field(default_factory=list)
    refused: list[Refused] = field(default_factory=list)
    remarks: list[Refused] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    batches: int = 0

    def lines(self) -> list[str]:
        """For a terminal: what looks wrong, each refused row with its reason, then the numbers."""
        told = [*self.warnings]
        for bad in [*self.refused, *self.remarks]:
            reason = f"{bad.column}: {bad.reason}" if bad.column else bad.reason
            words = _("row %(row)s (%(who)s): %(reason)s")
            told.append(words % {"row": bad.line, "who": bad.who, "reason": reason})
        counts = {"created": self.created, "updated": self.updated, "unchanged": self.unchanged}
        told.append(_("%(created)s added, %(updated)s changed, %(unchanged)s as they were.") % counts)
        return told


def admins_only(viewer: Viewer | None) -> None:
    if viewer is not None and not viewer.has("admin"):
        raise Forbidden(_("Only admins take in people."))


async def import_people(viewer: Viewer | None, source: Path | bytes | str) -> Report:
    """Takes in a CSV or XLSX at once, without a preview (the command line).

    Raises Forbidden (admins and the system, None), Invalid for a file that cannot be used: not a table, an unknown or
    doubled column, none by which people are known. A birthday in the file opens nothing: to whom it is shown is the
    person's choice.
    """
    admins_only(viewer)
    sheet = await open_sheet_or_text(source)
    matched = match_columns(sheet, KNOWN)
    require_matched(matched)
    if blocked := not_enough(matched):
        raise Invalid(blocked, slug="no-columns")
    report = await apply_list(viewer, sheet, matched, Report())
    async with db.transaction():
        await note_import(viewer, report)
    return report


def not_enough(matched: Matched) -> str:
    """Why these columns cannot be taken in at all; "" when they can."""
    if "email" not in matched.columns and "employee_no" not in matched.columns:
        return _("The file needs the column email or employee_no, by which people are known.")
    return ""


# Writing


class Overtaken(Exception):
    """Another worker writes the same import: it was taken up again while this one was thought dead."""


async def note_import(viewer: Viewer | None, report: Report) -> None:
    """The import as one entry of the audit log, beside those of the people."""
    told = {
        "created": report.created,
        "updated": report.updated,
        "refused": len({bad.line for bad in report.refused}),
    }
    await record_audit(viewer, "people_imported", "people", "", told)


@dataclass(slots=True)
class _Writing:
    """What the batches share. `seen`: the revision of each row's person in the preview, by line; absent: nobody."""

    viewer: Viewer | None
    report: Report
    by_address: dict[str, UUID]
    teams: dict[str, UUID]
    seen: Mapping[str, int] | None
    tell_at: datetime
    later: list[tuple[UUID, Row]] = field(default_factory=list)


async def apply_list(
    viewer: Viewer | None,
    sheet: Sheet,
    matched: Matched,
    report: Report,
    *,
    seen: Mapping[str, int] | None = None,
    load: Callable[[], Awaitable[int]] | None = None,
    save: Callable[[Report], Awaitable[None]] | None = None,
    tell: Progress = no_progress,
) -> Report:
    """Writes every good row, managers before those who report to them, then buddies who stood further down.

    `report` goes on where an earlier try stopped: rows that it wrote are as they should be and cost nothing. `load` and
    `save` tell and keep, inside each transaction, how many batches were written.
    """
    plan = await plan_people(sheet, matched)
    planned_refused = plan.refused
    report.warnings = plan.warnings
    rows = sorted(
        (row for row in plan.rows if row.good), key=lambda row: (row.depth, row.person is not None, row.line)
    )
    known = await who_is_here()
    present = {team.name.casefold(): team.id for team in await teams.list_teams(viewer)}
    writing = _Writing(viewer, report, dict(known.by_address), present, seen, db.utc_now())
    for start in range(0, len(rows), BATCH):
        async with db.transaction():
            await db.lock("admins")
            if load is not None and await load() != report.batches:
                raise Overtaken
            await _take_batch(writing, rows[start : start + BATCH])
            report.batches += 1
            if save is not None:
                await save(report)
        await tell(start, len(rows))
        await asyncio.sleep(0)
    for start in range(0, len(writing.later), BATCH):
        async with db.transaction():
            for person, row in writing.later[start : start + BATCH]:
                await _set_buddy(writing, person, row)
    late = {bad.line for bad in report.refused}
    report.unchanged = len(rows) - report.created - report.updated - len(late)
    report.refused = sorted([*planned_refused, *report.refused], key=lambda bad: bad.line)
    return report


async def _take_batch(writing: _Writing, batch: list[Row]) -> None:
    people = await service.people_by_ids([row.person for row in batch if row.person])
    others = {one for person in people.values() for one in (person.buddy, person.manager) if one}
    around = await service.people_by_ids(others)
    new: list[tuple[Row, UUID, PersonFields]] = []
    for row in batch:
        before = people.get(row.person) if row.person else None
        if row.person and (before is None or before.erased_at is not None):
            row.fault("", _("This person is not here any more."))
        elif before is not None and not differences(row, before, around):
            continue
        elif writing.seen is not None and writing.seen.get(str(row.line), 0) != (
            before.revision if before else 0
        ):
            row.fault(
                "", _("Somebody changed this person after the preview. Take the list in again to see how.")
            )
        elif before is None:
            one = db.new_id()
            writing.by_address |= dict.fromkeys(row.addresses, one)
            new.append((row, one, await _fields(writing, row, one)))
        else:
            await _add(writing, new)  # it may refer to one of them
            new = []
            await _edit(writing, row, before.id)
        writing.report.refused += row.refused()
    await _add(writing, new)


async def _fields(writing: _Writing, row: Row, person: UUID) -> PersonFields:
    """The row's fields with its team (made when missing), manager and buddy by their ids."""
    fields: dict[str, Any] = dict(row.fields)
    if row.team:
        key = row.team.casefold()
        if key not in writing.teams:
            writing.teams[key] = await teams.create_team(writing.viewer, name=row.team)
            writing.report.teams_made.append(row.team)
        fields["team"] = writing.teams[key]
    if row.manager:
        fields["manager"] = writing.by_address.get(key_of(row.manager))
    if row.buddy:
        buddy = writing.by_address.get(key_of(row.buddy))
        if buddy is None:
            writing.later.append((person, row))
        else:
            fields["buddy"] = buddy
    return cast(PersonFields, fields)


async def _add(writing: _Writing, new: list[tuple[Row, UUID, PersonFields]]) -> None:
    """New people in one go; one after the other when one of them cannot be added, to find out which."""
    report = writing.report
    try:
        await add_people(writing.viewer, [(one, fields) for _row, one, fields in new], writing.tell_at)
        writing.tell_at += len(new) * APART
        report.created += len(new)
        return
    except (db.UniqueViolation, db.ForeignKeyViolation):
        pass
    for row, one, fields in new:
        try:
            async with db.savepoint():
                await service.create_person(writing.viewer, id=one, **cast(Any, fields))
            report.created += 1
        except Invalid as refused:
            _refuse(row, refused)
            report.refused += row.refused()
            for address in row.addresses:
                writing.by_address.pop(address, None)


async def _edit(writing: _Writing, row: Row, person: UUID) -> None:
    try:
        async with db.savepoint():
            await service.edit_person(writing.viewer, person, await _fields(writing, row, person))
        writing.report.updated += 1
    except (Invalid, Conflict, NotFound, PreconditionFailed, Problem) as refused:
        _refuse(row, refused)  # such as the last admin, who would no longer be one


def _refuse(row: Row, refused: Problem) -> None:
    errors = refused.errors if isinstance(refused, Invalid) else []
    for error in errors:
        row.fault(error.field, error.message)
    if not errors:
        row.fault("", refused.detail)


async def _set_buddy(writing: _Writing, person: UUID, row: Row) -> None:
    """A buddy who stood further down in the list. The row itself is taken already."""
    if not row.good:
        return
    buddy = writing.by_address.get(key_of(row.buddy))
    try:
        if buddy is None:
            raise Invalid(_("There is no such colleague any more."))
        async with db.savepoint():
            await service.edit_person(writing.viewer, person, PersonFields(buddy=buddy))
    except (Invalid, NotFound, PreconditionFailed, Problem) as refused:
        words = _("The row was taken without it: %(reason)s") % {"reason": refused.detail}
        writing.report.remarks.append(Refused(row.line, row.who, "buddy", words))
