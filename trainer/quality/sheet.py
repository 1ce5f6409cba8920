"""Evaluations as rows of a spreadsheet, from another system or another centre (handed out by `export.py`).

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

Words under an evaluation are not in it. Here a row is read; `importing.py` plans and takes them.
Invariant: a row is good as a whole or refused with the reason, and what is handed out reads back equal.
"""

import hashlib
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from trainer import db
from trainer.clips.arithmetic import parse_clock
from trainer.problems import Invalid
from trainer.quality import queries
from trainer.quality.checking import Given, Judgement, check
from trainer.quality.scoring import Results, results_of
from trainer.rulebook.programmes import programmes_of
from trainer.rulebook.service import published_rules
from trainer.rulebook.tables import Rulebook
from trainer.rulebook.views import RuleView
from trainer.sheets.columns import Matched
from trainer.web.i18n import _
from trainer.web.session import Viewer

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
_AHEAD = timedelta(days=1)  # clocks and zones of other systems differ; what is to come is no fact
_WEIGHT = re.compile(r"([^\s=]+)=(fatal:)?(\d{1,6})")
_PAGE_SOURCE = re.compile(r"evaluation:([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})")


@dataclass(slots=True)
class Row:
    """One row on its way. `marks` holds the weight and severity that count, `notes` what is to be known of it."""

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
    marks: list["Mark"]
    replaces: str
    reason: str
    notes: list[str] = field(default_factory=list)

    @property
    def results(self) -> Results:
        return results_of(self.marks)

    @property
    def digest(self) -> str:
        """What would be taken, in short: the same on another day, and another when a rule or a person changed."""
        marks = [(m.rule.id, m.rule.version, m.given, m.weight, m.severity) for m in self.marks]
        rest = {name: value for name, value in self.judged.items() if name != "marks"}
        told = (
            self.source,
            self.agent,
            self.analyst,
            self.recording,
            self.rulebook,
            self.replaces,
            self.reason,
        )
        return hashlib.sha256(repr((told, marks, sorted(rest.items()))).encode()).hexdigest()[:24]


@dataclass(frozen=True, slots=True)
class Mark:
    rule: RuleView
    given: Given
    weight: int
    severity: str

    @property
    def mark(self) -> str:
        return self.given.mark


@dataclass(slots=True)
class Here:
    """What the rows are read against: people, calls, books and evaluations of this centre.

    `viewer` None is a command; of anybody else `programmes` are those whose calls they may evaluate (None: all).
    """

    zone: ZoneInfo
    viewer: Viewer | None
    programmes: set[UUID] | None
    people: dict[str, UUID]
    names: dict[UUID, str]
    calls: dict[UUID, "Call"]
    books: dict[str, UUID]
    rules: dict[str, dict[str, RuleView]]
    known: dict[str, "Known"]
    standing: dict[UUID, str]

    def columns(self) -> dict[str, Collection[str]]:
        """Ours, with their synonyms, those of each rule included."""
        ours: dict[str, Collection[str]] = {name: _SYNONYMS.get(name, ()) for name in COLUMNS}
        codes = [code for rules in self.rules.values() for code in rules]
        return ours | {name: () for code in codes for name in (code, f"{code}_at", f"{code}_comment")}


@dataclass(frozen=True, slots=True)
class Call:
    """A call that an evaluation may name."""

    agent: UUID | None
    duration_ms: int | None
    rulebook: UUID | None
    title: str


@dataclass(frozen=True, slots=True)
class Known:
    """An evaluation that is here; `over`: another one has replaced it."""

    agent: UUID
    rulebook: UUID
    over: bool


class Cells:
    """One row by our columns' names."""

    def __init__(self, matched: Matched, cells: list[str], number: int) -> None:
        self.matched, self.cells, self.number = matched, cells, number

    def __getitem__(self, name: str) -> str:
        return self.matched.cell(self.cells, name).strip()


async def look_around(zone: ZoneInfo, viewer: Viewer | None) -> Here:
    """This centre as rows are read against it. Times without a zone are in `zone`."""
    rules: dict[str, dict[str, RuleView]] = {}
    for rule in (await published_rules()).values():
        rules.setdefault(rule.rulebook_code, {})[rule.code] = rule
    people: dict[str, UUID] = {}
    names: dict[UUID, str] = {}
    for row in await queries.addresses():
        names[row["id"]] = row["name"]
        for address in (row["email"], row["employee_no"]):
            if address:
                people[address.casefold()] = row["id"]
    known = await queries.known_sources()
    replaced = {row["replaces"] for row in known if row["replaces"]}
    return Here(
        zone,
        viewer,
        await programmes_of(viewer) if viewer else None,
        people,
        names,
        {
            row["id"]: Call(row["agent"], row["duration_ms"], row["rulebook"], row["title"])
            for row in await queries.living_calls()
        },
        {row["code"]: row["id"] for row in await Rulebook.select(Rulebook.code, Rulebook.id)},
        rules,
        {row["source"]: Known(row["agent"], row["rulebook"], row["id"] in replaced) for row in known},
        {row["recording"]: row["source"] for row in known if row["state"] == "released" and row["recording"]},
    )


# Reading one row


def read_row(row: Cells, here: Here) -> Row:
    """One row, understood. Raises Invalid with what is wrong."""
    agent = _person(row["agent"], here)
    if here.viewer is not None and agent == here.viewer.id:
        raise Invalid(_("Nobody evaluates their own call."))
    analyst = _person(row["evaluated_by"], here) if row["evaluated_by"] else None
    if analyst == agent:
        raise Invalid(_("Nobody evaluates their own call."))
    notes: list[str] = []
    recording = _recording(row, here, agent, notes)
    length = here.calls[recording].duration_ms if recording else None
    code = _book(row["rulebook"], here)
    if here.programmes is not None and here.books[code] not in here.programmes:
        raise Invalid(_("You do not work on this programme."))
    rules = here.rules.get(code, {})
    judged = check(_judged(row, rules), rules, length)
    weights = _weights(row["weights"])
    marks = [
        Mark(rules[code], given, *weights.get(code, (rules[code].weight, rules[code].severity)))
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
    return Row(
        number=row.number,
        id=UUID(named[1]) if named else db.new_id(),
        source=source,
        agent=agent,
        analyst=analyst,
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
        notes=notes,
    )


def _person(address: str, here: Here) -> UUID:
    found = here.people.get(address.casefold())
    if found is None:
        raise Invalid(_("There is nobody with the address %(address)s.") % {"address": address or "–"})
    return found


def _recording(row: Cells, here: Here, agent: UUID, notes: list[str]) -> UUID | None:
    if not row["recording"]:
        return None
    try:
        recording = UUID(row["recording"])
    except ValueError as error:
        raise Invalid(_("%(id)s is not the id of a call.") % {"id": row["recording"]}) from error
    if recording not in here.calls:
        notes.append(_("Its call is not here (any more); the evaluation is taken without it."))
        return None
    call = here.calls[recording]
    if here.programmes is not None and call.rulebook is not None and call.rulebook not in here.programmes:
        raise Invalid(_("This call belongs to a programme that you do not work on."))
    if call.agent not in (None, agent):
        raise Invalid(_("This call is another agent's."))
    return recording


def _book(code: str, here: Here) -> str:
    if code and code in here.books:
        return code
    if code:
        raise Invalid(_("There is no rule book %(code)s.") % {"code": code})
    if len(here.rules) != 1:
        raise Invalid(_("Say by which rule book it was judged: the column rulebook."))
    return next(iter(here.rules))


def _judged(row: Cells, rules: Mapping[str, RuleView]) -> Judgement:
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


def _moment(text: str, here: Here) -> datetime | None:
    if not text:
        return None
    try:
        found = datetime.fromisoformat(text)
        moment = (found if found.tzinfo else found.replace(tzinfo=here.zone)).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise Invalid(_("%(text)s is no date and time such as 2026-11-23T09:00.") % {"text": text}) from error
    if moment > db.utc_now() + _AHEAD:
        raise Invalid(_("%(text)s is still to come.") % {"text": text})
    return moment


def _weights(text: str) -> dict[str, tuple[int, str]]:
    return {
        code: (int(weight), "fatal" if fatal else "non_fatal")
        for code, fatal, weight in _WEIGHT.findall(text)
    }


def _made_up_source(row: Cells, agent: UUID) -> str:
    """What a row without a name of its own is known by: the same call of the same agent is the same evaluation."""
    told = "|".join((str(agent), row["recording"], row["called_at"], row["released_at"]))
    return f"sheet:{hashlib.sha256(told.encode()).hexdigest()[:32]}"
