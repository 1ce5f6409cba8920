"""Media answers: exact ranges and conditions, so that seeking works and a clip taken down falls silent."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import httpx
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from litestar import Litestar, Request, Response, get, route

from trainer.problems import PreconditionFailed
from trainer.storage import CHUNK, StorageError, close_storage, open_storage, storage
from trainer.web.media import byte_range, disposition, media_response

SOUND = bytes(range(256)) * 4  # 1024 bytes
BYTES = bytes(range(30))
MODIFIED = datetime(2026, 11, 20, 9, 30, 15, 123456, tzinfo=UTC)
DATE = "Fri, 20 Nov 2026 09:30:15 GMT"
TAG = '"c0ffee"'


class Shelf:
    """An app with one object on it."""

    def __init__(self) -> None:
        self.content = SOUND
        self.size: int | None = None
        self.options: dict[str, Any] = {"filename": "Der Anruf.mp3"}
        self.path: Path | None = None
        self.errors: list[Exception] = []

        @route("/clip", http_method=["GET", "HEAD"])
        async def play(request: Request[Any, Any, Any]) -> Response[Any]:
            source: dict[str, Any] = {"path": self.path} if self.path else {"key": "clips/one"}
            size = len(self.content) if self.size is None else self.size
            return media_response(
                request, **source, etag="c0ffee", size=size, content_type="audio/mpeg", **self.options
            )

        def explain(request: Request[Any, Any, Any], error: Exception) -> Response[str]:
            self.errors.append(error)
            return Response("refused", status_code=412 if isinstance(error, PreconditionFailed) else 500)

        self.app = Litestar([play], openapi_config=None, exception_handlers={Exception: explain})

    async def put(self, content: bytes) -> None:
        self.content = content
        await storage().put_bytes("clips/one", content)

    async def ask(self, method: str = "GET", **headers: str) -> httpx.Response:
        async with httpx.AsyncClient(
            transport=httpx.ASGITransport(self.app), base_url="http://test"
        ) as client:
            return await client.request(
                method, "/clip", headers={name.replace("_", "-"): value for name, value in headers.items()}
            )


@pytest.fixture
async def shelf(tmp_path: Path) -> AsyncIterator[Shelf]:
    open_storage(str(tmp_path / "objects"))
    shelf = Shelf()
    await shelf.put(SOUND)
    yield shelf
    await close_storage()


async def test_without_a_range_the_whole_is_sent(shelf: Shelf) -> None:
    answer = await shelf.ask()
    assert answer.status_code == 200
    assert answer.content == SOUND
    assert dict(answer.headers) == {
        "content-type": "audio/mpeg",
        "content-length": "1024",
        "accept-ranges": "bytes",
        "etag": TAG,
        "cache-control": "private, no-cache",
        "content-disposition": 'inline; filename="Der Anruf.mp3"',
        "x-content-type-options": "nosniff",
    }


@pytest.mark.parametrize(
    ("asked", "start", "end"),
    [
        ("bytes=0-0", 0, 1),
        ("bytes=0-99", 0, 100),
        ("bytes=100-199", 100, 200),
        ("bytes=1000-", 1000, 1024),
        ("bytes=0-", 0, 1024),
        ("bytes=1023-1023", 1023, 1024),
        ("bytes=1000-9999", 1000, 1024),
        ("bytes=0-99999999999999999999999999", 0, 1024),
        ("bytes=-1", 1023, 1024),
        ("bytes=-24", 1000, 1024),
        ("bytes=-5000", 0, 1024),
        ("BYTES=5-6", 5, 7),
        ("bytes= 5-6 ", 5, 7),
        ("bytes=0005-0006", 5, 7),
    ],
)
async def test_one_range_is_answered_with_exactly_that_part(
    shelf: Shelf, asked: str, start: int, end: int
) -> None:
    answer = await shelf.ask(range=asked)
    assert answer.status_code == 206
    assert answer.content == SOUND[start:end]
    assert answer.headers["content-range"] == f"bytes {start}-{end - 1}/1024"
    assert answer.headers["content-length"] == str(end - start)
    assert answer.headers["etag"] == TAG


@pytest.mark.parametrize("asked", ["bytes=1024-", "bytes=1024-1030", "bytes=-0", f"bytes={'9' * 5000}-"])
async def test_a_range_past_the_end_is_refused_with_the_size(shelf: Shelf, asked: str) -> None:
    answer = await shelf.ask(range=asked)
    assert answer.status_code == 416
    assert answer.headers["content-range"] == "bytes */1024"
    assert answer.content == b""


@pytest.mark.parametrize(
    "asked",
    [
        "bytes=",
        "bytes=-",
        "bytes=a-b",
        "bytes=5",
        "bytes=9-5",
        "bytes=--5",
        "bytes=-5-",
        "bytes=1 - 5",
        "bytes=+1-5",
        "bytes=1-5x",
        "seconds=1-5",
        "1-5",
        "bytes=0-4,10-14",
        "bytes=0-4, 10-14",
        "bytes=,0-4",
    ],
)
async def test_what_is_not_one_range_of_bytes_gets_the_whole(shelf: Shelf, asked: str) -> None:
    answer = await shelf.ask(range=asked)
    assert answer.status_code == 200
    assert answer.content == SOUND
    assert "content-range" not in answer.headers


async def test_an_empty_object_has_no_satisfiable_start(shelf: Shelf) -> None:
    await shelf.put(b"")
    assert (await shelf.ask()).status_code == 200
    assert (await shelf.ask(range="bytes=0-")).status_code == 416
    assert (await shelf.ask(range="bytes=-5")).status_code == 200


numbers = st.one_of(st.integers(0, 40), st.integers(0, 10**20))


@settings(max_examples=400)
@given(size=st.integers(0, 30), first=st.one_of(st.none(), numbers), last=st.one_of(st.none(), numbers))
@example(size=0, first=None, last=0)
@example(size=0, first=10**18 + 1, last=10**18)
def test_every_range_means_what_a_slice_means(size: int, first: int | None, last: int | None) -> None:
    content = BYTES[:size]
    meant = byte_range(f"bytes={'' if first is None else first}-{'' if last is None else last}", size)
    if first is None and last is None:
        assert meant is None
    elif first is None:
        assert last is not None
        expected = content[-last:] if last else b""
        if meant is None:
            assert size == 0
        elif meant == (-1, -1):
            assert last == 0
        else:
            assert content[slice(*meant)] == expected
    elif last is not None and last < first:
        assert meant is None
    else:
        expected = content[first:] if last is None else content[first : last + 1]
        assert meant is not None
        if meant == (-1, -1):
            assert expected == b""
            assert first >= size
        else:
            assert content[slice(*meant)] == expected
            assert expected


@given(st.text(max_size=40))
@example("٣-٥")
@example("²-³")
def test_no_header_breaks_the_reading_of_ranges(header: str) -> None:
    for text in (header, f"bytes={header}"):
        meant = byte_range(text, 10)
        assert meant is None or meant == (-1, -1) or 0 <= meant[0] < meant[1] <= 10


@pytest.mark.parametrize(
    ("condition", "status"),
    [
        (TAG, 304),
        (f"W/{TAG}", 304),
        (f'"other", {TAG}', 304),
        (f'"a,b",W/"x" , W/{TAG}', 304),
        ("*", 304),
        ('"other"', 200),
        ("c0ffee", 200),
        ("", 200),
    ],
)
async def test_if_none_match_compares_weakly(shelf: Shelf, condition: str, status: int) -> None:
    answer = await shelf.ask(if_none_match=condition)
    assert answer.status_code == status
    assert answer.headers["etag"] == TAG
    assert answer.headers["cache-control"] == "private, no-cache"
    if status == 304:
        assert answer.content == b""
        assert "content-length" not in answer.headers
        assert "content-type" not in answer.headers


async def test_an_unchanged_object_is_304_even_when_a_range_is_asked(shelf: Shelf) -> None:
    assert (await shelf.ask(if_none_match=TAG, range="bytes=0-3")).status_code == 304


@pytest.mark.parametrize(
    ("condition", "status"),
    [
        (TAG, 206),
        ('"other"', 200),
        (f"W/{TAG}", 200),
        (DATE, 206),
        ("Fri, 20 Nov 2026 09:30:16 GMT", 200),
        ("x", 200),
    ],
)
async def test_if_range_gives_a_part_only_to_who_holds_this_version(
    shelf: Shelf, condition: str, status: int
) -> None:
    shelf.options["modified"] = MODIFIED
    answer = await shelf.ask(if_range=condition, range="bytes=0-3")
    assert answer.status_code == status
    assert answer.content == (SOUND[:4] if status == 206 else SOUND)
    assert answer.headers["last-modified"] == DATE


async def test_if_range_with_a_date_never_matches_an_object_without_one(shelf: Shelf) -> None:
    assert (await shelf.ask(if_range=DATE, range="bytes=0-3")).status_code == 200


async def test_a_range_past_the_end_of_another_version_gets_the_present_whole(shelf: Shelf) -> None:
    answer = await shelf.ask(if_range='"older"', range="bytes=9000-")
    assert (answer.status_code, answer.content) == (200, SOUND)


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"if_modified_since": DATE}, 304),
        ({"if_modified_since": "Fri, 20 Nov 2026 09:30:14 GMT"}, 200),
        ({"if_modified_since": "Sat, 21 Nov 2026 00:00:00 GMT"}, 304),
        ({"if_modified_since": "yesterday"}, 200),
        ({"if_modified_since": DATE, "if_none_match": '"other"'}, 200),
    ],
)
async def test_dates_count_only_where_no_tag_is_given(
    shelf: Shelf, headers: dict[str, str], status: int
) -> None:
    shelf.options["modified"] = MODIFIED
    assert (await shelf.ask(**headers)).status_code == status


@pytest.mark.parametrize(
    ("condition", "status"), [(TAG, 200), ("*", 200), ('"other"', 412), (f"W/{TAG}", 412)]
)
async def test_if_match_compares_strongly(shelf: Shelf, condition: str, status: int) -> None:
    assert (await shelf.ask(if_match=condition)).status_code == status


async def test_head_tells_the_length_and_ignores_ranges(shelf: Shelf) -> None:
    answer = await shelf.ask("HEAD", range="bytes=0-3")
    assert answer.status_code == 200
    assert answer.content == b""
    assert answer.headers["content-length"] == "1024"
    assert answer.headers["accept-ranges"] == "bytes"
    assert (await shelf.ask("HEAD", if_none_match=TAG)).status_code == 304


@pytest.mark.parametrize("size", [CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK + 5])
async def test_pieces_make_up_the_whole(shelf: Shelf, size: int) -> None:
    content = bytes(i * 7 % 251 for i in range(size))
    await shelf.put(content)
    assert (await shelf.ask()).content == content
    part = await shelf.ask(range=f"bytes=3-{size - 2}")
    assert part.content == content[3 : size - 1]


async def test_a_file_of_ours_is_sent_like_an_object(shelf: Shelf, tmp_path: Path) -> None:
    shelf.path = tmp_path / "starter.mp3"
    shelf.path.write_bytes(SOUND)
    answer = await shelf.ask(range="bytes=-24")
    assert (answer.status_code, answer.content) == (206, SOUND[-24:])


async def test_an_object_that_is_gone_is_an_error_and_not_half_an_answer(shelf: Shelf) -> None:
    await storage().delete("clips/one")
    assert (await shelf.ask(range="bytes=0-3")).status_code == 500
    assert isinstance(shelf.errors[0], StorageError)


async def test_an_object_shorter_than_its_record_is_an_error_too(shelf: Shelf) -> None:
    shelf.size = 5000
    assert (await shelf.ask()).status_code == 500
    assert isinstance(shelf.errors[0], StorageError)


async def test_reading_stops_when_the_listener_leaves(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    await shelf.put(bytes(40 * CHUNK))
    reads = 0
    real = type(storage()).get_range

    async def counted(self: Any, key: str, start: int, end: int) -> bytes:
        nonlocal reads
        reads += 1
        return await real(self, key, start, end)

    monkeypatch.setattr(type(storage()), "get_range", counted)
    left = asyncio.Event()

    async def receive() -> dict[str, Any]:
        await left.wait()
        return {"type": "http.disconnect"}

    async def send(message: dict[str, Any]) -> None:
        if reads == 3:
            left.set()
        await asyncio.sleep(0)

    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "GET",
        "scheme": "http",
        "path": "/clip",
        "raw_path": b"/clip",
        "query_string": b"",
        "root_path": "",
        "headers": [(b"host", b"test")],
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 80),
    }
    await shelf.app(scope, receive, send)  # type: ignore[arg-type]
    assert reads <= 5


@pytest.mark.parametrize(
    "name",
    [
        "Der Anruf.mp3",
        "满月·祝福.mp3",
        'say "hi"; x=1.mp3',
        "a\r\nSet-Cookie: x=1.mp3",
        "100%.mp3",
        "../../etc/passwd",
    ],
)
def test_a_file_name_in_any_script_is_safe_in_the_header(name: str) -> None:
    header = disposition(name, download=True)
    assert header.isascii()
    assert header.isprintable()
    assert header.startswith('attachment; filename="')
    assert header.count('"') == 2
    if not name.isascii():
        assert unquote(header.partition("filename*=UTF-8''")[2]) == name


def test_a_name_of_nothing_usable_is_left_out() -> None:
    assert disposition("\n\t") == 'inline; filename="_"'
    assert disposition("  ") == "inline"
    assert disposition(None, download=True) == "attachment"


async def test_the_routes_own_cookies_and_headers_travel_along(shelf: Shelf) -> None:
    @get("/clip")
    async def play(request: Request[Any, Any, Any]) -> Response[Any]:
        answer = media_response(request, key="clips/one", etag="c0ffee", size=1024, content_type="audio/mpeg")
        answer.set_cookie("seen", "1")
        return answer

    shelf.app = Litestar([play], openapi_config=None, response_headers={"x-served-by": "us"})
    answer = await shelf.ask(range="bytes=0-3")
    assert answer.headers["x-served-by"] == "us"
    assert answer.headers["set-cookie"].startswith("seen=1")
    assert answer.status_code == 206
