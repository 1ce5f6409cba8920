"""JSON API of a call's words: read, corrected, replaced, recognised. Each change names its revision (If-Match)."""

from typing import Any

import msgspec
from litestar import Response, delete, get, patch, post, put
from litestar.connection import Request
from litestar.params import FromPath, FromQuery, JSONBody

from trainer.calls import correcting, reading
from trainer.calls.captions import FORMATS, as_dict
from trainer.calls.correcting import Changed
from trainer.calls.files import format_of
from trainer.calls.lines import Splice
from trainer.calls.recognising import service as recognising
from trainer.calls.transcripts import LARGEST, Line
from trainer.problems import NotFound
from trainer.web.api import identifier, revision_tag
from trainer.web.guards import requires, scope
from trainer.web.i18n import _
from trainer.web.session import viewer_of

ApiRequest = Request[Any, Any, Any]
READ = scope("recordings:read")
WRITE = scope("recordings:write")
CORRECTS = requires(*correcting.CORRECT)


class SpokenIn(msgspec.Struct, forbid_unknown_fields=True):
    """One turn in the call's time. `speaker` is agent, caller or empty; `words`: [[start_ms, end_ms, text], …]."""

    start_ms: int
    end_ms: int
    text: str
    speaker: str = ""
    words: list[tuple[int, int, str]] = []

    def line(self) -> Line:
        # whoever speaks is checked with all the rest
        return Line(self.start_ms, self.end_ms, self.speaker, self.text, tuple(self.words))  # type: ignore[arg-type]


class LinesIn(msgspec.Struct, forbid_unknown_fields=True):
    """`removed` lines from position `at` on give way to `lines`. Words without times keep those they had."""

    at: int
    removed: int
    lines: list[SpokenIn]

    def splice(self) -> Splice:
        return Splice(self.at, self.removed, tuple(line.line() for line in self.lines))


def matched(request: ApiRequest) -> int:
    """The revision that If-Match names; 0, which none has, where it names none."""
    tag = request.headers.get("if-match", "").strip().removeprefix("W/").strip('"')
    number = tag.removeprefix("r")
    return int(number) if number.isascii() and number.isdigit() and len(number) < 10 else 0


def shown_line(line: Line) -> dict[str, Any]:
    """One line in JSON."""
    return as_dict(line)


def changed(made: Changed) -> dict[str, Any]:
    """What a change came to."""
    return {
        "revision": made.revision,
        "source": made.source,
        "at": made.at,
        "removed": [shown_line(line) for line in made.removed],
        "lines": [shown_line(line) for line in made.lines],
    }


def _answer(data: dict[str, Any], revision: int) -> Response[dict[str, Any]]:
    return Response(data, headers={"ETag": revision_tag(revision)})


@get("/recordings/{recording_id:str}/transcript", guards=[READ])
async def get_transcript(request: ApiRequest, recording_id: FromPath[str]) -> Response[dict[str, Any]]:
    """The words of a call, turn by turn. `source`: uploaded, typed, recognised, checked, or empty without any."""
    recording = await reading.load_for_hearing(viewer_of(request), identifier(recording_id))
    standing = await correcting.standing_of(recording.id)
    items = [shown_line(correcting.line_of(turn)) for turn in await reading.segments_of(recording.id)]
    shown = {"items": items, "next_cursor": None, "source": standing.source, "revision": standing.revision}
    return _answer(shown, standing.revision)


@get(
    [f"/recordings/{{recording_id:str}}/transcript.{suffix}" for suffix in FORMATS],
    guards=[READ],
)
async def get_transcript_file(request: ApiRequest, recording_id: FromPath[str]) -> Response[str]:
    """The words of a call as WebVTT, SRT, or JSON segments with words."""
    recording = await reading.load_for_hearing(viewer_of(request), identifier(recording_id))
    kind = format_of(request)
    text = kind.write(await reading.segments_of(recording.id))
    return Response(text, media_type=kind.content_type)


@put(
    "/recordings/{recording_id:str}/transcript",
    guards=[WRITE, CORRECTS],
    request_max_body_size=LARGEST + 1024,
)
async def put_transcript(request: ApiRequest, recording_id: FromPath[str]) -> Response[dict[str, Any]]:
    """Replaces the words of a call: the body is WebVTT, SRT or JSON segments, told by its content."""
    recording = identifier(recording_id)
    data = await request.body()
    made = await correcting.replace_by_file(viewer_of(request), recording, data, expected=matched(request))
    return _answer(
        {"revision": made.revision, "source": made.source, "lines": len(made.lines)}, made.revision
    )


@patch("/recordings/{recording_id:str}/transcript", guards=[WRITE, CORRECTS])
async def change_transcript(
    request: ApiRequest, recording_id: FromPath[str], data: JSONBody[LinesIn]
) -> Response[dict[str, Any]]:
    """Lines give way to others. If-Match names what was read."""
    viewer = viewer_of(request)
    made = await correcting.change_lines(
        viewer, identifier(recording_id), data.splice(), expected=matched(request)
    )
    return _answer(changed(made), made.revision)


@post("/recordings/{recording_id:str}/transcript/read-over", guards=[WRITE, CORRECTS], status_code=200)
async def read_over(request: ApiRequest, recording_id: FromPath[str]) -> Response[dict[str, Any]]:
    """Says that somebody has read over what a machine has heard."""
    recording = identifier(recording_id)
    made = await correcting.mark_read_over(viewer_of(request), recording, expected=matched(request))
    return _answer({"revision": made.revision, "source": made.source}, made.revision)


@post("/recordings/{recording_id:str}/recognition", guards=[WRITE, CORRECTS], status_code=202)
async def ask_for_recognition(
    request: ApiRequest, recording_id: FromPath[str], agent_channel: FromQuery[int] = 0
) -> dict[str, Any]:
    """Has a machine write the words down, in place of those that If-Match names. 409 `no-recognition`, `under-way`."""
    recording = identifier(recording_id)
    await recognising.ask(
        viewer_of(request), recording, agent_channel=agent_channel, expected=matched(request)
    )
    return {"status": "waiting", "status_url": f"/api/v1/recordings/{recording}/recognition"}


@get("/recordings/{recording_id:str}/recognition", guards=[READ, CORRECTS])
async def get_recognition(request: ApiRequest, recording_id: FromPath[str]) -> dict[str, Any]:
    """How far it is: waiting, running, done, failed or cancelled."""
    call = await correcting.load_for_correcting(viewer_of(request), identifier(recording_id))
    run = await recognising.run_of(call)
    if run is None:
        raise NotFound(_("Nobody has asked for it yet."))
    return {"status": run.state, "reason": run.reason or None, "done_ms": run.done, "total_ms": run.total}


@delete("/recordings/{recording_id:str}/recognition", guards=[WRITE, CORRECTS])
async def stop_recognition(request: ApiRequest, recording_id: FromPath[str]) -> None:
    """Stops it; the words stay what they were. 409 `not-under-way`."""
    await recognising.call_off(viewer_of(request), identifier(recording_id))


routes: list[Any] = [
    get_transcript,
    get_transcript_file,
    put_transcript,
    change_transcript,
    read_over,
    ask_for_recognition,
    get_recognition,
    stop_recognition,
]
