"""Progress is one pure function of facts."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainer.career.progress import REACHED, Criterion, Known, LevelPlan, MilestonePlan, PathView, progress

TODAY = date(2026, 11, 23)
START = datetime(2026, 1, 1, tzinfo=UTC)


def fact(kind: str, subject: str = "", day: int = 0) -> Known:
    return Known(kind, subject, START + timedelta(days=day))


def milestone(code: str, *criteria: Criterion) -> MilestonePlan:
    return MilestonePlan(code, {"en": code}, {}, criteria)


PLAN = (
    LevelPlan("one", {"en": "One"}, {}, "near", (
        milestone("a", Criterion("module_completed", 1, subject="first")),
        milestone("b", Criterion("tenure_days", 30)),
    )),
    LevelPlan("two", {"en": "Two"}, {}, "mid", (
        milestone("c", Criterion("module_completed", 2, distinct=True), Criterion("appreciation_given", 3)),
    )),
    LevelPlan("three", {"en": "Three"}, {}, "long", (milestone("d", Criterion("signed_off", 1, subject="x")),)),
)  # fmt: skip


def walked(*facts: Known, hired: date | None = None) -> PathView:
    return progress({"en": "Path"}, PLAN, facts, hired_on=hired, today=TODAY)


def test_on_the_first_day_every_level_is_seen_and_what_is_missing() -> None:
    path = walked(hired=TODAY)
    assert [level.state for level in path.levels] == ["now", "next", "next"]
    assert path.current is path.levels[0]
    assert [item.plan.code for item in path.levels[0].missing] == ["a", "b"]
    assert [(view.have, view.met) for view in path.levels[0].milestones[1].criteria] == [(0, False)]


def test_a_milestone_needs_all_of_its_criteria() -> None:
    some = [fact("module_completed", "first"), fact("module_completed", "second")]
    thanks = [fact("appreciation_given", day=day) for day in range(3)]
    assert [item.plan.code for item in walked(*some).due] == ["a"]
    assert [item.plan.code for item in walked(*some, *thanks).due] == ["a", "c"]


def test_the_same_module_twice_is_not_two_different_ones() -> None:
    again = [fact("module_completed", "first", day) for day in range(5)]
    assert walked(*again).levels[1].milestones[0].criteria[0].have == 1


def test_a_fact_about_something_else_does_not_count() -> None:
    assert walked(fact("signed_off", "y"), fact("module_completed", "other")).due == []


@pytest.mark.parametrize(("days", "due"), [(29, []), (30, ["b"]), (400, ["b"])])
def test_time_alone_completes_what_asks_for_time(days: int, due: list[str]) -> None:
    assert [item.plan.code for item in walked(hired=TODAY - timedelta(days=days)).due] == due


def test_a_level_is_done_when_all_of_it_was_reached_and_the_next_begins() -> None:
    path = walked(fact(REACHED, "a", 5), fact(REACHED, "b", 9))
    assert [level.state for level in path.levels] == ["done", "now", "next"]
    assert path.levels[0].reached_at == START + timedelta(days=9)


def test_a_level_ahead_may_be_done_before_the_present_one() -> None:
    path = walked(fact(REACHED, "d"))
    assert [level.state for level in path.levels] == ["now", "next", "done"]


def test_what_was_reached_stays_reached_whatever_the_criteria_say() -> None:
    path = walked(fact(REACHED, "c"))
    assert path.levels[1].milestones[0].reached_at == START
    assert path.levels[1].milestones[0].share == 100
    assert path.due == []


def test_a_milestone_knows_the_day_it_was_earned() -> None:
    done = [fact("module_completed", "first", 3), fact("module_completed", "second", 8)]
    thanks = [fact("appreciation_given", day=day) for day in (1, 2, 5)]
    assert walked(*done, *thanks).levels[1].milestones[0].earned_on == date(2026, 1, 9)
    tenure = walked(hired=date(2026, 3, 1)).levels[0].milestones[1]
    assert tenure.earned_on == date(2026, 3, 31)


@pytest.mark.parametrize(
    "data", [{}, {"fact": "x", "count": 0}, {"fact": "x", "colour": "red"}, {"fact": "x", "count": "many"}]
)
def test_a_criterion_that_makes_no_sense_is_refused(data: dict[str, object]) -> None:
    with pytest.raises(ValueError):
        Criterion.parse(data)


KNOWN = st.lists(
    st.builds(
        fact,
        st.sampled_from(["module_completed", "appreciation_given", "signed_off", REACHED]),
        st.sampled_from(["first", "second", "x", "a", "b", "c", "d"]),
        st.integers(0, 300),
    ),
    max_size=25,
)


@given(KNOWN, KNOWN, st.dates(date(2025, 1, 1), TODAY))
def test_more_facts_never_take_progress_away(some: list[Known], more: list[Known], hired: date) -> None:
    before, after = walked(*some, hired=hired), walked(*some, *more, hired=hired)
    for old, new in zip(before.levels, after.levels, strict=True):
        for was, is_now in zip(old.milestones, new.milestones, strict=True):
            assert is_now.share >= was.share
            assert 0 <= is_now.share <= 100
            assert not was.reached_at or is_now.reached_at
    assert sum(level.state == "now" for level in after.levels) <= 1
