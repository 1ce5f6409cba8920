"""Running one function on a hostile file, where it can do no harm: in a child that can be killed.

Why: a decoder may loop, swallow all memory or crash on a broken file, and must then take one upload with
it, not the server. Invariant: `in_child` returns, raises, or is cancelled, and in each case the child is
gone.
"""

from __future__ import annotations

import asyncio
import atexit
import contextlib
import inspect
import os
import pickle
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Awaitable, Callable
from typing import Any, Final, Literal, TypeVar
from weakref import WeakKeyDictionary

from trainer.audio import AudioRefused
from trainer.audio.nursery import LENGTH, STATUS, Answer, Job, Limits

Result = TypeVar("Result")
Told = Callable[..., Awaitable[None] | None]

# Jobs up to this long have places of their own, so that the probe of an upload never waits behind
# somebody's hour.
SHORT_JOB_S: Final = 30.0
_PLACES: Final = {"short": 4, "long": min(16, os.cpu_count() or 1), "speech": 1}
Place = Literal["short", "long", "speech"]


class ChildLost(RuntimeError):
    """The machinery failed, not the file: shutting down, out of processes. A job may simply be tried
    again.
    """


async def in_child(
    function: Callable[..., Result],
    *args: Any,
    timeout_s: float = 900.0,
    memory_mb: int = 512,
    on_progress: Told | None = None,
    place: Place | None = None,
) -> Result:
    """`function(*args)` in a child process, with at most `timeout_s` of wall clock and CPU and `memory_mb`
    above the start.

    `function`, its arguments and its result must be picklable, the function by its name. With `on_progress`
    (plain or async) it is also given `on_progress=`, whose calls arrive here. Cancelling this coroutine
    kills the child. `place` says beside which jobs it waits, by default those of about its `timeout_s`.

    Raises what the function raises. AudioRefused("too_slow") after the time is up, ("too_demanding") when
    memory ran out, ("damaged") when the child crashed or FFmpeg's error came through; ChildLost when the
    fault is not the file's.
    """
    if function.__module__ == "__main__":
        raise ValueError(f"{function.__name__} must live in a module that a child can import")
    job = pickle.dumps(Job(function, args, on_progress is not None))
    long = timeout_s > SHORT_JOB_S
    limits = pickle.dumps(Limits(memory_mb << 20, int(timeout_s) + 1, list(sys.path), gives_way=long))
    async with _places(place or ("long" if long else "short")):
        try:
            answer = await _in_one_child((limits, job), timeout_s, on_progress)
        except _NurseryGone:  # it ended, for want of work, as the request was under way
            try:
                answer = await _in_one_child((limits, job), timeout_s, on_progress)
            except _NurseryGone as error:
                raise ChildLost("the audio process does not stay alive") from error
    if answer.kind == "result":
        return answer.value
    if answer.kind == "error":
        raise answer.value
    if answer.kind == "broke":
        raise RuntimeError(answer.value)
    raise AudioRefused("too_demanding" if answer.kind == "memory" else "damaged")


async def _in_one_child(messages: tuple[bytes, ...], timeout_s: float, on_progress: Told | None) -> Answer:
    child = _Child.start()
    try:
        async with asyncio.timeout(timeout_s) as clock:
            answer = await child.ask(messages, on_progress)
    except BaseException as error:
        await child.end()
        if isinstance(error, TimeoutError) and clock.expired():
            raise AudioRefused("too_slow") from error
        raise
    child.let_go()  # it is on its way out: nobody need wait for that
    return answer


def shut_down() -> None:
    """Kill all audio children and the process they come from. The next `in_child` starts anew."""
    _nursery.stop()


class _NurseryGone(Exception):
    """No child was forked: the nursery had ended (idle, killed) before it read the request."""


class _Child:
    """One forked child: the `line` carries job and answers, the `lifeline` its life and its exit status."""

    def __init__(self, line: socket.socket, lifeline: socket.socket, generation: int) -> None:
        self._line, self._lifeline = line, lifeline
        self._generation = generation
        self._loop = asyncio.get_running_loop()

    @classmethod
    def start(cls) -> _Child:
        """Ask for a child; whether there is one shows when it answers. Raises ChildLost when none can be
        asked for.
        """
        line, far_line = socket.socketpair()
        lifeline, far_lifeline = socket.socketpair()
        with far_line, far_lifeline:
            try:
                generation = _nursery.send(far_lifeline, far_line)
            except OSError as error:
                line.close()
                lifeline.close()
                raise ChildLost("the audio process cannot be started") from error
        line.setblocking(False)
        lifeline.setblocking(False)
        return cls(line, lifeline, generation)

    async def ask(self, messages: tuple[bytes, ...], on_progress: Told | None) -> Answer:
        """Hand over the messages and wait for the answer; progress is passed on as it comes."""
        try:
            for message in messages:
                await self._loop.sock_sendall(self._line, LENGTH.pack(len(message)) + message)
            while (answer := await self._receive()).kind == "progress":
                if on_progress is not None:
                    told = on_progress(*answer.value)
                    if inspect.isawaitable(told):
                        await told
            return answer
        except _Silence:
            return await self._epitaph()
        except (BrokenPipeError, ConnectionResetError):
            return await self._epitaph()

    async def _receive(self) -> Answer:
        (length,) = LENGTH.unpack(await self._exactly(LENGTH.size))
        return pickle.loads(await self._exactly(length))  # noqa: S301 - from the child that we started

    async def _exactly(self, length: int) -> bytes:
        got = bytearray()
        while len(got) < length:
            some = await self._loop.sock_recv(self._line, min(length - len(got), 1 << 20))
            if not some:
                raise _Silence
            got += some
        return bytes(got)

    async def _epitaph(self) -> Answer:
        """What its exit status says of a child that fell silent."""
        try:
            raw = await self._loop.sock_recv(self._lifeline, STATUS.size)
        except ConnectionResetError:
            raw = b""
        if len(raw) < STATUS.size:
            if self._generation != _nursery.generation:
                raise ChildLost("the audio process was shut down")
            raise _NurseryGone
        (status,) = STATUS.unpack(raw)
        if status == -signal.SIGXCPU:
            raise AudioRefused("too_slow")
        if status == -signal.SIGKILL:  # not by us: the kernel, out of memory
            raise AudioRefused("too_demanding")
        if status < 0:
            raise AudioRefused("damaged")
        raise ChildLost(f"an audio child ended with status {status} and no answer")

    def let_go(self) -> None:
        """Close both ends; the nursery kills it, should it still be there."""
        self._line.close()
        self._lifeline.close()

    async def end(self) -> None:
        """Kill it and wait until it is gone."""
        try:
            with contextlib.suppress(OSError, TimeoutError):
                self._lifeline.shutdown(socket.SHUT_WR)
                async with asyncio.timeout(2.0):
                    await self._loop.sock_recv(self._lifeline, STATUS.size)
        finally:
            self.let_go()


class _Silence(Exception):
    """The child's line closed in the middle of things."""


class _NurseryHandle:
    """The one nursery process of this process; started when first needed, and again after it ended."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._control: socket.socket | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._owner = 0
        self.generation = 0

    def send(self, lifeline: socket.socket, line: socket.socket) -> int:
        """Pass the two sockets over. Raises OSError when that fails twice."""
        descriptors = [lifeline.fileno(), line.fileno()]
        with self._lock:
            if self._control is not None and self._owner == os.getpid():
                try:
                    socket.send_fds(self._control, [b"j"], descriptors)
                    return self.generation
                except OSError:  # it ended for want of work
                    self._control.close()
            self._start()
            assert self._control is not None
            socket.send_fds(self._control, [b"j"], descriptors)
            return self.generation

    def _start(self) -> None:
        ours, theirs = socket.socketpair()
        with theirs:
            process = subprocess.Popen(  # noqa: S603 - our own interpreter and code
                [sys.executable, "-W", "ignore", "-c", _BOOT, *sys.path],
                stdin=theirs.fileno(),
                stdout=subprocess.DEVNULL,
                start_new_session=True,  # Ctrl-C is for the parent, which then shuts it down
                env=_environment(),
            )
        # reaps it when it ends for want of work: no zombie stays
        threading.Thread(target=process.wait, name="audio-nursery", daemon=True).start()
        self._control, self._process, self._owner = ours, process, os.getpid()

    def stop(self) -> None:
        with self._lock:
            control, process = self._control, self._process
            self._control = self._process = None
            if control is None or process is None:
                return
            self.generation += 1
            control.close()
            if self._owner != os.getpid():  # inherited over a fork: it is the parent's
                return
            try:
                process.wait(2.0)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


_BOOT: Final = "import sys; sys.path[:] = sys.argv[1:]; from trainer.audio.nursery import main; main()"


def _environment() -> dict[str, str]:
    """What a decoder needs, and none of the secrets that the server was given."""
    kept = ("PATH", "HOME", "LANG", "TMPDIR", "LD_LIBRARY_PATH", "VIRTUAL_ENV")
    environment = {
        name: value for name, value in os.environ.items() if name in kept or name.startswith("LC_")
    }
    return environment | {"OPENBLAS_NUM_THREADS": "1", "PYTHONDONTWRITEBYTECODE": "1"}


def _places(kind: str) -> asyncio.Semaphore:
    """The semaphore of this event loop: one is bound to the loop in which it was first waited for."""
    loop = asyncio.get_running_loop()
    semaphores = _semaphores.setdefault(loop, {})
    return semaphores.setdefault(kind, asyncio.Semaphore(_PLACES[kind]))


_semaphores: WeakKeyDictionary[asyncio.AbstractEventLoop, dict[str, asyncio.Semaphore]] = WeakKeyDictionary()
_nursery = _NurseryHandle()
atexit.register(shut_down)
