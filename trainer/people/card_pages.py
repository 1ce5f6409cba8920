"""Pages of sign-in cards: choose for whom, print, and the way in for somebody who holds one."""

import asyncio
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from litestar import Request, Response, get, post
from litestar.params import FromPath, FromQuery
from litestar.response import Redirect

from trainer.people import cards, forms, links, service, teams
from trainer.problems import Invalid
from trainer.settings import Settings
from trainer.web.forms import read_form
from trainer.web.guards import public, requires, signed_in
from trainer.web.i18n import _, ngettext, speaking
from trainer.web.session import viewer_of
from trainer.web.templating import Moments, render

AnyRequest = Request[Any, Any, Any]
NO_STORE = {"Cache-Control": "no-store"}


@get("/people/cards", guards=[requires("admin")], include_in_schema=False)
async def choose_cards(
    request: AnyRequest, team: FromQuery[str] = "", show: FromQuery[str] = "unseen"
) -> Response[str]:
    """For whom cards are made: those who never signed in, or a team, or anybody."""
    return await _choose(request, team, show)


def _mailed(mailed: int, asked: int) -> list[dict[str, str]]:
    words = ngettext("%(num)s mail is on its way.", "%(num)s mails are on their way.", mailed) % {
        "num": mailed
    }
    if mailed < asked:
        words += " " + _("The others have no e-mail address here: print cards for them.")
    return [{"kind": "good" if mailed else "warn", "text": words}]


async def _choose(
    request: AnyRequest,
    team: str,
    show: str,
    errors: dict[str, str] | None = None,
    flash: list[dict[str, str]] | None = None,
) -> Response[str]:
    viewer = viewer_of(request)
    found = await service.visible_people(
        viewer,
        team=forms.identifier(team),
        without="" if show == "all" else "password",
        limit=cards.MOST + 1,
    )
    people = [shown.person for shown in found if shown.may_reset]
    return render(
        request,
        "people/cards.html",
        status=422 if errors else 200,
        errors=errors or {},
        flash=flash or [],
        by_mail=bool(request.app.state.settings.smtp_url),
        people=people[: cards.MOST],
        more=len(people) > cards.MOST,
        teams=forms.team_options(await teams.list_teams(viewer)),
        chosen={"team": team, "show": show},
        days=[(str(days), _("%(n)s days") % {"n": days}) for days in cards.DAYS],
        usual=str(cards.USUAL_DAYS),
    )


@post("/people/cards", guards=[requires("admin")], include_in_schema=False)
async def make_cards(request: AnyRequest) -> Response[str]:
    """Makes the cards and shows them, this once, ready to print; or has links mailed instead."""
    form = await read_form(request)
    people = [one for one in map(forms.identifier, form.many("people")) if one][: cards.MOST + 1]
    days = form.integer("days", least=1, most=365)
    if form.raw("how") == "mail":
        mailed = [one for one in people if await links.want_link(viewer_of(request), one)]
        return await _choose(
            request, form.raw("team"), form.raw("show"), flash=_mailed(len(mailed), len(people))
        )
    try:
        made = await cards.issue_cards(viewer_of(request), people, days or 0)
    except Invalid as refused:
        form.take(refused)
        return await _choose(request, form.raw("team"), form.raw("show") or "unseen", form.errors)
    return await _print(request, made, back="/people/cards")


@post("/people/{person_id:uuid}/card", guards=[signed_in], include_in_schema=False)
async def make_card(request: AnyRequest, person_id: FromPath[UUID]) -> Response[str]:
    """One card from the person's page: admins, and leads for their own team's agents. An earlier one ends."""
    await service.load_person(viewer_of(request), person_id)
    made = await cards.issue_cards(viewer_of(request), [person_id])
    return await _print(request, made, back=f"/people/{person_id}")


async def _print(request: AnyRequest, made: Sequence[cards.Card], back: str) -> Response[str]:
    settings: Settings = request.app.state.settings
    codes = await asyncio.to_thread(cards.qr_svgs, [card.address(settings.base_url) for card in made])
    place = settings.base_url.rstrip("/").removeprefix("https://").removeprefix("http://") + "/c"
    shown = [
        _words(card, settings, place) | {"qr": code, "typed": card.typed}
        for card, code in zip(made, codes, strict=True)
    ]
    return render(request, "people/cards_print.html", headers=NO_STORE, cards=shown, back=back)


def _words(card: cards.Card, settings: Settings, place: str) -> dict[str, str]:
    """What stands on the card, in the language of whom it is for."""
    person = card.person
    zone = person.time_zone or settings.time_zone
    with speaking(person.locale):
        return {
            "locale": person.locale,
            "name": person.name,
            "number": person.employee_no or person.email or "",
            "team": person.team_name or "",
            "title": _("Your way into %(site)s") % {"site": settings.site_name},
            "qr_label": _("QR code of the sign-in card for %(name)s") % {"name": person.name},
            "scan": _("Scan the code with your phone's camera,"),
            "type": _("or open %(place)s and type:") % {"place": place},
            "then": _("Choose a password. From then on you sign in with %(address)s and that password.")
            % {"address": person.employee_no or person.email},
            "until": _("Works once, until %(moment)s.") % {"moment": Moments(zone).moment(card.expires_at)},
            "lost": _("Lost or too late? Ask your team lead for a new one."),
        }


# For somebody who holds a card


@get("/c", guards=[public], include_in_schema=False)
async def show_card_form(request: AnyRequest) -> Response[str]:
    """Where the code of a card is typed."""
    return render(request, "people/card_code.html", errors={}, typed="")


@post("/c", guards=[public], include_in_schema=False)
async def take_code(request: AnyRequest) -> Response[Any]:
    """On to the page that the card opens."""
    form = await read_form(request)
    code = cards.code_of(form.raw("code"))
    if len(code) != cards.LENGTH:
        wrong = {"code": _("A code has twelve letters and digits, such as K7QM-4XWP-9TRD.")}
        typed = form.raw("code")[:40]
        return render(request, "people/card_code.html", status=422, errors=wrong, typed=typed)
    return Redirect(f"/welcome/{code}", status_code=303)


@get("/c/{code:str}", guards=[public], include_in_schema=False, sync_to_thread=False)
def follow_card(code: FromPath[str]) -> Redirect:
    """What the QR code holds: short, so that it stays coarse and easy to read."""
    return Redirect(f"/welcome/{cards.code_of(code) or 'none'}", status_code=303)


pages: list[Any] = [choose_cards, make_cards, make_card, show_card_form, take_code, follow_card]
