"""Recordings made once for all audio tests."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.audio import makers
from trainer.audio import child

CLICK_MS = 33_357
SECONDS = 40


@pytest.fixture(scope="session")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Forty seconds of any kind in `makers.KINDS`, with one click at CLICK_MS; stored without a telling
    name.
    """
    folder = tmp_path_factory.mktemp("recordings")

    def made(name: str) -> Path:
        path = folder / name
        if not path.exists():
            kind = makers.KINDS[name]
            makers.write(path, kind, makers.call(SECONDS, kind.rate, [CLICK_MS], kind.channels))
        return path

    return made


@pytest.fixture(autouse=True, scope="session")
def _no_children_left() -> Iterator[None]:
    yield
    child.shut_down()
