"""Many calls at once: previewed row by row, taken in on a yes, refused by name, and nothing twice."""

import asyncio
import csv
import io
import os
import stat
import struct
import zipfile
from collections import Counter
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import httpx
import pytest

from tests.calls.conftest import VTT, Cast
from tests.web_fixtures import SignIn
from trainer import db, jobs, storage
from trainer.calls import service
from trainer.calls.importing import archive, command, reports, taking, unpacking
from trainer.calls.importing.archive import Source
from trainer.calls.importing.exporting import export_calls
from trainer.calls.importing.jobs import KIND, about, apply_calls, discard, read_calls
from trainer.calls.importing.tables import CallImportRow
from trainer.calls.tables import Recording
from trainer.people.tables import AuditEntry, Person
from trainer.problems import Conflict, Invalid, NotFound
from trainer.settings import Settings
from trainer.sheets import pending as imports
from trainer.sheets.writing import write_xlsx
from trainer.storage import StorageError

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
        "three.ogg,nobody@b.c,yesterday,,,yes,9,,",
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
    assert {column for column, _reason in why[4]} == {"agent", "called_at", "caller_is_minor"}
    assert why[5] == [("file", "This is not a sound file that we can read, whatever its name says.")]
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
    sheet, count = await export_calls("csv")
    exported = list(csv.DictReader(io.StringIO(sheet.decode("utf-8-sig"))))
    assert count == len(exported) == 2
    [row] = [row for row in exported if row["title"] == "Lost at the exit"]
    assert (row["agent"], row["tag"], row["csat"]) == (cast.agent.email, "emotional", "4")
    report = (await reports.refused_csv(await load(cast, pending))).decode()
    assert "four.wav,file,There is no such file here." in report
    texts = await CallImportRow.select(CallImportRow.texts).where(CallImportRow.state == "taken")
    assert {row["texts"] for row in texts} == {"{}"}


async def test_without_a_sheet_every_recording_is_a_call(
    cast: Cast, good: dict[str, bytes], damaged: bytes, tmp_path: Path
) -> None:
    folder = tmp_path / "calls"
    (folder / "deep").mkdir(parents=True)
    (folder / "deep" / "Ä first.bin").write_bytes(good["opus"])
    (folder / "deep" / "Ä first.srt").write_text("1\n00:00:00,000 --> 00:00:01,000\nAgent: Hello\n")
    (folder / "later.flac").write_bytes(damaged)
    (folder / "twice.mp3").write_bytes(good["opus"])
    (folder / "README.md").write_text("Our calls")
    pending = await read(cast, folder, consent_basis="contract")
    assert await refusals(cast, pending) == {3: [("file", "It is the same recording as that of row 1.")]}
    await take(cast, pending)
    numbers = await reports.numbers_of(await load(cast, pending))
    assert (numbers.ready, numbers.refused) == (1, 2)  # the damaged one shows only when it is decoded
    assert set(await refusals(cast, pending)) == {2, 3}
    calls = await service.visible_recordings(cast.viewer("trainer"), state="ready")
    assert [call.title for call in calls] == ["Ä first"]
    assert len(await service.segments_of(calls[0].id)) == 1
    assert (folder / "deep" / "Ä first.bin").exists()

    again = await read(cast, folder, consent_basis="contract")
    numbers = await reports.numbers_of(await load(cast, again))
    assert (numbers.new, numbers.known) == (1, 2)
    (folder / "later.flac").write_bytes(good["mp3_cbr"])
    await take(cast, again)
    assert "was changed meanwhile" in (await refusals(cast, again))[2][0][1]
    assert await Recording.count().where(Recording.state == "ready") == 1


async def test_rows_are_judged_as_the_form_would(cast: Cast, good: dict[str, bytes], archive_of: Any) -> None:
    sheet = write_xlsx(
        "Calls",
        ["录音文件", "未成年", "Keep until", "consent basis", "Programme", "tag", "words"],
        [
            ["a.wav", "是", "2098-01-01", "contract", "", "", ""],
            ["b.mp3", "否", "2001-01-01", "because", "", "cheerful", ""],
            ["c.ogg", "", "", "Legitimate interest", "nothing", "", "missing.vtt"],
        ],
    )
    files = {"a.wav": good["wav_stereo"], "b.mp3": good["mp3_cbr"], "c.ogg": good["opus"]}
    pending = await read(cast, archive_of({"calls.xlsx": sheet, **files}))
    why = await refusals(cast, pending)
    assert why[2] == [
        ("caller_is_minor", "Calls of minors are not kept here. Nothing of this one was stored.")
    ]
    assert {column for column, _reason in why[3]} >= {"consent_basis", "retain_until"}
    assert {column for column, _reason in why[4]} == {"rulebook", "transcript"}
    await discard(cast.viewer("trainer"), pending)
    with pytest.raises(Conflict):
        await imports.start_applying(cast.viewer("trainer"), KIND, pending, apply_calls)


async def test_columns_that_are_not_clear_are_chosen_by_hand(
    cast: Cast, good: dict[str, bytes], archive_of: Any
) -> None:
    path = archive_of({"x.csv": "what,file,audio\nOne,a.wav,b.wav\n", "b.wav": good["wav_stereo"]})
    pending = await read(cast, path, consent_basis="contract")
    found = await load(cast, pending)
    assert found.state == "ready"
    assert "twice" in found.summary["blocked"][0]
    await imports.read_again(cast.viewer("trainer"), KIND, pending, {"title": 0, "file": 2}, read_calls)
    await jobs.drain()
    assert (await reports.numbers_of(await load(cast, pending))).new == 1
    rows = await CallImportRow.select(CallImportRow.reading).where(CallImportRow.pending == pending)
    assert len(rows) == 1
    await discard(cast.viewer("trainer"), pending)
    assert await CallImportRow.count() == 0
    await jobs.drain()
    assert [stored async for stored in storage.storage().list("imports")] == []


@pytest.mark.parametrize(
    ("files", "why"),
    [
        ({"a.csv": "file\n", "b.csv": "file\n"}, "several sheets"),
        ({"a.csv": "file\n"}, "no call in it"),
        ({}, "no call in it"),
        (None, "no zip archive"),
    ],
)
async def test_an_archive_that_cannot_be_used_is_refused_in_words(
    cast: Cast, archive_of: Any, tmp_path: Path, files: dict[str, str] | None, why: str
) -> None:
    if files is None:
        path = tmp_path / "letter.zip"
        path.write_bytes(b"PK\x03\x04 not at all")
    else:
        path = archive_of(files)
    pending = await read(cast, path)
    found = await load(cast, pending)
    assert found.state == "refused"
    assert why in found.summary["reason"]
    assert [stored async for stored in storage.storage().list("imports")] == []


async def test_an_import_is_only_for_who_began_it_and_who_may(
    cast: Cast, good: dict[str, bytes], archive_of: Any
) -> None:
    path = archive_of({"a.wav": good["wav_stereo"]})
    pending = await read(cast, path, consent_basis="contract")
    with pytest.raises(NotFound):
        await load(cast, pending, "admin")
    with pytest.raises(NotFound):
        await imports.start_applying(cast.viewer("qa_analyst"), KIND, pending, apply_calls)
    await imports.start_applying(cast.viewer("trainer"), KIND, pending, apply_calls)
    await Person.update({Person.roles: "agent"}).where(Person.id == cast.trainer.id)
    await jobs.drain()
    found = await load(cast, pending)
    job = await imports.job_of(found)
    assert job
    assert (found.state, job.status) == ("applying", "failed")
    assert await Recording.count() == 0


async def test_two_workers_and_two_imports_take_each_call_once(
    cast: Cast, good: dict[str, bytes], archive_of: Any
) -> None:
    path = archive_of({f"{name}.x": content for name, content in good.items()})
    one = await read(cast, path, consent_basis="contract")
    two = await read(cast, path, "qa_analyst", consent_basis="contract")
    source = Source("zip", path, MOST)
    zone = ZoneInfo("UTC")

    async def tell(_done: int, _total: int) -> None: ...

    ways = [
        taking.Taking(
            cast.viewer(who), pending, reports.reading_of(await load(cast, pending, who)), source, zone, tell
        )
        for who, pending in (("trainer", one), ("trainer", one), ("qa_analyst", two))
    ]
    for way in ways:
        way._nobody_prepares = True
    await asyncio.gather(*(way.run() for way in ways))
    assert await Recording.count() == 3
    states = Counter(row["state"] for row in await CallImportRow.select(CallImportRow.state))
    assert states == {"taken": 3, "known": 3}
    await jobs.drain()
    objects = [stored.key async for stored in storage.storage().list("recordings")]
    assert len(objects) == 6


async def test_what_fails_with_one_file_stops_no_other_but_a_full_disk_waits(
    cast: Cast, good: dict[str, bytes], archive_of: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = archive_of({f"{name}.x": content for name, content in good.items()})
    pending = await read(cast, path, consent_basis="contract")
    receive, failing = service.receive_recording, list[Exception]([RuntimeError("bug"), StorageError("full")])

    async def fail(*given: Any, **named: Any) -> UUID:
        if failing:
            raise failing.pop(0)
        return await receive(*given, **named)

    monkeypatch.setattr(taking, "receive_recording", fail)
    monkeypatch.setattr("trainer.calls.importing.planning.SIDE_BY_SIDE", 1)
    await take(cast, pending)
    found = await load(cast, pending)
    job = await imports.job_of(found)
    assert job
    assert (found.state, job.status) == ("applying", "queued")
    await jobs.drain(db.utc_now() + timedelta(minutes=1))
    numbers = await reports.numbers_of(await load(cast, pending))
    assert (numbers.ready, numbers.refused) == (2, 1)
    assert "on our side" in (await refusals(cast, pending))[1][0][1]


# Hostile archives


def entry_names(path: Path) -> tuple[list[str], dict[str, str]]:
    found = archive._look("en", Source("zip", path, MOST))
    return [entry.name for entry in found.entries], dict(found.left_out)


def test_names_links_and_locks_are_left_out_by_name(tmp_path: Path) -> None:
    path = tmp_path / "slip.zip"
    with zipfile.ZipFile(path, "w") as packed:
        for name in (
            "../../slip.wav",
            "/etc/slip.wav",
            "C:\\slip.wav",
            "a/../../b.wav",
            "good/one.wav",
            "n" * 500,
        ):
            packed.writestr(zipfile.ZipInfo(name), b"x")
        link = zipfile.ZipInfo("link.wav")
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        packed.writestr(link, "/etc/passwd")
        packed.writestr("odd.wav", b"x" * 100, compress_type=zipfile.ZIP_LZMA)
        with pytest.warns(UserWarning, match="Duplicate"):
            packed.writestr("good/one.wav", b"y")
        packed.writestr("__MACOSX/one.wav", b"x")
        packed.writestr(".hidden.wav", b"x")
    data = bytearray(path.read_bytes())
    path.write_bytes(data)
    names, left_out = entry_names(path)
    assert names == ["good/one.wav"]
    assert sum("leads out" in why for why in left_out.values()) == 4
    assert "link" in left_out["link.wav"]
    assert "ordinary zip" in left_out["odd.wav"]
    assert "two files" in left_out["good/one.wav"]
    locked = path.read_bytes().replace(
        b"PK\x01\x02\x14\x03\x14\x00\x00\x00", b"PK\x01\x02\x14\x03\x14\x00\x01\x00"
    )
    path.write_bytes(locked)
    assert any("password" in why for why in entry_names(path)[1].values())


def test_a_chinese_archive_keeps_its_names(tmp_path: Path) -> None:
    path = tmp_path / "zh.zip"
    with zipfile.ZipFile(path, "w") as packed:
        packed.writestr("AAAAAAAAAAAA.wav", b"x")
    named = "客服通话录音".encode("gb18030")
    path.write_bytes(path.read_bytes().replace(b"AAAAAAAAAAAA", named))
    assert entry_names(path)[0] == ["客服通话录音.wav"]


def test_names_lose_what_databases_and_terminals_trip_over(tmp_path: Path) -> None:
    path = tmp_path / "names.zip"
    with zipfile.ZipFile(path, "w") as packed:
        packed.writestr("a_\u202egnp.\x1b[31mwav", b"x")
    path.write_bytes(path.read_bytes().replace(b"a_", b"a\x00"))
    assert entry_names(path)[0] == ["agnp.[31mwav"]
    folder = tmp_path / "calls"
    folder.mkdir()
    (folder / "b\x1b\n\u200f.wav").write_bytes(b"x")
    [entry] = archive._look("en", Source("folder", folder, MOST)).entries
    assert entry.name == "b.wav"
    assert b"".join(unpacking.read_out(Source("folder", folder, MOST), entry.place)) == b"x"


def test_bombs_are_not_opened(tmp_path: Path) -> None:
    path = tmp_path / "bomb.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("a.wav", b"x" * 100)
        packed.writestr("b.wav", b"x" * 100)
    honest = path.read_bytes()
    directory = honest.index(b"PK\x01\x02")
    second = honest.index(b"PK\x01\x02", directory + 4)
    shared = bytearray(honest)
    shared[second + 42 : second + 46] = shared[directory + 42 : directory + 46]
    path.write_bytes(shared)
    with pytest.raises(Invalid, match="share their data"):
        entry_names(path)
    huge = bytearray(honest)
    for start in (directory, second):
        huge[start + 24 : start + 28] = struct.pack("<I", 0xF0000000)
    path.write_bytes(huge)
    with pytest.raises(Invalid, match="far more"):
        entry_names(path)
    large = bytearray(honest)
    large[directory + 24 : directory + 28] = struct.pack("<I", 0x70000000)
    path.write_bytes(large)
    assert "larger than 50 MB" in entry_names(path)[1]["a.wav"]
    path.write_bytes(honest[:-10])
    with pytest.raises(Invalid, match="no zip"):
        entry_names(path)


def test_a_file_never_unpacks_to_more_than_its_directory_says(tmp_path: Path) -> None:
    path, into = tmp_path / "lie.zip", tmp_path / "out"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("a.wav", b"\0" * (20 << 20))
    [entry] = archive._look("en", Source("zip", path, MOST)).entries
    source = Source("zip", path, MOST)
    unpacking.take_out(source, entry.place, into)
    assert into.stat().st_size == 20 << 20
    offset, packed_size, _size, method, crc = entry.place.split(":")
    with pytest.raises(unpacking.Changed):
        unpacking.take_out(source, f"{offset}:{packed_size}:1000:{method}:{crc}", into)
    assert into.stat().st_size <= 1 << 20
    with pytest.raises(unpacking.Changed):
        unpacking.take_out(source, f"{offset}:{packed_size}:{20 << 20}:{method}:1", into)
    with pytest.raises(unpacking.Changed):
        unpacking.take_out(source, f"7:{packed_size}:{20 << 20}:{method}:{crc}", into)


def test_a_folder_follows_no_link_and_opens_no_pipe(tmp_path: Path) -> None:
    (tmp_path / "secret").write_bytes(b"x")
    folder = tmp_path / "calls"
    folder.mkdir()
    (folder / "good.wav").write_bytes(b"x")
    (folder / "link.wav").symlink_to(tmp_path / "secret")
    (folder / "out").symlink_to(tmp_path)
    os.mkfifo(folder / "pipe.wav")
    source = Source("folder", folder, MOST)
    found = archive._look("en", source)
    assert [entry.name for entry in found.entries] == ["good.wav"]
    assert {name for name, _why in found.left_out} == {"link.wav", "out", "pipe.wav"}
    (folder / "good.wav").unlink()
    (folder / "good.wav").symlink_to(tmp_path / "secret")
    with pytest.raises((unpacking.Changed, OSError)):
        list(unpacking.read_out(source, "good.wav"))


# Pages


async def test_the_pages_lead_from_the_archive_to_the_calls(
    client: httpx.AsyncClient,
    sign_in: SignIn,
    cast: Cast,
    good: dict[str, bytes],
    bad_sounds: dict[str, bytes],
    archive_of: Any,
    settings: Settings,
) -> None:
    for name in ("agent", "manager", "team_lead"):
        await sign_in(client, getattr(cast, name))
        assert (await client.get("/calls/import")).status_code == 403
        assert (await client.post("/calls/import", files={"archive": b"x"})).status_code == 403
    await sign_in(client, cast.trainer)
    assert 'href="/calls/import"' in (await client.get("/calls")).text
    template = (await client.get("/calls/import/template")).text
    assert template.partition("\r\n")[0].lstrip("\ufeff").startswith("file,agent,called_at")
    sheet = "file,title,colour\none,<b>One</b>,red\ntwo,Two,\n"
    path = archive_of(
        {"c.csv": sheet, "one.wav": good["wav_stereo"], "two.mp3": bad_sounds["unknown_format"]}
    )
    wrong = await client.post(
        "/calls/import", files={"archive": path.read_bytes()}, headers={"Accept": "application/json"}
    )
    assert {error["field"] for error in wrong.json()["errors"]} == {"retain_until"}
    answer = await client.post(
        "/calls/import",
        files={"archive": ("calls.zip", path.read_bytes())},
        data={"retain_until": "2098-01-01", "consent_basis": "contract", "language": "en"},
    )
    here = answer.headers["location"]
    assert "Reading the calls" in (await client.get(here)).text
    await jobs.drain()
    page = (await client.get(here)).text
    for words in ("2 calls were read", "Take in 1 call", "colour", "&lt;b&gt;One&lt;/b&gt;", "two"):
        assert words in page
    assert "refused,two" in (await client.get(f"{here}/report.csv")).text
    again = await client.post(f"{here}/columns", data={"column-file": "0", "column-title": "2"})
    assert again.headers["location"] == here
    await jobs.drain()
    assert "red" in (await client.get(here)).text
    await client.post(f"{here}/apply")
    assert "Taking the calls in" in (await client.get(here)).text
    await jobs.drain()
    done = (await client.get(here)).text
    assert "Download the refused rows" in done
    assert "row,file,column,why" in (await client.get(f"{here}/report.csv")).text
    assert (await Recording.select(Recording.title).first() or {})["title"] == "red"
    assert (await client.post(f"{here}/discard")).status_code == 409
    assert "taken in" in (await client.get("/calls/import")).text
    await sign_in(client, cast.qa_analyst)
    assert (await client.get(here)).status_code == 404

    folder = settings.data / "import" / "october"
    folder.mkdir(parents=True)
    (folder / "three.ogg").write_bytes(good["opus"])
    (settings.data / "import" / "link").symlink_to(settings.data)
    page = (await client.get("/calls/import")).text
    assert "october" in page
    assert ">link<" not in page
    for name in ("..", "link", "/etc", "october/../..", ""):
        given = {"folder": name, "retain_until": "2098-01-01"}
        assert (await client.post("/calls/import/folder", data=given)).status_code == 422
    given = {"folder": "october", "retain_until": "2098-01-01", "consent_basis": "consent"}
    there = (await client.post("/calls/import/folder", data=given)).headers["location"]
    await jobs.drain()
    assert "Take in 1 call" in (await client.get(there)).text
    assert (await client.post(f"{there}/discard")).status_code == 303
    assert "discarded" in (await client.get(there)).text
    assert (folder / "three.ogg").exists()


async def test_the_command_previews_takes_and_goes_on(
    cast: Cast, good: dict[str, bytes], archive_of: Any, tmp_path: Path
) -> None:
    path = archive_of(
        {"c.csv": "file,mood\na.wav,x\nb.wav,y\n", "a.wav": good["wav_stereo"], "z.ogg": good["opus"]}
    )
    told: list[str] = []

    async def run(dry_run: bool = False) -> command.CommandReport:
        return await command.import_calls(
            path,
            most_bytes=MOST,
            defaults={"consent_basis": "contract"},
            dry_run=dry_run,
            progress=lambda what, _done, _total: told.append(what),
        )

    assert command.is_bulk(path)
    assert not command.is_bulk(tmp_path / "nothing")
    preview = await run(dry_run=True)
    assert preview.lines == [
        "row 2 (a.wav): would be taken in",
        "row 3 (b.wav): File: There is no such file here.",
        "1 recording is in no row and stays out.",
        "These columns are none of ours and were left out: “mood”.",
        "1 would be taken in, 0 are here already, 1 refused. Nothing was changed.",
    ]
    assert await Recording.count() == await CallImportRow.count() == 0
    first = await run()
    assert first.lines[-1] == "1 taken, 0 here already, 1 refused."
    assert b"b.wav,file,There is no such file here." in first.csv
    assert await Recording.count().where(Recording.state == "ready") == 1
    assert (await run()).lines[-1] == "0 taken, 1 here already, 1 refused."

    folder = tmp_path / "more"
    folder.mkdir()
    (folder / "c.csv").write_text("file\nz\n")
    (folder / "z.ogg").write_bytes(good["opus"])
    path = folder
    told_of = about(folder=folder, most_bytes=MOST, defaults={"consent_basis": "contract"})
    begun = await imports.receive(None, KIND, None, "more", read_calls, summary=told_of)
    await jobs.drain()
    await imports.start_applying(None, KIND, begun, apply_calls)  # and then the command was stopped
    assert (await run()).lines[-1] == "1 taken, 0 here already, 0 refused."
    assert (await imports.load_pending(None, KIND, begun)).state == "applied"
    assert any("Taking in" in what for what in told)
