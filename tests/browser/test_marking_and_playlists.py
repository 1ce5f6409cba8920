"""Marking several regions by keyboard, and playlists put in order and heard, in a real browser."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.browser.conftest import PASSWORD, Centre, announced, start_centre, until
from tests.browser.test_editor import violations
from tests.clips.makers import a_call_of_two_sides, a_prepared_call, a_rule, a_tone, fields
from tests.factories import a_person, viewer_for
from trainer import jobs
from trainer.calls.service import RecordingFields, receive_recording
from trainer.clips import service as clips
from trainer.clips.playlists.service import PlaylistFields, make_playlist

pytestmark = [pytest.mark.browser, pytest.mark.slow]

TRAINER = "rosa@encore.example"
PAYS = [
    (0, 4_000, "agent", "And how will you pay?"),
    (5_000, 9_000, "caller", "With my card, 4111 1111 1111 1111."),
    (10_000, 14_000, "agent", "One moment."),
    (15_000, 19_000, "caller", "My name is Joan Miller."),
]
WORDS = b"""WEBVTT

00:00.000 --> 00:04.000
<v agent>Thanks for calling.

00:05.000 --> 00:09.000
<v caller>I have a question.
"""


@pytest.fixture(scope="module")
def centre(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Centre]:
    """A centre with a call, a playlist of three half-second clips, and a call with a side on each of two channels in
    which a card and a name are said. Seeded: the ids of the three."""
    folder = tmp_path_factory.mktemp("marking")
    tone, two = a_tone(folder / "call.wav"), a_call_of_two_sides(folder / "two.wav")

    async def seed() -> tuple[str, str, str]:
        trainer = viewer_for(await a_person("trainer", name="Rosa Lind", email=TRAINER, password=PASSWORD))
        await a_rule("R01")
        await a_rule("R02", title="Check who is calling")
        call = await receive_recording(
            trainer, tone, RecordingFields(title="A question", consent_basis="synthetic"), transcript=WORDS
        )
        await jobs.drain()
        made = [
            await clips.create_clip(
                trainer, call, fields(start_ms=start, end_ms=start + 900, title=title, cue_ms=None, note="")
            )
            for title, start in (("First", 0), ("Second", 1_000), ("Third", 5_000))
        ]
        await jobs.drain()
        for clip in made:
            await clips.publish_clip(trainer, clip, review="self", privacy_checked=True)
        items = [(clip, "Hear it") for clip in made]
        playlist = await make_playlist(trainer, PlaylistFields("Mornings", "", "everyone"), items)
        await jobs.drain()
        return str(call), str(playlist), str(await a_prepared_call(two, PAYS))

    with start_centre(folder / "data", seed) as running:
        yield running


def test_regions_are_marked_by_keyboard_while_the_call_plays(chromium: Any, centre: Centre):
    with centre.window(chromium, TRAINER) as window:
        page = window.open(f"/calls/{centre.seeded[0]}/mark?rule=R01")
        page.wait_for_selector("[data-marking][data-ready]")
        rows = page.locator("[data-region]")
        assert rows.count() == 0
        assert not [url for url in window.asked if url.endswith("/audio")]  # no sound before Play
        assert page.evaluate("dispatchEvent(new Event('beforeunload', {cancelable: true}))")
        page.focus("#wave [role=slider]")
        page.keyboard.press("Space")
        until(page, lambda: page.inner_text("[data-now]") > "0:00.4")
        page.keyboard.press("m")
        assert page.inner_text('[data-do="mark"]') == "Mark the end"
        until(page, lambda: page.inner_text("[data-now]") > "0:01.4")
        page.keyboard.press("m")
        page.keyboard.press("Space")
        assert rows.count() == 1
        announced(page, "Region 1 from")
        page.keyboard.press("m")
        page.keyboard.press("Escape")
        assert (rows.count(), page.inner_text('[data-do="mark"]')) == (1, "Mark the start")
        # a line of the transcript is marked too; the rule goes on from region to region
        page.locator("[data-mark-line]").nth(1).click()
        second = rows.nth(1)
        assert second.locator("[data-time=start]").input_value() == "0:04.85"
        # a start that cannot be is refused beside it, and the region stays where it was
        ends = [second.locator(f"[data-time={each}]") for each in ("start", "end")]
        before = [each.input_value() for each in ends]
        ends[0].fill("1:40")
        ends[0].press("Tab")
        assert "The call ends at" in second.locator(".time-note").inner_text()
        assert [each.input_value() for each in ends] == before
        assert second.locator("input[value=R01]").is_checked()
        second.locator("[data-rules] select").select_option("R02")
        assert second.locator("[data-chosen] input:checked").count() == 2
        second.locator("[data-play]").click()
        until(page, lambda: page.inner_text("[data-now]") >= "0:05")
        second.locator("[data-cue]").click()
        # where the sound is just then: on a busy machine it may have reached the region's end
        assert (
            "0:05"
            <= second.locator("[data-time=cue]").input_value()
            <= second.locator("[data-time=end]").input_value()
        )
        second.locator("[data-play]").click()
        # typed in a title, M is a letter
        second.locator("input[name^=title]").type("Mmm")
        assert rows.count() == 2
        assert not page.evaluate("dispatchEvent(new Event('beforeunload', {cancelable: true}))")
        second.locator("[data-remove]").click()
        assert rows.count() == 1
        page.click("[data-bring-back]")
        assert second.locator("input[name^=title]").input_value() == "Mmm"
        # a title is proposed from the rule; without one it is asked for
        begins = rows.nth(0).locator("[data-time=start]").input_value()[:4]
        assert rows.nth(0).locator("input[name^=title]").get_attribute("placeholder").endswith(f", {begins}")
        rows.nth(0).locator("input[value=R01]").uncheck()
        page.click("#mark-form button.primary")
        page.wait_for_selector(".form-errors")
        page.wait_for_selector("[data-marking][data-ready]")
        assert rows.count() == 2
        assert rows.nth(1).locator("input[name^=title]").input_value() == "Mmm"
        assert not page.evaluate("dispatchEvent(new Event('beforeunload', {cancelable: true}))")
        assert [line for line in violations(window) if "422" not in line] == []
        rows.nth(0).locator("[data-rules] select").select_option("R01")
        page.click("#mark-form button.primary")
        page.wait_for_url("**/mark/*-*")
        until(page, lambda: page.locator("[name=heard]").count() == 2)
        for box in page.locator("[name=heard]").all():
            box.check()
        page.click("text=Publish those ticked")
        page.wait_for_selector("text=2 clips are published")


PRESS_AS_SOON_AS_IT_IS_THERE = """(wanted) => {
  new MutationObserver((changes, watch) => {
    const button = document.querySelector(wanted);
    if (!button) return;
    watch.disconnect();
    window.pressed = true;
    button.click();
  }).observe(document.body, { childList: true, subtree: true });
}"""


def focused(page: Any) -> str:
    return page.evaluate(
        "document.activeElement.getAttribute('aria-label') ?? document.activeElement.textContent.trim()"
    )


def test_both_sides_are_heard_apart_and_personal_data_is_decided_where_clips_are_marked(
    chromium: Any, centre: Centre
):
    with centre.window(chromium, TRAINER) as window:
        page = window.open(f"/calls/{centre.seeded[2]}/mark?rule=R01")
        page.wait_for_selector("[data-marking][data-ready]")
        assert page.locator("[data-lane]").all_inner_texts() == ["Caller", "Agent"]
        page.focus("#wave [role=slider]")
        page.keyboard.press("1")
        assert page.get_attribute("[data-mute] >> nth=0", "aria-pressed") == "true"
        page.keyboard.press("1")
        page.fill("[data-balance]", "-100")
        assert page.get_attribute("[data-balance]", "aria-valuetext") == "Agent 100 %"
        assert not [url for url in window.asked if url.endswith("/audio")]
        # each region says what in it may be personal data; what is redacted here goes with the form
        for line in (1, 3):
            page.locator("[data-mark-line]").nth(line).click()
        card, name = page.locator("[data-region]").all()
        announced(page, "Region 2: One to decide")
        until(page, lambda: card.locator("[data-count]").inner_text() == "One to decide")
        card.locator("[data-accept]").focus()
        page.keyboard.press("Enter")
        assert card.locator("[data-count]").inner_text() == "All decided"
        assert focused(page).startswith("Undo: Card number")
        # the wave shows what is hidden, where it is in sight
        page.locator("#wave [part~=scroll]").evaluate("(wave) => { wave.scrollLeft = 0; }")
        until(page, lambda: page.locator("#wave [part~=redaction]").count() == 1)
        page.keyboard.press("Enter")
        until(page, lambda: card.locator("[data-count]").inner_text() == "One to decide")
        assert page.locator("#wave [part~=redaction]").count() == 0
        card.locator("[data-accept]").press("Enter")
        assert "beep" in card.locator("[name^=redactions]").input_value()
        # rules used lately come before the others
        assert card.locator("[data-chosen]").inner_text() == "Listen to the end"
        groups = card.locator("[data-rules] optgroup").evaluate_all("all => all.map((each) => each.label)")
        assert groups[0] == "Used lately"
        assert violations(window) == []
        page.click("#mark-form button.primary")
        page.wait_for_url("**/mark/*-*")
        until(page, lambda: page.locator("[data-clip-player]").count() == 2)
        card, name = page.locator("#marked > li").all()
        assert "1111" not in card.locator("figure").inner_text()
        # what was left open is decided here too, taken back, decided again: the focus goes on by itself
        name.locator("button:has-text('Redact')").press("Enter")
        until(page, lambda: "Redacted by Rosa Lind" in name.inner_text())
        until(page, lambda: name.locator("[data-clip-player]").count() == 1)
        assert "Joan" not in name.locator("figure").inner_text()
        name.locator("button:has-text('Undo')").press("Enter")
        until(page, lambda: focused(page).startswith("Redact: Name"))
        until(page, lambda: name.locator("[data-clip-player]").count() == 1)
        name.locator("button:has-text('Leave as it is')").press("Enter")
        until(page, lambda: "Left as it is by Rosa Lind" in name.inner_text())
        until(page, lambda: page.evaluate("document.activeElement.name") == "heard")
        # a button that has just come can be pressed at once: it does not send the whole page
        page.evaluate(PRESS_AS_SOON_AS_IT_IS_THERE, "button[aria-label^='Leave as it is: Name']")
        name.locator("button:has-text('Undo')").press("Enter")
        until(page, lambda: page.evaluate("window.pressed"))
        until(page, lambda: "Left as it is by Rosa Lind" in name.inner_text())
        until(page, lambda: page.evaluate("document.activeElement.name") == "heard")
        assert page.evaluate("window.pressed"), "the page was loaded anew"
        # a button without its tick says so and takes the focus there; with it the clip goes on, alone
        name.locator("button:has-text('Publish')").press("Enter")
        until(page, lambda: "tick that you did" in name.inner_text())
        until(page, lambda: page.evaluate("document.activeElement.name") == "heard")
        assert violations(window) == []
        page.keyboard.press("Space")
        name.locator("button:has-text('Publish')").press("Enter")
        until(page, lambda: "Published" in name.inner_text())
        assert page.locator("[name=heard]").count() == 1
        card.locator("[name=heard]").check()
        page.click("text=Publish those ticked")
        page.wait_for_selector("text=One clip is published")
        assert window.wrong == []


def test_a_playlist_is_put_in_order_and_goes_on_by_itself(chromium: Any, centre: Centre):
    here = f"/clips/playlists/{centre.seeded[1]}"
    with centre.window(chromium, TRAINER) as window:
        page = window.open(f"{here}/edit")

        def order() -> list[str]:
            return page.locator("[data-row] b[data-title]").all_inner_texts()

        page.focus("[data-row]:nth-child(3) [name=up]")
        page.keyboard.press("Enter")
        page.keyboard.press("Enter")
        assert order() == ["Third", "First", "Second"]
        announced(page, "Third: now 1 of 3")
        grip = page.locator("[data-row]:nth-child(3) [data-grip]").bounding_box()
        above = page.locator("[data-row]:nth-child(1)").bounding_box()
        page.mouse.move(grip["x"] + 8, grip["y"] + 8)
        page.mouse.down()
        page.mouse.move(above["x"] + 20, above["y"] + 4, steps=8)
        page.mouse.up()
        assert order() == ["Second", "Third", "First"]
        page.click("[data-row]:nth-child(3) [name=remove]")
        page.fill("[data-find]", "first")
        page.click('[data-add][data-title="First"]')
        assert order() == ["Second", "Third", "First"]
        assert page.locator("[name^=note-]").nth(2).input_value() == ""
        page.click("[data-save]")
        page.wait_for_url(f"**{here}")
        assert violations(window) == []
        page.click('[data-list="play"]')
        until(page, lambda: page.locator("[data-item][aria-current]").get_attribute("data-title") == "Third")
        announced(page, "2 of 3: Third")
        until(page, lambda: page.locator("[data-item][aria-current]").get_attribute("data-title") == "First")
        announced(page, "The list is over")
        assert len([url for url in window.asked if url.endswith("/audio")]) >= 3
        # going on where one was
        page.click('[data-list="next"]')
        until(page, lambda: page.locator("figure.playing").count() == 1)
        with page.expect_response(lambda answer: answer.url.endswith("/place")):
            page.click('[data-list="play"]')
        until(page, lambda: page.inner_text('[data-list="play"]') == "Go on")
        window.open(here)
        assert page.inner_text('[data-list="play"]').startswith("Go on at")
        assert page.locator("[data-item][aria-current]").get_attribute("data-title") == "Third"
        assert window.wrong == []


def test_the_moment_goes_from_the_call_into_the_editor_and_space_keeps_what_is_selected(
    chromium: Any, centre: Centre
):
    with centre.window(chromium, TRAINER) as window:
        page = window.open(f"/calls/{centre.seeded[0]}?rule=R01&kind=near_miss")
        page.click("[data-clip-seek='5000']")
        until(page, lambda: page.inner_text("[data-clip-time]") >= "0:05")
        page.click("a:has-text('Cut a clip')")
        page.wait_for_selector("[data-editor][data-ready]")
        assert page.input_value("#f-start") == "0:05.0"
        assert page.is_checked("[name=polarity][value=near_miss]")
        assert page.get_attribute("#f-title", "placeholder").endswith(", 0:05")
        page.click("[data-line='0']")
        page.click("[data-line='1']", modifiers=["Shift"])
        selected = page.input_value("#f-start"), page.input_value("#f-end")
        page.keyboard.press("Space")
        until(page, lambda: page.inner_text("[data-now]") > "0:00.4")
        page.keyboard.press("c")
        page.keyboard.press("Space")
        assert (page.input_value("#f-start"), page.input_value("#f-end")) == selected
        assert page.input_value("#f-cue") > "0:00.3"
        assert page.locator(".turn.in-clip").count() == 2
        assert not page.evaluate("getComputedStyle(document.querySelector('.turns')).position == 'static'")
        page.click("#clip-form button.primary")
        page.wait_for_url(lambda url: "/clips/" in url and not url.endswith(("/edit", "/new")))
        assert page.inner_text("h1").endswith(", 0:00")
        page.click("a:has-text('Cut the next clip')")
        page.wait_for_selector("[data-editor][data-ready]")
        assert page.input_value("#f-start") == selected[1]
        assert window.wrong == []
