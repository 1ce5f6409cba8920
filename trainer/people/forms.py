"""What the pages of people read from their forms, and the choices they offer."""

from datetime import date
from typing import Any
from uuid import UUID

from babel.dates import format_date

from trainer.people.fields import PersonFields, time_zones
from trainer.people.service import SCOPE_FIELDS, PersonView
from trainer.people.teams import TeamView
from trainer.web.forms import Form
from trainer.web.i18n import LOCALES, _, babel_locale, current_locale
from trainer.web.session import ROLES

Options = list[tuple[str, str]]
TYPED = ("name", "email", "employee_no", "team", "buddy", "manager", "hired_on", "locale", "time_zone")


def role_options() -> Options:
    """The roles by their names for people."""
    names = {
        "agent": _("Agent"),
        "trainer": _("Trainer"),
        "qa_analyst": _("QA analyst"),
        "team_lead": _("Team lead"),
        "manager": _("Centre manager"),
        "admin": _("Administrator"),
    }
    return [(role, names[role]) for role in ROLES]


def role_notes() -> list[dict[str, str]]:
    """The roles with a line each on what they are for, as choice cards."""
    notes = {
        "agent": _("Takes calls, learns from clips, follows the career path."),
        "trainer": _("Cuts clips from calls and builds modules."),
        "qa_analyst": _("Evaluates calls and publishes rules."),
        "team_lead": _("Sees how the own team is doing and signs off."),
        "manager": _("Sees totals, never single calls."),
        "admin": _("Manages people and settings; hears no calls."),
    }
    return [{"value": role, "label": name, "sub": notes[role]} for role, name in role_options()]


def language_options() -> Options:
    """The languages of the pages, each in its own words."""
    return list(zip(LOCALES, ("English", "简体中文", "繁體中文"), strict=True))


def zone_options() -> list[tuple[str, Any]]:
    """Time zones, grouped by region."""
    groups: dict[str, Options] = {}
    for name in time_zones():
        region, _sep, place = name.partition("/")
        groups.setdefault(region, []).append((name, (place or name).replace("_", " ").replace("/", ", ")))
    return [(region, zones) for region, zones in groups.items() if region != "UTC"] + [("UTC", groups["UTC"])]


def month_options() -> Options:
    """The twelve months in the reader's language."""
    locale = babel_locale(current_locale())
    return [(f"{n:02}", format_date(date(2024, n, 1), "LLLL", locale=locale)) for n in range(1, 13)]


def team_options(teams: list[TeamView]) -> Options:
    """Teams to choose from."""
    return [(str(team.id), team.name) for team in teams]


def values_of(person: PersonView | None) -> dict[str, Any]:
    """What the form for a person shows at first."""
    if person is None:
        blank: dict[str, Any] = dict.fromkeys((*TYPED, "birthday_month", "birthday_day"), "")
        return blank | {"locale": current_locale(), "roles": ["agent"], "revision": 0}
    values: dict[str, Any] = {name: getattr(person, name) or "" for name in TYPED}
    month, _sep, day = (person.birthday or "").partition("-")
    values |= {name: getattr(person, name) for name in (*SCOPE_FIELDS, "leap_day")}
    return values | {
        "birthday_month": month,
        "birthday_day": day,
        "roles": sorted(person.roles),
        "revision": person.revision,
    }


def typed(form: Form) -> dict[str, Any]:
    """What somebody typed, to show it again beside the errors."""
    names = (*TYPED, "birthday_month", "birthday_day", "revision", "leap_day", *SCOPE_FIELDS)
    return {name: form.raw(name) for name in names} | {"roles": form.many("roles")}


def read_person(form: Form) -> PersonFields:
    """An admin's form for a person. Wrong fields are noted in `form.errors`."""
    return PersonFields(
        name=form.text("name", most=120),
        email=form.raw("email") or None,
        employee_no=form.raw("employee_no") or None,
        roles=form.many("roles"),
        team=form.identifier("team", required=False),
        buddy=form.identifier("buddy", required=False),
        manager=form.identifier("manager", required=False),
        hired_on=form.day("hired_on", required=False),
        birthday=read_birthday(form),
        locale=form.choice("locale", LOCALES),
        time_zone=form.raw("time_zone"),
    )


def read_profile(form: Form) -> PersonFields:
    """One's own form on the account page."""
    return PersonFields(
        name=form.text("name", most=120),
        locale=form.choice("locale", LOCALES),
        time_zone=form.raw("time_zone"),
        **read_celebrations(form),
    )


def read_celebrations(form: Form) -> PersonFields:
    """What one wants celebrated, and who may see it; a question that was not on the page stays as it is."""
    fields = PersonFields(birthday=read_birthday(form), leap_day=form.raw("leap_day") or "02-28")
    for name in sorted(SCOPE_FIELDS & set(form.fields)):
        fields[name] = form.raw(name)  # type: ignore[literal-required]
    return fields


def read_birthday(form: Form) -> str | None:
    """`MM-DD` from the two fields for month and day; there is no field for a year."""
    month, day = form.raw("birthday_month"), form.raw("birthday_day")
    if not month and not day:
        return None
    if not month or not day:
        form.errors["birthday"] = _("Please give both month and day, or neither.")
        return None
    return f"{month}-{day}"


def identifier(value: str) -> UUID | None:
    """The id in an address's query; None when it is none."""
    try:
        return UUID(value) if value else None
    except ValueError:
        return None
