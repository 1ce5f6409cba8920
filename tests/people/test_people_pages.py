"""The pages of people and teams as people use them."""

from collections.abc import Callable
from typing import Any

import httpx
import pytest

from tests.factories import PASSWORD, a_person, a_team
from tests.web_fixtures import SignIn
from trainer.people.service import get_person
from trainer.people.tables import Person, Team

FORM = {
    "name": "Nia Adeyemi",
    "email": "nia@encore.example",
    "roles": ["agent"],
    "locale": "en",
    "revision": "0",
}
HTMX = {"HX-Request": "true"}


@pytest.fixture
async def admin(client: httpx.AsyncClient, sign_in: SignIn) -> httpx.AsyncClient:
    return await sign_in(client, await a_person("admin", name="Ingrid"))


async def test_an_admin_adds_somebody_and_sees_the_invitation_once(admin: httpx.AsyncClient) -> None:
    answer = await admin.post("/people/new", data=FORM)
    assert answer.status_code == 200
    address = answer.text.split('id="f-address" readonly value="')[1].split('"')[0]
    assert address.startswith("http://127.0.0.1:8000/welcome/")
    row = await Person.select(Person.id).where(Person.email == "nia@encore.example").first()
    assert row is not None
    page = await admin.get(f"/people/{row['id']}")
    assert address.rsplit("/", 1)[1] not in page.text
    assert "no password is set yet" in page.text
    admin.cookies.clear()
    assert "Welcome, Nia Adeyemi" in (await admin.get(address)).text


async def test_a_wrong_form_comes_back_with_what_was_typed(admin: httpx.AsyncClient) -> None:
    await a_person(email="nia@encore.example")
    answer = await admin.post("/people/new", data={**FORM, "employee_no": "E-9", "roles": ["trainer"]})
    assert answer.status_code == 422
    assert "Somebody else has this e-mail address." in answer.text
    assert 'value="E-9"' in answer.text
    assert 'value="trainer" checked' in answer.text


async def test_an_admin_edits_somebody(admin: httpx.AsyncClient) -> None:
    team = await a_team("Harbour")
    person = await a_person(name="Before")
    form = await admin.get(f"/people/{person.id}/edit")
    assert f'name="revision" value="{person.revision}"' in form.text
    data = {
        **FORM,
        "revision": str(person.revision),
        "team": str(team),
        "birthday_month": "06",
        "birthday_day": "09",
    }
    answer = await admin.post(f"/people/{person.id}/edit", data=data)
    assert answer.headers["location"] == f"/people/{person.id}?done=1"
    page = await admin.get(answer.headers["location"])
    for text in ("Nia Adeyemi", "Harbour", "nia@encore.example", "9 June", "Saved."):
        assert text in page.text


async def test_two_admins_who_edit_at_once_notice(admin: httpx.AsyncClient) -> None:
    person = await a_person()
    stale = {**FORM, "revision": str(person.revision)}
    await admin.post(f"/people/{person.id}/edit", data={**stale, "name": "First"})
    second = await admin.post(f"/people/{person.id}/edit", data={**stale, "name": "Second"})
    assert second.status_code == 422
    assert "Somebody else changed this meanwhile" in second.text
    assert 'value="Second"' in second.text
    assert (await get_person(person.id)).name == "First"


async def test_a_lead_sets_the_buddy_of_a_newcomer(client: httpx.AsyncClient, sign_in: SignIn) -> None:
    team = await a_team()
    newcomer, buddy = await a_person(team=team), await a_person(team=team, name="Amara")
    await sign_in(client, await a_person("team_lead", team=team))
    answer = await client.post(f"/people/{newcomer.id}/buddy", data={"buddy": str(buddy.id)})
    assert answer.status_code == 303
    where, _hash, part = answer.headers["location"].partition("#")
    saved = (await client.get(where)).text
    assert part == "buddy", "a phone stays where the reader was"
    assert 'id="buddy"' in saved
    assert "Saved." in saved
    assert (await get_person(newcomer.id)).buddy_name == "Amara"
    assert (await client.post(f"/people/{newcomer.id}/buddy", data={"buddy": ""})).status_code == 303
    assert (await get_person(newcomer.id)).buddy is None


async def test_a_lead_hands_out_a_password_link(client: httpx.AsyncClient, sign_in: SignIn) -> None:
    team = await a_team()
    agent = await a_person(team=team, password=PASSWORD, name="Lin")
    await sign_in(client, await a_person("team_lead", team=team))
    answer = await client.post(f"/people/{agent.id}/link")
    assert "Password link for Lin" in answer.text
    assert "/welcome/" in answer.text
    stranger = await a_person()
    assert (await client.post(f"/people/{stranger.id}/link")).status_code == 403


async def test_deactivating_and_reactivating(admin: httpx.AsyncClient) -> None:
    person = await a_person(name="Gone Soon")
    await admin.post(f"/people/{person.id}/deactivate")
    assert "Gone Soon" not in (await admin.get("/people")).text
    assert "Gone Soon" in (await admin.get("/people?show=left")).text
    assert "no longer works here" in (await admin.get(f"/people/{person.id}")).text
    await admin.post(f"/people/{person.id}/reactivate")
    assert "Gone Soon" in (await admin.get("/people")).text


async def test_the_list_is_narrowed_in_place(admin: httpx.AsyncClient) -> None:
    team = await a_team("Harbour")
    await a_person(name="Lin Xia", team=team)
    await a_person(name="Amara Okafor")
    part = await admin.get("/people?q=lin", headers=HTMX)
    assert "Lin Xia" in part.text
    assert "Amara" not in part.text
    assert part.text.lstrip().startswith('<section id="people-results"')
    assert "Amara" not in (await admin.get(f"/people?team={team}")).text
    nobody = await admin.get("/people?q=zzz")
    assert "Nobody fits" in nobody.text
    odd = await admin.get("/people?team=not-an-id&role=king")
    assert odd.status_code == 200


async def test_namesakes_are_told_apart_for_who_may_see_their_details(
    admin: httpx.AsyncClient, client: httpx.AsyncClient, sign_in: SignIn
) -> None:
    for address in ("noor.a@x.example", "noor.b@x.example"):
        await a_person(name="Noor Rahimi", email=address)
    listed = (await admin.get("/people?q=noor")).text
    assert "· noor.a@x.example<" in listed
    assert "· noor.b@x.example<" in listed
    await sign_in(client, await a_person("manager"))
    assert "noor.a@" not in (await client.get("/people?q=noor")).text


async def test_a_long_list_goes_on_with_its_filters(admin: httpx.AsyncClient) -> None:
    for n in range(53):
        await a_person(name=f"Colleague {n:02}")
    first = await admin.get("/people?q=colleague")
    assert "Colleague 49" in first.text
    assert "Colleague 50" not in first.text
    more = first.text.split('class="show-more"')[1].split('href="')[1].split('"')[0].replace("&amp;", "&")
    assert "q=colleague" in more
    rest = await admin.get(more, headers=HTMX)
    assert rest.text.count("Colleague 5") == 3
    assert "<html" not in rest.text
    assert "show-more" not in rest.text
    assert "<html" in (await admin.get(more)).text


@pytest.mark.parametrize("cursor", ["nonsense", "WyJhIl0", "WyJhIiwiYiJd", "%00"])
async def test_a_cursor_that_is_none_is_refused_in_words(admin: httpx.AsyncClient, cursor: str) -> None:
    assert (await admin.get(f"/people?cursor={cursor}")).status_code == 400
    assert (await admin.get(f"/audit?cursor={cursor}")).status_code == 400
    assert (await admin.get(f"/api/v1/people?cursor={cursor}")).json()["type"] == "/problems/bad-cursor"


async def test_names_are_shown_as_text(admin: httpx.AsyncClient) -> None:
    person = await a_person(name="<script>alert(1)</script>")
    for path in ("/people", f"/people/{person.id}", f"/people/{person.id}/edit"):
        assert "<script>alert" not in (await admin.get(path)).text


async def test_an_unknown_or_malformed_person_is_a_friendly_404(admin: httpx.AsyncClient) -> None:
    for path in ("/people/00000000-0000-4000-8000-000000000000", "/people/nobody", "/people/1/edit"):
        answer = await admin.get(path)
        assert answer.status_code == 404, path
        assert "Nothing here" in answer.text


async def test_teams_are_made_and_renamed(admin: httpx.AsyncClient) -> None:
    assert "No teams yet" in (await admin.get("/teams")).text
    assert (await admin.post("/teams", data={"name": " Harbour  team ", "site": "Lisbon"})).status_code == 303
    row = await Team.select().first()
    assert row is not None
    assert row["name"] == "Harbour team"
    twice = await admin.post("/teams", data={"name": "Harbour team"})
    assert twice.status_code == 422
    assert "There is a team of this name already." in twice.text
    await admin.post("/teams", data={"name": "Lantern"})
    clash = await admin.post(f"/teams/{row['id']}", data={"name": "Lantern"})
    assert clash.status_code == 422
    assert (await admin.post(f"/teams/{row['id']}", data={"name": "Quay"})).status_code == 303
    page = (await admin.get("/teams")).text
    assert "Quay" in page
    assert "Harbour team" not in page
    missing = await admin.post("/teams/00000000-0000-4000-8000-000000000000", data={"name": "X"})
    assert missing.status_code == 404


async def test_others_see_teams_without_tools(client: httpx.AsyncClient, sign_in: SignIn) -> None:
    await a_team("Harbour")
    await sign_in(client, await a_person())
    page = (await client.get("/teams")).text
    assert "Harbour" in page
    assert "Add a team" not in page
    assert "Rename" not in page


async def test_pages_cost_at_most_five_queries(
    admin: httpx.AsyncClient, count_queries: Callable[[], Any]
) -> None:
    team = await a_team()
    people = [await a_person(team=team) for _n in range(30)]
    for path in (
        "/people",
        f"/people?team={team}&q=per",
        f"/people/{people[0].id}",
        f"/people/{people[0].id}/edit",
        "/people/new",
        "/teams",
        "/audit",
    ):
        with count_queries() as counted:
            assert (await admin.get(path)).status_code == 200
        assert counted.count <= 5, (path, counted.statements)
