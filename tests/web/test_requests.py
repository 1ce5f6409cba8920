"""Each request has an id and one line in the log, and the log holds nothing about people."""

import json
import re
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest
from litestar import Litestar
from structlog.testing import capture_logs

from tests.factories import PASSWORD, a_person, a_team
from trainer import db, jobs
from trainer.logs import trace
from trainer.people.links import issue_link

SECRETS = ("Amara", "Nwosu", "amara@", "herons", "4111 1111 1111 1111", "About a divorce")


def lines(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines() if line.startswith("{")]


async def test_a_request_is_one_line_with_its_id(
    client: httpx.AsyncClient, capsys: pytest.CaptureFixture[str]
) -> None:
    answer = await client.get("/sign-in?next=/people")
    [line] = lines(capsys.readouterr().err)
    assert line["request"] == answer.headers["x-request-id"]
    assert re.fullmatch(r"[0-9a-f]{32}", line["request"])
    assert (line["method"], line["route"], line["status"]) == ("GET", "/sign-in", 200)
    assert line["ms"] > 0
    assert line["event"] == "request"
    assert "people" not in str(line)


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("proxy-1234.abc_9", True),
        ("a" * 64, True),
        ("short", False),
        ("a" * 65, False),
        ('injected","level":"x', False),
        ("amara@encore.example", False),
    ],
)
async def test_a_sane_id_of_a_proxy_is_kept_and_others_are_not(
    client: httpx.AsyncClient, given: str, kept: bool
) -> None:
    answer = await client.get("/sign-in", headers={"X-Request-ID": given})
    assert (answer.headers["x-request-id"] == given) is kept


async def test_answers_that_no_route_gives_are_lines_too(
    client: httpx.AsyncClient, capsys: pytest.CaptureFixture[str]
) -> None:
    await client.get("/no/Amara")
    await client.post("/no/Amara")
    await client.delete("/sign-in")
    found = lines(capsys.readouterr().err)
    assert [(line["route"], line["status"] >= 400) for line in found] == [
        ("(none)", True),
        ("(none)", True),
        (found[2]["route"], True),
    ]
    assert "Amara" not in str(found)


async def test_an_error_carries_the_id_and_the_page_shows_it(
    app: Litestar,
    client: httpx.AsyncClient,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    person = await a_person("admin", name="Amara Nwosu", email="amara@encore.example", password=PASSWORD)

    async def broken(*given: Any, **more: Any) -> None:
        try:
            raise ValueError(f"no such person: {person.name}")
        except ValueError as error:
            raise RuntimeError("the list of people broke") from error

    monkeypatch.setattr(db.database().__class__, "execute", broken)
    page = await client.post("/sign-in", data={"login": "amara@encore.example", "password": PASSWORD})
    assert page.status_code == 500
    reference = page.headers["x-request-id"]
    assert f"<code>{reference}</code>" in page.text
    problem = await client.get("/api/v1/people", headers={"Authorization": "Bearer x"})
    assert problem.json()["reference"] == problem.headers["x-request-id"]
    told = capsys.readouterr().err
    assert reference in told
    assert not [secret for secret in SECRETS if secret in told]


async def test_no_personal_data_reaches_the_log(
    app: Litestar,
    client: httpx.AsyncClient,
    capfd: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
    sign_in: Callable[..., Awaitable[httpx.AsyncClient]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Sign-in, a reset link, search, an upload, a thank-you, refusals and a failing job."""
    caplog.set_level("INFO")
    person = await a_person(
        "trainer",
        roles=["trainer", "admin"],
        name="Amara Nwosu",
        email="amara@encore.example",
        password=PASSWORD,
    )
    secret = await issue_link(None, person.id)
    await client.get(f"/welcome/{secret}")
    await client.get("/welcome/not-a-secret-of-ours")
    for password in (PASSWORD, "wrong herons"):
        await client.post(
            "/sign-in?next=/people?q=Amara", data={"login": "amara@encore.example", "password": password}
        )
    await client.post("/forgot", data={"login": "amara@encore.example"})
    await sign_in(client, person)
    await client.get("/people", params={"q": "Amara Nwosu"})
    await client.get(f"/people/{person.id}")
    await client.post(
        "/people/new", data={"name": "Amara Nwosu", "email": "amara@encore.example", "roles": "agent"}
    )
    await client.post(
        "/api/v1/recordings",
        data={"title": "About a divorce", "consent_basis": "contract"},
        files={"audio": ("Amara Nwosu.wav", b"My card is 4111 1111 1111 1111")},
    )
    await client.post(
        "/api/v1/appreciations",
        json={"to": [str(person.id)], "behaviour": "X", "message": "About a divorce", "visibility": "team"},
    )
    await client.post("/api/v1/people", json={"name": "Amara Nwosu", "email": "amara@encore.example"})
    await client.post(
        "/api/v1/people", content=b'{"name": "Amara', headers={"Content-Type": "application/json"}
    )

    @jobs.job("leaky", attempts=1)
    async def leaky(context: jobs.JobContext, name: str) -> None:
        for _twice in range(2):
            await a_team(name)

    with capture_logs() as events:
        await jobs.enqueue(leaky, {"name": "Amara Nwosu"})
        await jobs.drain()
    jobs._definitions.pop("leaky")
    written = capfd.readouterr()
    told = (
        written.err
        + written.out
        + str(events)
        + "\n".join(
            record.getMessage() + (trace(record.exc_info) if record.exc_info else "")
            for record in caplog.records
        )
    )
    assert len(lines(written.err)) >= 12
    assert "leaky" in told
    found = [secret_word for secret_word in (*SECRETS, secret, str(person.id)) if secret_word in told]
    assert not found
