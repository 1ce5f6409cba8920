"""What differs between two versions of a rule, and what publishing one does to the clips pinned to it.

Invariant: a language that neither version changes is not mentioned, and no wording is shortened.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from trainer.rulebook.document import RuleText
from trainer.rulebook.versions import text_of
from trainer.rulebook.views import RuleView
from trainer.web.i18n import _, text_in

AUTHORED = ("title", "statement", "why", "recall_prompt")


@dataclass(frozen=True, slots=True)
class Change:
    """One field that differs. `locale` is "" for what has no language; empty words mean that nothing stood there."""

    field: str
    locale: str
    before: str
    after: str

    @property
    def label(self) -> str:
        return field_names()[self.field]


def field_names() -> dict[str, str]:
    """What the fields of a rule are called."""
    return {
        "title": _("Title"),
        "statement": _("Statement"),
        "why": _("Why"),
        "want": _("Serves"),
        "severity": _("Severity"),
        "kind": _("Kind"),
        "weight": _("Weight"),
        "key_tokens": _("Key words"),
        "recall_prompt": _("Recall question"),
    }


def severity_name(severity: str) -> str:
    return _("Fatal: the call fails") if severity == "fatal" else _("Non-fatal")


def kind_name(kind: str) -> str:
    return (
        _("Scripted: said in much the same words")
        if kind == "scripted"
        else _("Judgement: done in one's own way")
    )


def changes(before: RuleView | None, after: RuleView) -> list[Change]:
    """What a version says otherwise than the one before it; everything that it says where there is none."""
    wants = {view.want_code or "": text_in(view.want_title) for view in (before, after) if view is not None}
    return differences(text_of(before) if before else None, text_of(after), wants)


def differences(before: RuleText | None, after: RuleText, wants: Mapping[str, str]) -> list[Change]:
    """The same of plain texts; `wants` are titles by code."""
    found: list[Change] = []
    for name in (*AUTHORED, "key_tokens"):
        mine, theirs = getattr(after, name), getattr(before, name) if before else {}
        for locale in [*mine, *(locale for locale in theirs if locale not in mine)]:
            was, now = _shown(theirs.get(locale)), _shown(mine.get(locale))
            if was != now:
                found.append(Change(name, locale, was, now))
    readers: dict[str, Callable[[Any], str]] = {
        "want": lambda code: wants.get(code, code),
        "severity": severity_name,
        "kind": kind_name,
        "weight": str,
    }
    for name, read in readers.items():
        old, new = getattr(before, name) if before else "", getattr(after, name)
        if old != new:
            found.append(Change(name, "", "" if old == "" else read(old), "" if new == "" else read(new)))
    return found


def _shown(value: Any) -> str:
    return ", ".join(value) if isinstance(value, list) else value or ""
