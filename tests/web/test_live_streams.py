"""Live streams: nothing missed across a reconnect, nobody able to clog them, gone at once at shutdown."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID, uuid4

import pytest
from litestar import Litestar, Request, Response, get

from tests.waiting import until
from trainer.web import live
from trainer.web.live import Broker, LiveEvent, live_response

FEED = "feed:team"


class Tab:
    """A browser's tab with one stream, as the server sees it."""

    def __init__(self, app: Litestar, *, last_id: str = "", since: str = "") -> None:
        self.app = app
        self.status = 0
        self.headers: dict[str, str] = {}
        self.text = ""
        self.ended = False
        self.reading = asyncio.Event()
        self.reading.set()
        self._gone = asyncio.Event()
        headers = [(b"host", b"test")] + ([(b"last-event-id", last_id.encode())] if last_id else [])
        self.scope = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": "GET",
            "scheme": "http",
            "path": "/live",
            "raw_path": b"/live",
            "query_string": f"since={since}".encode() if since else b"",
            "root_path": "",
            "headers": headers,
            "client": ("127.0.0.1", 1),
            "server": ("127.0.0.1", 80),
        }
        self._asked = False

    async def _receive(self) -> dict[str, Any]:
        if not self._asked:
            self._asked = True
            return {"type": "http.request", "body": b"", "more_body": False}
        await self._gone.wait()
        return {"type": "http.disconnect"}

    async def _send(self, message: Any) -> None:
        await self.reading.wait()
        if message["type"] == "http.response.start":
            self.status = message["status"]
            self.headers = {name.decode(): value.decode() for name, value in message["headers"]}
        else:
            self.text += message["body"].decode()
            self.ended = not message["more_body"]

    @property
    def events(self) -> list[str]:
        """`event:id` of all that arrived."""
        found = []
        for block in self.text.split("\n\n"):
            lines = dict(line.split(": ", 1) for line in block.split("\n") if ": " in line)
            if "event" in lines:
                found.append(f"{lines['event']}:{lines.get('id', '')}")
        return found

    def leave(self) -> None:
        self._gone.set()

    @asynccontextmanager
    async def open(self) -> AsyncIterator["Tab"]:
        self.task = asyncio.create_task(self.app(self.scope, self._receive, self._send))  # type: ignore[arg-type]
        try:
            await until(lambda: self.text or self.task.done())
            yield self
        finally:
            self.leave()
            self.reading.set()
            async with asyncio.timeout(60):
                await self.task


class Centre:
    """An app with a feed whose posts have numbers."""

    def __init__(self, broker: Broker, *, person: UUID | None = None, **options: Any) -> None:
        self.broker = broker
        self.posts: list[int] = []
        self.during_replay: int | None = None

        async def replay(last_id: str) -> Iterable[LiveEvent]:
            found = [LiveEvent(FEED, "post", str(post)) for post in self.posts if post > int(last_id)]
            if self.during_replay is not None:
                self.post(self.during_replay)
            return found

        @get("/live")
        async def follow(request: Request[Any, Any, Any]) -> Response[bytes]:
            return live_response(request, broker, [FEED], replay=replay, person=person, **options)

        self.app = Litestar([follow], openapi_config=None)

    def post(self, number: int) -> None:
        self.posts.append(number)
        self.broker.publish(FEED, "post", str(number))


@pytest.fixture
async def broker() -> AsyncIterator[Broker]:
    broker = Broker()
    await broker.start()
    yield broker
    await broker.stop()


async def test_a_hint_reaches_the_tabs_that_follow_its_topic(broker: Broker) -> None:
    centre = Centre(broker)
    async with Tab(centre.app).open() as one, Tab(centre.app).open() as two:
        broker.publish("another topic", "post", "6")
        centre.post(7)
        await until(lambda: one.events and two.events)
        assert one.events == two.events == ["post:7"]
        assert one.text == "retry: 3000\n\nid: 7\nevent: post\ndata: 7\n\n"
        assert one.headers["content-type"] == "text/event-stream; charset=utf-8"
        assert one.headers["cache-control"] == "no-store"
        assert one.headers["x-accel-buffering"] == "no"


async def test_a_tab_that_comes_back_gets_what_it_missed_and_nothing_twice(broker: Broker) -> None:
    centre = Centre(broker)
    centre.posts = [5, 6, 7, 8]
    centre.during_replay = 9  # arrives while the past is being read
    async with Tab(centre.app, last_id="6").open() as tab:
        centre.during_replay = None
        broker.publish(FEED, "post", "8")
        centre.post(10)
        await until(lambda: "post:10" in tab.events)
        assert tab.events == ["post:7", "post:8", "post:9", "post:10"]


async def test_a_page_that_was_rendered_a_moment_ago_misses_nothing_since(broker: Broker) -> None:
    centre = Centre(broker)
    centre.posts = [5, 6, 7]
    async with Tab(centre.app, since="5").open() as tab:
        await until(lambda: len(tab.events) == 2)
        assert tab.events == ["post:6", "post:7"]
    async with Tab(centre.app, since="5", last_id="6").open() as tab:
        await until(lambda: tab.events)
        assert tab.events == ["post:7"]


async def test_silence_is_broken_by_heartbeats(broker: Broker) -> None:
    centre = Centre(broker, heartbeat_s=0.02)
    async with Tab(centre.app).open() as tab:
        await until(lambda: tab.text.count(":\n\n") >= 3)
        assert tab.events == []


async def test_a_closed_tab_is_forgotten(broker: Broker) -> None:
    centre = Centre(broker)
    async with Tab(centre.app).open():
        assert broker.streams == 1
    assert broker.streams == 0
    assert broker._by_topic == {}


async def test_a_cancelled_request_is_forgotten_too(broker: Broker) -> None:
    centre = Centre(broker, person=uuid4())
    tab = Tab(centre.app)
    task = asyncio.create_task(centre.app(tab.scope, tab._receive, tab._send))  # type: ignore[arg-type]
    await until(lambda: broker.streams == 1)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert broker.streams == 0
    assert broker._by_person == {}


async def test_a_browser_that_does_not_read_is_dropped_and_catches_up_later(broker: Broker) -> None:
    centre = Centre(broker)
    async with Tab(centre.app).open() as tab:
        tab.reading.clear()
        for number in range(1, live.MOST_WAITING + 10):
            centre.post(number)
        await asyncio.sleep(0)
        tab.reading.set()
        await until(lambda: tab.ended)
        assert len(tab.events) <= live.MOST_WAITING
    seen = tab.events[-1].split(":")[1] if tab.events else "0"
    async with Tab(centre.app, last_id=seen).open() as again:
        await until(lambda: f"post:{live.MOST_WAITING + 9}" in again.events)


async def test_a_browser_that_never_reads_again_is_given_up(
    broker: Broker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "PATIENCE_S", 0.05)
    centre = Centre(broker)
    async with Tab(centre.app).open() as tab:
        tab.reading.clear()
        centre.post(1)
        await until(lambda: broker.streams == 0)


async def test_a_seventh_tab_closes_the_oldest_which_is_told_to_stay_away(broker: Broker) -> None:
    centre = Centre(broker, person=uuid4())
    async with (
        Tab(centre.app).open() as oldest,
        Tab(centre.app).open() as second,
        Tab(centre.app).open(),
        Tab(centre.app).open(),
        Tab(centre.app).open(),
        Tab(centre.app).open(),
    ):
        assert not oldest.ended
        async with Tab(centre.app).open() as seventh:
            await until(lambda: oldest.ended)
            assert oldest.events == ["closed:"]
            centre.post(1)
            await until(lambda: seventh.events and second.events)


async def test_a_person_who_is_signed_out_everywhere_hears_no_more(broker: Broker) -> None:
    person = uuid4()
    centre, other = Centre(broker, person=person), Centre(broker, person=uuid4())
    async with Tab(centre.app).open() as tab, Tab(other.app).open() as colleague:
        broker.end_streams("over", person=person)
        await until(lambda: tab.ended)
        assert not colleague.ended


async def test_a_stream_ends_in_time_for_the_sign_in_to_be_checked_again(broker: Broker) -> None:
    centre = Centre(broker, longest_s=0.05)
    async with Tab(centre.app).open() as tab:
        await until(lambda: tab.ended)
        assert tab.events == []  # no word to stay away: the browser comes back


async def test_a_replay_that_fails_is_an_ordinary_error(broker: Broker) -> None:
    centre = Centre(broker)
    centre.posts = [1]
    async with Tab(centre.app, last_id="not a number").open() as tab:
        assert tab.status == 500
    assert broker.streams == 0


async def test_stopping_ends_every_stream_at_once_and_takes_no_new_one() -> None:
    broker = Broker()
    await broker.start()
    centre = Centre(broker)
    async with Tab(centre.app).open() as one, Tab(centre.app).open() as two:
        await broker.stop()
        await until(lambda: one.ended and two.ended, within_s=2)
        assert one.events == []
    async with Tab(centre.app).open() as late:
        assert late.ended


async def test_the_signal_to_stop_ends_streams_before_the_server_waits_for_them() -> None:
    told: list[int] = []
    before = signal.signal(signal.SIGTERM, lambda number, frame: told.append(number))
    ours = signal.getsignal(signal.SIGTERM)
    broker = Broker()
    try:
        await broker.start()
        centre = Centre(broker)
        async with Tab(centre.app).open() as tab:
            os.kill(os.getpid(), signal.SIGTERM)
            await until(lambda: tab.ended, within_s=2)
            assert told == [signal.SIGTERM]
        await broker.stop()
        assert signal.getsignal(signal.SIGTERM) is ours
    finally:
        signal.signal(signal.SIGTERM, before)


async def test_services_hint_without_knowing_the_broker(broker: Broker) -> None:
    centre = Centre(broker)
    async with Tab(centre.app).open() as tab:
        live.publish(FEED, "post", "3", data="card")
        await until(lambda: tab.events)
        assert "data: card\n" in tab.text


async def test_without_a_running_broker_a_hint_goes_nowhere_quietly() -> None:
    live.publish(FEED, "post", "3")


@pytest.mark.parametrize("data", ["two\nlines", "x" * 201, "id: 5\r"])
def test_content_is_refused_as_a_hint(data: str) -> None:
    with pytest.raises(ValueError):
        LiveEvent(FEED, "post", "1", data)
