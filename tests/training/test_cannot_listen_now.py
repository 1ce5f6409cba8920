"""Between calls, without a headset: read where hearing is not the point, else put it off; nothing is lost."""

from uuid import UUID

import httpx
import pytest

from tests.training.conftest import Clips
from tests.training.makers import Cast, a_module, answer_up_to, begun, right_answer
from tests.web_fixtures import SignIn
from trainer.problems import Conflict, NotFound
from trainer.training import enrolling, taking
from trainer.web.session import Viewer


@pytest.fixture
async def agent(cast: Cast, clips: Clips) -> Viewer:
    """An agent of a centre with one published module: read, listen, contrast, judge, recall."""
    await a_module(cast.viewer("trainer"))
    return cast.viewer("agent")


async def test_what_is_to_be_heard_waits_while_the_module_goes_on(agent: Viewer) -> None:
    enrolment = await begun(agent)
    step = await answer_up_to(agent, enrolment, "contrast")
    assert step is not None
    course = await taking.put_off(agent, enrolment, step.position)
    assert course.first_open == step.position + 1
    judge = course.steps[step.position + 1]
    assert judge.kind == "judge"
    await taking.put_off(agent, enrolment, judge.position)
    recall = course.steps[judge.position + 1]
    course, _answer = await taking.answer(
        agent, enrolment, recall.id, right_answer(course, recall), attempt=1
    )
    assert course.enrolment.completed_at is None, "what was put off is still to be done"
    assert course.put_off == [step.position, judge.position]
    assert course.first_open == course.place == step.position
    for waiting in (step, judge):
        course, _answer = await taking.answer(
            agent, enrolment, waiting.id, right_answer(course, waiting), attempt=1
        )
    assert course.enrolment.completed_at is not None


async def test_only_what_is_heard_and_whose_turn_has_come_is_put_off(agent: Viewer, cast: Cast) -> None:
    enrolment = await begun(agent)
    course = await taking.open_course(agent, enrolment)
    kinds = {step.kind: step.position for step in course.steps}
    with pytest.raises(Conflict, match="needs no sound"):
        await taking.put_off(agent, enrolment, kinds["read_rule"])
    with pytest.raises(Conflict, match="One step at a time"):
        await taking.put_off(agent, enrolment, kinds["judge"])
    with pytest.raises(NotFound):
        await taking.put_off(agent, enrolment, 99)
    with pytest.raises(NotFound):
        await taking.put_off(cast.viewer("trainer"), enrolment, kinds["listen"])
    listen = await answer_up_to(agent, enrolment, "contrast")
    assert listen is not None
    with pytest.raises(Conflict, match="done already"):
        await taking.put_off(agent, enrolment, kinds["listen"])


async def test_the_page_offers_it_on_every_step_with_sound(
    agent: Viewer, cast: Cast, client: httpx.AsyncClient, sign_in: SignIn
) -> None:
    await sign_in(client, cast.agent)
    enrolment = await begun(agent)
    for step in (await taking.open_course(agent, enrolment)).steps:
        page = (await client.get(f"/learn/{enrolment}/{step.position + 1}")).text
        assert ("listen now?" in page) is (step.kind in taking.HEARD), step.kind
        course = await taking.open_course(agent, enrolment)
        await taking.answer(agent, enrolment, step.id, right_answer(course, step), attempt=1)
        page = (await client.get(f"/learn/{enrolment}/{step.position + 1}")).text
        assert "listen now?" not in page, "it is answered"


async def test_reading_a_call_counts_and_is_noted_as_reading(
    agent: Viewer, cast: Cast, client: httpx.AsyncClient, sign_in: SignIn
) -> None:
    await sign_in(client, cast.agent)
    enrolment = await begun(agent)
    step = await answer_up_to(agent, enrolment, "listen")
    assert step is not None
    here = f"/learn/{enrolment}/{step.position + 1}"
    assert "One moment." in (await client.get(here)).text
    answer = await client.post(here, data={"attempt": "1", "step": str(step.id), "read": "1"})
    assert answer.headers["location"] == f"/learn/{enrolment}/{step.position + 2}"
    assert "You read this call" in (await client.get(here)).text


async def test_when_only_sound_is_left_the_module_says_so(
    agent: Viewer, cast: Cast, client: httpx.AsyncClient, sign_in: SignIn
) -> None:
    await sign_in(client, cast.agent)
    enrolment = await begun(agent)
    for kind in ("contrast", "judge"):
        step = next(s for s in (await taking.open_course(agent, enrolment)).steps if s.kind == kind)
        if kind == "contrast":
            await answer_up_to(agent, enrolment, kind)
        later = await client.post(f"/learn/{enrolment}/{step.position + 1}/later")
        assert later.headers["location"] == f"/learn/{enrolment}/{step.position + 2}"
    course = await taking.open_course(agent, enrolment)
    recall = course.steps[-1]
    form = {"attempt": "1", "step": str(recall.id), **right_answer(course, recall)}
    await client.post(f"/learn/{enrolment}/{recall.position + 1}", data=form)
    verdict = (await client.get(f"/learn/{enrolment}/{recall.position + 1}")).text
    assert f'href="/learn/{enrolment}"' in verdict
    overview = (await client.get(f"/learn/{enrolment}")).text
    assert "Only 2 steps are left" in overview
    assert overview.count("Waits until you can listen") == 2


async def _send(client: httpx.AsyncClient, agent: Viewer, enrolment: UUID, position: int) -> str:
    """Answers a step rightly by its form; its verdict as a page."""
    course = await taking.open_course(agent, enrolment)
    step, here = course.step_at(position), f"/learn/{enrolment}/{position + 1}"
    await client.post(here, data={"attempt": "1", "step": str(step.id), **right_answer(course, step)})
    return (await client.get(here)).text.partition("<main")[2]


async def test_from_a_step_taken_up_again_the_way_leads_to_what_is_open_and_then_to_the_end(
    agent: Viewer, cast: Cast, client: httpx.AsyncClient, sign_in: SignIn
) -> None:
    await sign_in(client, cast.agent)
    enrolment = await begun(agent)
    contrast = await answer_up_to(agent, enrolment, "contrast")
    assert contrast is not None
    at = contrast.position
    await taking.put_off(agent, enrolment, at)
    judged = await _send(client, agent, enrolment, at + 1)
    assert f'href="/learn/{enrolment}/{at + 3}"' in judged, "on to the one that is open"
    taken_up = await _send(client, agent, enrolment, at)
    assert f'href="/learn/{enrolment}/{at + 3}"' in taken_up, "the step after it is done already"
    assert f'href="/learn/{enrolment}/{at + 2}"' not in taken_up
    assert f'href="/learn/{enrolment}/done"' in await _send(client, agent, enrolment, at + 2)


async def test_the_step_that_ends_the_module_leads_to_its_end_wherever_it_stands(
    agent: Viewer, cast: Cast, client: httpx.AsyncClient, sign_in: SignIn
) -> None:
    await sign_in(client, cast.agent)
    enrolment = await begun(agent)
    contrast = await answer_up_to(agent, enrolment, "contrast")
    assert contrast is not None
    at = contrast.position
    await taking.put_off(agent, enrolment, at)
    for position in (at + 1, at + 2):
        await _send(client, agent, enrolment, position)
    last = await _send(client, agent, enrolment, at)
    assert f'href="/learn/{enrolment}/done"' in last
    assert "See what you did" in last
    again = (await client.get(f"/learn/{enrolment}/1")).text
    assert f'href="/learn/{enrolment}/2"' in again, "whoever goes through it again goes step by step"


async def test_bar_and_minutes_tell_what_is_done_not_where_one_stands(
    agent: Viewer, cast: Cast, client: httpx.AsyncClient, sign_in: SignIn
) -> None:
    await sign_in(client, cast.agent)
    enrolment = await begun(agent)
    contrast = await answer_up_to(agent, enrolment, "contrast")
    assert contrast is not None
    at = contrast.position
    await taking.put_off(agent, enrolment, at)
    await _send(client, agent, enrolment, at + 1)
    recall = (await client.get(f"/learn/{enrolment}/{at + 3}")).text
    assert f'max="5" value="{at + 1}"' in recall, "one step still waits, and this one is open"
    for path in ("/home", "/learn", f"/learn/{enrolment}"):
        page = (await client.get(path)).text
        assert f'max="5" value="{at + 1}"' in page, path
        assert "2 minutes" in page, "two of five steps, of four minutes"
        assert "4 minutes" not in page, path
    home = (await client.get("/home")).text
    assert home.count('class="lesson done"') == at + 1
    await _send(client, agent, enrolment, at)
    [view] = await enrolling.enrolments_of(agent.id)
    assert (view.skipped, view.done_at, view.minutes_left) == (frozenset(), frozenset(range(at + 2)), 1)
    assert f'max="5" value="{at + 2}"' in (await client.get(f"/learn/{enrolment}/1")).text
