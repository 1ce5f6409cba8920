"""Which words of a transcript a clip may keep, and where words without times may be heard. Pure: no I/O.

Invariant: no word that a redaction may cover, and no word from outside the clip's range, is in its transcript. Where
the transcript has no word times, positions are guesses, so more is removed rather than less.
"""

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from trainer.calls import personal_data
from trainer.clips.arithmetic import REMOVED, Cut, Line, Span
from trainer.words import Turn


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
    return _from_guessed_words(turn.text, whole, window, touching)


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
    words = guessed_words(text, whole)
    inside = [window.holds((word.span.start_ms + word.span.end_ms) // 2) for word in words]
    removed = [any(cut.overlaps(word.near) for cut in cuts) for word in words]
    if any(removed):
        # Digits take longer to say than to write, and where they stand is a guess: none of the turn's survive.
        removed = [
            gone or bool(_DIGIT.search(text[word.start : word.end]))
            for gone, word in zip(removed, words, strict=True)
        ]
        _spread(removed, [word.thing for word in words])
    pieces: list[str] = []
    run_start: int | None = None
    run_end = 0
    for word, keep_in, gone in zip(words, inside, removed, strict=True):
        if keep_in and not gone:
            run_start = word.start if run_start is None else run_start
            run_end = word.end
            continue
        if run_start is not None:
            pieces.append(text[run_start:run_end].strip())
            run_start = None
        if keep_in and pieces[-1:] != [REMOVED]:
            pieces.append(REMOVED)
    if run_start is not None:
        pieces.append(text[run_start:run_end].strip())
    return _joined(pieces)


def _spread(removed: list[bool], things: Sequence[int | None]) -> None:
    """Removal goes on, both ways, over neighbours that belong to the same thing: nothing is left half."""
    order = range(1, len(removed))
    for here, before in [*((i, i - 1) for i in order), *((i - 1, i) for i in reversed(order))]:
        same = things[here] is not None and things[here] == things[before]
        removed[here] = removed[here] or (removed[before] and same)


@dataclass(frozen=True, slots=True)
class Guessed:
    """A word (Han: a character) of a text without word times: [start, end) in the text, and where it may be heard.

    `near`: a redaction that touches it takes the word along. `thing`: one number for all words of what looks like
    personal data, which leave together.
    """

    start: int
    end: int
    span: Span
    near: Span
    thing: int | None


def guessed_words(text: str, whole: Span) -> list[Guessed]:
    """The words of a turn whose time alone is known.

    An ordinary word leaves with a redaction of itself or of its neighbour. What may be personal data leaves with any
    that is as near as the guess may be wrong: whoever drew it by ear heard the word where it really was.
    """
    tokens = list(placed_tokens(text, whole))
    things = _things(text, [(start, end) for start, end, _span in tokens])
    margin = margin_ms(whole)
    words: list[Guessed] = []
    for index, (start, end, span) in enumerate(tokens):
        if things[index] is not None or _is_named(text, start):
            near = span.widened(margin)
        else:
            # a Chinese word is two characters, most often
            by = 2 if _is_han(text[start]) else 1
            before, behind = tokens[max(0, index - by)][2], tokens[min(len(tokens) - 1, index + by)][2]
            near = Span(before.start_ms, behind.end_ms)
        words.append(Guessed(start, end, span, near.within(whole), things[index]))
    return words


def _things(text: str, places: Sequence[tuple[int, int]]) -> list[int | None]:
    """For each word of a text, which of the numbers, names, addresses … in it it belongs to."""
    words = [text[start:end] for start, end in places]
    things: list[int | None] = []
    for index, word in enumerate(words):
        number = bool(_NUMBER_WORD.fullmatch(word) or _DIGIT.search(word))
        goes_on = number and index > 0 and things[-1] is not None
        things.append((things[-1] if goes_on else index) if number else None)
    turn = _Typed(0, 0, "", text)
    for found in personal_data.find([turn]):
        for piece in found.pieces:
            first = bisect_right(places, piece.start, key=lambda place: place[1])
            behind = bisect_left(places, piece.end, key=lambda place: place[0])
            if first >= behind:
                continue
            # a number that the thing begins or ends with is one with it, to its end
            began, ended = things[first], things[behind - 1]
            while first > 0 and began is not None and things[first - 1] == began:
                first -= 1
            while behind < len(things) and ended is not None and things[behind] == ended:
                behind += 1
            things[first:behind] = [first] * (behind - first)
    return things


def _is_named(text: str, start: int) -> bool:
    """A capital in mid-sentence may begin a name."""
    before = text[:start].rstrip()
    return (
        text[start].isupper()
        and bool(before)
        and before[-1] not in ".!?"
        and text[start : start + 2].strip() != "I"
    )


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
