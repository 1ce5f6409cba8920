"""Calls in which an agent says what callers hate to hear are proposed, and it stays no mark (003-15)."""

from uuid import UUID

from tests.curating.makers import a_call
from trainer import db, jobs
from trainer.calls.tables import Recording, Segment
from trainer.curating import phrased
from trainer.curating.tables import PhrasedCall
from trainer.curating.worth import proposals
from trainer.quality.tables import Evaluation
from trainer.rulebook.phrases import phrases
from trainer.web.session import Viewer


async def says(recording: UUID, *lines: tuple[str, str]) -> None:
    """Lines of a call, five seconds each."""
    for position, (speaker, text) in enumerate(lines):
        start = position * 5_000
        await Segment.insert(
            Segment(
                id=db.new_id(),
                recording=recording,
                position=position,
                start_ms=start,
                end_ms=start + 4_000,
                speaker=speaker,
                text=text,
            )
        )


async def a_hated_phrase() -> str:
    """One that the starter rule book knows in English."""
    return next(phrase.said[0] for phrase in await phrases() if phrase.language == "en" and not phrase.alone)


async def test_what_has_a_better_way_speaks_for_a_call_at_its_second(trainer: Viewer) -> None:
    call, hated = await a_call(), await a_hated_phrase()
    await says(
        call, ("caller", f"You said {hated}."), ("agent", "Good morning."), ("agent", f"Well, {hated}.")
    )
    async with db.transaction():
        await jobs.publish("recording_ready", {"recording": str(call)})
    await jobs.drain()
    (found,) = await proposals(trainer, why="phrase")
    (reason,) = found.reasons
    assert (found.id, reason.words) == (call, "Something said that has a better way")
    assert reason.at_ms is not None
    assert 10_000 <= reason.at_ms < 14_000
    assert await Evaluation.count() == 0


async def test_corrected_words_and_an_erased_call_take_it_away(trainer: Viewer) -> None:
    call, gone, hated = await a_call(), await a_call(), await a_hated_phrase()
    for each in (call, gone):
        await says(each, ("agent", f"Well, {hated}."))
        assert await phrased.count_phrases(each) == 1
    assert await phrased.count_phrases(call) == 1  # twice is once
    assert await PhrasedCall.count() == 2
    await Segment.update({Segment.text: "Let me see."}).where(Segment.recording == call)
    await Recording.update({Recording.state: "erased"}).where(Recording.id == gone)
    async with db.transaction():
        await jobs.publish("transcript_changed", {"recording": str(call), "revision": 2})
        await jobs.publish("recording_erased", {"recording": str(gone)})
    await jobs.drain()
    assert await PhrasedCall.count() == 0
    assert await proposals(trainer) == []


async def test_a_phrase_that_is_added_later_is_found_overnight(trainer: Viewer) -> None:
    call, hated = await a_call(), await a_hated_phrase()
    await says(call, ("agent", f"Well, {hated}."))
    await phrased.count_again(None)  # type: ignore[arg-type]
    assert [each.id for each in await proposals(trainer)] == [call]
