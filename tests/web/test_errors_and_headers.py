"""Refusals and failures as people, htmx and programs get them, and the headers on every answer."""

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from litestar import Litestar, get, post

from tests.factories import a_person
from tests.web_fixtures import SignIn, app_for, started
from trainer import problems
from trainer.db import DatabaseGone
from trainer.settings import Settings
from trainer.web.errors import STATUS, known_problems
from trainer.web.guards import public

SECRET = "the inside of the house"
HTMX = {"HX-Request": "true"}

REFUSALS: dict[str, Exception] = {
    "boom": RuntimeError(SECRET),
    "gone-database": DatabaseGone(SECRET),
    "gone": problems.Gone("It was erased on Monday."),
    "conflict": problems.Conflict("Not while it plays.", slug="clip-not-publishable", missing=["transcript"]),
    "many": problems.TooMany("Slowly.", retry_after=7),
    "invalid": problems.Invalid.field("name", "missing", "Please give a name."),
    "large": problems.TooLarge("Too much."),
    "kind": problems.Unsupported("Not a form."),
    "away": problems.Unavailable("Back soon."),
}


@get("/refuse/{name:str}", guards=[public])
async def refuse(name: Any) -> None:
    raise REFUSALS[name]


@post("/things/{name:str}/publish", guards=[public])
async def publish(name: Any) -> None:
    raise problems.Conflict(f"{name} is published already.")


@get("/api/v1/refuse/{name:str}", guards=[public])
async def refuse_program(name: Any) -> None:
    raise REFUSALS[name]


@pytest.fixture(params=["sqlite"])
def engine(request: pytest.FixtureRequest) -> str:
    """Nothing here depends on the database engine."""
    return str(request.param)


@pytest.fixture
async def app(settings: Settings, recwarn: pytest.WarningsRecorder) -> AsyncIterator[Litestar]:
    async with started(app_for(settings, refuse, refuse_program, publish)) as running:
        yield running


EXPECTED = {
    "boom": 500,
    "gone-database": 503,
    "gone": 410,
    "conflict": 409,
    "many": 429,
    "invalid": 422,
    "large": 413,
    "kind": 415,
    "away": 503,
}


@pytest.mark.parametrize(("name", "status"), EXPECTED.items())
async def test_a_program_gets_a_problem_document(client: httpx.AsyncClient, name: str, status: int) -> None:
    answer = await client.get(f"/api/v1/refuse/{name}")
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    body = answer.json()
    assert body["status"] == status
    assert body["type"].startswith("/problems/")
    assert body["title"]
    assert body["detail"]
    assert SECRET not in answer.text
    assert body["type"] in known_problems() or name == "conflict"


@pytest.mark.parametrize(("name", "status"), EXPECTED.items())
async def test_a_person_gets_a_page_with_the_way_back(
    client: httpx.AsyncClient, name: str, status: int
) -> None:
    answer = await client.get(f"/refuse/{name}")
    assert answer.status_code == status
    assert answer.headers["content-type"].startswith("text/html")
    assert "Go to the start page" in answer.text
    assert SECRET not in answer.text
    assert "Traceback" not in answer.text


async def test_a_failure_names_the_number_that_is_in_the_log(client: httpx.AsyncClient) -> None:
    answer = await client.get("/refuse/boom")
    assert answer.headers["x-request-id"] in answer.text


async def test_more_members_travel_with_the_problem(client: httpx.AsyncClient) -> None:
    body = (await client.get("/api/v1/refuse/conflict")).json()
    assert (body["type"], body["missing"]) == ("/problems/clip-not-publishable", ["transcript"])
    body = (await client.get("/api/v1/refuse/invalid")).json()
    assert body["errors"] == [{"field": "name", "code": "missing", "message": "Please give a name."}]


async def test_who_should_wait_is_told_how_long(client: httpx.AsyncClient) -> None:
    assert (await client.get("/refuse/many")).headers["retry-after"] == "7"
    assert (await client.get("/refuse/gone-database")).headers["retry-after"] == "5"


async def test_htmx_gets_words_and_not_a_page(client: httpx.AsyncClient) -> None:
    answer = await client.get("/refuse/conflict", headers=HTMX)
    assert (answer.status_code, answer.json()["detail"]) == (409, "Not while it plays.")


async def test_htmx_of_a_session_that_ended_goes_to_the_sign_in_page_and_back(
    client: httpx.AsyncClient,
) -> None:
    headers = {**HTMX, "HX-Current-URL": "http://127.0.0.1:8000/people?q=a"}
    answer = await client.get("/people?q=ab", headers=headers)
    assert answer.status_code == 401
    assert answer.headers["hx-redirect"] == "/sign-in?next=/people"


async def test_an_unknown_address_is_a_friendly_404_for_visitors_and_colleagues(
    client: httpx.AsyncClient, sign_in: SignIn
) -> None:
    answer = await client.get("/no/such/page")
    assert answer.status_code == 404
    assert "There is no page at this address." in answer.text
    await sign_in(client, await a_person(name="Lin Xia"))
    answer = await client.get("/no/such/page")
    assert answer.status_code == 404
    assert "Lin Xia" in answer.text, "the shell is still there"


async def test_the_wrong_method_is_named(client: httpx.AsyncClient) -> None:
    answer = await client.delete("/sign-in")
    assert answer.status_code == 405
    assert "GET" in answer.headers["allow"]


async def test_the_address_of_a_refused_form_leads_to_its_page(client: httpx.AsyncClient) -> None:
    answer = await client.get("/things/one%20two/publish")
    assert (answer.status_code, answer.headers["location"]) == (303, "/things/one%20two")
    assert (await client.put("/things/one/publish")).status_code == 405


async def test_a_form_of_megabytes_is_refused(client: httpx.AsyncClient) -> None:
    answer = await client.post("/sign-in", data={"identifier": "a" * (3 << 20), "password": "b"})
    assert answer.status_code == 413


def test_every_kind_of_problem_has_a_status() -> None:
    kinds = [
        kind
        for kind in vars(problems).values()
        if isinstance(kind, type) and issubclass(kind, problems.Problem)
    ]
    assert set(kinds) - {problems.Problem} <= set(STATUS)


ANSWERS = [
    "/sign-in",
    "/no/such/page",
    "/refuse/boom",
    "/api/v1/me",
    "/api/v1/refuse/boom",
    "/health",
    "/account",
]


@pytest.mark.parametrize("path", ANSWERS)
async def test_every_answer_has_the_security_headers(client: httpx.AsyncClient, path: str) -> None:
    headers = (await client.get(path)).headers
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "same-origin"
    assert "microphone=(self)" in headers["permissions-policy"]
    assert headers["cross-origin-opener-policy"] == "same-origin"
    assert headers["cache-control"] == "no-store"
    assert "strict-transport-security" not in headers
    policy = headers["content-security-policy"]
    assert "default-src 'self'" in policy
    assert "style-src 'self';" in policy
    for word in ("unsafe-inline", "unsafe-eval", "*", "http:", "nonce-"):
        assert word not in policy
    for directive in ("frame-ancestors 'none'", "base-uri 'none'", "form-action 'self'"):
        assert directive in policy


async def test_static_files_have_them_too_and_are_kept(app: Litestar, client: httpx.AsyncClient) -> None:
    address = app.state.pages.environment.globals["static"]("css/base.css")
    answer = await client.get(address)
    assert answer.status_code == 200
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "immutable" in answer.headers["cache-control"]


async def test_each_answer_has_its_own_number(client: httpx.AsyncClient) -> None:
    numbers = {(await client.get("/sign-in")).headers["x-request-id"] for _n in range(3)}
    assert len(numbers) == 3


async def test_a_page_that_differs_by_viewer_and_htmx_says_so(client: httpx.AsyncClient) -> None:
    assert (await client.get("/sign-in")).headers["vary"] == "Cookie, HX-Request, Accept-Encoding"


async def test_no_page_holds_inline_script_style_or_handlers(
    client: httpx.AsyncClient, sign_in: SignIn
) -> None:
    import re

    await sign_in(client, await a_person("admin"))
    for path in ("/people", "/people/new", "/teams", "/account", "/audit", "/no/such/page"):
        page = (await client.get(path)).text
        assert not re.search(r"<[^>]+\sstyle=", page), path
        assert not re.search(r"<[^>]+\son[a-z]+=", page), path
        assert not re.search(r"<script(?![^>]*\ssrc=)", page), path
        assert "<style" not in page, path


async def test_a_database_that_is_away_is_said_in_words(
    app: Litestar, client: httpx.AsyncClient, sign_in: SignIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    await sign_in(client, await a_person())

    async def away(*_args: object) -> None:
        raise DatabaseGone(SECRET)

    from trainer.people import queries

    monkeypatch.setattr(queries, "person_of_session", away)
    answer = await client.get("/people")
    assert answer.status_code == 503
    assert "We cannot reach our own store right now" in answer.text
    assert SECRET not in answer.text


async def test_health_answers_without_details(
    client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer = await client.get("/health")
    assert answer.json() == {"status": "ok", "process": "ok", "database": "ok", "storage": "ok"}

    async def away(*_args: object) -> None:
        raise DatabaseGone(SECRET)

    from trainer import db

    monkeypatch.setattr(db, "fetch_one", away)
    answer = await client.get("/health")
    assert answer.status_code == 503
    assert answer.json()["database"] == "failing"
    assert SECRET not in answer.text
