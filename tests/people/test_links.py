"""Invitations, password resets and demo links: who makes them, what they open, and that they work once."""

import asyncio
from datetime import timedelta
from typing import Any

import httpx
import pytest
from litestar import Litestar

from tests.factories import PASSWORD, a_person, a_team, a_viewer, viewer_for
from tests.web_fixtures import BASE_URL, SignIn, started
from trainer import db
from trainer.app import create_app
from trainer.people import links
from trainer.people.service import deactivate_person
from trainer.people.tables import AuditEntry, Link, Person, Session
from trainer.problems import Forbidden, Gone, Invalid, NotFound
from trainer.settings import Settings

NEW = "eleven patient otters"


async def test_an_invitation_lets_a_new_colleague_choose_a_password_and_signs_them_in(
    client: httpx.AsyncClient,
) -> None:
    nia = await a_person(name="Nia Adeyemi", email="nia@encore.example")
    secret = await links.issue_link(None, nia.id)
    page = await client.get(f"/welcome/{secret}")
    assert "Welcome, Nia Adeyemi" in page.text
    assert "set-cookie" not in page.headers
    answer = await client.post(f"/welcome/{secret}", data={"password": NEW})
    assert answer.status_code == 303
    assert (await client.get("/account")).status_code == 200
    client.cookies.clear()
    signed_in = await client.post("/sign-in", data={"identifier": "nia@encore.example", "password": NEW})
    assert signed_in.status_code == 303


async def test_looking_at_a_link_does_not_use_it_up(client: httpx.AsyncClient) -> None:
    secret = await links.issue_link(None, (await a_person()).id)
    for _visit in range(3):
        assert (await client.get(f"/welcome/{secret}")).status_code == 200
    assert (await client.post(f"/welcome/{secret}", data={"password": NEW})).status_code == 303


async def test_a_weak_password_is_refused_in_words_and_the_link_stays_usable(
    client: httpx.AsyncClient,
) -> None:
    secret = await links.issue_link(None, (await a_person()).id)
    answer = await client.post(f"/welcome/{secret}", data={"password": "short"})
    assert answer.status_code == 422
    assert "at least 10 characters" in answer.text
    assert (await client.post(f"/welcome/{secret}", data={"password": NEW})).status_code == 303


async def test_a_link_works_once(client: httpx.AsyncClient) -> None:
    secret = await links.issue_link(None, (await a_person(password=PASSWORD)).id)
    await client.post(f"/welcome/{secret}", data={"password": NEW})
    client.cookies.clear()
    again = await client.post(f"/welcome/{secret}", data={"password": "another good secret"})
    assert again.status_code == 410
    assert "Used already" in again.text
    assert (await client.get(f"/welcome/{secret}")).status_code == 410


async def test_two_who_follow_a_link_at_the_same_moment_do_not_both_get_in(database: str) -> None:
    mina = await a_person()
    secret = await links.issue_link(None, mina.id)

    async def follow(password: str) -> bool:
        try:
            await links.set_password_by_link(secret, password)
        except Gone:
            return False
        return True

    came_in = await asyncio.gather(*(follow(f"{NEW} {n}") for n in range(6)))
    assert came_in.count(True) == 1


async def test_a_link_that_another_process_used_a_moment_ago_is_over(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    mina = await a_person()
    secret = await links.issue_link(None, mina.id)
    hashing = links.hash_password

    async def slowly(password: str) -> str:
        await db.fetch("UPDATE link SET used_at = {}", db.utc_now())
        return await hashing(password)

    monkeypatch.setattr(links, "hash_password", slowly)
    with pytest.raises(Gone):
        await links.set_password_by_link(secret, NEW)
    row = await Person.select(Person.password_hash).where(Person.id == mina.id).first()
    assert row == {"password_hash": None}


@pytest.mark.parametrize(("has_password", "life"), [(False, timedelta(days=7)), (True, timedelta(hours=24))])
async def test_links_end_after_their_time(
    client: httpx.AsyncClient, has_password: bool, life: timedelta
) -> None:
    mina = await a_person(password=PASSWORD if has_password else None)
    secret = await links.issue_link(None, mina.id)
    row = await Link.select().first()
    assert row is not None
    assert row["expires_at"] - row["created_at"] == life
    assert (await client.get(f"/welcome/{secret}")).status_code == 200
    await Link.update({Link.expires_at: db.utc_now() - timedelta(seconds=1)}, force=True)
    assert (await client.get(f"/welcome/{secret}")).status_code == 410
    assert (await client.post(f"/welcome/{secret}", data={"password": NEW})).status_code == 410


async def test_a_newer_link_replaces_the_older_one(client: httpx.AsyncClient) -> None:
    mina = await a_person()
    older, newer = await links.issue_link(None, mina.id), await links.issue_link(None, mina.id)
    assert (await client.get(f"/welcome/{older}")).status_code == 410
    assert (await client.get(f"/welcome/{newer}")).status_code == 200


async def test_an_unknown_link_is_over_and_nothing_else(client: httpx.AsyncClient) -> None:
    answer = await client.get("/welcome/never-made")
    assert answer.status_code == 410
    assert "This does not work any more" in answer.text


async def test_a_reset_ends_every_older_session(
    client: httpx.AsyncClient, new_client: Any, sign_in: SignIn
) -> None:
    mina = await a_person(password=PASSWORD)
    await sign_in(client, mina)
    secret = await links.issue_link(None, mina.id)
    async with new_client() as phone:
        await phone.post(f"/welcome/{secret}", data={"password": NEW})
        assert (await phone.get("/account")).status_code == 200
    assert (await client.get("/account")).status_code == 303
    assert await Session.count().where(Session.person == mina.id) == 1


async def test_the_link_of_somebody_who_left_opens_nothing(client: httpx.AsyncClient) -> None:
    mina = await a_person()
    secret = await links.issue_link(None, mina.id)
    await deactivate_person(await a_viewer("admin"), mina.id)
    assert (await client.get(f"/welcome/{secret}")).status_code == 410
    with pytest.raises(NotFound):
        await links.issue_link(None, mina.id)


async def test_admins_make_links_for_all_and_leads_for_the_agents_of_their_team(database: str) -> None:
    team, other = await a_team(), await a_team()
    agent = await a_person("agent", team=team)
    stranger = await a_person("agent", team=other)
    promoted = await a_person(roles=["agent", "admin"], team=team)
    lead = await a_viewer("team_lead", team=team)
    await links.issue_link(lead, agent.id)
    await links.issue_link(await a_viewer("admin"), stranger.id)
    for who, whom in (
        (lead, stranger),
        (lead, promoted),
        (viewer_for(agent), stranger),
        (viewer_for(agent), agent),
        (await a_viewer("trainer", team=team), agent),
        (await a_viewer("manager", team=team), agent),
        (await a_viewer("qa_analyst", team=team), agent),
        (await a_viewer("team_lead"), await a_person("agent")),
    ):
        with pytest.raises(Forbidden):
            await links.issue_link(who, whom.id)


async def test_nobody_resets_their_own_password_without_knowing_it(database: str) -> None:
    admin = await a_viewer("admin")
    with pytest.raises(Forbidden):
        await links.issue_link(admin, admin.id)


async def test_secrets_are_kept_as_hashes_and_uses_are_in_the_audit_log(database: str) -> None:
    mina = await a_person()
    secret = await links.issue_link(None, mina.id)
    row = await Link.select().first()
    assert row is not None
    assert secret not in str(row)
    await links.set_password_by_link(secret, NEW)
    entries = await AuditEntry.select().order_by(AuditEntry.at)
    assert [entry["action"] for entry in entries][-2:] == ["invitation_issued", "invitation_followed"]
    assert entries[-1]["actor"] == mina.id
    assert secret not in str(entries)
    person = await Person.select(Person.password_hash).first()
    assert person is not None
    assert person["password_hash"].startswith("$argon2id$")


async def test_a_password_made_of_ones_own_name_is_refused(database: str) -> None:
    mina = await a_person(name="Mina Rahimi", email="mina.rahimi@encore.example")
    secret = await links.issue_link(None, mina.id)
    for weak in ("minarahimi12", "Mina Rahimi!", "password1234", "aaaaaaaaaaaa", "1234567890", "a" * 201):
        with pytest.raises(Invalid):
            await links.set_password_by_link(secret, weak)
    await links.set_password_by_link(secret, "mina counts four herons")


# One-click links of the sample centre


async def test_a_demo_link_does_not_exist_outside_a_demo(client: httpx.AsyncClient) -> None:
    secret = await links.issue_demo_link((await a_person()).id)
    assert (await client.get(f"/demo/{secret}")).status_code == 404
    assert (await client.get(f"/welcome/{secret}")).status_code == 410
    assert (await client.post(f"/welcome/{secret}", data={"password": NEW})).status_code == 410


@pytest.fixture
def demo_app(settings: Settings) -> Litestar:
    return create_app(settings, demo=True)


async def test_a_demo_link_signs_in_as_often_as_it_is_clicked(demo_app: Litestar) -> None:
    async with started(demo_app):
        mina = await a_person("trainer", name="Mina")
        secret = await links.issue_demo_link(mina.id)
        transport = httpx.ASGITransport(app=demo_app, client=("127.0.0.1", 5))
        async with httpx.AsyncClient(transport=transport, base_url=BASE_URL) as client:
            for _click in range(2):
                answer = await client.get(f"/demo/{secret}")
                assert answer.status_code == 303
                assert "encore=" in answer.headers["set-cookie"]
                assert (await client.get("/account")).status_code == 200
            assert await Session.count() == 1, "the browser's earlier session ends"


@pytest.mark.parametrize(
    ("address", "headers"),
    [
        ("192.0.2.9", {}),
        ("127.0.0.1", {"X-Forwarded-For": "192.0.2.9"}),
        ("::1", {"Forwarded": "for=192.0.2.9"}),
    ],
)
async def test_a_demo_link_answers_this_machine_alone(
    demo_app: Litestar, address: str, headers: dict[str, str]
) -> None:
    async with started(demo_app):
        secret = await links.issue_demo_link((await a_person()).id)
        transport = httpx.ASGITransport(app=demo_app, client=(address, 5))
        async with httpx.AsyncClient(transport=transport, base_url=BASE_URL, headers=headers) as client:
            answer = await client.get(f"/demo/{secret}")
            assert answer.status_code == 404
            assert "set-cookie" not in answer.headers


async def test_an_invitation_is_no_demo_link(demo_app: Litestar) -> None:
    async with started(demo_app):
        secret = await links.issue_link(None, (await a_person()).id)
        transport = httpx.ASGITransport(app=demo_app, client=("127.0.0.1", 5))
        async with httpx.AsyncClient(transport=transport, base_url=BASE_URL) as client:
            assert (await client.get(f"/demo/{secret}")).status_code == 410
