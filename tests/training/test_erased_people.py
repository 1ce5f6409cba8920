"""Somebody is erased: their words leave the answers, and what others wrote about them; what they did stays."""

import pytest

from tests.training.conftest import Clips
from tests.training.makers import RECALLED, Cast, a_module, begun, right_answer
from trainer import db, facts, jobs
from trainer.people.erasing import erase_person
from trainer.problems import Gone, NotFound
from trainer.training import deciding, enrolling, taking


async def words_of(enrolment: object) -> list[str]:
    """Everything that answers hold."""
    rows = await db.fetch("SELECT given, feedback FROM answer WHERE enrolment = {}", enrolment)
    return [text for row in rows for text in row.values()]


async def test_what_somebody_wrote_goes_with_their_name(cast: Cast, clips: Clips) -> None:
    trainer, agent, other = cast.viewer("trainer"), cast.viewer("agent"), cast.viewer("other_agent")
    await a_module(trainer)
    done = {viewer.id: await begun(viewer) for viewer in (agent, other)}
    for viewer in (agent, other):
        course = await taking.open_course(viewer, done[viewer.id])
        for step in course.steps:
            await taking.answer(viewer, course.enrolment.id, step.id, right_answer(course, step), attempt=1)
    again, others_again = await begun(agent), await begun(other)
    for viewer, open_one in ((agent, again), (other, others_again)):
        await taking.keep_place(viewer, open_one, 0, {"text": "I am tired"})
        await deciding.waive(trainer, open_one, "Amara has taught it for years")
    counted = "SELECT correct, score, at FROM answer WHERE enrolment = {} ORDER BY at, id"
    before = await db.fetch(counted, done[agent.id])
    assert any(RECALLED in text for text in await words_of(done[agent.id]))

    await erase_person(cast.viewer("admin"), agent.id, cast.agent.name)
    await jobs.drain()

    assert set(await words_of(done[agent.id])) == {"{}"}
    assert await db.fetch(counted, done[agent.id]) == before
    rows = await enrolling.enrolments_of(agent.id)
    assert {(row.waived_why, str(dict(row.step_state))) for row in rows} == {("", "{}")}
    assert {row.state for row in rows} == {"done", "waived"}
    noted = await facts.facts_of(agent.id, ["module_completed", "module_waived"])
    assert [fact.kind for fact in noted] == ["module_completed", "module_waived"]
    assert noted[1].data == {"by": str(trainer.id)}

    assert any(RECALLED in text for text in await words_of(done[other.id]))
    (kept,) = [row for row in await enrolling.enrolments_of(other.id) if row.id == others_again]
    assert (kept.waived_why, kept.step_state) == ("Amara has taught it for years", {"text": "I am tired"})


async def test_nothing_is_written_once_they_are_erased(cast: Cast, clips: Clips) -> None:
    """By a request that knew them before, or by somebody who has not heard of it."""
    trainer, agent = cast.viewer("trainer"), cast.viewer("agent")
    await a_module(trainer)
    enrolment = await begun(agent)
    step = (await taking.open_course(agent, enrolment)).steps[0]
    await erase_person(cast.viewer("admin"), agent.id, cast.agent.name)
    with pytest.raises(NotFound):
        await taking.answer(agent, enrolment, step.id, {"text": "I am tired"}, attempt=1)
    with pytest.raises(NotFound):
        await taking.keep_place(agent, enrolment, 0, {"text": "I am tired"})
    with pytest.raises(Gone):
        await deciding.waive(trainer, enrolment, "Amara left us")
    assert await words_of(enrolment) == []
