"""Transcripts as they come: WebVTT, SRT and JSON into lines, or a refusal in words."""

import contextlib
import itertools
import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainer.calls.transcripts import LARGEST, MOST_LINES, Line, read_transcript
from trainer.problems import Invalid


def why(data: bytes | str) -> tuple[str, str]:
    """The code and the sentence of a refusal."""
    with pytest.raises(Invalid) as refused:
        read_transcript(data if isinstance(data, bytes) else data.encode())
    [error] = refused.value.errors
    assert error.field == "transcript"
    return error.code, error.message


def clock(ms: int) -> str:
    return f"{ms // 3_600_000:02}:{ms // 60_000 % 60:02}:{ms // 1000 % 60:02}.{ms % 1000:03}"


def vtt(*cues: tuple[int, int, str]) -> bytes:
    return "\n\n".join(["WEBVTT", *(f"{clock(s)} --> {clock(e)}\n{text}" for s, e, text in cues)]).encode()


def test_webvtt_with_voices() -> None:
    lines = read_transcript(vtt((0, 1500, "<v Agent>Good morning."), (1500, 4000, "<v Caller>I am lost.")))
    assert lines == [Line(0, 1500, "agent", "Good morning."), Line(1500, 4000, "caller", "I am lost.")]


def test_srt_with_speakers_in_the_text() -> None:
    agent = "1\r\n00:00:01,000 --> 00:00:02,500\r\nAgent: Good morning.\r\n\r\n"
    srt = agent + "2\r\n00:00:03,000 --> 00:00:04,000\r\n客户：我迷路了。\r\n"
    assert read_transcript(srt.encode()) == [
        Line(1000, 2500, "agent", "Good morning."),
        Line(3000, 4000, "caller", "我迷路了。"),
    ]


def test_json_segments_in_milliseconds_and_in_seconds() -> None:
    ours = [{"start_ms": 0, "end_ms": 900, "speaker": "agent", "text": "Hi", "words": [[0, 900, "Hi"]]}]
    assert read_transcript(json.dumps(ours).encode()) == [Line(0, 900, "agent", "Hi", ((0, 900, "Hi"),))]
    theirs = {
        "segments": [
            {
                "start": 1.25,
                "end": 2.0,
                "text": " Hello ",
                "words": [{"start": 1.25, "end": 2, "word": " Hello"}],
            }
        ]
    }
    assert read_transcript(json.dumps(theirs).encode()) == [
        Line(1250, 2000, "", "Hello", ((1250, 2000, "Hello"),))
    ]


def test_the_format_is_told_by_content() -> None:
    assert read_transcript(b"\xef\xbb\xbf" + vtt((0, 1, "x")))[0].text == "x"
    assert read_transcript(vtt((0, 1, "x")).decode().encode("utf-16"))[0].text == "x"


def test_tags_go_and_entities_become_what_they_stand_for() -> None:
    [line] = read_transcript(
        vtt(
            (0, 1000, "<v Agent><b>Fees</b> &amp; <i.loud>dates</i>\n<c.red>&lt;now&gt;</c> <00:00:00.500>ok")
        )
    )
    assert line.text == "Fees & dates <now> ok"


def test_control_and_direction_marks_go() -> None:
    text = json.dumps([{"start_ms": 0, "end_ms": 9, "text": "a\u202eb\u0000c\u200b \t d"}])
    assert read_transcript(text.encode())[0].text == "abc d"


def test_a_voice_with_the_agents_name_is_the_agent_and_the_other_one_the_caller() -> None:
    lines = read_transcript(
        vtt((0, 1, "<v Amara>Hi"), (1, 2, "<v Ruth Calder>Hello")), agent_name="Amara Nwosu"
    )
    assert [line.speaker for line in lines] == ["agent", "caller"]
    three = vtt((0, 1, "<v Amara>Hi"), (1, 2, "<v Ruth>Hello"), (2, 3, "<v Tom>Hey"))
    assert [line.speaker for line in read_transcript(three, agent_name="Amara Nwosu")] == ["agent", "", ""]
    assert [line.speaker for line in read_transcript(three)] == ["", "", ""]


def test_two_voices_in_one_cue_share_its_time() -> None:
    lines = read_transcript(vtt((0, 1000, "<v Agent>abcdefgh <v Caller>ij")))
    assert lines == [Line(0, 800, "agent", "abcdefgh"), Line(800, 1000, "caller", "ij")]


def test_lines_out_of_order_are_sorted() -> None:
    lines = read_transcript(vtt((5000, 6000, "b"), (0, 1000, "a")))
    assert [line.text for line in lines] == ["a", "b"]


def test_a_voice_that_overlaps_itself_is_cut_and_two_voices_may_overlap() -> None:
    lines = read_transcript(
        vtt((0, 3000, "<v Agent>one"), (1000, 1500, "<v Caller>mhm"), (2000, 4000, "<v Agent>two"))
    )
    assert [(line.start_ms, line.end_ms) for line in lines] == [(0, 2000), (1000, 1500), (2000, 4000)]


@pytest.mark.parametrize(
    ("data", "code", "says"),
    [
        (b"", "empty", "empty"),
        (b" \n ", "empty", "empty"),
        (b"WEBVTT\n", "empty", "no words"),
        (b"Dear Sir or Madam", "unknown-format", "WebVTT, SRT or JSON"),
        (b"\xff\xfb\x90\x00 binary \x80", "not-utf8", "UTF-8"),
        (vtt((2000, 1000, "back")), "backward", "Line 1 of this transcript ends before it starts"),
        (b"WEBVTT\n\nsoon --> later\nx\n", "unreadable", "1 lines of this transcript have times"),
        (b"WEBVTT\n\n00:75.000 --> 00:76.000\nx\n", "unreadable", "time"),
        (b"[{]", "unreadable", "JSON"),
        (b'{"text": "hi"}', "unreadable", "list of segments"),
        (b'[{"start_ms": "soon", "end_ms": 1, "text": "x"}]', "bad-time", "Line 1"),
        (b'[{"start_ms": -5, "end_ms": 1, "text": "x"}]', "bad-time", "Line 1"),
        (b'[{"start_ms": true, "end_ms": 1, "text": "x"}]', "bad-time", "Line 1"),
        (b'[{"start": 1e300, "end": 1e301, "text": "x"}]', "bad-time", "Line 1"),
        (b'[{"start_ms": 0, "end_ms": 1, "text": "x", "words": ["x"]}]', "bad-time", "Line 1"),
        (b"[" * 100_000, "unreadable", "JSON"),
    ],
)
def test_what_cannot_be_read_is_refused_in_words(data: bytes, code: str, says: str) -> None:
    assert why(data)[0] == code
    assert says in why(data)[1]


def test_limits() -> None:
    assert why(b"x" * (LARGEST + 1))[0] == "too-large"
    many = json.dumps([{"start_ms": 0, "end_ms": 1, "text": "x"}] * (MOST_LINES + 1))
    assert why(many)[0] == "too-many-lines"
    assert why("WEBVTT\n\n" + "00:00.000 --> 00:01.000\n" * (MOST_LINES + 1))[0] == "too-many-lines"


def test_more_than_anybody_can_say_in_a_minute_is_no_transcript() -> None:
    def segments(count: int, start_ms: int, **more: object) -> str:
        line = {"start_ms": start_ms, "end_ms": start_ms + 1000, "text": "x" * 4000, **more}
        return json.dumps([line] * count)

    assert len(read_transcript(segments(5, 60_000).encode())) == 5
    assert why(segments(6, 60_000)) == (
        "too-full",
        "More is said in minute 2 of this transcript than anybody can say. Are its times right?",
    )
    assert why(segments(1, 0, words=[[0, 1, "y" * 20_001]]))[0] == "too-full"


cues = st.lists(
    st.tuples(
        st.integers(0, 600_000),
        st.integers(0, 30_000),
        st.sampled_from(["Agent", "Caller", "Tom", ""]),
        st.text(st.characters(exclude_categories=["Cs", "Cc", "Cf"], exclude_characters="<>&"), max_size=30),
    ),
    max_size=25,
)


@given(cues)
def test_whatever_comes_the_lines_are_in_order_plain_and_no_voice_overlaps_itself(
    cues: list[tuple[int, int, str, str]],
) -> None:
    given_segments = [
        {"start_ms": start, "end_ms": start + length, "speaker": voice, "text": f"<i>{text}</i>"}
        for start, length, voice, text in cues
    ]
    try:
        lines = read_transcript(json.dumps(given_segments).encode())
    except Invalid:
        assert not any(text.strip() for _start, _length, _voice, text in cues)
        return
    assert lines == sorted(lines, key=lambda line: line.start_ms)
    for line in lines:
        assert 0 <= line.start_ms <= line.end_ms
        assert line.text == line.text.strip() != ""
        assert not any(mark in line.text for mark in "<>\n\r\t")
    for speaker in ("agent", "caller", ""):
        own = [line for line in lines if line.speaker == speaker]
        assert all(
            one.end_ms <= two.start_ms or one.start_ms == two.start_ms for one, two in itertools.pairwise(own)
        )


@given(st.binary(max_size=300))
def test_no_bytes_do_more_than_be_refused(data: bytes) -> None:
    for head in (b"", b"WEBVTT\n\n", b"1\n00:00:00,000 --> 00:00:01,000\n", b'[{"start_ms":'):
        with contextlib.suppress(Invalid):
            read_transcript(head + data)


@pytest.mark.parametrize(
    "text",
    [
        "<v " + " " * 2_000_000 + "x",  # blanks that two parts of a pattern could share
        "<" * 2_000_000,
        "<v a>x" * 400_000,
        ":" * 2_000_000,
        "&amp;" * 400_000,
        "a" * 2_000_000,
    ],
    ids=["blanks", "brackets", "voices", "colons", "entities", "one-word"],
)
def test_megabytes_made_to_keep_us_busy_are_refused_or_read_in_time(text: str) -> None:
    begun = time.process_time()
    with contextlib.suppress(Invalid):
        assert len(read_transcript(vtt((0, 1000, text)))) <= 1
    assert time.process_time() - begun < 2


def test_what_would_be_cut_off_is_refused_by_its_line() -> None:
    code, message = why(vtt((0, 1, "fine"), (1, 2, "x" * 5_001)))
    assert (code, "2" in message) == ("too-long", True)
    words = json.dumps([{"start_ms": 0, "end_ms": 9, "text": "x", "words": [[0, 1, "a"]] * 5_001}])
    assert why(words)[0] == "too-long"


@pytest.mark.parametrize("mark", ["\u0085", "\u2028", "\t", "\u00a0"])
def test_marks_that_part_words_become_a_blank(mark: str) -> None:
    assert (
        read_transcript(json.dumps([{"start": 0, "end": 1, "text": f"a{mark}b"}]).encode())[0].text == "a b"
    )


@pytest.mark.parametrize(
    "mark", ["\x00", "\x1b", "\u009b", "\u200f", "\u061c", "\u2060", "\u2067", "\U000e0041", "\ufff9"]
)
def test_marks_that_nobody_says_go_also_as_entities(mark: str) -> None:
    assert read_transcript(vtt((0, 1, f"a{mark}b")))[0].text == "ab"
    assert read_transcript(vtt((0, 1, f"a&#{ord(mark)};b")))[0].text in ("ab", "a\ufffdb", "a\u203ab")
