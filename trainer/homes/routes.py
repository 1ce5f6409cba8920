"""The page that everybody sees first."""

from typing import Any

from litestar import Request, Response, get
from litestar.params import FromQuery

from trainer.career import wording
from trainer.career.routes import stepper
from trainer.homes.service import home_of
from trainer.training.step_pages import ICONS, kind_name, title_of
from trainer.web.guards import signed_in
from trainer.web.i18n import _
from trainer.web.session import viewer_of
from trainer.web.templating import render


@get("/home", guards=[signed_in], include_in_schema=False)
async def show_home(request: Request[Any, Any, Any], done: FromQuery[str] = "") -> Response[str]:
    """What is next for the viewer, in each of their roles."""
    home = await home_of(viewer_of(request), request.app.state.settings)
    return render(
        request,
        "homes/home.html",
        home=home,
        career_path=stepper(home.agent.path.levels, home.agent.plan) if home.agent else [],
        step_title=title_of,
        step_kind=kind_name,
        step_icons=ICONS,
        criterion_item=wording.as_item,
        taken={},  # shown once no module is open: those that count wait on the page of modules
        flash=[{"kind": "good", "text": _("Your choices are saved.")}] if done == "celebrations" else [],
    )


pages: list[Any] = [show_home]
