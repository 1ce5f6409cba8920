"""What others see of me: the table of who sees what, in words, with the names of those it means."""

from typing import Any

from litestar import Request, Response, get

from trainer.people import queries, sight
from trainer.people.service import get_person
from trainer.web.guards import signed_in
from trainer.web.i18n import _
from trainer.web.session import viewer_of
from trainer.web.templating import render

ROLES = ("team_lead", "trainer", "qa_analyst", "manager", "admin")


@get("/account/sight", guards=[signed_in], include_in_schema=False)
async def show_sight(request: Request[Any, Any, Any]) -> Response[str]:
    """One line for each thing, one for each role that sees something of it."""
    viewer = viewer_of(request)
    person = await get_person(viewer.id)
    return render(
        request,
        "people/sight.html",
        person=person,
        leads=await queries.leads_of(person.team) if person.team else [],
        rows=[
            {
                "icon": icon,
                "title": title,
                "about": about,
                "sees": [(role, words_of(role, noun)) for role in ROLES if role in sight.TABLE[noun]],
            }
            for noun, (icon, title, about) in nouns().items()
        ],
    )


def nouns() -> dict[sight.Noun, tuple[str, str, str]]:
    """Icon, title and what it means, for each line of the table."""
    return {
        "completion": ("book-open", _("Modules"), _("Which you were given, began and finished, and when.")),
        "answers": ("list-checks", _("Answers"), _("What you answered in a module.")),
        "recall": ("lightbulb", _("Rules by heart"), _("How well you know them.")),
        "marks": ("clipboard-check", _("Evaluations of your calls"), _("Marks, comments and results.")),
        "recordings": (
            "headphones",
            _("Your whole calls"),
            _("The recording and its words. Every play is logged."),
        ),
        "plays": ("ear", _("Who heard your calls"), _("The log of plays.")),
        "path": ("route", _("Your path"), _("Milestones and what is still missing.")),
        "notes": ("lock", _("Private notes"), _("What you write for yourself.")),
        "occasions": ("cake", _("Your days, ahead of time"), _("As far as you allowed each kind.")),
    }


def words_of(role: str, noun: sight.Noun) -> str:
    """What a role sees of the noun, as a sentence's end."""
    sees = sight.TABLE[noun][role]
    if sees.reach == "each":
        if sees.of == "opted_in":
            return _("those you allowed")
        if not sees.plays:
            return _("that there is one, without hearing it")
        return _("all of it, if they work on your programme") if sees.of == "programme" else _("all of it")
    if sees.reach == "totals":
        return _("only sums over everybody")
    return _("only averages of %(n)s people or more") % {"n": sight.SMALLEST_GROUP}


pages: list[Any] = [show_sight]
