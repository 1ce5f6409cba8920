"""Columns of notices and of people's choices how they hear of them."""

import uuid

from piccolo.columns import JSON, UUID, ForeignKey, Text, Timestamptz
from piccolo.columns.base import OnDelete
from piccolo.table import Table

from trainer.people.tables import Person


class Notice(Table, tablename="notice"):
    """One thing a person should know. Holds a message id and parameters, so that it speaks the reader's language."""

    id = UUID(primary_key=True, default=uuid.uuid4)
    person = ForeignKey(Person, on_delete=OnDelete.cascade, null=False)
    kind = Text(help_text="The message's id: module_assigned, due_soon, evaluation_released …")
    params = JSON(default="{}", help_text="What the message needs; titles as {locale: text}.")
    href = Text(default="", help_text="The page it leads to.")
    source = Text(help_text="What it comes from, unique: the same happening tells a person once.")
    created_at = Timestamptz(default=None)
    read_at = Timestamptz(default=None, null=True)
    mailed_at = Timestamptz(
        default=None, null=True, help_text="Handed over to be mailed, or put into a digest."
    )
    withdrawn_at = Timestamptz(default=None, null=True, help_text="No longer so: shown to nobody.")


class NoticeChoice(Table, tablename="notice_choice"):
    """How a person hears of one kind beside the inbox. None: the kind's default."""

    id = UUID(primary_key=True, default=uuid.uuid4)
    person = ForeignKey(Person, on_delete=OnDelete.cascade, null=False)
    kind = Text()
    way = Text(help_text="inbox, mail, digest; off (reminders only)")
    at = Timestamptz(default=None)


INDEXES = [
    "CREATE UNIQUE INDEX notice_source ON notice (person, source)",
    "CREATE INDEX notice_person ON notice (person, created_at)",
    "CREATE INDEX notice_from ON notice (source)",
    "CREATE INDEX notice_unread ON notice (person) WHERE read_at IS NULL AND withdrawn_at IS NULL",
    "CREATE INDEX notice_to_mail ON notice (created_at) WHERE read_at IS NULL AND withdrawn_at IS NULL"
    " AND mailed_at IS NULL",
    "CREATE UNIQUE INDEX notice_choice_once ON notice_choice (person, kind)",
]
