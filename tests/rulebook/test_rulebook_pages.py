"""The pages: the whole before the details, and one page that tells a rule's story."""

import re
from collections.abc import Sequence
from typing import Any
from uuid import UUID

import httpx
import pytest
from jinja2 import ChoiceLoader, DictLoader
from litestar import Litestar

from tests.factories import a_person, a_rule, a_rulebook, a_viewer
from tests.web_fixtures import SignIn
from trainer import db
from trainer.rulebook import drafting, routes, service
from trainer.rulebook.service import Mark
from trainer.rulebook.views import RuleView
from trainer.web.session import Viewer

ROLES = ("agent", "trainer", "qa_analyst", "team_lead", "manager", "admin")


def words(html: str) -> str:
    """What a reader sees, roughly."""
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", html.partition("<main")[2])).replace("&#39;", "'")


@pytest.mark.parametrize("role", ROLES)
async def test_wants_come_first_with_the_feeling_and_rules_below(
    client: httpx.AsyncClient, sign_in: SignIn, role: str
) -> None:
    await a_rulebook()
    await sign_in(client, await a_person(role))
    page = await client.get("/rules")
    assert page.status_code == 200
    seen = words(page.text)
    feelings = ["They heard me out", "They did something about it", "I felt better when I hung up"]
    places = [seen.index(text) for text in [*feelings, "Listen to the end", "As if it were family"]]
    assert places == sorted(places)
    assert seen.count("No-go zone") == 2


async def test_the_overview_needs_four_queries(client: httpx.AsyncClient, sign_in: SignIn) -> None:
    await a_rulebook()
    await sign_in(client, await a_person("trainer"))
    await client.get("/rules")
    with db.queries_counted() as counted:
        await client.get("/rules")
    assert counted.count <= 4, counted.statements


async def test_a_centre_without_a_book_says_what_to_do(client: httpx.AsyncClient, sign_in: SignIn) -> None:
    await sign_in(client, await a_person("trainer"))
    page = await client.get("/rules")
    assert (page.status_code, "No rule book yet" in page.text) == (200, True)


async def test_several_books_are_shown_one_at_a_time(client: httpx.AsyncClient, sign_in: SignIn) -> None:
    await a_rulebook()
    await a_rule("T1", title={"en": "A rule of another programme"})
    await sign_in(client, await a_person("agent"))
    assert "A rule of another programme" not in (await client.get("/rules")).text
    other = (await client.get("/rules?book=test")).text
    assert "A rule of another programme" in other
    assert "Listen to the end" not in other


async def test_a_rule_page_lets_one_recite_it_and_says_why(
    client: httpx.AsyncClient, sign_in: SignIn
) -> None:
    await a_rulebook()
    await sign_in(client, await a_person("agent"))
    seen = words((await client.get("/rules/R01")).text)
    for text in (
        "Let the caller finish",
        "Improves step by step",
        "The reason for a call",
        "They heard me out",
    ):
        assert text in seen
    assert "No-go zone" in words((await client.get("/rules/R02")).text)
    assert (await client.get("/rules/R99")).status_code == 404


async def test_a_rule_is_read_in_the_readers_language(client: httpx.AsyncClient, sign_in: SignIn) -> None:
    await a_rulebook()
    await sign_in(client, await a_person("agent", locale="zh-Hant"))
    seen = words((await client.get("/rules/R01")).text)
    assert seen.index("让客户把话说完") < seen.index("Let the caller finish")


async def test_history_shows_each_version_as_it_was(client: httpx.AsyncClient, sign_in: SignIn) -> None:
    await a_rule("R1", statement={"en": "The first words."})
    await a_rule("R1", statement={"en": "The second words."})
    await sign_in(client, await a_person("agent"))
    now = words((await client.get("/rules/R1")).text)
    assert "The second words." in now
    assert "Superseded" in now
    then = words((await client.get("/rules/R1?version=1")).text)
    assert "The first words." in then
    assert "This is version 1" in then
    assert (await client.get("/rules/R1?version=3")).status_code == 404


async def test_a_long_statement_is_flagged_on_its_page(client: httpx.AsyncClient, sign_in: SignIn) -> None:
    await a_rule("R1", statement={"en": "word " * 21})
    await sign_in(client, await a_person("trainer"))
    assert "Hard to remember. 21 words in en: more than 20" in words((await client.get("/rules/R1")).text)


async def test_an_analyst_publishes_a_draft_from_its_page(client: httpx.AsyncClient, sign_in: SignIn) -> None:
    await a_rule("R1")
    trainer = await a_viewer("trainer")
    await drafting.edit_rule(trainer, "R1", {"want": "", "weight": 3})
    await sign_in(client, await a_person("trainer"))
    draft = (await client.get("/rules/R1?version=2")).text
    assert "Publish rule" not in draft
    assert (await client.post("/rules/R1/publish")).status_code == 403
    await sign_in(client, await a_person("qa_analyst"))
    refused = await client.post("/rules/R1/publish")
    assert refused.status_code == 409
    assert "Choose which want of the customer it serves." in words(refused.text)
    await drafting.edit_rule(trainer, "R1", {"want": "understand"})
    assert (await client.post("/rules/R1/publish")).headers["location"] == "/rules/R1"
    assert (await service.load_rule(trainer, "R1")).version == 2
    await drafting.edit_rule(trainer, "R1", {"weight": 4})
    assert (await client.post("/rules/R1/discard")).status_code == 303
    assert (await service.load_history(trainer, "R1")).draft is None


async def test_upper_rooms_put_marks_and_parts_on_the_pages(
    app: Litestar, client: httpx.AsyncClient, sign_in: SignIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def marks(rules: Sequence[UUID]) -> dict[UUID, Mark]:
        return {rules[0]: Mark("Needs care", "warn")}

    async def part(viewer: Viewer, rule: RuleView) -> tuple[str, dict[str, Any]] | None:
        return ("upper/part.html", {"heard": 3}) if rule.code == "R01" else None

    environment = app.state.pages.environment
    templates = DictLoader({"upper/part.html": "<p>{{ part.heard }} clips of {{ rule.code }}</p>"})
    monkeypatch.setattr(environment, "loader", ChoiceLoader([templates, environment.loader]))

    monkeypatch.setitem(service.rule_marks, "test", marks)
    monkeypatch.setitem(routes.rule_page_parts, "test", part)
    await a_rulebook()
    await sign_in(client, await a_person("agent"))
    assert (await client.get("/rules")).text.count("Needs care") == 1
    assert "3 clips of R01" in (await client.get("/rules/R01")).text
    assert "clips of" not in (await client.get("/rules/R02")).text


async def test_a_visitor_is_asked_to_sign_in(client: httpx.AsyncClient) -> None:
    assert (await client.get("/rules")).headers["location"].startswith("/sign-in")
