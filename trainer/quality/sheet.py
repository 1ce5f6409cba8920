"""Evaluations as a spreadsheet, taken in from another system or another centre (handed out by `export.py`).

One row is one released evaluation. Columns, in any order; absent ones are fine but for `agent`:

- `agent` (e-mail or employee number), `evaluated_by` (likewise), `recording` (id of a call of this centre, if it is
  here), `rulebook` (needed where there are several), `called_at`, `released_at` (ISO; without a zone: the site's)
- `resolved` yes or no, `outcome`, `service_level`, `csat`, `comment`
- for each rule its code (`R01`): met, missed or n/a, empty for no mark; `R01_at` the second of the call as m:ss or
  seconds; `R01_comment`
- `source` names the evaluation in the system that it comes from; without one it is known by agent, call and moment.
  `replaces` is the source of the one that it corrects, `reason` why, `seen_at` when its agent opened it
- `weights` holds what the rules weighed when they were marked (`R01=10 R02=fatal:12`); without it, what they weigh
  now

Words under an evaluation are not in it. Invariant: a row is taken whole or not at all, taking the same file twice makes
one each, and what is handed out comes back equal.
"""

import hashlib
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID
from zoneinfo import ZoneInfo

from trainer import db, facts, jobs
from trainer.clips.arithmetic import parse_clock
from trainer.people.audit import record_audit
from trainer.problems import Invalid
from trainer.quality import queries
from trainer.quality.checking import Given, Judgement, check
from trainer.quality.scoring import results_of
from trainer.rulebook.service import published_rules
from trainer.rulebook.tables import Rulebook
from trainer.rulebook.views import RuleView
from trainer.sheets.columns import Matched, match_columns, require_matched
from trainer.sheets.reading import open_sheet, plain_cell
from trainer.web.i18n import _

BATCH = 200
COLUMNS = (
    "source",
    "agent",
    "evaluated_by",
    "recording",
    "rulebook",
    "called_at",
    "released_at",
    "seen_at",
    "resolved",
    "outcome",
    "service_level",
    "csat",
    "comment",
    "replaces",
    "reason",
    "weights",
)
_SYNONYMS: Mapping[str, Collection[str]] = {
    "agent": ("座席", "员工", "employee", "agent email", "employee_no", "email"),
    "evaluated_by": ("analyst", "质检员", "evaluator"),
    "called_at": ("call date", "通话时间", "date"),
    "comment": ("评语", "remarks"),
    "resolved": ("helped", "是否解决"),
    "csat": ("满意度", "satisfaction"),
}
_MARKS = {
    **dict.fromkeys(("met", "yes", "y", "1", "pass", "合格"), "met"),
    **dict.fromkeys(("missed", "no", "n", "0", "fail", "不合格"), "missed"),
    **dict.fromkeys(("n/a", "na", "not_applicable", "not applicable", "不适用"), "not_applicable"),
    "": "",
}
_YES_NO = {"yes": True, "y": True, "true": True, "1": True, "是": True} | {
    "no": False,
    "n": False,
    "false": False,
    "0": False,
    "否": False,
}
_WEIGHT = re.compile(r"([^\s=]+)=(fatal:)?(\d{1,6})")
_PAGE_SOURCE = re.compile(r"evaluation:([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})")


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


@dataclass(slots=True)
class _Row:
    """One row on its way. `marks` holds the weight and severity that count."""

    number: int
    id: UUID
    source: str
    agent: UUID
    analyst: UUID | None
    recording: UUID | None
    rulebook: UUID
    rulebook_code: str
    called_at: datetime | None
    released_at: datetime
    seen_at: datetime | None
    judged: Judgement
    marks: list["_Mark"]
    replaces: str
    reason: str


@dataclass(frozen=True, slots=True)
class _Mark:
    rule: RuleView
    given: Given
    weight: int
    severity: str

    @property
    def mark(self) -> str:
        return self.given.mark


@dataclass(slots=True)
class _Here:
    """What the rows are read against: people, calls, books and evaluations of this centre."""

    zone: ZoneInfo
    people: dict[str, UUID]
    calls: dict[UUID, tuple[UUID | None, int | None]]
    books: dict[str, UUID]
    rules: dict[str, dict[str, RuleView]]
    known: dict[str, tuple[UUID, str]]
    standing: dict[UUID, str]


async def import_evaluations(path: Path, zone: ZoneInfo) -> Report:
    """Takes in a CSV or XLSX file. Raises Invalid for a file that cannot be read or has unknown columns."""
    sheet = await open_sheet(path)
    here = await _here(zone)
    codes = [code for rules in here.rules.values() for code in rules]
    ours: dict[str, Collection[str]] = {name: _SYNONYMS.get(name, ()) for name in COLUMNS}
    ours |= {name: () for code in codes for name in (code, f"{code}_at", f"{code}_comment")}
    matched = match_columns(sheet, ours)
    require_matched(matched, needed=["agent"])
    report = Report()
    rows: list[_Row] = []
    for place, cells in enumerate(sheet.rows):
        number = sheet.numbers[place]
        row = _Cells(matched, [plain_cell(cell) for cell in cells], number)
        try:
            if place in sheet.uneven:
                raise Invalid(_("It has another number of cells than there are headings."))
            rows.append(_read(row, here, report))
        except Invalid as refusal:
            said = "; ".join(error.message for error in refusal.errors) or refusal.detail
            report.refused.append(_("row %(row)s: %(reason)s") % {"row": number, "reason": said})
    await _take(_settled(rows, here, report), report)
    return report


class _Cells:
    """One row by our columns' names."""

    def __init__(self, matched: Matched, cells: list[str], number: int) -> None:
        self.matched, self.cells, self.number = matched, cells, number

    def __getitem__(self, name: str) -> str:
        return self.matched.cell(self.cells, name).strip()


async def _here(zone: ZoneInfo) -> _Here:
    rules: dict[str, dict[str, RuleView]] = {}
    for rule in (await published_rules()).values():
        rules.setdefault(rule.rulebook_code, {})[rule.code] = rule
    people: dict[str, UUID] = {}
    for row in await queries.addresses():
        for address in (row["email"], row["employee_no"]):
            if address:
                people[address.casefold()] = row["id"]
    known = await queries.known_sources()
    return _Here(
        zone,
        people,
        {row["id"]: (row["agent"], row["duration_ms"]) for row in await queries.living_calls()},
        {row["code"]: row["id"] for row in await Rulebook.select(Rulebook.code, Rulebook.id)},
        rules,
        {row["source"]: (row["id"], row["state"]) for row in known},
        {row["recording"]: row["source"] for row in known if row["state"] == "released" and row["recording"]},
    )


# Reading one row


def _read(row: _Cells, here: _Here, report: Report) -> _Row:
    agent = _person(row["agent"], here)
    recording = _recording(row, here, agent, report)
    length = here.calls[recording][1] if recording else None
    code = _book(row["rulebook"], here)
    rules = here.rules.get(code, {})
    judged = check(_judged(row, rules), rules, length)
    weights = _weights(row["weights"])
    marks = [
        _Mark(rules[code], given, *weights.get(code, (rules[code].weight, rules[code].severity)))
        for code, given in judged["marks"].items()
        if given is not None
    ]
    if not any(mark.mark for mark in marks):
        raise Invalid(_("No rule has a mark."))
    called = _moment(row["called_at"], here)
    released = _moment(row["released_at"], here) or called or db.utc_now()
    source = row["source"] or _made_up_source(row, agent)
    if source.startswith("draft:"):
        raise Invalid(_("The source may not begin with “draft:”."))
    named = _PAGE_SOURCE.fullmatch(source)
    return _Row(
        number=row.number,
        id=UUID(named[1]) if named else db.new_id(),
        source=source,
        agent=agent,
        analyst=_person(row["evaluated_by"], here) if row["evaluated_by"] else None,
        recording=recording,
        rulebook=here.books[code],
        rulebook_code=code,
        called_at=called,
        released_at=released,
        seen_at=_moment(row["seen_at"], here),
        judged=judged,
        marks=marks,
        replaces=row["replaces"],
        reason=row["reason"][:500],
    )


def _person(address: str, here: _Here) -> UUID:
    found = here.people.get(address.casefold())
    if found is None:
        raise Invalid(_("There is nobody with the address %(address)s.") % {"address": address or "–"})
    return found


def _recording(row: _Cells, here: _Here, agent: UUID, report: Report) -> UUID | None:
    if not row["recording"]:
        return None
    try:
        recording = UUID(row["recording"])
    except ValueError as error:
        raise Invalid(_("%(id)s is not the id of a call.") % {"id": row["recording"]}) from error
    if recording not in here.calls:
        told = _("row %(row)s: its call is not here (any more); the evaluation was taken without it.")
        report.notes.append(told % {"row": row.number})
        return None
    if here.calls[recording][0] not in (None, agent):
        raise Invalid(_("This call is another agent's."))
    return recording


def _book(code: str, here: _Here) -> str:
    if code and code in here.books:
        return code
    if code:
        raise Invalid(_("There is no rule book %(code)s.") % {"code": code})
    if len(here.rules) != 1:
        raise Invalid(_("Say by which rule book it was judged: the column rulebook."))
    return next(iter(here.rules))


def _judged(row: _Cells, rules: Mapping[str, RuleView]) -> Judgement:
    marks: dict[str, Given | None] = {}
    for name in row.matched.columns:
        code = name.removesuffix("_at").removesuffix("_comment")
        if name in COLUMNS or code in marks or not (row[code] or row[f"{code}_at"] or row[f"{code}_comment"]):
            continue
        mark = _MARKS.get(row[code].casefold())
        if mark is None:
            told = _("%(rule)s: %(mark)s is neither met, missed nor n/a.")
            raise Invalid(told % {"rule": code, "mark": row[code]})
        marks[code] = Given(mark, _at(code, row[f"{code}_at"]), row[f"{code}_comment"])
    return Judgement(
        marks=marks,
        resolved=_yes_no(row["resolved"]),
        outcome=row["outcome"].casefold() or None,
        service_level=row["service_level"].casefold() or None,
        csat=_number(row["csat"]),
        comment=row["comment"],
    )


def _at(code: str, text: str) -> int | None:
    if not text:
        return None
    found = parse_clock(text)
    if found is None:
        raise Invalid(_("%(rule)s: %(text)s is no second of a call.") % {"rule": code, "text": text})
    return found


def _yes_no(text: str) -> bool | None:
    if not text:
        return None
    if text.casefold() not in _YES_NO:
        raise Invalid(_("resolved is yes, no or empty, not %(text)s.") % {"text": text})
    return _YES_NO[text.casefold()]


def _number(text: str) -> int | None:
    if not text:
        return None
    try:
        return int(text)
    except ValueError as error:
        raise Invalid(_("%(text)s is no whole number.") % {"text": text}) from error


def _moment(text: str, here: _Here) -> datetime | None:
    if not text:
        return None
    try:
        found = datetime.fromisoformat(text)
    except ValueError as error:
        raise Invalid(_("%(text)s is no date and time such as 2026-11-23T09:00.") % {"text": text}) from error
    return (found if found.tzinfo else found.replace(tzinfo=here.zone)).astimezone(UTC)


def _weights(text: str) -> dict[str, tuple[int, str]]:
    return {
        code: (int(weight), "fatal" if fatal else "non_fatal")
        for code, fatal, weight in _WEIGHT.findall(text)
    }


def _made_up_source(row: _Cells, agent: UUID) -> str:
    """What a row without a name of its own is known by: the same call of the same agent is the same evaluation."""
    told = "|".join((str(agent), row["recording"], row["called_at"], row["released_at"]))
    return f"sheet:{hashlib.sha256(told.encode()).hexdigest()[:32]}"


# Writing


def _settled(rows: list[_Row], here: _Here, report: Report) -> list[_Row]:
    """The rows that are new and do not contradict what is here or an earlier row."""
    replaced = {row.replaces for row in rows if row.replaces}
    sources = {row.source for row in rows} | set(here.known)
    taken: list[_Row] = []
    seen: set[str] = set()
    for row in rows:
        reason = ""
        stands = row.recording is not None and row.source not in replaced
        if row.source in here.known:
            report.there += 1
            continue
        if row.source in seen:
            reason = _("The same evaluation stands in an earlier row.")
        elif row.replaces and row.replaces not in sources:
            reason = _("The evaluation that it replaces is neither here nor in this file.")
        elif stands and here.standing.get(row.recording, row.replaces) != row.replaces:  # type: ignore[arg-type]
            reason = _("This call has another evaluation already.")
        seen.add(row.source)
        if reason:
            report.refused.append(_("row %(row)s: %(reason)s") % {"row": row.number, "reason": reason})
            continue
        if stands:
            here.standing[row.recording] = row.source  # type: ignore[index]
        taken.append(row)
    return taken


async def _take(rows: list[_Row], report: Report) -> None:
    replaced = {row.replaces for row in rows if row.replaces}
    for start in range(0, len(rows), BATCH):
        async with db.transaction():
            for row in rows[start : start + BATCH]:
                if row.replaces:
                    await queries.replace_by_source(row.replaces)
                if await _insert(row, "replaced" if row.source in replaced else "released"):
                    report.taken += 1
                else:
                    report.there += 1
    async with db.transaction():
        for row in rows:
            if row.replaces:
                await queries.link_replaced(row.source, row.replaces)
        if rows:
            await record_audit(None, "evaluations_imported", "evaluations", "", {"taken": report.taken})


async def _insert(row: _Row, state: str) -> bool:
    results = results_of(row.marks)
    said = {name: row.judged[name] for name in ("resolved", "outcome", "service_level", "csat", "comment")}
    made = await queries.insert(
        {
            "id": row.id,
            "recording": row.recording,
            "agent": row.agent,
            "rulebook": row.rulebook,
            "state": state,
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
        return False
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
    return True
