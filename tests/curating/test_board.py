"""The coverage board: every rule's clips kind by kind, its state, and the one next step."""

from datetime import timedelta
from typing import Any

import pytest

from tests.curating.makers import a_call, a_clip
from tests.factories import a_person, a_rule, a_team, a_viewer
from trainer import db
from trainer.calls.tables import Recording
from trainer.clips.tables import Clip, ClipRule
from trainer.curating.board import Board, RuleRow, board_of
from trainer.problems import Forbidden
from trainer.rulebook import programmes, service
from trainer.rulebook.tables import ProgrammeMember, Rule, Rulebook, RuleVersion
from trainer.web.session import Viewer

# R01 is a matter of judgement in the starter book, R02 and R05 are fatal, R07 is scripted.
JUDGED, FATAL, SCRIPTED = "R01", "R02", "R07"


async def row_of(viewer: Viewer, code: str) -> RuleRow:
    board = await board_of(viewer)
    return next(row for row in board.rows if row.rule.code == code)


async def test_a_rule_without_a_clip_is_red_and_says_where_to_look(trainer: Viewer) -> None:
    row = await row_of(trainer, SCRIPTED)
    assert (row.health.state, row.voices) == ("red", 0)
    assert [cell.state for cell in row.cells] == ["gap", "gap", "gap"]
    assert row.cells[2].href == f"/calls/worth-hearing?rule={SCRIPTED}&kind=counterexample"
    assert row.next
    assert row.next.href == f"/calls/worth-hearing?rule={SCRIPTED}&kind=exemplar"


async def test_a_fatal_rule_without_a_clip_comes_first(trainer: Viewer) -> None:
    board = await board_of(trainer)
    assert [row.rule.fatal for row in board.first] == [True, True, False]
    assert (board.heard, board.red, board.full) == (0, 11, 0)


async def test_a_clip_that_was_begun_is_finished_first(trainer: Viewer) -> None:
    draft = await a_clip(SCRIPTED, state="draft")
    row = await row_of(trainer, SCRIPTED)
    assert row.cells[0].state == "begun"
    assert row.cells[0].drafts == 1
    assert row.next
    assert (row.next.kind, row.next.href) == ("finish", f"/clips/{draft}")


async def test_the_next_version_of_a_published_clip_fills_no_gap(trainer: Viewer) -> None:
    clip = await a_clip(SCRIPTED, "near_miss")
    recording = (await Clip.select(Clip.recording).where(Clip.id == clip).first() or {})["recording"]
    await a_clip(SCRIPTED, call=recording, state="draft", replaces=clip)
    assert (await row_of(trainer, SCRIPTED)).cells[0].state == "gap"


async def test_a_rule_that_is_only_role_played_wants_a_real_call(trainer: Viewer) -> None:
    await a_clip(SCRIPTED, staged=True)
    row = await row_of(trainer, SCRIPTED)
    assert (row.cells[0].state, row.cells[0].staged, row.health.why) == ("thin", 1, "staged")
    assert row.next
    assert row.next.kind == "find"


async def test_a_rule_of_judgement_wants_a_second_voice_and_not_the_first_again(trainer: Viewer) -> None:
    agent, other = await a_person("agent"), await a_person("agent")
    await a_clip(JUDGED, agent=agent.id)
    await a_clip(JUDGED, agent=agent.id)
    row = await row_of(trainer, JUDGED)
    assert (row.voices, row.voices_wanted, row.cells[0].real) == (1, 2, 2)
    assert row.next
    assert row.next.kind == "voice"
    assert f"but={agent.id}" in row.next.href
    await a_clip(JUDGED, agent=other.id)
    assert (await row_of(trainer, JUDGED)).health.state == "green"


async def test_a_rule_is_to_be_heard_in_every_language_of_its_book(trainer: Viewer) -> None:
    await a_clip(SCRIPTED)
    await a_clip(FATAL, language="zh-Hans")
    row = await row_of(trainer, SCRIPTED)
    assert [(each.code, each.heard) for each in row.languages] == [("en", True), ("zh-Hans", False)]
    assert row.next
    assert (row.next.kind, row.next.href) == ("language", row.languages[1].href)
    assert "language=zh-Hans" in row.languages[1].href


async def test_good_and_poor_together_are_enough(trainer: Viewer) -> None:
    await a_clip(SCRIPTED)
    before = await row_of(trainer, SCRIPTED)
    assert before.next
    assert before.next.kind == "contrast"
    await a_clip(SCRIPTED, "counterexample", staged=True)  # nobody has to be shown failing
    after = await row_of(trainer, SCRIPTED)
    assert after.cells[2].state == "good"
    assert after.full


async def test_what_the_agent_has_not_agreed_to_does_not_count(trainer: Viewer) -> None:
    agent = await a_person("agent")
    await a_clip(SCRIPTED, "counterexample", agent=agent.id, about="x")
    assert (await row_of(trainer, SCRIPTED)).cells[2].state == "gap"


async def test_the_last_good_clip_that_ends_soon_is_told_with_its_day(trainer: Viewer) -> None:
    soon, late = db.utc_now() + timedelta(days=9), db.utc_now() + timedelta(days=90)
    dying = await a_clip(SCRIPTED, call=await a_call(expires_at=soon))
    row = await row_of(trainer, SCRIPTED)
    assert (row.cells[0].state, row.ends) == ("ending", soon)
    assert row.next
    assert (row.next.kind, row.next.href) == ("renew", f"/clips/{dying}")
    (ending,) = (await board_of(trainer)).endings
    assert (ending.clip, ending.rules, ending.last_of) == (dying, (SCRIPTED,), (SCRIPTED,))
    # renewed with a day of its own, it lives past its call
    await Clip.update({Clip.expires_at: late}).where(Clip.id == dying)
    board = await board_of(trainer)
    assert board.endings == []
    assert (await row_of(trainer, SCRIPTED)).cells[0].state == "good"


async def test_another_clip_that_lives_on_takes_the_hurry_away(trainer: Viewer) -> None:
    await a_clip(SCRIPTED, call=await a_call(expires_at=db.utc_now() + timedelta(days=9)))
    await a_clip(SCRIPTED)
    assert (await row_of(trainer, SCRIPTED)).ends is None
    (ending,) = (await board_of(trainer)).endings
    assert ending.last_of == ()


async def test_a_clip_of_a_call_that_is_over_is_not_there(trainer: Viewer) -> None:
    await a_clip(SCRIPTED, call=await a_call(expires_at=db.utc_now() - timedelta(minutes=1)))
    assert (await row_of(trainer, SCRIPTED)).health.state == "red"


async def test_clips_of_former_words_wait_to_be_heard_again(trainer: Viewer) -> None:
    await a_clip(SCRIPTED)
    rule = (await service.published_rules([SCRIPTED]))[SCRIPTED]
    await RuleVersion.update({RuleVersion.state: "superseded"}).where(RuleVersion.rule == rule.id)
    new = await RuleVersion.select().where(RuleVersion.rule == rule.id).first()
    assert new
    said = {"id": db.new_id(), "version": 2, "state": "published", "statement": '{"en": "Else."}'}
    await RuleVersion.insert(RuleVersion(**{**new, **said, "published_at": db.utc_now()}))
    row = await row_of(trainer, SCRIPTED)
    assert (row.cells[0].state, row.cells[0].former, row.health.why) == ("thin", 1, "to_reconfirm")
    assert row.next
    assert row.next.href == f"/rules/{SCRIPTED}#to-reconfirm"


@pytest.mark.parametrize("role", ["agent", "team_lead", "manager", "admin"])
async def test_only_who_curates_sees_the_board(trainer: Viewer, role: str) -> None:
    with pytest.raises(Forbidden):
        await board_of(await a_viewer(role))


async def test_a_trainer_sees_the_programmes_they_work_on(trainer: Viewer) -> None:
    await a_rule("T900")
    other = await a_viewer("trainer")
    book = await Rulebook.select(Rulebook.id).where(Rulebook.code == "test").first()
    assert book
    await ProgrammeMember.insert(
        ProgrammeMember(id=db.new_id(), rulebook=book["id"], person=other.id, added_at=db.utc_now())
    )
    assert {row.rule.rulebook_code for row in (await board_of(other)).rows} == {"starter", "test"}
    assert {row.rule.rulebook_code for row in (await board_of(trainer)).rows} == {"starter"}
    assert await programmes.programmes_of(trainer) is not None


async def test_the_board_shows_what_was_asked_for_and_counts_everything(trainer: Viewer) -> None:
    await a_clip(SCRIPTED)
    await a_clip(SCRIPTED, "near_miss")

    def codes(board: Board) -> set[str]:
        return {row.rule.code for book in board.books for want in book.wants for row in want.rows}

    everything, gaps = await board_of(trainer), await board_of(trainer, show="gaps")
    assert codes(gaps) == codes(everything) - {SCRIPTED}
    assert codes(await board_of(trainer, show="red")) == codes(gaps)
    assert codes(await board_of(trainer, book="no such book")) == codes(everything)
    assert len(gaps.rows) == len(everything.rows) == 11


async def test_sixty_rules_and_five_hundred_clips_take_six_queries(
    trainer: Viewer, count_queries: Any
) -> None:
    book = await Rulebook.select(Rulebook.id).first()
    assert book
    agents = [(await a_person("agent", team=await a_team())).id for _number in range(3)]
    rules = [
        Rule(id=db.new_id(), rulebook=book["id"], code=f"X{n:02}", created_at=db.utc_now()) for n in range(60)
    ]
    await Rule.insert(*rules)
    await RuleVersion.insert(
        *[
            RuleVersion(
                id=db.new_id(),
                rule=rule.id,
                state="published",
                title='{"en": "A rule"}',
                created_at=db.utc_now(),
            )
            for rule in rules
        ]
    )
    now = db.utc_now()
    calls = [
        Recording(
            id=db.new_id(), state="ready", agent=agents[n % 3], sha256=str(n), created_at=now, csat=1 + n % 5
        )
        for n in range(50)
    ]
    await Recording.insert(*calls)
    kinds = ("exemplar", "near_miss", "counterexample")
    clips = [
        Clip(
            id=db.new_id(),
            recording=calls[n % 50].id,
            state="published",
            polarity=kinds[n % 3],
            created_at=now,
            updated_at=now,
        )
        for n in range(500)
    ]
    for start in range(0, 500, 100):
        await Clip.insert(*clips[start : start + 100])
    await ClipRule.insert(
        *[ClipRule(id=db.new_id(), clip=clip.id, rule=rules[n % 60].id) for n, clip in enumerate(clips)]
    )
    analyst = await a_viewer("qa_analyst")
    with count_queries() as counted:
        board = await board_of(analyst)
    assert sum(cell.clips for row in board.rows for cell in row.cells if cell.kind == "exemplar") == 167
    assert counted.count <= 6, counted.statements
