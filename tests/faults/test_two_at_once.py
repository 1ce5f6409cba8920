"""Two people press at the same moment, each served by a process of its own: what has to be true afterwards.

Never an error of ours, never "locked", and both have read before either writes: see `rival.py`. The two processes are
started once, and an engine's stories share one database.
"""

import asyncio
from collections.abc import Iterator
from contextlib import aclosing
from uuid import uuid4

import pytest

from tests import postgres_cluster
from tests.conftest import ENGINES, _command, _run
from tests.faults import clip_stories, people_stories
from tests.faults.stage import STORIES, Rivals, Scene, Story, set_the_stage
from trainer import app as wiring
from trainer import db

assert wiring.PAGES
assert clip_stories
assert people_stories

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def rivals(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rivals]:
    two = Rivals(tmp_path_factory.mktemp("objects"))
    yield two
    two.leave()


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def arena(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[str, Scene]]:
    """The database of an engine's stories, and who is in it."""
    if request.param not in ENGINES:
        pytest.skip(f"TRAINER_TEST_ENGINES leaves out {request.param}")
    if request.param == "sqlite":
        file = tmp_path_factory.mktemp("arena") / "arena.sqlite"
        file.write_bytes(request.getfixturevalue("sqlite_template").read_bytes())
        url = f"sqlite:///{file}"
    else:
        server, name = request.getfixturevalue("postgres_url"), f"arena_{uuid4().hex}"
        template = request.getfixturevalue("postgres_template")
        _run(_command(server, f'CREATE DATABASE "{name}" TEMPLATE "{template}"'))
        url = postgres_cluster.with_database(server, name)
    scenes: list[Scene] = []

    async def people_it() -> None:
        await db.open_database(url)
        scenes.append(await set_the_stage())
        await db.close_database()

    _run(people_it())
    yield url, scenes[0]
    if request.param == "postgres":
        _run(_command(server, f'DROP DATABASE "{name}" WITH (FORCE)'))


@pytest.mark.parametrize("story", STORIES, ids=str)
async def test_two_at_once(story: Story, arena: tuple[str, Scene], rivals: Rivals) -> None:
    url, scene = arena
    scene.orders = (story.one, story.two)
    await db.open_database(url)
    try:
        async with aclosing(story.tale(scene)) as tale:
            about = await anext(tale)
            on = about if isinstance(about, tuple) else (about, about)
            who = [scene.people[name].id for name in story.who]
            orders = list(zip(scene.orders, who, on, strict=True))
            scene.ends = await asyncio.to_thread(rivals.act, url, orders, story.now)
            assert " + ".join(sorted(scene.ends)) in story.ends
            assert await anext(tale, None) is None
    finally:
        await db.close_database()
