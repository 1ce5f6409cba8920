"""Who asked for the words of which call, and how that went: the last time, one row a call. It holds no words."""

import uuid

from piccolo.columns import UUID, ForeignKey, Integer, Text, Timestamptz
from piccolo.columns.base import OnDelete
from piccolo.table import Table

from trainer.calls.tables import Recording


class Recognition(Table, tablename="speech_recognition"):
    """The latest run of a call through the engine."""

    id = UUID(primary_key=True, default=uuid.uuid4)
    recording = ForeignKey(Recording, on_delete=OnDelete.cascade, null=False)
    state = Text(default="waiting", help_text="waiting, running, done, failed or cancelled")
    reason = Text(default="", help_text="Why it failed: a slug.")
    agent_channel = Integer(default=0, help_text="Which channel the agent is on, counted from 0.")
    on_revision = Integer(default=1, help_text="The words that it may replace.")
    job = UUID(default=None, null=True)
    asked_by = UUID(default=None, null=True)
    asked_at = Timestamptz(default=None)
    ended_at = Timestamptz(default=None, null=True)


INDEXES = ["CREATE UNIQUE INDEX speech_recognition_call ON speech_recognition (recording)"]
