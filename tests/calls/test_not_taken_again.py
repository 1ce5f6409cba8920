"""What was erased or expired here does not come back by itself: by no way in, and after a restore neither."""

import asyncio
import json
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from tests.calls.conftest import CallMaker, Cast, Traces
from tests.calls.test_bulk_import import MOST
from tests.web_fixtures import SignIn
from trainer import db, jobs
from trainer.backup import erasures
from trainer.backup.erasures import Erasure
from trainer.calls import jobs as call_jobs
from trainer.calls import keeping, proofs, service
from trainer.calls.folder import import_recordings
from trainer.calls.importing import reports
from trainer.calls.importing.jobs import KIND, about, apply_calls, read_calls
from trainer.calls.service import RecordingFields
from trainer.calls.tables import Recording
from trainer.people.erasing import erase_person
from trainer.people.tables import AuditEntry
from trainer.problems import Forbidden, Invalid
from trainer.settings import Settings
from trainer.sheets import pending as imports

FIELDS = RecordingFields(consent_basis="contract")
ASKED = "This recording was erased on {day} at request; it is not taken in again."


def today() -> str:
    return db.utc_now().date().isoformat()


async def bring(cast: Cast, path: Path, who: str = "trainer", because: str = "") -> UUID:
    return await service.receive_recording(cast.viewer(who), path, FIELDS, despite_erasure=because)


async def test_an_erased_call_is_refused_by_every_way_in(
    cast: Cast, a_call: CallMaker, sounds: dict[str, Path], tmp_path: Path
) -> None:
    call = await a_call()
    await service.erase_recording(cast.viewer("trainer"), call, "The caller asked for it.")
    [row] = await Recording.select(Recording.fingerprint).where(Recording.id == call)
    sound = sounds["wav_stereo"]
    assert len(row["fingerprint"]) == 64
    assert row["fingerprint"] != service.content_hash(sound)

    with pytest.raises(Invalid) as refused:
        await bring(cast, sound, "qa_analyst")
    told = ASKED.format(day=today())
    assert (refused.value.name, refused.value.detail) == ("erased-before", told)
    assert [error.field for error in refused.value.errors] == ["audio"]

    folder = tmp_path / "calls"
    folder.mkdir()
    (folder / "again.wav").write_bytes(sound.read_bytes())
    (folder / "other.ogg").write_bytes(sounds["opus"].read_bytes())
    summary = about(folder=folder, most_bytes=MOST, defaults={"consent_basis": "contract"})
    viewer = cast.viewer("trainer")
    pending = await imports.receive(viewer, KIND, None, "calls", read_calls, summary=summary)
    await jobs.drain()
    found = await imports.load_pending(viewer, KIND, pending)
    assert [(bad.file, bad.faults) for bad in await reports.refused_lines(found)] == [
        ("again.wav", [("file", told)])
    ]

    (folder / "metadata.yaml").write_text(
        "defaults: {consent_basis: contract, despite_erasure: because}\ncalls: []\n"
    )
    report = await import_recordings(None, folder)
    assert (list(report.taken), report.refused) == (["other.ogg"], {"again.wav": told})


async def test_what_is_erased_between_the_preview_and_the_yes_is_refused_then(
    cast: Cast, a_call: CallMaker, sounds: dict[str, Path], tmp_path: Path
) -> None:
    (tmp_path / "calls").mkdir()
    (tmp_path / "calls" / "again.wav").write_bytes(sounds["wav_stereo"].read_bytes())
    summary = about(folder=tmp_path / "calls", most_bytes=MOST, defaults={"consent_basis": "contract"})
    viewer = cast.viewer("trainer")
    pending = await imports.receive(viewer, KIND, None, "calls", read_calls, summary=summary)
    await jobs.drain()
    call = await a_call()
    await service.erase_recording(viewer, call, "Asked")
    await imports.start_applying(viewer, KIND, pending, apply_calls)
    await jobs.drain()
    found = await imports.load_pending(viewer, KIND, pending)
    [bad] = await reports.refused_lines(found)
    assert bad.faults == [("file", ASKED.format(day=today()))]
    assert await Recording.count().where(Recording.state != "erased") == 0


async def test_only_a_trainer_or_admin_takes_it_in_anyway_and_the_log_says_why(
    cast: Cast, a_call: CallMaker, sounds: dict[str, Path]
) -> None:
    call = await a_call()
    await service.erase_recording(cast.viewer("admin"), call, "By mistake")
    sound = sounds["wav_stereo"]
    with pytest.raises(Forbidden):
        await bring(cast, sound, "qa_analyst", "I want it")
    for reason in ("", "  ", "x" * 501):
        with pytest.raises(Invalid) as refused:
            await bring(cast, sound, "trainer", reason)
        assert [error.field for error in refused.value.errors] == ["audio", "despite_erasure"]
    with pytest.raises(Invalid):  # a command asks nobody
        await service.receive_recording(None, sound, FIELDS, despite_erasure="because")
    again = await bring(cast, sound, "admin", " Erased by mistake ")
    [entry] = await AuditEntry.select().where(AuditEntry.action == "recording_taken_in_again")
    assert (entry["noun_id"], entry["actor"]) == (str(again), cast.admin.id)
    assert json.loads(entry["detail"]) == {"was": str(call), "reason": "Erased by mistake"}
    # a reason for what is new is no event
    await bring(cast, sounds["opus"], "trainer", "just in case")
    assert await AuditEntry.count().where(AuditEntry.action == "recording_taken_in_again") == 1


async def test_what_went_with_a_person_stays_away_whatever_is_said(
    cast: Cast, a_call: CallMaker, sounds: dict[str, Path]
) -> None:
    await a_call()
    await erase_person(cast.viewer("admin"), cast.agent.id, cast.agent.name)
    await jobs.drain()
    with pytest.raises(Invalid, match="together with the person whose voice") as refused:
        await bring(cast, sounds["wav_stereo"], "admin", "We would like it back")
    assert [error.field for error in refused.value.errors] == ["audio"]


async def test_an_expired_call_is_refused_in_words_of_its_own(
    cast: Cast, a_call: CallMaker, sounds: dict[str, Path]
) -> None:
    until = db.utc_now() + timedelta(days=3)
    call = await a_call(expires_at=until)
    keeping.keepers["test"] = _keeps
    try:
        await keeping.expire(call, until + timedelta(hours=1))
        told = f"kept here until {until.date()}, and that is over; it is not taken in again"
        for _state in ("expired", "erased"):  # first a clip lives on, then nothing is left
            with pytest.raises(Invalid, match=told):
                await bring(cast, sounds["wav_stereo"])
            keeping.keepers.pop("test", None)
            await keeping.let_go(call, until + timedelta(hours=1))
    finally:
        keeping.keepers.pop("test", None)
    assert await bring(cast, sounds["wav_stereo"], because="A new contract allows it")


async def _keeps(recording: UUID, moment: Any) -> bool:
    return True


async def test_erased_and_brought_at_the_same_moment(
    cast: Cast, a_call: CallMaker, sounds: dict[str, Path]
) -> None:
    """Whoever comes second sees what the first did: no row is taken in after the proof stands."""
    call = await a_call()
    sound = sounds["wav_stereo"]
    erased = asyncio.create_task(service.erase_recording(cast.viewer("admin"), call, "Asked"))
    brought = await asyncio.gather(*(bring(cast, sound) for _ in range(3)), return_exceptions=True)
    await erased
    assert all(isinstance(each, UUID | Invalid) for each in brought), brought
    rows = await Recording.select(Recording.created_at).where(Recording.state == "processing")
    assert len(rows) == sum(isinstance(each, UUID) for each in brought)
    with pytest.raises(Invalid):
        await bring(cast, sound)


async def test_whoever_looked_before_the_proof_stood_looks_again(
    cast: Cast, a_call: CallMaker, sounds: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    call = await a_call()
    begun, looked = asyncio.Event(), asyncio.Event()
    require_new = proofs.require_new

    async def look(viewer: Any, sha256: str, because: str) -> Any:
        found = await require_new(viewer, sha256, because)
        looked.set()
        return found

    async def later() -> UUID:  # begun outside of the transaction, to have one of its own
        await begun.wait()
        return await bring(cast, sounds["wav_stereo"])

    monkeypatch.setattr(proofs, "require_new", look)
    bringing = asyncio.create_task(later())
    async with db.transaction():
        await call_jobs.erase_row(call, None, "Asked")
        begun.set()
        await looked.wait()  # it saw nothing yet
    with pytest.raises(Invalid, match="erased on"):
        await bringing
    assert await Recording.count() == 1


async def test_page_and_api_say_it_and_take_a_reason(
    client: httpx.AsyncClient,
    sign_in: SignIn,
    use_token: Any,
    new_client: Any,
    cast: Cast,
    a_call: CallMaker,
    wav: bytes,
    traces: Any,
) -> None:
    call = await a_call()
    await service.erase_recording(cast.viewer("admin"), call, "Asked")
    await jobs.drain()
    async with new_client() as program:
        await use_token(program, cast.trainer, "recordings:write")
        form = {"consent_basis": "contract"}
        sound = {"audio": ("a.wav", wav)}
        refused = await program.post("/api/v1/recordings", data=form, files=sound)
        left = await traces()
        form["despite_erasure"] = "The caller wants it back"
        taken = await program.post("/api/v1/recordings", data=form, files=sound)
    problem = refused.json()
    assert refused.status_code == 422
    assert problem["type"] == "/problems/erased-before"
    assert problem["errors"][0] == {
        "field": "audio",
        "code": "erased",
        "message": ASKED.format(day=today()),
    }
    assert left == Traces(rows=1, lines=0, jobs=0, objects=0, incoming=0)
    assert taken.status_code == 201, taken.text

    await sign_in(client, cast.qa_analyst)
    assert "despite_erasure" not in (await client.get("/calls/new")).text
    await sign_in(client, cast.trainer)
    assert "Take it in anyway, because" in (await client.get("/calls/new")).text


async def test_a_restore_remembers_what_the_backup_never_held(
    cast: Cast, a_call: CallMaker, sounds: dict[str, Path], settings: Settings
) -> None:
    call = await a_call()
    await service.erase_recording(cast.viewer("admin"), call, "Mrs Osei asked")
    await jobs.drain()
    text = (settings.data / erasures.NAME).read_text()
    assert "Osei" not in text
    [noted] = erasures.parse(text)
    await Recording.delete(force=True)  # a backup from before: neither call nor proof
    older = Erasure(noted.at - timedelta(days=1), "recording", uuid4())
    came = await erasures.replay([older, noted, Erasure(noted.at, "recording", noted.id)])
    assert (came.done, came.left) == (0, [])
    [row] = await Recording.select()
    assert (row["id"], row["state"], row["erased_at"]) == (call, "erased", noted.at)
    with pytest.raises(Invalid, match="erased on"):
        await bring(cast, sounds["wav_stereo"])


def test_without_the_key_a_proof_tells_nothing() -> None:
    sha256 = "ab" * 32
    proofs.set_key(b"one")
    one = proofs.fingerprint(sha256)
    proofs.set_key(b"two")
    assert one not in (proofs.fingerprint(sha256), sha256)
    assert proofs.fingerprint("") == ""
    proofs.set_key(None)
    assert proofs.fingerprint(sha256) == ""
