"""Columns and constraints of career paths. What was reached is a fact (`milestone_reached`), not a row here."""

import uuid

from piccolo.columns import JSON, UUID, Boolean, ForeignKey, Integer, Text, Timestamptz
from piccolo.columns.base import OnDelete
from piccolo.table import Table


class CareerPath(Table, tablename="career_path"):
    """The way through one kind of work."""

    id = UUID(primary_key=True, default=uuid.uuid4)
    code = Text()
    title = JSON(default="{}")
    role = Text(default="agent", help_text="People with this role follow it.")
    created_at = Timestamptz(default=None)


class Level(Table, tablename="level"):
    """One level of a path."""

    id = UUID(primary_key=True, default=uuid.uuid4)
    path = ForeignKey(CareerPath, on_delete=OnDelete.cascade, null=False)
    code = Text()
    title = JSON(default="{}")
    summary = JSON(default="{}")
    horizon = Text(help_text="near, mid or long")
    position = Integer(default=0)


class Milestone(Table, tablename="milestone"):
    """Something to reach. `criteria` is data: [{fact, subject?, count, distinct?}], all of them needed."""

    id = UUID(primary_key=True, default=uuid.uuid4)
    level = ForeignKey(Level, on_delete=OnDelete.cascade, null=False)
    code = Text()
    title = JSON(default="{}")
    why = JSON(default="{}")
    criteria = JSON(default="[]")
    celebrate = Boolean(default=True, help_text="Reaching it makes a post in the feed.")
    position = Integer(default=0)


INDEXES = [
    "CREATE UNIQUE INDEX career_path_code ON career_path (code)",
    "CREATE UNIQUE INDEX level_code ON level (path, code)",
    "CREATE UNIQUE INDEX milestone_code ON milestone (code)",
    "CREATE INDEX milestone_level ON milestone (level, position)",
]
