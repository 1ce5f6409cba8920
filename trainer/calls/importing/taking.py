"""Taking in the calls that somebody said yes to, each in a transaction of its own.

Calls are prepared by jobs of their own, on every core of every worker. Only a few of them wait at a time, so that a
clip that somebody waits for never stands behind thousands of calls.
Invariant: a row is taken at most once, whoever else is at it; what stops this stops it between two rows, and it
goes on there. One bad file refuses its own row and no other.
"""

import asyncio
import json
import logging
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from functools import partial
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from trainer import jobs
from trainer.calls import forms, proofs
from trainer.calls.importing import columns, queries
from trainer.calls.importing.archive import Source
from trainer.calls.importing.planning import probe_of, side_by_side
from trainer.calls.importing.tables import CallImportRow
from trainer.calls.importing.unpacking import Changed, damaged, scratch_file, take_out, words_of
from trainer.calls.service import receive_recording
from trainer.db import DatabaseError
from trainer.problems import Invalid, Problem
from trainer.storage import StorageError, no_space
from trainer.web.i18n import _
from trainer.web.session import Viewer

log = logging.getLogger(__name__)

PAGE = 50
WAITING = max(4, 2 * (os.cpu_count() or 1))  # calls of one import that may wait to be prepared
LOOK_AGAIN_S = 0.05
ALONE_S = 1.0  # nobody prepares calls here: then nothing is waited for

Progress = Callable[[int, int], Awaitable[None]]


class _Known(Exception):
    """The same content came in meanwhile."""

    def __init__(self, recording: UUID) -> None:
        self.recording = recording


class _Overtaken(Exception):
    """Another worker took this row."""


class Taking:
    """One import on its way: `await Taking(…).run()`."""

    def __init__(
        self,
        viewer: Viewer | None,
        pending: UUID,
        reading: UUID,
        source: Source,
        zone: ZoneInfo,
        tell: Progress,
    ) -> None:
        self.viewer = viewer
        self.pending = pending
        self.reading = reading
        self.source = source
        self.zone = zone
        self.tell = tell
        self.taken = 0
        self.total = 0
        self._waiting: set[UUID] = set()  # calls that are not prepared yet
        self._nobody_prepares = False

    async def run(self) -> None:
        """Takes every row that is still new, then waits until their calls are prepared (if somebody does so)."""
        for each in await queries.outcomes(self.pending, self.reading):
            if each["state"] in ("new", "taken"):
                self.total += each["n"]
                self.taken += each["n"] if each["state"] == "taken" else 0
        self._waiting = set(await queries.being_prepared(self.pending, self.reading))
        rows, turn = self._rows(), asyncio.Lock()

        async def work() -> None:
            while True:
                async with turn:
                    await self._until_few_wait(WAITING)
                    row = await anext(rows, None)
                if row is None:
                    return
                if recording := await self._take(row):
                    self._waiting.add(recording)
                self.taken += 1

        await side_by_side(work)
        await self._until_few_wait(0)

    async def _rows(self) -> AsyncIterator[dict[str, Any]]:
        after = -1
        while page := await queries.rows_of(
            self.pending, self.reading, states=["new"], after=after, limit=PAGE
        ):
            for row in page:
                yield row
            after = page[-1]["line"]

    async def _until_few_wait(self, most: int) -> None:
        """Until at most so many calls wait to be prepared; at once where no worker is there to do it."""
        idle_s = 0.0
        while True:
            jobs_of = await queries.still_processing(list(self._waiting)) if self._waiting else {}
            self._waiting &= jobs_of.keys()
            await self.tell(max(self.taken - len(self._waiting), 0), self.total)
            if len(self._waiting) <= most:
                return
            states = [await jobs.get_job(job) for job in list(jobs_of.values())[:WAITING]]
            if any(state is not None and state.status == "running" for state in states):
                idle_s, self._nobody_prepares = 0.0, False
            elif self._nobody_prepares or idle_s > ALONE_S:
                self._nobody_prepares = True
                return
            await asyncio.sleep(LOOK_AGAIN_S)
            idle_s += LOOK_AGAIN_S

    async def _take(self, row: dict[str, Any]) -> UUID | None:
        """Takes one call in, and returns its id; or notes why not."""
        try:
            return await self._take_in(row)
        except _Overtaken:
            pass
        except _Known as known:
            await _settle(row["id"], "known", recording=known.recording)
        except (DatabaseError, StorageError):
            raise  # nothing is wrong with the file: the job waits and goes on here
        except Changed:
            await _settle(row["id"], "refused", [("file", damaged())])
        except Invalid as problem:
            await _settle(row["id"], "refused", columns.reasons(problem))
        except Problem as problem:
            await _settle(row["id"], "refused", [("", problem.detail)])
        except Exception as error:
            if no_space(error):
                raise  # the same
            log.exception("a call of import %s could not be taken in", self.pending)
            why = _("Something went wrong on our side with this file. The others are not affected.")
            await _settle(row["id"], "refused", [("file", why)])
        return None

    async def _take_in(self, row: dict[str, Any]) -> UUID:
        fields = await forms.read_fields(json.loads(row["texts"]), self.zone)
        words: bytes | None = None
        if row["words_place"]:
            words = await asyncio.to_thread(words_of, self.source, row["words_place"])
        with scratch_file() as path:
            sha256 = await asyncio.to_thread(take_out, self.source, row["place"], path)
            if sha256 != row["sha256"]:
                raise Changed("another file than in the preview")
            return await receive_recording(
                self.viewer,
                path,
                fields,
                transcript=words,
                sha256=sha256,
                move=True,
                probed=probe_of(row["probe"]),
                together=partial(_note, row["id"], sha256),
            )


async def _note(row: UUID, sha256: str, recording: UUID) -> None:
    """In the transaction of the call: the row is taken, once, and its content is here once."""
    await proofs.hold(sha256)
    if other := await queries.same_content_but(recording, sha256):
        raise _Known(other)
    if not await _settle(row, "taken", recording=recording):
        raise _Overtaken


async def _settle(
    row: UUID, state: str, faults: list[tuple[str, str]] | None = None, *, recording: UUID | None = None
) -> bool:
    """What became of a row that was new; False when somebody was first."""
    told: dict[Any, Any] = {CallImportRow.state: state, CallImportRow.recording: recording}
    if faults:
        told[CallImportRow.faults] = json.dumps(faults, ensure_ascii=False)
    if state != "refused":
        told[CallImportRow.texts] = "{}"  # it stands in the call now
    new = (CallImportRow.id == row) & (CallImportRow.state == "new")
    return bool(await CallImportRow.update(told).where(new).returning(CallImportRow.id))
