"""Columns and constraints of the feed and of occasions."""

import uuid

from piccolo.columns import JSON, UUID, BigInt, Date, ForeignKey, Integer, Text, Timestamptz
from piccolo.columns.base import OnDelete
from piccolo.table import Table

from trainer.appreciation.tables import Appreciation
from trainer.people.tables import Person, Team


class Occasion(Table, tablename="occasion"):
    """A dated reason to celebrate somebody, found by the daily job in the person's time zone."""

    id = UUID(primary_key=True, default=uuid.uuid4)
    kind = Text(help_text="full_month, work_anniversary or birthday")
    person = ForeignKey(Person, on_delete=OnDelete.restrict, null=False)
    on = Date(default=None, help_text="The day it is marked.")
    years = Integer(default=None, null=True, help_text="For anniversaries.")
    created_at = Timestamptz(default=None)
    marked_at = Timestamptz(
        default=None,
        null=True,
        help_text="When its day came and the post was made; until then a card is open.",
    )
    told_at = Timestamptz(default=None, null=True, help_text="When the lead was told that the card is empty.")


class Post(Table, tablename="post"):
    """One happening in the feed."""

    id = UUID(primary_key=True, default=uuid.uuid4)
    seq = BigInt(default=None, null=True, help_text="Place in the feed; empty until the publisher gave it.")
    kind = Text(help_text="milestone, appreciation, full_month, work_anniversary or birthday")
    person = ForeignKey(
        Person, on_delete=OnDelete.restrict, null=True, default=None, help_text="Whom it is about."
    )
    team = ForeignKey(Team, on_delete=OnDelete.set_null, null=True, default=None)
    scope = Text(default="team", help_text="team or everyone")
    params = JSON(default="{}", help_text="What the message of this kind needs: milestone code, years …")
    appreciation = ForeignKey(Appreciation, on_delete=OnDelete.restrict, null=True, default=None)
    occasion = ForeignKey(Occasion, on_delete=OnDelete.set_null, null=True, default=None)
    source = Text(help_text="What it is about, unique: milestone:<code>:<person> …")
    version = Integer(default=1, help_text="Grows when its words or cheers change; keys the fragment cache.")
    at = Timestamptz(default=None, help_text="When it happened.")
    hidden_at = Timestamptz(default=None, null=True, help_text="Withdrawn or moderated.")
    hidden_by = UUID(default=None, null=True)


class Cheer(Table, tablename="cheer"):
    """One person's answer to a post. Shown by names, never counted."""

    id = UUID(primary_key=True, default=uuid.uuid4)
    post = ForeignKey(Post, on_delete=OnDelete.cascade, null=False)
    person = ForeignKey(Person, on_delete=OnDelete.restrict, null=False)
    at = Timestamptz(default=None)


class OccasionLine(Table, tablename="occasion_line"):
    """A colleague's words for somebody's day, hidden until the day."""

    id = UUID(primary_key=True, default=uuid.uuid4)
    occasion = ForeignKey(Occasion, on_delete=OnDelete.cascade, null=False)
    author = ForeignKey(Person, on_delete=OnDelete.restrict, null=False)
    words = Text()
    created_at = Timestamptz(default=None)
    edited_at = Timestamptz(default=None, null=True)
    withdrawn_at = Timestamptz(default=None, null=True)
    withdrawn_by = UUID(default=None, null=True, help_text="Its author, or who took down a line that hurts.")


INDEXES = [
    "CREATE UNIQUE INDEX post_source ON post (source)",
    "CREATE UNIQUE INDEX post_seq ON post (seq)",
    "CREATE INDEX post_team ON post (team, seq)",
    "CREATE INDEX post_person ON post (person, seq)",
    "CREATE UNIQUE INDEX cheer_once ON cheer (post, person)",
    'CREATE UNIQUE INDEX occasion_once ON occasion (person, kind, "on")',
    "CREATE UNIQUE INDEX occasion_line_once ON occasion_line (occasion, author)",
    'CREATE INDEX occasion_on ON occasion ("on")',
    "CREATE INDEX occasion_open ON occasion (person) WHERE marked_at IS NULL",
    "CREATE INDEX occasion_line_author ON occasion_line (author)",
    "CREATE INDEX post_occasion ON post (occasion)",
]
