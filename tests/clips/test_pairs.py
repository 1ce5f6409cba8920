"""Contrast pairs: two clips of a rule in use, and the same words only where they are the same (003-10)."""

import asyncio
import re
import time
from fractions import Fraction
from uuid import UUID, uuid4

import httpx
import pytest

from tests.clips.conftest import CallMaker
from tests.clips.makers import Cast, agreed, fields
from tests.factories import a_person, viewer_for
from tests.web_fixtures import SignIn
from trainer import jobs
from trainer.clips import service as clips
from trainer.clips.arithmetic import REMOVED, Line
from trainer.clips.pairs import service
from trainer.clips.pairs.similarity import same_words, similarity, spoken_tokens
from trainer.clips.pairs.tables import ClipPair
from trainer.problems import Conflict, Forbidden, Invalid, NotFound

TEN = "I am sorry to hear that you were in hospital"


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        (TEN, TEN, Fraction(1)),
        (TEN, "  i AM sorry — to hear, that you were in hospital!! ", Fraction(1)),
        (TEN, TEN.replace("hospital", "bed"), Fraction(9, 10)),
        (TEN, TEN.replace("in hospital", "in"), Fraction(9, 10)),
        (TEN, TEN.replace("am sorry", "was glad"), Fraction(8, 10)),
        ("I'm here", "I’m here", Fraction(1)),
        ("Ｆｕｌｌ　ｗｉｄｔｈ", "full width", Fraction(1)),
        ("您住院了，我很抱歉。", "您住院了我很抱歉", Fraction(1)),
        ("您住院了我很抱歉的", "您住院了我真抱歉的", Fraction(8, 9)),
        ("您的 VIP 卡", "您的vip卡", Fraction(1)),
        (f"My card {REMOVED} please", f"My card {REMOVED} please", Fraction(1)),
        (f"My card {REMOVED} please", "My card ends there please", Fraction(3, 5)),
        ("one two three", "three two one", Fraction(1, 3)),
        ("", "", Fraction(0)),
        ("...", "…", Fraction(0)),
    ],
)
def test_how_alike_words_are(one: str, other: str, expected: Fraction):
    found = [similarity(spoken_tokens([a]), spoken_tokens([b])) for a, b in ((one, other), (other, one))]
    assert found == [expected, expected]
    assert same_words([one], [other]) == (expected >= Fraction(9, 10))


def test_lines_may_be_cut_elsewhere_and_a_long_text_takes_no_time():
    assert same_words(["I am sorry", "to hear it"], ["I am", "sorry to hear it"])
    long = [str(number) for number in range(20_000)]
    begun = time.process_time()
    assert similarity(long, long[1:]) == 1 - Fraction(1, 20_000)
    assert time.process_time() - begun < 2


def test_the_distance_is_that_of_the_textbook():
    import random

    draw = random.Random(7)

    def textbook(one: str, other: str) -> int:
        row = list(range(len(other) + 1))
        for i, a in enumerate(one, start=1):
            before, row[0] = row[0], i
            for j, b in enumerate(other, start=1):
                before, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, before + (a != b))
        return row[-1]

    for _ in range(300):
        one, other = ("".join(draw.choices("abc", k=draw.randint(1, 12))) for _ in range(2))
        assert similarity(one, other) == 1 - Fraction(textbook(one, other), max(len(one), len(other)))


async def made(cast: Cast, recording: UUID, text: str, **changes: object) -> UUID:
    """A published clip of R01 that says this."""
    trainer = cast.viewer("trainer")
    line = Line(5_000, 9_000, "agent", text)
    clip = await clips.create_clip(trainer, recording, fields(lines=(line,), cue_ms=None, **changes))
    await jobs.drain()
    if changes.get("polarity", "exemplar") != "exemplar":
        await agreed(cast, clip)
    return await clips.publish_clip(trainer, clip, review="self", privacy_checked=True)


@pytest.fixture
async def trio(cast: Cast, a_call: CallMaker, rules: dict[str, UUID], canned_sound: None) -> list[UUID]:
    """A good clip, one that says nine of its ten words, and one that says others."""
    recording = await a_call()
    return [
        await made(cast, recording, TEN, title="Warm"),
        await made(cast, recording, TEN.replace("sorry", "SAD"), title="Cold", polarity="counterexample"),
        await made(cast, recording, "What is your number", title="Off", polarity="near_miss"),
    ]


async def test_same_words_are_refused_under_nine_in_ten(cast: Cast, trio: list[UUID]):
    warm, cold, off = trio
    trainer = cast.viewer("trainer")
    with pytest.raises(Invalid) as refused:
        await service.make_pair(trainer, rule="R01", good=warm, other=off, kind="same_words")
    assert [(error.field, error.code) for error in refused.value.errors] == [("other", "words-differ")]
    pair = await service.load_pair(
        trainer, await service.make_pair(trainer, rule="R01", good=warm, other=cold, kind="same_words")
    )
    assert (pair.percent, pair.kind, pair.code) == (90, "same_words", "R01")
    await service.make_pair(trainer, rule="R01", good=warm, other=off)
    found, more = await service.visible_pairs(trainer, kind="same_words")
    assert ([each.id for each in found], more) == ([pair.id], None)
    # edited into other words, it is shown as a pair of the same words no more
    view = await clips.load_clip(trainer, cold)
    changed = fields(
        title="Cold",
        polarity="counterexample",
        cue_ms=None,
        lines=(Line(5_000, 9_000, "agent", "Never mind"),),
    )
    draft = await clips.edit_clip(trainer, cold, changed, revision=view.revision)
    await jobs.drain()
    await clips.publish_clip(trainer, draft, review="self", privacy_checked=True)
    with pytest.raises(NotFound):
        await service.load_pair(trainer, pair.id)
    of_rule = await service.pairs_of_rules([pair.rule])
    assert [each.kind for each in of_rule[pair.rule]] == ["contrast"]


async def test_wrong_pairs_are_refused_with_every_reason(cast: Cast, trio: list[UUID], a_call: CallMaker):
    warm, cold, _off = trio
    trainer = cast.viewer("trainer")
    draft = await clips.create_clip(trainer, await a_call(), fields())
    for wrong, codes in (
        ({"good": cold, "other": warm}, {("good", "polarity"), ("other", "polarity")}),
        ({"rule": "R02"}, {("good", "other-rule"), ("other", "other-rule")}),
        ({"good": draft, "other": uuid4()}, {("good", "not-published"), ("other", "not-published")}),
        ({"kind": "odd", "note": "n" * 2001}, {("kind", "unknown"), ("note", "too-long")}),
    ):
        asked = {"rule": "R01", "good": warm, "other": cold, **wrong}
        with pytest.raises(Invalid) as refused:
            await service.make_pair(trainer, **asked)  # type: ignore[arg-type]
        assert {(error.field, error.code) for error in refused.value.errors} == codes
    chinese = await made(cast, await a_call(language="zh-Hans"), "您好", polarity="near_miss")
    with pytest.raises(Invalid) as refused:
        await service.make_pair(trainer, rule="R01", good=warm, other=chinese)
    assert refused.value.errors[0].code == "language"
    for who in ("agent", "lead", "manager", "admin"):
        with pytest.raises(Forbidden):
            await service.make_pair(cast.viewer(who), rule="R01", good=warm, other=cold)


async def test_two_who_make_it_at_once_make_one(cast: Cast, trio: list[UUID]):
    warm, cold, _off = trio
    outcomes = await asyncio.gather(
        *(
            service.make_pair(cast.viewer(who), rule="R01", good=warm, other=cold)
            for who in ("trainer", "analyst", "second_trainer")
        ),
        return_exceptions=True,
    )
    pair = next(outcome for outcome in outcomes if isinstance(outcome, UUID))
    refused = [outcome for outcome in outcomes if isinstance(outcome, Conflict)]
    assert [problem.extra["pair"] for problem in refused] == [str(pair)] * 2
    assert await ClipPair.count() == 1


async def test_who_hears_and_unmakes_a_pair_and_when_it_is_gone(cast: Cast, trio: list[UUID]):
    warm, cold, off = trio
    trainer, analyst = cast.viewer("trainer"), cast.viewer("analyst")
    pair = await service.make_pair(analyst, rule="R01", good=warm, other=cold)
    mate = viewer_for(await a_person("agent", team=cast.agent.team))
    stranger = viewer_for(await a_person("agent"))
    assert (await service.load_pair(stranger, pair)).unmakes is False
    assert [each.id for each in (await service.visible_pairs(stranger))[0]] == [pair]
    # what went wrong is not played to the agent's own team, so neither is the pair
    assert (await service.visible_pairs(mate))[0] == []
    with pytest.raises(NotFound):
        await service.load_pair(mate, pair)
    with pytest.raises(Forbidden):
        await service.unmake_pair(cast.viewer("lead"), pair)
    await clips.retire_clip(trainer, warm)
    with pytest.raises(NotFound):
        await service.load_pair(trainer, pair)
    await clips.restore_clip(trainer, warm)
    await service.unmake_pair(analyst, pair)
    assert await ClipPair.count() == 0
    await service.make_pair(trainer, rule="R01", good=warm, other=off)
    await jobs.publish("clip_lost", {"clip": str(off), "rules": ["R01"]})
    await jobs.drain()
    assert await ClipPair.count() == 0


async def test_pages_and_the_api_make_and_show_pairs(
    client: httpx.AsyncClient, sign_in: SignIn, cast: Cast, trio: list[UUID]
):
    warm, cold, off = map(str, trio)
    await sign_in(client, cast.trainer)
    assert "No pairs here" in (await client.get("/clips/pairs")).text
    choose = (await client.get(f"/clips/pairs/new?rule=R01&good={warm}")).text
    assert choose.count("data-clip-player") == 3
    assert "90 of 100 words" in choose
    form = {"rule": "R01", "good": warm, "other": off, "kind": "same_words", "note": "<b>Hear</b> the pause"}
    refused = await client.post("/clips/pairs/new", data=form)
    assert (refused.status_code, "shares at least 90, said differently" in refused.text) == (422, True)
    assert "&lt;b&gt;Hear" in refused.text
    assert re.search(f'value="{off}" checked', refused.text)
    assert (await client.post("/clips/pairs/new", data={"rule": "R01"})).status_code == 422
    made = await client.post("/clips/pairs/new", data={**form, "other": cold})
    here = made.headers["location"]
    again = await client.post("/clips/pairs/new", data={**form, "other": cold})
    assert again.headers["location"] == here
    shown = (await client.get(here)).text
    assert shown.count("data-clip-player") == 2
    assert "90 of 100" in shown
    assert here in (await client.get("/clips/pairs?kind=same_words&rule=R01")).text
    assert here not in (await client.get("/clips/pairs?kind=contrast")).text
    api = "/api/v1/pairs"
    exists = await client.post(api, json={"rule": "R01", "good": warm, "other": cold})
    assert (exists.status_code, exists.json()["pair"]) == (409, here.rpartition("/")[2])
    differ = await client.post(api, json={"rule": "R01", "good": warm, "other": off, "kind": "same_words"})
    assert (differ.status_code, differ.json()["errors"][0]["code"]) == (422, "words-differ")
    assert (await client.post(api, json={"rule": "R01", "good": "odd", "other": off})).status_code == 422
    second = await client.post(api, json={"rule": "R01", "good": warm, "other": off})
    assert (second.status_code, second.json()["similarity"] < 0.5) == (201, True)
    page = (await client.get(f"{api}?limit=1")).json()
    rest = (await client.get(f"{api}?cursor={page['next_cursor']}")).json()
    assert [item["kind"] for item in page["items"] + rest["items"]] == ["contrast", "same_words"]
    assert (await client.get(second.headers["location"])).json()["other"] == off
    assert (await client.delete(second.headers["location"])).status_code == 204
    assert (await client.post(f"{here}/delete")).status_code == 303
    assert (await client.get(here)).status_code == 404
