"""What is held about a person: complete, without secrets, and for nobody but them and admins."""

import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from tests.factories import a_person, a_rulebook, a_team, viewer_for
from trainer import db, facts
from trainer.appreciation.service import thank
from trainer.dossier.queries import SECTIONS
from trainer.dossier.service import everything_about
from trainer.people.sessions import Sessions
from trainer.people.tokens import create_token
from trainer.piccolo_app import TABLES
from trainer.problems import Gone, NotFound

# Tables that name people and are not in the document, each with the reason.
LEFT_OUT = {
    "job": "work that waits or was done a moment ago",
    "idempotency_key": "answers to a program's own requests, gone after a day",
    "sheet_import": "a spreadsheet in waiting, gone after a week; what it brought in stands under profile",
    "private_name": "names of others; that somebody listed some stands in the log",
}
NAMING = {
    "person", "actor", "author", "agent", "evaluated_by", "by", "uploaded_by", "curator", "reviewer", "owner",
    "asked_by", "added_by",
}  # fmt: skip


def test_every_table_that_names_a_person_is_in_the_document_or_left_out_for_a_reason() -> None:
    covered = {table for tables, _statement in SECTIONS.values() for table in tables}
    for table in TABLES:
        name = table._meta.tablename
        if NAMING & {column._meta.name for column in table._meta.columns}:
            assert (name in covered) != (name in LEFT_OUT), name


@pytest.fixture
async def full_of_life(database: str) -> Any:
    """An agent with something in several sections."""
    await a_rulebook()
    team = await a_team("Harbour")
    agent = await a_person("agent", name="Lin Xia", team=team, birthday="03-08")
    friend = await a_person("agent", name="Amara", team=team)
    await thank(
        viewer_for(friend), to=[agent.id], behaviour_kind="rule", behaviour_code="R01",
        message="You asked back.", visibility="private",
    )  # fmt: skip
    await facts.record("module_completed", person=agent.id, subject="hear", source="t:1", data={"score": 1})
    await Sessions(14).start(agent.id, device="Firefox")
    await create_token(None, agent.id, name="sheet", scopes=["people:read"])
    return agent


async def test_it_holds_every_section_and_reads_as_json(full_of_life: Any) -> None:
    found = await everything_about(viewer_for(full_of_life), full_of_life.id)
    assert set(SECTIONS) <= set(found)
    again = json.loads(json.dumps(found))
    assert again["profile"][0]["name"] == "Lin Xia"
    assert again["profile"][0]["team"] == "Harbour"
    assert again["thanks_received"][0]["message"] == "You asked back."
    assert {fact["kind"] for fact in again["facts"]} >= {"joined", "module_completed"}
    assert next(fact for fact in again["facts"] if fact["subject"] == "hear")["data"] == {"score": 1}
    assert again["sessions"][0]["device"] == "Firefox"


async def test_no_secret_is_in_it(full_of_life: Any) -> None:
    text = json.dumps(await everything_about(viewer_for(full_of_life), full_of_life.id))
    assert "hash" not in text
    assert "$argon2" not in text


async def test_nothing_of_somebody_else_is_in_it(full_of_life: Any) -> None:
    other = await a_person("agent", name="Somebody Else")
    found = await everything_about(viewer_for(other), other.id)
    assert "Lin Xia" not in json.dumps(found)
    assert found["thanks_received"] == []


@pytest.mark.parametrize(
    ("role", "allowed"),
    [("admin", True), ("agent", False), ("trainer", False), ("qa_analyst", False), ("team_lead", False),
     ("manager", False)],
)  # fmt: skip
async def test_who_downloads_it_on_the_page_and_by_the_api(
    client: httpx.AsyncClient, new_client: Callable[..., Any], sign_in: Any, use_token: Any,
    role: str, allowed: bool,
) -> None:  # fmt: skip
    agent = await a_person("agent", team=await a_team())
    viewer = await a_person(role, team=agent.team)
    await sign_in(client, viewer)
    page = await client.get(f"/people/{agent.id}/everything.json")
    async with new_client() as program:
        await use_token(program, viewer, "people:read")
        told = await program.get(f"/api/v1/people/{agent.id}/everything")
    assert (page.status_code, told.status_code) == ((200, 200) if allowed else (404, 404))
    own = await client.get("/account/everything.json")
    assert own.status_code == 200
    assert own.headers["cache-control"] == "no-store"
    assert own.json()["person"] == str(viewer.id)


async def test_each_download_is_noted(full_of_life: Any) -> None:
    await everything_about(viewer_for(full_of_life), full_of_life.id)
    rows = await db.fetch("SELECT noun_id FROM audit_entry WHERE action = 'person_exported'")
    assert [row["noun_id"] for row in rows] == [str(full_of_life.id)]


async def test_of_an_erased_person_there_is_nothing(full_of_life: Any) -> None:
    from trainer.people.erasing import erase_person

    admin = viewer_for(await a_person("admin"))
    await erase_person(admin, full_of_life.id, "lin  xia")
    with pytest.raises(Gone):
        await everything_about(admin, full_of_life.id)
    with pytest.raises(NotFound):
        await everything_about(viewer_for(await a_person("trainer")), full_of_life.id)
