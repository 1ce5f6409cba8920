"""A call without a transcript becomes a published clip: its words are typed while it plays, by keyboard alone."""

from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs

import pytest

from tests.browser.conftest import PASSWORD, Centre, start_centre, until
from tests.browser.test_editor import violations
from tests.clips.makers import a_prepared_call, a_rule, a_tone
from tests.factories import a_person

pytestmark = [pytest.mark.browser, pytest.mark.slow]
TRAINER = "rosa@encore.example"


def saved_lines(answer: Any) -> int:
    """How many typed lines an answer of the autosave is about."""
    if not (answer.url.endswith("/autosave") and answer.ok):
        return 0
    (lines,) = parse_qs(answer.request.post_data or "").get("lines", [""])
    return len(lines.splitlines())


@pytest.fixture(scope="module")
def centre(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Centre]:
    """A centre with a trainer, a rule and a call of which nobody wrote down a word; seeded: its id."""
    folder = tmp_path_factory.mktemp("typing")
    tone = a_tone(folder / "call.wav")

    async def seed() -> str:
        await a_person("trainer", name="Rosa Lind", email=TRAINER, password=PASSWORD)
        await a_rule("R01")
        return str(await a_prepared_call(tone, [], title="Nobody wrote it down"))

    with start_centre(folder / "data", seed) as running:
        yield running


@pytest.mark.parametrize("width", [1280, 390])
def test_words_are_typed_saved_by_themselves_and_published(chromium: Any, centre: Centre, width: int) -> None:
    with centre.window(chromium, TRAINER, width=width) as window:
        page = window.open(f"/calls/{centre.seeded}/clips/new?start=5000&end=14000")
        page.wait_for_selector("[data-editor][data-ready]")
        key = page.keyboard.press
        page.click("[data-typed-add]")
        page.keyboard.type("My card is 4111 please.")
        # hands stay on the keyboard: play, hear it move, pause
        key("Control+Space")
        until(page, lambda: page.inner_text("[data-now]") > "0:05.3")
        key("Control+Space")
        page.wait_for_selector('[data-do="play"][aria-label="Play clip"]')
        page.locator("#wave [role=slider]").focus()
        page.keyboard.press("End")
        page.evaluate("document.querySelectorAll('.typed-line textarea')[0].focus()")
        page.fill(".typed-line [data-time] >> nth=1", "0:09.0")
        page.select_option(".typed-line select >> nth=0", "caller")
        page.locator(".typed-line textarea").first.focus()
        key("End")
        key("Enter")
        assert page.locator(".typed-line").count() == 2
        page.keyboard.type("One moment. I look it up.")
        # Enter inside a line splits it where the caret stands
        for _step in range(len("I look it up.")):
            key("ArrowLeft")
        # an earlier save may still be under way: the one that counts holds the three lines
        with page.expect_response(lambda answer: saved_lines(answer) == 3):
            key("Enter")
        assert page.locator(".typed-line textarea").nth(2).input_value() == "I look it up."
        assert page.locator(".typed-line select").nth(1).input_value() == "agent"
        page.wait_for_selector("[data-autosave-status]:has-text('Draft saved.')")
        until(page, lambda: "/edit" in page.url)
        page.reload()
        page.wait_for_selector("[data-editor][data-ready]")
        assert page.locator(".typed-line textarea").nth(0).input_value() == "My card is 4111 please."
        page.fill("#f-title", f"Typed at {width}")
        page.check("#clip-form .check input >> nth=0")
        page.locator("#wave [role=slider]").focus()
        page.keyboard.press("Home")
        page.keyboard.press("r")
        page.wait_for_selector(".typed-line .redacted-mark")
        assert violations(window) == []
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        page.click("#clip-form button.primary")
        page.wait_for_url(lambda url: "/clips/" in url and not url.endswith("/edit"))
        page.wait_for_selector("[data-clip-player]", timeout=120_000)
        assert "4111" not in page.inner_text("#words")
        assert "I look it up." in page.inner_text("#words")
        page.check("input[name=privacy_checked]")
        page.click("text=Publish clip")
        page.wait_for_selector("text=Retire clip")
        assert window.wrong == []
