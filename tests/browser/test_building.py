"""Modules in a real browser: a draft's steps move and leave while what was typed stays; giving modules to people."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.browser.conftest import PASSWORD, Centre, start_centre, until
from tests.browser.test_editor import violations
from tests.factories import a_person, a_rulebook, viewer_for
from tests.training.makers import a_clip, a_module, begun
from trainer.training import building, modules

pytestmark = pytest.mark.browser

TRAINER = "rosa@encore.example"
LONG = "Verylongwordwithoutanyplacetobreak" * 3


@pytest.fixture(scope="module")
def centre(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Centre]:
    async def seed() -> list[str]:
        trainer = await a_person("trainer", name="Rosa Lind", email=TRAINER, password=PASSWORD)
        await a_rulebook()
        viewer = viewer_for(trainer)
        agent = await a_person("agent", name="Amara Nwosu")
        await a_clip("R03")
        await a_clip("R03", "counterexample")
        given = await building.build_module(viewer, title=LONG, rules=["R03"])
        await begun(viewer_for(agent), (await modules.publish_module(viewer, given)).code)
        return [str(await a_module(viewer, ["R01", "R02"], publish=publish)) for publish in (False, False)]

    with start_centre(tmp_path_factory.mktemp("building") / "data", seed) as running:
        yield running


def ids(page: Any) -> list[str]:
    """The steps in their order, asked at once: a swap in between would leave one to wait for."""
    found: list[str] = page.locator(".draft-step").evaluate_all("(steps) => steps.map((step) => step.id)")
    return found


def focused(page: Any, selector: str) -> None:
    until(page, lambda: page.evaluate("(wanted) => document.activeElement.matches(wanted)", selector))


def test_steps_move_beside_unsaved_words_and_focus_goes_along(chromium: Any, centre: Centre) -> None:
    with centre.window(chromium, TRAINER) as window:
        page = window.open(f"/modules/{centre.seeded[0]}")
        first, second, *rest = ids(page)
        page.get_by_label("Title").fill("A new title")
        page.get_by_label("Summary").fill("A new summary")
        page.get_by_label("Move step 2 up").focus()
        page.keyboard.press("Enter")
        until(page, lambda: ids(page) == [second, first, *rest])
        focused(page, f"#{second} [aria-label='Move step 1 down']")
        page.keyboard.press("Enter")
        until(page, lambda: ids(page) == [first, second, *rest])
        focused(page, f"#{second} [aria-label='Move step 2 down']")
        assert page.get_by_label("Title").input_value() == "A new title"
        page.get_by_role("button", name="Save").click()
        until(page, lambda: page.locator("h1").inner_text() == "A new title")
        assert page.get_by_label("Summary").input_value() == "A new summary"
        assert window.wrong == []


def test_a_step_taken_out_is_put_back_and_focus_is_never_lost(chromium: Any, centre: Centre) -> None:
    with centre.window(chromium, TRAINER) as window:
        page = window.open(f"/modules/{centre.seeded[1]}")
        first, second, *rest = ids(page)
        page.get_by_label("Remove step 1").focus()
        page.keyboard.press("Enter")
        until(page, lambda: ids(page) == [second, *rest])
        focused(page, f"#{second} h3")
        assert "was taken out" in page.locator("#step-said").inner_text()
        page.locator(".draft-step").last.scroll_into_view_if_needed()
        seen = "const { top, bottom } = document.querySelector('#step-said button').getBoundingClientRect(); "
        until(page, seen + "top >= 0 && bottom <= innerHeight")
        assert violations(window) == []
        assert "3 minutes" in page.locator("#about-part").inner_text()
        page.get_by_role("button", name="Undo").click()
        until(page, lambda: ids(page) == [first, second, *rest])
        focused(page, f"#{first} h3")
        until(page, lambda: page.locator("#step-said").inner_text() == "")
        for left in range(len(rest) + 1, -1, -1):
            page.get_by_label("Remove step 1").click()
            until(page, lambda left=left: len(ids(page)) == left)
        focused(page, "select[name=kind]")
        # nothing was typed, so that nothing is asked when one leaves
        asked: list[str] = []
        page.on("dialog", lambda dialog: (asked.append(dialog.type), dialog.accept()))
        page.locator("main").get_by_role("link", name="Modules").first.click()
        page.wait_for_url("**/modules")
        assert (asked, window.wrong) == ([], [])


def test_enter_in_the_due_day_looks_whom_it_reaches_and_stays(chromium: Any, centre: Centre) -> None:
    with centre.window(chromium, TRAINER) as window:
        page = window.open("/assign")
        page.locator("[name=what]").select_option(label=LONG)
        page.get_by_label("Amara Nwosu").check()
        until(page, lambda: "of 1 get something new" in page.locator("#assign-check").inner_text())
        page.get_by_label("Due by").fill("2020-01-01")
        page.get_by_label("Due by").press("Enter")
        until(page, lambda: "a day that is not over" in page.locator("#assign-check").inner_text())
        focused(page, "[name=due_on]")
        page.get_by_label("Find people by name").fill("nobody of this name")
        page.get_by_role("button", name="Search").click()
        until(page, lambda: "Nobody of this name" in page.locator("#assign-people").inner_text())
        assert page.get_by_label("Amara Nwosu").is_checked()
        assert [url for url in window.asked if url.endswith("/assign")] == [page.url]
        assert window.wrong == []


@pytest.mark.parametrize("width", [390, 1280])
def test_a_very_long_title_breaks_instead_of_widening_the_page(
    chromium: Any, centre: Centre, width: int
) -> None:
    with centre.window(chromium, TRAINER, width=width) as window:
        for path in ("/modules", "/progress"):
            page = window.open(path)
            assert LONG in page.locator("main").inner_text()
            assert page.evaluate("document.documentElement.scrollWidth") <= width, path
        page = window.open("/assign")
        page.locator("[name=what]").select_option(label=LONG)
        page.get_by_label("Amara Nwosu").check()
        until(page, lambda: page.locator(".reach-list li").count() == 1)
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        card = "const card = document.querySelector('#assign-check'); card.scrollWidth <= card.clientWidth"
        assert page.evaluate(card)
