"""Suggested redactions in a real browser: decided with the keyboard alone, undone, told to a screen reader."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.browser.conftest import PASSWORD, Centre, start_centre, until
from tests.browser.test_editor import violations
from tests.clips.makers import a_prepared_call, a_rule, a_tone
from tests.factories import a_person

pytestmark = pytest.mark.browser

TRAINER = "rosa@encore.example"
SAID = [
    (5_000, 6_000, "agent", "And how will you pay?"),
    (6_000, 10_000, "caller", "With my card, 4111 1111 1111 1111."),
    (10_500, 13_500, "caller", "My name is Joan Miller."),
]


@pytest.fixture(scope="module")
def centre(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Centre]:
    """A centre with a trainer, a rule and a call in which a card and a name are said."""
    folder = tmp_path_factory.mktemp("suggestions")
    sound = a_tone(folder / "call.wav")

    async def seed() -> str:
        await a_person("trainer", name="Rosa Lind", email=TRAINER, password=PASSWORD)
        await a_rule("R01")
        return str(await a_prepared_call(sound, SAID))

    with start_centre(folder / "data", seed) as running:
        yield running


def focused(page: Any) -> str:
    return page.evaluate(
        "document.activeElement.getAttribute('aria-label') ?? document.activeElement.textContent.trim()"
    )


def test_suggestions_are_decided_by_keyboard_and_the_clip_is_published_after_that(
    chromium: Any, centre: Centre
):
    with centre.window(chromium, TRAINER) as window:
        page = window.open(f"/calls/{centre.seeded}/clips/new?start=5000&end=14000")
        page.wait_for_selector("[data-suggestion-list] li")
        rows = page.locator("[data-suggestion-list] li")
        assert rows.count() == 2
        assert page.inner_text("[data-suggestions] [data-count]") == "2 to decide"
        # what is missing before it can be published stands beside Save, and leads there
        assert page.inner_text("[data-editor-points] summary") == "Before it is published: 2 open"
        page.focus("[data-editor-points] summary")
        page.keyboard.press("Enter")
        assert not violations(window)
        page.focus("[data-editor-points] [data-point=redactions] a")
        page.keyboard.press("Enter")
        assert focused(page).startswith("Redact: Card number")

        # left as it is, undone, left again: the focus goes on to what is next, and it is said
        page.focus("[data-suggestion-list] li:nth-child(2) [data-reject]")
        page.keyboard.press("Enter")
        until(page, lambda: "by Rosa Lind" in rows.nth(1).inner_text())
        until(page, lambda: focused(page).startswith("Redact: Card number"))
        page.focus("[data-suggestion-list] li:nth-child(2) [data-undo]")
        page.keyboard.press("Enter")
        until(page, lambda: page.inner_text("[data-suggestions] [data-count]") == "2 to decide")
        until(page, lambda: focused(page).startswith("Redact: Name"))

        # all at once, taken back with the editor's own Undo, and once more
        page.focus("[data-accept-all]")
        page.keyboard.press("Enter")
        until(page, lambda: page.inner_text("[data-suggestions] [data-count]") == "All decided")
        assert page.locator("[data-redaction-list] li").count() == 2
        page.click('[data-do="undo"]')
        until(page, lambda: page.inner_text("[data-suggestions] [data-count]") == "2 to decide")
        page.click('[data-do="redo"]')
        until(page, lambda: page.inner_text("[data-suggestions] [data-count]") == "All decided")
        # one of them undone here takes its redaction away, and asks again
        page.click("[data-suggestion-list] li:nth-child(2) [data-undo]")
        until(page, lambda: page.locator("[data-redaction-list] li").count() == 1)
        # a shorter clip has nothing to ask about what lies outside of it
        page.fill("#f-end", "0:10.2")
        page.keyboard.press("Tab")
        until(page, lambda: rows.count() == 1)
        page.fill("#f-end", "0:14")
        page.keyboard.press("Tab")
        until(page, lambda: rows.count() == 2)

        page.fill("#f-title", "She asks how to pay")
        page.check("#clip-form input[name=rules]")
        assert page.inner_text("[data-editor-points] summary") == "Before it is published: 1 open"
        page.click("#clip-form button.primary")
        page.wait_for_selector("#suggestions")
        page.wait_for_selector("#clip-sound figure[data-clip-player]")
        assert "1111" not in page.inner_text("#words")
        # pressed with points open the button says so, and the first of them has the focus: it leads to its place
        page.click("button:has-text('Publish clip')")
        page.wait_for_selector("text=2 points are still open.")
        until(page, lambda: focused(page) == "What may be personal data is decided")
        page.check("input[name=privacy_checked]")
        page.wait_for_selector("text=One point is still open.")
        assert page.locator("[data-point]:not(.met)").get_attribute("data-point") == "redactions"
        page.focus("[data-point=redactions] a")
        page.keyboard.press("Enter")
        assert page.url.endswith("#suggestions")
        assert not violations(window)
        page.click("#suggestions button:has-text('Leave as it is')")
        page.wait_for_selector("text=Left as it is by Rosa Lind")
        page.check("input[name=privacy_checked]")
        page.click("button:has-text('Publish clip')")
        page.wait_for_selector("text=In use")
        assert not window.wrong
