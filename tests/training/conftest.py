"""Fixtures for training: a cast, the starter rule book, and clips of R01 of every kind."""

from dataclasses import dataclass
from uuid import UUID

import pytest
from litestar import Litestar

from tests.factories import a_person, a_rulebook, a_team
from tests.training.makers import Cast, a_clip


@dataclass
class Clips:
    """Clips of R01: one to listen to, a pair, and one to judge."""

    first: UUID
    second: UUID
    poor: UUID
    judged: UUID


@pytest.fixture
async def cast(app: Litestar) -> Cast:
    team, other = await a_team("Harbour"), await a_team("Lantern")
    return Cast(
        trainer=await a_person("trainer", name="Rosa Lind"),
        analyst=await a_person("qa_analyst", name="Zhou Min"),
        lead=await a_person("team_lead", name="Kwame Osei", team=team),
        other_lead=await a_person("team_lead", name="Sofia Reis", team=other),
        manager=await a_person("manager", name="Helena Brandt"),
        admin=await a_person("admin", name="Ingrid Dahl"),
        agent=await a_person("agent", name="Amara Nwosu", team=team),
        other_agent=await a_person("agent", name="Yusuf Kaya", team=other),
    )


@pytest.fixture
async def clips(app: Litestar) -> Clips:
    await a_rulebook()
    return Clips(
        first=await a_clip("R01"),
        second=await a_clip("R01"),
        poor=await a_clip("R01", "counterexample"),
        judged=await a_clip("R01", "near_miss"),
    )
