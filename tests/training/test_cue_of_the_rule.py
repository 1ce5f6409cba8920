"""A clip of two rules happens twice: the step asks for the second of its own rule, and gives that rule's reason."""

import httpx

from tests.training.conftest import Clips
from tests.training.makers import CLIP_MS, CUE_MS, Cast, a_module, answer_up_to, begun
from tests.web_fixtures import SignIn
from trainer.clips.tables import ClipRule
from trainer.training import taking
from trainer.training.grading import CUE_TOLERANCE_MS


async def test_the_second_of_the_steps_own_rule_is_asked_for(
    cast: Cast, clips: Clips, client: httpx.AsyncClient, sign_in: SignIn
):
    await a_module(cast.viewer("trainer"))
    agent = cast.viewer("agent")
    await sign_in(client, cast.agent)
    own = CLIP_MS - 100
    assert own - CUE_MS > CUE_TOLERANCE_MS
    await ClipRule.update({ClipRule.cue_ms: own, ClipRule.why: '{"en": "It is hers alone."}'}).where(
        ClipRule.clip == clips.judged
    )
    enrolment = await begun(agent)
    step = await answer_up_to(agent, enrolment, "judge")
    assert step is not None
    given = {"mark": "missed", "at_ms": own}
    _course, answer = await taking.answer(agent, enrolment, step.id, given, attempt=1)
    assert (answer.feedback["cue_ms"], answer.feedback["heard"], answer.correct) == (own, True, True)
    shown = (await client.get(f"/learn/{enrolment}/{step.position + 1}")).text
    assert "It is hers alone." in shown
    assert "Telltale reason" not in shown
