"""Erasing a person: the name leaves everywhere, dated facts stay, and nobody comes back by accident."""

import asyncio
from datetime import date
from typing import Any

import httpx
import pytest

from tests.factories import PASSWORD, a_person, a_rulebook, a_team, viewer_for
from trainer import db, facts, jobs
from trainer.appreciation.service import said_about, thank
from trainer.people import service
from trainer.people.erasing import erase_again, erase_person
from trainer.people.sessions import Sessions
from trainer.people.tables import Person
from trainer.problems import Conflict, Forbidden, Invalid, Problem


async def everything_in_the_database() -> str:
    """All rows of all tables as one text."""
    from trainer.piccolo_app import TABLES

    return "\n".join([str(await table.select()) for table in TABLES])


async def test_the_name_is_nowhere_and_the_facts_are_still_there(database: str) -> None:
    await a_rulebook()
    team = await a_team()
    gone = await a_person(
        "agent", name="Mia Unmistakable", email="mia.unmistakable@encore.example", employee_no="E-777",
        team=team, birthday="03-08", password=PASSWORD,
    )  # fmt: skip
    friend = await a_person("agent", team=team, buddy=gone.id)
    await thank(
        viewer_for(gone), to=[friend.id], behaviour_kind="rule", behaviour_code="R01", message="Thank you.",
        visibility="team",
    )  # fmt: skip
    await Sessions(14).start(gone.id, device="Firefox")
    await jobs.drain()
    before = len(await facts.facts_of(gone.id))
    await erase_person(viewer_for(await a_person("admin")), gone.id, "Mia Unmistakable")
    await jobs.drain()
    text = await everything_in_the_database()
    for trace in ("Unmistakable", "unmistakable", "E-777", "03-08"):
        assert trace not in text, trace
    assert len(await facts.facts_of(gone.id)) == before
    assert [said.author_name for said in await said_about(friend.id)] == ["A former colleague"]
    assert (await service.get_person(friend.id)).buddy is None
    assert await db.fetch("SELECT id FROM session WHERE person = {}", gone.id) == []
    assert gone.id not in [person.id for person in await service.all_people()]


async def test_of_their_row_nothing_stays_but_what_the_page_names(
    client: httpx.AsyncClient, sign_in: Any
) -> None:
    other = await a_person()
    gone = await a_person(
        "team_lead", name="Mia Lind", employee_no="E-777", team=await a_team(), buddy=other.id, manager=other.id,
        hired_on=date(2024, 2, 28), birthday="02-29", locale="zh-Hans", time_zone="Asia/Shanghai",
        password=PASSWORD,
    )  # fmt: skip
    everyone = dict.fromkeys(sorted(service.SCOPE_FIELDS), "everyone")
    own: Any = {**everyone, "leap_day": "03-01", "theme": "dark"}
    await service.edit_person(viewer_for(gone), gone.id, own)
    await Person.update({Person.asked_at: db.utc_now()}).where(Person.id == gone.id)
    await sign_in(client, await a_person("admin"))
    assert "the day they joined" in (await client.get(f"/people/{gone.id}/erase")).text  # a fact of that day
    await client.post(f"/people/{gone.id}/erase", data={"name": "Mia Lind"})
    row = await Person.select().where(Person.id == gone.id).first()
    assert row is not None
    quiet: Any = dict.fromkeys(service.SCOPE_FIELDS, "nobody")
    blank = Person(name="", name_key="", roles="", created_at=db.utc_now(), **quiet).to_dict()
    left = {name for name, value in row.items() if value != blank[name]}
    assert left == {"id", "active", "created_at", "erased_at", "revision"}


async def test_it_wants_the_name_typed(database: str) -> None:
    admin, gone = viewer_for(await a_person("admin")), await a_person(name="Mia Lind")
    with pytest.raises(Invalid):
        await erase_person(admin, gone.id, "Mia")
    assert (await service.get_person(gone.id)).name == "Mia Lind"
    await erase_person(admin, gone.id, "mia lind")
    assert (await service.get_person(gone.id)).name == ""


@pytest.mark.parametrize("role", ["agent", "trainer", "qa_analyst", "team_lead", "manager"])
async def test_nobody_but_admins_erases(
    app: Any, client: httpx.AsyncClient, sign_in: Any, use_token: Any, new_client: Any, role: str
) -> None:
    gone = await a_person(name="Mia Lind", team=await a_team())
    viewer = await a_person(role, team=gone.team)
    with pytest.raises(Forbidden):
        await erase_person(viewer_for(viewer), gone.id, "Mia Lind")
    await sign_in(client, viewer)
    assert (await client.post(f"/people/{gone.id}/erase", data={"name": "Mia Lind"})).status_code == 403
    assert (await client.get(f"/people/{gone.id}/erase")).status_code == 403
    async with new_client() as program:
        await use_token(program, viewer, "people:write")
        refused = await program.request("DELETE", f"/api/v1/people/{gone.id}", json={"name": "Mia Lind"})
    assert refused.status_code == 403
    assert (await service.get_person(gone.id)).erased_at is None


async def test_the_last_admin_and_oneself_stay(database: str) -> None:
    admin = await a_person("admin", name="Only One")
    with pytest.raises(Conflict):
        await erase_person(viewer_for(admin), admin.id, "Only One")
    gone = await a_person(name="Mia Lind")
    await erase_person(viewer_for(admin), gone.id, "Mia Lind")
    with pytest.raises(Conflict):
        await erase_person(viewer_for(admin), gone.id, "")
    assert not await erase_again(gone.id, db.utc_now())


async def test_two_admins_at_once_erase_once(database: str) -> None:
    admins = [viewer_for(await a_person("admin")) for _n in range(2)]
    gone = await a_person(name="Mia Lind")
    results = await asyncio.gather(
        *(erase_person(admin, gone.id, "Mia Lind") for admin in admins), return_exceptions=True
    )
    assert sum(isinstance(result, Problem) for result in results) == 1
    rows = await db.fetch("SELECT id FROM audit_entry WHERE action = 'person_erased'")
    assert len(rows) == 1


async def test_an_admin_erases_on_the_page(client: httpx.AsyncClient, sign_in: Any) -> None:
    gone = await a_person(name="Mia Lind")
    await sign_in(client, await a_person("admin"))
    page = (await client.get(f"/people/{gone.id}/erase")).text
    assert "What leaves" in page
    wrong = await client.post(f"/people/{gone.id}/erase", data={"name": "Mia"})
    assert wrong.status_code == 422
    assert "Type the name exactly" in wrong.text
    assert (await client.post(f"/people/{gone.id}/erase", data={"name": "Mia Lind"})).status_code == 303
    assert (await client.get(f"/people/{gone.id}")).status_code == 404
    proof = (await client.get(f"/people/{gone.id}/erase")).text
    assert "This person was erased" in proof
    assert "Mia" not in proof


async def test_what_others_see_of_me_is_made_from_the_table(client: httpx.AsyncClient, sign_in: Any) -> None:
    team = await a_team()
    await a_person("team_lead", name="Marta Lead", team=team)
    await sign_in(client, await a_person("agent", team=team))
    page = (await client.get("/account/sight")).text
    assert "Marta Lead" in page
    assert "that there is one, without hearing it" in page
    assert "Nobody but you" in page
    assert "/account/everything.json" in page
