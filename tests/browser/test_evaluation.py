"""An analyst scores a call with the keyboard alone; its agent reads and answers on a phone."""

import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from tests.audio import makers
from tests.browser.conftest import PASSWORD, Centre, start_centre, until
from tests.browser.test_editor import violations
from tests.factories import a_person, a_rulebook, a_team, viewer_for
from trainer import jobs
from trainer.calls.service import RecordingFields, receive_recording
from trainer.rulebook.service import published_rules

pytestmark = pytest.mark.browser

ANALYST, AGENT = "zhou@encore.example", "amara@encore.example"
WORDS = b"""WEBVTT

00:00.000 --> 00:04.000
<v Agent>Good morning.

00:04.000 --> 00:08.000
<v Caller>I am lost at the metro exit.
"""


@pytest.fixture(scope="module")
def centre(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Centre]:
    sound = tmp_path_factory.mktemp("desk") / "call"
    makers.write(sound, makers.KINDS["wav"], makers.call(20, 16_000))
    short = sound.with_name("short")
    makers.write(short, makers.KINDS["wav"], makers.call(2, 16_000))

    async def seed() -> str:
        await a_rulebook()
        await a_person("qa_analyst", name="Zhou Min", email=ANALYST, password=PASSWORD)
        agent = await a_person(
            "agent", name="Amara Nwosu", email=AGENT, password=PASSWORD, team=await a_team()
        )
        trainer = viewer_for(await a_person("trainer", name="Rosa Lind"))
        fields = RecordingFields(
            title="Lost at the exit", agent=agent.id, rulebook="starter", consent_basis="contract"
        )
        call = await receive_recording(trainer, sound, fields, transcript=WORDS)
        await receive_recording(trainer, short, replace(fields, title="A short one"), transcript=None)
        await jobs.drain()
        assert len(await published_rules()) == 11
        return str(call)

    with start_centre(tmp_path_factory.mktemp("evaluations") / "data", seed) as running:
        yield running


def saved(page: Any) -> Callable[[], bool]:
    return lambda: page.inner_text("[data-judge-state]") == "Saved"


def mark_of(page: Any, rule: str) -> str:
    return str(page.locator(f"[data-judge-rule={rule}] .judge-marks input:checked").get_attribute("value"))


def test_a_call_is_scored_with_the_keyboard_and_answered_on_a_phone(chromium: Any, centre: Centre) -> None:
    call = centre.seeded
    with centre.window(chromium, ANALYST) as window:
        page = window.open("/evaluations")
        page.focus("text=Lost at the exit")
        page.keyboard.press("Enter")
        page.wait_for_url(f"**/calls/{call}/evaluate")
        assert violations(window) == []
        page.keyboard.press("m")  # nobody knows of which rule while the focus is nowhere
        page.keyboard.press("?")
        assert page.locator("dialog#keys").is_visible()
        page.keyboard.press("Escape")
        page.evaluate("document.activeElement.blur()")
        for key in "jmjx":
            page.keyboard.press(key)
        assert (mark_of(page, "R01"), mark_of(page, "R02")) == ("met", "missed")
        until(page, saved(page))
        until(page, lambda: "One entered" in page.inner_text("[data-judge-summary]"))
        page.keyboard.press("p")
        until(page, lambda: page.evaluate("document.querySelector('.call-player').clipPlayer.ms") > 1200)
        page.keyboard.press("t")
        page.keyboard.press("p")
        at = page.input_value("[name='at-R02']")
        assert re.fullmatch(r"0:0[1-9]\.\d", at)
        page.keyboard.press("c")
        with page.expect_response(lambda answer: "letters+here" in (answer.request.post_data or "")):
            page.keyboard.type("mxn are letters here")
        assert mark_of(page, "R02") == "missed"
        page.keyboard.press("Escape")
        page.keyboard.press("?")
        assert page.locator("dialog#keys").is_visible()
        page.keyboard.press("Escape")
        # another window of the same analyst changes it: this one stops and says so
        until(page, saved(page))
        other = window.context.new_page()
        other.goto(f"{centre.url}/calls/{call}/evaluate")
        assert mark_of(other, "R02") == "missed"
        assert other.input_value("[name='comment-R02']") == "mxn are letters here"
        other.focus("[data-judge-rule=R03] .judge-marks input:checked")
        with other.expect_response(lambda answer: answer.request.method == "POST"):
            other.keyboard.press("n")
        until(other, saved(other))
        page.focus("[data-judge-rule=R04] .judge-marks input:checked")
        page.keyboard.press("m")
        page.wait_for_selector("text=This evaluation was changed in another window")
        window.wrong.clear()  # the 412 that it was told
        page.click("text=Load what is saved")
        page.wait_for_load_state("load")
        assert (mark_of(page, "R03"), mark_of(page, "R04")) == ("not_applicable", "")
        # and what is typed at the last moment goes along
        page.fill("[name=comment]", "Your voice is warm.")
        page.focus("button:has-text('Review and release')")
        page.keyboard.press("Enter")
        page.wait_for_url("**/release")
        assert "8 rules have no mark: they do not count" in page.inner_text("main")
        assert violations(window) == []
        page.focus("[name=confirm_unmarked]")
        page.keyboard.press("Space")
        page.focus("form .primary")
        page.keyboard.press("Enter")
        page.wait_for_selector("text=The call entered a no-go zone")
        assert violations(window) == []
        address = page.url
        assert window.wrong == []
    with centre.window(chromium, AGENT, width=360, theme="dark") as window:
        page = window.open("/evaluations")
        page.click("text=Lost at the exit")
        page.wait_for_url(address)
        assert page.evaluate("document.documentElement.scrollWidth") <= 360
        assert "Your voice is warm." in page.inner_text("main")
        assert violations(window) == []
        page.click("[data-judge-hear] >> nth=0")
        until(page, lambda: page.evaluate("document.querySelector('.call-player').clipPlayer.playing"))
        assert page.evaluate("document.querySelector('.call-player').clipPlayer.ms") >= 1000
        page.fill("[name=words]", "The caller gave both details before.")
        page.click("text=Send answer")
        page.wait_for_selector(".judge-thread:has-text('The caller gave both details before.')")
        assert window.wrong == []
    with centre.window(chromium, ANALYST) as window:
        window.page.goto(address)
        assert "The caller gave both details before." in window.page.inner_text("main")
        assert "Read " in window.page.inner_text(".page-head")


def test_a_refused_save_sends_nothing_later_and_still_warns(chromium: Any, centre: Centre) -> None:
    with centre.window(chromium, ANALYST) as window:
        page = window.open("/evaluations")
        page.click("text=A short one")
        page.wait_for_url("**/evaluate")
        page.focus("[data-judge-rule=R01] .judge-marks input:checked")
        page.keyboard.press("m")
        until(page, saved(page))
        here, held = page.url, list[Any]()
        page.route("**/edit", lambda route: route.continue_() if held else held.append(route))
        page.fill("[name='at-R01']", "soon")
        page.focus("button:has-text('Review and release')")
        until(page, lambda: held)
        page.keyboard.press("Enter")  # while that save is on its way
        held[0].continue_()
        until(page, lambda: page.inner_text("[data-judge-state]").startswith("Not saved:"))
        leaving = "!dispatchEvent(new Event('beforeunload', { cancelable: true }))"
        assert page.evaluate(leaving), "what is not saved is warned of"
        with page.expect_response(lambda answer: answer.request.method == "POST") as mended:
            page.fill("[name='at-R01']", "0:01")
        assert mended.value.request.header_value("HX-Request") == "true"
        until(page, saved(page))
        assert page.url == here, "the mended save leads nowhere by itself"
        window.wrong.clear()  # the 422 that it was told
        page.focus("button:has-text('Review and release')")
        page.keyboard.press("Enter")
        page.wait_for_url("**/release")
        assert window.wrong == []


@pytest.mark.parametrize(("width", "theme"), [(1280, "dark"), (360, "light")])
def test_the_board_fits(chromium: Any, centre: Centre, width: int, theme: str) -> None:
    with centre.window(chromium, ANALYST, width=width, theme=theme) as window:
        for path in ("/evaluations",):
            page = window.open(path)
            assert page.evaluate("document.documentElement.scrollWidth") <= width
            assert violations(window) == []
            assert window.wrong == []
