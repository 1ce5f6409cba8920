"""From rules to a draft, its edits, its publishing; published versions never change."""

from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
import yaml

from tests.factories import a_person, a_rulebook
from tests.training.conftest import Clips
from tests.training.makers import Cast, a_clip, a_module, begun
from trainer import db, jobs
from trainer.clips.tables import Clip
from trainer.people.tables import AuditEntry
from trainer.problems import Conflict, Forbidden, Invalid, NotFound, PreconditionFailed
from trainer.training import building, documents, editing, enrolling, modules, queries, taking
from trainer.training.modules import ModuleView, StepView
from trainer.training.tables import Curriculum, CurriculumModule, Step

MODULES = sorted((Path(__file__).parents[2] / "curricula" / "modules").glob("*.yaml"))


async def now(cast: Cast, module: UUID) -> ModuleView:
    return modules.present(await modules.load_module(cast.viewer("trainer"), module))


async def steps(cast: Cast, module: UUID) -> list[StepView]:
    return await modules.steps_of((await now(cast, module)).version_id)


async def test_a_draft_reads_hears_compares_judges_and_recalls_each_rule(cast: Cast, clips: Clips):
    module = await a_module(cast.viewer("trainer"), ["R01", "R02"], publish=False)
    found = [(step.rule.code if step.rule else "", step.kind) for step in await steps(cast, module)]
    assert found == [
        *[("R01", kind) for kind in ("read_rule", "listen", "contrast", "judge", "recall")],
        *[("R02", kind) for kind in ("read_rule", "recall")],  # a rule without clips: the gap
    ]


async def test_what_is_judged_was_not_heard_before(cast: Cast, clips: Clips):
    module = await a_module(cast.viewer("trainer"), publish=False)
    _read, listen, contrast, judge, _recall = await steps(cast, module)
    assert listen.clip == clips.first
    assert (contrast.clip, contrast.other_clip) == (clips.second, clips.poor)
    assert judge.clip == clips.judged


@pytest.mark.parametrize(
    ("polarities", "expected"),
    [
        (["exemplar"], {"listen": "e0", "judge": "e0"}),
        (["counterexample"], {"judge": "c0"}),
        (["exemplar", "counterexample"], {"listen": "e0", "contrast": "e0-c0", "judge": "c0"}),
        (["exemplar", "exemplar"], {"listen": "e0", "judge": "e1"}),
        (
            ["exemplar", "exemplar", "counterexample"],
            {"listen": "e0", "contrast": "e0-c0", "judge": "e1"},
        ),
    ],
)
async def test_few_clips_still_make_every_step_they_can(
    cast: Cast, polarities: list[str], expected: dict[str, str]
):
    await a_rulebook()
    names: dict[UUID | None, str] = {None: ""}
    for polarity in polarities:
        made = await a_clip("R02", polarity)
        names[made] = f"{polarity[0]}{sum(name.startswith(polarity[0]) for name in names.values())}"
    module = await building.build_module(cast.viewer("trainer"), title="Few", rules=["R02"])
    found = {
        step.kind: "-".join(names[clip] for clip in step.clips)
        for step in await steps(cast, module)
        if step.clips
    }
    assert found == expected


async def test_real_calls_come_before_staged_ones_and_languages_do_not_mix(cast: Cast):
    await a_rulebook()
    staged, chinese = await a_clip("R03", staged=True), await a_clip("R03", language="zh-Hans")
    real = await a_clip("R03")
    module = await building.build_module(cast.viewer("trainer"), title="Recap", rules=["R03"])
    used = [step.clip for step in await steps(cast, module) if step.clip]
    assert used[0] == real
    assert staged in used
    assert chinese not in used


async def test_a_build_names_every_wrong_field(cast: Cast, clips: Clips):
    with pytest.raises(Invalid) as refused:
        await building.build_module(cast.viewer("trainer"), title=" ", rules=["R01", "R99"], language="xx")
    assert {error.field for error in refused.value.errors} == {"title", "rules", "language"}
    with pytest.raises(Invalid):
        await building.build_module(cast.viewer("trainer"), title="Nothing", rules=[])


async def test_two_modules_of_one_name_get_codes_of_their_own(cast: Cast, clips: Clips):
    first, second = [await a_module(cast.viewer("trainer"), publish=False) for _ in range(2)]
    assert [(await now(cast, m)).code for m in (first, second)] == ["hear-them-out", "hear-them-out-2"]


async def test_steps_move_leave_and_come(cast: Cast, clips: Clips):
    trainer = cast.viewer("trainer")
    module = await a_module(trainer, publish=False)
    before = [step.id for step in await steps(cast, module)]
    await editing.move_step(trainer, module, before[4], 0)
    await editing.remove_step(trainer, module, before[1])
    added = await editing.add_step(
        trainer, module, {"kind": "text", "body": {"title": "Hello", "body": "**Words**"}}, at=1
    )
    after = await steps(cast, module)
    assert [step.id for step in after] == [before[4], added, before[0], before[2], before[3]]
    assert [step.position for step in after] == [0, 1, 2, 3, 4]
    await editing.edit_step(trainer, module, added, {"body": {"title": "Good morning"}})
    assert (await steps(cast, module))[1].body == {
        "title": {"en": "Good morning"},
        "body": {"en": "**Words**"},
    }
    with pytest.raises(NotFound):
        await editing.remove_step(trainer, module, before[1])


@pytest.mark.parametrize(
    ("step", "field"),
    [
        ({"kind": "dance"}, "kind"),
        ({"kind": "listen", "rule": "R01"}, "clip"),
        ({"kind": "listen", "rule": "R01", "clip": "no id"}, "clip"),
        ({"kind": "read_rule", "rule": "R99"}, "rule"),
        ({"kind": "text", "body": {"title": "Alone"}}, "body"),
        ({"kind": "reflect"}, "prompt"),
        ({"kind": "text", "body": {"html": "x"}}, "body.html"),
        ({"kind": "text", "body": {"body": "x" * 20_001}}, "body"),
    ],
)
async def test_a_step_that_is_not_whole_is_refused_at_its_field(
    cast: Cast, clips: Clips, step: dict[str, Any], field: str
):
    trainer = cast.viewer("trainer")
    module = await a_module(trainer, publish=False)
    with pytest.raises(Invalid) as refused:
        await editing.add_step(trainer, module, step)
    assert field in [error.field for error in refused.value.errors]


async def test_a_step_takes_only_published_clips_of_its_language_on_the_right_side(cast: Cast, clips: Clips):
    trainer = cast.viewer("trainer")
    module = await a_module(trainer, publish=False)
    draft = await a_clip("R01", state="draft")
    foreign = await a_clip("R01", language="zh-Hans")
    for clip in (draft, foreign):
        with pytest.raises(Invalid):
            await editing.add_step(trainer, module, {"kind": "judge", "rule": "R01", "clip": clip})
    with pytest.raises(Invalid) as refused:
        await editing.add_step(
            trainer,
            module,
            {"kind": "contrast", "rule": "R01", "clip": clips.poor, "other_clip": clips.first},
        )
    assert {error.field for error in refused.value.errors} == {"clip", "other_clip"}


async def test_rules_and_minutes_of_a_draft_follow_its_steps(cast: Cast, clips: Clips):
    trainer = cast.viewer("trainer")
    module = await a_module(trainer, ["R01", "R03"], publish=False)
    whole = await now(cast, module)
    assert (whole.rules, whole.minutes) == (("R01", "R03"), 6)
    about = [step for step in await steps(cast, module) if step.rule and step.rule.code == "R03"]
    for step in about:
        await editing.remove_step(trainer, module, step.id)
    fewer = await now(cast, module)
    assert (fewer.rules, fewer.minutes) == (("R01",), 4)
    await editing.restore_step(trainer, module, about[0].id)
    await editing.move_step(trainer, module, about[0].id, 0)
    more = await now(cast, module)
    assert (more.rules, more.minutes) == (("R03", "R01"), 5)
    await editing.edit_step(trainer, module, about[0].id, {"rule": "R02"})
    assert (await now(cast, module)).rules == ("R02", "R01")
    await editing.add_step(trainer, module, {"kind": "recall", "rule": "R04"})
    after = await now(cast, module)
    assert (after.rules, after.minutes) == (("R02", "R01", "R04"), 6)
    await editing.edit_module(trainer, module, minutes=20)
    await editing.move_step(trainer, module, about[0].id, 2)
    assert (await now(cast, module)).minutes == 20


async def test_a_step_taken_out_is_put_back_until_the_draft_is_published(cast: Cast, clips: Clips):
    trainer = cast.viewer("trainer")
    module = await a_module(trainer, publish=False)
    before = await steps(cast, module)
    await editing.remove_step(trainer, module, before[1].id)
    assert [step.id for step in await steps(cast, module)] == [before[n].id for n in (0, 2, 3, 4)]
    await editing.restore_step(trainer, module, before[1].id)
    assert await steps(cast, module) == before
    with pytest.raises(NotFound):
        await editing.restore_step(trainer, module, before[1].id)
    await editing.remove_step(trainer, module, before[1].id)
    await modules.publish_module(trainer, module)
    with pytest.raises(NotFound):
        await editing.restore_step(trainer, module, before[1].id)
    assert before[1].id not in {row["id"] for row in await Step.select(Step.id)}


async def test_an_edit_of_an_old_page_is_refused_and_changes_nothing(cast: Cast, clips: Clips):
    trainer = cast.viewer("trainer")
    module = await a_module(trainer, publish=False)
    seen = (await now(cast, module)).revision
    await editing.edit_module(trainer, module, title="First", revision=seen)
    first = (await steps(cast, module))[0].id
    for edit in (
        editing.edit_module(trainer, module, title="Second", revision=seen),
        editing.move_step(trainer, module, first, 2, revision=seen),
        editing.remove_step(trainer, module, first, revision=seen),
        editing.add_step(trainer, module, {"kind": "recall", "rule": "R01"}, revision=seen),
        editing.edit_step(trainer, module, first, {"rule": "R02"}, revision=seen),
        modules.publish_module(trainer, module, revision=seen),
    ):
        with pytest.raises(PreconditionFailed):
            await edit
    assert (await now(cast, module)).title == {"en": "First"}
    assert (await steps(cast, module))[0].id == first


async def test_editing_a_published_module_makes_the_next_version_beside_it(cast: Cast, clips: Clips):
    trainer = cast.viewer("trainer")
    module = await a_module(trainer)
    published = await now(cast, module)
    kept = await modules.steps_of(published.version_id)
    await editing.edit_module(trainer, module, title="Hear them better", minutes=8)
    await editing.remove_step(trainer, module, (await steps(cast, module))[0].id)
    draft, former = await modules.load_module(trainer, module)
    assert (draft.state, draft.version, former.state, former.version) == ("draft", 2, "published", 1)
    assert await modules.steps_of(former.version_id) == kept
    await modules.publish_module(trainer, module)
    new, old = await modules.load_module(trainer, module)
    assert (new.state, new.title["en"], old.state) == ("published", "Hear them better", "superseded")
    assert len(await modules.steps_of(new.version_id)) == len(kept) - 1
    assert await AuditEntry.count().where(AuditEntry.action == "module_published") == 2


async def test_whoever_began_finishes_with_their_version_and_others_take_the_new_one(
    cast: Cast, clips: Clips
):
    trainer, agent, other = cast.viewer("trainer"), cast.viewer("agent"), cast.viewer("other_agent")
    module = await a_module(trainer)
    early, late = await begun(agent), await begun(other)
    await taking.begin(agent, early)
    await editing.edit_module(trainer, module, minutes=9)
    await modules.publish_module(trainer, module)
    assert (await taking.open_course(agent, early)).enrolment.version == 1
    assert (await taking.open_course(other, late)).enrolment.version == 2


async def test_a_draft_says_what_is_missing_and_is_published_once(cast: Cast, clips: Clips):
    trainer = cast.viewer("trainer")
    module = await a_module(trainer, publish=False)
    await Clip.update({Clip.state: "retired"}).where(Clip.id == clips.first)
    with pytest.raises(Conflict) as refused:
        await modules.publish_module(trainer, module)
    assert refused.value.name == "module-not-publishable"
    assert refused.value.extra["missing"] == ["Step 2 needs a clip that is published."]
    await Clip.update({Clip.state: "published"}).where(Clip.id == clips.first)
    await modules.publish_module(trainer, module)
    with pytest.raises(Conflict):
        await modules.publish_module(trainer, module)


async def test_an_empty_draft_cannot_be_published(cast: Cast, clips: Clips):
    trainer = cast.viewer("trainer")
    module = await a_module(trainer, publish=False)
    for step in await steps(cast, module):
        await editing.remove_step(trainer, module, step.id)
    with pytest.raises(Conflict):
        await modules.publish_module(trainer, module)


async def test_a_draft_is_thrown_away_but_never_what_was_published(cast: Cast, clips: Clips):
    trainer, admin = cast.viewer("trainer"), cast.viewer("admin")
    module = await a_module(trainer)
    await editing.edit_module(trainer, module, title="Later")
    with pytest.raises(Forbidden):
        await editing.discard_draft(trainer, module)
    await editing.discard_draft(admin, module)
    assert [view.state for view in await modules.load_module(trainer, module)] == ["published"]
    with pytest.raises(Conflict):
        await editing.discard_draft(admin, module)
    never = await a_module(trainer, publish=False)
    await editing.discard_draft(admin, never)
    with pytest.raises(NotFound):
        await modules.load_module(trainer, never)


async def test_a_draft_that_was_published_or_thrown_away_meanwhile_is_not_thrown_away(
    cast: Cast, clips: Clips, monkeypatch: pytest.MonkeyPatch
):
    trainer, admin = cast.viewer("trainer"), cast.viewer("admin")
    module = await a_module(trainer, publish=False)
    seen = await modules.load_module(admin, module)

    async def as_it_was(*_which: Any) -> list[ModuleView]:
        return seen

    await modules.publish_module(trainer, module)
    monkeypatch.setattr(editing, "load_module", as_it_was)
    with pytest.raises(Conflict):
        await editing.discard_draft(admin, module)
    monkeypatch.undo()
    assert [view.state for view in await modules.load_module(trainer, module)] == ["published"]
    assert not await AuditEntry.exists().where(AuditEntry.action == "module_draft_discarded")


async def test_a_draft_in_a_list_stays_and_says_why(cast: Cast, clips: Clips):
    module = await a_module(cast.viewer("trainer"), publish=False)
    listed = Curriculum(code="first", title="{}", created_at=db.utc_now())
    await Curriculum.insert(listed)
    await CurriculumModule.insert(CurriculumModule(curriculum=listed.id, module=module))
    with pytest.raises(Conflict, match="stands in a list"):
        await editing.discard_draft(cast.viewer("admin"), module)
    assert len(await steps(cast, module)) == 5


# Documents


async def library() -> None:
    """Every clip that the starter modules name."""
    await a_rulebook()
    for path in MODULES:
        for step in yaml.safe_load(path.read_text(encoding="utf-8"))["steps"]:
            for field in ("clip", "good", "other", "exemplar"):
                if step.get(field) and not await Clip.exists().where(Clip.slug == step[field]):
                    polarity = "counterexample" if field == "other" else "exemplar"
                    await a_clip(step.get("rule") or "R01", polarity, slug=step[field])


async def test_the_starter_modules_come_in_once_and_go_out_as_they_came(app: Any):
    await library()
    for path in MODULES:
        data = yaml.safe_load(path.read_text(encoding="utf-8"))
        assert await documents.import_module(None, data) is True
        assert await documents.import_module(None, data) is False
        given = await documents.export_module(data["module"]["code"])
        assert await documents.import_module(None, given) is False
        assert given["module"] == data["module"]
    codes = [row["code"] for row in await queries.current_versions(["published"])]
    assert codes == ["happy-simple-effective", "hear-the-need", "safe-and-honest", "when-you-cannot"]


async def test_a_changed_document_becomes_the_next_version(cast: Cast):
    await library()
    data = yaml.safe_load(MODULES[0].read_text(encoding="utf-8"))
    await documents.import_module(None, data)
    enrolment = await begun(cast.viewer("agent"), "happy-simple-effective")
    data["module"]["minutes"] += 1
    assert await documents.import_module(None, data) is True
    row = await queries.version_of_code("happy-simple-effective", "published")
    assert row is not None
    assert row["version"] == 2
    course = await taking.open_course(cast.viewer("agent"), enrolment)
    assert course.enrolment.version == 2


@pytest.mark.parametrize(
    "data",
    [
        {},
        {"module": {"code": "x", "title": {"en": "X"}}},
        {"module": {"code": "x", "title": {"en": "X"}}, "steps": [{"kind": "listen", "rule": "R99"}]},
        {
            "module": {"code": "x", "title": {"en": "X"}},
            "steps": [{"kind": "judge", "rule": "R01", "clip": "?"}],
        },
        {"module": {"code": "x", "title": {"en": "X"}}, "steps": [{"kind": "sing"}]},
    ],
)
async def test_a_document_that_cannot_be_read_is_refused(app: Any, data: dict[str, Any]):
    await a_rulebook()
    with pytest.raises(Invalid):
        await documents.import_module(None, data)


async def test_every_new_agent_begins_with_the_starter_module(cast: Cast):
    await library()
    await documents.import_module(None, yaml.safe_load(MODULES[0].read_text(encoding="utf-8")))
    new, lead = await a_person("agent"), await a_person("team_lead")
    await jobs.drain(db.utc_now())
    await jobs.drain(db.utc_now())
    assert [one.code for one in await enrolling.enrolments_of(new.id)] == ["happy-simple-effective"]
    assert await enrolling.enrolments_of(lead.id) == []
