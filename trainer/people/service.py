"""People and teams: who may see whom, and every change to them.

Rules: admins create, edit and deactivate; team leads choose the buddy of their own team; everybody edits
their own language, zone and birthday. A birthday is shown only as far as its owner chose.
Invariant: there is always an active admin, and a change of somebody's rights is in the audit log with it.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any, Literal, cast
from uuid import UUID

from trainer import db, facts, jobs
from trainer.people import queries
from trainer.people.audit import record_audit
from trainer.people.days import day_of, start_of
from trainer.people.fields import PersonFields, checked
from trainer.people.relations import check_relations
from trainer.people.tables import Link, Person, Session, Token
from trainer.problems import Conflict, FieldError, Forbidden, Invalid, NotFound, PreconditionFailed
from trainer.web.i18n import _
from trainer.web.live import end_streams_of
from trainer.web.session import Viewer

PAGE = 50
NEW_FOR = timedelta(days=90)
SCOPE_FIELDS = frozenset({"birthday_scope", "full_month_scope", "anniversary_scope", "milestone_scope"})
OWN_FIELDS = SCOPE_FIELDS | {"name", "birthday", "leap_day", "locale", "time_zone", "theme"}
# What only the person decides: an admin may enter a birthday, but not to whom it is shown.
PERSONAL_CHOICES = SCOPE_FIELDS | {"leap_day", "theme"}


@dataclass(frozen=True, slots=True)
class PersonView:
    """A person as other rooms see one. `birthday` is MM-DD. An erased person has no name."""

    id: UUID
    name: str
    email: str | None
    employee_no: str | None
    roles: frozenset[str]
    team: UUID | None
    team_name: str | None
    buddy: UUID | None
    buddy_name: str | None
    manager: UUID | None
    manager_name: str | None
    hired_on: date | None
    birthday: str | None
    birthday_scope: str
    full_month_scope: str
    anniversary_scope: str
    milestone_scope: str
    leap_day: str
    locale: str
    time_zone: str
    theme: str
    active: bool
    erased_at: datetime | None
    revision: int
    name_key: str
    has_password: bool


@dataclass(frozen=True, slots=True)
class Shown:
    """A person as one viewer may see them: what is hidden is empty in `person`. Then, what they may do."""

    person: PersonView
    details: bool
    birthday: bool
    may_edit: bool
    may_set_buddy: bool
    may_reset: bool


def _view(row: dict[str, Any]) -> PersonView:
    roles = frozenset(row["roles"].split())
    return PersonView(
        **{**row, "roles": roles, "active": bool(row["active"]), "has_password": bool(row["has_password"])}
    )


# Reading


async def get_person(person: UUID) -> PersonView:
    """Any person, whoever asks (for services). Raises NotFound."""
    found = await people_by_ids([person])
    if person not in found:
        raise NotFound(_("There is no such person."))
    return found[person]


async def people_by_ids(ids: Iterable[UUID]) -> dict[UUID, PersonView]:
    """The people with these ids, whoever asks, in one query; unknown ids are left out."""
    wanted = list(set(ids))
    rows = await queries.persons(wanted) if wanted else []
    return {row["id"]: _view(row) for row in rows}


async def load_person(viewer: Viewer, person: UUID) -> Shown:
    """A person as the viewer may see them. Raises NotFound, also for those who left unless an admin asks."""
    found = await get_person(person)
    if found.erased_at is not None or not (found.active or viewer.has("admin")):
        raise NotFound(_("There is no such person, or they no longer work here."))
    return shown_to(viewer, found)


async def visible_people(
    viewer: Viewer,
    *,
    search: str = "",
    team: UUID | None = None,
    role: str = "",
    active: bool = True,
    without: Literal["", "password", "buddy"] = "",
    after: tuple[str, UUID] | None = None,
    limit: int = PAGE,
) -> list[Shown]:
    """People by name, as the viewer may see them, after (name_key, id). Only admins list those who left.

    `without`: who never signed in (has no password), or has no buddy: of everybody for admins (managers too for
    buddies), of their own team for leads, of nobody for others.
    """
    if without and not viewer.has("admin", *(["manager"] if without == "buddy" else [])):
        if not viewer.has("team_lead") or viewer.team is None or team not in (None, viewer.team):
            return []
        team = viewer.team
    rows = await queries.persons_listed(
        without=without,
        search=search.strip(),
        by_address=viewer.has("admin"),
        team=team,
        role=role,
        active=active or not viewer.has("admin"),
        after=after,
        limit=limit,
    )
    return [shown_to(viewer, _view(row)) for row in rows]


async def new_agents_without_buddy(viewer: Viewer, limit: int = 5) -> list[PersonView]:
    """Agents hired in the last 90 days whom nobody helps along yet, the newest first (004-16).

    Leads see those of their own team, admins and managers all, others none.
    """
    wide = viewer.has("admin", "manager")
    if not wide and not (viewer.has("team_lead") and viewer.team is not None):
        return []
    since = day_of(db.utc_now(), viewer.time_zone) - NEW_FOR
    rows = await queries.newcomers_without_buddy(None if wide else viewer.team, since, limit)
    return [shown_to(viewer, _view(row)).person for row in rows]


async def all_people() -> list[PersonView]:
    """Everybody who works here, by name, whoever asks (for services)."""
    rows = await queries.persons_listed(
        search="", by_address=False, team=None, role="", active=True, after=None, limit=2**31 - 1
    )
    return [_view(row) for row in rows]


def shown_to(viewer: Viewer, person: PersonView) -> Shown:
    """The rights matrix, row "people": names for all, details for the person, their lead and admins."""
    own = viewer.id == person.id
    admin = viewer.has("admin")
    leads = viewer.has("team_lead") and person.team is not None and person.team == viewer.team
    details = own or admin or leads
    opted_in = person.birthday_scope == "everyone" or (person.birthday_scope == "team" and leads)
    birthday = own or admin or (viewer.has("team_lead") and opted_in)
    if not details:
        person = replace(person, email=None, employee_no=None, buddy=None, buddy_name=None, hired_on=None)
        person = replace(person, manager=None, manager_name=None)
    if not birthday:
        person = replace(person, birthday=None)
    if not own:
        quiet: dict[str, Any] = dict.fromkeys(SCOPE_FIELDS, "nobody")
        person = replace(person, **quiet, leap_day="02-28", theme="system")
    return Shown(
        person=person,
        details=details,
        birthday=birthday,
        may_edit=admin,
        may_set_buddy=admin or (leads and not own),
        # A lead who could reset a manager's password could sign in as one.
        may_reset=person.active and not own and (admin or (leads and person.roles == {"agent"})),
    )


# Changing


async def create_person(
    viewer: Viewer | None,
    *,
    name: str,
    roles: Iterable[str],
    email: str | None = None,
    employee_no: str | None = None,
    team: UUID | None = None,
    hired_on: date | None = None,
    buddy: UUID | None = None,
    manager: UUID | None = None,
    birthday: str | None = None,
    locale: str = "en",
    time_zone: str = "",
    id: UUID | None = None,
) -> UUID:
    """Adds somebody (nobody can sign in as them before an invitation is followed); returns the id.

    Publishes `person_joined` {person, roles, hired_on}; records the fact `joined`, dated by the day of hire.
    `id` is for whoever has named it before.
    Raises Forbidden (admins only; `viewer` None is the system), Invalid.
    """
    if viewer is not None and not viewer.has("admin"):
        raise Forbidden(_("Only admins add people."))
    fields = checked(
        {
            "name": name,
            "email": email,
            "employee_no": employee_no,
            "roles": list(roles),
            "team": team,
            "buddy": buddy,
            "manager": manager,
            "hired_on": hired_on,
            "birthday": birthday,
            "locale": locale,
            "time_zone": time_zone,
        }
    )
    if not fields["email"] and not fields["employee_no"]:
        raise _no_address()
    person = id or db.new_id()
    async with db.transaction():
        await check_relations(person, fields)
        await _insert(Person(id=person, created_at=db.utc_now(), **columns_of(fields)))
        joined = joined_at(fields["hired_on"], fields["time_zone"])
        await facts.record("joined", person=person, subject="centre", at=joined, source=f"joined:{person}")
        await record_audit(viewer, "person_created", "person", str(person), {"roles": fields["roles"]})
        await jobs.publish(
            "person_joined",
            {
                "person": str(person),
                "roles": fields["roles"],
                "hired_on": fields["hired_on"].isoformat() if fields["hired_on"] else None,
            },
        )
    return person


async def edit_person(
    viewer: Viewer | None, person: UUID, changes: PersonFields, *, revision: int | None = None
) -> PersonView:
    """Changes the given fields; returns the person after it. `revision`: only if it is still the present one.

    Publishes `person_edited` {person, fields} when something changed.

    Raises NotFound, Forbidden (see the module), Invalid, PreconditionFailed, Conflict (the last admin).
    """
    fields = checked(changes)
    async with db.transaction():
        if "roles" in fields:
            await db.lock("admins")
        before = await get_person(person)
        if before.erased_at is not None:
            raise NotFound(_("There is no such person."))
        _may_change(viewer, before, fields)
        changed = {name: value for name, value in fields.items() if value != _current(before, name)}
        if revision is not None and revision != before.revision:
            raise _changed_meanwhile()
        if not changed:
            return before
        after = {"email": before.email, "employee_no": before.employee_no, **changed}
        if not after["email"] and not after["employee_no"]:
            raise _no_address()
        await check_relations(person, PersonFields(**changed))  # type: ignore[typeddict-item]
        await _update(person, columns_of(changed), before.revision)
        if "roles" in changed and before.active and "admin" in before.roles:
            await keep_an_admin()
        if {"team", "roles"} & set(changed):
            await end_streams_of(person)
        told: dict[str, Any] = {"fields": sorted(changed)}
        if "roles" in changed:
            told |= {"roles_before": sorted(before.roles), "roles": changed["roles"]}
        await record_audit(viewer, "person_edited", "person", str(person), told)
        await jobs.publish("person_edited", {"person": str(person), "fields": sorted(changed)})
        return await get_person(person)


async def deactivate_person(viewer: Viewer, person: UUID) -> None:
    """Ends somebody's access at once: sessions, tokens and open links go, what they did stays.

    Raises Forbidden, NotFound, Conflict (oneself, the last admin, or already inactive).
    """
    if not viewer.has("admin"):
        raise Forbidden(_("Only admins deactivate people."))
    if person == viewer.id:
        raise Conflict(_("You cannot deactivate yourself. Ask another admin."), slug="own-account")
    async with db.transaction():
        await db.lock("admins")
        await _set_active(person, False)
        await keep_an_admin()
        await Session.delete().where(Session.person == person)
        await Link.delete().where(Link.person == person)
        await Token.update({Token.revoked_at: db.utc_now()}).where(
            (Token.person == person) & Token.revoked_at.is_null()
        )
        await end_streams_of(person)
        await record_audit(viewer, "person_deactivated", "person", str(person))


async def reactivate_person(viewer: Viewer, person: UUID) -> None:
    """Lets somebody in again; tokens stay revoked. Raises Forbidden, NotFound, Conflict (already active)."""
    if not viewer.has("admin"):
        raise Forbidden(_("Only admins reactivate people."))
    async with db.transaction():
        await _set_active(person, True)
        await record_audit(viewer, "person_reactivated", "person", str(person))


async def choose_theme(viewer: Viewer, theme: str) -> None:
    """How pages look for this person: system, light or dark. Raises Invalid."""
    fields = checked({"theme": theme})
    await Person.update({Person.theme: fields["theme"]}).where(Person.id == viewer.id)


def _may_change(viewer: Viewer | None, person: PersonView, fields: PersonFields) -> None:
    wanted = set(fields)
    if viewer is None:
        return
    allowed: set[str] = set()
    if viewer.has("admin"):
        allowed |= set(PersonFields.__annotations__) - PERSONAL_CHOICES
    if viewer.id == person.id:
        allowed |= OWN_FIELDS
    if shown_to(viewer, person).may_set_buddy:
        allowed.add("buddy")
    if not wanted <= allowed:
        raise Forbidden(_("Only an admin, or for some fields only the person, may change this."))


def _current(person: PersonView, name: str) -> Any:
    return sorted(person.roles) if name == "roles" else getattr(person, name)


def columns_of(fields: Any) -> dict[str, Any]:
    """Field values as the table's columns hold them."""
    columns = dict(fields)
    if "roles" in columns:
        columns["roles"] = " ".join(columns["roles"])
    if "name" in columns:
        columns["name_key"] = columns["name"].casefold()
    return columns


async def _insert(row: Person) -> None:
    try:
        async with db.savepoint():
            await Person.insert(row)
    except db.UniqueViolation as error:
        raise _taken(error) from error


async def _update(person: UUID, columns: dict[str, Any], revision: int) -> None:
    try:
        async with db.savepoint():
            updated = (
                await Person.update(cast(Any, {**columns, "revision": revision + 1}))
                .where((Person.id == person) & (Person.revision == revision) & Person.erased_at.is_null())
                .returning(Person.id)
            )
    except db.UniqueViolation as error:
        raise _taken(error) from error
    if updated:
        return
    if (await get_person(person)).erased_at is not None:
        raise NotFound(_("There is no such person."))
    raise _changed_meanwhile()


def _no_address() -> Invalid:
    return Invalid.field("email", "missing", _("An e-mail or an employee number is needed to sign in with."))


def _changed_meanwhile() -> PreconditionFailed:
    return PreconditionFailed(_("Somebody else changed this meanwhile. Look again, then repeat your change."))


def _taken(error: Exception) -> Invalid:
    field = "employee_no" if "employee_no" in str(error) else "email"
    message = (
        _("Somebody else has this employee number.")
        if field == "employee_no"
        else _("Somebody else has this e-mail address.")
    )
    return Invalid(message, errors=[FieldError(field, "taken", message)])


async def _set_active(person: UUID, active: bool) -> None:
    changed = (
        await Person.update({Person.active: active})
        .where((Person.id == person) & (Person.active == (not active)) & Person.erased_at.is_null())
        .returning(Person.id)
    )
    if not changed:
        await get_person(person)
        raise Conflict(
            _("This person is active already.") if active else _("This person is inactive already.")
        )


async def keep_an_admin() -> None:
    if not await queries.active_admins():
        raise Conflict(_("This is the last admin. Make somebody else an admin first."), slug="last-admin")


def joined_at(day: date | None, zone: str) -> datetime:
    """When the day of hire began for the person; now, without a day."""
    return start_of(day, zone) if day else db.utc_now()
