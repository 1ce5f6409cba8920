"""Pages of suggested redactions: what the editor asks for, the decisions on a clip's page, the names to look for."""

from typing import Any
from uuid import UUID

from litestar import Response, Router, get, post
from litestar.connection import Request
from litestar.params import FromPath
from litestar.response import Redirect

from trainer.clips.arithmetic import LONGEST_MS, Span
from trainer.clips.forms import typed_lines
from trainer.clips.pages import show_clip_page
from trainer.clips.reading import load_clip
from trainer.clips.suggestions import queries, service
from trainer.clips.suggestions.service import ANSWERS, DECIDERS, Judged
from trainer.problems import Conflict, Invalid, PreconditionFailed
from trainer.web.api import as_utc
from trainer.web.forms import Form, read_form
from trainer.web.guards import requires
from trainer.web.i18n import _, ngettext
from trainer.web.session import viewer_of
from trainer.web.templating import render

Page = Request[Any, Any, Any]
KEEPERS = ("trainer", "admin")


@post("/calls/{recording_id:uuid}/suggestions", guards=[requires(*DECIDERS)], status_code=200)
async def list_suggestions(request: Page, recording_id: FromPath[UUID]) -> dict[str, Any]:
    """What the editor shows beside a range of the call: a POST, as the lines that were typed come with it."""
    form = await read_form(request)
    await service.open_call(viewer_of(request), recording_id)
    found = await service.suggested_in(recording_id, _window(form), typed=typed_lines(form) or None)
    return {"suggestions": [_shown(one) for one in found]}


@post("/calls/{recording_id:uuid}/suggestions/{key:str}", guards=[requires(*DECIDERS)], status_code=200)
async def decide_suggestion(
    request: Page, recording_id: FromPath[UUID], key: FromPath[str]
) -> dict[str, Any]:
    """Keep what somebody says about a suggestion in the editor. The redaction itself is the editor's to save."""
    viewer, form = viewer_of(request), await read_form(request)
    answer, window, typed = form.choice("answer", ANSWERS), _window(form), typed_lines(form) or None
    if not form.ok:
        raise Invalid(_("Some fields need another look."))
    await service.decide(viewer, recording_id, key, answer, window=window, typed=typed)  # type: ignore[arg-type]
    found = await service.suggested_in(recording_id, window, typed=typed)
    return {"suggestions": [_shown(one) for one in found]}


def _window(form: Form) -> Span:
    start = form.integer("start_ms", least=0, most=10**9) or 0
    end = form.integer("end_ms", least=0, most=10**9) or 0
    return Span(start, min(max(start, end), start + LONGEST_MS))


def _shown(one: Judged) -> dict[str, Any]:
    """A suggestion as the editor needs it. A part with `near` has a guessed place: any redaction there covers it."""
    return {
        "key": one.key,
        "kind": one.kind,
        "label": one.label,
        "words": one.words,
        "spans": [[span.start_ms, span.end_ms] for span in one.spans],
        "parts": [
            {
                "span": [p.span.start_ms, p.span.end_ms],
                "near": [p.near.start_ms, p.near.end_ms] if p.near else None,
            }
            for p in one.suggestion.parts
        ],
        "rejected": one.state == "rejected",
        "by": one.by_name if one.state == "rejected" else None,
        "at": as_utc(one.at) if one.state == "rejected" else None,
    }


@post("/clips/{clip_id:uuid}/suggestions", guards=[requires("trainer")])
async def decide_in_clip(request: Page, clip_id: FromPath[UUID]) -> Response[str] | Redirect:
    """Accept, reject or undo one suggestion, or accept all that are open, on the clip's page."""
    viewer, form = viewer_of(request), await read_form(request)
    keys = form.many("key")
    answer = form.choice("answer", ANSWERS)
    if not form.ok:  # never a guess: undoing lets one hear what was hidden
        raise Invalid(_("Some fields need another look."))
    try:
        saved = await service.decide_in_clip(viewer, clip_id, keys or None, answer)  # type: ignore[arg-type]
    except (Conflict, PreconditionFailed) as problem:
        clip = await load_clip(viewer, clip_id, stopped=True)
        return await show_clip_page(request, clip, status=409, refusal=problem.detail)
    return Redirect(f"/clips/{saved}#suggestions", status_code=303)


@get("/clips/names", guards=[requires(*KEEPERS)])
async def show_names(request: Page) -> Response[str]:
    """The names that are suggested wherever they are said."""
    return await _names_page(request)


@post("/clips/names", guards=[requires(*KEEPERS)])
async def add_names(request: Page) -> Response[str] | Redirect:
    """Add names, one a line."""
    viewer, form = viewer_of(request), await read_form(request)
    typed = form.raw("names")
    try:
        await service.add_names(viewer, typed)
    except Invalid as problem:
        return await _names_page(request, typed=typed, errors={e.field: e.message for e in problem.errors})
    return Redirect("/clips/names", status_code=303)


@post("/clips/names/{name_id:uuid}/remove", guards=[requires(*KEEPERS)])
async def remove_name(request: Page, name_id: FromPath[UUID]) -> Redirect:
    """Take a name off the list."""
    await service.remove_name(viewer_of(request), name_id)
    return Redirect("/clips/names", status_code=303)


async def _names_page(
    request: Page, *, typed: str = "", errors: dict[str, str] | None = None
) -> Response[str]:
    names = await queries.listed_names()
    return render(
        request,
        "clips/names.html",
        status=422 if errors else 200,
        names=names,
        typed=typed,
        errors=errors or {},
        count=ngettext("%(num)s name", "%(num)s names", len(names)),
    )


handlers: list[Any] = [
    list_suggestions,
    decide_suggestion,
    decide_in_clip,
    show_names,
    add_names,
    remove_name,
]
pages: list[Any] = [Router("/", route_handlers=handlers, include_in_schema=False)]
