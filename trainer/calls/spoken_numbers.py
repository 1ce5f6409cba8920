"""Numbers in a transcript, written or spoken, as runs of digits. Pure: no I/O.

People say the same card as "4111 1111", "four one double one", "四一一一", "four thousand one hundred and eleven",
and a transcriber writes any of these, in any digits that Unicode has, over several lines and with "um" in between.
Invariant: every word and figure that is a digit for certain is in a run; what may as well be a word of its own ("for",
"to") counts between digits alone.
"""

import re
import unicodedata
from dataclasses import dataclass, field


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
_TOKEN = re.compile(r"\d+|[\u3007\u3400-\u9fff\u25cb]|[^\W\d_]+(?:['’][^\W\d_]+)?")


@dataclass(frozen=True, slots=True)
class Plain:
    """A text as it is searched: one form for each letter and digit, and from where in the text each one came.

    `cased` keeps capitals; `lower` has the same length.
    """

    cased: str
    lower: str
    origin: tuple[int, ...]

    def back(self, start: int, end: int) -> tuple[int, int]:
        """Where a part of it stood in the text: start and end."""
        return self.origin[start], self.origin[end - 1] + 1


def plain(text: str) -> Plain:
    """Full-width, circled and foreign digits become 0 to 9; what nobody sees is gone."""
    cased: list[str] = []
    lower: list[str] = []
    origin: list[int] = []
    for index, character in enumerate(text):
        for one in unicodedata.normalize("NFKC", character):
            digit = unicodedata.decimal(one, None)
            if digit is None and unicodedata.category(one) in ("Cf", "Mn"):
                continue
            shown = one if digit is None else str(digit)
            small = shown.lower()
            cased.append(shown)
            lower.append(small if len(small) == 1 else shown)
            origin.append(index)
    return Plain("".join(cased), "".join(lower), tuple(origin))


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


@dataclass(frozen=True, slots=True)
class _Token:
    start: int
    end: int
    text: str


def runs(lower: str) -> list[Run]:
    """All runs of digits in a plain text in small letters, longest possible, in order."""
    tokens = [_Token(match.start(), match.end(), match[0]) for match in _TOKEN.finditer(lower)]
    found: list[Run] = []
    present: Run | None = None
    unsure: list[tuple[_Token, str]] = []
    fillers = 0
    at = 0
    while at < len(tokens):
        token = tokens[at]
        between = lower[tokens[at - 1].end : token.start] if at else ""
        broken = _ends_a_number(between) or (
            # "… 1111. Oh, wait": a sigh, unless digits follow
            token.text in _AT_HOME_ALONE and _SENTENCE_END.search(between) and not _goes_on(tokens, at + 1)
        )
        read = _number_at(tokens, at)
        if present is not None and (broken or fillers > _MOST_FILLERS):
            present, unsure, fillers = None, [], 0
        if read is not None:
            digits, used, amount = read
            last = tokens[at + used - 1]
            if present is None:
                if token.text in _AT_HOME_ALONE and not _goes_on(tokens, at + used):
                    at += used
                    continue
                present = Run(token.start, last.end, "")
                found.append(present)
            for perhaps, digit in unsure:
                present.digits += digit
                present.parts.append((perhaps.start, perhaps.end))
            unsure, fillers = [], 0
            present.digits += digits
            present.end = last.end
            present.amount = present.amount or amount
            present.parts += [(one.start, one.end) for one in tokens[at : at + used]]
            at += used
            continue
        if present is not None:
            if token.text in _PERHAPS:
                unsure.append((token, _PERHAPS[token.text]))
            elif token.text in _FILLERS:
                fillers += 1
            else:
                present, unsure, fillers = None, [], 0
        at += 1
    return found


def _ends_a_number(between: str) -> bool:
    """Money and per cent are not parts of a card."""
    return any(character == "%" or unicodedata.category(character) == "Sc" for character in between)


def _goes_on(tokens: list[_Token], at: int) -> bool:
    return at < len(tokens) and (_number_at(tokens, at) is not None or tokens[at].text in _PERHAPS)


def _number_at(tokens: list[_Token], at: int) -> tuple[str, int, bool] | None:
    """(digits, tokens used, whether it is said as a sum) of the number that begins here."""
    token = tokens[at].text
    if token in _REPEATS and at + 1 < len(tokens):
        single = _single(tokens[at + 1].text)
        if single is not None:
            return single[0] * (_REPEATS[token] - 1) + single, 2, False
        return None
    if (times := _UNITS.get(token)) and int(times) > 1:
        follows = [one.text for one in tokens[at + 1 : at + 3]]
        if follows[:1] and follows[0] in _PLURALS:
            return _PLURALS[follows[0]] * int(times), 2, False
        if len(follows) == 2 and follows[0] in ("个", "個") and follows[1] in _UNITS:
            return _UNITS[follows[1]] * int(times), 3, False
    if token.isdecimal():
        return token, 1, False
    if token in _UNITS or token in _TEENS or token in _TENS or token in _HAN_SCALES:
        return _cardinal(tokens, at)
    return None


def _single(token: str) -> str | None:
    return token if token.isdecimal() else _UNITS.get(token)


def _cardinal(tokens: list[_Token], at: int) -> tuple[str, int, bool]:
    """A number in words: its digits where it is said as one ("forty one hundred"), else the first word's alone."""
    if tokens[at].text > "\u3000":
        return _han_cardinal(tokens, at)
    total = current = 0
    used = 0
    scaled = False
    index = at
    while index < len(tokens):
        word = tokens[index].text
        if word == "and" and scaled and index > at:
            index += 1
            continue
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


def _han_cardinal(tokens: list[_Token], at: int) -> tuple[str, int, bool]:
    end = at
    while (
        end < min(len(tokens), at + 24)
        and (tokens[end].text in _HAN_SCALES or _UNITS.get(tokens[end].text) is not None)
        and tokens[end].text > "\u3000"
        and (end == at or tokens[end].start == tokens[end - 1].end)
    ):
        end += 1
    said = [one.text for one in tokens[at:end]]
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
