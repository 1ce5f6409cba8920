"""The pages of training: those who make modules and lists, those who assign them, and those who take them."""

from typing import Any

from trainer.training import curriculum_pages, learning_pages, making_pages
from trainer.training.assigning import pages as assigning_pages
from trainer.training.progress import pages as progress_pages

pages: list[Any] = [
    *making_pages.pages,
    *curriculum_pages.pages,
    *assigning_pages.pages,
    *progress_pages.pages,
    *learning_pages.pages,
]
