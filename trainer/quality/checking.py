"""What an analyst says of a call, and whether it can be said: the same for page, API and import.

Invariant: what passes `check` fits the columns and names only rules of the call's book.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import TypedDict

from trainer.problems import FieldError, Invalid
from trainer.quality.scoring import MARKS
from trainer.quality.views import OUTCOMES, SERVICE_LEVELS
from trainer.web.i18n import _

MOST_COMMENT = 1000
MOST_WORDS = 4000


@dataclass(frozen=True, slots=True)
class Given:
    """What is said of one rule. `mark` "" notes a second or a comment only. `at_ms` lies in the recording."""

    mark: str
    at_ms: int | None = None
    comment: str = ""


class Judgement(TypedDict, total=False):
    """What is said of a call; fields that are absent stay as they are. A rule (by code) with None loses its mark."""

    marks: Mapping[str, Given | None]
    resolved: bool | None
    outcome: str | None
    service_level: str | None
    csat: int | None
    comment: str


def check(judged: Judgement, rules: Collection[str], length_ms: int | None) -> Judgement:
    """The same, cleaned. Raises Invalid that names every wrong field; those of marks are `marks.<rule>.…`."""
    wrong: list[FieldError] = []
    checked = judged.copy()
    marks = {code: _cleaned(given) for code, given in judged.get("marks", {}).items()}
    for code, given in marks.items():
        wrong += _wrong_in_mark(code, given, rules, length_ms)
    if "marks" in judged:
        checked["marks"] = marks
    for name, allowed in (("outcome", OUTCOMES), ("service_level", SERVICE_LEVELS)):
        value = judged.get(name)
        if value is not None and value not in allowed:
            told = _("%(name)s is one of %(names)s.") % {"name": name, "names": ", ".join(allowed)}
            wrong.append(FieldError(name, "unknown", told))
    csat = judged.get("csat")
    if csat is not None and not 1 <= csat <= 5:
        wrong.append(FieldError("csat", "out-of-range", _("Satisfaction is a number from 1 to 5.")))
    if "comment" in judged:
        checked["comment"] = judged["comment"].strip()
        if len(checked["comment"]) > MOST_WORDS:
            wrong.append(FieldError("comment", "too-long", _too_long(MOST_WORDS)))
    if wrong:
        raise Invalid(_("Some of this cannot be taken as it is."), errors=wrong)
    return checked


def _cleaned(given: Given | None) -> Given | None:
    if given is None:
        return None
    cleaned = Given(given.mark, given.at_ms, given.comment.strip())
    return None if not cleaned.mark and cleaned.at_ms is None and not cleaned.comment else cleaned


def _wrong_in_mark(
    code: str, given: Given | None, rules: Collection[str], length_ms: int | None
) -> Iterable[FieldError]:
    if code not in rules:
        told = _("The rule book of this call has no published rule %(code)s.") % {"code": code}
        yield FieldError(f"marks.{code}.rule", "unknown", told)
    if given is None:
        return
    if given.mark and given.mark not in MARKS:
        told = _("A mark is one of %(names)s.") % {"names": ", ".join(MARKS)}
        yield FieldError(f"marks.{code}.mark", "unknown", told)
    if given.at_ms is not None and not 0 <= given.at_ms <= (
        length_ms if length_ms is not None else 2**31 - 1
    ):
        yield FieldError(f"marks.{code}.at_ms", "outside", _("This second is not within the call."))
    if len(given.comment) > MOST_COMMENT:
        yield FieldError(f"marks.{code}.comment", "too-long", _too_long(MOST_COMMENT))


def _too_long(most: int) -> str:
    return _("Please keep this under %(most)s characters.") % {"most": most}
