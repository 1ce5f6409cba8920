"""What other rooms see of recordings: plain values made from rows, and the sentences of refusals.

Invariant: `may_hear` is decided once, where the recording is loaded for somebody, and only a ready one is
ever heard.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from trainer.audio import SENTENCES
from trainer.web.i18n import _

STATES = ("processing", "ready", "refused", "expired", "erased")
# What kind of call it is: what a machine answers one day, what takes thought, and what stays with people (002-7).
TAGS = ("standard", "complex", "emotional")
CONSENT_BASES = ("contract", "consent", "legitimate_interest", "synthetic")
# What the browser's player understands, by the container that the content has.
CONTENT_TYPES = {
    "wav": "audio/wav",
    "w64": "audio/wav",
    "mp3": "audio/mpeg",
    "ogg": "audio/ogg",
    "flac": "audio/flac",
    "mov": "audio/mp4",
    "matroska": "audio/webm",
    "webm": "audio/webm",
    "aac": "audio/aac",
}


@dataclass(frozen=True, slots=True)
class RecordingView:
    """One recording for one viewer. Times in it are milliseconds; moments are UTC."""

    id: UUID
    title: str
    state: str
    agent: UUID | None
    agent_name: str | None
    agent_team: UUID | None
    rulebook: UUID | None
    rulebook_code: str | None
    rulebook_title: Mapping[str, str]
    language: str
    called_at: datetime | None
    csat: int | None
    staged: bool
    tag: str
    consent_basis: str
    retain_until: date | None
    expires_at: datetime | None
    uploaded_by: UUID | None
    uploaded_by_name: str | None
    object_key: str
    peaks_key: str
    sha256: str
    size_bytes: int
    duration_ms: int | None
    channels: int | None
    sample_rate_hz: int | None
    codec: str
    container: str
    longest_silence_ms: int | None
    silence_at_ms: int | None
    talk_over_ms: int | None
    talk_over_at_ms: int | None
    transcript_source: str
    transcript_revision: int
    lines_cut: int
    refusal: str
    job: UUID | None
    revision: int
    created_at: datetime
    erased_at: datetime | None
    erased_by: UUID | None
    erased_by_name: str | None
    erased_why: str
    may_hear: bool

    @property
    def content_type(self) -> str:
        """For the browser: from what the file is, never from what it was called."""
        return next(
            (CONTENT_TYPES[name] for name in self.container.split(",") if name in CONTENT_TYPES),
            "application/octet-stream",
        )

    @property
    def refusal_sentence(self) -> str:
        """Why it was refused, for people; "" when it was not."""
        return refusal_sentence(self.refusal) if self.refusal else ""


@dataclass(frozen=True, slots=True)
class SegmentView:
    """One turn of a transcript, in recording time (ms). `speaker` is agent, caller or ""; `words` may be
    empty.
    """

    position: int
    start_ms: int
    end_ms: int
    speaker: str
    text: str
    words: tuple[tuple[int, int, str], ...]


@dataclass(frozen=True, slots=True)
class PlayView:
    """Somebody heard a raw call. `name` is None for a person who was erased since."""

    person: UUID
    name: str | None
    at: datetime


def tag_names() -> dict[str, str]:
    """What kinds of call there are, in words."""
    return {"standard": _("Standard"), "complex": _("Complex"), "emotional": _("Emotional")}


def refusal_sentence(reason: str) -> str:
    """The sentence of a refusal, in the reader's language."""
    if reason in SENTENCES:
        return _(SENTENCES[reason])
    if reason == "missing":
        return _("Its file was no longer in the storage. Please send it again.")
    return _("It could not be prepared. Please send it again.")


def recording_of(row: Mapping[str, Any], *, may_hear: bool) -> RecordingView:
    """A recording from a row of `queries.RECORDINGS`."""
    title = json.loads(row["rulebook_title"] or "{}")
    return RecordingView(**{**row, "rulebook_title": title}, may_hear=may_hear)


def segment_of(row: Mapping[str, Any]) -> SegmentView:
    """A turn from its row."""
    words = tuple((start, end, text) for start, end, text in json.loads(row["words"] or "[]"))
    return SegmentView(row["position"], row["start_ms"], row["end_ms"], row["speaker"], row["text"], words)
