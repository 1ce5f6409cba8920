"""Rules from a centre's own spreadsheet: what each row means, and what it would change (given out by `export.py`).

A row is taken whole or not at all; what it would change is worked out first and shown (`plan`), then written as drafts
(`apply_plan`), each on the revision that was shown. An empty cell leaves what is there; a column that the sheet does
not have does too. Invariant: planning writes nothing, taking the same sheet twice changes nothing the second time, and
nothing that is published changes before somebody publishes the drafts.
"""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from trainer import db
from trainer.problems import Conflict, FieldError, Forbidden, Invalid, NotFound, PreconditionFailed
from trainer.rulebook import document, queries
from trainer.rulebook.arranging import BookFrame
from trainer.rulebook.changes import Change, differences
from trainer.rulebook.drafting import WRITE, create_draft, edit_rule
from trainer.rulebook.service import length_sentence
from trainer.rulebook.versions import fields_of, text_of
from trainer.rulebook.views import RuleView, rule_of, too_long
from trainer.sheets.columns import Matched
from trainer.sheets.reading import Sheet
from trainer.web.i18n import LOCALES, _, text_in
from trainer.web.session import Viewer

MOST_ROWS = 1_000
# Ours → what else a centre may call it. Languages are added to the first five: "title zh-Hans", "标题 zh-Hans".
AUTHORED: dict[str, tuple[str, ...]] = {
    "title": (
        "name",
        "rule name",
        "item",
        "check item",
        "标题",
        "名称",
        "质检项",
        "质检项目",
        "標題",
        "名稱",
        "質檢項目",
    ),
    "statement": (
        *("rule text", "standard", "text", "wording", "description", "content", "criterion"),
        *("内容", "表述", "标准", "质检标准", "描述", "细则", "內容", "標準", "質檢標準", "細則"),
    ),
    "why": ("reason", "rationale", "purpose", "原因", "理由", "为什么", "目的", "為什麼"),
    "recall_prompt": ("recall question", "question", "recall", "提问", "背诵问题", "提問", "背誦問題"),
    "key_tokens": ("key words", "keywords", "tokens", "关键词", "关键字", "關鍵詞", "關鍵字"),
}
PLAIN: dict[str, tuple[str, ...]] = {
    "code": (
        "rule",
        "rule code",
        "rule no",
        "rule number",
        "code no",
        "nr",
        "rule id",
        "id",
        "no",
        "number",
        "编号",
        "编码",
        "代码",
        "序号",
        "編號",
        "編碼",
        "序號",
    ),
    "goal": (
        *("want", "need", "objective", "dimension", "category", "goal of the customer", "serves"),
        *("目标", "质检目标", "客户需求", "需求", "维度", "目標", "質檢目標", "客戶需求", "維度"),
    ),
    "severity": (
        *("error type", "fatal", "criticality", "critical", "level"),
        *("严重程度", "错误类型", "严重性", "等级", "嚴重程度", "錯誤類型", "等級"),
    ),
    "kind": ("type", "rule type", "类型", "性质", "類型", "性質"),
    "weight": ("points", "score", "max points", "weighting", "权重", "分值", "分数", "權重", "分數"),
}
SEVERITY = {
    "fatal": (
        *(
            "fatal",
            "f",
            "critical",
            "fatal error",
            "no-go",
            "no-go zone",
            "forbidden",
            "forbidden zone",
            "yes",
            "y",
            "true",
        ),
        *("致命", "致命错误", "致命錯誤", "禁区", "禁區", "红线", "紅線", "是"),
    ),
    "non_fatal": (
        *(
            "non_fatal",
            "non-fatal",
            "non fatal",
            "nonfatal",
            "nf",
            "n",
            "non-critical",
            "not critical",
            "minor",
            "normal",
        ),
        *("no", "false", "非致命", "非致命错误", "非致命錯誤", "一般", "普通", "否"),
    ),
}
KIND = {
    "scripted": (
        "scripted",
        "script",
        "s",
        "fixed",
        "verbatim",
        "话术",
        "固定",
        "固定话术",
        "話術",
        "固定話術",
        "规定",
        "規定",
    ),
    "judgement": ("judgement", "judgment", "j", "free", "own words", "判断", "判斷", "灵活", "靈活", "自由"),
}
_NUMBER = re.compile(r"(\d{1,5})(?:[.,]0+)?\s*(?:%|分|points?|pts?)?", re.IGNORECASE)

State = Literal["new", "changed", "unchanged", "refused"]


def known() -> dict[str, tuple[str, ...]]:
    """Every column that a sheet may have, by our name, with its synonyms."""
    found = {**PLAIN, **AUTHORED}
    for name, words in AUTHORED.items():
        for locale in LOCALES:
            found[f"{name} {locale}"] = tuple(f"{word} {locale}" for word in words)
    return found


def column_names() -> dict[str, str]:
    """What the columns are called for people, in the order of the form."""
    names = {
        "code": _("Code"),
        "title": _("Title"),
        "statement": _("Statement"),
        "why": _("Why"),
        "goal": _("Want it serves"),
        "severity": _("Severity"),
        "kind": _("Kind"),
        "weight": _("Weight"),
        "recall_prompt": _("Recall question"),
        "key_tokens": _("Key words"),
    }
    return names | {
        f"{name} {locale}": f"{names[name]} ({locale})" for name in AUTHORED for locale in LOCALES
    }


@dataclass(frozen=True, slots=True)
class Line:
    """One row: what it would do and, where it is refused, why. `fields` is what would be written on `revision`."""

    number: int
    code: str
    title: str
    state: State
    reasons: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    changes: list[Change] = field(default_factory=list)
    fields: dict[str, Any] = field(default_factory=dict)
    revision: int | None = None

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def counts(lines: Sequence[Line]) -> dict[str, int]:
    """How many rows there are of each state."""
    found = Counter(line.state for line in lines)
    return {state: found[state] for state in ("new", "changed", "unchanged", "refused")}


def check_columns(matched: Matched) -> dict[str, str]:
    """What is wrong with the choice of columns, by column, in words; {} when rows can be read."""
    wrong = {
        name: _("Two columns would be this: %(headings)s. Choose one.")
        % {"headings": ", ".join(matched.claims[name])}
        for name in matched.duplicate
    }
    here = matched.columns
    if "code" not in here:
        wrong.setdefault("code", _("Choose the column with each rule's code."))
    if not any(name.split(" ")[0] == "statement" for name in here):
        wrong.setdefault("statement", _("Choose the column that says what to do on the call."))
    return wrong


async def plan(sheet: Sheet, matched: Matched, book: BookFrame) -> list[Line]:
    """What each row would do to this book, in the sheet's order. One query."""
    codes = [matched.cell(row, "code") for row in sheet.rows]
    times = Counter(codes)
    versions: dict[str, list[RuleView]] = {}
    for row in await queries.all_versions(sorted({code for code in codes if code})):
        versions.setdefault(row["code"], []).append(rule_of(row))
    reader = _Reader(book, matched, versions, times)
    lines = []
    for place, cells in enumerate(sheet.rows):
        number = sheet.numbers[place] if place < len(sheet.numbers) else place + 2
        lines.append(reader.line(number, cells, sheet.uneven.get(place)))
    return lines


@dataclass(slots=True)
class _Reader:
    """Reads rows one by one against what is in the book."""

    book: BookFrame
    matched: Matched
    versions: Mapping[str, list[RuleView]]
    times: Mapping[str, int]

    def line(self, number: int, cells: list[str], width: int | None) -> Line:
        code = self.matched.cell(cells, "code")
        base = self._base(code)
        wrong = document.Mistakes()
        if width is not None:
            told = _("This row has %(has)s cells, the headings have %(should)s: cells may have slipped.")
            wrong.add("", "shifted", told % {"has": width, "should": len(cells)})
        for name, place in self.matched.columns.items():
            if cells[place].startswith("="):
                told = _("%(column)s holds a formula. Put in its result.")
                wrong.add(name, "formula", told % {"column": column_names()[name]})
        self._check_code(wrong, code, base)
        given = self._fields(wrong, cells, base)
        text = None
        if not wrong.errors:
            before = fields_of(base) if base else {}
            text = wrong.rule("", {**before, **given}, language=self.book.language)
        title = text_in(text.title if text else given.get("title", {}))
        if wrong.errors or text is None:
            return Line(number, code, title, "refused", reasons=_reasons(wrong.errors))
        wants = {want.code: text_in(want.title) for want in self.book.wants}
        differing = differences(text_of(base) if base else None, text, wants)
        notes = [length_sentence(each) for each in too_long(text.statement)]
        if base is None:
            return Line(number, code, title, "new", notes=notes, changes=differing, fields=given)
        if not differing:
            return Line(number, code, title, "unchanged", notes=notes)
        if base.state == "draft":
            notes.append(_("It has a draft already, which this changes."))
        return Line(number, code, title, "changed", [], notes, differing, given, base.revision)

    def _base(self, code: str) -> RuleView | None:
        """What the row is compared with: the draft, else what is published."""
        known = {rule.state: rule for rule in self.versions.get(code, [])}
        return known.get("draft") or known.get("published")

    def _check_code(self, wrong: document.Mistakes, code: str, base: RuleView | None) -> None:
        if not code:
            wrong.add("code", "required", _("It has no code."))
            return
        wrong.rule_code("code", code)
        if self.times[code] > 1:
            told = _("The code %(code)s stands in %(n)s rows.")
            wrong.add("code", "repeated", told % {"code": code, "n": self.times[code]})
        if base is not None and base.rulebook_code != self.book.code:
            told = _("%(code)s belongs to the rule book “%(book)s”.")
            wrong.add("code", "elsewhere", told % {"code": code, "book": text_in(base.rulebook_title)})

    def _fields(self, wrong: document.Mistakes, cells: list[str], base: RuleView | None) -> dict[str, Any]:
        """The fields that the row gives, named as in the YAML format; texts and tokens over what is there."""
        given: dict[str, Any] = {}
        for column in self.matched.columns:
            value = self.matched.cell(cells, column)
            if not value or column == "code":
                continue
            name, _blank, locale = column.partition(" ")
            if name in AUTHORED:
                there = given.get(name) or dict(getattr(base, name) if base else {})
                words: Any = value
                if name == "key_tokens":
                    words = [part.strip() for part in re.split(r"[\n;；]", value) if part.strip()]
                given[name] = {**there, locale or self.book.language: words}
            elif name == "goal":
                given["want"] = self._want(wrong, value)
            elif name == "weight":
                given["weight"] = _weight(wrong, value)
            else:
                given[name] = _choice(wrong, name, value, SEVERITY if name == "severity" else KIND)
        if base is None and "title" not in given and "statement" in given and not self._has("title"):
            given["title"] = {locale: words[:120] for locale, words in given["statement"].items()}
        return given

    def _has(self, name: str) -> bool:
        return any(column.partition(" ")[0] == name for column in self.matched.columns)

    def _want(self, wrong: document.Mistakes, value: str) -> str:
        for want in self.book.wants:
            if _folded(value) in {_folded(want.code), *(_folded(title) for title in want.title.values())}:
                return want.code
        if self.book.wants:
            told = _("There is no want “%(name)s”. There are: %(wants)s.")
            wants = ", ".join(text_in(want.title) for want in self.book.wants)
            wrong.add("want", "unknown", told % {"name": value, "wants": wants})
        else:
            told = _("There is no want “%(name)s”: this rule book has none yet.")
            wrong.add("want", "unknown", told % {"name": value})
        return ""


def _reasons(errors: Sequence[FieldError]) -> list[str]:
    """Why a row is refused, each reason with the column that it is about."""
    names = column_names() | {"want": _("Want it serves")}
    said = []
    for error in errors:
        column = names.get(error.field)
        bare = error.code in ("formula", "shifted", "repeated", "elsewhere", "unknown-value") or not column
        said.append(error.message if bare or error.field == "code" else f"{column}: {error.message}")
    return list(dict.fromkeys(said))


def _weight(wrong: document.Mistakes, value: str) -> int:
    found = _NUMBER.fullmatch(value)
    if found is None:
        told = _("“%(value)s” is no weight. It is a whole number from 0 to %(most)s.")
        wrong.add("weight", "unknown-value", told % {"value": value, "most": document.MOST_WEIGHT})
        return 0
    return int(found[1])


def _choice(wrong: document.Mistakes, name: str, value: str, meanings: Mapping[str, Sequence[str]]) -> str:
    for meaning, words in meanings.items():
        if _folded(value) in {_folded(word) for word in words}:
            return meaning
    told = {
        "severity": _("“%(value)s” is no severity. Write fatal or non-fatal."),
        "kind": _("“%(value)s” is no kind of rule. Write scripted or judgement."),
    }[name]
    wrong.add(name, "unknown-value", told % {"value": value})
    return next(iter(meanings))


def _folded(value: str) -> str:
    return re.sub(r"[\s_\-–]+", "", value).casefold()


@dataclass(frozen=True, slots=True)
class Applied:
    """What became of the rows: codes drafted new, changed; and by a refused row's number its code and why not."""

    added: list[str]
    changed: list[str]
    refused: dict[str, tuple[str, str]]


async def apply_plan(viewer: Viewer, book: str, lines: Sequence[Line]) -> Applied:
    """Writes the new and changed rows as drafts, each by itself and on the revision that was shown.

    Inside a transaction. Raises Forbidden.
    """
    if not viewer.has(*WRITE):
        raise Forbidden(_("Trainers and QA analysts write rules."))
    applied = Applied([], [], {})
    for line in lines:
        try:
            async with db.savepoint():
                if line.state == "new":
                    await create_draft(viewer, line.code, line.fields, rulebook=book)
                    applied.added.append(line.code)
                elif line.state == "changed":
                    await edit_rule(viewer, line.code, line.fields, expected=line.revision)
                    applied.changed.append(line.code)
                elif line.state == "refused":
                    applied.refused[str(line.number)] = line.code, " ".join(line.reasons)
        except (Invalid, Conflict, NotFound, PreconditionFailed) as problem:
            reasons = [error.message for error in getattr(problem, "errors", [])] or [problem.detail]
            applied.refused[str(line.number)] = line.code, " ".join(reasons)
    return applied
