"""The built wheel alone, in an empty folder: `pip install dist/*.whl && trainer demo`."""

import os
import re
import signal
import socket
import subprocess
import sys
import sysconfig
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from tests.waiting import waited_for_a_processor

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.slow

SECOND_START_S = 3.0


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment that has the wheel, and of the checkout nothing; its libraries are this environment's."""
    folder = tmp_path_factory.mktemp("wheel")
    build = [
        sys.executable,
        "-m",
        "build",
        "--wheel",
        "--no-isolation",
        "--outdir",
        str(folder / "dist"),
        str(ROOT),
    ]
    subprocess.run(build, check=True, capture_output=True)
    (wheel,) = (folder / "dist").glob("*.whl")
    subprocess.run([sys.executable, "-m", "venv", str(folder / "env")], check=True)
    python = folder / "env" / "bin" / "python"
    # lines of .pth files inside this folder are not read, so that the checkout's editable install stays out
    site = next((folder / "env" / "lib").glob("python*/site-packages"))
    (site / "libraries.pth").write_text(sysconfig.get_path("purelib") + "\n")
    install = [str(python), "-m", "pip", "install", "-q", "--no-deps", "--no-index", str(wheel)]
    subprocess.run(install, check=True, env=clean_environment(folder))
    return folder


def clean_environment(home: Path) -> dict[str, str]:
    return {"PATH": "/usr/bin:/bin", "HOME": str(home), "LANG": "C.UTF-8"}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def demo(installed: Path, empty: Path) -> Iterator[tuple[str, str, float]]:
    """The running sample centre: its address, what it printed, and how many seconds of its own it took to answer."""
    port = free_port()
    printed = empty.parent / "printed.txt"
    begun = time.monotonic()
    with printed.open("wb") as output:
        process = subprocess.Popen(
            [
                str(installed / "env" / "bin" / "trainer"),
                "demo",
                "--port",
                str(port),
                "--data",
                str(empty / "centre"),
            ],
            cwd=empty,
            env=clean_environment(installed),
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        url = f"http://127.0.0.1:{port}"
        while True:
            try:
                httpx.get(f"{url}/health").raise_for_status()
                break
            except httpx.TransportError:
                assert process.poll() is None, printed.read_text()
                assert time.monotonic() - begun < 240, printed.read_text()
                time.sleep(0.05)
        seconds = time.monotonic() - begun
        yield url, printed.read_text(), seconds - waited_for_a_processor(process.pid)
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(60)


def test_the_sample_centre_opens_from_the_wheel_in_an_empty_folder(installed: Path, tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    assert not os.listdir(empty)
    with demo(installed, empty) as (url, printed, _seconds):
        doors = re.findall(r"http://\S+/demo/\S+", printed)
        assert len(doors) >= 7
        for door in doors:
            with httpx.Client(follow_redirects=True, base_url=url, timeout=60) as browser:
                page = browser.get(door)
                assert page.status_code == 200
                (css, *_rest) = re.findall(r'href="(/static/[^"]+\.css)"', page.text)
                assert browser.get(css).status_code == 200
        with httpx.Client(follow_redirects=True, base_url=url, timeout=60) as trainer:
            trainer.get(doors[2])
            clip = re.search(r"(/clips/[0-9a-f-]{36}/audio)", trainer.get("/clips").text)
            assert clip
            assert len(trainer.get(clip[1]).content) > 20_000
    assert os.listdir(empty) == ["centre"]
    # what else the machine does only adds to a start: the quickest of three is the centre's own
    starts: list[float] = []
    while not starts or (min(starts) > SECOND_START_S and len(starts) < 3):
        with demo(installed, empty) as (_url, _printed, seconds):
            starts.append(seconds)
    assert min(starts) <= SECOND_START_S


def test_a_foreign_folder_is_never_taken_for_the_sample_centre(installed: Path, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("years of work")
    command = [
        str(installed / "env" / "bin" / "trainer"),
        "demo",
        "--reset",
        "--data",
        str(tmp_path / "mine"),
    ]
    refused = subprocess.run(command, capture_output=True, text=True, env=clean_environment(installed))
    assert refused.returncode == 1
    assert "not the sample centre" in refused.stderr
    assert (tmp_path / "mine" / "thesis.txt").read_text() == "years of work"
