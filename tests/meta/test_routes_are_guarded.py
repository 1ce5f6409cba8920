"""Every route says who may come in, and nothing that changes state is done for another website."""

from pathlib import Path

import pytest
from litestar import Litestar
from litestar.handlers import HTTPRouteHandler
from litestar.routes import HTTPRoute

from trainer.app import create_app
from trainer.settings import Settings
from trainer.web import guards

OWN_ROUTES = ("/schema", "/static")


def handlers(app: Litestar) -> list[tuple[str, HTTPRouteHandler]]:
    found = []
    for route in app.routes:
        if isinstance(route, HTTPRoute) and not route.path.startswith(OWN_ROUTES):
            found += [
                (route.path, handler)
                for handler in route.route_handlers
                if handler.fn.__name__ != "options_handler"
            ]
    return found


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Litestar:
    data = tmp_path_factory.mktemp("centre")
    return create_app(Settings(data=Path(data), debug=True), demo=True)


def guard_names(handler: HTTPRouteHandler) -> list[str]:
    return [getattr(guard, "__qualname__", type(guard).__name__) for guard in handler.guards or ()]


def test_every_route_has_a_guard_of_its_own(app: Litestar) -> None:
    unguarded = [
        path
        for path, handler in handlers(app)
        if not set(guard_names(handler)) - {"check_csrf", "known_host.<locals>.host_guard"}
    ]
    assert not unguarded


def test_the_public_routes_are_these_and_no_others(app: Litestar) -> None:
    public = {path for path, handler in handlers(app) if guards.public in (handler.guards or ())}
    assert public == {
        "/",
        "/{path:path}",
        "/health",
        "/sign-in",
        "/sign-out",
        "/c",
        "/c/{code:str}",
        "/forgot",
        "/welcome/{secret:str}",
        "/demo/{secret:str}",
    } | {path for path in public if path.startswith("/styleguide")}


def test_every_changing_route_checks_where_it_came_from(app: Litestar) -> None:
    for path, handler in handlers(app):
        if handler.http_methods - {"GET", "HEAD", "OPTIONS"}:
            assert guards.check_csrf in handler.resolve_guards(), path


def test_every_api_route_asks_for_a_scope(app: Litestar) -> None:
    loose = [
        path
        for path, handler in handlers(app)
        if path.startswith("/api/")
        and path != "/api/v1/me"
        and not any("scope" in name for name in guard_names(handler))
    ]
    assert not loose
