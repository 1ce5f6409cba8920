"""JSON API of career paths: all milestones, and one person's path."""

from typing import Any

import msgspec
from litestar import Request, Response, get, post
from litestar.params import FromPath, FromQuery, JSONBody

from trainer.career import service, wording
from trainer.career.progress import CriterionView, LevelPlan, MilestoneView
from trainer.web.api import as_utc, identifier, key_of, page_of, read_page
from trainer.web.guards import scope
from trainer.web.i18n import text_in
from trainer.web.session import viewer_of

ApiRequest = Request[Any, Any, Any]
READ = scope("milestones:read")
PATHS = scope("people:read")
WRITE = scope("people:write")


class SignOffIn(msgspec.Struct, forbid_unknown_fields=True):
    """What a lead vouches for: the subject of a `signed_off` criterion."""

    subject: str


def shown_criterion(view: CriterionView, plan: service.Plan) -> dict[str, Any]:
    """One criterion with how far the person is."""
    return {
        "fact": view.criterion.fact,
        "subject": view.criterion.subject,
        "distinct": view.criterion.distinct,
        "count": view.criterion.count,
        "have": view.have,
        "met": view.met,
        "text": wording.criterion_text(view.criterion, plan.modules),
    }


def shown_milestone(level: LevelPlan, view: MilestoneView, plan: service.Plan) -> dict[str, Any]:
    """One milestone as the person asked about sees it."""
    return {
        "id": view.plan.code,
        "code": view.plan.code,
        "title": text_in(view.plan.title),
        "why": text_in(view.plan.why),
        "level": level.code,
        "horizon": level.horizon,
        "celebrate": view.plan.celebrate,
        "reached_at": as_utc(view.reached_at),
        "criteria": [shown_criterion(item, plan) for item in view.criteria],
        "translations": {"title": dict(view.plan.title), "why": dict(view.plan.why)},
    }


@get("/milestones", guards=[READ])
async def list_milestones(
    request: ApiRequest, limit: FromQuery[int] = 50, cursor: FromQuery[str | None] = None
) -> dict[str, Any]:
    """Every milestone of the path in order, with your own progress."""
    page = read_page(limit, cursor)
    after = key_of(page, int)
    plan = await service.plan_of()
    path = await service.path_of(viewer_of(request).id)
    rows = [(level.plan, milestone) for level in path.levels for milestone in level.milestones]
    first = after[0] + 1 if after else 0
    numbered = list(enumerate(rows))[max(first, 0) :][: page.limit + 1]
    return page_of(numbered, page, lambda row: shown_milestone(*row[1], plan), lambda row: [row[0]])


@get("/people/{person_id:str}/path", guards=[PATHS])
async def read_path(request: ApiRequest, person_id: FromPath[str]) -> dict[str, Any]:
    """A person's path: your own, your team's as its lead, anybody's as an admin. Else 404."""
    viewer = viewer_of(request)
    who = viewer.id if person_id == "me" else identifier(person_id)
    person, path = await service.load_path(viewer, who)
    plan = await service.plan_of()
    current = path.current
    return {
        "person": {"id": str(person.id), "name": person.name},
        "title": text_in(path.title),
        "current": current.plan.code if current else None,
        "levels": [
            {
                "code": level.plan.code,
                "title": text_in(level.plan.title),
                "summary": text_in(level.plan.summary),
                "horizon": level.plan.horizon,
                "state": level.state,
                "reached_at": as_utc(level.reached_at),
                "milestones": [shown_milestone(level.plan, item, plan) for item in level.milestones],
            }
            for level in path.levels
        ],
    }


@post("/people/{person_id:str}/sign-offs", guards=[WRITE])
async def sign_off(request: ApiRequest, person_id: FromPath[str], data: JSONBody[SignOffIn]) -> Response[Any]:
    """Vouch for something that only a person can see; 200 when it was signed off before."""
    who = identifier(person_id)
    new = await service.sign_off(viewer_of(request), who, data.subject)
    headers = {"Location": f"/api/v1/people/{who}/path"} if new else {}
    return Response({"subject": data.subject, "new": new}, status_code=201 if new else 200, headers=headers)


routes: list[Any] = [list_milestones, read_path, sign_off]
