"""What stories of two at once begin with, and the two processes that act in them (`rival.py`)."""

import json
import subprocess
import sys
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from select import select
from typing import Any
from uuid import UUID

from tests.factories import a_person, a_team, viewer_for
from tests.quality.makers import a_book, a_call
from trainer import db
from trainer.calls.tables import Recording, Segment
from trainer.clips import consent, service
from trainer.clips.playlists import service as playlists
from trainer.clips.tables import Clip
from trainer.people.service import PersonView
from trainer.people.tables import AuditEntry
from trainer.quality import judging
from trainer.quality.checking import Given
from trainer.training.tables import Enrolment, Module, ModuleVersion
from trainer.web.session import Viewer

ROOT = Path(__file__).parents[2]
PATIENCE_S = 120.0  # for processes on a busy machine
# One that is silent for so long waits for what the other holds. Were it only slow: any order has to end well.
HELD_S = 0.1


@dataclass
class Scene:
    """One person a role in an open database with one rule, R01, and a module about it."""

    people: dict[str, PersonView]
    module: UUID
    version: UUID
    orders: tuple[str, str] = ("", "")
    ends: tuple[str, str] = ("", "")  # how the two ended, in their order

    def viewer(self, name: str = "trainer") -> Viewer:
        return viewer_for(self.people[name])

    async def call(self, *said: str, **columns: Any) -> UUID:
        """A ready call in which the caller says this too."""
        call = await a_call(self.people["agent"].id, **columns)
        for position, text in enumerate(said, start=2):
            line = {"recording": call, "position": position, "speaker": "caller", "text": text}
            at = {"start_ms": position * 2000, "end_ms": position * 2000 + 1800}
            values: dict[Any, Any] = {"id": db.new_id(), **line, **at}
            await Segment.insert(Segment(**values))
        return call

    async def draft(self, *said: str, state: str = "draft", **fields: Any) -> UUID:
        """A clip whose sound is there."""
        cut = service.ClipFields(0, 9_000, "Recap the money", rules=("R01",), **fields)
        clip = await service.create_clip(self.viewer(), await self.call(*said), cut)
        known: dict[Any, Any] = {Clip.render: "ready", Clip.state: state}
        if state == "in_review":
            known[Clip.submitted_by] = self.people["analyst"].id
        await Clip.update(known).where(Clip.id == clip)
        return clip

    async def agreed(self, **fields: Any) -> UUID:
        """A draft of a moment that went wrong; the agent heard said yes."""
        clip = await self.draft(polarity="near_miss", **fields)
        await consent.ask(self.viewer(), clip)
        await consent.answer(self.viewer("agent"), clip, yes=True)
        return clip

    async def published(self, clip: UUID | None = None, state: str = "published") -> UUID:
        clip, now = clip or await self.draft(), db.utc_now()
        known: dict[Any, Any] = {
            Clip.state: state,
            Clip.published_at: now,
            Clip.privacy_checked_at: now,
        }
        await Clip.update(known).where(Clip.id == clip)
        return clip

    async def ending(self) -> UUID:
        """A published clip of a call that is kept for a week."""
        clip, last = await self.published(), db.utc_now() + timedelta(days=7)
        row = await Clip.select(Clip.recording).where(Clip.id == clip).first()
        assert row
        kept: dict[Any, Any] = {Recording.expires_at: last, Recording.retain_until: last.date()}
        await Recording.update(kept).where(Recording.id == row["recording"])
        return clip

    async def playlist(self, *clips: UUID) -> UUID:
        fields = playlists.PlaylistFields("First week", visible="makers")
        return await playlists.make_playlist(self.viewer(), fields, [(clip, "") for clip in clips])

    async def evaluation(self, call: UUID | None = None) -> UUID:
        marks = {"marks": {"R01": Given("met")}}
        return await judging.start(self.viewer("analyst"), call or await self.call(), marks)  # type: ignore[arg-type]

    async def enrolment(self) -> UUID:
        person = await a_person(team=self.people["agent"].team)
        row = Enrolment(
            person=person.id, module=self.module, module_version=self.version, created_at=db.utc_now()
        )
        await Enrolment.insert(row)
        return row.id


async def set_the_stage() -> Scene:
    """The people, the rule and the module."""
    await a_book(rules={"R01": ("non_fatal", 10)})
    team = await a_team()
    people = {
        "trainer": await a_person("trainer", name="Rosa Lind"),
        "second": await a_person("trainer", name="Mei Tan"),
        "analyst": await a_person("qa_analyst", name="Zhou Min"),
        "other_analyst": await a_person("qa_analyst", name="Petra Vos"),
        "admin": await a_person("admin", name="Ingrid Dahl"),
        "lead": await a_person("team_lead", name="Kwame Osei", team=team),
        "agent": await a_person("agent", name="Amara Nwosu", team=team),
        "colleague": await a_person("agent", name="Yusuf Kaya", team=team),
    }
    module = Module(id=db.new_id(), code="hear", created_at=db.utc_now())
    await Module.insert(module)
    version = ModuleVersion(
        id=db.new_id(), module=module.id, state="published", title='{"en": "Hear"}', created_at=db.utc_now()
    )
    await ModuleVersion.insert(version)
    return Scene(people, module.id, version.id)


On = dict[str, Any]
Told = AsyncGenerator[On | tuple[On, On], None]
Tale = Callable[[Scene], Told]
BOTH = "done + done"


@dataclass(frozen=True, slots=True)
class Story:
    """`one` and `two`: the orders, given by the two of `who`; `ends`: how they may end, in any order."""

    one: str
    two: str
    ends: tuple[str, ...]
    who: tuple[str, str]
    now: datetime | None
    tale: Tale

    def __str__(self) -> str:
        return f"{self.tale.__name__} ({self.one} + {self.two})"


STORIES: list[Story] = []


def story(
    one: str,
    two: str,
    *ends: str,
    who: tuple[str, str] = ("trainer", "second"),
    now: datetime | None = None,
) -> Callable[[Tale], Tale]:
    """The tale yields what the orders are about (or what each is), and goes on when both have ended."""

    def told(tale: Tale) -> Tale:
        STORIES.append(Story(one, two, ends, who, now, tale))
        return tale

    return told


async def only(table: Any, where: Any) -> dict[str, Any]:
    """The one row."""
    rows: list[dict[str, Any]] = await table.select().where(where)
    assert len(rows) == 1, rows
    return rows[0]


async def noted(action: str, thing: object) -> int:
    """How often the log tells of this."""
    return await AuditEntry.count().where((AuditEntry.action == action) & (AuditEntry.noun_id == str(thing)))


class Rivals:
    """Two processes that wait for orders."""

    def __init__(self, objects: Path) -> None:
        command = [sys.executable, "-m", "tests.faults.rival", f"file://{objects}"]
        self.processes = [
            subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0)
            for _rival in range(2)
        ]
        for number in range(2):
            assert self._next_word(number) == {"at": "ready"}

    def act(
        self, database: str, orders: list[tuple[str, UUID, dict[str, Any]]], now: datetime | None
    ) -> tuple[str, str]:
        """Both carry out their order (what, by whom, on what) at once, the first a moment ahead; how each ended."""
        for number, (what, who, on) in enumerate(orders):
            order = {"database": database, "do": what, "who": who, "on": on, "now": now}
            self._say(number, json.dumps(order, default=str))
        ends: dict[int, str] = {}
        stopped: set[int] = set()
        read: set[int] = set()
        while len(ends) < 2:
            running = {0, 1} - set(ends) - stopped
            # until both have read, nothing can hold one of them
            heard = self._heard(running, HELD_S if stopped and len(read) == 2 else PATIENCE_S)
            for number in heard:
                read.add(number)
                word = self._next_word(number)
                if "end" in word:
                    ends[number] = word["end"]
                else:
                    stopped.add(number)
            if not heard:
                self._say(min(stopped), "go on")
                stopped.remove(min(stopped))
        return ends[0], ends[1]

    def leave(self) -> None:
        for process in self.processes:
            assert process.stdin
            assert process.stdout
            process.stdin.close()
            process.wait(PATIENCE_S)
            process.stdout.close()

    def _say(self, number: int, line: str) -> None:
        stream = self.processes[number].stdin
        assert stream
        stream.write(line.encode() + b"\n")

    def _heard(self, among: set[int], within_s: float) -> list[int]:
        if not among:
            return []
        streams: dict[Any, int] = {self.processes[number].stdout: number for number in among}
        ready = select(list(streams), [], [], within_s)[0]
        assert ready or within_s < PATIENCE_S, "neither of the two says anything any more"
        return [streams[stream] for stream in ready]

    def _next_word(self, number: int) -> dict[str, str]:
        stream = self.processes[number].stdout
        assert stream
        line = stream.readline()
        assert line, "the process has ended"
        word: dict[str, str] = json.loads(line)
        return word
