"""A cast in two teams and the starter rule book."""

from dataclasses import dataclass

import pytest

from tests.factories import a_person, a_rulebook, a_team, viewer_for
from trainer.people.service import PersonView
from trainer.web.session import Viewer


@dataclass
class Cast:
    """`lead`, `amara` and `priya` are one team, `other_lead` and `yusuf` another."""

    lead: PersonView
    amara: PersonView
    priya: PersonView
    other_lead: PersonView
    yusuf: PersonView
    trainer: PersonView
    analyst: PersonView
    manager: PersonView
    admin: PersonView

    def viewer(self, name: str) -> Viewer:
        return viewer_for(getattr(self, name))


async def make_cast() -> Cast:
    harbour, lantern = await a_team("Harbour"), await a_team("Lantern")
    await a_rulebook()
    return Cast(
        lead=await a_person("team_lead", name="Kwame Mensah", team=harbour),
        amara=await a_person("agent", name="Amara Okafor", team=harbour),
        priya=await a_person("agent", name="Priya Nair", team=harbour),
        other_lead=await a_person("team_lead", name="Sofia Lind", team=lantern),
        yusuf=await a_person("agent", name="Yusuf Demir", team=lantern),
        trainer=await a_person("trainer", name="Rosa Delgado"),
        analyst=await a_person("qa_analyst", name="Zhou Min"),
        manager=await a_person("manager", name="Helena Fischer"),
        admin=await a_person("admin", name="Ingrid Solberg"),
    )


@pytest.fixture
async def cast(database: str) -> Cast:
    """People in an open database, without the app."""
    return await make_cast()
