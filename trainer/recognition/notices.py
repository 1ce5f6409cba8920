"""What people hear of cards: one is open, one is still empty on the day before, one was written for them."""

from collections.abc import Mapping
from typing import Any

from trainer.notices import kinds
from trainer.web.i18n import _, ngettext

CARD_OPEN, CARD_EMPTY, CARD_WRITTEN = "card_open", "card_empty", "card_written"


def _asks(params: Mapping[str, Any]) -> str:
    if params["kind"] == "birthday":
        return _("Write a line for %(person)s: birthday on %(on)s") % params
    if params["kind"] == "full_month":
        return _("Write a line for %(person)s: a full month here on %(on)s") % params
    return (
        ngettext(
            "Write a line for %(person)s: %(years)s year here on %(on)s",
            "Write a line for %(person)s: %(years)s years here on %(on)s",
            params["years"],
        )
        % params
    )


kinds.register(
    kinds.Kind(
        CARD_OPEN,
        words=_asks,
        more=lambda _params: _("One sentence of yours. They see the card on the day."),
        title_for_choice=lambda: _("A card to sign for a colleague"),
        icon="square-pen",
        may_be_off=True,
    )
)
kinds.register(
    kinds.Kind(
        CARD_EMPTY,
        words=lambda params: _("Nobody has written on the card for %(person)s yet") % params,
        more=lambda params: _("The day is %(on)s. Without a line the post states the fact alone.") % params,
        title_for_choice=lambda: _("A card in my team that is still empty on the day before"),
        icon="square-pen",
        roles=("team_lead",),
    )
)
kinds.register(
    kinds.Kind(
        CARD_WRITTEN,
        words=lambda _params: _("Your colleagues wrote you a card"),
        title_for_choice=lambda: _("A card that colleagues wrote for me"),
        icon="party-popper",
    )
)
