"""Two trainers at one draft: what each of them changed, and a form that takes theirs part by part.

The editor's form carries a mark of each part as it was opened. When somebody else saved meanwhile, a part that only
they changed is taken over, a part that only this trainer changed stays, and where both did the page asks which one.
Invariant: nothing that this trainer typed leaves the page without their choice, and nothing that was saved is put
back by accident.
"""

import hashlib
import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any

from trainer.clips.arithmetic import parse_clock
from trainer.clips.forms import Typed
from trainer.web.forms import Form
from trainer.web.i18n import _

# What is decided together: a cue belongs to its rule, an end to its start.
PARTS: dict[str, tuple[str, ...]] = {
    "title": ("title",),
    "range": ("start", "end"),
    "cue": ("cue",),
    "polarity": ("polarity",),
    "rules": ("rules", "cues"),
    "note": ("note",),
    "why": ("why",),
    "redactions": ("redactions",),
    "lines": ("lines", "no_speech"),
}
_TIMES = ("start", "end", "cue")


@dataclass(frozen=True, slots=True)
class Choice:
    """A part that differs. `theirs_json` holds their values by field, for the page's script."""

    part: str
    label: str
    mine: str
    theirs: str
    theirs_json: str


@dataclass(frozen=True, slots=True)
class Settled:
    """What becomes of one trainer's typing beside another's save."""

    typed: Typed
    taken: list[str]
    choices: list[Choice]


def part_names() -> dict[str, str]:
    """Each part in words."""
    return {
        "title": _("Title"),
        "range": _("Start and end"),
        "cue": _("Cue"),
        "polarity": _("Kind of example"),
        "rules": _("Rules"),
        "note": _("What to listen for"),
        "why": _("Why it is met or missed"),
        "redactions": _("Redactions"),
        "lines": _("Words of the clip"),
    }


def marks_of(typed: Typed) -> str:
    """What the form carries to tell later which parts were changed in it: `part=mark`, spaced."""
    return " ".join(f"{part}={_mark(typed, part)}" for part in PARTS)


def settle(mine: Typed, theirs: Typed, opened: str) -> Settled:
    """Puts what two people did side by side. `opened`: `marks_of` the clip as this one opened it, or "" if unknown."""
    before = dict(pair.split("=", 1) for pair in opened.split() if "=" in pair)
    taken: list[str] = []
    choices: list[Choice] = []
    for part, label in part_names().items():
        if _mark(mine, part) == _mark(theirs, part):
            continue
        if before.get(part) == _mark(mine, part):
            taken.append(part)
        elif before.get(part) != _mark(theirs, part):
            choices.append(Choice(part, label, _told(mine, part), _told(theirs, part), _json(theirs, part)))
    merged = taking(mine, theirs, taken)
    return Settled(merged, [part_names()[part] for part in taken], choices)


def taking(mine: Typed, theirs: Typed, parts: Collection[str]) -> Typed:
    """What one typed, with these parts as the other saved them."""
    values: dict[str, Any] = {name: getattr(theirs, name) for part in parts for name in PARTS.get(part, ())}
    return replace(mine, **values)


def wanted_of(form: Form) -> list[str]:
    """The parts of which the page was told to take theirs."""
    return [part for part in PARTS if form.raw(f"take-{part}") == "theirs"]


def with_theirs(form: Form, theirs: Typed, parts: Collection[str]) -> Form:
    """The same form as if these parts had been typed as the other saved them."""
    fields = dict(form.fields)
    for part in parts:
        for name in PARTS[part]:
            value = getattr(theirs, name)
            fields[name] = _sent(value)
    return Form(fields)


def _sent(value: Any) -> list[str]:
    if isinstance(value, bool):
        return ["1"] if value else []
    return list(value) if isinstance(value, tuple) else [str(value)]


def _value(typed: Typed, name: str) -> Any:
    """A value in one writing: browsers send other line ends, and 5 is 0:05.0."""
    value = getattr(typed, name)
    if isinstance(value, tuple):
        return sorted(value)
    if isinstance(value, bool):
        return value
    at = parse_clock(value) if name in _TIMES else None
    return [line.strip() for line in value.strip().splitlines()] if at is None else at


def _mark(typed: Typed, part: str) -> str:
    values = json.dumps([_value(typed, name) for name in PARTS[part]], ensure_ascii=False)
    return hashlib.sha256(values.encode()).hexdigest()[:12]


def _told(typed: Typed, part: str) -> str:
    if part == "range":
        return f"{typed.start} – {typed.end}"
    if part == "rules":
        return "\n".join([", ".join(typed.rules), typed.cues]).strip()
    if part == "polarity":
        kinds: Mapping[str, str] = {
            "exemplar": _("Exemplar"),
            "near_miss": _("Near miss"),
            "counterexample": _("Counterexample"),
        }
        return kinds.get(typed.polarity, typed.polarity)
    if part == "lines" and typed.no_speech:
        return "\n".join([_("Nobody speaks in this clip"), typed.lines]).strip()
    return str(getattr(typed, PARTS[part][0]))


def _json(typed: Typed, part: str) -> str:
    return json.dumps({name: getattr(typed, name) for name in PARTS[part]}, ensure_ascii=False)
