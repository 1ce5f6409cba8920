"""What a person decides about a clip, and whether it can be so: every wrong field is named in one answer."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from trainer.clips.arithmetic import Cut, Line, clock, range_fault, tidy
from trainer.clips.reading import POLARITIES
from trainer.clips.views import ClipView
from trainer.problems import FieldError, Invalid
from trainer.web.i18n import _

Wording = str | Mapping[str, str]

TITLE_MOST = 120
TEXT_MOST = 2000
RULES_MOST = 10
REDACTIONS_MOST = 100
LINES_MOST = 100
LINE_MOST = 1000
SPEAKERS = ("agent", "caller", "")


@dataclass(frozen=True, slots=True)
class RuleCue:
    """Where the clip meets or breaks one of its rules, and why. `cue_ms` lies in the clip."""

    rule: str
    cue_ms: int | None = None
    why: Wording = ""


@dataclass(frozen=True, slots=True)
class ClipFields:
    """What a person decides about a clip. `redactions` and `lines` lie in the recording, `cue_ms` in the clip.

    `cues` are for rules that have a moment or a reason of their own; the others share `cue_ms` and `why`.

    `lines` were typed and stand for what the call's transcript says; None: nobody typed any.
    Wording is a sentence in the language of the page, or {locale: sentence} from a library.
    """

    start_ms: int
    end_ms: int
    title: Wording
    polarity: str = "exemplar"
    rules: tuple[str, ...] = ()
    cue_ms: int | None = None
    note: Wording = ""
    why: Wording = ""
    redactions: tuple[Cut, ...] = ()
    no_speech: bool = False
    lines: tuple[Line, ...] | None = None
    cues: tuple[RuleCue, ...] = ()


def fields_of(clip: ClipView) -> ClipFields:
    """What a person decided about a clip, as it is: for changing a part of it."""
    return ClipFields(
        start_ms=clip.start_ms,
        end_ms=clip.end_ms,
        title=clip.titles,
        polarity=clip.polarity,
        rules=tuple(rule.code for rule in clip.rules),
        cue_ms=clip.cue_ms,
        note=clip.notes,
        why=clip.whys,
        redactions=clip.redactions,
        no_speech=clip.no_speech,
        lines=clip.typed,
        cues=tuple(RuleCue(rule.code, rule.cue_ms, rule.whys) for rule in clip.rules),
    )


def checked(fields: ClipFields, recording_ms: int) -> ClipFields:
    """The fields with redactions in order and each rule once. Raises Invalid naming every wrong field."""
    said = tuple(
        cue for cue in fields.cues if cue.cue_ms is not None or any(as_texts(cue.why, "en").values())
    )
    fields = replace(fields, rules=tuple(dict.fromkeys(fields.rules)), cues=said)
    errors = [*_wording_errors(fields), *_time_errors(fields, recording_ms), *_cue_errors(fields)]
    if fields.lines is not None:
        spoken = tuple(sorted((line for line in fields.lines if line.text.strip()), key=_in_time))
        fields = replace(fields, lines=spoken or None)
        errors += _line_errors(spoken, recording_ms)
    if fields.polarity not in POLARITIES:
        errors.append(FieldError("polarity", "unknown", _("Choose what kind of example this is.")))
    if len(fields.rules) > RULES_MOST:
        errors.append(
            FieldError("rules", "too-many", _("A clip shows at most %(n)s rules.") % {"n": RULES_MOST})
        )
    if errors:
        raise Invalid(_("Some fields need another look."), errors=errors)
    return replace(fields, redactions=tuple(tidy(fields.redactions)))


def _in_time(line: Line) -> tuple[int, int]:
    return line.start_ms, line.end_ms


def _wording_errors(fields: ClipFields) -> Iterator[FieldError]:
    limits: list[tuple[str, Wording, int]] = [
        ("title", fields.title, TITLE_MOST),
        ("note", fields.note, TEXT_MOST),
        ("why", fields.why, TEXT_MOST),
    ]
    for name, wording, most in limits:
        longest = max((len(text) for text in as_texts(wording, "en").values()), default=0)
        if longest > most:
            yield FieldError(
                name, "too-long", _("Please keep this under %(most)s characters.") % {"most": most}
            )
    if not any(text.strip() for text in as_texts(fields.title, "en").values()):
        yield FieldError("title", "required", _("Give the clip a title."))


def _time_errors(fields: ClipFields, recording_ms: int) -> Iterator[FieldError]:
    if fault := range_fault(fields.start_ms, fields.end_ms, recording_ms):
        field, code = fault
        yield FieldError(field, code, _range_sentence(code, recording_ms))
    elif fields.cue_ms is not None and not 0 <= fields.cue_ms <= fields.end_ms - fields.start_ms:
        yield FieldError("cue_ms", "outside", _("The cue lies outside the clip. Set it again, or remove it."))
    if len(fields.redactions) > REDACTIONS_MOST:
        yield FieldError(
            "redactions", "too-many", _("A clip has at most %(n)s redactions.") % {"n": REDACTIONS_MOST}
        )
    for cut in fields.redactions:
        if not 0 <= cut.start_ms < cut.end_ms <= recording_ms:
            yield FieldError(
                "redactions", "outside", _("A redaction ends before it starts, or lies outside the call.")
            )
        elif cut.mode not in ("beep", "silence"):
            yield FieldError("redactions", "unknown", _("A redaction is a beep or silence."))


def _cue_errors(fields: ClipFields) -> Iterator[FieldError]:
    codes = [cue.rule for cue in fields.cues]
    for code in dict.fromkeys(codes):
        if codes.count(code) > 1:
            told = _("There are two cues of %(code)s. Keep one.")
            yield FieldError("cues", "twice", told % {"code": code})
        elif code not in fields.rules:
            told = _("There is a cue of %(code)s, but the clip is not pinned to it.")
            yield FieldError("cues", "unknown", told % {"code": code})
    for cue in fields.cues:
        if cue.cue_ms is not None and not 0 <= cue.cue_ms <= fields.end_ms - fields.start_ms:
            told = _("The cue of %(code)s lies outside the clip. Set it again, or remove it.")
            yield FieldError("cues", "outside", told % {"code": cue.rule})
        if any(len(text) > TEXT_MOST for text in as_texts(cue.why, "en").values()):
            told = _("Please keep this under %(most)s characters.")
            yield FieldError("cues", "too-long", told % {"most": TEXT_MOST})


def _line_errors(lines: Sequence[Line], recording_ms: int) -> Iterator[FieldError]:
    if len(lines) > LINES_MOST:
        yield FieldError("lines", "too-many", _("A clip has at most %(n)s lines.") % {"n": LINES_MOST})
    for number, line in enumerate(lines, start=1):
        if not 0 <= line.start_ms < line.end_ms <= recording_ms:
            told = _("Line %(n)s ends before it starts, or lies outside the call.")
            yield FieldError("lines", "outside", told % {"n": number})
        elif line.speaker not in SPEAKERS:
            told = _("Line %(n)s is said by the agent, the caller, or nobody named.")
            yield FieldError("lines", "unknown", told % {"n": number})
        elif len(line.text) > LINE_MOST:
            told = _("Line %(n)s is too long: split it where the speaker draws breath.")
            yield FieldError("lines", "too-long", told % {"n": number})


def _range_sentence(code: str, recording_ms: int) -> str:
    return {
        "negative": _("A clip cannot start before the call does."),
        "past-end": _("The call ends at %(end)s; the clip would go on after it.")
        % {"end": clock(recording_ms)},
        "backward": _("The end has to come after the start."),
        "too-short": _("A clip is at least 0.3 seconds long."),
        "too-long": _("A clip is at most 2 minutes long. Pick the moment that lets one hear the rule."),
    }[code]


def as_texts(wording: Wording, language: str) -> dict[str, str]:
    """Wording by language; a sentence is in `language`."""
    return {language: wording} if isinstance(wording, str) else dict(wording)
