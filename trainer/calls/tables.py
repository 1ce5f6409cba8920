"""Columns and constraints of recordings. Times inside a recording are integer milliseconds."""

import uuid

from piccolo.columns import JSON, UUID, BigInt, Boolean, Date, ForeignKey, Integer, Text, Timestamptz
from piccolo.columns.base import OnDelete
from piccolo.table import Table

from trainer.people.tables import Person
from trainer.rulebook.tables import Rulebook


class Recording(Table, tablename="recording"):
    """One call. `object_key` is where its audio lies in storage; empty once it is gone."""

    id = UUID(primary_key=True, default=uuid.uuid4)
    title = Text(default="")
    state = Text(default="processing", help_text="processing, ready, refused, expired or erased")
    agent = ForeignKey(Person, on_delete=OnDelete.restrict, null=True, default=None)
    rulebook = ForeignKey(Rulebook, on_delete=OnDelete.restrict, null=True, default=None)
    language = Text(default="en")
    called_at = Timestamptz(default=None, null=True)
    csat = Integer(default=None, null=True, help_text="1 to 5")
    staged = Boolean(default=False)
    tag = Text(default="", help_text="standard, complex, emotional or empty: what kind of call it is.")
    consent_basis = Text(help_text="contract, consent, legitimate_interest or synthetic")
    retain_until = Date(default=None, null=True)
    expires_at = Timestamptz(default=None, null=True, help_text="The end of that day where the site is.")
    expiry_warned_at = Timestamptz(default=None, null=True)
    uploaded_by = UUID(default=None, null=True)
    object_key = Text(default="")
    peaks_key = Text(default="")
    sha256 = Text(default="")
    size_bytes = BigInt(default=0)
    duration_ms = Integer(default=None, null=True)
    channels = Integer(default=None, null=True)
    sample_rate_hz = Integer(default=None, null=True)
    codec = Text(default="")
    container = Text(default="", help_text="The file format that its content has, whatever its name said.")
    longest_silence_ms = Integer(default=None, null=True, help_text="Nobody speaks; empty: not measured.")
    silence_at_ms = Integer(default=None, null=True, help_text="Where the longest silence begins.")
    talk_over_ms = Integer(default=None, null=True, help_text="Both speak at once; empty: not measurable.")
    talk_over_at_ms = Integer(default=None, null=True, help_text="Where they do so longest.")
    transcript_source = Text(default="", help_text="uploaded, typed, recognised or empty")
    transcript_revision = Integer(default=1, help_text="Grows with every edit of its words.")
    lines_cut = Integer(default=0, help_text="Lines of the transcript that lay after the end of the audio.")
    refusal = Text(default="", help_text="The reason's slug, for state refused.")
    refused_at = Timestamptz(default=None, null=True, help_text="A refused row goes seven days later.")
    job = UUID(default=None, null=True, help_text="The job that prepares it, for progress.")
    revision = Integer(default=1, help_text="Grows with every edit; what If-Match compares.")
    created_at = Timestamptz(default=None)
    erased_at = Timestamptz(default=None, null=True)
    erased_by = UUID(default=None, null=True)
    erased_why = Text(default="")
    fingerprint = Text(
        default="", help_text="Of the sound that ended here: proofs.py. Empty while it is here."
    )


class Segment(Table, tablename="segment"):
    """One turn of a recording's transcript."""

    id = UUID(primary_key=True, default=uuid.uuid4)
    recording = ForeignKey(Recording, on_delete=OnDelete.cascade, null=False)
    position = Integer(default=0)
    start_ms = Integer(default=0)
    end_ms = Integer(default=0)
    speaker = Text(default="", help_text="agent, caller or empty")
    text = Text(default="")
    words = JSON(default="[]", help_text="[[start_ms, end_ms, text], …] where the transcript has them")


class Play(Table, tablename="play"):
    """Somebody heard a raw call."""

    id = UUID(primary_key=True, default=uuid.uuid4)
    recording = ForeignKey(Recording, on_delete=OnDelete.restrict, null=False)
    person = UUID(default=None, null=True)
    at = Timestamptz(default=None)


INDEXES = [
    "CREATE INDEX recording_state ON recording (state, created_at)",
    "CREATE INDEX recording_agent ON recording (agent)",
    "CREATE INDEX recording_listed ON recording (created_at, id)",
    "CREATE INDEX recording_expires ON recording (expires_at) WHERE expires_at IS NOT NULL",
    "CREATE INDEX recording_content ON recording (sha256)",
    "CREATE INDEX recording_fingerprint ON recording (fingerprint) WHERE fingerprint <> ''",
    "CREATE UNIQUE INDEX segment_position ON segment (recording, position)",
    "CREATE INDEX play_recording ON play (recording, person, at)",
    "CREATE INDEX play_at ON play (at, id)",
]
