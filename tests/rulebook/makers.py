"""Clips pinned to rules, as plain rows: what can be heard of a rule, without any sound."""

from typing import Any
from uuid import UUID

from trainer import db
from trainer.calls.tables import Recording
from trainer.clips.tables import Clip, ClipRule
from trainer.rulebook import queries


async def a_pin(
    code: str,
    *,
    agent: UUID | None = None,
    staged: bool = False,
    polarity: str = "exemplar",
    state: str = "published",
    **columns: Any,
) -> UUID:
    """A clip of some call that is pinned to what the rule says today; returns the clip's id."""
    versions = await queries.versions_of(code)
    pinned = next((row for row in versions if row["state"] == "published"), versions[0])
    now = db.utc_now()
    recording = Recording(
        id=db.new_id(),
        title="A call",
        state="ready",
        agent=agent,
        staged=staged,
        consent_basis="contract",
        object_key="recordings/none",
        sha256="5" * 64,
        duration_ms=20_000,
        channels=1,
        sample_rate_hz=16_000,
        called_at=now,
        created_at=now,
    )
    await Recording.insert(recording)
    values: dict[str, Any] = {
        "title": '{"en": "A moment"}',
        "state": state,
        "polarity": polarity,
        "start_ms": 1_000,
        "end_ms": 9_000,
        "duration_ms": 8_000,
        "render": "ready",
        "render_key": "k" * 64,
        "size_bytes": 3,
        "bars": "[5, 5]",
        "created_at": now,
        "updated_at": now,
        "published_at": now,
        **columns,
    }
    clip = Clip(id=db.new_id(), recording=recording.id, **values)
    await Clip.insert(clip)
    await ClipRule.insert(ClipRule(clip=clip.id, rule=pinned["id"], rule_version=pinned["version"]))
    return clip.id
