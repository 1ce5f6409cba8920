"""Clip arithmetic: spans of time and redactions. Pure: no I/O.

Two clocks are in use and every name says which: *recording* time counts from the start of the call, *clip*
time from the start of the clip. All times are integer milliseconds; a span ends before `end_ms`.
Invariant: what is limited or joined here covers the same moments as before, never fewer.
"""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

from trainer.calls.captions import web_vtt as web_vtt
from trainer.calls.lines import clock as clock
from trainer.calls.lines import parse_clock as parse_clock

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
