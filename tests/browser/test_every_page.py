"""Every page of the sample centre: nothing for axe to find, no sideways scrolling on a small phone, no complaint
in the console. One width and theme a page here; `make test-full` takes them all.
"""

import os
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from litestar.routes import HTTPRoute

from tests.browser.conftest import Centre, Window, settled, start_centre, until
from tests.browser.test_editor import violations
from tests.factories import viewer_for
from trainer import db, jobs
from trainer.app import create_app
from trainer.clips.batch.service import save_regions
from trainer.clips.service import ClipFields
from trainer.demo.build import build
from trainer.people.import_jobs import read_people
from trainer.people.links import issue_link
from trainer.people.service import all_people
from trainer.people.sessions import Sessions
from trainer.quality import judging
from trainer.quality.checking import Given, Judgement
from trainer.rulebook.imports import keep_sheet
from trainer.settings import Settings
from trainer.sheets import pending as imports
from trainer.training.editing import draft_of

pytestmark = [pytest.mark.browser, pytest.mark.slow]

SMALL = 360
LOOKS = [(SMALL, "light"), (SMALL, "dark"), (1280, "light"), (1280, "dark")]

# Every page with who opens it; names in braces are filled from the sample centre.
PAGES = [
    ("-", "/sign-in"),
    ("-", "/forgot"),
    ("-", "/welcome/{link}"),
    ("agent", "/no-such-page"),
    ("agent", "/account"),
    ("agent", "/notices"),
    ("agent", "/account/notices"),
    ("admin", "/settings/mail"),
    ("admin", "/people"),
    ("admin", "/people/new"),
    ("admin", "/people?show=unseen"),
    ("admin", "/people/import"),
    ("admin", "/people/import/{preview}"),
    ("admin", "/people/cards"),
    ("-", "/c"),
    ("lead", "/people/{agent}"),
    ("admin", "/people/{agent}/edit"),
    ("admin", "/teams"),
    ("admin", "/starter-kit"),
    ("admin", "/audit"),
    ("agent", "/rules"),
    ("trainer", "/rules/R06"),
    ("analyst", "/rules?order=1"),
    ("trainer", "/rules/new"),
    ("trainer", "/rules/R06/edit"),
    ("trainer", "/rules/R12?version=1"),
    ("analyst", "/rules/drafts"),
    ("analyst", "/rules/R07/publish"),
    ("admin", "/rules/books/new"),
    ("analyst", "/rules/books/starter"),
    ("admin", "/rules/books/starter/wants/glad"),
    ("trainer", "/rules/import"),
    ("trainer", "/rules/import/{sheet}"),
    ("trainer", "/rules/phrases"),
    ("trainer", "/search"),
    ("analyst", "/search?q=fee"),
    ("trainer", "/calls?rule=R12"),
    ("trainer", "/calls"),
    ("trainer", "/calls/new"),
    ("trainer", "/calls/import"),
    ("trainer", "/calls/import/{archive}"),
    ("analyst", "/evaluations/import"),
    ("analyst", "/evaluations/import/{heard}"),
    ("trainer", "/calls/{recording}"),
    ("trainer", "/calls/{recording}/edit"),
    ("trainer", "/calls/{recording}/transcript"),
    ("trainer", "/calls/{recording}/transcript?plain=true"),
    ("trainer", "/calls/{recording}/clips/new"),
    ("trainer", "/calls/{recording}/mark?start=2000&end=6000"),
    ("trainer", "/calls/{recording}/mark/{batch}"),
    ("senior", "/clips/playlists"),
    ("trainer", "/clips/playlists/new"),
    ("senior", "/clips/playlists/{playlist}"),
    ("trainer", "/clips/playlists/{playlist}/edit"),
    ("analyst", "/clips/pairs"),
    ("trainer", "/clips/pairs/new?rule=R08"),
    ("trainer", "/clips/pairs/{pair}"),
    ("analyst", "/evaluations"),
    ("manager", "/evaluations"),
    ("senior", "/evaluations"),
    ("analyst", "/calls/{unscored}/evaluate"),
    ("analyst", "/evaluations/{draft_evaluation}/edit"),
    ("analyst", "/evaluations/{draft_evaluation}/release"),
    ("analyst", "/evaluations/{crossed}"),
    ("senior", "/evaluations/{answered}"),
    ("admin", "/calls/plays"),
    ("admin", "/rules/programmes"),
    ("senior", "/my-voice"),
    ("agent", "/clips"),
    ("trainer", "/clips/keeping?within=90"),
    ("trainer", "/clips/names"),
    ("trainer", "/clips/objections"),
    ("trainer", "/clips/{clip}/renew"),
    ("trainer", "/clips/coverage"),
    ("analyst", "/clips/coverage?show=gaps"),
    ("trainer", "/calls/worth-hearing"),
    ("trainer", "/calls/worth-hearing?rule=R10&kind=counterexample"),
    ("trainer", "/clips/{clip}"),
    ("trainer", "/clips/{clip}/versions"),
    ("trainer", "/clips/review"),
    ("trainer", "/clips/{clip}/edit"),
    ("trainer", "/modules"),
    ("trainer", "/modules/new"),
    ("trainer", "/modules/{module}"),
    ("trainer", "/modules/{draft}"),
    ("trainer", "/modules/{draft}/steps/new?kind=contrast"),
    ("trainer", "/modules/{draft}/steps/{step}"),
    ("trainer", "/curricula"),
    ("trainer", "/curricula/new"),
    ("trainer", "/curricula/{curriculum}"),
    ("trainer", "/assign?curriculum=first-week&person={agent}"),
    ("lead", "/assign?module=safe-and-honest"),
    ("trainer", "/assignments"),
    ("lead", "/assignments/{assignment}"),
    ("trainer", "/progress"),
    ("lead", "/progress?state=open"),
    ("manager", "/progress"),
    ("lead", "/progress?what=list:first-week"),
    ("trainer", "/progress?what=list:first-week"),
    ("agent", "/account/sight"),
    ("lead", "/account/sight"),
    ("admin", "/people/{senior}/erase"),
    ("lead", "/people/{agent}/progress"),
    ("trainer", "/people/{senior}/progress"),
    ("agent", "/learn"),
    ("agent", "/learn/{enrolment}"),
    ("agent", "/learn/{enrolment}/1"),
    ("senior", "/learn/{completed}/done"),
    *(("senior", f"/learn/{{completed}}/{number}") for number in range(1, 9)),
    *((who, "/home") for who in ("agent", "senior", "trainer", "lead", "analyst", "manager", "admin")),
    ("agent", "/path"),
    ("senior", "/path"),
    ("manager", "/path"),
    ("senior", "/path/milestones"),
    ("lead", "/people/{agent}/path"),
    ("senior", "/recognition"),
    ("agent", "/recognition/thank"),
    ("agent", "/recognition/thanks"),
    ("agent", "/recognition/thanks?side=given"),
    ("agent", "/welcome/celebrations"),
    ("senior", "/recognition/cards/{card}"),
    ("senior", "/recognition/cards/{delivered}"),
    ("lead", "/recognition/wall"),
]
# Not pages: sounds, files, fragments of pages above, redirects, streams.
NOT_PAGES = {
    "play_call",
    "play_clip",
    "play_step",
    "show_clip_words",
    "show_week",
    "download_transcript",
    "show_lines",
    "show_run",
    "export_audit",
    "export_rules",
    "load_template",
    "show_job",
    "list_words",
    "list_kept_words",
    "find_clips",
    "export_playlist",
    "show_lists_of_clip",
    "show_clip_state",
    "show_post",
    "show_reached",
    "show_own_thanks",
    "stream_feed",
    "show_bell",
    "open_notice",
    "show_settings",
    "load_report",
    "export_list",
    "export_csv",
    "export_coverage_csv",
    "export_coverage_xlsx",
    "show_kinds",
    "export_xlsx",
    "open_assigned",
    "follow_card",
    "show_door",
    "show_going",
    "show_metrics",
    "export_plays",
    "download_own",
    "download_of",
    "show_health",
    "enter_demo",
}


@dataclass
class Sample:
    """Who is signed in with which cookie, and what the addresses of pages are filled with."""

    cookies: dict[str, str]
    names: dict[str, str]


async def seed() -> Sample:
    """Builds the sample centre and signs everybody in."""
    await build(lambda *_progress: None)
    people = {str(person.email).split("@")[0]: person for person in await all_people()}
    sessions = Sessions(14)
    cookies = {name: await sessions.start(person.id, device="test") for name, person in people.items()}
    return Sample(cookies, await _names(people))


async def _names(people: dict[str, Any]) -> dict[str, str]:
    async def one(sql: str, *params: Any) -> str:
        row = await db.fetch_one(sql, *params)
        assert row, sql
        return str(row["id"])

    agent, senior = people["agent"].id, people["senior"].id
    module = await one("SELECT id FROM module WHERE code = {}", "safe-and-honest")
    draft = await one("SELECT id FROM module WHERE code = {}", "when-you-cannot")
    version = await draft_of(viewer_for(people["trainer"]), UUID(draft))
    of_call = "SELECT evaluation.id FROM evaluation JOIN recording ON recording.id = evaluation.recording"
    call = await one("SELECT id FROM recording WHERE title = {}", "Charged twice")
    begun = await one("SELECT id FROM recording WHERE title = {}", "The flower shop's Saturday")
    said = Judgement(marks={"R01": Given("met", 12_000), "R02": Given("missed", None, "Nobody was asked.")})
    return {
        "draft_evaluation": str(await judging.start(viewer_for(people["analyst"]), UUID(begun), said)),
        "unscored": await one("SELECT id FROM recording WHERE title LIKE {}", "The first flight%"),
        "crossed": await one(f"{of_call} WHERE recording.title LIKE {{}}", "In a rush%"),
        "answered": await one(f"{of_call} WHERE recording.agent = {{}}", senior),
        "preview": await _preview(people["admin"]),
        "archive": await one("SELECT id FROM sheet_import WHERE kind = 'calls'"),
        "heard": await one("SELECT id FROM sheet_import WHERE kind = 'evaluations'"),
        "link": await issue_link(None, agent),
        "sheet": await _sheet_of_rules(people["trainer"]),
        "agent": str(agent),
        "senior": str(senior),
        "curriculum": await one("SELECT id FROM curriculum WHERE code = {}", "first-week"),
        "assignment": await one("SELECT id FROM assignment WHERE team = {}", people["lead"].team),
        "recording": call,
        "clip": await one("SELECT id FROM clip WHERE slug = {}", "bill-card-stop"),
        "module": module,
        "draft": draft,
        "step": await one(
            "SELECT id FROM step WHERE module_version = {} AND kind = 'contrast'", version.version_id
        ),
        "enrolment": await one(
            "SELECT id FROM enrolment WHERE person = {} ORDER BY created_at LIMIT 1", agent
        ),
        "completed": await one(
            "SELECT id FROM enrolment WHERE person = {} AND completed_at IS NOT NULL LIMIT 1", senior
        ),
        "card": await one(
            "SELECT id FROM occasion WHERE marked_at IS NULL AND person = {}", people["priya"].id
        ),
        "playlist": await one("SELECT id FROM playlist WHERE visible = 'everyone' LIMIT 1"),
        "pair": await one("SELECT id FROM clip_pair LIMIT 1"),
        "batch": await _marked(people["trainer"], call),
        "delivered": await one("SELECT id FROM occasion WHERE marked_at IS NOT NULL AND person = {}", senior),
    }


async def _marked(trainer: Any, recording: str) -> str:
    """Two clips that were marked in one pass, one of them without a rule yet."""
    regions = [
        ClipFields(2_000, 6_000, "Marked first", rules=("R01",)),
        ClipFields(8_000, 12_000, "Marked next"),
    ]
    return str((await save_regions(viewer_for(trainer), UUID(recording), regions)).id)


async def _preview(admin: Any) -> str:
    """A list of people that waits for its yes."""
    text = "email,name,team\nsenior@demo.example,Amara O.,Dock\nnew@demo.example,New,Dock\n,Nobody,\n"
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "people.csv"
        path.write_text(text, encoding="utf-8")
        pending = await imports.receive(viewer_for(admin), "people", path, "people.csv", read_people)
    await jobs.drain()
    return str(pending)


async def _sheet_of_rules(trainer: Any) -> str:
    """A spreadsheet of rules that waits for its yes."""
    text = "code,title,statement,goal\nA1,Greet,Greet them by name.,glad\nR01,,Let them finish.,\nA2,Bad,Row.,fame\n"
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "rules.csv"
        path.write_text(text, encoding="utf-8")
        return str(await keep_sheet(viewer_for(trainer), "starter", path, "our rules.csv"))


@pytest.fixture(scope="module")
def centre(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Centre]:
    with start_centre(tmp_path_factory.mktemp("sample") / "data", seed) as running:
        yield running


def looks() -> list[Any]:
    """All looks with `make test-full`; else each page in one of them, in turn."""
    if os.environ.get("TRAINER_TEST_FULL"):
        return [(*page, *look) for page in PAGES for look in LOOKS]
    return [(*page, *LOOKS[number % len(LOOKS)]) for number, page in enumerate(PAGES)]


@pytest.mark.parametrize(("who", "path", "width", "theme"), looks())
def test_a_page_is_accessible_and_fits(
    chromium: Any, centre: Centre, who: str, path: str, width: int, theme: str
) -> None:
    with centre.window(chromium, width=width, theme=theme) as window:
        if who != "-":
            cookie = {"name": "encore", "value": centre.seeded.cookies[who], "url": centre.url}
            window.context.add_cookies([cookie])
        page = window.open(path.format(**centre.seeded.names))
        settled(page)
        page.wait_for_timeout(200)  # what loads a moment later
        assert page.evaluate("document.documentElement.scrollWidth") <= width, "it scrolls sideways"
        assert page.locator("h1").count() == 1
        expected = ["404"] if path == "/no-such-page" else []
        found = [line for line in violations(window) if not any(word in line for word in expected)]
        assert found == []


def test_every_page_there_is_stands_in_this_list(tmp_path: Any) -> None:
    app = create_app(Settings(data=tmp_path))
    shapes = {path.partition("?")[0].count("/"): set() for _who, path in PAGES}
    for _who, path in PAGES:
        shapes[path.partition("?")[0].count("/")].add(path.partition("?")[0])
    missing = []
    for route in app.routes:
        if not isinstance(route, HTTPRoute) or route.path.startswith(
            ("/api", "/schema", "/static", "/{path")
        ):
            continue
        names = {handler.fn.__name__ for handler in route.route_handlers if "GET" in handler.http_methods}
        if (
            names
            and not names & NOT_PAGES
            and not any(_fits(route.path, path) for path in shapes.get(route.path.count("/"), set()))
        ):
            missing.append(route.path)
    assert missing == []


def _fits(pattern: str, path: str) -> bool:
    """Whether a page's address is one of a route's."""
    pairs = zip(pattern.split("/"), path.split("/"), strict=True)
    return all(mine.startswith("{") or mine == theirs for mine, theirs in pairs)


def test_targets_are_large_enough_on_a_phone(chromium: Any, centre: Centre) -> None:
    """44 px for what is pressed with a thumb: buttons and the tabs of the bottom bar."""
    for who, path in (
        ("agent", "/home"),
        ("agent", "/learn"),
        ("senior", "/recognition"),
        ("agent", "/learn/{enrolment}/1"),
    ):
        with centre.window(chromium, width=SMALL) as window:
            cookie = {"name": "encore", "value": centre.seeded.cookies[who], "url": centre.url}
            window.context.add_cookies([cookie])
            page = window.open(path.format(**centre.seeded.names))
            for target in page.locator(
                "main button:visible, main a.button:visible, nav.tabs a:visible"
            ).all():
                box = target.bounding_box()
                assert box, path
                assert box["height"] >= 44, (path, target.inner_text(), box)


@pytest.mark.parametrize(
    ("who", "path"),
    [("-", "/sign-in"), ("agent", "/home"), ("agent", "/learn/{enrolment}/1"), ("senior", "/recognition")],
)
def test_a_first_visit_fits_a_slow_line(chromium: Any, centre: Centre, who: str, path: str) -> None:
    """Everything that an empty cache fetches for one page, fonts included and sound not: 120 kB at most."""
    with centre.window(chromium, width=SMALL) as window:
        if who != "-":
            cookie = {"name": "encore", "value": centre.seeded.cookies[who], "url": centre.url}
            window.context.add_cookies([cookie])
        network = window.context.new_cdp_session(window.page)
        network.send("Network.enable")
        sizes: list[float] = []
        network.on("Network.loadingFinished", lambda event: sizes.append(event["encodedDataLength"]))
        page = window.open(path.format(**centre.seeded.names))
        settled(page)
        until(page, lambda: len(sizes) > 10)
        page.wait_for_timeout(500)
        assert sum(sizes) <= 120_000, sum(sizes)


def test_without_a_line_a_form_stays_as_it_was_typed(chromium: Any, centre: Centre) -> None:
    with centre.window(chromium, width=SMALL) as window:
        cookie = {"name": "encore", "value": centre.seeded.cookies["agent"], "url": centre.url}
        window.context.add_cookies([cookie])
        page = window.open("/account")
        page.fill("[name=name]", "Lin of the night shift")
        window.context.set_offline(True)
        page.locator("form:has([name=name]) button[type=submit]").click()
        page.wait_for_selector("#toasts :text('No connection')")
        assert page.input_value("[name=name]") == "Lin of the night shift"
        window.context.set_offline(False)
        page.locator("form:has([name=name]) button[type=submit]").click()
        page.wait_for_load_state()
        until(page, lambda: page.get_attribute("[name=name]", "value") == "Lin of the night shift")


def test_a_window_notices_what_goes_wrong(chromium: Any, centre: Centre) -> None:
    with centre.window(chromium) as window:
        assert isinstance(window, Window)
        window.open("/sign-in")
        window.page.evaluate("console.error('as in a broken page')")
        assert violations(window) == ["as in a broken page"]
