"""Whether an idea is in what somebody wrote, in whatever form its words stand: smile, smiling; easy, easily.

Invariant: two English words count as one only when both may be forms of the same word. A few endings are known
and no dictionary, so that car is no form of care, nor off of offer. Han characters count wherever they stand.
"""

import re
import unicodedata

_HAN = re.compile(r"[\u3400-\u9fff\uf900-\ufaff]")
_WORD = re.compile(r"[^\W_]+(?:'[^\W_]+)*")
_SHORTEST = 3  # letters that an ending leaves: king is no form of k
_SHORTEST_LY = 4  # early is none of ear

# An ending, and what the word may have ended in without it.
_ENDINGS = (
    ("iness", ("y",)),
    ("ness", ("",)),
    ("ily", ("y",)),
    ("ly", ("",)),
    ("iest", ("y",)),
    ("ier", ("y",)),
    ("ies", ("y", "ie")),
    ("ied", ("y", "ie")),
    ("es", ("", "e")),
    ("s", ("",)),
    ("ed", ("", "e")),
    ("ing", ("", "e")),
    ("'s", ("",)),
)


def plain(text: str) -> str:
    """Text as it is compared: compatibility forms and case folded, one kind of apostrophe."""
    return unicodedata.normalize("NFKC", text).casefold().replace("\N{RIGHT SINGLE QUOTATION MARK}", "'")


def bases(word: str) -> frozenset[str]:
    """What a plain English word may be a form of, itself among them: smiling → smiling, smil, smile."""
    found = {word}
    for ending, instead in _ENDINGS:
        rest = word.removesuffix(ending)
        least = _SHORTEST_LY if ending == "ly" else _SHORTEST
        if rest == word or len(rest) < least or (ending == "s" and rest.endswith("s")):
            continue
        if ending == "ed" and rest.endswith("e"):  # speed and need are no past
            continue
        found.update(rest + end for end in instead)
        if "" in instead and rest[-1] == rest[-2] and rest[-1] not in "aeiou":
            found.add(rest[:-1])  # planning → plan
    return frozenset(found)


def holds(text: str, idea: str) -> bool:
    """Whether the text holds an idea (`smile|warm`: any of them). A word counts from its beginning (finish →
    finished) and in its other forms; several words only one after the other.
    """
    written = plain(text)
    forms = [bases(word) for word in _WORD.findall(written)]
    return any(_has(written, forms, plain(each.strip())) for each in idea.split("|"))


def _has(written: str, forms: list[frozenset[str]], wanted: str) -> bool:
    if not wanted:
        return False
    if _HAN.search(wanted):
        return wanted in written
    if re.search(rf"\b{re.escape(wanted)}", written):
        return True
    asked = [bases(word) for word in _WORD.findall(wanted)]
    starts = range(len(forms) - len(asked) + 1) if asked else ()
    return any(all(form & one for form, one in zip(forms[at:], asked, strict=False)) for at in starts)
