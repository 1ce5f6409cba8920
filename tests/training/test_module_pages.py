"""The trainer's pages: choosing rules, the draft, its steps, publishing, who has it."""

import re
from datetime import timedelta
from uuid import UUID

import httpx
import pytest

from tests.factories import a_rulebook
from tests.training.conftest import Clips
from tests.training.makers import Cast, a_clip, a_module, begun
from tests.web_fixtures import SignIn
from trainer import db
from trainer.clips.tables import Clip
from trainer.training import editing, modules
from trainer.training.modules import ModuleView, StepView


def main_of(page: httpx.Response) -> str:
    return page.text.partition("<main")[2].partition("</main>")[0]


@pytest.fixture
async def trainer(cast: Cast, client: httpx.AsyncClient, sign_in: SignIn) -> httpx.AsyncClient:
    """The trainer's browser."""
    return await sign_in(client, cast.trainer)


async def draft_of(cast: Cast, module: UUID) -> tuple[ModuleView, list[StepView]]:
    view = modules.present(await modules.load_module(cast.viewer("trainer"), module))
    return view, await modules.steps_of(view.version_id)


async def test_a_first_module_is_invited(trainer: httpx.AsyncClient):
    assert "Build your first module" in main_of(await trainer.get("/modules"))


async def test_rules_are_chosen_by_what_lets_one_hear_them(trainer: httpx.AsyncClient, clips: Clips):
    await a_clip("R02")
    seen = re.sub(r"\s+", " ", main_of(await trainer.get("/modules/new?rule=R01")))
    assert "2 exemplars, 2 that miss" in seen
    assert "1 exemplar, 0 that miss, nothing to compare with yet" in seen
    assert "No clip yet: people only read and recall it" in seen
    assert re.search(r'value="R01" checked', seen)
    assert not re.search(r'value="R02" checked', seen)
    both = main_of(await trainer.get("/modules/new?rule=R01&rule=R02"))
    assert re.findall(r'value="(R\d+)" checked', both) == ["R01", "R02"]


async def test_a_draft_is_built_edited_and_published(trainer: httpx.AsyncClient, cast: Cast, clips: Clips):
    made = await trainer.post("/modules/new", data={"title": "Hear", "summary": "Why", "rules": ["R01"]})
    here = made.headers["location"]
    module = UUID(here.rsplit("/", 1)[1])
    seen = main_of(await trainer.get(here))
    assert "Nothing is missing." in seen
    assert seen.count("data-clip-player") == 4
    view, steps = await draft_of(cast, module)
    last = steps[-1]
    moved = await trainer.post(
        f"{here}/steps/{last.id}/move", data={"to": "0", "revision": str(view.revision)}
    )
    assert moved.headers["location"] == f"{here}#step-{last.id}"
    view, steps = await draft_of(cast, module)
    assert steps[0].id == last.id
    body = {"kind": "text", "title": "Hello", "body": "Words", "revision": str(view.revision)}
    assert (await trainer.post(f"{here}/steps/new", data=body)).status_code == 303
    view, steps = await draft_of(cast, module)
    assert (len(steps), steps[-1].body["title"]) == (6, {"en": "Hello"})
    edit = f"{here}/steps/{steps[-1].id}"
    assert "Words" in main_of(await trainer.get(edit))
    changed = {"title": "Hi", "body": "Other words", "revision": str(view.revision)}
    assert (await trainer.post(edit, data=changed)).status_code == 303
    view, steps = await draft_of(cast, module)
    assert steps[-1].body["title"] == {"en": "Hi"}
    await trainer.post(f"{here}/steps/{last.id}/remove", data={"revision": str(view.revision)})
    view, steps = await draft_of(cast, module)
    assert len(steps) == 5
    words = {"title": "Hear more", "summary": "", "minutes": "4", "revision": str(view.revision)}
    said = await trainer.post(f"{here}/words", data=words)
    assert "Saved." in (await trainer.get(said.headers["location"])).text
    view, _steps = await draft_of(cast, module)
    assert (view.title["en"], view.summary, view.minutes) == ("Hear more", {"en": ""}, 4)
    await trainer.post(f"{here}/publish", data={"revision": str(view.revision)})
    assert (await draft_of(cast, module))[0].state == "published"
    assert "Published" in main_of(await trainer.get("/modules"))


async def test_a_form_with_errors_comes_back_as_it_was(trainer: httpx.AsyncClient, cast: Cast, clips: Clips):
    page = await trainer.post("/modules/new", data={"title": "", "rules": ["R02"]})
    assert page.status_code == 422
    assert "Give the module a title." in main_of(page)
    assert re.search(r'value="R02" checked', main_of(page))
    module = await a_module(cast.viewer("trainer"), publish=False)
    for kind in ("text", "read_rule", "listen", "contrast", "judge", "recall", "reflect"):
        assert (await trainer.get(f"/modules/{module}/steps/new?kind={kind}")).status_code == 200
        page = await trainer.post(f"/modules/{module}/steps/new", data={"kind": kind, "revision": "1"})
        assert page.status_code == 422
    assert len((await draft_of(cast, module))[1]) == 5


async def test_an_old_page_changes_nothing(trainer: httpx.AsyncClient, cast: Cast, clips: Clips):
    module = await a_module(cast.viewer("trainer"), publish=False)
    await editing.edit_module(cast.viewer("trainer"), module, title="Somebody else's")
    _view, steps = await draft_of(cast, module)
    old = {"revision": "1", "to": "3", "title": "Mine", "minutes": "3"}
    for path in (f"steps/{steps[0].id}/move", f"steps/{steps[0].id}/remove", "words", "publish"):
        assert (await trainer.post(f"/modules/{module}/{path}", data=old)).status_code == 412
        no_revision = {name: value for name, value in old.items() if name != "revision"}
        assert (await trainer.post(f"/modules/{module}/{path}", data=no_revision)).status_code == 412
    view, after = await draft_of(cast, module)
    assert (view.title["en"], [step.id for step in after]) == (
        "Somebody else's",
        [step.id for step in steps],
    )


async def test_what_is_missing_is_listed_and_publishing_refused(
    trainer: httpx.AsyncClient, cast: Cast, clips: Clips
):
    module = await a_module(cast.viewer("trainer"), publish=False)
    await Clip.update({Clip.state: "retired"}).where(Clip.id == clips.judged)
    seen = main_of(await trainer.get(f"/modules/{module}"))
    assert "Step 4 needs a clip that is published." in seen
    assert "This clip was retired: choose another one." in seen
    page = await trainer.post(f"/modules/{module}/publish", data={"revision": "1"})
    assert page.status_code == 409
    assert "Step 4 needs a clip that is published." in main_of(page)


async def test_a_published_module_is_edited_as_the_next_version(
    trainer: httpx.AsyncClient, cast: Cast, clips: Clips
):
    module = await a_module(cast.viewer("trainer"))
    assert "/steps/new" not in main_of(await trainer.get(f"/modules/{module}"))
    await trainer.post(f"/modules/{module}/draft")
    assert "draft of version 2" in main_of(await trainer.get(f"/modules/{module}"))
    former = main_of(await trainer.get(f"/modules/{module}?version=1"))
    assert "Published" in former
    assert "/steps/new" not in former


async def test_a_published_module_is_assigned_from_its_page_and_says_who_has_it(
    trainer: httpx.AsyncClient, cast: Cast, clips: Clips
):
    module = await a_module(cast.viewer("trainer"))
    page = main_of(await trainer.get(f"/modules/{module}"))
    assert "/assign?module=hear-them-out" in page
    assert "Nobody yet" in page
    await begun(cast.viewer("agent"))
    await begun(cast.viewer("other_agent"))
    assert "0 done, 0 under way, 2 not begun" in main_of(await trainer.get(f"/modules/{module}"))


@pytest.mark.parametrize(("who", "counted"), [("lead", 1), ("manager", 2), ("admin", 2), ("analyst", None)])
async def test_how_many_have_a_module_is_for_those_who_see_completions(
    cast: Cast, clips: Clips, client: httpx.AsyncClient, sign_in: SignIn, who: str, counted: int | None
):
    module = await a_module(cast.viewer("trainer"))
    await begun(cast.viewer("agent"))
    await begun(cast.viewer("other_agent"))
    await sign_in(client, getattr(cast, who))
    page = main_of(await client.get(f"/modules/{module}"))
    assert (f"{counted} not begun" in page) if counted else ("not begun" not in page)


async def test_the_list_needs_few_queries(trainer: httpx.AsyncClient, cast: Cast):
    await a_rulebook()
    for rule in ("R01", "R02", "R03"):
        await a_module(cast.viewer("trainer"), [rule], publish=False)
    with db.queries_counted() as counted:
        assert (await trainer.get("/modules")).status_code == 200
    assert counted.count <= 3


async def test_without_a_script_a_step_taken_out_can_be_put_back_too(
    trainer: httpx.AsyncClient, cast: Cast, clips: Clips
):
    module = await a_module(cast.viewer("trainer"), publish=False)
    _view, [_first, second, *_rest] = await draft_of(cast, module)
    here = f"/modules/{module}"
    gone = await trainer.post(f"{here}/steps/{second.id}/remove", data={"revision": "1"})
    page = main_of(await trainer.get(gone.headers["location"]))
    assert "was taken out" in page
    assert f"{here}/steps/{second.id}/restore" in page
    back = await trainer.post(f"{here}/steps/{second.id}/restore", data={"revision": "2"})
    assert back.headers["location"] == f"{here}#step-{second.id}"
    assert (await draft_of(cast, module))[1][1].id == second.id


async def test_beside_a_draft_the_published_version_is_opened_and_assigned(
    trainer: httpx.AsyncClient, cast: Cast, clips: Clips
):
    module = await a_module(cast.viewer("trainer"))
    await trainer.post(f"/modules/{module}/draft")
    assert f"/modules/{module}?version=1" in main_of(await trainer.get("/modules"))
    draft = main_of(await trainer.get(f"/modules/{module}"))
    assert "Open the published version" in draft
    assert "Only admins throw a draft away." in draft
    assert "/assign?module=hear-them-out" in main_of(await trainer.get(f"/modules/{module}?version=1"))


async def test_an_admin_throws_a_draft_away_from_its_page(
    cast: Cast, clips: Clips, client: httpx.AsyncClient, sign_in: SignIn
):
    module = await a_module(cast.viewer("trainer"), publish=False)
    await sign_in(client, cast.admin)
    assert "Discard this draft" in main_of(await client.get(f"/modules/{module}"))
    assert (await client.post(f"/modules/{module}/discard")).headers["location"] == "/modules"
    assert (await client.get(f"/modules/{module}")).status_code == 404


async def test_minutes_left_empty_are_counted_from_the_steps(
    trainer: httpx.AsyncClient, cast: Cast, clips: Clips
):
    module = await a_module(cast.viewer("trainer"), publish=False)
    here, words = f"/modules/{module}", {"title": "Hear", "summary": "", "minutes": "30"}
    await trainer.post(f"{here}/words", data=words | {"revision": "1"})
    assert (await draft_of(cast, module))[0].minutes == 30
    assert 'value="30"' in main_of(await trainer.get(here))
    await trainer.post(f"{here}/words", data=words | {"minutes": "", "revision": "2"})
    assert (await draft_of(cast, module))[0].minutes == 4


async def test_a_clip_about_to_end_is_used_last_and_said_before_publishing(
    trainer: httpx.AsyncClient, cast: Cast, clips: Clips
):
    soon = db.utc_now() + timedelta(days=10)
    ending = {Clip.keep_basis: "consent", Clip.keep_until: soon.date(), Clip.expires_at: soon}
    await Clip.update(ending).where(Clip.id == clips.first)
    module = await a_module(cast.viewer("trainer"), publish=False)
    _view, steps = await draft_of(cast, module)
    assert next(step for step in steps if step.kind == "listen").clip == clips.second
    await Clip.update(ending).where(Clip.id == clips.second)
    page = main_of(await trainer.get(f"/modules/{module}"))
    assert "Kept until" in page
    assert "Step 2: its clip is only kept until" in page
    assert (await trainer.post(f"/modules/{module}/publish", data={"revision": "1"})).status_code == 303
