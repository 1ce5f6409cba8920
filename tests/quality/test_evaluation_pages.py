"""Pages of evaluations: the board saves and guards, the release asks, the agent reads, answers and hears."""

import re
from collections.abc import Callable
from typing import Any
from uuid import UUID

import httpx
import pytest

from tests.factories import a_person
from tests.quality.makers import ALL_MET, Cast, a_book, a_call, a_draft, a_release
from trainer import db
from trainer.calls.service import erase_recording
from trainer.calls.tables import Play
from trainer.people.sight import SMALLEST_GROUP
from trainer.quality import judging, replies, service
from trainer.quality.checking import Given
from trainer.quality.tables import Evaluation

SCRIPT = {"HX-Request": "true"}


def form(revision: int = 0, **fields: str) -> dict[str, str]:
    return {"revision": str(revision), **{name.replace("__", "-"): value for name, value in fields.items()}}


async def test_the_first_change_makes_the_draft_and_both_results_come_back(
    cast: Cast, client: httpx.AsyncClient, sign_in: Any
) -> None:
    call = await a_call(cast.agent.id, csat=4)
    await sign_in(client, cast.analyst)
    page = await client.get(f"/calls/{call}/evaluate")
    assert page.status_code == 200
    assert "I am lost." in page.text
    assert page.text.count('<fieldset class="judge-rule"') == 4
    assert await Evaluation.count() == 0  # looking makes nothing
    sent = form(mark__N1="missed", at__N1="0:33.5", comment__N1="Too fast", mark__F1="met", csat="4")
    saved = await client.post(f"/calls/{call}/evaluate", data=sent, headers=SCRIPT)
    assert saved.status_code == 200, saved.text
    action = re.search(r'data-action="(/evaluations/([0-9a-f-]+)/edit)"', saved.text)
    assert action
    assert 'data-revision="1"' in saved.text
    assert "None entered" in saved.text
    assert "2 rules have no mark yet." in saved.text
    marks = {mark.code: mark for mark in await service.marks_of(UUID(action[2]))}
    assert (marks["N1"].mark, marks["N1"].at_ms, marks["N1"].comment) == ("missed", 33_500, "Too fast")
    again = await client.post(action[1], data=form(1, mark__N1="met", mark__F1="missed"), headers=SCRIPT)
    assert "One entered" in again.text
    assert "fails" in again.text
    stale = await client.post(action[1], data=form(1, mark__N1="missed"), headers=SCRIPT)
    assert stale.status_code == 412
    assert {m.code: m.mark for m in await service.marks_of(UUID(action[2]))} == {"N1": "met", "F1": "missed"}
    second_window = await client.post(f"/calls/{call}/evaluate", data=sent, headers=SCRIPT)
    assert second_window.status_code == 409


async def test_without_a_script_the_form_goes_on_to_the_release(
    cast: Cast, client: httpx.AsyncClient, sign_in: Any
) -> None:
    call = await a_call(cast.agent.id)
    await sign_in(client, cast.analyst)
    sent = await client.post(f"/calls/{call}/evaluate", data=form(mark__N1="met", then="review"))
    assert sent.status_code == 303
    address = sent.headers["location"]
    assert address.endswith("/release")
    page = await client.get(address)
    assert "3 rules have no mark: they do not count" in page.text
    assert "Rule F1" in page.text
    refused = await client.post(address, data={"revision": "1"})
    assert refused.status_code == 422
    assert "Confirm that this is meant" in refused.text
    done = await client.post(address, data={"revision": "1", "confirm_unmarked": "1"})
    assert done.status_code == 303
    twice = await client.post(address, data={"revision": "1", "confirm_unmarked": "1"})
    assert (twice.status_code, twice.headers["location"]) == (303, done.headers["location"])
    assert (await client.get(f"/calls/{call}/evaluate")).status_code == 303  # what is released is read


async def test_wrong_fields_keep_what_was_typed(cast: Cast, client: httpx.AsyncClient, sign_in: Any) -> None:
    call = await a_call(cast.agent.id)
    await sign_in(client, cast.analyst)
    sent = form(mark__N1="missed", at__N1="soon", comment__N1="Too fast", csat="9")
    page = await client.post(f"/calls/{call}/evaluate", data=sent)
    assert page.status_code == 422
    assert "Write a time such as 0:33." in page.text
    assert "Too fast" in page.text
    assert 'value="soon"' in page.text
    late = form(mark__N1="missed", at__N1="9:59")
    script = await client.post(f"/calls/{call}/evaluate", data=late, headers=SCRIPT)
    assert script.status_code == 422
    assert [error["field"] for error in script.json()["errors"]] == ["at-N1"]
    assert await Evaluation.count() == 0


async def test_a_call_of_no_book_or_nobody_says_what_is_missing(
    cast: Cast, client: httpx.AsyncClient, sign_in: Any
) -> None:
    await sign_in(client, cast.analyst)
    nobodys = await client.get(f"/calls/{await a_call(None)}/evaluate")
    assert nobodys.status_code == 409
    assert "whose call it is" in nobodys.text
    alone = await a_call(cast.agent.id, book=None)
    assert 'name="rulebook" value="test"' in (await client.get(f"/calls/{alone}/evaluate")).text
    await a_book("other", {"Z1": ("non_fatal", 5)})
    asked = await client.get(f"/calls/{alone}/evaluate")
    assert "By which rule book do you judge it?" in asked.text
    assert "Rule Z1" in (await client.get(f"/calls/{alone}/evaluate?rulebook=other")).text


async def test_a_draft_is_thrown_away(cast: Cast, client: httpx.AsyncClient, sign_in: Any) -> None:
    draft = await a_draft(cast.viewer("analyst"), await a_call(cast.agent.id))
    await sign_in(client, cast.analyst)
    assert (await client.post(f"/evaluations/{draft}/discard")).headers["location"] == "/evaluations"
    assert await Evaluation.count() == 0


async def test_the_agent_reads_hears_and_answers(cast: Cast, client: httpx.AsyncClient, sign_in: Any) -> None:
    call = await a_call(cast.agent.id)
    said = {**ALL_MET, "F1": Given("missed", 1500, "You opened the account first."), "N1": Given("met", 3000)}
    released = await a_release(
        cast.viewer("analyst"), call, said, resolved=True, comment="Your voice is warm."
    )
    await sign_in(client, cast.agent)
    listed = await client.get("/evaluations")
    assert "Lost at the exit" in listed.text
    assert "New" in listed.text
    page = await client.get(f"/evaluations/{released.id}")
    assert page.status_code == 200
    for words in (
        "The call entered a no-go zone",
        "100%",
        "A no-go zone does not change this figure",
        "You opened the account first.",
        "Your voice is warm.",
        'href="/rules/F1"',
        'data-judge-hear="1500"',
        "I am lost.",
        "Answer in words",
    ):
        assert words in page.text, words
    assert (await service.load_evaluation(cast.viewer("analyst"), released.id)).seen_at
    key = str(db.new_id())
    for _twice in range(2):
        sent = await client.post(
            f"/evaluations/{released.id}/replies", data={"words": "The line broke there.", "key": key}
        )
        assert sent.headers["location"] == f"/evaluations/{released.id}#words"
    assert (await client.get(f"/evaluations/{released.id}")).text.count("The line broke there.") == 1
    empty = await client.post(f"/evaluations/{released.id}/replies", data={"words": " "})
    assert empty.status_code == 422
    assert "Write what you want to say." in empty.text


async def test_every_play_of_the_raw_call_is_logged_whoever_hears(
    cast: Cast, client: httpx.AsyncClient, sign_in: Any
) -> None:
    call = await a_call(cast.agent.id)
    await a_release(cast.viewer("analyst"), call)
    for who in (cast.analyst, cast.agent, cast.lead):
        await sign_in(client, who)
        await client.get(f"/calls/{call}/audio")  # its object is not there; the hearing is noted before
    heard = {row["person"] for row in await Play.select(Play.person).where(Play.recording == call)}
    assert heard == {cast.analyst.id, cast.agent.id, cast.lead.id}


async def test_an_erased_call_is_read_without_sound(
    cast: Cast, client: httpx.AsyncClient, sign_in: Any
) -> None:
    call = await a_call(cast.agent.id)
    released = await a_release(
        cast.viewer("analyst"), call, {**ALL_MET, "N1": Given("missed", 100, "Too fast")}
    )
    await erase_recording(cast.viewer("trainer"), call, "Asked for it")
    for who in (cast.agent, cast.analyst, cast.lead):
        await sign_in(client, who)
        page = await client.get(f"/evaluations/{released.id}")
        assert page.status_code == 200
        assert "Too fast" in page.text
        assert "data-clip-player" not in page.text
        assert "The sound of this call is gone" in page.text


async def test_a_correction_is_begun_with_a_reason_and_names_the_old_one(
    cast: Cast, client: httpx.AsyncClient, sign_in: Any
) -> None:
    old = await a_release(cast.viewer("analyst"), await a_call(cast.agent.id))
    await sign_in(client, cast.other_analyst)
    assert (await client.post(f"/evaluations/{old.id}/correct", data={"reason": ""})).status_code == 422
    begun = await client.post(f"/evaluations/{old.id}/correct", data={"reason": "Heard it again."})
    board = await client.get(begun.headers["location"])
    assert "You are correcting an evaluation: “Heard it again.”" in board.text
    draft = UUID(begun.headers["location"].split("/")[2])
    await judging.release(cast.viewer("other_analyst"), draft)
    await sign_in(client, cast.agent)
    before, after = await client.get(f"/evaluations/{old.id}"), await client.get(f"/evaluations/{draft}")
    assert f'href="/evaluations/{draft}"' in before.text
    assert f'href="/evaluations/{old.id}"' in after.text
    assert "Heard it again." in after.text


READERS = {
    "analyst": True,
    "other_analyst": True,
    "agent": True,
    "lead": True,
    "other_lead": False,
    "other_agent": False,
    "trainer": False,
    "manager": False,
    "admin": False,
}


@pytest.mark.parametrize(("who", "reads"), READERS.items())
async def test_who_reads_a_released_evaluation_by_page_and_program(
    cast: Cast, new_client: Callable[..., Any], sign_in: Any, use_token: Any, who: str, reads: bool
) -> None:
    released = await a_release(cast.viewer("analyst"), await a_call(cast.agent.id))
    listed = await service.visible_evaluations(cast.viewer(who))
    assert [each.id for each in listed] == ([released.id] if reads else [])
    person = getattr(cast, who)
    async with new_client() as browser:
        await sign_in(browser, person)
        assert (await browser.get(f"/evaluations/{released.id}")).status_code == (200 if reads else 404)
        page = await browser.get("/evaluations")
        assert page.status_code == 200
        assert (f"/evaluations/{released.id}" in page.text) == reads
    async with new_client() as program:
        await use_token(program, person, "all")
        assert (await program.get(f"/api/v1/evaluations/{released.id}")).status_code == (
            200 if reads else 404
        )
        items = (await program.get("/api/v1/evaluations")).json()["items"]
        assert [item["id"] for item in items] == ([str(released.id)] if reads else [])
        replied = await program.post(
            f"/api/v1/evaluations/{released.id}/replies", json={"words": "I would like to say something."}
        )
        assert replied.status_code == (201 if reads else 404)


@pytest.mark.parametrize("who", READERS)
async def test_a_draft_is_its_analysts_alone(
    cast: Cast, client: httpx.AsyncClient, use_token: Any, sign_in: Any, who: str
) -> None:
    draft = await a_draft(cast.viewer("analyst"), await a_call(cast.agent.id))
    mine = who == "analyst"
    assert bool(await service.visible_evaluations(cast.viewer(who))) == mine
    await sign_in(client, getattr(cast, who))
    for path in (f"/evaluations/{draft}/edit", f"/evaluations/{draft}/release"):
        assert (await client.get(path)).status_code == (
            200 if mine else 404 if who == "other_analyst" else 403
        )
    assert (await client.get(f"/evaluations/{draft}")).status_code == (303 if mine else 404)


@pytest.mark.parametrize("who", [who for who in READERS if not who.endswith("analyst")])
async def test_only_analysts_write_evaluations(
    cast: Cast, new_client: Callable[..., Any], sign_in: Any, use_token: Any, who: str
) -> None:
    call = await a_call(cast.agent.id)
    released = await a_release(cast.viewer("analyst"), await a_call(cast.agent.id))
    person = getattr(cast, who)
    async with new_client() as browser:
        await sign_in(browser, person)
        assert (await browser.get(f"/calls/{call}/evaluate")).status_code == 403
        assert (await browser.post(f"/calls/{call}/evaluate", data=form())).status_code == 403
        assert (
            await browser.post(f"/evaluations/{released.id}/correct", data={"reason": "x"})
        ).status_code == 403
    async with new_client() as program:
        await use_token(program, person, "all")
        sent = await program.post("/api/v1/evaluations", json={"recording": str(call)})
        assert sent.status_code == 403
    assert await Evaluation.count() == 1


SEE_SUMS = ("analyst", "trainer", "manager", "admin")


@pytest.mark.parametrize("who", READERS)
async def test_sums_are_for_groups_of_five(
    cast: Cast, new_client: Callable[..., Any], sign_in: Any, use_token: Any, who: str
) -> None:
    analyst = cast.viewer("analyst")
    people = [
        cast.agent,
        *[await a_person("agent", team=cast.agent.team) for _n in range(SMALLEST_GROUP - 2)],
    ]
    for person in people:
        await a_release(analyst, await a_call(person.id), {**ALL_MET, "N1": Given("missed")}, resolved=True)
    may = who in SEE_SUMS or who == "other_analyst"
    person = getattr(cast, who)
    async with new_client() as browser, new_client() as program:
        await sign_in(browser, person)
        await use_token(program, person, "evaluations:read")
        page = await browser.get("/evaluations")
        assert ("Too few people were evaluated" in page.text) == may
        answer = await program.get("/api/v1/evaluations/totals")
        assert answer.status_code == (200 if may else 403)
        if may:
            assert answer.json()["whole"] is None
        # the fifth is of another team: the whole can be told, but neither team, as one would give the other away
        await a_release(analyst, await a_call(cast.other_agent.id), {**ALL_MET, "F1": Given("missed")})
        if not may:
            return
        found = (await program.get("/api/v1/evaluations/totals")).json()
        assert found["whole"]["people"] == 5
        assert found["whole"]["fatal_failed_share"] == 2000
        assert found["whole"]["resolved_share"] is None  # it was asked of four
        assert [team["sums"] for team in found["teams"]] == [None, None]
        assert {rule["rule"]: rule["met_share"] for rule in found["rules"]}["N1"] == 2000
        shown = (await browser.get("/evaluations")).text
        assert "Too few" in shown
        assert "of what the rules ask was there, no-go zones aside" in shown
        assert "asked in 5 calls" in shown


async def test_shares_say_in_how_many_calls_it_was_asked(
    cast: Cast, client: httpx.AsyncClient, sign_in: Any
) -> None:
    analyst = cast.viewer("analyst")
    people = [cast.agent, *[await a_person("agent", team=cast.agent.team) for _n in range(4)]]
    for number, person in enumerate(people):
        await a_release(analyst, await a_call(person.id), resolved=number < 3)
    await a_release(analyst, await a_call(cast.agent.id))  # nobody said whether the caller was helped
    await sign_in(client, cast.manager)
    for path in ("/evaluations", "/home"):
        told = " ".join(re.sub("<[^>]+>", " ", (await client.get(path)).text).split())
        assert "6 calls evaluated of 5 people" in told
        assert "60% of callers helped asked in 5 calls" in told


async def test_the_last_team_is_hidden_with_a_small_one(cast: Cast) -> None:
    from trainer.quality.totals import totals

    analyst = cast.viewer("analyst")
    people = [
        cast.agent,
        *[await a_person("agent", team=cast.agent.team) for _n in range(5)],
        cast.other_agent,
    ]
    for person in people:
        await a_release(analyst, await a_call(person.id))
    found = await totals(cast.viewer("manager"))
    assert [team.sums for team in found.teams] == [None, None]


async def test_filters_narrow_the_list(cast: Cast, client: httpx.AsyncClient, sign_in: Any) -> None:
    analyst, other = cast.viewer("analyst"), cast.viewer("other_analyst")
    left_alone = await a_release(analyst, await a_call(cast.agent.id, title="Left alone"), resolved=False)
    await a_release(other, await a_call(cast.other_agent.id, title="Helped"), resolved=True)
    missed = {**ALL_MET, "N1": Given("missed")}
    await a_release(other, await a_call(cast.agent.id, title="Missed and not helped"), missed, resolved=False)
    await a_draft(analyst, await a_call(cast.agent.id, title="Begun"))
    await sign_in(client, cast.analyst)

    async def titles(query: str) -> set[str]:
        page = await client.get(f"/evaluations?{query}", headers=SCRIPT)
        return {
            t for t in ("Left alone", "Helped", "Missed and not helped", "Begun") if f">{t}<" in page.text
        }

    assert await titles("") == {"Left alone", "Helped", "Missed and not helped", "Begun"}
    assert await titles("not_helped=1") == {"Left alone"}  # 000-2
    assert await titles("mine=1") == {"Left alone", "Begun"}
    assert await titles("status=draft") == {"Begun"}
    assert await titles(f"agent={cast.other_agent.id}") == {"Helped"}
    assert await titles(f"team={cast.agent.team}&status=released") == {"Left alone", "Missed and not helped"}
    assert (await service.load_evaluation(analyst, left_alone.id)).passed_but_not_helped


async def test_a_call_shows_its_evaluation_and_the_way_to_one(
    cast: Cast, client: httpx.AsyncClient, sign_in: Any
) -> None:
    call = await a_call(cast.agent.id)
    await sign_in(client, cast.analyst)
    assert "Evaluate this call" in (await client.get(f"/calls/{call}")).text
    draft = await a_draft(cast.viewer("analyst"), call)
    assert "Go on evaluating" in (await client.get(f"/calls/{call}")).text
    await judging.release(cast.viewer("analyst"), draft)
    assert f'href="/evaluations/{draft}"' in (await client.get(f"/calls/{call}")).text
    await sign_in(client, cast.trainer)
    page = await client.get(f"/calls/{call}")
    assert page.status_code == 200
    assert "/evaluations/" not in page.text.partition("<main")[2].partition("</main>")[0]


async def test_pages_cost_few_queries_however_many_there_are(
    cast: Cast, client: httpx.AsyncClient, sign_in: Any, count_queries: Callable[[], Any]
) -> None:
    analyst = cast.viewer("analyst")
    calls = [await a_call(cast.agent.id) for _n in range(12)]
    released = [await a_release(analyst, call) for call in calls[:10]]
    for words in ("one", "two", "three"):
        await replies.reply(cast.viewer("agent"), released[0].id, words)
    await sign_in(client, cast.analyst)
    for path, most in (
        ("/evaluations", 14),
        (f"/evaluations/{released[0].id}", 14),
        (f"/calls/{calls[11]}/evaluate", 14),
    ):
        await client.get(path)
        with count_queries() as counted:
            assert (await client.get(path)).status_code == 200
        assert counted.count <= most, (path, counted.count, counted.statements)
