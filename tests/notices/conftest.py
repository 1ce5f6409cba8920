"""A kind of notice of each sort, as an upper room would register them, and a colleague or two."""

from collections.abc import Iterator

import pytest

from trainer.notices import kinds
from trainer.web.i18n import _


@pytest.fixture(autouse=True)
def sample_kinds() -> Iterator[None]:
    """`t_assigned` (by mail unless chosen otherwise), `t_due` (a reminder that may be off), `t_seen` (inbox)."""
    before = dict(kinds._kinds)
    kinds.register(
        kinds.Kind(
            "t_assigned",
            words=lambda params: _("%(by)s assigned you “%(title)s”") % params,
            more=lambda params: _("To be done by %(due)s") % params if params.get("due") else "",
            title_for_choice=lambda: _("A module is assigned to me"),
            default_way="mail",
            icon="book-open",
        )
    )
    kinds.register(
        kinds.Kind(
            "t_due",
            words=lambda params: _("Soon due: %(title)s") % params,
            title_for_choice=lambda: _("Reminders of what is due"),
            default_way="digest",
            may_be_off=True,
        )
    )
    kinds.register(
        kinds.Kind(
            "t_seen",
            words=lambda params: _("%(person)s answered") % params,
            title_for_choice=lambda: _("Answers"),
            roles=("team_lead",),
        )
    )
    yield
    kinds._kinds.clear()
    kinds._kinds.update(before)
