"""Phrase hints (003-15): words that callers hate to hear, each with a better way to say it and the rule whose best clip
lets one hear that.

A hint shows beside a transcript, at its second. It is no mark: no evaluation asks for it, and nothing is counted by
agent. An upper room says which clip to hear; it registers in `voices` by name (wired in app.py).
Invariant: hints are found in the words as they are when somebody reads them; they are kept nowhere.
"""

import json
import re
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol
from uuid import UUID

from trainer import db
from trainer.people.audit import record_audit
from trainer.problems import Conflict, Forbidden, Invalid, NotFound, PreconditionFailed
from trainer.rulebook import document, queries
from trainer.rulebook.tables import Phrase, Rule, Rulebook
from trainer.rulebook.versions import dump
from trainer.rulebook.views import Authored
from trainer.web.i18n import _, text_in
from trainer.web.session import Viewer
from trainer.words import Turn, Unit, find_units, units

WRITE = ("trainer", "qa_analyst")

# What parts a sentence: a word that stands alone between two of these was all that was said.
_STOP = re.compile(r"[.,;:!?…—–。，；：！？、]")


class Line(Turn, Protocol):
    """A turn with its place in the transcript, times in the recording."""

    @property
    def position(self) -> int: ...


@dataclass(frozen=True, slots=True)
class PhraseView:
    """A phrase to look for. `said` are its wordings, `better` how to say it; `rule` is one's code."""

    id: UUID
    rulebook: UUID
    rulebook_code: str
    code: str
    language: str
    said: tuple[str, ...]
    alone: bool
    better: Authored
    rule_id: UUID | None
    rule: str | None
    rule_title: Authored
    revision: int


@dataclass(frozen=True, slots=True)
class BetterClip:
    """Where one hears how it is said well."""

    id: UUID
    title: str
    href: str


@dataclass(frozen=True, slots=True)
class Hint:
    """A phrase in a line: when it is said (ms in the recording), where in the line's text, and a better way.

    `phrase` is what was said, `words` how else; `clip` lets one hear it, where there is one for this reader.
    """

    position: int
    start_ms: int
    end_ms: int
    place: tuple[int, int]
    phrase: str
    words: str
    rule_id: UUID | None
    rule: str | None
    rule_title: str
    clip: BetterClip | None = None


# Which clip lets one hear a rule kept, by rule, for this viewer and preferably in this language.
voices: dict[str, Callable[[Viewer, Sequence[UUID], str], Awaitable[Mapping[UUID, BetterClip]]]] = {}


# Finding


async def hints_for(
    lines: Iterable[Line],
    *,
    viewer: Viewer | None = None,
    language: str = "en",
    rulebook: UUID | None = None,
) -> list[Hint]:
    """What an agent said in these lines that has a better way, in order; of the rule book, or of all without one.

    With a `viewer`, each with the clip that lets them hear it said well.
    """
    wanted = [
        phrase
        for phrase in await phrases()
        if _same_language(phrase.language, language) and rulebook in (None, phrase.rulebook)
    ]
    hints = hints_in(lines, wanted) if wanted else []
    rules = list(dict.fromkeys(hint.rule_id for hint in hints if hint.rule_id is not None))
    clips: dict[UUID, BetterClip] = {}
    if viewer is not None and rules:
        for voice in voices.values():
            clips |= await voice(viewer, rules, language)
    return [replace(hint, clip=clips.get(hint.rule_id)) if hint.rule_id else hint for hint in hints]


def hints_in(lines: Iterable[Line], wanted: Sequence[PhraseView]) -> list[Hint]:
    """The same for phrases that one has. What the caller says is nobody's to say better."""
    looked_for = [
        (tuple(unit.word for unit in units(wording)), phrase) for phrase in wanted for wording in phrase.said
    ]
    # the longest wording first: of two that overlap, it tells more
    looked_for.sort(key=lambda each: -len(each[0]))
    return [hint for line in lines if line.speaker != "caller" for hint in _in_line(line, looked_for)]


def _in_line(line: Line, looked_for: Sequence[tuple[tuple[str, ...], PhraseView]]) -> list[Hint]:
    among = units(line.text)
    there = {unit.word for unit in among}
    taken: set[int] = set()
    found: list[Hint] = []
    for words, phrase in looked_for:
        if not there.issuperset(words):
            continue
        for at in find_units(words, among):
            span = range(at, at + len(words))
            if taken.intersection(span) or (phrase.alone and not _alone(line.text, among, span)):
                continue
            taken.update(span)
            found.append(_hint(line, among, span, phrase))
    return sorted(found, key=lambda hint: hint.place)


def _alone(text: str, among: Sequence[Unit], span: range) -> bool:
    """Whether these words are all that stands between two marks, or the ends of the line."""
    first, last = span[0], span[-1]
    before = first == 0 or _STOP.search(text, among[first - 1].end, among[first].start)
    after = last == len(among) - 1 or _STOP.search(text, among[last].end, among[last + 1].start)
    return bool(before and after)


def _hint(line: Line, among: Sequence[Unit], span: range, phrase: PhraseView) -> Hint:
    start, end = among[span[0]].start, among[span[-1]].end
    start_ms, end_ms = _time_of(line, start, end)
    return Hint(
        line.position,
        start_ms,
        end_ms,
        (start, end),
        line.text[start:end],
        text_in(phrase.better),
        phrase.rule_id,
        phrase.rule,
        text_in(phrase.rule_title),
    )


def _time_of(line: Line, start: int, end: int) -> tuple[int, int]:
    """When a part of a line is said: by its words' times, else by its share of the line."""
    timed = [word for word in line.words if word[2].strip()]
    spoken: list[tuple[int, int]] = []
    past = 0
    for from_ms, to_ms, text in timed:
        at = line.text.find(text.strip(), past)
        if at == -1:
            spoken = []
            break
        past = at + len(text.strip())
        if at < end and past > start:
            spoken.append((from_ms, to_ms))
    if spoken:
        return spoken[0][0], max(to_ms for _from_ms, to_ms in spoken)
    length, span = max(1, len(line.text)), line.end_ms - line.start_ms
    return line.start_ms + span * start // length, line.start_ms + span * end // length


def _same_language(one: str, other: str) -> bool:
    """Simplified and traditional Chinese have other characters; other variants of a language are one."""
    return one == other or (one.partition("-")[0] == other.partition("-")[0] and not one.startswith("zh"))


# Reading and writing


async def phrases(book: str | None = None) -> list[PhraseView]:
    """All phrases in order, or those of one rule book (its code)."""
    return [_phrase_of(row) for row in await queries.phrases(book)]


async def get_phrase(phrase: UUID) -> PhraseView:
    """One of them. Raises NotFound."""
    for each in await phrases():
        if each.id == phrase:
            return each
    raise NotFound(_("There is no such phrase any more."))


def _phrase_of(row: Mapping[str, Any]) -> PhraseView:
    texts = {name: json.loads(row[name] or "{}") for name in ("better", "rule_title")}
    return PhraseView(**{**row, **texts, "said": tuple(json.loads(row["said"]))})


async def add_phrase(viewer: Viewer, fields: Mapping[str, Any], *, book: str | None = None) -> UUID:
    """A new phrase of a book (of the only one there is, without its code); `fields` as in the YAML format.

    Raises Forbidden, and Invalid with every wrong field.
    """
    _may(viewer)
    async with db.transaction():
        row = await _book(book)
        await db.lock(f"phrases of {row['code']}")
        there = await phrases(row["code"])
        code = str(fields.get("code") or "") or _fresh_code({each.code for each in there})
        text = _read({**fields, "code": code}, row["language"])
        if any(each.code == code for each in there):
            raise Invalid.field("code", "taken", _("There is a phrase with this code already."))
        phrase = db.new_id()
        position = await _last_position(row["id"]) + 1
        await Phrase.insert(
            Phrase(id=phrase, rulebook=row["id"], code=code, position=position, **await _columns(text))
        )
        await record_audit(viewer, "phrase_added", "phrase", code, {"rulebook": row["code"]})
    return phrase


async def edit_phrase(viewer: Viewer, phrase: UUID, fields: Mapping[str, Any], *, expected: int) -> None:
    """Says something else about a phrase; fields that are not named stay.

    Raises Forbidden, NotFound, Invalid, and PreconditionFailed when somebody changed it since `expected`.
    """
    _may(viewer)
    async with db.transaction():
        known = await get_phrase(phrase)
        given = {
            "said": list(known.said),
            "language": known.language,
            "alone": known.alone,
            "better": known.better,
            "rule": known.rule or "",
            **fields,
            "code": known.code,
        }
        text = _read(given, known.language)
        mine = (Phrase.id == phrase) & (Phrase.revision == expected)
        values = {**await _columns(text), "revision": expected + 1}
        if not await Phrase.update(values).where(mine).returning(Phrase.id):
            raise PreconditionFailed(
                _("Somebody changed this phrase meanwhile. Load the page again, then repeat your change."),
                current=f'"r{known.revision}"',
            )
        await record_audit(viewer, "phrase_edited", "phrase", known.code, {"rulebook": known.rulebook_code})


async def remove_phrase(viewer: Viewer, phrase: UUID) -> None:
    """Looks for it no more. Raises Forbidden, NotFound."""
    _may(viewer)
    known = await get_phrase(phrase)
    async with db.transaction():
        if await Phrase.delete().where(Phrase.id == phrase).returning(Phrase.id):
            await record_audit(
                viewer, "phrase_removed", "phrase", known.code, {"rulebook": known.rulebook_code}
            )


async def put_phrases(book: UUID, wanted: Sequence[document.Phrased]) -> None:
    """Phrases of a document: new ones are added, those with the same code say what it says; others stay."""
    rows = await Phrase.select().where(Phrase.rulebook == book)
    there = {row["code"]: row for row in rows}
    for position, text in enumerate(wanted):
        # a rule that this document does not name may be here already
        columns = {**await _columns(text, f"phrases[{position}].rule"), "position": position}
        known = there.get(text.code)
        if known is None:
            await Phrase.insert(Phrase(id=db.new_id(), rulebook=book, code=text.code, **columns))
        elif any(known[name] != value for name, value in columns.items() if name != "updated_at"):
            await Phrase.update({**columns, "revision": known["revision"] + 1}).where(
                Phrase.id == known["id"]
            )


def as_document(phrase: PhraseView) -> document.Phrased:
    """The phrase as a rule book's document has it."""
    return document.Phrased(
        phrase.code, phrase.language, list(phrase.said), phrase.alone, phrase.better, phrase.rule or ""
    )


def _may(viewer: Viewer) -> None:
    if not viewer.has(*WRITE):
        raise Forbidden(_("Trainers and QA analysts write phrases."))


async def _book(code: str | None) -> dict[str, Any]:
    rows = await Rulebook.select().where(Rulebook.code == code) if code else await Rulebook.select()
    if not rows:
        raise Invalid.field("rulebook", "unknown", _("There is no such rule book."))
    if len(rows) > 1:
        raise Invalid.field("rulebook", "required", _("Please choose one of these."))
    return rows[0]


def _read(fields: Mapping[str, Any], language: str) -> document.Phrased:
    wrong = document.Mistakes()
    text = wrong.phrase("", fields, language=language)
    wrong.stop(_("This phrase cannot be saved yet."))
    return text


async def _columns(text: document.Phrased, place: str = "rule") -> dict[Any, Any]:
    rule = None
    if text.rule:
        row = await Rule.select(Rule.id).where(Rule.code == text.rule).first()
        if row is None:
            raise Invalid.field(place, "unknown", _("There is no such rule."))
        rule = row["id"]
    return {
        "language": text.language,
        "said": dump(text.said),
        "alone": text.alone,
        "better": dump(text.better),
        "rule": rule,
        "updated_at": db.utc_now(),
    }


async def _last_position(book: UUID) -> int:
    row = (
        await Phrase.select(Phrase.position)
        .where(Phrase.rulebook == book)
        .order_by(Phrase.position, ascending=False)
        .first()
    )
    return row["position"] if row else -1


def _fresh_code(taken: set[str]) -> str:
    made = (f"phrase-{number}" for number in range(1, 100_000))
    free = next((code for code in made if code not in taken), None)
    if free is None:
        raise Conflict(_("There are too many phrases."))
    return free
