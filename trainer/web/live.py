"""Live updates: one stream of small hints per visible tab (server-sent events), within and across processes.

A hint says that something happened and under which id; the page then asks for it, so that rights are decided
by the same code as ever.
Invariant: no content travels here, and a hint may be lost. Whoever reconnects names the last id it saw, and
the domain's `replay` tells what came after it; so a slow, crowded or cut-off stream is simply closed.
"""

import asyncio
import contextlib
import json
import logging
import signal
import threading
from collections import deque
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import astuple, dataclass
from functools import partial
from types import FrameType
from typing import TYPE_CHECKING, Any, Literal, Protocol
from uuid import UUID, uuid4

from litestar import Response
from litestar.connection import Request
from litestar.types import ASGIApp, Receive, Scope, Send

from trainer import db

if TYPE_CHECKING:
    import asyncpg

log = logging.getLogger(__name__)

HEARTBEAT_S = 15.0  # proxies cut what is silent for longer
RETRY_MS = 3000  # how soon a browser comes back
LONGEST_S = 1800.0  # then it comes back too, so that a sign-in that ended is noticed
PATIENCE_S = 20.0  # how long one hint may wait for a browser to take it
MOST_WAITING = 100  # hints; a browser that is further behind starts anew from its last id
MOST_STREAMS = 6  # per person: over HTTP/1.1 a browser's seventh connection would hang
CHANNEL = "trainer_live"
ENDED = "ended"  # a topic that no page follows: whose streams are over, in every process

End = Literal["left", "slow", "crowded", "shutdown", "over", "missed"]


@dataclass(frozen=True, slots=True)
class LiveEvent:
    """One hint: `event` is its name in the browser, `id` what Last-Event-ID will be, `data` a reference."""

    topic: str
    event: str
    id: str = ""
    data: str = ""

    def __post_init__(self) -> None:
        for text in astuple(self):
            if len(text) > 200 or not text.isprintable():
                raise ValueError("a live hint holds short references, one line each, and no content")

    def encoded(self) -> bytes:
        """As it goes over the wire."""
        mark = f"id: {self.id}\n" if self.id else ""
        return f"{mark}event: {self.event}\ndata: {self.data or self.id or '-'}\n\n".encode()


Replay = Callable[[str], Awaitable[Iterable[LiveEvent]]]


class Bus(Protocol):
    """Carries hints to the other processes of this centre."""

    async def start(self, deliver: Callable[[LiveEvent], None], missed: Callable[[], None]) -> None:
        """Begins to hand hints of other processes to `deliver`; calls `missed` when some may be lost.

        Returns once it listens, or once it is plain that it can't yet: a stream opened after it is not
        ended by the first connection.
        """

    def send(self, event: LiveEvent) -> None:
        """Hands a hint to the other processes, soon. Neither waits nor fails."""

    async def stop(self) -> None:
        """Ends."""


class Subscription:
    """One open stream: the hints that wait for it, and why it ended."""

    def __init__(self, topics: frozenset[str], person: UUID | None) -> None:
        self.topics = topics
        self.person = person
        self.ended: End | None = None
        self._waiting: deque[LiveEvent] = deque()
        self._wake = asyncio.Event()

    def push(self, event: LiveEvent) -> None:
        """Adds a hint; too many that nobody takes end the stream."""
        if len(self._waiting) >= MOST_WAITING:
            self.end("slow")
        elif self.ended is None:
            self._waiting.append(event)
            self._wake.set()

    def end(self, reason: End) -> None:
        """Ends the stream for good. The first reason counts."""
        if self.ended is None:
            self.ended = reason
            self._waiting.clear()
            self._wake.set()

    async def take(self, patience_s: float) -> list[LiveEvent]:
        """All hints that wait; [] when none came in `patience_s` seconds or the stream ended."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(patience_s):
                await self._wake.wait()
        self._wake.clear()
        taken = list(self._waiting)
        self._waiting.clear()
        return taken


class Broker:
    """The open streams of this process. All but `start` and `stop` is called in the loop and never waits."""

    def __init__(self, bus: Bus | None = None, *, most_streams: int = MOST_STREAMS) -> None:
        self._bus: Bus = bus or LocalBus()
        self._most_streams = most_streams
        self._by_topic: dict[str, set[Subscription]] = {}
        self._by_person: dict[UUID, list[Subscription]] = {}
        self._all: set[Subscription] = set()
        self._open = True
        self._signals: dict[int, tuple[Any, Any]] = {}

    async def start(self) -> None:
        """Connects the bus; from here on `publish` of this module uses this broker."""
        global _running
        self._open = True
        await self._bus.start(self.deliver, lambda: self.end_streams("missed"))
        self._watch_signals()
        _running = self

    async def stop(self) -> None:
        """Ends every stream and leaves the bus."""
        global _running
        if _running is self:
            _running = None
        self._open = False
        self.end_streams("shutdown")
        for number, (ours, before) in self._signals.items():
            if signal.getsignal(number) is ours:
                signal.signal(number, before)
        self._signals.clear()
        await self._bus.stop()

    def subscribe(self, topics: Iterable[str], *, person: UUID | None = None) -> Subscription:
        """A new stream of these topics. The oldest of the person's ends when there are too many."""
        subscription = Subscription(frozenset(topics), person)
        if not self._open:
            subscription.end("shutdown")
            return subscription
        self._all.add(subscription)
        for topic in subscription.topics:
            self._by_topic.setdefault(topic, set()).add(subscription)
        if person is not None:
            own = self._by_person.setdefault(person, [])
            own.append(subscription)
            for oldest in own[: -self._most_streams]:
                oldest.end("crowded")
        return subscription

    def unsubscribe(self, subscription: Subscription) -> None:
        """Forgets a stream; no error when it is forgotten already."""
        subscription.end("left")
        self._all.discard(subscription)
        for topic in subscription.topics:
            streams = self._by_topic.get(topic, set())
            streams.discard(subscription)
            if not streams:
                self._by_topic.pop(topic, None)
        if subscription.person is not None:
            own = self._by_person.get(subscription.person, [])
            if subscription in own:
                own.remove(subscription)
            if not own:
                self._by_person.pop(subscription.person, None)

    def publish(self, topic: str, event: str, id: str = "", data: str = "") -> None:
        """Hints at something to all who follow the topic, in every process. To be called after the commit."""
        hint = LiveEvent(topic, event, id, data)
        self.deliver(hint)
        self._bus.send(hint)

    def deliver(self, event: LiveEvent) -> None:
        """Hands a hint to the streams of this process alone (for the bus, and for who polls a table)."""
        if event.topic == ENDED:
            self.end_streams("over", person=UUID(event.data))
        for subscription in tuple(self._by_topic.get(event.topic, ())):
            subscription.push(event)

    def end_streams(self, reason: End = "shutdown", *, person: UUID | None = None) -> None:
        """Ends all streams of this process, or those of one person (see `end_streams_of`)."""
        for subscription in tuple(self._all if person is None else self._by_person.get(person, ())):
            subscription.end(reason)

    @property
    def streams(self) -> int:
        """How many are open in this process."""
        return len(self._all)

    @property
    def people(self) -> list[UUID]:
        """Whose streams are open in this process."""
        return list(self._by_person)

    def _watch_signals(self) -> None:
        """Ends the streams when the process is told to stop.

        A server waits for open answers before it tells the app to shut down. That is too late: every restart
        would take as long as the server's patience.
        """
        if threading.current_thread() is not threading.main_thread():
            return
        loop = asyncio.get_running_loop()

        def watch(number: int, before: Callable[[int, FrameType | None], Any]) -> None:
            def stopping(signal_number: int, frame: FrameType | None) -> None:
                self._open = False
                if not loop.is_closed():
                    loop.call_soon_threadsafe(self.end_streams)
                before(signal_number, frame)

            signal.signal(number, stopping)
            self._signals[number] = (stopping, before)

        for number in (signal.SIGTERM, signal.SIGINT):
            before = signal.getsignal(number)
            if callable(before):  # else nobody shuts down in order here
                watch(number, before)


class LocalBus:
    """For one process: there is nobody else to tell."""

    async def start(self, deliver: Callable[[LiveEvent], None], missed: Callable[[], None]) -> None:
        return None

    def send(self, event: LiveEvent) -> None:
        return None

    async def stop(self) -> None:
        return None


class PostgresBus:
    """Between processes on one PostgreSQL: NOTIFY on a connection of its own that reconnects by itself."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._origin = uuid4().hex  # our own hints come back to us: they were delivered already
        self._outgoing: deque[str] = deque(maxlen=10_000)
        self._wake = asyncio.Event()
        self._tried = asyncio.Event()  # the first attempt to connect is over, well or not
        self._task: asyncio.Task[None] | None = None

    async def start(self, deliver: Callable[[LiveEvent], None], missed: Callable[[], None]) -> None:
        self._task = asyncio.create_task(self._keep_connected(deliver, missed), name="live bus")
        self._task.add_done_callback(lambda _task: self._tried.set())
        await self._tried.wait()

    def send(self, event: LiveEvent) -> None:
        self._outgoing.append(json.dumps([self._origin, *astuple(event)]))
        self._wake.set()

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
            self._task = None

    async def _keep_connected(self, deliver: Callable[[LiveEvent], None], missed: Callable[[], None]) -> None:
        import asyncpg

        pause_s = 0.2
        while True:
            try:
                connection = await asyncpg.connect(
                    self._url, timeout=10, server_settings={"application_name": "trainer live"}
                )
                try:
                    await connection.add_listener(CHANNEL, lambda *call: self._heard(call[3], deliver))
                    connection.add_termination_listener(lambda _connection: self._wake.set())
                    missed()  # what was sent before this moment, nobody here has heard
                    self._tried.set()
                    pause_s = 0.2
                    await self._send_while_open(connection)
                finally:
                    connection.terminate()
            except (
                OSError,
                TimeoutError,
                asyncpg.PostgresError,
                asyncpg.InterfaceError,
                asyncpg.InternalClientError,  # a server that goes away in the middle of an answer
            ) as error:
                log.warning("live updates between processes are interrupted: %s", error)
            self._tried.set()
            await asyncio.sleep(pause_s)
            pause_s = min(pause_s * 2, 5.0)

    async def _send_while_open(self, connection: "asyncpg.Connection[Any]") -> None:
        while not connection.is_closed():
            while self._outgoing:
                await connection.execute("SELECT pg_notify($1, $2)", CHANNEL, self._outgoing[0], timeout=10)
                self._outgoing.popleft()
            self._wake.clear()
            try:
                async with asyncio.timeout(30):
                    await self._wake.wait()
            except TimeoutError:
                await connection.execute("SELECT 1", timeout=10)  # a connection can die without a word

    def _heard(self, payload: Any, deliver: Callable[[LiveEvent], None]) -> None:
        try:
            origin, *texts = json.loads(payload)
            event = LiveEvent(*texts)
        except (ValueError, TypeError):
            log.warning("something on channel %s is not a live hint", CHANNEL)
            return
        if origin != self._origin:
            deliver(event)


def bus_for(database_url: str) -> Bus:
    """The bus that fits the database. On SQLite each process polls what the domain has written."""
    return PostgresBus(database_url) if database_url.startswith("postgres") else LocalBus()


_running: Broker | None = None


def publish(topic: str, event: str, id: str = "", data: str = "") -> None:
    """Hints through this process's broker, if it has one: `db.after_commit(partial(live.publish, …))`."""
    if _running is not None:
        _running.publish(topic, event, id, data)


async def end_streams_of(person: UUID) -> None:
    """Once the caller's transaction is committed, ends a person's streams: they left, or may see something else now.

    Browsers come back by themselves and are asked anew who they are. On PostgreSQL every process hears of it, and any
    may say it; on SQLite this one alone does, and others within `LONGEST_S`.
    """
    if db.dialect() == "postgres":
        told = json.dumps(["", *astuple(LiveEvent(ENDED, ENDED, data=str(person)))])
        await db.fetch("SELECT pg_notify({}, {})", CHANNEL, told)
    else:
        db.after_commit(partial(publish, ENDED, ENDED, data=str(person)))


def live_response(
    request: Request[Any, Any, Any],
    broker: Broker,
    topics: Iterable[str],
    *,
    replay: Replay | None = None,
    person: UUID | None = None,
    heartbeat_s: float = HEARTBEAT_S,
    longest_s: float = LONGEST_S,
) -> "LiveResponse":
    """The stream of these topics (text/event-stream); the route has authorised each of them.

    Somebody who names the last id seen (header Last-Event-ID, or `?since=` in a page's first stream) gets
    what `replay(id)` gives before all else: the events after it, oldest first.
    """
    since = request.headers.get("last-event-id") or request.query_params.get("since", "")
    return LiveResponse(broker, frozenset(topics), str(since)[:200], replay, person, heartbeat_s, longest_s)


class LiveResponse(Response[bytes]):
    """An answer that goes on. Made by `live_response`."""

    def __init__(
        self,
        broker: Broker,
        topics: frozenset[str],
        since: str,
        replay: Replay | None,
        person: UUID | None,
        heartbeat_s: float,
        longest_s: float,
    ) -> None:
        super().__init__(b"", status_code=200)
        self.broker = broker
        self.topics = topics
        self.since = since
        self.replay = replay
        self.person = person
        self.heartbeat_s = heartbeat_s
        self.longest_s = longest_s

    def to_asgi_response(  # type: ignore[override] # a stream has no status, cookies or media type to choose
        self, app: Any, request: Request[Any, Any, Any], **layers: Any
    ) -> ASGIApp:
        """Called by Litestar."""

        async def answer(scope: Scope, receive: Receive, send: Send) -> None:
            await self._stream(receive, send)

        return answer

    async def _stream(self, receive: Receive, send: Send) -> None:
        # Follow first, then look back: what happens in between comes twice at most, and never not at all.
        subscription = self.broker.subscribe(self.topics, person=self.person)
        watch = asyncio.ensure_future(_end_when_gone(receive, subscription))
        over = asyncio.get_running_loop().call_later(self.longest_s, subscription.end, "over")
        try:
            missed = list(await self.replay(self.since)) if self.replay and self.since else []
            await send({"type": "http.response.start", "status": 200, "headers": _HEADERS})
            await _say(
                send, f"retry: {RETRY_MS}\n\n".encode() + b"".join(event.encoded() for event in missed)
            )
            told = {(event.event, event.id) for event in missed if event.id}
            while subscription.ended is None:
                taken = await subscription.take(self.heartbeat_s)
                events = [event for event in taken if (event.event, event.id) not in told]
                if subscription.ended is None:
                    await _say(send, b"".join(event.encoded() for event in events) or b":\n\n")
            if subscription.ended != "left":
                # a tab too many must stay away; all others come back by themselves
                crowded = subscription.ended == "crowded"
                await _say(send, b"event: closed\ndata: crowded\n\n" if crowded else b"", more=False)
        except TimeoutError:
            subscription.end("slow")
        finally:
            # nothing here waits, so that a cancelled request cleans up too
            over.cancel()
            watch.cancel()
            self.broker.unsubscribe(subscription)


_HEADERS = [
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-store"),
    (b"x-accel-buffering", b"no"),  # a proxy that collects an answer before it passes it on would never do so
]


async def _say(send: Send, body: bytes, *, more: bool = True) -> None:
    async with asyncio.timeout(PATIENCE_S):
        await send({"type": "http.response.body", "body": body, "more_body": more})


async def _end_when_gone(receive: Receive, subscription: Subscription) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
    subscription.end("left")
