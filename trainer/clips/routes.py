"""Pages of clips: the editor, the library, one clip, and its sound."""

import re
from typing import Any
from uuid import UUID

from litestar import Response, Router, get, post, route
from litestar.connection import Request
from litestar.params import FromPath, FromQuery
from litestar.response import Redirect

from trainer.calls.captions import FORMATS
from trainer.calls.files import as_file, format_of
from trainer.clips import service, versions, voice_pages
from trainer.clips.arithmetic import LONGEST_MS, Cut, Span
from trainer.clips.conflicts import wanted_of, with_theirs
from trainer.clips.editing import require_source
from trainer.clips.forms import Typed, read_fields, require_fields, take_refusal
from trainer.clips.kept_words import spoken_words
from trainer.clips.pages import cutting_board, editor_page, library_page, saved_draft, show_clip_page
from trainer.clips.reviewing import pages as review_pages
from trainer.clips.words import kept_of_call, timed_lines
from trainer.problems import Conflict, Invalid, PreconditionFailed
from trainer.web.forms import read_form
from trainer.web.guards import requires, signed_in
from trainer.web.media import MediaResponse, media_response
from trainer.web.session import viewer_of

Page = Request[Any, Any, Any]
OPENED_MOST = 1000
CUTTERS = ("trainer", "qa_analyst", "team_lead")
CUT = re.compile(r"(\d{1,9})-(\d{1,9})")


@get("/calls/{recording_id:uuid}/clips/new", guards=[requires(*CUTTERS)])
async def show_new_clip(
    request: Page,
    recording_id: FromPath[UUID],
    start: FromQuery[int] = 0,
    end: FromQuery[int] = 0,
    rule: FromQuery[str] = "",
    kind: FromQuery[str] = "",
) -> Response[str]:
    """The editor over a call; `start` and `end` (ms) propose a range, `rule` and `kind` what is sought."""
    board = await cutting_board(request, recording_id)
    wanted = kind if kind in service.POLARITIES else "exemplar"
    typed = Typed.blank(*board.proposed(start, end), rules=(rule,) if rule else (), kind=wanted)
    return await editor_page(request, board, None, typed)


@post("/calls/{recording_id:uuid}/clips/new", guards=[requires(*CUTTERS)])
async def cut_clip(request: Page, recording_id: FromPath[UUID]) -> Response[str] | Redirect:
    """Make the clip, or show the same form again with what is wrong."""
    form = await read_form(request)
    fields = read_fields(form)
    if fields is not None:
        try:
            clip_id = await service.create_clip(viewer_of(request), recording_id, fields)
        except Invalid as problem:
            take_refusal(form, problem)
        else:
            return Redirect(f"/clips/{clip_id}", status_code=303)
    board = await cutting_board(request, recording_id)
    return await editor_page(request, board, None, Typed.of_form(form), errors=form.errors)


@post("/calls/{recording_id:uuid}/clips/autosave", guards=[requires(*CUTTERS)], status_code=200)
async def autosave_new_clip(request: Page, recording_id: FromPath[UUID]) -> dict[str, Any]:
    """The editor saves by itself what somebody types: a new clip becomes a draft."""
    viewer, form = viewer_of(request), await read_form(request)
    clip_id = await service.create_clip(viewer, recording_id, require_fields(form))
    return saved_draft(await service.load_clip(viewer, clip_id))


@post("/clips/{clip_id:uuid}/autosave", guards=[requires("trainer")], status_code=200)
async def autosave_clip(request: Page, clip_id: FromPath[UUID]) -> dict[str, Any]:
    """The same of a draft; 412 when somebody else saved it meanwhile."""
    viewer, form = viewer_of(request), await read_form(request)
    fields = require_fields(form)
    revision = form.integer("revision", least=1, most=10**9) or 0
    saved = await service.edit_clip(viewer, clip_id, fields, revision=revision, quietly=True)
    return saved_draft(await service.load_clip(viewer, saved))


@get("/calls/{recording_id:uuid}/words", guards=[requires(*CUTTERS)])
async def list_words(
    request: Page, recording_id: FromPath[UUID], start: FromQuery[int], end: FromQuery[int]
) -> dict[str, Any]:
    """The words of a part of a call with their times, for redacting them."""
    board = await cutting_board(request, recording_id, part=Span(start, min(end, start + LONGEST_MS)))
    lines = [(turn.position, *spoken_words(turn)) for turn in board.turns]
    return {"lines": [{"position": at, "words": words, "guessed": guessed} for at, words, guessed in lines]}


@get("/calls/{recording_id:uuid}/kept", guards=[requires(*CUTTERS)])
async def list_kept_words(
    request: Page,
    recording_id: FromPath[UUID],
    start: FromQuery[int],
    end: FromQuery[int],
    cuts: FromQuery[str] = "",
) -> dict[str, Any]:
    """What a clip of this range would keep of each line, with `cuts` ("7000-8000,…") redacted."""
    window = Span(start, min(end, start + LONGEST_MS))
    redactions = [Cut(int(from_ms), int(to_ms)) for from_ms, to_ms in CUT.findall(cuts)]
    kept = await kept_of_call(viewer_of(request), recording_id, window, redactions)
    return {"lines": [{"position": position, "text": text} for position, text in kept.items()]}


@get("/clips/{clip_id:uuid}/edit", guards=[requires("trainer")])
async def show_edit_clip(request: Page, clip_id: FromPath[UUID]) -> Response[str] | Redirect:
    """The editor over an existing clip, or over the draft of its next version."""
    clip = await service.load_clip(viewer_of(request), clip_id, stopped=True)
    require_source(clip)
    if clip.draft is not None:
        return Redirect(f"/clips/{clip.draft}/edit", status_code=303)
    board = await cutting_board(request, clip.recording)
    return await editor_page(request, board, clip, Typed.of_clip(clip))


@post("/clips/{clip_id:uuid}/edit", guards=[requires("trainer")])
async def save_clip(request: Page, clip_id: FromPath[UUID]) -> Response[str] | Redirect:
    """Save, unless somebody else did meanwhile: then both versions are shown and nothing is lost."""
    viewer, form = viewer_of(request), await read_form(request)
    clip = await service.load_clip(viewer, clip_id, stopped=True)
    form = with_theirs(form, Typed.of_clip(clip), wanted_of(form))
    fields, conflict = read_fields(form), None
    revision = form.integer("revision", least=1, most=10**9)
    if fields is not None and revision is not None:
        try:
            saved = await service.edit_clip(viewer, clip_id, fields, revision=revision)
        except Invalid as problem:
            take_refusal(form, problem)
        except PreconditionFailed as problem:
            conflict = problem
        else:
            taken_back = "?done=saved-back" if clip.state == "in_review" else ""
            return Redirect(f"/clips/{saved}{taken_back}", status_code=303)
    clip = await service.load_clip(viewer, clip_id, stopped=True)
    board = await cutting_board(request, clip.recording)
    typed = Typed.of_form(form, revision=clip.revision if conflict else revision)
    wrong, opened = form.errors, form.raw("opened")[:OPENED_MOST]
    return await editor_page(request, board, clip, typed, errors=wrong, conflict=conflict, opened=opened)


@get("/clips", guards=[signed_in])
async def show_clips(request: Page) -> Response[str]:
    """The library: clips by rule, kind and words; drafts for those who make them."""
    return await library_page(request)


@get("/clips/{clip_id:uuid}", guards=[signed_in])
async def show_clip(request: Page, clip_id: FromPath[UUID], done: FromQuery[str] = "") -> Response[str]:
    """One clip with what to listen for and, for trainers, what is to be done with it."""
    clip = await service.load_clip(viewer_of(request), clip_id, stopped=True)
    return await show_clip_page(request, clip, done=done)


@get("/clips/{clip_id:uuid}/state", guards=[signed_in])
async def show_clip_state(request: Page, clip_id: FromPath[UUID]) -> Response[str]:
    """The part of the page that renews itself while the sound is made."""
    return await show_clip_page(request, await service.load_clip(viewer_of(request), clip_id), block="sound")


@route("/clips/{clip_id:uuid}/audio", http_method=["GET", "HEAD"], guards=[signed_in])
async def play_clip(request: Page, clip_id: FromPath[UUID]) -> MediaResponse:
    """The rendered sound, and nothing of the call beyond it."""
    sound = await service.load_sound(viewer_of(request), clip_id)
    return media_response(request, key=sound.key, etag=sound.etag, size=sound.size, content_type="audio/mpeg")


@get([f"/clips/{{clip_id:uuid}}/transcript.{suffix}" for suffix in FORMATS], guards=[signed_in])
async def show_clip_words(request: Page, clip_id: FromPath[UUID]) -> Response[str]:
    """The clip's words as a file."""
    clip, kind = await service.load_clip(viewer_of(request), clip_id), format_of(request)
    return as_file(kind, kind.write(await timed_lines(clip)), f"clip-{str(clip.named)[:8]}")


@post("/clips/{clip_id:uuid}/publish", guards=[requires("trainer")])
async def publish_clip(request: Page, clip_id: FromPath[UUID]) -> Response[str] | Redirect:
    """Publish it; the page says what is missing."""
    viewer, form = viewer_of(request), await read_form(request)
    review, checked = request.app.state.settings.clip_review, form.checked("privacy_checked")
    try:
        named = await service.publish_clip(viewer, clip_id, review=review, privacy_checked=checked)
    except Conflict as problem:
        clip = await service.load_clip(viewer, clip_id, stopped=True)
        return await show_clip_page(request, clip, status=409, refusal=problem.detail)
    return Redirect(f"/clips/{named}", status_code=303)


@post("/clips/{clip_id:uuid}/retire", guards=[requires("trainer")])
async def retire_clip(request: Page, clip_id: FromPath[UUID]) -> Redirect:
    """Take it out of use."""
    await service.retire_clip(viewer_of(request), clip_id)
    return Redirect(f"/clips/{clip_id}", status_code=303)


@post("/clips/{clip_id:uuid}/restore", guards=[requires("trainer")])
async def restore_clip(request: Page, clip_id: FromPath[UUID]) -> Redirect:
    """Put it back into use."""
    await service.restore_clip(viewer_of(request), clip_id)
    return Redirect(f"/clips/{clip_id}", status_code=303)


@post("/clips/{clip_id:uuid}/delete", guards=[requires("trainer", "admin")])
async def delete_clip(request: Page, clip_id: FromPath[UUID]) -> Redirect:
    """Throw a draft away."""
    await service.delete_clip(viewer_of(request), clip_id)
    return Redirect("/clips?done=deleted", status_code=303)


handlers: list[Any] = [
    show_new_clip,
    cut_clip,
    autosave_new_clip,
    autosave_clip,
    list_words,
    list_kept_words,
    show_edit_clip,
    save_clip,
    show_clips,
    show_clip,
    show_clip_state,
    play_clip,
    show_clip_words,
    publish_clip,
    retire_clip,
    restore_clip,
    delete_clip,
    *voice_pages.handlers,
    *review_pages.handlers,
    *versions.handlers,
]
pages: list[Any] = [Router("/", route_handlers=handlers, include_in_schema=False)]
