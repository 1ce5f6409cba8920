"""A person's dossier and erasure for programs."""

from typing import Any

import msgspec
from litestar import Request, delete, get
from litestar.params import FromPath, JSONBody

from trainer.dossier import service
from trainer.people.erasing import erase_person
from trainer.web.api import identifier
from trainer.web.guards import scope
from trainer.web.session import viewer_of


class ErasureIn(msgspec.Struct, forbid_unknown_fields=True):
    """`name` repeats the person's name, so that a wrong id erases nobody."""

    name: str


@get("/people/{person_id:str}/everything", guards=[scope("people:read")])
async def read_everything(request: Request[Any, Any, Any], person_id: FromPath[str]) -> dict[str, Any]:
    """Everything that is held about a person: one's own (`me`), or anybody's for admins."""
    viewer = viewer_of(request)
    return await service.everything_about(viewer, viewer.id if person_id == "me" else identifier(person_id))


@delete("/people/{person_id:str}", guards=[scope("people:write")], status_code=204)
async def erase(request: Request[Any, Any, Any], person_id: FromPath[str], data: JSONBody[ErasureIn]) -> None:
    """Erases a person for good: the name leaves, dated facts stay."""
    await erase_person(viewer_of(request), identifier(person_id), data.name)


routes: list[Any] = [read_everything, erase]
