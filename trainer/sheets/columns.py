"""Which of a sheet's columns is which of ours: by name in English or Chinese, or as somebody chose.

Invariant: a column is never guessed from its cells, and one that two headings claim belongs to neither until a person
says so. What is left over is named.
"""

import re
import unicodedata
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from trainer.problems import FieldError, Invalid
from trainer.sheets.reading import Sheet, column_letter
from trainer.web.i18n import _

_BETWEEN = re.compile(r"[\s_\-./:：*()（）'’]+")


@dataclass(frozen=True, slots=True)
class Matched:
    """`columns`: ours → place in the row, from 0. `unknown`: headings that are none of ours and hold something.
    `duplicate`: those of ours that several headings claim (their headings in `claims`).
    """

    columns: dict[str, int]
    unknown: list[str]
    duplicate: list[str]
    claims: dict[str, list[str]]

    def cell(self, row: list[str], name: str) -> str:
        """Our column's cell of a row; "" when the sheet has no such column."""
        place = self.columns.get(name)
        return row[place] if place is not None else ""

    def complaints(self) -> list[str]:
        """What is wrong with the headings, in sentences; none when all is well."""
        told = [
            _("The column %(name)s is there twice: %(headings)s.")
            % {"name": name, "headings": ", ".join(f"“{heading}”" for heading in self.claims[name])}
            for name in self.duplicate
        ]
        return told + [_("There is no column %(name)s.") % {"name": f"“{name}”"} for name in self.unknown]


def match_columns(
    sheet: Sheet, known: Mapping[str, Collection[str]], *, chosen: Mapping[str, int | None] | None = None
) -> Matched:
    """Matches headings with our columns, `known` by their synonyms (our own name always counts).

    Case, blanks, hyphens and accents of width do not matter. `chosen` (ours → place, None: not there) is what somebody
    set by hand: then nothing else is matched, and columns not chosen are left out by intention.
    """
    if chosen is not None:
        given = {name: at for name, at in chosen.items() if at is not None and 0 <= at < len(sheet.columns)}
        twice = {at for at in given.values() if list(given.values()).count(at) > 1}
        sound = {name: at for name, at in given.items() if at not in twice}
        both = [name for name in given if name not in sound]
        claims = {name: [heading_of(sheet, given[name])] for name in both}
        return Matched(sound, [], both, claims)
    meaning = {_folded(word): name for name, words in known.items() for word in (*words, name)}
    claimed: dict[str, list[int]] = {}
    unknown: list[str] = []
    for place, heading in enumerate(sheet.columns):
        name = meaning.get(_folded(heading))
        if name is not None:
            claimed.setdefault(name, []).append(place)
        elif heading or any(row[place] for row in sheet.rows):
            unknown.append(heading_of(sheet, place))
    columns = {name: places[0] for name, places in claimed.items() if len(places) == 1}
    claims = {
        name: [heading_of(sheet, place) for place in places]
        for name, places in claimed.items()
        if len(places) > 1
    }
    return Matched(columns, unknown, list(claims), claims)


def require_matched(matched: Matched, needed: Iterable[str] = ()) -> None:
    """Raises Invalid that names every unknown, doubled and missing column, for imports that ask nobody."""
    errors = [
        FieldError(name, "twice", sentence)
        for name, sentence in zip([*matched.duplicate, *matched.unknown], matched.complaints(), strict=True)
    ]
    errors += [
        FieldError(name, "missing", _("The column %(name)s is missing.") % {"name": name})
        for name in needed
        if name not in matched.columns and name not in matched.duplicate
    ]
    if errors:
        raise Invalid(" ".join(error.message for error in errors), errors=errors, slug="columns")


def heading_of(sheet: Sheet, place: int) -> str:
    """The heading at a place, or the column's letter where there is none."""
    return sheet.columns[place] or _("column %(letter)s") % {"letter": column_letter(place)}


def about_columns(sheet: Sheet, matched: Matched) -> dict[str, Any]:
    """What a preview needs to show and correct the columns: headings with an example each (JSON)."""
    wide = range(len(sheet.columns))
    return {
        "encoding": sheet.encoding,
        "headings": [heading_of(sheet, at) for at in wide],
        "examples": [next((row[at] for row in sheet.rows if row[at]), "")[:80] for at in wide],
        "columns": matched.columns,
        "unknown": matched.unknown,
    }


def _folded(heading: str) -> str:
    return _BETWEEN.sub("", unicodedata.normalize("NFKC", heading)).casefold()


def chosen_places(raw: Callable[[str], str], names: Iterable[str]) -> dict[str, int]:
    """What somebody chose on the form of `sheets/import.html`: ours → place in the row. `raw` reads a field."""
    given = {name: raw(f"column-{name}") for name in names}
    return {name: int(place) for name, place in given.items() if place.isdecimal() and len(place) < 5}
