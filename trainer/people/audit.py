"""Who did what to what, and when: written with the change itself, never edited.

Invariant: an entry is committed together with the change that it tells of, or not at all. It names ids and
fields, not personal data and never a secret, so that it may be kept after a person is erased.
"""

import csv
import io
import json
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

from trainer import db
from trainer.people import queries
from trainer.people.days import bounds_of
from trainer.people.tables import AuditEntry
from trainer.problems import Forbidden
from trainer.web.i18n import _
from trainer.web.session import Viewer

PAGE = 50
EXPORT_BATCH = 500


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the log. `actor_name` is None for the system itself, "" for an erased person."""

    id: UUID
    at: datetime
    actor: UUID | None
    actor_name: str | None
    action: str
    noun: str
    noun_id: str
    detail: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Search:
    """What to show: an action, a noun, an actor, whom it was done to, and days of the reader (both included)."""

    action: str = ""
    noun: str = ""
    actor: UUID | None = None
    about: UUID | None = None
    since: date | None = None
    until: date | None = None


async def record_audit(
    viewer: Viewer | None,
    action: str,
    noun: str,
    noun_id: str,
    detail: Mapping[str, Any] | None = None,
    *,
    actor: UUID | None = None,
) -> None:
    """Note a change, inside the caller's transaction; `viewer` None is the system (a command, a job).

    `action` is a verb in the past tense, `detail` JSON without secrets or personal data. `actor` names the
    person where nobody is signed in yet.
    """
    told = dict(detail or {})
    if viewer is not None and viewer.scopes is not None:
        told["via"] = "token"
    await AuditEntry.insert(
        AuditEntry(
            id=db.new_id(),
            actor=viewer.id if viewer else actor,
            action=action,
            noun=noun,
            noun_id=noun_id,
            detail=json.dumps(told, ensure_ascii=False, sort_keys=True, default=str),
            at=db.utc_now(),
        )
    )


async def list_entries(
    viewer: Viewer, search: Search, *, after: tuple[datetime, UUID] | None = None, limit: int = PAGE
) -> list[Entry]:
    """Entries, newest first, after the one with this (moment, id). Raises Forbidden for all but admins."""
    _admins_only(viewer)
    since, until = bounds_of(search.since, search.until, viewer.time_zone)
    rows = await queries.audit_entries(
        action=search.action,
        noun="person" if search.about else search.noun,
        noun_id=str(search.about or ""),
        actor=search.actor,
        since=since,
        until=until,
        after=after,
        limit=limit,
    )
    return [Entry(**{**row, "detail": json.loads(row["detail"])}) for row in rows]


async def known_actions(viewer: Viewer) -> list[str]:
    """The actions that occur in the log, for its filter. Raises Forbidden for all but admins."""
    _admins_only(viewer)
    return await queries.audit_actions()


async def export_entries(viewer: Viewer, search: Search) -> AsyncIterator[str]:
    """The log as CSV, a batch at a time, newest first. Raises Forbidden for all but admins.

    The export is itself an entry.
    """
    _admins_only(viewer)
    async with db.transaction():
        await record_audit(
            viewer, "audit_exported", "audit", "", {"action": search.action, "noun": search.noun}
        )
    return _exported(viewer, search)


async def _exported(viewer: Viewer, search: Search) -> AsyncIterator[str]:
    yield _line(["at", "actor", "actor_id", "action", "noun", "noun_id", "detail"])
    after: tuple[datetime, UUID] | None = None
    while True:
        entries = await list_entries(viewer, search, after=after, limit=EXPORT_BATCH)
        for entry in entries:
            yield _line(
                [
                    entry.at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
                    _("system") if entry.actor is None else entry.actor_name or _("an erased person"),
                    str(entry.actor or ""),
                    entry.action,
                    entry.noun,
                    entry.noun_id,
                    json.dumps(entry.detail, ensure_ascii=False),
                ]
            )
        if len(entries) < EXPORT_BATCH:
            return
        after = (entries[-1].at, entries[-1].id)


def plain_cell(value: str) -> str:
    """A cell that a spreadsheet shows and does not run: `=…`, `+…`, `-…` and `@…` get a quote in front."""
    return f"'{value}" if value[:1] in ("=", "+", "-", "@", "\t", "\r") else value


def _line(cells: list[str]) -> str:
    out = io.StringIO()
    csv.writer(out, lineterminator="\r\n").writerow([plain_cell(cell) for cell in cells])
    return out.getvalue()


def _admins_only(viewer: Viewer) -> None:
    if not viewer.has("admin"):
        raise Forbidden(_("Only admins read the audit log."))
