"""Pages of calls: the list, adding one, hearing one, changing what is known of it, erasing it."""

from datetime import datetime
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from litestar import Response, get, post, route
from litestar.connection import Request
from litestar.params import FromPath, FromQuery
from litestar.response import Redirect

from trainer.calls import hearing_pages, service, transcript_pages
from trainer.calls.forms import EDITABLE, fields_of, read_fields, receive_upload, usual_day
from trainer.calls.importing import pages as importing_pages
from trainer.calls.pages import (
    call_page,
    form_choices,
    going_with,
    play,
    sought_rule,
    state_options,
    typed_of,
)
from trainer.calls.views import STATES, TAGS, tag_names
from trainer.problems import Invalid
from trainer.web.api import key_of, next_cursor, read_page
from trainer.web.forms import read_form
from trainer.web.guards import requires, signed_in
from trainer.web.media import MediaResponse
from trainer.web.session import viewer_of
from trainer.web.templating import is_htmx, next_address, render, render_block

Page = Request[Any, Any, Any]
PER_PAGE = 30


@get(
    "/calls",
    guards=[requires("agent", "trainer", "qa_analyst", "team_lead", "admin")],
    include_in_schema=False,
)
async def show_calls(
    request: Page,
    q: FromQuery[str] = "",
    status: FromQuery[str] = "",
    rule: FromQuery[str] = "",
    tag: FromQuery[str] = "",
    cursor: FromQuery[str] = "",
) -> Response[str]:
    """The calls that the viewer may see, newest first. htmx gets the list alone, or its next rows.

    `?rule=` looks for a moment that lets one hear a rule: calls of its programme, each opened with the rule in mind.
    """
    viewer = viewer_of(request)
    after = key_of(read_page(cursor=cursor), datetime.fromisoformat, UUID)
    state = status if status in STATES else ""
    tag = tag if tag in TAGS else ""
    sought = await sought_rule(viewer, rule)
    book = sought.rulebook_code if sought else ""
    found = await service.visible_recordings(
        viewer, search=q, state=state, rulebook=book, tag=tag, after=after, limit=PER_PAGE + 1
    )
    calls = found[:PER_PAGE]
    more = None
    if len(found) > PER_PAGE:
        more = next_address(request, next_cursor([calls[-1].created_at.isoformat(), str(calls[-1].id)]))
    values: dict[str, Any] = {"calls": calls, "more": more, "q": q, "state": state, "states": state_options()}
    values |= {"tag": tag, "tags": tag_names()}
    values |= {"may_add": viewer.has(*service.CREATE), "sought": sought}
    if is_htmx(request):
        if cursor:
            return render(request, "calls/_rows.html", **values)
        return render_block(request, "calls/list.html", "results", **values)
    return render(request, "calls/list.html", **values)


@get("/calls/new", guards=[requires(*service.CREATE)], include_in_schema=False)
async def show_new_call(request: Page, rule: FromQuery[str] = "") -> Response[str]:
    """The upload form; of somebody who looks for a moment of a `rule`, in its programme."""
    viewer, settings = viewer_of(request), request.app.state.settings
    return render(
        request,
        "calls/new.html",
        limit_mb=settings.upload_limit_mb,
        until=usual_day(settings).isoformat(),
        sought=await sought_rule(viewer, rule),
        **await form_choices(viewer),
    )


@post("/calls/new", guards=[requires(*service.CREATE)], include_in_schema=False)
async def add_call(request: Page, rule: FromQuery[str] = "") -> Redirect:
    """Take the upload in (static/js/upload.js sends it and shows what is refused); `rule` stays in mind."""
    call = await receive_upload(request, asked=True)
    sought = await sought_rule(viewer_of(request), rule)
    return Redirect(f"/calls/{call}" + (f"?rule={sought.code}" if sought else ""), status_code=303)


@get("/calls/{recording_id:uuid}", guards=[signed_in], include_in_schema=False)
async def show_call(request: Page, recording_id: FromPath[UUID]) -> Response[str]:
    """One call; the proof of an erased one is a 410."""
    viewer = viewer_of(request)
    call = await service.find_recording(viewer, recording_id)
    if call.state == "erased":
        went = await going_with(viewer, call)
        return render(request, "calls/erased.html", status=410, call=call, going=went)
    return await call_page(request, call)


@route("/calls/{recording_id:uuid}/audio", http_method=["GET", "HEAD"], guards=[signed_in])
async def play_call(request: Page, recording_id: FromPath[UUID]) -> MediaResponse:
    """The whole call, for the few who may hear it. Each hearing is logged."""
    return await play(request, recording_id)


@get("/calls/{recording_id:uuid}/edit", guards=[requires(*service.EDIT)], include_in_schema=False)
async def show_edit_call(request: Page, recording_id: FromPath[UUID]) -> Response[str]:
    """The form of what is known of a call."""
    viewer = viewer_of(request)
    call = await service.load_recording(viewer, recording_id)
    typed = typed_of(call, _zone(request))
    return render(request, "calls/edit.html", call=call, typed=typed, errors={}, **await form_choices(viewer))


@post("/calls/{recording_id:uuid}/edit", guards=[requires(*service.EDIT)], include_in_schema=False)
async def save_call(request: Page, recording_id: FromPath[UUID]) -> Response[str] | Redirect:
    """Save it, or show the same form again with what is wrong."""
    viewer, form = viewer_of(request), await read_form(request)
    call = await service.load_recording(viewer, recording_id)
    revision = form.integer("revision", least=1, most=10**9) or 0
    texts = {name: form.raw(name) for name in EDITABLE}
    try:
        fields = await read_fields(texts, _zone(request), fields_of(call))
        await service.edit_recording(viewer, recording_id, fields, expected=revision)
    except Invalid as problem:
        form.take(problem)
        typed = {**texts, "revision": str(revision)}
        choices = await form_choices(viewer)
        return render(
            request, "calls/edit.html", status=422, call=call, typed=typed, errors=form.errors, **choices
        )
    return Redirect(f"/calls/{recording_id}", status_code=303)


@get("/calls/{recording_id:uuid}/erase", guards=[requires(*service.ERASE)], include_in_schema=False)
async def show_going(request: Page, recording_id: FromPath[UUID]) -> Response[str] | Redirect:
    """What would go with it: asked when the dialog opens, as hardly anybody who hears a call erases it."""
    viewer = viewer_of(request)
    call = await service.load_recording(viewer, recording_id)
    if not is_htmx(request):
        return Redirect(f"/calls/{call.id}", status_code=303)
    return render(request, "calls/_going.html", going=await going_with(viewer, call))


@post("/calls/{recording_id:uuid}/erase", guards=[requires(*service.ERASE)], include_in_schema=False)
async def erase_call(request: Page, recording_id: FromPath[UUID]) -> Response[str] | Redirect:
    """Erase it with every clip cut from it."""
    viewer, form = viewer_of(request), await read_form(request)
    try:
        await service.erase_recording(viewer, recording_id, form.raw("why"))
    except Invalid as problem:
        form.take(problem)
        call = await service.load_recording(viewer, recording_id)
        return await call_page(request, call, status=422, errors=form.errors)
    return Redirect(f"/calls/{recording_id}", status_code=303)


def _zone(request: Page) -> ZoneInfo:
    return ZoneInfo(request.app.state.settings.time_zone)


pages: list[Any] = [
    *hearing_pages.pages,
    *importing_pages.pages,
    *transcript_pages.pages,
    show_calls,
    show_new_call,
    add_call,
    show_call,
    play_call,
    show_edit_call,
    save_call,
    show_going,
    erase_call,
]
