"""An agent is erased: what becomes of evaluations about them, and of what is being written in that moment."""

import asyncio
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from tests.quality.makers import Cast, a_call, a_draft, a_release
from tests.waiting import until
from trainer import db, jobs
from trainer.calls.tables import Recording
from trainer.notices.service import latest
from trainer.people.days import zone_of
from trainer.people.erasing import erase_person
from trainer.problems import Gone, NotFound
from trainer.quality import judging, replies, service
from trainer.quality.checking import Judgement
from trainer.quality.importing import plan_rows, take
from trainer.quality.sheet import look_around
from trainer.quality.tables import Evaluation, Mark
from trainer.quality.views import MarkView
from trainer.sheets.columns import match_columns
from trainer.sheets.reading import open_sheet

NO_CONTEXT: Any = jobs.JobContext(UUID(int=1), 1, None)  # type: ignore[arg-type]


async def erase(cast: Cast) -> None:
    await erase_person(cast.viewer("admin"), cast.agent.id, cast.agent.name)


async def test_nothing_is_written_about_somebody_who_was_erased(cast: Cast) -> None:
    analyst, call = cast.viewer("analyst"), await a_call(cast.agent.id)
    done = await a_release(analyst, await a_call(cast.agent.id))
    draft = await a_draft(analyst, await a_call(cast.agent.id))
    await erase(cast)  # and what follows of it has not run yet
    for refused in (
        lambda: judging.start(analyst, call, Judgement(comment="About Amara")),
        lambda: judging.save(analyst, draft, Judgement(comment="About Amara"), expected=None),
        lambda: judging.review(analyst, draft),
        lambda: judging.release(analyst, draft, confirm_unmarked=True),
        lambda: judging.correct(analyst, done.id, "Amara was right"),
        lambda: replies.reply(analyst, done.id, "Dear Amara"),
    ):
        with pytest.raises(Gone, match="Nothing more is written about them"):
            await refused()
    assert replies.writes_as(analyst, await service.load_evaluation(analyst, done.id)) is None
    await jobs.drain()
    with pytest.raises(NotFound):
        await judging.save(analyst, draft, Judgement(comment="About Amara"), expected=None)


async def test_with_a_person_go_the_drafts_about_them_and_no_others(cast: Cast) -> None:
    analyst, rows = cast.viewer("analyst"), {}
    for name, agent in (("theirs", cast.agent), ("others", cast.other_agent)):
        rows[name] = await a_draft(analyst, await a_call(agent.id), comment="Well, Amara")
    released = await a_release(analyst, await a_call(cast.agent.id))
    rows["correction"] = await judging.correct(analyst, released.id, "Amara was right")
    for name, was, became in (
        ("put right", cast.agent, cast.other_agent),
        ("theirs by now", cast.other_agent, cast.agent),
    ):
        call = await a_call(was.id)
        rows[name] = await a_draft(analyst, call)
        await Recording.update({Recording.agent: became.id}).where(Recording.id == call)
    async with db.transaction():
        await replies.erase_words(NO_CONTEXT, {"person": str(cast.agent.id)})
    left = {row["id"] for row in await Evaluation.select(Evaluation.id)}
    assert left == {rows["others"], rows["put right"], released.id}
    assert await Mark.count().where(Mark.evaluation.not_in([*left])) == 0


async def test_an_erasure_while_a_draft_is_saved_leaves_no_words(
    cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Read before the erasure, written after it."""
    analyst = cast.viewer("analyst")
    draft = await a_draft(analyst, await a_call(cast.agent.id))
    has_read, may_write, real = asyncio.Event(), asyncio.Event(), service.marks_of

    async def slow(evaluation: UUID) -> list[MarkView]:
        has_read.set()
        await may_write.wait()
        return await real(evaluation)

    monkeypatch.setattr(judging, "marks_of", slow)
    saving = asyncio.create_task(
        judging.save(analyst, draft, Judgement(comment="About Amara"), expected=None)
    )
    await has_read.wait()
    await erase(cast)
    may_write.set()
    with pytest.raises(Gone):
        await saving


@pytest.mark.parametrize("act", ["save", "release", "reply"])
async def test_an_erasure_waits_for_what_is_being_written(
    cast: Cast, monkeypatch: pytest.MonkeyPatch, act: str
) -> None:
    """So that whoever hears of it finds everything that there is to clear."""
    analyst = cast.viewer("analyst")
    released = await a_release(analyst, await a_call(cast.agent.id))
    draft = await a_draft(analyst, await a_call(cast.agent.id))
    holds, may_go_on, real = asyncio.Event(), asyncio.Event(), judging.hold
    ended: list[str] = []

    async def slow(*people: UUID) -> None:
        await real(*people)
        holds.set()
        await may_go_on.wait()

    monkeypatch.setattr(judging, "hold", slow)
    monkeypatch.setattr(replies, "hold", slow)

    async def write() -> None:
        if act == "save":
            await judging.save(analyst, draft, Judgement(comment="About Amara"), expected=None)
        elif act == "release":
            await judging.release(analyst, draft, confirm_unmarked=True)
        else:
            await replies.reply(analyst, released.id, "Dear Amara")
        ended.append("written")

    async def take_away() -> None:
        await erase(cast)
        ended.append("erased")

    async def waits() -> bool:
        if ended or db.dialect() == "sqlite":  # where writers queue anyway
            return True
        sql = "SELECT 1 AS one FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
        return bool(await db.fetch(sql))

    async with asyncio.TaskGroup() as both:
        both.create_task(write())
        await holds.wait()
        both.create_task(take_away())
        await until(waits)
        may_go_on.set()
    assert ended == ["written", "erased"]
    await jobs.drain()
    said = await db.fetch("SELECT comment FROM evaluation UNION ALL SELECT comment FROM mark")
    assert {row["comment"] for row in said} == {""}
    assert await latest(cast.viewer("agent")) == []


async def test_a_row_about_somebody_erased_meanwhile_is_refused_without_their_name(
    cast: Cast, tmp_path: Path
) -> None:
    file = tmp_path / "calls.csv"
    rows = [f"{agent.email},2026-03-01,met,Well done" for agent in (cast.agent, cast.other_agent)]
    file.write_text("\n".join(["agent,called_at,N1,N1_comment", *rows]))
    sheet, here = await open_sheet(file), await look_around(zone_of(""), None)
    plan = await plan_rows(sheet, match_columns(sheet, here.columns()), here)
    await erase(cast)
    async with db.transaction():
        assert await take(plan.lines) == 1
    theirs, others = plan.lines
    assert (theirs.state, theirs.agent, theirs.reason) == ("refused", "", "Its agent was erased meanwhile.")
    assert others.state == "new"
    assert [row["agent"] for row in await Evaluation.select(Evaluation.agent)] == [cast.other_agent.id]
