"""`trainer doctor`: what is wrong with an installation, and what to do about it.

Each check looks at one thing and changes nothing. Rooms that have something to look at add theirs to `CHECKS`.
Invariant: a check that cannot look says so as a finding; it never ends the examination.
"""

import asyncio
import os
import shutil
import sqlite3
import ssl
import sys
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from trainer import db, job_queue, speech, storage
from trainer.backup.making import last_backup
from trainer.backup.restoring import under_way
from trainer.notices import mail, post_office
from trainer.settings import Settings

LOW_DISK = 2 << 30
OLD_BACKUP = timedelta(days=2)
LATE_JOB = timedelta(minutes=5)
CERTIFICATE_ENDS = timedelta(days=21)
OLDEST_POSTGRES = 14
CLOCK_APART_S = 5.0

Level = Literal["well", "hint", "wrong"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing looked at. A `hint` works but could be better; only `wrong` makes the command fail."""

    what: str
    level: Level = "well"
    remedy: str = ""

    @property
    def well(self) -> bool:
        """Whether nothing has to be done."""
        return self.level != "wrong"


def wrong(what: str, remedy: str) -> Finding:
    """Something that does not work, and what to do."""
    return Finding(what, "wrong", remedy)


def hint(what: str, remedy: str) -> Finding:
    """Something that works and could be better."""
    return Finding(what, "hint", remedy)


Check = Callable[[Settings], Awaitable[list[Finding]]]


async def examine(settings: Settings) -> list[Finding]:
    """Everything there is to say, in the order of `CHECKS`."""
    findings: list[Finding] = []
    for check in CHECKS:
        try:
            findings += await check(settings)
        except Exception as error:
            told = f"{check.__name__.replace('check_', '').replace('_', ' ')} could not be looked at"
            findings.append(
                wrong(f"{told}: {type(error).__name__}: {error}", "Tell whoever maintains Encore.")
            )
    return findings


async def check_data_folder(settings: Settings) -> list[Finding]:
    """The data folder, its room, and who may read the secret key."""
    folder = settings.data.absolute()
    if not folder.is_dir():
        return [wrong(f"There is no data folder at {folder}.", "Run: trainer init, or set TRAINER_DATA.")]
    findings = []
    for place in (folder, settings.incoming, folder / "scratch"):
        if place.exists() and not os.access(place, os.R_OK | os.W_OK | os.X_OK):
            remedy = f"Give it to the service's user: chown -R USER {place}"
            findings.append(wrong(f"{place} cannot be written.", remedy))
    if not findings:
        findings.append(Finding(f"The data folder {folder} can be written."))
    free = shutil.disk_usage(folder).free
    room = f"{free / (1 << 30):.1f} GB are free there"
    if free <= LOW_DISK:
        remedy = "Make room: uploads, new clips and backups are refused when the disk is full."
        findings.append(wrong(f"{room}.", remedy))
    elif free < settings.upload_limit_mb << 20:
        remedy = "A recording of the largest size allowed (TRAINER_UPLOAD_LIMIT_MB) would not fit."
        findings.append(hint(f"{room}.", remedy))
    else:
        findings.append(Finding(f"{room}."))
    return findings + _secrets(settings)


def _secrets(settings: Settings) -> list[Finding]:
    findings = []
    folder = settings.data.absolute()
    if folder.stat().st_mode & 0o007:
        told = f"Others on this machine can look into {folder}, where recordings and names are."
        findings.append(wrong(told, f"Run: chmod 700 {folder}"))
    for path in (settings.data / "secret-key", settings.tls_key):
        if path is not None and path.exists() and path.stat().st_mode & 0o077:
            told = f"Others on this machine can read {path}."
            findings.append(wrong(told, f"Run: chmod 600 {path}"))
    if settings.secret_key and len(settings.secret_key) < 32:
        remedy = "Make a longer one: python3 -c 'import secrets; print(secrets.token_hex(32))'"
        findings.append(wrong("TRAINER_SECRET_KEY is short enough to be guessed.", remedy))
    return findings


async def check_database(settings: Settings) -> list[Finding]:
    """Whether it answers, is of this version, and how its clock stands; then the jobs in it."""
    if not settings.database_url:
        if sqlite3.sqlite_version_info < (3, 38):
            told = f"SQLite {sqlite3.sqlite_version} is too old."
            return [wrong(told, "Use a Python with SQLite 3.38 or newer.")]
        if not (settings.data / "trainer.sqlite").exists():
            return [wrong("There is no database yet.", "Run: trainer init")]
    try:
        await db.open_database(settings.effective_database_url, pool_size=2)
    except db.DatabaseError as error:
        remedy = "Is the server running, and is TRAINER_DATABASE_URL right (user, password, host, name)?"
        return [wrong(f"The database does not answer: {error}", remedy)]
    try:
        return await _open_database(settings)
    finally:
        await db.close_database()


async def _open_database(settings: Settings) -> list[Finding]:
    if under_way(settings):
        told = "A restore was begun here and did not end."
        return [wrong(told, "Begin it again: trainer restore PATH")]
    findings = []
    if db.dialect() == "postgres":
        findings += await _postgres()
    if await db.newer_schema():
        remedy = "Install that version, or restore a backup from before."
        return [*findings, wrong("The database was changed by a newer version of Encore.", remedy)]
    if pending := await db.pending_migrations():
        remedy = "Run: trainer migrate (make a backup first)"
        return [*findings, wrong(f"{len(pending)} database change(s) are due.", remedy)]
    return [*findings, Finding("The database answers and is up to date."), *await _jobs(), *await _unsent()]


async def _postgres() -> list[Finding]:
    begun = time.time()
    version, clock = await db.postgres_server()
    now = (begun + time.time()) / 2
    findings = []
    if version < OLDEST_POSTGRES:
        told = f"PostgreSQL {version} is older than this version was tried with."
        findings.append(hint(told, f"Use PostgreSQL {OLDEST_POSTGRES} or newer."))
    else:
        findings.append(Finding(f"PostgreSQL {version}."))
    apart = abs(clock.timestamp() - now)
    if apart > CLOCK_APART_S:
        told = f"The clocks of this machine and of the database are {apart:.0f} s apart."
        findings.append(wrong(told, "Let both keep time by NTP: sign-ins and schedules go by it."))
    return findings


async def _jobs() -> list[Finding]:
    counts = await job_queue.counts()
    findings = []
    if counts.oldest_due_s > LATE_JOB.total_seconds():
        told = f"Background jobs wait for {counts.oldest_due_s / 60:.0f} minutes: nobody works them off."
        remedy = (
            "Is `trainer serve` (with TRAINER_WORKERS_EMBEDDED=true) or `trainer worker` running? See its log for why "
            "jobs wait."
        )
        findings.append(wrong(told, remedy))
    else:
        findings.append(Finding("No background job is late."))
    if failed := counts.by_state.get("failed", 0):
        told = (
            f"{failed} background job(s) of the last week failed for good; the latest: {counts.last_failed}."
        )
        findings.append(hint(told, "The log says why, under that name."))
    return findings


async def _unsent() -> list[Finding]:
    """Mails that were given up; only their number and the reason, as this is read on a terminal."""
    failed = await mail.failures()
    if not failed:
        return []
    told = f"{len(failed)} mail(s) of the last seven days could not be sent. The latest: {failed[0].why}"
    return [wrong(told, "The page /settings/mail names them; trainer mail test ADDRESS tries the server.")]


async def check_mail(settings: Settings) -> list[Finding]:
    """Whether the mail server answers, where one is set."""
    post_office.set_up(settings)
    post = post_office.office()
    if post is None:
        told = "No mail is set up: invitations and resets are links and cards that are handed over."
        return [Finding(told, remedy="To send them, set TRAINER_SMTP_URL and TRAINER_MAIL_FROM.")]
    try:
        await post_office.check(post)
    except (post_office.NotSent, post_office.Refused) as error:
        return [wrong(str(error), "Check TRAINER_SMTP_URL, then run: trainer mail test ADDRESS")]
    return [Finding(f"The mail server {post.server.host} answers.")]


async def check_storage(settings: Settings) -> list[Finding]:
    """Whether an object can be written and read back."""
    try:
        storage.open_storage(settings.effective_storage_url)
        try:
            found = await storage.storage().check(write=True)
        finally:
            await storage.close_storage()
    except storage.StorageError as error:
        remedy = {
            "denied": "Check the credentials (AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY) or the folder's owner.",
            "full": "Make room there.",
        }.get(error.reason, "Check TRAINER_STORAGE_URL, AWS_ENDPOINT_URL, AWS_REGION and the network.")
        return [wrong(f"Storage does not answer: {error}", remedy)]
    except ValueError as error:
        return [wrong(f"TRAINER_STORAGE_URL: {error}", "Use a folder or s3://bucket/prefix.")]
    findings = [Finding(f"Storage ({found.place}) can be written and read.")]
    if found.free is not None and found.free <= LOW_DISK:
        findings.append(wrong(f"{found.free / (1 << 30):.1f} GB are free in storage.", "Make room there."))
    return findings


async def check_speech(settings: Settings) -> list[Finding]:
    """Whether speech can be recognised, where that is wanted. Loads no model: that may take a minute."""
    engine = speech.engine_of(settings)
    if engine is None:
        told = "Speech recognition is off: transcripts come with calls, are uploaded, or are typed."
        return [
            Finding(told, remedy="For recognition on this machine, set TRAINER_ASR and TRAINER_ASR_MODEL.")
        ]
    try:
        engine.check()
    except speech.SpeechUnavailable as error:
        remedy = (
            "Put a model in CTranslate2's format (model.bin, config.json, tokenizer.json) there, and "
            "faster-whisper (the extra asr) into this installation."
        )
        return [wrong(str(error), remedy)]
    return [Finding(f"Speech recognition: {engine.name}.")]


async def check_address(settings: Settings) -> list[Finding]:
    """How people arrive, and what browsers then allow."""
    parts = urlsplit(settings.base_url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        told = f"TRAINER_BASE_URL is not an address: {settings.base_url}"
        return [wrong(told, "Use the address that people type, such as https://encore.example.com")]
    if settings.secure or parts.hostname in {"127.0.0.1", "localhost", "::1"}:
        return [Finding(f"People arrive at {settings.base_url}.")]
    return [
        wrong(
            f"People arrive at {settings.base_url} without https.",
            "Browsers then offer no microphone and no installation on the phone, and anybody on the way can listen. "
            "Put a TLS proxy in front (deploy/ has samples), or set TRAINER_TLS_CERT and TRAINER_TLS_KEY, and use "
            "https in TRAINER_BASE_URL.",
        )
    ]


async def check_certificate(settings: Settings) -> list[Finding]:
    """The own certificate, where the server has one: readable, belonging to the key, not ending soon."""
    cert, key = settings.tls_cert, settings.tls_key
    if cert is None and key is None:
        return []
    if cert is None or key is None:
        return [wrong("Of TRAINER_TLS_CERT and TRAINER_TLS_KEY only one is set.", "Set both, or neither.")]
    try:
        ssl.create_default_context(ssl.Purpose.CLIENT_AUTH).load_cert_chain(cert, key)
    except (OSError, ssl.SSLError) as error:
        return [wrong(f"The certificate cannot be used: {error}", "Do both files exist and belong together?")]
    ends = _ends(cert)
    left = ends - datetime.now(UTC)
    told = f"The certificate {cert} ends on {ends:%Y-%m-%d}."
    if left < timedelta():
        return [wrong(told, "Renew it: browsers refuse it now.")]
    if left < CERTIFICATE_ENDS:
        return [hint(told, "Renew it, then restart the service.")]
    return [Finding(told)]


def _ends(cert: Path) -> datetime:
    # the only reader of certificate files in the standard library; there since Python 3.4, used by its own tests
    decoded = ssl._ssl._test_decode_cert(str(cert))  # type: ignore[attr-defined]
    return datetime.fromtimestamp(ssl.cert_time_to_seconds(decoded["notAfter"]), UTC)


async def check_time(settings: Settings) -> list[Finding]:
    """The clock, and the zone that `today` goes by."""
    now = datetime.now(UTC)
    if now.year < 2026:
        told = f"The clock of this machine says {now:%Y-%m-%d %H:%M} UTC."
        return [wrong(told, "Set it, and let it keep time by NTP: sign-ins and schedules go by it.")]
    if settings.time_zone == "UTC":
        remedy = (
            "Set TRAINER_TIME_ZONE to the site's zone, such as Europe/Lisbon, unless the site lives by UTC."
        )
        return [hint("The site's time zone is UTC.", remedy)]
    return [Finding(f"The site lives by {settings.time_zone}.")]


async def check_backup(settings: Settings) -> list[Finding]:
    """When the last backup was made."""
    if not (settings.data / "secret-key").exists() and not settings.secret_key:
        return []  # there is no centre yet
    last = await asyncio.to_thread(last_backup, settings)
    if last is None:
        remedy = "Run: trainer backup PATH, best every night (deploy/ has a timer)."
        return [hint("No backup was made from this data folder yet.", remedy)]
    age = datetime.now(UTC) - last["at"]
    told = f"The last backup is of {last['at']:%Y-%m-%d %H:%M} UTC: {last['place']}"
    if age > OLD_BACKUP:
        return [wrong(told, "Run: trainer backup PATH, and see why the timer does not.")]
    return [Finding(told)]


async def check_settings(settings: Settings) -> list[Finding]:
    """Settings that are fine for trying out and not for a centre."""
    findings = []
    if settings.debug:
        findings.append(wrong("TRAINER_DEBUG is on.", "Switch it off on a server that others reach."))
    if settings.trusted_proxies.strip() == "*":
        remedy = "Fine only where nobody but the proxy reaches this port; else name the proxy's address."
        findings.append(hint("TRAINER_TRUSTED_PROXIES believes everybody.", remedy))
    if os.geteuid() == 0 and sys.platform == "linux" and not Path("/.dockerenv").exists():
        findings.append(hint("This runs as root.", "Give the service a user of its own (docs/install.md)."))
    return findings


# In the order in which they are told. A room that has something to look at adds its check here.
CHECKS: list[Check] = [
    check_data_folder,
    check_database,
    check_storage,
    check_speech,
    check_address,
    check_certificate,
    check_time,
    check_mail,
    check_backup,
    check_settings,
]
