"""Phrase hints (003-15): hated words, with the time and a better way. They never count in a score."""

from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest
from litestar import Litestar

from tests.factories import STARTER_RULEBOOK, a_person, a_rulebook, a_viewer
from tests.quality.makers import ALL_MET, a_book, a_call, a_release
from trainer import db
from trainer.calls.tables import Recording, Segment
from trainer.problems import Forbidden, Invalid, PreconditionFailed
from trainer.rulebook import phrases, service
from trainer.rulebook.phrases import BetterClip, hints_for


@dataclass
class Line:
    text: str
    speaker: str = "agent"
    position: int = 0
    start_ms: int = 10_000
    end_ms: int = 20_000
    words: list[tuple[int, int, str]] = field(default_factory=list)


async def said(*texts: str, language: str = "en", **line: Any) -> list[list[str]]:
    """The phrases that are hinted at in each of these lines."""
    return [
        [hint.phrase for hint in await hints_for([Line(text, **line)], language=language)] for text in texts
    ]


async def test_the_starter_phrases_find_hated_words_and_nothing_else(database: str) -> None:
    await a_rulebook()
    assert await said(
        "I have no authority to do that, it’s the Company Rule.",
        "I don't have permission for this.",
        "No.", "No, that is not possible.", "No problem at all.", "There is no fee.", "I know.",
        "Sorry.", "Sorry, I cannot.", "I'm sorry you waited a week.", "Well, I'm sorry.",
        "Nothing I can do - sorry!",
        "Good morning.",
    ) == [
        ["I have no authority", "Company Rule"],
        ["I don't have permission"],
        ["No"], ["No"], [], [], [],
        ["Sorry"], ["Sorry"], [], ["I'm sorry"],
        ["Nothing I can do"],
        [],
    ]  # fmt: skip
    assert await said(
        "我没有权限，这是公司规定。", "不行。", "行不行都可以", "对不起！", language="zh-Hans"
    ) == [
        ["我没有权限", "公司规定"],
        ["不行"],
        [],
        ["对不起"],
    ]
    # a caller may say what they like, and each language has its own
    assert await said("No.", speaker="caller") == [[]]
    assert await said("No.", language="zh-Hans") == [[]]
    assert await said("No.", language="en-GB", speaker="") == [["No"]]


async def test_a_hint_has_its_second_and_a_better_way(database: str) -> None:
    await a_rulebook()
    words = [
        (10_000, 11_000, "It"),
        (11_500, 12_000, "is"),
        (13_000, 14_000, "company"),
        (14_000, 15_500, "policy."),
    ]
    (timed,) = await hints_for([Line("It is company policy.", words=words, position=7)])
    assert (timed.position, timed.start_ms, timed.end_ms, timed.place) == (7, 13_000, 15_500, (6, 20))
    assert (timed.rule, timed.rule_title, timed.clip) == ("R06", "Care where authority ends", None)
    assert "what we can do instead" in timed.words
    (guessed,) = await hints_for([Line("It is company policy.")])
    assert (guessed.start_ms, guessed.end_ms) == (10_000 + 10_000 * 6 // 21, 10_000 + 10_000 * 20 // 21)


async def test_each_starter_phrase_has_a_rule_and_a_better_way_in_both_languages(database: str) -> None:
    await a_rulebook()
    found = await phrases.phrases()
    assert {phrase.language for phrase in found} == {"en", "zh-Hans"}
    for phrase in found:
        assert phrase.rule_title, phrase.code
        assert {"en", "zh-Hans"} <= phrase.better.keys(), phrase.code


async def test_the_clip_to_hear_is_one_that_the_reader_may_hear(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    await a_rulebook()
    viewer, asked = await a_viewer("agent"), []
    clip = BetterClip(db.new_id(), "Care", "/clips/x")

    async def voice(who: Any, rules: Any, language: str) -> dict[Any, BetterClip]:
        asked.append((who, language))
        return {rules[0]: clip}

    monkeypatch.setitem(phrases.voices, "clips", voice)
    hints = await hints_for([Line("Company rule."), Line("No.")], viewer=viewer)
    assert [hint.clip for hint in hints] == [clip, None]
    assert asked == [(viewer, "en")]


async def test_a_book_of_another_programme_hints_at_its_own(database: str) -> None:
    await a_rulebook()
    await a_book("other")
    trainer = await a_viewer("trainer")
    await phrases.add_phrase(
        trainer, {"said": ["whatever"], "better": {"en": "Tell me more."}, "language": "en"}, book="other"
    )
    books = {phrase.rulebook_code: phrase.rulebook for phrase in await phrases.phrases()}
    lines = [Line("Whatever. No.")]
    assert [hint.phrase for hint in await hints_for(lines, rulebook=books["other"])] == ["Whatever"]
    assert [hint.phrase for hint in await hints_for(lines, rulebook=books["starter"])] == ["No"]
    assert [hint.phrase for hint in await hints_for(lines)] == ["Whatever", "No"]


async def test_hints_never_touch_a_score(database: str) -> None:
    """The same marks on the same call count the same, whether each line is hated or none is."""
    await a_book()
    trainer, analyst = await a_viewer("trainer"), await a_viewer("qa_analyst")
    agent = await a_person("agent")
    kind, hated = await a_call(agent.id), await a_call(agent.id)
    await phrases.add_phrase(trainer, {"said": ["no way"], "better": {"en": "Here is a way."}, "rule": "F1"})
    await Segment.update({Segment.text: "No way."}).where(Segment.recording == hated)
    lines = await Segment.select().where(Segment.recording == hated)
    assert lines
    scores = []
    for call in (kind, hated):
        released = await a_release(analyst, call, ALL_MET)
        scores.append((released.score, released.fatal_missed, released.non_fatal_missed))
    assert scores == [(10_000, 0, 0)] * 2
    assert await Recording.count() == 2


async def test_who_writes_phrases(database: str) -> None:
    await a_rulebook()
    fields = {"said": ["whatever"], "better": {"en": "Tell me more."}}
    for role in ("agent", "team_lead", "manager", "admin"):
        viewer = await a_viewer(role)
        with pytest.raises(Forbidden):
            await phrases.add_phrase(viewer, fields)
        (first, *_others) = await phrases.phrases()
        with pytest.raises(Forbidden):
            await phrases.edit_phrase(viewer, first.id, fields, expected=1)
        with pytest.raises(Forbidden):
            await phrases.remove_phrase(viewer, first.id)
    trainer = await a_viewer("trainer")
    made = await phrases.add_phrase(trainer, fields)
    await phrases.edit_phrase(trainer, made, {"alone": True}, expected=1)
    with pytest.raises(PreconditionFailed):
        await phrases.edit_phrase(trainer, made, {"said": ["meanwhile"]}, expected=1)
    assert (await phrases.get_phrase(made)).said == ("whatever",)
    await phrases.remove_phrase(await a_viewer("qa_analyst"), made)
    assert made not in [phrase.id for phrase in await phrases.phrases()]


async def test_what_cannot_be_a_phrase(database: str) -> None:
    await a_rulebook()
    trainer = await a_viewer("trainer")
    changes: list[dict[str, Any]] = [
        {"said": []}, {"said": ["?!"]}, {"said": ["x" * 81]}, {"better": {}}, {"better": {"en": "x" * 501}},
        {"language": "tlh"}, {"rule": "R99"}, {"code": "no-authority"},
    ]  # fmt: skip
    for change in changes:
        fields = {"said": ["whatever"], "better": {"en": "Tell me more."}, **change}
        with pytest.raises(Invalid) as refusal:
            await phrases.add_phrase(trainer, fields)
        assert [error.field for error in refusal.value.errors][:1] == list(change), change


async def test_a_second_import_changes_nothing_and_an_edit_of_ours_is_overwritten_by_name_only(
    database: str,
) -> None:
    await a_rulebook()
    trainer = await a_viewer("trainer")
    own = await phrases.add_phrase(trainer, {"said": ["whatever"], "better": {"en": "Tell me more."}})
    before = await phrases.phrases()
    await service.import_rulebook(STARTER_RULEBOOK)
    assert await phrases.phrases() == before
    assert own in [phrase.id for phrase in before]


async def test_the_page_and_the_api(
    app: Litestar, client: httpx.AsyncClient, sign_in: Any, use_token: Any
) -> None:
    await a_rulebook()
    trainer = await a_person("trainer")
    await sign_in(client, await a_person("agent"))
    page = (await client.get("/rules/phrases")).text
    assert "I have no authority" in page
    assert "Add a phrase" not in page
    assert (await client.post("/rules/phrases", data={"said": "x"})).status_code == 403
    await sign_in(client, trainer)
    form = {"said": "whatever <b>\nmeh", "language": "en", "better-en": "Tell me <i>more</i>.", "rule": "R09"}
    assert (await client.post("/rules/phrases", data=form)).status_code == 303
    page = (await client.get("/rules/phrases")).text
    assert "whatever &lt;b&gt;" in page
    assert "<i>more" not in page
    wrong = await client.post("/rules/phrases", data={**form, "said": "", "better-en": "still here"})
    assert (wrong.status_code, "still here" in wrong.text) == (422, True)
    made = next(phrase for phrase in await phrases.phrases() if phrase.said[0].startswith("whatever"))
    assert "meh" in (await client.get(f"/rules/phrases?edit={made.id}")).text
    saved = await client.post(f"/rules/phrases/{made.id}", data={**form, "alone": "1", "revision": "1"})
    assert saved.status_code == 303
    assert (await phrases.get_phrase(made.id)).alone
    stale = await client.post(f"/rules/phrases/{made.id}", data={**form, "revision": "1"})
    assert stale.status_code == 412
    assert (await client.post(f"/rules/phrases/{made.id}/remove")).status_code == 303

    client.cookies.clear()
    await use_token(client, trainer, "rules:write")
    body = {"said": ["as if"], "better": {"en": "I see."}, "rule": "R01"}
    answer = await client.post("/api/v1/phrases", json=body)
    assert (answer.status_code, answer.json()["rule"]) == (201, "R01")
    place, tag = answer.headers["Location"], answer.headers["ETag"]
    changed = await client.patch(place, json={"alone": True}, headers={"If-Match": tag})
    assert (changed.status_code, changed.json()["alone"], changed.json()["said"]) == (200, True, ["as if"])
    assert (await client.patch(place, json={"alone": True}, headers={"If-Match": tag})).status_code == 412
    assert len((await client.get("/api/v1/phrases")).json()["items"]) == len(await phrases.phrases())
    assert (await client.delete(place)).status_code == 204
    assert (await client.get(place)).status_code == 404
