"""The life of an evaluation: draft, marks, release, correction; what each refuses in words."""

import asyncio
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from tests.counting import count_of
from tests.factories import a_person, viewer_for
from tests.quality.makers import ALL_MET, Cast, a_book, a_call, a_draft, a_release
from trainer import db, facts, jobs
from trainer.calls.service import erase_recording, load_for_hearing
from trainer.calls.tables import Recording
from trainer.notices.service import latest
from trainer.people.service import deactivate_person
from trainer.problems import Conflict, Forbidden, Invalid, NotFound, PreconditionFailed
from trainer.quality import judging, replies, service
from trainer.quality.checking import Given, Judgement
from trainer.quality.tables import Evaluation


async def test_a_draft_keeps_marks_with_second_comment_and_the_rules_version(cast: Cast) -> None:
    call = await a_call(cast.agent.id, csat=4)
    analyst = cast.viewer("analyst")
    draft = await a_draft(analyst, call, {"N1": Given("missed", 1500, " too fast "), "F1": Given("met")})
    found = await service.load_evaluation(analyst, draft)
    marks = {mark.code: mark for mark in await service.marks_of(draft)}
    assert (found.state, found.agent, found.csat, found.recording_ms) == ("draft", cast.agent.id, 4, 60_000)
    assert (marks["N1"].mark, marks["N1"].at_ms, marks["N1"].comment) == ("missed", 1500, "too fast")
    assert (marks["F1"].severity, marks["N1"].weight, marks["N1"].version) == ("fatal", 10, 1)
    assert "N2" not in marks  # unmarked is none of the three


async def test_saving_changes_clears_and_leaves_what_is_not_named(cast: Cast) -> None:
    analyst = cast.viewer("analyst")
    draft = await a_draft(analyst, await a_call(cast.agent.id), {"N1": Given("met"), "N2": Given("met")})
    said = Judgement(marks={"N1": None, "N3": Given("not_applicable")}, resolved=False, outcome="met")
    saved = await judging.save(analyst, draft, said, expected=1)
    marks = {mark.code: mark.mark for mark in await service.marks_of(draft)}
    assert marks == {"N2": "met", "N3": "not_applicable"}
    assert (saved.resolved, saved.outcome, saved.revision) == (False, "met", 2)
    same = await judging.save(analyst, draft, said, expected=2)
    assert same.revision == 2


async def test_two_windows_never_overwrite_each_other_silently(cast: Cast) -> None:
    analyst = cast.viewer("analyst")
    draft = await a_draft(analyst, await a_call(cast.agent.id))
    await judging.save(analyst, draft, Judgement(comment="from the first"), expected=1)
    with pytest.raises(PreconditionFailed):
        await judging.save(analyst, draft, Judgement(comment="from the second"), expected=1)
    assert (await service.load_evaluation(analyst, draft)).comment == "from the first"


@pytest.mark.parametrize(
    ("said", "field"),
    [
        (Judgement(marks={"X9": Given("met")}), "marks.X9.rule"),
        (Judgement(marks={"N1": Given("perfect")}), "marks.N1.mark"),
        (Judgement(marks={"N1": Given("met", 60_001)}), "marks.N1.at_ms"),
        (Judgement(marks={"N1": Given("met", -1)}), "marks.N1.at_ms"),
        (Judgement(marks={"N1": Given("met", None, "x" * 1001)}), "marks.N1.comment"),
        (Judgement(csat=6), "csat"),
        (Judgement(outcome="great"), "outcome"),
        (Judgement(service_level="great"), "service_level"),
        (Judgement(comment="x" * 4001), "comment"),
    ],
)
async def test_what_cannot_be_said_is_named_at_its_field(cast: Cast, said: Judgement, field: str) -> None:
    call = await a_call(cast.agent.id)
    with pytest.raises(Invalid) as refused:
        await judging.start(cast.viewer("analyst"), call, said)
    assert [error.field for error in refused.value.errors] == [field]
    assert await Evaluation.count() == 0


async def test_rules_of_another_book_are_no_rules_of_this_call(cast: Cast) -> None:
    await a_book("other", {"Z1": ("non_fatal", 5)})
    with pytest.raises(Invalid) as refused:
        await a_draft(cast.viewer("analyst"), await a_call(cast.agent.id), {"Z1": Given("met")})
    assert [error.field for error in refused.value.errors] == ["marks.Z1.rule"]


async def test_a_call_without_a_book_needs_one_named(cast: Cast) -> None:
    call = await a_call(cast.agent.id, book=None)
    analyst = cast.viewer("analyst")
    with pytest.raises(Invalid) as refused:
        await judging.start(analyst, call, Judgement())
    assert [error.field for error in refused.value.errors] == ["rulebook"]
    made = await judging.start(analyst, call, Judgement(), rulebook="test")
    assert (await service.load_evaluation(analyst, made)).rulebook_code == "test"


async def test_one_open_draft_for_each_call_and_analyst(cast: Cast) -> None:
    call = await a_call(cast.agent.id)
    draft = await a_draft(cast.viewer("analyst"), call)
    with pytest.raises(Conflict) as refused:
        await a_draft(cast.viewer("analyst"), call)
    assert (refused.value.name, refused.value.extra["evaluation"]) == ("draft-exists", str(draft))
    assert await a_draft(cast.viewer("other_analyst"), call) != draft


async def test_only_analysts_evaluate_and_nobody_their_own_call(cast: Cast) -> None:
    call = await a_call(cast.agent.id)
    for name in ("agent", "trainer", "lead", "manager", "admin"):
        with pytest.raises(Forbidden):
            await a_draft(cast.viewer(name), call)
    both = await a_person(roles=["agent", "qa_analyst"])
    with pytest.raises(Forbidden):
        await a_draft(viewer_for(both), await a_call(both.id))
    with pytest.raises(Conflict) as refused:
        await a_draft(cast.viewer("analyst"), await a_call(None))
    assert refused.value.name == "no-agent"


async def test_releasing_freezes_counts_tells_and_records_once(cast: Cast) -> None:
    call = await a_call(cast.agent.id)
    analyst = cast.viewer("analyst")
    said = {**ALL_MET, "N2": Given("missed", 2000, "said no more"), "F1": Given("missed", 3000)}
    released = await a_release(analyst, call, said, resolved=False)
    assert (released.state, released.score, released.fatal, released.verdict) == (
        "released",
        7500,
        "failed",
        "fail",
    )
    told = await facts.facts_of(cast.agent.id, ["evaluation_released"])
    assert [(fact.source, fact.subject) for fact in told] == [(f"evaluation:{released.id}", "test")]
    waiting = await db.fetch("SELECT name FROM job WHERE name LIKE '%evaluation_released%'")
    assert [row["name"] for row in waiting] == ["evaluation_released:search.index.follow_evaluation"]
    inbox = await latest(cast.viewer("agent"))
    assert [(notice.kind, notice.href) for notice in inbox] == [
        ("evaluation_released", f"/evaluations/{released.id}")
    ]
    with pytest.raises(Conflict) as refused:
        await judging.save(analyst, released.id, Judgement(comment="later"), expected=None)
    assert refused.value.name == "released"
    with pytest.raises(Conflict):
        await judging.discard(analyst, released.id)


async def test_unmarked_rules_are_listed_and_need_a_yes(cast: Cast) -> None:
    analyst = cast.viewer("analyst")
    draft = await a_draft(analyst, await a_call(cast.agent.id), {"N1": Given("met"), "N2": Given("", 100)})
    with pytest.raises(Conflict) as refused:
        await judging.release(analyst, draft)
    assert (refused.value.name, refused.value.extra["unmarked"]) == ("unmarked-rules", ["F1", "N2", "N3"])
    released = await judging.release(analyst, draft, confirm_unmarked=True)
    assert (released.score, released.fatal) == (10_000, None)


async def test_nothing_marked_cannot_be_released(cast: Cast) -> None:
    analyst = cast.viewer("analyst")
    draft = await a_draft(analyst, await a_call(cast.agent.id), {"N1": Given("", 5000, "listen again")})
    with pytest.raises(Conflict) as refused:
        await judging.release(analyst, draft, confirm_unmarked=True)
    assert refused.value.name == "no-marks"


async def test_a_rule_edited_later_never_changes_a_past_evaluation(cast: Cast) -> None:
    analyst = cast.viewer("analyst")
    released = await a_release(analyst, await a_call(cast.agent.id), {**ALL_MET, "N3": Given("missed")})
    await a_book(
        rules={"F1": ("fatal", 0), "N1": ("non_fatal", 99), "N2": ("fatal", 0), "N3": ("non_fatal", 1)}
    )
    again = await service.load_evaluation(analyst, released.id)
    marks = {mark.code: mark for mark in await service.marks_of(released.id)}
    assert (again.score, marks["N3"].weight, marks["N2"].severity) == (5000, 20, "non_fatal")
    assert marks["N3"].outdated
    assert not marks["F1"].outdated


async def test_a_mark_made_anew_is_made_by_what_the_rule_says_today(cast: Cast) -> None:
    analyst = cast.viewer("analyst")
    draft = await a_draft(analyst, await a_call(cast.agent.id))
    await a_book(
        rules={"F1": ("fatal", 0), "N1": ("non_fatal", 50), "N2": ("non_fatal", 60), "N3": ("non_fatal", 20)}
    )
    await judging.save(
        analyst, draft, Judgement(marks={"N1": Given("missed"), "N2": Given("met", 7)}), expected=1
    )
    marks = {mark.code: mark for mark in await service.marks_of(draft)}
    assert (marks["N1"].version, marks["N1"].weight) == (2, 50)
    assert (marks["N2"].version, marks["N2"].weight, marks["N2"].at_ms) == (1, 10, 7)


async def test_two_analysts_release_at_once_and_one_stands(cast: Cast) -> None:
    call = await a_call(cast.agent.id)
    drafts = [
        (viewer, await a_draft(viewer, call))
        for viewer in (cast.viewer("analyst"), cast.viewer("other_analyst"))
    ]
    done = await asyncio.gather(
        *(judging.release(viewer, draft) for viewer, draft in drafts), return_exceptions=True
    )
    refused = [result for result in done if isinstance(result, Conflict)]
    assert [problem.name for problem in refused] == ["already-evaluated"]
    assert await Evaluation.count().where(Evaluation.state == "released") == 1
    assert await count_of("evaluation_released") == 1
    assert len(await latest(cast.viewer("agent"))) == 1


async def test_one_draft_released_twice_at_once_is_released_once(cast: Cast) -> None:
    analyst = cast.viewer("analyst")
    draft = await a_draft(analyst, await a_call(cast.agent.id))
    done = await asyncio.gather(*(judging.release(analyst, draft) for _n in range(4)), return_exceptions=True)
    assert sorted(getattr(each, "name", "done") for each in done) == ["done"] + ["released"] * 3
    assert await count_of("evaluation_released") == 1


async def test_a_call_given_to_its_right_agent_meanwhile_is_that_agents_evaluation(cast: Cast) -> None:
    call = await a_call(cast.agent.id)
    analyst = cast.viewer("analyst")
    draft = await a_draft(analyst, call)
    await Recording.update({Recording.agent: cast.other_agent.id}).where(Recording.id == call)
    released = await judging.release(analyst, draft)
    assert released.agent == cast.other_agent.id
    assert await latest(cast.viewer("agent")) == []


async def test_a_correction_takes_the_old_ones_place_and_both_stay_readable(cast: Cast) -> None:
    call = await a_call(cast.agent.id)
    analyst, agent = cast.viewer("analyst"), cast.viewer("agent")
    old = await a_release(analyst, call, {**ALL_MET, "F1": Given("missed", 100, "promised too much")})
    with pytest.raises(Invalid):
        await judging.correct(analyst, old.id, "  ")
    draft = await judging.correct(cast.viewer("other_analyst"), old.id, "It was the caller who said it.")
    assert draft == await judging.correct(cast.viewer("other_analyst"), old.id, "It was the caller.")
    other = cast.viewer("other_analyst")
    await judging.save(other, draft, Judgement(marks={"F1": Given("met")}), expected=None)
    new = await judging.release(other, draft)
    before = await service.load_evaluation(agent, old.id)
    after = await service.load_evaluation(agent, new.id)
    assert (before.state, before.replaced_by, before.score, before.fatal) == (
        "replaced",
        new.id,
        10_000,
        "failed",
    )
    assert (after.replaces, after.reason, after.fatal) == (old.id, "It was the caller.", "passed")
    assert await count_of("evaluation_released") == 1  # counting evaluations counts calls
    assert await count_of("evaluation_corrected") == 1
    with pytest.raises(Conflict):
        await judging.correct(analyst, old.id, "Once more")
    with pytest.raises(Conflict) as refused:
        await a_draft(analyst, call)
    assert refused.value.extra["evaluation"] == str(new.id)


async def test_two_corrections_at_once_leave_one(cast: Cast) -> None:
    old = await a_release(cast.viewer("analyst"), await a_call(cast.agent.id))
    viewers = [cast.viewer("analyst"), cast.viewer("other_analyst")]
    drafts = [await judging.correct(viewer, old.id, "Heard again.") for viewer in viewers]
    done = await asyncio.gather(
        *(judging.release(v, d) for v, d in zip(viewers, drafts, strict=True)), return_exceptions=True
    )
    assert sum(isinstance(each, Conflict) for each in done) == 1
    assert await Evaluation.count().where(Evaluation.state == "released") == 1


async def test_a_draft_can_be_thrown_away_and_begun_again(cast: Cast) -> None:
    call = await a_call(cast.agent.id)
    analyst = cast.viewer("analyst")
    draft = await a_draft(analyst, call)
    with pytest.raises(NotFound):
        await judging.discard(cast.viewer("other_analyst"), draft)
    await judging.discard(analyst, draft)
    with pytest.raises(NotFound):
        await service.load_evaluation(analyst, draft)
    await a_draft(analyst, call)


async def test_an_erased_call_leaves_its_evaluation_readable(cast: Cast) -> None:
    call = await a_call(cast.agent.id)
    analyst, agent = cast.viewer("analyst"), cast.viewer("agent")
    released = await a_release(analyst, call)
    assert (await load_for_hearing(agent, call)).may_hear
    await erase_recording(cast.viewer("trainer"), call, "The caller asked for it.")
    await jobs.drain()
    found = await service.load_evaluation(agent, released.id)
    assert (found.score, found.recording_state) == (10_000, "erased")
    assert await service.call_of(agent, call) is None
    assert await service.call_of(analyst, call) is None
    corrected = await judging.correct(analyst, released.id, "A slip of the hand.")
    assert (await judging.release(analyst, corrected)).state == "released"


async def test_an_agent_hears_an_own_call_once_its_evaluation_is_released(cast: Cast) -> None:
    call, other = await a_call(cast.agent.id), await a_call(cast.agent.id)
    agent = cast.viewer("agent")
    draft = await a_draft(cast.viewer("analyst"), call)
    with pytest.raises(NotFound):
        await load_for_hearing(agent, call)
    await judging.release(cast.viewer("analyst"), draft)
    assert (await load_for_hearing(agent, call)).id == call
    for viewer, recording in ((agent, other), (cast.viewer("other_agent"), call)):
        with pytest.raises(NotFound):
            await load_for_hearing(viewer, recording)
    assert await service.released_recordings(cast.agent.id) == {call}


async def test_a_person_who_left_is_not_told(cast: Cast) -> None:
    call = await a_call(cast.agent.id)
    await deactivate_person(cast.viewer("admin"), cast.agent.id)
    released = await a_release(cast.viewer("analyst"), call)
    assert released.state == "released"
    assert await latest(cast.viewer("agent")) == []


async def test_words_go_both_ways_once_and_stay(cast: Cast) -> None:
    released = await a_release(cast.viewer("analyst"), await a_call(cast.agent.id))
    key = db.new_id()
    for _twice in range(2):
        await replies.reply(cast.viewer("agent"), released.id, "The line broke.\r\nI did say it.", key=key)
    assert [notice.kind for notice in await latest(cast.viewer("analyst"))] == ["evaluation_answered"]
    assert [notice.kind for notice in await latest(cast.viewer("lead"))] == ["evaluation_answered"]
    await replies.reply(cast.viewer("lead"), released.id, "I hear it too.")
    await replies.reply(cast.viewer("analyst"), released.id, "You are right, I will correct it.")
    thread = await service.replies_of(released.id)
    assert [(each.by, each.words) for each in thread] == [
        ("agent", "The line broke.\nI did say it."),
        ("lead", "I hear it too."),
        ("analyst", "You are right, I will correct it."),
    ]
    kinds = [notice.kind for notice in await latest(cast.viewer("agent"))]
    assert kinds.count("evaluation_answered") == 2
    for name, problem in (("other_agent", NotFound), ("other_lead", NotFound), ("manager", NotFound)):
        with pytest.raises(problem):
            await replies.reply(cast.viewer(name), released.id, "Me too.")
    with pytest.raises(Invalid):
        await replies.reply(cast.viewer("agent"), released.id, "   ")


async def test_the_agents_first_look_is_noted_and_nobody_elses(cast: Cast) -> None:
    released = await a_release(cast.viewer("analyst"), await a_call(cast.agent.id))
    await replies.note_seen(cast.viewer("lead"), released)
    assert (await service.load_evaluation(cast.viewer("lead"), released.id)).seen_at is None
    await replies.note_seen(cast.viewer("agent"), released)
    first = (await service.load_evaluation(cast.viewer("agent"), released.id)).seen_at
    with db.as_of(db.utc_now() + timedelta(days=1)):
        await replies.note_seen(cast.viewer("agent"), released)
    assert first is not None
    assert (await service.load_evaluation(cast.viewer("agent"), released.id)).seen_at == first


async def test_erasing_a_person_takes_words_and_leaves_marks(cast: Cast) -> None:
    said = {**ALL_MET, "N1": Given("missed", 100, "Amara was tired")}
    released = await a_release(
        cast.viewer("analyst"), await a_call(cast.agent.id), said, comment="Well, Amara"
    )
    await replies.reply(cast.viewer("agent"), released.id, "I was.")
    async with db.transaction():
        await jobs.publish("person_erased", {"person": str(cast.agent.id)})
    await jobs.drain()
    found = await service.load_evaluation(cast.viewer("analyst"), released.id)
    assert (found.comment, found.score) == ("", 7500)
    assert {mark.comment for mark in await service.marks_of(released.id)} == {""}
    assert [each.words for each in await service.replies_of(released.id)] == [""]


async def test_calls_to_score_begin_with_those_who_had_the_fewest(cast: Cast) -> None:
    analyst = cast.viewer("analyst")
    done = await a_call(cast.agent.id, days_ago=9)
    older, newer = await a_call(cast.agent.id, days_ago=8), await a_call(cast.agent.id, days_ago=3)
    others = await a_call(cast.other_agent.id, days_ago=2)
    await a_call(None)
    await a_call(cast.agent.id, state="processing")
    await a_release(analyst, done)
    await a_draft(analyst, newer)
    waiting = await service.calls_to_score(analyst)
    assert [each.recording for each in waiting] == [others, older, newer]
    assert [each.draft is not None for each in waiting] == [False, False, True]
    assert await service.calls_to_score(cast.viewer("trainer")) == []


async def test_saving_a_draft_costs_few_queries(cast: Cast, count_queries: Callable[[], Any]) -> None:
    analyst = cast.viewer("analyst")
    draft = await a_draft(analyst, await a_call(cast.agent.id))
    with count_queries() as counted:
        await judging.save(analyst, draft, Judgement(marks={"N1": Given("missed")}), expected=1)
    assert counted.count <= 8, counted.statements
