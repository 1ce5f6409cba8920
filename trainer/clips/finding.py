"""By which words lists find a clip: what everybody reads and hears of it, in all its languages, as one folded text.

It is kept with the clip, as neither engine could make it: SQLite folds ASCII alone, PostgreSQL what its locale knows,
and the JSON in which texts are kept has names of fields beside the words. Unlike the index of `trainer.search` it is
there in the same transaction, and finds parts of words.
Invariant: whatever writes a clip's title, note or transcript writes this too.
"""

import unicodedata
from collections.abc import Iterable, Mapping

from trainer.clips.arithmetic import REMOVED, Line

MOST_CHARACTERS = 200


def words_key(titles: Mapping[str, str], notes: Mapping[str, str], lines: Iterable[Line]) -> str:
    """What is looked through for a clip with these texts."""
    spoken = (line.text.replace(REMOVED, " ") for line in lines)
    return folded("\n".join([*titles.values(), *notes.values(), *spoken]))


def folded(text: str) -> str:
    """A text in any case and width of letters."""
    return unicodedata.normalize("NFKC", text).casefold()


def pattern_of(typed: str) -> str:
    """What somebody typed, as it is looked for with `LIKE … ESCAPE '!'`; of what nobody types, the beginning."""
    sought = folded(typed[:MOST_CHARACTERS])
    return "%" + sought.replace("!", "!!").replace("%", "!%").replace("_", "!_") + "%"
