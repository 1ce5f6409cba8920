"""What colleagues said of a clip in review. Append-only; the last word of each person counts."""

import uuid

from piccolo.columns import UUID, ForeignKey, Integer, Text, Timestamptz
from piccolo.columns.base import OnDelete
from piccolo.table import Table

from trainer.clips.tables import Clip


class ClipReview(Table, tablename="clip_review"):
    """One word about one version of a clip."""

    id = UUID(primary_key=True, default=uuid.uuid4)
    clip = ForeignKey(Clip, on_delete=OnDelete.cascade, null=False, help_text="The named row.")
    version = Integer(default=1)
    reviewer = UUID(null=False, help_text="A person's id; the row outlives the name.")
    verdict = Text(help_text="handed_in, note, changes or approved")
    words = Text(default="")
    content = Text(default="", help_text="Hash of what was heard and read.")
    at = Timestamptz(default=None)


INDEXES = [
    "CREATE INDEX clip_review_clip ON clip_review (clip, version, at)",
    "CREATE INDEX clip_review_reviewer ON clip_review (reviewer)",
    "CREATE UNIQUE INDEX clip_review_approved ON clip_review (clip, version, reviewer, content) "
    "WHERE verdict = 'approved'",
]
