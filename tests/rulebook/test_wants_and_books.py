"""What the customer wants (003-1), and rule books as such: at most five wants, in an order, however many add one."""

import asyncio
import re
import sys

import httpx
import pytest

from tests.factories import a_person, a_rule, a_rulebook, a_viewer
from tests.rulebook.test_rule_editor_pages import value_of
from tests.rulebook.test_rule_health import words
from tests.web_fixtures import SignIn
from trainer import db
from trainer.problems import Conflict, Forbidden, Invalid, NotFound, PreconditionFailed
from trainer.rulebook import arranging, drafting, service
from trainer.rulebook.tables import Want
from trainer.web.session import Viewer

uses_database = pytest.mark.usefixtures("database")
ROLES = ("agent", "trainer", "qa_analyst", "team_lead", "manager", "admin")


async def add(viewer: Viewer, title: str, *, code: str = "") -> str:
    return await arranging.add_want(viewer, "test", {"en": title}, {"en": f"“{title}”"}, code=code)


async def wants(book: str = "test") -> list[str]:
    return [want.code for want in (await arranging.load_frame(book)).wants]


@uses_database
async def test_the_sixth_want_is_refused_in_words() -> None:
    await a_rule("T1")
    analyst = await a_viewer("qa_analyst")
    for number in range(2, 6):
        await add(analyst, f"Want {number}")
    with pytest.raises(Conflict) as refused:
        await add(analyst, "Want 6")
    assert refused.value.name == "too-many-wants"
    assert "5 wants already" in refused.value.detail
    assert await wants() == ["understand", "want-2", "want-3", "want-4", "want-5"]


@uses_database
async def test_many_who_add_at_once_never_make_six() -> None:
    await a_rule("T1")
    analyst = await a_viewer("qa_analyst")
    tries = await asyncio.gather(*(add(analyst, f"Want {n}") for n in range(8)), return_exceptions=True)
    assert sum(isinstance(each, Conflict) for each in tries) == 4
    assert len(await wants()) == 5
    assert [row["position"] for row in await Want.select().order_by(Want.position)] == [0, 1, 2, 3, 4]


@uses_database
async def test_a_want_is_renamed_moved_and_taken_away() -> None:
    await a_rule("T1")
    analyst = await a_viewer("qa_analyst")
    await add(analyst, "Be quick")
    await add(analyst, "让我安心")
    assert await wants() == ["understand", "be-quick", "want-1"]
    assert await arranging.move_want(analyst, "test", "want-1", "up")
    assert not await arranging.move_want(analyst, "test", "understand", "up")
    assert await wants() == ["understand", "want-1", "be-quick"]
    await arranging.edit_want(analyst, "test", "understand", {"en": "Hear me"}, {"en": "Heard."})
    assert (await service.load_rule(analyst, "T1")).want_title == {"en": "Hear me"}
    with pytest.raises(Conflict):
        await arranging.remove_want(analyst, "test", "understand")
    await arranging.remove_want(analyst, "test", "be-quick")
    assert await wants() == ["understand", "want-1"]
    with pytest.raises(NotFound):
        await arranging.remove_want(analyst, "test", "be-quick")


@uses_database
async def test_a_want_of_the_past_stays_with_old_versions_and_may_come_back() -> None:
    await a_rule("T1")
    analyst = await a_viewer("qa_analyst")
    await add(analyst, "Be quick")
    await drafting.edit_rule(analyst, "T1", {"want": "be-quick"})
    await drafting.publish_rule(analyst, "T1")
    await arranging.remove_want(analyst, "test", "understand")
    assert (await service.load_history(analyst, "T1")).at(1).want_code == "understand"
    assert await wants() == ["be-quick"]
    await add(analyst, "Understand me again", code="understand")
    assert await wants() == ["be-quick", "understand"]


@uses_database
async def test_two_people_at_one_want_see_each_other() -> None:
    await a_rule("T1")
    analyst = await a_viewer("qa_analyst")
    seen = (await arranging.load_frame("test")).want("understand").seen
    await arranging.edit_want(analyst, "test", "understand", {"en": "Hear me"}, {"en": "Heard."}, seen=seen)
    with pytest.raises(PreconditionFailed):
        await arranging.edit_want(analyst, "test", "understand", {"en": "Other"}, {"en": "O."}, seen=seen)
    assert (await arranging.load_frame("test")).want("understand").title == {"en": "Hear me"}


@uses_database
async def test_a_rule_without_a_want_is_not_published() -> None:
    await a_rule("T1")
    analyst = await a_viewer("qa_analyst")
    await drafting.create_draft(analyst, "T2", {"title": {"en": "T"}, "statement": {"en": "S."}})
    with pytest.raises(Conflict) as refused:
        await drafting.publish_rule(analyst, "T2")
    assert refused.value.extra["missing"] == ["goal"]


@uses_database
@pytest.mark.parametrize("role", ROLES)
async def test_who_arranges(role: str) -> None:
    await a_rule("T1")
    await a_rule("T2")
    viewer = await a_viewer(role)
    attempts = [
        lambda: arranging.create_book(viewer, {"en": "Night shift"}, "en"),
        lambda: arranging.edit_book(viewer, "test", {"en": "Renamed"}, "en"),
        lambda: add(viewer, "Be quick"),
        lambda: arranging.edit_want(viewer, "test", "understand", {"en": "Hear me"}, {"en": "Heard."}),
        lambda: arranging.move_want(viewer, "test", "understand", "down"),
        lambda: arranging.move_rule(viewer, "T2", "up"),
        lambda: arranging.remove_want(viewer, "test", "be-quick"),
    ]
    for attempt in attempts:
        if role in ("qa_analyst", "admin"):
            await attempt()
        else:
            with pytest.raises(Forbidden):
                await attempt()
    assert len(await service.rulebook_codes()) == (2 if role in ("qa_analyst", "admin") else 1)


@uses_database
async def test_books_get_codes_that_nobody_has() -> None:
    await a_rule("T1")
    admin = await a_viewer("admin")
    made = [
        await arranging.create_book(admin, {"en": title}, "en") for title in ("Test", "New", "Billing & co.")
    ]
    assert made == ["test-1", "new-1", "billing-co"]
    assert await arranging.create_book(admin, {"zh-Hans": "夜班"}, "zh-Hans") == "book-1"
    with pytest.raises(Invalid):
        await arranging.create_book(admin, {"en": "Again"}, "en", code="test")
    with pytest.raises(Invalid):
        await arranging.create_book(admin, {"en": ""}, "en")
    with pytest.raises(Invalid):
        await arranging.create_book(admin, {"en": "Klingon"}, "tlh")


@uses_database
async def test_people_who_move_at_the_same_moment_both_get_their_way() -> None:
    await a_rulebook()
    analyst = await a_viewer("qa_analyst")
    await asyncio.gather(
        arranging.move_rule(analyst, "R03", "up"),
        arranging.move_rule(analyst, "R11", "up"),
        arranging.move_rule(analyst, "R05", "down"),
    )
    codes = list(await service.published_rules())
    assert codes.index("R03") < codes.index("R02")
    assert codes.index("R11") < codes.index("R10")
    assert codes.index("R06") < codes.index("R05")
    assert sorted(codes) == [f"R{n:02}" for n in range(1, 12)]


PUBLISH = """
import asyncio, sys
from uuid import UUID
from trainer import db
from trainer.people.service import get_person
from trainer.problems import Conflict
from trainer.rulebook import drafting
from tests.factories import viewer_for

async def run():
    await db.open_database(sys.argv[1])
    viewer = viewer_for(await get_person(UUID(sys.argv[2])))
    print("ready", flush=True)
    sys.stdin.readline()
    try:
        await drafting.publish_rule(viewer, "T1")
        print("published")
    except Conflict:
        print("refused")
    await db.close_database()

asyncio.run(run())
"""


async def test_of_two_processes_that_publish_one_does(database: str) -> None:
    await a_rule("T1")
    person = await a_person("qa_analyst")
    await drafting.edit_rule(await a_viewer("trainer"), "T1", {"weight": 3})
    command = [sys.executable, "-c", PUBLISH, database, str(person.id)]
    pipes = {"stdin": asyncio.subprocess.PIPE, "stdout": asyncio.subprocess.PIPE}
    running = [await asyncio.create_subprocess_exec(*command, **pipes) for _each in range(2)]
    for process in running:
        assert process.stdout
        assert await process.stdout.readline() == b"ready\n"
    said = await asyncio.gather(*(process.communicate(b"go\n") for process in running))
    assert sorted(out.decode().strip() for out, _errors in said) == ["published", "refused"]
    history = await service.load_history(await a_viewer("trainer"), "T1")
    assert [rule.state for rule in history.versions] == ["published", "superseded"]


# Pages


async def test_a_new_book_begins_with_wants(client: httpx.AsyncClient, sign_in: SignIn) -> None:
    await sign_in(client, await a_person("admin"))
    assert "Make a rule book" in words((await client.get("/rules")).text)
    refused = await client.post("/rules/books/new", data={"title-zh-Hans": "夜班", "language": "xx"})
    assert refused.status_code == 422
    assert "夜班" in refused.text
    made = await client.post("/rules/books/new", data={"title-en": "Night shift", "language": "en"})
    assert made.headers["location"] == "/rules/books/night-shift#wants"
    for number in range(5):
        data = {"title-en": f"Want {number}", "feeling-en": "So."}
        assert (await client.post("/rules/books/night-shift/wants", data=data)).status_code == 303
    sixth = await client.post("/rules/books/night-shift/wants", data={"title-en": "Six", "feeling-en": "So."})
    assert sixth.status_code == 409
    assert "There are 5 wants already" in words(sixth.text)
    assert value_of(sixth.text, "title-en") in ("Night shift", "Six")
    assert 'value="Six"' in sixth.text
    lacking = await client.post("/rules/books/night-shift/wants", data={"title-en": "", "feeling-en": "So."})
    assert lacking.status_code == 422
    page = words((await client.get("/rules?book=night-shift")).text)
    assert page.index("Want 0") < page.index("Want 4")


async def test_the_starter_book_is_one_click_for_an_empty_centre(
    client: httpx.AsyncClient, sign_in: SignIn
) -> None:
    await sign_in(client, await a_person("trainer"))
    assert (await client.post("/rules/books/take-starter")).status_code == 403
    assert "A QA analyst or an admin makes it." in words((await client.get("/rules")).text)
    await sign_in(client, await a_person("admin"))
    assert (await client.post("/rules/books/take-starter")).headers["location"] == "/rules?book=starter"
    assert len(await service.published_rules()) == 11
    assert (await client.post("/rules/books/take-starter")).status_code == 409


async def test_wants_move_by_buttons_and_keep_the_focus(client: httpx.AsyncClient, sign_in: SignIn) -> None:
    await a_rulebook()
    await sign_in(client, await a_person("qa_analyst"))
    moved = await client.post("/rules/books/starter/wants/glad/move", data={"to": "up"})
    page = (await client.get(moved.headers["location"])).text
    assert await wants("starter") == ["understand", "glad", "respond"]
    assert re.search(r'aria-label="Move “Leave me glad” up"[^>]*autofocus', page)
    renamed = {"title-en": "Leave me happy", "feeling-en": "Good.", "seen": "stale"}
    stale = await client.post("/rules/books/starter/wants/glad", data=renamed)
    assert stale.status_code == 409
    assert value_of(stale.text, "title-en") == "Leave me happy"
    again = {**renamed, "seen": value_of(stale.text, "seen")}
    assert (await client.post("/rules/books/starter/wants/glad", data=again)).status_code == 303
    in_use = await client.post("/rules/books/starter/wants/glad/remove")
    assert in_use.status_code == 409
    assert "Rules serve this want." in words(in_use.text)


# API


async def test_the_api_keeps_books_and_wants(client: httpx.AsyncClient, sign_in: SignIn) -> None:
    await sign_in(client, await a_person("qa_analyst"))
    made = await client.post(
        "/api/v1/rulebooks", json={"title": "Night", "translations": {"zh-Hans": {"title": "夜班"}}}
    )
    assert (made.status_code, made.headers["location"]) == (201, "/api/v1/rulebooks/night")
    assert made.json()["translations"]["zh-Hans"] == {"title": "夜班"}
    here = "/api/v1/rulebooks/night"
    for number in range(5):
        added = await client.post(f"{here}/wants", json={"title": f"Want {number}", "feeling": "So."})
        assert added.status_code == 201
    sixth = await client.post(f"{here}/wants", json={"title": "Six", "feeling": "So."})
    assert (sixth.status_code, sixth.json()["type"]) == (409, "/problems/too-many-wants")
    moved = await client.post(f"{here}/wants/want-4/move", json={"to": "up"})
    assert [want["code"] for want in moved.json()["wants"]][-2:] == ["want-4", "want-3"]
    assert (await client.patch(f"{here}/wants/want-0", json={"title": "First"})).status_code == 412
    tag = (await client.get(f"{here}/wants/want-0")).headers["etag"]
    renamed = await client.patch(f"{here}/wants/want-0", json={"title": "First"}, headers={"If-Match": tag})
    assert (renamed.status_code, renamed.json()["title"]) == (200, "First")
    late = await client.patch(f"{here}/wants/want-0", json={"title": "Late"}, headers={"If-Match": tag})
    assert late.status_code == 412
    assert (await client.delete(f"{here}/wants/want-1")).status_code == 204
    tag = (await client.get(here)).headers["etag"]
    book = await client.patch(here, json={"title": "Nights"}, headers={"If-Match": tag})
    assert (book.json()["title"], len(book.json()["wants"])) == ("Nights", 4)
    assert [each["code"] for each in (await client.get("/api/v1/rulebooks")).json()["items"]] == ["night"]
    assert (await client.get("/api/v1/rulebooks/none")).status_code == 404


async def test_the_api_moves_rules(client: httpx.AsyncClient, sign_in: SignIn) -> None:
    await a_rulebook()
    await sign_in(client, await a_person("admin"))
    assert (await client.post("/api/v1/rules/R02/move", json={"to": "up"})).status_code == 200
    listed = (await client.get("/api/v1/rules?limit=2")).json()["items"]
    assert [rule["code"] for rule in listed] == ["R02", "R01"]
    assert (await client.post("/api/v1/rules/R02/move", json={"to": "left"})).status_code == 422


@pytest.mark.parametrize("role", ROLES)
async def test_rights_of_each_role_in_the_api(client: httpx.AsyncClient, sign_in: SignIn, role: str) -> None:
    await a_rulebook()
    await sign_in(client, await a_person(role))
    arranges = role in ("qa_analyst", "admin")
    any_tag = {"If-Match": "*"}
    assert (await client.get("/api/v1/rulebooks/starter")).status_code == 200
    assert (await client.get("/api/v1/rulebooks/starter/wants/glad")).status_code == 200
    answers = [
        await client.post("/api/v1/rulebooks", json={"title": "Other"}),
        await client.patch("/api/v1/rulebooks/starter", json={"title": "Care"}, headers=any_tag),
        await client.post("/api/v1/rulebooks/starter/wants", json={"title": "W", "feeling": "F"}),
        await client.patch("/api/v1/rulebooks/starter/wants/glad", json={"title": "W"}, headers=any_tag),
        await client.post("/api/v1/rulebooks/starter/wants/glad/move", json={"to": "up"}),
        await client.post("/api/v1/rules/R02/move", json={"to": "up"}),
        await client.delete("/api/v1/rulebooks/starter/wants/w"),
    ]
    expected = [201, 200, 201, 200, 200, 200, 204] if arranges else [403] * 7
    assert [answer.status_code for answer in answers] == expected
    assert db.is_open()
