"""What was erased stays erased, also when a backup from before is restored."""

from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from tests.backup.conftest import OpenEmpty
from tests.factories import a_person, viewer_for
from trainer import db, jobs, storage
from trainer.backup import erasures
from trainer.backup.archive import BackupRefused
from trainer.backup.erasures import Erasure, append, parse
from trainer.backup.making import make_backup
from trainer.backup.restoring import restore_backup
from trainer.calls import jobs as calls
from trainer.calls.tables import Recording, Segment
from trainer.people.erasing import erase_person
from trainer.settings import Settings


async def a_recording() -> UUID:
    recording = uuid4()
    row = Recording(
        id=recording,
        title="About a bill",
        state="ready",
        consent_basis="contract",
        object_key=calls.object_key(recording),
        created_at=db.utc_now(),
    )
    await Recording.insert(row)
    await Segment.insert(Segment(recording=recording, position=0, text="My name is"))
    await storage.storage().put_bytes(calls.object_key(recording), b"a voice")
    return recording


def listed(settings: Settings) -> list[tuple[str, UUID]]:
    return [(each.kind, each.id) for each in parse((settings.data / erasures.NAME).read_text())]


async def gone(recording: UUID) -> bool:
    row = await Recording.select(Recording.state, Recording.title).where(Recording.id == recording).first()
    lines = await Segment.count().where(Segment.recording == recording)
    there = await storage.storage().exists(calls.object_key(recording))
    return row is not None and (row["state"], row["title"], lines, there) == ("erased", "", 0, False)


async def test_an_erasure_after_the_backup_is_made_again(
    centre: Settings, open_empty: OpenEmpty, tmp_path: Path
) -> None:
    kept, erased = await a_recording(), await a_recording()
    await make_backup(centre, str(tmp_path / "backup.tar"))
    await calls.erase(erased, None, "asked for")
    await jobs.drain()
    assert listed(centre) == [("recording", erased)]
    assert (centre.data / erasures.NAME).stat().st_mode & 0o777 == 0o600
    assert "asked for" not in (centre.data / erasures.NAME).read_text()
    empty = await open_empty("sqlite")
    came = await restore_backup(empty, tmp_path / "backup.tar", more_erasures=[centre.data / erasures.NAME])
    assert came.erased_again == 1
    assert await gone(erased)
    assert not await gone(kept)
    assert listed(empty) == [("recording", erased)]


async def test_the_list_beside_an_emptied_database_is_read_by_itself_and_once_is_enough(
    centre: Settings, open_empty: OpenEmpty, tmp_path: Path
) -> None:
    recording = await a_recording()
    await make_backup(centre, str(tmp_path / "backup.tar"))
    empty = await open_empty("sqlite")
    line = Erasure(datetime(2026, 11, 1, tzinfo=UTC), "recording", recording)
    unknown = Erasure(datetime(2026, 10, 1, tzinfo=UTC), "recording", uuid4())
    append(empty.data / erasures.NAME, [line, line, unknown])
    came = await restore_backup(empty, tmp_path / "backup.tar")
    assert came.erased_again == 1
    assert await gone(recording)
    assert listed(empty) == [("recording", unknown.id), ("recording", recording)]


async def test_an_erased_person_does_not_come_back(
    centre: Settings, open_empty: OpenEmpty, tmp_path: Path
) -> None:
    admin, other_admin, agent = await a_person("admin"), await a_person("admin"), await a_person("agent")
    await make_backup(centre, str(tmp_path / "backup.tar"))
    await erase_person(viewer_for(admin), agent.id, agent.name)
    await erase_person(viewer_for(admin), other_admin.id, other_admin.name)
    await jobs.drain()
    listed_then = listed(centre)
    assert set(listed_then) == {("person", agent.id), ("person", other_admin.id)}
    assert agent.name not in (centre.data / erasures.NAME).read_text()
    # whoever else was an admin then was erased too, in some other list
    append(tmp_path / "more", [Erasure(db.utc_now(), "person", admin.id)])
    empty = await open_empty("sqlite")
    lists = [centre.data / erasures.NAME, tmp_path / "more"]
    came = await restore_backup(empty, tmp_path / "backup.tar", more_erasures=lists)
    assert (came.erased_again, came.not_erased) == (2, 1)
    names = {row["id"]: row["name"] for row in await db.fetch("SELECT id, name FROM person")}
    assert (names[agent.id], names[other_admin.id], names[admin.id]) == ("", "", admin.name)


async def test_an_erasure_during_the_backup_travels_in_it(
    centre: Settings, open_empty: OpenEmpty, tmp_path: Path
) -> None:
    recording = await a_recording()
    begun = False

    def erase_soon(what: str, done: int, total: int) -> None:
        nonlocal begun
        if what == "objects" and not begun:  # the rows are read, with the recording among them
            begun = True
            append(centre.data / erasures.NAME, [Erasure(db.utc_now(), "recording", recording)])

    await make_backup(centre, str(tmp_path / "backup.tar"), progress=erase_soon)
    await restore_backup(await open_empty("sqlite"), tmp_path / "backup.tar")
    assert begun
    assert await gone(recording)


async def test_a_line_that_a_crash_cut_short_spoils_no_other(tmp_path: Path) -> None:
    one = Erasure(db.utc_now(), "person", uuid4())
    append(tmp_path / "list", [one])
    text = (tmp_path / "list").read_text()
    assert parse('{"at": "2026-\n' + text + text[:20]) == [one]


async def test_a_list_that_cannot_be_read_stops_the_restore_before_it_begins(
    centre: Settings, open_empty: OpenEmpty, tmp_path: Path
) -> None:
    await make_backup(centre, str(tmp_path / "backup.tar"))
    (tmp_path / "list").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(BackupRefused, match="list of erasures"):
        await restore_backup(
            await open_empty("sqlite"), tmp_path / "backup.tar", more_erasures=[tmp_path / "list"]
        )
