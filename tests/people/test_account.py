"""One's own account page: profile, colours, password, browsers and tokens."""

from collections.abc import Callable
from typing import Any

import httpx
import pytest

from tests.factories import PASSWORD, a_person
from tests.web_fixtures import SignIn
from trainer.people.service import get_person
from trainer.people.tables import Session, Token

NEW = "eleven patient otters"
PROFILE = {
    "name": "Lin Xia",
    "locale": "en",
    "time_zone": "Europe/Lisbon",
    "birthday_month": "02",
    "birthday_day": "29",
    "birthday_scope": "team",
    "leap_day": "03-01",
}


async def test_a_person_changes_name_language_zone_and_birthday(
    client: httpx.AsyncClient, sign_in: SignIn
) -> None:
    lin = await a_person()
    await sign_in(client, lin)
    answer = await client.post("/account", data=PROFILE)
    assert answer.headers["location"] == "/account?done=profile"
    page = await client.get("/account?done=profile")
    assert "Saved." in page.text
    saved = await get_person(lin.id)
    assert (saved.name, saved.time_zone, saved.birthday) == ("Lin Xia", "Europe/Lisbon", "02-29")
    assert (saved.birthday_scope, saved.leap_day) == ("team", "03-01")


async def test_nobody_is_congratulated_without_having_said_so(database: str) -> None:
    lin = await a_person(birthday="06-09")
    assert lin.birthday_scope == "nobody"


async def test_the_page_asks_for_no_year_of_birth(client: httpx.AsyncClient, sign_in: SignIn) -> None:
    await sign_in(client, await a_person())
    page = (await client.get("/account")).text
    assert 'name="birthday_month"' in page
    assert "birthday_year" not in page
    assert 'type="date"' not in page


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"birthday_month": "02", "birthday_day": "30"}, "month and day"),
        ({"birthday_month": "02", "birthday_day": ""}, "both month and day"),
        ({"name": "  "}, "Please fill this in."),
        ({"time_zone": "Atlantis/Centre"}, "no time zone of this name"),
        ({"locale": "xx"}, "Please choose one of these"),
        ({"birthday_scope": "world"}, "Please choose one of these"),
    ],
)
async def test_a_wrong_field_is_named_and_what_was_typed_is_kept(
    client: httpx.AsyncClient, sign_in: SignIn, wrong: dict[str, str], words: str
) -> None:
    lin = await a_person(name="Before")
    await sign_in(client, lin)
    answer = await client.post("/account", data={**PROFILE, "name": "Typed Name", **wrong})
    assert answer.status_code == 422
    assert words in answer.text
    assert 'value="Typed Name"' in answer.text or "name" in wrong
    assert (await get_person(lin.id)).name == "Before"


async def test_the_chosen_language_is_the_pages(client: httpx.AsyncClient, sign_in: SignIn) -> None:
    await sign_in(client, await a_person())
    await client.post("/account", data={**PROFILE, "locale": "zh-Hans"})
    assert '<html lang="zh-Hans"' in (await client.get("/account")).text


async def test_the_theme_is_kept(client: httpx.AsyncClient, sign_in: SignIn) -> None:
    lin = await a_person()
    await sign_in(client, lin)
    answer = await client.post("/account/theme", data={"theme": "dark"}, headers={"HX-Request": "true"})
    assert (answer.status_code, answer.text) == (204, "")
    assert 'data-theme="dark"' in (await client.get("/people")).text
    assert (await client.post("/account/theme", data={"theme": "neon"})).status_code == 422
    without_script = await client.post("/account/theme", data={"theme": "system"})
    assert without_script.status_code == 303


async def test_changing_the_password_ends_all_other_sessions_and_renews_this_one(
    client: httpx.AsyncClient, new_client: Any, sign_in: SignIn
) -> None:
    lin = await a_person(email="lin@encore.example", password=PASSWORD)
    await sign_in(client, lin)
    before = client.cookies["encore"]
    async with new_client() as phone:
        await sign_in(phone, lin)
        answer = await client.post("/account/password", data={"current": PASSWORD, "password": NEW})
        assert answer.headers["location"] == "/account?done=password"
        assert (await phone.get("/account")).status_code == 303
    assert client.cookies["encore"] != before
    assert (await client.get("/account")).status_code == 200
    assert await Session.count() == 1
    client.cookies.clear()
    del client.headers["X-CSRF-Token"]
    old = await client.post("/sign-in", data={"identifier": "lin@encore.example", "password": PASSWORD})
    new = await client.post("/sign-in", data={"identifier": "lin@encore.example", "password": NEW})
    assert (old.status_code, new.status_code) == (422, 303)


async def test_a_password_change_needs_the_present_one_and_guessing_it_is_slowed(
    client: httpx.AsyncClient, sign_in: SignIn
) -> None:
    await sign_in(client, await a_person(password=PASSWORD))
    for _try in range(5):
        answer = await client.post("/account/password", data={"current": "a guess", "password": NEW})
        assert answer.status_code == 422
        assert "not your present password" in answer.text
    closed = await client.post("/account/password", data={"current": PASSWORD, "password": NEW})
    assert closed.status_code == 429
    assert "retry-after" in closed.headers


async def test_a_weak_new_password_is_refused(client: httpx.AsyncClient, sign_in: SignIn) -> None:
    await sign_in(client, await a_person(password=PASSWORD))
    answer = await client.post("/account/password", data={"current": PASSWORD, "password": "tiny"})
    assert answer.status_code == 422
    assert "at least 10 characters" in answer.text


async def test_one_browser_can_be_signed_out_from_another_but_not_somebody_elses(
    client: httpx.AsyncClient, new_client: Any, sign_in: SignIn
) -> None:
    lin, other = await a_person(), await a_person()
    await sign_in(client, lin)
    async with new_client() as phone, new_client() as colleague:
        await sign_in(phone, lin)
        await sign_in(colleague, other)
        for row in await Session.select():
            if row["person"] == other.id or row["id"] != (await _current(client)):
                await client.post(f"/account/sessions/{row['id']}/end")
        assert (await phone.get("/account")).status_code == 303
        assert (await colleague.get("/account")).status_code == 200
        assert (await client.get("/account")).status_code == 200


async def _current(client: httpx.AsyncClient) -> Any:
    from trainer.web.session import hash_secret

    row = await Session.select().where(Session.secret_hash == hash_secret(client.cookies["encore"])).first()
    assert row is not None
    return row["id"]


async def test_the_list_of_browsers_names_them_in_a_few_words(client: httpx.AsyncClient) -> None:
    await a_person(email="lin@encore.example", password=PASSWORD)
    client.headers["User-Agent"] = (
        "Mozilla/5.0 (Linux; Android 14) AppleWebKit/537.36 Chrome/130.0 Safari/537.36"
    )
    await client.post("/sign-in", data={"identifier": "lin@encore.example", "password": PASSWORD})
    page = (await client.get("/account")).text
    assert "Chrome, Android" in page
    assert "AppleWebKit" not in page


async def test_a_token_is_shown_once_and_works_until_it_is_revoked(
    client: httpx.AsyncClient, new_client: Any, sign_in: SignIn
) -> None:
    lin = await a_person()
    await sign_in(client, lin)
    made = await client.post(
        "/account/tokens", data={"token_name": "Night report", "scopes": ["people:read"], "life": "30"}
    )
    assert made.status_code == 200
    secret = made.text.split('id="f-secret" readonly value="')[1].split('"')[0]
    again = (await client.get("/account")).text
    assert secret not in again
    assert "Night report" in again
    async with new_client(headers={"Authorization": f"Bearer {secret}"}) as program:
        assert (await program.get("/api/v1/me")).json()["id"] == str(lin.id)
        row = await Token.select().first()
        assert row is not None
        assert secret not in str(row)
        assert (await client.post(f"/account/tokens/{row['id']}/revoke")).status_code == 303
        assert (await program.get("/api/v1/me")).status_code == 401


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ({"token_name": "", "scopes": ["all"]}, "Please name the program"),
        ({"token_name": "x"}, "Please choose what the token may do"),
        ({"token_name": "x", "scopes": ["moon:read"]}, "There is no scope moon:read"),
    ],
)
async def test_a_token_needs_a_name_and_known_scopes(
    client: httpx.AsyncClient, sign_in: SignIn, data: dict[str, Any], words: str
) -> None:
    await sign_in(client, await a_person())
    answer = await client.post("/account/tokens", data=data)
    assert answer.status_code == 422
    assert words in answer.text
    assert await Token.count() == 0


async def test_nobody_revokes_somebody_elses_token(client: httpx.AsyncClient, sign_in: SignIn) -> None:
    from trainer.people.tokens import create_token

    other = await a_person()
    await create_token(None, other.id, name="theirs", scopes=["all"])
    row = await Token.select().first()
    assert row is not None
    await sign_in(client, await a_person("admin"))
    assert (await client.post(f"/account/tokens/{row['id']}/revoke")).status_code == 404
    assert await Token.count().where(Token.revoked_at.is_null()) == 1


async def test_the_account_page_costs_at_most_four_queries(
    client: httpx.AsyncClient, sign_in: SignIn, count_queries: Callable[[], Any]
) -> None:
    await sign_in(client, await a_person())
    with count_queries() as counted:
        assert (await client.get("/account")).status_code == 200
    assert counted.count <= 4, counted.statements
