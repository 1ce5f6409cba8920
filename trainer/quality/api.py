"""JSON API of evaluations: the same drafts, releases and words as on the pages.

`score` is in basis points over the non-fatal rules, null where none was applicable; `fatal` stands apart, and `result`
is what came of the call by its rules: fail on a fatal miss, whatever the score.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

import msgspec
from litestar import Response, delete, get, patch, post
from litestar.connection import Request
from litestar.params import FromPath, FromQuery, JSONBody
from msgspec import UNSET, UnsetType

from trainer import db
from trainer.problems import FieldError, Invalid
from trainer.quality import import_api, judging, replies, service, totals
from trainer.quality.checking import Given, Judgement
from trainer.quality.scoring import results_of
from trainer.quality.views import STATES, EvaluationView, MarkView, ReplyView
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
from trainer.web.i18n import _, text_in
from trainer.web.session import viewer_of

ApiRequest = Request[Any, Any, Any]
READ, WRITE = scope("evaluations:read"), scope("evaluations:write")
ANALYSTS = requires(*service.EVALUATE)

MarkName = Literal["met", "missed", "not_applicable"]
Outcome = Literal["not_met", "met", "exceeded"]
ServiceLevel = Literal["service", "good", "beyond"]


class MarkIn(msgspec.Struct, forbid_unknown_fields=True):
    """What is said of one rule (its code); `mark` null takes it back. `at_ms` lies in the recording."""

    rule: str
    mark: MarkName | None = None
    at_ms: int | None = None
    comment: str = ""


class EvaluationIn(msgspec.Struct, forbid_unknown_fields=True):
    """An evaluation of a recording. `rulebook` only where the recording names none.

    A program sends what is finished: with marks it is released at once unless `release` is false, and rules that it
    leaves out have no mark and do not count (`confirm_unmarked` false refuses that).
    """

    recording: str
    marks: list[MarkIn] = []
    resolved: bool | None = None
    outcome: Outcome | None = None
    service_level: ServiceLevel | None = None
    csat: int | UnsetType | None = UNSET
    comment: str = ""
    rulebook: str | None = None
    release: bool | UnsetType = UNSET
    confirm_unmarked: bool = True


class EvaluationChanges(msgspec.Struct, forbid_unknown_fields=True):
    """What changes in a draft; of the rules, those that are named."""

    marks: list[MarkIn] | UnsetType = UNSET
    resolved: bool | UnsetType | None = UNSET
    outcome: Outcome | UnsetType | None = UNSET
    service_level: ServiceLevel | UnsetType | None = UNSET
    csat: int | UnsetType | None = UNSET
    comment: str | UnsetType = UNSET


class ReleaseIn(msgspec.Struct, forbid_unknown_fields=True):
    """`confirm_unmarked`: that some rules have no mark, and so do not count, is meant."""

    confirm_unmarked: bool = False


class CorrectionIn(msgspec.Struct, forbid_unknown_fields=True):
    reason: str


class ReplyIn(msgspec.Struct, forbid_unknown_fields=True):
    words: str


def judged(data: EvaluationIn | EvaluationChanges) -> Judgement:
    """The body as what is said of a call. Raises Invalid for a rule that is named twice."""
    made = Judgement()
    if data.marks is not UNSET:
        named = [mark.rule for mark in data.marks]
        twice = sorted({code for code in named if named.count(code) > 1})
        if twice:
            told = _("A rule may be named once.")
            raise Invalid(told, errors=[FieldError(f"marks.{code}.rule", "twice", told) for code in twice])
        made["marks"] = {
            mark.rule: Given(mark.mark, mark.at_ms, mark.comment) if mark.mark else None
            for mark in data.marks
        }
    for name in ("resolved", "outcome", "service_level", "csat", "comment"):
        value = getattr(data, name)
        if value is not UNSET:
            made[name] = value
    return made


def shown(evaluation: EvaluationView, marks: Sequence[MarkView]) -> dict[str, Any]:
    """The API's form of an evaluation; a draft's results are counted from its marks."""
    results = results_of(marks) if evaluation.state == "draft" else evaluation.results
    analyst = (
        {"id": str(evaluation.evaluated_by), "name": evaluation.evaluated_by_name}
        if evaluation.evaluated_by
        else None
    )
    return {
        "id": str(evaluation.id),
        "status": evaluation.state,
        "recording": str(evaluation.recording) if evaluation.recording else None,
        "agent": {"id": str(evaluation.agent), "name": evaluation.agent_name},
        "rulebook": evaluation.rulebook_code,
        "score": results.score,
        "score_percent": None if results.score is None else results.score / 100,
        "fatal": results.fatal,
        "result": results.outcome,
        "marks": [shown_mark(mark) for mark in marks],
        "resolved": evaluation.resolved,
        "outcome": evaluation.outcome,
        "service_level": evaluation.service_level,
        "csat": evaluation.csat,
        "comment": evaluation.comment,
        "evaluated_by": analyst,
        "replaces": str(evaluation.replaces) if evaluation.replaces else None,
        "replaced_by": str(evaluation.replaced_by) if evaluation.replaced_by else None,
        "reason": evaluation.reason,
        "replies": evaluation.replies,
        "called_at": as_utc(evaluation.called_at),
        "created_at": as_utc(evaluation.created_at),
        "released_at": as_utc(evaluation.released_at),
        "seen_at": as_utc(evaluation.seen_at),
    }


def shown_mark(mark: MarkView) -> dict[str, Any]:
    return {
        "rule": mark.code,
        "version": mark.version,
        "title": text_in(mark.title),
        "severity": mark.severity,
        "weight": mark.weight,
        "mark": mark.mark or None,
        "at_ms": mark.at_ms,
        "comment": mark.comment,
    }


def shown_reply(reply: ReplyView) -> dict[str, Any]:
    author = {"id": str(reply.author), "name": reply.author_name}
    return {
        "id": str(reply.id),
        "author": author,
        "as": reply.by,
        "words": reply.words,
        "at": as_utc(reply.at),
    }


async def answer(evaluation: EvaluationView, *, status: int = 200) -> Response[dict[str, Any]]:
    """One evaluation with the ETag that the next edit has to name; a draft also names its unmarked rules."""
    headers = {"ETag": revision_tag(evaluation.revision)}
    if status == 201:
        headers["Location"] = f"/api/v1/evaluations/{evaluation.id}"
    if evaluation.state == "draft":
        checked = await judging.review_of(evaluation)
        body = shown(evaluation, checked.marks) | {"unmarked": [rule.code for rule in checked.unmarked]}
    else:
        body = shown(evaluation, await service.marks_of(evaluation.id))
    return Response(body, status_code=status, headers=headers)


@post("/evaluations", guards=[WRITE, ANALYSTS], tags=["evaluations"])
async def add_evaluation(request: ApiRequest, data: JSONBody[EvaluationIn]) -> Response[dict[str, Any]]:
    """Evaluate a call and give it to its agent, or begin a draft; refused, nothing is kept."""
    viewer = viewer_of(request)
    async with db.transaction():
        recording = identifier(data.recording)
        made = await judging.start(viewer, recording, judged(data), rulebook=data.rulebook)
        if any(mark.mark for mark in data.marks) if data.release is UNSET else data.release:
            await judging.release(viewer, made, confirm_unmarked=data.confirm_unmarked)
    return await answer(await service.load_evaluation(viewer, made), status=201)


@get("/evaluations", guards=[READ], tags=["evaluations"])
async def list_evaluations(
    request: ApiRequest,
    limit: FromQuery[int] = 50,
    cursor: FromQuery[str | None] = None,
    status: FromQuery[str] = "",
    agent: FromQuery[str] = "",
    team: FromQuery[str] = "",
    recording: FromQuery[str] = "",
    mine: FromQuery[bool] = False,
    not_helped: FromQuery[bool] = False,
) -> dict[str, Any]:
    """Evaluations that you may read, newest first. `not_helped`: every rule kept, and the caller not helped."""
    viewer, page = viewer_of(request), read_page(limit, cursor)
    if status and status not in STATES:
        told = _("status is one of %(names)s.") % {"names": ", ".join(STATES)}
        raise Invalid.field("status", "unknown", told)
    found = await service.visible_evaluations(
        viewer,
        state=status,
        agent=identifier(agent) if agent else None,
        team=identifier(team) if team else None,
        recording=identifier(recording) if recording else None,
        analyst=viewer.id if mine else None,
        not_helped=not_helped,
        after=key_of(page, datetime.fromisoformat, UUID),
        limit=page.limit + 1,
    )
    marks = await service.marks_of_many([each.id for each in found[: page.limit]])
    return page_of(
        found,
        page,
        lambda each: shown(each, marks.get(each.id, [])),
        lambda each: (each.listed_at.isoformat(), str(each.id)),
    )


@get("/evaluations/totals", guards=[READ], tags=["evaluations"])
async def get_totals(request: ApiRequest) -> dict[str, Any]:
    """Sums of the last 90 days for trainers, managers, admins and analysts; null for fewer than five people."""
    return totals.as_document(await totals.totals(viewer_of(request)))


@get("/evaluations/{evaluation_id:str}", guards=[READ], tags=["evaluations"])
async def get_evaluation(request: ApiRequest, evaluation_id: FromPath[str]) -> Response[dict[str, Any]]:
    """One evaluation with its marks."""
    return await answer(await service.load_evaluation(viewer_of(request), identifier(evaluation_id)))


@patch("/evaluations/{evaluation_id:str}", guards=[WRITE, ANALYSTS], tags=["evaluations"])
async def change_evaluation(
    request: ApiRequest, evaluation_id: FromPath[str], data: JSONBody[EvaluationChanges]
) -> Response[dict[str, Any]]:
    """Change your draft. If-Match names what was read; a released evaluation is a 409."""
    viewer = viewer_of(request)
    found = await service.load_evaluation(viewer, identifier(evaluation_id))
    if found.state == "draft":
        require_match(request, found.revision)
    return await answer(await judging.save(viewer, found.id, judged(data), expected=found.revision))


@delete("/evaluations/{evaluation_id:str}", guards=[WRITE, ANALYSTS], tags=["evaluations"])
async def discard_evaluation(request: ApiRequest, evaluation_id: FromPath[str]) -> None:
    """Throw your draft away."""
    await judging.discard(viewer_of(request), identifier(evaluation_id))


@post(
    "/evaluations/{evaluation_id:str}/release",
    guards=[WRITE, ANALYSTS],
    tags=["evaluations"],
    status_code=200,
)
async def release_evaluation(
    request: ApiRequest, evaluation_id: FromPath[str], data: JSONBody[ReleaseIn]
) -> Response[dict[str, Any]]:
    """Freeze your draft and give it to its agent."""
    viewer, evaluation = viewer_of(request), identifier(evaluation_id)
    await judging.release(viewer, evaluation, confirm_unmarked=data.confirm_unmarked)
    return await answer(await service.load_evaluation(viewer, evaluation))


@post("/evaluations/{evaluation_id:str}/correct", guards=[WRITE, ANALYSTS], tags=["evaluations"])
async def correct_evaluation(
    request: ApiRequest, evaluation_id: FromPath[str], data: JSONBody[CorrectionIn]
) -> Response[dict[str, Any]]:
    """Begin a correction: a draft that takes this one's place when it is released."""
    viewer = viewer_of(request)
    made = await judging.correct(viewer, identifier(evaluation_id), data.reason)
    return await answer(await service.load_evaluation(viewer, made), status=201)


@get("/evaluations/{evaluation_id:str}/replies", guards=[READ], tags=["evaluations"])
async def list_replies(request: ApiRequest, evaluation_id: FromPath[str]) -> dict[str, Any]:
    """The words under an evaluation, oldest first."""
    found = await service.load_evaluation(viewer_of(request), identifier(evaluation_id))
    return {"items": [shown_reply(each) for each in await service.replies_of(found.id)], "next_cursor": None}


@post("/evaluations/{evaluation_id:str}/replies", guards=[WRITE], tags=["evaluations"])
async def add_reply(
    request: ApiRequest, evaluation_id: FromPath[str], data: JSONBody[ReplyIn]
) -> Response[dict[str, Any]]:
    """Answer in words: its agent, analysts, the agent's lead."""
    evaluation = identifier(evaluation_id)
    made = await replies.reply(viewer_of(request), evaluation, data.words)
    found = next(each for each in await service.replies_of(evaluation) if each.id == made)
    return Response(
        shown_reply(found), status_code=201, headers={"Location": f"/api/v1/evaluations/{evaluation}/replies"}
    )


routes: list[Any] = [
    *import_api.routes,
    add_evaluation,
    list_evaluations,
    get_totals,
    get_evaluation,
    change_evaluation,
    discard_evaluation,
    release_evaluation,
    correct_evaluation,
    list_replies,
    add_reply,
]
