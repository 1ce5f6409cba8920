"""What others decide about somebody's enrolment: it need not be done (waive), it was seen done at work (sign off).

Each decision is a dated fact with a name, and taking one back is a new fact beside it. The reason stands with the
enrolment alone: facts are never rewritten, and with the person it has to go. Invariant: a completed enrolment is
never waived, so that what somebody did stays what they did.
"""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from trainer import db, facts
from trainer.people.audit import record_audit
from trainer.problems import Conflict, Forbidden, Gone, Invalid, NotFound
from trainer.training import queries
from trainer.training.assigning.reminders import withdraw_reminders
from trainer.training.enrolling import EnrolmentView, load_enrolment, may_follow
from trainer.training.tables import Enrolment
from trainer.web.i18n import _
from trainer.web.session import Viewer

LONGEST_WHY = 500


async def waive(viewer: Viewer, enrolment: UUID, why: str) -> None:
    """The person need not do it, for this reason. Trainers only, and nobody for themselves.

    Raises Forbidden, NotFound, Gone (they were erased), Invalid (no reason), Conflict (completed or waived already).
    """
    view = await _for_trainers(viewer, enrolment)
    reason = " ".join(why.split())
    if not reason or len(reason) > LONGEST_WHY:
        message = _("Please give the reason, in up to %(most)s characters.") % {"most": LONGEST_WHY}
        raise Invalid.field("why", "missing", message)
    now = db.utc_now()
    changes: Mapping[Any, Any] = {
        Enrolment.waived_at: now,
        Enrolment.waived_by: viewer.id,
        Enrolment.waived_why: reason,
    }
    async with db.transaction():
        if not await queries.hold_enrolment(enrolment, view.person):
            raise Gone(_("This person was erased. Nothing more is written about them."))
        waived = (
            await Enrolment.update(dict(changes))
            .where(
                (Enrolment.id == enrolment) & Enrolment.completed_at.is_null() & Enrolment.waived_at.is_null()
            )
            .returning(Enrolment.id)
        )
        if not waived:
            raise Conflict(_("This module is done already, or was waived already."))
        await _decided(viewer, "module_waived", view)
        await withdraw_reminders(enrolment)


async def unwaive(viewer: Viewer, enrolment: UUID) -> None:
    """Takes a waiver back: the module is open again as it was left. Raises Forbidden, NotFound, Conflict (it is not
    waived, or the person took the module anew meanwhile).
    """
    view = await _for_trainers(viewer, enrolment)
    async with db.transaction():
        try:
            async with db.savepoint():
                opened = (
                    await Enrolment.update({Enrolment.waived_at: None, Enrolment.waived_by: None})
                    .where((Enrolment.id == enrolment) & Enrolment.waived_at.is_not_null())
                    .returning(Enrolment.id)
                )
        except db.UniqueViolation as error:
            raise Conflict(_("They have taken this module anew meanwhile; that one counts.")) from error
        if not opened:
            raise Conflict(_("This module is not waived."))
        await _decided(viewer, "module_unwaived", view)


async def _for_trainers(viewer: Viewer, enrolment: UUID) -> EnrolmentView:
    view = await load_enrolment(viewer, enrolment)
    if not viewer.has("trainer") or view.person == viewer.id:
        raise Forbidden(_("Trainers waive modules, and nobody waives their own."))
    return view


async def _decided(viewer: Viewer, kind: str, view: EnrolmentView) -> None:
    await facts.record(
        kind,
        person=view.person,
        subject=view.code,
        version=view.version,
        source=f"{kind}:{view.id}:{db.new_id()}",
        data={"by": str(viewer.id)},
    )
    await record_audit(viewer, kind, "enrolment", str(view.id), {"module": view.code})


async def sign_off_enrolment(viewer: Viewer, enrolment: UUID) -> bool:
    """The person's lead saw it done at work: the fact `signed_off` with the module's code, once a person.

    False when it was signed off before. Raises Forbidden (leads, for their own team, not for themselves),
    NotFound, Conflict (waived: there is nothing to see).
    """
    row = await queries.enrolment(enrolment)
    view = await load_enrolment(viewer, enrolment)
    if row is None:
        raise NotFound(_("There is no such enrolment, or it is not yours."))
    if view.person == viewer.id or not may_follow(viewer, row["person_team"]):
        raise Forbidden(_("Sign-offs are given by the person's own team lead."))
    if view.waived_at:
        raise _waived()
    async with db.transaction():
        signed: dict[Any, Any] = {
            Enrolment.signed_off_at: db.utc_now(),
            Enrolment.signed_off_by: viewer.id,
        }
        open_one = (
            (Enrolment.id == enrolment) & Enrolment.waived_at.is_null() & Enrolment.signed_off_at.is_null()
        )
        first = await Enrolment.update(signed).where(open_one).returning(Enrolment.id)
        if not first and (await load_enrolment(viewer, enrolment)).waived_at:  # at this moment
            raise _waived()
        new = await facts.record(
            "signed_off",
            person=view.person,
            subject=view.code,
            version=view.version,
            source=f"signed_off:{view.code}:{view.person}",
            data={"by": str(viewer.id)},
        )
        if new:
            await record_audit(viewer, "signed_off", "person", str(view.person), {"subject": view.code})
    return new


def _waived() -> Conflict:
    return Conflict(_("This module was waived, so that there is nothing to sign off."))


def may_waive(viewer: Viewer, person: UUID) -> bool:
    """Whether the viewer waives modules of this person."""
    return viewer.has("trainer") and viewer.id != person


def may_sign_off(viewer: Viewer, person: UUID, team: UUID | None) -> bool:
    """Whether the viewer signs off modules of this person of this team."""
    return viewer.id != person and may_follow(viewer, team)
