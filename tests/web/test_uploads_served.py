"""Uploads to a real server: flat memory, and nothing left by a sender or a process that dies."""

import hashlib
import json
import socket
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.waiting import wait_until
from tests.web.small_server import Running, running_server

PIECE = bytes(range(256)) * 4096  # 1 MB
HEAD = b'--b\r\nContent-Disposition: form-data; name="audio"; filename="call.wav"\r\n\r\n'
TAIL = b"\r\n--b--\r\n"


def files_in(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Running]:
    with running_server(tmp_path) as server:
        yield server


def begin(server: Running, megabytes: int, *, announced: int) -> socket.socket:
    """Sends the beginning of a call and leaves the connection open."""
    connection = server.connect()
    length = len(HEAD) + announced * len(PIECE) + len(TAIL)
    connection.sendall(
        b"POST / HTTP/1.1\r\nHost: test\r\nContent-Type: multipart/form-data; boundary=b\r\n"
        b"Content-Length: %d\r\n\r\n" % length + HEAD
    )
    for _ in range(megabytes):
        connection.sendall(PIECE)
    return connection


def test_300_mb_pass_in_flat_memory_and_come_back_the_same(server: Running) -> None:
    whole = hashlib.sha256()

    def body() -> Iterator[bytes]:
        yield HEAD
        for _ in range(300):
            whole.update(PIECE)
            yield PIECE
        yield TAIL

    httpx.get(f"{server.address}/streams", timeout=60)
    before = server.peak_mb()
    headers = {"content-type": "multipart/form-data; boundary=b"}
    answer = httpx.post(server.address, content=body(), headers=headers, timeout=60)
    assert json.loads(answer.text) == {"sha256": whole.hexdigest(), "size": 300 * len(PIECE)}
    assert files_in(server.folder / "incoming") == []
    again = hashlib.sha256()
    with httpx.stream("GET", f"{server.address}/objects/{whole.hexdigest()}", timeout=60) as played:
        for piece in played.iter_raw():
            again.update(piece)
    assert again.digest() == whole.digest()
    assert server.peak_mb() - before < 30


def test_a_sender_that_dies_in_the_middle_leaves_nothing(server: Running) -> None:
    connection = begin(server, 20, announced=200)
    incoming = server.folder / "incoming"
    wait_until(lambda: incoming.exists() and files_in(incoming))
    connection.close()
    wait_until(lambda: not files_in(incoming))
    assert files_in(server.folder / "objects") == []
    assert "Traceback" not in (server.folder / "log").read_text()


def test_a_server_that_is_killed_in_the_middle_leaves_nothing_after_its_restart(tmp_path: Path) -> None:
    with running_server(tmp_path) as server, begin(server, 20, announced=200):
        wait_until(lambda: any(path.stat().st_size for path in files_in(tmp_path / "incoming")))
        server.process.kill()
        server.process.wait(60)
    assert len(files_in(tmp_path / "incoming")) == 1
    with running_server(tmp_path):
        assert files_in(tmp_path / "incoming") == []
        assert files_in(tmp_path / "objects") == []


def test_a_refusal_in_the_middle_reaches_a_sender_that_goes_on_sending(server: Running) -> None:
    body = b'--b\r\nContent-Disposition: form-data; name="photo"\r\n\r\n' + PIECE * 3 + TAIL
    answer = httpx.post(
        server.address, content=body, headers={"content-type": "multipart/form-data; boundary=b"}, timeout=60
    )
    assert answer.status_code == 400
    assert files_in(server.folder / "objects") == []
