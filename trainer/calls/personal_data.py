"""Personal data in what was said: cards, codes, numbers, phones, e-mails, dates of birth, names, addresses. Pure.

It only suggests, and people decide. So it rather suggests too much where a miss would put a caller's card into a
training clip, and asks for context where nearly all would be noise: a year, a sum, an order number are no secret.
Invariant: any 12 or more digits that one voice says, or that are said across voices, are a card, whatever stands
beside them (recognisers miscount: no checksum is asked for).
"""

import re
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Literal, Protocol

from trainer.calls.spoken_numbers import Plain, Run, plain, runs
from trainer.calls.telling_words import (
    ADDRESSES,
    CONTEXTS,
    DATES,
    EMAIL,
    EMAIL_TOLD,
    IN_AN_ADDRESS,
    LEFT_OF_AT,
    NAME_ANSWERED,
    NAME_ASKED,
    NAMED,
    NO_ANSWERS,
    NO_NAMES,
    NUMERIC_DATE,
    PLAIN_FIGURES,
    TITLED,
)

Kind = Literal["card", "code", "number", "phone", "email", "birth_date", "name", "address"]
KINDS: tuple[Kind, ...] = ("card", "code", "number", "phone", "email", "birth_date", "name", "address")

CARD_DIGITS = 12
_CONTEXT = 160
_LINES_BEFORE = 2
# Whose phone numbers are tried, by the language of the call; the first ones are the likeliest.
_REGIONS = {"zh": ("CN", "TW", "HK", "SG"), "en": ("GB", "US", "AU", "IE", "IN", "NZ", "ZA", "SG", "PH")}
# Below, a birth date is rather an appointment; above, nobody is alive.
_YOUNGEST, _OLDEST = 12, 110


class Spoken(Protocol):
    """A line of a transcript. `speaker` tells voices apart; equal ones are one voice."""

    @property
    def speaker(self) -> str: ...
    @property
    def text(self) -> str: ...


@dataclass(frozen=True, slots=True, order=True)
class Piece:
    """A part of a line's text, characters [start, end)."""

    line: int
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Found:
    """Personal data, in one piece or, where it was said over several lines, in one for each line."""

    kind: Kind
    pieces: tuple[Piece, ...]


def find(
    lines: Sequence[Spoken],
    *,
    names: Iterable[str] = (),
    exempt: Iterable[str] = (),
    language: str = "en",
    today: date | None = None,
) -> list[Found]:
    """What in these lines (in the order of their time) looks like personal data, in that order, none twice.

    `names` are looked for as they are; `exempt` ones (the centre's own people) are no personal data of a caller.
    """
    texts = [plain(line.text) for line in lines]
    voices = {line.speaker for line in lines}
    streams = [_Stream(texts, [i for i, line in enumerate(lines) if line.speaker == who]) for who in voices]
    everybody = _Stream(texts, list(range(len(lines))))
    wanted, own = _folded(names), _folded(exempt)
    agents = {i for i, line in enumerate(lines) if line.speaker == "agent"}
    year = (today or date.today()).year  # noqa: DTZ011 - a year is all that is asked
    found: list[Found] = []
    for stream in streams:
        found += _numbers(stream, language)
        found += _emails(stream)
        found += _birth_dates(stream, year)
        found += _addresses(stream)
        found += _names(stream, wanted, own, agent=stream.lines[0] in agents)
    if len(streams) > 1:
        found += [one for one in _numbers(everybody, language) if one.kind == "card"]
    return _once(found)


def _folded(names: Iterable[str]) -> frozenset[str]:
    return frozenset(" ".join(plain(name).lower.split()) for name in names if name.strip())


_STRETCH = 100  # characters


def _once(found: list[Found]) -> list[Found]:
    """Without what is wholly inside of another, in order."""
    order = sorted(found, key=lambda one: (-_length(one), KINDS.index(one.kind)))
    kept: list[Found] = []
    near: dict[tuple[int, int], list[Found]] = defaultdict(list)  # by line and stretch: thousands may be kept
    for one in order:
        begin = one.pieces[0]
        if not any(
            all(any(_holds(big, piece) for big in other.pieces) for piece in one.pieces)
            for other in near[begin.line, begin.start // _STRETCH]
        ):
            kept.append(one)
            for piece in one.pieces:
                for stretch in range(piece.start // _STRETCH, piece.end // _STRETCH + 1):
                    near[piece.line, stretch].append(one)
    return sorted(kept, key=lambda one: (one.pieces[0], KINDS.index(one.kind)))


def _length(found: Found) -> int:
    return sum(piece.end - piece.start for piece in found.pieces)


def _holds(big: Piece, small: Piece) -> bool:
    return big.line == small.line and big.start <= small.start and small.end <= big.end


class _Stream:
    """Lines in one text, so that what goes on in the next line is found, and the way back to the lines."""

    def __init__(self, texts: Sequence[Plain], lines: Sequence[int]) -> None:
        self.texts, self.lines = texts, lines
        self.starts: list[int] = []
        at = 0
        for line in lines:
            self.starts.append(at)
            at += len(texts[line].lower) + 1
        self.lower = "\n".join(texts[line].lower for line in lines)
        self.cased = "\n".join(texts[line].cased for line in lines)
        self.runs = runs(self.lower)

    def place(self, at: int) -> tuple[int, int]:
        """The line, and the place in its plain text, of a place in the stream."""
        index = bisect_right(self.starts, at) - 1
        return self.lines[index], at - self.starts[index]

    def found(self, kind: Kind, spans: Iterable[tuple[int, int]]) -> Found:
        """Spans of the stream as pieces of the lines' own texts, one for each line."""
        ends: dict[int, tuple[int, int]] = {}
        for start, end in spans:
            for line, begin, stop in self._by_line(start, end):
                before = ends.get(line, (begin, stop))
                ends[line] = (min(before[0], begin), max(before[1], stop))
        pieces = []
        for line, (begin, stop) in sorted(ends.items()):
            pieces.append(Piece(line, *self.texts[line].back(begin, stop)))
        return Found(kind, tuple(pieces))

    def _by_line(self, start: int, end: int) -> Iterator[tuple[int, int, int]]:
        for index in range(max(0, bisect_right(self.starts, start) - 1), bisect_right(self.starts, end)):
            line = self.lines[index]
            begin = max(0, start - self.starts[index])
            stop = min(len(self.texts[line].lower), end - self.starts[index])
            if begin < stop and self.texts[line].lower[begin:stop].strip():
                yield line, begin, stop

    def before(self, at: int) -> str:
        """What all voices said shortly before a place of this stream: the line so far and the lines before."""
        line, place = self.place(at)
        earlier = " \n ".join(text.lower for text in self.texts[max(0, line - _LINES_BEFORE) : line])
        return f"{earlier} \n {self.texts[line].lower[:place]}"[-_CONTEXT:]

    def after(self, at: int) -> str:
        """What is said next in the same line."""
        line, place = self.place(at)
        return self.texts[line].lower[place : place + 24]


# Numbers


def _numbers(stream: _Stream, language: str) -> Iterator[Found]:
    for run in stream.runs:
        kind = _kind(run, stream, language)
        if kind is not None:
            end = run.end
            if kind in ("card", "number") and re.match(r"[ -]?x\b", stream.lower[end : end + 3]):
                end += (
                    len(stream.lower[end : end + 2].rstrip()) or 1
                )  # the check letter of Chinese identity numbers
            yield stream.found(kind, [*run.parts, (run.parts[-1][0], end)])


def _kind(run: Run, stream: _Stream, language: str) -> Kind | None:
    """What a run of digits is, from its length and the nearest word that tells."""
    count = len(run.digits)
    if count >= CARD_DIGITS:
        return "card"
    if count < 3:
        return None
    about = _about(stream.before(run.start), stream.after(run.end))
    if about == "code":
        return "code" if count <= 8 and not run.amount else None
    if about == "card":
        return "card" if count >= 6 else None
    if about == "number":
        return "number" if count >= 5 else None
    written = stream.lower[run.start : run.end]
    if about == "phone":
        return "phone" if count >= 6 else None
    if about == "order" or run.amount or count < 7 or _only_figures(run, written):
        return None
    if _money_around(stream, run):
        return None
    plus = stream.lower[max(0, run.start - 1) : run.start] == "+"
    return "phone" if plus or _rings(run.digits, language) else "number"


def _about(before: str, after: str) -> str | None:
    """Which kind of number was talked of last; what comes right after counts before that."""
    for kind, (_ahead, behind) in CONTEXTS.items():
        if behind is not None and behind.match(after):
            return kind
    nearest, place = None, -1
    for kind, (ahead, _behind) in CONTEXTS.items():
        for match in ahead.finditer(before):
            if match.end() > place:
                nearest, place = kind, match.end()
    return nearest


def _only_figures(run: Run, written: str) -> bool:
    """Years, times, decimals, dates and thousands, one after the other, are no phone number."""
    years = [run.digits[at : at + 4] for at in range(0, len(run.digits), 4)]
    if all(len(year) == 4 and "1900" <= year < "2100" for year in years):
        return True
    pieces = [piece for piece in re.split(r"[\s、，]+|,\s|\b[a-z]+\b", written) if re.search(r"\d", piece)]
    return bool(pieces) and all(PLAIN_FIGURES.fullmatch(piece.strip(".,;:!?")) for piece in pieces)


def _money_around(stream: _Stream, run: Run) -> bool:
    after = stream.lower[run.end : run.end + 12]
    before = stream.lower[max(0, run.start - 2) : run.start]
    return bool(re.search(r"[$€£¥]\s?$", before)) or bool(
        re.match(
            r"\s*(?:[$€£¥%]|dollars|pounds|euros?|bucks|yuan|rmb|usd|eur|gbp|元|块|塊|percent|per cent)",
            after,
        )
    )


def _rings(digits: str, language: str) -> bool:
    """Whether it is a telephone number of one of the likely countries."""
    import phonenumbers  # here: it costs memory, and most lines hold no such number

    for region in (*_REGIONS.get(language[:2], ()), *_REGIONS["en"]):
        try:
            if phonenumbers.is_valid_number(phonenumbers.parse(digits, region)):
                return True
        except phonenumbers.NumberParseException:
            continue
    return False


# Everything else


def _emails(stream: _Stream) -> Iterator[Found]:
    for match in EMAIL.finditer(stream.lower):
        local = match["local"].split()
        if match["sign"].strip() != "@" and local and local[-1] in LEFT_OF_AT:
            continue
        # "my email is john smith at …": all after the telling word belongs to it
        told = EMAIL_TOLD.search(stream.lower[max(0, match.start() - _CONTEXT) : match.start()])
        yield stream.found("email", [(match.start() - (len(told["rest"]) if told else 0), match.end())])


def _birth_dates(stream: _Stream, year: int) -> Iterator[Found]:
    for match in (*DATES.finditer(stream.lower), *NUMERIC_DATE.finditer(stream.lower)):
        said = next((value for value in match.groupdict().values() if value), "")
        asked = _about(stream.before(match.start()), stream.after(match.end())) == "birth_date"
        if asked or _of_a_life(said, year):
            yield stream.found("birth_date", [match.span()])
    for run in stream.runs:
        # "the twelfth, three, eighty five", "120385": only an answer to the question
        if 3 <= len(run.digits) <= 8 and _about(stream.before(run.start), "") == "birth_date":
            line, _place = stream.place(run.start)
            yield stream.found("birth_date", [part for part in run.parts if stream.place(part[0])[0] == line])


def _of_a_life(said: str, year: int) -> bool:
    found = runs(said)
    digits = found[0].digits if found else ""
    return len(digits) == 4 and year - _OLDEST <= int(digits) <= year - _YOUNGEST


def _addresses(stream: _Stream) -> Iterator[Found]:
    for pattern in ADDRESSES:
        for match in pattern.finditer(stream.cased):
            # "deliver it to the new flat" tells nobody where
            if IN_AN_ADDRESS.search(match["what"].lower()):
                yield stream.found("address", [match.span("what")])


def _names(stream: _Stream, names: frozenset[str], own: frozenset[str], *, agent: bool) -> Iterator[Found]:
    """Names by how they are said, and those of the list. Who says "my name is" on the centre's side is no caller."""
    for pattern in TITLED if agent else (*NAMED, *TITLED):
        for match in pattern.finditer(stream.cased):
            said = match["name"].lower()
            words = said.split()
            if (
                words
                and words[0] not in NO_NAMES
                and said not in own
                and not all(word in own for word in words)
            ):
                yield stream.found("name", [match.span("name")])
    yield from _answered_names(stream, own)
    listed = sorted((name for name in names if name not in own), key=len, reverse=True)
    if listed:
        for match in re.finditer("|".join(_as_said(name) for name in listed), stream.lower):
            yield stream.found("name", [match.span()])


def _answered_names(stream: _Stream, own: frozenset[str]) -> Iterator[Found]:
    """Names at the beginning of a line, where somebody had just asked for one."""
    for index, line in enumerate(stream.lines):
        asked = stream.texts[line - 1].lower if line else ""
        if "?" not in asked and "？" not in asked and "please" not in asked and "请" not in asked:
            continue
        if not NAME_ASKED.search(asked):
            continue
        for pattern in NAME_ANSWERED:
            match = pattern.match(stream.texts[line].cased)
            words = match["name"].lower().split() if match else []
            if (
                match
                and words[0] not in NO_ANSWERS
                and words[0] not in NO_NAMES
                and not own.issuperset(words)
            ):
                start = stream.starts[index]
                yield stream.found("name", [(start + match.start("name"), start + match.end("name"))])


def _as_said(name: str) -> str:
    """A name of the list as a pattern: whole words, whatever stands between them; Chinese has no words to be whole."""
    edge = "" if name[0] > "\u3000" else r"\b"
    return edge + r"\s+".join(map(re.escape, name.split())) + edge
