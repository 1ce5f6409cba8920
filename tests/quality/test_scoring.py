"""How marks come to results (003-2): properties that hold for any marks, and the example of the rule book."""

from dataclasses import dataclass

from hypothesis import given
from hypothesis import strategies as st

from trainer.quality.scoring import FULL, results_of


@dataclass(frozen=True)
class M:
    mark: str
    weight: int
    severity: str


marks = st.builds(
    M,
    st.sampled_from(["met", "missed", "not_applicable", ""]),
    st.integers(0, 100),
    st.sampled_from(["fatal", "non_fatal"]),
)
many = st.lists(marks, max_size=40)


def test_19_of_20_and_one_fatal_miss_fail_the_call_and_leave_95_percent() -> None:  # 003-2
    said = [M("met", 5, "non_fatal")] * 19 + [M("missed", 5, "non_fatal"), M("missed", 0, "fatal")]
    results = results_of(said)
    assert (results.outcome, results.fatal, results.fatal_missed) == ("fail", "failed", 1)
    assert results.score == 9500


def test_without_any_applicable_rule_there_is_no_score_and_no_outcome() -> None:
    results = results_of([M("not_applicable", 10, "non_fatal"), M("", 10, "non_fatal"), M("", 0, "fatal")])
    assert (results.score, results.fatal, results.fatal_missed, results.outcome) == (None, None, None, None)


def test_a_call_that_keeps_its_fatal_rules_passes_however_low_the_score() -> None:
    results = results_of([M("missed", 10, "non_fatal"), M("met", 0, "fatal")])
    assert (results.score, results.fatal, results.outcome) == (0, "passed", "pass")


@given(many)
def test_fatal_marks_never_move_the_score(said: list[M]) -> None:
    assert results_of(said).score == results_of([m for m in said if m.severity != "fatal"]).score


@given(many)
def test_rules_without_a_mark_or_not_applicable_count_for_nothing(said: list[M]) -> None:
    assert results_of(said) == results_of([m for m in said if m.mark in ("met", "missed")])


@given(many, st.randoms())
def test_the_order_does_not_matter(said: list[M], chance: object) -> None:
    shuffled = sorted(said, key=lambda _m: chance.random())  # type: ignore[attr-defined]
    assert results_of(said) == results_of(shuffled)


@given(many)
def test_the_score_lies_in_range_and_is_full_only_when_nothing_that_weighs_was_missed(said: list[M]) -> None:
    score = results_of(said).score
    weighs = [m for m in said if m.severity != "fatal" and m.mark in ("met", "missed") and m.weight]
    assert (score is None) == (not weighs)
    if score is not None:
        assert 0 <= score <= FULL
        assert (score == FULL) == all(m.mark == "met" for m in weighs)


@given(many, st.integers(0, 100))
def test_one_more_rule_met_never_lowers_the_score(said: list[M], weight: int) -> None:
    before, after = results_of(said).score, results_of([*said, M("met", weight, "non_fatal")]).score
    assert before is None or (after is not None and after >= before)


@given(many)
def test_one_fatal_miss_fails_whatever_else(said: list[M]) -> None:
    assert results_of([*said, M("missed", 0, "fatal")]).outcome == "fail"
