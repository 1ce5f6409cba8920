"""A library of calls and clips taken in at once: the starter library, and what another centre exported.

`library.yaml` names calls (see `trainer.calls.folder`) and clips by slug. Clips are cut, rendered side by
side and published, credited to one curator.
A clip of a moment that went wrong says with `agent_consent: true` (and `own_team: true`) that its agent agreed.
Invariant: a clip whose slug is here already is left as it is, so that an import may be repeated or resumed,
and one bad entry never stops the rest.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import yaml

from trainer import db, jobs
from trainer.calls.folder import FolderReport, import_recordings
from trainer.clips import queries
from trainer.clips.arithmetic import Cut
from trainer.clips.consent import say_for
from trainer.clips.editing import create_clip
from trainer.clips.fields import ClipFields, RuleCue
from trainer.clips.service import publish_clip
from trainer.problems import Invalid, Problem
from trainer.web.i18n import _
from trainer.web.texts import readable_in

SIDE_BY_SIDE = 4
LOOK_AGAIN_S = 0.05
PREPARED_WITHIN_S = 600.0

# (how many clips have their sound by now, how many there are to cut)
Progress = Callable[[int, int], Awaitable[None]]


@dataclass(slots=True)
class LibraryReport:
    """What became of each clip, by its slug, and of the calls."""

    calls: FolderReport
    published: dict[str, UUID] = field(default_factory=dict)
    known: dict[str, UUID] = field(default_factory=dict)
    refused: dict[str, str] = field(default_factory=dict)

    @property
    def clips(self) -> dict[str, UUID]:
        """Every clip of the library that is here now."""
        return {**self.known, **self.published}

    def lines(self) -> list[str]:
        """For a terminal."""
        refused = [f"{slug}: {reason}" for slug, reason in self.refused.items()]
        counts = {"new": len(self.published), "known": len(self.known), "refused": len(self.refused)}
        summary = _("Clips: %(new)s published, %(known)s here already, %(refused)s refused.") % counts
        return [*self.calls.lines(), *refused, summary]


async def _untold(done: int, total: int) -> None:
    """Nobody watches."""


async def import_library(
    folder: Path,
    *,
    curator: UUID | None = None,
    people: Mapping[str, UUID] | None = None,
    zone: ZoneInfo | None = None,
    role_played: bool = False,
    progress: Progress = _untold,
) -> LibraryReport:
    """Takes in the calls of a folder with `library.yaml` and publishes its clips.

    `people` gives ids for agents that it names by key, `curator` is who the clips are credited to; each clip
    is dated a day after its call. `role_played`: all its calls are staged and no agent's. Returns when all of
    them can be heard. Raises Invalid for a library that cannot be read.
    """
    described = await asyncio.to_thread(_described, folder / "library.yaml")
    async with _hands():
        report = LibraryReport(
            await import_recordings(None, folder, zone=zone, people=people, role_played=role_played)
        )
        await _prepared(report.calls.recordings)
        wanted = await _cut(described, report, curator)
        await _rendered(list(wanted.values()), progress)
        agreed = {
            clip["slug"]: clip.get("own_team") is True for clip in described if clip.get("agent_consent")
        }
        for slug, clip in wanted.items():
            if slug in agreed:
                await say_for(clip, own_team=agreed[slug])
            await _publish(slug, clip, report)
    return report


def _described(path: Path) -> list[dict[str, Any]]:
    try:
        document = readable_in(yaml.safe_load(path.read_text(encoding="utf-8")))
        clips = document["clips"]
        if not all(isinstance(clip, dict) and clip.get("slug") for clip in clips):
            raise ValueError("a clip without a slug")
    except (OSError, yaml.YAMLError, KeyError, TypeError, ValueError) as error:
        raise Invalid(
            _("%(file)s cannot be read: %(reason)s") % {"file": path.name, "reason": error}
        ) from error
    return clips


@asynccontextmanager
async def _hands() -> AsyncIterator[None]:
    """Workers for the jobs of this import: a command has none, and a server's own ones are only helped."""
    worker = jobs.Worker(concurrency=SIDE_BY_SIDE)
    running = asyncio.create_task(worker.run())
    try:
        yield
    finally:
        await worker.stop()
        await running


async def _prepared(recordings: Mapping[str, UUID]) -> None:
    """Until every call is decoded or refused."""
    ids = list(recordings.values())
    await _until(lambda: queries.unprepared(ids))


async def _rendered(clips: list[UUID], progress: Progress) -> None:
    """Until every clip has its sound, or a reason why not."""
    for done, clip in enumerate(clips, 1):
        await _until(partial(queries.unrendered, [clip]))
        await progress(done, len(clips))


async def _until(waiting: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(PREPARED_WITHIN_S):
        while True:
            if not await waiting():
                return
            await asyncio.sleep(LOOK_AGAIN_S)


async def _cut(
    described: list[dict[str, Any]], report: LibraryReport, curator: UUID | None
) -> dict[str, UUID]:
    """Drafts of the clips that are not published yet, by slug."""
    here = await queries.clips_by_slug([clip["slug"] for clip in described])
    recordings = report.calls.recordings
    wanted: dict[str, UUID] = {}
    for clip in described:
        slug = clip["slug"]
        if slug in here:
            unfinished = here[slug]["state"] == "draft"
            (wanted if unfinished else report.known)[slug] = here[slug]["id"]
            continue
        try:
            if clip.get("call") not in recordings:
                raise Invalid(_("Its call was not taken in."))
            recording = recordings[clip["call"]]
            wanted[slug] = await create_clip(None, recording, _fields(clip), slug=slug, curator=curator)
        except Invalid as problem:
            report.refused[slug] = " ".join(error.message for error in problem.errors) or problem.detail
        except (Problem, KeyError, TypeError, ValueError) as problem:
            report.refused[slug] = str(problem)
    return wanted


def _fields(clip: Mapping[str, Any]) -> ClipFields:
    return ClipFields(
        start_ms=int(clip["start_ms"]),
        end_ms=int(clip["end_ms"]),
        title=clip["title"],
        polarity=clip["polarity"],
        rules=tuple(clip["rules"]),
        cue_ms=clip.get("cue_ms"),
        note=clip.get("note") or "",
        why=clip.get("why") or "",
        redactions=tuple(Cut(**cut) for cut in clip.get("redactions") or ()),
        no_speech=bool(clip.get("no_speech")),
        cues=tuple(RuleCue(**cue) for cue in clip.get("cues") or ()),
    )


async def _publish(slug: str, clip: UUID, report: LibraryReport) -> None:
    called_at = (await queries.called_at(clip)) or db.utc_now()
    dated = min(called_at + timedelta(days=1), db.utc_now())
    try:
        report.published[slug] = await publish_clip(None, clip, review="self", privacy_checked=True, at=dated)
    except Problem as problem:
        report.refused[slug] = problem.detail
