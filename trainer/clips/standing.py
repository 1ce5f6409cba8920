"""Whose word a clip needs before it is used: a trainer's who works with its call, and the agent's who is heard.

`consent` says how agents are asked and answer; this is what everything that uses a clip, or stops one, asks first.
"""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from trainer import db
from trainer.clips import voice_queries as queries
from trainer.clips.views import ClipView
from trainer.problems import Forbidden
from trainer.web.i18n import _
from trainer.web.session import Viewer


@dataclass(frozen=True, slots=True)
class Standing:
    """The agent heard in a clip, and their last word about it as it is."""

    agent: UUID | None
    answer: str | None

    @classmethod
    def of(cls, row: dict[str, Any] | None) -> "Standing":
        """As `voice_queries.consent_row` tells it."""
        return cls(row["agent"], row["consent"]) if row else cls(None, None)


def require_trainer(viewer: Viewer | None, clip: ClipView) -> None:
    """Raises Forbidden but for trainers who work with the call (and the system)."""
    if viewer is not None and not (viewer.has("trainer") and clip.makes):
        raise Forbidden(_("Clips are published and retired by the trainers who work with the call."))


async def standing_of(clip: ClipView) -> Standing:
    """The agent heard and what they said last."""
    return Standing.of(await queries.consent_row(clip.id))


async def hold_consent(clip: ClipView) -> str | None:
    """Inside a transaction: the agent's last word about the clip as it is, which stays the last until the end."""
    if not clip.consent_needed:
        return clip.consent
    await db.lock(f"consent:{clip.named}")
    return (await standing_of(clip)).answer
