"""Many calls at once: previewed row by row, taken in on a yes, refused by name, and nothing twice."""

import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from tests.calls.conftest import VTT, Cast
from trainer import jobs
from trainer.calls import service
from trainer.calls.importing import reports
from trainer.calls.importing.jobs import KIND, about, apply_calls, read_calls
from trainer.calls.importing.tables import CallImportRow
from trainer.calls.tables import Recording
from trainer.people.tables import AuditEntry, Person
from trainer.sheets import pending as imports

HEAD = "file,agent,called_at,title,consent_basis,caller_is_minor,csat,tag"
MOST = 50 << 20


def a_zip(path: Path, files: Mapping[str, bytes | str]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, content in files.items():
            packed.writestr(name, content)
    return path


@pytest.fixture
def archive_of(tmp_path: Path) -> Any:
    """`archive_of({name: bytes})`: a zip of these files."""
    return lambda files: a_zip(tmp_path / "calls.zip", files)


async def read(cast: Cast, path: Path, who: str = "trainer", **defaults: str) -> UUID:
    """Uploads the archive for somebody and has it read; returns the import's id."""
    told = about(folder=None if path.is_file() else path, most_bytes=MOST, defaults=defaults)
    given = path if path.is_file() else None
    pending = await imports.receive(cast.viewer(who), KIND, given, path.name, read_calls, summary=told)
    await jobs.drain()
    return pending


async def load(cast: Cast, pending: UUID, who: str = "trainer") -> imports.Pending:
    return await imports.load_pending(cast.viewer(who), KIND, pending)


async def take(cast: Cast, pending: UUID, who: str = "trainer") -> None:
    await imports.start_applying(cast.viewer(who), KIND, pending, apply_calls)
    await jobs.drain()


async def refusals(cast: Cast, pending: UUID, who: str = "trainer") -> dict[int, list[tuple[str, str]]]:
    found = await load(cast, pending, who)
    return {line.line: line.faults for line in await reports.refused_lines(found)}


@pytest.fixture
def good(sounds: dict[str, Path]) -> dict[str, bytes]:
    """Three different recordings."""
    return {name: sounds[name].read_bytes() for name in ("wav_stereo", "mp3_cbr", "opus")}


async def test_an_archive_is_previewed_then_taken(
    cast: Cast, good: dict[str, bytes], bad_sounds: dict[str, bytes], archive_of: Any
) -> None:
    await Person.update({Person.employee_no: "E7"}).where(Person.id == cast.agent.id)
    rows = [
        HEAD + ",mood",
        "monday/one.wav,E7,2026-11-20 10:42,Lost at the exit,contract,,4,emotional,x",
        f"two,{cast.agent.email},2026-11-20T11:00:00Z,,,no,,,",
        "three.ogg,nobody@b.c,yesterday,,,,9,,",
        "letter.mp3,,,,,,,,",
        "four.wav,,,,,,,,",
        "one.wav,,,,,,,,",
    ]
    path = archive_of(
        {
            "calls/calls.csv": "\n".join(rows),
            "calls/monday/one.wav": good["wav_stereo"],
            "calls/monday/one.vtt": VTT,
            "calls/two.mp3": good["mp3_cbr"],
            "calls/three.ogg": good["opus"],
            "calls/letter.mp3": bad_sounds["unknown_format"],
            "calls/spare.wav": good["wav_stereo"],
            "calls/.DS_Store": b"x",
            "__MACOSX/calls/one.wav": b"x",
        }
    )
    pending = await read(cast, path, consent_basis="consent", retain_until="2099-01-01", language="en")
    found = await load(cast, pending)
    assert found.state == "ready", found.summary
    assert found.summary["unknown"] == ["mood"]
    assert found.summary["unnamed_names"] == ["calls/spare.wav"]
    numbers = await reports.numbers_of(found)
    assert (numbers.new, numbers.known, numbers.refused) == (2, 0, 4)
    assert await Recording.count() == 0
    why = await refusals(cast, pending)
    assert {column for column, _reason in why[4]} == {"agent", "called_at"}
    assert why[5] == [("file", "This is not a recording that can be read.")] or why[5][0][0] == "file"
    assert why[6] == [("file", "There is no such file here.")]
    assert why[7] == [("file", "Row 2 names this file already.")]

    await take(cast, pending)
    numbers = await reports.numbers_of(await load(cast, pending))
    assert (numbers.ready, numbers.preparing, numbers.refused) == (2, 0, 4)
    calls = {call.title: call for call in await service.visible_recordings(cast.viewer("trainer"))}
    assert set(calls) == {"Lost at the exit", "two"}
    lost = calls["Lost at the exit"]
    assert (lost.state, lost.agent, lost.csat, lost.tag) == ("ready", cast.agent.id, 4, "emotional")
    assert (lost.consent_basis, calls["two"].consent_basis) == ("contract", "consent")
    assert str(lost.retain_until) == "2099-01-01"
    assert len(await service.segments_of(lost.id)) == 2
    assert lost.uploaded_by == cast.trainer.id
    entry = await AuditEntry.select(AuditEntry.detail).where(AuditEntry.action == "calls_imported").first()
    assert entry
    report = (await reports.refused_csv(await load(cast, pending))).decode()
    assert "four.wav,file,There is no such file here." in report
    texts = await CallImportRow.select(CallImportRow.texts).where(CallImportRow.state == "taken")
    assert {row["texts"] for row in texts} == {"{}"}
