"""Dates of occasions, over all dates (003-22)."""

import calendar as months
from datetime import date, timedelta

from hypothesis import given
from hypothesis import strategies as st

from trainer.recognition.calendar import anniversary, birthday, days_to_look_at, falling, full_month

DAYS = st.dates(date(1970, 1, 1), date(2100, 12, 31))
MONTH_DAYS = st.dates(date(2024, 1, 1), date(2024, 12, 31)).map(lambda day: day.strftime("%m-%d"))


def test_joined_on_the_31st_of_january_is_full_on_the_last_day_of_february() -> None:
    assert full_month(date(2026, 1, 31)) == date(2026, 2, 28)
    assert full_month(date(2028, 1, 31)) == date(2028, 2, 29)
    assert full_month(date(2026, 12, 31)) == date(2027, 1, 31)


def test_a_birthday_on_29_february_follows_its_owners_preference() -> None:
    assert birthday("02-29", 2028, "03-01") == date(2028, 2, 29)
    assert birthday("02-29", 2027, "02-28") == date(2027, 2, 28)
    assert birthday("02-29", 2027, "03-01") == date(2027, 3, 1)


def test_joined_on_29_february_is_marked_on_the_28th_in_other_years() -> None:
    assert anniversary(date(2024, 2, 29), 2025) == date(2025, 2, 28)
    assert anniversary(date(2024, 2, 29), 2028) == date(2028, 2, 29)


@given(DAYS)
def test_a_full_month_lies_in_the_next_month_on_the_same_day_or_its_last(hired: date) -> None:
    day = full_month(hired)
    assert (day.year * 12 + day.month) - (hired.year * 12 + hired.month) == 1
    last = months.monthrange(day.year, day.month)[1]
    assert day.day == min(hired.day, last)
    assert 28 <= (day - hired).days <= 31


@given(DAYS, st.integers(1, 60))
def test_everybody_has_one_work_anniversary_a_year(hired: date, years: int) -> None:
    year = hired.year + years
    found = list(falling(date(year, 1, 1), date(year, 12, 31), hired_on=hired, birthday_on=None))
    anniversaries = [item for item in found if item.kind == "work_anniversary"]
    assert [(item.on, item.years) for item in anniversaries] == [(anniversary(hired, year), years)]
    assert anniversaries[0].on.month == hired.month
    assert hired.day - anniversaries[0].on.day in (0, 1)


@given(MONTH_DAYS, st.integers(1971, 2100), st.sampled_from(["02-28", "03-01"]))
def test_everybody_has_one_birthday_a_year(month_day: str, year: int, leap_day: str) -> None:
    whole_year = falling(
        date(year, 1, 1), date(year, 12, 31), hired_on=None, birthday_on=month_day, leap_day=leap_day
    )
    (found,) = list(whole_year)
    assert found.kind == "birthday"
    assert found.years is None, "an age is nobody's business"
    if month_day != "02-29" or months.isleap(year):
        assert found.on.strftime("%m-%d") == month_day
    else:
        assert found.on.strftime("%m-%d") == leap_day


@given(DAYS, MONTH_DAYS, DAYS, st.integers(0, 400), st.integers(0, 400))
def test_a_range_cut_in_two_holds_the_same_as_the_whole(
    hired: date, month_day: str, first: date, some: int, more: int
) -> None:
    middle, last = first + timedelta(days=some), first + timedelta(days=some + more + 1)
    about = {"hired_on": hired, "birthday_on": month_day}
    whole = list(falling(first, last, **about))
    parts = [*falling(first, middle, **about), *falling(middle + timedelta(days=1), last, **about)]
    assert whole == parts
    assert whole == sorted(whole, key=lambda item: (item.on, item.kind))


@given(DAYS, st.integers(-3, 100))
def test_a_run_looks_at_today_and_at_missed_days_a_month_back(today: date, ago: int) -> None:
    first, last = days_to_look_at(today, today - timedelta(days=ago))
    assert last == today
    assert first <= today
    assert (today - first).days == min(max(ago - 1, 0), 31)


def test_the_first_run_looks_at_today_alone() -> None:
    assert days_to_look_at(date(2026, 11, 23), None) == (date(2026, 11, 23), date(2026, 11, 23))
