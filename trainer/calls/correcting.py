"""The words of a call, corrected: line by line while it is heard, as a whole by a file, and told to the rooms above.

Who may correct them is `EDIT` of the calls that they hear. Each change names the revision that it was made on;
the event `transcript_changed` lets clips and the search follow.
Invariant: a change is made on the words that its author saw, whole or not at all, and of two at once one wins.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from uuid import UUID

from trainer import db, jobs
from trainer.calls import word_queries
from trainer.calls.lines import Splice, checked, spliced, whole, with_words
from trainer.calls.reading import load_for_hearing, segments_of
from trainer.calls.transcripts import Line, Speaker, read_transcript
from trainer.calls.views import RecordingView, SegmentView
from trainer.people.audit import record_audit
from trainer.problems import Conflict, Forbidden, Invalid, PreconditionFailed
from trainer.web.api import revision_tag
from trainer.web.i18n import _
from trainer.web.session import Viewer

CORRECT = ("trainer",)
TOLD_ONCE_IN = timedelta(hours=1)

Change = Callable[[list[Line]], Sequence[Line]]


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a call's words come from: uploaded, typed, recognised (nobody has read them over yet), checked
    (recognised and read over), or "" without any. `revision` counts their changes.
    """

    source: str
    revision: int


@dataclass(frozen=True, slots=True)
class Changed:
    """What a change came to: the new revision, and the splice that it was in the end (lines may have moved)."""

    revision: int
    source: str
    at: int
    removed: tuple[Line, ...]
    lines: tuple[Line, ...]


async def load_for_correcting(viewer: Viewer, recording: UUID) -> RecordingView:
    """A call whose words the viewer may correct. Raises as `load_for_hearing`, and Forbidden."""
    call = await load_for_hearing(viewer, recording)
    if not viewer.has(*CORRECT):
        raise Forbidden(_("Trainers correct the words of a call."))
    return call


async def standing_of(recording: UUID) -> Standing:
    """Whoever asks has loaded the recording."""
    row = await word_queries.standing(recording)
    return Standing(row["source"], row["revision"]) if row else Standing("", 1)


async def change_lines(viewer: Viewer, recording: UUID, change: Splice, *, expected: int) -> Changed:
    """Lines give way to others: corrected, split, joined, added, removed. Words that stayed keep their times.

    Raises as `load_for_correcting`; Invalid naming each line that cannot be so; PreconditionFailed when the
    words are not at revision `expected` any more.
    """
    call = await load_for_correcting(viewer, recording)
    length = call.duration_ms or 0
    return await _write(viewer, call, lambda old: spliced(old, change, duration_ms=length), expected=expected)


async def replace_lines(viewer: Viewer, recording: UUID, lines: Sequence[Line], *, expected: int) -> Changed:
    """The whole transcript as it was typed. Raises as `change_lines`."""
    call = await load_for_correcting(viewer, recording)
    length = call.duration_ms or 0

    def put(old: list[Line]) -> list[Line]:
        return whole(with_words(checked(lines, length), old))

    return await _write(viewer, call, put, expected=expected)


async def replace_by_file(viewer: Viewer, recording: UUID, data: bytes, *, expected: int) -> Changed:
    """The whole transcript from a file. What lies after the end of the call is not its words.

    Raises as `change_lines`, and Invalid (field `transcript`) where the file is none.
    """
    call = await load_for_correcting(viewer, recording)
    length = call.duration_ms or 0
    lines = await asyncio.to_thread(read_transcript, data, agent_name=call.agent_name or "")
    inside = [
        replace(line, end_ms=min(max(line.end_ms, line.start_ms + 1), length))
        for line in lines
        if line.start_ms < length
    ]
    if not inside:
        told = _("All lines of this transcript lie after the end of the call. Is it the right one?")
        raise Invalid.field("transcript", "outside", told)
    return await _write(viewer, call, lambda old: whole(inside), expected=expected, source="uploaded")


async def swap_speakers(viewer: Viewer, recording: UUID, *, expected: int) -> Changed:
    """Agent becomes caller and caller agent, for calls whose channels were taken the wrong way round."""
    call = await load_for_correcting(viewer, recording)
    other: dict[Speaker, Speaker] = {"agent": "caller", "caller": "agent", "": ""}

    def swap(old: list[Line]) -> list[Line]:
        return [replace(line, speaker=other[line.speaker]) for line in old]

    return await _write(viewer, call, swap, expected=expected)


async def mark_read_over(viewer: Viewer, recording: UUID, *, expected: int) -> Changed:
    """Somebody has read over what a machine has heard."""
    call = await load_for_correcting(viewer, recording)
    if (await standing_of(recording)).source != "recognised":
        raise Conflict(_("These words were not recognised by a machine, or were read over already."))
    return await _write(viewer, call, lambda old: old, expected=expected, source="checked")


async def _write(
    viewer: Viewer, call: RecordingView, change: Change, *, expected: int, source: str | None = None
) -> Changed:
    async with db.transaction():
        row = await word_queries.standing(call.id)
        present = Standing(row["source"], row["revision"]) if row else Standing("", 0)
        if present.revision != expected:
            raise _meanwhile(present.revision)
        old = [line_of(turn) for turn in await segments_of(call.id)]
        new = list(change(old))
        told = (source or present.source or "typed") if new else ""
        if new == old and told == present.source:
            return Changed(expected, told, 0, (), ())
        changed = await put_lines(call.id, old, new, expected=expected, source=told)
        if changed is None:
            raise _meanwhile(expected + 1)
        # somebody who corrects line by line is told of once
        if source is not None or not await word_queries.told_since(
            viewer.id, call.id, db.utc_now() - TOLD_ONCE_IN
        ):
            detail = {"source": changed.source, "lines": len(changed.lines), "removed": len(changed.removed)}
            await record_audit(viewer, "transcript_changed", "recording", str(call.id), detail)
    return changed


async def put_lines(
    recording: UUID, old: Sequence[Line], new: Sequence[Line], *, expected: int, source: str
) -> Changed | None:
    """Write what differs, in the caller's transaction; None when the words are not at `expected` any more.

    Without a line left, nothing has a source.
    """
    source = source if new else ""
    if not await word_queries.claim(recording, expected, source):
        return None
    at, removed, lines = difference(old, new)
    if removed or lines:
        await word_queries.splice(recording, at, len(removed), lines)
    await jobs.publish("transcript_changed", {"recording": str(recording), "revision": expected + 1})
    return Changed(expected + 1, source, at, removed, lines)


def difference(old: Sequence[Line], new: Sequence[Line]) -> tuple[int, tuple[Line, ...], tuple[Line, ...]]:
    """(from where, what goes, what comes): all between the beginning and the end that both have."""
    short = min(len(old), len(new))
    at = next((n for n in range(short) if old[n] != new[n]), short)
    tail = next((n for n in range(short - at) if old[-1 - n] != new[-1 - n]), short - at)
    return at, tuple(old[at : len(old) - tail]), tuple(new[at : len(new) - tail])


def line_of(turn: SegmentView) -> Line:
    """A line as it is stored."""
    speaker: Speaker = "agent" if turn.speaker == "agent" else "caller" if turn.speaker == "caller" else ""
    return Line(turn.start_ms, turn.end_ms, speaker, turn.text, turn.words)


def _meanwhile(revision: int) -> PreconditionFailed:
    return PreconditionFailed(
        _("The words of this call were changed meanwhile. Load them again, then repeat your change."),
        current=revision_tag(revision),
    )
