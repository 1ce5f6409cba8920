"""What was redacted, erased, taken down or has expired is found by nobody, before any job has run and in any state of
the index; and its words leave the index's file."""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import pytest

from tests.search.makers import LINE_MS, Cast, a_call, a_clip, a_note, find, heard, indexed, say
from trainer import db, jobs, storage
from trainer.calls.jobs import erase
from trainer.calls.tables import Recording, Segment
from trainer.clips.arithmetic import Cut
from trainer.clips.out_of_use import retire_clip, take_down
from trainer.clips.tables import Clip
from trainer.people.erasing import erase_person
from trainer.quality.tables import Evaluation, Mark
from trainer.search import service
from trainer.search.index import index_call, index_clips, sweep_search
from trainer.search.tables import SearchEntry

CARD = ["My card is", "4111 2222 3333 4444, plimsoll.", "Thank you."]


@pytest.fixture(autouse=True)
async def store(database: str, tmp_path: Path) -> AsyncIterator[None]:
    storage.open_storage(f"file://{tmp_path}/objects", scratch=tmp_path)
    yield
    await storage.close_storage()


async def test_a_redacted_card_is_found_in_the_call_by_those_who_hear_it_and_in_no_clip(cast: Cast) -> None:
    call = await a_call(cast.agent.id, CARD)
    await a_clip(call, "A card", lines=(0, 3), cuts=[Cut(LINE_MS, 2 * LINE_MS)])
    await indexed()
    for typed in ("4111", "4444", "4111 2222 3333 4444", '"3333 4444"'):
        for who in ("trainer", "agent", "manager"):
            assert await find(cast.viewer(who), typed, "clip") == [], (typed, who)
        assert len(await heard(cast.viewer("trainer"), typed)) == 1
        assert await heard(cast.viewer("agent"), typed) == []
        assert await heard(cast.viewer("admin"), typed) == []
    assert len(await find(cast.viewer("manager"), "thank", "clip")) == 1
    entries = await SearchEntry.select(SearchEntry.words).where(SearchEntry.clip.is_not_null())
    assert all("4111" not in entry["words"] for entry in entries)


async def test_words_that_were_redacted_meanwhile_are_not_found_before_any_job_has_run(cast: Cast) -> None:
    call = await a_call(cast.agent.id, CARD)
    clip = await a_clip(call, "A card", lines=(0, 3))
    await indexed()
    assert len(await find(cast.viewer("manager"), "4111", "clip")) == 1
    # even by an edit that forgot to grow the revision: what is shown is read anew
    await Clip.update({Clip.transcript: "[]"}).where(Clip.id == clip)
    assert await find(cast.viewer("manager"), "4111", "clip") == []
    await Clip.update({Clip.revision: 7}).where(Clip.id == clip)
    assert await find(cast.viewer("manager"), "card", "clip") == []
    await index_clips([clip])
    assert len(await find(cast.viewer("manager"), "card", "clip")) == 1
    assert await find(cast.viewer("manager"), "4111", "clip") == []


async def test_corrected_words_are_found_and_the_old_ones_are_not(cast: Cast) -> None:
    call = await a_call(cast.agent.id, ["The plimsole line."])
    await indexed()
    await Segment.update({Segment.text: "The plimsoll line."}).where(Segment.recording == call)
    assert await heard(cast.viewer("trainer"), "plimsole") == []
    await Recording.update({Recording.transcript_revision: 2}).where(Recording.id == call)
    assert await heard(cast.viewer("trainer"), "plimsole") == []
    await jobs.publish("transcript_changed", {"recording": str(call)})
    await jobs.drain()
    assert await heard(cast.viewer("trainer"), "plimsole") == []
    assert len(await heard(cast.viewer("trainer"), "plimsoll")) == 1


async def everything_found(cast: Cast) -> list[int]:
    """Hits by kind; a count never tells of more than is shown."""
    found = await service.search(cast.viewer("analyst"), service.Wanted("plimsoll"))
    shown = {each.kind: len(each.hits) for each in found}
    assert {each.kind: each.count for each in found} == shown
    return [shown[kind] for kind in ("call", "clip", "note")]


async def entries() -> str:
    return str(await SearchEntry.select(SearchEntry.words))


@pytest.fixture
async def whole(cast: Cast, rule: str) -> UUID:
    """A call with title, lines, a clip and an analyst's word, all of plimsolls; returns its id."""
    call = await a_call(cast.agent.id, ["The plimsoll line."], title="Plimsoll")
    await a_clip(call, "Plimsoll", lines=(0, 1))
    await a_note(call, cast.agent.id, rule, "Plimsoll.")
    await indexed()
    assert await everything_found(cast) == [1, 1, 1]
    return call


async def test_an_erased_call_is_found_by_nobody_at_once_and_leaves_no_words(cast: Cast, whole: UUID) -> None:
    assert await erase(whole, None, "asked for")
    assert (await everything_found(cast))[:2] == [0, 0]
    # its lines went in the same statement as the lines themselves
    assert not await SearchEntry.exists().where(SearchEntry.segment.is_not_null())
    await jobs.drain()
    assert (await everything_found(cast))[:2] == [0, 0]
    await sweep_search(None)  # type: ignore[arg-type]
    assert not await SearchEntry.exists().where(
        SearchEntry.recording.is_not_null() | SearchEntry.clip.is_not_null()
    )


async def test_indexing_that_comes_after_an_erasure_brings_nothing_back(cast: Cast, whole: UUID) -> None:
    clips = [row["id"] for row in await Clip.select(Clip.id)]
    assert await erase(whole, None, "asked for")
    await index_call(whole)
    await index_clips(clips)
    assert (await everything_found(cast))[:2] == [0, 0]
    assert not await SearchEntry.exists().where(SearchEntry.recording.is_not_null())


async def test_a_call_whose_day_is_over_is_not_found_before_the_job_that_ends_it(
    cast: Cast, whole: UUID
) -> None:
    over = db.utc_now() - timedelta(minutes=1)
    await Recording.update({Recording.expires_at: over}).where(Recording.id == whole)
    assert (await everything_found(cast))[:2] == [0, 0]


async def test_an_evaluation_that_was_replaced_is_not_found_before_any_job_has_run(
    cast: Cast, whole: UUID
) -> None:
    await Evaluation.update({Evaluation.state: "replaced"}).where(Evaluation.recording == whole)
    assert (await everything_found(cast))[2] == 0
    await Evaluation.update({Evaluation.state: "released"}).where(Evaluation.recording == whole)
    await Mark.update({Mark.comment: ""}).where(Mark.comment == "Plimsoll.")
    assert await find(cast.viewer("analyst"), "plimsoll", "note") == []


async def test_a_clip_that_is_taken_down_is_found_by_nobody_at_once(cast: Cast, whole: UUID) -> None:
    (row,) = await Clip.select(Clip.id)
    await take_down(cast.viewer("trainer"), row["id"], "Too much of the caller.")
    assert (await everything_found(cast))[1] == 0
    assert await find(cast.viewer("trainer"), "plimsoll", "clip") == []
    await jobs.drain()
    assert not await SearchEntry.exists().where(SearchEntry.clip == row["id"])


async def test_a_retired_clip_is_found_by_trainers_alone(cast: Cast, whole: UUID) -> None:
    (row,) = await Clip.select(Clip.id)
    await retire_clip(cast.viewer("trainer"), row["id"])
    assert (await everything_found(cast))[1] == 0
    await jobs.drain()
    assert (await everything_found(cast))[1] == 0
    assert len(await find(cast.viewer("trainer"), "plimsoll", "clip")) == 1


async def test_an_erased_person_is_written_about_nowhere(cast: Cast, whole: UUID) -> None:
    await erase_person(cast.viewer("admin"), cast.agent.id, "Amara Nwosu")
    await jobs.drain()
    assert await everything_found(cast) == [0, 0, 0]
    assert "plimsoll" not in await entries()


async def test_erased_words_leave_the_file(cast: Cast, whole: UUID) -> None:
    """Deleting from SQLite's index only notes that a word is gone; the job takes it out."""
    if db.dialect() != "sqlite":
        return  # PostgreSQL's vacuum does this for its index as for its tables

    async def kept() -> bool:
        return any(b"limsoll" in row["block"] for row in await db.fetch("SELECT block FROM search_word_data"))

    assert await kept()
    await erase_person(cast.viewer("admin"), cast.agent.id, "Amara Nwosu")
    await jobs.drain()
    assert not await kept()


async def test_the_hourly_look_finds_what_was_missed_and_leaves_what_is_there(cast: Cast) -> None:
    call = await a_call(cast.agent.id, ["The plimsoll line."])
    clip = await a_clip(call, "Plimsoll", lines=(0, 1))
    await indexed()
    before = await SearchEntry.select().order_by(SearchEntry.id)
    await indexed()
    assert await SearchEntry.select().order_by(SearchEntry.id) == before
    await say(call, ["Another plimsoll."])
    await Recording.update({Recording.transcript_revision: 5}).where(Recording.id == call)
    await Clip.update({Clip.state: "superseded"}).where(Clip.id == clip)
    await indexed()
    assert len(await heard(cast.viewer("trainer"), "plimsoll")) == 2
    assert not await SearchEntry.exists().where(SearchEntry.clip == clip)
