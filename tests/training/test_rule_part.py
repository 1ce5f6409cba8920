"""On a rule's page: which modules use it, for each reader their own way to them."""

import httpx
import pytest

from tests.training.conftest import Clips
from tests.training.makers import Cast, a_module, answer_up_to, begun
from tests.web_fixtures import SignIn


async def page_of(client: httpx.AsyncClient, rule: str) -> str:
    text = (await client.get(f"/rules/{rule}")).text
    return text.partition('id="modules"')[2] if 'id="modules"' in text else ""


async def test_readers_come_to_the_module_and_learners_to_their_own(
    cast: Cast, clips: Clips, client: httpx.AsyncClient, sign_in: SignIn
):
    module = await a_module(cast.viewer("trainer"))
    await sign_in(client, cast.trainer)
    page = await page_of(client, "R01")
    assert f"/modules/{module}" in page
    assert "5 steps about this rule" in page
    assert "/modules/new?rule=R01" in page
    await sign_in(client, cast.agent)
    page = await page_of(client, "R01")
    assert 'href="/learn"' in page
    assert str(module) not in page
    mine = await begun(cast.viewer("agent"))
    assert f"/learn/{mine}" in await page_of(client, "R01")
    await answer_up_to(cast.viewer("agent"), mine)
    assert "Done" in await page_of(client, "R01")


@pytest.mark.parametrize(("who", "shown"), [("trainer", True), ("agent", False), ("manager", False)])
async def test_a_rule_without_a_module_says_so_to_those_who_build_them(
    cast: Cast, clips: Clips, client: httpx.AsyncClient, sign_in: SignIn, who: str, shown: bool
):
    await a_module(cast.viewer("trainer"), publish=False)
    await sign_in(client, getattr(cast, who))
    assert ("No published module teaches this rule" in await page_of(client, "R01")) == shown
