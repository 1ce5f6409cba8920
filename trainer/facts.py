"""What happened, dated, once each: the ground that careers, progress and recognition stand on.

Why: pages must not each count completions in their own way, and what somebody has done is never taken back.
Invariant: the table only grows. A correction is a new fact with its reason; `source` names the event that the
fact came from and is unique, so that a job that runs twice records once.
"""

import json
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from piccolo.columns import UUID, Integer, Text, Timestamptz
from piccolo.table import Table

from trainer.db import fetch, new_id, utc_now
from trainer.jobs import publish, publish_many


class Fact(Table, tablename="fact"):
    """One dated fact. `person` is no foreign key: erasing a person removes the name, not the fact."""

    id = UUID(primary_key=True, default=uuid.uuid4)
    kind = Text()
    person = UUID(default=None, null=True)
    subject = Text(help_text="What it is about: a module's code, a milestone's code, a clip's id.")
    version = Integer(default=None, null=True, help_text="The version of the subject that it was done with.")
    at = Timestamptz(default=None)
    source = Text(help_text="The event that it comes from, for example `enrolment:<id>`.")
    data = Text(default="{}", help_text="More, as JSON.")


INDEXES = [
    "CREATE UNIQUE INDEX fact_source ON fact (source)",
    "CREATE INDEX fact_person ON fact (person, kind)",
    "CREATE INDEX fact_subject ON fact (kind, subject)",
]


@dataclass(frozen=True, slots=True)
class Recorded:
    """A fact as it is read back."""

    id: uuid.UUID
    kind: str
    person: uuid.UUID | None
    subject: str
    version: int | None
    at: datetime
    source: str
    data: dict[str, Any] = field(default_factory=dict)


async def record(
    kind: str,
    *,
    person: uuid.UUID | None,
    subject: str,
    source: str,
    version: int | None = None,
    at: datetime | None = None,
    data: dict[str, Any] | None = None,
) -> bool:
    """Write a fact, in the caller's transaction if there is one; `at` is aware. False: already there.

    A new fact about a person is told to the rooms above as the event `fact_recorded` {person, kind, subject}.
    """
    rows = await fetch(
        "INSERT INTO fact (id, kind, person, subject, version, at, source, data)"
        " VALUES ({}, {}, {}, {}, {}, {}, {}, {}) ON CONFLICT (source) DO NOTHING RETURNING id",
        new_id(),
        kind,
        person,
        subject,
        version,
        at or utc_now(),
        source,
        json.dumps(data or {}, ensure_ascii=False),
    )
    if rows and person is not None:
        await publish("fact_recorded", {"person": str(person), "kind": kind, "subject": subject})
    return bool(rows)


async def record_joined(people: Sequence[tuple[uuid.UUID, datetime]], *, tell_at: Sequence[datetime]) -> None:
    """The fact `joined` of many new people (person, moment) in one statement; told to the rooms above at `tell_at`."""
    values = ", ".join(["({}, 'joined', {}, 'centre', {}, {}, {})"] * len(people))
    params = [value for person, at in people for value in (new_id(), person, at, f"joined:{person}", "{}")]
    await fetch(
        f"INSERT INTO fact (id, kind, person, subject, at, source, data) VALUES {values}"  # noqa: S608
        " ON CONFLICT (source) DO NOTHING",
        *params,
    )
    events = [{"person": str(person), "kind": "joined", "subject": "centre"} for person, _at in people]
    await publish_many("fact_recorded", events, run_at=tell_at)


async def facts_of(person: uuid.UUID, kinds: Sequence[str] | None = None) -> list[Recorded]:
    """A person's facts, oldest first; all kinds when none are named."""
    found = "SELECT id, kind, person, subject, version, at, source, data FROM fact WHERE person = {}"
    if kinds is None:
        rows = await fetch(found + " ORDER BY at, source", person)
    else:
        rows = await fetch(found + " AND kind IN ({}) ORDER BY at, source", person, list(kinds))
    return [Recorded(**{**row, "data": json.loads(row["data"])}) for row in rows]
