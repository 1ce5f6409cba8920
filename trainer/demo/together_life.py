"""What the sample centre puts together out of its clips: a pair of the same words, and playlists in an order."""

from collections.abc import Mapping
from typing import Any

from trainer.clips.pairs.service import make_pair
from trainer.clips.playlists.service import PlaylistFields, make_playlist, remember_place
from trainer.clips.service import clips_by_slugs
from trainer.web.session import Viewer

EVENTS: list[dict[str, Any]] = [
    {
        "days_ago": 9,
        "time": "09:50",
        "by": "rosa",
        "rule": "R08",
        "pair": ("fee-opening-warm", "fee-opening-flat"),
        "kind": "same_words",
        "note": "Word for word the same welcome. Listen to where the voice goes up, and to the breath before the name.",
    },
    {
        "days_ago": 7,
        "time": "10:20",
        "by": "rosa",
        "title": "Five minutes before the first call",
        "words": "For the first weeks: hear these in the morning, one rule at a time.",
        "visible": "everyone",
        "clips": [
            ("fee-opening-warm", "The welcome. Whom is she speaking to?"),
            ("bill-listen", "Count the pause before her answer."),
            ("visit-recap", "“Almost” is the best thing that can happen to a recap."),
            ("fee-way-on", "She may not decide it. What does she do instead?"),
            ("fee-close", "A goodbye that fits no other call."),
        ],
        "heard": ("amara", "visit-recap", 4_200),
    },
    {
        "days_ago": 4,
        "time": "15:10",
        "by": "zhoumin",
        "title": "For the calibration on Friday",
        "words": "Please mark each of these before we meet.",
        "visible": "makers",
        "clips": [("metro-which-way", "Met or missed, and at which second?"), ("metro-close", "")],
    },
]


async def live(viewers: Mapping[str, Viewer], event: Mapping[str, Any]) -> None:
    """One of the events."""
    if "pair" in event:
        clips = await clips_by_slugs(event["pair"])
        good, other = (clips[slug].id for slug in event["pair"])
        told = {"kind": event["kind"], "note": event["note"]}
        await make_pair(viewers[event["by"]], rule=event["rule"], good=good, other=other, **told)
        return
    clips = await clips_by_slugs(slug for slug, _note in event["clips"])
    items = [(clips[slug].id, note) for slug, note in event["clips"]]
    fields = PlaylistFields(event["title"], event["words"], event["visible"])
    made = await make_playlist(viewers[event["by"]], fields, items)
    if "heard" in event:
        listener, slug, ms = event["heard"]
        await remember_place(viewers[listener], made, clips[slug].id, ms)
