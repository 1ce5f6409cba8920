"""The index: which words stand where. Texts themselves stay where they are kept."""

from piccolo.columns import BigInt, Boolean, ForeignKey, Integer, Text
from piccolo.columns.base import OnDelete
from piccolo.table import Table

from trainer.calls.tables import Recording, Segment
from trainer.clips.pairs.tables import ClipPair
from trainer.clips.playlists.tables import Playlist, PlaylistItem
from trainer.clips.tables import Clip
from trainer.quality.tables import Evaluation, Mark
from trainer.rulebook.tables import RuleVersion


class SearchEntry(Table, tablename="search_entry"):
    """The words of one thing. It points to all that it belongs to, so that it goes with any of it at once.

    A call has an entry for its title (no segment), one for each line, and one for all its words, without their places,
    which goes with its first line. A clip has one of what everybody reads, and one with what only its makers do; a
    playlist one, and one for each note on a clip in it. A version of a rule, a contrast pair, an analyst's word on a
    call (`evaluation`, or a `mark` of it) has one. On SQLite the key is also that of the full-text index.
    """

    id = BigInt(primary_key=True, help_text="Nanoseconds when it was indexed: what came last is found first.")
    recording = ForeignKey(Recording, on_delete=OnDelete.cascade, null=True, default=None)
    segment = ForeignKey(Segment, on_delete=OnDelete.cascade, null=True, default=None)
    clip = ForeignKey(Clip, on_delete=OnDelete.cascade, null=True, default=None)
    inside = Boolean(default=False, help_text="Holds what only those read who make clips.")
    rule_version = ForeignKey(RuleVersion, on_delete=OnDelete.cascade, null=True, default=None)
    playlist = ForeignKey(Playlist, on_delete=OnDelete.cascade, null=True, default=None)
    playlist_item = ForeignKey(PlaylistItem, on_delete=OnDelete.cascade, null=True, default=None)
    pair = ForeignKey(ClipPair, on_delete=OnDelete.cascade, null=True, default=None)
    evaluation = ForeignKey(Evaluation, on_delete=OnDelete.cascade, null=True, default=None)
    mark = ForeignKey(Mark, on_delete=OnDelete.cascade, null=True, default=None)
    revision = Integer(default=0, help_text="The revision it was made from: an older one finds nothing.")
    words = Text(help_text="Its kind, then its words as `sought.indexed` writes them.")


INDEXES = [
    f"CREATE INDEX search_entry_{name} ON search_entry ({name}) WHERE {name} IS NOT NULL"
    for name in (
        "recording",
        "segment",
        "clip",
        "rule_version",
        "playlist",
        "playlist_item",
        "pair",
        "evaluation",
        "mark",
    )
]
