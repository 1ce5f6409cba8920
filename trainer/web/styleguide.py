"""`/styleguide`: every component in its states and some whole screens, with invented content.

Only wired in when TRAINER_DEBUG is on. Invariant: it shows the same macros and styles as the pages do, for an
invented viewer, and reads nothing from the database.
"""

from typing import Any
from uuid import UUID

from litestar import Response, get
from litestar.connection import Request
from litestar.params import FromPath

from trainer.problems import NotFound
from trainer.web.guards import public
from trainer.web.i18n import _
from trainer.web.session import Viewer
from trainer.web.templating import NavItem, render

SCREENS = ("editor", "step", "wall", "sign_in")
SOMEBODY = Viewer(
    id=UUID(int=0),
    name="Priya Shah",
    roles=frozenset({"agent"}),
    team=UUID(int=0),
    team_name="Billing",
    locale="en",
    time_zone="Europe/Lisbon",
)


@get("/styleguide", guards=[public], include_in_schema=False)
async def show_style_guide(request: Request[Any, Any, Any]) -> Response[str]:
    """All components on one page."""
    return render(request, "styleguide/page.html", viewer=SOMEBODY, nav=sample_nav())


@get("/styleguide/{screen:str}", guards=[public], include_in_schema=False)
async def show_sample_screen(request: Request[Any, Any, Any], screen: FromPath[str]) -> Response[str]:
    """One whole screen; `sign_in` is the one that a visitor sees."""
    if screen not in SCREENS:
        raise NotFound(_("The style guide has no such screen."))
    viewer = None if screen == "sign_in" else SOMEBODY
    return render(request, f"styleguide/{screen}.html", viewer=viewer, nav=sample_nav())


def sample_nav() -> list[NavItem]:
    """Six rooms: one more than a phone's bottom bar holds, so that its "More" is seen too."""
    return [
        NavItem("/path", "route", _("My path"), current=True),
        NavItem("/learn", "book-open", _("Learn")),
        NavItem("/clips", "audio-lines", _("Clips")),
        NavItem("/recognition", "sparkles", _("Recognition"), count=3),
        NavItem("/rules", "library", _("Rule book")),
        NavItem("/people", "users", _("People")),
    ]


pages = [show_style_guide, show_sample_screen]
