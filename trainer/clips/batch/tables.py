"""Which batches of regions were saved: what makes a form that is sent twice save once."""

import uuid

from piccolo.columns import JSON, UUID, ForeignKey, Timestamptz
from piccolo.columns.base import OnDelete
from piccolo.table import Table

from trainer.calls.tables import Recording


class ClipBatch(Table, tablename="clip_batch"):
    """Regions of a call that were saved together. The id is made with the form, before anything is saved."""

    id = UUID(primary_key=True, default=uuid.uuid4)
    recording = ForeignKey(Recording, on_delete=OnDelete.restrict, null=False)
    clips = JSON(default="[]", help_text="[clip id, …] in the order of the call")
    at = Timestamptz(default=None)


INDEXES = [
    "CREATE INDEX clip_batch_at ON clip_batch (at)",
]
