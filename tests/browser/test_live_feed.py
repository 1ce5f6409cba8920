"""The feed in two windows: thanks given in one appear in the other, which neither reloads nor jumps."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.browser.conftest import (
    KEEP_ANNOUNCED,
    PATIENCE_MS,
    Centre,
    announced,
    answered_once_by_a_proxy,
    settled,
    start_centre,
    until,
)
from tests.factories import a_person, a_rulebook, a_team
from trainer.people.sessions import Sessions

axe_api = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe is in the `test` extra")

pytestmark = pytest.mark.browser

HIDE = """hidden => {
    Object.defineProperty(document, 'hidden', {configurable: true, get: () => hidden});
    document.dispatchEvent(new Event('visibilitychange'));
}"""


async def people() -> dict[str, str]:
    """Three colleagues of one team; their sign-in secrets."""
    await a_rulebook()
    team = await a_team("Harbour")
    made = {
        "amara": await a_person("agent", name="Amara Okafor", team=team),
        "lead": await a_person("team_lead", name="Kwame Mensah", team=team),
        "priya": await a_person("agent", name="Priya Nair", team=team),
    }
    return {name: await Sessions(14).start(one.id, device="Tests") for name, one in made.items()}


@pytest.fixture(scope="module")
def centre(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Centre]:
    with start_centre(tmp_path_factory.mktemp("feed"), people) as running:
        yield running


@pytest.fixture
def window(centre: Centre, chromium: Any) -> Iterator[Any]:
    """`window("amara")`: a page of a browser in which she is signed in. None may complain, but of what is `meant`."""
    contexts: list[Any] = []
    wrong: list[str] = []

    def opened(name: str, width: int = 1280, theme: str = "light", meant: str = "") -> Any:
        context = chromium.new_context(
            viewport={"width": width, "height": 844},
            color_scheme=theme,
            reduced_motion="reduce",
            base_url=centre.url,
        )
        contexts.append(context)
        context.add_cookies([{"name": "encore", "value": centre.seeded[name], "url": centre.url}])
        context.set_default_timeout(PATIENCE_MS)
        context.add_init_script(KEEP_ANNOUNCED)
        page = context.new_page()
        page.on("pageerror", lambda error: wrong.append(str(error)))

        def note(said: Any) -> None:
            if said.type in ("error", "warning") and not (meant and meant in said.text):
                wrong.append(said.text)

        page.on("console", note)
        return page

    yield opened
    for context in contexts:
        context.close()
    assert wrong == []


def give_thanks(page: Any, words: str, *, to: str = "Priya Nair", visibility: str = "team") -> None:
    page.goto("/recognition/thank")
    page.get_by_role("checkbox", name=to).check()
    page.get_by_label("What did they show?").select_option("rule:R01")
    page.get_by_label("What did they do?").fill(words)
    page.locator(f'input[name="visibility"][value="{visibility}"]').check()
    page.get_by_role("button", name="Send thanks").click()
    page.wait_for_url("**/recognition/thanks*" if visibility == "private" else "**/recognition*")


def test_thanks_given_in_one_window_appear_in_the_other(window: Any) -> None:
    reader, writer = window("lead"), window("amara")
    reader.goto("/recognition")
    reader.evaluate("window.kept = true")
    reader.get_by_role("link", name="Thank someone for what they did").focus()
    give_thanks(writer, "You let her finish, and the real reason came.")
    assert writer.get_by_text("the real reason came").is_visible()

    until(reader, "document.body.textContent.includes('the real reason came')")
    assert reader.evaluate("window.kept"), "the page was loaded anew"
    assert "Thank someone" in reader.evaluate("document.activeElement.textContent"), "focus moved"
    announced(reader, "Amara Okafor thanked Priya Nair")

    reader.get_by_role("button", name="Thank", exact=True).first.click()
    until(reader, "document.querySelector('[aria-pressed=true]')?.textContent.includes('Thanked')")
    assert reader.get_by_text("Thanks from Kwame Mensah").is_visible()
    assert reader.evaluate("document.activeElement.id").startswith("cheer-"), "focus stays on the button"


def test_what_is_being_read_does_not_move(window: Any) -> None:
    writer = window("amara")
    for number in range(6):
        give_thanks(writer, f"Moment {number}: you stayed calm while it took long.\n\n" + "And calm.\n" * 8)
    reader = window("lead", width=390)
    reader.goto("/recognition")
    third = reader.locator("#feed > .post").nth(3)
    third.evaluate("one => window.scrollTo(0, one.getBoundingClientRect().top + window.scrollY - 100)")
    settled(reader)
    identity, before = third.get_attribute("id"), third.bounding_box()["y"]
    give_thanks(writer, "A new one on top.")
    until(reader, "document.getElementById('feed').textContent.includes('A new one on top.')")
    settled(reader)
    until(reader, lambda: abs(reader.locator(f"#{identity}").bounding_box()["y"] - before) < 3)


def test_a_hidden_tab_follows_nothing_and_catches_up(window: Any) -> None:
    reader, writer = window("lead"), window("amara")
    reader.goto("/recognition")
    reader.evaluate(HIDE, True)
    give_thanks(writer, "Said while nobody looked.")
    reader.wait_for_timeout(600)
    assert not reader.evaluate("document.body.textContent.includes('Said while nobody looked.')")
    reader.evaluate(HIDE, False)
    until(reader, "document.body.textContent.includes('Said while nobody looked.')")
    assert reader.get_by_text("Said while nobody looked.").count() == 1


@pytest.mark.parametrize("path", ["/recognition", "/recognition/wall"])
def test_after_an_answer_of_a_proxy_the_stream_is_asked_for_again(window: Any, path: str) -> None:
    reader, writer = window("lead", meant="502"), window("amara")
    asked = answered_once_by_a_proxy(reader, "**/live?*" if path == "/recognition" else "**/live")
    reader.goto(path)
    reader.evaluate("window.kept = true")
    until(reader, lambda: len(asked) >= 2)
    words = f"Said after the proxy at {path}."
    give_thanks(writer, words, visibility="everyone")
    until(reader, f"document.body.textContent.includes('{words}')")
    assert reader.evaluate("window.kept"), "the page was loaded anew"


def test_a_post_that_could_not_be_fetched_comes_a_little_later(window: Any) -> None:
    reader, writer = window("lead", meant="502"), window("amara")
    asked = answered_once_by_a_proxy(reader, "**/recognition/posts/*")
    reader.goto("/recognition")
    reader.evaluate("window.kept = true")
    give_thanks(writer, "Fetched at the second try.")
    until(reader, "document.body.textContent.includes('Fetched at the second try.')")
    assert len(asked) == 2
    give_thanks(writer, "And the next one at once.")
    until(reader, "document.body.textContent.includes('And the next one at once.')")
    assert reader.get_by_text("Fetched at the second try.").count() == 1
    assert reader.evaluate("window.kept"), "the page was loaded anew"


def test_whoever_missed_too_much_gets_the_feed_drawn_anew(window: Any) -> None:
    reader, writer = window("lead"), window("amara")
    reader.goto("/recognition")
    reader.evaluate("window.kept = true")
    reader.evaluate(HIDE, True)
    give_thanks(writer, "One of very many.")
    told: list[str] = []

    def answer(route: Any) -> None:
        told.append(route.request.url)
        if len(told) == 1:
            body = "event: renew\nid: 999999\ndata: 999999\n\n"
            route.fulfill(status=200, content_type="text/event-stream", body=body)
        else:
            route.continue_()

    reader.route("**/live?*", answer)
    reader.evaluate(HIDE, False)
    until(reader, "document.body.textContent.includes('One of very many.')")
    assert reader.get_by_text("One of very many.").count() == 1
    assert reader.evaluate("window.kept"), "the page was loaded anew"


def test_private_thanks_reach_no_other_window(window: Any) -> None:
    reader, writer, receiver = window("lead"), window("amara"), window("priya")
    reader.goto("/recognition")
    give_thanks(writer, "Just between us.", visibility="private")
    assert writer.get_by_text("Your thanks are given.").is_visible()
    give_thanks(writer, "And this for all to see.", visibility="everyone")
    until(reader, "document.body.textContent.includes('And this for all to see.')")
    assert not reader.evaluate("document.body.textContent.includes('Just between us.')")
    receiver.goto("/path")
    receiver_sees = receiver.evaluate("document.body.textContent")
    assert "Just between us." in receiver_sees
    assert "only for you" in receiver_sees


def test_the_wall_renews_itself(window: Any) -> None:
    wall, writer = window("lead"), window("amara")
    wall.goto("/recognition/wall")
    wall.evaluate("window.kept = true")
    give_thanks(writer, "A line for the whole floor.", visibility="everyone")
    until(wall, "document.body.textContent.includes('A line for the whole floor.')")
    assert wall.evaluate("window.kept")


def test_a_post_is_taken_down_from_its_menu(window: Any) -> None:
    writer = window("amara")
    give_thanks(writer, "Written too early.")
    writer.on("dialog", lambda dialog: dialog.accept())
    post = writer.locator(".post", has_text="Written too early.")
    post.get_by_label("More about this post").click()
    post.get_by_role("button", name="Withdraw these thanks").click()
    until(writer, "!document.getElementById('feed').textContent.includes('Written too early.')")
    until(writer, "document.getElementById('toasts').textContent.includes('out of the feed')")


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("amara", "/path"),
        ("amara", "/path/milestones"),
        ("lead", "/path"),
        ("amara", "/recognition"),
        ("amara", "/recognition?scope=team"),
        ("amara", "/recognition/thank"),
        ("lead", "/recognition/wall"),
    ],
)
@pytest.mark.parametrize(("width", "theme"), [(360, "dark"), (1280, "light")])
def test_every_page_fits_and_is_accessible(window: Any, name: str, path: str, width: int, theme: str) -> None:
    page = window(name, width, theme)
    page.goto(path)
    settled(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= width, "it scrolls sideways"
    found = axe_api.Axe().run(page).response["violations"]
    assert [(one["id"], one["nodes"][0]["target"]) for one in found] == []


def test_words_that_are_mended_or_withdrawn_change_where_they_are_read(window: Any) -> None:
    reader, writer = window("lead", meant="404"), window("amara")
    reader.goto("/recognition")
    give_thanks(writer, "You let her finnish.", visibility="everyone")
    until(reader, "document.body.textContent.includes('You let her finnish.')")
    writer.goto("/recognition/thanks?side=given")
    writer.locator("a:has-text('Mend your words')").first.click()
    writer.fill("[name=message]", "You let her finish.")
    writer.click("text=Save words")
    until(reader, "document.body.textContent.includes('You let her finish.')")
    assert not reader.evaluate("document.body.textContent.includes('finnish')")
    # whoever is at a post keeps it until they go on
    post = reader.locator(".post:has-text('You let her finish.')")
    post.locator("button").first.focus()
    writer.goto("/recognition/thanks?side=given")
    writer.on("dialog", lambda asked: asked.accept())
    with writer.expect_navigation():
        writer.locator("button:has-text('Withdraw')").first.click()
    assert writer.get_by_text("Your thanks are withdrawn.").is_visible()
    assert post.count() == 1
    reader.evaluate("document.activeElement.blur()")
    until(reader, lambda: post.count() == 0)
