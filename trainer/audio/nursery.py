"""The process that audio children are forked from: av, numpy and pydub already loaded, nothing else of the
house.

Why: decoding hostile files must be killable and limited, and a fresh interpreter would spend a quarter of a
second on imports for each file. The standard library's fork server would do, but it makes every child
import the parent's main module, which is the whole web application when that was started as a console
script. Invariant: no child outlives the parent's interest in it: each has a lifeline, and when that closes
(cancelled, timed out, parent dead) the child is killed at once.

Started by `trainer.audio.child`, never by hand. Over its standard input, a Unix socket, it is sent pairs of
sockets: the lifeline, which it keeps, and the line on which the child receives its job and answers.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import importlib
import os
import pickle
import resource
import selectors
import signal
import socket
import struct
import sys
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, Literal

LENGTH: Final = struct.Struct("!Q")
STATUS: Final = struct.Struct("!i")
# Without work for this long it ends; the next job starts another.
IDLE_S: Final = 180.0

# Long jobs give way to the server: with every core at whole recordings, pages would be late.
STEPS_BACK: Final = 10

_PRELOADED: Final = (
    "av",
    "numpy",
    "pydub.generators",
    "trainer.audio.measure",
    "trainer.audio.probe",
    "trainer.audio.render",
)


@dataclass(frozen=True, slots=True)
class Job:
    """What a child is to do. `function` must be importable by name; with `reports` it is given
    `on_progress`.
    """

    function: Callable[..., Any]
    args: tuple[Any, ...]
    reports: bool


@dataclass(frozen=True, slots=True)
class Limits:
    """Sent ahead of the job: they hold while it is being unpickled, too. `gives_way`: to all that is shorter."""

    memory_bytes: int
    cpu_s: int
    path: list[str]
    gives_way: bool


@dataclass(frozen=True, slots=True)
class Answer:
    """One message from the child. `error` carries an exception, `broke` the text of one that cannot
    travel.
    """

    kind: Literal["progress", "result", "error", "broke", "memory", "damaged"]
    value: Any = None


def main() -> None:
    """Fork a child for every pair of sockets that arrives, until the other end closes or nothing was asked
    for IDLE_S.
    """
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    for name in _PRELOADED:
        importlib.import_module(name)
    gc.collect()
    gc.freeze()  # children then do not touch, and so not copy, what all of them share
    control = socket.socket(fileno=os.dup(0))
    os.close(0)
    os.open(os.devnull, os.O_RDONLY)
    _Nursery(control).run()


class _Nursery:
    def __init__(self, control: socket.socket) -> None:
        self.control = control
        self.selector = selectors.DefaultSelector()
        self.selector.register(control, selectors.EVENT_READ)
        self.lifelines: dict[int, socket.socket] = {}
        self.wakeup, signalled = os.pipe()
        os.set_blocking(self.wakeup, False)
        os.set_blocking(signalled, False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(signalled, warn_on_full_buffer=False)
        self.selector.register(self.wakeup, selectors.EVENT_READ)

    def run(self) -> None:
        wanted = True
        while wanted:
            ready = self.selector.select(None if self.lifelines else IDLE_S)
            if not ready and not self.lifelines:
                break
            for key, _ in ready:
                if key.fileobj is self.control:
                    wanted = self._take_job() and wanted
                elif key.fileobj == self.wakeup:
                    with contextlib.suppress(BlockingIOError):
                        os.read(self.wakeup, 4096)
                    self._reap()
                elif self.lifelines.get(key.data) is key.fileobj:  # not reaped a moment ago
                    self._cut(key.data)
        for pid in self.lifelines:
            self._cut(pid)
            with contextlib.suppress(ChildProcessError):
                os.waitpid(pid, 0)

    def _take_job(self) -> bool:
        """Fork the next child. False when the parent is gone."""
        try:
            message, descriptors, _, _ = socket.recv_fds(self.control, 1, 2)
        except OSError:
            return False
        if not message:
            return False
        lifeline, line = (socket.socket(fileno=descriptor) for descriptor in descriptors)
        pid = os.fork()
        if pid == 0:
            try:
                self._become_child()
                lifeline.close()
                _work(line)
            finally:
                os._exit(1)
        line.close()
        self.lifelines[pid] = lifeline
        self.selector.register(lifeline, selectors.EVENT_READ, pid)
        return True

    def _become_child(self) -> None:
        _die_with_parent()
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        self.selector.close()
        self.control.close()
        for lifeline in self.lifelines.values():
            lifeline.close()

    def _cut(self, pid: int) -> None:
        """The parent let go of this child (it never sends anything): kill it; `_reap` does the rest."""
        with contextlib.suppress(KeyError):  # cut before, and not yet reaped
            self.selector.unregister(self.lifelines[pid])
        os.kill(pid, signal.SIGKILL)  # still ours: it is forgotten in the moment it is reaped

    def _reap(self) -> None:
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            lifeline = self.lifelines.pop(pid)
            with contextlib.suppress(KeyError):
                self.selector.unregister(lifeline)
            with contextlib.suppress(OSError):
                lifeline.send(STATUS.pack(os.waitstatus_to_exitcode(status)))
            lifeline.close()


def _work(line: socket.socket) -> None:
    """The child's whole life: limits, one job, one answer."""
    stream = line.makefile("rwb")

    def receive() -> Any:
        (length,) = LENGTH.unpack(stream.read(LENGTH.size))
        return pickle.loads(stream.read(length))  # noqa: S301 - from the parent that started us

    def send(answer: Answer) -> None:
        data = pickle.dumps(answer)
        stream.write(LENGTH.pack(len(data)))
        stream.write(data)
        stream.flush()

    limits: Limits = receive()
    _limit(limits)
    if limits.gives_way:
        os.nice(STEPS_BACK)
    sys.path[:] = limits.path
    try:
        job: Job = receive()
        options = {"on_progress": lambda *step: send(Answer("progress", step))} if job.reports else {}
        answer = Answer("result", job.function(*job.args, **options))
    except MemoryError:
        answer = Answer("memory")
    except Exception as error:
        answer = _as_answer(error)
    try:
        send(answer)
    except (pickle.PicklingError, TypeError, AttributeError):
        send(Answer("broke", f"a result that cannot travel: {answer.value!r:.200}"))
    os._exit(0)


def _as_answer(error: Exception) -> Answer:
    """An exception in a form that the parent can read without loading av."""
    if type(error).__module__.startswith("av."):
        return Answer("damaged")
    text = "".join(traceback.format_exception(error))
    try:
        pickle.loads(pickle.dumps(error))  # noqa: S301 - our own: some exceptions come back wrong or not at all
    except Exception:
        return Answer("broke", text)
    error.add_note(text)
    return Answer("error", error)


def _limit(limits: Limits) -> None:
    """Bound memory above what is loaded already, CPU seconds, and core files. The parent keeps the wall
    clock.
    """
    with contextlib.suppress(OSError):
        with open("/proc/self/statm", "rb") as file:
            mapped = int(file.read().split()[0]) * resource.getpagesize()
        _set(resource.RLIMIT_AS, mapped + limits.memory_bytes)
    _set(resource.RLIMIT_CPU, limits.cpu_s)
    _set(resource.RLIMIT_CORE, 0)


def _die_with_parent() -> None:
    """On Linux: even a nursery that is killed outright leaves no child behind."""
    if sys.platform == "linux":
        set_death_signal = 1
        ctypes.CDLL(None).prctl(set_death_signal, signal.SIGKILL, 0, 0, 0)


def _set(what: int, value: int) -> None:
    _, hard = resource.getrlimit(what)
    allowed = value if hard == resource.RLIM_INFINITY else min(value, hard)
    resource.setrlimit(what, (allowed, hard))
