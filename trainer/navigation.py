"""Where each role begins and what its main navigation holds: the one place that knows the product's rooms.

Order is by what the role does most; a phone shows the first four in its bottom bar.
"""

from trainer.web.i18n import _
from trainer.web.session import Viewer
from trainer.web.templating import NavItem


def navigation(viewer: Viewer, path: str) -> list[NavItem]:
    """The entries this person may use, the current one marked."""
    entries: list[tuple[bool, str, str, str]] = [
        (True, "/home", "house", _("Home")),
        (viewer.has("agent"), "/learn", "book-open", _("Learn")),
        (viewer.has("agent"), "/path", "route", _("My path")),
        (viewer.has("trainer", "qa_analyst", "team_lead", "admin"), "/calls", "headphones", _("Calls")),
        (not viewer.has("admin"), "/clips", "audio-lines", _("Clips")),
        (viewer.has("trainer", "qa_analyst"), "/modules", "layout-grid", _("Modules")),
        (True, "/recognition", "sparkles", _("Recognition")),
        (True, "/rules", "library", _("Rule book")),
        (True, "/people", "users", _("People")),
        (viewer.has("admin"), "/audit", "history", _("Audit log")),
    ]
    mine = [(href, icon, label) for allowed, href, icon, label in entries if allowed]
    best = max((href for href, _icon, _label in mine if under(path, href)), key=len, default="")
    return [NavItem(href, icon, label, current=href == best) for href, icon, label in mine]


def under(path: str, href: str) -> bool:
    """Whether a page lies in the room that `href` opens."""
    return path == href or path.startswith(f"{href}/")
