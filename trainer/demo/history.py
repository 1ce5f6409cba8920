"""Three months of believable history, lived through in order with the clock turned to each moment.

People take modules by answering their steps, thank each other and are signed off; after each day the due jobs run, so
that milestones, occasions and posts come from the same code as on any other day.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import partial
from typing import Any, Protocol
from uuid import UUID
from zoneinfo import ZoneInfo

from trainer import db, facts, jobs
from trainer.appreciation.service import behaviour_kind_of, thank
from trainer.demo import (
    clean_life,
    curating_life,
    import_life,
    keeping_life,
    occasions_life,
    quality_life,
    review_life,
    rules_life,
    studio_life,
    together_life,
    training_life,
    voice_life,
    words_life,
)
from trainer.people.service import PersonView, people_by_ids
from trainer.training import enrolling
from trainer.web.session import Viewer

ZONE = ZoneInfo("Europe/London")


class Sample(Protocol):
    """What history needs of the sample centre."""

    @property
    def document(self) -> dict[str, Any]: ...
    @property
    def people(self) -> dict[str, UUID]: ...
    @property
    def today(self) -> date: ...


@dataclass(frozen=True, slots=True)
class Happening:
    """Something somebody did at a moment."""

    at: datetime
    do: Callable[[], Awaitable[None]]


def viewer_of(person: PersonView) -> Viewer:
    """Somebody of the sample centre, acting for themselves."""
    return Viewer(
        id=person.id,
        name=person.name,
        roles=frozenset(person.roles),
        team=person.team,
        team_name=person.team_name,
        locale="en",
        time_zone=person.time_zone,
    )


async def live_through(
    sample: Sample, now: datetime, days: int, progress: Callable[[str, int, int], None]
) -> None:
    """Everything that happened from `days` ago until `now`."""
    people = await people_by_ids(sample.people.values())
    viewers = {key: viewer_of(people[person]) for key, person in sample.people.items()}
    happenings = sorted(_happenings(sample, viewers, now), key=lambda item: item.at)
    with db.as_of(now - timedelta(days=days)):
        await occasions_life.answer_the_question(sample.document["people"], viewers)
    for day in range(days, -1, -1):
        progress("Living through three months", days - day, days)
        morning = datetime.combine(sample.today - timedelta(days=day), time(7), ZONE)
        if morning > now:
            break
        await jobs.drain(morning)
        await occasions_life.sign_open_cards(sample.people, viewers, morning)
        evening = min(morning + timedelta(hours=16), now)
        todays = [item for item in happenings if morning < item.at <= evening]
        for item in todays:
            with db.as_of(item.at):
                await item.do()
            await jobs.drain(item.at)
    with db.as_of(now - timedelta(hours=2)):
        await import_life.send_an_archive(viewers, sample.today)
        await import_life.send_a_sheet_of_evaluations(viewers, sample.today)
    await jobs.drain(db.utc_now())


def _happenings(sample: Sample, viewers: Mapping[str, Viewer], now: datetime) -> list[Happening]:
    history = sample.document["history"]
    found: list[Happening] = []

    def add(entry: Mapping[str, Any], clock: str, do: Callable[[], Awaitable[None]]) -> None:
        day = sample.today - timedelta(days=entry["days_ago"])
        at = datetime.combine(day, time.fromisoformat(entry.get("time", clock)), ZONE)
        found.append(Happening(min(at, now - timedelta(minutes=20)), do))

    for entry in history["appreciations"]:
        add(entry, "15:00", partial(_thank, viewers, entry))
    for entry in history["completions"]:
        add(entry, "11:00", partial(_complete, viewers[entry["person"]], entry["module"]))
    for entry in history["sign_offs"]:
        add(entry, "16:30", partial(_sign_off, sample, entry))
    for entry in history["enrolments"]:
        add(entry, "09:00", partial(_begin, sample, viewers[entry["person"]], entry))
    for event in training_life.EVENTS:
        add(event, "09:00", partial(training_life.live, viewers, sample.today, event))
    for event in rules_life.EVENTS:
        add(event, "10:00", partial(rules_life.live, viewers, event))
    for event in quality_life.EVENTS:
        add(event, "14:00", partial(quality_life.live, viewers, event))
    for event in clean_life.EVENTS:
        add(event, "15:20", partial(clean_life.live, viewers, event))
    for event in studio_life.EVENTS:
        add(event, "15:40", partial(studio_life.live, viewers, event))
    for event in curating_life.EVENTS:
        add(event, "09:15", partial(curating_life.live, viewers, sample.people, event))
    for event in review_life.EVENTS:
        add(event, "16:10", partial(review_life.live, viewers, event))
    for event in keeping_life.EVENTS:
        add(event, "10:00", partial(keeping_life.live, viewers, sample.today, event))
    for event in together_life.EVENTS:
        add(event, "09:50", partial(together_life.live, viewers, event))
    for event in voice_life.EVENTS:
        add(event, "13:00", partial(voice_life.live, viewers, event))
    for event in words_life.EVENTS:
        add(event, "11:40", partial(words_life.live, viewers, event))
    return found


async def _thank(viewers: Mapping[str, Viewer], entry: Mapping[str, Any]) -> None:
    await thank(
        viewers[entry["from"]],
        to=[viewers[key].id for key in entry["to"]],
        behaviour_kind=await behaviour_kind_of(entry["behaviour"]),
        behaviour_code=entry["behaviour"],
        message=entry["message"],
        visibility=entry["visibility"],
    )


async def _sign_off(sample: Sample, entry: Mapping[str, Any]) -> None:
    person, subject = sample.people[entry["person"]], entry["subject"]
    await facts.record(
        "signed_off",
        person=person,
        subject=subject,
        source=f"signed_off:{subject}:{person}",
        data={"by": str(sample.people[entry["by"]])},
    )


async def _complete(viewer: Viewer, module: str) -> None:
    enrolment = await enrolling.enrol(viewer, module, viewer.id)
    await training_life.answer_steps(viewer, enrolment)


async def _begin(sample: Sample, viewer: Viewer, entry: Mapping[str, Any]) -> None:
    due = sample.today + timedelta(days=entry["due_in_days"]) if entry.get("due_in_days") else None
    enrolment = await enrolling.enrol(None, entry["module"], viewer.id, due_on=due)
    if entry["steps_done"]:
        await training_life.answer_steps(viewer, enrolment, entry["steps_done"])
