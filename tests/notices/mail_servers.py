"""Mail servers to send to: a real one on this machine that keeps, refuses, demands a password or vanishes."""

import email
import socket
import ssl
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, LoginPassword


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@dataclass
class Mailbox:
    """What arrived, and how the server is to behave."""

    port: int = 0
    envelopes: list[Any] = field(default_factory=list)
    refuse: str = ""  # what it answers to each recipient
    signed_in: list[str] = field(default_factory=list)

    @property
    def messages(self) -> list[EmailMessage]:
        """The mails, parsed."""
        return [email.message_from_bytes(one.content, policy=default) for one in self.envelopes]  # type: ignore[misc]

    async def handle_RCPT(self, server: Any, session: Any, envelope: Any, address: str, options: Any) -> str:
        if self.refuse:
            return self.refuse.format(address=address)
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        self.envelopes.append(envelope)
        return "250 taken"

    def check(self, server: Any, session: Any, envelope: Any, mechanism: str, data: Any) -> AuthResult:
        assert isinstance(data, LoginPassword)
        well = (data.login, data.password) == (b"encore@centre.example", b"p@ss/word")
        if well:
            self.signed_in.append(data.login.decode())
        return AuthResult(success=well, handled=False)


@contextmanager
def mail_server(*, auth: bool = False, tls: ssl.SSLContext | None = None) -> Iterator[Mailbox]:
    """A running server; `auth`: it takes mail from whoever signs in; `tls`: it offers STARTTLS."""
    box = Mailbox(port=free_port())
    options: dict[str, Any] = {"tls_context": tls} if tls else {}
    if auth:
        options |= {"auth_required": True, "auth_require_tls": False, "authenticator": box.check}
    server = Controller(box, hostname="127.0.0.1", port=box.port, **options)
    server.start()
    try:
        yield box
    finally:
        server.stop()


def certificate(folder: Path) -> ssl.SSLContext:
    """A server's context with a certificate that nobody has signed but itself."""
    key, cert = folder / "key.pem", folder / "cert.pem"
    command = [
        "openssl",
        "req",
        "-x509",
        "-newkey",
        "rsa:2048",
        "-nodes",
        "-days",
        "2",
        "-subj",
        "/CN=127.0.0.1",
    ]
    command += ["-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(key), "-out", str(cert)]
    subprocess.run(command, check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    return context
