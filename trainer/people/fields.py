"""What may stand in a person's fields: one check for pages, the API and imported lists.

The database enforces little of this (SQLite nothing at all), so whatever writes a person passes through
`checked`.
Invariant: all wrong fields are named at once.
"""

import re
import unicodedata
from collections.abc import Mapping
from datetime import date
from functools import cache
from typing import Any, TypedDict
from uuid import UUID
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from trainer.problems import FieldError, Invalid
from trainer.web.i18n import LOCALES, _
from trainer.web.session import ROLES

# Who may see an occasion or a milestone of one's own.
SCOPES = ("nobody", "team", "everyone")
LEAP_DAYS = ("02-28", "03-01")
THEMES = ("system", "light", "dark")
_EMAIL = re.compile(r"[^@\s,;<>\"]{1,64}@[^@\s,;<>\"]{1,189}")


class PersonFields(TypedDict, total=False):
    """The editable fields of a person; what is absent stays as it is."""

    name: str
    email: str | None
    employee_no: str | None
    roles: list[str]
    team: UUID | None
    buddy: UUID | None
    manager: UUID | None
    hired_on: date | None
    birthday: str | None
    birthday_scope: str
    full_month_scope: str
    anniversary_scope: str
    milestone_scope: str
    leap_day: str
    locale: str
    time_zone: str
    theme: str


def checked(fields: Mapping[str, Any]) -> PersonFields:
    """The same fields, normalised: trimmed, e-mail in lower case, roles sorted and once each, "" as None.

    Raises Invalid with every wrong field. Whether a team or buddy exists is not looked at here.
    """
    found: dict[str, Any] = {}
    errors: list[FieldError] = []
    for name, value in fields.items():
        try:
            found[name] = _CHECKS[name](value)
        except _Wrong as wrong:
            errors.append(FieldError(name, wrong.code, wrong.message))
    if errors:
        raise Invalid(errors[0].message, errors=errors)
    return PersonFields(**found)  # type: ignore[typeddict-item]


class _Wrong(Exception):
    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code, self.message = code, message


def one_line(value: str) -> str:
    """Trimmed, runs of white space as one blank, composed Unicode, no control or direction marks.

    Without this two names that look the same could differ, or a name could turn the text after it around.
    """
    composed = unicodedata.normalize("NFC", value)
    kept = "".join(c if not unicodedata.category(c).startswith("C") else " " for c in composed)
    return " ".join(kept.split())


def as_day(name: str, value: str) -> date:
    """A calendar day as programs write it. Raises Invalid for the field `name`."""
    try:
        return date.fromisoformat(value.strip())
    except ValueError as error:
        message = _("Please give a day as year, month and day, such as 2026-11-23.")
        raise Invalid.field(name, "not-a-day", message) from error


def _name(value: str) -> str:
    name = one_line(value or "")
    if not name:
        raise _Wrong("missing", _("Please give a name."))
    if len(name) > 120:
        raise _Wrong("too-long", _("Please keep the name under 120 characters."))
    return name


def _email(value: str | None) -> str | None:
    address = (value or "").strip().lower()
    if address and not _EMAIL.fullmatch(address):
        raise _Wrong("not-an-address", _("This does not look like an e-mail address."))
    return address or None


def _employee_no(value: str | None) -> str | None:
    number = one_line(value or "")
    if len(number) > 40:
        raise _Wrong("too-long", _("Please keep the employee number under 40 characters."))
    if "@" in number:
        raise _Wrong("not-a-number", _("An employee number has no @ in it; e-mail goes into its own field."))
    return number or None


def _roles(value: list[str] | tuple[str, ...] | frozenset[str]) -> list[str]:
    roles = sorted(set(value))
    if not roles:
        raise _Wrong("missing", _("Please choose at least one role."))
    if strangers := [role for role in roles if role not in ROLES]:
        raise _Wrong("unknown", _("There is no role %(role)s.") % {"role": strangers[0]})
    return roles


def _birthday(value: str | None) -> str | None:
    day = (value or "").strip()
    if not day:
        return None
    try:
        # A leap year, so that the 29th of February is a day; the year goes no further than this line.
        return date.fromisoformat(f"2024-{day}").strftime("%m-%d")
    except ValueError as error:
        raise _Wrong("not-a-day", _("Please give the birthday as month and day, such as 11-23.")) from error


def _day(value: date | None) -> date | None:
    if value is not None and not date(1950, 1, 1) <= value <= date(2100, 1, 1):
        raise _Wrong("out-of-range", _("Please check the year of this day."))
    return value


def _zone(value: str | None) -> str:
    zone = (value or "").strip()
    try:
        if zone:
            ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise _Wrong(
            "unknown", _("There is no time zone of this name. One such is Europe/Lisbon.")
        ) from error
    return zone


def _one_of(allowed: tuple[str, ...]) -> Any:
    def check(value: str) -> str:
        if value not in allowed:
            raise _Wrong(
                "unknown", _("Please choose one of these: %(choices)s.") % {"choices": ", ".join(allowed)}
            )
        return value

    return check


def _as_is(value: UUID | None) -> UUID | None:
    return value


_CHECKS: dict[str, Any] = {
    "name": _name,
    "email": _email,
    "employee_no": _employee_no,
    "roles": _roles,
    "team": _as_is,
    "buddy": _as_is,
    "manager": _as_is,
    "hired_on": _day,
    "birthday": _birthday,
    "birthday_scope": _one_of(SCOPES),
    "full_month_scope": _one_of(SCOPES),
    "anniversary_scope": _one_of(SCOPES),
    "milestone_scope": _one_of(SCOPES),
    "leap_day": _one_of(LEAP_DAYS),
    "locale": _one_of(LOCALES),
    "time_zone": _zone,
    "theme": _one_of(THEMES),
}


@cache
def time_zones() -> list[str]:
    """Names of the time zones that people choose from: places, not the historical aliases."""
    regions = ("Africa/", "America/", "Asia/", "Atlantic/", "Australia/", "Europe/", "Indian/", "Pacific/")
    return ["UTC", *sorted(name for name in available_timezones() if name.startswith(regions))]
