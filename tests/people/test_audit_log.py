"""The audit log: what is in it, who reads it, and taking it out as a file."""

import csv
import io
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from tests.factories import a_person, a_team, a_viewer, viewer_for
from tests.web_fixtures import SignIn
from trainer import db
from trainer.calls.tables import Recording
from trainer.people import audit, audit_names
from trainer.people.audit import Search, record_audit
from trainer.people.tables import AuditEntry
from trainer.problems import Forbidden
from trainer.web.session import ROLES


async def test_an_entry_is_rolled_back_with_the_change_that_it_tells_of(database: str) -> None:
    viewer = await a_viewer()
    before = await AuditEntry.count()

    async def publish_and_fail() -> None:
        async with db.transaction():
            await record_audit(viewer, "clip_published", "clip", "1", {"version": 2})
            raise RuntimeError

    with pytest.raises(RuntimeError):
        await publish_and_fail()
    assert await AuditEntry.count() == before


async def test_what_was_done_by_token_says_so(database: str) -> None:
    person, admin = await a_person(), await a_viewer("admin")
    await record_audit(viewer_for(person, scopes=["all"]), "clip_published", "clip", "1")
    (entry,) = await audit.list_entries(admin, Search(action="clip_published"))
    assert entry.detail == {"via": "token"}
    assert (entry.actor, entry.actor_name) == (person.id, person.name)


async def test_only_admins_read_and_export_it(database: str) -> None:
    for role in ROLES:
        viewer = await a_viewer(role)
        if role == "admin":
            await audit.list_entries(viewer, Search())
            continue
        with pytest.raises(Forbidden):
            await audit.list_entries(viewer, Search())
        with pytest.raises(Forbidden):
            await audit.known_actions(viewer)
        with pytest.raises(Forbidden):
            await audit.export_entries(viewer, Search())


async def test_it_is_narrowed_by_action_actor_and_days(database: str) -> None:
    admin, other = await a_viewer("admin"), await a_viewer()
    noon = datetime(2026, 11, 10, 12, tzinfo=UTC)
    for n, (who, action) in enumerate(
        [(admin, "clip_published"), (other, "clip_published"), (other, "played")]
    ):
        await record_audit(who, action, "clip", str(n))
        row = await AuditEntry.select().where(AuditEntry.noun_id == str(n)).first()
        assert row is not None
        await AuditEntry.update({AuditEntry.at: noon + timedelta(days=n)}).where(AuditEntry.id == row["id"])

    async def found(**narrowed: object) -> list[str]:
        entries = await audit.list_entries(admin, Search(noun="clip", **narrowed))  # type: ignore[arg-type]
        return [entry.noun_id for entry in entries]

    assert await found() == ["2", "1", "0"]
    assert await found(action="clip_published") == ["1", "0"]
    assert await found(actor=other.id) == ["2", "1"]
    assert await found(since=noon.date(), until=noon.date()) == ["0"]
    assert await found(since=noon.date() + timedelta(days=1)) == ["2", "1"]


@pytest.fixture
async def admin(client: httpx.AsyncClient, sign_in: SignIn) -> httpx.AsyncClient:
    return await sign_in(client, await a_person("admin", name="Ingrid"))


async def test_the_page_goes_on_where_it_ended(admin: httpx.AsyncClient) -> None:
    viewer = await a_viewer("admin")
    for n in range(60):
        await record_audit(viewer, "played", "clip", f"clip-{n:02}")
    first = await admin.get("/audit?action=played")
    assert "clip-59" in first.text
    assert "clip-10" in first.text
    assert "clip-09" not in first.text
    more = first.text.split('class="show-more"')[1].split('href="')[1].split('"')[0].replace("&amp;", "&")
    rest = await admin.get(more, headers={"HX-Request": "true"})
    assert rest.text.count("clip-0") == 10
    assert "clip-10" not in rest.text


async def test_the_page_shows_who_did_what(admin: httpx.AsyncClient) -> None:
    page = (await admin.get("/audit")).text
    assert "person_created" in page
    assert "the system" in page
    nothing = await admin.get("/audit?since=2001-01-01&until=2001-01-02")
    assert "Nothing fits" in nothing.text
    assert (await admin.get("/audit?since=yesterday&actor=nobody")).status_code == 200
    assert (await admin.get("/audit?since=0001-01-01&until=9999-12-31")).status_code == 200


async def test_people_and_teams_are_named_as_long_as_they_are_there(admin: httpx.AsyncClient) -> None:
    boss, ana = await a_viewer("admin"), await a_person(name="Ana Reyes")
    harbour, gone = await a_team("Harbour"), str(db.new_id())
    await record_audit(boss, "assigned", "assignment", str(db.new_id()), {"team": str(harbour), "people": 0})
    await record_audit(boss, "signed_off", "person", str(ana.id), {"subject": "hear-them-out"})
    await record_audit(boss, "signed_off", "person", gone, {"team": gone})
    page = (await admin.get("/audit")).text
    assert f'<a href="/people/{ana.id}">Ana Reyes</a>' in page
    assert 'team: <a href="/teams">Harbour</a>' in page
    assert f"team: {gone}" in page
    assert gone[:8] in page


async def test_calls_are_named_to_those_who_may_see_them(admin: httpx.AsyncClient) -> None:
    call = Recording(id=db.new_id(), title="Lost parcel", state="ready", created_at=db.utc_now())
    await Recording.insert(call)
    await record_audit(await a_viewer("admin"), "recording_edited", "recording", str(call.id))
    assert f'<a href="/calls/{call.id}">Lost parcel</a>' in (await admin.get("/audit")).text


async def test_a_page_of_names_costs_one_look_up_a_kind(database: str) -> None:
    admin = await a_viewer("admin")

    async def cost(people: int) -> int:
        for _n in range(people):
            person = await a_person()
            await record_audit(
                admin, "signed_off", "person", str(person.id), {"team": str(person.team or "")}
            )
        entries = await audit.list_entries(admin, Search(action="signed_off"))
        with db.queries_counted() as counted:
            names = await audit_names.names_of(admin, entries)
        assert len([noun for noun, _one in names if noun == "person"]) == len(entries)
        return counted.count

    assert await cost(1) == await cost(10)


async def test_it_is_narrowed_to_what_was_done_about_one_person(admin: httpx.AsyncClient) -> None:
    boss, ana, ben = (
        await a_viewer("admin"),
        await a_person(name="Ana Reyes"),
        await a_person(name="Ben Okoye"),
    )
    for person in (ana, ben):
        await record_audit(boss, "signed_off", "person", str(person.id))
    page = (await admin.get(f"/audit?about={ana.id}")).text
    assert "Only what was done about Ana Reyes." in page
    assert f'name="about" value="{ana.id}"' in page
    assert "Ben Okoye" not in page
    assert "Ben Okoye" not in (await admin.get(f"/audit.csv?about={ana.id}")).text


async def test_the_export_holds_every_entry_and_itself(
    admin: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audit, "EXPORT_BATCH", 7)
    viewer = await a_viewer("admin")
    for n in range(40):
        await record_audit(viewer, "played", "clip", f"clip-{n:02}")
    answer = await admin.get("/audit.csv?action=played")
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert "attachment" in answer.headers["content-disposition"]
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert [row["noun_id"] for row in rows] == [f"clip-{n:02}" for n in reversed(range(40))]
    assert await AuditEntry.count().where(AuditEntry.action == "audit_exported") == 1


async def test_a_spreadsheet_runs_nothing_of_the_export(admin: httpx.AsyncClient) -> None:
    person = await a_person(name="=HYPERLINK(1)")
    await record_audit(viewer_for(person), "played", "clip", "+1")
    answer = await admin.get("/audit.csv?action=played")
    (row,) = csv.DictReader(io.StringIO(answer.text))
    assert (row["actor"], row["noun_id"]) == ("'=HYPERLINK(1)", "'+1")
