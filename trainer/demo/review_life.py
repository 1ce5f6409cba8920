"""A clip that waits for a second pair of eyes: an analyst found it while scoring and asks the trainer about it."""

from collections.abc import Mapping
from typing import Any

from trainer.calls.service import visible_recordings
from trainer.clips.service import ClipFields, create_clip, submit_clip, visible_clips
from trainer.web.session import Viewer

ANALYST = "zhoumin"
FOUND = ClipFields(
    start_ms=62_300,
    end_ms=72_750,
    title={"en": "Our mistake, in one sentence", "zh-Hans": "一句话认下我们的错"},
    polarity="exemplar",
    rules=("R05",),
    cue_ms=5_700,
    note={"en": "Listen for the sentence without a because.", "zh-Hans": "听那句没有“因为”的话。"},
)
EVENTS: list[dict[str, Any]] = [
    {"days_ago": 2, "time": "16:10", "find": "Charged twice"},
    {
        "days_ago": 2,
        "time": "16:25",
        "hand_in": "Is it too short without the question before it? And do we keep the amounts in?",
    },
]


async def live(viewers: Mapping[str, Viewer], event: Mapping[str, Any]) -> None:
    """One of the events."""
    analyst = viewers[ANALYST]
    if "find" in event:
        (call,) = await visible_recordings(analyst, search=event["find"], limit=1)
        await create_clip(analyst, call.id, FOUND)
    else:
        (draft,) = await visible_clips(analyst, states=("draft",), curator=analyst.id, limit=1)
        await submit_clip(analyst, draft.id, event["hand_in"])
