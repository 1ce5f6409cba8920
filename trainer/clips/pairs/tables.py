"""Columns and constraints of contrast pairs."""

import uuid

from piccolo.columns import UUID, ForeignKey, Text, Timestamptz
from piccolo.columns.base import OnDelete
from piccolo.table import Table

from trainer.clips.tables import Clip
from trainer.rulebook.tables import Rule


class ClipPair(Table, tablename="clip_pair"):
    """Two clips of one rule, the named rows: one as it should be, one that misses it or nearly meets it."""

    id = UUID(primary_key=True, default=uuid.uuid4)
    rule = ForeignKey(Rule, on_delete=OnDelete.restrict, null=False)
    good = ForeignKey(Clip, on_delete=OnDelete.restrict, null=False)
    other = ForeignKey(Clip, on_delete=OnDelete.restrict, null=False)
    kind = Text(default="contrast", help_text="contrast or same_words")
    note = Text(default="", help_text="What to hear in the difference.")
    made_by = UUID(default=None, null=True)
    created_at = Timestamptz(default=None)


INDEXES = [
    "CREATE UNIQUE INDEX clip_pair_once ON clip_pair (rule, good, other)",
    "CREATE INDEX clip_pair_good ON clip_pair (good)",
    "CREATE INDEX clip_pair_other ON clip_pair (other)",
]
