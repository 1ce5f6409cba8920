"""Words without times: a redaction takes what it may cover and little more, in all that is read of a clip."""

import re
from uuid import UUID

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.clips.conftest import CallMaker
from tests.clips.makers import Cast, fields, write_turns
from trainer import jobs
from trainer.calls.captions import web_vtt
from trainer.calls.tables import Segment
from trainer.clips import service
from trainer.clips.arithmetic import REMOVED, Cut, Span
from trainer.clips.kept_words import clip_transcript, placed_tokens
from trainer.clips.suggestions import service as suggestions
from trainer.clips.suggestions.finding import Suggestion, TypedTurn, suggest
from trainer.clips.words import timed_lines
from trainer.search.tables import SearchEntry

MINUTE = Span(0, 60_000)
ENGLISH = ["well", "anyhow", "we", "looked", "into", "that", "matter", "again", "with", "everybody", "there"]
CHINESE = "嗯那么这件事情我们今天早上已经又看过了还是没有办法处理"
PRIVATE = {
    "en": ["Zelda Quarmby", "zq42@mail.example.com", "zelda dot quarmby at example dot com", "07700 900 123"],
    "zh": ["欧阳若曦", "北京市朝阳区建国路88号", "幺三八零零一三八零零零", "一九八五年三月十二日"],
}
NAMES = ["Zelda Quarmby", "欧阳若曦"]


def left_of(turn: TypedTurn, cuts: list[Cut]) -> str:
    return " ".join(line.text for line in clip_transcript([turn], MINUTE, cuts))


def found_in(turn: TypedTurn) -> list[Suggestion]:
    return suggest([[turn]], MINUTE, MINUTE.end_ms, salt="s", names=NAMES)


@st.composite
def lines_with_a_secret(draw: st.DrawFn) -> tuple[str, str, TypedTurn]:
    """A secret, what stands between words of its language, and the line that it is said in, without word times."""
    language = draw(st.sampled_from(list(PRIVATE)))
    vocabulary, glue = (list(CHINESE), "") if language == "zh" else (ENGLISH, " ")
    secret = draw(st.sampled_from(PRIVATE[language]))
    before = draw(st.lists(st.sampled_from(vocabulary), max_size=25))
    after = draw(st.lists(st.sampled_from(vocabulary), max_size=25))
    start, length = draw(st.integers(0, 20_000)), draw(st.integers(400, 30_000))
    edge = glue or "，"
    text = edge.join([glue.join(before), secret, glue.join(after)]).strip(edge)
    return secret, glue, TypedTurn(start, start + length, "caller", text)


@settings(max_examples=150, deadline=None)
@given(lines_with_a_secret())
def test_an_accepted_secret_leaves_and_words_clearly_outside_stay(
    made: tuple[str, str, TypedTurn],
) -> None:
    secret, glue, turn = made
    found = found_in(turn)
    spans = [span for one in found for span in one.spans]
    left = left_of(turn, [Cut(span.start_ms, span.end_ms) for span in spans])
    assert not any(word in left for word in re.findall(r"\w+", secret) if word not in (*ENGLISH, "at", "dot"))
    assert REMOVED in left
    assert all(one.covered_by([Cut(s.start_ms, s.end_ms) for s in spans], MINUTE) for one in found)

    # one word, or two characters, beyond what is beeped is in doubt; all else is clearly outside
    by = 1 if glue else 2
    placed = list(placed_tokens(turn.text, Span(turn.start_ms, turn.end_ms)))
    beeped = [
        at for at, (_start, _end, word) in enumerate(placed) if any(word.overlaps(cut) for cut in spans)
    ]
    first, last = beeped[0] - by, beeped[-1] + by
    assert first <= 0 or left.startswith(turn.text[: placed[first - 1][1]])
    assert last >= len(placed) - 1 or left.endswith(turn.text[placed[last + 1][0] :])


@settings(max_examples=100, deadline=None)
@given(lines_with_a_secret(), st.integers(-700, 700), st.integers(50, 400))
@example(("Zelda Quarmby", " ", TypedTurn(0, 9_000, "", "well Zelda Quarmby again")), 700, 50)
def test_a_redaction_drawn_by_ear_takes_the_whole_or_leaves_the_suggestion_open(
    made: tuple[str, str, TypedTurn], off: int, length: int
) -> None:
    """What the page calls covered is gone from the words, wherever in the line somebody heard it."""
    turn = made[-1]
    for one in found_in(turn):
        at = max(0, one.spans[0].start_ms + off)
        cuts = [Cut(at, at + length)]
        if one.covered_by(cuts, MINUTE):
            left = left_of(turn, cuts)
            assert not any(words in left for words in one.words)


@pytest.mark.parametrize(
    ("text", "left"),
    [
        (
            "so I rang the shop on the corner and spoke to Zelda Quarmby about it twice and nobody ever rang me back",
            ("so I rang the shop on the", "twice and nobody ever rang me back"),
        ),
        (
            "我昨天下午三点多去了你们的店里找欧阳若曦说过这件事情但是到今天还没有人给我回话",
            ("我昨天下午", "还没有人给我回话"),
        ),
    ],
)
def test_one_name_costs_a_line_a_few_words(text: str, left: tuple[str, str]) -> None:
    turn = TypedTurn(1_000, 8_000, "caller", text)
    cuts = [Cut(span.start_ms, span.end_ms) for one in found_in(turn) for span in one.spans]
    shown = left_of(turn, cuts)
    assert shown.startswith(left[0])
    assert shown.endswith(left[1])
    assert shown.count(REMOVED) == 1


@pytest.mark.usefixtures("rules", "canned_sound")
async def test_transcript_captions_search_and_player_lose_the_same_words(
    cast: Cast, a_call: CallMaker
) -> None:
    recording: UUID = await a_call()
    await Segment.delete().where(Segment.recording == recording)
    said = (
        "we went there twice last week and my name is Zelda Quarmby so please have a look at the garden gate"
    )
    await write_turns(recording, [(5_000, 13_000, "caller", said)])
    trainer = cast.viewer("trainer")
    clip = await service.create_clip(trainer, recording, fields())
    await suggestions.decide_in_clip(trainer, clip, None, "accepted")
    await jobs.drain()
    await service.publish_clip(trainer, clip, review="self", privacy_checked=True)
    await jobs.drain()
    heard = await service.load_clip(trainer, clip)
    indexed = await SearchEntry.select(SearchEntry.words).where(SearchEntry.clip == clip)
    for shown in (
        " ".join(line.text for line in heard.lines),
        web_vtt(heard.lines),
        " ".join(entry["words"] for entry in indexed),
        " ".join(line.text for line in await timed_lines(heard)),
    ):
        assert "zelda" not in shown.lower()
        assert "quarmby" not in shown.lower()
        assert "we went there twice" in shown
        assert "the garden gate" in shown
