"""A clip that still has to be cleaned: a card is read out in it, and the trainer has hidden that, not yet the rest."""

from collections.abc import Mapping
from typing import Any

from trainer.calls.service import visible_recordings
from trainer.clips.arithmetic import LONGEST_MS, Span
from trainer.clips.service import ClipFields, create_clip, load_clip
from trainer.clips.suggestions import service as suggestions
from trainer.web.session import Viewer

TRAINER = "rosa"
CALL = "Charged twice"
AROUND_MS = 14_000
EVENTS: list[dict[str, Any]] = [{"days_ago": 1, "time": "15:20"}]


async def live(viewers: Mapping[str, Viewer], event: Mapping[str, Any]) -> None:
    """The trainer cuts the part in which the card is read out, and accepts the suggestion to hide it."""
    trainer = viewers[TRAINER]
    (call,) = await visible_recordings(trainer, search=CALL, limit=1)
    length = call.duration_ms or 0
    every = await suggestions.suggested_in(call.id, Span(0, length))
    card = next(one for one in every if one.kind == "card")
    start = max(0, card.spans[0].start_ms - AROUND_MS)
    fields = ClipFields(
        start_ms=start,
        end_ms=min(length, card.spans[-1].end_ms + AROUND_MS, start + LONGEST_MS),
        title={"en": "He stops the card number, kindly", "zh-Hans": "友善地拦住卡号"},
        rules=("R02",),
        note={
            "en": "Listen for how quickly he steps in, and what he asks instead.",
            "zh-Hans": "听他多快拦住对方，又改问了什么。",
        },
    )
    clip = await create_clip(trainer, call.id, fields)
    found = await suggestions.suggested_for(await load_clip(trainer, clip))
    await suggestions.decide_in_clip(
        trainer, clip, [one.key for one in found if one.kind == "card"], "accepted"
    )
