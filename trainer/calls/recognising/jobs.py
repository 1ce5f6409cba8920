"""The job that listens: one call at a time in a process, in a child that is killed when nobody wants its words.

Killed itself, it begins again: nothing of a run is written before all of it is there.
"""

import asyncio
import os
from collections.abc import Sequence
from contextlib import suppress
from datetime import timedelta
from typing import Any
from uuid import UUID

from trainer import db, jobs, speech
from trainer.audio import AudioRefused
from trainer.audio.child import in_child
from trainer.calls.correcting import line_of, put_lines
from trainer.calls.lines import whole
from trainer.calls.reading import segments_of
from trainer.calls.recognising import queries
from trainer.calls.transcripts import LONGEST_LINE, Line, Speaker, spoken
from trainer.jobs import JobContext
from trainer.people.audit import record_audit
from trainer.speech import Engine, SpeechUnavailable, Word
from trainer.speech.listening import listen
from trainer.speech.phrasing import Turn, turns
from trainer.storage import StorageError, storage

# A model may need an hour for an hour on a small machine; more than this is a fault. The child's time is also counted
# in seconds of all its threads together.
SECONDS_A_SECOND = 8 * max(1, os.cpu_count() or 1)
LEAST_S = 1800.0
MEMORY_MB = 65_536  # address space: models are mapped, and graphics drivers map far more than they use
ASK_EVERY_S = 1.0
NEXT_TURN = timedelta(seconds=5)

_listening: set[UUID] = set()


class _CalledOff(Exception):
    """Nobody wants the words any more."""


@jobs.job("recognise_call", attempts=3, lease_seconds=60)
async def recognise_call(context: JobContext, run: str) -> None:
    """Writes down a call, unless nobody wants it any more, or the words were changed meanwhile."""
    run_id = UUID(run)
    if _listening:
        # a run that waits must not hold one of the few places in which the work of others is done
        again = await jobs.enqueue(recognise_call, {"run": run}, run_at=db.utc_now() + NEXT_TURN)
        await queries.hold_job(run_id, again)
        return
    _listening.add(run_id)
    try:
        await _recognise(context, run_id)
    finally:
        _listening.discard(run_id)


async def _recognise(context: JobContext, run: UUID) -> None:
    engine = speech.engine()
    row = await queries.begin(run)
    if row is None or engine is None:
        await queries.end(run, "failed", "unavailable", db.utc_now())
        return
    try:
        voices = await _while_wanted(context, run, row, engine)
    except SpeechUnavailable:
        await queries.end(run, "failed", "unavailable", db.utc_now())
    except AudioRefused as error:
        await queries.end(run, "failed", error.reason, db.utc_now())
    except StorageError as error:
        if error.reason != "missing":
            raise
        await queries.end(run, "failed", "missing", db.utc_now())
    else:
        if voices is not None:
            with suppress(_CalledOff):
                await _write(run, row, voices)


async def _while_wanted(
    context: JobContext, run: UUID, row: dict[str, Any], engine: Engine
) -> list[list[Word]] | None:
    """The words of each channel; None when it was called off, or its call erased."""
    async with storage().local_path(row["object_key"]) as path:
        work = asyncio.create_task(
            in_child(
                listen,
                path,
                engine,
                row["language"],
                row["duration_ms"],
                timeout_s=max(LEAST_S, SECONDS_A_SECOND * row["duration_ms"] / 1000),
                memory_mb=MEMORY_MB,
                on_progress=context.progress,
                place="speech",
            )
        )
        try:
            while not work.done():
                await asyncio.wait([work], timeout=ASK_EVERY_S)
                if not work.done() and not await queries.wanted(run):
                    return None
            return await work
        finally:
            work.cancel()
            await asyncio.wait([work])


async def _write(run: UUID, row: dict[str, Any], voices: Sequence[Sequence[Word]]) -> None:
    recording, expected = row["recording"], row["on_revision"]
    lines = _lines(voices, row["agent_channel"], row["duration_ms"])
    if not lines:
        await queries.end(run, "failed", "silent", db.utc_now())
        return
    async with db.transaction():
        if not await queries.wanted(run):
            return
        old = [line_of(turn) for turn in await segments_of(recording)]
        written = await put_lines(recording, old, lines, expected=expected, source="recognised")
        state, reason = ("done", "") if written else ("failed", "changed")
        if not await queries.end(run, state, reason, db.utc_now()):
            raise _CalledOff  # in this very moment: nothing of it is kept
        if written:
            detail = {"source": "recognised", "lines": len(lines), "removed": len(old)}
            await record_audit(None, "transcript_changed", "recording", str(recording), detail)


def _lines(voices: Sequence[Sequence[Word]], agent_channel: int, duration_ms: int) -> list[Line]:
    names: list[Speaker] = (
        ["agent" if channel == agent_channel else "caller" for channel in range(len(voices))]
        if len(voices) > 1
        else [""]
    )
    found = (
        _line(name, turn, duration_ms)
        for name, words in zip(names, voices, strict=True)
        for turn in turns([(name, words)])
    )
    return whole(line for line in found if line is not None)


def _line(speaker: Speaker, turn: Turn, duration_ms: int) -> Line | None:
    """A turn as a line within the call; None when nothing was said in it."""
    text = spoken(turn.text)[:LONGEST_LINE]
    start, end = turn.start_ms, min(turn.end_ms, duration_ms)
    if not text or start >= end:
        return None
    words = tuple(
        (word.start_ms, max(word.start_ms, min(word.end_ms, end)), spoken(word.text)) for word in turn.words
    )
    return Line(start, end, speaker, text, tuple(word for word in words if word[2]))
