"""Every setting of a centre, read once from the environment (`TRAINER_*`).

A secret may also come from a file: `TRAINER_SECRET_KEY_FILE=/run/secrets/key` is read in place of
`TRAINER_SECRET_KEY`. Each field's description is its documentation: README's table is made from it.
Invariant: nothing else in the package reads `TRAINER_*` from the environment.
"""

import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from email.headerregistry import Address
from email.utils import getaddresses
from pathlib import Path
from typing import Any, Literal
from urllib.parse import parse_qs, unquote, urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import Field, ValidationInfo, field_validator
from pydantic.fields import FieldInfo
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

PREFIX = "TRAINER_"


class _SecretFiles(PydanticBaseSettingsSource):
    """Reads `TRAINER_X_FILE` for any setting X, as container secrets are handed over."""

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        path = os.environ.get(f"{PREFIX}{field_name.upper()}_FILE")
        value = Path(path).read_text(encoding="utf-8").strip() if path else None
        return value, field_name, False

    def __call__(self) -> dict[str, Any]:
        values = {
            name: self.get_field_value(f, name)[0] for name, f in self.settings_cls.model_fields.items()
        }
        return {name: value for name, value in values.items() if value is not None}


@dataclass(frozen=True, slots=True)
class MailServer:
    """Where mail is handed over. `tls`: from the first byte (always), when it is offered, or never."""

    host: str
    port: int
    tls: Literal["always", "offered", "required", "never"]
    username: str = ""
    password: str = field(default="", repr=False)


def read_mail_server(url: str) -> MailServer:
    """The server of `smtp://user:password@host:587?starttls=no` or `smtps://…`.

    Raises ValueError in words that repeat nothing of the address: a password may stand in it.
    """
    parts = urlsplit(url)
    options = parse_qs(parts.query)
    starttls = options.get("starttls", ["offered"])[-1]
    known = {"offered": "offered", "yes": "required", "no": "never"}
    if parts.scheme not in ("smtp", "smtps") or not parts.hostname:
        raise ValueError(
            "is not the address of a mail server; use smtp://user:password@host:587 or smtps://…"
        )
    if set(options) - {"starttls"} or starttls not in known:
        raise ValueError("takes one option: ?starttls=yes or ?starttls=no")
    try:
        port = parts.port
    except ValueError:
        raise ValueError(
            "has a port that is none; in a password write / as %2F, : as %3A, @ as %40"
        ) from None
    secure = parts.scheme == "smtps"
    return MailServer(
        host=parts.hostname,
        port=port or (465 if secure else 587 if parts.username else 25),
        tls="always" if secure else known[starttls],  # type: ignore[arg-type] # one of the words above
        username=unquote(parts.username or ""),
        password=unquote(parts.password or ""),
    )


class Settings(BaseSettings):
    """The settings of one running centre."""

    # a wrong value may be a secret: errors name the setting and repeat nothing
    model_config = SettingsConfigDict(
        env_prefix=PREFIX, extra="ignore", frozen=True, hide_input_in_errors=True
    )

    data: Path = Field(
        Path("trainer-data"),
        description="Folder for the database, recordings and clips, incoming uploads and the secret key.",
    )
    database_url: str = Field(
        "", description="Empty: SQLite inside the data folder. Or `postgresql://user:password@host/name`."
    )
    database_pool: int = Field(10, ge=1, le=200, description="Most database connections per process.")
    storage_url: str = Field(
        "",
        description="Empty: a folder inside the data folder. Or `s3://bucket/prefix` (AWS_* variables apply).",
    )
    secret_key: str = Field(
        "",
        description="Signs links and tokens. Empty: made on first use and kept in the data folder, mode 600.",
    )
    base_url: str = Field(
        "http://127.0.0.1:8000", description="The address people type; requests for other hosts are refused."
    )
    site_name: str = Field("Encore", description="Shown in the browser's title and on the sign-in page.")
    time_zone: str = Field("UTC", description="The site's zone, for people without one of their own.")
    locale: Literal["en", "zh-Hans", "zh-Hant"] = Field("en", description="Language of pages before sign-in.")
    clip_review: Literal["self", "second", "two"] = Field(
        "second",
        description="Who looks at a clip before it is published: `self` nobody else (logged so), `second` one other "
        "person, `two` two others. `0`, `1` and `2` mean the same.",
    )
    upload_limit_mb: int = Field(2048, ge=1, description="Largest recording accepted, in megabytes.")
    keep_days: int = Field(
        180,
        ge=1,
        le=3650,
        description="Days that a call is kept unless its upload says until when; the upload page proposes this day.",
    )
    asr: Literal["none", "whisper"] = Field(
        "none",
        description="Speech recognition: `none`, or `whisper` (the extra `asr`: faster-whisper, on this machine).",
    )
    asr_model: Path | None = Field(
        None, description="Folder with a Whisper model in CTranslate2's format. Nothing is ever downloaded."
    )
    objection_days: int = Field(
        5,
        ge=1,
        le=90,
        description="Days within which an agent's objection to a clip is answered; a reminder comes before, and "
        "admins are told after.",
    )
    session_days: int = Field(14, ge=1, le=90, description="Days without a visit after which a sign-in ends.")
    tls_cert: Path | None = Field(None, description="Certificate file, to serve https without a proxy.")
    tls_key: Path | None = Field(None, description="Key file that belongs to the certificate.")
    trusted_proxies: str = Field(
        "127.0.0.1",
        description="Proxies whose X-Forwarded-* headers count: addresses and networks, with commas between; or `*`.",
    )
    metrics_token: str = Field(
        "",
        repr=False,
        description="Bearer token for `/metrics`. Empty: only programs on the machine itself read it.",
    )
    smtp_url: str = Field(
        "",
        repr=False,
        description="Mail server: `smtp://user:password@host:587` (STARTTLS when offered; `?starttls=yes` insists, "
        "`?starttls=no` forgoes it) or `smtps://…`. Empty: no mail is sent, and nothing needs it.",
    )
    mail_from: str = Field(
        "",
        validate_default=True,
        description="Sender of mails, such as `Encore <encore@example.com>`. Empty: the user name of the mail server.",
    )
    workers_embedded: bool = Field(True, description="Run background jobs inside `trainer serve` too.")
    debug: bool = Field(
        False, description="Style guide page, templates reloaded. Never on a reachable server."
    )

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return init_settings, env_settings, _SecretFiles(settings_cls)

    @field_validator("clip_review", mode="before")
    @classmethod
    def _reviewers(cls, value: object) -> object:
        return {"0": "self", "1": "second", "2": "two"}.get(str(value), value)

    @field_validator("time_zone")
    @classmethod
    def _known_zone(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (ZoneInfoNotFoundError, ValueError) as error:
            raise ValueError(f"{value!r} is not a time zone; use a name such as Europe/Lisbon") from error
        return value

    @field_validator("smtp_url")
    @classmethod
    def _mail_server_is_readable(cls, value: str) -> str:
        if value:
            read_mail_server(value)
        return value

    @field_validator("mail_from")
    @classmethod
    def _sender_is_an_address(cls, value: str, info: ValidationInfo) -> str:
        url = info.data.get("smtp_url", "")
        sender = value or (read_mail_server(url).username if url else "")
        if not url and not value:
            return ""
        try:
            ((name, address),) = getaddresses([sender])
            Address(name, addr_spec=address)
        except (ValueError, IndexError) as error:
            raise ValueError(
                "the sender is not an address; use encore@example.com, or Encore <encore@…>"
            ) from error
        if "@" not in address or not sender.isprintable():
            raise ValueError("mail needs a sender's address, such as encore@example.com")
        return sender

    @property
    def mail_server(self) -> MailServer | None:
        """Where mail is handed over; None when the centre sends none."""
        return read_mail_server(self.smtp_url) if self.smtp_url else None

    @property
    def effective_database_url(self) -> str:
        """The database's URL: the given one, or SQLite inside the data folder."""
        return self.database_url or f"sqlite:///{(self.data / 'trainer.sqlite').absolute()}"

    @property
    def effective_storage_url(self) -> str:
        """Where recordings and clips are kept: the given URL, or a folder inside the data folder."""
        return self.storage_url or (self.data / "objects").absolute().as_uri()

    @property
    def incoming(self) -> Path:
        """Uploads that are still arriving; swept at start."""
        return self.data / "incoming"

    @property
    def secure(self) -> bool:
        """True where people arrive over https: cookies are then Secure and named so."""
        return self.base_url.startswith("https://")

    def key(self) -> bytes:
        """The secret key; made on first use (mode 600) when none is set. Creates the data folder."""
        if self.secret_key:
            return self.secret_key.encode()
        path = self.data / "secret-key"
        self.data.mkdir(parents=True, exist_ok=True, mode=0o700)
        try:
            handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            return path.read_bytes().strip()
        with os.fdopen(handle, "wb") as file:
            file.write(secrets.token_hex(32).encode())
        return path.read_bytes().strip()


def documented() -> Mapping[str, str]:
    """Environment name → what it does, for README and `trainer doctor`."""
    return {
        f"{PREFIX}{name.upper()}": field.description or "" for name, field in Settings.model_fields.items()
    }
