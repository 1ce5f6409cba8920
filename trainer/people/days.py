"""Whose day it is: "today" is the day of the person meant, in their own zone or else in the site's.

Invariant: nothing above decides by a UTC date what a person is told about their own day.
"""

from datetime import date, datetime
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
