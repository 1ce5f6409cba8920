"""What is known of a call, read from the text fields of an upload, an edit, or a folder's metadata.

Invariant: either all fields are usable, or every wrong one is named in one answer. A time without a zone, and
the last moment of a keep-until day, are the site's.
"""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, TypeVar
from uuid import UUID
from zoneinfo import ZoneInfo

from litestar.connection import Request

from trainer import db
from trainer.calls.service import RecordingFields, receive_recording
from trainer.calls.transcripts import LARGEST
from trainer.calls.views import RecordingView
from trainer.people.tables import Person
from trainer.problems import FieldError, Invalid
from trainer.settings import Settings
from trainer.web.i18n import _
from trainer.web.session import viewer_of
from trainer.web.uploads import stream_upload

T = TypeVar("T")
AnyRequest = Request[Any, Any, Any]

EDITABLE = (
    "title",
    "agent",
    "rulebook",
    "called_at",
    "csat",
    "staged",
    "tag",
    "consent_basis",
    "retain_until",
)
TEXT_FIELDS = frozenset({*EDITABLE, "language", "caller_is_minor"})
# Only of a single upload, where somebody answers for it: no sheet and no folder says that for many.
ANYWAY_FIELD = "despite_erasure"

EARLIEST, LATEST = 1900, 9000  # years: a day beyond has no end in every time zone

_YES = frozenset({"true", "1", "yes", "on"})
_NO = frozenset({"false", "0", "no", "off", ""})


async def receive_upload(request: AnyRequest, *, asked: bool = False) -> UUID:
    """Takes in the form of an upload (`audio`, optional `transcript`, text fields) for page and API alike.

    `asked`: the page asked until when the call is kept, so that it has to say so; a program that says nothing
    gets the centre's usual time.
    The route has authorised the person before. Raises as `stream_upload`, `read_fields` and
    `receive_recording`; then nothing of it is left.
    """
    settings: Settings = request.app.state.settings
    async with stream_upload(
        request,
        max_bytes=settings.upload_limit_mb << 20,
        incoming=settings.incoming,
        text_fields=TEXT_FIELDS | {ANYWAY_FIELD},
        other_files={"transcript": LARGEST},
    ) as upload:
        zone = ZoneInfo(settings.time_zone)
        if asked:
            _ask_why_and_until_when(upload.fields)
        elif not upload.fields.get("retain_until", "").strip():
            upload.fields["retain_until"] = usual_day(settings).isoformat()
        because = upload.fields.pop(ANYWAY_FIELD, "")
        fields = await read_fields(upload.fields, zone)
        sent = upload.files.get("transcript")
        transcript = await asyncio.to_thread(sent.path.read_bytes) if sent else None
        return await receive_recording(
            viewer_of(request),
            upload.path,
            fields,
            transcript=transcript,
            sha256=upload.sha256,
            move=True,
            despite_erasure=because,
        )


def usual_day(settings: Settings) -> date:
    """The last day on which a call of today is kept unless somebody says otherwise."""
    return db.utc_now().astimezone(ZoneInfo(settings.time_zone)).date() + timedelta(days=settings.keep_days)


def _ask_why_and_until_when(given: Mapping[str, str]) -> None:
    errors = []
    if not given.get("retain_until", "").strip():
        errors.append(FieldError("retain_until", "required", _("Say until when this call is kept.")))
    if not given.get("consent_basis", "").strip():
        errors.append(FieldError("consent_basis", "required", _("Say on what basis this call may be kept.")))
    if errors:
        raise Invalid(_("This call cannot be taken as it is."), errors=errors)


async def read_fields(
    texts: Mapping[str, str], zone: ZoneInfo, base: RecordingFields | None = None
) -> RecordingFields:
    """The fields that `texts` names, over those of `base`; an empty text clears its field.

    `agent` is an id, an e-mail or an employee number. Raises Invalid with every field that cannot be read.
    """
    wrong: list[FieldError] = []
    given = {name: text.strip() for name, text in texts.items()}

    def read(name: str, kind: Callable[[str], T], message: str) -> T | None:
        try:
            return kind(given[name]) if given[name] else None
        except (ValueError, OverflowError):
            wrong.append(FieldError(name, "unreadable", message))
            return None

    values: dict[str, Any] = {}
    for name in ("title", "language", "consent_basis", "rulebook", "tag"):
        if name in given:
            values[name] = given[name]
    for name in ("staged", "caller_is_minor"):
        if name in given:
            values[name] = bool(read(name, yes_or_no, _("Answer true or false.")))
    if "csat" in given:
        values["csat"] = read("csat", int, _("Satisfaction is a number from 1 to 5."))
    if "called_at" in given:
        told = _("Give a date and time such as 2026-11-23T10:42.")
        values["called_at"] = read("called_at", lambda text: moment(text, zone), told)
    if "retain_until" in given:
        last = read("retain_until", date.fromisoformat, _("Give a day, such as 2026-11-23."))
        try:
            values["retain_until"], values["expires_at"] = last, end_of(last, zone) if last else None
        except Invalid as problem:
            wrong += problem.errors
    if "agent" in given:
        values["agent"] = await find_person(given["agent"]) if given["agent"] else None
        if given["agent"] and values["agent"] is None:
            wrong.append(FieldError("agent", "unknown", _("There is no such person.")))
    if wrong:
        raise Invalid(_("Some fields cannot be read."), errors=wrong)
    return replace(base or RecordingFields(), **values)


def fields_of(recording: RecordingView) -> RecordingFields:
    """What is known of a recording now, as the base of an edit."""
    return RecordingFields(
        title=recording.title,
        agent=recording.agent,
        rulebook=recording.rulebook_code,
        language=recording.language,
        called_at=recording.called_at,
        csat=recording.csat,
        staged=recording.staged,
        tag=recording.tag,
        consent_basis=recording.consent_basis,
        retain_until=recording.retain_until,
        expires_at=recording.expires_at,
    )


def moment(text: str, zone: ZoneInfo) -> datetime:
    """RFC 3339, or without a zone where the site is; in UTC. Raises ValueError, also for years that no page shows."""
    parsed = datetime.fromisoformat(text)
    if not EARLIEST <= parsed.year < LATEST:
        raise ValueError(text)
    return (parsed if parsed.tzinfo else parsed.replace(tzinfo=zone)).astimezone(UTC)


def end_of(day: date, zone: ZoneInfo, *, field: str = "retain_until") -> datetime:
    """The moment at which a day is over where the site is. Raises Invalid for one beyond the calendar."""
    if not EARLIEST <= day.year < LATEST:
        raise Invalid.field(field, "out-of-range", _("Please check the year of this day."))
    return datetime.combine(day + timedelta(days=1), time(), zone).astimezone(UTC)


def yes_or_no(text: str) -> bool:
    """As programs and check boxes say it. Raises ValueError."""
    if text.lower() not in _YES | _NO:
        raise ValueError(text)
    return text.lower() in _YES


async def find_person(named: str) -> UUID | None:
    """The person with this id, e-mail or employee number."""
    try:
        where = Person.id == UUID(named)
    except ValueError:
        where = Person.email == named.lower() if "@" in named else Person.employee_no == named
    row = await Person.select(Person.id).where(where & Person.erased_at.is_null()).first()
    return row["id"] if row else None
