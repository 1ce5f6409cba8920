"""A spreadsheet of rules between its upload and somebody's yes.

Words: the *sheet* waits in its row of `sheet_import`; its *preview* is worked out anew whenever it is looked at, so it
never shows a rule book of yesterday. A sheet of rules has at most a thousand rows, so reading and writing answer at
once, without a job (`trainer.sheets.pending` has those, and forgets old rows for all). Invariant: only its uploader
sees it, exactly what the preview said is written, once and as a whole, and the sheet's words leave the row when it is
over.
"""

import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

from trainer import db
from trainer.people.audit import record_audit
from trainer.problems import Conflict, Forbidden, Invalid, NotFound
from trainer.rulebook import sheet as rules
from trainer.rulebook.arranging import BookFrame, load_frame
from trainer.rulebook.drafting import WRITE
from trainer.rulebook.service import rulebook_codes
from trainer.rulebook.sheet import Applied, Line
from trainer.sheets.columns import Matched, match_columns
from trainer.sheets.reading import Sheet, open_sheet
from trainer.sheets.tables import SheetImport
from trainer.web.i18n import _
from trainer.web.session import Viewer

KIND = "rules"
MOST_BYTES = 5 << 20


@dataclass(frozen=True, slots=True)
class Preview:
    """What taking a sheet would do. `token` names exactly this; `wrong` says what is wrong with the columns."""

    id: UUID
    file_name: str
    state: str
    book: BookFrame
    sheet: Sheet
    matched: Matched
    wrong: dict[str, str]
    lines: list[Line]
    result: Applied | None

    @property
    def token(self) -> str:
        told = json.dumps([line.as_json() for line in self.lines], sort_keys=True, default=str)
        return hashlib.sha256(told.encode()).hexdigest()[:24]

    @property
    def counts(self) -> dict[str, int]:
        return rules.counts(self.lines)


async def keep_sheet(viewer: Viewer, book: str, path: Path, file_name: str) -> UUID:
    """Reads a sheet (in a child process) and keeps it for its preview; returns the import's id.

    `book` "" is the first one. Raises Forbidden, NotFound for the book, and Invalid in words for what is no such sheet.
    """
    _may(viewer)
    frame = await load_frame(book or next(iter(await rulebook_codes()), ""))
    sheet = await open_sheet(path, most_rows=rules.MOST_ROWS)
    if not sheet.rows:
        raise Invalid.field("sheet", "empty", _("There is no row under the headings."))
    kept = SheetImport(
        id=db.new_id(),
        kind=KIND,
        state="ready",
        file_name=file_name[:200],
        columns=json.dumps(match_columns(sheet, rules.known()).columns),
        summary=json.dumps({"book": frame.code, "sheet": asdict(sheet)}, ensure_ascii=False),
        by=viewer.id,
        created_at=db.utc_now(),
    )
    await SheetImport.insert(kept)
    return kept.id


async def load_import(viewer: Viewer, import_id: UUID) -> Preview:
    """An import with its preview, or with its result when it is over. Raises Forbidden, NotFound."""
    _may(viewer)
    row = await _row(viewer, import_id)
    kept = json.loads(row["summary"])
    frame = await load_frame(kept["book"])
    if row["state"] != "ready":
        result = Applied(**kept["result"]) if kept.get("result") else None
        nothing = Matched({}, [], [], {})
        return Preview(
            import_id, row["file_name"], row["state"], frame, Sheet([], [], ""), nothing, {}, [], result
        )
    sheet = _sheet(kept["sheet"])
    matched = _matched(sheet, json.loads(row["columns"]))
    wrong = rules.check_columns(matched)
    lines = [] if wrong else await rules.plan(sheet, matched, frame)
    return Preview(import_id, row["file_name"], row["state"], frame, sheet, matched, wrong, lines, None)


async def choose_columns(viewer: Viewer, import_id: UUID, chosen: dict[str, int]) -> None:
    """Which column is what: our names with places, from 0. Raises Forbidden, NotFound, Conflict when it is over."""
    _may(viewer)
    names = rules.known()
    sound = {name: place for name, place in chosen.items() if name in names and 0 <= place < 1000}
    mine = (SheetImport.id == import_id) & (SheetImport.by == viewer.id) & (SheetImport.kind == KIND)
    saved = (
        await SheetImport.update({SheetImport.columns: json.dumps(sound)})
        .where(mine & (SheetImport.state == "ready"))
        .returning(SheetImport.id)
    )
    if not saved:
        await _row(viewer, import_id)
        raise _over()


async def apply_import(viewer: Viewer, import_id: UUID, token: str) -> Applied:
    """Writes what the preview with this token said, as drafts, all in one go.

    Raises Forbidden, NotFound, and Conflict: when it is over, when a column is not settled, or when the rule book
    changed since (slug `changed-meanwhile`): then nothing is written and the preview is to be looked at again.
    """
    _may(viewer)
    async with db.transaction():
        mine = (SheetImport.id == import_id) & (SheetImport.by == viewer.id) & (SheetImport.kind == KIND)
        taken = (
            await SheetImport.update({SheetImport.state: "applying"})
            .where(mine & (SheetImport.state == "ready"))
            .returning(SheetImport.id)
        )
        row = await _row(viewer, import_id)
        if not taken:
            raise _over()
        kept = json.loads(row["summary"])
        frame = await load_frame(kept["book"])
        sheet = _sheet(kept["sheet"])
        matched = _matched(sheet, json.loads(row["columns"]))
        if wrong := rules.check_columns(matched):
            raise Conflict(" ".join(wrong.values()), slug="columns")
        lines = await rules.plan(sheet, matched, frame)
        preview = Preview(import_id, row["file_name"], "ready", frame, sheet, matched, {}, lines, None)
        if preview.token != token:
            raise Conflict(
                _(
                    "The rule book changed since this preview was made. Look at it again; nothing was taken yet."
                ),
                slug="changed-meanwhile",
            )
        applied = await rules.apply_plan(viewer, frame.code, lines)
        over: dict[Any, Any] = {
            SheetImport.state: "applied",
            SheetImport.ended_at: db.utc_now(),
            SheetImport.summary: json.dumps(
                {"book": frame.code, "result": asdict(applied), "counts": preview.counts}, ensure_ascii=False
            ),
        }
        await SheetImport.update(over).where(SheetImport.id == import_id)
        told = {"added": applied.added, "changed": applied.changed, "file": row["file_name"]}
        await record_audit(viewer, "rules_imported_as_drafts", "rulebook", frame.code, told)
    return applied


async def discard_import(viewer: Viewer, import_id: UUID) -> str:
    """Lets a sheet go; returns the code of its book. Doing it twice changes nothing. Raises Forbidden, NotFound."""
    _may(viewer)
    async with db.transaction():
        row = await _row(viewer, import_id)
        book = json.loads(row["summary"])["book"]
        over: dict[Any, Any] = {
            SheetImport.state: "discarded",
            SheetImport.ended_at: db.utc_now(),
            SheetImport.summary: json.dumps({"book": book}),
        }
        await SheetImport.update(over).where((SheetImport.id == import_id) & (SheetImport.state == "ready"))
    return str(book)


def _sheet(kept: dict[str, Any]) -> Sheet:
    return Sheet(**{**kept, "uneven": {int(place): width for place, width in kept["uneven"].items()}})


def _matched(sheet: Sheet, columns: dict[str, int]) -> Matched:
    """The columns as they were kept; unknown headings are named as long as nobody chose by hand."""
    found = match_columns(sheet, rules.known())
    if found.columns == columns:
        return found
    return match_columns(sheet, rules.known(), chosen=columns)


async def _row(viewer: Viewer, import_id: UUID) -> dict[str, Any]:
    mine = (SheetImport.id == import_id) & (SheetImport.by == viewer.id) & (SheetImport.kind == KIND)
    row = await SheetImport.select().where(mine).first()
    if row is None:
        raise NotFound(_("There is no such import, or it is not yours."))
    return row


def _may(viewer: Viewer) -> None:
    if not viewer.has(*WRITE):
        raise Forbidden(_("Trainers and QA analysts write rules."))


def _over() -> Conflict:
    return Conflict(_("This import is over already."), slug="over")
