"""The rule editor's form: what was typed in one language, and what that means for the whole rule.

Invariant: a form speaks for one language only; what the rule says in others is never touched by it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from trainer.rulebook.views import RuleView
from trainer.web.forms import Form
from trainer.web.i18n import LOCALES, _

PLAIN = ("title", "statement", "why", "recall_prompt")


@dataclass(frozen=True, slots=True)
class Typed:
    """What stands in the editor's fields. `key_tokens` is one idea a line."""

    language: str
    code: str = ""
    title: str = ""
    statement: str = ""
    why: str = ""
    recall_prompt: str = ""
    key_tokens: str = ""
    want: str = ""
    severity: str = "non_fatal"
    kind: str = "scripted"
    weight: str = "0"
    revision: int | None = None

    @classmethod
    def of_rule(cls, rule: RuleView, language: str) -> "Typed":
        """A rule as it is, in one language."""
        return cls(
            language=language,
            code=rule.code,
            **{name: getattr(rule, name).get(language, "") for name in PLAIN},
            key_tokens="\n".join(rule.key_tokens.get(language, [])),
            want=rule.want_code or "",
            severity=rule.severity,
            kind=rule.kind,
            weight=str(rule.weight),
            revision=rule.revision,
        )

    @classmethod
    def of_form(cls, form: Form, language: str) -> "Typed":
        """What was sent, usable or not."""
        names = ("code", *PLAIN, "key_tokens", "want", "severity", "kind", "weight")
        revision = form.raw("revision")
        return cls(
            language=language,
            **{name: form.raw(name) for name in names},
            revision=int(revision) if revision.isdecimal() and len(revision) < 10 else None,
        )

    def at(self, revision: int) -> "Typed":
        """The same, written over another revision."""
        return replace(self, revision=revision)

    def fields(self, base: RuleView | None) -> dict[str, Any]:
        """The rule's fields with these words in this language, named as in the YAML format."""
        fields: dict[str, Any] = {
            name: _with(getattr(base, name) if base else {}, self.language, getattr(self, name))
            for name in PLAIN
        }
        tokens = [line.strip() for line in self.key_tokens.split("\n") if line.strip()]
        fields["key_tokens"] = _with(base.key_tokens if base else {}, self.language, tokens)
        weight: Any = self.weight.strip() or "0"
        return {
            **fields,
            "want": self.want,
            "severity": self.severity,
            "kind": self.kind,
            "weight": int(weight) if weight.isdecimal() and len(weight) < 6 else -1,
        }


def _with(before: Mapping[str, Any], language: str, words: Any) -> dict[str, Any]:
    kept = {locale: text for locale, text in before.items() if locale != language}
    return {**kept, language: words} if words else kept


def language_asked(asked: str, fallback: str) -> str:
    """The language to write in: the one that was asked for, if there is such a one."""
    return asked if asked in LOCALES else fallback if fallback in LOCALES else LOCALES[0]


def language_names() -> dict[str, str]:
    """Each language by its own name."""
    return {"en": "English", "zh-Hans": "简体中文", "zh-Hant": "繁體中文"}


def severity_options() -> list[dict[str, str]]:
    return [
        {
            "value": "non_fatal",
            "label": _("Non-fatal"),
            "sub": _("Counts by its weight and improves step by step."),
            "icon": "sprout",
        },
        {
            "value": "fatal",
            "label": _("Fatal: a no-go zone"),
            "sub": _("Missing it fails the call, whatever else went well."),
            "icon": "octagon-alert",
        },
    ]


def kind_options() -> list[dict[str, str]]:
    return [
        {"value": "scripted", "label": _("Scripted"), "sub": _("Said in much the same words by everybody.")},
        {
            "value": "judgement",
            "label": _("Judgement"),
            "sub": _("Done in one's own way; heard from at least two agents."),
        },
    ]
