"""A clip's words beside those of its call: they follow corrections while a clip is a draft, and say so once published.

Invariant: what a published clip shows is what somebody looked at when it was published; corrections of the call reach
it with its next version. And a draft whose words changed has been checked for personal data by nobody.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import msgspec

from trainer import db, jobs
from trainer.calls.service import load_for_hearing, segments_of
from trainer.calls.views import RecordingView
from trainer.clips.arithmetic import REMOVED, Cut, Line, Span
from trainer.clips.finding import words_key
from trainer.clips.kept_words import clip_transcript, typed_transcript
from trainer.clips.reading import OPEN_STATES, visible_clips
from trainer.clips.tables import Clip
from trainer.clips.views import ClipView
from trainer.jobs import JobContext
from trainer.web.i18n import _
from trainer.web.session import Viewer

Part = tuple[str, dict[str, Any]]
Words = tuple[tuple[int, int, str], ...]

MOST = 200
_BARE = re.compile(r"[^\w]+")


async def words_of_call(clip: ClipView) -> list[Line]:
    """What the clip's words would be by the call as it is now. Lines that somebody typed for it stay what they are."""
    if clip.typed is not None:
        return typed_transcript(clip.typed, clip.span, clip.redactions)
    turns = await segments_of(clip.recording, clip.start_ms, clip.end_ms)
    return clip_transcript(turns, clip.span, clip.redactions)


async def kept_of_call(viewer: Viewer, recording: UUID, window: Span, cuts: Sequence[Cut]) -> dict[int, str]:
    """By a line's position in the call, what learners would read of it in a clip of this range with these redactions.

    Lines of which nothing is kept are left out. Raises as `load_for_hearing`.
    """
    await load_for_hearing(viewer, recording)
    mark, kept = _("[removed]"), dict[int, str]()
    for turn in await segments_of(recording, window.start_ms, window.end_ms):
        for line in clip_transcript([turn], window, cuts):
            kept[turn.position] = line.text.replace(REMOVED, mark)
    return kept


async def corrected_since(clip: ClipView) -> list[Line] | None:
    """The words of the call now, where a published clip of it shows others; None where they agree, or nobody knows."""
    if clip.state != "published" or clip.recording_state != "ready" or not clip.makes:
        return None
    now = await words_of_call(clip)
    said = [(line.speaker, line.text) for line in clip.lines]
    return now if [(line.speaker, line.text) for line in now] != said else None


async def transcript_part(viewer: Viewer, call: RecordingView) -> Part | None:
    """Beside a call's words: its published clips that show other words."""
    clips = await visible_clips(viewer, states=("published",), recording=call.id, limit=MOST)
    behind = [(clip, now) for clip in clips if (now := await corrected_since(clip)) is not None]
    return ("clips/_words_behind.html", {"clips": behind}) if behind else None


@jobs.on("transcript_changed")
async def follow_corrections(context: JobContext, event: dict[str, Any]) -> None:
    """Drafts take over what was corrected; whoever checked them for personal data read other words."""
    recording = UUID(event["recording"])
    clips = await visible_clips(None, states=OPEN_STATES, recording=recording, limit=MOST)
    for clip in clips:
        async with db.transaction():
            lines = await words_of_call(clip)
            if clip.typed is not None or lines == clip.lines:
                continue
            mine = (
                (Clip.id == clip.id) & (Clip.revision == clip.revision) & Clip.state.is_in(list(OPEN_STATES))
            )
            values: dict[Any, Any] = {
                Clip.transcript: msgspec.json.encode([line.as_dict() for line in lines]).decode(),
                Clip.words_key: words_key(clip.titles, clip.notes, lines),
                Clip.privacy_checked_at: None,
                Clip.privacy_checked_by: None,
            }
            # saved by somebody at this moment: then with the words as they are now
            if await Clip.update(values).where(mine).returning(Clip.id):
                await jobs.publish("clip_changed", {"clip": str(clip.id)})


@dataclass(frozen=True, slots=True)
class TimedLine:
    """A line of a clip with the times of its words, in the clip; none where they are not known."""

    start_ms: int
    end_ms: int
    speaker: str
    text: str
    words: Words


async def timed_lines(clip: ClipView) -> list[TimedLine]:
    """The lines of a clip with word times where the call has them, and they are the words that the clip shows."""
    turns = await segments_of(clip.recording, clip.start_ms, clip.end_ms) if clip.typed is None else []
    cuts = [cut.span for cut in clip.redactions]
    spoken: dict[tuple[int, str, str], Words] = {}
    for turn in turns:
        kept = []
        for start, end, text in turn.words:
            span = Span(start, max(end, start + 1))
            inside = clip.span.holds((span.start_ms + span.end_ms) // 2)
            if inside and not any(cut.overlaps(span) for cut in cuts):
                place = span.within(clip.span).since(clip.start_ms)
                kept.append((place.start_ms, place.end_ms, text))
        begins = Span(turn.start_ms, turn.end_ms).within(clip.span).since(clip.start_ms).start_ms
        spoken[begins, turn.speaker, _bare([text for _start, _end, text in kept])] = tuple(kept)
    return [
        TimedLine(
            line.start_ms,
            line.end_ms,
            line.speaker,
            line.text,
            spoken.get((line.start_ms, line.speaker, _bare([line.text.replace(REMOVED, " ")])), ()),
        )
        for line in clip.lines
    ]


def _bare(texts: Sequence[str]) -> str:
    return _BARE.sub("", "".join(texts)).casefold()
