"""The editor's form: from what was typed to fields, and back to what is shown again when something is wrong.

All times in it are times of the call, as m:ss.s; the cue too, so that moving the start does not move the
moment.
"""

import re
from dataclasses import dataclass
from typing import Any

from trainer.clips.arithmetic import Cut, Line, clock, parse_clock
from trainer.clips.service import ClipFields, ClipView, RuleCue
from trainer.problems import FieldError, Invalid
from trainer.web.forms import Form
from trainer.web.i18n import _

# A service names the columns, the page its fields.
FIELD_OF = {"start_ms": "start", "end_ms": "end", "cue_ms": "cue"}
_REDACTION = re.compile(r"\s*([\d:.,]+)\s*[-–]\s*([\d:.,]+)\s*(beep|silence)?\s*")
_CUE = re.compile(r"\s*([^\s:]+)(?:\s+([\d:.,]*\d))?\s*(?::\s*(.*))?")
_LINE = re.compile(r"\s*([\d:.,]+)\s*[-–]\s*([\d:.,]+)\s*(agent|caller)?\s*:(.*)")


@dataclass(frozen=True, slots=True)
class Typed:
    """What stands in the editor's fields."""

    start: str
    end: str
    title: str = ""
    polarity: str = "exemplar"
    rules: tuple[str, ...] = ()
    cue: str = ""
    note: str = ""
    why: str = ""
    redactions: str = ""
    lines: str = ""
    no_speech: bool = False
    revision: int | None = None
    cues: str = ""

    @classmethod
    def blank(
        cls, start_ms: int, end_ms: int, rules: tuple[str, ...] = (), kind: str = "exemplar"
    ) -> "Typed":
        """A new clip over this part of the call."""
        return cls(clock(start_ms), clock(end_ms), rules=rules, polarity=kind)

    @classmethod
    def of_clip(cls, clip: ClipView) -> "Typed":
        """A clip as it is."""
        return cls(
            start=clock(clip.start_ms),
            end=clock(clip.end_ms),
            title=clip.title,
            polarity=clip.polarity,
            rules=tuple(rule.code for rule in clip.rules),
            cue="" if clip.cue_ms is None else clock(clip.start_ms + clip.cue_ms),
            note=clip.note,
            why=clip.why,
            redactions=written(clip.redactions),
            lines=written_lines(clip.typed or ()),
            no_speech=clip.no_speech,
            revision=clip.revision,
            cues=written_cues(clip),
        )

    @classmethod
    def of_form(cls, form: Form, revision: int | None = None) -> "Typed":
        """What was sent, usable or not."""
        texts = {
            name: form.raw(name)
            for name in (
                "start",
                "end",
                "title",
                "polarity",
                "cue",
                "note",
                "why",
                "redactions",
                "lines",
                "cues",
            )
        }
        return cls(
            **texts, rules=tuple(form.many("rules")), no_speech=form.checked("no_speech"), revision=revision
        )


def written(cuts: tuple[Cut, ...]) -> str:
    """Redactions as the form writes them, one a line."""
    return "\n".join(f"{clock(cut.start_ms)} - {clock(cut.end_ms)} {cut.mode}" for cut in cuts)


def written_lines(lines: tuple[Line, ...]) -> str:
    """Typed lines as the form writes them, one a line."""
    return "\n".join(
        f"{clock(line.start_ms)} - {clock(line.end_ms)}{' ' + line.speaker if line.speaker else ''}: {line.text}"
        for line in lines
    )


def written_cues(clip: ClipView) -> str:
    """The moments and reasons that single rules have, as the form writes them, one a line; times are the call's."""
    lines = []
    for rule in clip.rules:
        if rule.cue_ms is not None or rule.why:
            at = "" if rule.cue_ms is None else f" {clock(clip.start_ms + rule.cue_ms)}"
            lines.append(f"{rule.code}{at}{': ' + ' '.join(rule.why.split()) if rule.why else ''}")
    return "\n".join(lines)


def read_fields(form: Form) -> ClipFields | None:
    """The clip that the form describes; None when a field is no value at all (noted in `form.errors`)."""
    start, end = _time(form, "start"), _time(form, "end")
    cue = _time(form, "cue") if form.raw("cue") else None
    redactions, lines = _redactions(form), typed_lines(form)
    cues = _cues(form, start or 0)
    title = form.text("title", most=120)
    note, why = form.text("note", required=False, most=2000), form.text("why", required=False, most=2000)
    if not form.ok or start is None or end is None:
        return None
    return ClipFields(
        start_ms=start,
        end_ms=end,
        title=title,
        polarity=form.raw("polarity"),
        rules=tuple(form.many("rules")),
        cue_ms=None if cue is None else cue - start,
        note=note,
        why=why,
        redactions=redactions,
        no_speech=form.checked("no_speech"),
        lines=lines or None,
        cues=cues,
    )


def require_fields(form: Form) -> ClipFields:
    """The same, or Invalid with every field that is no value."""
    fields = read_fields(form)
    if fields is None:
        errors = [FieldError(name, "unreadable", message) for name, message in form.errors.items()]
        raise Invalid(_("Some fields need another look."), errors=errors)
    return fields


def take_refusal(form: Form, problem: Invalid) -> None:
    """Show a service's refusal at the page's own fields."""
    for error in problem.errors:
        form.errors.setdefault(FIELD_OF.get(error.field, error.field), error.message)


def _time(form: Form, name: str) -> int | None:
    value = parse_clock(form.raw(name))
    if value is None:
        form.errors[name] = _("Write a time such as 0:33.5.")
    return value


def _cues(form: Form, clip_start_ms: int) -> tuple[RuleCue, ...]:
    cues = []
    for line in form.raw("cues").splitlines():
        if not line.strip():
            continue
        match = _CUE.fullmatch(line)
        at = parse_clock(match[2]) if match and match[2] else None
        if match is None or (match[2] and at is None):
            form.errors["cues"] = _("Write one cue a line, such as: R01 0:12.3: She repeats the sum.")
            continue
        cues.append(RuleCue(match[1], None if at is None else at - clip_start_ms, (match[3] or "").strip()))
    return tuple(cues)


def _redactions(form: Form) -> tuple[Cut, ...]:
    cuts = parse_redactions(form.raw("redactions"))
    if cuts is None:
        form.errors["redactions"] = _("Write one redaction a line, such as: 0:12.3 - 0:13.4 beep")
    return cuts or ()


def parse_redactions(text: str) -> tuple[Cut, ...] | None:
    """Redactions as `written` writes them; None when a line is none."""
    cuts = []
    for line in text.splitlines():
        if not line.strip():
            continue
        match = _REDACTION.fullmatch(line)
        start = parse_clock(match[1]) if match else None
        end = parse_clock(match[2]) if match else None
        if match is None or start is None or end is None:
            return None
        mode: Any = match[3] or "beep"
        cuts.append(Cut(start, end, mode))
    return tuple(cuts)


def typed_lines(form: Form) -> tuple[Line, ...]:
    lines = []
    for line in form.raw("lines").splitlines():
        if not line.strip():
            continue
        match = _LINE.fullmatch(line)
        start = parse_clock(match[1]) if match else None
        end = parse_clock(match[2]) if match else None
        if match is None or start is None or end is None:
            form.errors["lines"] = _("Write one line each, such as: 0:12.3 - 0:15.0 agent: Good morning.")
            continue
        lines.append(Line(start, end, match[3] or "", match[4].strip()))
    return tuple(lines)
