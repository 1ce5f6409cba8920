"""A worker that is killed while a call expires: what was renewed lives on, and the rest is gone after the next run."""

import os
import signal
import subprocess
import sys
from pathlib import Path
from uuid import UUID

import pytest

from tests.clips.keeping.conftest import KeptCall, Publish, a_wish, objects
from tests.clips.makers import Cast
from trainer import db, jobs
from trainer.calls import service as calls
from trainer.calls.tables import Segment
from trainer.clips import service
from trainer.clips.keeping import renewing
from trainer.problems import Gone
from trainer.settings import Settings

ROOT = Path(__file__).parents[3]


def victim(*given: str) -> int:
    command = [sys.executable, "-m", "tests.clips.keeping.victim", *given]
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run(command, cwd=ROOT, env=env, check=False).returncode


@pytest.mark.slow
async def test_killed_between_the_call_and_its_clips_the_expiry_is_finished(
    cast: Cast,
    kept_call: KeptCall,
    publish: Publish,
    database_url: str,
    settings: Settings,
    clock: object,
) -> None:
    call: UUID = await kept_call(staged=True)
    stays = await publish(call)
    goes = await publish(call, start_ms=0, end_ms=4_500, cue_ms=None, redactions=())
    await renewing.renew(cast.viewer("trainer"), stays, a_wish())
    after = a_wish(31).expires_at
    assert victim(database_url, str(settings.data), str(call), after.isoformat()) == -signal.SIGKILL
    viewer = cast.viewer("trainer")
    assert await Segment.count() == 0
    with pytest.raises(Gone):
        await service.load_sound(viewer, goes)
    await service.load_sound(viewer, stays)
    with db.as_of(after):
        await jobs.drain(after)
        assert len(await objects()) == 1
        assert (await calls.load_recording(viewer, call)).state == "expired"
        await service.load_sound(viewer, stays)
