"""What the tests of calls share: sounds good and bad, who does things, and what is left of them."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

import numpy as np
import pytest
from litestar import Litestar

from tests.audio import makers
from tests.factories import a_person, a_team, viewer_for
from trainer import db, jobs
from trainer.calls import service
from trainer.calls.service import RecordingFields
from trainer.calls.tables import Recording, Segment
from trainer.people.service import PersonView
from trainer.settings import Settings
from trainer.web.session import Viewer

SECONDS = 3
VTT = b"""WEBVTT

00:00.000 --> 00:01.000
<v Agent>Good morning.

00:01.200 --> 00:02.500
<v Caller>I am lost.
"""


@pytest.fixture(scope="session")
def sounds(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Three seconds in a few containers, stored without a telling name."""
    folder = tmp_path_factory.mktemp("sounds")
    names = ("wav_stereo", "mp3_cbr", "opus", "m4a_16k", "webm_live")
    kinds = [makers.KINDS[name] for name in names]
    return {
        kind.name: makers.write(
            folder / f"sound-{n}", kind, makers.call(SECONDS, kind.rate, channels=kind.channels)
        )
        for n, kind in enumerate(kinds)
    }


@pytest.fixture(scope="session")
def wav(sounds: dict[str, Path]) -> bytes:
    return sounds["wav_stereo"].read_bytes()


@pytest.fixture(scope="session")
def bad_sounds(sounds: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """Files that are refused while the person waits, by the reason."""
    m4a = makers.write(
        tmp_path_factory.mktemp("bad") / "late", makers.KINDS["m4a"], makers.call(SECONDS, 44_100)
    ).read_bytes()
    return {
        "empty": b"",
        "no_samples": makers.wav_bytes(b""),
        "unknown_format": b"This is a letter, whatever its name says.\n" * 50,
        "truncated": m4a[: len(m4a) // 2],
        "no_audio": makers.video_bytes(),
    }


@pytest.fixture(scope="session")
def damaged(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """Begins well, so that the first look lets it pass, and is noise after that: refused while it is
    prepared.
    """
    kind = makers.KINDS["flac"]
    path = makers.write(tmp_path_factory.mktemp("damaged") / "call", kind, makers.call(20, kind.rate))
    good = bytearray(path.read_bytes())
    noise = np.random.default_rng(3).integers(0, 256, len(good), dtype=np.uint8).tobytes()
    start = len(good) // 5
    good[start:] = noise[start:]
    return bytes(good)


@dataclass
class Cast:
    """One person a role. `lead` leads the team of `agent`, `other_lead` another one."""

    trainer: PersonView
    qa_analyst: PersonView
    team_lead: PersonView
    other_lead: PersonView
    manager: PersonView
    admin: PersonView
    agent: PersonView

    def viewer(self, name: str) -> Viewer:
        return viewer_for(getattr(self, name))


ROLES = ("agent", "trainer", "qa_analyst", "team_lead", "other_lead", "manager", "admin")


@pytest.fixture
async def cast(app: Litestar) -> Cast:
    harbour, lantern = await a_team("Harbour"), await a_team("Lantern")
    return Cast(
        trainer=await a_person("trainer", name="Rosa Lind"),
        qa_analyst=await a_person("qa_analyst", name="Zhou Min"),
        team_lead=await a_person("team_lead", name="Kwame Osei", team=harbour),
        other_lead=await a_person("team_lead", name="Sofia Reis", team=lantern),
        manager=await a_person("manager", name="Helena Brandt"),
        admin=await a_person("admin", name="Ingrid Dahl"),
        agent=await a_person("agent", name="Amara Nwosu", team=harbour),
    )


CallMaker = Callable[..., Awaitable[UUID]]


@pytest.fixture
def a_call(cast: Cast, sounds: dict[str, Path]) -> CallMaker:
    """`await a_call()`: a recording of the cast's agent, prepared unless `ready=False`; returns its id."""

    async def make(
        *, sound: str = "wav_stereo", ready: bool = True, transcript: bytes | None = VTT, **known: Any
    ) -> UUID:
        fields = RecordingFields(
            **{"title": "Lost at the exit", "agent": cast.agent.id, "consent_basis": "contract", **known}
        )
        recording = await service.receive_recording(
            cast.viewer("trainer"), sounds[sound], fields, transcript=transcript
        )
        if ready:
            await jobs.drain()
        return recording

    return make


@dataclass(frozen=True)
class Traces:
    """All that calls may leave behind."""

    rows: int
    lines: int
    jobs: int
    objects: int
    incoming: int


@pytest.fixture
def traces(app: Litestar, settings: Settings) -> Callable[[], Awaitable[Traces]]:
    """`await traces()`: what is left now, in tables and folders."""

    def files(folder: Path) -> int:
        return sum(path.is_file() for path in folder.rglob("*"))

    async def count() -> Traces:
        waiting = await db.fetch(
            """SELECT id FROM job WHERE state IN ('queued', 'running')
               AND name IN ('prepare_recording', 'remove_call_objects')"""
        )
        return Traces(
            rows=await Recording.count(),
            lines=await Segment.count(),
            jobs=len(waiting),
            objects=files(settings.data / "objects"),
            incoming=files(settings.incoming),
        )

    return count


NOTHING = Traces(0, 0, 0, 0, 0)
