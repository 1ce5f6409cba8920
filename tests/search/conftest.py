"""Fixtures for search: a cast, and a small rule book."""

import pytest

from tests.factories import a_person, a_rule, a_team
from tests.search.makers import Cast
from trainer import db
from trainer.calls import reading
from trainer.quality import service as quality


@pytest.fixture
async def cast(database: str, monkeypatch: pytest.MonkeyPatch) -> Cast:
    # as app.py wires it
    monkeypatch.setitem(reading.hearing_checks, "evaluation", quality.may_hear_own)
    monkeypatch.setitem(reading.hearing_lists, "evaluation", quality.released_recordings)
    team, other = await a_team("Harbour"), await a_team("Lantern")
    return Cast(
        trainer=await a_person("trainer", name="Rosa Lind"),
        analyst=await a_person("qa_analyst", name="Zhou Min"),
        lead=await a_person("team_lead", name="Kwame Osei", team=team),
        other_lead=await a_person("team_lead", name="Sofia Reis", team=other),
        manager=await a_person("manager", name="Helena Brandt"),
        admin=await a_person("admin", name="Ingrid Dahl"),
        agent=await a_person("agent", name="Amara Nwosu", team=team),
        mate=await a_person("agent", name="Ben Ode", team=team),
        other_agent=await a_person("agent", name="Lin Xia", team=other),
    )


@pytest.fixture
async def rule(cast: Cast) -> str:
    """The code of a published rule in the only book."""
    assert db.is_open()
    return (await a_rule("R1", title={"en": "Name every fee"}, statement={"en": "Say every fee first."})).code
