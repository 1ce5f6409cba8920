"""Pages of people and teams: the list, one person, adding and editing, password links, teams."""

from typing import Any, cast
from uuid import UUID

from litestar import Request, Response, get, post
from litestar.params import FromPath, FromQuery
from litestar.response import Redirect

from trainer import facts
from trainer.people import forms, links, service, teams
from trainer.people.fields import PersonFields
from trainer.problems import Invalid, PreconditionFailed
from trainer.web.api import key_of, next_cursor, read_page
from trainer.web.forms import Form, read_form
from trainer.web.guards import requires, signed_in
from trainer.web.i18n import _
from trainer.web.session import ROLES, Viewer, viewer_of
from trainer.web.templating import is_htmx, next_address, render, render_block

AnyRequest = Request[Any, Any, Any]
WITHOUT: dict[str, Any] = {"unseen": "password", "alone": "buddy"}


@get("/people", guards=[signed_in], include_in_schema=False)
async def list_people(
    request: AnyRequest,
    q: FromQuery[str] = "",
    team: FromQuery[str] = "",
    role: FromQuery[str] = "",
    show: FromQuery[str] = "",
    cursor: FromQuery[str] = "",
) -> Response[str]:
    """Everybody the viewer may know, narrowed by name, team and role. htmx gets the list alone."""
    viewer = viewer_of(request)
    after = key_of(read_page(cursor=cursor), str, UUID)
    found = await service.visible_people(
        viewer,
        search=q[:100],
        team=forms.identifier(team),
        role=role if role in ROLES else "",
        active=show != "left",
        without=WITHOUT.get(show, ""),
        after=after,
        limit=service.PAGE + 1,
    )
    shown = found[: service.PAGE]
    values: dict[str, Any] = {
        "people": shown,
        "more": _more(request, shown) if len(found) > service.PAGE else None,
        "chosen": {"q": q, "team": team, "role": role, "show": show},
        "roles": dict(forms.role_options()),
    }
    if cursor and is_htmx(request):
        return render(request, "people/_rows.html", **values)
    values["teams"] = await teams.list_teams(viewer)
    values["shown_options"] = _shown_options(viewer)
    if is_htmx(request):
        return render_block(request, "people/people.html", "results", **values)
    return render(request, "people/people.html", **values)


def _shown_options(viewer: Viewer) -> forms.Options:
    """Parts of the list that this viewer looks after."""
    options = [("", _("Who is here"))]
    if viewer.has("admin") or (viewer.has("team_lead") and viewer.team):
        options.append(("unseen", _("Never signed in")))
    if viewer.has("admin", "manager") or (viewer.has("team_lead") and viewer.team):
        options.append(("alone", _("Without a buddy")))
    if viewer.has("admin"):
        options.append(("left", _("Who left")))
    return options


def _more(request: AnyRequest, shown: list[service.Shown]) -> str:
    last = shown[-1].person
    return next_address(request, next_cursor([last.name_key, str(last.id)]))


async def _form(request: AnyRequest, person: service.PersonView | None, **values: Any) -> Response[str]:
    viewer = viewer_of(request)
    status = values.pop("status", 200)
    defaults: dict[str, Any] = {
        "person": person,
        "values": forms.values_of(person),
        "errors": {},
        "teams": forms.team_options(await teams.list_teams(viewer)),
        "roles": forms.role_notes(),
        "languages": forms.language_options(),
        "zones": forms.zone_options(),
        "months": forms.month_options(),
        "buddies": await _buddies(viewer, person),
        "managers": await _managers(viewer, person),
        "site_zone": request.app.state.settings.time_zone,
    }
    return render(request, "people/edit.html", status=status, **(defaults | values))


async def _buddies(viewer: Viewer, person: service.PersonView | None) -> forms.Options:
    """Colleagues to choose a buddy from: the person's team, or everybody for somebody without one."""
    team = person.team if person else None
    colleagues = [shown.person for shown in await service.visible_people(viewer, team=team, limit=500)]
    options = [(str(each.id), each.name) for each in colleagues if not person or each.id != person.id]
    if person and person.buddy and str(person.buddy) not in dict(options):
        options.append((str(person.buddy), person.buddy_name or ""))
    return options


async def _managers(viewer: Viewer, person: service.PersonView | None) -> forms.Options:
    """Whom somebody may report to: leads, managers and trainers, and whoever it is now."""
    above = await service.visible_people(viewer, role="team_lead manager trainer admin", limit=1000)
    found = {str(shown.person.id): shown.person.name for shown in above}
    if person:
        found.pop(str(person.id), None)
        if person.manager:
            found.setdefault(str(person.manager), person.manager_name or "")
    return sorted(found.items(), key=lambda option: option[1].casefold())


@get("/people/new", guards=[requires("admin")], include_in_schema=False)
async def show_new_person(request: AnyRequest) -> Response[str]:
    """The form for somebody new."""
    return await _form(request, None)


@post("/people/new", guards=[requires("admin")], include_in_schema=False)
async def add_person(request: AnyRequest) -> Response[Any]:
    """Adds somebody and shows the invitation link, this once."""
    form, viewer = await read_form(request), viewer_of(request)
    fields = forms.read_person(form)
    if form.ok:
        try:
            person = await service.create_person(viewer, **cast(Any, fields))
            return await _link_page(request, person)
        except Invalid as refused:
            form.take(refused)
    return await _form(request, None, status=422, values=forms.typed(form), errors=form.errors)


async def _link_page(request: AnyRequest, person: UUID) -> Response[str]:
    """The link to hand over, shown this once; with an address on file and mail set up, one is mailed as well."""
    viewer = viewer_of(request)
    secret = await links.issue_link(viewer, person)
    base = request.app.state.settings.base_url.rstrip("/")
    welcome = await links.read_link(secret)
    shown = await service.load_person(viewer, person)
    wanted = await links.want_link(viewer, person)
    return render(
        request,
        "people/link.html",
        headers={"Cache-Control": "no-store"},
        person=shown.person,
        welcome=welcome,
        address=f"{base}/welcome/{secret}",
        mailed=wanted and bool(request.app.state.settings.smtp_url),
    )


@get("/people/{person_id:uuid}", guards=[signed_in], include_in_schema=False)
async def show_person(
    request: AnyRequest, person_id: FromPath[UUID], done: FromQuery[str] = ""
) -> Response[str]:
    """One person, as far as the viewer may know."""
    viewer = viewer_of(request)
    shown = await service.load_person(viewer, person_id)
    choose = shown.may_set_buddy and not shown.may_edit
    return render(
        request,
        "people/person.html",
        shown=shown,
        person=shown.person,
        clips_found=await _clips_found(person_id),
        buddies=await _buddies(viewer, shown.person) if choose else [],
        flash=[{"kind": "good", "text": _("Saved.")}] if done else [],
    )


async def _clips_found(person: UUID) -> int:
    """How many clips in use, now or once, this person found in calls: good finds are talent (002-6)."""
    published = await facts.facts_of(person, ["clip_published"])
    return sum(fact.data.get("as") == "curator" for fact in published)


@get("/people/{person_id:uuid}/edit", guards=[requires("admin")], include_in_schema=False)
async def show_edit(request: AnyRequest, person_id: FromPath[UUID]) -> Response[str]:
    """The form for somebody who is here already."""
    return await _form(request, (await service.load_person(viewer_of(request), person_id)).person)


@post("/people/{person_id:uuid}/edit", guards=[requires("admin")], include_in_schema=False)
async def edit_person(request: AnyRequest, person_id: FromPath[UUID]) -> Response[Any]:
    """Saves the form, unless somebody else did meanwhile."""
    form, viewer = await read_form(request), viewer_of(request)
    fields = forms.read_person(form)
    revision = form.integer("revision", least=0, most=2**31)
    if form.ok:
        try:
            await service.edit_person(viewer, person_id, fields, revision=revision)
            return _to(person_id)
        except Invalid as refused:
            form.take(refused)
        except PreconditionFailed as late:
            form.errors[""] = late.detail
    person = (await service.load_person(viewer, person_id)).person
    values = forms.typed(form) | {"revision": person.revision}
    return await _form(request, person, status=422, values=values, errors=form.errors)


@post("/people/{person_id:uuid}/buddy", guards=[signed_in], include_in_schema=False)
async def set_buddy(request: AnyRequest, person_id: FromPath[UUID]) -> Response[Any]:
    """Who helps this person along; their lead chooses."""
    buddy = (await read_form(request)).identifier("buddy", required=False)
    await service.edit_person(viewer_of(request), person_id, PersonFields(buddy=buddy))
    return Redirect(f"/people/{person_id}?done=1#buddy", status_code=303)  # where the reader was


@post("/people/{person_id:uuid}/link", guards=[signed_in], include_in_schema=False)
async def make_link(request: AnyRequest, person_id: FromPath[UUID]) -> Response[str]:
    """A fresh invitation or password link, shown this once."""
    await service.load_person(viewer_of(request), person_id)
    return await _link_page(request, person_id)


@post("/people/{person_id:uuid}/deactivate", guards=[requires("admin")], include_in_schema=False)
async def deactivate(request: AnyRequest, person_id: FromPath[UUID]) -> Response[Any]:
    """Ends somebody's access."""
    await service.deactivate_person(viewer_of(request), person_id)
    return _to(person_id)


@post("/people/{person_id:uuid}/reactivate", guards=[requires("admin")], include_in_schema=False)
async def reactivate(request: AnyRequest, person_id: FromPath[UUID]) -> Response[Any]:
    """Lets somebody in again."""
    await service.reactivate_person(viewer_of(request), person_id)
    return _to(person_id)


def _to(person: UUID) -> Response[Any]:
    return Redirect(f"/people/{person}?done=1", status_code=303)


# Teams


async def _teams(request: AnyRequest, form: Form | None = None, team: UUID | None = None) -> Response[str]:
    return render(
        request,
        "people/teams.html",
        status=422 if form else 200,
        teams=await teams.list_teams(viewer_of(request)),
        errors=form.errors if form else {},
        typed={"name": form.raw("name"), "site": form.raw("site")} if form else {"name": "", "site": ""},
        wrong=team,
    )


@get("/teams", guards=[signed_in], include_in_schema=False)
async def show_teams(request: AnyRequest) -> Response[str]:
    """All teams; admins make and rename them here."""
    return await _teams(request)


@post("/teams", guards=[requires("admin")], include_in_schema=False)
async def add_team(request: AnyRequest) -> Response[Any]:
    """Makes a team."""
    form = await read_form(request)
    try:
        await teams.create_team(viewer_of(request), name=form.raw("name"), site=form.raw("site"))
    except Invalid as refused:
        form.take(refused)
        return await _teams(request, form)
    return Redirect("/teams", status_code=303)


@post("/teams/{team_id:uuid}", guards=[requires("admin")], include_in_schema=False)
async def rename_team(request: AnyRequest, team_id: FromPath[UUID]) -> Response[Any]:
    """Gives a team another name."""
    form = await read_form(request)
    try:
        await teams.rename_team(viewer_of(request), team_id, name=form.raw("name"), site=form.raw("site"))
    except Invalid as refused:
        form.take(refused)
        return await _teams(request, form, team_id)
    return Redirect("/teams", status_code=303)


pages: list[Any] = [
    list_people,
    show_new_person,
    add_person,
    show_person,
    show_edit,
    edit_person,
    set_buddy,
    make_link,
    deactivate,
    reactivate,
    show_teams,
    add_team,
    rename_team,
]
