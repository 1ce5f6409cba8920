"""A machine writes a call down: asked for, called off, overtaken, killed; and read over by somebody."""

import asyncio
import wave
from array import array
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import pytest

from tests.calls.conftest import CallMaker, Cast
from tests.speech.fake import Fake
from tests.waiting import takes_at_most
from tests.web_fixtures import SignIn
from trainer import db, jobs, speech
from trainer.calls import correcting
from trainer.calls.lines import Splice
from trainer.calls.reading import load_recording, segments_of
from trainer.calls.recognising import service as recognising
from trainer.calls.transcripts import Line
from trainer.calls.views import RecordingView
from trainer.problems import Conflict, Forbidden, Invalid, NotFound, PreconditionFailed


@pytest.fixture(autouse=True)
def fake(app: Any) -> Iterator[None]:
    """The app chose none; these tests have a fake."""
    speech.use(Fake())
    yield
    speech.use(None)


@pytest.fixture(scope="session")
def sounds(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Five seconds: the caller left, the agent right, in turns of one second."""
    path = tmp_path_factory.mktemp("speech") / "call"
    turn = array("h", [8000, -8000] * 4000)
    quiet = array("h", [0] * 8000)
    left, right = (
        quiet[:4000] + turn + quiet + quiet,
        quiet + quiet[:4000] + quiet[:4000] + turn + quiet[:4000],
    )
    sound = array("h", [sample for pair in zip(left, right, strict=False) for sample in pair])
    with wave.open(str(path), "wb") as file:
        file.setnchannels(2)
        file.setsampwidth(2)
        file.setframerate(8000)
        file.writeframes(sound.tobytes())
    return {"wav_stereo": path}


async def call_of(cast: Cast, call: UUID) -> RecordingView:
    return await load_recording(cast.viewer("trainer"), call)


async def state(cast: Cast, call: UUID) -> tuple[str, str]:
    run = await recognising.run_of(await call_of(cast, call))
    assert run is not None
    return run.state, run.reason


async def said(call: UUID) -> list[tuple[str, str]]:
    return [(turn.speaker, turn.text) for turn in await segments_of(call)]


async def test_each_channel_becomes_a_speaker_and_the_words_say_that_nobody_read_them(
    cast: Cast, a_call: CallMaker
) -> None:
    call = await a_call(transcript=None)
    trainer = cast.viewer("trainer")
    await recognising.ask(trainer, call, agent_channel=1, expected=1)
    assert await state(cast, call) == ("waiting", "")
    with pytest.raises(Conflict):
        await recognising.ask(trainer, call, expected=1)
    await jobs.drain()
    assert await state(cast, call) == ("done", "")
    lines = await segments_of(call)
    assert [(line.speaker, line.text) for line in lines] == [("caller", "one"), ("agent", "one")]
    assert len(lines[0].words) == 1
    assert await correcting.standing_of(call) == correcting.Standing("recognised", 2)
    await correcting.change_lines(
        trainer, call, Splice(0, 1, (Line(400, 1500, "caller", "won"),)), expected=2
    )
    assert (await correcting.standing_of(call)).source == "recognised"  # one line is not all of them
    read = await correcting.mark_read_over(trainer, call, expected=3)
    assert (read.source, read.revision) == ("checked", 4)
    with pytest.raises(Conflict):
        await correcting.mark_read_over(trainer, call, expected=4)


async def test_it_is_asked_for_by_trainers_where_there_is_an_engine_and_such_a_channel(
    cast: Cast, a_call: CallMaker
) -> None:
    call = await a_call()
    for name in ("qa_analyst", "team_lead", "admin", "agent", "manager"):
        with pytest.raises((Forbidden, NotFound)):
            await recognising.ask(cast.viewer(name), call, expected=1)
    trainer = cast.viewer("trainer")
    for channel in (-1, 2):
        with pytest.raises(Invalid):
            await recognising.ask(trainer, call, agent_channel=channel, expected=1)
    with pytest.raises(PreconditionFailed):
        await recognising.ask(trainer, call, expected=2)
    speech.use(None)
    with pytest.raises(Conflict):
        await recognising.ask(trainer, call, expected=1)


async def test_what_somebody_corrects_meanwhile_is_kept(cast: Cast, a_call: CallMaker) -> None:
    call = await a_call()
    trainer = cast.viewer("trainer")
    await recognising.ask(trainer, call, expected=1)
    await correcting.change_lines(trainer, call, Splice(0, 2, (Line(0, 900, "agent", "Mine."),)), expected=1)
    await jobs.drain()
    assert await said(call) == [("agent", "Mine.")]
    assert await state(cast, call) == ("failed", "changed")


async def test_called_off_it_stops_within_seconds_and_changes_nothing(cast: Cast, a_call: CallMaker) -> None:
    call = await a_call()
    speech.use(Fake(slow_s=300))
    trainer = cast.viewer("trainer")
    await recognising.ask(trainer, call, expected=1)
    working = asyncio.create_task(jobs.drain())
    while await state(cast, call) == ("waiting", ""):  # noqa: ASYNC110
        await asyncio.sleep(0.02)
    other = await a_call(ready=False)
    with takes_at_most(5):
        await recognising.call_off(trainer, call)
        await working
    assert await state(cast, call) == ("cancelled", "")
    assert (await said(call))[0] == ("agent", "Good morning.")
    assert (await correcting.standing_of(call)).revision == 1
    with pytest.raises(Conflict):
        await recognising.call_off(trainer, call)
    assert (await call_of(cast, other)).state == "ready"  # other work went on, in its turn
    speech.use(Fake())
    await recognising.ask(trainer, call, expected=1)
    await jobs.drain()
    assert await state(cast, call) == ("done", "")


async def test_a_run_that_was_killed_begins_again_and_a_call_that_is_erased_ends_it(
    cast: Cast, a_call: CallMaker
) -> None:
    call, gone = await a_call(), await a_call()
    trainer = cast.viewer("trainer")
    await recognising.ask(trainer, call, expected=1)
    await db.fetch("UPDATE speech_recognition SET state = 'running'")  # and then the power went
    await jobs.drain()
    assert await state(cast, call) == ("done", "")
    from trainer.calls.service import erase_recording

    await recognising.ask(trainer, gone, expected=1)
    await erase_recording(trainer, gone, "A test.")
    await jobs.drain()
    assert await segments_of(gone) == []


@pytest.mark.parametrize(
    ("engine", "reason"), [(Fake(broken=True), "unavailable"), (Fake(words=("",)), "silent")]
)
async def test_what_went_wrong_is_told_in_words(
    cast: Cast, a_call: CallMaker, engine: Fake, reason: str
) -> None:
    call = await a_call()
    speech.use(engine)
    await recognising.ask(cast.viewer("trainer"), call, expected=1)
    await jobs.drain()
    assert await state(cast, call) == ("failed", reason)
    run = await recognising.run_of(await call_of(cast, call))
    assert run is not None
    assert len(run.sentence) > 20
    assert len(await said(call)) == 2


async def test_on_the_pages_it_is_asked_for_watched_stopped_and_read_over(
    client: httpx.AsyncClient, sign_in: SignIn, cast: Cast, a_call: CallMaker
) -> None:
    call = await a_call(transcript=None)
    trainer = await sign_in(client, cast.trainer)
    address = f"/calls/{call}/transcript"
    assert "Recognise speech" in (await trainer.get(f"/calls/{call}")).text
    asked = await trainer.post(
        f"{address}/recognise", data={"revision": "1", "agent_channel": "1", "back": "call"}
    )
    assert (asked.status_code, asked.headers["location"]) == (303, f"/calls/{call}#words")
    assert "waits for its turn" in (await trainer.get(f"/calls/{call}")).text
    htmx = {"HX-Request": "true"}
    assert "hx-trigger" in (await trainer.get(f"{address}/run", headers=htmx)).text
    stopped = await trainer.post(f"{address}/recognise/stop", data={})
    assert stopped.status_code == 303
    assert "Stopped." in (await trainer.get(f"{address}/run", headers=htmx)).text
    assert (await trainer.post(f"{address}/recognise/stop", data={})).status_code == 303  # pressed twice
    await trainer.post(f"{address}/recognise", data={"revision": "1"})
    await jobs.drain()
    assert "Read them over" in (await trainer.get(f"{address}/run", headers=htmx)).text
    assert "Recognised, not yet read over" in (await trainer.get(address)).text
    assert (await trainer.post(f"{address}/read-over", data={"revision": "2"})).status_code == 303
    assert "not yet read over" not in (await trainer.get(address)).text


async def test_programs_ask_watch_and_stop(
    client: httpx.AsyncClient, use_token: Any, cast: Cast, a_call: CallMaker
) -> None:
    call = await a_call()
    address = f"/api/v1/recordings/{call}/recognition"
    api = await use_token(client, cast.trainer, "recordings:write")
    assert (await api.get(address)).status_code == 404
    asked = await api.post(f"{address}?agent_channel=1", headers={"If-Match": '"r1"'})
    assert (asked.status_code, asked.json()["status_url"]) == (202, address)
    assert (await api.get(address)).json()["status"] == "waiting"
    assert (await api.delete(address)).status_code == 204
    assert (await api.delete(address)).status_code == 409
    assert (await api.post(address)).status_code == 412
