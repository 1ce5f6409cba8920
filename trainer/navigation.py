"""What each person's main navigation holds: the one place that knows the product's rooms.

A phone shows the first four in its bottom bar, so each role's own come first.
"""

from trainer.web.i18n import _
from trainer.web.session import Viewer
from trainer.web.templating import NavItem

# What a role does most, in that order; the first role that a person has decides.
FIRST: dict[str, tuple[str, ...]] = {
    "trainer": ("/home", "/calls", "/clips", "/modules", "/search", "/progress"),
    "qa_analyst": ("/home", "/calls", "/evaluations", "/rules", "/search"),
    "team_lead": ("/home", "/progress", "/recognition", "/evaluations"),
    "admin": ("/home", "/people", "/rules", "/calls"),
    "manager": ("/home", "/progress", "/evaluations", "/recognition"),
    "agent": ("/home", "/learn", "/path", "/recognition"),
}


def navigation(viewer: Viewer, path: str) -> list[NavItem]:
    """The entries this person may use, the current one marked."""
    entries: list[tuple[bool, str, str, str]] = [
        (True, "/home", "house", _("Home")),
        (viewer.has("agent"), "/learn", "book-open", _("Learn")),
        (viewer.has("agent"), "/path", "route", _("My path")),
        (viewer.has("trainer", "qa_analyst", "team_lead", "admin"), "/calls", "headphones", _("Calls")),
        (True, "/evaluations", "clipboard-check", _("Evaluations")),
        (
            not viewer.has("admin") or viewer.has("trainer", "qa_analyst", "team_lead"),
            "/clips",
            "audio-lines",
            _("Clips"),
        ),
        (viewer.has("agent"), "/my-voice", "ear", _("My voice")),
        (viewer.has("trainer", "qa_analyst"), "/modules", "layout-grid", _("Modules")),
        (viewer.has("trainer", "team_lead", "manager", "admin"), "/progress", "chart-line", _("Progress")),
        (True, "/recognition", "sparkles", _("Recognition")),
        (True, "/rules", "library", _("Rule book")),
        (True, "/search", "search", _("Search")),
        (True, "/people", "users", _("People")),
        (viewer.has("admin"), "/audit", "history", _("Audit log")),
        (viewer.has("admin"), "/settings", "settings", _("Settings")),
    ]
    main = next((role for role in FIRST if viewer.has(role)), "agent")
    rank = {href: place for place, href in enumerate(FIRST[main])}
    mine = [(href, icon, label) for allowed, href, icon, label in entries if allowed]
    mine.sort(key=lambda entry: rank.get(entry[0], len(rank)))
    best = max((href for href, _icon, _label in mine if under(path, href)), key=len, default="")
    return [NavItem(href, icon, label, current=href == best) for href, icon, label in mine]


def under(path: str, href: str) -> bool:
    """Whether a page lies in the room that `href` opens."""
    return path == href or path.startswith(f"{href}/")
