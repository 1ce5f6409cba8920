"""Waiting until something has happened elsewhere, in place of waiting for a time."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

Result = TypeVar("Result")

PATIENCE_S = 120.0
STEP_S = 0.01


async def until(true: Callable[[], object], *, within_s: float = PATIENCE_S) -> None:
    """Waits for another task or process; `true` may be asynchronous. Raises TimeoutError."""
    async with asyncio.timeout(within_s):
        while not (await found if isinstance(found := true(), Awaitable) else found):  # noqa: ASYNC110 - it lies outside of the loop
            await asyncio.sleep(STEP_S)


def wait_until(true: Callable[[], object], *, within_s: float = PATIENCE_S) -> None:
    """Waits for another process, outside of a loop. Raises AssertionError."""
    deadline = time.monotonic() + within_s
    while not true():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(STEP_S)


def waited_for_a_processor(process: int | str = "self") -> float:
    """Seconds in which a process could have run and others did, where the kernel counts them; 0 once it is gone."""
    try:
        return int(Path(f"/proc/{process}/schedstat").read_text().split()[1]) / 1e9
    except (FileNotFoundError, ProcessLookupError):
        return 0.0


@contextmanager
def takes_at_most(seconds: float, *processes: int) -> Iterator[None]:
    """Bounds what is done inside, without the time in which this process or these waited for a processor."""
    who = ("self", *processes)
    began, idle = time.monotonic(), {each: waited_for_a_processor(each) for each in who}
    yield
    others = sum(max(0.0, waited_for_a_processor(each) - idle[each]) for each in who)
    assert time.monotonic() - began - others <= seconds


async def quick(work: Callable[[], Awaitable[Result]], *, within_s: float) -> Result:
    """The result of work that takes no longer than this. What else the machine does only adds: three may be tried."""
    took = []
    for _attempt in range(3):
        began = time.monotonic()
        result = await work()
        took.append(time.monotonic() - began)
        if took[-1] <= within_s:
            return result
    raise AssertionError(f"it took {took} seconds")
