"""The doctor names what is wrong and what to do, about each thing that goes wrong on real servers."""

import json
import shutil
import subprocess
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from trainer import db, doctor, job_queue
from trainer.backup.making import LAST
from trainer.backup.restoring import UNDER_WAY
from trainer.doctor import Finding, examine
from trainer.settings import Settings


@pytest.fixture
def centre(database_url: str, tmp_path: Path) -> Settings:
    """A centre on which nothing is wrong."""
    settings = Settings(
        data=tmp_path / "data",
        database_url=database_url,
        base_url="https://encore.example",
        time_zone="Europe/Lisbon",
    )
    settings.key()
    note_backup(settings, datetime.now(UTC))
    return settings


@pytest.fixture
def certificate(tmp_path: Path) -> tuple[Path, Path]:
    """A certificate for 100 days, and its key."""
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed")
    cert, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    command = (
        "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj /CN=encore.example"
    )
    subprocess.run(
        [*command.split(), "-days", "100", "-keyout", key, "-out", cert], capture_output=True, check=True
    )
    key.chmod(0o600)
    return cert, key


def note_backup(settings: Settings, at: datetime) -> None:
    note = {"at": at.isoformat(), "place": "/backups/one.tar", "size": 5}
    (settings.data / LAST).write_text(json.dumps(note))


def but(settings: Settings, **changes: Any) -> Settings:
    return settings.model_copy(update=changes)


async def told(settings: Settings) -> list[Finding]:
    """What is not well."""
    found = await examine(settings)
    assert found
    return [finding for finding in found if finding.level != "well" and "runs as root" not in finding.what]


async def the_one(settings: Settings, level: str) -> str:
    [finding] = await told(settings)
    assert finding.level == level
    assert finding.remedy
    return f"{finding.what} {finding.remedy}"


async def test_a_healthy_centre_has_nothing_to_put_right(centre: Settings) -> None:
    assert await told(centre) == []
    said = " ".join(finding.what for finding in await examine(centre))
    for part in ("data folder", "database answers", "Storage", "https://encore.example", "backup", "job"):
        assert part in said


async def test_a_database_that_is_away_or_of_another_version(
    centre: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    away = but(centre, database_url="postgresql://encore@127.0.0.1:9/none")
    assert "does not answer" in await the_one(away, "wrong")
    await db.open_database(centre.database_url)
    moment = datetime(2026, 1, 1)  # noqa: DTZ001 - Piccolo's table has no zone
    insert = "INSERT INTO migration (name, app_name, ran_on) VALUES ({}, {}, {})"
    await db.fetch(insert, "2999-01-01T00:00:00", "trainer", moment)
    await db.close_database()
    assert "changed by a newer version" in await the_one(centre, "wrong")
    empty = but(centre, database_url=f"sqlite:///{tmp_path / 'other.sqlite'}")
    assert "trainer migrate" in await the_one(empty, "wrong")
    assert "trainer init" in await the_one(but(centre, database_url=""), "wrong")


async def test_a_restore_that_did_not_end(centre: Settings) -> None:
    (centre.data / UNDER_WAY).write_text("{}")
    assert "trainer restore" in await the_one(centre, "wrong")


async def test_jobs_that_nobody_works_off_and_those_that_failed(centre: Settings) -> None:
    await db.open_database(centre.database_url)
    await job_queue.put("render_clip", {}, run_at=db.utc_now() - timedelta(minutes=12))
    await db.close_database()
    assert "wait for 12 minutes" in await the_one(centre, "wrong")
    await db.open_database(centre.database_url)
    claimed = await job_queue.claim(["render_clip"], "a|1|b", {"render_clip": 60})
    assert claimed
    await job_queue.fail(claimed, "Amara Nwosu's call broke")
    await db.close_database()
    said = await the_one(centre, "hint")
    assert "render_clip" in said
    assert "Amara" not in said


async def test_a_full_disk_a_lock_and_an_open_key(centre: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "LOW_DISK", 1 << 60)
    assert all("free" in finding.what for finding in await told(centre))
    monkeypatch.undo()
    (centre.data / "secret-key").chmod(0o644)
    assert "chmod 600" in await the_one(centre, "wrong")
    (centre.data / "secret-key").chmod(0o600)
    centre.data.chmod(0o755)
    assert "chmod 700" in await the_one(centre, "wrong")
    centre.data.chmod(0o700)
    assert "short enough" in await the_one(but(centre, secret_key="hush"), "wrong")
    assert "trainer init" in (await told(but(centre, data=centre.data / "none", database_url="")))[0].remedy


async def test_storage_that_cannot_be_written_or_reached(
    centre: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("no folder")
    assert "Storage does not answer" in await the_one(
        but(centre, storage_url=str(tmp_path / "file")), "wrong"
    )
    assert "s3://bucket" in await the_one(but(centre, storage_url="ftp://somewhere"), "wrong")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "x")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "x")
    monkeypatch.setattr("trainer.storage._open_bucket", _impatient)
    assert "AWS_ENDPOINT_URL" in await the_one(but(centre, storage_url="s3://bucket/x"), "wrong")


def _impatient(bucket: str, prefix: str) -> Any:
    from obstore.store import S3Store

    return S3Store(bucket, client_options={"allow_http": True}, retry_config={"max_retries": 0})


@pytest.mark.parametrize(
    ("changes", "level", "words"),
    [
        ({"base_url": "http://encore.example"}, "wrong", "no microphone"),
        ({"base_url": "encore.example"}, "wrong", "not an address"),
        ({"time_zone": "UTC"}, "hint", "time zone is UTC"),
        ({"debug": True}, "wrong", "TRAINER_DEBUG"),
        ({"trusted_proxies": "*"}, "hint", "believes everybody"),
        ({"tls_cert": Path("cert.pem")}, "wrong", "only one is set"),
    ],
)
async def test_settings_that_hurt(centre: Settings, changes: dict[str, Any], level: str, words: str) -> None:
    assert words in await the_one(but(centre, **changes), level)


async def test_an_address_on_this_machine_needs_no_https(centre: Settings) -> None:
    assert await told(but(centre, base_url="http://127.0.0.1:8000")) == []


@pytest.mark.parametrize(("days", "level"), [(300, None), (10, "hint"), (-1, "wrong")])
async def test_a_certificate_is_watched_until_it_ends(
    centre: Settings,
    certificate: tuple[Path, Path],
    tmp_path: Path,
    days: int,
    level: str | None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    cert, key = certificate
    ends = doctor._ends(cert)
    assert abs(ends - datetime.now(UTC) - timedelta(days=100)) < timedelta(minutes=5)
    monkeypatch.setattr(doctor, "_ends", lambda path: datetime.now(UTC) + timedelta(days=days))
    settings = but(centre, tls_cert=cert, tls_key=key)
    if level is None:
        assert await told(settings) == []
    else:
        assert "Renew it" in await the_one(settings, level)
    other = tmp_path / "other.pem"
    other.write_text("no certificate")
    assert "cannot be used" in await the_one(but(settings, tls_cert=other), "wrong")


async def test_the_age_of_the_last_backup(centre: Settings) -> None:
    note_backup(centre, datetime.now(UTC) - timedelta(days=5))
    assert "trainer backup" in await the_one(centre, "wrong")
    (centre.data / LAST).unlink()
    assert "No backup" in await the_one(centre, "hint")


async def test_a_check_that_breaks_ends_nothing(centre: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    async def check_the_moon(settings: Settings) -> list[Finding]:
        raise RuntimeError("it is made of cheese")

    monkeypatch.setattr(doctor, "CHECKS", [check_the_moon, *doctor.CHECKS])
    assert "the moon could not be looked at" in await the_one(centre, "wrong")


@pytest.fixture(autouse=True)
async def closed() -> AsyncIterator[None]:
    yield
    assert not db.is_open()
