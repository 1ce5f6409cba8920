"""A worker that is killed while it reads an archive of calls, or takes them in: another goes on, nothing is doubled."""

import os
import signal
import zipfile
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from tests.calls import test_killed
from tests.calls.test_killed import close_centre, files, open_centre, running
from tests.factories import a_person, viewer_for
from tests.waiting import until
from trainer import jobs
from trainer.calls import jobs as call_jobs
from trainer.calls.importing import reports
from trainer.calls.importing.jobs import KIND, about, apply_calls, read_calls
from trainer.calls.importing.tables import CallImportRow
from trainer.calls.tables import Recording
from trainer.sheets import pending as imports

pytestmark = pytest.mark.slow

CALLS = 32
centre = test_killed.centre


async def test_a_killed_worker_leaves_an_import_that_another_finishes(
    centre: dict[str, str], sounds: dict[str, Path], tmp_path: Path
) -> None:
    sound, path = sounds["mp3_cbr"].read_bytes(), tmp_path / "calls.zip"
    with zipfile.ZipFile(path, "w") as packed:
        for number in range(CALLS):
            packed.writestr(f"call-{number}.mp3", sound + b"TAG" + str(number).encode().ljust(125, b"\0"))
    await open_centre(centre)
    viewer = viewer_for(await a_person("trainer"))
    told = about(folder=None, most_bytes=1 << 20, defaults={"consent_basis": "contract"})
    pending = await imports.receive(viewer, KIND, path, "calls.zip", read_calls, summary=told)

    async def found() -> imports.Pending:
        return await imports.load_pending(viewer, KIND, pending)

    async def listened() -> bool:
        state = await imports.job_of(await found())
        return state is not None and state.done > 0

    async def state_is(state: str) -> bool:
        return (await found()).state == state

    async def killed_once(true: Callable[[], Awaitable[Any]]) -> None:
        with running(centre, "worker") as worker:
            await until(true)
            worker.send_signal(signal.SIGKILL)
            worker.wait()

    await killed_once(listened)
    assert await state_is("reading")
    with running(centre, "worker"):
        await until(lambda: state_is("ready"))
    assert await CallImportRow.count() == CALLS

    await imports.start_applying(viewer, KIND, pending, apply_calls)

    async def some_taken() -> bool:
        return await CallImportRow.count().where(CallImportRow.state == "taken") >= CALLS // 4

    await killed_once(some_taken)
    assert await state_is("applying")
    assert await CallImportRow.count().where(CallImportRow.state == "new") > 0
    with running(centre, "worker"):
        await until(lambda: state_is("applied"))
    await jobs.drain()
    numbers = await reports.numbers_of(await found())
    assert (numbers.ready, numbers.preparing, numbers.known, numbers.refused) == (CALLS, 0, 0, 0)
    rows = await Recording.select(Recording.sha256, Recording.state)
    assert len(rows) == len({row["sha256"] for row in rows}) == CALLS
    for file in files(centre, "objects"):
        os.utime(file, (0, 0))
    await call_jobs.remove_strays()  # killed between the file and its row
    assert len([file for file in files(centre, "objects") if "recordings" in file.parts]) == 2 * CALLS
    await close_centre()
