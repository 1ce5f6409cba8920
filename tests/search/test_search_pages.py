"""The search page and its API: what is shown is escaped, filters lie in the address, lists go on."""

from datetime import timedelta
from typing import Any

import httpx
import pytest
from litestar import Litestar

from tests.factories import a_person, a_rule, viewer_for
from tests.search.makers import a_call, a_clip, a_note, a_pair, indexed, text_of
from trainer import db, jobs
from trainer.clips.playlists.service import PlaylistFields, make_playlist
from trainer.clips.reviewing import service as reviewing
from trainer.search import finding_calls, finding_clips, hits, routes, service

EVIL = '<img src=x onerror=alert(1)> plimsoll & "more" <b>'


@pytest.fixture
async def centre(app: Litestar) -> dict[str, Any]:
    """Three calls, one of them hostile, a clip of it, and a note."""
    agent = await a_person("agent", name="Amara Nwosu")
    rule = await a_rule("R1")
    evil = await a_call(
        agent.id, [EVIL, "Plimsoll again.", "A plimsoll.", "Plimsolls!"], title=EVIL, tag="complex"
    )
    zh = await a_call(
        agent.id, ["我要退款。"], title="退款", language="zh-Hans", called_at=db.utc_now() - timedelta(days=40),
        duration_ms=60_000,
    )  # fmt: skip
    await a_clip(evil, EVIL, lines=(0, 1), rules=["R1"])
    await a_note(evil, agent.id, "R1", EVIL, outcome="met")
    await indexed()
    return {"agent": agent, "rule": rule, "evil": evil, "zh": zh}


async def test_the_page(centre: dict[str, Any], client: httpx.AsyncClient, sign_in: Any) -> None:
    await sign_in(client, await a_person("qa_analyst"))
    empty = (await client.get("/search")).text
    assert "How it finds" in empty
    page = (await client.get("/search", params={"q": "plimsoll"})).text
    # every hostile text stands there as text, its word marked
    assert "<img" not in page
    assert page.count("onerror=alert(1)&gt; <mark>plimsoll</mark> &amp; &#34;more&#34;") >= 4
    assert f'href="/calls/{centre["evil"]}?at=5000&amp;q=plimsoll"' in page
    assert "1 more line of this call" in page
    # of one kind, as a fragment for htmx; empty fields leave the address
    part = await client.get(
        "/search", params={"q": "plimsoll", "kind": "clip", "tag": ""}, headers={"HX-Request": "true"}
    )
    assert "<html" not in part.text
    assert (part.text.count('class="search-hit"'), part.headers["HX-Replace-Url"]) == (
        1,
        "/search?q=plimsoll&kind=clip",
    )
    nothing = (await client.get("/search", params={"q": "plimsoll", "tag": "emotional"})).text
    assert "Nothing holds these words" in nothing
    assert 'href="/search?q=plimsoll"' in nothing  # without narrowing down
    assert "no letter and no digit" in (await client.get("/search", params={"q": "?!"})).text
    # whatever stands in an address, it is a page
    odd = {
        "q": "x" * 5000,
        "kind": "moon",
        "agent": "nobody",
        "since": "0000-99-99",
        "length": "huge",
        "tag": "\x00",
    }
    assert (await client.get("/search", params=odd)).status_code == 200
    assert (await client.get("/search", params={"q": "a", "cursor": "zzz"})).status_code == 400


async def test_a_hit_opens_the_call_there(
    centre: dict[str, Any], client: httpx.AsyncClient, sign_in: Any
) -> None:
    await sign_in(client, await a_person("trainer"))
    page = (await client.get(f"/calls/{centre['evil']}", params={"at": 5000, "q": "plimsoll"})).text
    assert 'data-start-ms="5000"' in page
    line = page[page.index('id="line-1"') : page.index('id="line-2"')]
    assert 'aria-current="true"' in line
    assert "<mark>Plimsoll</mark> again." in line
    assert page.count('aria-current="true"') == 1
    assert "<img" not in page
    for odd in ("", "-1", "x", "99999999999999", "1e3"):
        answer = await client.get(f"/calls/{centre['evil']}", params={"at": odd, "q": '"'})
        assert (answer.status_code, "data-start-ms" in answer.text) == (200, False), odd


async def test_what_narrows(centre: dict[str, Any], client: httpx.AsyncClient, use_token: Any) -> None:
    await use_token(client, await a_person("qa_analyst"), "all")
    agent, other = centre["agent"], await a_person("agent")
    day = (db.utc_now() - timedelta(days=1)).date()

    async def counts(q: str = "plimsoll", **filters: Any) -> str:
        answer = await client.get("/api/v1/search", params={"q": q, **filters})
        assert answer.status_code == 200, answer.text
        found = answer.json()["counts"]
        assert set(found) == set(service.KINDS)
        return "".join(str(found[kind]["count"]) for kind in ("call", "clip", "rule", "note"))

    assert await counts() == "1101"
    assert await counts("退") == "1000"
    assert await counts("退款", language="zh-Hans", longest_ms=60_000) == "1000"
    assert await counts("退款", shortest_ms=60_001) == "0000"
    assert await counts(rule="R1") == "1101"
    assert await counts(rule="R9") == "0000"
    assert await counts(polarity="exemplar") == "0100"
    assert await counts(polarity="near_miss") == "0000"
    assert await counts(agent=str(agent.id)) == "1101"
    assert await counts(agent=str(other.id)) == "0000"
    assert await counts(tag="complex") == "1101"
    assert await counts(tag="standard") == "0000"
    assert await counts(outcome="met") == "1001"
    assert await counts(outcome="exceeded") == "0000"
    assert await counts(since=day.isoformat()) == "1101"
    assert await counts("退款", since=day.isoformat()) == "0000"
    assert await counts("退款", until=day.isoformat()) == "1000"
    assert await counts(until=(day - timedelta(days=30)).isoformat()) == "0000"


async def test_the_api(centre: dict[str, Any], client: httpx.AsyncClient, use_token: Any) -> None:
    trainer = await a_person("trainer")
    await use_token(client, trainer, "recordings:read", "rules:read")
    found = (await client.get("/api/v1/search", params={"q": "again"})).json()
    assert set(found["counts"]) == {"call", "rule"}
    (hit,) = found["items"]
    assert (hit["kind"], hit["url"]) == ("call", f"/calls/{centre['evil']}")
    assert hit["lines"] == [
        {"at_ms": 5000, "speaker": "caller", "text": "Plimsoll again.", "hits": [[9, 14]]}
    ]
    refused = await client.get("/api/v1/search", params={"q": "again", "kind": "clip"})
    assert refused.status_code == 403
    wrong = {"q": "", "kind": "moon", "since": "soon", "agent": "x", "tag": "odd", "longest_ms": "-1"}
    answer = (await client.get("/api/v1/search", params=wrong)).json()
    assert {error["field"] for error in answer["errors"]} == set(wrong)
    assert (await client.get("/api/v1/search", params={"q": "a", "cursor": "WzFd"})).status_code == 400
    await use_token(client, trainer, "people:read")
    assert (await client.get("/api/v1/search", params={"q": "again"})).status_code == 403


async def test_lists_go_on_and_counts_stop(
    centre: dict[str, Any],
    client: httpx.AsyncClient,
    use_token: Any,
    monkeypatch: pytest.MonkeyPatch,
    count_queries: Any,
) -> None:
    for number in range(7):
        call = await a_call(
            centre["agent"].id, ["Keel.", "Keelson.", f"Keel {number}."], title=f"Keel {number}"
        )
        await a_clip(call, f"Keel {number}", lines=(0, 1))
    await indexed()
    await use_token(client, await a_person("trainer"), "all")
    for room in (finding_calls, finding_clips, hits):
        monkeypatch.setattr(room, "COUNTED", 5)
    for kind, lines_read in (("call", 60), ("call", 3), ("clip", 0)):
        monkeypatch.setattr(finding_calls, "LINES_READ", lines_read)
        seen, cursor, pages = [], None, 0
        while pages == 0 or cursor:
            params = {"q": "keel", "kind": kind, "limit": 3, **({"cursor": cursor} if cursor else {})}
            answer = (await client.get("/api/v1/search", params=params)).json()
            seen += [hit["title"]["text"] for hit in answer["items"]]
            if not cursor:
                assert answer["counts"][kind] == {"count": 5 if lines_read != 3 else 2, "more": True}
            cursor, pages = answer["next_cursor"], pages + 1
        # what was added last comes first, each once
        assert seen == [f"Keel {number}" for number in reversed(range(7))], (kind, lines_read)
    with count_queries() as counted:
        await client.get("/api/v1/search", params={"q": "keel"})
    assert counted.count <= 20, counted.statements
    assert routes.PER_PAGE > routes.IN_ALL


async def test_page_and_api_show_what_is_made_of_clips(
    app: Litestar, client: httpx.AsyncClient, new_client: Any, sign_in: Any, use_token: Any
) -> None:
    trainer, agent = await a_person("trainer"), await a_person("agent")
    maker, rule = viewer_for(trainer), (await a_rule("R1")).code
    _pair, good, _other = await a_pair(maker, agent.id, rule, "Hear the <b>plimsoll</b>.")
    await make_playlist(maker, PlaylistFields("Plimsolls", "", "me"), [(good, "The plimsoll comes first.")])
    draft = await a_clip(
        await a_call(agent.id, ["Hello."]),
        lines=(0, 1),
        state="draft",
        why=text_of("The plimsoll is said."),
    )
    await reviewing.note(maker, draft, "Which plimsoll?")
    await jobs.drain()
    await sign_in(client, trainer)
    page = (await client.get("/search", params={"q": "plimsoll"})).text
    for words in (
        "Hear the &lt;b&gt;<mark>plimsoll</mark>&lt;/b&gt;.",
        "The <mark>plimsoll</mark> comes first.",
        "The <mark>plimsoll</mark> is said.",
        "Which <mark>plimsoll</mark>?",
        "<mark>Plimsolls</mark>",
        "-word leaves out",
    ):
        assert words in page, words
    async with new_client() as other:
        await use_token(other, trainer, "all")
        found = (await other.get("/api/v1/search", params={"q": "plimsoll"})).json()
        assert {kind: each["count"] for kind, each in found["counts"].items() if each["count"]} == {
            "clip": 1,
            "playlist": 1,
            "pair": 1,
        }
        clip, playlist, pair = found["items"]
        assert (clip["reasons"], clip["reviews"]) == (
            [{"text": "The plimsoll is said.", "hits": [[4, 12]]}],
            [{"text": "Which plimsoll?", "hits": [[6, 14]]}],
        )
        assert (playlist["title"]["text"], playlist["items"][0]["clip"]) == ("Plimsolls", str(good))
        assert (pair["rule"], pair["note"]["hits"]) == (rule, [[12, 20]])
        stranger = await a_person("agent")
        await use_token(other, stranger, "all")
        found = (await other.get("/api/v1/search", params={"q": "plimsoll"})).json()
        assert [hit["kind"] for hit in found["items"]] == ["pair"]
        await use_token(other, stranger, "recordings:read")
        assert (
            await other.get("/api/v1/search", params={"q": "plimsoll", "kind": "pair"})
        ).status_code == 403
