"""Finding what was said: words, phrases and Chinese, where it stands, and what narrows it."""

from tests.search.makers import Cast, a_call, a_clip, a_note, find, heard, indexed, said


async def test_a_word_is_found_where_it_was_said(cast: Cast) -> None:
    call = await a_call(cast.agent.id, ["Good morning.", "I want a refund, please.", "Refunds take a week."])
    await a_call(cast.agent.id, ["Nothing here."])
    await indexed()
    (hit,) = await find(cast.viewer("trainer"), "refund", "call")
    assert hit.call.id == call
    assert [(line.start_ms, said(line.text)) for line in hit.lines] == [
        (5_000, "I want a [refund], please."),
        (10_000, "[Refunds] take a week."),
    ]


async def test_each_kind_of_query_finds_what_people_mean(cast: Cast) -> None:
    lines = [
        "I’m afraid I don't know.", "No problem.", "Do you know the café?", "我要退款。", "退 货单,款项",
        "Say no more", "My e-mail is new.", "The number is 0049 8123.", "We have no authority here.",
        "Authority? No.",
    ]  # fmt: skip
    await a_call(cast.agent.id, lines)
    await indexed()

    async def found(typed: str) -> list[int]:
        hits = await find(cast.viewer("trainer"), typed, "call")
        return [
            lines.index(said(line.text).replace("[", "").replace("]", "")) for h in hits for line in h.lines
        ]

    assert await found("dont know") == [0]
    assert await found("CAFE") == [2]
    assert await found("no problem") == [1]
    assert (await found("no"))[:2] == [1, 5]  # a short word stands for itself: nothing with "know"
    assert await found("退") == [3, 4]
    assert await found("退款") == [3]
    assert await found("要退款") == [3]
    assert await found("款 退") == [3, 4]
    assert await found("email") == []
    assert await found("e-mail") == [6]
    assert await found("0049") == [7]
    assert await found("authority no") == [8, 9]
    assert await found('"no authority"') == [8]
    assert await found("“no auth”") == []
    assert await found("auth") == [8, 9]
    for nothing in ("", "  ", "!?", '""', "absent", "no absent", "k0call", "line*", "a OR b", "')--", '"'):
        assert await found(nothing) == [], nothing


async def test_all_kinds_are_searched(cast: Cast, rule: str) -> None:
    call = await a_call(cast.agent.id, ["The fee is five.", "Oh."], title="A fee nobody named")
    await a_clip(call, "The fee comes last", rules=[rule])
    await a_note(call, cast.agent.id, rule, "The fee came too late.")
    await indexed()
    analyst = cast.viewer("analyst")
    (call_hit,) = await find(analyst, "fee", "call")
    assert said(call_hit.title) == "A [fee] nobody named"
    (clip_hit,) = await find(analyst, "fee", "clip")
    assert (said(clip_hit.title), [said(line.text) for line in clip_hit.lines]) == (
        "The [fee] comes last",
        ["The [fee] is five."],
    )
    (rule_hit,) = await find(analyst, "fee", "rule")
    assert (rule_hit.href, said(rule_hit.title)) == ("/rules/R1", "Name every [fee]")
    (note_hit,) = await find(analyst, "fee", "note")
    assert (said(note_hit.text), note_hit.rule, note_hit.at_ms) == ("The [fee] came too late.", rule, 10_000)
    assert await heard(analyst, "came late") == []
