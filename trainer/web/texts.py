"""Text on its way in, from forms, programs, sheets and documents: what nobody sees in it does not come in.

Without this one engine would store a NUL that the other refuses, two titles that look the same could differ, and a
name could turn the text after it around.
Invariant: all that people write passes here once, at the edge; services get text that is safe to keep and to show.
"""

import re
import unicodedata
from typing import Any

from litestar.connection import Request

from trainer.problems import Malformed
from trainer.web.i18n import _

# Control characters but tab and line feed; marks that turn the direction of what follows, or show nothing at all, as
# the fillers of Hangul, which make a name that looks empty.
_HIDDEN = re.compile(
    r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\u00ad\u034f\u061c\u115f\u1160\u180e\u3164\uffa0\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\ufeff"
    r"\ufff9-\ufffb\ud800-\udfff\U000e0000-\U000e007f]"
)
_LINE_ENDS = re.compile(r"\r\n?|[\x85\u2028\u2029]")


def readable(text: str) -> str:
    """The text in composed Unicode (NFC), lines ended by a line feed, without what nobody sees in it."""
    return unicodedata.normalize("NFC", _HIDDEN.sub("", _LINE_ENDS.sub("\n", text)))


def readable_in(value: Any, _seen: dict[int, Any] | None = None) -> Any:
    """The same for every text in data that was JSON or YAML; keys are names of ours and stay.

    What YAML names once and uses in many places is read once, so that a few lines do not become gigabytes.
    Raises RecursionError for what is nested beyond all use.
    """
    if isinstance(value, str):
        return readable(value)
    seen = {} if _seen is None else _seen
    if id(value) in seen:
        return seen[id(value)]
    if isinstance(value, dict):
        named = seen[id(value)] = dict[Any, Any]()
        for key, each in value.items():
            named[key] = readable_in(each, seen)
        return named
    if isinstance(value, list):
        kept = seen[id(value)] = list[Any]()
        for each in value:
            kept.append(readable_in(each, seen))
        return kept
    return value


class ReadableRequest(Request[Any, Any, Any]):
    """A request whose JSON body is `readable`."""

    async def json(self) -> Any:
        try:
            return readable_in(await super().json())
        except RecursionError as error:
            raise Malformed(_("This JSON is nested too deeply to be read.")) from error
