"""Builders of what tests talk about, made through the services as the product itself would make it.

Each gives sensible values for all that a test does not care about. They need an open database.
"""

from collections.abc import Iterable
from datetime import date
from itertools import count
from pathlib import Path
from typing import Any
from uuid import UUID

from trainer.people import service as people
from trainer.people import teams
from trainer.people.passwords import hash_password
from trainer.people.service import PersonView
from trainer.people.tables import Person
from trainer.rulebook import service as rulebook
from trainer.rulebook.views import RuleView
from trainer.web.session import Viewer

PASSWORD = "seven quiet herons"
_numbers = count(1)


async def a_team(name: str | None = None, *, site: str = "") -> UUID:
    """A team; returns its id."""
    return await teams.create_team(None, name=name or f"Team {next(_numbers)}", site=site)


async def a_person(
    role: str = "agent",
    *,
    name: str | None = None,
    roles: Iterable[str] | None = None,
    team: UUID | None = None,
    email: str | None = None,
    password: str | None = None,
    hired_on: date | None = None,
    **fields: Any,
) -> PersonView:
    """Somebody with one role (or several), who has `password` if one is given."""
    number = next(_numbers)
    person = await people.create_person(
        None,
        name=name or f"Person {number}",
        email=email or f"person{number}@encore.example",
        roles=roles or [role],
        team=team,
        hired_on=hired_on,
        **fields,
    )
    if password:
        hashed = await hash_password(password)
        await Person.update({Person.password_hash: hashed}).where(Person.id == person)
    return await people.get_person(person)


def viewer_for(
    person: PersonView, *, session: str | None = "test", scopes: Iterable[str] | None = None
) -> Viewer:
    """The person as services see whoever asks: signed in with a browser, or with a token of these scopes."""
    return Viewer(
        id=person.id,
        name=person.name,
        roles=person.roles,
        team=person.team,
        team_name=person.team_name,
        locale=person.locale,
        time_zone=person.time_zone,
        theme=person.theme,
        session=None if scopes is not None else session,
        scopes=None if scopes is None else frozenset(scopes),
    )


async def a_viewer(role: str = "agent", **fields: Any) -> Viewer:
    """Somebody who asks; `fields` as for `a_person`."""
    return viewer_for(await a_person(role, **fields))


STARTER_RULEBOOK = Path(__file__).parent.parent / "curricula" / "rulebooks" / "starter.yaml"


async def a_rulebook() -> None:
    """The starter rule book, published: three wants, R01 to R11, five values."""
    await rulebook.import_rulebook(STARTER_RULEBOOK)


async def a_rule(code: str | None = None, **says: Any) -> RuleView:
    """One published rule in the book `test`, made when absent; `says` as in the YAML format of rules."""
    code = code or f"T{next(_numbers)}"
    rule = {
        "code": code,
        "want": "understand",
        "title": {"en": f"Rule {code}"},
        "statement": {"en": "Say back what you heard."},
        **says,
    }
    await rulebook.import_rulebook(
        {
            "rulebook": {"code": "test", "title": {"en": "Test book"}},
            "wants": [
                {"code": "understand", "title": {"en": "Understand me"}, "feeling": {"en": "I was heard."}}
            ],
            "rules": [rule],
        }
    )
    return (await rulebook.published_rules([code]))[code]
