"""From words that look like personal data to spans of the call that hide them. Pure: no I/O.

Invariant: once the spans of a suggestion are redacted, none of its words is left in a clip's transcript; the same
arithmetic places words here and removes them there.
"""

import hashlib
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

from trainer.calls import personal_data
from trainer.calls.searched_lines import Kind, Piece
from trainer.calls.spoken_numbers import plain
from trainer.clips.arithmetic import Cut, Line, Span
from trainer.clips.kept_words import guessed_words
from trainer.words import Turn

# Word times of recognisers come late, and nobody can cut between two digits.
PAD_MS = 300


@dataclass(frozen=True, slots=True)
class Part:
    """A word to hide, in the recording. `near` is where a redaction has to touch when the word's place is a guess."""

    span: Span
    near: Span | None = None

    def within(self, window: Span) -> "Part | None":
        """The part of it that a clip of this range may let one hear; None when it is out of reach."""
        if self.near is not None:
            return self if self.near.overlaps(window) else None
        inside = self.span.within(window)
        return Part(inside) if inside.length_ms else None

    def covered_by(self, cuts: Sequence[Span]) -> bool:
        """Whether these spans, in order, hide it: a timed word wholly, a guessed one where it may be."""
        if self.near is not None:
            return any(cut.overlaps(self.near) for cut in cuts)
        at = self.span.start_ms
        for cut in cuts:
            if cut.start_ms <= at < cut.end_ms:
                at = cut.end_ms
        return at >= self.span.end_ms


@dataclass(frozen=True, slots=True)
class Suggestion:
    """Personal data said in a part of a call, once or more. `key` is the same wherever in the call it is asked for."""

    key: str
    kind: Kind
    words: tuple[str, ...]
    """As it stands in the lines; for those who may hear the call only."""
    parts: tuple[Part, ...]
    spans: tuple[Span, ...]
    """What to redact, in the recording, with a margin on both sides."""

    def covered_by(self, cuts: Iterable[Cut], window: Span) -> bool:
        """Whether a clip of this range with these redactions lets nobody hear or read it."""
        hidden = sorted(cut.span for cut in cuts)
        inside = [part for one in self.parts if (part := one.within(window)) is not None]
        return all(part.covered_by(hidden) for part in inside)


Words = Sequence[tuple[int, int, str]]


@dataclass(frozen=True)
class _Said:
    """A text, when it is spoken, and its words where their times are known: those of this very text."""

    speaker: str
    text: str
    whole: Span
    words: Words

    @cached_property
    def places(self) -> list[tuple[int, int, Part]]:
        """Where each word is spoken, or may be: (start and end in the text, part). Few lines are ever asked."""
        if self.words:
            return list(_timed(self.text, self.words))
        words = guessed_words(self.text, self.whole)
        return [(word.start, word.end, Part(word.span, word.near)) for word in words]


def suggest(
    sources: Iterable[Sequence[Turn]],
    window: Span,
    recording_ms: int,
    *,
    salt: str,
    names: Iterable[str] = (),
    exempt: Iterable[str] = (),
    language: str = "en",
) -> list[Suggestion]:
    """What may be personal data in a part of a call, in its order.

    `sources`: the call's own turns, and lines that were typed in their place. `salt` keeps the keys from being
    guessed by whoever has no access to the call.
    """
    names, exempt = list(names), list(exempt)
    groups: dict[str, list[tuple[Kind, str, list[list[Part]]]]] = {}
    for said in _views(sources):
        for found in personal_data.find(said, names=names, exempt=exempt, language=language):
            if not any(said[piece.line].whole.overlaps(window) for piece in found.pieces):
                continue
            pieces = [_parts(said[piece.line], piece) for piece in found.pieces]
            if any(part.within(window) for parts in pieces for part in parts):
                words = " … ".join(said[piece.line].text[piece.start : piece.end] for piece in found.pieces)
                key = _key(salt, found.kind, words)
                groups.setdefault(key, []).append((found.kind, words, pieces))
    made = [_suggestion(key, group, recording_ms) for key, group in groups.items()]
    return sorted(made, key=lambda one: (one.spans[0] if one.spans else Span(0, 0), one.kind))


def _suggestion(key: str, group: list[tuple[Kind, str, list[list[Part]]]], recording_ms: int) -> Suggestion:
    parts: dict[Part, None] = {}
    spans = []
    for _kind, _words, pieces in group:
        for piece in pieces:
            parts |= dict.fromkeys(piece)
            start = min((part.span.start_ms for part in piece), default=0)
            end = max((part.span.end_ms for part in piece), default=0)
            spans.append(Span(max(0, start - PAD_MS), min(recording_ms, end + PAD_MS)))
    words = tuple(dict.fromkeys(words for _kind, words, _pieces in group))
    whole = [part for part in parts if part.span.start_ms < recording_ms]
    return Suggestion(key, group[0][0], words, tuple(whole), tuple(_joined(spans)))


def _joined(spans: Iterable[Span]) -> list[Span]:
    """Spans in order, those that touch as one."""
    result: list[Span] = []
    for span in sorted(one for one in spans if one.length_ms > 0):
        if result and span.start_ms <= result[-1].end_ms:
            result[-1] = Span(result[-1].start_ms, max(result[-1].end_ms, span.end_ms))
        else:
            result.append(span)
    return result


def _key(salt: str, kind: str, words: str) -> str:
    said = "".join(character for character in plain(words).lower if character.isalnum())
    return hashlib.sha256(f"{salt}:{kind}:{said}".encode()).hexdigest()[:32]


def _views(sources: Iterable[Sequence[Turn]]) -> Iterable[list[_Said]]:
    """Each source as it is read, and once more as its timed words say it where these differ from its text."""
    for turns in sources:
        ordered = sorted(turns, key=lambda turn: (turn.start_ms, turn.end_ms))
        views = [_as_read(turn) for turn in ordered]
        yield [read for read, _heard in views]
        if any(heard is not read for read, heard in views):
            yield [heard for _read, heard in views]


def _as_read(turn: Turn) -> tuple[_Said, _Said]:
    """A turn's text, and what its timed words say where they are not the words of the text."""
    words = [(start, end, text.strip()) for start, end, text in turn.words if text.strip()]
    whole = Span(
        min([turn.start_ms, *(start for start, _end, _word in words)]),
        max([turn.end_ms, *(max(end, start + 1) for start, end, _word in words)]),
    )
    if not words or _bare("".join(word for _start, _end, word in words)) == _bare(turn.text):
        read = _Said(turn.speaker, turn.text, whole, words)
        return read, read
    text = ""
    for _start, _end, word in words:
        close = text and text[-1] > "\u3000" and word[0] > "\u3000"
        text += word if close or not text else f" {word}"
    return _Said(turn.speaker, turn.text, whole, ()), _Said(turn.speaker, text, whole, words)


def _bare(text: str) -> str:
    return "".join(text.split())


def _timed(text: str, words: Words) -> Iterable[tuple[int, int, Part]]:
    """Where each timed word stands in the text, which differs from them in its spaces alone."""
    at = 0
    for start, end, word in words:
        begin = None
        for character in _bare(word):
            while text[at].isspace():
                at += 1
            assert text[at] == character
            begin = at if begin is None else begin
            at += 1
        if begin is not None:
            yield begin, at, Part(Span(start, max(end, start + 1)))


def _parts(said: _Said, piece: Piece) -> list[Part]:
    # places stand in the order of the text
    first = bisect_right(said.places, piece.start, key=lambda place: place[1])
    behind = bisect_left(said.places, piece.end, key=lambda place: place[0])
    return [part for _start, _end, part in said.places[first:behind]]


def as_turns(lines: Iterable[Line]) -> list["TypedTurn"]:
    """Typed lines (in the recording) as turns without timed words."""
    return [TypedTurn(line.start_ms, line.end_ms, line.speaker, line.text) for line in lines]


@dataclass(frozen=True, slots=True)
class TypedTurn:
    """A line that somebody typed."""

    start_ms: int
    end_ms: int
    speaker: str
    text: str
    words: tuple[tuple[int, int, str], ...] = ()
