"""Giving, mending and withdrawing thanks, and reading those one may read."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from trainer import db, facts, jobs
from trainer.appreciation import queries
from trainer.appreciation.tables import Appreciation, AppreciationTo
from trainer.notices import kinds
from trainer.notices import service as notices
from trainer.people.audit import record_audit
from trainer.people.service import people_by_ids
from trainer.problems import Conflict, FieldError, Forbidden, Invalid, NotFound, PreconditionFailed
from trainer.rulebook.service import behaviour_title
from trainer.web.i18n import _
from trainer.web.session import Viewer

VISIBILITIES = ("team", "everyone", "private")
MENDABLE = timedelta(minutes=15)
LONGEST = 1000
MOST_RECEIVERS = 12
THANKED = "thanked"


@dataclass(frozen=True, slots=True)
class Receiver:
    """Somebody who was thanked."""

    id: UUID
    name: str
    team: UUID | None


@dataclass(frozen=True, slots=True)
class AppreciationView:
    """One thank-you with its people."""

    id: UUID
    author: UUID
    author_name: str
    to: tuple[Receiver, ...]
    behaviour_kind: str
    behaviour_code: str
    message: str
    visibility: str
    created_at: datetime
    edited_at: datetime | None

    @property
    def revision(self) -> int:
        """What If-Match compares: grows with each edit."""
        return int((self.edited_at or self.created_at).timestamp() * 1000)


def name_of(name: str | None) -> str:
    """What somebody is called whose name may have been erased: the words they gave or got stay."""
    return name or _("A former colleague")


async def behaviour_kind_of(code: str) -> str:
    """Whether a behaviour's code names a rule or a value; an unknown one is refused by `thank`."""
    return "rule" if await behaviour_title("rule", code) else "value"


async def thank(
    viewer: Viewer,
    *,
    to: Iterable[UUID],
    behaviour_kind: str,
    behaviour_code: str,
    message: str,
    visibility: str,
    at: datetime | None = None,
) -> UUID:
    """Thanks people for a behaviour. Raises Invalid with every wrong field. Records the fact, tells feed and people.

    What is said to have happened `at` some other time is no news: nobody gets a notice.
    """
    receivers = list(dict.fromkeys(to))
    message = message.strip()
    await _check(viewer, receivers, behaviour_kind, behaviour_code, message, visibility)
    moment = at or db.utc_now()
    async with db.transaction():
        row = Appreciation(
            author=viewer.id,
            behaviour_kind=behaviour_kind,
            behaviour_code=behaviour_code,
            message=message,
            visibility=visibility,
            created_at=moment,
        )
        await Appreciation.insert(row)
        await AppreciationTo.insert(
            *[AppreciationTo(appreciation=row.id, person=person) for person in receivers]
        )
        source = f"appreciation_given:{row.id}"
        await facts.record(
            "appreciation_given", person=viewer.id, subject=behaviour_code, at=moment, source=source
        )
        await jobs.publish("appreciation_given", {"appreciation": str(row.id)})
        if at is None:
            await notices.notify_many(
                receivers,
                THANKED,
                source=f"{THANKED}:{row.id}",
                href=f"/recognition/thanks#thanks-{row.id}",
                params={"person": str(viewer.id)},
            )
    return row.id


async def _check(viewer: Viewer, to: list[UUID], kind: str, code: str, message: str, visibility: str) -> None:
    errors: list[FieldError] = []
    people = await people_by_ids(to) if to else {}
    if not to:
        errors.append(FieldError("to", "required", _("Choose whom to thank.")))
    elif viewer.id in to:
        errors.append(FieldError("to", "self", _("Thank somebody else; your own work speaks for itself.")))
    elif len(to) > MOST_RECEIVERS:
        errors.append(
            FieldError("to", "too-many", _("Thank at most %(n)s people at once.") % {"n": MOST_RECEIVERS})
        )
    elif any(person not in people or not people[person].active for person in to):
        errors.append(FieldError("to", "unknown", _("One of these people does not work here any more.")))
    if not await behaviour_title(kind, code):
        errors.append(
            FieldError("behaviour", "unknown", _("Choose the behaviour you saw: a rule or a value."))
        )
    if not message:
        errors.append(FieldError("message", "required", _("Say what they did, in a sentence or two.")))
    elif len(message) > LONGEST:
        errors.append(
            FieldError("message", "too-long", _("Keep it under %(n)s characters.") % {"n": LONGEST})
        )
    if visibility not in VISIBILITIES:
        errors.append(FieldError("visibility", "unknown", _("Choose who may read it.")))
    if errors:
        raise Invalid(_("Your thanks are not complete yet."), errors=errors)


async def mend(viewer: Viewer, appreciation: UUID, message: str, *, expected: int | None = None) -> None:
    """Changes the words, by their author within 15 minutes; with `expected`, of this revision only.

    Raises NotFound, Conflict, Invalid and PreconditionFailed.
    """
    now = db.utc_now()
    message = message.strip()
    if not 0 < len(message) <= LONGEST:
        raise Invalid.field(
            "message", "length", _("Say what they did, in at most %(n)s characters.") % {"n": LONGEST}
        )
    known = await load_appreciation(viewer, appreciation)
    if expected is not None and expected != known.revision:
        raise _mended_meanwhile()
    mendable = (
        (Appreciation.id == appreciation)
        & (Appreciation.author == viewer.id)
        & Appreciation.withdrawn_at.is_null()
        & (Appreciation.created_at > now - MENDABLE)
    )
    if expected is not None:
        as_read = Appreciation.edited_at.is_null()
        mendable &= as_read if known.edited_at is None else Appreciation.edited_at == known.edited_at
    async with db.transaction():
        mended = (
            await Appreciation.update({Appreciation.message: message, Appreciation.edited_at: now})
            .where(mendable)
            .returning(Appreciation.id)
        )
        if not mended:
            if (await load_appreciation(viewer, appreciation)).edited_at != known.edited_at:
                raise _mended_meanwhile()
            raise Conflict(
                _("Words can be mended by their author for 15 minutes. You may still withdraw them.")
            )
        await jobs.publish("appreciation_changed", {"appreciation": str(appreciation)})


def _mended_meanwhile() -> PreconditionFailed:
    return PreconditionFailed(
        _("These words were changed in another window. Load them again, then repeat your change.")
    )


async def withdraw(viewer: Viewer, appreciation: UUID) -> None:
    """Takes thanks out of sight: by the author, the lead of a receiver's team, or an admin. The fact stays."""
    view = await load_appreciation(viewer, appreciation)
    if not may_withdraw(viewer, view):
        raise Forbidden(_("Thanks are withdrawn by whoever gave them."))
    async with db.transaction():
        first = (
            await Appreciation.update(
                {Appreciation.withdrawn_at: db.utc_now(), Appreciation.withdrawn_by: viewer.id}
            )
            .where((Appreciation.id == appreciation) & Appreciation.withdrawn_at.is_null())
            .returning(Appreciation.id)
        )
        if not first:
            return
        await notices.withdraw(f"{THANKED}:{appreciation}")
        await record_audit(viewer, "appreciation_withdrawn", "appreciation", str(appreciation))
        await jobs.publish("appreciation_changed", {"appreciation": str(appreciation)})


def may_withdraw(viewer: Viewer, view: AppreciationView) -> bool:
    """The author; of what is not private also the lead of somebody thanked, and admins."""
    if viewer.id == view.author:
        return True
    teams = {receiver.team for receiver in view.to}
    leads = viewer.has("team_lead") and viewer.team is not None and viewer.team in teams
    return view.visibility != "private" and (viewer.has("admin") or leads)


async def load_appreciation(viewer: Viewer, appreciation: UUID) -> AppreciationView:
    """One thank-you, for those who may read it. Raises NotFound."""
    view = await get_appreciation(appreciation)
    if view is None or not may_read(viewer, view):
        raise NotFound(_("There are no such thanks, or they are not shared with you."))
    return view


async def get_appreciation(appreciation: UUID) -> AppreciationView | None:
    """One thank-you that was not withdrawn, whoever asks: for the feed's own work."""
    row = await Appreciation.select().where(
        (Appreciation.id == appreciation) & Appreciation.withdrawn_at.is_null()
    ).first()  # fmt: skip
    if row is None:
        return None
    people = await people_by_ids([row["author"]])
    row["author_name"] = people[row["author"]].name if row["author"] in people else ""
    return (await _with_receivers([row]))[0]


def may_read(viewer: Viewer, view: AppreciationView) -> bool:
    """Everyone's by all; a team's by the teams of those thanked; a private one by its author and receivers alone."""
    if viewer.id == view.author or viewer.id in {receiver.id for receiver in view.to}:
        return True
    if view.visibility == "private":
        return False
    if view.visibility == "everyone" or viewer.has("admin"):
        return True
    return viewer.team is not None and viewer.team in {receiver.team for receiver in view.to}


async def visible_appreciations(
    viewer: Viewer, *, limit: int, before: tuple[datetime, UUID] | None = None
) -> list[AppreciationView]:
    """Thanks the viewer may read, newest first, after the sort key `before`."""
    moment, last = before if before else (None, None)
    rows = await queries.page(viewer.id, viewer.team, viewer.has("admin"), limit, moment, last)
    return await _with_receivers(rows)


async def said_about(person: UUID, limit: int = 3) -> list[AppreciationView]:
    """The newest thanks to a person, private ones included: for that person's own page only."""
    rows = await queries.said_about(person, limit)
    return [_view(row, ()) for row in rows]


async def thanks_of(
    viewer: Viewer, *, given: bool, limit: int, before: tuple[datetime, UUID] | None = None
) -> list[AppreciationView]:
    """All thanks that the viewer gave, or got, private ones included: newest first, after the sort key `before`."""
    moment, last = before if before else (None, None)
    return await _with_receivers(await queries.own_page(viewer.id, given, limit, moment, last))


def may_mend(viewer: Viewer, view: AppreciationView) -> bool:
    """Its author, for 15 minutes."""
    return view.author == viewer.id and db.utc_now() - view.created_at < MENDABLE


async def _with_receivers(rows: list[dict[str, Any]]) -> list[AppreciationView]:
    to: dict[UUID, list[Receiver]] = {}
    for row in await queries.receivers_of([row["id"] for row in rows]):
        to.setdefault(row["appreciation"], []).append(Receiver(row["id"], name_of(row["name"]), row["team"]))
    return [_view(row, tuple(to.get(row["id"], []))) for row in rows]


def _view(row: dict[str, Any], to: tuple[Receiver, ...]) -> AppreciationView:
    return AppreciationView(
        id=row["id"],
        author=row["author"],
        author_name=name_of(row["author_name"]),
        to=to,
        behaviour_kind=row["behaviour_kind"],
        behaviour_code=row["behaviour_code"],
        message=row["message"],
        visibility=row["visibility"],
        created_at=row["created_at"],
        edited_at=row["edited_at"],
    )


kinds.register(
    kinds.Kind(
        THANKED,
        words=lambda params: _("%(person)s thanked you") % params,
        title_for_choice=lambda: _("Somebody thanks me"),
        icon="hand-heart",
    )
)
