"""Taking along what is held about oneself, and erasing somebody."""

from typing import Any
from uuid import UUID

from litestar import Request, Response, get, post
from litestar.params import FromPath
from litestar.response import Redirect

from trainer.dossier import queries, service
from trainer.people.erasing import erase_person
from trainer.people.service import get_person, load_person
from trainer.problems import Invalid
from trainer.web.forms import read_form
from trainer.web.guards import requires, signed_in
from trainer.web.session import viewer_of
from trainer.web.templating import render

AnyRequest = Request[Any, Any, Any]


@get("/account/everything.json", guards=[signed_in], include_in_schema=False)
async def download_own(request: AnyRequest) -> Response[bytes]:
    """Everything that is held about the viewer, as a file."""
    viewer = viewer_of(request)
    return as_download(await service.everything_about(viewer, viewer.id))


@get("/people/{person_id:uuid}/everything.json", guards=[signed_in], include_in_schema=False)
async def download_of(request: AnyRequest, person_id: FromPath[UUID]) -> Response[bytes]:
    """The same about somebody else, for admins."""
    return as_download(await service.everything_about(viewer_of(request), person_id))


@get("/people/{person_id:uuid}/erase", guards=[requires("admin")], include_in_schema=False)
async def show_erase(request: AnyRequest, person_id: FromPath[UUID]) -> Response[str]:
    """What would leave and what stays, and the name to type; afterwards the proof."""
    if (await get_person(person_id)).erased_at is not None:
        return render(request, "dossier/erased.html", proof=await queries.erasure_of(person_id))
    return await _erase_page(request, person_id)


@post("/people/{person_id:uuid}/erase", guards=[requires("admin")], include_in_schema=False)
async def erase(request: AnyRequest, person_id: FromPath[UUID]) -> Response[Any]:
    """Erases for good."""
    form = await read_form(request)
    try:
        await erase_person(viewer_of(request), person_id, form.raw("name"))
    except Invalid as error:
        return await _erase_page(request, person_id, 422, {one.field: one.message for one in error.errors})
    return Redirect(f"/people/{person_id}/erase", status_code=303)


async def _erase_page(
    request: AnyRequest, person: UUID, status: int = 200, errors: dict[str, str] | None = None
) -> Response[str]:
    shown = await load_person(viewer_of(request), person)
    return render(
        request,
        "dossier/erase.html",
        status=status,
        person=shown.person,
        calls=await queries.calls_of(person),
        errors=errors or {},
    )


def as_download(document: dict[str, Any]) -> Response[bytes]:
    """As a file that no cache keeps."""
    return Response(
        service.as_file(document),
        media_type="application/json",
        headers={
            "Content-Disposition": f'attachment; filename="everything-{document["person"]}.json"',
            "Cache-Control": "no-store",
        },
    )


pages: list[Any] = [download_own, download_of, show_erase, erase]
