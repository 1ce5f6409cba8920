"""Keeping the index: jobs that follow what changes, and an hourly look for what was missed.

Each entry knows the revision that it was made from, and none is found by an older one. So while a job waits, new
words are not found yet, and old ones not any more. What is deleted takes its entries along in the same statement.
Invariant: indexing anything twice, late or beside its erasure leaves what indexing it once at the end would leave.
"""

import time
from collections.abc import Iterable
from datetime import timedelta
from itertools import accumulate
from typing import Any
from uuid import UUID

import msgspec

from trainer import db, jobs
from trainer.clips.arithmetic import REMOVED
from trainer.clips.reading import OPEN_STATES
from trainer.clips.reviewing.queries import last_words
from trainer.jobs import JobContext
from trainer.search import index_queries as queries
from trainer.search.queries import GAP, MARKS, Mark, Row
from trainer.search.sought import indexed

AT_ONCE = 200
# of the megabyte that PostgreSQL takes for one entry's words and their places
MOST_BYTES = 700_000
PLACE_BYTES = 10
MERGE_STEPS = 10_000
_texts = msgspec.json.Decoder(dict[str, str])
_lines = msgspec.json.Decoder(list[dict[str, Any]])


def words_of(mark: Mark, texts: Iterable[str]) -> str:
    """The words of one entry."""
    found = [words for text in texts if (words := indexed(text))]
    return f"{MARKS[mark]} " + f" {GAP} ".join(found)


def all_words(lines: Iterable[str]) -> str:
    """Each word of a call once, of texts as they are indexed. A call of more words than people say in a day has the
    first of them: PostgreSQL indexes no longer texts, and the others are still found in their lines."""
    words = dict.fromkeys(word for line in lines for word in line.split())
    sizes = accumulate(len(word.encode()) + PLACE_BYTES for word in words)
    return f"{MARKS['whole']} " + " ".join(
        word for word, size in zip(words, sizes, strict=True) if size <= MOST_BYTES
    )


async def index_call(recording: UUID) -> None:
    """The title and lines of a ready call as they are now; nothing of any other."""
    async with db.transaction():
        await db.lock(f"search:{recording}")
        call = await queries.call_to_index(recording)
        if call is not None and call["known"]:
            return
        await queries.forget("recording", [recording])
        if call is None:
            return
        spoken = await queries.lines_to_index(recording)
        title, *said = [indexed(text) for text in (call["title"], *(line["text"] for line in spoken))]
        entries: list[Row] = [{"words": f"{MARKS['title']} {title}"}]
        entries += [
            {"segment": line["id"], "words": f"{MARKS['line']} {words}"}
            for line, words in zip(spoken, said, strict=True)
        ]
        if spoken:
            # it goes in the same statement as its lines
            entries.append({"segment": spoken[0]["id"], "words": all_words([title, *said])})
        await _insert([{**entry, "recording": recording, "revision": call["revision"]} for entry in entries])


async def index_clips(clips: list[UUID]) -> None:
    """Living clips as they are now, with the drafts of their next versions."""
    async with db.transaction():
        for clip in sorted(clips):
            await db.lock(f"search:{clip}")
        found = await queries.clips_to_index(clips)
        await queries.forget("clip", [*clips, *await queries.clip_family(clips)])
        inside = await _inside(found)
        entries: list[Row] = []
        for row in found:
            texts = clip_texts(row)
            entries += [
                {"clip": row["id"], "revision": row["revision"], "words": words_of("clip", texts)},
                {
                    "clip": row["id"],
                    "inside": True,
                    "revision": row["stamp"],
                    "words": words_of("made", [*texts, *inside[row["id"]]]),
                },
            ]
        await _insert(entries)
    await index_pairs(await queries.pairs_with("good", clips))


def clip_texts(row: Row) -> list[str]:
    """What everybody finds of a clip: its title and note in every language, and its words. Why the rule is met or
    broken is not among them: learners are to find that out."""
    spoken = [line["text"].replace(REMOVED, " ") for line in _lines.decode(row["transcript"])]
    return [*_texts.decode(row["title"]).values(), *_texts.decode(row["note"]).values(), *spoken]


async def _inside(clips: list[Row]) -> dict[UUID, list[str]]:
    """What those find who make clips: why each rule is met or broken, and what reviewers wrote of drafts."""
    texts = {row["id"]: list(_texts.decode(row["why"]).values()) for row in clips}
    for reason in await queries.reasons_of(list(texts)) if texts else []:
        texts[reason["clip"]] += _texts.decode(reason["why"]).values()
    drafts = [row["id"] for row in clips if row["state"] in OPEN_STATES]
    for said in await last_words(drafts) if drafts else []:
        texts[said["draft"]].append(said["words"])
    return texts


async def index_playlist(playlist: UUID) -> None:
    """A playlist as it is now, with what is written beside its clips."""
    async with db.transaction():
        await db.lock(f"search:{playlist}")
        await queries.forget("playlist", [playlist])
        found = await queries.playlist_to_index(playlist)
        whole = [{"words": words_of("playlist", [found[0]["title"], found[0]["note"]])}] if found else []
        items = [
            {"playlist_item": row["item"], "words": words_of("playlist", [row["item_note"]])}
            for row in found
            if row["item"]
        ]
        await _insert(
            [{**entry, "playlist": playlist, "revision": found[0]["revision"]} for entry in [*whole, *items]]
        )


async def index_pairs(pairs: list[UUID]) -> None:
    """Contrast pairs as they are now."""
    if not pairs:
        return
    async with db.transaction():
        for pair in sorted(pairs):
            await db.lock(f"search:{pair}")
        await queries.forget("pair", pairs)
        await _insert(
            [
                {
                    "pair": row["id"],
                    "revision": row["stamp"],
                    "words": words_of("pair", [row["note"], *_texts.decode(row["title"]).values()]),
                }
                for row in await queries.pairs_to_index(pairs)
            ]
        )


async def index_rule(rule: UUID) -> None:
    """What a rule says now, published and as a draft."""
    async with db.transaction():
        await db.lock(f"search:{rule}")
        versions, current = await queries.rules_to_index(rule)
        await queries.forget("rule_version", versions)
        entries: list[Row] = []
        for row in current:
            texts = [
                text for name in ("title", "statement", "why") for text in _texts.decode(row[name]).values()
            ]
            words = words_of("rule", texts)
            entries.append({"rule_version": row["id"], "revision": row["revision"], "words": words})
        await _insert(entries)


async def index_notes(evaluation: UUID) -> None:
    """What an analyst wrote in a released evaluation."""
    async with db.transaction():
        await db.lock(f"search:{evaluation}")
        await queries.forget("evaluation", [evaluation])
        found = await queries.notes_to_index(evaluation)
        whole = [{"words": words_of("note", [found[0]["comment"]])}] if found and found[0]["comment"] else []
        single = [
            {"mark": row["mark"], "words": words_of("note", [row["mark_comment"]])}
            for row in found
            if row["mark"]
        ]
        await _insert([{**entry, "evaluation": evaluation} for entry in [*whole, *single]])


async def _insert(entries: list[Row]) -> None:
    """Entries of one thing; the first is found first, so it gets the highest key."""
    now = time.time_ns()
    await queries.insert(
        [{"revision": 0, "inside": False, **entry, "id": now - n} for n, entry in enumerate(entries)]
    )


# What happens to calls


@jobs.on("recording_ready")
@jobs.on("recording_changed")
@jobs.on("transcript_changed")
async def follow_call(context: JobContext, event: dict[str, Any]) -> None:
    """A call is ready to be heard, or its title or its words were changed."""
    await index_call(UUID(event["recording"]))


@jobs.on("recording_erased")
@jobs.on("recording_expired")
async def forget_call(context: JobContext, event: dict[str, Any]) -> None:
    """A call is over, and so is what was cut from it, but for what lives on by its own right."""
    recording = UUID(event["recording"])
    await index_call(recording)
    if clips := await queries.clips_of_call(recording):
        await index_clips(clips)
    await _compact_soon()


# What happens to clips


@jobs.on("clip_changed")
@jobs.on("clip_reviewed")
@jobs.on("clip_published")
@jobs.on("clip_restored")
async def follow_clip(context: JobContext, event: dict[str, Any]) -> None:
    """A clip has other words, others were said of it, or it is in use anew."""
    await index_clips([UUID(event["clip"])])


@jobs.on("clip_taken_down")
@jobs.on("clip_lost")
async def forget_clip(context: JobContext, event: dict[str, Any]) -> None:
    """A clip is in no use any more, nor is what was noted on it."""
    clip = UUID(event["clip"])
    await index_clips([clip])
    await queries.forget_item_notes(clip)
    await _compact_soon()


@jobs.on("playlist_changed")
async def follow_playlist(context: JobContext, event: dict[str, Any]) -> None:
    """A playlist was made, or something else is in it."""
    await index_playlist(UUID(event["playlist"]))


@jobs.on("pair_made")
async def follow_pair(context: JobContext, event: dict[str, Any]) -> None:
    """Two clips stand side by side."""
    await index_pairs([UUID(event["pair"])])


# What happens to rules and evaluations


@jobs.on("rule_published")
@jobs.on("rule_changed")
async def follow_rule(context: JobContext, event: dict[str, Any]) -> None:
    """A rule says something else, or its draft does; pairs are called by it."""
    rule = UUID(event["rule"])
    await index_rule(rule)
    await index_pairs(await queries.pairs_with("rule", [rule]))


@jobs.on("evaluation_released")
async def follow_evaluation(context: JobContext, event: dict[str, Any]) -> None:
    """An analyst's words are open to those who may read them; those of the evaluation that it replaces are past."""
    evaluation = UUID(event["evaluation"])
    await index_notes(evaluation)
    if replaced := await queries.replaced_by(evaluation):
        await index_notes(replaced)


@jobs.on("person_erased")
async def forget_words_about(context: JobContext, event: dict[str, Any]) -> None:
    """Nobody finds words about somebody who was erased."""
    if await queries.forget("evaluation", await queries.evaluations_of(UUID(event["person"]))):
        await _compact_soon()


# What was missed


@jobs.schedule("sweep_search", every=timedelta(hours=1), lease_seconds=600)
async def sweep_search(context: JobContext) -> None:
    """Whatever is not in the index as it is now, and all that is in it of what ended."""
    gone = await queries.forget_over()
    for recording in await _missing("recording"):
        await index_call(recording)
    for clip in await _missing("clip"):
        await index_clips([clip])
    for rule in await _missing("rule"):
        await index_rule(rule)
    for playlist in await _missing("playlist"):
        await index_playlist(playlist)
    for pair in await _missing("pair"):
        await index_pairs([pair])
    for evaluation in await _missing("evaluation"):
        await index_notes(evaluation)
    if gone:
        await _compact_soon()


async def _missing(kind: str) -> list[UUID]:
    """All of them, read in parts; an id that comes again is stuck, and left for the next time."""
    found: dict[UUID, None] = {}
    for row in await queries.missing(kind, 100_000):
        found[row] = None
    return list(found)


async def _compact_soon() -> None:
    if db.dialect() == "sqlite":
        await jobs.enqueue(compact_search, dedupe="compact_search")


@jobs.job("compact_search", lease_seconds=600)
async def compact_search(context: JobContext) -> None:
    """Takes deleted words out of the index's file, in steps so short that nobody waits for them."""
    more = await queries.compact(-AT_ONCE)
    for _step in range(MERGE_STEPS):
        if not more:
            return
        more = await queries.compact(AT_ONCE)
