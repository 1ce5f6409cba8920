"""Functions that do in a child what broken files make decoders do."""

from __future__ import annotations

import ctypes
import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

from trainer.audio import AudioRefused


def double(number: int) -> int:
    return 2 * number


def loaded_modules() -> list[str]:
    return sorted(sys.modules)


def environment() -> dict[str, str]:
    return dict(os.environ)


def megabytes(count: int) -> bytes:
    return bytes(count << 20)


def sleep_for(seconds: float, note: Path) -> None:
    note.write_text(str(os.getpid()))
    time.sleep(seconds)


def spin() -> None:
    while True:
        pass


def spin_in_c(note: Path) -> None:
    """Holds the interpreter and takes no notice of anything but SIGKILL."""
    signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
    note.write_text(str(os.getpid()))
    ctypes.PyDLL(None).pause()


def swallow_memory() -> int:
    held = []
    while True:
        held.append(bytearray(b"x" * (8 << 20)))


def read_nowhere() -> int:
    return int(ctypes.string_at(8, 1)[0])


def stop_without_a_word() -> None:
    os._exit(3)


def killed_by_the_kernel() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def refuse() -> None:
    raise AudioRefused("too_long")


def mistake() -> None:
    raise KeyError("a mistake of ours")


class Peculiar(Exception):
    def __init__(self, one: int, other: int) -> None:
        super().__init__(f"{one} and {other}")


def peculiar_mistake() -> None:
    raise Peculiar(1, 2)


def lambda_of_nothing() -> Callable[[], None]:
    return lambda: None


def raise_from_av() -> None:
    import av

    av.open("/nowhere/at/all")


def count_to(number: int, on_progress: Callable[[int, int], None]) -> int:
    for step in range(number):
        on_progress(step + 1, number)
    return number
