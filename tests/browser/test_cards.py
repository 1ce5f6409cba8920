"""A card, from the first sign-in to the day: two colleagues sign, and only on the day the person sees it."""

import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.browser.conftest import PATIENCE_MS, Centre, start_centre, until
from tests.factories import a_person, a_rulebook, a_team
from trainer.people.links import issue_link
from trainer.people.sessions import Sessions

axe_api = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe is in the `test` extra")

pytestmark = pytest.mark.browser


# found once: the tests may run past midnight
IN_TWO_DAYS = datetime.now(UTC).date() + timedelta(days=2)


async def people() -> dict[str, str]:
    """A team in which Mia has been for a year the day after tomorrow, and somebody who is invited."""
    await a_rulebook()
    team = await a_team("Harbour")
    day = IN_TWO_DAYS
    hired = date(day.year - 1, day.month, min(day.day, 28 if day.month == 2 else day.day))
    made = {
        "mia": await a_person("agent", name="Mia Tan", team=team, hired_on=hired),
        "amara": await a_person("agent", name="Amara Okafor", team=team),
        "lead": await a_person("team_lead", name="Kwame Mensah", team=team),
    }
    secrets = {name: await Sessions(14).start(one.id, device="Tests") for name, one in made.items()}
    invited = await a_person("agent", name="Nia Adeyemi", team=team)
    return secrets | {"link": await issue_link(None, invited.id)}


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cards")


@pytest.fixture(scope="module")
def centre(data: Path) -> Iterator[Centre]:
    with start_centre(data, people) as running:
        yield running


@pytest.fixture
def window(centre: Centre, chromium: Any) -> Iterator[Any]:
    """`window("amara")`: a page of a browser in which she is signed in ("-": nobody). No page may complain."""
    contexts: list[Any] = []
    wrong: list[str] = []

    def opened(name: str, width: int = 1280, theme: str = "light") -> Any:
        context = chromium.new_context(
            viewport={"width": width, "height": 844},
            color_scheme=theme,
            reduced_motion="reduce",
            base_url=centre.url,
        )
        contexts.append(context)
        if name != "-":
            context.add_cookies([{"name": "encore", "value": centre.seeded[name], "url": centre.url}])
        context.set_default_timeout(PATIENCE_MS)
        page = context.new_page()
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on(
            "console", lambda said: wrong.append(said.text) if said.type in ("error", "warning") else None
        )
        return page

    yield opened
    for context in contexts:
        context.close()
    assert wrong == []


def run_jobs(data: Path, at: datetime) -> None:
    """Lets the day come."""
    environment = {**os.environ, "TRAINER_DATA": str(data)}
    command = [sys.executable, "-m", "trainer", "jobs", "run", "--at", at.isoformat()]
    subprocess.run(command, env=environment, check=True, capture_output=True)


def accessible(page: Any, width: int) -> None:
    assert page.evaluate("document.documentElement.scrollWidth") <= width, "it scrolls sideways"
    found = axe_api.Axe().run(page).response["violations"]
    assert [(one["id"], one["nodes"][0]["target"]) for one in found] == []


def test_the_first_password_leads_to_the_question(window: Any, centre: Centre) -> None:
    page = window("-", width=390)
    page.goto(f"/welcome/{centre.seeded['link']}")
    page.get_by_label("Password", exact=True).fill("seven quiet herons")
    page.get_by_role("button", name="Save and sign in").click()
    page.wait_for_url("**/welcome/celebrations")
    birthday = page.get_by_role("group", name="Your birthday")
    assert birthday.get_by_role("radio", name="Nobody").is_checked()
    assert birthday.get_by_text("The day passes quietly").is_visible()
    assert not page.get_by_label("In years without 29 February").is_visible()
    birthday.get_by_label("Month").select_option("02")
    birthday.get_by_label("Day").select_option("29")
    assert page.get_by_label("In years without 29 February").is_visible()
    birthday.locator("label", has_text="My team").click()
    assert birthday.get_by_text("A post for Harbour").is_visible()
    assert not birthday.get_by_text("The day passes quietly").is_visible()
    accessible(page, 390)
    page.get_by_role("button", name="Save my choices").click()
    page.wait_for_url(lambda url: "/welcome/" not in url)
    page.goto("/account")
    assert page.get_by_role("group", name="Your birthday").get_by_role("radio", name="My team").is_checked()


def test_what_a_form_still_needs_is_said_below_its_field_until_it_is_there(window: Any) -> None:
    page = window("amara", width=390)
    page.goto("/recognition/thank")
    behaviour, words = page.get_by_label("What did they show?"), page.get_by_label("What did they do?")

    def is_asked_for() -> bool:
        """Pressed again until the script is there, which comes after the page; before it the browser's bubble asks."""
        page.get_by_role("button", name="Send thanks").click()
        return page.locator("[name=to][aria-invalid=true]:focus").count() == 1

    until(page, is_asked_for)
    assert page.get_by_text("Please choose one.").count() == 2  # whom, and what they showed
    assert "Please fill this in." in words.evaluate(
        "e => e.getAttribute('aria-describedby').split(' ').map(id => document.getElementById(id).textContent).join()"
    )
    accessible(page, 390)
    page.locator("[name=to]").first.check()
    assert page.get_by_text("Please choose one.").count() == 1
    behaviour.select_option(index=1)
    assert page.get_by_text("Please choose one.").count() == 0
    assert behaviour.get_attribute("aria-invalid") is None
    words.fill("You waited until the caller had finished.")
    assert page.locator("[data-needs]").count() == 0


def test_two_colleagues_sign_and_on_the_day_the_person_sees_it(window: Any, data: Path) -> None:
    run_jobs(data, datetime.now(UTC))
    amara, lead, mia = window("amara", width=390), window("lead"), window("mia")
    mia.goto("/recognition")

    for page, words in (
        (amara, "Your quiet jokes at half past six."),
        (lead, "You say sorry so that it counts."),
    ):
        page.goto("/recognition")
        page.get_by_role("link", name="Sign the card for Mia Tan").click()
        page.get_by_role("textbox", name="Your line").fill(words)
        page.get_by_role("button", name="Write it on the card").click()
        page.wait_for_url("**/recognition/cards/*")
        assert page.get_by_role("textbox", name="Your line").input_value() == words
    assert lead.get_by_text("2 lines are on the card.").is_visible()
    assert "half past six" not in lead.evaluate("document.body.textContent")
    accessible(amara, 390)

    mia.reload()
    assert "half past six" not in mia.evaluate("document.body.textContent")
    assert mia.get_by_role("link", name="Sign the card").count() == 0
    assert mia.request.get(amara.url.split("?")[0]).status == 404

    run_jobs(data, datetime.combine(IN_TWO_DAYS, datetime.min.time(), UTC) + timedelta(hours=12))
    until(mia, "document.body.textContent.includes('half past six')")
    post = mia.locator(".post", has_text="1 year with us, Mia")
    assert post.get_by_text("You say sorry so that it counts.").is_visible()
    assert post.get_by_text("Kwame Mensah").is_visible()
    accessible(mia, 1280)

    post.get_by_label("More about this post").click()
    post.get_by_role("link", name="The lines on this card").click()
    assert mia.get_by_role("heading", name="Your card").is_visible()
    mia.on("dialog", lambda dialog: dialog.accept())
    mia.get_by_role("button", name="Remove the line of Amara Okafor").click()
    until(mia, "document.getElementById('toasts').textContent.includes('off the card')")
    assert "half past six" not in mia.evaluate("document.body.textContent")
    accessible(mia, 1280)
