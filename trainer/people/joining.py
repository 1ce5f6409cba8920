"""Many people added at once, as a list brings them: what `create_person` does for one, in a handful of statements.

Invariant: all of them are added or none, and each leaves the same traces as one who was added alone.
"""

import json
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, cast
from uuid import UUID

from trainer import db, facts, jobs
from trainer.people.fields import PersonFields
from trainer.people.service import columns_of, joined_at
from trainer.people.tables import AuditEntry, Person
from trainer.problems import Forbidden
from trainer.web.i18n import _
from trainer.web.session import Viewer

# What follows from somebody joining is worked off this far apart, or a large list would keep all other jobs waiting.
APART = timedelta(milliseconds=40)
_BLANK: dict[str, Any] = {"locale": "en", "time_zone": ""}


async def add_people(
    viewer: Viewer | None, people: Sequence[tuple[UUID, PersonFields]], first_at: datetime
) -> None:
    """Adds people by their new ids, inside the caller's transaction. The fields are checked; teams and colleagues
    named in them exist, or are among `people`. What follows (`person_joined`) is told from `first_at` on.

    Raises Forbidden (admins and the system, None), db.UniqueViolation when an address is somebody else's.
    """
    if viewer is not None and not viewer.has("admin"):
        raise Forbidden(_("Only admins add people."))
    if not people:
        return
    now = db.utc_now()
    tell_at = [first_at + number * APART for number in range(len(people))]
    async with db.savepoint():
        rows = [Person(id=one, created_at=now, **columns_of({**_BLANK, **fields})) for one, fields in people]
        await Person.insert(*rows)
    began = [(one, joined_at(fields.get("hired_on"), fields.get("time_zone", ""))) for one, fields in people]
    await facts.record_joined(began, tell_at=tell_at)
    entries = [
        AuditEntry(
            id=db.new_id(),
            actor=viewer.id if viewer else None,
            action="person_created",
            noun="person",
            noun_id=str(one),
            detail=json.dumps({"roles": fields["roles"]}),
            at=now,
        )
        for one, fields in people
    ]
    await AuditEntry.insert(*entries)
    events = [
        {
            "person": str(one),
            "roles": fields["roles"],
            "hired_on": day.isoformat() if (day := fields.get("hired_on")) else None,
        }
        for one, fields in people
    ]
    await jobs.publish_many("person_joined", cast(Any, events), run_at=tell_at)
