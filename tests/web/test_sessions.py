"""The cookie of a signed-in browser: its flags, what is stored of it, and what nonsense in it does."""

import httpx
import pytest
from litestar import Litestar

from tests.factories import PASSWORD, a_person
from tests.web_fixtures import SignIn, give_cookie
from trainer.people.tables import Person, Session
from trainer.settings import Settings
from trainer.web.session import Viewer, cookie_name, ended_cookie, hash_secret, session_cookie

RIGHT = {"identifier": "mina@encore.example", "password": PASSWORD}


@pytest.fixture(params=["sqlite"])
def engine(request: pytest.FixtureRequest) -> str:
    """Nothing here depends on the database engine."""
    return str(request.param)


async def test_over_plain_http_scripts_and_other_sites_do_not_get_the_cookie(
    client: httpx.AsyncClient,
) -> None:
    await a_person(email="mina@encore.example", password=PASSWORD)
    cookie = (await client.post("/sign-in", data=RIGHT)).headers["set-cookie"]
    name, flags = cookie.split("=", 1)
    assert name == "encore"
    parts = flags.split("; ")
    assert {"HttpOnly", "SameSite=Lax", "Path=/", "Max-Age=1209600"} <= set(parts)
    assert "Secure" not in parts


class TestOverHttps:
    @pytest.fixture
    def settings(self, settings: Settings) -> Settings:
        return settings.model_copy(update={"base_url": "https://encore.example", "session_days": 3})

    async def test_the_cookie_is_bound_to_the_host_and_never_sent_in_the_open(
        self, client: httpx.AsyncClient
    ) -> None:
        await a_person(email="mina@encore.example", password=PASSWORD)
        answer = await client.post("/sign-in", data=RIGHT)
        name, flags = answer.headers["set-cookie"].split("=", 1)
        assert name == "__Host-encore"
        assert {"HttpOnly", "SameSite=Lax", "Secure", "Path=/", "Max-Age=259200"} <= set(flags.split("; "))
        assert "Domain" not in flags
        assert (await client.get("/account")).status_code == 200
        assert answer.headers["strict-transport-security"] == "max-age=31536000"

    async def test_a_cookie_of_the_plain_name_is_not_looked_at(
        self, app: Litestar, client: httpx.AsyncClient
    ) -> None:
        secret = await app.state.sessions.start((await a_person()).id, device="")
        give_cookie(client, secret, secure=False)
        assert (await client.get("/account")).status_code == 303


async def test_the_database_holds_no_secret_that_opens_a_session(
    app: Litestar, client: httpx.AsyncClient, sign_in: SignIn
) -> None:
    await sign_in(client, await a_person())
    secret = client.cookies["encore"]
    row = await Session.select().first()
    assert row is not None
    assert secret not in str(row)
    assert row["secret_hash"] == hash_secret(secret)
    assert len(secret) >= 43, "32 random bytes"
    assert await app.state.sessions.load(row["secret_hash"]) is None


async def test_a_session_left_over_of_somebody_inactive_opens_nothing(
    client: httpx.AsyncClient, sign_in: SignIn
) -> None:
    person = await a_person()
    await sign_in(client, person)
    await Person.update({Person.active: False}).where(Person.id == person.id)
    assert (await client.get("/account")).status_code == 303


@pytest.mark.parametrize(
    "cookie",
    [
        "encore=",
        "encore=unknown",
        'encore="a\\"b',
        "encore=a; encore=b",
        "encore=\u00e9",
        "encore",
        ";;encore==",
        "x=encore",
    ],
)
async def test_nonsense_in_a_cookie_is_a_visitor(client: httpx.AsyncClient, cookie: str) -> None:
    answer = await client.get("/account", headers={"Cookie": cookie.encode("latin-1")})
    assert answer.status_code == 303


async def test_other_cookies_do_not_hide_ours(client: httpx.AsyncClient, sign_in: SignIn) -> None:
    await sign_in(client, await a_person())
    secret = client.cookies["encore"]
    client.cookies.clear()
    for header in (
        f"a=b; encore={secret}; c=d",
        f'json={{"x":"y"}}; encore={secret}',
        f"a:b=1; encore={secret}",
    ):
        answer = await client.get("/account", headers={"Cookie": header})
        assert answer.status_code == 200, header


def test_forgetting_uses_the_same_name_and_path() -> None:
    for secure in (False, True):
        made, ended = session_cookie("s", secure=secure, days=1), ended_cookie(secure=secure)
        assert made.split("=")[0] == ended.split("=")[0] == cookie_name(secure)
        assert "Path=/" in ended
        assert ("Secure" in ended) is secure


def test_a_scope_to_write_includes_reading_and_nothing_else() -> None:
    from uuid import uuid4

    def viewer(*scopes: str) -> Viewer:
        names = frozenset(scopes)
        return Viewer(uuid4(), "A", frozenset({"agent"}), None, None, "en", "", scopes=names)

    assert viewer("clips:write").may_use("clips:read")
    assert not viewer("clips:read").may_use("clips:write")
    assert not viewer("clips:write").may_use("rules:read")
    assert viewer("all").may_use("anything:write")
    assert not viewer().may_use("clips:read")
    assert not viewer("clips").may_use("clips:read")
    assert not viewer("clips:write").may_use("clips:erase")
    assert Viewer(uuid4(), "A", frozenset(), None, None, "en", "").may_use("clips:write"), "a browser"
