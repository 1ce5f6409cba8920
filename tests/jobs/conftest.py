"""Each of these tests declares jobs of its own, which must not be there for the next one."""

import pytest

from trainer import jobs


@pytest.fixture(autouse=True)
def own_registry(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("_definitions", "_names", "_subscribers", "_schedules"):
        monkeypatch.setattr(jobs, name, {})
