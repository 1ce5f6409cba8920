"""Who reports to whom in the sample centre, and who of it has signed in before.

People of the sample come in by one-click doors: what stands for their passwords fits no password at all. Two began
yesterday and never signed in, so that there is somebody to print a card for.
"""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from trainer.people.passwords import NOBODY
from trainer.people.tables import Person

NEVER_SIGNED_IN = {"noor", "teodora"}


async def settle(document: Mapping[str, Any], people: Mapping[str, UUID]) -> None:
    """Agents report to the lead of their team, everybody else to the centre's manager."""
    listed = document["people"]
    manager = next(each["key"] for each in listed if "manager" in each["roles"])
    leads = {each["team"]: each["key"] for each in listed if "team_lead" in each["roles"]}
    for each in listed:
        above = leads.get(each["team"]) if each["roles"] == ["agent"] else manager
        changes: dict[Any, Any] = {
            Person.manager: people[above] if above and above != each["key"] else None,
            Person.password_hash: None if each["key"] in NEVER_SIGNED_IN else NOBODY,
        }
        await Person.update(changes).where(Person.id == people[each["key"]])
