"""What the sample's people have read: all of their notices but those of the last days, as busy people do."""

from datetime import datetime, timedelta

from trainer import db
from trainer.demo.history import viewer_of
from trainer.notices.service import mark_all_read
from trainer.people.service import all_people

UNREAD_DAYS = 3


async def read_old_notices(now: datetime) -> None:
    """Marks what is older than three days as read, half a day after that moment."""
    until = now - timedelta(days=UNREAD_DAYS)
    with db.as_of(until + timedelta(hours=12)):
        for person in await all_people():
            await mark_all_read(viewer_of(person), until)
