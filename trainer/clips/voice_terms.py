"""By when an objection is answered: a set number of days, a reminder before they are over, admins told after.

Invariant: an objection that was answered reminds nobody any more (`withdraw_reminders`, in the same transaction).
"""

from datetime import datetime, timedelta
from uuid import UUID

from trainer import db, jobs
from trainer.clips import voice_queries as queries
from trainer.jobs import JobContext
from trainer.notices import kinds
from trainer.notices.service import notify_many, withdraw
from trainer.people.days import day_of
from trainer.people.service import all_people
from trainer.rulebook.programmes import workers_on
from trainer.web.i18n import _

USUAL_DAYS = 5
# The reminder comes when four fifths of the time are over: with five days, a day ahead.
REMIND_AFTER = 0.8

_within = timedelta(days=USUAL_DAYS)


def answer_within(days: int) -> None:
    """Told once by whatever starts this process (server, worker, command)."""
    global _within
    _within = timedelta(days=days)


def due_at(said_at: datetime) -> datetime:
    """When an objection of that moment has to be answered."""
    return said_at + _within


@jobs.schedule("remind_of_objections", every=timedelta(hours=1))
async def remind_of_objections(context: JobContext) -> None:
    """Trainers are reminded once, and once the time is over they and the admins are told, once."""
    now = db.utc_now()
    waiting = await queries.objections(open_only=True, before=now - _within * REMIND_AFTER)
    admins = [person.id for person in await all_people() if "admin" in person.roles] if waiting else []
    for row in waiting:
        over = due_at(row["at"]) <= now
        trainers = await workers_on(row["programme"], "trainer")
        await notify_many(
            [*trainers, *admins] if over else trainers,
            "objection_overdue" if over else "objection_due",
            source=_source(row["id"], over=over),
            href="/clips/objections",
            params={"by": str(row["person"]), "on": day_of(due_at(row["at"]), "").isoformat()},
        )


async def withdraw_reminders(objection: UUID) -> None:
    """It is answered: what reminded of it leaves every inbox."""
    for over in (False, True):
        await withdraw(_source(objection, over=over))


def _source(objection: UUID, *, over: bool) -> str:
    return f"objection_{'overdue' if over else 'due'}:{objection}"


kinds.register(
    kinds.Kind(
        "objection_due",
        words=lambda params: _("%(by)s still waits for an answer to an objection, until %(on)s") % params,
        title_for_choice=lambda: _("Reminders of objections that are not answered"),
        icon="clock",
        default_way="mail",
        roles=("trainer",),
    )
)
kinds.register(
    kinds.Kind(
        "objection_overdue",
        words=lambda params: _("An objection of %(by)s should have been answered by %(on)s") % params,
        title_for_choice=lambda: _("Objections that are overdue"),
        icon="octagon-alert",
        default_way="mail",
        roles=("trainer", "admin"),
    )
)
