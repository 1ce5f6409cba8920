"""Pages of several clips: marking regions in one pass through a call, then hearing and publishing what came of it."""

import json
from typing import Any
from uuid import UUID

from litestar import Response, Router, get, post
from litestar.connection import Request
from litestar.params import FromPath, FromQuery
from litestar.response import Redirect

from trainer.calls.service import load_for_hearing
from trainer.clips.batch import service
from trainer.clips.batch.forms import Row, blank_rows, proposed, read_regions, read_rows, take_refusal
from trainer.clips.pages import cutting_board, polarity_options, rule_choices, speaker_names, style_nonce
from trainer.clips.points import Point, points_of
from trainer.clips.service import OPEN_STATES, ClipView
from trainer.clips.suggestions.service import Judged, suggested_for
from trainer.db import new_id
from trainer.problems import Invalid, NotFound
from trainer.web.forms import read_form
from trainer.web.guards import requires
from trainer.web.i18n import _
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
async def show_marked(
    request: Page, recording_id: FromPath[UUID], batch_id: FromPath[UUID], clip: FromQuery[UUID | None] = None
) -> Response[str]:
    """What was saved together, to be heard once more, cleaned and published; with `clip` that one alone, for htmx."""
    return await marked_page(request, recording_id, batch_id, one=clip if is_htmx(request) else None)


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


@post("/calls/{recording_id:uuid}/mark/{batch_id:uuid}/clips/{clip_id:uuid}", guards=[requires(*CUTTERS)])
async def settle_marked(
    request: Page, recording_id: FromPath[UUID], batch_id: FromPath[UUID], clip_id: FromPath[UUID]
) -> Response[str] | Redirect:
    """Decide about what may be personal data in one of the clips, or let that one go on (`do`)."""
    form, review = await read_form(request), request.app.state.settings.clip_review
    heard = str(clip_id) in form.many("heard")
    outcome = await service.settle(
        viewer_of(request), recording_id, batch_id, clip_id, form.raw("do"), heard=heard, review=review
    )
    if not is_htmx(request) and not outcome.refusal:
        return Redirect(f"/calls/{recording_id}/mark/{batch_id}#clip-{clip_id}", status_code=303)
    one = clip_id if is_htmx(request) else None
    return await marked_page(request, recording_id, batch_id, outcomes=[outcome], one=one)


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
    groups = [
        (name, {rule["value"]: rule["short"] for rule in rules_of})
        for name, rules_of in await rule_choices(viewer_of(request))
    ]
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
        rule_options=[(name or _("Rules"), list(group.items())) for name, group in groups],
        rule_names={code: name for _group, names in groups for code, name in names.items()},
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
    one: UUID | None = None,
) -> Response[str]:
    """The clips of a batch, or one of them as it is now; each renews itself while its sound is made."""
    viewer, review = viewer_of(request), request.app.state.settings.clip_review
    recording = await load_for_hearing(viewer, recording_id)
    _batch, clips = await service.load_batch(viewer, recording_id, batch_id)
    if one is not None:
        clips = [clip for clip in clips if clip.id == one]
        if not clips:
            raise NotFound(_("This clip is not here any more."))
    refusals = {outcome.clip.id: outcome.refusal for outcome in outcomes or [] if outcome.refusal}
    alone = service.publishes(viewer, review)
    may = [clip.id for clip in clips if _goes_on(viewer, clip, alone=alone)]
    suggested = {clip.id: await suggested_for(clip) for clip in clips if clip.id in may}
    values: dict[str, Any] = {
        "recording": recording,
        "suggested": suggested,
        "points": {
            clip.id: _open_points(clip, viewer, any(one.state == "open" for one in suggested[clip.id]))
            for clip in clips
            if clip.id in may
        },
        "here": f"/calls/{recording_id}/mark/{batch_id}",
        "clips": clips,
        "refusals": refusals,
        "gone_on": len(outcomes or []) - len(refusals),
        "nothing_ticked": not asked,
        "alone": alone,
        "may": may,
        "decides": viewer.has("trainer"),
    }
    if one is not None:
        told = {"HX-Trigger": _toast(outcomes[0].said)} if outcomes and outcomes[0].said else None
        focus = _focus(clips[0], suggested.get(one, []), refused=bool(refusals)) if outcomes else ""
        return render_block(
            request, "clips/marked.html", "one", headers=told, clip=clips[0], focus=focus, **values
        )
    return render(request, "clips/marked.html", status=409 if refusals else 200, focus="", **values)


def _open_points(clip: ClipView, viewer: Viewer, undecided: bool) -> list[Point]:
    """What stands between a draft and going on that is done elsewhere: hearing and deciding is done right here."""
    page = f"/clips/{clip.id}"
    points = points_of(
        clip, viewer, review="self", undecided=undecided, places={"agent_consent": f"{page}#consent"}
    )
    here = ("render", "redactions", "privacy_check")
    return [point for point in points if not point.met and point.code not in here]


def _toast(text: str) -> str:
    """The header that has the page say something in passing."""
    return json.dumps({"toast": {"text": text, "kind": "good"}})


def _focus(clip: ClipView, suggested: list[Judged], *, refused: bool) -> str:
    """Where whoever pressed a button of a clip goes on: the next thing to decide, why it was refused, the tick."""
    if any(one.state == "open" for one in suggested):
        return "suggestion"
    if refused:
        return "refusal"
    return "title" if clip.rendering or clip.state not in OPEN_STATES else "heard"


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


handlers: list[Any] = [show_marking, save_marked, show_marked, pass_marked_on, settle_marked]
pages: list[Any] = [Router("/", route_handlers=handlers, include_in_schema=False)]
