"""What the tests of curating share: a trainer of a centre with the starter rule book."""

import pytest

from tests.factories import a_rulebook, a_viewer
from trainer.web.session import Viewer


@pytest.fixture
async def trainer(database: str) -> Viewer:
    """A trainer of a centre with the starter rule book."""
    await a_rulebook()
    return await a_viewer("trainer", name="Rosa")
