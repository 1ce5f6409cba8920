"""Who is how far: states, stuck and overdue, filters, paging, sheets, one person; who sees what, cell by cell."""

import csv
import io
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest
from python_calamine import CalamineWorkbook

from tests.factories import a_person, viewer_for
from tests.training.conftest import Clips
from tests.training.makers import Cast, a_module, answer_up_to, begun, wrong_answer
from tests.web_fixtures import SignIn
from trainer import db
from trainer.people.tables import Person
from trainer.problems import Forbidden, Invalid, NotFound
from trainer.training import curricula, deciding, enrolling, taking
from trainer.training.assigning.service import assign
from trainer.training.progress import service as progress
from trainer.training.progress.views import Filters
from trainer.training.tables import Enrolment
from trainer.web.session import Viewer

NOW = datetime.now(UTC)
DUE = NOW.date() + timedelta(days=1)  # not over when the tests run past midnight


def main_of(page: httpx.Response) -> str:
    return page.text.partition("<main")[2].partition("</main>")[0]


@pytest.fixture
async def module(cast: Cast, clips: Clips) -> UUID:
    return await a_module(cast.viewer("trainer"))


async def rows_of(viewer: Viewer, **filters: Any) -> list[progress.ProgressRow]:
    return (await progress.progress_page(viewer, Filters(**filters))).rows


async def state_of(cast: Cast, who: str) -> str:
    rows = await rows_of(cast.viewer("trainer"))
    return next(row.state for row in rows if row.person == getattr(cast, who).id)


async def test_a_row_goes_from_not_begun_to_done(cast: Cast, module: UUID):
    agent = cast.viewer("agent")
    mine = await begun(agent)
    assert await state_of(cast, "agent") == "not_begun"
    await taking.begin(agent, mine)
    step = await answer_up_to(agent, mine, "contrast")
    assert step is not None
    (row,) = await rows_of(cast.viewer("trainer"))
    assert (row.state, row.done, row.steps, row.position) == ("under_way", 2, 5, 2)
    assert row.step_title.startswith("Which one lets you hear it?")
    await answer_up_to(agent, mine)
    (row,) = await rows_of(cast.viewer("trainer"))
    assert (row.state, row.step_title) == ("done", "")


async def test_three_days_of_quiet_are_stuck_and_any_activity_ends_it(cast: Cast, module: UUID):
    agent = cast.viewer("agent")
    with db.as_of(NOW - timedelta(days=3, hours=1)):
        mine = await begun(agent)
        await taking.begin(agent, mine)
    (row,) = await rows_of(cast.viewer("trainer"))
    assert row.state == "stuck"
    assert "3 days" in row.stuck_words
    await taking.keep_place(agent, mine, 0, {})
    assert await state_of(cast, "agent") == "under_way"


async def test_three_tries_that_are_not_right_are_stuck_on_that_step(cast: Cast, module: UUID):
    agent = cast.viewer("agent")
    mine = await begun(agent)
    step = await answer_up_to(agent, mine, "judge")
    assert step is not None
    for attempt in (1, 2):
        course = await taking.open_course(agent, mine)
        await taking.answer(agent, mine, step.id, wrong_answer(course, step), attempt=attempt)
    assert await state_of(cast, "agent") == "under_way"
    course = await taking.open_course(agent, mine)
    await taking.answer(agent, mine, step.id, wrong_answer(course, step), attempt=3)
    (row,) = await rows_of(cast.viewer("lead"))
    assert (row.state, row.tries, row.position) == ("stuck", 3, step.position)
    assert row.stuck_words.startswith("tried 3 times: Met or missed?")
    stuck = await progress.people_stuck(cast.viewer("lead"))
    assert [each.person for each in stuck] == [agent.id]
    await answer_up_to(agent, mine, "nothing")
    assert await state_of(cast, "agent") == "done"


async def test_overdue_is_by_the_persons_own_day(cast: Cast, module: UUID):
    at = datetime(2026, 3, 10, 12, tzinfo=UTC)
    for who, zone in (("agent", "Pacific/Kiritimati"), ("other_agent", "Pacific/Pago_Pago")):
        await Person.update({Person.time_zone: zone}).where(Person.id == getattr(cast, who).id)
        await enrolling.enrol(
            cast.viewer("trainer"), "hear-them-out", getattr(cast, who).id, due_on=date(2026, 3, 10)
        )
    trainer = cast.viewer("trainer")
    with db.as_of(at):  # the 11th in Kiritimati, the 10th in Pago Pago
        assert {row.name for row in await rows_of(trainer, state="overdue")} == {"Amara Nwosu"}
        page = await progress.progress_page(trainer, Filters())
        assert page.shares[0].overdue == 1
    with db.as_of(at + timedelta(days=1)):
        assert len(await rows_of(trainer, state="overdue")) == 2
    with db.as_of(at - timedelta(days=1)):
        assert await rows_of(trainer, state="overdue") == []


async def test_only_the_newest_enrolment_counts_and_only_of_those_who_work_here(cast: Cast, module: UUID):
    agent = cast.viewer("agent")
    await answer_up_to(agent, await begun(agent))
    await begun(agent)
    await begun(cast.viewer("other_agent"))
    await Person.update({Person.active: False}).where(Person.id == cast.other_agent.id)
    (row,) = await rows_of(cast.viewer("trainer"))
    assert row.state == "not_begun"


async def test_filters_narrow_by_module_list_team_state_and_name(cast: Cast, module: UUID):
    trainer = cast.viewer("trainer")
    second = await a_module(trainer)
    made = await curricula.create_curriculum(trainer, title="Week", modules=[second])
    await assign(trainer, module="hear-them-out", role="agent")
    await assign(trainer, curriculum="week", person=cast.agent.id)
    await taking.begin(cast.viewer("agent"), (await enrolling.enrolments_of(cast.agent.id))[0].id)
    assert made
    assert len(await rows_of(trainer)) == 3
    assert len(await rows_of(trainer, what="module:hear-them-out")) == 2
    assert {row.module for row in await rows_of(trainer, what="list:week")} == {second}
    assert {row.name for row in await rows_of(trainer, team=cast.other_agent.team)} == {"Yusuf Kaya"}
    assert [row.state for row in await rows_of(trainer, state="under_way")] == ["under_way"]
    assert len(await rows_of(trainer, state="not_begun")) == 2
    assert len(await rows_of(trainer, state="open")) == 3
    assert {row.name for row in await rows_of(trainer, search="AMARA")} == {"Amara Nwosu"}
    assert await rows_of(trainer, search="%") == []
    for wrong in ({"what": "module:x"}, {"what": "list:x"}, {"state": "asleep"}):
        with pytest.raises(Invalid):
            await rows_of(trainer, **wrong)


async def test_pages_hold_every_row_once(cast: Cast, module: UUID):
    trainer = cast.viewer("trainer")
    await a_module(trainer)
    for n in range(7):
        await a_person("agent", name=f"Same Name {n % 2}")
    for code in ("hear-them-out", "hear-them-out-2"):
        await assign(trainer, module=code, role="agent")
    seen: list[UUID] = []
    after = None
    while True:
        page = await progress.progress_page(trainer, Filters(), limit=4, after=after)
        seen += [row.enrolment for row in page.rows]
        if (after := page.after) is None:
            break
    assert len(seen) == len(set(seen)) == 18
    people: list[UUID] = []
    key = None
    await curricula.create_curriculum(trainer, title="Week", modules=["hear-them-out"])
    while True:
        found = await progress.matrix(trainer, Filters(what="list:week"), limit=4, after=key)
        people += [each.person for each in found.people]
        if (key := found.after) is None:
            break
    assert len(people) == len(set(people)) == 9


# Who sees what: completion and answers, cell by cell

CELLS = [  # who, how they see completions of the agent, of the other agent
    ("agent", "own", "none"),
    ("other_agent", "none", "own"),
    ("trainer", "each", "each"),
    ("lead", "each", "none"),
    ("other_lead", "none", "each"),
    ("analyst", "none", "none"),
    ("manager", "totals", "totals"),
    ("admin", "totals", "totals"),
]


@pytest.mark.parametrize(("who", "first", "second"), CELLS)
async def test_completion_cell_by_cell(
    cast: Cast, module: UUID, client: httpx.AsyncClient, sign_in: SignIn, who: str, first: str, second: str
):
    for each in ("agent", "other_agent"):
        await begun(cast.viewer(each))
    viewer = cast.viewer(who)
    seen = {"agent": first, "other_agent": second}
    listed = {each for each in seen if seen[each] == "each"}
    await sign_in(client, getattr(cast, who))
    names = {"agent": "Amara Nwosu", "other_agent": "Yusuf Kaya"}
    if not listed and "totals" not in seen.values():
        with pytest.raises(Forbidden):
            await progress.progress_page(viewer, Filters())
        assert (await client.get("/progress")).status_code == 403
        assert (await client.get("/progress.csv")).status_code == 403
    else:
        rows = await rows_of(viewer)
        assert {row.name for row in rows} == {names[each] for each in listed}
        page = main_of(await client.get("/progress"))
        sheet = await client.get("/progress.csv")
        assert sheet.status_code == (200 if listed else 403)
        for each, name in names.items():
            assert (name in page) == (each in listed)
            assert (name in sheet.text) == (each in listed)
    for each, how in seen.items():
        person = getattr(cast, each).id
        allowed = how in ("own", "each")
        assert (await client.get(f"/people/{person}/progress")).status_code == (200 if allowed else 404)
        if allowed:
            await progress.person_progress(viewer, person)
        else:
            with pytest.raises(NotFound):
                await progress.person_progress(viewer, person)


@pytest.mark.parametrize(("who", "first", "second"), CELLS)
async def test_answers_cell_by_cell_and_own_words_of_a_reflection_nobody_reads(
    cast: Cast, module: UUID, client: httpx.AsyncClient, sign_in: SignIn, who: str, first: str, second: str
):
    agent = cast.viewer("agent")
    mine = await begun(agent)
    step = await answer_up_to(agent, mine, "recall")
    assert step is not None
    await taking.answer(agent, mine, step.id, {"text": "Spoken from memory"}, attempt=1)
    await sign_in(client, getattr(cast, who))
    page = await client.get(f"/people/{cast.agent.id}/progress")
    assert ("Spoken from memory" in page.text) == (first in ("own", "each"))
    listed = await client.get(f"/api/v1/enrolments/{mine}")
    assert ("Spoken from memory" in listed.text) is False or who == "agent"


async def test_a_reflection_is_nobodys_to_read(cast: Cast, clips: Clips, module: UUID):
    from trainer.training import editing, modules

    trainer, agent = cast.viewer("trainer"), cast.viewer("agent")
    await editing.draft_of(trainer, module)
    await editing.add_step(trainer, module, {"kind": "reflect", "body": {"prompt": "And you?"}})
    await modules.publish_module(trainer, module)
    mine = await begun(agent)
    await answer_up_to(agent, mine)
    found = await progress.person_progress(trainer, agent.id)
    assert found.answers is not None
    reflection = next(step for step in found.answers[mine] if step.kind == "reflect")
    assert [each["given"] for each in reflection.tries] == [{}]


async def test_sums_of_few_people_are_not_shown_to_who_sees_sums_alone(
    cast: Cast, module: UUID, client: httpx.AsyncClient, sign_in: SignIn
):
    await begun(cast.viewer("agent"))
    manager = cast.viewer("manager")
    (share,) = (await progress.progress_page(manager, Filters())).shares
    assert share.few
    assert not any(share.counts.values())
    assert await progress.team_totals(manager) == []
    await sign_in(client, cast.manager)
    assert "too few people" in main_of(await client.get("/progress"))
    for _n in range(4):
        await begun(viewer_for(await a_person("agent", team=cast.agent.team)))
    narrowed = Filters(team=cast.agent.team, search="Amara", state="not_begun")
    (share,) = (await progress.progress_page(manager, narrowed)).shares
    assert (share.few, share.people) == (False, 5)
    (total,) = await progress.team_totals(manager)
    assert (total.team, total.people, total.counts["not_begun"]) == (None, 5, 5)
    page = main_of(await client.get(f"/progress?team={cast.agent.team}&q=Amara"))
    assert "0 of 5 done" in page
    assert "Amara" not in page
    with pytest.raises(Forbidden):
        await progress.matrix(manager, Filters())
    with pytest.raises(Forbidden):
        await progress.export_rows(manager, Filters())


async def test_a_lead_without_a_team_sees_nobody(cast: Cast, module: UUID):
    await begun(cast.viewer("agent"))
    nobody = viewer_for(await a_person("team_lead"))
    page = await progress.progress_page(nobody, Filters(team=cast.agent.team))
    assert (page.rows, page.shares) == ([], [])
    assert await progress.team_totals(nobody) == []
    assert await progress.people_stuck(nobody) == []


async def test_team_totals_are_each_teams_for_trainers_and_the_own_for_leads(cast: Cast, module: UUID):
    for each in ("agent", "other_agent"):
        await begun(cast.viewer(each))
    assert [total.name for total in await progress.team_totals(cast.viewer("trainer"))] == [
        "Harbour",
        "Lantern",
    ]
    assert [total.name for total in await progress.team_totals(cast.viewer("lead"))] == ["Harbour"]
    assert await progress.team_totals(cast.viewer("agent")) == []


# Pages and sheets


async def test_the_page_shows_a_picture_and_who_is_stuck_on_what(
    cast: Cast, module: UUID, client: httpx.AsyncClient, sign_in: SignIn
):
    agent = cast.viewer("agent")
    with db.as_of(NOW - timedelta(days=5)):
        await taking.begin(agent, await begun(agent))
    await sign_in(client, cast.trainer)
    page = main_of(await client.get("/progress"))
    assert 'aria-label="Hear them out: 1 stuck"' in page
    assert "nothing for 5 days" in page
    assert "step 1 of 5" in page
    assert f"/people/{cast.agent.id}/progress#" in page
    assert "Nobody in this state" in main_of(await client.get("/progress?state=done"))
    assert "Nothing fits" in main_of(await client.get("/progress?q=nobody"))
    assert (await client.get("/progress?what=module:nothing")).status_code == 422


async def test_a_list_is_a_map_of_people_by_modules(
    cast: Cast, module: UUID, client: httpx.AsyncClient, sign_in: SignIn
):
    trainer = cast.viewer("trainer")
    await a_module(trainer)
    await curricula.create_curriculum(trainer, title="Week", modules=["hear-them-out-2", "hear-them-out"])
    await begun(cast.viewer("agent"))
    await answer_up_to(cast.viewer("agent"), await begun(cast.viewer("agent")))
    await sign_in(client, cast.trainer)
    page = main_of(await client.get("/progress?what=list:week"))
    assert "progress-map" in page
    cells = page.partition("progress-map")[2]
    assert cells.index("not given") < cells.index(">Done<")
    table = main_of(await client.get("/progress?what=list:week&view=table"))
    assert "progress-table" in table


async def test_sheets_hold_every_row_and_no_formula(
    cast: Cast, module: UUID, client: httpx.AsyncClient, sign_in: SignIn
):
    await Person.update({Person.name: "=HYPERLINK(1)", Person.name_key: "=hyperlink(1)"}).where(
        Person.id == cast.agent.id
    )
    await assign(cast.viewer("trainer"), module="hear-them-out", role="agent", due_on=DUE)
    await sign_in(client, cast.trainer)
    sheet = await client.get("/progress.csv?state=not_begun")
    assert "attachment" in sheet.headers["content-disposition"]
    lines = list(csv.DictReader(io.StringIO(sheet.content.decode("utf-8-sig"))))
    assert [line["name"] for line in lines] == ["'=HYPERLINK(1)", "Yusuf Kaya"]
    assert lines[0]["state"] == "not_begun"
    assert lines[0]["due_on"] == DUE.isoformat()
    assert len((await client.get("/progress.csv?state=done")).content.splitlines()) == 1
    book = await client.get("/progress.xlsx")
    rows = CalamineWorkbook.from_filelike(io.BytesIO(book.content)).get_sheet_by_index(0).to_python()
    assert rows[0] == list(progress.COLUMNS)
    assert rows[1][0] == "=HYPERLINK(1)"
    assert len(rows) == 3


async def test_page_matrix_and_person_need_few_queries(
    cast: Cast, module: UUID, client: httpx.AsyncClient, sign_in: SignIn, count_queries: Any
):
    trainer = cast.viewer("trainer")
    for n in range(3):
        await a_module(trainer)
        await a_person("agent", name=f"More {n}")
    codes = ["hear-them-out", "hear-them-out-2", "hear-them-out-3", "hear-them-out-4"]
    await curricula.create_curriculum(trainer, title="Week", modules=codes)
    await assign(trainer, curriculum="week", role="agent")
    await sign_in(client, cast.trainer)
    for path, most in (
        ("/progress", 6),
        ("/progress?what=list:week", 6),
        ("/progress?state=stuck", 6),
        ("/progress.csv", 4),
        (f"/people/{cast.agent.id}/progress", 6),
    ):
        await client.get(path)
        with count_queries() as counted:
            assert (await client.get(path)).status_code == 200
        assert counted.count <= most, (path, counted.statements)


# Deciding


async def test_a_waived_module_need_not_be_done_and_can_be_given_back(
    cast: Cast, module: UUID, client: httpx.AsyncClient, sign_in: SignIn
):
    from trainer import facts

    agent = cast.viewer("agent")
    mine = await begun(agent)
    await taking.begin(agent, mine)
    await sign_in(client, cast.trainer)
    here = f"/enrolments/{mine}"
    assert (await client.post(f"{here}/waive", data={"why": " "})).status_code == 422
    done = await client.post(f"{here}/waive", data={"why": "Taught it for years"})
    assert done.headers["location"] == f"/people/{agent.id}/progress#e-{mine}"
    assert "Taught it for years" in (await client.get(f"/people/{agent.id}/progress")).text
    assert await state_of(cast, "agent") == "waived"
    assert await enrolling.open_enrolments(agent.id) == []
    assert [view.code for view in await enrolling.open_modules(agent)] == ["hear-them-out"]
    course = await taking.open_course(agent, mine)
    from trainer.problems import Conflict

    with pytest.raises(Conflict):
        await taking.answer(agent, mine, course.steps[0].id, {}, attempt=1)
    assert (await client.post(f"{here}/waive", data={"why": "Again"})).status_code == 409
    assert (await client.post(f"{here}/unwaive")).status_code == 303
    assert await state_of(cast, "agent") == "under_way"
    assert (await client.post(f"{here}/unwaive")).status_code == 409
    assert (await client.post(f"{here}/waive", data={"why": "Yes"})).status_code == 303
    kinds = [fact.kind for fact in await facts.facts_of(agent.id, ["module_waived", "module_unwaived"])]
    assert kinds == ["module_waived", "module_unwaived", "module_waived"]
    anew = await begun(agent)
    assert anew != mine
    with pytest.raises(Conflict):
        await deciding.unwaive(cast.viewer("trainer"), mine)


async def test_a_completed_module_is_never_waived(cast: Cast, module: UUID):
    from trainer.problems import Conflict

    agent = cast.viewer("agent")
    mine = await begun(agent)
    await answer_up_to(agent, mine)
    with pytest.raises(Conflict):
        await deciding.waive(cast.viewer("trainer"), mine, "No")
    row = await Enrolment.select().where(Enrolment.id == mine).first()
    assert row is not None
    assert row["waived_at"] is None


async def test_a_lead_signs_off_what_they_saw_at_work_once(
    cast: Cast, module: UUID, client: httpx.AsyncClient, sign_in: SignIn
):
    from trainer import facts

    agent = cast.viewer("agent")
    mine = await begun(agent)
    await answer_up_to(agent, mine)
    await sign_in(client, cast.lead)
    page = await client.get(f"/people/{agent.id}/progress")
    assert "I saw it done at work" in page.text
    question = page.text.partition(f"/enrolments/{mine}/sign-off")[2].partition(">")[0]
    assert "data-confirm" in question
    assert cast.agent.name in question
    assert "Hear them out" in question
    assert "Waive" not in main_of(page)
    for _n in range(2):
        assert (await client.post(f"/enrolments/{mine}/sign-off")).status_code == 303
    (fact,) = await facts.facts_of(agent.id, ["signed_off"])
    assert (fact.subject, fact.version, fact.data["by"]) == ("hear-them-out", 1, str(cast.lead.id))
    assert "Seen done at work by Kwame Osei" in (await client.get(f"/people/{agent.id}/progress")).text


@pytest.mark.parametrize(
    ("who", "waives", "signs"),
    [
        ("agent", 403, 403),
        ("other_agent", 403, 403),
        ("analyst", 403, 403),
        ("manager", 403, 403),
        ("admin", 403, 403),
        ("trainer", 303, 403),
        ("lead", 403, 303),
        ("other_lead", 403, 404),
    ],
)
async def test_who_waives_and_who_signs_off(
    cast: Cast,
    module: UUID,
    client: httpx.AsyncClient,
    sign_in: SignIn,
    who: str,
    waives: int,
    signs: int,
):
    mine = await begun(cast.viewer("agent"))
    await sign_in(client, getattr(cast, who))
    assert (await client.post(f"/enrolments/{mine}/sign-off")).status_code == signs
    assert (await client.post(f"/enrolments/{mine}/waive", data={"why": "Yes"})).status_code == waives
    assert (await client.post(f"/enrolments/{mine}/unwaive")).status_code == waives


async def test_nobody_waives_or_signs_off_their_own(cast: Cast, module: UUID):
    both = viewer_for(await a_person(roles=["trainer", "agent", "team_lead"], team=cast.agent.team))
    mine = await begun(both)
    with pytest.raises(Forbidden):
        await deciding.waive(both, mine, "Mine")
    with pytest.raises(Forbidden):
        await deciding.sign_off_enrolment(both, mine)


async def test_the_filters_swap_the_results_and_leave_themselves_standing(
    cast: Cast, module: UUID, client: httpx.AsyncClient, sign_in: SignIn
):
    await begun(cast.viewer("agent"))
    await sign_in(client, cast.lead)
    page = (await client.get("/progress")).text
    before, _tag, results = page.partition('id="progress-results"')
    form = before.rpartition("<form")[2]
    for words in ('hx-get="/progress"', 'hx-target="#progress-results"', 'hx-push-url="true"', "<select"):
        assert words in form
    assert 'autocomplete="off"' in form  # else Back shows a choice above a list that it did not narrow
    assert cast.agent.name in results
    narrowed = (await client.get("/progress?state=done", headers={"HX-Request": "true"})).text
    assert "/progress.csv?state=done" in narrowed.partition('id="progress-export"')[2]
    assert "Nobody in this state" in narrowed.partition('id="progress-results"')[2]
