"""Calls and the rule book in a real browser: uploading with progress, hearing, erasing, and nothing for axe
to find.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.audio import makers
from tests.browser.conftest import PASSWORD, Centre, Window, start_centre, until
from tests.factories import a_person, a_rulebook
from trainer import db

pytestmark = pytest.mark.browser

TRAINER = "rosa@encore.example"
WORDS = """WEBVTT

00:00.000 --> 00:02.000
<v Agent>Good morning.

00:02.000 --> 00:04.000
<v Caller>I am lost at the metro exit.
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a trainer has on the disk: a call of two minutes, its words, and a letter named like a call."""
    made = tmp_path_factory.mktemp("desk")
    makers.write(made / "call", makers.KINDS["wav"], makers.call(120, 16_000))
    (made / "call.vtt").write_text(WORDS, encoding="utf-8")
    (made / "letter.wav").write_text("Dear Sir or Madam\n" * 50, encoding="utf-8")
    return made


@pytest.fixture(scope="module")
def centre(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Centre]:
    async def seed() -> None:
        await a_person("trainer", name="Rosa Lind", email=TRAINER, password=PASSWORD)
        await a_person("agent", name="Amara Nwosu")
        await a_rulebook()
        assert db.is_open()

    with start_centre(tmp_path_factory.mktemp("calls") / "data", seed) as running:
        yield running


def violations(window: Window) -> list[str]:
    """What axe finds on the page, a line each."""
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    found = axe.run(window.page).response["violations"]
    return [f"{each['id']}: {each['nodes'][0]['html']}" for each in found]


def upload(page: Any, folder: Path, name: str) -> None:
    page.set_input_files("[name=audio]", folder / name)
    page.click("text=Contract with the customer")
    page.click("form[data-upload] button.primary")


def test_a_call_is_uploaded_heard_and_erased(chromium: Any, centre: Centre, folder: Path) -> None:
    with centre.window(chromium, TRAINER) as window:
        page = window.open("/calls")
        page.wait_for_selector("text=Upload your first call")
        assert violations(window) == []
        page.click("text=Upload a call >> nth=0")
        page.fill("[name=title]", "Lost at the metro exit")
        page.select_option("[name=agent]", label="Amara Nwosu")
        page.set_input_files("[name=transcript]", folder / "call.vtt")
        assert violations(window) == []
        upload(page, folder, "call")
        page.wait_for_selector("text=Cut a clip", timeout=120_000)
        assert re.search(r"/calls/[0-9a-f-]{36}$", page.url)
        assert window.wrong == []
        assert violations(window) == []
        asked = [address for address in window.asked if address.endswith("/audio")]
        assert asked == []  # nothing is heard, and noted, before somebody plays
        page.click("text=I am lost at the metro exit.")
        until(page, lambda: page.evaluate("document.querySelector('figure').clipPlayer.ms") > 2200)
        assert "I am lost" in page.inner_text("[aria-current=true][data-clip-seek]")
        page.click("[data-clip-play]")
        page.click("text=Erase call >> nth=0")
        page.wait_for_selector("dialog[open] >> text=No clip was cut from it.")
        page.fill("[name=why]", "The caller asked for it.")
        page.click("dialog button.danger")
        page.wait_for_selector("text=This call was erased")
        assert violations(window) == []


def test_what_is_refused_is_named_at_its_field_and_the_rest_stays_typed(
    chromium: Any, centre: Centre, folder: Path
) -> None:
    with centre.window(chromium, TRAINER, width=390, theme="dark") as window:
        page = window.open("/calls/new")
        page.fill("[name=title]", "A letter")
        page.click("form[data-upload] button.primary")
        assert page.inner_text("#f-audio-error") == "Choose a recording."
        assert page.inner_text("#f-consent_basis-error") == "Say on what basis this call may be kept."
        assert page.locator("[data-upload-errors] li").count() == 2
        upload(page, folder, "letter.wav")
        page.wait_for_selector("#f-audio-error:has-text('This is not a sound file that we can read')")
        summary = "document.activeElement.matches('[data-upload-errors]')"
        assert page.evaluate(summary)
        assert page.input_value("[name=title]") == "A letter"
        assert violations(window) == []
        page.set_input_files("[name=audio]", folder / "call")
        page.set_input_files("[name=transcript]", folder / "letter.wav")
        page.click("form[data-upload] button.primary")
        page.wait_for_selector("#f-transcript-error")
        assert page.query_selector("#f-audio-error") is None


def test_an_upload_can_be_stopped_and_leaves_nothing(chromium: Any, centre: Centre, folder: Path) -> None:
    with centre.window(chromium, TRAINER) as window:
        page = window.open("/calls/new")
        slow = {"offline": False, "latency": 0, "downloadThroughput": -1, "uploadThroughput": 150_000}
        wire = window.context.new_cdp_session(page)
        wire.send("Network.enable")
        wire.send("Network.emulateNetworkConditions", slow)
        upload(page, folder, "call")
        until(
            page, lambda: page.evaluate("document.querySelector('[data-upload-progress] progress').value") > 5
        )
        assert "sent" in page.inner_text("[data-upload-text]")
        page.click("[data-upload-cancel]")
        page.wait_for_selector("text=Upload stopped. Nothing was kept.")
        page.wait_for_selector("[data-upload-progress]", state="hidden")
        held = f"{centre.url}/api/v1/recordings?status=processing"
        until(page, lambda: window.context.request.get(held).json()["items"] == [])


@pytest.mark.parametrize(("width", "theme"), [(1280, "light"), (390, "dark"), (360, "light")])
@pytest.mark.parametrize("path", ["/rules", "/rules/R02", "/calls", "/calls/new"])
def test_pages_fit_and_axe_finds_nothing(
    chromium: Any, centre: Centre, path: str, width: int, theme: str
) -> None:
    with centre.window(chromium, TRAINER, width=width, theme=theme) as window:
        page = window.open(path)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        assert violations(window) == []
        assert window.wrong == []
