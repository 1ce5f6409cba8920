"""Who sees what of whom: the one table that loaders enforce and that "What others see of me" is made from.

Everybody sees their own. Of others, a role sees each single thing (`each`), sums over everybody (`totals`), sums over
groups of at least five (`groups`), or nothing. Invariant: no loader decides this by itself; it asks `reach`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal
from uuid import UUID

from trainer.problems import NotFound
from trainer.web.i18n import _
from trainer.web.session import Viewer

Noun = Literal[
    "completion",  # which modules somebody was given, began, finished
    "answers",  # what they answered in them
    "recall",  # how well they know rules by heart
    "marks",  # evaluations of their calls
    "recordings",  # whole calls of theirs
    "plays",  # who heard their calls
    "path",  # milestones and how far they are
    "notes",  # private notes about their life and plans
    "occasions",  # full months, anniversaries, birthdays ahead of their day
]
Reach = Literal["own", "each", "totals", "groups", "none"]
Of = Literal["all", "team", "programme", "opted_in"]

SMALLEST_GROUP = 5


@dataclass(frozen=True, slots=True)
class Sees:
    """What a role sees, and of whom. `programme`: the loader also asks on whose programme the viewer works."""

    reach: Reach
    of: Of = "all"
    plays: bool = True  # False: listed, but not to be heard


# noun → role → what it sees; a role that is not named sees nothing
TABLE: Mapping[Noun, Mapping[str, Sees]] = {
    "completion": {
        "trainer": Sees("each"),
        "team_lead": Sees("each", "team"),
        "manager": Sees("totals"),
        "admin": Sees("totals"),
    },
    "answers": {
        "trainer": Sees("each"),
        "team_lead": Sees("each", "team"),
        "manager": Sees("totals"),
        "admin": Sees("totals"),
    },
    "recall": {
        "trainer": Sees("groups"),
        "team_lead": Sees("groups", "team"),
        "manager": Sees("groups"),
    },
    "marks": {
        "qa_analyst": Sees("each"),
        "team_lead": Sees("each", "team"),
        "trainer": Sees("groups"),
        "manager": Sees("totals"),
        "admin": Sees("totals"),
    },
    "recordings": {
        "trainer": Sees("each", "programme"),
        "qa_analyst": Sees("each", "programme"),
        "team_lead": Sees("each", "team"),
        "admin": Sees("each", plays=False),
    },
    "plays": {
        "admin": Sees("each"),
    },
    "path": {
        "team_lead": Sees("each", "team"),
        "admin": Sees("each"),
        "manager": Sees("totals"),
    },
    "notes": {},
    "occasions": {
        "team_lead": Sees("each", "opted_in"),
    },
}

_ORDER: tuple[Reach, ...] = ("none", "groups", "totals", "each", "own")


def reach(viewer: Viewer, noun: Noun, *, person: UUID | None = None, team: UUID | None = None) -> Reach:
    """What the viewer sees of this noun of a person in a team: the most that one of their roles allows.

    Without a person: the most that they see of anybody.
    """
    if person is not None and person == viewer.id:
        return "own"
    found: Reach = "none"
    for role, sees in TABLE[noun].items():
        if not viewer.has(role):
            continue
        if person is not None and sees.of in ("team", "opted_in") and not same_team(viewer, team):
            continue
        found = max(found, sees.reach, key=_ORDER.index)
    return found


def team_only(viewer: Viewer, noun: Noun) -> bool:
    """Whether single things of this noun are listed for the viewer's own team alone."""
    wide = any(
        viewer.has(role)
        for role, sees in TABLE[noun].items()
        if sees.reach == "each" and sees.of in ("all", "programme")
    )
    return not wide and reach(viewer, noun) == "each"


def same_team(viewer: Viewer, team: UUID | None) -> bool:
    return viewer.team is not None and viewer.team == team


def require_each(viewer: Viewer, noun: Noun, *, person: UUID, team: UUID | None) -> None:
    """Raises NotFound unless the viewer sees single things of this noun of the person, or it is their own."""
    if reach(viewer, noun, person=person, team=team) not in ("own", "each"):
        raise NotFound(_("There is no such page, or it is not yours to see."))
