"""What is heard through a clip: its range and nothing else, redactions in sound and words, whole files."""

import asyncio
import os
import re
import signal
import sys
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import av
import httpx
import numpy as np
import pytest

from tests.clips.conftest import CallMaker
from tests.clips.makers import Cast, fields
from tests.counting import count_of
from tests.web_fixtures import SignIn
from trainer import db, jobs
from trainer.clips import rendering, service
from trainer.clips.arithmetic import REMOVED, Cut
from trainer.clips.reading import sound_key
from trainer.clips.tables import Clip
from trainer.job_queue import Job
from trainer.storage import storage

pytestmark = pytest.mark.usefixtures("rules")


async def sound_of(cast: Cast, clip: UUID) -> tuple["np.ndarray[tuple[int], np.dtype[np.float32]]", int]:
    """The decoded samples of a clip's MP3 and their rate."""
    found = await service.load_sound(cast.viewer("trainer"), clip)
    data = await storage().get_range(found.key, 0, found.size)
    path = Path("/tmp") / f"heard-{os.getpid()}.mp3"
    path.write_bytes(data)
    try:
        with av.open(str(path)) as container:
            frames = [frame.to_ndarray()[0] for frame in container.decode(audio=0)]
            rate = container.streams.audio[0].rate
    finally:
        path.unlink()
    samples = np.concatenate(frames).astype(np.float32)
    return samples / (np.abs(samples).max() or 1.0), rate


def pitch(samples: "np.ndarray[tuple[int], np.dtype[np.float32]]", rate: int) -> int:
    """The loudest frequency in Hz, to the nearest ten."""
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples))))
    return int(round(float(np.argmax(spectrum)) * rate / len(samples), -1))


async def a_clip(cast: Cast, a_call: CallMaker, **changes: object) -> UUID:
    clip = await service.create_clip(cast.viewer("trainer"), await a_call(), fields(**changes))
    await jobs.drain()
    return clip


async def test_a_beep_and_a_silence_stand_where_the_redactions_were_and_the_call_everywhere_else(
    cast: Cast, a_call: CallMaker
):
    clip = await a_clip(cast, a_call, redactions=(Cut(7_000, 8_000), Cut(10_000, 11_000, "silence")))
    samples, rate = await sound_of(cast, clip)

    def part(start_s: float, end_s: float) -> "np.ndarray[tuple[int], np.dtype[np.float32]]":
        return samples[int(start_s * rate) : int(end_s * rate)]

    assert abs(len(samples) / rate - 9.0) <= 0.02
    assert pitch(part(0.2, 1.9), rate) == 300
    assert pitch(part(2.1, 2.9), rate) == 1000
    tone = np.abs(np.fft.rfft(part(2.1, 2.9)))
    hertz = np.fft.rfftfreq(len(part(2.1, 2.9)), 1 / rate)
    assert tone[(hertz > 250) & (hertz < 350)].max() < tone.max() / 1000
    assert np.abs(part(5.1, 5.9)).max() < 0.001
    assert pitch(part(6.2, 8.8), rate) == 300


async def test_redacted_words_are_in_no_answer(
    cast: Cast, a_call: CallMaker, client: httpx.AsyncClient, sign_in: SignIn
):
    clip = await a_clip(cast, a_call, redactions=(Cut(7_000, 8_000),))
    await sign_in(client, cast.trainer)
    for address in (
        f"/clips/{clip}",
        f"/clips/{clip}/transcript.vtt",
        f"/api/v1/clips/{clip}",
        "/clips?state=draft",
    ):
        answer = await client.get(address)
        assert answer.status_code == 200
        said = re.sub(
            r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|[0-9a-f]{64}", "", answer.text
        )  # ids hold digits
        assert "4111" not in said
    assert REMOVED in (await client.get(f"/api/v1/clips/{clip}/transcript.vtt")).text


async def test_the_file_holds_the_range_and_no_more(cast: Cast, a_call: CallMaker):
    clip = await a_clip(cast, a_call, start_ms=6_000, end_ms=6_300, cue_ms=None)
    samples, rate = await sound_of(cast, clip)
    assert abs(len(samples) / rate - 0.3) <= 0.02


async def test_no_address_of_a_clip_reaches_the_call(
    cast: Cast, a_call: CallMaker, client: httpx.AsyncClient, sign_in: SignIn
):
    clip = await a_clip(cast, a_call)
    await service.publish_clip(cast.viewer("trainer"), clip, review="self", privacy_checked=True)
    await sign_in(client, cast.agent)
    whole = await client.get(f"/clips/{clip}/audio")
    size = int(whole.headers["content-length"])
    assert size == len(whole.content)
    for address in (f"/clips/{clip}/audio?start=0&end=20000", f"/clips/{clip}/audio#t=0,20"):
        assert (await client.get(address)).content == whole.content
    past = await client.get(f"/clips/{clip}/audio", headers={"Range": f"bytes={size}-"})
    assert past.status_code == 416
    listed = (await client.get(f"/api/v1/clips/{clip}")).json()
    assert not {"recording", "start_ms", "end_ms", "redactions"} & set(listed)
    assert (await client.get(f"/calls/{clip}/clips/new")).status_code == 403


async def test_ranges_and_the_tag_of_a_clip(
    cast: Cast, a_call: CallMaker, client: httpx.AsyncClient, sign_in: SignIn
):
    clip = await a_clip(cast, a_call)
    await sign_in(client, cast.trainer)
    for address in (f"/clips/{clip}/audio", f"/api/v1/clips/{clip}/audio"):
        whole = await client.get(address)
        assert whole.headers["content-type"] == "audio/mpeg"
        assert whole.headers["cache-control"].startswith("private")
        tag = whole.headers["etag"]
        assert tag == f'"{(await service.load_sound(cast.viewer("trainer"), clip)).etag}"'
        part = await client.get(address, headers={"Range": "bytes=100-199", "If-Range": tag})
        assert (part.status_code, part.content) == (206, whole.content[100:200])
        assert (await client.get(address, headers={"If-None-Match": tag})).status_code == 304
        assert (await client.head(address)).headers["content-length"] == str(len(whole.content))


async def test_a_range_costs_the_session_and_one_read(
    cast: Cast, a_call: CallMaker, client: httpx.AsyncClient, sign_in: SignIn, count_queries: object
):
    clip = await a_clip(cast, a_call)
    await service.publish_clip(cast.viewer("trainer"), clip, review="self", privacy_checked=True)
    await sign_in(client, cast.agent)
    await client.get(f"/clips/{clip}/audio")
    with count_queries() as counted:  # type: ignore[operator]
        await client.get(f"/clips/{clip}/audio", headers={"Range": "bytes=0-1000"})
    assert counted.count == 2, counted.statements


async def test_equal_clips_are_rendered_once(cast: Cast, a_call: CallMaker, monkeypatch: pytest.MonkeyPatch):
    viewer, recording = cast.viewer("trainer"), await a_call()
    first = await service.create_clip(viewer, recording, fields())
    await jobs.drain()
    second = await service.create_clip(viewer, recording, fields(title="The same sound"))
    assert (await service.load_clip(viewer, second)).render == "ready"
    assert await service.load_sound(viewer, second) == await service.load_sound(viewer, first)


async def test_a_render_that_comes_too_late_is_dropped(
    cast: Cast, a_call: CallMaker, monkeypatch: pytest.MonkeyPatch
):
    viewer, recording = cast.viewer("trainer"), await a_call()
    clip = await service.create_clip(viewer, recording, fields())
    late_key = (await Clip.select(Clip.render_key).where(Clip.id == clip).first())["render_key"]
    rendered = rendering._rendered

    async def edited_meanwhile(row: dict[str, object]) -> object:
        monkeypatch.setattr(rendering, "_rendered", rendered)
        await service.edit_clip(viewer, clip, fields(end_ms=12_000), revision=1)
        return await rendered(row)

    monkeypatch.setattr(rendering, "_rendered", edited_meanwhile)
    await jobs.drain()
    present = await service.load_clip(viewer, clip)
    assert (present.render, present.end_ms) == ("ready", 12_000)
    assert abs(present.duration_ms - 7_000) <= 20
    assert not await storage().exists(sound_key(recording, late_key))


async def test_a_sound_that_cannot_be_made_says_why(cast: Cast, a_call: CallMaker):
    recording = await a_call()
    await storage().put_bytes(f"recordings/{recording}", b"RIFF not sound at all")
    clip_id = await service.create_clip(cast.viewer("trainer"), recording, fields())
    await jobs.drain()
    clip = await service.load_clip(cast.viewer("trainer"), clip_id)
    assert clip.render == "failed"
    assert service.failure_sentence(clip.render_error)
    # once the file is there again, saving anew makes the sound
    clip_now = await service.load_clip(cast.viewer("trainer"), clip_id)
    await service.edit_clip(cast.viewer("trainer"), clip_id, fields(), revision=clip_now.revision)
    assert (await service.load_clip(cast.viewer("trainer"), clip_id)).render == "queued"


async def test_the_sweep_deletes_old_sounds_that_nobody_needs_and_keeps_the_others(
    cast: Cast, a_call: CallMaker, monkeypatch: pytest.MonkeyPatch
):
    viewer, recording = cast.viewer("trainer"), await a_call()
    clip = await service.create_clip(viewer, recording, fields())
    await jobs.drain()
    old = (await service.load_sound(viewer, clip)).key
    await service.edit_clip(viewer, clip, fields(end_ms=12_000), revision=1)
    await jobs.drain()
    await rendering.sweep_clip_sounds(None)  # type: ignore[arg-type]
    assert await storage().exists(old)
    monkeypatch.setattr(rendering, "KEPT_UNUSED", -rendering.KEPT_UNUSED)
    await rendering.sweep_clip_sounds(None)  # type: ignore[arg-type]
    assert not await storage().exists(old)
    assert await storage().exists((await service.load_sound(viewer, clip)).key)


WORKER = """
import asyncio, sys
from trainer import db, jobs, storage
from trainer.clips import service, rendering

async def work():
    await db.open_database(sys.argv[1])
    storage.open_storage(sys.argv[2])
    put = storage.Storage.put_bytes
    store = storage.storage()
    original = store.put_bytes
    async def slow(key, data):
        print("rendered", flush=True)
        await asyncio.sleep(30)
        await original(key, data)
    store.put_bytes = slow
    await jobs.drain()

asyncio.run(work())
"""


@pytest.mark.slow
async def test_a_worker_killed_in_the_middle_of_a_cut_leaves_no_half_file(
    cast: Cast, a_call: CallMaker, database_url: str, settings: object
):
    viewer = cast.viewer("trainer")
    clip = await service.create_clip(viewer, await a_call(), fields())
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        WORKER,
        database_url,
        settings.effective_storage_url,  # type: ignore[attr-defined]
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    assert await asyncio.wait_for(process.stdout.readline(), 120) == b"rendered\n"
    process.send_signal(signal.SIGKILL)
    await process.wait()
    assert (await service.load_clip(viewer, clip)).render == "rendering"
    with pytest.raises(service.Conflict):
        await service.load_sound(viewer, clip)
    # the next worker takes the job up at once and finishes it
    while (await service.load_clip(viewer, clip)).render != "ready":
        await jobs.drain()
        await asyncio.sleep(0.05)
    samples, rate = await sound_of(cast, clip)
    assert abs(len(samples) / rate - 9.0) <= 0.02


PUBLISHER = """
import asyncio, sys
from uuid import UUID
from trainer import db, storage
from trainer.clips import service
from trainer.problems import Conflict
from trainer.web.session import Viewer

async def publish():
    await db.open_database(sys.argv[1])
    storage.open_storage(sys.argv[2])
    viewer = Viewer(UUID(sys.argv[4]), "Rosa", frozenset({"trainer"}), None, None, "en", "UTC")
    print("ready", flush=True)
    sys.stdin.readline()
    try:
        await service.publish_clip(viewer, UUID(sys.argv[3]), review="self", privacy_checked=True)
        print("published", flush=True)
    except Conflict as refused:
        print(refused.name, flush=True)

asyncio.run(publish())
"""


@pytest.mark.slow
async def test_two_processes_publish_once(cast: Cast, a_call: CallMaker, database_url: str, settings: object):
    clip = await a_clip(cast, a_call)
    processes = [
        await asyncio.create_subprocess_exec(
            sys.executable,
            "-c",
            PUBLISHER,
            database_url,
            settings.effective_storage_url,  # type: ignore[attr-defined]
            str(clip),
            str(cast.trainer.id),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
        )
        for _ in range(2)
    ]
    for process in processes:
        assert process.stdout is not None
        assert await asyncio.wait_for(process.stdout.readline(), 120) == b"ready\n"
    outcomes = await asyncio.gather(*[process.communicate(b"\n") for process in processes])
    said = sorted(out.decode().strip() for out, _err in outcomes)
    assert said in (["already-published", "published"], ["changed-meanwhile", "published"])

    assert await count_of("clip_published", person=cast.trainer.id) == 1


async def test_a_clip_whose_job_is_lost_is_asked_for_again_by_saving_and_given_up_after_a_day(
    cast: Cast, a_call: CallMaker
):
    viewer = cast.viewer("trainer")
    clip = await service.create_clip(viewer, await a_call(), fields())
    await Job.delete(force=True)
    await Clip.update({Clip.updated_at: db.utc_now() - timedelta(days=2)}, force=True)
    await rendering.sweep_clip_sounds(None)  # type: ignore[arg-type]
    assert (await service.load_clip(viewer, clip)).render == "failed"
    await service.edit_clip(viewer, clip, fields(), revision=1)
    await jobs.drain()
    assert (await service.load_clip(viewer, clip)).render == "ready"
