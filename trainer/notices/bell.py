"""The bell's live hints: open pages of a person look again when something arrives for them.

Whoever tells, reads or withdraws hints at it after the commit, and on PostgreSQL every process hears that. On
SQLite other processes (a worker of its own, a second server) cannot be heard, so each process also looks now
and then at the counts of the people whose pages are open in it: one query, and none while nobody follows.
Invariant: a hint says that something is different and no more; the page asks for its bell with its own rights.
"""

import asyncio
import logging
from uuid import UUID

from trainer import db
from trainer.notices import queries
from trainer.notices.service import HINT, topic_of
from trainer.web.live import Broker, LiveEvent, Replay
from trainer.web.session import Viewer

log = logging.getLogger(__name__)

LOOK_EVERY_S = 3.0


class BellWatch:
    """Tells this process's streams what other processes have changed. Needed on SQLite alone."""

    def __init__(self, broker: Broker, *, look_every_s: float = LOOK_EVERY_S) -> None:
        self._broker = broker
        self._look_every_s = look_every_s
        self._known: dict[UUID, int] = {}
        self._coming: set[UUID] = set()  # who is about to follow: a look meanwhile must not forget them

    def follow(self, person: UUID, count: int) -> None:
        """To be called before a stream opens, with the count its request knows: from here on nothing is missed.

        What the last look knew gives way to it: a count that went down and up again since then would look unchanged.
        """
        if db.dialect() == "sqlite":
            self._tell(person, count)
            self._coming.add(person)

    async def run(self) -> None:
        """Watches until cancelled."""
        if db.dialect() != "sqlite":
            return
        while True:
            await asyncio.sleep(self._look_every_s)
            try:
                await self.look()
            except db.DatabaseError as error:  # away for a moment: the next look catches up
                log.warning("the bells could not be looked at: %s", error)

    async def look(self) -> None:
        """Hints at every count that is not as it was at the last look."""
        people, coming = self._broker.people, self._coming
        self._coming = set()
        counts = await queries.unread_counts(people) if people else {}
        for person in people:
            self._tell(person, counts.get(person, 0))
        for gone in self._known.keys() - set(people) - coming - self._coming:
            del self._known[gone]

    def _tell(self, person: UUID, count: int) -> None:
        """Hints at a count that is not the one that was known, and knows it from here on."""
        if self._known.get(person, count) != count:
            self._broker.deliver(LiveEvent(topic_of(person), HINT))
        self._known[person] = count


def missed(viewer: Viewer) -> Replay:
    """For a stream whose page names the count that it shows: a hint at once when it is another by now.

    Asked anew, as the request's own count is older than the stream: what came between them was hinted at to nobody.
    """

    async def replay(shown: str) -> list[LiveEvent]:
        count = (await queries.unread_counts([viewer.id])).get(viewer.id, 0)
        return [] if shown == str(count) else [LiveEvent(topic_of(viewer.id), HINT)]

    return replay
