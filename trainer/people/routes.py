"""Pages of people: signing in and out."""

from typing import Any

pages: list[Any] = []
