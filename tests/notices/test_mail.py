"""Mail: what leaves the house, to whom and how; and what happens when the server is not as one wishes."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.counting import unread_count
from tests.factories import a_person, viewer_for
from tests.notices.mail_servers import Mailbox, certificate, free_port, mail_server
from trainer import db, jobs
from trainer.notices import choices, mail, post_office, service
from trainer.notices.service import latest, notify, notify_many, withdraw
from trainer.people.tables import Person
from trainer.settings import Settings

TITLE = {"en": "Calm first", "zh-Hans": "先冷静"}


def mail_settings(port: int, user: str = "", query: str = "") -> Settings:
    return Settings(
        smtp_url=f"smtp://{user}127.0.0.1:{port}{query}",
        mail_from="Encore am Hafen <encore@centre.example>",
        base_url="https://encore.example/",
    )


@pytest.fixture
def box() -> Iterator[Mailbox]:
    """A mail server, and a centre that uses it."""
    with mail_server() as running:
        post_office.set_up(mail_settings(running.port))
        yield running
        post_office.set_up(Settings())


async def assigned(person: Any, source: str = "a:1") -> None:
    by = await a_person("trainer", name="Rosa Lind")
    params = {"title": TITLE, "by": str(by.id), "due": "2026-12-01"}
    await notify(person.id, "t_assigned", source=source, href="/learn/1", params=params)


# As it should be


async def test_a_notice_is_mailed_in_its_readers_language_with_whole_links(
    database: str, box: Mailbox
) -> None:
    amara = await a_person(name="Amara Nwosu", email="amara@centre.example")
    await assigned(amara)
    await jobs.drain()
    (message,) = box.messages
    (view,) = await latest(viewer_for(amara))
    assert box.envelopes[0].rcpt_tos == ["amara@centre.example"]
    assert message["To"] == "Amara Nwosu <amara@centre.example>"
    assert message["From"] == "Encore am Hafen <encore@centre.example>"
    assert message["Subject"] == "Rosa Lind assigned you “Calm first”"
    assert message["Auto-Submitted"] == "auto-generated"
    assert message["List-Unsubscribe"] == "<https://encore.example/account/notices>"
    assert message["Message-ID"] == f"<notice-{view.id}@centre.example>"
    assert message["Date"]
    text, html = (part.get_content().replace("\r\n", "\n") for part in message.iter_parts())
    for body in (text, html):
        assert "To be done by 1 December" in body
        assert f"https://encore.example/notices/{view.id}/open" in body
        assert "https://encore.example/account/notices" in body
    assert "<p>Hello Amara Nwosu,</p>" in html
    assert "\nOpen it:\n" in text

    await Person.update({Person.locale: "zh-Hans"}).where(Person.id == amara.id)
    await assigned(amara, "a:2")
    await jobs.drain()
    assert "先冷静" in box.messages[1]["Subject"]


async def test_only_what_the_person_chose_leaves_the_house_and_the_inbox_always_fills(
    database: str, box: Mailbox
) -> None:
    """002-2"""
    amara = await a_person()
    viewer = viewer_for(amara)
    await choices.choose(viewer, {"t_assigned": "inbox", "t_due": "inbox"})
    await assigned(amara)
    await notify(amara.id, "t_due", source="due:1", params={"title": TITLE})
    await jobs.drain(db.utc_now() + timedelta(days=2))
    assert box.envelopes == []
    assert await unread_count(amara.id) == 2

    await choices.choose(viewer, {"t_due": "mail"})
    await notify(amara.id, "t_due", source="due:2", params={"title": TITLE})
    await jobs.drain()
    assert [message["Subject"] for message in box.messages] == ["Soon due: Calm first"]


async def test_many_people_get_a_mail_each_unless_they_chose_otherwise(database: str, box: Mailbox) -> None:
    people = [await a_person() for _number in range(6)]
    await choices.choose(viewer_for(people[0]), {"t_assigned": "inbox"})
    ids = [person.id for person in people]
    await notify_many(ids, "t_assigned", source="all", params={"title": TITLE, "by": str(ids[0])})
    queued = await db.fetch("SELECT name FROM job WHERE state = 'queued'")
    assert len([row for row in queued if row["name"] == "hand_out_mail"]) == 1, "one job in the sender's way"
    await jobs.drain()
    assert sorted(e.rcpt_tos[0] for e in box.envelopes) == sorted(str(person.email) for person in people[1:])


async def test_what_was_settled_meanwhile_is_not_mailed(database: str, box: Mailbox) -> None:
    read, withdrawn, changed, gone = [await a_person() for _number in range(4)]
    for person in (read, withdrawn, changed, gone):
        await assigned(person, f"a:{person.id}")
    await service.mark_all_read(viewer_for(read))
    await withdraw(f"a:{withdrawn.id}")
    await choices.choose(viewer_for(changed), {"t_assigned": "inbox"})
    await Person.update({Person.active: False}).where(Person.id == gone.id)
    await jobs.drain()
    assert box.envelopes == []


async def test_nothing_is_mailed_for_a_change_that_was_taken_back(database: str, box: Mailbox) -> None:
    amara = await a_person()

    async def fail() -> None:
        async with db.transaction():
            await assigned(amara)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        await fail()
    await jobs.drain()
    assert box.envelopes == []


async def test_a_job_that_runs_twice_mails_once(database: str, box: Mailbox) -> None:
    amara = await a_person()
    await assigned(amara)
    (view,) = await latest(viewer_for(amara))
    await jobs.enqueue(mail.mail_notice, {"notice": str(view.id)})
    await jobs.drain()
    assert len(box.envelopes) == 1


async def test_a_mail_that_left_while_the_database_went_away_is_not_sent_again(
    database: str, box: Mailbox, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def away(*_args: Any) -> Any:
        raise db.DatabaseGone("away")

    monkeypatch.setattr(mail.queries, "mark_mailed", away)
    await assigned(await a_person(email="amara@centre.example"))
    await jobs.drain()
    await jobs.drain(db.utc_now() + timedelta(hours=1))
    assert len(box.messages) == 1
    assert "mailed, which could not be noted" in caplog.text


@pytest.mark.parametrize("what", ["notice", "letter"])
async def test_a_run_that_lost_its_lease_mails_nothing(
    database: str, box: Mailbox, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    """The machine slept while the mail was made, and another worker has begun it anew."""
    amara = await a_person(email="amara@centre.example")
    if what == "notice":
        await assigned(amara)
    else:
        await mail.send(amara.id, "Words", "And more.")
    real = post_office.compose

    def slowly(*args: Any, **options: Any) -> Any:
        lost.append(True)
        return real(*args, **options)

    async def deliver(*args: Any) -> None:
        pytest.fail("it was mailed all the same")

    async def keep(*_args: Any) -> bool:
        return not lost

    lost: list[bool] = []
    monkeypatch.setattr(post_office, "compose", slowly)
    monkeypatch.setattr(post_office, "deliver", deliver)
    monkeypatch.setattr(jobs.job_queue, "keep", keep)
    await jobs.drain()
    assert lost == [True]
    assert box.messages == []


async def test_without_mail_nothing_is_sent_and_nothing_fails(database: str) -> None:
    amara = await a_person()
    await assigned(amara)
    await mail.send(amara.id, "Hello", "Words.")
    await jobs.publish("link_wanted", {"person": str(amara.id), "purpose": "invitation"})
    await jobs.drain(db.utc_now() + timedelta(days=1))
    rows = await db.fetch("SELECT name, state FROM job WHERE name LIKE '%mail%' OR name = 'send_digests'")
    assert {(row["name"], row["state"]) for row in rows} == {
        ("link_wanted:notices.mail.mail_link", "done"),
        ("send_digests", "done"),
    }
    assert await mail.failures() == []
    assert await unread_count(amara.id) == 1


async def test_a_letter_of_another_room(database: str, box: Mailbox) -> None:
    amara = await a_person()
    await mail.send(amara.id, "A word\r\nBcc: all@centre.example", "First.\n\n<b>Second</b>.")
    await jobs.drain()
    (message,) = box.messages
    assert message["Subject"] == "A word Bcc: all@centre.example"
    assert message["Bcc"] is None
    html = message.get_body(("html",)).get_content().replace("\r\n", "\n")
    assert "<p>First.</p>\n<p>&lt;b&gt;Second&lt;/b&gt;.</p>" in html


@pytest.mark.parametrize(
    "evil", ["Eve\r\nBcc: victim@x.example", "Eve\nSubject: other", "Eve\x0b\x1c\u2028X: y", '"Eve" <a@b>']
)
async def test_no_name_or_title_becomes_a_header(database: str, box: Mailbox, evil: str) -> None:
    amara = await a_person(email="amara@centre.example")
    await Person.update({Person.name: evil}).where(Person.id == amara.id)
    params = {"title": {"en": evil}, "by": str(amara.id)}
    await notify(amara.id, "t_assigned", source="a", params=params)
    await jobs.drain()
    (envelope,) = box.envelopes
    assert envelope.rcpt_tos == ["amara@centre.example"]
    head = envelope.content.split(b"\r\n\r\n")[0].decode()
    names = [line.partition(":")[0] for line in head.split("\r\n") if not line.startswith((" ", "\t"))]
    assert sorted(names) == sorted(
        ["From", "To", "Subject", "Date", "Message-ID", "Auto-Submitted", "X-Auto-Response-Suppress",
         "List-Unsubscribe", "MIME-Version", "Content-Type", "X-Peer", "X-MailFrom", "X-RcptTo"]
    ) or set(names) <= {
        "From", "To", "Subject", "Date", "Message-ID", "Auto-Submitted", "X-Auto-Response-Suppress",
        "List-Unsubscribe", "MIME-Version", "Content-Type",
    }  # fmt: skip


# The digest


async def test_one_mail_a_day_at_seven_of_the_persons_own_morning(database: str, box: Mailbox) -> None:
    person = await a_person(time_zone="Asia/Tokyo")  # seven there is 22:00 UTC of the day before
    day = datetime(2026, 11, 24, tzinfo=UTC)
    for hours, source in ((-30, "too old"), (-20, "evening"), (-3, "late"), (-1, "read"), (-0.5, "gone")):
        with db.as_of(day.replace(hour=22) + timedelta(hours=hours)):
            await notify(person.id, "t_due", source=source, params={"title": {"en": source}})
    with db.as_of(day.replace(hour=21)):
        (read,) = [view for view in await latest(viewer_for(person)) if view.words == "Soon due: read"]
        await service.mark_read(viewer_for(person), read.id)
        await withdraw("gone")
    await jobs.drain(day.replace(hour=21, minute=46))
    assert box.envelopes == []
    await jobs.drain(day.replace(hour=22, minute=1))
    (message,) = box.messages
    assert message["Subject"] == "2 things are new for you"
    text = message.get_body(("plain",)).get_content()
    assert text.index("Soon due: late") < text.index("Soon due: evening")
    assert "too old" not in text
    assert "Soon due: read" not in text
    with db.as_of(day.replace(hour=22, minute=5)):
        await notify(person.id, "t_due", source="afterwards", params={"title": {"en": "afterwards"}})
    for minute in (16, 31, 59):
        await jobs.drain(day.replace(hour=22, minute=minute))
    assert len(box.envelopes) == 1, "what came after seven waits for tomorrow"
    await jobs.drain(day.replace(day=25, hour=22, minute=1))
    assert len(box.envelopes) == 2
    assert "afterwards" in box.messages[1].get_body(("plain",)).get_content()
    await jobs.drain(day.replace(day=26, hour=22, minute=1))
    assert len(box.envelopes) == 2, "no mail on a day without news"


async def test_a_digest_that_was_missed_at_seven_comes_later_that_day(database: str, box: Mailbox) -> None:
    person = await a_person(time_zone="UTC")
    with db.as_of(datetime(2026, 11, 24, 5, tzinfo=UTC)):
        await notify(person.id, "t_due", source="s", params={"title": TITLE})
    await jobs.drain(datetime(2026, 11, 24, 11, 20, tzinfo=UTC))
    assert len(box.envelopes) == 1


async def test_the_digest_is_as_long_as_it_is_useful(database: str, box: Mailbox) -> None:
    person = await a_person(time_zone="UTC")
    with db.as_of(datetime(2026, 11, 24, 5, tzinfo=UTC)):
        for number in range(30):
            await notify(person.id, "t_due", source=f"s:{number}", params={"title": TITLE})
    await jobs.drain(datetime(2026, 11, 24, 7, 1, tzinfo=UTC))
    text = box.messages[0].get_body(("plain",)).get_content()
    assert text.count("/open") == 20
    assert "And 10 more." in text


def test_seven_in_the_morning_also_when_the_clocks_change() -> None:
    # 29 March 2026 in Lisbon: 01:00 becomes 02:00; seven of summer time is 06:00 UTC
    zone, seven = "Europe/Lisbon", datetime(2026, 3, 29, 6, tzinfo=UTC)
    assert not mail.is_due(seven - timedelta(hours=1), zone, seven - timedelta(minutes=1))
    assert mail.is_due(seven - timedelta(hours=1), zone, seven)
    assert mail.is_due(seven - timedelta(hours=22, minutes=59), zone, seven)
    assert not mail.is_due(seven - timedelta(hours=23), zone, seven), "that was in yesterday's"


# Links


@pytest.mark.parametrize(
    ("purpose", "password", "subject"),
    [
        ("invitation", None, "Your invitation to Encore"),
        ("reset", "seven quiet herons", "A new password for Encore"),
        ("invitation", "seven quiet herons", "A new password for Encore"),
        ("card", None, "Sign in to Encore"),
    ],
)
async def test_a_wanted_link_is_made_when_it_is_mailed_and_stands_nowhere_else(
    database: str, box: Mailbox, purpose: str, password: str | None, subject: str
) -> None:
    from trainer.people.links import read_link

    amara = await a_person(password=password)
    await jobs.publish("link_wanted", {"person": str(amara.id), "purpose": purpose})
    await jobs.drain()
    (message,) = box.messages
    assert message["Subject"] == subject
    assert message["List-Unsubscribe"] is None
    text = message.get_body(("plain",)).get_content()
    (address,) = [word for word in text.split() if word.startswith("https://encore.example/welcome/")]
    secret = address.rpartition("/")[2]
    assert (await read_link(secret)).address == amara.email
    for table in ("job", "audit_entry", "link", "notice"):
        assert secret not in json.dumps(await db.fetch(f"SELECT * FROM {table}"), default=str), table


async def test_a_person_without_an_address_gets_their_link_by_hand(database: str, box: Mailbox) -> None:
    from trainer.people import service as people

    person = await people.create_person(None, name="Omar", employee_no="E-7", roles=["agent"])
    await jobs.publish("link_wanted", {"person": str(person), "purpose": "invitation"})
    await jobs.drain()
    assert box.envelopes == []
    assert await db.fetch("SELECT id FROM link") == [], "nor is a link made that nobody would see"


# When the server is not as one wishes


async def attempts(name: str = "mail_notice") -> tuple[str, int, str]:
    (row,) = await db.fetch("SELECT state, attempts, error FROM job WHERE name = {}", name)
    return row["state"], row["attempts"], row["error"]


def said_by_us(caplog: pytest.LogCaptureFixture) -> str:
    """The log without what the test's own mail server says."""
    return "\n".join(
        caplog.handler.format(record) for record in caplog.records if not record.name.startswith("mail.")
    )


async def run_all_attempts() -> None:
    """As the hours go by."""
    moment = db.utc_now()
    for _try in range(mail.ATTEMPTS + 2):
        moment += timedelta(hours=2)
        await jobs.drain(moment)


async def test_while_the_server_is_away_mail_waits(database: str, caplog: pytest.LogCaptureFixture) -> None:
    port = free_port()
    post_office.set_up(mail_settings(port))
    amara = await a_person(email="amara@centre.example")
    await assigned(amara)
    await jobs.drain()
    state, tried, error = await attempts()
    assert (state, tried) == ("queued", 1)
    assert "does not answer" in error
    with mail_server() as later:
        post_office.set_up(mail_settings(later.port))
        await jobs.drain(db.utc_now() + timedelta(minutes=1))
        assert len(later.envelopes) == 1
    post_office.set_up(Settings())
    assert "amara@" not in said_by_us(caplog)


async def test_what_fails_for_good_is_seen_by_admins(database: str, caplog: pytest.LogCaptureFixture) -> None:
    port = free_port()
    post_office.set_up(mail_settings(port))
    amara = await a_person(name="Amara Nwosu", email="amara@centre.example")
    await assigned(amara)
    await run_all_attempts()
    post_office.set_up(Settings())
    (failure,) = await mail.failures()
    assert (failure.what, failure.name) == ("mail_notice", "Amara Nwosu")
    assert failure.why == f"The mail server 127.0.0.1:{port} does not answer (SMTPConnectError)."
    assert await unread_count(amara.id) == 1
    assert "amara@" not in said_by_us(caplog)


async def test_a_refused_address_is_not_tried_again_and_not_repeated(
    database: str, box: Mailbox, caplog: pytest.LogCaptureFixture
) -> None:
    box.refuse = "550 5.1.1 <{address}>: no such mailbox"
    amara = await a_person(email="amara@centre.example")
    await assigned(amara)
    await jobs.drain()
    state, tried, error = await attempts()
    assert (state, tried) == ("failed", 1)
    assert error == "The mail server refused it: 550 5.1.1 <…>: no such mailbox"
    assert "amara@" not in said_by_us(caplog)


async def test_a_server_that_is_busy_is_asked_again(database: str, box: Mailbox) -> None:
    box.refuse = "451 4.3.0 come back later"
    await assigned(await a_person())
    await jobs.drain()
    assert (await attempts())[:2] == ("queued", 1)
    box.refuse = ""
    await jobs.drain(db.utc_now() + timedelta(minutes=1))
    assert len(box.envelopes) == 1


@pytest.mark.filterwarnings("ignore:Requiring AUTH")  # what the test server thinks of itself
async def test_a_server_that_wants_a_password_gets_it(database: str) -> None:
    with mail_server(auth=True) as box:
        post_office.set_up(mail_settings(box.port, "encore%40centre.example:p%40ss%2Fword@"))
        await assigned(await a_person())
        await jobs.drain()
        assert box.signed_in == ["encore@centre.example"]
        assert len(box.envelopes) == 1
        for wrong, said in (
            ("encore%40centre.example:wrong@", "does not accept our user name and password: 535"),
            ("", "wants a user name and password in TRAINER_SMTP_URL: 530"),
        ):
            post_office.set_up(mail_settings(box.port, wrong))
            post = post_office.office()
            assert post
            with pytest.raises(post_office.NotSent, match=said) as caught:
                await mail.send_test(post, "ingrid@centre.example")
            assert "wrong" not in str(caught.value)
            assert "@" not in str(caught.value)
    post_office.set_up(Settings())


async def test_encryption_is_used_when_offered_and_its_certificate_is_checked(
    database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    context = certificate(tmp_path)
    with mail_server(tls=context) as box:
        post_office.set_up(mail_settings(box.port))
        post = post_office.office()
        assert post
        with pytest.raises(post_office.NotSent, match=r"certificate .* cannot be trusted"):
            await mail.send_test(post, "ingrid@centre.example")
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "cert.pem"))
        await mail.send_test(post, "ingrid@centre.example")
        post_office.set_up(mail_settings(box.port, query="?starttls=no"))
        open_post = post_office.office()
        assert open_post
        await mail.send_test(open_post, "ingrid@centre.example")
        assert len(box.envelopes) == 2
    with mail_server() as plain:
        post_office.set_up(mail_settings(plain.port, query="?starttls=yes"))
        insists = post_office.office()
        assert insists
        with pytest.raises((post_office.NotSent, post_office.Refused)):
            await mail.send_test(insists, "ingrid@centre.example")
        assert plain.envelopes == []
    post_office.set_up(Settings())


@pytest.mark.filterwarnings("ignore:Requiring AUTH")  # what the test server thinks of itself
async def test_a_password_never_crosses_a_network_in_the_clear_by_itself(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with mail_server(auth=True) as box:
        far = f"smtp://encore%40centre.example:p%40ss%2Fword@far.centre.example:{box.port}"
        monkeypatch.setattr("aiosmtplib.SMTP", _landing_here)
        post_office.set_up(Settings(smtp_url=far))
        post = post_office.office()
        assert post
        with pytest.raises(post_office.NotSent, match="offers no encryption"):
            await mail.send_test(post, "ingrid@centre.example")
        assert box.signed_in == []
        post_office.set_up(Settings(smtp_url=far + "?starttls=no"))
        said_so = post_office.office()
        assert said_so
        await mail.send_test(said_so, "ingrid@centre.example")
        assert len(box.envelopes) == 1
    post_office.set_up(Settings())


def _landing_here(**options: Any) -> Any:
    """As if the far host's name led to this machine."""
    from aiosmtplib.smtp import SMTP

    return SMTP(**{**options, "hostname": "127.0.0.1"})


async def test_an_address_that_is_none_is_refused_in_words(database: str, box: Mailbox) -> None:
    amara = await a_person()
    await Person.update({Person.email: "amara at home"}).where(Person.id == amara.id)
    await assigned(amara)
    await jobs.drain()
    state, tried, error = await attempts()
    assert (state, tried) == ("failed", 1)
    assert "not one that mail can be sent to" in error
