"""When a full month, a work anniversary and a birthday fall: pure date arithmetic, tested over all dates.

A month or year that lacks the day (31st, 29 February) is marked on its last day, so that nobody is ever
skipped; a 29 February birthday follows the person's own preference (28 February or 1 March) in other years.
"""

import calendar
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Literal

Kind = Literal["full_month", "work_anniversary", "birthday"]


@dataclass(frozen=True, slots=True)
class Falling:
    """An occasion and the day it falls on; `years` for anniversaries."""

    kind: Kind
    on: date
    years: int | None = None


def full_month(hired_on: date) -> date:
    """The day one month after joining: joined 31 January → 28 or 29 February."""
    year, month = (hired_on.year, hired_on.month + 1) if hired_on.month < 12 else (hired_on.year + 1, 1)
    return date(year, month, min(hired_on.day, calendar.monthrange(year, month)[1]))


def anniversary(hired_on: date, year: int) -> date:
    """The work anniversary in a year: joined 29 February → 28 February in years without one."""
    last = calendar.monthrange(year, hired_on.month)[1]
    return date(year, hired_on.month, min(hired_on.day, last))


def birthday(month_day: str, year: int, leap_day: str = "02-28") -> date:
    """The birthday `MM-DD` in a year; 29 February is marked on `leap_day` (`02-28` or `03-01`) in others."""
    month, day = (int(part) for part in month_day.split("-"))
    if (month, day) == (2, 29) and not calendar.isleap(year):
        month, day = (int(part) for part in leap_day.split("-"))
    return date(year, month, day)


def falling(
    first: date,
    last: date,
    *,
    hired_on: date | None,
    birthday_on: str | None,
    leap_day: str = "02-28",
) -> Iterator[Falling]:
    """The occasions of one person from `first` to `last`, both included, in order of the day."""
    found: list[Falling] = []
    if hired_on and first <= full_month(hired_on) <= last:
        found.append(Falling("full_month", full_month(hired_on)))
    for year in range(first.year, last.year + 1):
        if hired_on and year > hired_on.year and first <= anniversary(hired_on, year) <= last:
            found.append(Falling("work_anniversary", anniversary(hired_on, year), year - hired_on.year))
        if birthday_on and first <= birthday(birthday_on, year, leap_day) <= last:
            found.append(Falling("birthday", birthday(birthday_on, year, leap_day)))
    yield from sorted(found, key=lambda item: (item.on, item.kind))


def days_to_look_at(today: date, last_looked: date | None, *, most: int = 31) -> tuple[date, date]:
    """The days a daily run must cover: today, and those missed since it last ran, at most a month back."""
    first = today if last_looked is None else last_looked + timedelta(days=1)
    return max(min(first, today), today - timedelta(days=most)), today
