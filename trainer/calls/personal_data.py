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
    A_MONTH,
    A_WORD,
    ADDRESSES,
    CONTEXTS,
    DATES,
    EMAIL,
    EMAIL_DOMAIN,
    EMAIL_SIGN,
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
# of Chinese identity numbers
_CHECK_LETTER = re.compile(r"[ -]?x\b")
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
    call = _Call([plain(line.text) for line in lines], language)
    voices = {line.speaker for line in lines}
    streams = [_Stream(call, [i for i, line in enumerate(lines) if line.speaker == who]) for who in voices]
    own = _folded(exempt)
    wanted = _Names(_folded(names) - own)
    agents = {i for i, line in enumerate(lines) if line.speaker == "agent"}
    year = (today or date.today()).year  # noqa: DTZ011 - a year is all that is asked
    found: list[Found] = []
    for stream in streams:
        found += _numbers(stream)
        found += _emails(stream)
        found += _birth_dates(stream, year)
        found += _addresses(stream)
        found += _names(stream, wanted, own, agent=stream.lines[0] in agents)
    if len(streams) > 1:
        everybody = _Stream(call, list(range(len(lines))))
        found += [one for one in _numbers(everybody) if one.kind == "card"]
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


class _Call:
    """The lines of all voices as they are searched, and what was talked of in each."""

    def __init__(self, texts: Sequence[Plain], language: str) -> None:
        self.texts, self.language = texts, language
        self._topics: dict[int, list[tuple[int, int, int]]] = {}
        self._rings: dict[str, bool] = {}

    def topics(self, line: int) -> list[tuple[int, int, int]]:
        """The words of a line that tell of a kind: (start, end, place of the kind in CONTEXTS)."""
        if line not in self._topics:
            self._topics[line] = [
                (*match.span(), kind)
                for kind, (ahead, _behind) in enumerate(CONTEXTS.values())
                for match in ahead.finditer(self.texts[line].lower)
            ]
        return self._topics[line]

    def about(self, line: int, start: int, end: int) -> str | None:
        """Of which kind of number was talked last before [start, end) of a line; what comes right after comes first."""
        text = self.texts[line].lower
        for kind, (_ahead, behind) in CONTEXTS.items():
            if behind is not None and behind.match(text, end):
                return kind
        reach = _CONTEXT
        for earlier in range(line, max(-1, line - _LINES_BEFORE - 1), -1):
            place = start if earlier == line else len(self.texts[earlier].lower)
            said = [
                (min(ended, place), -kind)
                for began, ended, kind in self.topics(earlier)
                if place - reach <= began < place
            ]
            if said:
                return list(CONTEXTS)[-max(said)[1]]
            reach -= place
            if reach <= 0:
                break
        return None

    def rings(self, digits: str) -> bool:
        """Whether it is a telephone number of one of the likely countries."""
        if digits not in self._rings:
            self._rings[digits] = _rings(digits, self.language)
        return self._rings[digits]


class _Stream:
    """Lines in one text, so that what goes on in the next line is found, and the way back to the lines."""

    def __init__(self, call: _Call, lines: Sequence[int]) -> None:
        self.call, self.texts, self.lines = call, call.texts, lines
        texts = call.texts
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

    def about(self, start: int, end: int) -> str | None:
        """Which kind of number was talked of by anybody before [start, end) of this stream, or right after."""
        line, place = self.place(start)
        return self.call.about(line, place, place + end - start)


# Numbers


def _numbers(stream: _Stream) -> Iterator[Found]:
    for run in stream.runs:
        kind = _kind(run, stream)
        if kind is not None:
            end = run.end
            if kind in ("card", "number") and (letter := _CHECK_LETTER.match(stream.lower, end)):
                end = letter.end()
            yield stream.found(kind, [*run.parts, (run.parts[-1][0], end)])


def _kind(run: Run, stream: _Stream) -> Kind | None:
    """What a run of digits is, from its length and the nearest word that tells."""
    count = len(run.digits)
    if count >= CARD_DIGITS:
        return "card"
    if count < 3:
        return None
    about = stream.about(run.start, run.end)
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
    return "phone" if plus or stream.call.rings(run.digits) else "number"


def _only_figures(run: Run, written: str) -> bool:
    """Years, times, decimals, dates and thousands, one after the other, are no phone number."""
    years = [run.digits[at : at + 4] for at in range(0, len(run.digits), 4)]
    if all(len(year) == 4 and "1900" <= year < "2100" for year in years):
        return True
    pieces = [piece for piece in re.split(r"[\s、，]+|,\s|\b[a-z]+\b", written) if re.search(r"\d", piece)]
    return bool(pieces) and all(PLAIN_FIGURES.fullmatch(piece.strip(".,;:!?")) for piece in pieces)


_MONEY_BEFORE = re.compile(r"[$€£¥]\s?$")
_MONEY_AFTER = re.compile(
    r"\s*(?:[$€£¥%]|dollars|pounds|euros?|bucks|yuan|rmb|usd|eur|gbp|元|块|塊|percent|per cent)"
)


def _money_around(stream: _Stream, run: Run) -> bool:
    before = stream.lower[max(0, run.start - 2) : run.start]
    return bool(_MONEY_BEFORE.search(before) or _MONEY_AFTER.match(stream.lower, run.end))


def _rings(digits: str, language: str) -> bool:
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
    done = 0
    for sign in EMAIL_SIGN.finditer(stream.lower):
        # cheap first: few that are "at" something are at a domain
        if sign.start() < done or not EMAIL_DOMAIN.match(stream.lower, sign.end()):
            continue
        match = EMAIL.search(stream.lower, max(done, sign.start() - _CONTEXT), sign.end() + _CONTEXT)
        if match is None:
            continue
        done = match.end()
        local = match["local"].split()
        if match["sign"].strip() != "@" and local and local[-1] in LEFT_OF_AT:
            continue
        # "my email is john smith at …": all after the telling word belongs to it
        told = EMAIL_TOLD.search(stream.lower[max(0, match.start() - _CONTEXT) : match.start()])
        yield stream.found("email", [(match.start() - (len(told["rest"]) if told else 0), match.end())])


def _birth_dates(stream: _Stream, year: int) -> Iterator[Found]:
    for match in _dates(stream.lower):
        said = next((value for value in match.groupdict().values() if value), "")
        asked = stream.about(*match.span()) == "birth_date"
        if asked or _of_a_life(said, year):
            yield stream.found("birth_date", [match.span()])
    for run in stream.runs:
        # "the twelfth, three, eighty five", "120385": only an answer to the question
        if 3 <= len(run.digits) <= 8 and stream.about(run.start, run.end) == "birth_date":
            line, _place = stream.place(run.start)
            yield stream.found("birth_date", [part for part in run.parts if stream.place(part[0])[0] == line])


def _dates(lower: str) -> Iterator[re.Match[str]]:
    for month in A_MONTH.finditer(lower):
        yield from DATES.finditer(lower, max(0, month.start() - _STRETCH), month.end() + _STRETCH)
    yield from NUMERIC_DATE.finditer(lower)


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


class _Names:
    """A list of names, looked for all at once: thousands of them may be asked for in thousands of lines."""

    def __init__(self, names: Iterable[str]) -> None:
        self.begin: dict[str, list[re.Pattern[str]]] = defaultdict(list)
        for name in sorted(names, key=len, reverse=True):
            if first := A_WORD.search(name):
                self.begin[first[0]].append(re.compile(_as_said(name[first.start() :])))

    def found(self, lower: str) -> Iterator[tuple[int, int]]:
        """Where one of them stands, the longest where several begin."""
        for word in A_WORD.finditer(lower) if self.begin else ():
            for name in self.begin.get(word[0], ()):
                if match := name.match(lower, word.start()):
                    yield match.span()
                    break


def _names(stream: _Stream, names: _Names, own: frozenset[str], *, agent: bool) -> Iterator[Found]:
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
    for span in names.found(stream.lower):
        yield stream.found("name", [span])


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
