"""Whether mail works: the settings, the page for admins, the command and the doctor."""

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from click.testing import CliRunner
from pydantic import ValidationError

from tests.factories import a_person
from tests.notices.mail_servers import Mailbox, free_port, mail_server
from trainer import cli, jobs
from trainer.doctor import examine
from trainer.notices import post_office
from trainer.notices.service import notify
from trainer.settings import Settings, read_mail_server

PASSWORD = "p@ss/word"
URL = "smtp://encore%40centre.example:p%40ss%2Fword@mail.centre.example"


@pytest.fixture(autouse=True)
def no_mail_afterwards() -> Iterator[None]:
    yield
    post_office.set_up(Settings(smtp_url=""))


# Settings


@pytest.mark.parametrize(
    ("url", "port", "tls"),
    [
        (URL, 587, "offered"),
        (URL + ":2525/", 2525, "offered"),
        (URL + "?starttls=no", 587, "never"),
        (URL + "?starttls=yes", 587, "required"),
        (URL.replace("smtp:", "smtps:"), 465, "always"),
    ],
)
def test_the_servers_address_is_read(url: str, port: int, tls: str) -> None:
    server = read_mail_server(url)
    assert (server.host, server.port, server.tls) == ("mail.centre.example", port, tls)
    assert (server.username, server.password) == ("encore@centre.example", PASSWORD)
    assert PASSWORD not in repr(server)


def test_a_relay_without_a_password_listens_on_25() -> None:
    assert read_mail_server("smtp://relay").port == 25


@pytest.mark.parametrize(
    "url",
    [
        "mail.centre.example",
        "http://mail.centre.example",
        "smtp://",
        "smtp://me:secret-word@mail:port",
        "smtp://me:secret/word@mail",
        "smtp://me:secret#word@mail",
        "smtp://me:secret-word@mail?tls=maybe",
        "smtp://me:secret-word@mail?starttls=perhaps",
    ],
)
def test_a_wrong_address_is_refused_without_repeating_it(url: str) -> None:
    with pytest.raises(ValidationError) as caught:
        Settings(smtp_url=url)
    assert "secret" not in str(caught.value)
    assert "smtp_url" in str(caught.value)


def test_the_sender_is_the_user_unless_one_is_named() -> None:
    assert Settings(smtp_url=URL).mail_from == "encore@centre.example"
    assert Settings(smtp_url=URL, mail_from="Encore <e@c.example>").mail_from == "Encore <e@c.example>"
    assert Settings().mail_from == ""
    for sender in ("Encore", "a@b\r\nBcc: x@y.example", "two@a.example, three@b.example"):
        with pytest.raises(ValidationError):
            Settings(smtp_url=URL, mail_from=sender)
    with pytest.raises(ValidationError):
        Settings(smtp_url="smtp://relay")
    assert PASSWORD not in repr(Settings(smtp_url=URL))
    assert "p%40ss" not in repr(Settings(smtp_url=URL))


def test_a_password_may_come_from_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "smtp").write_text(URL + "\n")
    monkeypatch.setenv("TRAINER_SMTP_URL_FILE", str(tmp_path / "smtp"))
    server = Settings().mail_server
    assert server
    assert server.password == PASSWORD


# The command


def run(*words: str, **environment: str) -> Any:
    return CliRunner().invoke(cli.cli, list(words), env={f"TRAINER_{k}": v for k, v in environment.items()})


def test_the_command_sends_a_test_mail() -> None:
    with mail_server() as box:
        url = f"smtp://127.0.0.1:{box.port}"
        result = run("mail", "test", "ingrid@centre.example", SMTP_URL=url, MAIL_FROM="e@centre.example")
        assert result.exit_code == 0, result.output
        assert box.envelopes[0].rcpt_tos == ["ingrid@centre.example"]
        assert box.messages[0]["Subject"] == "A test from Encore"
        box.refuse = "550 no"
        result = run("mail", "test", "ingrid@centre.example", SMTP_URL=url, MAIL_FROM="e@centre.example")
        assert result.exit_code == 1
        assert "The mail server refused it: 550 no" in result.output
        result = run("mail", "test", "not an address", SMTP_URL=url, MAIL_FROM="e@centre.example")
        assert result.exit_code == 1


def test_the_command_says_what_is_missing() -> None:
    result = run("mail", "test", "ingrid@centre.example")
    assert result.exit_code == 1
    assert "TRAINER_SMTP_URL" in result.output


# The page


async def test_an_admin_sees_that_no_mail_is_set_up(
    client: httpx.AsyncClient, sign_in: Any, app: Any
) -> None:
    await sign_in(client, await a_person("admin"))
    assert (await client.get("/settings")).headers["location"] == "/settings/mail"
    page = (await client.get("/settings/mail")).text
    assert "This centre sends no mail" in page
    assert app.state.settings.base_url in page.split('id="centre"')[1]
    assert "Send a test mail" not in page


async def test_an_admin_tries_mail_and_sees_what_failed(
    client: httpx.AsyncClient, sign_in: Any, app: Any, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    admin = await a_person("admin", email="ingrid@centre.example")
    amara = await a_person(name="Amara Nwosu", email="amara@centre.example")
    await sign_in(client, admin)
    with mail_server() as box:
        settings = Settings(
            smtp_url=f"smtp://127.0.0.1:{box.port}", mail_from="e@centre.example", base_url="http://x"
        )
        post_office.set_up(settings)
        box.refuse = "550 no"
        await notify(amara.id, "t_assigned", source="a", params={"title": "T", "by": str(admin.id)})
        await jobs.drain()
        page = (await client.get("/settings/mail")).text
        assert "Amara Nwosu" in page
        assert "The mail server refused it: 550 no" in page
        assert "Send a test mail to ingrid@centre.example" in page
        assert PASSWORD not in page

        box.refuse = ""
        answer = await client.post("/settings/mail/test")
        assert answer.status_code == 303
        await jobs.drain()
        page = (await client.get(answer.headers["location"])).text
        assert "Now look into your mailbox" in page
        assert box.envelopes[-1].rcpt_tos == ["ingrid@centre.example"]

        box.refuse = "550 no such mailbox"
        answer = await client.post("/settings/mail/test")
        await jobs.drain()
        assert "550 no such mailbox" in (await client.get(answer.headers["location"])).text
    answer = await client.post("/settings/mail/test")
    await jobs.drain()
    assert "does not answer" in (await client.get(answer.headers["location"])).text, "said at the first try"


@pytest.mark.parametrize("role", ["agent", "trainer", "qa_analyst", "team_lead", "manager"])
async def test_only_admins_see_the_page(client: httpx.AsyncClient, sign_in: Any, app: Any, role: str) -> None:
    await sign_in(client, await a_person(role))
    assert (await client.get("/settings")).status_code == 403
    assert (await client.get("/settings/mail")).status_code == 403
    assert (await client.post("/settings/mail/test")).status_code == 403


# The doctor


async def findings(settings: Settings) -> str:
    return "\n".join(f"{finding.well} {finding.what} {finding.remedy}" for finding in await examine(settings))


async def test_the_doctor_tries_the_server_and_counts_what_failed(
    database: str, settings: Settings, box: Mailbox
) -> None:
    from trainer import db

    well = settings.model_copy(
        update={"smtp_url": f"smtp://127.0.0.1:{box.port}", "mail_from": "e@c.example"}
    )
    away = settings.model_copy(
        update={"smtp_url": f"smtp://127.0.0.1:{free_port()}", "mail_from": "e@c.example"}
    )
    post_office.set_up(well)
    box.refuse = "550 no"
    amara = await a_person(email="amara@centre.example")
    await notify(amara.id, "t_assigned", source="a", params={"title": "T", "by": str(amara.id)})
    await jobs.drain()
    await db.close_database()
    said = await findings(well)
    assert "True The mail server 127.0.0.1 answers." in said
    assert (
        "False 1 mail(s) of the last seven days could not be sent. The latest: The mail server refused"
        in said
    )
    assert "amara@" not in said
    assert "does not answer" in await findings(away)
    assert "True No mail is set up" in await findings(settings)
    await db.open_database(database)


@pytest.fixture
def box() -> Iterator[Mailbox]:
    with mail_server() as running:
        yield running
