"""Words of one question in several lines of a call: what is found, in which order, and with which lines."""

import pytest

from tests.search.makers import Cast, a_call, a_clip, a_note, find, heard, indexed, said
from trainer import db
from trainer.search import finding_calls, service
from trainer.search.hits import After
from trainer.search.nearness import Held, nearest

PAD = ["Well."] * 6


async def test_words_of_several_lines_find_a_call_the_nearest_first(cast: Cast) -> None:
    far = ["I want a refund.", *PAD, "The plimsoll broke."]
    calls = {
        "line": await a_call(cast.agent.id, ["Hello.", "A refund for this plimsoll."], title="One"),
        "far": await a_call(cast.agent.id, far, title="Far"),
        "near": await a_call(cast.agent.id, ["Refunds?", *PAD, "A refund.", "Which?", "My plimsoll."], title="Near"),
        "title": await a_call(cast.agent.id, ["A refund please."], title="Plimsolls"),
    }  # fmt: skip
    await a_call(cast.agent.id, ["A refund."], title="Only one of them")
    await indexed()
    trainer = cast.viewer("trainer")
    hits = await find(trainer, "refund plimsoll", "call")
    assert [(hit.call.id, hit.within) for hit in hits][:2] == [
        (calls["line"], "line"),
        (calls["near"], "neighbours"),
    ]
    assert {(hit.call.id, hit.within) for hit in hits[2:]} == {
        (calls["far"], "call"),
        (calls["title"], "call"),
    }
    assert [[said(line.text) for line in hit.lines] for hit in hits[:2]] == [
        ["A [refund] for this [plimsoll]."],
        ["A [refund].", "My [plimsoll]."],  # not the first refund, which is further away
    ]
    shown = {hit.call.id: hit for hit in hits}
    assert [line.start_ms for line in shown[calls["far"]].lines] == [0, 35_000]
    assert said(shown[calls["title"]].title) == "[Plimsolls]"
    found = await service.find(trainer, service.Wanted("refund plimsoll"), "call")
    assert (found.count, found.many) == (4, False)
    assert await heard(trainer, "refund absent") == []
    # quotes keep words in one line
    assert await heard(trainer, '"refund my plimsoll"') == []
    assert len(await find(trainer, '"a refund" plimsoll', "call")) == 4


async def test_characters_in_several_lines_find_a_call(cast: Cast) -> None:
    await a_call(cast.agent.id, ["我要退货。", "好。", "今天能退款吗?"], language="zh-Hans")
    await indexed()
    (hit,) = await find(cast.viewer("trainer"), "退款 要退货", "call")
    assert (hit.within, [said(line.text) for line in hit.lines]) == (
        "neighbours",
        ["我[要退货]。", "今天能[退款]吗?"],
    )
    # four characters that stand together stand in one line
    assert await find(cast.viewer("trainer"), "退货退款", "call") == []
    assert await find(cast.viewer("trainer"), "要退货好 退款", "call") == []


async def test_a_minus_leaves_out_whatever_has_the_word(cast: Cast, rule: str) -> None:
    kept = await a_call(cast.agent.id, ["A plimsoll.", "Fine."])
    other = await a_call(cast.agent.id, ["A plimsoll.", *PAD, "Send it back, no authority."])
    clips = [await a_clip(kept, "Plimsoll", lines=(0, 1)), await a_clip(other, "Plimsoll back", lines=(0, 1))]
    await a_note(kept, cast.agent.id, rule, "Plimsoll said.")
    await a_note(other, cast.agent.id, rule, "Plimsoll kept back.")
    await indexed()
    analyst = cast.viewer("analyst")
    for typed in (
        "plimsoll -back",
        'plimsoll -"no authority"',
        "plimsoll －back",
        "plimsoll -absent -back -x",
    ):
        assert [hit.call.id for hit in await find(analyst, typed, "call")] == [kept], typed
    assert len(await find(analyst, 'plimsoll -"authority no"', "call")) == 2
    assert [hit.clip.id for hit in await find(analyst, "plimsoll -back", "clip")] == clips[:1]
    assert [said(hit.text) for hit in await find(analyst, "plimsoll -back", "note")] == ["[Plimsoll] said."]
    assert await find(analyst, "fee -say", "rule") == []
    assert len(await find(analyst, "fee -back", "rule")) == 1
    assert len(await find(analyst, "plimsoll - back", "call")) == 1  # a dash by itself is nothing
    for nothing in ("-plimsoll", "- -", '-"a b" -c', "--"):
        assert await find(analyst, nothing, "call") == [], nothing


async def test_what_is_left_out_tells_nobody_of_words_that_they_may_not_read(cast: Cast) -> None:
    await a_call(cast.agent.id, ["A secret."], title="Plimsoll")
    await indexed()
    # an admin reads titles alone: the same is found whatever is said in the call
    assert len(await find(cast.viewer("admin"), "plimsoll -secret", "call")) == 1
    assert len(await find(cast.viewer("admin"), "plimsoll -absent", "call")) == 1
    assert await find(cast.viewer("admin"), "plimsoll -plimsoll", "call") == []
    assert await find(cast.viewer("admin"), "plimsoll secret", "call") == []
    assert await find(cast.viewer("trainer"), "plimsoll -secret", "call") == []
    assert len(await find(cast.viewer("trainer"), "plimsoll secret", "call")) == 1


async def test_lines_of_several_calls_go_on_without_gaps_or_repeats(
    cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    near, far = ["A keel.", "A mast."], ["A keel.", *PAD, "A mast."]
    for number in range(4):
        await a_call(cast.agent.id, ["Keel and mast."], title=f"line {number}")
        await a_call(cast.agent.id, far, title=f"far {number}")
        await a_call(cast.agent.id, near, title=f"near {number}")
    await indexed()
    every = 12
    for ranked in (100, 3):
        monkeypatch.setattr(finding_calls, "RANKED", ranked)
        for limit in (1, 2, 4, 5):
            titles: list[str] = []
            after: After | None = None
            for _page in range(every + 6):
                found = await service.find(
                    cast.viewer("trainer"), service.Wanted("keel mast"), "call", limit=limit, after=after
                )
                if after is None:
                    assert (found.count, found.many) == (every, False)
                titles += [hit.call.title for hit in found.hits]  # type: ignore[union-attr]
                after = found.after
                if after is None:
                    break
            assert len(titles) == len(set(titles)) == every, (ranked, limit, titles)
            kinds = [title.split()[0] for title in titles]
            assert kinds[:4] == ["line"] * 4
            if ranked == 100:
                assert kinds[4:] == ["near"] * 4 + ["far"] * 4


async def test_a_call_of_very_many_words_is_found_by_its_lines(
    cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    from trainer.search import index

    monkeypatch.setattr(index, "MOST_BYTES", 100)
    await a_call(cast.agent.id, ["keel mast", *[f"word{n}" for n in range(40)], "anchor rope"])
    await indexed()
    assert db.is_open()
    assert len(await find(cast.viewer("trainer"), "anchor rope", "call")) == 1
    assert await find(cast.viewer("trainer"), "keel rope", "call") == []


def test_the_closest_lines_that_hold_everything() -> None:
    from uuid import UUID

    def lines(*held: tuple[int, int]) -> list[Held]:
        return [Held(UUID(int=at), at, bits) for at, bits in held]

    def chosen(*held: tuple[int, int], parts: int = 2) -> tuple[list[int], str]:
        found = nearest(lines(*held), parts)
        return [segment.int for segment in found.segments], found.within

    assert chosen((0, 1), (7, 1), (9, 2), (30, 1)) == ([7, 9], "neighbours")
    assert chosen((0, 1), (3, 2)) == ([0, 3], "neighbours")
    assert chosen((0, 1), (4, 2)) == ([0, 4], "call")
    assert chosen((0, 1), (1, 2), (2, 1)) == ([0, 1], "neighbours")  # the earliest of equals
    assert chosen((0, 1), (1, 2), (2, 3 | 4), parts=3) == ([2], "neighbours")
    assert chosen((5, 1)) == ([5], "call")  # the other one stands in the title
