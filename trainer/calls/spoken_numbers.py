"""Numbers in a transcript, written or spoken, as runs of digits. Pure: no I/O.

People say the same card as "4111 1111", "four one double one", "四一一一", "four thousand one hundred and eleven",
and a transcriber writes any of these, in any digits that Unicode has, over several lines and with "um" in between.
Invariant: every word and figure that is a digit for certain is in a run; what may as well be a word of its own ("for",
"to") counts between digits alone.
"""

import re
import unicodedata
from dataclasses import dataclass, field
from functools import lru_cache
from typing import NamedTuple


def _words(text: str) -> list[str]:
    return text.split()


_UNITS = {
    word: digit
    for digit, words in {
        "0": "zero oh o nought naught null nil 零 〇 ○ 洞",
        "1": "one 一 幺 壹 弌",
        "2": "two 二 两 兩 贰 貳",
        "3": "three tree 三 叁 參",
        "4": "four fower 四 肆",
        "5": "five fife 五 伍",
        "6": "six 六 陆 陸",
        "7": "seven 七 柒 拐",
        "8": "eight 八 捌",
        "9": "nine niner 九 玖 勾",
    }.items()
    for word in words.split()
}
_TEENS = {
    word: 10 + n
    for n, word in enumerate(
        _words("ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen")
    )
}
_TENS = {
    word: 10 * n
    for n, word in enumerate(_words("twenty thirty forty fifty sixty seventy eighty ninety"), start=2)
} | {"fourty": 40, "ninty": 90}
_SCALES = {"hundred": 100, "thousand": 1000, "million": 10**6, "billion": 10**9, "grand": 1000}
_HAN_SCALES = {
    "十": 10, "拾": 10, "百": 100, "佰": 100, "千": 1000, "仟": 1000, "万": 10**4, "萬": 10**4, "亿": 10**8,
    "億": 10**8,
}  # fmt: skip
_REPEATS = {"double": 2, "dubble": 2, "triple": 3, "treble": 3, "thrice": 3, "quadruple": 4, "双": 2, "雙": 2}
_PLURALS = {
    "zeros": "0", "zeroes": "0", "ohs": "0", "noughts": "0", "ones": "1", "twos": "2", "threes": "3", "fours": "4",
    "fives": "5", "sixes": "6", "sevens": "7", "eights": "8", "nines": "9",
}  # fmt: skip
# What a recogniser writes for a digit, and what is a word of its own everywhere else.
_PERHAPS = {"to": "2", "too": "2", "for": "4", "ate": "8", "won": "1", "tree": "3", "sex": "6", "nein": "9"}
_AT_HOME_ALONE = {"oh", "o", "nil", "null", "tree", "洞", "拐", "勾", "双", "雙"}
# Between two digits these are breath, not an end.
_FILLERS = frozenset(
    _words(
        "um uh er erm ehm eh hm hmm mm mhm and then dash hyphen minus space dot point stroke slash comma"
        " next is yes yeah yep okay ok right so followed by it's its that's sorry please got the that go on ahead"
        " ready sure thank thanks you again no wait let me see number digits a"
    )
) | frozenset("嗯呃额啊哦喔噢唔那然后後是再对對好的杠横橫空格吧呢哎诶欸喂请請說说继续繼續了行可以稍等")
_MOST_FILLERS = 8

_SENTENCE_END = re.compile(r"[\n.!?。！？]")
_HAN = r"\u3007\u3400-\u9fff\u25cb"
_LETTER = rf"[^\W\d_{_HAN}]"
_TOKEN = re.compile(rf"\d+|[{_HAN}]|{_LETTER}+(?:['’]{_LETTER}+)?")
_STARTERS = {*_UNITS, *_TEENS, *_TENS, *_HAN_SCALES, *_REPEATS}
_BEGINS = re.compile(
    rf"\d|[{''.join(sorted(word for word in _STARTERS if not word.isascii()))}]"
    rf"|(?<!{_LETTER})(?:{'|'.join(sorted(word for word in _STARTERS if word.isascii()))})(?!{_LETTER})"
)
_LONGEST_HAN = 24


@dataclass(frozen=True, slots=True)
class Plain:
    """A text as it is searched: one form for each letter and digit, and from where in the text each one came.

    `cased` keeps capitals; `lower` has the same length.
    """

    cased: str
    lower: str
    origin: tuple[int, ...] | None
    """None where each character stands at its own place."""

    def back(self, start: int, end: int) -> tuple[int, int]:
        """Where a part of it stood in the text: start and end."""
        return (start, end) if self.origin is None else (self.origin[start], self.origin[end - 1] + 1)


def plain(text: str) -> Plain:
    """Full-width, circled and foreign digits become 0 to 9; what nobody sees is gone."""
    if text.isascii():
        return Plain(text, text.lower(), None)
    folded = [_folded(character) for character in text]
    cased, lower = "".join(one[0] for one in folded), "".join(one[1] for one in folded)
    if all(len(one[0]) == 1 for one in folded):
        return Plain(cased, lower, None)
    return Plain(cased, lower, tuple(at for at, one in enumerate(folded) for _character in one[0]))


@lru_cache(maxsize=8192)
def _folded(character: str) -> tuple[str, str]:
    """A character as it is searched, with and without capitals; both of one length, which may be none."""
    cased, lower = "", ""
    for one in unicodedata.normalize("NFKC", character):
        digit = unicodedata.decimal(one, None)
        if digit is None and unicodedata.category(one) in ("Cf", "Mn"):
            continue
        shown = one if digit is None else str(digit)
        small = shown.lower()
        cased += shown
        lower += small if len(small) == 1 else shown
    return cased, lower


@dataclass(slots=True)
class Run:
    """Digits that belong together: where they stand in the plain text, what they are, how they were put.

    `parts` are the places of the words and figures alone, without what stood between them.
    """

    start: int
    end: int
    digits: str
    parts: list[tuple[int, int]] = field(default_factory=list)
    amount: bool = False
    """Said with hundreds and thousands, as sums are and card numbers are not."""


class _Token(NamedTuple):
    start: int
    end: int
    text: str


def runs(lower: str) -> list[Run]:
    """All runs of digits in a plain text in small letters, longest possible, in order."""
    found: list[Run] = []
    at = 0
    # most of what people say is no number: only what may begin one is looked at word by word
    while begin := _BEGINS.search(lower, at):
        run, at = _run_from(lower, begin.start())
        if run is not None:
            found.append(run)
    return found


def _run_from(lower: str, begin: int) -> tuple[Run | None, int]:
    """The run that begins at this place, if one does, and where to look for the next."""
    tokens = _Tokens(lower, begin)
    present: Run | None = None
    unsure: list[tuple[_Token, str]] = []
    fillers = at = 0
    while (token := tokens[at]) is not None:
        if present is not None:
            between = lower[tokens.seen[at - 1].end : token.start]
            if (
                fillers > _MOST_FILLERS
                or _ends_a_number(between)
                # "… 1111. Oh, wait": a sigh, unless digits follow
                or (
                    token.text in _AT_HOME_ALONE
                    and _SENTENCE_END.search(between)
                    and not _goes_on(tokens, at + 1)
                )
            ):
                return present, token.start
        read = _number_at(tokens, at)
        if read is not None:
            digits, used, amount = read
            said = tokens.seen[at : at + used]
            if present is None:
                if token.text in _AT_HOME_ALONE and not _goes_on(tokens, at + used):
                    return None, said[-1].end
                present = Run(token.start, said[-1].end, "")
            for perhaps, digit in unsure:
                present.digits += digit
                present.parts.append((perhaps.start, perhaps.end))
            unsure, fillers = [], 0
            present.digits += digits
            present.end = said[-1].end
            present.amount = present.amount or amount
            present.parts += [(one.start, one.end) for one in said]
            at += used
            continue
        if present is None:
            return None, token.end
        if token.text in _PERHAPS:
            unsure.append((token, _PERHAPS[token.text]))
        elif token.text in _FILLERS:
            fillers += 1
        else:
            break
        at += 1
    return present, len(lower) if token is None else token.end


class _Tokens:
    """The words and figures of a text from a place on, read as far as they are asked for."""

    def __init__(self, lower: str, begin: int) -> None:
        self.seen: list[_Token] = []
        self._more = _TOKEN.finditer(lower, begin)

    def __getitem__(self, at: int) -> _Token | None:
        while len(self.seen) <= at:
            match = next(self._more, None)
            if match is None:
                return None
            self.seen.append(_Token(match.start(), match.end(), match[0]))
        return self.seen[at]

    def text(self, at: int) -> str:
        """The word or figure itself; nothing behind the last."""
        token = self[at]
        return "" if token is None else token.text


def _ends_a_number(between: str) -> bool:
    """Money and per cent are not parts of a card."""
    return any(character == "%" or unicodedata.category(character) == "Sc" for character in between)


def _goes_on(tokens: _Tokens, at: int) -> bool:
    token = tokens[at]
    return token is not None and (token.text in _PERHAPS or _number_at(tokens, at) is not None)


def _number_at(tokens: _Tokens, at: int) -> tuple[str, int, bool] | None:
    """(digits, tokens used, whether it is said as a sum) of the number that begins here."""
    token = tokens.text(at)
    if token.isdecimal() and token.isascii():
        return token, 1, False
    if token in _REPEATS:
        single = _single(tokens.text(at + 1))
        return None if single is None else (single[0] * (_REPEATS[token] - 1) + single, 2, False)
    if (times := _UNITS.get(token)) and int(times) > 1:
        follows = tokens.text(at + 1)
        if follows in _PLURALS:
            return _PLURALS[follows] * int(times), 2, False
        if follows in ("个", "個") and (digit := _UNITS.get(tokens.text(at + 2))):
            return digit * int(times), 3, False
    if token in _UNITS or token in _TEENS or token in _TENS or token in _HAN_SCALES:
        return _cardinal(tokens, at)
    return None


def _single(token: str) -> str | None:
    return token if token.isdecimal() else _UNITS.get(token)


def _cardinal(tokens: _Tokens, at: int) -> tuple[str, int, bool]:
    """A number in words: its digits where it is said as one ("forty one hundred"), else the first word's alone."""
    if not tokens.text(at).isascii():
        return _han_cardinal(tokens, at)
    total = current = 0
    used = 0
    scaled = False
    index = at
    while word := tokens.text(index):
        if word == "and" and scaled and index > at:
            index += 1
            continue
        if current >= 100 and tokens.text(index + 1) == "hundred":
            break  # "seven hundred, nine hundred" are two
        if word in _UNITS and word.isascii():
            value = int(_UNITS[word])
            if used and (value == 0 or current % 10 or 10 <= current % 100 < 20):
                break
            current += value
        elif word in _TEENS:
            if current % 100:
                break
            current += _TEENS[word]
        elif word in _TENS:
            if current % 100:
                break
            current += _TENS[word]
        elif word in _SCALES and current:
            scaled = True
            if word == "hundred":
                if current >= 100:
                    break
                current *= 100
            else:
                total += current * _SCALES[word]
                current = 0
        else:
            break
        if total + current == 0:  # a zero is always a digit of its own
            return "0", 1, False
        index += 1
        used = index - at
    return str(total + current), used, scaled


def _han_cardinal(tokens: _Tokens, at: int) -> tuple[str, int, bool]:
    said: list[str] = []
    end = -1
    while len(said) < _LONGEST_HAN and (token := tokens[at + len(said)]) is not None:
        # only what stands close together is one number
        if (said and token.start != end) or not _is_han_number(token.text):
            break
        said.append(token.text)
        end = token.end
    scales = [index for index, one in enumerate(said) if one in _HAN_SCALES]
    if not scales:
        return _UNITS[said[0]], 1, False
    if (
        len(scales) < 2 and len(said) > 4
    ):  # a figure read out digit by digit that a scale word follows by chance
        return (_UNITS[said[0]], 1, False) if said[0] in _UNITS else ("10", 1, False)
    total = section = digit = 0
    for one in said:
        if one not in _HAN_SCALES:
            digit = int(_UNITS[one])
            continue
        scale = _HAN_SCALES[one]
        if scale >= 10**4:
            total += (section + digit or 1) * scale
            section = 0
        else:
            section += (digit or 1) * scale
        digit = 0
    return str(total + section + digit), len(said), True


def _is_han_number(word: str) -> bool:
    return not word.isascii() and (word in _HAN_SCALES or word in _UNITS)
