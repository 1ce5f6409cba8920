"""Correcting the lines of a call's transcript. Pure: no I/O; times are milliseconds of the recording.

A word that is left as it was keeps its own time; one that was corrected shares the time of what stood in its
place. Where there is no room for what was typed, or a figure was typed, the line loses its word times: clips then
guess carefully and cover more, as a word time that is wrong would leave a redacted word to be read.
Invariant: a word time is one that was measured, or lies between two that were.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate

from trainer.calls.transcripts import (
    LATEST_MS,
    LONGEST_LINE,
    MOST_LINES,
    Line,
    Speaker,
    Word,
    in_order,
    spoken,
    too_full,
    too_full_sentence,
)
from trainer.problems import FieldError, Invalid
from trainer.web.i18n import _
from trainer.words import Effort, Opcode, differences

SPEAKERS: tuple[Speaker, ...] = ("agent", "caller", "")
SHORTEST_MS = 50
# Quicker than this for a letter nobody speaks: what was typed cannot all have been said in that time.
LETTER_MS = 25
LETTER_OF_HAN_MS = 100

_HAN = "\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff"
_TOKEN = re.compile(rf"[{_HAN}]|[^\s{_HAN}]+")
_BARE = re.compile(r"[^\w]+")
_TYPED = re.compile(r"\s*([\d:.,]+)\s*[-–]\s*([\d:.,]+)\s*(agent|caller)?\s*:\s?(.*)")


@dataclass(frozen=True, slots=True)
class Splice:
    """`removed` lines from position `at` on give way to `lines`."""

    at: int
    removed: int
    lines: tuple[Line, ...]


def spliced(old: Sequence[Line], change: Splice, *, duration_ms: int) -> list[Line]:
    """The whole transcript after a change. Raises Invalid naming each line that cannot be so."""
    if not 0 <= change.at <= len(old) or not 0 <= change.removed <= len(old) - change.at:
        raise Invalid.field("lines", "outside", _("There are no such lines."))
    gone = old[change.at : change.at + change.removed]
    new = with_words(checked(change.lines, duration_ms), gone)
    return whole([*old[: change.at], *new, *old[change.at + change.removed :]])


def whole(lines: Iterable[Line]) -> list[Line]:
    """A whole transcript from lines in any order. Raises Invalid when there are too many, in all or in a minute."""
    ordered = in_order(lines)
    if len(ordered) > MOST_LINES:
        told = _("This transcript has more than %(n)s lines.")
        raise Invalid.field("lines", "too-many-lines", told % {"n": MOST_LINES})
    if (minute := too_full(ordered)) is not None:
        raise Invalid.field("lines", "too-full", too_full_sentence(minute))
    return ordered


def checked(lines: Iterable[Line], duration_ms: int) -> list[Line]:
    """Lines as people and programs send them, with plain text; those without a word are left out.

    Raises Invalid naming each line that cannot be so.
    """
    kept, wrong = [], []
    for number, line in enumerate(lines, start=1):
        clean = replace(line, text=spoken(line.text), words=tuple(_clean(line.words)))
        if not clean.text:
            continue
        if fault := _fault(clean, duration_ms):
            code, sentence = fault
            wrong.append(FieldError("lines", code, sentence % {"n": number, "most": LONGEST_LINE}))
        kept.append(clean)
    if wrong:
        raise Invalid(wrong[0].message, errors=wrong)
    return kept


def _fault(line: Line, duration_ms: int) -> tuple[str, str] | None:
    if not 0 <= line.start_ms < line.end_ms <= min(duration_ms, LATEST_MS):
        return "outside", _("Line %(n)s ends before it starts, or lies outside the call.")
    if line.speaker not in SPEAKERS:
        return "unknown", _("Line %(n)s is said by the agent, the caller, or nobody named.")
    if len(line.text) > LONGEST_LINE or len(line.words) > LONGEST_LINE:
        return "too-long", _("Line %(n)s has more than %(most)s characters. Split it first.")
    if any(not 0 <= start <= end <= LATEST_MS for start, end, _text in line.words):
        return "backward", _("A word of line %(n)s ends before it starts.")
    return None


def _clean(words: Iterable[Word]) -> Iterator[Word]:
    for start, end, text in words:
        if word := spoken(text):
            yield start, end, word


# Words and their times


def with_words(lines: Sequence[Line], before: Sequence[Line]) -> list[Line]:
    """Lines in place of those `before`, with the times of the words that these had.

    A line that brings words of its own, which fit its text, keeps them (an undo gives back what was).
    """
    known = [word for line in before for word in line.words]
    if not known or any(line.text.strip() and not line.words for line in before):
        # nothing to go by, or gaps of which nobody knows what was said in them
        return [line if _fits(line) else replace(line, words=()) for line in lines]
    tokens = [(index, token) for index, line in enumerate(lines) for token in _tokens(line.text)]
    old = [
        [((start, end), _bare(token)) for start, end, text in line.words for token in _tokens(text) or [text]]
        for line in before
    ]
    times = _aligned(
        [[bare for _time, bare in line] for line in old],
        [[_bare(token) for token in _tokens(line.text)] for line in lines],
        [time for line in old for time, _bare_one in line],
        (lines[0].start_ms, lines[-1].end_ms) if lines else (0, 0),
    )
    found: list[list[Word | None]] = [[] for _line in lines]
    for (index, text), time in zip(tokens, times, strict=True):
        found[index].append((*time, text) if time else None)
    return [line if _fits(line) else _timed(line, words) for line, words in zip(lines, found, strict=True)]


def _fits(line: Line) -> bool:
    if any(end <= line.start_ms or start >= line.end_ms or start < 0 for start, end, _text in line.words):
        return False
    said = "".join(_bare(text) for _start, _end, text in line.words)
    return bool(line.words) and said == "".join(_bare(token) for token in _tokens(line.text))


def _timed(line: Line, words: Sequence[Word | None]) -> Line:
    """The line with these words, joined as they stand in its text; without any where one has no certain time."""
    certain = [word for word in words if word is not None]
    outside = any(end <= line.start_ms or start >= line.end_ms for start, end, _text in certain)
    if len(certain) < len(words) or outside:
        return replace(line, words=())
    return replace(line, words=tuple(certain))


def _aligned(
    old: Sequence[Sequence[str]],
    new: Sequence[Sequence[str]],
    times: Sequence[tuple[int, int]],
    within: tuple[int, int],
) -> list[tuple[int, int] | None]:
    """For each new token its time: that of the old one, or a share of the gap; None where it has no room.

    `old` and `new` are tokens line by line, `times` those of all old tokens.
    """
    tokens = [token for line in new for token in line]
    found: list[tuple[int, int] | None] = [None] * len(tokens)
    for kind, a, b, c, d in _opcodes(old, new):
        if kind == "equal":
            found[c:d] = times[a:b]
        elif c < d and kind != "unknown":
            start = times[a][0] if a < b else times[a - 1][1] if a else within[0]
            end = times[b - 1][1] if a < b else times[b][0] if b < len(times) else within[1]
            found[c:d] = _shared(tokens[c:d], start, end)
    return found


def _opcodes(old: Sequence[Sequence[str]], new: Sequence[Sequence[str]]) -> Iterator[Opcode]:
    """What stayed, went and came, in tokens: lines that stayed first, then the words of the others.

    Everybody waits meanwhile. Where it would take too long, the part is `unknown`.
    """
    effort = Effort()
    from_old, from_new = ([*accumulate(map(len, lines), initial=0)] for lines in (old, new))
    olds, news = ([token for line in lines for token in line] for lines in (old, new))
    for kind, a, b, c, d in differences([tuple(line) for line in old], [tuple(line) for line in new], effort):
        a, b, c, d = from_old[a], from_old[b], from_new[c], from_new[d]
        if kind == "equal":
            yield kind, a, b, c, d
            continue
        yield from (
            (part, a + e, a + f, c + g, c + h)
            for part, e, f, g, h in differences(olds[a:b], news[c:d], effort)
        )


def _shared(tokens: Sequence[str], start: int, end: int) -> list[tuple[int, int] | None]:
    lengths = [_least_ms(token) for token in tokens]
    total = sum(lengths)
    if end - start < total or any(re.search(r"\d", token) for token in tokens):
        return [None] * len(tokens)
    shares: list[tuple[int, int] | None] = []
    past = 0
    for length in lengths:
        begins = start + (end - start) * past // total
        past += length
        shares.append((begins, start + (end - start) * past // total))
    return shares


def _least_ms(token: str) -> int:
    return sum(LETTER_OF_HAN_MS if ord(letter) > 0x3000 else LETTER_MS for letter in token) or LETTER_MS


def _tokens(text: str) -> list[str]:
    return _TOKEN.findall(text)


def _bare(token: str) -> str:
    return _BARE.sub("", token).casefold() or token


# Lines as text


def as_text(lines: Iterable[Line]) -> str:
    """The whole transcript to be typed into: `0:12.3 - 0:15.0 agent: Good morning.`, one a line."""
    return "\n".join(
        f"{clock(line.start_ms)} - {clock(line.end_ms)}{f' {line.speaker}' if line.speaker else ''}: {line.text}"
        for line in lines
    )


def from_text(text: str) -> list[Line]:
    """What was typed so. Raises Invalid (field `lines`) naming the first line that cannot be read."""
    lines = []
    for number, typed in enumerate(text.splitlines(), start=1):
        if not typed.strip():
            continue
        match = _TYPED.fullmatch(typed)
        start, end = (parse_clock(match[1]), parse_clock(match[2])) if match else (None, None)
        if match is None or start is None or end is None:
            told = _("Line %(n)s cannot be read. Write it like this: 0:12.3 - 0:15.0 agent: Good morning.")
            raise Invalid.field("lines", "unreadable", told % {"n": number})
        lines.append(Line(start, end, match[3] or "", match[4]))  # type: ignore[arg-type] # the pattern's words
    return lines


_CLOCK = re.compile(r"(?:(?:(\d{1,3}):)?(\d{1,4}):)?(\d{1,6})(?:[.,](\d{1,3}))?")


def parse_clock(text: str) -> int | None:
    """`33.5`, `0:33.5` or `1:02:03.25` as milliseconds; None when it is not a time."""
    match = _CLOCK.fullmatch(text.strip())
    if match is None:
        return None
    hours, minutes, seconds, fraction = match.groups()
    return ((int(hours or 0) * 60 + int(minutes or 0)) * 60 + int(seconds)) * 1000 + int(
        (fraction or "0").ljust(3, "0")
    )


def clock(ms: int) -> str:
    """Milliseconds as people type them, `1:02:03.25`; `parse_clock` gives the same back."""
    seconds, rest = divmod(ms, 1000)
    fraction = f"{rest:03}".rstrip("0") or "0"
    hours, minutes = seconds // 3600, seconds // 60 % 60
    if hours:
        return f"{hours}:{minutes:02}:{seconds % 60:02}.{fraction}"
    return f"{minutes}:{seconds % 60:02}.{fraction}"
