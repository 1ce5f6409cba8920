"""A transaction is all or nothing, joins the one around it, and its callbacks share its fate."""
# ruff: noqa: PT012 - what must fail here is a whole transaction

import asyncio
from uuid import uuid4

import pytest

from tests.counting import count_of
from trainer import db
from trainer.facts import Fact, record

pytestmark = pytest.mark.usefixtures("database")


async def note(source: str, kind: str = "noted") -> None:
    assert await record(kind, person=None, subject="-", source=source)


async def sources() -> list[str]:
    return [row["source"] for row in await db.fetch("SELECT source FROM fact ORDER BY source")]


async def test_everything_is_kept_or_nothing():
    async with db.transaction():
        await note("a")
        await note("b")
    with pytest.raises(ZeroDivisionError):
        async with db.transaction():
            await note("c")
            _ = 1 / 0
    assert await sources() == ["a", "b"]


async def test_a_nested_transaction_joins_the_outer_one():
    with pytest.raises(ZeroDivisionError):
        async with db.transaction():
            async with db.transaction():
                await note("inner")
            _ = 1 / 0
    assert await sources() == []


async def test_half_of_a_failed_inner_block_is_not_committed_by_the_outer_one():
    with pytest.raises(db.TransactionFailed):
        async with db.transaction():
            with pytest.raises(ZeroDivisionError):
                async with db.transaction():
                    await note("half")
                    _ = 1 / 0
    assert await sources() == []


async def test_a_savepoint_fails_alone():
    async with db.transaction():
        await note("before")
        with pytest.raises(db.UniqueViolation):
            async with db.savepoint():
                await note("inside")
                await Fact.insert(Fact(kind="x", subject="-", source="before", at=db.utc_now()))
        await note("after")
    assert await sources() == ["after", "before"]


async def test_an_inner_transaction_may_fail_inside_a_savepoint():
    async with db.transaction():
        await note("before")
        with pytest.raises(ZeroDivisionError):
            async with db.savepoint(), db.transaction():
                await note("inner")
                _ = 1 / 0
    assert await sources() == ["before"]


async def test_nothing_more_runs_once_a_statement_has_failed():
    with pytest.raises(db.TransactionFailed):
        async with db.transaction():
            await note("a")
            with pytest.raises(db.UniqueViolation):
                await Fact.insert(Fact(kind="x", subject="-", source="a", at=db.utc_now()))
            await sources()
    assert await sources() == []


async def test_a_savepoint_needs_a_transaction():
    with pytest.raises(RuntimeError, match="transaction around it"):
        async with db.savepoint():
            pass


async def test_callbacks_run_after_the_outermost_commit():
    seen: list[str] = []
    async with db.transaction():
        async with db.transaction():
            db.after_commit(lambda: seen.append("inner"))
        db.after_commit(lambda: seen.append("outer"))
        assert seen == []
    assert seen == ["inner", "outer"]
    db.after_commit(lambda: seen.append("none open"))
    assert seen[-1] == "none open"


async def test_callbacks_are_dropped_with_what_they_were_about():
    seen: list[str] = []
    with pytest.raises(ZeroDivisionError):
        async with db.transaction():
            db.after_commit(lambda: seen.append("rolled back"))
            _ = 1 / 0
    async with db.transaction():
        db.after_commit(lambda: seen.append("kept"))
        with pytest.raises(ZeroDivisionError):
            async with db.savepoint():
                db.after_commit(lambda: seen.append("savepoint"))
                _ = 1 / 0
    assert seen == ["kept"]


async def test_a_failing_callback_hurts_neither_the_work_nor_the_others(caplog: pytest.LogCaptureFixture):
    seen: list[str] = []
    async with db.transaction():
        await note("done")
        db.after_commit(lambda: 1 / 0)
        db.after_commit(lambda: seen.append("second"))
    assert seen == ["second"]
    assert await sources() == ["done"]
    assert "after-commit callback failed" in caplog.text


async def test_a_task_started_inside_may_not_join_but_may_work_afterwards():
    ended = asyncio.Event()

    async def later() -> int:
        await ended.wait()
        return await count_of("noted")

    async with db.transaction():
        await note("a")
        task = asyncio.create_task(later())
        with pytest.raises(RuntimeError, match="another task"):
            await asyncio.gather(sources())
    ended.set()
    assert await task == 1


async def test_others_do_not_see_it_before_the_commit():
    inside, looked = asyncio.Event(), asyncio.Event()

    async def other() -> list[str]:
        await inside.wait()
        found = await sources()
        looked.set()
        return found

    task = asyncio.create_task(other())
    async with db.transaction():
        await note("a")
        inside.set()
        await looked.wait()
        assert await sources() == ["a"]
    assert await task == []
    assert await sources() == ["a"]


async def test_a_cancelled_writer_leaves_nothing_and_blocks_nobody():
    begun = asyncio.Event()

    async def stuck() -> None:
        async with db.transaction():
            await note("cancelled")
            begun.set()
            await asyncio.sleep(60)

    for _ in range(3):
        begun.clear()
        task = asyncio.create_task(stuck())
        await begun.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    async with db.transaction():
        await note("next")
    assert await sources() == ["next"]


@pytest.mark.parametrize("yields", range(12))
async def test_cancelling_at_any_moment_of_a_transaction_keeps_it_whole(yields: int):
    async def pair() -> None:
        async with db.transaction():
            await note("one")
            await note("two")

    task = asyncio.create_task(pair())
    for _ in range(yields):
        await asyncio.sleep(0.0004)
    task.cancel()
    await asyncio.wait([task])
    assert await sources() in ([], ["one", "two"])
    async with asyncio.timeout(60), db.transaction():
        await note("after")


async def test_cancelled_in_the_middle_of_the_commit_it_is_committed_with_its_callbacks(
    monkeypatch: pytest.MonkeyPatch,
):
    seen: list[str] = []
    committing = asyncio.Event()
    real = type(db.database()).end

    async def slow_end(self: db.Database, connection: object, *, commit: bool) -> None:
        committing.set()
        await asyncio.sleep(0.02)
        await real(self, connection, commit=commit)
        await asyncio.sleep(0.02)

    async def work() -> None:
        async with db.transaction():
            await note("a")
            db.after_commit(lambda: seen.append("told"))

    monkeypatch.setattr(type(db.database()), "end", slow_end)
    task = asyncio.create_task(work())
    await committing.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await sources() == ["a"]
    assert seen == ["told"]


async def test_queries_are_counted_for_the_caller_only(count_queries):
    go = asyncio.Event()

    async def background() -> None:
        await go.wait()
        await sources()

    task = asyncio.create_task(background())
    with count_queries() as counted:
        async with db.transaction():
            await note("a")
            await Fact.select().first()
        go.set()
        await task
    assert counted.count == 2
    assert counted.statements[0].startswith("INSERT INTO fact")
    await sources()
    assert counted.count == 2


async def test_lock_wants_a_transaction():
    with pytest.raises(RuntimeError, match="transaction around it"):
        await db.lock(f"anything {uuid4()}")


async def test_closing_waits_for_a_question_that_is_being_answered():
    """On PostgreSQL it once waited for ever: the connection had nobody left to be given back to."""
    numbers = "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c WHERE x < 300000)"
    asked = asyncio.create_task(db.fetch(f"{numbers} SELECT COUNT(*) AS n FROM c"))
    while not (asked.done() or db.database().connections()["in_use"]):  # noqa: ASYNC110
        await asyncio.sleep(0)
    async with asyncio.timeout(60):
        await db.close_database()
    assert await asked == [{"n": 300_000}]
