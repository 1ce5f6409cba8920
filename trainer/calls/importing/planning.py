"""What an archive or folder of calls would bring: each row of its sheet judged, nothing of it stored.

A row names a file; without a sheet each audio file is a row. Its words are in the file that the row names, or in one
of the same name. Each file is listened to for a moment, in a child, so that the preview tells what would be refused.
Invariant: a row is good as a whole or refused as a whole, with every reason and its column.
"""

import asyncio
import json
import os
import unicodedata
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import PurePosixPath
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from trainer.audio import Probe
from trainer.calls import forms, proofs
from trainer.calls.folder import NOT_AUDIO, TRANSCRIPTS
from trainer.calls.importing import columns, queries
from trainer.calls.importing.archive import Entry, Source, look_into
from trainer.calls.importing.first_look import AT_ONCE, Finding, Task, examine
from trainer.calls.importing.unpacking import Changed, damaged, scratch_file, take_out
from trainer.calls.service import MOST_TITLE, check_fields
from trainer.problems import Invalid
from trainer.sheets.columns import Matched, about_columns, match_columns
from trainer.sheets.reading import MOST_BYTES, MOST_ROWS, Sheet, open_sheet
from trainer.web.i18n import _
from trainer.web.session import Viewer

SHEETS = (".csv", ".tsv", ".xlsx")
SIDE_BY_SIDE = max(2, min(16, os.cpu_count() or 1))  # children at work for one import

Progress = Callable[[int, int], Awaitable[None]]


@dataclass(slots=True)
class Row:
    """One call and what would become of it. `line`: its row in the sheet, or its place among the files."""

    line: int
    file: str
    texts: dict[str, str]
    audio: Entry | None = None
    words: Entry | None = None
    faults: list[tuple[str, str]] = field(default_factory=list)
    found: Finding = field(default_factory=Finding)
    known: UUID | None = None

    @property
    def state(self) -> str:
        """new, known or refused."""
        return "refused" if self.faults else "known" if self.known else "new"

    def fault(self, column: str, reason: str) -> None:
        if (column, reason) not in self.faults:
            self.faults.append((column, reason))


@dataclass(slots=True)
class Plan:
    """What a source would bring. `blocked`: why its sheet cannot be used as it is; then there are no rows.

    `unnamed`: audio files that no row names. `left_out`: files that cannot be anything, with the reason.
    """

    sheet_name: str
    sheet: Sheet | None
    matched: Matched | None
    blocked: list[str] = field(default_factory=list)
    rows: list[Row] = field(default_factory=list)
    unnamed: list[str] = field(default_factory=list)
    left_out: list[tuple[str, str]] = field(default_factory=list)

    def about(self) -> dict[str, Any]:
        """What the page needs to show and correct the columns, and what lies in no row."""
        told: dict[str, Any] = {
            "sheet": self.sheet_name,
            "blocked": self.blocked,
            "rows": len(self.rows),
            "unnamed": len(self.unnamed),
            "unnamed_names": self.unnamed[:50],
            "left_out": self.left_out[:200],
            "left_out_count": len(self.left_out),
        }
        if self.sheet is not None and self.matched is not None:
            told |= about_columns(self.sheet, self.matched)
        return told


async def plan_calls(
    viewer: Viewer | None,
    source: Source,
    zone: ZoneInfo,
    tell: Progress,
    *,
    defaults: Mapping[str, str],
    chosen: Mapping[str, int] | None = None,
) -> Plan:
    """Judges every call of a source for `viewer` (None: the system). `defaults`: what holds where a row says nothing;
    `chosen`: our columns by their places, as somebody set them.

    Raises Invalid for a source that cannot be used at all.
    """
    inventory = await look_into(source)
    name, sheet = await _sheet_of(source, inventory.entries)
    files = _Files(inventory.entries)
    plan = Plan(name, sheet, None, left_out=inventory.left_out)
    if sheet is None:
        plan.rows = [
            Row(line, entry.name, {name: text for name, text in defaults.items() if text}, entry)
            for line, entry in enumerate(files.audio, start=1)
        ]
        if len(plan.rows) > MOST_ROWS:
            raise Invalid(
                _("There are more than %(most)s calls in it. Take them in in parts.") % {"most": MOST_ROWS}
            )
    else:
        plan.matched = match_columns(sheet, columns.KNOWN, chosen=chosen)
        plan.blocked = columns.blocked(plan.matched)
        if plan.blocked:
            return plan
        plan.rows = list(_rows_of(sheet, plan.matched, defaults))
    if not plan.rows:
        raise Invalid(_("There is no call in it: neither a file with sound nor a sheet that names any."))
    _find_files(plan.rows, files, plan.matched, sheet)
    named = {row.audio.place for row in plan.rows if row.audio}
    plan.unnamed = [entry.name for entry in files.audio if entry.place not in named]
    await _check_fields(viewer, plan.rows, zone)
    await _listen(source, plan.rows, tell)
    await _find_known(plan.rows)
    return plan


async def _sheet_of(source: Source, entries: list[Entry]) -> tuple[str, Sheet | None]:
    """The sheet that was sent for a source, or the one in it, wherever it lies. Raises Invalid."""
    if source.sheet is not None:
        return source.sheet_name, await open_sheet(source.sheet)
    sheets = [entry for entry in entries if PurePosixPath(entry.name).suffix.lower() in SHEETS]
    if not sheets:
        return "", None
    if len(sheets) > 1:
        names = ", ".join(f"“{entry.name}”" for entry in sheets[:5])
        raise Invalid(_("There are several sheets in it: %(names)s. Leave only one.") % {"names": names})
    entry = sheets[0]
    if entry.size > MOST_BYTES:
        raise Invalid(_("A spreadsheet may have at most %(most)s MB.") % {"most": MOST_BYTES >> 20})
    with scratch_file() as path:
        try:
            await asyncio.to_thread(take_out, source, entry.place, path)
        except Changed as error:
            raise Invalid(f"{entry.name}: {damaged()}") from error
        return entry.name, await open_sheet(path)


def _rows_of(sheet: Sheet, matched: Matched, defaults: Mapping[str, str]) -> Iterator[Row]:
    for place, cells in enumerate(sheet.rows):
        named = matched.cell(cells, "file").strip()
        row = Row(sheet.numbers[place], named[:400], columns.texts_of(matched, cells, defaults))
        if place in sheet.uneven:
            told = {"has": sheet.uneven[place], "named": len(sheet.columns)}
            row.fault("", _("It has %(has)s cells where the first row names %(named)s columns.") % told)
        elif not named:
            row.fault("file", _("Name the file of the call."))
        yield row


# Which file is meant


class _Files:
    """The entries by what somebody may call them: a path, the end of one, a name with or without its ending."""

    def __init__(self, entries: list[Entry]) -> None:
        self.by_name = {_key(entry.name): entry for entry in entries}
        self.by_end: dict[str, list[Entry]] = {}
        self.by_stem: dict[str, list[Entry]] = {}
        self.audio: list[Entry] = []
        for entry in entries:
            path = PurePosixPath(_key(entry.name))
            self.by_end.setdefault(path.name, []).append(entry)
            if path.suffix not in (*NOT_AUDIO, *SHEETS):
                self.by_stem.setdefault(path.stem, []).append(entry)
                self.audio.append(entry)

    def find(self, named: str, *, audio: bool) -> list[Entry]:
        """The entries that may be meant: exactly one when all is well."""
        key = _key(named)
        if exact := self.by_name.get(key):
            return [exact]
        last = PurePosixPath(key).name
        found = [entry for entry in self.by_end.get(last, []) if f"/{_key(entry.name)}".endswith(f"/{key}")]
        return found or (self.by_stem.get(key, []) if audio else [])

    def words_beside(self, audio: Entry) -> Entry | None:
        """The transcript of the same name in the same folder."""
        path = PurePosixPath(_key(audio.name))
        beside = (self.by_name.get(str(path.with_suffix(suffix))) for suffix in TRANSCRIPTS)
        return next((entry for entry in beside if entry), None)


def _key(name: str) -> str:
    plain = unicodedata.normalize("NFC", name).replace("\\", "/").casefold()
    return plain.removeprefix("./")


def _find_files(rows: list[Row], files: _Files, matched: Matched | None, sheet: Sheet | None) -> None:
    """Gives each row its audio and transcript, or says why it has none."""
    named_by: dict[str, int] = {}
    for place, row in enumerate(rows):
        if row.audio is None and row.file:
            row.audio = _the_one(row, "file", files.find(row.file, audio=True))
        if row.audio is None:
            continue
        first = named_by.setdefault(row.audio.place, row.line)
        if first != row.line:
            row.fault("file", _("Row %(row)s names this file already.") % {"row": first})
        words = matched.cell(sheet.rows[place], "transcript").strip() if sheet and matched else ""
        if words:
            row.words = _the_one(row, "transcript", files.find(words, audio=False))
        else:
            row.words = files.words_beside(row.audio)
        row.texts.setdefault("title", PurePosixPath(row.audio.name).stem[:MOST_TITLE])


def _the_one(row: Row, column: str, found: list[Entry]) -> Entry | None:
    if len(found) == 1:
        return found[0]
    if found:
        row.fault(column, _("Several files have this name. Write the folder in front of it."))
    else:
        row.fault(column, _("There is no such file here."))
    return None


# What is said of it, and what it is


async def _check_fields(viewer: Viewer | None, rows: list[Row], zone: ZoneInfo) -> None:
    for number, row in enumerate(rows):
        texts = dict(row.texts)
        for _again in range(2):  # what cannot be read is left away, so that what else is wrong is named too
            try:
                await check_fields(viewer, await forms.read_fields(texts, zone))
                break
            except Invalid as problem:
                for column, reason in columns.reasons(problem):
                    row.fault(column, reason)
                    texts.pop(column, None)
        if number % 20 == 19:
            await asyncio.sleep(0)


async def _listen(source: Source, rows: list[Row], tell: Progress) -> None:
    """A first look at every file, several children at a time."""
    there = [row for row in rows if row.audio]
    batches = iter([there[start : start + AT_ONCE] for start in range(0, len(there), AT_ONCE)])
    done = 0

    async def look() -> None:
        nonlocal done
        with scratch_file() as scratch:
            for batch in batches:
                tasks = [
                    Task(row.audio.place, row.words.place if row.words else "") for row in batch if row.audio
                ]
                for row, found in zip(batch, await examine(source, tasks, scratch), strict=True):
                    row.found = found
                    for column, reason in found.faults:
                        row.fault(column, reason)
                done += len(batch)
                await tell(done, len(there))

    await side_by_side(look)


async def side_by_side(work: Callable[[], Awaitable[None]]) -> None:
    """Several runs of `work`, which share what there is to do. Raises what the first of them raises."""
    try:
        async with asyncio.TaskGroup() as group:
            for _each in range(SIDE_BY_SIDE):
                group.create_task(_awaited(work))
    except ExceptionGroup as several:
        raise several.exceptions[0] from several


async def _awaited(work: Callable[[], Awaitable[None]]) -> None:
    await work()


async def _find_known(rows: list[Row]) -> None:
    """Which content is here already, which comes twice, and which ended here and does not come back."""
    hashes = {row.found.sha256 for row in rows if row.found.sha256}
    known = await queries.known_content(sorted(hashes))
    ended = await proofs.ended_before(hashes - known.keys())
    first: dict[str, int] = {}
    for row in rows:
        if not row.found.sha256 or row.faults:
            continue
        row.known = known.get(row.found.sha256)
        other = first.setdefault(row.found.sha256, row.line)
        if other != row.line and row.known is None:
            row.fault("file", _("It is the same recording as that of row %(row)s.") % {"row": other})
        elif row.found.sha256 in ended:
            row.fault("file", ended[row.found.sha256].sentence)


def kept(row: Row) -> dict[str, Any]:
    """The row as its table keeps it."""
    probe = asdict(row.found.probe) if row.found.probe else {}
    return {
        "line": row.line,
        "file": row.file,
        "place": row.audio.place if row.audio else "",
        "words_place": row.words.place if row.words else "",
        "texts": json.dumps(row.texts, ensure_ascii=False),
        "state": row.state,
        "faults": json.dumps(row.faults, ensure_ascii=False),
        "probe": json.dumps(probe),
        "sha256": row.found.sha256,
        "size_bytes": row.found.size,
        "recording": row.known,
    }


def probe_of(text: str) -> Probe | None:
    """The first look that a row keeps."""
    data = json.loads(text or "{}")
    return Probe(**data) if data else None
