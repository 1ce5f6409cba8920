"""A state-changing request comes from our own page or from a program, and names this centre."""

import re
from typing import Any

import httpx
import pytest

from tests.factories import PASSWORD, a_person
from tests.web_fixtures import SignIn
from trainer.people.tables import Team
from trainer.web.session import csrf_token

TEAM = {"name": "Harbour"}


@pytest.fixture(params=["sqlite"])
def engine(request: pytest.FixtureRequest) -> str:
    """Nothing here depends on the database engine."""
    return str(request.param)


@pytest.fixture
async def admin(client: httpx.AsyncClient, sign_in: SignIn) -> httpx.AsyncClient:
    return await sign_in(client, await a_person("admin"))


async def test_the_pages_own_form_is_accepted(admin: httpx.AsyncClient) -> None:
    plain = admin.headers.pop("X-CSRF-Token")
    tokens = set()
    for _n in range(2):
        found = re.search(r'name="_csrf" value="([0-9a-f]{128})"', (await admin.get("/teams")).text)
        assert found
        tokens.add(found[1])
    assert len(tokens) == 2, "masked anew in each page, as its compressed size would tell"
    assert plain not in "".join(tokens)
    for number, token in enumerate(tokens):
        form = {"name": f"Team {number}", "_csrf": token}
        assert (await admin.post("/teams", data=form)).status_code == 303


async def test_the_header_is_accepted_in_place_of_the_field(admin: httpx.AsyncClient) -> None:
    assert (await admin.post("/teams", data=TEAM)).status_code == 303


async def test_without_proof_nothing_happens(admin: httpx.AsyncClient) -> None:
    del admin.headers["X-CSRF-Token"]
    answer = await admin.post("/teams", data=TEAM)
    assert answer.status_code == 403
    assert "This page was open for too long" in answer.text
    assert await Team.count() == 0


@pytest.mark.parametrize("proof", ["", "wrong", "0" * 64, "0" * 128, "0" * 63, "é"])
async def test_a_wrong_proof_is_none(admin: httpx.AsyncClient, proof: str) -> None:
    del admin.headers["X-CSRF-Token"]
    answer = await admin.post("/teams", data={**TEAM, "_csrf": proof})
    assert answer.status_code == 403
    answer = await admin.post("/teams", data=TEAM, headers={"X-CSRF-Token": proof.encode()})
    assert answer.status_code == 403
    assert await Team.count() == 0


async def test_another_sessions_proof_is_none_even_of_the_same_person(
    app: Any, client: httpx.AsyncClient, new_client: Any, sign_in: SignIn
) -> None:
    person = await a_person("admin")
    async with new_client() as other:
        await sign_in(other, person)
        await sign_in(client, person)
        client.headers["X-CSRF-Token"] = other.headers["X-CSRF-Token"]
    assert (await client.post("/teams", data=TEAM)).status_code == 403


async def test_a_proof_made_with_another_key_is_none(app: Any, admin: httpx.AsyncClient) -> None:
    viewer = await app.state.sessions.load(admin.cookies["encore"])
    admin.headers["X-CSRF-Token"] = csrf_token(b"another key", viewer.session)
    assert (await admin.post("/teams", data=TEAM)).status_code == 403


async def test_the_api_needs_the_proof_from_a_browser_too(admin: httpx.AsyncClient) -> None:
    assert (await admin.post("/api/v1/teams", json=TEAM)).status_code == 201
    del admin.headers["X-CSRF-Token"]
    refused = await admin.post("/api/v1/teams", json={"name": "Other", "_csrf": "x"})
    assert refused.status_code == 403
    assert refused.json()["type"] == "/problems/csrf"


async def test_patch_and_delete_need_it_as_well(admin: httpx.AsyncClient) -> None:
    person = await a_person()
    del admin.headers["X-CSRF-Token"]
    headers = {"If-Match": "*"}
    answer = await admin.patch(f"/api/v1/people/{person.id}", json={"name": "X"}, headers=headers)
    assert answer.status_code == 403


async def test_a_large_upload_without_proof_is_refused_unread(admin: httpx.AsyncClient) -> None:
    """The field of a multipart form is not looked for: that would read gigabytes for anybody."""
    token = admin.headers.pop("X-CSRF-Token")
    answer = await admin.post("/teams", data={"_csrf": token, **TEAM}, files={"audio": b"x"})
    assert answer.status_code == 403


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1:9999"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
)
async def test_another_site_cannot_sign_somebody_in_or_act_for_them(
    client: httpx.AsyncClient, sign_in: SignIn, headers: dict[str, str]
) -> None:
    person = await a_person("admin", email="mina@encore.example", password=PASSWORD)
    data = {"identifier": "mina@encore.example", "password": PASSWORD}
    refused = await client.post("/sign-in", data=data, headers=headers)
    assert refused.status_code == 403
    assert "set-cookie" not in refused.headers
    await sign_in(client, person)
    assert (await client.post("/teams", data=TEAM, headers=headers)).status_code == 403
    own = {"Origin": "http://127.0.0.1:8000", "Sec-Fetch-Site": "same-origin"}
    assert (await client.post("/teams", data=TEAM, headers=own)).status_code == 303


@pytest.mark.parametrize(
    ("host", "known"),
    [
        ("127.0.0.1:8000", True),
        ("localhost:4000", True),
        ("[::1]:8000", True),
        ("LOCALHOST", True),
        ("evil.example", False),
        ("127.0.0.1.evil.example", False),
        ("localhost@evil.example", False),
        ("[::1", False),
    ],
)
async def test_a_request_for_another_host_is_refused(
    client: httpx.AsyncClient, host: str, known: bool
) -> None:
    for path in ("/sign-in", "/api/v1/me", "/nowhere"):
        answer = await client.get(path, headers={"Host": host})
        assert (answer.status_code != 400) is known, path
