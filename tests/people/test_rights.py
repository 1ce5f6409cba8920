"""The rights matrix, row "people": cell by cell, on the page and in the API, reading and writing."""

from dataclasses import dataclass
from datetime import date
from typing import Any

import httpx
import pytest

from tests.factories import a_person, a_team, a_viewer, viewer_for
from tests.web_fixtures import SignIn
from trainer.people import service, teams
from trainer.people.fields import PersonFields
from trainer.people.service import PersonView
from trainer.problems import Forbidden, NotFound
from trainer.web.session import ROLES, Viewer

DETAILS = ("email", "employee_no", "buddy", "hired_on", "locale", "time_zone")


@dataclass
class Cast:
    """A team with its lead, two of its agents, and one of every role outside it."""

    team: Any
    lead: PersonView
    agent: PersonView
    buddy: PersonView
    outside: dict[str, PersonView]

    def viewers(self) -> dict[str, Viewer]:
        """Everybody who might look at the agent."""
        named = {f"other {role}": viewer_for(person) for role, person in self.outside.items()}
        return {"self": viewer_for(self.agent), "own lead": viewer_for(self.lead), **named}


async def the_cast(scope: str = "nobody") -> Cast:
    team = await a_team()
    buddy = await a_person(team=team)
    agent = await a_person(
        name="Lin Xia",
        email="lin@encore.example",
        employee_no="E-7",
        team=team,
        hired_on=date(2026, 11, 2),
        birthday="06-09",
        buddy=buddy.id,
    )
    await service.edit_person(viewer_for(agent), agent.id, PersonFields(birthday_scope=scope))
    return Cast(
        team=team,
        lead=await a_person("team_lead", team=team),
        agent=await service.get_person(agent.id),
        buddy=buddy,
        outside={role: await a_person(role) for role in ROLES},
    )


async def test_details_are_for_the_person_their_lead_and_admins(database: str) -> None:
    cast = await the_cast()
    seeing = {
        name
        for name, viewer in cast.viewers().items()
        if (await service.load_person(viewer, cast.agent.id)).details
    }
    assert seeing == {"self", "own lead", "other admin"}
    for name, viewer in cast.viewers().items():
        person = (await service.load_person(viewer, cast.agent.id)).person
        assert person.name == "Lin Xia"
        shown = (person.email, person.employee_no, person.hired_on, person.buddy)
        hidden = (None, None, None, None)
        assert (shown == hidden) == (name not in seeing), name


@pytest.mark.parametrize(
    ("scope", "seeing"),
    [
        ("nobody", {"self", "other admin"}),
        ("team", {"self", "other admin", "own lead"}),
        ("everyone", {"self", "other admin", "own lead", "other team_lead"}),
    ],
)
async def test_a_birthday_is_shown_as_far_as_its_owner_chose(
    database: str, scope: str, seeing: set[str]
) -> None:
    cast = await the_cast(scope)
    shown = {
        name
        for name, viewer in cast.viewers().items()
        if (await service.load_person(viewer, cast.agent.id)).person.birthday
    }
    assert shown == seeing


async def test_what_the_loader_shows_and_what_the_list_shows_are_the_same(database: str) -> None:
    cast = await the_cast("team")
    left = await a_person(name="Gone Already")
    await service.deactivate_person(await a_viewer("admin"), left.id)
    for name, viewer in cast.viewers().items():
        listed = {shown.person.id: shown for shown in await service.visible_people(viewer, limit=500)}
        if viewer.has("admin"):
            inactive = await service.visible_people(viewer, active=False)
            listed |= {shown.person.id: shown for shown in inactive}
        for person in (cast.agent, cast.lead, cast.buddy, left):
            try:
                loaded = await service.load_person(viewer, person.id)
            except NotFound:
                assert person.id not in listed, name
            else:
                assert listed[person.id] == loaded, name


async def test_who_left_is_known_to_admins_only(database: str) -> None:
    left = await a_person()
    admin = await a_viewer("admin")
    await service.deactivate_person(admin, left.id)
    for role in ROLES:
        viewer = await a_viewer(role)
        inactive = await service.visible_people(viewer, active=False, limit=500)
        if role == "admin":
            assert left.id in {shown.person.id for shown in inactive}
        else:
            assert all(shown.person.active for shown in inactive)
            with pytest.raises(NotFound):
                await service.load_person(viewer, left.id)


CHANGES: list[tuple[PersonFields, set[str]]] = [
    (PersonFields(name="Lin X."), {"self", "other admin"}),
    (PersonFields(locale="zh-Hans"), {"self", "other admin"}),
    (PersonFields(time_zone="Asia/Taipei"), {"self", "other admin"}),
    (PersonFields(birthday="07-10"), {"self", "other admin"}),
    (PersonFields(birthday_scope="everyone"), {"self"}),
    (PersonFields(leap_day="03-01"), {"self"}),
    (PersonFields(email="other@encore.example"), {"other admin"}),
    (PersonFields(employee_no="E-8"), {"other admin"}),
    (PersonFields(roles=["agent", "trainer"]), {"other admin"}),
    (PersonFields(team=None), {"other admin"}),
    (PersonFields(hired_on=date(2026, 1, 1)), {"other admin"}),
    (PersonFields(buddy=None), {"own lead", "other admin"}),
]


@pytest.mark.parametrize(("changes", "allowed"), CHANGES, ids=lambda value: "+".join(sorted(value)))
async def test_each_field_is_changed_by_those_who_may(
    database: str, changes: PersonFields, allowed: set[str]
) -> None:
    cast = await the_cast()
    for name, viewer in cast.viewers().items():
        if name in allowed:
            await service.edit_person(viewer, cast.agent.id, changes)
        else:
            with pytest.raises(Forbidden):
                await service.edit_person(viewer, cast.agent.id, changes)


async def test_nobody_makes_themselves_an_admin(database: str) -> None:
    for role in ROLES:
        if role != "admin":
            viewer = await a_viewer(role)
            with pytest.raises(Forbidden):
                await service.edit_person(viewer, viewer.id, PersonFields(roles=["admin"]))


async def test_a_lead_does_not_choose_their_own_buddy_or_that_of_another_team(database: str) -> None:
    cast = await the_cast()
    lead = viewer_for(cast.lead)
    for person in (cast.lead.id, cast.outside["agent"].id):
        with pytest.raises(Forbidden):
            await service.edit_person(lead, person, PersonFields(buddy=cast.buddy.id))


async def test_only_admins_add_people_and_teams_and_end_access(database: str) -> None:
    agent = await a_person()
    team = await a_team()
    for role in ROLES:
        viewer = await a_viewer(role)
        if role == "admin":
            await service.create_person(viewer, name="New", email="new@encore.example", roles=["agent"])
            await service.deactivate_person(viewer, agent.id)
            await service.reactivate_person(viewer, agent.id)
            await teams.rename_team(viewer, await teams.create_team(viewer, name="Fjord"), name="Bay")
            continue
        with pytest.raises(Forbidden):
            await service.create_person(viewer, name="New", email="no@encore.example", roles=["agent"])
        with pytest.raises(Forbidden):
            await service.deactivate_person(viewer, agent.id)
        with pytest.raises(Forbidden):
            await service.reactivate_person(viewer, agent.id)
        with pytest.raises(Forbidden):
            await teams.create_team(viewer, name="No")
        with pytest.raises(Forbidden):
            await teams.rename_team(viewer, team, name="No")


# The same through the doors


ADMIN_ONLY = [
    ("GET", "/people/new"),
    ("POST", "/people/new"),
    ("GET", "/people/{agent}/edit"),
    ("POST", "/people/{agent}/edit"),
    ("POST", "/people/{agent}/deactivate"),
    ("POST", "/people/{agent}/reactivate"),
    ("POST", "/teams"),
    ("POST", "/teams/{team}"),
    ("GET", "/audit"),
    ("GET", "/audit.csv"),
    ("POST", "/api/v1/people"),
    ("POST", "/api/v1/people/{agent}/deactivate"),
    ("POST", "/api/v1/people/{agent}/reactivate"),
    ("POST", "/api/v1/teams"),
]
SIGNED_IN = [
    ("GET", "/people"),
    ("GET", "/people/{agent}"),
    ("GET", "/teams"),
    ("GET", "/account"),
    ("POST", "/account"),
    ("POST", "/account/password"),
    ("POST", "/account/tokens"),
    ("POST", "/sign-out-everywhere"),
    ("POST", "/people/{agent}/buddy"),
    ("POST", "/people/{agent}/link"),
    ("GET", "/api/v1/people"),
    ("GET", "/api/v1/people/{agent}"),
    ("PATCH", "/api/v1/people/{agent}"),
    ("GET", "/api/v1/teams"),
    ("GET", "/api/v1/teams/{team}"),
    ("GET", "/api/v1/me"),
]


async def test_pages_and_endpoints_for_admins_refuse_every_other_role(
    client: httpx.AsyncClient, sign_in: SignIn
) -> None:
    cast = await the_cast()
    for person in (cast.agent, cast.lead, *(cast.outside[role] for role in ROLES if role != "admin")):
        await sign_in(client, person)
        for method, path in ADMIN_ONLY:
            address = path.format(agent=cast.agent.id, team=cast.team)
            sent = {"json": {"name": "No"}} if "/api/" in path and method == "POST" else {}
            answer = await client.request(method, address, **sent)
            assert answer.status_code == 403, (person.roles, method, path)


async def test_a_visitor_reaches_nothing_but_the_door(client: httpx.AsyncClient) -> None:
    cast = await the_cast()
    for method, path in ADMIN_ONLY + SIGNED_IN:
        address = path.format(agent=cast.agent.id, team=cast.team)
        sent = {"json": {"name": "No"}} if "/api/" in path and method != "GET" else {}
        answer = await client.request(method, address, **sent)
        if "/api/" in path:
            assert answer.status_code == 401, (method, path)
            assert answer.headers["www-authenticate"] == "Bearer"
        else:
            assert answer.status_code == 303, (method, path)
            assert answer.headers["location"].startswith("/sign-in"), (method, path)


async def test_page_and_api_show_an_agent_nothing_of_a_colleague_but_name_team_and_roles(
    client: httpx.AsyncClient, sign_in: SignIn
) -> None:
    cast = await the_cast()
    await sign_in(client, cast.buddy)
    page = await client.get(f"/people/{cast.agent.id}")
    assert "Lin Xia" in page.text
    for secret in ("lin@encore.example", "E-7", "9 June", "2 Nov 2026"):
        assert secret not in page.text
    body = (await client.get(f"/api/v1/people/{cast.agent.id}")).json()
    assert sorted(body) == ["active", "id", "name", "roles", "team"]
    listed = (await client.get("/api/v1/people?limit=200")).json()["items"]
    assert {"active", "id", "name", "roles", "team"} == set(
        next(item for item in listed if item["id"] == str(cast.agent.id))
    )


async def test_page_and_api_show_a_lead_the_details_of_the_own_team(
    client: httpx.AsyncClient, sign_in: SignIn
) -> None:
    cast = await the_cast()
    await sign_in(client, cast.lead)
    page = await client.get(f"/people/{cast.agent.id}")
    for detail in ("lin@encore.example", "E-7", "2 Nov 2026", "Save buddy", "Make invitation"):
        assert detail in page.text
    assert "9 June" not in page.text
    assert "Edit" not in page.text.split("<main")[1].split("</main>")[0]
    body = (await client.get(f"/api/v1/people/{cast.agent.id}")).json()
    assert body["email"] == "lin@encore.example"
    assert "birthday" not in body


async def test_searching_does_not_find_by_an_address_that_one_may_not_see(
    client: httpx.AsyncClient, sign_in: SignIn
) -> None:
    cast = await the_cast()
    for person, found in ((cast.buddy, False), (cast.outside["admin"], True)):
        await sign_in(client, person)
        assert ("Lin Xia" in (await client.get("/people?q=lin@encore")).text) is found
        assert ("Lin Xia" in (await client.get("/people?q=E-7")).text) is found
