"""Columns of spreadsheets that wait between preview and yes."""

import uuid

from piccolo.columns import JSON, UUID, Text, Timestamptz
from piccolo.table import Table


class SheetImport(Table, tablename="sheet_import"):
    """An uploaded spreadsheet whose preview somebody looks at. Its bytes go once it is over, or after a week."""

    id = UUID(primary_key=True, default=uuid.uuid4)
    kind = Text(help_text="people, rules, evaluations or calls")
    state = Text(default="reading", help_text="reading, ready, applying, applied, refused or discarded")
    file_name = Text(default="")
    object_key = Text(default="")
    columns = JSON(default="{}", help_text="{our column: theirs}, as matched or chosen")
    summary = JSON(default="{}", help_text="What would change or has changed: counts and the first rows.")
    by = UUID(default=None, null=True)
    job = UUID(default=None, null=True)
    created_at = Timestamptz(default=None)
    ended_at = Timestamptz(default=None, null=True)


INDEXES = [
    "CREATE INDEX sheet_import_by ON sheet_import (by, created_at)",
    "CREATE INDEX sheet_import_state ON sheet_import (state, created_at)",
]
