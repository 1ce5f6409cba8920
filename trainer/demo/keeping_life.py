"""What ends in the sample centre: two calls have a last day, and Rosa wants to keep some of what is heard in them.

Tomasz has said yes, Amara is still asked, and one clip is left for whoever looks round to renew. Grace is named with a
clip of hers.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

from trainer.calls.forms import end_of, fields_of
from trainer.calls.service import edit_recording, load_recording
from trainer.clips.keeping import credit, renewing
from trainer.clips.keeping.renewing import Wish
from trainer.clips.service import clips_by_slugs
from trainer.people.days import zone_of
from trainer.web.session import Viewer

TRAINER = "rosa"
KEPT_LONGER = timedelta(days=300)
EVENTS: list[dict[str, Any]] = [
    {"days_ago": 30, "time": "10:10", "kept": "travel-voice", "for_days": 11},
    {"days_ago": 30, "time": "10:15", "kept": "fee-heard", "for_days": 26},
    {"days_ago": 9, "time": "16:05", "named": "address-two-details", "by": "grace"},
    {"days_ago": 3, "time": "10:05", "renew": "travel-voice", "yes_of": "tomasz"},
    {"days_ago": 1, "time": "15:20", "renew": "fee-heard"},
]


async def live(viewers: Mapping[str, Viewer], today: date, event: Mapping[str, Any]) -> None:
    """One of the events."""
    trainer, zone = viewers[TRAINER], zone_of("")
    slug = event.get("kept") or event.get("named") or event["renew"]
    clip = (await clips_by_slugs([slug]))[slug]
    if "kept" in event:
        call = await load_recording(trainer, clip.recording)
        last = today + timedelta(days=event["for_days"])
        known = replace(fields_of(call), retain_until=last, expires_at=end_of(last, zone))
        await edit_recording(trainer, call.id, known, expected=call.revision)
    elif "named" in event:
        await credit.choose_credit(viewers[event["by"]], clip.id, named=True)
    else:
        last = today + KEPT_LONGER
        wish = Wish("legitimate_interest", last, end_of(last, zone), checked=True)
        renewal = await renewing.renew(trainer, clip.id, wish)
        if "yes_of" in event:
            await renewing.answer_renewal(viewers[event["yes_of"]], renewal.id, yes=True)
