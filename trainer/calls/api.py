"""JSON API of recordings. `agent` is given as id, e-mail or employee number and answered as {id, name}."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import msgspec
from litestar import Response, delete, get, patch, post, route
from litestar.connection import Request
from litestar.openapi.spec import (
    OpenAPIFormat,
    OpenAPIMediaType,
    OpenAPIType,
    Operation,
    Reference,
    RequestBody,
    Schema,
)
from litestar.params import FromPath, FromQuery, JSONBody
from msgspec import UNSET, UnsetType

from trainer.calls import service, transcript_api
from trainer.calls.forms import ANYWAY_FIELD, TEXT_FIELDS, fields_of, read_fields, receive_upload
from trainer.calls.importing import api as importing_api
from trainer.calls.pages import play
from trainer.calls.views import CONSENT_BASES, STATES, TAGS, RecordingView
from trainer.problems import Invalid
from trainer.web.api import (
    as_utc,
    identifier,
    key_of,
    page_of,
    read_page,
    require_match,
    revision_tag,
)
from trainer.web.guards import requires, scope
from trainer.web.i18n import _
from trainer.web.media import MediaResponse
from trainer.web.session import viewer_of

ApiRequest = Request[Any, Any, Any]
READ = scope("recordings:read")
WRITE = scope("recordings:write")
# Managers have no calls at all; agents' own ones come with released evaluations.
NOT_MANAGERS = requires("agent", "trainer", "qa_analyst", "team_lead", "admin")
MOST_POINTS = 20_000


class RecordingChanges(msgspec.Struct, forbid_unknown_fields=True):
    """What is known of a call and may change; null clears a field."""

    title: str | UnsetType | None = UNSET
    agent: str | UnsetType | None = UNSET
    rulebook: str | UnsetType | None = UNSET
    called_at: str | UnsetType | None = UNSET
    csat: int | UnsetType | None = UNSET
    staged: bool | UnsetType = UNSET
    tag: str | UnsetType | None = UNSET
    consent_basis: str | UnsetType = UNSET
    retain_until: str | UnsetType | None = UNSET

    def texts(self) -> dict[str, str]:
        """As the upload form would send them."""
        given = {name: value for name, value in msgspec.structs.asdict(self).items() if value is not UNSET}
        return {name: "" if value is None else str(value) for name, value in given.items()}


@dataclass
class UploadOperation(Operation):
    """How the upload is described in OpenAPI: its body is streamed, so that no parameter of the handler says
    it.
    """

    def __post_init__(self) -> None:
        text, file = (
            Schema(type=OpenAPIType.STRING),
            Schema(type=OpenAPIType.STRING, format=OpenAPIFormat.BINARY),
        )
        parts: dict[str, Schema | Reference] = dict.fromkeys(sorted(TEXT_FIELDS), text)
        parts |= {
            "audio": file,
            "transcript": file,
            "consent_basis": Schema(type=OpenAPIType.STRING, enum=list(CONSENT_BASES)),
            "staged": Schema(type=OpenAPIType.BOOLEAN),
            "caller_is_minor": Schema(type=OpenAPIType.BOOLEAN),
            "tag": Schema(type=OpenAPIType.STRING, enum=list(TAGS)),
            "csat": Schema(type=OpenAPIType.INTEGER, minimum=1, maximum=5),
            "retain_until": Schema(
                type=OpenAPIType.STRING,
                format=OpenAPIFormat.DATE,
                description="The last day on which it is kept; left out, the centre's usual time (TRAINER_KEEP_DAYS).",
            ),
        }
        parts[ANYWAY_FIELD] = Schema(
            type=OpenAPIType.STRING,
            description="Why a recording is taken in although the same file was erased or expired here before: "
            "of trainers and admins; it stands in the audit log for good, so it names nobody.",
        )
        form = Schema(type=OpenAPIType.OBJECT, properties=parts, required=["audio", "consent_basis"])
        self.request_body = RequestBody(content={"multipart/form-data": OpenAPIMediaType(schema=form)})


def shown(recording: RecordingView) -> dict[str, Any]:
    """The API's form of a recording."""
    agent = {"id": str(recording.agent), "name": recording.agent_name} if recording.agent else None
    refusal = (
        {"code": recording.refusal, "message": recording.refusal_sentence} if recording.refusal else None
    )
    return {
        "id": str(recording.id),
        "status": recording.state,
        "title": recording.title,
        "agent": agent,
        "rulebook": recording.rulebook_code,
        "language": recording.language,
        "called_at": as_utc(recording.called_at),
        "csat": recording.csat,
        "staged": recording.staged,
        "tag": recording.tag or None,
        "consent_basis": recording.consent_basis,
        "retain_until": recording.retain_until.isoformat() if recording.retain_until else None,
        "duration_ms": recording.duration_ms,
        "channels": recording.channels,
        "sample_rate_hz": recording.sample_rate_hz,
        "codec": recording.codec or None,
        "size_bytes": recording.size_bytes,
        "longest_silence_ms": recording.longest_silence_ms,
        "talk_over_ms": recording.talk_over_ms,
        "refusal": refusal,
        "created_at": as_utc(recording.created_at),
        "erased_at": as_utc(recording.erased_at),
        "status_url": f"/api/v1/recordings/{recording.id}",
    }


def answer(recording: RecordingView, *, status: int = 200) -> Response[dict[str, Any]]:
    """One recording with the ETag that the next edit has to name."""
    headers = {"ETag": revision_tag(recording.revision)}
    if status == 201:
        headers["Location"] = f"/api/v1/recordings/{recording.id}"
    return Response(shown(recording), status_code=status, headers=headers)


@post("/recordings", guards=[WRITE, requires(*service.CREATE)], operation_class=UploadOperation)
async def add_recording(request: ApiRequest) -> Response[dict[str, Any]]:
    """A call: multipart `audio`, optional `transcript` (WebVTT, SRT, JSON), and its fields as text parts."""
    recording = await receive_upload(request)
    return answer(await service.load_recording(viewer_of(request), recording), status=201)


@get("/recordings", guards=[READ, NOT_MANAGERS])
async def list_recordings(
    request: ApiRequest,
    limit: FromQuery[int] = 50,
    cursor: FromQuery[str | None] = None,
    status: FromQuery[str] = "",
    agent: FromQuery[str] = "",
    q: FromQuery[str] = "",
    tag: FromQuery[str] = "",
) -> dict[str, Any]:
    """Calls that you may see, newest first; erased ones only for `status=erased`."""
    page = read_page(limit, cursor)
    if status and status not in STATES:
        raise Invalid.field(
            "status", "unknown", _("status is one of %(names)s.") % {"names": ", ".join(STATES)}
        )
    if tag and tag not in TAGS:
        raise Invalid.field("tag", "unknown", _("tag is one of %(names)s.") % {"names": ", ".join(TAGS)})
    found = await service.visible_recordings(
        viewer_of(request),
        search=q,
        state=status,
        agent=identifier(agent) if agent else None,
        tag=tag,
        after=key_of(page, datetime.fromisoformat, UUID),
        limit=page.limit + 1,
    )
    return page_of(found, page, shown, lambda each: (each.created_at.isoformat(), str(each.id)))


@get("/recordings/{recording_id:str}", guards=[READ])
async def get_recording(request: ApiRequest, recording_id: FromPath[str]) -> Response[dict[str, Any]]:
    """One call; 410 once it is erased."""
    return answer(await service.load_recording(viewer_of(request), identifier(recording_id)))


@patch("/recordings/{recording_id:str}", guards=[WRITE])
async def change_recording(
    request: ApiRequest, recording_id: FromPath[str], data: JSONBody[RecordingChanges]
) -> Response[dict[str, Any]]:
    """Changes what is known of a call. If-Match names what was read."""
    viewer = viewer_of(request)
    recording = await service.load_recording(viewer, identifier(recording_id))
    require_match(request, recording.revision)
    zone = ZoneInfo(request.app.state.settings.time_zone)
    fields = await read_fields(data.texts(), zone, fields_of(recording))
    return answer(await service.edit_recording(viewer, recording.id, fields, expected=recording.revision))


@delete("/recordings/{recording_id:str}", guards=[WRITE])
async def erase_recording(
    request: ApiRequest, recording_id: FromPath[str], reason: FromQuery[str] = ""
) -> None:
    """Erases a call with every clip cut from it; a proof stays (410)."""
    why = reason or _("Erased through the API.")
    await service.erase_recording(viewer_of(request), identifier(recording_id), why)


@get("/recordings/{recording_id:str}/peaks", guards=[READ])
async def get_peaks(
    request: ApiRequest,
    recording_id: FromPath[str],
    points: FromQuery[int] = 800,
    start_ms: FromQuery[int] = 0,
    end_ms: FromQuery[int | None] = None,
    channel: FromQuery[int | None] = None,
) -> dict[str, Any]:
    """How loud it is, as `points` numbers from 0 to 100 over the call or a window of it, of all channels or
    one.
    """
    recording = await service.load_for_hearing(viewer_of(request), identifier(recording_id))
    length = recording.duration_ms or 0
    end = length if end_ms is None else end_ms
    if not 1 <= points <= MOST_POINTS:
        told = _("points is a number from 1 to %(most)s.") % {"most": MOST_POINTS}
        raise Invalid.field("points", "out-of-range", told)
    if not 0 <= start_ms < end <= length:
        raise Invalid.field("end_ms", "out-of-range", _("The window is not within the recording."))
    if channel is not None and not 0 <= channel < (recording.channels or 0):
        raise Invalid.field("channel", "out-of-range", _("There is no such channel."))
    peaks = await service.peaks_of(recording)
    return {
        "points": points,
        "start_ms": start_ms,
        "end_ms": end,
        "channels": recording.channels,
        "peaks": peaks.resample(points, start_ms, end, channel),
    }


@route("/recordings/{recording_id:str}/audio", http_method=["GET", "HEAD"], guards=[READ])
async def get_audio(request: ApiRequest, recording_id: FromPath[str]) -> MediaResponse:
    """The whole call, for the few who may hear it. Each hearing is logged."""
    return await play(request, identifier(recording_id))


routes: list[Any] = [
    *transcript_api.routes,
    *importing_api.routes,
    add_recording,
    list_recordings,
    get_recording,
    change_recording,
    erase_recording,
    get_peaks,
    get_audio,
]
