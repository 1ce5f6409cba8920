"""The pages and the API of curating: what they show, to whom, and what one can do there."""

import csv
import io
import re
from typing import Any

import httpx
import pytest
from python_calamine import CalamineWorkbook

from tests.curating.makers import a_call, a_clip
from tests.factories import a_person, a_rulebook
from tests.web_fixtures import SignIn
from trainer.people.service import PersonView

HTMX = {"HX-Request": "true"}


@pytest.fixture
async def rosa(app: Any) -> PersonView:
    await a_rulebook()
    return await a_person("trainer", name="Rosa")


async def test_the_board_tells_every_cell_in_words_and_leads_on(
    rosa: PersonView, client: httpx.AsyncClient, sign_in: SignIn
) -> None:
    await sign_in(client, rosa)
    await a_clip("R07")
    await a_clip("R07", staged=True)
    draft = await a_clip("R03", state="draft")
    await a_call(csat=1, title="She hung up")
    page = (await client.get("/clips/coverage")).text
    plain = re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page))
    assert "1 of 11 rules can be heard" in plain
    assert "1 of a real call, 1 role-played: Exemplar, Name every fee" in plain
    assert "Find one : Near miss, Name every fee" in plain
    assert f'href="/clips/{draft}"' in page
    assert 'href="/clips?rule=R07&amp;polarity=exemplar"' in page
    assert "She hung up" in page
    assert "style=" not in page.partition("<main")[2]
    assert (
        "Name every fee"
        not in (await client.get("/clips/coverage?show=red")).text.partition("board-title")[2]
    )
    home = (await client.get("/home")).text
    assert "/clips/coverage" in home
    assert "She hung up" in home


async def test_the_board_can_be_taken_away(
    rosa: PersonView, client: httpx.AsyncClient, sign_in: SignIn
) -> None:
    await sign_in(client, rosa)
    await a_clip("R07")
    answer = await client.get("/clips/coverage.csv")
    lines = {line["code"]: line for line in csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig")))}
    assert len(lines) == 11
    assert (lines["R07"]["exemplars"], lines["R07"]["health"], lines["R07"]["languages"]) == (
        "1",
        "green",
        "en",
    )
    assert lines["R02"]["next"] == "Find a call that lets people hear it"
    book = CalamineWorkbook.from_filelike(io.BytesIO((await client.get("/clips/coverage.xlsx")).content))
    assert book.get_sheet_by_index(0).to_python()[0][2] == "code"


async def test_a_proposal_is_cut_with_the_rule_in_mind_or_put_away(
    rosa: PersonView, client: httpx.AsyncClient, sign_in: SignIn
) -> None:
    await sign_in(client, rosa)
    call = await a_call(longest_silence_ms=30_000, silence_at_ms=64_000, title="Nobody speaks")
    page = (await client.get("/calls/worth-hearing?rule=R03&kind=counterexample")).text
    assert f'href="/calls/{call}?rule=R03&amp;kind=counterexample&amp;at=60000"' in page
    cut = f"/calls/{call}/clips/new?rule=R03&amp;kind=counterexample&amp;start=60000"
    assert f'href="{cut}"' in page
    assert "30 seconds of silence" in page
    put = await client.post(f"/calls/{call}/pass", headers=HTMX)
    assert "Put away" in put.text
    assert "Nobody speaks" not in (await client.get("/calls/worth-hearing")).text
    assert "Put away by Rosa" in (await client.get("/calls/worth-hearing?why=passed")).text
    assert (await client.post(f"/calls/{call}/put-back")).status_code == 303
    assert "Nobody speaks" in (await client.get("/calls/worth-hearing?why=silence")).text
    assert (await client.get("/calls/worth-hearing?rule=no&kind=x&but=y&why=z&language=q")).status_code == 200


async def test_a_long_list_goes_on(rosa: PersonView, client: httpx.AsyncClient, sign_in: SignIn) -> None:
    await sign_in(client, rosa)
    for number in range(31):
        await a_call(csat=1, title=f"Call number {number}.")
    page = (await client.get("/calls/worth-hearing")).text
    assert page.count('class="worth-row"') == 30
    more = re.search(r'hx-get="([^"]+cursor[^"]+)"', page)
    assert more
    rest = (await client.get(more[1].replace("&amp;", "&"), headers=HTMX)).text
    assert "Call number 0." in rest
    assert "<html" not in rest


@pytest.mark.parametrize("role", ["agent", "team_lead", "manager", "admin"])
async def test_nobody_else_finds_a_way_in(
    rosa: PersonView, client: httpx.AsyncClient, sign_in: SignIn, role: str
) -> None:
    call = await a_call(csat=1)
    await sign_in(client, await a_person(role))
    for path in ("/clips/coverage", "/clips/coverage.csv", "/clips/coverage.xlsx", "/calls/worth-hearing"):
        assert (await client.get(path)).status_code == 403, path
    assert (await client.post(f"/calls/{call}/pass")).status_code == 403
    assert (await client.post(f"/calls/{call}/put-back")).status_code == 403


async def test_programs_see_the_same(rosa: PersonView, client: httpx.AsyncClient, use_token: Any) -> None:
    await use_token(client, rosa, "clips:read")
    clip, call = await a_clip("R07"), await a_call(csat=1)
    rows = {row["rule"]: row for row in (await client.get("/api/v1/coverage")).json()["items"]}
    assert rows["R07"]["clips"]["exemplar"] == {
        "state": "good",
        "real": 1,
        "staged": 0,
        "fit_former_words": 0,
        "begun": 0,
    }
    assert rows["R02"]["next"]["kind"] == "find"
    assert (await client.get("/api/v1/worth-hearing")).status_code == 403
    assert (await client.post(f"/api/v1/clips/{clip}/tag", json={"tag": "complex"})).status_code == 403
    await use_token(client, rosa, "all")
    (item,) = (await client.get("/api/v1/worth-hearing?why=unhappy&limit=1")).json()["items"]
    assert (item["recording"], item["reasons"][0]["name"]) == (str(call), "unhappy")
    assert (await client.post(f"/api/v1/recordings/{call}/pass")).status_code == 204
    assert (await client.get("/api/v1/worth-hearing")).json()["items"] == []
    assert (await client.delete(f"/api/v1/recordings/{call}/pass")).status_code == 204
    await use_token(client, await a_person("agent"), "all")
    assert (await client.get("/api/v1/coverage")).status_code == 403
