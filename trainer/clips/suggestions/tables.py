"""Columns of what people decided about suggested redactions, and of the names to look for."""

import uuid

from piccolo.columns import UUID, ForeignKey, Integer, Text, Timestamptz
from piccolo.columns.base import OnDelete
from piccolo.table import Table

from trainer.calls.tables import Recording


class SuggestionDecision(Table, tablename="suggestion_decision"):
    """What somebody said about a suggestion in a call. Append-only; the last one counts.

    `finding` names the suggestion by a hash of its words and place that is of no use without the recording's own
    hash, so that a digit cannot be guessed from it once the call is gone.
    """

    id = UUID(primary_key=True, default=uuid.uuid4)
    recording = ForeignKey(Recording, on_delete=OnDelete.cascade, null=False)
    finding = Text()
    kind = Text(help_text="card, code, number, phone, email, birth_date, name or address")
    start_ms = Integer(default=0, help_text="In the recording.")
    end_ms = Integer(default=0)
    answer = Text(help_text="accepted, rejected, or undone: open again")
    clip = UUID(default=None, null=True, help_text="The clip that it was decided for, where there was one.")
    by = UUID(default=None, null=True, help_text="Who decided; empty for an imported library.")
    at = Timestamptz(default=None)


class PrivateName(Table, tablename="private_name"):
    """A name that this centre wants suggested for redaction wherever it is said."""

    id = UUID(primary_key=True, default=uuid.uuid4)
    name = Text()
    folded = Text(help_text="The name as it is compared.")
    added_by = UUID(default=None, null=True)
    added_at = Timestamptz(default=None)


INDEXES = [
    "CREATE INDEX suggestion_decision_recording ON suggestion_decision (recording, at)",
    "CREATE UNIQUE INDEX private_name_folded ON private_name (folded)",
]
