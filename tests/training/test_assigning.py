"""Giving modules to people: whom it reaches, who may, later joiners, taking it back, many people, two processes."""

import asyncio
import sys
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from tests.factories import a_person, a_team, viewer_for
from tests.training.conftest import Clips
from tests.training.makers import Cast, a_module, answer_up_to, begun
from tests.waiting import takes_at_most
from trainer import db, jobs
from trainer.notices.service import latest
from trainer.people import service as people
from trainer.people.tables import Person
from trainer.problems import Conflict, Forbidden, Invalid, NotFound
from trainer.training import enrolling, taking
from trainer.training.assigning import reaching
from trainer.training.assigning import service as assigning
from trainer.training.assigning.queries import Whom
from trainer.training.progress.service import team_totals
from trainer.training.tables import Assignment, Curriculum, CurriculumModule, Enrolment

TODAY = datetime.now(UTC).date()
SOON = TODAY + timedelta(days=9)


@pytest.fixture
async def module(cast: Cast, clips: Clips) -> UUID:
    return await a_module(cast.viewer("trainer"))


async def enrolled(module: UUID | None = None) -> dict[UUID, Any]:
    rows = await Enrolment.select().where(Enrolment.module == module) if module else await Enrolment.select()
    return {row["person"]: row for row in rows}


async def a_list(*modules: UUID, code: str = "first-week") -> UUID:
    row = Curriculum(id=db.new_id(), code=code, title='{"en": "First week"}', created_at=db.utc_now())
    await Curriculum.insert(row)
    for position, module in enumerate(modules):
        await CurriculumModule.insert(
            CurriculumModule(id=db.new_id(), curriculum=row.id, module=module, position=position)
        )
    return row.id


async def test_a_team_gets_a_module_and_everybody_is_told_once(cast: Cast, module: UUID):
    trainer = cast.viewer("trainer")
    assignment = await assigning.assign(trainer, module="hear-them-out", team=cast.agent.team, due_on=SOON)
    found = await enrolled(module)
    assert set(found) == {cast.agent.id}
    assert {row["due_on"] for row in found.values()} == {SOON}
    assert {row["assignment"] for row in found.values()} == {assignment}
    await jobs.drain()
    await jobs.drain()
    (notice,) = await latest(cast.viewer("agent"), 10)
    assert "Rosa Lind" in notice.words
    assert "Hear them out" in notice.words
    assert notice.href == f"/learn/assigned/{assignment}"
    assert await latest(cast.viewer("other_agent"), 10) == []
    view = await assigning.load_assignment(trainer, assignment)
    assert (view.enrolled, view.done, view.not_begun) == (1, 0, 1)


async def test_a_team_means_its_agents_and_a_lead_only_who_takes_calls_too(cast: Cast, module: UUID):
    trainer, team = cast.viewer("trainer"), cast.agent.team
    playing = await a_person(roles=["team_lead", "agent"], team=team)
    what = await reaching.what_of("hear-them-out", None)
    before = await assigning.preview(trainer, what, await assigning.whom_of(trainer, team=team))
    assert (before.people, before.given, [share.new for share in before.modules]) == (2, 2, [2])
    await assigning.assign(trainer, module="hear-them-out", team=team)
    assert set(await enrolled(module)) == {cast.agent.id, playing.id}
    (total,) = await team_totals(cast.viewer("lead"))
    assert (total.people, total.counts["not_begun"]) == (2, 2)
    await jobs.drain()
    assert await latest(cast.viewer("lead"), 10) == []
    await people.edit_person(cast.viewer("admin"), cast.lead.id, {"roles": ["agent", "team_lead"]})
    await jobs.drain()
    assert set(await enrolled(module)) == {cast.agent.id, playing.id, cast.lead.id}


async def test_whoever_has_it_or_did_its_present_version_keeps_what_they_have(cast: Cast, module: UUID):
    trainer, agent, other = cast.viewer("trainer"), cast.viewer("agent"), cast.viewer("other_agent")
    done = await begun(agent)
    await answer_up_to(agent, done)
    mine = await begun(other)
    what = await reaching.what_of("hear-them-out", None)
    whom = await assigning.whom_of(trainer, role="agent")
    before = await assigning.preview(trainer, what, whom)
    (share,) = before.modules
    assert (before.people, before.given, before.done) == (2, 0, 1)
    assert (share.new, share.open, share.done, share.waived) == (0, 1, 1, 0)
    third = await a_person("agent")
    assert (await assigning.preview(trainer, what, whom)).given == 1
    await assigning.assign(trainer, module="hear-them-out", role="agent", due_on=SOON)
    rows = await Enrolment.select()
    assert {row["person"] for row in rows} == {agent.id, other.id, third.id}
    assert len(rows) == 3
    assert next(row for row in rows if row["id"] == mine)["due_on"] == SOON
    assert next(row for row in rows if row["id"] == done)["due_on"] is None


async def test_a_new_version_is_given_to_those_who_did_the_old_one(cast: Cast, module: UUID):
    from trainer.training import editing, modules

    trainer, agent = cast.viewer("trainer"), cast.viewer("agent")
    await answer_up_to(agent, await begun(agent))
    await editing.draft_of(trainer, module)
    await modules.publish_module(trainer, module)
    await assigning.assign(trainer, module="hear-them-out", person=agent.id)
    assert len(await Enrolment.select().where(Enrolment.person == agent.id)) == 2


async def test_a_list_is_given_in_its_order_in_few_statements(cast: Cast, clips: Clips, count_queries: Any):
    trainer = cast.viewer("trainer")
    modules = [await a_module(trainer) for _n in range(3)]
    await a_list(*modules)
    team = await a_team()
    for _n in range(12):
        await a_person("agent", team=team)
    with count_queries() as counted:
        await assigning.assign(trainer, curriculum="first-week", team=team, due_on=SOON)
    assert counted.count <= 16
    rows = await Enrolment.select()
    assert len(rows) == 36
    assert all(modules[row["position"]] == row["module"] for row in rows)
    assert len({row["id"] for row in rows}) == 36
    assert all(row["id"].version == 4 for row in rows)


async def test_who_joins_or_moves_later_gets_it_too(cast: Cast, module: UUID):
    trainer, admin = cast.viewer("trainer"), cast.viewer("admin")
    await assigning.assign(trainer, module="hear-them-out", team=cast.agent.team, due_on=SOON)
    await jobs.drain()
    joined = await a_person("agent", team=cast.agent.team)
    await jobs.drain()
    assert (await enrolled(module))[joined.id]["due_on"] == SOON
    assert len(await latest(viewer_for(joined), 5)) == 1
    await people.edit_person(admin, cast.other_agent.id, {"team": cast.agent.team})
    await jobs.drain()
    assert cast.other_agent.id in await enrolled(module)
    await jobs.drain()
    assert len(await Enrolment.select().where(Enrolment.module == module)) == 3


async def test_a_due_day_that_is_over_is_not_the_due_day_of_a_newcomer(cast: Cast, module: UUID):
    with db.as_of(datetime.now(UTC) - timedelta(days=30)):
        await assigning.assign(
            cast.viewer("trainer"),
            module="hear-them-out",
            role="agent",
            due_on=TODAY - timedelta(days=20),
        )
    joined = await a_person("agent")
    await jobs.drain()
    assert (await enrolled(module))[joined.id]["due_on"] is None


async def test_undo_takes_back_what_nobody_began(cast: Cast, module: UUID):
    trainer, agent = cast.viewer("trainer"), cast.viewer("agent")
    assignment = await assigning.assign(trainer, module="hear-them-out", role="agent")
    await jobs.drain()
    mine = (await enrolled(module))[agent.id]["id"]
    await taking.begin(agent, mine)
    assert await assigning.end_assignment(trainer, assignment) == 1
    assert set(await enrolled(module)) == {agent.id}
    assert await latest(cast.viewer("other_agent"), 5) == []
    joined = await a_person("agent")
    await jobs.drain()
    assert joined.id not in await enrolled(module)
    with pytest.raises(Conflict):
        await assigning.end_assignment(trainer, assignment)
    assert (await assigning.load_assignment(trainer, assignment)).ended_at


@pytest.mark.parametrize("who", ["agent", "analyst", "manager", "admin"])
async def test_others_assign_nothing(cast: Cast, module: UUID, who: str):
    with pytest.raises(Forbidden):
        await assigning.assign(cast.viewer(who), module="hear-them-out", person=cast.agent.id)
    with pytest.raises(Forbidden):
        await assigning.visible_assignments(cast.viewer(who))


async def test_leads_assign_to_their_own_team_alone(cast: Cast, module: UUID):
    lead, trainer = cast.viewer("lead"), cast.viewer("trainer")
    for whom in (
        {"team": cast.other_agent.team},
        {"role": "agent"},
        {"person": cast.other_agent.id},
        {"people": [cast.agent.id, cast.other_agent.id]},
    ):
        with pytest.raises(Forbidden):
            await assigning.assign(lead, module="hear-them-out", **whom)  # type: ignore[arg-type]
    assert await Enrolment.count() == 0
    mine = await assigning.assign(lead, module="hear-them-out", team=cast.agent.team)
    theirs = await assigning.assign(trainer, module="hear-them-out", team=cast.agent.team)
    foreign = await assigning.assign(trainer, module="hear-them-out", team=cast.other_agent.team)
    assert {view.id for view in await assigning.visible_assignments(lead)} == {mine, theirs}
    with pytest.raises(NotFound):
        await assigning.end_assignment(lead, foreign)
    with pytest.raises(Forbidden):
        await assigning.end_assignment(lead, theirs)
    await assigning.end_assignment(lead, mine)
    no_team = viewer_for(await a_person("team_lead"))
    with pytest.raises(Forbidden):
        await assigning.assign(no_team, module="hear-them-out", person=cast.manager.id)


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"module": "nothing", "role": "agent"}, "module"),
        ({"curriculum": "nothing", "role": "agent"}, "curriculum"),
        ({"role": "agent"}, "module"),
        ({"module": "hear-them-out"}, "person"),
        ({"module": "hear-them-out", "role": "pilot"}, "role"),
        ({"module": "hear-them-out", "team": db.new_id()}, "team"),
        ({"module": "hear-them-out", "person": db.new_id()}, "person"),
        ({"module": "hear-them-out", "role": "agent", "due_on": date(2020, 1, 1)}, "due_on"),
    ],
)
async def test_what_cannot_be_assigned_names_its_field(
    cast: Cast, module: UUID, given: dict[str, Any], field: str
):
    with pytest.raises(Invalid) as refused:
        await assigning.assign(cast.viewer("trainer"), **given)
    assert [error.field for error in refused.value.errors] == [field]
    assert await Assignment.count() == 0


async def test_whoever_left_is_given_nothing(cast: Cast, module: UUID):
    await Person.update({Person.active: False}).where(Person.id == cast.agent.id)
    await assigning.assign(cast.viewer("trainer"), module="hear-them-out", role="agent")
    assert set(await enrolled(module)) == {cast.other_agent.id}


async def test_a_new_agent_begins_with_the_starter_whatever_else_is_due(cast: Cast, module: UUID):  # 003-19
    from trainer.training.tables import Module

    trainer = cast.viewer("trainer")
    second = await a_module(trainer)
    await Module.update({Module.starter: True, Module.position: 1}).where(Module.id == module)
    code = (await Module.select().where(Module.id == second).first())["code"]
    await assigning.assign(trainer, module=code, role="agent", due_on=SOON)
    await jobs.drain()
    joined = await a_person("agent")
    await jobs.drain()
    first = await enrolling.next_enrolment(joined.id)
    assert first is not None
    assert first.module == module
    assert len(await enrolling.open_enrolments(joined.id)) == 2


async def test_taking_it_back_restores_the_days_that_it_moved(cast: Cast, module: UUID) -> None:
    trainer, later = cast.viewer("trainer"), SOON + timedelta(days=9)
    mine = await enrolling.enrol(trainer, "hear-them-out", cast.agent.id, due_on=SOON)

    async def days() -> tuple[date | None, list[str]]:
        await jobs.drain()
        row = await Enrolment.select(Enrolment.due_on).where(Enrolment.id == mine).first()
        told = [notice.words for notice in await latest(viewer_for(cast.agent))]
        return row["due_on"] if row else None, [words for words in told if "by" in words]

    assignment = await assigning.assign(trainer, module="hear-them-out", team=cast.agent.team, due_on=later)
    day, told = await days()
    assert (day, len(told)) == (later, 1), "whose day is moved hears of it"
    assert await days() == (day, told)
    await assigning.end_assignment(trainer, assignment)
    assert await days() == (SOON, [])
    # a day that somebody set afterwards is not undone
    assignment = await assigning.assign(trainer, module="hear-them-out", team=cast.agent.team, due_on=later)
    await enrolling.enrol(trainer, "hear-them-out", cast.agent.id, due_on=SOON + timedelta(days=2))
    await assigning.end_assignment(trainer, assignment)
    assert (await days())[0] == SOON + timedelta(days=2)


MANY = 20_000


@pytest.mark.slow
async def test_a_role_of_twenty_thousand_is_reached_by_a_job_in_parts(
    cast: Cast, module: UUID, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(reaching, "CHUNK", 2000)
    now = db.utc_now()
    people = [
        Person(id=db.new_id(), name="N", name_key="n", email=f"n{n}@x.example", roles="agent", created_at=now)
        for n in range(MANY)
    ]
    for start in range(0, MANY, 1000):
        await Person.insert(*people[start : start + 1000])
    with db.queries_counted() as counted, takes_at_most(2):
        assignment = await assigning.assign(cast.viewer("trainer"), module="hear-them-out", role="agent")
    assert counted.count < 40, "whoever assigns waits for everybody"
    assert await Enrolment.count() == 0
    await jobs.drain()
    assert await Enrolment.count() == MANY + 2
    view = await assigning.load_assignment(cast.viewer("trainer"), assignment)
    assert view.job
    state = await jobs.get_job(view.job)
    assert state
    assert (state.status, state.done, state.total) == ("done", MANY + 2, MANY + 2)
    assert len(await latest(viewer_for(await people_service(people[7].id)), 5)) == 1


async def people_service(person: UUID) -> people.PersonView:
    return await people.get_person(person)


ASSIGNER = """
import asyncio, sys
import trainer.app
from tests.factories import viewer_for
from trainer import db
from trainer.people.service import get_person
from trainer.training.assigning.service import assign

async def main(url, trainer):
    from datetime import timedelta
    from uuid import UUID
    await db.open_database(url)
    today = db.utc_now().date() + timedelta(days=1)
    viewer = viewer_for(await get_person(UUID(trainer)))
    print("ready", flush=True)
    sys.stdin.readline()
    for n in range(3):
        await assign(viewer, module="hear-them-out", role="agent", due_on=today + timedelta(days=n))
    await db.close_database()

asyncio.run(main(*sys.argv[1:]))
"""


async def test_two_processes_assigning_at_once_enrol_each_person_once(
    cast: Cast, module: UUID, database_url: str
):
    for _n in range(40):
        await a_person("agent")
    processes = [
        await asyncio.create_subprocess_exec(
            sys.executable,
            "-c",
            ASSIGNER,
            database_url,
            str(cast.trainer.id),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        for _n in range(2)
    ]
    for process in processes:
        assert process.stdout
        await process.stdout.readline()
    ended = await asyncio.gather(*(process.communicate(b"\n") for process in processes))
    assert [process.returncode for process in processes] == [0, 0], ended
    rows = await Enrolment.select().where(Enrolment.module == module)
    assert len(rows) == len({row["person"] for row in rows}) == 42
    assert await Assignment.count() == 3  # the same at once, twice, is one


async def test_the_clause_for_people_knows_whole_words_of_roles(cast: Cast):
    sql, params = Whom(role="agent").condition()
    assert params == ["% agent %"]
    assert "erased_at IS NULL" in sql


async def test_a_double_tap_is_one_assignment(cast: Cast, module: UUID):
    trainer, people = cast.viewer("trainer"), [cast.agent.id, cast.other_agent.id]
    first = await assigning.assign(trainer, module="hear-them-out", people=people)
    assert await assigning.assign(trainer, module="hear-them-out", people=people[::-1]) == first
    assert await assigning.assign(trainer, module="hear-them-out", people=people[:1]) != first
    assert await assigning.assign(cast.viewer("lead"), module="hear-them-out", people=people[:1]) != first
    await assigning.end_assignment(trainer, first)
    assert await assigning.assign(trainer, module="hear-them-out", people=people) != first


async def test_a_single_person_given_a_module_is_told_too(cast: Cast, module: UUID):
    mine = await enrolling.enrol(cast.viewer("trainer"), "hear-them-out", cast.agent.id, due_on=SOON)
    (notice,) = await latest(cast.viewer("agent"), 5)
    assert (notice.href, "Hear them out" in notice.words) == (f"/learn/{mine}", True)
    await enrolling.enrol(cast.viewer("other_agent"), "hear-them-out", cast.other_agent.id)
    assert await latest(cast.viewer("other_agent"), 5) == []
