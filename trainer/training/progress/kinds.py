"""Progress by kind of call: how people do with standard, complex and emotional ones (002-7).

What a machine answers one day is the standard call; the hard and the emotional ones stay with people, so it has to show
whether they are learned. A step counts for the kind of the call that its clip is from. Invariant: who sees what is
decided as for the rest of progress; sums of fewer than five people stay hidden from those who see sums alone.
"""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from trainer import db
from trainer.calls.views import TAGS, tag_names
from trainer.people.sight import SMALLEST_GROUP, reach
from trainer.training.progress import queries
from trainer.training.progress.queries import Scope, Today
from trainer.training.progress.service import scope_of
from trainer.training.progress.views import Filters
from trainer.web.session import Viewer


@dataclass(frozen=True, slots=True)
class KindShare:
    """How far people are with the steps on one kind of call. `right`: of `graded` ones, right at the first try."""

    tag: str
    people: int
    steps: int
    done: int
    graded: int
    right: int
    few: bool = False

    @property
    def name(self) -> str:
        return tag_names()[self.tag]


async def by_kind(viewer: Viewer, filters: Filters) -> list[KindShare]:
    """The sums over everybody whom the filters leave. Raises Forbidden, Invalid as `progress_page`."""
    scope = await scope_of(viewer, filters)
    hide = reach(viewer, "completion") != "each"
    return _shares(await queries.kinds(scope), hide_few=hide)


async def kinds_of(person: UUID) -> list[KindShare]:
    """One person's. Whoever asks has loaded their progress."""
    now = db.utc_now()
    return _shares(await queries.kinds(Scope(Today(now.date()), now, person=person)), hide_few=False)


def _shares(rows: list[dict[str, Any]], *, hide_few: bool) -> list[KindShare]:
    found = {row["tag"]: row for row in rows}
    shares = []
    for tag in TAGS:
        if row := found.get(tag):
            few = hide_few and row["people"] < SMALLEST_GROUP
            people, steps, done, graded, right = (
                0 if few else row[name] for name in ("people", "steps", "done", "graded", "correct")
            )
            shares.append(KindShare(tag, people, steps, done, graded, right, few))
    return shares
