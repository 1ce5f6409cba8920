"""Grading, as pure functions: what was given, what was asked, and why it is right or not.

Graded kinds: contrast (which of the two lets one hear the rule), judge (met or missed, and when), recall
(the ideas of the rule, by its key tokens). A mark within `CUE_TOLERANCE_MS` of the cue counts as heard.
Scores are basis points.
"""

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal
from uuid import UUID

from trainer.training import word_forms

GRADED = frozenset({"contrast", "judge", "recall"})
KINDS = ("text", "read_rule", "listen", "contrast", "judge", "recall", "reflect")
CUE_TOLERANCE_MS = 2_500
REMEMBERED = 6_000
FULL = 10_000
LONGEST_TEXT = 4_000

Side = Literal["a", "b"]


@dataclass(frozen=True, slots=True)
class Verdict:
    """How an answer was graded. `correct` and `score` are None where nothing is graded; `detail` says why."""

    correct: bool | None
    score: int | None
    detail: dict[str, Any] = field(default_factory=dict)


class Unanswerable(ValueError):
    """The answer does not fit its step; the message names the field."""


def good_side(enrolment: UUID, step: UUID) -> Side:
    """On which side a contrast shows the exemplar: by chance, but the same each time this person sees it."""
    return "a" if hashlib.sha256(enrolment.bytes + step.bytes).digest()[0] & 1 else "b"


def grade_contrast(given: Mapping[str, Any], right: Side) -> Verdict:
    """`{chosen: a|b}`: which clip lets one hear the rule done well."""
    chosen = given.get("chosen")
    if chosen not in ("a", "b"):
        raise Unanswerable("chosen")
    correct = chosen == right
    return Verdict(correct, FULL if correct else 0, {"chosen": chosen, "right": right})


def grade_judge(given: Mapping[str, Any], *, polarity: str, cue_ms: int | None, duration_ms: int) -> Verdict:
    """`{mark: met|missed, at_ms}`: half for the judgement, half for hearing when; without a cue the
    judgement alone.
    """
    mark = given.get("mark")
    if mark not in ("met", "missed"):
        raise Unanswerable("mark")
    right = "met" if polarity == "exemplar" else "missed"
    detail: dict[str, Any] = {"mark": mark, "right": right, "cue_ms": cue_ms}
    if cue_ms is None:
        return Verdict(mark == right, FULL if mark == right else 0, detail)
    at_ms = given.get("at_ms")
    if not isinstance(at_ms, int) or isinstance(at_ms, bool) or not 0 <= at_ms <= duration_ms:
        raise Unanswerable("at_ms")
    heard = abs(at_ms - cue_ms) <= CUE_TOLERANCE_MS
    detail |= {"at_ms": at_ms, "off_ms": at_ms - cue_ms, "heard": heard}
    score = (FULL // 2 if mark == right else 0) + (FULL // 2 if heard and mark == right else 0)
    return Verdict(mark == right and heard, score, detail)


def grade_recall(given: Mapping[str, Any], tokens: Sequence[str]) -> Verdict:
    """`{text}`: the share of the rule's ideas that the words contain; 60 % is remembered.

    A token may list alternatives (`finish|end`); `word_forms` says in which forms their words count. Without
    any token there is nothing to grade by.
    """
    text = given.get("text")
    if not isinstance(text, str) or not text.strip():
        raise Unanswerable("text")
    if len(text) > LONGEST_TEXT:
        raise Unanswerable("text")
    found = [token for token in tokens if word_forms.holds(text, token)]
    missing = [token.split("|")[0] for token in tokens if token not in found]
    detail = {"found": [token.split("|")[0] for token in found], "missing": missing, "text": text.strip()}
    if not tokens:
        return Verdict(None, None, detail)
    score = FULL * len(found) // len(tokens)
    return Verdict(score >= REMEMBERED, score, detail)


def accept_own_words(claimed: Sequence[str], refused: Mapping[str, Any]) -> Verdict:
    """Which of the ideas that a refused recall was `missing` are in it in other words, as its writer says.

    What nobody but the writer checked is never right: with enough ideas it is let pass ungraded, else it stays
    refused. `refused` is the detail of that recall.
    """
    own = [*refused.get("own", []), *(idea for idea in refused["missing"] if idea in claimed)]
    if len(own) == len(refused.get("own", [])):
        raise Unanswerable("text")
    missing = [idea for idea in refused["missing"] if idea not in own]
    found = len(refused["found"])
    ideas = found + len(own) + len(missing)
    detail = {**refused, "missing": missing, "own": own}
    enough = FULL * (found + len(own)) // ideas >= REMEMBERED
    return Verdict(None, None, detail) if enough else Verdict(False, FULL * found // ideas, detail)


def ideas_of(statement: str, tokens: Sequence[str]) -> list[str]:
    """The ideas to recall: the rule's key tokens, else the longer words of its statement (Latin script)."""
    if tokens:
        return list(tokens)
    words = re.findall(r"[^\W\d_]{5,}", statement.casefold())
    return [word for word in dict.fromkeys(words) if word.isascii()]


def accept_ungraded(kind: str, given: Mapping[str, Any]) -> Verdict:
    """text, read_rule and listen are done by going on; reflect needs words of one's own.

    A call that was read because nobody could listen just then is noted as read.
    """
    if kind != "reflect":
        return Verdict(None, None, {"read": True} if kind == "listen" and given.get("read") else {})
    text = given.get("text")
    if not isinstance(text, str) or not text.strip() or len(text) > LONGEST_TEXT:
        raise Unanswerable("text")
    return Verdict(None, None, {"text": text.strip()})
