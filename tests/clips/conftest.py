"""Fixtures for clips: a cast, two rules and a call that is ready to be cut."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from litestar import Litestar

from tests.clips.makers import CALL_MS, RATE, TURNS, Cast, a_rule, a_tone, spoken_only, write_turns
from tests.factories import a_person, a_team
from trainer import db
from trainer.audio import Rendered
from trainer.calls.tables import Recording
from trainer.clips import rendering
from trainer.storage import storage


@pytest.fixture(scope="session")
def tone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return a_tone(tmp_path_factory.mktemp("tone") / "call.wav")


@pytest.fixture
async def cast(app: Litestar) -> Cast:
    team, other = await a_team("Harbour"), await a_team("Lantern")
    return Cast(
        trainer=await a_person("trainer", name="Rosa Lind"),
        second_trainer=await a_person("trainer", name="Mei Tan"),
        analyst=await a_person("qa_analyst", name="Zhou Min"),
        lead=await a_person("team_lead", name="Kwame Osei", team=team),
        other_lead=await a_person("team_lead", name="Sofia Reis", team=other),
        manager=await a_person("manager", name="Helena Brandt"),
        admin=await a_person("admin", name="Ingrid Dahl"),
        agent=await a_person("agent", name="Amara Nwosu", team=team),
    )


@pytest.fixture
async def rules(app: Litestar) -> dict[str, UUID]:
    return {"R01": await a_rule("R01"), "R02": await a_rule("R02", title="Check who is calling")}


@pytest.fixture
def canned_sound(monkeypatch: pytest.MonkeyPatch) -> None:
    """Clips get a sound of the right length at once, for tests that are not about what is heard."""

    async def rendered(row: dict[str, Any]) -> Rendered:
        length = row["end_ms"] - row["start_ms"]
        sound = f"not quite an MP3, {row['render_key']}".encode()
        return Rendered(sound, length, lufs=-16.0, true_peak_dbtp=-1.0, peaks=[50] * 120)

    monkeypatch.setattr(rendering, "_rendered", rendered)


CallMaker = Callable[..., Awaitable[UUID]]


@pytest.fixture
def a_call(cast: Cast, tone: Path) -> CallMaker:
    """`await a_call()`: a ready recording of the cast's agent with its transcript; returns its id."""

    async def make(*, words: bool = True, transcript: bool = True, **fields: Any) -> UUID:
        recording = db.new_id()
        key = f"recordings/{recording}"
        await storage().put_file(key, tone)
        values: dict[str, Any] = {
            "title": "A question about a card",
            "state": "ready",
            "agent": cast.agent.id,
            "consent_basis": "contract",
            "object_key": key,
            "sha256": "5" * 64,
            "duration_ms": CALL_MS,
            "channels": 1,
            "sample_rate_hz": RATE,
            "called_at": db.utc_now() - timedelta(days=2),
            "created_at": db.utc_now(),
            **fields,
        }
        await Recording.insert(Recording(id=recording, **values))
        if transcript:
            await write_turns(recording, TURNS if words else spoken_only(TURNS))
        return recording

    return make
