"""Clips over the JSON API: what the pages do, by the same services."""

from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

import msgspec
from litestar import Response, delete, get, patch, post, route
from litestar.connection import Request
from litestar.openapi.spec import OpenAPIMediaType, OpenAPIType, Operation, RequestBody, Schema
from litestar.params import FromPath, FromQuery, JSONBody

from trainer.calls.captions import FORMATS
from trainer.calls.files import format_of
from trainer.clips import service
from trainer.clips.arithmetic import Cut, Line
from trainer.clips.service import ClipFields, ClipView, RuleCue
from trainer.clips.words import timed_lines
from trainer.problems import Malformed
from trainer.web import api
from trainer.web.guards import scope
from trainer.web.media import MediaResponse, media_response
from trainer.web.session import viewer_of

Call = Request[Any, Any, Any]


class RedactionIn(msgspec.Struct, forbid_unknown_fields=True):
    """A span of the recording that nobody may hear or read."""

    start_ms: int
    end_ms: int
    mode: str = "beep"

    def cut(self) -> Cut:
        return Cut(self.start_ms, self.end_ms, self.mode)  # type: ignore[arg-type]  # the service checks it


class LineIn(msgspec.Struct, forbid_unknown_fields=True):
    """A line of the clip's transcript, in the clip. `speaker` is agent, caller or empty."""

    start_ms: int
    end_ms: int
    text: str
    speaker: str = ""


class CueIn(msgspec.Struct, forbid_unknown_fields=True):
    """Where one of the clip's rules is met or broken (in the clip), and why; what is left out is the clip's own."""

    rule: str
    cue_ms: int | None = None
    why: str = ""


class ClipIn(msgspec.Struct, forbid_unknown_fields=True):
    """A clip to be cut. `cue_ms` and the lines count from the clip's start, the other times from the recording's.

    `transcript` is for calls that have none, or whose own is wrong here; without it the call's lines are taken.
    """

    start_ms: int
    end_ms: int
    title: str
    polarity: str = "exemplar"
    rules: list[str] = []
    cue_ms: int | None = None
    note: str = ""
    why: str = ""
    redactions: list[RedactionIn] = []
    no_speech: bool = False
    transcript: list[LineIn] | None = None
    cues: list[CueIn] = []

    def fields(self) -> ClipFields:
        return ClipFields(
            start_ms=self.start_ms,
            end_ms=self.end_ms,
            title=self.title,
            polarity=self.polarity,
            rules=tuple(self.rules),
            cue_ms=self.cue_ms,
            note=self.note,
            why=self.why,
            redactions=tuple(one.cut() for one in self.redactions),
            no_speech=self.no_speech,
            lines=None
            if self.transcript is None
            else tuple(
                Line(self.start_ms + line.start_ms, self.start_ms + line.end_ms, line.speaker, line.text)
                for line in self.transcript
            ),
            cues=tuple(RuleCue(cue.rule, cue.cue_ms, cue.why) for cue in self.cues),
        )


class ClipChanges(msgspec.Struct, forbid_unknown_fields=True):
    """The fields to change; the others stay as they are."""

    start_ms: int | msgspec.UnsetType = msgspec.UNSET
    end_ms: int | msgspec.UnsetType = msgspec.UNSET
    title: str | msgspec.UnsetType = msgspec.UNSET
    polarity: str | msgspec.UnsetType = msgspec.UNSET
    rules: list[str] | msgspec.UnsetType = msgspec.UNSET
    cue_ms: int | msgspec.UnsetType | None = msgspec.UNSET
    note: str | msgspec.UnsetType = msgspec.UNSET
    why: str | msgspec.UnsetType = msgspec.UNSET
    redactions: list[RedactionIn] | msgspec.UnsetType = msgspec.UNSET
    no_speech: bool | msgspec.UnsetType = msgspec.UNSET
    transcript: list[LineIn] | msgspec.UnsetType | None = msgspec.UNSET
    cues: list[CueIn] | msgspec.UnsetType = msgspec.UNSET

    def over(self, clip: ClipView) -> ClipFields:
        """The fields with these changes. Cues and typed lines that are not named keep their moment in the call.

        Without `cues`, those of rules that go are left out.
        """
        present = ClipIn(
            start_ms=clip.start_ms,
            end_ms=clip.end_ms,
            title=clip.title,
            polarity=clip.polarity,
            rules=[rule.code for rule in clip.rules],
            cue_ms=clip.cue_ms,
            note=clip.note,
            why=clip.why,
            redactions=[RedactionIn(cut.start_ms, cut.end_ms, cut.mode) for cut in clip.redactions],
            no_speech=clip.no_speech,
        )
        given = {
            name: value
            for name in self.__struct_fields__
            if (value := getattr(self, name)) is not msgspec.UNSET
        }
        if "cue_ms" not in given and "start_ms" in given and clip.cue_ms is not None:
            given["cue_ms"] = clip.cue_ms + clip.start_ms - given["start_ms"]
        if "cues" not in given:
            stay = [rule for rule in clip.rules if rule.code in given.get("rules", [rule.code])]
            moved = clip.start_ms - given.get("start_ms", clip.start_ms)
            given["cues"] = [
                CueIn(rule.code, None if rule.cue_ms is None else rule.cue_ms + moved, rule.why)
                for rule in stay
            ]
        fields = msgspec.structs.replace(present, **given).fields()
        return fields if "transcript" in given else replace(fields, lines=clip.typed)


class Publication(msgspec.Struct, forbid_unknown_fields=True):
    """`privacy_checked`: I listened for personal data, and what is still suggested for redaction may stay; both are
    noted with my name. A body that does not say so is no such word: then the clip needs a check that was noted
    before, or `privacy_check` is missing.
    """

    privacy_checked: bool = False


@dataclass
class PublishOperation(Operation):
    """How publishing is described in OpenAPI: what its body says, and what is said without one."""

    def __post_init__(self) -> None:
        checked = Schema(
            type=OpenAPIType.BOOLEAN,
            description="I listened to this clip for personal data (names, numbers, addresses), in sound and words.",
        )
        self.request_body = RequestBody(
            required=False,
            description="A call without a body says that you listened for personal data, and it is noted with your "
            "name; where a number, code or mail address is suggested for redaction and not decided it is refused "
            "(`redactions`), while open guesses at names, addresses and dates of birth are noted as left by you. With "
            "a body it has to be said in it, and then decides that all that is open may stay.",
            content={
                "application/json": OpenAPIMediaType(
                    schema=Schema(type=OpenAPIType.OBJECT, properties={"privacy_checked": checked})
                )
            },
        )


def shown(clip: ClipView) -> dict[str, Any]:
    """A clip as the API answers it; where it lies in the call only for those who cut."""
    answer: dict[str, Any] = {
        "id": str(clip.id),
        "title": clip.title,
        "polarity": clip.polarity,
        "rules": [rule.code for rule in clip.rules],
        "rule_versions": [{"code": rule.code, "version": rule.version} for rule in clip.rules],
        "cue_ms": clip.cue_ms,
        "cues": [
            {"rule": rule.code, "cue_ms": rule.cue_ms, "why": rule.why if clip.makes else ""}
            for rule in clip.rules
            if rule.cue_ms is not None or (rule.why and clip.makes)
        ],
        "note": clip.note,
        "language": clip.language,
        "staged": clip.staged,
        "tag": clip.tag or None,
        "status": clip.state,
        "render": clip.render,
        "duration_ms": clip.duration_ms,
        "transcript": [line.as_dict() for line in clip.lines],
        "no_speech": clip.no_speech,
        "version": clip.version,
        "revision": clip.revision,
        "curator": {"id": str(clip.curator), "name": clip.curator_name} if clip.curator else None,
        "agent": {"id": str(clip.agent), "name": clip.agent_name} if clip.agent else None,
        "audio_url": f"/api/v1/clips/{clip.id}/audio",
        "created_at": api.as_utc(clip.created_at),
        "updated_at": api.as_utc(clip.updated_at),
        "published_at": api.as_utc(clip.published_at),
    }
    if clip.makes:
        answer |= {
            "recording": str(clip.recording),
            "start_ms": clip.start_ms,
            "end_ms": clip.end_ms,
            "redactions": [cut.as_dict() for cut in clip.redactions],
            "why": clip.why,
            "render_error": clip.render_error or None,
            "replaces": str(clip.replaces) if clip.replaces else None,
            "draft": str(clip.draft) if clip.draft else None,
            "status_url": f"/api/v1/clips/{clip.id}",
            "ends_at": api.as_utc(clip.expires_at),
            "keep_until": clip.keep_until.isoformat() if clip.keep_until else None,
            "keep_basis": clip.keep_basis or None,
            "privacy_checked": clip.privacy_checked_at is not None,
            "agent_consent": {"needed": clip.consent_needed, "answer": clip.consent},
        }
    return answer


async def answer(request: Call, clip_id: FromPath[UUID], *, status: int = 200) -> Response[dict[str, Any]]:
    """The clip as it is now, with its ETag."""
    viewer = viewer_of(request)
    clip = await service.load_clip(viewer, clip_id)
    headers = {"ETag": api.revision_tag(clip.revision)}
    if status == 201:
        headers["Location"] = f"/api/v1/clips/{clip.id}"
    return Response(shown(clip), status_code=status, headers=headers)


@post("/recordings/{recording_id:str}/clips", guards=[scope("clips:write")], tags=["clips"])
async def create(
    request: Call, recording_id: FromPath[str], data: JSONBody[ClipIn]
) -> Response[dict[str, Any]]:
    """Cut a draft out of a recording. Its sound is made in the background: `render` tells how far it is."""
    clip_id = await service.create_clip(viewer_of(request), api.identifier(recording_id), data.fields())
    return await answer(request, clip_id, status=201)


@get("/clips", guards=[scope("clips:read")], tags=["clips"])
async def listed(
    request: Call,
    limit: FromQuery[int] = 50,
    cursor: FromQuery[str | None] = None,
    status: FromQuery[str] = "published",
    rule: FromQuery[str | None] = None,
    polarity: FromQuery[str | None] = None,
    recording: FromQuery[str | None] = None,
    q: FromQuery[str] = "",
    tag: FromQuery[str] = "",
) -> dict[str, Any]:
    """Clips that you may see, latest change first; `q`: words in titles, notes and transcripts.

    `status`: published, draft, in_review, retired or taken_down. `tag`: standard, complex or emotional.
    """
    viewer, page = viewer_of(request), api.read_page(limit, cursor)
    clips = await service.visible_clips(
        viewer,
        states=(status,),
        rule=rule,
        polarity=polarity,
        recording=api.identifier(recording) if recording else None,
        words=q,
        tag=tag,
        limit=page.limit + 1,
        after=service.place_after(page.after),
    )
    return api.page_of(clips, page, shown, service.place_of)


@get("/clips/{clip_id:str}", guards=[scope("clips:read")], tags=["clips"])
async def read(request: Call, clip_id: FromPath[str]) -> Response[dict[str, Any]]:
    """One clip."""
    return await answer(request, api.identifier(clip_id))


@patch("/clips/{clip_id:str}", guards=[scope("clips:write")], tags=["clips"])
async def change(
    request: Call, clip_id: FromPath[str], data: JSONBody[ClipChanges]
) -> Response[dict[str, Any]]:
    """Change a draft; of a published clip this makes the draft of its next version, which is answered."""
    viewer = viewer_of(request)
    clip = await service.load_clip(viewer, api.identifier(clip_id))
    api.require_match(request, clip.revision)
    return await answer(
        request, await service.edit_clip(viewer, clip.id, data.over(clip), revision=clip.revision)
    )


@delete("/clips/{clip_id:str}", guards=[scope("clips:write")], tags=["clips"])
async def remove(request: Call, clip_id: FromPath[str]) -> None:
    """Throw a draft away."""
    await service.delete_clip(viewer_of(request), api.identifier(clip_id))


@route(
    "/clips/{clip_id:str}/audio", http_method=["GET", "HEAD"], guards=[scope("clips:read")], tags=["clips"]
)
async def play(request: Call, clip_id: FromPath[str]) -> MediaResponse:
    """The rendered sound (MP3), with Range and our hash as ETag."""
    sound = await service.load_sound(viewer_of(request), api.identifier(clip_id))
    return media_response(request, key=sound.key, etag=sound.etag, size=sound.size, content_type="audio/mpeg")


@get(
    [f"/clips/{{clip_id:str}}/transcript.{suffix}" for suffix in FORMATS],
    guards=[scope("clips:read")],
    tags=["clips"],
)
async def words(request: Call, clip_id: FromPath[str]) -> Response[str]:
    """The clip's words as WebVTT, SRT, or JSON segments with words."""
    clip = await service.load_clip(viewer_of(request), api.identifier(clip_id))
    kind = format_of(request)
    return Response(kind.write(await timed_lines(clip)), media_type=kind.content_type)


@post(
    "/clips/{clip_id:str}/publish",
    guards=[scope("clips:write")],
    status_code=200,
    tags=["clips"],
    operation_class=PublishOperation,
)
async def publish(request: Call, clip_id: FromPath[str]) -> Response[dict[str, Any]]:
    """Publish a clip, saying that you listened for personal data: {"privacy_checked": true}, or no body at all.

    409 `clip-not-publishable` names what is `missing`: render, transcript, rules, redactions (a suggested redaction
    is open: decide it, or say `privacy_checked` in a body), privacy_check, recording,
    agent_consent (the agent heard in a counterexample or near miss has not said yes), review, second_person.
    """
    body = await request.body()
    try:
        said = msgspec.json.decode(body, type=Publication) if body else Publication(privacy_checked=True)
    except (msgspec.DecodeError, RecursionError) as error:
        raise Malformed(str(error)) from error
    named = await service.publish_clip(
        viewer_of(request),
        api.identifier(clip_id),
        review=request.app.state.settings.clip_review,
        privacy_checked=said.privacy_checked,
        may_stay="guesses" if not body else "all" if said.privacy_checked else "nothing",
    )
    return await answer(request, named)


@post("/clips/{clip_id:str}/retire", guards=[scope("clips:write")], status_code=200, tags=["clips"])
async def retire(request: Call, clip_id: FromPath[str]) -> Response[dict[str, Any]]:
    """Take a published clip out of use."""
    wanted = api.identifier(clip_id)
    await service.retire_clip(viewer_of(request), wanted)
    return await answer(request, wanted)


@post("/clips/{clip_id:str}/restore", guards=[scope("clips:write")], status_code=200, tags=["clips"])
async def restore(request: Call, clip_id: FromPath[str]) -> Response[dict[str, Any]]:
    """Put a retired clip back into use."""
    wanted = api.identifier(clip_id)
    await service.restore_clip(viewer_of(request), wanted)
    return await answer(request, wanted)


routes: list[Any] = [create, listed, read, change, remove, play, words, publish, retire, restore]
