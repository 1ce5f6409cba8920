"""Which kinds of notices there are: each room registers those that it sends, when it is imported.

A notice stores its kind and parameters and no sentence, so that it speaks the language of whoever reads it,
and never holds a name: people are ids in the parameters and are looked up when the notice is shown.
Invariant: nothing is sent under a kind that is not registered.

How a room does it (at the foot of its `service.py`, or in a `notices.py` of its own that app.py imports):

    from trainer.notices import kinds
    from trainer.notices.service import notify, withdraw
    from trainer.web.i18n import _

    kinds.register(
        kinds.Kind(
            "module_assigned",
            # words get the parameters ready for a sentence: {locale: text} as text, people as names, days written out
            words=lambda params: _("New for you: %(title)s") % params,
            more=lambda params: _("To be done by %(due)s") % params if params.get("due") else "",
            title_for_choice=lambda: _("A module is assigned to me"),
            icon="book-open",
            default_way="mail",
        )
    )
    kinds.register(
        kinds.Kind(
            "due_soon",
            words=lambda params: _("Soon due: %(title)s (%(due)s)") % params,
            title_for_choice=lambda: _("Reminders of what is due"),
            icon="clock",
            default_way="digest",
            may_be_off=True,
            roles=("agent",),
        )
    )

    async with db.transaction():
        ...  # the change itself
        await notify(
            person,
            "module_assigned",
            source=f"assigned:{enrolment}",
            href=f"/learn/{enrolment}",
            params={"title": module.title, "due": "2026-12-01", "person": str(who_assigned_it)},
        )

    await withdraw(f"assigned:{enrolment}")  # no longer so: it leaves every inbox
"""

import logging
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Literal
from uuid import UUID

from babel.dates import format_date
from babel.lists import format_list

from trainer.web.i18n import _, babel_locale, current_locale, text_in
from trainer.web.session import Viewer

log = logging.getLogger(__name__)

# inbox: under the bell alone. mail: there and by mail at once. digest: there and in one mail a day. off: not at all.
Way = Literal["inbox", "mail", "digest", "off"]
WAYS: tuple[Way, ...] = ("inbox", "mail", "digest", "off")


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of notice. Its wording is made when it is read, never at import.

    `words` makes the sentence and `more` an optional second line from the prepared parameters (see `ready`).
    `people` names the parameters that hold the id of a person (or a list of ids), `days` those that hold an
    ISO day. `roles`: who ever gets it, and so is offered a choice; empty for everybody.
    """

    id: str
    words: Callable[[Mapping[str, Any]], str]
    title_for_choice: Callable[[], str]
    more: Callable[[Mapping[str, Any]], str] = lambda _params: ""
    default_way: Way = "inbox"
    may_be_off: bool = False
    icon: str = "bell"
    roles: tuple[str, ...] = ()
    people: tuple[str, ...] = ("person", "by")
    days: tuple[str, ...] = ("due", "on")

    def __post_init__(self) -> None:
        if self.default_way == "off":
            raise ValueError(f"{self.id}: nobody chooses for a person that they hear nothing")

    @property
    def ways(self) -> tuple[Way, ...]:
        """What a person may choose."""
        return WAYS if self.may_be_off else WAYS[:3]


_kinds: dict[str, Kind] = {}


def register(kind: Kind) -> Kind:
    """Makes a kind known; called when its room is imported. Raises ValueError when the name is taken."""
    if kind.id in _kinds:
        raise ValueError(f"two kinds of notices are named {kind.id!r}")
    _kinds[kind.id] = kind
    return kind


def kind_of(name: str) -> Kind:
    """A registered kind. Raises ValueError: a room that sends it has not registered it."""
    try:
        return _kinds[name]
    except KeyError:
        raise ValueError(f"no kind of notice is named {name!r}; register it where it is sent") from None


def kinds_for(viewer: Viewer) -> list[Kind]:
    """The kinds that this person may ever get, in the order they were registered."""
    return [kind for kind in _kinds.values() if not kind.roles or viewer.has(*kind.roles)]


def kinds_by_default(way: Way) -> list[str]:
    """The names of the kinds that go this way for whoever has not chosen."""
    return [kind.id for kind in _kinds.values() if kind.default_way == way]


# Wording


def people_in(name: str, params: Mapping[str, Any]) -> set[UUID]:
    """Everybody whose name the notice shows."""
    kind = _kinds.get(name)
    found: set[UUID] = set()
    for key in kind.people if kind else ():
        for value in _listed(params.get(key)):
            try:
                found.add(UUID(str(value)))
            except ValueError:
                log.warning("parameter %s of a notice of kind %s names no person", key, name)
    return found


def worded(name: str, params: Mapping[str, Any], names: Mapping[UUID, str]) -> tuple[str, str, str]:
    """The sentence, a second line ("" for none) and the icon, in the language of this request or job.

    `names` gives the present names; somebody who is not in it is a former colleague. A notice that an older
    or newer version wrote, and that cannot be put into words, must not break its reader's whole page.
    """
    kind = _kinds.get(name)
    if kind is not None:
        try:
            prepared = ready(kind, params, names)
            return kind.words(prepared), kind.more(prepared), kind.icon
        except (KeyError, ValueError, TypeError, AttributeError) as error:
            log.error("a notice of kind %s cannot be worded: %s", name, type(error).__name__)
    return _("Something here is new for you."), "", "bell"


def ready(kind: Kind, params: Mapping[str, Any], names: Mapping[UUID, str]) -> dict[str, Any]:
    """The parameters ready for a sentence: names, days and authored texts as the reader would write them."""
    prepared: dict[str, Any] = {}
    for key, value in params.items():
        if key in kind.people:
            shown = [names.get(UUID(str(one))) or _("a former colleague") for one in _listed(value)]
            prepared[key] = format_list(shown, locale=babel_locale(current_locale()))
        elif key in kind.days and value:
            prepared[key] = format_date(
                date.fromisoformat(value), "d MMMM", locale=babel_locale(current_locale())
            )
        else:
            prepared[key] = text_in(value) if isinstance(value, Mapping) else value
    return prepared


def _listed(value: Any) -> Collection[Any]:
    if value is None or value == "":
        return ()
    return value if isinstance(value, list) else (value,)
