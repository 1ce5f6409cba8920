"""Columns and constraints of curating: the proposals that somebody put away."""

import uuid

from piccolo.columns import UUID, ForeignKey, Timestamptz
from piccolo.columns.base import OnDelete
from piccolo.table import Table

from trainer.calls.tables import Recording


class PassedCall(Table, tablename="passed_call"):
    """Somebody said "not this one" of a call that was proposed: it is proposed to nobody, until it is put back."""

    id = UUID(primary_key=True, default=uuid.uuid4)
    recording = ForeignKey(Recording, on_delete=OnDelete.cascade, null=False)
    person = UUID(default=None, null=True)
    at = Timestamptz(default=None)


INDEXES = ["CREATE UNIQUE INDEX passed_call_once ON passed_call (recording)"]
