"""`trainer doctor`: what is wrong with an installation, and what to do about it."""

import os
import shutil
import sqlite3
from dataclasses import dataclass
from urllib.parse import urlsplit

from trainer import db, storage
from trainer.notices import mail, post_office
from trainer.settings import Settings

LOW_DISK = 2 << 30


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing looked at; `remedy` says what to do, also where all is well but something is off."""

    what: str
    well: bool = True
    remedy: str = ""


async def examine(settings: Settings) -> list[Finding]:
    """Looks at the data folder, database, storage and address of a centre. Changes nothing."""
    return [
        *_data_folder(settings),
        *await _database(settings),
        await _storage(settings),
        *_address(settings),
        *await _mail(settings),
    ]


def _data_folder(settings: Settings) -> list[Finding]:
    folder = settings.data.absolute()
    if not folder.is_dir():
        return [
            Finding(f"There is no data folder at {folder}.", False, "Run: trainer init, or set TRAINER_DATA.")
        ]
    findings = []
    if os.access(folder, os.W_OK):
        findings.append(Finding(f"The data folder {folder} can be written."))
    else:
        remedy = "Give it to the service's user."
        findings.append(Finding(f"The data folder {folder} cannot be written.", False, remedy))
    free = shutil.disk_usage(folder).free
    enough = free > LOW_DISK
    remedy = "" if enough else "Free some space; uploads are refused when the disk is full."
    findings.append(Finding(f"{free / (1 << 30):.1f} GB are free there.", enough, remedy))
    key = folder / "secret-key"
    if key.exists() and key.stat().st_mode & 0o077:
        findings.append(
            Finding("Others on this machine can read the secret key.", False, f"Run: chmod 600 {key}")
        )
    return findings


async def _database(settings: Settings) -> list[Finding]:
    version = sqlite3.sqlite_version_info
    if not settings.database_url and version < (3, 38):
        return [
            Finding(
                f"SQLite {sqlite3.sqlite_version} is too old.", False, "Use Python with SQLite 3.38 or newer."
            )
        ]
    if not settings.database_url and not (settings.data / "trainer.sqlite").exists():
        return [Finding("There is no database yet.", False, "Run: trainer init")]
    try:
        await db.open_database(settings.effective_database_url, pool_size=1)
    except db.DatabaseError as error:
        return [
            Finding(
                f"The database does not answer: {error}", False, "Check TRAINER_DATABASE_URL and the server."
            )
        ]
    try:
        if await db.newer_schema():
            return [Finding("The database is newer than this version.", False, "Install the newer version.")]
        pending = await db.pending_migrations()
        if pending:
            return [Finding(f"{len(pending)} database change(s) are due.", False, "Run: trainer migrate")]
        return [Finding("The database answers and is up to date."), *await _unsent()]
    finally:
        await db.close_database()


async def _unsent() -> list[Finding]:
    """Mails that were given up; only their number and the reason, as this is read on a terminal."""
    failed = await mail.failures()
    if not failed:
        return []
    return [
        Finding(
            f"{len(failed)} mail(s) of the last seven days could not be sent. The latest: {failed[0].why}",
            False,
            "The page /settings/mail names them; trainer mail test ADDRESS tries the server.",
        )
    ]


async def _storage(settings: Settings) -> Finding:
    try:
        storage.open_storage(settings.effective_storage_url)
        try:
            await storage.storage().check()
        finally:
            await storage.close_storage()
    except storage.StorageError as error:
        return Finding(
            f"Storage does not answer: {error}", False, "Check TRAINER_STORAGE_URL and its credentials."
        )
    return Finding("Storage can be written and read.")


def _address(settings: Settings) -> list[Finding]:
    host = urlsplit(settings.base_url).hostname
    if settings.secure or host in {"127.0.0.1", "localhost"}:
        return [Finding(f"People arrive at {settings.base_url}.")]
    return [
        Finding(
            f"People arrive at {settings.base_url} without https.",
            False,
            "Browsers then offer no microphone and no installation on the phone. Put a TLS proxy in front, or set "
            "TRAINER_TLS_CERT and TRAINER_TLS_KEY, and use https in TRAINER_BASE_URL.",
        )
    ]


async def _mail(settings: Settings) -> list[Finding]:
    post_office.set_up(settings)
    post = post_office.office()
    if post is None:
        return [
            Finding(
                "No mail is set up: invitations and resets are links and cards that are handed over.",
                remedy="To send them, set TRAINER_SMTP_URL and TRAINER_MAIL_FROM.",
            )
        ]
    findings = []
    try:
        await post_office.check(post)
        findings.append(Finding(f"The mail server {post.server.host} answers."))
    except (post_office.NotSent, post_office.Refused) as error:
        findings.append(
            Finding(str(error), False, "Check TRAINER_SMTP_URL, then run: trainer mail test ADDRESS")
        )
    return findings
