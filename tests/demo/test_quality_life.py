"""The sample centre's evaluations agree with what its other pages say."""

from datetime import timedelta

from litestar import Litestar

from tests.factories import a_person, a_rulebook, viewer_for
from tests.quality.makers import a_call
from trainer import db
from trainer.calls.hearings import plays_of_my_calls
from trainer.demo import quality_life


async def test_whoever_evaluates_a_call_was_noted_as_hearing_it_before(app: Litestar) -> None:
    await a_rulebook()
    agent, analyst = await a_person("agent"), await a_person("qa_analyst", name="Zhou Min")
    event = next(each for each in quality_life.EVENTS if "twice" in each.get("said", {}).get("comment", ""))
    await a_call(agent.id, book="starter", title=event["call"], duration_ms=120_000)
    released = db.utc_now() - timedelta(days=event["days_ago"])
    with db.as_of(released):
        await quality_life.live({quality_life.ANALYST: viewer_for(analyst)}, event)
    plays = await plays_of_my_calls(viewer_for(agent))
    assert [play.name for play in plays] == ["Zhou Min", "Zhou Min"], "she says that she heard it twice"
    assert all(play.at < released for play in plays)
