"""Taking a module: one step at a time, graded once, resumed anywhere, completed exactly once."""

import asyncio
import subprocess
import sys
from datetime import date
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from tests.factories import a_person, viewer_for
from tests.training.conftest import Clips
from tests.training.makers import (
    CUE_MS,
    Cast,
    a_clip,
    a_module,
    answer_up_to,
    begun,
    right_answer,
    wrong_answer,
)
from tests.waiting import until
from trainer import db, facts, jobs
from trainer.clips.tables import Clip
from trainer.people.tables import AuditEntry
from trainer.problems import Conflict, Forbidden, Invalid, NotFound
from trainer.training import enrolling, modules, taking
from trainer.training.tables import Answer, Enrolment
from trainer.web.session import Viewer

ROOT = Path(__file__).parents[2]


@pytest.fixture
async def agent(cast: Cast, clips: Clips) -> Viewer:
    """An agent of a centre with one published module of R01."""
    await a_module(cast.viewer("trainer"))
    return cast.viewer("agent")


async def test_a_module_is_gone_through_and_completed_with_its_last_step(agent: Viewer):
    enrolment = await begun(agent)
    course = await taking.open_course(agent, enrolment)
    assert course.enrolment.state == "not_begun"
    for step in course.steps:
        assert (await taking.open_course(agent, enrolment)).first_open == step.position
        course, answer = await taking.answer(agent, enrolment, step.id, right_answer(course, step), attempt=1)
        assert answer.correct is (True if step.kind in ("contrast", "judge", "recall") else None)
    done = await taking.open_course(agent, enrolment)
    assert done.enrolment.completed_at is not None
    assert done.remembered == (3, 3)
    [listed] = await enrolling.enrolments_of(agent.id)
    assert (listed.done, listed.steps, listed.graded, listed.remembered) == (5, 5, 3, 3)
    [fact] = await facts.facts_of(agent.id, ["module_completed"])
    assert (fact.subject, fact.version, fact.source) == (
        "hear-them-out",
        1,
        f"module_completed:{enrolment}",
    )


async def test_steps_come_one_at_a_time(agent: Viewer):
    enrolment = await begun(agent)
    course = await taking.open_course(agent, enrolment)
    with pytest.raises(Conflict):
        await taking.answer(agent, enrolment, course.steps[2].id, {"chosen": "a"}, attempt=1)
    assert await Answer.count() == 0


async def test_a_wrong_answer_is_tried_again_and_after_two_tries_one_may_go_on(agent: Viewer):
    enrolment = await begun(agent)
    step = await answer_up_to(agent, enrolment, "judge")
    assert step is not None
    course = await taking.open_course(agent, enrolment)
    wrong = wrong_answer(course, step)
    course, first = await taking.answer(agent, enrolment, step.id, wrong, attempt=1)
    assert (first.correct, first.feedback["right"], first.feedback["cue_ms"]) == (False, "missed", CUE_MS)
    assert course.first_open == step.position
    course, _second = await taking.answer(agent, enrolment, step.id, wrong, attempt=2)
    assert course.first_open == step.position + 1
    course, third = await taking.answer(agent, enrolment, step.id, right_answer(course, step), attempt=3)
    assert third.correct is True
    [listed] = await enrolling.enrolments_of(agent.id)
    assert (listed.graded, listed.remembered) == (2, 2)  # the last try counts


async def test_the_same_try_sent_again_gets_its_first_grading(agent: Viewer):
    enrolment = await begun(agent)
    step = await answer_up_to(agent, enrolment, "contrast")
    assert step is not None
    course = await taking.open_course(agent, enrolment)
    _course, first = await taking.answer(agent, enrolment, step.id, wrong_answer(course, step), attempt=1)
    _course, again = await taking.answer(agent, enrolment, step.id, right_answer(course, step), attempt=1)
    assert again == first
    assert await Answer.count().where(Answer.step == step.id) == 1


async def test_a_try_of_an_old_page_is_refused(agent: Viewer):
    enrolment = await begun(agent)
    step = (await taking.open_course(agent, enrolment)).steps[0]
    for attempt in (0, 2, 99):
        with pytest.raises(Conflict):
            await taking.answer(agent, enrolment, step.id, {}, attempt=attempt)


async def test_an_answer_that_does_not_fit_names_its_field(agent: Viewer):
    enrolment = await begun(agent)
    step = await answer_up_to(agent, enrolment, "contrast")
    assert step is not None
    with pytest.raises(Invalid) as refused:
        await taking.answer(agent, enrolment, step.id, {"chosen": "c"}, attempt=1)
    assert [error.field for error in refused.value.errors] == ["chosen"]
    assert await Answer.count().where(Answer.step == step.id) == 0


async def test_what_was_typed_waits_for_another_device(agent: Viewer):
    enrolment = await begun(agent)
    await answer_up_to(agent, enrolment, "recall")
    await taking.keep_place(agent, enrolment, 4, {"text": "Let them"})
    course = await taking.open_course(agent, enrolment)
    assert (course.place, course.enrolment.step_state) == (4, {"text": "Let them"})
    step = course.steps[4]
    await taking.answer(agent, enrolment, step.id, right_answer(course, step), attempt=1)
    assert (await taking.open_course(agent, enrolment)).enrolment.step_state == {}
    with pytest.raises(Invalid):
        await taking.keep_place(agent, await begun(agent), 0, {"text": "x" * 9_000})


async def test_a_place_that_comes_in_after_its_answer_is_not_kept(agent: Viewer):
    enrolment = await begun(agent)
    step = await answer_up_to(agent, enrolment, "judge")
    assert step is not None
    given = wrong_answer(await taking.open_course(agent, enrolment), step)
    await taking.answer(agent, enrolment, step.id, given, attempt=1)
    late = {"step": str(step.id), "mark": "met"}
    await taking.keep_place(agent, enrolment, step.position, late, attempt=1)
    assert (await taking.open_course(agent, enrolment)).enrolment.step_state == {}
    await taking.keep_place(agent, enrolment, step.position, late, attempt=2)
    assert (await taking.open_course(agent, enrolment)).enrolment.step_state == late
    await taking.answer(agent, enrolment, step.id, given, attempt=2)
    for attempt in (1, 2):
        await taking.keep_place(agent, enrolment, step.position, late, attempt=attempt)
    course = await taking.open_course(agent, enrolment)
    assert (course.place, course.enrolment.step_state) == (step.position + 1, {})


async def test_a_place_that_comes_in_with_its_answer_is_not_kept(
    agent: Viewer, monkeypatch: pytest.MonkeyPatch
):
    enrolment = await begun(agent)
    step = await answer_up_to(agent, enrolment, "judge")
    assert step is not None
    given = wrong_answer(await taking.open_course(agent, enrolment), step)
    holds, may_go_on, real = asyncio.Event(), asyncio.Event(), taking.usable_clips

    async def slow(*args: Any, **named: Any) -> Any:
        holds.set()
        await may_go_on.wait()
        return await real(*args, **named)

    async def late() -> None:
        await taking.keep_place(agent, enrolment, step.position, {"mark": "met"}, attempt=1)

    async def waits() -> bool:
        sql = "SELECT 1 AS one FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
        return db.dialect() == "sqlite" or bool(await db.fetch(sql))

    monkeypatch.setattr(taking, "usable_clips", slow)
    async with asyncio.TaskGroup() as both:
        both.create_task(taking.answer(agent, enrolment, step.id, given, attempt=1))
        await holds.wait()
        both.create_task(late())
        await until(waits)
        may_go_on.set()
    assert (await taking.open_course(agent, enrolment)).enrolment.step_state == {}


async def test_nobody_else_opens_or_answers_it(agent: Viewer, cast: Cast):
    enrolment = await begun(agent)
    step = (await taking.open_course(agent, enrolment)).steps[0]
    for name in ("trainer", "lead", "other_agent", "admin"):
        other = cast.viewer(name)
        with pytest.raises(NotFound):
            await taking.open_course(other, enrolment)
        with pytest.raises(NotFound):
            await taking.answer(other, enrolment, step.id, {}, attempt=1)
        with pytest.raises(NotFound):
            await taking.keep_place(other, enrolment, 0, {})
        with pytest.raises(NotFound):
            await taking.sound_of_step(other, enrolment, 1, "a")


async def test_a_step_whose_clip_is_gone_passes_ungraded(agent: Viewer, clips: Clips):
    enrolment = await begun(agent)
    step = await answer_up_to(agent, enrolment, "judge")
    assert step is not None
    await Clip.update({Clip.state: "erased"}).where(Clip.id == clips.judged)
    course, answer = await taking.answer(agent, enrolment, step.id, {}, attempt=1)
    assert (answer.correct, answer.feedback) == (None, {"gone": True})
    assert course.first_open == step.position + 1
    assert course.remembered == (1, 1)


async def test_a_chinese_reader_may_recall_in_chinese(agent: Viewer):
    enrolment = await begun(agent)
    step = await answer_up_to(agent, enrolment, "recall")
    assert step is not None
    assert step.rule is not None
    words = {"text": step.rule.statement["zh-Hans"]}
    _course, answer = await taking.answer(agent, enrolment, step.id, words, attempt=1)
    assert answer.correct is True


async def test_a_module_may_be_taken_again_and_each_completion_is_a_fact(agent: Viewer):
    for _ in range(2):
        await answer_up_to(agent, await begun(agent))
    assert len(await facts.facts_of(agent.id, ["module_completed"])) == 2
    assert len(await enrolling.enrolments_of(agent.id)) == 2


# Enrolling


async def test_enrolling_twice_gives_the_same_one_with_the_newest_due_day(agent: Viewer, cast: Cast):
    trainer = cast.viewer("trainer")
    first = await enrolling.enrol(trainer, "hear-them-out", agent.id, due_on=date(2026, 12, 1))
    assert await begun(agent) == first
    assert await enrolling.enrol(trainer, "hear-them-out", agent.id, due_on=date(2026, 12, 9)) == first
    [listed] = await enrolling.enrolments_of(agent.id)
    assert listed.due_on == date(2026, 12, 9)
    assert await AuditEntry.count().where(AuditEntry.action == "enrolled") == 1


async def test_enrolled_are_people_who_work_here_in_modules_that_are_published(agent: Viewer, cast: Cast):
    with pytest.raises(Invalid):
        await enrolling.enrol(cast.viewer("trainer"), "hear-them-out", db.new_id())
    with pytest.raises(NotFound):
        await begun(agent, "nothing")


async def test_what_comes_next_is_begun_first_then_due_first(agent: Viewer, cast: Cast):
    trainer = cast.viewer("trainer")
    for rule in ("R02", "R03"):
        await a_clip(rule)
        await a_module(trainer, [rule])
    plain = await begun(agent)
    due = await enrolling.enrol(trainer, "hear-them-out-3", agent.id, due_on=date(2026, 12, 1))
    assert (following := await enrolling.next_enrolment(agent.id)) is not None
    assert following.id == due
    await taking.begin(agent, plain)
    assert (following := await enrolling.next_enrolment(agent.id)) is not None
    assert following.id == plain
    after = await enrolling.next_after(agent.id, "hear-them-out")
    assert isinstance(after, modules.ModuleView)
    assert after.code == "hear-them-out-2"


@pytest.mark.parametrize(
    ("who", "allowed"),
    [
        ("agent", True),
        ("trainer", True),
        ("lead", True),
        ("other_lead", False),
        ("other_agent", False),
        ("analyst", False),
        ("manager", False),
        ("admin", False),
    ],
)
async def test_lists_and_loaders_of_enrolments_agree(agent: Viewer, cast: Cast, who: str, allowed: bool):
    enrolment = await begun(agent)
    viewer = cast.viewer(who)
    listed = {one.id for one in await enrolling.visible_enrolments(viewer)}
    assert (enrolment in listed) is allowed
    if allowed:
        assert (await enrolling.load_enrolment(viewer, enrolment)).id == enrolment
        assert [one.id for one in await enrolling.visible_enrolments(viewer, person=agent.id)] == [enrolment]
    else:
        with pytest.raises(NotFound):
            await enrolling.load_enrolment(viewer, enrolment)
        with pytest.raises(Forbidden):
            await enrolling.visible_enrolments(viewer, person=agent.id)


# Exactly once


async def test_one_tap_sent_twice_at_once_is_one_answer(agent: Viewer):
    enrolment = await begun(agent)
    step = await answer_up_to(agent, enrolment, "contrast")
    assert step is not None
    results = await asyncio.gather(
        *(
            taking.answer(agent, enrolment, step.id, {"chosen": chosen}, attempt=1)
            for chosen in ("a", "b", "a", "b")
        )
    )
    assert await Answer.count().where(Answer.step == step.id) == 1
    assert len({answer.feedback["chosen"] for _course, answer in results}) == 1


LAST_ANSWER = """
import asyncio, sys
import trainer.app
from uuid import UUID
from trainer import db
from trainer.training import taking
from trainer.web.session import Viewer

async def main(url, person, enrolment, step):
    await db.open_database(url)
    viewer = Viewer(id=UUID(person), name="", roles=frozenset({"agent"}), team=None, team_name=None,
                    locale="en", time_zone="UTC")
    print("ready", flush=True)
    sys.stdin.readline()
    course, answer = await taking.answer(
        viewer, UUID(enrolment), UUID(step), {"text": "let the caller finish and say back"}, attempt=1)
    print(answer.score, course.enrolment.completed_at is not None, flush=True)
    await db.close_database()

asyncio.run(main(*sys.argv[1:]))
"""


async def test_two_processes_complete_a_module_once(agent: Viewer, database_url: str):
    enrolment = await begun(agent)
    step = await answer_up_to(agent, enrolment, "recall")
    assert step is not None
    command = [sys.executable, "-c", LAST_ANSWER, database_url, str(agent.id), str(enrolment), str(step.id)]

    def race() -> list[str]:
        """Both have the database open before either answers."""
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True, "cwd": ROOT}
        racers = [subprocess.Popen(command, **pipes) for _ in range(2)]  # type: ignore[call-overload]
        try:
            assert [racer.stdout.readline() for racer in racers] == ["ready\n"] * 2
            for racer in racers:
                racer.stdin.write("go\n")
                racer.stdin.flush()
            return [racer.communicate(timeout=120)[0].strip() for racer in racers]
        finally:
            for racer in racers:
                racer.kill()
                racer.wait()

    first, second = await asyncio.to_thread(race)
    assert first == second
    assert first.endswith("True")
    assert await Answer.count().where(Answer.step == step.id) == 1
    assert len(await facts.facts_of(agent.id, ["module_completed"])) == 1
    told = await db.fetch("SELECT name FROM job WHERE args LIKE {}", f"%{agent.id}%module_completed%")
    assert len(told) == len({row["name"] for row in told}) > 0


KILLED_ANSWER = LAST_ANSWER.replace(
    "asyncio.run(",
    """
async def hang(*args, **kwargs):
    print("in the middle", flush=True)
    await asyncio.sleep(60)

taking.jobs.publish = hang
asyncio.run(""",
)


async def test_a_process_killed_in_the_middle_of_an_answer_loses_and_doubles_nothing(
    agent: Viewer, database_url: str
):
    enrolment = await begun(agent)
    step = await answer_up_to(agent, enrolment, "recall")
    assert step is not None
    command = [sys.executable, "-c", KILLED_ANSWER, database_url, str(agent.id), str(enrolment), str(step.id)]

    def kill_one() -> str:
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True, "cwd": ROOT}
        victim = subprocess.Popen(command, **pipes)  # type: ignore[call-overload]
        try:
            victim.stdin.write("go\n")
            victim.stdin.flush()
            assert victim.stdout.readline() == "ready\n"
            return str(victim.stdout.readline())
        finally:
            victim.kill()
            victim.communicate()

    assert await asyncio.to_thread(kill_one) == "in the middle\n"
    course = await taking.open_course(agent, enrolment)
    assert course.last(step.id) is None
    assert course.enrolment.completed_at is None
    assert await facts.facts_of(agent.id, ["module_completed"]) == []
    for _ in range(2):  # the browser sends it again, and once more
        course, _answer = await taking.answer(
            agent, enrolment, step.id, right_answer(course, step), attempt=1
        )
    assert await Answer.count().where(Answer.step == step.id) == 1
    assert len(await facts.facts_of(agent.id, ["module_completed"])) == 1


async def test_a_failure_in_the_middle_of_an_answer_leaves_nothing_half_done(
    agent: Viewer, monkeypatch: pytest.MonkeyPatch
):
    enrolment = await begun(agent)
    step = await answer_up_to(agent, enrolment, "recall")
    assert step is not None
    course = await taking.open_course(agent, enrolment)

    async def cut_off(*_: object, **__: object) -> None:
        raise ConnectionError("the process is gone")

    with monkeypatch.context() as broken:
        broken.setattr(jobs, "publish", cut_off)
        with pytest.raises(ConnectionError):
            await taking.answer(agent, enrolment, step.id, right_answer(course, step), attempt=1)
    assert await Answer.count().where(Answer.step == step.id) == 0
    assert (await taking.open_course(agent, enrolment)).enrolment.completed_at is None
    assert await facts.facts_of(agent.id, ["module_completed"]) == []
    done, _answer = await taking.answer(agent, enrolment, step.id, right_answer(course, step), attempt=1)
    assert done.enrolment.completed_at is not None
    assert len(await facts.facts_of(agent.id, ["module_completed"])) == 1


async def test_a_retired_clip_plays_on_for_whoever_was_given_it(agent: Viewer, clips: Clips):
    await begun(agent)
    stranger = viewer_for(await a_person("agent"))
    assert await enrolling.may_hear_again(agent.id, clips.poor) is True
    assert await enrolling.may_hear_again(stranger.id, clips.poor) is False


async def test_completed_enrolments_stay_in_the_table(agent: Viewer):
    enrolment: UUID = await begun(agent)
    await answer_up_to(agent, enrolment)
    step = (await taking.open_course(agent, enrolment)).steps[-1]
    with pytest.raises(Conflict):
        await taking.answer(agent, enrolment, step.id, {"text": "More"}, attempt=2)
    assert await Enrolment.count() == 1
