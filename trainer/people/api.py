"""JSON API of people and teams."""

from typing import Any

routes: list[Any] = []
