"""A centre's first day, lived through by seven people one after the other, from what `trainer init` leaves behind.

Each begins with an address that somebody gave them and goes on by what can be seen. Every page that they reach is
looked at: nothing for axe, nothing in the console, nothing to the side of the screen.
"""

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.browser.conftest import PASSWORD, Centre, Window, start_centre, until
from tests.browser.scene import Scene, Story, come_in, command, go, initialise, look, press
from tests.clips.makers import a_tone

pytestmark = pytest.mark.browser

TODAY = datetime.now(UTC).date()


def a_year_before(day: date) -> date:
    return date(day.year - 1, day.month, min(day.day, 28 if day.month == 2 else day.day))


STAFF = f"""email,employee_no,name,team,role,hired_on
rosa@encore.example,,Rosa Lind,,trainer,2019-04-01
zhou@encore.example,,Zhou Min,,qa_analyst,2020-02-01
mei@encore.example,,Mei Tan,,manager,2015-09-01
,L1,Kwame Mensah,Harbour,team_lead,2018-05-14
,A1,Amara Nwosu,Harbour,agent,2022-06-20
,A2,Tomas Ruiz,Harbour,agent,{a_year_before(TODAY + timedelta(days=2))}
,A3,Nia Adeyemi,Harbour,agent,{TODAY - timedelta(days=2)}
"""
OWN_RULES = (
    "Code,Title,Statement,Want,Severity\nH1,Name the boat,Say which boat they booked.,glad,non-fatal\n"
)


# ---- one ----


def admin(scene: Scene) -> None:
    with scene.desk() as window:
        page = window.page
        come_in(window, scene.story.admin)
        first_day = page.locator("#first-day")
        assert first_day.locator("li.done").count() == 0
        bring_people(window, scene)
        go(window, "Home", "/home$")
        assert first_day.locator("li.done").count() == 1
        set_up_rules(window, scene)
        go(window, "Home", "/home$")
        assert first_day.locator("li.done").count() == 2
        assert "7 people have never signed in" in page.inner_text("main")
        for thing in (
            "Take in the first call",
            "Publish the first clip",
            "Publish and assign the first module",
        ):
            go(window, thing)
            go(window, "Home", "/home$")


def bring_people(window: Window, scene: Scene) -> None:
    page = window.page
    assert page.locator("#first-day .button.primary").all_inner_texts() == ["Take the starter kit"]
    go(window, "Bring your people in", "/people/import")
    sheet = scene.files / "staff.csv"
    sheet.write_text(STAFF)
    page.set_input_files("input[type=file]", sheet)
    press(window, "Read it")
    page.wait_for_selector("text=7 rows were read")
    look(window)
    press(window, "Take in 7 people")
    page.wait_for_selector("text=The list was taken in")
    look(window)
    go(window, "Print sign-in cards", "/people/cards")
    press(window, "Make and print")
    page.wait_for_selector(".sign-in-card")
    look(window)
    for card in page.locator(".sign-in-card").all():
        name, code = card.locator("h2").inner_text(), card.locator(".sign-in-card-code").inner_text()
        scene.story.cards[name] = f"/c/{code}"
    assert len(scene.story.cards) == 7
    page.get_by_role("link", name="Done").click()
    page.get_by_role("button", name="Make and print").wait_for()


def set_up_rules(window: Window, scene: Scene) -> None:
    page = window.page
    go(window, "Do this next", "/rules")
    press(window, "Begin with the starter rule book")
    page.wait_for_selector("text=What the customer wants")
    look(window)


# ---- two ----


def trainer(scene: Scene) -> None:
    with scene.desk() as window:
        page = window.page
        come_in(window, scene.story.cards["Rosa Lind"])
        assert "0 of 11 rules can be heard" in page.inner_text("#gaps")
        go(window, "Find: Find a call that lets people hear it", "/calls/worth-hearing")
        go(window, "Open the calls", "/calls")
        upload(window, scene)
        cut_a_clip(window, "Let me stop you there", "0:05.0", "0:10.0", "0:12.0")
        page.check("input[name=privacy_checked]")
        press(window, "Publish clip")
        page.wait_for_selector("text=Retire clip")
        ask_for_a_counterexample(window)
        build_and_assign(window)


def upload(window: Window, scene: Scene) -> None:
    page = window.page
    go(window, "Upload a call", "/calls/new")
    page.set_input_files("input[name=audio]", a_tone(scene.files / "call.wav"))
    page.get_by_label("Title").fill("A question about a card")
    page.get_by_label("Agent").select_option(label="Amara Nwosu")
    page.get_by_text("Contract with the customer").click()
    page.get_by_label("Keep until").fill(str(TODAY + timedelta(days=60)))
    press(window, "Upload call")
    page.wait_for_url(re.compile("/calls/.*-"))
    page.get_by_role("link", name="Cut a clip").wait_for(timeout=120_000)
    look(window)
    scene.story.not_for_managers.append(page.url)


def cut_a_clip(window: Window, title: str, start: str, cue: str, end: str, kind: str = "Exemplar") -> None:
    """Its range, its words, a second beeped out, what it shows."""
    page = window.page
    go(window, "Cut a clip", "/clips/new")
    page.wait_for_selector("[data-editor][data-ready]")
    for label, time in (("Start", start), ("End", end)):
        page.get_by_label(label, exact=True).fill(time)
        page.keyboard.press("Tab")
    press(window, "Add line")
    page.get_by_label("Who speaks").select_option(label="Caller")
    page.get_by_label("What is said").fill("My card is 4111, and then it was gone.")
    press(window, "Redact")
    page.get_by_label("Cue: the moment it happens").fill(cue)
    page.get_by_label("Title").fill(title)
    page.get_by_text(kind, exact=True).click()
    page.get_by_label("Listen to the end").check()
    look(window)
    press(window, "Save clip")
    page.wait_for_url("**/clips/*-*")
    page.wait_for_selector("[data-clip-player]", timeout=120_000)
    look(window)


def ask_for_a_counterexample(window: Window) -> None:
    page = window.page
    go(window, "A question about a card", "/calls/")
    cut_a_clip(window, "Gone too early", "0:13.0", "0:16.0", "0:19.0", "Counterexample")
    press(window, "Ask Amara")
    page.wait_for_selector("text=Ask Amara", state="detached")
    look(window)


def build_and_assign(window: Window) -> None:
    page = window.page
    go(window, "Listen to the end", "/rules/R01")
    go(window, "Build a module with it", "/modules/new")
    page.get_by_label("Title").fill("Listen first")
    assert page.get_by_label("Listen to the end").is_checked()
    press(window, "Build the draft")
    page.wait_for_selector(".draft-step")
    look(window)
    press(window, "Publish version 1")
    page.get_by_role("link", name="Assign").wait_for()
    look(window)
    go(window, "Assign", "/assign")
    page.get_by_text("A team", exact=True).click()
    page.get_by_label("Team", exact=True).select_option(label="Harbour")
    page.get_by_label("Due by").fill(str(TODAY + timedelta(days=5)))
    press(window, "Assign to 3 people")
    page.wait_for_url(lambda url: not url.endswith("/assign"))
    look(window)
    go(window, "Home", "/home$")


# ---- three ----


def newcomer(scene: Scene) -> None:
    with scene.phone() as window:
        page = window.page
        come_in(window, scene.story.cards["Nia Adeyemi"], celebrate=True)
        hero = page.locator(".hero")
        assert "Your first module" in hero.inner_text()
        press(window, "Start")
        page.get_by_role("button", name="I have read it").wait_for()
        scene.story.not_for_managers.append(page.url)
        look(window)
        press(window, "I have read it")
        page.get_by_text("Can't listen now?").click()
        look(window)
        page.locator(".cannot-listen").get_by_role("button", name="I have read it").click()
        page.get_by_role("radio", name="The rule is met").check()
        look(window)
        page.get_by_role("button", name="Play").first.click()
        until(
            page, lambda: page.evaluate("document.querySelector('[data-clip-player]').clipPlayer.ms") > 4_500
        )
        press(window, "It happens here")
        press(window, "Check my answer")
        page.get_by_text("Yes: the rule is met").wait_for()
        look(window)
        go(window, "Continue")
        page.get_by_role("textbox").fill("Let the caller finish, then say back what matters to them.")
        press(window, "Check my answer")
        page.get_by_text("You know it by heart").wait_for()
        look(window)
        go(window, "See what you did", "/done$")
        assert "Listen first" in page.inner_text("main")
        go(window, "My path", "/path$")
        assert "No career path yet" in page.inner_text("main")
        go(window, "See what you learned", "/learn$")
        assert "2 of 2 right" in page.inner_text("#done")


# ---- four ----


def analyst(scene: Scene) -> None:
    """With the keyboard, once the page is open."""
    with scene.desk() as window:
        page = window.page
        come_in(window, scene.story.cards["Zhou Min"])
        page.get_by_role("link", name="Score").focus()
        page.keyboard.press("Enter")
        page.wait_for_url("**/evaluate")
        look(window)
        page.locator("[data-judge-rule=R01] .judge-marks input:checked").focus()
        for key in "m" + "jx" + "jn" * 9:
            page.keyboard.press(key)
        assert page.locator(".judge-marks input:checked:not([value=''])").count() == 11
        page.get_by_label("Words for the agent").fill("You let her finish. That is rare.")
        page.get_by_role("button", name="Review and release").focus()
        page.keyboard.press("Enter")
        page.wait_for_url("**/release")
        look(window)
        press(window, "Release to Amara Nwosu")
        page.locator(".judge-verdict").wait_for()
        look(window)
        go(window, "Home", "/home$")
        assert "Every call is scored" in page.inner_text("main")
        take_in_own_rules(window, scene)


def take_in_own_rules(window: Window, scene: Scene) -> None:
    page = window.page
    go(window, "Rule book", "/rules$")
    page.get_by_text("More", exact=True).locator("visible=true").click()
    go(window, "Import a spreadsheet", "/rules/import")
    sheet = scene.files / "rules.csv"
    sheet.write_text(OWN_RULES)
    page.set_input_files("input[type=file]", sheet)
    press(window, "Read it")
    page.get_by_role("button", name="Take one rule as a draft").wait_for()
    look(window)
    press(window, "Take one rule as a draft")
    go(window, "Look at the drafts", "/rules/drafts")
    page.once("dialog", lambda dialog: dialog.accept())
    press(window, "Publish the one that is ready")
    page.get_by_text("One rule is published: H1.").or_(
        page.get_by_text("1 rule is published: H1.")
    ).wait_for()
    look(window)


# ---- five ----


def senior(scene: Scene) -> None:
    with scene.phone(360) as window:
        page = window.page
        come_in(window, scene.story.cards["Amara Nwosu"])
        go(window, "Notices", "/notices$")
        go(window, "evaluat", "/evaluations/")
        assert "You let her finish." in page.inner_text("main")
        page.get_by_label("Answer in words").fill("She called back and thanked me.")
        press(window, "Send answer")
        page.locator(".judge-thread", has_text="She called back").wait_for()
        look(window)
        page.locator(".tabbar summary").click()
        go(window, "My voice", "/my-voice$")
        asked = page.locator("article", has_text="Gone too early")
        assert "Rosa Lind would like to use this moment" in asked.inner_text()
        asked.get_by_role("button", name="Yes, use it").click()
        page.get_by_text("You are asked").wait_for(state="detached")
        page.locator("#agreed").get_by_role("button", name="Take my yes back").wait_for()
        look(window)


# ---- six ----


def lead(scene: Scene) -> None:
    # cards are opened by the hour; this hour's turn came before anybody was here
    command(scene.data, "jobs", "run", "--at", (datetime.now(UTC) + timedelta(hours=1)).isoformat())
    with scene.phone() as window:
        page = window.page
        come_in(window, scene.story.cards["Kwame Mensah"])
        assert re.search(r"Done\s+1\b", page.inner_text("#progress"))
        go(window, "Nia Adeyemi", "/people/")
        scene.story.not_for_managers.append(re.sub("[?#].*", "", page.url) + "/progress")
        page.get_by_label("Who helps Nia Adeyemi").select_option(label="Amara Nwosu")
        press(window, "Save buddy")
        page.get_by_text("Saved.").wait_for()
        look(window)
        go(window, "Home", "/home$")
        assert page.locator("#buddies").count() == 0
        go(window, "Tomas Ruiz", "/recognition/cards/")
        page.get_by_role("textbox", name="Your line").fill("You say sorry so that it counts.")
        press(window, "Write it on the card")
        page.get_by_text("Your line is on the card.").wait_for()
        look(window)


# ---- seven ----


def manager(scene: Scene) -> None:
    with scene.desk() as window:
        page = window.page
        come_in(window, scene.story.cards["Mei Tan"])
        assert re.search(r"\b1\s+module completed", page.inner_text("#month"))
        assert page.locator("audio, [data-clip-player], .call-player").count() == 0
        go(window, "Progress", "/progress$")
        assert "Nia" not in page.inner_text("main")
        assert len(scene.story.not_for_managers) == 3
        for address in scene.story.not_for_managers:
            assert page.goto(address).status in (403, 404), address
            window.wrong.clear()  # the console repeats the status
            look(window)
            assert "Nia" not in page.inner_text("main")
            go(window, "Go to the start page", "/home$")


def admin_again(scene: Scene) -> None:
    """At the end of the day all but the kit is done; its career path is still missing. Then the list is gone."""
    with scene.desk() as window:
        page = window.open("/")
        page.get_by_label("E-mail").fill("ingrid@encore.example")
        page.get_by_label("Password", exact=True).fill(PASSWORD)
        press(window, "Sign in")
        page.wait_for_url("**/home")
        look(window)
        assert page.locator("#first-day li.open:not(:has-text('mail'))").count() == 1
        press(window, "Take the starter kit")
        page.wait_for_selector("text=All of it is here", timeout=120_000)
        look(window)
        go(window, "Home", "/home$")
        assert page.locator("#first-day").count() == 0
        assert "never signed in" in page.inner_text("#centre")  # Tomas, whose day is the day after tomorrow


CHAPTERS = (admin, trainer, newcomer, analyst, senior, lead, manager, admin_again)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("first-hours") / "data"


@pytest.fixture(scope="module")
def story(data: Path) -> Story:
    return Story(initialise(data))


@pytest.fixture(scope="module")
def centre(data: Path, story: Story) -> Iterator[Centre]:
    async def nothing() -> None:
        """`trainer init` has been here."""

    with start_centre(data, nothing) as running:
        yield running


def test_seven_people_find_their_first_hour_complete(
    chromium: Any, centre: Centre, story: Story, data: Path, tmp_path: Path
) -> None:
    for chapter in CHAPTERS:
        chapter(Scene(chromium, centre, story, tmp_path, data))
