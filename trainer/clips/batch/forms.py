"""The form of several regions: each has a key, and its fields carry it (`title-3`). Empty regions are left out."""

from dataclasses import dataclass, field

from trainer.clips.arithmetic import clock, parse_clock
from trainer.clips.batch.service import MOST_REGIONS
from trainer.clips.fields import ClipFields, checked
from trainer.clips.forms import FIELD_OF, parse_redactions
from trainer.problems import Invalid
from trainer.web.forms import Form
from trainer.web.i18n import _

BLANK_ROWS = 3


@dataclass(slots=True)
class Row:
    """One region as it stands in the form, usable or not, with what is wrong with it."""

    key: str
    start: str = ""
    end: str = ""
    title: str = ""
    polarity: str = "exemplar"
    rules: tuple[str, ...] = ()
    cue: str = ""
    redactions: str = ""
    errors: dict[str, str] = field(default_factory=dict)

    @property
    def blank(self) -> bool:
        return not (self.start or self.end or self.title)

    def fields(self) -> ClipFields | None:
        """The clip that it describes; None when a time is none (noted in `errors`)."""
        start, end = self._time("start"), self._time("end")
        cue = self._time("cue") if self.cue else None
        cuts = parse_redactions(self.redactions)
        if cuts is None:
            self.errors["redactions"] = _("Write one redaction a line, such as: 0:12.3 - 0:13.4 beep")
        if start is None or end is None or self.errors:
            return None
        return ClipFields(
            start_ms=start,
            end_ms=end,
            title=self.title,
            polarity=self.polarity,
            rules=self.rules,
            cue_ms=None if cue is None else cue - start,
            redactions=cuts or (),
        )

    def take(self, problem: Invalid) -> None:
        """Show a refusal of this region at its fields."""
        for error in problem.errors:
            self.errors.setdefault(FIELD_OF.get(error.field, error.field), error.message)

    def _time(self, name: str) -> int | None:
        value = parse_clock(getattr(self, name))
        if value is None:
            self.errors[name] = _("Write a time such as 0:33.5.")
        return value


def blank_rows(rules: tuple[str, ...]) -> list[Row]:
    """Empty regions, for whoever types times without scripts."""
    return [Row(str(number), rules=rules) for number in range(1, BLANK_ROWS + 1)]


def read_rows(form: Form) -> list[Row]:
    """All regions that were sent and are not empty, in the order of the form."""
    rows = [_row(form, key[:20]) for key in form.many("region")[: MOST_REGIONS + 1]]
    return [row for row in rows if not row.blank]


def read_regions(rows: list[Row], recording_ms: int) -> list[ClipFields] | None:
    """The clips that the rows describe; None when any of them is wrong, and then all that is wrong is noted."""
    regions: list[ClipFields] = []
    for row in rows:
        try:
            if (fields := row.fields()) is not None:
                regions.append(checked(fields, recording_ms))
        except Invalid as problem:
            row.take(problem)
        row.errors |= {} if row.title else {"title": _("Give the clip a title.")}
    return regions if not any(row.errors for row in rows) else None


def _row(form: Form, key: str) -> Row:
    def sent(name: str) -> str:
        return form.raw(f"{name}-{key}")

    return Row(
        key,
        sent("start"),
        sent("end"),
        sent("title"),
        sent("polarity") or "exemplar",
        tuple(form.many(f"rules-{key}")),
        sent("cue"),
        sent("redactions"),
    )


def take_refusal(rows: list[Row], problem: Invalid) -> str:
    """Show a refusal at the regions that it is about; what is about none of them is returned."""
    rest: list[str] = []
    for error in problem.errors:
        place, dot, name = error.field.partition("].")
        if dot and place.removeprefix("clips[").isdigit():
            row = rows[int(place.removeprefix("clips["))]
            row.errors.setdefault(FIELD_OF.get(name, name), error.message)
        else:
            rest.append(error.message)
    return " ".join(rest)


def proposed(start_ms: int, end_ms: int, rules: tuple[str, ...]) -> Row:
    """A region that another page proposes."""
    return Row("1", clock(start_ms), clock(end_ms), rules=rules)
