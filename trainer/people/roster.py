"""People as a CSV file: taken in from a personnel system, and handed out in the same columns.

Columns: `email,employee_no,name,team,role,hired_on,birthday,time_zone,locale,buddy`, in any order; absent
ones and empty cells leave things as they are. A person is known by e-mail or employee number.
Invariant: a row is taken whole or not at all, and taking the same file twice changes nothing the second time.
"""

import csv
import io
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, cast
from uuid import UUID

from trainer import db
from trainer.people import queries, service, teams
from trainer.people.audit import plain_cell, record_audit
from trainer.people.fields import PersonFields, as_day, checked, one_line
from trainer.problems import Conflict, Forbidden, Invalid
from trainer.web.i18n import _
from trainer.web.session import Viewer

COLUMNS = (
    "email",
    "employee_no",
    "name",
    "team",
    "role",
    "hired_on",
    "birthday",
    "time_zone",
    "locale",
    "buddy",
)
MOST_ROWS = 20_000


@dataclass(frozen=True, slots=True)
class Refused:
    """A row that was not taken: its line in the file, whom it is about and why not."""

    line: int
    who: str
    reason: str


@dataclass(slots=True)
class Report:
    """What an import did, in numbers of people, and each row that it refused."""

    created: int = 0
    updated: int = 0
    unchanged: int = 0
    teams_made: list[str] = field(default_factory=list)
    refused: list[Refused] = field(default_factory=list)

    def lines(self) -> list[str]:
        """For a terminal: each refused row with its reason, then the numbers."""
        told = [
            _("line %(line)s (%(who)s): %(reason)s")
            % {"line": bad.line, "who": bad.who, "reason": bad.reason}
            for bad in self.refused
        ]
        counts = {"created": self.created, "updated": self.updated, "unchanged": self.unchanged}
        told.append(_("%(created)s added, %(updated)s changed, %(unchanged)s as they were.") % counts)
        return told


@dataclass(slots=True)
class _Row:
    line: int
    cells: dict[str, str]
    person: UUID | None = None
    fields: PersonFields = field(default_factory=lambda: PersonFields())
    buddy: str = ""
    reason: str = ""
    outcome: str = ""

    @property
    def addresses(self) -> list[str]:
        """By what the row knows its person, as `_Known` holds it."""
        return [key for key in (_key(self.cells.get("email")), _key(self.cells.get("employee_no"))) if key]

    @property
    def who(self) -> str:
        return next((self.cells[c] for c in ("email", "employee_no", "name") if self.cells.get(c)), "?")


async def import_people(viewer: Viewer | None, content: bytes | str) -> Report:
    """Takes in a file (UTF-8, with or without a byte order mark; commas or semicolons).

    Raises Forbidden (admins and the system, None), Invalid for a file that cannot be read: wrong encoding, no
    or an unknown column, too many rows. A birthday in the file opens nothing: to whom it is shown is the
    person's choice.
    """
    if viewer is not None and not viewer.has("admin"):
        raise Forbidden(_("Only admins take in people."))
    rows = _read(content)
    report = Report()
    async with db.transaction():
        await db.lock("admins")
        people = await queries.addresses()
        known = {address: row["id"] for row in people for address in _addresses_of(row)}
        active = {address for row in people if row["active"] for address in _addresses_of(row)}
        _check(rows, known, active)
        made = await _make_teams(viewer, rows, report)
        for row in rows:
            if not row.reason:
                await _take(viewer, row, made)
        await _set_buddies(viewer, [row for row in rows if not row.reason], known)
        report.refused += [Refused(row.line, row.who, row.reason) for row in rows if row.reason]
        outcomes = Counter(row.outcome for row in rows)
        report.created, report.updated = outcomes["created"], outcomes["updated"]
        report.unchanged = outcomes["unchanged"]
        told = {"created": report.created, "updated": report.updated}
        await record_audit(viewer, "people_imported", "people", "", told)
    return report


async def export_people(viewer: Viewer | None) -> str:
    """All active people in the same columns, by name. Raises Forbidden (admins and the system, None)."""
    if viewer is not None and not viewer.has("admin"):
        raise Forbidden(_("Only admins hand out the list of people."))
    people = await service.all_people()
    by_id = {person.id: person for person in people}
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(COLUMNS)
    for person in people:
        buddy = by_id.get(person.buddy) if person.buddy else None
        cells = {
            "email": person.email,
            "employee_no": person.employee_no,
            "name": person.name,
            "team": person.team_name,
            "role": " ".join(sorted(person.roles)),
            "hired_on": person.hired_on.isoformat() if person.hired_on else None,
            "birthday": person.birthday,
            "time_zone": person.time_zone,
            "locale": person.locale,
            "buddy": (buddy.email or buddy.employee_no) if buddy else None,
        }
        writer.writerow([plain_cell(cells[column] or "") for column in COLUMNS])
    async with db.transaction():
        await record_audit(viewer, "people_exported", "people", "", {"people": len(people)})
    return out.getvalue()


# Reading the file


def _read(content: bytes | str) -> list[_Row]:
    if isinstance(content, bytes):
        try:
            content = content.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            message = _("This file is not in UTF-8. Save it as CSV UTF-8 and try again.")
            raise Invalid(message, slug="not-utf-8") from error
    content = content.removeprefix("\ufeff")
    first = content.split("\n", 1)[0]
    delimiter = ";" if ";" in first and "," not in first else ","
    reader = csv.reader(io.StringIO(content, newline=""), delimiter=delimiter, strict=True)
    rows: list[_Row] = []
    header: list[str] = []
    try:
        for cells in reader:
            if not any(cell.strip() for cell in cells):
                continue
            if not header:
                header = _header(cells)
            elif len(rows) >= MOST_ROWS:
                raise Invalid(_("A file may have at most %(most)s rows.") % {"most": MOST_ROWS})
            else:
                rows.append(_row(reader.line_num, header, cells))
    except csv.Error as error:
        message = _("Line %(line)s cannot be read: %(reason)s.") % {"line": reader.line_num, "reason": error}
        raise Invalid(message, slug="not-csv") from error
    if not header:
        raise Invalid(_("This file is empty. Its first line names the columns."), slug="no-columns")
    return rows


def _header(cells: list[str]) -> list[str]:
    header = [cell.strip().lower() for cell in cells]
    for name in header:
        if name not in COLUMNS:
            message = _("There is no column %(name)s. The columns are: %(known)s.")
            raise Invalid.field(name, "unknown-column", message % {"name": name, "known": ", ".join(COLUMNS)})
        if header.count(name) > 1:
            raise Invalid.field(name, "twice", _("The column %(name)s is there twice.") % {"name": name})
    if "email" not in header and "employee_no" not in header:
        message = _("The file needs the column email or employee_no, by which people are known.")
        raise Invalid(message, slug="no-columns")
    return header


def _row(line: int, header: list[str], cells: list[str]) -> _Row:
    row = _Row(line, {name: _cell(cell) for name, cell in zip(header, cells, strict=False)})
    if len(cells) != len(header):
        row.reason = _("It has %(has)s cells where the first line names %(named)s columns.") % {
            "has": len(cells),
            "named": len(header),
        }
    return row


def _cell(cell: str) -> str:
    """The cell without the quote that an export puts before = + - @ for spreadsheets."""
    text = cell.strip()
    return text[1:] if text[:1] == "'" and text[1:2] in ("=", "+", "-", "@") else text


def _key(address: str | None) -> str:
    """An e-mail or employee number, so that the two cannot be mixed up."""
    text = address or ""
    return text.lower() if "@" in text else f"#{text}" if text else ""


def _addresses_of(row: dict[str, Any]) -> list[str]:
    return [key for key in (_key(row["email"]), _key(row["employee_no"])) if key]


# Judging the rows: everything is known before the first one is written


def _check(rows: list[_Row], known: dict[str, UUID], active: set[str]) -> None:
    seen: dict[str, int] = {}
    for row in rows:
        row.reason = row.reason or _judge(row, known, seen)
        if not row.reason:
            seen |= dict.fromkeys(row.addresses, row.line)
    again = True
    while again:  # a row whose buddy is in a refused row is refused too, and so on
        again = False
        new = [row for row in rows if not row.reason and row.person is None]
        there = {address for row in new for address in row.addresses}
        for row in rows:
            if row.reason or not row.buddy:
                continue
            buddy = _key(row.buddy)
            if buddy in row.addresses:
                row.reason = _("Nobody can be their own buddy.")
            elif buddy not in active and buddy not in there:
                row.reason = _("There is nobody with the address %(buddy)s, named as buddy.") % {
                    "buddy": row.buddy
                }
            again = again or bool(row.reason)


def _judge(row: _Row, known: dict[str, UUID], seen: dict[str, int]) -> str:
    if not row.addresses:
        return _("It has neither e-mail nor employee number.")
    if earlier := next((seen[address] for address in row.addresses if address in seen), None):
        return _("The same person is in line %(line)s already.") % {"line": earlier}
    found = {known[address] for address in row.addresses if address in known}
    if len(found) > 1:
        return _("Its e-mail and its employee number belong to two different people.")
    row.person = next(iter(found), None)
    row.buddy = row.cells.get("buddy", "")
    try:
        row.fields = checked(_given(row))
    except Invalid as refused:
        names = {"roles": "role"}
        return "; ".join(f"{names.get(e.field, e.field)}: {e.message}" for e in refused.errors)
    if len(row.cells.get("team", "")) > 80:
        return _("team: Please keep the name under 80 characters.")
    return ""


def _given(row: _Row) -> dict[str, Any]:
    """The row's filled cells as fields of a person."""
    cells = {name: text for name, text in row.cells.items() if text and name not in ("team", "buddy")}
    given: dict[str, Any] = {name: text for name, text in cells.items() if name not in ("role", "hired_on")}
    if "role" in cells:
        given["roles"] = cells["role"].replace(";", " ").replace(",", " ").split()
    if "hired_on" in cells:
        given["hired_on"] = as_day("hired_on", cells["hired_on"])
    if row.person is None:
        given.setdefault("name", "")  # a new person needs one, and `checked` says so
        given.setdefault("roles", ["agent"])
    return given


# Writing


async def _make_teams(viewer: Viewer | None, rows: Iterable[_Row], report: Report) -> dict[str, UUID]:
    """The teams of the good rows by name in casefold; missing ones are made."""
    known = {team.name.casefold(): team.id for team in await teams.list_teams(viewer)}
    for row in rows:
        name = one_line(row.cells.get("team", ""))
        if row.reason or not name or name.casefold() in known:
            continue
        known[name.casefold()] = await teams.create_team(viewer, name=name)
        report.teams_made.append(name)
    return known


async def _take(viewer: Viewer | None, row: _Row, made: dict[str, UUID]) -> None:
    fields = dict(row.fields)
    if team := one_line(row.cells.get("team", "")):
        fields["team"] = made[team.casefold()]
    if row.person is None:
        row.person = await service.create_person(viewer, **cast(Any, fields))
        row.outcome = "created"
        return
    before = await service.get_person(row.person)
    try:
        async with db.savepoint():
            after = await service.edit_person(viewer, row.person, cast(PersonFields, fields))
    except (Invalid, Conflict) as refused:  # such as the last admin, who would no longer be one
        row.reason = refused.detail
        return
    row.outcome = "unchanged" if after.revision == before.revision else "updated"


async def _set_buddies(viewer: Viewer | None, rows: list[_Row], known: dict[str, UUID]) -> None:
    """After everybody is there: a buddy may stand further down in the file."""
    everybody = dict(known)
    for row in rows:
        if row.person:
            everybody |= dict.fromkeys(row.addresses, row.person)
    for row in rows:
        if not row.buddy or row.person is None:
            continue
        before = await service.get_person(row.person)
        if before.buddy != everybody[_key(row.buddy)]:
            await service.edit_person(viewer, row.person, PersonFields(buddy=everybody[_key(row.buddy)]))
            row.outcome = "updated" if row.outcome == "unchanged" else row.outcome
