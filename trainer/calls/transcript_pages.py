"""The page on which a call's words are corrected while it is heard, its files, and the machine that writes them down.

Line by line goes through scripts (static/js/transcript.js) and JSON; the same as one text works without them.
"""

import asyncio
from typing import Any
from uuid import UUID

from litestar import Response, get, post
from litestar.connection import Request
from litestar.params import FromPath, FromQuery, JSONBody
from litestar.response import Redirect

from trainer import speech
from trainer.calls import correcting, reading
from trainer.calls.captions import FORMATS
from trainer.calls.files import as_file, format_of
from trainer.calls.lines import as_text, from_text
from trainer.calls.pages import Part, bars_of, speaker_names
from trainer.calls.recognising import service as recognising
from trainer.calls.transcript_api import LinesIn, changed, matched, shown_line
from trainer.calls.transcripts import LARGEST
from trainer.calls.views import RecordingView
from trainer.people.audit import record_audit
from trainer.problems import Conflict, Invalid, PreconditionFailed, TooLarge
from trainer.web.forms import Form, read_form
from trainer.web.guards import requires, signed_in
from trainer.web.i18n import _
from trainer.web.session import Viewer, viewer_of
from trainer.web.templating import is_htmx, render
from trainer.web.uploads import stream_upload

Page = Request[Any, Any, Any]
CORRECTS = requires(*correcting.CORRECT)
# What fits into a form that is held in memory; longer ones are corrected line by line, or by a file.
MOST_TEXT = 1_500_000

# An upper room says beside the words what hangs on them (clips that show them as they were); wired in app.py.
transcript_parts: dict[str, Any] = {}


async def words_part(viewer: Viewer, call: RecordingView) -> Part | None:
    """What a call's page says of its words: where they come from, files, correcting, recognising."""
    if not call.may_hear:
        return None
    may_correct = viewer.has(*correcting.CORRECT)
    standing = correcting.Standing(call.transcript_source, call.transcript_revision)
    return "calls/_words.html", {
        "call": call,
        "standing": standing,
        "formats": list(FORMATS.values()),
        "may_correct": may_correct,
        "engine": may_correct and speech.engine() is not None,
        "run": await recognising.run_of(call) if may_correct else None,
    }


@get("/calls/{recording_id:uuid}/transcript", guards=[CORRECTS], include_in_schema=False)
async def show_transcript(
    request: Page,
    recording_id: FromPath[UUID],
    plain: FromQuery[bool] = False,
    at: FromQuery[int | None] = None,
) -> Response[str]:
    """The words, to be corrected in place; `?plain=true` as one text; `?at=` opens at that millisecond."""
    viewer = viewer_of(request)
    call = await correcting.load_for_correcting(viewer, recording_id)
    return await _page(request, call, plain=plain, at=at)


async def _page(
    request: Page,
    call: RecordingView,
    *,
    plain: bool = False,
    at: int | None = None,
    typed: str | None = None,
    revision: int | None = None,
    errors: dict[str, str] | None = None,
    status: int = 200,
) -> Response[str]:
    viewer = viewer_of(request)
    standing = await correcting.standing_of(call.id)
    lines = await reading.segments_of(call.id)
    text = as_text(correcting.line_of(turn) for turn in lines) if plain else ""
    parts = [await make(viewer, call) for make in transcript_parts.values()]
    return render(
        request,
        "calls/transcript.html",
        status=status,
        call=call,
        bars=await bars_of(call),
        lines=lines,
        standing=standing,
        speakers=speaker_names(),
        plain=plain,
        typed=text if typed is None else typed,
        too_long=len(text) > MOST_TEXT,
        revision=standing.revision if revision is None else revision,
        at=at,
        formats=list(FORMATS.values()),
        engine=speech.engine() is not None,
        run=await recognising.run_of(call),
        parts=[part for part in parts if part],
        errors=errors or {},
    )


@post("/calls/{recording_id:uuid}/transcript", guards=[CORRECTS], include_in_schema=False)
async def save_transcript(request: Page, recording_id: FromPath[UUID]) -> Response[str] | Redirect:
    """The whole as one text. What was typed is kept when it cannot be read, or somebody else was first."""
    viewer, form = viewer_of(request), await read_form(request)
    call = await correcting.load_for_correcting(viewer, recording_id)
    revision, text = _revision(form), form.raw("lines")
    try:
        await correcting.replace_lines(viewer, call.id, from_text(text), expected=revision)
    except Invalid as problem:
        form.take(problem)
        return await _page(
            request, call, plain=True, typed=text, revision=revision, errors=form.errors, status=422
        )
    except PreconditionFailed:
        told = _(
            "Somebody else changed these words meanwhile. Save once more to put yours in place of theirs."
        )
        return await _page(request, call, plain=True, typed=text, errors={"lines": told}, status=412)
    return _back(call.id)


@get("/calls/{recording_id:uuid}/transcript/lines", guards=[CORRECTS], include_in_schema=False)
async def show_lines(request: Page, recording_id: FromPath[UUID]) -> dict[str, Any]:
    """All lines as they are now, for a page that was overtaken by somebody else."""
    call = await correcting.load_for_correcting(viewer_of(request), recording_id)
    standing = await correcting.standing_of(call.id)
    lines = [shown_line(correcting.line_of(turn)) for turn in await reading.segments_of(call.id)]
    return {"revision": standing.revision, "source": standing.source, "lines": lines}


@post(
    "/calls/{recording_id:uuid}/transcript/lines", guards=[CORRECTS], include_in_schema=False, status_code=200
)
async def change_lines(
    request: Page, recording_id: FromPath[UUID], data: JSONBody[LinesIn]
) -> dict[str, Any]:
    """Lines give way to others; If-Match names the words that they were made on."""
    viewer = viewer_of(request)
    made = await correcting.change_lines(viewer, recording_id, data.splice(), expected=matched(request))
    return changed(made)


@post("/calls/{recording_id:uuid}/transcript/file", guards=[CORRECTS], include_in_schema=False)
async def replace_transcript(request: Page, recording_id: FromPath[UUID]) -> Response[str] | Redirect:
    """The whole from a file. htmx sends it, as the proof of where an upload comes from is a header."""
    viewer = viewer_of(request)
    call = await correcting.load_for_correcting(viewer, recording_id)
    try:
        async with stream_upload(
            request,
            max_bytes=LARGEST,
            incoming=request.app.state.settings.incoming,
            text_fields={"revision"},
            file_field="transcript",
            other_files={},
        ) as upload:
            data = await asyncio.to_thread(upload.path.read_bytes)
            revision = _number(upload.fields.get("revision", ""))
        await correcting.replace_by_file(viewer, call.id, data, expected=revision)
    except Invalid as problem:
        errors = {error.field: error.message for error in problem.errors}
        return await _page(request, call, errors=errors, status=422)
    except (PreconditionFailed, TooLarge) as problem:
        return await _page(request, call, errors={"transcript": problem.detail}, status=422)
    if is_htmx(request):
        return Response("", headers={"HX-Redirect": f"/calls/{call.id}/transcript"}, status_code=200)
    return _back(call.id)


@post("/calls/{recording_id:uuid}/transcript/swap", guards=[CORRECTS], include_in_schema=False)
async def swap_speakers(request: Page, recording_id: FromPath[UUID]) -> Redirect:
    """Agent becomes caller and caller agent."""
    form = await read_form(request)
    await correcting.swap_speakers(viewer_of(request), recording_id, expected=_revision(form))
    return _back(recording_id)


@post("/calls/{recording_id:uuid}/transcript/read-over", guards=[CORRECTS], include_in_schema=False)
async def mark_read_over(request: Page, recording_id: FromPath[UUID]) -> Redirect:
    """Somebody has read over what a machine has heard."""
    form = await read_form(request)
    await correcting.mark_read_over(viewer_of(request), recording_id, expected=_revision(form))
    return _back(recording_id)


@post("/calls/{recording_id:uuid}/transcript/recognise", guards=[CORRECTS], include_in_schema=False)
async def recognise(request: Page, recording_id: FromPath[UUID]) -> Redirect:
    """Have a machine write the words down."""
    form = await read_form(request)
    channel = form.integer("agent_channel", least=0, most=1, required=False) or 0
    viewer = viewer_of(request)
    await recognising.ask(viewer, recording_id, agent_channel=channel, expected=_revision(form))
    return _back(recording_id, form)


@post("/calls/{recording_id:uuid}/transcript/recognise/stop", guards=[CORRECTS], include_in_schema=False)
async def stop_recognising(request: Page, recording_id: FromPath[UUID]) -> Redirect:
    """Nobody wants them any more. That it ended in this very moment is no fault of whoever presses Stop."""
    form = await read_form(request)
    try:
        await recognising.call_off(viewer_of(request), recording_id)
    except Conflict as problem:
        if problem.name != "not-under-way":
            raise
    return _back(recording_id, form)


@get("/calls/{recording_id:uuid}/transcript/run", guards=[CORRECTS], include_in_schema=False)
async def show_run(request: Page, recording_id: FromPath[UUID]) -> Response[str] | Redirect:
    """How far the machine is; the part of a page that renews itself."""
    call = await correcting.load_for_correcting(viewer_of(request), recording_id)
    if not is_htmx(request):
        return _back(recording_id)
    return render(request, "calls/_run.html", call=call, run=await recognising.run_of(call), asked=True)


@get(
    [f"/calls/{{recording_id:uuid}}/transcript.{suffix}" for suffix in FORMATS],
    guards=[signed_in],
    include_in_schema=False,
)
async def download_transcript(request: Page, recording_id: FromPath[UUID]) -> Response[str]:
    """A call's words as a file, for whoever may hear it. That they leave the house is noted."""
    viewer = viewer_of(request)
    call = await reading.load_for_hearing(viewer, recording_id)
    kind = format_of(request)
    await record_audit(viewer, "transcript_downloaded", "recording", str(call.id), {"format": kind.suffix})
    return as_file(kind, kind.write(await reading.segments_of(call.id)), f"call-{str(call.id)[:8]}")


def _revision(form: Form) -> int:
    return _number(form.raw("revision"))


def _number(raw: str) -> int:
    """The revision that a form names; 0, which none has, where it names none."""
    return int(raw) if raw.isascii() and raw.isdigit() and len(raw) < 10 else 0


def _back(recording: UUID, form: Form | None = None) -> Redirect:
    to_call = form is not None and form.raw("back") == "call"
    return Redirect(f"/calls/{recording}" + ("#words" if to_call else "/transcript"), status_code=303)


pages: list[Any] = [
    show_transcript,
    save_transcript,
    show_lines,
    change_lines,
    replace_transcript,
    swap_speakers,
    mark_read_over,
    recognise,
    stop_recognising,
    show_run,
    download_transcript,
]
