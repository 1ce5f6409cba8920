"""The own path, and a colleague's for those who lead them."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import httpx
import pytest
from litestar import Litestar

from tests.career.conftest import import_all
from tests.career.test_awards import take
from tests.factories import a_person, a_rulebook, a_team, viewer_for
from trainer import db, jobs
from trainer.appreciation.service import thank
from trainer.people.service import PersonView


@pytest.fixture
async def agent(app: Litestar) -> PersonView:
    """An agent on the first day, in a team, enrolled in the starter module."""
    await a_rulebook()
    await import_all()
    agent = await a_person(
        "agent", name="Lin Xia", team=await a_team("Harbour"), hired_on=db.utc_now().date()
    )
    await jobs.drain()
    return agent


async def test_said_about_you_shows_what_only_you_may_read(
    agent: PersonView, client: httpx.AsyncClient, sign_in: Any
) -> None:
    author = await a_person("trainer", name="Rosa Delgado")
    await thank(
        viewer_for(author), to=[agent.id], behaviour_kind="rule", behaviour_code="R01",
        message="You asked <i>back</i>.", visibility="private",
    )  # fmt: skip
    await sign_in(client, agent)
    page = (await client.get("/path")).text
    assert "You asked &lt;i&gt;back&lt;/i&gt;." in page
    assert "only for you" in page


async def test_others_are_told_what_the_page_is_for(
    agent: PersonView, client: httpx.AsyncClient, sign_in: Any
) -> None:
    await sign_in(client, await a_person("trainer"))
    answer = await client.get("/path")
    assert answer.status_code == 200
    assert "Not for your role" in answer.text
    assert (await client.get("/path/milestones")).status_code == 200


async def test_the_done_page_may_ask_what_was_reached(
    agent: PersonView, client: httpx.AsyncClient, sign_in: Any
) -> None:
    await sign_in(client, agent)
    before = (db.utc_now() - timedelta(seconds=1)).isoformat()
    assert (await client.get("/path/reached", params={"since": before})).text.strip() == ""
    await take(agent)
    early = (await client.get("/path/reached", params={"since": before})).text
    assert "Happy, simple, effective" in early, "before the job has written it down"
    await jobs.drain()
    told = (await client.get("/path/reached", params={"since": before})).text
    assert told.count("Milestone reached") == 1
    later = (db.utc_now() + timedelta(seconds=1)).isoformat()
    assert (await client.get("/path/reached", params={"since": later})).text.strip() == ""
    never = await client.get("/path/reached", params={"since": "9999-12-31T23:59:00Z"})
    assert never.status_code == 400
    long_ago = (db.utc_now() - timedelta(days=30)).isoformat()
    assert (await client.get("/path/reached", params={"since": long_ago})).text.strip() == ""
    for nonsense in ("", "yesterday", "2026-01-01T00:00:00"):
        assert (await client.get("/path/reached", params={"since": nonsense})).status_code == 400


async def test_a_lead_opens_a_path_and_signs_off(
    agent: PersonView, client: httpx.AsyncClient, sign_in: Any
) -> None:
    await sign_in(client, await a_person("team_lead", team=agent.team))
    page = (await client.get(f"/people/{agent.id}/path")).text
    assert "Sign off: A shift with your buddy" in page
    answer = await client.post(f"/people/{agent.id}/path/sign-offs", data={"subject": "buddy-shift"})
    assert answer.status_code == 303
    await jobs.drain()
    assert "Sign off: A shift with your buddy" not in (await client.get(f"/people/{agent.id}/path")).text


@pytest.mark.parametrize(
    ("role", "same_team", "status"),
    [("team_lead", True, 200), ("admin", False, 200), ("team_lead", False, 404), ("trainer", True, 404),
     ("qa_analyst", True, 404), ("manager", True, 404), ("agent", True, 404)],
)  # fmt: skip
async def test_who_opens_somebodys_path_on_the_page_and_by_the_api(
    agent: PersonView, new_client: Callable[..., Any], sign_in: Any, use_token: Any,
    role: str, same_team: bool, status: int,
) -> None:  # fmt: skip
    viewer = await a_person(role, team=agent.team if same_team else None)
    async with new_client() as browser, new_client() as program:
        await sign_in(browser, viewer)
        await use_token(program, viewer, "people:write")
        assert (await browser.get(f"/people/{agent.id}/path")).status_code == status
        assert (await program.get(f"/api/v1/people/{agent.id}/path")).status_code == status
        sign = {"subject": "buddy-shift"}
        given = await program.post(f"/api/v1/people/{agent.id}/sign-offs", json=sign)
        assert given.status_code == (201 if status == 200 else 404)


async def test_the_api_lists_milestones_with_ones_own_progress(
    agent: PersonView, client: httpx.AsyncClient, use_token: Any
) -> None:
    await take(agent)
    await jobs.drain()
    await use_token(client, agent, "milestones:read", "people:read")
    first = (await client.get("/api/v1/milestones?limit=4")).json()
    assert [item["code"] for item in first["items"]] == [
        "first-module", "safe-hands", "buddy-shift", "full-month-on-the-line",
    ]  # fmt: skip
    assert first["items"][0]["reached_at"]
    assert first["items"][1]["criteria"][0] == {
        "fact": "module_completed", "subject": "safe-and-honest", "distinct": False, "count": 1, "have": 0,
        "met": False, "text": "Complete “Safe and honest”",
    }  # fmt: skip
    seen = list(first["items"])
    cursor = first["next_cursor"]
    while cursor:
        page = (await client.get("/api/v1/milestones", params={"limit": 4, "cursor": cursor})).json()
        seen += page["items"]
        cursor = page["next_cursor"]
    assert len({item["code"] for item in seen}) == len(seen) == 13
    assert (await client.get("/api/v1/milestones?cursor=bm9uc2Vuc2U")).status_code == 400
    mine = (await client.get("/api/v1/people/me/path")).json()
    assert mine["current"] == "ready-for-calls"
    assert [level["state"] for level in mine["levels"]] == ["now", "next", "next", "next"]
    assert mine["levels"][0]["horizon"] == "near"


async def test_a_token_without_the_scope_reads_no_path(
    agent: PersonView, client: httpx.AsyncClient, use_token: Any
) -> None:
    await use_token(client, agent, "rules:read")
    for address in ("/milestones", f"/people/{agent.id}/path", "/feed", "/occasions", "/appreciations"):
        assert (await client.get(f"/api/v1{address}")).status_code == 403
