"""A broken file takes its own child with it and nothing else, and no child is ever left behind."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from tests.audio import makers, misbehaving
from tests.audio.conftest import SECONDS
from tests.waiting import takes_at_most
from trainer.audio import AudioRefused, Redaction
from trainer.audio import child as children
from trainer.audio.child import ChildLost, in_child
from trainer.audio.measure import measure
from trainer.audio.probe import probe
from trainer.audio.render import render

ROOT = Path(__file__).parents[2]


def nurseries_of(pid: int) -> list[int]:
    """The nursery (or its forks) below a process; other tests of this run may have left it other children."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and parent_of(int(entry.name)) == pid and b"nursery" in command_of(entry):
            found.append(int(entry.name))
    return found


def command_of(entry: Path) -> bytes:
    try:
        return (entry / "cmdline").read_bytes()
    except OSError:
        return b""


def parent_of(pid: int) -> int | None:
    try:
        return int((Path("/proc") / str(pid) / "stat").read_text().rsplit(")", 1)[1].split()[1])
    except (OSError, IndexError):
        return None


def alive(pid: int) -> bool:
    try:
        return (Path("/proc") / str(pid) / "stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


async def noted(note: Path) -> int:
    for _ in range(6000):
        if note.exists() and note.read_text():
            return int(note.read_text())
        await asyncio.sleep(0.01)
    raise AssertionError("the child never started")


@pytest.fixture(autouse=True)
async def nothing_left_behind() -> AsyncIterator[None]:
    """After each test the nursery has no children, and this process no sockets to them."""
    await in_child(misbehaving.double, 1)
    [nursery] = nurseries_of(os.getpid())
    before = len(os.listdir("/proc/self/fd"))
    yield
    for _ in range(1500):
        left = [pid for pid in nurseries_of(nursery) if alive(pid)]
        if not left:
            break
        await asyncio.sleep(0.02)
    assert not left
    assert len(os.listdir("/proc/self/fd")) <= before + 1


async def reason(function: Callable[..., Any], *args: Any, **limits: Any) -> str:
    with pytest.raises(AudioRefused) as refused:
        await in_child(function, *args, **limits)
    return refused.value.reason


async def test_the_three_jobs_of_the_house_run_in_a_child(recording: Callable[[str], Path]) -> None:
    path = recording("wav")
    assert (await in_child(probe, path)).duration_ms == SECONDS * 1000
    assert (await in_child(measure, path)).peaks.resample(10) == measure(path).peaks.resample(10)
    clip = await in_child(render, path, 1_000, 3_000, [Redaction(1_500, 1_800)])
    assert makers.played(clip.mp3)[0].shape[1] == 32_000


async def test_a_refusal_comes_through_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "empty").touch()
    assert await reason(probe, tmp_path / "empty") == "empty"
    assert await reason(misbehaving.refuse) == "too_long"


async def test_one_that_hangs_is_killed_when_its_time_is_up(tmp_path: Path) -> None:
    with takes_at_most(5):
        assert await reason(misbehaving.spin, timeout_s=0.3) == "too_slow"
        assert await reason(misbehaving.spin_in_c, tmp_path / "note", timeout_s=0.3) == "too_slow"


async def test_one_that_swallows_memory_is_stopped() -> None:
    assert await reason(misbehaving.swallow_memory, memory_mb=64, timeout_s=20) == "too_demanding"
    assert await reason(misbehaving.killed_by_the_kernel) == "too_demanding"


async def test_one_that_crashes_is_damage_and_the_next_one_works() -> None:
    assert await reason(misbehaving.read_nowhere) == "damaged"
    assert await reason(misbehaving.raise_from_av) == "damaged"
    assert await in_child(misbehaving.double, 21) == 42


async def test_one_that_ends_without_an_answer_is_our_fault_not_the_files() -> None:
    with pytest.raises(ChildLost, match="status 3"):
        await in_child(misbehaving.stop_without_a_word)


async def test_our_own_mistakes_come_back_as_they_are() -> None:
    with pytest.raises(KeyError, match="a mistake of ours"):
        await in_child(misbehaving.mistake)
    with pytest.raises(RuntimeError, match="1 and 2"):
        await in_child(misbehaving.peculiar_mistake)
    with pytest.raises(RuntimeError, match="cannot travel"):
        await in_child(misbehaving.lambda_of_nothing)


async def test_cancelling_kills_the_child(tmp_path: Path) -> None:
    note = tmp_path / "note"
    job = asyncio.create_task(in_child(misbehaving.sleep_for, 60, note))
    pid = await noted(note)
    job.cancel()
    with pytest.raises(asyncio.CancelledError):
        await job
    assert not alive(pid)


async def test_a_timeout_around_it_is_the_callers(tmp_path: Path) -> None:
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.3):
            await in_child(misbehaving.sleep_for, 60, tmp_path / "note")


async def test_progress_arrives_in_order_plain_or_awaited() -> None:
    plain: list[int] = []
    awaited: list[int] = []

    async def note(done: int, total: int) -> None:
        await asyncio.sleep(0)
        awaited.append(done)

    assert await in_child(misbehaving.count_to, 50, on_progress=lambda done, total: plain.append(done)) == 50
    assert await in_child(misbehaving.count_to, 50, on_progress=note) == 50
    assert plain == awaited == list(range(1, 51))


async def test_whoever_fails_while_told_of_progress_ends_the_child() -> None:
    def fail(done: int, total: int) -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await in_child(misbehaving.count_to, 50, on_progress=fail)


async def test_measuring_tells_how_far_it_is(recording: Callable[[str], Path]) -> None:
    steps: list[tuple[int, int]] = []
    await in_child(measure, recording("opus"), on_progress=lambda done, total: steps.append((done, total)))
    assert steps[-1][0] == steps[-1][1] == pytest.approx(SECONDS * 1000, abs=20)
    assert steps == sorted(steps)


async def test_large_results_come_through_whole() -> None:
    assert len(await in_child(misbehaving.megabytes, 30)) == 30 << 20


async def test_many_at_once_take_turns(tmp_path: Path) -> None:
    started = time.monotonic()
    notes = [tmp_path / str(number) for number in range(3 * children._PLACES["long"])]
    await asyncio.gather(*(in_child(misbehaving.sleep_for, 0.1, note) for note in notes))
    assert time.monotonic() - started > 0.25, "more than the places there are ran at once"
    assert len({note.read_text() for note in notes}) == len(notes)


async def test_a_probe_does_not_wait_behind_long_jobs(tmp_path: Path) -> None:
    more = range(children._PLACES["long"] + 1)
    long = [asyncio.create_task(in_child(misbehaving.sleep_for, 300, tmp_path / str(n))) for n in more]
    await noted(tmp_path / "0")
    assert await asyncio.wait_for(in_child(misbehaving.double, 2, timeout_s=5), 60) == 4
    for job in long:
        job.cancel()
    await asyncio.gather(*long, return_exceptions=True)


async def test_a_child_knows_no_secret_of_the_server(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRAINER_SECRET_KEY", "of the server alone")
    children.shut_down()
    assert "TRAINER_SECRET_KEY" not in await in_child(misbehaving.environment)
    await in_child(misbehaving.double, 1)


async def test_a_child_holds_the_decoder_and_not_the_application() -> None:
    loaded = await in_child(misbehaving.loaded_modules)
    assert {"av", "numpy", "trainer.audio.render"} <= set(loaded)
    assert not {"litestar", "piccolo", "trainer.app", "trainer.settings"} & set(loaded)


async def test_it_works_beside_busy_threads_and_in_another_loop() -> None:
    stop = threading.Event()
    threads = [threading.Thread(target=stop.wait) for _ in range(8)]
    for thread in threads:
        thread.start()
    try:
        elsewhere = asyncio.to_thread(lambda: asyncio.run(in_child(misbehaving.double, 4)))
        here = in_child(misbehaving.double, 5)
        assert await asyncio.gather(elsewhere, here) == [8, 10]
    finally:
        stop.set()
        for thread in threads:
            thread.join()


async def test_a_nursery_that_is_gone_is_replaced() -> None:
    [nursery] = nurseries_of(os.getpid())
    os.kill(nursery, signal.SIGKILL)
    for _ in range(6000):
        if not alive(nursery):
            break
        await asyncio.sleep(0.01)
    assert await in_child(misbehaving.double, 3) == 6


async def test_shutting_down_ends_running_children_and_blames_no_file(tmp_path: Path) -> None:
    note = tmp_path / "note"
    job = asyncio.create_task(in_child(misbehaving.sleep_for, 60, note))
    pid = await noted(note)
    children.shut_down()
    with pytest.raises(ChildLost):
        await job
    assert not alive(pid)
    assert not [pid for pid in nurseries_of(os.getpid()) if alive(pid)]
    assert await in_child(misbehaving.double, 8) == 16


PARENT = """
import asyncio, signal, sys
from pathlib import Path
from trainer.audio.child import in_child
from tests.audio import misbehaving

# what runs in the background of a shell ignores it, and hands that down
signal.signal(signal.SIGINT, signal.default_int_handler)

async def main():
    await in_child(misbehaving.sleep_for, 60, Path(sys.argv[1]))

if __name__ == "__main__":
    asyncio.run(main())
"""


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
async def test_a_server_that_dies_leaves_no_child(how: signal.Signals, tmp_path: Path) -> None:
    (tmp_path / "server.py").write_text(PARENT)
    note = tmp_path / "note"
    server = await asyncio.create_subprocess_exec(
        *(sys.executable, str(tmp_path / "server.py"), str(note)),
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        stderr=asyncio.subprocess.DEVNULL,
    )
    pid = await noted(note)
    nursery = parent_of(pid)
    server.send_signal(how)
    await asyncio.wait_for(server.wait(), 60)
    for _ in range(3000):
        if not alive(pid) and nursery is not None and not alive(nursery):
            return
        await asyncio.sleep(0.02)
    pytest.fail("somebody is left")


def test_importing_the_room_loads_no_decoder() -> None:
    """The web process imports all of this at start-up."""
    rooms = ", ".join(f"trainer.audio.{room}" for room in ("child", "probe", "measure", "render", "peaks"))
    code = f"import sys, {rooms}; print({{'av', 'numpy', 'pydub'}} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout.strip() == "set()"


async def test_hundreds_of_short_jobs_in_a_row_and_at_once_all_end_well() -> None:
    """Children that end by themselves, are let go and are reaped, in every order."""
    [nursery] = nurseries_of(os.getpid())
    results = await asyncio.gather(*(in_child(misbehaving.double, n, timeout_s=20) for n in range(150)))
    assert results == [2 * n for n in range(150)]
    assert nurseries_of(os.getpid()) == [nursery], "the nursery fell over and was replaced"
