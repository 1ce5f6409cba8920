"""`/api/v1/people`, `/teams` and `/me`: shapes, tokens and their scopes, and problems in RFC 9457's form."""

from datetime import timedelta
from typing import Any

import httpx
import pytest

from tests.factories import a_person, a_team
from tests.web_fixtures import SignIn
from trainer import db
from trainer.people import tokens
from trainer.people.service import deactivate_person, get_person
from trainer.people.tables import AuditEntry, Person, Token

UNKNOWN = "00000000-0000-4000-8000-000000000000"
NEW = {"name": "Nia Adeyemi", "email": "nia@encore.example", "roles": ["agent"], "hired_on": "2026-11-02"}


@pytest.fixture
async def admin(client: httpx.AsyncClient, use_token: Any) -> httpx.AsyncClient:
    return await use_token(client, await a_person("admin", name="Ingrid"), "all")


async def test_a_person_is_created_read_and_listed(admin: httpx.AsyncClient) -> None:
    team = await a_team("Harbour")
    made = await admin.post("/api/v1/people", json={**NEW, "team": str(team)})
    assert made.status_code == 201
    body = made.json()
    assert made.headers["location"] == f"/api/v1/people/{body['id']}"
    assert body["team"] == {"id": str(team), "name": "Harbour"}
    assert (body["hired_on"], body["birthday"], body["active"]) == ("2026-11-02", None, True)
    read = await admin.get(made.headers["location"])
    assert read.json() == body
    listed = (await admin.get("/api/v1/people?q=nia")).json()
    assert listed == {"items": [body], "next_cursor": None}


async def test_lists_go_on_with_the_cursor(admin: httpx.AsyncClient) -> None:
    for n in range(5):
        await a_person(name=f"Agent {n}", team=await a_team(f"Team {n}"))
    for noun, count in (("people", 6), ("teams", 5)):
        seen: list[str] = []
        cursor = ""
        while True:
            page = (await admin.get(f"/api/v1/{noun}?limit=2{cursor}")).json()
            seen += [item["name"] for item in page["items"]]
            if page["next_cursor"] is None:
                break
            cursor = f"&cursor={page['next_cursor']}"
        assert len(seen) == count
        assert seen == sorted(seen)


async def test_a_person_is_edited_with_if_match(admin: httpx.AsyncClient) -> None:
    person = await a_person(name="Before", birthday="06-09")
    address = f"/api/v1/people/{person.id}"
    tag = (await admin.get(address)).headers["etag"]
    without = await admin.patch(address, json={"name": "After"})
    assert without.status_code == 412
    assert without.json()["type"] == "/problems/changed-meanwhile"
    done = await admin.patch(address, json={"name": "After", "birthday": None}, headers={"If-Match": tag})
    assert done.status_code == 200
    assert (done.json()["name"], done.json()["birthday"]) == ("After", None)
    assert done.json()["email"] == person.email, "what is absent stays"
    late = await admin.patch(address, json={"name": "Late"}, headers={"If-Match": tag})
    assert late.status_code == 412
    again = await admin.patch(address, json={"name": "Third"}, headers={"If-Match": done.headers["etag"]})
    assert again.status_code == 200


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ({"name": "", "email": "x"}, {"name", "email"}),
        ({"name": "A"}, {"email"}),
        ({**NEW, "roles": ["king"]}, {"roles"}),
        ({**NEW, "team": "nowhere"}, {"team"}),
        ({**NEW, "team": UNKNOWN}, {"team"}),
        ({**NEW, "hired_on": "yesterday"}, {"hired_on"}),
        ({**NEW, "birthday": "13-01"}, {"birthday"}),
    ],
)
async def test_wrong_fields_are_named(
    admin: httpx.AsyncClient, body: dict[str, Any], fields: set[str]
) -> None:
    answer = await admin.post("/api/v1/people", json=body)
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert (problem["type"], problem["status"]) == ("/problems/invalid", 422)
    assert {error["field"] for error in problem["errors"]} == fields
    assert all(error["code"] and error["message"] for error in problem["errors"])


@pytest.mark.parametrize("sent", [b"{", b"[]", b'{"name": 7, "email": "a@b.c"}', b'{"nmae": "x"}', b""])
async def test_a_body_that_does_not_fit_is_a_problem_and_not_a_failure(
    admin: httpx.AsyncClient, sent: bytes
) -> None:
    answer = await admin.post("/api/v1/people", content=sent, headers={"Content-Type": "application/json"})
    assert answer.status_code in (400, 422)
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["detail"]


async def test_an_unknown_or_malformed_person_is_not_there(admin: httpx.AsyncClient) -> None:
    for path in (f"people/{UNKNOWN}", "people/nobody", f"teams/{UNKNOWN}", "teams/x"):
        answer = await admin.get(f"/api/v1/{path}")
        assert answer.status_code == 404
        assert answer.json()["type"] == "/problems/not-found"
    assert (await admin.get("/api/v1/moons")).json()["type"] == "/problems/not-found"


async def test_deactivating_and_reactivating_are_actions(admin: httpx.AsyncClient) -> None:
    person = await a_person()
    done = await admin.post(f"/api/v1/people/{person.id}/deactivate")
    assert (done.status_code, done.json()["active"]) == (200, False)
    twice = await admin.post(f"/api/v1/people/{person.id}/deactivate")
    assert twice.status_code == 409
    left = (await admin.get("/api/v1/people?active=false")).json()["items"]
    assert [item["id"] for item in left] == [str(person.id)]
    assert (await admin.post(f"/api/v1/people/{person.id}/reactivate")).json()["active"] is True


async def test_teams_are_made(admin: httpx.AsyncClient) -> None:
    made = await admin.post("/api/v1/teams", json={"name": " Harbour ", "site": "Lisbon"})
    assert made.status_code == 201
    assert made.json() | {"id": ""} == {"id": "", "name": "Harbour", "site": "Lisbon", "people": 0}
    assert (await admin.get(made.headers["location"])).json() == made.json()
    twice = await admin.post("/api/v1/teams", json={"name": "Harbour"})
    assert twice.json()["errors"][0] == {
        "field": "name",
        "code": "taken",
        "message": "There is a team of this name already.",
    }


async def test_me_is_whom_the_token_belongs_to_with_what_it_may(
    client: httpx.AsyncClient, use_token: Any
) -> None:
    lin = await a_person(name="Lin", birthday="06-09")
    await use_token(client, lin, "people:read", "clips:write")
    body = (await client.get("/api/v1/me")).json()
    assert (body["id"], body["birthday"], body["birthday_scope"]) == (str(lin.id), "06-09", "nobody")
    assert body["scopes"] == ["clips:write", "people:read"]


async def test_a_person_opts_in_to_the_birthday_by_their_own_token_only(
    client: httpx.AsyncClient, new_client: Any, use_token: Any
) -> None:
    lin = await a_person(birthday="06-09")
    address, every = f"/api/v1/people/{lin.id}", {"If-Match": "*"}
    await use_token(client, await a_person("admin"))
    refused = await client.patch(address, json={"birthday_scope": "everyone"}, headers=every)
    assert refused.status_code == 403
    async with new_client() as own:
        await use_token(own, lin)
        assert (await own.patch(address, json={"birthday_scope": "team"}, headers=every)).status_code == 200
    assert (await get_person(lin.id)).birthday_scope == "team"


# Tokens


@pytest.mark.parametrize(
    ("scopes", "may_read", "may_write"),
    [
        (["people:read"], True, False),
        (["people:write"], True, True),
        (["all"], True, True),
        (["teams:write"], False, False),
        (["clips:read", "people:read"], True, False),
    ],
)
async def test_a_token_reaches_as_far_as_its_scopes(
    client: httpx.AsyncClient, use_token: Any, scopes: list[str], may_read: bool, may_write: bool
) -> None:
    await use_token(client, await a_person("admin"), *scopes)
    read = await client.get("/api/v1/people")
    write = await client.post("/api/v1/people", json=NEW)
    assert read.status_code == (200 if may_read else 403)
    assert write.status_code == (201 if may_write else 403)
    if not may_write:
        assert "people:write" in write.json()["detail"]


async def test_a_token_never_reaches_further_than_its_person(
    client: httpx.AsyncClient, use_token: Any
) -> None:
    await use_token(client, await a_person("agent"), "all")
    assert (await client.post("/api/v1/people", json=NEW)).status_code == 403
    assert await Person.count() == 1


async def test_a_token_loses_what_its_person_loses(client: httpx.AsyncClient, use_token: Any) -> None:
    person = await a_person("admin")
    second = await a_person("admin")
    await use_token(client, person)
    from tests.factories import viewer_for

    await deactivate_person(viewer_for(second), person.id)
    assert (await client.get("/api/v1/me")).status_code == 401


@pytest.mark.parametrize(
    "header",
    ["Bearer never-made", "Bearer", "Bearer  ", "Basic YTpi", "bearer encore_x", "Token abc", "Bearer a b c"],
)
async def test_an_unknown_token_is_told_so_and_never_a_visitor(
    client: httpx.AsyncClient, header: str
) -> None:
    answer = await client.get("/api/v1/me", headers={"Authorization": header})
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == 'Bearer error="invalid_token"'
    assert answer.json()["type"] == "/problems/bad-token"


async def test_without_a_token_the_answer_asks_for_one(client: httpx.AsyncClient) -> None:
    answer = await client.get("/api/v1/me")
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == "Bearer"
    assert answer.json()["type"] == "/problems/sign-in-required"


async def test_a_bad_token_beside_a_good_cookie_is_refused(
    client: httpx.AsyncClient, sign_in: SignIn
) -> None:
    await sign_in(client, await a_person())
    assert (await client.get("/api/v1/me")).status_code == 200
    refused = await client.get("/api/v1/me", headers={"Authorization": "Bearer wrong"})
    assert refused.status_code == 401


async def test_a_token_ends_on_its_day(client: httpx.AsyncClient, use_token: Any) -> None:
    await use_token(client, await a_person())
    await Token.update({Token.expires_at: db.utc_now() + timedelta(minutes=1)}, force=True)
    assert (await client.get("/api/v1/me")).status_code == 200
    await Token.update({Token.expires_at: db.utc_now() - timedelta(seconds=1)}, force=True)
    assert (await client.get("/api/v1/me")).status_code == 401


async def test_a_token_needs_no_csrf_proof_and_makes_no_further_tokens(admin: httpx.AsyncClient) -> None:
    headers = {"Origin": "https://elsewhere.example", "Sec-Fetch-Site": "cross-site"}
    assert (await admin.post("/api/v1/teams", json={"name": "A"}, headers=headers)).status_code == 201
    made = await admin.post("/account/tokens", data={"token_name": "x", "scopes": ["all"]})
    assert made.status_code == 403
    assert await Token.count() == 1


async def test_what_a_token_did_is_in_the_audit_log_as_such(admin: httpx.AsyncClient) -> None:
    await admin.post("/api/v1/teams", json={"name": "A"})
    entry = await AuditEntry.select().where(AuditEntry.action == "team_created").first()
    assert entry is not None
    assert entry["detail"] == '{"via": "token"}'


async def test_a_token_is_made_by_command_for_an_address(database: str) -> None:
    lin = await a_person(email="lin@encore.example", employee_no="E-7")
    for address in ("LIN@encore.example", "E-7"):
        assert (await tokens.create_token_for(address, scopes=["all"], name="cli")).startswith("encore_")
    assert await Token.count().where(Token.person == lin.id) == 2
    from trainer.problems import NotFound

    with pytest.raises(NotFound):
        await tokens.create_token_for("nobody@encore.example", scopes=["all"], name="cli")


async def test_the_first_admin_is_invited_once(client: httpx.AsyncClient) -> None:
    from trainer.people.admin import create_first_admin
    from trainer.problems import Conflict

    secret = await create_first_admin(name="Ingrid", email="ingrid@encore.example")
    assert "Welcome, Ingrid" in (await client.get(f"/welcome/{secret}")).text
    with pytest.raises(Conflict):
        await create_first_admin(name="Other", email="other@encore.example")
    assert await Person.count() == 1


async def test_a_list_costs_two_queries_however_long(admin: httpx.AsyncClient, count_queries: Any) -> None:
    for _n in range(20):
        await a_person()
    with count_queries() as counted:
        assert len((await admin.get("/api/v1/people")).json()["items"]) == 21
    assert counted.count == 2
