"""Columns of the rows of an import of calls. They go with their import, a week after it was begun."""

import uuid

from piccolo.columns import JSON, UUID, BigInt, ForeignKey, Integer, Text
from piccolo.columns.base import OnDelete
from piccolo.table import Table

from trainer.sheets.tables import SheetImport


class CallImportRow(Table, tablename="call_import_row"):
    """One call of an import: what is said of it, what would become of it, and what has."""

    id = UUID(primary_key=True, default=uuid.uuid4)
    pending = ForeignKey(SheetImport, on_delete=OnDelete.cascade, null=False)
    reading = UUID(help_text="The reading that made it; those of earlier readings do not count.")
    line = Integer(help_text="Its row in the sheet; where there is no sheet, the file's place in the source.")
    file = Text(default="", help_text="As the sheet names it.")
    place = Text(default="", help_text="Where its file lies in the source, see archive.py; empty: not there.")
    words_place = Text(default="", help_text="The same of its transcript.")
    texts = JSON(default="{}", help_text="What is known of the call, as an upload form would say it.")
    state = Text(default="new", help_text="new, known or refused; then taken, known or refused")
    faults = JSON(default="[]", help_text="[[our column, why], …] of a refused row.")
    probe = JSON(default="{}", help_text="What the first look at its sound told.")
    sha256 = Text(default="")
    size_bytes = BigInt(default=0)
    recording = UUID(default=None, null=True, help_text="The call that it became, or that was here before.")


INDEXES = [
    "CREATE UNIQUE INDEX call_import_row_line ON call_import_row (pending, reading, line)",
    "CREATE INDEX call_import_row_state ON call_import_row (pending, reading, state)",
    "CREATE INDEX call_import_row_recording ON call_import_row (recording) WHERE recording IS NOT NULL",
]
