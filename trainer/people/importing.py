"""Taking a list of people in: every good row is written, in small transactions.

Twenty thousand rows are written in small transactions, so that others can go on working, and a job that is taken up
again goes on where it stopped. Each row is judged anew just before it is written.
Invariant: nothing of a refused row is taken, and taking the same list again, at the same time even, changes nothing.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any, cast
from uuid import UUID

from trainer import db
from trainer.people import service, teams
from trainer.people.audit import record_audit
from trainer.people.fields import PersonFields
from trainer.people.planning import (
    Plan,
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
from trainer.people.service import PersonView
from trainer.problems import Conflict, Forbidden, Invalid, NotFound, PreconditionFailed
from trainer.sheets.columns import Matched, match_columns, require_matched
from trainer.sheets.reading import Sheet, open_sheet_or_text
from trainer.web.i18n import _
from trainer.web.session import Viewer

BATCH = 50  # rows in one transaction: others who write wait that long at most
# What follows from somebody joining is worked off this far apart, or a large list would keep all other jobs waiting.
_APART = timedelta(milliseconds=40)


@dataclass(slots=True)
class Report:
    """What an import did, in numbers of people, and each row that it refused (while it is under way: those that
    only turned out bad when they were written).

    `remarks`: rows that were taken without their buddy or manager, because somebody changed people meanwhile.
    """

    created: int = 0
    updated: int = 0
    unchanged: int = 0
    teams_made: list[str] = field(default_factory=list)
    refused: list[Refused] = field(default_factory=list)
    remarks: list[Refused] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    rows_done: int = 0

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
    """Writes every good row from `report.rows_done` on, then buddies and managers.

    `seen`: the revision of each row's person in the preview (0: nobody), by line; another one now refuses the row.
    `load` and `save` tell and keep, inside each transaction, how many rows are done.
    """
    plan = await plan_people(sheet, matched)
    planned_refused = plan.refused
    report.warnings = plan.warnings
    made = {team.name.casefold(): team.id for team in await teams.list_teams(viewer)}
    total = len(plan.rows)
    joined_at = db.utc_now()
    while report.rows_done < total:
        start = report.rows_done
        async with db.transaction():
            await db.lock("admins")
            if load is not None and await load() != start:
                raise Overtaken
            batch = plan.rows[start : start + BATCH]
            await _take_batch(viewer, batch, report, made, seen, joined_at + start * _APART)
            report.rows_done = start + len(batch)
            if save is not None:
                await save(report)
        await tell(report.rows_done, total + total // 4)
        await asyncio.sleep(0)
    await _set_references(viewer, plan, report, tell)
    report.refused = sorted([*planned_refused, *report.refused], key=lambda bad: bad.line)
    return report


async def note_import(viewer: Viewer | None, report: Report) -> None:
    told = {"created": report.created, "updated": report.updated, "refused": len(report.refused)}
    await record_audit(viewer, "people_imported", "people", "", told)


class Overtaken(Exception):
    """Another worker writes the same import: it was taken up again while this one was thought dead."""


async def _take_batch(
    viewer: Viewer | None,
    batch: list[Row],
    report: Report,
    made: dict[str, UUID],
    seen: Mapping[str, int] | None,
    tell_at: Any,
) -> None:
    good = [row for row in batch if row.good]
    people = await service.people_by_ids([row.person for row in good if row.person])
    others = {one for person in people.values() for one in (person.buddy, person.manager) if one}
    around = await service.people_by_ids(others)
    for number, row in enumerate(good):
        before = people.get(row.person) if row.person else None
        if row.person and (before is None or before.erased_at is not None):
            row.fault("", _("This person is not here any more."))
        elif before is not None and not differences(row, before, around):
            report.unchanged += 1
            continue
        elif seen is not None and seen.get(str(row.line), 0) != (before.revision if before else 0):
            row.fault(
                "", _("Somebody changed this person after the preview. Take the list in again to see how.")
            )
        if row.good:
            await _take(viewer, row, before, report, made, tell_at + number * _APART)
        report.refused += row.refused()  # the plan's own refusals are not in this list


async def _take(
    viewer: Viewer | None,
    row: Row,
    before: PersonView | None,
    report: Report,
    made: dict[str, UUID],
    tell_at: Any,
) -> None:
    fields: dict[str, Any] = dict(row.fields)
    new_team = None
    try:
        async with db.savepoint():
            if row.team and row.team.casefold() not in made:
                new_team = await teams.create_team(viewer, name=row.team)
            if row.team:
                fields["team"] = new_team or made[row.team.casefold()]
            if before is None:
                row.person = await service.create_person(viewer, tell_at=tell_at, **cast(Any, fields))
                report.created += 1
            else:
                await service.edit_person(viewer, before.id, cast(PersonFields, fields))
                report.updated += 1
    except Invalid as refused:
        for error in refused.errors or []:
            row.fault(error.field, error.message)
        if row.good:
            row.fault("", refused.detail)
    except (
        Conflict,
        NotFound,
        PreconditionFailed,
    ) as refused:  # such as the last admin, who would no longer be one
        row.fault("", refused.detail)
    else:
        if new_team is not None:
            made[row.team.casefold()] = new_team
            report.teams_made.append(row.team)


async def _set_references(viewer: Viewer | None, plan: Plan, report: Report, tell: Progress) -> None:
    """Buddies and managers, after everybody is there; the topmost first, so that no step on the way closes a loop."""
    rows = sorted(
        (row for row in plan.rows if row.good and (row.buddy or row.manager)), key=lambda row: row.depth
    )
    if not rows:
        return
    known = await who_is_here()
    total = len(plan.rows)
    for start in range(0, len(rows), BATCH):
        batch = rows[start : start + BATCH]
        async with db.transaction():
            ids = {row.line: known.by_address.get(row.addresses[0]) for row in batch}
            people = await service.people_by_ids([one for one in ids.values() if one])
            for row in batch:
                one = ids[row.line]
                if one in people:
                    await _refer(viewer, row, people[one], known.by_address, report)
        await tell(total + start * total // (4 * len(rows)), total + total // 4)
        await asyncio.sleep(0)


async def _refer(
    viewer: Viewer | None, row: Row, person: PersonView, by_address: Mapping[str, UUID], report: Report
) -> None:
    for column, typed, present in (
        ("buddy", row.buddy, person.buddy),
        ("manager", row.manager, person.manager),
    ):
        other = by_address.get(key_of(typed)) if typed else None
        if not typed or other == present:
            continue
        try:
            if other is None:
                raise Invalid(_("There is no such colleague any more."))
            async with db.savepoint():
                await service.edit_person(viewer, person.id, cast(PersonFields, {column: other}))
        except (Invalid, NotFound, PreconditionFailed) as refused:
            words = _("The row was taken without it: %(reason)s") % {"reason": refused.detail}
            report.remarks.append(Refused(row.line, row.who, column, words))
