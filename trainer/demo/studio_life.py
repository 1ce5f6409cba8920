"""A draft in which two rules are heard, each at a second of its own and for a reason of its own."""

from collections.abc import Mapping
from typing import Any

from trainer.calls.service import visible_recordings
from trainer.clips.service import ClipFields, RuleCue, create_clip
from trainer.web.session import Viewer

TRAINER = "rosa"
CALL = "Charged twice"
EVENTS: list[dict[str, Any]] = [{"days_ago": 1, "time": "15:40"}]

# He waits from 0:19.6 to 0:20.8, and gives back what it was like from 0:21.9 on.
TWO_RULES = ClipFields(
    start_ms=16_900,
    end_ms=31_300,
    title={"en": "He waits, then says what it was like", "zh-Hans": "先等，再说出对方的感受"},
    rules=("R01", "R09"),
    cue_ms=2_800,
    note={
        "en": "Two things happen one after the other. When does each begin?",
        "zh-Hans": "先后发生了两件事，各从哪一秒开始？",
    },
    cues=(
        RuleCue(
            "R01",
            2_800,
            {
                "en": "More than a second of silence after “Nobody!”",
                "zh-Hans": "“没有一个人！”之后静了一秒多",
            },
        ),
        RuleCue(
            "R09",
            5_100,
            {"en": "The children come back before the money.", "zh-Hans": "先说到孩子，再说到钱。"},
        ),
    ),
)


async def live(viewers: Mapping[str, Viewer], event: Mapping[str, Any]) -> None:
    """The trainer begins it and leaves it for tomorrow."""
    trainer = viewers[TRAINER]
    (call,) = await visible_recordings(trainer, search=CALL, limit=1)
    await create_clip(trainer, call.id, TWO_RULES)
