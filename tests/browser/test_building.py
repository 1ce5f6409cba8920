"""A module's draft in a real browser: steps move and leave, and what was typed beside them stays."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.browser.conftest import PASSWORD, Centre, start_centre, until
from tests.browser.test_editor import violations
from tests.factories import a_person, a_rulebook, viewer_for
from tests.training.makers import a_module

pytestmark = pytest.mark.browser

TRAINER = "rosa@encore.example"


@pytest.fixture(scope="module")
def centre(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Centre]:
    async def seed() -> list[str]:
        trainer = await a_person("trainer", name="Rosa Lind", email=TRAINER, password=PASSWORD)
        await a_rulebook()
        viewer = viewer_for(trainer)
        return [str(await a_module(viewer, ["R01", "R02"], publish=publish)) for publish in (False, False)]

    with start_centre(tmp_path_factory.mktemp("building") / "data", seed) as running:
        yield running


def ids(page: Any) -> list[str]:
    return [str(step.get_attribute("id")) for step in page.locator(".draft-step").all()]


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
