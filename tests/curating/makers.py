"""Rows of calls and clips without sounds, for the tests of curating."""

from typing import Any
from uuid import UUID

import msgspec

from trainer import db
from trainer.calls.tables import Recording
from trainer.clips.tables import Clip, ClipRule
from trainer.rulebook.service import published_rules


async def a_call(**columns: Any) -> UUID:
    """A ready call of nobody."""
    values = {"title": "A call", "state": "ready", "consent_basis": "contract", "created_at": db.utc_now()}
    recording = db.new_id()
    await Recording.insert(Recording(**{"id": recording, "sha256": recording.hex, **values, **columns}))
    return recording


async def a_clip(rule: str, polarity: str = "exemplar", *, call: UUID | None = None, **columns: Any) -> UUID:
    """A published clip of a rule in today's version; of a call of its own unless one is given."""
    pinned, now = (await published_rules([rule]))[rule], db.utc_now()
    of_call = {name: columns.pop(name) for name in ("agent", "staged") if name in columns}
    values = {
        "state": "published",
        "title": msgspec.json.encode({"en": f"{rule} {polarity}"}).decode(),
        "polarity": polarity,
        "end_ms": 12_000,
        "render": "ready",
        "created_at": now,
        "updated_at": now,
        **columns,
    }
    version = values.pop("rule_version", pinned.version)
    clip = Clip(id=db.new_id(), recording=call or await a_call(**of_call), **values)
    await Clip.insert(clip)
    await ClipRule.insert(ClipRule(clip=clip.id, rule=pinned.id, rule_version=version))
    return clip.id
