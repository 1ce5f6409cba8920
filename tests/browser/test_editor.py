"""The clip editor in a real browser: by mouse, by keyboard alone, on a phone, nothing for axe to find."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.browser.conftest import PASSWORD, Centre, Window, start_centre, until
from tests.clips.makers import a_call_of_two_sides, a_prepared_call, a_rule, a_tone
from tests.factories import a_person, a_team

pytestmark = pytest.mark.browser

TRAINER = "rosa@encore.example"
SECOND = "mei@encore.example"


@pytest.fixture(scope="module")
def centre(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Centre]:
    """A centre with two trainers, three rules (one a draft) and two calls that are ready to be cut.

    Seeded: the id of a call on one channel, and of one with a side on each of two.
    """
    folder = tmp_path_factory.mktemp("editor")
    sounds = [a_tone(folder / "call.wav"), a_call_of_two_sides(folder / "two.wav")]

    async def seed() -> tuple[str, ...]:
        team = await a_team("Harbour")
        await a_person("trainer", name="Rosa Lind", email=TRAINER, password=PASSWORD)
        await a_person("trainer", name="Mei Tan", email=SECOND, password=PASSWORD)
        agent = await a_person("agent", name="Amara Nwosu", team=team)
        await a_rule("R01")
        await a_rule("R02", title="Check who is calling")
        await a_rule("R03", title="Say what comes next", state="draft")
        return tuple([str(await a_prepared_call(sound, agent=agent.id)) for sound in sounds])

    with start_centre(folder / "data", seed) as running:
        yield running


def open_editor(
    window: Window, centre: Centre, query: str = "?start=5000&end=9000", *, sides: int = 1
) -> Any:
    page = window.open(f"/calls/{centre.seeded[sides - 1]}/clips/new{query}")
    page.wait_for_selector("[data-editor][data-ready]")
    return page


def to_the_end(page: Any, what: str) -> int:
    """Presses Undo, or Redo, as often as there is something to it."""
    button = page.locator(f'[data-do="{what}"]')
    for pressed in range(100):
        if button.get_attribute("aria-disabled") == "true":
            return pressed
        button.click()
    raise AssertionError("there is no end to it")


STATE = "document.querySelector('[data-editor]').editor.state.read()"


def violations(window: Window) -> list[str]:
    """What axe finds on the page, in a line each, after what went wrong on it by itself."""
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    wrong = list(window.wrong)
    found = axe.run(window.page).response["violations"]
    # axe copies the style sheets of shadow trees, which the page's policy stops and reports
    window.wrong.clear()
    return [*wrong, *(f"{v['id']}: {[node['target'] for node in v['nodes']]}" for v in found)]


def times(page: Any) -> tuple[str, str]:
    return page.input_value("#f-start"), page.input_value("#f-end")


def seconds(text: str) -> float:
    minutes, _sep, rest = text.partition(":")
    return int(minutes) * 60 + float(rest)


def test_a_clip_is_cut_by_mouse_saved_rendered_and_published(chromium: Any, centre: Centre):
    with centre.window(chromium, TRAINER) as window:
        page = open_editor(window, centre)
        assert times(page) == ("0:05.0", "0:09.0")
        assert not [url for url in window.asked if url.endswith("/audio")]  # no sound before Play
        handle = page.locator("#wave [part~=region-handle-right]").first.bounding_box()
        middle = handle["y"] + handle["height"] / 2
        page.mouse.move(handle["x"] + 6, middle)
        page.mouse.down()
        page.mouse.move(handle["x"] + 66, middle, steps=6)
        page.mouse.up()
        assert seconds(times(page)[1]) > 9.2
        assert times(page)[0] == "0:05.0"
        # from the second line over the third
        page.locator("[data-line='1']").hover()
        page.mouse.down()
        page.locator("[data-line='2']").hover()
        page.mouse.up()
        assert page.locator(".turn.in-clip").count() == 2
        start, end = map(seconds, times(page))
        assert 4.5 < start <= 5.0
        assert 14.0 <= end < 14.5
        # the spoken number is covered word by word
        page.click("[data-redact-words]")
        page.click("[data-word]:has-text('4111')")
        assert page.locator("[data-redaction-list] li").count() == 1
        page.select_option("[data-redaction-list] select", "silence")
        page.click('[data-do="play"]')
        until(page, lambda: page.inner_text("[data-now]") > "0:05.5")
        page.click('[data-do="cue-here"]')
        page.click('[data-do="play"]')
        assert [url for url in window.asked if url.endswith("/audio")]
        assert seconds(page.input_value("#f-cue")) > 5.0
        page.fill("#f-title", "Let me stop you there")
        page.fill("#clip-form input[type=search]", "who is calling")
        assert page.locator("#clip-form .check:visible").count() == 1
        page.check("#clip-form .check:visible input")
        # all of it was saved by itself meanwhile, and undone and done again it is the same
        page.wait_for_selector("[data-autosave-status]:has-text('Draft saved.')")
        before = page.evaluate(STATE)
        steps = to_the_end(page, "undo")
        assert times(page) == ("0:05.0", "0:09.0")
        assert page.input_value("#f-title") == page.input_value("#f-cue") == ""
        assert page.locator("[data-redaction-list] li").count() == 0
        assert to_the_end(page, "redo") == steps >= 5
        assert page.evaluate(STATE) == before
        page.click("#clip-form button.primary")
        page.wait_for_url("**/clips/*-*")
        page.wait_for_selector("[data-clip-player]", timeout=120_000)
        assert "4111" not in page.inner_text("main")
        assert "[removed]" in page.inner_text("main")
        page.check("input[name=privacy_checked]")
        page.click("text=Publish clip")
        page.wait_for_selector("text=Retire clip")
        assert violations(window) == []
        assert window.wrong == []


def test_words_pauses_sides_and_rules_by_mouse(chromium: Any, centre: Centre):
    with centre.window(chromium, TRAINER) as window:
        page = open_editor(window, centre, "?start=4000&end=9500", sides=2)
        # who is on which lane is told by who is loud when
        assert page.locator("[data-lane]").all_inner_texts() == ["Caller", "Agent"]
        page.click("[data-mute]:has-text('Agent')")
        assert page.evaluate("document.querySelector('[data-editor]').editor.mix.levels()") == [1, 0]
        assert not [url for url in window.asked if url.endswith("/audio")]
        page.click("[data-mute]:has-text('Agent')")
        page.fill("[data-balance]", "100")
        assert page.evaluate("document.querySelector('[data-editor]').editor.mix.levels()") == [1, 0]
        assert page.get_attribute("[data-balance]", "aria-valuetext") == "Caller 100 %"
        page.fill("[data-balance]", "0")
        # a word, then a drag to another one, sets the clip; its ends fall into the pauses beside them
        page.click("[data-select-words]")
        page.locator("[data-word]:has-text('My')").hover()
        page.mouse.down()
        page.locator("[data-word]:has-text('please.')").hover()
        page.mouse.up()
        until(
            page,
            lambda: times(page)[0] != "0:04.0" and seconds(times(page)[0]) < 5 < 9 < seconds(times(page)[1]),
        )
        pressed = page.locator("[data-word][aria-pressed=true]").all_inner_texts()
        assert pressed == ["My", "card", "4111", "please."]
        # a grip let go in the middle of a pause's edge snaps; with snapping off it stays
        model = "document.querySelector('[data-editor]').editor.model"
        page.evaluate(f"{model}.setRange(5100, 8900)")
        page.evaluate("document.querySelector('[data-editor]').editor.snap.settle()")
        until(page, lambda: seconds(times(page)[0]) < 5 < 9 < seconds(times(page)[1]))
        page.click("[data-snap]")
        page.evaluate(f"{model}.setRange(5100, 8900)")
        page.evaluate("document.querySelector('[data-editor]').editor.snap.settle()")
        page.wait_for_timeout(100)
        assert times(page) == ("0:05.1", "0:08.9")
        # two rules, one of them a draft: each has its own cue and its own why
        page.check("#clip-form .check:has-text('Listen to the end') input")
        assert not page.locator("[data-cues]").is_visible()
        page.check("#clip-form .check:has-text('Draft') input")
        rows = page.locator(".rule-cue")
        assert rows.count() == 2
        rows.nth(1).locator("[data-time]").fill("0:07.5")
        rows.nth(1).locator("textarea").fill("He says what comes next.")
        assert page.input_value("#f-cues") == "R03 0:07.5: He says what comes next."
        assert page.locator("#wave [part~=rule-cue]").count() == 1
        page.click('[data-do="undo"]')
        assert page.input_value("#f-cues") == "R03 0:07.5"
        page.click('[data-do="redo"]')
        page.fill("#f-title", "Two rules, two cues")
        assert violations(window) == []
        page.click("#clip-form button.primary")
        page.wait_for_url("**/clips/*-*")
        assert "Happens at 0:02" in page.inner_text("#rules")
        page.click("text=Edit")
        page.wait_for_selector("[data-editor][data-ready]")
        assert page.locator(".rule-cue textarea").nth(1).input_value() == "He says what comes next."
        assert window.wrong == []


def test_a_clip_is_cut_by_keyboard_alone(chromium: Any, centre: Centre):
    with centre.window(chromium, TRAINER) as window:
        page = open_editor(window, centre)
        key = page.keyboard.press

        def tab_to(selector: str) -> None:
            for _ in range(80):
                if page.evaluate("s => document.activeElement?.matches(s) ?? false", selector):
                    return
                key("Tab")
            raise AssertionError(f"{selector} is not reached by Tab")

        # the transcript is one stop; arrows go through it, Shift takes in more
        tab_to(".turn")
        key("ArrowUp")
        key("Enter")
        assert times(page)[0] == "0:00.0"
        key("Shift+ArrowDown")
        assert page.locator(".turn.in-clip").count() == 2
        tab_to("#f-start")
        page.keyboard.type("5")
        key("ArrowUp")
        key("Shift+ArrowUp")
        assert times(page)[0] == "0:06.1"
        tab_to("#f-end")
        page.keyboard.type("0:13.5")
        key("Tab")
        assert times(page) == ("0:06.1", "0:13.5")
        tab_to("#wave > div")  # the slider in its shadow tree
        key("Home")
        key("ArrowRight")
        key("Shift+ArrowRight")
        assert page.inner_text("[data-now]") == "0:07.2"
        assert page.get_attribute("#wave [role=slider]", "aria-valuetext") == "0:07.2"
        key("c")
        key("r")
        assert page.input_value("#f-cue") == "0:07.2"
        tab_to("[data-redaction-list] input")
        key("ArrowDown")
        assert page.input_value("[data-redaction-list] input >> nth=0") == "0:07.1"
        tab_to("[data-redaction-list] [data-remove]")
        key("Enter")
        assert page.locator("[data-redaction-list] li").count() == 0
        key("Control+z")
        assert page.input_value("[data-redaction-list] input >> nth=0") == "0:07.1"
        key("Control+z")
        assert page.input_value("[data-redaction-list] input >> nth=0") == "0:07.2"
        key("Control+y")
        key("Control+Shift+z")
        assert page.locator("[data-redaction-list] li").count() == 0
        assert page.evaluate("document.activeElement.dataset.do") == "redact"
        # words are one stop more; arrows go over them, Shift takes in more
        tab_to("[data-select-words]")
        key("Enter")
        page.wait_for_selector("[data-word]")
        tab_to("[data-word]")
        key("Home")
        key("ArrowRight")
        key("Enter")
        key("Shift+ArrowRight")
        assert [seconds(at) for at in times(page)] == [0.94, 4.06]
        key("Control+z")
        key("Control+z")
        assert times(page) == ("0:06.1", "0:13.5")
        page.keyboard.press("Shift+Tab")
        tab_to("#wave > div")
        key("Home")
        key("ArrowRight")
        key("Shift+ArrowRight")
        tab_to("#f-title")
        page.keyboard.type("By keyboard alone")
        tab_to("#clip-form input[type=search]")
        tab_to("#clip-form input[type=checkbox]")
        key("Space")
        tab_to("#clip-form input[type=checkbox][value=R02]")
        key("Space")
        tab_to(".rule-cue [data-here]")
        key("Enter")
        page.keyboard.press("Tab")
        page.keyboard.type("He is cut off.")
        assert page.input_value("#f-cues") == "R01 0:07.2: He is cut off."
        key("Control+s")
        page.wait_for_url("**/clips/*-*")
        assert page.inner_text("h1") == "By keyboard alone"
        assert window.wrong == []


def test_saving_by_hand_in_the_middle_of_a_save_makes_one_draft(chromium: Any, centre: Centre):
    with centre.window(chromium, TRAINER) as window:
        page = open_editor(window, centre)
        page.fill("#f-title", "Only once")
        page.evaluate("document.querySelector('[data-editor]').editor.autosave.save()")
        page.click("#clip-form button.primary")
        page.wait_for_url("**/clips/*-*")
        window.open("/clips?state=draft&q=Only+once")
        assert page.locator("main a:has-text('Only once')").count() == 1
        assert window.wrong == []


def test_times_stay_inside_what_a_clip_may_be(chromium: Any, centre: Centre):
    with centre.window(chromium, TRAINER) as window:
        page = open_editor(window, centre)

        def typed(field: str, value: str) -> tuple[str, str]:
            page.fill(field, value)
            page.press(field, "Tab")
            return times(page)

        assert typed("#f-start", "8.9") == ("0:08.9", "0:12.9")  # a start behind the end takes the clip along
        assert typed("#f-end", "5") == ("0:01.0", "0:05.0")
        assert typed("#f-end", "99") == ("0:01.0", "0:20.0")
        assert typed("#f-start", "nonsense") == ("0:01.0", "0:20.0")
        assert typed("#f-start", "0:19.95") == ("0:19.7", "0:20.0")


def test_a_time_that_cannot_be_is_said_beside_its_field_and_changes_nothing(chromium: Any, centre: Centre):
    with centre.window(chromium, TRAINER) as window:
        page = open_editor(window, centre)

        def said(field: str, value: str, key: str = "Tab") -> str:
            page.fill(field, value)
            page.press(field, key)
            box = page.locator(field)
            note = page.locator(f"#{box.get_attribute('aria-describedby')}").inner_text()
            until(page, lambda: note in page.evaluate("window.announced"))
            return note if box.get_attribute("aria-invalid") else f"({note})"

        assert said("#f-start", "1:40") == "The call ends at 0:20.0. Nothing was changed."
        assert said("#f-start", "abc", "Enter").startswith("Give a time such as 0:12.3.")
        assert said("#f-end", "") == "Give a time such as 0:12.3. Nothing was changed."
        assert "Set the end first" in said("#f-start", "17")
        assert "Set the start first" in said("#f-end", "3")
        assert times(page) == ("0:05.0", "0:09.0")
        assert said("#f-cue", "0:30") == "The call ends at 0:20.0. Nothing was changed."
        assert page.input_value("#f-cue") == ""
        assert violations(window) == []
        # what was taken over in another way is told, not refused
        assert said("#f-end", "99") == "(The call ends there, at 0:20.0.)"
        page.fill("#f-end", "9")
        page.press("#f-end", "Tab")
        assert times(page) == ("0:05.0", "0:09.0")
        assert page.locator(".time-note").count() == 0
        # a redaction stays where it covers
        page.click('[data-do="redact"]')
        before = page.input_value("#f-redactions")
        assert "a start comes before that" in said("[data-redaction-list] input >> nth=0", "15")
        assert page.input_value("#f-redactions") == before
        assert window.wrong == []


def test_the_lines_say_what_learners_will_read(chromium: Any, centre: Centre):
    with centre.window(chromium, TRAINER) as window:
        # 123 ms of the first line: no word of it is in the clip
        page = open_editor(window, centre, "?start=3877&end=9000")
        until(page, lambda: page.locator(".turn.in-clip").count() == 1)
        assert page.locator("[data-line='0']").get_attribute("aria-pressed") == "false"
        assert page.locator(".kept-words").count() == 0
        page.click("[data-redact-words]")
        page.click("[data-word]:has-text('4111')")
        note = page.locator("li:has(> [data-line='1']) .kept-words")
        note.wait_for()
        assert note.inner_text() == "Learners read: My [removed]"  # with a margin on both sides
        assert page.locator("[data-line='1']").get_attribute("aria-describedby") == note.get_attribute("id")
        assert violations(window) == []
        page.click('[data-do="undo"]')
        note.wait_for(state="detached")


def test_leaving_with_unsaved_changes_asks_first(chromium: Any, centre: Centre):
    with centre.window(chromium, TRAINER) as window:
        page = open_editor(window, centre)
        asked: list[str] = []

        def stay(dialog: Any) -> None:
            asked.append(dialog.type)
            dialog.dismiss()

        page.on("dialog", stay)
        page.focus("#f-end")
        page.keyboard.press("ArrowUp")
        page.evaluate("setTimeout(() => location.assign('/clips'))")
        until(page, lambda: asked == ["beforeunload"])
        assert page.url.endswith("end=9000")
        assert times(page)[1] == "0:09.1"


@pytest.mark.parametrize(("width", "theme"), [(1280, "light"), (390, "dark")])
def test_nothing_for_axe_and_no_sideways_scroll(chromium: Any, centre: Centre, width: int, theme: str):
    with centre.window(chromium, TRAINER, width=width, theme=theme) as window:
        page = open_editor(window, centre)
        page.locator("#wave [role=slider]").focus()
        page.keyboard.press("r")
        page.click("[data-redact-words]")
        page.wait_for_selector("[data-word]")
        assert violations(window) == []
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert window.wrong == []


def test_two_trainers_at_one_draft(chromium: Any, centre: Centre):
    with centre.window(chromium, TRAINER) as first, centre.window(chromium, SECOND) as second:
        page = open_editor(first, centre)
        page.fill("#f-title", "Shared draft")
        page.click("#clip-form button.primary")
        page.wait_for_url("**/clips/*-*")
        edit = page.url.removeprefix(centre.url) + "/edit"
        first.open(edit)
        theirs = second.open(edit)
        theirs.fill("#f-title", "Mei's title")
        theirs.fill("#f-note", "Mei's note")
        theirs.click("#clip-form button.primary")
        theirs.wait_for_url("**/clips/*-*")
        page.fill("#f-title", "Rosa's title")
        page.click("#clip-form button.primary")
        page.wait_for_selector("text=Mei Tan saved this clip while you were editing it.")
        first.wrong.clear()  # the browser complains of a 409
        # what only Mei touched is taken over; of the title, which both changed, either can be had
        assert page.input_value("#f-note") == "Mei's note"
        page.wait_for_selector("[data-editor][data-ready]")
        assert page.input_value("#f-title") == "Rosa's title"
        assert page.locator("[data-part]").count() == 1
        page.check("[data-part=title] [value=theirs]")
        assert page.input_value("#f-title") == "Mei's title"
        page.check("[data-part=title] [value=mine]")
        assert page.input_value("#f-title") == "Rosa's title"
        assert violations(first) == []
        page.click("#clip-form button.primary")
        page.wait_for_url("**/clips/*-*")
        assert page.inner_text("h1") == "Rosa's title"
        assert "Mei's note" in page.inner_text("main")


def test_without_scripts_the_form_still_cuts_a_clip(chromium: Any, centre: Centre):
    context = chromium.new_context(java_script_enabled=False)
    try:
        page = context.new_page()
        page.goto(centre.url + "/sign-in?next=/clips")
        page.fill("input[name=identifier]", TRAINER)
        page.fill("input[type=password]", PASSWORD)
        page.click("main button[type=submit]")
        page.goto(f"{centre.url}/calls/{centre.seeded[0]}/clips/new")
        page.fill("#f-start", "0:05")
        page.fill("#f-end", "0:09")
        page.fill("#f-redactions", "0:07.0 - 0:08.0 beep")
        page.fill("#f-title", "Plain form")
        page.click("#clip-form button.primary")
        assert page.inner_text("h1") == "Plain form"
        assert "[removed]" in page.inner_text("main")
    finally:
        context.close()
