"""Who works on which programme: read by those who train and score, said by admins."""

from typing import Any
from uuid import UUID

from litestar import Response, get, post
from litestar.connection import Request
from litestar.params import FromPath
from litestar.response import Redirect

from trainer.people.service import all_people
from trainer.problems import Invalid
from trainer.rulebook import programmes
from trainer.web.forms import read_form
from trainer.web.guards import requires
from trainer.web.i18n import _
from trainer.web.session import viewer_of
from trainer.web.templating import render

Page = Request[Any, Any, Any]
READ = requires("admin", *programmes.BOUND)


@get("/rules/programmes", guards=[READ], include_in_schema=False)
async def show_programmes(request: Page) -> Response[str]:
    """Each programme with who works on it."""
    return await programmes_page(request)


async def programmes_page(
    request: Page, *, status: int = 200, errors: dict[str, str] | None = None, at: str = ""
) -> Response[str]:
    """The same after a refusal; `at` is the programme whose form shows it."""
    viewer = viewer_of(request)
    admin = viewer.has("admin")
    fit = [person for person in await all_people() if person.roles & set(programmes.BOUND)] if admin else []
    return render(
        request,
        "rulebook/programmes.html",
        status=status,
        programmes=await programmes.programmes(viewer),
        choices=[
            {"value": str(person.id), "label": person.name, "sub": _roles(person.roles)} for person in fit
        ],
        may_name=admin,
        errors=errors or {},
        at=at,
    )


def _roles(roles: frozenset[str]) -> str:
    names = {"trainer": _("Trainer"), "qa_analyst": _("QA analyst")}
    return ", ".join(name for role, name in names.items() if role in roles)


@post("/rules/programmes/{code:str}", guards=[requires("admin")], include_in_schema=False)
async def name_members(request: Page, code: FromPath[str]) -> Response[str] | Redirect:
    """Say who works on a programme."""
    form = await read_form(request)
    everybody = form.choice("who", ("everybody", "named")) == "everybody"
    try:
        people = [] if everybody else [UUID(value) for value in form.many("people")]
        if not everybody and not people and form.ok:
            form.errors["people"] = _("Name at least one person, or let everybody work on it.")
        if form.ok:
            await programmes.name_members(viewer_of(request), code, people)
            return Redirect("/rules/programmes", status_code=303)
    except ValueError:
        form.errors["people"] = _("Please choose one of these.")
    except Invalid as problem:
        form.take(problem)
    return await programmes_page(request, status=422, errors=form.errors, at=code)


pages: list[Any] = [show_programmes, name_members]
