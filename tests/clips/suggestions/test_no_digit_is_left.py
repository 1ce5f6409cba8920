"""Whatever number is said, wherever in a call: once it is accepted, no digit of it is left in the clip's words."""

import re

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.calls.talk import TALK, WORDS
from trainer.calls.captions import web_vtt
from trainer.calls.spoken_numbers import plain, runs
from trainer.clips.arithmetic import Cut, Line, Span
from trainer.clips.kept_words import clip_transcript, typed_transcript
from trainer.clips.suggestions.finding import TypedTurn, as_turns, suggest

CALL_MS = 60_000


@st.composite
def turns_with_a_card(draw: st.DrawFn) -> list[TypedTurn]:
    """Turns, some with timed words and some without, of which neighbours say 12 to 19 digits among other talk."""
    digits = draw(st.lists(st.integers(0, 9), min_size=12, max_size=19))
    style = draw(st.sampled_from(list(WORDS)))
    spoken = [WORDS[style][digit] for digit in digits]
    breaks = sorted(draw(st.sets(st.integers(1, len(spoken) - 1), max_size=2)))
    pieces = [spoken[a:b] for a, b in zip([0, *breaks], [*breaks, len(spoken)], strict=True)]
    glue = draw(st.sampled_from([" ", ", ", " - ", " and "]))
    lines = [
        " ".join(
            [
                *(draw(st.lists(st.sampled_from(TALK), max_size=2)) if number == 0 else []),
                glue.join(piece),
                *(draw(st.lists(st.sampled_from(TALK), max_size=2)) if number == len(pieces) - 1 else []),
            ]
        )
        for number, piece in enumerate(pieces)
    ]
    turns = []
    at = draw(st.integers(0, 5_000))
    for line in lines:
        length = draw(st.integers(500, 12_000))
        words: tuple[tuple[int, int, str], ...] = ()
        if draw(st.booleans()):
            said = line.split()
            step = length // len(said)
            words = tuple((at + i * step, at + (i + 1) * step, word) for i, word in enumerate(said))
        turns.append(TypedTurn(at, at + length, "caller", line, words))
        at += length + draw(st.integers(0, 2_000))
    return turns


@settings(max_examples=120, deadline=None)
@given(turns_with_a_card(), st.data())
def test_no_digit_of_an_accepted_number_is_left(turns: list[TypedTurn], data: st.DataObject):
    whole = Span(0, CALL_MS)
    start = data.draw(st.integers(0, turns[-1].end_ms - 400))
    window = Span(start, data.draw(st.integers(start + 300, CALL_MS)))
    for sources, words_of in (
        ([turns], lambda cuts, part: clip_transcript(turns, part, cuts)),
        ([as_turns(_typed(turns))], lambda cuts, part: typed_transcript(_typed(turns), part, cuts)),
    ):
        for part in (whole, window):
            found = suggest(sources, part, CALL_MS, salt="s")
            cuts = [Cut(span.start_ms, span.end_ms) for one in found for span in one.spans]
            lines = words_of(cuts, part)
            # a lone "one" of other talk is no digit of a number
            assert not [
                run for line in lines for run in runs(plain(line.text).lower) if len(run.digits) > 1
            ], lines
            assert not re.search(r"[\d零〇一二三四五六七八九幺两]", " ".join(line.text for line in lines)), (
                lines
            )
            assert not re.search(r"\n[^\n]*-->[^\n]*\n[^\n]*\d", web_vtt(lines))
            assert all(one.covered_by(cuts, part) for one in found)


def _typed(turns: list[TypedTurn]) -> list[Line]:
    return [Line(turn.start_ms, turn.end_ms, turn.speaker, turn.text) for turn in turns]


@settings(max_examples=50, deadline=None)
@given(turns_with_a_card())
def test_nothing_is_covered_before_it_is_redacted(turns: list[TypedTurn]):
    [card] = [one for one in suggest([turns], Span(0, CALL_MS), CALL_MS, salt="s") if one.kind == "card"]
    assert not card.covered_by([], Span(0, CALL_MS))
    first = min(part.span.start_ms for part in card.parts)
    assert card.spans[0].start_ms == max(0, first - 300)


def test_the_same_words_have_the_same_key_wherever_they_are_asked_for():
    turns = [TypedTurn(10_000, 14_000, "caller", "it is 4111 1111 1111 1111")]
    near = suggest([turns], Span(9_000, 15_000), CALL_MS, salt="one")
    wide = suggest([turns], Span(0, 60_000), CALL_MS, salt="one")
    other = suggest([turns], Span(0, 60_000), CALL_MS, salt="two")
    assert near[0].key == wide[0].key != other[0].key


def test_a_number_that_is_said_twice_is_one_suggestion_with_both_places():
    turns = [
        TypedTurn(1_000, 4_000, "caller", "it is 4111 1111 1111 1111"),
        TypedTurn(5_000, 6_000, "agent", "Thank you, Joan"),
        TypedTurn(20_000, 24_000, "agent", "so that was 4111 1111 1111 1111"),
    ]
    [card] = suggest([turns], Span(0, CALL_MS), CALL_MS, salt="s")
    assert len(card.spans) == 2


def test_words_that_differ_from_the_text_are_looked_through_as_well():
    words = ((1_000, 1_500, "4111111111111111"), (1_500, 2_000, "thanks"))
    [card] = suggest(
        [[TypedTurn(1_000, 2_000, "", "my card, thanks", words)]], Span(0, 5_000), 5_000, salt="s"
    )
    assert (card.spans[0].start_ms, card.spans[0].end_ms) == (700, 1_800)
