"""PostgreSQL goes away in the middle and comes back: errors have a name and later queries find it again."""

import asyncio
from collections.abc import AsyncIterator, Iterator

import pytest

from tests import postgres_cluster
from tests.conftest import ENGINES
from trainer import db


@pytest.fixture
def server() -> Iterator[postgres_cluster.Cluster]:
    if "postgres" not in ENGINES:
        pytest.skip("TRAINER_TEST_ENGINES leaves out postgres")
    if (reason := postgres_cluster.missing()) is not None:
        pytest.skip(f"{reason}; `make system-deps` installs it")
    cluster = postgres_cluster.Cluster()
    try:
        cluster.start()
        yield cluster
    finally:
        cluster.remove()


@pytest.fixture
async def opened(server: postgres_cluster.Cluster) -> AsyncIterator[postgres_cluster.Cluster]:
    await db.open_database(server.url)
    await db.database().run_ddl("CREATE TABLE note (word TEXT)")
    yield server
    await db.close_database()


async def words() -> list[str]:
    return [row["word"] for row in await db.fetch("SELECT word FROM note ORDER BY word")]


async def test_it_is_gone_for_a_while_and_then_back(opened: postgres_cluster.Cluster):
    await db.fetch("INSERT INTO note VALUES ('before')")
    opened.stop()
    with pytest.raises(db.DatabaseGone):
        await words()
    with pytest.raises(db.DatabaseGone):
        async with db.transaction():
            await db.fetch("INSERT INTO note VALUES ('during')")
    opened.start()
    assert await words() == ["before"]
    async with db.transaction():
        await db.fetch("INSERT INTO note VALUES ('after')")
    assert await words() == ["after", "before"]


async def test_a_restart_between_two_reads_is_not_noticed(opened: postgres_cluster.Cluster):
    assert await words() == []
    opened.stop()
    opened.start()
    assert await words() == []
    opened.stop()
    opened.start()
    async with db.transaction():
        await db.fetch("INSERT INTO note VALUES ('a')")
    assert await words() == ["a"]


async def test_what_was_not_committed_is_gone_with_it(opened: postgres_cluster.Cluster):
    with pytest.raises(db.DatabaseGone):  # noqa: PT012 - the COMMIT fails, at the end of the block
        async with db.transaction():
            await db.fetch("INSERT INTO note VALUES ('lost')")
            opened.stop()
    opened.start()
    assert await words() == []


async def test_opening_says_that_nobody_is_there(server: postgres_cluster.Cluster):
    server.stop()
    with pytest.raises(db.DatabaseGone):
        await db.open_database(server.url)
    assert not db.is_open()


async def test_nobody_waits_for_ever_for_a_connection(
    server: postgres_cluster.Cluster, monkeypatch: pytest.MonkeyPatch
):
    from trainer import db_postgres

    await db.open_database(server.url, pool_size=2)
    release, held = asyncio.Event(), asyncio.Semaphore(0)

    async def hold() -> None:
        async with db.transaction():
            held.release()
            await release.wait()

    holders = [asyncio.create_task(hold()) for _ in range(2)]
    for _holder in holders:
        await held.acquire()
    monkeypatch.setattr(db_postgres, "PATIENCE_S", 0.2)
    with pytest.raises(db.DatabaseBusy, match="no free connection"):
        await db.fetch("SELECT 1 AS one")
    monkeypatch.undo()
    release.set()
    await asyncio.gather(*holders)
    assert await db.fetch_one("SELECT 1 AS one") == {"one": 1}
    await db.close_database()
