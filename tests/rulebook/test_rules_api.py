"""The JSON API of rules: its fields, its edits and who may do what."""

from typing import Any

import httpx
import pytest

from tests.factories import a_person, a_rulebook
from tests.web_fixtures import SignIn

ROLES = ("agent", "trainer", "qa_analyst", "team_lead", "manager", "admin")
NEW = {
    "code": "N1",
    "title": "Name the next step",
    "statement": "Say what happens next, and by when.",
    "goal": "respond",
    "severity": "fatal",
    "kind": "scripted",
    "weight": 5,
    "translations": {"zh-Hans": {"title": "说清下一步", "statement": "说清接下来会怎样。"}},
}


@pytest.fixture
async def api(client: httpx.AsyncClient, sign_in: SignIn) -> httpx.AsyncClient:
    """A trainer's browser, with the starter rule book in place."""
    await a_rulebook()
    return await sign_in(client, await a_person("trainer"))


async def test_a_rule_is_created_read_changed_and_published(api: httpx.AsyncClient, sign_in: SignIn) -> None:
    made = await api.post("/api/v1/rules", json=NEW)
    assert made.status_code == 201, made.text
    assert made.headers["location"] == "/api/v1/rules/N1"
    read = (await api.get("/api/v1/rules/N1")).json()
    assert read == made.json()
    for name in ("code", "title", "statement", "goal", "severity", "kind", "weight"):
        assert read[name] == NEW[name]
    assert (read["rulebook"], read["version"], read["status"], read["language"]) == (
        "starter",
        1,
        "draft",
        "en",
    )
    assert read["translations"]["zh-Hans"] == NEW["translations"]["zh-Hans"]
    assert read["warnings"] == []

    changed = await api.patch(
        "/api/v1/rules/N1",
        json={"title": "Name what comes next", "translations": {"zh-Hans": {"why": "让人安心。"}}},
        headers={"If-Match": made.headers["etag"]},
    )
    assert changed.status_code == 200, changed.text
    assert changed.json()["title"] == "Name what comes next"
    assert changed.json()["translations"]["zh-Hans"]["title"] == "说清下一步"
    assert changed.json()["translations"]["zh-Hans"]["why"] == "让人安心。"
    stale = await api.patch(
        "/api/v1/rules/N1", json={"weight": 1}, headers={"If-Match": made.headers["etag"]}
    )
    assert (stale.status_code, stale.json()["type"]) == (412, "/problems/changed-meanwhile")
    assert (await api.patch("/api/v1/rules/N1", json={"weight": 1})).status_code == 412

    assert (await api.post("/api/v1/rules/N1/publish")).status_code == 403
    await sign_in(api, await a_person("qa_analyst"))
    published = await api.post("/api/v1/rules/N1/publish")
    assert (published.status_code, published.json()["status"]) == (200, "published")
    assert (await api.post("/api/v1/rules/N1/publish")).status_code == 409


async def test_changing_a_published_rule_leaves_it_as_it_is_until_the_draft_is_published(
    api: httpx.AsyncClient,
) -> None:
    read = await api.get("/api/v1/rules/R01")
    draft = await api.patch(
        "/api/v1/rules/R01", json={"weight": 77}, headers={"If-Match": read.headers["etag"]}
    )
    assert (draft.json()["version"], draft.json()["status"], draft.json()["weight"]) == (2, "draft", 77)
    assert (await api.get("/api/v1/rules/R01")).json() == read.json()
    assert (await api.get("/api/v1/rules/R01?version=2")).json() == draft.json()
    versions = (await api.get("/api/v1/rules/R01/versions")).json()["items"]
    assert [each["version"] for each in versions] == [2, 1]
    assert (await api.post("/api/v1/rules/R01/discard")).status_code == 204
    assert (await api.get("/api/v1/rules/R01?version=2")).status_code == 404


async def test_a_draft_without_a_goal_says_what_is_missing(api: httpx.AsyncClient, sign_in: SignIn) -> None:
    await api.post("/api/v1/rules", json={**NEW, "goal": ""})
    await sign_in(api, await a_person("admin"))
    refused = await api.post("/api/v1/rules/N1/publish")
    assert refused.status_code == 409
    assert refused.headers["content-type"] == "application/problem+json"
    assert (refused.json()["type"], refused.json()["missing"]) == ("/problems/rule-not-publishable", ["goal"])


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"code": "no spaces"}, "code"),
        ({"code": "R01"}, "code"),
        ({"title": ""}, "title"),
        ({"statement": "x" * 501}, "statement"),
        ({"goal": "fame"}, "goal"),
        ({"severity": "deadly"}, "severity"),
        ({"kind": "guess"}, "kind"),
        ({"weight": -1}, "weight"),
        ({"rulebook": "none"}, "rulebook"),
        ({"translations": {"xx": {"title": "?"}}}, "title"),
        ({"key_tokens": {"en": [""]}}, "key_tokens"),
    ],
)
async def test_a_wrong_field_is_named(api: httpx.AsyncClient, change: dict[str, Any], field: str) -> None:
    refused = await api.post("/api/v1/rules", json={**NEW, **change})
    assert refused.status_code == 422, refused.text
    assert field in [error["field"] for error in refused.json()["errors"]]
    assert all(error["message"] and error["code"] for error in refused.json()["errors"])


async def test_unknown_fields_and_wrong_types_are_refused(api: httpx.AsyncClient) -> None:
    assert (await api.post("/api/v1/rules", json={**NEW, "colour": "red"})).status_code == 422
    assert (await api.post("/api/v1/rules", json={**NEW, "weight": "many"})).status_code == 422
    json = {"Content-Type": "application/json"}
    assert (await api.post("/api/v1/rules", content=b"{", headers=json)).status_code == 400


async def test_the_list_is_paged_and_filtered(api: httpx.AsyncClient) -> None:
    await api.post("/api/v1/rules", json=NEW)
    codes: list[str] = []
    address: str | None = "/api/v1/rules?limit=5"
    while address:
        page = (await api.get(address)).json()
        assert len(page["items"]) <= 5
        codes += [rule["code"] for rule in page["items"]]
        cursor = page["next_cursor"]
        address = f"/api/v1/rules?limit=5&cursor={cursor}" if cursor else None
    assert codes == [*(f"R{n:02}" for n in range(1, 12)), "N1"]
    drafts = (await api.get("/api/v1/rules?status=draft")).json()["items"]
    assert [rule["code"] for rule in drafts] == ["N1"]
    assert (await api.get("/api/v1/rules?rulebook=other")).json() == {"items": [], "next_cursor": None}
    assert (await api.get("/api/v1/rules?limit=0")).status_code == 422
    assert (await api.get("/api/v1/rules?cursor=nonsense")).status_code == 400


@pytest.mark.parametrize("role", ROLES)
async def test_rights_of_each_role(client: httpx.AsyncClient, sign_in: SignIn, role: str) -> None:
    await a_rulebook()
    await sign_in(client, await a_person("trainer"))
    await client.post("/api/v1/rules", json=NEW)
    await sign_in(client, await a_person(role))
    assert (await client.get("/api/v1/rules/R01")).status_code == 200
    reads = role in ("trainer", "qa_analyst", "team_lead", "admin")
    assert (await client.get("/api/v1/rules/N1")).status_code == (200 if reads else 404)
    writes = role in ("trainer", "qa_analyst")
    created = await client.post("/api/v1/rules", json={**NEW, "code": "N2"})
    assert created.status_code == (201 if writes else 403)
    changed = await client.patch("/api/v1/rules/R01", json={"weight": 1}, headers={"If-Match": "*"})
    assert changed.status_code == (200 if writes else 403)
    published = await client.post("/api/v1/rules/N1/publish")
    assert published.status_code == (200 if role in ("qa_analyst", "admin") else 403)


async def test_a_token_reaches_no_further_than_its_scope(client: httpx.AsyncClient, use_token: Any) -> None:
    await a_rulebook()
    await use_token(client, await a_person("trainer"), "rules:read")
    assert (await client.get("/api/v1/rules")).status_code == 200
    assert (await client.post("/api/v1/rules", json=NEW)).status_code == 403
    assert (await client.get("/api/v1/rules", headers={"Authorization": "Bearer no"})).status_code == 401
