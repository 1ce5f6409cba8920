"""Columns and constraints of appreciations."""

import uuid

from piccolo.columns import UUID, ForeignKey, Text, Timestamptz
from piccolo.columns.base import OnDelete
from piccolo.table import Table

from trainer.people.tables import Person


class Appreciation(Table, tablename="appreciation"):
    """One thank-you. Its words may be mended for 15 minutes and withdrawn by its author; the row stays."""

    id = UUID(primary_key=True, default=uuid.uuid4)
    author = ForeignKey(Person, on_delete=OnDelete.restrict, null=False)
    behaviour_kind = Text(help_text="rule or value")
    behaviour_code = Text()
    message = Text()
    visibility = Text(help_text="team, everyone or private")
    created_at = Timestamptz(default=None)
    edited_at = Timestamptz(default=None, null=True)
    withdrawn_at = Timestamptz(default=None, null=True)
    withdrawn_by = UUID(default=None, null=True)


class AppreciationTo(Table, tablename="appreciation_to"):
    """One of the people thanked."""

    id = UUID(primary_key=True, default=uuid.uuid4)
    appreciation = ForeignKey(Appreciation, on_delete=OnDelete.cascade, null=False)
    person = ForeignKey(Person, on_delete=OnDelete.restrict, null=False)


INDEXES = [
    "CREATE INDEX appreciation_author ON appreciation (author, created_at)",
    "CREATE UNIQUE INDEX appreciation_to_once ON appreciation_to (appreciation, person)",
    "CREATE INDEX appreciation_to_person ON appreciation_to (person)",
]
