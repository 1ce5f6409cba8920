"""Pages of several clips: marking regions in one pass through a call, then hearing and publishing what came of it."""

from typing import Any
from uuid import UUID

from litestar import Response, Router, get, post
from litestar.connection import Request
from litestar.params import FromPath, FromQuery
from litestar.response import Redirect

from trainer.calls.service import load_for_hearing
from trainer.clips.batch import service
from trainer.clips.batch.forms import Row, blank_rows, proposed, read_regions, read_rows, take_refusal
from trainer.clips.pages import cutting_board, polarity_options, rule_options, speaker_names, style_nonce
from trainer.clips.service import OPEN_STATES, ClipView
from trainer.clips.suggestions.service import undecided
from trainer.db import new_id
from trainer.problems import Invalid
from trainer.web.forms import read_form
from trainer.web.guards import requires
from trainer.web.session import Viewer, viewer_of
from trainer.web.templating import is_htmx, render, render_block

Page = Request[Any, Any, Any]
CUTTERS = ("trainer", "qa_analyst", "team_lead")


@get("/calls/{recording_id:uuid}/mark", guards=[requires(*CUTTERS)])
async def show_marking(
    request: Page,
    recording_id: FromPath[UUID],
    rule: FromQuery[str] = "",
    start: FromQuery[int] = 0,
    end: FromQuery[int] = 0,
) -> Response[str]:
    """A call to go through once, marking what is worth a clip; `start` and `end` (ms) propose a first region."""
    rules = (rule[:40],) if rule else ()
    rows = [proposed(start, end, rules)] if 0 <= start < end else blank_rows(rules)
    return await marking_page(request, recording_id, rows, batch=new_id(), rules=rules)


@post("/calls/{recording_id:uuid}/mark", guards=[requires(*CUTTERS)])
async def save_marked(request: Page, recording_id: FromPath[UUID]) -> Response[str] | Redirect:
    """Save all regions as drafts, or show them again with what is wrong."""
    form = await read_form(request)
    viewer, rows, batch = viewer_of(request), read_rows(form), form.identifier("batch") or new_id()
    recording, refusal = await load_for_hearing(viewer, recording_id), ""
    regions = read_regions(rows, recording.duration_ms or 0)
    if regions is not None:
        try:
            saved = await service.save_regions(viewer, recording_id, regions, batch=batch)
            return Redirect(f"/calls/{recording_id}/mark/{saved.id}", status_code=303)
        except Invalid as problem:
            refusal = take_refusal(rows, problem)
    return await marking_page(request, recording_id, rows, batch=batch, refusal=refusal, status=422)


@get("/calls/{recording_id:uuid}/mark/{batch_id:uuid}", guards=[requires(*CUTTERS)])
async def show_marked(request: Page, recording_id: FromPath[UUID], batch_id: FromPath[UUID]) -> Response[str]:
    """What was saved together, to be heard once more and published in one go."""
    return await marked_page(request, recording_id, batch_id)


@post("/calls/{recording_id:uuid}/mark/{batch_id:uuid}", guards=[requires(*CUTTERS)])
async def pass_marked_on(
    request: Page, recording_id: FromPath[UUID], batch_id: FromPath[UUID]
) -> Response[str]:
    """Publish or hand in the clips that were ticked as listened to; each that cannot go on yet says why."""
    form = await read_form(request)
    heard = [UUID(name) for name in form.many("heard") if _is_id(name)]
    review = request.app.state.settings.clip_review
    outcomes = await service.pass_on(viewer_of(request), recording_id, batch_id, heard, review=review)
    return await marked_page(request, recording_id, batch_id, outcomes=outcomes, asked=bool(heard))


async def marking_page(
    request: Page,
    recording_id: UUID,
    rows: list[Row],
    *,
    batch: UUID,
    refusal: str = "",
    status: int = 200,
    rules: tuple[str, ...] = (),
) -> Response[str]:
    """The page of regions; 422 with errors in the rows, and all that was typed."""
    board = await cutting_board(request, recording_id)
    errors = {f"{name}-{row.key}": message for row in rows for name, message in row.errors.items()}
    if refusal:
        errors[""] = refusal
    return render(
        request,
        "clips/mark.html",
        status=status,
        recording=board.recording,
        turns=board.turns,
        rows=rows,
        fresh=Row("__key__", rules=rules),
        errors=errors,
        batch=batch,
        rule_options=[(option["value"], option["label"]) for option in await rule_options()],
        kind_options=[(option["value"], option["label"]) for option in polarity_options()],
        speaker_names=speaker_names(),
        most=service.MOST_REGIONS,
        nonce=style_nonce(request),
    )


async def marked_page(
    request: Page,
    recording_id: UUID,
    batch_id: UUID,
    *,
    outcomes: list[service.Outcome] | None = None,
    asked: bool = True,
) -> Response[str]:
    """The clips of a batch; the list renews itself while their sound is made."""
    viewer = viewer_of(request)
    recording = await load_for_hearing(viewer, recording_id)
    _batch, clips = await service.load_batch(viewer, recording_id, batch_id)
    refusals = {outcome.clip.id: outcome.refusal for outcome in outcomes or [] if outcome.refusal}
    alone = service.publishes(viewer, request.app.state.settings.clip_review)
    may = [clip.id for clip in clips if _goes_on(viewer, clip, alone=alone)]
    still = {clip.id: len(await undecided(clip)) for clip in clips if clip.id in may and not clip.rendering}
    values: dict[str, Any] = {
        "recording": recording,
        "undecided": still,
        "here": f"/calls/{recording_id}/mark/{batch_id}",
        "clips": clips,
        "refusals": refusals,
        "gone_on": len(outcomes or []) - len(refusals),
        "nothing_ticked": not asked,
        "waiting": any(clip.rendering for clip in clips),
        "alone": alone,
        "may": may,
    }
    if is_htmx(request) and request.method == "GET":
        return render_block(request, "clips/marked.html", "state", **values)
    return render(request, "clips/marked.html", status=409 if refusals else 200, **values)


def _goes_on(viewer: Viewer, clip: ClipView, *, alone: bool) -> bool:
    """Whether the viewer may publish, or hand in, this clip now."""
    if alone:
        return clip.state in OPEN_STATES and clip.makes
    return clip.state == "draft" and (viewer.has("trainer") or clip.curator == viewer.id)


def _is_id(name: str) -> bool:
    try:
        UUID(name)
    except ValueError:
        return False
    return True


handlers: list[Any] = [show_marking, save_marked, show_marked, pass_marked_on]
pages: list[Any] = [Router("/", route_handlers=handlers, include_in_schema=False)]
