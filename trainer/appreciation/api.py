"""JSON API of appreciations."""

from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from litestar import Response, delete, get, patch, post
from litestar.connection import Request
from litestar.params import FromPath, FromQuery, JSONBody

from trainer.appreciation import service
from trainer.appreciation.service import AppreciationView
from trainer.web.api import as_utc, identifier, key_of, page_of, read_page, require_match, revision_tag
from trainer.web.guards import scope
from trainer.web.session import viewer_of

WRITE = scope("appreciations:write")
READ = scope("appreciations:read")


class AppreciationIn(msgspec.Struct, forbid_unknown_fields=True):
    """Thanks to people for a behaviour: a rule's or a value's code."""

    to: list[str]
    behaviour: str
    message: str
    visibility: str = "team"


class MessageIn(msgspec.Struct, forbid_unknown_fields=True):
    """New words for one's own thanks."""

    message: str


def shown(view: AppreciationView) -> dict[str, Any]:
    """The API's form of a thank-you."""
    return {
        "id": str(view.id),
        "author": {"id": str(view.author), "name": view.author_name},
        "to": [{"id": str(person.id), "name": person.name} for person in view.to],
        "behaviour": view.behaviour_code,
        "behaviour_kind": view.behaviour_kind,
        "message": view.message,
        "visibility": view.visibility,
        "created_at": as_utc(view.created_at),
        "edited_at": as_utc(view.edited_at),
    }


@get("/appreciations", guards=[READ])
async def list_appreciations(
    request: Request[Any, Any, Any], limit: FromQuery[int] = 50, cursor: FromQuery[str | None] = None
) -> dict[str, Any]:
    """Thanks you may read, newest first."""
    page = read_page(limit, cursor)
    before = key_of(page, datetime.fromisoformat, UUID)
    views = await service.visible_appreciations(viewer_of(request), limit=page.limit + 1, before=before)
    return page_of(views, page, shown, lambda view: [view.created_at.isoformat(), str(view.id)])


@post("/appreciations", guards=[WRITE])
async def give(request: Request[Any, Any, Any], data: JSONBody[AppreciationIn]) -> Response[Any]:
    """Thank colleagues for a behaviour you saw."""
    viewer = viewer_of(request)
    given = await service.thank(
        viewer,
        to=[identifier(person) for person in data.to],
        behaviour_kind=await service.behaviour_kind_of(data.behaviour),
        behaviour_code=data.behaviour,
        message=data.message,
        visibility=data.visibility,
    )
    view = await service.load_appreciation(viewer, given)
    return Response(shown(view), status_code=201, headers={"Location": f"/api/v1/appreciations/{given}"})


@get("/appreciations/{appreciation:str}", guards=[READ])
async def read(request: Request[Any, Any, Any], appreciation: FromPath[str]) -> Response[Any]:
    """One thank-you."""
    view = await service.load_appreciation(viewer_of(request), identifier(appreciation))
    return Response(shown(view), headers={"ETag": revision_tag(view.revision)})


@patch("/appreciations/{appreciation:str}", guards=[WRITE])
async def mend(
    request: Request[Any, Any, Any], appreciation: FromPath[str], data: JSONBody[MessageIn]
) -> Response[Any]:
    """Mend your own words within 15 minutes."""
    viewer, which = viewer_of(request), identifier(appreciation)
    revision = (await service.load_appreciation(viewer, which)).revision
    require_match(request, revision)
    await service.mend(viewer, which, data.message, expected=revision)
    view = await service.load_appreciation(viewer, which)
    return Response(shown(view), headers={"ETag": revision_tag(view.revision)})


@delete("/appreciations/{appreciation:str}", guards=[WRITE], status_code=204)
async def withdraw(request: Request[Any, Any, Any], appreciation: FromPath[str]) -> None:
    """Withdraw your own thanks (a lead: their team's; an admin: any that is not private)."""
    await service.withdraw(viewer_of(request), identifier(appreciation))


routes: list[Any] = [list_appreciations, give, read, mend, withdraw]
