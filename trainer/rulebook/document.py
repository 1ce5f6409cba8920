"""A rule book as a document (YAML): reading one with every mistake named at its place, and writing one.

The format is `rulebook`, `wants` (in the order shown), `values`, `rules` and `phrases`; authored text is `{en: …,
zh-Hans: …}`.
Invariant: `write(read(x))` says the same as x, and `read` returns a whole document or raises.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import yaml

from trainer.problems import FieldError, Invalid
from trainer.rulebook.views import MOST_WANTS, Authored
from trainer.web.i18n import LOCALES, _
from trainer.web.texts import readable_in
from trainer.words import units

SEVERITIES = ("fatal", "non_fatal")
KINDS = ("scripted", "judgement")
CODE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,39}")
LANGUAGE = re.compile(r"[a-z]{2,3}(-[A-Za-z0-9]{2,8})*")
MOST_WEIGHT = 1000
# Most characters of an authored text, by field: what still fits the pages.
MOST = {
    "title": 120,
    "statement": 500,
    "why": 4000,
    "feeling": 500,
    "behaviour": 500,
    "recall_prompt": 500,
    "better": 500,
}
MOST_TOKENS = 20
MOST_WORDINGS = 20
LONGEST_WORDING = 80
# /rules/{code} is a rule's page; these are other pages beside it.
RESERVED = frozenset({"new", "import", "books", "drafts", "export", "programmes", "template", "phrases"})


@dataclass(frozen=True, slots=True)
class RuleText:
    """All that a version of a rule says. `want` is "" while a draft serves none."""

    title: Authored
    statement: Authored
    why: Authored = field(default_factory=dict)
    want: str = ""
    severity: str = "non_fatal"
    kind: str = "scripted"
    weight: int = 0
    key_tokens: dict[str, list[str]] = field(default_factory=dict)
    recall_prompt: Authored = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Wanted:
    code: str
    title: Authored
    feeling: Authored


@dataclass(frozen=True, slots=True)
class Valued:
    code: str
    title: Authored
    behaviour: Authored


@dataclass(frozen=True, slots=True)
class Document:
    """A whole rule book. `rules` by code, in order."""

    code: str
    title: Authored
    language: str
    wants: list[Wanted]
    values: list[Valued]
    rules: dict[str, RuleText]
    phrases: list["Phrased"] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Phrased:
    """Words that callers hate to hear, in their wordings, and a better way; `rule` is "" where none goes with it."""

    code: str
    language: str
    said: list[str]
    alone: bool
    better: Authored
    rule: str


class Mistakes:
    """Collects what is wrong, each at its place (`rules[3].severity`), so that one run names all of it."""

    def __init__(self) -> None:
        self.errors: list[FieldError] = []

    def add(self, place: str, code: str, message: str) -> None:
        self.errors.append(FieldError(place, code, message))

    def stop(self, detail: str) -> None:
        """Raises Invalid when anything was wrong."""
        if self.errors:
            raise Invalid(detail, errors=self.errors)

    def authored(self, place: str, value: Any, *, language: str, required: bool = False) -> Authored:
        """An authored text by locale; plain words, or those under "", are in the book's `language`."""
        given = {"": value} if isinstance(value, str) else value or {}
        if not isinstance(given, Mapping) or not all(isinstance(words, str) for words in given.values()):
            self.add(place, "not-authored", _("Write this as a text for each language: en, zh-Hans …"))
            return {}
        most = MOST[place.rpartition(".")[2]]
        text = {str(locale or language): words.strip() for locale, words in given.items() if words.strip()}
        for locale, words in text.items():
            if locale not in LOCALES:
                self.add(place, "unknown-language", _("%(name)s is not a language here.") % {"name": locale})
            if len(words) > most:
                told = _("Please keep this under %(most)s characters; it has %(has)s.")
                self.add(place, "too-long", told % {"most": most, "has": len(words)})
        if required and not any(text.get(name) for name in (language, "en")):
            self.add(place, "required", _("Please fill this in."))
        return text

    def code(self, place: str, value: Any) -> str:
        """A code: letters, digits, dots, dashes."""
        code = str(value) if isinstance(value, str | int) and not isinstance(value, bool) else ""
        if not CODE.fullmatch(code):
            self.add(
                place, "bad-code", _("A code has up to 40 letters, digits, dots or dashes, and no spaces.")
            )
        return code

    def rule_code(self, place: str, value: Any) -> str:
        """A rule's code: one that its page can be found under."""
        code = self.code(place, value)
        if code.lower() in RESERVED:
            self.add(
                place,
                "reserved",
                _("%(code)s is the name of a page here. Please choose another code.") % {"code": code},
            )
        return code

    def choice(self, place: str, value: Any, allowed: tuple[str, ...]) -> str:
        """One of `allowed`."""
        if value not in allowed:
            self.add(
                place, "unknown", _("Please choose one of these: %(names)s.") % {"names": ", ".join(allowed)}
            )
        return str(value)

    def rule(self, place: str, value: Mapping[str, Any], *, language: str) -> RuleText:
        """What a rule says, from a mapping with the format's names."""
        weight = value.get("weight", 0)
        if not isinstance(weight, int) or isinstance(weight, bool) or not 0 <= weight <= MOST_WEIGHT:
            told = _("Please give a number from %(least)s to %(most)s.") % {"least": 0, "most": MOST_WEIGHT}
            self.add(f"{place}weight", "out-of-range", told)
            weight = 0
        return RuleText(
            title=self.authored(f"{place}title", value.get("title"), language=language, required=True),
            statement=self.authored(
                f"{place}statement", value.get("statement"), language=language, required=True
            ),
            why=self.authored(f"{place}why", value.get("why"), language=language),
            want=str(value.get("want") or ""),
            severity=self.choice(f"{place}severity", value.get("severity", "non_fatal"), SEVERITIES),
            kind=self.choice(f"{place}kind", value.get("kind", "scripted"), KINDS),
            weight=weight,
            key_tokens=self._tokens(f"{place}key_tokens", value.get("key_tokens")),
            recall_prompt=self.authored(
                f"{place}recall_prompt", value.get("recall_prompt"), language=language
            ),
        )

    def phrase(self, place: str, value: Mapping[str, Any], *, language: str) -> Phrased:
        """A phrase to be hinted at, from a mapping with the format's names."""
        spoken = str(value.get("language") or language)
        if spoken not in LOCALES:
            self.add(
                f"{place}language",
                "unknown-language",
                _("%(name)s is not a language here.") % {"name": spoken},
            )
        said = value.get("said")
        wordings = [said] if isinstance(said, str) else said if isinstance(said, list) else []
        wordings = [each.strip() for each in wordings if isinstance(each, str) and each.strip()]
        fits = all(len(each) <= LONGEST_WORDING and units(each) for each in wordings)
        if not wordings or not fits or len(wordings) > MOST_WORDINGS:
            told = _(
                "Write the words as they are said: at most %(most)s wordings of at most %(long)s characters."
            )
            self.add(f"{place}said", "required", told % {"most": MOST_WORDINGS, "long": LONGEST_WORDING})
        return Phrased(
            code=self.code(f"{place}code", value.get("code")),
            language=spoken,
            said=wordings,
            alone=value.get("alone") is True,
            better=self.authored(f"{place}better", value.get("better"), language=spoken, required=True),
            rule=str(value.get("rule") or ""),
        )

    def _tokens(self, place: str, value: Any) -> dict[str, list[str]]:
        if value is None:
            return {}
        well = isinstance(value, Mapping) and all(
            locale in LOCALES
            and isinstance(tokens, list)
            and len(tokens) <= MOST_TOKENS
            and all(isinstance(token, str) and 0 < len(token.strip()) <= 200 for token in tokens)
            for locale, tokens in value.items()
        )
        if not well:
            told = _("Write these as at most %(most)s words or phrases for each language.")
            self.add(place, "bad-tokens", told % {"most": MOST_TOKENS})
            return {}
        return {locale: [token.strip() for token in tokens] for locale, tokens in value.items() if tokens}


def parse(text: str) -> Any:
    """YAML as plain data. Raises Invalid with the line where it cannot be read."""
    try:
        return readable_in(yaml.safe_load(text))
    except (yaml.YAMLError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        place = _("line %(line)s") % {"line": mark.line + 1} if mark else _("an unknown line")
        raise Invalid(
            _("This is not YAML that can be read; it goes wrong at %(place)s.") % {"place": place}
        ) from error


def read(data: Any) -> Document:
    """A document from plain data. Raises Invalid with every mistake named."""
    if not isinstance(data, Mapping) or not isinstance(data.get("rulebook"), Mapping):
        raise Invalid.field(
            "rulebook", "required", _("This is not a rule book: it does not begin with `rulebook`.")
        )
    wrong = Mistakes()
    head = data["rulebook"]
    language = str(head.get("language", "en"))
    if not LANGUAGE.fullmatch(language):
        wrong.add("rulebook.language", "bad-language", _("Name a language, such as en or zh-Hans."))
    document = Document(
        code=wrong.code("rulebook.code", head.get("code")),
        title=wrong.authored("rulebook.title", head.get("title"), language=language, required=True),
        language=language,
        wants=[
            Wanted(
                wrong.code(f"{place}code", item.get("code")),
                wrong.authored(f"{place}title", item.get("title"), language=language, required=True),
                wrong.authored(f"{place}feeling", item.get("feeling"), language=language, required=True),
            )
            for place, item in _items(data, "wants", wrong)
        ],
        values=[
            Valued(
                wrong.code(f"{place}code", item.get("code")),
                wrong.authored(f"{place}title", item.get("title"), language=language, required=True),
                # 003-21: a value without the behaviour that shows it is only a word on a wall
                wrong.authored(f"{place}behaviour", item.get("behaviour"), language=language, required=True),
            )
            for place, item in _items(data, "values", wrong)
        ],
        rules={},
    )
    for place, item in _items(data, "rules", wrong):
        code = wrong.rule_code(f"{place}code", item.get("code"))
        if code in document.rules:
            wrong.add(f"{place}code", "repeated", _("%(code)s stands here twice.") % {"code": code})
        document.rules[code] = wrong.rule(place, item, language=language)
    for place, item in _items(data, "phrases", wrong):
        phrase = wrong.phrase(place, item, language=language)
        if any(each.code == phrase.code for each in document.phrases):
            wrong.add(f"{place}code", "repeated", _("%(code)s stands here twice.") % {"code": phrase.code})
        document.phrases.append(phrase)
    _check_wants(document, wrong)
    wrong.stop(_("This rule book cannot be taken as it is. Nothing was changed."))
    return document


def _items(data: Mapping[str, Any], name: str, wrong: Mistakes) -> list[tuple[str, Mapping[str, Any]]]:
    items = data.get(name) or []
    if not isinstance(items, list) or not all(isinstance(item, Mapping) for item in items):
        wrong.add(name, "not-a-list", _("Write this as a list."))
        return []
    return [(f"{name}[{index}].", item) for index, item in enumerate(items)]


def _check_wants(document: Document, wrong: Mistakes) -> None:
    codes = [want.code for want in document.wants]
    if not codes:
        wrong.add("wants", "required", _("A rule book begins with what the customer wants."))
    if len(codes) > MOST_WANTS:
        told = _("A rule book has at most %(most)s wants, so that everybody sees the whole.")
        wrong.add("wants", "too-many", told % {"most": MOST_WANTS})
    for name, listed in (("wants", codes), ("values", [value.code for value in document.values])):
        if len(set(listed)) < len(listed):
            wrong.add(name, "repeated", _("The same code stands here twice."))
    for index, (code, rule) in enumerate(document.rules.items()):
        if not rule.want:
            told = _("%(code)s serves no want; a rule without one cannot be published.") % {"code": code}
            wrong.add(f"rules[{index}].want", "required", told)
        elif rule.want not in codes:
            wrong.add(
                f"rules[{index}].want", "unknown", _("There is no want %(name)s.") % {"name": rule.want}
            )


def write(document: Document) -> str:
    """The document as YAML that `parse` and `read` take back."""
    data: dict[str, Any] = {
        "rulebook": {"code": document.code, "title": document.title, "language": document.language},
        "wants": [{"code": w.code, "title": w.title, "feeling": w.feeling} for w in document.wants],
        "values": [{"code": v.code, "title": v.title, "behaviour": v.behaviour} for v in document.values],
        "rules": [
            {
                "code": code,
                "want": rule.want,
                "title": rule.title,
                "statement": rule.statement,
                "why": rule.why,
                "severity": rule.severity,
                "kind": rule.kind,
                "weight": rule.weight,
                "key_tokens": rule.key_tokens,
                "recall_prompt": rule.recall_prompt,
            }
            for code, rule in document.rules.items()
        ],
    }
    if document.phrases:
        data["phrases"] = [
            {
                "code": phrase.code,
                "language": phrase.language,
                "said": phrase.said,
                **({"alone": True} if phrase.alone else {}),
                "better": phrase.better,
                "rule": phrase.rule,
            }
            for phrase in document.phrases
        ]
    return yaml.safe_dump(data, allow_unicode=True, sort_keys=False, width=110)
