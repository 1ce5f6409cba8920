"""Handing mail over to the centre's mail server.

Invariant: nothing that is raised or logged here holds an address, a password or a word of the mail; a header
is always one line, whatever a name or subject holds.
"""

import re
from dataclasses import dataclass
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, parseaddr
from typing import TYPE_CHECKING

from trainer import db
from trainer.jobs import Permanent
from trainer.settings import MailServer, Settings
from trainer.web.i18n import _

if TYPE_CHECKING:
    import aiosmtplib

TIMEOUT_S = 20.0


class NotSent(Exception):
    """The mail server could not take it now; a later try may help."""


class Refused(Permanent):
    """The mail server will never take it."""


@dataclass(frozen=True, slots=True)
class PostOffice:
    """Where mail goes, whom it comes from, and where its links lead."""

    server: MailServer
    sender: Address
    base_url: str

    def address_of(self, path: str) -> str:
        """The whole address of one of our pages."""
        return f"{self.base_url}{path}"


_office: PostOffice | None = None
_site_name = "Encore"


def set_up(settings: Settings, *, demo: bool = False) -> None:
    """Told once by whatever starts this process (server, worker, command). A sample centre sends no mail."""
    global _office, _site_name
    _site_name = settings.site_name
    server = settings.mail_server
    if server is None or demo:
        _office = None
        return
    name, address = parseaddr(settings.mail_from)
    sender = Address(one_line(name or settings.site_name), addr_spec=address)
    _office = PostOffice(server, sender, settings.base_url.rstrip("/"))


def office() -> PostOffice | None:
    """The centre's, or None: then it sends no mail."""
    return _office


def site_name() -> str:
    """What the centre is called."""
    return _site_name


def one_line(text: str, most: int = 200) -> str:
    """Any text as part of a header: no line break or control character survives."""
    printable = "".join(letter if letter.isprintable() else " " for letter in text)
    return " ".join(printable.split())[:most]


def compose(
    post: PostOffice,
    *,
    name: str,
    address: str,
    subject: str,
    text: str,
    html: str,
    key: str,
    choices: bool,
) -> EmailMessage:
    """A mail in plain text and HTML. `key` makes its Message-ID: a mail that is sent twice is known as one.

    `choices`: names the page where one chooses what is sent. Raises Refused for what is no address.
    """
    message = EmailMessage(policy=SMTP)
    message["From"] = post.sender
    try:
        message["To"] = Address(one_line(name), addr_spec=address)
    except (ValueError, IndexError):
        raise Refused(_("The address of this person is not one that mail can be sent to.")) from None
    message["Subject"] = one_line(subject)
    message["Date"] = format_datetime(db.utc_now())
    message["Message-ID"] = f"<{key}@{post.sender.domain}>"
    message["Auto-Submitted"] = "auto-generated"  # no answer by machines, please
    message["X-Auto-Response-Suppress"] = "All"
    if choices:
        message["List-Unsubscribe"] = f"<{post.address_of('/account/notices')}>"
    message.set_content(text, cte="quoted-printable")
    message.add_alternative(html, subtype="html", cte="quoted-printable")
    return message


async def deliver(post: PostOffice, message: EmailMessage) -> None:
    """Hands one mail over. Raises NotSent (try again) or Refused (never), both in words for an admin."""
    import aiosmtplib

    try:
        client = await _connected(post)
        try:
            await client.send_message(message)
        finally:
            client.close()
    except aiosmtplib.SMTPRecipientsRefused as error:
        raise _answered(post, error.recipients[0]) from None
    except aiosmtplib.SMTPResponseException as error:
        raise _answered(post, error) from None
    except aiosmtplib.SMTPNotSupported:
        raise Refused(
            _("The mail server cannot handle an address with letters such as those of this person.")
        ) from None
    except (aiosmtplib.SMTPException, OSError) as error:
        raise _unanswered(post, error) from None


async def check(post: PostOffice) -> None:
    """Connects and signs in, and sends nothing. Raises NotSent or Refused."""
    import aiosmtplib

    try:
        (await _connected(post)).close()
    except aiosmtplib.SMTPResponseException as error:
        raise _answered(post, error) from None
    except (aiosmtplib.SMTPException, OSError) as error:
        raise _unanswered(post, error) from None


async def _connected(post: PostOffice) -> "aiosmtplib.SMTP":
    import aiosmtplib

    server = post.server
    client = aiosmtplib.SMTP(
        hostname=server.host,
        port=server.port,
        timeout=TIMEOUT_S,
        use_tls=server.tls == "always",
        start_tls={"offered": None, "required": True}.get(server.tls, False),
    )
    await client.connect()
    try:
        if server.username:
            _require_privacy(client, server)
            await client.login(server.username, server.password)
    except BaseException:
        client.close()
        raise
    return client


def _require_privacy(client: "aiosmtplib.SMTP", server: MailServer) -> None:
    """A password crosses a network in the clear only when somebody said so: stripping STARTTLS is an old trick."""
    private = client.get_transport_info("sslcontext") is not None
    if not private and server.tls != "never" and server.host not in ("localhost", "127.0.0.1", "::1"):
        raise NotSent(
            _(
                "The mail server offers no encryption, so the password was not sent. "
                "Add ?starttls=no to TRAINER_SMTP_URL to send it all the same."
            )
        )


def _answered(post: PostOffice, error: "aiosmtplib.SMTPResponseException") -> Exception:
    """What the server said, without the addresses that it likes to repeat."""
    import aiosmtplib

    said = f"{error.code} {without_addresses(one_line(str(error.message)), post.server.username)}"
    if error.code == 530:
        return NotSent(
            _("The mail server wants a user name and password in TRAINER_SMTP_URL: %(said)s") % {"said": said}
        )
    if isinstance(error, aiosmtplib.SMTPAuthenticationError):
        return NotSent(
            _("The mail server does not accept our user name and password: %(said)s") % {"said": said}
        )
    if isinstance(error, aiosmtplib.SMTPSenderRefused):
        return NotSent(
            _("The mail server does not accept our sender, TRAINER_MAIL_FROM: %(said)s") % {"said": said}
        )
    for_good = 500 <= error.code < 600
    return (Refused if for_good else NotSent)(_("The mail server refused it: %(said)s") % {"said": said})


def _unanswered(post: PostOffice, error: Exception) -> NotSent:
    where = {"host": f"{post.server.host}:{post.server.port}", "why": type(error).__name__}
    if "certificate" in str(error).lower():
        return NotSent(_("The certificate of the mail server %(host)s cannot be trusted.") % where)
    return NotSent(_("The mail server %(host)s does not answer (%(why)s).") % where)


def without_addresses(text: str, *secrets: str) -> str:
    """A server's sentence with everything that looks like an address taken out."""
    for secret in filter(None, secrets):
        text = text.replace(secret, "…")
    return re.sub(r"[^\s<>@:,;]+@[^\s<>@:,;]+", "…", text)
