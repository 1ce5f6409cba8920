"""What the sample centre's trainer is writing in the rule book: a new rule, and better words for an old one.

Both are drafts, so that an analyst finds something to look at and publish, and agents see nothing of it yet.
"""

from collections.abc import Mapping
from typing import Any

from trainer.rulebook import drafting
from trainer.web.session import Viewer

WRITER = "rosa"

EVENTS: list[dict[str, Any]] = [
    {
        "days_ago": 6,
        "time": "10:20",
        "draft": "R12",
        "says": {
            "want": "understand",
            "title": {"en": "Say what the silence is", "zh-Hans": "说明为什么安静"},
            "statement": {
                "en": "Before the line goes quiet, say what you are doing and how long it takes.",
                "zh-Hans": "安静之前，先说你在做什么、要多久。",
            },
            "why": {
                "en": "Ten seconds of unexplained silence feel like a minute. Said beforehand, they feel like work.",
                "zh-Hans": "没说明的十秒，听着像一分钟；说在前面，就是在办事。",
            },
            "severity": "non_fatal",
            "kind": "judgement",
            "weight": 6,
            "key_tokens": {"en": ["doing|checking|looking", "long|minute|seconds"]},
            "recall_prompt": {"en": "You need half a minute in another system. What do you say first?"},
        },
    },
    {
        "days_ago": 2,
        "time": "15:40",
        "edit": "R07",
        "says": {
            "why": {
                "en": "A fee found on the bill is a broken promise, however small. Named before, it is a choice.",
                "zh-Hans": "账单上才看到的费用，再小也是失信；事先说清，就由客户来选。",
            },
            "weight": 10,
        },
    },
]


async def live(viewers: Mapping[str, Viewer], event: Mapping[str, Any]) -> None:
    """One of the events."""
    if "draft" in event:
        await drafting.create_draft(viewers[WRITER], event["draft"], event["says"], rulebook="starter")
    else:
        await drafting.edit_rule(viewers[WRITER], event["edit"], event["says"])
