"""What narrows a search, read from an address. On a page whatever means nothing is passed over; the API refuses it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from uuid import UUID

from trainer.calls.pages import LANGUAGES
from trainer.calls.views import TAGS, tag_names
from trainer.clips.reading import POLARITIES
from trainer.people.days import zone_of
from trainer.problems import FieldError, Invalid
from trainer.quality.views import OUTCOMES
from trainer.search.filters import Filters
from trainer.search.queries import Kind
from trainer.search.service import KINDS, Wanted
from trainer.search.sought import MOST_CHARACTERS
from trainer.web.i18n import _
from trainer.web.session import Viewer

MINUTE_MS = 60_000
# What the page offers as the length of a call: at least, at most.
LENGTHS: dict[str, tuple[int | None, int | None]] = {
    "short": (None, 2 * MINUTE_MS),
    "middle": (2 * MINUTE_MS, 5 * MINUTE_MS),
    "long": (5 * MINUTE_MS, None),
}
NARROWING = ("rule", "polarity", "agent", "language", "tag", "since", "until", "length", "outcome")
LAST_DAY = date(9000, 1, 1)


@dataclass(frozen=True, slots=True)
class Asked:
    """A page's address: what is searched, and each field as it stands in the form."""

    wanted: Wanted
    typed: dict[str, str]

    @property
    def narrowed(self) -> bool:
        return any(self.typed[name] for name in NARROWING)


def read_page_query(query: Mapping[str, str], viewer: Viewer) -> Asked:
    """The search that a page was asked for."""
    typed = {name: query.get(name, "").strip() for name in NARROWING}
    wrong: list[FieldError] = []
    filters = _filters({**query, **typed}, viewer, wrong)
    for error in wrong:
        typed[error.field] = ""
    shortest, longest = LENGTHS.get(typed["length"], (None, None))
    if typed["length"] not in LENGTHS:
        typed["length"] = ""
    given = query.get("kind", "")
    kind: Kind | None = next((each for each in KINDS if each == given), None)
    values = {name: getattr(filters, name) for name in filters.__slots__}
    values |= {"shortest_ms": shortest, "longest_ms": longest}
    return Asked(Wanted(query.get("q", "").strip()[:MOST_CHARACTERS], kind, Filters(**values)), typed)


def read_api_query(query: Mapping[str, str], viewer: Viewer) -> Wanted:
    """The search that a program asks for. Raises Invalid with every field that means nothing."""
    wrong: list[FieldError] = []
    typed, given = query.get("q", "").strip(), query.get("kind", "")
    if not typed:
        wrong.append(FieldError("q", "required", _("Say what to look for.")))
    elif len(typed) > MOST_CHARACTERS:
        told = _("Please keep this under %(most)s characters; it has %(has)s.")
        wrong.append(FieldError("q", "too-long", told % {"most": MOST_CHARACTERS, "has": len(typed)}))
    kind: Kind | None = next((each for each in KINDS if each == given), None)
    if given and kind is None:
        told = _("kind is one of %(names)s.") % {"names": ", ".join(KINDS)}
        wrong.append(FieldError("kind", "unknown", told))
    filters = _filters(query, viewer, wrong)
    if wrong:
        raise Invalid(_("This search cannot be carried out as it is."), errors=wrong)
    return Wanted(typed, kind, filters)


def _filters(query: Mapping[str, str], viewer: Viewer, wrong: list[FieldError]) -> Filters:
    def one_of(name: str, allowed: tuple[str, ...]) -> str:
        value = query.get(name, "")
        if value and value not in allowed:
            told = _("Please choose one of these: %(names)s.") % {"names": ", ".join(allowed)}
            wrong.append(FieldError(name, "unknown", told))
            return ""
        return value

    def whole(name: str) -> int | None:
        value = query.get(name, "")
        if value and not (value.isascii() and value.isdigit() and len(value) <= 9):
            wrong.append(FieldError(name, "not-a-number", _("Please give a whole number of milliseconds.")))
            return None
        return int(value) if value else None

    def day(name: str) -> date | None:
        value = query.get(name, "")
        try:
            found = date.fromisoformat(value) if value else None
        except ValueError:
            found = LAST_DAY
        if found is not None and not date(1900, 1, 1) <= found < LAST_DAY:
            wrong.append(FieldError(name, "not-a-day", _("Please write a day as 2026-03-31.")))
            return None
        return found

    def moment(of: date | None) -> datetime | None:
        return datetime.combine(of, time(), zone_of(viewer.time_zone)) if of else None

    until = day("until")
    return Filters(
        rule=query.get("rule", "")[:40],
        polarity=one_of("polarity", POLARITIES),
        agent=_person(query.get("agent", ""), wrong),
        language=one_of("language", tuple(code for code, _name in LANGUAGES)),
        tag=one_of("tag", TAGS),
        since=moment(day("since")),
        # all of the last day counts
        until=moment(until + timedelta(days=1) if until else None),
        shortest_ms=whole("shortest_ms"),
        longest_ms=whole("longest_ms"),
        outcome=one_of("outcome", tuple(OUTCOMES)),
    )


def _person(value: str, wrong: list[FieldError]) -> UUID | None:
    try:
        return UUID(value) if value else None
    except ValueError:
        wrong.append(FieldError("agent", "unknown", _("There is no such person.")))
        return None


def length_options() -> list[tuple[str, str]]:
    """Lengths to choose from."""
    return [
        ("short", _("Up to 2 minutes")),
        ("middle", _("2 to 5 minutes")),
        ("long", _("5 minutes and more")),
    ]


def outcome_options() -> list[tuple[str, str]]:
    """What came of a call, to choose from."""
    names = {
        "not_met": _("Less than wanted"),
        "met": _("What they wanted"),
        "exceeded": _("More than wanted"),
    }
    return [(outcome, names[outcome]) for outcome in OUTCOMES]


def tag_options() -> list[tuple[str, str]]:
    """Kinds of calls to choose from."""
    return list(tag_names().items())
