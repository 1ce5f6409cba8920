"""A real browser on a running centre: `chromium`, `start_centre`, windows that note what goes wrong.

The centre runs as `trainer serve` in a process of its own, on a data folder that the test has filled before.
"""

import asyncio
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from trainer import db, storage
from trainer.settings import Settings

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--autoplay-policy=no-user-gesture-required",
]
PASSWORD = "seven quiet herons"
PATIENCE_MS = 120_000  # a busy machine takes its time
KEEP_ANNOUNCED = """document.addEventListener("DOMContentLoaded", () => {
  const region = document.getElementById("announcer");
  window.announced = [];
  if (!region) return;
  new MutationObserver(() => window.announced.push(region.textContent)).observe(region, { childList: true });
});"""


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    """One browser for the tests of a file; skips where there is none.

    Not for longer: while Playwright is open it keeps an event loop in this thread, beside which no other test could
    run its own.
    """
    driver_api = pytest.importorskip("playwright.sync_api", reason="playwright is in the `test` extra")
    path = shutil.which("chromium") or shutil.which("chromium-browser")
    if path is None:
        pytest.skip("Chromium is not installed; `make system-deps` installs it")
    with driver_api.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=path, args=FLAGS)
        yield browser
        browser.close()


class Window:
    """A page of somebody's browser. `wrong`: script errors and console complaints; `asked`: all requests."""

    def __init__(
        self, browser: Any, url: str, *, width: int = 1280, theme: str = "light", touch: bool = False
    ) -> None:
        height = 900 if width >= 900 else 844
        self.url = url
        self.context = browser.new_context(
            viewport={"width": width, "height": height},
            color_scheme=theme,
            reduced_motion="reduce",
            has_touch=touch,
            is_mobile=touch,
        )
        self.context.set_default_timeout(PATIENCE_MS)
        self.context.add_init_script(KEEP_ANNOUNCED)
        self.page = self.context.new_page()
        self.wrong: list[str] = []
        self.asked: list[str] = []
        self.page.on("pageerror", lambda error: self.wrong.append(str(error)))
        self.page.on("console", self._note)
        self.page.on("request", lambda request: self.asked.append(request.url))

    def _note(self, message: Any) -> None:
        if message.type in ("error", "warning"):
            self.wrong.append(message.text)

    def open(self, path: str) -> Any:
        """Goes to a path of the centre; returns the page."""
        self.page.goto(self.url + path)
        return self.page

    def sign_in(self, email: str) -> "Window":
        """Signs in by the form, as a person would."""
        page = self.open("/sign-in?next=/clips")
        page.fill("input[name=identifier]", email)
        page.fill("input[type=password]", PASSWORD)
        page.click("main button[type=submit]")
        page.wait_for_url("**/clips")
        self.wrong.clear()
        return self


@dataclass
class Centre:
    """A running centre: where it is, and what its seed answered."""

    url: str
    seeded: Any

    @contextmanager
    def window(self, browser: Any, email: str | None = None, **options: Any) -> Iterator[Window]:
        """A fresh browser window, signed in as `email` if one is given."""
        window = Window(browser, self.url, **options)
        try:
            yield window.sign_in(email) if email else window
        finally:
            window.context.close()


@contextmanager
def start_centre(data: Path, seed: Callable[[], Awaitable[Any]]) -> Iterator[Centre]:
    """Fills a data folder with `seed` (database and storage are open then) and serves it until the end."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    settings = Settings(data=data, base_url=url, clip_review="self")
    # a thread of its own: a test's event loop may be running in this one
    with ThreadPoolExecutor(1) as alone:
        seeded = alone.submit(lambda: asyncio.run(_fill(settings, seed))).result()
    environment = {
        **os.environ,
        "TRAINER_DATA": str(data),
        "TRAINER_BASE_URL": url,
        "TRAINER_CLIP_REVIEW": "self",
    }
    command = [sys.executable, "-m", "trainer", "serve", "--port", str(port)]
    process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        _wait_for(url, process)
        yield Centre(url, seeded)
    finally:
        process.terminate()
        process.wait(60)


async def _fill(settings: Settings, seed: Callable[[], Awaitable[Any]]) -> Any:
    settings.key()
    await db.open_database(settings.effective_database_url)
    try:
        await db.migrate()
        storage.open_storage(settings.effective_storage_url)
        return await seed()
    finally:
        await storage.close_storage()
        await db.close_database()


def _wait_for(url: str, process: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + 120
    while time.monotonic() < until:
        try:
            with urllib.request.urlopen(f"{url}/health", timeout=2):
                return
        except OSError:
            if process.poll() is not None:
                raise RuntimeError(f"the centre ended with {process.returncode}") from None
            time.sleep(0.1)
    raise RuntimeError("the centre did not start within two minutes")


def announced(page: Any, words: str) -> None:
    """Waits until a screen reader was told this since the page was loaded, whatever it was told after it."""
    until(page, lambda: any(words in each for each in page.evaluate("window.announced")))


def settled(page: Any) -> None:
    """Waits until the page is loaded, has its fonts and has drawn them."""
    page.wait_for_load_state("load")
    drawn = "new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"
    page.evaluate(f"document.fonts.ready.then(() => {drawn})")


def until(page: Any, true: str | Callable[[], bool]) -> None:
    """Waits until an expression in the page, or a function out here, comes true.

    Playwright's own waiting evaluates strings in the page, which our CSP forbids. A page in the middle of being
    replaced has no elements yet, or nothing to ask: that is "not yet".
    """
    from playwright.sync_api import Error

    last: Error | None = None
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            if page.evaluate(true) if isinstance(true, str) else true():
                return
            last = None
        except Error as met:
            last = met
        page.wait_for_timeout(50)
    raise AssertionError(f"never came true: {true}") from last


def answered_once_by_a_proxy(page: Any, address: str) -> list[str]:
    """The next request for this address gets a 502, later ones the centre; what was asked. Scripts pause shortly."""
    asked: list[str] = []

    def answer(route: Any) -> None:
        asked.append(route.request.url)
        if len(asked) == 1:
            route.fulfill(status=502, content_type="text/html", body="Bad gateway")
        else:
            route.continue_()

    page.route(address, answer)
    page.add_init_script(
        "const wait = setTimeout; window.setTimeout = (what, ms, ...all) => wait(what, Math.min(ms, 100), ...all)"
    )
    return asked
