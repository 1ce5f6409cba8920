"""What in a transcript is suggested as personal data, in figures and in words, and what is no secret."""

import time
from dataclasses import dataclass
from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.calls.talk import TALK, WORDS
from trainer.calls.personal_data import find
from trainer.calls.searched_lines import Found
from trainer.calls.spoken_numbers import plain, runs

TODAY = date(2026, 11, 23)


@dataclass(frozen=True)
class Said:
    speaker: str
    text: str


def said(*lines: str) -> list[Said]:
    """`agent: Good morning` or a line without a voice."""
    split = [line.partition(": ") for line in lines]
    return [
        Said(who, text) if who in ("agent", "caller") else Said("", line)
        for line, (who, _colon, text) in zip(lines, split, strict=True)
    ]


def found(*lines: str, **options: object) -> list[tuple[str, ...]]:
    """(kind, words, words of the next line …) of each suggestion."""
    spoken = said(*lines)
    return [shown(one, spoken) for one in find(spoken, today=TODAY, **options)]  # type: ignore[arg-type]


def shown(one: Found, spoken: list[Said]) -> tuple[str, ...]:
    return (one.kind, *(spoken[piece.line].text[piece.start : piece.end] for piece in one.pieces))


@pytest.mark.parametrize(
    "card",
    [
        "4111111111111111",
        "4111 1111 1111 1111",
        "4111-1111-1111-1111",
        "4111.1111/1111_1111",
        "4111, 1111, 1111, 1111",
        "378282246310005",  # 15 digits
        "6304 0000 0000",  # 12
        "6212 3456 7890 1234 567",  # 19
        "４１１１　１１１１　１１１１　１１１１",
        "٤١١١ ١١١١ ١١١١ ١١١١",
        "④①①① 1111 1111 1111",
        "4111\u200b1111\u00ad1111\u20601111",
        "4 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1",
        "four one one one one one one one one one one one one one one one",
        "four double one one, triple one one, one one double one, one one one one",
        "Four-One-One-One, double five double five, oh oh oh oh, nine nine nine nine",
        "four treble one, zero zero nought nought, six sixes, two sevens",
        "forty one eleven, eleven eleven, eleven eleven, eleven eleven",
        "four thousand one hundred and eleven, eleven eleven, twenty two, thirty three, forty four",
        "fifty five twenty two um thirty oh six er ninety nine then eleven, and that's twelve thirteen",
        "4111 1111 yes 1111 okay 1111",
        "4111 one one one one double one 11 triple 1 one",
        "five for double five, two to three, four five six seven eight nine",
        "niner niner fife fower tree tree, one two three four five six",
        "四一一一 一一一一 一一一一 一一一一",
        "四幺幺幺，幺幺幺幺，幺幺幺幺，幺幺幺幺",
        "四三二一、嗯、零零零零、然后五六七八、九九九九",
        "肆壹壹壹贰贰贰贰叁叁叁叁零零零零",
        "三个八、四个五、六六六、二二二二",
        "四四四四 二二 一一一一 三三三三",
        "二千三百四十五 六七八九 一二三四五",
        "两两两两 洞洞洞洞 拐拐拐拐",
    ],
)
def test_twelve_digits_or_more_are_a_card_however_they_are_put(card: str):
    for line in (card, f"It is {card}, thank you", f"order number {card}", f"我的卡号是{card}。"):
        [(kind, *words)] = [one for one in found(line) if one[0] == "card"]
        assert kind == "card"
        assert "".join(words) == card, line


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        (
            ("caller: four one one one double one", "caller: double one one one one one one, two three"),
            ("four one one one double one", "double one one one one one one, two three"),
        ),
        (
            ("caller: it is 4111 1111", "agent: Mhm, go on.", "caller: and 1111 1111 okay?"),
            ("4111 1111", "1111 1111"),
        ),
        (("caller: 4111", "caller: 1111", "caller: 1111"), ("4111", "1111", "1111")),
        # the agent reads the rest back: nobody says it all
        (("caller: 4111 1111", "agent: 1111 1111, thank you"), ("4111 1111", "1111 1111")),
        (("卡号四一一一一一", "一一一一一一一一"), ("四一一一一一", "一一一一一一一一")),
        (("caller: four one double", "caller: one, one one one one one one one one"), None),
    ],
)
def test_a_card_goes_on_in_the_next_line(lines: tuple[str, ...], words: tuple[str, ...] | None):
    cards = [one[1:] for one in found(*lines) if one[0] == "card"]
    assert len(cards) == 1
    assert words is None or cards[0] == words


@pytest.mark.parametrize(
    ("lines", "kind", "words"),
    [
        (("agent: And the security code?", "caller: one two three"), "code", "one two three"),
        (("The three digits on the back are 456.",), "code", "456"),
        (("CVV 0 double 7",), "code", "0 double 7"),
        (("your PIN is four nine one two",), "code", "four nine one two"),
        (("it expires 09/28",), "code", "09/28"),
        (("The one-time code is 482913",), "code", "482913"),
        (("安全码是三二一",), "code", "三二一"),
        (("验证码４８２９１３",), "code", "４８２９１３"),
        (("call me on 07700 900123",), "phone", "07700 900123"),
        (("my mobile is oh double seven double oh nine double oh one two three",), "phone", None),
        (("+1 212 456 7890",), "phone", "1 212 456 7890"),
        (("It's 020 7946 0958.",), "phone", "020 7946 0958"),
        (("ring me back, (212) 456-7890",), "phone", "212) 456-7890"),
        (("电话是一三八零零一三八零零零",), "phone", "一三八零零一三八零零零"),
        (("手机号１３８００１３８０００",), "phone", "１３８００１３８０００"),
        (("sort code twenty thirty forty",), "number", "twenty thirty forty"),
        (("my account number is 12 34 56 78",), "number", "12 34 56 78"),
        (("passport 533 401 372",), "number", "533 401 372"),
        (("My social is 078 05 1120",), "number", "078 05 1120"),
        (("it was 0000 9913 7, I think",), "number", "0000 9913 7"),
        (("身份证号11010519491231002X",), "card", "11010519491231002X"),
        (("write to john.smith+shop@mail.example.com please",), "email", "john.smith+shop@mail.example.com"),
        (("john dot smith at gmail dot com",), "email", "john dot smith at gmail dot com"),
        (
            ("my email is john smith underscore two at example dot co dot uk",),
            "email",
            "john smith underscore two at example dot co dot uk",
        ),
        (("j o h n at example dot org",), "email", "j o h n at example dot org"),
        (("caller: mary dash jones", "caller: at yahoo dot com"), "email", "mary dash jones"),
        (("邮箱是 zhang 点 san 艾特 qq 点 com",), "email", "zhang 点 san 艾特 qq 点 com"),
        (("My date of birth is the third of March 1985",), "birth_date", "the third of March 1985"),
        (("agent: date of birth, please?", "caller: 12/03/1985"), "birth_date", "12/03/1985"),
        (("agent: And when were you born?", "caller: twelve three eighty five"), "birth_date", None),
        (("I was born March 3rd, nineteen eighty five",), "birth_date", "March 3rd, nineteen eighty five"),
        (("it's the twenty-first of June nineteen seventy",), "birth_date", None),
        (("born 1985-03-12",), "birth_date", "1985-03-12"),
        (("我一九八五年三月十二日出生",), "birth_date", "一九八五年三月十二日"),
        (("caller: My name is Joan van der Berg, hello",), "name", "Joan van der Berg"),
        (("Mrs. O'Brien, one moment",), "name", "O'Brien"),
        (("thanks priya  raman",), "name", "priya  raman"),
        (("我叫王小明，你好",), "name", "王小明"),
        (("agent: Your full name, please?", "caller: Marcus Bell."), "name", "Marcus Bell"),
        (("agent: Who am I speaking to?", "caller: Yes, it's Joan, hello"), "name", "Joan"),
        (("agent: 请问您贵姓？", "caller: 王小明。"), "name", "王小明"),
        (("李女士您好",), "name", "李"),
        (("I live at 21 Baker Street, London",), "address", "21 Baker Street, London"),
        (("number twenty one baker street",), "address", "twenty one baker street"),
        (("Flat 4b, 221 Old Kent Road",), "address", "Flat 4b, 221 Old Kent Road"),
        (("the postcode is SW1A 1AA",), "address", "SW1A 1AA"),
        (("Palo Alto, CA 94301",), "address", "CA 94301"),
        (("我住在北京市朝阳区建国路88号",), "address", "我住在北京市朝阳区建国路88号"),
        (("寄到上海市南京西路一二三号五楼",), "address", None),
    ],
)
def test_other_personal_data(lines: tuple[str, ...], kind: str, words: str | None):
    language = "zh-Hans" if any(ord(c) > 0x3000 for c in lines[0]) else "en"
    suggested = found(*lines, names=["Priya Raman"], language=language)
    assert kind in [one[0] for one in suggested], suggested
    if words is not None:
        assert any(one[0] == kind and words in one[1:] for one in suggested), suggested


@pytest.mark.parametrize(
    "line",
    [
        "Your order 4821 3390 12 is on its way",
        "the reference is AB 123 456 7",
        "ticket number 88213390, and case 4471-2291",
        "The booking was for 2024 and 2025",
        "back in nineteen ninety nine and twenty twenty five",
        "We charged $1,250.50 on top of 300 dollars",
        "it costs 19.99 and 24.99",
        "that is two million three hundred thousand, five hundred and twelve",
        "£1,234,567 a year",
        "1,234,567 people called",
        "open between 10:30 and 11:45",
        "ten to fifteen working days",
        "the meeting is on 3 March 2026",
        "by 12/04/2026 at the latest",
        "It rose by 12.5% and 13.75%",
        "One moment please, I'll check that for you",
        "one of the two, or all three?",
        "my card ends in 4111",
        "have a look at example dot com",
        "You can order at shop dot example dot com",
        "your order number is four eight two one three three nine",
        "agent: Good morning, my name is Grace, this is Harbour Bank",
        "agent: Hello, this is Amara Nwosu",
        "Kwame Osei will call you",
        "please send it to the new flat on Monday",
        "您的订单号是12345678",
        "一共五千三百二十元",
        "二零二五年和二零二六年",
        "请稍等一下，一会儿就好",
        "第一，第二，第三",
    ],
)
def test_years_sums_orders_times_and_colleagues_are_no_secret(line: str):
    assert found(line, exempt=["Amara", "Kwame Osei"], language="zh" if "一" in line else "en") == []


def test_what_looks_like_years_is_still_a_card_from_twelve_digits_on():
    """One press tells that these are years; a card that goes out as years cannot be called back."""
    assert found("2019, 2020 and 2021") == [("card", "2019, 2020 and 2021")]


def test_a_sigh_after_a_number_is_not_its_last_digit():
    assert found("4111 1111 1111.", "Oh, the other one?") == [("card", "4111 1111 1111")]
    assert found("4111 1111 111 oh") == [("card", "4111 1111 111 oh")]
    assert found("4111 1111 111", "oh four, two") == [("card", "4111 1111 111", "oh four, two")]


def test_an_answer_that_is_no_name_is_none():
    assert found("agent: Your full name, please?", "caller: Why? Thursday is fine") == []
    assert found("agent: What is the name of the shop?", "caller: Oh, I forgot") == []
    assert found("agent: 请问您贵姓？", "caller: 好的。") == []


def test_the_nearest_word_says_what_a_number_is():
    assert found("The order was 4821339 and my mobile is 07700 900 123") == [("phone", "07700 900 123")]
    assert found("My mobile is broken. The order number is 48213390") == []


def test_who_says_that_their_name_is_on_the_centres_side_is_no_caller():
    assert found("agent: my name is Rosa Lind", "caller: my name is Joan Miller") == [("name", "Joan Miller")]


@pytest.mark.parametrize(
    ("text", "digits"),
    [
        ("double oh seven", "007"),
        ("triple five", "555"),
        ("two eights for zero", "8840"),
        ("twenty twenty five", "2025"),
        ("one hundred and five", "105"),
        ("thirty oh one", "3001"),
        ("幺三八", "138"),
        ("两百零五", "205"),
        ("四个零", "0000"),
        ("seven hundred nine hundred five two", "7009052"),
        ("四○八", "408"),
        ("○", "0"),
        ("cvv一二三", "123"),
        ("Oh dear", ""),
        ("for you and to me", ""),
    ],
)
def test_numbers_are_read_as_they_are_meant(text: str, digits: str):
    assert "".join(run.digits for run in runs(plain(text).lower)) == digits


@st.composite
def calls_with_a_card(draw: st.DrawFn) -> tuple[list[Said], str]:
    """Any talk with 12 to 19 digits in it: in any writing, with any separator, over lines, backchannels between."""
    digits = draw(st.lists(st.integers(0, 9), min_size=12, max_size=19))
    spoken = [WORDS[draw(st.sampled_from(list(WORDS)))][digit] for digit in digits]
    between = st.sampled_from([" ", ", ", " - ", " um ", " and ", ". ", "  ", "、", " 嗯 "])
    lines = draw(st.lists(st.sampled_from(TALK).map(lambda text: Said("caller", text)), max_size=3))
    present = draw(st.sampled_from(TALK)) + " " if draw(st.booleans()) else ""
    for word in spoken:
        present += word
        if draw(st.integers(0, 5)) == 0:
            lines.append(Said("caller", present))
            if draw(st.booleans()):
                lines.append(Said("agent", draw(st.sampled_from(["Mhm.", "Yes, go on.", "嗯", "okay"]))))
            present = ""
        else:
            present += draw(between)
    ending = draw(st.sampled_from(["", " that is all", " 谢谢"]))
    return [*lines, Said("caller", present + ending)], "".join(map(str, digits))


@settings(max_examples=150, deadline=None)
@given(calls_with_a_card())
def test_any_twelve_digits_anywhere_are_suggested(call: tuple[list[Said], str]):
    lines, _digits = call
    cards = [one for one in find(lines, today=TODAY) if one.kind == "card"]
    hidden = {(p.line, i) for one in cards for p in one.pieces for i in range(p.start, p.end)}
    left = [
        character
        for number, line in enumerate(lines)
        for index, character in enumerate(line.text)
        if (number, index) not in hidden
        and (character.isdigit() or character in "零〇一二三四五六七八九幺两")
    ]
    assert not left, (left, lines)
    assert not [
        run
        for index, line in enumerate(lines)
        for run in runs(plain(_without(line.text, index, hidden)).lower)
    ]


def _without(text: str, line: int, hidden: set[tuple[int, int]]) -> str:
    return "".join("|" if (line, index) in hidden else character for index, character in enumerate(text))


@settings(max_examples=100, deadline=None)
@given(st.lists(st.builds(Said, st.sampled_from(["agent", "caller", ""]), st.text(max_size=80)), max_size=6))
def test_any_text_at_all_is_read_and_pieces_lie_in_their_lines(lines: list[Said]):
    for one in find(lines, names=["Ada", "阿明"], today=TODAY):
        assert one.pieces
        for piece in one.pieces:
            assert 0 <= piece.start < piece.end <= len(lines[piece.line].text)


@pytest.mark.parametrize(
    "evil",
    [
        "a. ",
        "four ",
        "一",
        "路",
        "北京市",
        "a dot ",
        "one hundred and ",
        "Aa ",
        "My Name Is ",
        "1 2 ",
        "to ",
        "x@",
        "a b ",
    ],
)
def test_no_line_takes_long(evil: str):
    import time

    started = time.process_time()
    find([Said("", (evil * 5_000)[:5_000])])
    assert time.process_time() - started < 2


def test_thousands_of_names_are_found_in_a_second() -> None:
    began = time.process_time()
    assert len(find(said("Mr Smith. " * 5000), names=["Smith"], today=TODAY)) == 5000
    assert time.process_time() - began < 4
