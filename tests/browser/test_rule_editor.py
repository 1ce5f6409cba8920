"""Rules are written by keyboard, published by an analyst, put into order and imported, in a real browser."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.browser.conftest import PASSWORD, Centre, Window, start_centre, until
from tests.browser.test_editor import violations
from tests.factories import a_person, a_rulebook

pytestmark = pytest.mark.browser

TRAINER, ANALYST = "rosa@encore.example", "zhou@encore.example"
SHEET = "Code,Title,Statement,Goal,Severity\nA1,Greet,Greet them by name.,glad,F\nA2,Greet,Hello.,fame,\n"


@pytest.fixture(scope="module")
def centre(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Centre]:
    async def seed() -> None:
        await a_person("trainer", name="Rosa Lind", email=TRAINER, password=PASSWORD)
        await a_person("qa_analyst", name="Zhou Min", email=ANALYST, password=PASSWORD)
        await a_rulebook()

    with start_centre(tmp_path_factory.mktemp("rules") / "data", seed) as running:
        yield running


def fits(window: Window, width: int) -> bool:
    return bool(window.page.evaluate("document.documentElement.scrollWidth") <= width)


def tab_to(page: Any, selector: str) -> None:
    """Goes by keyboard to where one would go with the mouse."""
    for _step in range(80):
        if page.evaluate("(wanted) => document.activeElement.matches(wanted)", selector):
            return
        page.keyboard.press("Tab")
    raise AssertionError(f"no way to {selector} by keyboard")


def test_a_rule_goes_by_keyboard_from_an_idea_to_everybodys_page(chromium: Any, centre: Centre) -> None:
    with centre.window(chromium, TRAINER) as window:
        page = window.open("/rules")
        tab_to(page, 'a[href="/rules/new?book=starter"]')
        page.keyboard.press("Enter")
        page.wait_for_url("**/rules/new?book=starter")
        assert violations(window) == []
        tab_to(page, "[name=title]")
        page.keyboard.type("Smile first")
        page.keyboard.press("Tab")
        page.keyboard.type("Smile before you speak.")
        tab_to(page, "[name=want]")
        page.keyboard.type("Leave")
        tab_to(page, "[name=kind]")
        page.keyboard.press("ArrowDown")
        tab_to(page, "form#rule-form button.primary")
        page.keyboard.press("Enter")
        page.wait_for_url("**/rules/R12?version=1")
        assert "agents do not see it yet" in page.inner_text("main")
        assert page.locator("text=Look and publish").count() == 0
        assert window.wrong == []
    with centre.window(chromium, ANALYST) as window:
        page = window.open("/rules")
        page.click("text=Look at the drafts")
        page.click("text=Smile first")
        page.wait_for_url("**/rules/R12/publish")
        assert violations(window) == []
        page.click("text=Publish rule")
        page.wait_for_url("**/rules/R12")
        assert "No clip yet" in page.inner_text("aside, main + *, body")
        page = window.open("/rules?order=1")
        rule = page.locator("#rule-R12")
        assert rule.locator("h3").inner_text().endswith("Smile first")
        before = [row.get_attribute("id") for row in page.locator(".book-rule").all()]
        tab_to(page, "#rule-R12 button[value=up]")
        for _step in range(2):  # the button keeps the focus, so one may press again
            place = [row.get_attribute("id") for row in page.locator(".book-rule").all()].index("rule-R12")
            page.keyboard.press("Enter")
            page.wait_for_function(
                "(place) => [...document.querySelectorAll('.book-rule')].findIndex((e) => e.id === 'rule-R12') < place",
                arg=place,
            )
            page.wait_for_function("() => document.activeElement.matches('#rule-R12 button[value=up]')")
        after = [row.get_attribute("id") for row in page.locator(".book-rule").all()]
        assert after.index("rule-R12") == before.index("rule-R12") - 2
        assert violations(window) == []


def test_what_was_typed_is_not_left_by_accident(chromium: Any, centre: Centre) -> None:
    with centre.window(chromium, TRAINER) as window:
        page = window.open("/rules/R01/edit")
        page.fill("[name=why]", "Another reason.")
        asked: list[str] = []
        page.on("dialog", lambda dialog: (asked.append(dialog.type), dialog.dismiss()))
        page.click("text=简体中文 >> nth=0")
        until(page, lambda: asked == ["beforeunload"])
        assert page.input_value("[name=why]") == "Another reason."


def test_a_spreadsheet_becomes_drafts(chromium: Any, centre: Centre, tmp_path: Path) -> None:
    path = tmp_path / "our rules.csv"
    path.write_bytes(SHEET.encode("utf-16"))
    for width in (390, 1280):
        with centre.window(chromium, TRAINER, width=width) as window:
            page = window.open("/rules/import")
            assert violations(window) == []
            page.set_input_files("[name=sheet]", path)
            page.click("text=Read it")
            page.wait_for_url("**/rules/import/*-*")
            assert "There is no want “fame”" in page.inner_text("main")
            assert fits(window, width)
            assert violations(window) == []
            if width == 390:
                page.click("text=Discard the file")
                page.wait_for_url("**/rules?book=starter")
            else:
                page.click("text=Take one rule as a draft")
                page.wait_for_selector("text=Taken as drafts")


@pytest.mark.parametrize(
    "path",
    [
        "/rules",
        "/rules?order=1",
        "/rules/new",
        "/rules/R01/edit",
        "/rules/R01",
        "/rules/drafts",
        "/rules/import",
        "/rules/books/new",
        "/rules/books/starter",
        "/rules/books/starter/wants/glad",
    ],
)
def test_nothing_scrolls_sideways_on_a_phone(chromium: Any, centre: Centre, path: str) -> None:
    with centre.window(chromium, ANALYST, width=390, theme="dark") as window:
        window.open(path).wait_for_load_state("load")
        assert fits(window, 390)
        assert violations(window) == []
