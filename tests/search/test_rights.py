"""Who finds what: words only by those who may read them where they are kept, and no count betrays the others."""

import pytest

from tests.search.makers import Cast, a_call, a_clip, a_note, find, heard, indexed
from trainer import db
from trainer.calls.reading import load_for_hearing
from trainer.clips.keeping.queries import set_credit
from trainer.clips.reading import visible_clips
from trainer.clips.tables import ClipConsent
from trainer.problems import Problem
from trainer.quality.service import visible_evaluations
from trainer.rulebook.programmes import name_members
from trainer.search import service

EVERYBODY = ("trainer", "analyst", "lead", "other_lead", "manager", "admin", "agent", "mate", "other_agent")


async def counted(cast: Cast, who: str, typed: str = "plimsoll") -> dict[str, int]:
    """What the tabs tell somebody."""
    found = await service.search(cast.viewer(who), service.Wanted(typed))
    return {each.kind: each.count for each in found if each.count}


async def test_lines_are_found_by_those_who_may_hear_the_call(cast: Cast, rule: str) -> None:
    released = await a_call(cast.agent.id, ["The plimsoll line."])
    await a_call(cast.mate.id, ["Another plimsoll."])
    await a_note(released, cast.agent.id, rule, "Fine.")
    await indexed()
    finds = {who: len(await heard(cast.viewer(who), "plimsoll")) for who in EVERYBODY}
    assert finds == {
        "trainer": 2, "analyst": 2, "lead": 2, "other_lead": 0, "manager": 0, "admin": 0, "agent": 1, "mate": 0,
        "other_agent": 0,
    }  # fmt: skip
    for who in EVERYBODY:
        # the one question that the call's page asks
        try:
            may = bool(await load_for_hearing(cast.viewer(who), released))
        except Problem:
            may = False
        found = [hit.call.id for hit in await find(cast.viewer(who), "plimsoll", "call")]
        assert (released in found) == may, who
        assert (await counted(cast, who)).get("call", 0) == len(found), who


async def test_an_admin_finds_titles_and_no_words(cast: Cast) -> None:
    await a_call(cast.agent.id, ["The plimsoll line."], title="Plimsoll and keel")
    await indexed()
    (hit,) = await find(cast.viewer("admin"), "plimsoll", "call")
    assert (hit.lines, hit.more) == ([], 0)
    assert await find(cast.viewer("admin"), "plimsoll line", "call") == []
    assert await find(cast.viewer("mate"), "plimsoll", "call") == []


async def test_programmes_bound_what_trainers_find(cast: Cast, rule: str) -> None:
    from trainer.rulebook.tables import Rulebook

    book = await Rulebook.select(Rulebook.id).first()
    assert book is not None
    await a_call(cast.agent.id, ["The plimsoll line."], rulebook=book["id"])
    await name_members(cast.viewer("admin"), "test", [cast.analyst.id])
    await indexed()
    assert await heard(cast.viewer("trainer"), "plimsoll") == []
    assert len(await heard(cast.viewer("analyst"), "plimsoll")) == 1


@pytest.mark.parametrize(
    ("polarity", "answer"), [("exemplar", ""), ("counterexample", ""), ("near_miss", "yes")]
)
async def test_clips_are_found_as_their_list_shows_them(cast: Cast, polarity: str, answer: str) -> None:
    call = await a_call(cast.agent.id, ["The plimsoll line."])
    clip = await a_clip(call, "Plimsoll", lines=(0, 1), polarity=polarity, about="x")
    if answer:
        await ClipConsent.insert(
            ClipConsent(
                id=db.new_id(), clip=clip, person=cast.agent.id, about="x", answer=answer, at=db.utc_now()
            )
        )
    await a_clip(call, "Plimsoll draft", lines=(0, 1), state="draft")
    await a_clip(call, "Plimsoll retired", lines=(0, 1), state="retired")
    await a_clip(call, "Plimsoll stopped", lines=(0, 1), state="taken_down")
    await indexed()
    for who in EVERYBODY:
        listed = {
            each.id
            for each in await visible_clips(
                cast.viewer(who), states=("published", "draft", "in_review", "retired"), limit=50
            )
        }
        found = {hit.clip.id for hit in await find(cast.viewer(who), "plimsoll", "clip")}
        assert found == listed, who
        assert (await counted(cast, who)).get("clip", 0) == len(listed), who
    agreed = polarity == "exemplar" or answer == "yes"
    assert (
        clip in {hit.clip.id for hit in await find(cast.viewer("other_agent"), "plimsoll", "clip")}
    ) == agreed


async def test_asking_for_an_agents_clips_does_not_tell_who_is_heard(cast: Cast) -> None:
    call = await a_call(cast.agent.id, ["The plimsoll line."])
    clip = await a_clip(call, "Plimsoll", lines=(0, 1), polarity="counterexample", about="x")
    await ClipConsent.insert(
        ClipConsent(id=db.new_id(), clip=clip, person=cast.agent.id, about="x", answer="yes", at=db.utc_now())
    )
    await indexed()
    found = {
        who: len(await find(cast.viewer(who), "plimsoll", "clip", agent=cast.agent.id)) for who in EVERYBODY
    }
    # the lead sees the clip and the call, yet is shown no name beside it
    assert found == {
        "trainer": 1, "analyst": 1, "lead": 0, "other_lead": 0, "manager": 0, "admin": 0, "agent": 1, "mate": 0,
        "other_agent": 0,
    }  # fmt: skip
    assert len(await find(cast.viewer("other_agent"), "plimsoll", "clip")) == 1


async def test_asking_for_an_agents_good_clips_finds_those_that_name_them(cast: Cast) -> None:
    call = await a_call(cast.agent.id, ["The plimsoll line."])
    clip = await a_clip(call, "Plimsoll", lines=(0, 1))
    await indexed()

    async def found_by() -> set[str]:
        return {
            who for who in EVERYBODY if await find(cast.viewer(who), "plimsoll", "clip", agent=cast.agent.id)
        }

    assert await found_by() == {"trainer", "analyst", "agent"}
    await set_credit(clip, cast.agent.id, True, db.utc_now())
    assert await found_by() == set(EVERYBODY)


async def test_notes_are_found_by_those_who_read_the_evaluation(cast: Cast, rule: str) -> None:
    call = await a_call(cast.agent.id, ["Hello."])
    await a_note(call, cast.agent.id, rule, "Plimsoll unsaid.")
    other = await a_call(cast.mate.id, ["Hello."])
    await a_note(other, cast.mate.id, rule, "A plimsoll draft.", state="draft", evaluated_by=cast.analyst.id)
    await indexed()
    finds = {who: len(await find(cast.viewer(who), "plimsoll", "note")) for who in EVERYBODY}
    assert finds == {
        "trainer": 0, "analyst": 1, "lead": 1, "other_lead": 0, "manager": 0, "admin": 0, "agent": 1, "mate": 0,
        "other_agent": 0,
    }  # fmt: skip
    for who in EVERYBODY:
        listed = [each for each in await visible_evaluations(cast.viewer(who)) if each.state == "released"]
        assert len(listed) == finds[who], who


async def test_drafts_of_rules_are_found_by_those_who_see_them(cast: Cast, rule: str) -> None:
    from trainer.rulebook.drafting import edit_rule

    await edit_rule(cast.viewer("trainer"), rule, {"statement": {"en": "Say the plimsoll fee."}})
    await indexed()
    finds = {who for who in EVERYBODY if await find(cast.viewer(who), "plimsoll", "rule")}
    assert finds == {"trainer", "analyst", "lead", "other_lead", "admin"}


async def test_a_token_finds_what_its_scopes_reach(cast: Cast) -> None:
    from dataclasses import replace

    await a_call(cast.agent.id, ["The plimsoll line."], title="Plimsoll")
    await indexed()
    narrow = replace(cast.viewer("trainer"), session=None, scopes=frozenset({"clips:read"}))
    assert service.kinds_for(narrow) == ["clip", "playlist", "pair"]
    assert await find(narrow, "plimsoll", "call") == []


async def test_outcomes_are_asked_for_by_those_who_read_single_evaluations(cast: Cast, rule: str) -> None:
    call = await a_call(cast.agent.id, ["The plimsoll line."])
    await a_note(call, cast.agent.id, rule, "Fine.", outcome="not_met")
    await indexed()
    finds = {who: len(await heard(cast.viewer(who), "plimsoll", outcome="not_met")) for who in EVERYBODY}
    assert finds == {
        "trainer": 0, "analyst": 1, "lead": 1, "other_lead": 0, "manager": 0, "admin": 0, "agent": 1, "mate": 0,
        "other_agent": 0,
    }  # fmt: skip
    assert await heard(cast.viewer("analyst"), "plimsoll", outcome="met") == []
