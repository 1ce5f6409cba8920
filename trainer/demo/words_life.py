"""A call of which a machine has written down the words, with what it misheard; nobody has read them over yet."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from trainer import db
from trainer.calls.correcting import line_of, put_lines, standing_of
from trainer.calls.service import segments_of, visible_recordings
from trainer.web.session import Viewer

TRAINER = "rosa"
CALL = "The flower shop's Saturday"
EVENTS: list[dict[str, Any]] = [{"days_ago": 2, "time": "11:40"}]

# Outside its clips, whose words were read when they were published.
MISHEARD = {"Mr. Osei. I hope it's a splendid Saturday": "Mr. O'Shea. I hope it's a splendid Saturday"}


async def live(viewers: Mapping[str, Viewer], event: Mapping[str, Any]) -> None:
    """What the machine heard takes the place of what was there."""
    (call,) = await visible_recordings(viewers[TRAINER], search=CALL, limit=1)
    async with db.transaction():
        old = [line_of(turn) for turn in await segments_of(call.id)]
        new = old
        for said, heard in MISHEARD.items():
            new = [replace(line, text=line.text.replace(said, heard)) for line in new]
        revision = (await standing_of(call.id)).revision
        await put_lines(call.id, old, new, expected=revision, source="recognised")
