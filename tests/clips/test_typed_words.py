"""Lines typed in the clip editor: they stand for the call's transcript, and redacted words leave them too."""

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.clips.conftest import CallMaker
from tests.clips.makers import Cast, fields
from tests.web_fixtures import SignIn
from trainer import jobs
from trainer.clips import service
from trainer.clips.arithmetic import REMOVED, Cut, Line, Span
from trainer.clips.kept_words import typed_transcript
from trainer.problems import Invalid

TYPED = (
    Line(5_000, 9_000, "caller", "My card is 4111 please."),
    Line(10_000, 14_000, "agent", "One moment."),
)
pages = pytest.mark.usefixtures("rules", "canned_sound")


def test_redacted_words_leave_typed_lines() -> None:
    lines = typed_transcript(TYPED, Span(5_000, 14_000), [Cut(7_000, 8_000)])
    assert "4111" not in lines[0].text
    assert REMOVED in lines[0].text
    assert (lines[1].text, lines[1].start_ms, lines[1].speaker) == ("One moment.", 5_000, "agent")


def test_a_line_whose_typist_wrote_the_mark_stays_as_it_was_typed() -> None:
    typed = (Line(5_000, 9_000, "caller", f"My card is {REMOVED} please."),)
    cuts = [Cut(7_000, 8_000)]
    assert [line.text for line in typed_transcript(typed, Span(5_000, 14_000), cuts)] == [typed[0].text]
    # a second redaction, or a number that is left, is not dealt with by one mark
    for others in ([*cuts, Cut(8_200, 8_800)], cuts):
        text = typed[0].text if others is not cuts else f"{typed[0].text} 12 34"
        left = typed_transcript((Line(5_000, 9_000, "caller", text),), Span(5_000, 14_000), others)
        assert left[0].text != text


def test_what_was_typed_outside_the_clip_is_not_in_it() -> None:
    assert [line.text for line in typed_transcript(TYPED, Span(9_500, 14_000), [])] == ["One moment."]


@given(
    start=st.integers(0, 8_000),
    length=st.integers(200, 9_000),
    number=st.from_regex(r"[0-9]{4,16}", fullmatch=True),
    cut=st.integers(0, 17_000),
)
def test_no_digit_survives_in_a_line_that_a_redaction_touches(
    start: int, length: int, number: str, cut: int
) -> None:
    line = Line(start, start + length, "caller", f"my number is {number} yes")
    covering = Cut(cut, cut + 500)
    if not covering.span.overlaps(Span(line.start_ms, line.end_ms)):
        return
    for shown in typed_transcript((line,), Span(0, 20_000), [covering]):
        assert not any(character.isdigit() for character in shown.text)


@pages
async def test_typed_lines_publish_a_clip_of_a_call_without_a_transcript(
    cast: Cast, a_call: CallMaker
) -> None:
    viewer, recording = cast.viewer("trainer"), await a_call(transcript=False)
    clip = await service.create_clip(viewer, recording, fields(lines=TYPED, redactions=(Cut(7_000, 8_000),)))
    await jobs.drain()
    draft = await service.load_clip(viewer, clip)
    assert draft.typed == TYPED  # the editor shows what was typed
    assert "4111" not in draft.lines[0].text
    await service.publish_clip(viewer, clip, review="self", privacy_checked=True)
    heard = await service.load_clip(cast.viewer("agent"), clip)
    assert heard.lines[1].text == "One moment."
    assert "4111" not in " ".join(line.text for line in heard.lines)


@pages
async def test_a_corrected_line_stays_through_publishing_and_asks_for_another_listening(
    cast: Cast, a_call: CallMaker
) -> None:
    viewer, recording = cast.viewer("trainer"), await a_call()
    clip = await service.create_clip(viewer, recording, fields())
    await jobs.drain()
    await service.publish_clip(viewer, clip, review="self", privacy_checked=True)
    next_one = await service.edit_clip(viewer, clip, fields(lines=TYPED[1:]), revision=2)
    draft = await service.load_clip(viewer, next_one)
    assert draft.render == "ready"  # the same sound
    assert draft.privacy_checked_at is None  # other words
    await service.publish_clip(viewer, clip, review="self", privacy_checked=True)
    assert [line.text for line in (await service.load_clip(viewer, clip)).lines] == ["One moment."]
    again = await service.edit_clip(viewer, clip, fields(), revision=3)
    assert len((await service.load_clip(viewer, again)).lines) == 2  # back to the call's own words


@pages
async def test_wrong_lines_are_named(cast: Cast, a_call: CallMaker) -> None:
    wrong = (
        Line(9_000, 9_000, "agent", "No length"),
        Line(1_000, 2_000, "dog", "Woof"),
        Line(0, 9, "", "x" * 1001),
    )
    with pytest.raises(Invalid) as refused:
        await service.create_clip(cast.viewer("trainer"), await a_call(), fields(lines=wrong))
    assert [error.field for error in refused.value.errors] == ["lines"] * 3


@pages
async def test_the_form_reads_and_writes_lines_and_saves_by_itself(
    cast: Cast, a_call: CallMaker, client: httpx.AsyncClient, sign_in: SignIn
) -> None:
    recording = await a_call(transcript=False)
    await sign_in(client, cast.trainer)
    typed = {"start": "0:05", "end": "0:14", "title": "Typed", "polarity": "exemplar"}
    bad = await client.post(f"/calls/{recording}/clips/new", data={**typed, "lines": "no times here"})
    assert bad.status_code == 422
    assert "no times here" in bad.text
    lines = "0:05.0 - 0:09.0 caller: I lost my card\n0:10.0 - 0:14.0: One: moment."
    made = await client.post(f"/calls/{recording}/clips/autosave", data={**typed, "lines": lines})
    assert made.status_code == 200
    draft = made.json()
    page = (await client.get(draft["edit"])).text
    assert "0:05.0 - 0:09.0 caller: I lost my card" in page
    assert "0:10.0 - 0:14.0: One: moment." in page
    form = {**typed, "lines": lines.replace("lost", "found"), "revision": str(draft["revision"])}
    assert (await client.post(draft["autosave"], data=form)).json()["revision"] == draft["revision"] + 1
    assert (await client.post(draft["autosave"], data=form)).status_code == 412
    await sign_in(client, cast.analyst)
    assert (await client.post(draft["autosave"], data=form)).status_code == 403
    assert "data-autosave=" not in (await client.get(f"/calls/{recording}/clips/new")).text


@pages
async def test_programs_type_lines_in_clip_time(
    cast: Cast, a_call: CallMaker, client: httpx.AsyncClient, sign_in: SignIn
) -> None:
    await sign_in(client, cast.trainer)
    body = {
        "start_ms": 5_000,
        "end_ms": 14_000,
        "title": "Typed",
        "rules": ["R01"],
        "transcript": [{"start_ms": 100, "end_ms": 900, "speaker": "agent", "text": "Hello."}],
    }
    made = await client.post(f"/api/v1/recordings/{await a_call(transcript=False)}/clips", json=body)
    assert made.json()["transcript"] == body["transcript"]
    moved = await client.patch(
        made.headers["location"], json={"start_ms": 4_900}, headers={"If-Match": made.headers["etag"]}
    )
    assert moved.json()["transcript"][0]["start_ms"] == 200
