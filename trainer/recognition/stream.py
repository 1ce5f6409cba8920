"""The feed's live hints: who hears of which post, and the watcher that tells them in order.

One watcher per process reads what was placed after the last place it told of, and hands out hints. It is
woken by whoever placed posts (in this process, or on PostgreSQL in any), and looks by itself every two
seconds while somebody follows, because on SQLite another process cannot wake it. Invariant: hints go out in
the order of the feed, each once per process; what they name is read through the same rights as ever.
"""

import logging
from collections.abc import Iterable

from trainer import db
from trainer.recognition import queries
from trainer.recognition.hints import topics_of, topics_of_posts
from trainer.recognition.posts import PLACED
from trainer.web.live import Broker, LiveEvent
from trainer.web.session import Viewer

log = logging.getLogger(__name__)

LOOK_EVERY_S = 2.0
MOST_AT_ONCE = 200


class FeedWatch:
    """Tells this process's streams what came into the feed."""

    def __init__(self, broker: Broker) -> None:
        self._broker = broker
        self._told: int | None = None  # the last place told of; None while nobody follows

    async def follow(self) -> None:
        """To be called before a stream opens: from here on nothing is missed."""
        if self._told is None:
            self._told = await queries.last_seq()

    async def run(self) -> None:
        """Watches until the broker shuts down or the task is cancelled."""
        while True:
            wake = self._broker.subscribe([PLACED])
            try:
                while wake.ended is None:
                    await wake.take(LOOK_EVERY_S)
                    await self._look()
            finally:
                self._broker.unsubscribe(wake)
            if wake.ended == "shutdown":
                return

    async def _look(self) -> None:
        if self._broker.streams <= 1:  # the watcher's own
            self._told = None
            return
        try:
            await self.tell()
        except db.DatabaseError as error:  # away for a moment: the next look catches up
            log.warning("the feed could not be looked at: %s", error)

    async def tell(self) -> None:
        """Hands out what is new since the last time."""
        await self.follow()
        assert self._told is not None
        while rows := await queries.placed_after(self._told, MOST_AT_ONCE):
            hints = await topics_of_posts(rows)
            for row in rows:
                for topic in hints[row["id"]]:
                    self._broker.deliver(LiveEvent(topic, "post", str(row["seq"]), str(row["id"])))
            self._told = rows[-1]["seq"]


async def missed(viewer: Viewer, since: str, *, only_team: bool) -> Iterable[LiveEvent]:
    """The hints that a stream which saw the place `since` last has missed, oldest first.

    Of more than can be told one by one a single hint is left, that the page is to be drawn anew.
    """
    if not since.isdigit() or len(since) > 18:
        return []
    newest = await queries.last_seq()
    rows = await queries.placed_after(int(since), MOST_AT_ONCE + 1)
    if len(rows) > MOST_AT_ONCE:
        return [LiveEvent("feed", "renew", str(newest))]
    hints = await topics_of_posts(rows)
    heard = topics_of(viewer, only_team=only_team)
    return [
        LiveEvent("feed", "post", str(row["seq"]), str(row["id"])) for row in rows if heard & hints[row["id"]]
    ]
