"""Pages of careers: the own path, all milestones, a colleague's path for those who lead them."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from litestar import Request, Response, get, post
from litestar.params import FromPath, FromQuery
from litestar.response import Redirect

from trainer.appreciation.service import said_about
from trainer.career import service, wording
from trainer.career.progress import LevelView
from trainer.problems import Malformed
from trainer.training.enrolling import enrolments_of
from trainer.web.forms import read_form
from trainer.web.guards import signed_in
from trainer.web.i18n import _, ngettext
from trainer.web.session import viewer_of
from trainer.web.templating import render

AnyRequest = Request[Any, Any, Any]
SAID = 5
JUST_NOW = timedelta(minutes=15)  # a page that is opened again months later celebrates its own day alone


@get("/path", guards=[signed_in], include_in_schema=False)
async def show_path(request: AnyRequest) -> Response[str]:
    """Where an agent stands; others learn what it is for."""
    viewer = viewer_of(request)
    if not viewer.has("agent"):
        return render(
            request, "career/not_yours.html", plan=await service.plan_of(), horizon=wording.horizon_text
        )
    plan, path = await service.plan_of(), await service.path_of(viewer.id)
    return render(
        request,
        "career/path.html",
        path=path,
        plan=plan,
        said=await said_about(viewer.id, SAID),
        career_path=stepper(path.levels, plan),
        criterion_item=wording.as_item,
        taken=await _taken(viewer.id),
    )


async def _taken(person: UUID) -> dict[str, str]:
    """Where each module of somebody's own is taken, by its code."""
    return {one.code: f"/learn/{one.id}" for one in await enrolments_of(person)}


@get("/path/milestones", guards=[signed_in], include_in_schema=False)
async def show_milestones(request: AnyRequest) -> Response[str]:
    """Every milestone of the path with what it asks for, and where the viewer stands."""
    viewer = viewer_of(request)
    plan = await service.plan_of()
    path = await service.path_of(viewer.id)
    return render(
        request,
        "career/milestones.html",
        path=path,
        plan=plan,
        own=viewer.has("agent"),
        taken=await _taken(viewer.id) if viewer.has("agent") else None,
        criterion_item=wording.as_item,
        horizon=wording.horizon_text,
    )


@get("/path/reached", guards=[signed_in], include_in_schema=False)
async def show_reached(request: AnyRequest, since: FromQuery[str] = "") -> Response[str]:
    """A fragment: what the viewer reached in the quarter of an hour after a moment. Empty when nothing."""
    try:
        moment = datetime.fromisoformat(since)
        moment + JUST_NOW  # there is such a time
    except (ValueError, OverflowError) as error:
        raise Malformed(_("This address needs a moment, such as 2026-11-23T09:00:00Z.")) from error
    if moment.tzinfo is None:
        raise Malformed(_("This moment needs its time zone, such as 2026-11-23T09:00:00Z."))
    reached = await service.reached_since(viewer_of(request).id, moment, within=JUST_NOW)
    return render(request, "career/_reached.html", reached=reached)


@get("/people/{person_id:uuid}/path", guards=[signed_in], include_in_schema=False)
async def show_path_of(request: AnyRequest, person_id: FromPath[UUID]) -> Response[str]:
    """A colleague's path, for their lead and admins, with what is to be signed off."""
    viewer = viewer_of(request)
    person, path = await service.load_path(viewer, person_id)
    return render(
        request,
        "career/person.html",
        person=person,
        path=path,
        plan=await service.plan_of(),
        may_sign_off=service.may_sign_off(viewer, person),
        criterion_item=wording.as_item,
        sign_off_text=wording.sign_off_text,
        horizon=wording.horizon_text,
    )


@post("/people/{person_id:uuid}/path/sign-offs", guards=[signed_in], include_in_schema=False)
async def sign_off(request: AnyRequest, person_id: FromPath[UUID]) -> Redirect:
    """The lead vouches for something."""
    form = await read_form(request)
    await service.sign_off(viewer_of(request), person_id, form.raw("subject"))
    return Redirect(f"/people/{person_id}/path", status_code=303)


def stepper(levels: tuple[LevelView, ...], plan: service.Plan) -> list[dict[str, Any]]:
    """The path as the stepper shows it: done, now with what is missing, then every level to come."""
    icons = {"near": "flag", "mid": "award", "long": "users"}
    return [
        {
            "title": level.plan.title,
            "state": level.state,
            "icon": icons.get(level.plan.horizon, "flag"),
            "reached_at": level.reached_at,
            "horizon": wording.horizon_text(level.plan.horizon),
            "summary": level.plan.summary,
            "missing": _missing(level, plan) if level.state == "now" else [],
            "milestones": ngettext("%(n)s milestone", "%(n)s milestones", len(level.milestones))
            % {"n": len(level.milestones)},
            "value": len(level.milestones) - len(level.missing),
            "max": len(level.milestones) if level.state == "now" else None,
        }
        for level in levels
    ]


def _missing(level: LevelView, plan: service.Plan) -> list[str]:
    open_ones = [view for milestone in level.missing for view in milestone.criteria if not view.met]
    return [
        wording.criterion_text(view.criterion, plan.modules)
        + (f" ({view.have}/{view.criterion.count})" if view.criterion.count > 1 else "")
        for view in open_ones
    ]


pages: list[Any] = [show_path, show_milestones, show_reached, show_path_of, sign_off]
