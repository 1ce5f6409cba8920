"""A sheet of evaluations by page and by program: each row is shown first, then taken for good, and once."""

import asyncio
from typing import Any
from uuid import UUID

import httpx
import pytest

from tests.counting import count_of
from tests.factories import a_person
from tests.quality.makers import Cast, a_book, a_call, a_release
from tests.web_fixtures import SignIn
from trainer import jobs
from trainer.people.erasing import erase_person
from trainer.people.tables import AuditEntry
from trainer.problems import NotFound
from trainer.quality import import_jobs, importing, service
from trainer.quality.import_jobs import KIND, apply_evaluations, read_evaluations
from trainer.quality.tables import Evaluation
from trainer.rulebook.programmes import name_members
from trainer.sheets import pending as imports
from trainer.sheets.tables import SheetImport
from trainer.storage import storage

API = "/api/v1/evaluations/imports"


async def send(cast: Cast, text: str, tmp_path: Any, who: str = "analyst") -> UUID:
    """Somebody's sheet, read."""
    path = tmp_path / "sheet.csv"
    path.write_text(text)
    pending = await imports.receive(cast.viewer(who), KIND, path, "sheet.csv", read_evaluations)
    await jobs.drain()
    return pending


async def load(cast: Cast, pending: UUID, who: str = "analyst") -> imports.Pending:
    return await imports.load_pending(cast.viewer(who), KIND, pending)


async def say_yes(cast: Cast, pending: UUID) -> dict[str, Any]:
    await imports.start_applying(cast.viewer("analyst"), KIND, pending, apply_evaluations)
    await jobs.drain()
    found = await load(cast, pending)
    assert found.state == "applied", found
    return dict(found.summary["result"])


async def test_the_pages_lead_from_the_sheet_to_the_evaluations(
    client: httpx.AsyncClient, sign_in: SignIn, cast: Cast
) -> None:
    call = await a_call(cast.agent.id)
    text = "\n".join(
        [
            "source,agent,recording,called_at,F1,N1,N2,mood",
            f"a,{cast.agent.email},{call},2026-03-01,missed,met,missed,good",
            "b,nobody@b.c,,2026-03-01,met,met,,",
            f"c,{cast.other_agent.email},,2026-03-02,met,met,met,",
        ]
    )
    await sign_in(client, cast.analyst)
    assert "/evaluations/import" in (await client.get("/evaluations")).text
    answer = await client.post("/evaluations/import", files={"sheet": ("q.csv", text)})
    assert answer.status_code == 303, answer.text
    address = answer.headers["location"]
    await jobs.drain()
    unclear = (await client.get(address)).text
    assert "There is no column “mood”." in unclear  # a rule left out by mistake would change results
    assert "for good</button>" not in unclear
    columns = {"column-source": "0", "column-agent": "1", "column-recording": "2", "column-called_at": "3"}
    columns |= {"column-F1": "4", "column-N1": "5", "column-N2": "6"}
    await client.post(f"{address}/columns", data=columns)
    await jobs.drain()
    page = (await client.get(address)).text
    for words in (
        "3 rows were read",
        "there is no way to undo it",
        "Take in 2 evaluations for good",
        "Lost at the exit · 2026-03-01",
        "No-go zone crossed",
        "F1 missed",
        "There is nobody with the address nobody@b.c.",
    ):
        assert words in page, words
    assert await Evaluation.count() == 0
    every = (await client.get(f"{address}/report.csv")).text
    assert "F1=missed N1=met N2=missed,50,failed" in every
    await client.post(f"{address}/apply")
    await jobs.drain()
    done = (await client.get(address)).text
    assert "The evaluations were taken in" in done
    assert "waits for your yes" not in (await client.get("/evaluations/import")).text
    [mine] = await service.visible_evaluations(cast.viewer("agent"))
    assert (mine.recording, mine.score, mine.fatal) == (call, 5000, "failed")
    assert await count_of("evaluation_released") == 2
    [entry] = await AuditEntry.select().where(AuditEntry.action == "evaluations_imported")
    assert entry["actor"] == cast.analyst.id
    template = await client.get("/evaluations/import/template?as=csv")
    assert "agent,evaluated_by" in template.text

    for who in (cast.trainer, cast.lead, cast.manager, cast.admin, cast.agent):
        await sign_in(client, who)
        assert (await client.get("/evaluations/import")).status_code == 403
        assert (await client.post("/evaluations/import", files={"sheet": ("q.csv", text)})).status_code == 403
    await sign_in(client, cast.other_analyst)
    for refused in (
        client.get(address),
        client.post(f"{address}/apply"),
        client.get(f"{address}/report.csv"),
    ):
        assert (await refused).status_code == 404
    assert (
        await client.post("/evaluations/import", files={"sheet": ("q.csv", b"\0\1" * 99)})
    ).status_code == 303


async def test_an_analyst_takes_in_neither_own_calls_nor_those_of_strange_programmes(
    cast: Cast, tmp_path: Any
) -> None:
    await a_book("other", rules={"O1": ("non_fatal", 1)})
    theirs = await a_call(cast.agent.id, book="other")
    await name_members(cast.viewer("admin"), "other", [cast.other_analyst.id])
    rows = [
        "agent,rulebook,recording,called_at,N1,O1",
        f"{cast.analyst.email},test,,2026-03-01,met,",
        f"{cast.agent.email},other,,2026-03-01,,met",
        f"{cast.agent.email},test,{theirs},2026-03-01,met,",
        f"{cast.agent.email},test,,2026-03-01,met,",
    ]
    found = await load(cast, await send(cast, "\n".join(rows), tmp_path))
    assert {bad["line"]: bad["why"] for bad in found.summary["refused"]} == {
        2: "Nobody evaluates their own call.",
        3: "You do not work on this programme.",
        4: "This call belongs to a programme that you do not work on.",
    }
    assert found.summary["counts"] == {"new": 1, "known": 0, "refused": 3}


async def test_corrections_stand_in_order_and_each_replaces_one_of_its_agent(
    cast: Cast, tmp_path: Any
) -> None:
    call = await a_call(cast.agent.id)
    first = await a_release(cast.viewer("analyst"), call)
    who, other = cast.agent.email, cast.other_agent.email
    rows = [
        "source,agent,recording,called_at,replaces,reason,N1",
        f"late,{who},{call},2026-03-03,early,Heard again,met",  # stands before the one that it replaces
        f"early,{who},{call},2026-03-02,evaluation:{first.id},A slip,missed",
        f"thief,{other},,2026-03-02,early,,met",
        f"second,{who},,2026-03-02,early,,met",
        f"x,{who},,2026-03-02,y,,met",
        f"y,{who},,2026-03-02,x,,met",
    ]
    pending = await send(cast, "\n".join(rows), tmp_path)
    why = {bad["line"]: bad["why"] for bad in (await load(cast, pending)).summary["refused"]}
    assert why == {
        4: "The evaluation that it replaces is another agent's.",
        5: "The evaluation that it replaces has been replaced already.",
        6: "Evaluations cannot replace each other in a circle.",
        7: "The evaluation that it replaces is neither here nor in this file.",
    }
    assert (await say_yes(cast, pending))["counts"] == {"taken": 2, "known": 0, "refused": 4}
    found = await Evaluation.select(Evaluation.source, Evaluation.state, Evaluation.replaces).order_by(
        Evaluation.released_at
    )
    states = {row["source"]: row["state"] for row in found}
    assert states == {f"evaluation:{first.id}": "replaced", "early": "replaced", "late": "released"}
    assert await count_of("evaluation_corrected") == 2


async def test_what_changed_since_the_preview_is_refused(cast: Cast, tmp_path: Any) -> None:
    calls = [await a_call(cast.agent.id), await a_call(cast.agent.id)]
    rows = ["source,agent,recording,called_at,N1"]
    rows += [f"{n},{cast.agent.email},{call},2026-03-01,met" for n, call in enumerate(calls)]
    rows += [f"2,{cast.other_agent.email},,2026-03-01,met", "3,new@b.c,,2026-03-01,met"]
    pending = await send(cast, "\n".join(rows), tmp_path)
    assert (await load(cast, pending)).summary["counts"] == {"new": 3, "known": 0, "refused": 1}
    await a_release(cast.viewer("other_analyst"), calls[0])
    await a_person(name="New", email="new@b.c")
    await a_book(rules={"N1": ("fatal", 0), "N2": ("non_fatal", 1)})  # what was met is now a line not crossed
    result = await say_yes(cast, pending)
    changed = "It is not what the preview showed any more. Take the file in again to see how."
    assert {bad["line"]: bad["why"] for bad in result["refused"]} == {
        2: "This call has another evaluation already.",
        3: changed,
        4: changed,
        5: changed,
    }
    assert await Evaluation.count() == 1


async def test_a_call_evaluated_in_the_same_moment_refuses_its_row_alone(
    cast: Cast, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    call = await a_call(cast.agent.id)
    rows = ["source,agent,recording,called_at,N1", f"1,{cast.agent.email},{call},2026-03-01,met"]
    rows += [f"2,{cast.agent.email},,2026-03-01,met", f"3,{cast.agent.email},,2026-03-02,met"]
    pending = await send(cast, "\n".join(rows), tmp_path)
    plan_rows = importing.plan_rows

    async def overtaken(*given: Any) -> Any:
        plan = await plan_rows(*given)
        await a_release(cast.viewer("other_analyst"), call)
        await send_by_command(cast, tmp_path)
        return plan

    monkeypatch.setattr(import_jobs, "plan_rows", overtaken)
    result = await say_yes(cast, pending)
    assert result["counts"] == {"taken": 1, "known": 1, "refused": 1}
    assert [bad["why"] for bad in result["refused"]] == ["This call has another evaluation already."]
    assert await Evaluation.count() == 3


async def send_by_command(cast: Cast, tmp_path: Any) -> None:
    from trainer.people.days import zone_of

    path = tmp_path / "same.csv"
    path.write_text(f"source,agent,called_at,N1\n2,{cast.agent.email},2026-03-01,met\n")
    assert (await importing.import_evaluations(path, zone_of(""))).taken == 1


async def test_two_workers_and_a_killed_one_take_each_row_once(
    cast: Cast, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(import_jobs, "BATCH", 2)
    rows = ["source,agent,called_at,N1"]
    rows += [f"s{n},{cast.agent.email},2026-03-01,met" for n in range(7)]
    pending = await send(cast, "\n".join(rows), tmp_path)
    viewer = cast.viewer("analyst")
    await imports.start_applying(viewer, KIND, pending, apply_evaluations)
    take, batches = importing.take, 0

    async def dies(lines: Any) -> int:
        nonlocal batches
        batches += 1
        if batches == 3:
            raise RuntimeError("killed")
        return await take(lines)

    class Context:
        async def progress(self, done: int, total: int, note: str = "") -> None:
            await asyncio.sleep(0)

    monkeypatch.setattr(import_jobs, "take", dies)
    with pytest.raises(RuntimeError):
        await apply_evaluations(Context(), str(pending))  # type: ignore[arg-type]
    assert await Evaluation.count() == 4
    monkeypatch.setattr(import_jobs, "take", take)
    plan_rows, all_planned = importing.plan_rows, asyncio.Barrier(3)

    async def together(*given: Any) -> Any:
        plan = await plan_rows(*given)
        await all_planned.wait()
        return plan

    monkeypatch.setattr(import_jobs, "plan_rows", together)
    one_is_ahead, others_left, left = False, asyncio.Event(), 0

    class Ahead(Context):
        """Whoever takes a batch first stops behind it, until the others have had their say."""

        async def progress(self, done: int, total: int, note: str = "") -> None:
            nonlocal one_is_ahead
            if not one_is_ahead:
                one_is_ahead = True
                await others_left.wait()

    async def work() -> None:
        nonlocal left
        await apply_evaluations(Ahead(), str(pending))  # type: ignore[arg-type]
        left += 1
        if left == 2:
            others_left.set()

    await asyncio.gather(*(work() for _ in range(3)))
    await jobs.drain()
    found = await load(cast, pending)
    assert (found.state, found.summary["result"]["counts"]) == (
        "applied",
        {"taken": 7, "known": 0, "refused": 0},
    )
    assert await count_of("evaluation_released") == 7
    assert await AuditEntry.count().where(AuditEntry.action == "evaluations_imported") == 1
    with pytest.raises(NotFound):
        await imports.load_pending(cast.viewer("other_analyst"), KIND, pending)


async def test_a_program_previews_says_yes_and_reads_the_report(
    client: httpx.AsyncClient, use_token: Any, new_client: Any, cast: Cast
) -> None:
    text = f"agent,called_at,N1\n{cast.agent.email},2026-03-01,met\nnobody@b.c,,met\n"
    files = {"sheet": ("q.csv", text)}
    await use_token(client, cast.analyst, "evaluations:write")
    sent = await client.post(API, files=files, data={"dry_run": "true"})
    assert sent.status_code == 202, sent.text
    address = sent.json()["status_url"]
    assert sent.headers["location"] == address
    await jobs.drain()
    status = (await client.get(address)).json()
    assert (status["status"], status["rows"]) == ("ready", {"new": 1, "known": 0, "refused": 1})
    page = (await client.get(f"{address}/report?limit=1")).json()
    assert (page["items"][0]["row"], page["items"][0]["status"]) == (2, "new")
    rest = (await client.get(f"{address}/report?limit=1&cursor={page['next_cursor']}")).json()
    assert rest["items"][0]["errors"][0]["message"].startswith("There is nobody")
    assert rest["next_cursor"] is None
    assert await Evaluation.count() == 0
    assert (await client.post(f"{address}/apply")).status_code == 202
    await jobs.drain()
    assert (await client.get(address)).json()["rows"] == {"taken": 1, "known": 0, "refused": 1}

    key = {"Idempotency-Key": "one"}
    once = await client.post(API, files=files, headers=key)
    twice = await client.post(API, files=files, headers=key)
    assert once.json() == twice.json()
    await jobs.drain()
    assert (await client.get(once.json()["status_url"])).json()["rows"]["known"] == 1
    assert len((await client.get(API)).json()["items"]) == 2
    assert (await client.post(API, files=files, data={"dry_run": "perhaps"})).status_code == 422
    assert await SheetImport.count() == 2

    for who, scopes in ((cast.trainer, ["all"]), (cast.analyst, ["evaluations:read"])):
        async with new_client() as program:
            await use_token(program, who, *scopes)
            assert (await program.post(API, files=files)).status_code == 403
            assert (await program.get(address)).status_code == 403
    async with new_client() as program:
        await use_token(program, cast.other_analyst, "evaluations:write")
        assert (await program.get(address)).status_code == 404
        assert (await program.delete(address)).status_code == 404


async def test_an_analyst_replaces_no_evaluation_of_a_strange_programme(cast: Cast, tmp_path: Any) -> None:
    await a_book("other", rules={"O1": ("non_fatal", 1)})
    theirs = f"source,agent,rulebook,called_at,O1\nx,{cast.agent.email},other,2026-03-01,met"
    assert (await say_yes(cast, await send(cast, theirs, tmp_path)))["counts"]["taken"] == 1
    await name_members(cast.viewer("admin"), "other", [cast.other_analyst.id])
    mine = f"source,agent,rulebook,called_at,N1,replaces\ny,{cast.agent.email},test,2026-03-01,missed,x"
    found = await load(cast, await send(cast, mine, tmp_path))
    [refused] = found.summary["refused"]
    assert "a programme that you do not work on" in refused["why"]
    assert (await say_yes(cast, found.id))["counts"]["taken"] == 0
    assert await Evaluation.count().where(Evaluation.state == "replaced") == 0


async def test_a_row_of_no_possible_day_or_of_ones_own_word_is_refused_alone(
    cast: Cast, tmp_path: Any
) -> None:
    agent = cast.agent.email
    rows = [
        "source,agent,evaluated_by,called_at,released_at,N1",
        f"a,{agent},,9999-12-31T23:59-12:00,,met",  # out of what a moment can be, in UTC
        f"b,{agent},,2026-03-01,2999-01-01,met",
        f"c,{agent},{agent},2026-03-01,,met",
        f"d,{agent},,2026-03-01,,met",
    ]
    found = await load(cast, await send(cast, "\n".join(rows), tmp_path))
    assert {bad["line"]: bad["why"] for bad in found.summary["refused"]} == {
        2: "9999-12-31T23:59-12:00 is no date and time such as 2026-11-23T09:00.",
        3: "2999-01-01 is still to come.",
        4: "Nobody evaluates their own call.",
    }
    assert found.summary["counts"]["new"] == 1


async def test_with_a_person_go_reports_that_may_name_them(cast: Cast, tmp_path: Any) -> None:
    gone = cast.other_agent
    done = await send(cast, f"agent,called_at,N1\n{gone.email},2026-03-01,perhaps", tmp_path)
    await say_yes(cast, done)
    assert gone.email.encode() in await imports.report_of(await load(cast, done))
    waiting = await send(cast, f"agent,called_at,N1\n{cast.agent.email},2026-03-01,met", tmp_path)
    await erase_person(cast.viewer("admin"), gone.id, gone.name)
    await jobs.drain()
    with pytest.raises(NotFound):
        await load(cast, done)
    assert [stored async for stored in storage().list(f"imports/{done}")] == []
    assert (await load(cast, waiting)).state == "ready"
