"""Notices in words: from rows to what a page, the API or a mail shows, in the language of this request or job.

Invariant: names are those that people have now; a notice holds none.
"""

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from trainer.notices import kinds
from trainer.people.service import people_by_ids


@dataclass(frozen=True, slots=True)
class NoticeView:
    """One notice in its reader's language. `href` is the page it is about, "" for none."""

    id: UUID
    kind: str
    words: str
    more: str
    icon: str
    href: str
    at: datetime
    read_at: datetime | None


async def shown(rows: list[dict[str, Any]]) -> list[NoticeView]:
    """Rows in words, with one query for all names; whoever was erased has none."""
    params = [json.loads(row["params"]) for row in rows]
    ids = {
        person
        for row, given in zip(rows, params, strict=True)
        for person in kinds.people_in(row["kind"], given)
    }
    found = await people_by_ids(ids)
    names = {person.id: person.name for person in found.values() if person.erased_at is None}
    views = []
    for row, given in zip(rows, params, strict=True):
        words, more, icon = kinds.worded(row["kind"], given, names)
        views.append(
            NoticeView(
                row["id"], row["kind"], words, more, icon, row["href"], row["created_at"], row["read_at"]
            )
        )
    return views
