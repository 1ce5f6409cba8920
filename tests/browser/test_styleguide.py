"""The design system in a real browser: no page wider than a phone, no axe violation, a player that plays."""

import io
import json
import math
import os
import struct
import threading
import time
import wave
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import uvicorn

from tests.browser.conftest import until
from trainer.app import create_app
from trainer.settings import Settings

axe_api = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe is in the `test` extra")

pytestmark = pytest.mark.browser

SCREENS = ["", "/editor", "/step", "/wall", "/sign_in"]
EVERY_LOOK = [(width, theme) for width in (360, 390, 1280) for theme in ("light", "dark")]


@pytest.fixture(scope="module")
def guide(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of the style guide in a running app of its own."""
    folder = tmp_path_factory.mktemp("styleguide")
    settings = Settings(data=folder, secret_key="only for tests", debug=True, workers_embedded=False)
    server = uvicorn.Server(uvicorn.Config(create_app(settings), port=0, log_level="error", lifespan="off"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    until = time.monotonic() + 60
    while not server.started and time.monotonic() < until:
        time.sleep(0.02)
    port = server.servers[0].sockets[0].getsockname()[1]
    yield f"http://127.0.0.1:{port}/styleguide"
    server.should_exit = True
    thread.join(60)


class Window:
    """A page with what went wrong in it."""

    def __init__(self, browser: Any, width: int = 1280, theme: str = "light") -> None:
        self.context = browser.new_context(
            viewport={"width": width, "height": 844}, color_scheme=theme, reduced_motion="reduce"
        )
        self.page = self.context.new_page()
        self.wrong: list[str] = []
        self.page.on("pageerror", lambda error: self.wrong.append(str(error)))
        self.page.on("console", self._note)

    def _note(self, message: Any) -> None:
        if message.type in ("error", "warning"):
            self.wrong.append(message.text)

    def __enter__(self) -> "Window":
        return self

    def __exit__(self, *_error: object) -> None:
        self.context.close()


def looks(every: list[tuple[int, str]]) -> list[Any]:
    """One look in CI; all of them with `make test-full`."""
    if os.environ.get("TRAINER_TEST_FULL"):
        return [pytest.param(*look, marks=pytest.mark.full) for look in every]
    return [pytest.param(390, "dark")]


@pytest.mark.parametrize(("width", "theme"), looks(EVERY_LOOK))
@pytest.mark.parametrize("screen", SCREENS)
def test_every_screen_fits_and_is_accessible(
    guide: str, chromium: Any, screen: str, width: int, theme: str
) -> None:
    with Window(chromium, width, theme) as window:
        window.page.goto(guide + screen)
        window.page.wait_for_load_state("networkidle")
        assert window.page.evaluate("document.documentElement.scrollWidth") <= width, "it scrolls sideways"
        found = axe_api.Axe().run(window.page).response["violations"]
        assert [(one["id"], one["nodes"][0]["target"]) for one in found] == []
        assert window.wrong == [], "the console complains"


def test_what_is_pressed_is_large_enough_for_a_thumb(guide: str, chromium: Any) -> None:
    small = """() => [...document.querySelectorAll('button, summary, select, .button, .choice, .check')]
        .map((one) => [one.className, one.getBoundingClientRect()])
        .filter(([, box]) => box.width && Math.min(box.width, box.height) < 44)
        .map(([name, box]) => `${name} ${box.width}x${box.height}`)"""
    with Window(chromium, 390) as window:
        for screen in SCREENS:
            window.page.goto(guide + screen)
            within_fields = [one for one in window.page.evaluate(small) if "ghost small" not in one]
            assert within_fields == [], screen


def tone(seconds: int) -> bytes:
    """A quiet tone as a WAV file."""
    with io.BytesIO() as out:
        with wave.open(out, "wb") as sound:
            sound.setnchannels(1)
            sound.setsampwidth(2)
            sound.setframerate(8000)
            samples = (int(2000 * math.sin(index / 8)) for index in range(8000 * seconds))
            sound.writeframes(b"".join(struct.pack("<h", sample) for sample in samples))
        return out.getvalue()


@pytest.fixture
def players(guide: str, chromium: Any) -> Iterator[Window]:
    """The guide with a sound behind its clips."""
    sound = tone(42)

    def answer(route: Any) -> None:
        first = int((route.request.headers.get("range") or "bytes=0-")[6:].split("-")[0])
        headers = {
            "Content-Type": "audio/wav",
            "Accept-Ranges": "bytes",
            "Content-Range": f"bytes {first}-{len(sound) - 1}/{len(sound)}",
        }
        route.fulfill(status=206, headers=headers, body=sound[first:])

    with Window(chromium) as window:
        window.page.route("**/sample-*.mp3", answer)
        window.page.goto(guide)
        until(window.page, "document.querySelector('figure.clip').clipPlayer")
        yield window


def test_one_clip_plays_at_a_time_and_its_bars_follow(players: Window) -> None:
    page = players.page
    first, second = page.locator("figure.clip").nth(0), page.locator("figure.clip").nth(1)
    first.locator("[data-clip-play]").click()
    until(page, "document.querySelector('figure.clip').clipPlayer.ms > 300")
    assert first.locator("[data-clip-play]").get_attribute("aria-label").startswith("Pause")
    played = first.evaluate("clip => parseFloat(clip.clipPlayer.played.style.getPropertyValue('--played'))")
    assert played > 0
    second.locator("[data-clip-play]").click()
    until(page, "document.querySelectorAll('figure.clip')[1].clipPlayer.playing")
    assert first.evaluate("clip => clip.clipPlayer.playing") is False


def test_a_clip_is_moved_by_keyboard_pointer_and_transcript(players: Window) -> None:
    page = players.page
    clip = page.locator("figure.clip").first
    wave_bars = clip.locator("[role=slider]")
    wave_bars.focus()
    for key in ("End", "Home", "PageUp", "ArrowRight"):
        wave_bars.press(key)
    assert wave_bars.get_attribute("aria-valuetext") == "0:06 of 0:41"
    box = wave_bars.bounding_box()
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + 5)
    assert clip.evaluate("clip => clip.clipPlayer.ms") == pytest.approx(20_600, abs=300)
    clip.get_by_role("button", name="Transcript of").click()
    clip.locator("[data-clip-seek='15300']").click()
    until(page, "document.querySelector('figure.clip').clipPlayer.playing")
    assert "winter rate" in clip.locator(".transcript [aria-current=true]").inner_text()


def test_a_menu_closes_on_escape_and_gives_focus_back(guide: str, chromium: Any) -> None:
    with Window(chromium) as window:
        window.page.goto(guide)
        opener = window.page.get_by_label("More about this clip")
        opener.click()
        assert window.page.get_by_role("link", name="Edit clip").first.is_visible()
        window.page.keyboard.press("Escape")
        assert window.page.locator("details.menu[open]").count() == 0
        assert opener.evaluate("one => one === document.activeElement")


def test_a_refused_request_says_why_and_leaves_the_page_alone(guide: str, chromium: Any) -> None:
    def refuse(route: Any) -> None:
        if route.request.headers.get("hx-request") != "true":
            route.continue_()
            return
        document = {"type": "/problems/invalid", "status": 422, "detail": "You cannot thank yourself."}
        route.fulfill(status=422, content_type="application/problem+json", body=json.dumps(document))

    with Window(chromium) as window:
        window.page.route("**/styleguide", refuse)
        window.page.goto(guide)
        button = window.page.get_by_role("button", name="Thank", exact=True).first
        button.click()
        told = window.page.locator("#toasts .toast.bad")
        told.wait_for()
        assert told.inner_text().strip() == "You cannot thank yourself."
        assert button.is_visible()


def test_a_job_that_is_done_shows_what_comes_next(guide: str, chromium: Any) -> None:
    """The job's own part renews itself until it has ended; then the link beside it appears."""
    states = ["running", "running", "done"]
    part = '<div class="job {state}" id="job-x"{poll}><p class="job-title">Listening</p></div>'
    poll = ' hx-get="/jobs/x" hx-trigger="load delay:50ms" hx-swap="outerHTML"'

    def answer(route: Any) -> None:
        state = states.pop(0)
        body = part.format(state=state, poll=poll if state == "running" else "")
        route.fulfill(status=200, content_type="text/html", body=body)

    with Window(chromium) as window:
        page = window.page
        page.route("**/jobs/x", answer)
        page.goto(guide)
        page.evaluate(
            """part => {
                const waiting = document.createElement("div");
                waiting.dataset.job = "";
                waiting.innerHTML = part + '<a href="#" data-job-done hidden id="next">Hear it</a>';
                document.querySelector("main .stack").prepend(waiting);
                htmx.process(waiting);
            }""",
            part.format(state="queued", poll=poll),
        )
        page.locator("#next").wait_for(state="visible")
        assert states == []


def test_showing_more_moves_focus_to_the_first_new_item(guide: str, chromium: Any) -> None:
    def answer(route: Any) -> None:
        if route.request.headers.get("hx-request") == "true":
            body = '<ul><li><a href="#" id="new">One more</a></li></ul>'
            route.fulfill(status=200, content_type="text/html", body=body)
        else:
            route.continue_()

    with Window(chromium) as window:
        window.page.route("**/styleguide", answer)
        window.page.goto(guide)
        window.page.get_by_role("link", name="Show more").click()
        window.page.locator("#new").wait_for()
        until(window.page, "document.activeElement.id === 'new'")


def test_showing_more_rows_without_a_link_moves_focus_to_the_first_of_them(guide: str, chromium: Any) -> None:
    def answer(route: Any) -> None:
        if route.request.headers.get("hx-request") == "true":
            route.fulfill(status=200, content_type="text/html", body='<p id="new">Plain words</p><p>More</p>')
        else:
            route.continue_()

    with Window(chromium) as window:
        window.page.route("**/styleguide", answer)
        window.page.goto(guide)
        window.page.get_by_role("link", name="Show more").press("Enter")
        window.page.locator("#new").wait_for()
        until(window.page, "document.activeElement.id === 'new'")


def test_a_very_long_word_breaks_instead_of_widening_the_page(guide: str, chromium: Any) -> None:
    with Window(chromium, width=390) as window:
        window.page.goto(guide)
        for place in (".page-head h1", ".item-words b, .item-words a", ".table.cards td"):
            assert window.page.locator(place).count(), place
            window.page.locator(place).first.evaluate(
                "part => (part.textContent = 'Wolfeschlegel'.repeat(9))"
            )
            assert window.page.evaluate("document.documentElement.scrollWidth") <= 390, place


def test_unsaved_words_are_not_lost_without_a_question(guide: str, chromium: Any) -> None:
    with Window(chromium) as window:
        asked: list[str] = []

        def answer(dialog: Any) -> None:
            asked.append(dialog.type)
            dialog.accept()

        window.page.on("dialog", answer)
        window.page.goto(guide)
        window.page.goto(guide)
        assert asked == [], "nothing was typed yet"
        window.page.get_by_label("Title", exact=True).fill("Half a thought")
        window.page.goto(guide + "/step")
        assert asked == ["beforeunload"]


def test_colours_change_at_once(guide: str, chromium: Any) -> None:
    with Window(chromium) as window:
        window.page.goto(guide)
        ground = "getComputedStyle(document.body).backgroundColor"
        before = window.page.evaluate(ground)
        window.page.get_by_label("Dark").check(force=True)
        assert window.page.evaluate(ground) != before


def test_the_first_view_stays_light() -> None:
    """Style sheets, scripts and fonts of an ordinary page, as they travel: at most 120 kB."""
    import gzip

    static = Path(__file__).parents[2] / "static"
    page_only = {"editor.css", "wall.css"}
    base = (static.parent / "trainer/templates/base.html").read_text()
    linked = [static / name for name in _linked(base) if Path(name).name not in page_only]
    fonts = [
        static / "vendor/inter/inter-latin-400-600.woff2",
        static / "vendor/bricolage-grotesque/bricolage-grotesque-latin-600.woff2",
    ]
    texts = sum(len(gzip.compress(path.read_bytes(), 9)) for path in linked if path.suffix in (".css", ".js"))
    assert texts + sum(path.stat().st_size for path in fonts) <= 120_000


def _linked(base: str) -> list[str]:
    import re

    return re.findall(r"static\('([^']+)'\)", base)
