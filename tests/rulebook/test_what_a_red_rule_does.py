"""What follows when nobody can hear a rule any more (003-4): no new module, a way to a new clip, nobody stopped."""

from uuid import UUID

import httpx
import pytest

from tests.factories import a_person, a_rule, a_rulebook, a_viewer, viewer_for
from tests.rulebook.makers import a_pin
from tests.rulebook.test_rule_health import words
from tests.training.makers import CUE_MS, a_clip, a_module, begun
from tests.web_fixtures import SignIn
from trainer import db
from trainer.audio.peaks import Peaks
from trainer.calls.tables import Recording
from trainer.clips.tables import Clip
from trainer.problems import Conflict
from trainer.rulebook import drafting
from trainer.rulebook.tables import Rulebook
from trainer.storage import storage
from trainer.training import modules, taking
from trainer.training.building import build_module
from trainer.training.modules import StepView
from trainer.web.session import Viewer


async def answer(agent: Viewer, enrolment: UUID, step: StepView) -> None:
    """As somebody who listened well would."""
    said = step.rule.statement["en"] if step.rule else "I will."
    given = {"judge": {"mark": "met", "at_ms": CUE_MS}, "recall": {"text": said}, "reflect": {"text": said}}
    await taking.answer(agent, enrolment, step.id, given.get(step.kind, {}), attempt=1)


async def test_losing_the_last_clip_blocks_new_modules_and_stops_nobody(app: object) -> None:
    await a_rulebook()
    clip = await a_clip("R01")
    trainer, agent = await a_viewer("trainer"), await a_viewer("agent")
    await a_module(trainer)
    enrolment = await begun(agent)
    steps = (await taking.open_course(agent, enrolment)).steps
    await answer(agent, enrolment, steps[0])
    draft = await build_module(trainer, title="Another", rules=["R01"])
    await Clip.update({Clip.state: "retired"}).where(Clip.id == clip)
    with pytest.raises(Conflict) as refused:
        await modules.publish_module(trainer, draft)
    assert any("R01, which nobody can hear" in told for told in refused.value.extra["missing"])
    for step in steps[1:]:
        await answer(agent, enrolment, step)
    assert (await taking.open_course(agent, enrolment)).enrolment.completed_at is not None


async def test_a_role_played_clip_is_enough_to_begin_with(app: object) -> None:
    await a_rulebook()
    await a_clip("R01", staged=True)
    await a_module(await a_viewer("trainer"))


async def test_a_gap_leads_to_the_calls_of_its_programme_and_into_the_editor(
    client: httpx.AsyncClient, sign_in: SignIn
) -> None:
    await a_rule("T1")
    await a_rulebook()
    key = "peaks/of-a-call"
    await storage().put_bytes(key, Peaks(20_000, (bytes(1_000),)).to_bytes())
    for code, title in (("test", "Of this programme"), ("starter", "Of another"), ("", "Of none said")):
        book = await Rulebook.select(Rulebook.id).where(Rulebook.code == code).first()
        call = Recording(
            id=db.new_id(),
            title=title,
            state="ready",
            duration_ms=20_000,
            sha256=title,
            peaks_key=key,
            created_at=db.utc_now(),
        )
        call.rulebook = book["id"] if book else None
        await Recording.insert(call)
    await sign_in(client, await a_person("agent"))
    assert "/calls?rule=T1" not in (await client.get("/rules/T1")).text
    await sign_in(client, await a_person("trainer"))
    page = (await client.get("/rules/T1")).text
    assert "No clip yet: find one" in words(page)
    assert 'href="/calls?rule=T1"' in page
    found = (await client.get("/calls?rule=T1")).text
    seen = words(found)
    assert "Find a moment for T1" in seen
    assert ("Of this programme" in seen, "Of none said" in seen, "Of another" in seen) == (True, True, False)
    assert f"/calls/{call.id}?rule=T1" in found
    assert f"/calls/{call.id}/clips/new?rule=T1" in (await client.get(f"/calls/{call.id}?rule=T1")).text
    assert "Find a moment" not in words((await client.get("/calls?rule=T9")).text)


async def test_a_role_played_clip_leaves_the_gap_open(client: httpx.AsyncClient, sign_in: SignIn) -> None:
    await a_rule("T1")
    await a_pin("T1", staged=True)
    await sign_in(client, await a_person("trainer"))
    assert "Only role-played clips" in words((await client.get("/rules/T1")).text)
    await a_pin("T1")
    page = words((await client.get("/rules/T1")).text)
    assert "A gap" not in page
    assert "Can be heard" in page


async def test_a_draft_may_be_heard_before_it_is_published(app: object) -> None:
    await a_rule("T1")
    analyst = viewer_for(await a_person("qa_analyst"))
    says = {"title": {"en": "New"}, "statement": {"en": "Do."}, "want": "understand", "kind": "judgement"}
    await drafting.create_draft(analyst, "T2", says)
    for _each in range(2):
        await a_pin("T2", agent=(await a_person("agent")).id)
    assert (await drafting.publish_rule(analyst, "T2")).state == "published"
