"""Telling people, and their inbox.

A room tells in the transaction of what it tells of, and names the source: the unique index (person, source)
is the guard, so that a job that runs twice, or two processes at once, tell a person once.
Invariant: the inbox fills whatever a person chose, except for reminders that they turned off; nobody reads or
marks another's notices.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from functools import partial
from typing import Any
from uuid import UUID

from trainer import db, jobs
from trainer.notices import kinds, mail, queries
from trainer.notices.inbox import NoticeView, shown
from trainer.problems import NotFound
from trainer.web import live
from trainer.web.i18n import _
from trainer.web.session import Viewer

PAGE = 30
KEPT_AFTER_READING = timedelta(days=180)
HINT = "notices"  # the name of the live hint in the browser


# Telling


async def notify(
    person: UUID, kind: str, *, source: str, href: str = "", params: Mapping[str, Any] | None = None
) -> bool:
    """Tells a person once, in the caller's transaction if there is one.

    `source` names the happening ("assigned:<enrolment>"); `href` is a path of this centre; `params` are JSON
    values: authored texts as {locale: text}, people as ids, days in ISO form (see `kinds`).
    False: told already, or a reminder that this person turned off. Raises ValueError for an unknown kind.
    """
    return bool(await notify_many([person], kind, source=source, href=href, params=params))


async def notify_many(
    people: Iterable[UUID],
    kind: str,
    *,
    source: str,
    href: str = "",
    params: Mapping[str, Any] | None = None,
) -> list[UUID]:
    """Tells many people the same, in one statement (for each 500); returns those who did not know yet."""
    what = kinds.kind_of(kind)
    _check_path(href)
    wanted = list(dict.fromkeys(people))
    if not wanted:
        return []
    async with db.transaction():
        asks = what.may_be_off or mail.is_set_up()
        chosen = await queries.ways_of(kind, wanted) if asks else {}
        wanted = [person for person in wanted if chosen.get(person) != "off"]
        told = await queries.tell(
            wanted, kind=kind, source=source, href=href, params=params or {}, now=db.utc_now()
        )
        by_mail = [row["id"] for row in told if chosen.get(row["person"], what.default_way) == "mail"]
        await mail.mail_at_once(by_mail)
        _hint(row["person"] for row in told)
    return [row["person"] for row in told]


async def withdraw(source: str, person: UUID | None = None) -> int:
    """What a notice told is no longer so: it leaves the inbox of everybody, or of one person. How many."""
    async with db.transaction():
        whose = await queries.withdraw(source, person, db.utc_now())
        _hint(whose)
    return len(whose)


async def forget(address: str, ids: Iterable[UUID]) -> None:
    """What notices lead to is erased (`address` and one of the ids): they go from every inbox, with its title.

    In the caller's transaction.
    """
    starts = [f"{address}{id}" for id in ids]
    for begin in range(0, len(starts), 500):
        _hint(await queries.forget(starts[begin : begin + 500]))


def _check_path(href: str) -> None:
    """The inbox opens it: it may lead nowhere else than into this centre."""
    outside = not href.startswith("/") or href.startswith("//") or "\\" in href or not href.isprintable()
    if href and outside:
        raise ValueError(f"a notice leads to a path of this centre, not to {href!r}")


def topic_of(person: UUID) -> str:
    """Where live hints for one person go."""
    return f"person:{person}"


def _hint(people: Iterable[UUID]) -> None:
    """Open pages of these people look at their bell again, once the transaction is committed."""
    for person in people:
        db.after_commit(partial(live.publish, topic_of(person), HINT))


# The inbox


async def latest(
    viewer: Viewer,
    limit: int = PAGE,
    *,
    unread: bool = False,
    after: tuple[datetime, UUID] | None = None,
) -> list[NoticeView]:
    """The viewer's own notices, newest first, after (at, id); at most two queries."""
    return await shown(await queries.inbox(viewer.id, unread=unread, after=after, limit=limit))


async def load_notice(viewer: Viewer, notice: UUID) -> NoticeView:
    """One of the viewer's own. Raises NotFound, also for somebody else's."""
    row = await queries.own(viewer.id, notice)
    if row is None:
        raise NotFound(_("There is no such notice any more."))
    return (await shown([row]))[0]


async def mark_read(viewer: Viewer, notice: UUID) -> NoticeView:
    """Marks one of the viewer's own notices as read; reading it twice changes nothing. Raises NotFound."""
    view = await load_notice(viewer, notice)
    if view.read_at is None and await queries.mark_read(viewer.id, notice, db.utc_now()):
        _hint([viewer.id])
        view = await load_notice(viewer, notice)
    return view


async def mark_all_read(viewer: Viewer, until: datetime | None = None) -> tuple[datetime, int]:
    """Marks all that had come by `until` (now) as read: what arrives while somebody reads stays unread.

    Returns the moment that `undo_mark_all` takes it back with, and how many there were.
    """
    now = db.utc_now()
    count = await queries.mark_all_read(viewer.id, until or now, now)
    _hint([viewer.id])
    return now, count


async def undo_mark_all(viewer: Viewer, moment: datetime) -> int:
    """Makes unread again what `mark_all_read` marked at that moment; how many."""
    count = await queries.mark_unread(viewer.id, moment)
    _hint([viewer.id])
    return count


# Housekeeping


@jobs.schedule("forget_read_notices", at="02:50")
async def forget_read_notices(context: jobs.JobContext) -> None:
    """What was read half a year ago, or withdrawn then, serves nobody any more."""
    await queries.forget_read(db.utc_now() - KEPT_AFTER_READING)


@jobs.on("person_erased")
async def forget_notices_of_the_erased(context: jobs.JobContext, event: dict[str, Any]) -> None:
    """An erased person has no inbox; notices of others that were about them show no name from now on."""
    await queries.forget_person(UUID(event["person"]))
