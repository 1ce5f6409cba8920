"""Transcripts as they come, WebVTT, SRT or JSON segments, into lines of a call.

Told apart by content, never by name. Everything that would be lost in silence is refused in words instead: a
time that cannot be read, a line that ends before it starts. Lines out of order are sorted, and where one
voice overlaps itself the earlier line ends where the later begins; two voices may overlap, as people do.
Invariant: lines are in order of their start, hold plain text only, and no voice overlaps itself.
"""

import html
import io
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any, Literal

import msgspec
from webvtt import WebVTT
from webvtt.errors import MalformedCaptionError, MalformedFileError
from webvtt.models import Timestamp

from trainer.problems import Invalid
from trainer.web.i18n import _
from trainer.web.texts import readable

LARGEST = 10 << 20
MOST_LINES = 20_000
LONGEST_LINE = 5_000
MOST_A_MINUTE = (
    20_000  # characters, some ten times what people say: all that looks through words looks at minutes
)
LATEST_MS = 24 * 60 * 60 * 1000

Speaker = Literal["agent", "caller", ""]
Word = tuple[int, int, str]

AGENTS = frozenset(
    {"agent", "advisor", "adviser", "representative", "rep", "operator", "座席", "坐席", "客服"}
)
CALLERS = frozenset({"caller", "customer", "client", "客户", "客戶", "顾客", "顧客", "来电者", "來電者"})

_TAG = re.compile(r"<[^<>]*>")
# one blank, not many: where two parts of a pattern may take the same blanks, a long row of them takes hours
_VOICE = re.compile(r"<v(?:\.[^\s<>]*)?[ \t]([^<>]+)>")
_NAMED = re.compile(r"\s*([^:：<>]{1,40})[:：]\s*(.+)", re.DOTALL)
_SPACE = re.compile(r"\s+")


@dataclass(frozen=True, slots=True)
class Line:
    """One turn: who says what, from when to when in the recording (ms). `words` where the transcript times
    them.
    """

    start_ms: int
    end_ms: int
    speaker: Speaker
    text: str
    words: tuple[Word, ...] = ()


@dataclass(frozen=True, slots=True)
class _Cue:
    start_ms: int
    end_ms: int
    voice: str
    text: str
    words: tuple[Word, ...] = ()


def read_transcript(data: bytes, *, agent_name: str = "") -> list[Line]:
    """The lines of a transcript; `agent_name` tells which voice is the agent's where voices have names.

    Raises Invalid (field `transcript`) with a sentence that names the reason.
    """
    if len(data) > LARGEST:
        raise refused("too-large", _("This transcript is larger than %(n)s MB.") % {"n": LARGEST >> 20})
    text = _decoded(data).strip()
    if not text:
        raise refused("empty", _("This transcript is empty."))
    if text.startswith("WEBVTT"):
        cues = list(islice(_captions(text, "vtt"), MOST_LINES + 1))
    elif text[0] in "[{":
        cues = list(_segments(text))
    elif "-->" in text:
        cues = list(islice(_captions(text, "srt"), MOST_LINES + 1))
    else:
        raise refused("unknown-format", _("This is no transcript that we can read: use WebVTT, SRT or JSON."))
    _check_count(len(cues))
    for number, cue in enumerate(cues, start=1):
        if len(cue.text) > LONGEST_LINE or len(cue.words) > LONGEST_LINE:
            told = _("Line %(n)s of this transcript has more than %(most)s characters. Split it first.")
            raise refused("too-long", told % {"n": number, "most": LONGEST_LINE})
    lines = in_order(_with_speakers(cues, agent_name))
    if not lines:
        raise refused("empty", _("This transcript has no words."))
    if (minute := too_full(lines)) is not None:
        raise refused("too-full", too_full_sentence(minute))
    return lines


def refused(code: str, message: str) -> Invalid:
    """The refusal of a transcript."""
    return Invalid.field("transcript", code, message)


def _decoded(data: bytes) -> str:
    encoding = "utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        raise refused("not-utf8", _("This transcript is not UTF-8 text. Save it as UTF-8 first.")) from error


def _captions(text: str, kind: Literal["vtt", "srt"]) -> Iterator[_Cue]:
    announced = text.count("-->")
    _check_count(announced)
    try:
        captions = WebVTT.from_buffer(io.StringIO(text), format=kind).captions
    except (MalformedFileError, MalformedCaptionError) as error:
        raise refused(
            "unreadable", _("A time in this transcript cannot be read: %(why)s.") % {"why": error}
        ) from error
    if len(captions) < announced:
        # the parser passes over what it does not understand, and words would be gone without anybody knowing
        told = _("%(n)s lines of this transcript have times that cannot be read.")
        raise refused("unreadable", told % {"n": announced - len(captions)})
    for number, caption in enumerate(captions, start=1):
        start, end = (Timestamp.from_string(time).in_milliseconds() for time in (caption.start, caption.end))
        _check_times(number, start, end)
        yield from _voices(start, end, caption.raw_text)


def _voices(start: int, end: int, raw: str) -> Iterator[_Cue]:
    """A cue of several voices becomes a line each, which share its time by the length of what they say."""
    pieces = _VOICE.split(raw, maxsplit=MOST_LINES)
    spoken = [(voice, plain(text)) for voice, text in zip(["", *pieces[1::2]], pieces[::2], strict=True)]
    spoken = [(voice, text) for voice, text in spoken if text]
    total, said = sum(len(text) for _voice, text in spoken), 0
    for voice, text in spoken:
        begins = start + (end - start) * said // total
        said += len(text)
        yield _Cue(begins, start + (end - start) * said // total, voice.strip(), text)


def _segments(text: str) -> Iterator[_Cue]:
    try:
        data = msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError) as error:
        raise refused("unreadable", _("This transcript begins like JSON but is not.")) from error
    items = data.get("segments") if isinstance(data, Mapping) else data
    if not isinstance(items, list) or not all(isinstance(item, Mapping) for item in items):
        raise refused(
            "unreadable", _("A JSON transcript is a list of segments, or has one under “segments”.")
        )
    _check_count(len(items))
    for number, item in enumerate(items, start=1):
        start, end = _time(item, "start", number), _time(item, "end", number)
        _check_times(number, start, end)
        words = tuple(_words(item.get("words"), number))
        said = item.get("text")
        text = plain(said if isinstance(said, str) else " ".join(word for _start, _end, word in words))
        if text:
            speaker = item.get("speaker")
            yield _Cue(start, end, speaker if isinstance(speaker, str) else "", text, words)


def _words(items: Any, number: int) -> Iterator[Word]:
    for item in items if isinstance(items, list) else []:
        if isinstance(item, list) and len(item) == 3:
            item = {"start_ms": item[0], "end_ms": item[1], "text": item[2]}
        if not isinstance(item, Mapping):
            raise _bad_time(number)
        said = item.get("text", item.get("word"))
        start, end = _time(item, "start", number), _time(item, "end", number)
        _check_times(number, start, end)
        if isinstance(said, str) and (word := plain(said)):
            yield start, end, word


def _time(item: Mapping[str, Any], name: str, number: int) -> int:
    """`start_ms` in milliseconds, or `start` in seconds."""
    exact, seconds = item.get(f"{name}_ms"), item.get(name)
    value = exact if exact is not None else seconds * 1000 if isinstance(seconds, int | float) else None
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) <= LATEST_MS:
        raise _bad_time(number)
    return round(value)


def _bad_time(number: int) -> Invalid:
    return refused("bad-time", _("Line %(n)s of this transcript has a time that cannot be.") % {"n": number})


def _check_times(number: int, start: int, end: int) -> None:
    if not 0 <= start <= LATEST_MS or not 0 <= end <= LATEST_MS:
        raise _bad_time(number)
    if end < start:
        raise refused("backward", _("Line %(n)s of this transcript ends before it starts.") % {"n": number})


def _check_count(count: int) -> None:
    if count > MOST_LINES:
        raise refused("too-many-lines", _("This transcript has more than %(n)s lines.") % {"n": MOST_LINES})


def too_full(lines: Iterable[Line]) -> int | None:
    """The first minute, counted from 0, with more words than anybody can say in one; None where there is none."""
    said: Counter[int] = Counter()
    for line in lines:
        said[line.start_ms // 60_000] += max(len(line.text), sum(len(text) for *_times, text in line.words))
    return min((minute for minute, length in said.items() if length > MOST_A_MINUTE), default=None)


def too_full_sentence(minute: int) -> str:
    """What whoever sent such a transcript reads."""
    told = _("More is said in minute %(n)s of this transcript than anybody can say. Are its times right?")
    return told % {"n": minute + 1}


def plain(text: str) -> str:
    """Words only: no tags, entities as what they stand for, one space where there were many."""
    return spoken(html.unescape(_TAG.sub("", text)))


def spoken(text: str) -> str:
    """The same of what was typed, where `<` and `&` stand for themselves."""
    return _SPACE.sub(" ", readable(text)).strip()


def _with_speakers(cues: list[_Cue], agent_name: str) -> list[Line]:
    named = [_out_of_text(cue) for cue in cues]
    voices = {cue.voice.casefold() for cue in named if cue.voice}
    who: dict[str, Speaker] = {voice: _known(voice, agent_name) for voice in voices}
    unknown = [voice for voice, speaker in who.items() if not speaker]
    if len(voices) == 2 and len(unknown) == 1:
        # of two voices one is known: the other is the other
        who[unknown[0]] = "caller" if "agent" in who.values() else "agent"
    return [Line(c.start_ms, c.end_ms, who.get(c.voice.casefold(), ""), c.text, c.words) for c in named]


def _out_of_text(cue: _Cue) -> _Cue:
    """`Agent: Good morning` names its voice in the text."""
    match = _NAMED.fullmatch(cue.text) if not cue.voice else None
    if match is None or not _known(match[1].strip().casefold(), ""):
        return cue
    return replace(cue, voice=match[1].strip(), text=match[2].strip())


def _known(voice: str, agent_name: str) -> Speaker:
    name = agent_name.casefold().strip()
    if voice in AGENTS or (name and (voice == name or voice == name.split()[0])):
        return "agent"
    return "caller" if voice in CALLERS else ""


def in_order(lines: Iterable[Line]) -> list[Line]:
    """Lines by their start; where a voice overlaps itself, its earlier line ends where the later one begins."""
    ordered = sorted(lines, key=lambda line: (line.start_ms, line.end_ms))
    last: dict[Speaker, int] = {}
    for index, line in enumerate(ordered):
        before = last.get(line.speaker)
        if before is not None and ordered[before].end_ms > line.start_ms:
            ordered[before] = replace(ordered[before], end_ms=line.start_ms)
        last[line.speaker] = index
    return ordered
