"""Progress by kind of call (002-7): steps on standard, complex and emotional calls, who may see the sums."""

import httpx
import pytest

from tests.factories import a_person, viewer_for
from tests.training.conftest import Clips
from tests.training.makers import Cast, a_module, answer_up_to, begun
from tests.web_fixtures import SignIn
from trainer.calls.tables import Recording
from trainer.clips.tables import Clip
from trainer.problems import Forbidden
from trainer.training import taking
from trainer.training.progress.kinds import KindShare, by_kind, kinds_of
from trainer.training.progress.views import Filters


@pytest.fixture
async def kinds(cast: Cast, clips: Clips) -> None:
    """One module: its good calls are emotional, the clip to be judged is said to be complex."""
    good = [clips.first, clips.second]
    calls = await Clip.select(Clip.recording).where(Clip.id.is_in(good))
    await Recording.update({Recording.tag: "emotional"}).where(
        Recording.id.is_in([row["recording"] for row in calls])
    )
    await Clip.update({Clip.tag: "complex"}).where(Clip.id.is_in([clips.poor, clips.judged]))
    await a_module(cast.viewer("trainer"))


async def test_steps_count_for_the_kind_of_call_that_they_let_one_hear(cast: Cast, kinds: None) -> None:
    enrolment = await begun(cast.viewer("agent"))
    course = await taking.open_course(cast.viewer("agent"), enrolment)
    steps = [step for step in course.steps if step.clip is not None]
    before = {share.tag: share for share in await kinds_of(cast.agent.id)}
    assert sum(share.steps for share in before.values()) == len(steps)
    assert set(before) <= {"emotional", "complex"}
    assert not any(share.done for share in before.values())
    await answer_up_to(cast.viewer("agent"), enrolment)
    after = await kinds_of(cast.agent.id)
    assert all(share.done == share.steps for share in after)
    assert sum(share.graded for share in after) > 0
    assert all(share.right == share.graded for share in after)
    assert await kinds_of(cast.other_agent.id) == []
    assert await by_kind(cast.viewer("trainer"), Filters()) == after
    assert await by_kind(cast.viewer("lead"), Filters()) == after
    assert await by_kind(cast.viewer("other_lead"), Filters()) == []


async def test_sums_of_few_people_stay_hidden(cast: Cast, kinds: None) -> None:
    await begun(cast.viewer("agent"))
    assert {share.few for share in await by_kind(cast.viewer("manager"), Filters())} == {True}
    for _n in range(4):
        await begun(viewer_for(await a_person("agent")))
    shares: list[KindShare] = await by_kind(cast.viewer("manager"), Filters())
    assert {(share.few, share.people) for share in shares} == {(False, 5)}
    with pytest.raises(Forbidden):
        await by_kind(cast.viewer("agent"), Filters())


async def test_the_pages_tell_progress_by_kind(
    cast: Cast, kinds: None, client: httpx.AsyncClient, sign_in: SignIn
) -> None:
    await begun(cast.viewer("agent"))
    await sign_in(client, cast.agent)
    assert "Emotional" in (await client.get(f"/people/{cast.agent.id}/progress")).text
    assert (await client.get("/progress/kinds", headers={"HX-Request": "true"})).status_code == 403
    await sign_in(client, cast.trainer)
    assert "/progress/kinds" in (await client.get("/progress")).text
    assert "Emotional" in (await client.get("/progress/kinds", headers={"HX-Request": "true"})).text
    assert (await client.get("/progress/kinds?q=x")).headers["location"] == "/progress?q=x"


async def test_a_state_that_fits_nobody_does_not_blame_the_clips(
    cast: Cast, kinds: None, client: httpx.AsyncClient, sign_in: SignIn
) -> None:
    await begun(cast.viewer("agent"))
    await sign_in(client, cast.trainer)
    told = (await client.get("/progress/kinds?state=waived", headers={"HX-Request": "true"})).text
    assert "Nobody in this state" in told
    assert "No clip in these modules" not in told
