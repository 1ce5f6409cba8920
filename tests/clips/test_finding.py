"""Clips are found by their words in any case and language, at once, and by nothing that nobody reads."""

from uuid import UUID

import httpx
import pytest

from tests.clips.conftest import CallMaker
from tests.clips.makers import Cast, fields
from tests.web_fixtures import SignIn
from trainer import jobs
from trainer.calls import correcting
from trainer.calls import service as calls
from trainer.calls.lines import Splice
from trainer.calls.transcripts import Line
from trainer.clips import service
from trainer.clips.arithmetic import Cut
from trainer.clips.tables import Clip

pytestmark = pytest.mark.usefixtures("rules", "canned_sound")
STATES = ("draft", "in_review", "published", "retired")


async def found(cast: Cast, words: str) -> list[UUID]:
    clips = await service.visible_clips(cast.viewer("trainer"), states=STATES, words=words)
    return [clip.id for clip in clips]


async def test_in_any_case_of_any_alphabet_before_any_job_ran(cast: Cast, a_call: CallMaker) -> None:
    titles = {"en": "Über die Karte", "de": "ΠΡΟΣΟΧΉ", "zh-Hans": "耐心听完 １００％"}
    clip = await service.create_clip(
        cast.viewer("trainer"), await a_call(), fields(title=titles, note='Sie sagt: "Straße"')
    )
    for words in (
        "über",
        "Über",
        "ÜBER DIE",
        "προσοχή",
        "听完",
        "100%",
        'SAGT: "STRASSE"',
        "card",
        "ONE MOM",
    ):
        assert await found(cast, words) == [clip], words


async def test_by_no_name_of_a_field_and_nothing_that_was_removed(cast: Cast, a_call: CallMaker) -> None:
    clip = await service.create_clip(cast.viewer("trainer"), await a_call(), fields())
    for words in (
        "start_ms",
        "speaker",
        "text",
        "agent",
        "de-",
        "{",
        '":',
        "\\u",
        "x" * 90_000,
        "%" * 90_000,
    ):
        assert await found(cast, words) == [], words[:20]
    view = await service.load_clip(None, clip)
    cut = fields(redactions=(Cut(7_000, 8_000),))
    await service.edit_clip(cast.viewer("trainer"), clip, cut, revision=view.revision)
    assert await found(cast, "4111") == []
    assert await found(cast, "removed") == []


async def test_by_its_words_as_they_are_now_through_all_its_life(cast: Cast, a_call: CallMaker) -> None:
    trainer, call = cast.viewer("trainer"), await a_call()
    clip = await service.create_clip(trainer, call, fields())
    line = Line(10_000, 14_000, "agent", "One MOMENT, Frau Öz.")
    await correcting.change_lines(trainer, call, Splice(2, 1, (line,)), expected=1)
    await jobs.drain()
    assert (await found(cast, "öz"), await found(cast, "moment.")) == ([clip], [])
    # corrected again, and published before the draft has followed
    line = Line(10_000, 14_000, "agent", "One moment, Frau Özil.")
    await correcting.change_lines(trainer, call, Splice(2, 1, (line,)), expected=2)
    await service.publish_clip(trainer, clip, review="self", privacy_checked=True, may_stay="all")
    assert (await found(cast, "özil"), await found(cast, "öz.")) == ([clip], [])

    seen = await service.load_clip(trainer, clip)
    await service.edit_clip(trainer, clip, fields(title="Ärger"), revision=seen.revision)
    await jobs.drain()
    await service.publish_clip(trainer, clip, review="self", privacy_checked=True, may_stay="all")
    assert (await found(cast, "ärger"), await found(cast, "recap")) == ([clip], [])
    former = await Clip.select(Clip.words_key).where(Clip.replaces == clip).first()
    assert former is not None
    assert former["words_key"].startswith("recap the money\n")

    await calls.erase_recording(cast.viewer("admin"), call, "The caller asked.")
    await jobs.drain()
    assert {row["words_key"] for row in await Clip.select(Clip.words_key)} == {""}


async def test_on_the_shelf_by_the_api_and_for_a_playlist_page_by_page(
    cast: Cast, a_call: CallMaker, client: httpx.AsyncClient, sign_in: SignIn
) -> None:
    trainer, call = cast.viewer("trainer"), await a_call()
    made = [
        await service.create_clip(trainer, call, fields(title=title))
        for title in ("Über die Karte 1", "Die Karte", "über die karte 2", "ÜBER DIE KARTE 3")
    ]
    await jobs.drain()
    for clip in made:
        await service.publish_clip(trainer, clip, review="self", privacy_checked=True)
    wanted = [str(clip) for clip in reversed(made) if clip != made[1]]
    await sign_in(client, cast.trainer)
    for page in ("/clips", "/clips/playlists/find"):
        shown = (await client.get(page, params={"q": "über"}, headers={"HX-Request": "true"})).text
        assert [str(clip) in shown for clip in made] == [True, False, True, True], page
        shown = (await client.get(page, params={"q": "speaker"}, headers={"HX-Request": "true"})).text
        assert not [clip for clip in made if str(clip) in shown], page
    listed: list[str] = []
    cursor: str | None = ""
    while cursor is not None:
        more = {"cursor": cursor} if cursor else {}
        page_of = (await client.get("/api/v1/clips", params={"q": "Über", "limit": 2, **more})).json()
        listed += [item["id"] for item in page_of["items"]]
        cursor = page_of["next_cursor"]
    assert listed == wanted
