"""Spans, redactions and the words a clip keeps: by example, and over everything hypothesis can think of."""

import itertools
import re
from dataclasses import dataclass, field

from hypothesis import given
from hypothesis import strategies as st

from trainer.clips.arithmetic import (
    LONGEST_MS,
    REMOVED,
    SHORTEST_MS,
    Cut,
    Line,
    Span,
    clock,
    parse_clock,
    range_fault,
    render_key,
    tidy,
    web_vtt,
)
from trainer.clips.kept_words import clip_transcript


@dataclass
class Said:
    start_ms: int
    end_ms: int
    text: str
    speaker: str = "agent"
    words: list[tuple[int, int, str]] = field(default_factory=list)


CARD = Said(
    10_000,
    14_000,
    "My card is 4111 1111 thank you.",
    "caller",
    [
        (10_000, 10_300, "My"),
        (10_300, 10_700, "card"),
        (10_700, 11_000, "is"),
        (11_000, 12_000, "4111"),
        (12_000, 13_000, "1111"),
        (13_200, 13_500, "thank"),
        (13_500, 14_000, "you."),
    ],
)


def words_of(lines: list[Line]) -> str:
    return " ".join(line.text for line in lines)


def test_a_clip_is_at_least_300_ms_and_at_most_two_minutes_long():
    assert range_fault(0, SHORTEST_MS, 10_000) is None
    assert range_fault(0, SHORTEST_MS - 1, 10_000) == ("end_ms", "too-short")
    assert range_fault(5, 5 + LONGEST_MS, 10**6) is None
    assert range_fault(5, 6 + LONGEST_MS, 10**6) == ("end_ms", "too-long")


def test_a_clip_lies_inside_its_recording():
    assert range_fault(-1, 5_000, 10_000) == ("start_ms", "negative")
    assert range_fault(5_000, 10_001, 10_000) == ("end_ms", "past-end")
    assert range_fault(5_000, 5_000, 10_000) == ("end_ms", "backward")


def test_a_turn_that_lies_wholly_in_the_clip_is_kept_as_written_in_clip_time():
    assert clip_transcript([CARD], Span(9_000, 20_000), []) == [
        Line(1_000, 5_000, "caller", "My card is 4111 1111 thank you.")
    ]


def test_redacted_words_with_times_are_replaced_by_one_mark_and_their_neighbours_stay():
    lines = clip_transcript([CARD], Span(9_000, 20_000), [Cut(11_000, 13_000)])
    assert words_of(lines) == f"My card is {REMOVED} thank you."


def test_a_word_that_a_redaction_only_touches_is_removed_too():
    assert words_of(clip_transcript([CARD], Span(9_000, 20_000), [Cut(12_900, 13_000)])) == (
        f"My card is 4111 {REMOVED} thank you."
    )


def test_only_words_spoken_inside_the_range_are_in_the_transcript():
    assert words_of(clip_transcript([CARD], Span(11_000, 13_100), [])) == "4111 1111"
    assert clip_transcript([CARD], Span(0, 10_000), []) == []
    assert clip_transcript([CARD], Span(14_000, 20_000), []) == []


def test_without_word_times_every_digit_of_a_turn_that_a_redaction_touches_is_removed():
    said = Said(
        0,
        9_000,
        "Sure, the number is 4111 1111 1111 1111 and it expires on the 4th, is that all you need from me?",
    )
    text = words_of(clip_transcript([said], Span(0, 9_000), [Cut(3_000, 4_000)]))
    assert not re.search(r"\d", text)
    assert text.startswith("Sure,")
    assert text.endswith("from me?")
    assert REMOVED in text


def test_a_number_in_words_is_removed_to_both_its_ends():
    said = Said(
        0,
        20_000,
        "Yes of course it is four one one one two three four five six seven eight nine and my name was given",
    )
    text = words_of(clip_transcript([said], Span(0, 20_000), [Cut(8_000, 9_000)]))
    assert "four" not in text
    assert "nine" not in text
    assert "Yes of course" in text
    assert "given" in text


def test_chinese_without_word_times_is_cut_by_characters_and_joined_without_spaces():
    said = Said(0, 12_000, "请您把卡号告诉我好吗然后我马上帮您处理这件事情")
    text = words_of(clip_transcript([said], Span(0, 12_000), [Cut(5_000, 5_500)]))
    assert text.startswith("请您把")
    assert text.endswith("事情")
    assert " ".join(text.split()) == text
    assert REMOVED in text


def test_a_redaction_outside_the_range_still_removes_a_word_whose_place_is_a_guess():
    said = Said(0, 10_000, "a secret at the edge of this line")
    whole = words_of(clip_transcript([said], Span(2_000, 10_000), []))
    cut = words_of(clip_transcript([said], Span(2_000, 10_000), [Cut(1_500, 2_000)]))
    assert whole != cut
    assert cut.startswith(REMOVED)


def test_turns_in_any_order_come_out_by_time():
    later, earlier = Said(5_000, 6_000, "later"), Said(1_000, 2_000, "earlier")
    assert [line.text for line in clip_transcript([later, earlier], Span(0, 9_000), [])] == [
        "earlier",
        "later",
    ]


def test_tidy_joins_what_overlaps_and_keeps_both_modes():
    assert tidy([Cut(5, 9), Cut(1, 6)]) == [Cut(1, 9)]
    assert tidy([Cut(1, 6, "beep"), Cut(4, 9, "silence")]) == [Cut(1, 6, "beep"), Cut(6, 9, "silence")]
    assert tidy([Cut(0, 100)], Span(10, 20)) == [Cut(10, 20)]
    assert tidy([Cut(0, 10)], Span(10, 20)) == []


def test_the_render_key_names_the_sound_and_nothing_else():
    window = Span(1_000, 5_000)
    key = render_key("r", "abc", window, [Cut(2_000, 3_000)], "v1")
    assert key == render_key(
        "r", "abc", window, [Cut(2_000, 2_500), Cut(2_400, 3_000), Cut(7_000, 8_000)], "v1"
    )
    others = [
        render_key("q", "abc", window, [Cut(2_000, 3_000)], "v1"),
        render_key("r", "abd", window, [Cut(2_000, 3_000)], "v1"),
        render_key("r", "abc", Span(1_000, 5_001), [Cut(2_000, 3_000)], "v1"),
        render_key("r", "abc", window, [Cut(2_000, 3_000, "silence")], "v1"),
        render_key("r", "abc", window, [], "v1"),
        render_key("r", "abc", window, [Cut(2_000, 3_000)], "v2"),
    ]
    assert len({key, *others}) == 7


def test_times_are_read_as_people_write_them():
    assert parse_clock("33.5") == 33_500
    assert parse_clock("0:33,5") == 33_500
    assert parse_clock("1:02:03.25") == 3_723_250
    assert parse_clock(" 2:05 ") == 125_000
    for wrong in ("", "abc", "1:2:3:4", "-1", "1.2345", "NaN"):
        assert parse_clock(wrong) is None


def test_web_vtt_holds_the_lines_and_no_markup_of_the_speaker():
    assert web_vtt([Line(0, 1_500, "agent", "a < b & c --> d"), Line(3_600_000, 3_600_000, "", "end")]) == (
        "WEBVTT\n\n00:00:00.000 --> 00:00:01.500\n<v agent>a &lt; b &amp; c --&gt; d\n\n"
        "01:00:00.000 --> 01:00:00.001\nend\n"
    )


TIMES = st.integers(0, 60_000)
SPANS = st.tuples(TIMES, TIMES).map(lambda p: Span(min(p), max(p) + 1))
CUTS = st.lists(
    st.builds(lambda s, m: Cut(s.start_ms, s.end_ms, m), SPANS, st.sampled_from(["beep", "silence"])),
    max_size=6,
)


@st.composite
def timed_turns(draw: st.DrawFn) -> Said:
    """A turn whose words are numbered, so that each can be recognised in what is left."""
    at = draw(TIMES)
    words = []
    for number in range(draw(st.integers(1, 12))):
        length = draw(st.integers(1, 900))
        words.append((at, at + length, f"w{number}x"))
        at += length + draw(st.integers(0, 300))
    return Said(words[0][0], words[-1][1], " ".join(w[2] for w in words), words=words)


@given(st.integers(0, 10**8))
def test_a_time_written_and_read_again_is_the_same(ms: int):
    assert parse_clock(clock(ms)) == ms


@given(CUTS, SPANS)
def test_tidy_covers_the_same_moments_in_order_without_overlap(cuts: list[Cut], window: Span):
    tidied = tidy(cuts, window)
    assert all(a.end_ms <= b.start_ms for a, b in itertools.pairwise(tidied))
    assert tidy(tidied, window) == tidied
    edges = {e for c in cuts for e in (c.start_ms, c.end_ms)} | {window.start_ms, window.end_ms}
    for ms in (e + d for e in edges for d in (-1, 0, 1)):
        wanted = window.holds(ms) and any(c.span.holds(ms) for c in cuts)
        assert any(c.span.holds(ms) for c in tidied) == wanted


@given(st.lists(timed_turns(), max_size=3), SPANS, CUTS)
def test_no_word_touched_by_a_redaction_or_outside_the_range_survives(
    turns: list[Said], window: Span, cuts: list[Cut]
):
    lines = clip_transcript(turns, window, cuts)
    for line in lines:
        assert 0 <= line.start_ms <= line.end_ms <= window.length_ms
        assert line.text
    for turn in turns:
        alone = words_of(clip_transcript([turn], window, cuts)).split()
        for start, end, word in turn.words:
            outside = end <= window.start_ms or start >= window.end_ms
            redacted = any(cut.span.overlaps(Span(start, end)) for cut in cuts)
            if outside or redacted:
                assert word not in alone
        kept = [
            w
            for s, e, w in turn.words
            if window.holds((s + max(e, s + 1)) // 2) and not any(c.span.overlaps(Span(s, e)) for c in cuts)
        ]
        assert [word for word in alone if word != REMOVED] == kept


@given(st.text(alphabet="ab 12你好，", min_size=1, max_size=60), SPANS, SPANS, CUTS)
def test_guessed_words_never_grow_and_lose_their_digits_to_any_redaction(
    text: str, place: Span, window: Span, cuts: list[Cut]
):
    said = Said(place.start_ms, place.end_ms, text)
    left = words_of(clip_transcript([said], window, cuts))
    assert len(left.replace(REMOVED, "").replace(" ", "")) <= len(text.replace(" ", ""))
    if left and any(c.span.overlaps(place) and c.span.overlaps(window) for c in cuts):
        assert not re.search(r"\d", left)
