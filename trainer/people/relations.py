"""Who belongs to whom: a person's team, buddy and manager exist, and nobody is above themselves.

Two people may be each other's buddy. Invariant: following managers upwards ends, however the chain was made.
"""

from uuid import UUID

from trainer import db
from trainer.people import queries
from trainer.people.fields import PersonFields
from trainer.people.teams import team_exists
from trainer.problems import Invalid
from trainer.web.i18n import _


async def check_relations(person: UUID, fields: PersonFields) -> None:
    """Inside the transaction that writes these fields. Raises Invalid, a loop of managers with the names in it."""
    if (team := fields.get("team")) and not await team_exists(team):
        raise Invalid.field("team", "unknown", _("There is no such team."))
    if fields.get("buddy") or fields.get("manager"):
        # two who edit at once could close a loop together; and who is being erased would come back as a colleague
        await db.lock("colleagues")
    if buddy := fields.get("buddy"):
        if buddy == person:
            raise Invalid.field("buddy", "same-person", _("Nobody can be their own buddy."))
        await _check_colleague("buddy", buddy)
    if manager := fields.get("manager"):
        if manager == person:
            raise Invalid.field("manager", "same-person", _("Nobody reports to themselves."))
        await _check_colleague("manager", manager)
        await _check_chain(person, manager)


async def _check_colleague(field: str, other: UUID) -> None:
    found = await queries.persons([other])
    if not found or not found[0]["active"]:
        raise Invalid.field(field, "unknown", _("There is no such colleague any more."))


async def _check_chain(person: UUID, manager: UUID) -> None:
    above = await queries.managers_above(manager)
    ids = [row["id"] for row in above]
    if person in ids:
        chain = [row["name"] for row in above[: ids.index(person) + 1]]
        raise Invalid.field("manager", "loop", loop_words(chain[-1:] + chain))


def loop_words(chain: list[str]) -> str:
    """Why these people, each reporting to the next and the last being the first, cannot be."""
    return _("Nobody can be above themselves: %(chain)s.") % {"chain": " → ".join(chain)}
