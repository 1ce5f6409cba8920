"""Fixtures of evaluations: a cast in two teams, and a rule book of one fatal and three other rules."""

import pytest
from litestar import Litestar

from tests.factories import a_person, a_team
from tests.quality.makers import Cast, a_book


@pytest.fixture
async def cast(app: Litestar) -> Cast:
    await a_book()
    harbour, lantern = await a_team("Harbour"), await a_team("Lantern")
    return Cast(
        analyst=await a_person("qa_analyst", name="Zhou Min"),
        other_analyst=await a_person("qa_analyst", name="Petra Vos"),
        trainer=await a_person("trainer", name="Rosa Lind"),
        lead=await a_person("team_lead", name="Kwame Osei", team=harbour),
        other_lead=await a_person("team_lead", name="Sofia Reis", team=lantern),
        manager=await a_person("manager", name="Helena Brandt"),
        admin=await a_person("admin", name="Ingrid Dahl"),
        agent=await a_person("agent", name="Amara Nwosu", team=harbour),
        other_agent=await a_person("agent", name="Yusuf Kaya", team=lantern),
    )
