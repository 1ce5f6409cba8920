"""Every setting and command is in the README, and the README names none that is not there."""

import re
from pathlib import Path

import click

from trainer.cli import cli
from trainer.settings import documented

README = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")


def test_every_setting_stands_in_the_readme_with_its_words() -> None:
    for name, what in documented().items():
        assert f"`{name}`" in README, name
        assert what, f"{name} has no description"


def test_the_readme_names_no_setting_that_is_not_there() -> None:
    named = set(re.findall(r"`(TRAINER_[A-Z_]+)`", README))
    assert named <= set(documented()) | {"TRAINER_TEST_REQUIRE", "TRAINER_TEST_ENGINES", "TRAINER_TEST_FULL"}


def test_every_command_stands_in_the_readme() -> None:
    for name, command in cli.commands.items():
        names = [f"{name} {sub}" for sub in command.commands] if isinstance(command, click.Group) else [name]
        for each in names:
            assert f"trainer {each}" in README, each
