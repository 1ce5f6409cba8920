"""An admin's first day: one thing is pointed at, and it is the kit only until the centre has begun another way."""

import re

import httpx

from tests.career.conftest import import_all
from tests.factories import a_person, a_rulebook
from tests.web_fixtures import SignIn
from trainer import jobs


async def test_one_thing_is_pointed_at(client: httpx.AsyncClient, sign_in: SignIn) -> None:
    await sign_in(client, await a_person("admin"))
    assert pointed_at((await client.get("/home")).text) == ["Take the starter kit"]
    await a_person("agent")
    home = (await client.get("/home")).text
    assert pointed_at(home) == ["Do this next"]
    assert re.search(r'href="/rules"[^>]*>(?:<svg.*?</svg>)?(?:<span>)?Do this next', home)
    assert "Take the starter kit" in home


async def test_a_module_that_finds_its_people_by_itself_is_given(
    client: httpx.AsyncClient, sign_in: SignIn
) -> None:
    thing = re.compile(
        r'<li class="([^"]*)"[^>]*>(?:(?!</li>).)*Publish and assign the first module', re.DOTALL
    )
    await sign_in(client, await a_person("admin"))
    await a_rulebook()
    await import_all()
    assert found(thing, (await client.get("/home")).text) == "open"
    await a_person("agent")  # to whom everybody's first module is given
    await jobs.drain()
    assert found(thing, (await client.get("/home")).text) == "done"


def found(thing: re.Pattern[str], home: str) -> str:
    match = thing.search(home.partition('id="first-day"')[2])
    return match[1] if match else ""


def pointed_at(home: str) -> list[str]:
    first_day = home.partition('id="first-day"')[2].partition("</ol>")[0]
    buttons = re.findall(r'class="button primary".*?</(?:button|a)>', first_day, re.DOTALL)
    return [re.sub(r"<.*?>", "", "<" + button).strip() for button in buttons]
