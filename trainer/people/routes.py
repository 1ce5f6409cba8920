"""All pages of people, gathered for the app."""

from typing import Any

from trainer.people import account, audit_pages, card_pages, door, import_pages, sight_pages
from trainer.people import pages as people_pages

pages: list[Any] = [
    *door.pages,
    *account.pages,
    *people_pages.pages,
    *audit_pages.pages,
    *sight_pages.pages,
    *import_pages.pages,
    *card_pages.pages,
]
demo_pages: list[Any] = [*door.demo_pages]
