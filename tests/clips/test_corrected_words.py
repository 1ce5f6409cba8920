"""What becomes of clips when the words of their call are corrected, and their words as files."""

import json
from uuid import UUID

import httpx
import pytest

from tests.clips.conftest import CallMaker
from tests.clips.makers import Cast, fields
from tests.web_fixtures import SignIn
from trainer import db, jobs
from trainer.calls import correcting
from trainer.calls.lines import Splice
from trainer.calls.reading import segments_of
from trainer.calls.transcripts import Line
from trainer.clips import service, words
from trainer.clips.arithmetic import Cut
from trainer.clips.arithmetic import Line as ClipLine
from trainer.clips.tables import Clip
from trainer.clips.views import ClipView
from trainer.problems import Conflict

pytestmark = pytest.mark.usefixtures("rules", "canned_sound")


async def correct(cast: Cast, call: UUID, position: int, text: str) -> None:
    """The line at this position is corrected, and what hangs on it follows."""
    turn = (await segments_of(call))[position]
    line = Line(turn.start_ms, turn.end_ms, correcting.line_of(turn).speaker, text)
    revision = (await correcting.standing_of(call)).revision
    await correcting.change_lines(
        cast.viewer("trainer"), call, Splice(position, 1, (line,)), expected=revision
    )
    await jobs.drain()


async def a_clip(cast: Cast, call: UUID, **changes: object) -> UUID:
    clip = await service.create_clip(cast.viewer("trainer"), call, fields(**changes))
    await jobs.drain()
    return clip


async def loaded(cast: Cast, clip: UUID) -> ClipView:
    return await service.load_clip(cast.viewer("trainer"), clip)


async def publish(cast: Cast, clip: UUID, *, checked: bool = True) -> None:
    await service.publish_clip(
        cast.viewer("trainer"), clip, review="self", privacy_checked=checked, may_stay="all"
    )


async def test_a_draft_follows_and_has_to_be_checked_for_personal_data_again(
    cast: Cast, a_call: CallMaker
) -> None:
    call = await a_call()
    clip, elsewhere = await a_clip(cast, call), await a_clip(cast, call, start_ms=14_500, end_ms=19_500)
    for each in (clip, elsewhere):
        values = {
            Clip.privacy_checked_at: db.utc_now(),
            Clip.privacy_checked_by: cast.trainer.id,
        }
        await Clip.update(values).where(Clip.id == each)
    before = await loaded(cast, clip)
    await correct(cast, call, 2, "One moment, Mrs Lind.")
    after, untouched = await loaded(cast, clip), await loaded(cast, elsewhere)
    assert [line.text for line in after.lines] == ["My card 4111 please.", "One moment, Mrs Lind."]
    assert (after.privacy_checked_at, after.revision) == (None, before.revision)
    assert untouched.privacy_checked_at is not None


async def test_words_corrected_in_the_moment_of_publishing_are_published_unchecked_by_nobody(
    cast: Cast, a_call: CallMaker
) -> None:
    call = await a_call()
    clip = await a_clip(cast, call)
    await Clip.update({Clip.privacy_checked_at: db.utc_now()}).where(Clip.id == clip)
    line = Line(10_000, 14_000, "agent", "One moment, Mrs Lind.")
    await correcting.change_lines(cast.viewer("trainer"), call, Splice(2, 1, (line,)), expected=1)
    with pytest.raises(Conflict) as refused:
        await publish(cast, clip, checked=False)
    assert "privacy_check" in refused.value.extra["missing"]


async def test_a_published_clip_keeps_its_words_and_says_that_the_call_has_others(
    client: httpx.AsyncClient, sign_in: SignIn, cast: Cast, a_call: CallMaker
) -> None:
    call = await a_call(peaks_key="recordings/lost.peaks")
    clip = await a_clip(cast, call)
    await publish(cast, clip)
    trainer = await sign_in(client, cast.trainer)
    assert "Published with other words" not in (await trainer.get(f"/calls/{call}/transcript")).text
    await correct(cast, call, 2, "One minute.")
    kept = await loaded(cast, clip)
    assert [line.text for line in kept.lines] == ["My card 4111 please.", "One moment."]
    assert await words.corrected_since(kept) is not None
    assert "Published with other words" in (await trainer.get(f"/calls/{call}/transcript")).text
    page = (await trainer.get(f"/clips/{clip}")).text
    assert "corrected since" in page
    assert f'data-lines-of="{clip}"' in page
    agent = await sign_in(client, cast.agent)
    assert "corrected since" not in (await agent.get(f"/clips/{clip}")).text
    # saved again, the next version says what the call says
    viewer = cast.viewer("trainer")
    draft = await service.edit_clip(viewer, clip, fields(), revision=kept.revision)
    await jobs.drain()
    await publish(cast, draft)
    now = await loaded(cast, clip)
    assert [line.text for line in now.lines][-1] == "One minute."
    assert await words.corrected_since(now) is None


async def test_lines_that_were_typed_for_a_clip_stay_what_they_are(cast: Cast, a_call: CallMaker) -> None:
    call = await a_call()
    clip = await a_clip(cast, call, lines=(ClipLine(5_000, 9_000, "caller", "My own words."),))
    await correct(cast, call, 1, "Something else.")
    assert [line.text for line in (await loaded(cast, clip)).lines] == ["My own words."]


async def test_word_times_of_a_clip_are_of_the_words_that_it_shows_and_of_no_redacted_one(
    cast: Cast, a_call: CallMaker
) -> None:
    call = await a_call()
    clip = await loaded(cast, await a_clip(cast, call, redactions=(Cut(7_000, 8_000),)))
    first, second = await words.timed_lines(clip)
    assert (first.text, first.words) == (
        "My card [removed] please.",
        ((0, 1_000, "My"), (1_000, 2_000, "card"), (3_000, 4_000, "please.")),
    )
    assert second.words == ((5_000, 7_000, "One"), (7_000, 9_000, "moment."))
    await publish(cast, clip.id)
    await correct(cast, call, 2, "One minute.")
    assert (await words.timed_lines(await loaded(cast, clip.id)))[1].words == ()


async def test_a_clip_is_downloaded_in_three_formats_and_none_holds_what_was_redacted(
    client: httpx.AsyncClient, sign_in: SignIn, cast: Cast, a_call: CallMaker
) -> None:
    clip = await a_clip(cast, await a_call(), redactions=(Cut(7_000, 8_000),))
    agent = await sign_in(client, cast.agent)
    assert (await agent.get(f"/clips/{clip}/transcript.srt")).status_code == 404
    await publish(cast, clip)
    for suffix in ("vtt", "srt", "json"):
        got = await agent.get(f"/clips/{clip}/transcript.{suffix}")
        assert got.status_code == 200
        assert "4111" not in got.text
        assert "One moment." in got.text
    assert json.loads(got.text)["segments"][1]["words"] == [[5000, 7000, "One"], [7000, 9000, "moment."]]
