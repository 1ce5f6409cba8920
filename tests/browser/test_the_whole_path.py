"""From a call to a cheer, by hand: a trainer uploads, cuts, publishes and builds; an agent on a phone takes the
module; a colleague sees the milestone arrive in an open window.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.browser.conftest import PASSWORD, Centre, Window, start_centre, until
from tests.browser.test_editor import violations
from tests.clips.makers import CALL_MS, TURNS, a_rule, a_tone
from tests.factories import a_person, a_team
from trainer.career.documents import import_path

pytestmark = pytest.mark.browser

TRAINER, AGENT, COLLEAGUE = "rosa@encore.example", "lin@encore.example", "amara@encore.example"
PATH = {
    "path": {"code": "agent", "title": {"en": "Agent"}, "role": "agent"},
    "levels": [
        {
            "code": "ready",
            "title": {"en": "Ready for calls"},
            "summary": {"en": "The first step."},
            "horizon": "near",
            "milestones": [
                {
                    "code": "first-module",
                    "title": {"en": "A good beginning"},
                    "why": {"en": "You listened before you spoke."},
                    "criteria": [{"fact": "module_completed", "subject": "listen-first", "count": 1}],
                }
            ],
        }
    ],
}


@pytest.fixture(scope="module")
def centre(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Centre]:
    folder = tmp_path_factory.mktemp("path")

    async def seed() -> str:
        team = await a_team("Harbour")
        await a_person("trainer", name="Rosa Lind", email=TRAINER, password=PASSWORD)
        await a_person("agent", name="Lin Xia", email=AGENT, password=PASSWORD, team=team)
        await a_person("agent", name="Amara Nwosu", email=COLLEAGUE, password=PASSWORD, team=team)
        await a_rule("R01")
        await import_path(PATH)
        return ""

    with start_centre(folder / "data", seed) as running:
        yield running


@pytest.fixture
def call(tmp_path: Path) -> tuple[Path, Path]:
    """A recording and its transcript, as files on the trainer's desk."""

    def clock(ms: int) -> str:
        return f"{ms // 3_600_000:02}:{ms // 60_000 % 60:02}:{ms // 1000 % 60:02}.{ms % 1000:03}"

    cues = [
        f"{clock(start)} --> {clock(end)}\n<v {speaker.title()}>{' '.join(word for _s, _e, word in words)}"
        for start, end, speaker, words in TURNS
    ]
    transcript = tmp_path / "call.vtt"
    transcript.write_text("WEBVTT\n\n" + "\n\n".join(cues) + "\n")
    return a_tone(tmp_path / "call.wav"), transcript


PLAYED_MS = "document.querySelector('[data-clip-player]').clipPlayer.ms"


def upload(window: Window, audio: Path, transcript: Path) -> None:
    page = window.open("/calls/new")
    page.set_input_files("input[name=audio]", audio)
    page.set_input_files("input[name=transcript]", transcript)
    page.fill("input[name=title]", "A question about a card")
    page.select_option("select[name=agent]", label="Amara Nwosu")
    page.click("text=Contract with the customer")
    page.click("text=Upload call")
    page.wait_for_url("**/calls/*-*")
    page.wait_for_selector("text=Cut a clip", timeout=120_000)


def cut_and_publish(window: Window) -> None:
    page = window.page
    page.click("text=Cut a clip")
    page.wait_for_selector("[data-editor][data-ready]")
    page.fill("#f-start", "0:05.0")
    page.fill("#f-end", "0:12.0")
    page.keyboard.press("Tab")
    page.fill("#f-cue", "0:07.0")
    page.fill("#f-title", "Let me stop you there")
    page.check("#clip-form .check input >> nth=0")
    page.click("#clip-form button.primary")
    page.wait_for_url("**/clips/*-*")
    page.wait_for_selector("[data-clip-player]", timeout=120_000)
    page.check("input[name=privacy_checked]")
    page.click("text=Publish clip")
    page.wait_for_selector("text=Retire clip")


def build_module(window: Window) -> None:
    page = window.open("/modules/new")
    page.fill("input[name=title]", "Listen first")
    page.check("input[name=rules] >> nth=0")
    page.click("text=Build the draft")
    page.wait_for_selector(".draft-step")
    assert page.locator(".draft-step").count() == 4  # read the rule, hear it, judge, recall it
    page.click("text=Publish version 1")
    page.wait_for_selector("text=Assign")


def take_module(window: Window) -> None:
    page = window.open("/learn")
    page.click("text=Take it")
    page.wait_for_url("**/learn/*-*")
    page.click("main button.primary")
    page.wait_for_selector("text=I have read it")
    assert violations(window) == []
    page.click("text=I have read it")
    page.wait_for_selector("text=I listened")
    # leave and come back: the module goes on where it was
    window.open("/home")
    page.click("main .hero a.primary, main .hero button.primary")
    page.wait_for_selector("text=I listened")
    page.click("[data-clip-player] button >> nth=0")
    page.click("text=I listened")
    judge(window)
    page.wait_for_selector("textarea[name=text]")
    page.fill("textarea[name=text]", "no idea at all")
    page.click("text=Check my answer")
    page.wait_for_selector("text=Not yet")
    statement = page.inner_text(".rule-words")
    page.click("text=Try again")
    page.fill("textarea[name=text]", statement)
    page.click("text=Check my answer")
    page.wait_for_selector("text=You know it by heart")
    page.click("text=See what you did")
    page.wait_for_selector("text=A good beginning", timeout=120_000)
    assert violations(window) == []


def judge(window: Window) -> None:
    """Wrong first, then right with the second marked; the page gives nothing away before."""
    page = window.page
    page.wait_for_selector("text=The rule is met")
    assert "Let me stop you there" not in page.content()
    page.click("text=Check my answer")  # both that are open are said at once
    page.wait_for_selector("text=Please choose one.")
    page.wait_for_selector("text=Mark the second at which you hear it.")
    page.check("input[value=missed]")
    page.click("text=Check my answer")
    assert page.locator("[data-mark-here]").evaluate("button => button === document.activeElement")
    page.click("[data-clip-player] button >> nth=0")
    until(page, lambda: page.evaluate(PLAYED_MS) > 1_500)
    page.click("text=It happens here")
    page.click("text=Check my answer")
    page.wait_for_selector("text=Not yet: here the rule is met")
    page.click("text=Try again")
    page.check("input[value=met]")
    page.click("[data-clip-player] button >> nth=0")
    until(page, lambda: page.evaluate(PLAYED_MS) > 1_500)
    page.click("text=It happens here")
    page.click("text=Check my answer")
    page.wait_for_selector("text=Yes: the rule is met")
    assert violations(window) == []
    page.click("text=Continue")


def test_from_a_call_to_a_cheer(chromium: Any, centre: Centre, call: tuple[Path, Path]) -> None:
    assert CALL_MS > 12_000
    with centre.window(chromium, TRAINER) as trainer:
        upload(trainer, *call)
        cut_and_publish(trainer)
        build_module(trainer)
        assert trainer.wrong == []
    with (
        centre.window(chromium, COLLEAGUE) as colleague,
        centre.window(chromium, AGENT, width=390) as agent,
    ):
        feed = colleague.open("/recognition")
        feed.wait_for_selector("main h1")
        loaded = [url for url in colleague.asked if url.endswith("/recognition")]
        take_module(agent)
        feed.wait_for_selector("text=Lin Xia reached a milestone", timeout=120_000)
        feed.wait_for_selector("#week :text('Lin Xia')")
        assert [url for url in colleague.asked if url.endswith("/recognition")] == loaded  # no reload
        assert "A good beginning" in feed.inner_text("main")
        feed.click("main article >> text=Thank")
        until(feed, lambda: feed.locator("article [aria-pressed=true]").count() == 1)
        assert colleague.wrong == []
        page = agent.open("/path")
        page.wait_for_selector("text=Ready for calls")
        assert agent.wrong == []
