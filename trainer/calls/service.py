"""Recordings for every other room: taking one in, changing what is known of it, and erasing it. The door to
this room; who sees and hears which lives in `reading`.

Invariant: a recording is refused whole. Until its row is committed, its file is in nobody's way and nobody's
storage.
"""

import asyncio
import hashlib
import json
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

from trainer import db, jobs
from trainer.audio import AudioRefused, Probe
from trainer.audio.child import in_child
from trainer.audio.probe import probe
from trainer.calls import proofs
from trainer.calls.hearings import log_play, plays_of
from trainer.calls.jobs import erase, object_key, prepare_recording
from trainer.calls.reading import (
    find_recording,
    hearing_checks,
    hearing_lists,
    load_for_hearing,
    load_recording,
    peaks_of,
    segments_of,
    visible_recordings,
)
from trainer.calls.tables import Recording, Segment
from trainer.calls.transcripts import Line, read_transcript
from trainer.calls.views import CONSENT_BASES, TAGS, RecordingView
from trainer.people.audit import record_audit
from trainer.people.service import people_by_ids
from trainer.problems import Conflict, FieldError, Forbidden, Gone, Invalid, PreconditionFailed
from trainer.rulebook.programmes import default_programme, programmes_of
from trainer.rulebook.tables import Rulebook
from trainer.storage import stored_with_row
from trainer.web.i18n import _
from trainer.web.session import Viewer

__all__ = [
    "CREATE",
    "EDIT",
    "ERASE",
    "RecordingFields",
    "check_fields",
    "content_hash",
    "edit_recording",
    "erase_recording",
    "find_recording",
    "hearing_checks",
    "hearing_lists",
    "load_for_hearing",
    "load_recording",
    "log_play",
    "peaks_of",
    "plays_of",
    "receive_recording",
    "same_content",
    "segments_of",
    "visible_recordings",
]

CREATE = ("trainer", "qa_analyst", "admin")
EDIT = ("trainer",)
ERASE = ("trainer", "admin")

PROBE_S = 20.0
MOST_TITLE = 200
MOST_REASON = 500
_LANGUAGE = re.compile(r"[a-z]{2,3}(-[A-Za-z0-9]{2,8})*")


@dataclass(frozen=True, slots=True)
class RecordingFields:
    """What is known of a call beside its sound. `called_at` is aware; `expires_at` is when `retain_until` is
    over.
    """

    title: str = ""
    agent: UUID | None = None
    rulebook: str | None = None
    language: str = "en"
    called_at: datetime | None = None
    csat: int | None = None
    staged: bool = False
    tag: str = ""
    consent_basis: str = ""
    retain_until: date | None = None
    expires_at: datetime | None = None
    caller_is_minor: bool = False


# Taking one in


async def receive_recording(
    viewer: Viewer | None,
    path: Path,
    fields: RecordingFields,
    *,
    transcript: bytes | None = None,
    sha256: str = "",
    move: bool = False,
    probed: Probe | None = None,
    despite_erasure: str = "",
    together: Callable[[UUID], Awaitable[None]] | None = None,
) -> UUID:
    """Takes a file in as a recording in state `processing`; its job makes it `ready`. `viewer` None is a
    command.

    `move` takes the file away from `path`. `probed`: what a first look at exactly these bytes told before.
    `despite_erasure`: why it is taken in although the same file ended here before (`proofs`).
    `together` is awaited with the new id in the same transaction; when it raises, nothing was taken in.

    Raises Forbidden, and Invalid that names what cannot be taken (`audio`, `transcript` or a field); then nothing
    was stored and no row made. StorageError when there is no room. OutcomeUnknown: it is in, or nothing is.
    """
    if viewer is not None and not viewer.has(*CREATE):
        raise Forbidden(_("Trainers, QA analysts and admins add calls."))
    agent_name, rulebook = await _check(viewer, fields)
    lines = await _read_lines(transcript, agent_name)
    sha256 = sha256 or await asyncio.to_thread(content_hash, path)
    because = despite_erasure.strip()
    await proofs.require_new(viewer, sha256, because)
    probed = probed or await _probe(path)
    recording = db.new_id()
    key = object_key(recording)
    size = path.stat().st_size
    async with stored_with_row(key, path, move=move):
        await proofs.hold(sha256)
        row = Recording(
            {
                Recording.id: recording,
                Recording.state: "processing",
                Recording.object_key: key,
                Recording.sha256: sha256,
                Recording.size_bytes: size,
                Recording.duration_ms: probed.duration_ms,
                Recording.channels: probed.channels,
                Recording.sample_rate_hz: probed.sample_rate_hz,
                Recording.codec: probed.codec,
                Recording.container: probed.container,
                Recording.uploaded_by: viewer.id if viewer else None,
                Recording.created_at: db.utc_now(),
                Recording.rulebook: rulebook,
                Recording.transcript_source: "uploaded" if lines else "",
                **_columns(fields),
            }
        )
        row.job = await jobs.enqueue(
            prepare_recording, {"recording": str(recording)}, person=viewer.id if viewer else None
        )
        await Recording.insert(row)
        await _insert_lines(recording, lines)
        await record_audit(viewer, "recording_added", "recording", str(recording))
        if together is not None:
            await together(recording)
        # asked again: it may have been erased while the file was being stored
        if ended := await proofs.require_new(viewer, sha256, because):
            told = {"was": str(ended.recording), "reason": because}
            await record_audit(viewer, "recording_taken_in_again", "recording", str(recording), told)
    return recording


async def same_content(sha256: str) -> UUID | None:
    """The recording that holds exactly these bytes, if one does."""
    row = await Recording.select(Recording.id).where(Recording.sha256 == sha256).first()
    return row["id"] if row else None


async def check_fields(viewer: Viewer | None, fields: RecordingFields) -> None:
    """Whether a call of which this is known could be taken in. Raises Invalid with every wrong field."""
    await _check(viewer, fields)


async def _check(viewer: Viewer | None, fields: RecordingFields) -> tuple[str, UUID | None]:
    """The agent's name and the rule book's id (a default one where none is named).

    Raises Invalid with every wrong field.
    """
    if fields.caller_is_minor:
        raise Invalid.field(
            "caller_is_minor",
            "minor",
            _("Calls of minors are not kept here. Nothing of this one was stored."),
        )
    wrong = _wrong_fields(fields)
    person = (await people_by_ids([fields.agent])).get(fields.agent) if fields.agent else None
    if fields.agent and person is None:
        wrong.append(FieldError("agent", "unknown", _("There is no such person.")))
    rulebook = None
    if fields.rulebook:
        rulebook, refusal = await _programme(viewer, fields.rulebook)
        wrong += refusal
    if wrong:
        raise Invalid(_("This call cannot be taken as it is."), errors=wrong)
    return (person.name if person else ""), rulebook or await default_programme(viewer)


async def _programme(viewer: Viewer | None, code: str) -> tuple[UUID | None, list[FieldError]]:
    """The rule book with this code. Whoever gave a call to a programme of others would lose it from sight."""
    row = await Rulebook.select(Rulebook.id).where(Rulebook.code == code).first()
    if row is None:
        return None, [FieldError("rulebook", "unknown", _("There is no such rule book."))]
    mine = await programmes_of(viewer) if viewer is not None and not viewer.has("admin") else None
    if mine is not None and row["id"] not in mine:
        return None, [FieldError("rulebook", "not-yours", _("You do not work on this programme."))]
    return row["id"], []


def _wrong_fields(fields: RecordingFields) -> list[FieldError]:
    wrong: list[FieldError] = []
    if len(fields.title) > MOST_TITLE:
        told = _("Please keep this under %(most)s characters; it has %(has)s.")
        message = told % {"most": MOST_TITLE, "has": len(fields.title)}
        wrong.append(FieldError("title", "too-long", message))
    if not _LANGUAGE.fullmatch(fields.language):
        wrong.append(FieldError("language", "unknown", _("Name a language, such as en or zh-Hans.")))
    if fields.csat is not None and not 1 <= fields.csat <= 5:
        wrong.append(FieldError("csat", "out-of-range", _("Satisfaction is a number from 1 to 5.")))
    if fields.tag and fields.tag not in TAGS:
        told = _("A call is one of these kinds: %(names)s.") % {"names": ", ".join(TAGS)}
        wrong.append(FieldError("tag", "unknown", told))
    if fields.consent_basis not in CONSENT_BASES:
        told = _("Say on what basis this call may be kept: %(names)s.")
        wrong.append(FieldError("consent_basis", "required", told % {"names": ", ".join(CONSENT_BASES)}))
    if fields.expires_at is not None and fields.expires_at <= db.utc_now():
        wrong.append(
            FieldError("retain_until", "past", _("This day is over; the call could not be kept at all."))
        )
    if fields.called_at is not None and fields.called_at > db.utc_now() + timedelta(days=1):
        wrong.append(FieldError("called_at", "future", _("This call has not taken place yet.")))
    return wrong


async def _probe(path: Path) -> Probe:
    try:
        return await in_child(probe, path, timeout_s=PROBE_S)
    except AudioRefused as error:
        raise Invalid.field("audio", error.reason, _(error.sentence)) from error


async def _read_lines(transcript: bytes | None, agent_name: str) -> list[Line]:
    if transcript is None:
        return []
    return await asyncio.to_thread(read_transcript, transcript, agent_name=agent_name)


async def _insert_lines(recording: UUID, lines: list[Line]) -> None:
    for start in range(0, len(lines), 500):
        rows = [
            Segment(
                id=db.new_id(),
                recording=recording,
                position=position,
                start_ms=line.start_ms,
                end_ms=line.end_ms,
                speaker=line.speaker,
                text=line.text,
                words=json.dumps(line.words, ensure_ascii=False),
            )
            for position, line in enumerate(lines[start : start + 500], start=start)
        ]
        await Segment.insert(*rows)


def _columns(fields: RecordingFields) -> dict[Any, Any]:
    return {
        Recording.title: fields.title,
        Recording.agent: fields.agent,
        Recording.language: fields.language,
        Recording.called_at: fields.called_at,
        Recording.csat: fields.csat,
        Recording.staged: fields.staged,
        Recording.tag: fields.tag,
        Recording.consent_basis: fields.consent_basis,
        Recording.retain_until: fields.retain_until,
        Recording.expires_at: fields.expires_at,
    }


def content_hash(path: Path) -> str:
    """What tells one file from another: SHA-256 in hex. Reads all of it: call it in a thread."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


# Changing and ending


async def edit_recording(
    viewer: Viewer, recording: UUID, fields: RecordingFields, *, expected: int
) -> RecordingView:
    """Changes what is known of a call; its language stays, as what was cut from it has that language.

    Raises Forbidden, NotFound, Gone, Invalid, and PreconditionFailed unless `expected` is the present
    revision.
    """
    if not viewer.has(*EDIT):
        raise Forbidden(_("Trainers change what is known of a call."))
    found = await load_recording(viewer, recording)
    if fields.language != found.language:
        raise Invalid.field(
            "language",
            "fixed",
            _("The language of a call stays: its clips are in that language."),
        )
    if found.state not in ("processing", "ready"):
        raise Conflict(_("Nothing of this call can be changed any more."))
    _name, rulebook = await _check(viewer, fields)
    values = {**_columns(fields), Recording.rulebook: rulebook, Recording.revision: expected + 1}
    there = (Recording.id == recording) & (Recording.revision == expected)
    async with db.transaction():
        changed = there & Recording.state.is_in(["processing", "ready"])
        if not await Recording.update(values).where(changed).returning(Recording.id):
            raise PreconditionFailed(
                _("This call was changed meanwhile. Load it again, then repeat your change."),
                current=f'"r{found.revision}"',
            )
        await record_audit(viewer, "recording_edited", "recording", str(recording))
        await jobs.publish("recording_changed", {"recording": str(recording)})
    return await load_recording(viewer, recording)


async def erase_recording(viewer: Viewer, recording: UUID, why: str) -> None:
    """Erases a call with every clip cut from it, and leaves a proof.

    Raises Forbidden, NotFound, Gone, Invalid.
    """
    await load_recording(viewer, recording)
    if not viewer.has(*ERASE):
        raise Forbidden(_("Trainers and admins erase calls."))
    reason = why.strip()
    if not reason or len(reason) > MOST_REASON:
        raise Invalid.field("why", "required", _("Say in a sentence why it is erased; the proof keeps that."))
    if not await erase(recording, viewer, reason):
        raise Gone(_("This call was erased. Only the date and the reason are kept."))
