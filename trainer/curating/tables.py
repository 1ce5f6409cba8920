"""Columns and constraints of curating: the proposals that somebody put away, and which calls hold known phrases."""

import uuid

from piccolo.columns import UUID, ForeignKey, Integer, Timestamptz
from piccolo.columns.base import OnDelete
from piccolo.table import Table

from trainer.calls.tables import Recording


class PassedCall(Table, tablename="passed_call"):
    """Somebody said "not this one" of a call that was proposed: it is proposed to nobody, until it is put back."""

    id = UUID(primary_key=True, default=uuid.uuid4)
    recording = ForeignKey(Recording, on_delete=OnDelete.cascade, null=False)
    person = UUID(default=None, null=True)
    at = Timestamptz(default=None)


class PhrasedCall(Table, tablename="phrased_call"):
    """How many phrases with a better way an agent said in a call. Neither the words nor who said them."""

    id = UUID(primary_key=True, default=uuid.uuid4)
    recording = ForeignKey(Recording, on_delete=OnDelete.cascade, null=False)
    hits = Integer(default=0)
    at_ms = Integer(default=None, null=True, help_text="Where the first one is said.")


INDEXES = [
    "CREATE UNIQUE INDEX passed_call_once ON passed_call (recording)",
    "CREATE UNIQUE INDEX phrased_call_once ON phrased_call (recording)",
]
