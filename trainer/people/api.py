"""`/api/v1/people`, `/teams` and `/me`: the same services as the pages, in JSON.

Invariant: a field that the viewer may not see is left out of the answer, never sent empty.
"""

from typing import Any, cast
from uuid import UUID

import msgspec
from litestar import Request, Response, get, patch, post
from litestar.params import FromPath, FromQuery, JSONBody
from msgspec import UNSET, UnsetType

from trainer.people import links, service, teams
from trainer.people.fields import PersonFields, as_day
from trainer.people.service import Shown
from trainer.problems import Invalid
from trainer.web.api import (
    identifier,
    key_of,
    page_of,
    read_page,
    require_match,
    revision_tag,
)
from trainer.web.guards import requires, scope, signed_in
from trainer.web.i18n import _
from trainer.web.session import viewer_of

AnyRequest = Request[Any, Any, Any]


class Named(msgspec.Struct, frozen=True):
    """Something by its id and name."""

    id: str
    name: str


class PersonOut(msgspec.Struct, frozen=True, omit_defaults=False):
    """A person. Fields that the viewer may not see are absent; `birthday` is MM-DD."""

    id: str
    name: str
    roles: list[str]
    team: Named | None
    active: bool
    email: str | UnsetType | None = UNSET
    employee_no: str | UnsetType | None = UNSET
    buddy: Named | UnsetType | None = UNSET
    manager: Named | UnsetType | None = UNSET
    hired_on: str | UnsetType | None = UNSET
    locale: str | UnsetType = UNSET
    time_zone: str | UnsetType = UNSET
    birthday: str | UnsetType | None = UNSET
    birthday_scope: str | UnsetType = UNSET
    full_month_scope: str | UnsetType = UNSET
    anniversary_scope: str | UnsetType = UNSET
    milestone_scope: str | UnsetType = UNSET
    leap_day: str | UnsetType = UNSET
    scopes: list[str] | UnsetType | None = UNSET


class PersonIn(msgspec.Struct, forbid_unknown_fields=True):
    """Somebody new: an e-mail or an employee number is needed."""

    name: str
    email: str | None = None
    employee_no: str | None = None
    roles: list[str] = msgspec.field(default_factory=lambda: ["agent"])
    team: str | None = None
    buddy: str | None = None
    manager: str | None = None
    hired_on: str | None = None
    birthday: str | None = None
    locale: str = "en"
    time_zone: str = ""


class PersonPatch(msgspec.Struct, forbid_unknown_fields=True):
    """The fields to change; what is absent stays. Needs If-Match."""

    name: str | UnsetType = UNSET
    email: str | UnsetType | None = UNSET
    employee_no: str | UnsetType | None = UNSET
    roles: list[str] | UnsetType = UNSET
    team: str | UnsetType | None = UNSET
    buddy: str | UnsetType | None = UNSET
    manager: str | UnsetType | None = UNSET
    hired_on: str | UnsetType | None = UNSET
    birthday: str | UnsetType | None = UNSET
    birthday_scope: str | UnsetType = UNSET
    full_month_scope: str | UnsetType = UNSET
    anniversary_scope: str | UnsetType = UNSET
    milestone_scope: str | UnsetType = UNSET
    leap_day: str | UnsetType = UNSET
    locale: str | UnsetType = UNSET
    time_zone: str | UnsetType = UNSET


class TeamOut(msgspec.Struct, frozen=True):
    """A team; `people` counts the active ones."""

    id: str
    name: str
    site: str
    people: int


class TeamIn(msgspec.Struct, forbid_unknown_fields=True):
    """A new team."""

    name: str
    site: str = ""


def _out(shown: Shown, *, own: bool = False, scopes: frozenset[str] | None = None) -> PersonOut:
    person = shown.person
    told: dict[str, Any] = {}
    if shown.details:
        buddy = Named(str(person.buddy), person.buddy_name or "") if person.buddy else None
        manager = Named(str(person.manager), person.manager_name or "") if person.manager else None
        hired = person.hired_on.isoformat() if person.hired_on else None
        told |= {"email": person.email, "employee_no": person.employee_no, "buddy": buddy, "hired_on": hired}
        told |= {"manager": manager, "locale": person.locale, "time_zone": person.time_zone}
    if shown.birthday:
        told["birthday"] = person.birthday
    if own:
        told |= {name: getattr(person, name) for name in (*sorted(service.SCOPE_FIELDS), "leap_day")}
        told["scopes"] = sorted(scopes) if scopes is not None else None
    team = Named(str(person.team), person.team_name or "") if person.team else None
    return PersonOut(str(person.id), person.name, sorted(person.roles), team, person.active, **told)


def _fields(given: PersonIn | PersonPatch) -> PersonFields:
    fields: Any = {n: v for n, v in msgspec.structs.asdict(given).items() if v is not UNSET}
    for name in ("team", "buddy", "manager"):
        if fields.get(name) is not None:
            fields[name] = _reference(name, fields[name])
    if fields.get("hired_on") is not None:
        fields["hired_on"] = as_day("hired_on", fields["hired_on"])
    return cast(PersonFields, fields)


def _reference(name: str, value: str) -> UUID:
    try:
        return UUID(value)
    except ValueError as error:
        raise Invalid.field(name, "unknown", _("There is nothing with this id.")) from error


@get("/people", guards=[scope("people:read")])
async def list_people(
    request: AnyRequest,
    q: FromQuery[str] = "",
    team: FromQuery[str | None] = None,
    role: FromQuery[str] = "",
    active: FromQuery[bool] = True,
    limit: FromQuery[int] = 50,
    cursor: FromQuery[str | None] = None,
) -> dict[str, Any]:
    """People by name. `active=false` lists who left, for admins."""
    page = read_page(limit, cursor)
    found = await service.visible_people(
        viewer_of(request),
        search=q[:100],
        team=_reference("team", team) if team else None,
        role=role,
        active=active,
        after=key_of(page, str, UUID),
        limit=page.limit + 1,
    )
    return page_of(found, page, _out, lambda shown: (shown.person.name_key, str(shown.person.id)))


@get("/people/{person_id:str}", guards=[scope("people:read")])
async def get_person(request: AnyRequest, person_id: FromPath[str]) -> Response[PersonOut]:
    """One person; the ETag is for PATCH."""
    return await _answer(request, identifier(person_id))


async def _answer(request: AnyRequest, person: UUID, **options: Any) -> Response[PersonOut]:
    viewer = viewer_of(request)
    shown = await service.load_person(viewer, person)
    headers = {"ETag": revision_tag(shown.person.revision)} | options.pop("headers", {})
    body = _out(shown, own=viewer.id == person, scopes=viewer.scopes)
    return Response(body, headers=headers, **options)


@get("/me", guards=[signed_in])
async def get_me(request: AnyRequest) -> Response[PersonOut]:
    """Whom the token (or browser) belongs to; `scopes` is null for a browser."""
    return await _answer(request, viewer_of(request).id)


@post("/people", guards=[requires("admin"), scope("people:write")])
async def create_person(request: AnyRequest, data: JSONBody[PersonIn]) -> Response[PersonOut]:
    """Adds somebody. They sign in after an invitation: mailed where mail is set up, else made on their page."""
    fields: Any = _fields(data)
    person = await service.create_person(viewer_of(request), **fields)
    await links.want_link(viewer_of(request), person)
    headers = {"Location": f"/api/v1/people/{person}"}
    return await _answer(request, person, status_code=201, headers=headers)


@patch("/people/{person_id:str}", guards=[scope("people:write")])
async def edit_person(
    request: AnyRequest, person_id: FromPath[str], data: JSONBody[PersonPatch]
) -> Response[PersonOut]:
    """Changes the given fields, if If-Match names the present ETag."""
    viewer, person = viewer_of(request), identifier(person_id)
    revision = (await service.load_person(viewer, person)).person.revision
    require_match(request, revision)
    await service.edit_person(viewer, person, _fields(data), revision=revision)
    return await _answer(request, person)


@post(
    "/people/{person_id:str}/deactivate", guards=[requires("admin"), scope("people:write")], status_code=200
)
async def deactivate(request: AnyRequest, person_id: FromPath[str]) -> Response[PersonOut]:
    """Ends somebody's access at once."""
    await service.deactivate_person(viewer_of(request), identifier(person_id))
    return await _answer(request, identifier(person_id))


@post(
    "/people/{person_id:str}/reactivate", guards=[requires("admin"), scope("people:write")], status_code=200
)
async def reactivate(request: AnyRequest, person_id: FromPath[str]) -> Response[PersonOut]:
    """Lets somebody in again."""
    await service.reactivate_person(viewer_of(request), identifier(person_id))
    return await _answer(request, identifier(person_id))


def _team_out(team: teams.TeamView) -> TeamOut:
    return TeamOut(str(team.id), team.name, team.site, team.people)


@get("/teams", guards=[scope("teams:read")])
async def list_teams(
    request: AnyRequest, limit: FromQuery[int] = 50, cursor: FromQuery[str | None] = None
) -> dict[str, Any]:
    """Teams by name."""
    page = read_page(limit, cursor)
    found = await teams.list_teams(viewer_of(request), after=key_of(page, str, UUID), limit=page.limit + 1)
    return page_of(found, page, _team_out, lambda team: [str(part) for part in teams.sort_key(team)])


@get("/teams/{team_id:str}", guards=[scope("teams:read")])
async def get_team(request: AnyRequest, team_id: FromPath[str]) -> TeamOut:
    """One team."""
    return _team_out(await teams.get_team(viewer_of(request), identifier(team_id)))


@post("/teams", guards=[requires("admin"), scope("teams:write")])
async def create_team(request: AnyRequest, data: JSONBody[TeamIn]) -> Response[TeamOut]:
    """Makes a team."""
    viewer = viewer_of(request)
    team = await teams.get_team(viewer, await teams.create_team(viewer, name=data.name, site=data.site))
    location = {"Location": f"/api/v1/teams/{team.id}"}
    return Response(_team_out(team), status_code=201, headers=location)


routes: list[Any] = [
    list_people,
    get_person,
    get_me,
    create_person,
    edit_person,
    deactivate,
    reactivate,
    list_teams,
    get_team,
    create_team,
]
