"""Rules are written, moved and published on pages: by whom, in which language, and what two people see."""

import re
from typing import Any

import httpx
import pytest

from tests.factories import a_person, a_rule, a_rulebook, a_viewer
from tests.rulebook.makers import a_pin
from tests.rulebook.test_rule_health import words
from tests.web_fixtures import SignIn
from trainer.rulebook import drafting, service

ROLES = ("agent", "trainer", "qa_analyst", "team_lead", "manager", "admin")
NEW = {
    "language": "en",
    "code": "R12",
    "title": "Smile",
    "statement": "Smile before you speak.",
    "why": "One hears it.",
    "want": "glad",
    "severity": "non_fatal",
    "kind": "judgement",
    "weight": "5",
    "key_tokens": "smile|grin\nbefore",
    "recall_prompt": "What comes first?",
}


def value_of(html: str, name: str) -> str:
    """What stands in a field of the page."""
    found = re.search(rf'<input[^>]*name="{name}"[^>]*value="([^"]*)"', html) or re.search(
        rf'<textarea[^>]*name="{name}"[^>]*>\n?([^<]*)<', html
    )
    assert found, name
    return found[1].replace("&#39;", "'")


@pytest.fixture
async def book(app: Any) -> None:
    await a_rulebook()


@pytest.fixture
async def trainer(book: None, client: httpx.AsyncClient, sign_in: SignIn) -> httpx.AsyncClient:
    return await sign_in(client, await a_person("trainer"))


async def test_a_trainer_adds_a_rule(trainer: httpx.AsyncClient) -> None:
    blank = (await trainer.get("/rules/new?book=starter&want=glad")).text
    assert value_of(blank, "code") == "R12"
    assert 'value="glad" selected' in blank
    made = await trainer.post("/rules/new?book=starter", data=NEW)
    assert (made.status_code, made.headers["location"]) == (303, "/rules/R12?version=1")
    rule = await service.load_rule(await a_viewer("trainer"), "R12")
    assert (rule.state, rule.want_code, rule.kind, rule.weight) == ("draft", "glad", "judgement", 5)
    assert rule.key_tokens == {"en": ["smile|grin", "before"]}
    page = words((await trainer.get("/rules/R12?version=1")).text)
    assert "Edit draft" in page
    assert "Look and publish" not in page
    assert "A QA analyst or an admin publishes it." in page
    overview = words((await trainer.get("/rules")).text)
    assert "1 draft waits to be published." in overview


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"code": "R01"}, "There is a rule R01 already."),
        ({"code": "two words"}, "A code has up to 40 letters"),
        ({"code": "new"}, "new is the name of a page here"),
        ({"title": ""}, "Please fill this in."),
        ({"statement": "x" * 501}, "Please keep this under 500 characters"),
        ({"weight": "many"}, "Please give a number from 0 to 1000."),
        ({"weight": "-1"}, "Please give a number from 0 to 1000."),
        ({"want": "fame"}, "There is no want fame."),
        ({"severity": "deadly"}, "Please choose one of these"),
        ({"key_tokens": "\n".join("x" * 21)}, "Write these as at most 20 words"),
    ],
)
async def test_what_is_wrong_is_said_at_its_field_and_nothing_typed_is_lost(
    trainer: httpx.AsyncClient, change: dict[str, str], told: str
) -> None:
    refused = await trainer.post("/rules/new?book=starter", data={**NEW, **change})
    assert refused.status_code == 422
    assert told in words(refused.text)
    assert value_of(refused.text, "why") == "One hears it."
    assert value_of(refused.text, "recall_prompt") == "What comes first?"
    assert "R12" not in [
        rule.code for rule in await service.visible_rules(await a_viewer("trainer"), limit=100)
    ]


async def test_a_long_statement_is_flagged_and_saved(trainer: httpx.AsyncClient) -> None:
    made = await trainer.post("/rules/new?book=starter", data={**NEW, "statement": "word " * 21})
    assert made.status_code == 303
    assert "21 words in en: more than 20" in words((await trainer.get("/rules/R12/edit")).text)


async def test_each_language_is_written_by_itself(trainer: httpx.AsyncClient) -> None:
    await trainer.post("/rules/new?book=starter", data={**NEW, "then": "zh-Hans"})
    page = (await trainer.get("/rules/R12/edit?language=zh-Hans")).text
    assert value_of(page, "title") == ""
    chinese = {**NEW, "language": "zh-Hans", "title": "微笑", "statement": "先微笑，再开口。", "why": ""}
    chinese |= {"key_tokens": "微笑", "recall_prompt": "", "revision": value_of(page, "revision")}
    assert (await trainer.post("/rules/R12/edit", data=chinese)).status_code == 303
    rule = await service.load_rule(await a_viewer("trainer"), "R12")
    assert rule.title == {"en": "Smile", "zh-Hans": "微笑"}
    assert rule.why == {"en": "One hears it."}
    assert rule.key_tokens == {"en": ["smile|grin", "before"], "zh-Hans": ["微笑"]}
    gone = {**chinese, "title": "", "statement": "", "key_tokens": "", "revision": str(rule.revision)}
    assert (await trainer.post("/rules/R12/edit", data=gone)).status_code == 303
    assert (await service.load_rule(await a_viewer("trainer"), "R12")).title == {"en": "Smile"}


async def test_editing_a_published_rule_drafts_the_next_version(trainer: httpx.AsyncClient) -> None:
    page = (await trainer.get("/rules/R01/edit")).text
    assert "Version 1 stays as it is" in words(page)
    changed = {
        **NEW,
        "want": "understand",
        "revision": value_of(page, "revision"),
        "statement": "Hear them out.",
    }
    saved = await trainer.post("/rules/R01/edit", data=changed)
    assert saved.headers["location"] == "/rules/R01?version=2"
    assert "Let the caller finish" in words((await trainer.get("/rules/R01")).text)
    draft = words((await trainer.get("/rules/R01?version=2")).text)
    assert "Hear them out." in draft
    assert "What changed in version 2" in draft
    assert "Next version drafted" in words((await trainer.get("/rules")).text)


async def test_a_colleagues_edit_in_between_is_shown_and_nothing_is_lost(
    trainer: httpx.AsyncClient,
) -> None:
    await trainer.post("/rules/new?book=starter", data=NEW)
    read = value_of((await trainer.get("/rules/R12/edit")).text, "revision")
    await drafting.edit_rule(await a_viewer("trainer"), "R12", {"statement": {"en": "Smile first."}})
    mine = {**NEW, "title": "Smile, always", "revision": read}
    conflict = await trainer.post("/rules/R12/edit", data=mine)
    assert conflict.status_code == 409
    assert "Smile first." in words(conflict.text)
    assert value_of(conflict.text, "title") == "Smile, always"
    assert (await service.load_rule(await a_viewer("trainer"), "R12")).title == {"en": "Smile"}
    again = {**mine, "revision": value_of(conflict.text, "revision")}
    assert (await trainer.post("/rules/R12/edit", data=again)).status_code == 303
    assert (await service.load_rule(await a_viewer("trainer"), "R12")).title == {"en": "Smile, always"}


async def test_words_survive_that_a_colleague_threw_the_draft_away(trainer: httpx.AsyncClient) -> None:
    await trainer.post("/rules/new?book=starter", data=NEW)
    await drafting.discard_draft(await a_viewer("trainer"), "R12")
    told = await trainer.post("/rules/R12/edit", data={**NEW, "revision": "1"})
    assert told.status_code == 409
    assert "Somebody threw this draft away meanwhile." in words(told.text)
    assert value_of(told.text, "code") == "R12"
    assert value_of(told.text, "statement") == "Smile before you speak."


# Publishing


async def test_before_publishing_one_sees_what_changes_and_what_becomes_of_the_clips(
    client: httpx.AsyncClient, sign_in: SignIn
) -> None:
    await a_rule("T1")
    for _each in range(2):
        await a_pin("T1")
    writer = await a_viewer("trainer")
    await drafting.edit_rule(writer, "T1", {"why": {"en": "It calms."}})
    await sign_in(client, await a_person("qa_analyst"))
    page = words((await client.get("/rules/T1/publish")).text)
    assert "It calms." in page
    assert "Its 2 clips stay pinned" in page
    await drafting.edit_rule(writer, "T1", {"statement": {"en": "Other words."}})
    html = (await client.get("/rules/T1/publish")).text
    assert "which of its 2 clips still fit. They count for 30 days more." in words(html)
    assert "Say back what you heard." in words(html)
    done = await client.post("/rules/T1/publish", data={"revision": value_of(html, "revision")})
    assert done.headers["location"] == "/rules/T1"
    then = await client.get("/rules/T1/publish")
    assert then.headers["location"] == "/rules/T1"
    old = words((await client.get("/rules/T1?version=1")).text)
    assert "Say back what you heard." in old


async def test_what_was_changed_after_it_was_looked_at_is_not_published(
    client: httpx.AsyncClient, sign_in: SignIn
) -> None:
    await a_rule("T1")
    writer = await a_viewer("trainer")
    await drafting.edit_rule(writer, "T1", {"weight": 3})
    await sign_in(client, await a_person("admin"))
    seen = value_of((await client.get("/rules/T1/publish")).text, "revision")
    await drafting.edit_rule(writer, "T1", {"weight": 4})
    refused = await client.post("/rules/T1/publish", data={"revision": seen})
    assert refused.status_code == 409
    assert "Somebody else changed this rule meanwhile." in words(refused.text)
    assert (await service.load_rule(writer, "T1")).version == 1


async def test_all_drafts_are_published_at_once_and_what_cannot_be_is_named(
    client: httpx.AsyncClient, sign_in: SignIn
) -> None:
    await a_rule("T1")
    writer = await a_viewer("trainer")
    says = {"title": {"en": "One"}, "statement": {"en": "Do it."}}
    await drafting.create_draft(writer, "T7", {**says, "want": "understand"})
    await drafting.create_draft(writer, "T8", says)
    await drafting.edit_rule(writer, "T1", {"weight": 9})
    await sign_in(client, await a_person("trainer"))
    page = (await client.get("/rules/drafts")).text
    assert 'name="draft"' not in page
    assert (await client.post("/rules/drafts", data={"draft": ["T7:1"]})).status_code == 403
    await sign_in(client, await a_person("qa_analyst"))
    page = (await client.get("/rules/drafts")).text
    ready = re.findall(r'name="draft" value="([^"]+)"', page)
    assert ready == ["T1:2", "T7:1"]
    assert "Choose which want of the customer it serves." in words(page)
    await drafting.edit_rule(writer, "T7", {"weight": 2})
    done = words((await client.post("/rules/drafts", data={"draft": ready})).text)
    assert "1 rule is published: T1." in done
    assert "T7 is not published Somebody else changed this rule meanwhile." in done
    assert (await service.load_rule(writer, "T1")).version == 2


# The order


async def test_rules_move_among_those_of_their_want(client: httpx.AsyncClient, sign_in: SignIn) -> None:
    await a_rulebook()
    await sign_in(client, await a_person("qa_analyst"))
    assert "Move R01 up" not in (await client.get("/rules")).text
    assert "Move R01 up" in (await client.get("/rules?order=1")).text
    moved = await client.post("/rules/R02/move", data={"to": "up"})
    assert moved.headers["location"] == "/rules?book=starter&order=1#rule-R02"
    seen = words((await client.get("/rules")).text)
    assert seen.index("Check who is calling") < seen.index("Listen to the end")
    part = await client.post("/rules/R02/move", data={"to": "down"}, headers={"HX-Request": "true"})
    assert "<html" not in part.text
    assert "R02 moved." in part.text
    assert part.text.count("data-focus") == 1
    at_end = await client.post("/rules/R01/move", data={"to": "up"}, headers={"HX-Request": "true"})
    assert "R01 stands at this end already." in at_end.text
    assert (await client.post("/rules/R01/move", data={"to": "sideways"})).status_code == 422
    assert (await client.post("/rules/R99/move", data={"to": "up"})).status_code == 404
    codes = [rule.code for rule in await service.visible_rules(await a_viewer("agent"), limit=50)]
    assert codes == [f"R{n:02}" for n in range(1, 12)]


# The rights matrix on pages: rule draft / published


@pytest.mark.parametrize("role", ROLES)
async def test_each_role_finds_its_buttons_and_no_other(
    book: None, client: httpx.AsyncClient, sign_in: SignIn, role: str
) -> None:
    await drafting.edit_rule(await a_viewer("trainer"), "R01", {"weight": 9})
    await sign_in(client, await a_person(role))
    writes, publishes = role in ("trainer", "qa_analyst"), role in ("qa_analyst", "admin")
    sees_drafts = role in ("trainer", "qa_analyst", "team_lead", "admin")
    overview = (await client.get("/rules?order=1")).text
    assert ("/rules/new" in overview) is writes
    assert ("/rules/import" in overview) is writes
    assert ("Change the order" in overview or "Move R01 up" in overview) is publishes
    assert ("/rules/books/starter" in overview) is publishes
    plain = (await client.get("/rules")).text
    assert ("Add a rule" in plain) is writes
    assert ("Look at the drafts" in plain) is sees_drafts
    rule = (await client.get("/rules/R01")).text
    assert ("/rules/R01/edit" in rule) is writes
    draft = await client.get("/rules/R01?version=2")
    assert draft.status_code == (200 if sees_drafts else 404)
    assert ("/rules/R01/publish" in draft.text) is publishes
    asked = {
        "/rules/new": writes,
        "/rules/R01/edit": writes,
        "/rules/import": writes,
        "/rules/import/template": writes,
        "/rules/R01/publish": publishes,
        "/rules/books/new": publishes,
        "/rules/books/starter": publishes,
        "/rules/books/starter/wants/glad": publishes,
        "/rules/drafts": sees_drafts,
        "/rules/export": True,
    }
    for path, allowed in asked.items():
        assert (await client.get(path)).status_code == (200 if allowed else 403), path
    sent: list[tuple[str, dict[str, str], bool]] = [
        ("/rules/new", NEW, writes),
        ("/rules/R01/edit", {**NEW, "want": "understand"}, writes),
        ("/rules/R02/move", {"to": "down"}, publishes),
        ("/rules/books/starter/wants/glad/move", {"to": "up"}, publishes),
        ("/rules/books/new", {"title-en": "Other", "language": "en"}, publishes),
        ("/rules/books/starter/wants", {"title-en": "W", "feeling-en": "F"}, publishes),
        ("/rules/R01/publish", {}, publishes),
        ("/rules/R12/discard", {}, writes),
    ]
    for path, data, allowed in sent:
        assert (await client.post(path, data=data)).status_code == (303 if allowed else 403), path
