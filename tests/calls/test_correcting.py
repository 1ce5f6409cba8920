"""A call's words, corrected: by whom, one of two at once, told to clips, and the same through page and API."""

import asyncio
import json
from typing import Any
from uuid import UUID

import httpx
import pytest

from tests.calls.conftest import ROLES, VTT, CallMaker, Cast
from tests.web_fixtures import SignIn
from trainer import db, jobs
from trainer.calls import correcting
from trainer.calls.correcting import Changed
from trainer.calls.lines import Splice
from trainer.calls.reading import segments_of
from trainer.calls.transcripts import Line
from trainer.problems import Conflict, Forbidden, Invalid, NotFound, PreconditionFailed

GOOD = Line(0, 1000, "agent", "Good morning.")
LOST = Line(1200, 2500, "caller", "I am lost.")


async def said(call: UUID) -> list[tuple[int, str, str]]:
    return [(turn.position, turn.speaker, turn.text) for turn in await segments_of(call)]


async def change(
    cast: Cast, call: UUID, at: int, removed: int, *lines: Line, on: int, by: str = "trainer"
) -> Changed:
    return await correcting.change_lines(cast.viewer(by), call, Splice(at, removed, lines), expected=on)


async def test_lines_are_corrected_added_split_and_removed_in_order(cast: Cast, a_call: CallMaker) -> None:
    call = await a_call()
    first = await change(cast, call, 1, 1, Line(1200, 2500, "caller", "I am lost!"), on=1)
    assert (first.revision, first.at, first.removed, first.source) == (2, 1, (LOST,), "uploaded")
    hm = Line(1000, 1100, "", "Hm.")
    added = await change(cast, call, 2, 0, hm, on=2)
    assert (added.at, added.lines) == (1, (hm,))
    await change(cast, call, 0, 1, Line(0, 400, "agent", "Good"), Line(400, 1000, "agent", "morning."), on=3)
    assert await said(call) == [
        (0, "agent", "Good"),
        (1, "agent", "morning."),
        (2, "", "Hm."),
        (3, "caller", "I am lost!"),
    ]
    await change(cast, call, 0, 3, on=4)
    assert await said(call) == [(0, "caller", "I am lost!")]
    await change(cast, call, 0, 1, on=5)
    assert (await correcting.standing_of(call)).source == ""
    nothing = await change(cast, call, 0, 0, on=6)
    assert nothing.revision == 6


async def test_only_trainers_who_hear_the_call_correct_it(cast: Cast, a_call: CallMaker) -> None:
    call = await a_call()
    for name in ROLES:
        if name != "trainer":
            with pytest.raises((Forbidden, NotFound)):
                await change(cast, call, 0, 1, on=1, by=name)
    assert len(await said(call)) == 2
    waiting = await a_call(ready=False)
    with pytest.raises(Conflict):
        await change(cast, waiting, 0, 1, on=1)


async def test_of_two_at_once_one_wins_and_the_other_is_told(cast: Cast, a_call: CallMaker) -> None:
    call = await a_call()
    texts = [f"Number {n}." for n in range(6)]
    tries = [change(cast, call, 0, 1, Line(0, 1000, "agent", text), on=1) for text in texts]
    done = await asyncio.gather(*tries, return_exceptions=True)
    assert [type(each) for each in done].count(Changed) == 1
    assert [type(each) for each in done].count(PreconditionFailed) == 5
    assert len(await said(call)) == 2
    assert (await correcting.standing_of(call)).revision == 2


async def test_a_file_takes_the_place_of_all_words_and_what_lies_behind_the_call_is_left_out(
    cast: Cast, a_call: CallMaker
) -> None:
    call = await a_call(transcript=None)
    assert (await correcting.standing_of(call)).source == ""
    late = b"\n\n00:02.800 --> 00:09.000\n<v Caller>Bye.\n\n01:00.000 --> 01:02.000\n<v Caller>Another call."
    trainer = cast.viewer("trainer")
    made = await correcting.replace_by_file(trainer, call, VTT + late, expected=1)
    assert (made.source, [line.text for line in made.lines]) == (
        "uploaded",
        ["Good morning.", "I am lost.", "Bye."],
    )
    assert made.lines[-1].end_ms == 3000
    with pytest.raises(Invalid):
        await correcting.replace_by_file(trainer, call, VTT.replace(b"00:0", b"01:0"), expected=2)
    with pytest.raises(PreconditionFailed):
        await correcting.replace_by_file(trainer, call, VTT, expected=1)
    swapped = await correcting.swap_speakers(trainer, call, expected=2)
    assert [line.speaker for line in swapped.lines] == ["caller", "agent", "agent"]


async def test_every_change_is_told_upwards_and_the_log_tells_of_a_sitting_once(
    cast: Cast, a_call: CallMaker
) -> None:
    call = await a_call()
    heard: list[dict[str, Any]] = []

    async def listen(context: jobs.JobContext, event: dict[str, Any]) -> None:
        heard.append(event)

    jobs.on("transcript_changed")(listen)
    try:
        for n in range(1, 4):
            await change(cast, call, 0, 1, Line(0, 1000, "agent", f"Good {n}"), on=n)
        await jobs.drain()
    finally:
        jobs._subscribers["transcript_changed"].remove(
            "transcript_changed:tests.calls.test_correcting.listen"
        )
    assert [event["revision"] for event in heard if event["recording"] == str(call)] == [2, 3, 4]
    rows = await db.fetch(
        "SELECT 1 FROM audit_entry WHERE action = 'transcript_changed' AND noun_id = {}", str(call)
    )
    assert len(rows) == 1


async def test_a_long_transcript_is_corrected_without_writing_it_all_again(
    cast: Cast, a_call: CallMaker
) -> None:
    call = await a_call(transcript=None)
    lines = [Line(n, n + 1, "agent", f"a {n}") for n in range(2900)]
    await correcting.replace_lines(cast.viewer("trainer"), call, lines, expected=1)
    with db.queries_counted() as counted:
        await change(cast, call, 5, 1, Line(5, 6, "agent", "line five"), Line(6, 7, "caller", "yes"), on=2)
    assert counted.count < 30
    positions = [turn.position for turn in await segments_of(call)]
    assert positions == list(range(2901))


# The page and the API


async def test_the_page_corrects_line_by_line_and_says_who_was_first(
    client: httpx.AsyncClient, sign_in: SignIn, cast: Cast, a_call: CallMaker
) -> None:
    call = await a_call()
    trainer = await sign_in(client, cast.trainer)
    page = (await trainer.get(f"/calls/{call}/transcript?at=1200")).text
    assert 'data-revision="1"' in page
    assert "I am lost." in page
    address = f"/calls/{call}/transcript/lines"
    body = {
        "at": 1,
        "removed": 1,
        "lines": [{"start_ms": 1200, "end_ms": 2500, "speaker": "caller", "text": "Lost."}],
    }
    made = await trainer.post(address, json=body, headers={"If-Match": '"r1"'})
    assert (made.status_code, made.json()["revision"], made.json()["removed"][0]["text"]) == (
        200,
        2,
        "I am lost.",
    )
    for tag in ('"r1"', "", '"r99999999999"'):
        assert (await trainer.post(address, json=body, headers={"If-Match": tag})).status_code == 412
    assert (await trainer.get(address)).json()["lines"][1]["text"] == "Lost."
    wrong = {"at": 0, "removed": 0, "lines": [{"start_ms": 9000, "end_ms": 1, "text": "x"}]}
    refused = await trainer.post(
        address, json=wrong, headers={"If-Match": '"r2"', "Accept": "application/json"}
    )
    assert (refused.status_code, refused.json()["errors"][0]["field"]) == (422, "lines")

    plain = (await trainer.get(f"/calls/{call}/transcript?plain=true")).text
    assert "0:01.2 - 0:02.5 caller: Lost." in plain
    text = "0:00 - 0:01 agent: <b>Good</b> & \u202eevil\n0:01.2 - 0:02.5 caller: Lost again."
    old = await trainer.post(f"/calls/{call}/transcript", data={"revision": "1", "lines": text})
    assert (old.status_code, "Lost again." in old.text) == (412, True)
    bad = await trainer.post(f"/calls/{call}/transcript", data={"revision": "2", "lines": "hello\n" + text})
    assert (bad.status_code, "Line 1" in bad.text, "Lost again." in bad.text) == (422, True, True)
    good = await trainer.post(f"/calls/{call}/transcript", data={"revision": "2", "lines": text})
    assert good.status_code == 303
    shown = (await trainer.get(f"/calls/{call}/transcript")).text
    assert "&lt;b&gt;Good&lt;/b&gt; &amp; evil" in shown

    file = {"transcript": ("words.srt", b"1\n00:00:00,100 --> 00:00:01,000\nCaller: New.\n", "text/plain")}
    taken = await trainer.post(f"/calls/{call}/transcript/file", data={"revision": "3"}, files=file)
    assert taken.status_code == 303
    assert (await said(call)) == [(0, "caller", "New.")]
    refused_file = {"transcript": ("words.srt", b"hello", "text/plain")}
    again = await trainer.post(f"/calls/{call}/transcript/file", data={"revision": "4"}, files=refused_file)
    assert (again.status_code, "no transcript that we can read" in again.text) == (422, True)
    assert (await trainer.post(f"/calls/{call}/transcript/swap", data={"revision": "4"})).status_code == 303
    assert (await said(call)) == [(0, "agent", "New.")]


async def test_files_are_for_whoever_hears_the_call_and_their_leaving_is_noted(
    client: httpx.AsyncClient, sign_in: SignIn, cast: Cast, a_call: CallMaker
) -> None:
    call = await a_call()
    analyst = await sign_in(client, cast.qa_analyst)
    for suffix, begins in (("vtt", "WEBVTT"), ("srt", "1\n00:00:00,000 -->"), ("json", '{"segments":')):
        got = await analyst.get(f"/calls/{call}/transcript.{suffix}")
        assert (got.status_code, got.text.startswith(begins)) == (200, True)
        assert got.headers["content-disposition"].startswith("attachment")
        assert got.headers["x-content-type-options"] == "nosniff"
    assert json.loads(got.text)["segments"][1]["text"] == "I am lost."
    rows = await db.fetch("SELECT actor FROM audit_entry WHERE action = 'transcript_downloaded'")
    assert [row["actor"] for row in rows] == [cast.qa_analyst.id] * 3
    assert (await analyst.get(f"/calls/{call}/transcript")).status_code == 403
    assert "transcript.srt" in (await analyst.get(f"/calls/{call}")).text
    admin = await sign_in(client, cast.admin)
    assert (await admin.get(f"/calls/{call}/transcript.vtt")).status_code == 403
    agent = await sign_in(client, cast.agent)
    assert (await agent.get(f"/calls/{call}/transcript.vtt")).status_code == 404


async def test_programs_read_correct_and_replace_words(
    client: httpx.AsyncClient, use_token: Any, cast: Cast, a_call: CallMaker
) -> None:
    call = await a_call()
    address = f"/api/v1/recordings/{call}/transcript"
    api = await use_token(client, cast.trainer, "recordings:write")
    read = await api.get(address)
    assert (read.headers["etag"], read.json()["source"], len(read.json()["items"])) == ('"r1"', "uploaded", 2)
    body = {
        "at": 0,
        "removed": 1,
        "lines": [{"start_ms": 0, "end_ms": 1000, "speaker": "agent", "text": "Hello."}],
    }
    assert (await api.patch(address, json=body)).status_code == 412
    changed = await api.patch(address, json=body, headers={"If-Match": read.headers["etag"]})
    assert (changed.status_code, changed.headers["etag"]) == (200, '"r2"')
    replaced = await api.put(address, content=VTT, headers={"If-Match": '"r2"', "Content-Type": "text/vtt"})
    assert (replaced.status_code, replaced.json()) == (200, {"revision": 3, "source": "uploaded", "lines": 1})
    assert (await api.get(f"{address}.srt")).text.startswith("1\n")
    huge = await api.put(
        address, content=b"x" * (11 << 20), headers={"If-Match": '"r3"', "Content-Type": "text/vtt"}
    )
    assert huge.status_code == 413
    other = await use_token(client, cast.qa_analyst, "recordings:write")
    assert (await other.get(address)).status_code == 200
    assert (await other.patch(address, json=body, headers={"If-Match": '"r3"'})).status_code == 403
    reader = await use_token(client, cast.trainer, "recordings:read")
    assert (await reader.put(address, content=VTT, headers={"If-Match": '"r3"'})).status_code == 403
