"""Whose day it is: "today" is the day of the person meant, in their own zone or else in the site's.

Invariant: nothing above decides by a UTC date what a person is told about their own day.
"""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

_site = ZoneInfo("UTC")


def set_site_zone(name: str) -> None:
    """The zone of people who chose none; told once by whatever starts this process (server, worker, command)."""
    global _site
    _site = ZoneInfo(name)


def zone_of(name: str) -> ZoneInfo:
    """A person's zone; "" means the site's."""
    return ZoneInfo(name) if name else _site


def day_of(moment: datetime, zone: str) -> date:
    """The calendar day of an aware moment where the person is."""
    return moment.astimezone(zone_of(zone)).date()


def start_of(day: date, zone: str) -> datetime:
    """The moment, in UTC, at which the day begins where the person is."""
    try:
        return datetime.combine(day, time(), zone_of(zone)).astimezone(UTC)
    except OverflowError:  # the calendar's own first day, east of Greenwich
        return datetime.combine(day, time(), UTC)


def bounds_of(since: date | None, until: date | None, zone: str) -> tuple[datetime | None, datetime | None]:
    """The moments from which (included) and up to which (excluded) these days last, both included; None is open."""
    after = until + timedelta(days=1) if until and until < date.max else None
    return start_of(since, zone) if since else None, start_of(after, zone) if after else None
