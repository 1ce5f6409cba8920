"""How a person hears of each kind of notice: the centre proposes, the person chooses.

Invariant: what was chosen holds from the next notice on, and no default ever replaces it.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from trainer import db
from trainer.notices import kinds, queries
from trainer.notices.kinds import Way
from trainer.problems import FieldError, Invalid
from trainer.web.i18n import _
from trainer.web.session import Viewer


@dataclass(frozen=True, slots=True)
class Choice:
    """One kind with what may be chosen and what holds now."""

    kind: str
    title: str
    icon: str
    ways: tuple[Way, ...]
    way: str


async def choices_of(viewer: Viewer) -> list[Choice]:
    """Every kind that the viewer may get, reminders last."""
    chosen = await queries.choices_of(viewer.id)
    found = [
        Choice(kind.id, kind.title_for_choice(), kind.icon, kind.ways, chosen.get(kind.id, kind.default_way))
        for kind in kinds.kinds_for(viewer)
    ]
    return sorted(found, key=lambda choice: "off" in choice.ways)


async def choose(viewer: Viewer, ways: Mapping[str, str]) -> None:
    """Keeps the viewer's choices, way by kind. Raises Invalid for a kind or way that cannot be chosen."""
    offered = {kind.id: kind.ways for kind in kinds.kinds_for(viewer)}
    wrong = [
        FieldError(kind, "unknown", _("Choose one of these."))
        for kind, way in ways.items()
        if way not in offered.get(kind, ())
    ]
    if wrong:
        raise Invalid(_("Nothing was changed."), errors=wrong)
    if ways:
        await queries.choose(viewer.id, ways, db.utc_now())
