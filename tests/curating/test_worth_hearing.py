"""Calls worth hearing: what speaks for each, what takes one off the list, and who is shown them."""

from datetime import timedelta
from uuid import UUID

import pytest

from tests.curating.makers import a_call, a_clip
from tests.factories import a_person, a_rule, a_viewer
from trainer import db
from trainer.calls.service import log_play
from trainer.calls.tables import Recording
from trainer.curating.tables import PassedCall
from trainer.curating.worth import pass_by, proposals, put_back
from trainer.people.tables import AuditEntry
from trainer.problems import Forbidden, Gone, NotFound
from trainer.quality.tables import Evaluation, Mark
from trainer.rulebook.service import published_rules
from trainer.rulebook.tables import ProgrammeMember, Rulebook
from trainer.web.session import Viewer


async def listed(viewer: Viewer, **sought: object) -> list[UUID]:
    return [call.id for call in await proposals(viewer, **sought)]  # type: ignore[arg-type]


async def marked(recording: UUID, rule: str, mark: str, *, at_ms: int, state: str = "released") -> None:
    """An analyst's mark on a call."""
    agent = await a_person("agent")
    pinned = (await published_rules([rule]))[rule]
    book = await Rulebook.select(Rulebook.id).where(Rulebook.code == "starter").first()
    assert book
    evaluation = Evaluation(
        id=db.new_id(),
        recording=recording,
        agent=agent.id,
        rulebook=book["id"],
        state=state,
        source=str(recording),
        created_at=db.utc_now(),
        listed_at=db.utc_now(),
    )
    await Evaluation.insert(evaluation)
    row = Mark(
        id=db.new_id(),
        evaluation=evaluation.id,
        rule=pinned.id,
        mark=mark,
        severity=pinned.severity,
        at_ms=at_ms,
    )
    await Mark.insert(row)


async def test_each_reason_speaks_for_a_call_and_the_weightiest_comes_first(trainer: Viewer) -> None:
    await a_call(csat=4, longest_silence_ms=9_000, talk_over_ms=900)  # nothing speaks for it
    delighted = await a_call(csat=5)
    unhappy = await a_call(csat=1)
    silent = await a_call(longest_silence_ms=42_000, silence_at_ms=71_000)
    over = await a_call(talk_over_ms=6_000, talk_over_at_ms=3_000)
    fatal = await a_call()
    await marked(fatal, "R02", "missed", at_ms=15_000)
    found = await proposals(trainer)
    assert [call.id for call in found[:2]] == [fatal, unhappy]
    assert {call.id for call in found[2:]} == {delighted, silent, over}
    at = {call.id: call.at_ms for call in found}
    assert at == {fatal: 11_000, unhappy: None, silent: 67_000, over: 0, delighted: None}
    (reason,) = next(call for call in found if call.id == silent).reasons
    assert (reason.name, reason.words, reason.at_ms) == ("silence", "42 seconds of silence", 71_000)
    assert await listed(trainer, why="silence") == [silent]
    assert await listed(trainer, why="unhappy") == [unhappy]


async def test_a_mark_that_was_not_released_tells_nothing(trainer: Viewer) -> None:
    call = await a_call()
    await marked(call, "R02", "missed", at_ms=15_000, state="draft")
    assert await listed(trainer) == []


async def test_a_good_moment_is_sought_where_it_went_well(trainer: Viewer) -> None:
    delighted, unhappy, met = await a_call(csat=5), await a_call(csat=1), await a_call()
    await marked(met, "R04", "met", at_ms=30_000)
    rule = (await published_rules(["R04"]))["R04"]
    analyst = await a_viewer("qa_analyst")
    assert await listed(analyst, rule=rule, kind="exemplar") == [met, delighted]
    assert await listed(analyst, rule=rule, kind="counterexample") == [unhappy]
    (first, _second) = await proposals(analyst, rule=rule, kind="exemplar")
    assert (first.reasons[0].name, first.at_ms) == ("marked", 26_000)
    # a trainer reads sums of marks, and is told of no single one but a no-go zone
    assert await listed(trainer, rule=rule, kind="exemplar") == [delighted]


async def test_another_voice_and_another_language_can_be_asked_for(trainer: Viewer) -> None:
    agent = await a_person("agent")
    hers, chinese = await a_call(csat=5, agent=agent.id), await a_call(csat=5, language="zh-Hans")
    assert await listed(trainer, but_agent=agent.id) == [chinese]
    assert await listed(trainer, language="en") == [hers]


async def test_what_was_heard_cut_or_put_away_leaves_the_list(trainer: Viewer) -> None:
    heard, cut, away, stays = [await a_call(csat=5) for _number in range(4)]
    await log_play(trainer, heard)
    await a_clip("R01", call=cut, state="draft")
    await pass_by(trainer, away)
    assert await listed(trainer) == [stays]
    (passed,) = await proposals(trainer, passed=True)
    assert (passed.id, passed.passed_by) == (away, "Rosa")
    await put_back(trainer, away)
    assert set(await listed(trainer)) == {away, stays}


async def test_an_analyst_who_heard_it_leaves_it_to_the_trainers(trainer: Viewer) -> None:
    call, analyst = await a_call(csat=5), await a_viewer("qa_analyst")
    await log_play(analyst, call)
    assert await listed(analyst) == []
    assert await listed(trainer) == [call]
    await log_play(await a_viewer("trainer"), call)  # another trainer did the work
    assert await listed(trainer) == []


async def test_putting_away_twice_is_once_and_is_noted(trainer: Viewer) -> None:
    call = await a_call(csat=5)
    await pass_by(trainer, call)
    await pass_by(await a_viewer("qa_analyst"), call)
    assert await PassedCall.count() == 1
    await put_back(trainer, call)
    await put_back(trainer, call)
    rows = (
        await AuditEntry.select(AuditEntry.action)
        .where(AuditEntry.noun_id == str(call))
        .order_by(AuditEntry.at)
    )
    assert [row["action"] for row in rows] == ["call_passed_by", "call_put_back"]


async def test_only_calls_that_can_be_heard_are_proposed(trainer: Viewer) -> None:
    await a_call(csat=5, staged=True)
    await a_call(csat=5, state="refused")
    await a_call(csat=5, expires_at=db.utc_now() - timedelta(minutes=1))
    assert await listed(trainer) == []


@pytest.mark.parametrize("role", ["agent", "team_lead", "manager", "admin"])
async def test_nobody_else_is_shown_them_or_puts_them_away(trainer: Viewer, role: str) -> None:
    call, other = await a_call(csat=5), await a_viewer(role)
    with pytest.raises(Forbidden):
        await proposals(other)
    with pytest.raises(Forbidden):
        await pass_by(other, call)
    with pytest.raises(Forbidden):
        await put_back(other, call)
    assert await listed(trainer) == [call]


async def test_calls_of_other_programmes_are_neither_shown_nor_put_away(trainer: Viewer) -> None:
    await a_rule("T901")
    book = await Rulebook.select(Rulebook.id).where(Rulebook.code == "test").first()
    assert book
    mine = await a_viewer("trainer")
    await ProgrammeMember.insert(
        ProgrammeMember(id=db.new_id(), rulebook=book["id"], person=mine.id, added_at=db.utc_now())
    )
    call = await a_call(csat=5, rulebook=book["id"])
    assert await listed(mine) == [call]
    assert await listed(trainer) == []
    with pytest.raises(NotFound):
        await pass_by(trainer, call)


async def test_what_was_put_away_goes_with_its_call(trainer: Viewer) -> None:
    call = await a_call(csat=5)
    await pass_by(trainer, call)
    await Recording.update({Recording.state: "erased"}).where(Recording.id == call)
    assert await listed(trainer, passed=True) == []
    with pytest.raises(Gone):
        await put_back(trainer, call)


async def test_the_list_goes_on_where_it_ended(trainer: Viewer) -> None:
    calls = {await a_call(csat=score) for score in (5, 5, 1, 2, 1)}
    seen: list[UUID] = []
    after = None
    while page := await proposals(trainer, after=after, limit=2):
        seen += [call.id for call in page]
        after = page[-1].key
    assert (len(seen), set(seen)) == (5, calls)
