"""Grading: what counts as heard, as chosen, as remembered."""

import string
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainer.training import grading
from trainer.training.grading import (
    CUE_TOLERANCE_MS,
    FULL,
    Unanswerable,
    accept_own_words,
    grade_judge,
    grade_recall,
)
from trainer.training.word_forms import bases, holds

LENGTH = 30_000
moments = st.integers(min_value=0, max_value=LENGTH)
words = st.text(string.ascii_lowercase, min_size=2, max_size=9)


def _counts(word: str, token: str) -> bool:
    """Whether a word is a token, begins with it, or is another form of it."""
    return word.startswith(token) or bool(bases(word) & bases(token))


@given(cue=moments, at=moments, polarity=st.sampled_from(["exemplar", "counterexample", "near_miss"]))
def test_a_mark_counts_within_the_tolerance_of_the_cue_and_nowhere_else(cue: int, at: int, polarity: str):
    right = "met" if polarity == "exemplar" else "missed"
    verdict = grade_judge({"mark": right, "at_ms": at}, polarity=polarity, cue_ms=cue, duration_ms=LENGTH)
    near = abs(at - cue) <= CUE_TOLERANCE_MS
    assert verdict.correct is near
    assert verdict.score == (FULL if near else FULL // 2)
    assert verdict.detail["off_ms"] == at - cue


@given(cue=moments, at=moments, polarity=st.sampled_from(["exemplar", "counterexample", "near_miss"]))
def test_the_wrong_judgement_earns_nothing_whenever_it_is_marked(cue: int, at: int, polarity: str):
    wrong = "missed" if polarity == "exemplar" else "met"
    verdict = grade_judge({"mark": wrong, "at_ms": at}, polarity=polarity, cue_ms=cue, duration_ms=LENGTH)
    assert (verdict.correct, verdict.score) == (False, 0)


def test_without_a_cue_the_judgement_alone_counts():
    verdict = grade_judge({"mark": "met"}, polarity="exemplar", cue_ms=None, duration_ms=LENGTH)
    assert (verdict.correct, verdict.score) == (True, FULL)


@pytest.mark.parametrize("at_ms", [None, -1, LENGTH + 1, 3.5, True, "7"])
def test_a_mark_lies_in_the_clip(at_ms: object):
    with pytest.raises(Unanswerable, match="at_ms"):
        grade_judge({"mark": "met", "at_ms": at_ms}, polarity="exemplar", cue_ms=1, duration_ms=LENGTH)


@given(st.lists(words, min_size=1, max_size=8, unique=True), st.data())
def test_recall_is_the_share_of_ideas_found(tokens: list[str], data: st.DataObject):
    said = data.draw(st.lists(st.sampled_from(tokens), unique=True, min_size=1))
    verdict = grade_recall({"text": ", ".join(said)}, tokens)
    expected = {token for token in tokens if any(_counts(word, token) for word in said)}
    assert set(verdict.detail["found"]) == expected
    assert set(verdict.detail["found"]) | set(verdict.detail["missing"]) == set(tokens)
    assert verdict.score == FULL * len(expected) // len(tokens)
    assert verdict.correct is (verdict.score >= 6_000)


@given(words, words)
def test_an_english_idea_counts_from_the_beginning_of_a_word_only(token: str, before: str):
    assert grade_recall({"text": f"We {token}ing them"}, [token]).correct is True
    inside = grade_recall({"text": f"{before}{token}"}, [token])
    assert inside.correct is _counts(f"{before}{token}", token)


@given(st.text("听完复述问题", min_size=1, max_size=3), st.text("我们要先再去", max_size=5))
def test_a_chinese_idea_counts_anywhere(token: str, around: str):
    assert grade_recall({"text": f"{around}{token}{around}"}, [token]).correct is True


@pytest.mark.parametrize(
    ("text", "token", "found"),
    [
        ("We let them FINISH", "finish|end", True),
        ("until the end", "finish|end", True),
        ("the weekend", "finish|end", False),
        ("ﬁnish it", "finish", True),  # a ligature out of a word processor
        ("Café first", "café", True),
        ("say-back", "back", True),
        ("décaféiné", "café", False),
        ("x", "|", False),
    ],
)
def test_any_one_alternative_of_an_idea_counts(text: str, token: str, found: bool):
    assert bool(grade_recall({"text": text}, [token]).detail["found"]) is found


@pytest.mark.parametrize(
    ("written", "idea"),
    [
        ("Smiling, easy to understand", "smile"),
        ("smiled", "smile"),
        ("with a smile", "smiling"),
        ("said so easily", "easy"),
        ("easier", "easily"),
        ("friendliness", "friendly"),
        ("caring", "care"),
        ("worries", "worry"),
        ("I plan it", "planning"),
        ("saying back", "say back"),
        ("I can’t decide it", "can't"),  # as telephones write it
        ("the caller’s pace", "caller"),
        ("放慢语速", "语速"),
    ],
)
def test_a_word_counts_in_its_other_forms(written: str, idea: str) -> None:
    assert holds(written, idea)


@pytest.mark.parametrize(
    ("written", "idea"),
    [
        ("from my car", "care"),
        ("switched off", "offer"),
        ("with my ear", "early"),
        ("it is new", "need"),
        ("a ship", "share"),
        ("sing", "smile"),
        ("say it louder, back again", "say back"),
        ("the pass", "pas sing"),
        ("unfriendly", "friendly"),
    ],
)
def test_another_word_is_no_form_of_it(written: str, idea: str) -> None:
    assert not holds(written, idea)


@pytest.mark.parametrize("text", [None, "", "  \n", 7, "x" * 4_001])
def test_a_recall_needs_words(text: object):
    with pytest.raises(Unanswerable, match="text"):
        grade_recall({"text": text}, ["a"])


def test_a_rule_without_key_words_is_recalled_by_the_longer_words_of_its_statement():
    assert grading.ideas_of("Say back what you heard, calmly.", []) == ["heard", "calmly"]
    assert grading.ideas_of("Say back", ["say"]) == ["say"]
    assert grade_recall({"text": "anything"}, grading.ideas_of("听完再说", [])).correct is None


def test_ideas_in_other_words_let_one_go_on_and_are_never_right():
    refused = grade_recall({"text": "gently"}, ["warm", "clear", "pace"]).detail
    some = accept_own_words(["warm", "no idea of this rule"], refused)
    assert (some.correct, some.score, some.detail["own"]) == (False, 0, ["warm"])
    assert some.detail["missing"] == ["clear", "pace"]
    more = accept_own_words(["pace"], some.detail)
    assert (more.correct, more.score) == (None, None)
    assert (more.detail["own"], more.detail["missing"]) == (["warm", "pace"], ["clear"])
    with pytest.raises(Unanswerable, match="text"):
        accept_own_words(["bananas"], refused)


@given(st.uuids(), st.uuids())
def test_the_good_side_stays_the_same_for_one_person(enrolment: UUID, step: UUID):
    assert grading.good_side(enrolment, step) == grading.good_side(enrolment, step)


def test_both_sides_come_up():
    sides = [grading.good_side(UUID(int=n), UUID(int=1)) for n in range(200)]
    assert 60 < sides.count("a") < 140


def test_own_words_are_kept_and_not_graded():
    verdict = grading.accept_ungraded("reflect", {"text": " I would call back. "})
    assert (verdict.correct, verdict.score, verdict.detail) == (None, None, {"text": "I would call back."})
    with pytest.raises(Unanswerable):
        grading.accept_ungraded("reflect", {})
