"""Builds the sample centre: rule book, people, calls, clips, modules, career path, then its history day by day."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import yaml

import trainer.app  # noqa: F401 - registers every job, so that events reach their subscribers
from trainer import db
from trainer.career.documents import import_path
from trainer.clips.library import import_library
from trainer.demo import history, notices_life, occasions_life, people_life
from trainer.people.service import create_person
from trainer.people.tables import Person
from trainer.people.teams import create_team
from trainer.rulebook.service import import_rulebook
from trainer.training.curricula import import_curriculum
from trainer.training.documents import import_module
from trainer.web.static import find_tree

DAYS = 96
SITE_ZONE = "Europe/London"

# (what is being done, how much of it is done, how much there is)
Progress = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True)
class Sample:
    """The sample's documents, and who is who by key."""

    document: dict[str, Any]
    people: dict[str, UUID]
    today: date


def read(path: Path) -> Any:
    """A YAML document of the package's own content."""
    return yaml.safe_load(path.read_text(encoding="utf-8"))


async def build(progress: Progress) -> None:
    """Fills an empty, migrated centre. Takes some seconds: every clip is really cut."""
    curricula = find_tree("curricula")
    document = read(curricula / "people" / "sample.yaml")
    now = db.utc_now()
    progress("Rule book, people and career path", 0, 1)
    with db.as_of(now - timedelta(days=DAYS)):
        await import_rulebook(curricula / "rulebooks" / "starter.yaml")
        await import_path(read(curricula / "paths" / "agent.yaml"))
        sample = Sample(document, await _people(document, now.date()), now.date())
    progress("Listening to eight calls, cutting clips out of them", 0, 0)
    library = await import_library(
        find_tree("clips"), curator=sample.people["rosa"], people=sample.people, zone=ZoneInfo(SITE_ZONE)
    )
    if library.refused or library.calls.refused:
        raise RuntimeError("\n".join(library.lines()))
    with db.as_of(now - timedelta(days=DAYS)):
        for path in sorted((curricula / "modules").glob("*.yaml")):
            await import_module(None, read(path))
        for path in sorted((curricula / "lists").glob("*.yaml")):
            await import_curriculum(None, read(path))
    await history.live_through(sample, now, DAYS, progress)
    await notices_life.read_old_notices(now)


async def _people(document: dict[str, Any], today: date) -> dict[str, UUID]:
    """Teams and people; buddies once everybody is there."""
    teams: dict[str, UUID] = {}
    sites = {site["key"]: site["name"] for site in document["sites"]}
    for team in document["teams"]:
        teams[team["key"]] = await create_team(None, name=team["name"], site=sites[team["site"]])
    people: dict[str, UUID] = {}
    for person in document["people"]:
        people[person["key"]] = await create_person(
            None,
            name=person["name"],
            email=person["email"],
            employee_no=person["employee_no"],
            roles=person["roles"],
            team=teams[person["team"]] if person["team"] else None,
            hired_on=today - timedelta(days=person["hired_days_ago"]),
            birthday=_birthday(person, today),
            locale="en",
            time_zone=person["time_zone"],
        )
    for person in document["people"]:
        silent = {} if person["key"] in occasions_life.NOT_ASKED else occasions_life.SILENT
        buddy = people[person["buddy"]] if person["buddy"] else None
        await Person.update({"buddy": buddy, **silent}).where(Person.id == people[person["key"]])
    await people_life.settle(document, people)
    return people


def _birthday(person: dict[str, Any], today: date) -> str | None:
    if "birthday_in_days" in person:
        return (today + timedelta(days=person["birthday_in_days"])).strftime("%m-%d")
    birthday: str | None = person["birthday"]
    return birthday
