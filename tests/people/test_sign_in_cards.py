"""Printed cards: made, read by a camera, used once; and what they say when they are over."""

import re
from datetime import timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest
import segno
import time_machine

from tests.factories import PASSWORD, a_person, a_team, a_viewer, viewer_for
from tests.web_fixtures import SignIn
from trainer import db, jobs
from trainer.job_queue import Job
from trainer.people import cards, links
from trainer.people.cards import issue_cards, qr_svg
from trainer.people.links import issue_link, link_to_mail, read_link, set_password_by_link
from trainer.people.service import PersonView, deactivate_person, visible_people
from trainer.people.tables import AuditEntry, Link, SignInFailure
from trainer.problems import Forbidden, Gone, Invalid, NotFound
from trainer.web.session import ROLES, Viewer


@pytest.fixture
async def admin(client: httpx.AsyncClient, sign_in: SignIn) -> httpx.AsyncClient:
    return await sign_in(client, await a_person("admin", name="Ingrid", password=PASSWORD))


async def the_card(viewer: Viewer, person: PersonView) -> str:
    (card,) = await issue_cards(viewer, [person.id])
    return card.code


async def test_a_card_lets_its_person_choose_a_password_once(database: str) -> None:
    admin, person = await a_viewer("admin"), await a_person(name="Nia")
    code = await the_card(admin, person)
    assert re.fullmatch(f"[{cards.ALPHABET}]{{12}}", code)
    welcome = await read_link(code)
    assert (welcome.purpose, welcome.name, welcome.first) == ("card", "Nia", True)
    assert await set_password_by_link(code, PASSWORD) == person.id
    for again in (read_link(code), set_password_by_link(code, PASSWORD)):
        with pytest.raises(Gone, match=r"This card was used already.*If it was not you, tell your team lead"):
            await again


async def test_a_card_that_is_too_old_says_whom_to_ask(database: str) -> None:
    admin, person = await a_viewer("admin"), await a_person()
    (card,) = await issue_cards(admin, [person.id], days=3)
    with time_machine.travel(db.utc_now() + timedelta(days=3, minutes=1)):
        with pytest.raises(
            Gone, match=r"The time of this card is over. Your team lead or an admin makes you a new one"
        ):
            await read_link(card.code)
        with pytest.raises(Gone, match="The time of this card is over"):
            await set_password_by_link(card.code, PASSWORD)


async def test_a_new_card_ends_the_earlier_one(database: str) -> None:
    admin, person = await a_viewer("admin"), await a_person()
    first, link = await the_card(admin, person), await issue_link(admin, person.id)
    with pytest.raises(Gone, match="Perhaps a newer one was made"):
        await read_link(first)
    second = await the_card(admin, person)
    with pytest.raises(Gone):
        await read_link(link)
    assert (await read_link(second)).purpose == "card"


async def test_a_mailed_link_leaves_a_card_alone_until_one_is_used(database: str) -> None:
    admin, person = await a_viewer("admin"), await a_person()
    code = await the_card(admin, person)
    secret = await link_to_mail(person.id)
    assert (await read_link(code)).purpose == "card"
    await set_password_by_link(secret, PASSWORD)
    with pytest.raises(Gone):
        await read_link(code)


async def test_who_is_not_here_any_more_has_no_card(database: str) -> None:
    admin, person = await a_viewer("admin"), await a_person()
    code = await the_card(admin, person)
    await deactivate_person(admin, person.id)
    with pytest.raises(Gone):
        await read_link(code)
    with pytest.raises(NotFound):
        await issue_cards(admin, [person.id])


async def test_all_cards_are_made_or_none(database: str) -> None:
    admin, person = await a_viewer("admin"), await a_person()
    for people, days, error in (
        ([person.id, db.new_id()], 14, NotFound),
        ([], 14, Invalid),
        ([person.id], 90, Invalid),
        ([db.new_id() for _n in range(cards.MOST + 1)], 14, Invalid),
    ):
        with pytest.raises(error):
            await issue_cards(admin, people, days)
    assert await Link.count() == 0


async def test_who_made_a_card_is_noted_without_its_code(database: str) -> None:
    admin, people = await a_viewer("admin"), [await a_person(), await a_person()]
    made = await issue_cards(admin, [person.id for person in people])
    entries = await AuditEntry.select().where(AuditEntry.action == "card_issued")
    assert {UUID(entry["noun_id"]) for entry in entries} == {person.id for person in people}
    assert {entry["actor"] for entry in entries} == {admin.id}
    assert not any(card.code in str(entries) for card in made)


@pytest.mark.parametrize("role", ROLES)
async def test_who_may_make_a_card_for_whom(database: str, role: str) -> None:
    mine, other = await a_team(), await a_team()
    viewer = await a_viewer(role, team=mine)
    people = {
        "agent of the team": await a_person(team=mine),
        "agent elsewhere": await a_person(team=other),
        "another lead": await a_person("team_lead", team=mine),
        "trainer in the team": await a_person(roles=["agent", "trainer"], team=mine),
    }
    allowed = set()
    for who, person in people.items():
        try:
            await issue_cards(viewer, [person.id])
            allowed.add(who)
        except Forbidden:
            pass
    expected = {"admin": set(people), "team_lead": {"agent of the team"}}
    assert allowed == expected.get(role, set())
    with pytest.raises(Forbidden):
        await issue_cards(viewer, [viewer.id])


async def test_a_camera_reads_the_code(database: str) -> None:
    import numpy as np
    import zxingcpp

    admin, person = await a_viewer("admin"), await a_person()
    (card,) = await issue_cards(admin, [person.id])
    address = card.address("https://encore.a-long-name-of-a-centre.example")
    assert address == f"https://encore.a-long-name-of-a-centre.example/c/{card.typed}"
    code = segno.make(address, error="m", micro=False)
    image = 255 - 255 * np.array(list(code.matrix_iter(scale=4, border=4)), dtype=np.uint8)
    assert [found.text for found in zxingcpp.read_barcodes(image)] == [address]
    svg = qr_svg(address)
    assert "style=" not in svg
    assert svg.startswith("<svg")


@pytest.mark.parametrize("typed", ["K7QM-4XWP-9TRD", "k7qm4xwp9trd", " k7qm 4xwp 9trd "])
async def test_a_code_is_known_however_it_is_typed(client: httpx.AsyncClient, typed: str) -> None:
    answer = await client.post("/c", data={"code": typed})
    assert answer.headers["location"] == "/welcome/K7QM4XWP9TRD"


async def test_a_code_of_another_length_is_asked_for_again(client: httpx.AsyncClient) -> None:
    answer = await client.post("/c", data={"code": "K7QM"})
    assert answer.status_code == 422
    assert "twelve letters and digits" in answer.text


async def test_cards_are_printed_and_followed(
    admin: httpx.AsyncClient, new_client: Any, client: httpx.AsyncClient
) -> None:
    nia = await a_person(name="Nia", employee_no="E-77", team=await a_team("Harbour"))
    wang = await a_person(name="王小明", locale="zh-Hans")
    seen = await a_person(name="Knows the way", password=PASSWORD)
    page = (await admin.get("/people/cards")).text
    assert "Nia" in page
    assert "Knows the way" not in page
    assert str(seen.id) in (await admin.get("/people/cards?show=all")).text
    printed = await admin.post("/people/cards", data={"people": [str(nia.id), str(wang.id)], "days": "7"})
    assert printed.headers["cache-control"] == "no-store"
    assert printed.text.count('<li class="sign-in-card"') == 2
    for words in (
        "Nia",
        "E-77 · Harbour",
        "127.0.0.1:8000/c",
        "Works once, until",
        "2 sign-in cards",
        'lang="zh-Hans"',
    ):
        assert words in printed.text
    typed = re.findall(r'sign-in-card-code">([^<]+)<', printed.text)[0]
    async with new_client() as phone:
        followed = await phone.get(f"/c/{typed}")
        address = followed.headers["location"]
        assert "Welcome, Nia" in (await phone.get(address)).text
        done = await phone.post(address, data={"password": PASSWORD})
        assert done.status_code == 303
        assert "set-cookie" in done.headers
        over = await phone.get(address)
        assert over.status_code == 410
        assert "This card was used already." in over.text
    async with new_client() as another:
        late = await another.post(address, data={"password": PASSWORD})
        assert late.status_code == 410
    assert "Nia" not in (await admin.get("/people/cards")).text


async def test_nobody_chosen_is_said_at_the_list(admin: httpx.AsyncClient) -> None:
    await a_person()
    answer = await admin.post("/people/cards", data={"days": "7", "show": "unseen"})
    assert answer.status_code == 422
    assert "Choose at least one person." in answer.text


async def test_a_lead_makes_a_card_from_the_persons_page(client: httpx.AsyncClient, sign_in: SignIn) -> None:
    team = await a_team()
    await sign_in(client, await a_person("team_lead", team=team))
    mine, other = await a_person(team=team), await a_person()
    assert "Make sign-in card" in (await client.get(f"/people/{mine.id}")).text
    assert "Make sign-in card" not in (await client.get(f"/people/{other.id}")).text
    assert "sign-in-card-code" in (await client.post(f"/people/{mine.id}/card")).text
    assert (await client.post(f"/people/{other.id}/card")).status_code == 403
    assert (await client.get("/people/cards")).status_code == 403
    assert (await client.post("/people/cards", data={"people": str(mine.id), "days": "7"})).status_code == 403


async def test_the_filter_lists_who_never_signed_in(admin: httpx.AsyncClient) -> None:
    await a_person(name="Not yet")
    await a_person(name="Long since", password=PASSWORD)
    page = (await admin.get("/people?show=unseen")).text
    assert "Not yet" in page
    assert "Long since" not in page
    alone = (await admin.get("/people?show=alone")).text
    assert "Long since" in alone


# Mail is asked for by an event; whether one goes out is the business of the room of notices


@pytest.fixture
def wanted(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    published: list[dict[str, Any]] = []

    async def note(event: str, data: Any) -> None:
        if event == "link_wanted":
            published.append(dict(data))

    monkeypatch.setattr(jobs, "publish", note)
    return published


async def test_inviting_asks_for_a_mail_when_there_is_an_address(
    admin: httpx.AsyncClient, wanted: list[dict[str, Any]]
) -> None:
    with_mail = await a_person()
    await admin.post(f"/people/{with_mail.id}/link")
    assert wanted == [{"person": str(with_mail.id), "purpose": "invitation"}]
    wanted.clear()
    form = {"name": "No Mail", "employee_no": "E1", "roles": "agent", "locale": "en", "revision": "0"}
    assert "No Mail" in (await admin.post("/people/new", data=form)).text
    assert wanted == []
    body = {"name": "By API", "email": "api@b.c"}
    assert (await admin.post("/api/v1/people", json=body)).status_code == 201
    assert [event["purpose"] for event in wanted] == ["invitation"]


async def test_forgetting_says_nothing_about_who_has_an_account(
    client: httpx.AsyncClient, wanted: list[dict[str, Any]]
) -> None:
    known = await a_person(email="nia@b.c", password=PASSWORD)
    await a_person(email=None, employee_no="E5", password=PASSWORD)
    pages = {
        (await client.post("/forgot", data={"identifier": who})).text for who in ("nia@b.c", "nobody@b.c", "")
    }
    assert len(pages) == 1
    assert wanted == [{"person": str(known.id), "purpose": "reset"}]


async def test_nobodys_mailbox_is_flooded(client: httpx.AsyncClient, wanted: list[dict[str, Any]]) -> None:
    await a_person(email="nia@b.c", password=PASSWORD)
    for _n in range(6):
        assert (await client.post("/forgot", data={"identifier": " NIA@b.c"})).status_code == 200
    assert len(wanted) == links.MOST_ASKED
    assert await SignInFailure.count() == links.MOST_ASKED
    assert (
        await client.post("/sign-in", data={"identifier": "nia@b.c", "password": PASSWORD})
    ).status_code == 303


async def test_without_mail_nothing_fails_and_no_link_is_lost(admin: httpx.AsyncClient) -> None:
    person = await a_person()
    page = (await admin.post(f"/people/{person.id}/link")).text
    address = page.split('id="f-address" readonly value="')[1].split('"')[0]
    await jobs.drain()
    assert await Job.count().where(Job.state == "failed") == 0
    assert (await admin.get(address)).status_code == 200
    assert "Mail me a link" not in (await admin.get("/forgot")).text


async def test_a_person_in_the_list_keeps_their_rights(database: str) -> None:
    agent = viewer_for(await a_person())
    assert await visible_people(agent, without="password") == []
