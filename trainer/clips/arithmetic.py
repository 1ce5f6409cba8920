"""Clip arithmetic: spans of time, redactions and which words of a transcript a clip may keep. Pure: no I/O.

Two clocks are in use and every name says which: *recording* time counts from the start of the call, *clip*
time from the start of the clip. All times are integer milliseconds; a span ends before `end_ms`.
Invariant: no word that a redaction may cover, and no word from outside the clip's range, is in its
transcript. Where the transcript has no word times, positions are guesses, so more is removed rather than
less.
"""

import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from trainer.calls.captions import web_vtt as web_vtt
from trainer.calls.lines import clock as clock
from trainer.calls.lines import parse_clock as parse_clock
from trainer.words import Turn as Turn

SHORTEST_MS = 300
LONGEST_MS = 120_000
REMOVED = "[removed]"

Mode = Literal["beep", "silence"]


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """A stretch of time, in either clock."""

    start_ms: int
    end_ms: int

    @property
    def length_ms(self) -> int:
        return self.end_ms - self.start_ms

    def overlaps(self, other: "Span") -> bool:
        """Whether they share any time."""
        return self.start_ms < other.end_ms and other.start_ms < self.end_ms

    def holds(self, ms: int) -> bool:
        """Whether a moment lies in it."""
        return self.start_ms <= ms < self.end_ms

    def widened(self, by_ms: int) -> "Span":
        """The span with a margin on both sides."""
        return Span(self.start_ms - by_ms, self.end_ms + by_ms)

    def within(self, window: "Span") -> "Span":
        """The part that lies in `window`; may be empty."""
        start = min(max(self.start_ms, window.start_ms), window.end_ms)
        return Span(start, max(start, min(self.end_ms, window.end_ms)))

    def since(self, origin_ms: int) -> "Span":
        """The same stretch on a clock that starts at `origin_ms`."""
        return Span(self.start_ms - origin_ms, self.end_ms - origin_ms)


@dataclass(frozen=True, slots=True, order=True)
class Cut:
    """A redaction: a span of the recording that is overwritten."""

    start_ms: int
    end_ms: int
    mode: Mode = "beep"

    @property
    def span(self) -> Span:
        return Span(self.start_ms, self.end_ms)

    def as_dict(self) -> dict[str, Any]:
        return {"start_ms": self.start_ms, "end_ms": self.end_ms, "mode": self.mode}


@dataclass(frozen=True, slots=True)
class Line:
    """One turn of a clip's transcript, in clip time."""

    start_ms: int
    end_ms: int
    speaker: str
    text: str

    def as_dict(self) -> dict[str, Any]:
        return {"start_ms": self.start_ms, "end_ms": self.end_ms, "speaker": self.speaker, "text": self.text}


def range_fault(start_ms: int, end_ms: int, recording_ms: int) -> tuple[str, str] | None:
    """What is wrong with a clip's range: (field, code), or None when it can be cut.

    Codes: negative, past-end, backward, too-short (under 300 ms), too-long (over 120 s).
    """
    if start_ms < 0:
        return "start_ms", "negative"
    if end_ms <= start_ms:
        return "end_ms", "backward"
    if end_ms > recording_ms:
        return "end_ms", "past-end"
    if end_ms - start_ms < SHORTEST_MS:
        return "end_ms", "too-short"
    if end_ms - start_ms > LONGEST_MS:
        return "end_ms", "too-long"
    return None


def tidy(cuts: Iterable[Cut], within: Span | None = None) -> list[Cut]:
    """Redactions in order, none touching another of its mode, none overlapping; limited to `within`.

    Where two modes overlap, the earlier one keeps its place and the later one begins after it: all of it
    stays covered.
    """
    result: list[Cut] = []
    for cut in sorted(cuts, key=lambda c: (c.start_ms, c.end_ms)):
        span = cut.span.within(within) if within else cut.span
        last = result[-1] if result else None
        if span.length_ms <= 0 or (last is not None and span.end_ms <= last.end_ms):
            continue
        if last is not None and span.start_ms <= last.end_ms:
            if last.mode == cut.mode:
                result[-1] = Cut(last.start_ms, span.end_ms, last.mode)
                continue
            span = Span(last.end_ms, span.end_ms)
        result.append(Cut(span.start_ms, span.end_ms, cut.mode))
    return result


def render_key(recording: str, sha256: str, window: Span, cuts: Iterable[Cut], settings: str) -> str:
    """The name of a clip's sound: a hash of all that shapes it, so that equal inputs are rendered once.

    The recording's id is part of it: erasing one call must never silence, nor leave, the sound of another.
    """
    shape = [
        recording,
        sha256,
        window.start_ms,
        window.end_ms,
        [[cut.start_ms, cut.end_ms, cut.mode] for cut in tidy(cuts, window)],
        settings,
    ]
    return hashlib.sha256(json.dumps(shape, separators=(",", ":")).encode()).hexdigest()


def about_key(render_key: str, polarity: str) -> str:
    """What the agent heard says yes to: this sound as this kind of example. Any other sound is asked about anew."""
    return hashlib.sha256(f"{render_key}:{polarity}".encode()).hexdigest()


def clip_transcript(turns: Iterable[Turn], window: Span, cuts: Iterable[Cut]) -> list[Line]:
    """The clip's own transcript, in clip time: words spoken in it, redacted ones replaced by a mark."""
    spans = [cut.span for cut in cuts]
    lines: list[Line] = []
    for turn in sorted(turns, key=lambda t: (t.start_ms, t.end_ms)):
        text = _kept_text(turn, window, spans)
        if text:
            place = Span(turn.start_ms, turn.end_ms).within(window).since(window.start_ms)
            if text == REMOVED and lines and (lines[-1].text, lines[-1].speaker) == (REMOVED, turn.speaker):
                place = Span(lines.pop().start_ms, place.end_ms)
            lines.append(Line(place.start_ms, place.end_ms, turn.speaker, text))
    return lines


@dataclass(frozen=True, slots=True)
class _Typed:
    """A typed line as a turn; its words have no times."""

    start_ms: int
    end_ms: int
    speaker: str
    text: str
    words: tuple[tuple[int, int, str], ...] = ()


def typed_transcript(lines: Iterable[Line], window: Span, cuts: Iterable[Cut]) -> list[Line]:
    """The transcript of a clip whose lines were typed (in recording time): redacted words leave these too.

    Where the person who typed has already written the mark for each redaction of a line, and no digit is left in
    it, the line stays as they wrote it: they heard where the words are, and the arithmetic would only guess.
    """
    cuts = list(cuts)
    result: list[Line] = []
    for line in lines:
        whole = Span(line.start_ms, line.end_ms)
        touching = [cut for cut in cuts if cut.span.overlaps(whole)]
        dealt_with = line.text.count(REMOVED) >= len(touching) and not _DIGIT.search(line.text)
        turn = _Typed(line.start_ms, line.end_ms, line.speaker, line.text)
        result += clip_transcript([turn], window, [] if dealt_with else touching)
    return result


def _kept_text(turn: Turn, window: Span, cuts: list[Span]) -> str:
    words = [word for word in turn.words if word[2].strip()]
    whole = Span(
        min([turn.start_ms, *(start for start, _end, _text in words)]),
        max([turn.end_ms, *(end for _start, end, _text in words)]),
    )
    if not whole.overlaps(window):
        return ""
    touching = [cut for cut in cuts if cut.overlaps(whole)]
    if not touching and whole.within(window) == whole:
        return turn.text.strip()
    if words:
        return _from_timed_words(words, window, touching)
    return _from_guessed_words(turn.text, whole, window, [cut.widened(margin_ms(whole)) for cut in touching])


def _from_timed_words(words: Sequence[tuple[int, int, str]], window: Span, cuts: list[Span]) -> str:
    pieces: list[str] = []
    for start, end, text in words:
        # a word without length still stands at one moment
        span = Span(start, max(end, start + 1))
        if not window.holds((span.start_ms + span.end_ms) // 2):
            continue
        if any(cut.overlaps(span) for cut in cuts):
            if pieces[-1:] != [REMOVED]:
                pieces.append(REMOVED)
        else:
            pieces.append(text.strip())
    return _joined(pieces)


def _from_guessed_words(text: str, whole: Span, window: Span, cuts: list[Span]) -> str:
    tokens = list(placed_tokens(text, whole))
    inside = [window.holds((span.start_ms + span.end_ms) // 2) for _start, _end, span in tokens]
    removed = [any(cut.overlaps(span) for cut in cuts) for _start, _end, span in tokens]
    if any(removed):
        # Digits take longer to say than to write, and where they stand is a guess: none of the turn's
        # survive, and a number in words is removed to both its ends.
        spoken = [text[start:end] for start, end, _span in tokens]
        removed = [gone or bool(_DIGIT.search(word)) for gone, word in zip(removed, spoken, strict=True)]
        _spread(removed, [bool(_NUMBER_WORD.fullmatch(word)) for word in spoken])
    pieces: list[str] = []
    run_start: int | None = None
    run_end = 0
    for (start, end, _span), keep_in, gone in zip(tokens, inside, removed, strict=True):
        if keep_in and not gone:
            run_start = start if run_start is None else run_start
            run_end = end
            continue
        if run_start is not None:
            pieces.append(text[run_start:run_end].strip())
            run_start = None
        if keep_in and pieces[-1:] != [REMOVED]:
            pieces.append(REMOVED)
    if run_start is not None:
        pieces.append(text[run_start:run_end].strip())
    return _joined(pieces)


def _spread(removed: list[bool], may_spread: list[bool]) -> None:
    """Removal goes on, both ways, over neighbours that belong to the same number."""
    order = range(1, len(removed))
    for here, before in [*((i, i - 1) for i in order), *((i - 1, i) for i in reversed(order))]:
        removed[here] = removed[here] or (removed[before] and may_spread[here])


_HAN = "\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff\uff00-\uffef\u3000-\u303f"
_TOKEN = re.compile(rf"[{_HAN}]|[^\s{_HAN}]+")
_DIGIT = re.compile(r"\d")
_NUMBER_WORD = re.compile(
    r"[零〇一二三四五六七八九十百千两]|(?:\d+|oh|zero|double|triple"
    r"|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve"
    r"|thirteen|fourteen|fifteen|sixteen|seventeen|eighteen|nineteen"
    r"|twenty|thirty|forty|fifty|sixty|seventy|eighty|ninety|hundred|thousand)"
    r"(?:-\w+)*[.,;:!?]*",
    re.IGNORECASE,
)


def placed_tokens(text: str, whole: Span) -> Iterator[tuple[int, int, Span]]:
    """Each word (Han: each character) as (start and end in the text, guessed span)."""
    found = [(match.start(), match.end()) for match in _TOKEN.finditer(text)]
    weights = [1 + sum(_weight(c) for c in text[start:end]) for start, end in found]
    total, past = sum(weights), 0
    for (start, end), weight in zip(found, weights, strict=True):
        from_ms = whole.start_ms + whole.length_ms * past // total
        past += weight
        yield start, end, Span(from_ms, max(from_ms + 1, whole.start_ms + whole.length_ms * past // total))


def _weight(character: str) -> int:
    """How long a character takes to say, in Latin letters: Han and digits are a syllable or more."""
    return 5 if character.isdigit() or ord(character) > 0x3000 else 1


def margin_ms(whole: Span) -> int:
    """How far a guessed position may be off."""
    return max(700, whole.length_ms * 15 // 100)


def _joined(pieces: list[str]) -> str:
    """Words with spaces between them, none between two Han characters; nothing when no word was left."""
    text = ""
    for piece in pieces:
        close = text and _is_han(text[-1]) and _is_han(piece[0])
        text += piece if close or not text else f" {piece}"
    return text


def _is_han(character: str) -> bool:
    return bool(re.match(rf"[{_HAN}]", character))


def spoken_words(turn: Turn) -> tuple[list[tuple[int, int, str]], bool]:
    """The words of a turn with their times, and whether those are only guessed."""
    words = [(start, end, text) for start, end, text in turn.words if text.strip()]
    if words:
        return words, False
    tokens = placed_tokens(turn.text, Span(turn.start_ms, turn.end_ms))
    return [(span.start_ms, span.end_ms, turn.text[start:end]) for start, end, span in tokens], True
