"""Who reports to whom, who helps whom along, and who has nobody yet."""

from datetime import timedelta

import httpx
import pytest

from tests.factories import a_person, a_team, a_viewer, viewer_for
from tests.web_fixtures import SignIn
from trainer import db
from trainer.people import service
from trainer.people.fields import PersonFields
from trainer.people.service import edit_person, get_person, new_agents_without_buddy, visible_people
from trainer.problems import Forbidden, Invalid
from trainer.web.session import ROLES


async def test_a_person_reports_to_somebody(database: str) -> None:
    lead = await a_person("team_lead", name="Lena")
    person = await a_person(manager=lead.id)
    assert (person.manager, person.manager_name) == (lead.id, "Lena")


async def test_nobody_is_above_themselves_and_the_loop_is_named(database: str) -> None:
    top = await a_person("manager", name="Top")
    middle = await a_person("team_lead", name="Middle", manager=top.id)
    low = await a_person(name="Low", manager=middle.id)
    with pytest.raises(Invalid) as refused:
        await edit_person(None, top.id, PersonFields(manager=low.id))
    assert refused.value.errors[0].field == "manager"
    assert "Top → Low → Middle → Top" in refused.value.detail
    with pytest.raises(Invalid, match="reports to themselves"):
        await edit_person(None, top.id, PersonFields(manager=top.id))
    await edit_person(None, low.id, PersonFields(manager=top.id))  # a shorter way up is none


async def test_whom_one_reports_to_works_here(database: str) -> None:
    admin = await a_viewer("admin")
    gone = await a_person("team_lead")
    await service.deactivate_person(admin, gone.id)
    for manager in (gone.id, db.new_id()):
        with pytest.raises(Invalid, match="no such colleague"):
            await a_person(manager=manager)


async def test_two_may_be_each_others_buddy(database: str) -> None:
    one = await a_person()
    two = await a_person(buddy=one.id)
    assert (await edit_person(None, one.id, PersonFields(buddy=two.id))).buddy == two.id


async def test_the_api_refuses_a_loop_too(client: httpx.AsyncClient, sign_in: SignIn) -> None:
    await sign_in(client, await a_person("admin"))
    boss = await a_person(name="Boss")
    under = await a_person(name="Under", manager=boss.id)
    seen = (await client.get(f"/api/v1/people/{under.id}")).json()
    assert seen["manager"] == {"id": str(boss.id), "name": "Boss"}
    tag = (await client.get(f"/api/v1/people/{boss.id}")).headers["ETag"]
    address, body = f"/api/v1/people/{boss.id}", {"manager": str(under.id)}
    answer = await client.patch(address, json=body, headers={"If-Match": tag})
    assert answer.status_code == 422
    assert answer.json()["errors"][0] == {
        "field": "manager",
        "code": "loop",
        "message": "Nobody can be above themselves: Boss → Under → Boss.",
    }


async def test_the_form_offers_leads_and_shows_a_loop_at_its_field(
    client: httpx.AsyncClient, sign_in: SignIn
) -> None:
    await sign_in(client, await a_person("admin"))
    boss = await a_person("team_lead", name="Boss")
    under = await a_person("team_lead", name="Under", manager=boss.id)
    page = (await client.get(f"/people/{under.id}/edit")).text
    assert "Reports to" in page
    form = {
        "name": "Boss",
        "email": boss.email,
        "roles": "team_lead",
        "locale": "en",
        "manager": str(under.id),
    }
    answer = await client.post(f"/people/{boss.id}/edit", data={**form, "revision": "1"})
    assert answer.status_code == 422
    assert "Boss → Under → Boss" in answer.text
    assert "Boss" in (await client.get(f"/people/{under.id}")).text.split("Reports to")[1][:200]


@pytest.mark.parametrize("role", ROLES)
async def test_who_sees_new_agents_without_a_buddy(database: str, role: str) -> None:
    today = db.utc_now().date()
    mine, other = await a_team(), await a_team()
    viewer = await a_viewer(role, team=mine, hired_on=today - timedelta(days=400))
    newest = await a_person(name="Newest", team=mine, hired_on=today)
    await a_person(name="Elsewhere", team=other, hired_on=today - timedelta(days=5))
    await a_person(name="Edge", team=mine, hired_on=today - timedelta(days=90))
    await a_person(name="Settled", team=mine, hired_on=today - timedelta(days=91))
    await a_person(name="Helped", team=mine, hired_on=today, buddy=newest.id)
    await a_person("trainer", name="No agent", team=mine, hired_on=today)
    found = [person.name for person in await new_agents_without_buddy(viewer, 10)]
    expected = {
        "admin": ["Newest", "Elsewhere", "Edge"],
        "manager": ["Newest", "Elsewhere", "Edge"],
        "team_lead": ["Newest", "Edge"],
    }
    assert found == expected.get(role, [])
    assert len(await new_agents_without_buddy(viewer, 1)) == min(len(found), 1)


async def test_a_lead_without_a_team_has_nobody_to_look_after(database: str) -> None:
    await a_person(hired_on=db.utc_now().date())
    assert await new_agents_without_buddy(await a_viewer("team_lead"), 5) == []


@pytest.mark.parametrize("role", ROLES)
async def test_lists_of_those_without_are_for_who_looks_after_them(database: str, role: str) -> None:
    mine, other = await a_team(), await a_team()
    viewer = await a_viewer(role, name="Me", team=mine, password="seven quiet herons")
    await a_person(name="Ours", team=mine, buddy=viewer.id)
    await a_person(name="Theirs", team=other)
    unseen = {shown.person.name for shown in await visible_people(viewer, without="password")}
    alone = {shown.person.name for shown in await visible_people(viewer, without="buddy")}
    assert unseen == {"admin": {"Ours", "Theirs"}, "team_lead": {"Ours"}}.get(role, set())
    wide = {"Me", "Theirs"}
    assert alone == {"admin": wide, "manager": wide, "team_lead": {"Me"}}.get(role, set())
    assert not await visible_people(await a_viewer("team_lead", team=mine), team=other, without="password")


async def test_a_lead_chooses_the_buddies_of_their_own_team(database: str) -> None:
    mine, other = await a_team(), await a_team()
    lead = await a_viewer("team_lead", team=mine)
    ours, theirs = await a_person(team=mine), await a_person(team=other)
    assert (await edit_person(lead, ours.id, PersonFields(buddy=theirs.id))).buddy == theirs.id
    with pytest.raises(Forbidden):
        await edit_person(lead, theirs.id, PersonFields(buddy=ours.id))
    with pytest.raises(Forbidden):
        await edit_person(lead, ours.id, PersonFields(manager=lead.id))


async def test_names_are_all_that_others_see_of_managers(database: str) -> None:
    boss = await a_person("team_lead")
    person = await a_person(manager=boss.id)
    shown = await service.load_person(viewer_for(await a_person()), person.id)
    assert (shown.person.manager, shown.person.manager_name) == (None, None)
    assert (await get_person(person.id)).manager == boss.id
