"""Personal data in what was said: cards, codes, numbers, phones, e-mails, dates of birth, names, addresses. Pure.

It only suggests, and people decide. So it rather suggests too much where a miss would put a caller's card into a
training clip, and asks for context where nearly all would be noise: a year, a sum, an order number are no secret.
Invariant: any 12 or more digits that one voice says, or that are said across voices, are a card, whatever stands
beside them (recognisers miscount: no checksum is asked for).
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import date

from trainer.calls.searched_lines import CONTEXT, KINDS, Call, Found, Kind, Piece, Spoken, Stream
from trainer.calls.spoken_numbers import Run, plain, runs
from trainer.calls.telling_words import (
    A_MONTH,
    A_WORD,
    ADDRESSES,
    DATES,
    EMAIL,
    EMAIL_DOMAIN,
    EMAIL_SIGN,
    EMAIL_TOLD,
    IN_AN_ADDRESS,
    LEFT_OF_AT,
    LETTERS_BEFORE,
    LETTERS_BEHIND,
    NAME_ANSWERED,
    NAME_ASKED,
    NAMED,
    NO_ANSWERS,
    NO_NAMES,
    NUMERIC_DATE,
    ORDINAL_DATE,
    PLAIN_FIGURES,
    SMALL_NAME_ANSWERED,
    SMALL_NAMED,
    SPELLED,
    SPOKEN_TIMES,
    TITLED,
)

CARD_DIGITS = 12
# of Chinese identity numbers
_CHECK_LETTER = re.compile(r"[ -]?x\b")
# Below, a birth date is rather an appointment; above, nobody is alive.
_YOUNGEST, _OLDEST = 12, 110


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
    call = Call([plain(line.text) for line in lines], language)
    voices = {line.speaker for line in lines}
    streams = [Stream(call, [i for i, line in enumerate(lines) if line.speaker == who]) for who in voices]
    own = _folded(exempt)
    wanted = _Names(_folded(names) - own)
    agents = {i for i, line in enumerate(lines) if line.speaker == "agent"}
    year = (today or date.today()).year  # noqa: DTZ011 - a year is all that is asked
    found: list[Found] = []
    for stream in streams:
        found += _numbers(stream)
        found += _spelled(stream)
        found += _emails(stream)
        found += _birth_dates(stream, year)
        found += _addresses(stream)
        found += _names(stream, wanted, own, agent=stream.lines[0] in agents)
    if len(streams) > 1:
        everybody = Stream(call, list(range(len(lines))))
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


# Numbers


def _numbers(stream: Stream) -> Iterator[Found]:
    for run in stream.runs:
        kind = _kind(run, stream)
        if kind is not None:
            start, end = run.start, run.end
            if kind in ("card", "number"):
                if letter := _CHECK_LETTER.match(stream.lower, end):
                    end = letter.end()
                if stream.about(run.start, run.end) == "number":
                    start, end = _with_letters(stream.cased, start, end)
            yield stream.found(kind, [(start, run.parts[0][1]), *run.parts, (run.parts[-1][0], end)])


def _with_letters(cased: str, start: int, end: int) -> tuple[int, int]:
    """A number with the capitals that are part of it."""
    before = LETTERS_BEFORE.search(cased, max(0, start - 16), start)
    behind = LETTERS_BEHIND.match(cased, end)
    return (before.start() if before else start), (behind.end() if behind else end)


def _spelled(stream: Stream) -> Iterator[Found]:
    for match in SPELLED.finditer(stream.lower):
        said = match[0].split()
        letters = [
            word
            for word in said
            if len(word.strip(",.-")) == 1 and word[0].isalpha() and word[0] not in "aio"
        ]
        if len(letters) > 1 and len(letters) < len(said) - 1:
            yield stream.found("number", [match.span()])


def _kind(run: Run, stream: Stream) -> Kind | None:
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
    if about == "birth_date" and count <= 8:
        return None  # a date, and found as one
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
    if SPOKEN_TIMES.fullmatch(written):
        return True
    pieces = [piece for piece in re.split(r"[\s、，]+|,\s|\b[a-z]+\b", written) if re.search(r"\d", piece)]
    return bool(pieces) and all(PLAIN_FIGURES.fullmatch(piece.strip(".,;:!?")) for piece in pieces)


_MONEY_BEFORE = re.compile(r"[$€£¥]\s?$")
_MONEY_AFTER = re.compile(
    r"\s*(?:[$€£¥%]|dollars|pounds|euros?|bucks|yuan|rmb|usd|eur|gbp|元|块|塊|percent|per cent)"
)


def _money_around(stream: Stream, run: Run) -> bool:
    before = stream.lower[max(0, run.start - 2) : run.start]
    return bool(_MONEY_BEFORE.search(before) or _MONEY_AFTER.match(stream.lower, run.end))


# Everything else


def _emails(stream: Stream) -> Iterator[Found]:
    done = 0
    for sign in EMAIL_SIGN.finditer(stream.lower):
        # cheap first: few that are "at" something are at a domain
        if sign.start() < done or not EMAIL_DOMAIN.match(stream.lower, sign.end()):
            continue
        match = EMAIL.search(stream.lower, max(done, sign.start() - CONTEXT), sign.end() + CONTEXT)
        if match is None:
            continue
        done = match.end()
        local = match["local"].split()
        if match["sign"].strip() != "@" and local and local[-1] in LEFT_OF_AT:
            continue
        # "my email is john smith at …": all after the telling word belongs to it
        told = EMAIL_TOLD.search(stream.lower[max(0, match.start() - CONTEXT) : match.start()])
        yield stream.found("email", [(match.start() - (len(told["rest"]) if told else 0), match.end())])


def _birth_dates(stream: Stream, year: int) -> Iterator[Found]:
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
    yield from ORDINAL_DATE.finditer(lower)


def _of_a_life(said: str, year: int) -> bool:
    found = runs(said)
    digits = found[0].digits if found else ""
    return len(digits) == 4 and year - _OLDEST <= int(digits) <= year - _YOUNGEST


def _addresses(stream: Stream) -> Iterator[Found]:
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


def _names(stream: Stream, names: _Names, own: frozenset[str], *, agent: bool) -> Iterator[Found]:
    """Names by how they are said, and those of the list. Who says "my name is" on the centre's side is no caller."""
    for pattern in TITLED if agent else (*NAMED, SMALL_NAMED, *TITLED):
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


def _answered_names(stream: Stream, own: frozenset[str]) -> Iterator[Found]:
    """Names at the beginning of a line, where somebody had just asked for one."""
    for index, line in enumerate(stream.lines):
        asked = stream.texts[line - 1].lower if line else ""
        if "?" not in asked and "？" not in asked and "please" not in asked and "请" not in asked:
            continue
        if not NAME_ASKED.search(asked):
            continue
        for pattern in (*NAME_ANSWERED, SMALL_NAME_ANSWERED):
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
