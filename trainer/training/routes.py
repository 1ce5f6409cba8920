"""The pages of training: those who make modules, and those who take them."""

from typing import Any

from trainer.training import learning_pages, making_pages

pages: list[Any] = [*making_pages.pages, *learning_pages.pages]
