"""The evaluation's form: from what was chosen and typed to what is said of a call, and back again.

Fields of a rule carry its code: `mark-R01`, `at-R01` (m:ss of the call), `comment-R01`.
Invariant: the form holds every rule of the board, so that a rule left without a mark is said to have none.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

from trainer.clips.arithmetic import clock, parse_clock
from trainer.clips.service import ClipView
from trainer.problems import Invalid
from trainer.quality.checking import MOST_COMMENT, MOST_WORDS, Given, Judgement
from trainer.quality.scoring import MARKS
from trainer.quality.views import OUTCOMES, SERVICE_LEVELS, Authored, EvaluationView, MarkView
from trainer.rulebook.views import RuleView
from trainer.web.forms import Form
from trainer.web.i18n import _

YES_NO = {"yes": True, "no": False}


@dataclass(slots=True)
class Line:
    """One rule on the board: its words, what is said of it so far, and a clip that lets one hear it well done."""

    rule: UUID
    code: str
    title: Authored
    statement: Authored
    want_title: Authored
    fatal: bool
    outdated: bool
    mark: str = ""
    at: str = ""
    comment: str = ""
    clip: ClipView | None = None


@dataclass(slots=True)
class Whole:
    """What is said of the call as a whole, as it stands in the form."""

    resolved: str = ""
    outcome: str = ""
    service_level: str = ""
    csat: str = ""
    comment: str = ""


def line_of_rule(rule: RuleView) -> Line:
    """A rule that nothing is said of yet."""
    return Line(rule.id, rule.code, rule.title, rule.statement, rule.want_title, rule.fatal, False)


def line_of_mark(mark: MarkView) -> Line:
    """A rule in the words of the version that its mark was made on."""
    return Line(
        mark.rule,
        mark.code,
        mark.title,
        mark.statement,
        mark.want_title,
        mark.fatal,
        mark.outdated,
        mark.mark,
        "" if mark.at_ms is None else clock(mark.at_ms),
        mark.comment,
    )


def whole_of(evaluation: EvaluationView) -> Whole:
    """As a draft has it."""
    said = {True: "yes", False: "no", None: ""}
    return Whole(
        said[evaluation.resolved],
        evaluation.outcome or "",
        evaluation.service_level or "",
        str(evaluation.csat or ""),
        evaluation.comment,
    )


def read_judgement(form: Form, codes: Iterable[str]) -> Judgement | None:
    """What the form says; None when a field is no value at all (noted in `form.errors`)."""
    marks = {code: _given(form, code) for code in codes}
    judged = Judgement(
        marks=marks,
        resolved=YES_NO.get(form.choice("resolved", YES_NO, required=False)),
        outcome=form.choice("outcome", OUTCOMES, required=False) or None,
        service_level=form.choice("service_level", SERVICE_LEVELS, required=False) or None,
        csat=form.integer("csat", least=1, most=5, required=False),
        comment=form.text("comment", required=False, most=MOST_WORDS),
    )
    return judged if form.ok else None


def _given(form: Form, code: str) -> Given:
    mark = form.choice(f"mark-{code}", MARKS, required=False)
    typed = form.raw(f"at-{code}")
    at_ms = parse_clock(typed) if typed else None
    if typed and at_ms is None:
        form.errors[f"at-{code}"] = _("Write a time such as 0:33.")
    return Given(mark, at_ms, form.text(f"comment-{code}", required=False, most=MOST_COMMENT))


def take_refusal(form: Form, problem: Invalid) -> None:
    """Show a service's refusal at the page's own fields."""
    fields = {"rule": "mark", "at_ms": "at"}
    for error in problem.errors:
        name = error.field
        if name.startswith("marks."):
            code, _sep, what = name.removeprefix("marks.").rpartition(".")
            name = f"{fields.get(what, what)}-{code}"
        form.errors.setdefault(name, error.message)


def put_back(form: Form, lines: Iterable[Line]) -> Whole:
    """What was sent, usable or not, back onto the board."""
    for line in lines:
        line.mark = form.raw(f"mark-{line.code}")
        line.at = form.raw(f"at-{line.code}")
        line.comment = form.raw(f"comment-{line.code}")
    names = ("resolved", "outcome", "service_level", "csat", "comment")
    return Whole(**{name: form.raw(name) for name in names})
