"""The clip editor of an hour's call in a real browser: what it transfers, and when a trainer can begin to cut.

The call has two channels, full peaks and a transcript of 720 lines with the times of their words, on SQLite. Each
opening is one of a browser that has never been here. The reference is the same call's own page, which plays no wave.
"""

import contextlib
import random
import shutil
import statistics
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from benchmarks.row import Row
from tests.browser.conftest import FLAGS, PASSWORD, Centre, Window, start_centre
from tests.clips.makers import a_rule
from tests.factories import a_person
from trainer import db
from trainer.audio.peaks import PEAKS_PER_SECOND, Peaks
from trainer.calls.jobs import object_key, peaks_key
from trainer.calls.tables import Recording, Segment
from trainer.storage import storage

TRAINER = "rosa@bench.example"
CALL_MS = 3_600_000
TURN_MS = 5_000
RULES = 40
WORDS = ("so", "before", "we", "go", "on", "let", "me", "say", "what", "you", "pay", "today", "and", "comes")
BOUND_KB, BOUND_S = 300, 2.0


@dataclass(frozen=True, slots=True)
class Opening:
    """One opening of a page: bytes over the wire, seconds until it can be used, bytes of sound."""

    size: int
    seconds: float
    sound: int


def speech(chance: random.Random, channel: int) -> bytes:
    """Peaks of somebody who speaks every other turn, with syllables and breaths."""
    steps = CALL_MS * PEAKS_PER_SECOND // 1000
    turn = TURN_MS * PEAKS_PER_SECOND // 1000
    speaking = (at // turn % 2 == channel for at in range(steps))
    return bytes(chance.randrange(40, 255) if on else chance.randrange(0, 14) for on in speaking)


async def fill() -> str:
    """A centre with one trainer and the call; returns its id."""
    chance = random.Random(4)
    await a_person("trainer", name="Rosa Lind", email=TRAINER, password=PASSWORD)
    for number in range(RULES):
        await a_rule(f"R{number:02}", title=f"Rule {number:02}: say it before they ask")
    call = db.new_id()
    peaks = Peaks(CALL_MS, (speech(chance, 0), speech(chance, 1)))
    await storage().put_bytes(object_key(call), bytes(1 << 20))
    await storage().put_bytes(peaks_key(call), peaks.to_bytes())
    now = db.utc_now()
    await Recording.insert(
        Recording(
            id=call,
            title="An hour about a bill",
            state="ready",
            consent_basis="contract",
            object_key=object_key(call),
            peaks_key=peaks_key(call),
            sha256="e" * 64,
            size_bytes=1 << 20,
            duration_ms=CALL_MS,
            channels=2,
            sample_rate_hz=16_000,
            container="wav",
            called_at=now,
            created_at=now,
        )
    )
    turns = []
    for position in range(CALL_MS // TURN_MS):
        said = chance.choices(WORDS, k=14)
        start = position * TURN_MS
        words = [(start + 300 * n, start + 300 * n + 280, word) for n, word in enumerate(said)]
        turns.append(
            Segment(
                id=db.new_id(),
                recording=call,
                position=position,
                start_ms=start,
                end_ms=start + 4_500,
                speaker=("agent", "caller")[position % 2],
                text=" ".join(said),
                words=msgspec.json.encode(words).decode(),
            )
        )
    for first in range(0, len(turns), 200):
        await Segment.insert(*turns[first : first + 200])
    return str(call)


def opening(browser: Any, centre: Centre, cookies: Any, path: str, ready: str) -> Opening:
    """Opens a page in a browser that has nothing of it yet."""
    window = Window(browser, centre.url)
    with contextlib.closing(window.context):
        window.context.add_cookies(cookies)
        wire = window.context.new_cdp_session(window.page)
        sizes: dict[str, int] = {}
        wire.on("Network.loadingFinished", lambda event: _note(sizes, event))
        wire.send("Network.enable")
        window.open(path)
        window.page.wait_for_selector(ready, state="attached")
        seconds = window.page.evaluate("performance.now()") / 1000
        window.page.wait_for_timeout(700)  # what is fetched after it can be used counts too
        sound = [url for url in window.asked if url.endswith("/audio")]
        return Opening(sum(sizes.values()), seconds, len(sound))


def _note(sizes: dict[str, int], event: dict[str, Any]) -> None:
    sizes[event["requestId"]] = int(event["encodedDataLength"])


@contextlib.contextmanager
def browsed(folder: Path) -> Iterator[tuple[Any, Centre, Any]]:
    """A browser, the running centre, and the cookies of its trainer."""
    from playwright.sync_api import sync_playwright

    path = shutil.which("chromium") or shutil.which("chromium-browser")
    with start_centre(folder / "data", fill) as centre, sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=path, args=FLAGS)
        with centre.window(browser, TRAINER) as window:
            cookies = window.context.cookies()
        yield browser, centre, cookies
        browser.close()


def measure(rounds: int) -> tuple[list[Opening], list[Opening]]:
    """Openings of the editor and of the call's page, in turns; the first of each warms the server up."""
    with tempfile.TemporaryDirectory() as name, browsed(Path(name)) as (browser, centre, cookies):
        editors, calls = [], []
        for _round in range(rounds + 1):
            edit = f"/calls/{centre.seeded}/clips/new?start=1800000&end=1812000"
            editors.append(opening(browser, centre, cookies, edit, "[data-editor][data-ready]"))
            calls.append(opening(browser, centre, cookies, f"/calls/{centre.seeded}", "main h1"))
    return editors[1:], calls[1:]


def rows(rounds: int = 5) -> list[Row]:
    """The rows of this benchmark; takes about half a minute. None without a browser."""
    if not (shutil.which("chromium") or shutil.which("chromium-browser")):
        return []
    editors, calls = measure(rounds)
    size = max(one.size for one in editors) / 1000
    sound = max(one.sound for one in editors)
    seconds = statistics.median(one.seconds for one in editors)
    reference = statistics.median(one.seconds for one in calls)
    what = "clip editor of a 60-minute call"
    return [
        Row(f"{what}: transferred", size, "kB", None, None, f"≤ {BOUND_KB} kB", size <= BOUND_KB),
        Row(f"{what}: requests for sound before play", sound, "", None, None, "0", sound == 0),
        Row(
            f"{what}: ready to cut (reference: the call's page)",
            seconds,
            "s",
            reference,
            seconds / reference,
            f"≤ {BOUND_S} s",
            seconds <= BOUND_S,
        ),
    ]


if __name__ == "__main__":
    for row in rows():
        print(row)
