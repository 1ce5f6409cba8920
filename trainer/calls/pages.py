"""What the pages of calls show: one call with its sound and words, its form, and the choices of the forms."""

from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from litestar import Response
from litestar.connection import Request

from trainer import jobs
from trainer.calls import service
from trainer.calls.shown import shown_lines
from trainer.calls.views import CONSENT_BASES, STATES, RecordingView, tag_names
from trainer.people.service import visible_people
from trainer.problems import NotFound
from trainer.rulebook.phrases import hints_for
from trainer.rulebook.service import load_rule, rulebook_overview
from trainer.rulebook.views import RuleView
from trainer.storage import StorageError
from trainer.web.i18n import _, text_in
from trainer.web.media import MediaResponse, media_response
from trainer.web.session import Viewer, viewer_of
from trainer.web.templating import render

Page = Request[Any, Any, Any]
Part = tuple[str, dict[str, Any]]

# An upper room adds a part to a call's page (the clips cut from it) by name, wired in app.py: the name of its
# own template and what that template finds as `part`, or None for nothing.
call_page_parts: dict[str, Callable[[Viewer, RecordingView], Awaitable[Part | None]]] = {}

# What goes with a call that is erased, told before, and proven after: the same form of registration.
erasure_parts: dict[str, Callable[[Viewer, RecordingView], Awaitable[Part | None]]] = {}

BARS = 300
MOST_AGENTS = 1000
LANGUAGES = (("en", "English"), ("zh-Hans", "简体中文"), ("zh-Hant", "繁體中文"))


async def play(request: Page, recording: UUID) -> MediaResponse:
    """The sound of a raw call with exact ranges; who hears it is logged before the first byte goes out."""
    viewer = viewer_of(request)
    found = await service.load_for_hearing(viewer, recording)
    if request.method == "GET":
        await service.log_play(viewer, recording)
    return media_response(
        request,
        key=found.object_key,
        etag=found.sha256,
        size=found.size_bytes,
        content_type=found.content_type,
    )


async def call_page(
    request: Page, call: RecordingView, *, status: int = 200, errors: dict[str, str] | None = None
) -> Response[str]:
    """One call in any state but erased; sound and words only for those who may hear it."""
    viewer, query = viewer_of(request), request.query_params
    parts = [await make(viewer, call) for make in call_page_parts.values()]
    spoken = await service.segments_of(call.id) if call.may_hear else []
    hints = await hints_for(spoken, viewer=viewer, language=call.language, rulebook=call.rulebook)
    at_ms = moment_of(query.get("at", ""), call)
    lines = shown_lines(spoken, hints, typed=query.get("q", ""), at_ms=at_ms)
    job = await jobs.get_job(call.job) if call.job and call.state == "processing" else None
    return render(
        request,
        "calls/call.html",
        status=status,
        call=call,
        bars=await bars_of(call) if call.may_hear else [],
        lines=lines,
        start_ms=at_ms,
        speakers=speaker_names(),
        tag=tag_names().get(call.tag, ""),
        basis=dict(basis_options()).get(call.consent_basis, call.consent_basis),
        languages=dict(LANGUAGES),
        job=job if job and job.person == viewer.id else None,
        plays=await service.plays_of(viewer, call.id, limit=20),
        parts=[part for part in parts if part],
        may_cut=call.may_hear,
        sought=await sought_rule(viewer, query.get("rule", "")),
        kind=query.get("kind", "") if query.get("kind", "").isidentifier() else "",
        may_edit=viewer.has(*service.EDIT) and call.state in ("processing", "ready"),
        may_erase=viewer.has(*service.ERASE),
        errors=errors or {},
    )


def moment_of(typed: str, call: RecordingView) -> int | None:
    """The moment (ms) of a call that an address names; None when it names none of this call."""
    ms = int(typed) if typed.isascii() and typed.isdigit() and len(typed) <= 9 else None
    return ms if ms is not None and ms < (call.duration_ms or 0) else None


async def going_with(viewer: Viewer, call: RecordingView) -> list[Part]:
    """What goes, or went, with a call."""
    parts = [await make(viewer, call) for make in erasure_parts.values()]
    return [part for part in parts if part]


async def sought_rule(viewer: Viewer, code: str) -> RuleView | None:
    """The rule that somebody looks for a moment of, when they may see it."""
    if not code:
        return None
    try:
        return await load_rule(viewer, code[:40])
    except NotFound:
        return None


async def bars_of(call: RecordingView) -> list[int]:
    """The waveform; flat where the storage does not give it, as the words can still be read."""
    try:
        return (await service.peaks_of(call)).resample(BARS)
    except StorageError:
        return [0] * BARS


async def form_choices(viewer: Viewer) -> dict[str, Any]:
    """What an upload or an edit offers to choose from."""
    people = await visible_people(viewer, role="agent", limit=MOST_AGENTS)
    whole = await rulebook_overview(viewer)
    return {
        "agents": [(str(each.person.id), each.person.name) for each in people],
        "rulebooks": [(book.code, text_in(book.title)) for book in whole.books],
        "languages": list(LANGUAGES),
        "bases": basis_options(),
        "basis_cards": basis_cards(),
        "tags": list(tag_names().items()),
    }


def basis_cards() -> list[dict[str, str]]:
    """The same to choose from, each with what it means."""
    meanings = {
        "contract": _("The recording is needed for what the customer ordered, and they were told so."),
        "consent": _("They said yes to being recorded for training, and can take it back."),
        "legitimate_interest": _(
            "Your centre has weighed its need to train against the caller's rights, in writing."
        ),
        "synthetic": _("Played or generated for training. Nobody outside is heard."),
    }
    return [{"value": basis, "label": name, "sub": meanings[basis]} for basis, name in basis_options()]


def basis_options() -> list[tuple[str, str]]:
    """On what ground a call may be kept, in words."""
    names = {
        "contract": _("Contract with the customer"),
        "consent": _("The caller agreed"),
        "legitimate_interest": _("Legitimate interest, weighed"),
        "synthetic": _("Made for training, no real caller"),
    }
    return [(basis, names[basis]) for basis in CONSENT_BASES]


def state_options() -> list[tuple[str, str]]:
    """The states by which the list is narrowed."""
    names = {
        "processing": _("Processing"),
        "ready": _("Ready"),
        "refused": _("Refused"),
        "expired": _("Past its date"),
        "erased": _("Erased"),
    }
    return [("", _("All states")), *((state, names[state]) for state in STATES)]


def speaker_names() -> dict[str, str]:
    """Who speaks, for people."""
    return {"agent": _("Agent"), "caller": _("Caller"), "": ""}


def typed_of(call: RecordingView, zone: ZoneInfo) -> dict[str, str]:
    """The present values as they stand in the edit form."""
    return {
        "title": call.title,
        "agent": str(call.agent or ""),
        "rulebook": call.rulebook_code or "",
        "called_at": call.called_at.astimezone(zone).strftime("%Y-%m-%dT%H:%M") if call.called_at else "",
        "csat": str(call.csat or ""),
        "staged": "true" if call.staged else "",
        "tag": call.tag,
        "consent_basis": call.consent_basis,
        "retain_until": call.retain_until.isoformat() if call.retain_until else "",
        "revision": str(call.revision),
    }
