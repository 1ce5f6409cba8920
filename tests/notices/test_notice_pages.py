"""The bell, the inbox and the choices as a person meets them; and the same through the API."""

import re
from datetime import timedelta
from typing import Any

import httpx
import pytest

from tests.counting import unread_count
from tests.factories import a_person, viewer_for
from trainer import db
from trainer.notices import choices, service
from trainer.notices.service import latest, notify
from trainer.people.service import PersonView

TITLE = {"en": "Calm first"}


@pytest.fixture
async def amara(app: Any) -> PersonView:
    return await a_person("agent", name="Amara Nwosu")


async def told(person: PersonView, count: int = 1, *, href: str = "/learn", start: int = 0) -> None:
    for number in range(start, start + count):
        await notify(person.id, "t_due", source=f"due:{number}", href=href, params={"title": TITLE})


def plain(html: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", html))


async def test_the_bell_counts_on_every_page_without_a_query_of_its_own(
    client: httpx.AsyncClient, sign_in: Any, amara: PersonView, count_queries: Any
) -> None:
    await sign_in(client, amara)
    with count_queries() as before:
        page = await client.get("/account")
    assert "data-count" not in page.text
    await told(amara, 3)
    with count_queries() as counted:
        page = await client.get("/account")
    assert page.text.count('data-count="3"') == 2, "in the bar of phones and in the sidebar"
    assert "Notices , 3 unread" in plain(page.text)
    assert counted.count == before.count


async def test_more_than_a_hundred_are_many(
    client: httpx.AsyncClient, sign_in: Any, amara: PersonView
) -> None:
    await told(amara, 105)
    await sign_in(client, amara)
    assert "99+" in (await client.get("/notices/bell")).text


async def test_opening_a_notice_marks_it_and_goes_where_it_leads(
    client: httpx.AsyncClient, sign_in: Any, amara: PersonView
) -> None:
    await told(amara, 2)
    await sign_in(client, amara)
    page = (await client.get("/notices")).text
    (first, second) = re.findall(r'href="(/notices/[0-9a-f-]{36}/open)"', page)
    assert plain(page).count("Unread: Soon due: Calm first") == 2
    answer = await client.get(first)
    assert (answer.status_code, answer.headers["location"]) == (303, "/learn")
    assert await unread_count(amara.id) == 1
    page = (await client.get("/notices?unread=1")).text
    assert second in page
    assert first not in page


async def test_one_is_marked_without_going_there(
    client: httpx.AsyncClient, sign_in: Any, amara: PersonView
) -> None:
    await told(amara)
    await sign_in(client, amara)
    (view,) = await latest(viewer_for(amara))
    answer = await client.post(f"/notices/{view.id}/read", headers={"HX-Request": "true"})
    assert answer.status_code == 200
    assert answer.headers["hx-trigger"] == "live:notices"
    assert "Mark as read" not in answer.text
    assert (await client.post(f"/notices/{view.id}/read")).headers["location"] == "/notices"


async def test_all_are_marked_and_unmarked_again(
    client: httpx.AsyncClient, sign_in: Any, amara: PersonView
) -> None:
    await told(amara, 3)
    await sign_in(client, amara)
    page = (await client.get("/notices")).text
    until = re.search(r'name="until" value="([^"]+)"', page)
    assert until
    await told(amara, 1, start=3)
    answer = await client.post("/notices/read", data={"until": until[1]})
    assert await unread_count(amara.id) == 1, "the one that came while the page was read"
    page = (await client.get(answer.headers["location"])).text
    marked = re.search(r'name="marked" value="([^"]+)"', page)
    assert marked
    await client.post("/notices/unread", data={"marked": marked[1]})
    assert await unread_count(amara.id) == 4
    for wrong in ("soon", "2026-11-23T10:00:00"):
        assert (await client.get(f"/notices?marked={wrong}")).status_code == 400
        assert (await client.post("/notices/unread", data={"marked": wrong})).status_code == 400


async def test_days_are_the_readers_own(client: httpx.AsyncClient, sign_in: Any, app: Any) -> None:
    early = await a_person("agent", time_zone="Pacific/Kiritimati")
    await sign_in(client, early)
    now = db.utc_now()
    for hours in (0, 24, 24 * 9):
        with db.as_of(now - timedelta(hours=hours)):
            await notify(early.id, "t_due", source=f"due:{hours}", params={"title": TITLE})
    page = (await client.get("/notices")).text
    headings = re.findall(r'class="notice-day">([^<]+)<', page)
    assert headings[:2] == ["Today", "Yesterday"]
    assert len(headings) == 3


async def test_a_long_inbox_shows_more(client: httpx.AsyncClient, sign_in: Any, amara: PersonView) -> None:
    await told(amara, 35)
    await sign_in(client, amara)
    page = (await client.get("/notices")).text
    more = re.search(r'hx-get="(/notices\?cursor=[^"]+)"', page)
    assert more
    rest = (await client.get(more[1], headers={"HX-Request": "true"})).text
    assert "<html" not in rest
    assert (page + rest).count('class="notice unread"') == 35
    assert "Show more" not in rest
    assert (await client.get("/notices?cursor=nonsense")).status_code == 400


async def test_an_empty_inbox_helps(client: httpx.AsyncClient, sign_in: Any, amara: PersonView) -> None:
    await sign_in(client, amara)
    assert "Nothing yet" in (await client.get("/notices")).text
    assert "You have read everything" in (await client.get("/notices?unread=1")).text


async def test_another_persons_notice_does_not_exist(
    client: httpx.AsyncClient, sign_in: Any, amara: PersonView, use_token: Any, new_client: Any
) -> None:
    await told(amara)
    (view,) = await latest(viewer_for(amara))
    admin = await a_person("admin")
    await sign_in(client, admin)
    assert (await client.get(f"/notices/{view.id}/open")).status_code == 404
    assert (await client.post(f"/notices/{view.id}/read")).status_code == 404
    assert "Calm first" not in (await client.get("/notices")).text
    async with new_client() as program:
        await use_token(program, admin, "all")
        assert (await program.get("/api/v1/notices")).json()["items"] == []
        assert (await program.post(f"/api/v1/notices/{view.id}/read")).status_code == 404
    assert await unread_count(amara.id) == 1


async def test_a_visitor_is_asked_to_sign_in_and_brought_back(client: httpx.AsyncClient, app: Any) -> None:
    for path in ("/notices", "/notices/bell", "/account/notices"):
        answer = await client.get(path)
        assert answer.status_code in (303, 401), path


# Choices


async def test_a_person_chooses_kind_by_kind(
    client: httpx.AsyncClient, sign_in: Any, amara: PersonView
) -> None:
    await sign_in(client, amara)
    page = (await client.get("/account/notices")).text
    assert "This centre sends no mail yet" in page
    assert "A module is assigned to me" in page
    assert "Answers" not in page, "only team leads ever get these"
    assert 'name="t_assigned" value="off"' not in page, "only reminders can be off"
    answer = await client.post("/account/notices", data={"t_assigned": "digest", "t_due": "off"})
    assert answer.status_code == 303
    ways = {choice.kind: choice.way for choice in await choices.choices_of(viewer_for(amara))}
    assert (ways["t_assigned"], ways["t_due"]) == ("digest", "off")
    assert (await client.post("/account/notices", data={"t_assigned": "off"})).status_code == 422
    await client.post("/account/notices", data={"t_assigned": "digest", "t_due": "mail", "all": "inbox"})
    ways = {choice.kind: choice.way for choice in await choices.choices_of(viewer_for(amara))}
    assert set(ways.values()) == {"inbox"}


async def test_choices_are_each_persons_own(database: str) -> None:
    one, other = viewer_for(await a_person()), viewer_for(await a_person())
    await choices.choose(one, {"t_due": "off"})
    ways = {choice.kind: choice.way for choice in await choices.choices_of(other)}
    assert ways["t_due"] == "digest"


# The API


async def test_a_program_reads_and_marks_its_persons_notices(
    client: httpx.AsyncClient, use_token: Any, amara: PersonView
) -> None:
    await told(amara, 3)
    await use_token(client, amara, "notices:read")
    page = (await client.get("/api/v1/notices?limit=2")).json()
    assert [item["text"] for item in page["items"]] == ["Soon due: Calm first"] * 2
    rest = (await client.get("/api/v1/notices", params={"cursor": page["next_cursor"]})).json()
    assert (len(rest["items"]), rest["next_cursor"]) == (1, None)
    first = page["items"][0]["id"]
    assert (await client.post(f"/api/v1/notices/{first}/read")).status_code == 403, "the scope is too small"
    await use_token(client, amara, "notices:write")
    answer = await client.post(f"/api/v1/notices/{first}/read")
    assert answer.status_code == 200
    assert answer.json()["read_at"].endswith("Z")
    assert (await client.post(f"/api/v1/notices/{first}/read")).json() == answer.json()
    assert len((await client.get("/api/v1/notices?unread=true")).json()["items"]) == 2
    assert (await client.post("/api/v1/notices/nonsense/read")).status_code == 404
    assert (await client.get("/api/v1/notices?limit=0")).status_code == 422
    assert (await client.get("/api/v1/notices?cursor=%%%")).status_code == 400


async def test_the_page_asks_little_of_the_database(
    client: httpx.AsyncClient, sign_in: Any, amara: PersonView, count_queries: Any
) -> None:
    lead = await a_person("team_lead")
    for number in range(20):
        about = str((await a_person()).id)
        await notify(lead.id, "t_seen", source=f"s:{number}", params={"person": about})
    await sign_in(client, lead)
    with count_queries() as counted:
        assert (await client.get("/notices")).status_code == 200
    assert counted.count == 3, "session, notices, names"
    with count_queries() as counted:
        assert (await client.get("/notices/bell")).status_code == 200
    assert counted.count == 1
    assert service.PAGE >= 20
