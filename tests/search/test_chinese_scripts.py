"""Simplified Chinese finds traditional and the reverse, and what is marked is what is written."""

from tests.search.makers import Cast, a_call, find, heard, indexed
from trainer.words import units


async def test_either_script_finds_the_other(cast: Cast) -> None:
    said = ["這裡是呼叫中心,您好。", "通話已經轉接。", "我没有权限。", "我在台北等著。"]
    await a_call(cast.agent.id, said)
    await indexed()
    for typed, marked in (
        ("呼叫中心", "這裡是[呼叫中心],您好。"),
        ("这里", "[這裡]是呼叫中心,您好。"),
        ("這裏", "[這裡]是呼叫中心,您好。"),
        ("通话", "[通話]已經轉接。"),
        ("通話", "[通話]已經轉接。"),
        ("转接", "通話已經[轉接]。"),
        ("權限", "我没有[权限]。"),
        ("权限", "我没有[权限]。"),
        ("權", "我没有[权]限。"),
        ("臺北", "我在[台北]等著。"),
        ("等着", "我在台北[等著]。"),
        ('"台北等着"', "我在[台北等著]。"),
    ):
        assert await heard(cast.viewer("trainer"), typed) == [marked], typed
    assert await find(cast.viewer("trainer"), "通話 -权限", "call") == []
    # in different lines of the call, each in its own script
    assert await heard(cast.viewer("trainer"), "转接 沒有") == ["通話已經[轉接]。", "我[没有]权限。"]


def test_folding_is_one_for_one() -> None:
    text = "呼叫中心有通話,裡面著臺𠮷 e-mail 話ＡＢ㈱"
    for unit in units(text):
        assert 0 <= unit.start < unit.end <= len(text)
    han = [unit for unit in units(text) if unit.end - unit.start == 1 and ord(unit.word[0]) > 0x3000]
    assert [unit.word for unit in han] == [*"呼叫中心有通话里面着台𠮷话", "株"]
    # every character of the two blocks that people write stays one
    for code in range(0x3400, 0xA000):
        for unit in units(chr(code)):
            assert (len(unit.word), unit.start, unit.end) == (1, 0, 1), hex(code)
