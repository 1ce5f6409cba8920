"""What a clip was before: its versions side by side with what changed from one to the next.

Invariant: it shows nothing that its reader may not hear as a clip of its own (see `reading.old_versions`).
"""

import asyncio
import re
from collections.abc import Hashable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Literal
from uuid import UUID

from litestar import Response, get
from litestar.connection import Request
from litestar.params import FromPath

from trainer.clips.arithmetic import clock
from trainer.clips.pages import polarity_options
from trainer.clips.reading import load_clip, old_versions
from trainer.clips.views import ClipView
from trainer.problems import Forbidden
from trainer.web.guards import requires
from trainer.web.i18n import _
from trainer.web.session import Viewer, viewer_of
from trainer.web.templating import render
from trainer.words import Effort, differences

Part = tuple[Literal["same", "gone", "new"], str]


@dataclass(frozen=True, slots=True)
class Change:
    """One thing that differs, as runs of words that stayed, went or came."""

    label: str
    parts: list[Part]


@dataclass(frozen=True, slots=True)
class Version:
    """A version and how it differs from the one before; `changes` is None for the first that can be shown."""

    clip: ClipView
    changes: list[Change] | None


async def versions_of(viewer: Viewer, clip: ClipView) -> list[Version]:
    """All versions, newest first. Raises Forbidden for those who do not work with the call."""
    if not (clip.makes and viewer.has("trainer")):
        raise Forbidden(_("Earlier versions are for the trainers who work with the call."))
    everything = [clip, *await old_versions(viewer, clip)]
    # comparing is work for a processor: others are answered meanwhile
    steps = await asyncio.to_thread(_compared_versions, everything)
    return [*steps, Version(everything[-1], None)]


def _compared_versions(clips: list[ClipView]) -> list[Version]:
    effort = Effort()
    return [Version(new, changes_between(old, new, effort)) for new, old in pairwise(clips)]


def changes_between(old: ClipView, new: ClipView, effort: Effort) -> list[Change]:
    """What a reader or listener would notice, in words."""
    changes = [
        Change(label, whole(before, after))
        for (label, before), after in zip(_facts(old).items(), _facts(new).values(), strict=True)
        if before != after
    ]
    return changes + [
        Change(label, compared(before, after, effort))
        for (label, before), after in zip(_texts(old).items(), _texts(new).values(), strict=True)
        if before != after
    ]


def _facts(clip: ClipView) -> dict[str, str]:
    kinds = {option["value"]: option["label"] for option in polarity_options()}
    return {
        _("Kind of example"): kinds.get(clip.polarity, clip.polarity),
        _("From, to"): f"{clock(clip.start_ms)} – {clock(clip.end_ms)}",
        _("Rules"): ", ".join(rule.code for rule in clip.rules),
        _("Cue"): "" if clip.cue_ms is None else clock(clip.start_ms + clip.cue_ms),
        _("Redactions"): ", ".join(f"{clock(cut.start_ms)} – {clock(cut.end_ms)}" for cut in clip.redactions),
    }


def _texts(clip: ClipView) -> dict[str, str]:
    return {
        _("Title"): clip.title,
        _("What to listen for"): clip.note,
        _("Why it is met or missed"): clip.why,
        _("Words"): " / ".join(line.text for line in clip.transcript),
    }


def whole(old: str, new: str) -> list[Part]:
    """One value in place of another."""
    parts: list[Part] = [("gone", old), ("new", new)]
    return [part for part in parts if part[1]]


def compared(old: str, new: str, effort: Effort | None = None) -> list[Part]:
    """Two texts as runs that stayed, went and came: by words, Chinese by characters.

    Whole, the one in place of the other, where comparing takes more than is left of the effort.
    """
    before, after = _pieces(old), _pieces(new)
    parts: list[Part] = []
    for what, a, b, c, d in differences(before, after, effort or Effort(), beside=_is_space):
        if what == "unknown":
            return whole(old, new)
        if what == "equal":
            parts.append(("same", "".join(before[a:b])))
            continue
        if a < b:
            parts.append(("gone", "".join(before[a:b])))
        if c < d:
            parts.append(("new", "".join(after[c:d])))
    return parts


# a word of letters and digits; a Chinese character, a space or a sign by itself
_PIECE = re.compile(r"[^\W⺀-鿿]+|.", re.DOTALL)


def _pieces(text: str) -> list[str]:
    return _PIECE.findall(text)


def _is_space(piece: Hashable) -> bool:
    return str(piece).isspace()


@get("/clips/{clip_id:uuid}/versions", guards=[requires("trainer")])
async def show_versions(request: Request[Any, Any, Any], clip_id: FromPath[UUID]) -> Response[str]:
    """Every version with what changed."""
    viewer = viewer_of(request)
    clip = await load_clip(viewer, clip_id, stopped=True)
    return render(request, "clips/versions.html", clip=clip, versions=await versions_of(viewer, clip))


handlers: list[Any] = [show_versions]
