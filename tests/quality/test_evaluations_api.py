"""The JSON API of evaluations: the same drafts and releases, with If-Match, problems in words, once for each key."""

from typing import Any

import httpx
import pytest

from tests.counting import count_of
from tests.quality.makers import Cast, a_book, a_call, a_release
from trainer import db
from trainer.quality import service
from trainer.quality.tables import Evaluation

MARKS = [
    {"rule": "F1", "mark": "met"},
    {"rule": "N1", "mark": "missed", "at_ms": 1500, "comment": "Too fast"},
    {"rule": "N2", "mark": "met"},
    {"rule": "N3", "mark": "not_applicable"},
]


@pytest.fixture
async def api(cast: Cast, client: httpx.AsyncClient, use_token: Any) -> httpx.AsyncClient:
    """The analyst's program."""
    program: httpx.AsyncClient = await use_token(client, cast.analyst, "evaluations:write")
    return program


async def test_an_evaluation_is_posted_changed_released_and_read(cast: Cast, api: httpx.AsyncClient) -> None:
    call = await a_call(cast.agent.id)
    body = {
        "recording": str(call), "marks": MARKS, "resolved": False, "outcome": "not_met", "csat": 2,
        "release": False,
    }  # fmt: skip
    made = await api.post("/api/v1/evaluations", json=body)
    assert made.status_code == 201, made.text
    told = made.json()
    assert made.headers["location"] == f"/api/v1/evaluations/{told['id']}"
    assert (told["status"], told["score"], told["score_percent"], told["fatal"], told["result"]) == (
        "draft",
        5000,
        50.0,
        "passed",
        "pass",
    )
    assert told["agent"] == {"id": str(cast.agent.id), "name": "Amara Nwosu"}
    assert told["unmarked"] == []
    path, tag = f"/api/v1/evaluations/{told['id']}", made.headers["etag"]
    changes = {"marks": [{"rule": "N3", "mark": "met"}, {"rule": "N2"}], "service_level": "good"}
    assert (await api.patch(path, json=changes)).status_code == 412
    changed = await api.patch(path, json=changes, headers={"If-Match": tag})
    assert changed.status_code == 200
    assert changed.json()["unmarked"] == ["N2"]
    assert (await api.patch(path, json=changes, headers={"If-Match": tag})).status_code == 412
    refused = await api.post(f"{path}/release", json={})
    assert (refused.status_code, refused.json()["unmarked"]) == (409, ["N2"])
    assert refused.json()["type"] == "/problems/unmarked-rules"
    released = await api.post(f"{path}/release", json={"confirm_unmarked": True})
    assert (released.status_code, released.json()["status"], released.json()["score"]) == (
        200,
        "released",
        6666,
    )
    frozen = await api.patch(path, json={"comment": "later"}, headers={"If-Match": "*"})
    assert (frozen.status_code, frozen.json()["type"]) == (409, "/problems/released")
    assert (await api.delete(path)).status_code == 409
    read = (await api.get(path)).json()
    assert [mark for mark in read["marks"] if mark["rule"] == "N1"] == [
        {
            "rule": "N1",
            "version": 1,
            "title": "Rule N1",
            "severity": "non_fatal",
            "weight": 10,
            "mark": "missed",
            "at_ms": 1500,
            "comment": "Too fast",
        }
    ]


async def test_003_2_through_the_api(cast: Cast, api: httpx.AsyncClient) -> None:
    rules = {f"Q{n}": ("non_fatal", 5) for n in range(20)} | {"Q99": ("fatal", 0)}
    await a_book("twenty", rules)
    call = await a_call(cast.agent.id, book="twenty")
    marks = [{"rule": rule, "mark": "missed" if rule in ("Q7", "Q99") else "met"} for rule in rules]
    body = {"recording": str(call), "marks": marks, "release": True}
    told = (await api.post("/api/v1/evaluations", json=body)).json()
    assert (told["status"], told["result"], told["fatal"], told["score_percent"]) == (
        "released",
        "fail",
        "failed",
        95.0,
    )


async def test_a_release_that_is_refused_leaves_no_draft(cast: Cast, api: httpx.AsyncClient) -> None:
    call = await a_call(cast.agent.id)
    body = {"recording": str(call), "marks": MARKS[:1]}
    strict = {**body, "confirm_unmarked": False}
    assert (await api.post("/api/v1/evaluations", json=strict)).status_code == 409
    assert await Evaluation.count() == 0
    made = await api.post("/api/v1/evaluations", json=body)
    assert made.json()["status"] == "released", "what a program sends is finished"


async def test_without_a_mark_it_is_a_draft(cast: Cast, api: httpx.AsyncClient) -> None:
    made = await api.post("/api/v1/evaluations", json={"recording": str(await a_call(cast.agent.id))})
    assert (made.status_code, made.json()["status"]) == (201, "draft")


@pytest.mark.parametrize(
    ("change", "fields"),
    [
        ({"marks": [{"rule": "Z1", "mark": "met"}]}, ["marks.Z1.rule"]),
        ({"marks": [{"rule": "N1", "mark": "met"}, {"rule": "N1", "mark": "missed"}]}, ["marks.N1.rule"]),
        ({"marks": [{"rule": "N1", "mark": "met", "at_ms": 60_001}]}, ["marks.N1.at_ms"]),
        ({"csat": 0}, ["csat"]),
        ({"marks": [{"rule": "N1", "mark": "great"}]}, None),
        ({"outcome": "great"}, None),
        ({"resolved": "maybe"}, None),
        ({"mood": "good"}, None),
    ],
)
async def test_what_is_wrong_is_named_in_words(
    cast: Cast, api: httpx.AsyncClient, change: dict[str, Any], fields: list[str] | None
) -> None:
    call = await a_call(cast.agent.id)
    answer = await api.post("/api/v1/evaluations", json={"recording": str(call), **change})
    assert answer.status_code in ((422,) if fields else (400, 422)), answer.text
    if fields:
        assert [error["field"] for error in answer.json()["errors"]] == fields
        assert all(error["message"] for error in answer.json()["errors"])
    assert await Evaluation.count() == 0


async def test_the_same_key_makes_one(cast: Cast, api: httpx.AsyncClient) -> None:
    body = {"recording": str(await a_call(cast.agent.id)), "marks": MARKS, "release": True}
    key = {"Idempotency-Key": "evaluation-1"}
    first, second = [await api.post("/api/v1/evaluations", json=body, headers=key) for _twice in range(2)]
    assert first.json()["id"] == second.json()["id"]
    assert await count_of("evaluation_released") == 1
    third = await api.post("/api/v1/evaluations", json=body)
    assert (third.status_code, third.json()["evaluation"]) == (409, first.json()["id"])


async def test_tokens_reach_as_far_as_their_scope(
    cast: Cast, client: httpx.AsyncClient, use_token: Any
) -> None:
    call = await a_call(cast.agent.id)
    await use_token(client, cast.analyst, "evaluations:read")
    assert (await client.get("/api/v1/evaluations")).status_code == 200
    assert (await client.post("/api/v1/evaluations", json={"recording": str(call)})).status_code == 403
    await use_token(client, cast.analyst, "clips:read")
    assert (await client.get("/api/v1/evaluations")).status_code == 403
    client.headers.pop("Authorization")
    assert (await client.get("/api/v1/evaluations")).status_code == 401


async def test_lists_page_on_and_filter(cast: Cast, api: httpx.AsyncClient) -> None:
    analyst = cast.viewer("analyst")
    made = [await a_release(analyst, await a_call(cast.agent.id)) for _n in range(5)]
    seen: list[str] = []
    cursor = None
    while True:
        query = {"limit": 2} | ({"cursor": cursor} if cursor else {})
        page = (await api.get("/api/v1/evaluations", params=query)).json()
        seen += [item["id"] for item in page["items"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert seen == [str(each.id) for each in reversed(made)]
    assert (await api.get("/api/v1/evaluations?status=lost")).status_code == 422
    assert (await api.get("/api/v1/evaluations?cursor=xx")).status_code == 400
    assert (await api.get("/api/v1/evaluations?not_helped=true")).json()["items"] == []
    assert (await api.get("/api/v1/evaluations/nothing")).status_code == 404


async def test_words_and_corrections(cast: Cast, api: httpx.AsyncClient) -> None:
    released = await a_release(cast.viewer("analyst"), await a_call(cast.agent.id))
    path = f"/api/v1/evaluations/{released.id}"
    assert (await api.post(f"{path}/replies", json={"words": " "})).status_code == 422
    said = await api.post(f"{path}/replies", json={"words": "Shall we listen together?"})
    assert (said.status_code, said.json()["as"]) == (201, "analyst")
    assert [item["words"] for item in (await api.get(f"{path}/replies")).json()["items"]] == [
        "Shall we listen together?"
    ]
    draft = await api.post(f"{path}/correct", json={"reason": "Heard it again."})
    assert (draft.status_code, draft.json()["replaces"]) == (201, str(released.id))
    new = await api.post(f"/api/v1/evaluations/{draft.json()['id']}/release", json={})
    assert new.json()["reason"] == "Heard it again."
    assert (await api.get(path)).json()["replaced_by"] == draft.json()["id"]
    assert (await service.load_evaluation(cast.viewer("agent"), released.id)).state == "replaced"
    assert db.is_open()
