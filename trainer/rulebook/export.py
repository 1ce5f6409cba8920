"""Rules as rows of a spreadsheet that `sheet.py` reads back, and the template that is filled in by hand.

Invariant: what is given out is read back as unchanged.
"""

from collections.abc import Sequence

from trainer.rulebook.sheet import AUTHORED
from trainer.rulebook.views import RuleView
from trainer.web.i18n import LOCALES, _

TEMPLATE_COLUMNS = ["code", "goal", "title", "statement", "why", "severity", "kind", "weight"]


def export_columns(rules: Sequence[RuleView], language: str) -> list[str]:
    """The columns of an export: the plain ones, and those of every further language that something is written in."""
    plain = [
        "code",
        "goal",
        "title",
        "statement",
        "why",
        "severity",
        "kind",
        "weight",
        "recall_prompt",
        "key_tokens",
    ]
    written = {locale for rule in rules for name in AUTHORED for locale in getattr(rule, name)}
    more = [locale for locale in LOCALES if locale in written and locale != language]
    return plain + [f"{name} {locale}" for locale in more for name in AUTHORED]


def export_rows(rules: Sequence[RuleView], columns: Sequence[str], language: str) -> list[list[str | int]]:
    """Rules as rows that `plan` reads back as unchanged."""
    return [[_cell(rule, column, language) for column in columns] for rule in rules]


def _cell(rule: RuleView, column: str, language: str) -> str | int:
    name, _blank, locale = column.partition(" ")
    if name in AUTHORED:
        words = getattr(rule, name).get(locale or language, "")
        return "\n".join(words) if isinstance(words, list) else words
    if name == "goal":
        return rule.want_code or ""
    return rule.weight if name == "weight" else str(getattr(rule, name))


def template_rows() -> list[list[str | int]]:
    """Two rows that show how the template is filled in."""
    return [
        [
            "R01",
            "",
            _("Listen to the end"),
            _("Let the caller finish, then say back what matters to them."),
            "",
            "non-fatal",
            "judgement",
            10,
        ],
        [
            "R02",
            "",
            _("Check who is calling"),
            _("Ask two questions before you say anything about an account."),
            "",
            "fatal",
            "scripted",
            20,
        ],
    ]
