"""What the sample centre's agents say about their voices: one is asked about a near miss, another objects to a use.

Both wait: Amara finds the question on her page, and Rosa the objection on hers.
"""

from collections.abc import Mapping
from typing import Any

from trainer.calls.service import log_play, visible_recordings
from trainer.clips import consent, voice
from trainer.clips.service import ClipFields, clips_by_slugs, create_clip, visible_clips
from trainer.web.session import Viewer

TRAINER = "rosa"
NEAR_MISS = ClipFields(
    start_ms=5_450,
    end_ms=16_900,
    title={"en": "Kind words, and straight to the system", "zh-Hans": "说了好话，就去查系统"},
    polarity="near_miss",
    rules=("R01",),
    cue_ms=9_750,
    note={
        "en": "She is sorry, and means it. Which of the caller's words does she say back?",
        "zh-Hans": "她是真心难过。客户的话，她复述了哪一句？",
    },
    why={
        "en": "The tone is warm. That the caller was in hospital is answered with a wish and not yet said back.",
        "zh-Hans": "语气是暖的。客户住过院，她祝愿了，却还没有把这件事复述出来。",
    },
)
EVENTS: list[dict[str, Any]] = [
    {"days_ago": 8, "time": "09:35", "hear": "A late fee after ten days in hospital", "by": "rosa"},
    {"days_ago": 5, "time": "14:50", "hear": "A new address from Monday", "by": "zhoumin"},
    {"days_ago": 3, "time": "10:40", "cut": "A late fee after ten days in hospital"},
    {"days_ago": 3, "time": "13:15", "ask": NEAR_MISS},
    {
        "days_ago": 2,
        "time": "12:05",
        "object": "address-recap",
        "by": "grace",
        "words": "I had a cold that week and one hears it. Is there another call of mine that shows the same?",
    },
]


async def live(viewers: Mapping[str, Viewer], event: Mapping[str, Any]) -> None:
    """One of the events."""
    trainer = viewers[TRAINER]
    if "hear" in event:
        listener = viewers[event["by"]]
        (call,) = await visible_recordings(listener, search=event["hear"], limit=1)
        await log_play(listener, call.id)
    elif "cut" in event:
        (call,) = await visible_recordings(trainer, search=event["cut"], limit=1)
        await create_clip(trainer, call.id, NEAR_MISS)
    elif "ask" in event:
        (draft,) = await visible_clips(
            trainer, states=("draft",), curator=trainer.id, polarity="near_miss", limit=1
        )
        await consent.ask(trainer, draft.id)
    else:
        clips = await clips_by_slugs([event["object"]])
        await voice.object_to(viewers[event["by"]], clips[event["object"]].id, event["words"])
