"""What a list of people would change here: each row judged, nothing written.

Pages show the plan before anybody says yes, and importing.py makes it anew before it writes: what people did meanwhile
is then known. Rows may refer to people further down.
Invariant: a row is good as a whole or refused as a whole, with every reason and its column.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from trainer.people import queries, service, teams
from trainer.people.fields import PersonFields, checked, one_line
from trainer.people.relations import loop_words
from trainer.people.roster import fields_of
from trainer.people.service import PersonView
from trainer.problems import Invalid
from trainer.sheets.columns import Matched
from trainer.sheets.reading import Sheet
from trainer.web.i18n import _

STEP = 200  # rows between two breaths: other requests are answered meanwhile

Progress = Callable[[int, int], Awaitable[None]]


async def no_progress(done: int, total: int) -> None:
    """For imports that nobody watches."""


@dataclass(frozen=True, slots=True)
class Refused:
    """A row that was not taken: its number in the file, whom it is about, the column at fault and why."""

    line: int
    who: str
    column: str
    reason: str


@dataclass(slots=True)
class Row:
    """One row and what it would do. `person` None: somebody new. `changes`: (column, now, then) as text.

    `depth`: larger than that of whom it reports to, 0 without a manager in the row.
    """

    line: int
    cells: dict[str, str]
    person: UUID | None = None
    revision: int = 0
    fields: PersonFields = field(default_factory=lambda: PersonFields())
    team: str = ""
    buddy: str = ""
    manager: str = ""
    depth: int = 0
    faults: list[tuple[str, str]] = field(default_factory=list)
    changes: list[tuple[str, str, str]] = field(default_factory=list)

    @property
    def good(self) -> bool:
        return not self.faults

    @property
    def addresses(self) -> list[str]:
        """By what the row knows its person; see `key_of`."""
        return [
            key for key in (key_of(self.cells.get("email")), key_of(self.cells.get("employee_no"))) if key
        ]

    @property
    def who(self) -> str:
        return next((self.cells[c] for c in ("email", "employee_no", "name") if self.cells.get(c)), "?")

    @property
    def outcome(self) -> str:
        """new, changed, unchanged or refused."""
        if not self.good:
            return "refused"
        return "new" if self.person is None else "changed" if self.changes else "unchanged"

    def fault(self, column: str, message: str) -> None:
        self.faults.append((column, message))

    def refused(self) -> list[Refused]:
        return [Refused(self.line, self.who, column, reason) for column, reason in self.faults]


@dataclass(slots=True)
class Plan:
    """What a list would do: every row, the teams it would make, and what looks wrong about its columns."""

    rows: list[Row]
    teams: list[str]
    warnings: list[str]

    def count(self, outcome: str) -> int:
        return sum(row.outcome == outcome for row in self.rows)

    @property
    def refused(self) -> list[Refused]:
        return [refused for row in self.rows for refused in row.refused()]


def key_of(address: str | None) -> str:
    """An e-mail or employee number, so that the two cannot be mixed up."""
    text = one_line(address or "")
    return text.lower() if "@" in text else f"#{text}" if text else ""


def addresses_of(person: dict[str, Any]) -> list[str]:
    """By what a stored person may be known."""
    return [key for key in (key_of(person["email"]), key_of(person["employee_no"])) if key]


# Planning: all is judged before anything is written


@dataclass(slots=True)
class Known:
    """Who is here, as far as a list can refer to them."""

    people: dict[UUID, dict[str, Any]]
    by_address: dict[str, UUID]

    def works_here(self, address: str) -> bool:
        person = self.by_address.get(address)
        return person is not None and bool(self.people[person]["active"])


async def who_is_here() -> Known:
    """Everybody, by what they may be known."""
    people = {row["id"]: row for row in await queries.addresses()}
    await asyncio.sleep(0)
    return Known(people, {key: person for person, row in people.items() for key in addresses_of(row)})


async def plan_people(sheet: Sheet, matched: Matched, tell: Progress = no_progress) -> Plan:
    """What the sheet would change now. Writes nothing; breathes between rows. `tell(done, rows)`."""
    known = await who_is_here()
    rows: list[Row] = []
    seen: dict[str, int] = {}
    for place, cells in enumerate(sheet.rows):
        row = Row(sheet.numbers[place], {name: cells[at] for name, at in matched.columns.items()})
        if place in sheet.uneven:
            told = {"has": sheet.uneven[place], "named": len(sheet.columns)}
            row.fault("", _("It has %(has)s cells where the first row names %(named)s columns.") % told)
        else:
            _judge(row, known, seen)
        if row.good:
            seen |= dict.fromkeys([*row.addresses, str(row.person or "")], row.line)
        rows.append(row)
        if place % STEP == 0:
            await tell(place, 2 * len(sheet.rows))
            await asyncio.sleep(0)
    await _check_references(rows, known)
    _keep_an_admin(rows, known)
    await _compare(rows, tell)
    names = {team.name.casefold() for team in await teams.list_teams(None)}
    made: dict[str, str] = {}
    for row in rows:
        if row.good and row.team and row.team.casefold() not in names:
            made.setdefault(row.team.casefold(), row.team)
    return Plan(rows, list(made.values()), _warnings(sheet, matched))


def _judge(row: Row, known: Known, seen: dict[str, int]) -> None:
    if not row.addresses:
        return row.fault("email", _("It has neither e-mail nor employee number."))
    if earlier := next((seen[address] for address in row.addresses if address in seen), None):
        return row.fault("", _("The same person is in row %(row)s already.") % {"row": earlier})
    found = {known.by_address[address] for address in row.addresses if address in known.by_address}
    if len(found) > 1:
        return row.fault("email", _("Its e-mail and its employee number belong to two different people."))
    row.person = next(iter(found), None)
    if row.person and (earlier := seen.get(str(row.person))):
        return row.fault("", _("The same person is in row %(row)s already.") % {"row": earlier})
    if row.person and not known.people[row.person]["active"]:
        message = _("This person no longer works here. Let them in again on their page first.")
        return row.fault("", message)
    row.buddy, row.manager = row.cells.get("buddy", ""), row.cells.get("manager", "")
    row.team = one_line(row.cells.get("team", ""))
    if len(row.team) > 80:
        row.fault("team", _("Please keep the name under 80 characters."))
    given, row_faults = fields_of(row.cells, new=row.person is None)
    row.faults += row_faults
    try:
        row.fields = checked(given)
    except Invalid as refused:
        for error in refused.errors:
            row.fault({"roles": "role"}.get(error.field, error.field), error.message)


async def _check_references(rows: list[Row], known: Known) -> None:
    """Buddies and managers exist, here or in a good row, and nobody is above themselves.

    A row that refers to a refused one is refused too, and so on.
    """
    there = {address for row in rows if row.good for address in row.addresses}
    named_by: dict[str, list[tuple[Row, str]]] = {}
    fallen: list[Row] = []
    for number, row in enumerate(rows):
        if number % (10 * STEP) == 0:
            await asyncio.sleep(0)
        if not row.good:
            continue
        for column, typed in (("buddy", row.buddy), ("manager", row.manager)):
            address = key_of(typed)
            if not address:
                continue
            named_by.setdefault(address, []).append((row, column))
            if not known.works_here(address) and address not in there:
                row.fault(column, _nobody(typed))
            elif _is_own(address, row, known):
                own = _("Nobody can be their own buddy.")
                row.fault(column, own if column == "buddy" else _("Nobody reports to themselves."))
        if not row.good:
            fallen.append(row)
    while True:
        while fallen:
            row = fallen.pop()
            for address in row.addresses:
                if known.works_here(address):
                    continue
                for other, column in named_by.get(address, []):
                    if other.good:
                        other.fault(column, _nobody(getattr(other, column)))
                        fallen.append(other)
        fallen = _refuse_loops(rows, known)
        if not fallen:
            return


def _nobody(typed: str) -> str:
    return _("Nobody here has the e-mail or number %(typed)s, or their row is refused.") % {"typed": typed}


def _is_own(address: str, row: Row, known: Known) -> bool:
    return address in row.addresses or (
        row.person is not None and known.by_address.get(address) == row.person
    )


Who = UUID | int  # somebody who is here, or the line of a new person's row


def _chain(rows: list[Row], known: Known) -> tuple[dict[Who, Who], dict[Who, Row]]:
    """Who would report to whom, were the good rows taken; and the rows that say so."""
    above: dict[Who, Who] = {one: row["manager"] for one, row in known.people.items() if row["manager"]}
    here: dict[str, Who] = dict(known.by_address)
    here |= {a: row.person or row.line for row in rows if row.good for a in row.addresses}
    says: dict[Who, Row] = {}
    for row in rows:
        if row.good and row.manager:
            who: Who = row.person or row.line
            above[who], says[who] = here[key_of(row.manager)], row
    return above, says


def _refuse_loops(rows: list[Row], known: Known) -> list[Row]:
    """Refuses the rows that would close a loop of managers, naming it, and returns them. Else notes their depths."""
    above, says = _chain(rows, known)
    names: dict[Who, str] = {one: row["name"] for one, row in known.people.items()}
    names |= {who: row.cells.get("name") or row.who for who, row in says.items()}
    done: set[Who] = set()
    found: list[Row] = []
    for start in says:
        path: list[Who] = []
        place: dict[Who, int] = {}
        at: Who | None = start
        while at is not None and at not in done and at not in place:
            place[at] = len(path)
            path.append(at)
            at = above.get(at)
        if at is not None and at in place:
            loop = path[place[at] :]
            words = loop_words([names.get(who, "?") for who in [*loop, loop[0]]])
            for who in loop:
                if who in says:
                    says[who].fault("manager", words)
                    found.append(says[who])
        elif not found:
            depth = says[at].depth if at in says else 0
            for who in reversed(path):
                depth += 1
                if who in says:
                    says[who].depth = depth
        done |= set(path)
    return found


def _keep_an_admin(rows: list[Row], known: Known) -> None:
    """Refuses the rows that would leave the centre without an admin."""
    admins = {one for one, row in known.people.items() if row["active"] and "admin" in row["roles"].split()}
    left = set(admins)
    leaving: list[Row] = []
    for row in rows:
        if row.good and "roles" in row.fields:
            if "admin" in row.fields["roles"]:
                return
            if row.person in admins:
                leaving.append(row)
                left.discard(row.person)
    if admins and not left:
        for row in leaving:
            row.fault("role", _("This is the last admin. Make somebody else an admin first."))


async def _compare(rows: list[Row], tell: Progress) -> None:
    """What each good row would change about somebody who is here."""
    there = [row for row in rows if row.good and row.person is not None]
    for start in range(0, len(there), STEP):
        part = there[start : start + STEP]
        people = await service.people_by_ids([row.person for row in part if row.person])
        others = {one for person in people.values() for one in (person.buddy, person.manager) if one}
        around = await service.people_by_ids(others)
        for row in part:
            if row.person in people:
                row.revision = people[row.person].revision
                row.changes = differences(row, people[row.person], around)
        await tell(len(rows) + start, 2 * len(rows))
        await asyncio.sleep(0)


def differences(row: Row, person: PersonView, around: dict[UUID, PersonView]) -> list[tuple[str, str, str]]:
    """(column, now, then) of what the row would change about the person. `around` knows buddy and manager."""
    found: list[tuple[str, str, str]] = []
    for name, value in row.fields.items():
        now = sorted(person.roles) if name == "roles" else getattr(person, name)
        if now != value:
            found.append(("role" if name == "roles" else name, _shown(now), _shown(value)))
    if row.team and row.team.casefold() != (person.team_name or "").casefold():
        found.append(("team", person.team_name or "", row.team))
    for column, typed, one in (("buddy", row.buddy, person.buddy), ("manager", row.manager, person.manager)):
        other = around.get(one) if one else None
        known_by = addresses_of({"email": other.email, "employee_no": other.employee_no}) if other else []
        if typed and key_of(typed) not in known_by:
            found.append((column, (other.name if other else ""), typed))
    return found


def _shown(value: Any) -> str:
    return ", ".join(value) if isinstance(value, list) else "" if value is None else str(value)


def _warnings(sheet: Sheet, matched: Matched) -> list[str]:
    """Columns whose cells look like another column's: swapped, most probably."""
    told = []
    email, number = matched.columns.get("email"), matched.columns.get("employee_no")
    if email is not None and _share(sheet, email, "@") < 0.5:
        for name, place in matched.columns.items():
            if name not in ("email", "buddy", "manager") and _share(sheet, place, "@") > 0.5:
                words = _(
                    "The column %(email)s holds no e-mail addresses, but %(other)s does. Are the two swapped?"
                )
                told.append(words % {"email": sheet.columns[email], "other": sheet.columns[place]})
    elif number is not None and _share(sheet, number, "@") > 0.5:
        words = _("The column %(number)s holds e-mail addresses. Is it the right one?")
        told.append(words % {"number": sheet.columns[number]})
    return told


def _share(sheet: Sheet, place: int, sign: str) -> float:
    cells = [row[place] for row in sheet.rows[:1000] if row[place]]
    return sum(sign in cell for cell in cells) / len(cells) if cells else (0.0 if sheet.rows else 1.0)
