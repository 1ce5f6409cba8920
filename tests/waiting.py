"""Waiting until something has happened elsewhere, in place of waiting for a time."""

import asyncio
import time
from collections.abc import Awaitable, Callable

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
