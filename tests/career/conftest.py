"""The agent's path of the curriculum, and short modules by its codes."""

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from trainer.career import documents, service
from trainer.training.service import import_module

AGENT_PATH = Path(__file__).parent.parent.parent / "curricula" / "paths" / "agent.yaml"


def path_document() -> dict[str, Any]:
    """The curriculum's own path."""
    document = yaml.safe_load(AGENT_PATH.read_text(encoding="utf-8"))
    assert isinstance(document, dict)
    return document


async def import_all(*, path: bool = True) -> None:
    """The path (without `path`, a centre that has none), and a module of two short texts for each of its codes."""
    service.forget_plans()
    for order, code in enumerate(
        ("happy-simple-effective", "hear-the-need", "safe-and-honest", "when-you-cannot"), start=1
    ):
        title = {"en": code.replace("-", " ").capitalize(), "zh-Hans": f"模块{order}"}
        await import_module(
            None,
            {
                "module": {
                    "code": code, "title": title, "summary": title, "language": "en", "order": order,
                    "starter": order == 1, "minutes": 5, "rules": [],
                },
                "steps": [
                    {"kind": "text", "title": {"en": "Welcome"}, "body": {"en": "Read this."}},
                    {"kind": "text", "title": {"en": "And this"}, "body": {"en": "Read that."}},
                ],
            },
        )  # fmt: skip
    if path:
        await documents.import_path(path_document())


PathMaker = Callable[[], Awaitable[None]]


@pytest.fixture
async def path(database: str) -> AsyncIterator[None]:
    """The path and its modules in an open database, without the app."""
    await import_all()
    yield
    service.forget_plans()
