"""The kinds of notices that training sends: a module is given, its due day is near, the day has passed."""

from collections.abc import Mapping
from datetime import date
from typing import Any
from uuid import UUID

from trainer.notices import kinds
from trainer.notices.service import notify_many
from trainer.web.i18n import _


def _given(params: Mapping[str, Any]) -> str:
    if params.get("by"):
        if params.get("list"):
            return _("%(by)s gave you the list “%(title)s”") % params
        return _("%(by)s gave you the module “%(title)s”") % params
    return _("New for you: %(title)s") % params


kinds.register(
    kinds.Kind(
        "module_assigned",
        words=_given,
        more=lambda params: _("To be done by %(due)s") % params if params.get("due") else "",
        title_for_choice=lambda: _("Somebody gives me a module"),
        icon="book-open",
    )
)
kinds.register(
    kinds.Kind(
        "due_moved",
        words=lambda params: _("“%(title)s” is to be done by %(due)s now") % params,
        title_for_choice=lambda: _("Somebody changes my day for a module"),
        icon="calendar",
    )
)
kinds.register(
    kinds.Kind(
        "due_soon",
        words=lambda params: (
            (_("“%(title)s” is due today") if params.get("today") else _("“%(title)s” is due on %(due)s"))
            % params
        ),
        more=lambda params: _takes(params.get("minutes")),
        title_for_choice=lambda: _("Reminders of what is due"),
        icon="clock",
        may_be_off=True,
    )
)
kinds.register(
    kinds.Kind(
        "overdue",
        words=lambda params: _("“%(title)s” was due on %(due)s. Your place is kept.") % params,
        title_for_choice=lambda: _("Reminders of what is past its day"),
        icon="clock",
        may_be_off=True,
    )
)


def _takes(minutes: Any) -> str:
    return _("It takes about %(minutes)s minutes.") % {"minutes": minutes} if minutes else ""


async def tell_given(
    people: list[UUID],
    *,
    source: str,
    href: str,
    title: Mapping[str, str],
    due_on: date | None,
    by: UUID | None,
    of_list: bool = False,
) -> None:
    """Tells people, each once for a source, that somebody gave them a module or a list."""
    params = {
        "title": dict(title),
        "due": due_on.isoformat() if due_on else None,
        "by": str(by) if by else None,
        "list": of_list,
    }
    await notify_many(people, "module_assigned", source=source, href=href, params=params)


async def tell_moved(
    people: list[UUID], *, source: str, title: Mapping[str, str], due_on: date | None, by: UUID | None
) -> None:
    """Tells people, each once for a source, that what they have already is to be done by another day."""
    if due_on is not None:
        params = {"title": dict(title), "due": due_on.isoformat(), "by": str(by) if by else None}
        await notify_many(people, "due_moved", source=source, href="/learn", params=params)
