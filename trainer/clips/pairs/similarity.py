"""How alike the words of two clips are: 1 − Levenshtein distance ÷ the longer length, over words (Han: characters).

Case, punctuation and width do not count: they are not said. A redacted stretch counts as one word
that equals another redacted stretch. Pure; the distance is Myers' bit-parallel algorithm (1999) in Hyyrö's form
(2003), exact, and quick enough for transcripts that are longer than any clip can be spoken.
"""

import re
import unicodedata
from collections.abc import Iterable, Sequence
from fractions import Fraction

from trainer.clips.arithmetic import REMOVED

LEAST = Fraction(9, 10)
_CJK = "\u1100-\u11ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff\U00020000-\U0003ffff"
_TOKEN = re.compile(rf"\ufffc|[{_CJK}]|[^\s\ufffc{_CJK}]+")
_GONE = "\ufffc"


def spoken_tokens(texts: Iterable[str]) -> list[str]:
    """The words of some lines, each Han or kana character by itself, without what is only written."""
    tokens: list[str] = []
    for text in texts:
        folded = unicodedata.normalize("NFKC", text.replace(REMOVED, f" {_GONE} ")).casefold()
        # an apostrophe joins (I'm, im); any other mark parts words (five-year, five year)
        folded = re.sub(r"['’ʼ`]", "", folded)
        kept = "".join(c if c == _GONE or unicodedata.category(c)[0] in "LNM" else " " for c in folded)
        tokens += _TOKEN.findall(kept)
    return tokens


def similarity(one: Sequence[str], other: Sequence[str]) -> Fraction:
    """From 0 (nothing in common) to 1 (the same tokens in the same order), exactly; 0 when either is empty."""
    if not one or not other:
        return Fraction(0)
    longer = max(len(one), len(other))
    return 1 - Fraction(_distance(one, other), longer)


def same_words(one: Iterable[str], other: Iterable[str]) -> bool:
    """Whether two transcripts say the same, so that only the delivery differs (003-10)."""
    return similarity(spoken_tokens(one), spoken_tokens(other)) >= LEAST


def _distance(one: Sequence[str], other: Sequence[str]) -> int:
    """Insertions, removals and replacements that turn one into the other."""
    places: dict[str, int] = {}
    for index, token in enumerate(one):
        places[token] = places.get(token, 0) | 1 << index
    full, last = (1 << len(one)) - 1, 1 << (len(one) - 1)
    rises, falls, found = full, 0, len(one)
    for token in other:
        equal = places.get(token, 0)
        diagonal = (((equal & rises) + rises) ^ rises) | equal | falls
        up = (falls | ~(diagonal | rises)) & full
        down = rises & diagonal
        found += bool(up & last) - bool(down & last)
        up = (up << 1 | 1) & full
        down = down << 1 & full
        rises = (down | ~(diagonal | up)) & full
        falls = up & diagonal
    return found
