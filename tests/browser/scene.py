"""What a story of several people in one centre is made of: what they hand on, where they sit, how they get about.

`look` is how every page that somebody reaches is judged: it fits, axe has nothing to say, the console is silent.
"""

import os
import re
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.browser.conftest import PASSWORD, Centre, Window
from tests.browser.test_editor import violations


@dataclass
class Story:
    """What goes from hand to hand: the address on each person's card, and what somebody might pass on to a manager."""

    admin: str
    cards: dict[str, str] = field(default_factory=dict)
    not_for_managers: list[str] = field(default_factory=list)


@dataclass
class Scene:
    """The stage of one person's hour."""

    browser: Any
    centre: Centre
    story: Story
    files: Path
    data: Path

    def desk(self, **options: Any) -> Any:
        """A window of somebody who has never been here, on a screen of their own."""
        return self.centre.window(self.browser, **options)

    def phone(self, width: int = 390) -> Any:
        return self.centre.window(self.browser, width=width, touch=True)


def command(data: Path, *words: str) -> str:
    """What `trainer …` prints, run by the operator of the centre."""
    line = [sys.executable, "-m", "trainer", *words]
    environment = {**os.environ, "TRAINER_DATA": str(data)}
    return subprocess.run(line, env=environment, check=True, capture_output=True, text=True).stdout.strip()


def initialise(data: Path) -> str:
    """`trainer init`; returns the path of the address that it prints."""
    printed = command(data, "init", "--email", "ingrid@encore.example", "--name", "Ingrid Solberg")
    return re.sub(r"^https?://[^/]+", "", printed)


def look(window: Window) -> None:
    """The page reached is whole: it fits, axe is content, the console is silent."""
    page = window.page
    page.wait_for_load_state("load")
    page.wait_for_selector("h1")
    assert page.evaluate("document.documentElement.scrollWidth") <= page.viewport_size["width"], page.url
    assert violations(window) == [], page.url


def press(window: Window, name: str) -> None:
    """Presses a button by its name. What it changes is for the caller to wait for."""
    window.page.get_by_role("button", name=name).first.click()


def go(window: Window, name: str, path: str = "") -> None:
    """Follows a link that can be seen, and looks at where it leads: another page, whose address matches `path`."""
    page = window.page
    before = page.url
    page.get_by_role("link", name=name).locator("visible=true").first.click()
    page.wait_for_url(lambda url: url != before and re.search(path, url) is not None)
    look(window)


def come_in(window: Window, address: str, celebrate: bool = False) -> None:
    """From the address on a card or in a mail to the home page."""
    page = window.open(address)
    look(window)
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    press(window, "Save and sign in")
    page.wait_for_url("**/welcome/celebrations")
    look(window)
    if celebrate:
        page.get_by_role("group", name="Milestones of your path").get_by_text("Everyone").click()
        press(window, "Save my choices")
    else:
        press(window, "Skip for now")
    page.wait_for_url("**/home*")
    look(window)
