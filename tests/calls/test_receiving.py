"""A call is taken in whole, or refused in words with nothing left of it."""

import asyncio
import errno
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.calls.conftest import NOTHING, VTT, CallMaker, Cast, Traces
from tests.factories import a_rule, a_rulebook
from tests.web_fixtures import SignIn
from trainer import db, jobs, storage
from trainer.calls import service
from trainer.calls.jobs import prepare_recording, tidy_recordings
from trainer.calls.service import RecordingFields
from trainer.calls.tables import Recording
from trainer.problems import Invalid
from trainer.settings import Settings

FIELDS = {
    "title": "Lost at the exit",
    "language": "en",
    "consent_basis": "contract",
    "retain_until": (db.utc_now() + timedelta(days=30)).date().isoformat(),
}
Counter = Callable[[], Awaitable[Traces]]
# How a browser's page and a program send the same thing
WAYS = ("/calls/new", "/api/v1/recordings")


@pytest.fixture
async def trainer(client: httpx.AsyncClient, sign_in: SignIn, cast: Cast) -> httpx.AsyncClient:
    """A trainer's browser whose scripts ask for JSON."""
    client.headers["Accept"] = "application/json"
    return await sign_in(client, cast.trainer)


async def send(
    client: httpx.AsyncClient,
    way: str,
    audio: bytes | None,
    *,
    transcript: bytes | None = None,
    name: str = "call.wav",
    **fields: str,
) -> httpx.Response:
    files: dict[str, Any] = {} if audio is None else {"audio": (name, audio)}
    if transcript is not None:
        files["transcript"] = ("call.vtt", transcript)
    if not files:
        files["other"] = ("x", b"")
    return await client.post(way, data={**FIELDS, **fields}, files=files)


def codes(answer: httpx.Response) -> dict[str, str]:
    assert answer.headers["content-type"] == "application/problem+json", answer.text
    problem = answer.json()
    assert all(error["message"] for error in problem["errors"])
    return {error["field"]: error["code"] for error in problem["errors"]}


@pytest.mark.parametrize("sound", ["wav_stereo", "mp3_cbr", "opus", "m4a_16k", "webm_live"])
async def test_whatever_can_be_decoded_becomes_ready(
    trainer: httpx.AsyncClient, cast: Cast, sounds: dict[str, Path], sound: str
) -> None:
    made = await send(
        trainer,
        "/api/v1/recordings",
        sounds[sound].read_bytes(),
        name="a letter.txt",
        transcript=VTT,
        agent=str(cast.agent.id),
        csat="4",
    )
    assert made.status_code == 201, made.text
    address = made.headers["location"]
    assert made.json()["status"] == "processing"
    assert (await trainer.get(f"{address}/audio")).status_code == 409
    await jobs.drain()
    call = (await trainer.get(address)).json()
    assert call["status"] == "ready"
    assert abs(call["duration_ms"] - 3000) <= 100
    assert call["channels"] == (2 if sound == "wav_stereo" else 1)
    assert call["sample_rate_hz"] > 0
    assert call["codec"]
    assert (call["agent"]["name"], call["csat"], call["refusal"]) == ("Amara Nwosu", 4, None)
    peaks = (await trainer.get(f"{address}/peaks?points=50")).json()["peaks"]
    assert (len(peaks), max(peaks)) == (50, 100)
    words = (await trainer.get(f"{address}/transcript")).json()["items"]
    assert [(turn["speaker"], turn["text"]) for turn in words] == [
        ("agent", "Good morning."),
        ("caller", "I am lost."),
    ]


async def test_the_page_leads_to_the_call(trainer: httpx.AsyncClient, wav: bytes) -> None:
    answer = await send(trainer, "/calls/new", wav)
    assert answer.status_code == 303, answer.text
    page = await trainer.get(answer.headers["location"])
    assert "Listening to the call" in page.text
    await jobs.drain()
    assert "Cut a clip" in (await trainer.get(answer.headers["location"])).text


async def test_a_rule_that_one_looks_for_stays_in_mind_through_the_upload(
    trainer: httpx.AsyncClient, wav: bytes
) -> None:
    rule = await a_rule(title={"en": "Recap the money"})
    listed = (await trainer.get(f"/calls?rule={rule.code}")).text
    assert f'href="/calls/new?rule={rule.code}"' in listed
    form = (await trainer.get(f"/calls/new?rule={rule.code}")).text
    assert f'action="/calls/new?rule={rule.code}"' in form
    assert "Recap the money" in form
    assert f'<option value="{rule.rulebook_code}" selected' in form
    made = (await send(trainer, f"/calls/new?rule={rule.code}", wav)).headers["location"]
    assert made.endswith(f"?rule={rule.code}")
    await jobs.drain()
    assert f"/clips/new?rule={rule.code}" in (await trainer.get(made)).text
    assert "?rule" not in (await trainer.get("/calls/new?rule=R99")).text


@pytest.mark.parametrize("way", WAYS)
async def test_bad_files_are_refused_with_the_reason_and_nothing_is_left(
    trainer: httpx.AsyncClient, bad_sounds: dict[str, bytes], traces: Counter, way: str
) -> None:
    said = set()
    for reason, data in bad_sounds.items():
        answer = await send(trainer, way, data, transcript=VTT)
        assert answer.status_code == 422, (reason, answer.text)
        assert codes(answer) == {"audio": reason}
        said.add(answer.json()["errors"][0]["message"])
        assert await traces() == NOTHING
    assert len(said) == len(bad_sounds)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"consent_basis": ""}, {"consent_basis": "required"}),
        ({"consent_basis": "habit"}, {"consent_basis": "required"}),
        ({"language": "English!"}, {"language": "unknown"}),
        ({"csat": "6"}, {"csat": "out-of-range"}),
        ({"csat": "great"}, {"csat": "unreadable"}),
        ({"called_at": "yesterday"}, {"called_at": "unreadable"}),
        ({"called_at": "2999-01-01T00:00"}, {"called_at": "future"}),
        ({"retain_until": "2020-01-01"}, {"retain_until": "past"}),
        ({"retain_until": "soon"}, {"retain_until": "unreadable"}),
        ({"agent": "nobody@encore.example"}, {"agent": "unknown"}),
        ({"agent": "00000000-0000-4000-8000-000000000000"}, {"agent": "unknown"}),
        ({"staged": "perhaps"}, {"staged": "unreadable"}),
        ({"rulebook": "none"}, {"rulebook": "unknown"}),
        ({"title": "x" * 201}, {"title": "too-long"}),
        ({"caller_is_minor": "true"}, {"caller_is_minor": "minor"}),
        ({"colour": "red"}, {"colour": "unknown_field"}),
        ({"csat": "6", "language": ""}, {"csat": "out-of-range", "language": "unknown"}),
    ],
)
async def test_wrong_fields_are_all_named_and_nothing_is_left(
    trainer: httpx.AsyncClient,
    wav: bytes,
    traces: Counter,
    way: str,
    change: dict[str, str],
    expected: dict[str, str],
) -> None:
    answer = await send(trainer, way, wav, transcript=VTT, **change)
    assert answer.status_code == 422, answer.text
    assert codes(answer) == expected
    assert await traces() == NOTHING


@pytest.mark.parametrize("way", WAYS)
async def test_a_bad_transcript_refuses_the_whole_upload(
    trainer: httpx.AsyncClient, wav: bytes, traces: Counter, way: str
) -> None:
    backward = b"WEBVTT\n\n00:02.000 --> 00:01.000\nx\n"
    assert codes(await send(trainer, way, wav, transcript=backward)) == {"transcript": "backward"}
    large = await send(trainer, way, wav, transcript=b"x" * ((10 << 20) + 1))
    assert (large.status_code, large.json()["field"]) == (413, "transcript")
    assert codes(await send(trainer, way, None)) == {"audio": "required", "other": "unknown_field"}
    assert await traces() == NOTHING


@pytest.mark.parametrize("role", ["agent", "team_lead", "manager"])
@pytest.mark.parametrize("way", WAYS)
async def test_those_who_add_no_calls_are_told_before_a_byte_is_kept(
    client: httpx.AsyncClient, sign_in: SignIn, cast: Cast, wav: bytes, traces: Counter, role: str, way: str
) -> None:
    await sign_in(client, getattr(cast, role))
    assert (await send(client, way, wav)).status_code == 403
    assert await traces() == NOTHING


@pytest.mark.parametrize("way", WAYS)
async def test_an_upload_needs_its_csrf_proof_as_a_header(
    trainer: httpx.AsyncClient, wav: bytes, traces: Counter, way: str
) -> None:
    proof = trainer.headers.pop("X-CSRF-Token")
    assert (await send(trainer, way, wav, _csrf=proof)).status_code == 403
    assert await traces() == NOTHING


class TestSmallCentre:
    """A centre that takes at most one megabyte."""

    @pytest.fixture
    def settings(self, settings: Settings) -> Settings:
        return settings.model_copy(update={"upload_limit_mb": 1})

    async def test_what_is_larger_than_the_limit_is_refused(
        self, trainer: httpx.AsyncClient, traces: Counter
    ) -> None:
        for way in WAYS:
            answer = await send(trainer, way, b"x" * ((1 << 20) + 1))
            assert answer.status_code == 413, answer.text
            assert "1 MB" in answer.json()["detail"]
        assert await traces() == NOTHING


async def test_damage_that_only_decoding_shows_ends_in_refused_with_the_file_gone(
    trainer: httpx.AsyncClient, damaged: bytes, traces: Counter
) -> None:
    made = await send(trainer, "/api/v1/recordings", damaged, transcript=VTT)
    assert made.status_code == 201
    await jobs.drain()
    address = made.headers["location"]
    call = (await trainer.get(address)).json()
    assert call["status"] == "refused"
    assert call["refusal"]["code"] in ("damaged", "truncated")
    assert call["refusal"]["message"].startswith("This file")
    assert await traces() == Traces(rows=1, lines=0, jobs=0, objects=0, incoming=0)
    assert (await trainer.get(f"{address}/audio")).status_code == 409
    assert "This call could not be used" in (await trainer.get(f"/calls/{call['id']}")).text
    await jobs.drain(db.utc_now() + timedelta(days=6))
    assert (await trainer.get(address)).status_code == 200
    await jobs.drain(db.utc_now() + timedelta(days=8))
    assert (await trainer.get(address)).status_code == 404


async def test_lines_after_the_end_of_the_audio_are_left_out_and_said_so(
    trainer: httpx.AsyncClient, a_call: CallMaker, cast: Cast
) -> None:
    late = VTT + b"\n00:02.600 --> 00:09.000\n<v Agent>One moment\n\n00:20.000 --> 00:21.000\nToo late\n"
    call = await a_call(transcript=late)
    lines = await service.segments_of(call)
    assert [line.text for line in lines] == ["Good morning.", "I am lost.", "One moment"]
    assert lines[-1].end_ms == 3000
    assert "One line of the transcript lay after the end" in (await trainer.get(f"/calls/{call}")).text


async def test_a_naive_time_is_in_the_zone_of_the_site_and_a_day_ends_there(
    cast: Cast, wav: bytes, app: Any, client: httpx.AsyncClient, sign_in: SignIn, settings: Settings
) -> None:
    app.state.settings = settings.model_copy(update={"time_zone": "Asia/Taipei"})
    await sign_in(client, cast.trainer)
    until = (db.utc_now() + timedelta(days=30)).date()
    made = await send(
        client, WAYS[1], wav, called_at="2026-03-05T10:42", retain_until=until.isoformat(), staged="true"
    )
    assert made.json()["called_at"] == "2026-03-05T02:42:00.000Z"
    assert (made.json()["retain_until"], made.json()["staged"]) == (until.isoformat(), True)
    row = await Recording.select().first()
    assert row is not None
    assert row["expires_at"] == datetime(until.year, until.month, until.day, 16, tzinfo=UTC)
    exact = await send(client, WAYS[1], wav, called_at="2026-03-05T10:42:00+01:00")
    assert exact.json()["called_at"] == "2026-03-05T09:42:00.000Z"


async def test_an_agent_is_named_by_id_email_or_number(
    trainer: httpx.AsyncClient, cast: Cast, wav: bytes
) -> None:
    for named in (str(cast.agent.id), (cast.agent.email or "").upper()):
        made = await send(trainer, WAYS[1], wav, agent=named)
        assert made.json()["agent"] == {"id": str(cast.agent.id), "name": "Amara Nwosu"}


# What goes wrong on our side


@pytest.mark.parametrize("way", WAYS)
async def test_a_full_disk_is_said_in_words_and_nothing_is_left(
    trainer: httpx.AsyncClient,
    wav: bytes,
    traces: Counter,
    monkeypatch: pytest.MonkeyPatch,
    way: str,
) -> None:
    def full(self: Any, *given: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(storage.FolderStorage, "_put_now", full)
    answer = await send(trainer, way, wav)
    assert answer.status_code == 507
    assert "no space left" in answer.json()["detail"]
    assert await traces() == NOTHING


@pytest.mark.parametrize("broken", [RuntimeError("the database is away"), asyncio.CancelledError()])
async def test_a_failure_after_the_file_was_stored_takes_it_away_again(
    cast: Cast,
    sounds: dict[str, Path],
    traces: Counter,
    monkeypatch: pytest.MonkeyPatch,
    broken: BaseException,
) -> None:
    async def fail(*given: Any, **named: Any) -> None:
        raise broken

    monkeypatch.setattr(service, "record_audit", fail)
    with pytest.raises(type(broken)):
        await service.receive_recording(
            cast.viewer("trainer"), sounds["wav_stereo"], RecordingFields(consent_basis="contract")
        )
    assert await traces() == NOTHING
    assert sounds["wav_stereo"].exists()


async def test_a_call_whose_commit_was_lost_keeps_its_sound(
    cast: Cast, sounds: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    real = type(db.database()).end

    async def end(self: Any, connection: Any, *, commit: bool) -> None:
        written = commit and await self.execute("SELECT id FROM recording", (), connection)
        await real(self, connection, commit=commit)
        if written:
            monkeypatch.setattr(type(self), "end", real)
            raise db.OutcomeUnknown("gone during COMMIT, which was carried out")

    monkeypatch.setattr(type(db.database()), "end", end)
    with pytest.raises(db.OutcomeUnknown):
        await service.receive_recording(
            cast.viewer("trainer"), sounds["wav_stereo"], RecordingFields(consent_basis="contract")
        )
    await jobs.drain()
    (row,) = await Recording.select(Recording.state)
    assert row["state"] == "ready"


async def test_preparing_twice_is_preparing_once(a_call: CallMaker, cast: Cast, traces: Counter) -> None:
    call = await a_call(ready=False)
    context: Any = None
    await jobs.drain()
    before = await service.load_recording(cast.viewer("trainer"), call), await traces()
    await prepare_recording(context, str(call))
    assert (await service.load_recording(cast.viewer("trainer"), call), await traces()) == before


async def test_a_recording_whose_file_is_lost_is_refused(a_call: CallMaker, cast: Cast) -> None:
    call = await a_call(ready=False)
    found = await service.load_recording(cast.viewer("trainer"), call)
    await storage.storage().delete(found.object_key)
    await jobs.drain()
    found = await service.load_recording(cast.viewer("trainer"), call)
    assert (found.state, found.refusal) == ("refused", "missing")
    assert "send it again" in found.refusal_sentence


async def test_a_recording_whose_job_is_lost_does_not_wait_for_ever(
    a_call: CallMaker, cast: Cast, traces: Counter
) -> None:
    call = await a_call(ready=False)
    await db.fetch("DELETE FROM job")
    context: Any = None
    await tidy_recordings(context)
    found = await service.load_recording(cast.viewer("trainer"), call)
    assert (found.state, found.refusal) == ("refused", "not_prepared")
    assert (found.object_key, found.sha256) == ("", "")
    assert (await traces()).objects == 0


@pytest.mark.parametrize("sound", ["wav_stereo", "mp3_cbr", "opus", "m4a_16k", "webm_live"])
async def test_wherever_a_file_is_cut_it_ends_ready_or_refused_and_whole(
    cast: Cast, sounds: dict[str, Path], traces: Counter, tmp_path: Path, sound: str
) -> None:
    whole, viewer = sounds[sound].read_bytes(), cast.viewer("trainer")
    kept = gone = 0
    for share in range(9):
        cut = tmp_path / f"cut-{share}"
        cut.write_bytes(whole[: len(whole) * share // 8 + share % 3])
        before = await traces()
        try:
            call = await service.receive_recording(
                viewer, cut, RecordingFields(consent_basis="contract"), transcript=VTT
            )
        except Invalid:
            assert await traces() == before
            continue
        await jobs.drain()
        found = await service.load_recording(viewer, call)
        assert found.state in ("ready", "refused")
        kept, gone = kept + (found.state == "ready"), gone + (found.state == "refused")
        left = await traces()
        assert (left.objects, left.jobs) == (2 * kept, 0)
        assert left.rows == kept + gone
    assert kept >= 1


# What is asked of whoever uploads


async def test_the_page_asks_until_when_and_on_what_basis(trainer: httpx.AsyncClient, wav: bytes) -> None:
    answer = await send(trainer, WAYS[0], wav, retain_until="", consent_basis="")
    assert codes(answer) == {"retain_until": "required", "consent_basis": "required"}
    answer = await send(trainer, WAYS[0], wav, consent_basis="")
    assert [error["message"] for error in answer.json()["errors"]] == [
        "Say on what basis this call may be kept."
    ]
    page = (await trainer.get("/calls/new")).text
    proposed = (db.utc_now() + timedelta(days=180)).date().isoformat()
    assert f'value="{proposed}"' in page
    assert "They said yes to being recorded for training" in page


async def test_a_program_that_says_nothing_gets_the_usual_time(
    trainer: httpx.AsyncClient, wav: bytes
) -> None:
    made = await send(trainer, WAYS[1], wav, retain_until="")
    assert made.json()["retain_until"] == (db.utc_now() + timedelta(days=180)).date().isoformat()


async def test_a_minors_call_is_refused_and_a_call_gets_the_default_programme(
    trainer: httpx.AsyncClient, wav: bytes, traces: Counter
) -> None:
    for way in WAYS:
        assert codes(await send(trainer, way, wav, caller_is_minor="true")) == {"caller_is_minor": "minor"}
    assert await traces() == NOTHING
    await a_rulebook()
    assert (await send(trainer, WAYS[1], wav)).json()["rulebook"] == "starter"
