"""The bell's live hints: to whom they go, when, and how they reach a process that cannot be told."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.factories import a_person, viewer_for
from trainer import db
from trainer.notices import queries, service
from trainer.notices.bell import BellWatch, missed
from trainer.notices.service import notify, topic_of, withdraw
from trainer.notices.tables import Notice
from trainer.web.live import Broker

TITLE = {"en": "Calm first"}


@pytest.fixture
async def broker(database: str) -> AsyncIterator[Broker]:
    made = Broker()
    await made.start()
    yield made
    await made.stop()


async def test_a_person_is_hinted_once_it_is_committed_and_nobody_else(broker: Broker) -> None:
    amara, other = await a_person(), await a_person()
    mine = broker.subscribe([topic_of(amara.id)], person=amara.id)
    theirs = broker.subscribe([topic_of(other.id)], person=other.id)
    async with db.transaction():
        await notify(amara.id, "t_due", source="s", params={"title": TITLE})
        assert await mine.take(0.01) == []
    (hint,) = await mine.take(60)
    assert (hint.event, hint.id, hint.data) == ("notices", "", ""), "no content travels in a hint"
    await service.mark_all_read(viewer_for(amara))
    assert len(await mine.take(60)) == 1, "other tabs of the same person look again too"
    await withdraw("s")
    assert len(await mine.take(60)) == 1
    assert await theirs.take(0.01) == []
    await notify(amara.id, "t_due", source="s2", params={"title": TITLE})
    await mine.take(60)
    await notify(amara.id, "t_due", source="s2", params={"title": TITLE})
    assert await mine.take(0.05) == [], "told already: nothing is different"


async def test_what_another_process_told_is_noticed_on_sqlite(broker: Broker, database: str) -> None:
    if db.dialect() != "sqlite":
        assert await asyncio.wait_for(BellWatch(broker).run(), 60) is None, "PostgreSQL tells by itself"
        return
    amara = await a_person()
    watch = BellWatch(broker)
    await watch.look()
    watch.follow(
        amara.id, 0
    )  # and it is told before the next look, which must not take that for the beginning
    mine = broker.subscribe([topic_of(amara.id)], person=amara.id)
    program = """
import asyncio, sys
from uuid import UUID
from trainer import db
from trainer.notices import kinds
from trainer.notices.service import notify
kinds.register(kinds.Kind("t_other", words=lambda p: "x", title_for_choice=lambda: "x"))
async def main(url, person):
    await db.open_database(url)
    await notify(UUID(person), "t_other", source="s")
    await db.close_database()
asyncio.run(main(*sys.argv[1:]))
"""
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-c", program, database, str(amara.id), env=dict(os.environ)
    )
    assert await child.wait() == 0
    assert await mine.take(0.01) == []
    await watch.look()
    assert len(await mine.take(60)) == 1
    await watch.look()
    assert await mine.take(0.01) == [], "once"


async def test_a_look_between_a_request_and_its_stream_forgets_nobody(broker: Broker, database: str) -> None:
    if db.dialect() != "sqlite":
        return
    amara = await a_person()
    watch = BellWatch(broker)
    watch.follow(amara.id, 0)
    await watch.look()  # her stream is not open yet
    mine = broker.subscribe([topic_of(amara.id)], person=amara.id)
    told = Notice(person=amara.id, kind="t_due", source="s", created_at=db.utc_now())
    await Notice.insert(told)  # as another process does: nobody hints at it
    await watch.look()
    assert len(await mine.take(1)) == 1
    broker.unsubscribe(mine)
    await watch.look()
    watch.follow(amara.id, 1)
    mine = broker.subscribe([topic_of(amara.id)], person=amara.id)
    await watch.look()
    assert await mine.take(0.01) == [], "what was known of who left is forgotten"


async def test_a_count_that_went_down_and_up_again_between_two_looks_is_told(
    broker: Broker, database: str
) -> None:
    if db.dialect() != "sqlite":
        return
    amara = await a_person()
    told = [Notice(person=amara.id, kind="t_due", source=f"s{n}", created_at=db.utc_now()) for n in range(3)]
    await Notice.insert(*told[:2])
    watch = BellWatch(broker)
    before = broker.subscribe([topic_of(amara.id)], person=amara.id)
    await watch.look()
    await Notice.update({Notice.read_at: db.utc_now()}).where(Notice.id == told[0].id)
    watch.follow(amara.id, 1)  # her next page, before the next look
    mine = broker.subscribe([topic_of(amara.id)], person=amara.id)
    assert len(await before.take(1)) == 1
    await Notice.insert(told[2])
    await watch.look()
    assert len(await mine.take(1)) == 1


async def test_what_came_between_a_request_and_its_stream_is_told_first(database: str) -> None:
    amara = await a_person()
    request = viewer_for(amara)
    await notify(amara.id, "t_due", source="s", params={"title": TITLE})
    assert request.unread == 0
    (hint,) = await missed(request)("0")
    assert hint.event == "notices"
    assert await missed(request)("1") == []


async def test_more_than_are_counted_are_no_news_with_each_page(broker: Broker, database: str) -> None:
    amara = await a_person()
    told = [
        Notice(person=amara.id, kind="t_due", source=f"s{n}", created_at=db.utc_now())
        for n in range(queries.MOST_COUNTED + 2)
    ]
    await Notice.insert(*told)
    (row,) = await db.fetch(f"SELECT {queries.UNREAD_OF_PERSON} AS n FROM person WHERE id = {{}}", amara.id)
    assert await queries.unread_counts([amara.id]) == {amara.id: row["n"]} == {amara.id: queries.MOST_COUNTED}
    assert await missed(viewer_for(amara))(str(row["n"])) == []
    watch = BellWatch(broker)
    mine = broker.subscribe([topic_of(amara.id)], person=amara.id)
    await watch.look()
    watch.follow(amara.id, row["n"])  # with each page
    await watch.look()
    assert await mine.take(0) == []


async def test_while_nobody_follows_nothing_is_asked(broker: Broker, count_queries: Any) -> None:
    with count_queries() as counted:
        await BellWatch(broker).look()
    assert counted.count == 0


async def test_the_stream_of_one_person_follows_their_own_bell_alone(
    app: Any, client: Any, sign_in: Any
) -> None:
    """`/live?scope=bell` takes nothing from the address: one's own topic is the only one."""
    amara = await a_person()
    await sign_in(client, amara)
    stream = asyncio.create_task(client.get("/live?scope=bell"))
    broker = app.state.broker
    async with asyncio.timeout(60):
        while amara.id not in broker.people:  # noqa: ASYNC110 - what is awaited lies in the app
            await asyncio.sleep(0.01)
    beside = broker.subscribe([topic_of(amara.id)])
    await notify(amara.id, "t_due", source="s", params={"title": TITLE})
    assert await beside.take(60), "whoever else follows it has it now, and the stream sends it in a moment"
    await asyncio.sleep(0.1)
    broker.end_streams(person=amara.id)
    answer = await asyncio.wait_for(stream, 60)
    assert "event: notices" in answer.text
    assert "Calm first" not in answer.text


async def test_a_stream_begins_with_what_happened_since_its_page_was_drawn(
    app: Any, client: Any, sign_in: Any
) -> None:
    amara = await a_person()
    await sign_in(client, amara)
    await notify(amara.id, "t_due", source="s", params={"title": TITLE})
    broker = app.state.broker
    for shown, hints in (("0", 1), ("1", 0)):
        stream = asyncio.create_task(client.get(f"/live?scope=bell&since={shown}"))
        async with asyncio.timeout(60):
            while amara.id not in broker.people:  # noqa: ASYNC110 - what is awaited lies in the app
                await asyncio.sleep(0.01)
        await asyncio.sleep(0.1)
        broker.end_streams(person=amara.id)
        answer = await asyncio.wait_for(stream, 60)
        assert answer.text.count("event: notices") == hints
