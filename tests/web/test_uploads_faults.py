"""Uploads arrive whole or leave nothing behind, whatever the sender does."""

import asyncio
import errno
import hashlib
import os
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from litestar import Litestar, Request, Response, post

from trainer.problems import Invalid, Malformed, Problem, TooLarge, Unsupported
from trainer.storage import StorageError
from trainer.web import uploads
from trainer.web.uploads import Upload, stream_upload, sweep_incoming

SOUND = os.urandom(3_000_000)


class Desk:
    """An app with one upload route that remembers what became of each upload."""

    def __init__(self, incoming: Path) -> None:
        self.incoming = incoming
        self.problem: BaseException | None = None
        self.seen: dict[str, Any] = {}
        self.options: dict[str, Any] = {"max_bytes": 4_000_000, "text_fields": {"agent", "language"}}
        self.then: Callable[[Upload], None] = lambda upload: None

        @post("/", status_code=200)
        async def receive(request: Request[Any, Any, Any]) -> str:
            try:
                async with stream_upload(request, incoming=incoming, **self.options) as upload:
                    self.seen = {
                        "bytes": upload.path.read_bytes(),
                        "filename": upload.filename,
                        "content_type": upload.content_type,
                        "fields": dict(upload.fields),
                        "sha256": upload.sha256,
                        "size": upload.size,
                        "files": {name: file.path.read_bytes() for name, file in upload.files.items()},
                    }
                    self.then(upload)
            except BaseException as error:
                self.problem = error
                raise
            return "ok"

        self.app = Litestar([receive], openapi_config=None, exception_handlers={Exception: _plain})

    @property
    def left(self) -> list[str]:
        return sorted(path.name for path in self.incoming.glob("*"))

    @asynccontextmanager
    async def browser(self) -> AsyncIterator[httpx.AsyncClient]:
        async with httpx.AsyncClient(
            transport=httpx.ASGITransport(self.app), base_url="http://test"
        ) as client:
            yield client

    async def send(self, **parts: Any) -> httpx.Response:
        async with self.browser() as client:
            return await client.post("/", **parts)

    async def send_raw(
        self, body: bytes, *, content_type: str = 'multipart/form-data; boundary="b"', piece: int = 4096
    ) -> None:
        """Sends bytes as they are, in pieces, as a program would that builds its own form."""

        async def pieces() -> AsyncIterator[bytes]:
            for start in range(0, len(body), piece):
                yield body[start : start + piece]

        async with self.browser() as client:
            await client.post("/", content=pieces(), headers={"content-type": content_type})


def _plain(request: Request[Any, Any, Any], error: Exception) -> Response[str]:
    return Response(
        "refused", status_code=400 if isinstance(error, Problem) else 500, media_type="text/plain"
    )


def part(name: str, content: bytes, filename: str | None = None) -> bytes:
    given = f'; filename="{filename}"' if filename is not None else ""
    return f'--b\r\nContent-Disposition: form-data; name="{name}"{given}\r\n\r\n'.encode() + content + b"\r\n"


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path / "incoming")


async def test_a_file_arrives_with_its_fields_its_hash_and_its_transcript(desk: Desk) -> None:
    answer = await desk.send(
        files={
            "audio": ("Gespräch 07.wav", SOUND, "audio/wav"),
            "transcript": ("t.vtt", b"WEBVTT", "text/vtt"),
        },
        data={"agent": "Mei", "language": "zh-Hans", "_csrf": "from the form"},
    )
    assert answer.text == "ok"
    assert desk.seen == {
        "bytes": SOUND,
        "filename": "Gespräch 07.wav",
        "content_type": "audio/wav",
        "fields": {"agent": "Mei", "language": "zh-Hans"},
        "sha256": hashlib.sha256(SOUND).hexdigest(),
        "size": len(SOUND),
        "files": {"audio": SOUND, "transcript": b"WEBVTT"},
    }
    assert desk.left == []


@pytest.mark.parametrize("piece", [1, 7, 100, 5000])
async def test_it_does_not_matter_how_the_network_cuts_the_body(desk: Desk, piece: int) -> None:
    content = b"--b--\r\n" + b"\r\n-b\r\r\n--a\n--b\r\n--" * 50
    body = (
        part("agent", b"Mei") + part("audio", content, "x") + part("language", b"en") + b"--b--\r\nepilogue"
    )
    await desk.send_raw(body, piece=piece)
    assert desk.problem is None
    assert desk.seen["bytes"] == content
    assert desk.seen["fields"] == {"agent": "Mei", "language": "en"}


async def test_a_kept_file_stays_and_is_swept_when_nobody_takes_it_up(desk: Desk) -> None:
    kept: list[Path] = []
    desk.then = lambda upload: kept.append(upload.keep())
    await desk.send(files={"audio": SOUND})
    assert kept[0].read_bytes() == SOUND
    assert sweep_incoming(desk.incoming) == 0
    os.utime(kept[0], (1, 1))
    assert sweep_incoming(desk.incoming, older_than=timedelta(hours=24)) == 1
    assert desk.left == []


async def test_a_file_that_was_moved_away_is_not_missed(desk: Desk, tmp_path: Path) -> None:
    desk.then = lambda upload: upload.path.rename(tmp_path / "object") and None
    await desk.send(files={"audio": SOUND})
    assert (tmp_path / "object").read_bytes() == SOUND
    assert desk.problem is None
    assert desk.left == []


async def test_an_error_of_the_route_leaves_nothing(desk: Desk) -> None:
    def fail(upload: Upload) -> None:
        raise ValueError("not sound at all")

    desk.then = fail
    await desk.send(files={"audio": SOUND})
    assert isinstance(desk.problem, ValueError)
    assert desk.left == []


async def test_a_file_over_the_limit_is_refused_and_removed(desk: Desk) -> None:
    desk.options["max_bytes"] = 2_000_000
    await desk.send_raw(part("audio", SOUND, "long.wav") + b"--b--\r\n")
    assert isinstance(desk.problem, TooLarge)
    assert desk.problem.extra["field"] == "audio"
    assert desk.left == []


async def test_a_file_of_exactly_the_limit_is_taken(desk: Desk) -> None:
    desk.options["max_bytes"] = len(SOUND)
    await desk.send(files={"audio": SOUND})
    assert desk.problem is None


async def test_a_transcript_has_a_limit_of_its_own(desk: Desk) -> None:
    await desk.send(files={"audio": SOUND, "transcript": bytes(5 * 2**20 + 1)})
    assert isinstance(desk.problem, TooLarge)
    assert desk.problem.extra["field"] == "transcript"
    assert desk.left == []


async def test_a_length_that_is_announced_too_long_is_refused_before_a_byte_is_read(desk: Desk) -> None:
    sent = 0

    async def body() -> AsyncIterator[bytes]:
        nonlocal sent
        for _ in range(1000):
            sent += 1
            yield bytes(100_000)

    headers = {"content-type": "multipart/form-data; boundary=b", "content-length": "100000000"}
    async with desk.browser() as client:
        await client.post("/", content=body(), headers=headers)
    assert isinstance(desk.problem, TooLarge)
    assert not desk.incoming.exists()


async def test_a_text_part_without_end_does_not_fill_the_memory(desk: Desk) -> None:
    await desk.send_raw(part("audio", b"x", "a.wav") + part("agent", bytes(70_000)) + b"--b--\r\n")
    assert isinstance(desk.problem, TooLarge)
    assert desk.problem.extra["field"] == "agent"
    assert desk.left == []


async def test_parts_that_nobody_asked_for_are_named_all_at_once(desk: Desk) -> None:
    body = part("agnet", b"Mei") + part("agent", b"1") + part("agent", b"2") + part("audio", b"text only")
    body += part("language", b"en", "en.txt") + part("photo", SOUND[:200_000], "me.jpg") + b"--b--\r\n"
    await desk.send_raw(body)
    assert isinstance(desk.problem, Invalid)
    assert [(error.field, error.code) for error in desk.problem.errors] == [
        ("agnet", "unknown_field"),
        ("agent", "repeated"),
        ("audio", "not_a_file"),
        ("language", "not_text"),
        ("photo", "unknown_field"),
    ]
    assert desk.left == []


async def test_a_part_that_nobody_asked_for_cannot_go_on_for_ever(desk: Desk) -> None:
    desk.options |= {"max_bytes": 100_000, "text_limit": 1000, "other_files": {}}
    await desk.send_raw(part("photo", SOUND, "me.jpg") + b"--b--\r\n")
    assert isinstance(desk.problem, TooLarge)


@pytest.mark.parametrize("empty", [b"", part("audio", b"", "")])
async def test_a_form_without_the_file_says_so(desk: Desk, empty: bytes) -> None:
    await desk.send_raw(part("agent", b"Mei") + empty + b"--b--\r\n")
    assert isinstance(desk.problem, Invalid)
    assert [(error.field, error.code) for error in desk.problem.errors] == [("audio", "required")]
    assert desk.left == []


async def test_an_empty_file_with_a_name_arrives_empty(desk: Desk) -> None:
    """Whether an empty recording is refused is for the domain to say, in its own words."""
    await desk.send_raw(part("audio", b"", "empty.wav") + b"--b--\r\n")
    assert desk.seen["size"] == 0


async def test_text_must_be_utf8(desk: Desk) -> None:
    await desk.send_raw(part("agent", b"\xff\xfe") + part("audio", b"x", "a") + b"--b--\r\n")
    assert isinstance(desk.problem, Invalid)
    assert desk.problem.errors[0].code == "not_utf8"


@pytest.mark.parametrize(
    "kind", ["application/json", "", "application/x-www-form-urlencoded", "multipart/mixed"]
)
async def test_another_kind_of_body_is_refused_unread(desk: Desk, kind: str) -> None:
    await desk.send_raw(b"{}", content_type=kind)
    assert isinstance(desk.problem, Unsupported)


@pytest.mark.parametrize(
    "kind",
    ["multipart/form-data", "multipart/form-data; boundary=", f"multipart/form-data; boundary={'b' * 300}"],
)
async def test_a_form_without_a_usable_boundary_is_malformed(desk: Desk, kind: str) -> None:
    await desk.send_raw(part("audio", b"x", "a") + b"--b--\r\n", content_type=kind)
    assert isinstance(desk.problem, Malformed)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"no form at all",
        bytes(200_000),
        part("audio", SOUND[:300_000], "a.wav"),
        part("audio", SOUND[:300_000], "a.wav") + b"--b",
        b"--b\r\nContent-Type: text/plain\r\n\r\nx\r\n--b--\r\n",
        b"--b\r\n" + b"X-Long: " + b"x" * 10_000 + b"\r\n\r\n--b--\r\n",
        b"".join(part("agent", b"x") for _ in range(100)) + b"--b--\r\n",
    ],
    ids=["empty", "no form", "zeros", "no end", "half an end", "no disposition", "long header", "many parts"],
)
async def test_a_damaged_form_leaves_nothing(desk: Desk, body: bytes) -> None:
    await desk.send_raw(body)
    assert isinstance(desk.problem, Malformed)
    assert desk.left == []


async def test_a_body_of_another_boundary_is_given_up_early(desk: Desk) -> None:
    read = 0

    async def body() -> AsyncIterator[bytes]:
        nonlocal read
        for _ in range(60):
            read += 65536
            yield bytes(65536)

    async with desk.browser() as client:
        await client.post("/", content=body(), headers={"content-type": "multipart/form-data; boundary=b"})
    assert isinstance(desk.problem, Malformed)
    assert read < 1_000_000


async def _receive_by_hand(desk: Desk, messages: AsyncIterator[dict[str, Any]]) -> None:
    async def receive() -> dict[str, Any]:
        return await anext(messages)

    async def send(message: dict[str, Any]) -> None:
        return None

    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "POST",
        "scheme": "http",
        "path": "/",
        "raw_path": b"/",
        "query_string": b"",
        "root_path": "",
        "headers": [(b"host", b"test"), (b"content-type", b"multipart/form-data; boundary=b")],
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 80),
    }
    await desk.app(scope, receive, send)  # type: ignore[arg-type]


async def test_a_browser_that_goes_away_in_the_middle_leaves_nothing(desk: Desk) -> None:
    async def messages() -> AsyncIterator[dict[str, Any]]:
        yield {"type": "http.request", "body": part("audio", SOUND, "a.wav")[:-20], "more_body": True}
        assert len(desk.left) == 1
        yield {"type": "http.disconnect"}

    await _receive_by_hand(desk, messages())
    assert isinstance(desk.problem, Malformed)
    assert desk.left == []


async def test_a_sender_that_falls_silent_is_given_up(desk: Desk) -> None:
    desk.options["idle_s"] = 0.05

    async def messages() -> AsyncIterator[dict[str, Any]]:
        yield {"type": "http.request", "body": part("audio", SOUND, "a.wav")[:-20], "more_body": True}
        await asyncio.sleep(30)

    await _receive_by_hand(desk, messages())
    assert isinstance(desk.problem, Malformed)
    assert desk.left == []


async def test_a_cancelled_upload_waits_for_its_write_and_leaves_nothing(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Closing the file under a writing thread would let its next write land in some other file."""
    writing, over, real = asyncio.Event(), [], os.write
    loop = asyncio.get_running_loop()

    def slow(handle: int, data: bytes) -> int:
        loop.call_soon_threadsafe(writing.set)
        time.sleep(0.2)
        over.append(real(handle, data))
        return over[-1]

    monkeypatch.setattr(uploads.os, "write", slow)

    async def messages() -> AsyncIterator[dict[str, Any]]:
        yield {"type": "http.request", "body": part("audio", SOUND, "a.wav")[:-20], "more_body": True}
        await asyncio.sleep(30)

    task = asyncio.create_task(_receive_by_hand(desk, messages()))
    await writing.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert over
    assert desk.left == []


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT])
async def test_a_full_disk_is_said_in_words_and_leaves_nothing(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    def full(handle: int, data: bytes) -> int:
        raise OSError(code, "No space left on device")

    monkeypatch.setattr(uploads.os, "write", full)
    await desk.send(files={"audio": SOUND})
    assert isinstance(desk.problem, StorageError)
    assert desk.problem.reason == "full"
    assert "space" in desk.problem.detail
    assert desk.left == []


async def test_a_disk_that_cannot_hold_the_announced_length_is_not_filled_first(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.incoming.mkdir()
    usage = uploads.shutil.disk_usage(desk.incoming)
    monkeypatch.setattr(uploads.shutil, "disk_usage", lambda path: usage._replace(free=1_000_000))
    await desk.send(files={"audio": SOUND})
    assert isinstance(desk.problem, StorageError)
    assert desk.left == []


async def test_names_from_outside_are_only_ever_shown(desk: Desk) -> None:
    await desk.send_raw(part("audio", b"x", "..\\..\\evil/../../etc/pass\x07wd") + b"--b--\r\n")
    assert desk.seen["filename"] == "passwd"


async def test_the_sweep_leaves_an_upload_alone_that_is_still_running(desk: Desk) -> None:
    async def messages() -> AsyncIterator[dict[str, Any]]:
        yield {"type": "http.request", "body": part("audio", SOUND, "a.wav")[:-20], "more_body": True}
        assert sweep_incoming(desk.incoming, older_than=timedelta(0)) == 0
        assert len(desk.left) == 1
        yield {"type": "http.disconnect"}

    await _receive_by_hand(desk, messages())
    assert isinstance(desk.problem, Malformed)


def test_the_sweep_removes_what_a_killed_process_left(tmp_path: Path) -> None:
    (tmp_path / "0123.part").write_bytes(b"half a recording")
    assert sweep_incoming(tmp_path) == 1
    assert list(tmp_path.iterdir()) == []
    assert sweep_incoming(tmp_path / "never made") == 0
