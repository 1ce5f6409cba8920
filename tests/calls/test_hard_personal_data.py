"""Personal data as it is really said and typed, and what only looks like it: a table of hard cases.

Each case is the lines of a call. `X` marks what must be suggested in full (a part of a longer suggestion counts).
"""

from datetime import date

import pytest

from tests.calls.test_personal_data import said
from trainer.calls.personal_data import find

TODAY = date(2026, 11, 23)

# (kinds it may be taken for, what has to be hidden, lines)
HIDDEN: list[tuple[str, str, tuple[str, ...]]] = [
    # cards
    ("card", "4111", ("caller: 4111", "agent: 4111.", "caller: 2222", "agent: 2222", "caller: 3333 4444")),
    (
        "card",
        "double four",
        ("caller: it's double four one two, three four five six, seven eight nine oh, one two",),
    ),
    (
        "card",
        "oh one two three",
        ("caller: five five oh oh, oh one two three, four five six seven, eight nine oh oh",),
    ),
    (
        "card",
        "nine nine oh oh",
        ("caller: nine nine oh oh", "agent: yes", "caller: one two three four five six seven eight"),
    ),
    ("card", "５５００", ("我的卡是５５００　１２３４　５６７８　９０１２",)),
    (
        "card",
        "六二二二",
        ("caller: 六二二二 零二零零", "agent: 嗯，请继续", "caller: 一二三四 五六七八 九零一"),
    ),
    ("card", "幺幺二二", ("caller: 卡号六二幺幺，幺幺二二，三三四四，五五六六",)),
    ("card", "4111-1111", ("it is 4111-1111 then 1111-1111",)),
    ("card", "5500", ("caller: fifty-five hundred, 5500, 1234 and five six seven eight",)),
    (
        "card",
        "twelve",
        ("caller: forty-one eleven twenty-two thirty-three forty-four fifty-five and twelve",),
    ),
    ("card", "4929", ("caller: The card is 4929, sorry, let me start over, 4929 1234 5678 9012",)),
    (
        "card code number",
        "9012",
        ("agent: long number please", "caller: 4929 1234", "agent: uh-huh", "caller: 5678 9012"),
    ),
    ("card number", "x", ("身份证号码是110105 19491231 002x",)),
    ("number", "AB 12 34 56 C", ("my national insurance number is AB 12 34 56 C",)),
    ("card", "GB29", ("the IBAN is GB29 NWBK 6016 1331 9268 19",)),
    # codes
    ("code", "one two three", ("caller: The CVV is one two three",)),
    ("code", "one two three", ("agent: and the three digits on the back?", "caller: sure, one two three")),
    ("code", "seven oh two", ("the security code on it is seven oh two",)),
    ("code", "7 0 2", ("cvc: 7 0 2",)),
    ("code", "零二七", ("背面三位数是零二七",)),
    ("code", "幺二三", ("caller: CVV码幺二三",)),
    ("code", "９８７", ("安全码：９８７",)),
    ("code", "48 29 13", ("The code they texted me is 48 29 13",)),
    ("code", "四八二九一三", ("短信验证码是四八二九一三",)),
    ("code", "oh four twenty eight", ("it expires oh four twenty eight",)),
    # telephones
    ("phone", "138 0013 8000", ("电话138 0013 8000",)),
    ("phone", "138-0013-8000", ("您打138-0013-8000就行",)),
    ("phone", "一三八 零零一三 八零零零", ("我手机一三八 零零一三 八零零零",)),
    ("phone", "幺三八零零幺三八零零零", ("打我手机，幺三八零零幺三八零零零",)),
    ("phone card", "86 138 0013 8000", ("call +86 138 0013 8000",)),
    ("phone card", "44 (0) 20 7946 0958", ("ring +44 (0) 20 7946 0958",)),
    ("phone card", "44 (0)7700 900123", ("caller: it is +44 (0)7700 900123",)),
    (
        "phone",
        "double oh nine double oh",
        ("caller: oh double seven double oh nine double oh one two three",),
    ),
    ("phone number", "0912-345-678", ("我的手機是0912-345-678",)),
    ("phone", "555 0142", ("agent: best number for you?", "caller: 555 0142")),
    ("phone", "415 555 0142", ("caller: 415 555 0142 is my cell",)),
    ("phone", "010-8888 6666", ("座机是010-8888 6666",)),
    ("phone", "seven hundred nine hundred", ("seven seven hundred nine hundred one two three is my mobile",)),
    # e-mail
    ("email", "jane at example dot com", ("it's jane at example dot com",)),
    (
        "email",
        "j dot doe 42 at mail dot example dot org",
        ("caller: j dot doe 42 at mail dot example dot org",),
    ),
    ("email", "jane", ("caller: that's jane", "caller: at example dot com")),
    ("email", "ＪＡＮＥ＠ＥＸＡＭＰＬＥ．ＣＯＭ", ("ＪＡＮＥ＠ＥＸＡＭＰＬＥ．ＣＯＭ",)),
    ("email", "wang underscore li at 163 dot com", ("wang underscore li at 163 dot com",)),
    ("email", "12345678 at qq dot com", ("caller: 12345678 at qq dot com",)),
    ("email", "jane@example.com", ("邮箱jane@example.com谢谢",)),
    ("email", "jane艾特qq点com", ("我的邮箱jane艾特qq点com",)),
    ("email", "jane hyphen doe at example dot co dot uk", ("jane hyphen doe at example dot co dot uk",)),
    ("email", "a b c 一二三 at 一六三点com", ("我的邮箱是 a b c 一二三 at 一六三点com",)),
    # dates of birth
    ("birth_date", "third of March nineteen eighty-five", ("DOB: the third of March nineteen eighty-five",)),
    (
        "birth_date",
        "May the fourth, nineteen seventy seven",
        ("I was born May the fourth, nineteen seventy seven",),
    ),
    (
        "birth_date",
        "twelfth of the third, eighty five",
        ("agent: date of birth?", "caller: twelfth of the third, eighty five"),
    ),
    ("birth_date", "04.05.1977", ("caller: born on 04.05.1977 in Leeds",)),
    ("birth_date", "七七年五月四号", ("我是七七年五月四号生的",)),
    ("birth_date", "1977年5月4日", ("出生日期1977年5月4日",)),
    ("birth_date number", "19770504", ("生日是19770504",)),
    ("birth_date", "2 February 2001", ("agent: And your birthday?", "caller: 2 February 2001")),
    # names
    ("name", "Zelda Quarmby", ("agent: Can I take your name please?", "caller: Zelda Quarmby")),
    ("name", "zelda quarmby", ("caller: my name is zelda quarmby",)),
    ("name", "Zelda", ("caller: Hi, this is Zelda from flat two",)),
    ("name", "Q U A R M B Y", ("surname is Q U A R M B Y",)),
    ("name", "欧阳若曦", ("caller: 你好，我叫欧阳若曦。",)),
    ("name", "王", ("agent: 请问怎么称呼？", "caller: 我姓王")),
    ("name", "陈大文", ("agent: 陈大文先生，您好",)),
    # addresses
    ("address", "14 Elm Grove, Leeds", ("send it to 14 Elm Grove, Leeds",)),
    ("address", "fourteen elm grove", ("caller: my address is fourteen elm grove in leeds",)),
    ("address", "LS6 2AB", ("caller: LS6 2AB",)),
    ("number", "L S six two A B", ("agent: postcode?", "caller: L S six two A B")),
    ("address", "上海市徐汇区漕溪北路398号", ("寄到上海市徐汇区漕溪北路398号吧",)),
    ("address", "三单元五零二", ("我住幸福小区十二号楼三单元五零二",)),
    ("address", "中山路一百二十号", ("地址中山路一百二十号",)),
    ("address", "100020", ("邮编是100020",)),
    ("number", "A B one two C D E", ("the plate is A B one two C D E",)),
    ("name", "zelda quarmby", ("agent: can I take your name please?", "caller: zelda quarmby")),
    ("address", "1600 Pennsylvania Avenue", ("1600 Pennsylvania Avenue, Washington",)),
]

# nobody is told by these
PLAIN: list[tuple[str, ...]] = [
    ("one two three testing",),
    ("agent: testing, one two three, can you hear me?",),
    ("order 48213390 is on its way",),
    ("caller: my order number is four eight two one, three three nine oh",),
    ("agent: The reference number is 77 120 993",),
    ("your ticket is 20261123 042",),
    ("it is 49.99 a month, 599.88 a year",),
    ("nineteen ninety nine a month",),
    ("that is 1,299 pounds 50",),
    ("three hundred and forty five dollars and sixty cents",),
    ("we open at 8:30 and close at 17:45",),
    ("between ten thirty and twelve fifteen",),
    ("call back at two or three or four",),
    ("in 2019 and in 2024",),
    ("since nineteen eighty four",),
    ("the summer of twenty twenty three",),
    ("two to three working days, four at most",),
    ("one of them, two of them, three of them",),
    ("it is 25 degrees and 80 percent",),
    ("room 1204 on the 12th floor",),
    ("flight 1432 at gate 27",),
    ("press one, then two, then the hash key",),
    ("step one, step two, step three",),
    ("version 10.15.7 of the app",),
    ("model number 4500 2200",),
    ("the first of March is a Sunday",),
    ("delivered on 12/03/2026 at 10:15",),
    ("look at example dot com",),
    ("agent: meet us at the shop dot on the corner",),
    ("I am at home at ten",),
    ("Thank you for calling, Monday is fine",),
    ("agent: This is very good news",),
    ("The Road to Recovery is a book",),
    ("I live in hope",),
    ("the street is quiet",),
    ("订单号48213390已经发货",),
    ("一共三百四十五块六毛",),
    ("九点半到十二点",),
    ("二零二四年到二零二六年",),
    ("请按一，再按二，再按三",),
    ("一二三，喂，听得到吗",),
    ("第一步，第二步，第三步",),
    ("打八五折以后一千二百九十九元",),
    ("我的意思是这样的",),
    ("地址是对的",),
    ("三月一号发货",),
    ("先生您好，请稍等",),
    ("agent: what is your name?", "caller: hold on a second"),
    ("my name is spelled wrong on the bill",),
    ("vitamin B 12 and C 500",),
    ("百分之三十五",),
    ("我是来问一下，谢谢",),
]


def _id(case: object) -> str | None:
    return " / ".join(case) if isinstance(case, tuple) else None


def suggested(lines: tuple[str, ...]) -> list[tuple[str, str]]:
    """(kind, words) of each suggestion, the words of several lines joined by a blank."""
    spoken = said(*lines)
    language = "zh" if any(ord(character) > 0x3000 for character in "".join(lines)) else "en"
    return [
        (one.kind, " ".join(spoken[piece.line].text[piece.start : piece.end] for piece in one.pieces))
        for one in find(spoken, language=language, today=TODAY)
    ]


@pytest.mark.parametrize(("kinds", "words", "lines"), HIDDEN, ids=_id)
def test_what_would_tell_somebody_apart_is_suggested(kinds: str, words: str, lines: tuple[str, ...]) -> None:
    found = suggested(lines)
    assert any(kind in kinds.split() and words in text for kind, text in found), found


@pytest.mark.parametrize("lines", PLAIN, ids=_id)
def test_what_tells_nobody_apart_is_not_suggested(lines: tuple[str, ...]) -> None:
    assert suggested(lines) == []
