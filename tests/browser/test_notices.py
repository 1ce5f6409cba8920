"""The bell in a browser: it counts by itself, is used by keyboard, and the inbox is settled without a mouse."""

import asyncio
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from tests.browser.conftest import (
    Centre,
    Window,
    announced,
    answered_once_by_a_proxy,
    settled,
    start_centre,
    until,
)
from tests.browser.test_editor import violations
from tests.factories import a_person, a_rulebook, a_team
from trainer import db
from trainer.notices.service import notify
from trainer.people.sessions import Sessions

pytestmark = pytest.mark.browser

TITLES = ("Calm first", "Say back what you heard", "Close so that they know", "When you cannot")


async def tell(person: UUID, by: UUID, *numbers: int) -> None:
    for number in numbers:
        await notify(
            person,
            "module_assigned",
            source=f"test:{number}",
            href="/recognition",
            params={"title": {"en": TITLES[number % 4]}, "by": str(by), "due": "2026-12-01"},
        )


async def seed() -> dict[str, Any]:
    await a_rulebook()
    team = await a_team("Harbour")
    amara = await a_person("agent", name="Amara Okafor", team=team)
    rosa = await a_person("trainer", name="Rosa Delgado")
    ingrid = await a_person("admin", name="Ingrid Solberg")
    sessions = Sessions(14)
    cookies = {one.name: await sessions.start(one.id, device="Tests") for one in (amara, rosa, ingrid)}
    await tell(amara.id, rosa.id, 0, 1)
    return {"cookies": cookies, "amara": amara.id, "rosa": rosa.id}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("notices")


@pytest.fixture(scope="module")
def centre(folder: Path) -> Iterator[Centre]:
    with start_centre(folder, seed) as running:
        yield running


@pytest.fixture
def window(centre: Centre, chromium: Any) -> Iterator[Any]:
    """`window("Amara Okafor")`: a browser in which she is signed in. None may complain."""
    opened: list[Window] = []

    def open_window(name: str = "Amara Okafor", **options: Any) -> Window:
        made = Window(chromium, centre.url, **options)
        made.context.add_cookies(
            [{"name": "encore", "value": centre.seeded["cookies"][name], "url": centre.url}]
        )
        opened.append(made)
        return made

    yield open_window
    for each in opened:
        assert each.wrong == []
        each.context.close()


def from_another_process(folder: Path, centre: Centre, *numbers: int, to: str = "amara") -> None:
    """As a worker of its own would tell her."""

    async def work() -> None:
        await db.open_database(f"sqlite:///{folder / 'trainer.sqlite'}")
        await tell(centre.seeded[to], centre.seeded["rosa"], *numbers)
        await db.close_database()

    with ThreadPoolExecutor(1) as alone:
        alone.submit(lambda: asyncio.run(work())).result()


BELL = "document.querySelector('.sidebar .bell').textContent.replace(/\\s+/g, ' ').trim()"


def test_the_bell_rings_without_a_reload_and_is_used_by_keyboard(
    window: Any, centre: Centre, folder: Path
) -> None:
    page = window().open("/account")
    page.evaluate("window.kept = true")
    assert page.evaluate(BELL) == "Notices, 2 unread"
    page.get_by_label("Name", exact=True).focus()
    from_another_process(folder, centre, 2)
    until(page, f"{BELL} === 'Notices, 3 unread'")
    announced(page, "3 unread")
    assert page.evaluate("window.kept"), "the page was loaded anew"
    assert page.evaluate("document.activeElement.name") == "name", "focus moved"

    page.locator(".sidebar .bell").focus()
    page.keyboard.press("Enter")
    page.wait_for_url("**/notices")
    page.get_by_role("link", name="Unread:").first.focus()
    page.keyboard.press("Tab")
    assert "Mark as read" in page.evaluate("document.activeElement.getAttribute('aria-label')")
    page.keyboard.press("Enter")
    until(page, f"{BELL} === 'Notices, 2 unread'")
    page.get_by_role("link", name="Unread:").first.focus()
    page.keyboard.press("Enter")
    page.wait_for_url("**/recognition")
    until(page, f"{BELL} === 'Notices, 1 unread'")


def test_after_an_answer_of_a_proxy_the_bell_follows_again(window: Any, centre: Centre, folder: Path) -> None:
    opened = window("Rosa Delgado")
    asked = answered_once_by_a_proxy(opened.page, "**/live?*")
    page = opened.open("/account")
    page.evaluate("window.kept = true")
    until(page, lambda: len(asked) >= 2)
    assert page.evaluate(BELL) == "Notices"
    from_another_process(folder, centre, 7, to="rosa")
    until(page, f"{BELL} === 'Notices, 1 unread'")
    assert page.evaluate("window.kept"), "the page was loaded anew"
    opened.wrong[:] = [each for each in opened.wrong if "502" not in each]


def test_what_one_tab_reads_is_read_in_the_other(window: Any, centre: Centre, folder: Path) -> None:
    from_another_process(folder, centre, 4)
    first, second = window(), window()
    feed = first.open("/recognition")  # this page's stream tells of posts too
    inbox = second.open("/notices")
    assert feed.evaluate(BELL) != "Notices"
    inbox.get_by_role("button", name="Mark all as read").click()
    until(inbox, f"{BELL} === 'Notices'")
    until(feed, f"{BELL} === 'Notices'")
    inbox.get_by_role("button", name="Undo").click()
    until(feed, f"{BELL} !== 'Notices'")
    assert sum("/live?" in asked for asked in first.asked) == 1, "one stream a tab"


def test_the_inbox_says_that_something_arrived_and_moves_nothing(
    window: Any, centre: Centre, folder: Path
) -> None:
    page = window().open("/notices")
    shown = page.locator(".notice").count()
    from_another_process(folder, centre, 5)
    until(page, "!document.querySelector('[data-notices-fresh]').hidden")
    assert page.locator(".notice").count() == shown
    page.get_by_role("link", name="Show it").click()
    until(page, f"document.querySelectorAll('.notice').length === {shown + 1}")


def test_choices_are_made_with_the_arrow_keys(window: Any) -> None:
    page = window().open("/account/notices")
    group = page.get_by_role("group", name="gives me a module").first
    group.get_by_role("radio").first.focus()
    page.keyboard.press("ArrowRight")
    chosen = page.evaluate("document.activeElement.value")
    page.get_by_role("button", name="Save choices").click()
    page.wait_for_url("**/account/notices?done=1")
    assert (
        page.get_by_role("group", name="gives me a module")
        .first.get_by_role("radio", checked=True)
        .get_attribute("value")
        == chosen
    )


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("Amara Okafor", "/notices"),
        ("Amara Okafor", "/account/notices"),
        ("Rosa Delgado", "/notices"),
        ("Ingrid Solberg", "/settings/mail"),
    ],
)
@pytest.mark.parametrize(("width", "theme"), [(360, "dark"), (360, "light"), (1280, "light"), (1280, "dark")])
def test_every_page_fits_and_is_accessible(window: Any, name: str, path: str, width: int, theme: str) -> None:
    opened = window(name, width=width, theme=theme)
    page = opened.open(path)
    settled(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= width, "it scrolls sideways"
    assert violations(opened) == []
