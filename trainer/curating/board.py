"""The coverage board: what can be heard of each rule, kind by kind, and what to do about what cannot.

A row is a rule; its cells are exemplar, near miss and counterexample, the voices heard in its good clips, and the
languages. Each gap says its next step as a link. Invariant: a rule is red, amber or green here by the same arithmetic
as everywhere else (`rulebook.health` over `clips.fits`), and the board is arranged by pure functions of the rows that
one query found.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any, Literal
from urllib.parse import urlencode
from uuid import UUID

import msgspec

from trainer import db
from trainer.calls.reading import Within, within
from trainer.clips.fits import heard_in
from trainer.clips.reading import reach_of
from trainer.clips.views import last_day
from trainer.curating import queries
from trainer.curating.worth import CURATORS, KINDS, Proposal, proposals
from trainer.problems import Forbidden
from trainer.rulebook.health import AGENTS_FOR_JUDGEMENT, Health, Heard, judge, voices
from trainer.rulebook.service import published_rules
from trainer.rulebook.tables import Rulebook
from trainer.rulebook.views import Authored, RuleView
from trainer.web.i18n import _, text_in
from trainer.web.session import Viewer

NEAR = timedelta(days=30)
FIRST_ACTIONS = 3
FIRST_CALLS = 3

State = Literal["good", "ending", "thin", "begun", "gap"]
Show = Literal["all", "gaps", "red"]
SHOWS: tuple[Show, ...] = ("all", "gaps", "red")
Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Cell:
    """One kind of clip of one rule. `real` and `staged` fit the rule's present words, `former` fitted older ones."""

    kind: str
    state: State
    href: str
    real: int = 0
    staged: int = 0
    former: int = 0
    drafts: int = 0

    @property
    def clips(self) -> int:
        return self.real + self.staged + self.former


@dataclass(frozen=True, slots=True)
class Language:
    """A language in which the rule can be heard done well, or in which that is missing."""

    code: str
    heard: bool
    href: str


@dataclass(frozen=True, slots=True)
class Action:
    """The next step for a rule. `rank`: smaller is more urgent; `kind` names the icon's meaning."""

    kind: str
    text: str
    href: str
    rank: int


@dataclass(frozen=True, slots=True)
class RuleRow:
    """One line of the board. `ends`: when its last good clip of a real call dies, if that is soon; `last_day` is the
    day to be shown."""

    rule: RuleView
    health: Health
    cells: tuple[Cell, ...]
    voices: int
    voices_wanted: int
    second_voice: str
    languages: tuple[Language, ...]
    ends: datetime | None
    next: Action | None

    @property
    def full(self) -> bool:
        return self.next is None

    @property
    def last_day(self) -> date | None:
        return last_day(self.ends)


@dataclass(frozen=True, slots=True)
class WantPart:
    """A want with the rules that serve it."""

    code: str
    title: Authored
    rows: list[RuleRow]


@dataclass(frozen=True, slots=True)
class BookPart:
    """A rule book's part of the board."""

    code: str
    title: Authored
    wants: list[WantPart]


@dataclass(frozen=True, slots=True)
class Ending:
    """A published clip that dies soon. `last_of`: the rules that nobody will hear done well after it."""

    clip: UUID
    title: str
    ends: datetime
    rules: tuple[str, ...]
    last_of: tuple[str, ...]

    @property
    def last_day(self) -> date | None:
        return last_day(self.ends)


@dataclass(frozen=True, slots=True)
class Board:
    """The whole picture. `books` hold the rows that were asked for; the sums are over all rules of the viewer."""

    show: Show
    book: str
    choices: list[tuple[str, Authored]]
    books: list[BookPart]
    rows: list[RuleRow]
    endings: list[Ending]
    calls: list[Proposal] = field(default_factory=list)

    @property
    def heard(self) -> int:
        return sum(row.health.state != "red" for row in self.rows)

    @property
    def full(self) -> int:
        return sum(row.full for row in self.rows)

    @property
    def red(self) -> int:
        return sum(row.health.state == "red" for row in self.rows)

    @property
    def first(self) -> list[RuleRow]:
        """What to begin with this morning."""
        return sorted((row for row in self.rows if row.next), key=_urgency)[:FIRST_ACTIONS]


def _urgency(row: RuleRow) -> tuple[int, bool, int]:
    assert row.next is not None
    return (row.next.rank, not row.rule.fatal, -row.rule.weight)


async def board_of(viewer: Viewer, *, show: Show = "all", book: str = "", calls: bool = True) -> Board:
    """The board of the programmes that the viewer works on. Raises Forbidden for who does not curate.

    At most six queries, however many rules and clips there are.
    """
    if not viewer.has(*CURATORS):
        raise Forbidden(_("Trainers and QA analysts see what cannot be heard yet."))
    bounds = await within(viewer)
    rules = await _own_rules(bounds)
    found = await queries.pinned_clips(await reach_of(viewer, bounds), [rule.id for rule in rules])
    worth = await proposals(viewer, limit=FIRST_CALLS, bounds=bounds) if calls else []
    return arranged(rules, found, db.utc_now(), show=show, book=book, calls=worth)


async def _own_rules(bounds: Within) -> list[RuleView]:
    rules = list((await published_rules()).values())
    if bounds.programmes is None:
        return rules
    codes = {
        row["code"]
        for row in await Rulebook.select(Rulebook.id, Rulebook.code)
        if row["id"] in bounds.programmes
    }
    return [rule for rule in rules if rule.rulebook_code in codes]


# Arranging: pure functions of rules and rows


def arranged(
    rules: Sequence[RuleView],
    found: Iterable[Row],
    now: datetime,
    *,
    show: Show = "all",
    book: str = "",
    calls: Sequence[Proposal] = (),
) -> Board:
    """The board of these rules from rows of `queries.pinned_clips`."""
    of_rule: dict[UUID, list[Row]] = defaultdict(list)
    for row in found:
        of_rule[row["rule"]].append(row)
    tongues = _languages_of_books(rules, of_rule)
    rows = [_rule_row(rule, of_rule[rule.id], tongues[rule.rulebook_code], now) for rule in rules]
    choices = {rule.rulebook_code: rule.rulebook_title for rule in rules}
    book = book if book in choices else ""
    return Board(
        show=show,
        book=book,
        choices=list(choices.items()),
        books=_grouped([row for row in rows if _asked_for(row, show, book)]),
        rows=rows,
        endings=_endings(rules, of_rule, now),
        calls=list(calls),
    )


def _asked_for(row: RuleRow, show: Show, book: str) -> bool:
    if book and row.rule.rulebook_code != book:
        return False
    return {"all": True, "gaps": not row.full, "red": row.health.state == "red"}[show]


def _grouped(rows: Sequence[RuleRow]) -> list[BookPart]:
    books: dict[str, BookPart] = {}
    wants: dict[tuple[str, str], WantPart] = {}
    for row in rows:
        rule = row.rule
        book = books.setdefault(rule.rulebook_code, BookPart(rule.rulebook_code, rule.rulebook_title, []))
        key = (rule.rulebook_code, rule.want_code or "")
        if key not in wants:
            wants[key] = WantPart(rule.want_code or "", rule.want_title, [])
            book.wants.append(wants[key])
        wants[key].rows.append(row)
    return list(books.values())


def _languages_of_books(rules: Sequence[RuleView], of_rule: dict[UUID, list[Row]]) -> dict[str, list[str]]:
    """The languages that each book's rules are to be heard in: its own, and every one that it has good clips in."""
    spoken: dict[str, list[str]] = {}
    for rule in rules:
        known = spoken.setdefault(rule.rulebook_code, [rule.language])
        for row in of_rule[rule.id]:
            if _good(row) and row["language"] not in known:
                known.append(row["language"])
    return spoken


def _good(row: Row) -> bool:
    return bool(row["state"] == "published" and row["polarity"] == "exemplar")


def _lets_hear(row: Row) -> bool:
    """A good clip of a real call that fits what the rule says today."""
    return bool(_good(row) and not row["staged"] and row["fits"])


def _ends(row: Row) -> datetime | None:
    """The day that a clip has of its own, else its call's."""
    ends: datetime | None = row["own_expires_at"] or row["expires_at"]
    return ends


def _rule_row(rule: RuleView, rows: Sequence[Row], tongues: Sequence[str], now: datetime) -> RuleRow:
    heard = heard_in([row for row in rows if row["state"] == "published"])
    health = judge(rule.kind, heard, now)
    good = [row for row in rows if _lets_hear(row)]
    days = [_ends(row) for row in good]
    lasting = [day for day in days if day is not None]
    ends = max(lasting) if good and len(lasting) == len(days) and max(lasting) <= now + NEAR else None
    cells = tuple(_cell(rule, kind, rows, ending=ends is not None) for kind in KINDS)
    agents = voices(heard, now)
    one = next(iter(agents)) if len(agents) == 1 else None
    second = seek(rule.code, kind="exemplar", but=str(one) if one else "")
    languages = tuple(
        Language(
            code,
            any(_good(row) and row["language"] == code for row in rows),
            seek(rule.code, kind="exemplar", language=code),
        )
        for code in tongues
    )
    wanted = AGENTS_FOR_JUDGEMENT if rule.kind == "judgement" else 1
    step = _next(rule, health, heard, cells, rows, languages, ends, second)
    return RuleRow(rule, health, cells, len(agents), wanted, second, languages, ends, step)


def _cell(rule: RuleView, kind: str, rows: Sequence[Row], *, ending: bool) -> Cell:
    mine = [row for row in rows if row["polarity"] == kind]
    used = [row for row in mine if row["state"] == "published"]
    begun = [row for row in mine if row["state"] != "published" and row["replaces"] is None]
    real = sum(bool(row["fits"] and not row["staged"]) for row in used)
    staged = sum(bool(row["fits"] and row["staged"]) for row in used)
    former = len(used) - real - staged
    # what went wrong may well be role-played: nobody has to be shown failing
    enough = real if kind == "exemplar" else real + staged
    state: State = "gap"
    if enough:
        state = "ending" if ending and kind == "exemplar" else "good"
    elif used:
        state = "thin"
    elif begun:
        state = "begun"
    href = f"/clips?{urlencode({'rule': rule.code, 'polarity': kind})}"
    if state == "begun":
        href = f"/clips/{begun[0]['id']}"
    elif state == "gap":
        href = seek(rule.code, kind=kind)
    return Cell(kind, state, href, real, staged, former, len(begun))


def seek(rule: str, **narrowed: str) -> str:
    """The address at which calls worth hearing are sought for a rule."""
    query = {"rule": rule, **{name: value for name, value in narrowed.items() if value}}
    return f"/calls/worth-hearing?{urlencode(query)}"


def _next(
    rule: RuleView,
    health: Health,
    heard: Heard,
    cells: Sequence[Cell],
    rows: Sequence[Row],
    languages: Sequence[Language],
    ends: datetime | None,
    second_voice: str,
) -> Action | None:
    """What to do next for a rule, the most urgent thing alone; None when nothing is missing."""
    exemplar, near_miss, counterexample = cells
    find = seek(rule.code, kind="exemplar")
    draft = next(
        (
            row
            for row in rows
            if row["state"] != "published" and row["polarity"] == "exemplar" and not row["replaces"]
        ),
        None,
    )
    if health.why in ("overdue", "to_reconfirm"):
        rank = 0 if health.state == "red" else 2
        return Action(
            "confirm", _("Hear whether its clips still fit"), f"/rules/{rule.code}#to-reconfirm", rank
        )
    if draft is not None and not exemplar.real:
        rank = 1 if health.state == "red" else 4
        return Action("finish", _("Finish the clip that was begun"), f"/clips/{draft['id']}", rank)
    if health.state == "red":
        return Action("find", _("Find a call that lets people hear it"), find, 1)
    if ends is not None:
        last = max((row for row in rows if _lets_hear(row)), key=lambda row: _ends(row) or ends)
        return Action("renew", _("Renew its last clip, or find another"), f"/clips/{last['id']}", 2)
    if health.why == "staged":
        return Action("find", _("Find a real call; it is only role-played"), find, 3)
    if health.why == "one_agent":
        return Action("voice", _("Find a second voice"), second_voice, 4)
    if missing := next((language for language in languages if not language.heard), None):
        return Action("language", _("Find one in the missing language"), missing.href, 5)
    if counterexample.state == "gap" and near_miss.state == "gap":
        return Action("contrast", _("Find what it is not"), seek(rule.code, kind="counterexample"), 6)
    return None


def _endings(rules: Sequence[RuleView], of_rule: dict[UUID, list[Row]], now: datetime) -> list[Ending]:
    """The published clips that die soon, the first one first, and what falls silent with each."""
    pinned: dict[UUID, list[str]] = defaultdict(list)
    last: dict[UUID, list[str]] = defaultdict(list)
    dying: dict[UUID, Row] = {}
    for rule in rules:
        good = [row for row in of_rule[rule.id] if _lets_hear(row)]
        final = max(good, key=lambda row: _ends(row) or datetime.max.replace(tzinfo=now.tzinfo), default=None)
        for row in of_rule[rule.id]:
            ends = _ends(row)
            if row["state"] == "published" and ends is not None and ends <= now + NEAR:
                dying[row["id"]] = row
                pinned[row["id"]].append(rule.code)
                if final is not None and final["id"] == row["id"]:
                    last[row["id"]].append(rule.code)
    found = [
        Ending(clip, text_in(msgspec.json.decode(row["title"])), day, tuple(pinned[clip]), tuple(last[clip]))
        for clip, row in dying.items()
        if (day := _ends(row)) is not None
    ]
    return sorted(found, key=lambda ending: (ending.ends, not ending.last_of))
