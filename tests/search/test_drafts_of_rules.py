"""A rule that has a draft is found twice by those who see drafts: the draft says that it is one."""

from typing import Any

import httpx

from tests.factories import a_person, a_rule, viewer_for
from tests.search.makers import indexed
from trainer.rulebook.drafting import edit_rule


async def test_a_rule_and_its_next_version_are_told_apart(client: httpx.AsyncClient, sign_in: Any) -> None:
    trainer, agent = await a_person("trainer"), await a_person("agent")
    rule = await a_rule("R1", title={"en": "Name every fee"})
    await edit_rule(viewer_for(trainer), rule.code, {"why": {"en": "A fee is no surprise."}})
    await indexed()
    for person, hits, drafts in ((trainer, 2, 1), (agent, 1, 0)):
        await sign_in(client, person)
        page = (await client.get("/search", params={"q": "fee", "kind": "rule"})).text
        assert page.count('class="search-hit"') == hits
        assert page.count("Draft of the next version") == drafts
