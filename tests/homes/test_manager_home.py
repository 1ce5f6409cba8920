"""What a manager finds at home: sums over everybody, and a word where they would be of too few."""

import httpx
import pytest

from tests.career.conftest import import_all
from tests.factories import a_person, a_rulebook, a_team
from tests.web_fixtures import SignIn
from trainer import jobs

TOO_FEW = "Too few: sums appear once five people or more take part."


@pytest.mark.parametrize(("learners", "told"), [(4, True), (5, False)])
async def test_learning_is_summed_from_five_people_on_and_said_to_be_too_few_before(
    client: httpx.AsyncClient, sign_in: SignIn, learners: int, told: bool
) -> None:
    await a_rulebook()
    await import_all()
    team = await a_team("Harbour")
    for _n in range(learners):
        await a_person("agent", team=team)
    await jobs.drain()
    await sign_in(client, await a_person("manager"))
    page = (await client.get("/home")).text
    assert "Learning, everybody together" in page
    assert (TOO_FEW in page) is told
    assert ("See progress" in page) is not told
