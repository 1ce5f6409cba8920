"""The running app for tests: `app`, `client` and what signs a client in. A plugin, named in conftest.py.

The app runs inside the test's own event loop, so that a test may call services beside requests. Background
jobs do not run by themselves: `await jobs.drain()` runs what is due.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from jinja2.bccache import Bucket, BytecodeCache
from litestar import Litestar

from trainer.app import create_app
from trainer.metrics import Metrics
from trainer.notices import post_office
from trainer.people import days
from trainer.people.service import PersonView
from trainer.people.tokens import create_token
from trainer.settings import Settings
from trainer.web.session import cookie_name, csrf_token

BASE_URL = "http://127.0.0.1:8000"
SignIn = Callable[[httpx.AsyncClient, PersonView], Awaitable[httpx.AsyncClient]]


def give_cookie(client: httpx.AsyncClient, secret: str, *, secure: bool = False) -> None:
    """Puts a session's secret into the browser, in place of what it had."""
    client.cookies.clear()
    client.cookies.set(cookie_name(secure), secret, domain=client.base_url.host)


@pytest.fixture
def settings(database_url: str, tmp_path: Path) -> Settings:
    """A centre's settings in a folder of its own; override this fixture for another centre."""
    return Settings(
        data=tmp_path / "data",
        database_url=database_url,
        secret_key="only for tests",
        base_url=BASE_URL,
        workers_embedded=False,
        clip_review="self",
    )


class _Templates(BytecodeCache):
    """Compiled templates of the whole test run: each app would compile them anew, half a second a test."""

    def __init__(self) -> None:
        self.kept: dict[str, bytes] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        if bucket.key in self.kept:
            bucket.bytecode_from_string(self.kept[bucket.key])

    def dump_bytecode(self, bucket: Bucket) -> None:
        self.kept[bucket.key] = bucket.bytecode_to_string()


_templates = _Templates()


@asynccontextmanager
async def started(app: Litestar) -> AsyncIterator[Litestar]:
    """The app's lifespan, begun and ended by one task as it demands; a fixture's two halves are two."""
    begun, ending = asyncio.Event(), asyncio.Event()

    async def live() -> None:
        async with app.lifespan():
            begun.set()
            await ending.wait()

    task = asyncio.create_task(live())
    waiting = asyncio.create_task(begun.wait())
    await asyncio.wait({task, waiting}, return_when=asyncio.FIRST_COMPLETED)
    waiting.cancel()
    try:
        if not task.done():
            yield app
    finally:
        ending.set()
        await task


_apps: dict[str, Litestar] = {}


def app_for(settings: Settings, *more_routes: Any) -> Litestar:
    """The app of these settings. One is built for all that differ in nothing but where their data lies.

    Building it takes a third of a second for its hundreds of routes, which every test would pay. What a test could
    tell from a fresh app is made anew: its settings, and what the metrics counted.
    """
    where = {"data", "database_url", "storage_url"}
    kind = settings.model_dump_json(exclude=where) if settings.secret_key else ""
    kind = kind and " ".join([kind, *(str(route) for route in more_routes)])
    if kind in _apps:
        made = _apps[kind]
        made.state.settings = settings
        days.set_site_zone(settings.time_zone)
        post_office.set_up(settings, demo=False)
        made.state.metrics = made.asgi_handler.watcher = Metrics()
        return made
    made = create_app(settings)
    for route in more_routes:
        made.register(route)
    made.state.pages.environment.bytecode_cache = _templates
    if kind:
        _apps[kind] = made
    return made


@pytest.fixture
async def app(settings: Settings) -> AsyncIterator[Litestar]:
    """The app, started: database and storage are open until the test ends."""
    async with started(app_for(settings)) as running:
        yield running


@pytest.fixture
def new_client(app: Litestar) -> Callable[..., AbstractAsyncContextManager[httpx.AsyncClient]]:
    """`async with new_client() as other:` another browser. `address` is where it comes from."""

    @asynccontextmanager
    async def connect(address: str = "127.0.0.1", **options: Any) -> AsyncIterator[httpx.AsyncClient]:
        transport = httpx.ASGITransport(app=app, client=(address, 50000), raise_app_exceptions=False)
        base_url = app.state.settings.base_url
        async with httpx.AsyncClient(transport=transport, base_url=base_url, **options) as client:
            yield client

    return connect


@pytest.fixture
async def client(
    new_client: Callable[..., AbstractAsyncContextManager[httpx.AsyncClient]],
) -> AsyncIterator[httpx.AsyncClient]:
    """A visitor's browser: follows no redirects by itself, keeps cookies."""
    async with new_client() as made:
        yield made


@pytest.fixture
def sign_in(app: Litestar) -> SignIn:
    """`await sign_in(client, person)`: a session, its cookie and the CSRF header on every further request."""

    async def start(client: httpx.AsyncClient, person: PersonView) -> httpx.AsyncClient:
        secret = await app.state.sessions.start(person.id, device="Tests")
        give_cookie(client, secret, secure=app.state.settings.secure)
        viewer = await app.state.sessions.load(secret)
        client.headers["X-CSRF-Token"] = csrf_token(app.state.key, viewer.session)
        return client

    return start


@pytest.fixture
def use_token(app: Litestar) -> Callable[..., Awaitable[httpx.AsyncClient]]:
    """`await use_token(client, person, "clips:read")`: the client is a program of that person."""

    async def start(client: httpx.AsyncClient, person: PersonView, *scopes: str) -> httpx.AsyncClient:
        secret = await create_token(None, person.id, name="tests", scopes=scopes or ["all"])
        client.headers["Authorization"] = f"Bearer {secret}"
        return client

    return start
