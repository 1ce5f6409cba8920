"""Columns of renewals and of how the agent heard wants to be named."""

import uuid

from piccolo.columns import UUID, Boolean, Date, ForeignKey, Text, Timestamptz
from piccolo.columns.base import OnDelete
from piccolo.table import Table

from trainer.clips.tables import Clip
from trainer.people.tables import Person


class ClipRenewal(Table, tablename="clip_renewal"):
    """Somebody wants to keep a clip for longer than its call: on which ground, until when, and what the agent said."""

    id = UUID(primary_key=True, default=uuid.uuid4)
    clip = ForeignKey(Clip, on_delete=OnDelete.cascade, null=False, help_text="The named row.")
    about = Text(help_text="Hash of the sound that it is about; another sound is asked about anew.")
    basis = Text(help_text="contract, consent, legitimate_interest or synthetic")
    keep_until = Date(default=None, help_text="The last day.")
    expires_at = Timestamptz(default=None, help_text="The end of that day where the site is.")
    person = ForeignKey(
        Person, on_delete=OnDelete.restrict, null=True, default=None, help_text="Whose yes it takes, if any."
    )
    state = Text(help_text="asked, renewed, declined, withdrawn or lapsed")
    words = Text(default="", help_text="What the agent wrote with the answer.")
    asked_by = UUID(default=None, null=True)
    asked_at = Timestamptz(default=None)
    answered_at = Timestamptz(default=None, null=True)


class ClipCredit(Table, tablename="clip_credit"):
    """An agent is named with a good clip of theirs. Without a row they are not."""

    id = UUID(primary_key=True, default=uuid.uuid4)
    clip = ForeignKey(Clip, on_delete=OnDelete.cascade, null=False, help_text="The named row.")
    person = ForeignKey(Person, on_delete=OnDelete.cascade, null=False)
    named = Boolean(default=False)
    at = Timestamptz(default=None)


INDEXES = [
    "CREATE UNIQUE INDEX clip_renewal_open ON clip_renewal (clip) WHERE state = 'asked'",
    "CREATE INDEX clip_renewal_person ON clip_renewal (person)",
    "CREATE INDEX clip_renewal_clip ON clip_renewal (clip, asked_at)",
    "CREATE UNIQUE INDEX clip_credit_once ON clip_credit (clip, person)",
    "CREATE INDEX clip_credit_person ON clip_credit (person)",
    "CREATE INDEX clip_expires ON clip (expires_at) WHERE expires_at IS NOT NULL",
]
