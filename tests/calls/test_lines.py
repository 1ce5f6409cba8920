"""Correcting lines: words that stayed keep their times, what cannot be is named, and files read back as written."""

import itertools
import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainer.calls.captions import FORMATS, json_segments, sub_rip, web_vtt
from trainer.calls.correcting import difference
from trainer.calls.lines import Splice, as_text, from_text, spliced, with_words
from trainer.calls.transcripts import Line, Word, in_order, read_transcript, spoken
from trainer.problems import Invalid

WORDS = (
    (0, 400, "Good"),
    (400, 900, "mourning,"),
    (1000, 1400, "this"),
    (1400, 1600, "is"),
    (1600, 2000, "Grace."),
)
LINE = Line(0, 2000, "agent", "Good mourning, this is Grace.", WORDS)


def corrected(text: str, **changes: object) -> tuple[Word, ...]:
    new = Line(**{"start_ms": 0, "end_ms": 2000, "speaker": "agent", "text": text, **changes})  # type: ignore[arg-type]
    return with_words([new], [LINE])[0].words


def test_a_word_that_stayed_keeps_its_time_and_a_corrected_one_takes_its_place() -> None:
    assert corrected("Good morning, this is Grace.")[1] == (400, 900, "morning,")
    assert corrected("good mourning this is Grace") == (
        (0, 400, "good"),
        (400, 900, "mourning"),
        (1000, 1400, "this"),
        (1400, 1600, "is"),
        (1600, 2000, "Grace"),
    )
    assert corrected("Good day to you, this is Grace.")[1:4] == (
        (400, 587, "day"),
        (587, 712, "to"),
        (712, 900, "you,"),
    )


@pytest.mark.parametrize(
    "text",
    [
        "Good mourning, this really is Grace.",  # no time between two words: it was said at some other moment
        "Good 42, this is Grace.",  # figures take longer to say than to write
        "Good " + "extraordinarily " * 9 + "this is Grace.",
    ],
)
def test_a_line_with_no_room_for_what_was_typed_loses_its_word_times(text: str) -> None:
    assert corrected(text) == ()


def a_long_call(word: str, lines: int) -> list[Line]:
    said = [[f"{word}{n % 7}", "is", f"{n}.", word, "and", word, "and", word] for n in range(lines)]
    return [
        Line(
            n * 1000, n * 1000 + 1000, "agent", " ".join(words),
            tuple((n * 1000 + i * 125, n * 1000 + i * 125 + 125, text) for i, text in enumerate(words)),
        )
        for n, words in enumerate(said)
    ]  # fmt: skip


def typed_again(lines: list[Line], ending: str) -> list[Line]:
    return [Line(line.start_ms, line.end_ms, line.speaker, line.text + ending) for line in lines]


def test_correcting_every_other_line_of_a_long_call_is_quick_and_keeps_the_times_of_the_others() -> None:
    old = a_long_call("word", 1200)
    new = [line if n % 2 else typed_again([line], "!")[0] for n, line in enumerate(typed_again(old, ""))]
    new[7] = Line(7000, 8000, "agent", "Something else.")
    began = time.process_time()
    found = with_words(new, old)
    assert time.process_time() - began < 2
    assert [line.words for n, line in enumerate(found) if n % 2 and n != 7] == [
        line.words for n, line in enumerate(old) if n % 2 and n != 7
    ]


def test_what_would_take_too_long_to_compare_loses_its_word_times() -> None:
    old = [
        Line(
            n * 1000,
            n * 1000 + 900,
            "agent",
            "a a a a a",
            tuple((n * 1000 + i, n * 1000 + i + 1, "a") for i in range(5)),
        )
        for n in range(800)
    ]
    began = time.process_time()
    found = with_words([*typed_again(old[:-1], " b"), *typed_again(old[-1:], "")], old)
    assert time.process_time() - began < 2
    assert {line.words for line in found[:-1]} == {()}
    assert found[-1].words == old[-1].words


def test_word_times_that_lie_elsewhere_are_not_believed() -> None:
    # a redaction of the line would leave such a word to be read
    told = tuple((start + 9_000, end + 9_000, text) for start, end, text in WORDS)
    found = spliced([LINE], Splice(0, 1, (Line(0, 2000, "agent", LINE.text, told),)), duration_ms=20_000)
    assert found[0].words == WORDS
    with pytest.raises(Invalid):
        spliced(
            [LINE], Splice(0, 1, (Line(0, 2000, "agent", "Hi", ((0, 10**30, "Hi"),)),)), duration_ms=20_000
        )


def test_words_outside_a_moved_line_are_not_its_words() -> None:
    assert corrected(LINE.text, start_ms=3000, end_ms=4000) == ()


def test_splitting_and_joining_keep_the_times_of_all_words() -> None:
    left, right = Line(0, 950, "agent", "Good mourning,"), Line(950, 2000, "caller", "this is Grace.")
    split = spliced([LINE], Splice(0, 1, (left, right)), duration_ms=9000)
    assert [line.words for line in split] == [WORDS[:2], WORDS[2:]]
    [joined] = spliced(split, Splice(0, 2, (Line(0, 2000, "agent", LINE.text),)), duration_ms=9000)
    assert joined == LINE


def test_undo_gives_back_the_words_that_were() -> None:
    changed = spliced([LINE], Splice(0, 1, (Line(0, 2000, "agent", "Good 42."),)), duration_ms=9000)
    assert changed[0].words == ()
    assert spliced(changed, Splice(0, 1, (LINE,)), duration_ms=9000) == [LINE]


def test_a_han_word_is_aligned_by_its_characters() -> None:
    old = Line(0, 1200, "agent", "您好吗", ((0, 400, "您"), (400, 800, "好"), (800, 1200, "吗")))
    [new] = with_words([Line(0, 1200, "agent", "您早吗")], [old])
    assert new.words == ((0, 400, "您"), (400, 800, "早"), (800, 1200, "吗"))


@pytest.mark.parametrize(
    ("line", "code"),
    [
        (Line(500, 500, "agent", "x"), "outside"),
        (Line(900, 100, "agent", "x"), "outside"),
        (Line(-1, 100, "agent", "x"), "outside"),
        (Line(0, 9001, "agent", "x"), "outside"),
        (Line(0, 100, "boss", "x"), "unknown"),  # type: ignore[arg-type]
        (Line(0, 100, "agent", "x" * 5001), "too-long"),
        (Line(0, 100, "agent", "x", ((90, 10, "x"),)), "backward"),
    ],
)
def test_a_line_that_cannot_be_is_refused_by_its_number(line: Line, code: str) -> None:
    with pytest.raises(Invalid) as refused:
        spliced([], Splice(0, 0, (Line(0, 9, "", "fine"), line)), duration_ms=9000)
    assert [(error.field, error.code) for error in refused.value.errors] == [("lines", code)]
    assert "2" in refused.value.errors[0].message


def test_a_change_past_the_last_line_is_refused_and_blank_lines_are_left_out() -> None:
    for splice in (Splice(2, 0, ()), Splice(0, 2, ()), Splice(-1, 0, ()), Splice(0, -1, ())):
        with pytest.raises(Invalid):
            spliced([LINE], splice, duration_ms=9000)
    assert spliced([LINE], Splice(1, 0, (Line(0, 9, "", " \u200b "),)), duration_ms=9000) == [LINE]


def test_lines_are_put_in_order_and_no_voice_speaks_over_itself() -> None:
    late = Line(1500, 3000, "agent", "And now")
    first, second = spliced([LINE], Splice(0, 0, (late,)), duration_ms=9000)
    assert (first.text, first.end_ms, second.text) == (LINE.text, 1500, "And now")


def test_as_one_text_and_back() -> None:
    lines = [
        Line(0, 1500, "agent", "Good: morning"),
        Line(61_250, 3_700_001, "", "嗯 - yes"),
        Line(5, 9, "caller", "x"),
    ]
    assert from_text(as_text(lines)) == lines
    with pytest.raises(Invalid) as refused:
        from_text("0:00 - 0:01 agent: fine\n\nhello there")
    assert "3" in refused.value.errors[0].message


texts = st.text(min_size=1, max_size=30).map(spoken).filter(bool)


@given(st.lists(st.tuples(st.integers(0, 80_000_000), st.integers(1, 9000), texts), min_size=1, max_size=6))
def test_whatever_is_said_captions_read_back_as_it_was(said: list[tuple[int, int, str]]) -> None:
    """No word ends its cue, begins another, is markup, or makes the file unreadable."""
    ordered = in_order(Line(start, start + long, "agent", text) for start, long, text in said)
    lines = [line for line in ordered if line.end_ms > line.start_ms]
    for write in (web_vtt, sub_rip):
        assert read_transcript(write(lines).encode()) == lines


def test_markup_in_words_stays_words_in_every_file() -> None:
    text = "<v Caller>a --> b & <script>alert(1)</script> {\\an8} 1"
    lines = [Line(0, 1000, "agent", text), Line(1000, 3_600_000, "caller", "fine")]
    for kind in FORMATS.values():
        read = read_transcript(kind.write(lines).encode())
        assert [(line.start_ms, line.end_ms, line.speaker) for line in read] == [
            (0, 1000, "agent"),
            (1000, 3_600_000, "caller"),
        ], kind.name
    assert "<script" not in web_vtt(lines) + sub_rip(lines)
    assert read_transcript(web_vtt(lines).encode())[0].text == text
    [first, _second] = json.loads(json_segments([LINE, lines[1]]))["segments"]
    assert first["words"][1] == [400, 900, "mourning,"]


def test_the_difference_is_what_lies_between_a_common_beginning_and_end() -> None:
    a, b, c, d = (Line(n, n + 1, "", f"{n}") for n in range(4))
    for old, new in itertools.product([[], [a], [a, b], [a, b, c], [b, c], [a, a]], repeat=2):
        at, gone, came = difference(old, new)
        assert [*old[:at], *came, *old[at + len(gone) :]] == new
    assert difference([a, b, c], [a, d, c]) == (1, (b,), (d,))
