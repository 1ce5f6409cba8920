"""Live hints of the feed: who is told of what, in order, also by another process."""

import asyncio
import sys
from collections.abc import AsyncIterator

import pytest

from tests.recognition.conftest import Cast
from tests.recognition.test_feed import NAMES, milestone, thanks
from trainer import db
from trainer.recognition import hints, posts, queries, stream
from trainer.web.live import Broker, Subscription


@pytest.fixture
async def broker(cast: Cast) -> AsyncIterator[Broker]:
    made = Broker()
    await made.start()
    yield made
    await made.stop()


@pytest.fixture
async def watch(broker: Broker) -> AsyncIterator[stream.FeedWatch]:
    """The watcher, running."""
    made = stream.FeedWatch(broker)
    task = asyncio.create_task(made.run())
    yield made
    task.cancel()


async def heard(subscription: Subscription, count: int) -> list[tuple[str, str]]:
    """The next hints of a stream as (id, post)."""
    taken: list[tuple[str, str]] = []
    async with asyncio.timeout(60):
        while len(taken) < count:
            taken += [(hint.id, hint.data) for hint in await subscription.take(60)]
    return taken


async def test_a_new_post_is_told_at_once_and_in_order(
    cast: Cast, broker: Broker, watch: stream.FeedWatch
) -> None:
    await thanks(cast, words="Before anybody listened.")
    await watch.follow()
    listening = broker.subscribe(hints.topics_of(cast.viewer("lead"), only_team=False))
    await thanks(cast, words="First.")
    await thanks(cast, words="Second.")
    told = await heard(listening, 2)
    assert [seq for seq, _post in told] == ["2", "3"]
    rows = {str(row["seq"]): str(row["id"]) for row in await db.fetch("SELECT id, seq FROM post")}
    assert told == [("2", rows["2"]), ("3", rows["3"])]


async def test_a_change_is_told_to_those_who_read_the_post_and_an_answer_to_those_it_is_about(
    cast: Cast, broker: Broker
) -> None:
    given = await thanks(cast, by="amara", to=("priya",), words="You let her finish.", visibility="team")
    await posts.give_places()
    post = (await db.fetch_one("SELECT id FROM post"))["id"]
    streams = {name: broker.subscribe(hints.topics_of(cast.viewer(name), only_team=False)) for name in NAMES}

    async def told() -> set[str]:
        found = {name: await one.take(0.05) for name, one in streams.items()}
        assert all(
            {(hint.event, hint.data) for hint in one} <= {("changed", str(post))} for one in found.values()
        )
        return {name for name, hints_heard in found.items() if hints_heard}

    may_read = {name for name in NAMES if await posts.feed_keys(cast.viewer(name))}
    assert {"lead", "amara", "priya", "admin"} <= may_read < set(NAMES)
    await posts.cheer(cast.viewer("lead"), post)
    assert await told() == {"amara", "priya"}
    await posts.mend_thanks(cast.viewer("amara"), given, "You let her finish, twice.")
    assert await told() == may_read
    await posts.withdraw_thanks(cast.viewer("amara"), given)
    assert await told() == may_read
    await posts.follow_appreciation(given)  # gone already
    assert await told() == set()


@pytest.mark.parametrize("visibility", ["team", "everyone", "private"])
async def test_only_those_who_may_read_a_post_are_told_of_it(
    cast: Cast, broker: Broker, watch: stream.FeedWatch, visibility: str
) -> None:
    await watch.follow()
    streams = {name: broker.subscribe(hints.topics_of(cast.viewer(name), only_team=False)) for name in NAMES}
    await thanks(cast, by="trainer", to=("priya",), visibility=visibility)
    await milestone(cast.yusuf.id)  # told after it, so that silence is no accident
    await heard(streams["admin"], 1 if visibility == "private" else 2)
    first = str((await db.fetch_one("SELECT id FROM post ORDER BY seq LIMIT 1"))["id"])
    told = {
        name: {hint.data for hint in await one.take(0.05)} for name, one in streams.items() if name != "admin"
    }
    may_read = {
        name
        for name in NAMES
        if any(str(key.id) == first for key in await posts.feed_keys(cast.viewer(name)))
    }
    assert {name for name, posts_told in told.items() if first in posts_told} == may_read - {"admin"}


async def test_whoever_comes_back_is_told_what_was_missed(cast: Cast) -> None:
    await thanks(cast)
    await milestone(cast.yusuf.id)
    await thanks(cast, visibility="everyone")

    async def told(name: str, since: str, only_team: bool = False) -> list[str]:
        viewer = cast.viewer(name)
        return [hint.id for hint in await stream.missed(viewer, since, only_team=only_team)]

    assert await told("lead", "0") == ["1", "3"]
    assert await told("lead", "1") == ["3"]
    assert await told("yusuf", "0") == ["2", "3"]
    assert await told("yusuf", "0", only_team=True) == ["2"]
    assert await told("manager", "0") == ["3"]
    assert await told("admin", "0") == ["1", "2", "3"]
    assert await told("lead", "nonsense") == []
    assert await told("lead", "9" * 30) == []


async def test_whoever_missed_more_than_can_be_told_one_by_one_draws_the_page_anew(
    cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream, "MOST_AT_ONCE", 2)
    for _number in range(4):
        await thanks(cast, visibility="everyone")

    async def told(since: str) -> list[tuple[str, str]]:
        hints = await stream.missed(cast.viewer("lead"), since, only_team=False)
        return [(hint.event, hint.id) for hint in hints]

    assert await told("2") == [("post", "3"), ("post", "4")]
    assert await told("1") == [("renew", "4")], "the next stream begins after all that the page then shows"
    assert await told("4") == []


async def test_another_process_is_heard_too(
    cast: Cast, database: str, broker: Broker, watch: stream.FeedWatch
) -> None:
    await thanks(cast, words="Ours.")
    async with db.transaction():
        await posts.add_post(
            "milestone", person=cast.priya.id, team=cast.priya.team, scope="team", source="m", at=db.utc_now(),
            params={"code": "x", "title": {"en": "X"}, "why": {"en": "Y"}, "level": {"en": "Z"}},
        )  # fmt: skip
    await watch.follow()
    listening = broker.subscribe(hints.topics_of(cast.viewer("lead"), only_team=False))
    code = (
        "import asyncio, sys\n"
        "from trainer import db\n"
        "from trainer.recognition import posts\n"
        "async def main():\n"
        "    await db.open_database(sys.argv[1])\n"
        "    await posts.give_places()\n"
        "    await db.close_database()\n"
        "asyncio.run(main())\n"
    )
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", code, database)
    assert await process.wait() == 0
    assert [seq for seq, _post in await heard(listening, 1)] == ["2"]


async def test_nobody_listening_costs_no_looks(cast: Cast, broker: Broker, watch: stream.FeedWatch) -> None:
    await thanks(cast)
    await asyncio.sleep(0.05)
    with db.queries_counted() as counted:
        broker.publish(posts.PLACED, "placed", "1")
        await asyncio.sleep(0.05)
    assert counted.count == 0
    assert await queries.last_seq() == 1
