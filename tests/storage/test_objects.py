"""Objects behave the same in a folder, in memory and in a bucket; a half-written one is never seen."""

import asyncio
import errno
import os
import signal
import subprocess
import sys
import urllib.request
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import obstore
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from obstore.exceptions import GenericError

from trainer import storage as module
from trainer.storage import (
    FolderStorage,
    Storage,
    StorageError,
    close_storage,
    no_space,
    open_storage,
    storage,
)

KEY = "recordings/ab/0f3c"
BYTES = bytes(range(256)) * 40


@pytest.fixture(scope="session")
def s3_endpoint() -> Iterator[str]:
    """A local server that speaks S3."""
    server = pytest.importorskip("moto.server", reason="pip install 'moto[server,s3]' to test against S3")
    running = server.ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    running.start()
    _host, port = running.get_host_and_port()
    yield f"http://127.0.0.1:{port}"
    running.stop()


@pytest.fixture
def s3_url(s3_endpoint: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> str:
    """An empty bucket's URL, with a prefix, and the environment that reaches it."""
    bucket = f"b{os.urandom(6).hex()}"
    for name, value in {
        "AWS_ENDPOINT_URL": s3_endpoint,
        "AWS_ACCESS_KEY_ID": "key",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_REGION": "us-east-1",
    }.items():
        monkeypatch.setenv(name, value)
    with urllib.request.urlopen(urllib.request.Request(f"{s3_endpoint}/{bucket}", method="PUT")):
        pass
    return f"s3://{bucket}/centre/one"


@pytest.fixture(params=["folder", "memory", "s3"])
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Storage]:
    """The same storage in each of its kinds."""
    match request.param:
        case "folder":
            url = (tmp_path / "objects").as_uri()
        case "memory":
            url = "memory://"
        case _:
            url = request.getfixturevalue("s3_url")
    yield Storage.from_url(url, scratch=tmp_path / "scratch")
    assert list((tmp_path / "scratch").glob("*")) == []


async def test_what_was_put_comes_back(store: Storage, tmp_path: Path) -> None:
    assert await store.size(KEY) is None
    assert not await store.exists(KEY)
    await store.put_bytes(KEY, BYTES)
    assert await store.size(KEY) == len(BYTES)
    assert await store.get_range(KEY, 0, len(BYTES)) == BYTES
    (tmp_path / "file").write_bytes(BYTES[:100])
    await store.put_file(KEY, tmp_path / "file")
    assert await store.get_range(KEY, 0, 1000) == BYTES[:100]
    assert (tmp_path / "file").exists()


async def test_a_moved_file_is_gone_from_where_it_was(store: Storage, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(BYTES)
    await store.put_file(KEY, tmp_path / "file", move=True)
    assert not (tmp_path / "file").exists()
    assert await store.get_range(KEY, 0, len(BYTES)) == BYTES


async def test_a_file_larger_than_a_part_arrives_whole(store: Storage, tmp_path: Path) -> None:
    large = os.urandom(9 * 2**20 + 17)
    (tmp_path / "file").write_bytes(large)
    await store.put_file(KEY, tmp_path / "file")
    assert b"".join([piece async for piece in store.stream(KEY, chunk=2**20)]) == large
    async with store.local_path(KEY) as path:
        assert path.read_bytes() == large


@pytest.mark.parametrize(
    ("start", "end"),
    [(0, 1), (0, 0), (5, 5), (7, 3), (10_239, 10_240), (10_240, 10_241), (10_200, 99_999), (99_999, 100_000)],
)
async def test_a_range_is_the_slice_of_the_bytes(store: Storage, start: int, end: int) -> None:
    await store.put_bytes(KEY, BYTES)
    assert await store.get_range(KEY, start, end) == BYTES[start:end]
    assert b"".join([piece async for piece in store.stream(KEY, start, end, chunk=7)]) == BYTES[start:end]


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    size=st.integers(0, 300),
    start=st.integers(0, 320),
    length=st.integers(0, 320),
    chunk=st.integers(1, 64),
    inline=st.booleans(),
)
def test_any_range_of_a_file_is_its_slice(
    tmp_path: Path, size: int, start: int, length: int, chunk: int, inline: bool
) -> None:
    folder = FolderStorage(tmp_path, tmp_path)
    folder._reads_inline = inline and folder._reads_inline
    content = BYTES[:size]
    (tmp_path / "k").write_bytes(content)

    async def read() -> tuple[bytes, bytes]:
        pieces = [piece async for piece in folder.stream("k", start, start + length, chunk=chunk)]
        return await folder.get_range("k", start, start + length), b"".join(pieces)

    assert asyncio.run(read()) == (content[start : start + length],) * 2


async def test_a_range_of_nothing_is_a_missing_object_and_not_an_empty_one(store: Storage) -> None:
    with pytest.raises(StorageError) as caught:
        await store.get_range(KEY, 0, 10)
    assert caught.value.reason == "missing"
    with pytest.raises(StorageError):
        _ = [piece async for piece in store.stream(KEY)]
    with pytest.raises(StorageError):
        async with store.local_path(KEY):
            pass
    with pytest.raises(ValueError):
        await store.get_range(KEY, -1, 10)


async def test_an_empty_object_is_there(store: Storage) -> None:
    await store.put_bytes(KEY, b"")
    assert await store.size(KEY) == 0
    assert await store.get_range(KEY, 0, 10) == b""
    assert [piece async for piece in store.stream(KEY)] == []


async def test_deleting_twice_is_no_error(store: Storage) -> None:
    await store.put_bytes(KEY, BYTES)
    await store.delete(KEY)
    await store.delete(KEY)
    assert not await store.exists(KEY)


async def test_a_listing_has_the_keys_below_a_prefix(store: Storage) -> None:
    for key in ("recordings/ab/1", "recordings/abc/2", "clips/ab/3.mp3"):
        await store.put_bytes(key, key.encode())
    assert sorted([found.key async for found in store.list()]) == [
        "clips/ab/3.mp3",
        "recordings/ab/1",
        "recordings/abc/2",
    ]
    listed = [found async for found in store.list("recordings/ab")]
    assert [(found.key, found.size) for found in listed] == [("recordings/ab/1", 15)]
    assert listed[0].modified.tzinfo is not None


async def test_a_local_path_holds_the_object_and_a_copy_goes_afterwards(store: Storage) -> None:
    await store.put_bytes(KEY, BYTES)
    async with store.local_path(KEY) as path:
        assert path.read_bytes() == BYTES
        # a worker that starts in the meantime sweeps, and must not take the copy away
        store.sweep(older_than=timedelta(0))
        assert path.exists()
    assert await store.get_range(KEY, 0, len(BYTES)) == BYTES
    assert path.exists() == isinstance(store, FolderStorage)


async def test_a_copy_goes_even_when_its_user_fails(store: Storage) -> None:
    await store.put_bytes(KEY, BYTES)
    with pytest.raises(ZeroDivisionError):
        async with store.local_path(KEY):
            raise ZeroDivisionError


@pytest.mark.parametrize(
    "key",
    [
        "",
        "/etc/passwd",
        "../x",
        "a/../b",
        "a//b",
        "a/",
        ".hidden",
        "a/.b",
        "A/b",
        "a b",
        "a#1",
        "a\\b",
        "a\n",
        "ü",
        "a/" * 9 + "a",
        "x" * 200,
    ],
)
async def test_a_key_that_is_not_ours_is_refused_everywhere(store: Storage, key: str) -> None:
    for attempt in (
        store.put_bytes(key, b"x"),
        store.put_file(key, Path("/etc/hostname")),
        store.get_range(key, 0, 1),
        store.size(key),
        store.delete(key),
    ):
        with pytest.raises(ValueError):
            await attempt


async def test_check_says_what_and_where_it_is(store: Storage) -> None:
    state = await store.check(write=True)
    assert state.place
    assert (state.free is not None) == (state.kind == "folder")
    assert [found async for found in store.list()] == []


def test_another_kind_of_url_is_refused() -> None:
    for url in ("ftp://host/x", "s3://", "gs://bucket"):
        with pytest.raises(ValueError):
            Storage.from_url(url)


async def test_one_storage_is_open_for_the_whole_process(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError):
        storage()
    opened = open_storage(str(tmp_path / "objects"))
    assert storage() is opened
    await close_storage()
    with pytest.raises(RuntimeError):
        storage()


# --- what only a folder has ---


@pytest.fixture
def folder(tmp_path: Path) -> FolderStorage:
    return FolderStorage(tmp_path / "objects", tmp_path / "scratch")


def test_nobody_else_on_the_machine_reads_recordings(folder: FolderStorage, tmp_path: Path) -> None:
    assert (tmp_path / "objects").stat().st_mode & 0o077 == 0


async def test_what_a_killed_put_left_is_swept_but_not_what_may_still_be_written(
    folder: FolderStorage, tmp_path: Path
) -> None:
    await folder.put_bytes(KEY, BYTES)
    old, young = tmp_path / f"objects/{KEY}#1", tmp_path / f"objects/{KEY}#2"
    old.write_bytes(b"half")
    young.write_bytes(b"half")
    os.utime(old, (1, 1))
    assert [found.key async for found in folder.list()] == [KEY]
    assert folder.sweep() == 1
    assert young.exists()
    assert not old.exists()
    assert await folder.get_range(KEY, 0, 4) == BYTES[:4]


async def test_erasing_takes_the_leftovers_of_killed_puts_with_it(
    folder: FolderStorage, tmp_path: Path
) -> None:
    await folder.put_bytes(KEY, BYTES)
    (tmp_path / f"objects/{KEY}#1").write_bytes(b"half of the recording")
    await folder.put_bytes(f"{KEY}0", b"a neighbour")
    await folder.delete(KEY)
    assert [path.name for path in (tmp_path / "objects/recordings/ab").iterdir()] == ["0f3c0"]


async def test_a_process_that_is_killed_while_it_puts_leaves_nothing_that_is_served(tmp_path: Path) -> None:
    (tmp_path / "large").write_bytes(bytes(200 * 2**20))
    program = (
        "import asyncio, sys\nfrom pathlib import Path\nfrom trainer.storage import Storage\n"
        "store = Storage.from_url(sys.argv[1])\nprint('ready', flush=True)\n"
        "asyncio.run(store.put_file('recordings/ab/0f3c', Path(sys.argv[2])))\n"
    )
    root = tmp_path / "objects"
    half = root / f"{KEY}#1"
    for _attempt in range(20):  # on a busy machine a put may be over before it can be killed
        victim = subprocess.Popen(  # noqa: ASYNC220 - it starts in no time
            [sys.executable, "-c", program, str(root), str(tmp_path / "large")],
            stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        )
        assert victim.stdout is not None
        victim.stdout.readline()
        while not (half.exists() and half.stat().st_size) and victim.poll() is None:  # noqa: ASYNC110
            await asyncio.sleep(0)
        victim.send_signal(signal.SIGKILL)
        victim.wait()
        victim.stdout.close()
        if half.exists():
            break
        (root / KEY).unlink()
    assert half.exists()
    folder = FolderStorage(root, tmp_path)
    assert await folder.size(KEY) is None
    assert [found async for found in folder.list()] == []
    os.utime(half, (1, 1))
    assert folder.sweep() == 1
    assert [path for path in root.rglob("*") if path.is_file()] == []


async def test_a_file_from_another_disk_is_copied_and_then_taken_away(
    folder: FolderStorage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def other_disk(self: Path, target: Path) -> Path:
        raise OSError(errno.EXDEV, "Invalid cross-device link")

    (tmp_path / "file").write_bytes(BYTES)
    monkeypatch.setattr(Path, "replace", other_disk)
    await folder.put_file(KEY, tmp_path / "file", move=True)
    assert not (tmp_path / "file").exists()
    assert await folder.get_range(KEY, 0, len(BYTES)) == BYTES


async def test_a_file_system_that_cannot_promise_not_to_wait_is_read_in_a_thread(
    folder: FolderStorage, monkeypatch: pytest.MonkeyPatch
) -> None:
    def cannot(*args: Any) -> int:
        raise OSError(errno.EOPNOTSUPP, "Operation not supported")

    await folder.put_bytes(KEY, BYTES)
    monkeypatch.setattr(module.os, "preadv", cannot)
    assert await folder.get_range(KEY, 3, 9) == BYTES[3:9]
    assert await folder.get_range(KEY, 3, 9) == BYTES[3:9]


@pytest.mark.parametrize("outcome", ["cold", "partly cold"])
async def test_what_is_not_in_the_page_cache_is_read_in_a_thread(
    folder: FolderStorage, monkeypatch: pytest.MonkeyPatch, outcome: str
) -> None:
    def cold(handle: int, buffers: list[bytearray], offset: int, flags: int) -> int:
        if outcome == "cold":
            raise BlockingIOError
        return 2

    await folder.put_bytes(KEY, BYTES)
    monkeypatch.setattr(module.os, "preadv", cold)
    assert await folder.get_range(KEY, 3, 9) == BYTES[3:9]


# --- when the storage fails ---


async def test_a_full_disk_is_told_in_words(folder: FolderStorage, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*args: Any, **options: Any) -> None:
        raise GenericError(
            "Generic LocalFileSystem error: No space left on device (os error 28)\n\nDebug source:"
        )

    monkeypatch.setattr(obstore, "put", full)
    with pytest.raises(StorageError) as caught:
        await folder.put_bytes(KEY, BYTES)
    assert caught.value.reason == "full"
    assert "no space left" in caught.value.detail
    assert "os error" not in caught.value.detail


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs Linux's /dev/full")
def test_the_systems_own_error_for_a_full_disk_is_known() -> None:
    with pytest.raises(OSError) as caught, open("/dev/full", "wb", buffering=0) as file:
        file.write(b"x")
    assert no_space(caught.value)
    assert not no_space(OSError(errno.ENOENT, ""))


async def test_a_folder_that_vanished_is_told_in_words(folder: FolderStorage, tmp_path: Path) -> None:
    (tmp_path / "objects").rename(tmp_path / "away")
    with pytest.raises(StorageError):
        await folder.check()
    with pytest.raises(StorageError):
        await folder.get_range(KEY, 0, 1)


async def test_a_bucket_that_vanished_is_told_in_words(s3_url: str, tmp_path: Path) -> None:
    store = Storage.from_url("s3://never-made/x", scratch=tmp_path)
    for attempt in (store.put_bytes(KEY, b"x"), store.get_range(KEY, 0, 1), store.check()):
        with pytest.raises(StorageError) as caught:
            await attempt
        assert caught.value.reason == "unreachable"
        assert "http" not in caught.value.detail


async def test_a_server_that_is_away_is_told_soon(
    s3_url: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    store = Storage.from_url("s3://bucket/x", scratch=tmp_path)
    async with asyncio.timeout(60):
        with pytest.raises(StorageError) as caught:
            await store.size(KEY)
    assert caught.value.reason == "unreachable"


def test_a_copy_left_by_a_killed_process_is_swept(tmp_path: Path) -> None:
    (tmp_path / "encore-copy-1234").write_bytes(b"somebody's call")
    (tmp_path / "somebody-elses.txt").write_bytes(b"not ours")
    assert Storage.from_url("memory://", scratch=tmp_path).sweep() == 1
    assert [path.name for path in tmp_path.iterdir()] == ["somebody-elses.txt"]
