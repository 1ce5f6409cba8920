"""Adding, editing and deactivating people: the rules beyond who may."""

import asyncio
from datetime import UTC, date, datetime
from typing import Any

import pytest

from tests.counting import count_of
from tests.factories import a_person, a_team, a_viewer, viewer_for
from trainer import db, facts, jobs
from trainer.people import service
from trainer.people.fields import PersonFields
from trainer.people.service import create_person, deactivate_person, edit_person, get_person
from trainer.people.tables import AuditEntry, Link, Person, Session, Token
from trainer.people.tokens import create_token
from trainer.problems import Conflict, Invalid, NotFound, PreconditionFailed

heard: list[dict[str, Any]] = []


@jobs.on("person_joined")
async def hear_of_newcomers(context: jobs.JobContext, event: dict[str, Any]) -> None:
    heard.append(event)


async def test_somebody_new_is_a_dated_fact_an_event_and_an_audit_entry(database: str) -> None:
    heard.clear()
    admin = await a_viewer("admin")
    person = await create_person(
        admin,
        name="Nia",
        email="Nia@Encore.example ",
        roles=["trainer", "agent", "agent"],
        hired_on=date(2026, 11, 2),
        time_zone="Asia/Taipei",
    )
    found = await get_person(person)
    assert (found.email, found.roles) == ("nia@encore.example", {"agent", "trainer"})
    (joined,) = await facts.facts_of(person)
    assert (joined.kind, joined.at) == ("joined", datetime(2026, 11, 1, 16, tzinfo=UTC))
    await jobs.drain()
    assert {"person": str(person), "roles": ["agent", "trainer"], "hired_on": "2026-11-02"} in heard
    entry = await AuditEntry.select().where(AuditEntry.noun_id == str(person)).first()
    assert entry is not None
    assert (entry["actor"], entry["action"]) == (admin.id, "person_created")


async def test_nothing_of_a_refused_newcomer_stays(database: str) -> None:
    await a_person(email="nia@encore.example")
    before = await AuditEntry.count(), await count_of("joined")
    with pytest.raises(Invalid):
        await create_person(None, name="Other", email="NIA@encore.example", roles=["agent"])
    assert (await AuditEntry.count(), await count_of("joined")) == before


@pytest.mark.parametrize(
    ("fields", "wrong"),
    [
        ({"name": " \u200b "}, {"name"}),
        ({"name": "x" * 121}, {"name"}),
        ({"email": "not an address"}, {"email"}),
        ({"email": None}, {"email"}),
        ({"employee_no": "a@b"}, {"employee_no"}),
        ({"roles": []}, {"roles"}),
        ({"roles": ["agent", "king"]}, {"roles"}),
        ({"birthday": "02-30"}, {"birthday"}),
        ({"birthday": "1990-02-03"}, {"birthday"}),
        ({"hired_on": date(1066, 1, 1)}, {"hired_on"}),
        ({"time_zone": "../etc/passwd"}, {"time_zone"}),
        ({"time_zone": "Mars/Base"}, {"time_zone"}),
        ({"locale": "tlh"}, {"locale"}),
        ({"team": db.new_id()}, {"team"}),
        ({"buddy": db.new_id()}, {"buddy"}),
        ({"name": "", "email": "x", "roles": []}, {"name", "email", "roles"}),
    ],
)
async def test_every_wrong_field_is_named_at_once(
    database: str, fields: dict[str, Any], wrong: set[str]
) -> None:
    given: dict[str, Any] = {"name": "Nia", "email": "nia@encore.example", "roles": ["agent"], **fields}
    with pytest.raises(Invalid) as refused:
        await create_person(None, **given)
    assert {error.field for error in refused.value.errors} == wrong
    assert await Person.count() == 0


async def test_the_29th_of_february_is_a_birthday(database: str) -> None:
    assert (await a_person(birthday="02-29")).birthday == "02-29"


async def test_an_address_belongs_to_one_person(database: str) -> None:
    await a_person(email="nia@encore.example", employee_no="7")
    other = await a_person()
    for changes, field in (
        (PersonFields(email="NIA@encore.example"), "email"),
        (PersonFields(employee_no="7"), "employee_no"),
    ):
        with pytest.raises(Invalid) as refused:
            await edit_person(None, other.id, changes)
        assert [(error.field, error.code) for error in refused.value.errors] == [(field, "taken")]


async def test_a_person_keeps_at_least_one_address(database: str) -> None:
    person = await a_person()
    with pytest.raises(Invalid):
        await edit_person(None, person.id, PersonFields(email=None))
    await edit_person(None, person.id, PersonFields(email=None, employee_no="7"))


async def test_of_two_who_edit_the_same_reading_the_second_is_told(database: str) -> None:
    person = await a_person()
    await edit_person(None, person.id, PersonFields(name="First"), revision=person.revision)
    with pytest.raises(PreconditionFailed):
        await edit_person(None, person.id, PersonFields(name="Second"), revision=person.revision)
    assert (await get_person(person.id)).name == "First"


async def test_edits_at_the_same_moment_do_not_overwrite_each_other(database: str) -> None:
    person = await a_person()

    async def rename(n: int) -> bool:
        try:
            await edit_person(None, person.id, PersonFields(name=f"Name {n}"), revision=person.revision)
        except PreconditionFailed:
            return False
        return True

    done = await asyncio.gather(*(rename(n) for n in range(5)))
    assert done.count(True) == 1
    assert (await get_person(person.id)).revision == person.revision + 1


async def test_saving_without_a_change_is_no_change(database: str) -> None:
    person = await a_person(name="Nia")
    before = await AuditEntry.count()
    after = await edit_person(None, person.id, PersonFields(name=" Nia ", roles=["agent"]))
    assert after.revision == person.revision
    assert await AuditEntry.count() == before


async def test_the_audit_log_tells_roles_before_and_after_but_no_personal_data(database: str) -> None:
    person = await a_person()
    changes = PersonFields(roles=["trainer"], email="secret@encore.example", birthday="01-02")
    await edit_person(await a_viewer("admin"), person.id, changes)
    entry = await AuditEntry.select().where(AuditEntry.action == "person_edited").first()
    assert entry is not None
    assert '"roles": ["trainer"]' in entry["detail"]
    assert '"roles_before": ["agent"]' in entry["detail"]
    assert "secret@" not in entry["detail"]
    assert "01-02" not in entry["detail"]


async def test_nobody_is_their_own_buddy_and_a_buddy_works_here(database: str) -> None:
    person, left = await a_person(), await a_person()
    await deactivate_person(await a_viewer("admin"), left.id)
    for buddy in (person.id, left.id):
        with pytest.raises(Invalid):
            await edit_person(None, person.id, PersonFields(buddy=buddy))


async def test_deactivating_ends_sessions_tokens_and_links_and_keeps_the_person(database: str) -> None:
    person = await a_person()
    await create_token(None, person.id, name="x", scopes=["all"])
    from trainer.people.links import issue_link
    from trainer.people.sessions import Sessions

    await issue_link(None, person.id)
    await Sessions(14).start(person.id, device="")
    await deactivate_person(await a_viewer("admin"), person.id)
    assert await Session.count() == 0
    assert await Link.count() == 0
    assert await Token.count().where(Token.revoked_at.is_null()) == 0
    assert not (await get_person(person.id)).active
    assert await count_of("joined", person=person.id) == 1


async def test_a_reactivated_person_comes_back_without_old_tokens(database: str) -> None:
    person, admin = await a_person(), await a_viewer("admin")
    await create_token(None, person.id, name="x", scopes=["all"])
    await deactivate_person(admin, person.id)
    await service.reactivate_person(admin, person.id)
    assert (await get_person(person.id)).active
    assert await Token.count().where(Token.revoked_at.is_null()) == 0
    with pytest.raises(Conflict):
        await service.reactivate_person(admin, person.id)
    with pytest.raises(NotFound):
        await service.reactivate_person(admin, db.new_id())


async def test_there_is_always_an_admin(database: str) -> None:
    admin = await a_viewer("admin")
    with pytest.raises(Conflict):
        await edit_person(admin, admin.id, PersonFields(roles=["trainer"]))
    with pytest.raises(Conflict):
        await deactivate_person(admin, admin.id)
    second = await a_viewer("admin")
    await edit_person(admin, admin.id, PersonFields(roles=["trainer"]))
    with pytest.raises(Conflict):
        await edit_person(second, second.id, PersonFields(roles=["trainer"]))


async def test_two_admins_who_deactivate_each_other_leave_one(database: str) -> None:
    one, two = await a_viewer("admin"), await a_viewer("admin")

    async def end(who: Any, whom: Any) -> bool:
        try:
            await deactivate_person(who, whom.id)
        except Conflict:
            return False
        return True

    done = await asyncio.gather(end(one, two), end(two, one))
    assert sorted(done) == [False, True]


async def test_people_are_found_by_part_of_a_name_in_any_case(database: str) -> None:
    for name in ("Tomasz Wójcik", "Ærø Ødegård", "王小明", "100% Sure", "Under_score"):
        await a_person(name=name)
    viewer = await a_viewer()
    for text, expected in (
        ("wÓJ", "Tomasz Wójcik"),
        ("ØDE", "Ærø Ødegård"),
        ("小", "王小明"),
        ("%", "100% Sure"),
        ("_", "Under_score"),
    ):
        found = await service.visible_people(viewer, search=text)
        assert [shown.person.name for shown in found] == [expected], text


async def test_lists_are_narrowed_by_team_and_role(database: str) -> None:
    team = await a_team()
    lead = await a_person("team_lead", team=team, name="A")
    await a_person("agent", team=team, name="B")
    await a_person(roles=["agent", "team_lead"], name="C")
    viewer = viewer_for(lead)

    async def names(**narrowed: Any) -> list[str]:
        return [shown.person.name for shown in await service.visible_people(viewer, **narrowed)]

    assert await names(team=team) == ["A", "B"]
    assert await names(role="team_lead") == ["A", "C"]
    assert await names(team=team, role="agent") == ["B"]
    assert await names(role="lead") == []


async def test_a_list_is_read_page_by_page_in_the_same_order(database: str) -> None:
    for n in range(7):
        await a_person(name="same" if n < 3 else f"Name {n}")
    viewer = await a_viewer(name="ZZ")
    everybody = [shown.person.id for shown in await service.visible_people(viewer)]
    read: list[Any] = []
    after = None
    while page := await service.visible_people(viewer, after=after, limit=2):
        read += [shown.person.id for shown in page]
        after = (page[-1].person.name_key, page[-1].person.id)
    assert read == everybody
    assert len(set(read)) == 8


async def test_many_people_are_read_in_one_query(database: str, count_queries: Any) -> None:
    ids = [(await a_person()).id for _n in range(5)]
    with count_queries() as counted:
        found = await service.people_by_ids([*ids, db.new_id(), ids[0]])
    assert set(found) == set(ids)
    assert counted.count == 1
    with count_queries() as counted:
        assert await service.people_by_ids([]) == {}
    assert counted.count == 0
