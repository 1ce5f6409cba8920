"""Words with their times as files that other programs read: WebVTT, SRT and JSON segments. Pure: no I/O.

For calls and clips alike. What `transcripts.read_transcript` reads back is the same words, times and speakers.
Invariant: no word of a transcript can end its cue, begin another one, or be markup.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from trainer.words import Spoken

VOICES = {"agent": "Agent", "caller": "Caller"}


@dataclass(frozen=True, slots=True)
class Format:
    """One kind of file: how it is made and what it is called."""

    suffix: str
    name: str
    content_type: str
    write: Callable[[Iterable[Spoken]], str]


def web_vtt(lines: Iterable[Spoken]) -> str:
    """As WebVTT, who speaks as a voice tag."""
    blocks = ["WEBVTT"]
    for line in lines:
        voice = f"<v {line.speaker}>" if line.speaker else ""
        blocks.append(f"{_times(line, '.')}\n{voice}{_escaped(line.text)}")
    return "\n\n".join(blocks) + "\n"


def sub_rip(lines: Iterable[Spoken]) -> str:
    """As SRT, who speaks before what they say. It knows no voices, and reads `<` as markup as WebVTT does."""
    blocks = []
    for number, line in enumerate(lines, start=1):
        voice = f"{VOICES[line.speaker]}: " if line.speaker in VOICES else ""
        blocks.append(f"{number}\n{_times(line, ',')}\n{voice}{_escaped(line.text)}\n")
    return "\n".join(blocks)


def json_segments(lines: Iterable[Spoken]) -> str:
    """As JSON: `{"segments": [{start_ms, end_ms, speaker, text, words: [[start_ms, end_ms, text], …]}]}`."""
    return msgspec.json.encode({"segments": [as_dict(line) for line in lines]}).decode()


def as_dict(line: Spoken) -> dict[str, Any]:
    """One line in JSON; `words` is empty where only the line has times."""
    words: Sequence[Any] = getattr(line, "words", ())
    return {
        "start_ms": line.start_ms,
        "end_ms": line.end_ms,
        "speaker": line.speaker,
        "text": line.text,
        "words": [list(word) for word in words],
    }


FORMATS = {
    kind.suffix: kind
    for kind in (
        Format("vtt", "WebVTT", "text/vtt; charset=utf-8", web_vtt),
        Format("srt", "SRT", "application/x-subrip; charset=utf-8", sub_rip),
        Format("json", "JSON", "application/json", json_segments),
    )
}


def _times(line: Spoken, point: str) -> str:
    # a cue without length is shown by no player
    return f"{_clock(line.start_ms, point)} --> {_clock(max(line.end_ms, line.start_ms + 1), point)}"


def _clock(ms: int, point: str) -> str:
    return f"{ms // 3_600_000:02}:{ms // 60_000 % 60:02}:{ms // 1000 % 60:02}{point}{ms % 1000:03}"


def _escaped(text: str) -> str:
    one_line = " ".join(text.split())
    return one_line.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
