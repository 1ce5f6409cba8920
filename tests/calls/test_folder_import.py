"""A folder of calls: every good one is taken, every bad one is named, and none twice."""

import shutil
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.calls.conftest import VTT, Cast
from trainer import db, jobs
from trainer.calls import service
from trainer.calls.folder import import_recordings
from trainer.calls.tables import Recording, Segment
from trainer.problems import Invalid
from trainer.storage import StorageError

LIBRARY = Path(__file__).parents[2] / "clips"


@pytest.fixture
def folder(tmp_path: Path, sounds: dict[str, Path], bad_sounds: dict[str, bytes]) -> Path:
    """Two good calls, one of them with its words, and two files that are none."""
    root = tmp_path / "calls"
    (root / "deeper").mkdir(parents=True)
    shutil.copyfile(sounds["mp3_cbr"], root / "morning.bin")
    (root / "morning.vtt").write_bytes(VTT)
    shutil.copyfile(sounds["opus"], root / "deeper" / "evening.ogg")
    (root / "letter.wav").write_bytes(bad_sounds["unknown_format"])
    (root / "nothing.mp3").write_bytes(b"")
    (root / "README.md").write_text("Our calls", encoding="utf-8")
    (root / ".hidden.mp3").write_bytes(b"x")
    return root


async def test_good_calls_are_taken_and_bad_ones_named(cast: Cast, folder: Path) -> None:
    report = await import_recordings(None, folder)
    assert set(report.taken) == {"morning.bin", "deeper/evening.ogg"}
    assert set(report.refused) == {"letter.wav", "nothing.mp3"}
    assert report.refused["nothing.mp3"] == "This file is empty."
    await jobs.drain()
    viewer = cast.viewer("trainer")
    calls = {call.title: call for call in await service.visible_recordings(viewer)}
    assert {call.state for call in calls.values()} == {"ready"}
    assert calls["morning"].consent_basis == "contract"
    assert len(await service.segments_of(calls["morning"].id)) == 2
    assert any("2 calls name no consent basis" in line for line in report.lines())
    assert report.lines()[-1] == "2 taken, 0 here already, 2 refused."
    assert (folder / "morning.bin").exists()


async def test_the_same_folder_again_takes_nothing_twice(cast: Cast, folder: Path) -> None:
    first = await import_recordings(None, folder)
    await jobs.drain()
    shutil.move(folder / "morning.bin", folder / "renamed.mp3")
    again = await import_recordings(None, folder)
    assert again.taken == {}
    assert set(again.known.values()) == set(first.taken.values())
    assert await Recording.count() == 2


async def test_what_was_erased_does_not_come_again(cast: Cast, folder: Path) -> None:
    first = await import_recordings(None, folder)
    await service.erase_recording(cast.viewer("admin"), first.taken["morning.bin"], "Asked")
    again = await import_recordings(None, folder)
    assert again.taken == {}
    assert "erased on" in again.refused["morning.bin"]


async def test_metadata_describes_calls(cast: Cast, folder: Path, sounds: dict[str, Path]) -> None:
    (folder / "words.vtt").write_bytes(VTT)
    described: dict[str, Any] = {
        "defaults": {"consent_basis": "synthetic", "staged": True},
        "calls": [
            {
                "slug": "evening",
                "audio": "deeper/evening.ogg",
                "transcript": "words.vtt",
                "title": "The flower shop",
                "agent": "amara",
                "days_ago": 3,
                "called_at_time": "10:42",
                "csat": 5,
                "staged": False,
                "duration_ms": 1,
            },
            {"audio": "lost.mp3"},
            {"audio": "../outside.mp3", "slug": "outside"},
            {"slug": "wordless", "audio": "morning.bin", "transcript": "none.vtt"},
        ],
    }
    shutil.copyfile(sounds["wav_stereo"], folder.parent / "outside.mp3")
    (folder / "metadata.yaml").write_text(yaml.safe_dump(described), encoding="utf-8")
    report = await import_recordings(None, folder, people={"amara": cast.agent.id})
    assert set(report.taken) == {"evening"}
    assert report.refused["lost.mp3"] == "There is no such file in the folder."
    assert report.refused["outside"] == "There is no such file in the folder."
    assert report.refused["wordless"] == "Its transcript is not in the folder."
    call = await service.load_recording(cast.viewer("trainer"), report.taken["evening"])
    assert (call.title, call.agent, call.csat) == ("The flower shop", cast.agent.id, 5)
    assert (call.consent_basis, call.staged) == ("synthetic", False)
    assert call.called_at is not None
    assert call.called_at.strftime("%H:%M") == "10:42"
    assert timedelta(days=2) < db.utc_now() - call.called_at < timedelta(days=4)
    assert await Segment.count() == 2


async def test_metadata_that_cannot_be_read_stops_before_anything_is_taken(cast: Cast, folder: Path) -> None:
    for text in ("calls: [", "calls: {a: 1}", "- audio", "calls: [{title: x}]"):
        (folder / "library.yaml").write_text(text, encoding="utf-8")
        with pytest.raises(Invalid, match=r"library\.yaml cannot be read"):
            await import_recordings(None, folder)
    assert await Recording.count() == 0


async def test_a_library_is_what_it_lists_and_nothing_beside_it(cast: Cast, folder: Path) -> None:
    (folder / "__pycache__").mkdir()
    (folder / "__pycache__" / "make.pyc").write_bytes(b"not a call")
    assert "__pycache__/make.pyc" not in (await import_recordings(None, folder)).refused
    listed = {"calls": [{"audio": "letter.wav"}, {"slug": "evening", "audio": "deeper/evening.ogg"}]}
    (folder / "library.yaml").write_text(yaml.safe_dump(listed), encoding="utf-8")
    report = await import_recordings(None, folder)
    assert (set(report.known), set(report.refused)) == ({"evening"}, {"letter.wav"})


async def test_one_file_alone(cast: Cast, folder: Path) -> None:
    report = await import_recordings(None, folder / "morning.bin")
    assert set(report.taken) == {"morning.bin"}


async def test_a_full_storage_stops_the_import(
    cast: Cast, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def full(*given: Any, **named: Any) -> None:
        raise StorageError("full")

    monkeypatch.setattr("trainer.storage.FolderStorage.put_file", full)
    with pytest.raises(StorageError):
        await import_recordings(None, folder)
    assert await Recording.count() == 0


async def test_the_starter_library_comes_in_whole(cast: Cast) -> None:
    keys = {call["agent"] for call in yaml.safe_load((LIBRARY / "library.yaml").read_text("utf-8"))["calls"]}
    report = await import_recordings(None, LIBRARY, people=dict.fromkeys(keys, cast.agent.id))
    assert report.refused == {}
    await jobs.drain()
    calls = await service.visible_recordings(cast.viewer("trainer"))
    assert len(calls) == 8
    assert {(call.state, call.lines_cut, call.consent_basis) for call in calls} == {("ready", 0, "synthetic")}
    for call in calls:
        assert call.duration_ms
        assert 60_000 <= call.duration_ms <= 240_000
        speakers = {line.speaker for line in await service.segments_of(call.id)}
        assert speakers == {"agent", "caller"}


async def test_a_call_whose_agent_is_not_here_is_taken_without_one(cast: Cast, folder: Path) -> None:
    described = {"calls": [{"audio": "morning.bin", "agent": "somebody from another centre"}]}
    (folder / "metadata.yaml").write_text(yaml.safe_dump(described), encoding="utf-8")
    report = await import_recordings(None, folder / "morning.bin")
    assert set(report.taken) == {"morning.bin"}
    row = await Recording.select(Recording.agent).first()
    assert row is not None
    assert row["agent"] is None
    assert any("1 calls name an agent who is not here" in line for line in report.lines())


async def test_what_metadata_says_is_read_as_it_is_seen(cast: Cast, folder: Path) -> None:
    told = {"calls": [{"audio": "morning.bin", "title": "Lost\u202e at\u200b the exit"}]}
    (folder / "metadata.yaml").write_text(yaml.safe_dump(told), encoding="utf-8")
    taken = (await import_recordings(None, folder)).taken["morning.bin"]
    row = await Recording.select(Recording.title).where(Recording.id == taken).first()
    assert row is not None
    assert row["title"] == "Lost at the exit"
