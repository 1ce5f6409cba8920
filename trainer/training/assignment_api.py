"""JSON API of assignments, lists of modules (curricula) and progress."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

import msgspec
from litestar import Response, delete, get, patch, post
from litestar.connection import Request
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter
from msgspec import UNSET, UnsetType

from trainer.problems import Invalid
from trainer.training import curricula
from trainer.training.assigning import service as assigning
from trainer.training.assigning.service import AssignmentView
from trainer.training.curricula import CurriculumView
from trainer.training.progress import service as progress
from trainer.training.progress.views import Filters, ProgressRow
from trainer.web import api
from trainer.web.guards import scope
from trainer.web.i18n import _, text_in
from trainer.web.session import Viewer, viewer_of

Call = Request[Any, Any, Any]
READ, WRITE = scope("enrolments:read"), scope("enrolments:write")
READ_MODULES, WRITE_MODULES = scope("modules:read"), scope("modules:write")


class CurriculumIn(msgspec.Struct, forbid_unknown_fields=True):
    """A new list of modules (their ids or codes), in this order."""

    title: str
    modules: list[str] = []
    summary: str = ""
    language: str = "en"


class CurriculumChanges(msgspec.Struct, forbid_unknown_fields=True):
    """What of a list changes; `modules` is all of it, in its new order."""

    title: str | UnsetType = UNSET
    summary: str | UnsetType = UNSET
    modules: list[str] | UnsetType = UNSET
    language: str = "en"


# Assignments


def shown_assignment(view: AssignmentView) -> dict[str, Any]:
    """The API's form of an assignment; `enrolments` are those that it made."""
    what = {"code": view.code, "title": text_in(view.title)}
    return {
        "id": str(view.id),
        "module": {"id": str(view.module), **what} if view.module else None,
        "curriculum": {"id": str(view.curriculum), **what} if view.curriculum else None,
        "team": {"id": str(view.team), "name": view.team_name} if view.team else None,
        "role": view.role,
        "people": view.named,
        "due_on": view.due_on.isoformat() if view.due_on else None,
        "status": "ended" if view.ended_at else "active",
        "assigned_by": str(view.assigned_by) if view.assigned_by else None,
        "created_at": api.as_utc(view.created_at),
        "ended_at": api.as_utc(view.ended_at),
        "enrolments": {"all": view.enrolled, "completed": view.done, "open": view.not_begun},
    }


@get("/assignments", guards=[READ], tags=["enrolments"])
async def list_assignments(
    request: Call, limit: FromQuery[int] = 50, cursor: FromQuery[str | None] = None
) -> dict[str, Any]:
    """What was given to whom, newest first: all for trainers; for leads theirs and their team's."""
    page = api.read_page(limit, cursor)
    after = api.key_of(page, datetime.fromisoformat, UUID)
    rows = await assigning.visible_assignments(viewer_of(request), limit=page.limit + 1, after=after)
    return api.page_of(rows, page, shown_assignment, lambda row: [row.created_at.isoformat(), str(row.id)])


@get("/assignments/{assignment_id:str}", guards=[READ], tags=["enrolments"])
async def get_assignment(request: Call, assignment_id: FromPath[str]) -> dict[str, Any]:
    """One assignment, and how far its enrolments are."""
    return shown_assignment(
        await assigning.load_assignment(viewer_of(request), api.identifier(assignment_id))
    )


@delete("/assignments/{assignment_id:str}", guards=[WRITE], status_code=200, tags=["enrolments"])
async def end_assignment(request: Call, assignment_id: FromPath[str]) -> dict[str, Any]:
    """End it: nobody new gets it, and enrolments that nobody began go (`removed`); what was begun stays."""
    viewer, wanted = viewer_of(request), api.identifier(assignment_id)
    removed = await assigning.end_assignment(viewer, wanted)
    return shown_assignment(await assigning.load_assignment(viewer, wanted)) | {"removed": removed}


# Lists of modules


def shown_curriculum(view: CurriculumView) -> dict[str, Any]:
    """The API's form of a list."""
    return {
        "id": str(view.id),
        "code": view.code,
        "title": text_in(view.title),
        "summary": text_in(view.summary),
        "translations": {
            locale: {
                name: text[locale]
                for name, text in (("title", view.title), ("summary", view.summary))
                if locale in text
            }
            for locale in sorted({*view.title, *view.summary})
        },
        "modules": [
            {
                "id": str(module.id),
                "code": module.code,
                "title": text_in(module.title),
                "published": module.published,
            }
            for module in view.modules
        ],
        "minutes": view.minutes,
        "status": "archived" if view.archived else "active",
        "revision": view.revision,
    }


async def _one(viewer: Viewer, curriculum: UUID, *, status: int = 200) -> Response[dict[str, Any]]:
    view = await curricula.load_curriculum(viewer, curriculum)
    headers = {"ETag": api.revision_tag(view.revision)}
    if status == 201:
        headers["Location"] = f"/api/v1/curricula/{curriculum}"
    return Response(shown_curriculum(view), status_code=status, headers=headers)


@get("/curricula", guards=[READ_MODULES], tags=["modules"])
async def list_curricula(
    request: Call, limit: FromQuery[int] = 50, cursor: FromQuery[str | None] = None
) -> dict[str, Any]:
    """The lists in use."""
    page = api.read_page(limit, cursor)
    after = api.key_of(page, str)
    views = await curricula.visible_curricula(viewer_of(request))
    keys = [str(view.id) for view in views]
    start = keys.index(after[0]) + 1 if after and after[0] in keys else 0
    rows = views[start : start + page.limit + 1]
    return api.page_of(rows, page, shown_curriculum, lambda view: [str(view.id)])


@post("/curricula", guards=[WRITE_MODULES], tags=["modules"])
async def create_curriculum(request: Call, data: JSONBody[CurriculumIn]) -> Response[dict[str, Any]]:
    """Make a list."""
    viewer = viewer_of(request)
    made = await curricula.create_curriculum(viewer, **msgspec.structs.asdict(data))
    return await _one(viewer, made, status=201)


@get("/curricula/{curriculum_id:str}", guards=[READ_MODULES], tags=["modules"])
async def get_curriculum(request: Call, curriculum_id: FromPath[str]) -> Response[dict[str, Any]]:
    """One list with its modules in order."""
    return await _one(viewer_of(request), api.identifier(curriculum_id))


@patch("/curricula/{curriculum_id:str}", guards=[WRITE_MODULES], tags=["modules"])
async def change_curriculum(
    request: Call, curriculum_id: FromPath[str], data: JSONBody[CurriculumChanges]
) -> Response[dict[str, Any]]:
    """Change its words, what is in it, or the order; a module put in reaches everybody who was given the list."""
    viewer, wanted = viewer_of(request), api.identifier(curriculum_id)
    view = await curricula.load_curriculum(viewer, wanted)
    api.require_match(request, view.revision)
    given = {name: value for name, value in msgspec.structs.asdict(data).items() if value is not UNSET}
    await curricula.edit_curriculum(viewer, wanted, revision=view.revision, **given)
    return await _one(viewer, wanted)


@delete("/curricula/{curriculum_id:str}", guards=[WRITE_MODULES], tags=["modules"])
async def archive_curriculum(request: Call, curriculum_id: FromPath[str]) -> None:
    """Put a list away; what people were given stays."""
    await curricula.archive_curriculum(viewer_of(request), api.identifier(curriculum_id))


# Progress


def shown_row(row: ProgressRow) -> dict[str, Any]:
    """One person's newest enrolment in a module. `at_step` counts from 1."""
    at = {"number": row.position + 1, "title": row.step_title} if row.position is not None else None
    return {
        "enrolment": str(row.enrolment),
        "person": {"id": str(row.person), "name": row.name, "team": row.team_name},
        "module": {
            "id": str(row.module),
            "code": row.code,
            "title": text_in(row.title),
            "version": row.version,
        },
        "state": row.state,
        "overdue": row.overdue,
        "stuck_on": row.stuck_words or None,
        "at_step": at,
        "progress": {"steps": row.steps, "done": row.done},
        "due_on": row.due_on.isoformat() if row.due_on else None,
        "started_at": api.as_utc(row.started_at),
        "last_active_at": api.as_utc(row.active_at),
        "completed_at": api.as_utc(row.completed_at),
        "waived_at": api.as_utc(row.waived_at),
        "waived_why": row.waived_why if row.waived_at else None,
        "signed_off_at": api.as_utc(row.signed_off_at),
    }


@get("/progress", guards=[READ], tags=["enrolments"])
async def list_progress(
    request: Call,
    limit: FromQuery[int] = 50,
    cursor: FromQuery[str | None] = None,
    module: FromQuery[str | None] = None,
    curriculum: FromQuery[str | None] = None,
    team: FromQuery[str | None] = None,
    person: FromQuery[str | None] = None,
    wanted: Annotated[str | None, QueryParameter(name="state")] = None,
    q: FromQuery[str] = "",
) -> dict[str, Any]:
    """Who is how far, by name; `totals` for each module come with the first page. Trainers see everybody, leads their
    team, managers and admins `totals` alone. `state`: not_begun, under_way (stuck ones too), stuck, overdue, open,
    done, waived. `module` and `curriculum` are codes.
    """
    viewer, page = viewer_of(request), api.read_page(limit, cursor)
    if module and curriculum:
        raise Invalid.field("curriculum", "one-of", _("Choose a module or a list, not both."))
    filters = Filters(
        what=f"module:{module}" if module else f"list:{curriculum}" if curriculum else "",
        team=api.identifier(team) if team else None,
        person=api.identifier(person) if person else None,
        state=wanted or "",
        search=q[:100],
    )
    after = api.key_of(page, str, UUID, int, UUID)
    found = await progress.progress_page(
        viewer, filters, limit=page.limit, after=after, picture=after is None
    )
    answer: dict[str, Any] = {
        "items": [shown_row(row) for row in found.rows],
        "next_cursor": api.next_cursor([str(part) for part in found.after]) if found.after else None,
    }
    if after is None:
        answer["totals"] = [
            {
                "module": {"id": str(share.module), "code": share.code, "title": text_in(share.title)},
                "people": None if share.few else share.people,
                "states": None if share.few else dict(share.counts),
                "overdue": None if share.few else share.overdue,
            }
            for share in found.shares
        ]
    return answer


routes: list[Any] = [
    list_assignments,
    get_assignment,
    end_assignment,
    list_curricula,
    create_curriculum,
    get_curriculum,
    change_curriculum,
    archive_curriculum,
    list_progress,
]
