"""Signing in by password: who gets in, who does not, and what the browser is given."""

import asyncio
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import httpx
import pytest
from litestar import Litestar

from tests.factories import PASSWORD, a_person
from tests.web_fixtures import SignIn, give_cookie
from trainer import db
from trainer.people import passwords, signing_in
from trainer.people.service import deactivate_person
from trainer.people.tables import AuditEntry, Person, Session, SignInFailure

WRONG = {"identifier": "mina@encore.example", "password": "not my password"}
RIGHT = {"identifier": "mina@encore.example", "password": PASSWORD}


async def test_a_person_signs_in_by_e_mail_whatever_its_case(client: httpx.AsyncClient) -> None:
    await a_person(email="mina@encore.example", password=PASSWORD)
    answer = await client.post("/sign-in", data={**RIGHT, "identifier": " Mina@Encore.example "})
    assert answer.status_code == 303
    assert answer.headers["location"] == "/"
    assert (await client.get("/sign-in")).status_code == 303
    assert (await client.get("/account")).status_code == 200


async def test_a_person_without_e_mail_signs_in_by_employee_number(client: httpx.AsyncClient) -> None:
    await a_person(employee_no="E-104", password=PASSWORD)
    answer = await client.post("/sign-in", data={"identifier": "E-104", "password": PASSWORD})
    assert answer.status_code == 303


async def test_blanks_belong_to_a_password(client: httpx.AsyncClient) -> None:
    await a_person(email="mina@encore.example", password=f" {PASSWORD} ")
    assert (await client.post("/sign-in", data=RIGHT)).status_code == 422
    assert (await client.post("/sign-in", data={**RIGHT, "password": f" {PASSWORD} "})).status_code == 303


async def test_the_answer_to_a_wrong_password_and_to_an_unknown_account_is_the_same(
    client: httpx.AsyncClient,
) -> None:
    await a_person(email="mina@encore.example", password=PASSWORD)
    await a_person(email="new@encore.example")
    answers = [
        await client.post("/sign-in", data={"identifier": who, "password": "not my password"})
        for who in ("mina@encore.example", "nobody@encore.example", "new@encore.example")
    ]
    assert [answer.status_code for answer in answers] == [422, 422, 422]
    texts = {answer.text.replace("nobody", "mina").replace("new@", "mina@") for answer in answers}
    assert len(texts) == 1
    assert "do not belong together" in texts.pop()
    assert all("set-cookie" not in answer.headers for answer in answers)


async def test_an_unknown_account_costs_the_same_work_as_a_known_one(
    client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    compared: list[str] = []
    verify = passwords._verify

    def counting(stored: str, password: str) -> bool:
        compared.append(stored)
        return verify(stored, password)

    monkeypatch.setattr(passwords, "_verify", counting)
    await a_person(email="new@encore.example")
    for who in ("nobody@encore.example", "4711", "new@encore.example"):
        await client.post("/sign-in", data={"identifier": who, "password": "whatever it is"})
    assert compared == [passwords.NOBODY] * 3
    assert not passwords.needs_rehash(passwords.NOBODY), "it must cost what today's hashes cost"


async def test_a_deactivated_person_does_not_get_in_and_is_thrown_out(
    client: httpx.AsyncClient, sign_in: SignIn
) -> None:
    from tests.factories import a_viewer

    mina = await a_person(email="mina@encore.example", password=PASSWORD)
    await sign_in(client, mina)
    assert (await client.get("/account")).status_code == 200
    await deactivate_person(await a_viewer("admin"), mina.id)
    assert (await client.get("/account")).headers["location"] == "/sign-in?next=/account"
    assert (await client.post("/sign-in", data=RIGHT)).status_code == 422


async def test_signing_in_always_makes_a_new_session_and_ends_the_browsers_old_one(
    client: httpx.AsyncClient,
) -> None:
    mina = await a_person(email="mina@encore.example", password=PASSWORD)
    give_cookie(client, "planted-by-somebody-else")
    await client.post("/sign-in", data=RIGHT)
    first = client.cookies["encore"]
    assert first != "planted-by-somebody-else"
    assert await Session.count().where(Session.person == mina.id) == 1
    form = (await client.get("/account")).text
    token = form.split('name="csrf-token" content="')[1].split('"')[0]
    await client.post("/sign-in", data={**RIGHT, "_csrf": token})
    assert client.cookies["encore"] != first
    assert await Session.count().where(Session.person == mina.id) == 1
    give_cookie(client, first)
    assert (await client.get("/account")).status_code == 303, "the old session must be over"


async def test_a_visitor_gets_no_cookie_and_costs_no_query(
    client: httpx.AsyncClient, count_queries: Callable[[], Any]
) -> None:
    with count_queries() as counted:
        answer = await client.get("/sign-in")
    assert answer.status_code == 200
    assert "set-cookie" not in answer.headers
    assert counted.statements == []


async def test_a_sign_in_leads_to_where_the_visitor_wanted_to_go(client: httpx.AsyncClient) -> None:
    await a_person(email="mina@encore.example", password=PASSWORD)
    refused = await client.get("/people?q=lin")
    assert refused.headers["location"] == "/sign-in?next=/people%3Fq%3Dlin"
    page = await client.get(refused.headers["location"])
    assert 'name="next" value="/people?q=lin"' in page.text
    answer = await client.post("/sign-in", data={**RIGHT, "next": "/people?q=lin"})
    assert answer.headers["location"] == "/people?q=lin"


@pytest.mark.parametrize(
    "elsewhere",
    [
        "https://evil.example/",
        "//evil.example/x",
        "/\\evil.example",
        "\\\\evil.example",
        "/\t/evil.example",
        "javascript:alert(1)",
        "evil.example",
        "",
        "/sign-out",
        "/welcome/abc",
        "/people\r\nSet-Cookie: a=b",
        "http:/evil.example",
        "///evil.example",
    ],
)
async def test_a_sign_in_never_leads_to_another_site(client: httpx.AsyncClient, elsewhere: str) -> None:
    await a_person(email="mina@encore.example", password=PASSWORD)
    answer = await client.post("/sign-in", data={**RIGHT, "next": elsewhere})
    assert answer.headers["location"] == "/"


async def test_five_wrong_tries_close_an_account_for_a_while(client: httpx.AsyncClient) -> None:
    await a_person(email="mina@encore.example", password=PASSWORD)
    for _try in range(signing_in.MOST_PER_ACCOUNT):
        assert (await client.post("/sign-in", data=WRONG)).status_code == 422
    closed = await client.post("/sign-in", data=RIGHT)
    assert closed.status_code == 429
    assert 0 < int(closed.headers["retry-after"]) <= 15 * 60 + 1
    assert "Please wait 15 minutes" in closed.text
    others = await client.post("/sign-in", data={**WRONG, "identifier": "somebody@encore.example"})
    assert others.status_code == 422, "others are not kept out"
    await SignInFailure.update({SignInFailure.at: db.utc_now() - timedelta(minutes=16)}, force=True)
    assert (await client.post("/sign-in", data=RIGHT)).status_code == 303


async def test_an_unknown_account_is_closed_in_the_same_way(client: httpx.AsyncClient) -> None:
    tries = [
        (await client.post("/sign-in", data={**WRONG, "identifier": "nobody@encore.example"})).status_code
        for _try in range(6)
    ]
    assert tries == [422] * 5 + [429]


async def test_a_right_password_forgets_the_wrong_tries_before_it(client: httpx.AsyncClient) -> None:
    await a_person(email="mina@encore.example", password=PASSWORD)
    for _try in range(signing_in.MOST_PER_ACCOUNT - 1):
        await client.post("/sign-in", data=WRONG)
    assert (await client.post("/sign-in", data=RIGHT)).status_code == 303
    assert await SignInFailure.count() == 0


async def test_tries_at_the_same_moment_count_too(client: httpx.AsyncClient) -> None:
    await a_person(email="mina@encore.example", password=PASSWORD)
    answers = await asyncio.gather(*(client.post("/sign-in", data=WRONG) for _n in range(12)))
    statuses = sorted(answer.status_code for answer in answers)
    assert statuses == [422] * 5 + [429] * 7


async def test_guessing_at_many_accounts_from_one_place_is_slowed(
    client: httpx.AsyncClient, new_client: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(signing_in, "MOST_PER_ORIGIN", 6)
    await a_person(email="mina@encore.example", password=PASSWORD)
    for n in range(6):
        await client.post("/sign-in", data={"identifier": f"{n}@encore.example", "password": "guess guess"})
    assert (await client.post("/sign-in", data=RIGHT)).status_code == 429
    async with new_client("192.0.2.7") as elsewhere:
        assert (await elsewhere.post("/sign-in", data=RIGHT)).status_code == 303


def test_one_machine_with_many_ipv6_addresses_is_one_origin() -> None:
    assert signing_in._network("2001:db8::1") == signing_in._network("2001:db8::ffff:2")
    assert signing_in._network("2001:db8::1") != signing_in._network("2001:db8:0:1::1")
    assert signing_in._network("192.0.2.1") != signing_in._network("192.0.2.2")
    assert signing_in._network("") == ""


async def test_a_password_changed_during_a_sign_in_wins(
    app: Litestar, monkeypatch: pytest.MonkeyPatch
) -> None:
    mina = await a_person(email="mina@encore.example", password=PASSWORD)
    verify = signing_in.verify_password

    async def meanwhile(stored: str | None, password: str) -> bool:
        right = await verify(stored, password)
        await Person.update({Person.password_hash: "changed"}).where(Person.id == mina.id)
        return right

    monkeypatch.setattr(signing_in, "verify_password", meanwhile)
    from trainer.problems import Invalid

    with pytest.raises(Invalid):
        await signing_in.sign_in(
            app.state.sessions, "mina@encore.example", PASSWORD, origin="192.0.2.1", device=""
        )
    assert await Session.count() == 0


async def test_a_hash_of_older_costs_is_renewed_at_sign_in(client: httpx.AsyncClient) -> None:
    from argon2 import PasswordHasher

    mina = await a_person(email="mina@encore.example")
    old = PasswordHasher(time_cost=1, memory_cost=8192, parallelism=1).hash(PASSWORD)
    await Person.update({Person.password_hash: old}).where(Person.id == mina.id)
    assert (await client.post("/sign-in", data=RIGHT)).status_code == 303
    row = await Person.select(Person.password_hash).where(Person.id == mina.id).first()
    assert row is not None
    assert row["password_hash"] != old
    assert not passwords.needs_rehash(row["password_hash"])


async def test_a_sign_in_is_in_the_audit_log(client: httpx.AsyncClient) -> None:
    mina = await a_person(email="mina@encore.example", password=PASSWORD)
    await client.post("/sign-in", data=RIGHT)
    row = await AuditEntry.select().where(AuditEntry.action == "signed_in").first()
    assert row is not None
    assert row["actor"] == mina.id


async def test_signing_out_ends_the_session_and_forgets_the_cookie(
    client: httpx.AsyncClient, sign_in: SignIn
) -> None:
    mina = await a_person()
    await sign_in(client, mina)
    cookie = client.cookies["encore"]
    answer = await client.post("/sign-out")
    assert answer.headers["location"] == "/sign-in"
    assert "Max-Age=0" in answer.headers["set-cookie"]
    give_cookie(client, cookie)
    assert (await client.get("/account")).status_code == 303
    assert await Session.count() == 0


async def test_a_get_request_does_not_sign_out(client: httpx.AsyncClient, sign_in: SignIn) -> None:
    await sign_in(client, await a_person())
    assert (await client.get("/sign-out")).status_code == 405
    assert (await client.get("/account")).status_code == 200


async def test_signing_out_everywhere_ends_every_browser_of_the_person_and_nobody_elses(
    client: httpx.AsyncClient, new_client: Any, sign_in: SignIn
) -> None:
    mina, other = await a_person(), await a_person()
    async with new_client() as phone, new_client() as colleague:
        for browser, person in ((client, mina), (phone, mina), (colleague, other)):
            await sign_in(browser, person)
        assert (await client.post("/sign-out-everywhere")).status_code == 303
        assert (await phone.get("/account")).status_code == 303
        assert (await colleague.get("/account")).status_code == 200


async def test_a_session_is_written_once_a_day_at_most(
    client: httpx.AsyncClient, sign_in: SignIn, count_queries: Callable[[], Any]
) -> None:
    await sign_in(client, await a_person())
    with count_queries() as counted:
        await client.get("/forgot")
        await client.get("/forgot")
    assert counted.count == 2
    assert not [sql for sql in counted.statements if not sql.lstrip().startswith("SELECT")]
    await Session.update({Session.seen_on: (db.utc_now() - timedelta(days=1)).date()}, force=True)
    with count_queries() as counted:
        await client.get("/forgot")
        await client.get("/forgot")
    assert len([sql for sql in counted.statements if sql.lstrip().startswith("UPDATE")]) == 1


async def test_a_session_without_visits_ends(client: httpx.AsyncClient, sign_in: SignIn) -> None:
    from trainer import jobs

    await sign_in(client, await a_person())
    await Session.update({Session.expires_at: db.utc_now() - timedelta(seconds=1)}, force=True)
    assert (await client.get("/account")).status_code == 303
    await jobs.drain(db.utc_now() + timedelta(days=1))
    assert await Session.count() == 0


async def test_who_forgot_a_password_is_told_whom_to_ask(client: httpx.AsyncClient) -> None:
    answer = await client.get("/forgot")
    assert answer.status_code == 200
    assert "Ask your team lead or an admin" in answer.text
