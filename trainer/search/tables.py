"""The index: which words stand where. Texts themselves stay where they are kept."""

from piccolo.columns import BigInt, ForeignKey, Integer, Text
from piccolo.columns.base import OnDelete
from piccolo.table import Table

from trainer.calls.tables import Recording, Segment
from trainer.clips.tables import Clip
from trainer.quality.tables import Evaluation, Mark
from trainer.rulebook.tables import RuleVersion


class SearchEntry(Table, tablename="search_entry"):
    """The words of one thing. It points to all that it belongs to, so that it goes with any of it at once.

    A call has an entry for its title (no segment) and one for each line; a clip, a version of a rule, an analyst's
    word on a call (`evaluation`, or a `mark` of it) has one. On SQLite the key is also that of the full-text index.
    """

    id = BigInt(primary_key=True, help_text="Nanoseconds when it was indexed: what came last is found first.")
    recording = ForeignKey(Recording, on_delete=OnDelete.cascade, null=True, default=None)
    segment = ForeignKey(Segment, on_delete=OnDelete.cascade, null=True, default=None)
    clip = ForeignKey(Clip, on_delete=OnDelete.cascade, null=True, default=None)
    rule_version = ForeignKey(RuleVersion, on_delete=OnDelete.cascade, null=True, default=None)
    evaluation = ForeignKey(Evaluation, on_delete=OnDelete.cascade, null=True, default=None)
    mark = ForeignKey(Mark, on_delete=OnDelete.cascade, null=True, default=None)
    revision = Integer(default=0, help_text="The revision it was made from: an older one finds nothing.")
    words = Text(help_text="Its kind, then its words as `sought.indexed` writes them.")


INDEXES = [
    f"CREATE INDEX search_entry_{name} ON search_entry ({name}) WHERE {name} IS NOT NULL"
    for name in ("recording", "segment", "clip", "rule_version", "evaluation", "mark")
]
