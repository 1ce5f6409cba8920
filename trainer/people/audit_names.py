"""Names for the ids in the audit log, looked up while it is read and never stored with it.

Upper rooms name what is theirs (`namers`, wired in app.py). Invariant: what is gone, or not the viewer's to see, has no
name here; one look-up a kind serves a whole page of entries.
"""

from collections.abc import Awaitable, Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from trainer.people.audit import Entry
from trainer.people.forms import identifier
from trainer.people.service import people_by_ids
from trainer.people.teams import list_teams
from trainer.web.session import Viewer


@dataclass(frozen=True, slots=True)
class Named:
    """What a thing is called now, and its page."""

    name: str
    href: str


Namer = Callable[[Viewer, list[UUID]], Awaitable[dict[UUID, str]]]


async def _people(viewer: Viewer, ids: list[UUID]) -> dict[UUID, str]:
    found = await people_by_ids(ids)
    return {each: person.name for each, person in found.items() if person.erased_at is None}


async def _teams(viewer: Viewer, ids: list[UUID]) -> dict[UUID, str]:
    return {team.id: team.name for team in await list_teams(viewer) if team.id in ids}


# noun → what names its ids, and where each has its page
namers: dict[str, tuple[Namer, str]] = {"person": (_people, "/people/{}"), "team": (_teams, "/teams")}
# what a detail is called that holds the id of such a thing
_NOUN_OF = {"of": "person", "person": "person", "team": "team", "recording": "recording", "was": "recording"}


def noun_of(key: str) -> str:
    """The noun whose id stands under this key of an entry's detail; "" for any other detail."""
    return _NOUN_OF.get(key, "")


async def names_of(viewer: Viewer, entries: Iterable[Entry]) -> dict[tuple[str, str], Named]:
    """The present names of what these entries are about, by (noun, id as text)."""
    wanted: dict[str, set[UUID]] = {}
    for entry in entries:
        for noun, text in _mentioned(entry):
            one = identifier(text) if noun in namers and isinstance(text, str) else None
            if one is not None:
                wanted.setdefault(noun, set()).add(one)
    found: dict[tuple[str, str], Named] = {}
    for noun, ids in wanted.items():
        name, page = namers[noun]
        for one, called in (await name(viewer, sorted(ids))).items():
            found[noun, str(one)] = Named(called, page.format(one))
    return found


def _mentioned(entry: Entry) -> Iterator[tuple[str, Any]]:
    yield entry.noun, entry.noun_id
    for key, value in entry.detail.items():
        yield noun_of(key), value
