"""Live streams on a real server: a restart never waits for open tabs, and a closed tab is noticed."""

import signal
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest

from tests.waiting import takes_at_most, wait_until
from tests.web.small_server import Running, running_server


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Running]:
    with running_server(tmp_path) as server:
        yield server


def streams(server: Running) -> int:
    return int(httpx.get(f"{server.address}/streams", timeout=60).text)


def test_a_server_that_is_told_to_stop_ends_open_streams_and_is_gone_within_three_seconds(
    server: Running,
) -> None:
    with ExitStack() as tabs:
        answers = [
            tabs.enter_context(httpx.stream("GET", f"{server.address}/live", timeout=60)) for _ in range(5)
        ]
        first = [answer.iter_raw() for answer in answers]
        assert [next(pieces) for pieces in first] == [b"retry: 3000\n\n"] * 5
        assert streams(server) == 5
        with takes_at_most(3, server.process.pid):
            server.process.send_signal(signal.SIGTERM)
            assert [list(pieces) for pieces in first] == [[]] * 5  # ended in order, not torn off
            server.process.wait(60)
    log = (server.folder / "log").read_text()
    assert "Traceback" not in log
    assert "graceful shutdown exceeded" not in log


def test_a_closed_tab_is_noticed(server: Running) -> None:
    with httpx.stream("GET", f"{server.address}/live", timeout=60) as tab:
        pieces = tab.iter_raw()
        next(pieces)
        assert streams(server) == 1
    with takes_at_most(3, server.process.pid):
        wait_until(lambda: not streams(server))
