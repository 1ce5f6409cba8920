"""All pages of people, gathered for the app."""

from typing import Any

from trainer.people import door

pages: list[Any] = [*door.pages]
demo_pages: list[Any] = [*door.demo_pages]
