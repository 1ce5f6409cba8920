"""The words of a call are corrected while it is heard: by keyboard alone, by hand, beside somebody else."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.browser.conftest import PASSWORD, Centre, start_centre, until
from tests.browser.test_editor import violations
from tests.clips.makers import TURNS, a_prepared_call, a_tone, spoken_only
from tests.factories import a_person

pytestmark = [pytest.mark.browser, pytest.mark.slow]
ROSA, MEI = "rosa@encore.example", "mei@encore.example"


@pytest.fixture(scope="module")
def centre(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Centre]:
    """Two trainers and three calls with the same words; seeded: the calls' ids."""
    folder = tmp_path_factory.mktemp("words")
    tone = a_tone(folder / "call.wav")

    async def seed() -> list[str]:
        await a_person("trainer", name="Rosa Lind", email=ROSA, password=PASSWORD)
        await a_person("trainer", name="Mei Tan", email=MEI, password=PASSWORD)
        sources = ("recognised", "uploaded", "uploaded")
        spoken = spoken_only(TURNS)
        return [str(await a_prepared_call(tone, spoken, transcript_source=source)) for source in sources]

    with start_centre(folder / "data", seed) as running:
        yield running


def lines(page: Any) -> list[str]:
    return page.locator(".said-text > span").all_inner_texts()


def saved(page: Any, *wanted: str) -> None:
    """The server has these lines, and the page shows them."""
    until(page, lambda: page.inner_text("[data-state]") == "Saved" and lines(page) == list(wanted))


FIRST, CARD, MOMENT, THANKS = (text for _start, _end, _who, text in spoken_only(TURNS))


@pytest.mark.parametrize("width", [1280, 390])
def test_by_keyboard_alone_lines_are_heard_corrected_split_joined_and_undone(
    chromium: Any, centre: Centre, width: int
) -> None:
    with centre.window(chromium, ROSA, width=width) as window:
        page = window.open(f"/calls/{centre.seeded[0 if width == 1280 else 1]}/transcript")
        key = page.keyboard.press
        stops = page.locator(".said-lines button[tabindex='0']")
        assert stops.count() == 2  # one line of the list is in the way of Tab
        stops.last.focus()
        key("ArrowDown")
        key("Control+Shift+Space")
        until(page, lambda: page.locator(".said[aria-current] .said-text span").all_inner_texts() == [CARD])
        key("F8")
        key("Enter")
        assert page.evaluate("document.activeElement.value") == CARD
        key("End")
        page.keyboard.type(" Thank you.")
        key("Enter")  # saves it, and goes on with the next
        until(page, lambda: page.evaluate("document.activeElement.value") == MOMENT)
        until(page, lambda: page.inner_text("[data-state]") == "Saved")
        key("Home")
        for _step in range(4):
            key("ArrowRight")
        key("Enter")  # inside a line it splits
        until(page, lambda: page.evaluate("document.activeElement.value") == "moment.")
        key("Backspace")  # at its start it joins what was split
        until(page, lambda: page.evaluate("document.activeElement.value") == "One moment.")
        key("Escape")
        saved(page, FIRST, f"{CARD} Thank you.", MOMENT, THANKS)
        assert page.evaluate("document.activeElement.matches('[data-edit]')")
        for left in (3, 2, 1):
            key("Control+z")
            until(page, lambda: page.inner_text("[data-state]") == "Saved")
            del left
        until(page, lambda: lines(page) == [FIRST, CARD, MOMENT, THANKS])
        key("Control+Shift+z")
        saved(page, FIRST, f"{CARD} Thank you.", MOMENT, THANKS)
        # after the last line a new one begins at the playhead; empty, it is gone
        key("End")
        key("Enter")
        key("End")
        key("Enter")
        until(
            page,
            lambda: (
                page.locator(".said.open").count() == 1
                and page.evaluate("document.activeElement.value") == ""
            ),
        )
        page.keyboard.type("Goodbye.")
        key("Control+s")
        until(page, lambda: len(lines(page)) == 5 and page.inner_text("[data-state]") == "Saved")
        assert violations(window) == []
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert window.wrong == []


def test_a_line_that_cannot_be_saved_stays_open_with_what_was_typed(chromium: Any, centre: Centre) -> None:
    with centre.window(chromium, ROSA) as window:
        page = window.open(f"/calls/{centre.seeded[2]}/transcript")
        page.context.set_offline(True)
        page.get_by_role("button", name=FIRST).click()
        page.keyboard.type(" Hello!")
        page.keyboard.press("Control+s")
        page.wait_for_selector("[data-problem]:visible")
        assert page.locator(".said-words textarea").input_value() == f"{FIRST} Hello!"
        page.context.set_offline(False)
        page.keyboard.press("Control+s")
        until(page, lambda: lines(page)[0] == f"{FIRST} Hello!")
        page.keyboard.press("Control+z")
        until(page, lambda: lines(page)[0] == FIRST)


def test_two_correct_one_call_and_neither_loses_a_word(chromium: Any, centre: Centre) -> None:
    with centre.window(chromium, ROSA) as one, centre.window(chromium, MEI) as other:
        address = f"/calls/{centre.seeded[2]}/transcript"
        first, second = one.open(address), other.open(address)

        def correct(page: Any, old: str, text: str) -> None:
            page.get_by_role("button", name=old).click()
            page.keyboard.press("Control+a")
            page.keyboard.type(text)
            page.keyboard.press("Control+s")

        correct(first, FIRST, "Thanks for the call.")
        until(first, lambda: first.inner_text("[data-state]") == "Saved")
        # another line: both stay
        correct(second, THANKS, "Thank you so much.")
        saved(second, "Thanks for the call.", CARD, MOMENT, "Thank you so much.")
        # the same line: whoever comes second sees both, and decides
        correct(first, THANKS, "Thanks a lot.")
        first.wait_for_selector("[data-problem]:visible")
        assert "Thank you so much." in first.inner_text("[data-problem]")
        assert first.locator(".said-words textarea").input_value() == "Thanks a lot."
        first.keyboard.press("Escape")
        until(first, lambda: lines(first)[3] == "Thank you so much.")
        correct(second, MOMENT, "One minute.")
        until(second, lambda: second.inner_text("[data-state]") == "Saved")
        correct(first, MOMENT, "A moment.")
        first.wait_for_selector("[data-problem]:visible")
        first.keyboard.press("Control+s")
        saved(first, "Thanks for the call.", CARD, "A moment.", "Thank you so much.")


def test_the_page_opens_at_a_moment_and_follows_the_sound(chromium: Any, centre: Centre) -> None:
    with centre.window(chromium, ROSA) as window:
        page = window.open(f"/calls/{centre.seeded[2]}/transcript?at=10500")
        until(page, lambda: page.evaluate("document.querySelector('figure').clipPlayer.ms") == 10500)
        page.get_by_role("button", name="Play the call").click()
        until(page, lambda: page.locator(".said").nth(2).get_attribute("aria-current") == "true")


def test_a_file_takes_the_place_of_the_words_and_a_wrong_one_is_refused_at_its_field(
    chromium: Any, centre: Centre
) -> None:
    with centre.window(chromium, ROSA) as window:
        page = window.open(f"/calls/{centre.seeded[1]}/transcript")
        page.on("dialog", lambda dialog: dialog.accept())

        def send(content: bytes) -> None:
            page.set_input_files(
                "input[name=transcript]",
                {"name": "words.srt", "mimeType": "text/plain", "buffer": content},
            )
            page.get_by_role("button", name="Replace the words", exact=True).click()

        send(b"a letter")
        page.wait_for_selector("#words-file .error")
        assert "no transcript that we can read" in page.inner_text("#words-file .error")
        send(b"1\n00:00:01,000 --> 00:00:02,000\nAgent: From a file.\n")
        until(page, lambda: lines(page) == ["From a file."])
