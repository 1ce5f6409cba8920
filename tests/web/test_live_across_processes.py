"""Hints between processes on PostgreSQL: all hear them once, and an interruption loses nothing for good."""

import asyncio
from collections.abc import AsyncIterator
from uuid import uuid4

import pytest

from tests.waiting import until
from trainer.web.live import CHANNEL, Broker, LocalBus, PostgresBus, Subscription, bus_for

asyncpg = pytest.importorskip("asyncpg")


@pytest.fixture
async def pair(postgres_url: str) -> AsyncIterator[tuple[Broker, Broker]]:
    """Two processes' brokers."""
    one, two = Broker(PostgresBus(postgres_url)), Broker(PostgresBus(postgres_url))
    await one.start()
    await two.start()
    yield one, two
    await two.stop()
    await one.stop()


async def heard(subscription: Subscription, at_least: int = 0) -> list[str]:
    """The ids that arrive until nothing more does; so many are waited for."""
    ids: list[str] = []
    async with asyncio.timeout(60):
        while events := await subscription.take(60 if len(ids) < at_least else 0.7):
            ids += [event.id for event in events]
    return ids


async def cut_off(postgres_url: str) -> None:
    """Cuts the connection of every bus of this database, as a restart of the server would."""
    own = await asyncpg.connect(postgres_url)
    await own.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE application_name = 'trainer live' AND datname = current_database()"
    )
    await own.close()


async def test_a_stream_opened_after_the_start_is_not_ended_by_the_first_connection(
    pair: tuple[Broker, Broker],
) -> None:
    stream = pair[0].subscribe(["feed"])
    assert await heard(stream) == []
    assert stream.ended is None


async def test_each_process_hears_a_hint_exactly_once(pair: tuple[Broker, Broker]) -> None:
    one, two = pair
    topic = f"feed:{uuid4()}"
    here, there, elsewhere = one.subscribe([topic]), two.subscribe([topic]), two.subscribe(["another"])
    for number in range(1, 51):
        one.publish(topic, "post", str(number))
    two.publish(topic, "post", "51")
    assert await heard(here, 51) == [str(number) for number in range(1, 52)]
    assert sorted(map(int, await heard(there, 51))) == list(range(1, 52))
    assert await heard(elsewhere) == []


async def test_an_interruption_sends_streams_back_to_their_last_id_and_then_all_is_as_before(
    pair: tuple[Broker, Broker], postgres_url: str
) -> None:
    one, two = pair
    stream = two.subscribe(["feed"])
    await cut_off(postgres_url)
    one.publish("feed", "post", "1")  # whatever becomes of it, the browser asks again from its last id
    await until(lambda: stream.ended)
    assert stream.ended == "missed"
    again = two.subscribe(["feed"])

    async def works() -> None:
        number = 2
        while not await heard(again):
            one.publish("feed", "post", str(number))
            number += 1

    async with asyncio.timeout(60):
        await works()


async def test_a_hint_of_the_interruption_goes_out_afterwards(
    pair: tuple[Broker, Broker], postgres_url: str
) -> None:
    own = await asyncpg.connect(postgres_url)
    got: list[str] = []
    await own.add_listener(CHANNEL, lambda *call: got.append(call[3]))
    await cut_off(postgres_url)
    pair[0].publish("feed", "post", "7")
    await until(lambda: any('"7"' in payload for payload in got))
    await own.close()


async def test_what_is_no_hint_does_no_harm(pair: tuple[Broker, Broker], postgres_url: str) -> None:
    one, two = pair
    stream = two.subscribe(["feed"])
    own = await asyncpg.connect(postgres_url)
    for payload in ("", "{}", "not json", '["x"]', '["x", "feed", "post", 5, null]', "[1,2,3,4,5,6,7]"):
        await own.execute("SELECT pg_notify($1, $2)", CHANNEL, payload)
    await own.close()
    one.publish("feed", "post", "8")
    assert await heard(stream) == ["8"]


async def test_a_database_that_is_away_at_the_start_is_waited_for() -> None:
    broker = Broker(PostgresBus("postgresql://nobody@127.0.0.1:9/none"))
    await broker.start()
    stream = broker.subscribe(["feed"])
    broker.publish("feed", "post", "1")
    assert await heard(stream) == ["1"]
    await broker.stop()


def test_the_bus_fits_the_database() -> None:
    assert isinstance(bus_for("sqlite:////tmp/x.sqlite"), LocalBus)
    assert isinstance(bus_for("postgresql://host/name"), PostgresBus)


async def test_a_connection_that_breaks_in_the_middle_of_an_answer_is_replaced(
    pair: tuple[Broker, Broker], monkeypatch: pytest.MonkeyPatch
) -> None:
    one, two = pair
    execute = asyncpg.Connection.execute
    broken: list[str] = []

    async def breaks_once(self: object, query: str, *args: object, **options: object) -> object:
        if "pg_notify" in query and not broken:
            broken.append(query)
            raise asyncpg.InternalClientError(
                "cannot switch to state 11; another operation (2) is in progress"
            )
        return await execute(self, query, *args, **options)

    monkeypatch.setattr(asyncpg.Connection, "execute", breaks_once)
    stream = two.subscribe(["feed"])
    one.publish("feed", "post", "9")
    assert await heard(stream) == ["9"]
    assert broken
